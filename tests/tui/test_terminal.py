"""The app in a real terminal: what a terminal emulator shows, how it is resized, what is left when it ends."""

from __future__ import annotations

import fcntl
import gc
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyte
import pytest

from stridescope.program import run
from stridescope.render.ink import Ink
from stridescope.scene.frame import Frame, plain_text
from stridescope.scene.stage import Scene
from stridescope.scene.view import View
from stridescope.tui.looks import Ground, Looks
from stridescope.tui.terminal import collected_seldom
from stridescope.tui.themes import DARK

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
STAGE = ("-m", "stridescope", "tui", "--no-check", CHAIN)
SIZE = (100, 30)
AROUND = 5
"""Lines of a stage that are not the picture: title, steps (2), prompt, keys."""
KEYS = {"home": "\x1b[H", "end": "\x1b[F", "right": "\x1b[C", "left": "\x1b[D", "up": "\x1b[A", "down": "\x1b[B"}


class Emulated:
    """What a terminal emulator makes of all that an app in a pseudo-terminal has written."""

    def __init__(self, terminal: Any, size: tuple[int, int]) -> None:
        self.terminal = terminal
        self.screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self._read = 0

    @property
    def lines(self) -> list[str]:
        """The lines of the screen, without what pyte writes for a wide character's second half."""
        self.terminal._read(0.02)
        seen = self.terminal.seen
        # pyte knows neither requests of this form nor the answers to them, and would print their last letter.
        self._stream.feed(re.sub(rb"\x1b\[[<>=][\d;]*u", b"", seen[self._read :]))
        self._read = len(seen)
        return [line.rstrip() for line in self.screen.display]

    def press(self, *keys: str) -> None:
        for key in keys:
            self.terminal.press(KEYS.get(key, key))

    def until(self, holds: Callable[[list[str]], object], seconds: float = 10.0) -> list[str]:
        """The lines, once something holds of them; or as they are when the time is over."""
        end = time.monotonic() + seconds
        while not holds(lines := self.lines) and time.monotonic() < end:
            pass
        return lines

    def shows(self, text: str) -> list[str]:
        lines = self.until(lambda lines: any(text in line for line in lines))
        assert any(text in line for line in lines), "\n".join(lines)
        return lines

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.terminal.writer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)
        self.terminal.kill(signal.SIGWINCH)


@pytest.fixture
def emulated(terminal: Any) -> Callable[..., Emulated]:
    """`emulated(*command)`: an app in a terminal emulator."""

    def opened(*command: str, size: tuple[int, int] = SIZE, **settings: str) -> Emulated:
        return Emulated(terminal(*command, size=size, **settings), size)

    return opened


def frame(position: float, size: tuple[int, int] = SIZE, text: str = CHAIN, **view: Any) -> Frame:
    return Scene(run(text)).frame(position, View(size[0], size[1] - AROUND, **view))


def assert_picture(found: Emulated, wanted: Frame) -> None:
    """The picture is on screen, below the title, to the letter."""
    expected = plain_text(wanted)
    lines = found.until(lambda lines: lines[1 : 1 + wanted.height] == expected)
    assert lines[1 : 1 + wanted.height] == expected


# What is shown -----------------------------------------------------------------------------------------------------


def test_at_each_step_the_screen_shows_the_picture_of_that_step(emulated: Callable[..., Emulated]) -> None:
    found = emulated(*STAGE)
    found.shows("STORAGE")
    found.press("+", "+", "home")
    assert_picture(found, frame(0))
    for step in (1, 2, 3):
        found.press("right")
        assert_picture(found, frame(step))
    found.press("v")
    assert_picture(found, frame(3, values=True))


def test_every_cell_has_the_colours_of_its_look(emulated: Callable[..., Emulated]) -> None:
    """In truecolour, what the emulator holds for each character is what `Looks` says of the piece it belongs to."""
    found = emulated(*STAGE)
    found.shows("STORAGE")
    found.press("end")
    picture = frame(3)
    assert_picture(found, picture)
    ground = Ground(tuple(bytes.fromhex(DARK.background[1:])), tuple(bytes.fromhex(DARK.foreground[1:])))
    looks = Looks(Ink("truecolor", background="dark"), ground)
    seen = 0
    for y, row in enumerate(picture.rows, 1):
        for x, part in row:
            style = looks.style(part.look)
            for column in range(x, x + part.size):
                char = found.screen.buffer[y][column]
                assert (char.fg, char.bg) == (hexed(style.color), hexed(style.bgcolor)), (x, y, part)
                assert (char.bold, char.reverse) == (bool(style.bold), bool(style.reverse))
                seen += part.look.role == "cell"
    assert seen > 50


