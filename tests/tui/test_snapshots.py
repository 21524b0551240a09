"""Whole screens as they were last read and found good: every character, and the style of each."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from string import ascii_letters, digits, punctuation
from typing import Any

import pytest
from stage_host import Clock, StageApp

from stridescope.tui.app import StridescopeApp
from stridescope.tui.opening import Opening
from stridescope.tui.stage import canvas
from stridescope.tui.stage.screen import StageScreen

GOLDEN = Path(__file__).parent / "golden"
VIEW = "torch.arange(12).view(3, 4).t()[1:, ::2]"
REFUSED = "torch.arange(12).view(3, 4).t().view(12)"
COPY = "torch.arange(24).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)"
NAMES = "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10)"

CASES: dict[str, tuple[str, tuple[int, int], dict[str, str], list[str]]] = {
    "home.60x20.dark": ("", (60, 20), {}, []),
    "home.80x24.light": ("", (80, 24), {"TEXTUAL_THEME": "light"}, ["down"]),
    "home.200x60.dark": ("", (200, 60), {}, ["end"]),
    "home.80x24.nocolour": ("", (80, 24), {"NO_COLOR": "1"}, []),
    "stage.60x20.dark": (VIEW, (60, 20), {}, []),
    "stage.80x24.light": (REFUSED, (80, 24), {"TEXTUAL_THEME": "light"}, []),
    "stage.80x24.nocolour": (NAMES, (80, 24), {"NO_COLOR": "1"}, []),
    "stage.200x60.dark": (COPY, (200, 60), {}, ["l"]),
    "stage.80x24.typing": (VIEW, (80, 24), {}, ["slash", *".vie"]),
}
"""Name -> program, size, what the terminal says of itself, keys."""

SIGNS = ascii_letters + digits + punctuation


@pytest.mark.parametrize("name", CASES)
def test_a_screen_is_the_one_that_was_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewrite the files with STRIDESCOPE_GOLDEN=1, then read the difference."""
    text, size, settings, keys = CASES[name]
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    found = asyncio.run(screen(text, size, keys))
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("STRIDESCOPE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_without_colours_a_screen_names_none() -> None:
    """Of the kept ones too, that is: none of them shows a colour where there are none."""
    for path in GOLDEN.glob("*.nocolour.txt"):
        assert "#" not in path.read_text(encoding="utf-8").rpartition("\n\n")[2], path


async def screen(text: str, size: tuple[int, int], keys: list[str]) -> str:
    """The screen of a program at rest at its last step, after some keys; of no program, the home screen."""
    canvas.FRAMES_PER_SECOND = 0.01
    clock = Clock()
    opening = Opening(text=text, check=False)
    app: StridescopeApp = StageApp(opening, clock) if text else StridescopeApp(opening)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if isinstance(app.screen, StageScreen):
            app.screen.action_last()
            app.screen.canvas._tick()
        for key in keys:
            await pilot.press(key)
        await pilot.pause(0.1)
        if isinstance(app.screen, StageScreen):
            app.screen.canvas._tick()
        await pilot.pause()
        return described(app.screen._compositor.render_strips())


def described(strips: list[Any]) -> str:
    """A screen's text; then a sign for the style of each character, none for the commonest; then what they mean."""
    cells = [[(char, said(segment.style)) for segment in strip for char in segment.text] for strip in strips]
    styles = [style for row in cells for _, style in row]
    kinds = sorted(set(styles), key=lambda style: (-styles.count(style), style))
    signs = dict(zip(kinds, " " + SIGNS, strict=False))
    lines = ["".join(char for char, _ in row).rstrip() for row in cells]
    ruled = "-" * max(len(row) for row in cells)
    styled = ["".join(signs[style] for _, style in row).rstrip() for row in cells]
    return "\n".join([*lines, ruled, *styled, ruled, "", *(f"{signs[kind]} {kind}" for kind in kinds)]) + "\n"


def said(style: Any) -> str:
    """A style in words: its attributes, its colour, what it stands on."""
    if style is None:
        return "plain"
    marks = [mark for mark in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, mark)]
    colour = "" if style.color is None else style.color.name
    back = "" if style.bgcolor is None else f"on {style.bgcolor.name}"
    return " ".join(filter(None, [*marks, colour, back])) or "plain"
