"""The errors that are explained, as a table.

Problem: torch tells its errors apart by their words alone. Method: one row a kind: its words as a pattern, the codes by
which our own algebra refuses the same thing, and the function that tells it from the numbers in the words. Cost: one
pattern search a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from stridescope.explain import shape_errors as shapes
from stridescope.explain import storage_errors as storages

if TYPE_CHECKING:
    from stridescope.explain.reach import Reach, Told

__all__ = ["KINDS", "Kind"]


class Kind(NamedTuple):
    """One row: a kind of error.

    Attributes:
        code: our short name of it.
        words: torch's, as a pattern; its groups are what `tell` reads.
        refusals: the codes by which the algebra refuses the same thing.
        tell: from the match and the tensors in reach to what it means.
    """

    code: str
    words: re.Pattern[str]
    refusals: frozenset[str]
    tell: Callable[[re.Match[str], Reach], Told]


def _kind(code: str, words: str, refused_as: str, tell: Callable[[re.Match[str], Reach], Told]) -> Kind:
    return Kind(code, re.compile(words, re.DOTALL), frozenset(refused_as.split()), tell)


KINDS: tuple[Kind, ...] = (
    _kind(
        "dims_not_mergeable",
        r"view size is not compatible with input tensor's size and stride",
        "dims_not_mergeable",
        shapes.view_refused,
    ),
    _kind(
        "shape_numel",
        r"shape '\[(?P<shape>[^\]]*)\]' is invalid for input of size (?P<numel>\d+)",
        "shape_numel",
        shapes.shape_numel,
    ),
    _kind("shape_two_inferred", r"only one dimension can be inferred", "shape_two_inferred", shapes.two_inferred),
    _kind(
        "shape_ambiguous",
        r"into shape \[(?P<shape>[^\]]*)\] because the unspecified dimension size -1 can be any value",
        "shape_ambiguous",
        shapes.ambiguous,
    ),
    _kind(
        "expand_size",
        r"The expanded size of the tensor \((?P<want>-?\d+)\) must match the existing size \((?P<have>\d+)\) at "
        r"non-singleton dimension (?P<dim>\d+)\.\s+Target sizes: \[(?P<target>[^\]]*)\]\.\s+Tensor sizes: "
        r"\[(?P<shape>[^\]]*)\]",
        "expand_size broadcast",
        shapes.expand_size,
    ),
    _kind(
        "broadcast",
        r"The size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\) at non-singleton "
        r"dimension (?P<dim>\d+)",
        "broadcast",
        shapes.broadcast,
    ),
    _kind(
        "overlapping_write",
        r"more than one element of the written-to tensor refers to a single memory location",
        "overlapping_write",
        storages.written_twice,
    ),
    _kind(
        "partial_overlap",
        r"some elements of the input tensor and the written-to tensor refer to a single memory location",
        "partial_overlap",
        storages.partial_overlap,
    ),
    _kind(
        "negative_stride",
        r"At least one stride in the given numpy array is negative",
        "negative_stride",
        storages.negative_stride,
    ),
    _kind(
        "odd_stride",
        r"given numpy array strides not a multiple of the element byte size",
        "odd_stride",
        storages.odd_stride,
    ),
    _kind("slice_step", r"step must be greater than zero", "slice_step", shapes.slice_step),
    _kind(
        "dim_range",
        r"Dimension out of range \(expected to be in range of \[(?P<low>-?\d+), (?P<high>-?\d+)\], but got "
        r"(?P<got>-?\d+)\)",
        "dim_range",
        shapes.dim_range,
    ),
    _kind(
        "unfold_size",
        r"maximum size for tensor at dimension (?P<dim>\d+) is (?P<most>\d+) but size is (?P<size>\d+)",
        "unfold_size",
        shapes.window_size,
    ),
    _kind(
        "dtype_view",
        r"self\.(?P<what>storage_offset\(\)|size\(-1\)|stride\(-?\d+\)) must be divisible by (?P<by>\d+) to view "
        r"(?P<old>\w+) as (?P<new>\w+)(?: \(different element sizes\))?(?:, but got (?P<got>-?\d+))?",
        "dtype_view",
        storages.items_divide,
    ),
    _kind(
        "dtype_view",
        r"self\.stride\(-1\) must be 1 to view (?P<old>\w+) as (?P<new>\w+)(?: \(different element sizes\))?"
        r"(?:, but got (?P<got>-?\d+))?",
        "dtype_view",
        storages.last_stride,
    ),
    _kind(
        "out_of_bounds",
        r"sizes \[(?P<sizes>[^\]]*)\], strides \[(?P<strides>[^\]]*)\], storage offset (?P<offset>\d+), and itemsize "
        r"(?P<item>\d+) requiring a storage size of (?P<needs>\d+) are out of bounds for storage of size (?P<held>\d+)",
        "out_of_bounds",
        storages.out_of_bounds,
    ),
    _kind(
        "leaf_write",
        r"a (?P<view>view of a )?leaf Variable that requires grad is being used in an in-place operation",
        "",
        storages.leaf_write,
    ),
    _kind(
        "not_on_cpu",
        r"can't convert (?P<device>\S+) device type tensor to numpy",
        "not_on_cpu",
        storages.to_numpy,
    ),
    _kind("numpy_grad", r"Can't call numpy\(\) on Tensor that requires grad", "numpy_grad", storages.grad_numpy),
    _kind(
        "device_mix",
        r"Expected all tensors to be on the same device|Tensor on device \S+ is not on the expected device",
        "device_mix",
        storages.devices,
    ),
    _kind(
        "memory_format",
        r"required rank (?P<rank>\d) tensor to use (?P<format>channels_last(?:_3d)?) format",
        "memory_format",
        shapes.rank,
    ),
    _kind(
        "cat_shape",
        r"Sizes of tensors must match except in dimension (?P<dim>\d+)\. Expected size (?P<want>\d+) but got size "
        r"(?P<got>\d+) for tensor number (?P<number>\d+)",
        "cat_shape",
        shapes.cat_sizes,
    ),
    _kind(
        "stack_shape",
        r"stack expects each tensor to be equal size, but got \[(?P<one>[^\]]*)\] at entry 0 and \[(?P<other>[^\]]*)\] "
        r"at entry (?P<number>\d+)",
        "stack_shape",
        shapes.stack_shapes,
    ),
    _kind("shared_storage", r"Some tensors share memory(?P<groups>.*)", "", storages.tied),
    _kind(
        "bucket_strides",
        r"Grad strides do not match bucket view strides.*?grad\.sizes\(\) = \[(?P<gs>[^\]]*)\], strides\(\) = "
        r"\[(?P<gt>[^\]]*)\].*?bucket_view\.sizes\(\) = \[(?P<vs>[^\]]*)\], strides\(\) = \[(?P<vt>[^\]]*)\]",
        "",
        storages.bucket_strides,
    ),
)
"""Every error of layouts that torch raises in words of its own; the first row whose words are found is the kind."""
