"""Contiguity in each memory format, and dense strides for new storages.

Problem: torch decides what an op returns, copies or refuses by a handful of stride predicates, each with
its own treatment of size-0 and size-1 dims. Method: those predicates, on shape and stride alone.

    contiguous               row-major; numel 0 is contiguous, size-1 dims are skipped
    channels_last, _3d       the dim order N H W C (N D H W C) at rank 4 (5); no shortcut for numel 0
    suggested memory format  a stricter test that also reads the strides of size-1 dims
    non-overlapping, dense   some permutation of the dims is row-major
    dense like               the strides torch gives a new tensor made "like" one with gaps

Cost: O(ndim), or O(ndim^2) for the sorts. Source: torch's `c10/core/Contiguity.h`,
`c10/core/MemoryFormat.h` and `aten/src/ATen/ExpandUtils.cpp` (`infer_dense_strides`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.errors import OpRuntimeError
from stridescope.layout.base import Shape, Strided, contiguous_stride

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MEMORY_FORMATS",
    "Contiguity",
    "dense_like_stride",
    "is_contiguous",
    "is_non_overlapping_and_dense",
    "iteration_order",
    "stride_for_format",
]

CONTIGUOUS, PRESERVE = "contiguous_format", "preserve_format"

# Dims of a channels-last layout, from the one that varies fastest.
CHANNELS_LAST_ORDER = {"channels_last": (1, 3, 2, 0), "channels_last_3d": (1, 4, 3, 2, 0)}

MEMORY_FORMATS = (CONTIGUOUS, PRESERVE, *CHANNELS_LAST_ORDER)


def is_contiguous(shape: Shape, stride: Shape, order: Shape | None = None) -> bool:
    """Whether the dims, taken in `order` (fastest first; row-major when None), have no gaps.

    >>> is_contiguous((3, 1, 4), (4, 99, 1))
    True
    """
    if order is None:
        if 0 in shape:
            return True
        order = tuple(range(len(shape) - 1, -1, -1))
    expected = 1
    for dim in order:
        if shape[dim] != 1:
            if stride[dim] != expected:
                return False
            expected *= shape[dim]
    return True


def _is_channels_last(shape: Shape, stride: Shape, memory_format: str) -> bool:
    order = CHANNELS_LAST_ORDER[memory_format]
    return len(shape) == len(order) and is_contiguous(shape, stride, order)


def _looks_channels_last(shape: Shape, stride: Shape, memory_format: str) -> bool:
    order = CHANNELS_LAST_ORDER[memory_format]
    if len(shape) != len(order) or stride[1] == 0:
        return False
    least = 0
    for dim in order:
        if shape[dim] == 0 or stride[dim] < least:
            return False
        # An N1C1 tensor with equal strides for N and C is taken for contiguous, not channels last.
        if dim == 0 and least == stride[1]:
            return False
        least = stride[dim]
        if shape[dim] > 1:
            least *= shape[dim]
    return True


def is_non_overlapping_and_dense(shape: Shape, stride: Shape) -> bool:
    """Whether some permutation of the dims is row-major: every address of the span is reached once."""
    if is_contiguous(shape, stride):
        return True
    if any(_is_channels_last(shape, stride, name) for name in CHANNELS_LAST_ORDER):
        return True
    if len(shape) == 1:
        return shape[0] < 2 or stride[0] == 1
    expected = 1
    for step, size in sorted((step, size) for size, step in zip(shape, stride, strict=True) if size >= 2):
        if step != expected:
            return False
        expected *= size
    return True


def stride_for_format(shape: Shape, memory_format: str) -> Shape:
    """Strides of a new tensor in a memory format.

    >>> stride_for_format((2, 3, 0, 5), "channels_last")
    (0, 1, 15, 3)

    Raises:
        OpRuntimeError: the format needs another rank, or names no order.
    """
    if memory_format == CONTIGUOUS:
        return contiguous_stride(shape)
    order = CHANNELS_LAST_ORDER.get(memory_format)
    if order is None:
        raise OpRuntimeError(
            "memory_format", f"memory format {memory_format} names no order of dims; use contiguous_format"
        )
    if len(shape) != len(order):
        raise OpRuntimeError(
            "memory_format",
            f"{memory_format} needs a tensor of rank {len(order)}, got rank {len(shape)} with shape {shape}",
        )
    stride = [0] * len(shape)
    step = 1
    for dim in order:
        stride[dim] = step
        # Row-major strides count a size 0 as 1; channels-last strides do not. torch's own difference. N is
        # the slowest dim, so its size never matters.
        step *= shape[dim]
    return tuple(stride)


def iteration_order(ndim: int, compare: Callable[[int, int], int]) -> list[int]:
    """Dims from fastest to slowest, by a comparison that may be undecided.

    Method: an insertion sort that starts from row-major order; `compare(a, b)` is positive when dim a,
    now faster, must come after dim b, negative when the order stands, and 0 when strides do not tell, in
    which case the search goes on past that dim. No standard sort takes such a comparison.
    """
    order = list(range(ndim - 1, -1, -1))
    for start in range(1, ndim):
        here = start
        for before in range(start - 1, -1, -1):
            verdict = compare(order[before], order[here])
            if verdict > 0:
                order[before], order[here] = order[here], order[before]
                here = before
            elif verdict < 0:
                break
    return order


def dense_like_stride(shape: Shape, stride: Shape) -> Shape:
    """Strides, without gaps, of a new tensor whose dims keep the order of the old strides.

    What `torch.empty_like` does under preserve_format to a tensor with gaps or overlap. A stride 0 says
    nothing about order.
    """
    if is_non_overlapping_and_dense(shape, stride):
        return stride

    def compare(fast: int, slow: int) -> int:
        if stride[fast] == 0 or stride[slow] == 0:
            return 0
        if stride[fast] != stride[slow]:
            return 1 if stride[fast] > stride[slow] else -1
        return 1 if shape[fast] > shape[slow] else 0

    return dense_in_order(shape, iteration_order(len(shape), compare))


def dense_in_order(shape: Shape, order: list[int]) -> Shape:
    """Strides of a dense tensor whose dims vary in `order`, fastest first; a size 0 counts as 1."""
    dense = [0] * len(shape)
    step = 1
    for dim in order:
        dense[dim] = step
        step *= max(shape[dim], 1)
    return tuple(dense)


class Contiguity(Strided):
    """The predicates as methods of a layout."""

    __slots__ = ()

    def is_contiguous(self, memory_format: str = CONTIGUOUS) -> bool:
        """torch's `is_contiguous(memory_format=...)`.

        >>> from stridescope.layout import Layout
        >>> Layout((2, 3), (1, 2)).is_contiguous()
        False
        """
        if memory_format == CONTIGUOUS:
            return is_contiguous(self.shape, self.stride)
        if memory_format not in CHANNELS_LAST_ORDER:
            raise OpRuntimeError("memory_format", f"there is no contiguity for {memory_format}")
        return _is_channels_last(self.shape, self.stride, memory_format)

    def suggest_memory_format(self) -> str:
        """The memory format torch would keep: it reads the strides of size-1 dims too.

        >>> from stridescope.layout import Layout
        >>> Layout((2, 3, 1, 1), (3, 1, 3, 3)).suggest_memory_format()
        'channels_last'
        >>> Layout((2, 3, 1, 1), (3, 1, 1, 1)).suggest_memory_format()
        'contiguous_format'
        """
        for name in CHANNELS_LAST_ORDER:
            if _looks_channels_last(self.shape, self.stride, name):
                return name
        return CONTIGUOUS

    def is_non_overlapping_and_dense(self) -> bool:
        """Whether some permutation of the dims is row-major."""
        return is_non_overlapping_and_dense(self.shape, self.stride)
