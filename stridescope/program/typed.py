"""A program while it is typed: what of it can be run already, and where it goes wrong.

Problem: at each keystroke the picture must follow, and a text that is being typed is wrong most of the time: a bracket
is open, a name is half there, an argument is missing. Method: the text is run as it is. Where it cannot be read, the
longest part before the place that can be is run in its stead; a call whose bracket is open is left out, once it is
known that there is such an op. Places are told in the text as it was typed, whatever indent or prompts it has.

Cost: one run of the program; up to a handful where it cannot be read, each of a part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stridescope.errors import ProgramError, StridescopeError
from stridescope.program import host
from stridescope.program.edits import (
    changed_from,
    instead_of_refused,
    replaced_step,
    with_appended,
    without_last_step,
)
from stridescope.program.interpret import interpret, receiver_of
from stridescope.program.live import adopted, given_step, looked_at, with_given
from stridescope.program.prefix import CLOSES, Cut, cuts, last_word, unclosed
from stridescope.program.source import LIBRARIES, MAX_CHARS, normalised, origins, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from stridescope.program.algebra import AlgebraEngine
    from stridescope.program.ops import Owner
    from stridescope.program.prefix import Bracket
    from stridescope.records import History

__all__ = [
    "Session",
    "Typed",
    "changed_from",
    "instead_of_refused",
    "replaced_step",
    "typed",
    "with_appended",
    "without_last_step",
]

MAX_ATTEMPTS = 6
"""How many places the text is cut at, from the right, and how many statements back."""


NEXT_WORDS = ("", "x", "0", "=0", ":x")
"""What a text inside brackets may go on with, one of which makes sense of it if anything does."""

_QUOTE = re.compile("[\"'][^\n]*\\Z")
_STATEMENT = re.compile(r"\n[A-Za-z_]\w*(?:, *\w+)* = ")


@dataclass(frozen=True, slots=True)
class Typed:
    """What a text came to.

    Attributes:
        text: as it was typed.
        history: of the longest part that can be run; a refused step is its last. None where nothing can be shown.
        error: what is wrong with the text, or None.
        error_at: (line, column, end column) of the error in `text`, all counted from 0, in characters.
        valid: the text up to the end of the last thing that was run.
        unfinished: the error is only that the text is not at its end yet: the cursor is in it.
        session: what ran it, which can run parts of it for a completion.
    """

    text: str
    history: History | None = None
    error: ProgramError | None = None
    error_at: tuple[int, int, int] | None = None
    valid: str = ""
    unfinished: bool = False
    session: Session | None = field(default=None, compare=False, repr=False)


def typed(text: str, *, names: Mapping[str, Any] | None = None, chain_of: str | None = None) -> Typed:
    """What a text comes to; raises nothing, whatever the text. Of live tensors, a `Session` looks once.

    Args:
        names: variables that the program starts with: live tensors or arrays, or `TensorInfo`.
        chain_of: one of `names`, which a text such as "t()[1:]" goes on from.

    >>> now = typed("torch.arange(12).view(3,")
    >>> [step.op for step in now.history.steps], now.unfinished, now.error_at
    (['arange'], True, (0, 21, 22))
    >>> now = typed("  torch.arange(12).veiw(3, 4)")
    >>> now.valid, now.unfinished, now.error_at
    ('  torch.arange(12)', False, (0, 19, 23))
    """
    try:
        session = Session(names, chain_of)
    except StridescopeError as error:
        return Typed(text, error=_as_program_error(error), error_at=(0, 0, 0))
    return session.typed(text)


class Session:
    """Runs programs over the same names, again and again; no run sees another.

    Args:
        names, chain_of: as in `typed`.

    Raises:
        UnreadableError, TargetError: one of the names has no layout that ops can go on from.
    """

    def __init__(self, names: Mapping[str, Any] | None = None, chain_of: str | None = None) -> None:
        from stridescope.program.algebra import AlgebraEngine

        self._engine = AlgebraEngine
        self._lives = looked_at(names or {})
        self._infos = {live.name: live.info for live in self._lives}
        self.chain_of = chain_of
        adopted(AlgebraEngine(), self._lives)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are there before the program."""
        return tuple(self._infos)

    def fresh(self) -> tuple[AlgebraEngine, dict[str, Any]]:
        """An engine, and the names that are there before the program as tensors of its own."""
        engine = self._engine()
        return engine, adopted(engine, self._lives)

    def run(self, source: str) -> History:
        """A program's history; a tensor that it goes on from is its first step.

        Raises:
            ProgramError: the program is not understood; its `history` holds what was run.
        """
        engine, start = self.fresh()
        values = {name: engine.values(tensor) for name, tensor in start.items()}
        try:
            history = interpret(source, engine, start, self.chain_of)
        except ProgramError as error:
            if error.history is not None:
                error.history = self._from_given(error.history, values)
            raise
        return self._from_given(history, values)

    def start(self) -> History | None:
        """The history of no text at all: the tensor that texts go on from, where there is one."""
        if self.chain_of is None or self.chain_of not in self._infos:
            return None
        history = self.run(self.chain_of)
        return replace(history, source="", text="", steps=history.steps[:1])

    def typed(self, text: str) -> Typed:
        """What a text comes to; raises nothing."""
        source = normalised(text)
        if not source:
            return Typed(text, self.start(), session=self)
        try:
            history = self.run(source)
        except ProgramError as error:
            return self._with_error(text, source, error)
        except StridescopeError as error:
            return self._told(text, None, _as_program_error(error), unfinished=False)
        return Typed(text, history, valid=text, session=self)

    def _from_given(self, history: History, values: Mapping[str, Any]) -> History:
        """The history with the tensor that it goes on from as a step of its own."""
        before = history.steps[0].before if history.steps else None
        name = None if before is None else before.name
        if name is None or name not in self._infos:
            return history
        return with_given(history, given_step(name, name, self._infos[name], values[name]))

    # -------------------------------------------------------------------------------------- with an error

    def _with_error(self, text: str, source: str, error: ProgramError) -> Typed:
        if error.history is not None:
            return self._told(text, error.history, error, unfinished=self._half_a_name(source, error))
        if len(source) > MAX_CHARS:
            return self._told(text, None, error, unfinished=False)
        opened = unclosed(source)
        if opened and _STATEMENT.search(source, opened[0].at):
            # The next statement has begun: this bracket was forgotten.
            return self._told(text, self._longest(source, opened[0].at)[0], error, unfinished=False)
        quoted = _QUOTE.match(source, _offset(source, error)) is not None
        if opened and not quoted and (wrong := self._wrong_inside(source, opened)) is not None:
            return self._told(text, self._longest(source, opened[0].at)[0], wrong, unfinished=False)
        call = next((bracket.at for bracket in opened if not bracket.groups), None)
        if opened:
            closing = ")" * sum(bracket.groups for bracket in opened if call is None or bracket.at < call)
            found = self._before_call(source, call, closing)
            if found is not None:
                history, slip = found
                at_end = slip is None or self._half_a_name(source, slip)
                return self._told(text, history, slip if slip is not None else error, unfinished=at_end)
        history, slip = self._longest(source, _offset(source, error))
        if slip is not None:
            return self._told(text, history, slip, unfinished=False)
        at = _offset(source, error)
        unfinished = bool(opened) or at >= len(source) or quoted
        return self._told(text, history, error, unfinished=unfinished)

    def _before_call(
        self, source: str, call: int | None, closing: str
    ) -> tuple[History | None, ProgramError | None] | None:
        """What is before a call that is not finished, and what is wrong there; None where that cannot be read.

        Without a call, the text up to its end, where only parentheses that group are open.
        """
        before = source if call is None else source[:call]
        history, error = self._attempt(before + closing)
        if error is None:
            return history, None
        if error.history is None:
            return None
        if call is None:
            return history, error
        # "torch.arange" alone is an error; is it one with its call?
        called, slip = self._attempt(f"{before}(){closing}")
        if slip is not None and slip.history is not None and _end_offset(source, slip) <= call:
            return called, slip
        return history, None

    def _wrong_inside(self, source: str, opened: list[Bracket]) -> ProgramError | None:
        """What cannot be read between brackets that are open, whatever comes after it; None where all may be right."""
        closing = "".join(CLOSES[source[bracket.at]] for bracket in reversed(opened))
        commented = "\n" if "#" in source.rpartition("\n")[2] else ""
        receiver = receiver_of(source, self._infos, self.chain_of)
        errors = []
        for word in NEXT_WORDS:
            error = _misread(f"{source}{commented}{word}{closing}", receiver)
            if error is None:
                return None
            errors.append(error)
        first = min(errors, key=lambda error: _end_offset(source, error))
        return first if _end_offset(source, first) < len(source) else None

    def _longest(self, source: str, before: int) -> tuple[History | None, ProgramError | None]:
        """The longest part before a place that can be run, and what is wrong in it, where it is not the cut alone."""
        for cut in _attempts(cuts(source), before, source):
            history, error = self._attempt(cut.of(source))
            if error is None:
                return history, None
            # "torch" of "torch.arange" is an error only because it was cut there.
            cut_off = _end_offset(source, error) >= len(source[: cut.at].rstrip())
            if error.history is not None and (history is not None or not cut_off):
                return history, None if cut_off else error
        return None, None

    def _attempt(self, source: str) -> tuple[History | None, ProgramError | None]:
        """A run: its history, where there is a step in it, and its error."""
        try:
            return self.run(source), None
        except ProgramError as error:
            return (error.history if error.history is not None and error.history.steps else None), error
        except StridescopeError as error:
            return None, _as_program_error(error)

    def _half_a_name(self, source: str, error: ProgramError) -> bool:
        """Whether the error is the last word of the text, and the word may still become a name that there is."""
        word = last_word(source)
        if not word or _end_offset(source, error) < len(source) or _offset(source, error) > len(source) - len(word):
            return False
        dotted = source[: -len(word)].endswith(".")
        bound = () if error.history is None else tuple(name for name, _ in error.history.aliases)
        known = _ops(source) if dotted else (*LIBRARIES, *host.FUNCTIONS, *self.names, *bound)
        return any(name.startswith(word) for name in known)

    def _told(self, text: str, history: History | None, error: ProgramError, *, unfinished: bool) -> Typed:
        shown = history if history is not None and history.steps else self.start()
        return Typed(text, shown, error, _error_at(text, error), _valid(text, history), unfinished, self)


