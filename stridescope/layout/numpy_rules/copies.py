"""numpy's rules for joins and repeats, which always copy.

Problem: numpy lays these results out by rules of its own: joins follow the order of their inputs' strides, `tile` of
an array without elements is a view, `roll` keeps the order of dims and repeats do not. Method: each op gives the new
layout and a `Pick` that says where each element came from; no op touches data.

Strides are in elements. Cost: O(ndim), and the size of the given counts.

Source: numpy's `numpy/_core/src/multiarray/multiarraymodule.c` (concatenate) and `item_selection.c` (repeat),
`numpy/_core/shape_base.py`, `numpy/_core/numeric.py` (roll), `numpy/lib/_shape_base_impl.py`; measured on numpy 2.4.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

from stridescope.errors import OpValueError
from stridescope.layout.copy import (
    Composed,
    Copy,
    Pick,
    Reordered,
    Repeated,
    Rolled,
    Stacked,
    Stretched,
    unravel_index,
)
from stridescope.layout.numpy_rules.dims import L, made, wrap_dim, wrap_dims
from stridescope.layout.numpy_rules.strides import (
    filled_stride,
    is_fortran,
    join_order,
    like_stride,
    new_stride,
    ordered_stride,
)
from stridescope.layout.numpy_rules.views import reshape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout.base import Shape, Strided

__all__ = [
    "column_stack",
    "concatenate",
    "copied",
    "dstack",
    "hstack",
    "repeat",
    "roll",
    "stack",
    "tile",
    "vstack",
]


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


def copied(x: L, shape: Shape, stride: Shape, pick: Pick) -> Copy[L]:
    """One array's elements in a new storage."""
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
    return copied(x, shape, new_stride(shape) if kept else filled_stride(shape), Repeated(x.shape))


def _with_dims_in_front(x: L, rank: int) -> L:
    """`np.array(x, ndmin=rank)`."""
    new = rank - x.ndim
    step = 1 if not x.ndim or is_fortran(x.shape, x.stride) else x.shape[0] * x.stride[0]
    return made(x, (1,) * new + x.shape, (step,) * new + x.stride)


def along(x: Strided, dim: int | None) -> tuple[int, Shape, Reordered | None]:
    """The dim an op runs along, the shape it runs over, and the pick from it where that is the flattened array.

    Raises:
        OpAxisError: there is no such dim; a 0-dim array is flattened to one.
    """
    if dim is not None and x.ndim:
        return wrap_dim(dim, x.ndim), x.shape, None
    return wrap_dim(dim or 0, 1), (x.numel,), Reordered((x.numel,), x.shape)


def repeat(x: L, repeats: int | Sequence[int], dim: int | None = None) -> Copy[L]:
    """`np.repeat(x, repeats, axis)`: each position in place; of the flattened array when the dim is None."""
    dim, shape, flatten = along(x, dim)
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
    return copied(x, new, new_stride(new), pick if flatten is None else Composed(pick, flatten))


def roll(x: L, shift: int | Sequence[int], dim: int | Sequence[int] | None = None) -> Copy[L]:
    """`np.roll(x, shift, axis)`: shifted round; through the flattened array when the dim is None."""
    shifts = (shift,) if isinstance(shift, int) else tuple(shift)
    if dim is None:
        flat, total = (x.numel,), sum(shifts)
        pick = Composed(Composed(Reordered(x.shape, flat), Rolled(((0, total),), flat)), Reordered(flat, x.shape))
        stride = new_stride(x.shape) if x.ndim == 1 else filled_stride(x.shape)
        return copied(x, x.shape, stride, pick)
    dims = wrap_dims(dim, x.ndim, repeats=True)
    if len(shifts) != len(dims) and 1 not in (len(shifts), len(dims)):
        raise OpValueError(
            "roll_shifts", f"roll needs a shift for each dim, got {len(shifts)} shifts, {len(dims)} dims"
        )
    if not x.ndim:
        raise OpValueError("zero_dim", "a 0-dim array has no dim to roll along; leave the dim out")
    pairs = max(len(shifts), len(dims)) if shifts and dims else 0
    moves = tuple((dims[n % len(dims)], shifts[n % len(shifts)]) for n in range(pairs))
    return copied(x, x.shape, like_stride(x.shape, x.stride), Rolled(moves, x.shape))
