"""torch's ops that choose elements by a mask or by listed positions: `where`, `masked_fill`, `scatter` and their kin.

Problem: which elements are replaced is a matter of values, and the layout of the result of rules that differ from op to
op. Method: what makes a new storage has a fill that asks the mask or the positions for each element; what writes in
place reads them and writes the addresses they name. A mask that nobody can know leaves a new storage's values unknown;
a write through one is not followed. Cost: O(ndim) for a new storage, O(given positions) for a write.

Source: torch's `aten/src/ATen/native/TensorAdvancedIndexing.cpp` and `TensorCompare.cpp`; measured on torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpIndexError, OpRuntimeError
from stridescope.layout import Layout, Refusal, indexing
from stridescope.layout.base import wrap_dim
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.algebra import Written
from stridescope.program.rows import as_functions, positions_of, rows
from stridescope.program.tensor import Tensor, cast, fresh, held, of_copy
from stridescope.program.torch_ops.compute import elementwise, result_dtype
from stridescope.program.torch_ops.creations import inferred_dtype
from stridescope.program.torch_ops.writes import LISTED_LIMIT
from stridescope.program.torch_ops.writes import _check_autograd as check_autograd
from stridescope.program.torch_ops.writes import _check_written_once as check_written_once

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "filled", "given_value", "reader_of"]

Index = tuple[int, ...]


def filled(
    layout: Layout, dtype: DType, value: Callable[[Index], Any], sources: Sequence[Tensor], device: str | None = None
) -> Tensor:
    """A tensor on a new storage, each element told by its index from what `sources` hold now."""

    def fill(k: int) -> Any:
        index = next(layout.indices_of(k), None)
        return None if index is None else cast(value(index), dtype)

    grad = any(source.requires_grad for source in sources) and dtype.kind in ("float", "complex")
    made = fresh(layout, dtype, fill, device=device or sources[0].device, requires_grad=grad)
    made.leaf = not grad
    made.storage.stands_on([source.storage for source in sources])
    return made


def reader_of(tensor: Tensor, layout: Layout | None = None) -> Callable[[Index], Any]:
    """Index -> value as it is now, through the tensor's own layout or another one on its storage."""
    read, seen = tensor.reader(), layout or tensor.layout
    return lambda index: read(seen.address(index))


def given_value(value: Any, dtype: DType, what: str) -> Any:
    """A number, or what a 0-dim tensor holds, as an element of `dtype`.

    Raises:
        OpRuntimeError: a tensor with dims, or a number that does not fit.
    """
    if isinstance(value, Tensor):
        if value.layout.ndim:
            raise OpRuntimeError("fill_rank", f"{what} takes a number or a 0-dim tensor, got {value.layout.ndim} dims")
        value = reader_of(value)(())
    return held(value, dtype, 2)


def _shared_shape(what: str, *shapes: Index) -> Index:
    try:
        return indexing.broadcast_shapes(shapes)
    except OpIndexError as clash:
        raise OpRuntimeError(clash.code, f"{what}: {clash.message}") from None


def _check_mask(tensor: Tensor, mask: Tensor, what: str) -> Index:
    """The shape a tensor and its mask have together."""
    if mask.dtype.kind != "bool":
        raise OpRuntimeError("index_dtype", f"{what} needs a bool mask, got {mask.dtype}")
    if mask.device != tensor.device and mask.layout.ndim:
        raise OpRuntimeError("device_mix", f"{what}: the tensor is on {tensor.device}, its mask on {mask.device}")
    return _shared_shape(what, tensor.layout.shape, mask.layout.shape)


def _write_at(tensor: Tensor, values: dict[int, Any], copied: int = 0) -> Written:
    if len(values) > LISTED_LIMIT:
        raise InputError(f"writing to {len(values):,} listed positions is more than is followed; use --torch")
    tensor.write_listed(values)
    return Written(tensor, None, copied * tensor.dtype.itemsize, tuple(values))


def _on_a_copy(write: Callable[..., Written], memory_format: str) -> Callable[..., Tensor]:
    """The op that leaves its input alone: a copy, changed in place."""

    def run(tensor: Tensor, *args: Any) -> Tensor:
        made = of_copy(tensor.layout.clone(memory_format), (tensor,))
        write(made, *args)
        # Not every element is where it came from any more.
        made.copy = None
        return made

    return run


# ------------------------------------------------------------------------------------------------ masks


def _masked_fill(tensor: Tensor, mask: Tensor, value: Any) -> Tensor:
    shape = _check_mask(tensor, mask, "masked_fill")
    new = given_value(value, tensor.dtype, "masked_fill")
    old, hit = (reader_of(part, part.layout.expand(shape)) for part in (tensor, mask))

    def chosen(index: Index) -> Any:
        masked = hit(index)
        return None if masked is None else new if masked else old(index)

    sources = [tensor, mask, *([value] if isinstance(value, Tensor) else [])]
    return filled(Layout.row_major(shape), tensor.dtype, chosen, sources)


def _masked_fill_(tensor: Tensor, mask: Tensor, value: Any) -> Written:
    check_autograd(tensor)
    shape = _check_mask(tensor, mask, "masked_fill_")
    if shape != tensor.layout.shape:
        raise OpRuntimeError(
            "broadcast", f"masked_fill_ writes shape {tensor.layout.shape}; with the mask it would be {shape}"
        )
    new = given_value(value, tensor.dtype, "masked_fill_")
    hits = positions_of(mask.view(mask.layout.expand(shape)), "the mask").values
    places = (index for index, hit in zip(product(*map(range, shape)), hits, strict=True) if hit)
    return _write_at(tensor, dict.fromkeys(map(tensor.layout.address, places), new))


