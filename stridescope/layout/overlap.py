"""Do two indices reach one address? Do two tensors reach one byte? Exact, with the indices as proof.

Problem. The address of an index is a sum, so both questions are about one bounded linear equation,

    a[0]*x[0] + ... + a[n-1]*x[n-1] == b    with integers a[d] > 0 and 0 <= x[d] <= u[d].

Reduction. A dim of negative stride is counted from its other end, so every coefficient is positive.

* One tensor against itself: indices i != j reach one address when sum((i[d] - j[d])*stride[d]) == 0.
  With x[d] = i[d] - j[d] + size[d] - 1 that is the equation with u[d] = 2*(size[d] - 1) and
  b = sum((size[d] - 1)*stride[d]). Its middle, x[d] = u[d]/2, stands for i == j and does not count.
  x and u - x are one pair twice, so the first x[d] off the middle may be taken to lie above it.
* Two tensors, in bytes: the dims of both, and for each one more dim, of byte stride 1, over the bytes
  of an item. Counting the second tensor down from its last byte puts all terms on one side; b is then
  the distance from the first byte of the one to the last byte of the other.

Method. Cheap proofs first: sorted strides that each exceed all that lies below them; a stride of 0;
a pair of dims that meet by themselves. What is left is simplified, then searched.

* Merge. When a[e] == k*a[d] with k <= u[d] + 1, the two terms together take exactly the values of one,
  a[d]*x with x <= u[d] + k*u[e]. (A tensor against itself merges at k == size[d] alone: a smaller k
  means that the two dims meet.)
* Split. The terms from a[d] up are all multiples of their gcd g. Where just one value of the terms
  below d leaves a multiple of g, the terms above and below d are two equations that share nothing.
* Search, from the largest coefficient down. What x[d] leaves must be within reach of the smaller
  terms, and a multiple of their gcd: an interval cut to one residue class, found without trying values.
  One term or two are thus solved at once; each further term multiplies the tries.

Cost. O(ndim**2) before the search. The search is exponential in ndim at worst, and nothing much better
is to be hoped for: with two values a dim the equation is SUBSET-SUM, which is NP-complete. So tries are
counted, `work`, and when they exceed `budget` the verdict is "undecided". The default takes some 30 ms at most.

Hard instance. Some 40 dims of size 2 with unrelated strides around 2**45: no stride and no gcd stands
out, so nothing is cut until the last few dims.

Overflow. None: Python's integers do not overflow.

Sources. The equation is numpy's, `numpy/_core/src/common/mem_overlap.c`. Search by residue class:
P. Ramachandran, "Use of Extended Euclidean Algorithm in Solving a System of Linear Diophantine Equations
with Bounded Variables", LNCS 4076 (2006). SUBSET-SUM: R. M. Karp, "Reducibility Among Combinatorial
Problems" (1972).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from math import gcd, prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DEFAULT_BUDGET", "Extent", "Overlap", "internal_overlap", "shared_bytes_overlap", "shared_nbytes"]

DEFAULT_BUDGET = 30_000
"""Values that a search may try unless told otherwise."""

_COUNTED_NBYTES = 1 << 24
"""Spans up to this many bytes are counted byte by byte (as bits of one integer, some milliseconds)."""

Index = tuple[int, ...]


class Extent(NamedTuple):
    """Where a tensor lies in a storage, in bytes.

    Attributes:
        byte_stride: of any sign.
        byte_offset: where the index (0, ...) starts.
    """

    shape: Sequence[int]
    byte_stride: Sequence[int]
    byte_offset: int
    itemsize: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Whether two indices meet in memory, and which.

    Attributes:
        verdict: "yes" and "no" are proved; "undecided" means that the budget ended the search.
        witness: the two indices behind a "yes", each counted from 0 in every dim. With a "yes" it is
            None only when counting (more elements than addresses) proves what the search had no
            budget left to show.
        work: values the search tried; 0 when a cheap proof was enough.
        shared_nbytes: of two tensors, how many bytes both reach; None where that is not cheap to tell.
    """

    verdict: Literal["yes", "no", "undecided"]
    witness: tuple[Index, Index] | None = None
    work: int = 0
    shared_nbytes: int | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.verdict == "undecided":
            return f"undecided after {self.work:,} steps"
        if self.witness is None:
            return self.verdict
        return f"{self.verdict}: {list(self.witness[0])} and {list(self.witness[1])} meet"

    def to_dict(self) -> dict[str, Any]:
        """A value for `json.dumps`."""
        witness = None if self.witness is None else [list(index) for index in self.witness]
        answer = {"verdict": self.verdict, "witness": witness, "work": self.work}
        return answer if self.shared_nbytes is None else {**answer, "shared_nbytes": self.shared_nbytes}


