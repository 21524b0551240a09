"""Where a command's answer goes: one document on stdout, nothing else there, whatever stdout is.

Problem: the same panel goes to a terminal of any width and colour depth, into a pipe, into a file with
an encoding that cannot hold it, or to a reader that closed early. Method: rich decides about colour
(`NO_COLOR`, `FORCE_COLOR`, `TERM=dumb`); the text is finished in memory and written once. Cost: one
write.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["PIPE_GONE", "PIPE_WIDTH", "console", "print_rich", "say", "write"]

PIPE_WIDTH = 80
PIPE_GONE = 141
"""128 + SIGPIPE: what a shell reports for a program whose reader went away."""


def console(width: int | None = None) -> Console:
    """A rich console on stdout; into a pipe it is `COLUMNS` or 80 columns wide, whatever stdin is."""
    from rich.console import Console

    if width is None and not sys.stdout.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdigit() and int(columns) > 0 else PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def print_rich(renderable: Any, width: int | None = None) -> None:
    """Draw on stdout."""
    screen = console(width)
    with screen.capture() as captured:
        screen.print(renderable)
    text = captured.get()
    # Styled text keeps its trailing spaces: they may carry a background.
    write(text if screen.color_system else "".join(f"{line.rstrip()}\n" for line in text.splitlines()))


def say(sentence: str) -> None:
    """One line on stderr, whatever is in the sentence."""
    sys.stderr.write(f"stridescope: {' '.join(sentence.split())}\n")


def write(text: str) -> None:
    """Write to stdout at once.

    Raises:
        SystemExit: 141, quietly, when the reader of a pipe went away.
    """
    try:
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError as error:
            sys.stdout.write(text.encode(error.encoding, "replace").decode(error.encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes stdout once more on its way out, and that must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(PIPE_GONE) from None
