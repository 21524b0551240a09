"""Indices to addresses and back, and the walk in index order.

Problem: show which address an index reaches, which indices reach an address, and how far each step of a
walk in index order hops. Method: forward it is a dot product. Backward it is a search for bounded integers
i[d] with sum(i[d] * stride[d]) = address - storage_offset, dims taken from the largest stride down, cut
wherever the dims left cannot reach the rest: one candidate a dim where there is no overlap.

Cost: O(ndim) forward. Backward: each answer O(ndim) for layouts without overlap; the search yields as it
finds, so a caller takes as many as it shows. Nothing depends on numel.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from stridescope.errors import OpIndexError
from stridescope.layout.base import Shape, Strided
from stridescope.layout.overlap import DEFAULT_BUDGET, Overlap, internal_overlap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from typing_extensions import Self

__all__ = ["Addressing"]


class Addressing(Strided):
    """Indices, addresses and hops, as methods of a layout."""

    __slots__ = ()

    def address(self, index: Sequence[int]) -> int:
        """The address of the element at `index`, in elements of the storage; negative indices wrap.

        >>> from stridescope.layout import Layout
        >>> Layout((3, 2), (1, 8), 1).address((2, 1))
        11

        Raises:
            OpIndexError: the index has another length, or lies outside the shape.
        """
        if len(index) != len(self.shape):
            raise OpIndexError(
                "index_length",
                f"index {tuple(index)} has {len(index)} entries; a tensor of shape {self.shape} takes {self.ndim}",
            )
        total = self.storage_offset
        for dim, (position, size, stride) in enumerate(zip(index, self.shape, self.stride, strict=True)):
            if not -size <= position < size:
                raise OpIndexError(
                    "index_range",
                    f"index {position} is out of range for dim {dim} of size {size}",
                    (dim,),
                )
            total += (position + size if position < 0 else position) * stride
        return total

    def unravel(self, k: int) -> Shape:
        """The index of the k-th element in index order (the last dim fastest).

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 4)).unravel(7)
        (1, 3)
        """
        index = []
        for size in reversed(self.shape):
            k, position = divmod(k, size)
            index.append(position)
        if k:
            raise OpIndexError("index_range", f"shape {self.shape} has only {self.numel} elements")
        return tuple(reversed(index))

    def hops(self) -> Shape:
        """For each dim, the hop in elements when it advances by one and every later dim starts again.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 4)).t().hops()
        (-7, 4)
        """
        hops = []
        back = 0
        for size, stride in zip(reversed(self.shape), reversed(self.stride), strict=True):
            hops.append(stride - back)
            back += (size - 1) * stride
        return tuple(reversed(hops))

    def walk(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[Shape, int, int]]:
        """(index, address, hop) for elements [start, stop) in index order; the first hop is 0.

        Starting anywhere costs O(ndim), and so does each element.
        """
        numel = self.numel
        stop = numel if stop is None else min(stop, numel)
        if start >= stop:
            return
        index = list(self.unravel(start))
        here = self.address(index)
        yield tuple(index), here, 0
        for _ in range(stop - start - 1):
            before = here
            for dim in range(self.ndim - 1, -1, -1):
                if index[dim] + 1 < self.shape[dim]:
                    index[dim] += 1
                    here += self.stride[dim]
                    break
                here -= index[dim] * self.stride[dim]
                index[dim] = 0
            yield tuple(index), here, here - before

    def addresses(self) -> Iterator[int]:
        """The address of every element in index order, lazily."""
        return (address for _, address, _ in self.walk())

    def indices_of(self, address: int) -> Iterator[Shape]:
        """Every index that reaches an address, lazily; none where the address is not reached.

        >>> from stridescope.layout import Layout
        >>> list(Layout((2, 3), (1, 1)).indices_of(1))
        [(0, 1), (1, 0)]
        """
        low, high = self.span
        if not low <= address < high:
            return
        order = sorted(range(self.ndim), key=lambda dim: -abs(self.stride[dim]))
        # What the dims still to come can add at least, at most, and in multiples of.
        remaining = [(0, 0, 0)]
        for dim in reversed(order):
            least, most, common = remaining[-1]
            reach = (self.shape[dim] - 1) * self.stride[dim]
            remaining.append((least + min(reach, 0), most + max(reach, 0), gcd(common, self.stride[dim])))
        remaining.reverse()
        yield from self._search(address - self.storage_offset, order, remaining, [0] * self.ndim, 0)

    def _search(
        self, rest: int, order: list[int], remaining: list[tuple[int, int, int]], index: list[int], depth: int
    ) -> Iterator[Shape]:
        if depth == len(order):
            yield tuple(index)
            return
        dim = order[depth]
        stride, last = self.stride[dim], self.shape[dim] - 1
        least, most, common = remaining[depth + 1]
        first = 0
        if stride > 0:
            first, last = max(-((most - rest) // stride), 0), min((rest - least) // stride, last)
        elif stride < 0:
            first, last = max(-((rest - least) // -stride), 0), min((most - rest) // -stride, last)
        for position in range(first, last + 1):
            left = rest - position * stride
            if left % common if common else left:
                continue
            index[dim] = position
            yield from self._search(left, order, remaining, index, depth + 1)

    def overlap(self, budget: int = DEFAULT_BUDGET) -> Overlap:
        """Whether two indices reach one address: exact, or "undecided" after `budget` steps of search."""
        return internal_overlap(self.shape, self.stride, budget)

    def coalesced(self) -> Self:
        """The same addresses in the same order, with as few dims as that takes.

        Size-1 dims go, and a dim joins the next one when `stride[d] == size[d+1] * stride[d+1]`. No
        elements at all: shape (0,).

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((2, 3, 4)).coalesced()
        Layout((24,), (1,))
        """
        if 0 in self.shape:
            return self._with((0,), (1,))
        shape: list[int] = []
        stride: list[int] = []
        for size, step in zip(self.shape, self.stride, strict=True):
            if size == 1:
                continue
            if shape and stride[-1] == size * step:
                shape[-1] *= size
                stride[-1] = step
            else:
                shape.append(size)
                stride.append(step)
        return self._with(tuple(shape), tuple(stride))
