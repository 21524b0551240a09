"""Elements at an address of host memory, as Python values, without numpy or torch.

Problem: an array that reaches us through a protocol is an address and a dtype; importing a framework
to print six numbers of it would cost seconds. Method: copy the bytes of one element, decode them by a
table of `struct` codes; formats that `struct` lacks are widened by hand. Only addresses inside a
block that is known are read.

Cost: one small copy for each element asked for.

Source: IEEE 754 for the widths; bfloat16 is the upper half of a float32.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read_elements"]

_CODES = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "complex64": "ff",
    "complex128": "dd",
}


def _bfloat16(cell: bytes, order: str) -> float:
    wide = cell + b"\0\0" if order == ">" else b"\0\0" + cell
    return float(struct.unpack(order + "f", wide)[0])


_BY_HAND: dict[str, Callable[[bytes, str], Any]] = {"bfloat16": _bfloat16}


def read_elements(
    start: int, nbytes: int, dtype: str, itemsize: int, addresses: Sequence[int], *, order: str = "="
) -> list[Any]:
    """Values at element positions of the block [start, start + nbytes) of host memory.

    Args:
        start: address of the block's first byte.
        nbytes: length of the block; what lies outside it is not read and gives None.
        dtype: word of the dtype; None for each value when it is not in the table.
        itemsize: bytes an element.
        addresses: element positions from `start`.
        order: byte order, as in `struct`: "<", ">" or "=".

    >>> import array
    >>> cells = array.array("i", [3, 1, 4])
    >>> read_elements(cells.buffer_info()[0], 12, "int32", 4, [2, 0, 3])
    [4, 3, None]
    """
    decode = _decoder(dtype, order)
    if decode is None or itemsize == 0:
        return [None] * len(addresses)
    return [
        decode(ctypes.string_at(start + address * itemsize, itemsize)) if 0 <= address < nbytes // itemsize else None
        for address in addresses
    ]


def _decoder(dtype: str, order: str) -> Callable[[bytes], Any] | None:
    by_hand = _BY_HAND.get(dtype)
    if by_hand is not None:
        return lambda cell: by_hand(cell, order)
    code = _CODES.get(dtype)
    if code is None:
        return None
    unpack = struct.Struct(order + code).unpack
    return (lambda cell: complex(*unpack(cell))) if len(code) == 2 else (lambda cell: unpack(cell)[0])
