"""What the Storages screen can be about.

Problem: the storages of a map, of a model and of the step on stage come from three places, and each has its own way
from a tensor's name to the tensor. Method: a `Subject` for each. Cost: nothing until it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from stridescope.records import History, TensorInfo
    from stridescope.records.storage_maps import StorageMap

__all__ = ["Subject", "of_map", "of_model", "of_stage"]


LIVE = "live tensors"
"""What `ss.storages()` calls itself."""


class Subject(NamedTuple):
    """Something that has storages.

    Attributes:
        kind: "map", "model" or "stage".
        key: equal for as long as its storages are the same.
        read: tells them; may raise a StridescopeError.
        held: the live tensor of a record, or the record itself where there is none to be had.
        saved: whether they are those of a file.
        again: tells them once more; None where that would be the same.
    """

    kind: str
    key: Hashable
    read: Callable[[], StorageMap]
    held: Callable[[TensorInfo], Any]
    saved: bool = False
    again: Callable[[], StorageMap] | None = None


def of_map(found: StorageMap) -> Subject:
    """Storages that somebody looked up."""
    again = _live if found.source == LIVE else None
    return Subject("map", _Same(found), lambda: found, lambda info: info, again=again)


def _live() -> StorageMap:
    from stridescope.trace.live import storages

    return storages()


def of_model(model: Any) -> Subject:
    """Storages of a model, a state or a checkpoint."""
    from stridescope.records import Checkpoint, ModuleTree

    held = model.model if isinstance(model, ModuleTree) else model

    def read() -> StorageMap:
        from stridescope.trace.live import storages

        if held is None:
            named = {info.name or "": info for node in model.nodes for info in node.tensors}
            return storages(named)
        return storages(held)

    saved = isinstance(held, Checkpoint)
    return Subject("model", _Same(model), read, lambda info: _at(held, info), saved, None if saved else read)


def _at(model: Any, info: TensorInfo) -> Any:
    """What lies in a model under a record's name; the record where that is no path of attributes and keys."""
    from stridescope.readers import readable

    path = info.name or ""
    found = model.get(path) if isinstance(model, dict) else reduce(_part, path.split("."), model)
    return found if found is not None and readable(found) else info


def _part(whole: Any, name: str) -> Any:
    return whole.get(name) if isinstance(whole, dict) else getattr(whole, name, None)


def of_stage(history: History, number: int) -> Subject:
    """Storages of a program after one of its steps."""
    from stridescope.scene.storage_rows import storages_of_step

    key = (_Same(history), number)
    return Subject("stage", key, lambda: storages_of_step(history, number), lambda info: info)


class _Same:
    """An object that is equal to itself alone; kept, so that none that is made later can be taken for it."""

    def __init__(self, held: object) -> None:
        self._held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other._held is self._held

    def __hash__(self) -> int:
        return id(self._held)
