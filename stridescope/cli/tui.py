"""`stridescope tui [TARGET]`: the terminal app, on what TARGET names.

Problem: whatever `show` takes the app takes too, and what it does not take should be told before the screen changes.
Method: the target is loaded by the same table; what comes of it is what the app opens on. Cost: Textual's import, once
the target is known to be good.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from stridescope.cli.target import load

if TYPE_CHECKING:
    from stridescope.cli.target import Target
    from stridescope.tui.opening import Opening

__all__ = ["in_a_terminal", "open_home", "tui"]


@click.command("tui", short_help="Open the terminal app: type a chain, watch it move.")
@click.argument("target", default="")
@click.option("--then", default="", metavar="OPS", help='Apply ops to the target: --then "t()[1:]".')
@click.option("--no-check", is_flag=True, help="Do not run the program on real torch in the background.")
def tui(target: str, then: str, no_check: bool) -> int:
    """Open the terminal app on TARGET, or on things to try.

    TARGET is what `stridescope show` takes: an expression or a small program, "torch.arange(12).view(3, 4).t()"; a
    layout literal, "(3,4):(4,1)+2"; or a live object, module:attr or file.py:attr, the one form that imports code.
    """
    from dataclasses import replace

    from stridescope.tui.opening import Opening
    from stridescope.tui.terminal import need_terminal

    opening = _opening(load(target), then.strip()) if target else Opening()
    need_terminal()
    from stridescope.tui.app import run_app

    return run_app(replace(opening, check=not no_check))


def in_a_terminal() -> bool:
    """Whether a person sits at all three ends of this process."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def open_home() -> int:
    """The app without a target."""
    from stridescope.tui.app import run_app

    return run_app()


def _opening(target: Target, then: str) -> Opening:
    from dataclasses import replace

    from stridescope.tui.opening import Opening, opening_of

    if target.kind == "program":
        return Opening(text=_followed_by(target.text, then))
    return replace(opening_of(target.value), text=then, title=" ".join(target.text.split()))


def _followed_by(text: str, then: str) -> str:
    from stridescope.program.edits import with_appended

    return with_appended(text, then) if then else text
