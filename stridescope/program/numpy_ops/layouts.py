"""numpy's ops that view, copy and join arrays, and questions about an array.

Problem and method: each row is a function of `numpy_rules`; the few that involve the element type or the storage (view,
astype, as_strided) are written out. The keywords are numpy's own, so `axis` stands where our functions say dim.
Cost: O(ndim).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpIndexError, OpValueError
from stridescope.layout import Copy, Layout, Refusal
from stridescope.layout import numpy_rules as rules
from stridescope.layout.copy import Same
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.layout.indexing import Positions, broadcast_shapes
from stridescope.layout.numpy_rules.strides import resolved_order
from stridescope.program.numpy_ops.operands import as_array, joined_dtype, made
from stridescope.program.rows import as_functions, in_parts, lift, on_layout, positions_of, rows
from stridescope.program.signature import Spread
from stridescope.program.tensor import Tensor, cast, fresh, of_copy
from stridescope.program.torch_ops.copies import resolve_key

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "in_order", "numpy_key"]


def _locked(run: Callable[..., Any]) -> Callable[..., Any]:
    """A view that numpy gives out read-only."""

    def made(array: Tensor, *args: Any) -> Any:
        result = on_layout(run)(array, *args)
        result.locked = True
        return result

    return made


def _copied(array: Tensor, order: str = "C", dtype: DType | None = None) -> Tensor:
    return of_copy(rules.copy(array.layout, order), (array,), dtype=dtype)


def _astype(
    array: Tensor, dtype: DType, order: str = "K", _casting: str = "unsafe", _subok: bool = True, copy: bool = True
) -> Tensor:
    if not copy and dtype == array.dtype and in_order(array.layout, order):
        return array
    return _copied(array, order, dtype)


def in_order(layout: Layout, order: str) -> bool:
    """Whether an array lies in an order already: "C", "F", or "K" and "A", which take any."""
    if order in ("K", "A"):
        return True
    return (rules.is_f_contiguous if order == "F" else rules.is_c_contiguous)(layout.shape, layout.stride)


def _as_order(order: str) -> Callable[..., Tensor]:
    def run(value: Any, dtype: DType | None = None) -> Tensor:
        array = as_array(value)
        if not array.layout.ndim:
            array = array.view(array.layout.unsqueeze(0))
        kind = dtype or array.dtype
        return array if kind == array.dtype and in_order(array.layout, order) else _copied(array, order, kind)

    return run


def _view(array: Tensor, dtype: DType | None = None) -> Any:
    kind = dtype or array.dtype
    layout = rules.view_itemsize(array.layout, array.dtype.itemsize, kind.itemsize)
    if isinstance(layout, Refusal):
        # numpy allows it; a layout counted in elements cannot say it.
        raise InputError(f"{layout.message}, so the view has no strides in elements; run it for real with --torch")
    return array.view(layout, dtype=kind)


def _real(value: Any) -> Tensor:
    array = as_array(value)
    return array if not array.dtype.is_complex else _part(array, array.layout.real(is_complex=True))


def _imag(value: Any) -> Tensor:
    array = as_array(value)
    if array.dtype.is_complex:
        return _part(array, array.layout.imag())
    zeros = fresh(rules.copy(array.layout).layout, array.dtype, lambda _: cast(0, array.dtype), library="numpy")
    zeros.locked = True
    return zeros


def _part(array: Tensor, layout: Layout) -> Tensor:
    return array.view(layout, dtype=DTYPES[array.dtype.part])


def numpy_key(key: Any) -> tuple[object, ...]:
    """The parts of `x[key]` as numpy takes them: a list is an array, never a tuple."""
    return tuple(resolve_key(key if isinstance(key, tuple) else (key,)))


def _getitem(array: Tensor, key: Any) -> Any:
    parts = numpy_key(key)
    result = rules.index(array.layout, parts)
    if isinstance(result, Copy):
        return of_copy(result, (array,))
    if not result.ndim and not any(part is Ellipsis for part in parts):
        # Picking one element gives a scalar, which holds a value and no view.
        return of_copy(Copy(Layout((), ()), (result,), Same()), (array,))
    return array.view(result)


def _take(array: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    positions = _as_positions(indices)
    return lift(array, rules.take(array.layout, positions, axis))  # type: ignore[no-any-return]


def _as_positions(value: Any) -> Positions:
    if isinstance(value, Tensor):
        return positions_of(value, "the indices of take")
    if isinstance(value, int):
        return Positions((), (), (value,))
    part = resolve_key((list(value),))[0]
    assert isinstance(part, Positions)
    return part


def _counted(run: Callable[..., Any]) -> Callable[..., Any]:
    """repeat: counts may be an array."""

    def counted(array: Tensor, repeats: Any, axis: int | None = None) -> Any:
        if isinstance(repeats, Tensor):
            repeats = positions_of(repeats, "the repeats").values
        return lift(array, run(array.layout, repeats, axis))

    return counted


def _joined(run: Callable[..., Copy[Layout]], what: str) -> Callable[..., Tensor]:
    def joined(arrays: Any, *args: Any) -> Tensor:
        if not isinstance(arrays, list | tuple):
            raise InputError(f"{what} takes a list of arrays here, as in np.{what}([a, b])")
        if not arrays:
            raise OpValueError("no_tensors", f"{what} needs at least one array, got an empty list")
        sources = [as_array(array) for array in arrays]
        dtype = joined_dtype([array.dtype for array in sources])
        return of_copy(run([array.layout for array in sources], *args), sources, dtype=dtype)

    return joined


def _append(value: Any, values: Any, axis: int | None = None) -> Tensor:
    return _joined(rules.concatenate, "append")((value, values), axis)


def _reshape(value: Any, shape: tuple[int, ...], order: str = "C", copy: bool | None = None) -> Any:
    array = as_array(value)
    if copy:
        array = _copied(array, resolved_order(order, array.layout.shape, array.layout.stride))
    result = rules.reshape(array.layout, shape, order)
    if copy is False and isinstance(result, Copy):
        raise OpValueError("copy", "this shape needs a copy, and copy=False forbids one")
    return lift(array, result)


def _as_strided(array: Tensor, shape: Any = None, strides: Any = None) -> Any:
    layout = rules.as_strided(array.layout, array.dtype.itemsize, shape, strides)
    if isinstance(layout, Refusal):
        raise InputError(f"{layout.message}, so the view has no strides in elements; run it for real with --torch")
    return lift(array, layout)


def _at_least(rank: int) -> Callable[[Any], Tensor]:
    def run(value: Any) -> Tensor:
        array = as_array(value)
        layout = array.layout
        if layout.ndim >= rank:
            return array
        if not layout.ndim:
            return array.view(Layout((1,) * rank, (1,) * rank, layout.storage_offset))
        front, back = int(layout.ndim == 1), int(rank == 3)
        shape = (1,) * front + layout.shape + (1,) * back
        # A dim that indexing with None adds has stride 0.
        return array.view(Layout(shape, (0,) * front + layout.stride + (0,) * back, layout.storage_offset))

    return run


def _matrix_transpose(layout: Layout) -> Layout:
    if layout.ndim < 2:
        raise OpValueError("rank", f"matrix_transpose needs at least 2 dims, got {layout.ndim}")
    return rules.swapaxes(layout, -2, -1)


def _diag(value: Any, k: int = 0) -> Tensor:
    """The diagonal as a read-only view; of one dim, a new matrix with it on the diagonal."""
    array = as_array(value)
    if array.layout.ndim not in (1, 2):
        raise OpValueError("rank", f"diag takes 1 or 2 dims, got {array.layout.ndim}")
    if array.layout.ndim == 2:
        return _locked(rules.diagonal)(array, k, 0, 1)  # type: ignore[no-any-return]
    size = array.layout.shape[0] + abs(k)
    read, zero = array.reader(), cast(0, array.dtype)

    def fill(at: int) -> Any:
        row, column = divmod(at, size)
        return read(array.layout.address((min(row, column),))) if column - row == k else zero

    matrix = made((size, size), array.dtype, fill)
    matrix.storage.stands_on([array.storage])
    return matrix


def _given(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a star parameter of arrays was given; a list alone is one array, not several."""
    return values if isinstance(values, Spread) else (values,)


