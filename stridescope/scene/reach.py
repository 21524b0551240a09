"""Whether a layout reaches an address, as a function of the address.

Problem: a strip asks this of every position it shows, at every step. Method: the addresses of a small layout are a set,
a dense one is an interval, and any other is searched (`Layout.indices_of`). Cost: O(1), or O(ndim) for the search.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.layout import Layout

__all__ = ["reaches"]

ENUMERATED = 512


@lru_cache(maxsize=64)
def reaches(layout: Layout) -> Callable[[int], bool]:
    """Whether an address is reached by a layout, as a function of the address.

    >>> from stridescope.layout import Layout
    >>> [address for address in range(6) if reaches(Layout((2,), (3,), 1))(address)]
    [1, 4]
    """
    if layout.numel <= ENUMERATED:
        return frozenset(layout.addresses()).__contains__
    low, high = layout.span
    if layout.is_non_overlapping_and_dense():
        return lambda address: low <= address < high
    return lambda address: next(layout.indices_of(address), None) is not None
