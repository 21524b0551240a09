"""safetensors: a length, a JSON header, the bytes.

Problem: a header of 100,000 tensors is a JSON object of that many small ones. Method: the standard JSON parser reads
it; a tensor's fields are checked when it is asked for, and their places in one pass, for gaps and overlaps.

Cost: the JSON parser's, and about 0.5 us a tensor. Source: the format's README: a header of at most 100,000,000 bytes,
offsets without gaps, row-major, little-endian.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from stridescope.layout.base import contiguous_stride
from stridescope.readers.drafts import storage_info, tensor_info
from stridescope.readers.files.contents import Contents
from stridescope.readers.files.saved import IN_A_FILE, Saved, Stored
from stridescope.readers.files.source import Blob, BrokenFile
from stridescope.readers.files.vocabulary import ITEMSIZES, MOST_DIMS
from stridescope.records import Checkpoint

if TYPE_CHECKING:
    from stridescope.readers.files.source import Source
    from stridescope.records import TensorInfo

__all__ = ["open_safetensors"]

LARGEST_HEADER = 100_000_000

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
}
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
"""Dtypes of less than a byte, and their bits."""

_WHY = (("requires_grad", "safetensors does not keep it"), ("device", "safetensors does not keep it"), *IN_A_FILE)


def open_safetensors(source: Source, path: str) -> Checkpoint:
    """The tensors of a safetensors file.

    Raises:
        BrokenFile: its header is none.
    """
    from stridescope.readers.files.jsons import loads

    length = int.from_bytes(source.read(0, 8), "little")
    if length > LARGEST_HEADER:
        raise BrokenFile(f"its header would be {length:,} bytes, and at most {LARGEST_HEADER:,} are allowed")
    if 8 + length > source.size:
        raise BrokenFile(
            f"its header would be {length:,} bytes, and the file ends at byte {source.size:,}", source.size
        )
    data = source.read(8, length)
    header = loads(data, "its header")
    if type(header) is not dict:
        raise BrokenFile("its header is no JSON object")
    told = header.pop("__metadata__", None)
    start = 8 + length
    notes: list[str] = []
    broken = _check(header, source.size - start, notes)
    if data.count(b'"data_offsets"') > len(header):
        notes.append("a name is listed twice in its header; the last one counts")

    def place(stored: Stored) -> Blob | None:
        first = header[stored.id]["data_offsets"][0]
        nbytes = min(stored.nbytes, source.size - start - first)
        return Blob(source, start + first, nbytes) if nbytes >= 0 else None

    metadata = {key: value for key, value in told.items()} if type(told) is dict else {}  # noqa: C416 - a copy of its own
    contents = Contents(header, place, saved=_saved, info=_info)
    return Checkpoint("safetensors", path, contents, (), metadata, tuple(notes), broken)


def _check(header: dict[str, Any], nbytes: int, notes: list[str]) -> str | None:
    """Where the file ends too early, if it does; takes out what is no tensor, and notes gaps and overlaps."""
    places, odd = [], []
    sizes, whole = _SIZES, {int}
    for name, value in header.items():
        try:
            low, high = value["data_offsets"]
            shape = value["shape"]
            # Nothing is multiplied before it is known to be a number.
            if (
                {type(low), type(high), *map(type, shape)} <= whole
                and len(shape) <= MOST_DIMS
                and prod(shape) * sizes[value["dtype"]] == (high - low) * 8
                and low >= 0
                and not (shape and min(shape) < 0)
            ):
                places.append((low, high))
            else:
                odd.append(name)
        except (KeyError, TypeError, ValueError):  # noqa: PERF203 - costs nothing where nothing is raised
            odd.append(name)
    for name in odd:
        del header[name]
    if odd:
        notes.append(f"{len(odd):,} of its entries are no tensors that fit their bytes; the first is {odd[0]!r:.60}")
    places.sort()
    return _gaps(places, nbytes, notes)


def _gaps(places: list[tuple[int, int]], nbytes: int, notes: list[str]) -> str | None:
    taken = 0
    for low, high in places:
        if taken != low != high:
            what = "nothing lies" if low > taken else "two tensors lie"
            notes.append(f"{what} at byte {min(low, taken):,} to {max(low, taken):,} of its data, which is not allowed")
            break
        taken = max(taken, high)
    taken = max((high for _, high in places), default=0)
    if taken > nbytes:
        lost = sum(1 for _, high in places if high > nbytes)
        return f"the file ends early: {taken - nbytes:,} bytes of {lost:,} tensors are missing"
    if taken < nbytes and len(notes) == 0:
        notes.append(f"{nbytes - taken:,} bytes at its end belong to no tensor")
    return None


_SIZES = {**{word: 8 * ITEMSIZES[dtype] for word, dtype in _DTYPES.items()}, **_BITS}
"""Bits an item."""


def _info(name: str, value: Any) -> TensorInfo:
    low, high = value["data_offsets"]
    shape = tuple(value["shape"])
    dtype = _DTYPES.get(value["dtype"])
    if dtype is None:
        return _small(name, value, shape, high - low)
    return tensor_info(
        "safetensors",
        shape,
        contiguous_stride(shape),
        0,
        dtype,
        ITEMSIZES[dtype],
        None,
        None,
        storage_info(name, high - low),
        "strided",
        name,
        (),
        (),
        _WHY,
    )


def _small(name: str, value: Any, shape: tuple[int, ...], nbytes: int) -> TensorInfo:
    word, bits = value["dtype"], _BITS[value["dtype"]]
    sentence = f"an element is {bits} bits, no whole number of bytes"
    return tensor_info(
        "safetensors",
        shape,
        contiguous_stride(shape),
        0,
        word.lower(),
        None,
        None,
        None,
        storage_info(name, nbytes),
        "strided",
        name,
        (),
        (f"elements of {bits} bits, packed",),
        (*_WHY, ("itemsize", sentence)),
    )


def _saved(name: str, value: Any) -> Saved:
    low, high = value["data_offsets"]
    shape = tuple(value["shape"])
    dtype = _DTYPES.get(value["dtype"])
    storage = Stored(name, high - low, "", dtype or "uint8")
    if dtype is None:
        # Of elements that share bytes, the bytes are what is reached.
        return Saved(storage, 0, (high - low,), (1,), value["dtype"].lower(), 1, None, None)
    return Saved(storage, 0, shape, contiguous_stride(shape), dtype, ITEMSIZES[dtype], None, None)
