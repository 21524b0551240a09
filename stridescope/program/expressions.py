"""The value of an expression, on whichever engine.

Problem: `torch.cat([x[::2], *y.split(2)], dim=1)` is made of chains, operators, host values and calls, each of which
may be a step or a slip that must be told at its place. Method: one function for each kind of node of the checked tree.
A method, a function, an operator or an index of a tensor is a row of the op tables; its arguments are bound by the
row's signature, and the engine applies it. Nothing is ever looked up on a live object by a name from the program.

Cost: linear in the expression, and what the rows cost.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from stridescope.errors import InputError, TargetError
from stridescope.program import host, vocabulary
from stridescope.program.operators import MIRRORED, OPERATORS, operands
from stridescope.program.recorder import Recorder
from stridescope.program.signature import Mismatch, bind, shown
from stridescope.program.source import FUNCTIONAL, LIBRARIES, chain_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stridescope.program.ops import Engine, Op, Owner
    from stridescope.program.source import Excerpt, Link, Program

    T = TypeVar("T")

__all__ = ["Expressions"]

_PYTHON_WORDS: dict[type, str] = {list: "list", tuple: "tuple", str: "string", slice: "slice"}

_BY_VALUE = ("bool", "complex", "float", "int")
"""Python's functions that take the one value out of a tensor."""


