"""What the walk in index order costs: equal to walking it element by element."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridescope.layout import Layout
from stridescope.scene import walking
from stridescope.scene.walking import cost, cost_text, hop_into, hop_text, hops_table

STRIDES = st.sampled_from((-7, -3, -1, 0, 1, 1, 2, 3, 4, 5, 8, 12, 16, 20, 25, 64, 200))


@st.composite
def small_layouts(draw: st.DrawFn) -> Layout:
    shape = draw(st.lists(st.sampled_from((3, 2, 1, 4, 5, 6, 2, 3, 0)), max_size=4))
    stride = [draw(STRIDES) for _ in shape]
    return Layout(tuple(shape), tuple(stride), draw(st.integers(-5, 40)))


def walked(layout, itemsize, line, base):
    """(lines taken by a walk that remembers the last one, different lines), byte by byte."""
    taken, last, seen = 0, None, set()
    for address in layout.addresses():
        for byte in range(base + address * itemsize, base + (address + 1) * itemsize):
            taken += byte // line != last
            last = byte // line
            seen.add(last)
    return taken, len(seen)


@given(
    small_layouts(),
    st.sampled_from((1, 2, 4, 8, 8, 16, 3, 5, 100)),
    st.sampled_from((64, 64, 128, 8)),
    st.sampled_from((0, 0, 4, 7, 64)),
)
def test_the_cost_is_that_of_a_walk_byte_by_byte(layout, itemsize, line, base):
    answer = cost(layout, itemsize, line, base)
    assert (answer.loads, answer.distinct) == walked(layout, itemsize, line, base)
    assert answer.fewest == -(-layout.numel * itemsize // line)
    assert answer.exact


@given(small_layouts(), st.sampled_from((1, 4, 8)))
def test_different_lines_are_a_bound_where_elements_may_not_be_visited(layout, itemsize):
    kept, walking.ENUMERATED = walking.ENUMERATED, -1
    try:
        answer = cost.__wrapped__(layout, itemsize)
    finally:
        walking.ENUMERATED = kept
    loads, distinct = walked(layout, itemsize, 64, 0)
    assert answer.loads == loads
    assert answer.distinct == distinct if answer.exact else answer.distinct >= distinct


def test_both_ways_of_counting_lines_occur(monkeypatch):
    monkeypatch.setattr(walking, "ENUMERATED", -1)
    assert cost.__wrapped__(Layout((9, 9), (1000, 10)), 4).exact
    assert not cost.__wrapped__(Layout((9, 9), (100, 71)), 4).exact


@pytest.mark.parametrize(
    ("layout", "itemsize", "loads", "fewest"),
    [
        (Layout.contiguous((10**6, 10**6)), 4, 10**12 // 16, 10**12 // 16),
        (Layout.contiguous((10**6, 10**6)).t(), 4, 10**12, 10**12 // 16),
        (Layout((10**6, 10**6), (0, 1)), 4, 10**6 * 62_500, 10**12 // 16),
        (Layout.contiguous((32, 64, 56, 56)).permute(0, 2, 3, 1), 4, 6_422_528, 401_408),
    ],
)
def test_a_huge_walk_is_counted_without_walking(layout, itemsize, loads, fewest):
    answer = cost(layout, itemsize)
    assert (answer.loads, answer.fewest, answer.exact) == (loads, fewest, True)


def test_nothing_is_said_where_items_have_no_bytes():
    assert cost(Layout((3,), (1,)), 0) is None


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        (Layout.contiguous((4, 16)), "Index order loads 4 cache lines (64 B), as few as can be."),
        (
            Layout.contiguous((4, 16)).t(),
            "With one line kept, index order loads a cache line (64 B) 64 times; the tensor lies in 4.",
        ),
        (Layout((8,), (16,)), "Index order loads 8 cache lines (64 B); side by side its elements would take 1."),
        (Layout((64,), (0,)), "Index order loads 1 cache line (64 B); without repeats it would be 4."),
        (Layout((0,), (1,)), "No elements, so no cache line is touched."),
    ],
)
def test_the_cost_in_words(layout, text):
    assert cost_text(cost(layout, 4)) == text


def test_hops_are_those_of_the_walk():
    """The step into element k hops as far as the walk does there, and by the dim that advanced."""
    layout = Layout((3, 1, 4, 2), (1, 9, -5, 40), 20)
    table = hops_table(layout, 8)
    assert hop_into(layout, 0) is None
    for k, (index, _, hop) in enumerate(layout.walk()):
        if k:
            dim, far = hop_into(layout, k)
            assert far == hop == table[dim].hop
            assert index[dim] == layout.unravel(k - 1)[dim] + 1
    assert table[1].hop is None
    assert table[0].nbytes == 8 * table[0].hop


def test_hops_in_words():
    assert hop_text(8, 8) == "+8 elements, 64 B"
    assert hop_text(-1, 4) == "-1 element, 4 B"
    assert hop_text(0, 4) == "stays at the same address"
    assert hop_text(3, None) == "+3 elements"
