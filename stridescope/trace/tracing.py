"""`ss.trace`: what a block of torch code does to its storages.

Problem: which of my lines copied, and what made it copy. Method: two modes of torch are switched on for the block (see
`recorder`), in the thread that entered it; what they record is a `Trace`, which may be read while it fills. torch lets
no mode into compiled code: while one is on, torch.compile runs the Python it would have compiled, so a trace shows
those ops. In a backward pass torch takes the function mode off: what hooks, custom functions and checkpointed blocks
call there shows as the aten ops that it becomes, at its own line. Other threads, processes and the insides of a kernel
(what a C++ op copies for itself) are not seen.

Cost: see `recorder`.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, StridescopeError
from stridescope.records.traces import Trace
from stridescope.trace.places import Places

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["KEPT", "Tracing", "trace"]

KEPT = 200_000
"""Steps that are kept unless said otherwise: about 50 MB of them."""


def trace(*, keep: int | None = KEPT, skip: Sequence[str] = (), within: Sequence[str] = ()) -> Tracing:
    """Record every op that runs in a block: `with ss.trace() as t: ...`.

    Args:
        keep: how many steps to keep, the last ones; None keeps all. Totals and copies count every step all the same.
        skip: directories or files that are a library's, beyond torch and what is installed: a step's line is the
            first frame outside them.
        within: if given, a step's line is the first frame in these directories or files.

    Returns:
        A context manager that gives the `Trace`: `t.steps` (each `op, file, line, effect, copied_nbytes` in bytes,
        `before, after`), `t.copies` (by line, most bytes first, with reasons), `t.totals`; `t.show()`,
        `t.to_dict()`, `t.save("run.json")`.

    Raises:
        InputError: an argument is out of range.
        TargetError: torch is not installed.

    >>> import torch
    >>> with trace() as t:
    ...     x = torch.arange(12).view(3, 4).t()
    ...     y = x.reshape(12)
    >>> [(step.op, step.effect, step.copied_nbytes) for step in t.steps]
    [('arange', 'alloc', 0), ('view', 'view', 0), ('t', 'view', 0), ('reshape', 'copy', 96)]
    >>> t.copies[0].because
    ('view(12) must merge dims 0 and 1, but stride[0] is 1 where merging needs size[1]·stride[1] = 12',)
    """
    kept: Any = keep
    if kept is not None and (not isinstance(kept, int) or kept < 1):
        raise InputError(f"keep is how many steps to keep, 1 or more, or None for all; got {keep!r}")
    for name, given in (("skip", skip), ("within", within)):
        if isinstance(given, str):
            raise InputError(f"{name} is a list of directories or files; write {name}=[{given!r}]")
    return Tracing(Places(skip, within), keep)


class Tracing:
    """The context manager of `trace`; it is entered once."""

    def __init__(self, places: Places, keep: int | None) -> None:
        try:
            from stridescope.trace.reading import Contents
            from stridescope.trace.recorder import Recorder
        except ImportError:
            from stridescope.errors import TargetError

            raise TargetError("torch is not installed, and a trace records its ops; pip install torch") from None
        self._recorder = Recorder(places, keep)
        self.trace = Trace(Contents(self._recorder))
        self._entered = False

    def __enter__(self) -> Trace:
        if self._entered:
            raise StridescopeError("a trace is entered once; call ss.trace() again for another")
        self._entered = True
        self._recorder.start()
        return self.trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if get_ident() != self._recorder.thread:
            self._recorder.silence()
            raise StridescopeError("a trace must end in the thread it began in; it records nothing from here on")
        if not self._recorder.stop():
            raise StridescopeError(
                "another mode of torch began in this trace and has not ended (a generator that is suspended?); "
                "the trace records nothing from here on"
            )

    def end(self) -> None:
        """End it as the script does that it runs in: from whatever thread, whatever is still open."""
        if get_ident() != self._recorder.thread or not self._recorder.stop():
            self._recorder.silence()

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Say how it is used: it is no decorator.

        Raises:
            StridescopeError: always.
        """
        raise StridescopeError("ss.trace() is a context manager: with ss.trace() as t: ...")
