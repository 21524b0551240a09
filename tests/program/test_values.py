"""What a program creates and converts has torch's own layout, dtype and values, or is refused as torch refuses it.

The oracle is Python itself: each expression is evaluated with the real torch and numpy.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stridescope.errors import IllegalOp
from stridescope.layout.dtypes import DTYPES
from stridescope.program import run
from stridescope.program.tensor import cast, held
from stridescope.records import Step


def evaluated(expression: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = eval(expression, {"torch": torch, "np": np})
    return torch.from_numpy(made) if isinstance(made, np.ndarray) else made


def last(expression: str) -> Step:
    return run(expression).steps[-1]


def values_of(step: Step) -> list[Any]:
    """In index order."""
    assert step.tensor is not None and step.tensor.layout is not None and step.values is not None
    return step.values(list(step.tensor.layout.addresses()))


def alike(ours: Any, theirs: Any) -> bool:
    """Equal, NaN being equal to NaN, and of one Python type."""
    return type(ours) is type(theirs) and (ours == theirs or (ours != ours and theirs != theirs))


def assert_lies_like(step: Step, tensor: torch.Tensor) -> None:
    info = step.tensor
    assert info is not None and info.storage is not None
    ours = (info.shape, info.stride, info.storage_offset, info.dtype, info.device, info.requires_grad)
    dtype = str(tensor.dtype).removeprefix("torch.")
    place = (tuple(tensor.shape), tensor.stride(), tensor.storage_offset(), dtype, str(tensor.device))
    assert ours == (*place, tensor.requires_grad)
    assert info.storage.nbytes == tensor.untyped_storage().nbytes()


KNOWN = """
torch.arange(12)
torch.arange(3, 12, 4)
torch.arange(12, 3, -4)
torch.arange(start=1, end=5)
torch.arange(0, 1, 0.3)
torch.arange(0., 1., 0.1)
torch.arange(0, 1, 0.1, dtype=torch.float64)
torch.arange(0.5, 5, dtype=torch.int64)
torch.arange(300, dtype=torch.uint8)
torch.arange(5, dtype=torch.float16)
torch.arange(5, dtype=torch.bfloat16)
torch.arange(0)
torch.arange(2.5)
torch.linspace(0, 1, 5)
torch.linspace(1, 0, 3)
torch.linspace(0, 1, 10, dtype=torch.float64)
torch.linspace(0, 10, 4, dtype=torch.int64)
torch.linspace(0, 1, 6, dtype=torch.float16)
torch.linspace(0, 1, 3, dtype=torch.complex64)
torch.linspace(3, 7, 1)
torch.linspace(0, 1, 0)
torch.zeros(2, 3)
torch.zeros((2, 3))
torch.zeros(())
torch.zeros(2, 0, 3)
torch.zeros(2, dtype=torch.complex64)
torch.zeros(3, requires_grad=True)
torch.ones(2, 3, dtype=torch.int32)
torch.ones(2, dtype=torch.bool)
torch.ones(2, dtype=torch.bfloat16)
torch.full((2, 3), 7)
torch.full((2,), 7.5)
torch.full((2,), True)
torch.full((2,), 0.1)
torch.full((2,), 0.1, dtype=torch.float64)
torch.full((2,), 0.1, dtype=torch.float16)
torch.full((2,), 0.1, dtype=torch.bfloat16)
torch.full((2,), 0.1+0.2j)
torch.full((2,), 0.1+0.2j, dtype=torch.complex128)
torch.full((2,), 3.7, dtype=torch.int64)
torch.full((2,), -1, dtype=torch.uint8)
torch.full((2,), 5, dtype=torch.bool)
torch.full((2,), torch.inf)
torch.full((2,), torch.nan)
torch.eye(3)
torch.eye(3, 2, dtype=torch.int64)
torch.eye(2, dtype=torch.bool)
torch.eye(0)
torch.tensor(3)
torch.tensor(3.5)
torch.tensor([])
torch.tensor([[]])
torch.tensor([[1, 2], [3, 4]])
torch.tensor(((1, 2), (3, 4)))
torch.tensor([[[1], [2]], [[3], [4]]])
torch.tensor([1, 2.5])
torch.tensor([True, 2])
torch.tensor([1, 2j])
torch.tensor([0.1, 0.2], dtype=torch.float64)
torch.tensor([1.9, -1.9], dtype=torch.int64)
torch.tensor([1e39, 70000.], dtype=torch.float16)
torch.tensor([-1], dtype=torch.uint8)
torch.tensor([1, 2], dtype=torch.float32, requires_grad=True)
torch.tensor([torch.tensor(1.), 2])
torch.tensor(torch.arange(4).view(2, 2).t())
torch.tensor(np.arange(4.), dtype=torch.float32)
torch.as_tensor([1, 2])
torch.as_tensor(np.arange(4), dtype=torch.float32)
torch.asarray([1, 2])
torch.from_numpy(np.arange(6).reshape(2, 3).T)
torch.from_numpy(np.arange(6)[::2])
torch.from_numpy(np.ones(3, dtype=np.float32))
torch.FloatTensor([[1, 2], [3, 4]])
torch.FloatTensor(torch.ones(2))
torch.DoubleTensor([1, 2])
torch.HalfTensor([1, 2])
torch.IntTensor([1.5])
torch.LongTensor([1, 2])
torch.ShortTensor([1, 2])
torch.CharTensor([1, 2])
torch.ByteTensor([1, 2])
torch.BoolTensor([1, 0])
torch.Tensor([1, 2])
torch.Tensor()
torch.zeros_like(torch.arange(6).view(2, 3).t())
torch.zeros_like(torch.ones(2, 3).t(), memory_format=torch.contiguous_format)
torch.zeros_like(torch.ones(1, 3).expand(2, 3))
torch.ones_like(torch.arange(6).view(2, 3), dtype=torch.float32)
torch.full_like(torch.arange(6), 7.5)
torch.full_like(torch.ones(2), 0.1)
torch.ones(2).new_zeros(3)
torch.ones(2).new_ones((2, 3), dtype=torch.int64)
torch.arange(2).new_full((2,), 7.5)
torch.arange(2).new_tensor([1.5])
torch.scalar_tensor(True)
torch.arange(10).float()
torch.arange(10).half()
torch.arange(10).bfloat16()
torch.arange(10).bool()
torch.arange(-5, 5).to(torch.uint8)
torch.arange(0, 70000, 10000).to(torch.int16)
torch.linspace(-2, 2, 9).long()
torch.linspace(-2, 2, 9).bool()
torch.linspace(0, 1, 4, dtype=torch.float64).to(torch.complex64)
torch.linspace(0, 1, 7, dtype=torch.float64).to(torch.bfloat16).to(torch.float64)
torch.arange(2**24, 2**24+3).float()
torch.full((2,), torch.nan).bool()
torch.full((2,), 1j).bool()
torch.full((2,), 1.5+2.5j).real
torch.full((2,), 1.5+2.5j).to(torch.float32)
torch.full((2,), 1.5+2.5j).conj().imag
torch.full((2,), 1.5+2.5j).conj().resolve_conj()
torch.arange(4).chalf()
torch.arange(4).type(torch.float32)
torch.arange(4).type_as(torch.ones(1))
torch.arange(4).view(torch.int32)
torch.arange(4, dtype=torch.int32).view(torch.int64)
torch.arange(16, dtype=torch.uint8).view(torch.float32)
torch.ones(2, dtype=torch.bfloat16).view(torch.int16)
torch.arange(3, dtype=torch.int16).view(torch.bfloat16)
torch.ones(2, dtype=torch.float16).view(torch.uint8)
torch.full((2,), 1+2j, dtype=torch.complex128).view(torch.int64)
torch.tensor([1065353216]).view(torch.float32)
torch.tensor([True, False]).view(torch.uint8)
torch.view_as_real(torch.full((2,), 1+2j))
torch.view_as_complex(torch.arange(4.).view(2, 2))
""".strip().splitlines()


@pytest.mark.parametrize("expression", KNOWN)
def test_a_tensor_has_torchs_layout_dtype_and_values(expression: str) -> None:
    step, tensor = last(expression), evaluated(expression)
    assert_lies_like(step, tensor)
    ours, theirs = values_of(step), tensor.flatten().tolist()
    assert len(ours) == len(theirs)
    assert all(map(alike, ours, theirs)), (ours, theirs)


@pytest.mark.parametrize(("start", "end", "steps"), [(-3, 10, 11), (0, 1, 7), (0, 100, 33), (1, 1000, 100)])
def test_linspace_is_torchs_up_to_the_last_bit(start: int, end: int, steps: int) -> None:
    """torch's own last bit depends on how wide the processor's vectors are."""
    expression = f"torch.linspace({start}, {end}, {steps})"
    assert values_of(last(expression)) == pytest.approx(evaluated(expression).tolist(), rel=2e-7, abs=1e-7 * end)


UNKNOWN = """
torch.empty(2, 3)
torch.empty(2, 3, 4, 5, memory_format=torch.channels_last)
torch.empty_strided((2, 3), (1, 2))
torch.empty_strided((2, 3), (5, 1))
torch.rand(2, 3)
torch.randn(2, 3, dtype=torch.float64)
torch.randint(2, 5, (2, 3))
torch.randperm(5)
torch.empty_like(torch.ones(2, 3).t())
torch.rand_like(torch.ones(2))
torch.randint_like(torch.arange(2), 5)
torch.FloatTensor(2, 3)
torch.Tensor(2)
torch.ones(2).new_empty(3)
torch.zeros(3, device='meta')
torch.tensor([1, 2], device='meta')
torch.full((2,), torch.nan).long()
torch.full((2,), 1e30).long()
torch.rand(3).to(torch.float64)
torch.rand(4).view(2, 2).t()[1:]
""".strip().splitlines()


@pytest.mark.parametrize("expression", UNKNOWN)
def test_values_that_nobody_can_know_are_none(expression: str) -> None:
    """Random, uninitialised, without memory, or left undefined by C; the layout is known all the same."""
    step = last(expression)
    assert_lies_like(step, evaluated(expression))
    found = values_of(step)
    assert found and all(value is None for value in found)


REFUSED = """
torch.arange(1, 5, 0)
torch.arange(5, 1)
torch.arange(-1)
torch.arange(3, dtype=torch.bool)
torch.linspace(0, 1, -1)
torch.zeros(-1)
torch.zeros(3, device='foo')
torch.zeros(3, dtype=torch.int64, requires_grad=True)
torch.eye(-1)
torch.full((2,), 300, dtype=torch.uint8)
torch.full((2,), -300, dtype=torch.uint8)
torch.full((2,), -0.5, dtype=torch.uint8)
torch.full((2,), 128, dtype=torch.int8)
torch.full((2,), 2**40, dtype=torch.int32)
torch.full((2,), torch.nan, dtype=torch.int64)
torch.full((2,), 1e39)
torch.full((2,), 70000, dtype=torch.float16)
torch.full((2,), 1+2j, dtype=torch.float32)
torch.full_like(torch.arange(2, dtype=torch.uint8), 300)
torch.scalar_tensor(1j)
torch.rand(2, dtype=torch.int64)
torch.randn_like(torch.arange(2))
torch.randint(5, 2, (2, 3))
torch.empty(2, 3, memory_format=torch.channels_last)
torch.empty_strided((2, 3), (-1, 2))
torch.empty_strided((2, 3), (1,))
torch.tensor([300], dtype=torch.uint8)
torch.tensor([1+1j], dtype=torch.float32)
torch.tensor([[1, 2], [3]])
torch.tensor([[1, 2], 3])
torch.tensor([1, 2], requires_grad=True)
torch.tensor('a')
torch.from_numpy(np.arange(6)[::-1])
torch.from_numpy(torch.arange(3))
torch.Tensor(2.5)
torch.Tensor(True)
torch.FloatTensor(torch.arange(3))
torch.ByteTensor([300])
torch.view_as_real(torch.ones(2))
torch.view_as_complex(torch.arange(4))
torch.arange(4).imag
torch.ones(3, dtype=torch.complex64).conj().view(torch.float32)
""".strip().splitlines()


@pytest.mark.parametrize("expression", REFUSED)
def test_what_torch_refuses_to_make_is_refused_with_its_class_of_error(expression: str) -> None:
    with pytest.raises((RuntimeError, IndexError, TypeError, ValueError)) as native:
        evaluated(expression)
    step = last(expression)
    assert step.effect == "refused" and step.reason is not None and step.tensor is None
    assert issubclass(native.type, getattr(__import__("builtins"), step.reason.exception))
    assert step.reason.message and step.reason.code


# ----------------------------------------------------------------------------------------------------- conversion

_FOLLOWED = [row for row in DTYPES.values() if not row.name.startswith("float8") and row.name != "complex32"]
_WHOLE = [row for row in _FOLLOWED if row.kind in ("bool", "uint", "int")]


@settings(max_examples=300)
@given(st.sampled_from(_FOLLOWED), st.sampled_from(_FOLLOWED), st.integers(-(2**53), 2**53) | st.integers(-300, 300))
def test_a_whole_number_is_cast_between_dtypes_as_torch_converts_it(old: Any, new: Any, number: int) -> None:
    first = torch.tensor(number).to(getattr(torch, old.name))
    ours = cast(cast(number, old), new)
    # A float beyond the new type's range is undefined in C, and None here.
    assert ours is None or alike(ours, first.to(getattr(torch, new.name)).item())
    assert ours is not None or (old.kind in ("float", "complex") and new in _WHOLE)


@settings(max_examples=300)
@given(
    st.sampled_from([row for row in _FOLLOWED if row.name != "float16"]),
    st.floats(width=64) | st.floats(-300, 300) | st.floats(width=32) | st.sampled_from((0.5, 1.5, 2.5, -0.0)),
)
def test_a_float_is_cast_to_a_dtype_as_torch_converts_it(row: Any, number: float) -> None:
    """float16 apart: torch rounds twice on the way there, numpy and this once."""
    ours = cast(number, row)
    undefined = row in _WHOLE and row.kind != "bool" and not abs(number) < 2**31
    if ours is None:
        assert undefined
    elif not (undefined or (number < 0 and row.kind == "uint")):
        assert alike(ours, torch.tensor(number, dtype=torch.float64).to(getattr(torch, row.name)).item())


@settings(max_examples=300)
@given(st.floats(width=32))
def test_float16_and_bfloat16_round_to_nearest_as_torch_does(number: float) -> None:
    for name in ("float16", "bfloat16"):
        assert alike(cast(number, DTYPES[name]), torch.tensor(number).to(getattr(torch, name)).item())


@settings(max_examples=400)
@given(
    st.sampled_from(_FOLLOWED),
    st.integers(1, 2),
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-(2**17), 2**17)
    | st.integers(-300, 300)
    | st.floats(-300, 300)
    | st.floats()
    | st.complex_numbers(max_magnitude=1e6),
)
def _check_held(seen: dict[str, int], row: Any, numel: int, number: Any) -> None:
    try:
        expected = torch.full((numel,), number, dtype=getattr(torch, row.name))[0].item()
    except RuntimeError:
        with pytest.raises(IllegalOp, match=f"does not fit in {row.name}"):
            held(number, row, numel)
        seen["refused"] += 1
    else:
        ours = held(number, row, numel)
        assert alike(ours, expected) or (row.name == "float16" and math.isclose(ours, expected, rel_tol=1e-3))
        seen["held"] += 1


def test_a_number_fits_in_a_dtype_exactly_when_torch_fills_a_tensor_with_it() -> None:
    seen = {"held": 0, "refused": 0}
    _check_held(seen)
    assert min(seen.values()) > 50, seen
