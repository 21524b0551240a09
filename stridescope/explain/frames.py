"""What the failing lines of a traceback worked on: their tensors, and the expression that failed.

Problem: an error says sizes, and not whose. Method: each frame, from the one that failed outwards, is read once into
plain values: its local tensors as records, and the text that failed with the names in it resolved. Names, attributes
and items are looked up in dicts, lists and tuples alone: no property, no `__getattr__`, nothing of the user's runs.
Where Python tells the columns of the failing call (3.11 and later) that call is taken, else all calls of the line.

Nothing of a frame is kept. Reading the locals of a live function makes Python (up to 3.12) keep a dict of them on the
frame; it is emptied again, so that a tensor deleted later in that function is gone.

Cost: a few µs for each local, and one parse of the source file.
"""

from __future__ import annotations

import ast
import linecache
import sys
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.explain.closing import Closed, close, is_tensor, plain_value
from stridescope.explain.subjects import record_of
from stridescope.layout import Layout
from stridescope.readers import inspect
from stridescope.records import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, TracebackType

__all__ = ["Origin", "Seen", "Spot", "frames_of", "seen_objects", "spots", "users_first"]

MAX_FRAMES = 6
MAX_TENSORS = 128
MAX_ITEMS = 32
MAX_CHARS = 1 << 20
MAX_EXPRESSIONS = 12
LIBRARIES = frozenset({"torch", "numpy", "safetensors"})
"""Packages whose own lines say nothing of what the user wrote."""
_OPTIMIZED = 1
"""CO_OPTIMIZED: a function's locals, of which `f_locals` is a copy."""


class Seen(NamedTuple):
    """A tensor that a frame holds: what it is called there, and how it lies.

    Attributes:
        leaf: whether autograd accumulates into it; None of what is no torch tensor.
        base: whether it is a view of a leaf that requires grad.
    """

    name: str
    info: TensorInfo
    leaf: bool | None = None
    base: bool = False


class Origin(NamedTuple):
    """An assignment before the line that failed: a name, its line, the text assigned, and that closed, if it can be."""

    name: str
    line: int
    written: str
    closed: Closed | None


class Spot(NamedTuple):
    """One frame of a traceback, as plain values.

    Attributes:
        tensors: what its names hold.
        expressions: what may have failed, the likeliest first.
        inputs: for the first of them, the tensors it worked on, by their text.
        origins: earlier assignments of the same function, oldest first.
    """

    file: str
    line: int
    function: str
    tensors: tuple[Seen, ...] = ()
    expressions: tuple[Closed, ...] = ()
    inputs: tuple[Closed, ...] = ()
    origins: tuple[Origin, ...] = ()


def frames_of(trace: TracebackType | None) -> list[tuple[FrameType, int, int]]:
    """(frame, line, instruction) of a traceback: the user's own, the innermost first, then those of libraries."""
    found = []
    while trace is not None:
        found.append((trace.tb_frame, trace.tb_lineno or 0, trace.tb_lasti))
        trace = trace.tb_next
    return users_first(found[::-1])


def users_first(found: Sequence[tuple[FrameType, int, int]]) -> list[tuple[FrameType, int, int]]:
    """The same frames, those of libraries last."""
    return sorted(found, key=lambda each: _is_library(each[0]))[:MAX_FRAMES]


