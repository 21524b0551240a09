"""What may come next in a program, and what each of it would do here.

Problem: nobody knows the names of four hundred ops, nor, of those that fit, which are views of this very tensor, which
copy it and which are refused. Method: the expression before the dot is run on the algebra; of the names that match what
is typed, the few that are shown are tried on its result, with arguments that fit its shape, and what the engine answers
is told. Outside of a chain: names, keywords of the call that is open, element types. Cost: one run of what is before
the cursor, and for each item shown one op on a layout, whatever numel is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from stridescope.errors import StridescopeError
from stridescope.layout.dtypes import DType
from stridescope.program import host
from stridescope.program.cursor import Call, Cursor, cursor_at
from stridescope.program.interpret import interpret, receiver_of
from stridescope.program.ranking import COMMON, offered, ranked
from stridescope.program.samples import sample
from stridescope.program.signature import REQUIRED, parameters
from stridescope.program.source import FUNCTIONAL, LIBRARIES
from stridescope.program.storage import Storage
from stridescope.program.tables import CONSTANTS, table
from stridescope.program.usage import usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stridescope.program.algebra import AlgebraEngine
    from stridescope.program.ops import Op, Owner
    from stridescope.program.typed import Session, Typed
    from stridescope.records import Effect, Step, TensorInfo

__all__ = ["Completions", "Item", "complete"]

Choices = dict[str, Callable[[], "Item"]]
"""Name -> what makes its item; called for the few that are shown."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that may come next.

    Attributes:
        name: "view".
        insert: what to write in the place of the word: "view(", "t()", "T".
        signature: how it is written: "view(*size)", "arange(start=0, end, step=1)"; "" for what is no op.
        effect: what `sample` does here; None where it was not tried, or makes no step.
        note: of a refusal, why; else what comes of `sample`: a layout, bytes copied, a value.
        sample: the call that was tried: "view(4, 3)"; "" where none was.
    """

    name: str
    insert: str
    signature: str = ""
    effect: Effect | None = None
    note: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Completions:
    """What may stand at the cursor.

    Attributes:
        start, end: the columns of the cursor's line that an item's `insert` takes the place of.
        items: the best first.
        signature: of the call whose bracket is open, or "".
        active: (start, end) in `signature` of the parameter that the cursor is at, where one is.
    """

    start: int
    end: int
    items: tuple[Item, ...] = ()
    signature: str = ""
    active: tuple[int, int] | None = None


def complete(text: str, line: int, column: int, typed: Typed, limit: int = 12) -> Completions:
    """What may come next at a cursor; raises nothing.

    Args:
        line, column: of the cursor in `text`, from 0, in characters.
        typed: what the text came to; its session says which names there are.
        limit: how many items are given; only those are tried.

    >>> from stridescope.program.typed import typed
    >>> text = "torch.arange(12).view(3, 4).t().vie"
    >>> found = complete(text, 0, len(text), typed(text), limit=2)
    >>> [(item.insert, item.sample, item.effect) for item in found.items]
    [('view(', 'view(3, 4)', 'refused'), ('view_as(', '', None)]
    """
    cursor = cursor_at(text, line, column)
    if cursor is None or typed.session is None:
        return Completions(column, column)
    desk = _Desk(typed.session, cursor)
    return Completions(cursor.start, cursor.end, tuple(desk.items(limit)), *desk.signature())


class _Desk:
    """What is known at one cursor."""

    def __init__(self, session: Session, cursor: Cursor) -> None:
        self.session = session
        self.cursor = cursor
        self.engine, self.names = self._before()

    def _before(self) -> tuple[AlgebraEngine, dict[str, Any]]:
        """The names after the statements before the cursor's, as far as those could be run."""
        engine, names = self.session.fresh()
        if self.cursor.before:
            _quietly(lambda: interpret(self.cursor.before, engine, names, self.session.chain_of))
        return engine, names

    def value(self, base: str) -> Any:
        """What an expression comes to; None where it cannot be run."""
        goes_on = receiver_of(base, self.names, self.session.chain_of) if base else self.session.chain_of or ""
        if goes_on and not base:
            return self.names.get(goes_on)
        written = f"{goes_on}{'' if base[:1] in ('.', '[') or not goes_on else '.'}{base}"
        if written in self.names:
            return self.names[written]
        name = _unused(self.names)
        names = dict(self.names)
        _quietly(lambda: interpret(f"{name} = ({written}\n)", self.engine, names))
        return names.get(name)

    # ---------------------------------------------------------------------------------------- items

    def items(self, limit: int) -> list[Item]:
        """The best items for the cursor."""
        base = self.cursor.base
        if base is not None:
            path = _library_path(base, self.names)
            if path is None:
                return self._shown(*self._methods(self.value(base)), limit)
            return self._shown(*self._library(*path), limit)
        if not self.cursor.begins:
            return []
        choices = self._words()
        items = self._shown(choices, {name: rank for rank, name in enumerate(choices)}, limit)
        if self.cursor.opens and self.session.chain_of is not None:
            items += self._shown(*self._methods(self.value("")), limit - len(items))
        return items

    def _shown(self, choices: Choices, common: Mapping[str, int], limit: int) -> list[Item]:
        """The items of the choices that match the word best."""
        return [choices[name]() for name in ranked(self.cursor.word, list(choices), common)[: max(limit, 0)]]

    def _words(self) -> Choices:
        """What an expression may begin with, and the keywords of the call around it."""
        call = self.cursor.call
        choices: Choices = {}
        if call is not None and not call.arguments[-1].removesuffix(self.cursor.word).strip():
            choices |= {f"{name}=": partial(Item, f"{name}=", f"{name}=", kind) for name, kind in self._keywords(call)}
        choices |= {name: partial(self._named, name, value) for name, value in self.names.items()}
        if self.cursor.word or call is None:
            choices |= {name: partial(Item, name, f"{name}.", note="the library") for name in ("torch", "np")}
        if word := self.cursor.word:
            choices |= {name: partial(Item, name, f"{name}(") for name in host.FUNCTIONS if name.startswith(word)}
        return choices

    def _named(self, name: str, value: Any) -> Item:
        if not self.engine.is_tensor(value):
            return Item(name, name)
        return Item(name, name, note=_lies(self.engine.info(value)))

    def _methods(self, value: Any) -> tuple[Choices, Mapping[str, int]]:
        """The methods and attributes of a tensor, and which come first."""
        if not self.engine.is_tensor(value):
            return {}, {}
        owner = self.engine.owner(value)
        ops = table(owner)
        own = next((name for name, other in self.names.items() if other is value), "")
        names = offered(ops, self.cursor.word)
        return {name: partial(self._tried, ops[name], value, own) for name in names}, COMMON[owner]

    def _tried(self, op: Op, value: Any, own: str) -> Item:
        """A method, with what it does to a tensor."""
        call = sample(op, self.engine.info(value), own)
        item = Item(op.name, op.name if op.attribute else f"{op.name}({')' * _takes_nothing(op)}", usage(op).text)
        if call is None:
            return item
        name = own or _unused(self.names)
        if op.family == "write" or op.name.endswith("_"):
            # What it changes is thrown away.
            value = replace(value, storage=Storage(value.storage.nbytes, value.device, value.storage.dtype))
        return self._ran(item, call, f"{name}.{call}", {name: value})

    def _library(self, library: str, owner: Owner, path: str) -> tuple[Choices, Mapping[str, int]]:
        """The functions, modules and constants under torch or numpy; after a keyword, the constants it takes alone."""
        wanted = _TAKEN_BY_KEYWORD.get(self.cursor.keyword)
        choices: Choices = {}
        common = dict(COMMON[owner])
        if wanted is None:
            prefix, ops = f"{path}.".lstrip("."), table(owner)
            tensor = next((name for name, value in reversed(self.names.items()) if self._is_of(value, owner)), "")
            for name in ops:
                if name.startswith(prefix) and not name.startswith("__"):
                    head, dot, _ = name.removeprefix(prefix).partition(".")
                    function = partial(self._function, library, head, ops[name], tensor)
                    choices[head] = partial(Item, head, f"{head}.", note="a module") if dot else function
        if not path:
            for name, value in CONSTANTS.items():
                of, _, head = name.partition(".")
                if of == owner and (wanted is None or wanted(value)):
                    choices[head] = partial(_constant, head, value)
                    common.setdefault(head, _LAST)
        return choices, common

    def _is_of(self, value: Any, owner: Owner) -> bool:
        return self.engine.is_tensor(value) and self.engine.owner(value) == _METHODS[owner]

    def _function(self, library: str, name: str, op: Op, tensor: str) -> Item:
        """A function, with what it does to a tensor of the program, or what it makes."""
        info = self.engine.info(self.names[tensor]) if tensor else None
        call = sample(op, info, tensor)
        item = Item(name, f"{name}(", usage(op).text)
        if call is None:
            return item
        names = {tensor: self.names[tensor]} if tensor else {}
        return self._ran(replace(item, name=name), call, f"{library}.{call}", names)

    def _ran(self, item: Item, call: str, source: str, names: Mapping[str, Any]) -> Item:
        """An item with what a call of it comes to."""
        try:
            history = interpret(source, self.engine, dict(names))
        except StridescopeError as error:
            return replace(item, note=_sentence(str(error)))
        made = [step for step in history.steps if step.op != "name"]
        if not made:
            return replace(item, note=" ".join(str(value) for _, value in history.answers)[:40], sample=call)
        return replace(item, effect=made[-1].effect, note=_note(made[-1]), sample=call)

    # -------------------------------------------------------------------------------------- signature

    def _called(self, call: Call) -> Op | None:
        """The op whose bracket is open."""
        if call.base is None:
            # A text that goes on from a tensor may start with the method alone.
            value = self.value("") if self.session.chain_of is not None and call.name not in host.FUNCTIONS else None
            owner = self.engine.owner(value) if self.engine.is_tensor(value) else None
            return None if owner is None else table(owner).get(call.name)
        path = _library_path(call.base, self.names)
        if path is not None:
            _, of, inside = path
            return table(of).get(f"{inside}.{call.name}".lstrip("."))
        value = self.value(call.base)
        return table(self.engine.owner(value)).get(call.name) if self.engine.is_tensor(value) else None

    def _keywords(self, call: Call) -> list[tuple[str, str]]:
        """The parameters of a call that are not given yet, and each with its default."""
        op = self._called(call)
        if op is None or op.attribute:
            return []
        given = {match[1] for text in call.arguments[:-1] if (match := re.match(r"\s*(\w+)\s*=(?!=)", text))}
        placed = sum("=" not in text for text in call.arguments[:-1])
        answer: dict[str, str] = {}
        for signature in op.signatures:
            for number, parameter in enumerate(parameters(signature)):
                late = parameter.keyword_only or number >= placed
                if late and not parameter.star and parameter.name not in given:
                    default = "" if parameter.default is REQUIRED else repr(parameter.default)
                    answer.setdefault(parameter.name, f"{parameter.name}={default}")
        return list(answer.items())

    def signature(self) -> tuple[str, tuple[int, int] | None]:
        """How the op whose bracket is open is written, and which part of that the cursor is at."""
        call = self.cursor.call
        op = None if call is None else self._called(call)
        if call is None or op is None or op.attribute:
            return "", None
        keyword = call.keyword or ""
        whole = usage(op, keyword=keyword)
        found = [(k, name) for k, each in enumerate(op.signatures) if (name := _active(each, call)) is not None]
        fitting = [(k, name) for k, name in found if _fits(op.signatures[k], call)]
        # What the way that stands for all cannot show belongs to an overload of its own.
        ways = [(whole, name) for _, name in fitting]
        ways += [(usage(op, k, keyword), name) for k, name in fitting]
        ways += [(whole, name) for _, name in found]
        places = ((way.text, place) for way, name in ways if (place := way.place(name)) is not None)
        return next(places, (whole.text, None))


