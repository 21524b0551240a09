"""What would work in place of a refused view, each one checked by running it on the layout.

Problem: after "no" comes "then how". Method: a few candidates, as text and as a function of the layout; those that
succeed are told with their effect and the bytes they copy. Cost: O(ndim) for each candidate.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from stridescope.errors import IllegalOp
from stridescope.layout import Copy, Layout, Refusal
from stridescope.layout.compatibility import mergeable_groups
from stridescope.records import Alternative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["alternatives"]

_SHAPED = ("view", "view_as")


def alternatives(
    layout: Layout, itemsize: int, op: str, arguments: tuple[Any, ...], refusal: Refusal
) -> tuple[Alternative, ...]:
    """Alternatives to an op that was refused on `layout`; `arguments` are those it was given, bound."""
    if op not in _SHAPED or refusal.code != "dims_not_mergeable":
        return ()
    answer = []
    for source, run in _candidates(layout, op, arguments):
        try:
            result = run()
        except IllegalOp:
            continue
        if isinstance(result, Copy):
            answer.append(Alternative(source, "copy", result.layout.numel * itemsize))
        elif isinstance(result, Layout):
            answer.append(Alternative(source, "view", 0))
    return tuple(answer)


def _candidates(layout: Layout, op: str, arguments: tuple[Any, ...]) -> Iterator[tuple[str, Callable[[], Any]]]:
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
