"""The line that a model is searched with.

Problem: what is wanted is known by a part of its path, a type, a dtype, a shape; rows must follow each key. Method: one
line of text, which says what was typed, that it is done with, or that it is given up. Cost: Textual's `Input`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input

from stridescope.scene.text import count
from stridescope.tui.lines import Lines, line, looks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size

    from stridescope.scene.frame import Row

__all__ = ["FindLine", "Query"]

MOST = 200
PLACEHOLDER = "path, type, dtype, 4x3, tied, frozen, non-contiguous"


class Query(Input):
    """What is typed."""

    # With priority, and done by the screen at once: keys that come right after them are no longer typed.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"screen.leave_find({kept})", label, show=False, priority=True)
        for keys, kept, label in (
            ("enter,down,up,tab", True, "Back to the rows that were found"),
            ("escape", False, "Back to all rows"),
        )
    ]

    def __init__(self) -> None:
        super().__init__(placeholder=PLACEHOLDER, max_length=MOST, select_on_focus=False, compact=True, id="query")
        self.cursor_blink = False


class Sign(Lines):
    """A slash, or how many rows were found."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.text = "/"

    def say(self, text: str) -> None:
        """Show another text."""
        self.text = text
        self.styles.width = len(text) + 2
        self.changed()

    def rows(self, size: Size) -> Sequence[Row]:
        """The text."""
        return [line([(looks_of(self).ink.say(self.text), "view" if self.text == "/" else "quiet")], size.width, x=1)]


class FindLine(Horizontal):
    """The line, shown while there is a search."""

    def compose(self) -> ComposeResult:
        """A sign, the text, the number."""
        yield Sign("slash")
        yield Query()
        yield Sign("number")

    @property
    def query_line(self) -> Query:
        """What is typed in."""
        return self.query_one(Query)

    def say(self, found: int | None) -> None:
        """Show how many rows were found; None while nobody knows."""
        self.query_one("#number", Sign).say("..." if found is None else f"{count(found)} found")
