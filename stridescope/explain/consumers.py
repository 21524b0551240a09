"""Who takes a tensor as it lies, and who does not.

Problem: "not contiguous" matters to one consumer and not to the next, and each says no in its own words, or computes
something wrong. Method: one row a consumer: its name, for which ranks it is asked, and a function that gives the rule
that fails, "" where all hold, None where it cannot be told. Cost: O(ndim).

Sources: contiguity and channels_last: torch's `c10/core/Contiguity.h`. DLPack: `torch/_tensor.py` (`__dlpack__`) and
`ATen/DLConvertor.cpp`. DDP: the gradient layout contract of `torch/csrc/autograd/functions/accumulate_grad.h` and the
bucket views of `torch/csrc/distributed/c10d/reducer.cpp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stridescope.layout.base import contiguous_stride
from stridescope.layout.contiguity import stride_for_format
from stridescope.records.explanations import Verdict
from stridescope.scene.text import count, tuple_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.records import TensorInfo

__all__ = ["CONSUMERS", "Consumer", "verdicts"]

ALIGNED = 16
"""Bytes that vector loads of CUDA kernels take at once."""


class Consumer(NamedTuple):
    """One row.

    Attributes:
        fails: of a tensor, and the one it is compared with, the first rule that fails; "" if all hold; None if unknown.
        ranks: the ranks that it is asked about; empty for all.
    """

    name: str
    fails: Callable[[TensorInfo, TensorInfo], str | None]
    ranks: tuple[int, ...] = ()


def verdicts(a: TensorInfo, b: TensorInfo) -> tuple[Verdict, ...]:
    """What each consumer makes of two tensors."""
    found = []
    for consumer in CONSUMERS:
        ranks = {len(info.shape) for info in (a, b) if info.shape is not None}
        if consumer.ranks and not ranks & set(consumer.ranks):
            continue
        rules = consumer.fails(a, a), consumer.fails(b, a)
        why = next((f"{name}: {rule}" for name, rule in zip("ab", rules, strict=True) if rule), "")
        if rules[0] and rules[0] == rules[1]:
            why = f"both: {rules[0]}"
        taken = [None if rule is None else not rule for rule in rules]
        found.append(Verdict(consumer.name, taken[0], taken[1], why))
    return tuple(found)


def _not_as(info: TensorInfo, due: tuple[int, ...]) -> str:
    """The first dim, from the last, whose stride is not the one due; the stride of a size-1 dim is read by nobody."""
    for dim in range(len(due) - 1, -1, -1):
        assert info.shape is not None
        assert info.stride is not None
        if info.shape[dim] > 1 and info.stride[dim] != due[dim]:
            return f"stride[{dim}] is {count(info.stride[dim])}, needs {count(due[dim])}"
    return ""


def _contiguous(info: TensorInfo, _: TensorInfo) -> str | None:
    if info.contiguous is None:
        return None
    if info.contiguous:
        return ""
    if info.shape is None or info.stride is None:
        return "its bytes do not lie in row-major order"
    return _not_as(info, contiguous_stride(info.shape))


def _in_format(memory_format: str, rank: int) -> Callable[[TensorInfo, TensorInfo], str | None]:
    def fails(info: TensorInfo, _: TensorInfo) -> str | None:
        layout = info.layout
        if layout is None:
            return None
        if layout.ndim != rank:
            return f"it has {layout.ndim} dims, needs {rank}"
        if layout.is_contiguous(memory_format):
            return ""
        return _not_as(info, stride_for_format(layout.shape, memory_format)) or "its strides are of another order"

    return fails


def _dlpack(info: TensorInfo, _: TensorInfo) -> str | None:
    if info.tensor_layout not in ("strided", None) or info.shape is None:
        return f"it is {info.tensor_layout}, and DLPack knows strided memory alone"
    if info.stride is None:
        return "its strides are no whole number of elements"
    if info.device == "meta":
        return "it has no memory"
    if info.requires_grad:
        return "it requires grad; detach() it first"
    if any("conjugate" in note or "negative view" in note for note in info.notes):
        return "its conj or neg bit would be lost; resolve it first"
    below = next((dim for dim, step in enumerate(info.stride) if step < 0), None)
    return (
        ""
        if below is None
        else f"stride[{below}] is {info.stride[below]}, and consumers such as torch take none below 0"
    )


def _last_stride(info: TensorInfo, _: TensorInfo) -> str | None:
    if info.stride is None:
        return None
    if not info.stride:
        return "it has no dims"
    # Such kernels compare the number, also where the size is 1.
    return "" if info.stride[-1] == 1 else f"stride[-1] is {count(info.stride[-1])}"


def _bucket(info: TensorInfo, parameter: TensorInfo) -> str | None:
    """The parameter decides how its part of the bucket lies; the gradient is to lie like it."""
    if info.shape is None or info.stride is None or parameter.shape is None or parameter.stride is None:
        return None
    if info.shape != parameter.shape:
        return f"its shape is {tuple_text(info.shape)}, the parameter's {tuple_text(parameter.shape)}"
    dense = parameter.non_overlapping_and_dense
    return _not_as(info, parameter.stride if dense else contiguous_stride(parameter.shape))


def _aligned(info: TensorInfo, _: TensorInfo) -> str | None:
    start = None if info.storage is None else info.storage.data_ptr
    if not start or info.byte_offset is None:
        return None
    past = (start + info.byte_offset) % ALIGNED
    return "" if not past else f"data_ptr is {past} B past a multiple of {ALIGNED}"


CONSUMERS: tuple[Consumer, ...] = (
    Consumer("torch contiguous", _contiguous),
    Consumer("channels_last", _in_format("channels_last", 4), (4,)),
    Consumer("channels_last_3d", _in_format("channels_last_3d", 5), (5,)),
    Consumer("DLPack", _dlpack),
    Consumer("stride(-1) == 1", _last_stride),
    Consumer("DDP bucket view", _bucket),
    Consumer(f"data_ptr % {ALIGNED} == 0", _aligned),
)
"""The last argument of a rule is the first tensor: of a parameter and its gradient, the parameter."""
