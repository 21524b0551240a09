"""Contiguity in every memory format, the suggested format and the strides of new tensors are torch's own."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import as_torch, layouts, rarely
from torch._prims_common import suggest_memory_format

from stridescope.errors import OpRuntimeError
from stridescope.layout import Layout
from stridescope.layout.contiguity import MEMORY_FORMATS, dense_like_stride, stride_for_format

FORMATS = {name: getattr(torch, name) for name in MEMORY_FORMATS}
ORDERS = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}
NAMES = {4: "channels_last", 5: "channels_last_3d"}


@st.composite
def images(draw: st.DrawFn) -> Layout:
    """Ranks 4 and 5, dense in some order of dims, channels last often; at times with odd strides among them."""
    ndim = draw(st.sampled_from((4, 5)))
    shape = draw(st.lists(st.sampled_from((1, 2, 3, 1, 2)), min_size=ndim, max_size=ndim))
    if draw(rarely(7)):
        shape[draw(st.integers(0, ndim - 1))] = 0
    order = ORDERS[ndim] if not draw(rarely(3)) else tuple(draw(st.permutations(range(ndim))))
    stride, step = [0] * ndim, 1
    for dim in reversed(order):
        stride[dim] = step
        step *= max(shape[dim], draw(st.sampled_from((0, 1))))
    for dim, size in enumerate(shape):
        if size == 1 and draw(rarely(3)):
            stride[dim] = draw(st.integers(0, 20))
    if draw(rarely(4)):
        stride[draw(st.integers(0, ndim - 1))] = draw(st.integers(0, 12))
    return Layout(tuple(shape), tuple(stride), draw(st.integers(0, 3)))


any_layout = layouts() | images() | images()


@settings(max_examples=600)
@given(any_layout)
def _check_predicates(seen: Counter[str], layout: Layout) -> None:
    tensor = as_torch(layout)
    for name in ("contiguous_format", "channels_last", "channels_last_3d"):
        answer = layout.is_contiguous(name)
        assert answer is tensor.is_contiguous(memory_format=FORMATS[name])
        seen[f"{name} {answer}"] += 1
    assert layout.is_contiguous() is tensor.is_contiguous()
    dense = layout.is_non_overlapping_and_dense()
    assert dense is torch.ops.aten.is_non_overlapping_and_dense(tensor)
    seen[f"dense {dense}"] += 1


def test_contiguity_in_each_memory_format_and_density_are_torchs() -> None:
    seen = Counter[str]()
    _check_predicates(seen)
    names = ("contiguous_format", "channels_last", "channels_last_3d", "dense")
    assert min(seen[f"{name} {answer}"] for name in names for answer in (True, False)) > 20, seen


@settings(max_examples=600)
@given(any_layout)
def _check_suggestion(seen: Counter[str], layout: Layout) -> None:
    tensor, name = as_torch(layout), layout.suggest_memory_format()
    assert FORMATS[name] is suggest_memory_format(tensor)
    # `to` goes by the C++ original of it.
    for wanted in ("contiguous_format", NAMES.get(layout.ndim)):
        if wanted is not None:
            assert (tensor.to(memory_format=FORMATS[wanted]) is tensor) is (name == wanted)
    seen[name] += 1
    seen["reads size-1 strides"] += name == "contiguous_format" and layout.is_contiguous(
        NAMES.get(layout.ndim, "channels_last")
    )


def test_the_suggested_memory_format_is_torchs() -> None:
    seen = Counter[str]()
    _check_suggestion(seen)
    assert min(seen[name] for name in ("contiguous_format", *NAMES.values(), "reads size-1 strides")) > 20, seen


def test_two_layouts_of_one_set_of_addresses_may_suggest_different_formats() -> None:
    last, first = Layout((2, 3, 1, 1), (3, 1, 3, 3)), Layout((2, 3, 1, 1), (3, 1, 1, 1))
    assert list(last.addresses()) == list(first.addresses())
    assert all(layout.is_contiguous(name) for layout in (last, first) for name in ("contiguous_format", NAMES[4]))
    assert (last.suggest_memory_format(), first.suggest_memory_format()) == ("channels_last", "contiguous_format")
    assert suggest_memory_format(as_torch(last)) is torch.channels_last
    assert suggest_memory_format(as_torch(first)) is torch.contiguous_format


# -------------------------------------------------------------------------------------- strides of new tensors


def _shape(layout: Layout) -> tuple[int, ...]:
    return layout.shape


def _stride_or_none(make: Any, source: Any, memory_format: str) -> tuple[int, ...] | None:
    try:
        return make(source, memory_format=FORMATS[memory_format]).stride()
    except RuntimeError:
        return None


@settings(max_examples=200)
@given(
    st.integers(0, 5).flatmap(lambda rank: st.tuples(*[st.sampled_from((2, 3, 1, 4, 0))] * rank)) | images().map(_shape)
)
def _check_new(seen: Counter[Any], shape: tuple[int, ...]) -> None:
    for name in ("contiguous_format", "channels_last", "channels_last_3d"):
        expected = _stride_or_none(torch.empty, shape, name)
        if expected is None:
            with pytest.raises(OpRuntimeError, match=f"{name} needs a tensor of rank"):
                stride_for_format(shape, name)
            seen[name, "refused"] += 1
        else:
            assert stride_for_format(shape, name) == expected
            seen[name, 0 in shape] += 1


def test_a_new_tensor_in_a_memory_format_has_torchs_strides() -> None:
    """Empty ones too: channels-last strides count a size 0, row-major ones do not."""
    seen = Counter[Any]()
    _check_new(seen)
    ranked = ("channels_last", "channels_last_3d")
    wanted = [("contiguous_format", False), ("contiguous_format", True)] + [
        (name, kind) for name in ranked for kind in (True, False, "refused")
    ]
    assert min(seen[kind] for kind in wanted) > 3, seen


@settings(max_examples=600)
@given(any_layout)
def _check_like(seen: Counter[str], layout: Layout) -> None:
    tensor = as_torch(layout)
    assert dense_like_stride(layout.shape, layout.stride) == torch.empty_like(tensor).stride()
    for name in FORMATS:
        expected = _stride_or_none(torch.empty_like, tensor, name)
        if expected is None:
            with pytest.raises(OpRuntimeError):
                layout.stride_when_copied(name)
            seen["refused"] += 1
        else:
            assert layout.stride_when_copied(name) == layout.stride_when_converted(name) == expected
    dense = layout.is_non_overlapping_and_dense()
    rows = dense_like_stride(layout.shape, layout.stride) == Layout.contiguous(layout.shape).stride
    seen["kept" if dense else "row-major" if rows else "in another order"] += 1


def test_a_tensor_made_like_another_has_torchs_strides() -> None:
    """Kept where they are dense, without gaps in the same order where not, or in the format asked for."""
    seen = Counter[str]()
    _check_like(seen)
    assert min(seen[kind] for kind in ("kept", "row-major", "in another order", "refused")) > 5, seen


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda x: x.is_contiguous("preserve_format"), "no contiguity for preserve_format"),
        (lambda x: x.is_contiguous("rows"), "no contiguity for rows"),
        (lambda x: x.contiguous("rows"), "no memory format rows; use one of"),
        (lambda x: x.t().contiguous("preserve_format"), "a memory format that names an order"),
        (lambda x: stride_for_format(x.shape, "preserve_format"), "names no order of dims"),
        (lambda x: x.clone("channels_last"), "channels_last needs a tensor of rank 4, got rank 2"),
    ],
)
def test_a_memory_format_that_does_not_fit_is_refused_in_words(run: Any, words: str) -> None:
    with pytest.raises(OpRuntimeError, match=words) as caught:
        run(Layout.contiguous((3, 4)))
    assert caught.value.code == "memory_format"
