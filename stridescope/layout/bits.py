"""The same bytes read as elements of another size: view(dtype), view_as_real, view_as_complex.

Problem: when an element grows or shrinks k times, sizes, strides and the offset count in another unit; some layouts
have no whole numbers in it. Method: multiply or divide, and refuse what does not divide. Cost: O(ndim).

A layout knows no dtype, so these take item sizes, in bytes. torch raises where others would return a refusal, since
here no layout of any shape would do; so does this.

Source: torch's `aten/src/ATen/native/TensorConversions.cpp` (`view_dtype`) and `ComplexHelper.h`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.errors import OpRuntimeError
from stridescope.layout.base import Strided

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Bits"]


class Bits(Strided):
    """Ops that change the element size."""

    __slots__ = ()

    def view_itemsize(self, old: int, new: int) -> Self:
        """`Tensor.view(dtype)` between item sizes, in bytes.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 4)).view_itemsize(8, 4)
        Layout((3, 8), (8, 1))

        Raises:
            OpRuntimeError: the last dim, its stride, another stride or the offset does not allow it.
        """
        if old == new:
            return self._with(self.shape, self.stride)
        if not self.shape:
            raise OpRuntimeError("dtype_view", f"a 0-dim tensor has no dim to hold items of {new} B instead of {old} B")
        last = self.ndim - 1
        if old > new:
            if self.stride[-1] != 1:
                raise OpRuntimeError(
                    "dtype_view",
                    f"items of {old} B as items of {new} B: stride[{last}] must be 1, got {self.stride[-1]}",
                    (last,),
                )
            k = old // new
            return self._with(
                (*self.shape[:-1], self.shape[-1] * k),
                (*(step * k for step in self.stride[:-1]), 1),
                self.storage_offset * k,
            )
        k = new // old
        what = f"items of {old} B as items of {new} B:"
        if self.shape[-1] % k:
            raise OpRuntimeError("dtype_view", f"{what} size[{last}] must divide by {k}, got {self.shape[-1]}", (last,))
        if self.stride[-1] != 1:
            raise OpRuntimeError("dtype_view", f"{what} stride[{last}] must be 1, got {self.stride[-1]}", (last,))
        if self.storage_offset % k:
            raise OpRuntimeError("dtype_view", f"{what} storage_offset must divide by {k}, got {self.storage_offset}")
        for dim, step in enumerate(self.stride[:-1]):
            if step % k:
                raise OpRuntimeError("dtype_view", f"{what} stride[{dim}] must divide by {k}, got {step}", (dim,))
        return self._with(
            (*self.shape[:-1], self.shape[-1] // k),
            (*(step // k for step in self.stride[:-1]), 1),
            self.storage_offset // k,
        )

    def view_as_real(self) -> Self:
        """`torch.view_as_real`: each complex number as two reals, a new last dim; in elements of the real dtype.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3,)).view_as_real()
        Layout((3, 2), (2, 1))
        """
        return self._with(
            (*self.shape, 2),
            (*(2 * step for step in self.stride), 1),
            2 * self.storage_offset,
        )

    def view_as_complex(self) -> Self:
        """`torch.view_as_complex`: pairs of reals as complex numbers; in elements of the complex dtype.

        Raises:
            OpRuntimeError: the last dim is not 2 of stride 1, or a stride or the offset is odd.
        """
        if not self.shape:
            raise OpRuntimeError("complex_view", "view_as_complex needs a last dim of size 2; a 0-dim tensor has none")
        last = self.ndim - 1
        if self.shape[-1] != 2:
            raise OpRuntimeError(
                "complex_view", f"view_as_complex needs a last dim of size 2, got {self.shape[-1]}", (last,)
            )
        if self.stride[-1] != 1:
            raise OpRuntimeError(
                "complex_view", f"view_as_complex needs stride[{last}] = 1, got {self.stride[-1]}", (last,)
            )
        if self.storage_offset % 2:
            raise OpRuntimeError(
                "complex_view", f"view_as_complex needs an even storage_offset, got {self.storage_offset}"
            )
        for dim, step in enumerate(self.stride[:-1]):
            if step % 2 and self.shape[dim] != 1:
                raise OpRuntimeError(
                    "complex_view", f"view_as_complex needs even strides, got stride[{dim}] = {step}", (dim,)
                )
        return self._with(
            self.shape[:-1],
            tuple(step // 2 for step in self.stride[:-1]),
            self.storage_offset // 2,
        )

    def real(self, *, is_complex: bool) -> Self:
        """`Tensor.real`, in elements of the real dtype; self for a real tensor."""
        return self._component(0) if is_complex else self

    def imag(self) -> Self:
        """`Tensor.imag` of a complex tensor, in elements of the real dtype."""
        return self._component(1)

    def _component(self, which: int) -> Self:
        return self._with(self.shape, tuple(2 * step for step in self.stride), 2 * self.storage_offset + which)

    def detach(self) -> Self:
        """`Tensor.detach()`: a view with the same layout."""
        return self._with(self.shape, self.stride)
