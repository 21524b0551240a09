"""A shape is a view exactly when torch says so, and a refusal names two dims that really are in the way."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import as_torch, layouts, new_shapes

from stridescope.errors import OpRuntimeError
from stridescope.layout import Layout, Refusal
from stridescope.layout.compatibility import infer_shape, mergeable_groups, view_stride

Shape = tuple[int, ...]


def _factorings(numel: int) -> list[Shape]:
    """Every shape of up to three sizes with that numel."""
    if numel == 0:
        return [(0,), (2, 0), (0, 3), (1, 0, 2)]
    divisors = [n for n in range(1, numel + 1) if numel % n == 0]
    return [(numel,)] + [shape for rank in (2, 3) for shape in product(divisors, repeat=rank) if prod(shape) == numel]


def _small_layouts() -> list[Layout]:
    """All of rank 0 to 3 with few sizes and strides."""
    found = []
    for rank, sizes, strides in (
        (0, (), ()),
        (1, (0, 1, 2, 4), (0, 1, 2)),
        (2, (0, 1, 2, 3), (0, 1, 2, 3, 6)),
        (3, (1, 2, 3), (0, 1, 2, 6)),
    ):
        found += [Layout(s, k) for s in product(sizes, repeat=rank) for k in product(strides, repeat=rank)]
    return found


def _torch_view(tensor: torch.Tensor, shape: Shape) -> Shape | None:
    try:
        return tensor.view(shape).stride()
    except RuntimeError as error:
        if not str(error).startswith("view size is not compatible"):
            raise
        return None


def test_every_small_layout_views_as_every_shape_exactly_as_in_torch() -> None:
    seen = Counter[bool]()
    for layout in _small_layouts():
        tensor = as_torch(layout)
        for shape in _factorings(layout.numel):
            ours, theirs = view_stride(layout.shape, layout.stride, shape), _torch_view(tensor, shape)
            refused = isinstance(ours, Refusal)
            assert (None if refused else ours) == theirs, f"{layout} as {shape}"
            seen[refused] += 1
    assert seen[True] > 3000 and seen[False] > 3000, seen


@settings(max_examples=700)
@given(layouts(least=2).flatmap(lambda layout: st.tuples(st.just(layout), new_shapes(layout))))
def _check_necessary(seen: Counter[str], case: tuple[Layout, Shape]) -> None:
    layout, shape = case
    if any(n < 0 for n in shape) or prod(shape) != layout.numel:
        return
    refused = view_stride(layout.shape, layout.stride, shape)
    if not isinstance(refused, Refusal):
        return
    repairs = 0
    groups = mergeable_groups(layout.shape, layout.stride)
    while isinstance(refused, Refusal):
        before, after = refused.dims
        assert before < after
        assert all(n == 1 for n in layout.shape[before + 1 : after]), "dims between them play no part"
        assert refused.found_stride == layout.stride[before]
        assert refused.needed_stride == layout.shape[after] * layout.stride[after] != refused.found_stride
        assert not any({before, after} <= set(group) for group in groups)
        stride = (*layout.stride[:before], refused.needed_stride, *layout.stride[before + 1 :])
        layout = Layout(layout.shape, stride, layout.storage_offset)
        groups = mergeable_groups(layout.shape, layout.stride)
        assert any({before, after} <= set(group) for group in groups), "the needed stride joins the two dims"
        previous, refused = refused, view_stride(layout.shape, layout.stride, shape)
        if isinstance(refused, Refusal):
            assert refused.dims[1] <= previous.dims[0], "the next dims in the way are further left"
        repairs += 1
    assert _torch_view(as_torch(layout), shape) == refused, "torch takes the repaired layout"
    seen["repaired at once" if repairs == 1 else "repaired step by step"] += 1


def test_giving_the_named_dim_the_needed_stride_takes_that_border_away() -> None:
    """And once every dim named in turn has the stride named, torch itself makes the view."""
    seen = Counter[str]()
    _check_necessary(seen)
    assert seen["repaired at once"] > 20 and seen["repaired step by step"] > 0, seen


@settings(max_examples=200)
@given(layouts(size=3).filter(lambda layout: layout.numel > 0))
def test_the_dims_of_a_group_flatten_as_a_view_and_those_of_two_groups_do_not(layout: Layout) -> None:
    groups = mergeable_groups(layout.shape, layout.stride)
    assert [dim for group in groups for dim in group] == list(range(layout.ndim))
    tensor = as_torch(layout)
    for group in groups:
        start, end = group[0], group[-1]
        flat = tensor.flatten(start, end)
        assert flat.untyped_storage()._cdata == tensor.untyped_storage()._cdata
        if end + 1 < layout.ndim:
            following = tensor.flatten(start, next(g[-1] for g in groups if g[0] == end + 1))
            assert following.untyped_storage()._cdata != tensor.untyped_storage()._cdata


def test_the_refusal_says_the_numbers_in_words() -> None:
    refused = Layout.contiguous((3, 4)).t().view(12)
    assert refused == Refusal(
        "dims_not_mergeable",
        "view(12) must merge dims 0 and 1, but stride[0] is 1 where merging needs size[1]·stride[1] = 12",
        (0, 1),
        needed_stride=12,
        found_stride=1,
    )


@settings(max_examples=300)
@given(layouts(least=2).flatmap(lambda layout: st.tuples(st.just(layout), new_shapes(layout))))
def _check_message(seen: Counter[str], case: tuple[Layout, Shape]) -> None:
    layout, shape = case
    try:
        refused = layout.view(shape)
    except OpRuntimeError:
        return
    if not isinstance(refused, Refusal):
        return
    before, after = refused.dims
    inferred = ", ".join(map(str, infer_shape(shape, layout.numel)))
    for words in (
        f"view({inferred})",
        f"dims {before} and {after}",
        f"stride[{before}] is {refused.found_stride}",
        f"size[{after}]·stride[{after}] = {refused.needed_stride}",
    ):
        assert words in refused.message
    seen["refused"] += 1


def test_every_refusal_names_the_shape_the_dims_and_both_strides() -> None:
    seen = Counter[str]()
    _check_message(seen)
    assert seen["refused"] > 20


# ------------------------------------------------------------------------------------------------ shape inference


def _torch_shape(tensor: torch.Tensor, shape: Shape) -> Shape | None:
    try:
        return tuple(tensor.view(shape).shape)
    except RuntimeError:
        return None


def test_minus_one_is_inferred_as_torch_infers_it_for_every_small_shape() -> None:
    seen = Counter[str]()
    for numel in range(13):
        flat = torch.zeros(numel)
        for shape in (shape for rank in range(4) for shape in product((-2, -1, 0, 1, 2, 3, 4, 6), repeat=rank)):
            expected = _torch_shape(flat, shape)
            if expected is None:
                with pytest.raises(OpRuntimeError):
                    infer_shape(shape, numel)
            else:
                assert infer_shape(shape, numel) == expected
            seen["refused" if expected is None else "inferred" if -1 in shape else "as given"] += 1
    assert min(seen["refused"], seen["inferred"], seen["as given"]) > 100, seen


@pytest.mark.parametrize(
    ("shape", "numel", "code", "words"),
    [
        ((-1, -1), 12, "shape_two_inferred", "-1 at dims 0 and 1; only one dim can be inferred"),
        ((3, -2), 12, "shape_negative", "size -2 at dim 1"),
        ((0, -1), 0, "shape_ambiguous", "could be any size"),
        ((5, -1), 12, "shape_numel", "needs a multiple of 5 elements; the tensor has 12"),
        ((5, 2), 12, "shape_numel", "needs 10 elements; the tensor has 12"),
        ((10**6, 10**6), 12, "shape_numel", "needs 1,000,000,000,000 elements"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_with_its_numbers(shape: Shape, numel: int, code: str, words: str) -> None:
    with pytest.raises(OpRuntimeError, match=words) as caught:
        infer_shape(shape, numel)
    assert caught.value.code == code
