"""A step at rest: the whole picture for a step and a view without cursor.

Problem: how much room a cell needs is known when what stands in it is, and that is known when it is known which cells
are in sight. Method: addresses are as long as the layout says; where values are shown, or addresses are very long, the
regions are tried with narrow cells first. Then strips and panes are filled. Cost: O(cells on screen).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.scene.arrange import LARGEST, Arrangement, arranged, digits_of
from stridescope.scene.frame import Piece, piece
from stridescope.scene.grid import fill_pane, widest
from stridescope.scene.spots import GridKey, Rest, Spot, StripKey, Texts
from stridescope.scene.strip_cells import fill_strip
from stridescope.scene.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stridescope.scene.cast import Casting, Stored
    from stridescope.scene.view import View

__all__ = ["GridKey", "Rest", "Spot", "StripKey", "rest_of"]

LONG = 7
"""Addresses of more characters than this are as wide as those in sight, not as the longest one."""


def rest_of(
    casting: Casting, number: int, view: View, focus: Callable[[Stored], int | None], *, cells: int = LARGEST
) -> Rest:
    """The picture of a step for a view; `view.cursor` and its kin are not looked at."""
    cast = casting.cast(number)
    texts = Texts(casting, number, view)
    inner = {member.key: digits_of(member) for member in cast.members}
    if view.values or max(inner.values(), default=0) > LONG:
        # How wide the cells are is known once those in sight are; wider ones show fewer, so one more try settles it.
        inner = dict.fromkeys(inner, 3)
        for _ in range(2):
            tried = arranged(cast, view, inner, focus, cells=cells)
            inner |= {pane.member.key: widest(texts, pane) for pane in tried.panes}
    arrangement = arranged(cast, view, inner, focus, cells=cells)
    rest = Rest(cast, casting.steps[number], view, arrangement)
    for pane in arrangement.panes:
        fill_pane(rest, texts, pane)
    for plan in arrangement.strips:
        fill_strip(rest, texts, plan)
    rest.labels += _missing(arrangement, view)
    return rest


def _missing(arrangement: Arrangement, view: View) -> Iterator[tuple[int, int, Piece]]:
    """How many storages and tensors have no room, on the line above the panes."""
    parts = [plural(arrangement.missing_storages, "more storage")] * (arrangement.missing_storages > 0)
    parts += [f"{plural(arrangement.missing, 'more tensor')}: tab"] * (arrangement.missing > 0)
    text = (", " if view.ascii else " · ").join(parts)
    if text and arrangement.panes:
        y = arrangement.panes[0].head.y - 1
        if y >= 0 and len(text) < view.width:
            yield view.width - 1 - len(text), y, piece(text, "quiet")
