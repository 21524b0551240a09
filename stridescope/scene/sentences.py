"""What a layout means, in plain English.

Problem: shape (3, 2), stride (1, 8) is exact and says nothing to who has not learnt to read it. Method:
pure functions from records to sentences, each about one thing a user must decide by: is it a view, what
would the next op copy, what stays in memory, where would a write land twice. Whatever follows from a
layout is asked of `Layout`.

Cost: a few questions of O(ndim); elements are counted one by one only where there are few.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from stridescope.errors import IllegalOp
from stridescope.layout import Layout, Refusal
from stridescope.scene.text import (
    count,
    index_text,
    nbytes_both,
    nbytes_text,
    percent,
    plural,
    source_shortened,
    tuple_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import Effect, History, Step, TensorInfo, Write

__all__ = [
    "Next",
    "address_formula",
    "contiguity",
    "joined",
    "meaning",
    "next_ops",
    "others_text",
    "reached",
    "retained",
    "spacing",
    "story",
    "written",
]

COUNTED = 4096
LISTED = 3
LISTED_WRITES = 6
STORY_SOURCE = 60
WORTH_A_WORD = 4096


class Next(NamedTuple):
    """What an op would do if it came next."""

    source: str
    effect: Effect
    detail: str


def reached(layout: Layout) -> tuple[int, bool]:
    """How many addresses a layout reaches, and whether that is exact (else: at most).

    >>> reached(Layout((3, 2), (1, 8), 1)), reached(Layout((4, 10**6), (0, 1)))
    ((6, True), (1000000, True))
    """
    # A dim of stride 0 reaches nothing new.
    for dim in reversed(range(layout.ndim)):
        if layout.stride[dim] == 0 and layout.shape[dim] > 1:
            layout = layout.select(dim, 0)
    if layout.numel <= COUNTED:
        return len(set(layout.addresses())), True
    if layout.overlap().verdict == "no":
        return layout.numel, True
    low, high = layout.span
    return min(layout.numel, high - low), False


def contiguity(info: TensorInfo) -> str:
    """One word or two for the order in memory.

    A tensor may be contiguous in two formats at once (a dim of size 1); torch's first check wins.
    """
    layout = info.layout
    if layout is None:
        return (
            "contiguity unknown" if info.contiguous is None else ("contiguous" if info.contiguous else "not contiguous")
        )
    if layout.is_contiguous():
        return "contiguous"
    for rank, memory_format in ((4, "channels_last"), (5, "channels_last_3d")):
        if layout.ndim == rank and layout.is_contiguous(memory_format):
            return memory_format
    return "not contiguous, but dense" if layout.is_non_overlapping_and_dense() else "not contiguous"


def lineage(history: History) -> list[Step]:
    """The steps that led to the final tensor, from its creation on; other names' steps are left out."""
    found: list[Step] = []
    wanted: TensorInfo | None = None
    for step in reversed([step for step in history.steps if step.effect != "refused"]):
        if not found or any(_same_tensor(made, wanted) for made in (step.tensor, *step.tensors)):
            found.append(step)
            wanted = step.before
            if wanted is None:
                break
    return found[::-1]


def _same_tensor(one: TensorInfo | None, other: TensorInfo | None) -> bool:
    if one is None or other is None:
        return False
    places = [
        (info.shape, info.stride, info.storage_offset, info.dtype, info.storage and info.storage.id)
        for info in (one, other)
    ]
    return places[0] == places[1]


def story(history: History) -> str:
    """Where the final tensor's bytes are, and how often they moved on the way."""
    steps = lineage(history)
    if not steps:
        return ""
    moved = [number for number, step in enumerate(steps) if step.effect in ("alloc", "copy")]
    base = moved[-1] if moved else 0
    after = steps[base + 1 :]
    source = source_shortened(steps[base].source, STORY_SOURCE)
    views = sum(step.effect == "view" for step in after)
    size = _storage_text(_tensor_of(steps[-1]))
    if steps[base].effect == "copy":
        copied = f"{source} copied {nbytes_both(steps[base].copied_nbytes)} into new storage"
        why = getattr(getattr(steps[base].copy, "why", None), "message", None)
        copied = f"{copied}: {why}." if why else f"{copied}."
        return f"{copied} {_views(views, 'it')}" if views else copied
    written = sum(step.effect == "write" for step in after)
    if views:
        whole = f"the {size} of {source}" if size else source
        dtypes = {info.dtype for info in map(_tensor_of, steps[base:]) if info is not None}
        changed = "shape, stride and offset" if len(dtypes) < 2 else "shape, stride, offset and dtype"
        return f"A view of {whole}: {_count_steps(views)} changed only {changed}. No bytes moved."
    if written:
        return f"{source}, changed in place {_times(written)}; no bytes moved to another storage."
    if steps[base].effect == "alloc":
        return f"A new storage of {size}." if size else "A new storage."
    return ""


