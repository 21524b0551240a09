"""A directory of torch.distributed.checkpoint.

Problem: each rank writes files of its own, in which small torch archives follow each other, one for each piece of a
tensor; `.metadata` is a pickle of dataclasses that says which piece is where. Method: that pickle goes through our own
reader; a piece is an archive in a window of its file, opened when it is asked for. A tensor saved in one piece is that
piece; one in several has the pieces as its parts, and no strides of its own.

Cost: linear in `.metadata`; an archive's directory for each piece that is asked for.
Source: `torch/distributed/checkpoint/metadata.py` and `filesystem.py`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import StridescopeError, UnreadableError
from stridescope.readers.files.inert import Global, Key, Made
from stridescope.readers.files.pickles import PickleReader
from stridescope.readers.files.rebuild import TorchObjects
from stridescope.readers.files.source import BrokenFile, Source
from stridescope.readers.files.vocabulary import ITEMSIZES, MOST_DIMS
from stridescope.records import Checkpoint, Leaf, Placeholder, StorageInfo, StoredBytes, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stridescope.records import ReadValues

__all__ = ["open_distributed"]

LARGEST_METADATA = 1 << 30
_OURS = "torch.distributed.checkpoint."
_NAMES = (
    *(f"metadata.{name}" for name in ("Metadata", "TensorStorageMetadata", "BytesStorageMetadata", "TensorProperties")),
    *(f"metadata.{name}" for name in ("ChunkStorageMetadata", "MetadataIndex", "_MEM_FORMAT_ENCODING", "StorageMeta")),
    "filesystem._StorageInfo",
)
_PLAIN = ("pathlib.PosixPath", "pathlib._local.PosixPath", "pathlib.WindowsPath", "pathlib._local.WindowsPath")


class _Piece(NamedTuple):
    """One piece of a tensor: where it is in the tensor, and in which file at which byte."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: str
    start: int
    nbytes: int

    @property
    def label(self) -> str:
        """The piece as a slice of the whole."""
        return f"[{', '.join(f'{at}:{at + size}' for at, size in zip(self.offsets, self.sizes, strict=True))}]"


class _Whole(NamedTuple):
    """One tensor as the metadata has it."""

    shape: tuple[int, ...]
    dtype: str
    pieces: tuple[_Piece, ...]


def open_distributed(path: str) -> Checkpoint:
    """The tensors of a distributed checkpoint.

    Raises:
        UnreadableError: its `.metadata` is none.
    """
    file = os.path.join(path, ".metadata")  # noqa: PTH118 - pathlib is loaded nowhere on this way
    source = Source(file)
    objects = TorchObjects()
    known = {**objects.known, **dict.fromkeys([_OURS + name for name in _NAMES] + list(_PLAIN))}
    reader = PickleReader(source.read(0, min(source.size, LARGEST_METADATA)), known, objects.persistent)
    broken = None
    try:
        root = reader.load()
    except BrokenFile as error:
        broken = f".metadata: {error}"
        root = reader.salvage()
    described = _field(root, "state_dict_metadata")
    if type(described) is not dict:
        raise UnreadableError(
            f"{file!r} is no metadata of a distributed checkpoint{'' if not broken else ': ' + broken}"
        )
    places = _places(_field(root, "storage_data"))
    notes: list[str] = []
    wholes: dict[str, _Whole] = {}
    others: dict[str, Any] = {}
    for name, value in described.items():
        if type(name) is not str:
            continue
        try:
            whole = _whole(name, value, places)
        except (KeyError, TypeError, ValueError, AttributeError):
            notes.append(f"{name!r:.60} is described in no way that is known")
            continue
        if whole is None:
            others[name] = Placeholder("torch.save of some value")
        else:
            wholes[name] = whole
    missing = sorted(
        {piece.file for whole in wholes.values() for piece in whole.pieces if not _is_there(path, piece.file)}
    )
    if missing:
        broken = broken or f"{len(missing):,} of its files are missing or too short, {missing[0]!r:.60} first"
    contents = _Pieces(path, wholes, others)
    return Checkpoint(
        "distributed checkpoint", path, contents, tuple(reader.calls), {}, (*notes[:8], *reader.troubles), broken
    )


def _is_there(path: str, file: str) -> bool:
    return os.path.isfile(os.path.join(path, file))  # noqa: PTH113, PTH118


def _field(value: Any, name: str) -> Any:
    """A field of a dataclass that was pickled."""
    state = value.state if type(value) is Made else None
    return state.get(name) if type(state) is dict else None


def _places(listed: Any) -> dict[tuple[str, tuple[int, ...] | None], tuple[str, int, int]]:
    """(name, offsets) -> (file, first byte, bytes) of each piece."""
    found: dict[tuple[str, tuple[int, ...] | None], tuple[str, int, int]] = {}
    for key, info in listed.items() if type(listed) is dict else ():
        index = key.value if type(key) is Key else key
        name, offsets = _field(index, "fqn"), _field(index, "offset")
        file, start, nbytes = (_field(info, field) for field in ("relative_path", "offset", "length"))
        if type(name) is str and type(file) is str and type(start) is int and type(nbytes) is int:
            found[name, _numbers(offsets) if type(offsets) is tuple else None] = file, start, nbytes
    return found


def _numbers(values: Any) -> tuple[int, ...]:
    if type(values) is not tuple or len(values) > MOST_DIMS:
        raise ValueError
    for value in values:
        if type(value) is not int or not 0 <= value < 2**63:
            raise ValueError
    return values


