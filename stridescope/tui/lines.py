"""A widget that draws rows of pieces, and nothing else.

Problem: titles, lists and footers must follow theme, ASCII and width, and a tree of widgets for each costs start-up
time. Method: a widget asks its `rows` for the size it has, and draws them with the app's `Looks`; rows are asked for
again only when something changed. Cost: one call of `rows` a change; a strip, once, for each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from textual.widget import Widget

from stridescope.scene.frame import painted, piece, size_of
from stridescope.tui.looks import Looks

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.strip import Strip

    from stridescope.scene.frame import Piece, Row

__all__ = ["Lines", "line", "looks_of", "wrapped"]


def looks_of(widget: Widget) -> Looks:
    """The looks of a widget's app: those that the app keeps, or new ones in an app that keeps none."""
    kept = getattr(widget.app, "looks", None)
    return kept if isinstance(kept, Looks) else Looks.for_app(widget.app)


class Lines(Widget):
    """A widget over the rows that `rows` gives."""

    DEFAULT_CSS = "Lines { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] | None = None

    def rows(self, size: Size) -> Sequence[Row]:
        """The rows to draw; rows beyond the height are not drawn."""
        raise NotImplementedError

    def changed(self) -> None:
        """Draw again: what `rows` gives is no longer the same."""
        self._strips = None
        self.refresh()

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._on_theme)

    def on_unmount(self) -> None:
        """Be forgotten: a signal keeps those who follow it."""
        self.app.theme_changed_signal.unsubscribe(self)

    def on_resize(self) -> None:
        """Follow the size."""
        self.changed()

    def _on_theme(self, _: Any) -> None:
        self.changed()

    def render_line(self, y: int) -> Strip:
        """One line, as Textual asks for it."""
        size, looks = self.size, looks_of(self)
        if self._strips is None:
            self._strips = looks.strips(self.rows(size)[: size.height], size.width)
        return self._strips[y] if y < len(self._strips) else looks.strip((), size.width)


def line(parts: Iterable[tuple[str, str]], width: int, *, x: int = 0, right: Iterable[tuple[str, str]] = ()) -> Row:
    """Texts one after another, each with its role, and others against the right edge where they have room.

    >>> [(x, part.text) for x, part in line([("ab", "bold"), (" c", "quiet")], 9, right=[("z", "plain")])]
    [(0, 'ab'), (3, 'c'), (7, 'z')]
    """
    runs, at = _placed(parts, x)
    ends = list(right)
    start = width - 1 - sum(size_of(text) for text, _ in ends)
    return painted([*runs, *(_placed(ends, start)[0] if start > at else ())], width)


def _placed(parts: Iterable[tuple[str, str]], at: int) -> tuple[list[tuple[int, Piece]], int]:
    """The runs of texts from a column on, and where they end; leading spaces are background."""
    runs: list[tuple[int, Piece]] = []
    for text, role in parts:
        shown = text.lstrip(" ")
        if shown:
            runs.append((at + len(text) - len(shown), piece(shown.rstrip(" "), role)))
        at += size_of(text)
    return runs, at


def wrapped(text: str, width: int) -> list[str]:
    """A sentence in lines no wider than `width`, cut between words; a longer word is cut anywhere.

    >>> wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines = [""]
    for word in text.split():
        rest = word
        joined = f"{lines[-1]} {rest}".lstrip()
        if size_of(joined) <= width:
            lines[-1] = joined
            continue
        while rest:
            fits = _fitting(rest, width)
            lines.append(rest[:fits])
            rest = rest[fits:]
    return [found for found in lines if found]


def _fitting(text: str, width: int) -> int:
    taken = 0
    for count, char in enumerate(text):
        taken += size_of(char)
        if taken > width:
            return max(count, 1)
    return len(text)
