"""torch's grids of tensors over one another's storage, and a few more that are made anew.

Problem and method: a grid is a view of each tensor, expanded; what is made anew is a layout, with values where the
program determines them. Cost: O(ndim), or O(values) for `one_hot`, whose size is a matter of values.

Source: torch's `aten/src/ATen/native/` `TensorShape.cpp`, `TensorFactories.cpp` and `Onehot.cpp`; measured on torch
2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpRuntimeError, OpTypeError
from stridescope.layout import Layout
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.rows import positions_of, rows
from stridescope.program.signature import Spread
from stridescope.program.tensor import Tensor, cast
from stridescope.program.torch_ops.compute import elementwise
from stridescope.program.torch_ops.creations import empty_strided, made
from stridescope.program.torch_ops.selections import filled, reader_of, shared_shape
from stridescope.program.torch_ops.views import as_strided

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS"]

PROBABILITIES_LOOKED_AT = 100_000

_OPTIONS = "*, dtype? dtype=None, device? device=None, bool requires_grad=False, bool pin_memory=False"

Index = tuple[int, ...]


# --------------------------------------------------------------------------------------- grids and views


def _broadcast_tensors(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if not isinstance(tensors, Spread):
        raise OpTypeError("not_a_tensor", "broadcast_tensors takes tensors one by one, not a list of them")
    shape = shared_shape("broadcast_tensors", *(tensor.layout.shape for tensor in tensors))
    return tuple(tensor.view(tensor.layout.expand(shape)) for tensor in tensors)


def _meshgrid(tensors: tuple[Tensor, ...], indexing: str | None = None) -> tuple[Tensor, ...]:
    if not tensors:
        raise OpRuntimeError("no_tensors", "meshgrid needs at least one tensor")
    for tensor in tensors:
        if tensor.layout.ndim > 1:
            raise OpRuntimeError("rank", f"meshgrid takes tensors of 0 or 1 dim, got {tensor.layout.ndim} dims")
        if (tensor.dtype, tensor.device) != (tensors[0].dtype, tensors[0].device):
            raise OpRuntimeError("dtype", "meshgrid needs tensors of one dtype on one device")
    if indexing not in (None, "ij", "xy"):
        raise OpRuntimeError("indexing", f"meshgrid takes indexing 'ij' or 'xy', got {indexing!r}")
    order = list(range(len(tensors)))
    if indexing == "xy" and len(tensors) > 1:
        order[:2] = [1, 0]
    shape = tuple(tensors[number].layout.numel for number in order)
    grids: list[Tensor] = [tensors[0]] * len(tensors)
    for dim, number in enumerate(order):
        line = tensors[number].layout.view((*(1,) * dim, shape[dim], *(1,) * (len(shape) - dim - 1)))
        assert isinstance(line, Layout)
        grids[number] = tensors[number].view(line.expand(shape))
    return tuple(grids)


def _as_strided_(tensor: Tensor, size: Index, stride: Index, storage_offset: int | None = None) -> Tensor:
    tensor.layout = as_strided(tensor, size, stride, storage_offset).layout
    return tensor


# ------------------------------------------------------------------------------------------- made anew


def _empty_permuted(size: Index, physical_layout: Index, dtype: DType | None, *rest: Any) -> Tensor:
    if len(size) != len(physical_layout):
        raise OpRuntimeError(
            "permute_rank", f"empty_permuted needs all {len(size)} dims in their order, got {list(physical_layout)}"
        )
    if sorted(physical_layout) != list(range(len(size))):
        raise OpRuntimeError(
            "dim_repeated", f"the dims {list(physical_layout)} must be 0 to {len(size) - 1}, each once"
        )
    stride = [0] * len(size)
    if all(part >= 0 for part in size):
        dense = Layout.row_major(tuple(size[dim] for dim in physical_layout)).stride
        for dim, step in zip(physical_layout, dense, strict=True):
            stride[dim] = step
    layout = Layout(size, tuple(stride)) if min(size, default=0) >= 0 else None
    device, grad, _pin = rest
    return made(size, dtype or DTYPES["float32"], None, device, grad, layout)


def _new_empty_strided(
    source: Tensor, size: Index, stride: Index, dtype: DType | None, device: str | None, *rest: Any
) -> Tensor:
    return empty_strided(size, stride, dtype or source.dtype, device or source.device, *rest)


def _one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    if tensor.dtype.name != "int64":
        raise OpRuntimeError("index_dtype", f"one_hot takes an int64 tensor, got {tensor.dtype}")
    layout = tensor.layout
    if not layout.numel and num_classes <= 0:
        raise OpRuntimeError("class_count", "without elements the number of classes must be given, and be above 0")
    classes = positions_of(tensor, "what one_hot takes").values
    if any(value < 0 for value in classes):
        raise OpRuntimeError("class_range", "classes must be 0 or more")
    count = max(classes) + 1 if num_classes == -1 else num_classes
    if any(value >= count for value in classes):
        raise OpRuntimeError("class_range", f"class {max(classes)} is out of range for {count} classes")
    read = reader_of(tensor)
    new = Layout.row_major((*layout.shape, count))
    return filled(new, tensor.dtype, lambda index: int(read(index[:-1]) == index[-1]), [tensor])


def _complex(real: Tensor, imag: Tensor) -> Tensor:
    whole = next((row for row in DTYPES.values() if row.part == real.dtype.name), None)
    if whole is None or real.dtype != imag.dtype:
        raise OpRuntimeError(
            "dtype", f"complex needs two tensors of one type, float16, 32 or 64; got {real.dtype} and {imag.dtype}"
        )
    return elementwise("complex", [real, imag], whole, complex)


def _bernoulli(tensor: Tensor) -> Tensor:
    if not tensor.dtype.is_floating:
        raise OpRuntimeError("random_dtype", f"bernoulli takes probabilities as floats, got {tensor.dtype}")
    if tensor.layout.numel <= PROBABILITIES_LOOKED_AT:
        known = filter(None, map(tensor.reader(), tensor.layout.addresses()))
        if not all(0 <= value <= 1 for value in known):
            raise OpRuntimeError("random_range", "bernoulli takes probabilities from 0 to 1")
    return filled(Layout.row_major(tensor.layout.shape), tensor.dtype, lambda _: None, [tensor])


def _normal(
    _mean: Any, std: Any, size: Index, dtype: DType | None, device: str | None, grad: bool, _pin: bool
) -> Tensor:
    kind = dtype or DTYPES["float32"]
    if kind.kind not in ("float", "complex"):
        raise OpRuntimeError("random_dtype", f"normal draws floating-point numbers, not {kind}")
    if std < 0:
        raise OpRuntimeError("negative_scale", f"normal needs a std of 0 or more, got {std}")
    return made(size, kind, None, device, grad)


def _range(start: Any, end: Any, step: Any, dtype: DType | None, device: str | None, grad: bool) -> Tensor:
    kind = dtype or DTYPES["float32"]
    if not step or (end - start) * step < 0:
        raise OpRuntimeError("arange_step", f"range from {start} to {end} by {step} never arrives")
    return made((floor((end - start) / step) + 1,), kind, lambda k: cast(start + step * k, kind), device, grad)


_VIEWS: dict[str, Callable[..., Any]] = {
    "as_strided_(int[] size, int[] stride, int? storage_offset=None)": _as_strided_,
}

_VIEW_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "broadcast_tensors(*tensor tensors)": _broadcast_tensors,
    "meshgrid(*tensor tensors, str? indexing=None)": _meshgrid,
}

_MAKING: dict[str, Callable[..., Any]] = {
    f"empty_permuted(shape size, shape physical_layout, {_OPTIONS})": _empty_permuted,
    f"normal(number mean, number std, shape size, {_OPTIONS})": _normal,
    "range(number start, number end, number step=1, *, dtype? dtype=None, device? device=None, "
    "bool requires_grad=False)": _range,
}

_COMPUTING_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "bernoulli(tensor input)": _bernoulli,
    "complex(tensor real, tensor imag)": _complex,
    "nn.functional.one_hot(tensor input, int num_classes=-1)": _one_hot,
}

ROWS: list[Op] = [
    *rows("tensor", "view", _VIEWS),
    *rows("tensor", "create", {f"new_empty_strided(shape size, shape stride, {_OPTIONS})": _new_empty_strided}),
    *rows("torch", "view", _VIEW_FUNCTIONS),
    *rows("torch", "create", _MAKING),
    *rows("torch", "compute", _COMPUTING_FUNCTIONS),
]
