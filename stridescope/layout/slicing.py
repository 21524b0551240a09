"""Slices, selections, diagonals and windows: fewer elements, or the same ones more than once.

Problem and method: each of these moves storage_offset to its first element and scales, drops or adds a stride;
all are views. Cost: O(ndim), and O(pieces) for the splits.

Source: torch's `aten/src/ATen/native/TensorShape.cpp` and, for `x[...]`,
`torch/csrc/autograd/python_variable_indexing.cpp`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stridescope.errors import OpIndexError, OpRuntimeError, OpTypeError, OpValueError
from stridescope.layout.base import Shape, wrap_dim
from stridescope.layout.reshaping import Reshaping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = ["Slicing"]


def _replaced(values: Shape, dim: int, value: int) -> Shape:
    return (*values[:dim], value, *values[dim + 1 :])


def _without(values: Shape, *dims: int) -> Shape:
    return tuple(value for d, value in enumerate(values) if d not in dims)


class Slicing(Reshaping):
    """Ops that pick elements by position."""

    __slots__ = ()

    def slice(self, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Self:
        """`x[start:end:step]` along one dim; bounds are clamped, negative ones wrap.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((10,)).slice(0, 2, None, 3)
        Layout((3,), (3,), 2)
        """
        if self.ndim == 0:
            raise OpIndexError("zero_dim", "a 0-dim tensor cannot be sliced; unsqueeze(0) gives it a dim")
        dim = wrap_dim(dim, self.ndim)
        if step <= 0:
            raise OpValueError(
                "slice_step",
                f"slice step {step} is not positive; torch has no negative strides: use flip({dim}), a copy",
                (dim,),
            )
        size = self.shape[dim]
        first = 0 if start is None else start + size if start < 0 else start
        last = size if end is None else end + size if end < 0 else end
        first = min(max(first, 0), size)
        last = min(max(last, first), size)
        return self._with(
            _replaced(self.shape, dim, -(-(last - first) // step)),
            _replaced(self.stride, dim, self.stride[dim] * step),
            self.storage_offset + first * self.stride[dim],
        )

    def narrow(self, dim: int, start: int, length: int) -> Self:
        """`Tensor.narrow(dim, start, length)`: like slice, but nothing is clamped."""
        if self.ndim == 0:
            raise OpRuntimeError("zero_dim", "a 0-dim tensor cannot be narrowed; unsqueeze(0) gives it a dim")
        if length < 0:
            raise OpRuntimeError("narrow_length", f"narrow length {length} is negative; it must be 0 or more")
        dim = wrap_dim(dim, self.ndim)
        size = self.shape[dim]
        if not -size <= start <= size:
            raise OpIndexError(
                "narrow_start",
                f"narrow start {start} is out of range: dim {dim} of size {size} takes {-size} to {size}",
                (dim,),
            )
        first = start + size if start < 0 else start
        if first + length > size:
            raise OpRuntimeError(
                "narrow_length",
                f"narrow from {first} by {length} ends at {first + length}; dim {dim} ends at {size}",
                (dim,),
            )
        return self.slice(dim, first, first + length)

    def select(self, dim: int, index: int) -> Self:
        """`Tensor.select(dim, index)`: one position of a dim; the dim goes."""
        if self.ndim == 0:
            raise OpIndexError("zero_dim", "a 0-dim tensor has nothing to index; use item() for its value")
        dim = wrap_dim(dim, self.ndim)
        size = self.shape[dim]
        if not -size <= index < size:
            takes = f"takes {-size} to {size - 1}" if size else "has no positions"
            raise OpIndexError(
                "index_range", f"index {index} is out of range: dim {dim} of size {size} {takes}", (dim,)
            )
        position = index + size if index < 0 else index
        return self._with(
            _without(self.shape, dim),
            _without(self.stride, dim),
            self.storage_offset + position * self.stride[dim],
        )

    def __getitem__(self, key: object) -> Self:
        """Basic indexing: ints, slices, None and Ellipsis, alone or in a tuple.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 4)).t()[1:, ::2]
        Layout((3, 2), (1, 8), 1)

        Raises:
            OpIndexError: too many indices, or one out of range.
            OpValueError: a step that is not positive.
            OpTypeError: anything else than ints, slices, None and Ellipsis.
        """
        keys = key if isinstance(key, tuple) else (key,)
        named = sum(1 for k in keys if k is not None and k is not Ellipsis)
        if named > self.ndim:
            if self.ndim == 0:
                raise OpIndexError("zero_dim", "a 0-dim tensor has nothing to index; use item() for its value")
            raise OpIndexError(
                "index_count",
                f"{named} indices for a {self.ndim}-dim tensor of shape {self.shape}; it takes at most {self.ndim}",
            )
        result, dim = self._with(self.shape, self.stride), 0
        for k in keys:
            if k is None:
                result, dim = result.unsqueeze(dim), dim + 1
            elif k is Ellipsis:
                dim += self.ndim - named
            elif isinstance(k, slice):
                result, dim = result.slice(dim, k.start, k.stop, 1 if k.step is None else k.step), dim + 1
            elif isinstance(k, int) and not isinstance(k, bool):
                result = result.select(dim, k)
            else:
                raise OpTypeError(
                    "index_kind", f"a layout takes ints, slices, None and ... as indices, got {type(k).__name__}"
                )
        return result

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Self:
        """`Tensor.diagonal(offset, dim1, dim2)`: the two dims become one last dim of stride s1 + s2."""
        a, b = wrap_dim(dim1, self.ndim), wrap_dim(dim2, self.ndim)
        if a == b:
            raise OpRuntimeError("dim_repeated", f"diagonal needs two different dims, got dim {a} twice", (a,))
        if offset >= 0:
            size, first = min(self.shape[a], self.shape[b] - offset), offset * self.stride[b]
        else:
            size, first = min(self.shape[a] + offset, self.shape[b]), -offset * self.stride[a]
        size = max(size, 0)
        return self._with(
            (*_without(self.shape, a, b), size),
            (*_without(self.stride, a, b), self.stride[a] + self.stride[b]),
            self.storage_offset + (first if size else 0),
        )

    def unfold(self, dimension: int, size: int, step: int) -> Self:
        """`Tensor.unfold(dimension, size, step)`: windows along a dim, each a new last dim.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((8,)).unfold(0, 3, 1)
        Layout((6, 3), (1, 1))
        """
        dim = wrap_dim(dimension, self.ndim)
        have, stride = (self.shape[dim], self.stride[dim]) if self.ndim else (1, 1)
        if size < 0:
            raise OpRuntimeError("unfold_size", f"unfold size {size} is negative; it must be 0 or more")
        if size > have:
            raise OpRuntimeError(
                "unfold_size",
                f"unfold windows of {size} do not fit dim {dim} of size {have}; use a size up to {have}",
                (dim,),
            )
        if step <= 0:
            raise OpRuntimeError("unfold_step", f"unfold step {step} is not positive; it must be 1 or more")
        if self.ndim == 0:
            return self._with((size,), (stride,))
        return self._with(
            (*_replaced(self.shape, dim, (have - size) // step + 1), size),
            (*_replaced(self.stride, dim, stride * step), stride),
        )

    def unbind(self, dim: int = 0) -> tuple[Self, ...]:
        """`Tensor.unbind(dim)`: every position of a dim."""
        if self.ndim == 0:
            raise OpIndexError("zero_dim", "a 0-dim tensor has no dim to unbind")
        dim = wrap_dim(dim, self.ndim)
        return tuple(self.select(dim, position) for position in range(self.shape[dim]))

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Self, ...]:
        """`Tensor.split(split_size, dim)`: pieces of a size (the last may be shorter), or of the sizes listed."""
        if not isinstance(split_size, int):
            return self.split_with_sizes(split_size, dim)
        if split_size < 0:
            raise OpRuntimeError("split_size", f"split size {split_size} is negative; it must be 1 or more")
        dim = self._dim_to_split("split", dim)
        size = self.shape[dim]
        if split_size == 0:
            if size:
                raise OpRuntimeError("split_size", f"split size 0 never uses up dim {dim} of size {size}", (dim,))
            return (self.narrow(dim, 0, 0),)
        starts = range(0, max(size, 1), split_size)
        return tuple(self.narrow(dim, start, min(split_size, size - start)) for start in starts)

    def split_with_sizes(self, split_sizes: Sequence[int], dim: int = 0) -> tuple[Self, ...]:
        """`Tensor.split_with_sizes(split_sizes, dim)`: pieces of the sizes listed."""
        dim = self._dim_to_split("split", dim)
        if any(size < 0 for size in split_sizes):
            raise OpRuntimeError("split_size", f"split sizes {list(split_sizes)} include a negative one")
        if sum(split_sizes) != self.shape[dim]:
            raise OpRuntimeError(
                "split_size",
                f"split sizes {list(split_sizes)} add up to {sum(split_sizes)}; dim {dim} has size {self.shape[dim]}",
                (dim,),
            )
        pieces, start = [], 0
        for size in split_sizes:
            pieces.append(self.narrow(dim, start, size))
            start += size
        return tuple(pieces)

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Self, ...]:
        """`Tensor.chunk(chunks, dim)`: at most that many pieces of equal size, the last maybe shorter."""
        if self.ndim == 0:
            raise OpRuntimeError("zero_dim", "a 0-dim tensor has no dim to chunk")
        if chunks <= 0:
            raise OpRuntimeError("split_size", f"chunk needs at least 1 chunk, got {chunks}")
        dim = wrap_dim(dim, self.ndim)
        size = self.shape[dim]
        each = -(-size // chunks)
        return self.split(each, dim) if each else self.split_with_sizes((0,) * chunks, dim)

    def tensor_split(self, indices_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Self, ...]:
        """`Tensor.tensor_split(n, dim)`: exactly n pieces, the first ones longer; or cut at the indices listed."""
        dim = self._dim_to_split("tensor_split", dim)
        size = self.shape[dim]
        if isinstance(indices_or_sections, int):
            sections = indices_or_sections
            if sections <= 0:
                raise OpRuntimeError("split_size", f"tensor_split needs at least 1 section, got {sections}")
            least, longer = divmod(size, sections)
            cuts = [part * least + min(part, longer) for part in range(sections + 1)]
            return tuple(self.slice(dim, a, b) for a, b in pairwise(cuts))
        bounds = (0, *indices_or_sections, None)
        return tuple(self.slice(dim, a, b) for a, b in pairwise(bounds))

    def _dim_to_split(self, name: str, dim: int) -> int:
        if self.ndim == 0:
            raise OpRuntimeError("zero_dim", f"a 0-dim tensor has no dim to {name}")
        return wrap_dim(dim, self.ndim)

    def hsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Self, ...]:
        """`Tensor.hsplit`: along dim 1 (dim 0 of a 1-dim tensor), in equal pieces or at indices."""
        return self._split_evenly("hsplit", indices_or_sections, 1, 0 if self.ndim == 1 else 1)

    def vsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Self, ...]:
        """`Tensor.vsplit`: along dim 0 of at least 2, in equal pieces or at indices."""
        return self._split_evenly("vsplit", indices_or_sections, 2, 0)

    def dsplit(self, indices_or_sections: int | Sequence[int]) -> tuple[Self, ...]:
        """`Tensor.dsplit`: along dim 2, in equal pieces or at indices."""
        return self._split_evenly("dsplit", indices_or_sections, 3, 2)

    def _split_evenly(self, name: str, where: int | Sequence[int], least: int, dim: int) -> tuple[Self, ...]:
        if self.ndim < least:
            raise OpRuntimeError("rank", f"{name} needs at least {least} dims, got {self.ndim}")
        if isinstance(where, int) and (where == 0 or self.shape[dim] % where):
            raise OpRuntimeError(
                "split_size",
                f"{name} into {where} equal pieces: dim {dim} has size {self.shape[dim]}; tensor_split allows uneven",
                (dim,),
            )
        return self.tensor_split(where, dim)

    def as_strided(self, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Self:
        """`Tensor.as_strided(size, stride, storage_offset)`: any layout; the offset stays when None.

        A layout has no storage, so whether it fits is for the caller: compare `span` with the storage.
        """
        shape, strides = tuple(size), tuple(stride)
        if len(shape) != len(strides):
            raise OpRuntimeError(
                "as_strided",
                f"as_strided needs one stride for each size, got {len(shape)} sizes and {len(strides)} strides",
            )
        offset = self.storage_offset if storage_offset is None else storage_offset
        for what, values in (("size", shape), ("stride", strides), ("storage_offset", (offset,))):
            if any(value < 0 for value in values):
                raise OpRuntimeError(
                    "as_strided", f"as_strided {what} {list(values)} is negative; torch needs 0 or more"
                )
        return self._with(shape, strides, offset)
