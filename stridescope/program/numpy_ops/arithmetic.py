"""numpy's element-wise ops: operators, the functions of the same name, and `where`.

Problem: numpy's arithmetic differs from torch's in what it refuses (minus on bools, whole numbers to negative powers, a
Python int that the element type cannot hold) and in the types it gives. Method: each op is torch's function on values
with numpy's rules before it: operands, a check, an element type. Results are laid out in the operands' own order.
Cost: O(ndim); a whole power reads its exponents.

Source: numpy's `numpy/_core/src/umath/type_resolution.c` and `loops.c.src`; measured on numpy 2.4.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stridescope.errors import IllegalOp, OpIndexError, OpTypeError, OpValueError
from stridescope.layout import Layout
from stridescope.layout import numpy_rules as rules
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.layout.indexing import broadcast_shapes, mask_positions
from stridescope.program.numpy_ops.operands import (
    OpOverflowError,
    as_array,
    as_operand,
    from_lists,
    joined_dtype,
    result_dtype,
)
from stridescope.program.rows import positions_of, rows
from stridescope.program.tensor import Tensor, fresh
from stridescope.program.torch_ops.compute import ARITHMETIC, OPERATORS, UNARY, elementwise

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "float64_of_whole"]

_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_WHOLE_RESULT = ("floor_divide", "remainder", "pow")
_BITWISE = ("bitwise_and", "bitwise_or", "bitwise_xor")


def _stride_of_result(shape: tuple[int, ...], layouts: Sequence[Layout]) -> tuple[int, ...]:
    return rules.result_stride(shape, [rules.broadcast_to(layout, shape).stride for layout in layouts])


def _computed(name: str, operands: Sequence[Any], dtype: DType, run: Callable[..., Any]) -> Tensor:
    if not any(isinstance(part, Tensor) for part in operands):
        operands = [from_lists(part) for part in operands]
    try:
        return elementwise(name, operands, dtype, run, library="numpy", stride_of=_stride_of_result)
    except IllegalOp as clash:
        if clash.code != "broadcast":
            raise
        raise OpValueError(clash.code, clash.message) from None


def float64_of_whole(dtype: DType, operands: Sequence[Any], name: str) -> DType:
    """The element type of a result; true division of whole numbers gives float64 in numpy."""
    whole = result_dtype(operands).kind not in ("float", "complex")
    return DTYPES["float64"] if name == "div" and whole and dtype.is_floating else dtype


def _check_kind(name: str, joined: DType, operands: Sequence[Any]) -> None:
    """What numpy refuses for the kinds of numbers it got."""
    if name == "sub" and joined.kind == "bool":
        raise OpTypeError("bool_minus", "minus is not defined on bools; use ^ on them, or convert to ints")
    if name in _BITWISE and joined.kind in ("float", "complex"):
        raise OpTypeError("result_type", f"{name} needs bools or ints, got {joined}")
    if name in ("floor_divide", "remainder") and joined.is_complex:
        raise OpTypeError("complex_order", f"{name}: complex numbers have no order; use .real, or np.abs")
    if joined.kind not in ("uint", "int") or name in _COMPARISONS or name == "div":
        return
    least = 0 if joined.kind == "uint" else -(2 ** (8 * joined.itemsize - 1))
    most = 2 ** (8 * joined.itemsize - (joined.kind == "int")) - 1
    for part in operands:
        if type(part) is int and not least <= part <= most:
            raise OpOverflowError(
                "overflow", f"{part} does not fit in {joined}, the element type here; use astype first"
            )


def _check_power(joined: DType, operands: Sequence[Any]) -> None:
    """Whole numbers have no negative whole powers: the exponents decide, so they are read."""
    exponent = operands[1]
    if joined.kind not in ("int", "uint", "bool"):
        return
    try:
        empty = 0 in broadcast_shapes([part.layout.shape for part in operands if isinstance(part, Tensor)])
    except OpIndexError:
        return
    if isinstance(exponent, Tensor):
        signed = exponent.dtype.kind == "int" and not empty
        negative = signed and any(value < 0 for value in positions_of(exponent, "the exponent").values)
    else:
        negative = exponent < 0 and not empty
    if negative:
        raise OpValueError(
            "negative_power", "whole numbers have no negative whole powers; convert to a float type first"
        )


def _binary(name: str, *, reflected: bool = False) -> Callable[..., Tensor]:
    row = ARITHMETIC[name]

    def run(first: Any, second: Any) -> Tensor:
        operands = [as_operand(part) for part in ((second, first) if reflected else (first, second))]
        joined = result_dtype(operands)
        if name == "pow" and joined.kind == "int" and _is_bool_to_number(operands):
            joined = DTYPES["int8"]
        _check_kind(name, joined, operands)
        if name == "pow":
            _check_power(joined, operands)
        if joined.kind == "bool" and name in _WHOLE_RESULT:
            joined = DTYPES["int8"]
        return _computed(name, operands, float64_of_whole(row.dtype(joined), operands, name), _on_values(name, joined))

    return run


def _is_bool_to_number(operands: Sequence[Any]) -> bool:
    """A bool array squared, which numpy does in int8; any other number is an int64."""
    base, exponent = operands
    return isinstance(base, Tensor) and base.dtype.kind == "bool" and type(exponent) is int and exponent == 2


def _on_values(name: str, joined: DType) -> Callable[[Any, Any], Any]:
    """Torch's function, but whole division by 0 gives 0, and what each system rounds its own way is not told."""
    run = ARITHMETIC[name].run
    if name == "pow" and joined.is_complex:
        return lambda _a, _b: None
    if name == "div" and joined.is_complex:
        return lambda a, b: run(a, b) if b else None
    if name not in ("floor_divide", "remainder") or joined.kind not in ("int", "uint", "bool"):
        return run
    return lambda a, b: run(a, b) if b else 0


