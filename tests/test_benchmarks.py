"""The benchmarks judge as they say they do, and measure what they say they measure."""

from __future__ import annotations

import pytest

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
