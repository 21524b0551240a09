"""numpy's rules for indexing with lists and masks: where the picked dims go, and how the copy is laid out.

Problem: `x[:, idx]` copies, and neither the order of its dims nor its strides are what torch gives. Method: take the
index apart into dims that are sliced and dims that lists choose from; a mask becomes one list for each of its dims;
ints beside a list count as lists. The lists, broadcast together, make one block of dims.

Strides are in elements. Cost: O(ndim), and the size of the given indices.

Source: numpy's `numpy/_core/src/multiarray/mapping.c` and `item_selection.c` (take); measured on numpy 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from stridescope.errors import OpIndexError
from stridescope.layout.copy import (
    Composed,
    Copy,
    Pick,
    Same,
    ravel_index,
)
from stridescope.layout.indexing import Positions, broadcast_shapes, mask_positions
from stridescope.layout.numpy_rules.copies import along, copied
from stridescope.layout.numpy_rules.dims import L, made, wrap_position
from stridescope.layout.numpy_rules.slicing import basic_index, sliced
from stridescope.layout.numpy_rules.strides import (
    by_stride,
    is_c_contiguous,
    is_f_contiguous,
    is_fortran,
    like_stride,
    new_stride,
    ordered_stride,
    walk_order,
)

if TYPE_CHECKING:
    from stridescope.layout.base import Shape, Strided

__all__ = [
    "Chosen",
    "index",
    "take",
]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pick of an index made of slices and lists.

    `sliced` has (dim of the result, first, step) or None for each source dim; where None, the next of `lists`
    says the position, read at the part of the result's index that starts at `first` and has the shape `block`.
    """

    sliced: tuple[tuple[int, int, int] | None, ...]
    lists: tuple[Positions, ...]
    first: int
    block: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:  # noqa: D102 - a Pick
        at = index[self.first : self.first + len(self.block)]
        lists = iter(self.lists)
        return 0, tuple(
            value_at(next(lists), at) if taken is None else taken[1] + taken[2] * index[taken[0]]
            for taken in self.sliced
        )


def value_at(positions: Positions, at: Shape) -> int:
    """The value of an index array, broadcast, at an index."""
    own = at[len(at) - len(positions.shape) :]
    place = tuple(0 if size == 1 else i for i, size in zip(own, positions.shape, strict=True))
    return positions.values[ravel_index(place, positions.shape)]


def take(x: L, positions: Positions, dim: int | None = None) -> Copy[L]:
    """`np.take(x, indices, axis)`: row-major whatever the inputs are; of the flattened array when the dim is None."""
    dim, shape, flatten = along(x, dim)
    new = (*shape[:dim], *positions.shape, *shape[dim + 1 :])
    # Without an element before this dim numpy's loop never looks at a position.
    wrapped = _wrapped(positions, shape[dim], dim) if prod(shape[:dim]) else positions
    rank = len(positions.shape)
    kept = tuple(None if d == dim else (d if d < dim else d + rank - 1, 0, 1) for d in range(len(shape)))
    pick: Pick = Chosen(kept, (wrapped,), dim, positions.shape)
    return copied(x, new, new_stride(new), pick if flatten is None else Composed(pick, flatten))


def _wrapped(positions: Positions, size: int, dim: int) -> Positions:
    values = tuple(wrap_position(value, size, dim) for value in positions.values)
    return Positions(positions.shape, positions.stride, values)


def index(x: L, key: object) -> L | Copy[L]:
    """`x[key]`: a view for ints, slices, None and Ellipsis; a copy once a bool or `Positions` is among them.

    The index arrays, broadcast together, make one block of dims: in place when they stand side by side (ints
    count among them), else in front. The result is laid out block first, then the sliced dims in the order of
    their strides, and only after that is the block moved to its place.

    >>> from stridescope.layout import Layout
    >>> rows = Positions((2,), (1,), (0, 2))
    >>> index(Layout.contiguous((3, 4)), (slice(None), rows)).layout
    Layout((3, 2), (1, 3))

    Raises:
        OpIndexError: too many indices, one out of range, shapes that do not fit.
        OpValueError: a step of 0.
    """
    keys = key if isinstance(key, tuple) else (key,)
    if not any(isinstance(k, (bool, Positions)) for k in keys):
        return basic_index(x, keys)
    if len(keys) == 1 and isinstance(keys[0], Positions):
        alone = _index_alone(x, keys[0])
        if alone is not None:
            return alone
    if all(not isinstance(k, bool) and (not isinstance(k, Positions) or (not k.shape and not k.mask)) for k in keys):
        # Index arrays of no dims act as ints, but numpy copies what they pick.
        return _copied_view(x, tuple(k.values[0] if isinstance(k, Positions) else k for k in keys))
    return _gathered(x, _Parts(x, keys))


def _index_alone(x: L, positions: Positions) -> Copy[L] | None:
    """The two cases that numpy treats apart: a mask over the whole array, and an index array into a 1-dim one."""
    if positions.mask and len(positions.shape) == x.ndim and x.ndim:
        _check_mask(x.shape, positions, 0)
        lists = tuple(mask_positions(positions))
        shape = lists[0].shape
        return copied(x, shape, new_stride(shape), Chosen((None,) * x.ndim, lists, 0, shape))
    trivial = len(positions.shape) == 1 or any(
        test(positions.shape, positions.stride) for test in (is_c_contiguous, is_f_contiguous)
    )
    if positions.mask or x.ndim != 1 or not positions.shape or not trivial:
        return None
    shape = positions.shape
    stride = new_stride(shape, "F" if is_fortran(shape, positions.stride) else "C")
    return copied(x, shape, stride, Chosen((None,), (_wrapped(positions, x.shape[0], 0),), 0, shape))


