"""The same program on real torch and numpy, in another process, compared step by step.

Problem: what the algebra says of a program should be checked where there is a torch to ask, and importing torch takes
a second and more, hundreds of megabytes, and the interpreter's lock meanwhile. Method: a helper process that answers
one JSON line for each line it is asked, `python -m stridescope.program.checking`; whoever asks never imports torch, and
never waits. A program whose storages are too large to allocate is run on torch's meta device, which has no memory; what
cannot be judged there is said to be unchecked, never guessed.

Cost: in the helper one import of torch, and each program as torch runs it, at most 256 MiB; here a thread that waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from typing import IO, Literal

    from stridescope.records import History, Reason, Step, TensorInfo

__all__ = ["Checker", "checked", "main", "verdict_text"]

MAX_BYTES = 2**28
"""What a program may allocate in the helper, in bytes; what takes more is run without memory."""

_NICE = 10
_LONGEST_WORDS = 400
_FIELDS = ("shape", "stride", "storage_offset", "dtype")
_KIN = {"NotImplementedError": "RuntimeError"}
"""A class the library raises -> the one of Python's own that it is."""


class _Difference(NamedTuple):
    """Where two runs of a program part; `step` counts from 0."""

    step: int
    field: str
    ours: Any
    theirs: Any
    judged: bool = True
    """Whether it is the library's own answer, and not only what a device without memory cannot do."""


# ------------------------------------------------------------------------------------------ in the helper


def checked(source: str) -> dict[str, Any]:
    """What real torch and numpy say of a program, in this process: the answer of the helper, without its id.

    Returns:
        `verdict`: "agrees", "differs" or "unchecked"; `versions` of the libraries that were asked; where they differ
        `step` (from 0), `field`, `ours` and `theirs`; where unchecked, `message` says why; where the last step is
        refused there too, `refusal` has the library's own words; else each is None.

    >>> checked("x = lambda: 0")["verdict"]
    'unchecked'
    """
    from stridescope.errors import StridescopeError
    from stridescope.program.algebra import AlgebraEngine
    from stridescope.program.interpret import interpret
    from stridescope.program.native import NativeEngine

    versions: dict[str, str] = {}
    try:
        ours = interpret(source, AlgebraEngine())
        infos = [info for step in ours.steps for info in _tensors_of(step)]
        elsewhere = next((i.device for i in infos if i.device is not None and i.device not in ("cpu", "meta")), None)
        if elsewhere is not None:
            return _answer("unchecked", versions, message=f"{elsewhere} is left alone here, so this was not run")
        meta = _nbytes_of(infos) > MAX_BYTES
        versions = _versions(infos)
        theirs = interpret(source, NativeEngine("meta" if meta else None, max_bytes=4 * MAX_BYTES))
    except StridescopeError as error:
        return _answer("unchecked", versions, message=str(error))
    found = _compared(ours, theirs, meta=meta)
    if found is None:
        reason = theirs.steps[-1].reason if theirs.steps else None
        return _answer("agrees", versions, refusal=None if reason is None else _words(reason))
    if not found.judged:
        message = f"the storages are too large to allocate, and step {found.step + 1} cannot be run without memory"
        return _answer("unchecked", versions, message=message)
    return _answer("differs", versions, found)


def _answer(
    verdict: Literal["agrees", "differs", "unchecked"],
    versions: dict[str, str],
    found: _Difference | None = None,
    message: str | None = None,
    refusal: str | None = None,
) -> dict[str, Any]:
    return {
        "versions": versions,
        "verdict": verdict,
        "step": None if found is None else found.step,
        "field": None if found is None else found.field,
        "ours": None if found is None else found.ours,
        "theirs": None if found is None else found.theirs,
        "message": message,
        "refusal": refusal,
    }


def _words(reason: Reason) -> str:
    """What a library says of a refusal, on one line; where it says nothing, the class it raised."""
    said = " ".join((reason.native_message or "").split())
    said = said if len(said) <= _LONGEST_WORDS else f"{said[: _LONGEST_WORDS - 3]}..."
    return said or reason.exception


