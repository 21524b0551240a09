"""`ss.diff`: how two tensors differ in the way they lie, and whether that matters.

Problem: a gradient that "does not match", a meta tensor and the real one, a tensor before and after an op: the strides
differ somewhere, and the question is whether any address does. Method: field by field; a stride differs harmlessly
where its size is 1 or there are no elements, since no address depends on it. Then each consumer is asked.

Cost: O(ndim), and one bounded overlap search where both lie in one storage.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from stridescope.errors import InputError
from stridescope.explain.consumers import verdicts
from stridescope.explain.subjects import record_of
from stridescope.layout import Layout
from stridescope.layout.overlap import Extent, shared_bytes_overlap, shared_nbytes
from stridescope.program import run
from stridescope.records import History, TensorInfo
from stridescope.records.explanations import FieldDifference, LayoutDiff
from stridescope.scene.sentences import joined
from stridescope.scene.text import index_text, nbytes_both

__all__ = ["diff"]

_FIELDS = ("type", "shape", "stride", "storage_offset", "dtype", "device", "tensor_layout", "requires_grad")


def diff(a: Any, b: Any) -> LayoutDiff:
    """How two tensors, arrays, records, layouts or programs differ in the way they lie.

    Args:
        a, b: a tensor or array of any library, a `TensorInfo`, a `Layout`, a `History` or the text of a program (its
            last tensor), or a layout literal such as "(3,4):(4,1)". Of a parameter and its gradient, the parameter
            first.

    Returns:
        `LayoutDiff`: `fields` that differ (harmless ones among them), `same_addresses` (whether every index reaches the
        same address, counted from the start of each one's storage), `same_storage`, `verdicts` of consumers, `notes`.

    Raises:
        InputError, UnreadableError, ProgramError: one of them is nothing that has a layout.

    >>> found = diff(Layout((1, 3), (3, 1)), Layout((1, 3), (1, 1)))
    >>> found.same_addresses, [(each.field, each.dims, each.harmless) for each in found.fields]
    (True, [('stride', (0,), True)])
    >>> diff("torch.zeros(3, 4)", "torch.zeros(4, 3).t()").same_addresses
    False
    """
    one, other = _record(a, "a"), _record(b, "b")
    fields = tuple(found for name in _FIELDS if (found := _field(name, one, other)) is not None)
    together = _same_storage(one, other)
    return LayoutDiff(
        one,
        other,
        fields,
        _same_addresses(one, other),
        together,
        verdicts(one, other),
        (*_notes(one, other, fields), *_relation(one, other, together)),
    )


def _record(x: Any, side: str) -> TensorInfo:
    if isinstance(x, str) and x.lstrip().startswith("(") and ":" in x:
        try:
            x = Layout.parse(x)
        except ValueError as error:
            raise InputError(str(error)) from None
    if isinstance(x, str):
        x = run(x)
        if x.refused is not None:
            raise InputError(f"{x.source} is refused, so there is no tensor to compare: {x.refused.reason.message}")
    if isinstance(x, History):
        final = None if x.final is None else x.final.tensor
        if final is None:
            raise InputError(f"{x.source} gives no single tensor to compare")
        # Every program counts its storages from s0, so those of two programs are told apart by side.
        held = None if final.storage is None else replace(final.storage, id=f"{side} {final.storage.id}")
        return replace(final, storage=held)
    return record_of(x, bare=True)


def _field(name: str, a: TensorInfo, b: TensorInfo) -> FieldDifference | None:
    one, other = getattr(a, name), getattr(b, name)
    if one == other or (name not in ("shape", "stride") and None in (one, other)):
        return None
    dims: tuple[int, ...] = ()
    if name in ("shape", "stride") and one is not None and other is not None and len(one) == len(other):
        dims = tuple(dim for dim in range(len(one)) if one[dim] != other[dim])
    return FieldDifference(name, one, other, dims, _harmless(name, dims, a, b))


def _harmless(name: str, dims: tuple[int, ...], a: TensorInfo, b: TensorInfo) -> bool:
    if a.shape is None or a.shape != b.shape:
        return False
    empty = 0 in a.shape
    if name == "stride":
        return bool(dims) and (empty or all(a.shape[dim] == 1 for dim in dims))
    return name == "storage_offset" and empty


def _same_addresses(a: TensorInfo, b: TensorInfo) -> bool | None:
    """Compared in bytes where the items differ in size, else in elements."""
    if a.shape is None or b.shape is None:
        return None
    if a.shape != b.shape:
        return False
    in_bytes = a.itemsize != b.itemsize and None not in (a.itemsize, b.itemsize)
    strides = (a.byte_stride, b.byte_stride) if in_bytes else (a.stride, b.stride)
    offsets = (a.byte_offset, b.byte_offset) if in_bytes else (a.storage_offset, b.storage_offset)
    if strides[0] is None or strides[1] is None or None in offsets:
        return None
    if 0 in a.shape:
        return True
    return offsets[0] == offsets[1] and all(
        one == other for size, one, other in zip(a.shape, strides[0], strides[1], strict=True) if size > 1
    )


def _same_storage(a: TensorInfo, b: TensorInfo) -> bool | None:
    if a.storage is None or b.storage is None:
        return None
    return a.storage.memory[0] == b.storage.memory[0]


def _notes(a: TensorInfo, b: TensorInfo, fields: tuple[FieldDifference, ...]) -> list[str]:
    notes = []
    for found in fields:
        if found.field == "stride" and a.shape is not None and a.shape == b.shape:
            ones = [dim for dim in found.dims if a.shape[dim] == 1]
            if ones and 0 not in a.shape:
                named = joined([f"stride[{dim}] ({found.a[dim]} and {found.b[dim]})" for dim in ones])
                has = "has" if len(ones) == 1 else "have"
                which = joined([f"dim {dim}" for dim in ones])
                notes.append(f"{named} is harmless: {which} {has} size 1, so no address depends on it.")
    if not fields:
        notes.append("They lie alike.")
    one, other = a.layout, b.layout
    if one is not None and other is not None and one.shape != other.shape and one.numel == other.numel:
        # Dims that merge are merged in both, so equal remainders mean one walk through memory.
        if one.coalesced() == other.coalesced():
            notes.append("In index order both reach the same addresses: each is a view of the other's shape.")
        elif one.numel and sorted(zip(one.shape, one.stride, strict=True)) == sorted(
            zip(other.shape, other.stride, strict=True)
        ):
            notes.append("The dims are the same ones in another order.")
    return notes


def _relation(a: TensorInfo, b: TensorInfo, together: bool | None) -> list[str]:
    """What two tensors in one storage share."""
    extents = _extent(a), _extent(b)
    if together is None or extents[0] is None or extents[1] is None:
        return []
    if not together:
        return ["They lie in two storages."]
    found = shared_bytes_overlap(extents[0], extents[1])
    if found.verdict != "yes":
        shared = "share no byte of it" if found.verdict == "no" else f"may share bytes of it: {found}"
        return [f"They lie in one storage and {shared}."]
    shared_count = shared_nbytes(extents[0], extents[1])
    size = "bytes" if shared_count is None else nbytes_both(shared_count)
    at = "" if found.witness is None else f"; a{index_text(found.witness[0])} meets b{index_text(found.witness[1])}"
    return [f"They lie in one storage and share {size} of it{at}."]


def _extent(info: TensorInfo) -> Extent | None:
    if info.shape is None or info.byte_stride is None or info.byte_offset is None or info.itemsize is None:
        return None
    # Where two libraries name one memory, each storage starts at its own first byte of it.
    first = 0 if info.storage is None else info.storage.memory[1]
    return Extent(info.shape, info.byte_stride, info.byte_offset + first, info.itemsize) if prod(info.shape) else None
