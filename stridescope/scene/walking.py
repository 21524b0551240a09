"""The walk through a tensor in index order: how far each step hops, and how many cache lines that costs.

Problem: the same elements cost one cache line or sixteen for each 64 B, and only the strides decide. Counting the walk
of 10**12 elements step by step is out of the question.

Method. What a step costs depends on where its element lies within a line, and on the hop, which is one number for each
dim. So elements are not walked but sorted by their place in a line, of which there are at most `line_nbytes`: the
places reached by a dim repeat after line / gcd(line, byte stride) steps, and the places of all dims together are the
places of each, added. For each dim the steps that advance it are counted by where they start, and those that stay in
the line are told by arithmetic.

    loads      a walk that remembers the line it is in, and no other: how often it takes another one
    distinct   the lines that hold at least one byte of an element
    fewest     ceil(bytes / line): what the elements would take side by side

Different lines are counted without a walk where blocks without a skipped line lie at least a line apart; otherwise up
to ENUMERATED elements are visited; beyond that the number given is a bound, and says so.

Cost: O(ndim · line_nbytes²) at most, some 20 µs as a rule; kept for the layouts last asked for.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

from stridescope.layout.coverage import merged_terms, terms_of
from stridescope.scene.text import count, nbytes_text, plural

if TYPE_CHECKING:
    from stridescope.layout import Layout

__all__ = ["LINE_NBYTES", "Hop", "WalkCost", "cost", "cost_briefly", "cost_text", "hop_into", "hop_text", "hops_table"]

LINE_NBYTES = 64
"""A cache line on today's CPUs."""

ENUMERATED = 20_000


class WalkCost(NamedTuple):
    """What the walk in index order costs in cache lines.

    Attributes:
        loads: lines taken by a walk that remembers the last one only; exact, always.
        distinct: how many different lines that are; at most so many where not `exact`.
        fewest: the lines that numel · itemsize bytes take side by side.
        line_nbytes: bytes of a line.
        exact: whether `distinct` is.
    """

    loads: int
    distinct: int
    fewest: int
    line_nbytes: int
    exact: bool


class Hop(NamedTuple):
    """One dim, and how far the walk hops when it advances.

    Attributes:
        dim, size, stride: the dim, its size, its stride in elements.
        hop: elements from one element of the walk to the next, when this dim advances and every later one starts
            again; None for a dim that never advances.
        nbytes: the same in bytes; None where the item size is unknown.
    """

    dim: int
    size: int
    stride: int
    hop: int | None
    nbytes: int | None


