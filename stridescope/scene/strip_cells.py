"""A storage's cells, its head, its bar and its lines of marks.

Problem: every position in sight says whether a tensor reaches it, and a storage longer than the screen how much of each
stretch is reached. Method: the plan (`scene.strips`) says which positions are in sight; `reaches` and `coverage` answer
for the layouts on it. Cost: a question for each position in sight, and one count for the bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.layout import Layout
from stridescope.layout.coverage import coverage
from stridescope.scene.captions import name_rows, strip_head
from stridescope.scene.cast import storage_key
from stridescope.scene.frame import Mark, Piece, piece
from stridescope.scene.reach import reaches
from stridescope.scene.spots import Rest, Spot, Texts, scale_of, written_at
from stridescope.scene.text import address_text, nbytes_text, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.scene.cast import Member
    from stridescope.scene.strips import StripPlan
    from stridescope.scene.view import View

__all__ = ["fill_strip"]


def fill_strip(rest: Rest, texts: Texts, plan: StripPlan) -> None:
    """Adds a strip's head, cells, bar and lines of marks to a picture."""
    stored, view = plan.stored, rest.view
    cast = rest.cast if stored.alive else texts.casting.cast(max(rest.cast.step - 1, 0))
    members = [member for member in cast.members if member.storage == stored.key]
    if not stored.alive:
        # What a copy was made from: coloured where the copy read it.
        read = [info for info in rest.step.sources if storage_key(info) == stored.key]
        layouts = [(info.layout, scale_of(stored, info)) for info in read]
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
        size = _share_text(each, stored.unit, [scale for _, scale in layouts])
        note = ", ".join([f"a column is about {size}"] * (each > 1) + [f"shades {'exact' if exact else 'sampled'}"])
    rest.labels += strip_head(plan, rest.cast, rest.step, members if stored.alive else (), view, note)
    live = [position for position in plan.positions if reached(position)]
    values = _strip_values(texts, members, live) if view.values else {}
    alive = set(live)
    track = plan.track
    written = written_at(rest, stored.key)
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


def _share_text(positions: int, unit: int, scales: Sequence[int]) -> str:
    """A column's share of a storage: in elements, where all that lie on it have one size, else in bytes."""
    scale = scales[0] if scales and len(set(scales)) == 1 else 0
    return plural(max(positions // scale, 1), "element") if scale or not unit else nbytes_text(positions * unit)


def _strip_values(texts: Texts, members: Sequence[Member], live: Sequence[int]) -> dict[int, tuple[str, bool]]:
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
