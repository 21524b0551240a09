"""Where the reader stands: everything beside history and time that decides a picture.

Problem: the same history looks different in another window, under another cursor, with values or addresses in its
cells; a picture must be a function of all that and of nothing else. Method: one frozen value. What is pointed at comes
back as a `Hit`, by arithmetic on the same value, so pointing needs nothing that was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Hit", "View"]


@dataclass(frozen=True, slots=True)
class View:
    """The viewport and what the reader looks at.

    Attributes:
        width, height: the picture's size in terminal cells.
        focus: the key of the tensor that keys speak to; None for the newest one.
        cursor: an index of the focused tensor; None for no cursor.
        pointer: (storage id, address) pointed at on a strip; None, or the cursor counts.
        dim: a dim of the focused tensor whose stride is shown, or None.
        walk: the element, counted in index order, that the walk stands on; None when there is no walk.
        values: whether cells show values rather than addresses.
        scroll: (columns, rows), in cells of the grid, by which the focused grid is scrolled.
        ascii: whether only ASCII may be drawn.
        coloured: whether cells have colours; without them an address needs other signs.
        chosen: the alternative of a refusal that is marked, counted from 0.
        native: the real library's own words on the refused step, where it was asked.
    """

    width: int = 100
    height: int = 24
    focus: str | None = None
    cursor: tuple[int, ...] | None = None
    pointer: tuple[str, int] | None = None
    dim: int | None = None
    walk: int | None = None
    values: bool = False
    scroll: tuple[int, int] = (0, 0)
    ascii: bool = False
    coloured: bool = True
    chosen: int | None = None
    native: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies at a place of the picture.

    Attributes:
        kind: "cell" (an element of a tensor), "address" (a place on a strip), "dim" (a dim's size, stride or label),
            "tensor" (a tensor's head), "alternative" (of a refusal).
        tensor: the key of the tensor, where there is one.
        index: the element's index, for "cell".
        storage, address: the storage's id and the address, for "cell" and "address".
        number: which dim, or which alternative.
    """

    kind: Literal["cell", "address", "dim", "tensor", "alternative"]
    tensor: str | None = None
    index: tuple[int, ...] | None = None
    storage: str | None = None
    address: int | None = None
    number: int | None = None
