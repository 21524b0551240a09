"""The themes: what the app starts in, and what they have to give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from app_host import Quiet
from rich.color import Color
from textual.filter import ANSIToTruecolor

from stridescope.render import palette
from stridescope.tui.looks import READABLE
from stridescope.tui.themes import DARK, LIGHT, NAMES, THEMES, theme_for

TEXTS = ("foreground", "primary", "secondary", "warning", "error", "success", "accent")


def rgb(text: str) -> palette.RGB:
    red, green, blue = Color.parse(text).get_truecolor()
    return red, green, blue


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
def test_every_colour_of_text_is_readable_on_every_ground(theme: Any, name: str, ground: str) -> None:
    assert palette.contrast(rgb(getattr(theme, name)), rgb(getattr(theme, ground))) >= READABLE


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_cursor_of_a_list_is_readable(theme: Any) -> None:
    pair = (theme.variables[f"block-cursor-{part}"] for part in ("foreground", "background"))
    assert palette.contrast(*map(rgb, pair)) >= READABLE


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "dark"),
        ({"COLORFGBG": "0;15"}, "light"),
        ({"COLORFGBG": "15;0"}, "dark"),
        ({"COLORTERM": ""}, "dark"),
        ({"COLORTERM": "", "TERM": "xterm"}, "ansi-dark"),
        ({"COLORTERM": "", "TERM": "xterm", "COLORFGBG": "0;15"}, "ansi-light"),
        ({"NO_COLOR": "1"}, "ansi-dark"),
        ({"TEXTUAL_THEME": "light"}, "light"),
        ({"TEXTUAL_THEME": "no such theme"}, "dark"),
    ],
    ids=str,
)
def test_it_starts_in_the_theme_that_suits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], expected: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    app = Quiet()
    assert theme_for(app) == app.theme == expected


def test_t_goes_through_all_themes_and_everything_is_drawn_again(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        app, seen, backs = pilot.app, [], set()
        for _ in NAMES:
            seen.append(app.theme)
            strips = app.screen._compositor.render_strips()
            backs.add(next(iter(strips[0])).style.bgcolor)
            await pilot.press("t")
            await pilot.pause()
        assert seen == list(NAMES)
        assert app.theme == NAMES[0]
        assert {back.triplet for back in backs if back is not None and back.triplet} == {
            Color.parse(theme.background).triplet for theme in (DARK, LIGHT)
        }

    piloted(Quiet(), steps)


@pytest.mark.parametrize("theme", NAMES)
def test_no_frame_pays_for_turning_ansi_colours_into_others(piloted: Callable[..., None], theme: str) -> None:
    async def steps(pilot: Any) -> None:
        pilot.app.theme = theme
        await pilot.pause()
        assert not any(isinstance(found, ANSIToTruecolor) for found in pilot.app.get_line_filters())

    piloted(Quiet(), steps)


@pytest.mark.parametrize("theme", NAMES)
def test_without_colours_no_colour_reaches_the_terminal(
    piloted: Callable[..., None], monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(pilot: Any) -> None:
        pilot.app.theme = theme
        await pilot.pause()
        for strip in pilot.app.screen._compositor.render_strips():
            for segment in strip:
                colours = (segment.style.color, segment.style.bgcolor) if segment.style else ()
                assert all(colour is None or colour.is_default for colour in colours), segment

    piloted(Quiet(), steps, size=(120, 40))


def test_without_colours_the_marked_example_still_shows(terminal: Any) -> None:
    found = terminal("-m", "stridescope", NO_COLOR="1")
    written = found.wait_for("rolling window")
    assert re.search(r"\x1b\[[\d;]*\b7\b[\d;]*mrow-major", written)
    assert "48;2" not in written and "38;2" not in written and "48;5" not in written


def test_sixteen_colours_are_the_terminals_own(terminal: Any) -> None:
    found = terminal("-m", "stridescope", COLORTERM="", TERM="xterm")
    written = found.wait_for("rolling window")
    assert "38;2" not in written and "48;5" not in written and "38;5" not in written
