"""Errors about memory: which elements meet, who shares, whose strides, on which device.

Problem and method: as for `shape_errors`; here it is offsets, strides and storages that tell which tensors an error is
about. Cost: O(tensors² · ndim) where pairs are looked for, bounded by the search budget of each.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING

from stridescope.explain.reach import Told, ints, lies, named, only
from stridescope.layout.overlap import Extent, shared_bytes_overlap
from stridescope.scene.sentences import joined
from stridescope.scene.text import count, index_text, nbytes_text, tuple_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.explain.frames import Seen
    from stridescope.explain.reach import Reach
    from stridescope.records import TensorInfo

__all__ = [
    "bucket_strides",
    "devices",
    "grad_numpy",
    "items_divide",
    "last_stride",
    "leaf_write",
    "negative_stride",
    "odd_stride",
    "out_of_bounds",
    "partial_overlap",
    "tied",
    "to_numpy",
    "written_twice",
]

SEARCHED = 2000
"""Steps of an overlap search, some 2 ms."""
MAX_RELATIONS = 6


def written_twice(_: re.Match[str], reach: Reach) -> Told:
    """more than one element of the written-to tensor refers to a single memory location."""
    found = reach.where(lambda info: info.layout is not None and info.layout.overlap(SEARCHED).verdict == "yes")
    if not found:
        return Told("the tensor that is written to reaches one address from several indices; clone() it first")
    layout, name = found[0].info.layout, found[0].name
    assert layout is not None
    pair = layout.overlap(SEARCHED).witness
    still = [dim for dim in range(layout.ndim) if layout.shape[dim] > 1 and layout.stride[dim] == 0]
    why = f"dim {still[0]} has stride 0" if still else "its strides overlap"
    where = (
        f": {index_text(pair[0])} and {index_text(pair[1])} both reach address {count(layout.address(pair[0]))}"
        if pair
        else ""
    )
    return Told(
        f"{name} {lies(found[0].info)} reaches one address from several indices, since {why}{where}",
        (f"{name}.clone() gives each element an address of its own, {nbytes_text(found[0].info.nbytes or 0)}.",),
        tuple(still),
        about=found[0].info,
    )


def partial_overlap(_: re.Match[str], reach: Reach) -> Told:
    """some elements of the input tensor and the written-to tensor refer to a single memory location."""
    for group in (reach.inputs, reach.others):
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                told = _meet(one, other)
                if told is not None:
                    return told
    return Told("the op reads what it writes, at other indices; clone() the input first")


def _meet(one: Seen, other: Seen) -> Told | None:
    extents = _extent(one.info), _extent(other.info)
    same = (
        one.info.storage is not None and other.info.storage is not None and one.info.storage.id == other.info.storage.id
    )
    if not same or extents[0] is None or extents[1] is None or extents[0] == extents[1]:
        return None
    pair = shared_bytes_overlap(extents[0], extents[1], SEARCHED).witness
    if pair is None or one.info.layout is None:
        return None
    return Told(
        f"{one.name} {lies(one.info)} and {other.name} {lies(other.info)} lie in one storage and meet: "
        f"{one.name}{index_text(pair[0])} and {other.name}{index_text(pair[1])} are one place, "
        f"byte {count(one.info.layout.address(pair[0]) * (one.info.itemsize or 1))}",
        ("The op would read elements that it has already overwritten; clone() the one that is only read.",),
        about=one.info,
    )


def _extent(info: TensorInfo) -> Extent | None:
    if info.shape is None or info.byte_stride is None or info.byte_offset is None or info.itemsize is None:
        return None
    return Extent(info.shape, info.byte_stride, info.byte_offset, info.itemsize)


def negative_stride(_: re.Match[str], reach: Reach) -> Told:
    """At least one stride in the given numpy array is negative."""
    found = reach.where(lambda info: any(step < 0 for step in info.byte_stride or ()))
    if not found:
        return Told("torch has no negative strides, and a reversed array has one; .copy() lays it out forwards")
    info = found[0].info
    dims = tuple(dim for dim, step in enumerate(info.byte_stride or ()) if step < 0)
    along = joined([f"dim {dim}" for dim in dims])
    return Told(
        f"{found[0].name} {lies(info)} runs backwards along {along}: stride[{dims[0]}] "
        f"is {(info.stride or info.byte_stride or ())[dims[0]]}, and torch has no negative strides",
        (f"{found[0].name}.copy() lays it out forwards, {nbytes_text(info.nbytes or 0)}.",),
        dims,
        about=info,
    )


def odd_stride(_: re.Match[str], reach: Reach) -> Told:
    """given numpy array strides not a multiple of the element byte size."""
    every = (*reach.inputs, *reach.others)
    odd = [seen for seen in every if seen.info.stride is None and seen.info.byte_stride is not None]
    if not odd:
        return Told("torch counts strides in elements, and these are no whole number of them; .copy() packs the array")
    info = odd[0].info
    return Told(
        f"{odd[0].name} has byte strides {tuple_text(info.byte_stride or ())} with items of {info.itemsize} B, no "
        "whole number of elements, as the field of a record has; .copy() packs it",
        about=info,
    )


def items_divide(match: re.Match[str], reach: Reach) -> Told:
    """self.storage_offset() must be divisible by 2 to view Float as Double."""
    what, by, got = match["what"], int(match["by"]), match["got"]
    found = [seen for seen in reach.inputs if seen.info.layout is not None][:1]
    name = f"{found[0].name} {lies(found[0].info)}" if found else "the tensor"
    odd = f"its {what} is {got}" if got else f"its {what} does not"
    return Told(
        f"{by} items of {match['old']} make one of {match['new']}, so offset, last size and all other strides must "
        f"divide by {by}: of {name}, {odd}",
        ("clone() starts a storage of its own, which puts the offset right; a size must be cut.",),
        about=found[0].info if found else None,
    )


def last_stride(match: re.Match[str], reach: Reach) -> Told:
    """self.stride(-1) must be 1 to view Float as Double."""
    found = reach.where(lambda info: bool(info.stride) and (info.stride or (1,))[-1] != 1)
    name = f"{found[0].name} {lies(found[0].info)}" if found else "the tensor"
    got = f" and is {match['got']}" if match["got"] else ""
    return Told(
        f"items of {match['old']} are read as {match['new']} only where neighbours touch: stride[-1] of {name} must "
        f"be 1{got}",
        (".contiguous() copies it so that they do.",),
        needed=1,
        found=int(match["got"]) if match["got"] else None,
        about=only(found[:1]),
    )


def out_of_bounds(match: re.Match[str], reach: Reach) -> Told:
    """requiring a storage size of 40 are out of bounds for storage of size 32."""
    sizes, strides = ints(match["sizes"]), ints(match["strides"])
    offset, item, held = int(match["offset"]), int(match["item"]), int(match["held"])
    last = offset + sum((size - 1) * step for size, step in zip(sizes, strides, strict=True))
    found = reach.where(lambda info: info.storage is not None and info.storage.nbytes == held)
    whose = f"the storage of {named(found)}" if found else "the storage"
    return Told(
        f"{tuple_text(sizes)}:{tuple_text(strides)}+{offset} reaches address {count(last)}, the last of its index "
        f"{index_text([size - 1 for size in sizes])}; {whose} ends after {count(held // item)} elements, "
        f"{nbytes_text(held)}",
        about=only(found),
    )


def leaf_write(match: re.Match[str], reach: Reach) -> Told:
    """a view of a leaf Variable that requires grad is being used in an in-place operation."""
    view = match["view"] is not None
    found = [
        seen
        for group in (reach.inputs, reach.others)
        for seen in group
        if seen.info.requires_grad and (seen.base if view else seen.leaf)
    ]
    whose = found[0].name if found else "the tensor that is written to"
    what = "shares the storage of a leaf that requires grad" if view else "is a leaf that requires grad"
    return Told(
        f"{whose} {what}, whose value autograd keeps for the backward pass; it cannot be changed in place",
        ("Under torch.no_grad() the write is allowed; clone() first writes to a copy that gradients flow through.",),
        about=found[0].info if found else None,
    )


def to_numpy(match: re.Match[str], reach: Reach) -> Told:
    """can't convert cuda:0 device type tensor to numpy."""
    device = match["device"]
    found = reach.where(lambda info: info.device == device)
    whose = named(found) if found else "the tensor"
    what = (
        "has no elements at all"
        if device == "meta"
        else "lies in that device's memory, and numpy reads the host's alone"
    )
    size = f", {nbytes_text(found[0].info.nbytes or 0)}" if len(found) == 1 else ""
    because = () if device == "meta" else (f".cpu() copies it to the host{size}.",)
    return Told(f"{whose}, on {device}, {what}", because, about=only(found))


