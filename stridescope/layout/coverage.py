"""How much of each stretch of a storage is reached, without visiting its elements.

Problem: a storage of 10**12 elements is drawn in 200 columns, and each column must say how full it is. A layout reaches
the sums of one multiple of each stride; how many different sums lie below x?

Method. Negative strides are counted from their other end; dims of size 1 or stride 0 add nothing. Dims whose sums
leave no gap become one: multiples of a up to u, and of k*a with k <= u + 1, are the multiples of a. What is left, from
the largest stride down, is read like the digits of a number wherever a stride exceeds all that lies below it: of x,
the digit says how many whole copies of the lower part fit. A lower part that is no such number is listed, if it is
small. Several layouts: those inside another are left out, those that continue each other are joined; what remains is
added up where it is proved disjoint (`layout.overlap`), and elsewhere addresses are tried, spread evenly over the
stretch and off every stride. Such an answer says that it is not exact.

Cost: O(ndim) for an edge, whatever numel is; ENUMERATED sums for a part that is listed, once a layout; at most TRIED
addresses, or four for a stretch, where they are tried.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, NamedTuple

from stridescope.layout.overlap import Extent, shared_bytes_overlap

if TYPE_CHECKING:
    from stridescope.layout import Layout

__all__ = ["Coverage", "coverage", "merged_terms", "terms_of"]

ENUMERATED = 20_000
"""Sums listed one by one, where no count is at hand."""

TRIED = 640
"""Addresses tried for one answer, where nothing is exact."""

COMPARED = 8
"""Layouts that are compared with each other in one stretch."""

BUDGET = 200
"""Steps of the search that proves two layouts disjoint, or an address reached."""

_GOLDEN = 0.6180339887498949
_SCRAMBLE, _WORD = 0x9E3779B97F4A7C15, 1 << 64

Term = tuple[int, int]
"""(stride, size): stride > 0 and size > 1."""


class Coverage(NamedTuple):
    """How many different addresses are reached in each stretch.

    Attributes:
        counts: one for each stretch, from 0 to its length, in elements.
        exact: whether every count is; if not, some are estimates.
    """

    counts: tuple[int, ...]
    exact: bool


def coverage(layouts: Sequence[Layout], edges: Sequence[int]) -> Coverage:
    """How many different addresses any of the layouts reaches in each stretch [edges[i], edges[i + 1]).

    Args:
        layouts: on one storage, all in one unit (elements of it).
        edges: addresses in ascending order; n + 1 of them for n stretches.

    >>> from stridescope.layout import Layout
    >>> coverage([Layout((3, 2), (1, 8), 1)], (0, 4, 8, 12))
    Coverage(counts=(3, 0, 3), exact=True)
    >>> coverage([Layout((10**6, 10**6), (10**6, 2))], (0, 10**6, 2 * 10**12))
    Coverage(counts=(500000, 500000000000), exact=True)
    """
    solid, others = _plan(tuple(layouts))
    tries = max(TRIED // max(len(edges) - 1, 1), 4)
    counts = []
    exact = True
    for low, high in pairwise(edges):
        total = 0
        free = low
        for start, stop in _meeting(solid, low, high):
            total += max(stop - start, 0)
            found, sure = _between(others, free, start, tries)
            total, exact, free = total + found, exact and sure, stop
        found, sure = _between(others, free, high, tries)
        counts.append(total + found)
        exact = exact and sure
    return Coverage(tuple(counts), exact)


def terms_of(layout: Layout) -> list[Term]:
    """The dims that move, as (stride, size) with their signs turned, by stride."""
    pairs = zip(layout.stride, layout.shape, strict=True)
    return sorted((abs(step), size) for step, size in pairs if step and size > 1)


def merged_terms(terms: Iterable[Term]) -> list[Term]:
    """Terms in ascending order, with those that together leave no gap as one.

    >>> merged_terms([(1, 3), (1, 6), (8, 2)])  # windows of 3 over 8, twice
    [(1, 16)]
    """
    merged: list[Term] = []
    for stride, size in terms:
        for place, (base, inside) in enumerate(merged):
            times, remainder = divmod(stride, base)
            if not remainder and times <= inside:
                merged[place] = (base, inside + times * (size - 1))
                break
        else:
            merged.append((stride, size))
    return merged


class _Digit(NamedTuple):
    """A stride that exceeds all that lies below it, and how many addresses lie there."""

    stride: int
    size: int
    below: int


@dataclass(frozen=True, slots=True)
class _Reached:
    """The addresses of one layout.

    Attributes:
        low, high: the half-open span.
        terms: what the sums are made of.
        digits: the terms that read like digits, from the largest down.
        base: the sums of the other terms, in order; None where they are too many to list.
    """

    low: int
    high: int
    terms: tuple[Term, ...]
    digits: tuple[_Digit, ...]
    base: tuple[int, ...] | None

    @property
    def is_progression(self) -> bool:
        """Whether the addresses lie evenly."""
        return len(self.terms) < 2

    @property
    def step(self) -> int:
        """From one address to the next, of those that lie evenly."""
        return self.terms[0][0] if self.terms else 1

    @property
    def extent(self) -> Extent:
        """For the questions of `layout.overlap`."""
        return Extent([size for _, size in self.terms], [stride for stride, _ in self.terms], self.low, 1)

    def before(self, address: int) -> int:
        """How many of the addresses lie before one."""
        assert self.base is not None, "these addresses cannot be counted"
        rest = address - self.low
        if rest <= 0:
            return 0
        total = 0
        for stride, size, below in self.digits:
            whole = min(rest // stride, size)
            total += whole * below
            if whole == size:
                return total
            rest -= whole * stride
        return total + bisect_left(self.base, rest)

    def holds(self, address: int) -> bool:
        """Whether an address is reached; where the search for it would be long, yes."""
        if self.base is not None:
            return self.before(address + 1) > self.before(address)
        if len(self.terms) > COMPARED:
            return True
        return shared_bytes_overlap(self.extent, Extent((), (), address, 1), BUDGET).verdict != "no"

    def covers(self, other: _Reached) -> bool:
        """Whether these addresses lie evenly and all of the other's are among them."""
        return (
            self.is_progression
            and self.low <= other.low
            and other.high <= self.high
            and not (other.low - self.low) % self.step
            and not any(stride % self.step for stride, _ in other.terms)
        )


