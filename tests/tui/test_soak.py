"""Random input, and what it has found: keys and clicks that come together, screens that nobody forgot."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from app_host import CHAIN, Quiet
from textual.events import Key

from benchmarks.soak import soak
from stridescope.tui.app import LEAST
from stridescope.tui.home import HomeScreen
from stridescope.tui.opening import Opening
from stridescope.tui.small import SmallScreen
from stridescope.tui.stage import canvas
from stridescope.tui.stage.screen import StageScreen


@pytest.mark.parametrize("seed", [1, 2])
def test_random_input_leaves_nothing_behind(seed: int) -> None:
    """No error, no screen of another size or picture, no timer, task, thread or process left."""
    found = soak(300, seed)
    assert found.failures == [], found.before
    assert found.events == 300
    assert len(found.done) > 50


def test_a_failure_is_told_with_the_input_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(self: HomeScreen, event: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(HomeScreen, "on_resize", boom)
    found = soak(300, 1)
    assert "a bug of ours" in found.failures[0]
    assert found.before
    assert found.events < 300


def put_together(app: Any, *keys: str) -> None:
    """Keys, each of which comes before the one before it was seen to."""
    for key in keys:
        app.post_message(Key(key, None))


@pytest.mark.parametrize(
    "keys",
    [
        ("f1", "escape", "escape", "escape"),
        ("ctrl+p", "escape", "escape", "escape"),
        ("ctrl+p", "down", "enter", "enter", "enter"),
        ("f1", "ctrl+p", "escape", "escape", "escape"),
    ],
)
def test_keys_that_come_together_close_a_screen_once(piloted: Callable[..., None], keys: tuple[str, ...]) -> None:
    async def steps(pilot: Any) -> None:
        put_together(pilot.app, *keys)
        await pilot.pause(0.3)
        assert isinstance(pilot.app.screen_stack[0], StageScreen)
        assert pilot.app.failure is None

    piloted(Quiet(Opening(text=CHAIN, check=False)), steps)


@pytest.mark.parametrize("key", ["pagedown", "pageup", "home", "end", "down", "up", "enter"])
def test_the_palette_takes_keys_before_its_list_is_there(piloted: Callable[..., None], key: str) -> None:
    async def steps(pilot: Any) -> None:
        put_together(pilot.app, "ctrl+p", key, key)
        await pilot.pause(0.2)
        assert pilot.app.failure is None

    piloted(Quiet(), steps)


@pytest.mark.parametrize("key", ["ctrl+p", "f1"])
def test_nothing_lies_over_the_sentence_of_a_small_terminal(piloted: Callable[..., None], key: str) -> None:
    """It would be left under it when there is room again."""

    async def steps(pilot: Any) -> None:
        await pilot.press(key)
        assert isinstance(pilot.app.screen, SmallScreen)
        await pilot.resize_terminal(*LEAST)
        await pilot.pause()
        assert len(pilot.app.screen_stack) == 1

    piloted(Quiet(), steps, size=(30, 8))


def test_a_stage_that_was_left_is_forgotten(piloted: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    # asyncio keeps what a timer belongs to until its time has come, even if it was stopped.
    monkeypatch.setattr(canvas, "FRAMES_PER_SECOND", 60.0)

    async def steps(pilot: Any) -> None:
        shown = []
        for _ in range(4):
            await pilot.app.show_stage(Opening(text=CHAIN, check=False))
            await pilot.pause()
            shown.append(weakref.ref(pilot.app.screen))
        await pilot.pause(0.1)
        gc.collect()
        # The one before may still be on its way out.
        assert [stage() is None for stage in shown[:2]] == [True, True]

    piloted(Quiet(), steps)


def test_a_line_that_is_left_before_it_was_drawn_has_nothing_to_say(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        left = pilot.app.screen.prompt
        await pilot.app.show_stage(Opening(text=CHAIN, check=False))
        await pilot.pause()
        assert not left.is_attached
        left._help()
        left._tell()

    piloted(Quiet(Opening(text=CHAIN, check=False)), steps)
