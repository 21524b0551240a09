"""Random layouts, the torch tensors that lie like them, and what an op made of either, in the same words.

The values of every tensor here are its addresses: storage `number` counts up from `number * HELD`, so a value of a
result says which source, and which address of it, an element came from. An op on a layout and the same op on its tensor
both become an `Answer`, and the tests compare answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from hypothesis import strategies as st

from stridescope.errors import IllegalOp
from stridescope.layout import Copy, Layout, Refusal
from stridescope.layout.base import contiguous_stride

HELD = 1 << 16
"""Elements in each storage: more than any layout drawn here reaches."""

_SOURCES = 3
_STORAGES = [torch.arange(number * HELD, (number + 1) * HELD) for number in range(_SOURCES)]
_NATIVE = (IndexError, TypeError, ValueError, RuntimeError)


def as_torch(layout: Layout, number: int = 0, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The tensor that lies like `layout`; of int64 it shares storage `number`, and its values are addresses."""
    storage = _STORAGES[number] if dtype is None else _zeros(dtype)
    return storage.as_strided(layout.shape, layout.stride, layout.storage_offset)


@cache
def _zeros(dtype: torch.dtype) -> torch.Tensor:
    return torch.zeros(HELD, dtype=dtype)


def shape_of(tensor: torch.Tensor) -> Layout:
    """The tensor's layout, as torch tells it."""
    return Layout(tuple(tensor.shape), tensor.stride(), tensor.storage_offset())


# ----------------------------------------------------------------------------------------------------- layouts


def rarely(times: int) -> st.SearchStrategy[bool]:
    """True once in `times` and one."""
    return st.sampled_from([False] * times + [True])


def sizes(zero: bool, most: int = 4) -> st.SearchStrategy[int]:
    return st.sampled_from([n for n in (2, 3, 1, 4, 1, 2, 3) if n <= most] + [0] * zero)


@st.composite
def shapes(draw: st.DrawFn, least: int = 0, most: int = 5, size: int = 4) -> tuple[int, ...]:
    """Sizes 0 and 1 among them; one shape in six may be empty."""
    zero = draw(rarely(5))
    return tuple(draw(st.lists(sizes(zero, size), min_size=least, max_size=most)))


@st.composite
def layouts(
    draw: st.DrawFn,
    least: int = 0,
    most: int = 5,
    size: int = 4,
    shape: Sequence[int] | None = None,
    *,
    dense: bool = False,
) -> Layout:
    """Row-major, permuted, gapped, expanded, overlapping and channels-last layouts, with and without an offset.

    `dense` leaves out those that reach an address twice.
    """
    chosen = draw(shapes(least, most, size)) if shape is None else tuple(shape)
    kinds = ("rows", "permuted", "gaps") if dense else ("rows", "permuted", "gaps", "expanded", "any", "any")
    kind = draw(st.sampled_from(kinds))
    order = list(range(len(chosen)))
    if kind != "rows":
        order = draw(st.permutations(order))
    stride, step = [0] * len(chosen), 1
    for dim in reversed(order):
        gap = draw(st.integers(0, 2)) if kind in ("gaps", "expanded") else 0
        expanded = kind == "expanded" and draw(st.booleans())
        stride[dim] = 0 if expanded else step
        step *= 1 if expanded else max(chosen[dim], 1) + gap
    if kind == "any":
        stride = [draw(st.sampled_from((0, 1, 1, 2, 3, 4, 6, 8, 12))) for _ in chosen]
    if 1 in chosen and draw(st.booleans()):
        # A size-1 dim reaches one address whatever its stride is, and torch keeps that stride.
        stride = [draw(st.integers(0, 30)) if n == 1 else k for n, k in zip(chosen, stride, strict=True)]
    return Layout(chosen, tuple(stride), draw(st.sampled_from((0, 0, 1, 2, 5))))


def row_major(shape: Sequence[int]) -> Layout:
    return Layout(tuple(shape), contiguous_stride(shape))


# --------------------------------------------------------------------------------------------------- arguments