def _fits(signature: str, call: Call) -> bool:
    """Whether the arguments, as far as their texts tell, may be those of an overload."""
    expected = parameters(signature)
    for number, text in enumerate(map(str.strip, call.arguments)):
        parameter = expected[min(number, len(expected) - 1)] if expected else None
        dtype = isinstance(CONSTANTS.get(text.replace("numpy.", "np.")), DType)
        if parameter is None or (parameter.kind == "dtype" and _NUMBER.match(text)):
            return False
        listed = parameter.star or parameter.several or parameter.kind in ("shape", "any", "tensors")
        if (dtype and parameter.kind not in ("dtype", "any")) or (text[:1] in ("(", "[") and not listed):
            return False
        if parameter.several and _NUMBER.match(text):
            return False
    return True


def _active(signature: str, call: Call) -> str | None:
    """The parameter of one overload that the last argument is for."""
    expected = parameters(signature)
    if call.keyword:
        return call.keyword if any(parameter.name == call.keyword for parameter in expected) else None
    number = len(call.arguments) - 1
    for place, parameter in enumerate(expected):
        # A star takes all the rest; what goes by keyword alone takes nothing by position.
        if parameter.keyword_only or parameter.star or place == number:
            return None if parameter.keyword_only else parameter.name
    return None


_NUMBER = re.compile(r"-?\d")

