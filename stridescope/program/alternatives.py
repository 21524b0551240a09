"""What would work in place of a refused view, each one checked by running it on the layout.

Problem: after "no" comes "then how". Method: a few candidates, as text and as a function of the layout; those that
succeed are told with their effect and the bytes they copy:

    reshape, contiguous().view   the shape that was asked for, copied
    flatten(first, last)         the dims of one mergeable group as one, a view
    permute(...).view            that shape over the dims in the order in which they lie in memory: a view, but its
                                 elements come in that order
    view(nearest)                the shape that was asked for, cut where two groups meet: the coarsest one that keeps
                                 every border, and of the cuts that were asked for all that fit between borders

Cost: O(ndim) for each candidate, O(ndim log ndim) for the permute.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

from stridescope.errors import IllegalOp
from stridescope.layout import Copy, Layout, Refusal
from stridescope.layout.compatibility import infer_shape, mergeable_groups
from stridescope.records import Alternative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stridescope.layout import Shape

__all__ = ["alternatives", "further_alternatives", "nearest_shape"]

_SHAPED = ("view", "view_as")

_Candidate = tuple[str, "Callable[[], Any]"]


def alternatives(
    layout: Layout, itemsize: int, op: str, arguments: tuple[Any, ...], refusal: Refusal
) -> tuple[Alternative, ...]:
    """Alternatives to an op that was refused on `layout`; `arguments` are those it was given, bound."""
    if op not in _SHAPED or refusal.code != "dims_not_mergeable":
        return ()
    return _that_work(_candidates(layout, op, arguments), itemsize)


def further_alternatives(layout: Layout, itemsize: int, shape: Shape) -> tuple[Alternative, ...]:
    """Views near a refused view to `shape`: another order of the elements, or a finer shape.

    `shape` may hold a -1.

    >>> [found.source for found in further_alternatives(Layout((4, 3), (1, 4)), 8, (12,))]
    ['.permute(1, 0).view(12)']
    """
    return _that_work(_near(layout, shape), itemsize)


def _that_work(candidates: Iterator[_Candidate], itemsize: int) -> tuple[Alternative, ...]:
    answer = []
    for source, run in candidates:
        try:
            result = run()
        except IllegalOp:
            continue
        if isinstance(result, Copy):
            answer.append(Alternative(source, "copy", result.layout.numel * itemsize))
        elif isinstance(result, Layout):
            answer.append(Alternative(source, "view", 0))
    return tuple(answer)


def _candidates(layout: Layout, op: str, arguments: tuple[Any, ...]) -> Iterator[_Candidate]:
    if op == "view":
        shape, written = arguments[0], ", ".join(map(str, arguments[0]))
        yield f".reshape({written})", partial(layout.reshape, shape)
        # Of a contiguous tensor every shape of its numel is a view.
        yield f".contiguous().view({written})", layout.made_contiguous
    else:
        yield ".reshape_as(other)", partial(layout.reshape, arguments[0].layout.shape)
    for group in mergeable_groups(layout.shape, layout.stride):
        if len(group) > 1:
            start, end = group[0], group[-1]
            yield f".flatten({start}, {end})", partial(layout.flatten, start, end)


def _near(layout: Layout, shape: Shape) -> Iterator[_Candidate]:
    order = tuple(sorted(range(layout.ndim), key=lambda dim: -layout.stride[dim]))
    if order != tuple(range(layout.ndim)):
        written = ", ".join(map(str, shape))
        yield f".permute({', '.join(map(str, order))}).view({written})", lambda: layout.permute(order).view(shape)
    groups = mergeable_groups(layout.shape, layout.stride)
    near = nearest_shape(layout, groups, infer_shape(shape, layout.numel))
    if near != layout.shape:
        yield f".view({', '.join(map(str, near))})", partial(layout.view, near)


def nearest_shape(layout: Layout, groups: tuple[Shape, ...], shape: Shape) -> Shape:
    """The shape nearest to `shape` that is a view: its sizes, cut where two mergeable groups meet.

    A shape is a view exactly when every border between groups is a border between its dims too. A border is told by
    how many elements lie behind it; those of the groups are kept, and those of `shape` that fit between them.

    >>> layout = Layout((4, 3, 2), (1, 8, 4))
    >>> nearest_shape(layout, ((0,), (1, 2)), (2, 12))
    (2, 2, 6)
    """
    behind, ends = 1, [1]
    for group in reversed(groups):
        behind *= prod(layout.shape[dim] for dim in group)
        ends.append(behind)
    behind, asked = 1, []
    for size in reversed(shape):
        behind *= size
        asked.append(behind)
    cuts = [1]
    for below, above in pairwise(ends):
        cuts += [cut for cut in _chain(asked, below, above) if cuts[-1] < cut < above]
        cuts.append(above)
    sizes = [above // below for below, above in pairwise(cuts) if above != below]
    return tuple(reversed(sizes))


def _chain(asked: Sequence[int], below: int, above: int) -> Iterator[int]:
    """Of the borders that were asked for, those between two that must stay which divide in turn."""
    last = below
    for cut in asked:
        if last < cut < above and cut % last == 0 and above % cut == 0:
            yield cut
            last = cut
