"""numpy's rules for picking elements by position, and for reading bytes in another way: all views.

Problem: steps may be negative, so flip and rot90 are views; a new dim has stride 0; an empty slice keeps its stride;
windows and dtype views work on bytes. Method: one function for each op; each moves the offset to its first element
and scales, drops or adds strides. Where bytes do not divide into elements the answer is a `Refusal`.

Strides are in elements; `byte_stride` and item sizes are in bytes. Cost: O(ndim), and O(pieces) for the splits.

Source: numpy's `numpy/_core/src/multiarray/mapping.c`, `item_selection.c`, `getset.c`, and
`numpy/lib/_function_base_impl.py`, `_shape_base_impl.py`, `_stride_tricks_impl.py`; measured on numpy 2.4.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stridescope.errors import OpIndexError, OpValueError
from stridescope.layout.numpy_rules.dims import L, made, need_dims, wrap_dim, wrap_dims, wrap_position
from stridescope.layout.numpy_rules.strides import (
    filled_stride,
    is_c_contiguous,
)
from stridescope.layout.numpy_rules.views import swapaxes
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout.base import Shape, Strided

__all__ = [
    "array_split",
    "as_strided",
    "basic_index",
    "diagonal",
    "dsplit",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "rot90",
    "sliced",
    "sliding_window_view",
    "split",
    "view_itemsize",
    "vsplit",
]


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


def flip(x: L, dim: int | Sequence[int] | None = None) -> L:
    """`np.flip(x, axis)`: dims backwards, all of them when None; a view with negative strides."""
    dims = range(x.ndim) if dim is None else wrap_dims(dim, x.ndim)
    return basic_index(x, tuple(slice(None, None, -1 if d in dims else 1) for d in range(x.ndim)))


def fliplr(x: L) -> L:
    """`np.fliplr(x)`: dim 1 backwards."""
    need_dims("fliplr", x, 2)
    return flip(x, 1)


def flipud(x: L) -> L:
    """`np.flipud(x)`: dim 0 backwards."""
    need_dims("flipud", x, 1)
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
    need_dims("diagonal", x, 2)
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
        x.storage_offset + (first if min(rows, columns) >= 0 else 0),
    )


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
    need_dims("hsplit", x, 1)
    return split(x, where, 0 if x.ndim == 1 else 1)


def vsplit(x: L, where: int | Sequence[int]) -> tuple[L, ...]:
    """`np.vsplit`: along dim 0 of at least 2."""
    need_dims("vsplit", x, 2)
    return split(x, where, 0)


def dsplit(x: L, where: int | Sequence[int]) -> tuple[L, ...]:
    """`np.dsplit`: along dim 2."""
    need_dims("dsplit", x, 3)
    return split(x, where, 2)


def _need_split_dim(x: Strided, dim: int) -> None:
    if not -x.ndim <= dim < x.ndim:
        # Not an AxisError: numpy looks the size up in the shape.
        raise OpIndexError("dim_range", f"dim {dim} is out of range: the array has {x.ndim} dims")


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
        byte_stride: strides in bytes; when None those of `x`, but row-major ones when `x` is so.

    Returns:
        The view, or a Refusal where a byte stride is no whole number of elements.
    """
    sizes = x.shape if shape is None else tuple(shape)
    if byte_stride is not None:
        steps = tuple(byte_stride)
    else:
        # numpy passes on what the array's interface says, and that names no strides when it is row-major.
        same = filled_stride(sizes) if is_c_contiguous(x.shape, x.stride) else x.stride
        steps = tuple(step * itemsize for step in same)
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
