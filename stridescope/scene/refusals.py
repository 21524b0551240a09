"""Why a step was refused, as a reader needs it beside the picture: the two dims, and where the walk broke.

Problem: "stride[0] is 1, needs 12" is exact, and it is seen at once when one place is named where it fails. Method:
dims a and b merge when the element after the last of b is the first of b for the next a; the refusal names a and b, so
that pair of indices is known, and their addresses are two sums. Cost: O(ndim).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.text import count, index_text

if TYPE_CHECKING:
    from stridescope.layout import Layout
    from stridescope.records import Reason

__all__ = ["Break", "break_of", "break_text", "reason_text"]


_LISTED = re.compile(r"\b(shape |size )\[([-\d, ]*)\]")


class Break(NamedTuple):
    """Where one stride cannot go on.

    Attributes:
        last: the last index that it serves.
        due: the address one more step would reach.
        following: the index that comes next.
        found: the address that one has.
    """

    last: tuple[int, ...]
    due: int
    following: tuple[int, ...]
    found: int


def reason_text(reason: Reason) -> str:
    """Why, as short as it can be said."""
    if reason.code == "dims_not_mergeable" and len(reason.dims) == 2 and reason.needed_stride is not None:
        one, other = reason.dims
        found = "" if reason.found_stride is None else f"is {count(reason.found_stride)}, "
        return f"must merge dims {one} and {other}: stride[{one}] {found}needs {count(reason.needed_stride)}"
    # Sizes as everywhere else beside the picture: (3, 4), not torch's [3, 4].
    return _LISTED.sub(lambda found: f"{found[1]}{_tuple(found[2])}", reason.message)


def _tuple(inside: str) -> str:
    return f"({inside}{'' if ',' in inside or not inside else ','})"


def break_of(layout: Layout, reason: Reason) -> Break | None:
    """Where two dims that would have to merge come apart; None for other refusals.

    >>> from stridescope.layout import Layout
    >>> from stridescope.records import Reason
    >>> break_of(Layout((4, 3), (1, 4)), Reason("dims_not_mergeable", "", (0, 1), 12, 1))
    Break(last=(0, 2), due=12, following=(1, 0), found=1)
    """
    if reason.code != "dims_not_mergeable" or len(reason.dims) != 2 or not layout.numel:
        return None
    one, other = reason.dims
    if not 0 <= one < other < layout.ndim or layout.shape[one] < 2:
        return None
    last = tuple(layout.shape[dim] - 1 if dim == other else 0 for dim in range(layout.ndim))
    following = tuple(int(dim == one) for dim in range(layout.ndim))
    due, found = layout.address(last) + layout.stride[other], layout.address(following)
    return Break(last, due, following, found) if due != found else None


def break_text(broken: Break) -> str:
    """The same in a sentence.

    >>> break_text(Break((0, 2), 12, (1, 0), 1))
    'From [0, 2] the next address would be 12, but [1, 0] is at 1.'
    """
    last, due, following, found = broken
    return (
        f"From {index_text(last)} the next address would be {count(due)}, "
        f"but {index_text(following)} is at {count(found)}."
    )