def _where(condition: Tensor, one: Any, other: Any) -> Tensor:
    if condition.dtype.name not in ("bool", "uint8"):
        raise OpRuntimeError("index_dtype", f"where needs a bool condition, got {condition.dtype}")
    operands = [one, other]
    tensors = any(isinstance(part, Tensor) for part in operands)
    dtype = result_dtype(operands) if tensors else inferred_dtype(operands)
    whole = dtype.kind in ("uint", "int")
    parts = [
        condition,
        *(part if isinstance(part, Tensor) else (held if whole else _cast_for)(part, dtype, 2) for part in operands),
    ]
    kept = [DTYPES["bool"], dtype, dtype]

    def stride_of(shape: Index, layouts: Sequence[Layout]) -> Index:
        # What has another element type is converted first, by a dense copy.
        walked = [
            (
                seen.shape,
                seen.stride_when_converted() if isinstance(part, Tensor) and part.dtype != kind else seen.stride,
            )
            for part, kind, seen in zip(parts, kept, layouts, strict=True)
        ]
        return indexing.walk_stride(shape, walked)

    return elementwise("where", parts, dtype, lambda chosen, a, b: a if chosen else b, stride_of=stride_of)


def _cast_for(value: Any, dtype: DType, _numel: int) -> Any:
    return cast(value, dtype)


def _nonzero(tensor: Tensor, as_tuple: bool = False) -> Any:
    if as_tuple:
        whole = _nonzero(tensor if tensor.layout.ndim else tensor.view(tensor.layout.unsqueeze(0)))
        return tuple(whole.view(part) for part in whole.layout.unbind(1))
    truth = elementwise("nonzero", [tensor], DTYPES["bool"], bool)
    hits = positions_of(truth, "what nonzero looks at").values
    shape = tensor.layout.shape
    places = [index for index, hit in zip(product(*map(range, shape)), hits, strict=True) if hit]
    # The columns lie one after another.
    count, rank = len(places), len(shape)
    layout = Layout((count, rank), (1, count))
    return fresh(layout, DTYPES["int64"], lambda k: places[k % count][k // count], device=tensor.device)


# ------------------------------------------------------------------------------------- listed positions


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
    return _write_at(tensor, values)


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
        return _write_at(tensor, {})
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
    return _write_at(tensor, values, index.layout.numel if isinstance(src, Tensor) else 0)


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
    shape = _shared_shape("take_along_dim", *others)
    layout = layout.expand((*shape[:dim], size, *shape[dim + 1 :]))
    picks = picks.expand((*shape[:dim], picks.shape[dim], *shape[dim + 1 :]))
    if not size and picks.numel:
        raise OpRuntimeError("index_range", f"nothing can be taken along dim {dim}: its size is 0", (dim,))
    positions = positions_of(indices.view(picks), "the indices of take_along_dim").values
    return of_copy(layout.gather(dim, picks.shape, [p % size for p in positions]), (tensor,))


_COPIES: dict[str, Callable[..., Any]] = {
    **{f"masked_fill(tensor mask, {kind} value)": _masked_fill for kind in ("number", "tensor")},
    **{
        f"index_fill(int dim, tensor index, {kind} value)": _on_a_copy(_index_fill_, "preserve_format")
        for kind in ("number", "tensor")
    },
    "scatter(int dim, tensor index, tensor src)": _on_a_copy(_scatter_, "contiguous_format"),
    "scatter(int dim, tensor index, number value)": _on_a_copy(_scatter_, "contiguous_format"),
    "take_along_dim(tensor indices, int? dim=None)": _take_along_dim,
}

_WRITES: dict[str, Callable[..., Any]] = {
    **{f"masked_fill_(tensor mask, {kind} value)": _masked_fill_ for kind in ("number", "tensor")},
    **{f"index_fill_(int dim, tensor index, {kind} value)": _index_fill_ for kind in ("number", "tensor")},
    "scatter_(int dim, tensor index, tensor src)": _scatter_,
    "scatter_(int dim, tensor index, number value)": _scatter_,
}

_CHOICES: dict[str, Callable[..., Any]] = {
    "nonzero(*, bool as_tuple=False)": _nonzero,
    **{
        f"where(tensor condition, {kind} other)": lambda tensor, condition, other: _where(condition, tensor, other)
        for kind in ("tensor", "number")
    },
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "where(tensor condition)": lambda condition: _nonzero(condition, True),
    **{
        f"where(tensor condition, {one} input, {other} other)": _where
        for one in ("tensor", "number")
        for other in ("tensor", "number")
    },
}

_COPY_ROWS = rows("tensor", "copy", _COPIES)
_CHOICE_ROWS = rows("tensor", "compute", _CHOICES)

ROWS: list[Op] = [
    *_COPY_ROWS,
    *_CHOICE_ROWS,
    *rows("tensor", "write", _WRITES),
    *as_functions(_COPY_ROWS, ["index_fill", "masked_fill", "scatter", "take_along_dim"], "torch"),
    *as_functions(_CHOICE_ROWS, ["nonzero"], "torch"),
    *rows("torch", "compute", _FUNCTIONS),
]
