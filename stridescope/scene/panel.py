"""Lines of a panel: what is said, in order, in the room there is.

Problem: a panel of 40 lines and one of 3 say the same things, and what must go is what matters least, not what comes
last. Method: sections in reading order, each with a rank; entries break into lines of the width; with room, sections
stand apart, without, they close up, and then the lower ranks lose their last lines first.

Cost: linear in the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.frame import Piece, piece, size_of
from stridescope.scene.text import ascii_text, printable
from stridescope.scene.wrapping import clipped, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stridescope.scene.view import Hit

__all__ = ["Entry", "Panel", "Section", "Span", "laid_out"]

BESIDE = 28
"""Cells that a text needs to stand beside its head rather than below it."""


class Panel(NamedTuple):
    """A picture beside the stage.

    Attributes:
        lines: from the top, each the pieces from its left edge on, without gaps.
        hits: (line number, what clicking it means), for the lines that can be clicked.
    """

    lines: tuple[tuple[Piece, ...], ...]
    hits: tuple[tuple[int, Hit], ...]


class Span(NamedTuple):
    """Text with a role and marks, as in `frame.Look`."""

    text: str
    role: str = "plain"
    marks: int = 0


class Entry(NamedTuple):
    """Something said: a head that stays on one line, and a text that wraps beside or below it.

    Attributes:
        hang: indent of the text's lines after the first, where there is no head.
    """

    head: tuple[Span, ...] = ()
    text: Span = Span("")
    hit: Hit | None = None
    hang: int = 0


class Section(NamedTuple):
    """Entries that belong together.

    Attributes:
        rank: what goes first where room is short: the highest.
        whole: whether a part of it says nothing, as of a table.
    """

    rank: int
    entries: Sequence[Entry]
    whole: bool = False


class _Line(NamedTuple):
    pieces: tuple[Piece, ...]
    hit: Hit | None = None


def laid_out(
    sections: Iterable[Section], width: int, height: int, *, ascii: bool = False, dense: bool = False
) -> Panel:
    """The panel: no line wider than `width` cells, at most `height` lines.

    Args:
        dense: sections never stand apart.
    """
    if width <= 0 or height <= 0:
        return Panel((), ())
    listed = [section for section in sections if section.entries]
    each = [[line for entry in section.entries for line in _lines(entry, width, ascii)] for section in listed]
    room = height
    for _, place in sorted((section.rank, place) for place, section in enumerate(listed)):
        if listed[place].whole and len(each[place]) > room:
            each[place] = []
        each[place] = each[place][:room]
        room -= len(each[place])
    each = [lines for lines in each if lines]
    apart = not dense and len(each) - 1 <= room
    shown: list[_Line] = []
    for lines in each:
        if apart and shown:
            shown.append(_Line(()))
        shown += lines
    hits = tuple((number, line.hit) for number, line in enumerate(shown) if line.hit is not None)
    return Panel(tuple(line.pieces for line in shown), hits)


def _lines(entry: Entry, width: int, ascii: bool) -> list[_Line]:
    """An entry in lines of the width."""
    head: list[Piece] = []
    spans = [(_said(span.text, ascii), span) for span in entry.head]
    used = sum(size_of(said) for said, _ in spans)
    for said, span in spans if used <= width else _cut(spans, width, ascii):
        if said:
            head.append(piece(said, span.role, -1, span.marks))
    used = sum(part.size for part in head)
    text, role, marks = entry.text
    text = _said(text, ascii)
    if not text:
        return [_Line(tuple(head), entry.hit)]
    room = width - used
    beside = not used or size_of(text) <= room or room >= BESIDE
    indent = used if beside else 2 if width > 2 else 0
    parts = wrapped(text, width - indent, 0 if used else entry.hang)
    body = [piece(clipped(part, width - indent), role, -1, marks) for part in parts]
    lines: list[_Line] = []
    if not beside:
        lines.append(_Line(tuple(head), entry.hit))
        head = []
    for part in body:
        lead = head or ([piece(" " * indent)] if indent else [])
        lines.append(_Line((*lead, part), entry.hit))
        head = []
    return lines


def _cut(spans: Iterable[tuple[str, Span]], width: int, ascii: bool) -> Iterator[tuple[str, Span]]:
    """Spans cut at the width, ending in dots, so that no cut-off number passes for a whole one."""
    dots = clipped(_said("…", ascii), width)
    room = width - size_of(dots)
    for said, span in spans:
        kept = clipped(said, room)
        room -= size_of(kept)
        if kept != said:
            yield kept + dots, span
            return
        yield kept, span


def _said(text: str, ascii: bool) -> str:
    text = printable(text)
    return ascii_text(text) if ascii else text
