"""Which positions are shown: head, tail, anchors, within a budget."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stridescope.scene.window import gaps, ravel, unravel, windows

SIZES = st.integers(0, 10**15)
BUDGETS = st.integers(1, 60)


@given(SIZES, BUDGETS, st.lists(st.integers(-5, 10**15), max_size=4))
def test_windows_are_disjoint_ordered_and_hold_head_tail_and_anchors(size, budget, anchors):
    shown = windows(size, budget, anchors)
    assert all(part.start < part.stop for part in shown)
    assert all(one.stop + 2 <= other.start for one, other in pairwise(shown))
    for place in (0, size - 1, *anchors):
        if 0 <= place < size:
            assert any(place in part for part in shown)
    inside = {anchor for anchor in anchors if 0 <= anchor < size}
    assert sum(map(len, shown)) <= max(budget, len(inside) + 2) + len(shown) + len(inside) + 2


@given(SIZES, BUDGETS)
def test_windows_and_gaps_are_everything_once(size, budget):
    shown = windows(size, budget)
    parts = sorted([*shown, *gaps(shown, size)], key=lambda part: part.start)
    assert sum(map(len, parts)) == size
    assert all(one.stop == other.start for one, other in pairwise(parts))


@given(st.lists(st.integers(1, 9), max_size=5), st.data())
def test_unravel_and_ravel_undo_each_other(shape, data):
    from math import prod

    place = data.draw(st.integers(0, prod(shape) - 1))
    index = unravel(place, shape)
    assert all(0 <= position < size for position, size in zip(index, shape, strict=True))
    assert ravel(index, shape) == place
