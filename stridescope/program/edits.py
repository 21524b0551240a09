"""Programs edited step by step: a step replaced, left out, gone on from.

Problem: on a picture one points at a step and changes it, and the program's text must follow as a person would have
edited it. Method: a step knows the place of its text (`Step.place`), so most edits replace that place; a step that
starts a statement takes the statement with it. Cost: linear in the text.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from stridescope.errors import InputError
from stridescope.program.source import LIBRARIES, chain_of, syntax_tree, without_prompts

if TYPE_CHECKING:
    from stridescope.records import History, Place, Step

__all__ = ["changed_from", "instead_of_refused", "replaced_step", "with_appended", "without_last_step"]


def changed_from(old: History | None, new: History) -> int:
    """The number of the first step of `new`, from 0, that is not as in `old`; how many steps `new` has if all are."""
    before = () if old is None else old.steps
    same = 0
    for one, other in zip(before, new.steps, strict=False):
        if _told(one) != _told(other):
            break
        same += 1
    return same


def _told(step: Step) -> tuple[object, ...]:
    infos = step.tensors if step.tensor is None else (step.tensor,)
    code = None if step.reason is None else step.reason.message
    return step.source, step.effect, code, tuple((info.layout, info.dtype, info.device) for info in infos)


def replaced_step(history: History, number: int, source_text: str) -> str:
    """The program's text with the text of step `number`, from 0, replaced.

    A name that the step goes on from stays: of "x.t()", ".t()" is replaced by a text that begins with "." or "[".

    Raises:
        InputError: that step has no text of its own.

    >>> from stridescope.program import run
    >>> replaced_step(run("torch.arange(6).view(2, 3).t()"), 1, ".view(3, 2)")
    'torch.arange(6).view(3, 2).t()'
    """
    step = history.steps[number]
    if step.place is None:
        raise InputError(f"step {number}, {step.source}, has no text of its own to replace")
    start, end = _offsets(history.text, step.place)
    if source_text.startswith((".", "[")):
        start += len(_root(history.text[start:end]))
    return history.text[:start] + source_text + history.text[end:]


def without_last_step(history: History) -> str:
    r"""The program's text without its last step: the last link of a chain, or else the statement that the step is in.

    >>> from stridescope.program import run
    >>> without_last_step(run("x = torch.arange(6)\ny = x.view(2, 3).t()"))
    'x = torch.arange(6)\ny = x.view(2, 3)'
    >>> without_last_step(run("x = torch.arange(6); torch.cat([x, x])"))
    'x = torch.arange(6)'
    """
    place = history.steps[-1].place if history.steps else None
    if place is None:
        return history.text
    start, end = _offsets(history.text, place)
    own = history.text[start:end]
    if own.startswith((".", "[")):
        return _trimmed(history.text[:start], history.text[end:])
    if root := _root(own):
        return _trimmed(history.text[: start + len(root)], history.text[end:])
    for statement in _statements(history.text):
        first, last = _offsets(history.text, _place_of(statement, history.text))
        if first <= start and end <= last:
            return _trimmed(history.text[:first].rstrip(" \t;\n"), history.text[last:])
    # A chain that goes on from a name that is not written: this was its first op.
    return _trimmed(history.text[:start], history.text[end:])


def instead_of_refused(history: History, alternative_source: str) -> str:
    """The program's text with an alternative in place of the step that was refused.

    Raises:
        InputError: no step was refused.

    >>> from stridescope.program import run
    >>> history = run("x = torch.arange(12).view(3, 4).t(); y = x.view(12)")
    >>> instead_of_refused(history, history.refused.reason.alternatives[0].source)
    'x = torch.arange(12).view(3, 4).t(); y = x.reshape(12)'
    """
    refused = history.refused
    if refused is None:
        raise InputError("no step of this program was refused, so there is nothing to replace")
    chain = _as_link(alternative_source)
    arguments = refused.source.find("(")
    if chain.endswith("(other)") and arguments >= 0:
        chain = chain.removesuffix("(other)") + refused.source[arguments:]
    return replaced_step(history, len(history.steps) - 1, chain)


def with_appended(source: str, then: str) -> str:
    """A program whose last expression goes on with `then`, in brackets where a chain would bind tighter.

    >>> with_appended("x = torch.arange(3); x + 1", "view(3, 1)")
    'x = torch.arange(3); (x + 1).view(3, 1)'
    """
    chain = _as_link(then)
    source = without_prompts(source)
    if not source.strip() or source.lstrip().startswith((".", "[")):
        # It goes on from a tensor that it does not name.
        return source.rstrip() + chain
    statements = _statements(source)
    value = getattr(statements[-1], "value", None) if statements else None
    if not isinstance(value, ast.expr):
        # The program is at fault, and its own parser says so best.
        return source
    start, end = _offsets(source, _place_of(value, source))
    if isinstance(value, (ast.Call, ast.Attribute, ast.Subscript, ast.Name)):
        return source[:end] + chain + source[end:]
    return f"{source[:start]}({source[start:end]}){chain}{source[end:]}"


def _as_link(text: str) -> str:
    return text if text.startswith((".", "[")) else f".{text}"


def _root(text: str) -> str:
    """The name that a step's text goes on from: "x" of "x.t()"; "" for "torch.zeros(2)", "x + 1" and "x[0] = 1"."""
    statement = next(iter(_statements(f"({text}\n)")), None)
    if not isinstance(statement, ast.Expr):
        return ""
    root, links = chain_of(statement.value)
    goes_on = isinstance(root, ast.Name) and root.id not in LIBRARIES and links and links[0].kind != "call"
    return root.id if goes_on and isinstance(root, ast.Name) else ""


def _trimmed(head: str, tail: str) -> str:
    return (head + tail).strip(" \t;\n") if not head.strip() else (head + tail).rstrip(" \t;\n")


def _statements(source: str) -> list[ast.stmt]:
    try:
        return syntax_tree(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _place_of(node: ast.stmt | ast.expr, source: str) -> Place:
    rows = source.split("\n")
    line, column, end_line, end_column = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
    if end_line is None or end_column is None:
        end_line, end_column = line, column
    # ast counts bytes of UTF-8, text counts characters.
    start, end = rows[line - 1].encode()[:column], rows[end_line - 1].encode()[:end_column]
    return line, len(start.decode()), end_line, len(end.decode())


def _offsets(source: str, place: Place) -> tuple[int, int]:
    """Where a place starts and ends, in characters from the front."""
    rows = source.split("\n")
    line, column, end_line, end_column = place
    starts = [sum(len(row) + 1 for row in rows[: number - 1]) for number in (line, end_line)]
    return starts[0] + column, starts[1] + end_column