def _tensors_of(step: Step) -> tuple[TensorInfo, ...]:
    return step.tensors if step.tensor is None else (step.tensor,)


def _nbytes_of(infos: list[TensorInfo]) -> int:
    """The bytes of all storages together."""
    storages = {info.storage.id: info.storage.nbytes or 0 for info in infos if info.storage and info.device != "meta"}
    return sum(storages.values())


def _versions(infos: list[TensorInfo]) -> dict[str, str]:
    """The versions of the libraries that a program is about.

    Raises:
        TargetError: one of them is not installed.
    """
    from stridescope.program.calls import library_of

    arrays = [info.type.startswith("numpy") for info in infos]
    wanted = [*(["torch"] if not all(arrays) or not arrays else []), *(["numpy"] if any(arrays) else [])]
    libraries = {name: library_of(name) for name in wanted}
    if "torch" in libraries:
        libraries["torch"].set_num_threads(1)
    return {name: str(library.__version__) for name, library in libraries.items()}


def _compared(ours: History, theirs: History, *, meta: bool) -> _Difference | None:
    """The first place where two runs differ."""
    seen_here: dict[str, int] = {}
    seen_there: dict[str, int] = {}
    for number, (a, b) in enumerate(zip(ours.steps, theirs.steps, strict=False)):
        refused = [None if step.reason is None else step.reason.exception for step in (a, b)]
        raised = _KIN.get(refused[1] or "", refused[1] or "")
        if a.effect != b.effect:
            return _Difference(number, "effect", a.effect, b.effect, judged=not meta)
        if refused[0] != (raised or None):
            return _Difference(number, "refusal", refused[0], refused[1], judged=not meta)
        here, there = _tensors_of(a), _tensors_of(b)
        if len(here) != len(there):
            return _Difference(number, "tensors", len(here), len(there))
        for one, other in zip(here, there, strict=True):
            for field in _FIELDS:
                if getattr(one, field) != getattr(other, field):
                    return _Difference(number, field, getattr(one, field), getattr(other, field))
            place, real_place = _number(one, seen_here), _number(other, seen_there)
            if place != real_place:
                return _Difference(number, "storage", place, real_place)
    if len(ours.steps) != len(theirs.steps):
        last = min(len(ours.steps), len(theirs.steps)) - 1
        return _Difference(last, "steps", len(ours.steps), len(theirs.steps), judged=not meta)
    return None


def _number(info: TensorInfo, seen: dict[str, int]) -> int | None:
    """Storages by the order in which they appear: the same numbers where the same tensors share theirs."""
    return None if info.storage is None else seen.setdefault(info.storage.id, len(seen))


def main() -> int:
    """The helper: a JSON line {"id", "source"} on standard input, an answer for it on standard output, until the end.

    A library that is not installed is told as the last answer.
    """
    answers = _apart()
    _politely()
    for line in sys.stdin:
        answer = _reply(line)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if answer["message"] is not None and "is not installed" in answer["message"]:
            break
    return 0


def _apart() -> IO[str]:
    """Standard output for the answers alone; what libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    return answers


def _politely() -> None:
    """Behind everything else the machine does; an interrupt in the terminal is for whoever asked."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICE)


def _reply(line: str) -> dict[str, Any]:
    number = None
    try:
        asked = json.loads(line)
        number, source = asked["id"], asked["source"]
        return {"id": number, **checked(source)}
    except (ValueError, KeyError, TypeError):
        message = 'a line is a JSON object {"id", "source"}'
    except RecursionError:
        message = "the program is nested too deep"
    except Exception as error:  # noqa: BLE001 - whatever a library does, the next program is to be answered
        message = f"it ended with {type(error).__name__}"
    return {"id": number, **_answer("unchecked", {}, message=message)}


# --------------------------------------------------------------------------------------- for those who ask


