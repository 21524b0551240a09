"""Where numpy differs from torch: one function for each op, with exactly numpy's result.

    strides     the strides of new arrays, of copies that keep an order, of reshaped views
    views       reshape, ravel, squeeze, expand_dims, broadcast_to, transposes
    slicing     basic indexing, flips, diagonals, splits, windows, other item sizes
    copies      joins, tile, repeat, roll
    indexing    lists and masks as indices, take

An op takes a layout and gives one of the same class (a view), a `Copy`, or, where bytes do not divide into elements,
a `Refusal`; what numpy refuses raises an `IllegalOp` of numpy's class. A keyword that numpy calls axis is a dim here.
"""

from __future__ import annotations

from stridescope.layout.numpy_rules.copies import (
    column_stack,
    concatenate,
    dstack,
    hstack,
    repeat,
    roll,
    stack,
    tile,
    vstack,
)
from stridescope.layout.numpy_rules.indexing import (
    index,
    take,
)
from stridescope.layout.numpy_rules.slicing import (
    array_split,
    as_strided,
    basic_index,
    diagonal,
    dsplit,
    flip,
    fliplr,
    flipud,
    hsplit,
    rot90,
    sliding_window_view,
    split,
    view_itemsize,
    vsplit,
)
from stridescope.layout.numpy_rules.strides import (
    filled_stride,
    is_c_contiguous,
    is_f_contiguous,
    is_fortran,
    like_stride,
    new_stride,
    result_stride,
)
from stridescope.layout.numpy_rules.views import (
    broadcast_to,
    copy,
    expand_dims,
    flatten,
    moveaxis,
    ravel,
    reshape,
    rollaxis,
    squeeze,
    swapaxes,
    transpose,
)

__all__ = [
    "array_split",
    "as_strided",
    "basic_index",
    "broadcast_to",
    "column_stack",
    "concatenate",
    "copy",
    "diagonal",
    "dsplit",
    "dstack",
    "expand_dims",
    "filled_stride",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "index",
    "is_c_contiguous",
    "is_f_contiguous",
    "is_fortran",
    "like_stride",
    "moveaxis",
    "new_stride",
    "ravel",
    "repeat",
    "reshape",
    "result_stride",
    "roll",
    "rollaxis",
    "rot90",
    "sliding_window_view",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "take",
    "tile",
    "transpose",
    "view_itemsize",
    "vsplit",
    "vstack",
]