def grad_numpy(_: re.Match[str], reach: Reach) -> Told:
    """Can't call numpy() on Tensor that requires grad."""
    found = reach.where(lambda info: info.requires_grad)
    whose = named(found) if found else "the tensor"
    return Told(
        f"{whose} requires grad, and an array cannot carry gradients",
        (".detach().numpy() shares the memory and copies nothing; a write to it is one that autograd does not see.",),
        about=only(found),
    )


def devices(_: re.Match[str], reach: Reach) -> Told:
    """Expected all tensors to be on the same device."""
    for group in (reach.inputs, reach.others):
        held: dict[str, list[Seen]] = {}
        for seen in group:
            if seen.info.device:
                held.setdefault(seen.info.device, []).append(seen)
        if len(held) < 2:
            continue
        usual = max(held, key=lambda device: len(held[device]))
        odd = min((device for device in held if device != usual), key=lambda device: len(held[device]))
        strays = held[odd]
        told = joined([f"{named(found)} on {device}" for device, found in held.items()])
        size = sum(seen.info.nbytes or 0 for seen in strays)
        because = (f"{named(strays)} to {usual}: .to({usual!r}) copies {nbytes_text(size)} there.",)
        return Told(
            f"the op needs its tensors on one device: {told}",
            () if "meta" in (odd, usual) else because,
            about=strays[0].info,
        )
    return Told("the op needs its tensors on one device; .to(device) copies one over")