class Expressions:
    """One program on one engine: the names it bound, the steps it made, and what its expressions are worth."""

    def __init__(self, program: Program, engine: Engine, names: dict[str, Any]) -> None:
        from stridescope.program.tables import CONSTANTS, OPS

        self.ops: Mapping[tuple[Owner, str], Op] = OPS
        self.constants: Mapping[str, Any] = CONSTANTS
        self.program = program
        self.engine = engine
        self.names = names
        self.steps = Recorder(engine, names)
        self.scales = host.Scales()

    def fail(self, message: str, node: ast.expr | ast.stmt | ast.keyword, name: str = "") -> NoReturn:
        """Raise the error about a node."""
        raise self.program.error(message, node, name)

    # ------------------------------------------------------------------------------------ expressions

    def value(self, node: ast.expr) -> Any:
        """A tensor of the engine, or a host value."""
        match node:
            case ast.Attribute() | ast.Call() | ast.Subscript():
                return self.chain(node)
            case ast.Name():
                return self.name(node)
            case ast.Constant():
                return node.value
            case ast.Tuple():
                items = tuple(self.spread(node.elts)[0])
                return self.guarded(node, lambda: self.scales.weighed(items))
            case ast.List():
                listed = self.spread(node.elts)[0]
                return self.guarded(node, lambda: self.scales.weighed(listed))
            case ast.Slice():
                bounds = node.lower, node.upper, node.step
                return slice(*(None if bound is None else self.value(bound) for bound in bounds))
            case ast.UnaryOp():
                return self.unary(node)
            case ast.BinOp():
                return self.operate(node, node.op, self.value(node.left), self.value(node.right))
            case ast.Compare():
                return self.operate(node, node.ops[0], self.value(node.left), self.value(node.comparators[0]))
        raise AssertionError(node)

    def spread(self, nodes: list[ast.expr]) -> tuple[list[Any], list[ast.expr]]:
        """The values of arguments or items, stars unpacked, and the node that each one came from."""
        values: list[Any] = []
        places: list[ast.expr] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                values.append(self.value(node))
                places.append(node)
                continue
            items = self.starred(node)
            values += items
            places += [node] * len(items)
        return values, places

    def starred(self, node: ast.Starred) -> Any:
        """What a star stands for."""
        value = self.value(node.value)
        if self.engine.is_tensor(value):
            self.fail("a star unpacks no tensor; write .unbind() after it to get its parts", node)
        # Weighed as something new: a star copies, and a program could do nothing else all day.
        return self.guarded(node, lambda: self.scales.weighed(list(host.unpacked(value, self.shown))))

    def name(self, node: ast.Name) -> Any:
        """What a name is bound to."""
        if node.id in self.names:
            return self.names[node.id]
        if node.id in host.TYPES:
            return host.TYPES[node.id]
        if node.id in LIBRARIES:
            self.fail(f"'{node.id}' alone is the library; go on with an op, such as {node.id}.arange(12)", node)
        if node.id in host.FUNCTIONS:
            self.fail(f"'{node.id}' is a function; call it, as in {node.id}(...)", node)
        raise self.program.error(
            vocabulary.unknown_name(node.id, list(self.names), [*LIBRARIES, *host.FUNCTIONS], self.ops), node
        )

    def unary(self, node: ast.UnaryOp) -> Any:
        """A minus sign, a plus sign, ~ or not."""
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            if self.engine.is_tensor(value):
                self.fail("'not' asks for one truth value; write ~ for the tensor of them", node)
            return not value
        word, sign = OPERATORS[type(node.op)]
        if self.engine.is_tensor(value):
            return self.apply(self.row(value, f"__{word}__", sign, node), [value], node)
        return self.guarded(node, lambda: host.operate(word, sign, value, told=self.shown))

    def operate(self, node: ast.expr | ast.stmt, kind: ast.AST, left: Any, right: Any) -> Any:
        """An operator on two values, of which either may be a tensor."""
        word, sign = OPERATORS[type(kind)]
        if self.engine.is_tensor(left):
            return self.apply(self.row(left, f"__{word}__", sign, node), [left, right], node)
        if self.engine.is_tensor(right):
            name = f"__{MIRRORED[word]}__" if word in MIRRORED else f"__r{word}__"
            return self.apply(self.row(right, name, sign, node), [right, left], node)
        return self.guarded(node, lambda: self.scales.weighed(host.operate(word, sign, left, right, self.shown)))

    def chain(self, node: ast.expr) -> Any:
        """A root and its links, first to last."""
        root, links = chain_of(node)
        free = isinstance(root, ast.Name) and root.id not in self.names
        value, done = None, 0
        if free and isinstance(root, ast.Name) and root.id in (*LIBRARIES, FUNCTIONAL):
            value, done = self.library(root, links)
        elif free and isinstance(root, ast.Name) and root.id in host.FUNCTIONS and links[0].kind == "call":
            value, done = self.python(root, links[0]), 1
        else:
            value = self.value(root)
        # Each step is written as its own links alone; only the first one carries the name it starts from.
        after = links[done - 1].node if done else None if isinstance(root, ast.Name) else root
        while done < len(links):
            value, used = self.link(value, links, done, after)
            done += used
            after = links[done - 1].node
        return value

    def link(self, value: Any, links: list[Link], at: int, after: ast.expr | None) -> tuple[Any, int]:
        """What a value becomes through its next link, and how many links that took."""
        node = links[at].node
        if isinstance(node, ast.Subscript):
            return self.item(value, self.value(node.slice), node, after), 1
        if isinstance(node, ast.Call):
            self.fail(f"{self.shown(value)} cannot be called; only functions and methods can", node)
        if not self.engine.is_tensor(value):
            self.fail(f"{self.shown(value)} is no tensor, so it has no .{node.attr}", node, node.attr)
        owner = self.engine.owner(value)
        op = self.ops.get((owner, node.attr))
        if op is None:
            self.fail(vocabulary.unknown_method(owner, node.attr, self.ops), node, node.attr)
        call = links[at + 1].node if at + 1 < len(links) else None
        if op.attribute:
            if isinstance(call, ast.Call):
                self.fail(f".{op.name} is an attribute; write it without ()", node, node.attr)
            return self.apply(op, [value], node, self.program.excerpt(node, after)), 1
        if not isinstance(call, ast.Call):
            self.fail(f".{op.name} is a method; call it, as in .{op.name}(...)", node, node.attr)
        return self.call(op, [value], call, self.program.excerpt(call, after)), 2

    def library(self, root: ast.Name, links: list[Link]) -> tuple[Any, int]:
        """A function or constant of torch or numpy by its dotted name, and how many links that took."""
        owner: Owner = "torch" if LIBRARIES.get(root.id, "torch") == "torch" else "np"
        functional = root.id == FUNCTIONAL
        library = "torch" if functional else root.id
        path, last = "nn.functional" if functional else "", links[0].node
        for done, link in enumerate(links, 1):
            if not isinstance(link.node, ast.Attribute):
                break
            path, last = f"{path}.{link.node.attr}".lstrip("."), link.node
            op = self.ops.get((owner, path))
            call = links[done].node if done < len(links) else None
            if op is not None and isinstance(call, ast.Call):
                return self.call(op, [], call, self.program.excerpt(call)), done + 1
            if f"{owner}.{path}" in self.constants:
                return self.constants[f"{owner}.{path}"], done
            if op is not None:
                self.fail(f"{library}.{path} is a function; call it, as in {library}.{path}(...)", last)
        if not isinstance(links[0].node, ast.Attribute):
            self.fail(f"'{root.id}' alone is the library; go on with an op, such as {library}.arange(12)", root)
        raise self.program.error(vocabulary.unknown_function(library, owner, path, self.ops), last, path.split(".")[-1])

    def python(self, root: ast.Name, link: Link) -> Any:
        """One of Python's own functions."""
        call = link.node
        assert isinstance(call, ast.Call)
        if call.keywords:
            self.fail(f"{root.id}() takes no keywords here", call)
        args = self.spread(call.args)[0]
        if len(args) == 1 and self.engine.is_tensor(args[0]) and root.id != "print":
            return self.python_of_tensor(root.id, args[0], call)
        if any(map(self.engine.is_tensor, args)) and root.id != "print":
            self.fail(f"{root.id}() of tensors asks for their values; {vocabulary.FOLLOWED}", call)
        return self.guarded(call, lambda: self.scales.weighed(host.call(root.id, args, self.shown)))

    def python_of_tensor(self, name: str, tensor: Any, call: ast.Call) -> Any:
        """len(x), float(x), abs(x): what of Python's functions has an answer for one tensor."""
        if name == "len":
            shape = self.engine.info(tensor).shape
            return shape[0] if shape else self.fail("a 0-dim tensor has no len()", call)
        op = self.ops.get((self.engine.owner(tensor), {"abs": "abs"}.get(name, "item")))
        if op is None or name not in (*_BY_VALUE, "abs"):
            self.fail(f"{name}() of a tensor asks for its values; {vocabulary.FOLLOWED}", call)
        value = self.apply(op, [tensor], call)
        return value if name == "abs" else self.guarded(call, lambda: host.call(name, [value]))

    def item(self, value: Any, index: Any, node: ast.Subscript, after: ast.expr | None = None) -> Any:
        """What stands at an index of a tensor or of a host value."""
        source = self.program.excerpt(node, after)
        if self.engine.is_tensor(value):
            return self.apply(self.row(value, "__getitem__", "an index", node), [value, index], node, source)
        if any(map(self.engine.is_tensor, index if isinstance(index, tuple) else (index,))):
            self.fail(f"{self.shown(value)} is not indexed by a tensor", node)
        picked = self.guarded(node, lambda: host.pick(value, index, self.shown))
        if self.engine.is_tensor(picked):
            self.steps.gave(source, "getitem", picked)
        return picked

    # ------------------------------------------------------------------------------------------- rows

    def row(self, tensor: Any, name: str, written: str, node: ast.expr | ast.stmt) -> Op:
        """The row of an operator or an index."""
        owner = self.engine.owner(tensor)
        op = self.ops.get((owner, name))
        if op is None:
            self.fail(f"{written} on a tensor computes values; {vocabulary.FOLLOWED}", node)
        return op

    def call(self, op: Op, receiver: list[Any], call: ast.Call, source: Excerpt) -> Any:
        """A row called with arguments as they are written."""
        args, places = self.spread(call.args)
        kwargs = {keyword.arg: self.value(keyword.value) for keyword in call.keywords if keyword.arg is not None}
        try:
            overload, bound = bind(op, args, kwargs, self.engine.is_tensor)
        except Mismatch as mismatch:
            at_fault: dict[int | str | None, ast.expr | ast.keyword] = dict(enumerate(places))
            at_fault.update((keyword.arg, keyword) for keyword in call.keywords)
            self.fail(mismatch.message, at_fault.get(mismatch.where, call))
        return self.record(op, overload, (*receiver, *bound), call, source)

    def apply(self, op: Op, values: list[Any], node: ast.expr | ast.stmt, source: Excerpt | None = None) -> Any:
        """An attribute, an operator or an index: the first of `values` is the receiver."""
        try:
            overload, bound = bind(op, values[1:], {}, self.engine.is_tensor)
        except Mismatch as mismatch:
            kinds = [_in_a_word(value, self.engine) for value in values]
            self.fail(operands(op.name, self.engine.owner(values[0]), kinds) or mismatch.message, node)
        return self.record(op, overload, (values[0], *bound), node, source or self.program.excerpt(node))

    def record(self, op: Op, overload: int, bound: tuple[Any, ...], node: ast.expr | ast.stmt, source: Excerpt) -> Any:
        """Have the row applied, its step kept."""
        try:
            value = self.steps.apply(op, overload, bound, source)
            return self.guarded(node, lambda: self.scales.weighed(value)) if op.family == "host" else value
        except TargetError:
            raise
        except InputError as error:
            # An engine knows what is wrong, and not where.
            raise self.program.error(str(error), node) from None

    # ------------------------------------------------------------------------------------------- words

    def guarded(self, node: ast.expr | ast.stmt, compute: Callable[[], T]) -> T:
        """Host work, its errors given a place."""
        try:
            return compute()
        except host.HostError as error:
            self.fail(str(error), node)

    def shown(self, value: Any) -> str:
        """A value in an error message."""
        first = next(iter(self.steps.tensors_of(value)), None)
        array = first is not None and self.engine.owner(first) == "ndarray"
        return shown(value, self.engine.is_tensor, word="array" if array else "tensor")


def _in_a_word(value: Any, engine: Engine) -> str:
    """What a value is, in a word or two: "a tensor", "a list"."""
    if engine.is_tensor(value):
        return "a tensor" if engine.owner(value) == "tensor" else "an array"
    return "None" if value is None else f"a {_PYTHON_WORDS.get(type(value), 'value')}"
