"""A step at rest: where every cell on screen stands, what it says and in which colour.

Problem: pointing, walking and the way from one step to the next all start from the same picture, and must not compute
it again. Method: for a step and a view without cursor, the spot of each visible element and of each position on the
strips, by key, beside the labels that stand still; whoever draws paints these and lays marks over them.

Cost: a few operations a visible cell, one address each; nothing depends on numel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from stridescope.layout import Layout
from stridescope.layout.coverage import coverage
from stridescope.scene.arrange import Arrangement, Pane, Region, arranged, digits_of
from stridescope.scene.captions import head_of, name_rows, strip_head
from stridescope.scene.cast import storage_key
from stridescope.scene.frame import Mark, Piece, piece
from stridescope.scene.reach import reaches
from stridescope.scene.text import address_text, count, is_odd, plural, value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.records import Reason, Step, TensorInfo
    from stridescope.scene.cast import Cast, Casting, Member, Stored
    from stridescope.scene.strips import StripPlan
    from stridescope.scene.view import Hit, View

__all__ = ["GridKey", "Rest", "Spot", "StripKey", "rest_of"]

GridKey = tuple[str, tuple[int, ...]]
"""(member, index)."""

StripKey = tuple[str, int]
"""(storage, position)."""


LONG = 7
"""Addresses of more characters than this are as wide as those in sight, not as the longest one."""


class Spot(NamedTuple):
    """A cell in the picture.

    Attributes:
        position: of its address on its storage's strip, the first of those an item takes.
        level: its colour; -1 where nothing reaches it.
    """

    x: int
    y: int
    width: int
    height: int
    text: str
    level: int
    marks: int
    storage: str
    position: int

    def pieces(self, marks: int = 0) -> Iterator[tuple[int, int, Piece]]:
        """(x, y, piece) of each of its lines, with marks beside its own."""
        role = "cell" if self.level >= 0 else "quiet"
        marks |= self.marks
        middle = self.height // 2
        for line in range(self.height):
            text = f"{self.text:>{self.width - 1}} " if line == middle else " " * self.width
            if line == middle and self.height > 1:
                text = f"{self.text:^{self.width}}"
            yield self.x, self.y + line, piece(text, role, self.level, marks)


@dataclass
class Rest:
    """One step's picture, without cursor.

    Attributes:
        labels: (x, y, piece) of all that stands still.
        grid, strip: the spots.
        hits: what regions of the heads mean when they are pointed at.
    """

    cast: Cast
    step: Step
    view: View
    arrangement: Arrangement
    labels: list[tuple[int, int, Piece]] = field(default_factory=list)
    grid: dict[GridKey, Spot] = field(default_factory=dict)
    strip: dict[StripKey, Spot] = field(default_factory=dict)
    hits: list[tuple[Region, Hit]] = field(default_factory=list)

    @cached_property
    def at_position(self) -> dict[StripKey, list[GridKey]]:
        """The visible elements by the position they reach."""
        found: dict[StripKey, list[GridKey]] = {}
        for key, spot in self.grid.items():
            found.setdefault((spot.storage, spot.position), []).append(key)
        return found

    @cached_property
    def panes(self) -> dict[str, Pane]:
        """The panes by member."""
        return {pane.member.key: pane for pane in self.arrangement.panes}

    @cached_property
    def plans(self) -> dict[str, StripPlan]:
        """The strips by storage."""
        return {plan.stored.key: plan for plan in self.arrangement.strips}


class _Texts:
    """What the cells of one picture say; each value is read once."""

    def __init__(self, casting: Casting, number: int, view: View) -> None:
        self.values = view.values
        self.casting = casting
        self.number = number
        self.read: dict[tuple[str, int], tuple[str, bool]] = {}

    def of(self, member: Member, addresses: Sequence[int]) -> list[tuple[str, bool]]:
        """(text, whether it is nan or infinite) for addresses of a member."""
        if not self.values:
            return [(address_text(address), False) for address in addresses]
        missing = [a for a in dict.fromkeys(addresses) if (member.key, a) not in self.read]
        if missing:
            reader = self.casting.reader(self.number, member)
            found = [None] * len(missing) if reader is None else reader(missing)
            for address, value in zip(missing, found, strict=True):
                self.read[member.key, address] = value_text(value, member.info.dtype), is_odd(value)
        return [self.read[member.key, address] for address in addresses]


def rest_of(
    casting: Casting, number: int, view: View, focus: Callable[[Stored], int | None], *, large: bool = True
) -> Rest:
    """The picture of a step for a view; `view.cursor` and its kin are not looked at."""
    cast = casting.cast(number)
    texts = _Texts(casting, number, view)
    inner = {member.key: digits_of(member) for member in cast.members}
    if view.values or max(inner.values(), default=0) > LONG:
        # How wide the cells are is known once those in sight are; wider ones show fewer, so one more try settles it.
        inner = dict.fromkeys(inner, 3)
        for _ in range(2):
            tried = arranged(cast, view, inner, focus, large=large)
            inner |= {pane.member.key: _widest(texts, pane) for pane in tried.panes}
    arrangement = arranged(cast, view, inner, focus, large=large)
    rest = Rest(cast, casting.steps[number], view, arrangement)
    for pane in arrangement.panes:
        _fill_pane(rest, texts, pane)
    for plan in arrangement.strips:
        _fill_strip(rest, texts, plan)
    rest.labels += _missing(arrangement, view)
    return rest


def _missing(arrangement: Arrangement, view: View) -> Iterator[tuple[int, int, Piece]]:
    """How many tensors have no room, on the line above the panes."""
    if arrangement.missing and arrangement.panes:
        text = f"{plural(arrangement.missing, 'more tensor')}: tab"
        y = arrangement.panes[0].head.y - 1
        if y >= 0 and len(text) < view.width:
            yield view.width - 1 - len(text), y, piece(text, "quiet")


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


def _widest(texts: _Texts, pane: Pane) -> int:
    said = texts.of(pane.member, [address for _, address in _visible(pane)])
    return max((len(text) for text, _ in said), default=2)


def _fill_pane(rest: Rest, texts: _Texts, pane: Pane) -> None:
    member, body = pane.member, pane.body
    for x, y, part, hit in head_of(pane, rest.cast, rest.step, rest.view):
        rest.labels.append((x, y, part))
        if hit is not None:
            rest.hits.append((Region(x, y, part.size, 1), hit))
    layout, tiles = member.info.layout, pane.tiles
    if layout is None or tiles is None:
        return
    if not layout.numel:
        if body.height > 0:
            rest.labels.append((body.x, body.y, piece("no elements"[: body.width], "quiet")))
        return
    elements = list(_visible(pane))
    stored = rest.cast.stored.get(member.storage)
    said = texts.of(member, [address for _, address in elements])
    written = _written(rest, member.storage)
    broken = (
        broken_index(rest.step.reason, layout) if rest.step.effect == "refused" and _is_subject(rest, member) else ()
    )
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
    rest.labels += _grid_labels(pane)


def _grid_labels(pane: Pane) -> Iterator[tuple[int, int, Piece]]:
    """The labels of rows and columns, and the titles of blocks, that are in sight."""
    tiles, body = pane.tiles, pane.body
    assert tiles is not None
    shape = tiles.shape
    if not shape:
        return
    middle = tiles.cell_height // 2
    for block in tiles.blocks(pane.left, pane.top, pane.left + body.width, pane.top + body.height):
        x0, y0 = body.x + block.x - pane.left, body.y + block.y - pane.top
        column_y = body.y if pane.sticky else y0 + tiles.head - 1
        row_x = body.x if pane.sticky else x0
        if len(shape) > 2:
            title = f"[{', '.join(map(str, block.outer))}, :, :]"
            if _inside(body, x0, y0, len(title)):
                yield x0, y0, piece(title, "bold")
        for row in block.rows:
            y = y0 + tiles.head + row * tiles.pitch_y + middle
            text = f"{row * tiles.across}" if len(shape) == 1 else f"{row},:"
            text = f"{text:>{tiles.label - 1}}"
            if body.y + (tiles.head if pane.sticky else 0) <= y < body.y + body.height and body.x <= row_x:
                yield row_x, y, piece(text[: body.width], "quiet")
        if len(shape) > 1:
            for column in block.columns:
                text = f":,{column}"
                x = x0 + tiles.label + column * tiles.pitch_x
                room = tiles.cell_width - 1 if tiles.cell_height == 1 else tiles.cell_width
                text = f"{text:>{room}}" if tiles.cell_height == 1 else f"{text:^{room}}"
                if len(text) > tiles.cell_width:
                    text = f"{column:>{room}}"
                left = body.x + (tiles.label if pane.sticky else 0)
                if left <= x and x + len(text) <= body.x + body.width and body.y <= column_y < body.y + body.height:
                    yield x, column_y, piece(text, "quiet")


def _written(rest: Rest, storage: str) -> Callable[[int], bool] | None:
    """Whether the step wrote a position of a storage; None where it wrote nothing there."""
    write, step = rest.step.write, rest.step
    if write is None or not write.numel:
        return None
    through = step.tensor or step.before
    if through is None or storage_key(through) != storage:
        return None
    scale = _scale(rest.cast.stored[storage], through) if storage in rest.cast.stored else 1
    test = write.reaches if write.layout is None else reaches(write.layout)
    return lambda position: test(position // scale)


def _is_subject(rest: Rest, member: Member) -> bool:
    """Whether a refused step was asked of a member."""
    asked = rest.step.before
    return asked is not None and storage_key(asked) == member.storage and asked.layout == member.info.layout


def broken_index(reason: Reason | None, layout: Layout) -> tuple[tuple[int, ...], ...]:
    """The two elements, next to each other in index order, between which no one stride fits; none where unknown.

    >>> from stridescope.records import Reason
    >>> broken_index(Reason("dims_not_mergeable", "", (0, 1), 12, 1), Layout((4, 3), (1, 4)))
    ((0, 2), (1, 0))
    """
    if reason is None or len(reason.dims) != 2 or reason.needed_stride is None:
        return ()
    one, other = reason.dims
    if not (0 <= one < other < layout.ndim) or layout.shape[one] < 2 or not layout.numel:
        return ()
    last = tuple(0 if dim <= one else size - 1 for dim, size in enumerate(layout.shape))
    last = tuple(place if dim <= other else 0 for dim, place in enumerate(last))
    following = tuple(1 if dim == one else 0 for dim in range(layout.ndim))
    return last, following


def _inside(body: Region, x: int, y: int, width: int) -> bool:
    return body.x <= x and x + width <= body.x + body.width and body.y <= y < body.y + body.height


def _fill_strip(rest: Rest, texts: _Texts, plan: StripPlan) -> None:
    stored, view = plan.stored, rest.view
    cast = rest.cast if stored.alive else texts.casting.cast(max(rest.cast.step - 1, 0))
    members = [member for member in cast.members if member.storage == stored.key]
    if not stored.alive:
        # What a copy was made from: coloured where the copy read it.
        read = [info for info in rest.step.sources if storage_key(info) == stored.key]
        layouts = [(info.layout, _scale(stored, info)) for info in read]
    else:
        layouts = [(member.info.layout, member.scale) for member in members]
    tests = [(reaches(layout), scale) for layout, scale in layouts if layout is not None]

    def reached(position: int) -> bool:
        return any(test(position // scale) for test, scale in tests)

    note = ""
    if plan.bar is not None:
        bar, exact = _bar(plan, [(layout, scale) for layout, scale in layouts if layout is not None], view)
        rest.labels += bar
        each = (plan.track.high - plan.track.low) // plan.bar_width
        note = f"a column is {count(each)}" + ("" if exact else ", sampled")
    rest.labels += strip_head(plan, rest.cast, rest.step, members if stored.alive else (), view, note)
    live = [position for position in plan.positions if reached(position)]
    values = _strip_values(texts, members, live) if view.values else {}
    alive = set(live)
    track = plan.track
    written = _written(rest, stored.key)
    for position in plan.positions:
        spot = plan.place(position)
        assert spot is not None
        address = address_text(position)
        level = track.level(position) if position in alive else -1
        marks = Mark.WRITTEN if written is not None and written(position) else 0
        if plan.labels:
            rest.labels.append((spot[0], spot[1] - 1, piece(f"{address:>{plan.cell_width - 1}}", "quiet")))
            if view.values:
                text, odd = values.get(position, ("·" if not view.ascii else ".", False))
                marks |= Mark.ODD if odd else 0
            else:
                mark = ("#" if view.ascii else "█") if level >= 0 else "." if view.ascii else "·"
                text = mark * min(plan.cell_width - 2, 3)
        else:
            text = address
        if len(text) >= plan.cell_width:
            text = text[: plan.cell_width - 2] + "~"
        rest.strip[stored.key, position] = Spot(*spot, plan.cell_width, 1, text, level, marks, stored.key, position)
    rest.labels += name_rows(plan, rest.arrangement.names.get(stored.key, ()), view)


def _scale(stored: Stored, info: TensorInfo) -> int:
    """Positions of a storage's strip that an item of a tensor takes."""
    return info.itemsize // stored.unit if info.itemsize and stored.unit else 1


