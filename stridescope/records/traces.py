"""What real code did to memory: its ops, with their source lines; the bytes they copied, by line.

Problem: a training loop runs a thousand ops a step for days, and its trace must stay small, exact in its totals, and
readable. Method: the steps that were kept are a sequence that makes a `TraceStep` when it is asked for one; totals and
bytes by line are counted over all steps, kept or not. Values hold words and numbers, never a tensor.

Cost: a step, once it is asked for; everything else what is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from stridescope.records.steps import SCHEMA

if TYPE_CHECKING:
    from stridescope.records.explanations import Cause
    from stridescope.records.steps import Alternative, Effect
    from stridescope.records.tensors import TensorInfo

__all__ = ["CopiedLine", "Moved", "Trace", "TraceContents", "TraceStep"]


@dataclass(frozen=True, slots=True)
class Moved:
    """Bytes that one aten op moved, below a step.

    Attributes:
        op: the aten op: "clone", "copy_", "_to_copy".
        before, after: the tensor read and the tensor written; None where it is not known.
        nbytes: in bytes, of the elements written.
    """

    op: str
    before: TensorInfo | None
    after: TensorInfo | None
    nbytes: int

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {"op": self.op, "before": _layout(self.before), "after": _layout(self.after), "nbytes": self.nbytes}


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One op that ran.

    Attributes:
        op: its name: "reshape"; of a backward op, that of aten.
        file, line, function: the place in the source that called for it; None where no such place is on the stack.
        effect: by storage identity: "alloc", "view", "same", "copy", "write", or "refused" where it raised.
        copied_nbytes: bytes of every element that was moved below, also where the effect is "alloc": what `linear`
            copied to lay its input out anew.
        before: the first tensor it was given, as it was before; None for a creation.
        after: the tensor that it gave, or wrote; None where it gave none.
        forward: (file, line) of the op that this one differentiates, in a backward pass.
        level: "function", of torch's Python interface, with the aten ops below it folded in; or "aten", where no
            function was on the way: in a backward pass, in a transform.
        below: how many aten ops a function ran.
        moved: those of them that moved bytes.
        number: its place in the whole run, from 0.
    """

    op: str
    file: str | None
    line: int | None
    effect: Effect
    copied_nbytes: int = 0
    before: TensorInfo | None = None
    after: TensorInfo | None = None
    function: str | None = None
    forward: tuple[str, int] | None = None
    level: Literal["function", "aten"] = "function"
    below: int = 0
    moved: tuple[Moved, ...] = ()
    number: int = 0

    @property
    def source(self) -> str:
        """The line of source it stands in, stripped; empty where there is none to read."""
        return source_line(self.file, self.line)

    @property
    def where(self) -> str:
        """The file's name and the line, as in "train.py:13"; empty where it has none."""
        return where(self.file, self.line)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        answer: dict[str, Any] = {
            "op": self.op,
            "file": self.file,
            "line": self.line,
            "effect": self.effect,
            "copied_nbytes": self.copied_nbytes,
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
        }
        if self.level != "function":
            answer["level"] = self.level
        if self.forward is not None:
            answer["forward"] = {"file": self.forward[0], "line": self.forward[1]}
        if self.moved:
            answer["moved"] = [moved.to_dict() for moved in self.moved]
        return answer


