"""The key sheet: every key of the screen below, by group.

Problem: the footer has room for a few keys; a person who asks for all of them wants them in one place, at 60 columns
too. Method: the rows of the table of keys, one line each, on a modal screen whose one widget scrolls by lines.
Cost: a line's text for each row that is in sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView

from stridescope.tui.keys import keys_text, rows
from stridescope.tui.lines import line, looks_of

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.strip import Strip

    from stridescope.scene.frame import Row
    from stridescope.tui.keys import Key

__all__ = ["KeySheet"]

_KEYS = 19
"""Columns of the keys."""


class Sheet(ScrollView):
    """The lines, one for each row of the table of keys."""

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__(id="sheet")
        self._lines = _with_heads([row for row in rows(*scopes) if row.keys])

    def on_mount(self) -> None:
        """Know one's height."""
        self.border_title = "Keys"
        self.border_subtitle = "esc closes"
        self.virtual_size = Size(0, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """A heading, or a row."""
        width, looks = self.scrollable_content_region.width, looks_of(self)
        number = y + self.scroll_offset.y
        return looks.strip(self._row(number, width, plain=looks.ink.ascii) if number < len(self._lines) else (), width)

    def _row(self, number: int, width: int, *, plain: bool) -> Row:
        found = self._lines[number]
        if found is None or isinstance(found, str):
            return line([(found or "", "view")], width, x=1)
        keys = keys_text(found.keys, ascii=plain, between=" ")
        fits = width >= _KEYS + len(found.label) + len(found.tooltip) + 4
        said = f"  {found.tooltip}" if fits and not found.tooltip.startswith(found.label) else ""
        return line([(f"{keys:<{_KEYS}}", "bold"), (found.label, "plain"), (said, "quiet")], width, x=1)


def _with_heads(found: list[Key]) -> list[Key | str | None]:
    """The rows under their headings, each heading once."""
    groups: dict[str, list[Key]] = {}
    for row in found:
        groups.setdefault(row.group, []).append(row)
    lines: list[Key | str | None] = []
    for group, members in groups.items():
        lines += [*([None] if lines else []), group, *members]
    return lines


class KeySheet(ModalScreen[None]):
    """The sheet over the screen it is about."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter,space", "dismiss", "Close", show=False),
        *(
            Binding(key, f"scroll('{how}')", show=False)
            for keys, how in (
                ("down,j", "down"),
                ("up,k", "up"),
                ("pagedown", "page_down"),
                ("pageup", "page_up"),
                ("home", "home"),
                ("end", "end"),
            )
            for key in keys.split(",")
        ),
    ]

    def __init__(self, scopes: tuple[str, ...]) -> None:
        super().__init__()
        self._scopes = scopes

    def compose(self) -> ComposeResult:
        """One widget."""
        yield Sheet(self._scopes)

    def action_scroll(self, how: str) -> None:
        """Scroll: "down", "page_up", "end" and so on."""
        getattr(self.query_one(Sheet), f"scroll_{how}")(animate=False)
