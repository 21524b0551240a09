"""A storage that is never allocated: what fills it, what was written to it, and what is there at any moment.

Problem: the values of a program must be told at every step, through every alias and every element type, with no memory
behind them. Method: a storage has a fill (element number -> value, or None where nobody can know it) and a log of
writes. The value of an element is what the fill gives, carried through those writes that touch its bytes, from the last
one that does not depend on what was there before. A reader holds how much of the log it may see, so old steps keep
showing what they saw.

A fill may read other storages, and theirs others in turn. So what was found is remembered, and a storage that stands on
a long chain of others is settled: its values are worked out once and kept. One too large for that becomes unknown,
which is honest.

Cost: O(writes × ndim) for each element asked for, the first time; nothing for those that are not.

Units: elements, of the dtype the storage was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from stridescope.program.elements import pack, unpack

if TYPE_CHECKING:
    from stridescope.layout import Layout
    from stridescope.layout.dtypes import DType

__all__ = ["Ahead", "Fill", "Storage", "Value", "Write"]

Fill = Callable[[int], Any]
"""Element number -> value."""

Ahead = Callable[[Sequence[int]], None]
"""Takes the numbers of elements that are about to be asked for, to read them together."""

Value = Callable[[tuple[int, ...], Any], Any]
"""(index in what is written, value there before) -> value there after."""

MAX_DEPTH = 32
"""Storages that may stand on one another before one is settled."""

SETTLED_ELEMENTS = 512
REMEMBERED = 200_000


@dataclass(frozen=True, slots=True)
class Write:
    """One in-place change.

    Attributes:
        dtype: of the tensor written through.
        first_nbytes: where its storage starts in the memory, in bytes.
        layout, value: the elements written, as a layout, and what each becomes.
        listed: in place of those, address -> value, for a write to listed positions.
        reads_old: whether `value` looks at what was there before.
        constant: whether `value` is the same at every index.
    """

    dtype: DType
    first_nbytes: int
    layout: Layout | None = None
    value: Value | None = None
    listed: Mapping[int, Any] | None = None
    reads_old: bool = False
    constant: bool = False

    def touches(self, address: int) -> bool:
        """Whether an element, in the write's own units, is written."""
        if self.listed is not None:
            return address in self.listed
        assert self.layout is not None
        return next(self.layout.indices_of(address), None) is not None

    def after(self, address: int, old: Any) -> Any:
        """What is at an address that is touched, afterwards."""
        if self.listed is not None:
            return self.listed[address]
        assert self.layout is not None
        assert self.value is not None
        hits = list(islice(self.layout.indices_of(address), 2))
        if len(hits) > 1 and not self.constant:
            # Several indices write here, in an order that is the library's own affair.
            return None
        return self.value(hits[0], old)


