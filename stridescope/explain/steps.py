"""Every step of a history explained: why it is a view, why it copied, why it was refused and what would work.

Problem: an effect is an answer that raises a question. Method: one function an effect, in a table, each from the step
and those before it; a refused view gets its proof (the two dims, the stride needed and found, where the address jumps,
the step that made it so, the groups that do merge) and alternatives, each run on the layout first.

Cost: O(steps · ndim); under a millisecond for a refused view of 8 dims.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from stridescope.explain.causes import cause_of
from stridescope.explain.hazards import hazard
from stridescope.explain.remedies import remedies
from stridescope.explain.views import why_copy, why_view
from stridescope.layout.compatibility import mergeable_groups
from stridescope.program.alternatives import further_alternatives
from stridescope.records.explanations import Explanation
from stridescope.scene.accounts import account
from stridescope.scene.refusals import break_of, break_text
from stridescope.scene.sentences import joined
from stridescope.scene.text import index_text, nbytes_both

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.layout import Layout
    from stridescope.records import Alternative, History, Step, TensorInfo
    from stridescope.records.explanations import Cause

__all__ = ["explain_history", "explain_step", "groups_text"]


def explain_history(history: History) -> Explanation:
    """Each step of a history explained, and the last one as the answer."""
    steps = tuple(explain_step(history, number) for number in range(len(history.steps)))
    return replace(steps[-1], source=history.source or steps[-1].source, steps=steps)


def explain_step(history: History, number: int) -> Explanation:
    """One step of a history explained."""
    step = history.steps[number]
    subject = step.before
    layout = None if subject is None else subject.layout
    plain = Explanation(
        step.source,
        step.effect,
        step.reason,
        groups=() if layout is None else mergeable_groups(layout.shape, layout.stride),
        subject=subject,
        tensor=step.tensor,
        copied_nbytes=step.copied_nbytes,
    )
    return _STEPS[step.effect](plain, step, history, number)


def _alloc(plain: Explanation, step: Step, _: History, __: int) -> Explanation:
    return replace(plain, because=tuple(account(step)))


def _view(plain: Explanation, step: Step, _: History, __: int) -> Explanation:
    why = why_view(step)
    return replace(plain, because=(f"A view: {why}.",) if why else tuple(account(step)))


def _copy(plain: Explanation, step: Step, history: History, number: int) -> Explanation:
    before = history.steps[:number]
    size = nbytes_both(step.copied_nbytes)
    told = f"Copies {size}: {why_copy(step)}." if step.copied_nbytes else account(step)[0]
    refusal = None if step.copy is None else step.copy.why
    if refusal is None or step.before is None or step.before.layout is None or step.tensor is None:
        return replace(plain, because=(told,))
    near: tuple[Alternative, ...] = ()
    if refusal.code == "dims_not_mergeable":
        near = further_alternatives(step.before.layout, step.before.itemsize or 1, step.tensor.shape or ())
    cause = cause_of(before, step.before, refusal.dims)
    return replace(plain, because=(told, *_cause_sentence(cause, refusal.dims)), alternatives=near, cause=cause)


def _write(plain: Explanation, step: Step, history: History, number: int) -> Explanation:
    before = history.steps[:number]
    write = step.write
    sentences = account(step)
    found = "" if write is None or write.layout is None else hazard(write.layout, _chained(step, before))
    return replace(plain, because=(*([f"{found}."] if found else []), *sentences))


def _refused(plain: Explanation, step: Step, history: History, number: int) -> Explanation:
    before = history.steps[:number]
    reason, subject = step.reason, step.before
    if reason is None:
        return plain
    layout = None if subject is None else subject.layout
    if reason.code != "dims_not_mergeable" or subject is None or layout is None:
        return replace(
            plain,
            alternatives=reason.alternatives or remedies(step, _names_at(history, number)),
            because=_law(reason.code),
        )
    shape = _shape_asked(step)
    near = () if shape is None else further_alternatives(layout, subject.itemsize or 1, shape)
    cause = cause_of(before, subject, reason.dims)
    broken = break_of(layout, reason)
    turned = next((other.source for other in near if other.source.startswith(".permute")), "")
    because = (
        *([] if broken is None else [break_text(broken)]),
        *_cause_sentence(cause, reason.dims),
        groups_text(layout),
        *(
            [f"{turned} gives the elements in the order in which they lie in memory, not in index order."]
            if turned
            else []
        ),
    )
    return replace(plain, alternatives=(*reason.alternatives, *near), because=because, cause=cause)


_STEPS: dict[str, Callable[[Explanation, Step, History, int], Explanation]] = {
    "alloc": _alloc,
    "view": _view,
    "same": _alloc,
    "copy": _copy,
    "write": _write,
    "refused": _refused,
}


def groups_text(layout: Layout) -> str:
    """Which neighbouring dims any shape may merge, in a sentence.

    >>> from stridescope.layout import Layout
    >>> groups_text(Layout((4, 3, 2), (1, 8, 4)))
    'Dims that merge: [0] [1, 2].'
    """
    groups = mergeable_groups(layout.shape, layout.stride)
    if all(len(group) == 1 for group in groups):
        return "No two neighbouring dims merge."
    return f"Dims that merge: {' '.join(map(index_text, groups))}."


def _names_at(history: History, number: int) -> dict[str, TensorInfo]:
    """The named tensors as they were before a step."""
    names = dict(history.given)
    for step in history.steps[:number]:
        names.update((name, info) for name, info in step.bound if info is not None)
    return {name: info for name, info in names.items() if name.isidentifier()}


def _cause_sentence(cause: Cause | None, dims: Sequence[int]) -> list[str]:
    return [] if cause is None else [f"The strides of dims {joined(list(map(str, dims)))} come from {cause}."]


def _law(code: str) -> tuple[str, ...]:
    """What to know about a kind of refusal, beside its own sentence."""
    return _LAWS.get(code, ())


_LAWS: dict[str, tuple[str, ...]] = {
    "overlapping_write": ("expand repeats a dim by stride 0: all its indices are one element in memory.",),
    "partial_overlap": ("The op would read elements that it has already overwritten.",),
    "leaf_write": ("Autograd needs the value a leaf had; under torch.no_grad() the write is allowed.",),
}


def _chained(step: Step, before: Sequence[Step]) -> str:
    """The step with the view that it writes through: "unfold(0, 3, 1).mul_(2)"."""
    last = before[-1] if before else None
    if last is not None and last.effect == "view" and step.source.startswith("."):
        return f"{last.source}{step.source}".lstrip(".")
    return step.source.lstrip(".")


def _shape_asked(step: Step) -> tuple[int, ...] | None:
    """The shape that a refused view asked for; the first alternative spells it in numbers."""
    if step.op == "view_as":
        return step.sources[1].shape if len(step.sources) > 1 else None
    first = step.reason.alternatives[0].source if step.reason is not None and step.reason.alternatives else ""
    if not first.startswith(".reshape("):
        return None
    sizes = ast.literal_eval(f"({first.removeprefix('.reshape(').removesuffix(')')},)")
    return tuple(sizes)
