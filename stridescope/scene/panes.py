"""Which tensors get a place, how large, and where.

Problem: one tensor of twelve elements, or twenty of any size, in whatever room the strips leave. Method: where all fit
at full size they flow in rows, in the largest cells in which they do. Elsewhere two ways are tried, equal shares of one
row and rows of a limited height, and the one that shows more tensors is taken; grids then scroll in their places. A
tensor of one dim keeps to one line of smaller cells rather than break into two. Cost: O(tensors).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.text import address_text
from stridescope.scene.tiles import Tiles, tiles_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stridescope.scene.cast import Cast, Member
    from stridescope.scene.view import View

__all__ = ["SIZES", "Pane", "Region", "digits_of", "panes_in"]

PANE_GAP = 3
LEAST_PANE = 20
LEAST_BODY = 3
HEAD = 2
BARE = 3
"""A grid that has no more lines than this stands without labels."""

SIZES = ((1, 2), (3, 2), (3, 4))
"""Of a cell, from small to large: its lines, and its columns beside what it says."""


class Region(NamedTuple):
    """A rectangle of the picture."""

    x: int
    y: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        """Whether a place lies inside."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class Pane(NamedTuple):
    """The place of one tensor.

    Attributes:
        head: where its name, shape and stride stand.
        body: where its grid stands; the plane of `tiles` begins `left`, `top` cells before it.
        tiles: None for a tensor without a layout.
    """

    member: Member
    head: Region
    body: Region
    tiles: Tiles | None
    left: int = 0
    top: int = 0

    def place(self, index: tuple[int, ...]) -> tuple[int, int]:
        """(x, y) in the picture of an element's cell, which may lie outside the body."""
        assert self.tiles is not None
        x, y = self.tiles.place(index)
        return self.body.x + x - self.left, self.body.y + y - self.top

    def index_at(self, x: int, y: int) -> tuple[int, ...] | None:
        """The index of the element whose cell covers a place of the picture."""
        if self.tiles is None or not self.body.holds(x, y):
            return None
        across, down = x - self.body.x, y - self.body.y
        if self.sticky and (across < self.tiles.label or down < self.tiles.head):
            return None
        return self.tiles.index_at(across + self.left, down + self.top)

    @property
    def sticky(self) -> bool:
        """Whether the labels of rows and columns stay in sight when the grid scrolls."""
        return self.tiles is not None and len(self.tiles.shape) <= 2


def panes_in(
    area: Region, cast: Cast, view: View, inner: Mapping[str, int], cells: int
) -> tuple[tuple[Pane, ...], int, int]:
    """The panes, how many tensors have none, and the size of the cells, a place in SIZES: at most `cells`."""
    members = list(cast.members)
    if not members or area.width < 4 or area.height < 1:
        return (), len(members), cells
    head = HEAD if area.height >= 5 else 1 if area.height >= 2 else 0
    for size in range(cells, -1, -1):
        tiles = {member.key: _tiles(member, inner, size, area.width) for member in members}
        if size and any(_breaks(plane) for plane in tiles.values()):
            continue
        placed = _flowed(members, tiles, area, head)
        if placed is not None:
            return placed, 0, size
    ranked = _ranked(cast, view)
    shares = _shared(cast, ranked, inner, area, head)
    rows = max((_stacked(ranked, inner, area, head, number) for number in (2, 3, 4)), key=len)
    best = rows if len(rows) > len(shares) else shares
    focused = cast.focused(view.focus)
    best = [_scrolled_to(pane, view.scroll) if pane.member is focused else pane for pane in best]
    order = {member.key: place for place, member in enumerate(members)}
    best = sorted(best, key=lambda pane: order[pane.member.key]) if best is rows else best
    return tuple(best), len(members) - len(best), 0


def _ranked(cast: Cast, view: View) -> list[Member]:
    """The members, the one spoken of first, then what the step made, what has a name, the latest."""
    focused, newest = cast.focused(view.focus), cast.focused(None)
    return sorted(cast.members, key=lambda m: (m is not focused, m is not newest, not m.name, -m.step))


def _tiles(member: Member, inner: Mapping[str, int], size: int, room: int, *, labelled: bool = True) -> Tiles | None:
    layout = member.info.layout
    height, beside = SIZES[size]
    width = max(inner[member.key], 2) + beside
    return None if layout is None else tiles_of(layout.shape, width, height, room, labelled=labelled)


def _breaks(plane: Tiles | None) -> bool:
    """Whether a tensor of one dim needs more than one line."""
    return plane is not None and len(plane.shape) == 1 and plane.shape[0] > plane.across