def _copied_view(x: L, keys: tuple[object, ...]) -> Copy[L]:
    view = basic_index(x, keys)
    layout = made(view, view.shape, like_stride(view.shape, view.stride), 0)
    return Copy(layout, (view,), Same())


def _check_mask(shape: Shape, mask: Positions, dim: int) -> None:
    for d, size in enumerate(mask.shape):
        # A mask of size 0 picks nothing, and numpy takes it for any size.
        if size and size != shape[dim + d]:
            raise OpIndexError(
                "mask_shape",
                f"a mask of size {size} at dim {d} needs the same of dim {dim + d}: {shape[dim + d]}",
                (dim + d,),
            )


class _Parts:
    """An index with lists, taken apart.

    Attributes:
        shape, stride: of the dims that slices and None leave.
        taken: for each dim of the array (dim of those, first, step), or None where a list chooses.
        lists: (dim of the array, index array), one for each such dim.
        wide: the index arrays and the bools; these choose nothing, but have a size.
        place: how many of the sliced dims stand before the block of the lists.
    """

    def __init__(self, x: Strided, keys: tuple[object, ...]) -> None:
        self.x = x
        self.shape: list[int] = []
        self.stride: list[int] = []
        self.taken: list[tuple[int, int, int] | None] = []
        self.lists: list[tuple[int, Positions]] = []
        self.wide: list[Positions] = []
        self.place: int | None = None
        self._interrupted = False
        used = sum(map(_uses, keys))
        if sum(1 for k in keys if k is Ellipsis) > 1:
            raise OpIndexError("index_ellipsis", "an index takes one ... at most")
        if used > x.ndim:
            raise OpIndexError("index_count", f"{used} indices for an array of {x.ndim} dims; it takes {x.ndim}")
        if used < x.ndim and not any(k is Ellipsis for k in keys):
            keys = (*keys, Ellipsis)
        for k in keys:
            if isinstance(k, (int, Positions)):
                self._choose(k)
            else:
                self._keep(k, x.ndim - used)

    def _choose(self, key: int | Positions) -> None:
        if self.place is None:
            self.place = len(self.shape)
        elif self._interrupted:
            # Lists that do not stand side by side move to the front together.
            self.place = 0
        dim = len(self.taken)
        if isinstance(key, bool):
            self.wide.append(Positions((int(key),), (1,), (0,) * key))
            return
        if isinstance(key, int):
            lists = [Positions((), (), (key,))]
        elif key.mask:
            _check_mask(self.x.shape, key, dim)
            lists = mask_positions(key)
        else:
            lists = [key]
        for dim_of_list, positions in enumerate(lists, dim):
            self.lists.append((dim_of_list, positions))
        self.taken += [None] * len(lists)
        self.wide += lists

    def _keep(self, key: object, left: int) -> None:
        self._interrupted = self.place is not None
        if key is None:
            self.shape.append(1)
            self.stride.append(0)
        elif key is Ellipsis:
            for _ in range(left):
                self._slice(slice(None))
        elif isinstance(key, slice):
            self._slice(key)
        else:
            raise OpIndexError("index_kind", f"an index is an int, a slice, None, ... or an array, not {key!r}")

    def _slice(self, key: slice) -> None:
        dim = len(self.taken)
        first, size, step = sliced(self.x.shape[dim], key)
        self.taken.append((len(self.shape), first, step))
        self.shape.append(size)
        self.stride.append(step * self.x.stride[dim])


def _gathered(x: L, parts: _Parts) -> Copy[L]:
    block = broadcast_shapes([positions.shape for positions in parts.wide])
    inner, place = tuple(parts.shape), parts.place or 0
    # Lists that broadcast to nothing are never read, so numpy does not look at them; ints it checks at once.
    lists = tuple(
        positions if positions.shape and 0 in block else _wrapped(positions, x.shape[dim], dim)
        for dim, positions in parts.lists
    )
    order = list(range(len(block)))
    if prod(inner) == 1:
        # Only where one element is read at a time does numpy follow the order of the index arrays.
        order = walk_order(block, [_broadcast_stride(positions, len(block)) for positions in parts.wide])
    order += [len(block) + dim for dim in by_stride(tuple(parts.stride))]
    laid = ordered_stride(block + inner, order)
    ahead, behind = laid[: len(block)], laid[len(block) :]
    taken = tuple(
        None if kept is None else (kept[0] if kept[0] < place else kept[0] + len(block), *kept[1:])
        for kept in parts.taken
    )
    return copied(
        x,
        inner[:place] + block + inner[place:],
        behind[:place] + ahead + behind[place:],
        Chosen(taken, lists, place, block),
    )


def _broadcast_stride(positions: Positions, ndim: int) -> Shape:
    own = (0 if size == 1 else step for size, step in zip(positions.shape, positions.stride, strict=True))
    return (*(0,) * (ndim - len(positions.shape)), *own)


def _uses(key: object) -> int:
    """How many dims of the array a key stands for."""
    if isinstance(key, Positions) and key.mask:
        return len(key.shape)
    return 0 if key is None or key is Ellipsis or isinstance(key, bool) else 1
