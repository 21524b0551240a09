"""The steps of a program as they happen: an op is applied, its step is kept.

Problem: a step must show the tensor before and after under the names the program gave it, and the values
as they were at that moment, while names come and go. Method: every op passes through `Recorder.apply`,
which describes the tensors before, has the engine apply the row, and keeps what it answered. An assignment
comes after its step, so it labels the step that is still fresh; and what names stand for is looked at before the
next op, when it is compared with what was last known of each.

Cost: O(names) for each step; a name is described only where it changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.records import History, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stridescope.program.ops import Engine, Op
    from stridescope.program.source import Excerpt
    from stridescope.records import TensorInfo

__all__ = ["Recorder", "RefusedError"]


class RefusedError(Exception):
    """The engine refused an op, so the history is complete."""


class _Known(NamedTuple):
    """What a name last stood for: the tensor, its state, and the record made of it then."""

    tensor: Any
    state: Any
    info: TensorInfo


class Recorder:
    """The variables and the steps of one run.

    Attributes:
        names: the variables; tensors are the engine's, all else is a host value.
        fresh: what the last step gave, until something is named after it.
        latest: what the last step gave.
        answers: (source, value) of what the program asked.
    """

    def __init__(self, engine: Engine, names: dict[str, Any]) -> None:
        self.engine = engine
        self.names = names
        self.steps: list[Step] = []
        self.fresh: Any = None
        self.latest: Any = None
        self.answers: list[tuple[str, Any]] = []
        self._known: dict[str, _Known] = {}
        self._bound: list[dict[str, TensorInfo | None]] = []
        self._news()
        self.given = tuple((name, known.info) for name, known in self._known.items())
        self._given_values = tuple(engine.values(known.tensor) for known in self._known.values())

    def history(self, source: str, text: str, *, plain: bool) -> History:
        """What happened so far; `plain` for one chain, which needs no list of names."""
        self._look()
        steps = (
            replace(step, bound=tuple(bound.items())) if bound else step
            for step, bound in zip(self.steps, self._bound, strict=True)
        )
        aliases = () if plain else tuple((name, self._known[name].info) for name in self.variables())
        answers, values = tuple(self.answers), self._given_values
        return History(source, self.engine.name, tuple(steps), aliases, answers, self.given, text, values)

    def _look(self) -> None:
        """Put what names have come to stand for on the last step; before the first one, nothing is to be told yet."""
        if self.steps:
            self._bound[-1].update(self._news())

    def _news(self) -> dict[str, TensorInfo | None]:
        """The names that stand for something else than when they were last looked at."""
        engine, known, variables = self.engine, self._known, self.variables()
        news: dict[str, TensorInfo | None] = {}
        for name in [name for name in known if name not in variables]:
            del known[name]
            news[name] = None
        for name, tensor in variables.items():
            old, state = known.get(name), engine.state(tensor)
            if old is None or old.tensor is not tensor or old.state != state:
                known[name] = _Known(tensor, state, engine.info(tensor).named(name))
                news[name] = known[name].info
        return news

    def apply(self, op: Op, overload: int, bound: tuple[Any, ...], source: Excerpt) -> Any:
        """Have the engine apply a row, and keep the step if it is one.

        Raises:
            RefusedError: the op was refused; its step is kept.
        """
        self._look()
        inputs = list(self._each_tensor(bound))
        subject = inputs[0] if inputs else None
        seen = {id(tensor): self.described(tensor) for tensor in inputs}
        outcome = self.engine.apply(op, overload, bound, self.variables())
        if outcome.effect is None:
            return outcome.value
        value = subject if outcome.value is None else outcome.value
        tensors = [] if outcome.effect == "refused" else self.tensors_of(value)
        single = self.engine.is_tensor(value)
        made = self.described(value) if tensors and single else None
        first = set(map(id, outcome.sources))
        read = (*outcome.sources, *(tensor for tensor in inputs if id(tensor) not in first))
        self._append(
            Step(
                source=source.text,
                op=_word(op.name),
                effect=outcome.effect,
                tensor=made,
                copied_nbytes=outcome.copied_nbytes,
                reason=outcome.reason,
                tensors=() if single else tuple(map(self.engine.info, tensors)),
                before=seen.get(id(subject)),
                write=outcome.write,
                copy=outcome.copy,
                values=self.engine.values(tensors[0]) if tensors else None,
                sources=tuple(seen.get(id(tensor)) or self.engine.info(tensor) for tensor in read),
                place=source.place,
            )
        )
        if outcome.effect == "refused":
            raise RefusedError
        self.fresh = self.latest = value
        return value

    def _append(self, step: Step) -> None:
        self.steps.append(step)
        self._bound.append({})

    def gave(self, source: Excerpt, op: str, value: Any) -> None:
        """Keep a step that only hands over what was there."""
        self._look()
        tensors = self.tensors_of(value)
        info = self.described(tensors[0])
        parts = () if self.engine.is_tensor(value) else tuple(map(self.engine.info, tensors))
        self._append(
            Step(
                source=source.text,
                op=op,
                effect="same",
                tensor=None if parts else info,
                tensors=parts,
                before=info,
                values=self.engine.values(tensors[0]),
                sources=() if info is None else (info, *parts[1:]),
                place=source.place,
            )
        )
        self.fresh = self.latest = value

    def label(self, names: list[str | None], value: Any) -> None:
        """Put the names just bound to a value on the step that made it, if that step is fresh."""
        if value is None or value is not self.fresh:
            return
        step, self.fresh = self.steps[-1], None
        name = names[0] if len(names) == 1 else None
        if step.tensor is not None:
            self.steps[-1] = replace(step, name=name, tensor=step.tensor.named(name))
        else:
            each = names if name is None else [f"{name}[{k}]" for k in range(len(step.tensors))]
            named = tuple(info.named(part) for part, info in zip(each, step.tensors, strict=True))
            self.steps[-1] = replace(step, name=name, tensors=named)

    def variables(self) -> dict[str, Any]:
        """The tensors that names reach; those in a tuple as `parts[0]`."""
        answer: dict[str, Any] = {}
        for name, value in self.names.items():
            if self.engine.is_tensor(value):
                answer[name] = value
            elif isinstance(value, tuple | list):
                answer.update((f"{name}[{k}]", item) for k, item in enumerate(value) if self.engine.is_tensor(item))
        return answer

    def described(self, tensor: Any) -> TensorInfo | None:
        """A tensor under the first name that it has; None for what is no tensor."""
        if not self.engine.is_tensor(tensor):
            return None
        name = next((name for name, other in self.variables().items() if other is tensor), None)
        info = self.engine.info(tensor)
        return info if name is None else info.named(name)

    def tensors_of(self, value: Any) -> list[Any]:
        """The tensor, or those directly inside a tuple."""
        parts = value if isinstance(value, tuple | list) else (value,)
        return [part for part in parts if self.engine.is_tensor(part)]

    def _each_tensor(self, values: Any) -> Iterator[Any]:
        for value in values:
            if self.engine.is_tensor(value):
                yield value
            elif isinstance(value, tuple | list):
                yield from self._each_tensor(value)


_REFLECTED = frozenset(
    f"r{word}" for word in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
)


def _word(name: str) -> str:
    """An op's name in a step: "getitem" for "__getitem__", "add" for "__radd__"; "add_" stays.

    >>> _word("__radd__"), _word("__rshift__"), _word("add_")
    ('add', 'rshift', 'add_')
    """
    if not name.startswith("__"):
        return name
    word = name.strip("_")
    return word[1:] if word in _REFLECTED else word
