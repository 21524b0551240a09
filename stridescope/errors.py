"""Every error stridescope raises on purpose.

    StridescopeError
    ├── InputError            what the user gave cannot be used
    │   ├── ProgramError        an expression or program that is not understood, with its position
    │   ├── TargetError         a TARGET that names nothing that can be shown
    │   └── UnreadableError     an object that has no layout to read
    └── IllegalOp             an op that torch or numpy refuses, raised as their class of error too
        ├── OpRuntimeError      also a RuntimeError
        ├── OpIndexError        also an IndexError
        ├── OpTypeError         also a TypeError
        └── OpValueError        also a ValueError
            └── OpAxisError       also an IndexError: numpy's class for a dim out of range

A message is one sentence or two: what was got, what was needed, where, what to do. A legal op that
cannot be a view is not an error: it is a `Refusal`, a value (see `stridescope.layout.refusal`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "IllegalOp",
    "InputError",
    "OpAxisError",
    "OpIndexError",
    "OpRuntimeError",
    "OpTypeError",
    "OpValueError",
    "ProgramError",
    "StridescopeError",
    "TargetError",
    "UnreadableError",
]


class StridescopeError(Exception):
    """Base of every error raised on purpose."""


class InputError(StridescopeError, ValueError):
    """What the user gave cannot be used; the message says what can."""


class ProgramError(InputError):
    """An expression or program that is not understood.

    `source` is the whole program text, `line` (from 1) and `column` (from 0, in characters) the place
    the message is about, `end_column` where that place ends on the same line. `history` is what was run
    before that place, a `stridescope.records.History`; None where nothing was.
    """

    def __init__(
        self,
        message: str,
        *,
        source: str = "",
        line: int = 1,
        column: int = 0,
        end_column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.line = line
        self.column = column
        self.end_column = column + 1 if end_column is None else end_column
        self.history: Any = None


class TargetError(InputError):
    """A TARGET of the command line that names nothing that can be shown."""


class UnreadableError(StridescopeError, TypeError):
    """An object that has no layout to read."""


class IllegalOp(StridescopeError):  # noqa: N818 - the word for what happened, not for a mistake of ours
    """An op that torch or numpy refuses.

    `code` is a stable short name of the kind of refusal ("shape_numel", "dim_range", ...); `dims` are
    the dims of the input it is about, where there are any.
    """

    exception = "Exception"
    """The name of the class torch or numpy raises."""

    def __init__(self, code: str, message: str, dims: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.dims = dims


class OpRuntimeError(IllegalOp, RuntimeError):
    """torch raises RuntimeError here."""

    exception = "RuntimeError"


class OpIndexError(IllegalOp, IndexError):
    """torch or numpy raises IndexError here."""

    exception = "IndexError"


class OpTypeError(IllegalOp, TypeError):
    """torch or numpy raises TypeError here."""

    exception = "TypeError"


class OpValueError(IllegalOp, ValueError):
    """torch or numpy raises ValueError here."""

    exception = "ValueError"


class OpAxisError(OpValueError, OpIndexError):
    """numpy raises AxisError here, which is a ValueError and an IndexError."""

    exception = "AxisError"
