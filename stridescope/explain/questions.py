"""`ss.explain`: one call on whatever raises the question.

Problem: the question comes as the text of a program, an op on a live tensor, a history, or an exception that was just
caught. Method: a text is run on layouts alone, and each step explained; an exception goes to the table of errors.
Cost: one run of the text; under a millisecond for one op. No element is read, nothing is copied.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, ProgramError
from stridescope.explain.subjects import record_of
from stridescope.program import run
from stridescope.records import History

if TYPE_CHECKING:
    from stridescope.records.explanations import Explanation

__all__ = ["explain"]

NAME = "x"


def explain(x: Any, op: str | None = None, *objects: Any) -> Explanation:
    """Why an op is a view, a copy or refused, and what would work instead; or what an error means.

    Args:
        x: the text of a program; a tensor or array of any library, a `TensorInfo` or a `Layout`, together with
            `op`; a `History`; or an exception, with its traceback if it has one.
        op: what to do to `x`, such as ".view(12)" or "t()[1:].view(-1)"; parsed, never evaluated as Python. With an
            exception: the first of `objects`.
        objects: with an exception, the tensors that it is about, for one without a traceback.

    Returns:
        `Explanation`: `effect`, `reason` (of a refusal: `code, message, dims, needed_stride, found_stride`, strides
        in elements), `alternatives` (each `source, effect, copied_nbytes`, run on the layout before they are told),
        `because` (the proof), `groups` (dims that merge), `cause` (the step that the strides come from).

    Raises:
        ProgramError: the text is not understood.
        UnreadableError: `x` has no layout.
        InputError: there is nothing to explain.

    >>> from stridescope.layout import Layout
    >>> why = explain("torch.arange(12).view(3, 4).t().view(12)")
    >>> why.reason.dims, why.reason.needed_stride, why.reason.found_stride, str(why.cause)
    ((0, 1), 12, 1, '.t() in line 1')
    >>> [found.source for found in why.alternatives]
    ['.reshape(12)', '.contiguous().view(12)', '.permute(1, 0).view(12)']
    >>> explain(Layout((4, 3), (1, 4)), "view(2, 2, 3)").because[0].partition(";")[0]
    'A view: each dim is split or kept, which one stride always serves'
    """
    if isinstance(x, BaseException):
        from stridescope.explain.errors import explain_error

        return explain_error(x, (*(() if op is None else (op,)), *objects))
    from stridescope.explain.steps import explain_history

    if isinstance(x, History):
        return explain_history(_with_steps(x))
    if isinstance(x, str):
        if op is not None:
            raise InputError("a program is explained alone; put the op at its end, or give a tensor and the op")
        return explain_history(_with_steps(run(x)))
    if op is None:
        raise InputError('explain needs an op too, as in explain(x, ".view(12)"); show(x) tells how x lies')
    if not isinstance(op, str):
        raise InputError(f'an op is text, as in explain(x, ".view(12)"); got {type(op).__name__}')
    history = _with_steps(run(op, names={NAME: record_of(x)}, chain_of=NAME))
    told = explain_history(history)
    return replace(told, source=op.strip())


def _with_steps(history: History) -> History:
    if not history.steps:
        raise ProgramError("there is no step to explain", source=history.source)
    return history
