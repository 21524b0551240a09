"""The widgets of the Modules screen that draw lines: the tree, and the details of its marked row.

Problem: of 100,000 rows forty are in sight. Method: Textual asks a `ScrollView` for the lines that are; each is asked
of a source by its number, once, and kept until something changed. Moving the mark draws two lines anew. Cost: the rows
in sight, whatever their number is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView

from stridescope.tui.lines import looks_of

if TYPE_CHECKING:
    from textual.events import Click
    from textual.strip import Strip

    from stridescope.scene.frame import Row
    from stridescope.tui.looks import Looks

__all__ = ["Details", "Rows", "Source", "TreeView"]

REMEMBERED = 2048
"""Lines that are kept; more than any terminal has rows."""


class Source(Protocol):
    """Who knows the rows, and hears of the mouse."""

    def row(self, number: int, width: int) -> Row:
        """One row of the tree, `width` cells wide."""

    def detail(self, number: int, width: int) -> Row:
        """One line of the details."""

    def click(self, number: int, x: int, width: int, *, twice: bool) -> None:
        """A row was clicked at a column."""

    def detail_lines(self, width: int) -> int:
        """How many lines the details are."""

    @property
    def marked(self) -> int:
        """The number of the row to keep in sight."""


class Rows(ScrollView, inherit_bindings=False):
    """Lines of a source, each drawn once; the keys are the screen's.

    Attributes:
        asked: how many lines the source was asked for, so far.
    """

    def __init__(self, source: Source, id: str) -> None:
        super().__init__(id=id)
        self.source = source
        self.asked = 0
        self._strips: dict[int, Strip] = {}
        self._drawn_with: tuple[int, Looks] | None = None

    def line_at(self, number: int, width: int) -> Row:
        """A line of the source."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._on_theme)

    def _on_theme(self, _: object) -> None:
        self.changed()

    def changed(self, lines: int | None = None) -> None:
        """Draw all again; there may be another number of lines."""
        self._strips.clear()
        if lines is not None and lines != self.virtual_size.height:
            self.virtual_size = Size(0, lines)
        self.refresh()

    def line_changed(self, number: int) -> None:
        """Draw one line again."""
        self._strips.pop(number, None)
        y = number - round(self.scroll_offset.y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line in sight."""
        width, looks = self.scrollable_content_region.width, looks_of(self)
        if self._drawn_with != (width, looks):
            self._strips.clear()
            self._drawn_with = (width, looks)
        number = y + round(self.scroll_offset.y)
        found = self._strips.get(number)
        if found is None:
            if len(self._strips) >= REMEMBERED:
                self._strips.clear()
            there = number < self.virtual_size.height
            self.asked += there
            found = self._strips[number] = looks.strip(self.line_at(number, width) if there else (), width)
        return found


class TreeView(Rows, can_focus=True):
    """The rows of the tree, or of a list."""

    def line_at(self, number: int, width: int) -> Row:
        """A row."""
        return self.source.row(number, width)

    def show(self, number: int) -> None:
        """Scroll as little as it takes to have a row in sight."""
        height, top = self.scrollable_content_region.height, round(self.scroll_offset.y)
        wanted = min(max(top, number - height + 1), number)
        if height and wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Keep the marked row in sight."""
        self.show(self.source.marked)

    def on_click(self, event: Click) -> None:
        """Mark the row, open or close it at its sign, choose it by a second click."""
        event.stop()
        number = event.y + round(self.scroll_offset.y)
        if number < self.virtual_size.height:
            self.source.click(number, event.x, self.scrollable_content_region.width, twice=event.chain > 1)


class Details(Rows, can_focus=False):
    """All that is known of the marked row."""

    def line_at(self, number: int, width: int) -> Row:
        """A line of it."""
        return self.source.detail(number, width)

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        self.again()

    def again(self, *, top: bool = False) -> None:
        """Show what is known now, of another row from its top on."""
        if top:
            self.scroll_to(y=0, animate=False, immediate=True)
        self.changed(self.source.detail_lines(self.scrollable_content_region.width))
