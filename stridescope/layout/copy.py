"""Where each element of a copied tensor came from.

Problem: an op that copies gives a new storage, and a reader wants to know, for element k of it, which tensor and
which address it was read from, at any size. Method: never a materialised array. A `Copy` keeps the new layout, the
layouts it read, and a `Pick`: a small frozen value that maps an index of the new tensor to (source number, index
in that source). Element k of the storage is turned into an index by the new layout, the index into a source index
by the pick, and that into an address by the source's layout.

Cost: O(ndim) an element, whatever numel is. Picks that hold given indices (gather, masks) hold those and no more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from stridescope.errors import OpIndexError
from stridescope.layout.base import Shape, Strided

if TYPE_CHECKING:
    from stridescope.layout.refusal import Refusal

__all__ = [
    "Composed",
    "Copy",
    "Flipped",
    "Gathered",
    "Joined",
    "Permuted",
    "Pick",
    "Reordered",
    "Repeated",
    "Rolled",
    "Same",
    "Stacked",
    "Stretched",
    "Taken",
    "ravel_index",
    "unravel_index",
]

L = TypeVar("L", bound="Strided")

Pick = Callable[[Shape], tuple[int, Shape]]
"""An index of the new tensor to (source number, index in that source)."""


def ravel_index(index: Shape, shape: Shape) -> int:
    """The place of an index in index order.

    >>> ravel_index((1, 3), (3, 4))
    7
    """
    place = 0
    for position, size in zip(index, shape, strict=True):
        place = place * size + position
    return place


def unravel_index(place: int, shape: Shape) -> Shape:
    """The index at a place in index order.

    >>> unravel_index(7, (3, 4))
    (1, 3)
    """
    index = []
    for size in reversed(shape):
        place, position = divmod(place, size)
        index.append(position)
    return tuple(reversed(index))


@dataclass(frozen=True, slots=True)
class Copy(Generic[L]):
    """A new storage filled from old ones.

    Attributes:
        layout: the layout of the new tensor, at offset 0 of its own storage.
        sources: the layouts that were read, in the order the op got them.
        pick: index of the new tensor -> (source number, index in that source).
        why: why it could not be a view, where that is the reason for the copy.
    """

    layout: L
    sources: tuple[L, ...]
    pick: Pick
    why: Refusal | None = None

    def source_of(self, index: Shape) -> tuple[int, Shape]:
        """(source number, index in that source) of the element at an index of the new tensor."""
        return self.pick(index)

    def origin(self, k: int) -> tuple[int, int]:
        """(source number, address in that source's storage) of element k of the new storage.

        Raises:
            OpIndexError: the new storage has no element k.
        """
        # A new storage is dense, so exactly one index reaches each of its elements.
        index = next(self.layout.indices_of(k), None)  # type: ignore[attr-defined]
        if index is None:
            raise OpIndexError("index_range", f"the new storage has {self.layout.numel} elements; there is no {k}")
        number, source_index = self.pick(index)
        return number, self.sources[number].address(source_index)  # type: ignore[attr-defined]

    @classmethod
    def same(cls, source: L, layout: L, why: Refusal | None = None) -> Copy[L]:
        """Every element to the same index of a new storage."""
        return cls(layout, (source,), Same(), why)

    @classmethod
    def reordered(cls, source: L, layout: L, why: Refusal | None = None) -> Copy[L]:
        """Every element to the same place in index order, in another shape."""
        return cls(layout, (source,), Reordered(layout.shape, source.shape), why)


@dataclass(frozen=True, slots=True)
class Same:
    """The same index."""

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        return 0, index


@dataclass(frozen=True, slots=True)
class Reordered:
    """The same place in index order, in a tensor of another shape."""

    shape: Shape
    source_shape: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        return 0, unravel_index(ravel_index(index, self.shape), self.source_shape)


@dataclass(frozen=True, slots=True)
class Permuted:
    """New dim d is source dim `dims[d]`."""

    dims: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        source = [0] * len(index)
        for position, dim in zip(index, self.dims, strict=True):
            source[dim] = position
        return 0, tuple(source)


@dataclass(frozen=True, slots=True)
class Joined:
    """Sources laid end to end along a dim; source n starts at `starts[n]`. `numbers` skips empty ones."""

    dim: int
    starts: Shape
    numbers: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        which = bisect_right(self.starts, index[self.dim]) - 1
        return self.numbers[which], (
            *index[: self.dim],
            index[self.dim] - self.starts[which],
            *index[self.dim + 1 :],
        )


@dataclass(frozen=True, slots=True)
class Stacked:
    """Source n lies at position n of a new dim."""

    dim: int

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        return index[self.dim], (*index[: self.dim], *index[self.dim + 1 :])


@dataclass(frozen=True, slots=True)
class Repeated:
    """The source over and over along its dims, which are the last ones."""

    source_shape: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        last = index[len(index) - len(self.source_shape) :]
        return 0, tuple(position % size for position, size in zip(last, self.source_shape, strict=True))


@dataclass(frozen=True, slots=True)
class Stretched:
    """Each position of a dim repeated: `ends[i]` is where position i ends; an int repeats all alike."""

    dim: int
    ends: Shape | int

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        at = index[self.dim]
        source = at // self.ends if isinstance(self.ends, int) else bisect_right(self.ends, at)
        return 0, (*index[: self.dim], source, *index[self.dim + 1 :])


@dataclass(frozen=True, slots=True)
class Flipped:
    """Some dims backwards."""

    dims: Shape
    shape: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        return 0, tuple(
            self.shape[dim] - 1 - position if dim in self.dims else position for dim, position in enumerate(index)
        )


@dataclass(frozen=True, slots=True)
class Rolled:
    """Some dims shifted round: (dim, shift) pairs."""

    shifts: tuple[tuple[int, int], ...]
    shape: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        source = list(index)
        for dim, shift in self.shifts:
            source[dim] = (source[dim] - shift) % self.shape[dim]
        return 0, tuple(source)


@dataclass(frozen=True, slots=True)
class Taken:
    """Positions of one dim, as listed."""

    dim: int
    positions: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        return 0, (*index[: self.dim], self.positions[index[self.dim]], *index[self.dim + 1 :])


@dataclass(frozen=True, slots=True)
class Gathered:
    """Position of one dim given for every index of the new tensor, in index order."""

    dim: int
    shape: Shape
    positions: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        chosen = self.positions[ravel_index(index, self.shape)]
        return 0, (*index[: self.dim], chosen, *index[self.dim + 1 :])


@dataclass(frozen=True, slots=True)
class Composed:
    """One pick after another: `outer` gives an index of a tensor that `inner` explains.

    `outer` reads one source only.
    """

    outer: Pick
    inner: Pick

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        return self.inner(self.outer(index)[1])
