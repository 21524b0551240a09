"""What a program may be made of: a short list of node types, and no others.

Problem: nothing that came with the text may reach Python's own machinery. Method: a walk over the syntax tree that
lets through assignments, in-place writes, chains of attributes, calls and subscripts, literals, arithmetic and
comparisons; a row says of each node type what is checked and what is inside it. Chains are walked in a loop, all else
by recursion that counts its depth, so neither a long chain nor a deep nest can overflow. Cost: linear in the tree.

Source: the node types of Python's own `ast` module.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.program.source import Program

__all__ = [
    "ALLOWED_STATEMENTS",
    "EXAMPLE",
    "FUNCTIONAL",
    "LIBRARIES",
    "MAX_INT_BITS",
    "Link",
    "chain_of",
    "check_statement",
    "count_ops",
    "shown",
    "unstarred",
]

MAX_DEPTH = 100
MAX_INT_BITS = 64

LIBRARIES = {"torch": "torch", "np": "np", "numpy": "np"}
"""The names a program may start from, and whose rows they stand for."""

FUNCTIONAL = "F"
"""What everyone calls torch.nn.functional; known so that a word under it gets the right sentence."""

_IMPORTS = (("torch", None), ("numpy", None), ("numpy", "np"), ("torch.nn.functional", FUNCTIONAL))

EXAMPLE = "x = torch.arange(12).view(3, 4)"

_CONSTANTS = (int, float, complex, str, type(None), type(...))

_REFUSED: dict[str, str] = {
    "AnnAssign": "an annotation",
    "Assert": "an assert statement",
    "AsyncFor": "an async loop",
    "AsyncFunctionDef": "a function definition",
    "AsyncWith": "an async with statement",
    "Await": "await",
    "BoolOp": "and/or",
    "Break": "break",
    "ClassDef": "a class definition",
    "Continue": "continue",
    "Delete": "del",
    "Dict": "a dict",
    "DictComp": "a comprehension",
    "For": "a for loop",
    "FunctionDef": "a function definition",
    "GeneratorExp": "a generator expression",
    "Global": "global",
    "If": "an if statement",
    "IfExp": "a conditional expression",
    "Interpolation": "a template string",
    "FormattedValue": "an f-string",
    "JoinedStr": "an f-string",
    "Lambda": "a lambda",
    "ListComp": "a list comprehension",
    "Match": "a match statement",
    "NamedExpr": "an assignment expression (:=)",
    "Nonlocal": "nonlocal",
    "Pass": "pass",
    "Raise": "raise",
    "Return": "return",
    "Set": "a set",
    "SetComp": "a comprehension",
    "Starred": "a star outside of arguments, tuples and lists",
    "TemplateStr": "a template string",
    "Try": "a try statement",
    "TryStar": "a try statement",
    "TypeAlias": "a type statement",
    "While": "a while loop",
    "With": "a with statement",
    "Yield": "yield",
    "YieldFrom": "yield",
}
ALLOWED_STATEMENTS = "a program is made of assignments, in-place writes and op chains, such as " + EXAMPLE
_ALLOWED_EXPRESSIONS = "an expression is made of tensors, ops, numbers, strings, slices, tuples and lists"


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain: `.name`, `(arguments)` or `[index]`."""

    kind: Literal["attribute", "call", "item"]
    node: ast.Attribute | ast.Call | ast.Subscript


def chain_of(node: ast.expr) -> tuple[ast.expr, list[Link]]:
    """The root of a chain and its links, first to last.

    >>> root, links = chain_of(ast.parse("x.t()[0]", mode="eval").body)
    >>> root.id, [link.kind for link in links]
    ('x', ['attribute', 'call', 'item'])
    """
    links: list[Link] = []
    while True:
        if isinstance(node, ast.Attribute):
            links.append(Link("attribute", node))
            node = node.value
        elif isinstance(node, ast.Call):
            links.append(Link("call", node))
            node = node.func
        elif isinstance(node, ast.Subscript):
            links.append(Link("item", node))
            node = node.value
        else:
            return node, links[::-1]


