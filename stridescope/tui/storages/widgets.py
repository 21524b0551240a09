"""The widgets of the Storages screen that draw lines.

Problem: of 100,000 storages, and of as many tensors in one, forty are in sight. Method: the two lists are those of the
Modules screen, over sources of their own; what is said of the marked storage stands between them, as high as it needs
to be. Cost: the rows in sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical

from stridescope.scene.frame import painted, piece, size_of
from stridescope.scene.panel import laid_out
from stridescope.scene.storage_rows import (
    Standing,
    heading,
    said_of,
    scale_row,
    storage_row,
    tensor_row,
    totals,
    whole_row,
)
from stridescope.scene.text import printable, shortened
from stridescope.tui.lines import Lines, line, looks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.geometry import Size
    from textual.widget import Widget

    from stridescope.scene.frame import Row
    from stridescope.tui.storages.state import Pane, State

__all__ = ["ListHead", "MapHead", "Title", "Listed"]

NAME = "stridescope"
GUTTER = 2
"""Columns right of the rows: air, and the scrollbar."""
LISTED = 3
"""Lines that are left for the list below, where the screen is low."""

MOST_SAID = 9
"""Lines that are said of a storage at most, above its map."""


class Listed:
    """One of the two lists, as the source of its rows.

    Args:
        pane: which.
        widget: something that is drawn with the app's looks.
        clicked: hears of a row that was clicked.
    """

    def __init__(self, pane: Pane, state: State, widget: Widget, clicked: Callable[[Pane, int, bool], None]) -> None:
        self.pane = pane
        self.state = state
        self._widget = widget
        self._clicked = clicked

    @property
    def marked(self) -> int:
        """The number of the row to keep in sight."""
        return self.state.place if self.pane == "storages" else self.state.tensor

    @property
    def length(self) -> int:
        """How many rows there are."""
        return self.state.count if self.pane == "storages" else self.state.tensors

    def row(self, number: int, width: int) -> Row:
        """One row."""
        state, marked = self.state, number == self.marked
        standing = Standing(marked, marked and state.pane == self.pane, looks_of(self._widget).ink.ascii)
        if state.map is None or state.storage is None:
            return ()
        if self.pane == "storages":
            return storage_row(state.map.storages[number], width - 1, standing)
        return tensor_row(state.storage, state.storage.tensors[number], width - 1, standing)

    def click(self, number: int, x: int, width: int, *, twice: bool) -> None:  # noqa: ARG002
        """A row was clicked."""
        self._clicked(self.pane, number, twice)

    def detail(self, number: int, width: int) -> Row:  # noqa: ARG002
        """There is nothing more to it."""
        return ()

    def detail_lines(self, width: int) -> int:  # noqa: ARG002
        """There is nothing more to it."""
        return 0


class Title(Lines):
    """The name of the app, what the storages are of, how much there is, and what goes on."""

    def __init__(self, state: State) -> None:
        super().__init__(id="title")
        self.state = state
        self.doing = ""

    def say(self, doing: str) -> None:
        """Show what goes on, such as reading; "" for nothing."""
        self.doing = doing
        self.changed()

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        ink, found = looks_of(self).ink, self.state.map
        parts = [(f"{NAME}   ", "view")] if size.width >= 70 else []
        left = size.width - 2 - sum(size_of(text) for text, _ in parts)
        named = self.doing or ("no storages" if found is None else f"storages of {printable(found.source)}")
        more = totals(found) if found is not None and not self.doing else []
        least = size_of(more[0][0]) + 3 if more else 0
        parts.append((shortened(ink.say(named), max(left - least, 8), ink.dots), "bold"))
        left -= size_of(parts[-1][0])
        for words, role in more:
            text = ink.say(f"   {words}")
            if size_of(text) <= left:
                parts.append((text, role))
                left -= size_of(text)
        return [line(parts, size.width, x=1)]


class ListHead(Lines):
    """What the columns of the list are."""

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        return [heading(max(size.width - GUTTER, 1))]


class MapHead(Lines):
    """What is said of the marked storage and tensor, and the map of the whole."""

    def __init__(self, state: State, saved: Callable[[], bool]) -> None:
        super().__init__(id="said")
        self.state = state
        self._saved = saved

    def fit(self) -> None:
        """Be as high as what there is to say, in a place that has the list of tensors below."""
        place = self.query_ancestor("#right", Vertical).size
        self.styles.height = len(self._all(place.width, max(place.height - LISTED, LISTED)))
        self.changed()

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        super().on_resize()
        self.call_after_refresh(self.fit)

    def rows(self, size: Size) -> Sequence[Row]:
        """The lines."""
        return self._all(size.width, size.height)

    def _all(self, width: int, height: int) -> list[Row]:
        storage, ink = self.state.storage, looks_of(self).ink
        if storage is None:
            return [painted([(1, piece("no storage to be seen", "quiet"))], width)]
        sections = said_of(storage, self.state.tensor, saved=self._saved(), holders=self.state.holders)
        # The map's own two lines come below whatever is said.
        said = laid_out(sections, max(width - 2, 1), max(min(MOST_SAID, height - 2), 1), ascii=ink.ascii, dense=True)
        shown: list[Row] = []
        for parts in said.lines:
            runs, at = [], 1
            for part in parts:
                runs.append((at, part))
                at += part.size
            shown.append(painted([run for run in runs if run[1].text.strip()], width))
        # As wide as the rows of the list below, which has a scrollbar.
        inner = max(width - GUTTER, 1)
        return [*shown, scale_row(storage, inner), whole_row(storage, inner, ascii=ink.ascii)]
