"""The panel beside the stage: what the reader points at, in words and numbers.

Problem: one place answers for every state: a cursor, a walk, a selected dim, a step of any effect, a tensor of any
kind, in any room. Method: each thing worth saying is a section, made by a small function from the question asked; two
tables say which sections a tall and a low panel have, in reading order and by rank. Sentences come from `sentences`,
`accounts`, `formula`, `walking` and `refusals`; nothing is computed here.

    asked               the question, settled once
    element_sections    an element, a step of the walk, a dim
    step_sections       what a step did, how its tensor lies
    panel               sections to lines, in the room there is

Cost: O(ndim) and the lines shown; sentences are kept for the tensors last asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene import element_sections, step_sections
from stridescope.scene.asked import Asked
from stridescope.scene.panel import Entry, Panel, Section, laid_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.scene.stage import Subject

__all__ = ["Panel", "inspector"]


class _Row(NamedTuple):
    """A section of a panel: its rank, who makes it, whether a part of it says nothing, and who makes it shorter."""

    rank: int
    make: Callable[[Asked], list[Entry]]
    whole: bool = False
    shorter: tuple[Callable[[Asked], list[Entry]], ...] = ()


# In reading order; where room is short, high ranks go first.
_TALL = (
    _Row(1, element_sections.pointed, shorter=(element_sections.pointed_briefly, element_sections.pointed_least)),
    _Row(2, element_sections.walked, shorter=(element_sections.walked_briefly,)),
    _Row(2, element_sections.stride),
    _Row(7, element_sections.hops_of_walk, whole=True, shorter=(element_sections.hops_of_walk_briefly,)),
    _Row(3, step_sections.headline),
    _Row(4, step_sections.told),
    _Row(6, step_sections.clash, whole=True),
    _Row(5, step_sections.changed),
    _Row(0, step_sections.alternatives_titled, shorter=(step_sections.alternatives, step_sections.alternatives_least)),
    _Row(6, step_sections.native),
    _Row(6, step_sections.facts),
    _Row(8, step_sections.dims, whole=True),
    _Row(9, step_sections.following, whole=True),
)
_LOW = (
    _Row(1, element_sections.pointed_briefly, shorter=(element_sections.pointed_least,)),
    _Row(2, element_sections.walked_briefly),
    _Row(2, element_sections.stride),
    _Row(3, step_sections.told_briefly),
    _Row(0, step_sections.alternatives, shorter=(step_sections.alternatives_least,)),
    _Row(4, step_sections.facts_briefly),
    _Row(5, step_sections.values_changed),
    _Row(6, step_sections.native),
)


def inspector(
    subject: Subject,
    width: int,
    height: int,
    *,
    ascii: bool = False,
    dim: int | None = None,
    walk: int | None = None,
    chosen: int | None = None,
    beneath: bool = False,
    value_text: str | None = None,
    written: Sequence[tuple[str, str]] = (),
    native: str = "",
) -> Panel:
    """What there is to say about a subject, in a panel of `width` cells and at most `height` lines.

    Args:
        dim: the dim that is selected; its stride is explained.
        walk: the element, counted in index order, that the walk stands on.
        chosen: the alternative of a refusal that is marked.
        beneath: the low panel under the stage: short lines, the most important first.
        value_text: the value under the cursor, as text.
        written: (before, after) of the first values that a write changed, as text.
        native: the real library's own words on a refusal, where it was asked.
    """
    asked = Asked.of(subject, width, ascii=ascii, dim=dim, walk=walk, chosen=chosen, value=value_text)
    asked = replace(asked, written=tuple(written), native=native)
    table = _LOW if beneath else _TALL
    sections = [Section(row.rank, row.make(asked), row.whole, (make(asked) for make in row.shorter)) for row in table]
    return laid_out(sections, width, height, ascii=ascii, dense=beneath)
