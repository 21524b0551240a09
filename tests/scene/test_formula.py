"""The address formula, what a stride does, and who else reaches an address."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridescope.errors import OpIndexError
from stridescope.layout import Layout
from stridescope.records import Reason, TensorInfo
from stridescope.scene.formula import formula_lines, formula_pieces, formula_text, others, others_line, stride_text
from stridescope.scene.frame import size_of
from stridescope.scene.refusals import break_of, break_text, reason_text
from stridescope.scene.wrapping import clipped, padded, wrapped


def tensor(layout, itemsize=8):
    fields = ("int64", itemsize, "cpu", False, None)
    return TensorInfo("torch.Tensor", layout.shape, layout.stride, layout.storage_offset, *fields)


@st.composite
def places(draw: st.DrawFn) -> tuple[Layout, tuple[int, ...]]:
    """A small layout, often overlapping, and an index of it."""
    shape = draw(st.lists(st.integers(1, 4), max_size=4))
    stride = [draw(st.sampled_from((-2, -1, 0, 0, 1, 1, 2, 3, 5, 12))) for _ in shape]
    layout = Layout(tuple(shape), tuple(stride), draw(st.integers(30, 50)))
    return layout, tuple(draw(st.integers(0, size - 1)) for size in shape)


def test_the_formula_puts_the_numbers_in_and_fits_any_width():
    x = tensor(Layout((3, 2), (1, 8), 1))
    assert formula_lines(x, (2, 1), 40) == [
        "address of [2, 1]",
        "  = offset + 2·1 + 1·8",
        "  = 1 + 2 + 8 = 11 → byte 88",
    ]
    assert formula_text(x, (2, 1)) == "address of [2, 1] = offset + 2·1 + 1·8 = 1 + 2 + 8 = 11 → byte 88"
    for width in range(1, 60):
        assert max(map(size_of, formula_lines(x, (2, 1), width))) <= width


@given(places())
def test_the_formula_ends_in_the_address_and_its_byte(place):
    layout, index = place
    address = layout.address(index)
    assert formula_text(tensor(layout, 4), index).endswith(f"= {address} → byte {4 * address}")


def test_the_formula_in_ascii_pieces():
    lines = formula_pieces(tensor(Layout((3, 2), (1, 8), 1)), (2, 1), 40, ascii=True)
    assert [piece.text for line in lines for piece in line][1:] == [
        "  = offset + 2*1 + 1*8",
        "  = 1 + 2 + 8 = 11 -> byte 88",
    ]
    assert [line[0].look.role for line in lines] == ["bold", "plain", "plain"]


def test_an_index_that_does_not_fit_is_refused():
    with pytest.raises(OpIndexError):
        formula_text(tensor(Layout((3, 2), (1, 8), 1)), (3, 0))
    with pytest.raises(OpIndexError):
        others(Layout((3, 2), (1, 8), 1), (3, 0))


@given(places())
def test_the_others_are_all_that_reach_the_address_and_are_counted_exactly(place):
    layout, index = place
    every = {other for other, address, _ in layout.walk() if address == layout.address(index)} - {index}
    found = others(layout, index, 3)
    assert found.total == len(every)
    assert set(found.listed) <= every
    assert len(found.listed) == min(3, len(every))


def test_others_in_words():
    assert others_line(Layout((3, 2), (1, 8), 1), (2, 1)) == "No other index reaches it."
    assert others_line(Layout((6, 3), (1, 1)), (2, 1)) == "Also reached by [1, 2] and [3, 0]."
    assert others_line(Layout((6, 5), (1, 1)), (2, 2)) == "Also reached by [0, 4], [1, 3], [3, 1] and others, 4 in all."


@pytest.mark.parametrize(
    ("layout", "index", "words"),
    [
        (Layout((10**6, 10**6), (1, 1)), (500_000, 500_000), "more than 500 in all."),
        (Layout((10**6, 10**6), (0, 1)), (7, 7), "999,999 in all."),
        (Layout((10**12,), (0,)), (5,), "999,999,999,999 in all."),
        (Layout.contiguous((10**6, 10**6)).t(), (1, 2), "No other index reaches it."),
    ],
)
def test_others_of_a_huge_layout_are_told_at_once(layout, index, words):
    start = time.perf_counter()
    assert others_line(layout, index).endswith(words)
    assert time.perf_counter() - start < 0.2


@pytest.mark.parametrize(
    ("shape", "stride", "text"),
    [
        ((3, 2), (1, 8), "dim 1, stride 8: one step along it moves 8 elements (64 B)"),
        ((3, 2), (1, -1), "dim 1, stride -1: one step along it moves 1 element (8 B) back"),
        ((3, 2), (1, 0), "dim 1, stride 0: its 2 indices reach the same addresses"),
        ((3, 1), (1, 5), "dim 1, stride 5: never used, since its size is 1"),
    ],
)
def test_what_a_stride_does(shape, stride, text):
    assert stride_text(Layout(shape, stride, 9), 1, 8) == text


@given(places())
def test_a_refused_merge_breaks_where_the_two_dims_come_apart(place):
    """The pair of indices follow each other in the two dims, and the addresses are those of the layout."""
    layout, _ = place
    refusal = layout.view(-1)
    if isinstance(refusal, Layout):
        return
    reason = Reason(refusal.code, refusal.message, refusal.dims, refusal.needed_stride, refusal.found_stride)
    broken = break_of(layout, reason)
    one, other = reason.dims
    apart = layout.shape[one] > 1 and reason.needed_stride != reason.found_stride
    assert (broken is not None) == apart
    if broken is not None:
        assert broken.found == layout.address(broken.following) != broken.due
        assert broken.due - broken.found == reason.needed_stride - reason.found_stride
        assert broken.last[other] == layout.shape[other] - 1
        assert broken.following[one] == broken.last[one] + 1


def test_a_refusal_in_words():
    layout = Layout((4, 3), (1, 4))
    refusal = layout.view(12)
    reason = Reason(refusal.code, refusal.message, refusal.dims, refusal.needed_stride, refusal.found_stride)
    assert reason_text(reason) == "must merge dims 0 and 1: stride[0] is 1, needs 12"
    assert break_text(break_of(layout, reason)) == "From [0, 2] the next address would be 12, but [1, 0] is at 1."
    assert break_of(layout, Reason("native", "no")) is None
    assert reason_text(Reason("native", "no")) == "no"


@given(st.text(), st.integers(1, 40), st.integers(0, 5))
def test_wrapped_text_keeps_every_word_in_lines_of_the_width(text, width, hang):
    lines = wrapped(text, width, hang)
    assert lines
    assert all(size_of(line) <= max(width, 2) for line in lines)
    assert "".join("".join(lines).split(" ")) == "".join(text.split(" "))


@given(st.text(), st.integers(0, 20))
def test_clipped_and_padded_text_has_the_width(text, width):
    assert size_of(clipped(text, width)) <= width
    assert size_of(padded(clipped(text, width), width)) == width
