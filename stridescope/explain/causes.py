"""Which step gave a tensor the strides that stand in the way.

Problem: `.view` is refused where it stands, and the cause is a step before it, often many lines up. Method: two dims
clash where the stride of the one is not what the other needs of it. Walking back from the refusal, the cause is the
first step whose tensor clashed in that way while the one before it did not: slicing and selecting hand a clash on,
scaled by their steps at most, so the clash of an earlier layout is known by strides that divide the later ones.

Cost: O(steps · ndim).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stridescope.records.explanations import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stridescope.layout import Layout
    from stridescope.records import Step, TensorInfo

__all__ = ["cause_of", "clashes", "made_by"]


def clashes(layout: Layout) -> Iterator[tuple[int, int]]:
    """Neighbouring dims, size-1 dims left out, that no shape may merge.

    >>> from stridescope.layout import Layout
    >>> list(clashes(Layout((4, 1, 3), (1, 7, 4))))
    [(0, 2)]
    """
    wide = [dim for dim in range(layout.ndim) if layout.shape[dim] != 1]
    for one, other in pairwise(wide):
        if layout.stride[one] != layout.shape[other] * layout.stride[other]:
            yield one, other


def cause_of(steps: Sequence[Step], subject: TensorInfo, dims: tuple[int, ...]) -> Cause | None:
    """The step among `steps` since which dims of `subject` clash; None where none of them made it so.

    Args:
        steps: what was done before, in order.
        subject: the tensor that was refused.
        dims: the two dims that could not merge.
    """
    layout = subject.layout
    if layout is None or len(dims) != 2:
        return None
    strides = layout.stride[dims[0]], layout.stride[dims[1]]
    for step in made_by(steps, subject):
        before = None if step.before is None else step.before.layout
        if step.effect not in ("view", "same") or before is None:
            # A new storage is laid out by what made it.
            return None if step.effect == "same" else _told(step)
        inherited = _inherited(before, strides)
        if inherited is None:
            return _told(step)
        strides = inherited
    return None


def made_by(steps: Sequence[Step], subject: TensorInfo) -> Iterator[Step]:
    """The steps that led to a tensor, from the last one back to its creation."""
    wanted: TensorInfo | None = subject
    for step in reversed(steps):
        if wanted is None:
            return
        if any(_same_tensor(made, wanted) for made in (step.tensor, *step.tensors)):
            yield step
            wanted = step.before


def _inherited(before: Layout, strides: tuple[int, int]) -> tuple[int, int] | None:
    """The strides of two dims that clash in the layout before already, and that these may come from."""
    for one, other in clashes(before):
        earlier = before.stride[one], before.stride[other]
        if all(_divides(old, new) for old, new in zip(earlier, strides, strict=True)):
            return earlier
    return None


def _divides(old: int, new: int) -> bool:
    return old == new or (old != 0 and new != 0 and new % old == 0)


def _told(step: Step) -> Cause:
    return Cause(step.source, None if step.place is None else step.place[0])


def _same_tensor(one: TensorInfo | None, other: TensorInfo) -> bool:
    if one is None or one.layout != other.layout or one.dtype != other.dtype:
        return False
    return one.storage is None or other.storage is None or one.storage.id == other.storage.id
