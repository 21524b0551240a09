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
from stridescope.errors import InputError

if TYPE_CHECKING:
    from stridescope.cli.target import Target
    from stridescope.tui.opening import Opening

__all__ = ["in_a_terminal", "open_home", "tui"]


@click.command("tui", short_help="Open the terminal app: type a chain, watch it move.")
@click.argument("target", default="")
@click.option("--then", default="", metavar="OPS", help='Apply ops to the target: --then "t()[1:]".')
@click.option("--device", metavar="DEVICE", help="Build a model on a device; on meta it takes no memory.")
@click.option("--args", "arguments", metavar="ARGS", help='Call the class or function with literals: "(784, 10)".')
@click.option("--no-check", is_flag=True, help="Do not run the program on real torch in the background.")
def tui(target: str, then: str, device: str | None, arguments: str | None, no_check: bool) -> int:
    """Open the terminal app on TARGET, or on things to try.

    TARGET is what `stridescope show` takes: an expression or a small program, "torch.arange(12).view(3, 4).t()"; a
    layout literal, "(3,4):(4,1)+2"; or a live object, module:attr or file.py:attr, the one form that imports code: a
    tensor, or a model, whose modules are browsed, as are the names of a checkpoint file.
    """
    from dataclasses import replace

    from stridescope.tui.opening import Opening
    from stridescope.tui.terminal import need_terminal

    opening = _opening(_loaded(target, arguments, device), then.strip()) if target else Opening()
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


def _loaded(target: str, arguments: str | None, device: str | None) -> Target:
    if arguments is not None or device is not None:
        from stridescope.cli.target import Target
        from stridescope.readers.objects import is_object_target

        if not is_object_target(target):
            raise InputError("--args and --device build a live model, module:attr or file.py:attr")
        from stridescope.cli.modules import built

        return Target("object", target, built(target, arguments, device))
    return load(target, "tui")


def _opening(target: Target, then: str) -> Opening:
    from dataclasses import replace

    from stridescope.tui.opening import Opening, opening_of

    if target.kind == "program":
        return Opening(text=_followed_by(target.text, then))
    opening = opening_of(target.value)
    if then and opening.model is not None:
        raise InputError("--then applies ops to a tensor, and this is a model")
    return replace(opening, text=then, title=" ".join(target.text.split()))


def _followed_by(text: str, then: str) -> str:
    from stridescope.program.edits import with_appended

    return with_appended(text, then) if then else text
