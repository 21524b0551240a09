"""The answer suits whatever stdout is: a pipe, a terminal of some depth, an encoding that cannot draw."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
COLOUR = re.compile(r"\x1b\[[\d;]*\b(?:3[0-8]|4[0-8]|9\d|10\d)\b[\d;]*m")
SET_OUTSIDE = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM", "PYTHONIOENCODING", "PYTHONUTF8")


def environment(**settings: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in SET_OUTSIDE}, **settings}


def in_a_terminal(columns: int, **settings: str) -> str:
    """What `show` writes to a pseudo-terminal of so many columns."""
    fcntl = pytest.importorskip("fcntl")
    pty = pytest.importorskip("pty")
    import struct
    import termios

    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "stridescope", "show", CHAIN],
        stdin=writer,
        stdout=writer,
        stderr=writer,
        env=environment(**settings),
    )
    os.close(writer)
    written = b""
    while True:
        try:
            chunk = os.read(reader, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not chunk:
            break
        written += chunk
    os.close(reader)
    assert process.wait() == 0
    return written.decode()


def test_a_pipe_gets_plain_text_of_80_columns(cli: Callable[..., Any]) -> None:
    out = cli("show", CHAIN).out
    assert "\x1b" not in out
    assert 60 < max(map(len, out.splitlines())) <= 80
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_pipe_is_80_columns_wide_whatever_stdin_is() -> None:
    """rich would ask the terminal on stdin; a pipe's reader knows nothing of it."""
    pty = pytest.importorskip("pty")
    _, terminal = pty.openpty()
    command = [sys.executable, "-m", "stridescope", "show", CHAIN]
    wide = subprocess.run(command, stdin=terminal, capture_output=True, env=environment(), check=True).stdout
    plain = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), check=True).stdout
    assert wide == plain


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_columns_and_width_bound_every_line(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    asked = cli("show", CHAIN, "--width", str(columns)).out
    monkeypatch.setenv("COLUMNS", str(columns))
    assert cli("show", CHAIN).out == asked
    assert max(map(len, asked.splitlines())) <= columns


def test_force_color_colours_a_pipe_and_no_color_wins(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert COLOUR.search(cli("show", CHAIN).out)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(cli("show", CHAIN).out)


def test_json_is_never_coloured(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in cli("show", CHAIN, "--json").out


def test_a_terminal_gets_the_colours_it_has_and_no_more() -> None:
    true = in_a_terminal(100, TERM="xterm-256color", COLORTERM="truecolor")
    assert "48;2;" in true
    indexed = in_a_terminal(100, TERM="xterm-256color")
    assert "48;5;" in indexed
    assert "48;2;" not in indexed
    sixteen = in_a_terminal(100, TERM="xterm")
    assert COLOUR.search(sixteen)
    assert "48;" not in sixteen
    assert not COLOUR.search(in_a_terminal(100, TERM="xterm-256color", NO_COLOR="1"))
    assert "\x1b" not in in_a_terminal(100, TERM="dumb")


def test_a_terminals_width_is_used() -> None:
    lines = re.sub(r"\x1b\[[\d;]*m", "", in_a_terminal(60, TERM="xterm")).splitlines()
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_an_encoding_that_cannot_draw_gets_what_it_can(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stridescope", "show", CHAIN],
        capture_output=True,
        env=environment(PYTHONIOENCODING=encoding),
        check=True,
    )
    done.stdout.decode("ascii")
    assert b"(3, 2)" in done.stdout


def test_ascii_draws_in_ascii(cli: Callable[..., Any]) -> None:
    assert cli("show", CHAIN, "--ascii").out.isascii()
    assert not cli("show", CHAIN).out.isascii()
