"""numpy's rules for what always copies: joins, repeats, and indexing with lists and masks.

Problem: numpy lays the result of a copy out by rules of its own: `concatenate` follows the order of its inputs'
strides, an indexed result is laid out as the index arrays lie and then moved, `tile` may return what it was given.
Method: each op gives the new layout and a `Pick` that says where each element came from; no op touches data.

Strides are in elements. Cost: O(ndim), and the size of the given indices.

Source: numpy's `numpy/_core/src/multiarray/multiarraymodule.c` (concatenate), `item_selection.c` (take, repeat),
`mapping.c` (indexing), and `numpy/_core/shape_base.py`, `numeric.py` (roll), `numpy/lib/_shape_base_impl.py`;
measured on numpy 2.4.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, TypeVar

from stridescope.errors import OpIndexError, OpValueError
from stridescope.layout.base import Shape, Strided
from stridescope.layout.copy import (
    Composed,
    Copy,
    Pick,
    Reordered,
    Repeated,
    Rolled,
    Same,
    Stacked,
    Stretched,
    ravel_index,
    unravel_index,
)
from stridescope.layout.indexing import Positions, mask_positions
from stridescope.layout.numpy_rules import basic_index, made, reshape, sliced, wrap_dim, wrap_dims, wrap_position
from stridescope.layout.numpy_strides import (
    by_stride,
    filled_stride,
    is_c_contiguous,
    is_f_contiguous,
    is_fortran,
    join_order,
    like_stride,
    new_stride,
    ordered_stride,
    walk_order,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "column_stack",
    "concatenate",
    "dstack",
    "hstack",
    "index",
    "repeat",
    "roll",
    "stack",
    "take",
    "tile",
    "vstack",
]

L = TypeVar("L", bound=Strided)


# ---------------------------------------------------------------------------------- joins


@dataclass(frozen=True, slots=True)
class JoinedAs:
    """Sources end to end along a dim, each seen with size-1 dims added; `kept[n]` are the dims source n has."""

    dim: int
    starts: Shape
    kept: tuple[Shape, ...]

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        number = bisect_right(self.starts, index[self.dim]) - 1
        inside = (*index[: self.dim], index[self.dim] - self.starts[number], *index[self.dim + 1 :])
        return number, tuple(inside[d] for d in self.kept[number])


@dataclass(frozen=True, slots=True)
class JoinedFlat:
    """Sources end to end, each in index order."""

    starts: Shape
    shapes: tuple[Shape, ...]

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        number = bisect_right(self.starts, index[0]) - 1
        return number, unravel_index(index[0] - self.starts[number], self.shapes[number])


def concatenate(sources: Sequence[L], dim: int | None = 0) -> Copy[L]:
    """`np.concatenate(sources, axis)`; flattened first when the dim is None.

    >>> from stridescope.layout import Layout
    >>> turned = Layout((4, 3), (1, 4))
    >>> concatenate([turned, turned], 1).layout
    Layout((4, 6), (1, 4))

    Raises:
        OpValueError: nothing to join, 0-dim arrays, or shapes that do not match.
        OpAxisError: there is no such dim.
    """
    if not sources:
        raise OpValueError("empty", "concatenate needs at least one array")
    if dim is None:
        starts = (0, *accumulate(x.numel for x in sources))
        shape = (starts[-1],)
        pick = JoinedFlat(starts[:-1], tuple(x.shape for x in sources))
        return Copy(made(sources[0], shape, new_stride(shape), 0), tuple(sources), pick)
    return _joined(sources, dim, [(x.shape, x.stride) for x in sources], [tuple(range(x.ndim)) for x in sources])


def _joined(sources: Sequence[L], dim: int, seen: Sequence[tuple[Shape, Shape]], kept: Sequence[Shape]) -> Copy[L]:
    """Joins (shape, stride) as seen by concatenate; `kept[n]` says which of those dims source n itself has."""
    first = seen[0][0]
    if not first:
        raise OpValueError("zero_dim", "0-dim arrays cannot be concatenated; stack takes those")
    dim = wrap_dim(dim, len(first))
    for number, (shape, _) in enumerate(seen):
        if len(shape) != len(first):
            raise OpValueError(
                "cat_shape",
                f"arrays must have one rank; array 0 has {len(first)} dims, array {number} has {len(shape)}",
            )
        for d, (size, wanted) in enumerate(zip(shape, first, strict=True)):
            if d != dim and size != wanted:
                raise OpValueError(
                    "cat_shape",
                    f"joining along dim {dim}: every other dim must match, but dim {d} is {wanted} in array 0 and "
                    f"{size} in array {number}",
                    (d,),
                )
    starts = (0, *accumulate(shape[dim] for shape, _ in seen))
    shape = (*first[:dim], starts[-1], *first[dim + 1 :])
    layout = made(sources[0], shape, ordered_stride(shape, join_order(seen)), 0)
    return Copy(layout, tuple(sources), JoinedAs(dim, starts[:-1], tuple(kept)))


def stack(sources: Sequence[L], dim: int = 0) -> Copy[L]:
    """`np.stack(sources, axis)`: a new dim."""
    if not sources:
        raise OpValueError("empty", "stack needs at least one array")
    first = sources[0]
    for number, x in enumerate(sources):
        if x.shape != first.shape:
            raise OpValueError(
                "stack_shape", f"stack needs equal shapes; array 0 has {first.shape}, array {number} has {x.shape}"
            )
    dim = wrap_dim(dim, first.ndim + 1)
    seen = [((*x.shape[:dim], 1, *x.shape[dim:]), (*x.stride[:dim], 0, *x.stride[dim:])) for x in sources]
    layout = _joined(sources, dim, seen, [()] * len(sources)).layout
    return Copy(layout, tuple(sources), Stacked(dim))


def _joined_raised(name: str, sources: Sequence[L], dim: int, least: int, first: Sequence[int]) -> Copy[L]:
    """Joins arrays raised to `least` dims; `first[n]` is where the dims of an array with n of them begin."""
    if not sources:
        raise OpValueError("empty", f"{name} needs at least one array")
    seen, kept = [], []
    for x in sources:
        lead = first[x.ndim] if x.ndim < least else 0
        trail = max(least - x.ndim, 0) - lead
        seen.append(((1,) * lead + x.shape + (1,) * trail, (0,) * lead + x.stride + (0,) * trail))
        kept.append(tuple(range(lead, lead + x.ndim)))
    return _joined(sources, dim, seen, kept)


def vstack(sources: Sequence[L]) -> Copy[L]:
    """`np.vstack`: 1-dim arrays as rows, joined along dim 0."""
    return _joined_raised("vstack", sources, 0, 2, (2, 1))


def hstack(sources: Sequence[L]) -> Copy[L]:
    """`np.hstack`: along dim 1, or dim 0 when the first array has 1 dim."""
    return _joined_raised("hstack", sources, 0 if sources and sources[0].ndim < 2 else 1, 1, (1,))


def dstack(sources: Sequence[L]) -> Copy[L]:
    """`np.dstack`: along dim 2; a vector lies along dim 1, a matrix along dims 0 and 1."""
    return _joined_raised("dstack", sources, 2, 3, (3, 1, 0))


def column_stack(sources: Sequence[L]) -> Copy[L]:
    """`np.column_stack`: 1-dim arrays as columns, joined along dim 1."""
    return _joined_raised("column_stack", sources, 1, 2, (0, 0))


# -------------------------------------------------------------------------------- repeats


def _copied(x: L, shape: Shape, stride: Shape, pick: Pick) -> Copy[L]:
    return Copy(made(x, shape, stride, 0), (x,), pick)


def tile(x: L, reps: int | Sequence[int]) -> L | Copy[L]:
    """`np.tile(x, reps)`: the whole array over and over; an array without elements is only reshaped, a view."""
    counts = (reps,) if isinstance(reps, int) else tuple(reps)
    rank = max(len(counts), x.ndim)
    if all(count == 1 for count in counts):
        like = made(x, x.shape, like_stride(x.shape, x.stride), 0)
        raised = _with_dims_in_front(like, rank)
        return Copy(raised, (x,), Repeated(x.shape))
    counts = (1,) * (rank - len(counts)) + counts
    raised = _with_dims_in_front(x, rank)
    shape = tuple(size * count for size, count in zip(raised.shape, counts, strict=True))
    if not x.numel:
        return reshape(raised, shape)
    if any(count < 0 for count in counts):
        raise OpValueError("repeat_count", f"tile counts {list(counts)} include a negative one")
    # numpy repeats a matrix dim by dim and reshapes it last; without elements its strides are only kept
    # when that last reshape changes nothing.
    row = prod(raised.shape[max(d for d in range(rank) if counts[d] != 1) :])
    kept = 0 in shape and shape == (0, row)
    return _copied(x, shape, new_stride(shape) if kept else filled_stride(shape), Repeated(x.shape))


def _with_dims_in_front(x: L, rank: int) -> L:
    """`np.array(x, ndmin=rank)`."""
    new = rank - x.ndim
    step = 1 if not x.ndim or is_fortran(x.shape, x.stride) else x.shape[0] * x.stride[0]
    return made(x, (1,) * new + x.shape, (step,) * new + x.stride)


def repeat(x: L, repeats: int | Sequence[int], dim: int | None = None) -> Copy[L]:
    """`np.repeat(x, repeats, axis)`: each position in place; of the flattened array when the dim is None."""
    flatten = None
    shape = x.shape
    if dim is None or x.ndim == 0:
        dim = 0 if dim is None else wrap_dim(dim, 1)
        shape, flatten = (x.numel,), Reordered((x.numel,), x.shape)
    dim = wrap_dim(dim, len(shape))
    counts = (repeats,) if isinstance(repeats, int) else tuple(repeats)
    if len(counts) not in (1, shape[dim]):
        raise OpValueError(
            "repeat_count", f"repeat needs one count or {shape[dim]}, one for each position, got {len(counts)}", (dim,)
        )
    if any(count < 0 for count in counts):
        raise OpValueError("repeat_count", f"repeat counts {list(counts)} include a negative one")
    ends: Shape | int = counts[0] if len(counts) == 1 else tuple(accumulate(counts))
    total = shape[dim] * ends if isinstance(ends, int) else sum(counts)
    new = (*shape[:dim], total, *shape[dim + 1 :])
    pick: Pick = Stretched(dim, ends)
    return _copied(x, new, new_stride(new), pick if flatten is None else Composed(pick, flatten))


def roll(x: L, shift: int | Sequence[int], dim: int | Sequence[int] | None = None) -> Copy[L]:
    """`np.roll(x, shift, axis)`: shifted round; through the flattened array when the dim is None."""
    shifts = (shift,) if isinstance(shift, int) else tuple(shift)
    if dim is None:
        flat, total = (x.numel,), sum(shifts)
        pick = Composed(Composed(Reordered(x.shape, flat), Rolled(((0, total),), flat)), Reordered(flat, x.shape))
        stride = new_stride(x.shape) if x.ndim == 1 else filled_stride(x.shape)
        return _copied(x, x.shape, stride, pick)
    dims = wrap_dims(dim, x.ndim, repeats=True)
    if len(shifts) != len(dims) and 1 not in (len(shifts), len(dims)):
        raise OpValueError(
            "roll_shifts", f"roll needs a shift for each dim, got {len(shifts)} shifts, {len(dims)} dims"
        )
    rank = max(len(shifts), len(dims)) if shifts and dims else 0
    moves = tuple(
        zip(dims * (rank // len(dims) if rank else 0), shifts * (rank // len(shifts) if rank else 0), strict=True)
    )
    return _copied(x, x.shape, like_stride(x.shape, x.stride), Rolled(moves, x.shape))


# ------------------------------------------------------------------------------- indexing


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

    def __call__(self, index: Shape) -> tuple[int, Shape]:
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
    flatten = None
    shape = x.shape
    if dim is None or x.ndim == 0:
        dim = 0 if dim is None else wrap_dim(dim, 1)
        shape, flatten = (x.numel,), Reordered((x.numel,), x.shape)
    dim = wrap_dim(dim, len(shape))
    new = (*shape[:dim], *positions.shape, *shape[dim + 1 :])
    if prod(new) or not shape[dim]:
        wrapped = _wrapped(positions, shape[dim], dim)
    else:
        # numpy reads no position when there is nothing to move.
        wrapped = positions
    rank = len(positions.shape)
    kept = tuple(None if d == dim else (d if d < dim else d + rank - 1, 0, 1) for d in range(len(shape)))
    pick: Pick = Chosen(kept, (wrapped,), dim, positions.shape)
    return _copied(x, new, new_stride(new), pick if flatten is None else Composed(pick, flatten))


def _wrapped(positions: Positions, size: int, dim: int) -> Positions:
    values = tuple(wrap_position(value, size, dim) for value in positions.values)
    return Positions(positions.shape, positions.stride, values)


def broadcast_shape(shapes: Sequence[Shape]) -> Shape:
    """The shape that index arrays broadcast to.

    Raises:
        OpIndexError: two sizes clash.
    """
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for d, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[d] not in (1, size):
                raise OpIndexError("broadcast", f"index shapes {', '.join(map(str, shapes))} do not broadcast together")
            if size != 1:
                result[d] = size
    return tuple(result)


def index(x: L, key: object) -> L | Copy[L]:
    """`x[key]`: a view for ints, slices, None and Ellipsis; a copy once a bool or `Positions` is among them.

    The index arrays, broadcast together, make one block of dims: in place when they stand side by side (ints
    count among them), else in front. The result is laid out block first, in the order in which the index arrays
    and then the sliced dims lie in memory, and the block is moved to its place after that.

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
    if all(not isinstance(k, bool) and (not isinstance(k, Positions) or k.shape == () != k.mask) for k in keys):
        # Index arrays of no dims act as ints, but numpy copies what they pick.
        return _copied_view(x, tuple(k.values[0] if isinstance(k, Positions) else k for k in keys))
    return _Parts(x, keys).copy()


