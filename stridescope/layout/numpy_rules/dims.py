"""What the numpy rules share: naming dims and positions as numpy does, and making layouts.

numpy counts a dim out of range with an error of its own, AxisError, and unlike torch gives a 0-dim array no dim to
name. Everything here is O(ndim).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from stridescope.errors import OpAxisError, OpIndexError, OpValueError
from stridescope.layout.base import Shape, Strided

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "L",
    "made",
    "need_dims",
    "wrap_dim",
    "wrap_dims",
    "wrap_position",
]


L = TypeVar("L", bound=Strided)


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


def need_dims(name: str, x: Strided, least: int) -> None:
    """Refuses an array of fewer dims.

    Raises:
        OpValueError: it has fewer.
    """
    if x.ndim < least:
        raise OpValueError("rank", f"{name} needs at least {least} dims, got {x.ndim}")


def wrap_position(position: int, size: int, dim: int) -> int:
    """A position of a dim counted from the front.

    Raises:
        OpIndexError: the dim has no such position.
    """
    if not -size <= position < size:
        takes = f"takes {-size} to {size - 1}" if size else "has no positions"
        raise OpIndexError("index_range", f"index {position} is out of range: dim {dim} of size {size} {takes}", (dim,))
    return position + size if position < 0 else position
