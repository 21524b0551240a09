"""What a TARGET names, decided by its form alone.

Problem: one argument may be a program, a layout, a live object or a file, and a guess that imports
code would be a trap. Method: the rows of `FORMS`, tried in order; the first whose `matches` holds loads
it. Only the colon form runs code of the user's; a file is read, and nothing in it is run. Cost: at most
a few looks at the file system, and that of loading.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from stridescope.errors import TargetError

if TYPE_CHECKING:
    from stridescope.records import Checkpoint

__all__ = ["FORMS", "TAKES", "Form", "Target", "load"]

Kind = Literal["program", "layout", "object", "checkpoint", "saved"]

TAKES = (
    'an expression such as "torch.arange(12).view(3, 4).t()", a layout literal such as "(3,4):(4,1)", '
    "a file of tensors, or a live object as module:attr or file.py:attr"
)
"""What a command that takes any TARGET takes, for messages."""


class Target(NamedTuple):
    """What a TARGET named: the text of a program, a `Layout`, a live object, a file's `Checkpoint`, or a `TensorInfo`.

    Attributes:
        value: all but the text.
        within: of a tensor saved in a file, the `Checkpoint`.
    """

    kind: Kind
    text: str
    value: Any = None
    within: Checkpoint | None = None


class _NoFileError(TargetError):
    """A file that is not there; what the command takes is not said yet."""


class Form(NamedTuple):
    """One row: a form of TARGET, how to know it, how to load it."""

    name: str
    matches: Callable[[str], object]
    load: Callable[[str], Target]


_LITERAL = re.compile(r"\s*\([^()]*\)\s*:")
_COLON_FORM = re.compile(r"[\w.]+:|.+\.py:")
"""What may be a live object; `is_object_target` knows, and costs imports that a program must not pay for."""

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

    try:
        return Target("object", text, resolve(text))
    except OSError as error:
        # Such as a path longer than the system takes; what the user's code raises is told by `resolve`.
        raise TargetError(f"{text.rpartition(':')[0]!r} cannot be read: {error.strerror or error}") from None


def _is_file(text: str) -> bool:
    from stridescope.readers.files.targets import is_file_target

    return is_file_target(text)


def _file(text: str) -> Target:
    from stridescope.readers.files.targets import split_target, tensor_of

    path, name = split_target(text)
    # pathlib is loaded nowhere on this way: a listing of a file is to be there at once.
    if not os.path.lexists(path):
        raise _NoFileError(f"there is no file {path!r}, and it is no expression either")
    if path.endswith(".py"):
        raise TargetError(f"{path!r} is a Python file: name what to show in it, as {path}:attr")
    from stridescope.readers.files import open_checkpoint

    checkpoint = open_checkpoint(path)
    if name is None:
        return Target("checkpoint", text, checkpoint)
    return Target("saved", text, tensor_of(checkpoint, name)[0], checkpoint)


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


def load(text: str, command: str = "show") -> Target:
    """What `text` names.

    Args:
        command: the command that it is a TARGET of, for messages.

    Raises:
        TargetError: nothing that can be shown; where there is no such file, the message says what the command takes.
    """
    try:
        return next(form for form in FORMS if form.matches(text)).load(text)
    except _NoFileError as error:
        raise TargetError(f"{error}; {command} takes {TAKES}") from None
