"""Storages and tensors as a file saves them, before they are given names.

Problem: one tensor may stand under several names, in a pickle that has no names at all, and 100,000 of them must cost
little until they are asked for. Method: two small records, `Stored` and `Saved`, made while a file is read; the frozen
`TensorInfo` is made when somebody asks for a name. Cost: about 0.4 us a record, 1 us a TensorInfo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stridescope.layout.base import contiguous_stride
from stridescope.readers.drafts import storage_info, tensor_info
from stridescope.readers.files.inert import Record

if TYPE_CHECKING:
    from stridescope.records import TensorInfo

__all__ = ["IN_A_FILE", "META", "Saved", "Stored", "reach", "tensor_info_of", "word_of"]

IN_A_FILE = (("storage.data_ptr", "the storage lies in a file, not in memory"),)
META = (("storage.data_ptr", "a meta tensor has no memory"),)


class Stored(Record):
    """A storage, or a stretch of one under a dtype.

    Attributes:
        id: the key it is saved under.
        nbytes: in bytes.
        device: where it was when it was saved.
        dtype: of the items it is said to hold; tensors of other dtypes may lie in it.
        root: the storage itself; for the first mention of a key that is this very object.
        first: where in `root` this stretch starts, in bytes.
        where: what the format needs to find its bytes.
    """

    __slots__ = ("device", "dtype", "first", "id", "nbytes", "root", "where")

    def __init__(self, id: str, nbytes: int, device: str, dtype: str, root: Stored | None = None) -> None:
        self.id = id
        self.nbytes = nbytes
        self.device = device
        self.dtype = dtype
        self.root = self if root is None else root
        self.first = 0
        self.where: Any = None


class Saved(Record):
    """A tensor as it is saved: the fields of a TensorInfo, but for its name.

    `storage` is None for a tensor that has none; `origin` then may say what is needed to read its parts. `parts` are
    what its elements lie in, `attributes` tensors that are merely set on it; `weight` counts it and all of these.
    """

    # What few tensors have is an attribute of the class, until one has it.
    type = "torch.Tensor"
    layout: str | None = "strided"
    parts: tuple[tuple[str, Saved], ...] = ()
    attributes: tuple[tuple[str, Saved], ...] = ()
    weight = 1
    notes: tuple[str, ...] = ()
    why: tuple[tuple[str, str], ...] = IN_A_FILE
    bits: tuple[str, ...] = ()
    origin: Any = None
    state: Any = None

    def __init__(
        self,
        storage: Stored | None,
        offset: int | None,
        shape: tuple[int, ...] | None,
        stride: tuple[int, ...] | None,
        dtype: str | None,
        itemsize: int | None,
        device: str | None,
        grad: bool | None,
    ) -> None:
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.stride = stride
        self.dtype = dtype
        self.itemsize = itemsize
        self.device = device
        self.grad = grad

    def build(self, state: Any) -> None:
        """BUILD on a tensor: attributes of a subclass."""
        self.state = state

    def copy(self) -> Saved:
        """Another record of the same fields, to be changed."""
        other = object.__new__(Saved)
        other.__dict__.update(self.__dict__)
        return other


def reach(shape: tuple[int, ...], stride: tuple[int, ...], offset: int) -> int:
    """One more than the highest address, in elements; 0 where there are no elements. Strides are 0 or more."""
    high = offset + 1
    for size, step in zip(shape, stride, strict=False):
        if size == 0:
            return 0
        high += (size - 1) * step
    return high


def tensor_info_of(saved: Saved, name: str | None) -> TensorInfo:
    """The frozen value of a record."""
    storage, shape, stride, offset = saved.storage, saved.shape, saved.stride, saved.offset
    notes, itemsize = saved.notes, saved.itemsize
    held = None
    if storage is not None:
        root = storage.root
        if storage.id == root.id:
            held = storage_info(root.id, root.nbytes)
        else:
            # Old files save a stretch of a storage as a storage of its own.
            held, root = storage_info(storage.id, storage.nbytes, None, root.id, storage.first), storage
        if shape is not None and stride is not None and offset is not None and itemsize is not None:
            needed = reach(shape, stride, offset) * itemsize
            if needed > root.nbytes and saved.dtype not in PACKED:
                notes += (f"the layout reaches byte {needed} of a storage of {root.nbytes} B: the file is damaged",)
    return tensor_info(
        saved.type,
        shape,
        stride,
        offset,
        saved.dtype,
        itemsize,
        saved.device,
        saved.grad,
        held,
        saved.layout,
        name,
        tuple((part, tensor_info_of(inner, part)) for part, inner in saved.parts),
        notes,
        saved.why,
    )


PACKED = {"quint4x2": 2, "quint2x4": 4}
"""Dtypes whose offsets and strides count values of which several lie in a byte: how many."""

_SHORT = {
    "torch.nn.parameter.Parameter": "torch.nn.Parameter",
    "torch.nn.parameter.Buffer": "torch.nn.Buffer",
    "torch.nn.parameter.UninitializedParameter": "torch.nn.UninitializedParameter",
    "torch.nn.parameter.UninitializedBuffer": "torch.nn.UninitializedBuffer",
    "torch._tensor.Tensor": "torch.Tensor",
    "torch.distributed.tensor._api.DTensor": "torch.distributed.tensor.DTensor",
    "torch.distributed._tensor.api.DTensor": "torch.distributed.tensor.DTensor",
}


def word_of(name: str) -> str:
    """The public spelling of a class that torch has under another name inside.

    >>> word_of("torch.nn.parameter.Parameter")
    'torch.nn.Parameter'
    """
    return _SHORT.get(name, name)


def contiguous(
    storage: Stored, shape: tuple[int, ...], dtype: str, itemsize: int, kind: str, why: tuple[tuple[str, str], ...]
) -> Saved:
    """A row-major tensor at the start of its storage, of a format that knows no gradients."""
    saved = Saved(storage, 0, shape, contiguous_stride(shape), dtype, itemsize, storage.device or None, None)
    saved.type, saved.why = kind, why
    return saved
