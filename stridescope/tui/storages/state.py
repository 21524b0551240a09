"""Where the reader stands on the Storages screen.

Problem: one storage and one of its tensors are marked, keys speak to one of the two lists, and the storages may be read
again. Method: numbers, clamped to what there is; every key is one method, none of which draws. Cost: nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stridescope.records import TensorInfo
    from stridescope.records.storage_maps import HeldStorage, Holder, StorageMap

__all__ = ["Pane", "State"]

Pane = Literal["storages", "tensors"]


class State:
    """The standing of one Storages screen.

    Attributes:
        map: the storages; None before they are read.
        pane: the list that keys speak to.
        place: the number of the marked storage.
        tensor: the number of the marked tensor in it.
        holders: who holds the marked tensor; None where that was not looked for.
    """

    def __init__(self) -> None:
        self.map: StorageMap | None = None
        self.pane: Pane = "storages"
        self.place = 0
        self.tensor = 0
        self.holders: tuple[Holder, ...] | None = None
        self._storage: tuple[int, HeldStorage] | None = None

    @property
    def count(self) -> int:
        """How many storages there are."""
        return 0 if self.map is None else len(self.map.storages)

    @property
    def tensors(self) -> int:
        """How many tensors lie in the marked storage."""
        return 0 if self.storage is None else len(self.storage.tensors)

    @property
    def storage(self) -> HeldStorage | None:
        """The marked storage; its record is made once."""
        if self.map is None or self.place >= len(self.map.storages):
            return None
        if self._storage is None or self._storage[0] != self.place:
            self._storage = self.place, self.map.storages[self.place]
        return self._storage[1]

    @property
    def info(self) -> TensorInfo | None:
        """The marked tensor."""
        storage = self.storage
        return None if storage is None or self.tensor >= len(storage.tensors) else storage.tensors[self.tensor]

    def load(self, found: StorageMap, *, anew: bool) -> None:
        """Show other storages: from the top, or with the same storage marked as before, wherever it is now."""
        before = None if self.storage is None else self.storage.id
        self.map, self._storage, self.holders = found, None, None
        if anew or before is None:
            self.pane, self.place, self.tensor = "storages", 0, 0
            return
        kept = next((place for place, one in enumerate(found.storages) if one.id == before), None)
        self.place = min(self.place, max(self.count - 1, 0)) if kept is None else kept
        self.tensor = min(self.tensor, max(self.tensors - 1, 0))

    def mark(self, place: int) -> None:
        """Mark a row of the list that keys speak to."""
        self.holders = None
        if self.pane == "tensors":
            self.tensor = min(max(place, 0), max(self.tensors - 1, 0))
        else:
            self.place, self.tensor = min(max(place, 0), max(self.count - 1, 0)), 0

    @property
    def marked(self) -> int:
        """The marked row of the list that keys speak to."""
        return self.tensor if self.pane == "tensors" else self.place

    @property
    def length(self) -> int:
        """How many rows the list has that keys speak to."""
        return self.tensors if self.pane == "tensors" else self.count

    def go(self, pane: Pane) -> None:
        """Have keys speak to another list."""
        if pane == "storages" or self.tensors:
            self.pane = pane

    def look(self) -> None:
        """Look for who holds the marked tensor."""
        if self.storage is not None:
            self.holders = self.storage.holders(self.tensor)