def internal_overlap(shape: Sequence[int], stride: Sequence[int], budget: int = DEFAULT_BUDGET) -> Overlap:
    """Whether two different indices of one tensor reach one address.

    Args:
        shape: sizes.
        stride: one stride for each size, all in one unit (elements, or bytes), of any sign.
        budget: how many values the search may try.

    >>> internal_overlap((3, 4), (4, 1))
    Overlap(verdict='no', witness=None, work=0)
    >>> internal_overlap((6, 3), (1, 1)).witness  # arange(8).unfold(0, 3, 1)
    ((0, 1), (1, 0))
    """
    if prod(shape) <= 1:
        return Overlap("no")
    dims = _terms(shape, stride)
    if _stand_apart(dims):
        return Overlap("no")
    if dims[0].a == 0:
        return _met(shape, stride, {dims[0].parts[0][0]: 1}, 0)
    dims = _merged(dims, exactly=True)
    pair = _pair_that_meets(dims)
    if pair is not None:
        return _met(shape, stride, pair, 0)
    search = _Search(budget)
    try:
        for block, target in _split([term._replace(u=2 * term.u) for term in dims], _reach(dims)):
            found = search.solve(block, target, off_centre=True)
            if found is not None:
                return _met(shape, stride, _unmerged(block, found, centred=True), search.work)
    except _BudgetSpentError:
        addresses = _reach(dims) // gcd(*(term.a for term in dims)) + 1
        return Overlap("yes" if prod(shape) > addresses else "undecided", None, search.work)
    return Overlap("no", None, search.work)


def shared_bytes_overlap(a: Extent, b: Extent, budget: int = DEFAULT_BUDGET) -> Overlap:
    """Whether two tensors in one storage reach a common byte; the dtypes may differ.

    `budget` is how many values the search may try. The witness is one index of each whose elements
    have a byte in common, if only in part.

    >>> evens = Extent((5,), (8,), 0, 4)  # arange(10.)[::2] as float32
    >>> shared_bytes_overlap(evens, evens._replace(byte_offset=4)).verdict
    'no'
    >>> shared_bytes_overlap(evens, evens._replace(byte_offset=2)).witness
    ((4,), (4,))
    """
    a_low, a_high = _byte_span(a)
    b_low, b_high = _byte_span(b)
    if max(a_low, b_low) >= min(a_high, b_high):
        return Overlap("no")
    ndim = len(a.shape)
    # The bytes of an item are dims too, under numbers that no dim has.
    sizes, steps = (*a.shape, *b.shape, a.itemsize, b.itemsize), (*a.byte_stride, *b.byte_stride, 1, 1)
    terms = _merged(_terms(sizes, steps), exactly=False)
    search = _Search(budget)
    values: dict[int, int] = {}
    try:
        for block, target in _split(terms, b_high - 1 - a_low):
            found = search.solve(block, target)
            if found is None:
                return Overlap("no", None, search.work)
            values |= _unmerged(block, found)
    except _BudgetSpentError:
        return Overlap("undecided", None, search.work)
    # a counts up from its lowest byte and b down from its highest; a negative stride turns either.
    a_index = tuple(
        size - 1 - values.get(dim, 0) if step < 0 else values.get(dim, 0)
        for dim, (size, step) in enumerate(zip(a.shape, a.byte_stride, strict=True))
    )
    b_index = tuple(
        size - 1 - values.get(dim, 0) if step > 0 else values.get(dim, 0)
        for dim, (size, step) in enumerate(zip(b.shape, b.byte_stride, strict=True), ndim)
    )
    gap = b.byte_offset + _dot(b_index, b.byte_stride) - a.byte_offset - _dot(a_index, a.byte_stride)
    assert -b.itemsize < gap < a.itemsize, f"indices {a_index} and {b_index} lie {gap} B apart"
    return Overlap("yes", (a_index, b_index), search.work)


