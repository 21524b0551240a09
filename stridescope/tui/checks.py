"""The program on stage, run on real torch in the background.

Problem: the app says what torch does, so it should be seen to agree with torch; but importing torch takes seconds, may
fail, and must not hold up a single frame. Method: one thread that owns a helper process (`program.checking`), takes the
newest program once nobody has typed for a moment, and hands each verdict back; it ends with the app. Nothing is
imported here; where torch is not installed nothing is started either.

Cost: a thread that sleeps; the helper process runs at low priority.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any, NamedTuple, Protocol

__all__ = ["Checks", "Verdict"]

QUIET = 0.4
"""Seconds without a newer program before one is checked."""

_POLL = 0.05
_PATIENCE = 120.0


class Verdict(NamedTuple):
    """What real torch says of a program.

    Attributes:
        kind: "agrees", "differs", "unchecked", or "" while nothing is known.
        text: a few words, such as "torch 2.13.0 agrees".
        words: torch's own, where it refuses the program too.
    """

    kind: str = ""
    text: str = ""
    words: str = ""

    def mark(self, *, ascii: bool = False) -> str:
        """The words with their sign.

        >>> Verdict("agrees", "torch 2.13.0 agrees").mark()
        '✓ torch 2.13.0 agrees'
        """
        sign = _SIGNS.get(self.kind)
        return self.text if sign is None else f"{sign[ascii]} {self.text}"


_SIGNS = {"agrees": ("✓", "ok:"), "differs": ("✗", "!!")}


class Helper(Protocol):
    """What is asked of `program.checking.Checker`."""

    def post(self, source: str) -> Any:
        """Send a program; what comes back names the answer to it."""

    def poll(self) -> Any:
        """The next answer, a mapping with "id" and "verdict", or None."""

    def close(self) -> None:
        """End the process."""


class Checks:
    """Checks of the newest program, one at a time.

    Args:
        tell: called in the thread, with the source and its verdict.
        make: makes the helper; `program.checking.Checker` unless a test says otherwise.
    """

    def __init__(
        self,
        tell: Callable[[str, Verdict], None],
        make: Callable[[], Helper] | None = None,
        installed: Callable[[], bool] | None = None,
        quiet: float = QUIET,
    ) -> None:
        self._tell = tell
        self._make = make or _checker
        self._installed = installed or _torch_is_installed
        self._quiet = quiet
        self._wanted: SimpleQueue[str | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._closed = False

    def want(self, source: str) -> None:
        """Check a program, unless a newer one comes first."""
        if self._closed:
            return
        self._wanted.put(source)
        if self._thread is None:
            self._thread = Thread(target=self._run, name="stridescope-checks", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread and its helper; returns once the helper has been told."""
        self._closed = True
        self._wanted.put(None)
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self) -> None:
        if not self._installed():
            return
        helper = self._make()
        try:
            source = self._newest(self._wanted.get())
            while source is not None:
                source = self._check(helper, source)
        finally:
            helper.close()

    def _newest(self, source: str | None) -> str | None:
        """The program after which none came for a moment; None at the end."""
        while source is not None:
            try:
                source = self._wanted.get(timeout=self._quiet)
            except Empty:  # noqa: PERF203 - the wait is what it is for
                return source
        return None

    def _check(self, helper: Helper, source: str) -> str | None:
        """Ask, tell, and wait for the next program; a newer one ends the wait for an answer."""
        asked = helper.post(source)
        started = monotonic()
        while self._wanted.empty() and monotonic() - started < _PATIENCE:
            answer = helper.poll()
            if answer is None:
                sleep(_POLL)
            elif answer.get("id") == asked:
                self._tell(source, _verdict(answer))
                break
        return self._newest(self._wanted.get())


def _verdict(answer: Any) -> Verdict:
    from stridescope.program.checking import verdict_text

    # Why something was not checked is long, and nothing that the title has room for.
    kind = str(answer["verdict"])
    return Verdict(kind, kind if kind == "unchecked" else verdict_text(answer), str(answer.get("refusal") or ""))


def _checker() -> Helper:
    from stridescope.program.checking import Checker

    return Checker()


def _torch_is_installed() -> bool:
    try:
        return "torch" in sys.modules or find_spec("torch") is not None
    except (ImportError, ValueError):
        return False