def _index_alone(x: L, positions: Positions) -> Copy[L] | None:
    """The two cases that numpy treats apart: a mask over the whole array, and an index array into a 1-dim one."""
    if positions.mask and len(positions.shape) == x.ndim and x.ndim:
        _check_mask(x.shape, positions, 0)
        lists = tuple(mask_positions(positions))
        shape = lists[0].shape
        return _copied(x, shape, new_stride(shape), Chosen((None,) * x.ndim, lists, 0, shape))
    trivial = len(positions.shape) == 1 or any(
        test(positions.shape, positions.stride) for test in (is_c_contiguous, is_f_contiguous)
    )
    if positions.mask or x.ndim != 1 or not positions.shape or not trivial:
        return None
    shape = positions.shape
    stride = new_stride(shape, "F" if is_fortran(shape, positions.stride) else "C")
    return _copied(x, shape, stride, Chosen((None,), (_wrapped(positions, x.shape[0], 0),), 0, shape))


def _copied_view(x: L, keys: tuple[object, ...]) -> Copy[L]:
    view = basic_index(x, keys)
    layout = made(view, view.shape, like_stride(view.shape, view.stride), 0)
    return Copy(layout, (view,), Same())


def _check_mask(shape: Shape, mask: Positions, dim: int) -> None:
    for d, size in enumerate(mask.shape):
        if shape[dim + d] != size:
            raise OpIndexError(
                "mask_shape",
                f"a mask of size {size} at dim {d} needs the same of dim {dim + d}: {shape[dim + d]}",
                (dim + d,),
            )


