"""Tensors that a program starts from: live ones, or records of some, as tensors of the algebra.

Problem: a program typed over live tensors is run again at each keystroke, each run may write to them, and none of that
may touch what is live, nor read it more often than needed. Method: each is inspected once; every run gets tensors of
its own that lie as the live ones do, and whose values are read when they are asked for, all that one picture needs in
one reading (one gather, on a GPU). Cost: one inspection for each, O(ndim) a run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import IllegalOp, TargetError
from stridescope.readers import inspect, read_values
from stridescope.records import Step, TensorInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stridescope.program.algebra import AlgebraEngine
    from stridescope.program.tensor import Tensor
    from stridescope.records import History, ReadValues

__all__ = ["Live", "adopted", "given_step", "looked_at", "with_given"]


class Live(NamedTuple):
    """A tensor that a program starts from.

    Attributes:
        value: the live tensor or array; None where there is only its record.
    """

    name: str
    info: TensorInfo
    value: Any = None


def looked_at(names: Mapping[str, Any]) -> tuple[Live, ...]:
    """Each live tensor, array or `TensorInfo`, inspected.

    Raises:
        UnreadableError: one of them has no layout.
    """
    return tuple(
        Live(name, value) if isinstance(value, TensorInfo) else Live(name, inspect(value, name), value)
        for name, value in names.items()
    )


def adopted(engine: AlgebraEngine, lives: Sequence[Live]) -> dict[str, Any]:
    """The engine's own tensors that lie as the live ones do; those with one storage share one.

    Raises:
        TargetError: one of them has no layout in whole elements.
    """
    answer: dict[str, Any] = {}
    for live in lives:
        try:
            tensor = answer[live.name] = engine.adopt(live.info)
        except IllegalOp as error:
            raise TargetError(f"ops cannot go on from {live.name}: {_why_not(live.info, error.message)}") from None
        if live.value is not None and tensor.storage.fill is None and tensor.storage.dtype == tensor.dtype:
            _filled(tensor, live.value)
    return answer


def _why_not(info: TensorInfo, message: str) -> str:
    """What keeps ops from going on from a tensor: what its reader says of it, else what the engine says."""
    why = dict(info.why)
    said = next((why[field] for field in ("stride", "shape", "dtype") if field in why), None)
    if said is None:
        said = f"no op is followed on dtype {info.dtype}" if info.layout is not None else message
    parts = f"; its parts are {', '.join(name for name, _ in info.parts)}" if info.parts else ""
    return f"{'; '.join((said, *info.notes))}{parts}"


def _filled(tensor: Tensor, value: Any) -> None:
    """Have a storage read a live tensor: an element at a time, or many that are announced, together."""
    known: dict[int, Any] = {}

    def ahead(places: Sequence[int]) -> None:
        missing = [place for place in dict.fromkeys(places) if place not in known]
        if missing:
            known.update(zip(missing, read_values(value, missing), strict=True))

    def fill(place: int) -> Any:
        ahead([place])
        return known[place]

    tensor.storage.fill, tensor.storage.ahead = fill, ahead


def given_step(source: str, name: str, info: TensorInfo, values: ReadValues | None = None) -> Step:
    """The step that stands for a tensor that was there before the program."""
    return Step(source, "given", "same", info.named(name), name=name, values=values)


def with_given(history: History, given: Step) -> History:
    """The history of a program that goes on from a tensor, told with that tensor as the step before the first.

    A program that only named the tensor comes to that step alone.
    """
    first, *others = history.steps
    info, name = given.tensor, given.name or ""
    if first.before is not None and info is not None:
        given = replace(given, tensor=replace(first.before, name=name, notes=info.notes))
    # What a step says begins where the one before it ends.
    made = () if first.op == "name" else (replace(first, source=first.source.removeprefix(name)),)
    return replace(history, steps=(given, *made, *others))
