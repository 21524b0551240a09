"""The question a panel answers: what is pointed at, and how much room there is.

Problem and method: every section of the inspector needs the same few things, the tensor spoken of, its layout, the
element, the step, so they are settled once: what does not exist or does not fit the tensor is None from here on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stridescope.scene.panel import Entry, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import Step, TensorInfo
    from stridescope.scene.stage import Subject

__all__ = ["Asked", "said"]


@dataclass(frozen=True)
class Asked:
    """The question, with what every section needs of it.

    Attributes:
        info, layout: of the tensor spoken of; its key in `tensor`.
        index, address: of the element pointed at; None where there is none in this layout.
        others: (name, index) in other tensors of what reaches the same bytes.
        written, native: as in `inspector`.
    """

    step: Step
    info: TensorInfo | None
    layout: Layout | None
    tensor: str | None
    index: tuple[int, ...] | None
    address: int | None
    dim: int | None
    walk: int | None
    chosen: int | None
    value: str | None
    width: int
    ascii: bool
    others: tuple[tuple[str, tuple[int, ...]], ...] = ()
    written: tuple[tuple[str, str], ...] = ()
    native: str = ""

    @classmethod
    def of(
        cls,
        subject: Subject,
        width: int,
        *,
        ascii: bool,
        dim: int | None,
        walk: int | None,
        chosen: int | None,
        value: str | None,
    ) -> Asked:
        """The question about a subject; arguments as those of `inspector`."""
        step, member = subject.step, subject.member
        info = member.info if member is not None else step.tensor or (step.tensors or (step.before,))[0]
        layout = None if info is None else info.layout
        index = subject.index
        if layout is None:
            dim = walk = index = None
        else:
            dim = dim if dim is not None and 0 <= dim < layout.ndim else None
            walk = walk if walk is not None and 0 <= walk < layout.numel else None
            if walk is not None and index is None:
                index = layout.unravel(walk)
            index = index if index is not None and _fits(index, layout) else None
        address = subject.address if layout is None or index is None else layout.address(index)
        tensor = None if member is None else member.key
        others = subject.others
        return cls(step, info, layout, tensor, index, address, dim, walk, chosen, value, width, ascii, others)


def said(text: str, role: str = "plain", *, hang: int = 0) -> Entry:
    """A sentence alone."""
    return Entry(text=Span(text, role), hang=hang)


def _fits(index: Sequence[int], layout: Layout) -> bool:
    return len(index) == layout.ndim and all(0 <= place < size for place, size in zip(index, layout.shape, strict=True))
