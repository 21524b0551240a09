"""A tensor as a grid of cells, each with the address it reaches.

Problem: show how indices map to addresses for 0, 1, 2 and more dims, of any size, in any width. Method:
the last two dims make a block with labels on its rows and columns; the outer dims tile blocks. Where a
dim, or the number of blocks, is too large, `scene.window` keeps head, tail and the index asked for, and
the drawing says how many were left out. Every cell shown asks the layout for its address.

Cost: one `Layout.address` and one value (if asked for) for each cell shown, whatever numel is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment

from stridescope.render.lines import Line, tile
from stridescope.render.strip import Cell, Gap, cell_segment, draw_row
from stridescope.scene.text import address_text, count
from stridescope.scene.window import gaps, ravel, unravel, windows

if TYPE_CHECKING:
    from stridescope.layout import Layout
    from stridescope.render.ink import Ink

__all__ = ["GRID_LINES", "Texts", "draw_grid"]

Texts = Callable[[Sequence[int]], list[tuple[str, bool]]]
"""Addresses to (text, whether it is nan or infinite)."""

MARGIN = 2
GRID_ROWS = 12
BLOCK_ROWS = 8
GRID_LINES = 28
ROW_CELLS = 48


class _Plan(NamedTuple):
    """Which indices of a tensor of two or more dims are drawn."""

    blocks: tuple[range, ...]
    rows: tuple[range, ...]
    columns: tuple[range, ...]


def draw_grid(
    ink: Ink,
    layout: Layout,
    level: Callable[[int], int],
    width: int,
    *,
    texts: Texts | None = None,
    marked: tuple[int, ...] | None = None,
    word: str = "address",
    height: int = GRID_LINES,
) -> list[Line]:
    """The grid of a tensor; nothing where it has no elements.

    Args:
        level: the ramp level of an address.
        texts: what the cells say; their addresses if None.
        marked: the index the reader asked for.
        word: what the cells hold, for the head of a one-dim row.
        height: about how many lines it may take; head and tail are shown in any case.
    """
    if layout.numel == 0:
        return []
    texts = texts or (lambda addresses: [(address_text(address), False) for address in addresses])
    low, high = layout.span
    inner = max(len(address_text(low)), len(address_text(high - 1)), 2) if word == "address" else 4
    # What the cells say decides how many fit, and the other way round; settles at once or on the second try.
    for _ in range(3):
        if layout.ndim < 2:
            lines, widest = _row(ink, layout, level, width, texts, marked, inner, word)
        else:
            lines, widest = _blocks(ink, layout, level, width, texts, marked, inner, height)
        if widest <= inner:
            break
        inner = widest
    return lines


_Drawn = tuple[list[Line], int]


def _row(
    ink: Ink,
    layout: Layout,
    level: Callable[[int], int],
    width: int,
    texts: Texts,
    marked: tuple[int, ...] | None,
    inner: int,
    word: str,
) -> _Drawn:
    size = layout.numel
    if layout.ndim == 0:
        address = layout.address(())
        (text, odd), *_ = texts([address])
        cell = cell_segment(ink, text, level(address), max(len(text), 2) + 2, marked=marked == (), odd=odd)
        return [[Segment(" " * MARGIN), cell, Segment("  one element, no dims", ink.word("quiet"))]], len(text)
    margin = MARGIN + len(word) + 1
    heads = (" " * MARGIN + "index", " " * MARGIN + word)
    fit = max((width - margin + 1) // (inner + 3), 2)
    whole = size <= min(3 * fit, ROW_CELLS)
    kept = windows(size, size if whole else max(fit - 3, 6), marked or ())
    places = [place for part in kept for place in part]
    addresses = [layout.address((place,)) for place in places]
    said = iter(zip(addresses, texts(addresses), strict=True))
    items: list[Cell | Gap] = []
    widest = 0
    missing = list(gaps(kept, size))
    for part in kept:
        if part.start:
            items.append(Gap(len(missing.pop(0))))
        for place in part:
            address, (text, odd) = next(said)
            widest = max(widest, len(text))
            items.append(Cell(str(place), text, level(address), marked == (place,), odd))
    return draw_row(ink, items, width, labelled=True, heads=heads, margin=margin), widest


def _blocks(
    ink: Ink,
    layout: Layout,
    level: Callable[[int], int],
    width: int,
    texts: Texts,
    marked: tuple[int, ...] | None,
    inner: int,
    height: int,
) -> _Drawn:
    plan = _plan(layout, width, marked, inner, height)
    outer_shape = layout.shape[:-2]
    outers = [unravel(block, outer_shape) for part in plan.blocks for block in part]
    indices = [
        (*outer, row, column)
        for outer in outers
        for rows in plan.rows
        for row in rows
        for columns in plan.columns
        for column in columns
    ]
    addresses = [layout.address(index) for index in indices]
    said = texts(addresses)
    widest = max(len(text) for text, _ in said)
    cells = {
        index: (text, odd, level(address)) for index, address, (text, odd) in zip(indices, addresses, said, strict=True)
    }
    drawn: list[list[Line]] = []
    left_out = list(gaps(plan.blocks, prod(outer_shape)))
    for part in plan.blocks:
        if part.start:
            missing = left_out.pop(0)
            drawn.append(_missing_blocks(ink, missing, outer_shape))
        drawn += [_block(ink, layout, plan, unravel(block, outer_shape), cells, widest, marked) for block in part]
    return tile(drawn, width), widest


def _plan(layout: Layout, width: int, marked: tuple[int, ...] | None, inner: int, height: int) -> _Plan:
    *outer_shape, row_count, column_count = layout.shape
    outer_count = prod(outer_shape)
    limit = min(BLOCK_ROWS, max(height // 3, 4)) if outer_shape else min(GRID_ROWS, max(height - 3, 4))
    rows = windows(row_count, row_count if row_count <= limit else limit - 2, marked[-2:-1] if marked else ())
    label = len(str(row_count - 1)) + 2 + MARGIN
    pitch = _cell_width(inner, column_count - 1) + 1

    def fit(room: int) -> int:
        return (room - label + 1) // pitch

    def budget(room: int) -> int:
        # The column of what is left out is as wide as its head, "+1,994".
        return fit(room - len(count(column_count)) - 3)

    if column_count <= fit(width):
        columns = windows(column_count, column_count)
    else:
        half, whole = budget((width - 3) // 2), budget(width)
        anchors = marked[-1:] if marked else ()
        columns = windows(column_count, half if outer_count > 1 and half >= 4 else whole, anchors)
        if sum(map(len, columns)) > max(whole, 2) or whole < 2:
            # Not even head and tail fit: one column, the one asked for if any.
            only = marked[-1] if marked else 0
            columns = (range(only, only + 1),)
    size = label + pitch * sum(map(len, columns))
    across = max((width + 3) // (size + 3), 1)
    lines = sum(map(len, rows)) + len(rows) - 1 + (3 if outer_shape else 2)
    capacity = across * max(height // lines, 1)
    anchors = (ravel(marked[:-2], outer_shape),) if marked else ()
    return _Plan(
        windows(outer_count, outer_count if outer_count <= capacity else max(capacity - 1, 2), anchors), rows, columns
    )


def _cell_width(inner: int, last_column: int) -> int:
    """Room for a cell, and for the label ":,11" above it, which may use the gap before the cell."""
    return max(inner + 2, len(str(last_column)) + 2)


def _block(
    ink: Ink,
    layout: Layout,
    plan: _Plan,
    outer: tuple[int, ...],
    cells: dict[tuple[int, ...], tuple[str, bool, int]],
    inner: int,
    marked: tuple[int, ...] | None,
) -> list[Line]:
    """One block of the last two dims, with its labels."""
    row_count, column_count = layout.shape[-2:]
    quiet = ink.word("quiet")
    label = max(len(str(row)) for part in plan.rows for row in (part.start, part.stop - 1)) + 2
    cell_width = _cell_width(inner, plan.columns[-1][-1])
    # Parts shown and left out, in order; what is left out is a column of its own.
    columns = sorted([*plan.columns, *gaps(plan.columns, column_count)], key=lambda part: part.start)
    missing_rows = gaps(plan.rows, row_count)
    head: Line = [Segment(" " * (MARGIN + label))]
    for part in columns:
        if part in plan.columns:
            head += [Segment(f"{':,' + str(column):>{cell_width}} ", quiet) for column in part]
        else:
            head.append(Segment(f"  +{count(len(part))}", quiet))
    lines = [head]
    if outer:
        title = f"[{', '.join(map(str, outer))}, :, :]"
        lines.insert(0, [Segment(" " * MARGIN + title, ink.word("bold"))])
    for number, rows in enumerate(plan.rows):
        if number:
            left = count(len(missing_rows[number - 1]))
            text = f"{ink.mark('rows'):>{label}}   {left} more rows"
            lines.append([Segment(" " * MARGIN + text, quiet)])
        for row in rows:
            line: Line = [Segment(" " * MARGIN + f"{row},:".rjust(label), quiet)]
            for part in columns:
                if part not in plan.columns:
                    line.append(Segment(f"  {ink.mark('gap'):>{len(count(len(part))) + 1}}", quiet))
                    continue
                for column in part:
                    index = (*outer, row, column)
                    text, odd, at = cells[index]
                    line += [Segment(" "), cell_segment(ink, text, at, cell_width, marked=index == marked, odd=odd)]
            lines.append(line)
    return lines


def _missing_blocks(ink: Ink, missing: range, outer_shape: Sequence[int]) -> list[Line]:
    quiet = ink.word("quiet")

    def name(block: int) -> str:
        return f"[{', '.join(map(str, unravel(block, outer_shape)))}, :, :]"

    margin = " " * MARGIN
    return [
        [Segment(f"{margin}{ink.dots} {count(len(missing))} more {ink.dots}", quiet)],
        [Segment(margin + name(missing[0]), quiet)],
        [Segment(f"{margin}to {name(missing[-1])}", quiet)],
    ]
