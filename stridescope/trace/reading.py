"""What a recorder kept -> the steps of a `Trace`, each made when it is looked at.

Problem: a million steps are kept as tuples, and a reader looks at forty. Method: a sequence that makes a `TraceStep`
from a tuple. Storages are told apart by the address of their StorageImpl, which is used again once one is freed: but
whatever is created is a step, so going through the steps in order, an address stands for a new storage from the step
on that created it there, or that found another size there.

Cost: one pass over the steps, the first time that one is asked for; then a microsecond or two a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, overload

from stridescope.records.traces import CopiedLine, Moved, TraceStep
from stridescope.trace.facts import info_of
from stridescope.trace.recorder import ITSELF
from stridescope.trace.why import cause_of, why

if TYPE_CHECKING:
    from stridescope.records import TensorInfo
    from stridescope.trace.recorder import Raw, Recorder

__all__ = ["Contents", "Steps"]


class Steps(Sequence[TraceStep]):
    """The steps that a recorder keeps."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ids: list[tuple[str | None, str | None]] = []
        self._made_for = -1

    def __len__(self) -> int:
        return len(self._recorder.steps)

    @overload
    def __getitem__(self, place: int) -> TraceStep: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[TraceStep, ...]: ...
    def __getitem__(self, place: int | slice) -> TraceStep | tuple[TraceStep, ...]:
        steps = self._recorder.steps
        if isinstance(place, slice):
            chosen = range(*place.indices(len(steps)))
            rows = list(steps) if len(chosen) > 8 else steps
            ids = self._numbered()
            return tuple(self._made(rows[at], at, ids[at]) for at in chosen)
        at = range(len(steps))[place]
        return self._made(steps[at], at, self._numbered()[at])

    def __iter__(self) -> Iterator[TraceStep]:
        ids = self._numbered()
        for at, raw in enumerate(list(self._recorder.steps)[: len(ids)]):
            yield self._made(raw, at, ids[at])

    def __repr__(self) -> str:
        return f"<{len(self)} steps>"

    def _numbered(self) -> list[tuple[str | None, str | None]]:
        """The ids of the storages of each step, before and after."""
        recorder = self._recorder
        count = sum(recorder.effects.values())
        if self._made_for != count:
            self._ids, self._made_for = _storage_ids(list(recorder.steps)), count
        return self._ids

    def _made(self, raw: Raw, at: int, ids: tuple[str | None, str | None]) -> TraceStep:
        recorder = self._recorder
        first = sum(recorder.effects.values()) - len(recorder.steps)
        return step_of(raw, recorder, ids, first + at)


def _storage_ids(rows: Sequence[Raw]) -> list[tuple[str | None, str | None]]:
    known: dict[int, tuple[str, Any]] = {}
    made = 0
    answer: list[tuple[str | None, str | None]] = []

    def number(address: int | None, key: Any, *, new: bool = False) -> str | None:
        nonlocal made
        if address is None:
            return None
        nbytes = key[5] if key is not None and len(key) > 1 else None
        found = known.get(address)
        if found is None or new or (nbytes is not None and found[1] not in (None, nbytes)):
            made += 1
            found = known[address] = f"s{made}", nbytes
        return found[0]

    for _, _, effect, _, before, address, after, after_address, *_ in rows:
        first = number(address, before)
        if effect == "write" and address == after_address and after is not None and address is not None and first:
            # A write may change the size of its storage, and it is the same one.
            known[address] = first, after[5] if len(after) > 1 else None
        answer.append((first, number(after_address, after, new=effect in ("alloc", "copy"))))
    return answer


def step_of(raw: Raw, recorder: Recorder, ids: tuple[str | None, str | None], number: int) -> TraceStep:
    """One step, as a record."""
    place, op, effect, copied, before, _, after, _, forward, below, moved = raw
    here, there = recorder.places.places[place], recorder.places.places[forward]
    return TraceStep(
        op=op,
        file=here.file,
        line=here.line,
        effect=effect,
        copied_nbytes=copied,
        before=_info(before, ids[0]),
        after=_info(after, ids[1]),
        function=here.function,
        forward=None if there.file is None or there.line is None else (there.file, there.line),
        below=max(below, 0),
        level="aten" if below == ITSELF else "function",
        moved=tuple(
            Moved(name, _info(read, None), _info(written, None), nbytes) for name, read, written, nbytes in moved
        ),
        number=number,
    )


def _info(key: Any, storage: str | None) -> TensorInfo | None:
    return None if key is None else info_of(key, storage)


class Contents:
    """What a recorder gives to a `Trace`; see `stridescope.records.traces.TraceContents`."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._steps = Steps(recorder)
        self._copies: tuple[int, tuple[CopiedLine, ...]] = (-1, ())

    @property
    def steps(self) -> Steps:
        """The steps that were kept."""
        return self._steps

    @property
    def count(self) -> int:
        """How many steps there were."""
        return sum(self._recorder.effects.values())

    @property
    def seen(self) -> int:
        """How many aten ops ran."""
        return self._recorder.seen

    @property
    def effects(self) -> Mapping[str, int]:
        """How many steps of each effect."""
        return {effect: number for effect, number in self._recorder.effects.items() if number}

    def copies(self) -> tuple[CopiedLine, ...]:
        """What was copied, by line, most bytes first."""
        if self._copies[0] != self.count:
            self._copies = self.count, self._told()
        return self._copies[1]

    def _told(self) -> tuple[CopiedLine, ...]:
        recorder = self._recorder
        rows = list(recorder.steps)
        kept = {id(raw): at for at, raw in enumerate(rows)}
        ids = self._steps._numbered()  # noqa: SLF001 - one class in two: the steps and what is told of them
        first = self.count - len(rows)
        answer = []
        for (_, _, op), (times, nbytes, raw) in recorder.lines.items():
            at = kept.get(id(raw))
            step = step_of(raw, recorder, (None, None) if at is None else ids[at], -1 if at is None else first + at)
            reasons = why(step)
            cause = None if at is None else cause_of(step, (self._steps[k] for k in _back(rows, ids, at)))
            answer.append(
                CopiedLine(
                    op, step.file, step.line, times, nbytes, step, step.forward, reasons.because, reasons.instead, cause
                )
            )
        return tuple(sorted(answer, key=lambda line: -line.nbytes))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of what is not in it."""
        recorder = self._recorder
        dropped = self.count - len(recorder.steps)
        notes = []
        if dropped:
            notes.append(f"the first {dropped:,} steps were let go, to bound memory; totals and copies count them")
        return tuple(notes)


LOOKED_BACK = 20_000
"""How many steps back the origin of a tensor's strides is looked for."""


def _back(rows: Sequence[Raw], ids: Sequence[tuple[str | None, str | None]], at: int) -> Iterator[int]:
    """The steps that led to the tensor a step was given, from the last one back to its creation."""
    wanted, storage = rows[at][4], ids[at][0]
    for place in islice(range(at - 1, -1, -1), LOOKED_BACK):
        raw = rows[place]
        if storage is None or wanted is None:
            return
        if ids[place][1] == storage and raw[6] is not None and raw[6][:5] == wanted[:5] and raw[2] != "refused":
            if raw[2] == "write":
                continue
            yield place
            if raw[2] in ("alloc", "copy"):
                return
            wanted = raw[4]
