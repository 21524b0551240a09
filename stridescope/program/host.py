"""Host values: the numbers, tuples and slices of a program, with a bound on each operation.

Problem: `9**9**9**9`, `"a" * 10**9` and `a = (a, a)` a hundred times over are short programs and endless
work. Method: integers of at most 64 bits; no arithmetic on text, and none on lists but joining two and
repeating one; and each tuple or list is weighed when it is made, its parts remembered, so that none ever
holds more than 10,000 values or nests deeper than 60, however it shares its parts, and a whole program
makes no more than 200,000.

Cost: O(1) for arithmetic, O(length) for making a tuple.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from stridescope.program.grammar import MAX_INT_BITS
from stridescope.program.signature import shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FUNCTIONS", "MAX_ITEMS", "TYPES", "HostError", "Scales", "call", "is_value", "operate", "pick", "unpacked"]

MAX_ITEMS = 10_000
MAX_MADE = 200_000
MAX_NESTING = 60
MAX_COMPARED = 64

TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "complex": complex}
"""Names that are a dtype where they are not called."""

_NUMBERS = (int, float, complex)


def _range(*bounds: Any) -> list[int]:
    counted = range(*bounds)
    if len(counted) > MAX_ITEMS:
        raise HostError(f"a range holds at most {MAX_ITEMS:,} values here, and this one has {len(counted):,}")
    # A list: that is what it stands for as data and as an index.
    return list(counted)


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers, or of one tuple or list of them."""

    def of_numbers(*args: Any) -> Any:
        each = args[0] if len(args) == 1 and isinstance(args[0], tuple | list) else args
        if not all(isinstance(value, _NUMBERS) for value in each):
            raise TypeError
        return function(*args)

    return of_numbers


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **TYPES,
    "abs": _of_numbers(abs),
    "len": len,
    "list": list,
    "max": _of_numbers(max),
    "min": _of_numbers(min),
    "print": lambda *args: args[0] if len(args) == 1 else args,
    "range": _range,
    "slice": slice,
    "sum": _of_numbers(sum),
    "tuple": tuple,
}
"""Python's own functions that a program may call on host values; `print` shows nothing, and gives what it was given."""

_BINARY = "add sub mul truediv floordiv mod pow and or xor lshift rshift lt le gt ge"
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    **{word: getattr(operator, f"__{word}__") for word in _BINARY.split()},
    "neg": lambda value, _: -value,
    "pos": lambda value, _: +value,
    "invert": lambda value, _: ~int(value),
}


class HostError(Exception):
    """Host values that do not go together, or a result out of bounds."""


def operate(word: str, sign: str, left: Any, right: Any = 0, told: Callable[[Any], str] = shown) -> Any:
    """One operator on host values; a unary one takes `left` alone. `told` says a value in an error.

    Raises:
        HostError: the values do not take the operator, or the result is out of bounds.

    >>> operate("floordiv", "//", 12, 5)
    2
    >>> operate("pow", "**", 9, 9**9)
    Traceback (most recent call last):
        ...
    stridescope.program.host.HostError: 9 ** 387420489 is too large; integers go up to 64 bits
    """
    if word in ("eq", "ne"):
        if not (_is_plain(left) and _is_plain(right)):
            raise HostError(f"{told(left)} {sign} {told(right)} is not compared here; numbers, text and shapes are")
        return (left == right) is (word == "eq")
    if word == "add" and type(left) is type(right) and isinstance(left, tuple | list):
        return left + right
    if word == "mul" and isinstance(left, tuple | list) and isinstance(right, int):
        return _repeated(left, right)
    if word == "mul" and isinstance(left, int) and isinstance(right, tuple | list):
        return _repeated(right, left)
    if not (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS) and word in _ARITHMETIC):
        raise HostError(f"{sign} takes numbers or tensors, got {told(left)} and {told(right)}")
    text = f"{shown(left)} {sign} {shown(right)}"
    if isinstance(left, int) and isinstance(right, int) and _grows(word, left, right):
        raise HostError(f"{text} is too large; integers go up to {MAX_INT_BITS} bits")
    try:
        answer = _ARITHMETIC[word](left, right)
    except ZeroDivisionError:
        raise HostError(f"{text} divides by zero") from None
    except OverflowError:
        raise HostError(f"{text} is too large for a number") from None
    except (TypeError, ValueError):
        raise HostError(f"{text} has no value") from None
    return bounded(answer, text)


