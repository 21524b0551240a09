"""What one index, and what one stride, means in numbers.

Problem: "offset + Σ index·stride" is understood when it is seen with the numbers of the cell one points at. Method:
the formula of `sentences.address_formula`, broken to a width; one dim's stride as a sentence; and the other indices
that reach the same address. These are found one by one and counted: exactly, since a dim of stride 0 multiplies them,
up to COUNTED of the rest.

Cost: O(ndim) for a layout without overlap; at most COUNTED answers of a search where there is one.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.frame import Piece, piece
from stridescope.scene.sentences import address_formula, joined, others_text
from stridescope.scene.text import ascii_text, count, index_text, nbytes_text, plural
from stridescope.scene.wrapping import clipped, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import TensorInfo

__all__ = [
    "Others",
    "elsewhere",
    "formula_lines",
    "formula_pieces",
    "formula_text",
    "others",
    "others_line",
    "stride_text",
]

COUNTED = 500
"""Indices that are counted one by one."""

LISTED = 3
SHARED = 4
"""Other tensors that are named."""

_BUDGET = 2_000


class Others(NamedTuple):
    """The other indices that reach an address.

    Attributes:
        listed: the first of them.
        total: how many there are, the listed ones among them; None for more than were counted.
    """

    listed: tuple[tuple[int, ...], ...]
    total: int | None


def formula_text(info: TensorInfo, index: tuple[int, ...]) -> str:
    """The address of an index in one line; empty for a tensor without a layout.

    >>> from stridescope.records import TensorInfo
    >>> x = TensorInfo("torch.Tensor", (3, 2), (1, 8), 1, "int64", 8, "cpu", False, None)
    >>> formula_text(x, (2, 1))
    'address of [2, 1] = offset + 2·1 + 1·8 = 1 + 2 + 8 = 11 → byte 88'

    Raises:
        OpIndexError: the index does not fit the shape.
    """
    return " ".join(address_formula(info, index))


def formula_lines(info: TensorInfo, index: tuple[int, ...], width: int) -> list[str]:
    """The address of an index, a line for each thought, broken to a width.

    >>> from stridescope.records import TensorInfo
    >>> x = TensorInfo("torch.Tensor", (3, 2), (1, 8), 1, "int64", 8, "cpu", False, None)
    >>> for line in formula_lines(x, (2, 1), 24):
    ...     print(line)
    address of [2, 1]
      = offset + 2·1 + 1·8
      = 1 + 2 + 8 = 11
      → byte 88

    Raises:
        OpIndexError: the index does not fit the shape.
    """
    first, *rest = address_formula(info, index) or [""]
    lines = wrapped(first, width, hang=2) if first else []
    for line in rest:
        sums, arrow, byte = line.partition(" → ")
        whole = [line] if len(line) + 2 <= width else [sums, f"→ {byte}"] if arrow else [sums]
        for part in whole:
            lines += (f"  {line}" if width > 4 else line for line in wrapped(part, width - 2, hang=2))
    return lines


def formula_pieces(
    info: TensorInfo, index: tuple[int, ...], width: int, *, ascii: bool = False
) -> tuple[tuple[Piece, ...], ...]:
    """`formula_lines` as lines of pieces, the first in bold.

    Raises:
        OpIndexError: the index does not fit the shape.
    """
    lines = formula_lines(info, index, width)
    said = (clipped(ascii_text(line) if ascii else line, width) for line in lines)
    return tuple((piece(line, "plain" if number else "bold"),) for number, line in enumerate(said))


def stride_text(layout: Layout, dim: int, itemsize: int | None) -> str:
    """What the stride of one dim does.

    >>> from stridescope.layout import Layout
    >>> stride_text(Layout((3, 2), (1, 8), 1), 1, 8)
    'dim 1, stride 8: one step along it moves 8 elements (64 B)'
    >>> stride_text(Layout((4, 2), (0, -1), 1), 0, 8)
    'dim 0, stride 0: its 4 indices reach the same addresses'
    """
    size, stride = layout.shape[dim], layout.stride[dim]
    head = f"dim {dim}, stride {count(stride)}:"
    if size < 2:
        return f"{head} never used, since its size is {size}"
    if stride == 0:
        return f"{head} its {count(size)} indices reach the same addresses"
    far = f" ({nbytes_text(abs(stride) * itemsize)})" if itemsize else ""
    return f"{head} one step along it moves {plural(abs(stride), 'element')}{far}{' back' if stride < 0 else ''}"


@lru_cache(maxsize=256)
def others(layout: Layout, index: tuple[int, ...], limit: int = LISTED) -> Others:
    """The other indices that reach the address of an index.

    >>> from stridescope.layout import Layout
    >>> others(Layout((6, 3), (1, 1)), (2, 1))
    Others(listed=((1, 2), (3, 0)), total=2)
    >>> others(Layout((10**6, 10**6), (1, 0)), (5, 5)).total
    999999

    Raises:
        OpIndexError: the index does not fit the shape.
    """
    here = tuple(place + size if place < 0 else place for place, size in zip(index, layout.shape, strict=True))
    address = layout.address(here)
    still = [dim for dim in range(layout.ndim) if layout.stride[dim] == 0]
    moving = layout
    for dim in reversed(still):
        moving = moving.select(dim, 0)
    # Most layouts reach nothing twice, which is cheaper to prove than to search for.
    if moving.overlap(_BUDGET).verdict == "no":
        found = 1
    else:
        found = sum(1 for _ in islice(moving.indices_of(address), COUNTED + 1))
    total = found * prod(layout.shape[dim] for dim in still) - 1
    if not total:
        return Others((), 0)
    listed = islice((other for other in layout.indices_of(address) if other != here), limit)
    return Others(tuple(listed), total if found <= COUNTED else None)


def others_line(layout: Layout, index: tuple[int, ...], shared: Sequence[tuple[str, tuple[int, ...]]] = ()) -> str:
    """The other indices in a sentence, with their number where not all are named.

    Args:
        shared: (name, index) in other tensors that reach the same bytes.

    >>> from stridescope.layout import Layout
    >>> others_line(Layout((6,), (2,)), (2,), [("x", (4,)), ("a", (1, 0))])
    'Also reached by x[4] and a[1, 0].'
    >>> from stridescope.layout import Layout
    >>> others_line(Layout((6, 3), (1, 1)), (2, 1))
    'Also reached by [1, 2] and [3, 0].'
    >>> others_line(Layout((10**12,), (0,)), (5,))
    'Also reached by [0], [1], [2] and others, 999,999,999,999 in all.'

    Raises:
        OpIndexError: the index does not fit the shape.
    """
    found = others(layout, index)
    if found.total is not None and found.total <= LISTED:
        named = [*map(index_text, sorted(found.listed)), *_named(shared)]
        return f"Also reached by {joined(named)}." if named else others_text(layout, index)
    number = f"more than {count(COUNTED)}" if found.total is None else count(found.total)
    listed = ", ".join(index_text(other) for other in sorted(found.listed))
    too = f"; by {joined(_named(shared))} too" if shared else ""
    return f"Also reached by {listed} and others, {number} in all{too}."


def elsewhere(shared: Sequence[tuple[str, tuple[int, ...]]]) -> str:
    """Elements of other tensors as the subject of a sentence.

    >>> elsewhere([("x", (4,)), ("", (1, 0))])
    'x[4] and [1, 0] of another tensor are'
    """
    named = _named(shared)
    return f"{joined(named)} {'is' if len(named) == 1 else 'are'}"


def _named(shared: Sequence[tuple[str, tuple[int, ...]]]) -> list[str]:
    """Elements of other tensors, those beyond SHARED by their number."""
    named = [
        f"{name}{index_text(index)}" if name else f"{index_text(index)} of another tensor" for name, index in shared
    ]
    if len(named) <= SHARED:
        return named
    return [*named[: SHARED - 1], f"{len(named) - SHARED + 1} other tensors"]
