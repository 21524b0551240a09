"""Whether a shape is a view of a layout, and if not, which two dims are in the way.

Problem: given (shape, stride) and a new shape of the same numel, find strides that reach the same addresses in
the same index order, or show that none exist. Method: walk the old dims from the last; a run of dims where
`stride[d-1] == size[d] * stride[d]` is one group, in which elements lie evenly; each group's elements must be
used up exactly by new dims, since across a group's border no single stride serves. The first new dim that would
need elements from both sides of a border is the refusal, and the border's two dims are its reason.

Cost: O(old ndim + new ndim). Source: torch's `aten/src/ATen/TensorUtils.cpp` (`computeStride_impl`), whose
results, strides of size-1 and size-0 dims included, these are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.errors import OpRuntimeError
from stridescope.layout.base import Shape, contiguous_stride
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["infer_shape", "mergeable_groups", "view_stride"]


def infer_shape(shape: Sequence[int], numel: int) -> Shape:
    """The shape with its -1, if any, replaced by what `numel` leaves.

    >>> infer_shape((3, -1), 12)
    (3, 4)

    Raises:
        OpRuntimeError: two -1, another negative size, or sizes that do not multiply to `numel`.
    """
    unknown: int | None = None
    known = 1
    for dim, size in enumerate(shape):
        if size == -1:
            if unknown is not None:
                raise OpRuntimeError(
                    "shape_two_inferred",
                    f"shape {list(shape)} has -1 at dims {unknown} and {dim}; only one dim can be inferred",
                    (unknown, dim),
                )
            unknown = dim
        elif size < 0:
            raise OpRuntimeError(
                "shape_negative",
                f"size {size} at dim {dim} of shape {list(shape)} is negative; only -1 (infer) may be",
                (dim,),
            )
        else:
            known *= size
    if unknown is None:
        if known == numel:
            return tuple(shape)
    elif known == 0 and numel == 0:
        raise OpRuntimeError(
            "shape_ambiguous",
            f"the -1 in shape {list(shape)} could be any size, since the tensor has 0 elements; write the size",
            (unknown,),
        )
    elif known and numel % known == 0:
        return (*shape[:unknown], numel // known, *shape[unknown + 1 :])
    wanted = f"needs {'' if unknown is None else 'a multiple of '}{known:,} elements"
    raise OpRuntimeError("shape_numel", f"shape {list(shape)} {wanted}; the tensor has {numel:,}")


def mergeable_groups(shape: Shape, stride: Shape) -> tuple[Shape, ...]:
    """Runs of neighbouring dims that any reshape may treat as one, first dims first.

    A size-1 dim never breaks a run; it goes with the dim before it.

    >>> mergeable_groups((4, 3, 2), (1, 8, 4))
    ((0,), (1, 2))
    """
    groups: list[tuple[int, ...]] = []
    previous: int | None = None
    for dim in range(len(shape)):
        joins = shape[dim] == 1 or previous is None or stride[previous] == shape[dim] * stride[dim]
        if groups and joins:
            groups[-1] = (*groups[-1], dim)
        else:
            groups.append((dim,))
        if shape[dim] != 1:
            previous = dim
    return tuple(groups)


def view_stride(old_shape: Shape, old_stride: Shape, new_shape: Shape) -> Shape | Refusal:
    """Strides that make `new_shape` a view, or the refusal. Both shapes have the same numel.

    >>> view_stride((3, 4), (4, 1), (2, 6))
    (6, 1)
    >>> view_stride((4, 3), (1, 4), (12,)).dims
    (0, 1)
    """
    if not old_shape:
        return (1,) * len(new_shape)
    if 0 in old_shape:
        return old_stride if old_shape == new_shape else contiguous_stride(new_shape)
    new_stride = [0] * len(new_shape)
    new_dim = len(new_shape) - 1
    base = old_stride[-1]
    in_group = 1
    placed = 1
    for dim in range(len(old_shape) - 1, -1, -1):
        in_group *= old_shape[dim]
        ends = dim == 0 or (old_shape[dim - 1] != 1 and old_stride[dim - 1] != in_group * base)
        if not ends:
            continue
        while new_dim >= 0 and (placed < in_group or new_shape[new_dim] == 1):
            new_stride[new_dim] = placed * base
            placed *= new_shape[new_dim]
            new_dim -= 1
        if placed != in_group:
            return _refuse(old_shape, old_stride, new_shape, dim)
        if dim > 0:
            base = old_stride[dim - 1]
            in_group = placed = 1
    if new_dim >= 0:
        # Cannot happen when both shapes have the same numel; torch checks it too.
        return Refusal("dims_not_mergeable", f"shape {old_shape} does not reach {new_shape}")
    return tuple(new_stride)


def _refuse(old_shape: Shape, old_stride: Shape, new_shape: Shape, dim: int) -> Refusal:
    """The refusal at the border before `dim`, the first dim of the group that did not fit."""
    # Size-1 dims play no part: name the dims whose strides really clash.
    after = dim
    while old_shape[after] == 1 and after + 1 < len(old_shape):
        after += 1
    before = dim - 1
    needed = old_shape[after] * old_stride[after]
    found = old_stride[before]
    return Refusal(
        "dims_not_mergeable",
        f"view({', '.join(map(str, new_shape))}) must merge dims {before} and {after}, but stride[{before}] is "
        f"{found} where merging needs size[{after}]·stride[{after}] = {needed}",
        (before, after),
        needed,
        found,
    )
