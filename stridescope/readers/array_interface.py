"""Objects with `__array_interface__` or `__cuda_array_interface__` -> `TensorInfo`.

Problem: many libraries (cupy, numba, pillow, ...) publish an array as a dict: shape, strides in bytes,
a type string, the address of the first element. Method: read that dict, and nothing else. It does not
say where the memory behind the array begins or ends, so the lowest byte the array reaches is taken as
the start of its storage, and the storage's size stays unknown.

Cost: one attribute read; what that runs is up to the object (pillow copies its pixels there).

Source: numpy's "The array interface protocol", version 3; numba's "CUDA Array Interface", version 3.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from stridescope.errors import UnreadableError
from stridescope.layout.base import Strided, contiguous_stride
from stridescope.readers.drafts import storage_info, tensor_info
from stridescope.readers.memory import read_elements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import TensorInfo

__all__ = ["inspect", "placed", "read_values"]

_KINDS = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex", "O": "object"}
_NO_EXTENT = "the protocol tells where the elements are, not how large the memory around them is"
_NO_GRADIENTS = "only torch tensors take part in autograd"


def inspect(x: Any, name: str | None = None) -> TensorInfo:
    """How an object with an array interface lies in its memory.

    Raises:
        UnreadableError: the dict is not what the protocol asks for.
    """
    interface, on_cuda = _interface(x)
    shape, dtype, itemsize, byte_stride, address, notes = _parsed(x, interface)
    if interface.get("mask") is not None:
        notes = (*notes, "has a mask of its own")
    return placed(
        type_name=f"{type(x).__module__}.{type(x).__qualname__}",
        shape=shape,
        dtype=dtype,
        itemsize=itemsize,
        byte_stride=byte_stride,
        address=address,
        # The interface names no device, and asking the driver would start it.
        device="cuda" if on_cuda else "cpu",
        name=name,
        notes=notes,
    )


def read_values(x: Any, addresses: Sequence[int]) -> list[Any]:
    """The values at some addresses; None for device memory and dtypes that Python has no value for."""
    interface, on_cuda = _interface(x)
    if on_cuda:
        return [None] * len(addresses)
    shape, dtype, itemsize, byte_stride, address, _ = _parsed(x, interface)
    if not address:
        return [None] * len(addresses)
    low, high = Strided((*shape, itemsize), (*byte_stride, 1)).span
    order = ">" if interface["typestr"][:1] == ">" else "<"
    return read_elements(address + low, high - low, dtype, itemsize, addresses, order=order)


def placed(
    *,
    type_name: str,
    shape: tuple[int, ...],
    dtype: str,
    itemsize: int,
    byte_stride: tuple[int, ...],
    address: int | None,
    device: str,
    name: str | None,
    notes: tuple[str, ...],
) -> TensorInfo:
    """The value for an array of which only the first element's address and the byte strides are known."""
    low, _ = Strided(shape, byte_stride).span
    why = [("requires_grad", _NO_GRADIENTS), ("storage.nbytes", _NO_EXTENT)]
    whole = itemsize > 0 and all(step % itemsize == 0 for step in byte_stride)
    if not whole:
        why.append(("stride", f"byte strides {byte_stride} are no multiples of the item size {itemsize}"))
    offset_whole = itemsize > 0 and -low % itemsize == 0
    if not offset_whole:
        why.append(("storage_offset", f"byte offset {-low} is no multiple of the item size {itemsize}"))
    start = address + low if address else None
    if start is None:
        why[1] = ("storage", "no address is given")
    return tensor_info(
        type_name,
        shape,
        tuple(step // itemsize for step in byte_stride) if whole else None,
        -low // itemsize if offset_whole else None,
        dtype,
        itemsize,
        device,
        None,
        None if start is None else storage_info(hex(start), None, start),
        "strided",
        name,
        (),
        notes,
        tuple(why),
        None if whole else byte_stride,
        None if offset_whole else -low,
    )


def _interface(x: Any) -> tuple[dict[str, Any], bool]:
    for attribute, on_cuda in (("__cuda_array_interface__", True), ("__array_interface__", False)):
        interface = None
        with contextlib.suppress(Exception):
            interface = getattr(x, attribute)
        if isinstance(interface, dict):
            return interface, on_cuda
    raise UnreadableError(f"got a {type(x).__qualname__} whose array interface is no dict, needed version 2 or 3")


def _dtype_word(kind: str, itemsize: int) -> str | None:
    spelled = _KINDS.get(kind)
    return spelled if spelled in ("bool", "object", None) else f"{spelled}{itemsize * 8}"


def _parsed(
    x: Any, interface: dict[str, Any]
) -> tuple[tuple[int, ...], str, int, tuple[int, ...], int | None, tuple[str, ...]]:
    """(shape, dtype, itemsize, byte strides, address or None, notes)."""
    try:
        shape = tuple(int(size) for size in interface["shape"])
        typestr = str(interface["typestr"])
        order, kind, itemsize = typestr[0], typestr[1], int(typestr[2:].partition("[")[0] or 0)
        strides = interface.get("strides")
        byte_stride = (
            tuple(step * itemsize for step in contiguous_stride(shape))
            if strides is None
            else tuple(int(step) for step in strides)
        )
        Strided(shape, byte_stride)  # one stride for each dim, no negative size
        data = interface.get("data")
        address = int(data[0]) if isinstance(data, tuple) else None
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UnreadableError(
            f"got a {type(x).__qualname__} whose array interface is malformed ({error!r}), "
            "needed shape, typestr and data as in version 3 of the protocol"
        ) from error
    if kind == "U":
        itemsize *= 4
    dtype = _dtype_word(kind, itemsize) or typestr.lstrip("<>|=")
    notes = []
    if order == ">" and itemsize > 1:
        notes.append("big-endian: each element's bytes are in the order opposite to the usual")
    if isinstance(data, tuple) and len(data) > 1 and data[1]:
        notes.append("read-only")
    if data is not None and not isinstance(data, tuple):
        notes.append("the object hands out a buffer instead of an address; where that lies is not said")
    return shape, dtype, itemsize, byte_stride, address or None, tuple(notes)