def _repeated(value: tuple[Any, ...] | list[Any], times: int) -> tuple[Any, ...] | list[Any]:
    if len(value) * times > MAX_ITEMS:
        raise HostError(f"a {type(value).__name__} holds at most {MAX_ITEMS:,} values")
    return value * times


def _grows(word: str, left: int, right: int) -> bool:
    """Whether the result would take as many steps as it has digits: judged before it is computed."""
    return left != 0 and right > MAX_INT_BITS and (word == "lshift" or (word == "pow" and abs(left) > 1))


def bounded(value: Any, text: str) -> Any:
    """The value, if an integer of at most 64 bits or anything else.

    Raises:
        HostError: it is a larger integer.
    """
    if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        raise HostError(f"{text} is too large; integers go up to {MAX_INT_BITS} bits")
    return value


def unpacked(value: Any, told: Callable[[Any], str] = shown) -> tuple[Any, ...] | list[Any]:
    """What a star stands for.

    Raises:
        HostError: it is no tuple or list.
    """
    if not isinstance(value, tuple | list):
        raise HostError(f"a star unpacks a tuple or a list, such as x.shape, got {told(value)}")
    return value


def pick(value: Any, index: Any, told: Callable[[Any], str] = shown) -> Any:
    """An item or a slice of a tuple, a list or a mapping.

    Raises:
        HostError: there is none.
    """
    if isinstance(value, dict) and isinstance(index, str) and index in value:
        return value[index]
    if not isinstance(value, tuple | list):
        raise HostError(f"{told(value)} has no items; only tensors, tuples and lists do")
    try:
        return value[index]
    except IndexError:
        raise HostError(f"index {shown(index)} is out of range for {len(value)} values") from None
    except (TypeError, ValueError):
        raise HostError(f"a {type(value).__name__} is indexed by an int or a slice, got {shown(index)}") from None


def call(name: str, args: list[Any], told: Callable[[Any], str] = shown) -> Any:
    """One of Python's own functions on host values.

    Raises:
        HostError: the values do not take it, or the result is out of bounds.
    """
    text = f"{name}({', '.join(map(told, args[:4]))}{', ...' if len(args) > 4 else ''})"
    try:
        return bounded(FUNCTIONS[name](*args), text)
    except OverflowError:
        raise HostError(f"{text} is too large for a number") from None
    except (TypeError, ValueError):
        raise HostError(f"{text} has no value") from None


def _is_plain(value: Any) -> bool:
    """Whether comparing it is cheap and says yes or no."""
    if isinstance(value, tuple | list):
        return len(value) <= MAX_COMPARED and all(isinstance(item, _NUMBERS) for item in value)
    return value is None or isinstance(value, (*_NUMBERS, str)) or hasattr(type(value), "__dataclass_fields__")


def is_value(value: Any) -> bool:
    """Whether it is something to answer: a number, text, a shape or a dtype, not an object of a library's own."""
    return isinstance(value, (*_NUMBERS, str, tuple, list, slice)) or hasattr(type(value), "__dataclass_fields__")


class Scales:
    """Weighs the tuples and lists of one program, each once.

    >>> scales, pair = Scales(), (1, 1)
    >>> for _ in range(100):
    ...     pair = scales.weighed((pair, pair))
    Traceback (most recent call last):
        ...
    stridescope.program.host.HostError: a tuple holds at most 10,000 values, 60 deep
    """

    def __init__(self) -> None:
        # The value is kept beside its weight: an id is only good while its object lives.
        self._known: dict[int, tuple[Any, int, int]] = {}
        self._made = 0

    def weighed(self, value: Any) -> Any:
        """The value itself.

        Raises:
            HostError: it holds too many values, or nests too deep.
        """
        if isinstance(value, tuple | list):
            self._weigh(value, 0)
        return value

    def _weigh(self, value: Any, level: int) -> tuple[int, int]:
        if not isinstance(value, tuple | list):
            return 1, 0
        if id(value) in self._known:
            return self._known[id(value)][1:]
        self._made += len(value)
        if self._made > MAX_MADE:
            raise HostError(f"a program makes tuples and lists of at most {MAX_MADE:,} values in all")
        count, depth = 1, 0
        if level <= MAX_NESTING:
            for item in value:
                items, deep = self._weigh(item, level + 1)
                count, depth = count + items, max(depth, deep)
                if count > MAX_ITEMS:
                    break
        if count > MAX_ITEMS or depth >= MAX_NESTING or level > MAX_NESTING:
            raise HostError(f"a {type(value).__name__} holds at most {MAX_ITEMS:,} values, {MAX_NESTING} deep")
        self._known[id(value)] = (value, count, depth + 1)
        return count, depth + 1