def _reached(low: int, terms: Iterable[Term]) -> _Reached:
    """The addresses that start at `low`; `terms` ascend."""
    merged = merged_terms(terms)
    top = first = 0
    for place, (stride, size) in enumerate(merged):
        if stride <= top:
            first = place + 1
        top += stride * (size - 1)
    base = _sums(merged[:first])
    digits: list[_Digit] = []
    below = len(base or ())
    for stride, size in merged[first:]:
        digits.append(_Digit(stride, size, below))
        below *= size
    return _Reached(low, low + top + 1, tuple(merged), tuple(reversed(digits)), base)


def _sums(terms: Iterable[Term]) -> tuple[int, ...] | None:
    sums = {0}
    for stride, size in terms:
        if len(sums) * size > ENUMERATED:
            return None
        sums = {start + stride * times for start in sums for times in range(size)}
    return tuple(sorted(sums))


@lru_cache(maxsize=64)
def _plan(layouts: tuple[Layout, ...]) -> tuple[tuple[tuple[int, int], ...], tuple[_Reached, ...]]:
    """The stretches that are reached without a gap, in order, and the layouts that are not part of any."""
    each = {_reached(layout.span[0], terms_of(layout)) for layout in layouts if layout.numel}
    sets = _continued(_in_series(each))
    evenly = [one for one in sets if one.is_progression]
    if len(evenly) <= COMPARED**2:
        sets = [one for one in sets if not any(wide is not one and wide.covers(one) for wide in evenly)]
    solid = sorted((one.low, one.high) for one in sets if one.is_progression and one.step == 1)
    return tuple(solid), tuple(one for one in sets if not one.is_progression or one.step > 1)


def _in_series(sets: Iterable[_Reached]) -> list[_Reached]:
    """Layouts that differ only in where they start, and start evenly, as one: the columns of `x.unbind(1)`."""
    starts: dict[tuple[Term, ...], list[int]] = {}
    for one in sets:
        starts.setdefault(one.terms, []).append(one.low)
    found = []
    for terms, lows in starts.items():
        lows.sort()
        steps = {high - low for low, high in pairwise(lows)}
        # Two may be far apart for no reason; three in a row are a series.
        if len(steps) == 1 and len(lows) > 2:
            found.append(_reached(lows[0], sorted([*terms, (steps.pop(), len(lows))])))
        else:
            found += [_reached(low, terms) for low in lows]
    return found


def _continued(sets: Iterable[_Reached]) -> list[_Reached]:
    """Even layouts that meet or touch, joined."""
    found: list[_Reached] = []
    tracks: dict[tuple[int, int], list[_Reached]] = {}
    for one in sets:
        if one.is_progression:
            tracks.setdefault((one.step, one.low % one.step), []).append(one)
        else:
            found.append(one)
    for (step, _), track in tracks.items():
        track.sort(key=lambda one: one.low)
        low, last = track[0].low, track[0].high - 1
        for one in track[1:]:
            if one.low > last + step:
                found.append(_evenly(low, last, step))
                low = one.low
            last = max(last, one.high - 1)
        found.append(_evenly(low, last, step))
    return found


def _evenly(low: int, last: int, step: int) -> _Reached:
    size = (last - low) // step + 1
    return _reached(low, [(step, size)] if size > 1 else [])


def _meeting(solid: Sequence[tuple[int, int]], low: int, high: int) -> Iterator[tuple[int, int]]:
    """The parts of the stretches, disjoint and in order, that lie in [low, high)."""
    place = max(bisect_right(solid, (low, low)) - 1, 0)
    while place < len(solid) and solid[place][0] < high:
        start, stop = max(solid[place][0], low), min(solid[place][1], high)
        if start < stop:
            yield start, stop
        place += 1


def _between(sets: Sequence[_Reached], low: int, high: int, tries: int) -> tuple[int, bool]:
    """How many addresses of [low, high) are reached, and whether that is exact."""
    met = [one for one in sets if one.low < high and low < one.high] if low < high else []
    if all(one.base is not None for one in met) and (len(met) < 2 or _disjoint(tuple(met))):
        return sum(one.before(high) - one.before(low) for one in met), True
    length = high - low
    if length <= tries:
        # Each is asked, so the count is exact if each answer is.
        sure = all(one.base is not None for one in met)
        return sum(any(one.holds(address) for one in met) for address in range(low, high)), sure
    # One try in each of as many equal parts, at a place that no stride keeps step with, nor any stretch.
    first = low * _SCRAMBLE % _WORD / _WORD
    places = (low + int((number + (first + number * _GOLDEN) % 1) * length / tries) for number in range(tries))
    hits = sum(any(one.holds(min(place, high - 1)) for one in met) for place in places)
    return hits * length // tries, False


@lru_cache(maxsize=512)
def _disjoint(sets: tuple[_Reached, ...]) -> bool:
    """Whether no address is in two of the sets, proved."""
    if len(sets) > COMPARED:
        return False
    pairs = combinations(sets, 2)
    return all(shared_bytes_overlap(one.extent, other.extent, BUDGET).verdict == "no" for one, other in pairs)
