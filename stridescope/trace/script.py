"""A script run as itself, and traced from the moment that it imports torch.

Problem: a training script must not notice: its argv, `__main__`, path, exit status, tracebacks and signals are as
without us, and so is the moment at which torch reads its environment. Method: its code runs in a module of the name
`__main__`, which stays there; torch is not imported before the script does, and a finder that waits for that import
switches the trace on behind it. A traceback starts at the script's own frame.

Cost: that of the trace.
Source: `runpy` for what a main module has.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from io import open_code
from threading import current_thread, main_thread
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import TargetError
from stridescope.trace.tracing import KEPT, trace

if TYPE_CHECKING:
    from stridescope.records.traces import Trace
    from stridescope.trace.tracing import Tracing

__all__ = ["Ran", "run_script"]


class Ran(NamedTuple):
    """How a script ended.

    Attributes:
        status: its exit status.
        trace: what was recorded; None where it never imported torch.
        interrupted: whether it ended by a KeyboardInterrupt that nothing caught.
    """

    status: int
    trace: Trace | None
    interrupted: bool = False

    def as_it_ended(self) -> int:
        """The exit status; an interrupted process ends by the signal, as it would have without us."""
        if self.interrupted and os.name == "posix":
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        return self.status


def run_script(path: str, arguments: Sequence[str], *, started: Callable[[Trace], None] = lambda _: None) -> Ran:
    """Run a Python file as `python path arguments` would, and trace it.

    Args:
        started: called with the trace when it is switched on.

    Raises:
        TargetError: there is no such file, or it cannot be read. A file that does not compile is no error of ours: it
            is told as Python tells it.
    """
    code = _compiled(path)
    if isinstance(code, int):
        return Ran(code, None)
    main = ModuleType("__main__")
    whole = os.path.abspath(path)  # noqa: PTH100 - as Python itself does it, which resolves no link here
    main.__dict__.update(__file__=whole, __builtins__=__builtins__, __annotations__={}, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    sys.path[0] = os.path.dirname(whole)  # noqa: PTH120
    tracing = trace(keep=KEPT) if "torch" in sys.modules else None
    waiting = _WhenImported("torch", lambda: _begin(waiting, started))
    if tracing is None:
        sys.meta_path.insert(0, waiting)
    else:
        waiting.tracing = tracing
        started(tracing.__enter__())
    try:
        status, interrupted = _run(code, main)
    finally:
        waiting.give_up()
    return Ran(status, None if waiting.tracing is None else waiting.tracing.trace, interrupted)


def _compiled(path: str) -> CodeType | int:
    """The code of a file; an exit status where it has none that compiles."""
    try:
        with open_code(os.path.abspath(path)) as file:  # noqa: PTH100
            source = file.read()
    except OSError as error:
        raise TargetError(f"{path!r} cannot be read: {error.strerror or error}") from None
    try:
        return compile(source, os.path.abspath(path), "exec", dont_inherit=True)  # noqa: PTH100
    except (SyntaxError, ValueError) as error:
        sys.excepthook(type(error), error.with_traceback(None), None)
        return 1


def _run(code: CodeType, main: ModuleType) -> tuple[int, bool]:
    """Run a script's code; (its exit status, whether it was interrupted)."""
    try:
        exec(code, main.__dict__)  # noqa: S102 - running the user's script is what was asked
    except SystemExit as end:
        return _status(end), False
    except BaseException as error:  # noqa: BLE001 - whatever a script raises ends it as it would without us
        error.__traceback__ = _from_script(error.__traceback__, code)
        sys.excepthook(type(error), error, error.__traceback__)
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1, isinstance(error, KeyboardInterrupt)
    return 0, False


def _status(end: SystemExit) -> int:
    """What Python makes of `sys.exit(...)`: a number is the status, anything else is printed and is 1."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    sys.stderr.write(f"{end.code}\n")
    return 1


def _from_script(traceback: TracebackType | None, code: CodeType) -> TracebackType | None:
    """A traceback from the script's own frame on."""
    found = traceback
    while found is not None and found.tb_frame.f_code is not code:
        found = found.tb_next
    return found or traceback


def _begin(waiting: _WhenImported, started: Callable[[Trace], None]) -> None:
    """Switch a trace on, once torch is imported; a mode belongs to a thread, so only in the script's own."""
    if current_thread() is main_thread():
        waiting.tracing = trace(keep=KEPT)
        started(waiting.tracing.__enter__())


class _WhenImported(MetaPathFinder):
    """Waits for the import of one module, and calls when it is done.

    Attributes:
        tracing: the trace that was switched on; None before.
    """

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name = name
        self._then = then
        self.tracing: Tracing | None = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module's own spec, its loader replaced by one that calls."""
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Calling(spec.loader, self._then)
        return spec

    def give_up(self) -> None:
        """Stop waiting, and end the trace."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self.tracing is not None:
            self.tracing.end()


class _Calling(Loader):
    """A loader that leaves everything to another, and calls once the module is there."""

    def __init__(self, loader: Any, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The other loader's."""
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        """The other loader's, and then the call."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._then()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
