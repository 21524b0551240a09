"""Python's operators as rows: which method of a tensor each one stands for."""

from __future__ import annotations

import ast

__all__ = ["IN_PLACE", "MIRRORED", "OPERATORS", "operands"]

OPERATORS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("add", "+"),
    ast.Sub: ("sub", "-"),
    ast.Mult: ("mul", "*"),
    ast.Div: ("truediv", "/"),
    ast.FloorDiv: ("floordiv", "//"),
    ast.Mod: ("mod", "%"),
    ast.Pow: ("pow", "**"),
    ast.MatMult: ("matmul", "@"),
    ast.BitAnd: ("and", "&"),
    ast.BitOr: ("or", "|"),
    ast.BitXor: ("xor", "^"),
    ast.LShift: ("lshift", "<<"),
    ast.RShift: ("rshift", ">>"),
    ast.Eq: ("eq", "=="),
    ast.NotEq: ("ne", "!="),
    ast.Lt: ("lt", "<"),
    ast.LtE: ("le", "<="),
    ast.Gt: ("gt", ">"),
    ast.GtE: ("ge", ">="),
    ast.UAdd: ("pos", "+"),
    ast.USub: ("neg", "-"),
    ast.Invert: ("invert", "~"),
}
"""Operator -> (the word inside the name of its row, such as "__add__", and its sign)."""

MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}

IN_PLACE = {
    "add": "add_",
    "sub": "sub_",
    "mul": "mul_",
    "truediv": "div_",
    "floordiv": "floor_divide_",
    "mod": "remainder_",
    "pow": "pow_",
    "and": "bitwise_and_",
    "or": "bitwise_or_",
    "xor": "bitwise_xor_",
    "lshift": "bitwise_left_shift_",
    "rshift": "bitwise_right_shift_",
}
"""The method that an augmented assignment to a torch tensor stands for."""

_SIGNS = dict(OPERATORS.values())
_SIGNS_IN_PLACE = {name: f"{_SIGNS[word]}=" for word, name in IN_PLACE.items()}
_MAKES = {"tensor": "torch.tensor([...]) makes a tensor", "ndarray": "np.array([...]) makes an array"}


def operands(name: str, owner: str, kinds: list[str]) -> str | None:
    """The sentence about operands that a row does not take; None where the row is no operator of two.

    >>> operands("__radd__", "tensor", ["a tensor", "a list"])
    '+ between a list and a tensor is not followed; torch.tensor([...]) makes a tensor of a list of numbers'
    """
    word = name.strip("_")
    sign = _SIGNS_IN_PLACE.get(name) or _SIGNS.get(word)
    if sign is None and word[:1] in ("r", "i") and word[1:] in _SIGNS:
        sign = _SIGNS[word[1:]] + "=" * (word[0] == "i")
        kinds = kinds[::-1] if word[0] == "r" else kinds
    if sign is None or len(kinds) != 2:
        return None
    hint = f"{_MAKES[owner]} of a list of numbers" if {"a list", "a tuple"} & set(kinds) else "it takes numbers too"
    return f"{sign} between {' and '.join(kinds)} is not followed; {hint}"
