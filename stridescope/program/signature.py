"""Arguments to parameters, by the signatures of the op tables.

Problem: a call in a program must be matched to one of an op's overloads, as torch's own argument parser
does, and where none fits the sentence must name the argument that is at fault. Method: a signature
string (the language is in `stridescope.program.ops`) is parsed once into parameters; each kind of
parameter is a row: a function that gives the value to bind or says no, and the words for what it wants.
Overloads are tried in order; of the failures, the one that got furthest is told.

Cost: O(arguments times overloads); parsing is done once for each signature.

Source: torch's `torch/csrc/utils/python_arg_parser.cpp` for the rules: a bool is no int, a list or a
tuple stands for varargs, keyword-only after a star.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from stridescope.program.kinds import KINDS, NO, kind_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stridescope.program.ops import Op

__all__ = ["REQUIRED", "Mismatch", "Parameter", "Spread", "bind", "describe", "parameters", "shown"]

REQUIRED: Any = type("Required", (), {"__repr__": lambda _: "REQUIRED"})()
"""The default of a parameter that has none."""

_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input", "x2": "other"}
"""numpy's names for a parameter, which torch's parser of arguments takes too."""

_WITHOUT_ALIASES = frozenset(
    [
        ("tensor", "split"),
        ("tensor", "unflatten"),
        ("torch", "atleast_1d"),
        ("torch", "atleast_2d"),
        ("torch", "atleast_3d"),
        ("torch", "split"),
    ]
)
"""Functions of torch that are written in Python, and take the names of their own alone."""

_NOT_FOLLOWED = {
    "out": "out= is not followed; assign to the result's name, or write into a tensor with .copy_(...)",
    "generator": "generator= is not followed; torch.manual_seed(...) seeds what runs under --torch",
    "layout": "layout= is followed for torch.strided alone; a sparse tensor has no strides",
}


class Spread(tuple[Any, ...]):
    """What a star parameter binds when it was written as f(2, 3), not f((2, 3)): a plain tuple to every op.

    The engine that makes the call for real writes it the same way again, since a few functions tell the two apart.
    """

    __slots__ = ()


class Mismatch(Exception):  # noqa: N818 - an answer to the caller, who knows the place and raises the error
    """Arguments that fit no overload. `where` is the argument at fault: a position, a keyword, or None."""

    def __init__(self, message: str, where: int | str | None = None, progress: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.progress = progress


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a signature: `*int size`, `int[] dims`, `dtype? dtype=None`."""

    name: str
    kind: str
    star: bool = False
    several: bool = False
    optional: bool = False
    keyword_only: bool = False
    default: Any = REQUIRED

    def __str__(self) -> str:
        text = f"{'*' * self.star}{self.kind}{'[]' * self.several}{'?' * self.optional} {self.name}"
        return text if self.default is REQUIRED else f"{text}={self.default!r}"


_PARAMETER = re.compile(
    r"(?P<star>\*?)(?P<kind>[a-z]+)(?P<several>(?:\[\])?)(?P<optional>\??)\s+(?P<name>\w+)(?:\s*=\s*(?P<default>.+))?"
)
# A comma outside every bracket; defaults such as (0, 1) hold commas of their own.
_COMMA = re.compile(r",(?![^(\[]*[)\]])")


@cache
def parameters(signature: str) -> tuple[Parameter, ...]:
    """The parameters of one signature string.

    Raises:
        ValueError: the string is not in the language; a defect of an op table.

    >>> [str(p) for p in parameters("(*int size, *, dtype? dtype=None)")]
    ['*int size', 'dtype? dtype=None']
    """
    inside = signature.strip()
    if not (inside.startswith("(") and inside.endswith(")")):
        raise ValueError(f"signature {signature!r} is not in parentheses")
    keyword_only = False
    answer = []
    for piece in filter(None, map(str.strip, _COMMA.split(inside[1:-1]))):
        if piece == "*":
            keyword_only = True
            continue
        match = _PARAMETER.fullmatch(piece)
        if match is None or match["kind"] not in KINDS:
            raise ValueError(f"signature {signature!r}: {piece!r} is no parameter; kinds are {', '.join(KINDS)}")
        default = REQUIRED if match["default"] is None else ast.literal_eval(match["default"])
        answer.append(
            Parameter(
                match["name"],
                match["kind"],
                bool(match["star"]),
                bool(match["several"]),
                bool(match["optional"]) or default is None,
                keyword_only,
                default,
            )
        )
        keyword_only = keyword_only or bool(match["star"])
    return tuple(answer)


