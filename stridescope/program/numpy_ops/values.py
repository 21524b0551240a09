"""numpy's ops that make, compute and overwrite values.

Problem and method: as for torch, with numpy's own rules where they differ: float64 and int64 by default, Python numbers
that widen a kind only, results laid out in the operands' own order, views that may not be written. Cost: O(ndim).
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, prod
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpTypeError, OpValueError
from stridescope.layout import Copy, Layout
from stridescope.layout import numpy_rules as rules
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.algebra import Written
from stridescope.program.numpy_ops.arithmetic import float64_of_whole
from stridescope.program.numpy_ops.layouts import in_order, numpy_key
from stridescope.program.numpy_ops.operands import as_array, from_lists, inferred_dtype, made, result_dtype
from stridescope.program.rows import rows
from stridescope.program.tensor import Tensor, cast, fresh, of_copy
from stridescope.program.torch_ops.compute import ARITHMETIC, OPERATORS, always
from stridescope.program.torch_ops.writes import assigned, holds, write_listed

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS"]


def _constant(value: Any) -> Callable[..., Tensor]:
    def run(shape: tuple[int, ...], dtype: DType | None = None, order: str = "C") -> Tensor:
        kind = dtype or DTYPES["float64"]
        known = cast(value, kind)
        return made(shape, kind, None if value is None else always(known), order)

    return run


def _full(shape: tuple[int, ...], fill_value: Any, dtype: DType | None, order: str = "C") -> Tensor:
    kind = dtype or inferred_dtype([fill_value])
    return made(shape, kind, always(cast(fill_value, kind)), order)


def _arange(start: Any, stop: Any, step: Any, dtype: DType | None) -> Tensor:
    if step == 0:
        raise OpValueError("arange_step", "arange step must not be 0")
    exact = all(isinstance(part, int) for part in (start, stop, step))
    count = -(-(stop - start) // step) if exact else ceil((stop - start) / step)
    kind = dtype or inferred_dtype([start, stop, step])
    return made((max(count, 0),), kind, lambda k: cast(start + step * k, kind))


def _linspace(start: Any, stop: Any, num: int, endpoint: bool, dtype: DType | None) -> Tensor:
    if num < 0:
        raise OpValueError("linspace_steps", f"linspace needs 0 or more samples, got {num}")
    kind = dtype or DTYPES["complex128" if isinstance(start, complex) or isinstance(stop, complex) else "float64"]
    gaps = num - 1 if endpoint else num
    each = (stop - start) / gaps if gaps > 0 else 0.0

    def fill(k: int) -> Any:
        value = stop if endpoint and k == num - 1 and num > 1 else start + each * k
        return cast(floor(value) if kind.kind in ("int", "uint") else value, kind)

    return made((num,), kind, fill)


def _random(shape: tuple[int, ...]) -> Tensor:
    return made(shape, DTYPES["float64"], None)


def _random_spread(shape: tuple[int, ...]) -> Tensor:
    """`rand(2, 3)`, `randn(2, 3)`."""
    if not shape:
        raise InputError("without sizes numpy gives a Python number here, not an array; give sizes, as in rand(2, 3)")
    return _random(shape)


def _normal(_loc: Any, scale: Any, size: tuple[int, ...]) -> Tensor:
    if scale < 0:
        raise OpValueError("negative_scale", f"a normal distribution needs a scale of 0 or more, got {scale}")
    return _random(size)


def _randint(low: int, high: int | None, size: tuple[int, ...], dtype: DType | None) -> Tensor:
    kind = dtype or DTYPES["int64"]
    least, most = (0, low) if high is None else (low, high)
    if kind.kind not in ("bool", "uint", "int"):
        raise OpTypeError("random_dtype", f"randint draws ints, not {kind}")
    bits = 1 if kind.kind == "bool" else 8 * kind.itemsize
    lowest = -(2 ** (bits - 1)) if kind.kind == "int" else 0
    if least < lowest or most > lowest + 2**bits:
        raise OpValueError("randint_range", f"{kind} cannot hold all of {least} to {most - 1}")
    if least >= most:
        raise OpValueError("randint_range", f"randint needs low < high, got {least} and {most}")
    return made(size, kind, None)


def _array(data: Any, dtype: DType | None, copy: bool | None = True, order: str = "K", ndmin: int = 0) -> Tensor:
    if order not in ("C", "F", "A", "K"):
        raise OpValueError("order", f"there is no order {order!r}; use 'C', 'F', 'A' or 'K'")
    array = _taken(data, dtype, copy, order)
    missing = ndmin - array.layout.ndim
    if ndmin > 64:
        raise OpValueError("rank", f"ndmin {ndmin} is too many: an array has at most 64 dims")
    if missing <= 0:
        return array
    shape, stride = array.layout.shape, array.layout.stride
    column = order == "F" or rules.is_fortran(shape, stride)
    step = 1 if column or not shape else shape[0] * stride[0]
    wider = Layout((1,) * missing + shape, (step,) * missing + stride, array.layout.storage_offset)
    return array.view(wider)


def _taken(data: Any, dtype: DType | None, copy: bool | None, order: str) -> Tensor:
    """What is given as an array of that element type and order, copied where it has to be."""
    if not isinstance(data, Tensor):
        if copy is False:
            raise OpValueError("copy", "numbers and lists always make a new array; leave copy=False out")
        return from_lists(data, dtype, order)
    array = as_array(data)
    kind = dtype or array.dtype
    if not copy and kind == array.dtype and in_order(array.layout, order):
        return array
    if copy is False:
        raise OpValueError("copy", "another element type or order needs a copy; leave copy=False out")
    return of_copy(rules.copy(array.layout, order), (array,), dtype=kind)


def _eye(n: int, m: int | None, k: int, dtype: DType | None) -> Tensor:
    columns = n if m is None else m
    kind = dtype or DTYPES["float64"]
    return made((n, columns), kind, lambda at: cast(int(at % columns - at // columns == k), kind))


def _like(value: Any) -> Callable[..., Tensor]:
    def run(source: Tensor, dtype: DType | None = None, order: str = "K", fill_value: Any = value) -> Tensor:
        array = as_array(source)
        kind = dtype or array.dtype
        layout = rules.copy(array.layout, order).layout
        return fresh(layout, kind, None if fill_value is None else always(cast(fill_value, kind)), library="numpy")

    return run


def _check_writable(array: Tensor) -> None:
    if array.locked:
        raise OpValueError("read_only", "this array is read-only: many indices share its elements; .copy() first")


def _setitem(array: Tensor, key: Any, value: Any) -> Written:
    _check_writable(array)
    target = rules.index(array.layout, numpy_key(key))
    shape = target.layout.shape if isinstance(target, Copy) else target.shape
    dtype = array.dtype
    if isinstance(value, list | tuple):
        value = from_lists(value)
    if isinstance(value, Tensor):
        read, nbytes = assigned(value, shape, OpValueError), prod(shape) * dtype.itemsize
    elif isinstance(value, int | float | complex):
        read, nbytes = always(value), 0
    else:
        raise InputError(f"an array takes numbers and arrays, got {value!r}")
    if isinstance(target, Layout):
        sources = (value,) if isinstance(value, Tensor) else ()
        array.write(target, lambda index, _old: cast(read(index), dtype), constant=not sources, sources=sources)
        return Written(array, target, nbytes)
    return write_listed(array, target, read, nbytes)


def _in_place(name: str) -> Callable[..., Written]:
    row = ARITHMETIC[name]

    def run(array: Tensor, other: Any) -> Written:
        _check_writable(array)
        dtype = float64_of_whole(row.dtype(result_dtype([array, other])), [array, other], name)
        order = ("bool", "uint", "int", "float", "complex")
        if order.index(dtype.kind) > order.index(array.dtype.kind) and not {dtype.kind, array.dtype.kind} <= {
            "uint",
            "int",
        }:
            raise OpTypeError(
                "result_type", f"{name} gives {dtype}, which an array of {array.dtype} cannot hold; use astype"
            )
        read = assigned(other, array.layout.shape, OpValueError) if isinstance(other, Tensor) else always(other)

        def value(index: tuple[int, ...], old: Any) -> Any:
            right = read(index)
            return None if old is None or right is None else cast(row.run(old, right), array.dtype)

        array.write(array.layout, value, reads_old=True, sources=(other,) if isinstance(other, Tensor) else ())
        return Written(array, array.layout)

    return run


def _fill(array: Tensor, value: Any) -> Written:
    _check_writable(array)
    array.write(array.layout, holds(cast(value, array.dtype)), constant=True)
    return Written(array, array.layout)


_CREATIONS: dict[str, Callable[..., Any]] = {
    "zeros(shape shape, dtype? dtype=None, str order='C')": _constant(0),
    "ones(shape shape, dtype? dtype=None, str order='C')": _constant(1),
    "empty(shape shape, dtype? dtype=None, str order='C')": _constant(None),
    "full(shape shape, number fill_value, dtype? dtype=None, str order='C')": _full,
    "arange(number stop, *, dtype? dtype=None)": lambda stop, dtype: _arange(0, stop, 1, dtype),
    "arange(number start, number stop, number step=1, dtype? dtype=None)": _arange,
    "linspace(number start, number stop, int num=50, bool endpoint=True, *, dtype? dtype=None)": _linspace,
    "eye(int N, int? M=None, int k=0, dtype? dtype=None)": _eye,
    "identity(int n, dtype? dtype=None)": lambda n, dtype: _eye(n, None, 0, dtype),
    "random.rand(*int d)": _random_spread,
    "random.randn(*int d)": _random_spread,
    "random.random(shape size)": _random,
    "random.random_sample(shape size)": _random,
    "random.standard_normal(shape size)": _random,
    "random.uniform(number low=0.0, number high=1.0, *, shape size)": lambda _low, _high, size: _random(size),
    "random.uniform(number low, number high, shape size)": lambda _low, _high, size: _random(size),
    "random.normal(number loc=0.0, number scale=1.0, *, shape size)": _normal,
    "random.normal(number loc, number scale, shape size)": _normal,
    "random.randint(int low, int? high=None, *, shape size, dtype? dtype=None)": _randint,
    "random.randint(int low, int high, shape size, dtype? dtype=None)": _randint,
    "zeros_like(tensor a, dtype? dtype=None, str order='K')": _like(0),
    "ones_like(tensor a, dtype? dtype=None, str order='K')": _like(1),
    "empty_like(tensor a, dtype? dtype=None, str order='K')": _like(None),
    "full_like(tensor a, number fill_value, dtype? dtype=None, str order='K')": (
        lambda a, fill_value, dtype, order: _like(None)(a, dtype, order, fill_value)
    ),
}

_CONVERSIONS: dict[str, Callable[..., Any]] = {
    "array(any object, dtype? dtype=None, *, bool? copy=True, str order='K', int ndmin=0)": _array,
    "asarray(any a, dtype? dtype=None, str? order=None, *, bool? copy=None)": (
        lambda a, dtype, order, copy: _array(a, dtype, copy, order or "K")
    ),
}

_WRITES: dict[str, Callable[..., Any]] = {
    "fill(number value)": _fill,
    "__setitem__(any key, any value)": _setitem,
    **{
        f"__i{word}__({kind} other)": _in_place(name)
        for word, name in OPERATORS.items()
        if word not in ("eq", "ne", "lt", "le", "gt", "ge")
        for kind in ("tensor", "number")
    },
}

ROWS: list[Op] = [
    *rows("np", "create", _CREATIONS),
    *rows("np", "convert", _CONVERSIONS),
    *rows("ndarray", "write", _WRITES),
]
