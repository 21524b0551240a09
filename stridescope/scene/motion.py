"""The picture between two steps at rest, as a function of time.

Problem: thousands of cells move, wait, fade and light up, sixty times a second. Method: lists of pieces, by what they
do in time (`scene.ways` fills them); a place at time t is a sum of two products, and nothing of it depends on the frame
before. What stands still is painted once for each line.

Cost: a frame, two sums a moving cell, and the sorting of each row.
"""

from __future__ import annotations

from math import pi, sin
from typing import TYPE_CHECKING

from stridescope.scene.frame import Piece, Row, painted
from stridescope.scene.timeline import eased

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["FADE_UNTIL", "FLIGHT", "ROOM", "Motion"]

FLIGHT = 0.35
"""The share of a copy's time that one cell is on its way; they start one after another."""

FADE_UNTIL = 0.6

SWITCH = 0.5
"""Labels are those of the step before until then, of the step to come after it."""

ROOM = 0.12
"""A copy first makes room for the new storage; then the cells set out."""

LUNGE, REACH = 0.45, 0.3
"""A refused step gets so far, in time and on its way, before it is thrown back."""


Heads = dict[int, list[tuple[int, int]]]


class Motion:
    """Everything between two rests; `rows(t)` is the picture at a share t of the way.

    Attributes:
        still: for each line, the runs that stand all the time, in painting order.
        early, late: the same, of what is said before and after `switch`.
        heads: by line, the (first, last + 1) columns of heads, before and after `switch`; cells pass behind them.
        makes_room: whether the way begins by moving what was there aside.
        moved: how far the picture of the step before moves aside in the time ROOM; (x, y, dx, dy, piece, time) of what
            then waits to be read.
        together: (x, y, dx, dy, piece) of what moves all the time.
        in_turn: (x, y, dx, dy, start, flying, landed) of what sets out one after another, and its pieces on the way
            and after it.
        fading: (x, y, piece) of what is left behind, drawn until it has faded.
        lit: (x, y, piece, time) of what is painted over from a time on.
        tried: (x, y, dx, dy, piece) of what sets out and is thrown back.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.still: list[list[tuple[int, Piece]]] = [[] for _ in range(height)]
        self.early: list[list[tuple[int, Piece]]] = [[] for _ in range(height)]
        self.late: list[list[tuple[int, Piece]]] = [[] for _ in range(height)]
        self.switch = SWITCH
        self.heads: tuple[Heads, Heads] = ({}, {})
        self.makes_room = False
        self.together: list[tuple[int, int, int, int, Piece]] = []
        self.in_turn: list[tuple[int, int, int, int, float, Piece, Piece]] = []
        self.fading: list[tuple[int, int, Piece]] = []
        self.moved: list[tuple[int, int, int, int, Piece, float]] = []
        self.lit: list[tuple[int, int, Piece, float]] = []
        self.tried: list[tuple[int, int, int, int, Piece]] = []
        self._furthest = 0
        self._still_rows: list[Row | None] = [None] * height
        self._said = self.early
        self._closed: Heads = {}
        self._over: Mapping[int, Sequence[tuple[int, Piece]]] = {}

    def stand(self, x: int, y: int, part: Piece) -> None:
        """Paint a piece that does not move."""
        if 0 <= y < self.height:
            self.still[y].append((x, part))

    def glide(self, x: int, y: int, dx: int, dy: int, part: Piece) -> None:
        """Have a piece on its way all the time."""
        self._furthest = max(self._furthest, abs(dx), abs(dy))
        self.together.append((x, y, dx, dy, part))

    def rows(self, t: float, over: Mapping[int, Sequence[tuple[int, Piece]]]) -> tuple[Row, ...]:
        """The lines of the picture at a share of the way, 0 to 1; `over` is painted over lines, the same each time."""
        moving: list[list[tuple[int, Piece]]] = [[] for _ in range(self.height)]
        if t < FADE_UNTIL:
            for x, y, part in self.fading:
                moving[y].append((x, part))
        self._closed = {} if self.makes_room and t < ROOM else self.heads[t >= self.switch]
        aside = eased(t / ROOM)
        for x, y, dx, dy, part, until in self.moved:
            if t <= until:
                column, row = x + round(dx * aside), y + round(dy * aside)
                self._put(moving, column, row, part)
        self._fly(moving, t)
        for x, y, part, start in self.lit:
            if t >= start:
                moving[y].append((x, part))
        reach, push = _thrown_back(t)
        for x, y, dx, dy, part in self.tried:
            self._put(moving, x + round(dx * reach) + push, y + round(dy * reach), part)
        said = self.early if t < self.switch else self.late
        if over is not self._over or said is not self._said:
            self._over, self._said, self._still_rows = over, said, [None] * self.height
        return tuple(
            painted([*said[y], *self.still[y], *runs, *over.get(y, ())], self.width) if runs else self._still_row(y)
            for y, runs in enumerate(moving)
        )

    def _fly(self, moving: list[list[tuple[int, Piece]]], t: float) -> None:
        """What is on its way at a share of it: the innermost loop of a frame."""
        width, height, closed, share = self.width, self.height, self._closed, eased(t)
        # How far along each distance is; a negative one counts from the end. Looking up takes half of rounding.
        along = [round(way * share) for way in (*range(self._furthest + 1), *range(-self._furthest, 0))]
        for x, y, dx, dy, part in self.together:
            row, column = y + along[dy], x + along[dx]
            if 0 <= row < height and column >= 0 and column + part.size <= width:
                if row in closed and self._is_behind(column, row, part):
                    continue
                moving[row].append((column, part))
        for x, y, dx, dy, start, flown, landed in self.in_turn:
            if t >= start + FLIGHT:
                self._put(moving, x + dx, y + dy, landed)
            elif t > start:
                share = eased((t - start) / FLIGHT)
                column, row = x + round(dx * share), y + round(dy * share)
                if row not in closed or not self._is_behind(column, row, flown):
                    self._put(moving, column, row, flown)

    def _is_behind(self, x: int, y: int, part: Piece) -> bool:
        """Whether a place is covered by a head."""
        return any(x < stop and start < x + part.size for start, stop in self._closed[y])

    def _put(self, moving: list[list[tuple[int, Piece]]], x: int, y: int, part: Piece) -> None:
        """Paint a piece, unless it is not wholly in the picture."""
        if 0 <= y < self.height and x >= 0 and x + part.size <= self.width:
            moving[y].append((x, part))

    def _still_row(self, y: int) -> Row:
        row = self._still_rows[y]
        if row is None:
            row = self._still_rows[y] = painted([*self._said[y], *self.still[y], *self._over.get(y, ())], self.width)
        return row


def _thrown_back(t: float) -> tuple[float, int]:
    """Of a way that leads nowhere: how far along it is at time t, and the columns it trembles by."""
    if t < LUNGE:
        return REACH * eased(t / LUNGE), 0
    rest = (t - LUNGE) / (1 - LUNGE)
    return REACH * (1 - eased(min(2 * rest, 1.0))), round(2 * sin(6 * pi * rest) * (1 - rest))
