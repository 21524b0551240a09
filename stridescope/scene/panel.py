"""Lines of a panel: what is said, in order, in the room there is.

Problem: a panel of 40 lines and one of 3 say the same things, and what must go is what matters least, not what comes
last. Method: sections in reading order, each with a rank; entries break into lines of the width; with room, sections
stand apart, without, they close up, and then the lower ranks are said shorter, lose their last entries, or go. What is
cut ends in dots, so that no part of a sentence passes for the whole.

Cost: linear in the text.
"""

from __future__ import annotations

from itertools import chain
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
        shorter: the same in fewer words, for less and less room.
    """

    rank: int
    entries: Sequence[Entry]
    whole: bool = False
    shorter: Iterable[Sequence[Entry]] = ()


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
    each: list[list[_Line]] = [[] for _ in listed]
    room = height
    for _, place in sorted((section.rank, place) for place, section in enumerate(listed)):
        each[place] = _within(listed[place], width, room, ascii)
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


def _within(section: Section, width: int, room: int, ascii: bool) -> list[_Line]:
    """A section in the room there is: the longest form that fits, else of the shortest the entries that do."""
    if room <= 0:
        return []
    lines: list[list[_Line]] = []
    for entries in filter(None, chain((section.entries,), section.shorter)):
        lines = [_lines(entry, width, ascii) for entry in entries]
        if sum(map(len, lines)) <= room:
            return [line for entry in lines for line in entry]
    if section.whole:
        return []
    if len(lines[0]) > room:
        return [*lines[0][: room - 1], _dotted(lines[0][room - 1], width, ascii)]
    kept: list[_Line] = []
    for entry in lines:
        if len(kept) + len(entry) > room:
            break
        kept += entry
    return kept


def _dotted(line: _Line, width: int, ascii: bool) -> _Line:
    """A line that goes on, which nobody will see: dots at its end."""
    if not line.pieces:
        return line
    dots = clipped(_said("…", ascii), width)
    room = width - size_of(dots)
    kept: list[Piece] = []
    for part in line.pieces:
        text, look = clipped(part.text, room), part.look
        room -= size_of(text)
        text += dots if part is line.pieces[-1] else ""
        kept += [piece(text, look.role, look.level, look.marks)] if text else []
    return line._replace(pieces=tuple(kept))


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
