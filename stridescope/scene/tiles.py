"""Where the elements of a tensor stand in a plane, for up to 8 dims and any sizes.

Problem: a reader must find the element at an index, and the index under the mouse, in a tensor of 12 elements or of
10**12, without a table of cells. Method: the last two dims make a block of rows and columns; each outer dim lays the
blocks it holds beside or below each other, in turns from the inside out, so that a place is a sum over dims and the way
back a division for each. One dim breaks into lines where it is too long, and the blocks of a three-dim tensor flow
into rows of blocks.

Cost: O(ndim) a question, both ways; `blocks` yields what a rectangle meets and nothing else.

Units: x, y, widths and heights are terminal cells of the unscrolled plane.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

__all__ = ["Block", "Tiles", "tiles_of"]

BLOCK_GAP = 3
LABEL_GAP = 1


class Block(NamedTuple):
    """The part of one block that a rectangle meets.

    Attributes:
        outer: the index of the dims outside the block.
        x, y: where the block starts.
        rows, columns: which of its cells are met.
    """

    outer: tuple[int, ...]
    x: int
    y: int
    rows: range
    columns: range


class _Level(NamedTuple):
    """How one outer dim lays out what it holds: `size` things, each `pitch` after the one before."""

    size: int
    pitch: int
    down: bool


@dataclass(frozen=True, slots=True)
class Tiles:
    """The plane of one tensor.

    Attributes:
        shape: the tensor's.
        cell_width, cell_height, pitch_x, pitch_y: of a cell, and from one to the next.
        rows, columns: of a block.
        label: columns left of a block's cells, for its row labels.
        head: lines above a block's cells, for its title and its column labels.
        across: blocks (of three dims) or cells (of one) in a row; the row breaks after them.
        levels: outer dims, outermost first; empty where `across` does the work.
        width, height: of the whole plane.
    """

    shape: tuple[int, ...]
    cell_width: int
    cell_height: int
    pitch_x: int
    pitch_y: int
    rows: int
    columns: int
    label: int
    head: int
    across: int
    levels: tuple[_Level, ...]
    width: int
    height: int

    @property
    def block_width(self) -> int:
        """Of one block, with its labels."""
        return self.label + self.columns * self.pitch_x - (self.pitch_x - self.cell_width)

    @property
    def block_height(self) -> int:
        """Of one block, with its head."""
        return self.head + self.rows * self.pitch_y - (self.pitch_y - self.cell_height)

    def place(self, index: tuple[int, ...]) -> tuple[int, int]:
        """(x, y) of the first column and line of an element's cell.

        >>> tiles_of((3, 4), 4, 1, 80).place((1, 2))
        (14, 2)
        """
        if len(self.shape) < 2:
            line, column = divmod(index[0], self.across) if index else (0, 0)
            return self.label + column * self.pitch_x, self.head + line * self.pitch_y
        *outer, row, column = index
        x, y = self._corner(tuple(outer))
        return x + self.label + column * self.pitch_x, y + self.head + row * self.pitch_y

    def _corner(self, outer: tuple[int, ...]) -> tuple[int, int]:
        if len(outer) == 1:
            down, right = divmod(outer[0], self.across)
            return right * (self.block_width + BLOCK_GAP), down * (self.block_height + 1)
        x = y = 0
        for position, level in zip(outer, self.levels, strict=True):
            if level.down:
                y += position * level.pitch
            else:
                x += position * level.pitch
        return x, y

    def index_at(self, x: int, y: int) -> tuple[int, ...] | None:
        """The index of the cell that covers a place, None between cells.

        >>> tiles_of((3, 4), 4, 1, 80).index_at(15, 2)
        (1, 2)
        """
        if x < 0 or y < 0 or 0 in self.shape:
            return None
        if len(self.shape) < 2:
            spot = self._cell_in_block(x, y, 10**30)
            if spot is None or spot[1] >= self.across:
                return None
            place = spot[0] * self.across + spot[1]
            return ((place,) if place < self.shape[0] else None) if self.shape else (() if place == 0 else None)
        outer: list[int] = []
        if len(self.shape) == 3:
            right, x = divmod(x, self.block_width + BLOCK_GAP)
            down, y = divmod(y, self.block_height + 1)
            if right >= self.across or down * self.across + right >= self.shape[0]:
                return None
            outer = [down * self.across + right]
        else:
            for level in self.levels:
                position, rest = divmod(y if level.down else x, level.pitch)
                if position >= level.size:
                    return None
                outer.append(position)
                x, y = (x, rest) if level.down else (rest, y)
        spot = self._cell_in_block(x, y, self.rows)
        return None if spot is None or spot[1] >= self.columns else (*outer, *spot)

    def nearest(self, x: int, y: int) -> tuple[int, ...] | None:
        """The index of the cell at a place, or of the one left of or above the gap there; None outside the blocks."""
        for back_x, back_y in ((0, 0), (1, 0), (0, 1), (1, 1)):
            found = self.index_at(x - back_x * (self.pitch_x - self.cell_width), y - back_y)
            if found is not None:
                return found
        # On a label: the cell after it.
        return self.index_at(x + self.label, y) or self.index_at(x, y + self.head)

    def _cell_in_block(self, x: int, y: int, rows: int) -> tuple[int, int] | None:
        column, right = divmod(x - self.label, self.pitch_x)
        row, below = divmod(y - self.head, self.pitch_y)
        inside = right < self.cell_width and below < self.cell_height
        return (row, column) if inside and 0 <= row < rows and column >= 0 else None

    def blocks(self, left: int, top: int, right: int, bottom: int) -> Iterator[Block]:
        """The blocks that a half-open rectangle meets, and which of their cells.

        A tensor of one dim is one block whose rows are its lines.
        """
        if 0 in self.shape:
            return
        if len(self.shape) < 2:
            lines = -(-(self.shape[0] if self.shape else 1) // self.across)
            rows, columns = self._met(0, 0, left, top, right, bottom, lines, self.across)
            yield Block((), 0, 0, rows, columns)
            return
        for outer, x, y in self._corners(left, top, right, bottom):
            rows, columns = self._met(x, y, left, top, right, bottom, self.rows, self.columns)
            yield Block(outer, x, y, rows, columns)

    def _met(
        self, x: int, y: int, left: int, top: int, right: int, bottom: int, rows: int, columns: int
    ) -> tuple[range, range]:
        first_row, last_row = _crossed(
            top - y - self.head, bottom - y - self.head, self.pitch_y, self.cell_height, rows
        )
        first, last = _crossed(left - x - self.label, right - x - self.label, self.pitch_x, self.cell_width, columns)
        return range(first_row, last_row), range(first, last)

    def _corners(self, left: int, top: int, right: int, bottom: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
        width, height = self.block_width, self.block_height
        if len(self.shape) == 2:
            yield (), 0, 0
        elif len(self.shape) == 3:
            count = self.shape[0]
            first, last = _crossed(left, right, width + BLOCK_GAP, width, self.across)
            upper, lower = _crossed(top, bottom, height + 1, height, -(-count // self.across))
            for down in range(upper, lower):
                for along in range(first, min(last, count - down * self.across)):
                    yield (down * self.across + along,), along * (width + BLOCK_GAP), down * (height + 1)
        else:
            yield from self._nested(0, 0, 0, (), (left, top, right, bottom))

    def _nested(
        self, depth: int, x: int, y: int, outer: tuple[int, ...], box: tuple[int, int, int, int]
    ) -> Iterator[tuple[tuple[int, ...], int, int]]:
        if depth == len(self.levels):
            yield outer, x, y
            return
        level = self.levels[depth]
        left, top, right, bottom = box
        low, high = (top - y, bottom - y) if level.down else (left - x, right - x)
        first, last = _crossed(low, high, level.pitch, level.pitch, level.size)
        for position in range(first, last):
            step = position * level.pitch
            yield from self._nested(
                depth + 1, x + (0 if level.down else step), y + (step if level.down else 0), (*outer, position), box
            )


def _crossed(low: int, high: int, pitch: int, size: int, count: int) -> tuple[int, int]:
    """Which of `count` things of a size, one every `pitch`, meet [low, high): half open."""
    if low >= high:
        return 0, 0
    first = max(-((size - 1 - low) // pitch), 0) if low >= size else 0
    last = min(max(-(-high // pitch), 0), count)
    return min(first, last), last


def tiles_of(shape: tuple[int, ...], cell_width: int, cell_height: int, room: int, *, labelled: bool = True) -> Tiles:
    """The plane of a tensor of at most 8 dims.

    Args:
        cell_width, cell_height: of one cell; cells more than one line high stand a line apart.
        room: columns that are there; rows of blocks and lines of a one-dim tensor break by it.
        labelled: whether rows and columns have labels.
    """
    pitch_x = cell_width + 1
    pitch_y = cell_height + (cell_height > 1)
    if len(shape) < 2:
        count = shape[0] if shape else 1
        label = (len(f"{max(count - 1, 0)}") + LABEL_GAP + 2) if labelled and shape else 0
        if count <= (room + 1) // pitch_x:
            # One line needs no label.
            label = 0
        fit = max((room - label + 1) // pitch_x, 1)
        lines = max(-(-count // fit), 1)
        across = _across(count, fit, lines)
        lines = max(-(-count // across), 1)
        width = label + min(across, max(count, 1)) * pitch_x - 1
        return Tiles(
            shape, cell_width, cell_height, pitch_x, pitch_y, 1, across, label, 0, across, (), width, lines * pitch_y
        )
    *outer, rows, columns = shape
    label = len(str(max(rows - 1, 0))) + 2 + LABEL_GAP if labelled else 0
    head = 1 + bool(outer) if labelled else 0
    width = label + columns * pitch_x - 1
    height = head + rows * pitch_y - (pitch_y - cell_height)
    across, levels = 1, []
    if len(outer) == 1:
        across = max(min((room + BLOCK_GAP) // (width + BLOCK_GAP), outer[0]), 1)
        down = -(-outer[0] // across)
        width, height = across * (width + BLOCK_GAP) - BLOCK_GAP, down * (height + 1) - 1
    else:
        for depth, size in enumerate(reversed(outer)):
            # In turns, beside and below; but never further to the right of what is too wide already.
            is_down = depth % 2 == 1 or width > room
            gap = (1 if is_down else BLOCK_GAP) + (depth // 2) * (1 if is_down else 2)
            levels.append(_Level(size, (height if is_down else width) + gap, is_down))
            if is_down:
                height = max(size * (height + gap) - gap, 0)
            else:
                width = max(size * (width + gap) - gap, 0)
    return Tiles(
        shape,
        cell_width,
        cell_height,
        pitch_x,
        pitch_y,
        rows,
        columns,
        label,
        head,
        across,
        tuple(reversed(levels)),
        width if prod(shape) else 0,
        height if prod(shape) else 0,
    )


def _across(count: int, fit: int, lines: int) -> int:
    """Cells in a line: a round number where lines must break, so that an index can be read off."""
    if lines == 1:
        return max(count, 1)
    return next((size for size in (1000, 500, 200, 100, 64, 50, 32, 20, 16, 10, 8, 5, 4) if size <= fit), fit)
