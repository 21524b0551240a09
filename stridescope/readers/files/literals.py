"""The few Python literals that an .npy header is made of.

Problem: the header is a Python dict in text, and evaluating it is evaluating what a file says. Method: one regular
expression for tokens, one loop over them, with a stack of its own for what nests. Cost: linear in the text.

Source: `numpy/lib/format.py`, format versions 1.0 to 3.0.
"""

from __future__ import annotations

import re
from typing import Any

from stridescope.readers.files.source import BrokenFile

__all__ = ["literal"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>[uUbB]?'(?:[^'\\]|\\.)*'|[uUbB]?"(?:[^"\\]|\\.)*")|(?P<number>-?\d{1,30}L?)"""
    r"""|(?P<word>True|False|None)|(?P<sign>[][(){},:]))"""
)
_WORDS = {"True": True, "False": False, "None": None}
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}

NESTED = 32


def literal(text: str) -> Any:
    """The value of a literal of dicts, lists, tuples, texts, whole numbers and True, False, None.

    >>> literal("{'shape': (3, 4), 'descr': '<f8', }")
    {'shape': (3, 4), 'descr': '<f8'}

    Raises:
        BrokenFile: it is none.
    """
    open_: list[tuple[str, list[Any]]] = [("", [])]
    position, text = 0, text.rstrip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or len(open_) > NESTED:
            raise BrokenFile(f"its header is no Python literal, at character {position}")
        position = token.end()
        sign = token["sign"]
        if sign is None:
            open_[-1][1].append(_value(token))
        elif sign in _CLOSED_BY:
            open_.append((sign, []))
        elif sign in _CLOSED_BY.values():
            bracket, items = open_.pop()
            if _CLOSED_BY.get(bracket) != sign:
                raise BrokenFile(f"its header is no Python literal, at character {position}")
            open_[-1][1].append(_closed(bracket, items))
    if len(open_) != 1 or len(open_[0][1]) != 1:
        raise BrokenFile("its header is no Python literal")
    return open_[0][1][0]


def _value(token: re.Match[str]) -> Any:
    if token["word"] is not None:
        return _WORDS[token["word"]]
    if token["number"] is not None:
        return int(token["number"].rstrip("L"))
    return token["text"].lstrip("uUbB")[1:-1].replace("\\'", "'").replace("\\\\", "\\")


def _closed(bracket: str, items: list[Any]) -> Any:
    if bracket == "[":
        return items
    if bracket == "(":
        # (3) is read as (3,): no number stands alone in brackets in these headers.
        return tuple(items)
    keys = items[::2]
    if len(items) % 2 or any(type(key) is not str for key in keys):
        raise BrokenFile("its header is no Python dict")
    return dict(zip(keys, items[1::2], strict=True))
