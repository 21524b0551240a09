"""What is pointed at: marks laid over a picture, and the way a cursor goes.

Problem: a cursor, a walk, a place on a strip and a selected dim each light up the same element wherever it is seen, and
a cursor that leaves a block must find the next one. Method: a `Subject` says what is looked at; its marks are the spots
of a rest painted again with a bit set. A cursor moves in the index, not on the screen, and the scroll follows it.

Cost: the cells marked; along a dim at most those in sight.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from stridescope.scene.frame import Mark, Piece, piece

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stridescope.records import Step
    from stridescope.scene.arrange import Pane
    from stridescope.scene.cast import Member
    from stridescope.scene.rest import Rest
    from stridescope.scene.view import View

__all__ = ["Subject", "in_sight", "marks", "stepped"]

TRAIL = 12
"""Elements behind a walk that are still marked."""

ALONG = 4096
"""Positions along a dim that are looked up on a strip."""

Painted = tuple[int, int, Piece]


@dataclass(frozen=True, slots=True)
class Subject:
    """What the view looks at: a step, a tensor of it, and perhaps one element.

    Attributes:
        step: the step the picture is about: the one at rest, or the one on its way.
        index, address: of the cursor (or the walk, or the pointer), None without one.
        others: for each other tensor on stage that reaches the same bytes, its name, or "", and an index that does.
    """

    step: Step
    member: Member | None
    index: tuple[int, ...] | None
    address: int | None
    others: tuple[tuple[str, tuple[int, ...]], ...] = ()


def marks(rest: Rest, subject: Subject, view: View) -> Iterator[Painted]:
    """(x, y, piece) to paint over a rest, in painting order, for what the view looks at."""
    member, address, index = subject.member, subject.address, subject.index
    if member is None or address is None:
        return
    position = address * member.scale
    yield from _trail(rest, member, view)
    for key in rest.at_position.get((member.storage, position), ()):
        if key != (member.key, index):
            yield from rest.grid[key].pieces(Mark.TWIN)
    main = Mark.POINTER if view.walk is not None else Mark.CURSOR
    for part in range(member.scale):
        spot = rest.strip.get((member.storage, position + part))
        if spot is not None:
            yield from spot.pieces(main)
    if index is not None:
        if view.dim is not None:
            yield from _along(rest, member, index, view.dim)
        spot = rest.grid.get((member.key, index))
        if spot is not None:
            yield from spot.pieces(main)
    plan = rest.plans.get(member.storage)
    if plan is not None and plan.bar is not None:
        yield plan.x + plan.bar_column(position), plan.bar, piece("^" if view.ascii else "▼", "bold")


def _trail(rest: Rest, member: Member, view: View) -> Iterator[Painted]:
    """Where the walk stood last."""
    layout = member.info.layout
    if view.walk is None or layout is None:
        return
    last = min(view.walk, layout.numel - 1)
    for index, address, _ in layout.walk(max(last - TRAIL, 0), last):
        for spot in (
            rest.grid.get((member.key, index)),
            rest.strip.get((member.storage, address * member.scale)),
        ):
            if spot is not None:
                yield from spot.pieces(Mark.TRAIL)


def _along(rest: Rest, member: Member, index: tuple[int, ...], dim: int) -> Iterator[Painted]:
    """The elements that are reached from an index along one dim, on the grid and on the strip."""
    layout = member.info.layout
    if layout is None or not 0 <= dim < layout.ndim:
        return
    for (key, other), spot in rest.grid.items():
        if key == member.key and other[:dim] == index[:dim] and other[dim + 1 :] == index[dim + 1 :]:
            yield from spot.pieces(Mark.DIM)
    start = layout.address((*index[:dim], 0, *index[dim + 1 :]))
    for place in islice(range(layout.shape[dim]), ALONG):
        on_strip = rest.strip.get((member.storage, (start + place * layout.stride[dim]) * member.scale))
        if on_strip is not None:
            yield from on_strip.pieces(Mark.DIM)


def in_sight(pane: Pane, view: View) -> tuple[int, int]:
    """The scroll, changed as little as brings the cursor into sight."""
    tiles, body = pane.tiles, pane.body
    if tiles is None or view.cursor is None:
        return view.scroll
    x, y = tiles.place(view.cursor)
    margin_x, margin_y = (tiles.label, tiles.head) if pane.sticky else (0, 0)
    left = _nearest(pane.left, x - margin_x, x + tiles.cell_width - body.width, tiles.pitch_x)
    top = _nearest(pane.top, y - margin_y, y + tiles.cell_height - body.height, tiles.pitch_y)
    if (left * tiles.pitch_x, top * tiles.pitch_y) == (pane.left, pane.top):
        return view.scroll
    return left, top


def _nearest(here: int, most: int, least: int, pitch: int) -> int:
    """Of the scrolls from `least` to `most` the one nearest to where it is, in whole cells; what comes first wins."""
    wanted = most // pitch if here > most else -(-least // pitch) if here < least else here // pitch
    return max(min(wanted, most // pitch), 0)


def stepped(index: tuple[int, ...], shape: tuple[int, ...], right: int, down: int, across: int) -> tuple[int, ...]:
    """An index moved by cells: the last dim to the right, the one before it down, going on into the next block."""
    if len(shape) == 0:
        return index
    if len(shape) == 1:
        return (min(max(index[0] + right + down * across, 0), shape[0] - 1),)
    place = list(index)
    for dim, by in ((len(shape) - 1, right), (len(shape) - 2, down)):
        moved = place[dim] + by
        if 0 <= moved < shape[dim]:
            place[dim] = moved
            continue
        # Over the edge: the outer dims count on, and where they end the cursor stays.
        outer = len(shape) - 3
        carried = list(place)
        carried[dim] = 0 if by > 0 else shape[dim] - 1
        while outer >= 0:
            step = 1 if by > 0 else -1
            if 0 <= carried[outer] + step < shape[outer]:
                carried[outer] += step
                place = carried
                break
            carried[outer] = 0 if by > 0 else shape[outer] - 1
            outer -= 1
        else:
            place[dim] = min(max(moved, 0), shape[dim] - 1)
    return tuple(place)