@dataclass(eq=False, slots=True)
class Storage:
    """A 1-D block: nbytes, device, what fills it, and what was written since.

    Attributes:
        window_of, shift_nbytes: torch gives a tensor made from an array a storage of its own that starts at the
            array's first element, over the same memory: such a storage is a window on its root, so many bytes in.
        depth: how many storages its values stand on, one on another.
        ahead: for a storage whose fill reads what is dear to read one by one.
    """

    nbytes: int
    device: str
    dtype: DType
    fill: Fill | None = None
    window_of: Storage | None = None
    shift_nbytes: int = 0
    depth: int = 0
    ahead: Ahead | None = None
    _writes: list[Write] = field(default_factory=list)
    _settled: list[tuple[int, tuple[Any, ...]]] = field(default_factory=list)
    _known: dict[tuple[int, int], Any] = field(default_factory=dict)

    @property
    def root(self) -> Storage:
        """The storage whose memory this is: itself, unless it is a window."""
        return self if self.window_of is None else self.window_of

    def window(self, first_nbytes: int, nbytes: int, dtype: DType) -> Storage:
        """A storage over part of this one's memory."""
        return Storage(nbytes, self.device, dtype, None, self.root, self.shift_nbytes + first_nbytes)

    @property
    def writes_made(self) -> int:
        """How many writes the memory has had."""
        return len(self.root._writes)  # noqa: SLF001 - its own kind

    def stands_on(self, sources: Sequence[Storage]) -> None:
        """Say that values here come from other storages; a long chain of them is settled."""
        root = self.root
        root.depth = max([root.depth, *(source.root.depth + 1 for source in sources)])
        if root.depth > MAX_DEPTH:
            root._settle()  # noqa: SLF001 - its own kind

    def write(
        self,
        dtype: DType,
        layout: Layout,
        value: Value,
        *,
        reads_old: bool = False,
        constant: bool = False,
    ) -> None:
        """Log a write through a layout, in elements of `dtype`."""
        self._log(Write(dtype, self.shift_nbytes, layout, value, None, reads_old, constant))

    def write_listed(self, dtype: DType, listed: Mapping[int, Any]) -> None:
        """Log a write of given values to given addresses, in elements of `dtype`."""
        self._log(Write(dtype, self.shift_nbytes, listed=listed))

    def _log(self, write: Write) -> None:
        self.root._writes.append(write)  # noqa: SLF001 - its own kind

    def _settle(self) -> None:
        count = self.nbytes // self.dtype.itemsize
        seen = len(self._writes)
        few = count <= SETTLED_ELEMENTS
        values = tuple(self._own(address, seen) for address in range(count)) if few else ()
        self._settled.append((seen, values))
        self.depth = 0

    def value(self, address: int, dtype: DType, seen: int) -> Any:
        """The value at an address, in elements of `dtype`, after the first `seen` writes; None if unknown."""
        root = self.root
        if root.device == "meta":
            return None
        first = self.shift_nbytes + address * dtype.itemsize
        if dtype == root.dtype and first % dtype.itemsize == 0:
            return root._own(first // dtype.itemsize, seen)  # noqa: SLF001 - its own kind
        return root._reinterpreted(first, dtype, seen)  # noqa: SLF001 - its own kind

    def announce(self, addresses: Sequence[int], dtype: DType) -> None:
        """Say which values, in elements of `dtype`, are about to be asked for; they need not be inside."""
        root, size = self.root, dtype.itemsize
        if root.ahead is None or root.device == "meta":
            return
        own, held = root.dtype.itemsize, root.nbytes // root.dtype.itemsize
        if own != size or self.shift_nbytes % own:
            firsts = [self.shift_nbytes + address * size for address in addresses]
            addresses = [at for first in firsts for at in range(first // own, -(-(first + size) // own))]
        elif self.shift_nbytes:
            addresses = [address + self.shift_nbytes // own for address in addresses]
        root.ahead([address for address in addresses if 0 <= address < held])

    def _own(self, address: int, seen: int) -> Any:
        """The value of one of the storage's own elements."""
        key = address, seen
        if key in self._known:
            return self._known[key]
        start, base = next(((count, values) for count, values in reversed(self._settled) if count <= seen), (0, None))
        pending: list[Write] = []
        found = False
        for number in range(seen - 1, start - 1, -1):
            write = self._writes[number]
            if not self._meets(write, address):
                continue
            pending.append(write)
            if self._aligned(write) and not write.reads_old:
                found = True
                break
        value = None
        if not found:
            if base is None:
                value = None if self.fill is None else self.fill(address)
            else:
                value = base[address] if address < len(base) else None
        for write in reversed(pending):
            value = self._carried(write, address, value)
        if len(self._known) > REMEMBERED:
            self._known.clear()
        self._known[key] = value
        return value

    def _aligned(self, write: Write) -> bool:
        """Whether the write's elements are the storage's own."""
        return write.dtype == self.dtype and write.first_nbytes % self.dtype.itemsize == 0

    def _overlaid(self, write: Write, address: int) -> range:
        """Addresses, in the write's units, of elements that have bytes in common with one of the storage's own."""
        size, other = self.dtype.itemsize, write.dtype.itemsize
        first = address * size - write.first_nbytes
        return range(first // other, -(-(first + size) // other))

    def _meets(self, write: Write, address: int) -> bool:
        return any(write.touches(at) for at in self._overlaid(write, address))

    def _carried(self, write: Write, address: int, value: Any) -> Any:
        """The value of an own element after a write that touches it."""
        touched = [at for at in self._overlaid(write, address) if write.touches(at)]
        if self._aligned(write):
            return write.after(touched[0], value)
        size, other = self.dtype.itemsize, write.dtype.itemsize
        raw = pack(value, self.dtype)
        bytes_now: list[int | None] = [None] * size if raw is None else list(raw)
        for at in touched:
            first = write.first_nbytes + at * other - address * size
            old = None
            if write.reads_old:
                inside = bytes_now[max(first, 0) : first + other] if first >= 0 else []
                if len(inside) == other and None not in inside:
                    old = unpack(bytes(byte for byte in inside if byte is not None), write.dtype)
            new = pack(write.after(at, old), write.dtype)
            for place in range(max(first, 0), min(first + other, size)):
                bytes_now[place] = None if new is None else new[place - first]
        if None in bytes_now:
            return None
        return unpack(bytes(byte for byte in bytes_now if byte is not None), self.dtype)

    def _reinterpreted(self, first: int, dtype: DType, seen: int) -> Any:
        """The value of `dtype` whose bytes start at byte `first`."""
        own = self.dtype.itemsize
        low, high = first // own, -(-(first + dtype.itemsize) // own)
        raw = b""
        for element in range(low, high):
            packed = pack(self._own(element, seen), self.dtype)
            if packed is None:
                return None
            raw += packed
        return unpack(raw[first - low * own :][: dtype.itemsize], dtype)
