"""The way from one step at rest to the next: which cell flies from where to where, and when.

Problem: an op is understood when one sees the same elements in their new places. Method: every cell of the picture to
come is given the place it comes from. Of a view, the cell that reached the same address before; of a copy, the address
that the copy read (`Copy.pick`), one after another in the order they are written; of a new storage, its place on the
strip. What has no successor is left behind and fades. What neither moves nor changes is painted once. A place at time t
is then a sum of two products, and nothing of it depends on the frame before.

Cost: once for a step, a few operations a visible cell and one search of O(ndim) for those that come from outside the
picture; a frame, four multiplications a moving cell and the sorting of each row.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi, sin
from typing import TYPE_CHECKING

from stridescope.scene.cast import storage_key
from stridescope.scene.frame import Mark, Piece, Row, painted, piece
from stridescope.scene.timeline import eased

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stridescope.scene.arrange import Pane
    from stridescope.scene.rest import GridKey, Rest, Spot, StripKey

__all__ = ["Motion", "motion_between"]

FLIGHT = 0.35
"""The share of a copy's time that one cell is on its way; they start one after another."""

FADE_UNTIL = 0.6

LUNGE, REACH = 0.45, 0.3
"""A refused step gets so far, in time and on its way, before it is thrown back."""


class Motion:
    """Everything between two rests; `rows(t)` is the picture at a share t of the way.

    Attributes:
        still: for each line, the runs that do not move, in painting order.
        together: (x, y, dx, dy, piece) of what moves all the time.
        in_turn: (x, y, dx, dy, start, flying, landed) of what sets out one after another, and its pieces on the way
            and after it.
        fading: (x, y, piece) of what is left behind, drawn until it has faded.
        waiting: (x, y, piece, time) of what a copy has not read yet, drawn until then.
        lit: (x, y, piece, time) of what is painted over from a time on.
        tried: (x, y, dx, dy, piece) of what sets out and is thrown back.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.still: list[list[tuple[int, Piece]]] = [[] for _ in range(height)]
        self.together: list[tuple[int, int, int, int, Piece]] = []
        self.in_turn: list[tuple[int, int, int, int, float, Piece, Piece]] = []
        self.fading: list[tuple[int, int, Piece]] = []
        self.waiting: list[tuple[int, int, Piece, float]] = []
        self.lit: list[tuple[int, int, Piece, float]] = []
        self.tried: list[tuple[int, int, int, int, Piece]] = []
        self._still_rows: list[Row | None] = [None] * height
        self._over: Mapping[int, Sequence[tuple[int, Piece]]] = {}

    def stand(self, x: int, y: int, part: Piece) -> None:
        """Paint a piece that does not move."""
        if 0 <= y < self.height:
            self.still[y].append((x, part))

    def rows(self, t: float, over: Mapping[int, Sequence[tuple[int, Piece]]]) -> tuple[Row, ...]:
        """The lines of the picture at a share of the way, 0 to 1; `over` is painted over lines, the same each time."""
        moving: list[list[tuple[int, Piece]]] = [[] for _ in range(self.height)]
        if t < FADE_UNTIL:
            for x, y, part in self.fading:
                moving[y].append((x, part))
        for x, y, part, until in self.waiting:
            if t <= until:
                moving[y].append((x, part))
        self._fly(moving, t)
        for x, y, part, start in self.lit:
            if t >= start:
                moving[y].append((x, part))
        reach, push = _thrown_back(t)
        for x, y, dx, dy, part in self.tried:
            self._put(moving, x + round(dx * reach) + push, y + round(dy * reach), part)
        if over is not self._over:
            self._over, self._still_rows = over, [None] * self.height
        return tuple(
            painted([*self.still[y], *runs, *over.get(y, ())], self.width) if runs else self._still_row(y)
            for y, runs in enumerate(moving)
        )

    def _fly(self, moving: list[list[tuple[int, Piece]]], t: float) -> None:
        """What is on its way at a share of it: the innermost loop of a frame."""
        width, height, share = self.width, self.height, eased(t)
        for x, y, dx, dy, part in self.together:
            row, column = y + round(dy * share), x + round(dx * share)
            if 0 <= row < height and column >= 0 and column + part.size <= width:
                moving[row].append((column, part))
        for x, y, dx, dy, start, flown, landed in self.in_turn:
            if t >= start + FLIGHT:
                self._put(moving, x + dx, y + dy, landed)
            elif t > start:
                share = eased((t - start) / FLIGHT)
                self._put(moving, x + round(dx * share), y + round(dy * share), flown)

    def _put(self, moving: list[list[tuple[int, Piece]]], x: int, y: int, part: Piece) -> None:
        """Paint a piece, unless it is not wholly in the picture."""
        if 0 <= y < self.height and x >= 0 and x + part.size <= self.width:
            moving[y].append((x, part))

    def _still_row(self, y: int) -> Row:
        row = self._still_rows[y]
        if row is None:
            row = self._still_rows[y] = painted([*self.still[y], *self._over.get(y, ())], self.width)
        return row


def _thrown_back(t: float) -> tuple[float, int]:
    """Of a way that leads nowhere: how far along it is at time t, and the columns it trembles by."""
    if t < LUNGE:
        return REACH * eased(t / LUNGE), 0
    rest = (t - LUNGE) / (1 - LUNGE)
    return REACH * (1 - eased(min(2 * rest, 1.0))), round(2 * sin(6 * pi * rest) * (1 - rest))


@lru_cache(maxsize=4096)
def _faded(part: Piece) -> Piece:
    look = part.look
    return piece(part.text, look.role, look.level, look.marks | Mark.LEFT)


def motion_between(before: Rest, after: Rest) -> Motion:
    """The way from one rest to the next one."""
    view = after.view
    motion = Motion(view.width, view.height)
    for x, y, part in after.labels:
        motion.stand(x, y, part)
    step = after.step
    if step.effect == "refused":
        _refused(motion, after)
        return motion
    _strips(motion, before, after)
    _grids(motion, before, after)
    return motion


def _refused(motion: Motion, after: Rest) -> None:
    """What was asked for is tried: each row sets out for the end of the one before it, and is thrown back."""
    reason, asked = after.step.reason, after.step.before
    for spot in after.strip.values():
        _stand(motion, spot)
    for (key, index), spot in after.grid.items():
        member, pane = after.cast.by_key[key], after.panes[key]
        dims = () if reason is None else reason.dims
        tried = asked is not None and member.info.layout == asked.layout and member.storage == storage_key(asked)
        if not tried or pane.tiles is None:
            _stand(motion, spot)
            continue
        tiles = pane.tiles
        down = index[dims[0]] if len(dims) == 2 and dims == (len(index) - 2, len(index) - 1) else 0
        for x, y, part in spot.pieces():
            motion.tried.append((x, y, down * tiles.columns * tiles.pitch_x, -down * tiles.pitch_y, part))


def _strips(motion: Motion, before: Rest, after: Rest) -> None:
    copying = after.step.effect == "copy"
    new = [key for key in after.plans if key not in before.plans]
    for key, spot in after.strip.items():
        old = before.strip.get(key)
        if old is not None:
            _go(motion, old, spot, fade=True)
        elif copying and key[0] in new:
            continue
        else:
            _stand(motion, spot)
    if copying:
        _written_in_order(motion, before, after, new)
    _leave(motion, (spot for key, spot in before.strip.items() if key not in after.strip))


def _written_in_order(motion: Motion, before: Rest, after: Rest, new: Sequence[str]) -> None:
    """Cells fly from the strips that a copy reads to the one it fills, in the order they are written."""
    spots = [(position, spot) for (storage, position), spot in after.strip.items() if storage in new]
    total = max(len(spots), 1)
    for rank, (position, spot) in enumerate(spots):
        found = _origin(before, after, spot.storage, position) if spot.level >= 0 else None
        start = (1 - FLIGHT) * rank / total
        from_x, from_y, level = spot.x, spot.y, spot.level
        # The strips of the step before may stand elsewhere by now; the source is where the reader sees it.
        plan = None if found is None else after.plans.get(found[0]) or before.plans.get(found[0])
        if plan is not None and found is not None:
            from_x, from_y = plan.near(found[1])
            level = plan.track.level(found[1])
        _empty(motion, spot, "." if after.view.ascii else "·")
        _fly_in_turn(motion, spot, from_x, from_y, start, level)


def _origin(before: Rest, after: Rest, storage: str, position: int) -> tuple[str, int] | None:
    """(storage, position) that a copy read for a position of its new storage."""
    step, copy = after.step, after.step.copy
    unit, made = after.cast.stored[storage].unit, step.tensor
    if copy is None or made is None:
        return None
    scale = (made.itemsize or 1) // unit if unit else 1
    try:
        number, address = copy.origin(position // max(scale, 1))
    except (IndexError, ValueError):
        return None
    info = step.sources[number] if number < len(step.sources) else None
    if info is None:
        return None
    stored = after.cast.stored.get(storage_key(info)) or before.cast.stored.get(storage_key(info))
    each = (info.itemsize or 1) // stored.unit if stored is not None and stored.unit else 1
    return storage_key(info), address * each


def _grids(motion: Motion, before: Rest, after: Rest) -> None:
    step, cast = after.step, after.cast
    copying = step.effect == "copy"
    # What goes on: members that stay, and the source of what the step made.
    sources = [key for key in cast.sources if key is not None]
    stayed = {key for key in cast.by_key if _stays(before, after, key)}
    used: set[GridKey] = set()
    read: dict[GridKey, float] = {}
    writes = step.write if step.effect == "write" else None
    ranks = _ranks(after, stayed) if copying else {}
    for grid_key, spot in after.grid.items():
        key, index = grid_key
        if key in stayed:
            old = before.grid.get(grid_key)
            used.add(grid_key)
            if old is None:
                _stand(motion, spot)
            else:
                _go(motion, old._replace(marks=old.marks & ~Mark.WRITTEN), spot, fade=False)
            continue
        if copying:
            start = (1 - FLIGHT) * ranks.get(grid_key, 0.0)
            found = _copied_from(before, after, index)
            from_x, from_y, source = found if found is not None else (spot.x, spot.y, None)
            if source is not None:
                used.add(source)
                read[source] = max(start, read.get(source, 0.0))
                level = before.grid[source].level
            else:
                level = spot.level
            _fly_in_turn(motion, spot, from_x, from_y, start, level)
            continue
        come = _seen_before(before, after, spot, sources)
        if come is None:
            _stand(motion, spot)
        else:
            from_x, from_y, source = come
            if source is not None:
                used.add(source)
            _fly(motion, spot, from_x, from_y)
    for source, until in read.items():
        if source[0] not in stayed or source not in after.grid:
            _wait(motion, before.grid[source], until)
    if writes is not None:
        _light(motion, after)
    _leave(motion, (spot for key, spot in before.grid.items() if key not in used))


def _stays(before: Rest, after: Rest, key: str) -> bool:
    one, other = before.cast.by_key.get(key), after.cast.by_key.get(key)
    return one is not None and other is not None and one.info == other.info


def _ranks(after: Rest, stayed: set[str]) -> dict[GridKey, float]:
    """For each new cell, when its turn comes: the share of the new positions in sight that are written before it."""
    new = sorted((spot.position, key) for key, spot in after.grid.items() if key[0] not in stayed)
    return {key: rank / max(len(new), 1) for rank, (_, key) in enumerate(new)}


def _copied_from(before: Rest, after: Rest, index: tuple[int, ...]) -> tuple[int, int, GridKey | None] | None:
    """Where the element that a copy put at an index was seen before."""
    copy = after.step.copy
    if copy is None:
        return None
    try:
        number, source_index = copy.source_of(index)
        address = copy.sources[number].address(source_index)
    except (IndexError, ValueError):
        return None
    holders = after.cast.sources
    key = holders[number] if number < len(holders) else None
    info = after.step.sources[number] if number < len(after.step.sources) else None
    if key is not None:
        member = before.cast.by_key[key]
        layout = member.info.layout
        own = (
            source_index
            if layout == copy.sources[number]
            else next(iter(layout.indices_of(address)), None)
            if layout
            else None
        )
        if own is not None:
            if (key, own) in before.grid:
                spot = before.grid[key, own]
                return spot.x, spot.y, (key, own)
            pane = before.panes.get(key)
            if pane is not None and pane.tiles is not None:
                return (*_at_the_edge(pane, own), None)
    if info is not None and info.storage is not None:
        plan = before.plans.get(info.storage.id)
        if plan is not None:
            each = (info.itemsize or 1) // plan.stored.unit if plan.stored.unit else 1
            return (*plan.near(address * each), None)
    return None


def _seen_before(
    before: Rest, after: Rest, spot: Spot, sources: Sequence[str]
) -> tuple[int, int, GridKey | None] | None:
    """Where the address of a cell was seen before: in the tensor the step read, in another one, on the strip."""
    here: StripKey = (spot.storage, spot.position)
    seen = before.at_position.get(here)
    if seen:
        best = next((old for source in sources for old in seen if old[0] == source), seen[0])
        found = before.grid[best]
        return found.x, found.y, best
    for source in sources:
        pane, member = before.panes.get(source), before.cast.by_key.get(source)
        if pane is None or pane.tiles is None or member is None or member.storage != spot.storage:
            continue
        layout = member.info.layout
        index = None if layout is None else next(layout.indices_of(spot.position // member.scale), None)
        if index is not None:
            return (*_at_the_edge(pane, index), None)
    plan = before.plans.get(spot.storage) or after.plans.get(spot.storage)
    return None if plan is None else (*plan.near(spot.position), None)


def _at_the_edge(pane: Pane, index: tuple[int, ...]) -> tuple[int, int]:
    """The place of an element that is out of sight: where its pane ends in that direction."""
    x, y = pane.place(index)
    body = pane.body
    return min(max(x, body.x - 1), body.x + body.width), min(max(y, body.y - 1), body.y + body.height)


def _light(motion: Motion, after: Rest) -> None:
    """A write lights up cell after cell, on the strip and in every tensor that reaches it at once."""
    spots = [spot for spot in (*after.strip.values(), *after.grid.values()) if spot.marks & Mark.WRITTEN]
    order = {place: rank for rank, place in enumerate(sorted({(spot.storage, spot.position) for spot in spots}))}
    for spot in spots:
        start = 0.1 + 0.6 * order[spot.storage, spot.position] / max(len(order), 1)
        for x, y, part in spot.pieces():
            if 0 <= y < motion.height:
                motion.lit.append((x, y, part, start))


def _stand(motion: Motion, spot: Spot) -> None:
    for x, y, part in spot.pieces():
        motion.stand(x, y, part)


def _empty(motion: Motion, spot: Spot, sign: str) -> None:
    """The place of a position that is not written yet."""
    for x, y, part in spot._replace(level=-1, text=sign).pieces():
        motion.stand(x, y, part)


def _go(motion: Motion, old: Spot, spot: Spot, *, fade: bool) -> None:
    """A cell that was there before: it glides where it moved, and stands where it did not."""
    shown = spot
    if spot.marks & Mark.WRITTEN:
        # It holds what it held until it lights up.
        text = old.text if len(old.text) < spot.width else spot.text
        shown = spot._replace(text=text, marks=old.marks & ~Mark.WRITTEN)
    if (old.x, old.y) == (spot.x, spot.y):
        _stand(motion, shown)
        if fade and old.level >= 0 > spot.level:
            # It was reached, and is no more: it keeps its colour for a moment.
            _leave(motion, [old])
        return
    _fly(motion, shown, old.x, old.y)


def _fly(motion: Motion, spot: Spot, x: int, y: int) -> None:
    """From a place to a spot, as the time goes."""
    for line, (to_x, to_y, part) in enumerate(spot.pieces()):
        motion.together.append((x, y + line, to_x - x, to_y - y - line, part))


def _fly_in_turn(motion: Motion, spot: Spot, x: int, y: int, start: float, level: int) -> None:
    """From a place to a spot, from `start` on, at a level of the ramp until it is there."""
    flying = spot._replace(level=level).pieces()
    for line, ((to_x, to_y, landed), (_, _, flown)) in enumerate(zip(spot.pieces(), flying, strict=True)):
        motion.in_turn.append((x, y + line, to_x - x, to_y - y - line, start, flown, landed))


def _wait(motion: Motion, spot: Spot, until: float) -> None:
    for x, y, part in spot.pieces():
        if 0 <= y < motion.height:
            motion.waiting.append((x, y, part, until))


def _leave(motion: Motion, spots: Iterator[Spot] | Sequence[Spot]) -> None:
    for spot in spots:
        for x, y, part in spot.pieces():
            if 0 <= y < motion.height:
                motion.fading.append((x, y, _faded(part)))