def _views(views: int, of: str) -> str:
    return f"The step after that is a view of {of}." if views == 1 else f"The {views:,} steps after are views of {of}."


def _times(number: int) -> str:
    return "once" if number == 1 else f"{count(number)} times"


def _count_steps(views: int) -> str:
    return "one step" if views == 1 else f"{count(views)} steps"


def spacing(info: TensorInfo) -> str:
    """How neighbours in the tensor lie in memory."""
    layout = info.layout
    if layout is None:
        return ""
    if layout.numel == 0:
        dims = [dim for dim, size in enumerate(layout.shape) if size == 0]
        return f"No elements: {joined([f'dim {dim}' for dim in dims])} has size 0, so no address is reached."
    wide = [dim for dim in range(layout.ndim) if layout.shape[dim] > 1]
    still = [dim for dim in wide if layout.stride[dim] == 0]
    if still:
        each = joined([f"the {count(layout.shape[dim])} indices of dim {dim}" for dim in still])
        return f"Stride 0: {each} reach the same addresses, so nothing is repeated in memory and a write shows in all."
    verdict = layout.overlap()
    if verdict.verdict == "yes":
        pair = verdict.witness
        where = (
            f"{index_text(pair[0])} and {index_text(pair[1])} both reach address {layout.address(pair[0])}"
            if pair
            else ""
        )
        return f"It overlaps itself{': ' + where if where else ''}. In-place ops on it are not safe."
    if not wide:
        return ""
    if verdict.verdict == "undecided":
        return "Whether two indices reach one address was not settled within the search budget."
    last = wide[-1]
    step = layout.stride[last]
    if layout.is_contiguous():
        return "Index order is memory order."
    far = f" ({nbytes_text(abs(step) * info.itemsize)})" if info.itemsize else ""
    others = "".join(_backwards(dim, layout.stride[dim]) for dim in wide[:-1] if layout.stride[dim] < 0)
    if layout.is_non_overlapping_and_dense():
        order = sorted(wide, key=lambda dim: -layout.stride[dim])
        return f"Dense, but in memory the dims run in the order {tuple_text(order)}, not {tuple_text(wide)}."
    low, high = layout.span
    if abs(step) == 1:
        rest = "there are gaps between the rest" if layout.numel < high - low else "nothing is left out"
        return f"Neighbours along dim {last} touch in memory{', backwards' if step < 0 else ''}; {rest}.{others}"
    apart = f"{plural(abs(step), 'element')}{far} apart{', backwards' if step < 0 else ''}"
    return f"Neighbours along dim {last} lie {apart}.{others}"


def _backwards(dim: int, stride: int) -> str:
    return f" Dim {dim} runs backwards, with stride {count(stride)}."


def retained(info: TensorInfo) -> str:
    """What stays in memory for the sake of few elements; empty where that is not worth a word."""
    layout = info.layout
    if layout is None or info.storage is None or not info.storage.nbytes or not info.itemsize:
        return ""
    elements, exact = reached(layout)
    used, held = elements * info.itemsize, info.storage.nbytes
    if not exact or held < WORTH_A_WORD or used * 2 > held:
        return ""
    copied = layout.numel * info.itemsize
    keep = (
        f" A .{'copy' if _is_numpy(info) else 'clone'}() would keep {nbytes_text(copied)} alone."
        if copied * 2 <= held
        else ""
    )
    return (
        f"It reaches {nbytes_text(used)} of {nbytes_both(held)}, {percent(used, held)}; while it lives, all of it stays"
        f" in memory.{keep}"
    )