def check_statement(program: Program, node: ast.stmt) -> bool:
    """Whether the statement is to be run (an import is not).

    Raises:
        ProgramError: it holds something that is not allowed.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            if (alias.name, alias.asname) not in _IMPORTS:
                message = "only 'import torch' and 'import numpy as np' are allowed, and neither is needed"
                raise program.error(message, node)
        return False
    if isinstance(node, ast.Expr):
        _check(program, node.value)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            _check_target(program, target, several=True)
        _check(program, node.value)
    elif isinstance(node, ast.AugAssign):
        _check_target(program, node.target, several=False)
        _check(program, node.value)
    elif isinstance(node, ast.ImportFrom):
        raise program.error("'from ... import' is not allowed; names start from torch or np", node)
    else:
        kind = _REFUSED.get(type(node).__name__, "this statement")
        raise program.error(f"{kind} is not allowed; {ALLOWED_STATEMENTS}", node)
    return True


def _check_target(program: Program, node: ast.expr, several: bool) -> None:
    if isinstance(node, ast.Name):
        _check_name(program, node)
        if node.id in LIBRARIES:
            raise program.error(f"'{node.id}' is the library here; bind another name", node)
    elif isinstance(node, ast.Subscript):
        _check(program, node)
    elif several and isinstance(node, ast.Tuple | ast.List) and node.elts:
        starred = [part for part in node.elts if isinstance(part, ast.Starred)]
        if len(starred) > 1:
            raise program.error("only one name can take the rest with a star", starred[1])
        for part in unstarred(node.elts):
            _check_target(program, part, several=False)
    else:
        message = "only a name (x = ...), names (a, b = ...) or an index (x[0] = ...) can be assigned to"
        raise program.error(message, node)


def _check(program: Program, node: ast.expr, depth: int = 0) -> None:
    """Let through the allowed expression nodes; chains in a loop, the rest by counted recursion."""
    if depth > MAX_DEPTH:
        raise program.error(f"this is nested too deep; expressions go at most {MAX_DEPTH} deep", node)
    root, links = chain_of(node)
    for part in (root, *(link.node for link in links)):
        rule = _RULES.get(type(part))
        if rule is None:
            kind = _REFUSED.get(type(part).__name__, "this")
            raise program.error(f"{kind} is not allowed here; {_ALLOWED_EXPRESSIONS}", part)
        for child in rule(program, part):
            _check(program, child, depth + 1)


def _check_name(program: Program, node: ast.Name) -> list[ast.expr]:
    if _is_private(node.id):
        raise program.error(_private(node.id), node)
    return []


def _check_attribute(program: Program, node: ast.Attribute) -> list[ast.expr]:
    if _is_private(node.attr):
        raise program.error(_private(node.attr), node, node.attr)
    return []


def _check_call(program: Program, node: ast.Call) -> list[ast.expr]:
    for keyword in node.keywords:
        if keyword.arg is None:
            raise program.error("'**' is not allowed; write the keywords out", keyword)
        if _is_private(keyword.arg):
            raise program.error(_private(keyword.arg), keyword)
    return [*unstarred(node.args), *(keyword.value for keyword in node.keywords)]


def _check_constant(program: Program, node: ast.Constant) -> list[ast.expr]:
    if not isinstance(node.value, _CONSTANTS):
        raise program.error(f"{type(node.value).__name__} are not allowed here; {_ALLOWED_EXPRESSIONS}", node)
    if isinstance(node.value, int) and node.value.bit_length() > MAX_INT_BITS:
        raise program.error(f"this number is too large; integers go up to {MAX_INT_BITS} bits", node)
    return []


def _check_compare(program: Program, node: ast.Compare) -> list[ast.expr]:
    if len(node.ops) > 1 or isinstance(node.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn):
        raise program.error("a comparison has two sides and one of == != < <= > >=", node)
    return [node.left, node.comparators[0]]


def _check_display(_: Program, node: ast.Tuple | ast.List) -> list[ast.expr]:
    return unstarred(node.elts)


def unstarred(nodes: list[ast.expr]) -> list[ast.expr]:
    """The nodes, what stands behind a star in its place: the one way a star gets in."""
    return [node.value if isinstance(node, ast.Starred) else node for node in nodes]


def _operands(_: Program, node: ast.expr) -> list[ast.expr]:
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]


_RULES: dict[type[ast.expr], Callable[[Program, Any], list[ast.expr]]] = {
    ast.Attribute: _check_attribute,
    ast.BinOp: _operands,
    ast.Call: _check_call,
    ast.Compare: _check_compare,
    ast.Constant: _check_constant,
    ast.List: _check_display,
    ast.Name: _check_name,
    ast.Slice: _operands,
    ast.Subscript: lambda _, node: [node.slice],
    ast.Tuple: _check_display,
    ast.UnaryOp: _operands,
}
"""The expression nodes that are let through: each row checks one, and gives what is inside it."""


def _is_private(name: str) -> bool:
    return name.startswith("_") and name != "_"


def _private(name: str) -> str:
    return f"{shown(name)} is private; names that start with '_' are not allowed"


def count_ops(statement: ast.stmt) -> int:
    """How many ops a statement applies at most."""
    counted = ast.Call, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Attribute, ast.AugAssign
    # A method call is an Attribute under a Call: one op, so the Attribute is taken off again.
    calls = methods = 0
    for node in ast.walk(statement):
        calls += isinstance(node, counted)
        methods += isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return calls - methods


def shown(text: str, limit: int = 40) -> str:
    """Text of the program as a message quotes it."""
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
