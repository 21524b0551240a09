"""torch's in-place ops: the same storage, other values, seen by every alias.

Problem: say which addresses an in-place op changes and what is there afterwards, and refuse what torch refuses: writing
through a layout that reaches one address twice, through a leaf that requires grad, a result type that does not fit.
Method: a write is appended to the storage's log (see `stridescope.program.tensor`). Cost: O(ndim), whatever numel is.

Source: torch's `aten/src/ATen/MemoryOverlap.cpp` for what overlap it looks at, and `TensorIterator.cpp`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from stridescope.errors import IllegalOp, InputError, OpIndexError, OpRuntimeError, OpTypeError
from stridescope.layout import Copy, Layout, indexing
from stridescope.program.algebra import Written
from stridescope.program.rows import rows
from stridescope.program.tensor import Tensor, cast, held
from stridescope.program.torch_ops.compute import ARITHMETIC, UNARY, always, result_dtype
from stridescope.program.torch_ops.copies import resolve_key

if TYPE_CHECKING:
    from stridescope.program.ops import Op
    from stridescope.program.storage import Value

__all__ = ["ROWS", "assigned", "check_autograd", "check_written_once", "holds", "log_write", "write_listed"]

LISTED_LIMIT = 100_000
"""Positions of an index that one write may go to."""


def check_autograd(tensor: Tensor) -> None:
    """Refuse to write through a leaf that requires grad, or a view of one.

    Raises:
        OpRuntimeError: it is one.
    """
    if tensor.requires_grad and (tensor.leaf or tensor.of_leaf):
        what = "a leaf" if tensor.leaf else "a view of a leaf"
        raise OpRuntimeError(
            "leaf_write",
            f"{what} that requires grad cannot be changed in place; use torch.no_grad() in a script, or detach() here",
        )


def check_written_once(layout: Layout) -> None:
    """What torch's own check sees: a repeated dim, not every overlap."""
    if layout.is_non_overlapping_and_dense():
        return
    for dim, (size, step) in enumerate(zip(layout.shape, layout.stride, strict=True)):
        if step == 0 and size > 1:
            raise OpRuntimeError(
                "overlapping_write",
                f"dim {dim} has stride 0 and size {size}: {size} indices write one address; clone() the tensor first",
                (dim,),
            )


def _check_no_partial_overlap(tensor: Tensor, other: Tensor) -> None:
    if tensor.storage.root is not other.storage.root or not (tensor.layout.numel and other.layout.numel):
        return
    if not (tensor.layout.is_non_overlapping_and_dense() and other.layout.is_non_overlapping_and_dense()):
        return
    a, b = (_byte_span(part) for part in (tensor, other))
    if a == b and tensor.layout.stride == other.layout.stride:
        return
    if a[0] < b[1] and b[0] < a[1]:
        raise OpRuntimeError(
            "partial_overlap",
            f"the op reads bytes [{b[0]}, {b[1]}) of the storage and writes [{a[0]}, {a[1]}); clone() the input first",
        )


def _byte_span(tensor: Tensor) -> tuple[int, int]:
    low, high = tensor.layout.span
    size, shift = tensor.dtype.itemsize, tensor.storage.shift_nbytes
    return low * size + shift, high * size + shift


def log_write(tensor: Tensor, layout: Layout, value: Value, copied_nbytes: int = 0, **how: Any) -> Written:
    """Log a write through `layout`; `how` is what `Tensor.write` takes."""
    tensor.write(layout, value, **how)
    return Written(tensor, layout, copied_nbytes)


def _broadcast_reader(tensor: Tensor, other: Tensor, what: str) -> Callable[[tuple[int, ...]], Any]:
    """index of `tensor` -> value of `other`, broadcast, as it is now."""
    try:
        shape = indexing.broadcast_shapes([tensor.layout.shape, other.layout.shape])
    except OpIndexError as clash:
        raise OpRuntimeError(clash.code, f"{what}: {clash.message}") from None
    if shape != tensor.layout.shape:
        raise OpRuntimeError(
            "broadcast",
            f"{what} writes shape {tensor.layout.shape}, and the result has shape {shape}; it must not grow",
        )
    spread = other.layout.expand(shape)
    return _undisturbed(tensor, tensor.layout, other, spread, other.reader())