def mostly(fine: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Three times in four what is fine."""
    return st.sampled_from((fine, fine, fine, wrong)).flatmap(lambda chosen: chosen)


def dims(layout: Layout, extra: int = 0) -> st.SearchStrategy[int]:
    """A dim from the front or the back; now and then one too far."""
    rank = max(layout.ndim + extra, 1)
    return mostly(st.integers(-rank, rank - 1), st.sampled_from((-rank - 1, rank)))


def dim_lists(layout: Layout, least: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """Different dims; now and then one twice, or too far."""
    if not layout.ndim:
        return st.lists(st.integers(-1, 0), min_size=least, max_size=max(least, 1)).map(tuple)
    fine = st.lists(st.integers(0, layout.ndim - 1), unique=True, min_size=min(least, layout.ndim)).flatmap(
        lambda found: st.tuples(*(st.sampled_from((d, d - layout.ndim)) for d in found))
    )
    twice = st.integers(0, layout.ndim - 1).map(lambda d: (d, d - layout.ndim))
    far = fine.map(lambda found: (*found[1:], layout.ndim))
    return mostly(fine, twice | far | st.lists(dims(layout), min_size=least, max_size=layout.ndim + 1).map(tuple))


def positions(size: int) -> st.SearchStrategy[int]:
    """A position of a dim; now and then one outside."""
    return mostly(st.integers(-size, max(size - 1, 0)), st.sampled_from((-size - 1, size)))


def size_at(layout: Layout, dim: int) -> int:
    return layout.shape[dim] if -layout.ndim <= dim < layout.ndim else 2


@st.composite
def new_shapes(draw: st.DrawFn, layout: Layout) -> tuple[int, ...]:
    """Sizes for view and reshape: dims merged and split, factors of numel, a -1 here and there, now and then wrong."""
    way = draw(st.sampled_from(("regroup", "regroup", "factors", "wrong")))
    if way == "wrong" or (way == "factors" and layout.numel == 0):
        return tuple(draw(st.lists(st.integers(-2, 4), max_size=3)))
    found = list(layout.shape)
    if way == "factors":
        found, left = [], layout.numel
        while left > 1:
            found.append(draw(st.sampled_from([n for n in range(2, left + 1) if left % n == 0])))
            left //= found[-1]
    for _ in range(draw(st.sampled_from((1, 2, 1, 3, 0)))):
        if len(found) > 1 and draw(st.integers(0, 2)):
            dim = draw(st.integers(0, len(found) - 2))
            found[dim : dim + 2] = [found[dim] * found[dim + 1]]
        else:
            dim = draw(st.integers(0, len(found)))
            found[dim:dim] = [1]
            if dim + 1 < len(found) and found[dim + 1] > 1:
                part = draw(st.sampled_from([n for n in range(1, found[dim + 1] + 1) if found[dim + 1] % n == 0]))
                found[dim : dim + 2] = [part, found[dim + 1] // part]
    if found and draw(rarely(3)):
        found[draw(st.integers(0, len(found) - 1))] = -1
    return tuple(found)


# ----------------------------------------------------------------------------------------------------- answers


class Answer(NamedTuple):
    """What an op did: `kind` is "same", "view", "copy", "refusal", "several" or a class of error."""

    kind: str
    layout: Any = None
    origins: tuple[tuple[int, int], ...] = ()


def native_class(error: BaseException) -> str:
    """The one of Python's own classes that an exception is, which is what `except` in a script goes by."""
    return next(cls.__name__ for cls in _NATIVE if isinstance(error, cls))


def answer_here(layout: Layout, run: Callable[[], Any], sources: Sequence[int] = (0,)) -> Answer:
    """The answer of the algebra; `sources[n]` is the storage that source n of a copy lies in."""
    try:
        result = run()
    except IllegalOp as error:
        return Answer(native_class(error))
    return _answer_here(layout, result, sources)


def _answer_here(layout: Layout, result: Any, sources: Sequence[int]) -> Answer:
    if isinstance(result, tuple):
        return Answer("several", tuple(_answer_here(layout, part, sources) for part in result))
    if isinstance(result, Refusal):
        assert result.code == "dims_not_mergeable"
        return Answer("refusal")
    if isinstance(result, Copy):
        assert result.layout.storage_offset == 0
        found = (result.origin(k) for k in range(result.layout.numel))
        return Answer("copy", result.layout, tuple((sources[number], address) for number, address in found))
    assert isinstance(result, Layout)
    return Answer("same" if result is layout else "view", result)


def answer_there(tensor: torch.Tensor, run: Callable[[], Any]) -> Answer:
    """torch's answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = run()
        except _NATIVE as error:
            refused = str(error).startswith("view size is not compatible")
            return Answer("refusal" if refused else native_class(error))
    return _answer_there(tensor, result)


def _answer_there(tensor: torch.Tensor, result: Any) -> Answer:
    if isinstance(result, tuple | list):
        return Answer("several", tuple(_answer_there(tensor, part) for part in result))
    if result is tensor:
        return Answer("same", shape_of(result))
    if result.untyped_storage()._cdata == tensor.untyped_storage()._cdata:
        return Answer("view", shape_of(result))
    # A new storage holds the result and nothing else, so reading it in order gives element k at k.
    assert result.untyped_storage().nbytes() == result.numel() * result.element_size()
    values = torch.as_strided(result, (result.numel(),), (1,), 0).tolist()
    return Answer("copy", shape_of(result), tuple(divmod(value, HELD) for value in values))
