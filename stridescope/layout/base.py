"""The fields of a layout, and the few facts every part of the algebra needs.

Problem: an n-dim tensor is a window on 1-D storage; element `index` lies at
`address = storage_offset + sum(index[d] * stride[d])`, counted in elements.

Method: a frozen value of three fields, kept exactly as observed (strides of size-1 dims included,
since torch reads them when it guesses a memory format). Every op is arithmetic on these three.

Cost: O(ndim) for everything here, whatever numel is.

Source: torch's `c10/core/TensorImpl.h` for the meaning of the fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from operator import index as as_int
from typing import TYPE_CHECKING

from stridescope.errors import OpIndexError, OpRuntimeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

__all__ = ["Shape", "Strided", "contiguous_stride", "distinct_dims", "wrap_dim"]

Shape = tuple[int, ...]

_set = object.__setattr__


def contiguous_stride(shape: Iterable[int]) -> Shape:
    """Row-major strides, in elements; a size 0 counts as 1, as in torch.

    >>> contiguous_stride((2, 3, 4))
    (12, 4, 1)
    >>> contiguous_stride((2, 0, 3))
    (3, 3, 1)
    """
    strides = []
    step = 1
    for size in reversed(tuple(shape)):
        strides.append(step)
        step *= max(1, size)
    return tuple(reversed(strides))


def wrap_dim(dim: int, ndim: int) -> int:
    """The dim counted from the front; a 0-dim tensor is addressed as if it had one dim, as in torch.

    Raises:
        OpIndexError: `dim` is out of range.
    """
    span = ndim or 1
    if -span <= dim < span:
        return dim + span if dim < 0 else dim
    raise OpIndexError(
        "dim_range",
        f"dim {dim} is out of range: a {ndim}-dim tensor takes {-span} to {span - 1}",
    )


def distinct_dims(dims: Iterable[int], ndim: int) -> Shape:
    """The dims, wrapped, each at most once.

    Raises:
        OpIndexError: one is out of range.
        OpRuntimeError: one is listed twice.
    """
    listed = tuple(dims)
    wrapped: list[int] = []
    for dim in (wrap_dim(dim, ndim) for dim in listed):
        if dim in wrapped:
            raise OpRuntimeError("dim_repeated", f"dim {dim} is listed twice in {list(listed)}; list it once", (dim,))
        wrapped.append(dim)
    return tuple(wrapped)


@dataclass(frozen=True, slots=True)
class Strided:
    """shape, stride and storage_offset, all in elements."""

    shape: Shape
    stride: Shape
    storage_offset: int = 0

    def __post_init__(self) -> None:
        shape = tuple(as_int(n) for n in self.shape)
        stride = tuple(as_int(n) for n in self.stride)
        if len(shape) != len(stride):
            raise ValueError(
                f"shape {shape} has {len(shape)} dims and stride {stride} has {len(stride)}; "
                "a layout needs one stride for each dim"
            )
        if any(size < 0 for size in shape):
            raise ValueError(f"shape {shape} has a negative size; sizes are 0 or more")
        _set(self, "shape", shape)
        _set(self, "stride", stride)
        _set(self, "storage_offset", as_int(self.storage_offset))

    def _with(self, shape: Shape, stride: Shape, storage_offset: int | None = None) -> Self:
        """A new value of the same class, its fields known to be valid."""
        new = object.__new__(type(self))
        _set(new, "shape", shape)
        _set(new, "stride", stride)
        _set(new, "storage_offset", self.storage_offset if storage_offset is None else storage_offset)
        return new

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self.shape)

    @property
    def numel(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def span(self) -> tuple[int, int]:
        """The half-open range of addresses reached, [lowest, highest + 1), in elements.

        Empty, (storage_offset, storage_offset), when there are no elements. Negative strides count.
        """
        low = high = self.storage_offset
        for size, stride in zip(self.shape, self.stride, strict=True):
            if size == 0:
                return self.storage_offset, self.storage_offset
            reach = (size - 1) * stride
            if reach < 0:
                low += reach
            else:
                high += reach
        return low, high + 1
