"""What comes in from outside (names, pastes, stray keys), and what is said of it."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from textual import events
from textual.widgets._toast import Toast

from stridescope.errors import StridescopeError, UnreadableError
from stridescope.program.typed import Session, typed
from stridescope.tui.home import Preview
from stridescope.tui.key_line import key_scopes
from stridescope.tui.opening import Opening, opening_of
from stridescope.tui.palette_commands import Commands
from stridescope.tui.stage.title import Title
from tests.tui.app_host import Quiet, shown
from tests.tui.prompt_host import Host, play, settled
from tests.tui.stage_host import Stage, act

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

PICTURE = "torch.arange(12).view(3, 4)"
REFUSED = "torch.arange(12).view(3, 4).t().view(12)"


def act_on(scenario: Callable[[Stage], Any], held: Any) -> None:
    """On a stage opened as `explore` opens it."""
    opening = opening_of(held)
    act(scenario, names=opening.names, chain_of=opening.chain_of, remarks=opening.remarks, text=opening.text)


def told_by(app: Any) -> list[str]:
    """What notifications say."""
    return [notification.message for notification in app._notifications]


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [("가중치",), ("é", "ü", "x"), ("1", "가1", "_w"), ("", "_"), ("float", "max", "np")])
def test_any_key_of_a_dict_becomes_a_name_that_a_program_can_have(keys: tuple[str, ...]) -> None:
    held = {key: torch.arange(6).view(2, 3) for key in keys}
    opening = opening_of(held)
    assert opening.names is not None and len(opening.names) == len(keys)
    session = Session(opening.names, opening.chain_of)
    for name, key in zip(opening.names, keys, strict=True):
        read = session.typed(f"{name}.t()")
        assert read.error is None and read.history is not None
        assert read.history.steps[-1].tensor.shape == (3, 2)
        assert key.isascii() or any(key in remark and name in remark for remark in opening.remarks)


def test_the_key_of_a_name_that_had_to_change_is_told_on_the_stage() -> None:
    async def scenario(stage: Stage) -> None:
        assert any("가중치 is called x here" in said for said in told_by(stage.app))

    act_on(scenario, {"가중치": torch.arange(12.0).view(3, 4)})


# Values of given tensors --------------------------------------------------------------------------


def test_every_given_tensor_shows_its_values_before_and_after_steps() -> None:
    held = {"f": torch.full((3,), 101), "g": torch.full((3,), 202), "h": torch.full((3,), 303)}

    async def scenario(stage: Stage) -> None:
        await stage.press("v")
        for name, value in (("f", "101"), ("g", "202"), ("h", "303")):
            stage.draw()
            assert value in stage.text(), name
            assert stage.screen.query_one(Title).program == name or name == "f"
            await stage.press("tab")
        await stage.load("f.add_(1)")
        assert stage.state.scene is not None
        casting = stage.state.scene.casting
        read = {member.name: casting.reader(0, member) for member in casting.cast(0).members}
        assert [read[name]([0]) for name in "gh"] == [[202], [303]]

    act_on(scenario, held)


def test_a_given_tensor_that_was_written_through_another_one_reads_as_written() -> None:
    x = torch.arange(4)
    history = Session({"x": x, "y": x[1:]}).run("x.add_(10)\ny.t()")
    read = dict(zip((name for name, _ in history.given), history.given_values, strict=True))
    assert read["y"]([1, 2, 3]) == [1, 2, 3]
    assert history.steps[-1].values([1, 2, 3]) == [11, 12, 13]
    assert x.tolist() == [0, 1, 2, 3]


def test_what_the_next_tensor_is_becomes_the_program_where_there_is_no_other() -> None:
    async def scenario(stage: Stage) -> None:
        title = stage.screen.query_one(Title)
        await stage.press("tab")
        assert stage.screen.prompt.text == title.program == "g"
        assert stage.state.subject.member.name == "g"
        await stage.load("f.t()")
        await stage.press("tab")
        assert stage.screen.prompt.text == "f.t()"

    act_on(scenario, {"f": torch.ones(2, 2), "g": torch.zeros(3)})


# What has no layout -------------------------------------------------------------------------------


def _odd() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "sparse_coo": torch.eye(3).to_sparse(),
            "sparse_csr": torch.eye(3).to_sparse_csr(),
            "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "quantized": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
            "opaque": torch.ones(3, 3).to_mkldnn(),
        }


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("sparse_coo", {"x_indices": 0, "x_values": 1.0}),
        ("sparse_csr", {"x_crow_indices": 0, "x_col_indices": 0, "x_values": 1.0}),
        ("nested", {"x_0": 1.0, "x_1": 1.0}),
    ],
)
def test_a_tensor_without_a_layout_opens_as_the_live_tensors_inside_it(kind: str, values: dict[str, Any]) -> None:
    opening = opening_of(_odd()[kind])
    history = Session(opening.names, opening.chain_of).typed("").history
    read = zip((name for name, _ in history.given), history.given_values, strict=True)
    assert {name: reader([0])[0] for name, reader in read} == values
    assert any(kind in remark and all(name in remark for name in values) for remark in opening.remarks)


@pytest.mark.parametrize(("kind", "said"), [("quantized", "quint8.*quantized per_tensor"), ("opaque", "mkldnn")])
def test_what_ops_cannot_go_on_from_says_why(kind: str, said: str) -> None:
    with pytest.raises(StridescopeError, match=f"ops cannot go on from x: .*{said}"):
        opening_of(_odd()[kind])


def test_one_tensor_that_cannot_be_explored_does_not_keep_the_others_away() -> None:
    opening = opening_of({"a": torch.ones(2), "q": _odd()["quantized"], "s": _odd()["sparse_coo"]})
    assert list(opening.names or ()) == ["a", "s_indices", "s_values"]
    assert any("quint8" in remark for remark in opening.remarks)


@pytest.mark.parametrize(("x", "said"), [({}, "the dict"), ([], "the list"), ({"a": 1}, "the dict")], ids=repr)
def test_a_container_without_a_tensor_is_said_to_be_one(x: object, said: str) -> None:
    with pytest.raises(UnreadableError, match=f"{said} holds no tensor$"):
        opening_of(x)


# Pastes -------------------------------------------------------------------------------------------

SESSION = ">>> x = torch.arange(12)\n>>> x.view(3,\n...        4)\ntensor([[0, 1]])\n"
PROGRAM = "x = torch.arange(12)\nx.view(3,\n       4)"


def test_a_pasted_session_comes_in_as_its_program() -> None:
    async def scenario(app: Host, pilot: Any) -> None:
        app.prompt.editor.post_message(events.Paste(SESSION))
        await settled(pilot)
        assert app.prompt.text == PROGRAM

    play(Host(), scenario)


def test_a_paste_on_the_picture_or_the_list_goes_to_the_line(piloted: Callable[..., None]) -> None:
    async def on_stage(stage: Stage) -> None:
        assert stage.app.focused is stage.canvas
        stage.app.post_message(events.Paste(".t()"))
        await stage.pilot.pause()
        assert stage.screen.prompt.text == f"{PICTURE}.t()" and stage.screen.typing

    act(on_stage, PICTURE)
    app = Quiet()

    async def at_home(pilot: Any) -> None:
        app.post_message(events.Paste(PICTURE))
        await pilot.pause()
        assert app.screen.query_one("#prompt").text == PICTURE

    piloted(app, at_home)


def test_a_session_given_as_a_program_has_no_prompts_in_the_title() -> None:
    async def scenario(stage: Stage) -> None:
        assert stage.screen.prompt.text == PROGRAM
        assert ">>>" not in stage.screen.query_one(Title).program

    act(scenario, SESSION)


# Stray keys ---------------------------------------------------------------------------------------


def test_letters_typed_after_enter_do_not_quit(piloted: Callable[..., None]) -> None:
    app = Quiet(Opening(text=PICTURE, check=False))

    async def steps(pilot: Any) -> None:
        await pilot.press("slash", "enter")
        await pilot.press(*"qrt", "q", "x", "q")
        await pilot.pause()
        assert not app._exit
        assert told_by(app) == ["q again quits"]
        await pilot.press("q")
        assert app._exit

    piloted(app, steps)


def test_a_second_q_counts_for_two_seconds(piloted: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("stridescope.tui.app.monotonic", lambda: now[0])
    app = Quiet()

    async def steps(pilot: Any) -> None:
        await pilot.press("q")
        now[0] += 2.5
        await pilot.press("q")
        assert not app._exit
        now[0] += 1.5
        await pilot.press("q")
        assert app._exit

    piloted(app, steps)


def test_the_palette_has_the_actions_of_the_screen_whatever_has_the_focus(piloted: Callable[..., None]) -> None:
    app = Quiet(Opening(text=PICTURE, check=False))

    async def steps(pilot: Any) -> None:
        def listed() -> set[str]:
            return {row.id for row in Commands(app.screen)._rows()}

        on_the_picture = listed()
        await pilot.press("slash")
        assert key_scopes(app.screen) == ("prompt", "app")
        assert listed() == on_the_picture >= {"stage.play", "stage.walk", "stage.save"}

    piloted(app, steps)


# What is said -------------------------------------------------------------------------------------


def test_one_notification_at_a_time_at_the_top_right() -> None:
    app = Quiet(Opening(text=PICTURE, check=False))

    async def session() -> None:
        async with app.run_test(size=(100, 30), notifications=True) as pilot:
            await pilot.press("y", "Y", "u")
            await pilot.pause()
            (toast,) = app.screen.query(Toast)
            assert toast.region.y == 1 and app.size.width - toast.region.right <= 2

    asyncio.run(session())


def test_a_picture_saved_on_the_way_says_how_far(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []

    async def scenario(stage: Stage) -> None:
        monkeypatch.setattr(stage.screen, "notify", lambda text, **_: said.append(text))
        await stage.at_rest(1.0)
        await stage.press("s")
        stage.state.seek(1.4)
        await stage.press("s")

    act(scenario, f"{PICTURE}.t()")
    assert said == [
        "saved stridescope-1.svg: step 2 of 3, view",
        "saved stridescope-2.svg: 40% of the way to step 3 of 3, t",
    ]


def test_a_step_back_is_not_called_paused_while_it_moves() -> None:
    async def scenario(stage: Stage) -> None:
        await stage.at_rest()
        assert stage.state.words()[0] == "paused"
        await stage.press("left")
        assert stage.state.moving and stage.state.words()[0] == "stepping"
        await stage.rest()
        assert stage.state.words()[0] == "paused"

    act(scenario, f"{PICTURE}.t()")


@pytest.mark.parametrize("width", [60, 100])
def test_a_refusal_stands_whole_under_its_op(width: int) -> None:
    async def scenario(app: Host, pilot: Any) -> None:
        app.prompt.focus()
        app.prompt.load(REFUSED)
        await settled(pilot)
        said = app.screen_rows()[app.prompt.editor.content_region.bottom :]
        carets = next(row for row in said if "^" in row)
        start = app.prompt.editor.content_region.x + REFUSED.rindex("view")
        assert [at for at, char in enumerate(carets) if char == "^"] == list(range(start, start + 4))
        told = " ".join(" ".join(said).replace("^", " ").split())
        reason = typed(REFUSED).history.refused.reason
        assert reason.message in told and reason.alternatives[0].source in told

    play(Host(), scenario, size=(width, 24))


# What cannot be read yet --------------------------------------------------------------------------

WRONG_INSIDE = ("torch.arange(12.view(3", "torch.arange(12).view(3 4", "torch.arange(1 2, ")
STILL_OPEN = (
    "torch.arange(1",
    "torch.arange(1e",
    "torch.arange(1, dtype=",
    "torch.arange(12)[1:, ::",
    "torch.arange(12)['",
    "torch.zeros((2, ",
    "torch.zeros(3, # two",
    "torch.arange(12).view(-",
    "torch.arange(12).view(*",
    "(torch.arange(12)\n.view(3, 4)",
)


@pytest.mark.parametrize("text", WRONG_INSIDE)
def test_what_no_text_could_mend_is_told_though_a_bracket_is_open(text: str) -> None:
    read = typed(text)
    assert read.error is not None and not read.unfinished
    assert read.error_at[2] < len(text)


@pytest.mark.parametrize("text", STILL_OPEN)
def test_what_may_still_become_a_program_is_not_told_as_an_error(text: str) -> None:
    assert typed(text).unfinished


def test_the_last_picture_stays_while_nothing_of_the_text_can_be_run() -> None:
    async def scenario(stage: Stage) -> None:
        before = stage.text()
        await stage.load("torch.arange(12.view(3")
        assert stage.state.history is not None and stage.screen.query_one(Title).program == PICTURE
        assert "cannot be read here" in "".join(shown(stage.app))
        assert stage.text().rstrip() == before.rstrip()
        await stage.load("")
        assert stage.state.scene is None

    act(scenario, PICTURE)


def test_at_home_no_example_stands_beside_a_text_that_is_not_its_own(piloted: Callable[..., None]) -> None:
    app = Quiet()

    async def steps(pilot: Any) -> None:
        preview = app.screen.query_one(Preview)
        example = preview._source
        app.screen.query_one("#prompt").load("torch.arange(1")
        await pilot.pause()
        assert example and not preview._source
        assert not re.search(r"\d  +\d", "".join(shown(app)[20:-3]))
        app.screen.query_one("#prompt").load("")
        await pilot.pause()
        assert preview._source == example

    piloted(app, steps, size=(80, 50))