def _whole(
    name: str, value: Any, places: Mapping[tuple[str, tuple[int, ...] | None], tuple[str, int, int]]
) -> _Whole | None:
    """A tensor; None for a value that is none."""
    if type(value) is not Made or not value.name.endswith(".TensorStorageMetadata"):
        return None
    properties = _field(value, "properties")
    state = properties.state
    dtype = state[0] if type(state) is tuple else state["dtype"]
    word = dtype.name.rpartition(".")[2] if type(dtype) is Global else ""
    if word not in ITEMSIZES:
        raise ValueError
    pieces = []
    for chunk in _field(value, "chunks"):
        offsets, sizes = _numbers(_field(chunk, "offsets")), _numbers(_field(chunk, "sizes"))
        file, start, nbytes = places.get((name, offsets)) or places[name, None]
        if len(offsets) != len(sizes) or os.path.basename(file) != file or file in ("", ".", ".."):  # noqa: PTH119
            raise ValueError
        pieces.append(_Piece(offsets, sizes, file, start, nbytes))
    return _Whole(_numbers(_field(value, "size")), word, tuple(pieces))


class _Pieces:
    """The questions of a `Checkpoint`, answered from the pieces."""

    def __init__(self, path: str, wholes: Mapping[str, _Whole], others: Mapping[str, Any]) -> None:
        self.names = wholes
        self._path = path
        self._others = others
        self._opened: dict[tuple[str, int], Checkpoint] = {}

    def _piece(self, piece: _Piece) -> Checkpoint:
        """The small archive of one piece.

        Raises:
            StridescopeError: it cannot be read.
        """
        from stridescope.readers.files.opening import open_source

        found = self._opened.get((piece.file, piece.start))
        if found is None:
            path = os.path.join(self._path, piece.file)  # noqa: PTH118
            found = open_source(Source(path).window(piece.start, piece.nbytes), path)
            if len(found) != 1:
                raise UnreadableError(f"{piece.file} has no single tensor at byte {piece.start:,}")
            self._opened[piece.file, piece.start] = found
        return found

    def _of(self, whole: _Whole, piece: _Piece, label: str) -> TensorInfo:
        """A piece as a tensor; where its archive cannot be read, what the metadata says of it."""
        try:
            info = next(iter(self._piece(piece).values()))
        except StridescopeError as error:
            return _bare(label, piece.sizes, whole.dtype, f"its file cannot be read: {error}")
        storage = info.storage
        if storage is not None:
            storage = replace(storage, id=_id(piece))
        return replace(info, name=label, storage=storage)

    def info(self, name: str) -> TensorInfo:
        """The tensor of a name, or of `name.piece`."""
        whole = self.names.get(name)
        if whole is None:
            outer, label = self._split(name)
            whole = self.names[outer]
            piece = next((piece for piece in whole.pieces if piece.label == label), None)
            if piece is None:
                raise KeyError(name)
            return self._of(whole, piece, name)
        pieces = whole.pieces
        if len(pieces) == 1 and pieces[0].sizes == whole.shape:
            return self._of(whole, pieces[0], name)
        info = _bare(name, whole.shape, whole.dtype, f"saved in {len(pieces):,} pieces, under parts")
        return replace(
            info, parts=tuple((piece.label, self._of(whole, piece, piece.label)) for piece in pieces[:LISTED])
        )

    @staticmethod
    def _split(name: str) -> tuple[str, str]:
        outer, bracket, label = name.rpartition(".[")
        if not bracket:
            raise KeyError(name)
        return outer, "[" + label

    def storages(self) -> tuple[StoredBytes, ...]:
        """One for each piece."""
        return tuple(self._storages())

    def _storages(self) -> Iterator[StoredBytes]:
        for name, whole in self.names.items():
            for piece in whole.pieces:
                try:
                    stored = self._piece(piece).storages
                except StridescopeError as error:
                    yield StoredBytes(_id(piece), 0, None, 0, (name,), (), None, piece.file, notes=(str(error),))
                    continue
                label = name if len(whole.pieces) == 1 else f"{name}.{piece.label}"
                for one in stored:
                    yield replace(one, id=_id(piece), tensors=(label,), file=piece.file)

    def tree(self) -> Any:
        """Names to leaves, in the order of the metadata, then what is no tensor."""
        return {**{name: Leaf(name) for name in self.names}, **self._others}

    def read(self, name: str) -> ReadValues:
        """Values of a tensor saved in one piece, or of a piece."""
        whole = self.names.get(name)
        if whole is None:
            outer, label = self._split(name)
            pieces = [piece for piece in self.names[outer].pieces if piece.label == label]
        else:
            pieces = list(whole.pieces)
        if len(pieces) != 1:
            return _nothing
        checkpoint = self._piece(pieces[0])
        return checkpoint.read(next(iter(checkpoint)))


LISTED = 64
"""Pieces of one tensor that are its parts."""


def _nothing(addresses: Sequence[int]) -> list[Any]:
    return [None] * len(addresses)


def _id(piece: _Piece) -> str:
    return f"{piece.file}@{piece.start}"


def _bare(name: str, shape: tuple[int, ...], dtype: str, sentence: str) -> TensorInfo:
    storage: StorageInfo | None = None
    why = tuple((field, sentence) for field in ("stride", "storage_offset", "storage", "device", "requires_grad"))
    return TensorInfo(
        "torch.Tensor", shape, None, None, dtype, ITEMSIZES[dtype], None, None, storage, name=name, why=why
    )
