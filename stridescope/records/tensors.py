"""What was read of one tensor, and what follows from it.

Problem: reading a tensor must stay cheap, and a reader of the answer wants everything it implies. Method: the record
keeps only what was observed; contiguity, span, overlap, bytes are properties, computed when asked. Cost: a property is
O(ndim), `overlap` bounded by its budget.

Units: shape, stride, storage_offset, span and numel count elements; nbytes, itemsize, byte_stride and byte_offset count
bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

from stridescope.layout import Layout

__all__ = ["Rendered", "StorageInfo", "TensorInfo"]


def _listed(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


class Rendered:
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
        window_of, first_nbytes: the id of the storage whose memory this is, and from which byte on: torch gives a
            tensor made from an array a storage of its own over the array's memory.
    """

    id: str
    nbytes: int | None
    data_ptr: int | None = None
    window_of: str | None = None
    first_nbytes: int = 0

    @property
    def memory(self) -> tuple[str, int]:
        """The id of the storage whose memory this is, and the byte it starts at there."""
        return (self.id, 0) if self.window_of is None else (self.window_of, self.first_nbytes)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        answer: dict[str, Any] = {"id": self.id, "nbytes": self.nbytes, "data_ptr": self.data_ptr}
        if self.window_of is not None:
            answer |= {"window_of": self.window_of, "first_nbytes": self.first_nbytes}
        return answer


@dataclass(frozen=True, slots=True)
class TensorInfo(Rendered):
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
