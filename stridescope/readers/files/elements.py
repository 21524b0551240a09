"""Bytes of a file as the numbers they stand for, in either byte order.

Problem: a file holds elements of dtypes that Python has no words for. Method: `struct` for those that it knows,
bfloat16 as the upper half of a float32, float8 by its fields; a table from dtype to decoder. Cost: about 0.1 us an
element, and for float8 one look-up in a table of 256 that is made when it is first needed.

Source: OCP 8-bit Floating Point Specification, and `c10/util/Float8_*.h` for the fnuz kinds.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decode"]

_CODES = {
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
    # Quantized and plain bytes are shown as the integers that are stored.
    "qint8": "b",
    "quint8": "B",
    "qint32": "i",
    "bits8": "B",
}
_PAIRS = {"complex32": "e", "complex64": "f", "complex128": "d"}


class _Float8(NamedTuple):
    """Mantissa bits, exponent bias, and which codes are no numbers."""

    mantissa: int
    bias: int
    finite_only: bool
    unsigned_zero: bool


_FLOAT8 = {
    "float8_e4m3fn": _Float8(3, 7, finite_only=True, unsigned_zero=False),
    "float8_e4m3fnuz": _Float8(3, 8, finite_only=True, unsigned_zero=True),
    "float8_e5m2": _Float8(2, 15, finite_only=False, unsigned_zero=False),
    "float8_e5m2fnuz": _Float8(2, 16, finite_only=True, unsigned_zero=True),
}

_FLOAT4 = tuple(sign * value for sign in (1, -1) for value in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0))
"""The 16 values of e2m1, by code (OCP Microscaling Formats, 5.3.3)."""


def decode(raw: bytes, dtype: str, order: str = "little") -> list[Any] | None:
    """The elements in some bytes, a whole number of them; None for a dtype that cannot be read.

    >>> decode(bytes([0, 0, 128, 63]), "float32"), decode(bytes([63, 128]), "bfloat16", "big")
    ([1.0], [1.0])
    """
    code = _CODES.get(dtype)
    sign = ">" if order == "big" else "<"
    if code is not None:
        if code == "?":
            return [byte != 0 for byte in raw]
        return list(struct.unpack(f"{sign}{len(raw) // struct.calcsize(f'<{code}')}{code}", raw))
    pair = _PAIRS.get(dtype)
    if pair is not None:
        parts = struct.unpack(f"{sign}{len(raw) // struct.calcsize(f'<{pair}')}{pair}", raw)
        return [complex(real, imaginary) for real, imaginary in zip(parts[::2], parts[1::2], strict=True)]
    other = _OTHERS.get(dtype)
    return None if other is None else other(raw, order)


def _bfloat16(raw: bytes, order: str) -> list[Any]:
    halves = struct.unpack(f"{'>' if order == 'big' else '<'}{len(raw) // 2}H", raw)
    wide = struct.pack(f"<{len(halves)}I", *(half << 16 for half in halves))
    return list(struct.unpack(f"<{len(halves)}f", wide))


@lru_cache(maxsize=8)
def _float8_values(dtype: str) -> tuple[float, ...]:
    return tuple(_float8_value(code, _FLOAT8[dtype]) for code in range(256))


def _float8_value(code: int, of: _Float8) -> float:
    sign = -1.0 if code & 0x80 else 1.0
    fraction = code & ((1 << of.mantissa) - 1)
    exponent = (code & 0x7F) >> of.mantissa
    if of.unsigned_zero and code == 0x80:
        return math.nan
    top = (1 << (7 - of.mantissa)) - 1
    if exponent == top and not of.unsigned_zero:
        if not of.finite_only:
            return math.nan if fraction else sign * math.inf
        if fraction == (1 << of.mantissa) - 1:
            return math.nan
    if exponent == 0:
        return sign * math.ldexp(fraction, 1 - of.bias - of.mantissa)
    return sign * math.ldexp((1 << of.mantissa) | fraction, exponent - of.bias - of.mantissa)


def _float8(dtype: str) -> Callable[[bytes, str], list[Any]]:
    def values(raw: bytes, _: str) -> list[Any]:
        table = _float8_values(dtype)
        return [table[byte] for byte in raw]

    return values


def _scale8(raw: bytes, _: str) -> list[Any]:
    """e8m0: powers of two alone."""
    return [math.nan if byte == 255 else math.ldexp(1.0, byte - 127) for byte in raw]


def _float4(raw: bytes, _: str) -> list[Any]:
    return [(_FLOAT4[byte & 15], _FLOAT4[byte >> 4]) for byte in raw]


_OTHERS: dict[str, Callable[[bytes, str], list[Any]]] = {
    "bfloat16": _bfloat16,
    **{name: _float8(name) for name in _FLOAT8},
    "float8_e8m0fnu": _scale8,
    "float4_e2m1fn_x2": _float4,
}
