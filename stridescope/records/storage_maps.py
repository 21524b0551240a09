"""Storages, what lies where in each, and who holds it: of a model, a dict, a checkpoint, or all that is alive.

Problem: memory is held by storages, and people hold tensors: a view of 4 KB may keep 4 GB. Method: tensors grouped by
storage, with the bytes of it that any of them reaches counted once, exactly (`layout.coverage`); the rest is retained.
Records of tensors are made when they are asked for, holders are looked for when they are asked for.

Cost: a storage with one contiguous tensor, nothing; others O(ndim) a tensor. Units: bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

from stridescope.layout import Layout
from stridescope.layout.coverage import coverage
from stridescope.records.steps import SCHEMA

if TYPE_CHECKING:
    from stridescope.records.tensors import TensorInfo

__all__ = ["HeldStorage", "Holder", "Lazy", "StorageMap", "byte_layout", "reached_nbytes"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a tensor.

    Attributes:
        path: how it is reached, as Python would write it: "cache['last'][0]", "model.head.weight".
        kind: what the path starts from: "global", "local", "closure", "object" (nothing that has a name was found
            above it), "autograd" (no Python object holds it).
        place: of a local, the function with its file and line.
    """

    path: str
    kind: str
    place: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {"path": self.path, "kind": self.kind, "place": self.place}

    def __str__(self) -> str:
        return f"{self.path} in {self.place}" if self.place else self.path


class Lazy(Sequence[T]):
    """Values that are each made when asked for."""

    def __init__(self, raws: Sequence[Any], make: Callable[[Any], T]) -> None:
        self._raws = raws
        self._make = make

    def __len__(self) -> int:
        return len(self._raws)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[T, ...]: ...
    def __getitem__(self, place: int | slice) -> T | tuple[T, ...]:
        if isinstance(place, slice):
            return tuple(map(self._make, self._raws[place]))
        return self._make(self._raws[place])

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


