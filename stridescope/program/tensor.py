"""The algebra's own tensors: a layout on a storage that is never allocated.

Problem and method: what torch keeps for a tensor besides its memory, as plain fields; what a copy or a creation makes
of it. Cost: O(ndim).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from stridescope.layout.indexing import Positions
from stridescope.program.elements import cast, held
from stridescope.program.storage import Ahead, Fill, Storage, Value

if TYPE_CHECKING:
    from stridescope.layout import Copy, Layout
    from stridescope.layout.dtypes import DType

__all__ = ["Fill", "Library", "Storage", "Tensor", "cast", "fresh", "held", "of_copy"]

Library = str
"""Whose rules a tensor follows: "torch" or "numpy"."""


@dataclass(eq=False, slots=True)
class Tensor:
    """A tensor of the algebra.

    Attributes:
        layout: in elements of `dtype`; the one field an op may change in place (`t_`, `squeeze_`, ...).
        leaf: whether autograd would accumulate into it: it requires grad and no op made it.
        of_leaf: whether it is a view of such a leaf.
        conj, neg: values are conjugated, negated when read, and back again when written.
        copy, copied: for a tensor an op filled, where its elements came from, and the tensors that were read.
        locked: a numpy view that may not be written.
    """

    layout: Layout
    dtype: DType
    storage: Storage
    library: Library = "torch"
    requires_grad: bool = False
    leaf: bool = True
    of_leaf: bool = False
    conj: bool = False
    neg: bool = False
    locked: bool = False
    copy: Copy[Layout] | None = None
    copied: Sequence[Tensor] = ()

    @property
    def device(self) -> str:
        """Where the storage is."""
        return self.storage.device

    def view(self, layout: Layout, **changes: Any) -> Tensor:
        """Another tensor on the same storage."""
        kept: dict[str, Any] = {
            "dtype": self.dtype,
            "storage": self.storage,
            "library": self.library,
            "requires_grad": self.requires_grad,
            "leaf": not self.requires_grad,
            "of_leaf": self.requires_grad and (self.leaf or self.of_leaf),
            "conj": self.conj,
            "neg": self.neg,
            "locked": self.locked,
        }
        return Tensor(layout, **(kept | changes))

    def reader(self) -> Callable[[int], Any]:
        """Address (elements of the tensor's dtype) -> value, as the storage is now, conj and neg resolved."""
        storage, dtype, seen = self.storage, self.dtype, self.storage.writes_made
        if not (self.conj or self.neg):
            return lambda address: storage.value(address, dtype, seen)
        return lambda address: self._turned(storage.value(address, dtype, seen))

    def _turned(self, value: Any) -> Any:
        """A value as the conj and neg bits make it; the same again turns it back."""
        if value is None:
            return None
        if self.conj:
            value = value.conjugate()
        return -value if self.neg else value

    def write(
        self,
        layout: Layout,
        value: Value,
        *,
        reads_old: bool = False,
        constant: bool = False,
        sources: Sequence[Tensor] = (),
    ) -> None:
        """Log a write through `layout` to the tensor's storage.

        Args:
            value: what each element becomes, as it reads through this tensor.
            reads_old, constant: as in `stridescope.program.storage.Write`.
            sources: the tensors that `value` reads.
        """
        stored = value
        if self.conj or self.neg:

            def stored(index: tuple[int, ...], old: Any) -> Any:
                return self._turned(value(index, self._turned(old)))

        self.storage.write(self.dtype, layout, stored, reads_old=reads_old, constant=constant)
        if sources:
            self.storage.stands_on([source.storage for source in sources])

    def write_listed(self, values: Mapping[int, Any]) -> None:
        """Log a write of values, as they read through this tensor, to addresses."""
        self.storage.write_listed(self.dtype, {address: self._turned(value) for address, value in values.items()})

    def positions(self, limit: int) -> Positions | None:
        """The tensor as an index, its values read; None where one is unknown or there are more than `limit`."""
        if self.layout.numel > limit:
            return None
        read = self.reader()
        values = [read(address) for address in self.layout.addresses()]
        if any(value is None for value in values):
            return None
        return Positions(self.layout.shape, self.layout.stride, tuple(int(value) for value in values), self.is_mask)

    @property
    def is_mask(self) -> bool:
        """Whether it picks by yes and no as an index: bools do, and torch still takes uint8 so."""
        return self.dtype.kind == "bool" or (self.library == "torch" and self.dtype.name == "uint8")


def fresh(
    layout: Layout,
    dtype: DType,
    fill: Fill | None = None,
    *,
    device: str = "cpu",
    library: Library = "torch",
    requires_grad: bool = False,
    numel: int | None = None,
) -> Tensor:
    """A tensor on a new storage of its own, sized for the layout or for `numel` elements."""
    count = (layout.span[1] if 0 not in layout.shape else 0) if numel is None else numel
    storage = Storage(count * dtype.itemsize, device, dtype, fill)
    return Tensor(layout, dtype, storage, library, requires_grad)


def of_copy(
    copy: Copy[Layout],
    sources: Sequence[Tensor],
    *,
    dtype: DType | None = None,
    device: str | None = None,
    library: Library | None = None,
) -> Tensor:
    """The tensor a copy makes, its values those the sources have at this moment; conj and neg are resolved."""
    first = sources[0]
    kind = dtype or first.dtype
    readers = [source.reader() for source in sources]

    def fill(k: int) -> Any:
        number, address = copy.origin(k)
        return cast(readers[number](address), kind)

    grad = any(source.requires_grad for source in sources) and (kind.is_floating or kind.is_complex)
    storage = Storage(prod(copy.layout.shape) * kind.itemsize, device or first.device, kind, fill)
    storage.stands_on([source.storage for source in sources])
    if any(source.storage.root.ahead is not None for source in sources):
        storage.ahead = _ahead(copy, sources)
    return Tensor(copy.layout, kind, storage, library or first.library, grad, leaf=not grad, copy=copy, copied=sources)


def _ahead(copy: Copy[Layout], sources: Sequence[Tensor]) -> Ahead:
    """Passes on to the sources which of their elements a copy is about to ask for."""

    def ahead(places: Sequence[int]) -> None:
        wanted: dict[int, list[int]] = {}
        for number, address in map(copy.origin, places):
            wanted.setdefault(number, []).append(address)
        for number, addresses in wanted.items():
            sources[number].storage.announce(addresses, sources[number].dtype)

    return ahead