def _is_library(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in LIBRARIES


def spots(frames: Sequence[tuple[FrameType, int, int]]) -> Iterator[Spot]:
    """Each frame as plain values; a frame that cannot be read is left out."""
    for frame, line, instruction in frames:
        try:
            yield _spot(frame, line, instruction)
        except Exception:  # noqa: BLE001, PERF203, S112 - a frame of whatever kind must not spoil the others
            continue


def seen_objects(objects: Sequence[Any]) -> tuple[Seen, ...]:
    """Tensors that were handed over, under made-up names; records and layouts pass as they are."""
    found = []
    for number, value in enumerate(_flat(objects)):
        if is_tensor(value):
            found.append(_seen(f"tensor {number}", value))
        elif isinstance(value, TensorInfo | Layout):
            name = (value.name if isinstance(value, TensorInfo) else None) or f"tensor {number}"
            found.append(Seen(name, record_of(value, name, bare=True)))
    return tuple(each for each in found if each is not None)


def _flat(objects: Sequence[Any]) -> Iterator[Any]:
    for value in objects:
        if type(value) in (list, tuple):
            yield from _flat(value)
        elif type(value) is dict:
            yield from _flat(tuple(value.values()))
        else:
            yield value


def _seen(name: str, value: Any) -> Seen | None:
    try:
        info = inspect(value, name)
        if info.type.startswith("numpy"):
            return Seen(name, info)
        base = value._base  # noqa: SLF001 - torch has no public word for it
        return Seen(name, info, value.is_leaf, base is not None and base.is_leaf and base.requires_grad)
    except Exception:  # noqa: BLE001 - a tensor that cannot be read explains nothing
        return None


def _spot(frame: FrameType, line: int, instruction: int) -> Spot:
    code = frame.f_code
    names: dict[str, Any] = dict(frame.f_locals)
    try:
        tensors = tuple(_tensors(names))
        nodes, earlier = ([], []) if _is_library(frame) else _failed(frame, line, instruction)
        scopes = (names, frame.f_globals)
        expressions = [found for found in (close(node, scopes) for node in nodes) if found is not None]
        parts = list(_parts(nodes[0])) if nodes else []
        inputs = tuple(found for found in (close(part, scopes) for part in parts) if found is not None)
        bound = frozenset(name for name, _, _ in earlier)
        origins = tuple(Origin(name, at, ast.unparse(node), close(node, scopes, bound)) for name, at, node in earlier)
        return Spot(code.co_filename, line, code.co_name, tensors, tuple(expressions), inputs, origins)
    finally:
        names.clear()
        _forget_locals(frame)


def _forget_locals(frame: FrameType) -> None:
    """Empty the copy of a function's locals, unless somebody else holds it."""
    if sys.version_info >= (3, 13) or not frame.f_code.co_flags & _OPTIMIZED or sys.gettrace() is not None:
        return
    copy = frame.f_locals
    # One for the frame, one for `copy`, one for the call.
    if sys.getrefcount(copy) <= 3:
        copy.clear()


def _tensors(names: dict[str, Any]) -> Iterator[Seen]:
    found = 0
    for name, value in _named(names):
        if found == MAX_TENSORS:
            return
        if is_tensor(value):
            seen = _seen(name, value)
            if seen is not None:
                found += 1
                yield seen


def _named(names: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values, those in lists, tuples, dicts and modules under the text that reaches them."""
    for name, value in names.items():
        kind = type(value)
        if kind in (list, tuple):
            yield from ((f"{name}[{k}]", part) for k, part in enumerate(value[:MAX_ITEMS]))
        elif kind is dict:
            if not name.startswith("__"):
                yield from ((f"{name}[{key!r}]", part) for key, part in islice(value.items(), MAX_ITEMS))
        else:
            yield name, value
            yield from ((f"{name}.{key}", part) for key, part in _attributes(value))


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """The parameters and buffers of a module."""
    fields = plain_value(value, "__dict__")
    if not isinstance(fields, dict):
        return
    for table in ("_parameters", "_buffers"):
        held = fields.get(table)
        if isinstance(held, dict):
            yield from islice(held.items(), MAX_ITEMS)


# -------------------------------------------------------------------------------------------- the text that failed


_Earlier = list[tuple[str, int, ast.expr]]


def _failed(frame: FrameType, line: int, instruction: int) -> tuple[list[ast.AST], _Earlier]:
    """The nodes that may have failed, and the assignments before them in the same function."""
    text = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    if not text or len(text) > MAX_CHARS:
        return [], []
    body = _body_of(ast.parse(text), frame.f_code.co_name, line)
    statements = list(_simple_statements(body))
    here = [place for place, found in enumerate(statements) if found.lineno <= line <= (found.end_lineno or 0)]
    position = _position(frame, instruction)
    nodes: list[ast.AST] = []
    for place in here:
        exact = _exact(statements[place], position)
        if exact is not None:
            here, nodes = [place], [exact]
            break
    else:
        nodes = [node for place in here for node in ast.walk(statements[place]) if _may_fail(node)]
    nodes = [*(statements[place] for place in here if _writes(statements[place])), *nodes]
    earlier = [
        (found.targets[0].id, found.lineno, found.value)
        for found in statements[: here[0] if here else 0]
        if isinstance(found, ast.Assign) and len(found.targets) == 1 and isinstance(found.targets[0], ast.Name)
    ]
    return nodes[:MAX_EXPRESSIONS], earlier


def _may_fail(node: ast.AST) -> bool:
    return isinstance(node, ast.Call | ast.Subscript | ast.BinOp) and not isinstance(
        getattr(node, "ctx", None), ast.Store | ast.Del
    )


def _writes(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AugAssign) or (
        isinstance(statement, ast.Assign) and any(isinstance(target, ast.Subscript) for target in statement.targets)
    )


def _position(frame: FrameType, instruction: int) -> tuple[int | None, ...] | None:
    positions = getattr(frame.f_code, "co_positions", None)
    return None if positions is None or instruction < 0 else next(islice(positions(), instruction // 2, None), None)


def _exact(statement: ast.stmt, position: tuple[int | None, ...] | None) -> ast.AST | None:
    if position is None or None in position:
        return None
    line, end_line, column, end_column = position
    for node in ast.walk(statement):
        if _may_fail(node) and (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == (  # type: ignore[attr-defined]
            line,
            end_line,
            column,
            end_column,
        ):
            return node
    return None


def _body_of(tree: ast.Module, function: str, line: int) -> list[ast.stmt]:
    """The body of the innermost function of that name around a line; the module's own for code outside of any."""
    best = tree.body
    for node in ast.walk(tree):
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
        if inside and node.lineno <= line <= (node.end_lineno or 0):  # type: ignore[attr-defined]
            best = node.body  # type: ignore[attr-defined]
    return best


def _simple_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and of its blocks, in order, without those of functions and classes inside."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        blocks = [getattr(statement, name, None) for name in ("body", "orelse", "handlers", "finalbody", "cases")]
        if not any(blocks):
            yield statement
            continue
        head = _head(statement)
        if head is not None:
            yield head
        for block in blocks:
            for part in block or ():
                if isinstance(part, ast.stmt):
                    yield from _simple_statements([part])
                else:
                    yield from _simple_statements(part.body)


def _head(statement: ast.stmt) -> ast.stmt | None:
    """What a block's first line evaluates, as a statement of its own."""
    found = next((getattr(statement, name) for name in ("test", "iter", "subject") if hasattr(statement, name)), None)
    if found is None and isinstance(statement, ast.With | ast.AsyncWith):
        found = statement.items[0].context_expr
    return None if found is None else ast.copy_location(ast.Expr(found), found)


def _parts(node: ast.AST | None) -> Iterator[ast.expr]:
    """The receiver and the arguments of a call, the two sides of an operator, the parts of a write."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            yield node.func.value
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
    elif isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
    elif isinstance(node, ast.Subscript):
        yield node.value
    elif isinstance(node, ast.AugAssign):
        if isinstance(node.target, ast.Name):
            yield ast.Name(node.target.id, ast.Load())
        else:
            yield node.target
        yield node.value
    elif isinstance(node, ast.Assign):
        yield from (*node.targets, node.value)
