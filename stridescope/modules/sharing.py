"""Which tensors of a model share memory, and how.

Problem: a tied weight, the flat storage of an LSTM and a view of another parameter all say "one storage", and mean
different things to who writes, saves or counts. Method: tensors are grouped by storage; within a group those of one
layout are tied, and the rest is told apart by their spans, or, where spans meet, by an exact proof of overlap.

Cost: linear in the tensors, and n log n in those of one storage. Proofs are made for neighbours alone, and only of
tensors that leave gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from stridescope.layout.overlap import Extent, shared_bytes_overlap

if TYPE_CHECKING:
    from stridescope.records.modules import ModuleTree
    from stridescope.records.tensors import TensorInfo

__all__ = ["MEANINGS", "Shared", "sharing", "twins"]

Kind = Literal["module", "tied", "tiles", "apart", "view", "interleaved", "overlap", "undecided"]

MEANINGS: dict[Kind, str] = {
    "module": "one module",
    "tied": "one tensor",
    "tiles": "tile one storage",
    "apart": "lie apart in one storage",
    "view": "one holds the others",
    "interleaved": "interleave in one storage without a shared byte",
    "overlap": "overlap in one storage",
    "undecided": "lie in one storage; whether they share a byte was too long to tell",
}


@dataclass(frozen=True, slots=True)
class Shared:
    """Paths that hold one thing, or lie in one storage.

    Attributes:
        kind: "module" a module registered more than once; "tied" one tensor, or several with one layout; "tiles"
            disjoint, and together all of the storage; "apart" disjoint; "view" the first holds all others;
            "interleaved" spans meet but no byte is shared; "overlap" some bytes are; "undecided" nobody knows.
        names: of the modules or tensors, in torch's order; of a "view" the one that holds the others first.
        nbytes: of the storage; None where there is none to tell of.
    """

    kind: Kind
    names: tuple[str, ...]
    nbytes: int | None = None

    @property
    def meaning(self) -> str:
        """The kind in words."""
        return MEANINGS[self.kind]


def sharing(tree: ModuleTree) -> tuple[Shared, ...]:
    """What is shared in a model, modules first, then tensors in torch's order.

    A tensor of a module that is registered twice is no tie of its own: the module is named instead.
    """
    return (*_modules(tree), *_tensors(tree))


def twins(tree: ModuleTree) -> dict[str, tuple[str, ...]]:
    """The other paths of each tensor and module that has some: what it is tied to."""
    found: dict[str, tuple[str, ...]] = {}
    for group in sharing(tree):
        if group.kind in ("module", "tied"):
            found |= {name: tuple(other for other in group.names if other != name) for name in group.names}
    return found


def _modules(tree: ModuleTree) -> list[Shared]:
    paths: dict[str, list[str]] = {}
    for node in tree.nodes:
        if node.same_as is not None:
            paths.setdefault(node.same_as, [node.same_as]).append(node.path)
    return [Shared("module", tuple(names)) for names in paths.values()]


def _tensors(tree: ModuleTree) -> list[Shared]:
    groups: dict[str, dict[str, TensorInfo]] = {}
    for node in tree.nodes:
        for tensor in node.tensors:
            # Without a storage (lazy, sparse, DTensor) only being the same object makes two paths one.
            key = f"={node.first_path(tensor)}" if tensor.storage is None else tensor.storage.memory[0]
            groups.setdefault(key, {})[tensor.name or ""] = tensor
    return [found for group in groups.values() if len(group) > 1 for found in _in_one_storage(group)]


def _in_one_storage(group: dict[str, TensorInfo]) -> list[Shared]:
    layouts: dict[object, list[str]] = {}
    for name, tensor in group.items():
        window = None if tensor.storage is None else tensor.storage.memory[1]
        layouts.setdefault((tensor.shape, tensor.byte_stride, tensor.byte_offset, window, tensor.dtype), []).append(
            name
        )
    first = group[next(iter(group))]
    held = None if first.storage is None else first.storage.nbytes
    found = [Shared("tied", tuple(names), held) for names in layouts.values() if len(names) > 1]
    different = [group[names[0]] for names in layouts.values()]
    if len(different) > 1:
        kind, names = _relation(different, held)
        found.append(Shared(kind, names, held))
    return found


def _relation(tensors: list[TensorInfo], held: int | None) -> tuple[Kind, tuple[str, ...]]:
    """How tensors of different layouts lie in their storage, and their names, the one that holds all first."""
    names = tuple(tensor.name or "" for tensor in tensors)
    spans = {tensor.name or "": span for tensor in tensors if (span := _span(tensor)) is not None}
    if len(spans) < len(tensors):
        return "undecided", names
    in_order = sorted(spans.values())
    if all(one[1] <= other[0] for one, other in pairwise(in_order)):
        gapless = all(one[1] == other[0] for one, other in pairwise(in_order))
        whole = in_order[0][0] == 0 and in_order[-1][1] == held
        return "tiles" if gapless and whole and all(map(_dense, tensors)) else "apart", names
    low, high = in_order[0][0], max(stop for _, stop in in_order)
    owner = next((t.name or "" for t in tensors if spans[t.name or ""] == (low, high) and _dense(t)), None)
    if owner is not None:
        return "view", (owner, *(name for name in names if name != owner))
    verdicts = {_overlap(one, other) for one, other in _that_meet(tensors, spans)}
    return "overlap" if "yes" in verdicts else "undecided" if "undecided" in verdicts else "interleaved", names


def _that_meet(tensors: list[TensorInfo], spans: dict[str, tuple[int, int]]) -> list[tuple[TensorInfo, TensorInfo]]:
    """The pairs whose spans meet."""
    in_order = sorted(tensors, key=lambda tensor: spans[tensor.name or ""])
    pairs = []
    for place, one in enumerate(in_order):
        for other in in_order[place + 1 :]:
            if spans[other.name or ""][0] >= spans[one.name or ""][1]:
                break
            pairs.append((one, other))
            if len(pairs) >= _MOST_PROOFS:
                return pairs
    return pairs


_MOST_PROOFS = 64


def _overlap(one: TensorInfo, other: TensorInfo) -> str:
    a, b = _extent(one), _extent(other)
    return "undecided" if a is None or b is None else shared_bytes_overlap(a, b).verdict


def _extent(tensor: TensorInfo) -> Extent | None:
    if tensor.shape is None or tensor.byte_stride is None or tensor.byte_offset is None or tensor.itemsize is None:
        return None
    return Extent(tensor.shape, tensor.byte_stride, tensor.byte_offset, tensor.itemsize)


def _dense(tensor: TensorInfo) -> bool:
    return bool(tensor.non_overlapping_and_dense)


def _span(tensor: TensorInfo) -> tuple[int, int] | None:
    """[first byte, last byte + 1) in the memory; None where it is not known."""
    if tensor.span is None or tensor.itemsize is None or tensor.storage is None:
        return None
    low, high = tensor.span
    start = tensor.storage.memory[1]
    return start + low * tensor.itemsize, start + high * tensor.itemsize
