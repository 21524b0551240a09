"""How two checkpoints differ, tensor by tensor, by what their headers say.

Problem and method: see `stridescope.records.checkpoint_diffs`; the rules for one tensor are those of `ss.diff`. Cost:
about 5 us a name, and more for those that differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.explain.difference import _field, _same_addresses
from stridescope.records.checkpoint_diffs import ChangedTensor, CheckpointDiff
from stridescope.records.explanations import FieldDifference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stridescope.records import Checkpoint, TensorInfo

__all__ = ["diff_checkpoints"]

_FIELDS = ("shape", "stride", "storage_offset", "dtype", "tensor_layout", "device")


def diff_checkpoints(a: Checkpoint, b: Checkpoint) -> CheckpointDiff:
    """What lies between two checkpoints; no value is read.

    Returns:
        `CheckpointDiff`: `added`, `removed`, `changed` (shape, stride, offset, dtype, device, sharing), `unchanged`.
    """
    mates = _mates(a), _mates(b)
    changed = []
    common = 0
    for name in a:
        if name not in b:
            continue
        common += 1
        found = _changed(name, a[name], b[name], mates)
        if found is not None:
            changed.append(found)
    added = tuple(b[name] for name in b if name not in a)
    removed = tuple(a[name] for name in a if name not in b)
    notes = tuple(f"{each.path} is broken: {each.broken}" for each in (a, b) if each.broken is not None)
    return CheckpointDiff(a.path, b.path, added, removed, tuple(changed), common - len(changed), notes)


_Mates = tuple["Mapping[str, tuple[str, ...]]", "Mapping[str, tuple[str, ...]]"]


def _mates(checkpoint: Checkpoint) -> dict[str, tuple[str, ...]]:
    """The others in the storage of each tensor that has some."""
    by_storage: dict[str, list[str]] = {}
    for name, info in checkpoint.items():
        if info.storage is not None:
            by_storage.setdefault(info.storage.memory[0], []).append(name)
    return {
        name: tuple(other for other in names if other != name)
        for names in by_storage.values()
        if len(names) > 1
        for name in names
    }


def _changed(name: str, a: TensorInfo, b: TensorInfo, mates: _Mates) -> ChangedTensor | None:
    fields = [found for key in _FIELDS if getattr(a, key) != getattr(b, key) and (found := _field(key, a, b))]
    one, other = (each.get(name, ()) for each in mates)
    if set(one) != set(other):
        fields.append(FieldDifference("sharing", one, other))
    return ChangedTensor(name, tuple(fields), _same_addresses(a, b)) if fields else None
