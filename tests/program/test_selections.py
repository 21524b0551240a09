"""Masks, listed positions, diagonals, padding and grids: what torch does, the algebra said."""

from __future__ import annotations

from typing import Any

import pytest
from both_engines import assert_agree
from hypothesis import given, settings
from hypothesis import strategies as st

from stridescope.errors import ProgramError
from stridescope.program import run

NAMES = """x = torch.arange(6).view(2, 3); t = x.t(); e = torch.arange(3.).expand(2, 3)
y = torch.arange(24.).view(2, 3, 4); h = torch.zeros(3).half(); n = torch.tensor(3); m = torch.tensor([0, 2])
c = torch.zeros(2, 3, 4, 5).to(memory_format=torch.channels_last); g = torch.ones(2, 3, requires_grad=True)
w = g * 2"""

ALIKE = """
torch.meshgrid(torch.arange(2), torch.arange(3))
torch.meshgrid(torch.arange(2), torch.arange(3), indexing='ij')[1]
torch.meshgrid([torch.arange(2), torch.arange(3)], indexing='xy')[0]
torch.meshgrid(torch.arange(2), torch.arange(3), indexing='zz')
torch.meshgrid(torch.arange(2), n, indexing='xy')
torch.meshgrid(torch.arange(2), torch.arange(8)[::3], torch.arange(4), indexing='xy')
torch.meshgrid(torch.arange(2), torch.arange(3.))
torch.meshgrid(torch.arange(2), torch.arange(0))
torch.meshgrid(torch.arange(2), x)
torch.meshgrid(torch.arange(2), indexing='xy')
torch.broadcast_tensors(x, torch.arange(3))
torch.broadcast_tensors(x)
torch.broadcast_tensors([x, torch.arange(3)])
torch.broadcast_tensors(x, torch.arange(2))
torch.broadcast_tensors(x, e[:, None])[1]
torch.diag(torch.arange(3))
torch.diag(torch.arange(6)[::2], -2)
x.diag(-1)
t.diag(1)
x.diag(diagonal=9)
torch.diag(y)
torch.diag(n)
torch.diag(torch.arange(0))
torch.diag(g)
torch.diag_embed(x)
torch.diag_embed(t, 1)
torch.diag_embed(x, -1, 2, 0)
torch.diag_embed(x, 2, 0, 1)
torch.diag_embed(x, 0, 1, -2)
torch.diag_embed(x, 1, 5, 0)
torch.diag_embed(n)
torch.diag_embed(torch.zeros(2, 0))
torch.diag_embed(g)
torch.diagflat(t, 1)
torch.diagflat(n)
torch.tril(t)
torch.triu(e, 1)
torch.tril(y.permute(2, 0, 1), -1)
torch.tril(torch.arange(3))
torch.tril(x > 2)
torch.tril(torch.zeros(0, 3))
g.tril()
x.tril_()
t.triu_(1)
x[:, ::2].tril_()
g.tril_()
torch.where(t > 2, t, 0)
torch.where(x > 2, x, 0.5)
torch.where(x > 2, x, torch.zeros(3))
torch.where(t > 2, t, t.float())
torch.where(t > 2, x.reshape(3, 2), t.float())
torch.where(x > 2, 1.5, 0)
torch.where(n > 2, 1, 0)
torch.where(x, x, 0)
torch.where(t.to(torch.uint8), t, 0)
torch.where(x > 2, x, torch.zeros(2))
torch.where(x > 2, x.to(torch.int8), 300)
torch.where(x > 2, x.to(torch.int8), torch.tensor(300))
torch.where(x > 2, x.to(torch.int8), torch.tensor([300]))
torch.where(x > 2, x.half(), 1e6)
torch.where(x > 2, e, 1j)
torch.where(e > 1, e, x)
torch.where((x > 2)[:, None], y.permute(2, 0, 1)[:2, :1, :3], y[:, :1, :3])
torch.where(x > 2, w, 0)
torch.where(x > 2)
torch.where(n > 2)[0]
x.where(x > 2, torch.tensor(1.5))
torch.nonzero(t)
x.nonzero(as_tuple=True)
x.nonzero(as_tuple=True)[1]
n.nonzero()
torch.zeros(2, 3).nonzero()
torch.zeros(2, 0).nonzero(as_tuple=True)
torch.tensor([0.5, 0]).nonzero()
t.masked_fill(t > 2, 0)
y[:, :, ::2].masked_fill(y[:, :, ::2] > 2, 0)
e.masked_fill(x > 2, 0)
x[0].masked_fill(x > 2, 0)
x.masked_fill(x[0] > 1, 1.5)
x.masked_fill(x > 2, 1j)
x.masked_fill(x > 2, torch.tensor(5.5))
x.masked_fill(x > 2, torch.tensor([5]))
x.masked_fill(x, 5)
h.masked_fill(h == 0, 1e6)
x.byte().masked_fill(x > 2, -1)
w.masked_fill(x > 2, 1)
x.masked_fill_(x[0] > 1, 5)
e.masked_fill_(x > 2, 5)
t.masked_fill_(t > 2, torch.tensor(9))
x[0].masked_fill_(x > 2, 5)
x.to(torch.int8).masked_fill_(x > 2, 300)
g.masked_fill_(x > 2, 0)
x.take_along_dim(torch.tensor([[0, 1]]), 1)
torch.take_along_dim(x, torch.tensor([0, 5]))
torch.take_along_dim(t, torch.tensor([0, 5]))
torch.take_along_dim(t, torch.tensor([[0, 1], [1, 0], [1, 1]]), 1)
torch.take_along_dim(x, torch.tensor([[-4]]), 1)
torch.take_along_dim(x, torch.tensor([0]), 1)
torch.take_along_dim(x, torch.tensor([[0]], dtype=torch.int32), 1)
torch.take_along_dim(x, torch.zeros(3, 1, dtype=torch.int64), 1)
torch.take_along_dim(n, torch.tensor(0))
torch.take_along_dim(n, torch.tensor(0), 0)
torch.take_along_dim(torch.zeros(2, 0), torch.zeros(2, 1, dtype=torch.int64), 1)
x.index_fill(1, m, 7)
t.index_fill(0, m, 7.5)
e.index_fill(1, torch.tensor(-1), torch.tensor(7))
x.index_fill(1, torch.tensor([5]), 7)
x.index_fill(1, torch.tensor([[1]]), 7)
x.index_fill(1, torch.tensor([1], dtype=torch.int32), 7)
x.index_fill(1, m, 1j)
n.index_fill(0, torch.tensor([0]), 7)
torch.zeros(2, 0).index_fill(1, torch.tensor([0]), 7)
torch.zeros(2, 0).index_fill(0, torch.tensor([5]), 7)
x.index_fill_(1, torch.tensor([1, 1]), 7)
e.index_fill_(1, m, 7)
x.scatter(1, torch.tensor([[0, 1]]), torch.tensor([[7, 8]]))
t.scatter(1, torch.tensor([[0, 1]]), 9.5)
x.scatter(1, torch.tensor([[0, 3]]), 9)
x.scatter(1, torch.tensor([[0, -1]]), 9)
x.scatter(1, torch.tensor([0, 1]), 9)
x.scatter(1, torch.tensor([[0, 1]]), torch.tensor([[7]]))
x.scatter(1, torch.tensor([[0], [1], [0]]), 9)
x.scatter(0, torch.tensor([[0], [1], [0]]), 9)
x.scatter(1, torch.tensor([[0, 1]]), torch.tensor([[7.0, 8]]))
x.scatter(1, torch.zeros(0, dtype=torch.int64), 9)
n.scatter(0, torch.tensor([0]), 9)
e.scatter(1, torch.tensor([[0, 1]]), 9)
x.scatter_(1, torch.tensor([[0, 1]]), 9)
x.scatter_(0, torch.tensor([[1, 0]]), torch.tensor([[7, 8]]))
e.scatter_(1, torch.tensor([[0, 1]]), 9)
x.fill_diagonal_(9)
t.fill_diagonal_(9.5)
torch.zeros(3).fill_diagonal_(1)
torch.zeros(5, 2).fill_diagonal_(1, wrap=True)
torch.zeros(3, 2).fill_diagonal_(1, True)
torch.zeros(9, 2)[::2].fill_diagonal_(1, True)
torch.zeros(2, 2, 2).fill_diagonal_(9)
y.fill_diagonal_(9)
e.fill_diagonal_(9)
torch.zeros(0, 3).fill_diagonal_(9)
x.clamp(1, 3)
t.clamp(min=2)
x.clamp(max=2)
x.clamp()
x.clamp(1.5, 3)
x.clamp(3, 1)
e.clip(1)
x.byte().clamp(-1, 3)
x.to(torch.int8).clamp(0, 300)
e.clamp(torch.nan)
(x > 2).clamp(0, 1)
(x > 2).clamp(False, True)
(x * 1j).clamp(1)
h.clamp(max=1e6)
x.clamp_(1, 3)
x.clip_(1.5, 3)
e.clamp_(1)
torch.nn.functional.pad(x, (1, 1))
torch.nn.functional.pad(t, (1, 1, 2, 0), value=5)
torch.nn.functional.pad(e, (-1, 0))
torch.nn.functional.pad(y.permute(2, 0, 1), (-1, 0))
torch.nn.functional.pad(y.permute(2, 0, 1), (-1, 1))
torch.nn.functional.pad(y, (0, -4))
torch.nn.functional.pad(y, (2, -6))
torch.nn.functional.pad(t, (0, 0))
torch.nn.functional.pad(x, (1,))
torch.nn.functional.pad(x, (1, 1, 1, 1, 1, 1))
torch.nn.functional.pad(c, (1, 1))
torch.nn.functional.pad(c[:, :1], (1, 1))
torch.nn.functional.pad(n, ())
torch.nn.functional.pad(x, [1, 1], 'constant', 1.5)
torch.nn.functional.pad(x, (1, 1), value=1j)
torch.nn.functional.pad(x.to(torch.int8), (1, 1), value=300)
torch.nn.functional.pad(torch.zeros(2, 0), (1, 1))
torch.nn.functional.pad(w, (1, 1))
torch.nn.functional.one_hot(m)
torch.nn.functional.one_hot(m, 4)
torch.nn.functional.one_hot(m, 2)
torch.nn.functional.one_hot(torch.tensor([[0, 2], [1, 1]]).t())
torch.nn.functional.one_hot(torch.tensor([0, -2]))
torch.nn.functional.one_hot(torch.zeros(0, dtype=torch.int64))
torch.nn.functional.one_hot(torch.zeros(0, dtype=torch.int64), 3)
torch.nn.functional.one_hot(e)
torch.nn.functional.one_hot(torch.tensor(1))
x.as_strided_((2, 2), (1, 1), 1)
x.as_strided_((20, 2), (1, 1))
torch.complex(torch.ones(2, 3).t(), torch.zeros(3, 2))
torch.complex(torch.ones(2), torch.arange(6.).view(3, 2))
torch.complex(torch.ones(2), torch.zeros(2, dtype=torch.float64))
torch.complex(x, x)
torch.range(0, 5)
torch.range(0, 1, .3)
torch.range(5, 0)
torch.range(0, 5, 2, dtype=torch.int64)
""".strip().splitlines()


