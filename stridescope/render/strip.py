"""A storage as a row of cells, each with its address and its colour.

Problem: show where in a storage a tensor lies, from 12 positions to 10**15. Method: a `Track` says which
positions there are and gives each a level of the colour ramp; `scene.window` chooses which to show; a row
of cells and gaps is then broken into lines. One-dim tensors are drawn by the same rows.

Cost: one question "is this address reached?" for each position shown; nothing depends on the storage's size.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment

from stridescope.scene.text import address_text, count
from stridescope.scene.window import gaps, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stridescope.render.ink import Ink
    from stridescope.render.lines import Line
    from stridescope.scene.track import Track

__all__ = ["Below", "Cell", "Gap", "Under", "cell_segment", "draw_row", "draw_strip"]

WHOLE_LINES = 3
WHOLE_CELLS = 96


class Cell(NamedTuple):
    """One position of a row.

    Attributes:
        label: what stands above the cell; what stands in it is `text`, or, where that is None, a block.
        level: its place on the ramp; None where nothing reaches it.
    """

    label: str
    text: str | None
    level: int | None
    marked: bool = False
    odd: bool = False


class Gap(NamedTuple):
    """Positions left out of a row."""

    left_out: int


class Under(NamedTuple):
    """A row of marks below a row of cells: one text for each item, "" for none.

    Attributes:
        levels: the place of each mark on the ramp, where the marks are coloured like cells.
    """

    head: str
    marks: tuple[str, ...]
    role: str = "plain"
    levels: tuple[int | None, ...] | None = None


class Below(NamedTuple):
    """A row of marks below a strip, as functions of the position.

    Attributes:
        text: the mark at a position, "" for none.
        level: its place on the ramp, where the marks are coloured like cells.
        size: characters that the longest mark may take.
    """

    head: str
    text: Callable[[int], str]
    role: str = "plain"
    level: Callable[[int], int | None] | None = None
    size: int = 1


def shown_positions(track: Track, width: int, cell_width: int, anchors: Iterable[int]) -> tuple[range, ...]:
    """Which positions fit, counted from `track.low`: all of a short storage, windows on a long one."""
    size = track.high - track.low
    fit = max((width + 1) // (cell_width + 1), 2)
    if size <= min(WHOLE_LINES * fit, WHOLE_CELLS):
        return windows(size, size)
    lines = 1 if fit >= 14 else 2 if fit >= 9 else 3
    places = [anchor - track.low for anchor in anchors]
    kept = windows(size, 6, places)
    for budget in range(7, lines * fit):
        wider = windows(size, budget, places)
        if _lines_needed(wider, size, width, cell_width) > lines:
            break
        kept = wider
    return kept


def _lines_needed(kept: Sequence[range], size: int, width: int, cell_width: int) -> int:
    widths: list[int] = []
    missing = [len(gap) for gap in gaps(kept, size)]
    for part in kept:
        if part.start:
            widths.append(len(_gap_text(missing.pop(0), "...")) + 3)
        widths += [cell_width + 1] * len(part)
    lines, used = 1, 0
    for item in widths:
        if used and used + item > width + 1:
            lines, used = lines + 1, 0
        used += item
    return lines


def draw_strip(
    ink: Ink,
    track: Track,
    width: int,
    *,
    reached: Callable[[int], bool],
    anchors: Iterable[int] = (),
    marked: int | None = None,
    values: Callable[[Sequence[int]], list[tuple[str, bool]]] | None = None,
    below: Sequence[Below] = (),
) -> list[Line]:
    """The strip of a storage.

    Args:
        reached: whether any drawn tensor reaches a position.
        anchors: positions to show if not all can be.
        marked: the position the reader asked for.
        values: texts (and whether each is nan or infinite) for positions; addresses are shown if None.
        below: rows of marks below the cells.
    """
    if track.high <= track.low:
        return []
    margin = max((len(row.head) + 2 for row in below), default=0)
    digits = max(len(address_text(track.high - 1)), len(address_text(track.low)), *(row.size for row in below))
    kept = shown_positions(track, width - margin, max(digits, 2) + 2, [*anchors, *([] if marked is None else [marked])])
    places = [track.low + place for part in kept for place in part]
    live = [position for position in places if reached(position)]
    texts = None if values is None else dict(zip(live, values(live), strict=True))
    items: list[Cell | Gap] = []
    where: list[int | None] = []
    left_out = list(gaps(kept, track.high - track.low))
    for part in kept:
        if part.start and left_out and left_out[0].start < part.start:
            items.append(Gap(len(left_out.pop(0))))
            where.append(None)
        for place in part:
            position = track.low + place
            items.append(_strip_cell(ink, track, position, reached(position), position == marked, texts))
            where.append(position)
    unders = [
        Under(
            row.head,
            tuple("" if at is None else row.text(at) for at in where),
            row.role,
            None if row.level is None else tuple(None if at is None else row.level(at) for at in where),
        )
        for row in below
    ]
    labelled = texts is not None or not ink.coloured
    return draw_row(ink, items, width, labelled=labelled, unders=unders, margin=margin)


def _strip_cell(
    ink: Ink,
    track: Track,
    position: int,
    reached: bool,
    marked: bool,
    texts: dict[int, tuple[str, bool]] | None,
) -> Cell:
    address = address_text(position)
    level = track.level(position) if reached else None
    if texts is not None:
        text, odd = texts.get(position, (ink.mark("gap") * 3, False))
        return Cell(address, text, level, marked, odd)
    if ink.coloured:
        return Cell("", address, level, marked)
    return Cell(address, None, level, marked)


def draw_row(
    ink: Ink,
    items: Sequence[Cell | Gap],
    width: int,
    *,
    labelled: bool,
    heads: tuple[str, str] = ("", ""),
    unders: Sequence[Under] = (),
    margin: int = 0,
) -> list[Line]:
    """Cells and gaps in order, broken into lines of equal length where all cells are there.

    Args:
        labelled: whether a row of labels stands above the cells.
        heads: what stands left of the labels and of the cells.
        unders: rows of marks below.
        margin: columns left of the first cell, where the heads stand.
    """
    cells = [item for item in items if isinstance(item, Cell)]
    inner = max((max(len(cell.label), len(cell.text or "")) for cell in cells), default=0)
    inner = max(inner, *(len(mark) for under in unders for mark in under.marks), 0)
    cell_width = max(inner, 2) + 2
    lines: list[Line] = []
    parts = list(_broken(ink, items, width - margin, cell_width))
    for number, part in enumerate(parts):
        rows: list[tuple[str, str, Line]] = []
        if labelled:
            rows.append((heads[0], "quiet", [_label(ink, items[i], cell_width) for i in part]))
        rows.append((heads[1], "quiet", [_body(ink, items[i], cell_width) for i in part]))
        for under in unders:
            marks = [_mark(ink, under, i, items[i], cell_width) for i in part]
            rows.append((under.head, under.role, marks))
        for head, role, row in rows:
            line: Line = [Segment(head.ljust(margin), ink.word(role))]
            for segment in row:
                line += [segment, Segment(" ")]
            lines.append(line)
        if len(rows) > 1 and number < len(parts) - 1:
            lines.append([])
    return lines


def _broken(ink: Ink, items: Sequence[Cell | Gap], width: int, cell_width: int) -> Iterable[list[int]]:
    """Positions in `items`, line by line."""
    fit = max((width + 1) // (cell_width + 1), 1)
    if all(isinstance(item, Cell) for item in items):
        per_line = _evenly(len(items), fit)
        yield from (list(range(i, min(i + per_line, len(items)))) for i in range(0, len(items), per_line))
        return
    line: list[int] = []
    used = 0
    for number, item in enumerate(items):
        size = _item_width(ink, item, cell_width) + 1
        if line and used + size > width + 1:
            yield line
            line, used = [], 0
        line.append(number)
        used += size
    yield line


def _evenly(size: int, fit: int) -> int:
    """Cells a line: as few lines as possible, then as equal as possible, a divisor of `size` if one is near."""
    lines = max(ceil(size / fit), 1)
    equal = max(ceil(size / lines), 1)
    return next((per for per in range(equal, min(fit, equal + 3) + 1) if size % per == 0), equal)


def _gap_text(left_out: int, dots: str) -> str:
    return f"{dots} {count(left_out)} more {dots}"


def _item_width(ink: Ink, item: Cell | Gap, cell_width: int) -> int:
    return cell_width if isinstance(item, Cell) else len(_gap_text(item.left_out, ink.dots)) + 2


def _label(ink: Ink, item: Cell | Gap, cell_width: int) -> Segment:
    if isinstance(item, Gap):
        return Segment(" " * _item_width(ink, item, cell_width))
    if item.marked:
        return Segment(f"{'[' + item.label:>{cell_width - 1}}]", ink.word("bold"))
    return Segment(f"{item.label:>{cell_width - 1}} ", ink.word("quiet"))


def _mark(ink: Ink, under: Under, place: int, item: Cell | Gap, cell_width: int) -> Segment:
    text = under.marks[place]
    if isinstance(item, Gap) or not text:
        return Segment(" " * _item_width(ink, item, cell_width))
    level = None if under.levels is None else under.levels[place]
    if level is not None and ink.coloured:
        return cell_segment(ink, text, level, cell_width)
    return Segment(f"{text:>{cell_width - 1}} ", ink.word(under.role, bold=under.role != "quiet"))


def _body(ink: Ink, item: Cell | Gap, cell_width: int) -> Segment:
    if isinstance(item, Gap):
        return Segment(f" {_gap_text(item.left_out, ink.dots)} ", ink.word("quiet"))
    if item.text is None:
        size = max(cell_width - 2, 3)
        mark = ink.mark("gap" if item.level is None else "block")
        return Segment(f" {mark * size}".ljust(cell_width), ink.word("quiet" if item.level is None else "plain"))
    return cell_segment(ink, item.text, item.level, cell_width, marked=item.marked, odd=item.odd)


def cell_segment(
    ink: Ink, text: str, level: int | None, width: int, *, marked: bool = False, odd: bool = False
) -> Segment:
    """One cell with its text: coloured at its level, quiet where nothing reaches it."""
    body = f"{'[' + text:>{width - 1}}]" if marked else f"{text:>{width - 1}} "
    style = ink.word("quiet") if level is None else ink.cell(level, marked=marked, odd=odd)
    return Segment(body, style)
