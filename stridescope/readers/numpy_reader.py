"""numpy arrays and scalars -> `TensorInfo`, from metadata alone.

Problem: numpy keeps a pointer and byte strides, not a storage and element strides: strides may be
negative or no multiple of the item size, and the memory may belong to an mmap, a bytes object or a
torch tensor. Method: follow `base` to whoever owns the memory; that block is the storage, and the
offset is the distance of the first element from its first byte. Where the owner does not say how much
it has, the bytes that the outermost array reaches are all that is known, and the answer says so.

Cost: some microseconds, and one more for each array on the chain of bases.

Source: numpy's `ndarray.base`, `__array_interface__` and `lib.array_utils.byte_bounds`.
"""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from stridescope.layout.base import Strided
from stridescope.readers.drafts import storage_info, tensor_info

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.records import StorageInfo, TensorInfo

__all__ = ["inspect", "read_values"]

_NO_GRADIENTS = ("requires_grad", "only torch tensors take part in autograd")


def inspect(x: Any, name: str | None = None) -> TensorInfo:
    """How a numpy array or scalar lies in its memory.

    >>> inspect(np.arange(12, dtype="i4").reshape(3, 4)[::-1]).stride
    (-4, 1)
    """
    if not isinstance(x, np.ndarray):
        return _scalar(x, name)
    shape, byte_stride = x.shape, x.strides
    dtype, itemsize, notes = _dtype_facts(x.dtype)
    storage, start = _storage(x, notes)
    if not x.flags.writeable:
        notes.append("read-only")
    why = [_NO_GRADIENTS]
    whole = itemsize > 0 and all(step % itemsize == 0 for step in byte_stride)
    if not whole:
        why.append(("stride", f"byte strides {byte_stride} are no multiples of the item size {itemsize}"))
    byte_offset = _pointer(x) - start
    offset_whole = itemsize > 0 and byte_offset % itemsize == 0
    if not offset_whole:
        why.append(("storage_offset", f"byte offset {byte_offset} is no multiple of the item size {itemsize}"))
    return tensor_info(
        _class_name(type(x)),
        shape,
        tuple(step // itemsize for step in byte_stride) if whole else None,
        byte_offset // itemsize if offset_whole else None,
        dtype,
        itemsize,
        "cpu",
        None,
        storage,
        "strided",
        name,
        _masked_parts(x, notes),
        tuple(notes),
        tuple(why),
        None if whole else byte_stride,
        None if offset_whole else byte_offset,
    )


def read_values(x: Any, addresses: Sequence[int]) -> list[Any]:
    """The values at some addresses of the array's storage; None for what lies outside it.

    Only those elements are read: of a memory map, only their pages. Where the array does not step in
    whole elements of its dtype (a field of a packed record), no address is an element: all are None.
    """
    values: list[Any] = [None] * len(addresses)
    if not isinstance(x, np.ndarray) or x.dtype.itemsize == 0:
        return values
    storage, start = _storage(x, [])
    itemsize = x.dtype.itemsize
    if any(step % itemsize for step in (*x.strides, _pointer(x) - start)):
        return values
    held = (storage.nbytes or 0) // itemsize
    known = [(place, start + int(address) * itemsize) for place, address in enumerate(addresses) if 0 <= address < held]
    if x.dtype.hasobject:
        if x.dtype == object:
            for place, where in known:
                values[place] = _object_at(where)
        return values
    cells = b"".join(ctypes.string_at(where, itemsize) for _, where in known)
    for (place, _), value in zip(known, np.frombuffer(cells, dtype=x.dtype).tolist() if known else [], strict=True):
        values[place] = value
    return values


def _object_at(where: int) -> Any:
    try:
        return ctypes.py_object.from_address(where).value
    except ValueError:  # a null pointer: numpy shows it as None, too
        return None


# dtype -----------------------------------------------------------------------------------------


def _dtype_facts(dtype: np.dtype[Any]) -> tuple[str, int, list[str]]:
    """(word, itemsize in bytes, notes)."""
    notes = []
    if not dtype.isnative:
        order = "little" if sys.byteorder == "big" else "big"
        notes.append(f"{order}-endian: each element's bytes are in the order opposite to this machine's")
    if dtype.fields is not None:
        fields = (f"{name} {field[0]} at byte {field[1]}" for name, field in dtype.fields.items())
        notes.append(f"a record of {', '.join(fields)}")
    if dtype.hasobject:
        held = "strings" if dtype.kind == "T" else "Python objects"
        notes.append(f"the elements are pointers to {held}, which lie elsewhere")
    return _dtype_word(dtype), dtype.itemsize, notes


def _dtype_word(dtype: np.dtype[Any]) -> str:
    if dtype.kind in _CHARACTER:
        return f"{dtype.kind}{dtype.itemsize // _CHARACTER[dtype.kind]}"
    return "StringDType" if dtype.kind == "T" else dtype.name


_CHARACTER = {"U": 4, "S": 1}
"""Bytes a character, for the kinds whose width numpy spells in characters."""


def _class_name(cls: type) -> str:
    for package in ("numpy", "numpy.ma"):
        if vars(sys.modules.get(package, np)).get(cls.__name__) is cls:
            return f"{package}.{cls.__name__}"
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


# Memory ----------------------------------------------------------------------------------------


def _pointer(x: np.ndarray[Any, Any]) -> int:
    return int(x.__array_interface__["data"][0])


def _base(x: np.ndarray[Any, Any]) -> Any:
    """What the array borrowed its memory from; numpy's as_strided puts a stand-in between."""
    base = x.base
    return getattr(base, "base", base) if type(base).__name__ == "DummyArray" else base


def _storage(x: np.ndarray[Any, Any], notes: list[str]) -> tuple[StorageInfo, int]:
    """(the storage, the address of its first byte); says in `notes` what is special about it."""
    root, owner = x, _base(x)
    while isinstance(owner, np.ndarray):
        root, owner = owner, _base(owner)
    low, high = Strided((*root.shape, root.itemsize), (*root.strides, 1), _pointer(root)).span
    reached = storage_info(hex(low), high - low, low), low
    if owner is None:
        return reached
    for test, block in _OWNERS:
        if test(owner):
            found = block(owner)
            # An owner that moved its memory, or lends from elsewhere, does not hold the array.
            if found is not None and found[1] <= low and high <= found[1] + (found[0].nbytes or 0):
                notes.append(f"the memory belongs to a {_class_name(type(owner))}")
                return found
    notes.append(
        f"the memory belongs to a {_class_name(type(owner))}, which does not say how much it holds: "
        "storage is what the outermost array reaches"
    )
    return reached


def _torch_block(owner: Any) -> tuple[StorageInfo, int] | None:
    from stridescope.readers import torch_reader

    storage = torch_reader.inspect(owner).storage
    return None if storage is None or storage.data_ptr is None else (storage, storage.data_ptr)


def _buffer_block(owner: Any) -> tuple[StorageInfo, int] | None:
    try:
        lent = np.frombuffer(owner, dtype=np.uint8)
    except (BufferError, TypeError, ValueError):
        return None
    start = _pointer(lent)
    return storage_info(hex(start), lent.nbytes, start), start


def _is_torch_tensor(owner: Any) -> bool:
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(owner, tensor)


_OWNERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], tuple[StorageInfo, int] | None]], ...] = (
    (_is_torch_tensor, _torch_block),
    (lambda _: True, _buffer_block),
)
"""Who can own an array's memory -> the whole block they own. First come those with a storage already."""


# Kinds -----------------------------------------------------------------------------------------


def _masked_parts(x: np.ndarray[Any, Any], notes: list[str]) -> tuple[tuple[str, TensorInfo], ...]:
    ma = sys.modules.get("numpy.ma")
    if ma is None or not isinstance(x, ma.MaskedArray):
        return ()
    data = inspect(x.view(np.ndarray), "data")
    mask = x._mask  # noqa: SLF001 - .mask makes a view, or an array where there is none
    if not isinstance(mask, np.ndarray):
        notes.append("no element is masked, and there is no mask array")
        return (("data", data),)
    return (("data", data), ("mask", inspect(mask, "mask")))


def _scalar(x: Any, name: str | None) -> TensorInfo:
    sentence = "a numpy scalar is a value of its own, not a view of memory"
    dtype, itemsize, notes = _dtype_facts(x.dtype)
    return tensor_info(
        _class_name(type(x)),
        (),
        None,
        None,
        dtype,
        itemsize,
        "cpu",
        None,
        None,
        "strided",
        name,
        (),
        tuple(notes),
        (_NO_GRADIENTS, ("stride", sentence), ("storage_offset", sentence), ("storage", sentence)),
    )