@pytest.mark.parametrize("expression", ALIKE)
def test_an_op_lies_reads_and_fails_as_it_does_in_torch(expression: str) -> None:
    assert_agree(f"{NAMES}\n{expression}", known=True)


UNKNOWN = """
torch.empty_permuted((2, 3, 4), (2, 0, 1))
torch.empty_permuted((2, 0, 3), (2, 0, 1))
torch.empty_permuted((2, 3), (0, 0))
torch.empty_permuted((2, 3), (0,))
torch.empty_permuted((2, 3), (0, 5))
x.new_empty_strided((2, 3), (1, 2))
x.new_empty_strided((2, 3), (1,))
torch.normal(0, 1, (2, 3))
torch.normal(0.0, -1.0, (2,))
torch.bernoulli(torch.full((2, 3), 0.5).t())
torch.bernoulli(x)
torch.bernoulli(torch.full((2,), 5.0))
torch.bernoulli(w * 0.25)
""".strip().splitlines()


@pytest.mark.parametrize("expression", UNKNOWN)
def test_what_nobody_can_know_has_a_layout_and_no_values(expression: str) -> None:
    assert_agree(f"{NAMES}\n{expression}")
    step = run(f"{NAMES}\n{expression}").steps[-1]
    if step.tensor is not None and step.tensor.numel:
        assert step.values is not None
        assert step.values([0]) == [None]


