"""What a TARGET names, decided by its form alone.

Problem: one argument may be a program, a layout, a live object or a file, and a guess that imports
code would be a trap. Method: the rows of `FORMS`, tried in order; the first whose `matches` holds loads
it. Only the colon form runs code of the user's. Cost: at most one look at the file system.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from stridescope.errors import TargetError

__all__ = ["FORMS", "TAKES", "Form", "Target", "load"]

Kind = Literal["program", "layout", "object"]

TAKES = (
    'an expression such as "torch.arange(12).view(3, 4).t()", a layout literal such as "(3,4):(4,1)", '
    "or a live object as module:attr or file.py:attr"
)
"""What `show` takes, for messages."""


class Target(NamedTuple):
    """What a TARGET named: the text of a program, a `Layout`, or a live object."""

    kind: Kind
    text: str
    value: Any = None


class Form(NamedTuple):
    """One row: a form of TARGET, how to know it, how to load it."""

    name: str
    matches: Callable[[str], object]
    load: Callable[[str], Target]


_LITERAL = re.compile(r"\s*\([^()]*\)\s*:")
_COLON_FORM = re.compile(r"[\w.]+:|.+\.py:")
"""What may be a live object; `is_object_target` knows, and costs imports that a program must not pay for."""
_FILE = re.compile(r"[^()\[\]=;\n]+\.(?:pt|pth|bin|ckpt|safetensors|npy|npz|gguf|json|py)(?:::.*)?")


_STDIN_CHARS = 1 << 20
"""More than any program that is accepted, so that an endless input ends in a sentence too."""


def _from_stdin(_: str) -> Target:
    try:
        return Target("program", sys.stdin.read(_STDIN_CHARS))
    except UnicodeDecodeError as error:
        raise TargetError(f"standard input is no text in {error.encoding}") from error


def _layout(text: str) -> Target:
    from stridescope.layout import Layout

    try:
        return Target("layout", text, Layout.parse(text))
    except ValueError as error:
        raise TargetError(str(error)) from error


def _is_object(text: str) -> bool:
    if _COLON_FORM.match(text) is None:
        return False
    from stridescope.readers.objects import is_object_target

    return is_object_target(text)


def _object(text: str) -> Target:
    from stridescope.readers.objects import resolve

    return Target("object", text, resolve(text))


def _is_file(text: str) -> bool:
    # Path.exists raises for a text too long for a file name, and programs are long.
    exists = os.path.exists(text.partition("::")[0])  # noqa: PTH110
    return exists or _FILE.fullmatch(text) is not None


def _file(text: str) -> Target:
    from pathlib import Path

    path = Path(text.partition("::")[0])
    if not path.exists():
        raise TargetError(f"there is no file {str(path)!r}, and it is no expression either; show takes {TAKES}")
    if path.suffix == ".py":
        raise TargetError(f"{str(path)!r} is a Python file: name what to show in it, as {path}:attr")
    kind = "directory" if path.is_dir() else "file"
    raise TargetError(f"{str(path)!r} is a {kind}, and show does not read files of tensors yet; it takes {TAKES}")


def _program(text: str) -> Target:
    return Target("program", text)


FORMS: tuple[Form, ...] = (
    Form("standard input", lambda text: text == "-", _from_stdin),
    Form("layout literal", _LITERAL.match, _layout),
    Form("live object", _is_object, _object),
    Form("file", _is_file, _file),
    Form("program", lambda _: True, _program),
)
"""In this order: a form is tried only where no earlier one fits."""


def load(text: str) -> Target:
    """What `text` names.

    Raises:
        TargetError: nothing that can be shown; the message says what can.
    """
    return next(form for form in FORMS if form.matches(text)).load(text)
