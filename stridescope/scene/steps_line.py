"""The steps of a history on a line, and which column is which position.

Problem: the line of steps is a drawing and a scroll bar at once: the position must be marked exactly, also between two
steps, a click on a step must find it, and a hundred steps must fit forty columns. Method: the glyph of each step is a
stop at a column; positions lie on the straight lines between stops, steps that are left out share the columns of
their gap, and both directions (position to column, column to position) read the same stops.

Cost: O(width) to place; O(log steps) a question.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.frame import Mark, Piece, Row, painted, piece
from stridescope.scene.text import count, shortened
from stridescope.scene.window import windows

if TYPE_CHECKING:
    from stridescope.records import History, Step

__all__ = ["Sign", "StepsLine", "placed", "signs"]

LABEL_WIDTH = 16

GLYPHS = {"alloc": "+", "view": "○", "same": "=", "copy": "●", "write": "◆", "refused": "×"}
ASCII_GLYPHS = {"alloc": "+", "view": "o", "same": "=", "copy": "#", "write": "*", "refused": "x"}


class Sign(NamedTuple):
    """What stands for a step: a short label and its effect."""

    label: str
    effect: str


def signs(history: History) -> tuple[Sign, ...]:
    """A sign for each step.

    >>> from stridescope.program import run
    >>> [sign.label for sign in signs(run("x = torch.arange(12).view(3, 4); x.t()[1:, ::2].add_(1)"))]
    ['arange', 'x = view', 't', '[1:, ::2]', 'add_']
    """
    return tuple(Sign(_label(step), step.effect) for step in history.steps)


def _label(step: Step) -> str:
    source = step.source.strip()
    place = source.find("[")
    # An index has no better name than itself.
    text = source[place:] if step.op in ("getitem", "setitem") and place >= 0 else step.op
    named = f"{step.name} = {text}" if step.name and step.name != text else text
    return "".join(char if char.isprintable() else " " for char in shortened(named, LABEL_WIDTH))


class StepsLine(NamedTuple):
    """The line of steps, `width` columns wide.

    Attributes:
        signs: a sign for each step.
        shown: the numbers of the steps that have a stop.
        stops: their columns, rising.
        width: in terminal cells.
    """

    signs: tuple[Sign, ...]
    shown: tuple[int, ...]
    stops: tuple[int, ...]
    width: int
    ascii: bool = False

    def column(self, position: float) -> float:
        """The column of a position; exactly a stop at a step that is shown.

        >>> line = placed((Sign("arange", "alloc"), Sign("view", "view")), 0, 40)
        >>> line.stops, line.column(0.5)
        ((1, 13), 7.0)
        """
        if not self.shown:
            return 0.0
        place = min(max(bisect_right(self.shown, position) - 1, 0), len(self.shown) - 1)
        low = self.shown[place]
        if place == len(self.shown) - 1 or position <= low:
            return float(self.stops[place])
        share = (position - low) / (self.shown[place + 1] - low)
        return self.stops[place] + share * (self.stops[place + 1] - self.stops[place])

    def position(self, column: float) -> float:
        """The position of a column, for dragging: the inverse of `column`; outside the stops, the nearest end."""
        if not self.shown:
            return 0.0
        place = bisect_right(self.stops, column) - 1
        if place < 0 or place == len(self.shown) - 1:
            return float(self.shown[max(place, 0)])
        share = (column - self.stops[place]) / (self.stops[place + 1] - self.stops[place])
        return self.shown[place] + share * (self.shown[place + 1] - self.shown[place])

    def step_at(self, column: int) -> int | None:
        """The step whose glyph or label is at a column, for clicking; None on a gap or a rule."""
        place = bisect_right(self.stops, column) - 1
        if place < 0:
            return None
        number = self.shown[place]
        return number if column < self.stops[place] + 2 + len(self.signs[number].label) else None

    def row(self, position: float, *, tracked: bool = False) -> Row:
        """The names: the step at rest or on its way stands out, what is passed is drawn heavier, the place is marked.

        `tracked` where `track` is drawn below, which marks the place.
        """
        current, here = ceil(position), self.column(position)
        dots = piece("." if self.ascii else "…", "quiet")
        runs: list[tuple[int, Piece]] = [(1, dots)] if self.shown and self.shown[0] > 0 else []
        for place, (number, stop) in enumerate(zip(self.shown, self.stops, strict=True)):
            sign = self.signs[number]
            glyph = (ASCII_GLYPHS if self.ascii else GLYPHS)[sign.effect]
            at_it = number == current
            runs.append((stop, piece(glyph, sign.effect, -1, Mark.CURSOR if number == position and not tracked else 0)))
            label = piece(sign.label, "bold" if at_it else "plain" if number < position else "quiet")
            runs.append((stop + 2, label))
            if place + 1 < len(self.shown):
                runs += self._between(stop + 3 + label.size, place, here)
        if self.shown and self.shown[-1] < len(self.signs) - 1:
            runs.append((self.stops[-1] + 3 + _columns(self.signs[self.shown[-1]].label), dots))
        if position != int(position) and not tracked:
            covered = painted(runs, self.width)
            runs.append((int(here), _marked(covered, int(here))))
        return painted(runs, self.width)

    def track(self, position: float) -> Row:
        """A line below the names: what is passed is heavy, the rest thin, a stop under each glyph."""
        heavy, thin, stop_sign, knob = ("=", "-", "+", "^") if self.ascii else ("━", "─", "┴", "▲")
        if not self.stops:
            return ()
        first, last = self.stops[0], self.stops[-1]
        here = int(self.column(position))
        effect = self.signs[min(ceil(position), len(self.signs) - 1)].effect
        runs = [(first, piece(heavy * (here - first), "plain")), (here, piece(thin * (last - here), "quiet"))]
        runs += [(stop, piece(stop_sign, "plain" if stop <= here else "quiet")) for stop in self.stops]
        return painted([run for run in [*runs, (here, piece(knob, effect))] if run[1].size], self.width)

    def _between(self, start: int, place: int, here: float) -> list[tuple[int, Piece]]:
        """The rule from a label to the next glyph, or the words for the steps left out there."""
        stop = self.stops[place + 1]
        left_out = self.shown[place + 1] - self.shown[place] - 1
        if left_out:
            return [(start, piece(_gap(left_out, self.ascii), "quiet"))]
        passed = here >= stop
        rule = ("=" if passed else "-") if self.ascii else ("━" if passed else "─")
        return [(start, piece(rule * (stop - start), "plain" if passed else "quiet"))]


@lru_cache(maxsize=64)
def placed(signs: tuple[Sign, ...], current: int, width: int, *, ascii: bool = False) -> StepsLine:
    """The steps placed on a line: all of them where they fit, else the ends and those around the current one.

    Where there is no room for the ends, the current step and its neighbours.

    >>> line = placed(tuple(Sign("view", "view") for _ in range(40)), 20, 70)
    >>> line.shown
    (0, 1, 20, 21, 39)
    """
    for budget in range(min(len(signs), width // 4), 3, -1):
        shown = tuple(number for part in windows(len(signs), budget, (current,)) for number in part)
        line = _with_stops(signs, shown, width, ascii)
        if line is not None:
            return line
    first, stop = current, min(current + 1, len(signs))
    while True:
        for wider in ((first, stop + 1), (first - 1, stop)):
            if wider[0] >= 0 and wider[1] <= len(signs) and _with_stops(signs, tuple(range(*wider)), width, ascii):
                first, stop = wider
                break
        else:
            break
    stops = (1 if first == 0 else 3,) if signs else ()
    return _with_stops(signs, tuple(range(first, stop)), width, ascii) or StepsLine(
        signs, (current,) if signs else (), stops, width, ascii
    )


def _with_stops(signs: tuple[Sign, ...], shown: tuple[int, ...], width: int, ascii: bool) -> StepsLine | None:
    """The line with these steps, or None where they do not fit."""
    stops: list[int] = []
    column = 1
    before: int | None = None
    for number in shown:
        if before is not None:
            left_out = number - before - 1
            column += 2 + len(_gap(left_out, ascii)) if left_out else 4
        elif number > 0:
            column += 2
        stops.append(column)
        column += 2 + _columns(signs[number].label)
        before = number
    if before is not None and before < len(signs) - 1:
        column += 2
    if column > width:
        return None
    return StepsLine(signs, shown, tuple(stops), width, ascii)


def _columns(label: str) -> int:
    return piece(label).size


def _gap(left_out: int, ascii: bool) -> str:
    dots = "..." if ascii else "…"
    return f"{dots} {count(left_out)} more {dots}"


def _marked(row: Row, column: int) -> Piece:
    """The character of a row at a column, marked; a block where there is none."""
    for x, part in row:
        if x <= column < x + part.size and len(part.text) == part.size:
            return piece(part.text[column - x], part.look.role, part.look.level, part.look.marks | Mark.CURSOR)
    return piece(" ", "plain", -1, Mark.CURSOR)