def shared_nbytes(a: Extent, b: Extent) -> int | None:
    """How many bytes two tensors in one storage both reach; None where that is not cheap to tell.

    Cheap are: disjoint spans, tensors without gaps, and
    spans of at most 16 MiB, where a tensor is the set of its bytes and a set one long integer. A
    tensor with itself gives the number of different bytes it reaches.

    >>> shared_nbytes(Extent((4,), (8,), 0, 8), Extent((6,), (4,), 12, 4))
    20
    """
    a_low, a_high = _byte_span(a)
    b_low, b_high = _byte_span(b)
    both = min(a_high, b_high) - max(a_low, b_low)
    if both <= 0:
        return 0
    a_terms, b_terms = (_merged(_terms((*x.shape, x.itemsize), (*x.byte_stride, 1)), exactly=False) for x in (a, b))
    if _gapless(a_terms) and _gapless(b_terms):
        return both
    if max(a_high - a_low, b_high - b_low) > _COUNTED_NBYTES:
        return None
    shift = a_low - b_low
    a_bits, b_bits = _as_bits(a_terms), _as_bits(b_terms)
    return ((a_bits << shift) & b_bits if shift >= 0 else a_bits & (b_bits << -shift)).bit_count()


_Part = tuple[int, int, int]
"""A dim inside a term, the multiple by which it advances the term's x, and how far its own x goes."""


class _Term(NamedTuple):
    """a*x with 0 <= x <= u, standing for one dim or for several merged ones."""

    a: int
    u: int
    parts: tuple[_Part, ...]


def _terms(shape: Iterable[int], stride: Iterable[int]) -> list[_Term]:
    """A term for each dim that moves, from the smallest coefficient up; negative strides turned."""
    pairs = enumerate(zip(shape, stride, strict=True))
    return sorted([_Term(abs(step), size - 1, ((dim, 1, size - 1),)) for dim, (size, step) in pairs if size > 1])


def _reach(terms: Iterable[_Term]) -> int:
    """The largest value the terms take together."""
    return sum([a * u for a, u, _ in terms])


def _dot(index: Sequence[int], stride: Sequence[int]) -> int:
    return sum(i * step for i, step in zip(index, stride, strict=True))


def _byte_span(x: Extent) -> tuple[int, int]:
    """[lowest byte, highest byte + 1); empty when there are no elements, or none of any size."""
    if not x.itemsize or 0 in x.shape:
        return x.byte_offset, x.byte_offset
    low = high = x.byte_offset
    for size, step in zip(x.shape, x.byte_stride, strict=True):
        if step < 0:
            low += (size - 1) * step
        else:
            high += (size - 1) * step
    return low, high + x.itemsize


def _stand_apart(terms: Iterable[_Term]) -> bool:
    """Each coefficient exceeds all that the smaller ones reach, so every sum has one reading."""
    reach = 0
    for term in terms:
        if term.a <= reach or not term.a:
            return False
        reach += term.a * term.u
    return True


def _merged(terms: Iterable[_Term], *, exactly: bool) -> list[_Term]:
    """Terms that together count without gaps, as one; `exactly`: without counting anything twice.

    `terms` come in ascending order and leave in it; coefficients of 0 add nothing and are dropped.
    """
    merged: list[_Term] = []
    for term in terms:
        a, own, own_parts = term
        if not a:
            continue
        for place, (unit, reach, base) in enumerate(merged):
            k, remainder = divmod(a, unit)
            if not remainder and (k == reach + 1 if exactly else k <= reach + 1):
                parts = (*base, *[(dim, k * multiple, u) for dim, multiple, u in own_parts])
                merged[place] = _Term(unit, reach + k * own, parts)
                break
        else:
            merged.append(term)
    return merged


