"""The Trace screen: keys, mouse, its three lists, and the way of a step to the Stage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from app_host import Quiet, shown

pytest.importorskip("torch")

import torch
from textual.events import Key

import stridescope as ss
from stridescope.records import Trace
from stridescope.tui.keys import rows
from stridescope.tui.modules.rows import Details, TreeView
from stridescope.tui.opening import opening_of
from stridescope.tui.stage.screen import StageScreen
from stridescope.tui.trace.screen import TraceScreen

torch.set_num_threads(1)


def traced() -> Trace:
    with ss.trace() as t:
        x = torch.arange(12).view(3, 4).t()
        x.reshape(12)
        y = torch.zeros(100, 100).t()
        for _ in range(2):
            y.contiguous()
        x.add_(1)
    return t


class Looking:
    """What a test does on the screen, and what it looks at."""

    def __init__(self, pilot: Any) -> None:
        self.pilot = pilot
        self.app = pilot.app

    @property
    def state(self) -> Any:
        assert isinstance(self.app.screen, TraceScreen)
        return self.app.screen.state

    @property
    def text(self) -> str:
        return "\n".join(shown(self.app))

    @property
    def marked(self) -> str:
        """The row with the sign of the marked one."""
        return next(line for line in shown(self.app) if line.startswith(("▸", ">")))

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
            await self.pilot.pause()
        await self.pilot.pause()


def look(steps: Callable[[Looking], Awaitable[None]], trace: Trace, size: tuple[int, int] = (120, 32)) -> None:
    """Run an async test on the app, opened on a trace."""

    async def session() -> None:
        app = Quiet(opening_of(trace))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(Looking(pilot))
            if app.failure is not None:
                raise app.failure

    asyncio.run(session())


def test_a_trace_opens_with_its_steps_their_lines_and_bytes() -> None:
    trace = traced()

    async def steps(at: Looking) -> None:
        assert f"{len(trace.steps)} steps" in at.text
        assert "80.1 kB copied, 3 times" in at.text
        for step in trace.steps:
            assert step.op in at.text and f".py:{step.line}" in at.text
        assert "● reshape" in at.text

    look(steps, trace)


def test_keys_mark_steps_and_their_details_follow() -> None:
    trace = traced()

    async def steps(at: Looking) -> None:
        await at.press("down", "j", "down")
        assert at.state.step.op == "reshape"
        assert "x.reshape(12)" in at.text and "before   (4,3):(1,4)" in at.text
        await at.press("k", "up")
        assert at.state.step.op == "view"
        await at.press("end")
        assert at.state.step.op == "add_"
        await at.press("pageup")
        assert at.state.place == 0
        await at.press("pagedown", "home", "n")
        assert at.state.step.op == "reshape"
        await at.press("N")
        assert at.state.step.op == "contiguous"

    look(steps, trace)


def test_c_shows_copies_alone_and_l_the_lines_by_bytes_and_escape_all() -> None:
    trace = traced()

    async def steps(at: Looking) -> None:
        await at.press("c")
        assert [at.state.steps[place].copied_nbytes for place in at.state.copied] == [96, 40_000, 40_000]
        assert at.state.length == 3 and "+ arange" not in at.text
        await at.press("l")
        assert [line.nbytes for line in at.state.lines] == [80_000, 96]
        assert at.state.step.op == "contiguous" and "2×" in at.marked
        await at.press("down")
        assert "must merge dims 0 and 1" in " ".join(at.text.split()).replace("│ ", "")
        await at.press("escape")
        assert (at.state.view, at.state.step.op) == ("steps", "reshape")
        await at.press("c", "c")
        assert (at.state.view, at.state.step.op) == ("steps", "reshape")

    look(steps, trace)


def test_enter_plays_a_step_on_the_stage_and_4_comes_back_to_it() -> None:
    trace = traced()

    async def steps(at: Looking) -> None:
        await at.press("n", "enter")
        stage = at.app.screen
        assert isinstance(stage, StageScreen)
        history = stage.state.history
        assert history is not None
        assert [(step.op, step.effect) for step in history.steps] == [
            ("given", "same"),
            ("reshape", "copy"),
        ]
        await at.press("end", "home", "right", "4")
        assert at.state.step.op == "reshape"
        await at.press("end", "enter", "end")
        assert at.app.screen.state.step.effect == "write"
        await at.press("4", "home", "enter")
        assert [step.effect for step in at.app.screen.state.history.steps] == ["alloc"]

    look(steps, trace)


def test_a_refused_step_plays_and_one_without_a_layout_says_that_it_has_none() -> None:
    with ss.trace() as trace:
        with pytest.raises(RuntimeError):
            torch.zeros(3, 4).t().view(12)
        torch.eye(3).to_sparse().coalesce()

    async def steps(at: Looking) -> None:
        await at.press("down", "down", "enter", "end")
        assert at.app.screen.state.step.effect == "refused"
        await at.press("4", "end", "enter")
        said = [note.message for note in at.app._notifications]
        assert isinstance(at.app.screen, TraceScreen) and "no tensor whose layout" in said[-1]

    look(steps, trace)


def test_what_is_typed_goes_on_from_what_the_step_came_to() -> None:
    async def steps(at: Looking) -> None:
        await at.press("n", "enter", "slash")
        at.app.screen.prompt.paste("view(3, 4)")
        await at.press("enter", "end")
        assert at.app.screen.state.step.tensor.shape == (3, 4)

    look(steps, traced())


def test_details_scroll_and_make_room_and_the_place_is_copied() -> None:
    async def steps(at: Looking) -> None:
        details = at.app.screen.query_one(Details)
        await at.press("l", "J")
        assert details.scroll_offset.y > 0
        await at.press("K")
        assert details.scroll_offset.y == 0
        await at.press("d")
        assert not details.display
        await at.press("d")
        assert details.display
        await at.press("y")
        assert at.app.clipboard == f"{at.state.step.file}:{at.state.step.line}"

    look(steps, traced(), (60, 20))


def test_a_click_marks_and_a_second_one_plays() -> None:
    async def steps(at: Looking) -> None:
        await at.pilot.click("#steps", offset=(4, 2))
        await at.pilot.pause()
        assert at.state.place == 2
        await at.pilot.click("#steps", offset=(4, 3), times=2)
        await at.pilot.pause()
        assert isinstance(at.app.screen, StageScreen)

    look(steps, traced())


def test_a_long_trace_draws_only_what_is_in_sight_and_finds_its_copies_in_no_time() -> None:
    with ss.trace() as trace:
        x = torch.zeros(4, 4).t()
        for _ in range(4_000):
            x.t()
        x.contiguous()

    async def steps(at: Looking) -> None:
        tree = at.app.screen.query_one(TreeView)
        await at.press("end")
        assert tree.asked <= 3 * tree.size.height
        start = time.perf_counter()
        await at.press("c")
        assert at.state.length == 1
        assert time.perf_counter() - start < 2

    look(steps, trace)


def test_a_trace_of_nothing_can_be_looked_at() -> None:
    with ss.trace() as trace:
        pass

    async def steps(at: Looking) -> None:
        assert "no op copied a byte" in at.text
        await at.press("enter", "c", "l", "n", "y", "end", "escape", "d")

    look(steps, trace)


@pytest.mark.parametrize(
    ("size", "plain"), [((40, 12), "NO_COLOR"), ((60, 20), "colour"), ((100, 30), "NO_COLOR"), ((200, 60), "colour")]
)
def test_every_size_shows_ops_and_bytes_and_a_resize_keeps_the_mark(
    size: tuple[int, int], plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")

    async def steps(at: Looking) -> None:
        await at.press("n")
        assert "● reshape" in at.marked and "96 B" in at.marked
        await at.press("A")
        assert at.text.isascii() and "# reshape" in at.marked
        for other in ((40, 12), (120, 15), (60, 40), size):
            await at.pilot.resize_terminal(*other)
            await at.pilot.pause()
        assert "# reshape" in at.marked

    look(steps, traced(), size)


def test_every_action_of_the_keys_is_one_of_the_screen() -> None:
    for row in rows("trace"):
        assert hasattr(TraceScreen, f"action_{row.action.partition('(')[0]}"), row.id
