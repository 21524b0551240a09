"""What a step did to memory and what a tensor is, each in a sentence or two.

Problem: the effect's word says "view" or "copy"; a reader asks why, from where, how much, and who else sees it.
Method: one function an effect, in a table; each reads the step and nothing else. Cost: O(ndim).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stridescope.scene.sentences import contiguity, joined, retained, spacing, written
from stridescope.scene.text import count, nbytes_both, nbytes_text, plural, tuple_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.records import Step, TensorInfo

__all__ = ["account", "changes", "fact_sentences", "no_layout_sentences"]

MINOR = ("storage.data_ptr", "requires_grad")
"""Fields whose absence changes nothing a reader looks for here."""


def account(step: Step) -> list[str]:
    """What a step did to memory; empty for a refusal, whose reason says all."""
    tell = _ACCOUNTS.get(step.effect)
    return tell(step) if tell is not None else []


def changes(step: Step) -> list[tuple[str, str, str]]:
    """(field, before, after) of what a view changed; empty for other effects."""
    before, after = step.before, step.tensor
    if step.effect != "view" or before is None or after is None:
        return []
    fields = (
        ("shape", _tuple_or(before.shape), _tuple_or(after.shape)),
        ("stride", _tuple_or(before.stride), _tuple_or(after.stride)),
        ("offset", _count_or(before.storage_offset), _count_or(after.storage_offset)),
        ("dtype", before.dtype or "?", after.dtype or "?"),
    )
    return [(name, old, new) for name, old, new in fields if old != new]


@lru_cache(maxsize=64)
def fact_sentences(info: TensorInfo, already: tuple[str, ...] = ()) -> tuple[str, ...]:
    """How a tensor with a layout lies in memory, its memory format, and what stays in memory for it.

    Args:
        already: sentences that stand beside these, and are not said again.
    """
    order, lies, kept = contiguity(info), spacing(info), info.memory_format
    lies = "" if lies in already else lies
    head = order
    if lies.startswith("Dense"):
        # Both would say so.
        head = order.partition(",")[0]
    if kept not in (None, "contiguous_format", order):
        head += f", memory format {kept}"
    if " " in head or head == "contiguous":
        head = head[0].upper() + head[1:]
    joins = lies and ":" not in lies
    first = f"{head}: {lies[0].lower()}{lies[1:]}" if joins else f"{head}. {lies}".rstrip()
    notes = (f"{note[:1].upper()}{note[1:]}." for note in info.notes)
    return tuple(sentence for sentence in (first, retained(info), *notes) if sentence)


def no_layout_sentences(info: TensorInfo) -> list[str]:
    """What a tensor without strides in elements does not have and why, and what it is made of."""
    missing: dict[str, list[str]] = {}
    for field, sentence in info.why:
        if field not in MINOR:
            missing.setdefault(sentence, []).append(field)
    lines = [f"no {joined(fields)}: {sentence}" for sentence, fields in missing.items()]
    if not lines:
        lines.append(f"{info.type} has no strides in whole elements.")
    lines += [f"{note[:1].upper()}{note[1:]}." for note in info.notes]
    for name, part in info.parts:
        lines.append(f"{name}: {part.layout or part.type}, {part.dtype or 'dtype unknown'}")
    return lines


def _alloc(step: Step) -> list[str]:
    info = _made(step)
    if info is None or info.storage is None or info.storage.nbytes is None:
        return ["A new storage."]
    return [f"A new storage of {nbytes_both(info.storage.nbytes)}."]


def _view(step: Step) -> list[str]:
    if step.tensors:
        return [f"{plural(len(step.tensors), 'view')} of one storage: no bytes moved."]
    info = step.tensor
    names = [name for name, _, _ in changes(step)]
    changed = f"new {joined(names)}" if names else "the same layout"
    sentences = [f"Same storage: {changed}, no bytes moved."]
    layout = None if info is None else info.layout
    if info is not None and layout is not None and layout.numel:
        repeats = any(size > 1 and step == 0 for size, step in zip(layout.shape, layout.stride, strict=True))
        if repeats:
            sentences.append(spacing(info))
    return sentences


def _same(step: Step) -> list[str]:
    what = "Given" if step.before is None else "The same tensor as before"
    return [f"{what}: nothing was moved or copied."]


def _copy(step: Step) -> list[str]:
    info = _made(step)
    if info is not None and info.numel == 0:
        return ["A new storage without elements: nothing to copy."]
    moved = f"Copies {nbytes_both(step.copied_nbytes)}" if step.copied_nbytes else "Copies elements"
    sentences = [f"{moved} of {_from(step)} into a new storage."]
    why = None if step.copy is None else step.copy.why
    if why is not None:
        sentences.append(f"No view would do: {why.message}.")
    return sentences


def _from(step: Step) -> str:
    """What a copy was made of."""
    number = len(step.copy.sources) if step.copy is not None else 1
    if number > 1:
        return plural(number, "tensor")
    named = step.before is not None and step.before.name
    return named or "the old storage"


def _write(step: Step) -> list[str]:
    copied = [f"It copies {nbytes_text(step.copied_nbytes)} there."] if step.copied_nbytes else []
    return [written(step.write), *copied]


_ACCOUNTS: dict[str, Callable[[Step], list[str]]] = {
    "alloc": _alloc,
    "view": _view,
    "same": _same,
    "copy": _copy,
    "write": _write,
}


def _made(step: Step) -> TensorInfo | None:
    return step.tensor or (step.tensors[0] if step.tensors else None)


def _tuple_or(values: tuple[int, ...] | None) -> str:
    return "none" if values is None else tuple_text(values)


def _count_or(value: int | None) -> str:
    return "none" if value is None else count(value)
