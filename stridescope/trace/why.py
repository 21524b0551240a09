"""Why a copy was one, where its strides come from, and what would avoid it.

Problem: "this line copied 4 MB" asks for the next sentence. Method: what was moved is known as two layouts. For a
reshape the shape that was wanted is that of the result, and the algebra says which dims could not merge; for the rest
a table of ops says what can never be done without a copy. Alternatives are run on the layout before they are told.

Cost: O(ndim) for a step that is told; nothing while a trace runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from stridescope.layout import Layout, Refusal
from stridescope.layout.base import contiguous_stride
from stridescope.layout.compatibility import view_stride
from stridescope.records.explanations import Cause
from stridescope.records.steps import Alternative

if TYPE_CHECKING:
    from stridescope.records import TensorInfo
    from stridescope.records.traces import Moved, TraceStep

__all__ = ["Why", "cause_of", "why"]


class Why(NamedTuple):
    """The proof, sentence by sentence, and what would avoid the copy."""

    because: tuple[str, ...]
    instead: tuple[Alternative, ...] = ()


_RESHAPES = frozenset(("reshape", "reshape_as", "flatten", "unflatten", "ravel", "_reshape_alias", "view_as"))
_ASKED_FOR = frozenset(("clone", "copy", "deepcopy"))
_NO_REASON = Why(())

_ALWAYS: dict[str, str] = {
    "cat": "what is joined lies in several storages, and one stride a dim cannot reach from one to the next",
    "stack": "what is stacked lies in several storages, and one stride a dim cannot reach from one to the next",
    "index": "positions from a list or a mask follow no stride; a slice would be a view",
    "index_select": "positions from a list follow no stride; narrow() or a slice would be a view",
    "gather": "positions from a tensor follow no stride",
    "take": "positions from a tensor follow no stride",
    "masked_select": "positions from a mask follow no stride",
    "flip": "reversed order needs a negative stride, which torch does not have",
    "rot90": "a turn reverses a dim, which needs a negative stride, and torch has none",
    "roll": "a rolled dim wraps around, which no stride does",
    "repeat": "elements are repeated in memory",
    "masked_fill": "out of place: the elements that are kept are copied; masked_fill_ writes in place",
    "index_fill": "out of place: the elements that are kept are copied; index_fill_ writes in place",
    "index_copy": "out of place: the elements that are kept are copied; index_copy_ writes in place",
    "index_put": "out of place: the elements that are kept are copied; index_put_ writes in place",
    "scatter": "out of place: the elements that are kept are copied; scatter_ writes in place",
    "tril": "out of place: the elements that are kept are copied; tril_ writes in place",
    "triu": "out of place: the elements that are kept are copied; triu_ writes in place",
    "constant_pad_nd": "a padded tensor needs room that its storage does not have",
    "_pin_memory": "pinned memory is other memory",
    "_foreach_copy_": "elements are written into storages that were there before",
    "copy_": "elements are written into a storage that was there before",
}
"""Op of aten -> why it can never be a view."""


def why(step: TraceStep) -> Why:
    """Why a step copied, told of the largest part of what it moved."""
    if not step.moved:
        return _NO_REASON
    largest = max(step.moved, key=lambda moved: moved.nbytes)
    said = _why(step, largest)
    others = len(step.moved) - 1
    if others:
        more = "once more" if others == 1 else f"{others} more times"
        said = said._replace(because=(*said.because, f"{step.op} moved elements {more} below this line"))
    return said


def _why(step: TraceStep, moved: Moved) -> Why:
    before, after = moved.before, moved.after
    if before is None or after is None or before.layout is None:
        return Why((_ALWAYS[moved.op],)) if moved.op in _ALWAYS else _NO_REASON
    if before.device != after.device:
        return Why((f"from {before.device} to {after.device}: another device is other memory",))
    if before.dtype != after.dtype:
        return Why((f"{before.dtype} elements are other bytes as {after.dtype}",))
    if moved.op == "repeat":
        return Why((_ALWAYS["repeat"],), _expanded(before, after))
    if moved.op in _ALWAYS:
        return Why((_ALWAYS[moved.op],))
    return _laid_out_anew(step, before, after)


def _laid_out_anew(step: TraceStep, before: TensorInfo, after: TensorInfo) -> Why:
    """A clone: asked for, or made because a shape or an order in memory was."""
    layout = before.layout
    assert layout is not None
    wanted = None if step.after is None or step.after.shape is None else step.after.shape
    if step.op in _RESHAPES and wanted is not None and step.after is not None and step.after.numel == layout.numel:
        refusal = view_stride(layout.shape, layout.stride, wanted)
        if isinstance(refusal, Refusal):
            from stridescope.program.alternatives import further_alternatives

            return Why((refusal.message,), further_alternatives(layout, before.itemsize or 1, wanted))
    if step.op in _ASKED_FOR and step.level == "function":
        return Why((f"{step.op}() always makes a new storage",))
    lost = _format_lost(layout, after.layout)
    if lost:
        return lost
    said = _order_of(layout, after.layout)
    if step.op != "contiguous" and step.level == "function":
        said = f"{step.op} laid out anew a tensor of shape {layout.shape}: {said}"
    return Why((said,))


def _format_lost(before: Layout, after: Layout | None) -> Why | None:
    """The channels_last order of a 4-dim tensor (or 5-dim) that a copy gave up."""
    if after is None:
        return None
    for memory_format in ("channels_last", "channels_last_3d"):
        if before.suggest_memory_format() == memory_format and not after.is_contiguous(memory_format):
            return Why(
                (f"the tensor was {memory_format}, and this op laid it out as contiguous: the format is lost here",),
                (Alternative(f".contiguous(memory_format=torch.{memory_format})", "same", 0),),
            )
    return None


def _order_of(layout: Layout, after: Layout | None) -> str:
    """Which stride is not what row-major order has."""
    if after is not None and not after.is_contiguous():
        return f"another order in memory was asked for: strides {layout.stride} became {after.stride}"
    needed = contiguous_stride(layout.shape)
    for dim in reversed(range(layout.ndim)):
        if layout.shape[dim] != 1 and layout.stride[dim] != needed[dim]:
            return f"stride[{dim}] is {layout.stride[dim]} where row-major order needs {needed[dim]}"
    return "its strides are in row-major order already, so the copy was asked for"


def _expanded(before: TensorInfo, after: TensorInfo) -> tuple[Alternative, ...]:
    """`expand`, where only dims of size 1 were repeated."""
    layout, shape = before.layout, after.shape
    if layout is None or shape is None:
        return ()
    old = (1,) * (len(shape) - layout.ndim) + layout.shape
    if len(old) != len(shape) or any(size not in (1, new) for size, new in zip(old, shape, strict=True)):
        return ()
    return (Alternative(f".expand({', '.join(map(str, shape))})", "view", 0),)


def cause_of(step: TraceStep, earlier: Iterable[TraceStep]) -> Cause | None:
    """The op that gave the tensor a step copied its order in memory.

    Args:
        step: a step that copied.
        earlier: the steps that led to its tensor, the last one first.
    """
    largest = max(step.moved, key=lambda moved: moved.nbytes) if step.moved else None
    if largest is None or largest.op not in _LAID_OUT or step.before is None or not _scattered(step.before):
        return None
    if step.op in _ASKED_FOR and step.level == "function":
        return None
    found: TraceStep | None = None
    for made in earlier:
        if made.after is None or not _scattered(made.after):
            break
        found = made
    return None if found is None else Cause(_written(found), found.line, found.file)


_LAID_OUT = frozenset(("clone", "_reshape_copy", "reshape_copy", "copy", "view_copy", "_unsafe_view"))


def _scattered(info: TensorInfo) -> bool:
    return info.layout is not None and not info.layout.is_contiguous()


def _written(step: TraceStep) -> str:
    """An op as it is written after a tensor: ".t()"; an attribute or an index as what it is."""
    spell = _SPELLED.get(step.op)
    return f".{step.op}()" if spell is None else spell(step.op)


_SPELLED: dict[str, Callable[[str], str]] = {
    "getitem": lambda _: "[…]",
    **dict.fromkeys(("T", "mT", "H", "mH", "real", "imag", "data"), lambda op: f".{op}"),
}
