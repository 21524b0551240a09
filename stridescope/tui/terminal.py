"""The process around the app: whether it has a terminal, whose signals are handled, how often garbage is collected.

Problem: an app that cannot be shown must say so in one sentence before anything changes; one that was shown must leave
the process as it was. Method: look at the streams that Textual reads and writes; keep the handlers that it replaces.
Cost: a few system calls; Textual is not imported.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from stridescope.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["collected_seldom", "need_terminal", "only_ascii", "signals_kept"]

_INSTEAD = "stridescope show, or ss.show in Python, prints a picture anywhere"
_HANDLED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP", "SIGCONT", "SIGWINCH", "SIGTTIN", "SIGTTOU")


def need_terminal() -> None:
    """Make sure that an app can be shown here.

    Raises:
        TargetError: it cannot; the message says why, and what can be done instead.
    """
    # The app draws on standard error, so that standard output can be a pipe.
    streams = {"standard input (for keys)": sys.__stdin__, "standard error (to draw on)": sys.__stderr__}
    missing = [name for name, stream in streams.items() if stream is None or stream.closed or not stream.isatty()]
    if missing:
        said = f"{missing[0]} is not" if len(missing) == 1 else f"{' and '.join(missing)} are not"
        raise TargetError(f"the app needs a terminal, and {said} connected to one; {_INSTEAD}")
    if os.environ.get("TERM") == "dumb":
        raise TargetError(
            f"the app needs a terminal that can move its cursor, and this one (TERM=dumb) cannot; {_INSTEAD}"
        )
    if threading.current_thread() is not threading.main_thread():
        raise TargetError(f"the app can be opened in the main thread alone; {_INSTEAD}")
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        raise TargetError(f"the app cannot run inside an event loop, such as a notebook's; {_INSTEAD}")


def only_ascii() -> bool:
    """Whether the terminal's encoding has no room for drawing characters."""
    from rich.console import Console

    from stridescope.render.ink import ink_for

    return ink_for(Console(file=sys.__stderr__)).ascii


@contextmanager
def signals_kept() -> Iterator[None]:
    """Whoever called finds their signal handlers as they left them."""
    numbers = [number for name in _HANDLED if (number := getattr(signal, name, None)) is not None]
    kept = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            # None: it was not set from Python, and cannot be.
            if handler is not None:
                signal.signal(number, handler)


NEW_OBJECTS = 20_000
"""New objects after which garbage is looked for: those of a frame are some thousands, and gone with the next one."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Garbage is looked for less often, until whoever called goes on.

    With Python's own threshold of some hundred objects, which every frame passes several times, the collector goes
    through all that the process holds again and again while a picture moves, and takes a third of the time.
    """
    kept = gc.get_threshold()
    if kept[0]:
        gc.set_threshold(max(kept[0], NEW_OBJECTS), *kept[1:])
    try:
        yield
    finally:
        gc.set_threshold(*kept)
