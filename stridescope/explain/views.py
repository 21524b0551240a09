"""Why a step is a view, and why another had to copy.

Problem: "view" is a word; a reader asks what makes it true. Method: from the layouts before and after alone, by rows of
(what must hold, what to say), the first that holds. A copy tells the refusal that it carries, or else what its op can
never do without one, by a table of ops.

Cost: O(ndim).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stridescope.layout.compatibility import view_stride
from stridescope.scene.sentences import joined
from stridescope.scene.text import count, tuple_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.layout import Layout
    from stridescope.records import Step

__all__ = ["why_copy", "why_view"]


def why_view(step: Step) -> str:
    """What makes a step a view; empty where the layouts do not tell.

    >>> from stridescope.program import run
    >>> why_view(run("torch.arange(12).view(3, 4).view(2, 6)").steps[-1])
    'dims 0 and 1 merge, since stride[0] is 4 = size[1]·stride[1]; so strides (6, 1) reach the same addresses in order'
    """
    before = None if step.before is None else step.before.layout
    infos = (step.tensor,) if step.tensor is not None else step.tensors
    layouts = [info.layout for info in infos if info.layout is not None]
    if before is None or step.before is None or not layouts:
        return ""
    if infos[0].dtype != step.before.dtype:
        return f"the same bytes are read as {infos[0].dtype}, so only sizes and strides count in other units"
    if len(layouts) > 1:
        return f"each of the {len(layouts)} parts starts at an offset of its own and keeps the strides"
    return next(say(before, layouts[0]) for holds, say in _VIEWS if holds(before, layouts[0]))


def _reshaped(before: Layout, after: Layout) -> bool:
    if before.numel != after.numel or before.storage_offset != after.storage_offset:
        return False
    return view_stride(before.shape, before.stride, after.shape) == after.stride


def _say_reshaped(before: Layout, after: Layout) -> str:
    merged = []
    crossed = _borders(after)
    behind = before.numel
    wide = [dim for dim in range(before.ndim) if before.shape[dim] != 1]
    for one, other in pairwise(wide):
        behind //= before.shape[one]
        if behind not in crossed:
            merged.append(
                f"dims {one} and {other} merge, since stride[{one}] is {count(before.stride[one])} = "
                f"size[{other}]·stride[{other}]"
            )
    how = joined(merged) if merged else "each dim is split or kept, which one stride always serves"
    return f"{how}; so strides {tuple_text(after.stride)} reach the same addresses in order"


def _borders(layout: Layout) -> set[int]:
    """How many elements lie behind each border between dims."""
    behind, found = 1, {1}
    for size in reversed(layout.shape):
        behind *= size
        found.add(behind)
    return found


def _pairs(layout: Layout) -> list[tuple[int, int]]:
    return sorted(zip(layout.shape, layout.stride, strict=True))


def _permuted(before: Layout, after: Layout) -> bool:
    return before.storage_offset == after.storage_offset and _pairs(before) == _pairs(after)


def _say_permuted(before: Layout, after: Layout) -> str:
    return (
        f"each dim takes its stride along, {tuple_text(before.stride)} → {tuple_text(after.stride)}, "
        "so every element stays where it is"
    )


def _repeated(before: Layout, after: Layout) -> bool:
    return any(n > 1 and k == 0 for n, k in _pairs(after)) and not any(n > 1 and k == 0 for n, k in _pairs(before))


def _say_repeated(_: Layout, after: Layout) -> str:
    dims = [f"dim {dim}" for dim in range(after.ndim) if after.shape[dim] > 1 and after.stride[dim] == 0]
    return f"stride 0 along {joined(dims)} reaches one address again and again, so nothing is repeated in memory"


def _say_windowed(before: Layout, after: Layout) -> str:
    moved = after.storage_offset - before.storage_offset
    parts = [f"the offset moves by {count(moved)}"] if moved else []
    if before.stride != after.stride:
        parts.append(f"strides {tuple_text(before.stride)} become {tuple_text(after.stride)}")
    if before.shape != after.shape:
        parts.append(f"sizes {tuple_text(before.shape)} become {tuple_text(after.shape)}")
    return f"an offset and one stride a dim reach all it keeps: {joined(parts)}"


_VIEWS: tuple[tuple[Callable[[Layout, Layout], bool], Callable[[Layout, Layout], str]], ...] = (
    (lambda before, after: before == after, lambda _, __: "the layout is the same"),
    (lambda _, after: not after.numel, lambda _, __: "there are no elements, so any strides reach all of them"),
    (lambda before, after: before.shape != after.shape and _reshaped(before, after), _say_reshaped),
    (_permuted, _say_permuted),
    (_repeated, _say_repeated),
    (lambda _, __: True, _say_windowed),
)


def why_copy(step: Step) -> str:
    """What made a step copy.

    >>> from stridescope.program import run
    >>> why_copy(run("torch.arange(12).view(3, 4).t().reshape(12)").steps[-1])
    'view(12) must merge dims 0 and 1, but stride[0] is 1 where merging needs size[1]·stride[1] = 12'
    """
    refusal = None if step.copy is None else step.copy.why
    if refusal is not None:
        return refusal.message
    before, after = step.before, step.tensor
    if before is not None and after is not None:
        changed = [(word, old, new) for word, old, new in _kept(before, after) if old and new and old != new]
        if changed:
            word, old, new = changed[0]
            return f"the {word} changes from {old} to {new}, so every element is written anew"
    if step.op in ("contiguous", "ascontiguousarray", "to") and before is not None and before.layout is not None:
        return _not_contiguous(before.layout)
    return _COPIES.get(step.op, f"{step.op} always writes a new storage")


def _kept(before: object, after: object) -> list[tuple[str, str | None, str | None]]:
    return [(word, getattr(before, word), getattr(after, word)) for word in ("dtype", "device")]


def _not_contiguous(layout: Layout) -> str:
    """The first dim, from the last, whose stride is not what a contiguous tensor has."""
    due = 1
    for dim in range(layout.ndim - 1, -1, -1):
        if layout.shape[dim] != 1:
            if layout.stride[dim] != due:
                return f"stride[{dim}] is {count(layout.stride[dim])} where a contiguous tensor has {count(due)}"
            due *= layout.shape[dim]
    return "the memory format asked for is another one"


_JOINS = "it joins tensors, and one storage_offset with one stride a dim cannot lead from one storage into another"
_LISTS = "the positions come from a list or a mask, and no stride says where the next one is"
_BACK = "it would need a negative stride, which torch does not have"

_COPIES = {
    **dict.fromkeys(("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"), _JOINS),
    **dict.fromkeys(("getitem", "index_select", "take", "gather", "masked_select", "take_along_dim"), _LISTS),
    **dict.fromkeys(("flip", "fliplr", "flipud", "rot90"), _BACK),
    **dict.fromkeys(
        ("repeat", "tile"), "it writes every repetition; expand repeats a size-1 dim by stride 0, as a view"
    ),
    "repeat_interleave": "it writes every repetition; unsqueeze and expand repeat by stride 0, as a view",
    "roll": "what wraps around lies before what it follows, and no single stride leads there",
    **dict.fromkeys(("clone", "copy"), "to have its own storage is what it is for"),
    "asfortranarray": "its elements do not lie in column-major order yet",
    "tensor": "tensor always copies what it is given; as_tensor and from_numpy share",
}
"""Op -> why it can never be a view."""
