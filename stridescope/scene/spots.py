"""The cells of a picture at rest: where each stands, what it says, in which colour.

Problem: pointing, walking and the way from one step to the next all start from the same picture, and must not compute
it again. Method: a `Spot` for each visible element and each position on the strips, by key, beside the labels that
stand still. What the cells say is read once. Cost: O(cells on screen); nothing depends on numel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.cast import storage_key
from stridescope.scene.frame import Mark, Piece, piece
from stridescope.scene.reach import reaches
from stridescope.scene.text import address_text, is_odd, value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.layout import Layout
    from stridescope.records import Step, TensorInfo
    from stridescope.scene.arrange import Arrangement, Pane, Region
    from stridescope.scene.cast import Cast, Casting, Member, Stored
    from stridescope.scene.strips import StripPlan
    from stridescope.scene.view import Hit, View

__all__ = ["GridKey", "Rest", "Spot", "StripKey", "Texts", "scale_of", "written_at"]

GridKey = tuple[str, tuple[int, ...]]
"""(member, index)."""

StripKey = tuple[str, int]
"""(storage, position)."""


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
        middle, width = self.height // 2, self.width
        said = f"{self.text:^{width}}" if self.height > 1 else f"{self.text:>{width - 1}} "
        if marks & Mark.BROKEN and len(self.text) <= width - 2:
            # Beside the colour, which may be near to one of the ramp's.
            said = f"{f'[{self.text}]':^{width}}" if self.height > 1 else f"[{self.text:>{width - 2}}]"
        for line in range(self.height):
            text = said if line == middle else " " * width
            yield self.x, self.y + line, piece(text, role, self.level, marks)


@dataclass
class Rest:
    """One step's picture, without cursor.

    Attributes:
        labels: (x, y, piece) of what stands still with the strips and beside the panes.
        captions: the same of each pane, its head and the labels of its grid.
        grid, strip: the spots.
        hits: what regions of the heads mean when they are pointed at.
    """

    cast: Cast
    step: Step
    view: View
    arrangement: Arrangement
    labels: list[tuple[int, int, Piece]] = field(default_factory=list)
    captions: dict[str, list[tuple[int, int, Piece]]] = field(default_factory=dict)
    grid: dict[GridKey, Spot] = field(default_factory=dict)
    strip: dict[StripKey, Spot] = field(default_factory=dict)
    hits: list[tuple[Region, Hit]] = field(default_factory=list)

    @property
    def words(self) -> Iterator[tuple[int, int, Piece]]:
        """All that stands still."""
        yield from self.labels
        for parts in self.captions.values():
            yield from parts

    @cached_property
    def at_position(self) -> dict[StripKey, list[GridKey]]:
        """The visible elements by the position they reach."""
        found: dict[StripKey, list[GridKey]] = {}
        for key, spot in self.grid.items():
            found.setdefault((spot.storage, spot.position), []).append(key)
        return found

    @cached_property
    def layouts(self) -> dict[str, Layout | None]:
        """The members' layouts."""
        return {member.key: member.info.layout for member in self.cast.members}

    @cached_property
    def panes(self) -> dict[str, Pane]:
        """The panes by member."""
        return {pane.member.key: pane for pane in self.arrangement.panes}

    @cached_property
    def plans(self) -> dict[str, StripPlan]:
        """The strips by storage."""
        return {plan.stored.key: plan for plan in self.arrangement.strips}


class Texts:
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


def written_at(rest: Rest, storage: str) -> Callable[[int], bool] | None:
    """Whether the step wrote a position of a storage; None where it wrote nothing there."""
    write, step = rest.step.write, rest.step
    if write is None or not write.numel:
        return None
    through = step.tensor or step.before
    if through is None or storage_key(through) != storage:
        return None
    scale = scale_of(rest.cast.stored[storage], through) if storage in rest.cast.stored else 1
    test = write.reaches if write.layout is None else reaches(write.layout)
    return lambda position: test(position // scale)


def scale_of(stored: Stored, info: TensorInfo) -> int:
    """Positions of a storage's strip that an item of a tensor takes."""
    return info.itemsize // stored.unit if info.itemsize and stored.unit else 1
