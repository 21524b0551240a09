"""Values as elements hold them: rounded, wrapped, packed into bytes and read back.

Problem: a program's values must be those the library would hold, also where the same bytes are read as another type.
Method: each type's rule for a number that does not fit, and its bytes by `struct`; bfloat16 as the upper half of a
float32. A value nobody can know is None, all the way through. Cost: O(1).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpRuntimeError

if TYPE_CHECKING:
    from stridescope.layout.dtypes import DType

__all__ = ["cast", "held", "pack", "unpack"]

_STRUCT = {
    "bool": "?",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}

_LARGEST = {"float16": 65504.0, "bfloat16": 255 * 2.0**120, "float32": (2**24 - 1) * 2.0**104}


def pack(value: Any, dtype: DType) -> bytes | None:
    """The bytes of an element, the lowest first; None for a value or a type that is not known."""
    if value is None:
        return None
    if dtype.is_complex:
        part = _STRUCT.get(dtype.part)
        return None if part is None else struct.pack(f"<2{part}", value.real, value.imag)
    if dtype.name == "bfloat16":
        # The upper half of a float32 that has no lower one.
        return struct.pack("<f", value)[2:]
    code = _STRUCT.get(dtype.name)
    return None if code is None else struct.pack(f"<{code}", value)


def unpack(raw: bytes, dtype: DType) -> Any:
    """The value of an element from its bytes; None for a type that is not known."""
    if dtype.is_complex:
        part = _STRUCT.get(dtype.part)
        return None if part is None else complex(*struct.unpack(f"<2{part}", raw))
    if dtype.name == "bfloat16":
        return struct.unpack("<f", b"\0\0" + raw)[0]
    code = _STRUCT.get(dtype.name)
    return None if code is None else struct.unpack(f"<{code}", raw)[0]


def cast(value: Any, dtype: DType) -> Any:
    """A value as an element of `dtype` holds it: wrapped, rounded, truncated; None stays None.

    >>> from stridescope.layout.dtypes import DTYPES
    >>> cast(300, DTYPES["uint8"]), cast(1.9, DTYPES["int64"]), cast(0.1, DTYPES["float32"]) == 0.1
    (44, 1, False)
    """
    if value is None:
        return None
    if dtype.kind == "bool":
        return bool(value)
    if dtype.is_complex:
        parts = [_rounded(part, dtype.part) for part in (value.real, value.imag)]
        return None if None in parts else complex(*parts)
    if isinstance(value, complex):
        value = value.real
    if dtype.is_floating:
        return _rounded(value, dtype.name)
    bits = 8 * dtype.itemsize
    if isinstance(value, float) and not abs(value) < 2 ** (31 if bits <= 32 else 63):
        # What a processor makes of it differs between processors: nobody can know it here.
        return None
    whole = int(value)
    whole &= (1 << bits) - 1
    return whole - (1 << bits) if dtype.kind == "int" and whole >> (bits - 1) else whole


def _rounded(value: float, name: str) -> Any:
    """A number as a float type of that name holds it; None for a type that is not followed."""
    try:
        if name == "bfloat16":
            (bits,) = struct.unpack("<I", struct.pack("<f", value))
            # To nearest, ties to even; a NaN has no neighbours.
            upper = bits if value != value else bits + 0x7FFF + (bits >> 16 & 1)  # noqa: PLR0124
            return struct.unpack("<f", struct.pack("<I", upper & 0xFFFF0000))[0]
        code = _STRUCT.get(name)
        return None if code is None else struct.unpack(f"<{code}", struct.pack(f"<{code}", float(value)))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def held(value: Any, dtype: DType, numel: int) -> Any:
    """A Python number as torch fills `numel` elements with it: `cast`, unless it is out of range.

    Negative numbers wrap in unsigned types, and fractions are cut off, as there.

    Raises:
        OpRuntimeError: the number is too large for the type, or it has an imaginary part and the type has none.
    """
    # A single element of a short type takes a way of its own there, which ends in an infinity.
    overflows = numel == 1 and dtype.name in ("float16", "bfloat16") and not isinstance(value, complex)
    if not (overflows or _fits(value, dtype)):
        raise OpRuntimeError("overflow", f"{value!r:.40} does not fit in {dtype}; choose a wider dtype")
    return cast(value, dtype)


def _fits(value: Any, dtype: DType) -> bool:
    if value is None or dtype.kind == "bool":
        return True
    if isinstance(value, complex):
        if dtype.is_complex:
            return _fits_float(value.real, dtype.part) and _fits_float(value.imag, dtype.part)
        return value.imag == 0 and _fits(value.real, dtype)
    if dtype.kind in ("float", "complex"):
        return _fits_float(value, dtype.part or dtype.name)
    most: int = 2 ** (8 * dtype.itemsize - (dtype.kind == "int")) - 1
    least = -most - 1 if dtype.kind == "int" else -most if isinstance(value, int) else 0
    return bool(least <= value <= most)


def _fits_float(value: float, name: str) -> bool:
    return not math.isfinite(value) or abs(value) <= _LARGEST.get(name, math.inf)
