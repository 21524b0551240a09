"""torch's ops that choose elements by a mask: `where`, `masked_fill`, `nonzero`.

Problem: which elements are replaced is a matter of values, and the layout of the result of rules that differ from op to
op. Method: what makes a new storage has a fill that asks the mask for each element; what writes in place reads it and
writes the addresses it names. A mask that nobody can know leaves a new storage's values unknown; a write through one is
not followed. Cost: O(ndim) for a new storage, O(elements of the mask) for a write.

Source: torch's `aten/src/ATen/native/TensorAdvancedIndexing.cpp` and `TensorCompare.cpp`; measured on torch 2.13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpIndexError, OpRuntimeError
from stridescope.layout import Layout, indexing
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.algebra import Written
from stridescope.program.rows import as_functions, positions_of, rows
from stridescope.program.tensor import Tensor, cast, fresh, held
from stridescope.program.torch_ops.compute import elementwise, result_dtype
from stridescope.program.torch_ops.creations import inferred_dtype
from stridescope.program.torch_ops.writes import LISTED_LIMIT, check_autograd

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "filled", "given_value", "reader_of", "shared_shape", "write_at"]

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


def shared_shape(what: str, *shapes: Index) -> Index:
    """The shape all broadcast to.

    Raises:
        OpRuntimeError: two sizes clash.
    """
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
    return shared_shape(what, tensor.layout.shape, mask.layout.shape)


def write_at(tensor: Tensor, values: dict[int, Any], copied: int = 0) -> Written:
    """Write values to addresses; `copied` of them came from another tensor.

    Raises:
        InputError: there are more than are followed.
    """
    if len(values) > LISTED_LIMIT:
        raise InputError(f"writing to {len(values):,} listed positions is more than is followed; use --torch")
    tensor.write_listed(values)
    return Written(tensor, None, copied * tensor.dtype.itemsize, tuple(values))


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
    return write_at(tensor, dict.fromkeys(map(tensor.layout.address, places), new))


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


_COPIES: dict[str, Callable[..., Any]] = {
    **{f"masked_fill(tensor mask, {kind} value)": _masked_fill for kind in ("number", "tensor")},
}

_WRITES: dict[str, Callable[..., Any]] = {
    **{f"masked_fill_(tensor mask, {kind} value)": _masked_fill_ for kind in ("number", "tensor")},
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
        f"where(tensor condition, {one}, {other} other)": _where
        for one in ("tensor input", "number self")
        for other in ("tensor", "number")
    },
}

_COPY_ROWS = rows("tensor", "copy", _COPIES)
_CHOICE_ROWS = rows("tensor", "compute", _CHOICES)

ROWS: list[Op] = [
    *_COPY_ROWS,
    *_CHOICE_ROWS,
    *rows("tensor", "write", _WRITES),
    *as_functions(_COPY_ROWS, ["masked_fill"], "torch"),
    *as_functions(_CHOICE_ROWS, ["nonzero"], "torch"),
    *rows("torch", "compute", _FUNCTIONS),
]
