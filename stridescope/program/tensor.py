"""The algebra's own tensors: a layout on a storage that is never allocated.

Problem: a program's tensors share storages, copies read storages as they were at that moment, and writes show through
every alias, all without memory behind it. Method: a storage is an id-less object with a fill (element number ->
value, or None where nobody can know it) and a log of writes; its value at an element is what the last write that
reaches it put there, else the fill. A reader holds how much of the log it may see, so old steps keep showing what they
saw. Cost: O(writes × ndim) for each element shown; nothing for those that are not.

Units: elements, of the dtype the storage was made with.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpRuntimeError
from stridescope.layout.indexing import Positions

if TYPE_CHECKING:
    from stridescope.layout import Copy, Layout
    from stridescope.layout.dtypes import DType

__all__ = ["Library", "Storage", "Tensor", "Write", "cast", "fresh", "held", "of_copy"]

Library = str
"""Whose rules a tensor follows: "torch" or "numpy"."""

Fill = Callable[[int], Any]

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


@dataclass(frozen=True, slots=True)
class Write:
    """One in-place change: the layout written through, and the new value for (index, old value)."""

    layout: Layout
    dtype: DType
    value: Callable[[tuple[int, ...], Any], Any]


@dataclass(eq=False, slots=True)
class Storage:
    """A 1-D block: nbytes, device, what fills it, and what was written since.

    Attributes:
        root, shift_nbytes: torch gives a tensor made from an array a storage of its own that starts at the
            array's first element, over the same memory: such a storage is a window on its root, so many bytes in.
    """

    nbytes: int
    device: str
    dtype: DType
    fill: Fill | None = None
    writes: list[Write] = field(default_factory=list)
    window_of: Storage | None = None
    shift_nbytes: int = 0

    @property
    def root(self) -> Storage:
        """The storage whose memory this is: itself, unless it is a window."""
        return self if self.window_of is None else self.window_of

    def window(self, first_nbytes: int, nbytes: int, dtype: DType) -> Storage:
        """A storage over part of this one's memory."""
        return Storage(nbytes, self.device, dtype, None, [], self.root, self.shift_nbytes + first_nbytes)

    @property
    def writes_made(self) -> int:
        """How many writes the memory has had."""
        return len(self.root.writes)

    def write(self, layout: Layout, dtype: DType, value: Callable[[tuple[int, ...], Any], Any]) -> None:
        """Log a write through a layout, in elements of `dtype`."""
        shift = self.shift_nbytes // dtype.itemsize
        placed = layout.as_strided(layout.shape, layout.stride, layout.storage_offset + shift) if shift else layout
        self.root.writes.append(Write(placed, dtype, value))

    def value(self, address: int, dtype: DType, seen: int) -> Any:
        """The value at an address, in elements of `dtype`, after the first `seen` writes; None if unknown."""
        if self.window_of is not None:
            return self.window_of.value(address + self.shift_nbytes // dtype.itemsize, dtype, seen)
        if self.device == "meta":
            return None
        if dtype != self.dtype:
            return self._reinterpreted(address, dtype, seen)
        for number in range(seen - 1, -1, -1):
            write = self.writes[number]
            if write.dtype != dtype:
                if _bytes_meet(write.layout, write.dtype, address, dtype):
                    return None
                continue
            index = _last(write.layout, address)
            if index is not None:
                return write.value(index, self.value(address, dtype, number))
        return None if self.fill is None else self.fill(address)

    def _reinterpreted(self, address: int, dtype: DType, seen: int) -> Any:
        first = address * dtype.itemsize
        own = self.dtype.itemsize
        low, high = first // own, -(-(first + dtype.itemsize) // own)
        raw = b""
        for element in range(low, high):
            packed = _pack(self.value(element, self.dtype, seen), self.dtype)
            if packed is None:
                return None
            raw += packed
        return _unpack(raw[first - low * own :][: dtype.itemsize], dtype)


def _last(layout: Layout, address: int) -> tuple[int, ...] | None:
    return next(layout.indices_of(address), None)


def _bytes_meet(layout: Layout, written: DType, address: int, dtype: DType) -> bool:
    low, high = layout.span
    first = address * dtype.itemsize
    return low * written.itemsize < first + dtype.itemsize and first < high * written.itemsize


def _pack(value: Any, dtype: DType) -> bytes | None:
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


def _unpack(raw: bytes, dtype: DType) -> Any:
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


@dataclass(eq=False, slots=True)
class Tensor:
    """A tensor of the algebra.

    Attributes:
        layout: in elements of `dtype`; the one field an op may change in place (`t_`, `squeeze_`, ...).
        seen: how many writes of the storage had been made when the tensor's values were last asked for; None
            for "all there are", which is what a live tensor sees.
        leaf: whether autograd would accumulate into it: it requires grad and no op made it.
        conj, neg: values are conjugated, negated when read.
        copy: for a tensor an op filled, where its elements came from.
        locked: a numpy view that may not be written.
    """

    layout: Layout
    dtype: DType
    storage: Storage
    library: Library = "torch"
    requires_grad: bool = False
    leaf: bool = True
    conj: bool = False
    neg: bool = False
    locked: bool = False
    copy: Copy[Layout] | None = None

    @property
    def device(self) -> str:
        """Where the storage is."""
        return self.storage.device

    def view(self, layout: Layout, **changes: Any) -> Tensor:
        """Another tensor on the same storage."""
        kept: dict[str, Any] = {
            "dtype": self.dtype,
            "storage": self.storage,
            "library": self.library,
            "requires_grad": self.requires_grad,
            "leaf": not self.requires_grad,
            "conj": self.conj,
            "neg": self.neg,
            "locked": self.locked,
        }
        return Tensor(layout, **(kept | changes))

    def reader(self) -> Callable[[int], Any]:
        """Address (elements of the tensor's dtype) -> value, as the storage is now, conj and neg resolved."""
        storage, dtype, seen = self.storage, self.dtype, self.storage.writes_made
        conj, neg = self.conj, self.neg

        def read(address: int) -> Any:
            value = storage.value(address, dtype, seen)
            if value is None or not (conj or neg):
                return value
            if conj:
                value = value.conjugate()
            return -value if neg else value

        return read

    def positions(self, limit: int) -> Positions | None:
        """The tensor as an index, its values read; None where one is unknown or there are more than `limit`."""
        if self.layout.numel > limit:
            return None
        read = self.reader()
        values = [read(address) for address in self.layout.addresses()]
        if any(value is None for value in values):
            return None
        return Positions(
            self.layout.shape, self.layout.stride, tuple(int(value) for value in values), self.dtype.kind == "bool"
        )


def fresh(
    layout: Layout,
    dtype: DType,
    fill: Fill | None = None,
    *,
    device: str = "cpu",
    library: Library = "torch",
    requires_grad: bool = False,
    numel: int | None = None,
) -> Tensor:
    """A tensor on a new storage of its own, sized for the layout or for `numel` elements."""
    held = (layout.span[1] if 0 not in layout.shape else 0) if numel is None else numel
    storage = Storage(held * dtype.itemsize, device, dtype, fill)
    return Tensor(layout, dtype, storage, library, requires_grad)


def of_copy(
    copy: Copy[Layout],
    sources: Sequence[Tensor],
    *,
    dtype: DType | None = None,
    device: str | None = None,
    library: Library | None = None,
) -> Tensor:
    """The tensor a copy makes, its values those the sources have at this moment."""
    first = sources[0]
    kind = dtype or first.dtype
    readers = [source.reader() for source in sources]

    def fill(k: int) -> Any:
        number, address = copy.origin(k)
        return cast(readers[number](address), kind)

    grad = any(source.requires_grad for source in sources) and (kind.is_floating or kind.is_complex)
    storage = Storage(prod(copy.layout.shape) * kind.itemsize, device or first.device, kind, fill)
    return Tensor(copy.layout, kind, storage, library or first.library, grad, leaf=not grad, copy=copy)
