"""The expression that failed, run again on layouts alone, with the assignments that its tensors come from.

Problem: torch's words name no tensor, and the algebra can tell all there is to tell, if it is given the same op on the
same layouts. Method: the closed text of a frame is run as a program over records. Then it is run once more behind the
earlier assignments of the same function that its names come from; where that leads to the very same tensors, the step
that gave them their strides is known with its line, else it is not told.

Cost: two short runs, about 200 µs each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stridescope.errors import StridescopeError
from stridescope.explain.steps import explain_step
from stridescope.program import run
from stridescope.records.explanations import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stridescope.explain.closing import Closed
    from stridescope.explain.frames import Spot
    from stridescope.records import History, TensorInfo
    from stridescope.records.explanations import Explanation

__all__ = ["inputs_of", "refusals"]

MAX_ORIGINS = 12
MAX_RUNS = 8
MAX_WRITTEN = 80


def refusals(spot: Spot) -> Iterator[Explanation]:
    """The refused steps that a frame's expressions come to, explained."""
    for closed in spot.expressions[:MAX_RUNS]:
        history = _run(closed.text, closed.tensors)
        if history is None or history.refused is None:
            continue
        told = explain_step(history, len(history.steps) - 1)
        lines = [spot.line] * (closed.text.count("\n") + 1)
        longer = _with_origins(closed, spot)
        if longer is not None and _alike(longer[0], history):
            known = explain_step(longer[0], len(longer[0].steps) - 1)
            if known.cause is not None:
                told, lines = replace(told, cause=known.cause, because=known.because), longer[1]
        if told.cause is None and told.reason is not None and told.reason.needed_stride is not None:
            told = _assigned(told, spot)
        yield _placed(replace(told, source=closed.written), lines, spot.file)


def inputs_of(spot: Spot) -> Iterator[tuple[str, TensorInfo]]:
    """What the expression that failed worked on: as it is written, and how it lies."""
    for closed in spot.inputs:
        known = dict(closed.tensors)
        if closed.text in known:
            yield closed.written, known[closed.text]
            continue
        history = _run(closed.text, closed.tensors)
        final = None if history is None or history.refused is not None else history.final
        if final is not None and final.tensor is not None:
            yield closed.written, final.tensor


def _run(text: str, tensors: Sequence[tuple[str, TensorInfo]]) -> History | None:
    try:
        return run(text, names=dict(tensors))
    except StridescopeError:
        return None


def _with_origins(closed: Closed, spot: Spot) -> tuple[History, list[int]] | None:
    """The run behind the assignments that its names come from, and the file's line for each of the program's."""
    needed = {name for name, _ in closed.tensors}
    given = dict(closed.tensors)
    chosen: list[tuple[int, str]] = []
    for name, line, _, value in reversed(spot.origins):
        if name not in needed or value is None or len(chosen) == MAX_ORIGINS:
            continue
        needed.discard(name)
        chosen.append((line, f"{name} = {value.text}"))
        given.update(value.tensors)
        needed.update(name for name, _ in value.tensors)
    if not chosen:
        return None
    chosen.reverse()
    history = _run("\n".join([*(text for _, text in chosen), closed.text]), tuple(given.items()))
    return None if history is None else (history, [*(line for line, _ in chosen), spot.line])


def _alike(one: History, other: History) -> bool:
    """Whether both end in the same refusal of a tensor that lies in the same way."""
    steps = one.refused, other.refused
    befores = [
        None if step is None or step.before is None else (step.before.layout, step.before.dtype) for step in steps
    ]
    codes = [None if step is None or step.reason is None else step.reason.code for step in steps]
    return befores[0] == befores[1] and codes[0] == codes[1]


def _assigned(told: Explanation, spot: Spot) -> Explanation:
    """The explanation with the last assignment above to the tensor's name, where what it did cannot be run again."""
    name = None if told.subject is None else told.subject.name
    origin = next((found for found in reversed(spot.origins) if found.name == name), None)
    if origin is None or name is None:
        return told
    written = origin.written if len(origin.written) <= MAX_WRITTEN else f"{origin.written[: MAX_WRITTEN - 3]}..."
    cause = Cause(f"{name} = {written}", origin.line, spot.file)
    return replace(told, cause=cause, because=(*told.because[:1], f"Last assigned above: {cause}.", *told.because[1:]))


def _placed(told: Explanation, lines: Sequence[int], file: str) -> Explanation:
    """The explanation with its cause told by the file's line, in its proof too."""
    if told.cause is None or told.cause.line is None or told.cause.file is not None:
        return told
    cause = replace(told.cause, line=lines[told.cause.line - 1], file=file)
    because = tuple(sentence.replace(str(told.cause), str(cause)) for sentence in told.because)
    return replace(told, cause=cause, because=because)
