"""What numpy makes of an operand: lists and numbers as arrays, and the element type several have together.

Problem: numpy takes a list wherever it takes an array, and a Python number has a kind but no size. Method: `as_array`
turns what is given into an array of the algebra; `joined_dtype` and `result_dtype` are numpy's promotion, of arrays
and of arrays with numbers. Cost: O(given numbers).

Source: numpy's "NEP 50" for Python numbers, and `numpy/_core/src/multiarray/convert_datatype.c`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from stridescope.errors import IllegalOp, InputError, OpTypeError, OpValueError
from stridescope.layout import Layout
from stridescope.layout import numpy_rules as rules
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.nested import nested_values
from stridescope.program.tensor import Fill, Tensor, cast, fresh
from stridescope.program.torch_ops.views import as_numpy

__all__ = [
    "OpOverflowError",
    "as_array",
    "as_operand",
    "from_lists",
    "inferred_dtype",
    "joined_dtype",
    "made",
    "result_dtype",
]

_KINDS = ("bool", "int", "float", "complex")
_DEFAULTS = {"bool": "bool", "int": "int64", "float": "float64", "complex": "complex128"}

# Float types that hold every value of an integer type of so many bytes, by numpy's rule.
_FLOAT_FOR = {1: "float16", 2: "float32", 4: "float64", 8: "float64"}


class OpOverflowError(IllegalOp, OverflowError):
    """numpy raises OverflowError here."""

    exception = "OverflowError"


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


def result_dtype(operands: Sequence[Any]) -> DType:
    """numpy's promotion of arrays and Python numbers: a number counts only where its kind is wider.

    >>> x = made((3,), DTYPES["uint8"], None)
    >>> result_dtype([x, 5]).name, result_dtype([x, 5.0]).name, result_dtype([True, 2]).name
    ('uint8', 'float64', 'int64')
    """
    arrays = [part.dtype for part in operands if isinstance(part, Tensor)]
    if not arrays:
        return inferred_dtype(operands)
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


def inferred_dtype(values: Sequence[Any]) -> DType:
    """The element type of an array of Python numbers: float64 for none."""
    if not values:
        return DTYPES["float64"]
    return DTYPES[_DEFAULTS[max(map(_number_kind, values), key=_KINDS.index)]]


def _number_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "complex" if isinstance(value, complex) else "float"


def made(shape: tuple[int, ...], dtype: DType, fill: Fill | None, order: str = "C") -> Tensor:
    """A new array.

    Raises:
        OpValueError: a negative size, or more bytes than can be counted.
    """
    if any(size < 0 for size in shape):
        raise OpValueError("shape_negative", f"shape {list(shape)} has a negative size; sizes are 0 or more")
    if prod(size for size in shape if size) * dtype.itemsize >= 2**63:
        raise OpValueError("too_large", f"shape {list(shape)} of {dtype} needs more bytes than 64 bits can count")
    return fresh(Layout(shape, rules.new_stride(shape, order)), dtype, fill, library="numpy")


def from_lists(data: Any, dtype: DType | None = None, order: str = "C") -> Tensor:
    """An array of nested lists of numbers, or of one number; arrays among them count as lists.

    Raises:
        OpValueError: rows of different lengths.
    """
    try:
        shape, values = nested_values(data)
    except OpTypeError as uneven:
        raise OpValueError(uneven.code, uneven.message) from None
    kind = dtype or _dtype_of(data) or inferred_dtype([value for value in values if value is not None])
    layout = Layout(shape, rules.new_stride(shape, "F" if order == "F" else "C"))
    held = tuple(cast(value, kind) for value in values)

    def fill(k: int) -> Any:
        index = next(layout.indices_of(k), None)
        place = 0
        for position, size in zip(index or (), shape, strict=False):
            place = place * size + position
        return None if index is None else held[place]

    return fresh(layout, kind, fill, library="numpy")


def _dtype_of(data: Any) -> DType | None:
    """The element type of lists with arrays in them: all of one type, each number beside them of its own."""
    types: list[DType] = []
    _collect(data, types)
    return joined_dtype(types) if types and isinstance(data, list | tuple) and _holds_array(data) else None


def _collect(data: Any, types: list[DType]) -> None:
    if isinstance(data, Tensor):
        types.append(data.dtype)
    elif isinstance(data, list | tuple):
        for part in data:
            _collect(part, types)
    elif isinstance(data, int | float | complex):
        types.append(inferred_dtype([data]))


def _holds_array(data: Any) -> bool:
    return isinstance(data, Tensor) or (isinstance(data, list | tuple) and any(map(_holds_array, data)))


def as_array(value: Any) -> Tensor:
    """What numpy makes of an argument: an array as it is, a torch tensor over its memory, a list or a number anew.

    Raises:
        InputError: it is none of these.
    """
    if isinstance(value, Tensor):
        return value if value.library == "numpy" else as_numpy(value)
    if isinstance(value, int | float | complex | list | tuple):
        return from_lists(value)
    raise InputError(f"numpy's ops take arrays, lists and numbers here, got {value!r:.40}")


def as_operand(value: Any) -> Any:
    """As `as_array`, but a Python number stays one: it has a kind and no size."""
    return value if isinstance(value, int | float | complex) else as_array(value)
