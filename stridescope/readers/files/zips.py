"""Where the entries of a zip archive lie, by its central directory alone.

Problem: an archive of 100,000 entries is to be listed in a fraction of a second, and may be made to deceive: two
entries under one name, entries that overlap, sizes that go past the end, a few bytes that inflate to gigabytes. Method:
the directory is read in one piece and walked once; what does not fit together is refused. Local headers, which repeat
the directory, are read for the entries that are asked for. Only stored and deflated entries are read; torch stores.

An archive whose end is missing has no directory; `recovered` then walks the local headers from the front.

Cost: about 1 us an entry. Source: APPNOTE.TXT 6.3.9 of PKWARE, 4.3.7 to 4.3.16 and 4.5.3 (zip64).
"""

from __future__ import annotations

from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from stridescope.readers.files.source import Blob, BrokenFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stridescope.readers.files.source import Source

__all__ = ["Entry", "inflated", "inflated_stretches", "local_entry", "locate", "read_entry", "zip_entries"]

STORED, DEFLATED = 0, 8

LARGEST_DIRECTORY = 512 << 20
"""Bytes of a central directory: four million entries."""

LEAST_INFLATED = 8 << 20
TIMES_INFLATED = 4
"""A compressed entry that is read whole may be so many bytes, and so many times its size in the file, more."""

_END, _END_SIZE = Struct("<IHHHHIIH"), 22
_LOCATOR = Struct("<IIQI")
_END64 = Struct("<IQHHIIQQQQ")
# Versions, times, checksums and attributes are skipped.
_DIRECTORY = Struct("<I4xHH8xIIHHH8xI")
_LOCAL = Struct("<IHHHHHIIIHH")
_IS_END, _IS_LOCATOR, _IS_END64, _IS_DIRECTORY, _IS_LOCAL = 0x06054B50, 0x07064B50, 0x06064B50, 0x02014B50, 0x04034B50


class Entry(NamedTuple):
    """One entry as the directory has it; sizes and offsets in bytes.

    Attributes:
        header: where its local header starts.
        packed_nbytes, nbytes: as it lies in the file, and unpacked.
        method: 0 stored, 8 deflated.
        encrypted: whether it is.
    """

    name: str
    header: int
    packed_nbytes: int
    nbytes: int
    method: int
    encrypted: bool


def zip_entries(source: Source) -> dict[str, Entry]:
    """The entries by name, in the order of the directory.

    Raises:
        BrokenFile: the directory is missing, or does not fit the file or itself.
    """
    start, nbytes, count, shift = _directory_place(source)
    if nbytes > LARGEST_DIRECTORY:
        raise BrokenFile(f"its directory would be {nbytes:,} bytes")
    data = source.read(start, nbytes)
    entries: dict[str, Entry] = {}
    position, size, unpack, new = 0, _DIRECTORY.size, _DIRECTORY.unpack_from, tuple.__new__
    while position + size <= nbytes:
        signature, flags, method, packed, unpacked, name_length, extra_length, comment_length, header = unpack(
            data, position
        )
        if signature != _IS_DIRECTORY:
            break
        position += size
        end = position + name_length
        name = _text(data[position:end])
        position = end + extra_length + comment_length
        if 0xFFFFFFFF in (packed, unpacked, header):
            packed, unpacked, header = _wide(data[end : end + extra_length], packed, unpacked, header)
        if name in entries:
            raise BrokenFile(f"two entries of the archive are called {name!r:.200}")
        # A NamedTuple's own constructor takes twice as long as all of this.
        entries[name] = new(Entry, (name, header + shift, packed, unpacked, method, flags & 1 == 1))
    if len(entries) != count or position > nbytes:
        raise BrokenFile(f"its directory is to list {count:,} entries and lists {len(entries):,}", start + position)
    _check_places(entries, start)
    return entries


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _directory_place(source: Source) -> tuple[int, int, int, int]:
    """(start, bytes, entries of the directory, what is to be added to its offsets)."""
    tail_nbytes = min(source.size, _END_SIZE + 0xFFFF)
    tail_start = source.size - tail_nbytes
    # Nearly always there is no comment after the end record, so that the file's last bytes are it.
    tail = source.read(source.size - min(source.size, 256), min(source.size, 256))
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END_SIZE > len(tail):
        tail = source.read(tail_start, tail_nbytes)
        at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END_SIZE > len(tail):
        raise BrokenFile(
            f"the archive's directory is missing: the file ends early, at byte {source.size:,}", source.size
        )
    end = source.size - len(tail) + at
    _, disk, _, _, count, nbytes, start, _ = _END.unpack_from(tail, at)
    if disk not in (0, 0xFFFF):
        raise BrokenFile("the archive is split over several files")
    before = end
    if end >= _LOCATOR.size:
        # torch writes the wide record always, and the numbers of the narrow one too where they fit.
        signature, _, end64, _ = _LOCATOR.unpack(source.read(end - _LOCATOR.size, _LOCATOR.size))
        if signature == _IS_LOCATOR:
            signature, *_, count, nbytes, start = _END64.unpack(source.read(end64, _END64.size))
            if signature != _IS_END64:
                raise BrokenFile(f"the archive's end record is damaged, at byte {end64:,}", end64)
            before = end64
    shift = before - nbytes - start
    if nbytes > before or shift < 0:
        raise BrokenFile(f"the archive's directory does not fit before its end, at byte {end:,}", end)
    return start + shift, nbytes, count, shift


