"""The benchmarks judge as they say they do, and measure what they say they measure."""

from __future__ import annotations

import pytest

from benchmarks.app import frames, idle_bytes, picture_counts, typing
from benchmarks.measure import Measured, Row, best_of_calls, best_of_processes
from benchmarks.rows import algebra


def row(ours: float, peer: float | None) -> Row:
    return Row("r", Measured("floor", 1.0), Measured("ours", ours), 2.0, Measured("peer", peer), 3.0)


@pytest.mark.parametrize(
    ("ours", "peer", "ok"),
    [(2.0, 6.0, True), (2.1, 60.0, False), (2.0, 5.9, False), (1.0, None, True)],
)
def test_a_promise_holds_when_both_its_ratios_do(ours: float, peer: float | None, ok: bool) -> None:
    """A peer that is not installed breaks no promise."""
    assert row(ours, peer).ok is ok


def test_of_nothing_nothing_alone_is_enough() -> None:
    nothing, something = Measured("n", 0, "bytes"), Measured("s", 3, "bytes")
    assert Row("r", nothing, nothing, 1.0).ok
    assert not Row("r", nothing, something, 1.0).ok


def test_calls_are_timed_one_by_one() -> None:
    calls = {"short": lambda: sum(range(100)), "long": lambda: sum(range(10_000))}
    best = best_of_calls(calls, rounds=3, seconds=0.002)
    assert 0 < best["short"] < best["long"] < 0.1


def test_a_process_that_fails_is_not_a_measurement() -> None:
    with pytest.raises(Exception, match="exit status 3"):
        best_of_processes({"fails": ["-c", "raise SystemExit(3)"]}, rounds=1)


def test_every_view_op_is_measured_on_the_layouts_it_names() -> None:
    rows = list(algebra(quick=True))
    assert [found.name.endswith("of 10^15 elements") for found in rows] == [True] * 5
    assert all(found.to_dict()["ratio"] > 0 for found in rows)


# The app: what follows is no measurement, for which a test has no time, but shows that there is something to measure.


def test_frames_are_counted_while_a_picture_plays() -> None:
    """Those of the floor, which plays as the app does, from pictures that are ready."""
    found = frames("floor", 0.4)
    assert found["frames"] >= 3
    assert 0 < found["seconds_a_frame"] < 0.1
    assert found["bytes_a_frame"] > 1000


def test_a_stage_at_rest_writes_nothing() -> None:
    assert idle_bytes(0.4) == 0


def test_each_key_of_a_chain_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.app.TYPED", "torch.arange(6)")
    taken = typing(1)
    assert len(taken) == 15
    assert sum(0.0005 < seconds < 1 for seconds in taken) >= 12


def test_more_elements_are_no_more_work_for_a_picture() -> None:
    """Calls into the algebra and cells drawn, for 10^3 elements and for nearly 10^12."""
    calls, cells = zip(picture_counts(10**3), picture_counts(8 * 10**11), strict=True)
    assert calls[1] <= calls[0]
    assert cells[1] == pytest.approx(cells[0], rel=0.02)
