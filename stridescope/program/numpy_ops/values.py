"""numpy's ops that make, compute and overwrite values.

Problem and method: as for torch, with numpy's own rules where they differ: float64 and int64 by default, Python numbers
that widen a kind only, results laid out in the operands' own order, views that may not be written. Cost: O(ndim).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpIndexError, OpTypeError, OpValueError
from stridescope.layout import Copy, Layout
from stridescope.layout import numpy_rules as rules
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.algebra import Written
from stridescope.program.numpy_ops.layouts import as_array, joined_dtype, numpy_key
from stridescope.program.rows import rows
from stridescope.program.tensor import Fill, Tensor, cast, fresh, of_copy
from stridescope.program.torch_ops.compute import ARITHMETIC, OPERATORS, UNARY, always, elementwise
from stridescope.program.torch_ops.creations import nested_values
from stridescope.program.torch_ops.writes import assigned, holds, write_listed

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS"]

_KINDS = ("bool", "int", "float", "complex")
_DEFAULTS = {"bool": "bool", "int": "int64", "float": "float64", "complex": "complex128"}


def _number_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "complex" if isinstance(value, complex) else "float"


def _inferred(values: Sequence[Any]) -> DType:
    if not values:
        return DTYPES["float64"]
    return DTYPES[_DEFAULTS[max(map(_number_kind, values), key=_KINDS.index)]]


def _made(shape: tuple[int, ...], dtype: DType, fill: Fill | None, order: str = "C") -> Tensor:
    if any(size < 0 for size in shape):
        raise OpValueError("shape_negative", f"shape {list(shape)} has a negative size; sizes are 0 or more")
    if prod(size for size in shape if size) * dtype.itemsize >= 2**63:
        raise OpValueError("too_large", f"shape {list(shape)} of {dtype} needs more bytes than 64 bits can count")
    return fresh(Layout(shape, rules.new_stride(shape, order)), dtype, fill, library="numpy")


def _constant(value: Any) -> Callable[..., Tensor]:
    def run(shape: tuple[int, ...], dtype: DType | None = None, order: str = "C") -> Tensor:
        kind = dtype or DTYPES["float64"]
        known = cast(value, kind)
        return _made(shape, kind, None if value is None else always(known), order)

    return run


def _full(shape: tuple[int, ...], fill_value: Any, dtype: DType | None, order: str = "C") -> Tensor:
    kind = dtype or _inferred([fill_value])
    return _made(shape, kind, always(cast(fill_value, kind)), order)


def _arange(start: Any, stop: Any, step: Any, dtype: DType | None) -> Tensor:
    if step == 0:
        raise OpValueError("arange_step", "arange step must not be 0")
    exact = all(isinstance(part, int) for part in (start, stop, step))
    count = -(-(stop - start) // step) if exact else ceil((stop - start) / step)
    kind = dtype or _inferred([start, stop, step])
    return _made((max(count, 0),), kind, lambda k: cast(start + step * k, kind))


def _linspace(start: Any, stop: Any, num: int, dtype: DType | None) -> Tensor:
    if num < 0:
        raise OpValueError("linspace_steps", f"linspace needs 0 or more samples, got {num}")
    kind = dtype or DTYPES["float64"]
    each = (stop - start) / (num - 1) if num > 1 else 0.0
    return _made((num,), kind, lambda k: cast(stop if k == num - 1 and num > 1 else start + each * k, kind))


def _eye(n: int, m: int | None, k: int, dtype: DType | None) -> Tensor:
    columns = n if m is None else m
    kind = dtype or DTYPES["float64"]
    return _made((n, columns), kind, lambda at: cast(int(at % columns - at // columns == k), kind))


def _array(obj: Any, dtype: DType | None, copy: bool = True, order: str = "K") -> Tensor:
    if isinstance(obj, Tensor):
        array = as_array(obj)
        kind = dtype or array.dtype
        return of_copy(rules.copy(array.layout, order), (array,), dtype=kind) if copy or kind != array.dtype else array
    try:
        shape, values = nested_values(obj)
    except OpTypeError as uneven:
        raise OpValueError(uneven.code, uneven.message) from None
    kind = dtype or _inferred(values)
    held = tuple(cast(value, kind) for value in values)
    return _made(shape, kind, lambda k: held[k])


def _like(value: Any) -> Callable[..., Tensor]:
    def run(source: Tensor, dtype: DType | None = None, order: str = "K", fill_value: Any = value) -> Tensor:
        array = as_array(source)
        kind = dtype or array.dtype
        layout = rules.copy(array.layout, order).layout
        return fresh(layout, kind, None if fill_value is None else always(cast(fill_value, kind)), library="numpy")

    return run


def _result_dtype(operands: Sequence[Any]) -> DType:
    arrays = [part.dtype for part in operands if isinstance(part, Tensor)]
    answer = joined_dtype(arrays)
    for number in (part for part in operands if not isinstance(part, Tensor)):
        kind = _number_kind(number)
        have = "int" if answer.kind == "uint" else answer.kind
        if _KINDS.index(kind) > _KINDS.index(have):
            answer = (
                joined_dtype([answer, DTYPES[_DEFAULTS[kind]]])
                if have != "float"
                else DTYPES["complex64" if answer.itemsize <= 4 else "complex128"]
            )
    return answer


def _stride_of_result(shape: tuple[int, ...], layouts: Sequence[Layout]) -> tuple[int, ...]:
    spread = [rules.broadcast_to(layout, shape).stride for layout in layouts]
    return rules.result_stride(shape, spread)


def _computed(name: str, operands: Sequence[Any], dtype: DType, run: Callable[..., Any]) -> Tensor:
    try:
        return elementwise(name, operands, dtype, run, library="numpy", stride_of=_stride_of_result)
    except OpIndexError as clash:
        raise OpValueError(clash.code, f"{name}: {clash.message}") from None


def _binary(name: str, *, reflected: bool = False) -> Callable[..., Tensor]:
    row = ARITHMETIC[name]

    def run(array: Tensor, other: Any) -> Tensor:
        operands = [other, array] if reflected else [array, other]
        return _computed(name, operands, _float64(row.dtype(_result_dtype(operands)), operands, name), row.run)

    return run


def _float64(dtype: DType, operands: Sequence[Any], name: str) -> DType:
    """True division of whole numbers gives float64 in numpy."""
    whole = all(part.dtype.kind not in ("float", "complex") for part in operands if isinstance(part, Tensor))
    return DTYPES["float64"] if name == "div" and whole and dtype.is_floating else dtype


def _unary(name: str) -> Callable[..., Tensor]:
    run_one, needs_float = UNARY[name]

    def run(array: Tensor) -> Tensor:
        whole = array.dtype.kind not in ("float", "complex")
        dtype = joined_dtype([array.dtype, DTYPES["float16"]]) if needs_float and whole else array.dtype
        return _computed(name, [array], dtype, run_one)

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
        value = _array(value, None)
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
        dtype = _float64(row.dtype(_result_dtype([array, other])), [array, other], name)
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
    "linspace(number start, number stop, int num=50, *, dtype? dtype=None)": _linspace,
    "eye(int N, int? M=None, int k=0, dtype? dtype=None)": _eye,
    "identity(int n, dtype? dtype=None)": lambda n, dtype: _eye(n, None, 0, dtype),
    "random.rand(*int d)": _constant(None),
    "random.randn(*int d)": _constant(None),
    "zeros_like(tensor a, dtype? dtype=None, str order='K')": _like(0),
    "ones_like(tensor a, dtype? dtype=None, str order='K')": _like(1),
    "empty_like(tensor a, dtype? dtype=None, str order='K')": _like(None),
    "full_like(tensor a, number fill_value, dtype? dtype=None, str order='K')": (
        lambda a, fill_value, dtype, order: _like(None)(a, dtype, order, fill_value)
    ),
}

_CONVERSIONS: dict[str, Callable[..., Any]] = {
    "array(any object, dtype? dtype=None, *, bool copy=True, str order='K')": _array,
    "asarray(any a, dtype? dtype=None)": lambda a, dtype: _array(a, dtype, copy=False),
}

_COMPUTE: dict[str, Callable[..., Any]] = {
    **{f"__{word}__({kind} other)": _binary(name) for word, name in OPERATORS.items() for kind in ("tensor", "number")},
    **{
        f"__r{word}__(number other)": _binary(OPERATORS[word], reflected=True)
        for word in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
    },
    "__neg__()": _unary("neg"),
    "__invert__()": lambda array: _computed(
        "invert", [array], array.dtype, (lambda v: not v) if array.dtype.kind == "bool" else (lambda v: ~v)
    ),
}

_UFUNCS = {
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "sin": "sin",
    "cos": "cos",
    "tanh": "tanh",
    "abs": "abs",
    "negative": "neg",
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
    *rows("ndarray", "compute", _COMPUTE),
    *rows("np", "compute", {f"{name}(tensor x)": _unary(ours) for name, ours in _UFUNCS.items()}),
    *rows("ndarray", "write", _WRITES),
]
