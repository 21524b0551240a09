"""The way from one step at rest to the next: which cell comes from where, and when.

Problem: an op is understood when one sees the same elements in their new places. Method: every cell of the picture to
come is given the place it comes from. Of a view, the cell that reached the same address before; of a copy, the address
that the copy read (`Copy.pick`), one after another in the order they are written, under its old address until it
lands; of a new storage, its place on the strip. What has no successor is left behind and fades.

Cost: once for a step, a few operations a visible cell and one search of O(ndim) for those that come from outside the
picture.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stridescope.scene.cast import storage_key
from stridescope.scene.frame import Mark, Piece, piece
from stridescope.scene.motion import FADE_UNTIL, FLIGHT, ROOM, Motion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from stridescope.scene.panes import Pane
    from stridescope.scene.spots import GridKey, Rest, Spot, StripKey

__all__ = ["motion_between"]


@lru_cache(maxsize=4096)
def _faded(part: Piece) -> Piece:
    look = part.look
    return piece(part.text, look.role, look.level, look.marks | Mark.LEFT)


def motion_between(before: Rest, after: Rest) -> Motion:
    """The way from one rest to the next one."""
    view = after.view
    motion = Motion(view.width, view.height)
    if after.step.effect == "refused":
        motion.switch = 0.0
        _say(motion.late, after.words)
        _refused(motion, after)
        return motion
    aside = _aside(before, after)
    motion.makes_room = after.step.effect == "copy"
    motion.heads = _heads(after if motion.makes_room else before, view.width), _heads(after, view.width)
    _say(motion.late, after.words)
    if motion.makes_room:
        _make_room(motion, before, after, aside)
    else:
        _say(motion.early, before.words)
    _strips(motion, before, after)
    _grids(motion, before, after, aside)
    return motion


def _say(lines: list[list[tuple[int, Piece]]], words: Iterable[tuple[int, int, Piece]]) -> None:
    for x, y, part in words:
        if 0 <= y < len(lines):
            lines[y].append((x, part))


def _heads(rest: Rest, width: int) -> dict[int, list[tuple[int, int]]]:
    """The columns of each line that the heads of strips and panes take."""
    heads: dict[int, list[tuple[int, int]]] = {}
    for plan in rest.arrangement.strips:
        heads.setdefault(plan.head, []).append((0, width))
    for pane in rest.arrangement.panes:
        for y in range(pane.head.y, pane.head.y + pane.head.height):
            heads.setdefault(y, []).append((pane.head.x, pane.head.x + pane.head.width))
    return heads


def _aside(before: Rest, after: Rest) -> dict[str, tuple[int, int]]:
    """By tensor of the step before, how far it moves to make room for a copy; nothing for other steps."""
    if after.step.effect != "copy":
        return {}
    newest = after.panes.get(after.cast.newest or "")
    answer: dict[str, tuple[int, int]] = {}
    for key, pane in before.panes.items():
        goal = after.panes.get(key) or (newest if key in after.cast.sources else None)
        if goal is not None:
            answer[key] = (goal.body.x - pane.body.x, goal.body.y - pane.body.y)
    return answer


def _make_room(motion: Motion, before: Rest, after: Rest, aside: dict[str, tuple[int, int]]) -> None:
    """What is said while a copy is on its way: of a tensor that goes, its own labels, where it moved to."""
    _say(motion.early, after.labels)
    gone = [key for key in aside if key not in after.panes]
    replaced = bool(gone)
    for key, parts in after.captions.items():
        if not (replaced and key == after.cast.newest):
            _say(motion.early, parts)
    for key in gone:
        dx, dy = aside[key]
        _say(motion.early, ((x + dx, y + dy, part) for x, y, part in before.captions.get(key, ())))


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
        start = ROOM + (1 - FLIGHT - ROOM) * rank / total
        from_x, from_y, level, text = spot.x, spot.y, spot.level, spot.text
        # The strips of the step before may stand elsewhere by now; the source is where the reader sees it.
        plan = None if found is None else after.plans.get(found[0]) or before.plans.get(found[0])
        if plan is not None and found is not None:
            from_x, from_y = plan.near(found[1])
            level = plan.track.level(found[1])
            read = after.strip.get(found) or before.strip.get(found)
            text = spot.text if read is None else read.text
        _empty(motion, spot, "." if after.view.ascii else "·")
        _fly_in_turn(motion, spot, (from_x, from_y), start, level, text)


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


def _grids(motion: Motion, before: Rest, after: Rest, aside: Mapping[str, tuple[int, int]]) -> None:
    stayed = {key for key in after.cast.by_key if _stays(before, after, key)}
    used = {key for key in after.grid if key[0] in stayed}
    for key in used:
        spot, old = after.grid[key], before.grid.get(key)
        if old is None:
            _stand(motion, spot)
        else:
            _go(motion, old._replace(marks=old.marks & ~Mark.WRITTEN), spot, fade=False)
    made = [(key, spot) for key, spot in after.grid.items() if key[0] not in stayed]
    if after.step.effect == "copy":
        used |= _copied(motion, before, after, made, aside)
    else:
        used |= _seen_again(motion, before, after, made)
    if after.step.effect == "write":
        _light(motion, after)
    for key, spot in before.grid.items():
        if key not in used:
            # What a copy does not read makes room too, and fades there.
            for x, y, part in spot.pieces():
                motion.moved.append((x, y, *aside.get(key[0], (0, 0)), _faded(part), FADE_UNTIL))


def _seen_again(motion: Motion, before: Rest, after: Rest, made: Iterable[tuple[GridKey, Spot]]) -> set[GridKey]:
    """Cells of new tensors come from where their address was seen; which cells of the step before that used up."""
    sources = [key for key in after.cast.sources if key is not None]
    used: set[GridKey] = set()
    for _, spot in made:
        come = _seen_before(before, after, spot, sources)
        if come is None:
            _stand(motion, spot)
            continue
        from_x, from_y, source = come
        if source is not None:
            used.add(source)
        _fly(motion, spot, from_x, from_y)
    return used


def _copied(
    motion: Motion,
    before: Rest,
    after: Rest,
    made: Sequence[tuple[GridKey, Spot]],
    aside: Mapping[str, tuple[int, int]],
) -> set[GridKey]:
    """Cells of a copy set out in the order they are written; which cells of the step before were read."""
    ordered = sorted(made, key=lambda item: (item[1].position, item[0]))
    read: dict[GridKey, float] = {}
    for rank, (key, spot) in enumerate(ordered):
        start = ROOM + (1 - FLIGHT - ROOM) * rank / len(ordered)
        found = _copied_from(before, after, key[1])
        from_x, from_y, source = found if found is not None else (spot.x, spot.y, None)
        level, text = spot.level, spot.text
        if source is not None:
            old = before.grid[source]
            dx, dy = aside.get(source[0], (0, 0))
            from_x, from_y, level, text = from_x + dx, from_y + dy, old.level, old.text
            read[source] = max(start, read.get(source, 0.0))
        _fly_in_turn(motion, spot, (from_x, from_y), start, level, text)
    for source, until in read.items():
        if source not in after.grid or not _stays(before, after, source[0]):
            _wait(motion, before.grid[source], aside.get(source[0], (0, 0)), until)
    return set(read)


def _stays(before: Rest, after: Rest, key: str) -> bool:
    one, other = before.cast.by_key.get(key), after.cast.by_key.get(key)
    return one is not None and other is not None and one.info == other.info


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
        layout = before.layouts[key]
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
        layout = before.layouts[source]
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
        motion.glide(x, y + line, to_x - x, to_y - y - line, part)


def _fly_in_turn(motion: Motion, spot: Spot, place: tuple[int, int], start: float, level: int, text: str) -> None:
    """From a place to a spot, from `start` on; until it is there it looks as it did where it comes from."""
    (x, y), said = place, text if len(text) < spot.width else spot.text
    flying = spot._replace(level=level, text=said).pieces()
    for line, ((to_x, to_y, landed), (_, _, flown)) in enumerate(zip(spot.pieces(), flying, strict=True)):
        motion.in_turn.append((x, y + line, to_x - x, to_y - y - line, start, flown, landed))


def _wait(motion: Motion, spot: Spot, aside: tuple[int, int], until: float) -> None:
    for x, y, part in spot.pieces():
        motion.moved.append((x, y, *aside, part, until))


def _leave(motion: Motion, spots: Iterator[Spot] | Sequence[Spot]) -> None:
    for spot in spots:
        for x, y, part in spot.pieces():
            if 0 <= y < motion.height:
                motion.fading.append((x, y, _faded(part)))