def next_ops(info: TensorInfo) -> tuple[Next, ...]:
    """What flattening and making contiguous would do next."""
    layout = info.layout
    if layout is None or info.shape is None:
        return ()
    numpy = _is_numpy(info)
    size = "" if info.nbytes is None else nbytes_both(info.nbytes)
    copies = f"copies {size} into a new storage" if size else "copies into a new storage"
    rows = []
    try:
        flat = layout.view(-1)
    except IllegalOp as error:
        rows.append(Next(".reshape(-1)" if numpy else ".view(-1)", "refused", error.message))
    else:
        if not isinstance(flat, Refusal):
            rows.append(Next(".reshape(-1)" if numpy else ".view(-1)", "view", str(flat)))
        elif numpy:
            rows.append(Next(".reshape(-1)", "copy", f"{copies}: {flat.message}"))
        else:
            rows.append(Next(".view(-1)", "refused", flat.message))
    if numpy:
        return (*rows, Next(".copy()", "copy", copies))
    if layout.is_contiguous():
        return (*rows, Next(".contiguous()", "same", "nothing to copy"))
    return (*rows, Next(".contiguous()", "copy", copies))


def meaning(info: TensorInfo, history: History | None = None) -> list[str]:
    """The sentences that stand beside the grid."""
    first = story(history) if history is not None else ""
    return [line for line in (first, spacing(info), retained(info)) if line]


def address_formula(info: TensorInfo, index: Sequence[int]) -> list[str]:
    """The address of an index with the numbers put in, line by line.

    Raises:
        OpIndexError: the index does not fit the shape.
    """
    layout = info.layout
    if layout is None:
        return []
    address = layout.address(index)
    wrapped = [place + size if place < 0 else place for place, size in zip(index, layout.shape, strict=True)]
    terms = [
        f"{place}·{step}" if step >= 0 else f"{place}·({step})"
        for place, step in zip(wrapped, layout.stride, strict=True)
    ]
    products = [place * step for place, step in zip(wrapped, layout.stride, strict=True)]
    byte = "" if info.itemsize is None else f" → byte {count(address * info.itemsize)}"
    if not terms:
        return [f"address of {index_text(index)} = offset = {count(address)}{byte}"]
    sums = " + ".join(
        count(number) if number >= 0 else f"({count(number)})" for number in (layout.storage_offset, *products)
    )
    return [
        f"address of {index_text(index)}",
        f"= offset + {' + '.join(terms)}",
        f"= {sums} = {count(address)}{byte}",
    ]


def others_text(layout: Layout, index: Sequence[int]) -> str:
    """Which other indices reach the address of an index."""
    here = tuple(place + size if place < 0 else place for place, size in zip(index, layout.shape, strict=True))
    found = (other for other in layout.indices_of(layout.address(here)) if other != here)
    others = list(islice(found, LISTED + 1))
    if not others:
        return "No other index reaches it."
    named = [index_text(other) for other in sorted(others[:LISTED])]
    listed = f"{', '.join(named)} and more" if len(others) > LISTED else joined(named)
    return f"Also reached by {listed}."


def joined(words: Sequence[str]) -> str:
    """A list in a sentence.

    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _tensor_of(step: Step) -> TensorInfo | None:
    return step.tensor or (step.tensors[0] if step.tensors else None)


def _storage_text(info: TensorInfo | None) -> str:
    if info is None or info.storage is None or info.storage.nbytes is None:
        return ""
    return nbytes_text(info.storage.nbytes)


def _is_numpy(info: TensorInfo) -> bool:
    return info.type.startswith("numpy")


def written(write: Write | None) -> str:
    """What a write changed, and which names see it."""
    if write is None:
        return "Changes its storage in place."
    numel = write.numel
    if numel == 0:
        return "Changes nothing."
    if numel <= LISTED_WRITES:
        addresses = [count(address) for address in sorted(set(write.addresses()))]
        where = f"address{'es' if len(addresses) > 1 else ''} {joined(addresses)}"
    else:
        low, high = write.span
        where = f"{plural(numel, 'element')} in [{count(low)}, {count(high)})"
    seen = f"; seen by {joined(write.seen_by)}" if write.seen_by else ""
    return f"Changes {where} in place{seen}."