@lru_cache(maxsize=256)
def cost(layout: Layout, itemsize: int, line_nbytes: int = LINE_NBYTES, base: int = 0) -> WalkCost | None:
    """What the walk through a layout in index order costs; None where items or lines have no bytes.

    Args:
        itemsize: bytes of an element; one that lies across two lines touches both.
        base: the byte address of storage address 0, from which lines are counted.

    >>> from stridescope.layout import Layout
    >>> x = Layout.contiguous((4, 16))
    >>> cost(x, 4)
    WalkCost(loads=4, distinct=4, fewest=4, line_nbytes=64, exact=True)
    >>> cost(x.t(), 4).loads, cost(Layout.contiguous((10**6, 10**6)).t(), 4).loads
    (64, 1000000000000)
    """
    if itemsize <= 0 or line_nbytes <= 0:
        return None
    loads = _loads(layout, itemsize, line_nbytes, base)
    distinct = _distinct(layout, itemsize, line_nbytes, base)
    fewest = -(-layout.numel * itemsize // line_nbytes)
    if distinct is not None:
        return WalkCost(loads, distinct, fewest, line_nbytes, exact=True)
    low, high = (base + edge * itemsize for edge in layout.span)
    most = min(loads, (high - 1) // line_nbytes - low // line_nbytes + 1)
    return WalkCost(loads, most, fewest, line_nbytes, exact=False)


def cost_text(walk: WalkCost) -> str:
    """The cost in a sentence.

    >>> cost_text(WalkCost(12, 2, 2, 64, True))
    'With one line kept, index order loads a cache line (64 B) 12 times; the tensor lies in 2.'
    >>> cost_text(WalkCost(2, 2, 2, 64, True))
    'Index order loads 2 cache lines (64 B), as few as can be.'
    """
    line = f"({nbytes_text(walk.line_nbytes)})"
    loaded = f"Index order loads {plural(walk.loads, 'cache line')} {line}"
    if walk.loads < walk.fewest:
        return f"{loaded}; without repeats it would be {count(walk.fewest)}."
    if walk.loads == walk.fewest:
        return f"{loaded}, as few as can be." if walk.loads else "No elements, so no cache line is touched."
    packed = f"; side by side its elements would take {count(walk.fewest)}"
    if walk.distinct == walk.loads:
        return f"{loaded}{packed}."
    loaded = f"With one line kept, index order loads a cache line {line} {count(walk.loads)} times"
    lies = f"the tensor lies in {'' if walk.exact else 'at most '}{count(walk.distinct)}"
    return f"{loaded}; {lies}{packed if walk.fewest < walk.distinct and walk.exact else ''}."


def cost_briefly(walk: WalkCost) -> str:
    """The same in a few words.

    >>> cost_briefly(WalkCost(12, 2, 2, 64, True))
    '12 loads of a 64 B line, 2 at best'
    """
    return f"{plural(walk.loads, 'load')} of a {nbytes_text(walk.line_nbytes)} line, {count(walk.fewest)} at best"


def hop_text(hop: int, itemsize: int | None) -> str:
    """A hop in elements and bytes.

    >>> hop_text(8, 8), hop_text(-7, 8), hop_text(1, None)
    ('+8 elements, 64 B', '-7 elements, 56 B', '+1 element')
    """
    if hop == 0:
        return "stays at the same address"
    sign = "+" if hop > 0 else "-"
    elements = f"{sign}{plural(abs(hop), 'element')}"
    if not itemsize:
        return elements
    return f"{elements}, {nbytes_text(abs(hop) * itemsize)}"


@lru_cache(maxsize=256)
def hop_into(layout: Layout, k: int) -> tuple[int, int] | None:
    """(dim that advances, hop in elements) of the step of the walk that arrives at element k; None for the first.

    Raises:
        OpIndexError: there is no element k.

    >>> from stridescope.layout import Layout
    >>> x = Layout.contiguous((3, 4)).t()
    >>> hop_into(x, 1), hop_into(x, 3)
    ((1, 4), (0, -7))
    """
    moved = [dim for dim, place in enumerate(layout.unravel(k)) if place]
    return (moved[-1], layout.hops()[moved[-1]]) if moved else None


@lru_cache(maxsize=256)
def hops_table(layout: Layout, itemsize: int | None) -> tuple[Hop, ...]:
    """For each dim, its stride and how far the walk hops when it advances.

    >>> from stridescope.layout import Layout
    >>> [(row.hop, row.nbytes) for row in hops_table(Layout.contiguous((3, 4)).t(), 8)]
    [(-7, -56), (4, 32)]
    """
    rows = []
    for dim, hop in enumerate(layout.hops()):
        size, stride = layout.shape[dim], layout.stride[dim]
        advances = size > 1 and layout.numel > 0
        nbytes = hop * itemsize if advances and itemsize else None
        rows.append(Hop(dim, size, stride, hop if advances else None, nbytes))
    return tuple(rows)


def _loads(layout: Layout, itemsize: int, line: int, base: int) -> int:
    """Lines that elements touch, one by one, less the steps that stay in the line before."""
    joined = layout.coalesced()
    steps = [step * itemsize for step in joined.stride]
    places = {(base + joined.storage_offset * itemsize) % line: 1}
    stays = 0
    for dim, (size, step, hop) in enumerate(zip(joined.shape, steps, joined.hops(), strict=True)):
        # The steps that advance this dim start where it is not at its end and all later ones are at theirs.
        ends = sum((n - 1) * far for n, far in zip(joined.shape[dim + 1 :], steps[dim + 1 :], strict=True))
        for place, times in _spread(places, size - 1, step, line).items():
            start = (place + ends) % line
            if (start + itemsize - 1) // line == (start + hop * itemsize) // line:
                stays += times
        places = _spread(places, size, step, line)
    return sum(times * _lines(place, itemsize, line) for place, times in places.items()) - stays


def _distinct(layout: Layout, itemsize: int, line: int, base: int) -> int | None:
    """How many lines hold a byte of an element; None where that takes too long."""
    if not layout.numel:
        return 0
    block = itemsize
    blocks: list[tuple[int, int]] = []
    reach = itemsize
    for stride, size in merged_terms(terms_of(layout)):
        step = stride * itemsize
        if not blocks and step < block + line:
            # No whole line fits between one and the next, so none is skipped.
            block += step * (size - 1)
        elif step >= reach - 1 + line:
            blocks.append((size, step))
        else:
            return _visited(layout, itemsize, line, base) if layout.numel <= ENUMERATED else None
        reach += step * (size - 1)
    places = {(base + layout.span[0] * itemsize) % line: 1}
    for size, step in blocks:
        places = _spread(places, size, step, line)
    return sum(times * _lines(place, block, line) for place, times in places.items())


def _visited(layout: Layout, itemsize: int, line: int, base: int) -> int:
    lines: set[int] = set()
    for address in set(layout.addresses()):
        start = base + address * itemsize
        lines.update(range(start // line, (start + itemsize - 1) // line + 1))
    return len(lines)


def _lines(place: int, nbytes: int, line: int) -> int:
    """How many lines bytes touch that start at a place of the first one."""
    return (place + nbytes - 1) // line + 1


def _spread(places: dict[int, int], size: int, step: int, line: int) -> dict[int, int]:
    """How many elements start at each place of a line, after each became `size` elements `step` bytes apart."""
    period = line // gcd(line, step)
    turns, rest = divmod(max(size, 0), period)
    found: Counter[int] = Counter()
    for number in range(period if turns else rest):
        times = turns + (number < rest)
        for place, already in places.items():
            found[(place + number * step) % line] += already * times
    return found
