"""The regions of the Stage: strips above, tensors below, what is said of them beside or beneath.

Problem: one storage and one tensor, or three storages and nine names, in 60×14 cells or in 200×58, all in reach.
Method: strips take what they need up to a share of the height; the panel of facts stands to the right where there is
width for it, else beneath; tensors flow into what is left, in large cells where all of them fit so, in small ones
otherwise, and those for which there is no room are counted. The same numbers always give the same regions.

Cost: O(tensors on stage); nothing depends on their sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.frame import size_of
from stridescope.scene.strips import StripPlan, strip_plan
from stridescope.scene.text import address_text
from stridescope.scene.tiles import Tiles, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stridescope.scene.cast import Cast, Member, Stored
    from stridescope.scene.view import View

__all__ = ["Arrangement", "Pane", "Region", "arranged"]

SIDE_FROM = 88
"""From this width on the panel of facts stands beside the tensors."""

MARGIN = 1
PANE_GAP = 3
LEAST_PANE = 20
HEAD = 2
LARGE = 3
NAMES = 4
NAME_WIDTH = 8


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


@dataclass(frozen=True)
class Arrangement:
    """Where everything stands.

    Attributes:
        names: how many lines of marks, one a name, stand below each strip, by storage.
        missing: tensors on stage for which there is no room.
        beneath: whether the panel stands below the tensors.
        large: whether the cells are large.
    """

    strips: tuple[StripPlan, ...]
    panes: tuple[Pane, ...]
    names: dict[str, tuple[Member, ...]]
    panel: Region
    missing: int
    beneath: bool
    large: bool


def arranged(
    cast: Cast,
    view: View,
    inner: Mapping[str, int],
    focus: Callable[[Stored], int | None] = lambda _: None,
    *,
    large: bool = True,
) -> Arrangement:
    """The regions for a cast.

    Args:
        inner: how many characters a cell of a tensor needs.
        focus: the position of a storage that must have a cell.
        large: whether cells may be large, where all of them fit so.
    """
    width, height = view.width, view.height
    labelled = view.values or not view.coloured
    most = 3 if height >= 18 else 2 if height >= 13 else 1
    shown = cast.storages[-most:] if len(cast.storages) > most else cast.storages
    lines = {1: 3 if height >= 20 else 2 if height >= 14 else 1, 2: 2 if height >= 24 else 1}.get(len(shown), 1)
    names = {stored.key: _named(cast, stored, height) for stored in shown}
    margin = max((min(size_of(member.name), NAME_WIDTH) + 1 for some in names.values() for member in some), default=0)
    strips: list[StripPlan] = []
    y = 0
    for stored in shown:
        plan = strip_plan(
            stored,
            y,
            width,
            lines=lines,
            below=len(names[stored.key]),
            labelled=labelled,
            inner=max((inner[m.key] for m in cast.members if m.storage == stored.key), default=0) if view.values else 0,
            margin=margin,
            focus=focus(stored),
        )
        strips.append(plan)
        y = plan.bottom + (1 if height >= 14 else 0)
    beside = width >= SIDE_FROM
    side = min(max(width // 3, 34), 50) if beside else 0
    beneath = 0 if beside else 4 if height >= 22 else 3 if height >= 18 else 2 if height >= 14 else 1
    area = Region(MARGIN, y, width - side - 2 * MARGIN, max(height - y - beneath, 0))
    panes, missing, is_large = _panes(cast, view, inner, area, large=large)
    where = (
        Region(width - side, y, side - MARGIN, max(height - y, 0))
        if beside
        else Region(MARGIN, height - beneath, width - 2 * MARGIN, beneath)
    )
    return Arrangement(tuple(strips), panes, names, where, missing, not beside, is_large)


def _named(cast: Cast, stored: Stored, height: int) -> tuple[Member, ...]:
    """The members that get a line of marks below their storage's strip: where there are several."""
    members = [member for member in cast.members if member.storage == stored.key and member.info.layout is not None]
    room = NAMES if height >= 24 else 2 if height >= 18 else 0
    return tuple(members[-room:]) if room and len(members) > 1 else ()


def _panes(
    cast: Cast, view: View, inner: Mapping[str, int], area: Region, *, large: bool
) -> tuple[tuple[Pane, ...], int, bool]:
    """The panes, the number of tensors that have none, and whether the cells are large."""
    members = list(cast.members)
    if not members or area.width < 4 or area.height < 1:
        return (), len(members), large
    head = HEAD if area.height >= 4 else 1 if area.height >= 2 else 0
    for cell_height in (LARGE, 1) if large else (1,):
        widths = {m.key: _cell_width(inner[m.key], cell_height) for m in members}
        tiles = {m.key: _tiles(m, widths[m.key], cell_height, area.width) for m in members}
        placed = _flowed(members, tiles, area, head)
        if placed is not None:
            return placed, 0, cell_height == LARGE
    return (*_shared(cast, view, members, inner, area, head), False)


def _cell_width(inner: int, cell_height: int) -> int:
    return max(inner, 2) + (4 if cell_height > 1 else 2)


def _tiles(member: Member, cell_width: int, cell_height: int, room: int) -> Tiles | None:
    layout = member.info.layout
    return None if layout is None else tiles_of(layout.shape, cell_width, cell_height, room)


def _flowed(
    members: Sequence[Member], tiles: dict[str, Tiles | None], area: Region, head: int
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
    if len({pane.head.y for pane in panes}) == 1:
        # One row: the last one may spread over what is left, for its head.
        last = panes[-1]
        panes[-1] = last._replace(head=last.head._replace(width=area.x + area.width - last.head.x))
    return tuple(panes)


def _shared(
    cast: Cast, view: View, members: list[Member], inner: Mapping[str, int], area: Region, head: int
) -> tuple[tuple[Pane, ...], int]:
    """Equal shares of one row, for as many as that gives room to; grids scroll in theirs."""
    fit = max((area.width + PANE_GAP) // (LEAST_PANE + PANE_GAP), 1)
    focused = cast.focused(view.focus)
    shown = members[-fit:]
    if focused is not None and focused not in shown:
        shown = [focused, *shown[1:]]
    # Small ones take what they need, and leave the rest to the others.
    widths: dict[str, int] = {}
    left, number = area.width - PANE_GAP * (len(shown) - 1), len(shown)
    natural = {}
    for member in shown:
        layout = member.info.layout
        cell = _cell_width(inner[member.key], 1)
        natural[member.key] = LEAST_PANE if layout is None else tiles_of(layout.shape, cell, 1, area.width).width
    for member in sorted(shown, key=lambda m: natural[m.key]):
        widths[member.key] = max(min(natural[member.key], left // number), min(LEAST_PANE, left // number))
        left, number = left - widths[member.key], number - 1
    panes: list[Pane] = []
    x = area.x
    for member in shown:
        width = widths[member.key]
        body = Region(x, area.y + head, width, max(area.height - head, 0))
        tiles = _tiles(member, _cell_width(inner[member.key], 1), 1, width)
        scroll = view.scroll if member is focused else (0, 0)
        left_by, top_by = _scrolled(tiles, body, scroll)
        panes.append(Pane(member, Region(x, area.y, width, head), body, tiles, left_by, top_by))
        x += width + PANE_GAP
    return tuple(panes), len(members) - len(shown)


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