def describe(op: Op) -> str:
    """How the op is written, for help: every overload.

    >>> from stridescope.program.ops import Op
    >>> describe(Op("t", "tensor", "view", ("()",), (lambda x: x,)))
    't()'
    """
    if op.attribute:
        return op.name
    return " or ".join(_written(op, parameters(signature)) for signature in op.signatures)


def bind(
    op: Op, args: Sequence[Any], kwargs: Mapping[str, Any], is_tensor: Callable[[Any], bool]
) -> tuple[int, tuple[Any, ...]]:
    """The first overload that the arguments fit, and one value for each of its parameters, in order.

    The receiver of a method is not among them. Ints come out as ints, lists of ints as tuples.

    Raises:
        Mismatch: they fit none; the message says what was wanted.

    >>> from stridescope.program.ops import Op
    >>> op = Op("view", "tensor", "view", ("(dtype dtype)", "(*int size)"), (print, print))
    >>> bind(op, (3, -1), {}, lambda value: False)
    (1, ((3, -1),))
    """
    kwargs = _as_strided(op, kwargs)
    failures: list[Mismatch] = []
    for overload, signature in enumerate(op.signatures):
        try:
            return overload, _bind_one(op, parameters(signature), args, kwargs, is_tensor)
        except Mismatch as failure:  # noqa: PERF203 - a failure here is the news of one overload
            failures.append(failure)
    furthest = max(failure.progress for failure in failures)
    best = [failure for failure in failures if failure.progress == furthest]
    # A keyword that no overload knows is news enough.
    if len(best) == 1 or (furthest == 1 and len({failure.where for failure in best}) == 1):
        raise best[0]
    given = ", ".join(
        [
            *(shown(value, is_tensor, word=_noun(op)) for value in args),
            *(f"{k}={shown(kwargs[k], is_tensor, word=_noun(op))}" for k in kwargs),
        ]
    )
    raise Mismatch(f"{op.name} is written {describe(op)}; got {op.name}({given})", best[0].where)


def _noun(op: Op) -> str:
    return "array" if op.owner in ("np", "ndarray") else "tensor"