def _strip_values(texts: _Texts, members: Sequence[Member], live: Sequence[int]) -> dict[int, tuple[str, bool]]:
    """What stands at the positions that a tensor reaches; where items take several positions, at the first one."""
    found: dict[int, tuple[str, bool]] = {}
    for member in members:
        layout = member.info.layout
        if layout is None:
            continue
        test = reaches(layout)
        own = [p for p in live if p not in found and p % member.scale == 0 and test(p // member.scale)]
        found.update(zip(own, texts.of(member, [p // member.scale for p in own]), strict=True))
    return found


def _bar(
    plan: StripPlan, layouts: Sequence[tuple[Layout, int]], view: View
) -> tuple[list[tuple[int, int, Piece]], bool]:
    """The bar of a long storage: for each column, how much of its share is reached; and whether that is exact."""
    bar: list[tuple[int, int, Piece]] = []
    edges = plan.edges()
    found = coverage([_in_positions(layout, scale) for layout, scale in layouts], edges)
    shades = ".:*#" if view.ascii else "░▒▓█"
    nothing = "." if view.ascii else "·"
    assert plan.bar is not None
    for column, (low, high, number) in enumerate(zip(edges, edges[1:], found.counts, strict=False)):
        if number:
            shade = shades[min(int(number * 4 / max(high - low, 1)), 3)]
            part = piece(shade, "bar", plan.track.level((low + high) // 2))
        else:
            part = piece(nothing, "quiet")
        bar.append((plan.x + column, plan.bar, part))
    return bar, found.exact


def _in_positions(layout: Layout, scale: int) -> Layout:
    """A layout of items as one of positions, of which each item takes `scale`."""
    if scale == 1:
        return layout
    stride = tuple(step * scale for step in layout.stride)
    return Layout((*layout.shape, scale), (*stride, 1), layout.storage_offset * scale)
