"""Every op that copies gives torch's strides, and `origin` tells of each element which tensor and address it is from.

torch says so itself: the values of the inputs are their addresses (see `layouts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import (
    answer_here,
    answer_there,
    as_torch,
    dim_lists,
    dims,
    layouts,
    mostly,
    new_shapes,
    positions,
    rarely,
    size_at,
)

from stridescope.errors import OpIndexError
from stridescope.layout import Copy, Layout, Refusal

EXAMPLES = 120

Arguments = Callable[[Layout], st.SearchStrategy[tuple[Any, ...]]]


class Row(NamedTuple):
    """Arguments for a layout, the kinds of answer that must turn up, and both calls where they are no plain methods."""

    arguments: Arguments
    outcomes: str = "copy"
    there: Callable[..., Any] | None = None
    here: Callable[..., Any] | None = None


def _format(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    fitting = {4: "channels_last", 5: "channels_last_3d"}.get(layout.ndim, "contiguous_format")
    return st.tuples(st.sampled_from((fitting, "preserve_format", "contiguous_format", "channels_last")))


def _counts(extra: int, low: int = 0) -> Arguments:
    """A small count for each dim, and for up to `extra` more or fewer."""

    def arguments(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
        rank = st.integers(max(layout.ndim - max(-low, 0), 1), max(layout.ndim + extra, 1))
        count = st.sampled_from((1, 2, 1, 2, 3, 0))
        right = rank.flatmap(lambda n: st.lists(count, min_size=n, max_size=n).map(tuple))
        wrong = st.lists(st.integers(-1, 2), min_size=1, max_size=layout.ndim + 1).map(tuple)
        return mostly(right, wrong)

    return arguments


def _tile(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.integers(0, 2), min_size=1, max_size=layout.ndim + 1).map(tuple)


def _repeat_interleave(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    """A count, or one for each position of the dim or of the whole tensor."""

    def counts(size: int) -> st.SearchStrategy[Any]:
        each = st.lists(st.integers(0, 2), min_size=size, max_size=size).map(tuple)
        return mostly(st.integers(0, 3) | each, st.sampled_from((-1, (1,) * (size + 1), (-1,) * size, (2,))))

    along = dims(layout).flatmap(lambda dim: st.tuples(counts(size_at(layout, dim)), st.just(dim)))
    return along | st.tuples(counts(layout.numel)) | along


def _repeats_there(x: torch.Tensor, repeats: Any, *dim: Any) -> torch.Tensor:
    counts = repeats if isinstance(repeats, int) else torch.tensor(repeats, dtype=torch.int64)
    return x.repeat_interleave(counts, *dim)


def _roll(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    shift = st.integers(-5, 5)
    along = dim_lists(layout, 1).flatmap(
        lambda found: st.tuples(st.lists(shift, min_size=len(found), max_size=len(found)).map(tuple), st.just(found))
    )
    wrong = st.tuples(st.lists(shift, max_size=2).map(tuple), dim_lists(layout))
    return mostly(along | st.tuples(shift) | st.tuples(shift, dims(layout)), wrong)


def _rot90(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(st.integers(-4, 5), st.tuples(dims(layout), dims(layout)) | dim_lists(layout)) | st.just(())


def _index_select(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    def listed(dim: int) -> st.SearchStrategy[tuple[Any, ...]]:
        size = size_at(layout, dim)
        inside = st.integers(0, size - 1) if size else st.nothing()
        right = st.lists(inside, max_size=5) if size else st.just([])
        return st.tuples(st.just(dim), mostly(right, st.lists(positions(size), max_size=3)).map(tuple))

    return dims(layout).flatmap(listed)


@st.composite
def _gather(draw: st.DrawFn, layout: Layout) -> tuple[Any, ...]:
    dim = draw(dims(layout))
    size = size_at(layout, dim)
    shape = [draw(st.sampled_from((n, n, 1, max(n - 1, 1), 0 if draw(rarely(9)) else n))) for n in layout.shape]
    if shape and draw(rarely(5)):
        shape[draw(st.integers(0, len(shape) - 1))] += 2
    if draw(rarely(9)):
        shape = shape[1:]
    numel = Layout.contiguous(shape).numel
    place = st.integers(0, max(size - 1, 0))
    values = draw(st.lists(place, min_size=numel, max_size=numel))
    if values and draw(rarely(7)):
        values[-1] = draw(st.sampled_from((-1, size)))
    return dim, tuple(shape), tuple(values)


ROWS: dict[str, Row] = {
    "clone": Row(_format, "copy RuntimeError", lambda x, name: x.clone(memory_format=getattr(torch, name))),
    "repeat": Row(_counts(2, -1), "copy RuntimeError"),
    "tile": Row(_tile),
    "repeat_interleave": Row(_repeat_interleave, "copy RuntimeError IndexError", _repeats_there),
    "flip": Row(lambda x: dim_lists(x).map(lambda found: (found,)), "copy RuntimeError IndexError"),
    "fliplr": Row(lambda _: st.just(()), "copy RuntimeError"),
    "flipud": Row(lambda _: st.just(()), "copy RuntimeError"),
    "roll": Row(_roll, "copy RuntimeError IndexError"),
    "rot90": Row(_rot90, "copy RuntimeError IndexError"),
    "index_select": Row(
        _index_select,
        "copy RuntimeError IndexError",
        lambda x, dim, index: x.index_select(dim, torch.tensor(index, dtype=torch.int64)),
    ),
    "gather": Row(
        _gather,
        "copy RuntimeError IndexError",
        lambda x, dim, shape, values: x.gather(dim, torch.tensor(values, dtype=torch.int64).reshape(shape)),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_copy_has_torchs_strides_and_each_element_comes_from_where_torch_takes_it(name: str) -> None:
    row, seen = ROWS[name], Counter[str]()

    @settings(max_examples=EXAMPLES)
    @given(layouts(most=5, size=3).flatmap(lambda layout: st.tuples(st.just(layout), row.arguments(layout))))
    def check(case: tuple[Layout, tuple[Any, ...]]) -> None:
        layout, arguments = case
        tensor = as_torch(layout)
        there = row.there or (lambda x, *args: getattr(x, name)(*args))
        answer = answer_here(layout, lambda: getattr(layout, name)(*arguments))
        assert answer == answer_there(tensor, lambda: there(tensor, *arguments))
        seen[answer.kind] += 1
        seen["elements"] += len(answer.origins)

    check()
    assert set(row.outcomes.split()) <= set(seen), seen
    assert seen["elements"] > 50


# -------------------------------------------------------------------------------------------- several sources


@st.composite
def _to_join(draw: st.DrawFn, new_dim: bool) -> tuple[list[Layout], int]:
    """Up to three layouts that fit together, a dim, and now and then something that does not fit."""
    first = draw(layouts(least=0 if new_dim else 1, most=4, size=3))
    dim = draw(dims(first, extra=int(new_dim)))
    found = [first]
    for _ in range(draw(st.integers(0, 2))):
        shape = list(first.shape)
        if shape and not new_dim:
            shape[dim % len(shape)] = draw(st.integers(0, 3))
        if shape and draw(rarely(9)):
            shape[draw(st.integers(0, len(shape) - 1))] += 1
        elif draw(rarely(12)):
            shape = [0] if draw(st.booleans()) else shape[1:]
        like = draw(st.booleans()) and tuple(shape) == first.shape
        found.append(first if like else draw(layouts(shape=shape)))
    return found, dim


@pytest.mark.parametrize(
    ("name", "outcomes"),
    [("cat", "copy RuntimeError IndexError"), ("stack", "copy RuntimeError IndexError")],
)
def test_a_join_has_torchs_strides_and_tells_which_source_each_element_came_from(name: str, outcomes: str) -> None:
    seen = Counter[str]()

    @settings(max_examples=400)
    @given(_to_join(name == "stack"))
    def check(case: tuple[list[Layout], int]) -> None:
        found, dim = case
        tensors = [as_torch(layout, number) for number, layout in enumerate(found)]
        join = getattr(torch, name)
        answer = answer_here(found[0], lambda: getattr(found[0], name)(found[1:], dim), range(len(found)))
        assert answer == answer_there(tensors[0], lambda: join(tensors, dim))
        seen[answer.kind] += 1
        seen["last source"] += any(number == 2 for number, _ in answer.origins)

    check()
    assert set(outcomes.split()) <= set(seen), seen
    assert seen["last source"] > 20


@pytest.mark.parametrize("shapes", [[(0,), (2, 3)], [(2, 3), (0,)], [(0,), (0,)], [(0, 3), (2, 3)]])
def test_cat_passes_over_empty_tensors_as_torch_does(shapes: list[tuple[int, ...]]) -> None:
    found = [Layout.contiguous(shape) for shape in shapes]
    tensors = [as_torch(layout, number) for number, layout in enumerate(found)]
    ours = answer_here(found[0], lambda: found[0].cat(found[1:]), range(len(found)))
    assert ours == answer_there(tensors[0], lambda: torch.cat(tensors))


# ------------------------------------------------------------------------------------------ reasons and bounds


@settings(max_examples=300)
@given(layouts(least=2).flatmap(lambda layout: st.tuples(st.just(layout), new_shapes(layout))))
def _check_reasons(seen: Counter[bool], case: tuple[Layout, tuple[int, ...]]) -> None:
    layout, shape = case
    if any(n < 0 for n in shape) or Layout.contiguous(shape).numel != layout.numel:
        return
    viewed, reshaped = layout.view(shape), layout.reshape(shape)
    copied = isinstance(reshaped, Copy)
    assert copied is isinstance(viewed, Refusal)
    assert not copied or reshaped.why == viewed
    seen[copied] += 1


def test_reshape_copies_exactly_where_view_refuses_and_for_the_same_reason() -> None:
    seen = Counter[bool]()
    _check_reasons(seen)
    assert min(seen[True], seen[False]) > 5, seen


def test_ravel_says_why_it_copies_what_could_have_been_a_view() -> None:
    every_second = Layout((4,), (2,))
    copied = every_second.ravel()
    assert isinstance(copied, Copy)
    assert copied.why is not None and copied.why.code == "not_contiguous"
    assert answer_there(as_torch(every_second), lambda: as_torch(every_second).ravel()).kind == "copy"


@pytest.mark.parametrize("k", [-1, 12, 10**20])
def test_a_new_storage_has_no_element_outside_its_numel(k: int) -> None:
    with pytest.raises(OpIndexError, match="the new storage has 12 elements"):
        Layout.contiguous((3, 4)).t().clone(memory_format="contiguous_format").origin(k)


def test_an_index_of_the_copy_tells_its_index_in_the_source() -> None:
    turned = Layout.contiguous((3, 4)).rot90()
    assert isinstance(turned, Copy)
    x = torch.arange(12).view(3, 4)
    rotated = x.rot90()
    for index in product(*map(range, turned.layout.shape)):
        number, source = turned.source_of(index)
        assert number == 0
        assert rotated[index] == x[source]


@pytest.mark.parametrize(
    ("make", "k", "origin"),
    [
        (lambda x: x.t().reshape(-1), 10**14, (0, 10**14 // 10**5 + 10**14 % 10**5 * 10**10)),
        (lambda x: x.flip(0), 0, (0, (10**5 - 1) * 10**10)),
        (lambda x: x.cat([x, x], 1), 10**10, (1, 0)),
        (lambda x: x.stack([x]), 10**15, (1, 0)),
        (lambda x: x.repeat(3, 1), 10**15 + 5, (0, 5)),
        (lambda x: x.repeat_interleave(10**6, 0), 10**16 + 7, (0, 10**10 + 7)),
        (lambda x: x.roll(1), 0, (0, 10**15 - 1)),
    ],
)
def test_provenance_is_arithmetic_at_any_size(
    make: Callable[[Layout], Copy[Layout]], k: int, origin: tuple[int, int]
) -> None:
    assert make(Layout.contiguous((10**5, 10**10))).origin(k) == origin
