"""torch's ops in which place alone decides: diagonals, triangles, padding; and clamping, which looks at no place.

Problem: these copy what they keep and fill what they do not, each with a layout of its own. Method: each row is a
layout and a function from index to value. Cost: O(ndim).

Source: torch's `aten/src/ATen/native/` `TensorShape.cpp`, `TriangularOps.cpp`, `PadNd.cpp`, `Fill.cpp` and
`TensorCompare.cpp`; measured on torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpRuntimeError, OpTypeError
from stridescope.layout import Layout
from stridescope.layout.base import wrap_dim
from stridescope.layout.contiguity import CONTIGUOUS
from stridescope.program.algebra import Written
from stridescope.program.rows import as_functions, rows
from stridescope.program.tensor import Tensor, cast, held, of_copy
from stridescope.program.torch_ops.compute import elementwise, result_dtype
from stridescope.program.torch_ops.selections import filled, reader_of
from stridescope.program.torch_ops.writes import check_autograd, check_written_once, holds, log_write

if TYPE_CHECKING:
    from stridescope.layout.dtypes import DType
    from stridescope.program.ops import Op

__all__ = ["ROWS"]

Index = tuple[int, ...]


# ---------------------------------------------------------------------------------- diagonals, triangles


def _diag(tensor: Tensor, diagonal: int = 0) -> Tensor:
    if tensor.layout.ndim == 1:
        return _diag_embed(tensor, diagonal)
    if tensor.layout.ndim != 2:
        raise OpRuntimeError("rank", f"diag takes 1 or 2 dims, got {tensor.layout.ndim}")
    return of_copy(tensor.layout.diagonal(diagonal).clone(CONTIGUOUS), (tensor,))


def _diag_embed(tensor: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    rank = tensor.layout.ndim + 1
    rows_dim, columns_dim = wrap_dim(dim1, rank), wrap_dim(dim2, rank)
    if rows_dim == columns_dim:
        raise OpRuntimeError("dim_repeated", f"diag_embed needs two different dims, got {dim1} and {dim2}", (rows_dim,))
    *sizes, length = tensor.layout.shape
    left = iter(sizes)
    planes = (rows_dim, columns_dim)
    shape = tuple(length + abs(offset) if d in planes else next(left) for d in range(rank))
    read, zero = reader_of(tensor), cast(0, tensor.dtype)

    def value(index: Index) -> Any:
        row, column = index[rows_dim], index[columns_dim]
        if column - row != offset:
            return zero
        return read((*(at for d, at in enumerate(index) if d not in planes), min(row, column)))

    return filled(Layout.row_major(shape), tensor.dtype, value, [tensor])


def _diagflat(tensor: Tensor, offset: int = 0) -> Tensor:
    flat = tensor.layout.reshape((tensor.layout.numel,))
    if isinstance(flat, Layout):
        return _diag_embed(tensor.view(flat), offset)
    return _diag_embed(of_copy(tensor.layout.flatten(), (tensor,)), offset)  # type: ignore[arg-type]


def _fill_diagonal_(tensor: Tensor, fill_value: Any, wrap: bool = False) -> Written:
    check_autograd(tensor)
    layout = tensor.layout
    if layout.ndim < 2:
        raise OpRuntimeError("rank", f"fill_diagonal_ needs at least 2 dims, got {layout.ndim}")
    if layout.ndim > 2 and len(set(layout.shape)) > 1:
        raise OpRuntimeError("diagonal_shape", f"with {layout.ndim} dims all sizes must be equal, got {layout.shape}")
    size, step = min(layout.shape), sum(layout.stride)
    value = held(fill_value, tensor.dtype, size)
    diagonal = Layout((size,), (step,), layout.storage_offset)
    turn = layout.shape[1] + 1
    if not (wrap and layout.ndim == 2 and layout.shape[0] > turn):
        return log_write(tensor, diagonal, holds(value), constant=True)
    first = layout.storage_offset + layout.stride[0] * turn
    places = [*diagonal.addresses(), *(first + step * k for k in range(-(-layout.numel // turn) - size))]
    tensor.write_listed(dict.fromkeys(places, value))
    return Written(tensor, None, 0, tuple(places))


def _kept(lower: bool, diagonal: int) -> Callable[[Index], bool]:
    if lower:
        return lambda index: index[-1] - index[-2] <= diagonal
    return lambda index: index[-1] - index[-2] >= diagonal


def _check_matrix(tensor: Tensor, what: str) -> None:
    if tensor.layout.ndim < 2:
        raise OpRuntimeError("rank", f"{what} needs at least 2 dims, got {tensor.layout.ndim}")


def _triangle(lower: bool) -> Callable[..., Tensor]:
    def run(tensor: Tensor, diagonal: int = 0) -> Tensor:
        _check_matrix(tensor, "tril" if lower else "triu")
        kept, read, zero = _kept(lower, diagonal), reader_of(tensor), cast(0, tensor.dtype)
        layout = Layout.row_major(tensor.layout.shape)
        return filled(layout, tensor.dtype, lambda index: read(index) if kept(index) else zero, [tensor])

    return run


def _triangle_(lower: bool) -> Callable[..., Written]:
    def run(tensor: Tensor, diagonal: int = 0) -> Written:
        check_autograd(tensor)
        _check_matrix(tensor, "tril_" if lower else "triu_")
        kept, zero = _kept(lower, diagonal), cast(0, tensor.dtype)
        return log_write(tensor, tensor.layout, lambda index, old: old if kept(index) else zero, reads_old=True)

    return run


# ---------------------------------------------------------------------------------- clamping and padding


def _bounds(tensor: Tensor, least: Any, most: Any) -> tuple[DType, Callable[[Any], Any]]:
    """The element type of a clamped tensor, and what it makes of a value."""
    given = [bound for bound in (least, most) if bound is not None]
    if not given:
        raise OpRuntimeError("no_bounds", "clamp needs min, max or both")
    dtype = result_dtype([tensor, *given])
    if dtype.kind in ("complex", "bool"):
        raise OpRuntimeError("complex_order", f"clamp needs ordered numbers, got {dtype}")
    low, high = (None if bound is None else held(bound, dtype, 2) for bound in (least, most))
    if any(bound is not None and bound != bound for bound in (low, high)):  # noqa: PLR0124 - NaN is not itself
        return dtype, lambda _: float("nan")

    def clamped(value: Any) -> Any:
        if low is not None and value < low:
            value = low
        return high if high is not None and value > high else value

    return dtype, clamped


def _clamp(tensor: Tensor, least: Any = None, most: Any = None) -> Tensor:
    dtype, clamped = _bounds(tensor, least, most)
    return elementwise("clamp", [tensor], dtype, lambda value: clamped(cast(value, dtype)), common=dtype)


def _clamp_(tensor: Tensor, least: Any = None, most: Any = None) -> Written:
    check_autograd(tensor)
    dtype, clamped = _bounds(tensor, least, most)
    if tensor.dtype.kind == "bool" or (dtype.is_floating and not tensor.dtype.is_floating):
        raise OpRuntimeError("result_type", f"clamp_ gives {dtype}, which a tensor of {tensor.dtype} cannot hold")
    check_written_once(tensor.layout)
    return log_write(tensor, tensor.layout, lambda _index, old: None if old is None else clamped(old), reads_old=True)


def _pad(tensor: Tensor, pad: Index, mode: str = "constant", value: Any = None) -> Tensor:
    layout = tensor.layout
    if mode != "constant":
        raise InputError(f"pad is followed in mode 'constant' only, got {mode!r}; run it on real torch with --torch")
    if isinstance(value, complex):
        raise OpTypeError("not_real", f"pad takes a real value, got {value!r}")
    if len(pad) % 2 or len(pad) > 2 * layout.ndim:
        raise OpRuntimeError("pad_count", f"pad takes two sizes for each of the last dims, at most {2 * layout.ndim}")
    inner, shape, before = layout, list(layout.shape), [0] * layout.ndim
    for number in range(len(pad) // 2):
        dim = layout.ndim - 1 - number
        low, high = pad[2 * number], pad[2 * number + 1]
        for start, cut in ((-min(low, 0), min(low, 0)), (0, min(high, 0))):
            if cut:
                inner = inner.narrow(dim, start, inner.shape[dim] + cut)
        before[dim] = max(low, 0)
        shape[dim] += low + high
    if all(size <= 0 for size in pad):
        return of_copy(inner.clone(), (tensor,))
    if any(size < 0 for size in shape):
        raise OpRuntimeError("pad_size", f"padding would leave the sizes {shape}; they must be 0 or more")
    new = Layout(tuple(shape), Layout.row_major(shape).stride_when_copied(layout.suggest_memory_format()))
    around = held(float(value or 0), tensor.dtype, prod(shape))
    read = reader_of(tensor, inner)

    def chosen(index: Index) -> Any:
        at = tuple(position - skip for position, skip in zip(index, before, strict=True))
        inside = all(0 <= position < size for position, size in zip(at, inner.shape, strict=True))
        return read(at) if inside else around

    return filled(new, tensor.dtype, chosen, [tensor])


_COPIES: dict[str, Callable[..., Any]] = {
    "diag(int diagonal=0)": _diag,
    "diag_embed(int offset=0, int dim1=-2, int dim2=-1)": _diag_embed,
    "diagflat(int offset=0)": _diagflat,
    "tril(int diagonal=0)": _triangle(True),
    "triu(int diagonal=0)": _triangle(False),
}

_COMPUTE: dict[str, Callable[..., Any]] = {
    f"{name}(number? min=None, number? max=None)": _clamp for name in ("clamp", "clip")
}

_WRITES: dict[str, Callable[..., Any]] = {
    "fill_diagonal_(number fill_value, bool wrap=False)": _fill_diagonal_,
    "tril_(int diagonal=0)": _triangle_(True),
    "triu_(int diagonal=0)": _triangle_(False),
    **{f"{name}_(number? min=None, number? max=None)": _clamp_ for name in ("clamp", "clip")},
}

_COPY_ROWS = rows("tensor", "copy", _COPIES)
_COMPUTE_ROWS = rows("tensor", "compute", _COMPUTE)

ROWS: list[Op] = [
    *_COPY_ROWS,
    *_COMPUTE_ROWS,
    *rows("tensor", "write", _WRITES),
    *as_functions(_COPY_ROWS, [op.name for op in _COPY_ROWS], "torch"),
    *as_functions(_COMPUTE_ROWS, ["clamp", "clip"], "torch"),
    *rows(
        "torch",
        "copy",
        {"nn.functional.pad(tensor input, int[] pad, str mode='constant', number? value=None)": _pad},
    ),
]
