"""torch's ops on listed positions of a dim: `index_fill`, `scatter`, `take_along_dim`.

Problem: say which addresses positions given as values reach, and refuse what torch refuses of them. Method: the
positions are read, and each names addresses of the layout; an op that leaves its input alone is a copy, changed in
place. Cost: O(elements that the positions reach).

Source: torch's `aten/src/ATen/native/TensorAdvancedIndexing.cpp`; measured on torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpIndexError, OpRuntimeError
from stridescope.layout import Layout, Refusal
from stridescope.layout.base import wrap_dim
from stridescope.program.rows import as_functions, positions_of, rows
from stridescope.program.tensor import Tensor, held, of_copy
from stridescope.program.torch_ops.selections import given_value, reader_of, shared_shape, write_at
from stridescope.program.torch_ops.writes import check_autograd, check_written_once

if TYPE_CHECKING:
    from stridescope.program.algebra import Written
    from stridescope.program.ops import Op

__all__ = ["ROWS"]

Index = tuple[int, ...]


def _on_a_copy(write: Callable[..., Written], memory_format: str) -> Callable[..., Tensor]:
    """The op that leaves its input alone: a copy, changed in place."""

    def run(tensor: Tensor, *args: Any) -> Tensor:
        made = of_copy(tensor.layout.clone(memory_format), (tensor,))
        write(made, *args)
        # Not every element is where it came from any more.
        made.copy = None
        return made

    return run


def _index_values(tensor: Tensor, dim: int, index: Tensor, what: str) -> tuple[int, tuple[int, ...]]:
    """The dim counted from the front, and the positions along it; none are looked at where nothing is written."""
    wrapped = wrap_dim(dim, tensor.layout.ndim)
    return wrapped, positions_of(index, f"the index of {what}").values


def _along(layout: Layout, dim: int, position: int) -> Layout:
    return layout.select(dim, position) if layout.ndim else layout


def _index_fill_(tensor: Tensor, dim: int, index: Tensor, value: Any) -> Written:
    check_autograd(tensor)
    if index.dtype.name != "int64":
        raise OpIndexError("index_dtype", f"index_fill needs an int64 index, got {index.dtype}")
    if index.layout.ndim > 1:
        raise OpRuntimeError("index_rank", f"index_fill takes a 0- or 1-dim index, got {index.layout.ndim} dims")
    new = given_value(value, tensor.dtype, "index_fill")
    dim, positions = _index_values(tensor, dim, index, "index_fill")
    layout = tensor.layout
    size = layout.shape[dim] if layout.shape else 1
    if not layout.numel:
        if positions and not size:
            raise OpRuntimeError("index_range", f"no position of dim {dim} can be filled: its size is 0", (dim,))
        positions = ()
    values: dict[int, Any] = {}
    for position in positions:
        if not -size <= position < size:
            raise OpIndexError("index_range", f"index {position} is out of range for dim {dim} of size {size}", (dim,))
        values.update(dict.fromkeys(_along(layout, dim, position).addresses(), new))
    return write_at(tensor, values)


def _scatter_(tensor: Tensor, dim: int, index: Tensor, src: Any) -> Written:
    check_autograd(tensor)
    if index.dtype.name not in ("int64", "int32"):
        raise OpRuntimeError("index_dtype", f"scatter needs an int64 or int32 index, got {index.dtype}")
    if isinstance(src, Tensor) and src.dtype != tensor.dtype:
        raise OpRuntimeError(
            "index_put_dtype", f"scatter into {tensor.dtype} takes values of that dtype, got {src.dtype}; convert first"
        )
    check_written_once(tensor.layout)
    dim, positions = _index_values(tensor, dim, index, "scatter")
    if not index.layout.numel:
        return write_at(tensor, {})
    shape, whole = index.layout.shape or (1,), tensor.layout.shape or (1,)
    _check_scatter_shape(dim, shape, whole, None if not isinstance(src, Tensor) else src.layout.shape or (1,))
    if isinstance(src, Tensor):
        new = reader_of(src)
    else:
        known = held(src, tensor.dtype, 2)

        def new(_index: Index) -> Any:
            return known

    values: dict[int, Any] = {}
    for at, position in zip(product(*map(range, shape)), positions, strict=True):
        if not 0 <= position < whole[dim]:
            raise OpRuntimeError(
                "index_range", f"index {position} is out of range for dim {dim} of size {whole[dim]}", (dim,)
            )
        place = (*at[:dim], position, *at[dim + 1 :]) if tensor.layout.shape else ()
        address = tensor.layout.address(place)
        value = new(at if not isinstance(src, Tensor) or src.layout.shape else ())
        # Of several values for one place torch keeps any.
        values[address] = None if values.get(address, value) != value else value
    return write_at(tensor, values, index.layout.numel if isinstance(src, Tensor) else 0)


def _check_scatter_shape(dim: int, index: Index, whole: Index, src: Index | None) -> None:
    if len(index) != len(whole) or (src is not None and len(src) != len(whole)):
        raise OpRuntimeError("index_rank", f"scatter needs tensors of one rank: {len(whole)} dims, as the one written")
    for d, size in enumerate(index):
        if d != dim and size > whole[d]:
            raise OpRuntimeError(
                "scatter_shape", f"the index has size {size} at dim {d}, and the tensor only {whole[d]}", (d,)
            )
        if src is not None and size > src[d]:
            raise OpRuntimeError(
                "scatter_shape", f"the index has size {size} at dim {d}, and the source only {src[d]}", (d,)
            )


def _take_along_dim(tensor: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    if indices.dtype.name != "int64":
        raise OpRuntimeError("index_dtype", f"take_along_dim needs an int64 index, got {indices.dtype}")
    layout, picks = tensor.layout, indices.layout
    if dim is None:
        flat = [part.view((-1,)) for part in (layout, picks)]
        for part in flat:
            if isinstance(part, Refusal):
                raise OpRuntimeError(part.code, part.message, part.dims)
        layout, picks = (part for part in flat if isinstance(part, Layout))
        dim = 0
    if layout.ndim != picks.ndim:
        raise OpRuntimeError(
            "index_rank", f"take_along_dim needs as many dims in both, got {layout.ndim}, {picks.ndim}"
        )
    dim = wrap_dim(dim, layout.ndim)
    if not layout.shape:
        raise OpIndexError("zero_dim", "a 0-dim tensor has no dim to take along; leave dim out")
    size = layout.shape[dim]
    others = [(*part.shape[:dim], 1, *part.shape[dim + 1 :]) for part in (layout, picks)]
    shape = shared_shape("take_along_dim", *others)
    layout = layout.expand((*shape[:dim], size, *shape[dim + 1 :]))
    picks = picks.expand((*shape[:dim], picks.shape[dim], *shape[dim + 1 :]))
    if not size and picks.numel:
        raise OpRuntimeError("index_range", f"nothing can be taken along dim {dim}: its size is 0", (dim,))
    positions = positions_of(indices.view(picks), "the indices of take_along_dim").values
    return of_copy(layout.gather(dim, picks.shape, [p % size for p in positions]), (tensor,))


_COPIES: dict[str, Callable[..., Any]] = {
    **{
        f"index_fill(int dim, tensor index, {kind} value)": _on_a_copy(_index_fill_, "preserve_format")
        for kind in ("number", "tensor")
    },
    "scatter(int dim, tensor index, tensor src)": _on_a_copy(_scatter_, "contiguous_format"),
    "scatter(int dim, tensor index, number value)": _on_a_copy(_scatter_, "contiguous_format"),
    "take_along_dim(tensor indices, int? dim=None)": _take_along_dim,
}

_WRITES: dict[str, Callable[..., Any]] = {
    **{f"index_fill_(int dim, tensor index, {kind} value)": _index_fill_ for kind in ("number", "tensor")},
    "scatter_(int dim, tensor index, tensor src)": _scatter_,
    "scatter_(int dim, tensor index, number value)": _scatter_,
}

_COPY_ROWS = rows("tensor", "copy", _COPIES)

ROWS: list[Op] = [
    *_COPY_ROWS,
    *rows("tensor", "write", _WRITES),
    *as_functions(_COPY_ROWS, [op.name for op in _COPY_ROWS], "torch"),
]