_LAST = 1_000
"""The rank of what comes after all else that matches alike."""

_METHODS: dict[Owner, Owner] = {"torch": "tensor", "np": "ndarray"}
_TAKEN_BY_KEYWORD: dict[str, Callable[[Any], bool]] = {
    "dtype": lambda value: isinstance(value, DType),
    "memory_format": lambda value: isinstance(value, str) and value != "strided",
    "layout": lambda value: value == "strided",
}
"""Keyword -> which constants of a library it takes."""


def _library_path(base: str, names: Mapping[str, Any]) -> tuple[str, Owner, str] | None:
    """What is written of a library, whose table it is, and the path inside; None for what is no library.

    >>> _library_path("torch.nn.functional", {})
    ('torch', 'torch', 'nn.functional')
    """
    root, _, path = base.partition(".")
    if root in names or not re.fullmatch(r"\w+(?:\.\w+)*", base):
        return None
    if root == FUNCTIONAL:
        return "torch", "torch", f"nn.functional.{path}".rstrip(".")
    owner: Owner = "torch" if LIBRARIES.get(root) == "torch" else "np"
    if root not in LIBRARIES:
        return None
    inside = f"{path}."
    known = not path or any(name.startswith(inside) for name in table(owner))
    return (root, owner, path) if known else None


