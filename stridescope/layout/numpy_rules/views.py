"""numpy's rules for another shape or another order of dims over the same elements.

Problem: reshape in numpy takes an order and fills strides in its own way; squeeze, expand_dims, broadcast_to and the
transposes each treat dims of size 1 and 0 as only numpy does. Method: one function for each op, on shape, stride and
offset alone; it gives a layout of the same class (a view) or a `Copy` that says why.

Strides are in elements. Cost: O(ndim).

Source: numpy's `numpy/_core/src/multiarray/shape.c`, `numpy/lib/_shape_base_impl.py`, `_stride_tricks_impl.py` and
`numpy/_core/numeric.py`; measured on numpy 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from operator import index as as_int
from typing import TYPE_CHECKING

from stridescope.errors import OpAxisError, OpValueError
from stridescope.layout.copy import Copy, Same
from stridescope.layout.numpy_rules.dims import L, made, wrap_dim, wrap_dims
from stridescope.layout.numpy_rules.strides import (
    by_stride,
    filled_stride,
    is_c_contiguous,
    is_f_contiguous,
    like_stride,
    new_stride,
    reshaped_stride,
    resolved_order,
    walk_order,
)
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout.base import Shape, Strided

__all__ = [
    "broadcast_to",
    "copy",
    "expand_dims",
    "flatten",
    "moveaxis",
    "ravel",
    "reshape",
    "rollaxis",
    "squeeze",
    "swapaxes",
    "transpose",
]


@dataclass(frozen=True, slots=True)
class Walked:
    """The same place in two walks, each through a shape with its dims in an order, slowest first."""

    shape: Shape
    order: Shape
    source_shape: Shape
    source_order: Shape

    def __call__(self, index: Shape) -> tuple[int, Shape]:
        place = 0
        for dim in self.order:
            place = place * self.shape[dim] + index[dim]
        source = [0] * len(self.source_shape)
        for dim in reversed(self.source_order):
            place, source[dim] = divmod(place, self.source_shape[dim])
        return 0, tuple(source)


def infer_shape(shape: Sequence[int], numel: int) -> Shape:
    """The shape with its one negative size replaced by what `numel` leaves.

    Raises:
        OpValueError: two negative sizes, or sizes that do not multiply to `numel`.
    """
    unknown = [dim for dim, size in enumerate(shape) if size < 0]
    if len(unknown) > 1:
        raise OpValueError(
            "shape_two_inferred", f"shape {list(shape)} leaves {len(unknown)} sizes open; only one can be inferred", ()
        )
    known = prod(size for size in shape if size >= 0)
    if not unknown:
        if known == numel:
            return tuple(shape)
        raise OpValueError("shape_numel", f"shape {list(shape)} needs {known:,} elements; the array has {numel:,}")
    if known == 0 or numel % known:
        needs = f"needs a multiple of {known:,} elements" if known else "has a size 0, which leaves -1 open"
        raise OpValueError("shape_numel", f"shape {list(shape)} {needs}; the array has {numel:,}")
    return (*shape[: unknown[0]], numel // known, *shape[unknown[0] + 1 :])


def reshape(x: L, shape: int | Sequence[int], order: str = "C") -> L | Copy[L]:
    """`np.reshape(x, shape, order)`: a view where one exists, else a copy in that order.

    >>> from stridescope.layout import Layout
    >>> reshape(Layout((4,), (-1,), 3), (2, -1))
    Layout((2, 2), (-2, -1), 3)

    Raises:
        OpValueError: the sizes do not fit numel, or there is no such order.
    """
    resolved = resolved_order(order, x.shape, x.stride)
    wanted = (shape,) if isinstance(shape, int) else tuple(as_int(size) for size in shape)
    if wanted == x.shape:
        return made(x, x.shape, x.stride)
    wanted = infer_shape(wanted, x.numel)
    if (is_f_contiguous if resolved == "F" else is_c_contiguous)(x.shape, x.stride):
        return made(x, wanted, filled_stride(wanted, resolved))
    stride = reshaped_stride(x.shape, x.stride, wanted, resolved)
    if not isinstance(stride, int):
        return made(x, wanted, stride)
    return _walked(x, wanted, new_stride(wanted, resolved), resolved, _not_mergeable(x, wanted, stride, resolved))


def _not_mergeable(x: Strided, wanted: Shape, after: int, order: str) -> Refusal:
    before = max(dim for dim in range(after) if x.shape[dim] != 1)
    # In column-major order the later dim is the one that must be the larger step.
    short, long = (before, after) if order == "F" else (after, before)
    needed, found = x.shape[short] * x.stride[short], x.stride[long]
    return Refusal(
        "dims_not_mergeable",
        f"shape {wanted} must merge dims {before} and {after}, but stride[{long}] is {found} where merging in order "
        f"{order} needs size[{short}]·stride[{short}] = {needed}",
        (before, after),
        needed,
        found,
    )


def _walked(x: L, shape: Shape, stride: Shape, order: str, why: Refusal | None = None) -> Copy[L]:
    """A copy that takes the elements in an order and lays them out in the same one."""
    dims = walk_order(x.shape, [x.stride]) if order == "K" else _dims_in(order, x.ndim)
    new = _dims_in("C" if order == "K" else order, len(shape))
    return Copy(made(x, shape, stride, 0), (x,), Walked(shape, tuple(new), x.shape, tuple(dims)), why)


def _dims_in(order: str, ndim: int) -> Sequence[int]:
    return range(ndim - 1, -1, -1) if order == "F" else range(ndim)


def ravel(x: L, order: str = "C") -> L | Copy[L]:
    """`np.ravel(x, order)`: one dim; a view of memory that is already in that order, without gaps."""
    if order == "K":
        if is_c_contiguous(x.shape, x.stride):
            order = "C"
        elif is_f_contiguous(x.shape, x.stride):
            order = "F"
        elif _steps_without_gaps(x):
            return made(x, (x.numel,), (1,))
    else:
        order = resolved_order(order, x.shape, x.stride)
    if order != "K" and (is_f_contiguous if order == "F" else is_c_contiguous)(x.shape, x.stride):
        return made(x, (x.numel,), (1,))
    why = Refusal("not_contiguous", f"the elements do not lie in order {order} without gaps")
    return _walked(x, (x.numel,), new_stride((x.numel,)), order, why)


def _steps_without_gaps(x: Strided) -> bool:
    step = 1
    for dim in reversed(by_stride(x.stride)):
        if x.shape[dim] != 1:
            if x.stride[dim] != step:
                return False
            step *= x.shape[dim]
    return True


def flatten(x: L, order: str = "C") -> Copy[L]:
    """`x.flatten(order)`: one dim, always a copy."""
    if order != "K":
        order = resolved_order(order, x.shape, x.stride)
    return _walked(x, (x.numel,), new_stride((x.numel,)), order)


def copy(x: L, order: str = "K") -> Copy[L]:
    """`np.copy(x, order)`, `x.astype(dtype, order)`; `x.copy()` has order "C" unless told otherwise."""
    return Copy(made(x, x.shape, like_stride(x.shape, x.stride, order), 0), (x,), Same())


def squeeze(x: L, dim: int | Sequence[int] | None = None) -> L:
    """`np.squeeze(x, axis)`: drops size-1 dims: all, or those listed.

    Raises:
        OpAxisError: there is no such dim.
        OpValueError: one is listed twice, or its size is not 1.
    """
    if dim is None:
        dropped = {d for d in range(x.ndim) if x.shape[d] == 1}
    elif x.ndim == 0 and dim in (0, -1):
        # numpy lets this pass for a 0-dim array.
        return made(x, (), ())
    else:
        dropped = set(wrap_dims(dim, x.ndim))
    for d in sorted(dropped):
        if x.shape[d] != 1:
            raise OpValueError("squeeze_size", f"dim {d} has size {x.shape[d]}; only a size-1 dim can go", (d,))
    kept = [d for d in range(x.ndim) if d not in dropped]
    return _picked(x, kept)


def _picked(x: L, dims: Sequence[int]) -> L:
    return made(x, (x.shape[d] for d in dims), (x.stride[d] for d in dims))


def expand_dims(x: L, dim: int | Sequence[int]) -> L:
    """`np.expand_dims(x, axis)`: new size-1 dims at these places of the result; a reshape underneath."""
    count = 1 if isinstance(dim, int) else len(dim)
    places = wrap_dims(dim, x.ndim + count)
    sizes = iter(x.shape)
    result = reshape(x, [1 if d in places else next(sizes) for d in range(x.ndim + count)])
    assert not isinstance(result, Copy)
    return result


def broadcast_to(x: L, shape: int | Sequence[int]) -> L:
    """`np.broadcast_to(x, shape)`, read-only; every size-1 dim gets stride 0, the new ones and the old.

    Raises:
        OpValueError: the shape does not fit.
    """
    wanted = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size < 0 for size in wanted):
        raise OpValueError("broadcast_size", f"broadcast to {list(wanted)}: sizes must be 0 or more")
    new = len(wanted) - x.ndim
    if new < 0:
        raise OpValueError(
            "broadcast_rank", f"broadcast to {list(wanted)} names {len(wanted)} dims; the array has {x.ndim}"
        )
    for dim, (have, size) in enumerate(zip(x.shape, wanted[new:], strict=True)):
        if have not in (1, size):
            raise OpValueError(
                "broadcast_size",
                f"broadcast to {list(wanted)}: dim {dim} has size {have}, not {size}; only a size-1 dim can repeat",
                (dim,),
            )
    kept = (0 if have == 1 else step for have, step in zip(x.shape, x.stride, strict=True))
    return made(x, wanted, (*(0,) * new, *kept))


def transpose(x: L, dims: Sequence[int] | None = None) -> L:
    """`np.transpose(x, axes)`, `x.T`: new dim d is old dim `dims[d]`; reversed when None."""
    if dims is None:
        return _picked(x, range(x.ndim - 1, -1, -1))
    if len(dims) != x.ndim:
        raise OpValueError("permute_rank", f"transpose needs all {x.ndim} dims in their new order, got {list(dims)}")
    order: list[int] = []
    for dim in dims:
        # One after the other, as numpy does: a repeat is told before a later dim that is out of range.
        wrapped = wrap_dim(dim, x.ndim, "axes")
        if wrapped in order:
            raise OpValueError("dim_repeated", f"transpose lists dim {wrapped} twice in {list(dims)}; list it once")
        order.append(wrapped)
    return _picked(x, order)


def swapaxes(x: L, dim1: int, dim2: int) -> L:
    """`np.swapaxes(x, axis1, axis2)`."""
    a, b = wrap_dim(dim1, x.ndim, "axis1"), wrap_dim(dim2, x.ndim, "axis2")
    order = list(range(x.ndim))
    order[a], order[b] = order[b], order[a]
    return _picked(x, order)


def moveaxis(x: L, source: int | Sequence[int], destination: int | Sequence[int]) -> L:
    """`np.moveaxis(x, source, destination)`: moves some dims, the others keep their order."""
    froms, places = wrap_dims(source, x.ndim, what="source"), wrap_dims(destination, x.ndim, what="destination")
    if len(froms) != len(places):
        raise OpValueError("moveaxis_length", f"moveaxis needs as many destinations as sources, got {froms}, {places}")
    order = [d for d in range(x.ndim) if d not in froms]
    for place, dim in sorted(zip(places, froms, strict=True)):
        order.insert(place, dim)
    return _picked(x, order)


def rollaxis(x: L, dim: int, start: int = 0) -> L:
    """`np.rollaxis(x, axis, start)`: moves one dim to just before another."""
    dim = wrap_dim(dim, x.ndim)
    place = start + x.ndim if start < 0 else start
    if not 0 <= place <= x.ndim:
        raise OpAxisError("dim_range", f"start {start} is out of range: it takes {-x.ndim} to {x.ndim}")
    order = [d for d in range(x.ndim) if d != dim]
    order.insert(place - (dim < place), dim)
    return _picked(x, order)
