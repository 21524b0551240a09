"""Which positions of a long row to show, and which to leave out.

Problem: a storage or a dim may have 12 positions or 10**15, and a drawing has room for a few dozen.

Method: start one position at each place of interest (the head, the tail, and anchors such as the ends
of a span), then grow these windows by one position at a time, in turns, until the budget is spent;
windows that meet become one.

Cost: O(budget · anchors), whatever the size is.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["gaps", "ravel", "unravel", "windows"]


def windows(size: int, budget: int, anchors: Iterable[int] = ()) -> tuple[range, ...]:
    """The positions of `range(size)` to show, as disjoint ranges in order.

    At most `budget` positions (at least one for each place of interest); all of them where they fit.
    Head and tail are always among them, and so is each anchor that lies inside. A gap of one position
    is never left: saying so would take the room of showing it.

    >>> windows(5, 8)
    (range(0, 5),)
    >>> windows(100, 6)
    (range(0, 3), range(97, 100))
    >>> windows(100, 8, anchors=[50])
    (range(0, 3), range(49, 52), range(98, 100))
    """
    if size <= max(budget, 1):
        return (range(size),) if size else ()
    seeds = sorted({0, size - 1, *(anchor for anchor in anchors if 0 <= anchor < size)})
    shown = set(seeds)
    # The ends grow inwards only; an anchor in the middle grows both ways, forwards first.
    fronts: list[tuple[int, int]] = []
    for seed in seeds:
        if seed < size - 1:
            fronts.append((seed, 1))
        if seed > 0:
            fronts.append((seed, -1))
    reach = 1
    while len(shown) < budget and reach < size:
        for seed, way in fronts:
            place = seed + way * reach
            if len(shown) < budget and 0 <= place < size:
                shown.add(place)
        reach += 1
    return _ranges(_without_single_gaps(sorted(shown)))


def gaps(shown: Sequence[range], size: int) -> tuple[range, ...]:
    """What `windows` left out between its ranges, in order.

    >>> gaps(windows(100, 6), 100)
    (range(3, 97),)
    """
    edges = [0, *(edge for part in shown for edge in (part.start, part.stop)), size]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return tuple(range(start, stop) for start, stop in pairs if start < stop)


def unravel(position: int, shape: Sequence[int]) -> tuple[int, ...]:
    """The index of the `position`-th place of a shape, last dim fastest.

    >>> unravel(7, (2, 3, 4))
    (0, 1, 3)
    """
    index = []
    for size in reversed(shape):
        position, place = divmod(position, size)
        index.append(place)
    return tuple(reversed(index))


def ravel(index: Sequence[int], shape: Sequence[int]) -> int:
    """The position of an index of a shape, last dim fastest: the inverse of `unravel`.

    >>> ravel((0, 1, 3), (2, 3, 4))
    7
    """
    return sum(place * prod(shape[dim + 1 :]) for dim, place in enumerate(index))


def _without_single_gaps(places: list[int]) -> list[int]:
    filled = places[:1]
    for place in places[1:]:
        if place - filled[-1] == 2:
            filled.append(place - 1)
        filled.append(place)
    return filled


def _ranges(places: list[int]) -> tuple[range, ...]:
    found: list[range] = []
    for place in places:
        if found and found[-1].stop == place:
            found[-1] = range(found[-1].start, place + 1)
        else:
            found.append(range(place, place + 1))
    return tuple(found)
