"""The stage: what is typed, pointed at and resized, and that it costs nothing when nothing happens."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest
from stage_host import CHAIN, NAMES, REFUSED, Stage, act
from textual.events import MouseMove, MouseScrollDown, MouseScrollUp
from textual.timer import Timer
from textual.widget import Widget

from stridescope.scene.timeline import TRAVEL
from stridescope.tui.checks import Verdict
from stridescope.tui.stage.canvas import backlog
from stridescope.tui.stage.title import Title

SIZES = [(60, 20), (80, 24), (100, 30), (200, 60), (40, 12)]

Scene = Callable[[Stage], Awaitable[None]]


def staged(
    text: str = CHAIN, size: tuple[int, int] = (100, 30), *, playing: bool = False, ticking: bool = False
) -> Callable[[Scene], None]:
    """Decorates an async test of a stage: pytest gets a function without arguments."""

    def made(scene: Scene) -> Callable[[], None]:
        def test() -> None:
            act(scene, text, size, playing=playing, ticking=ticking)

        test.__name__, test.__doc__ = scene.__name__, scene.__doc__
        return test

    return made  # type: ignore[return-value]


# ------------------------------------------------------------------------------------------------------ how it opens


@staged(playing=True)
async def test_a_program_is_played_when_it_opens(stage: Stage) -> None:
    assert stage.state.player.playing and stage.position == 0
    await stage.wait(TRAVEL["view"] / 2)
    assert stage.position == 0.5
    await stage.rest()
    assert stage.position == 3 and stage.screen.focused is stage.canvas


@staged("")
async def test_without_a_program_the_line_waits_for_one(stage: Stage) -> None:
    assert stage.screen.typing and "Type a program" in stage.text()


@pytest.mark.parametrize("size", SIZES)
def test_every_part_has_its_place_at_every_size(size: tuple[int, int]) -> None:
    async def scene(stage: Stage) -> None:
        width, height = size
        lines = stage.lines()
        parts: list[Widget] = [stage.screen.query_one(Title), stage.canvas, stage.bar, stage.screen.prompt]
        assert [part.region.y for part in parts] == sorted(part.region.y for part in parts)
        assert all(part.region.width == width and part.region.height > 0 for part in parts)
        assert parts[-1].region.bottom == (height if height < 18 else height - 1)
        assert "stridescope" in lines[0] and "torch." in lines[0] and "○" in lines[stage.bar.region.y]
        assert (stage.state.view.width, stage.state.view.height) == stage.canvas.size
        assert stage.canvas.size.height >= height - 6
        assert stage.place_of("cell", index=(0, 1))

    act(scene, CHAIN, size)


# ----------------------------------------------------------------------------------------------------- what it costs


@staged(ticking=True)
async def test_idle_is_no_frame_and_no_timer(stage: Stage) -> None:
    await asyncio.sleep(0.05)
    frames = stage.canvas.frames
    assert not stage.canvas.ticking
    await asyncio.sleep(0.15)
    assert stage.canvas.frames == frames and not stage.canvas.ticking


@staged(ticking=True, playing=True)
async def test_the_timer_runs_while_it_plays_and_stops_at_the_end(stage: Stage) -> None:
    assert stage.canvas.ticking
    await stage.rest()
    await asyncio.sleep(0.05)
    assert not stage.canvas.ticking and stage.position == 3


@staged(ticking=True, playing=True)
async def test_a_clock_that_stands_still_is_one_frame(stage: Stage) -> None:
    await asyncio.sleep(0.05)
    frames = stage.canvas.frames
    await asyncio.sleep(0.1)
    assert stage.canvas.ticking and stage.canvas.frames == frames


@staged(playing=True)
async def test_only_rows_that_changed_are_drawn_again(stage: Stage) -> None:
    await stage.wait(TRAVEL["view"] * 0.4)
    canvas, drawn = stage.canvas, []
    looks = canvas.looks
    strip = looks.strip
    before = canvas._rows
    looks.strip = lambda row, width: drawn.append(row) or strip(row, width)  # type: ignore[assignment, func-returns-value]
    await stage.wait(TRAVEL["view"] * 0.1)
    del looks.strip
    changed = [row for row, old in zip(canvas._rows, before, strict=True) if row != old]
    own = [row for row in drawn if row in canvas._rows and row]
    assert 0 < len(changed) < len(before) / 2
    assert [row for row in own if row not in changed] == []


@staged(ticking=True, playing=True)
async def test_a_terminal_that_is_behind_gets_fewer_frames(
    stage: Stage,
) -> None:
    await asyncio.sleep(0.03)
    frames = stage.canvas.frames

    queue = SimpleNamespace(qsize=lambda: 9)
    behind = SimpleNamespace(_writer_thread=SimpleNamespace(_queue=queue))
    real, stage.app._driver = stage.app._driver, behind  # type: ignore[assignment]
    try:
        assert backlog(stage.app) == 9
        stage.clock.now += 0.2
        stage.draw()
        assert stage.canvas.frames == frames
    finally:
        stage.app._driver = real
    stage.draw()
    assert stage.canvas.frames == frames + 1


@staged(ticking=True)
async def test_a_hundred_keys_at_once_are_a_few_frames(stage: Stage) -> None:
    frames = stage.canvas.frames
    for _ in range(50):
        stage.screen.action_cursor(1, 0)
        stage.screen.action_cursor(-1, 0)
    await stage.pilot.pause(0.05)
    assert 1 <= stage.canvas.frames - frames <= 5


def test_no_timer_is_left_when_the_screen_is_left_or_the_app_ends() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.canvas.ticking
        await stage.app.push_screen("home") if stage.app.is_screen_installed("home") else None
        stage.app.action_sheet()
        await stage.pilot.pause()
        assert stage.app.screen is not stage.screen
        assert not stage.canvas.ticking and not stage.state.moving
        frames = stage.canvas.frames
        stage.clock.now += 1
        await asyncio.sleep(0.05)
        assert stage.canvas.frames == frames
        await stage.press("escape")
        assert stage.app.screen is stage.screen
        await stage.press("space")
        assert stage.canvas.ticking

    act(scene, playing=True, ticking=True)
    gc.collect()
    assert [
        timer for timer in gc.get_objects() if issubclass(type(timer), Timer) and timer._task and not timer._task.done()
    ] == []


@staged(ticking=True, playing=True)
async def test_it_waits_while_nobody_looks(stage: Stage) -> None:
    await stage.wait(0.2)
    stage.app.app_focus = False
    await stage.pilot.pause()
    held = stage.position
    await stage.wait(10)
    await asyncio.sleep(0.05)
    assert stage.position == held and not stage.canvas.ticking
    stage.app.app_focus = True
    await stage.pilot.pause()
    await stage.wait(0.1)
    assert stage.position > held and stage.state.player.playing


@staged(playing=True)
async def test_reduced_motion_shows_steps_at_rest_alone(stage: Stage) -> None:
    stage.app.animation_level = "none"
    seen = set()
    stage.state.replay()
    stage.screen.follow()
    while stage.state.moving:
        await stage.wait(0.3)
        assert stage.canvas._seen is not None
        seen.add(stage.canvas._seen.position)
    assert seen == {1.0, 2.0, 3.0}


# ------------------------------------------------------------------------------------------------------------- typing


@staged()
async def test_what_is_typed_is_shown_at_rest_at_once(stage: Stage) -> None:
    await stage.pilot.press("slash", *".t()")
    stage.draw()
    assert stage.position == 4 and not stage.state.moving
    assert stage.state.step is not None and stage.state.step.tensor is not None
    assert stage.state.step.tensor.shape == (2, 3)
    assert "shape (2, 3)" in stage.text() and ".t()" in stage.lines()[0]


@staged()
async def test_an_error_leaves_the_picture_of_what_is_valid(stage: Stage) -> None:
    await stage.type(".vew(6)")
    assert stage.position == 3 and "shape (3, 2)" in stage.text()


@staged()
async def test_a_refusal_is_shown_while_it_is_typed(stage: Stage) -> None:
    await stage.type(".view(6)")
    assert stage.state.step is not None and stage.state.step.effect == "refused"
    assert "cannot" in stage.text() or "must merge" in stage.text()


@staged()
async def test_enter_plays_from_the_first_step_that_changed(stage: Stage) -> None:
    await stage.type(".t()")
    await stage.press("enter")
    assert stage.screen.focused is stage.canvas
    assert 3 <= stage.position < 4 and stage.state.player.playing
    await stage.rest()
    assert stage.position == 4


@staged()
async def test_a_step_edited_in_the_middle_replays_from_it(stage: Stage) -> None:
    await stage.at_rest(1)
    await stage.press("e")
    await stage.type(".view(4, 3)")
    await stage.press("enter")
    assert stage.screen.prompt.text == "torch.arange(12).view(4, 3).t()[1:, ::2]"
    assert stage.position == 0 and stage.state.player.playing


@staged()
async def test_enter_on_the_same_program_plays_it_again(stage: Stage) -> None:
    await stage.pilot.press("slash", "enter")
    assert stage.position == 0 and stage.state.player.playing


@staged()
async def test_emptying_the_line_leaves_a_hint(stage: Stage) -> None:
    await stage.load("")
    assert stage.state.scene is None and "Type a program" in stage.text()
    await stage.load("torch.arange(3)")
    assert "shape (3,)" in stage.text()


def test_live_tensors_are_the_first_step_and_ops_go_on_from_them() -> None:
    np = pytest.importorskip("numpy")
    x = np.array([[1.5, float("nan")], [2.5, 7.0]]).T

    async def scene(stage: Stage) -> None:
        assert stage.state.step is not None and stage.state.step.op == "given"
        await stage.press("v")
        assert "nan" in stage.text() and "2.5" in stage.text()
        await stage.type(".T")
        assert stage.position == 1 and stage.state.step is not None and stage.state.step.effect == "view"
        assert "x.T" in stage.lines()[0]
        stage.canvas.focus()
        await stage.press("y")
        assert stage.app.clipboard == "x.T"
        await stage.at_rest(0)
        await stage.press("y")
        assert stage.app.clipboard == "x"

    act(scene, "", names={"x": x}, chain_of="x")


def test_of_live_tensors_by_name_the_first_is_on_stage() -> None:
    np = pytest.importorskip("numpy")
    x = np.arange(12).reshape(3, 4)

    async def scene(stage: Stage) -> None:
        assert stage.screen.prompt.text == "x" and "(3, 4)" in stage.text()
        await stage.load("y[1:]")
        assert "(3, 3)" in stage.text()

    act(scene, "", names={"x": x, "y": x.T})


@staged(REFUSED)
async def test_what_works_can_be_taken_while_the_refusal_is_still_on_its_way(stage: Stage) -> None:
    await stage.at_rest(2)
    assert not stage.screen.check_action("alternative", (0,))
    await stage.press("right")
    await stage.wait(0.1)
    assert stage.screen.check_action("alternative", (0,)) and ".reshape(12)" in stage.text()
    await stage.press("a")
    assert stage.screen.prompt.text.endswith(".reshape(12)")


# ---------------------------------------------------------------------------------------------------------- the mouse


async def move(stage: Stage, x: int, y: int) -> None:
    await stage.pilot.hover(stage.canvas, (x, y))
    stage.draw()


@staged()
async def test_the_mouse_over_a_cell_is_a_cursor_until_it_leaves(stage: Stage) -> None:
    x, y = stage.place_of("cell", index=(2, 1))
    await move(stage, x, y)
    assert "address of [2, 1]" in stage.text()
    assert stage.state.view.cursor is None
    await stage.pilot.hover(stage.bar, (30, 1))
    stage.draw()
    assert "address of" not in stage.text()


@staged()
async def test_the_mouse_over_the_strip_finds_the_index(stage: Stage) -> None:
    x, y = stage.place_of("address", address=9)
    await move(stage, x, y)
    assert stage.state.subject is not None and stage.state.subject.index == (0, 1)


@staged()
async def test_a_click_keeps_what_was_pointed_at(stage: Stage) -> None:
    await stage.pilot.click(stage.canvas, stage.place_of("cell", index=(1, 0)))
    assert stage.state.view.cursor == (1, 0)
    await stage.pilot.hover(stage.bar, (30, 1))
    stage.draw()
    assert "address of [1, 0]" in stage.text()


@staged()
async def test_a_click_on_a_dim_selects_it_and_another_one_does_not(stage: Stage) -> None:
    place = stage.place_of("dim", number=1)
    await stage.pilot.click(stage.canvas, place)
    assert stage.state.view.dim == 1
    await move(stage, place[0], place[1])
    assert stage.state.shown.dim == 1
    await stage.pilot.click(stage.canvas, place)
    assert stage.state.view.dim is None


@staged(REFUSED)
async def test_a_click_on_an_alternative_takes_it(stage: Stage) -> None:
    await stage.pilot.click(stage.canvas, stage.place_of("alternative", number=0))
    assert stage.screen.prompt.text.endswith(".reshape(12)")
    assert stage.state.player.playing


@staged(playing=True)
async def test_a_click_while_it_plays_pauses(stage: Stage) -> None:
    await stage.wait(0.3)
    await stage.pilot.click(stage.canvas, (5, 8))
    assert not stage.state.moving and 0 < stage.position < 1 and stage.state.view.cursor is None


@staged("torch.arange(40000).view(200, 200)")
async def test_the_wheel_scrolls_down_and_with_shift_sideways(stage: Stage) -> None:
    def wheel(kind: type[MouseScrollDown | MouseScrollUp], shift: bool) -> None:
        args = (stage.canvas, 10, 10, 0, 0, 0, shift, False, False)
        stage.canvas.post_message(kind(*args))

    seen = []
    for kind, shift in (
        (MouseScrollDown, False),
        (MouseScrollDown, True),
        (MouseScrollUp, False),
        (MouseScrollUp, True),
    ):
        wheel(kind, shift)
        await stage.pilot.pause()
        seen.append(stage.state.view.scroll)
    assert seen == [(0, 2), (2, 2), (2, 0), (0, 0)]


@staged()
async def test_a_click_on_a_step_goes_there_and_a_drag_scrubs(stage: Stage) -> None:
    steps = stage.bar.steps
    await stage.pilot.click(stage.bar, (steps.stops[1] + 3, 0))
    assert stage.position == 1
    await stage.pilot.mouse_down(stage.bar, (steps.stops[1], 1))
    middle = (steps.stops[1] + steps.stops[2]) // 2
    await stage.pilot.hover(stage.bar, (middle, 1))
    assert abs(stage.position - 1.5) < 0.1 and not stage.state.moving
    await stage.pilot.hover(stage.bar, (99, 1))
    await stage.pilot.mouse_up(stage.bar, (99, 1))
    assert stage.position == 3


@staged(ticking=True)
async def test_many_mouse_moves_between_two_frames_are_one_question(stage: Stage) -> None:
    scene = stage.state.scene
    assert scene is not None
    asked, hit = [], scene.hit
    scene.hit = lambda *args: asked.append(args) or hit(*args)  # type: ignore[method-assign, func-returns-value]
    stage.canvas.wake()
    for x in range(60):
        stage.canvas.on_mouse_move(MouseMove(stage.canvas, x, 8, 0, 0, 0, False, False, False))
    await stage.pilot.pause(0.05)
    assert 1 <= len(asked) <= 4


# ------------------------------------------------------------------------------------------------------------ resizing


@staged(NAMES, playing=True)
async def test_it_is_resized_at_any_time_also_while_it_plays(stage: Stage) -> None:
    for width, height in ((60, 20), (200, 60), (40, 12), (100, 30)):
        stage.clock.now += 0.37
        await stage.pilot.resize_terminal(width, height)
        stage.draw()
        view = stage.state.view
        assert (view.width, view.height) == stage.canvas.size
        assert len(stage.canvas._rows) == stage.canvas.size.height
        assert all(len(line) == width for line in stage.lines())
        assert stage.state.player.playing


@staged()
async def test_a_row_asked_for_before_the_picture_has_the_new_size_fits_the_widget(stage: Stage) -> None:
    canvas = stage.canvas
    for width in (40, 160):
        stage.state.resized(width, 20)
        stage.draw()
        assert canvas._width == width
        assert [canvas.render_line(y).cell_length for y in range(22)] == [100] * 22


# -------------------------------------------------------------------------------------------------------- what it says


@staged(size=(80, 24))
async def test_the_verdict_of_torch_stands_in_the_title(stage: Stage) -> None:
    stage.app.verdict = Verdict("agrees", "torch 2.13.0 agrees")
    await stage.pilot.pause()
    assert stage.lines()[0].rstrip().endswith("✓ torch 2.13.0 agrees") and CHAIN in stage.lines()[0]
    stage.app.verdict = Verdict("differs", "torch 2.13.0 differs at step 3: stride (1, 4), we say (4, 1)")
    await stage.pilot.pause()
    assert "stride (1, 4), we say (4, 1)" in stage.lines()[0]


@staged(size=(120, 40))
async def test_torchs_own_words_stand_beside_what_it_refuses_too(stage: Stage) -> None:
    await stage.type(".view(5)")
    stage.app.verdict = Verdict("agrees", "torch 2.13.0 refuses it too", "shape '[5]' is invalid")
    await stage.pilot.pause()
    stage.draw()
    words = " ".join(" ".join(stage.lines()).split())
    assert "torch says shape '[5]' is invalid" in words and "✓ torch 2.13.0 refuses it too" in words
    stage.app.verdict = Verdict()
    await stage.pilot.pause()
    stage.draw()
    assert "torch says" not in " ".join(stage.lines())


@staged()
async def test_torch_is_asked_about_the_program_on_stage_and_not_about_half_of_one(stage: Stage) -> None:
    asked: list[str] = []
    stage.app.check = asked.append  # type: ignore[method-assign]
    await stage.type(".t()")
    assert asked[-1] == CHAIN + ".t()"
    await stage.type(".ve")
    assert asked[-1] == ""


@staged()
async def test_user_text_is_never_markup(stage: Stage) -> None:
    await stage.load("torch.tensor([1, 2])[[0]]")
    assert "torch.tensor([1, 2])[[0]]" in stage.lines()[0]
    await stage.press("escape", "y")
    assert stage.app.clipboard == "torch.tensor([1, 2])[[0]]"


@staged()
async def test_ascii_is_ascii_on_every_line(stage: Stage) -> None:
    await stage.press("A")
    await stage.pilot.pause(0.05)
    for position in (0, 1.5, 3):
        await stage.at_rest(position)
        assert "".join(stage.lines()).isascii()
    assert stage.state.view.ascii


@staged()
async def test_another_theme_redraws_the_picture(stage: Stage) -> None:
    before = [strip for strip in stage.canvas._strips if strip is not None]
    stage.app.theme = "light" if stage.app.theme != "light" else "dark"
    await stage.pilot.pause(0.05)
    after = [strip for strip in stage.canvas._strips if strip is not None]
    assert before and after and before[0] != after[0]
    assert [strip.text for strip in before] == [strip.text for strip in after]
