"""A tensor as it is drawn: its place on the strip of a storage that others may share.

Problem: tensors of several dtypes lie on one storage, whose strip has one kind of position, and each must keep its
colours in strip and grid alike. Method: a position is as long as the smallest item; every tensor knows how many
positions one of its items takes, and all share a `Track`. Cost: O(tensors), and one question for each position shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import TYPE_CHECKING

from stridescope.render.strip import WHOLE_CELLS
from stridescope.scene.reach import reaches
from stridescope.scene.text import is_odd, value_text
from stridescope.scene.track import Track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import ReadValues, TensorInfo

__all__ = ["HEAD", "TEXT_WIDTH", "Drawn", "edges", "letters_of", "track_of", "with_scales"]

HEAD = 9
"""Columns that the bold word before a section's facts takes."""

TEXT_WIDTH = 84
"""No sentence is set wider than this."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A tensor that is drawn, with the name it is drawn under and who reads its values.

    Attributes:
        scale: positions of the strip that one of its items takes.
    """

    info: TensorInfo
    layout: Layout
    name: str = ""
    read: ReadValues | None = None
    scale: int = 1

    def reaches(self, position: int) -> bool:
        """Whether the tensor reaches a position of the strip."""
        return reaches(self.layout)(position // self.scale)

    def texts(self, addresses: Sequence[int]) -> list[tuple[str, bool]]:
        """What the cells at these addresses say, and whether it is nan or infinite."""
        values = [None] * len(addresses) if self.read is None else self.read(addresses)
        return [(value_text(value, self.info.dtype), is_odd(value)) for value in values]


def with_scales(drawn: Sequence[Drawn]) -> tuple[list[Drawn], int]:
    """The tensors with their scales, and the bytes of one position; 0 bytes where no item size is known."""
    sizes = [item.info.itemsize for item in drawn if item.info.itemsize]
    unit = gcd(*sizes) if sizes else 0
    return [replace(item, scale=(item.info.itemsize or unit) // unit if unit else 1) for item in drawn], unit


def track_of(drawn: Sequence[Drawn], unit: int) -> tuple[Track, int | None]:
    """The strip's positions, and how many the storage holds (None: unknown)."""
    storage = drawn[0].info.storage
    held = storage.nbytes // unit if storage is not None and storage.nbytes is not None and unit else None
    reached = [edge for item in drawn if item.layout.numel for edge in edges(item)]
    low, high = min([0, *reached]), max([held or 0, *(edge + 1 for edge in reached)])
    whole = high - low <= WHOLE_CELLS or not reached
    return Track(low, high, (low, high) if whole else (min(reached), max(reached) + 1)), held


def edges(item: Drawn) -> tuple[int, int]:
    """The first and last position of the strip that a tensor reaches."""
    low, high = item.layout.span
    return low * item.scale, high * item.scale - 1


def letters_of(names: Sequence[str]) -> list[str]:
    """A one-letter mark for each name: a letter of its own where one is free; what has no name comes last.

    >>> letters_of(["x", "y", "xs"]), letters_of(["", "a"])
    (['x', 'y', 's'], ['b', 'a'])
    """
    free = list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    letters = dict.fromkeys(range(len(names)), "*")
    for place in sorted(letters, key=lambda place: not names[place]):
        own = next((c for c in names[place] if c in free), None) or (free[0] if free else "*")
        letters[place] = own
        if own in free:
            free.remove(own)
    return list(letters.values())
