"""The player and the walk: positions that are functions of the clock and of nothing else."""

from __future__ import annotations

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridescope.scene.timeline import DWELL, TRAVEL, Timeline
from stridescope.tui.stage.player import LONGEST, PACE, SPEEDS, STEADY, Player, Walk


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


effects = st.lists(st.sampled_from(sorted(TRAVEL)), min_size=1, max_size=7).map(tuple)
waits = st.lists(st.floats(0, 3), max_size=8)


def player_of(*kinds: str) -> tuple[Player, Clock]:
    clock = Clock()
    return Player(Timeline(kinds or ("alloc", "view", "copy", "view")), clock), clock


@given(effects, waits)
def test_playing_never_goes_back_and_never_leaves_the_timeline(kinds: tuple[str, ...], steps: list[float]) -> None:
    player, clock = player_of(*kinds)
    player.play()
    seen = [player.position]
    for wait in steps:
        clock.now += wait
        seen.append(player.position)
    assert seen == sorted(seen)
    assert seen[0] >= 0.0 and seen[-1] <= len(kinds) - 1


@given(effects, waits, st.sampled_from(SPEEDS))
def test_the_position_does_not_depend_on_how_often_it_is_read(
    kinds: tuple[str, ...], steps: list[float], speed: float
) -> None:
    read, unread = player_of(*kinds), player_of(*kinds)
    for player, _ in (read, unread):
        while player.speed < speed:
            player.faster(1)
        player.play()
    for wait in steps:
        for _, clock in (read, unread):
            clock.now += wait
        _ = read[0].position, read[0].moving, read[0].playing
    assert read[0].position == unread[0].position
    assert read[0].moving == unread[0].moving


@given(effects, st.lists(st.sampled_from([1, -1]), max_size=6), waits)
def test_steps_always_come_to_rest_on_a_whole_step(kinds: tuple[str, ...], ways: list[int], steps: list[float]) -> None:
    player, clock = player_of(*kinds)
    for by, wait in zip(ways, [*steps, *[0.1] * 6], strict=False):
        player.step(by)
        clock.now += wait
        assert 0.0 <= player.position <= len(kinds) - 1
    clock.now += 60
    assert player.position == int(player.position)
    assert not player.moving


operations = st.sampled_from(
    ["play", "pause", "toggle", "home", "end", "settle", "step+", "step-", "scrub+", "scrub-", "fast", "slow", "loop"]
)


@given(effects, st.lists(st.tuples(operations, st.floats(0, 2)), max_size=12), st.booleans())
def test_any_keys_at_any_time_leave_a_position_on_the_timeline(
    kinds: tuple[str, ...], presses: list[tuple[str, float]], reduced: bool
) -> None:
    player, clock = player_of(*kinds)
    player.reduced = reduced
    for name, wait in presses:
        DO[name](player)
        clock.now += wait
        assert 0.0 <= player.position <= len(kinds) - 1
        assert player.speed in SPEEDS
        assert player.moving or not player.playing


DO = {
    "play": Player.play,
    "pause": Player.pause,
    "toggle": Player.toggle,
    "home": Player.home,
    "end": Player.end,
    "settle": Player.settle,
    "step+": lambda player: player.step(1),
    "step-": lambda player: player.step(-1),
    "scrub+": lambda player: player.scrub_by(1),
    "scrub-": lambda player: player.scrub_by(-1),
    "fast": lambda player: player.faster(1),
    "slow": lambda player: player.faster(-1),
    "loop": lambda player: player.repeat(not player.loop),
}


def test_playing_starts_at_once_and_stops_at_the_end() -> None:
    player, clock = player_of("alloc", "view")
    player.play()
    clock.now += TRAVEL["view"] / 2
    assert isclose(player.position, 0.5) and player.playing
    clock.now += TRAVEL["view"]
    assert player.position == 1.0 and not player.playing and not player.moving


def test_each_step_rests_before_the_next_one_starts() -> None:
    player, clock = player_of("alloc", "view", "view")
    player.play()
    clock.now += TRAVEL["view"] + DWELL / 2
    assert player.position == 1.0 and player.playing


def test_playing_at_the_end_starts_over() -> None:
    player, _ = player_of()
    player.end()
    player.play()
    assert player.position == 0.0 and player.playing


def test_a_loop_starts_over_and_ends_when_it_is_switched_off() -> None:
    player, clock = player_of("alloc", "view")
    player.repeat(True)
    player.play()
    seen = set()
    for _ in range(60):
        clock.now += 0.1
        seen.add(player.position == 0.0)
        assert player.playing
    assert seen == {True, False}
    player.repeat(False)
    clock.now += 10
    assert player.position == 1.0 and not player.moving


def test_a_pause_holds_the_very_place() -> None:
    player, clock = player_of()
    player.play()
    clock.now += 0.3
    player.pause()
    held = player.position
    clock.now += 50
    assert player.position == held != 0.0
    player.toggle()
    clock.now += 0.1
    assert player.position > held


def test_pressing_again_on_the_way_goes_on_to_the_step_after() -> None:
    player, clock = player_of()
    player.step(1)
    clock.now += 0.1
    player.step(1)
    clock.now += 60
    assert player.position == 2.0


def test_the_other_way_on_the_way_goes_back_to_where_it_came_from() -> None:
    player, clock = player_of()
    player.seek(1)
    player.step(1)
    clock.now += 0.4
    assert 1.0 < player.position < 2.0
    player.step(-1)
    clock.now += 60
    assert player.position == 1.0


