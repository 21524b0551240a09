"""The key sheet shows every key, and fits small terminals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from app_host import CHAIN, Quiet, shown

from stridescope.tui.help import KeySheet, Sheet
from stridescope.tui.keys import keys_text, rows
from stridescope.tui.opening import Opening


def all_of_it(sheet: Sheet) -> str:
    """The sheet's text, scrolled from its first line to its last."""
    lines = []
    for y in range(sheet.virtual_size.height):
        sheet.scroll_to(y=y, animate=False, immediate=True)
        first = round(sheet.scroll_offset.y)
        lines.append(sheet.render_line(y - first).text)
    return "\n".join(lines)


@pytest.mark.parametrize("size", [(40, 12), (60, 20), (80, 24), (200, 60)])
@pytest.mark.parametrize("scope", ["home", "stage"])
def test_every_key_of_the_screen_is_on_its_sheet(
    piloted: Callable[..., None], size: tuple[int, int], scope: str
) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(pilot.app.screen, KeySheet)
        text = all_of_it(pilot.app.screen.query_one(Sheet))
        for row in rows(scope, "app"):
            if row.keys:
                assert keys_text(row.keys, between=" ") in text
                assert row.label[: size[0] - 30] in text

    opening = Opening(text=CHAIN, check=False) if scope == "stage" else Opening(check=False)
    piloted(Quiet(opening), steps, size=size)


@pytest.mark.parametrize(
    "scopes",
    [("home", "app"), *((scope, "screens", "app") for scope in ("stage", "modules", "storages", "trace"))],
)
def test_no_heading_stands_twice_and_no_row_says_the_same_twice(scopes: tuple[str, ...]) -> None:
    heads = [line for line in Sheet(scopes)._lines if isinstance(line, str)]
    assert heads and len(heads) == len(set(heads))
    idle = {"a", "the", "go", "mark", "move", "show", "to", "scroll", "play", "select", "grid", "before", "previous"}
    for row in rows(*scopes):
        words = [set(text.lower().replace(".", "").replace(",", "").split()) for text in (row.label, row.tooltip)]
        assert words[1] - words[0] - idle, row.id


def test_it_lies_inside_the_screen_and_scrolls(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("question_mark")
        await pilot.pause()
        sheet = pilot.app.screen.query_one(Sheet)
        assert pilot.app.screen.region.contains_region(sheet.region)
        before = shown(pilot.app)
        await pilot.press("end")
        await pilot.pause()
        assert shown(pilot.app) != before
        assert any("ctrl+c" in line for line in shown(pilot.app))

    piloted(Quiet(), steps, size=(60, 20))


@pytest.mark.parametrize("key", ["escape", "question_mark", "q", "enter", "f1"])
def test_any_of_these_closes_it(piloted: Callable[..., None], key: str) -> None:
    async def steps(pilot: Any) -> None:
        below = pilot.app.screen
        await pilot.press("f1")
        assert isinstance(pilot.app.screen, KeySheet)
        await pilot.press(key)
        assert pilot.app.screen is below
        assert not pilot.app._exit

    piloted(Quiet(), steps)


def test_while_typing_the_sheet_is_about_typing(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("slash")
        await pilot.press("f1")
        await pilot.pause()
        text = all_of_it(pilot.app.screen.query_one(Sheet))
        assert "Undo" in text and "Complete" in text

    piloted(Quiet(), steps)
