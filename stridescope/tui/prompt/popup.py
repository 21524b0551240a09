"""The list of what can be typed here, and what each would do.

Problem: the list must not hide the text it is about, nor its own right half on a narrow screen, nor take a key that
was meant for the text. Method: it lies over the screen, above or below the whole prompt, wherever there is more room;
its columns are measured, and give way in a fixed order; it has no focus and no keys: the prompt moves its mark. The
mouse lights a row up and marks nothing, so that enter means the same wherever the mouse was left.

Cost: at most eight rows are drawn, whatever the list holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.widget import Widget

from stridescope.render.ink import Ink
from stridescope.tui.prompt.lines import ROLES, fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from stridescope.program.completion import Item
    from stridescope.tui.prompt.lines import Part

__all__ = ["MOST_ROWS", "Columns", "Popup", "columns", "placed", "row_parts"]

MOST_ROWS = 8

_FRAME = 2  # columns, and rows, that the border takes
_MARK = 4  # the mark of the chosen row and the glyph of the effect, each with a space
_GAP = 2
_LEAST_ROWS = 3
_WIDEST = (40, 44)
_LEAST_NOTE = 8
_LEAST_SIGNATURE = 6


class Columns(NamedTuple):
    """Widths: of the name with its signature, and of the note; 0 for none."""

    label: int
    note: int


def columns(name: int, label: int, note: int, room: int) -> Columns:
    """The columns in at most `room`, for the widest name, the widest name with its signature, and the widest note.

    The signature gives way first, then the end of the note, then all of it.

    >>> columns(9, 30, 20, 60), columns(9, 30, 20, 46), columns(9, 30, 20, 33), columns(9, 30, 20, 16)
    (Columns(label=30, note=20), Columns(label=24, note=20), Columns(label=9, note=20), Columns(label=16, note=0))
    """
    label, note = min(label, max(name, _WIDEST[0])), min(note, _WIDEST[1])
    if not note:
        return Columns(min(label, room), 0)
    left = room - _GAP - note
    if left >= label:
        return Columns(label, note)
    if left >= name + _LEAST_SIGNATURE:
        return Columns(left, note)
    if room - _GAP - name >= _LEAST_NOTE:
        return Columns(name, min(note, room - _GAP - name))
    return Columns(min(label, room), 0)


def placed(prompt: Region, screen: Size, x: int, wanted: Size) -> Region:
    """Where a list of the wanted size lies, beside no line of the prompt; empty where no row of it would be seen.

    >>> placed(Region(0, 20, 60, 2), Size(60, 24), 50, Size(30, 10))
    Region(x=30, y=10, width=30, height=10)
    """
    above, below = prompt.y, screen.height - prompt.bottom
    height = min(wanted.height, below if below >= min(wanted.height, above) else above)
    width = min(wanted.width, screen.width)
    if height <= _FRAME or width <= _FRAME + _MARK:
        return Region()
    y = prompt.bottom if below >= min(wanted.height, above) else prompt.y - height
    return Region(max(0, min(x, screen.width - width)), y, width, height)


def row_parts(item: Item, widths: Columns, ink: Ink, *, chosen: bool) -> list[Part]:
    """One row: mark, glyph, name, signature, and what it would do; exactly as wide as its columns."""
    label, note = widths
    name, rest = item.name, _rest(item)
    glyph = " " if item.effect is None else ink.glyph(item.effect)
    role = item.effect or "quiet"
    parts: list[Part] = [(f"{ink.mark('chain') if chosen else ' '} ", "bold"), (f"{glyph} ", role)]
    if cell_len(name) >= label:
        parts.append((fitted(name, label, ink.dots), "bold"))
    else:
        # Where the column is as wide as a name, the start of a signature would say nothing.
        rest = rest if label - cell_len(name) >= min(_LEAST_SIGNATURE, cell_len(rest)) else ""
        parts += [(name, "bold"), (fitted(rest, label - cell_len(name), ink.dots), "quiet")]
    return [*parts, (" " * _GAP, "quiet"), (fitted(_note(item, ink), note, ink.dots), role)] if note else parts


def _rest(item: Item) -> str:
    """The signature without the name, which stands before it already."""
    signature = item.signature or ""
    return signature[len(item.name) :] if signature.startswith(item.name) else f" {signature}" if signature else ""


def _note(item: Item, ink: Ink) -> str:
    note = ink.say(item.note or "")
    return f"{item.effect} {note}".rstrip() if item.effect else note


class Popup(Widget, can_focus=False):
    """The rows, one of which may be chosen.

    Attributes:
        items: all that it lists.
        chosen: the number of the row that the user moved to, or None.
    """

    DEFAULT_CSS = """
    Popup {
        overlay: screen;
        constrain: none none;
        display: none;
        background: $panel;
        color: $foreground;
        border: round $border;
        text-wrap: nowrap;
        pointer: pointer;
        & .popup--bold { text-style: bold; }
        & .popup--quiet { color: $foreground 65%; }
        & .popup--alloc { color: $text-secondary; }
        & .popup--view, & .popup--same { color: $text-success; }
        & .popup--copy { color: $text-warning; }
        & .popup--write { color: $text-accent; text-style: bold; }
        & .popup--refused, & .popup--error { color: $text-error; }
        & .popup--chosen { background: $foreground 18%; text-style: bold; }
        & .popup--pointed { background: $foreground 9%; }
        &.-ascii { border: ascii $border; }
        &:ansi .popup--quiet { color: ansi_default; text-style: dim; }
        &:nocolor .popup--chosen { text-style: underline; }
        &:nocolor .popup--alloc, &:nocolor .popup--view, &:nocolor .popup--same, &:nocolor .popup--copy,
        &:nocolor .popup--write, &:nocolor .popup--refused { color: $foreground; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"popup--{role}" for role in (*ROLES, "chosen", "pointed")}
    ALLOW_SELECT = False

    class Taken(Message):
        """A row was clicked."""

        def __init__(self, item: Item) -> None:
            super().__init__()
            self.item = item

    def __init__(self) -> None:
        super().__init__()
        self.items: Sequence[Item] = ()
        self.chosen: int | None = None
        self.ink = Ink()
        self._pointed: int | None = None
        self._first = 0
        self._widths = Columns(0, 0)
        self._place = Region()

    @property
    def is_open(self) -> bool:
        """Whether the list is on screen, or would be if there were room."""
        return bool(self.items)

    @property
    def item(self) -> Item | None:
        """The chosen row."""
        return None if self.chosen is None or self.chosen >= len(self.items) else self.items[self.chosen]

    @property
    def _shown(self) -> int:
        """How many rows there is room for."""
        return max(1, self._place.height - _FRAME)

    def open(self, items: Sequence[Item], *, chosen: int | None = None) -> None:
        """List other rows; `place` says where."""
        self.items, self.chosen = items, chosen
        self._pointed, self._first = None, 0
        self._show_chosen()

    def close(self) -> None:
        """Take the list away."""
        self.items, self.chosen, self._pointed, self._place = (), None, None, Region()
        self.display = False

    def place(self, prompt: Region, screen: Size, x: int) -> None:
        """Lay the list beside the prompt, names under column `x`."""
        if not self.items:
            return
        labels = [cell_len(item.name + _rest(item)) for item in self.items]
        name = max(cell_len(item.name) for item in self.items)
        note = max(cell_len(_note(item, self.ink)) for item in self.items)
        self._widths = columns(name, max(labels), note, screen.width - _FRAME - _MARK)
        width = _FRAME + _MARK + self._widths.label + (_GAP + self._widths.note if self._widths.note else 0)
        # The picture above a low prompt is what the typing is for.
        rows = min(len(self.items), MOST_ROWS, max(_LEAST_ROWS, screen.height // 2 - _FRAME))
        place = placed(prompt, screen, x - _MARK - 1, Size(width, rows + _FRAME))
        self.display = bool(place)
        if place and place != self._place:
            self.styles.width, self.styles.height = place.width, place.height
            self.absolute_offset = place.offset
            self.refresh(layout=True)
        if place != self._place:
            self._place = place
            self._show_chosen()

    def move(self, by: int) -> None:
        """Choose the next row, or the one before; from nothing, the first or the last."""
        if not self.items:
            return
        start = (-1 if by > 0 else len(self.items)) if self.chosen is None else self.chosen
        self.chosen = (start + by) % len(self.items)
        self._show_chosen()

    def row_at(self, y: int) -> int | None:
        """The number of the row drawn at a line of the content."""
        row = self._first + y
        return row if 0 <= y < self.size.height and row < len(self.items) else None

    def render(self) -> Content:
        """The rows that fit."""
        rows = range(self._first, min(self._first + self.size.height, len(self.items)))
        return Content("\n").join([self._row(number) for number in rows])

    def _row(self, number: int) -> Content:
        chosen = number == self.chosen
        parts = row_parts(self.items[number], self._widths, self.ink, chosen=chosen)
        row = Content.assemble(*[(text, self.get_visual_style(f"popup--{role}", partial=True)) for text, role in parts])
        if chosen or number == self._pointed:
            name = "popup--chosen" if chosen else "popup--pointed"
            row = row.stylize(self.get_visual_style(name, partial=True))
        return row

    def _show_chosen(self) -> None:
        lowest = max(0, len(self.items) - self._shown)
        at = self._first if self.chosen is None else max(self.chosen - self._shown + 1, min(self._first, self.chosen))
        self._first = min(at, lowest)
        self._say_how_many()
        self.refresh()

    def _say_how_many(self) -> None:
        total, shown = len(self.items), self._shown
        at = min(self._first + shown, total) if self.chosen is None else self.chosen + 1
        self.border_subtitle = f"{at} of {total}" if total > shown else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Light the row up; choosing is the keys' and the click's."""
        self._point(self.row_at(event.get_content_offset_capture(self).y))

    def on_leave(self) -> None:
        """Nothing is pointed at."""
        self._point(None)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Later rows."""
        self._scroll(1, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Earlier rows."""
        self._scroll(-1, event)

    def on_click(self, event: events.Click) -> None:
        """Take the row."""
        event.stop()
        row = self.row_at(event.get_content_offset_capture(self).y)
        if row is not None:
            self.post_message(self.Taken(self.items[row]))

    def _point(self, row: int | None) -> None:
        if row != self._pointed:
            self._pointed = row
            self.refresh()

    def _scroll(self, by: int, event: events.MouseEvent) -> None:
        event.stop()
        self._first = max(0, min(self._first + by, len(self.items) - self._shown))
        self._pointed = None
        self._say_how_many()
        self.refresh()
