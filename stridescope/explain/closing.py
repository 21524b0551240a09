"""An expression of a user's with its names resolved, so that it can be run again on layouts alone.

Problem: `h.view(B, self.heads, -1)` failed; to run it again the numbers must be known and the tensors be named, and
nothing of the user's may run meanwhile. Method: names are looked up in the frame's dicts, attributes in an object's own
`__dict__`, items in plain lists, tuples and dicts. A tensor becomes a name and a record, a number, a size, a dtype or a
device its literal; torch's and numpy's modules and functions keep their names. Anything else ends it: None.

Cost: linear in the expression, and one inspection for each tensor in it.
"""

from __future__ import annotations

import ast
import copy
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.readers import inspect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stridescope.records import TensorInfo

__all__ = ["Closed", "close", "is_tensor", "plain_value"]

_MISSING = object()
_MAX_ITEMS = 64


class Closed(NamedTuple):
    """A text that needs nothing but these tensors.

    Attributes:
        text: what can be run on them; as the user wrote it, but for what was looked up.
        written: as the user wrote it.
        tensors: the names in it, and how what they stood for lies.
    """

    text: str
    written: str
    tensors: tuple[tuple[str, TensorInfo], ...]


class _OpenError(Exception):
    """Something in the expression cannot be looked up."""


def close(node: ast.AST, scopes: Sequence[Mapping[str, Any]], keep: frozenset[str] = frozenset()) -> Closed | None:
    """An expression or statement with its names resolved; None where one of them cannot be.

    Args:
        scopes: where names are looked up, in this order.
        keep: names that an earlier statement gives, which stay as they are where nothing else is known of them.
    """
    written = ast.unparse(_loading(copy.deepcopy(node)))
    closer = _Closer(scopes, keep)
    try:
        closed = closer.visit(_loading(copy.deepcopy(node)))
        text = ast.unparse(ast.fix_missing_locations(closed))
    except (_OpenError, RecursionError):
        return None
    return Closed(text, written, tuple(closer.tensors.items()))


def is_tensor(value: Any) -> bool:
    """Whether a value is a torch tensor or numpy array, told by its class alone."""
    for module, name in (("torch", "Tensor"), ("numpy", "ndarray")):
        cls = getattr(sys.modules.get(module), "__dict__", {}).get(name)
        if isinstance(cls, type) and issubclass(type(value), cls):
            return True
    return False


def plain_value(value: Any, name: str) -> Any:
    """An attribute as it stands in the object's own dict, or in a module's tables; a marker where it is not there."""
    try:
        fields = object.__getattribute__(value, "__dict__")
    except Exception:  # noqa: BLE001 - an object without a dict has no plain attributes
        return _MISSING
    if name == "__dict__":
        return fields
    if type(fields) is not dict:
        return fields.get(name, _MISSING) if type(value) is type(sys) else _MISSING
    if name in fields:
        return fields[name]
    for table in ("_parameters", "_buffers", "_modules"):
        held = fields.get(table)
        if type(held) is dict and name in held:
            return held[name]
    return _MISSING


def _loading(node: ast.AST) -> Any:
    """A target that is read instead: `x[0]` of `x[0] += 1` alone."""
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        node.ctx = ast.Load()
    return node


_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await, ast.NamedExpr, ast.Yield)
"""What has names of its own, or does more than compute."""


class _Closer(ast.NodeTransformer):
    """Rewrites names into literals, library names, and names of tensors."""

    def __init__(self, scopes: Sequence[Mapping[str, Any]], keep: frozenset[str]) -> None:
        self.scopes = scopes
        self.keep = keep
        self.tensors: dict[str, TensorInfo] = {}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return node if self._put_stored(node) else self._put(node, self._value(node))

    def _put_stored(self, node: ast.Name) -> bool:
        """A name that is written to stays, and what it stands for is known."""
        if not isinstance(node.ctx, ast.Store):
            return False
        self._put(node, self._value(node))
        return True

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        value = self._value(node)
        if value is not _MISSING:
            return self._put(node, value)
        node.value = self.visit(node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        value = self._value(node) if isinstance(node.ctx, ast.Load) else _MISSING
        if value is not _MISSING:
            return self._put(node, value)
        node.value, node.slice = self.visit(node.value), self.visit(node.slice)
        return node

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, _SCOPES):
            raise _OpenError
        return super().visit(node)

    def _value(self, node: ast.expr) -> Any:
        """What a name, an attribute or an item is, where a dict or a list says so."""
        if isinstance(node, ast.Name):
            return next((scope[node.id] for scope in self.scopes if node.id in scope), _MISSING)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            return _MISSING if owner is _MISSING or is_tensor(owner) else plain_value(owner, node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            owner, key = self._value(node.value), node.slice.value
            if type(owner) in (list, tuple) and type(key) is int and -len(owner) <= key < len(owner):
                return owner[key]
            if type(owner) is dict and type(key) in (str, int):
                return owner.get(key, _MISSING)
        return _MISSING

    def _put(self, node: ast.expr, value: Any) -> ast.expr:
        """What stands for a value in the text."""
        if isinstance(node, ast.Name) and value is _MISSING:
            if node.id in self.keep:
                return node
            raise _OpenError
        if is_tensor(value):
            name = node.id if isinstance(node, ast.Name) else re.sub(r"\W+", "_", ast.unparse(node)).strip("_")
            try:
                self.tensors[name] = inspect(value, name)
            except Exception as error:
                raise _OpenError from error
            return ast.Name(name, ast.Load())
        library = _library_name(value)
        if library is not None:
            return ast.parse(library, mode="eval").body
        literal = _literal(value)
        if literal is None:
            raise _OpenError
        return ast.parse(literal, mode="eval").body


def _library_name(value: Any) -> str | None:
    """torch and numpy, their dtypes and memory formats, and their functions that were imported by name."""
    for module, word in (("torch", "torch"), ("numpy", "np")):
        library = sys.modules.get(module)
        if library is None:
            continue
        if value is library:
            return word
        fields = vars(library)
        name = getattr(type(value), "__name__", "")
        if word == "torch" and name in ("dtype", "memory_format") and type(value) is fields.get(name):
            return str(value)
        own = value.__name__ if issubclass(type(value), type | type(len)) else None
        if isinstance(own, str) and fields.get(own) is value:
            return f"{word}.{own}"
    return None


def _literal(value: Any) -> str | None:
    """The text of a number, a string, None, or a tuple or list of those; torch.Size and torch.device too."""
    if value is None or type(value) in (bool, int, float, str):
        return repr(value)
    if (issubclass(type(value), tuple) and type(value).__name__ == "Size") or type(value) in (tuple, list):
        parts = [_literal(part) for part in value] if len(value) <= _MAX_ITEMS else [None]
        if any(part is None for part in parts):
            return None
        inside = ", ".join(part for part in parts if part is not None)
        return f"[{inside}]" if type(value) is list else f"({inside}{',' * (len(parts) == 1)})"
    if type(value) is slice:
        return None
    device = vars(sys.modules["torch"]).get("device") if "torch" in sys.modules else None
    return repr(str(value)) if isinstance(device, type) and type(value) is device else None