class _Parts:
    """An index with lists, taken apart: dims that are sliced, dims that lists choose from, and the block's place."""

    def __init__(self, x: Strided, keys: tuple[object, ...]) -> None:
        self.x = x
        self.shape: list[int] = []
        self.stride: list[int] = []
        self.taken: list[tuple[int, int, int] | None] = []
        self.lists: list[Positions] = []
        self.wide: list[Positions] = []  # those and the bools, which choose nothing but have a size
        self.first: int | None = None
        self.together = True
        self._apart = False
        used = sum(len(k.shape) if isinstance(k, Positions) and k.mask else _uses(k) for k in keys)
        if sum(1 for k in keys if k is Ellipsis) > 1:
            raise OpIndexError("index_ellipsis", "an index takes one ... at most")
        if used > x.ndim:
            raise OpIndexError(
                "index_count", f"{used} indices for an array of {x.ndim} dims; it takes at most {x.ndim}"
            )
        for k in (*keys, *(() if any(k is Ellipsis for k in keys) or used == x.ndim else (Ellipsis,))):
            self._add(k, x.ndim - used)

    def _add(self, k: object, left: int) -> None:
        dim = len(self.taken)
        if isinstance(k, bool):
            self._choose(Positions((int(k),), (1,), (0,) * k))
        elif isinstance(k, int):
            self._choose(Positions((), (), (wrap_position(k, self.x.shape[dim], dim),)), chooses=True)
        elif isinstance(k, Positions) and k.mask:
            _check_mask(self.x.shape, k, dim)
            for positions in mask_positions(k):
                self._choose(positions, chooses=True)
        elif isinstance(k, Positions):
            self._choose(k, chooses=True)
        else:
            self._apart = self.first is not None
            if k is None:
                self.shape.append(1)
                self.stride.append(0)
            for whole in [slice(None)] * left if k is Ellipsis else [k] * isinstance(k, slice):
                self._slice(whole)
            if k is not None and k is not Ellipsis and not isinstance(k, slice):
                raise OpIndexError("index_kind", f"{type(k).__name__} is no index")

    def _choose(self, positions: Positions, *, chooses: bool = False) -> None:
        if self.first is None:
            self.first = len(self.shape)
        elif self._apart:
            self.together = False
        self.wide.append(positions)
        if chooses:
            self.taken.append(None)
            self.lists.append(positions)

    def _slice(self, key: slice) -> None:
        dim = len(self.taken)
        first, size, step = sliced(self.x.shape[dim], key)
        self.taken.append((len(self.shape), first, step))
        self.shape.append(size)
        self.stride.append(step * self.x.stride[dim])

    def copy(self: _Parts) -> Copy[L]:
        x = self.x
        block = broadcast_shape([positions.shape for positions in self.wide])
        inner = tuple(self.shape)
        place = self.first if self.together and self.first else 0
        strides = [
            (0,) * (len(block) - len(p.shape))
            + tuple(0 if n == 1 else s for n, s in zip(p.shape, p.stride, strict=True))
            for p in self.wide
        ]
        order = [*walk_order(block, strides), *(len(block) + d for d in by_stride(tuple(self.stride)))]
        laid = ordered_stride(block + inner, order)
        ahead, behind = laid[: len(block)], laid[len(block) :]
        shape = inner[:place] + block + inner[place:]
        chosen_dims = [d for d, taken in enumerate(self.taken) if taken is None]
        lists = tuple(_wrapped(p, x.shape[d], d) for d, p in zip(chosen_dims, self.lists, strict=True))
        taken = tuple(
            None if t is None else (t[0] if t[0] < place else t[0] + len(block), t[1], t[2]) for t in self.taken
        )
        layout = made(x, shape, behind[:place] + ahead + behind[place:], 0)
        return Copy(layout, (x,), Chosen(taken, lists, place, block))  # type: ignore[arg-type,return-value]


def _uses(key: object) -> int:
    """How many dims a key stands for."""
    return 0 if key is None or key is Ellipsis or isinstance(key, bool) else 1