def _as_strided(op: Op, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords without `layout=torch.strided`, which is what a creation does anyway."""
    takes = op.owner in ("torch", "tensor") and op.family == "create" and "any data" not in op.signatures[0]
    if takes and kwargs.get("layout") == "strided":
        return {keyword: value for keyword, value in kwargs.items() if keyword != "layout"}
    return kwargs


def _renamed(op: Op, names: Sequence[str], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords under torch's own names for them."""
    answer: dict[str, Any] = {}
    for keyword, value in kwargs.items():
        own = _ALIASES.get(keyword)
        known = keyword in names or own not in names or own in kwargs or (op.owner, op.name) in _WITHOUT_ALIASES
        answer[keyword if known or own is None or _noun(op) == "array" else own] = value
    return answer


def _bind_one(
    op: Op,
    expected: tuple[Parameter, ...],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    is_tensor: Callable[[Any], bool],
) -> tuple[Any, ...]:
    names = [parameter.name for parameter in expected]
    kwargs = _renamed(op, names, kwargs)
    for keyword in kwargs:
        if keyword not in names:
            if keyword in _NOT_FOLLOWED:
                raise Mismatch(_NOT_FOLLOWED[keyword], keyword, 1)
            from difflib import get_close_matches

            near = get_close_matches(keyword, names, 1, 0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise Mismatch(f"unknown keyword '{keyword}' for {op.name}({', '.join(names)}){hint}", keyword, 1)
    given = _placed(op, expected, args)
    bound = []
    for progress, parameter in enumerate(expected, 2):
        if parameter.name in given and parameter.name in kwargs:
            raise Mismatch(f"{op.name}() got {parameter.name} twice", parameter.name, progress)
        if parameter.name in given:
            where: int | str = names.index(parameter.name)
            value = given[parameter.name]
        elif parameter.name in kwargs:
            where, value = parameter.name, kwargs[parameter.name]
        elif parameter.default is not REQUIRED:
            bound.append(parameter.default)
            continue
        elif kwargs:
            raise Mismatch(f"{_written(op, expected, brief=True)} needs {parameter.name}")
        else:
            raise Mismatch(_arity(op, expected, len(args)))
        try:
            bound.append(_converted(parameter, value, op.owner in ("np", "ndarray"), is_tensor))
        except _UnfitError as unfit:
            # The place of one item is known only where each item was an argument of its own.
            at = where + unfit.item if isinstance(where, int) and isinstance(value, Spread) else where
            raise Mismatch(f"{op.name}(): {parameter.name} must be {unfit}", at, progress) from None
    return tuple(bound)


def _placed(op: Op, expected: tuple[Parameter, ...], args: Sequence[Any]) -> dict[str, Any]:
    """Positional arguments by parameter name."""
    given: dict[str, Any] = {}
    positional = [parameter for parameter in expected if not parameter.keyword_only]
    for k, parameter in enumerate(positional):
        if k >= len(args):
            break
        if parameter.star:
            rest = args[k:]
            alone = len(rest) == 1 and isinstance(rest[0], tuple | list)
            given[parameter.name] = rest[0] if alone else Spread(rest)
            return given
        given[parameter.name] = args[k]
    if len(args) > len(positional):
        raise Mismatch(_arity(op, expected, len(args)), len(positional))
    return given


class _UnfitError(Exception):
    """A value that a parameter does not take; of a list, the number of the item."""

    def __init__(self, wanted: str, got: str, item: int = 0) -> None:
        super().__init__(f"{wanted}, got {got}")
        self.item = item


def _converted(parameter: Parameter, value: Any, numpy: bool, is_tensor: Callable[[Any], bool]) -> Any:
    """The value to bind."""
    if value is None and parameter.optional:
        return None
    noun = "array" if numpy else "tensor"
    convert, word, words = kind_of(parameter.kind, numpy)
    if not (parameter.star or parameter.several):
        answer = convert(value, is_tensor)
        if answer is NO:
            raise _UnfitError(word, shown(value, is_tensor, word=noun))
        return answer
    if not isinstance(value, tuple | list):
        if not parameter.star:
            raise _UnfitError(f"a list of {words}", shown(value, is_tensor, word=noun))
        value = (value,)
    items = [convert(item, is_tensor) for item in value]
    for k, item in enumerate(items):
        if item is NO:
            raise _UnfitError(words, shown(value[k], is_tensor, word=noun), k)
    return Spread(items) if isinstance(value, Spread) else tuple(items)


def _arity(op: Op, expected: tuple[Parameter, ...], got: int) -> str:
    # What goes by keyword alone is no argument that could be one too many.
    positional = [parameter for parameter in expected if not parameter.keyword_only]
    least = sum(parameter.default is REQUIRED for parameter in positional)
    most = len(positional)
    if any(parameter.star for parameter in expected):
        count = f"at least {least} argument{'s' * (least != 1)}"
    elif least == most:
        count = f"{most or 'no'} argument{'s' * (most != 1)}"
    else:
        count = f"{least} to {most} arguments"
    by_place = " by position" if most < len(expected) else ""
    return f"{_written(op, expected, brief=True)} takes {count}{by_place}, got {got}"


def _written(op: Op, expected: tuple[Parameter, ...], *, brief: bool = False) -> str:
    """The signature as text; `brief` leaves out what goes by keyword and can be left out."""
    pieces = []
    starred = False
    for parameter in expected:
        if brief and parameter.keyword_only and parameter.default is not REQUIRED:
            continue
        if parameter.keyword_only and not starred:
            pieces.append("*")
        starred = starred or parameter.keyword_only or parameter.star
        pieces.append(str(replace(parameter, kind=parameter.kind.replace("tensor", _noun(op)))))
    return f"{op.name}({', '.join(pieces)})"
