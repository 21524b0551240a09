"""What a program did: one step for each op, and the history of them all.

Problem and method: each step keeps the tensor before and after, what happened to memory, and, where it was refused,
why and what would work instead. All are values; what a step can still be asked for (where a copied element came from,
the values at an address) are functions that it carries along.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from stridescope.records.tensors import Rendered, TensorInfo

if TYPE_CHECKING:
    from stridescope.layout import Copy, Layout

__all__ = ["SCHEMA", "Alternative", "Effect", "History", "Place", "ReadValues", "Reason", "Step", "Write", "in_json"]

SCHEMA = "stridescope/1"


def in_json(value: Any) -> Any:
    """A value as JSON has it: what JSON has no word for is the text Python writes, None alone is null.

    >>> in_json([1, 2.5, float("nan"), 1 + 2j, None])
    [1, 2.5, 'nan', '1+2j', None]
    """
    if isinstance(value, tuple | list):
        return [in_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, complex):
        return str(value).strip("()")
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


Effect = Literal["alloc", "view", "same", "copy", "write", "refused"]

ReadValues = Callable[[Sequence[int]], list[Any]]
"""Addresses (elements of the storage) to the values there; None stands for a value nobody can know."""

Place = tuple[int, int, int, int]
"""(line, column, end line, end column) of a text in a program; lines count from 1, columns from 0, in characters."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that would work in place of a refused step: its source, effect and bytes copied."""

    source: str
    effect: Effect
    copied_nbytes: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        return {
            "source": self.source,
            "effect": self.effect,
            "copied_nbytes": self.copied_nbytes,
        }


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step was refused.

    Attributes:
        code: a stable short name of the kind of refusal.
        message: one or two sentences.
        dims, needed_stride, found_stride: as in `Refusal`; empty and None where they do not apply.
        exception: the class torch (or numpy) raises here, such as "RuntimeError".
        native_message: torch's or numpy's own words, where they were really asked.
    """

    code: str
    message: str
    dims: tuple[int, ...] = ()
    needed_stride: int | None = None
    found_stride: int | None = None
    alternatives: tuple[Alternative, ...] = ()
    exception: str = "RuntimeError"
    native_message: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        answer: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "dims": list(self.dims),
            "needed_stride": self.needed_stride,
            "found_stride": self.found_stride,
            "alternatives": [other.to_dict() for other in self.alternatives],
            "exception": self.exception,
        }
        if self.native_message is not None:
            answer["native_message"] = self.native_message
        return answer


@dataclass(frozen=True, slots=True)
class Write:
    """What an in-place op changed.

    Attributes:
        layout: the elements written, as the layout written through; None where `listed` says it.
        seen_by: the names that reach at least one byte of them, in order of binding.
        listed: the addresses, for a write to positions from a list or a mask, in index order.
    """

    layout: Layout | None
    seen_by: tuple[str, ...]
    listed: tuple[int, ...] = ()
    _reached: frozenset[int] = field(init=False, repr=False, compare=False)

    LISTED = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "_reached", frozenset(self.listed))

    @property
    def numel(self) -> int:
        """How many elements were written, one written twice counting twice."""
        return len(self.listed) if self.layout is None else self.layout.numel

    @property
    def span(self) -> tuple[int, int]:
        """Half-open range of the addresses written."""
        if self.layout is not None:
            return self.layout.span
        return (min(self.listed), max(self.listed) + 1) if self.listed else (0, 0)

    def addresses(self) -> Iterator[int]:
        """The addresses written, in index order, lazily."""
        return iter(self.listed) if self.layout is None else self.layout.addresses()

    def reaches(self, address: int) -> bool:
        """Whether the write changed an address."""
        if self.layout is None:
            return address in self._reached
        return next(self.layout.indices_of(address), None) is not None

    def to_dict(self) -> dict[str, Any]:
        """`addresses` lists the first 64 in index order; `numel` counts the elements written."""
        return {
            "numel": self.numel,
            "addresses": list(islice(self.addresses(), self.LISTED)),
            "seen_by": list(self.seen_by),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One op with its tensor before and after.

    Attributes:
        source: the text of this step alone: "torch.arange(12)", ".view(3, 4)", "[1:, ::2]".
        op: the op's own name: "arange", "view", "getitem".
        name: the name it was bound to, if any.
        copied_nbytes: bytes copied from an old storage; 0 unless the effect is copy or a write that
            copies.
        tensor: the tensor after the step; None when refused, or when the op returned several.
        tensors: the tensors of an op that returned several (split, unbind, ...).
        before: the tensor the op was applied to; None for a creation.
        copy: for a copy, where each element came from.
        values: reads values by address, where they are known.
        sources: the tensors that the op was applied to or read, as they were before it, in the order given. Of a copy,
            the first are those of `copy.sources`, one for one: the same storages, and mostly the same layouts. Some
            ops read a tensor through a view that they make of it themselves (an index slices before it lists,
            `hstack` adds dims): then the layout in `copy.sources` is that view.
        bound: (name, tensor) of each name that the step, or what was assigned before the next one, bound to another
            tensor, or whose tensor now lies in another way; those in a tuple as `parts[0]`; None for a name that
            stands for no tensor any more. Over all steps, on top of `History.given`, this comes to `History.aliases`.
        place: where `source` stands in `History.text`; None for a step that has no text of its own.
    """

    source: str
    op: str
    effect: Effect
    tensor: TensorInfo | None
    name: str | None = None
    copied_nbytes: int = 0
    reason: Reason | None = None
    tensors: tuple[TensorInfo, ...] = ()
    before: TensorInfo | None = None
    write: Write | None = None
    copy: Copy[Layout] | None = field(default=None, compare=False, repr=False)
    values: ReadValues | None = field(default=None, compare=False, repr=False)
    sources: tuple[TensorInfo, ...] = field(default=(), repr=False)
    bound: tuple[tuple[str, TensorInfo | None], ...] = field(default=(), repr=False)
    place: Place | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        answer: dict[str, Any] = {
            "source": self.source,
            "op": self.op,
            "name": self.name,
            "effect": self.effect,
            "copied_nbytes": self.copied_nbytes,
            "tensor": None if self.tensor is None else self.tensor.to_dict(),
            "reason": None if self.reason is None else self.reason.to_dict(),
        }
        if self.tensors:
            answer["tensors"] = [tensor.to_dict() for tensor in self.tensors]
        if self.write is not None:
            answer["write"] = self.write.to_dict()
        return answer


