"""The parts of a panel: a storage with the tensors on it, a refusal, a tensor without a layout.

Problem: put strip, grid, facts and sentences of one storage into a width, for one tensor or for several
names. Method: each tensor is a `Drawn`, which knows how its addresses map to positions of the shared
strip (items of several sizes may lie on one storage); the sections then only arrange what the drawing
modules give. Cost: what is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

from rich.segment import Segment

from stridescope.render.cells import (
    address_text,
    count,
    is_odd,
    nbytes_text,
    plural,
    shortened,
    tuple_text,
    value_text,
)
from stridescope.render.grid import draw_grid
from stridescope.render.lines import Line, beside, flow, indented, padded, tile, width_of, wrap
from stridescope.render.sentences import (
    Next,
    address_formula,
    contiguity,
    meaning,
    next_ops,
    others_text,
    reached,
)
from stridescope.render.steps import effect_word
from stridescope.render.strip import WHOLE_CELLS, Track, draw_strip, reaches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import History, ReadValues, Step, TensorInfo, Write
    from stridescope.render.ink import Ink

__all__ = ["Drawn", "major", "refusal_section", "storage_section", "tensor_section", "unknown_section"]

HEAD = 9
"""Columns that the bold word before a section's facts takes."""

TEXT_WIDTH = 84
BESIDE_WIDTH = 44
ROWS_OF_NAMES = 6
MINOR = ("storage.data_ptr", "requires_grad")
"""Fields whose absence changes nothing that is drawn; JSON says why they are null."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A tensor that is drawn, with the name it is drawn under and who reads its values."""

    info: TensorInfo
    layout: Layout
    name: str = ""
    read: ReadValues | None = None
    scale: int = 1

    def reaches(self, position: int) -> bool:
        """Whether the tensor reaches a position of the strip."""
        return reaches(self.layout)(position // self.scale)

    def texts(self, addresses: Sequence[int]) -> list[tuple[str, bool]]:
        """What the cells at these addresses say, and whether it is nan or infinite."""
        values = [None] * len(addresses) if self.read is None else self.read(addresses)
        return [(value_text(value, self.info.dtype), is_odd(value)) for value in values]


def storage_section(
    ink: Ink, drawn: Sequence[Drawn], width: int, *, values: bool, index: tuple[int, ...] | None, written: Write | None
) -> tuple[list[Line], Track, list[Drawn]]:
    """STORAGE: its facts and its strip, and the track and scales that the grids below share."""
    sizes = [item.info.itemsize for item in drawn if item.info.itemsize]
    unit = gcd(*sizes) if sizes else 0
    drawn = [
        Drawn(item.info, item.layout, item.name, item.read, (item.info.itemsize or unit) // unit if unit else 1)
        for item in drawn
    ]
    track, held = _track(drawn, unit)
    bold, quiet = ink.word("bold"), ink.word("quiet")
    chunks: list[Line] = [
        [Segment("STORAGE".ljust(HEAD), bold), Segment(ink.say(_storage_facts(drawn, unit, held)))],
    ]
    chunks += [[Segment(ink.say(text), quiet)] for text in _reach_facts(drawn, held, width)]
    outside = _outside(drawn, held)
    if outside:
        chunks.append([Segment(ink.say(outside), ink.word("refused", bold=True))])
    lines = [*flow(chunks, width, hang=HEAD), []]
    marked = drawn[0].layout.address(index) * drawn[0].scale if index is not None else None
    anchors = [edge for item in drawn if item.layout.numel for edge in _edges(item)]
    letters = _letters([item.name for item in drawn])
    named = [
        (
            ink.say(shortened(item.name, 10, ink.dots)),
            ink.say(letter) if letter.isprintable() else "?",
            item.reaches,
            "plain",
        )
        for item, letter in zip(drawn[:ROWS_OF_NAMES], letters, strict=False)
        if len(drawn) > 1
    ]
    if written is not None:
        hits, scale = [reaches(layout) for layout in written.layouts], drawn[-1].scale
        anchors += [edge * scale for layout in written.layouts[:2] if layout.numel for edge in layout.span]
        named.append(("written", ink.mark("up"), lambda position: any(hit(position // scale) for hit in hits), "write"))
    lines += draw_strip(
        ink,
        track,
        width,
        reached=lambda position: any(item.reaches(position) for item in drawn),
        anchors=anchors,
        marked=marked,
        values=drawn[0].texts if values and all(item.scale == 1 for item in drawn) else None,
        named=named,
    )
    if len(drawn) > ROWS_OF_NAMES:
        more = f"{ink.dots} {plural(len(drawn) - ROWS_OF_NAMES, 'more name')} on this storage"
        lines.append([Segment(" " + more, quiet)])
    return lines, track, drawn


def tensor_section(
    ink: Ink,
    drawn: Sequence[Drawn],
    track: Track,
    width: int,
    *,
    values: bool,
    index: tuple[int, ...] | None,
    history: History | None,
    notes: bool = True,
) -> list[Line]:
    """TENSOR: the facts and the grid of one tensor with what it means, or several grids side by side."""
    word = "value" if values else "address"
    grids = [
        draw_grid(
            ink,
            item.layout,
            lambda address, scale=item.scale: track.level(address * scale),  # type: ignore[misc]
            width,
            texts=item.texts if values else None,
            marked=_wrapped(index, item.layout) if index is not None and number == 0 else None,
            word=word,
        )
        for number, item in enumerate(drawn)
    ]
    if len(drawn) == 1:
        facts = flow(_tensor_facts(ink, drawn[0]), width, hang=HEAD)
        return [*facts, [], *_explained(ink, grids[0], drawn[0], width, index, history, notes)]
    blocks = []
    for item, grid in zip(drawn, grids, strict=True):
        title: Line = [
            Segment(f"  {ink.say(shortened(item.name, 24, ink.dots))}  ", ink.word("bold")),
            Segment(ink.say(f"{item.layout} · {contiguity(item.info)}"), ink.word("quiet")),
        ]
        blocks.append([title, *(grid or [[Segment("  no elements", ink.word("quiet"))]])])
    first, *more = wrap(
        [Segment(f"{len(drawn)} on one storage: a write through one shows in all that reach it")], width - HEAD
    )
    head: Line = [Segment("TENSORS".ljust(HEAD), ink.word("bold")), *first]
    lines = [head, *indented(more, HEAD), [], *tile(blocks, width, gap=4)]
    if index is not None:
        lines += [[], *indented(_formula(ink, drawn[0], index, min(width - 2, TEXT_WIDTH)), 2)]
    return lines


def _explained(
    ink: Ink,
    grid: list[Line],
    item: Drawn,
    width: int,
    index: tuple[int, ...] | None,
    history: History | None,
    notes: bool,
) -> list[Line]:
    grid_width = max((width_of(line) for line in grid), default=0)
    room = min(width - grid_width - 4, TEXT_WIDTH)
    aside = room >= BESIDE_WIDTH and len(grid) > 2
    text_width = room if aside else min(width - 2, TEXT_WIDTH)
    text: list[Line] = [] if index is None else [*_formula(ink, item, index, text_width), []]
    for sentence in meaning(item.info, history) if notes else ():
        text += wrap([Segment(ink.say(sentence))], text_width)
    following = next_ops(item.info) if notes and item.layout.numel > 1 else ()
    if following:
        text += [[]] if text and text[-1] else []
        text += next_lines(ink, following, text_width)
    if aside:
        return beside(grid, text)
    return [*grid, *([[]] if grid and text else []), *indented(text, 2)]


def _formula(ink: Ink, item: Drawn, index: tuple[int, ...], width: int) -> list[Line]:
    """Which address an index reaches, with the numbers put in, and which other indices do."""
    first, *rest = address_formula(item.info, index)
    lines = wrap([Segment(ink.say(first), ink.word("bold"))], width)
    for line in rest:
        lines += indented(wrap([Segment(ink.say(line))], width - 2, hang=2), 2)
    return [*lines, *wrap([Segment(ink.say(others_text(item.layout, index)), ink.word("quiet"))], width)]


def next_lines(ink: Ink, rows: Sequence[Next], width: int) -> list[Line]:
    """What each op would do next: its source, its effect, its cost."""
    sources = max(len(row.source) for row in rows) + 2
    lines: list[Line] = []
    for row in rows:
        head: Line = [Segment(ink.say(row.source).ljust(sources)), *effect_word(ink, row.effect)]
        edge = width_of(head)
        detail: Line = [Segment(ink.say(row.detail), ink.word("quiet"))]
        if width_of(detail) <= width - edge or width - edge >= 48:
            first, *more = wrap(detail, width - edge)
            lines += [[*head, *first], *indented(more, edge)]
        else:
            lines += [head, *indented(wrap(detail, width - 2), 2)]
    return lines


def refusal_section(ink: Ink, step: Step, width: int) -> list[Line]:
    """REFUSED: the reason, the dims it is about, what would work, and the library's own words."""
    reason = step.reason
    if reason is None:
        return []
    quiet, bold, red = ink.word("quiet"), ink.word("bold"), ink.word("refused", bold=True)
    text_width = min(width - HEAD, TEXT_WIDTH)
    body: list[Line] = [[Segment(ink.say(step.source), bold), Segment(f"   {ink.say(reason.exception)}", quiet)]]
    body += wrap([Segment(ink.say(reason.message))], text_width)
    info = step.before
    if info is not None and info.shape and info.stride and reason.dims:
        body += [[], *_dims_table(ink, info.shape, info.stride, reason.dims, text_width)]
    if reason.needed_stride is not None and reason.found_stride is not None and reason.dims:
        found = f"stride[{reason.dims[0]}] is {count(reason.found_stride)}, needs {count(reason.needed_stride)}"
        body[-1] = [*body[-1], Segment(f"   {found}", red)]
    if reason.alternatives:
        rows = [
            Next(
                other.source, other.effect, f"copies {nbytes_text(other.copied_nbytes)}" if other.copied_nbytes else ""
            )
            for other in reason.alternatives
        ]
        body += [[], [Segment("What works instead", bold)], *next_lines(ink, rows, text_width)]
    if reason.native_message is not None:
        who = "numpy" if info is not None and info.type.startswith("numpy") else "torch"
        said = f"{who} says: {reason.native_message}"
        body += [[], *wrap([Segment(ink.say(" ".join(said.split())), quiet)], text_width)]
    head: Line = [Segment("REFUSED".ljust(HEAD), red), *body[0]]
    return [head, *indented(body[1:], HEAD)]


def _dims_table(ink: Ink, shape: Sequence[int], stride: Sequence[int], dims: Sequence[int], width: int) -> list[Line]:
    """shape and stride dim by dim, with the dims to blame marked."""
    quiet, red = ink.word("quiet"), ink.word("refused", bold=True)
    wanted = {dim for dim in dims if 0 <= dim < len(shape)}
    size = max(len(str(number)) for number in (*shape, *stride)) + 3
    fit = max((width - 8) // size, len(wanted), 1)
    first = max(min(min(wanted, default=0) - 1, len(shape) - fit), 0)
    shown = range(first, min(first + fit, len(shape)))
    rows: tuple[tuple[str, Sequence[object], bool], ...] = (
        ("dim", range(len(shape)), False),
        ("shape", shape, True),
        ("stride", stride, True),
        ("", [ink.mark("up") if dim in wanted else "" for dim in range(len(shape))], True),
    )
    return [
        [
            Segment(head.ljust(8), quiet),
            *(
                Segment(f"{row[dim]!s:>{size}}", red if marks and dim in wanted else quiet if not marks else None)
                for dim in shown
            ),
        ]
        for head, row, marks in rows
    ]


def unknown_section(ink: Ink, info: TensorInfo, width: int) -> list[Line]:
    """A tensor without a layout: what is known, why the rest is not, and its parts."""
    quiet, bold = ink.word("quiet"), ink.word("bold")
    facts = _known_facts(ink, info)
    lines = flow(facts, width, hang=HEAD)
    if major(info):
        lines += [[], *_why_lines(ink, info, width)]
    if info.parts:
        from stridescope.render.tables import draw_table

        rows = [part.named(name) for name, part in info.parts]
        lines += [[], [Segment("PARTS", bold), Segment("  the tensors it is made of", quiet)], []]
        lines += indented(draw_table(ink, rows, width - 2, totals=False), 2)
    return lines


def major(info: TensorInfo) -> list[tuple[str, str]]:
    """(field, why it is not there) for the fields that a drawing is made of."""
    return [(field, sentence) for field, sentence in info.why if field not in MINOR]


def _why_lines(ink: Ink, info: TensorInfo, width: int) -> list[Line]:
    size = min(max(len(field) for field, _ in major(info)), 26) + 2
    lines: list[Line] = []
    for field, sentence in major(info):
        head: Line = padded([Segment("  no " + ink.say(shortened(field, 26, ink.dots)), ink.word("quiet"))], size + 5)
        first, *more = wrap([Segment(ink.say(sentence))], max(min(width - size - 5, TEXT_WIDTH), 16))
        lines += [[*head, *first], *indented(more, size + 5)]
    return lines


def _known_facts(ink: Ink, info: TensorInfo) -> list[Line]:
    known = (
        ("layout", info.tensor_layout if info.tensor_layout != "strided" else None),
        ("dtype", info.dtype),
        ("device", info.device),
        ("shape", None if info.shape is None else tuple_text(info.shape)),
        ("stride", None if info.stride is None else tuple_text(info.stride)),
        ("byte stride", None if info.observed_byte_stride is None else tuple_text(info.observed_byte_stride)),
        ("byte offset", None if info.observed_byte_offset is None else count(info.observed_byte_offset)),
        ("elements", None if info.numel is None else count(info.numel)),
        ("bytes", None if info.nbytes is None else nbytes_text(info.nbytes)),
        ("storage", None if info.storage is None or info.storage.nbytes is None else nbytes_text(info.storage.nbytes)),
        ("requires_grad", "yes" if info.requires_grad else None),
    )
    facts = [_fact(ink, key, value) for key, value in known if value is not None]
    head = Segment("TENSOR".ljust(HEAD), ink.word("bold"))
    return [[head, *facts[0]], *facts[1:]] if facts else [[head, Segment(ink.say(info.type))]]


def _tensor_facts(ink: Ink, item: Drawn) -> list[Line]:
    info, layout = item.info, item.layout
    facts: list[Line] = [
        _fact(ink, "shape", tuple_text(layout.shape)),
        _fact(ink, "stride", tuple_text(layout.stride)),
        _fact(ink, "offset", count(layout.storage_offset)),
    ]
    if info.nbytes is not None:
        facts.append([Segment(nbytes_text(info.nbytes))])
    facts.append([Segment(contiguity(info))])
    if info.requires_grad:
        facts.append([Segment("requires_grad")])
    facts[0] = [Segment("TENSOR".ljust(HEAD), ink.word("bold")), *facts[0]]
    return facts


def _fact(ink: Ink, key: str, value: str) -> Line:
    return [Segment(f"{key} ", ink.word("quiet")), Segment(ink.say(value))]


def _track(drawn: Sequence[Drawn], unit: int) -> tuple[Track, int | None]:
    """The strip's positions, and how many the storage holds (None: unknown)."""
    storage = drawn[0].info.storage
    held = storage.nbytes // unit if storage is not None and storage.nbytes is not None and unit else None
    edges = [edge for item in drawn if item.layout.numel for edge in _edges(item)]
    low, high = min([0, *edges]), max([held or 0, *(edge + 1 for edge in edges)])
    whole = high - low <= WHOLE_CELLS or not edges
    return Track(low, high, (low, high) if whole else (min(edges), max(edges) + 1)), held


def _edges(item: Drawn) -> tuple[int, int]:
    """The first and last position of the strip that a tensor reaches."""
    low, high = item.layout.span
    return low * item.scale, high * item.scale - 1


def _storage_facts(drawn: Sequence[Drawn], unit: int, held: int | None) -> str:
    info = drawn[0].info
    dtypes = {item.info.dtype for item in drawn}
    kind = (info.dtype or "elements") if len(dtypes) == 1 else f"{unit} B"
    if info.storage is None:
        return "none given: the layout alone" if info.type == "layout" else "unknown"
    parts = [f"{count(held)} × {kind}" if held is not None else f"size unknown × {kind}"]
    if info.storage.nbytes is not None:
        parts.append(nbytes_text(info.storage.nbytes))
    if info.device:
        parts.append(info.device)
    return " · ".join(parts)


def _reach_facts(drawn: Sequence[Drawn], held: int | None, width: int) -> list[str]:
    if len(drawn) > 1:
        names = [item.name for item in drawn]
        listed = ", ".join(names[:ROWS_OF_NAMES]) + (
            f" and {len(names) - ROWS_OF_NAMES} more" if len(names) > ROWS_OF_NAMES else ""
        )
        return [f"shared by {listed}"]
    layout = drawn[0].layout
    if layout.numel == 0:
        return ["nothing reached"]
    elements, exact = reached(layout)
    low, high = layout.span
    of = f" of {count(held)}" if held is not None and low >= 0 and high <= held else ""
    reach = f"{'' if exact else 'at most '}{count(elements)}{of} reached"
    span = f"span [{address_text(low)}, {address_text(high)})"
    return [f"{reach} · {span}"] if len(reach) + len(span) + 3 + HEAD <= width else [reach, span]


def _outside(drawn: Sequence[Drawn], held: int | None) -> str:
    """What is wrong where a tensor reaches past its storage; empty where it does not."""
    if held is None or all(low >= 0 and high < held for low, high in map(_edges, drawn) if low <= high):
        return ""
    return f"reaches past the storage, which holds {plural(held, 'element')} now"


def _letters(names: Sequence[str]) -> list[str]:
    """A one-letter mark for each name: its own first letter where that is free."""
    free = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    letters = []
    for name in names:
        own = next((c for c in name if c in free), None) or (free[0] if free else "*")
        letters.append(own)
        if own in free:
            free.remove(own)
    return letters


def _wrapped(index: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    return tuple(place + size if place < 0 else place for place, size in zip(index, layout.shape, strict=True))