def _unmerged(terms: Sequence[_Term], values: Sequence[int], *, centred: bool = False) -> dict[int, int]:
    """The x of each dim, from the x of each term; `centred` counts all of them from the middle."""
    answer: dict[int, int] = {}
    for term, value in zip(terms, values, strict=True):
        rest = value - term.u // 2 if centred else value
        sign, rest = (-1, -rest) if rest < 0 else (1, rest)
        for dim, multiple, u in sorted(term.parts, key=lambda part: -part[1]):
            steps = min(u, rest // multiple)
            rest -= steps * multiple
            answer[dim] = sign * steps
    return answer


def _pair_that_meets(terms: Sequence[_Term]) -> dict[int, int] | None:
    """Steps in two terms that cancel: j of the one against i of the other, i*a == j*b."""
    for one, other in combinations(terms, 2):
        common = gcd(one.a, other.a)
        i, j = other.a // common, one.a // common
        if i <= one.u and j <= other.u:
            return _unmerged((one, other), (i, 0)) | {dim: -steps for dim, steps in _unmerged((other,), (j,)).items()}
    return None


def _split(terms: Sequence[_Term], target: int) -> list[tuple[list[_Term], int]]:
    """Equations that share nothing and together say the same, the ones with the fewest terms first."""
    blocks = []
    upper: list[_Term] = []
    common = 0
    low = _reach(terms)
    for below in range(len(terms) - 1, -1, -1):
        a, u, _ = term = terms[below]
        upper.append(term)
        common = gcd(common, a)
        low -= a * u
        rest = target % common
        if below and rest + common > low:
            blocks.append((upper, target - rest))
            upper, common, target = [], 0, rest
    blocks.append((upper, target))
    return sorted(blocks, key=lambda block: len(block[0]))


class _BudgetSpentError(Exception):
    """The search tried as many values as it may."""


class _Search:
    """Solves equations, and counts the values tried in all of them together."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.work = 0

    def solve(self, terms: Sequence[_Term], target: int, *, off_centre: bool = False) -> Index | None:
        """The x of each term, from the largest coefficient down, or None.

        `terms` descend. `off_centre` asks for another solution than x[d] == u[d]/2 for all d.
        """
        levels: list[tuple[int, int, int, int, int, int]] = []
        reach = common = 0
        for a, u, _ in reversed(terms):
            divisor = gcd(common, a)
            period = common // divisor or 1
            levels.append((a, u, reach, divisor, period, pow(a // divisor, -1, period)))
            reach, common = reach + a * u, divisor
        if target % (common or 1) or not 0 <= target <= reach:
            return None
        levels.reverse()
        last = len(levels) - 1
        if last < 0:
            return None if off_centre else ()
        # One flat loop: the number of terms must not be bounded by Python's recursion, and its steps are the cost.
        chosen, stops = [0] * (last + 1), [0] * (last + 1)
        rests, on_centre = [target] * (last + 1), [off_centre] * (last + 1)
        work, budget = self.work, self.budget
        level, down = 0, True
        while level >= 0:
            a, u, reach, divisor, period, inverse = levels[level]
            rest = rests[level]
            if down:
                x = -((reach - rest) // a) if rest > reach else 0
                if on_centre[level]:
                    x = max(x, u // 2 + (level == last))
                if period > 1:
                    x += (rest // divisor * inverse - x) % period
                stop = stops[level] = min(u, rest // a)
            else:
                x, stop = chosen[level] + period, stops[level]
            if x > stop:
                level, down = level - 1, False
                continue
            if work >= budget:
                self.work = work
                raise _BudgetSpentError
            work += 1
            chosen[level] = x
            if level == last:
                self.work = work
                return tuple(chosen)
            on_centre[level + 1] = on_centre[level] and 2 * x == u
            level, down = level + 1, True
            rests[level] = rest - a * x
        self.work = work
        return None


def _met(shape: Sequence[int], stride: Sequence[int], steps: dict[int, int], work: int) -> Overlap:
    """The "yes" of a tensor against itself: indices `steps` apart, where turned dims step backwards."""
    turned = {dim: -count if stride[dim] < 0 else count for dim, count in steps.items()}
    i = tuple(max(turned.get(dim, 0), 0) for dim in range(len(shape)))
    j = tuple(max(-turned.get(dim, 0), 0) for dim in range(len(shape)))
    assert i != j, f"index {i} is no pair"
    assert _dot(i, stride) == _dot(j, stride), f"indices {i} and {j} do not meet"
    return Overlap("yes", (min(i, j), max(i, j)), work)


def _gapless(terms: Sequence[_Term]) -> bool:
    return not terms or (len(terms) == 1 and terms[0].a == 1)


def _as_bits(terms: Iterable[_Term]) -> int:
    """The values the terms take, as the bits of one integer; each pass doubles how many are there."""
    bits = 1
    for a, u, _ in terms:
        have = 1
        while have <= u:
            take = min(have, u + 1 - have)
            bits |= bits << take * a
            have += take
    return bits
