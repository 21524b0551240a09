"""torch's format before 1.6, and any bare pickle: pickles one after another, then the bytes of the storages.

Problem: nothing says where a pickle ends but its last instruction, and gigabytes may follow. Method: the front of the
file is read, four times as much when a pickle turns out to go on. In torch's format there are five: a magic number, a
version, the machine, the value, and the keys of its storages in order; then for each key its length and its bytes.

A pickle without the magic number is read as what it is; its tensors, if any, are those that it holds inside.

Cost: linear in the pickles. Source: `_legacy_save` and `_legacy_load` in `torch/serialization.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stridescope.errors import UnreadableError
from stridescope.readers.files.pickles import PickleReader
from stridescope.readers.files.rebuild import TorchObjects
from stridescope.readers.files.source import Blob, BrokenFile
from stridescope.readers.files.torch_zip import LARGEST_PICKLE, pickled_checkpoint
from stridescope.readers.files.vocabulary import ITEMSIZES

if TYPE_CHECKING:
    from stridescope.readers.files.saved import Stored
    from stridescope.readers.files.source import Source
    from stridescope.records import Checkpoint

__all__ = ["MAGIC", "open_torch_legacy"]

MAGIC = 0x1950A86A20F9469CFC6C
FIRST = 1 << 18


def open_torch_legacy(source: Source, path: str) -> Checkpoint:
    """The tensors of a file of torch's old format, or of a bare pickle.

    Raises:
        UnreadableError: it is no pickle.
    """
    length = FIRST
    while True:
        length = min(length, source.size, LARGEST_PICKLE)
        whole = length == source.size
        front = _Front(source.read(0, length))
        if front.error is None or whole or length == LARGEST_PICKLE or (front.error.at or 0) < length:
            break
        length *= 4
    if front.root is None and front.error is not None:
        raise UnreadableError(f"{path!r} is no checkpoint that is known here, and no pickle: {front.error}")
    objects = front.objects
    broken = None if front.error is None else str(front.error)
    places: dict[str, int] = {}
    notes: list[str] = []
    if not front.is_torch:
        notes.append("a pickle that torch.save did not write")
    elif broken is None:
        places, broken = _places(source, front.position, front.keys, objects)

    def place(stored: Stored) -> Blob | None:
        if stored.where is not None:
            return Blob(None, 0, len(stored.where[0]), inside=stored.where[0])
        at = places.get(stored.id)
        return None if at is None else Blob(source, at, min(stored.nbytes, source.size - at))

    order = "little" if front.info.get("little_endian", True) is not False else "big"
    told = front.info.items()
    metadata = {name: value for name, value in told if type(name) is str and _is_short(value)}
    return pickled_checkpoint(
        "torch legacy" if front.is_torch else "pickle",
        path,
        front.root,
        [front.reader],
        objects,
        place,
        order,
        metadata,
        notes,
        broken,
        source,
    )


def _is_short(value: Any) -> bool:
    return type(value) in (bool, str) or (type(value) is int and value.bit_length() < 64)


class _Front:
    """The pickles at the front of a file, as far as they can be read from these bytes."""

    def __init__(self, data: bytes) -> None:
        self.objects = TorchObjects()
        self.root: Any = None
        self.keys: list[Any] = []
        self.info: dict[Any, Any] = {}
        self.error: BrokenFile | None = None
        self.position = 0
        self.is_torch = False
        self.reader = PickleReader(data, self.objects.known, self.objects.persistent)
        try:
            self.read()
        except BrokenFile as error:
            self.error = error

    def read(self) -> None:
        first = self.value(0)
        if first != MAGIC:
            self.root = first
            return
        self.is_torch = True
        version = self.value(self.position)
        if version != 1001:
            raise BrokenFile(f"its version is {version!r:.40}, and 1001 is the only one there is", 0)
        info = self.value(self.position)
        self.info = info if type(info) is dict else {}
        self.root = self.value(self.position)
        keys = self.fresh(self.position)
        self.keys = keys if type(keys) is list else []

    def value(self, position: int) -> Any:
        """The value of the pickle at a position; where it breaks, what there is of it is the root."""
        try:
            value = self.reader.load(position)
        except BrokenFile:
            self.root = self.reader.salvage()
            raise
        self.position = self.reader.position
        return value

    def fresh(self, position: int) -> Any:
        """The value of a pickle that adds nothing to what is told of the file's value."""
        reader = PickleReader(self.reader.data, {}, self.objects.persistent)
        value = reader.load(position)
        self.position = reader.position
        return value


def _places(source: Source, position: int, keys: list[Any], objects: TorchObjects) -> tuple[dict[str, int], str | None]:
    """(where the bytes of each storage start, where the file breaks)."""
    places: dict[str, int] = {}
    with source.opened() as file:
        for number, key in enumerate(keys):
            stored = objects.stored.get(key) if type(key) is str else None
            if stored is None:
                return places, f"the storage {key!r:.40} is not one of those that tensors lie in"
            if position + 8 > source.size:
                return places, _ends(source, len(keys) - number, len(keys))
            numel = int.from_bytes(source.read(position, 8, file), "little")
            if numel * ITEMSIZES[stored.dtype] != stored.nbytes:
                return places, (
                    f"the storage {key!r:.40} has {numel:,} elements at byte {position:,}, and {stored.nbytes:,} bytes "
                    "by the pickle"
                )
            position += 8
            if position + stored.nbytes > source.size:
                places[key] = position
                return places, _ends(source, len(keys) - number, len(keys))
            places[key] = position
            position += stored.nbytes
    return places, None


def _ends(source: Source, lost: int, total: int) -> str:
    return f"the file ends early, at byte {source.size:,}: the bytes of {lost:,} of {total:,} storages are missing"