def test_a_new_tensor_from_an_unknown_mask_has_unknown_values() -> None:
    step = run("x = torch.zeros(3); x.masked_fill(torch.rand(3) > 0.5, 1)").steps[-1]
    assert step.effect == "copy"
    assert step.values is not None
    assert step.values([0, 1, 2]) == [None] * 3


@pytest.mark.parametrize(
    "write", ["masked_fill_(torch.rand(3) > 0.5, 1)", "index_fill_(0, torch.randint(0, 3, (2,)), 1)"]
)
def test_a_write_to_unknown_places_is_not_followed(write: str) -> None:
    with pytest.raises(ProgramError, match="does not determine"):
        run(f"x = torch.zeros(3); x.{write}")


def test_a_masked_write_names_the_addresses_it_changed_and_who_sees_them() -> None:
    write = run("x = torch.arange(6); a = x[:3]; b = x[3:]; x.masked_fill_(x > 3, 0)").steps[-1].write
    assert write is not None
    assert write.listed == (4, 5)
    assert write.seen_by == ("x", "b")


def test_a_write_after_a_masked_copy_leaves_the_copy_alone() -> None:
    assert_agree("x = torch.arange(4); a = x.masked_fill(x > 1, 9); x.zero_(); a[:]; a + 0", known=True)