class Checker:
    """Has programs checked in a helper process; nothing here blocks, and torch is never imported.

    The process is started by the first `post`. While it works on one program only the newest other one waits.
    """

    def __init__(self, command: tuple[str, ...] = ()) -> None:
        self._command = command or (sys.executable, "-c", _HELPER.format(home=str(Path(__file__).resolve().parents[2])))
        self._process: subprocess.Popen[str] | None = None
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._posted = 0
        self._asked: int | None = None
        self._waiting: tuple[int, str] | None = None
        self._over = False

    def post(self, source: str) -> int:
        """Have a program checked; the id of its answer. One that still waits is dropped for it."""
        self._posted += 1
        self._waiting = self._posted, source
        self._send()
        return self._posted

    def poll(self) -> dict[str, Any] | None:
        """An answer that has come, or None; the keys are those of `checked`, and "id"."""
        if self._over:
            return self._ended()
        try:
            line = self._lines.get_nowait()
        except Empty:
            return None
        if line is None:
            self._over = True
            return self._ended()
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            return None
        self._asked = None
        self._send()
        return answer

    def close(self) -> None:
        """End the helper."""
        process, self._process = self._process, None
        self._over = True
        self._asked = self._waiting = None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _ended(self) -> dict[str, Any] | None:
        """What there is to say of a program that the helper will never answer."""
        left, self._asked, self._waiting = self._waiting or (self._asked, ""), None, None
        if left[0] is None:
            return None
        return {"id": left[0], **_answer("unchecked", {}, message="the checking process has ended")}

    def _send(self) -> None:
        if self._asked is not None or self._waiting is None or self._over:
            return
        process = self._process = self._process or self._started()
        if process is None or process.stdin is None:
            self._over = True
            return
        (self._asked, source), self._waiting = self._waiting, None
        try:
            # A program is shorter than a pipe is long, and only one is on its way.
            process.stdin.write(json.dumps({"id": self._asked, "source": source[:_LONGEST]}) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):
            self._over = True

    def _started(self) -> subprocess.Popen[str] | None:
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        except OSError:
            return None
        Thread(target=_listen, args=(process, self._lines), daemon=True).start()
        return process


_HELPER = """
import sys
sys.path[:] = [*filter(None, sys.path), {home!r}]
from stridescope.program.checking import main
raise SystemExit(main())
"""
"""The helper as it is started: without the working directory, where a random.py would be taken for Python's own."""

_LONGEST = 25_000
"""Characters of a program that are sent: more than any that is accepted."""


def _listen(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):
        for line in process.stdout:
            lines.put(line)
    lines.put(None)


def verdict_text(answer: dict[str, Any]) -> str:
    """An answer in a few words.

    >>> verdict_text({"verdict": "agrees", "versions": {"torch": "2.13.0+cpu"}})
    'torch 2.13.0 agrees'
    >>> said = {"verdict": "differs", "step": 2, "field": "stride", "ours": [4, 1], "theirs": [1, 4]}
    >>> verdict_text({**said, "versions": {"torch": "2.13.0+cpu"}})
    'torch 2.13.0 differs at step 3: stride (1, 4), we say (4, 1)'
    >>> verdict_text({"verdict": "agrees", "versions": {"torch": "2.13.0"}, "refusal": "no"})
    'torch 2.13.0 refuses it too'
    """
    versions: dict[str, str] = answer.get("versions") or {}
    asked = [f"{name} {version.partition('+')[0]}" for name, version in versions.items()]
    who = " and ".join(asked) or "torch"
    several = "" if len(asked) > 1 else "s"
    if answer["verdict"] == "agrees":
        return f"{who} refuse{several} it too" if answer.get("refusal") else f"{who} agree{several}"
    if answer["verdict"] == "differs":
        theirs, ours = _written(answer["theirs"]), _written(answer["ours"])
        return f"{who} differ{several} at step {answer['step'] + 1}: {answer['field']} {theirs}, we say {ours}"
    return f"unchecked: {answer.get('message') or 'nothing was asked'}"


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(str, value))}{',' * (len(value) == 1)})"
    return "none" if value is None else str(value)


if __name__ == "__main__":
    raise SystemExit(main())
