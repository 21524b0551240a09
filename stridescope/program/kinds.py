"""The kinds of parameters: what each takes, and the words for it.

Problem: a signature says "int", "shape" or "dtype", and a value must become what the op is given, or be told to be none
of that kind. Method: a row for each kind: a function that gives the value to bind or says no, and the words for one and
for several. Rows of numpy differ in a few, by what numpy takes and by its words.

Cost: O(values).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "NO", "kind_of", "shown"]

NO: Any = object()
"""What a kind answers of a value that is none of it."""

_INT_LIMIT = 2**63


def shown(value: Any, is_tensor: Callable[[Any], bool] = lambda _: False, limit: int = 40, word: str = "tensor") -> str:
    """A value in an error message: short, on one line; a tensor is only called so, by `word`."""
    if is_tensor(value):
        return f"an {word}" if word == "array" else f"a {word}"
    if isinstance(value, tuple | list) and any(map(is_tensor, value)):
        others = "" if all(map(is_tensor, value)) else " and other values"
        return f"a {'list' if isinstance(value, list) else 'tuple'} of {word}s{others}"
    text = repr(value) if isinstance(value, int | float | complex | str | tuple | list | None) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _int(value: Any, is_tensor: Callable[[Any], bool]) -> Any:
    if isinstance(value, bool) or is_tensor(value) or not hasattr(type(value), "__index__"):
        return NO
    number = type(value).__index__(value)
    return number if -_INT_LIMIT <= number < _INT_LIMIT else NO


def _number(value: Any, is_tensor: Callable[[Any], bool]) -> Any:
    if isinstance(value, int | float | complex):
        return value
    # A scalar of a library: it knows how to be a float, and it is neither text nor a tensor.
    return value if hasattr(type(value), "__float__") and not is_tensor(value) else NO


def _shape(value: Any, is_tensor: Callable[[Any], bool]) -> Any:
    sizes = tuple(_int(size, is_tensor) for size in (value if isinstance(value, tuple | list) else (value,)))
    return NO if NO in sizes else sizes


def _dtype(value: Any, _: Callable[[Any], bool]) -> Any:
    from stridescope.layout.dtypes import DTYPES, DType

    if isinstance(value, type):
        return DTYPES.get(_PYTHON_TYPES.get(value, ""), NO)
    return value if isinstance(value, DType) else NO


def _numpy_dtype(value: Any, is_tensor: Callable[[Any], bool]) -> Any:
    """As numpy has it: names and codes too, "float32", "f4", "<i8"."""
    if not isinstance(value, str):
        return _dtype(value, is_tensor)
    from stridescope.layout.dtypes import NUMPY_NAMES

    if (code := _CODE.fullmatch(value)) is not None:
        value = f"{_CODES[code[1]]}{8 * int(code[2])}".replace("bool8", "bool")
    return NUMPY_NAMES.get(_WORDS.get(value, value), NO)


def _device(value: Any, _: Callable[[Any], bool]) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"cuda:{value}"
    return value if isinstance(value, str) else NO


def _format(value: Any, _: Callable[[Any], bool]) -> Any:
    return value if isinstance(value, str) and value in _FORMATS else NO


def _tensors(value: Any, is_tensor: Callable[[Any], bool]) -> Any:
    return tuple(value) if isinstance(value, tuple | list) and all(map(is_tensor, value)) else NO


_PYTHON_TYPES = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
_CODES = {"b": "bool", "u": "uint", "i": "int", "f": "float", "c": "complex"}
_WORDS = {
    "int": "int64",
    "float": "float64",
    "complex": "complex128",
    "?": "bool",
    "b": "int8",
    "B": "uint8",
    "h": "int16",
    "H": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int64",
    "L": "uint64",
    "q": "int64",
    "Q": "uint64",
    "e": "float16",
    "f": "float32",
    "d": "float64",
    "F": "complex64",
    "D": "complex128",
}
"""numpy's short words and one-letter codes."""
_CODE = re.compile(r"[<=|]?([buifc])(\d{1,2})")
_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")

KINDS: dict[str, tuple[Callable[[Any, Callable[[Any], bool]], Any], str, str]] = {
    "int": (_int, "an int of at most 64 bits", "ints"),
    "bool": (lambda value, _: value if isinstance(value, bool) else NO, "True or False", "bools"),
    "number": (_number, "a number", "numbers"),
    "str": (lambda value, _: value if isinstance(value, str) else NO, "a string", "strings"),
    "dtype": (_dtype, "a dtype, such as torch.float32", "dtypes"),
    "device": (_device, "a device, such as 'cpu' or 'cuda:0'", "devices"),
    "format": (_format, "a memory format, such as torch.channels_last", "memory formats"),
    "shape": (_shape, "a tuple of ints", "tuples of ints"),
    "tensor": (lambda value, is_tensor: value if is_tensor(value) else NO, "a tensor", "tensors"),
    "tensors": (_tensors, "a list of tensors", "lists of tensors"),
    "any": (lambda value, _: value, "a value", "values"),
}
"""Kind -> (the value to bind or NO, the words for one, the words for several)."""

_NUMPY_KINDS = {
    "dtype": (_numpy_dtype, "a dtype, such as np.float32 or 'float32'", "dtypes"),
    "tensor": (KINDS["tensor"][0], "an array", "arrays"),
    "tensors": (KINDS["tensors"][0], "a list of arrays", "lists of arrays"),
}
"""The same for rows of numpy, where they differ."""


def kind_of(kind: str, numpy: bool) -> tuple[Callable[[Any, Callable[[Any], bool]], Any], str, str]:
    """The row of a kind."""
    return _NUMPY_KINDS[kind] if numpy and kind in _NUMPY_KINDS else KINDS[kind]
