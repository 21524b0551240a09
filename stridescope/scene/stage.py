"""The Stage: a history, a position on its timeline and a view, to one picture.

Problem: a chain plays, is scrubbed, pointed at and resized, and each picture must follow from those numbers alone.
Method: at whole positions a rest (where every cell stands) with marks laid over it for what the reader points at;
between them the motion from one rest to the next. Both are kept for the views last asked for, so that pointing and
playing cost what changes.

Cost: a rest costs the cells on screen; a frame of a motion a few operations a cell; pointing, the rows it touches.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

from stridescope.scene.arrange import LARGEST, arranged, digits_of
from stridescope.scene.cast import Casting, Member
from stridescope.scene.cursor import Subject, in_sight, marks, stepped
from stridescope.scene.frame import Frame, Piece, Row, painted
from stridescope.scene.inspector import inspector
from stridescope.scene.minimap import minimap
from stridescope.scene.rest import Rest, rest_of
from stridescope.scene.sharing import reached_in_others, values_written
from stridescope.scene.text import value_text
from stridescope.scene.timeline import Timeline
from stridescope.scene.view import Hit, View
from stridescope.scene.ways import motion_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import History
    from stridescope.scene.cast import Stored
    from stridescope.scene.inspector import Panel
    from stridescope.scene.motion import Motion

__all__ = ["Member", "Scene", "Subject"]

KEPT = 16
LARGE_STEPS = 32
VALUE = 5
SETTLED = 4


class Scene:
    """The pictures of one history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.timeline = Timeline.of(history)
        self.casting = Casting(history)
        self._rest = lru_cache(maxsize=KEPT)(self._rest_at)
        self._motion = lru_cache(maxsize=KEPT)(self._motion_at)
        self._cells = lru_cache(maxsize=KEPT)(self._cells_of)
        self._base = lru_cache(maxsize=KEPT)(self._base_rows)
        self._over = lru_cache(maxsize=4 * KEPT)(self._over_of)
        self._panel = lru_cache(maxsize=4 * KEPT)(self._panel_of)

    # ------------------------------------------------------------------------------------------------- pictures

    def frame(self, position: float, view: View) -> Frame:
        """The picture at a position, 0.0 to `timeline.last`."""
        position = min(max(position, 0.0), float(self.timeline.last))
        number = int(position)
        share = position - number
        if share == 0.0:
            return self._still(number, view)
        motion = self._way(number + 1, view)
        return Frame(view.width, view.height, motion.rows(share, self._over(number + 1, view)))

    def prepared(self, position: float, view: View) -> None:
        """Work out the way to the next step now, so that its first frame need not wait for it."""
        number = int(position) + 1
        if number <= self.timeline.last:
            self._way(number, view)

    def _still(self, number: int, view: View) -> Frame:
        seen = self._seen(number, view)
        (runs, rows), rest = self._base(number, seen), self._rest(number, seen)
        over: dict[int, list[tuple[int, Piece]]] = {}
        for x, y, part in marks(rest, self.subject(number, view), view):
            over.setdefault(y, []).append((x, part))
        for y, parts in self._over(number, view).items():
            over.setdefault(y, []).extend(parts)
        answer = list(rows)
        for y, parts in over.items():
            if 0 <= y < view.height:
                answer[y] = painted([*runs[y], *parts], view.width)
        return Frame(view.width, view.height, tuple(answer))

    def _base_rows(self, number: int, view: View) -> tuple[list[list[tuple[int, Piece]]], list[Row]]:
        rest = self._rest(number, view)
        runs: list[list[tuple[int, Piece]]] = [[] for _ in range(view.height)]
        for x, y, part in rest.words:
            if 0 <= y < view.height:
                runs[y].append((x, part))
        for spot in (*rest.strip.values(), *rest.grid.values()):
            for x, y, part in spot.pieces():
                if 0 <= y < view.height:
                    runs[y].append((x, part))
        return runs, [painted(row, view.width) for row in runs]

    def _rest_at(self, number: int, view: View) -> Rest:
        def focus(stored: Stored) -> int | None:
            pointer = view.pointer
            return pointer[1] if pointer is not None and pointer[0] == stored.key else None

        return rest_of(self.casting, number, view, focus, cells=self._cells(replace(view, pointer=None, scroll=(0, 0))))

    def _cells_of(self, view: View) -> int:
        """The largest cells in which every step fits: a cell keeps its size as the steps go by."""
        if len(self.history.steps) > LARGE_STEPS:
            return 0
        least = VALUE if view.values else 0
        casts = [self.casting.cast(number) for number in range(len(self.history.steps))]
        # One line of small cells says more of a tensor of one dim than a large one that breaks: beside others with more
        # dims it does not count.
        wide = [cast for cast in casts if any(len(member.info.shape or ()) > 1 for member in cast.members)]
        found = (arranged(c, view, {m.key: max(digits_of(m), least) for m in c.members}).cells for c in wide or casts)
        return min(found, default=LARGEST)

    def _way(self, number: int, view: View) -> Motion:
        """The way to a step, from the picture of the one before."""
        return self._motion(number, self._seen(number - 1, view), self._seen(number, view))

    def _motion_at(self, number: int, before: View, view: View) -> Motion:
        return motion_between(self._rest(number - 1, before), self._rest(number, view))

    def _seen(self, number: int, view: View) -> View:
        """What of a view decides where the cells of a step stand."""
        return _standing(view, self._focus(number, view))

    def _looked_at(self, number: int, view: View) -> Rest:
        return self._rest(number, self._seen(number, view))

    # ------------------------------------------------------------------------------------------ what is looked at

    def members(self, position: float) -> tuple[Member, ...]:
        """The tensors on stage, in the order they are shown."""
        return self.casting.cast(self._number(position)).members

    def subject(self, position: float, view: View) -> Subject:
        """What the view looks at."""
        number = self._number(position)
        cast = self.casting.cast(number)
        step = self.history.steps[number]
        member = cast.focused(view.focus)
        index = self._index(member, view)
        if index is not None and member is not None and member.info.layout is not None:
            address = member.info.layout.address(index)
            return Subject(step, member, index, address, reached_in_others(cast.members, member, address))
        if view.pointer is not None and view.pointer[0] in cast.stored:
            storage, position_there = view.pointer
            found = next((m for m in _first(cast.members, member) if m.storage == storage), None)
            if found is not None and found.info.layout is not None:
                address = position_there // found.scale
                reached = next(found.info.layout.indices_of(address), None)
                return Subject(step, found, reached, address, reached_in_others(cast.members, found, address))
        return Subject(step, member, None, None)

    def _index(self, member: Member | None, view: View) -> tuple[int, ...] | None:
        """The index under the cursor, or that the walk stands on, where the tensor has it."""
        layout = None if member is None else member.info.layout
        if layout is None or not layout.numel:
            return None
        if view.walk is not None:
            return layout.unravel(min(max(view.walk, 0), layout.numel - 1))
        if view.pointer is not None or view.cursor is None or len(view.cursor) != layout.ndim:
            return None
        inside = all(0 <= place < size for place, size in zip(view.cursor, layout.shape, strict=True))
        return view.cursor if inside else None

    def _focus(self, number: int, view: View) -> tuple[str, int] | None:
        """(storage, position) that must be in sight on its strip."""
        subject = self.subject(number, view)
        if subject.member is None:
            return None
        plan = self._rest(number, _standing(view)).plans.get(subject.member.storage)
        layout = subject.member.info.layout
        if plan is None or plan.bar is None or layout is None or not layout.numel:
            return None
        address = layout.storage_offset if subject.address is None else subject.address
        # By whole pages, so that a cursor that moves within one finds everything as it was.
        return subject.member.storage, plan.page_of(address * subject.member.scale)

    # ------------------------------------------------------------------------------------------------- the panel

    def _over_of(self, number: int, view: View) -> dict[int, list[tuple[int, Piece]]]:
        """The runs of the panel, and of the map in the corner below it, by line."""
        rest = self._rest(number, _standing(view))
        region, panel = rest.arrangement.panel, self._panel(number, view)
        over: dict[int, list[tuple[int, Piece]]] = {}
        for y, parts in enumerate(panel.lines[: region.height], region.y):
            if parts and 0 <= y < view.height:
                over[y] = _set(region.x, parts)
        member = rest.cast.focused(view.focus)
        pane = None if member is None else rest.panes.get(member.key)
        if pane is None or rest.arrangement.beneath:
            return over
        # Where not all of the focused grid is in sight.
        stored = rest.cast.stored.get(pane.member.storage)
        room = region.width - 1, region.height - len(panel.lines) - 2
        lines = minimap(pane, None if stored is None else stored.track, room, ascii=view.ascii)
        for y, parts in enumerate(lines, region.y + region.height - len(lines)):
            over.setdefault(y, []).extend(_set(view.width - 1 - sum(part.size for part in parts), parts))
        return over

    def _panel_of(self, number: int, view: View) -> Panel:
        arrangement = self._rest(number, _standing(view)).arrangement
        region = arrangement.panel
        subject = self.subject(number, view)
        return inspector(
            subject,
            region.width,
            region.height,
            ascii=view.ascii,
            dim=view.dim,
            walk=view.walk,
            chosen=view.chosen,
            beneath=arrangement.beneath,
            value_text=self._value(number, subject),
            written=self._written(number),
            native=view.native,
        )

    def _written(self, number: int) -> tuple[tuple[str, str], ...]:
        """The first values that a step changed, as they were and as they are."""
        write = self.history.steps[number].write
        member = self.casting.cast(number).focused(None)
        if write is None or member is None or not number:
            return ()
        before, after = self.casting.reader(number - 1, member), self.casting.reader(number, member)
        return values_written(write, before, after, member.info.dtype)

    def _value(self, number: int, subject: Subject) -> str | None:
        if subject.member is None or subject.address is None:
            return None
        reader = self.casting.reader(number, subject.member)
        return None if reader is None else value_text(reader([subject.address])[0], subject.member.info.dtype)

    # -------------------------------------------------------------------------------------------------- pointing

    def hit(self, position: float, view: View, x: int, y: int) -> Hit | None:
        """What is at a column and row of the picture of the step that is at rest, or on its way."""
        number = self._number(position)
        rest = self._looked_at(number, view)
        region = rest.arrangement.panel
        if region.holds(x, y):
            return dict(self._panel(number, view).hits).get(y - region.y)
        for place, meant in rest.hits:
            if place.holds(x, y):
                return meant
        for pane in rest.arrangement.panes:
            index = pane.index_at(x, y)
            if index is not None and (pane.member.key, index) in rest.grid:
                spot = rest.grid[pane.member.key, index]
                return Hit("cell", pane.member.key, index, spot.storage, spot.position)
        for plan in rest.arrangement.strips:
            found = plan.position_at(x, y)
            if found is not None:
                return Hit("address", storage=plan.stored.key, address=found)
        return None

    def pointed(self, position: float, view: View, hit: Hit) -> View:
        """The view after pointing at what was hit."""
        if hit.kind == "cell":
            return replace(view, focus=hit.tensor, cursor=hit.index, pointer=None)
        if hit.kind == "address" and hit.storage is not None and hit.address is not None:
            return replace(view, pointer=(hit.storage, hit.address))
        if hit.kind == "tensor":
            return replace(view, focus=hit.tensor, scroll=(0, 0))
        if hit.kind == "dim":
            chosen = None if view.dim == hit.number and view.focus == hit.tensor else hit.number
            return self._with_cursor(position, replace(view, focus=hit.tensor, dim=chosen))
        return replace(view, chosen=hit.number)

    def _with_cursor(self, position: float, view: View) -> View:
        member = self.casting.cast(self._number(position)).focused(view.focus)
        if view.cursor is not None or member is None or not member.info.layout or not member.info.layout.numel:
            return view
        return replace(view, cursor=(0,) * member.info.layout.ndim, pointer=None)

    def moved(self, position: float, view: View, right: int, down: int) -> View:
        """The view with its cursor moved by cells, scrolled so that the cursor stays in sight.

        Without a cursor one appears at the first element. At the edge of a block it goes on in the next one.
        """
        number = self._number(position)
        member = self.casting.cast(number).focused(view.focus)
        layout = None if member is None else member.info.layout
        if member is None or layout is None or not layout.numel:
            return view
        index = self._index(member, replace(view, walk=None, pointer=None))
        if index is None:
            subject = self.subject(number, view)
            index = subject.index if subject.member is member and subject.index is not None else None
            start = index if index is not None else (0,) * layout.ndim
            return self._in_sight(number, replace(view, focus=member.key, cursor=start, pointer=None))
        pane = self._rest(number, _standing(view)).panes.get(member.key)
        across = pane.tiles.across if pane is not None and pane.tiles is not None else 1
        index = stepped(index, layout.shape, right, down, across)
        return self._in_sight(number, replace(view, focus=member.key, cursor=index, pointer=None))

    def _in_sight(self, number: int, view: View) -> View:
        """The view scrolled as little as brings its cursor into sight."""
        for _ in range(SETTLED):
            pane = self._rest(number, _standing(view)).panes.get(view.focus or "")
            scroll = view.scroll if pane is None else in_sight(pane, view)
            if scroll == view.scroll:
                break
            # What comes into sight may have wider cells than what was there, and push the cursor out again.
            view = replace(view, scroll=scroll)
        return view

    def scrolled(self, position: float, view: View, right: int, down: int) -> View:
        """The view with the focused grid scrolled by cells, as far as there is something to see."""
        number = self._number(position)
        member = self.casting.cast(number).focused(view.focus)
        pane = None if member is None else self._rest(number, _standing(view)).panes.get(member.key)
        if pane is None or pane.tiles is None:
            return view
        tiles, body = pane.tiles, pane.body
        most_x = -(-max(tiles.width - body.width, 0) // tiles.pitch_x)
        most_y = -(-max(tiles.height - body.height, 0) // tiles.pitch_y)
        here_x, here_y = pane.left // tiles.pitch_x, pane.top // tiles.pitch_y
        scroll = min(max(here_x + right, 0), most_x), min(max(here_y + down, 0), most_y)
        return view if scroll == view.scroll else replace(view, scroll=scroll)

    def walk_length(self, position: float, view: View) -> int:
        """How many elements a walk through the focused tensor visits; 0 where there is none."""
        member = self.casting.cast(self._number(position)).focused(view.focus)
        layout = None if member is None else member.info.layout
        return 0 if layout is None else layout.numel

    def _number(self, position: float) -> int:
        return min(max(ceil(position), 0), self.timeline.last)


def _set(x: int, parts: Sequence[Piece]) -> list[tuple[int, Piece]]:
    """Pieces one after another from a column on."""
    runs = []
    for part in parts:
        runs.append((x, part))
        x += part.size
    return runs


def _standing(view: View, focus: tuple[str, int] | None = None) -> View:
    """The view without what is only laid over a rest; what must be in sight on a strip takes the pointer's place."""
    return replace(view, cursor=None, pointer=focus, dim=None, walk=None, chosen=None, native="")


def _first(members: Sequence[Member], wanted: Member | None) -> list[Member]:
    return sorted(members, key=lambda member: member is not wanted)
