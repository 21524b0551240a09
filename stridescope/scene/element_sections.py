"""Sections on what the reader points at: an element, a step of the walk, a dim.

Problem: one index is at once a place in a tensor, a sum of strides and an address that others may share. Method: a
function a section, from the question to entries; empty where there is nothing to say. Cost: O(ndim).
"""

from __future__ import annotations

from stridescope.scene.asked import Asked, said
from stridescope.scene.formula import formula_lines, others, others_line, stride_text
from stridescope.scene.frame import size_of
from stridescope.scene.panel import Entry, Span
from stridescope.scene.text import count, index_text
from stridescope.scene.view import Hit
from stridescope.scene.walking import LINE_NBYTES, WalkCost, cost, cost_text, hop_into, hop_text, hops_table

__all__ = ["hops", "hops_of_walk", "pointed", "pointed_briefly", "stride", "walked", "walked_briefly"]


def pointed(asked: Asked) -> list[Entry]:
    """The formula of the element under the cursor, its value, and who else reaches its address."""
    info, layout, index = asked.info, asked.layout, asked.index
    if info is None or layout is None or index is None:
        return _nowhere(asked)
    first, *rest = formula_lines(info, index, asked.width)
    entries = [said(first, "bold"), *(Entry((Span(line),)) for line in rest)]
    if asked.value is not None:
        entries.append(Entry((Span("value ", "quiet"), Span(asked.value, "bold"))))
    entries.append(said(others_line(layout, index), "quiet"))
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
    shared = [] if others(layout, index).total == 0 else [said(others_line(layout, index), "quiet")]
    return [Entry((head,), text), *shared]


def _nowhere(asked: Asked) -> list[Entry]:
    """A place on the strip that the tensor does not reach."""
    if asked.address is None:
        return []
    whose = asked.info.name if asked.info is not None and asked.info.name else "this tensor"
    return [said(f"address {count(asked.address)}", "bold"), said(f"No element of {whose} is there.", "quiet")]


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
        parts.append(f"{count(price.loads)} cache lines, {count(price.fewest)} would do")
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


def hops(asked: Asked) -> list[Entry]:
    """A line for each dim: its stride, and the hop when it advances; each selects its dim."""
    layout = asked.layout
    if layout is None or not layout.ndim or asked.info is None:
        return []
    rows = hops_table(layout, asked.info.itemsize)
    strides = max(len(count(row.stride)) for row in rows)
    sizes = max(len(count(row.size)) for row in rows)
    heads = [f"dim {row.dim:<{len(str(layout.ndim - 1))}}  " for row in rows]
    texts = [f"size {count(row.size):>{sizes}}  stride {count(row.stride):>{strides}}" for row in rows]
    long = ["" if row.hop is None else f"  hop {hop_text(row.hop, asked.info.itemsize)}" for row in rows]
    short = ["" if row.hop is None else f"  hop {row.hop:+,}" for row in rows]
    fits = all(len(head + text + tail) <= asked.width for head, text, tail in zip(heads, texts, long, strict=True))
    return [
        Entry(
            (Span(head, "bold" if row.dim == asked.dim else "quiet"),),
            Span(text + tail),
            Hit("dim", asked.tensor, number=row.dim),
        )
        for row, head, text, tail in zip(rows, heads, texts, long if fits else short, strict=True)
    ]


def hops_of_walk(asked: Asked) -> list[Entry]:
    """The same beside a walk or a selected dim."""
    return hops(asked) if asked.walk is not None or asked.dim is not None else []


def stride(asked: Asked) -> list[Entry]:
    """What the stride of the selected dim does."""
    if asked.dim is None or asked.layout is None or asked.info is None:
        return []
    text = stride_text(asked.layout, asked.dim, asked.info.itemsize)
    return [Entry((), Span(text), Hit("dim", asked.tensor, number=asked.dim), hang=2)]
