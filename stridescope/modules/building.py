"""A class or a factory -> a model: with literal arguments, under a device.

Problem: `file.py:Net` names a class that may need arguments, and a model of 70 billion parameters must be looked at
without its memory. Method: the arguments are read as Python reads those of a call, literals only, and nothing is
evaluated; the factory runs under `torch.device`, so that meta allocates nothing. Cost: the user's code.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from stridescope.errors import InputError, TargetError
from stridescope.readers.objects import _is_factory, _loader, _on_path, _run, _steps, _walk, resolve

__all__ = ["Arguments", "build", "building_on", "literal_arguments"]


_WORTH_SAYING = 80
"""Longer than this, torch lists every device there is."""


class Arguments(NamedTuple):
    """What a factory is called with."""

    positional: tuple[Any, ...] = ()
    named: tuple[tuple[str, Any], ...] = ()


def build(target: str, arguments: str | None = None, device: str | None = None) -> Any:
    """The live object of a TARGET, `package.module:attr` or `path/file.py:attr`.

    Args:
        arguments: of the call, as text; a class or function is called without any if None.
        device: on which tensors are made meanwhile, by the module that is imported too.

    Raises:
        TargetError: no such file, module or attribute, or the user's code raised.
        InputError: the arguments are no literals, or are given to what is not called; there is no such device.
    """
    given = None if arguments is None else literal_arguments(arguments)
    with building_on(device):
        return resolve(target) if given is None else _called(target, given)


def _called(target: str, given: Arguments) -> Any:
    where, colon, path = target.rpartition(":")
    if not colon or not where or not path:
        raise TargetError(f"got {target!r}, needed package.module:attr or path/file.py:attr")
    steps = _steps(target, path)
    folder, load = _loader(where)
    with contextlib.redirect_stdout(sys.stderr), _on_path(folder):
        found = _walk(_run(f"importing {where}", load), where, steps)
        if not _is_factory(found):
            raise InputError(f"--args calls a class or a function, and {target} is already a {type(found).__name__}")
        return _run(f"calling {path}(...)", lambda: found(*given.positional, **dict(given.named)))


def literal_arguments(text: str) -> Arguments:
    """The arguments of a call, as literals.

    Args:
        text: with or without its brackets: "(784, 10, bias=False)".

    Raises:
        InputError: it is no list of arguments, or one of them is no literal.

    >>> literal_arguments("(784, sizes=[64, 10])")
    Arguments(positional=(784,), named=(('sizes', [64, 10]),))
    """
    try:
        call = ast.parse(f"f{_bracketed(text)}", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise InputError(f'got {text!r} as arguments, needed those of a call, as in "(784, 10, bias=False)"')
    named = []
    for keyword in call.keywords:
        if keyword.arg is None:
            raise InputError("--args takes no **: write each name out, as in bias=False")
        named.append((keyword.arg, _literal(keyword.value)))
    return Arguments(tuple(_literal(value) for value in call.args), tuple(named))


def _bracketed(text: str) -> str:
    text = text.strip()
    return text if text.startswith("(") and text.endswith(")") and _is_one_bracket(text) else f"({text})"


def _is_one_bracket(text: str) -> bool:
    """Whether the first bracket is closed by the last: not so in "(1, 2), (3, 4)"."""
    try:
        return not isinstance(ast.parse(f"f{text}", mode="eval").body, ast.Tuple)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        written = ast.unparse(node)
        raise InputError(
            f"the argument {written} is no literal; --args takes numbers, texts, True, False, None, and lists, tuples, "
            "dicts and sets of them"
        ) from None


@contextlib.contextmanager
def building_on(device: str | None) -> Iterator[None]:
    """Inside, tensors are made on a device unless their maker says otherwise; anywhere if None.

    Raises:
        InputError: there is no such device.
    """
    if device is None:
        yield
        return
    # The one place here that starts torch: a device was asked for, and only torch has any.
    try:
        import torch
    except ImportError as error:
        raise InputError(f"--device {device} needs torch, which is not installed") from error
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].partition(". ")[0].rstrip(".")
        why = "" if len(said) > _WORTH_SAYING else f": {said}"
        raise InputError(f"torch can make no tensor on {device!r} here{why}") from error
    with found:
        yield
