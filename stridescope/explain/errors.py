"""Errors that teach: torch's words, what must be known to explain them, and the explanation.

Problem: "at least one dimension spans across two contiguous subspaces" names no tensor and no dim. Method: an error is
looked up by its words in a table (`error_table`). Then, frame by frame from where it was raised, the expression that
failed is run again on layouts alone (`replay`); if the algebra refuses it for the same reason, that is the explanation.
Elsewhere the row's function tells what it can from the numbers and the tensors in reach.

CUDA's errors about an illegal address or memory that ran out are none of these: nothing on the device may be asked
after the first, and the second is not about layouts.

Cost: for an error that is not in the table, one pattern search of its words; else some milliseconds, most of them
spent on parsing the source file.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stridescope.explain.error_table import KINDS, Kind
from stridescope.explain.frames import Seen, Spot, frames_of, seen_objects, spots
from stridescope.explain.reach import Reach, Told
from stridescope.explain.replay import inputs_of, refusals
from stridescope.records import Reason
from stridescope.records.explanations import Explanation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["explain_error", "kind_of", "note_of"]

_SAID_BEST = frozenset({"dims_not_mergeable", "partial_overlap", "dtype_view", "shape_two_inferred"})
"""Kinds whose refusal by the algebra names all there is to name."""

_TYPES = (RuntimeError, IndexError, ValueError, TypeError, Warning)
_LEFT_ALONE = re.compile(r"CUDA error|out of memory|illegal (?:memory )?address|illegal memory access", re.IGNORECASE)
_MAX_WORDS = 20_000


def kind_of(error: BaseException) -> tuple[Kind, re.Match[str]] | None:
    """The row of an error and what its pattern found; None for what is not about layouts."""
    if not isinstance(error, _TYPES):
        return None
    words = _words(error)
    if not words or _LEFT_ALONE.search(words):
        return None
    for kind in KINDS:
        match = kind.words.search(words)
        if match is not None:
            return kind, match
    return None


def _words(error: BaseException) -> str:
    first = error.args[0] if error.args else ""
    return first[:_MAX_WORDS] if type(first) is str else ""


def explain_error(
    error: BaseException, objects: Sequence[Any] = (), frames: Sequence[tuple[FrameType, int, int]] | None = None
) -> Explanation:
    """What an exception means.

    Args:
        objects: the tensors it is about, where its traceback does not show them.
        frames: (frame, line, instruction), the innermost first, in place of its traceback's.
    """
    found = kind_of(error)
    name = type(error).__name__
    if found is None:
        words = _words(error).partition("\n")[0]
        message = (
            f"there is nothing to say about this {name}: it is none of the {len(KINDS)} errors about how tensors lie"
        )
        return Explanation(words or name, "refused", Reason("unknown", message, exception=name, native_message=words))
    kind, match = found
    answers = [kind.tell(match, Reach(seen_objects(objects)))]
    source = ""
    for spot in spots(frames_of(error.__traceback__) if frames is None else frames):
        if answers[-1].about is not None:
            # The frame that failed tells it; those around it need not be read.
            break
        reach = Reach(_inputs(spot), spot.tensors)
        for told in refusals(spot):
            if told.reason is not None and told.reason.code in kind.refusals:
                return _named(kind, match, error, told, reach)
        answers.append(_fitting(kind.tell(match, reach), reach))
        source = source or next((closed.written for closed in spot.expressions), "")
    best = answers[-1] if answers[-1].about is not None else answers[min(1, len(answers) - 1)]
    reason = Reason(kind.code, best.message, best.dims, best.needed, best.found, (), name, _words(error))
    source = source or _words(error).partition("\n")[0]
    return Explanation(source, "refused", reason, (), best.because, subject=best.about)


def _fitting(told: Told, reach: Reach) -> Told:
    """What was told, with a word of caution where its tensor is only one that the error fits."""
    if told.about is None or any(seen.info is told.about for seen in reach.inputs):
        return told
    return told._replace(because=(*told.because, f"Of the tensors in reach, the error fits {told.about.name}."))


def _named(kind: Kind, match: re.Match[str], error: BaseException, told: Explanation, reach: Reach) -> Explanation:
    """What the algebra says of an error, with the names that the failing expression gives its tensors."""
    reason = told.reason
    assert reason is not None
    named = None if kind.code in _SAID_BEST else kind.tell(match, reach)
    message, dims, because = reason.message, reason.dims, told.because
    if named is not None and named.about is not None:
        message, dims, because = named.message, named.dims or dims, because if told.alternatives else named.because
    words = type(error).__name__, _words(error)
    told_reason = Reason(kind.code, message, dims, reason.needed_stride, reason.found_stride, told.alternatives, *words)
    return replace(told, reason=told_reason, because=because)


def _inputs(spot: Spot) -> tuple[Seen, ...]:
    """The tensors of the failing expression, with what the frame knows of those that have a name there."""
    known = {seen.name: seen for seen in spot.tensors}
    return tuple(known.get(written) or Seen(written, info) for written, info in inputs_of(spot))


def note_of(told: Explanation) -> str:
    """An explanation as the note that is added to an exception."""
    lines = [f"stridescope: {told.message}."]
    subject = told.subject
    if subject is not None and subject.layout is not None and subject.name and subject.name != "subject":
        held = ", ".join(part for part in (subject.dtype, subject.device) if part)
        lines.append(f"  {subject.name} is {subject.layout}, {held}")
    lines += [f"  {sentence}" for sentence in told.because]
    if told.alternatives:
        offers = "; ".join(
            f"{other.source} copies {other.copied_nbytes:,} B"
            if other.copied_nbytes
            else f"{other.source} ({other.effect})"
            for other in told.alternatives
        )
        lines.append(f"  instead: {offers}")
    return "\n".join(lines)
