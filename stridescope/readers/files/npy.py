"""numpy's .npy and .npz, by their headers.

Problem: an .npy says its dtype and shape in a Python literal, and its strides by one flag. Method: the literal is read
by `literals`; the dtype, however nested, comes to a word, an item size and notes. An .npz is a zip of .npy entries, of
which only the first bytes are read, or inflated.

Cost: one short read an array. Source: `numpy/lib/format.py`; numpy's array interface for type strings.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.layout.base import contiguous_stride
from stridescope.readers.files.contents import Contents
from stridescope.readers.files.literals import literal
from stridescope.readers.files.saved import IN_A_FILE, Saved, Stored
from stridescope.readers.files.source import Blob, BrokenFile
from stridescope.readers.files.vocabulary import MOST_DIMS
from stridescope.readers.files.zips import inflated_stretches, locate
from stridescope.records import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stridescope.readers.files.source import Source
    from stridescope.readers.files.zips import Entry

__all__ = ["open_npy", "open_npz"]

LARGEST_HEADER = 1 << 20

_WHY = (("requires_grad", "only torch tensors take part in autograd"), *IN_A_FILE)
_KINDS = {"i": "int", "u": "uint", "f": "float", "c": "complex"}
_TIMES = {"M": "datetime64", "m": "timedelta64"}
_WIDE = {"U": 4, "S": 1, "V": 1}
"""Bytes a unit of the kinds whose width is given in units."""


class _Type(NamedTuple):
    """An element type: its word, bytes an item, "little" or "big", notes."""

    word: str
    itemsize: int
    order: str
    notes: tuple[str, ...] = ()


def open_npy(source: Source, path: str) -> Checkpoint:
    """The array of an .npy file, under the name "array".

    Raises:
        BrokenFile: its header is none.
    """
    head = source.read(0, min(source.size, 12))
    data = source.read(0, min(_header_end(head), source.size))
    saved, start, order, version = _array(data, "array")
    assert saved.storage is not None
    stored = saved.storage
    broken = None
    if start + stored.nbytes > source.size:
        broken = f"the file ends early: {start + stored.nbytes - source.size:,} bytes are missing"

    def place(_: Stored) -> Blob:
        return Blob(source, start, min(stored.nbytes, source.size - start))

    contents = Contents({"array": saved}, place, order=order)
    return Checkpoint("npy", path, contents, (), {"version": version}, (), broken)


def open_npz(source: Source, entries: Mapping[str, Entry], path: str) -> Checkpoint:
    """The arrays of an .npz file, under their names without ".npy"."""
    arrays: dict[str, Saved] = {}
    blobs: dict[str, tuple[Blob, int]] = {}
    notes: list[str] = []
    broken = None
    for name, entry in entries.items():
        if not name.endswith(".npy"):
            notes.append(f"the entry {name!r:.60} is no array")
            continue
        key = name.removesuffix(".npy")
        try:
            blob = locate(source, entry)
            head = _front(blob, min(12, blob.nbytes))
            saved, start, order, _ = _array(_front(blob, min(_header_end(head), blob.nbytes)), key)
        except BrokenFile as error:
            broken = broken or f"{name!r:.60}: {error}"
            continue
        assert saved.storage is not None
        if start + saved.storage.nbytes > blob.nbytes:
            saved.notes += ("its entry ends early",)
        arrays[key], blobs[key] = saved, (blob, start)
        saved.storage.where = b"", order

    def place(stored: Stored) -> Blob:
        blob, start = blobs[stored.id]
        nbytes = max(min(stored.nbytes, blob.nbytes - start), 0)
        if blob.packed:
            return blob._replace(within=start, nbytes=nbytes)
        return blob._replace(offset=blob.offset + start, nbytes=nbytes)

    return Checkpoint("npz", path, Contents(arrays, place), (), {}, tuple(notes[:8]), broken)


def _front(blob: Blob, nbytes: int) -> bytes:
    assert blob.source is not None
    if not blob.packed:
        return blob.source.read(blob.offset, nbytes)
    found = b"".join(inflated_stretches(blob, [(0, nbytes)]))
    if len(found) < nbytes:
        raise BrokenFile("it is damaged")
    return found


def _header_end(head: bytes) -> int:
    """Where the header of an .npy ends.

    Raises:
        BrokenFile: it is none.
    """
    if head[:6] != b"\x93NUMPY" or len(head) < 10:
        raise BrokenFile("it is no .npy")
    wide = head[6] >= 2
    length = int.from_bytes(head[8 : 12 if wide else 10], "little")
    if length > LARGEST_HEADER:
        raise BrokenFile(f"its header would be {length:,} bytes")
    return (12 if wide else 10) + length


def _array(data: bytes, name: str) -> tuple[Saved, int, str, str]:
    """(the array, where its elements start, its byte order, the format's version)."""
    end = _header_end(data[:12])
    if len(data) < end:
        raise BrokenFile(f"the file ends inside its header, at byte {len(data):,}", len(data))
    wide = data[6] >= 2
    header = literal(data[12 if wide else 10 : end].decode("utf-8" if data[6] >= 3 else "latin-1", "replace"))
    shape = header.get("shape") if type(header) is dict else None
    if type(shape) is not tuple or len(shape) > MOST_DIMS or not all(type(n) is int and 0 <= n < 2**63 for n in shape):
        raise BrokenFile("its header has no shape")
    of = _type(header.get("descr"))
    stride = contiguous_stride(shape)
    if header.get("fortran_order") is True:
        stride = contiguous_stride(shape[::-1])[::-1]
    storage = Stored(name, prod(shape) * of.itemsize, "cpu", of.word)
    saved = Saved(storage, 0, shape, stride, of.word, of.itemsize, "cpu", None)
    saved.type, saved.why, saved.notes = "numpy.ndarray", _WHY, of.notes
    if of.word == "object":
        # The elements are a pickle, of which nobody can say how long it is.
        saved.storage = Stored(name, max(len(data) - end, 0), "cpu", "object")
        saved.why += (("storage_offset", "the elements are pickled, one after another"),)
        saved.stride, saved.offset, saved.itemsize = None, None, None
    return saved, end, of.order, f"{data[6]}.{data[7]}"


def _type(described: Any, depth: int = 0) -> _Type:
    """What a type string, or the list of a record's fields, comes to.

    Raises:
        BrokenFile: it is none that numpy has.
    """
    if type(described) is list and depth < 16:
        fields, at = [], 0
        for field in described:
            if type(field) is not tuple or not 2 <= len(field) <= 3:
                raise BrokenFile("its dtype is none that numpy has")
            of = _type(field[1], depth + 1)
            inner = field[2] if len(field) > 2 else ()
            inner = (inner,) if type(inner) is int else inner
            if type(inner) is not tuple or not all(type(size) is int and size >= 0 for size in inner):
                raise BrokenFile("its dtype is none that numpy has")
            label = field[0][-1] if type(field[0]) is tuple and field[0] else field[0]
            fields.append(f"{str(label)[:60]} {of.word}{list(inner) if inner else ''} at byte {at}")
            at += of.itemsize * prod(inner)
        return _Type(f"void{8 * at}", at, "little", (f"a record of {', '.join(fields)[:2000]}",))
    if type(described) is not str or not 2 <= len(described) <= 40:
        raise BrokenFile("its dtype is none that numpy has")
    return _plain_type(described)


def _plain_type(described: str) -> _Type:
    order = "big" if described[0] == ">" else "little"
    body = described.lstrip("<>|=")
    kind, digits = body[:1], body[1:].partition("[")[0]
    if kind == "O":
        return _Type("object", 8, order, ("the elements are Python objects, pickled; they are not read",))
    if not digits.isdecimal():
        raise BrokenFile(f"its dtype is {described!r}, which numpy does not have")
    size = int(digits)
    notes: tuple[str, ...] = ()
    if order == "big" and size > 1:
        notes = ("big-endian: each element's bytes are in the order opposite to this machine's",)
    if kind in _WIDE:
        word = f"void{8 * size}" if kind == "V" else f"{kind}{size}"
        return _Type(word, size * _WIDE[kind], order, notes)
    if kind == "b":
        return _Type("bool", 1, order)
    if kind in _TIMES:
        return _Type(_TIMES[kind] + body[1 + len(digits) :], size, order, notes)
    if kind not in _KINDS or size not in (1, 2, 4, 8, 12, 16, 24, 32):
        raise BrokenFile(f"its dtype is {described!r}, which numpy does not have")
    return _Type(f"{_KINDS[kind]}{8 * size}", size, order, notes)
