"""A picture as rows of text runs that say what they mean, not how they look.

Problem: thousands of cells move at 60 frames a second, later ones over earlier ones, and the same picture must be
compared in tests without a terminal. Method: a `Piece` is a text with a look in words (a role, a level of the colour
ramp, marks); equal pieces are one object, so that whoever draws turns each into a styled segment once and finds it by
identity afterwards. `painted` sorts the pieces of each row and cuts those that lie under another.

Cost: O(n log n) in the runs of a row; a row in which nothing overlaps is only sorted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

__all__ = ["BLANK", "Frame", "Look", "Mark", "Piece", "Row", "Run", "painted", "piece", "plain_text", "size_of"]


class Mark:
    """What is said of a cell beside its colour; a bit set."""

    CURSOR = 1
    TWIN = 2  # another index that reaches the cursor's address
    WRITTEN = 4
    ODD = 8  # nan or infinite
    LEFT = 16  # left behind by the step: fading
    POINTER = 32  # where the walk stands
    BROKEN = 64  # where a refused step broke
    DIM = 128  # reached from the cursor along the selected dim
    TRAIL = 256  # where the walk has been


class Look(NamedTuple):
    """What a piece of text means.

    Attributes:
        role: "cell" and "bar" (with a level: a cell has it as its ground, a bar is written in it), "plain", "bold",
            "quiet", "chosen" (what is selected in a list), or the word of an effect.
        level: 0 to 255 on the colour ramp; -1 for what has no colour of its own.
        marks: a bit set of `Mark`.
    """

    role: str = "plain"
    level: int = -1
    marks: int = 0


PLAIN = Look()


class Piece:
    """A run of text with its look; made by `piece`, compared by identity.

    Attributes:
        size: its width in terminal cells.
    """

    __slots__ = ("look", "size", "text")

    def __init__(self, text: str, look: Look, size: int) -> None:
        self.text = text
        self.look = look
        self.size = size

    def __repr__(self) -> str:
        return f"Piece({self.text!r}, {self.look})"


@lru_cache(maxsize=65_536)
def piece(text: str, role: str = "plain", level: int = -1, marks: int = 0) -> Piece:
    """The piece of a text and a look; the same object for the same arguments while it is remembered.

    >>> piece("7", "cell", 128) is piece("7", "cell", 128)
    True
    """
    return Piece(text, Look(role, level, marks), size_of(text))


def size_of(text: str) -> int:
    """The width of a text in terminal cells: wide characters take two, combining ones none.

    >>> size_of("abc"), size_of("한글")
    (3, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_size(char) for char in text)


def _size(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


BLANK = piece(" ")


Run = tuple[int, Piece]
"""The column that a piece starts at, and the piece; a bare pair, since a frame has thousands of them."""

Row = tuple[Run, ...]
"""The runs of one line, from left to right, none over another, all inside the frame; between them is background."""


class Frame(NamedTuple):
    """One picture: `height` rows, each `width` terminal cells wide."""

    width: int
    height: int
    rows: tuple[Row, ...]


def painted(runs: Sequence[tuple[int, Piece]], width: int) -> Row:
    """The runs of one row, given in the order they are painted: later ones cover earlier ones.

    What lies outside the width is cut off.

    >>> [(x, part.text) for x, part in painted([(0, piece("aaaa")), (2, piece("bb")), (3, piece("ccc"))], 5)]
    [(0, 'aa'), (2, 'b'), (3, 'cc')]
    """
    listed = list(runs)
    ordered = sorted(listed, key=itemgetter(0))
    edge = 0
    for x, part in ordered:
        if x < edge:
            return _covered(listed, width)
        edge = x + part.size
    if edge > width:
        return _covered(listed, width)
    return tuple(ordered)


def _covered(runs: Sequence[tuple[int, Piece]], width: int) -> Row:
    """`painted` where something overlaps: what meets is settled together, all else stays as it is."""
    ordered = sorted([(x, rank, part) for rank, (x, part) in enumerate(runs)])
    row: list[Run] = []
    start, count = 0, len(ordered)
    while start < count:
        x, _, part = ordered[start]
        edge, stop = x + part.size, start + 1
        while stop < count and ordered[stop][0] < edge:
            reach = ordered[stop][0] + ordered[stop][2].size
            edge = max(edge, reach)
            stop += 1
        if stop == start + 1 and x >= 0 and edge <= width:
            row.append((x, part))
        else:
            _settle(row, ordered[start:stop], width)
        start = stop
    return tuple(row)


def _settle(row: list[Run], met: list[tuple[int, int, Piece]], width: int) -> None:
    """Adds runs that overlap each other: from the top down, each takes the columns that are still free."""
    taken: list[Run] = []
    free = [(0, width)]
    met.sort(key=itemgetter(1), reverse=True)
    for x, _, part in met:
        end = x + part.size
        left: list[tuple[int, int]] = []
        for start, stop in free:
            if end <= start or x >= stop:
                left.append((start, stop))
                continue
            low, high = max(x, start), min(end, stop)
            taken.append((low, part if (low, high) == (x, end) else _cut(part, low - x, high - x)))
            if start < low:
                left.append((start, low))
            if high < stop:
                left.append((high, stop))
        free = left
    taken.sort(key=itemgetter(0))
    row += taken


@lru_cache(maxsize=16_384)
def _cut(part: Piece, start: int, stop: int) -> Piece:
    """Columns [start, stop) of a piece; half a wide character is a space."""
    look = part.look
    if len(part.text) == part.size:
        text = part.text[start:stop]
    else:
        columns: list[str] = []
        for char in part.text:
            size = _size(char)
            columns += [char, *[""] * (size - 1)] if size else []
        kept = columns[start:stop]
        head = " " if kept and kept[0] == "" else ""
        tail = " " if kept and size_of(kept[-1]) == 2 else ""
        text = head + "".join(kept[: len(kept) - 1] if tail else kept) + tail
    return Piece(text, look, stop - start)


def plain_text(frame: Frame) -> list[str]:
    """The frame's lines as text, trailing spaces left out; for tests and for copying.

    >>> plain_text(Frame(8, 1, (painted([(2, piece("a")), (5, piece("b"))], 8),)))
    ['  a  b']
    """
    lines = []
    for row in frame.rows:
        line, at = "", 0
        for x, part in row:
            line += " " * (x - at) + part.text
            at = x + part.size
        lines.append(line.rstrip())
    return lines