@dataclass(frozen=True, slots=True)
class HeldStorage:
    """One storage and the tensors in it.

    Attributes:
        id: as in the `StorageInfo` of its tensors.
        nbytes: its size.
        device: where it is; None where that is not known.
        used_nbytes: how many of its bytes the tensors reach, each counted once.
        tensors: records of them, named where a name is known.
        exact: whether `used_nbytes` is; if not, it is an estimate.
        find: looks for who holds one of the tensors, by its place; None where nobody can be asked.
    """

    id: str
    nbytes: int
    device: str | None
    used_nbytes: int
    tensors: Sequence[TensorInfo] = field(repr=False)
    exact: bool = True
    find: Callable[[int], tuple[Holder, ...]] | None = field(default=None, repr=False, compare=False)

    @property
    def unused_nbytes(self) -> int:
        """Bytes that no tensor here reaches: retained, kept alive by those that reach the rest."""
        return max(self.nbytes - self.used_nbytes, 0)

    @property
    def freed_by_clone(self) -> int:
        """Bytes that would be freed if each tensor here were replaced by its clone; 0 where it would cost memory."""
        if not self.unused_nbytes:
            return 0
        kept = {(info.shape, info.stride, info.storage_offset, info.dtype): info.nbytes or 0 for info in self.tensors}
        return max(self.nbytes - sum(kept.values()), 0)

    def holders(self, place: int = 0) -> tuple[Holder, ...]:
        """Who holds one of the tensors: looked for now, among all Python objects."""
        return () if self.find is None else self.find(place)

    def reached(self, columns: int) -> tuple[int, ...]:
        """How many bytes of each of as many equal parts of the storage are reached."""
        edges = [self.nbytes * part // columns for part in range(columns + 1)]
        return coverage([layout for info in self.tensors if (layout := byte_layout(info)) is not None], edges).counts

    def to_dict(self, holders: bool = False) -> dict[str, Any]:
        """The JSON object of schema stridescope/1; `holders` looks for who holds each tensor."""
        answer: dict[str, Any] = {
            "id": self.id,
            "nbytes": self.nbytes,
            "device": self.device,
            "used_nbytes": self.used_nbytes,
            "unused_nbytes": self.unused_nbytes,
            "freed_by_clone": self.freed_by_clone,
            "tensors": [info.to_dict() for info in self.tensors],
        }
        if not self.exact:
            answer["exact"] = False
        if holders and self.find is not None:
            answer["holders"] = [
                [holder.to_dict() for holder in self.holders(place)] for place in range(len(self.tensors))
            ]
        return answer


@dataclass(frozen=True, eq=False, repr=False)
class StorageMap:
    """Storages by the bytes they retain, the most first; then by size.

    Attributes:
        source: what was looked at: "live tensors", "Linear", "dict", a path.
        storages: every storage that a tensor reaches; of many, each record is made when it is asked for.
        notes: sentences on what is not in it.
        sums: (tensors, bytes, bytes that no tensor reaches), where they are known already.
    """

    source: str
    storages: Sequence[HeldStorage]
    notes: tuple[str, ...] = ()
    sums: tuple[int, int, int] | None = None

    @cached_property
    def _sums(self) -> tuple[int, int, int]:
        if self.sums is not None:
            return self.sums
        each = [(len(one.tensors), one.nbytes, one.unused_nbytes) for one in self.storages]
        tensors, nbytes, unused = map(sum, zip(*each, strict=True)) if each else (0, 0, 0)
        return tensors, nbytes, unused

    @property
    def tensor_count(self) -> int:
        """How many tensors there are."""
        return self._sums[0]

    @property
    def nbytes(self) -> int:
        """Bytes of all storages."""
        return self._sums[1]

    @property
    def unused_nbytes(self) -> int:
        """Bytes that no tensor reaches."""
        return self._sums[2]

    @property
    def shared(self) -> tuple[HeldStorage, ...]:
        """Storages with more than one tensor."""
        return tuple(storage for storage in self.storages if len(storage.tensors) > 1)

    def __iter__(self) -> Iterator[HeldStorage]:
        return iter(self.storages)

    def __len__(self) -> int:
        return len(self.storages)

    def to_dict(self, holders: int = 0) -> dict[str, Any]:
        """The JSON document of `stridescope storages`.

        Args:
            holders: of how many storages, the first ones, to look for who holds their tensors.
        """
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": "storages",
            "source": self.source,
            "storages": [storage.to_dict(place < holders) for place, storage in enumerate(self.storages)],
            "totals": {
                "storages": len(self.storages),
                "tensors": self.tensor_count,
                "nbytes": self.nbytes,
                "used_nbytes": self.nbytes - self.unused_nbytes,
                "unused_nbytes": self.unused_nbytes,
            },
        }
        if self.notes:
            document["notes"] = list(self.notes)
        return document

    def show(self, file: Any = None) -> None:
        """Print it, holders looked for; to standard output unless `file` is given."""
        from stridescope.render.traces import print_report

        print_report(self, file)

    def __repr__(self) -> str:
        return (
            f"StorageMap({self.source}: {self.tensor_count} tensors in {len(self.storages)} storages, "
            f"{self.nbytes} B, {self.unused_nbytes} B unused)"
        )

    def __str__(self) -> str:
        from stridescope.render.storage_maps import StorageReport
        from stridescope.render.traces import plain

        return plain(StorageReport(self))

    def __rich__(self) -> Any:
        # Upwards and late, as for a tensor: rich asks for this by protocol, and only then is drawing code needed.
        from stridescope.render.storage_maps import StorageReport

        return StorageReport(self)


def byte_layout(info: TensorInfo) -> Layout | None:
    """The bytes of a tensor as a layout: an item is one more dim, of stride 1; None where it has no strides."""
    shape, stride, offset, itemsize = info.shape, info.byte_stride, info.byte_offset, info.itemsize
    if shape is None or stride is None or offset is None or not itemsize:
        return None
    return Layout((*shape, itemsize), (*stride, 1), offset)


def reached_nbytes(infos: Sequence[TensorInfo], nbytes: int) -> tuple[int, bool]:
    """How many of the first `nbytes` bytes of a storage any tensor in it reaches, and whether that is exact."""
    layouts = [layout for info in infos if (layout := byte_layout(info)) is not None]
    found = coverage(layouts, (0, nbytes)) if nbytes and layouts else None
    known = len(layouts) == len(infos)
    return (0 if found is None else found.counts[0]), known and (found is None or found.exact)
