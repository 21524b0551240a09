"""A row as a call of torch or numpy: operators, arguments, and what comes back.

Problem: the tables speak of dtypes, formats and devices in words of their own, and the libraries want their own objects
and their own spelling of arguments. Method: one translation each way. Only names of rows are ever looked up. torch and
numpy are imported here, when first called for. Cost: that of the call.
"""

from __future__ import annotations

import operator
import sys
from typing import TYPE_CHECKING, Any

from stridescope.errors import TargetError
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.signature import REQUIRED, Parameter, Spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.program.ops import Op

__all__ = ["call", "checked_device", "host_value", "is_instance", "library_of", "words_of"]

_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"
_COMPARED = "eq ne lt le gt ge"
_OPERATORS: dict[str, Callable[..., Any]] = {
    f"__{word}__": getattr(operator, f"__{word}__")
    for word in (
        *("getitem", "setitem", "neg", "pos", "invert"),
        *_BINARY.split(),
        *_COMPARED.split(),
        *(f"i{word}" for word in _BINARY.split()),
    )
}
"""Rows that Python writes as an operator; `__radd__` and its kin are `__add__` the other way round."""


def call(op: Op, library: Any, expected: tuple[Parameter, ...], bound: tuple[Any, ...]) -> Any:
    """The row's call, made for real: an attribute, an operator, a method or a function of the module."""
    if op.owner in ("torch", "np"):
        owner, values = library, bound
    else:
        owner, values = bound[0], bound[1:]
    given = [_native(value, parameter, library) for parameter, value in zip(expected, values, strict=True)]
    if op.attribute:
        return getattr(owner, op.name)
    if op.name.startswith("__"):
        mirrored = op.name not in _OPERATORS
        function = _OPERATORS[op.name.replace("__r", "__", 1) if mirrored else op.name]
        return function(*given, owner) if mirrored else function(owner, *given)
    function = operator.attrgetter(op.name)(owner)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter, value, own in zip(expected, given, values, strict=True):
        # A default is left to the library, which may mean more by "not given" than by the value.
        if own is parameter.default or (type(own) is type(parameter.default) and _equal(own, parameter.default)):
            continue
        if isinstance(own, Spread):
            args.extend(value)
        elif parameter.keyword_only or len(args) < expected.index(parameter):
            kwargs[parameter.name] = value
        else:
            args.append(value)
    return function(*args, **kwargs)


def is_instance(value: Any, module: str, name: str) -> bool:
    """isinstance, without importing the module: no object of its classes can exist before it is."""
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(value, cls)


def library_of(name: str) -> Any:
    """The module, imported only now."""
    try:
        if name == "torch":
            import torch as library
        else:
            import numpy as library  # noqa: ICN001 - either library goes by the same name here
    except ImportError:
        raise TargetError(f"{name} is not installed; pip install {name}, or run without --torch") from None
    return library


def checked_device(device: str) -> str:
    """The device as given, once it is known to work."""
    torch = library_of("torch")
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise TargetError(f"{device!r} is no device that torch knows; try 'cuda', 'cuda:0' or 'cpu'") from None
    if kind == "cuda" and not torch.cuda.is_available():
        why = "torch sees no GPU" if torch.version.cuda else f"torch {torch.__version__} is a CPU build"
        raise TargetError(f"no CUDA device: {why}; run without --device, or where torch.cuda.is_available() is true")
    try:
        torch.empty(0, device=device)
    except Exception as error:  # noqa: BLE001 - each backend has its own way of not being there
        raise TargetError(f"device {device!r} does not work here: {words_of(error)}") from None
    return device


def _native(value: Any, parameter: Parameter, library: Any) -> Any:
    """A bound value as the library takes it: our dtypes and formats are its own objects there."""
    if isinstance(value, DType):
        numpy = library.__name__ == "numpy"
        return library.dtype(value.name) if numpy else getattr(library, value.name)
    if parameter.kind == "format" and isinstance(value, str):
        return getattr(library, value)
    if isinstance(value, tuple | list):
        return type(value)(_native(item, parameter, library) for item in value)
    return value


def host_value(value: Any) -> Any:
    """A host value of the library as one of ours."""
    if isinstance(value, tuple | list):
        each = map(host_value, value)
        return list(each) if isinstance(value, list) else tuple(each)
    if is_instance(value, "torch", "dtype"):
        return DTYPES.get(str(value).removeprefix("torch."), str(value))
    if is_instance(value, "numpy", "dtype"):
        return DTYPES.get(value.name, value.name)
    if is_instance(value, "numpy", "generic"):
        return value.item()
    return str(value) if is_instance(value, "torch", "device") else value


def _equal(value: Any, default: Any) -> bool:
    return default is not REQUIRED and isinstance(value, bool | int | float | str | tuple) and bool(value == default)


def words_of(error: BaseException, lines: int = 3) -> str:
    """What the library said, up to where it starts to speak of its own insides."""
    text = str(error).split("Exception raised from", 1)[0].strip()
    return "\n".join(text.splitlines()[:lines]).strip() or type(error).__name__
