"""Why a legal op cannot be expressed as a view, as a value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A legal op that no (shape, stride, storage_offset) can express.

    Attributes:
        code: a stable short name, such as "dims_not_mergeable".
        message: one sentence: what would have to hold, and what holds instead.
        dims: the dims of the input that could not be used as asked.
        needed_stride: the stride, in elements, that the first of `dims` would need; None where no
            single stride is to blame.
        found_stride: the stride, in elements, it has.
    """

    code: str
    message: str
    dims: tuple[int, ...] = ()
    needed_stride: int | None = None
    found_stride: int | None = None
