"""Lines of styled text, put beside and below each other.

Problem: a drawing is made of chunks that must flow, wrap and stand side by side in a given width, with
no trailing spaces and no line too wide. Method: a line is a list of rich segments (text, style); every
function here takes lines and gives lines, and measures in terminal cells, not characters.

Cost: linear in the text.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Line", "beside", "cropped", "finish", "flow", "indented", "padded", "tile", "width_of", "wrap"]

Line = list[Segment]

# Read as one word, so kept on one line where it can: bytes with their unit, a tuple, an index, a short aside.
_WORD = re.compile(r"(?:\d[\d,.]* [kMGTPE]?B\b|[(\[][-\d, :]{0,32}[)\]]|[(\[][^()\[\] ][^()\[\]]{0,22}[)\]]|[^ ])+")


def width_of(line: Line) -> int:
    """The width of a line in terminal cells."""
    return sum(cell_len(segment.text) for segment in line)


def padded(line: Line, width: int) -> Line:
    """The line followed by spaces up to a width."""
    room = width - width_of(line)
    return [*line, Segment(" " * room)] if room > 0 else line


def indented(lines: Iterable[Line], indent: int) -> list[Line]:
    """Lines moved to the right; empty ones stay empty."""
    return [[Segment(" " * indent), *line] if line else line for line in lines]


def cropped(line: Line, width: int) -> Line:
    """The line cut at a width."""
    kept: Line = []
    room = width
    for segment in line:
        size = cell_len(segment.text)
        if size > room:
            kept.append(Segment(set_cell_size(segment.text, room), segment.style))
            break
        kept.append(segment)
        room -= size
    return kept


def finish(line: Line, width: int, dots: str = "…") -> Line:
    """The line as it is printed: no wider than the width, and no invisible spaces at its end.

    A line that must be cut ends in dots, so that no cut-off number passes for a whole one.
    """
    line = list(Segment.simplify(_without_tail(line)))
    if width_of(line) <= width:
        return line
    return [*cropped(line, width - len(dots)), Segment(dots)] if width > len(dots) else cropped(line, width)


def wrap(text: Line, width: int, hang: int = 0) -> list[Line]:
    """Text broken between words; lines after the first are indented by `hang`.

    A word wider than a line is broken where the line ends, or after a comma near that.
    """
    lines: list[Line] = []
    line: Line = []
    used = 0
    for whole in _words(text):
        word, size = whole, width_of(whole)
        gap = 1 if used > (hang if lines else 0) else 0
        if used + gap + size <= width:
            if gap:
                line.append(Segment(" ", line[-1].style if line[-1].style == word[0].style else None))
            line += word
            used += gap + size
            continue
        if gap:
            lines.append(line)
            line, used = ([Segment(" " * hang)] if hang else []), hang
        room = max(width - hang, 1)
        while size > room:
            head = _after_comma(cropped(word, width - used if width > used else 1))
            lines.append([*line, *head])
            word = _rest(word, width_of(head))
            size = width_of(word)
            line, used = ([Segment(" " * hang)] if hang else []), hang
        line += word
        used += size
    if used > (hang if lines else 0) or not lines:
        lines.append(line)
    return lines


def flow(chunks: Sequence[Line], width: int, gap: int = 3, hang: int = 0) -> list[Line]:
    """Chunks one after another, broken between chunks; one that is too wide by itself is wrapped, alone."""
    lines: list[Line] = []
    line: Line = []
    for chunk in chunks:
        if line and width_of(line) + gap + width_of(chunk) <= width:
            line += [Segment(" " * gap), *chunk]
            continue
        if line:
            lines.append(line)
        indent = hang if lines else 0
        if indent + width_of(chunk) <= width:
            line = [Segment(" " * indent), *chunk] if indent else list(chunk)
        else:
            lines += indented(wrap(chunk, max(width - indent, 1), 0 if indent else hang), indent)
            line = []
    return [*lines, line] if line else lines


def beside(left: Sequence[Line], right: Sequence[Line], gap: int = 4) -> list[Line]:
    """Two blocks next to each other, aligned at the top."""
    edge = max((width_of(line) for line in left), default=0) + gap
    return [
        [*padded(near, edge), *far] if far else near for near, far in zip_longest(left, right, fillvalue=_nothing())
    ]


def tile(blocks: Sequence[Sequence[Line]], width: int, gap: int = 3) -> list[Line]:
    """Blocks in reading order, as many side by side as fit, each row separated by an empty line."""
    lines: list[Line] = []
    row: list[Line] = []
    used = 0
    for block in blocks:
        size = max((width_of(line) for line in block), default=0)
        if row and used + gap + size > width:
            lines += [*row, []]
            row, used = [], 0
        row = beside(row, block, gap) if row else [list(line) for line in block]
        used += (gap if used else 0) + size
    return lines + row


def _nothing() -> Line:
    return []


def _without_tail(line: Line) -> Line:
    """The line up to its last visible character; a space on a coloured background is visible."""
    for place in range(len(line) - 1, -1, -1):
        text, style, _ = line[place]
        if style is not None and (style.bgcolor is not None or style.reverse):
            return line[: place + 1]
        if kept := text.rstrip(" "):
            return [*line[:place], Segment(kept, style)]
    return []


def _words(text: Line) -> Iterable[Line]:
    word: Line = []
    for segment in text:
        end = 0
        for match in _WORD.finditer(segment.text):
            if match.start() > end and word:
                yield word
                word = []
            word.append(Segment(match[0], segment.style))
            end = match.end()
        if end < len(segment.text) and word:
            yield word
            word = []
    if word:
        yield word


def _after_comma(head: Line) -> Line:
    """A part of a word up to its last comma, if that is in its second half."""
    text = "".join(segment.text for segment in head)
    cut = text.rfind(",") + 1
    return cropped(head, cell_len(text[:cut])) if 2 * cut > len(text) else head


def _rest(word: Line, skip: int) -> Line:
    rest: Line = []
    for text, style, _ in word:
        kept = ""
        for character in text:
            size = cell_len(character)
            if skip >= size > 0:
                skip -= size
            else:
                kept += character
        if kept:
            rest.append(Segment(kept, style))
    return rest
