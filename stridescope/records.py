"""The values everything else passes around: what was read, what a program did.

Problem: a reader, an engine, a renderer, a JSON document and the app must speak of one tensor in the
same words. Method: frozen values that keep only what was observed; whatever follows from it
(contiguity, span, overlap, ...) is a property, computed when asked, so that reading a tensor stays
cheap. Nothing here imports torch, numpy, rich or textual.

Units: shape, stride, storage_offset, span and numel count elements; nbytes, itemsize, byte_stride and
byte_offset count bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from math import prod
from typing import TYPE_CHECKING, Any, Literal

from stridescope.layout import Layout

if TYPE_CHECKING:
    from stridescope.layout import Copy

__all__ = [
    "SCHEMA",
    "Alternative",
    "Effect",
    "History",
    "ReadValues",
    "Reason",
    "Step",
    "StorageInfo",
    "TensorInfo",
    "Write",
]

SCHEMA = "stridescope/1"

Effect = Literal["alloc", "view", "same", "copy", "write", "refused"]

ReadValues = Callable[[Sequence[int]], list[Any]]
"""Addresses (elements of the storage) to the values there; None stands for a value nobody can know."""


def _listed(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


class _Rendered:
    """Gives a value its panel in rich, and a readable text under `str()`."""

    __slots__ = ()

    def __rich__(self) -> Any:
        # Upwards and late: rich asks for this by protocol, and only then is drawing code needed.
        from stridescope.render import panel

        return panel(self)  # type: ignore[arg-type]  # the two records that are drawn


@dataclass(frozen=True, slots=True)
class StorageInfo:
    """A 1-D block of memory.

    Attributes:
        id: identity within one process or one history; two tensors alias when theirs are equal.
        nbytes: its size in bytes; None where it cannot be known.
        data_ptr: the address of its first byte; None where there is no memory behind it.
    """

    id: str
    nbytes: int | None
    data_ptr: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        return {"id": self.id, "nbytes": self.nbytes, "data_ptr": self.data_ptr}


@dataclass(frozen=True, slots=True)
class TensorInfo(_Rendered):
    """How one tensor lies in its storage, read from metadata alone.

    What a kind of tensor does not have is None, and `why` says so, field by field.

    Attributes:
        type: the class it was read from, such as "torch.Tensor" or "numpy.ndarray".
        tensor_layout: torch's `torch.layout` without its prefix: "strided", "sparse_coo", ...
        dtype: "int64", "float32", ...; the same words for torch and numpy.
        device: "cpu", "cuda:0", "meta", ...
        shape, stride, storage_offset: in elements.
        observed_byte_stride, observed_byte_offset: only where the bytes do not divide by the item
            size (numpy record fields); elsewhere None, and `byte_stride` follows from `stride`.
        parts: the named inner tensors of a sparse, nested, quantized or wrapper tensor.
        notes: sentences on what a reader of the fields must know (a conjugate view, read-only, ...).
        why: (field, sentence) for every field that is None.
    """

    type: str
    shape: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    storage_offset: int | None
    dtype: str | None
    itemsize: int | None
    device: str | None
    requires_grad: bool | None
    storage: StorageInfo | None
    tensor_layout: str | None = "strided"
    name: str | None = None
    parts: tuple[tuple[str, TensorInfo], ...] = ()
    notes: tuple[str, ...] = ()
    why: tuple[tuple[str, str], ...] = ()
    observed_byte_stride: tuple[int, ...] | None = None
    observed_byte_offset: int | None = None

    @property
    def layout(self) -> Layout | None:
        """The `Layout`, or None where there is none in whole elements."""
        if self.shape is None or self.stride is None or self.storage_offset is None:
            return None
        return Layout(self.shape, self.stride, self.storage_offset)

    @property
    def ndim(self) -> int | None:
        """The number of dims."""
        return None if self.shape is None else len(self.shape)

    @property
    def numel(self) -> int | None:
        """The number of elements."""
        return None if self.shape is None else prod(self.shape)

    @property
    def nbytes(self) -> int | None:
        """numel × itemsize, in bytes; what a dense copy would take, not what the storage takes."""
        if self.shape is None or self.itemsize is None:
            return None
        return prod(self.shape) * self.itemsize

    @property
    def contiguous(self) -> bool | None:
        """torch's `is_contiguous()`."""
        layout = self._byte_layout if self.stride is None else self.layout
        if layout is None:
            return None
        return layout.is_contiguous() if self.stride is not None else self._bytes_contiguous(layout)

    def _bytes_contiguous(self, layout: Layout) -> bool:
        expected = self.itemsize or 1
        for size, step in zip(reversed(layout.shape), reversed(layout.stride), strict=True):
            if size == 0:
                return True
            if size != 1:
                if step != expected:
                    return False
                expected *= size
        return True

    @property
    def memory_format(self) -> str | None:
        """What torch's `suggest_memory_format` answers: "contiguous_format", "channels_last", ..."""
        layout = self.layout
        return None if layout is None else layout.suggest_memory_format()

    @property
    def non_overlapping_and_dense(self) -> bool | None:
        """torch's `is_non_overlapping_and_dense`: a permutation of a contiguous tensor."""
        layout = self.layout
        return None if layout is None else layout.is_non_overlapping_and_dense()

    @property
    def overlap(self) -> bool | None:
        """Whether two indices reach one address, exactly; None where it is undecided or unknown."""
        layout = self.layout
        if layout is not None:
            return {"yes": True, "no": False}.get(layout.overlap().verdict)
        layout = self._byte_layout
        if layout is None:
            return None
        bytewise = Layout((*layout.shape, self.itemsize or 1), (*layout.stride, 1))
        return {"yes": True, "no": False}.get(bytewise.overlap().verdict)

    @property
    def span(self) -> tuple[int, int] | None:
        """Half-open range of addresses reached, in elements."""
        layout = self.layout
        return None if layout is None else layout.span

    @property
    def byte_stride(self) -> tuple[int, ...] | None:
        """The strides in bytes."""
        if self.observed_byte_stride is not None:
            return self.observed_byte_stride
        if self.stride is None or self.itemsize is None:
            return None
        return tuple(step * self.itemsize for step in self.stride)

    @property
    def byte_offset(self) -> int | None:
        """The offset of the first element in the storage, in bytes."""
        if self.observed_byte_offset is not None:
            return self.observed_byte_offset
        if self.storage_offset is None or self.itemsize is None:
            return None
        return self.storage_offset * self.itemsize

    @property
    def _byte_layout(self) -> Layout | None:
        if self.shape is None or self.observed_byte_stride is None:
            return None
        return Layout(self.shape, self.observed_byte_stride)

    def named(self, name: str | None) -> TensorInfo:
        """The same tensor under a name."""
        return replace(self, name=name)

    def to_dict(self) -> dict[str, Any]:
        """TENSOR of schema stridescope/1, ready for `json.dumps`."""
        answer: dict[str, Any] = {
            "name": self.name,
            "type": self.type,
            "layout": self.tensor_layout,
            "dtype": self.dtype,
            "itemsize": self.itemsize,
            "device": self.device,
            "shape": _listed(self.shape),
            "stride": _listed(self.stride),
            "storage_offset": self.storage_offset,
            "numel": self.numel,
            "nbytes": self.nbytes,
            "contiguous": self.contiguous,
            "memory_format": self.memory_format,
            "non_overlapping_and_dense": self.non_overlapping_and_dense,
            "overlap": self.overlap,
            "span": _listed(self.span),
            "byte_stride": _listed(self.byte_stride),
            "requires_grad": self.requires_grad,
            "storage": None if self.storage is None else self.storage.to_dict(),
        }
        if self.observed_byte_offset is not None:
            answer["byte_offset"] = self.observed_byte_offset
        if self.parts:
            answer["parts"] = {name: part.to_dict() for name, part in self.parts}
        if self.notes:
            answer["notes"] = list(self.notes)
        if self.why:
            answer["why"] = dict(self.why)
        return answer

    def __repr__(self) -> str:
        place = f"{self.shape}:{self.stride}+{self.storage_offset}"
        held = "" if self.storage is None else f", storage {self.storage.nbytes} B"
        named = "" if self.name is None else f"{self.name!r}, "
        return f"TensorInfo({named}{self.type} {place}, {self.dtype}, {self.device}{held})"


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
        layouts: the addresses written, in elements, as the layouts written through; one, unless the write
            went to positions from a list or a mask.
        seen_by: the names that reach at least one of those addresses, in order of binding.
    """

    layouts: tuple[Layout, ...]
    seen_by: tuple[str, ...]

    LISTED = 64

    @property
    def numel(self) -> int:
        """How many elements were written, one written twice counting twice."""
        return sum(layout.numel for layout in self.layouts)

    def addresses(self) -> Iterator[int]:
        """The addresses written, in index order, lazily."""
        return chain.from_iterable(layout.addresses() for layout in self.layouts)

    def reaches(self, address: int) -> bool:
        """Whether the write changed an address."""
        return any(next(layout.indices_of(address), None) is not None for layout in self.layouts)

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
class History(_Rendered):
    """What a program did, step by step.

    Attributes:
        source: the program's text.
        engine: "algebra" (nothing was allocated) or "torch" (it ran for real).
        aliases: (name, tensor) of every named tensor at the end; empty for a plain chain.
    """

    source: str
    engine: str
    steps: tuple[Step, ...]
    aliases: tuple[tuple[str, TensorInfo], ...] = ()

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
        return {
            "schema": SCHEMA,
            "kind": "history",
            "engine": self.engine,
            "steps": [step.to_dict() for step in self.steps],
        }

    def __repr__(self) -> str:
        effects = ", ".join(f"{step.op}: {step.effect}" for step in self.steps)
        return f"History({self.source!r}, engine={self.engine!r}, [{effects}])"
