"""numpy's ops that view, copy and join arrays, and questions about an array.

Problem and method: each row is a function of `numpy_rules`; the few that involve the element type or the storage (view,
astype, as_strided) are written out. The keywords are numpy's own, so `axis` stands where our functions say dim.
Cost: O(ndim).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpValueError
from stridescope.layout import Copy, Layout, Refusal
from stridescope.layout import numpy_rules as rules
from stridescope.layout.copy import Same
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.layout.indexing import Positions
from stridescope.program.rows import as_functions, in_parts, lift, on_layout, positions_of, rows
from stridescope.program.tensor import Tensor, of_copy
from stridescope.program.torch_ops.copies import resolve_key
from stridescope.program.torch_ops.views import as_numpy

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "joined_dtype", "numpy_key"]

# Float types that hold every value of an integer type of so many bytes, by numpy's rule.
_FLOAT_FOR = {1: "float16", 2: "float32", 4: "float64", 8: "float64"}


def joined_dtype(types: Sequence[DType]) -> DType:
    """The element type numpy gives arrays joined: the smallest that holds all values.

    >>> joined_dtype([DTYPES["int64"], DTYPES["float32"]]).name
    'float64'
    """
    answer = types[0]
    for other in types[1:]:
        answer = _joined_two(answer, other)
    return answer


def _joined_two(a: DType, b: DType) -> DType:
    order = ("bool", "uint", "int", "float", "complex")
    if order.index(a.kind) > order.index(b.kind):
        a, b = b, a
    if a.kind == b.kind:
        return a if a.itemsize > b.itemsize else b
    if a.kind == "bool":
        return b
    if b.kind == "int":
        size = b.itemsize if b.itemsize > a.itemsize else 2 * a.itemsize
        return DTYPES[f"int{8 * size}" if size <= 8 else "float64"]
    part = DTYPES[b.part] if b.is_complex else b
    least = a if a.is_floating else DTYPES[_FLOAT_FOR[a.itemsize]]
    wide = part if part.itemsize >= least.itemsize else least
    if not b.is_complex:
        return wide
    return DTYPES["complex128" if wide.itemsize == 8 else "complex64"]


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
    if not copy and dtype == array.dtype and _in_order(array.layout, order):
        return array
    return _copied(array, order, dtype)


def _in_order(layout: Layout, order: str) -> bool:
    if order in ("K", "A"):
        return True
    return (rules.is_f_contiguous if order == "F" else rules.is_c_contiguous)(layout.shape, layout.stride)


def _as_order(order: str) -> Callable[..., Tensor]:
    def run(array: Tensor, dtype: DType | None = None) -> Tensor:
        array = as_array(array)
        if not array.layout.ndim:
            array = array.view(array.layout.unsqueeze(0))
        kind = dtype or array.dtype
        return array if kind == array.dtype and _in_order(array.layout, order) else _copied(array, order, kind)

    return run


def as_array(value: Tensor) -> Tensor:
    """A torch tensor as the numpy array over its memory; an array as it is."""
    return value if value.library == "numpy" else as_numpy(value)


def _view(array: Tensor, dtype: DType | None = None) -> Any:
    kind = dtype or array.dtype
    layout = rules.view_itemsize(array.layout, array.dtype.itemsize, kind.itemsize)
    if isinstance(layout, Refusal):
        # numpy allows it; a layout counted in elements cannot say it.
        raise InputError(f"{layout.message}, so the view has no strides in elements; run it for real with --torch")
    return array.view(layout, dtype=kind)


def _part(which: int) -> Callable[[Tensor], Tensor]:
    def run(array: Tensor) -> Tensor:
        if not array.dtype.is_complex:
            if which == 0:
                return array.view(array.layout.detach())
            made = of_copy(rules.copy(array.layout, "K"), (array,))
            made.storage.fill = lambda _: 0
            made.locked = True
            return made
        layout = array.layout.imag() if which else array.layout.real(is_complex=True)
        return array.view(layout, dtype=DTYPES[array.dtype.part])

    return run


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
    def joined(arrays: tuple[Tensor, ...], *args: Any) -> Tensor:
        if not arrays:
            raise OpValueError("no_tensors", f"{what} needs at least one array, got an empty list")
        sources = [as_array(array) for array in arrays]
        dtype = joined_dtype([array.dtype for array in sources])
        return of_copy(run([array.layout for array in sources], *args), sources, dtype=dtype)

    return joined


def _as_strided(array: Tensor, shape: Any = None, strides: Any = None) -> Any:
    layout = rules.as_strided(array.layout, array.dtype.itemsize, shape, strides)
    if isinstance(layout, Refusal):
        raise InputError(f"{layout.message}, so the view has no strides in elements; run it for real with --torch")
    return lift(array, layout)


def _at_least(rank: int) -> Callable[[Layout], Layout]:
    def run(layout: Layout) -> Layout:
        if layout.ndim >= rank:
            return layout
        if rank == 3 and layout.ndim == 1:
            return layout.unsqueeze(0).unsqueeze(-1)
        while layout.ndim < rank:
            layout = layout.unsqueeze(-1 if layout.ndim == 2 else 0)
        return layout

    return run


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
    "reshape(*int shape, *, str order='C')".replace("*, ", ""): on_layout(rules.reshape),
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
    "real": _part(0),
    "imag": _part(1),
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "reshape(tensor a, shape shape, str order='C')": on_layout(rules.reshape),
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
    "atleast_1d(tensor a)": on_layout(_at_least(1)),
    "atleast_2d(tensor a)": on_layout(_at_least(2)),
    "atleast_3d(tensor a)": on_layout(_at_least(3)),
    "concatenate(tensors arrays, int? axis=0)": _joined(rules.concatenate, "concatenate"),
    "concat(tensors arrays, int? axis=0)": _joined(rules.concatenate, "concat"),
    "stack(tensors arrays, int axis=0)": _joined(rules.stack, "stack"),
    "vstack(tensors tup)": _joined(rules.vstack, "vstack"),
    "hstack(tensors tup)": _joined(rules.hstack, "hstack"),
    "dstack(tensors tup)": _joined(rules.dstack, "dstack"),
    "column_stack(tensors tup)": _joined(rules.column_stack, "column_stack"),
    "lib.stride_tricks.as_strided(tensor x, int[]? shape=None, int[]? strides=None)": _as_strided,
    "lib.stride_tricks.sliding_window_view(tensor x, int window_shape, int? axis=None)": on_layout(
        rules.sliding_window_view
    ),
    "lib.stride_tricks.sliding_window_view(tensor x, int[] window_shape, int[]? axis=None)": on_layout(
        rules.sliding_window_view
    ),
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
