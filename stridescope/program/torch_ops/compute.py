"""Element-wise arithmetic and comparisons: a new storage whose elements are computed, none copied.

Problem: a mask is written `x > 3`, and a program may add before it slices. Method: the result's layout follows torch's
element-wise loop (`walk_stride`), its element type torch's promotion, its values the operands', where known.
Cost: O(ndim).

Source: torch's `aten/src/ATen/native/TypeProperties.cpp` (`result_type`) and `TensorIterator.cpp`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpIndexError, OpRuntimeError, OpTypeError
from stridescope.layout import Layout, indexing
from stridescope.layout.dtypes import DTYPES, DType, promote
from stridescope.program.rows import as_functions, rows
from stridescope.program.tensor import Tensor, cast, fresh

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ARITHMETIC", "OPERATORS", "ROWS", "UNARY", "Arithmetic", "always", "elementwise", "result_dtype"]


def _keeps(dtype: DType) -> DType:
    return dtype


def _to_float(dtype: DType) -> DType:
    return dtype if dtype.kind in ("float", "complex") else DTYPES["float32"]


def _to_bool(_: DType) -> DType:
    return DTYPES["bool"]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """One binary op: on values, and what it makes of the promoted element type."""

    run: Callable[[Any, Any], Any]
    dtype: Callable[[DType], DType] = _keeps


def _divide(a: Any, b: Any) -> Any:
    if b:
        return a / b
    if a != a or not a:  # noqa: PLR0124 - NaN is not itself
        return math.nan
    return math.copysign(math.inf, a)


def _guarded(run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def safe(a: Any, b: Any) -> Any:
        try:
            return run(a, b)
        except (ZeroDivisionError, OverflowError, TypeError, ValueError):
            return None

    return safe


def _power(a: Any, b: Any) -> Any:
    # Whole powers of whole numbers wrap at 64 bits in the end: keep them from growing without bound.
    if isinstance(a, int) and isinstance(b, int) and b >= 0:
        return pow(a, b, 1 << 64)
    result = a**b
    # Python goes on into the complex numbers where real powers end.
    return math.nan if isinstance(result, complex) and not isinstance(a, complex) else result


ARITHMETIC: dict[str, Arithmetic] = {
    "add": Arithmetic(operator.add),
    "sub": Arithmetic(operator.sub),
    "mul": Arithmetic(operator.mul),
    "div": Arithmetic(_guarded(_divide), _to_float),
    "floor_divide": Arithmetic(_guarded(operator.floordiv)),
    "remainder": Arithmetic(_guarded(operator.mod)),
    "pow": Arithmetic(_guarded(_power)),
    "eq": Arithmetic(operator.eq, _to_bool),
    "ne": Arithmetic(operator.ne, _to_bool),
    "lt": Arithmetic(_guarded(operator.lt), _to_bool),
    "le": Arithmetic(_guarded(operator.le), _to_bool),
    "gt": Arithmetic(_guarded(operator.gt), _to_bool),
    "ge": Arithmetic(_guarded(operator.ge), _to_bool),
    "bitwise_and": Arithmetic(_guarded(operator.and_)),
    "bitwise_or": Arithmetic(_guarded(operator.or_)),
    "bitwise_xor": Arithmetic(_guarded(operator.xor)),
}

OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "le": "le",
    "gt": "gt",
    "ge": "ge",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
"""The word of an operator's method, as in `__truediv__` -> the op it is."""

_ORDERED = ("lt", "le", "gt", "ge", "floor_divide", "remainder")

_REFLECTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")


def _exp(value: Any) -> Any:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _log(value: Any) -> Any:
    return -math.inf if value == 0 else math.log(value)


UNARY: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "neg": (operator.neg, False),
    "abs": (abs, False),
    "relu": (lambda v: v if v > 0 or v != v else 0, False),  # noqa: PLR0124 - NaN is not itself
    "square": (lambda v: v * v, False),
    "exp": (_exp, True),
    "log": (_log, True),
    "sqrt": (math.sqrt, True),
    "sin": (math.sin, True),
    "cos": (math.cos, True),
    "tanh": (math.tanh, True),
    "sigmoid": (lambda v: 1 / (1 + _exp(-v)), True),
}
"""Name -> (on a value, whether it gives a float of a whole number)."""


