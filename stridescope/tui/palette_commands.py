"""The command palette: an entry for each row of the table of keys, for what can be done now.

Problem: nobody remembers forty keys. Method: a Textual provider over the same rows as bindings and key sheet; an entry
shows its keys and its sentence, and runs the row's action on the screen under the palette. Cost: a match a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from stridescope.tui.key_line import available, key_scopes
from stridescope.tui.keys import keys_text, rows

if TYPE_CHECKING:
    from stridescope.tui.keys import Key

__all__ = ["Commands", "Palette"]


class Palette(CommandPalette):
    """The palette, which takes keys and clicks that come faster than it can close, or than its list can fill."""

    def _action_command_list(self, action: str) -> None:
        # Rows that were never drawn have no pages that could be turned.
        with suppress(KeyError):
            super()._action_command_list(action)

    @on(CommandList.OptionSelected)
    def _once(self, event: CommandList.OptionSelected) -> None:
        # The second click of two finds the palette gone, and would run the command again.
        if not self.is_active:
            event.prevent_default()
            event.stop()


class Commands(Provider):
    """Everything that can be done on this screen now."""

    async def discover(self) -> Hits:
        """All entries, in the table's order."""
        for row in self._rows():
            yield DiscoveryHit(Content(row.label), partial(self._run, row), row.label, self._help(row))

    async def search(self, query: str) -> Hits:
        """The entries that match."""
        matcher = self.matcher(query)
        for row in self._rows():
            score = max(matcher.match(row.label), 0.5 * matcher.match(row.tooltip))
            if score > 0:
                yield Hit(score, matcher.highlight(row.label), partial(self._run, row), row.label, self._help(row))

    def _rows(self) -> Iterator[Key]:
        # Whatever has the focus: who types needs the screen's own actions here most, since letters are text there.
        scopes = {*key_scopes(self.screen), *getattr(self.screen, "SCOPES", ()), "app"}
        return (row for row in rows(*scopes) if row.action and available(self.screen, row))

    def _help(self, row: Key) -> str:
        plain = bool(getattr(self.app, "ascii", False))
        return f"{keys_text(row.keys, ascii=plain, between=' ')}  {row.tooltip}".strip()

    async def _run(self, row: Key) -> None:
        await self.app.run_action(row.action, self.screen)
