"""`x[...]` with ints, slices, None, Ellipsis, bools, lists, index tensors and masks is torch's, provenance too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import HELD, Answer, answer_here, answer_there, as_torch, layouts, mostly, positions, rarely

from stridescope.errors import IllegalOp, OpTypeError
from stridescope.layout import Layout
from stridescope.layout.indexing import Positions, broadcast_shapes, index, mask_positions

Part = tuple[Any, Any]
"""One part of an index, as the algebra takes it and as torch does."""


def _same(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Part]:
    return part.map(lambda value: (value, value))


def _slices(size: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-size - 2, size + 2)
    return st.builds(slice, bound, bound, mostly(st.sampled_from((None, 1, 2, 3)), st.sampled_from((7, 0, -1))))


@st.composite
def basic_keys(draw: st.DrawFn, layout: Layout) -> tuple[Any, ...]:
    """Parts of a basic index; now and then too many, or one out of range."""
    count = draw(mostly(st.integers(0, layout.ndim), st.integers(0, layout.ndim + 1)))
    parts: list[Any] = []
    for dim in range(count):
        size = layout.shape[dim] if dim < layout.ndim else 2
        if draw(rarely(5)):
            parts.append(None)
        if Ellipsis not in parts and draw(rarely(5)):
            parts.append(Ellipsis)
        parts.append(draw(positions(size) if draw(rarely(2)) else _slices(size)))
    return tuple(parts) or (Ellipsis,)


@st.composite
def index_tensors(draw: st.DrawFn, size: int, shape: Sequence[int]) -> Part:
    """Positions in a tensor of odd strides: transposed, gapped, expanded, overlapping."""
    layout = draw(layouts(shape=shape))
    held = draw(st.lists(st.integers(-size, size - 1), min_size=layout.span[1] + 1, max_size=layout.span[1] + 1))
    if layout.numel and draw(rarely(15)):
        held[layout.storage_offset] = draw(st.sampled_from((size, -size - 1)))
    there = torch.tensor(held).as_strided(layout.shape, layout.stride, layout.storage_offset)
    return Positions(layout.shape, layout.stride, tuple(held[a] for a in layout.addresses())), there


@st.composite
def masks(draw: st.DrawFn, shape: Sequence[int]) -> Part:
    layout = draw(layouts(shape=shape, dense=True))
    held = draw(st.lists(st.booleans(), min_size=layout.span[1] + 1, max_size=layout.span[1] + 1))
    there = torch.tensor(held).as_strided(layout.shape, layout.stride, layout.storage_offset)
    return Positions(layout.shape, layout.stride, tuple(int(held[a]) for a in layout.addresses()), mask=True), there


@st.composite
def keys(draw: st.DrawFn, layout: Layout) -> list[Part]:
    """Parts of an index with lists or masks among them; the lists broadcast together, most of the time."""
    block = draw(st.lists(st.sampled_from((2, 3, 1, 2)), max_size=2))
    if draw(rarely(12)):
        block.append(0)
    parts: list[Part] = []
    dim, asked = 0, draw(st.integers(0, layout.ndim))
    while dim < asked or not parts:
        if draw(rarely(9)):
            parts.append((None, None))
        if not any(here is Ellipsis for here, _ in parts) and draw(rarely(9)):
            parts.append((Ellipsis, Ellipsis))
        size = layout.shape[dim] if dim < layout.ndim else 2
        kind = draw(st.sampled_from(("list", "list", "mask", "slice", "int", "list", "mask", "bool")))
        if kind == "bool":
            parts.append(draw(_same(st.booleans())))
            continue
        if kind == "mask":
            shape = list(layout.shape[dim : dim + draw(st.integers(1, 2))]) or [2]
            if draw(rarely(9)):
                shape[0] += 1
            parts.append(draw(masks(shape)))
            dim += len(shape)
            continue
        if kind == "list" and size:
            own = [draw(st.sampled_from((n, n, n, 1))) for n in block[draw(st.integers(0, len(block))) :]]
            if own and draw(rarely(19)):
                own[0] += 1
            # A 0-dim index tensor is an int to both.
            parts.append(draw(index_tensors(size, own or (2,) if not block else own or (1,))))
        else:
            parts.append(draw(_same(positions(size) if kind == "int" else _slices(size))))
        dim += 1
    return parts


def _both(layout: Layout, parts: Sequence[Part]) -> tuple[Answer, Answer]:
    """Our answer and torch's; views that the key makes on its way are the sources of our copy."""
    tensor = as_torch(layout)
    return (
        answer_here(layout, lambda: index(layout, [here for here, _ in parts])),
        answer_there(tensor, lambda: tensor[tuple(there for _, there in parts)]),
    )


@settings(max_examples=500)
@given(layouts(most=4).flatmap(lambda layout: st.tuples(st.just(layout), basic_keys(layout))))
def _check_basic(seen: Counter[str], case: tuple[Layout, tuple[Any, ...]]) -> None:
    layout, key = case
    tensor = as_torch(layout)
    answer = answer_here(layout, lambda: layout[key])
    assert answer == answer_there(tensor, lambda: tensor[key])
    assert answer == answer_here(layout, lambda: index(layout, key))
    if len(key) == 1:
        assert answer == answer_here(layout, lambda: layout[key[0]])
    seen[answer.kind] += 1