def tied(match: re.Match[str], reach: Reach) -> Told:
    """Some tensors share memory (safetensors)."""
    groups = [re.findall(r"'([^']*)'", group) for group in re.findall(r"\{([^{}]*)\}", match["groups"])]
    told = [words for group in groups for words in _relations(group, (*reach.inputs, *reach.others))]
    if not told:
        what = joined(sorted(name for group in groups for name in group)) or "some of the tensors"
        return Told(f"{what} lie in one storage, and the file has a place for each; save one, or clone() the others")
    return Told(
        "; ".join(told[:MAX_RELATIONS]), ("Save one of those that are the same; clone() what is part of another.",)
    )


def _relations(names: Sequence[str], seen: Sequence[Seen]) -> list[str]:
    """How the tensors of one group lie to each other; of a tensor that has two names in reach, once."""
    known = {name: next((one for one in seen if _key(one.name) == name), None) for name in sorted(names)}
    pairs = combinations([(name, one) for name, one in known.items() if one is not None], 2)
    return [words for (name, one), (other, two) in pairs if (words := _relation(name, one.info, other, two.info))]


def _key(name: str) -> str:
    inside = re.search(r"\['([^']*)'\]$", name)
    return inside[1] if inside else name


def _relation(name: str, one: TensorInfo, other: str, two: TensorInfo) -> str:
    """How two tensors lie to each other in their storage; empty where they are in different ones."""
    a, b = _extent(one), _extent(two)
    if a is None or b is None or one.storage is None or two.storage is None or one.storage.id != two.storage.id:
        return ""
    if a == b:
        return f"{name} and {other} are the same elements"
    verdict = shared_bytes_overlap(a, b, SEARCHED).verdict
    if verdict == "yes":
        return f"{name} and {other} share bytes of one storage"
    return f"{name} and {other} lie in one storage and share no byte" if verdict == "no" else ""


def bucket_strides(match: re.Match[str], _: Reach) -> Told:
    """Grad strides do not match bucket view strides."""
    grad_sizes, grad, view_sizes, view = (ints(match[name]) for name in ("gs", "gt", "vs", "vt"))
    if len(grad_sizes) != len(grad) or len(view_sizes) != len(view) or grad_sizes != view_sizes:
        return Told(f"the gradient lies as {tuple_text(grad)} and its place in the DDP bucket as {tuple_text(view)}")
    dims = [dim for dim in range(len(grad)) if grad[dim] != view[dim]]
    real = tuple(dim for dim in dims if grad_sizes[dim] > 1)
    named = joined([f"stride[{dim}] ({grad[dim]} and {view[dim]})" for dim in dims])
    if not real:
        ones = joined([f"dim {dim}" for dim in dims])
        return Told(
            f"gradient and bucket view differ in {named} alone, and {ones} has size 1: no address differs, and nothing "
            "is wrong",
            dims=tuple(dims),
        )
    return Told(
        f"gradient and bucket view of shape {tuple_text(grad_sizes)} differ in {named}: each step copies the "
        "gradient over with other strides",
        ("They lie alike when the parameter is made contiguous, or channels_last, before DDP wraps the model.",),
        real,
    )
