"""The strides numpy gives: to a new array, to a copy that keeps an order, to a reshaped view.

Problem: numpy picks strides by a handful of rules that everything else is built on. Method: those rules, on shape
and stride alone.

    filled     row- or column-major over a shape, a size 0 counted as 1: views of contiguous memory
    new        the same for memory just allocated, where an array without elements gets strides of 0
    like       a new array that keeps the order of an old one's dims ("K"), by the size of their strides
    reshaped   the strides that keep the elements in place, if there are any
    order      the dims in the order a walk in memory order takes them, over one array or several

Strides are in elements. Cost: O(ndim), or O(ndim^2) for the orders.

Source: numpy's `ctors.c` (`_array_fill_strides`, `PyArray_NewLikeArray`), `shape.c` (`_attempt_nocopy_reshape`,
`PyArray_CreateSortedStridePerm`, `PyArray_CreateMultiSortedStridePerm`) and `nditer_constr.c`
(`npyiter_find_best_axis_ordering`), all under `numpy/_core/src/multiarray/`; measured on numpy 2.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stridescope.errors import OpValueError
from stridescope.layout.base import Shape, contiguous_stride
from stridescope.layout.contiguity import is_contiguous

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "by_stride",
    "filled_stride",
    "is_c_contiguous",
    "is_f_contiguous",
    "is_fortran",
    "join_order",
    "like_stride",
    "new_stride",
    "ordered_stride",
    "reshaped_stride",
    "resolved_order",
    "walk_order",
]


def is_c_contiguous(shape: Shape, stride: Shape) -> bool:
    """`flags.c_contiguous`: row-major; no elements is contiguous, size-1 dims are skipped."""
    return is_contiguous(shape, stride)


def is_f_contiguous(shape: Shape, stride: Shape) -> bool:
    """`flags.f_contiguous`: column-major; no elements is contiguous, size-1 dims are skipped."""
    return is_contiguous(shape[::-1], stride[::-1])


def is_fortran(shape: Shape, stride: Shape) -> bool:
    """`flags.fnc`: column-major and not row-major; what order "A" asks."""
    return is_f_contiguous(shape, stride) and not is_c_contiguous(shape, stride)


def resolved_order(order: str, shape: Shape, stride: Shape) -> Literal["C", "F"]:
    """The order "A" stands for on this array; "C" and "F" stand for themselves.

    Raises:
        OpValueError: there is no such order, or "K", which reshape does not take.
    """
    if order == "A":
        return "F" if is_fortran(shape, stride) else "C"
    if order == "F":
        return "F"
    if order == "C":
        return "C"
    raise OpValueError("order", f"order {order!r} cannot be used here; use 'C', 'F' or 'A'")


def filled_stride(shape: Shape, order: str = "C") -> Shape:
    """Strides over contiguous memory.

    >>> filled_stride((3, 0, 2)), filled_stride((3, 4), "F")
    ((2, 2, 1), (1, 3))
    """
    return contiguous_stride(shape[::-1])[::-1] if order == "F" else contiguous_stride(shape)


def new_stride(shape: Shape, order: str = "C") -> Shape:
    """Strides of a newly allocated array.

    >>> new_stride((3, 0, 2)), new_stride((3, 4), "F")
    ((0, 0, 0), (1, 3))
    """
    return (0,) * len(shape) if 0 in shape else filled_stride(shape, order)


def ordered_stride(shape: Shape, slowest_first: Iterable[int]) -> Shape:
    """Strides of a newly allocated array whose dims are laid out in an order."""
    if 0 in shape:
        return (0,) * len(shape)
    stride = [0] * len(shape)
    step = 1
    for dim in reversed(tuple(slowest_first)):
        stride[dim] = step
        step *= shape[dim]
    return tuple(stride)


def by_stride(stride: Shape) -> list[int]:
    """Dims from the largest stride to the smallest, whatever its sign; equal ones stay in place."""
    return sorted(range(len(stride)), key=lambda dim: -abs(stride[dim]))


def like_stride(shape: Shape, stride: Shape, order: str = "K") -> Shape:
    """Strides of a new array with the shape of an old one: `np.copy`, `astype`, `empty_like`.

    >>> like_stride((4, 3), (-1, 8))
    (1, 4)

    Raises:
        OpValueError: there is no such order.
    """
    if order != "K":
        return new_stride(shape, resolved_order(order, shape, stride))
    if is_c_contiguous(shape, stride) or len(shape) < 2:
        return new_stride(shape)
    if is_f_contiguous(shape, stride):
        return new_stride(shape, "F")
    return ordered_stride(shape, by_stride(stride))


def reshaped_stride(shape: Shape, stride: Shape, new_shape: Shape, order: str = "C") -> Shape | int:
    """Strides that show an array in another shape without moving it, or the dim before which it fails.

    Walks both shapes from the front in blocks of equal numel; inside a block the old dims must follow each other
    without a gap. Size-1 dims of the old shape play no part; those left over at the end of the new shape get the
    stride that the next dim would have. Neither shape has elements missing: numel is the same and not 0.
    """
    dims = [dim for dim, size in enumerate(shape) if size != 1]
    result = [0] * len(new_shape)
    old = new = 0
    while new < len(new_shape) and old < len(dims):
        old_end, new_end = old + 1, new + 1
        have, wanted = shape[dims[old]], new_shape[new]
        while have != wanted:
            if wanted < have:
                wanted *= new_shape[new_end]
                new_end += 1
            else:
                have *= shape[dims[old_end]]
                old_end += 1
        for a, b in zip(dims[old:old_end], dims[old + 1 : old_end], strict=False):
            follows = stride[b] == shape[a] * stride[a] if order == "F" else stride[a] == shape[b] * stride[b]
            if not follows:
                return b
        block = range(new, new_end) if order == "F" else range(new_end - 1, new - 1, -1)
        step = stride[dims[old]] if order == "F" else stride[dims[old_end - 1]]
        for dim in block:
            result[dim] = step
            step *= new_shape[dim]
        old, new = old_end, new_end
    last = 1
    if new:
        last = result[new - 1] * (new_shape[new - 1] if order == "F" else 1)
    result[new:] = [last] * (len(new_shape) - new)
    return tuple(result)


def _sorted_in(start: Sequence[int], ranks: Sequence[Sequence[int | None]]) -> list[int]:
    """`start`, insertion-sorted so that ranks ascend; a rank of None says nothing about its dim.

    Where operands disagree the order stands; where none can tell, the search for a place goes on further up.
    """
    order = list(start)
    for at in range(1, len(order)):
        dim, place = order[at], at
        for before in range(at - 1, -1, -1):
            other = order[before]
            pairs = ((rank[dim], rank[other]) for rank in ranks)
            verdicts = [mine < theirs for mine, theirs in pairs if mine is not None and theirs is not None]
            if not verdicts:
                continue
            if not all(verdicts):
                break
            place = before
        order.insert(place, order.pop(at))
    return order


def walk_order(shape: Shape, strides: Sequence[Shape]) -> list[int]:
    """Dims, slowest first, as numpy's iterator takes them in memory order over arrays broadcast to a shape.

    A stride of 0 and a dim of size 1 say nothing.

    >>> walk_order((2, 3, 4), [(1, 0, 2)])
    [1, 2, 0]
    """
    ranks = [
        [abs(step) if step and size != 1 else None for size, step in zip(shape, stride, strict=True)]
        for stride in strides
    ]
    return _sorted_in(range(len(shape) - 1, -1, -1), ranks)[::-1]


def result_stride(shape: Shape, strides: Sequence[Shape]) -> Shape:
    """Strides of what an element-wise op makes of arrays, all broadcast to a shape: dense, in the order of the walk.

    >>> result_stride((2, 3), [(1, 2)])
    (1, 2)
    """
    return ordered_stride(shape, walk_order(shape, strides))


def join_order(layouts: Sequence[tuple[Shape, Shape]]) -> list[int]:
    """Dims, slowest first, of what `concatenate` makes of (shape, stride) pairs of one rank."""
    ranks = [
        [-abs(step) if size != 1 else None for size, step in zip(shape, stride, strict=True)]
        for shape, stride in layouts
    ]
    return _sorted_in(range(len(layouts[0][0])), ranks)
