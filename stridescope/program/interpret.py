"""A checked program to a history, on whichever engine.

Problem: the algebra and real torch must run one program alike, and every op of it must become a step that
says what it did to memory. Method: the statements in order. An expression becomes a value and steps
(`stridescope.program.expressions`); an assignment names what was made, an in-place one is a row of the op
tables too, and an expression that stands alone is a question if it gives no tensor.

Cost: linear in the program; there are no loops in it, so 1,000 ops at most are applied.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from stridescope.errors import ProgramError
from stridescope.program import host
from stridescope.program.expressions import Expressions
from stridescope.program.grammar import unstarred
from stridescope.program.operators import IN_PLACE, OPERATORS
from stridescope.program.recorder import RefusedError
from stridescope.program.signature import shown
from stridescope.program.source import LIBRARIES, Excerpt, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeGuard

    from stridescope.program.ops import Engine
    from stridescope.records import History

__all__ = ["interpret", "receiver_of"]

_EXAMPLE = "start from an op that gives one, such as torch.arange(12).view(3, 4)"

_METHOD_CALL = re.compile(r"\(\s*(?:\)|-?\d|\w+\s*=[^=])")


def interpret(source: str, engine: Engine, names: dict[str, Any] | None = None, chain_of: str | None = None) -> History:
    """Run a program on an engine.

    Args:
        source: the program's text.
        engine: runs the ops; its tensors are the values of names.
        names: variables that are bound before the program starts; tensors must be the engine's. What the
            program binds is added to it, so that another text may go on from there.
        chain_of: one of `names`; a text such as "t()[1:]" or ".t()[1:]" then goes on from it. Without
            it, a text that starts with "." or "[" goes on from "x" where there is one.

    Returns:
        One step for every op that gave, changed or was refused a tensor. A refused step is the last. What
        the program asks, statements such as `x.stride()` that are no tensors, are its answers.

    Raises:
        ProgramError: the program is not understood, or gives no tensor; its `history` holds what was
            valid before that place, None where nothing was run.
    """
    names = {} if names is None else names
    run = _Run(parse(source, receiver_of(source, names, chain_of)), engine, names)
    try:
        run.all()
    except ProgramError as error:
        error.history = run.history()
        raise
    return run.history()


def receiver_of(source: str, names: Mapping[str, Any], goes_on: str | None) -> str:
    """The name that the text goes on from, or "" where it is a program of its own."""
    text = str(source).lstrip()
    if text.startswith((".", "[")):
        return goes_on or ("x" if "x" in names else "")
    size = next((k for k, char in enumerate(text) if not (char == "_" or char.isalnum())), len(text))
    word, rest = text[:size], text[size:].lstrip()
    # Some names are a function of Python's and a method: "float()" goes on, "max(x.shape)" does not.
    function = word in host.FUNCTIONS and _METHOD_CALL.match(rest) is None
    known = word in names or word in LIBRARIES or function or word in ("import", "from")
    binds = rest.startswith(",") or (rest.startswith("=") and not rest.startswith("=="))
    return "" if not goes_on or known or binds or not word.isidentifier() else goes_on


class _Run(Expressions):
    """One walk over one program."""

    def history(self) -> History:
        """What happened so far."""
        statements = self.program.statements
        plain = len(statements) == 1 and isinstance(statements[0], ast.Expr)
        return self.steps.history(self.program.told, self.program.source, plain=plain)

    def all(self) -> None:
        """Every statement, until an op is refused."""
        value, understood = None, True
        try:
            for statement in self.program.statements:
                self.steps.fresh = None
                value = self.statement(statement)
                understood = not isinstance(statement, ast.Expr) or self.asked(statement.value, value)
        except RefusedError:
            return
        last = self.program.statements[-1]
        if isinstance(last, ast.Expr) and self.steps.tensors_of(value):
            self.at_the_end(last.value, value)
        elif not understood:
            self.fail(f"{shown(self.program.text(last))[1:-1]} is no tensor; {_EXAMPLE}", last)
        elif not self.steps.steps:
            self.given(last)

    def asked(self, node: ast.expr, value: Any) -> bool:
        """Keep what an expression that stands alone answers; False where it is neither a tensor nor a question."""
        printed = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        parts = node.args if isinstance(node, ast.Call) and printed else [node]
        # A star leaves no text for each of the values.
        pairs = zip(parts, value if len(parts) > 1 else (value,), strict=False)
        if any(isinstance(part, ast.Starred) for part in parts):
            pairs = zip([node], [value], strict=True)
        understood = True
        for part, answer in pairs:
            if answer is None or self.steps.tensors_of(answer):
                continue
            if isinstance(part, ast.Constant) or isinstance(answer, type):
                # A label beside what is printed is no answer, and no slip.
                understood = len(parts) > 1
            elif host.is_value(answer):
                self.steps.answers.append((self.program.text(part), answer))
        return understood

    def at_the_end(self, node: ast.expr, value: Any) -> None:
        """A name that ends the program is what it is about, also where a later step made another tensor."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            node = node.args[0]
        named = isinstance(node, ast.Name) and value is not self.steps.latest
        if named or not self.steps.steps:
            excerpt = self.program.excerpt(node)
            self.steps.gave(excerpt._replace(text=excerpt.text or self.program.receiver), "name", value)

    def given(self, last: ast.stmt) -> None:
        """A program that made nothing: it may have asked about a tensor that it was given."""
        words = (node.id for statement in self.program.statements for node in ast.walk(statement) if _is_name(node))
        given = next((word for word in words if self.engine.is_tensor(self.names.get(word))), None)
        if given is None:
            told = "".join(f"{shown(text)[1:-1]} is {self.shown(it)}, and " for text, it in self.steps.answers[-1:])
            self.fail(f"{told}the program makes no tensor; {_EXAMPLE}", last)
        self.steps.gave(Excerpt(given, None), "name", self.names[given])

    def statement(self, node: ast.stmt) -> Any:
        if isinstance(node, ast.Expr):
            return self.value(node.value)
        if isinstance(node, ast.AugAssign):
            return self.augment(node)
        assert isinstance(node, ast.Assign)
        value = self.value(node.value)
        for target in node.targets:
            self.assign(node, target, value)
        return value

    def assign(self, node: ast.Assign, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
            self.steps.label([target.id], value)
        elif isinstance(target, ast.Subscript):
            self.set_item(target, self.value(target.value), self.value(target.slice), value, self.program.excerpt(node))
        else:
            assert isinstance(target, ast.Tuple | ast.List)
            if self.engine.is_tensor(value):
                self.fail("a tensor is not unpacked; write .unbind() after it to get its parts", node.value)
            self.unpack(node, target, value)

    def unpack(self, node: ast.Assign, target: ast.Tuple | ast.List, value: Any) -> None:
        count = len(target.elts)
        star = next((k for k, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
        fits = isinstance(value, tuple | list) and (len(value) == count if star is None else len(value) >= count - 1)
        if not fits:
            got = f"{len(value)} values" if isinstance(value, tuple | list) else self.shown(value)
            self.fail(f"{got} cannot be unpacked into {count} names", target)
        items = list(value)
        labels: list[str | None] = [part.id if isinstance(part, ast.Name) else None for part in target.elts]
        if star is not None:
            taken = len(value) - count + 1
            rest = self.guarded(target, lambda: self.scales.weighed(items[star : star + taken]))
            items[star : star + taken] = [rest]
            starred = unstarred(target.elts)[star]
            word = starred.id if isinstance(starred, ast.Name) else None
            labels[star : star + 1] = [None if word is None else f"{word}[{k}]" for k in range(taken)]
        self.steps.label(labels, value)
        for part, item in zip(unstarred(target.elts), items, strict=True):
            self.assign(node, part, item)

    def set_item(self, target: ast.Subscript, receiver: Any, index: Any, value: Any, source: Excerpt) -> None:
        if not self.engine.is_tensor(receiver):
            self.fail(f"{self.shown(receiver)} cannot be written to; only a tensor can", target.value)
        self.apply(
            self.row(receiver, "__setitem__", "an assignment to an index", target),
            [receiver, index, value],
            target,
            source,
        )

    def augment(self, node: ast.AugAssign) -> Any:
        source = self.program.excerpt(node)
        if isinstance(node.target, ast.Name):
            value = self.in_place(node, self.name(node.target), source)
            self.names[node.target.id] = value
            self.steps.label([node.target.id], value)
            return value
        assert isinstance(node.target, ast.Subscript)
        receiver, index = self.value(node.target.value), self.value(node.target.slice)
        before = node.target.value
        old = self.item(receiver, index, node.target, None if isinstance(before, ast.Name) else before)
        is_view = self.engine.is_tensor(old) and self.steps.steps[-1].effect in ("view", "same")
        new = self.in_place(node, old, source)
        if not is_view:
            # The index copied, so what was changed is a copy; Python writes it back, and so does this.
            self.set_item(node.target, receiver, index, new, source)
        return new

    def in_place(self, node: ast.AugAssign, old: Any, source: Excerpt) -> Any:
        other = self.value(node.value)
        if not self.engine.is_tensor(old):
            return self.operate(node, node.op, old, other)
        word, sign = OPERATORS[type(node.op)]
        name = f"__i{word}__" if (self.engine.owner(old), f"__i{word}__") in self.ops else IN_PLACE.get(word, "")
        return self.apply(self.row(old, name, f"{sign}=", node), [old, other], node, source)


def _is_name(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name)
