"""What holds in the whole app: its screens, its keys, how it starts and how it ends."""

from __future__ import annotations

import contextlib
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_host import CHAIN, Quiet, shown
from textual.actions import parse
from textual.screen import Screen

from stridescope.tui.app import LEAST, StridescopeApp
from stridescope.tui.checks import Checks, Verdict
from stridescope.tui.home import HomeScreen
from stridescope.tui.keys import KEYS, bindings, rows
from stridescope.tui.modules.screen import ModulesScreen
from stridescope.tui.opening import Opening
from stridescope.tui.small import SmallScreen
from stridescope.tui.stage.screen import StageScreen
from stridescope.tui.storages.screen import StoragesScreen
from stridescope.tui.trace.screen import TraceScreen

HOMES: dict[str, type[Any]] = {
    "app": StridescopeApp,
    "home": HomeScreen,
    "stage": StageScreen,
    "modules": ModulesScreen,
    "storages": StoragesScreen,
    "trace": TraceScreen,
}


# The table of keys -----------------------------------------------------------------------------------------


def test_ids_of_keys_are_unique_and_name_their_scope() -> None:
    ids = [row.id for row in KEYS]
    assert len(set(ids)) == len(ids)
    assert all(row.id.startswith(f"{row.scope}.") for row in KEYS)


def test_every_row_says_what_it_does_in_a_sentence() -> None:
    for row in KEYS:
        assert row.label and row.group, row.id
        assert row.tooltip.endswith((".", "?")) and row.tooltip[:1].isalnum(), row.id


@pytest.mark.parametrize("row", [row for row in KEYS if row.action], ids=lambda row: row.id)
def test_every_action_exists_where_its_row_says(row: Any) -> None:
    namespace, name, _ = parse(row.action)
    home = HOMES["app" if namespace == "app" else row.scope]
    assert hasattr(home, f"action_{name}")


@pytest.mark.parametrize(
    "scopes",
    [("home", "app"), *((scope, "screens", "app") for scope in ("stage", "modules", "storages", "trace"))],
)
def test_no_key_means_two_things_on_one_screen(scopes: tuple[str, ...]) -> None:
    keys = [key for row in rows(*scopes) for key in row.keys.split(",") if key]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("scope", HOMES)
def test_every_row_with_keys_and_an_action_is_bound(scope: str) -> None:
    bound = {binding.id for binding in bindings(scope)}
    assert bound == {row.id for row in rows(scope) if row.keys and row.action}


# Screens -------------------------------------------------------------------------------------------------------


def test_it_opens_on_home_or_on_the_program_it_is_given(piloted: Callable[..., None]) -> None:
    async def home(pilot: Any) -> None:
        assert isinstance(pilot.app.screen, HomeScreen)

    async def stage(pilot: Any) -> None:
        assert isinstance(pilot.app.screen, StageScreen)
        assert CHAIN in "\n".join(shown(pilot.app))

    piloted(Quiet(), home)
    piloted(Quiet(Opening(text=CHAIN, check=False)), stage, size=(100, 30))


