"""What a checkpoint file holds: tensors by name, the storages they lie in, and what its pickle would have run.

Problem: a file of many gigabytes, or with 100,000 tensors, must be one value that is made in milliseconds. Method: a
mapping that keeps what a reader found, and makes a `TensorInfo` when a name is asked for; storages, with the bytes of
each that tensors reach, when they are asked for. Nothing of a tensor's data is read but by `read`.

Cost: a name, one `TensorInfo`; `storages`, once, linear in the tensors. Units: nbytes and offsets in a file are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from stridescope.records.steps import SCHEMA, in_json

if TYPE_CHECKING:
    from stridescope.records.steps import ReadValues
    from stridescope.records.tensors import TensorInfo

__all__ = ["Checkpoint", "CheckpointContents", "Leaf", "Placeholder", "SameAs", "StoredBytes"]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What a pickle would have called, constructed or imported, and was not.

    Attributes:
        class_name: the dotted name.
        args: with what; empty for a name that is not called.
        state: what would have been set on it, by attribute or key; None where nothing was.
    """

    class_name: str
    args: tuple[Any, ...] = ()
    state: Any = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor in a tree, by its name in the checkpoint."""

    name: str


@dataclass(frozen=True, slots=True)
class SameAs:
    """What is not shown again, or not shown at all, and why: `what` is a few words."""

    what: str


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """One storage of a file.

    Attributes:
        id: as in the `StorageInfo` of its tensors.
        nbytes: in bytes.
        device: where it was when it was saved; None where the format does not say.
        used_nbytes: how many of its bytes tensors reach, each counted once.
        tensors: their names; an inner tensor of a sparse or wrapper tensor as `name.part`.
        dtypes: of those tensors, each once.
        offset_in_file: of its first byte; None where it lies compressed, or cannot be told.
        file: the file it lies in, where that is another than the checkpoint's own path.
        exact: whether `used_nbytes` is; if not, it is an estimate.
        notes: sentences on what is special about it.
    """

    id: str
    nbytes: int
    device: str | None
    used_nbytes: int
    tensors: tuple[str, ...]
    dtypes: tuple[str, ...] = ()
    offset_in_file: int | None = None
    file: str | None = None
    exact: bool = True
    notes: tuple[str, ...] = ()

    @property
    def unused_nbytes(self) -> int:
        """Bytes that are saved and that no tensor reaches."""
        return self.nbytes - self.used_nbytes

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        answer: dict[str, Any] = {
            "id": self.id,
            "nbytes": self.nbytes,
            "device": self.device,
            "used_nbytes": self.used_nbytes,
            "unused_nbytes": self.unused_nbytes,
            "tensors": list(self.tensors),
            "dtypes": list(self.dtypes),
            "offset_in_file": self.offset_in_file,
        }
        if self.file is not None:
            answer["file"] = self.file
        if not self.exact:
            answer["exact"] = False
        if self.notes:
            answer["notes"] = list(self.notes)
        return answer


class CheckpointContents(Protocol):
    """What a reader of one format gives to a `Checkpoint`."""

    @property
    def names(self) -> Mapping[str, Any]:
        """The names, in the order of the file; the values are the reader's own."""

    def info(self, name: str) -> TensorInfo:
        """The tensor of a name, or of `name.part`; KeyError for no name."""

    def storages(self) -> tuple[StoredBytes, ...]:
        """Every storage, in the order of the file."""

    def tree(self) -> Any:
        """The nested value."""

    def read(self, name: str) -> ReadValues:
        """Reads values at addresses of a tensor's storage."""


@dataclass(frozen=True, eq=False, repr=False)
class Checkpoint(Mapping[str, "TensorInfo"]):
    """Tensors by name, as a file (or a directory of files) holds them.

    Attributes:
        format: "torch zip", "torch legacy", "torch tar", "torchscript", "torch.export", "safetensors", "npy", "npz",
            "gguf", "sharded", "distributed checkpoint", "directory" or "pickle" (a bare one).
        path: as it was given.
        calls: dotted names that a real unpickler would have imported, called or constructed, beyond those that torch
            itself always uses; in the order of the file.
        metadata: plain values that the format keeps beside the tensors.
        notes: sentences on what is odd about the file.
        broken: where the file ends or breaks, if it does; what comes before is here all the same.
    """

    format: str
    path: str
    contents: CheckpointContents
    calls: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    broken: str | None = None

    def __getitem__(self, name: str) -> TensorInfo:
        if name not in self.contents.names:
            raise KeyError(name)
        return self.contents.info(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.contents.names)

    def __len__(self) -> int:
        return len(self.contents.names)

    def __contains__(self, name: object) -> bool:
        return name in self.contents.names

    def part(self, name: str) -> TensorInfo:
        """The tensor of a name, or of `name.part` for an inner tensor, as `StoredBytes.tensors` has them."""
        return self.contents.info(name)

    def read(self, name: str) -> ReadValues:
        """A function from addresses (elements of the tensor's storage) to the values there.

        Only the bytes of those addresses are read, each time anew. None stands for a value that cannot be known: an
        address outside the storage, a dtype nobody can read, a tensor without elements of its own.
        """
        return self.contents.read(name)

    @cached_property
    def storages(self) -> tuple[StoredBytes, ...]:
        """Every storage of the file, with the bytes of it that tensors reach."""
        return self.contents.storages()

    @cached_property
    def tree(self) -> Any:
        """What was saved, nested: dicts, lists, tuples, plain values, `Placeholder`, and `Leaf` for a tensor."""
        return self.contents.tree()

    def fields(self) -> Iterator[tuple[str, Any]]:
        """The JSON document field by field; "tensors" and "storages" are iterators, so that it can be streamed."""
        yield "schema", SCHEMA
        yield "kind", "checkpoint"
        yield "format", self.format
        yield "path", self.path
        yield "tensors", (info.to_dict() for info in self.values())
        yield "storages", (storage.to_dict() for storage in self.storages)
        if self.calls:
            yield "calls", list(self.calls)
        if self.metadata:
            yield "metadata", {str(key): in_json_deep(value) for key, value in self.metadata.items()}
        if self.notes:
            yield "notes", list(self.notes)
        if self.broken is not None:
            yield "broken", self.broken

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `stridescope show FILE --json`."""
        return {name: list(value) if isinstance(value, Iterator) else value for name, value in self.fields()}

    def json_chunks(self) -> Iterator[str]:
        """The same document as text, piece by piece: one tensor is in memory at a time."""
        import json

        before = "{\n"
        for name, value in self.fields():
            yield f"{before}  {json.dumps(name)}: "
            before = ",\n"
            if not isinstance(value, Iterator):
                yield json.dumps(in_json_deep(value))
                continue
            between = "[\n    "
            for item in value:
                yield between + json.dumps(in_json_deep(item))
                between = ",\n    "
            yield "[]" if between.startswith("[") else "\n  ]"
        yield "\n}\n"

    def __repr__(self) -> str:
        broken = "" if self.broken is None else ", broken"
        return f"Checkpoint({self.path!r}, {self.format}, {len(self)} tensors{broken})"


def in_json_deep(value: Any) -> Any:
    """A nested plain value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): in_json_deep(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [in_json_deep(item) for item in value]
    return in_json(value)
