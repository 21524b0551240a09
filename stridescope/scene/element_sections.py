"""Sections on what the reader points at: an element, a step of the walk, a dim.

Problem: one index is at once a place in a tensor, a sum of strides and an address that others may share. Method: a
function a section, from the question to entries; empty where there is nothing to say. Cost: O(ndim).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.scene.asked import Asked, said
from stridescope.scene.formula import elsewhere, formula_lines, others, others_line, stride_text
from stridescope.scene.frame import size_of
from stridescope.scene.panel import Entry, Span
from stridescope.scene.text import count, index_text, nbytes_text
from stridescope.scene.view import Hit
from stridescope.scene.walking import (
    LINE_NBYTES,
    Hop,
    WalkCost,
    cost,
    cost_briefly,
    cost_text,
    hop_into,
    hop_text,
    hops_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "dims_table",
    "hops_of_walk",
    "hops_of_walk_briefly",
    "pointed",
    "pointed_briefly",
    "pointed_least",
    "stride",
    "walked",
    "walked_briefly",
]

HOP = "A hop, in elements, leads to the next element when the dim goes on and later dims start again."


def pointed(asked: Asked) -> list[Entry]:
    """The formula of the element under the cursor, its value, and who else reaches its address."""
    info, layout, index = asked.info, asked.layout, asked.index
    if info is None or layout is None or index is None:
        return _nowhere(asked)
    first, *rest = formula_lines(info, index, asked.width)
    entries = [said(first, "bold"), *(Entry((Span(line),)) for line in rest)]
    if asked.value is not None:
        entries.append(Entry((Span("value ", "quiet"), Span(asked.value, "bold"))))
    entries.append(said(others_line(layout, index, asked.others), "quiet"))
    came = _origin(asked)
    return [*entries, said(came)] if came else entries


def pointed_briefly(asked: Asked) -> list[Entry]:
    """The same in one line, and a second where other indices reach the address."""
    info, layout, index = asked.info, asked.layout, asked.index
    if info is None or layout is None or index is None:
        return _nowhere(asked)
    terms = (
        f"{place}·{step}" if step >= 0 else f"{place}·({step})"
        for place, step in zip(index, layout.stride, strict=True)
    )
    sums = [count(layout.storage_offset), *terms]
    address = layout.address(index)
    at = [" + ".join(sums)] if layout.ndim else []
    byte = f" → byte {count(address * info.itemsize)}" if info.itemsize else ""
    value = "" if asked.value is None else f" · value {asked.value}"
    head = Span(f"{index_text(index)} ", "bold")
    text = Span(f"is at {' = '.join([*at, count(address)])}{byte}{value}")
    alone = others(layout, index).total == 0 and not asked.others
    shared = [] if alone else [said(others_line(layout, index, asked.others), "quiet")]
    return [Entry((head,), text), *shared]


def pointed_least(asked: Asked) -> list[Entry]:
    """The address alone."""
    info, layout, index = asked.info, asked.layout, asked.index
    if info is None or layout is None or index is None:
        return _nowhere(asked)[:1]
    address = layout.address(index)
    byte = f" → byte {count(address * info.itemsize)}" if info.itemsize else ""
    return [said(f"{index_text(index)} is at {count(address)}{byte}")]


def _nowhere(asked: Asked) -> list[Entry]:
    """A place on the strip that the tensor does not reach."""
    if asked.address is None:
        return []
    whose = asked.info.name if asked.info is not None and asked.info.name else "this tensor"
    but = f", but {elsewhere(asked.others)}" if asked.others else ""
    return [said(f"address {count(asked.address)}", "bold"), said(f"No element of {whose} is there{but}.", "quiet")]


def _origin(asked: Asked) -> str:
    """Where the element was copied from, by the step that made it."""
    copy, made, layout, index, info = asked.step.copy, asked.step.tensor, asked.layout, asked.index, asked.info
    if copy is None or made is None or layout is None or index is None or info is None:
        return ""
    if copy.layout.shape != layout.shape or info.storage != made.storage or layout != made.layout:
        return ""
    number, place = copy.source_of(index)
    address = copy.sources[number].address(place)
    which = f"tensor {number + 1}" if len(copy.sources) > 1 else "the old tensor"
    return f"Copied from {index_text(place)} of {which}, address {count(address)} there."


def walked(asked: Asked) -> list[Entry]:
    """Which element, which dim advanced, how far the hop was, and what the whole walk costs."""
    layout, walk = asked.layout, asked.walk
    if asked.info is None or layout is None or walk is None:
        return []
    into = hop_into(layout, walk)
    hop = "the walk starts" if into is None else f"dim {into[0]}: {hop_text(into[1], asked.info.itemsize)}"
    entries = _behind(f"element {count(walk + 1)} of {count(layout.numel)}", hop, asked)
    price = _cost(asked)
    return entries if price is None else [*entries, said(cost_text(price))]


def walked_briefly(asked: Asked) -> list[Entry]:
    """The same in one line."""
    layout, walk = asked.layout, asked.walk
    if asked.info is None or layout is None or walk is None:
        return []
    into = hop_into(layout, walk)
    parts = [] if into is None else [hop_text(into[1], asked.info.itemsize)]
    price = _cost(asked)
    if price is not None:
        parts.append(cost_briefly(price))
    return _behind(f"element {count(walk + 1)}/{count(layout.numel)}", " · ".join(parts), asked)


def _behind(head: str, text: str, asked: Asked) -> list[Entry]:
    """A text behind its head; below it where the head needs the line."""
    if size_of(head) + 2 > asked.width:
        return [said(head, "bold"), said(text)]
    return [Entry((Span(head, "bold"), Span("  ")), Span(text))]


def _cost(asked: Asked) -> WalkCost | None:
    info, layout = asked.info, asked.layout
    if info is None or layout is None or not info.itemsize:
        return None
    base = 0 if info.storage is None else (info.storage.data_ptr or 0) % LINE_NBYTES
    return cost(layout, info.itemsize, LINE_NBYTES, base)


def dims_table(asked: Asked) -> list[Entry]:
    """A line for each dim: its stride, in a walk the hop when it advances, else in bytes; each selects its dim."""
    layout = asked.layout
    if layout is None or not layout.ndim or asked.info is None:
        return []
    rows = hops_table(layout, asked.info.itemsize)
    strides = max(len(count(row.stride)) for row in rows)
    sizes = max(len(count(row.size)) for row in rows)
    heads = [f"dim {row.dim:<{len(str(layout.ndim - 1))}}  " for row in rows]
    texts = [f"size {count(row.size):>{sizes}}  stride {count(row.stride):>{strides}}" for row in rows]
    room = asked.width - max(map(len, texts)) - len(heads[0])
    tails = next(
        (tails for tails in _tails(rows, asked) if max(map(len, tails)) <= room),
        [""] * len(rows),
    )
    return [
        Entry(
            (Span(head, "bold" if row.dim == asked.dim else "quiet"),),
            Span(text + tail),
            Hit("dim", asked.tensor, number=row.dim),
        )
        for row, head, text, tail in zip(rows, heads, texts, tails, strict=True)
    ]


def _tails(rows: Sequence[Hop], asked: Asked) -> Iterator[list[str]]:
    """What the lines add to the strides, shorter and shorter."""
    itemsize = None if asked.info is None else asked.info.itemsize
    if asked.walk is not None:
        yield ["" if row.hop is None else f"  hop {hop_text(row.hop, itemsize)}" for row in rows]
        yield ["" if row.hop is None else f"  hop {row.hop:+,}" for row in rows]
    elif itemsize:
        yield [f"  {nbytes_text(row.stride * itemsize)}" for row in rows]


def hops_of_walk(asked: Asked) -> list[Entry]:
    """The same beside a walk or a selected dim; in a walk with what a hop is."""
    entries = hops_of_walk_briefly(asked)
    return [*entries, said(HOP, "quiet")] if any("  hop " in entry.text.text for entry in entries) else entries


def hops_of_walk_briefly(asked: Asked) -> list[Entry]:
    """The lines alone."""
    return dims_table(asked) if asked.walk is not None or asked.dim is not None else []


def stride(asked: Asked) -> list[Entry]:
    """What the stride of the selected dim does."""
    if asked.dim is None or asked.layout is None or asked.info is None:
        return []
    text = stride_text(asked.layout, asked.dim, asked.info.itemsize)
    return [Entry((), Span(text), Hit("dim", asked.tensor, number=asked.dim), hang=2)]