def result_dtype(operands: Sequence[Any]) -> DType:
    """torch's promotion: tensors with dims first, then 0-dim tensors, then Python numbers.

    Each class counts only where its kind is wider than what the classes before it gave.

    >>> x = fresh(Layout.contiguous((3,)), DTYPES["int8"])
    >>> result_dtype([x, 5]).name, result_dtype([x, 5.0]).name
    ('int8', 'float32')
    """
    with_dims = [part.dtype for part in operands if isinstance(part, Tensor) and part.layout.ndim]
    without = [part.dtype for part in operands if isinstance(part, Tensor) and not part.layout.ndim]
    numbers = [_number_dtype(part) for part in operands if not isinstance(part, Tensor)]
    answer: DType | None = None
    for group in (with_dims, without, numbers):
        if not group:
            continue
        joined = promote(group)
        if answer is None:
            answer = joined
        elif joined.rank > answer.rank:
            answer = joined if group is not numbers or not answer.is_floating else promote([answer, joined])
    assert answer is not None
    return answer


def _number_dtype(value: Any) -> DType:
    if isinstance(value, bool):
        return DTYPES["bool"]
    if isinstance(value, int):
        return DTYPES["int64"]
    return DTYPES["complex64" if isinstance(value, complex) else "float32"]


def _torch_stride(shape: tuple[int, ...], layouts: Sequence[Layout]) -> tuple[int, ...]:
    return indexing.walk_stride(shape, [(layout.shape, layout.stride) for layout in layouts])


def elementwise(
    name: str,
    operands: Sequence[Any],
    dtype: DType,
    run: Callable[..., Any],
    *,
    library: str = "torch",
    stride_of: Callable[[tuple[int, ...], Sequence[Layout]], tuple[int, ...]] = _torch_stride,
    common: DType | None = None,
) -> Tensor:
    """A new tensor, `run` on the operands' elements, broadcast; Python numbers are 0-dim operands.

    Args:
        stride_of: the library's rule for the strides of the result, from its shape and the operands' layouts.
        common: the element type operands are converted to first, where that is done by copying them.
    """
    layouts = [part.layout if isinstance(part, Tensor) else Layout((), ()) for part in operands]
    try:
        shape = indexing.broadcast_shapes([layout.shape for layout in layouts])
    except OpIndexError as clash:
        raise OpRuntimeError(clash.code, f"{name}: {clash.message}") from None
    devices = {part.device for part in operands if isinstance(part, Tensor) and part.layout.ndim}
    if len(devices) > 1:
        raise OpRuntimeError("device_mix", f"{name} needs tensors on one device, got {' and '.join(sorted(devices))}")
    new = Layout(shape, stride_of(shape, [_as_walked(*pair, common) for pair in zip(operands, layouts, strict=True)]))
    readers = [
        _reader(part, layout.expand(shape)) if isinstance(part, Tensor) else always(part)
        for part, layout in zip(operands, layouts, strict=True)
    ]

    def fill(k: int) -> Any:
        index = next(new.indices_of(k), None)
        values = [] if index is None else [read(index) for read in readers]
        if not values or any(value is None for value in values):
            return None
        try:
            return cast(run(*values), dtype)
        except (ValueError, OverflowError, ZeroDivisionError):
            return math.nan if dtype.is_floating else None
        except TypeError:
            # Python's own functions do not take complex numbers; nobody else is asked.
            return None

    grad = any(isinstance(part, Tensor) and part.requires_grad for part in operands) and dtype.kind in (
        "float",
        "complex",
    )
    device = next((part.device for part in operands if isinstance(part, Tensor) and part.layout.ndim), None)
    if device is None:
        device = next(part.device for part in operands if isinstance(part, Tensor))
    made = fresh(new, dtype, fill, device=device, library=library, requires_grad=grad)
    made.storage.stands_on([part.storage for part in operands if isinstance(part, Tensor)])
    made.leaf = not grad
    return made


def _as_walked(part: Any, layout: Layout, common: DType | None) -> Layout:
    """The layout the loop walks: that of a dense copy where an operand has to be converted."""
    if common is None or not isinstance(part, Tensor) or part.dtype == common:
        return layout
    return Layout(layout.shape, layout.stride_when_converted())