def test_basic_indexing_is_a_view_with_torchs_layout_or_torchs_class_of_error() -> None:
    seen = Counter[str]()
    _check_basic(seen)
    assert set(seen) == {"view", "IndexError", "ValueError"}
    assert seen["view"] > 150


@settings(max_examples=900)
@given(layouts(most=4).flatmap(lambda layout: st.tuples(st.just(layout), keys(layout))))
def _check_advanced(seen: Counter[str], case: tuple[Layout, list[Part]]) -> None:
    layout, parts = case
    ours, theirs = _both(layout, parts)
    assert ours == theirs
    seen[ours.kind] += 1
    if ours.kind == "copy" and ours.layout.stride != Layout.contiguous(ours.layout.shape).stride:
        seen["not row-major"] += 1
    seen["elements"] += len(ours.origins)


def test_lists_and_masks_copy_what_torch_copies_to_where_torch_puts_it() -> None:
    """Layout and provenance; results that are not row-major among them, as torch's walk makes them."""
    seen = Counter[str]()
    _check_advanced(seen)
    assert seen["copy"] > 300 and seen["not row-major"] > 30 and seen["elements"] > 500, seen
    assert min(seen["IndexError"], seen["view"]) > 5, seen


# ------------------------------------------------------------------------------------------------ known corners


def _listed(*values: int) -> Part:
    return Positions((len(values),), (1,), values), list(values)


ALL = (slice(None), slice(None))

CORNERS: dict[str, tuple[tuple[int, ...], list[Part]]] = {
    "lists apart go to the front": ((2, 3, 4), [_listed(0, 1), ALL, _listed(0, 3)]),
    "lists side by side stay": ((2, 3, 4), [ALL, _listed(0, 1), _listed(0, 3)]),
    "an int between lists is no list": ((2, 3, 4, 5), [_listed(0, 1), (1, 1), _listed(0, 3)]),
    "None between lists parts them": ((2, 3, 4), [_listed(0, 1), (None, None), _listed(0, 1)]),
    "True adds a dim": ((2, 3), [(True, True)]),
    "False adds an empty dim": ((2, 3), [(False, False)]),
    "a list and True": ((2, 3), [(True, True), _listed(0, 1)]),
    "an empty list": ((2, 3), [_listed()]),
    "a list out of range where nothing is read": ((2, 0), [_listed(7)]),
    "any position of an empty dim": ((0, 3), [_listed(0)]),
    "negative positions": ((3, 4), [_listed(-1, -3)]),
    "a position too far": ((3, 4), [_listed(3)]),
    "lists that do not broadcast": ((3, 4), [_listed(0, 1), _listed(0, 1, 2)]),
    "too many": ((3, 4), [_listed(0), _listed(0), _listed(0)]),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners_of_advanced_indexing_are_torchs(name: str) -> None:
    shape, parts = CORNERS[name]
    ours, theirs = _both(Layout.contiguous(shape), parts)
    assert ours == theirs


def test_the_corners_show_copies_and_refusals() -> None:
    kinds = {_both(Layout.contiguous(shape), parts)[0].kind for shape, parts in CORNERS.values()}
    assert kinds == {"copy", "IndexError"}


@pytest.mark.parametrize("key", [1.0, "a", True, [0, 1], torch.tensor([0])])
def test_a_layout_alone_takes_basic_parts_and_says_so(key: object) -> None:
    with pytest.raises(OpTypeError, match="a layout takes ints, slices, None and \\.\\.\\. as indices, got"):
        Layout.contiguous((3, 4))[key]


@settings(max_examples=200)
@given(st.lists(st.lists(st.sampled_from((1, 2, 3, 1, 0)), max_size=3).map(tuple), min_size=1, max_size=3))
def _check_broadcast(seen: Counter[bool], shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = tuple(torch.broadcast_shapes(*shapes))
    except RuntimeError:
        with pytest.raises(IllegalOp):
            broadcast_shapes(shapes)
        seen[False] += 1
    else:
        assert broadcast_shapes(shapes) == expected
        seen[True] += 1


def test_shapes_broadcast_as_in_torch() -> None:
    seen = Counter[bool]()
    _check_broadcast(seen)
    assert min(seen[True], seen[False]) > 5, seen


@settings(max_examples=100)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3).flatmap(masks))
def test_the_positions_of_a_mask_are_what_nonzero_gives(mask: Part) -> None:
    ours, theirs = mask
    found = theirs.nonzero(as_tuple=True)
    assert [positions.values for positions in mask_positions(ours)] == [tuple(column.tolist()) for column in found]
    assert {positions.stride for positions in mask_positions(ours)} == {column.stride() for column in found}


def test_provenance_reaches_through_the_views_a_key_makes_first() -> None:
    layout = Layout.contiguous((4, 6))
    ours, theirs = _both(layout, [(slice(1, None, 2), slice(1, None, 2)), _listed(5, 0)])
    assert ours == theirs
    assert ours.origins == ((0, 11), (0, 6), (0, 23), (0, 18))
    assert all(address < HELD for _, address in ours.origins)
