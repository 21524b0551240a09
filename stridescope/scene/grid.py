"""A tensor's cells and labels: the part of its plane that is in sight.

Problem: of a grid of any size only what is in sight may cost anything. Method: the plane (`scene.tiles`) yields the
blocks and cells that the pane meets; each cell's address is a sum carried along the row. A cell that is not wholly in
sight is left out, so that no cut number passes for a whole one. Cost: a few operations a visible cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.scene.arrange import Pane, Region
from stridescope.scene.captions import head_of
from stridescope.scene.cast import storage_key
from stridescope.scene.frame import Mark, Piece, piece
from stridescope.scene.refusals import break_of
from stridescope.scene.spots import Rest, Spot, Texts, written_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stridescope.scene.cast import Member
    from stridescope.scene.tiles import Block, Tiles

__all__ = ["fill_pane", "widest"]


def _visible(pane: Pane) -> Iterator[tuple[tuple[int, ...], int]]:
    """(index, address) of each element of which all of the cell is in sight."""
    tiles, layout = pane.tiles, pane.member.info.layout
    if tiles is None or layout is None:
        return
    body = pane.body
    left = pane.left + (tiles.label if pane.sticky else 0)
    top = pane.top + (tiles.head if pane.sticky else 0)
    count = layout.shape[0] if layout.shape else 1
    offset = layout.storage_offset
    for block in tiles.blocks(left, top, pane.left + body.width, pane.top + body.height):
        if layout.ndim == 0:
            yield (), offset
            continue
        if layout.ndim == 1:
            for row in block.rows:
                for column in block.columns:
                    place = row * tiles.across + column
                    if place < count:
                        yield (place,), offset + place * layout.stride[0]
            continue
        base = offset + sum(i * s for i, s in zip(block.outer, layout.stride, strict=False))
        row_stride, column_stride = layout.stride[-2:]
        for row in block.rows:
            start = base + row * row_stride
            for column in block.columns:
                yield (*block.outer, row, column), start + column * column_stride


def _whole(pane: Pane, x: int, y: int) -> bool:
    tiles, body = pane.tiles, pane.body
    assert tiles is not None
    left, top = (tiles.label, tiles.head) if pane.sticky else (0, 0)
    return (
        body.x + left <= x
        and x + tiles.cell_width <= body.x + body.width
        and body.y + top <= y
        and y + tiles.cell_height <= body.y + body.height
    )


def widest(texts: Texts, pane: Pane) -> int:
    """Characters of the longest text among the cells in sight."""
    said = texts.of(pane.member, [address for _, address in _visible(pane)])
    return max((len(text) for text, _ in said), default=2)


def fill_pane(rest: Rest, texts: Texts, pane: Pane) -> None:
    """Adds a pane's head, cells and labels to a picture."""
    member, body = pane.member, pane.body
    captions = rest.captions.setdefault(member.key, [])
    for x, y, part, hit in head_of(pane, rest.cast, rest.step, rest.view):
        captions.append((x, y, part))
        if hit is not None:
            rest.hits.append((Region(x, y, part.size, 1), hit))
    layout, tiles = member.info.layout, pane.tiles
    if layout is None or tiles is None:
        return
    if not layout.numel:
        if body.height > 0:
            captions.append((body.x, body.y, piece("no elements"[: body.width], "quiet")))
        return
    elements = list(_visible(pane))
    stored = rest.cast.stored.get(member.storage)
    said = texts.of(member, [address for _, address in elements])
    written = written_at(rest, member.storage)
    reason = rest.step.reason if _is_subject(rest, member) else None
    gap = None if reason is None else break_of(layout, reason)
    broken = () if gap is None else (gap.last, gap.following)
    width, height, scale, storage = tiles.cell_width, tiles.cell_height, member.scale, member.storage
    level = stored.track.level if stored is not None else (lambda _: 0)
    for (index, address), (text, odd) in zip(elements, said, strict=True):
        x, y = pane.place(index)
        if _whole(pane, x, y):
            position = address * scale
            short = text if len(text) < width else text[: width - 2] + "~"
            marks = Mark.ODD if odd else 0
            if written is not None and any(written(position + unit) for unit in range(scale)):
                marks |= Mark.WRITTEN
            if index in broken:
                marks |= Mark.BROKEN
            spot = Spot(x, y, width, height, short, level(position), marks, storage, position)
            rest.grid[member.key, index] = spot
    captions += _grid_labels(pane)


