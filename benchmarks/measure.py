"""Timing several things against each other on a machine that does other work too.

Problem: a ratio of two timings taken one after the other compares two moments of the machine as much as
two programs. Method: all contenders run in turns, round after round, and each keeps its best round; noise
only ever adds time. Cost: rounds × the sum of the contenders.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

__all__ = ["Measured", "Row", "best_of_calls", "best_of_processes", "fair_environment"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One contender of a row.

    Attributes:
        what: what it is.
        seconds: its best time; of another `unit`, how many of those; None where it is not installed.
        unit: "s", or what is counted.
    """

    what: str
    seconds: float | None
    unit: str = "s"


@dataclass(frozen=True, slots=True)
class Row:
    """One promise.

    Attributes:
        at_most: ours may take this many times the floor.
        peer_at_least: ours is to be this many times as fast as the peer; None promises nothing.
    """

    name: str
    floor: Measured
    ours: Measured
    at_most: float
    peer: Measured | None = None
    peer_at_least: float | None = None

    @property
    def ratio(self) -> float:
        """Ours over the floor; of a floor of nothing, 1 for nothing."""
        ours, floor = _seconds(self.ours), _seconds(self.floor)
        return ours / floor if floor else 1.0 + ours

    @property
    def speedup(self) -> float | None:
        """The peer over ours; None without a peer."""
        if self.peer is None or self.peer.seconds is None:
            return None
        return self.peer.seconds / _seconds(self.ours)

    @property
    def ok(self) -> bool:
        """Whether the promise holds; what could not be measured breaks none."""
        beaten = self.peer_at_least is None or self.speedup is None or self.speedup >= self.peer_at_least
        return self.ratio <= self.at_most and beaten

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`; times in seconds."""
        return {**asdict(self), "ratio": self.ratio, "speedup": self.speedup, "ok": self.ok}


def _seconds(measured: Measured) -> float:
    if measured.seconds is None:
        raise ValueError(f"{measured.what} was not measured")
    return measured.seconds


def best_of_processes(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, float]:
    """Best wall time in seconds of each command, Python before its arguments, run in turns.

    The processes are as `fair_environment` and `python -S` make them.
    """
    environment = {**fair_environment(), "COLUMNS": "80"}
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, arguments in commands.items():
            start = perf_counter()
            subprocess.run([sys.executable, "-S", *arguments], stdout=subprocess.DEVNULL, env=environment, check=True)
            best[name] = min(best[name], perf_counter() - start)
    return best


def fair_environment() -> dict[str, str]:
    """The environment of a process that is timed, with `python -S`.

    Bytecode is cached, as it is for an installed package; the first round may compile. The installed packages are on
    the path, but what some of them run at every start (.pth hooks) is not: it would add to floor and ours alike, and
    flatter the ratio.
    """
    paths = [*{sysconfig.get_path(name): None for name in ("purelib", "platlib")}, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def best_of_calls(calls: Mapping[str, Callable[[], object]], rounds: int, seconds: float = 0.02) -> dict[str, float]:
    """Best time in seconds of one call of each, in turns; a round repeats a call for about `seconds`."""
    repeats = {name: _repeats(call, seconds) for name, call in calls.items()}
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], _time(call, repeats[name]) / repeats[name])
    return best


def _repeats(call: Callable[[], object], seconds: float) -> int:
    call()  # first calls import, compile and fill caches
    repeats = 1
    while (taken := _time(call, repeats)) < seconds / 2:
        repeats = max(2 * repeats, int(repeats * seconds / max(taken, 1e-7) / 2))
    return repeats


def _time(call: Callable[[], object], repeats: int) -> float:
    start = perf_counter()
    for _ in range(repeats):
        call()
    return perf_counter() - start
