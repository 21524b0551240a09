"""The first line: what this is, the program on stage, and whether torch agrees.

Problem: a long program and a verdict share one line with the name of the app. Method: the verdict is short and stays
whole; the program gets what is left, with the insides of brackets left out first. Cost: one line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.reactive import reactive

from stridescope.scene.frame import size_of
from stridescope.scene.text import shortened, source_shortened
from stridescope.tui.lines import Lines, line, looks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Size

    from stridescope.scene.frame import Row

__all__ = ["Title"]

NAME = "stridescope"
LEAST = 24
"""Columns that a program needs beside the name of the app; with fewer, the name goes."""


class Title(Lines):
    """The title line.

    Attributes:
        program: the text of the program on stage, or what stands for it.
        verdict: what the check against torch came to, or "".
        differs: whether torch does not agree.
    """

    program: reactive[str] = reactive("")
    verdict: reactive[str] = reactive("")
    differs: reactive[bool] = reactive(False)

    def __init__(self) -> None:
        super().__init__(id="title")

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        ink = looks_of(self).ink
        verdict = shortened(ink.say(self.verdict), max(size.width - 4, 0), ink.dots)
        room = size.width - 2 - (size_of(verdict) + 3 if verdict else 0)
        name = f"{NAME}   " if room >= len(NAME) + 3 + LEAST else ""
        program = ink.say("; ".join(part.strip() for part in self.program.splitlines() if part.strip()))
        parts = [(name, "view"), (source_shortened(program, max(room - len(name), 0)), "bold")]
        role = "refused" if self.differs else "quiet"
        return [line([part for part in parts if part[0]], size.width, x=1, right=[(verdict, role)] if verdict else ())]

    def watch_program(self) -> None:
        """Draw it."""
        self.changed()

    def watch_verdict(self) -> None:
        """Draw it."""
        self.changed()

    def watch_differs(self) -> None:
        """Draw it."""
        self.changed()