def _broadcast_arrays(values: tuple[Any, ...]) -> tuple[Tensor, ...]:
    arrays = [as_array(value) for value in _given(values)]
    try:
        shape = broadcast_shapes([array.layout.shape for array in arrays])
    except OpIndexError as clash:
        raise OpValueError(clash.code, f"broadcast_arrays: {clash.message}") from None
    return tuple(
        array if array.layout.shape == shape else array.view(rules.broadcast_to(array.layout, shape))
        for array in arrays
    )


def _meshgrid(values: tuple[Any, ...], copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise OpValueError("indexing", f"meshgrid takes indexing 'xy' or 'ij', got {indexing!r}")
    arrays = [as_array(value) for value in _given(values)]
    rank = len(arrays)
    grids = []
    for number, array in enumerate(arrays):
        shape = [1] * rank
        shape[1 - number if indexing == "xy" and rank > 1 and number < 2 else number] = -1
        grids.append(lift(array, rules.reshape(array.layout, shape)))
    if not sparse:
        grids = list(_broadcast_arrays(Spread(grids)))
    return tuple(_copied(grid) for grid in grids) if copy else tuple(grids)


def _squeeze(layout: Layout, axis: int | None) -> Layout:
    # numpy gives the array itself where nothing can go; where a dim was named it gives a view.
    squeezed = rules.squeeze(layout, axis)
    return layout if not layout.ndim or (axis is None and 1 not in layout.shape) else squeezed


def _flip(layout: Layout, axis: Any = None) -> Any:
    """A scalar where there is nothing to flip."""
    flipped = rules.flip(layout, axis)
    return flipped if flipped.ndim else rules.copy(flipped)


def _split(run: Callable[..., Any]) -> Callable[..., Any]:
    return in_parts(run, lambda _shape, where, *_: where if isinstance(where, int) else len(where))


_METHODS: dict[str, Callable[..., Any]] = {
    "reshape(*int shape, str order='C', bool? copy=None)": _reshape,
    "ravel(str order='C')": on_layout(rules.ravel),
    "flatten(str order='C')": on_layout(rules.flatten),
    "transpose()": on_layout(rules.transpose),
    "transpose(*int axes)": on_layout(rules.transpose),
    "swapaxes(int axis1, int axis2)": on_layout(rules.swapaxes),
    "squeeze(int? axis=None)": on_layout(_squeeze),
    "squeeze(int[] axis)": on_layout(rules.squeeze),
    "diagonal(int offset=0, int axis1=0, int axis2=1)": _locked(rules.diagonal),
    "repeat(int repeats, int? axis=None)": _counted(rules.repeat),
    "repeat(int[] repeats, int? axis=None)": _counted(rules.repeat),
    "repeat(tensor repeats, int? axis=None)": _counted(rules.repeat),
    "take(any indices, int? axis=None)": _take,
    "copy(str order='C')": _copied,
    "astype(dtype dtype, str order='K', str casting='unsafe', bool subok=True, bool copy=True)": _astype,
    "view(dtype? dtype=None)": _view,
    "__getitem__(any key)": _getitem,
}

_ATTRIBUTES: dict[str, Callable[..., Any]] = {
    "T": on_layout(rules.transpose),
    "mT": on_layout(lambda layout: rules.swapaxes(layout, -2, -1)),
    "real": _real,
    "imag": _imag,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "reshape(any a, shape shape, str order='C', *, bool? copy=None)": _reshape,
    "transpose(tensor a, int[]? axes=None)": on_layout(rules.transpose),
    "permute_dims(tensor a, int[]? axes=None)": on_layout(rules.transpose),
    "moveaxis(tensor a, int source, int destination)": on_layout(rules.moveaxis),
    "moveaxis(tensor a, int[] source, int[] destination)": on_layout(rules.moveaxis),
    "rollaxis(tensor a, int axis, int start=0)": on_layout(rules.rollaxis),
    "expand_dims(tensor a, int axis)": on_layout(rules.expand_dims),
    "expand_dims(tensor a, int[] axis)": on_layout(rules.expand_dims),
    "broadcast_to(tensor array, shape shape)": _locked(rules.broadcast_to),
    "flip(tensor m, int? axis=None)": on_layout(_flip),
    "flip(tensor m, int[] axis)": on_layout(_flip),
    "fliplr(tensor m)": on_layout(rules.fliplr),
    "flipud(tensor m)": on_layout(rules.flipud),
    "rot90(tensor m, int k=1, int[] axes=(0, 1))": on_layout(rules.rot90),
    **{
        f"{name}(tensor ary, {kind} indices_or_sections{along})": _split(getattr(rules, name))
        for names, along in ((("split", "array_split"), ", int axis=0"), (("hsplit", "vsplit", "dsplit"), ""))
        for name in names
        for kind in ("int", "int[]")
    },
    "tile(tensor A, int reps)": on_layout(rules.tile),
    "tile(tensor A, int[] reps)": on_layout(rules.tile),
    "roll(tensor a, int shift, int? axis=None)": on_layout(rules.roll),
    "roll(tensor a, int[] shift, int? axis=None)": on_layout(rules.roll),
    "roll(tensor a, int shift, int[] axis)": on_layout(rules.roll),
    "roll(tensor a, int[] shift, int[] axis)": on_layout(rules.roll),
    "copy(tensor a, str order='K')": _copied,
    "ascontiguousarray(tensor a, dtype? dtype=None)": _as_order("C"),
    "asfortranarray(tensor a, dtype? dtype=None)": _as_order("F"),
    "atleast_1d(any a)": _at_least(1),
    "atleast_2d(any a)": _at_least(2),
    "atleast_3d(any a)": _at_least(3),
    "concatenate(any arrays, int? axis=0)": _joined(rules.concatenate, "concatenate"),
    "concat(any arrays, int? axis=0)": _joined(rules.concatenate, "concat"),
    "stack(any arrays, int axis=0)": _joined(rules.stack, "stack"),
    "vstack(any tup)": _joined(rules.vstack, "vstack"),
    "hstack(any tup)": _joined(rules.hstack, "hstack"),
    "dstack(any tup)": _joined(rules.dstack, "dstack"),
    "column_stack(any tup)": _joined(rules.column_stack, "column_stack"),
    "lib.stride_tricks.as_strided(tensor x, int[]? shape=None, int[]? strides=None)": _as_strided,
    "lib.stride_tricks.sliding_window_view(tensor x, int window_shape, int? axis=None)": _locked(
        rules.sliding_window_view
    ),
    "lib.stride_tricks.sliding_window_view(tensor x, int[] window_shape, int[]? axis=None)": _locked(
        rules.sliding_window_view
    ),
    "append(any arr, any values, int? axis=None)": _append,
    "matrix_transpose(tensor x)": on_layout(_matrix_transpose),
    "diag(any v, int k=0)": _diag,
    "real(tensor val)": _real,
    "imag(tensor val)": _imag,
    "broadcast_arrays(*any args)": _broadcast_arrays,
    "meshgrid(*any xi, bool copy=True, bool sparse=False, str indexing='xy')": _meshgrid,
}

_HOST_ATTRIBUTES: dict[str, Callable[..., Any]] = {
    "shape": lambda array: array.layout.shape,
    "strides": lambda array: tuple(array.dtype.itemsize * step for step in array.layout.stride),
    "ndim": lambda array: array.layout.ndim,
    "size": lambda array: array.layout.numel,
    "itemsize": lambda array: array.dtype.itemsize,
    "nbytes": lambda array: array.layout.numel * array.dtype.itemsize,
    "dtype": lambda array: array.dtype,
}

_METHOD_ROWS = rows("ndarray", "view", _METHODS)

ROWS: list[Op] = [
    *_METHOD_ROWS,
    *rows("ndarray", "view", _ATTRIBUTES, attribute=True),
    *rows("ndarray", "host", _HOST_ATTRIBUTES, attribute=True),
    *rows("ndarray", "host", {"__len__()": lambda array: array.layout.shape[0]}),
    *rows("np", "view", _FUNCTIONS),
    *as_functions(_METHOD_ROWS, ("ravel", "swapaxes", "squeeze", "diagonal", "repeat", "take"), "np", "a"),
]
