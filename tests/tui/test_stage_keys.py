"""Every key of the stage does what its row says, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from stage_host import CHAIN, NAMES, REFUSED, Stage, act

from stridescope.tui.keys import rows
from stridescope.tui.stage.player import SPEEDS
from stridescope.tui.stage.screen import StageScreen

BIG = "torch.arange(40000).view(200, 200)"
FOUR = 3
"""The number of the last step of CHAIN and REFUSED."""

Scene = Callable[[Stage], Awaitable[None]]

SCENES: dict[str, tuple[str, Scene]] = {}
"""By the id of a row of `tui.keys`: a program, and what its keys do there."""


def row(*ids: str, text: str = CHAIN) -> Callable[[Scene], Scene]:
    """A test of the keys of some rows."""

    def kept(scene: Scene) -> Scene:
        SCENES.update(dict.fromkeys(ids, (text, scene)))
        return scene

    return kept


@row("stage.play")
async def space_plays_and_pauses(stage: Stage) -> None:
    await stage.at_rest(0)
    await stage.press("space")
    await stage.wait(0.3)
    assert 0 < stage.position < 1 and stage.state.player.playing
    await stage.press("space")
    held = stage.position
    await stage.wait(9)
    assert stage.position == held and "paused" in stage.lines()[-4]


@row("stage.play_typing", "stage.back_typing", "stage.forward_typing")
async def function_keys_play_and_step_while_typing(stage: Stage) -> None:
    await stage.press("slash")
    assert stage.screen.typing
    await stage.press("f7")
    await stage.rest()
    assert stage.position == FOUR - 1
    await stage.press("f8")
    await stage.rest()
    assert stage.position == FOUR
    await stage.press("f6")
    assert stage.state.player.playing and stage.screen.typing
    assert stage.screen.prompt.text == CHAIN


@row("stage.forward", "stage.back")
async def arrows_travel_from_step_to_step(stage: Stage) -> None:
    await stage.press("left")
    await stage.wait(0.1)
    assert FOUR - 1 < stage.position < FOUR
    await stage.rest()
    assert stage.position == FOUR - 1
    await stage.press("right", "right")
    await stage.rest()
    assert stage.position == FOUR


@row("stage.scrub_on", "stage.scrub_back")
async def up_and_down_scrub_by_a_tenth(stage: Stage) -> None:
    await stage.press("down")
    assert stage.position == FOUR - 0.1 and not stage.state.moving
    await stage.press("down", "up", "up")
    assert stage.position == FOUR


@row("stage.first", "stage.last")
async def home_and_end_go_to_the_ends(stage: Stage) -> None:
    await stage.press("home")
    assert stage.position == 0
    await stage.press("end")
    assert stage.position == FOUR


@row("stage.replay")
async def replay_plays_from_the_first_step(stage: Stage) -> None:
    for key in ("f5", "ctrl+r"):
        await stage.press(key)
        assert stage.position == 0 and stage.state.player.playing
        await stage.at_rest()


@row("stage.faster", "stage.slower")
async def plus_and_minus_change_the_speed(stage: Stage) -> None:
    await stage.press("plus")
    assert stage.state.player.speed == 2.0
    await stage.press("equals_sign", "plus")
    assert stage.state.player.speed == SPEEDS[-1] and "4×" in stage.lines()[-4]
    await stage.press(*["minus"] * 5)
    assert stage.state.player.speed == SPEEDS[0]


@row("stage.loop")
async def o_loops(stage: Stage) -> None:
    await stage.press("o", "space")
    await stage.wait(100)
    assert stage.state.player.playing and "loop" in stage.lines()[-4]
    await stage.press("o")
    await stage.rest()
    assert stage.position == FOUR


@row("stage.walk", "stage.walk_end")
async def w_walks_pauses_and_ends(stage: Stage) -> None:
    await stage.press("w")
    await stage.wait(0.4)
    assert stage.state.walk is not None and stage.state.walk.place == 2
    assert "walk 3 of 6" in stage.lines()[-4]
    await stage.press("w")
    await stage.wait(3)
    assert stage.state.walk.place == 2
    await stage.press("right", "right")
    assert stage.state.walk.place == 4
    await stage.press("left")
    assert stage.state.walk.place == 3
    subject = stage.state.subject
    assert subject is not None and subject.index == (1, 1) and subject.address == 10
    await stage.press("W")
    assert stage.state.walk is None
    await stage.press("w", "escape")
    assert stage.state.walk is None and stage.state.subject is not None and stage.state.subject.index is None


@row("stage.values", text="torch.arange(100, 112).view(3, 4)")
async def v_shows_values(stage: Stage) -> None:
    assert "111" not in stage.text()
    await stage.press("v")
    assert "111" in stage.text()
    await stage.press("v")
    assert "111" not in stage.text()


@row("stage.cursor_left", "stage.cursor_right", "stage.cursor_up", "stage.cursor_down")
async def letters_and_shifted_arrows_move_the_cursor(stage: Stage) -> None:
    await stage.press("l")
    seen = [stage.state.view.cursor]
    for key in ("l", "j", "shift+down", "h", "k", "shift+up", "shift+right", "shift+left"):
        await stage.press(key)
        seen.append(stage.state.view.cursor)
    assert seen == [(0, 0), (0, 1), (1, 1), (2, 1), (2, 0), (1, 0), (0, 0), (0, 1), (0, 0)]
    assert "address of [0, 0]" in stage.text()


@row("stage.pointer_back", "stage.pointer_on")
async def brackets_point_at_addresses(stage: Stage) -> None:
    await stage.press("right_square_bracket")
    first = stage.state.view.pointer
    await stage.press("right_square_bracket")
    second = stage.state.view.pointer
    assert first is not None and second is not None
    assert (first[1], second[1]) == (1, 2)
    assert stage.state.subject is not None and stage.state.subject.index == (1, 0)
    await stage.press(*["left_square_bracket"] * 3)
    assert stage.state.view.pointer == (first[0], 0)
    stage.state.pointer(20)
    assert stage.state.view.pointer == (first[0], 11)


@row("stage.next_dim", "stage.previous_dim")
async def d_goes_through_the_dims(stage: Stage) -> None:
    seen = []
    for key in ("d", "d", "d", "D", "D"):
        await stage.press(key)
        seen.append(stage.state.view.dim)
    assert seen == [0, 1, None, 1, 0]


@row("stage.clear")
async def x_takes_everything_away(stage: Stage) -> None:
    for key in ("x", "escape"):
        await stage.press("l", "d", key)
        view = stage.state.view
        assert (view.cursor, view.pointer, view.dim) == (None, None, None)


@row("stage.next_tensor", "stage.previous_tensor", text=NAMES)
async def tab_goes_through_the_tensors(stage: Stage) -> None:
    def focused() -> str:
        subject = stage.state.subject
        assert subject is not None and subject.member is not None
        return subject.member.name

    seen = [focused()]
    for key in ("tab", "tab", "tab", "shift+tab"):
        await stage.press(key)
        seen.append(focused())
    assert set(seen[:3]) == {"x", "a", "b"}
    assert seen[3] == seen[0] and seen[4] == seen[2]
    assert stage.screen.focused is stage.canvas


@row("stage.page_up", "stage.page_down", "stage.page_left", "stage.page_right", text=BIG)
async def paging_scrolls_the_grid(stage: Stage) -> None:
    seen = []
    for key in ("pagedown", "ctrl+down", "ctrl+right", "ctrl+left", "pageup", "ctrl+up", "pageup"):
        await stage.press(key)
        seen.append(stage.state.view.scroll)
    assert seen == [(0, 6), (0, 12), (4, 12), (0, 12), (0, 6), (0, 0), (0, 0)]


@row("stage.type")
async def the_line_is_a_key_away_and_escape_leads_back(stage: Stage) -> None:
    for key in ("slash", "i", "colon"):
        await stage.press(key)
        assert stage.screen.typing and stage.screen.prompt.text == CHAIN
        await stage.press("escape")
        assert stage.screen.focused is stage.canvas


@row("stage.edit")
async def e_marks_the_text_of_the_step(stage: Stage) -> None:
    await stage.at_rest(1)
    await stage.press("e")
    assert stage.screen.typing
    assert stage.screen.prompt.editor.selected_text == ".view(3, 4)"


@row("stage.alternative_a", text=REFUSED)
async def a_goes_on_with_what_works(stage: Stage) -> None:
    await stage.press("a")
    assert stage.screen.prompt.text == "torch.arange(12).view(3, 4).t().reshape(12)"
    assert FOUR - 1 <= stage.position < FOUR and stage.state.player.playing
    await stage.rest()
    assert stage.position == FOUR and stage.state.step is not None and stage.state.step.effect == "copy"


@row("stage.alternative_b", "stage.alternative_c", text=REFUSED)
async def other_letters_take_other_alternatives(stage: Stage) -> None:
    others = stage.state.alternatives
    for number, key in ((1, "b"), (2, "c")):
        assert stage.screen.check_action("alternative", (number,)) == (number < len(others))
        if number >= len(others):
            await stage.press(key)
            assert stage.screen.prompt.text == REFUSED
    if len(others) > 1:
        await stage.press("b")
        assert stage.screen.prompt.text.endswith(others[1].source.lstrip("."))


@row("stage.copy_source")
async def y_copies_the_program_up_to_the_step(stage: Stage) -> None:
    await stage.press("y")
    assert stage.app.clipboard == CHAIN
    await stage.at_rest(1)
    await stage.press("y")
    assert stage.app.clipboard == "torch.arange(12).view(3, 4)"
    assert stage.app._notifications


@row("stage.copy_layout")
async def shift_y_copies_the_layout(stage: Stage) -> None:
    await stage.press("Y")
    assert stage.app.clipboard == "(3,2):(1,8)+1"


@row("stage.copy_formula")
async def u_copies_the_formula_of_the_cursor(stage: Stage) -> None:
    await stage.press("u")
    assert stage.app.clipboard == ""
    await stage.press("l", "l", "j", "j", "u")
    assert stage.app.clipboard == "address of [2, 1] = offset + 2·1 + 1·8 = 1 + 2 + 8 = 11 → byte 88"


@row("stage.save")
async def s_saves_the_frame(stage: Stage) -> None:
    await stage.press("s", "s")
    saved = [Path(f"stridescope-{number}.svg").read_text(encoding="utf-8") for number in (1, 2)]  # noqa: ASYNC240
    assert all(text.startswith("<svg") and "TENSOR" in text and CHAIN in text for text in saved)


TESTED = list(dict.fromkeys(SCENES.values()))
"""Rows that one scene tests together are tested once."""


@pytest.mark.parametrize(("text", "scene"), TESTED, ids=[scene.__name__ for _, scene in TESTED])
def test_the_key_does_what_its_row_says(
    text: str, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    act(scene, text)


def test_every_row_of_the_stage_is_tested() -> None:
    assert {row.id for row in rows("stage") if row.keys} == set(SCENES)


def test_every_row_of_the_stage_is_an_action_of_its_screen() -> None:
    for key in rows("stage"):
        name = key.action.partition("(")[0]
        assert callable(getattr(StageScreen, f"action_{name}", None)), key.id


def test_keys_without_a_program_do_nothing_and_harm_nothing() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.screen.typing
        for key in rows("stage"):
            await stage.screen.run_action(key.action)
        assert stage.state.scene is None and not stage.state.moving
        assert "Type a program" in stage.text()

    act(scene, "")


def test_letters_of_alternatives_do_nothing_where_nothing_is_refused() -> None:
    async def scene(stage: Stage) -> None:
        await stage.press("a", "b", "c")
        assert stage.screen.prompt.text == CHAIN and stage.position == FOUR

    act(scene)


def test_a_failing_save_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    async def scene(stage: Stage) -> None:
        await stage.press("s")
        said = [note.message for note in stage.app._notifications]
        assert said == ["the picture was not saved: No such file or directory"]

    act(scene)