def _wide(extra: bytes, packed: int, unpacked: int, header: int) -> tuple[int, int, int]:
    """Sizes and offset with those that did not fit into 4 bytes taken from the zip64 field."""
    position = 0
    while position + 4 <= len(extra):
        kind = int.from_bytes(extra[position : position + 2], "little")
        length = int.from_bytes(extra[position + 2 : position + 4], "little")
        if kind == 1:
            numbers = [
                int.from_bytes(extra[at : at + 8], "little")
                for at in range(position + 4, min(position + 4 + length, len(extra)) - 7, 8)
            ]
            fields = [unpacked, packed, header]
            for place, value in enumerate(fields):
                if value == 0xFFFFFFFF and numbers:
                    fields[place] = numbers.pop(0)
            unpacked, packed, header = fields
            break
        position += 4 + length
    return packed, unpacked, header


def _check_places(entries: dict[str, Entry], end: int) -> None:
    """Entries must lie one after another before the directory."""
    taken, last, least = 0, "", _LOCAL.size
    for name, header, packed, unpacked, method, _ in sorted(entries.values(), key=itemgetter(1)):
        if header < taken:
            raise BrokenFile(f"the entries {last!r:.80} and {name!r:.80} overlap, at byte {header:,}")
        # The local header has the name too, and torch pads after it.
        taken, last = header + least + packed, name
        if taken > end:
            raise BrokenFile(f"the entry {name!r:.80} goes past the end of the archive's data", header)
        if method == STORED and packed != unpacked:
            raise BrokenFile(f"the entry {name!r:.80} is not compressed, and quotes two sizes")


def locate(source: Source, entry: Entry) -> Blob:
    """Where the bytes of an entry lie, by its local header.

    Raises:
        BrokenFile: the local header is none, or of another entry, or the entry cannot be read.
    """
    if entry.encrypted:
        raise BrokenFile(f"the entry {entry.name!r:.80} is encrypted")
    if entry.method not in (STORED, DEFLATED):
        raise BrokenFile(f"the entry {entry.name!r:.80} is compressed in a way that is not read here ({entry.method})")
    expected = entry.name.encode()
    head = source.read(entry.header, _LOCAL.size + len(expected))
    fields = _LOCAL.unpack_from(head)
    same = fields[9] == len(expected) and head[_LOCAL.size :] == expected
    if fields[0] != _IS_LOCAL or not (same or not entry.name.isascii()):
        raise BrokenFile(f"the entry {entry.name!r:.80} is not where the directory says", entry.header)
    start = entry.header + _LOCAL.size + fields[9] + fields[10]
    if start + entry.packed_nbytes > source.size:
        raise BrokenFile(f"the entry {entry.name!r:.80} goes past the file's end", source.size)
    if entry.method == STORED:
        return Blob(source, start, entry.nbytes)
    return Blob(source, start, entry.nbytes, "deflate", entry.packed_nbytes)


def read_entry(source: Source, entry: Entry, most: int) -> bytes:
    """An entry, whole.

    Raises:
        BrokenFile: it is larger than `most` bytes, or inflates to more than it may.
    """
    if entry.nbytes > most:
        raise BrokenFile(f"the entry {entry.name!r:.80} would be {entry.nbytes:,} bytes")
    blob = locate(source, entry)
    if not blob.packed:
        return source.read(blob.offset, blob.nbytes)
    return inflated(blob, entry.name)


def inflated(blob: Blob, name: str) -> bytes:
    """A deflated entry, whole.

    Raises:
        BrokenFile: it is damaged, or would be far larger than it is in the file.
    """
    import zlib

    assert blob.source is not None
    most = LEAST_INFLATED + TIMES_INFLATED * blob.packed_nbytes
    if blob.nbytes > most:
        raise BrokenFile(f"the entry {name!r:.80} inflates from {blob.packed_nbytes:,} to {blob.nbytes:,} bytes")
    try:
        data = zlib.decompressobj(-15).decompress(
            blob.source.read(blob.offset, min(blob.packed_nbytes, most)), blob.nbytes + 1
        )
    except zlib.error:
        raise BrokenFile(f"the entry {name!r:.80} is damaged", blob.offset) from None
    if len(data) != blob.nbytes:
        raise BrokenFile(f"the entry {name!r:.80} is not of the size that the directory says", blob.offset)
    return data


CHUNK = 1 << 18


def inflated_stretches(blob: Blob, stretches: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes of ascending stretches [low, high) of a deflated entry, which is inflated up to the last of them."""
    import zlib

    assert blob.source is not None
    machine = zlib.decompressobj(-15)
    window, first, taken = b"", 0, 0
    with blob.source.opened() as file:
        for low, high in stretches:
            while first + len(window) < high and not machine.eof:
                if machine.unconsumed_tail:
                    packed = machine.unconsumed_tail
                else:
                    length = min(CHUNK, blob.packed_nbytes - taken)
                    if length <= 0:
                        return
                    packed = blob.source.read(blob.offset + taken, length, file)
                    taken += length
                dropped = min(max(low - first, 0), len(window))
                first, window = first + dropped, window[dropped:]
                try:
                    window += machine.decompress(packed, CHUNK)
                except zlib.error:
                    return
            if first + len(window) < high:
                return
            yield window[max(low - first, 0) : high - first]


def local_entry(source: Source, position: int) -> tuple[str, int, int] | None:
    """(name, where its data starts, bytes it says it has) of the local header at a position; None for no header."""
    if position + _LOCAL.size > source.size:
        return None
    fields = _LOCAL.unpack(source.read(position, _LOCAL.size))
    start = position + _LOCAL.size + fields[9] + fields[10]
    if fields[0] != _IS_LOCAL or start > source.size:
        return None
    name = source.read(position + _LOCAL.size, fields[9])
    return name.decode("utf-8", "replace"), start, fields[7] if fields[3] == STORED else 0
