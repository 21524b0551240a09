"""The last line: the keys that matter now.

Problem: which keys work depends on the screen, on what is focused and on the state, and the line has little room.
Method: the hints of the table of keys for the scopes that the screen names now (`key_scopes`), without those whose
action the screen says is not to be had; the least important go first where the width is short. Cost: one line's text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from textual.actions import parse
from textual.keys import key_to_character

from stridescope.scene.frame import size_of
from stridescope.tui.keys import keys_text, rows
from stridescope.tui.lines import Lines, line, looks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click, MouseMove
    from textual.geometry import Size
    from textual.screen import Screen

    from stridescope.scene.frame import Row
    from stridescope.tui.keys import Key

__all__ = ["KeyLine", "available", "key_scopes"]

_GAP = 3
_TYPED = frozenset(("prompt", "find"))
"""Scopes of lines that are typed on."""


class _Shown(NamedTuple):
    row: Key
    keys: str
    words: str

    @property
    def size(self) -> int:
        return size_of(self.keys) + 1 + size_of(self.words)


def key_scopes(screen: Screen[Any]) -> tuple[str, ...]:
    """The scopes whose keys work on a screen now; a screen may say so in `key_scopes`, a property."""
    found: tuple[str, ...] = getattr(screen, "key_scopes", ("app",))
    return found


def available(screen: Screen[Any], row: Key) -> bool:
    """Whether a row's action can be taken now, as the screen's and the app's `check_action` tell."""
    if not row.action:
        return True
    namespace, name, parameters = parse(row.action)
    node = screen.app if namespace == "app" else screen
    return hasattr(node, f"action_{name}") and bool(node.check_action(name, parameters))


def _not_typed(row: Key) -> str:
    """The first of a row's keys that is no character, for while a text is being typed; "" for none."""
    return next((key for key in row.keys.split(",") if "+" in key or key_to_character(key) is None), "")


class KeyLine(Lines):
    """The hints, each of which can be clicked."""

    DEFAULT_CSS = "KeyLine { dock: bottom; height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, Key]] = []

    def on_mount(self) -> None:
        """Follow what is focused and what can be done."""
        super().on_mount()
        self.screen.bindings_updated_signal.subscribe(self, self._on_theme)

    def rows(self, size: Size) -> Sequence[Row]:
        """One line of hints."""
        plain = looks_of(self).ink.ascii
        scopes = key_scopes(self.screen)
        typing = not _TYPED.isdisjoint(scopes)
        shown = [
            _Shown(row, keys_text(keys, ascii=plain), row.hint.words)
            for row in rows(*scopes)
            if row.hint is not None
            and (keys := _not_typed(row) if typing and row.scope not in _TYPED else row.hint.keys)
            and available(self.screen, row)
        ]
        while shown and 1 + sum(hint.size + _GAP for hint in shown) - _GAP > size.width:
            shown.remove(max(shown, key=lambda hint: hint.row.hint.rank if hint.row.hint else 0))
        parts, at = [], 1
        self._places = []
        for hint in shown:
            parts += [(hint.keys, "bold"), (f" {hint.words}{' ' * _GAP}", "quiet")]
            self._places.append((at, at + hint.size, hint.row))
            at += hint.size + _GAP
        return [line(parts, size.width, x=1)]

    async def on_click(self, event: Click) -> None:
        """Do what the hint says."""
        row = self._at(event.x)
        if row is not None and row.action:
            await self.app.run_action(row.action, self.screen)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Show the sentence of the hint under the mouse."""
        row = self._at(event.x)
        tooltip = None if row is None else row.tooltip
        if self.tooltip != tooltip:
            self.tooltip = tooltip

    def _at(self, x: int) -> Key | None:
        return next((row for start, end, row in self._places if start <= x < end), None)
