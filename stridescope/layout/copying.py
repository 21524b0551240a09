"""Ops that copy: the layout of what is new, and where it came from.

Problem: besides knowing that an op copies, a reader wants the strides torch gives the result. Method: each op here
follows torch's rule for new strides (row-major, "dense like the input", or a memory format) and has a `Pick` that says
where elements came from. Cost: O(ndim), or O(given indices).

Source: torch's `aten/src/ATen/native/` `TensorShape.cpp`, `TensorFactories.cpp`, `TensorTransformations.cpp`,
`Repeat.cpp` and `TensorAdvancedIndexing.cpp`.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from stridescope.errors import OpIndexError, OpRuntimeError
from stridescope.layout.base import Shape, Strided, contiguous_stride, distinct_dims, wrap_dim
from stridescope.layout.contiguity import (
    CONTIGUOUS,
    MEMORY_FORMATS,
    PRESERVE,
    dense_like_stride,
    stride_for_format,
)
from stridescope.layout.copy import (
    Composed,
    Copy,
    Flipped,
    Gathered,
    Joined,
    Permuted,
    Pick,
    Reordered,
    Repeated,
    Rolled,
    Same,
    Stacked,
    Stretched,
    Taken,
)
from stridescope.layout.permuting import Permuting
from stridescope.layout.refusal import Refusal
from stridescope.layout.reshaping import sizes_of
from stridescope.layout.slicing import Slicing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

__all__ = ["Copying"]


def _not_in_order(layout: Strided, wanted: Shape, memory_format: str) -> Refusal:
    """Why a layout is no view in a memory format: the last dim whose stride is another than `wanted`."""
    order = "row-major order" if memory_format == CONTIGUOUS else memory_format
    for dim in range(layout.ndim - 1, -1, -1):
        found, needed = layout.stride[dim], wanted[dim]
        if layout.shape[dim] != 1 and found != needed:
            message = f"in {order} stride[{dim}] would be {needed}, and it is {found}"
            return Refusal("not_contiguous", message, (dim,), needed, found)
    return Refusal("not_contiguous", f"the strides {layout.stride} are not those of {order}")


class Copying(Permuting, Slicing):
    """Ops that give a new storage."""

    __slots__ = ()

    def _copied(self, shape: Shape, stride: Shape, pick: Pick, why: Refusal | None = None) -> Copy[Self]:
        return Copy(self._with(shape, stride, 0), (self,), pick, why)

    def clone(self, memory_format: str = PRESERVE) -> Copy[Self]:
        """`Tensor.clone(memory_format=...)`; preserve_format keeps the order of dims and drops gaps.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((3, 4)).t().clone().layout
        Layout((4, 3), (1, 4))
        """
        return self._copied(self.shape, self.stride_when_copied(memory_format), Same())

    def stride_when_copied(self, memory_format: str = PRESERVE) -> Shape:
        """The strides of a copy in a memory format."""
        if memory_format == PRESERVE:
            return dense_like_stride(self.shape, self.stride)
        return stride_for_format(self.shape, memory_format)

    def made_contiguous(self, memory_format: str = CONTIGUOUS) -> Self | Copy[Self]:
        """`Tensor.contiguous(memory_format=...)`: self when it is so already.

        `Layout.contiguous`, which is also the constructor from a shape, calls this on an instance.
        """
        if memory_format not in MEMORY_FORMATS:
            raise OpRuntimeError(
                "memory_format", f"there is no memory format {memory_format}; use one of {MEMORY_FORMATS}"
            )
        if self.is_contiguous(CONTIGUOUS if memory_format == PRESERVE else memory_format):
            return self
        if memory_format == PRESERVE:
            raise OpRuntimeError(
                "memory_format", "contiguous needs a memory format that names an order, not preserve_format"
            )
        wanted = stride_for_format(self.shape, memory_format)
        return self._copied(self.shape, wanted, Same(), _not_in_order(self, wanted, memory_format))

    def to(self, memory_format: str = PRESERVE, *, copy: bool = False) -> Self | Copy[Self]:
        """`Tensor.to(memory_format=...)`, dtype and device unchanged: self when nothing has to change."""
        if not copy and (memory_format == PRESERVE or self.suggest_memory_format() == memory_format):
            return self
        return self._copied(self.shape, self.stride_when_converted(memory_format), Same())

    def stride_when_converted(self, memory_format: str = PRESERVE) -> Shape:
        """The strides of `Tensor.to(dtype or device)`."""
        return self.stride_when_copied(memory_format)

    def repeat(self, *repeats: int | Sequence[int]) -> Copy[Self]:
        """`Tensor.repeat(*repeats)`: the whole tensor over and over along each dim; new dims go in front.

        >>> from stridescope.layout import Layout
        >>> Layout.contiguous((2, 3)).repeat(2, 1).layout
        Layout((4, 3), (3, 1))
        """
        counts = sizes_of(repeats)
        if len(counts) < self.ndim:
            raise OpRuntimeError(
                "repeat_rank",
                f"repeat needs a count for each of the {self.ndim} dims, got {len(counts)}: {list(counts)}",
            )
        padded = (1,) * (len(counts) - self.ndim) + self.shape
        if any(count < 0 < size for size, count in zip(padded, counts, strict=True)):
            raise OpRuntimeError("repeat_count", f"repeat counts {list(counts)} include a negative one")
        shape = tuple(size * count for size, count in zip(padded, counts, strict=True))
        return self._copied(shape, contiguous_stride(shape), Repeated(self.shape))

    def tile(self, *dims: int | Sequence[int]) -> Copy[Self]:
        """`Tensor.tile(*dims)`: `repeat`, missing counts in front being 1."""
        counts = sizes_of(dims)
        return self.repeat((1,) * (self.ndim - len(counts)) + counts)

    def repeat_interleave(self, repeats: int | Sequence[int], dim: int | None = None) -> Copy[Self]:
        """`Tensor.repeat_interleave(repeats, dim)`: each position of a dim repeated in place.

        `repeats` is one count, or a count for each position. Without `dim` the tensor is flattened first.
        """
        shape: Shape
        if dim is None:
            shape, dim, flatten = (self.numel,), 0, Reordered((self.numel,), self.shape)
        else:
            dim, flatten = wrap_dim(dim, self.ndim), None
            if not self.shape and not (isinstance(repeats, int) and repeats < 0):
                raise OpIndexError("zero_dim", "a 0-dim tensor has no dim to repeat along; leave dim out")
            shape = self.shape or (1,)
        size = shape[dim]
        counts = (repeats,) if isinstance(repeats, int) else tuple(repeats)
        if any(count < 0 for count in counts):
            raise OpRuntimeError("repeat_count", f"repeat_interleave counts {list(counts)} include a negative one")
        if not isinstance(repeats, int) and len(counts) not in (1, size):
            raise OpRuntimeError(
                "repeat_count",
                f"repeat_interleave needs one count or {size}, one for each position of dim {dim}, got {len(counts)}",
            )
        ends: Shape | int = counts[0] if len(counts) == 1 else tuple(accumulate(counts))
        total = size * ends if isinstance(ends, int) else sum(counts)
        pick: Pick = Stretched(dim, ends)
        if flatten is not None:
            pick = Composed(pick, flatten)
        new = (*shape[:dim], total, *shape[dim + 1 :])
        return self._copied(new, contiguous_stride(new), pick)

    def flip(self, *dims: int | Sequence[int]) -> Copy[Self]:
        """`Tensor.flip(*dims)`: some dims backwards; torch has no negative strides, so it copies."""
        flipped = distinct_dims(sizes_of(dims), self.ndim)
        stride = dense_like_stride(self.shape, self.stride)
        return self._copied(self.shape, stride, Flipped(flipped, self.shape))

    def fliplr(self) -> Copy[Self]:
        """`Tensor.fliplr()`: dim 1 backwards."""
        if self.ndim < 2:
            raise OpRuntimeError("rank", f"fliplr needs at least 2 dims, got {self.ndim}")
        return self.flip(1)

    def flipud(self) -> Copy[Self]:
        """`Tensor.flipud()`: dim 0 backwards."""
        if self.ndim < 1:
            raise OpRuntimeError("rank", "flipud needs at least 1 dim, got 0")
        return self.flip(0)

    def roll(self, shifts: int | Sequence[int], dims: int | Sequence[int] = ()) -> Copy[Self]:
        """`Tensor.roll(shifts, dims)`: shifted round; without dims, in index order over the whole tensor."""
        amounts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
        along = (dims,) if isinstance(dims, int) else tuple(dims)
        if not amounts:
            raise OpRuntimeError("roll_shifts", "roll needs at least one shift")
        if not along and len(amounts) == 1:
            if self.numel == 0:
                stride = self.stride if self.ndim == 1 else contiguous_stride(self.shape)
                return self._copied(self.shape, stride, Same())
            flat = (self.numel,)
            pick = Composed(
                Reordered(self.shape, flat), Composed(Rolled(((0, amounts[0]),), flat), Reordered(flat, self.shape))
            )
            return self._copied(self.shape, contiguous_stride(self.shape), pick)
        if len(amounts) != len(along):
            raise OpRuntimeError(
                "roll_shifts", f"roll needs a dim for each shift, got {len(amounts)} shifts and {len(along)} dims"
            )
        layout, moves = self._with(self.shape, self.stride), []
        for shift, dim in zip(amounts, along, strict=True):
            if self.numel == 0:
                # torch returns before it looks at the dim.
                layout = layout.clone().layout
                continue
            wrapped = wrap_dim(dim, self.ndim)
            if self.ndim == 0:
                raise OpIndexError("zero_dim", "a 0-dim tensor cannot be rolled along a dim")
            moves.append((wrapped, shift))
            size = self.shape[wrapped]
            start = (size - shift) % size
            parts = (layout.narrow(wrapped, start, size - start), layout.narrow(wrapped, 0, start))
            layout = parts[0].cat(parts[1:], wrapped).layout
        return self._copied(self.shape, layout.stride, Rolled(tuple(moves), self.shape))

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Copy[Self]:
        """`Tensor.rot90(k, dims)`: quarter turns from the first dim towards the second."""
        if len(dims) != 2:
            raise OpRuntimeError("rot90_dims", f"rot90 turns a plane of 2 dims, got {len(dims)}: {list(dims)}")
        if self.ndim < 2:
            raise OpRuntimeError("rank", f"rot90 needs at least 2 dims, got {self.ndim}")
        a, b = (wrap_dim(dim, self.ndim) for dim in dims)
        if a == b:
            raise OpRuntimeError("dim_repeated", f"rot90 needs two different dims, got {list(dims)}", (a,))
        turns = k % 4
        if turns == 0:
            return self.clone(CONTIGUOUS)
        if turns == 2:
            return self.flip(a, b)
        flipped = self.flip(b if turns == 1 else a)
        turned = flipped.layout.transpose(a, b)
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        return Copy(turned, (self,), Composed(Permuted(tuple(order)), flipped.pick))

    def index_select(self, dim: int, positions: Sequence[int]) -> Copy[Self]:
        """`Tensor.index_select(dim, index)`, the index given as its values."""
        dim = wrap_dim(dim, self.ndim)
        size = self.shape[dim] if self.ndim else 1
        if not self.ndim and len(positions) != 1:
            raise OpRuntimeError(
                "index_count", f"index_select of a 0-dim tensor takes 1 position, got {len(positions)}"
            )
        # torch has a kernel of its own for dim 1, and another check where there is nothing to read; both raise
        # another class than the common path.
        special = self.ndim > 1 and (dim == 1 or 0 in self.shape)
        out_of_range = OpRuntimeError if special else OpIndexError
        for position in positions:
            if not 0 <= position < size:
                raise out_of_range(
                    "index_range",
                    f"index_select position {position} is out of range: dim {dim} has size {size}",
                    (dim,),
                )
        if not self.ndim:
            return self._copied((), (), Same())
        shape = (*self.shape[:dim], len(positions), *self.shape[dim + 1 :])
        return self._copied(shape, contiguous_stride(shape), Taken(dim, tuple(positions)))

    def gather(self, dim: int, index_shape: Shape, positions: Sequence[int]) -> Copy[Self]:
        """`Tensor.gather(dim, index)`, the index given as its shape and its values in index order."""
        dim = wrap_dim(dim, self.ndim)
        shape = self.shape or (1,)
        index = index_shape or (1,)
        if 0 in index_shape:
            # Nothing is read, so torch takes an empty index of any shape.
            return self._copied(index_shape, contiguous_stride(index_shape), Same())
        if len(index) != len(shape):
            raise OpRuntimeError(
                "gather_shape",
                f"gather needs an index of {self.ndim} dims, as the tensor has, got {len(index_shape)}",
            )
        for d, (have, wanted) in enumerate(zip(shape, index, strict=True)):
            if d != dim and wanted > have:
                raise OpRuntimeError(
                    "gather_shape", f"gather index has size {wanted} at dim {d}; the tensor has {have} there", (d,)
                )
        for position in positions:
            if not 0 <= position < shape[dim]:
                raise OpRuntimeError(
                    "index_range",
                    f"gather position {position} is out of range: dim {dim} has size {shape[dim]}",
                    (dim,),
                )
        pick: Pick = Gathered(dim, index, tuple(positions))
        if not self.shape:
            pick = _ToScalar()
        elif not index_shape:
            pick = _FromScalar(pick)
        return self._copied(index_shape, contiguous_stride(index_shape), pick)

    def cat(self, others: Sequence[Self], dim: int = 0) -> Copy[Self]:
        """`torch.cat((self, *others), dim)`.

        >>> from stridescope.layout import Layout
        >>> row = Layout.contiguous((1, 3))
        >>> joined = row.cat([row])
        >>> joined.layout, joined.origin(4)
        (Layout((2, 3), (3, 1)), (1, 1))
        """
        sources = (self, *others)
        for number, source in enumerate(sources):
            if source.ndim == 0:
                raise OpRuntimeError(
                    "zero_dim", f"cat needs tensors of 1 dim or more; tensor {number} has 0 dims: stack takes those"
                )
        # torch passes over tensors of shape (0,), whatever the others look like.
        numbers = tuple(number for number, source in enumerate(sources) if source.shape != (0,))
        if not numbers:
            return Copy(self._with((0,), (1,), 0), sources, Same())
        like = sources[numbers[0]]
        dim = wrap_dim(dim, like.ndim)
        sizes: list[int] = []
        for number in numbers:
            source = sources[number]
            if source.ndim != like.ndim:
                raise OpRuntimeError(
                    "cat_shape",
                    f"cat needs tensors of one rank; tensor {numbers[0]} has {like.ndim} dims, tensor {number} has "
                    f"{source.ndim}",
                )
            for d in range(like.ndim):
                if d != dim and source.shape[d] != like.shape[d]:
                    raise OpRuntimeError(
                        "cat_shape",
                        f"cat along dim {dim}: every other dim must match, but dim {d} is {like.shape[d]} in tensor "
                        f"{numbers[0]} and {source.shape[d]} in tensor {number}",
                        (d,),
                    )
            sizes.append(source.shape[dim])
        shape = (*like.shape[:dim], sum(sizes), *like.shape[dim + 1 :])
        formats = {source.suggest_memory_format() for source in sources}
        memory_format = formats.pop() if len(formats) == 1 else CONTIGUOUS
        starts = (0, *accumulate(sizes))[: len(sizes)]
        layout = self._with(shape, stride_for_format(shape, memory_format), 0)
        return Copy(layout, sources, Joined(dim, starts, numbers))

    def stack(self, others: Sequence[Self], dim: int = 0) -> Copy[Self]:
        """`torch.stack((self, *others), dim)`: a new dim."""
        sources = (self, *others)
        dim = wrap_dim(dim, self.ndim + 1)
        for number, source in enumerate(sources):
            if source.shape != self.shape:
                raise OpRuntimeError(
                    "stack_shape",
                    f"stack needs equal shapes; tensor 0 has {self.shape}, tensor {number} has {source.shape}",
                )
        shape = (*self.shape[:dim], len(sources), *self.shape[dim:])
        if dim < self.ndim:
            joined = self.cat(others, dim).layout
            stride = self._split_stride(joined, dim, len(sources))
        else:
            stride = self.unsqueeze(dim).cat([source.unsqueeze(dim) for source in others], dim).layout.stride
        return Copy(self._with(shape, stride, 0), sources, Stacked(dim))

    def _split_stride(self, joined: Self, dim: int, count: int) -> Shape:
        """torch joins along `dim` and then views the result with the new dim split off."""
        view = joined.view((*self.shape[:dim], count, *self.shape[dim:]))
        assert not isinstance(view, Refusal)
        return view.stride


class _ToScalar:
    """Every index is the one element of a 0-dim source."""

    def __call__(self, _index: Shape) -> tuple[int, Shape]:
        return 0, ()


class _FromScalar:
    """The one element of a 0-dim result, picked as if it had one dim."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick

    def __call__(self, _index: Shape) -> tuple[int, Shape]:
        return self.pick((0,))