def hexed(colour: Any) -> str:
    return colour.get_truecolor().hex[1:]


def test_playing_ends_at_the_last_step_and_scrubbing_rests_between_two(emulated: Callable[..., Emulated]) -> None:
    found = emulated(*STAGE)
    found.shows("playing")
    found.press("+", "+")
    assert_picture(found, frame(3))
    found.shows("paused")
    found.press("home", *["up"] * 14)
    assert_picture(found, frame(1.4))
    found.press("\x1b[<0;1;27M", "\x1b[<32;100;27M", "\x1b[<0;100;27m")
    assert_picture(found, frame(3))


def test_what_is_typed_is_completed_and_becomes_the_picture(emulated: Callable[..., Emulated]) -> None:
    found = emulated(*STAGE)
    found.shows("STORAGE")
    found.press("/")
    found.shows("enter play")
    found.press(".conti")
    found.shows("● contiguous(")
    found.press("\t")
    found.shows(f"{CHAIN}.contiguous(")
    found.press(")")
    text = f"{CHAIN}.contiguous()"
    found.shows(text)
    found.press("\r")
    found.shows("playing")
    found.press("end")
    assert_picture(found, frame(4, text=text))


def test_it_is_resized_while_it_plays(emulated: Callable[..., Emulated]) -> None:
    found = emulated(*STAGE)
    found.shows("playing")
    for size in ((60, 20), (140, 40), (30, 8), (80, 24)):
        found.resize(*size)
        if size[0] < 40:
            found.shows("stridescope needs")
    found.press("end")
    assert_picture(found, frame(3, (80, 24)))
    found.press("q", "q")
    assert found.terminal.ended()[0] == 0


def test_text_that_looks_like_markup_is_shown_as_it_is(emulated: Callable[..., Emulated]) -> None:
    found = emulated("-m", "stridescope", "tui", "--no-check", "x = torch.arange(4)[None]; y = x[0]")
    found.shows("x = torch.arange(4)[None]; y = x[0]")


# Colours -----------------------------------------------------------------------------------------------------------


SGR = re.compile(r"\x1b\[([\d;]*)m")
DEPTHS = {
    "truecolor": ({}, {"truecolor"}),
    "256": ({"COLORTERM": ""}, {"256"}),
    "16": ({"COLORTERM": "", "TERM": "xterm"}, {"16"}),
    "none": ({"NO_COLOR": "1"}, set()),
}


def depths_of(written: str) -> set[str]:
    """The ways in which colours were asked for."""
    found = set()
    for codes in SGR.findall(written):
        numbers = [int(code or 0) for code in codes.split(";")]
        while numbers:
            code = numbers.pop(0)
            if code in (38, 48):
                truecolor = numbers.pop(0) == 2
                del numbers[: 3 if truecolor else 1]
                found.add("truecolor" if truecolor else "256")
            elif 30 <= code <= 37 or 40 <= code <= 47 or 90 <= code <= 107:
                found.add("16")
    return found


@pytest.mark.parametrize("depth", DEPTHS)
def test_colours_are_those_the_terminal_has(emulated: Callable[..., Emulated], depth: str) -> None:
    """And the text is the same with any number of them."""
    settings, wanted = DEPTHS[depth]
    found = emulated(*STAGE, **settings)
    found.shows("STORAGE")
    found.press("end")
    assert_picture(found, frame(3, coloured=depth != "none"))
    assert depths_of(found.terminal.seen.decode()) == wanted


# How it ends -------------------------------------------------------------------------------------------------------

MODES = ("?1049", "?1000", "?1003", "?1015", "?1006", "?1004", "?2004")


def modes_left(written: str) -> set[str]:
    """Private modes that were set and not reset, and `cursor` where it is hidden."""
    left = {mode for mode in MODES if written.rfind(f"\x1b[{mode}h") > written.rfind(f"\x1b[{mode}l")}
    return left | ({"cursor"} if written.rfind("\x1b[?25l") > written.rfind("\x1b[?25h") else set())


