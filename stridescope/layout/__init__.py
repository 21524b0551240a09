"""The algebra of tensor layouts: standard library only, exact, O(ndim).

base            the fields; wrap_dim; row-major strides
contiguity      contiguous, channels_last, non-overlapping and dense; strides of new tensors
compatibility   is this shape a view, and if not, which two dims are in the way
overlap         do two indices reach one address: exact, with witnesses, bounded
addressing      indices to addresses and back, hops, coalescing
coverage        how many addresses of each stretch of a storage are reached
reshaping permuting slicing bits     ops that keep the storage
copy copying indexing                ops that fill a new one, and where each element came from
numpy_rules     where numpy differs
dtypes          names, item sizes, kinds
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, overload

from stridescope.layout.addressing import Addressing
from stridescope.layout.base import Shape, contiguous_stride
from stridescope.layout.bits import Bits
from stridescope.layout.copy import Copy
from stridescope.layout.copying import Copying
from stridescope.layout.overlap import Overlap
from stridescope.layout.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Copy", "Layout", "Overlap", "Refusal", "Shape"]

_LITERAL = re.compile(r"\s*\(([\d\s,]*)\)\s*:\s*\(([-\d\s,]*)\)\s*(?:([+-]\s*\d+)\s*)?")


def _not_ints(values: Any) -> set[str]:
    """The types among the values, or of what should have held them, that are no ints."""
    if not isinstance(values, Iterable):
        return {type(values).__name__}
    return {type(value).__name__ for value in values if not hasattr(type(value), "__index__")}


class _Contiguous:
    """`Layout.contiguous(shape)` makes a layout; `layout.contiguous(memory_format)` is torch's op.

    Both names are fixed by the words people know them by, so one attribute answers both.
    """

    @overload
    def __get__(self, layout: None, owner: type[Layout]) -> Callable[..., Layout]: ...

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

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except TypeError:
            fields = (
                f"shape {self.shape!r:.60}, stride {self.stride!r:.60} and storage_offset {self.storage_offset!r:.60}"
            )
            kinds = sorted(_not_ints(self.shape) | _not_ints(self.stride) | _not_ints((self.storage_offset,)))
            raise TypeError(
                f"a layout is made of whole numbers, as in Layout((3, 4), (4, 1)); got {fields}, with "
                f"{' and '.join(kinds)} where an int or a tuple of ints is due"
            ) from None

    @classmethod
    def row_major(cls, *shape: int | Iterable[int]) -> Layout:
        """Row-major over a shape, at offset 0; what `Layout.contiguous(shape)` calls.

        >>> Layout.contiguous((3, 4)) == Layout.contiguous(3, 4)
        True

        Raises:
            TypeError: the sizes are not ints.
        """
        given = shape[0] if len(shape) == 1 and isinstance(shape[0], Iterable) else shape
        sizes: tuple[Any, ...] = tuple(given)
        if not all(hasattr(type(size), "__index__") for size in sizes):
            raise TypeError(f"contiguous takes a shape, as in Layout.contiguous((3, 4)), got {shape!r:.60}")
        return cls(sizes, contiguous_stride(sizes))

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Reads a layout literal, `(3,4):(4,1)` with an optional `+offset` or `-offset`.

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
        return cls(shape, stride, int("".join((match[3] or "0").split())))

    def __str__(self) -> str:
        sizes, strides = (",".join(map(str, values)) for values in (self.shape, self.stride))
        return f"({sizes}):({strides})" + (f"{self.storage_offset:+}" if self.storage_offset else "")

    def __repr__(self) -> str:
        offset = f", {self.storage_offset}" if self.storage_offset else ""
        return f"Layout({self.shape}, {self.stride}{offset})"