def _misread(source: str, receiver: str) -> ProgramError | None:
    """Why a text cannot be read, whatever it would do; None where it can be."""
    try:
        parse(source, receiver)
    except ProgramError as error:
        return error
    return None


def _attempts(found: list[Cut], before: int, source: str) -> Iterable[Cut]:
    """The cuts to try: right before the place, the last few, then the last few ends of statements before those."""
    opened = unclosed(source[:before])
    inside = [cut for cut in found if cut.at < before]
    if before and all(bracket.groups for bracket in opened):
        inside.insert(0, Cut(before, ")" * len(opened)))
    earlier = [cut for cut in inside[MAX_ATTEMPTS:] if cut.whole]
    return (*inside[:MAX_ATTEMPTS], *earlier[:MAX_ATTEMPTS])


def _ops(source: str) -> Iterable[str]:
    """What may stand after a dot: the names of ops and of the modules that they are in."""
    from stridescope.program.tables import table

    owners: tuple[Owner, ...] = ("tensor", "torch")
    if "np" in source or "numpy" in source:
        owners = ("ndarray", "np", *owners)
    return (part for owner in owners for name in table(owner) for part in name.split("."))


def _as_program_error(error: StridescopeError) -> ProgramError:
    return error if isinstance(error, ProgramError) else ProgramError(str(error))


def _offset(source: str, error: ProgramError) -> int:
    """Where in the source the error's place starts."""
    return sum(len(row) + 1 for row in source.split("\n")[: error.line - 1]) + error.column


def _end_offset(source: str, error: ProgramError) -> int:
    return _offset(source, error) + error.end_column - error.column


def _error_at(text: str, error: ProgramError) -> tuple[int, int, int]:
    """The error's place in the text as it was typed."""
    lines = origins(text)
    if not lines:
        return 0, 0, 0
    line, taken = lines[min(error.line, len(lines)) - 1]
    return line, taken + error.column, taken + error.end_column


def _valid(text: str, history: History | None) -> str:
    """The text up to the end of what was run."""
    ends = [step.place[2:] for step in history.steps if step.place is not None] if history is not None else []
    if not ends:
        return ""
    line, column = max(ends)
    row, taken = origins(text)[line - 1]
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join((*rows[:row], rows[row][: taken + column]))
