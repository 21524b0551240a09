"""Time and position: one is the other's inverse, and both agree with the sum of dwells and travels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridescope.records import History
from stridescope.scene.timeline import DWELL, TRAVEL, Timeline, eased

timelines = st.lists(st.sampled_from(sorted(TRAVEL)), max_size=12).map(lambda effects: Timeline(tuple(effects)))
shares = st.floats(0, 1, allow_nan=False)


def arrival(timeline: Timeline, step: int) -> float:
    """The oracle: each step before it rests, then the way to the next is travelled."""
    return sum(DWELL + TRAVEL[effect] for effect in timeline.effects[1 : step + 1])


@given(timelines, shares)
def test_a_position_is_reached_when_its_elapsed_time_says(timeline, share):
    position = share * timeline.last
    assert timeline.position(timeline.elapsed(position)) == pytest.approx(position, abs=1e-9)


@given(timelines)
def test_a_whole_position_is_the_moment_of_arrival(timeline):
    for step in range(len(timeline.effects)):
        assert timeline.elapsed(float(step)) == pytest.approx(arrival(timeline, step))
        assert timeline.position(timeline.elapsed(float(step))) == pytest.approx(step, abs=1e-9)


@given(timelines, shares, shares)
def test_time_never_runs_backwards(timeline, one, other):
    first, second = sorted((one * timeline.duration, other * timeline.duration))
    assert timeline.position(first) <= timeline.position(second)
    assert timeline.elapsed(one * timeline.last) <= timeline.elapsed(other * timeline.last) or one > other


@given(timelines, st.floats(0, DWELL * 0.999))
def test_each_step_rests_as_long_as_it_takes_to_read(timeline, waited):
    for step in range(len(timeline.effects)):
        assert timeline.position(arrival(timeline, step) + waited) == pytest.approx(step, abs=1e-9)


@given(timelines, st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_any_time_and_any_position_are_taken_and_stay_in_bounds(timeline, number):
    assert 0.0 <= timeline.position(number) <= timeline.last
    assert 0.0 <= timeline.elapsed(number) <= timeline.duration


def test_the_last_step_rests_too_and_no_step_takes_no_time_to_get_to():
    assert Timeline(("alloc", "view", "copy")).duration == pytest.approx(3 * DWELL + TRAVEL["view"] + TRAVEL["copy"])
    assert Timeline(()).last == Timeline(("alloc",)).last == 0
    assert Timeline(()).position(99) == Timeline(("alloc",)).position(99) == 0.0


def test_every_effect_a_step_can_have_takes_time(program: History):
    timeline = Timeline.of(program)
    assert timeline.effects == tuple(step.effect for step in program.steps)
    assert set(timeline.effects) <= TRAVEL.keys()
    assert min(TRAVEL.values()) > 0


@given(shares, shares)
def test_easing_keeps_order_and_ends(one, other):
    assert (eased(0.0), eased(1.0), eased(-1.0), eased(2.0)) == (0.0, 1.0, 0.0, 1.0)
    assert eased(min(one, other)) <= eased(max(one, other))