def _undisturbed(
    tensor: Tensor, target: Layout, other: Tensor, spread: Layout, read: Callable[[int], Any]
) -> Callable[[tuple[int, ...]], Any]:
    """index of `target` -> value of `other` there; None where the same op writes over it from another index.

    Which of the two comes first torch leaves open.
    """
    if other.storage.root is not tensor.storage.root:
        return lambda index: read(spread.address(index))
    size = tensor.dtype.itemsize
    shift = other.storage.shift_nbytes - tensor.storage.shift_nbytes
    alike = other.dtype.itemsize == size and shift % size == 0

    def value(index: tuple[int, ...]) -> Any:
        address = spread.address(index)
        if alike:
            written = islice(target.indices_of(address + shift // size), 2)
            return None if any(at != index for at in written) else read(address)
        low, high = (bound * size for bound in target.span)
        first = address * other.dtype.itemsize + shift
        return None if low < first + other.dtype.itemsize and first < high else read(address)

    return value


def _constant(value: Any) -> Callable[..., Written]:
    def run(tensor: Tensor, given: Any = value) -> Written:
        check_autograd(tensor)
        if isinstance(given, Tensor):
            if given.layout.ndim:
                raise OpRuntimeError(
                    "fill_rank", f"fill_ takes a number or a 0-dim tensor, got {given.layout.ndim} dims"
                )
            check_written_once(tensor.layout)
            known = cast(given.reader()(given.layout.storage_offset), tensor.dtype)
        else:
            known = held(given, tensor.dtype, tensor.layout.numel)
        return log_write(tensor, tensor.layout, holds(known), constant=True)

    return run


def _unknown(tensor: Tensor, *_: Any) -> Written:
    check_autograd(tensor)
    check_written_once(tensor.layout)
    return log_write(tensor, tensor.layout, holds(None), constant=True)


def _unknown_float(tensor: Tensor, *_: Any) -> Written:
    if tensor.dtype.kind not in ("float", "complex"):
        raise OpRuntimeError(
            "random_dtype", f"it draws floating-point numbers, and a tensor of {tensor.dtype} holds none"
        )
    return _unknown(tensor)


def _copy_(tensor: Tensor, src: Tensor, _non_blocking: bool = False) -> Written:
    check_autograd(tensor)
    if src.layout == tensor.layout and src.dtype == tensor.dtype and src.storage is tensor.storage:
        # torch sees that it is the same memory, and leaves it alone.
        return Written(tensor, tensor.layout)
    check_written_once(tensor.layout)
    _check_no_partial_overlap(tensor, src)
    read = _broadcast_reader(tensor, src, "copy_")
    return log_write(
        tensor,
        tensor.layout,
        lambda index, _old: cast(read(index), tensor.dtype),
        tensor.layout.numel * tensor.dtype.itemsize,
        sources=(src,),
    )


def _arithmetic(name: str) -> Callable[..., Written]:
    row = ARITHMETIC[name]

    def run(tensor: Tensor, other: Any, alpha: Any = 1) -> Written:
        check_autograd(tensor)
        dtype = row.dtype(result_dtype([tensor, other]))
        if dtype.rank > tensor.dtype.rank:
            raise OpRuntimeError(
                "result_type", f"{name}_ gives {dtype}, which a tensor of {tensor.dtype} cannot hold; convert it first"
            )
        if isinstance(other, Tensor):
            _check_no_partial_overlap(tensor, other)
            read = _broadcast_reader(tensor, other, f"{name}_")
        else:
            read = always(other)
        check_written_once(tensor.layout)

        def value(index: tuple[int, ...], old: Any) -> Any:
            right = read(index)
            if old is None or right is None:
                return None
            return cast(row.run(old, right * alpha if alpha != 1 else right), tensor.dtype)

        sources = (other,) if isinstance(other, Tensor) else ()
        return log_write(tensor, tensor.layout, value, reads_old=True, sources=sources)

    return run


def _unary(name: str) -> Callable[..., Written]:
    run_one, needs_float = UNARY[name]

    def run(tensor: Tensor) -> Written:
        check_autograd(tensor)
        if needs_float and tensor.dtype.kind not in ("float", "complex"):
            raise OpRuntimeError(
                "result_type", f"{name}_ gives float32, which a tensor of {tensor.dtype} cannot hold; convert it first"
            )
        check_written_once(tensor.layout)

        def value(_index: tuple[int, ...], old: Any) -> Any:
            if old is None:
                return None
            try:
                return cast(run_one(old), tensor.dtype)
            except (ValueError, OverflowError, ZeroDivisionError):
                return math.nan

        return log_write(tensor, tensor.layout, value, reads_old=True)

    return run


def _setitem(tensor: Tensor, key: Any, value: Any) -> Written:
    check_autograd(tensor)
    parts = resolve_key(key)
    target = indexing.index(tensor.layout, parts)
    if isinstance(target, Copy) and isinstance(value, Tensor):
        _check_put(tensor, value, parts)
    shape = target.layout.shape if isinstance(target, Copy) else target.shape
    if isinstance(value, Tensor) and value.library != "torch":
        raise OpTypeError(
            "not_a_tensor", "a torch tensor cannot be assigned a numpy array; torch.from_numpy makes it a tensor"
        )
    if isinstance(value, Tensor):
        read, copied = assigned(value, shape), True
    elif isinstance(value, int | float | complex):
        read, copied = always(held(value, tensor.dtype, 1)), False
    else:
        raise InputError(f"a tensor takes a number or a tensor, got {value!r}; wrap a list as torch.tensor([...])")
    nbytes = math.prod(shape) * tensor.dtype.itemsize if copied else 0
    dtype = tensor.dtype
    if isinstance(target, Layout):
        check_written_once(target)
        if not isinstance(value, Tensor):
            return log_write(tensor, target, holds(read(())), nbytes, constant=True)
        spread = spread_over(value.layout, shape)
        if value.layout.ndim:
            _check_no_partial_overlap(tensor.view(target), value.view(spread))
        read = _undisturbed(tensor, target, value, spread, value.reader())
        return log_write(tensor, target, lambda index, _old: cast(read(index), dtype), nbytes, sources=(value,))
    return write_listed(tensor, target, read, nbytes)


def _check_put(tensor: Tensor, value: Tensor, parts: list[object]) -> None:
    """torch converts what goes to listed positions only where it is one number, behind a mask."""
    lists = [part for part in parts if isinstance(part, bool | indexing.Positions)]
    masked = len(lists) == 1 and (isinstance(lists[0], bool) or getattr(lists[0], "mask", False))
    if value.dtype != tensor.dtype and not (masked and value.layout.numel == 1):
        raise OpRuntimeError(
            "index_put_dtype",
            f"positions of a tensor of {tensor.dtype} take values of that dtype, got {value.dtype}; convert them first",
        )


def write_listed(
    tensor: Tensor, target: Copy[Layout], read: Callable[[tuple[int, ...]], Any], copied_nbytes: int
) -> Written:
    """Write to the elements that an advanced index picks, in index order: of two to one address, the later one stays.

    Raises:
        InputError: there are more than are followed.
    """
    if target.layout.numel > LISTED_LIMIT:
        raise InputError(f"writing to {target.layout.numel:,} listed positions is more than is followed; use --torch")
    values = {}
    for place in range(target.layout.numel):
        index = target.layout.unravel(place)
        values[target.sources[0].address(target.pick(index)[1])] = cast(read(index), tensor.dtype)
    tensor.write_listed(values)
    return Written(tensor, None, copied_nbytes, tuple(values))


def holds(value: Any) -> Value:
    """A written value that depends on nothing."""
    return lambda _index, _old: value


def assigned(
    value: Tensor, shape: tuple[int, ...], error: type[IllegalOp] = OpRuntimeError
) -> Callable[[tuple[int, ...]], Any]:
    """index of what is written -> value, broadcast; dims of size 1 in front may be too many.

    Raises:
        IllegalOp: it does not broadcast; of the library's class, `error`.
    """
    spread, read = spread_over(value.layout, shape, error), value.reader()
    return lambda index: read(spread.address(index))


def spread_over(value: Layout, shape: tuple[int, ...], error: type[IllegalOp] = OpRuntimeError) -> Layout:
    """The layout of a value broadcast to the shape it is assigned to.

    Raises:
        IllegalOp: it does not broadcast; of the library's class, `error`.
    """
    layout = value
    while layout.ndim > len(shape) and layout.shape[0] == 1:
        layout = layout.select(0, 0)
    try:
        return layout.expand(shape)
    except OpRuntimeError:
        raise error(
            "broadcast", f"a value of shape {value.shape} does not broadcast to the {shape} it is assigned to"
        ) from None


_WRITES: dict[str, Callable[..., Any]] = {
    "zero_()": _constant(0),
    "fill_(number value)": _constant(0),
    "fill_(tensor value)": _constant(0),
    "copy_(tensor other, bool non_blocking=False)": _copy_,
    **{
        f"{name}_({kind} other, *, number alpha=1)": _arithmetic(name)
        for name in ("add", "sub")
        for kind in ("tensor", "number")
    },
    **{
        f"{name}_({kind} other)": _arithmetic(name)
        for name in ("mul", "div", "floor_divide", "remainder")
        for kind in ("tensor", "number")
    },
    "pow_(number exponent)": _arithmetic("pow"),
    "pow_(tensor exponent)": _arithmetic("pow"),
    **{f"{name}_()": _unary(name) for name in UNARY},
    "uniform_(number from_=0, number to=1)": _unknown_float,
    "normal_(number mean=0, number std=1)": _unknown_float,
    "random_()": _unknown,
    "__setitem__(any key, any value)": _setitem,
}

ROWS: list[Op] = rows("tensor", "write", _WRITES)
