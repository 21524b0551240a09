"""Where the positions of a storage stand on the Stage: cell by cell, or as a bar with a window on it.

Problem: a storage of 12 positions is shown whole; one of 10**12 must show at once where its tensors lie and the very
cells one points at. Method: a storage that fits a few lines is all cells. A longer one is a bar, each column of which
stands for an equal share of the positions, above one line of cells, a page of the storage that holds the position of
interest. Both ways are a division: position to place, place to position.

Cost: O(1) a question; the bar costs its columns, whatever the storage holds.

Units: positions are those of the storage's `Track`; x and y are terminal cells of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stridescope.scene.text import address_text

if TYPE_CHECKING:
    from stridescope.scene.cast import Stored
    from stridescope.scene.track import Track

__all__ = ["StripPlan", "strip_plan"]

MARGIN = 1


@dataclass(frozen=True, slots=True)
class StripPlan:
    """The place of one storage's strip.

    Attributes:
        x, y: of the first cell of the first line; the head is the line above `y` (and its labels, if any).
        cell_width: of a cell; cells stand one column apart.
        per_line, lines: cells in a line, and lines.
        line_pitch: from one line of cells to the next: the cells, their labels, the rows of names.
        labels: lines of labels above each line of cells: 0 or 1.
        first: the first position shown as a cell.
        shown: how many are.
        bar: the line of the bar, None where every position is a cell.
        bar_width: columns of the bar.
        width: columns that the strip may take.
        least: characters that a cell has room for at least.
    """

    stored: Stored
    x: int
    y: int
    width: int
    cell_width: int
    per_line: int
    lines: int
    line_pitch: int
    labels: int
    first: int
    shown: int
    bar: int | None
    bar_width: int
    least: int = 2

    @property
    def track(self) -> Track:
        """The storage's positions."""
        return self.stored.track

    @property
    def head(self) -> int:
        """The line of the head, above the cells and the bar."""
        return self.y - 1 - (self.bar is not None)

    @property
    def bottom(self) -> int:
        """The first line below the strip."""
        return self.y + self.lines * self.line_pitch

    @property
    def positions(self) -> range:
        """Those shown as cells."""
        return range(self.first, self.first + self.shown)

    def place(self, position: int) -> tuple[int, int] | None:
        """(x, y) of the cell of a position, None where it has none."""
        at = position - self.first
        if not 0 <= at < self.shown:
            return None
        line, column = divmod(at, self.per_line)
        return self.x + column * (self.cell_width + 1), self.y + line * self.line_pitch + self.labels

    def near(self, position: int) -> tuple[int, int]:
        """(x, y) of a position's cell, or of its column on the bar."""
        found = self.place(position)
        if found is not None:
            return found
        if self.bar is None:
            return self.x, self.y
        return self.x + min(max(self.bar_column(position), 0), self.bar_width - 1), self.bar

    def turned(self, position: int) -> StripPlan:
        """The same strip with the page that holds a position; itself where every position is a cell."""
        if self.bar is None:
            return self
        track = self.track
        cell_width, fit, start = self._page(position)
        first = max(min(start, track.high - fit), track.low)
        shown = min(fit, track.high - track.low)
        return replace(self, cell_width=cell_width, per_line=fit, first=first, shown=shown)

    def page_of(self, position: int) -> int:
        """A position that turns to the page of another, the same one for as much of that page as can be."""
        start = self._page(position)[2]
        _, fit, first = self._page(start)
        return start if first <= position < first + fit else position

    def _page(self, position: int) -> tuple[int, int, int]:
        """Of the page with a position: how wide its cells are, how many there are, and where it starts."""
        low, high = self.track.low, self.track.high
        # Addresses are as long as those on the page that is shown.
        cell_width, fit = _cells(self.track, min(high - 1, position + 2 * self.width), self.width, self.least)
        # Whole pages, so that what is pointed at moves and not the strip under it.
        return cell_width, fit, low + (position - low) // fit * fit

    def bar_column(self, position: int) -> int:
        """The column of the bar that stands for a position."""
        size = self.track.high - self.track.low
        return (position - self.track.low) * self.bar_width // max(size, 1)

    def edges(self) -> list[int]:
        """The positions at which the columns of the bar begin, and the end of the last one."""
        low, size = self.track.low, self.track.high - self.track.low
        # The first position that `bar_column` puts into a column.
        return [low + -(-column * size // self.bar_width) for column in range(self.bar_width + 1)]

    def position_at(self, x: int, y: int) -> int | None:
        """The position whose cell, or whose column of the bar, covers a place."""
        if self.bar is not None and y == self.bar:
            column = x - self.x
            return self.edges()[column] if 0 <= column < self.bar_width else None
        line, below = divmod(y - self.y, self.line_pitch)
        column, right = divmod(x - self.x, self.cell_width + 1)
        if not (0 <= line < self.lines and below == self.labels and 0 <= column < self.per_line):
            return None
        at = line * self.per_line + column
        return self.first + at if right < self.cell_width and at < self.shown else None


def strip_plan(
    stored: Stored,
    y: int,
    width: int,
    *,
    lines: int,
    below: int,
    labelled: bool,
    inner: int = 0,
    margin: int = 0,
    focus: int | None = None,
) -> StripPlan:
    """The plan of a strip whose head stands at line `y`.

    Args:
        lines: lines of cells that it may take.
        below: lines of marks under each line of cells.
        labelled: whether a line of labels stands above each line of cells.
        inner: the least number of characters in a cell.
        margin: columns left of the cells, for the heads of the marks.
        focus: the position that must have a cell.
    """
    track = stored.track
    size = track.high - track.low
    x = MARGIN + margin
    room = max(width - x - MARGIN, 1)
    cell_width, fit = _cells(track, track.high - 1, room, inner)
    labels = 1 if labelled else 0
    pitch = 1 + labels + below
    if size <= fit * lines:
        used = max(-(-size // fit), 1)
        per_line = _evenly(size, fit, used)
        used = max(-(-size // per_line), 1)
        return StripPlan(stored, x, y + 1, room, cell_width, per_line, used, pitch, labels, track.low, size, None, room)
    paged = StripPlan(stored, x, y + 2, room, cell_width, fit, 1, pitch, labels, 0, 0, y + 1, min(room, size), inner)
    return paged.turned(track.ramp[0] if focus is None else focus)


def _cells(track: Track, highest: int, room: int, least: int) -> tuple[int, int]:
    """The width of a cell that holds the addresses up to a position, and how many fit in a line."""
    digits = max(len(address_text(max(highest, 0))), len(address_text(track.low)), least, 2)
    return digits + 2, max((room + 1) // (digits + 3), 1)


def _evenly(size: int, fit: int, lines: int) -> int:
    """Cells a line: as equal as possible, and a divisor of `size` if one is near."""
    equal = max(-(-size // lines), 1)
    return next((per for per in range(equal, min(fit, equal + 3) + 1) if size % per == 0), equal)
