"""How two checkpoints differ: tensors added, removed, and changed in shape, dtype or layout.

Problem: two files of 2,000 tensors each, and the question what a conversion or a training step did to them. Method:
names are compared, then what lies under a name that both have, field by field; values are not read. A tensor that
shares its storage with others than before is told too.

Cost: a `TensorInfo` of each side for each name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stridescope.records.steps import SCHEMA

if TYPE_CHECKING:
    from stridescope.records.explanations import FieldDifference
    from stridescope.records.tensors import TensorInfo

__all__ = ["ChangedTensor", "CheckpointDiff"]


@dataclass(frozen=True, slots=True)
class ChangedTensor:
    """A tensor that both checkpoints have, and that differs.

    Attributes:
        name: in both.
        fields: what differs, harmless differences among them; "sharing" has the names in the same storage.
        same_addresses: as in `LayoutDiff`.
    """

    name: str
    fields: tuple[FieldDifference, ...]
    same_addresses: bool | None

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {
            "name": self.name,
            "same_addresses": self.same_addresses,
            "fields": [difference.to_dict() for difference in self.fields],
        }


@dataclass(frozen=True, slots=True)
class CheckpointDiff:
    """What lies between two checkpoints.

    Attributes:
        a, b: their paths.
        added, removed: tensors that only b, only a has.
        changed: tensors that both have, and that differ.
        unchanged: how many lie alike in both.
    """

    a: str
    b: str
    added: tuple[TensorInfo, ...]
    removed: tuple[TensorInfo, ...]
    changed: tuple[ChangedTensor, ...]
    unchanged: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def fields(self) -> tuple[FieldDifference, ...]:
        """All differences of all tensors."""
        return tuple(difference for tensor in self.changed for difference in tensor.fields)

    @property
    def same_addresses(self) -> bool:
        """Whether every index of every tensor that both have reaches the same address, as far as can be told."""
        return all(tensor.same_addresses is True for tensor in self.changed)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of `stridescope diff A B --json` for two files."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "kind": "checkpoint diff",
            "a": self.a,
            "b": self.b,
            "added": [info.to_dict() for info in self.added],
            "removed": [info.to_dict() for info in self.removed],
            "changed": [tensor.to_dict() for tensor in self.changed],
            "unchanged": self.unchanged,
        }
        if self.notes:
            document["notes"] = list(self.notes)
        return document

    def __repr__(self) -> str:
        return (
            f"CheckpointDiff({self.a!r}, {self.b!r}: {len(self.added)} added, {len(self.removed)} removed, "
            f"{len(self.changed)} changed, {self.unchanged} unchanged)"
        )