def test_0_goes_home_and_back_to_the_same_stage(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        stage = pilot.app.screen
        await pilot.press("0")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("0")
        assert pilot.app.screen is stage

    piloted(Quiet(Opening(text=CHAIN, check=False)), steps)


def test_a_new_program_takes_the_place_of_the_old_one(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        old = pilot.app.screen
        await pilot.press("0")
        await pilot.press("2")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StageScreen)
        assert pilot.app.screen is not old
        assert not old.is_attached
        assert len(pilot.app.screen_stack) == 1

    piloted(Quiet(Opening(text="torch.arange(3)", check=False)), steps)


def test_home_alone_is_no_place_to_go_back_from(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("0")
        assert isinstance(pilot.app.screen, HomeScreen)
        assert "home" not in shown(pilot.app)[-1]

    piloted(Quiet(), steps)


@pytest.mark.parametrize("size", [(39, 24), (80, 11), (20, 4), (1, 1)])
def test_a_terminal_too_small_is_told_what_is_needed(piloted: Callable[..., None], size: tuple[int, int]) -> None:
    async def steps(pilot: Any) -> None:
        said = " ".join(" ".join(shown(pilot.app)).split())
        if size[0] >= 20:
            assert f"stridescope needs 40×12, this terminal is {size[0]}×{size[1]}" in said
        assert isinstance(pilot.app.screen, SmallScreen)
        await pilot.resize_terminal(*LEAST)
        await pilot.pause()
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert isinstance(pilot.app.screen, SmallScreen)

    piloted(Quiet(), steps, size=size)


def test_the_least_size_is_enough(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        assert isinstance(pilot.app.screen, HomeScreen)
        assert any("row-major" in line for line in shown(pilot.app))

    piloted(Quiet(), steps, size=LEAST)


# Switches ------------------------------------------------------------------------------------------------------


def test_ascii_leaves_nothing_else_on_screen(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        assert not "".join(shown(pilot.app)).isascii()
        await pilot.press("A")
        await pilot.pause()
        assert "".join(shown(pilot.app)).isascii()
        await pilot.press("question_mark")
        await pilot.pause()
        assert "".join(shown(pilot.app)).isascii()

    piloted(Quiet(), steps, size=(120, 40))


def test_a_terminal_whose_encoding_has_no_boxes_gets_ascii(terminal: Any) -> None:
    found = terminal("-m", "stridescope", PYTHONIOENCODING="ascii")
    written = found.wait_for("quit")
    assert written.isascii()
    assert "up/down" in written and "\\u" not in written


def test_motion_is_textuals_own_switch(piloted: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(pilot: Any) -> None:
        before = pilot.app.animation_level
        await pilot.press("M")
        assert (before == "none") != (pilot.app.animation_level == "none")
        await pilot.press("M")
        assert (before == "none") == (pilot.app.animation_level == "none")

    piloted(Quiet(), steps)


def test_every_key_of_the_app_works_while_nothing_is_typed(piloted: Callable[..., None]) -> None:
    """Each key of the table's app rows reaches its action."""
    reached: list[str] = []

    class Listening(Quiet):
        async def run_action(self, action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
            reached.append(action if isinstance(action, str) else action[1])
            return True

    wanted = [(key, parse(row.action)) for row in rows("app") for key in row.keys.split(",") if key and row.action]

    async def steps(pilot: Any) -> None:
        for key, (_, name, _) in wanted:
            if name != "home":  # there is no stage to go to, so the key is not to be had
                reached.clear()
                await pilot.press(key)
                assert any(name in action for action in reached), key

    piloted(Listening(), steps)


@pytest.mark.parametrize("keys", [["q", "q"], ["ctrl+q"], ["ctrl+c"]], ids="+".join)
def test_two_keys_quit_at_once_and_q_when_it_is_pressed_twice(piloted: Callable[..., None], keys: list[str]) -> None:
    app = Quiet()

    async def steps(pilot: Any) -> None:
        for key in keys:
            assert not app._exit
            await pilot.press(key)
        assert app._exit

    piloted(app, steps)
    assert not app.return_code


def test_while_typing_ctrl_c_copies_what_is_selected_and_q_is_a_letter(piloted: Callable[..., None]) -> None:
    app = Quiet()

    async def steps(pilot: Any) -> None:
        await pilot.press("slash")
        await pilot.press("q", "x")
        assert not app._exit
        app.focused.select_all()
        await pilot.press("ctrl+c")
        assert app.clipboard == "qx"
        assert not app._exit

    piloted(app, steps)


# The palette ---------------------------------------------------------------------------------------------------


def test_the_palette_has_everything_that_can_be_done_here(piloted: Callable[..., None]) -> None:
    from stridescope.tui.palette_commands import Commands

    async def labels(screen: Screen[Any]) -> set[str]:
        provider = Commands(screen)
        await provider.startup()
        return {str(hit.text) async for hit in provider.discover()}

    async def steps(pilot: Any) -> None:
        stage = pilot.app.screen
        found = await labels(stage)
        wanted = {row.label for row in rows("stage", "app") if row.action and not row.action.startswith("alternative")}
        assert wanted <= found
        assert "Take alternative a" not in found
        await pilot.press("0")
        assert {row.label for row in rows("home", "app") if row.action} <= await labels(pilot.app.screen)

    piloted(Quiet(Opening(text=CHAIN, check=False)), steps)


def test_an_entry_of_the_palette_does_what_it_says(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"eme:light")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert pilot.app.theme == "light"

    piloted(Quiet(), steps)


# The check against torch ---------------------------------------------------------------------------------------


class Fake:
    """A helper that answers what it is told to."""

    def __init__(self, answers: bool = True) -> None:
        self.asked: list[str] = []
        self.answers = answers
        self.closed = False
        self.refusal: str | None = None

    def post(self, source: str) -> int:
        self.asked.append(source)
        return len(self.asked)

    def poll(self) -> dict[str, Any] | None:
        if not self.answers:
            return None
        return {"id": len(self.asked), "verdict": "agrees", "versions": {"torch": "2.13.0"}, "refusal": self.refusal}

    def close(self) -> None:
        self.closed = True


def checks(helper: Fake, *, installed: bool = True) -> tuple[Checks, list[tuple[str, Verdict]]]:
    told: list[tuple[str, Verdict]] = []
    found = Checks(lambda source, verdict: told.append((source, verdict)), lambda: helper, lambda: installed, 0.05)
    return found, told


def settle(condition: Callable[[], object]) -> None:
    import time

    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_only_the_newest_of_many_programs_is_checked() -> None:
    helper = Fake()
    found, told = checks(helper)
    for number in range(20):
        found.want(f"torch.arange({number})")
    settle(lambda: told)
    found.close()
    assert helper.asked == ["torch.arange(19)"]
    assert [source for source, _ in told] == helper.asked
    assert told[0][1].kind == "agrees"


def test_torchs_own_words_come_with_the_verdict() -> None:
    helper = Fake()
    helper.refusal = "RuntimeError: no"
    found, told = checks(helper)
    found.want("torch.arange(12).view(5)")
    settle(lambda: told)
    found.close()
    assert told[0][1] == Verdict("agrees", "torch 2.13.0 refuses it too", "RuntimeError: no")


def test_a_newer_program_does_not_wait_for_an_older_answer() -> None:
    helper = Fake(answers=False)
    found, told = checks(helper)
    found.want("torch.arange(1)")
    settle(lambda: helper.asked)
    helper.answers = True
    found.want("torch.arange(2)")
    settle(lambda: len(helper.asked) == 2)
    settle(lambda: told)
    found.close()
    assert told[-1][0] == "torch.arange(2)"


def test_the_helper_ends_with_the_app_even_if_it_never_answers() -> None:
    helper = Fake(answers=False)
    found, _ = checks(helper)
    found.want("torch.arange(1)")
    settle(lambda: helper.asked)
    found.close()
    assert helper.closed
    assert found._thread is not None and not found._thread.is_alive()


def test_without_torch_nothing_is_started() -> None:
    helper = Fake()
    found, told = checks(helper, installed=False)
    found.want("torch.arange(1)")
    found.close()
    assert not helper.asked and not told


def test_a_verdict_on_an_older_program_is_not_shown(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        app = pilot.app
        app._take("something else", Verdict("agrees", "torch agrees"))
        assert app.verdict == Verdict()
        app._take(app._on_stage, Verdict("agrees", "torch agrees"))
        assert app.verdict.kind == "agrees"
        await pilot.press("C")
        assert app.verdict == Verdict()

    class Mute(StridescopeApp):
        def __init__(self, opening: Opening) -> None:
            super().__init__(opening)
            self._checks = Checks(lambda *_: None, Fake, lambda: False)

    piloted(Mute(Opening(text=CHAIN)), steps)


# In a real terminal ----------------------------------------------------------------------------------------------

SET = ("\x1b[?1049h", "\x1b[?1000h", "\x1b[?1003h", "\x1b[?1006h", "\x1b[?25l", "\x1b[?2004h")
RESET = ("\x1b[?1049l", "\x1b[?1000l", "\x1b[?1003l", "\x1b[?1006l", "\x1b[?25h", "\x1b[?2004l")


def assert_left_as_found(terminal: Any, written: str) -> None:
    """The last word on each mode is the one that undoes it: no mouse, no alternate screen, a cursor, and an echo."""
    for on, off in zip(SET, RESET, strict=True):
        assert written.rfind(off) > written.rfind(on) >= 0, (on, off)
    assert terminal.as_found


def after_it(written: str) -> str:
    """What is left on the screen below the command."""
    return re.sub(r"\x1b\[[?<\d;]*[a-z]", "", written.rpartition("\x1b[?1049l")[2]).strip()


def test_it_is_there_and_gone_again(terminal: Any) -> None:
    found = terminal("-m", "stridescope", size=(80, 24))
    found.wait_for("rolling window")
    found.press("qq")
    status, written = found.ended()
    assert status == 0
    assert_left_as_found(found, written)
    assert not after_it(written)


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(terminal: Any, number: Any, expected: int) -> None:
    found = terminal("-m", "stridescope")
    found.wait_for("rolling window")
    found.kill(number)
    status, written = found.ended()
    assert status == expected
    assert_left_as_found(found, written)


def processes_of(session: int) -> list[int]:
    """The processes of a session, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def test_real_torch_agrees_and_its_process_ends_with_the_app(terminal: Any) -> None:
    pytest.importorskip("torch")
    found = terminal("-m", "stridescope", "tui", CHAIN, size=(100, 30))
    found.wait_for("agrees", seconds=60)
    session = found.process.pid
    if Path("/proc/self/stat").exists():
        assert len(processes_of(session)) == 2
    found.press("qq")
    status, written = found.ended()
    assert status == 0
    assert_left_as_found(found, written)
    assert processes_of(session) == []


CRASH = """
import sys
from stridescope.tui import home
def boom(self):
    raise ZeroDivisionError("a bug of ours")
home.HomeScreen.action_prompt = boom
from stridescope.cli import main
sys.exit(main(["tui"]))
"""


@pytest.mark.parametrize("traceback", [False, True])
def test_an_error_inside_is_one_line_and_status_2(terminal: Any, traceback: bool) -> None:
    found = terminal("-c", CRASH, **({"STRIDESCOPE_TRACEBACK": "1"} if traceback else {}))
    found.wait_for("rolling window")
    found.press("/")
    status, written = found.ended()
    assert_left_as_found(found, written)
    after = after_it(written)
    if traceback:
        assert status == 1
        assert "Traceback (most recent call last)" in after and "ZeroDivisionError: a bug of ours" in after
    else:
        assert status == 2
        assert after.startswith("stridescope: internal error, ZeroDivisionError: a bug of ours")
        assert len(after.splitlines()) == 1


def test_whoever_opened_it_finds_their_signal_handlers() -> None:
    from stridescope.tui.terminal import signals_kept

    before = signal.getsignal(signal.SIGTERM)
    with signals_kept():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_is_imported_before_the_first_paint_is_light(terminal: Any) -> None:
    code = (
        "import sys\n"
        "from stridescope.tui.app import StridescopeApp\n"
        "class Probe(StridescopeApp):\n"
        "    def on_ready(self):\n"
        "        self.call_after_refresh(self.exit)\n"
        "Probe().run()\n"
        "heavy = {'torch', 'numpy', 'pygments', 'tree_sitter', 'markdown_it'}\n"
        "print('HEAVY', sorted(heavy & set(sys.modules)))\n"
    )
    found = terminal("-c", code)
    status, written = found.ended()
    assert status == 0
    assert "HEAVY []" in written