def _unary(name: str) -> Callable[..., Tensor]:
    run_one, needs_float = UNARY[name]

    def run(value: Any) -> Tensor:
        array = as_array(value)
        if name == "neg" and array.dtype.kind == "bool":
            raise OpTypeError("bool_minus", "a bool array has no negative; ~ turns it round")
        whole = array.dtype.kind not in ("float", "complex")
        dtype = joined_dtype([array.dtype, DTYPES["float16"]]) if needs_float and whole else array.dtype
        if name == "abs" and dtype.is_complex:
            dtype = DTYPES[dtype.part]
        return _computed(name, [array], dtype, run_one)

    return run


def _invert(array: Tensor) -> Tensor:
    if array.dtype.kind in ("float", "complex"):
        raise OpTypeError("result_type", f"~ needs bools or ints, got {array.dtype}")
    return _computed("invert", [array], array.dtype, operator.not_ if array.dtype.kind == "bool" else operator.invert)


def _conj_method(array: Tensor) -> Tensor:
    return _conj(array) if array.dtype.is_complex else array


def _conj(value: Any) -> Tensor:
    array = as_array(value)
    kind = DTYPES["int8"] if array.dtype.kind == "bool" else array.dtype
    return _computed("conj", [array], kind, lambda v: v.conjugate())


def _where(condition: Any, x: Any, y: Any) -> Tensor:
    operands = [as_operand(x), as_operand(y)]
    dtype = result_dtype(operands)
    return _computed("where", [as_array(condition), *operands], dtype, lambda chosen, a, b: a if chosen else b)


def _nonzero(value: Any) -> tuple[Tensor, ...]:
    """One array for each dim, all columns of one new array."""
    array = as_array(value)
    rank = array.layout.ndim
    if not rank:
        raise OpValueError("zero_dim", "nonzero needs at least 1 dim; np.atleast_1d gives one")
    mask = positions_of(_computed("nonzero", [array], DTYPES["bool"], bool), "what nonzero looks at")
    places = [column.values for column in mask_positions(mask)]
    count = len(places[0])
    whole = fresh(
        Layout((count, rank), (rank, 1)), DTYPES["int64"], lambda k: places[k % rank][k // rank], library="numpy"
    )
    return tuple(whole.view(Layout((count,), (rank,), dim if count else 0)) for dim in range(rank))


_OPERATOR_ROWS: dict[str, Callable[..., Any]] = {
    **{f"__{word}__(any other)": _binary(name) for word, name in OPERATORS.items()},
    **{
        f"__r{word}__(any other)": _binary(OPERATORS[word], reflected=True)
        for word in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
    },
    "__neg__()": _unary("neg"),
    "__invert__()": _invert,
    "conj()": _conj_method,
    "conjugate()": _conj_method,
    "nonzero()": _nonzero,
}

_UNARY_FUNCTIONS = {
    "exp": "exp",
    "log": "log",
    "sqrt": "sqrt",
    "sin": "sin",
    "cos": "cos",
    "tanh": "tanh",
    "abs": "abs",
    "absolute": "abs",
    "negative": "neg",
}

_BINARY_FUNCTIONS = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "floor_divide": "floor_divide",
    "remainder": "remainder",
    "mod": "remainder",
    "power": "pow",
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"{name}(any x)": _unary(ours) for name, ours in _UNARY_FUNCTIONS.items()},
    **{f"{name}(any x1, any x2)": _binary(ours) for name, ours in _BINARY_FUNCTIONS.items()},
    "conj(any x)": _conj,
    "conjugate(any x)": _conj,
    "where(any condition)": _nonzero,
    "where(any condition, any x, any y)": _where,
    "nonzero(any a)": _nonzero,
}

ROWS: list[Op] = [
    *rows("ndarray", "compute", _OPERATOR_ROWS),
    *rows("np", "compute", _FUNCTIONS),
]
