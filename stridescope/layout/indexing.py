"""Indexing with lists, index tensors and masks: always a copy, with strides of its own.

Problem: `x[:, idx]` copies, and torch gives the result strides that follow from how its loop walks the input, not
always row-major. Method, as torch's: apply ints, slices, None and Ellipsis first (views); a mask becomes one list of
positions for each of its dims; broadcast all position lists together; where the indexed dims are not neighbours, move
them to the front; then order the result's dims by the strides of the walk (the input with stride 0 in the indexed dims,
then each index tensor) and lay it out densely in that order.

Cost: O(ndim) and the size of the given indices. Source: torch's `aten/src/ATen/native/TensorAdvancedIndexing.cpp` and
`aten/src/ATen/TensorIterator.cpp`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, TypeVar

from stridescope.errors import OpIndexError
from stridescope.layout.base import Shape, contiguous_stride
from stridescope.layout.compatibility import view_stride
from stridescope.layout.contiguity import (
    CHANNELS_LAST_ORDER,
    is_contiguous,
    is_non_overlapping_and_dense,
    iteration_order,
    stride_for_format,
)
from stridescope.layout.copy import Copy, ravel_index
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout.slicing import Slicing

    L = TypeVar("L", bound=Slicing)

__all__ = ["Positions", "broadcast_shapes", "index", "mask_positions", "walk_stride"]


@dataclass(frozen=True, slots=True)
class Positions:
    """An index tensor: its shape, its strides in elements, and its values in index order.

    `mask` marks a boolean one, its values being 0 and 1.
    """

    shape: Shape
    stride: Shape
    values: tuple[int, ...]
    mask: bool = False


@dataclass(frozen=True, slots=True)
class _Indexed:
    """The pick of advanced indexing on an input whose indexed dims are `first` to `first + len(lists)`."""

    dims: Shape  # of the input, in the order the walk takes them
    first: int
    block: Shape  # the broadcast shape of the lists
    lists: tuple[Positions, ...]

    def __call__(self, at: Shape) -> tuple[int, Shape]:
        inner = at[self.first : self.first + len(self.block)]
        chosen = [_value_at(positions, inner, self.block) for positions in self.lists]
        walked = (*at[: self.first], *chosen, *at[self.first + len(self.block) :])
        source = [0] * len(self.dims)
        for dim, position in zip(self.dims, walked, strict=True):
            source[dim] = position
        return 0, tuple(source)


def _value_at(positions: Positions, at: Shape, block: Shape) -> int:
    last = at[len(block) - len(positions.shape) :]
    return positions.values[
        ravel_index(tuple(p if n != 1 else 0 for p, n in zip(last, positions.shape, strict=True)), positions.shape)
    ]


def broadcast_shapes(shapes: Sequence[Shape]) -> Shape:
    """The shape all of them broadcast to.

    >>> broadcast_shapes([(3, 1), (4,)])
    (3, 4)

    Raises:
        OpIndexError: two sizes clash.
    """
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for dim, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[dim] not in (1, size):
                raise OpIndexError("broadcast", f"shapes {', '.join(map(str, shapes))} do not broadcast together")
            if size != 1:
                result[dim] = size
    return tuple(result)


def mask_positions(mask: Positions) -> list[Positions]:
    """One list of positions for each dim of a mask, as `nonzero` gives them."""
    hits = [at for at, value in zip(product(*map(range, mask.shape)), mask.values, strict=True) if value]
    return [Positions((len(hits),), (1,), tuple(at[dim] for at in hits)) for dim in range(len(mask.shape))]


def _kept_stride(shape: Shape, strides: Sequence[Shape]) -> Shape | None:
    """Strides of the result where all operands, of its shape, lie alike; None where they do not."""
    if all(is_contiguous(shape, stride) for stride in strides):
        return contiguous_stride(shape)
    order = CHANNELS_LAST_ORDER["channels_last"]
    if len(shape) == len(order) and all(is_contiguous(shape, stride, order) for stride in strides):
        return stride_for_format(shape, "channels_last")
    if len(set(strides)) == 1 and is_non_overlapping_and_dense(shape, strides[0]):
        return strides[0]
    return None


def walk_stride(shape: Shape, operands: Sequence[tuple[Shape, Shape]]) -> Shape:
    """Strides torch's element-wise loop gives a new result of `shape`, from (shape, stride) of what it reads.

    Operands broadcast to `shape`. What all have alike (contiguous, channels last, dense with equal strides) is kept;
    otherwise dims are ordered by the first operand that can tell, and laid out densely.
    """
    if all(own == shape for own, _ in operands):
        alike = _kept_stride(shape, [stride for _, stride in operands])
        if alike is not None:
            return alike
    steps = []
    for own, stride in operands:
        lead = len(shape) - len(own)
        steps.append(
            (0,) * lead + tuple(0 if n == 1 and shape[lead + d] != 1 else stride[d] for d, n in enumerate(own))
        )

    def compare(fast: int, slow: int) -> int:
        for step in steps:
            if step[fast] == 0 or step[slow] == 0:
                continue
            if step[fast] != step[slow]:
                return 1 if step[fast] > step[slow] else -1
            if shape[fast] > shape[slow]:
                return 1
        return 0

    order = iteration_order(len(shape), compare)
    if order == list(range(len(shape) - 1, -1, -1)):
        return contiguous_stride(shape)
    result, step = [0] * len(shape), 1
    for dim in order:
        result[dim] = step
        step *= shape[dim]
    return tuple(result)


def index(layout: L, key: Sequence[object]) -> L | Copy[L]:
    """`x[key]`, the key a sequence of ints, slices, None, Ellipsis, bools and `Positions`.

    Without bools and Positions it is basic indexing, a view.

    Raises:
        OpIndexError: too many indices, one out of range, a mask of the wrong shape, lists that do not broadcast.
    """
    taken = sum(
        len(k.shape)
        if isinstance(k, Positions) and k.mask
        else 0
        if k is None or k is Ellipsis or isinstance(k, bool)
        else 1
        for k in key
    )
    if not any(isinstance(k, (bool, Positions)) for k in key):
        return layout[tuple(key)]
    if taken > layout.ndim:
        raise OpIndexError(
            "index_count",
            f"{taken} indices for a {layout.ndim}-dim tensor of shape {layout.shape}; it takes at most {layout.ndim}",
        )
    # Views first. Dims that wait for a list keep their place; `lists` says which dims those are.
    basic: list[object] = []
    lists: list[tuple[int, Positions]] = []
    dim = 0
    for k in key:
        if k is Ellipsis:
            left = layout.ndim - taken
            basic.extend([slice(None)] * left)
            dim += left
        elif isinstance(k, bool):
            basic.append(None)
            lists.append((dim, Positions((1,) if k else (0,), (1,), (0,) if k else ())))
            dim += 1
        elif isinstance(k, Positions) and k.mask:
            basic.extend([slice(None)] * len(k.shape))
            lists.append((dim, k))
            dim += len(k.shape)
        else:
            basic.append(slice(None) if isinstance(k, Positions) else k)
            if isinstance(k, Positions):
                lists.append((dim, k))
            dim += isinstance(k, Positions) or not isinstance(k, int)
    viewed = layout[tuple(basic)]
    return _gather_lists(layout, viewed, [one for dim, k in lists for one in _plain(viewed, dim, k)])


def _plain(viewed: Slicing, dim: int, k: Positions) -> list[tuple[int, Positions]]:
    """Lists of positions, one for each dim: a mask has as many as dims."""
    return list(enumerate(_checked_mask(viewed, dim, k), dim)) if k.mask else [(dim, k)]


def _checked_mask(viewed: Slicing, dim: int, mask: Positions) -> list[Positions]:
    have = viewed.shape[dim : dim + len(mask.shape)]
    if have != mask.shape:
        raise OpIndexError(
            "mask_shape", f"a mask of shape {mask.shape} needs dims of the same sizes; the tensor has {have} there"
        )
    return mask_positions(mask)


def _gather_lists(layout: L, viewed: L, lists: list[tuple[int, Positions]]) -> Copy[L]:
    block = broadcast_shapes([positions.shape for _, positions in lists])
    indexed = [dim for dim, _ in lists]
    adjacent = indexed[-1] - indexed[0] == len(indexed) - 1
    first = indexed[0] if adjacent else 0
    others = [dim for dim in range(viewed.ndim) if dim not in indexed]
    order = (*others[:first], *indexed, *others[first:])
    before, after = [viewed.shape[d] for d in others[:first]], [viewed.shape[d] for d in others[first:]]
    shape = (*before, *block, *after)
    for dim, positions in lists:
        _check_range(viewed.shape[dim], dim, positions, block, shape)
    restrided = (
        *(viewed.stride[d] for d in others[:first]),
        *(0 for _ in block),
        *(viewed.stride[d] for d in others[first:]),
    )
    operands = [(shape, restrided)]
    for _, positions in lists:
        # torch broadcasts the lists to one shape by expand before the walk: stride 0 where they repeat.
        lead = len(block) - len(positions.shape)
        stride = (0,) * lead + tuple(
            0 if n == 1 and block[lead + d] != 1 else positions.stride[d] for d, n in enumerate(positions.shape)
        )
        padded = (*(1 for _ in before), *block, *(1 for _ in after))
        spread = view_stride(block, stride, padded)
        assert not isinstance(spread, Refusal)
        operands.append((padded, spread))
    new = layout._with(shape, walk_stride(shape, operands), 0)  # noqa: SLF001 - the same value class
    wrapped = tuple(
        Positions(p.shape, p.stride, tuple(v + viewed.shape[d] if v < 0 else v for v in p.values)) for d, p in lists
    )
    return Copy(new, (viewed,), _Indexed(order, first, block, wrapped))


def _check_range(size: int, dim: int, positions: Positions, block: Shape, shape: Shape) -> None:
    if size == 0 and 0 not in block:
        raise OpIndexError("index_range", f"no position of dim {dim} can be indexed: its size is 0", (dim,))
    if 0 in shape:
        # Nothing is read, so torch looks at no position.
        return
    for value in positions.values:
        if not -size <= value < size:
            raise OpIndexError("index_range", f"index {value} is out of range for dim {dim} of size {size}", (dim,))
