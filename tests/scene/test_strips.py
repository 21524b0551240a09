"""Where the positions of a storage stand: place and position are inverse, the columns of the bar share them out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stridescope.records import StorageInfo, TensorInfo
from stridescope.scene.cast import Stored
from stridescope.scene.strips import strip_plan
from stridescope.scene.text import address_text
from stridescope.scene.track import LEVELS, Track

SIZES = st.one_of(st.integers(1, 200), st.sampled_from([999, 10**4, 10**6, 10**9 + 7, 10**12, 2**60]))


def stored(low: int, high: int, ramp: tuple[int, int] | None = None) -> Stored:
    info = TensorInfo("torch.Tensor", (high,), (1,), 0, "int64", 8, "cpu", False, StorageInfo("s", 8 * high))
    return Stored("s", info, 8, high, Track(low, high, ramp or (low, high)), ("int64",))


def plan_of(size: int, width: int = 80, *, low: int = 0, lines: int = 2, labelled: bool = False, **options):
    options = {"below": 0, **options}
    return strip_plan(stored(low, low + size), 3, width, lines=lines, labelled=labelled, **options)


plans = st.builds(
    plan_of,
    SIZES,
    st.integers(12, 220),
    low=st.sampled_from([0, 0, -5]),
    lines=st.integers(1, 3),
    labelled=st.booleans(),
    below=st.integers(0, 4),
    margin=st.integers(0, 9),
    inner=st.integers(0, 10),
)


@settings(max_examples=200)
@given(plans)
def test_each_shown_position_leads_to_its_place_and_back(plan):
    seen = {}
    for position in plan.positions:
        x, y = plan.place(position)
        assert plan.near(position) == (x, y)
        for column in range(plan.cell_width):
            assert plan.position_at(x + column, y) == position
            assert (x + column, y) not in seen
            seen[x + column, y] = position
        assert plan.position_at(x + plan.cell_width, y) is None
        assert plan.y <= y < plan.bottom
    assert plan.shown >= 1
    assert all(plan.place(position) is None for position in (plan.first - 1, plan.first + plan.shown))


@settings(max_examples=200)
@given(plans)
def test_a_strip_stays_in_the_width_it_was_given(plan):
    right = max(plan.place(position)[0] + plan.cell_width for position in plan.positions)
    if plan.per_line > 1:
        assert right <= plan.x + plan.width
    assert plan.bar is None or plan.bar_width <= plan.width


@settings(max_examples=200)
@given(plans, st.data())
def test_a_column_of_the_bar_holds_the_positions_between_its_edges(plan, data):
    edges = plan.edges()
    track = plan.track
    assert edges[0] == track.low and edges[-1] == track.high
    if plan.bar is None:
        return
    assert all(low < high for low, high in pairwise(edges)), "an empty column"
    position = data.draw(st.integers(track.low, track.high - 1))
    column = plan.bar_column(position)
    assert 0 <= column < plan.bar_width
    assert edges[column] <= position < edges[column + 1]
    for column in (0, plan.bar_width // 2, plan.bar_width - 1):
        assert plan.position_at(plan.x + column, plan.bar) == edges[column]
        assert plan.bar_column(edges[column]) == column
    assert plan.position_at(plan.x - 1, plan.bar) is None
    assert plan.position_at(plan.x + plan.bar_width, plan.bar) is None


@settings(max_examples=200)
@given(SIZES, st.integers(20, 220), st.data())
def test_the_position_of_interest_has_a_cell_and_its_page_is_whole(size, width, data):
    focus = data.draw(st.integers(0, size - 1))
    plan = plan_of(size, width, focus=focus)
    assert focus in plan.positions
    assert plan.positions.start >= 0 and plan.positions.stop <= size
    if plan.bar is not None:
        assert plan.shown == min(plan.per_line, size)


@given(SIZES, st.integers(30, 220), st.booleans())
def test_the_cells_are_as_wide_as_the_addresses_in_them(size, width, labelled):
    plan = plan_of(size, width, labelled=labelled, focus=size - 1)
    longest = max(len(address_text(position)) for position in (plan.positions[0], plan.positions[-1]))
    assert plan.cell_width >= longest + 2


@pytest.mark.parametrize(
    ("size", "per_line", "lines"), [(12, 12, 1), (15, 15, 1), (16, 8, 2), (17, 9, 2), (30, 15, 2), (24, 12, 2)]
)
def test_a_short_storage_is_all_cells_in_even_lines(size, per_line, lines):
    """At 80 columns 15 cells of two digits fit in a line."""
    plan = plan_of(size)
    assert (plan.per_line, plan.lines, plan.bar) == (per_line, lines, None)
    assert plan.positions == range(size)


def test_a_long_storage_is_a_bar_above_one_line_of_cells():
    plan = plan_of(1000)
    assert plan.bar == plan.y - 1
    assert (plan.lines, plan.first) == (1, 0)


def test_the_page_stays_while_one_points_within_it():
    """The strip does not slide under the pointer: pages of one width follow each other without a shared position."""
    pages = [plan_of(9000, focus=focus).positions for focus in range(2000, 4000)]
    assert all(page == pages[0] for page in pages[: pages[0].stop - 2000])
    distinct = list(dict.fromkeys(pages))
    assert len(distinct) > 100
    assert all(one.stop == other.start for one, other in pairwise(distinct))


@settings(max_examples=200)
@given(SIZES, st.integers(12, 220), st.sampled_from([0, -5]), st.data())
def test_any_position_is_on_the_page_that_is_turned_to_for_it(size, width, low, data):
    """Also where the addresses on its page are longer, and so fewer, than where the page begins."""
    plan = plan_of(size, width, low=low)
    position = data.draw(st.integers(low, low + size - 1))
    turned = plan.turned(plan.page_of(position))
    assert position in turned.positions
    assert turned == plan_of(size, width, low=low, focus=plan.page_of(position))
    assert plan.page_of(plan.page_of(position)) == plan.page_of(position)


@pytest.mark.parametrize("power", [3, 4, 5])
@pytest.mark.parametrize("width", [40, 97, 200])
def test_pages_on_both_sides_of_a_power_of_ten_hold_what_one_points_at(width, power):
    """There the addresses get longer in the middle of a page."""
    plan = plan_of(10**6, width)
    for position in range(10**power - 3 * width, 10**power + 20):
        if position >= 0:
            assert position in plan.turned(plan.page_of(position)).positions


@given(st.integers(-10, 10**12), st.integers(1, 10**12), st.data())
def test_colours_run_evenly_over_the_ramp_and_stop_at_its_ends(first, size, data):
    track = Track(min(first, 0), first + size, (first, first + size))
    one = data.draw(st.integers(first, first + size - 1))
    other = data.draw(st.integers(one, first + size - 1))
    assert 0 <= track.level(one) <= track.level(other) < LEVELS
    assert track.level(first) == track.level(first - 5) == 0
    assert size == 1 or track.level(first + size - 1) == LEVELS - 1
    assert track.level(one) == (one - first) * (LEVELS - 1) // max(size - 1, 1)
    assert track.level(first + size + 5) == LEVELS - 1


def test_a_storage_of_no_positions_is_a_strip_of_no_cells():
    info = TensorInfo("torch.Tensor", (0,), (1,), 0, "int64", 8, "cpu", False, StorageInfo("s", 0))
    empty = Stored("s", info, 8, 0, Track(0, 0, (0, 0)), ("int64",))
    plan = strip_plan(empty, 0, 80, lines=2, below=0, labelled=False)
    assert list(plan.positions) == []
    assert plan.position_at(plan.x, plan.y) is None
