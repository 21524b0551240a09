"""The positions of one storage, and the colour of each.

Problem: tensors of several dtypes lie on one storage, whose strip has one kind of position, and an address must keep
its colour in strip and grid, at every step. Method: a position is as long as the smallest item that is drawn; a `Track`
says which positions there are and gives each a level of the ramp. Cost: O(tensors).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LEVELS", "Track"]

LEVELS = 256
"""Steps of the colour ramp."""


@dataclass(frozen=True, slots=True)
class Track:
    """The positions of one storage, in units of the smallest item that is drawn on it.

    Attributes:
        low, high: the half-open range of positions that exist or are reached.
        ramp: the half-open range of positions over which the colours run.
    """

    low: int
    high: int
    ramp: tuple[int, int]

    def level(self, position: int) -> int:
        """The ramp level of a position."""
        first, stop = self.ramp
        last = max(stop - 1 - first, 1)
        return min(max((position - first) * (LEVELS - 1) // last, 0), LEVELS - 1)
