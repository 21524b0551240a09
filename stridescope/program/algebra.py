"""The algebra engine: runs the rows of the op tables on layouts, allocating nothing.

Problem: say of each op what it does to memory, at any size. Method: a row's function gives a tensor, several, a host
value, a `Refusal`, or `Written`; the effect follows from identity alone, as it does for real tensors: the input itself
is "same" (or "view" where its layout was changed in place), its storage is "view", a new storage is "copy", or "alloc"
where no element came from an old one. Cost: the row's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stridescope.errors import IllegalOp, OpTypeError
from stridescope.layout import Layout, Refusal
from stridescope.layout.dtypes import DTYPES
from stridescope.layout.overlap import Extent, shared_bytes_overlap
from stridescope.program.alternatives import alternatives
from stridescope.program.ops import Outcome
from stridescope.program.tensor import Storage, Tensor
from stridescope.records import ReadValues, Reason, StorageInfo, TensorInfo, Write

if TYPE_CHECKING:
    from stridescope.program.ops import Op, Owner

__all__ = ["AlgebraEngine", "Written"]

_TYPES = {"torch": "torch.Tensor", "numpy": "numpy.ndarray"}
_NO_MEMORY = (("storage.data_ptr", "the algebra allocates no memory"),)
_NO_AUTOGRAD = ("requires_grad", "numpy arrays have no autograd")


@dataclass(frozen=True, slots=True)
class Written:
    """What a write row answers: the tensor, what it wrote through (or to which addresses), and bytes copied in."""

    tensor: Tensor
    layout: Layout | None
    copied_nbytes: int = 0
    listed: tuple[int, ...] = ()


class AlgebraEngine:
    """Runs programs on layouts."""

    name = "algebra"

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._kept: list[Storage] = []

    def is_tensor(self, value: Any) -> bool:
        """Whether `value` is a tensor of the algebra."""
        return isinstance(value, Tensor)

    def owner(self, tensor: Any) -> Owner:
        """Whose methods it has."""
        return "tensor" if tensor.library == "torch" else "ndarray"

    def adopt(self, info: TensorInfo) -> Tensor:
        """A tensor of the algebra that lies as a real one does; tensors with one storage id share theirs.

        Raises:
            OpTypeError: the real one has no layout in whole elements.
        """
        layout, row = info.layout, DTYPES.get(info.dtype or "")
        if layout is None or row is None:
            raise OpTypeError("no_layout", f"a {info.type} of dtype {info.dtype} has no layout to run ops on")
        known = info.storage
        held = next((s for s in self._kept if known is not None and self._ids[id(s)] == known.id), None)
        if held is None:
            nbytes = layout.span[1] * row.itemsize if known is None or known.nbytes is None else known.nbytes
            held = Storage(nbytes, info.device or "cpu", row)
            self._register(held, None if known is None else known.id)
        library = "numpy" if info.type.startswith("numpy") else "torch"
        return Tensor(layout, row, held, library, bool(info.requires_grad))

    def _register(self, storage: Storage, name: str | None = None) -> str:
        if id(storage) not in self._ids:
            self._ids[id(storage)] = name or f"s{len(self._kept)}"
            self._kept.append(storage)
        return self._ids[id(storage)]

    def apply(self, op: Op, overload: int, bound: tuple[Any, ...], names: dict[str, Any]) -> Outcome:
        """Run one row; an op torch or numpy refuses is an Outcome, never an exception."""
        inputs = list(_tensors(bound))
        before = {id(tensor): tensor.layout for tensor in inputs}
        try:
            result = op.run[overload](*bound)
        except IllegalOp as refused:
            return Outcome(None, "refused", reason=_reason(refused))
        if isinstance(result, Refusal):
            return Outcome(None, "refused", reason=self._refusal(result, op, bound))
        if isinstance(result, Written):
            write = Write(result.layout, _seen_by(result, names), result.listed)
            return Outcome(result.tensor, "write", result.copied_nbytes, write=write)
        if isinstance(result, Tensor):
            if id(result) in before:
                return Outcome(result, "same" if result.layout == before[id(result)] else "view")
            return self._made(op, result, (result,), inputs)
        if isinstance(result, tuple | list) and result and all(isinstance(part, Tensor) for part in result):
            return self._made(op, tuple(result), tuple(result), inputs)
        if op.family in ("view", "copy") and isinstance(result, tuple) and not result:
            return Outcome((), "view")
        return Outcome(result, None)

    def _made(self, op: Op, value: Any, parts: tuple[Tensor, ...], inputs: list[Tensor]) -> Outcome:
        held = {id(tensor.storage.root) for tensor in inputs}
        if all(id(part.storage.root) in held for part in parts):
            return Outcome(value, "view")
        if not inputs or op.family in ("create", "compute"):
            return Outcome(value, "alloc")
        copied = sum(part.layout.numel * part.dtype.itemsize for part in parts if id(part.storage.root) not in held)
        copy = parts[0].copy
        sources = () if copy is None else tuple(_given(source, inputs) for source in parts[0].copied)
        return Outcome(value, "copy", copied, copy=copy, sources=sources)

    def _refusal(self, refusal: Refusal, op: Op, bound: tuple[Any, ...]) -> Reason:
        receiver = next(_tensors(bound))
        return Reason(
            refusal.code,
            refusal.message,
            refusal.dims,
            refusal.needed_stride,
            refusal.found_stride,
            alternatives(receiver.layout, receiver.dtype.itemsize, op.name, bound[1:], refusal),
        )

    def _storage(self, storage: Storage) -> StorageInfo:
        if storage.window_of is None:
            return StorageInfo(self._register(storage), storage.nbytes)
        root = self._register(storage.root)
        return StorageInfo(self._register(storage), storage.nbytes, None, root, storage.shift_nbytes)

    def info(self, tensor: Any) -> TensorInfo:
        """The tensor as a record; storages are named s0, s1, ... in the order they are first seen."""
        torch = tensor.library == "torch"
        shifted = tensor.storage.shift_nbytes > 0
        bits = ((tensor.conj, _CONJ), (tensor.neg, _NEG), (tensor.locked, _LOCKED), (shifted, _WINDOW))
        notes = [note for bit, note in bits if bit]
        return TensorInfo(
            type=_TYPES[tensor.library],
            shape=tensor.layout.shape,
            stride=tensor.layout.stride,
            storage_offset=tensor.layout.storage_offset,
            dtype=tensor.dtype.name,
            itemsize=tensor.dtype.itemsize,
            device=tensor.device,
            requires_grad=tensor.requires_grad if torch else None,
            storage=self._storage(tensor.storage),
            notes=tuple(notes),
            why=_NO_MEMORY if torch else (*_NO_MEMORY, _NO_AUTOGRAD),
        )

    def state(self, tensor: Any) -> Any:
        """The fields that ops change in place."""
        return tensor.layout, tensor.storage, tensor.storage.nbytes, tensor.requires_grad, tensor.locked

    def values(self, tensor: Any) -> ReadValues | None:
        """Reads the storage as it is now, whatever is written later."""
        read, storage, dtype = tensor.reader(), tensor.storage, tensor.dtype
        low, high = 0, storage.nbytes // dtype.itemsize

        def values(addresses: Sequence[int]) -> list[Any]:
            if storage.root.ahead is not None:
                storage.announce(addresses, dtype)
            return [read(address) if low <= address < high else None for address in addresses]

        return values


_CONJ = "a conjugate view: values are conjugated when read"
_NEG = "a negative view: values are negated when read"
_LOCKED = "read-only"
_WINDOW = "torch gives it a storage of its own, which starts inside the array's memory: addresses count from there"


def _tensors(values: Any) -> Any:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)


def _given(source: Tensor, inputs: list[Tensor]) -> Tensor:
    """The input that a copy read: itself, or the one that it read through a view of its own making."""
    if any(tensor is source for tensor in inputs):
        return source
    return next((tensor for tensor in inputs if tensor.storage is source.storage), source)


def _reason(refused: IllegalOp) -> Reason:
    return Reason(refused.code, refused.message, refused.dims, exception=refused.exception)


def _seen_by(written: Written, names: dict[str, Any]) -> tuple[str, ...]:
    """The names whose tensors reach a byte that was written."""
    seen = []
    for name, value in names.items():
        if not isinstance(value, Tensor) or value.storage.root is not written.tensor.storage.root:
            continue
        if _sees(value, written):
            seen.append(name)
    return tuple(seen)


def _sees(tensor: Tensor, written: Written) -> bool:
    if written.layout is not None:
        return _meet(tensor, written.tensor, written.layout)
    writer = written.tensor
    if tensor.dtype == writer.dtype and tensor.storage is writer.storage:
        return any(next(tensor.layout.indices_of(address), None) is not None for address in written.listed)
    return any(_meet(tensor, writer, Layout((), (), address)) for address in written.listed)


def _meet(tensor: Tensor, writer: Tensor, layout: Layout) -> bool:
    """Whether a tensor reaches a byte that was written through a layout of another."""
    # Undecided is told as seen: better one name too many than a write that nobody is told of.
    return shared_bytes_overlap(_extent(tensor, tensor.layout), _extent(writer, layout)).verdict != "no"


def _extent(tensor: Tensor, layout: Layout) -> Extent:
    size = tensor.dtype.itemsize
    first = size * layout.storage_offset + tensor.storage.shift_nbytes
    return Extent(layout.shape, tuple(size * step for step in layout.stride), first, size)
