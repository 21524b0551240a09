"""transpose, permute and their kin: the same dims in another order.

Problem and method: a permutation of shape and stride together; nothing else changes, so these are always
views. Cost: O(ndim). Source: torch's `aten/src/ATen/native/TensorShape.cpp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.errors import OpRuntimeError
from stridescope.layout.base import Strided, distinct_dims, wrap_dim
from stridescope.layout.reshaping import sizes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = ["Permuting"]


class Permuting(Strided):
    """Ops that change the order of dims."""

    __slots__ = ()

    def permute(self, *dims: int | Sequence[int]) -> Self:
        """`Tensor.permute(*dims)`: new dim d is old dim `dims[d]`.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((2, 3, 4)).permute(2, 0, 1)
        Layout((4, 2, 3), (1, 12, 4))

        Raises:
            OpRuntimeError: not every dim is listed exactly once.
            OpIndexError: a dim is out of range.
        """
        listed = sizes_of(dims)
        if len(listed) != self.ndim:
            raise OpRuntimeError(
                "permute_rank",
                f"permute needs all {self.ndim} dims in their new order, got {len(listed)}: {list(listed)}",
            )
        return self._ordered(distinct_dims(listed, self.ndim))

    def _ordered(self, order: Sequence[int]) -> Self:
        return self._with(tuple(self.shape[d] for d in order), tuple(self.stride[d] for d in order))

    def transpose(self, dim0: int, dim1: int) -> Self:
        """`Tensor.transpose(dim0, dim1)`: swaps two dims."""
        a, b = wrap_dim(dim0, self.ndim), wrap_dim(dim1, self.ndim)
        order = list(range(self.ndim))
        if order:
            order[a], order[b] = order[b], order[a]
        return self._ordered(order)

    swapaxes = swapdims = transpose

    def t(self) -> Self:
        """`Tensor.t()`: transposes a matrix; leaves 0-dim and 1-dim tensors."""
        if self.ndim > 2:
            raise OpRuntimeError(
                "t_rank",
                f"t() takes at most 2 dims, got {self.ndim}; use transpose(dim0, dim1), or .mT for the last two",
            )
        return self._ordered(range(self.ndim - 1, -1, -1))

    @property
    def T(self) -> Self:  # noqa: N802 - torch's name
        """`Tensor.T`: all dims in reverse order."""
        return self._ordered(range(self.ndim - 1, -1, -1))

    @property
    def mT(self) -> Self:  # noqa: N802 - torch's name
        """`Tensor.mT`: swaps the last two dims."""
        return self._matrix_transposed("mT")

    @property
    def H(self) -> Self:  # noqa: N802 - torch's name
        """`Tensor.H`: transposes a matrix; on complex tensors the values are also conjugated."""
        if self.ndim not in (0, 2):
            raise OpRuntimeError(
                "matrix_rank", f".H needs a matrix, got {self.ndim} dims; use .mH for batches of matrices"
            )
        return self._matrix_transposed("H")

    @property
    def mH(self) -> Self:  # noqa: N802 - torch's name
        """`Tensor.mH`: swaps the last two dims; on complex tensors the values are also conjugated."""
        return self._matrix_transposed("mH")

    def adjoint(self) -> Self:
        """`Tensor.adjoint()`: the same as `mH`."""
        return self._matrix_transposed("adjoint()")

    def _matrix_transposed(self, name: str) -> Self:
        if self.ndim == 1:
            raise OpRuntimeError("matrix_rank", f".{name} needs matrices (2 dims or more), got 1 dim")
        return self.transpose(-2, -1) if self.ndim else self

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Self:
        """`Tensor.movedim(source, destination)`: moves some dims, the others keep their order.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((2, 3, 4)).movedim(0, -1).shape
        (3, 4, 2)
        """
        sources = (source,) if isinstance(source, int) else tuple(source)
        destinations = (destination,) if isinstance(destination, int) else tuple(destination)
        if len(sources) != len(destinations):
            raise OpRuntimeError(
                "movedim_length",
                f"movedim needs as many destinations as sources, got {list(sources)} and {list(destinations)}",
            )
        for dim in (*sources, *destinations):
            wrap_dim(dim, self.ndim)
        froms = distinct_dims(sources, self.ndim)
        places = distinct_dims(destinations, self.ndim)
        if self.ndim == 0:
            return self._ordered(())
        moved = dict(zip(places, froms, strict=True))
        others = iter(d for d in range(self.ndim) if d not in froms)
        return self._ordered([moved[d] if d in moved else next(others) for d in range(self.ndim)])

    moveaxis = movedim
