"""Time on the stage: from seconds to a position between two steps, and back.

Problem: play, pause, scrub, speed and loop must agree on one number. Method: position p is a real number; at a whole
number k the picture is step k at rest, in between, the step to k + 1 is on its way. Each step has a dwell (it rests, so
that it can be read) and a travel time by its effect; elapsed seconds map to a position through the sum of both, and
nothing is ever counted up by ticks.

Cost: O(log steps) a question.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stridescope.records import History

__all__ = ["DWELL", "TRAVEL", "Timeline", "eased"]

DWELL = 0.7
"""Seconds that a step rests."""

TRAVEL = {"alloc": 0.5, "view": 1.0, "same": 0.4, "copy": 1.8, "write": 0.9, "refused": 1.1}
"""Seconds that the way to a step takes, by its effect."""


@dataclass(frozen=True)
class Timeline:
    """The effects of the steps, in order, and what follows for time."""

    effects: tuple[str, ...]

    @classmethod
    def of(cls, history: History) -> Timeline:
        """The timeline of a history."""
        return cls(tuple(step.effect for step in history.steps))

    @property
    def last(self) -> int:
        """The position of the last step; 0 where there is none."""
        return max(len(self.effects) - 1, 0)

    @cached_property
    def _arrivals(self) -> list[float]:
        """When each step comes to rest."""
        ways = (DWELL + TRAVEL[effect] for effect in self.effects[1:])
        return list(accumulate(ways, initial=0.0))

    @property
    def duration(self) -> float:
        """Seconds from the first step at rest until the last has rested."""
        return self._arrivals[-1] + DWELL

    def position(self, elapsed: float) -> float:
        """The position after `elapsed` seconds at speed 1, from 0.0 to `last`.

        >>> Timeline(("alloc", "view")).position(DWELL), Timeline(("alloc", "view")).position(DWELL + 0.5)
        (0.0, 0.5)
        """
        if elapsed <= 0:
            return 0.0
        step = bisect_right(self._arrivals, elapsed) - 1
        if step >= self.last:
            return float(self.last)
        travelled = elapsed - self._arrivals[step] - DWELL
        return step + max(travelled, 0.0) / TRAVEL[self.effects[step + 1]]

    def elapsed(self, position: float) -> float:
        """The seconds after which a position is reached: the inverse of `position`; of a whole one, the arrival.

        >>> Timeline(("alloc", "view")).elapsed(0.5) == DWELL + 0.5
        True
        """
        position = min(max(position, 0.0), float(self.last))
        step = int(position)
        share = position - step
        arrived = self._arrivals[step]
        return arrived if share == 0 else arrived + DWELL + share * TRAVEL[self.effects[step + 1]]


def eased(share: float) -> float:
    """A way from 0 to 1 that starts and ends gently.

    >>> eased(0.0), eased(0.5), eased(1.0)
    (0.0, 0.5, 1.0)
    """
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
