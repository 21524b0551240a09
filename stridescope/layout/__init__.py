"""The algebra of tensor layouts: standard library only, exact, O(ndim).

base            the fields; wrap_dim; row-major strides
contiguity      contiguous, channels_last, non-overlapping and dense; strides of new tensors
compatibility   is this shape a view, and if not, which two dims are in the way
overlap         do two indices reach one address: exact, with witnesses, bounded
addressing      indices to addresses and back, hops, coalescing
reshaping permuting slicing bits     ops that keep the storage
copy copying indexing                ops that fill a new one, and where each element came from
numpy_rules     where numpy differs
dtypes          names, item sizes, kinds
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, overload

from stridescope.layout.addressing import Addressing
from stridescope.layout.base import Shape, contiguous_stride
from stridescope.layout.bits import Bits
from stridescope.layout.copy import Copy
from stridescope.layout.copying import Copying
from stridescope.layout.overlap import Overlap
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Copy", "Layout", "Overlap", "Refusal", "Shape"]

_LITERAL = re.compile(r"\s*\(([\d\s,]*)\)\s*:\s*\(([-\d\s,]*)\)\s*(?:\+\s*(\d+)\s*)?")


class _Contiguous:
    """`Layout.contiguous(shape)` makes a layout; `layout.contiguous(memory_format)` is torch's op.

    Both names are fixed by the words people know them by, so one attribute answers both.
    """

    @overload
    def __get__(self, layout: None, owner: type[Layout]) -> Callable[[Iterable[int]], Layout]: ...

    @overload
    def __get__(self, layout: Layout, owner: type[Layout]) -> Callable[..., Layout | Copy[Layout]]: ...

    def __get__(self, layout: Layout | None, owner: type[Layout]) -> Callable[..., Any]:
        return owner.row_major if layout is None else layout.made_contiguous


class Layout(Copying, Addressing, Bits):
    """(shape, stride, storage_offset), in elements, and every question and op on them.

    Ops return a `Layout` (a view; the same object where torch returns its input), a `Refusal` (legal, but no
    view) or a `Copy` (a new storage). An op torch refuses raises an `IllegalOp` of torch's own class.

    >>> x = Layout.contiguous((3, 4)).t()[1:, ::2]
    >>> x
    Layout((3, 2), (1, 8), 1)
    >>> x.address((2, 1)), x.span, x.is_contiguous()
    (11, (1, 12), False)
    >>> x.view(6).message
    'view(6) must merge dims 0 and 1, but stride[0] is 1 where merging needs size[1]·stride[1] = 16'
    """

    __slots__ = ()

    contiguous = _Contiguous()

    @classmethod
    def row_major(cls, shape: Iterable[int]) -> Layout:
        """Row-major over a shape, at offset 0; what `Layout.contiguous(shape)` calls."""
        sizes = tuple(shape)
        return cls(sizes, contiguous_stride(sizes))

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Reads a layout literal, `(3,4):(4,1)` with an optional `+offset`.

        >>> Layout.parse("(3,4):(4,1)+2")
        Layout((3, 4), (4, 1), 2)

        Raises:
            ValueError: the text is no layout literal.
        """
        match = _LITERAL.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no layout; write (shape):(stride)+offset, as in (3,4):(4,1)+2")
        try:
            shape, stride = (tuple(int(n) for n in group.split(",") if n.strip()) for group in (match[1], match[2]))
        except ValueError:
            raise ValueError(f"{text!r} is no layout; sizes and strides are whole numbers between commas") from None
        return cls(shape, stride, int(match[3] or 0))

    def __str__(self) -> str:
        sizes, strides = (",".join(map(str, values)) for values in (self.shape, self.stride))
        return f"({sizes}):({strides})" + (f"+{self.storage_offset}" if self.storage_offset else "")

    def __repr__(self) -> str:
        offset = f", {self.storage_offset}" if self.storage_offset else ""
        return f"Layout({self.shape}, {self.stride}{offset})"