def _reader(tensor: Tensor, spread: Layout) -> Callable[[tuple[int, ...]], Any]:
    read = tensor.reader()
    return lambda index: read(spread.address(index))


def always(value: Any) -> Callable[[Any], Any]:
    """A reader that gives one value at every index."""
    return lambda _: value


def _binary(name: str, *, reflected: bool = False) -> Callable[..., Tensor]:
    row = ARITHMETIC[name]

    def run(tensor: Tensor, other: Any) -> Tensor:
        operands = [other, tensor] if reflected else [tensor, other]
        joined = result_dtype(operands)
        if joined.is_complex and name in _ORDERED:
            raise OpRuntimeError("complex_order", f"{name}: complex numbers have no order; compare .real or .abs()")
        _check_kind(name, joined, [part.dtype for part in operands if isinstance(part, Tensor)], operands)
        return elementwise(
            name, operands, row.dtype(joined), row.run, common=row.dtype(joined) if name == "div" else joined
        )

    return run


def _check_kind(name: str, joined: DType, types: Sequence[DType], operands: Sequence[Any]) -> None:
    """What torch refuses for the kind of numbers it got."""
    bools = [dtype.kind == "bool" for dtype in types] + [isinstance(part, bool) for part in operands]
    if name == "sub" and any(bools):
        raise OpRuntimeError("bool_minus", "minus is not defined on bools; use ^ (or ~) on them, or convert to ints")
    if name.startswith("bitwise_") and joined.kind in ("float", "complex"):
        raise OpRuntimeError("result_type", f"{name} needs bools or ints, got {joined}")
    negative = isinstance(operands[1], int) and operands[1] < 0
    if name == "pow" and negative and joined.kind in ("int", "uint", "bool"):
        raise OpRuntimeError(
            "negative_power", "whole numbers have no negative whole powers; convert to a float type first"
        )


def _unary(name: str) -> Callable[..., Tensor]:
    run_one, needs_float = UNARY[name]

    def run(tensor: Tensor) -> Tensor:
        if name == "neg" and tensor.dtype.kind == "bool":
            raise OpRuntimeError("bool_minus", "a bool tensor has no negative; ~ turns it round")
        if name == "relu" and (tensor.dtype.is_complex or tensor.dtype.kind == "bool"):
            raise OpRuntimeError("complex_order", f"relu needs ordered numbers, got {tensor.dtype}")
        dtype = _to_float(tensor.dtype) if needs_float else tensor.dtype
        if name == "abs" and dtype.is_complex:
            return elementwise(name, [tensor], DTYPES[dtype.part], run_one)
        return elementwise(name, [tensor], dtype, run_one, common=dtype)

    return run


def _invert(tensor: Tensor) -> Tensor:
    if tensor.dtype.kind in ("float", "complex"):
        raise OpTypeError("result_type", f"~ needs bools or ints, got {tensor.dtype}")
    flips = tensor.dtype.kind == "bool"
    return elementwise("bitwise_not", [tensor], tensor.dtype, lambda v: not v if flips else ~v)


_COMPUTE: dict[str, Callable[..., Any]] = {
    **{
        f"{name}({kind} {'exponent' if name == 'pow' else 'other'})": _binary(name)
        for name in ARITHMETIC
        for kind in ("tensor", "number")
    },
    **{f"{name}()": _unary(name) for name in UNARY},
    "bitwise_not()": _invert,
    "logical_not()": lambda t: elementwise("logical_not", [t], DTYPES["bool"], operator.not_),
    "__neg__()": _unary("neg"),
    "__invert__()": _invert,
    **{f"__{word}__({kind} other)": _binary(name) for word, name in OPERATORS.items() for kind in ("tensor", "number")},
    **{f"__r{word}__(number other)": _binary(OPERATORS[word], reflected=True) for word in _REFLECTED},
}

_METHOD_ROWS = rows("tensor", "compute", _COMPUTE)

ROWS: list[Op] = [
    *_METHOD_ROWS,
    *as_functions(_METHOD_ROWS, [*ARITHMETIC, *UNARY, "bitwise_not", "logical_not"], "torch"),
]
