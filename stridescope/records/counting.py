"""Elements and bytes of a model and of each part of it, what is held twice counted once.

Problem: a tied weight, a module registered twice, parameters that view one flat storage: adding up `numel` counts
their memory as often as it has names. Method: tensors are told apart by identity first, then by (storage, layout);
on one storage, spans that do not meet are added, and where they meet, bytes reached by any of them are counted.

For all parts at once: where nothing is shared a part is the sum of its children. Only above something shared is a
part walked anew.

Cost: linear in the tensors, for one part; for all parts linear where nothing is shared, and otherwise one walk more
for each module above something shared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.layout import Layout
from stridescope.layout.coverage import coverage

if TYPE_CHECKING:
    from stridescope.records.modules import ModuleNode, ModuleTree
    from stridescope.records.tensors import TensorInfo

__all__ = ["Amount", "ModuleCounts", "amount", "count", "counts_below"]


class Amount(NamedTuple):
    """How much memory some tensors are.

    Attributes:
        tensors: different ones.
        elements, nbytes: each element and byte once.
        uninitialized: how many have no shape yet, and are in neither.
    """

    tensors: int
    elements: int
    nbytes: int
    uninitialized: int = 0


@dataclass(frozen=True, slots=True)
class ModuleCounts:
    """How much there is of a model or a part of it; what is held twice is counted once.

    Attributes:
        modules: different modules, itself among them.
        parameters: different parameters: two with the same layout on one storage are one.
        parameter_elements: their elements, one that several parameters reach counted once.
        buffers: different buffers.
        parameter_nbytes, buffer_nbytes: the memory of their elements, in bytes; of a tensor made of other tensors
            (sparse, DTensor, quantized by a wrapper) that of its parts.
        frozen: how many of the parameters do not require a gradient.
        uninitialized: parameters and buffers whose shape is not known yet; they are not in elements or bytes.
        dtypes: of the parameters, and of the buffers that hold floating-point numbers, in the order met.
        devices: of the parameters and buffers, in the order met.
    """

    modules: int = 0
    parameters: int = 0
    parameter_elements: int = 0
    buffers: int = 0
    parameter_nbytes: int = 0
    buffer_nbytes: int = 0
    frozen: int = 0
    uninitialized: int = 0
    dtypes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Of parameters and buffers together."""
        return self.parameter_nbytes + self.buffer_nbytes

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema stridescope/1."""
        return {
            "modules": self.modules,
            "parameters": self.parameters,
            "parameter_elements": self.parameter_elements,
            "buffers": self.buffers,
            "nbytes": self.nbytes,
            "parameter_nbytes": self.parameter_nbytes,
            "buffer_nbytes": self.buffer_nbytes,
            "frozen": self.frozen,
            "uninitialized": self.uninitialized,
            "dtypes": list(self.dtypes),
            "devices": list(self.devices),
        }


def count(nodes: Iterable[ModuleNode]) -> ModuleCounts:
    """What some different modules hold themselves."""
    modules = frozen = 0
    parameters: dict[str, TensorInfo] = {}
    buffers: dict[str, TensorInfo] = {}
    for node in nodes:
        modules += 1
        for tensor in node.parameters:
            parameters[node.first_path(tensor)] = tensor
        for tensor in node.buffers:
            buffers[node.first_path(tensor)] = tensor
    of_parameters, of_buffers = amount(parameters.values()), amount(buffers.values())
    dtypes: dict[str | None, None] = {}
    devices: dict[str | None, None] = {}
    for tensor in parameters.values():
        dtypes[tensor.dtype] = devices[tensor.device] = None
        frozen += tensor.requires_grad is False
    for tensor in buffers.values():
        devices[tensor.device] = None
        # A counter or a mask of whole numbers makes no model one of mixed dtypes.
        if "float" in (tensor.dtype or "") or "complex" in (tensor.dtype or ""):
            dtypes[tensor.dtype] = None
    return ModuleCounts(
        modules,
        of_parameters.tensors,
        of_parameters.elements,
        of_buffers.tensors,
        of_parameters.nbytes,
        of_buffers.nbytes,
        frozen,
        of_parameters.uninitialized + of_buffers.uninitialized,
        _words(dtypes),
        _words(devices),
    )


def counts_below(tree: ModuleTree) -> dict[str, ModuleCounts]:
    """The counts of every node with all below it, under its path; a second occurrence has those of the first."""
    shared = _above_shared(tree)
    found: dict[str, ModuleCounts] = {}
    for node in reversed(tree.nodes):
        if node.same_as is not None:
            continue
        if node.path in shared:
            found[node.path] = count(below for _, below in tree.modules(node))
        elif node.children:
            found[node.path] = _sum([count((node,)), *(found[child.path] for child in node.children)])
        else:
            found[node.path] = count((node,))
    for node in tree.nodes:
        if node.same_as is not None:
            found[node.path] = found[node.same_as]
    return found


def _sum(parts: list[ModuleCounts]) -> ModuleCounts:
    numbers = {name: sum(getattr(part, name) for part in parts) for name in _NUMBERS}
    dtypes = _words(chain.from_iterable(part.dtypes for part in parts))
    devices = _words(chain.from_iterable(part.devices for part in parts))
    return ModuleCounts(**numbers, dtypes=dtypes, devices=devices)


_NUMBERS = tuple(field.name for field in fields(ModuleCounts) if field.type == "int")


def _above_shared(tree: ModuleTree) -> set[str]:
    """The paths of the nodes below which something is that has another name too."""
    storages: dict[str, int] = {}
    for node in tree.nodes:
        for tensor in node.tensors:
            if tensor.storage is not None:
                key = tensor.storage.memory[0]
                storages[key] = storages.get(key, 0) + 1
    starts = {
        node.path
        for node in tree.nodes
        if node.same_as is not None
        or node.tied
        or any(tensor.storage is not None and storages[tensor.storage.memory[0]] > 1 for tensor in node.tensors)
    }
    # The first occurrence of a tied tensor has a storage that is counted above, but not always a storage.
    starts |= {first.rpartition(".")[0] for node in tree.nodes for _, first in node.tied}
    above: set[str] = set()
    parents = {child.path: node.path for node in tree.nodes for child in node.children}
    for path in starts:
        place: str | None = path
        while place is not None and place not in above:
            above.add(place)
            place = parents.get(place)
    return above


# Tensors ---------------------------------------------------------------------------------------


def amount(tensors: Iterable[TensorInfo]) -> Amount:
    """How much memory some tensors are, what several of them reach counted once.

    Tensors that are one object must be given once only.

    >>> from stridescope.records import StorageInfo, TensorInfo
    >>> whole = TensorInfo("t", (100,), (1,), 0, "float32", 4, "cpu", True, StorageInfo("s", 400))
    >>> part = TensorInfo("t", (10,), (1,), 50, "float32", 4, "cpu", True, StorageInfo("s", 400))
    >>> amount([whole, part])
    Amount(tensors=2, elements=100, nbytes=400, uninitialized=0)
    """
    number = elements = nbytes = uninitialized = 0
    on_storage: dict[str, list[TensorInfo]] = {}
    for tensor in tensors:
        if tensor.storage is not None:
            on_storage.setdefault(tensor.storage.memory[0], []).append(tensor)
            continue
        number += 1
        uninitialized += tensor.shape is None and tensor.dtype is not None
        elements += tensor.numel or 0
        nbytes += _held_nbytes(tensor)
    for group in on_storage.values():
        if len(group) == 1:
            tensor = group[0]
            number += 1
            elements += tensor.numel or 0
            nbytes += _held_nbytes(tensor)
        else:
            found = _on_one_storage(group)
            number, elements, nbytes = number + found.tensors, elements + found.elements, nbytes + found.nbytes
    return Amount(number, elements, nbytes, uninitialized)


def _held_nbytes(tensor: TensorInfo) -> int:
    """The bytes of a tensor without a layout of its own: those of its parts where it has some."""
    if tensor.parts:
        return sum(_held_nbytes(part) for _, part in tensor.parts)
    return tensor.nbytes or 0


def _on_one_storage(group: list[TensorInfo]) -> Amount:
    group = list({(t.shape, t.byte_stride, _first_nbyte(t), t.itemsize): t for t in group}.values())
    total = sum(tensor.numel or 0 for tensor in group), sum(tensor.nbytes or 0 for tensor in group)
    if len(group) == 1:
        return Amount(1, *total)
    spans = sorted(span for tensor in group if (span := _byte_span(tensor)) is not None)
    if all(one[1] <= other[0] for one, other in pairwise(spans)):
        return Amount(len(group), *total)
    reached = _reached_nbytes(group, spans)
    sizes = {tensor.itemsize for tensor in group}
    itemsize = min(size for size in sizes if size) if any(sizes) else 1
    return Amount(len(group), min(total[0], reached // itemsize), min(total[1], reached))


def _reached_nbytes(group: list[TensorInfo], spans: list[tuple[int, int]]) -> int:
    """How many bytes any of the tensors reaches."""
    layouts = [
        Layout((*tensor.shape, tensor.itemsize), (*tensor.byte_stride, 1), _first_nbyte(tensor))
        for tensor in group
        if tensor.shape is not None and tensor.byte_stride is not None and tensor.itemsize is not None
    ]
    return sum(coverage(layouts, (spans[0][0], max(stop for _, stop in spans))).counts)


def _first_nbyte(tensor: TensorInfo) -> int:
    """Where the first element starts in the memory, in bytes."""
    offset = tensor.byte_offset or 0
    return offset if tensor.storage is None else offset + tensor.storage.memory[1]


def _byte_span(tensor: TensorInfo) -> tuple[int, int] | None:
    """[first byte, last byte + 1) that a tensor reaches; None where it has no elements."""
    if tensor.byte_stride is None or tensor.shape is None or not tensor.numel:
        return None
    low, high = Layout(tensor.shape, tensor.byte_stride, _first_nbyte(tensor)).span
    return low, high - 1 + (tensor.itemsize or 1)


def _words(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in found if word is not None))