@dataclass(frozen=True, slots=True)
class CopiedLine:
    """What one op at one line of source copied, over the whole run.

    Attributes:
        op, file, line, forward: as in `TraceStep`.
        times: how often it copied.
        nbytes: how many bytes, in all.
        step: the one that copied most.
        because: why it could not be a view, sentence by sentence.
        instead: what would avoid the copy, where that is known; each checked on the layout.
        cause: the op that gave the tensor its strides, where it was seen.
    """

    op: str
    file: str | None
    line: int | None
    times: int
    nbytes: int
    step: TraceStep = field(repr=False)
    forward: tuple[str, int] | None = None
    because: tuple[str, ...] = ()
    instead: tuple[Alternative, ...] = ()
    cause: Cause | None = None

    @property
    def source(self) -> str:
        """The line of source it stands in, stripped; empty where there is none to read."""
        return source_line(self.file, self.line)

    @property
    def where(self) -> str:
        """The file's name and the line; of a backward op with the line that it differentiates."""
        here = where(self.file, self.line)
        return here if self.forward is None else f"{here} ← {where(*self.forward)}"

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`; sizes in bytes."""
        return {
            "op": self.op,
            "file": self.file,
            "line": self.line,
            "forward": None if self.forward is None else {"file": self.forward[0], "line": self.forward[1]},
            "times": self.times,
            "copied_nbytes": self.nbytes,
            "before": _layout(self.step.before),
            "after": _layout(self.step.after),
            "moved": [moved.to_dict() for moved in self.step.moved],
            "because": list(self.because),
            "instead": [other.to_dict() for other in self.instead],
            "cause": None if self.cause is None else self.cause.to_dict(),
        }


class TraceContents(Protocol):
    """What a recorder gives to a `Trace`."""

    @property
    def steps(self) -> Sequence[TraceStep]:
        """The steps that were kept, in order."""

    @property
    def count(self) -> int:
        """How many there were."""

    @property
    def seen(self) -> int:
        """How many aten ops ran."""

    @property
    def effects(self) -> Mapping[str, int]:
        """How many steps of each effect."""

    def copies(self) -> tuple[CopiedLine, ...]:
        """What was copied, by line, most bytes first."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of what is not in it."""


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """The ops of a run, in order: what `with ss.trace() as t:` gives.

    It fills while the block runs, and may be read at any time.
    """

    contents: TraceContents

    @property
    def steps(self) -> Sequence[TraceStep]:
        """The steps, in order; of a long run the last ones."""
        return self.contents.steps

    @property
    def copies(self) -> tuple[CopiedLine, ...]:
        """What was copied, by op and line, most bytes first; over the whole run."""
        return self.contents.copies()

    @property
    def copied_nbytes(self) -> int:
        """Bytes copied in all."""
        return sum(line.nbytes for line in self.contents.copies())

    @property
    def totals(self) -> dict[str, Any]:
        """Exact, over the whole run: steps, steps kept, aten ops, steps of each effect, copies, bytes copied."""
        lines = self.contents.copies()
        return {
            "steps": self.contents.count,
            "steps_kept": len(self.contents.steps),
            "aten_ops": self.contents.seen,
            "effects": dict(self.contents.effects),
            "copies": sum(line.times for line in lines),
            "copied_nbytes": sum(line.nbytes for line in lines),
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is not in it: steps that were let go, threads that were not followed."""
        return self.contents.notes

    def fields(self) -> Iterator[tuple[str, Any]]:
        """The JSON document field by field; "steps" is an iterator, so that it can be streamed."""
        yield "schema", SCHEMA
        yield "kind", "trace"
        yield "steps", (step.to_dict() for step in self.steps)
        yield "totals", self.totals
        yield "copies", [line.to_dict() for line in self.copies]
        if self.notes:
            yield "notes", list(self.notes)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `stridescope trace … --json OUT`."""
        return {name: list(value) if isinstance(value, Iterator) else value for name, value in self.fields()}

    def save(self, path: str) -> None:
        """Write the JSON document to a file, a step at a time.

        Raises:
            OSError: the file cannot be written.
        """
        import json
        from pathlib import Path

        with Path(path).open("w", encoding="utf-8") as file:
            before = "{\n"
            for name, value in self.fields():
                file.write(f"{before}  {json.dumps(name)}: ")
                before = ",\n"
                if isinstance(value, Iterator):
                    between = "[\n    "
                    for item in value:
                        file.write(between + json.dumps(item))
                        between = ",\n    "
                    file.write("[]" if between.startswith("[") else "\n  ]")
                else:
                    file.write(json.dumps(value))
            file.write("\n}\n")

    def show(self, *, worst: int = 10, file: Any = None) -> None:
        """Print the report: copies by source line, the worst ones with their layouts and reasons, totals.

        Args:
            worst: how many lines to explain.
            file: where to print; standard output unless given.
        """
        from stridescope.render.traces import TraceReport, print_report

        print_report(TraceReport(self, worst), file)

    def explore(self) -> None:
        """Open the terminal app on it."""
        from importlib import import_module

        # Upwards and late, as for a drawing: the app is asked for by the one who reads.
        import_module("stridescope.tui.opening").explore(self)

    def __repr__(self) -> str:
        totals = self.totals
        effects = ", ".join(f"{number} {effect}" for effect, number in totals["effects"].items())
        return f"Trace({totals['steps']} steps: {effects}; {totals['copied_nbytes']} B copied)"

    def __str__(self) -> str:
        from stridescope.render.traces import TraceReport, plain

        return plain(TraceReport(self))

    def __rich__(self) -> Any:
        from stridescope.render.traces import TraceReport

        return TraceReport(self)


def where(file: str | None, line: int | None) -> str:
    """The name of a file without its directories, and a line.

    >>> where("/home/me/train.py", 13)
    'train.py:13'
    """
    return "" if file is None else f"{file.replace(chr(92), '/').rpartition('/')[2]}:{line}"


def source_line(file: str | None, line: int | None) -> str:
    """A line of source, stripped; empty where it cannot be read."""
    import linecache

    return "" if file is None or line is None else linecache.getline(file, line).strip()


def _layout(info: TensorInfo | None) -> dict[str, Any] | None:
    """The few fields that a copy is about."""
    if info is None:
        return None
    return {
        "shape": None if info.shape is None else list(info.shape),
        "stride": None if info.stride is None else list(info.stride),
        "storage_offset": info.storage_offset,
        "dtype": info.dtype,
        "device": info.device,
    }
