"""torch's oldest format: a tar of three members.

Problem: a tensor is spread over three members: `storages` has the bytes, `tensors` each tensor's sizes, strides and
offset, `pickle` the value, which names tensors by number. Method: the tar's headers are walked (each moves forward by
at least one block, so a tar ends where the file does), and each member read as what it is.

Cost: linear in the tensors. Source: `legacy_load` in `torch/serialization.py`; POSIX.1-1988 for ustar headers.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from stridescope.errors import UnreadableError
from stridescope.readers.files.inert import Global, Made, Malformed
from stridescope.readers.files.pickles import PickleReader
from stridescope.readers.files.rebuild import TorchObjects
from stridescope.readers.files.saved import Saved, Stored
from stridescope.readers.files.source import Blob, BrokenFile
from stridescope.readers.files.torch_zip import LARGEST_PICKLE, pickled_checkpoint
from stridescope.readers.files.vocabulary import ITEMSIZES, MOST_DIMS

if TYPE_CHECKING:
    from stridescope.readers.files.source import Source
    from stridescope.records import Checkpoint

__all__ = ["open_torch_tar"]

BLOCK = 512
MEMBERS = 10_000
FIRST = 1 << 12
"""Bytes that a small pickle between the bytes of storages is first looked for in."""

_COUNT, _NDIM = Struct("<q"), Struct("<i")


def open_torch_tar(source: Source, path: str) -> Checkpoint:
    """The tensors of a tar that torch 0.1 wrote.

    Raises:
        UnreadableError: it is a tar of something else.
        BrokenFile: it ends before its pickle.
    """
    members = _members(source)
    lacking = [name for name in ("storages", "tensors", "pickle") if name not in members]
    if lacking:
        raise UnreadableError(f"{path!r} is a tar archive that is no checkpoint of torch: it has no {lacking[0]!r}")
    return _Tar(source, members).checkpoint(path)


def _members(source: Source) -> dict[str, tuple[int, int]]:
    """Name -> (where its data starts, bytes)."""
    members: dict[str, tuple[int, int]] = {}
    position = 0
    with source.opened() as file:
        while position + BLOCK <= source.size and len(members) < MEMBERS:
            block = source.read(position, BLOCK, file)
            if not any(block):
                break
            size = block[124:136].split(b"\0")[0].strip()
            if not size.isdigit() or any(digit not in b"01234567" for digit in size):
                raise BrokenFile(f"the tar's header at byte {position:,} has no size", position)
            name = block[:100].split(b"\0")[0].decode("utf-8", "replace").removeprefix("./")
            nbytes = int(size, 8)
            members.setdefault(name, (position + BLOCK, nbytes))
            position += BLOCK + -(-nbytes // BLOCK) * BLOCK
    return members


class _Tar:
    """The members of one file, read in turn."""

    def __init__(self, source: Source, members: dict[str, tuple[int, int]]) -> None:
        self.source = source
        self.members = members
        self.objects = TorchObjects()
        self.storages: dict[Any, Stored] = {}
        self.tensors: dict[Any, Saved] = {}
        self.places: dict[str, int] = {}
        self.broken: str | None = None

    def checkpoint(self, path: str) -> Checkpoint:
        for read in (self.read_storages, self.read_tensors):
            try:
                read()
            except (BrokenFile, Malformed, KeyError, ValueError, TypeError) as error:  # noqa: PERF203 - two of them
                what = str(error) if isinstance(error, BrokenFile) else "it holds something else than it is to"
                self.broken = self.broken or f"{read.__name__.removeprefix('read_')}: {what}"
        start, nbytes = self.members["pickle"]
        data = self.source.read(start, min(nbytes, self.source.size - start, LARGEST_PICKLE))
        reader = PickleReader(data, self.objects.known, self.persistent, start)
        try:
            root = reader.load()
        except BrokenFile as error:
            self.broken = self.broken or f"pickle: {error}"
            root = reader.salvage()
        return pickled_checkpoint(
            "torch tar", path, root, [reader], self.objects, self.place, "little", {}, [], self.broken, self.source
        )

    def persistent(self, saved_id: Any) -> Any:
        if type(saved_id) is tuple and saved_id:
            return saved_id[0]
        number = int(saved_id) if type(saved_id) in (int, str) and len(str(saved_id)[:30]) < 30 else None
        found = self.tensors.get(number)
        return Made("a persistent id", (saved_id,)) if found is None else found

    def place(self, stored: Stored) -> Blob | None:
        at = self.places.get(stored.root.id)
        return None if at is None else Blob(self.source, at, min(stored.root.nbytes, self.source.size - at))

    # Members -----------------------------------------------------------------------------------

    def pickle_at(self, position: int, end: int) -> tuple[Any, int]:
        """(the value of a pickle at a position, the byte after it)."""
        length = FIRST
        while True:
            length = min(length, end - position)
            reader = PickleReader(self.source.read(position, length), self.objects.known, lambda found: found, position)
            try:
                return reader.load(), position + reader.position
            except BrokenFile:
                if length == end - position or length > LARGEST_PICKLE:
                    raise
            length *= 8

    def read_storages(self) -> None:
        """A count, then (key, location, class) and the bytes of each; then the stretches that are storages too."""
        position, nbytes = self.members["storages"]
        end = min(position + nbytes, self.source.size)
        count, position = self.pickle_at(position, end)
        for _ in range(_some(count, end - position)):
            (key, location, of), position = self.pickle_at(position, end)
            dtype = self.objects.dtype_of_storage(of)
            (numel,) = _COUNT.unpack(self.source.read(position, 8))
            position += 8
            if dtype is None or type(key) not in (int, str) or numel < 0 or type(location) is not str:
                raise BrokenFile(f"there is no storage at byte {position:,}", position)
            stored = self.storages[key] = self.objects.keep(str(key), numel * ITEMSIZES[dtype], location[:80], dtype)
            self.places[stored.id] = position
            position += stored.nbytes
            if position > end:
                raise BrokenFile(f"the file ends early, at byte {end:,}", end)
        views, position = self.pickle_at(position, end)
        for target, root_key, offset, numel in views if type(views) is list else ():
            root = self.storages[root_key]
            size = ITEMSIZES[root.dtype]
            view = Stored(str(target), int(numel) * size, root.device, root.dtype, root.root)
            view.first = int(offset) * size
            self.storages[target] = view

    def read_tensors(self) -> None:
        """A count, then (key, storage, class) of each, and its sizes, strides and offset in 8 bytes each."""
        position, nbytes = self.members["tensors"]
        end = min(position + nbytes, self.source.size)
        count, position = self.pickle_at(position, end)
        for _ in range(_some(count, end - position)):
            (key, storage_key, of), position = self.pickle_at(position, end)
            (ndim,) = _NDIM.unpack(self.source.read(position, 4))
            if not 0 <= ndim <= MOST_DIMS or type(of) is not Global:
                raise BrokenFile(f"a tensor of {ndim:,} dims at byte {position:,}", position)
            raw = self.source.read(position + 8, 8 * (2 * ndim + 1))
            numbers = Struct(f"<{2 * ndim + 1}q").unpack(raw)
            position += 8 + len(raw)
            saved = self.objects.tensor((self.storages[storage_key], numbers[-1], numbers[:ndim], numbers[ndim:-1]))
            self.tensors[key] = saved


def _some(count: Any, nbytes: int) -> int:
    """A count that is no more than the bytes that are left can hold."""
    if type(count) is not int or count < 0:
        raise BrokenFile("there is no count where one belongs")
    return min(count, nbytes)
