"""What the readers of all formats give to a `Checkpoint`: names, infos, storages, values.

Problem: the formats differ in where they write a shape and where the bytes lie; the questions are the same. Method: a
format hands over its tensors by name, and one function that finds the bytes of a storage (`Blob`). `Contents` answers
from these. `Joined` does so for several files.

Cost: a name, one `TensorInfo`; storages, O(1) for a tensor that is contiguous, else one `coverage`; values, one read
for each run of neighbouring addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stridescope.errors import TargetError
from stridescope.layout import Layout
from stridescope.layout.contiguity import is_contiguous
from stridescope.readers.files.elements import decode
from stridescope.readers.files.saved import PACKED, Saved, Stored, reach, tensor_info_of
from stridescope.readers.files.source import BrokenFile, uncollected
from stridescope.records import StoredBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from stridescope.readers.files.source import Blob, Source
    from stridescope.records import Checkpoint, ReadValues, TensorInfo

__all__ = ["Contents", "Joined"]

COUNTED = 20_000, 200
"""Layouts of one file, not contiguous, whose bytes are counted exactly: plain ones, and those whose dims interleave."""

COMPONENTS = 64
"""Components of a nested tensor that are listed."""


class Contents:
    """The tensors of one file.

    Args:
        names: name -> what `saved` takes.
        saved: (name, value) -> the record; by default the value is one.
        locate: finds the bytes of a storage; None where there are none.
        order: "little" or "big", of the numbers in the file.
        tree: makes the nested value; by default names to leaves.
        more: storages that are saved as such, by key, in the order of the file.
        info: makes a TensorInfo without a record, where a format has a faster way.
        source: the file, to be kept open while storages are looked up.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        locate: Callable[[Stored], Blob | None],
        *,
        saved: Callable[[str, Any], Saved] | None = None,
        order: str = "little",
        tree: Callable[[], Any] | None = None,
        more: Iterable[Stored] = (),
        held: Iterable[str] = (),
        info: Callable[[str, Any], TensorInfo] | None = None,
        source: Source | None = None,
    ) -> None:
        self.names = names
        self._locate = locate
        self._saved = saved
        self._order = order
        self._tree = tree
        self._more = more
        self._held = frozenset(held)
        self._info = info
        self._source = source

    def info(self, name: str) -> TensorInfo:
        """The tensor of a name, or of `name.part`."""
        if self._info is not None and name in self.names:
            return self._info(name, self.names[name])
        return tensor_info_of(self._unfolded(self.saved(name)), name)

    def saved(self, name: str) -> Saved:
        """The record of a name, or of `name.part`.

        Raises:
            KeyError: there is no such name.
        """
        found = self.names.get(name)
        if found is not None:
            return found if self._saved is None else self._saved(name, found)
        whole, dot, part = name.rpartition(".")
        if not dot:
            raise KeyError(name)
        outer = self.saved(whole)
        for inner, saved in outer.parts + outer.attributes:
            if inner == part:
                return saved
        raise KeyError(name)

    def tree(self) -> Any:
        """The nested value."""
        from stridescope.records import Leaf

        return {name: Leaf(name) for name in self.names} if self._tree is None else self._tree()

    # Storages ----------------------------------------------------------------------------------

    def storages(self) -> tuple[StoredBytes, ...]:
        """Every storage with the bytes that tensors reach."""
        if self._source is None:
            return self._storages()
        try:
            with uncollected(), self._source.kept_open():
                return self._storages()
        except TargetError:
            # The file is gone; what was read of it still says all but the places.
            self._source = None
            self._locate = _nowhere
            return self._storages()

    def _storages(self) -> tuple[StoredBytes, ...]:
        roots: dict[int, Stored] = {id(stored): stored for stored in self._more}
        tensors: dict[int, list[tuple[str, Saved]]] = {}
        around: set[int] = set()
        for name, value in self.names.items():
            saved = value if self._saved is None else self._saved(name, value)
            reached = _with_storages(name, saved)
            if saved.parts or saved.attributes:
                if id(saved) in around:
                    # Of a tied tensor with inner ones, these are listed once.
                    reached = iter([(name, saved)] if saved.storage is not None else [])
                around.add(id(saved))
            for inner, part in reached:
                assert part.storage is not None
                root = part.storage.root
                roots.setdefault(id(root), root)
                tensors.setdefault(id(root), []).append((inner, part))
        found = []
        left = list(COUNTED)
        for identity, root in roots.items():
            if root.device == "meta" and root.where is None and root.id.startswith("meta "):
                continue
            found.append(self._stored_bytes(root, tensors.get(identity, []), left))
        return tuple(found)

    def _stored_bytes(self, root: Stored, tensors: list[tuple[str, Saved]], left: list[int]) -> StoredBytes:
        held = root.id in self._held
        used, exact = (root.nbytes, True) if held else _reached([saved for _, saved in tensors], root.nbytes, left)
        blob = None
        notes: tuple[str, ...] = ("it is saved as a storage, whole",) if held else ()
        try:
            blob = self._locate(root)
        except BrokenFile as error:
            notes += (str(error),)
        return StoredBytes(
            root.id,
            root.nbytes,
            root.device or None,
            used,
            tuple(name for name, _ in tensors),
            tuple(dict.fromkeys(str(saved.dtype) for _, saved in tensors)),
            None if blob is None or blob.packed or blob.source is None else blob.source.start + blob.offset,
            exact=exact,
            notes=notes,
        )

    # Values ------------------------------------------------------------------------------------

    def read(self, name: str) -> ReadValues:
        """A function from addresses in a tensor's storage to values."""
        saved = self.saved(name)

        def read(addresses: Sequence[int]) -> list[Any]:
            return self._values(saved, addresses)

        return read

    def _values(self, saved: Saved, addresses: Sequence[int]) -> list[Any]:
        values: list[Any] = [None] * len(addresses)
        storage, itemsize = saved.storage, saved.itemsize
        if storage is None or not itemsize or saved.dtype in PACKED:
            return values
        blob = self._locate(storage.root)
        if blob is None:
            return values
        nbytes = min(storage.nbytes, blob.nbytes - storage.first)
        # Arrays inside pickles, and those of an .npz, have an order of their own.
        order = storage.root.where[1] if storage.root.where is not None else self._order
        wanted = sorted({int(address) for address in addresses if 0 <= address < nbytes // itemsize})
        found: dict[int, Any] = {}
        for first, raw in _cells(blob, storage.first, wanted, itemsize):
            decoded = decode(raw, str(saved.dtype), order)
            if decoded is None:
                return values
            found.update(enumerate(decoded, first))
        for bit in saved.bits:
            found = {address: _UNDO[bit](value) for address, value in found.items()}
        return [found.get(int(address)) for address in addresses]

    def _unfolded(self, saved: Saved) -> Saved:
        """A strided nested tensor with its components, whose shapes are small tensors of the file."""
        if saved.origin is None or saved.origin[0] != "nested":
            return saved
        _, buffer, *described = saved.origin
        saved = saved.copy()
        try:
            sizes, strides, offsets = (self._rows(tensor) for tensor in described)
        except BrokenFile as error:
            saved.notes += (f"the components cannot be reached: {error}",)
            return saved
        total = described[0].shape[0] if described[0].shape else 0
        saved.notes += (f"{total} components in one storage",)
        if total > COMPONENTS:
            saved.notes += (f"parts lists the first {COMPONENTS}",)
        for number, (size, stride, offset) in enumerate(zip(sizes, strides, offsets, strict=False)):
            part = buffer.copy()
            part.shape, part.stride, part.offset = tuple(size), tuple(stride), offset[0]
            whole = (*part.shape, *part.stride, part.offset)
            if all(type(value) is int and value >= 0 for value in whole):
                saved.parts += ((f"[{number}]", part),)
        return saved

    def _rows(self, tensor: Saved) -> list[list[Any]]:
        """The rows of a small matrix of the file, or the numbers of a vector as rows of one."""
        shape = tensor.shape or ()
        rows = min(shape[0], COMPONENTS) if shape else 0
        columns = min(shape[1], COMPONENTS) if len(shape) > 1 else 1
        layout = Layout(shape, tensor.stride or (), tensor.offset or 0)
        cells = [
            layout.storage_offset + row * layout.stride[0] + (column * layout.stride[1] if len(shape) > 1 else 0)
            for row in range(rows)
            for column in range(columns)
        ]
        values = self._values(tensor, cells)
        return [values[row * columns : (row + 1) * columns] for row in range(rows)]


def _nowhere(_: Stored) -> None:
    return None


_UNDO: dict[str, Callable[[Any], Any]] = {
    "conj": lambda value: value.conjugate(),
    "neg": lambda value: -value,
}


def _with_storages(name: str, saved: Saved) -> Iterator[tuple[str, Saved]]:
    if saved.storage is not None:
        yield name, saved
    elif saved.dtype is None and not saved.parts:
        return
    for part, inner in saved.parts + saved.attributes:
        yield from _with_storages(f"{name}.{part}", inner)


def _reached(tensors: list[Saved], nbytes: int, left: list[int]) -> tuple[int, bool]:
    """(how many bytes of a storage some tensors reach, whether that is exact).

    `left` says how many layouts of either kind may still be counted; of the others, all between their ends counts.
    """
    exact = True
    spans: list[tuple[int, int]] = []
    others: list[Layout] = []
    for saved in tensors:
        assert saved.storage is not None
        first, itemsize = saved.storage.first, saved.itemsize or 1
        shape, stride, offset = saved.shape, saved.stride, saved.offset
        if saved.origin is None and (stride is None or offset is None):
            # Elements without a place of their own: packed blocks, pickled objects.
            spans.append((first, first + saved.storage.nbytes))
            continue
        if shape is None or stride is None or offset is None:
            # A nested tensor: its buffer is what it reaches.
            buffer = saved.origin[1]
            shape, stride, offset = buffer.shape or (), buffer.stride or (), buffer.offset or 0
        several = PACKED.get(str(saved.dtype))
        if several is not None:
            # Values share bytes, so that only the stretch can be told.
            spans.append((first + offset // several, first + -(-reach(shape, stride, offset) // several)))
        elif is_contiguous(shape, stride):
            low = first + offset * itemsize
            spans.append((low, max(low, first + reach(shape, stride, offset) * itemsize)))
        else:
            kind = _interleaves(shape, stride)
            left[kind] -= 1
            if left[kind] < 0:
                exact = False
                spans.append((first + offset * itemsize, first + reach(shape, stride, offset) * itemsize))
                continue
            steps = tuple(step * itemsize for step in stride)
            others.append(Layout((*shape, itemsize), (*steps, 1), first + offset * itemsize))
    if not others:
        return _united(spans, nbytes), exact
    whole = _united(spans, nbytes)
    if whole == nbytes:
        return whole, exact
    from stridescope.layout.coverage import coverage

    layouts = [Layout((high - low,), (1,), low) for low, high in _merged(spans, nbytes)] + others
    counted = coverage(layouts, (0, nbytes))
    return min(sum(counted.counts), nbytes), counted.exact and exact


def _interleaves(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether some stride does not exceed all that the smaller ones reach together."""
    top = 0
    for step, size in sorted(zip(stride, shape, strict=True)):
        if size > 1 and step:
            if step <= top:
                return True
            top += step * (size - 1)
    return False


def _merged(spans: list[tuple[int, int]], nbytes: int) -> list[tuple[int, int]]:
    """Stretches of bytes inside the storage, in order, those that touch as one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        high = min(high, nbytes)  # noqa: PLW2901
        if low >= high:
            continue
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    return merged


def _united(spans: list[tuple[int, int]], nbytes: int) -> int:
    return sum(high - low for low, high in _merged(spans, nbytes))


def _cells(blob: Blob, start: int, wanted: list[int], itemsize: int) -> Iterator[tuple[int, bytes]]:
    """(first address, bytes) of each run of neighbouring addresses; `wanted` ascends."""
    runs: list[tuple[int, int]] = []
    for address in wanted:
        if runs and runs[-1][1] == address:
            runs[-1] = runs[-1][0], address + 1
        else:
            runs.append((address, address + 1))
    if blob.source is None:
        for first, last in runs:
            yield first, blob.inside[start + first * itemsize : start + last * itemsize]
    elif blob.packed:
        from stridescope.readers.files.zips import inflated_stretches

        start += blob.within
        stretches = [(start + first * itemsize, start + last * itemsize) for first, last in runs]
        for (first, _), raw in zip(runs, inflated_stretches(blob, stretches), strict=False):
            yield first, raw
    elif runs:
        with blob.source.opened() as file:
            for first, last in runs:
                yield first, blob.source.read(blob.offset + start + first * itemsize, (last - first) * itemsize, file)


class Joined:
    """Several checkpoints as one.

    Args:
        names: name -> (which checkpoint, its name there).
        files: the checkpoints, by the file name that their storages are told apart by.
    """

    def __init__(
        self, names: Mapping[str, tuple[str, str]], files: Mapping[str, Checkpoint], tree: Callable[[], Any] | None
    ) -> None:
        self.names = names
        self._files = files
        self._tree = tree

    def _find(self, name: str) -> tuple[str, str]:
        found = self.names.get(name)
        if found is None:
            whole, dot, part = name.rpartition(".")
            if not dot:
                raise KeyError(name)
            file, inner = self._find(whole)
            return file, f"{inner}.{part}"
        return found

    def info(self, name: str) -> TensorInfo:
        """The tensor of a name, its storage told apart by the file it is in."""
        from dataclasses import replace

        file, inner = self._find(name)
        return _in_file(replace(self._files[file].part(inner), name=name), file)

    def storages(self) -> tuple[StoredBytes, ...]:
        """The storages of all files."""
        from dataclasses import replace

        outer: dict[tuple[str, str], list[str]] = {}
        for name, (file, inner) in self.names.items():
            outer.setdefault((file, inner), []).append(name)
        found = []
        for file, checkpoint in self._files.items():
            for stored in checkpoint.storages:
                names = [whole for name in stored.tensors for whole in _outer_names(outer, file, name)]
                found.append(replace(stored, id=f"{file}::{stored.id}", tensors=tuple(names), file=stored.file or file))
        return tuple(found)

    def tree(self) -> Any:
        """The nested value; by default names to leaves."""
        from stridescope.records import Leaf

        return {name: Leaf(name) for name in self.names} if self._tree is None else self._tree()

    def read(self, name: str) -> ReadValues:
        """Reads values from the file that a tensor is in."""
        file, inner = self._find(name)
        return self._files[file].read(inner)


def _outer_names(outer: Mapping[tuple[str, str], list[str]], file: str, name: str) -> list[str]:
    """The names that a tensor of one file, or a part of one, has in the whole."""
    part = ""
    while name:
        found = outer.get((file, name))
        if found is not None:
            return [whole + part for whole in found]
        name, dot, last = name.rpartition(".")
        part = dot + last + part
    return []


def _in_file(info: TensorInfo, file: str) -> TensorInfo:
    from dataclasses import replace

    storage = info.storage
    if storage is not None:
        window = storage.window_of
        storage = replace(
            storage, id=f"{file}::{storage.id}", window_of=None if window is None else f"{file}::{window}"
        )
    return replace(info, storage=storage, parts=tuple((name, _in_file(part, file)) for name, part in info.parts))