SHAPES = [(), (1,), (3,), (0,), (2, 3), (3, 1), (2, 0), (2, 3, 2)]
TWISTS = ["", ".transpose(0, -1)", "[::2]", "[..., 1:]", ".expand(2, *S)", ".flip(0)", "[None]"]


@st.composite
def tensors(draw: Any, dtype: str = "") -> str:
    """A tensor as a program writes it: dims in any order, gaps, offsets, repeats, no elements."""
    shape = draw(st.sampled_from(SHAPES))
    size = 1
    for part in shape:
        size *= part
    kind = dtype or draw(st.sampled_from(["int64", "float32", "uint8", "bool", "float16"]))
    first = 0 if kind == "uint8" else draw(st.integers(-2, 2))
    text = f"torch.arange({first}, {first + size}).to(torch.{kind}).view({shape})"
    twist = draw(st.sampled_from(TWISTS if shape else ["", "[None]"]))
    return text + twist.replace("*S", ", ".join(map(str, shape)))


ONE = """
{x}.tril()
{x}.triu(1)
{x}.tril_(-1)
torch.diag({x}, 1)
torch.diag_embed({x}, -1)
torch.diag_embed({x}, 1, 0, -1)
torch.diagflat({x})
{x}.nonzero()
{x}.nonzero(as_tuple=True)
torch.where({x})
{x}.fill_diagonal_(7, True)
{x}.clamp(0, 2)
{x}.clamp(min=0.5)
{x}.clamp_(0, 2)
torch.nn.functional.pad({x}, (1, 0), value=3)
torch.nn.functional.pad({x}, (1, -1, 0, 2))
torch.nn.functional.pad({x}, (-1, 0))
{x}.index_fill(0, torch.tensor([0, -1]), 5)
{x}.index_fill_(-1, torch.tensor([0]), 5)
{x}.scatter(0, torch.tensor([[0, 0], [1, 0]]), 5)
{x}.scatter_(-1, torch.tensor([[0], [0]]), 1.5)
{x}.take_along_dim(torch.tensor([[1], [0]]), -1)
{x}.take_along_dim(torch.tensor([0]))
torch.meshgrid({x}, torch.arange(2).to({x}.dtype), indexing='xy')
""".strip().splitlines()


@settings(max_examples=400)
@given(tensors(), st.sampled_from(ONE))
def test_an_op_on_any_tensor_is_torchs(x: str, template: str) -> None:
    assert_agree(f"x = {x}; {template.format(x='x')}")


TWO = """
torch.where({m}, {x}, {y})
torch.where({m}, {x}, 2)
torch.where({m}, 1.5, {y})
{x}.masked_fill({m}, 3)
{x}.masked_fill_({m}, 3)
{x}.scatter(0, ({y} > 0).long(), 1)
torch.broadcast_tensors({x}, {y}, {m})
{x}.masked_fill({m}, {y})
{x}.index_fill(0, ({y} > 0).long(), 1)
""".strip().splitlines()


@settings(max_examples=400)
@given(tensors(), tensors(), tensors("bool"), st.sampled_from(TWO))
def test_an_op_on_two_tensors_and_a_mask_is_torchs(x: str, y: str, m: str, template: str) -> None:
    assert_agree(f"x = {x}; y = {y}; m = {m}; {template.format(x='x', y='y', m='m')}")
