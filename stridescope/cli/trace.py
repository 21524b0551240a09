"""`stridescope trace SCRIPT [ARG…]`: run a script as itself, then say which of its lines copied.

Problem: the script must run as without us, and its report must not cost its memory. Method: `trace.script` runs it; a
ring of steps with exact totals bounds what is kept; the report is printed when the script has ended, however it did.
Cost: that of the trace.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

import click

from stridescope.cli.output import print_rich, say
from stridescope.errors import InputError

if TYPE_CHECKING:
    from stridescope.records.traces import Trace

__all__ = ["Limit", "limit_of", "trace"]

_UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}
_SECONDS = 1.0


class Limit(NamedTuple):
    """A finding that makes the exit status 1: more than `nbytes` bytes of a kind."""

    kind: str
    nbytes: int


def limit_of(text: str, kinds: Sequence[str]) -> Limit:
    """KIND or KIND:BYTES, such as "copy", "copy:4096", "copy:10MB".

    Raises:
        click.BadParameter: it is neither.

    >>> limit_of("copy:10kB", ["copy"])
    Limit(kind='copy', nbytes=10000)
    """
    kind, colon, size = text.partition(":")
    found = re.fullmatch(r"(\d+)\s*([a-zA-Z]*)", size.strip())
    unit = _UNITS.get(found[2].lower()) if found else None
    if kind not in kinds or (colon and unit is None):
        raise click.BadParameter(f"got {text!r}, needed {' or '.join(kinds)}, or with bytes, as in {kinds[0]}:4096")
    return Limit(kind, 0 if found is None or unit is None else int(found[1]) * unit)


@click.command(
    "trace",
    short_help="Run a script; report copies by source line.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--json", "out", metavar="OUT", type=click.Path(dir_okay=False), help="Write steps and totals to OUT.")
@click.option("--fail-on", metavar="copy[:BYTES]", help="Exit with 1 if more than BYTES (0) were copied in all.")
@click.option("--worst", type=click.IntRange(min=0), default=10, metavar="N", help="How many lines to explain.")
@click.argument("script", type=click.Path())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARG]...")
def trace(out: str | None, fail_on: str | None, worst: int, script: str, arguments: tuple[str, ...]) -> int:
    """Run SCRIPT as `python SCRIPT ARG...` would, and report what it copied, by source line.

    --json and --fail-on may also stand at the end of the line. What stands after a -- is all the script's own.

    The exit status is the script's; where that is 0 and --fail-on finds something, 1.
    """
    from stridescope.trace.script import run_script

    arguments, taken = _ours_at_the_end(arguments)
    out = taken.get("--json", out)
    fail_on = taken.get("--fail-on", fail_on)
    limit = None if fail_on is None else limit_of(fail_on, ["copy"])
    if out is not None and (Path(out).is_dir() or not Path(out).absolute().parent.is_dir()):
        raise InputError(f"{out} cannot be written: there is no directory {str(Path(out).absolute().parent)!r}")
    out = None if out is None else str(Path(out).absolute())  # the script may change the directory
    progress = _Progress()
    ran = run_script(script, arguments, started=progress.begin)
    progress.end()
    _flush()
    status = ran.status
    if ran.trace is None and not status:
        say(f"{script} did not import torch, so there is nothing to report")
    if ran.trace is not None:
        from stridescope.render.traces import TraceReport

        print_rich(TraceReport(ran.trace, worst))
        if out is not None:
            _save(ran.trace, out)
        if limit is not None and not status and ran.trace.copied_nbytes > limit.nbytes:
            say(f"{ran.trace.copied_nbytes:,} bytes were copied, more than {limit.nbytes:,}")
            status = 1
    _flush()
    return ran._replace(status=status).as_it_ended()


_OWN = ("--json", "--fail-on")


def _ours_at_the_end(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The script's arguments, and our options that stand behind them; none where a `--` says that all are its own."""
    if "--" in arguments[:1]:
        return arguments[1:], {}
    taken: dict[str, str] = {}
    left = list(arguments)
    while left:
        if len(left) > 1 and left[-2] in _OWN and left[-2] not in taken:
            taken[left[-2]] = left[-1]
            del left[-2:]
        elif left[-1].startswith(tuple(f"{name}=" for name in _OWN)):
            name, _, value = left.pop().partition("=")
            taken[name] = value
        else:
            break
    return tuple(left), taken


def _save(found: Trace, out: str) -> None:
    try:
        found.save(out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
    say(f"wrote {out}")


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


class _Progress:
    """A line on stderr, told anew each second, where stderr is a terminal."""

    def __init__(self) -> None:
        self._done = Event()
        self._thread: Thread | None = None

    def begin(self, found: Trace) -> None:
        """Start telling of a trace."""
        if sys.stderr is None or not sys.stderr.isatty():
            return
        self._thread = Thread(target=self._tell, args=(found, sys.stderr), daemon=True)
        self._thread.start()

    def _tell(self, found: Trace, stream: object) -> None:
        write = getattr(stream, "write", lambda _: None)
        while not self._done.wait(_SECONDS):
            write(f"\r\x1b[Kstridescope: {found.contents.count:,} steps")
            getattr(stream, "flush", lambda: None)()
        write("\r\x1b[K")

    def end(self) -> None:
        """Stop, and clear the line."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
