"""numpy's rules for views: what an expression on arrays keeps in place, and with which strides.

Problem: numpy and torch agree on what a layout is and differ in what ops make of it. In numpy steps and strides
may be negative, reshape takes an order, a new dim has stride 0, rot90 and flip are views. Method: one function
for each op, on shape, stride and offset alone, each giving exactly numpy's result. Every function takes a layout
and gives one of the same class (a view), a `Copy`, or, where bytes do not divide into elements, a `Refusal`.
What always copies is in `numpy_copies`; the strides of new arrays are in `numpy_strides`.

Words: numpy's "axis" is a dim here. Strides are in elements; `byte_stride` and item sizes are in bytes.

Cost: O(ndim), and O(pieces) for the splits. Nothing depends on numel.

Source: numpy's `numpy/_core/src/multiarray/shape.c`, `item_selection.c`, `getset.c`, `mapping.c`, and
`numpy/lib/_shape_base_impl.py`, `_function_base_impl.py`, `_stride_tricks_impl.py`; measured on numpy 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from operator import index as as_int
from typing import TYPE_CHECKING, TypeVar

from stridescope.errors import OpIndexError, OpValueError
from stridescope.layout.base import Shape, Strided
from stridescope.layout.copy import Copy, Same
from stridescope.layout.numpy_strides import (
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
    from collections.abc import Iterable, Sequence

__all__ = [
    "OpAxisError",
    "array_split",
    "as_strided",
    "basic_index",
    "broadcast_to",
    "copy",
    "diagonal",
    "dsplit",
    "expand_dims",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "moveaxis",
    "ravel",
    "reshape",
    "rollaxis",
    "rot90",
    "sliding_window_view",
    "split",
    "squeeze",
    "swapaxes",
    "transpose",
    "view_itemsize",
    "vsplit",
    "wrap_dims",
]

L = TypeVar("L", bound=Strided)


class OpAxisError(OpValueError, OpIndexError):
    """numpy raises AxisError here, which is a ValueError and an IndexError."""


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


def made(x: L, shape: Iterable[int], stride: Iterable[int], storage_offset: int | None = None) -> L:
    """A layout of the class of `x`, at its offset unless another is given."""
    return x._with(tuple(shape), tuple(stride), storage_offset)  # noqa: SLF001 - the class's own constructor


def wrap_dim(dim: int, ndim: int, what: str = "dim") -> int:
    """The dim counted from the front.

    Raises:
        OpAxisError: there is no such dim; unlike in torch a 0-dim array has none.
    """
    if -ndim <= dim < ndim:
        return dim + ndim if dim < 0 else dim
    takes = f"takes {-ndim} to {ndim - 1}" if ndim else "has none"
    raise OpAxisError("dim_range", f"{what} {dim} is out of range: a {ndim}-dim array {takes}")


def wrap_dims(dims: int | Sequence[int], ndim: int, *, repeats: bool = False, what: str = "dim") -> Shape:
    """All dims counted from the front, each listed once unless `repeats`.

    Raises:
        OpAxisError: there is no such dim.
        OpValueError: one is listed twice.
    """
    listed = (dims,) if isinstance(dims, int) else tuple(dims)
    wrapped = tuple(wrap_dim(dim, ndim, what) for dim in listed)
    if not repeats and len(set(wrapped)) < len(wrapped):
        raise OpValueError("dim_repeated", f"{what}s {list(listed)} list a dim twice; list it once")
    return wrapped


# ---------------------------------------------------------------------------------- shape


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


# ------------------------------------------------------------------------- order of dims


def transpose(x: L, dims: Sequence[int] | None = None) -> L:
    """`np.transpose(x, axes)`, `x.T`: new dim d is old dim `dims[d]`; reversed when None."""
    if dims is None:
        return _picked(x, range(x.ndim - 1, -1, -1))
    if len(dims) != x.ndim:
        raise OpValueError("permute_rank", f"transpose needs all {x.ndim} dims in their new order, got {list(dims)}")
    return _picked(x, wrap_dims(dims, x.ndim))


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


# ------------------------------------------------------------------------------- indexing


def basic_index(x: L, key: object) -> L:
    """`x[key]` for ints, slices (of any step), None and Ellipsis; a new dim has stride 0.

    Where ints index every dim numpy gives a scalar, not an array; this gives the 0-dim layout it was read from.

    >>> from stridescope.layout import Layout
    >>> basic_index(Layout.contiguous((3, 4)), (slice(None, None, -1), None, 2))
    Layout((3, 1), (-4, 0), 10)

    Raises:
        OpIndexError: too many indices, one out of range, or not a basic index.
        OpValueError: a step of 0.
    """
    keys = key if isinstance(key, tuple) else (key,)
    named = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if sum(1 for k in keys if k is Ellipsis) > 1:
        raise OpIndexError("index_ellipsis", "an index takes one ... at most")
    if named > x.ndim:
        raise OpIndexError("index_count", f"{named} indices for an array of {x.ndim} dims; it takes at most {x.ndim}")
    shape: list[int] = []
    stride: list[int] = []
    offset, dim = x.storage_offset, 0
    for k in (*keys, *(() if any(k is Ellipsis for k in keys) else (Ellipsis,))):
        if k is None:
            shape.append(1)
            stride.append(0)
        elif k is Ellipsis:
            end = dim + x.ndim - named
            shape += x.shape[dim:end]
            stride += x.stride[dim:end]
            dim = end
        elif isinstance(k, slice):
            first, size, step = sliced(x.shape[dim], k)
            offset += first * x.stride[dim]
            shape.append(size)
            stride.append(step * x.stride[dim])
            dim += 1
        elif isinstance(k, int) and not isinstance(k, bool):
            offset += wrap_position(k, x.shape[dim], dim) * x.stride[dim]
            dim += 1
        else:
            raise OpIndexError("index_kind", f"a basic index is an int, a slice, None or ..., not {type(k).__name__}")
    return made(x, shape, stride, offset)


def sliced(size: int, key: slice) -> tuple[int, int, int]:
    """(first position, size, step) of a slice; an empty one starts at 0 with step 1, as in numpy."""
    if key.step == 0:
        raise OpValueError("slice_step", "slice step is 0; use a positive or a negative one")
    first, last, step = key.indices(size)
    count = len(range(first, last, step))
    return (first, count, step) if count else (0, 0, 1)


def wrap_position(position: int, size: int, dim: int) -> int:
    """A position of a dim counted from the front.

    Raises:
        OpIndexError: the dim has no such position.
    """
    if not -size <= position < size:
        takes = f"takes {-size} to {size - 1}" if size else "has no positions"
        raise OpIndexError("index_range", f"index {position} is out of range: dim {dim} of size {size} {takes}", (dim,))
    return position + size if position < 0 else position


def flip(x: L, dim: int | Sequence[int] | None = None) -> L:
    """`np.flip(x, axis)`: dims backwards, all of them when None; a view with negative strides."""
    dims = range(x.ndim) if dim is None else wrap_dims(dim, x.ndim)
    return basic_index(x, tuple(slice(None, None, -1 if d in dims else 1) for d in range(x.ndim)))


def fliplr(x: L) -> L:
    """`np.fliplr(x)`: dim 1 backwards."""
    _need_dims("fliplr", x, 2)
    return flip(x, 1)


def flipud(x: L) -> L:
    """`np.flipud(x)`: dim 0 backwards."""
    _need_dims("flipud", x, 1)
    return flip(x, 0)


def rot90(x: L, k: int = 1, dims: Sequence[int] = (0, 1)) -> L:
    """`np.rot90(x, k, axes)`: quarter turns from the first dim towards the second; a view."""
    if len(dims) != 2:
        raise OpValueError("rot90_dims", f"rot90 turns a plane of 2 dims, got {list(dims)}")
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == x.ndim:
        raise OpValueError("dim_repeated", f"rot90 needs two different dims, got {list(dims)}")
    if not all(-x.ndim <= d < x.ndim for d in dims):
        raise OpValueError("dim_range", f"rot90 dims {list(dims)} are out of range for an array of {x.ndim} dims")
    turns = k % 4
    if turns == 0:
        return made(x, x.shape, x.stride)
    if turns == 2:
        return flip(flip(x, dims[0]), dims[1])
    if turns == 1:
        return swapaxes(flip(x, dims[1]), dims[0], dims[1])
    return flip(swapaxes(x, dims[0], dims[1]), dims[1])


def diagonal(x: L, offset: int = 0, dim1: int = 0, dim2: int = 1) -> L:
    """`np.diagonal(x, offset, axis1, axis2)`: read-only; the two dims become one last dim of stride s1 + s2."""
    _need_dims("diagonal", x, 2)
    a, b = wrap_dim(dim1, x.ndim, "axis1"), wrap_dim(dim2, x.ndim, "axis2")
    if a == b:
        raise OpValueError("dim_repeated", f"diagonal needs two different dims, got dim {a} twice", (a,))
    rows, columns = x.shape[a] + min(offset, 0), x.shape[b] - max(offset, 0)
    size = max(min(rows, columns), 0)
    first = offset * x.stride[b] if offset >= 0 else -offset * x.stride[a]
    kept = [d for d in range(x.ndim) if d not in (a, b)]
    return made(
        x,
        (*(x.shape[d] for d in kept), size),
        (*(x.stride[d] for d in kept), x.stride[a] + x.stride[b]),
        x.storage_offset + (first if size else 0),
    )


# --------------------------------------------------------------------------------- pieces


def array_split(x: L, where: int | Sequence[int], dim: int = 0) -> tuple[L, ...]:
    """`np.array_split(x, indices_or_sections, axis)`: that many pieces, the first ones longer; or cut at indices."""
    _need_split_dim(x, dim)
    size = x.shape[dim]
    if isinstance(where, int):
        if where <= 0:
            raise OpValueError("split_size", f"a split needs at least 1 section, got {where}")
        least, longer = divmod(size, where)
        cuts = [part * least + min(part, longer) for part in range(where + 1)]
    else:
        cuts = [0, *where, size]
    before = (slice(None),) * (dim % x.ndim)
    return tuple(basic_index(x, (*before, slice(a, b))) for a, b in pairwise(cuts))


def split(x: L, where: int | Sequence[int], dim: int = 0) -> tuple[L, ...]:
    """`np.split(x, indices_or_sections, axis)`: equal pieces, or cut at indices."""
    _need_split_dim(x, dim)
    if isinstance(where, int) and (where == 0 or x.shape[dim] % where):
        raise OpValueError(
            "split_size",
            f"split into {where} equal pieces: dim {dim} has size {x.shape[dim]}; array_split takes uneven ones",
            (dim % x.ndim,),
        )
    return array_split(x, where, dim)


def hsplit(x: L, where: int | Sequence[int]) -> tuple[L, ...]:
    """`np.hsplit`: along dim 1, or dim 0 of a 1-dim array."""
    _need_dims("hsplit", x, 1)
    return split(x, where, 0 if x.ndim == 1 else 1)


def vsplit(x: L, where: int | Sequence[int]) -> tuple[L, ...]:
    """`np.vsplit`: along dim 0 of at least 2."""
    _need_dims("vsplit", x, 2)
    return split(x, where, 0)


def dsplit(x: L, where: int | Sequence[int]) -> tuple[L, ...]:
    """`np.dsplit`: along dim 2."""
    _need_dims("dsplit", x, 3)
    return split(x, where, 2)


def _need_dims(name: str, x: Strided, least: int) -> None:
    if x.ndim < least:
        raise OpValueError("rank", f"{name} needs at least {least} dims, got {x.ndim}")


def _need_split_dim(x: Strided, dim: int) -> None:
    if not -x.ndim <= dim < x.ndim:
        # Not an AxisError: numpy looks the size up in the shape.
        raise OpIndexError("dim_range", f"dim {dim} is out of range: the array has {x.ndim} dims")


# -------------------------------------------------------------------------- other windows


def sliding_window_view(x: L, window: int | Sequence[int], dim: int | Sequence[int] | None = None) -> L:
    """`np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)`, read-only: windows as new last dims.

    >>> from stridescope.layout import Layout
    >>> sliding_window_view(Layout.contiguous((8,)), 3)
    Layout((6, 3), (1, 1))
    """
    sizes = (window,) if isinstance(window, int) else tuple(window)
    if any(size < 0 for size in sizes):
        raise OpValueError("window_size", f"window sizes {list(sizes)} include a negative one")
    dims = tuple(range(x.ndim)) if dim is None else wrap_dims(dim, x.ndim, repeats=True)
    if len(sizes) != len(dims):
        raise OpValueError("window_size", f"a window of {len(sizes)} sizes for {len(dims)} dims; one for each")
    left = list(x.shape)
    for d, size in zip(dims, sizes, strict=True):
        if size > left[d]:
            raise OpValueError("window_size", f"a window of {size} does not fit dim {d} of size {left[d]}", (d,))
        left[d] -= size - 1
    return made(x, (*left, *sizes), (*x.stride, *(x.stride[d] for d in dims)))


def as_strided(
    x: L, itemsize: int, shape: Sequence[int] | None = None, byte_stride: Sequence[int] | None = None
) -> L | Refusal:
    """`np.lib.stride_tricks.as_strided(x, shape, strides)`: any layout, at the offset of `x`.

    Args:
        x: the array.
        itemsize: its item size, in bytes.
        shape: sizes; those of `x` when None.
        byte_stride: strides in bytes; those of `x` when None.

    Returns:
        The view, or a Refusal where a byte stride is no whole number of elements.
    """
    sizes = x.shape if shape is None else tuple(shape)
    steps = tuple(step * itemsize for step in x.stride) if byte_stride is None else tuple(byte_stride)
    if len(sizes) != len(steps):
        raise OpValueError("as_strided", f"as_strided needs one stride for each size, got {sizes} and {steps}")
    if any(size < 0 for size in sizes):
        raise OpValueError("as_strided", f"as_strided sizes {list(sizes)} include a negative one")
    return _from_bytes(x, sizes, steps, x.storage_offset * itemsize, itemsize)


def view_itemsize(x: L, old: int, new: int) -> L | Refusal:
    """`x.view(dtype)` between item sizes, in bytes.

    >>> from stridescope.layout import Layout
    >>> view_itemsize(Layout.contiguous((3, 4)), 8, 4)
    Layout((3, 8), (8, 1))

    Returns:
        The view, or a Refusal where numpy's byte strides or offset are no whole number of the new elements.

    Raises:
        OpValueError: a 0-dim array, a last dim with gaps, or sizes that do not divide.
    """
    if old == new:
        return made(x, x.shape, x.stride)
    what = f"items of {old} B as items of {new} B"
    if x.ndim == 0:
        raise OpValueError("dtype_view", f"{what}: a 0-dim array has no dim to hold them")
    last = x.ndim - 1
    if x.shape[-1] != 1 and x.numel and x.stride[-1] != 1:
        raise OpValueError("dtype_view", f"{what}: stride[{last}] must be 1, got {x.stride[-1]}", (last,))
    row = x.shape[-1] * old
    if (old % new) if new < old else (row % new):
        raise OpValueError("dtype_view", f"{what}: {row} B in dim {last} do not divide into items of {new} B", (last,))
    steps = (*(step * old for step in x.stride[:-1]), new)
    return _from_bytes(x, (*x.shape[:-1], row // new), steps, x.storage_offset * old, new)


def _from_bytes(x: L, shape: Shape, byte_stride: Shape, byte_offset: int, itemsize: int) -> L | Refusal:
    for dim, step in enumerate(byte_stride):
        if step % itemsize:
            return Refusal(
                "byte_stride", f"byte stride {step} of dim {dim} is no whole number of elements of {itemsize} B", (dim,)
            )
    if byte_offset % itemsize:
        return Refusal("byte_offset", f"byte offset {byte_offset} is no whole number of elements of {itemsize} B")
    return made(x, shape, (step // itemsize for step in byte_stride), byte_offset // itemsize)
