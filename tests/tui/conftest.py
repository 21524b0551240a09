"""Running the app: without a terminal and with keys pressed for it, or in a pseudo-terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

SET_OUTSIDE = ("NO_COLOR", "COLORTERM", "COLORFGBG", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "PYTHONIOENCODING")


@pytest.fixture(autouse=True)
def a_truecolor_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set outside changes no test."""
    for name in SET_OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


Steps = Callable[[Any], Awaitable[None]]


@pytest.fixture
def piloted() -> Callable[..., None]:
    """`piloted(app, steps, size=(80, 24))`: run an app headless, and `steps(pilot)` on it."""

    def run(app: Any, steps: Steps, size: tuple[int, int] = (80, 24)) -> None:
        async def session() -> None:
            async with app.run_test(size=size) as pilot:
                await pilot.pause()
                await steps(pilot)

        asyncio.run(session())

    return run


class Terminal:
    """A process in a pseudo-terminal of its own."""

    def __init__(self, *command: str, size: tuple[int, int] = (80, 24), **settings: str) -> None:
        self.reader, writer = pty.openpty()
        columns, rows = size
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(writer)
        self.writer = writer
        self.seen = b""
        environment = {name: value for name, value in os.environ.items() if name not in SET_OUTSIDE}
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=writer,
            stdout=writer,
            stderr=writer,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", **settings},
            start_new_session=True,
        )

    def wait_for(self, text: str, seconds: float = 10.0) -> str:
        """All that was written, once `text` is in it."""
        end = time.monotonic() + seconds
        while text.encode() not in self.seen and time.monotonic() < end:
            self._read(0.1)
        assert text.encode() in self.seen, f"{text!r} not in {self.seen[-2000:]!r}"
        return self.seen.decode(errors="replace")

    def press(self, keys: str) -> None:
        os.write(self.reader, keys.encode())

    def kill(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def ended(self, seconds: float = 10.0) -> tuple[int, str]:
        """Exit status, and all that was written."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.05)
        status = self.process.wait(timeout=1)
        while self._read(0.05):
            pass
        return status, self.seen.decode(errors="replace")

    @property
    def as_found(self) -> bool:
        """Whether input is handled as it was before, echo and all."""
        return termios.tcgetattr(self.writer) == self.before

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.reader)
        os.close(self.writer)

    def _read(self, seconds: float) -> bool:
        if not select.select([self.reader], [], [], seconds)[0]:
            return False
        self.seen += os.read(self.reader, 65536)
        return True


@pytest.fixture
def terminal() -> Any:
    """`terminal("-m", "stridescope")`: a Terminal, closed after the test."""
    opened: list[Terminal] = []

    def open_one(*command: str, **options: Any) -> Terminal:
        opened.append(Terminal(*command, **options))
        return opened[-1]

    yield open_one
    for found in opened:
        found.close()
