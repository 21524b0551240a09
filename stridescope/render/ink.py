"""What a drawing may draw with: colours, glyphs and letters that the output can take.

Problem: one drawing must serve truecolor, 256 and 16 colours, none, a pipe, and an encoding without
block characters, on a dark or a light background. Method: an `Ink` is made once for an output and
answers every question of looks; the rest of render/ names roles ("view", "quiet") and ramp levels,
never colours. Text passes through `Ink.say` as it enters a drawing, so that widths are measured on what
will be printed. Styles are interned: a terminal frame has thousands of cells and a few dozen looks.

Cost: one Style per role and per ramp level that is used.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from rich.color import Color
from rich.style import Style

from stridescope.render import palette
from stridescope.scene.text import ANGLE, GLYPHS, SPOKEN, ascii_text, printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions

__all__ = ["GLYPHS", "Ink", "ink_for"]

Depth = Literal["truecolor", "256", "16", "none"]
Background = Literal["dark", "light", "unknown"]

# Names of drawing characters: (as drawn, in ASCII), equally wide, so that a drawing keeps its shape.
_MARKS = {
    "block": ("█", "#"),
    "gap": ("·", "."),
    "chain": (ANGLE, ">"),
    "rows": ("⋮", ":"),
    "up": ("▲", "^"),
    "rule": ("─", "-"),
}

_ANSI_WORDS = {"alloc": 6, "view": 2, "same": None, "copy": 3, "write": 5, "refused": 1, "quiet": None}


@dataclass(frozen=True, slots=True)
class Ink:
    """The looks that one output can take."""

    depth: Depth = "none"
    ascii: bool = False
    background: Background = "unknown"

    @property
    def coloured(self) -> bool:
        """Whether cells have a colour at all."""
        return self.depth != "none"

    @property
    def dots(self) -> str:
        """What stands for left-out things."""
        return "..." if self.ascii else "…"

    def mark(self, name: str) -> str:
        """One drawing character of `_MARKS`."""
        return _MARKS[name][self.ascii]

    def glyph(self, effect: str) -> str:
        """The character beside an effect's word, so that colour is never the only sign."""
        return GLYPHS[effect][self.ascii]

    def say(self, text: str) -> str:
        """Text as this output can print it: one line, no control characters, ASCII where needed."""
        text = printable(text)
        return ascii_text(text) if self.ascii else text

    def word(self, role: str, *, bold: bool = False) -> Style | None:
        """The style of a word: an effect, "quiet" (labels), "bold", "plain"."""
        return _word_style(role, bold, self.depth, self.background)

    def cell(self, level: int, *, marked: bool = False, odd: bool = False) -> Style | None:
        """The style of a cell at a level of the ramp.

        `marked` is the cell asked for by index; `odd` a value such as nan that must catch the eye.
        """
        return _cell_style(level, marked, odd, self.depth)


def ink_for(
    console: Console, options: ConsoleOptions | None = None, *, ascii: bool = False, theme: str = "auto"
) -> Ink:
    """The ink that a rich console takes."""
    system = None if console.no_color else console.color_system
    depths: dict[str | None, Depth] = {"truecolor": "truecolor", "256": "256", "standard": "16", "windows": "16"}
    encoding = console.encoding if options is None else options.encoding
    return Ink(depths.get(system, "none"), ascii or not _can_write(encoding), _background(theme))


@lru_cache(maxsize=32)
def _can_write(encoding: str) -> bool:
    needed = "".join(pair[0] for table in (GLYPHS, _MARKS) for pair in table.values()) + "".join(SPOKEN)
    try:
        needed.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def _background(theme: str) -> Background:
    if theme == "dark":
        return "dark"
    if theme == "light":
        return "light"
    # Set by rxvt, Konsole, iTerm and others as "text;background", in ANSI numbers.
    number = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    if not number.isdigit():
        return "unknown"
    return "light" if int(number) in (7, 15) else "dark"


@lru_cache(maxsize=256)
def _word_style(role: str, bold: bool, depth: Depth, background: Background) -> Style | None:
    if role == "plain" and not bold:
        return None
    if role in ("bold", "plain"):
        return Style(bold=True)
    strong = bold or None
    if depth == "none":
        return Style(dim=True) if role == "quiet" else (Style(bold=True) if bold else None)
    if depth == "16":
        number = _ANSI_WORDS[role]
        return Style(dim=True, bold=strong) if number is None else Style(color=Color.from_ansi(number), bold=strong)
    return Style(color=_colour(palette.word_rgb(role, background), depth), bold=strong)


@lru_cache(maxsize=2048)
def _cell_style(level: int, marked: bool, odd: bool, depth: Depth) -> Style | None:
    bold, underline = (marked or odd) or None, odd or None
    if depth == "none":
        return Style(bold=True, underline=underline) if bold else None
    if depth == "16":
        back, text = palette.ANSI_RAMP[level * len(palette.ANSI_RAMP) // palette.LEVELS]
        # Not bold: many terminals draw bold black as grey, which is not the contrast that was chosen.
        mark = (marked or odd) or None
        return Style(color=Color.from_ansi(text), bgcolor=Color.from_ansi(back), underline=mark)
    rgb = palette.ramp()[level]
    if depth == "256":
        rgb = palette.rgb_256(palette.nearest_256(rgb))
    return Style(color=_colour(palette.on(rgb), depth), bgcolor=_colour(rgb, depth), bold=bold, underline=underline)


def _colour(rgb: palette.RGB, depth: Depth) -> Color:
    return Color.from_rgb(*rgb) if depth == "truecolor" else Color.from_ansi(palette.nearest_256(rgb))
