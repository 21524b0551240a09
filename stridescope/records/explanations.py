"""Why an op did what it did, and how two layouts differ: the values that `ss.explain` and `ss.diff` answer.

Problem: a refusal, a copy, a view and an error each raise the same questions: why, from where, what instead. Method:
frozen values of words and numbers; no tensor, frame or exception is kept, so an answer keeps nothing else alive.
Cost: what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stridescope.records.steps import SCHEMA, Alternative, Effect, Reason, in_json

if TYPE_CHECKING:
    from stridescope.records.tensors import TensorInfo

__all__ = ["Cause", "Explanation", "FieldDifference", "LayoutDiff", "Verdict"]


@dataclass(frozen=True, slots=True)
class Cause:
    """The earlier step that gave a tensor the strides it has.

    Attributes:
        source: the step as it was written, such as ".t()".
        line: its line, from 1, in the program or in `file`; None where it has none.
        file: the file it stands in, as Python names it; None for a program's text.
    """

    source: str
    line: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.source
        if self.file is None:
            return f"{self.source} in line {self.line}"
        return f"{self.source} at {self.file.replace(chr(92), '/').rpartition('/')[2]}:{self.line}"

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {"source": self.source, "line": self.line, "file": self.file}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an op is a view, a copy, a write or refused; or what an error means.

    Attributes:
        source: the op, program or error it is about.
        effect: what it did to memory; an error is "refused".
        reason: of a refusal, why; else None. Strides in elements.
        alternatives: what would work instead, each checked by running it on the layout; sizes in bytes.
        because: the proof, sentence by sentence.
        groups: of the tensor it was applied to, the runs of dims that may be merged without a copy.
        cause: the step that gave that tensor the strides that stand in the way, where it is known.
        subject: the tensor it was applied to.
        tensor: what came of it.
        copied_nbytes: bytes copied from an old storage.
        steps: of a program, every step explained; this explanation is then that of the last one.
    """

    source: str
    effect: Effect
    reason: Reason | None = None
    alternatives: tuple[Alternative, ...] = ()
    because: tuple[str, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    cause: Cause | None = None
    subject: TensorInfo | None = field(default=None, repr=False)
    tensor: TensorInfo | None = field(default=None, repr=False)
    copied_nbytes: int = 0
    steps: tuple[Explanation, ...] = field(default=(), repr=False)

    @property
    def message(self) -> str:
        """The answer in one sentence."""
        if self.reason is not None:
            return self.reason.message
        return self.because[0] if self.because else self.effect

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `stridescope explain EXPR --json`."""
        return {"schema": SCHEMA, "kind": "explanation", **self._fields(), "steps": [s._fields() for s in self.steps]}

    def _fields(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "effect": self.effect,
            "copied_nbytes": self.copied_nbytes,
            "reason": None if self.reason is None else self.reason.to_dict(),
            "alternatives": [other.to_dict() for other in self.alternatives],
            "because": list(self.because),
            "groups": [list(group) for group in self.groups],
            "cause": None if self.cause is None else self.cause.to_dict(),
            "subject": None if self.subject is None else self.subject.to_dict(),
            "tensor": None if self.tensor is None else self.tensor.to_dict(),
        }

    def __str__(self) -> str:
        from stridescope.render.explanations import plain_explanation

        return plain_explanation(self)

    def __rich__(self) -> Any:
        # Upwards and late: rich asks for this by protocol, and only then is drawing code needed.
        from stridescope.render.explanations import ExplanationView

        return ExplanationView(self)


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field in which two tensors differ.

    Attributes:
        field: "shape", "stride", "storage_offset", "dtype", "device", "requires_grad", "storage", ...
        a, b: its value in each.
        dims: of shape and stride, the dims that differ; empty where the ranks do.
        harmless: no address depends on it, as on the stride of a size-1 dim.
    """

    field: str
    a: Any
    b: Any
    dims: tuple[int, ...] = ()
    harmless: bool = False

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {
            "field": self.field,
            "a": in_json(self.a),
            "b": in_json(self.b),
            "dims": list(self.dims),
            "harmless": self.harmless,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one consumer takes each of two tensors as they lie; None where it cannot be told.

    Attributes:
        consumer: who asks, such as "torch contiguous".
        why: the first rule that fails, naming the tensor; empty where none does.
    """

    consumer: str
    a: bool | None
    b: bool | None
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {"consumer": self.consumer, "a": self.a, "b": self.b, "why": self.why}


@dataclass(frozen=True, slots=True)
class LayoutDiff:
    """How the layouts of two tensors differ, and whether any address does.

    Attributes:
        a, b: the tensors.
        fields: what differs, harmless differences among them.
        same_addresses: whether every index reaches the same address in both, in elements from the start of each
            one's storage; None where one of them has no strides.
        same_storage: whether both lie in one storage; None where that is not known.
        verdicts: what consumers make of each.
        notes: sentences on what differs, harmless size-1 dims named.
    """

    a: TensorInfo
    b: TensorInfo
    fields: tuple[FieldDifference, ...]
    same_addresses: bool | None
    same_storage: bool | None
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `stridescope diff A B --json`."""
        return {
            "schema": SCHEMA,
            "kind": "diff",
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
            "same_addresses": self.same_addresses,
            "same_storage": self.same_storage,
            "fields": [difference.to_dict() for difference in self.fields],
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        names = ", ".join(f"{difference.field}{'*' * difference.harmless}" for difference in self.fields)
        return f"LayoutDiff([{names}], same_addresses={self.same_addresses}, same_storage={self.same_storage})"

    def __str__(self) -> str:
        from stridescope.render.explanations import plain_diff

        return plain_diff(self)

    def __rich__(self) -> Any:
        # Upwards and late, as above.
        from stridescope.render.explanations import DiffView

        return DiffView(self)
