"""numpy's element-wise ops, joins, grids and creations do on the algebra what numpy does."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from both_engines import assert_agree
from hypothesis import given, settings
from hypothesis import strategies as st

from stridescope.errors import ProgramError
from stridescope.program import run

NAMES = """a = np.arange(6).reshape(2, 3); t = a.T; f = np.arange(24).reshape(2, 3, 4)
s = np.arange(6)[::-2]; b = np.array([True, False]); z = a * 1j; u = np.arange(6, dtype='u1')"""

ALIKE = """
np.atleast_2d(np.arange(3))
np.atleast_2d(s)
np.atleast_2d(np.array(3))
np.atleast_2d(a)
np.atleast_3d(np.arange(3))
np.atleast_3d(t)
np.atleast_3d(np.array(3))
np.atleast_1d(3)
np.atleast_1d([1, 2])
np.atleast_1d(True)
np.lib.stride_tricks.sliding_window_view(a, (2, 2))
a.real
np.real(a)
b.real
z.real
z.imag
t.imag
b.imag
np.imag(z)
a.conj()
b.conj()
z.conj()
np.conj(t)
np.conj(b)
np.conj(z.T)
np.conj([1, 2])
np.matrix_transpose(f)
np.matrix_transpose(s)
np.ones((2, 3)) + np.ones(2)
-b
b - b
b - 1
b - True
True - b
b + True
b + 300
b * b
b ** True
b ** 2
b ** b
b ** -1
b // b
b // 2
b % True
b / b
b & 1
b | np.arange(2)
b ^ b
~b
~a
~np.arange(3.)
np.negative(b)
np.arange(3) ** -1
np.arange(3) ** -1.0
np.arange(3) ** np.array([1, -1, 0])
np.arange(0) ** -1
2 ** np.arange(-1, 2)
2.0 ** np.arange(-1, 2)
u + 300
u + (-1)
u - 6
u < 300
300 < u
u / 300
u * 1.5
u & 300
u ** -1
(-2) // u
np.add(u, 300)
np.arange(3, dtype='f2') + 1e6
np.arange(3, dtype='f4') + 1e300
np.arange(3.) & 1
z // 1
z % 2
np.arange(3) // 0
np.arange(3) % 0
np.arange(3.) / 0
np.abs(np.array([3+4j]))
np.abs(np.array([3+4j], dtype='c8'))
np.abs(z[:, ::2])
np.abs(b)
np.absolute(np.arange(3, dtype='i1') - 2)
np.ones(3) + [1, 2, 3]
[1, 2, 3] - np.ones(3)
a + (1, 2, 3)
a + [[1], [2]]
a + []
a == [0, 1, 2]
[1, 2] * np.arange(2)
np.add([1, 2], [3, 4])
np.add(1, 2)
np.add(True, True)
np.multiply(2, 3.5)
np.divide(np.arange(3), 2)
np.subtract(3, np.arange(3, dtype='i1'))
np.subtract(True, True)
np.power(2, -1)
np.where(a > 2, a, 0)
np.where(t > 2, t, 0)
np.where(t > 2, t, np.zeros((3, 2)))
np.where(a[0] > 1, a, 1.5)
np.where(np.array([[True], [False]]), t[:2], t[:2])
np.where(np.broadcast_to(a > 2, (2, 2, 3)), f[:, :2, :3].transpose(1, 0, 2), 0)
np.where(True, np.arange(3), 2)
np.where([True, False], [1, 2], [3, 4])
np.where(a, a, -1)
np.where(a > 2, np.arange(2), 0)
np.where(np.ones((0, 3)) > 0, np.ones((0, 3)), 1)
np.where(a > 2, a.astype('u1'), 300)
np.where(a > 2, 1, 2.0)
np.where(a > 2, True, 2)
np.where(a > 2)
np.nonzero(a)
np.nonzero(a)[1]
np.nonzero(np.arange(3))[0]
np.nonzero(np.zeros((2, 0)))
np.nonzero(np.array(3))
np.nonzero(np.array([0.5, 0]))[0]
t.nonzero()[0]
np.append(np.arange(3), 5)
np.append(np.arange(3), [5, 6])
np.append(a, a)
np.append(t, t, axis=0)
np.append(t, t, axis=2)
np.append(a, [1, 2], axis=0)
np.append([[1]], t)
np.diag(np.arange(3))
np.diag(s, -1)
np.diag(a)
np.diag(t, 1)
np.diag(a, 5)
np.diag(f)
np.diag(np.arange(0))
np.diag([1, 2])
np.meshgrid(np.arange(2), np.arange(3))
np.meshgrid(np.arange(2), np.arange(3))[1]
np.meshgrid(np.arange(2), np.arange(3), indexing='ij')[0]
np.meshgrid(np.arange(2), s, copy=False)
np.meshgrid(np.arange(2), np.arange(3), sparse=True)
np.meshgrid(t, np.arange(2), copy=False)[0]
np.meshgrid(np.arange(2), np.arange(0))
np.meshgrid([1, 2])
np.meshgrid(np.arange(2), np.arange(3), indexing='zz')
np.broadcast_arrays(a, np.arange(3))
np.broadcast_arrays(a, np.arange(3))[1]
np.broadcast_arrays(t, [1, 2])
np.broadcast_arrays(a, np.arange(2))
np.array([1, 2], ndmin=3)
np.array(s, ndmin=2)
np.array(t, ndmin=3)
np.array(f[:, ::2], ndmin=4, copy=None)
np.array(np.arange(0), ndmin=2)
np.array(5, ndmin=2)
np.array([[1, 2], [3, 4]], order='F')
np.array([[1, 2], [3, 4]], order='F', ndmin=3)
np.array([[]], order='F')
np.array(a, order='Z')
np.array(a, copy=None)
np.array(a, copy=None, order='F')
np.array(a, copy=False, order='F')
np.array(a, dtype='f4', copy=False)
np.array([1], copy=False)
np.array([np.arange(2), [3, 4.5]])
np.asarray(np.ones((2, 3)), order='F')
np.asarray(np.ones((2, 3)).T, order='A')
np.asarray(a, copy=True)
np.asarray([[1, 2]], order='F')
np.linspace(0, 1, 4, endpoint=False)
np.linspace(0, 1, 1, endpoint=False)
np.linspace(0, -10, 4, dtype=int)
np.linspace(0, 1j, 3)
np.reshape(a, (3, 2), copy=True)
np.reshape(a, (3, 2), copy=False)
np.reshape(t, 6, copy=False)
a.reshape((3, 2), copy=True)
t.reshape(6, copy=False)
t.reshape((3, 2), copy=True)
t.reshape((2, 3), order='F', copy=True)
t.reshape((3, 2), order='A', copy=True)
t.reshape((7,), copy=True)
f.transpose(1, 0, 2).reshape((3, 8), copy=True)
f.transpose(1, 0, 2).reshape((6, 4), order='F', copy=True)
np.reshape([[1, 2]], 2)
np.concatenate([[1, 2], [3]])
np.concatenate([[1, 2], np.ones(2)])
np.concatenate([[1, 2], 3])
np.concatenate([])
np.stack([[1, 2], [3, 4]])
np.vstack([1, 2])
np.hstack(([True], [3]))
np.column_stack([[1, 2], s[:2]])
""".strip().splitlines()


@pytest.mark.parametrize("expression", ALIKE)
def test_an_op_lies_and_reads_as_it_does_in_numpy(expression: str) -> None:
    assert_agree(f"{NAMES}\n{expression}", known=True)


RANDOM = """
np.random.randint(0, 3, (2, 2))
np.random.randint(3, size=3)
np.random.randint(0, 10, 5, dtype='u1')
np.random.randint(0, 300, 5, dtype='u1')
np.random.randint(-1, 3, 5, dtype='u1')
np.random.randint(3, 3, 2)
np.random.randint(0, 3, (2, -1))
np.random.random((2, 3))
np.random.random(())
np.random.normal(0, 1, (2, 3))
np.random.normal(0, -1, 3)
np.random.uniform(0, 1, 3)
np.random.uniform(size=(2,))
np.random.rand(2, 3)
""".strip().splitlines()


@pytest.mark.parametrize("expression", RANDOM)
def test_random_arrays_lie_as_in_numpy_and_hold_values_nobody_knows(expression: str) -> None:
    assert_agree(expression)
    step = run(expression).steps[-1]
    if step.tensor is not None and step.tensor.numel:
        assert step.values is not None
        assert step.values([0]) == [None]


@pytest.mark.parametrize("expression", ["np.random.rand()", "np.random.random()", "np.random.randint(3)"])
def test_a_random_number_that_is_no_array_is_not_followed(expression: str) -> None:
    with pytest.raises(ProgramError):
        run(expression)


@pytest.mark.parametrize(
    "view",
    ["np.lib.stride_tricks.sliding_window_view(a, (2, 2))", "np.diag(a)", "a.imag", "np.broadcast_to(a, (2, 2, 3))"],
)
def test_what_numpy_locks_is_not_written(view: str) -> None:
    assert_agree(f"{NAMES}; v = {view}; v[0] = 1")


SHAPES = [(), (3,), (1,), (0,), (2, 3), (3, 1), (1, 3), (2, 0), (2, 3, 2)]
TWISTS = ["", ".T", "[..., ::-1]", "[::2]", "[None]"]
TYPES = ["i8", "u1", "i2", "f4", "f8", "bool", "c16"]


@st.composite
def arrays(draw: Any) -> str:
    """An array as a program writes it: any order of dims, gaps, steps backwards, no elements."""
    shape, dtype = draw(st.sampled_from(SHAPES)), draw(st.sampled_from(TYPES))
    first = draw(st.integers(-3, 3))
    text = f"(np.arange({first}, {first + prod(shape)}).reshape({shape}) % 5).astype('{dtype}')"
    return text + draw(st.sampled_from(TWISTS if shape else ["", "[None]"]))


SIGNS = ["+", "-", "*", "/", "//", "%", "**", "<", "==", "&", "|"]


@settings(max_examples=300)
@given(arrays(), arrays(), st.sampled_from(SIGNS))
def test_an_operator_on_two_arrays_is_numpys(x: str, y: str, sign: str) -> None:
    assert_agree(f"x = {x}; y = {y}; x {sign} y")


@settings(max_examples=150)
@given(arrays(), st.sampled_from([2, -1, 300, 1.5, True, 2j]), st.sampled_from(SIGNS), st.booleans())
def test_an_operator_on_an_array_and_a_number_is_numpys(x: str, number: Any, sign: str, mirrored: bool) -> None:
    number = f"({number})"
    assert_agree(f"x = {x}; {number} {sign} x" if mirrored else f"x = {x}; x {sign} {number}")


UNARY = """
np.atleast_2d({x})
np.atleast_3d({x})
np.conj({x})
{x}.conj()
{x}.real
{x}.imag
-{x}
np.abs({x})
np.diag({x}, 1)
np.append({x}, [1, 2])
np.array({x}, ndmin=3)
np.array({x}, ndmin=3, copy=None)
np.asarray({x}, order='F')
np.reshape({x}, -1, copy=True)
np.nonzero({x})
np.where({x})
np.meshgrid({x}, [1, 2])
np.meshgrid({x}, [1, 2], copy=False)
np.matrix_transpose({x})
""".strip().splitlines()


@settings(max_examples=250)
@given(arrays(), st.sampled_from(UNARY))
def test_a_function_of_one_array_is_numpys(x: str, template: str) -> None:
    assert_agree(f"x = {x}; {template.format(x='x')}")


BINARY = """
np.where({x} > 1, {x}, {y})
np.where({x}, {y}, 7)
np.broadcast_arrays({x}, {y})
np.append({x}, {y}, axis=0)
np.concatenate([{x}, {y}])
""".strip().splitlines()


@settings(max_examples=200)
@given(arrays(), arrays(), st.sampled_from(BINARY))
def test_a_function_of_two_arrays_is_numpys(x: str, y: str, template: str) -> None:
    assert_agree(f"x = {x}; y = {y}; {template.format(x='x', y='y')}")