def _flowed(
    members: Sequence[Member], tiles: Mapping[str, Tiles | None], area: Region, head: int
) -> tuple[Pane, ...] | None:
    """Every pane at its full size, in rows; None where they do not fit."""
    panes: list[Pane] = []
    x, y, tallest = area.x, area.y, 0
    for member in members:
        plane = tiles[member.key]
        least = min(area.width, LEAST_PANE if len(members) > 1 else area.width)
        width = max(plane.width if plane is not None else least, least)
        height = head + max(plane.height if plane is not None else 1, 1)
        if panes and x + width > area.x + area.width:
            x, y, tallest = area.x, y + tallest + 1, 0
        if width > area.width or y + height > area.y + area.height:
            return None
        panes.append(Pane(member, Region(x, y, width, head), Region(x, y + head, width, height - head), plane))
        x, tallest = x + width + PANE_GAP, max(tallest, height)
    return tuple(_spread(panes, area))


def _spread(panes: list[Pane], area: Region) -> list[Pane]:
    """The heads of the last panes of each row go on to the right edge, where there is nothing else."""
    last = {pane.head.y: place for place, pane in enumerate(panes)}
    for place in last.values():
        pane = panes[place]
        panes[place] = pane._replace(head=pane.head._replace(width=area.x + area.width - pane.head.x))
    return panes


def _shared(cast: Cast, ranked: Sequence[Member], inner: Mapping[str, int], area: Region, head: int) -> list[Pane]:
    """Equal shares of one row, for as many as that gives room to."""
    fit = max((area.width + PANE_GAP) // (LEAST_PANE + PANE_GAP), 1)
    chosen = {member.key for member in ranked[:fit]}
    shown = [member for member in cast.members if member.key in chosen]
    # Small ones take what they need, and leave the rest to the others.
    widths: dict[str, int] = {}
    left, number = area.width - PANE_GAP * (len(shown) - 1), len(shown)
    natural = {member.key: _width(_tiles(member, inner, 0, area.width)) for member in shown}
    for member in sorted(shown, key=lambda m: natural[m.key]):
        widths[member.key] = max(min(natural[member.key], left // number), min(LEAST_PANE, left // number))
        left, number = left - widths[member.key], number - 1
    panes: list[Pane] = []
    x = area.x
    for member in shown:
        panes.append(_pane(member, inner, Region(x, area.y, widths[member.key], area.height), head))
        x += widths[member.key] + PANE_GAP
    return _spread(panes, area)


def _stacked(ranked: Sequence[Member], inner: Mapping[str, int], area: Region, head: int, rows: int) -> list[Pane]:
    """Rows of one height, each filled from the left, until there is no room for one more tensor."""
    height = (area.height - (rows - 1)) // rows
    if height < head + LEAST_BODY:
        return []
    panes: list[Pane] = []
    x, row = area.x, 0
    for member in ranked:
        width = min(max(_width(_tiles(member, inner, 0, area.width)), LEAST_PANE), area.width)
        if x > area.x and x + width > area.x + area.width:
            x, row = area.x, row + 1
        if row == rows:
            break
        panes.append(_pane(member, inner, Region(x, area.y + row * (height + 1), width, height), head))
        x += width + PANE_GAP
    return _spread(panes, area)


def _width(plane: Tiles | None) -> int:
    return LEAST_PANE if plane is None else plane.width


def _pane(member: Member, inner: Mapping[str, int], room: Region, head: int) -> Pane:
    body = Region(room.x, room.y + head, room.width, max(room.height - head, 0))
    labelled = body.height > BARE or len(member.info.shape or ()) < 2
    tiles = _tiles(member, inner, 0, room.width, labelled=labelled)
    return Pane(member, Region(room.x, room.y, room.width, head), body, tiles)


def _scrolled_to(pane: Pane, scroll: tuple[int, int]) -> Pane:
    left, top = _scrolled(pane.tiles, pane.body, scroll)
    return pane._replace(left=left, top=top)


def _scrolled(tiles: Tiles | None, body: Region, scroll: tuple[int, int]) -> tuple[int, int]:
    """By how many terminal cells a plane is scrolled, no further than its end."""
    if tiles is None:
        return 0, 0
    left = min(max(scroll[0] * tiles.pitch_x, 0), max(tiles.width - body.width, 0))
    top = min(max(scroll[1] * tiles.pitch_y, 0), max(tiles.height - body.height, 0))
    # In whole cells, so that none is cut at the left or at the top.
    return -(-left // tiles.pitch_x) * tiles.pitch_x, -(-top // tiles.pitch_y) * tiles.pitch_y


def digits_of(member: Member) -> int:
    """Characters of the longest address that a cell of a tensor shows."""
    layout = member.info.layout
    if layout is None or not layout.numel:
        return 2
    low, high = layout.span
    return max(len(address_text(low)), len(address_text(high - 1)), 2)
