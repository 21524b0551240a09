"""view, reshape and their kin: another shape over the same elements in the same order.

Problem: answer as torch does which of these keep the storage, and with which strides. Method: infer the shape,
ask `compatibility.view_stride`; what cannot be a view is a `Refusal` (view) or a `Copy` (reshape,
flatten, ravel), which carries that refusal as its reason. Cost: O(ndim).

Source: torch's `aten/src/ATen/native/TensorShape.cpp`.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from stridescope.errors import OpRuntimeError
from stridescope.layout.base import Shape, Strided, contiguous_stride, distinct_dims, wrap_dim
from stridescope.layout.compatibility import infer_shape, view_stride
from stridescope.layout.contiguity import Contiguity
from stridescope.layout.copy import Copy
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = ["Reshaping", "sizes_of"]


def sizes_of(sizes: tuple[int | Sequence[int], ...]) -> Shape:
    """Sizes given as f(2, 3) or as f((2, 3)).

    >>> sizes_of((2, 3)), sizes_of(([2, 3],))
    ((2, 3), (2, 3))
    """
    if len(sizes) == 1 and not isinstance(sizes[0], int):
        return tuple(sizes[0])
    return tuple(sizes)  # type: ignore[arg-type]


class Reshaping(Contiguity):
    """Ops that change sizes and keep the index order."""

    __slots__ = ()

    def view(self, *size: int | Sequence[int]) -> Self | Refusal:
        """`Tensor.view(*size)`; one size may be -1.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 4)).view(2, -1)
        Layout((2, 6), (6, 1))

        Returns:
            The view, or a Refusal that names the two dims that cannot merge.

        Raises:
            OpRuntimeError: the sizes do not fit numel.
        """
        shape = infer_shape(sizes_of(size), self.numel)
        stride = view_stride(self.shape, self.stride, shape)
        return stride if isinstance(stride, Refusal) else self._with(shape, stride)

    def reshape(self, *shape: int | Sequence[int]) -> Self | Copy[Self]:
        """`Tensor.reshape(*shape)`: a view where one exists, else a contiguous copy."""
        wanted = infer_shape(sizes_of(shape), self.numel)
        stride = view_stride(self.shape, self.stride, wanted)
        if not isinstance(stride, Refusal):
            return self._with(wanted, stride)
        return Copy.reordered(self, self._with(wanted, contiguous_stride(wanted), 0), why=stride)

    def view_as(self, other: Strided) -> Self | Refusal:
        """`Tensor.view_as(other)`."""
        return self.view(other.shape)

    def reshape_as(self, other: Strided) -> Self | Copy[Self]:
        """`Tensor.reshape_as(other)`."""
        return self.reshape(other.shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self | Copy[Self]:
        """`Tensor.flatten(start_dim, end_dim)`; self when there is one dim to flatten."""
        start, end = wrap_dim(start_dim, self.ndim), wrap_dim(end_dim, self.ndim)
        if start > end:
            raise OpRuntimeError(
                "dim_order",
                f"flatten needs start_dim <= end_dim, got start_dim {start} and end_dim {end}",
                (start, end),
            )
        if self.ndim == 0:
            return self.reshape(1)
        if start == end:
            return self
        return self.reshape((*self.shape[:start], prod(self.shape[start : end + 1]), *self.shape[end + 1 :]))

    def ravel(self) -> Self | Copy[Self]:
        """`Tensor.ravel()`: one dim; a view only of what is already contiguous."""
        numel = self.numel
        if self.is_contiguous():
            flat = self.view(numel)
            assert not isinstance(flat, Refusal)
            return flat
        why = view_stride(self.shape, self.stride, (numel,))
        return Copy.reordered(
            self,
            self._with((numel,), (1,), 0),
            why=why
            if isinstance(why, Refusal)
            else Refusal(
                "not_contiguous", "ravel keeps the storage only of a contiguous tensor; view(-1) would be a view"
            ),
        )

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Self:
        """`Tensor.unflatten(dim, sizes)`: one dim becomes several; one size may be -1.

        Splitting a dim is always a view.
        """
        sizes = tuple(sizes)
        if not sizes:
            raise OpRuntimeError("sizes_empty", "unflatten needs at least one size")
        dim = wrap_dim(dim, self.ndim)
        if self.ndim == 0:
            raise OpRuntimeError("zero_dim", "a 0-dim tensor has no dim to unflatten; use view(sizes)")
        inferred = infer_shape(sizes, self.shape[dim])
        split = self.view((*self.shape[:dim], *inferred, *self.shape[dim + 1 :]))
        assert not isinstance(split, Refusal)
        return split

    def squeeze(self, dim: int | Sequence[int] | None = None) -> Self:
        """`Tensor.squeeze(dim)`: drops size-1 dims: all, one, or those listed."""
        if dim is None:
            dropped = set(range(self.ndim))
        elif isinstance(dim, int):
            dropped = {wrap_dim(dim, self.ndim)}
        else:
            dropped = set(distinct_dims(dim, self.ndim))
        kept = [d for d in range(self.ndim) if d not in dropped or self.shape[d] != 1]
        return self._with(tuple(self.shape[d] for d in kept), tuple(self.stride[d] for d in kept))

    def unsqueeze(self, dim: int) -> Self:
        """`Tensor.unsqueeze(dim)`: a new dim of size 1."""
        dim = wrap_dim(dim, self.ndim + 1)
        stride = self.shape[dim] * self.stride[dim] if dim < self.ndim else 1
        return self._with(
            (*self.shape[:dim], 1, *self.shape[dim:]),
            (*self.stride[:dim], stride, *self.stride[dim:]),
        )

    def expand(self, *size: int | Sequence[int]) -> Self:
        """`Tensor.expand(*size)`: size-1 dims repeat by stride 0; -1 keeps a size; new dims go in front.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 1)).expand(2, -1, 4)
        Layout((2, 3, 4), (0, 1, 0))
        """
        sizes = sizes_of(size)
        new = len(sizes) - self.ndim
        if new < 0:
            raise OpRuntimeError(
                "expand_rank",
                f"expand to {list(sizes)} names {len(sizes)} dims; the tensor has {self.ndim}, and each needs a size",
            )
        if self.ndim == 0:
            if any(n < 0 for n in sizes):
                raise OpRuntimeError(
                    "expand_size", f"expand to {list(sizes)}: a 0-dim tensor has no size for -1 to keep; write the size"
                )
            return self._with(sizes, (0,) * len(sizes))
        shape, stride = list(sizes), [0] * len(sizes)
        for dim in range(len(sizes) - 1, -1, -1):
            old = dim - new
            wanted = sizes[dim]
            if old >= 0:
                have, step = self.shape[old], self.stride[old]
            else:
                have, step = 1, shape[dim + 1] * stride[dim + 1]
                if wanted == -1:
                    raise OpRuntimeError(
                        "expand_size", f"expand to {list(sizes)}: -1 keeps a size, and dim {dim} is new; write its size"
                    )
            if wanted == -1:
                wanted = have
            if wanted != have:
                if have != 1:
                    raise OpRuntimeError(
                        "expand_size",
                        f"expand to {list(sizes)}: dim {old} has size {have}, not {wanted}; only size 1 can expand",
                        (old,),
                    )
                if wanted < 0:
                    raise OpRuntimeError(
                        "expand_size", f"expand to {list(sizes)}: size {wanted} is negative; only -1 (keep) may be"
                    )
                step = 0
            shape[dim], stride[dim] = wanted, step
        return self._with(tuple(shape), tuple(stride))

    broadcast_to = expand

    def expand_as(self, other: Strided) -> Self:
        """`Tensor.expand_as(other)`."""
        return self.expand(other.shape)
