"""The command line's edge: every way a command can end becomes an exit status and at most one clear line.

Problem: a person reads one sentence, a script reads a number, and neither is served by a traceback.
Method: commands return a status or raise; this is the only place that turns what was raised into words
on stderr and a number, by the table `_STATUS`. Cost: click's import.

Exit status: 0 answered; 1 answered, and the answer is a refusal; 2 bad input or usage (or an error of
ours, said in one line); 130 interrupted; 141 when the reader of a pipe went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from stridescope.cli.app import app
from stridescope.cli.output import say
from stridescope.errors import ProgramError, StridescopeError

__all__ = ["main"]

ANSWERED, REFUSED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_CARET_WINDOW = 72


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; `argv` is `sys.argv[1:]` unless given."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _status(app.main(arguments, prog_name="stridescope", standalone_mode=False))
    except click.Abort:
        return INTERRUPTED
    except Exception as error:
        # The edge: whatever it is, the user gets one line, unless the traceback was asked for.
        if os.environ.get("STRIDESCOPE_TRACEBACK"):
            raise
        say(_sentence(error))
        # With --json a program reads stderr, if anything does: it gets the one line alone.
        if isinstance(error, ProgramError) and "--json" not in arguments:
            _say_place(error)
        return BAD_INPUT


def _status(answer: object) -> int:
    return answer if isinstance(answer, int) else ANSWERED


def _sentence(error: Exception) -> str:
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx is not None else "stridescope"
        return f"{error.format_message().rstrip('.')}; see `{where} --help`"
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, StridescopeError):
        return str(error)
    return (
        f"internal error, {type(error).__name__}: {error} "
        "(please report it; STRIDESCOPE_TRACEBACK=1 shows where it came from)"
    )


def _say_place(error: ProgramError) -> None:
    """The source line and a caret under the place, cut to a window where the line is long."""
    lines = error.source.splitlines()
    if not 1 <= error.line <= len(lines):
        return
    line = lines[error.line - 1]
    start = max(0, error.column - _CARET_WINDOW // 2) if len(line) > _CARET_WINDOW else 0
    shown = "".join(char if char.isprintable() else " " for char in line[start : start + _CARET_WINDOW])
    if not shown.strip():
        return
    column = min(error.column - start, len(shown))
    length = max(1, min(error.end_column, start + len(shown)) - error.column)
    sys.stderr.write(f"  {shown.rstrip()}\n  {' ' * column}{'^' * length}\n")
