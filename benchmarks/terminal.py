"""A program in a terminal of its own, driven by keys and timed from outside.

Problem: what a person waits for is the terminal's output, encoded and written, which no test inside the process sees.
Method: a pseudo-terminal of a given size; everything written to it is read at once, counted, and kept for searching.
The handful of questions that Textual asks a terminal stay unanswered, as a plain one leaves them. Cost: one process.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.measure import fair_environment

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Terminal"]

KEPT = 1 << 18
"""Bytes of what was written that can be searched: some frames."""


class Terminal:
    """A Python program on a pseudo-terminal.

    Args:
        arguments: what follows the interpreter.
        columns, rows: the size of the terminal.
        environment: variables to set.

    Attributes:
        started: when it was started, on `perf_counter`.
        written: bytes it has written so far.
    """

    def __init__(self, arguments: Sequence[str], columns: int = 200, rows: int = 60, **environment: str) -> None:
        self._end, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        known = {**fair_environment(), "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        for name in ("NO_COLOR", "COLUMNS", "LINES", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS"):
            known.pop(name, None)
        self.written = 0
        self._tail = b""
        self.started = perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-S", *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            env=known,
            start_new_session=True,
        )
        os.close(other)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._end)

    def press(self, keys: str) -> float:
        """Type; when."""
        at = perf_counter()
        os.write(self._end, keys.encode())
        return at

    def read(self, seconds: float) -> bytes:
        """What is written within so many seconds, as soon as there is something; b"" when nothing is."""
        ready, _, _ = select.select([self._end], [], [], seconds)
        if not ready:
            return b""
        try:
            found = os.read(self._end, 1 << 16)
        except OSError:
            # Nobody writes to it any more.
            return b""
        self.written += len(found)
        self._tail = (self._tail + found)[-KEPT:]
        return found

    def until(self, text: str, seconds: float = 20.0) -> float:
        """Read until a text was written; the time it came.

        Raises:
            TimeoutError: it did not come.
        """
        limit = perf_counter() + seconds
        while text.encode() not in self._tail:
            if not self.read(max(limit - perf_counter(), 0.0)) and (perf_counter() >= limit or self.process.poll()):
                raise TimeoutError(f"{text!r} was not written within {seconds} s; the last was {self._tail[-300:]!r}")
        return perf_counter()

    def ended(self, seconds: float = 20.0) -> float:
        """Read until the program has ended; when.

        Raises:
            TimeoutError: it has not.
        """
        limit = perf_counter() + seconds
        while self.process.poll() is None:
            if perf_counter() > limit:
                raise TimeoutError(f"it did not end within {seconds} s; the last was {self._tail[-300:]!r}")
            self.read(0.001)
        return perf_counter()

    def settled(self, quiet: float = 0.06, seconds: float = 3.0) -> float:
        """Read until nothing more comes for `quiet` seconds; the time of the last that came."""
        last = perf_counter()
        limit = last + seconds
        while perf_counter() < limit and self.read(quiet):
            last = perf_counter()
        return last

    def drain(self, seconds: float) -> None:
        """Read for so many seconds, whatever comes."""
        limit = perf_counter() + seconds
        while (left := limit - perf_counter()) > 0:
            self.read(left)
