"""torch's ops that fill a new storage: clones, conversions, joins, gathers and indexing.

Problem and method: each row asks the layout algebra for a `Copy`, and gives it the element type and device of the
result; conversions that change nothing return their input. Cost: O(ndim), or O(given positions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stridescope.errors import (
    InputError,
    OpIndexError,
    OpRuntimeError,
    OpTypeError,
    OpValueError,
)
from stridescope.layout import Copy, Layout, indexing
from stridescope.layout.contiguity import PRESERVE
from stridescope.layout.copy import Composed, Reordered, Same, Taken
from stridescope.layout.dtypes import DTYPES, DType, promote
from stridescope.layout.indexing import Positions
from stridescope.program.rows import as_functions, lift, on_layout, positions_of, rows
from stridescope.program.tensor import Tensor, of_copy

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "at_least", "device_name", "resolve_key"]

_DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")


def device_name(device: str | None, default: str = "cpu") -> str:
    """A device as torch prints it: "cuda" is "cuda:0".

    Raises:
        OpRuntimeError: torch has no such device type.
    """
    if device is None:
        return default
    kind, _, number = device.partition(":")
    if kind not in _DEVICES or (number and not number.isdigit()):
        raise OpRuntimeError(
            "device", f"there is no device {device!r}; use one of {', '.join(_DEVICES)}, as in 'cuda:0'"
        )
    return kind if kind in ("cpu", "meta") else f"{kind}:{number or 0}"


def _clone(tensor: Tensor, memory_format: str | None = None) -> Tensor:
    return of_copy(tensor.layout.clone(memory_format or PRESERVE), (tensor,))


def converted(
    tensor: Tensor,
    dtype: DType | None = None,
    device: str | None = None,
    copy: bool = False,
    memory_format: str | None = None,
) -> Tensor:
    """`Tensor.to`: the tensor itself where nothing changes, else a copy."""
    kind, place = dtype or tensor.dtype, device_name(device, tensor.device)
    wanted = memory_format or PRESERVE
    layout = tensor.layout
    if kind == tensor.dtype and place == tensor.device and layout.to(wanted, copy=copy) is layout:
        return tensor
    new = layout._with(layout.shape, layout.stride_when_converted(wanted), 0)  # noqa: SLF001 - fields known valid
    return of_copy(Copy(new, (layout,), Same()), (tensor,), dtype=kind, device=place)


def _to_dtype(name: str) -> Callable[..., Tensor]:
    def run(tensor: Tensor, memory_format: str | None = None) -> Tensor:
        return converted(tensor, DTYPES[name], memory_format=memory_format)

    return run


def _repeat_interleave(tensor: Tensor, repeats: Tensor, dim: int | None = None) -> Tensor:
    positions = positions_of(repeats, "repeats")
    if len(positions.shape) > 1:
        raise OpRuntimeError("repeat_count", f"repeats must be 0-dim or 1-dim, got {len(positions.shape)} dims")
    return lift(tensor, tensor.layout.repeat_interleave(positions.values, dim))  # type: ignore[no-any-return]


def _integer_index(tensor: Tensor, what: str) -> Positions:
    if tensor.dtype.name not in ("int64", "int32"):
        raise OpRuntimeError("index_dtype", f"{what} must be int64 or int32, got {tensor.dtype}")
    return positions_of(tensor, what)


def _index_select(tensor: Tensor, dim: int, index: Tensor) -> Tensor:
    if index.layout.ndim > 1:
        raise OpIndexError("index_rank", f"index_select takes a 1-dim index, got {index.layout.ndim} dims")
    positions = _integer_index(index, "the index of index_select")
    return lift(tensor, tensor.layout.index_select(dim, positions.values))  # type: ignore[no-any-return]


def _gather(tensor: Tensor, dim: int, index: Tensor) -> Tensor:
    positions = _integer_index(index, "the index of gather")
    return lift(tensor, tensor.layout.gather(dim, positions.shape, positions.values))  # type: ignore[no-any-return]


def _take(tensor: Tensor, index: Tensor) -> Tensor:
    positions = _integer_index(index, "the index of take")
    numel = tensor.layout.numel
    for position in positions.values:
        if not -numel <= position < numel:
            raise OpIndexError("index_range", f"take position {position} is out of range for {numel} elements")
    flat = Taken(0, tuple(p + numel if p < 0 else p for p in positions.values))
    new = Layout.row_major(positions.shape)
    pick = Composed(Composed(Reordered(new.shape, (new.numel,)), flat), Reordered((numel,), tensor.layout.shape))
    return of_copy(Copy(new, (tensor.layout,), pick), (tensor,))


def _masked_select(tensor: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype.kind != "bool":
        raise OpRuntimeError("index_dtype", f"masked_select needs a bool mask, got {mask.dtype}")
    try:
        shape = indexing.broadcast_shapes([tensor.layout.shape, mask.layout.shape])
    except OpIndexError as clash:
        raise OpRuntimeError(clash.code, clash.message) from None
    seen = tensor.view(tensor.layout.expand(shape))
    spread = mask.view(mask.layout.expand(shape))
    if not shape:
        seen, spread = (part.view(part.layout.unsqueeze(0)) for part in (seen, spread))
    hits = [positions.values for positions in indexing.mask_positions(positions_of(spread, "the mask"))]
    places = [seen.layout.address(at) for at in zip(*hits, strict=True)]
    flat = Layout.row_major((len(places),))
    whole = Layout((max(places, default=-1) + 1,), (1,))
    return of_copy(Copy(flat, (whole,), Taken(0, tuple(places))), (tensor,))


def resolve_key(key: Any) -> list[object]:
    """The parts of `x[key]` as the layout algebra takes them: lists and index tensors become `Positions`.

    Raises:
        OpTypeError, OpIndexError: a part that torch does not take.
    """
    if isinstance(key, slice) and isinstance(key.step, int) and key.step <= 0:
        # Alone, its step is looked at before the tensor; in a tuple, only when its turn comes.
        raise OpValueError(
            "slice_step", f"slice step {key.step} is not positive; torch takes 1 or more, and flip copies"
        )
    # A list that holds lists, tensors or slices stands for a tuple: torch keeps that old reading of numpy's.
    nested = isinstance(key, list) and len(key) < 32 and any(_stands_alone(part) for part in key)
    parts = list(key) if isinstance(key, tuple) or nested else [key]
    return [_resolve_part(part) for part in parts]


def _stands_alone(part: Any) -> bool:
    return part is None or part is Ellipsis or isinstance(part, Tensor | list | tuple | slice)


def _resolve_part(part: Any) -> object:
    if isinstance(part, Tensor):
        if part.dtype.kind in ("float", "complex"):
            raise OpIndexError("index_dtype", f"an index tensor must hold ints or bools, got {part.dtype}")
        positions = positions_of(part, "the index")
        if not positions.shape:
            return bool(positions.values[0]) if positions.mask else positions.values[0]
        return positions
    if isinstance(part, list | tuple):
        return _listed(part)
    if isinstance(part, slice):
        return slice(*(_bound(bound) for bound in (part.start, part.stop, part.step)))
    if isinstance(part, str):
        raise OpTypeError("index_kind", f"{part!r} is no index; use ints, slices, None, ..., lists and index tensors")
    if isinstance(part, float | complex):
        raise OpIndexError("index_kind", f"{part!r} is no index; use ints, slices, None, ..., lists and index tensors")
    return part


def _bound(bound: Any) -> int | None:
    if isinstance(bound, Tensor):
        if bound.layout.numel != 1 or bound.dtype.kind in ("float", "complex"):
            raise OpTypeError("index_kind", "a tensor as the bound of a slice must hold one int")
        return positions_of(bound, "the bound of the slice").values[0]
    if bound is None or isinstance(bound, int):
        return bound
    raise OpTypeError("index_kind", f"a slice takes ints, got {bound!r}")


def _listed(part: Sequence[Any]) -> Positions:
    """A list of ints or bools, nested or not, as an index tensor."""
    shape: list[int] = []
    level: Any = part
    while isinstance(level, list | tuple):
        shape.append(len(level))
        level = level[0] if level else None
    flat: list[Any] = list(part)
    for _ in shape[1:]:
        flat = [item for row in flat for item in (row if isinstance(row, list | tuple) else (row,))]
    count = 1
    for size in shape:
        count *= size
    if len(flat) != count or any(isinstance(item, list | tuple) for item in flat):
        raise OpValueError("index_kind", "a list used as an index must be even: rows of one length")
    if any(isinstance(item, Tensor | slice) or item is None or item is Ellipsis for item in flat):
        raise InputError("a list that holds tensors or slices is no index; write them as a tuple, x[a, b]")
    if any(not isinstance(item, int | float) for item in flat):
        raise OpIndexError("index_kind", "a list used as an index must hold ints or bools")
    mask = bool(flat) and all(isinstance(item, bool) for item in flat)
    return Positions(tuple(shape), Layout.row_major(shape).stride, tuple(int(item) for item in flat), mask)


def _getitem(tensor: Tensor, key: Any) -> Any:
    result = indexing.index(tensor.layout, resolve_key(key))
    if isinstance(result, Copy):
        return of_copy(result, (tensor,))
    return tensor.view(result)


def _same_kind(tensors: Sequence[Tensor], what: str) -> DType:
    devices = {tensor.device for tensor in tensors}
    if len(devices) > 1:
        raise OpRuntimeError("device_mix", f"{what} needs tensors on one device, got {' and '.join(sorted(devices))}")
    return promote([tensor.dtype for tensor in tensors])


def _joined(
    layouts: Callable[[list[Layout]], Copy[Layout]], what: str, empty: type[Exception]
) -> Callable[..., Tensor]:
    def run(tensors: tuple[Tensor, ...], *args: Any) -> Tensor:
        if not tensors:
            kind = OpValueError if empty is ValueError else OpRuntimeError
            raise kind("no_tensors", f"{what} needs at least one tensor, got an empty list")
        dtype = _same_kind(tensors, what)
        return of_copy(layouts([tensor.layout for tensor in tensors], *args), tensors, dtype=dtype)

    return run


def _cat(layouts: list[Layout], dim: int = 0) -> Copy[Layout]:
    return layouts[0].cat(layouts[1:], dim)


def _stack(layouts: list[Layout], dim: int = 0) -> Copy[Layout]:
    return layouts[0].stack(layouts[1:], dim)


def _reshaped_then_cat(reshape: Callable[[Layout], Layout], dim: Callable[[list[Layout]], int]) -> Any:
    def run(layouts: list[Layout]) -> Copy[Layout]:
        shaped = [reshape(layout) for layout in layouts]
        joined = shaped[0].cat(shaped[1:], dim(shaped))
        return Copy(joined.layout, joined.sources, joined.pick)

    return run


def at_least(rank: int) -> Callable[[Layout], Layout]:
    """`torch.atleast_nd`: new dims go in front, but the third one goes last."""

    def run(layout: Layout) -> Layout:
        while layout.ndim < rank:
            layout = layout.unsqueeze(-1 if layout.ndim == 2 else 0)
        return layout

    return run


def _as_column(layout: Layout) -> Layout:
    if layout.ndim > 1:
        return layout
    column = layout.reshape((layout.numel, 1))
    assert isinstance(column, Layout)
    return column


_VIEW_OR_COPY: dict[str, Callable[..., Any]] = {
    "clone(*, format? memory_format=None)": _clone,
    'contiguous(*, format memory_format="contiguous_format")': on_layout(Layout.made_contiguous),
    "to(dtype dtype, bool non_blocking=False, bool copy=False, *, format? memory_format=None)": (
        lambda t, dtype, _, copy, fmt: converted(t, dtype, None, copy, fmt)
    ),
    "to(device device, dtype? dtype=None, bool non_blocking=False, bool copy=False, *, format? memory_format=None)": (
        lambda t, device, dtype, _, copy, fmt: converted(t, dtype, device, copy, fmt)
    ),
    "to(tensor other, bool non_blocking=False, bool copy=False, *, format? memory_format=None)": (
        lambda t, other, _, copy, fmt: converted(t, other.dtype, other.device, copy, fmt)
    ),
    "to(*, device? device=None, dtype? dtype=None, bool non_blocking=False, bool copy=False, "
    "format? memory_format=None)": (lambda t, device, dtype, _, copy, fmt: converted(t, dtype, device, copy, fmt)),
    "type(dtype dtype)": converted,
    "type_as(tensor other)": lambda t, other: converted(t, other.dtype, other.device),
    "cpu(*, format? memory_format=None)": lambda t, fmt: converted(t, None, "cpu", False, fmt),
    "cuda(device? device=None, bool non_blocking=False, *, format? memory_format=None)": (
        lambda t, device, _, fmt: converted(t, None, device or "cuda", False, fmt)
    ),
    **{
        f"{name}(*, format? memory_format=None)": _to_dtype(to)
        for name, to in {
            "float": "float32",
            "double": "float64",
            "half": "float16",
            "bfloat16": "bfloat16",
            "int": "int32",
            "long": "int64",
            "short": "int16",
            "char": "int8",
            "byte": "uint8",
            "bool": "bool",
            "chalf": "complex32",
            "cfloat": "complex64",
            "cdouble": "complex128",
        }.items()
    },
    "repeat(*int repeats)": on_layout(Layout.repeat),
    "tile(*int dims)": on_layout(Layout.tile),
    "repeat_interleave(int repeats, int? dim=None)": on_layout(Layout.repeat_interleave),
    "repeat_interleave(tensor repeats, int? dim=None)": _repeat_interleave,
    "flip(*int dims)": on_layout(Layout.flip),
    "fliplr()": on_layout(Layout.fliplr),
    "flipud()": on_layout(Layout.flipud),
    "roll(int shifts, int dims)": on_layout(Layout.roll),
    "roll(int[] shifts, int[] dims=())": on_layout(Layout.roll),
    "roll(int shifts, int[] dims=())": on_layout(Layout.roll),
    "rot90(int k=1, int[] dims=(0, 1))": on_layout(Layout.rot90),
    "index_select(int dim, tensor index)": _index_select,
    "gather(int dim, tensor index)": _gather,
    "take(tensor index)": _take,
    "masked_select(tensor mask)": _masked_select,
    "narrow_copy(int dim, int start, int length)": lambda t, *args: _clone(
        t.view(t.layout.narrow(*args)), "contiguous_format"
    ),
    "__getitem__(any key)": _getitem,
}

_JOINS: dict[str, Callable[..., Any]] = {
    **{
        f"{name}(tensors tensors, int dim=0)": _joined(_cat, name, ValueError)
        for name in ("cat", "concat", "concatenate")
    },
    "stack(tensors tensors, int dim=0)": _joined(_stack, "stack", RuntimeError),
    "hstack(tensors tensors)": _joined(
        _reshaped_then_cat(at_least(1), lambda shaped: 0 if shaped[0].ndim == 1 else 1), "hstack", RuntimeError
    ),
    **{
        f"{name}(tensors tensors)": _joined(_reshaped_then_cat(at_least(2), lambda _: 0), name, RuntimeError)
        for name in ("vstack", "row_stack")
    },
    "dstack(tensors tensors)": _joined(_reshaped_then_cat(at_least(3), lambda _: 2), "dstack", RuntimeError),
    "column_stack(tensors tensors)": _joined(_reshaped_then_cat(_as_column, lambda _: 1), "column_stack", RuntimeError),
}

_FUNCTIONS = [
    "clone",
    "flip",
    "fliplr",
    "flipud",
    "gather",
    "index_select",
    "masked_select",
    "narrow_copy",
    "repeat_interleave",
    "roll",
    "rot90",
    "take",
    "tile",
]

_METHOD_ROWS = rows("tensor", "copy", _VIEW_OR_COPY)

ROWS: list[Op] = [
    *_METHOD_ROWS,
    *rows("torch", "copy", _JOINS),
    *as_functions(_METHOD_ROWS, _FUNCTIONS, "torch"),
]
