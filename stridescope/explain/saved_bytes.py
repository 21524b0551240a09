"""What a checkpoint spends its bytes on: what no tensor reaches, what is tied, and how much goes to which part.

Problem: a file of 4 GB may hold 8 kB of tensors, since saving a view saves its whole storage; and twelve weights of an
LSTM in one storage are no waste at all. Method: bytes reached are counted exactly, by storage; a rewrite would keep one
clone for each distinct layout in a storage that has bytes to spare. Storages with several tensors are told apart by
`modules.sharing`. Bytes by dtype, by prefix and by device count each storage once, under its first tensor.

Cost: linear in the tensors, and that of `Checkpoint.storages`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stridescope.modules.naming import tree_of_names
from stridescope.modules.sharing import Shared, sharing
from stridescope.scene.text import nbytes_text, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stridescope.records import Checkpoint
    from stridescope.records.storage_maps import HeldStorage

__all__ = ["SavedBytes", "Waste", "saved_bytes"]

NAMED = 3
"""Of the tensors in one storage, how many a sentence names."""


@dataclass(frozen=True, slots=True)
class Waste:
    """A storage that is saved with bytes no tensor reaches.

    Attributes:
        tensors: the names in it.
        nbytes, used_nbytes: of the storage, in bytes.
        saved_nbytes: what saving clones would drop.
    """

    tensors: tuple[str, ...]
    nbytes: int
    used_nbytes: int
    saved_nbytes: int

    @property
    def sentence(self) -> str:
        """What is so, and what would help."""
        names = [shortened(name, 60) for name in self.tensors[:NAMED]]
        more = len(self.tensors) - NAMED
        who = ", ".join([*names, *([f"{more:,} more"] if more > 0 else [])]) or "a storage that no tensor lies in"
        if not self.tensors:
            return f"{who} is saved: {self.nbytes:,} B"
        verb = "uses" if len(self.tensors) == 1 else "use"
        told = f"{who} {verb} {self.used_nbytes:,} of {self.nbytes:,} B"
        if not self.saved_nbytes:
            return f"{told}; clones would take more than that"
        return f"{told}; saving clone() would drop {nbytes_text(self.saved_nbytes)}"

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {
            "tensors": list(self.tensors),
            "nbytes": self.nbytes,
            "used_nbytes": self.used_nbytes,
            "saved_nbytes": self.saved_nbytes,
        }


@dataclass(frozen=True, slots=True)
class SavedBytes:
    """Where the bytes of a checkpoint go.

    Attributes:
        wastes: most saved by a rewrite first.
        shared: storages with several tensors: tied, tiled, overlapping, ...
        dtypes, prefixes, devices: bytes of storages by each, most first.
    """

    wastes: tuple[Waste, ...]
    shared: tuple[Shared, ...]
    dtypes: Mapping[str, int]
    prefixes: Mapping[str, int]
    devices: Mapping[str, int]

    @property
    def saved_nbytes(self) -> int:
        """Bytes that the file would be smaller if every tensor in a wasteful storage were saved as its clone."""
        return sum(waste.saved_nbytes for waste in self.wastes)

    def to_dict(self) -> dict[str, Any]:
        """What `stridescope storages FILE --json` has beyond a `StorageMap`."""
        return {
            "rewrite_saves_nbytes": self.saved_nbytes,
            "wastes": [waste.to_dict() for waste in self.wastes],
            "shared": [
                {"kind": group.kind, "tensors": list(group.names), "nbytes": group.nbytes} for group in self.shared
            ],
            "nbytes_by_dtype": dict(self.dtypes),
            "nbytes_by_prefix": dict(self.prefixes),
            "nbytes_by_device": dict(self.devices),
        }


def saved_bytes(checkpoint: Checkpoint, held: Iterable[HeldStorage]) -> SavedBytes:
    """Where the bytes of a checkpoint go.

    Args:
        held: its storages, as `ss.storages` gives them.
    """
    dtypes: Counter[str] = Counter()
    devices: Counter[str] = Counter()
    firsts: list[tuple[str, int]] = []
    names: dict[str, tuple[str, ...]] = {}
    for storage in checkpoint.storages:
        dtypes[" and ".join(storage.dtypes) or "no tensor"] += storage.nbytes
        devices[storage.device or "not told"] += storage.nbytes
        names[storage.id] = storage.tensors
        firsts.append((storage.tensors[0] if storage.tensors else "", storage.nbytes))
    wastes = [
        Waste(names[one.id], one.nbytes, one.used_nbytes, one.freed_by_clone) for one in held if one.unused_nbytes
    ]
    wastes.sort(key=lambda waste: -waste.saved_nbytes)
    ranked = (dict(words.most_common()) for words in (dtypes, _by_prefix(firsts), devices))
    return SavedBytes(tuple(wastes), _shared(checkpoint), *ranked)


def _by_prefix(firsts: list[tuple[str, int]]) -> Counter[str]:
    """Bytes by the first part of the names in which they differ."""
    paths = [(name.split(".")[:-1], nbytes) for name, nbytes in firsts if name]
    level = 0
    while paths and all(len(path) > level for path, _ in paths) and len({path[level] for path, _ in paths}) == 1:
        level += 1
    words: Counter[str] = Counter()
    for path, nbytes in paths:
        words[".".join(path[: level + 1]) or "(top)"] += nbytes
    return words


def _shared(checkpoint: Checkpoint) -> tuple[Shared, ...]:
    names = [name for storage in checkpoint.storages if len(storage.tensors) > 1 for name in storage.tensors]
    if not names:
        return ()
    return sharing(tree_of_names({name: checkpoint.part(name).named(name) for name in names}))
