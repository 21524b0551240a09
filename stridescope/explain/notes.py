"""The explanation of an error, added to the exception as people see it.

Problem: who needs the explanation has never called `explain`: the error is on the screen already, in a log or in a
test report. And nothing may be paid for it while nothing goes wrong. Method: exceptions are looked at where they are
shown, not where they are made. Every way in which Python shows one goes through few places, and each is wrapped:

    sys.excepthook, threading.excepthook     uncaught, in a script, a thread and the interactive prompt
    traceback.TracebackException             all that formats one in Python: logging, `traceback`, unittest, pytest
    IPython's showtraceback                  where IPython runs when `install` is called
    sys.monitoring's RAISE event             3.12 and later: also one that is caught and never shown, as it passes; the
                                             first few at each place, for code that raises in a loop on purpose

What is added is a note (PEP 678): torch's own words stay as they are. Python 3.10 has no notes; there the same text is
printed behind the exception. 3.10 and 3.11 explain a caught exception when something shows it; one that must carry its
note in any case passes `with ss.explaining():`.

Cost: nothing until an exception is shown. From 3.12 on, up to a third of a microsecond for each one that is raised, and
nothing where none is. For an error about layouts some milliseconds, most of them to parse the file. No exception, frame
or tensor is kept. Whatever goes wrong in here is dropped.
"""

from __future__ import annotations

import sys
import threading
import traceback
from contextlib import ContextDecorator
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType, FrameType, TracebackType

    from typing_extensions import Self

__all__ = ["annotate", "explaining", "install", "uninstall"]

MARK = "stridescope: "
MAX_BACK = 12
MAX_AT_A_LINE = 8
MAX_LINES = 4096

_busy = threading.local()
_undo: list[Callable[[], None]] = []
_HAS_NOTES = sys.version_info >= (3, 11)


def install() -> None:
    """Have errors about layouts explained wherever they are shown, until `uninstall`.

    Adds a note to the exception, which follows torch's words in a traceback, a log, pytest's or IPython's report. For
    pytest, call it in `conftest.py`. A second call does nothing. CUDA's illegal-address and out-of-memory errors
    are left as they are.

    What each Python does with a caught exception: 3.12 and later add the note as it passes; 3.10 and 3.11 when
    something shows it (`logging.exception`, `traceback.print_exc`, ...); see `explaining` for the rest.

    >>> install(); uninstall()
    """
    if _undo:
        return
    for wrap in (_excepthook, _thread_hook, _formatting, _ipython, _monitoring):
        undo = wrap()
        if undo is not None:
            _undo.append(undo)


def uninstall() -> None:
    """Take back what `install` did; what others put in its place meanwhile stays."""
    while _undo:
        _undo.pop()()


class explaining(ContextDecorator):  # noqa: N801 - read as a phrase: `with ss.explaining():`
    """Adds the explanation to an error that leaves the block or the function, caught outside or not.

    >>> try:
    ...     with explaining():
    ...         raise RuntimeError("shape '[5, 2]' is invalid for input of size 12")
    ... except RuntimeError as error:
    ...     note = error.__notes__[0]
    >>> note
    'stridescope: shape [5, 2] needs 10 elements; the tensor has 12.'
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            annotate(error)


def annotate(error: BaseException | None, trace: TracebackType | None = None, frame: FrameType | None = None) -> None:
    """Add the note to an exception about layouts that has none yet; raises nothing.

    Args:
        trace: where it was raised, if not in its own traceback.
        frame: the frame that raises it just now, before it has a traceback.
    """
    if error is None or not isinstance(error, RuntimeError | IndexError | ValueError | TypeError | Warning):
        return
    if getattr(_busy, "now", False):
        return
    _busy.now = True
    try:
        _annotate(error, trace, frame)
    except Exception:  # noqa: BLE001, S110 - an error about an error helps nobody
        pass
    finally:
        _busy.now = False


def _annotate(error: BaseException, trace: TracebackType | None, frame: FrameType | None) -> None:
    notes = getattr(error, "__notes__", ())
    if any(isinstance(note, str) and note.startswith(MARK) for note in notes):
        return
    # Only an error that was shown or raised brings these modules in.
    from stridescope.explain.errors import explain_error, kind_of, note_of

    if kind_of(error) is None:
        return
    frames = _back_from(frame)
    if frame is None and error.__traceback__ is None and trace is not None:
        from stridescope.explain.frames import frames_of

        frames = frames_of(trace)
    try:
        note = note_of(explain_error(error, frames=frames))
    finally:
        if frames is not None:
            frames.clear()
    if _HAS_NOTES:
        error.add_note(note)  # type: ignore[attr-defined, unused-ignore]
    else:
        error.__notes__ = [*notes, note]  # type: ignore[attr-defined, unused-ignore]


def _back_from(frame: FrameType | None) -> list[tuple[FrameType, int, int]] | None:
    """(frame, line, instruction) of a frame and its callers, libraries' own last."""
    if frame is None:
        return None
    from stridescope.explain.frames import users_first

    found: list[tuple[FrameType, int, int]] = []
    while frame is not None and len(found) < MAX_BACK:
        found.append((frame, frame.f_lineno or 0, frame.f_lasti))
        frame = frame.f_back
    return users_first(found)


