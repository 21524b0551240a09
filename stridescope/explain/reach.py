"""The tensors that an error may be about, and what an error comes to.

Problem: a frame holds dozens of tensors, and an error is about one or two. Method: those that the failing expression
itself works on come first; of each group, those of which the error can be true are kept. Cost: O(tensors · ndim).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.sentences import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.explain.frames import Seen
    from stridescope.records import TensorInfo

__all__ = ["NAMED", "Reach", "Told", "ints", "lies", "named", "only"]

NAMED = 3


class Told(NamedTuple):
    """What an error comes to.

    Attributes:
        message: which tensors, dims, elements or devices.
        about: the tensor it is about, where one is known.
    """

    message: str
    because: tuple[str, ...] = ()
    dims: tuple[int, ...] = ()
    needed: int | None = None
    found: int | None = None
    about: TensorInfo | None = None


class Reach(NamedTuple):
    """The tensors that an error may be about: those of the failing expression, then all in the frame."""

    inputs: tuple[Seen, ...] = ()
    others: tuple[Seen, ...] = ()

    def where(self, holds: Callable[[TensorInfo], object]) -> list[Seen]:
        """The inputs of which something holds, or else the others."""
        return [seen for seen in self.inputs if _sure(holds, seen)] or [
            seen for seen in self.others if _sure(holds, seen)
        ]


def _sure(holds: Callable[[TensorInfo], object], seen: Seen) -> bool:
    return seen.info.layout is not None and bool(holds(seen.info))


def ints(text: str) -> tuple[int, ...]:
    """The numbers of a list in torch's words.

    >>> ints("5, -1")
    (5, -1)
    """
    return tuple(int(part) for part in text.split(",") if part.strip())


def named(found: Sequence[Seen], what: Callable[[TensorInfo], str] | None = None) -> str:
    """A few tensors by name, each with what is said of it."""
    words = list(dict.fromkeys(f"{seen.name}{'' if what is None else ' ' + what(seen.info)}" for seen in found))
    return joined(words[:NAMED]) + (f" (and {len(words) - NAMED} more)" if len(words) > NAMED else "")


def lies(info: TensorInfo) -> str:
    """A layout as it is written; the class of what has none."""
    return str(info.layout) if info.layout is not None else info.type


def only(found: Sequence[Seen]) -> TensorInfo | None:
    """The tensor where just one was found."""
    return found[0].info if len(found) == 1 else None
