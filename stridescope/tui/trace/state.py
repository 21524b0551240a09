"""Where the reader stands on the Trace screen.

Problem: all steps, those that copied, and lines by bytes are three lists of one trace, and going from one to another
must not lose the place. Method: the marked row is a number in the list that is shown; a list of the steps that copied
is made once. Cost: that list, linear in the steps.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from stridescope.scene.trace_rows import history_of, line_details, line_row, numbers_that_copied, step_details, step_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import History
    from stridescope.records.traces import CopiedLine, Trace, TraceStep
    from stridescope.scene.frame import Row
    from stridescope.scene.panel import Section
    from stridescope.scene.storage_rows import Standing
    from stridescope.scene.trace_rows import TraceView

__all__ = ["State"]


class State:
    """The standing of one Trace screen.

    Attributes:
        trace: the trace.
        steps: its steps as they were when the screen was made: it may still fill.
        view: which list is shown.
        place: the number of the marked row in it.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.steps: Sequence[TraceStep] = trace.steps
        self._count = len(self.steps)
        self.view: TraceView = "steps"
        self.place = 0

    @cached_property
    def copied(self) -> list[int]:
        """The places of the steps that copied."""
        return numbers_that_copied(islice(self.steps, self._count))

    @cached_property
    def lines(self) -> tuple[CopiedLine, ...]:
        """What was copied, by line, most bytes first."""
        return self.trace.copies

    @cached_property
    def whole(self) -> int:
        """Bytes copied in all."""
        return sum(line.nbytes for line in self.lines)

    @property
    def length(self) -> int:
        """How many rows there are."""
        return self._count if self.view == "steps" else len(self.copied if self.view == "copies" else self.lines)

    @property
    def step(self) -> TraceStep | None:
        """The marked step; of a line the one that copied most."""
        if self.place >= self.length:
            return None
        return self.lines[self.place].step if self.view == "lines" else self._step(self.place)

    def _step(self, row: int) -> TraceStep:
        return self.steps[self.copied[row] if self.view == "copies" else row]

    def row(self, number: int, width: int, standing: Standing) -> Row:
        """One row."""
        if number >= self.length:
            return ()
        if self.view == "lines":
            return line_row(self.lines[number], self.whole, width, standing)
        return step_row(self._step(number), width, standing)

    def details(self) -> list[Section]:
        """What is known of the marked row."""
        step = self.step
        if step is None:
            return []
        return line_details(self.lines[self.place], self.whole) if self.view == "lines" else step_details(step)

    def history(self) -> History | None:
        """The marked step as a program."""
        step = self.step
        return None if step is None else history_of(step)

    def mark(self, place: int) -> None:
        """Mark a row."""
        self.place = min(max(place, 0), max(self.length - 1, 0))

    def show(self, view: TraceView) -> None:
        """Show a list, or if it is shown all steps; the step that is marked stays so where it is there too."""
        view = "steps" if view == self.view else view
        here = self.copied[self.place] if self.view == "copies" and self.place < len(self.copied) else self.place
        if self.view == "lines":
            # Of a line, the step that copied most, if it was kept.
            step = self.step
            number = -1 if step is None else step.number - (self.steps[0].number if self._count else 0)
            here = number if 0 <= number < self._count and self.steps[number].op == getattr(step, "op", "") else 0
        self.view = view
        self.mark(0 if view == "lines" else bisect_left(self.copied, here) if view == "copies" else here)

    def next_copy(self, by: int) -> None:
        """Mark the next step that copied, or the one before; after the last comes the first."""
        if self.view != "steps":
            self.place = (self.place + by) % max(self.length, 1)
        elif self.copied:
            at = bisect_right(self.copied, self.place) if by > 0 else bisect_left(self.copied, self.place) - 1
            self.mark(self.copied[at % len(self.copied)])