@pytest.mark.parametrize("keys", ["qq", "\x03", "/abc\x11", "?q\x11", "\x10\x03"])
def test_the_terminal_is_left_as_it_was_found(emulated: Callable[..., Emulated], keys: str) -> None:
    """While it plays, by q twice or Ctrl+C; by Ctrl+Q from the prompt, after the key sheet; from the palette."""
    found = emulated(*STAGE)
    found.shows("playing")
    assert {"?1049", "?1003", "?2004", "cursor"} <= modes_left(found.terminal.seen.decode())
    for key in keys:
        found.press(key)
        time.sleep(0.1)
    status, written = found.terminal.ended()
    assert status == 0
    assert modes_left(written) == set()
    assert found.terminal.as_found


CRASH = """
import sys
from stridescope.tui.stage import canvas
def boom(self):
    raise ZeroDivisionError("a bug of ours")
real = canvas.Canvas._tick
canvas.Canvas._tick = lambda self: boom(self) if self.frames > 20 else real(self)
from stridescope.cli import main
sys.exit(main(["tui", "--no-check", "torch.arange(12).view(3, 4).t()"]))
"""


def test_an_error_in_the_middle_of_a_picture_leaves_it_so_too(emulated: Callable[..., Emulated]) -> None:
    found = emulated("-c", CRASH)
    status, written = found.terminal.ended()
    assert status == 2
    assert modes_left(written) == set()
    assert found.terminal.as_found
    assert "internal error, ZeroDivisionError: a bug of ours" in written.rpartition("\x1b[?1049l")[2]


def test_a_terminal_that_goes_away_ends_it(emulated: Callable[..., Emulated]) -> None:
    found = emulated(*STAGE)
    found.shows("playing")
    found.terminal.kill(signal.SIGHUP)
    assert found.terminal.ended()[0] == 129


@pytest.mark.parametrize("threshold", [700, 0, 100_000])
def test_whoever_opened_it_finds_the_collector_as_it_was(threshold: int) -> None:
    """Meanwhile garbage is looked for less often, and not at all where it was not before."""
    before = gc.get_threshold()
    gc.set_threshold(threshold, *before[1:])
    try:
        with suppress(ZeroDivisionError), collected_seldom():
            during = gc.get_threshold()[0]
            raise ZeroDivisionError
        assert during == (max(threshold, 20_000) if threshold else 0)
        assert gc.get_threshold()[0] == threshold
    finally:
        gc.set_threshold(*before)


# tmux --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tmux() -> Iterator[Callable[..., str]]:
    """`tmux(*command)`: a tmux server of our own, which ends with the test; what the command said."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("there is no tmux")
    name = f"stridescope-{uuid.uuid4().hex[:8]}"
    environment = {key: value for key, value in os.environ.items() if key not in ("TMUX", "COLORTERM")}

    def asked(*command: str) -> str:
        made = subprocess.run(
            [program, "-L", name, "-f", "/dev/null", *command],
            capture_output=True, text=True, timeout=10, check=False, env={**environment, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        return made.stdout

    yield asked
    asked("kill-server")


def test_it_plays_is_resized_and_ends_in_tmux(tmux: Callable[..., str]) -> None:
    def wait_for(*texts: str) -> str:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            pane = tmux("capture-pane", "-p", "-t", "s")
            if all(text in pane for text in texts):
                return pane
            time.sleep(0.05)
        raise AssertionError(pane)

    tmux("new-session", "-d", "-s", "s", "-x", "100", "-y", "30", "sh")
    tmux("send-keys", "-t", "s", "-l", f"{sys.executable} {' '.join(STAGE[:-1])} '{CHAIN}'; echo left with $?")
    tmux("send-keys", "-t", "s", "Enter")
    wait_for("STORAGE", "playing")
    tmux("send-keys", "-t", "s", "End")
    pane = wait_for("shape (3, 2)", "paused")
    assert pane.splitlines()[1 : 1 + 25] == plain_text(frame(3))
    tmux("resize-window", "-t", "s", "-x", "60", "-y", "20")
    end = time.monotonic() + 10
    while tmux("capture-pane", "-p", "-t", "s").splitlines()[1:16] != plain_text(frame(3, (60, 20))):
        assert time.monotonic() < end
    tmux("send-keys", "-t", "s", "q", "q")
    wait_for("left with 0")
