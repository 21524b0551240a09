"""What a step of training did to the storages of parameters, gradients and optimizer states, phase by phase.

Problem: "backward accumulates, zero_grad frees, step writes in place" is taught in words and seen nowhere. Method: for
each tensor that training keeps, what became of its storage between the start and the end of a phase. Values hold words
and numbers, never a tensor.

Cost: one record for each tensor and phase. Units: bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stridescope.records.steps import SCHEMA

if TYPE_CHECKING:
    from stridescope.records.tensors import TensorInfo

__all__ = ["Event", "Phase", "TensorEvent", "WatchReport"]

Event = Literal[
    "absent",
    "kept",
    "allocated",
    "written in place",
    "accumulated into the same storage",
    "replaced",
    "zeroed",
    "freed",
]


@dataclass(frozen=True, slots=True)
class TensorEvent:
    """What a phase did to one tensor.

    Attributes:
        name: "0.weight", "0.weight.grad", "0.weight.momentum_buffer".
        kind: "parameter", "gradient", "state" or "buffer".
        event: what became of its storage.
        before, after: how it lay at the start and at the end; None where it was not there.
        versions: torch's count of its in-place writes, at the start and at the end.
        ops: the aten ops that wrote to its storage, in order, each once.
        note: what a reader must know, such as a gradient laid out unlike its parameter; empty where there is nothing.
    """

    name: str
    kind: str
    event: Event
    before: TensorInfo | None
    after: TensorInfo | None
    versions: tuple[int | None, int | None] = (None, None)
    ops: tuple[str, ...] = ()
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "event": self.event,
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "versions": list(self.versions),
            "ops": list(self.ops),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase.

    Attributes:
        events: one for each tensor that was there at its start or its end, and each absent gradient.
        nbytes: bytes of the storages alive at its end, by kind; a storage that two share is counted once.
        lr: the learning rate of each parameter group at its end.
    """

    name: str
    events: tuple[TensorEvent, ...]
    nbytes: tuple[tuple[str, int], ...] = ()
    lr: tuple[float, ...] = ()

    def of(self, name: str) -> TensorEvent:
        """The event of one tensor, by its name.

        Raises:
            KeyError: no tensor of that name was there.
        """
        for event in self.events:
            if event.name == name:
                return event
        raise KeyError(name)

    def groups(self) -> Iterator[tuple[str, str, tuple[TensorEvent, ...]]]:
        """(kind, event, those events), a state's kind with its own name: "state momentum_buffer"."""
        found: dict[tuple[str, str], list[TensorEvent]] = {}
        for event in self.events:
            kind = f"state {event.name.rpartition('.')[2]}" if event.kind == "state" else event.kind
            found.setdefault((kind, event.event), []).append(event)
        for (kind, word), events in found.items():
            yield kind, word, tuple(events)

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`; sizes in bytes."""
        return {
            "name": self.name,
            "events": [event.to_dict() for event in self.events],
            "nbytes": dict(self.nbytes),
            "lr": list(self.lr),
        }


@dataclass(frozen=True, eq=False, repr=False)
class WatchReport:
    """The phases that were watched, in order."""

    phases: tuple[Phase, ...]

    def __iter__(self) -> Iterator[Phase]:
        return iter(self.phases)

    def to_dict(self) -> dict[str, Any]:
        """A JSON document of schema stridescope/1."""
        return {"schema": SCHEMA, "kind": "watch", "phases": [phase.to_dict() for phase in self.phases]}

    def show(self, file: Any = None) -> None:
        """Print it; to standard output unless `file` is given."""
        from stridescope.render.traces import print_report

        print_report(self, file)

    def __repr__(self) -> str:
        return f"WatchReport({', '.join(phase.name for phase in self.phases)})"

    def __str__(self) -> str:
        from stridescope.render.traces import plain
        from stridescope.render.watches import WatchView

        return plain(WatchView(self))

    def __rich__(self) -> Any:
        # Upwards and late: rich asks for this by protocol, and only then is drawing code needed.
        from stridescope.render.watches import WatchView

        return WatchView(self)
