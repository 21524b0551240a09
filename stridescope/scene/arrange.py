"""The regions of the Stage: strips above, tensors below, what is said of them beside or beneath.

Problem: one storage and one tensor, or three storages and nine names, in 60×14 cells or in 200×58, all in reach.
Method: strips take what they need up to a share of the height, those that the step reads and fills before the others;
the panel of facts stands to the right where there is width for it, else beneath; tensors take what is left
(`scene.panes`). The same numbers always give the same regions.

Cost: O(tensors on stage); nothing depends on their sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stridescope.scene.frame import size_of
from stridescope.scene.panes import SIZES, Pane, Region, digits_of, panes_in
from stridescope.scene.strips import StripPlan, strip_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stridescope.scene.cast import Cast, Member, Stored
    from stridescope.scene.view import View

__all__ = ["Arrangement", "Pane", "Region", "arranged", "digits_of"]

SIDE_FROM = 88
"""From this width on the panel of facts stands beside the tensors."""

MARGIN = 1
NAME_WIDTH = 8
LARGEST = len(SIZES) - 1


@dataclass(frozen=True)
class Arrangement:
    """Where everything stands.

    Attributes:
        names: the tensors that have a line of marks below each strip, by storage.
        missing: tensors on stage for which there is no room.
        missing_storages: storages for which there is none.
        beneath: whether the panel stands below the tensors.
        cells: the size of the cells, a place in `panes.SIZES`.
    """

    strips: tuple[StripPlan, ...]
    panes: tuple[Pane, ...]
    names: dict[str, tuple[Member, ...]]
    panel: Region
    missing: int
    missing_storages: int
    beneath: bool
    cells: int

    @property
    def large(self) -> bool:
        """Whether a cell has more than one line."""
        return self.cells > 0


def arranged(
    cast: Cast,
    view: View,
    inner: Mapping[str, int],
    focus: Callable[[Stored], int | None] = lambda _: None,
    *,
    cells: int = LARGEST,
) -> Arrangement:
    """The regions for a cast.

    Args:
        inner: how many characters a cell of a tensor needs.
        focus: the position of a storage that must have a cell.
        cells: the largest size that cells may have, where all of them fit so.
    """
    width, height = view.width, view.height
    labelled = view.values or not view.coloured
    shown = _chosen(cast, view, max(min((height - 8) // 3, 5), 1))
    lines = {1: 3 if height >= 20 else 2 if height >= 14 else 1, 2: 2 if height >= 24 else 1}.get(len(shown), 1)
    spare = max((height - 14) // 2, 0) // len(shown) if shown else 0
    names = {stored.key: _named(cast, view, stored, min(spare, 8)) for stored in shown}
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
    panes, missing, used = panes_in(area, cast, view, inner, cells)
    where = (
        Region(width - side, y, side - MARGIN, max(height - y, 0))
        if beside
        else Region(MARGIN, height - beneath, width - 2 * MARGIN, beneath)
    )
    return Arrangement(tuple(strips), panes, names, where, missing, len(cast.storages) - len(shown), not beside, used)


def _chosen(cast: Cast, view: View, most: int) -> list[Stored]:
    """The storages that have a strip: those that the step reads and fills, what is spoken of, then the latest."""
    newest, focused = cast.focused(None), cast.focused(view.focus)
    first = [*(member.storage for member in (newest, focused) if member is not None), *cast.read]
    rank = {key: place for place, key in reversed(list(enumerate(first)))}
    latest = {stored.key: place for place, stored in enumerate(reversed(cast.storages), len(first))}
    kept = sorted(cast.storages, key=lambda stored: rank.get(stored.key, latest[stored.key]))[:most]
    return [stored for stored in cast.storages if stored in kept]


def _named(cast: Cast, view: View, stored: Stored, room: int) -> tuple[Member, ...]:
    """The members that get a line of marks below their storage's strip, where there are several: names first."""
    members = [member for member in cast.members if member.storage == stored.key and member.info.layout is not None]
    if len(members) < 2:
        return ()
    focused = cast.focused(view.focus)
    kept = sorted(members, key=lambda member: (member is not focused, not member.name or member.name[0] == "["))[:room]
    return tuple(member for member in members if member in kept)
