"""GGUF, by its header.

Problem: the header is a list of keys with values, then of tensors, each of a type that may pack a block of elements
into bytes together. Method: it is read front to back, from pieces of the file; a table gives each type's block and its
bytes. Sizes are written fastest dim first, and given here in torch's order. A type that packs blocks has no bytes an
element, hence no strides: what is known is its shape and its bytes.

Cost: linear in the header. Source: `docs/gguf.md` and `ggml/include/ggml.h` of ggml.
"""

from __future__ import annotations

from math import prod
from struct import Struct
from typing import TYPE_CHECKING, Any

from stridescope.readers.files.contents import Contents
from stridescope.readers.files.saved import IN_A_FILE, Saved, Stored, contiguous
from stridescope.readers.files.source import Blob, BrokenFile
from stridescope.readers.files.vocabulary import ITEMSIZES
from stridescope.records import Checkpoint

if TYPE_CHECKING:
    from io import FileIO

    from stridescope.readers.files.source import Source

__all__ = ["BLOCKS", "PLAIN", "open_gguf"]

PLAIN = {
    0: "float32",
    1: "float16",
    24: "int8",
    25: "int16",
    26: "int32",
    27: "int64",
    28: "float64",
    30: "bfloat16",
}
"""Types of one element each -> dtype."""

BLOCKS = {
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    29: ("IQ1_M", 256, 56),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
}
"""Types that pack blocks -> (name, elements a block, bytes a block)."""

_WHY = (("requires_grad", "gguf does not keep it"), ("device", "gguf does not keep it"), *IN_A_FILE)
_SCALARS = {
    0: Struct("B"),
    1: Struct("b"),
    2: Struct("<H"),
    3: Struct("<h"),
    4: Struct("<I"),
    5: Struct("<i"),
    6: Struct("<f"),
    7: Struct("?"),
    10: Struct("<Q"),
    11: Struct("<q"),
    12: Struct("<d"),
}
_TEXT, _LIST = 8, 9

MOST_DIMS = 8
LARGEST_HEADER = 256 << 20
PIECE = 1 << 18
SHOWN = 64
"""Items of a list in the metadata that are kept; the others are counted."""


class _Header:
    """A header that is read piece by piece."""

    def __init__(self, source: Source, file: FileIO) -> None:
        self.source = source
        self.file = file
        self.piece = b""
        self.first = 0
        self.at = 0

    def take(self, nbytes: int) -> bytes:
        """The next bytes."""
        start = self.at - self.first
        if nbytes > LARGEST_HEADER or self.at > LARGEST_HEADER:
            raise BrokenFile(f"its header goes on past byte {LARGEST_HEADER:,}", self.at)
        if start + nbytes > len(self.piece):
            length = max(nbytes, min(PIECE, self.source.size - self.at))
            self.piece, self.first, start = self.source.read(self.at, length, self.file), self.at, 0
        self.at += nbytes
        return self.piece[start : start + nbytes]

    def number(self, kind: int) -> Any:
        """A number of a kind of the format."""
        form = _SCALARS[kind]
        return form.unpack(self.take(form.size))[0]

    def text(self) -> str:
        """A text, its length before it."""
        return self.take(self.number(10)).decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> Any:
        """A value of the metadata."""
        if kind == _TEXT:
            return self.text()
        if kind in _SCALARS:
            return self.number(kind)
        if kind != _LIST or depth > 4:
            raise BrokenFile(f"there is no value at byte {self.at:,}", self.at)
        inner, count = self.number(4), self.number(10)
        if inner in _SCALARS:
            size = _SCALARS[inner].size
            shown = [self.number(inner) for _ in range(min(count, SHOWN))]
            self.skip((count - len(shown)) * size)
        else:
            shown = []
            for number in range(min(count, self.source.size)):
                value = self.value(inner, depth + 1)
                if number < SHOWN:
                    shown.append(value)
        return shown if count <= SHOWN else [*shown, f"and {count - SHOWN:,} more"]

    def skip(self, nbytes: int) -> None:
        """Go on without reading."""
        if self.at + nbytes > self.source.size:
            raise BrokenFile(f"the file ends early, at byte {self.source.size:,}", self.source.size)
        self.at += nbytes
        if self.at > self.first + len(self.piece):
            self.piece, self.first = b"", self.at


def open_gguf(source: Source, path: str) -> Checkpoint:
    """The tensors of a GGUF file.

    Raises:
        BrokenFile: its header is none.
    """
    with source.opened() as file:
        header = _Header(source, file)
        header.take(4)
        version = header.number(4)
        if version not in (2, 3):
            raise BrokenFile(f"its version is {version:,}; 2 and 3 (little-endian) are read here")
        metadata: dict[str, Any] = {"version": version}
        described: list[tuple[str, tuple[int, ...], int, int]] = []
        broken = None
        try:
            count, keys = header.number(10), header.number(10)
            for _ in range(min(keys, source.size)):
                key = header.text()
                metadata[key] = header.value(header.number(4))
            # One by one: what was read stays, where the next one breaks.
            for _ in range(min(count, source.size)):
                described.append(_described(header))  # noqa: PERF401
        except BrokenFile as error:
            broken = str(error)
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or not 0 < alignment <= 1 << 20:
        alignment = 32
    start = -(-header.at // alignment) * alignment
    notes: list[str] = []
    tensors: dict[str, Saved] = {}
    places: dict[str, int] = {}
    for name, shape, kind, offset in described:
        saved = _tensor(name, shape, kind)
        if saved is None or name in tensors:
            notes.append(f"{name!r:.60} is of type {kind}, or of a size, that is not known here")
            continue
        assert saved.storage is not None
        tensors[name], places[name] = saved, start + offset
        if broken is None and start + offset + saved.storage.nbytes > source.size:
            broken = f"the file ends early, at byte {source.size:,}, before the end of {name!r:.60}"

    def place(stored: Stored) -> Blob | None:
        at = places[stored.id]
        return Blob(source, at, min(stored.nbytes, source.size - at)) if at <= source.size else None

    contents = Contents(tensors, place)
    return Checkpoint("gguf", path, contents, (), metadata, tuple(notes[:8]), broken)


def _described(header: _Header) -> tuple[str, tuple[int, ...], int, int]:
    name = header.text()
    ndim = header.number(4)
    if ndim > MOST_DIMS:
        raise BrokenFile(f"a tensor of {ndim:,} dims at byte {header.at:,}", header.at)
    sizes = tuple(header.number(10) for _ in range(ndim))
    return name, sizes[::-1], header.number(4), header.number(10)


def _tensor(name: str, shape: tuple[int, ...], kind: int) -> Saved | None:
    numel = prod(shape)
    if numel >= 2**63:
        return None
    dtype = PLAIN.get(kind)
    if dtype is not None:
        itemsize = ITEMSIZES[dtype]
        return contiguous(Stored(name, numel * itemsize, "", dtype), shape, dtype, itemsize, "gguf", _WHY)
    if kind not in BLOCKS:
        return None
    word, block, nbytes = BLOCKS[kind]
    storage = Stored(name, -(-numel // block) * nbytes, "", word)
    saved = Saved(storage, None, shape, None, word, None, None, None)
    sentence = f"{word} packs {block} elements into {nbytes} bytes: no element has bytes of its own"
    saved.type, saved.notes = "gguf", (f"blocks of {block} elements in {nbytes} bytes",)
    saved.why = (*((field, sentence) for field in ("itemsize", "stride", "storage_offset")), *_WHY)
    return saved
