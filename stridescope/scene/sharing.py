"""What one address means to the other tensors on stage, and what a write left there.

Problem: where names alias, an element of one is an element of others too, and a write through one changes what all of
them hold. Method: the positions of an element's bytes are looked up in each other layout on the same storage; of a
write, the first addresses are read as they were and as they are. Cost: a search for each tensor on stage, O(ndim).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from stridescope.scene.text import value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stridescope.records import ReadValues, Write
    from stridescope.scene.cast import Member

__all__ = ["reached_in_others", "values_written"]

LISTED = 4
"""Values of a write that are told."""


def reached_in_others(
    members: Iterable[Member], member: Member, address: int
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """For each other tensor that reaches bytes of an element, its name and the first index that does.

    Args:
        members: the tensors on stage.
        address: of the element, in elements of `member`.
    """
    found = []
    bytes_of_it = range(address * member.scale, (address + 1) * member.scale)
    for other in members:
        layout = other.info.layout
        if other.key == member.key or other.storage != member.storage or layout is None or not layout.numel:
            continue
        places = dict.fromkeys(position // other.scale for position in bytes_of_it)
        index = next((index for place in places for index in islice(layout.indices_of(place), 1)), None)
        if index is not None:
            found.append((other.name, index))
    return tuple(found)


def values_written(
    write: Write, before: ReadValues | None, after: ReadValues | None, dtype: str | None
) -> tuple[tuple[str, str], ...]:
    """(before, after) of the first values that a write changed; empty where either is not known, or none is another.

    >>> from stridescope.layout import Layout
    >>> from stridescope.records import Write
    >>> write = Write(Layout((3,), (2,)), ("b",))
    >>> values_written(write, lambda places: [*places], lambda places: [10 + place for place in places], "int64")
    (('0', '10'), ('2', '12'), ('4', '14'))
    """
    if before is None or after is None:
        return ()
    addresses = list(dict.fromkeys(islice(write.addresses(), LISTED)))
    pairs = list(zip(before(addresses), after(addresses), strict=True))
    if any(value is None for pair in pairs for value in pair):
        return ()
    said = tuple((value_text(old, dtype), value_text(new, dtype)) for old, new in pairs)
    return said if any(old != new for old, new in said) else ()