@dataclass(frozen=True, slots=True)
class History(Rendered):
    """What a program did, step by step.

    Attributes:
        source: the program's text.
        engine: "algebra" (nothing was allocated) or "torch" (it ran for real).
        aliases: (name, tensor) of every named tensor at the end; empty for a plain chain.
        answers: (source, value) of what the program asked, statements such as "x.stride()" that give no tensor.
        given: (name, tensor) of every tensor that had a name before the first step.
        given_values: what reads the values of each of `given`, as they were then; None where nobody can know them.
        text: the program as it was read, prompts and common indent taken off; `Step.place` counts in it. `source` is
            the same, but for statements that go over several lines.
    """

    source: str
    engine: str
    steps: tuple[Step, ...]
    aliases: tuple[tuple[str, TensorInfo], ...] = ()
    answers: tuple[tuple[str, Any], ...] = ()
    given: tuple[tuple[str, TensorInfo], ...] = ()
    text: str = ""
    given_values: tuple[ReadValues | None, ...] = field(default=(), compare=False, repr=False)

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """The named tensors at the end."""
        return dict(self.aliases)

    @property
    def refused(self) -> Step | None:
        """The step that was refused, which is the last one, or None."""
        last = self.steps[-1] if self.steps else None
        return last if last is not None and last.effect == "refused" else None

    @property
    def final(self) -> Step | None:
        """The last step that gave a tensor."""
        return next((step for step in reversed(self.steps) if step.tensor is not None), None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `stridescope show EXPR --json`."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": "history",
            "engine": self.engine,
            "steps": [step.to_dict() for step in self.steps],
        }
        if self.answers:
            document["answers"] = [{"source": source, "value": in_json(value)} for source, value in self.answers]
        return document

    def __repr__(self) -> str:
        effects = ", ".join(f"{step.op}: {step.effect}" for step in self.steps)
        asked = "".join(f", {source}={value!r}" for source, value in self.answers)
        return f"History({self.source!r}, engine={self.engine!r}, [{effects}]{asked})"