def _constant(name: str, value: Any) -> Item:
    if isinstance(value, DType):
        return Item(name, name, note=f"{value.itemsize} B")
    return Item(name, name, note="" if value is None or value == name else f"{value:.6g}")


def _takes_nothing(op: Op) -> bool:
    return all(not parameters(signature) for signature in op.signatures)


def _unused(names: Mapping[str, Any]) -> str:
    """A name that the program does not use."""
    name = "it"
    while name in names:
        name += "t"
    return name


def _quietly(run: Callable[[], object]) -> None:
    try:
        run()
    except StridescopeError:
        return


def _note(step: Step) -> str:
    """What a step came to, in a few words."""
    if step.reason is not None:
        return _sentence(step.reason.message)
    infos = step.tensors if step.tensor is None else (step.tensor,)
    if not infos:
        return "no tensors"
    several = f"{len(infos)} tensors, first " if step.tensor is None else ""
    if step.effect == "write" and step.write is not None:
        return f"writes {step.write.numel:,} element{'s' * (step.write.numel != 1)}"
    copied = f", copies {step.copied_nbytes:,} B" if step.copied_nbytes else ""
    return f"{several}{_lies(infos[0])}{copied}"


def _lies(info: TensorInfo) -> str:
    return str(info.shape) if info.layout is None else str(info.layout)


def _sentence(text: str) -> str:
    """The first sentence of a message."""
    return re.split(r"(?<=[^.])[.;] |\n", text)[0]