def _grid_labels(pane: Pane) -> Iterator[tuple[int, int, Piece]]:
    """The labels of rows and columns, and the titles of blocks, that are in sight beside cells that are."""
    tiles, body = pane.tiles, pane.body
    assert tiles is not None
    shape = tiles.shape
    if not shape or not tiles.head + tiles.label:
        return
    right = body.x + body.width
    for block in tiles.blocks(pane.left, pane.top, pane.left + body.width, pane.top + body.height):
        x0, y0 = body.x + block.x - pane.left, body.y + block.y - pane.top
        first = max(x0 + tiles.label, body.x)
        if first + tiles.cell_width > right:
            continue
        if len(shape) > 2:
            title = _title(block.outer, min(tiles.block_width, right - x0))
            if _inside(body, x0, y0, len(title)):
                yield x0, y0, piece(title, "bold")
        yield from _row_labels(pane, tiles, block, x0, y0)
        if len(shape) > 1:
            yield from _column_labels(pane, tiles, block, x0, y0)


def _row_labels(pane: Pane, tiles: Tiles, block: Block, x0: int, y0: int) -> Iterator[tuple[int, int, Piece]]:
    body = pane.body
    x = body.x if pane.sticky else x0
    top = body.y + (tiles.head if pane.sticky else 0)
    for row in block.rows:
        y = y0 + tiles.head + row * tiles.pitch_y + tiles.cell_height // 2
        # A line of a one-dim tensor says the index that it starts with.
        text = f"[{row * tiles.across}]" if len(tiles.shape) == 1 else f"{row},:"
        if top <= y < body.y + body.height and body.x <= x:
            yield x, y, piece(f"{text:>{tiles.label - 1}}"[: body.width], "quiet")


def _column_labels(pane: Pane, tiles: Tiles, block: Block, x0: int, y0: int) -> Iterator[tuple[int, int, Piece]]:
    body = pane.body
    y = body.y if pane.sticky else y0 + tiles.head - 1
    if not body.y <= y < body.y + body.height:
        return
    left = body.x + (tiles.label if pane.sticky else 0)
    for column in block.columns:
        x = x0 + tiles.label + column * tiles.pitch_x
        if not left <= x or x + tiles.cell_width > body.x + body.width:
            continue
        text = f":,{column}"
        if len(text) > tiles.cell_width - (tiles.cell_height == 1):
            text = str(column)
        if len(text) <= tiles.cell_width:
            large = tiles.cell_height > 1
            yield x, y, piece(f"{text:^{tiles.cell_width}}" if large else f"{text:>{tiles.cell_width - 1}}", "quiet")


def _title(outer: tuple[int, ...], room: int) -> str:
    """The index of a block, as much of its end as there is room for.

    >>> _title((0, 1), 20), _title((0, 0, 0, 0, 0, 1), 14), _title((0, 0, 0, 0, 0, 1), 8)
    ('[0, 1, :, :]', '[0,0,0,0,0,1]', '..0,0,1]')
    """
    text = f"[{', '.join(map(str, outer))}, :, :]"
    if len(text) > room:
        text = f"[{','.join(map(str, outer))}]"
    return text if len(text) <= room else ".." + text[len(text) - max(room - 2, 0) :]


def _is_subject(rest: Rest, member: Member) -> bool:
    """Whether a refused step was asked of a member."""
    asked = rest.step.before if rest.step.effect == "refused" else None
    return asked is not None and storage_key(asked) == member.storage and asked.layout == member.info.layout


def _inside(body: Region, x: int, y: int, width: int) -> bool:
    return body.x <= x and x + width <= body.x + body.width and body.y <= y < body.y + body.height
