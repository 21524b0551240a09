"""Text broken into lines of a width, in terminal cells.

Problem: sentences must fit a column of 20 or of 120 cells, and a tuple or a byte count torn apart reads wrong. Method:
words are what no line should break (`96 B`, `(3, 4)`, `[0, 2]` count as one); a word wider than a line is cut where the
line ends. Cost: linear in the text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stridescope.scene.frame import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["clipped", "padded", "wrapped"]

# Kept on one line where it can be: bytes with their unit, a tuple, an index.
_WORD = re.compile(r"(?:\d[\d,.]* [kMGTPE]?B\b|[(\[][-\d, :]{0,24}[)\]]|[^ ])+")


def wrapped(text: str, width: int, hang: int = 0) -> list[str]:
    """The lines of a text; all but the first start with `hang` spaces. At least one line.

    >>> wrapped("stride[0] is 1, needs 12", 14)
    ['stride[0] is', '1, needs 12']
    >>> wrapped("shape (3, 4) of 96 B", 10, hang=2)
    ['shape', '  (3, 4)', '  of 96 B']
    """
    width = max(width, 1)
    if size_of(text) <= width:
        # As it is: spaces that align it stay.
        return [text]
    hang = hang if hang < width // 2 else 0
    lines: list[str] = []
    line, used = "", 0
    for word in _words(text, width - hang):
        size = size_of(word)
        gap = " " if used else ""
        if used and used + 1 + size > width - (hang if lines else 0):
            lines.append(line)
            line, used, gap = "", 0, ""
        line += gap + word
        used += len(gap) + size
    lines.append(line)
    return [lines[0], *(" " * hang + rest for rest in lines[1:])]


def clipped(text: str, width: int) -> str:
    """What of a text fits a width.

    >>> clipped("abc", 2), clipped("한글", 3)
    ('ab', '한')
    """
    if text.isascii():
        return text[: max(width, 0)]
    used = 0
    for place, char in enumerate(text):
        used += size_of(char)
        if used > width:
            return text[:place]
    return text


def padded(text: str, width: int) -> str:
    """A text followed by spaces up to a width.

    >>> padded("한글", 6)
    '한글  '
    """
    return text + " " * (width - size_of(text))


def _words(text: str, width: int) -> Iterator[str]:
    """The words, those that are too wide in parts."""
    for found in _WORD.finditer(text):
        for word in (found[0],) if size_of(found[0]) <= width else filter(None, found[0].split(" ")):
            rest = word
            while size_of(rest) > width:
                # A wide character in a line of one cell: it stands alone, and its line is clipped.
                head = clipped(rest, width) or rest[0]
                yield head
                rest = rest[len(head) :]
            yield rest