# ------------------------------------------------------------------------------------------- where exceptions are shown


def _excepthook() -> Callable[[], None]:
    before = sys.excepthook

    @wraps(before)
    def hook(cls: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        annotate(error, trace)
        before(cls, error, trace)
        _tell_after(error, before is sys.__excepthook__)

    sys.excepthook = hook

    def undo() -> None:
        if sys.excepthook is hook:
            sys.excepthook = before

    return undo


def _thread_hook() -> Callable[[], None]:
    before = threading.excepthook

    @wraps(before)
    def hook(told: Any) -> None:
        annotate(told.exc_value, told.exc_traceback)
        before(told)
        _tell_after(told.exc_value, before is threading.__excepthook__)

    threading.excepthook = hook

    def undo() -> None:
        if threading.excepthook is hook:
            threading.excepthook = before

    return undo


def _tell_after(error: BaseException | None, by_python: bool) -> None:
    """Python 3.10 prints no notes of its own."""
    if _HAS_NOTES or not by_python or sys.stderr is None:
        return
    for note in getattr(error, "__notes__", ()):
        sys.stderr.write(f"{note}\n")


def _formatting() -> Callable[[], None]:
    cls: Any = traceback.TracebackException
    started, only = cls.__init__, cls.format_exception_only

    @wraps(started)
    def init(self: Any, kind: Any, error: Any, trace: Any, *args: Any, **kwargs: Any) -> None:
        annotate(error, trace)
        started(self, kind, error, trace, *args, **kwargs)
        if not _HAS_NOTES:
            self.__notes__ = getattr(error, "__notes__", None)

    @wraps(only)
    def lines(self: Any, *args: Any, **kwargs: Any) -> Iterator[str]:
        yield from only(self, *args, **kwargs)
        for note in getattr(self, "__notes__", None) or ():
            yield f"{note}\n"

    cls.__init__ = init
    if not _HAS_NOTES:
        cls.format_exception_only = lines

    def undo() -> None:
        if cls.__init__ is init:
            cls.__init__ = started
        if cls.format_exception_only is lines:
            cls.format_exception_only = only

    return undo


def _ipython() -> Callable[[], None] | None:
    module = sys.modules.get("IPython")
    shell = None if module is None else getattr(module, "get_ipython", lambda: None)()
    if shell is None:
        return None
    before = shell.showtraceback

    @wraps(before)
    def showtraceback(*args: Any, **kwargs: Any) -> Any:
        annotate(sys.exc_info()[1])
        return before(*args, **kwargs)

    shell.showtraceback = showtraceback

    def undo() -> None:
        if shell.__dict__.get("showtraceback") is showtraceback:
            del shell.showtraceback

    return undo


def _monitoring() -> Callable[[], None] | None:
    """Python's own event for a raised exception: it costs nothing where none is raised."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return None
    tool = next((number for number in (4, 3) if monitoring.get_tool(number) is None), None)
    if tool is None:
        return None
    told: dict[tuple[CodeType, int], int] = {}

    def raised(code: CodeType, offset: int, error: BaseException) -> None:
        if type(error) not in _RAISED:
            return
        count = told.get((code, offset), 0)
        if count == MAX_AT_A_LINE or getattr(_busy, "now", False):
            return
        if len(told) == MAX_LINES:
            told.clear()
        told[code, offset] = count + 1
        annotate(error, None, sys._getframe(1))  # noqa: SLF001 - the frame that raises

    monitoring.use_tool_id(tool, "stridescope")
    monitoring.register_callback(tool, monitoring.events.RAISE, raised)
    monitoring.set_events(tool, monitoring.events.RAISE)

    def undo() -> None:
        monitoring.set_events(tool, 0)
        monitoring.register_callback(tool, monitoring.events.RAISE, None)
        monitoring.free_tool_id(tool)

    return undo


_RAISED: Sequence[type] = (RuntimeError, IndexError, ValueError, TypeError)