def test_a_step_does_not_jump() -> None:
    player, clock = player_of()
    before = 0.0
    player.step(1)
    while player.moving:
        clock.now += 0.01
        assert 0 <= player.position - before < 0.05
        before = player.position


def test_scrubbing_goes_by_tenths_and_meets_whole_steps_exactly() -> None:
    player, _ = player_of()
    seen = []
    for _ in range(20):
        player.scrub_by(1)
        seen.append(player.position)
    assert seen == [place / 10 for place in range(1, 21)]
    for _ in range(30):
        player.scrub_by(-1)
    assert player.position == 0.0


def test_scrubbing_from_between_goes_to_the_next_tenth() -> None:
    player, _ = player_of()
    player.seek(0.537)
    player.scrub_by(1)
    assert player.position == 0.6
    player.seek(0.537)
    player.scrub_by(-1)
    assert player.position == 0.5


@pytest.mark.parametrize("speed", SPEEDS)
def test_speed_divides_the_time(speed: float) -> None:
    player, clock = player_of("alloc", "copy")
    player.faster(SPEEDS.index(speed) - SPEEDS.index(player.speed))
    player.play()
    clock.now += TRAVEL["copy"] / speed / 2
    assert isclose(player.position, 0.5)


def test_another_speed_goes_on_from_here() -> None:
    player, clock = player_of()
    for start in (player.play, lambda: player.step(1)):
        player.home()
        start()
        clock.now += 0.3
        here = player.position
        player.faster(1)
        assert isclose(player.position, here) and player.moving
        clock.now += 0.05
        assert player.position > here
        player.faster(-1)


def test_speeds_end_at_the_ends_of_their_list() -> None:
    player, _ = player_of()
    for _ in range(9):
        player.faster(1)
    assert player.speed == SPEEDS[-1]
    for _ in range(9):
        player.faster(-1)
    assert player.speed == SPEEDS[0]


def test_reduced_motion_jumps_from_rest_to_rest_and_keeps_the_time() -> None:
    player, clock = player_of()
    player.reduced = True
    player.step(1)
    assert player.position == 1.0 and not player.moving
    player.home()
    player.play()
    seen = []
    while player.moving:
        clock.now += 0.05
        seen.append(player.position)
    assert set(seen) == {1.0, 2.0, 3.0}
    assert min(seen.count(step) * 0.05 for step in (1.0, 2.0)) >= DWELL


def test_a_program_without_steps_or_with_one_does_not_move() -> None:
    for kinds in ((), ("alloc",)):
        player, clock = Player(Timeline(kinds), Clock()), 0
        player.repeat(True)
        player.play()
        player.step(1)
        player.scrub_by(1)
        assert player.position == clock == 0.0 and not player.moving


def test_settling_ends_a_travel_where_it_was_going() -> None:
    player, clock = player_of()
    player.step(1)
    clock.now += 0.1
    player.settle()
    assert player.position == 1.0 and not player.moving


lengths = st.one_of(st.integers(1, 300), st.integers(1, 10**18))


@given(lengths, waits)
def test_a_walk_never_goes_back_and_ends_at_the_last_element(length: int, steps: list[float]) -> None:
    clock = Clock()
    walk = Walk(length, clock)
    walk.toggle()
    before = 0
    for wait in steps:
        clock.now += wait
        assert before <= walk.place < length
        before = walk.place
    clock.now += LONGEST + 0.01
    assert walk.place == length - 1 and not walk.moving


@given(lengths, st.floats(0, LONGEST))
def test_a_walk_goes_on_from_the_element_it_was_paused_on(length: int, wait: float) -> None:
    clock = Clock()
    walk = Walk(length, clock)
    walk.toggle()
    clock.now += wait
    here, going = walk.place, walk.moving
    if going:
        walk.toggle()
        clock.now += 5
        assert walk.place == here and not walk.moving
        if here < length - 1:
            walk.toggle()
            assert walk.place == here
            clock.now += LONGEST
            assert walk.place == length - 1


def test_a_walk_starts_at_six_elements_a_second_however_long_it_is() -> None:
    for length in (60, 10**6, 10**12):
        clock = Clock()
        walk = Walk(length, clock)
        walk.toggle()
        clock.now += STEADY - 0.5
        assert walk.place == int(PACE * (STEADY - 0.5)) and walk.times_faster == 1.0


def test_a_long_walk_says_how_much_faster_it_goes() -> None:
    clock = Clock()
    walk = Walk(10**12, clock)
    walk.toggle()
    clock.now += LONGEST - 0.1
    before = walk.place
    faster = walk.times_faster
    clock.now += 0.001
    assert isclose((walk.place - before) / 0.001, PACE * faster, rel_tol=0.01)


def test_a_walk_steps_by_one_and_starts_over_at_its_end() -> None:
    clock = Clock()
    walk = Walk(3, clock)
    for by, place in ((1, 1), (1, 2), (1, 2), (-1, 1), (-1, 0), (-1, 0)):
        walk.step(by)
        assert walk.place == place
    walk.seek(2)
    walk.toggle()
    assert walk.place == 0 and walk.moving


def test_a_walk_keeps_its_place_at_another_speed() -> None:
    clock = Clock()
    walk = Walk(1000, clock)
    walk.toggle()
    clock.now += 2
    here = walk.place
    walk.set_speed(2.0)
    assert walk.place == here and walk.moving
    clock.now += 1
    assert walk.place == here + 2 * PACE
