"""Errors about shapes and dims: whose sizes, and at which dim.

Problem: a frame may have no source, a call may be none that the algebra follows, and the numbers in torch's words still
tell which of the tensors in reach they can only be about. Method: one function an error, from the match of its words
and the tensors in reach to what it means; with no tensor in reach it still says what the numbers mean.

Cost: O(tensors · ndim).
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from stridescope.explain.causes import clashes
from stridescope.explain.reach import NAMED, Told, ints, lies, named, only
from stridescope.scene.sentences import joined
from stridescope.scene.text import count, nbytes_text, plural, tuple_text

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from stridescope.explain.frames import Seen
    from stridescope.explain.reach import Reach

__all__ = [
    "ambiguous",
    "broadcast",
    "cat_sizes",
    "dim_range",
    "expand_size",
    "rank",
    "shape_numel",
    "slice_step",
    "stack_shapes",
    "two_inferred",
    "view_refused",
    "window_size",
]


def view_refused(_: re.Match[str], reach: Reach) -> Told:
    """view size is not compatible with input tensor's size and stride."""
    found = reach.where(lambda info: info.layout is not None and any(clashes(info.layout)))
    if not found:
        return Told(
            "the shape asked for merges dims whose elements do not lie evenly in memory; .reshape(...) copies them"
        )
    layout = found[0].info.layout
    assert layout is not None
    one, other = next(clashes(layout))
    needed = layout.shape[other] * layout.stride[other]
    told = [f"{seen.name} is {lies(seen.info)}" for seen in found[:NAMED]]
    if len(found) > 1:
        return Told(f"a view cannot merge dims that do not lie evenly in memory: {joined(told)}; .reshape(...) copies")
    return Told(
        f"{told[0]}: a shape that merges dims {one} and {other} is no view, since stride[{one}] is "
        f"{count(layout.stride[one])} where merging needs size[{other}]·stride[{other}] = {count(needed)}",
        (f".reshape(...) copies {nbytes_text(found[0].info.nbytes or 0)}.",),
        (one, other),
        needed,
        layout.stride[one],
        about=found[0].info,
    )


def shape_numel(match: re.Match[str], reach: Reach) -> Told:
    """shape '[5, 2]' is invalid for input of size 12."""
    shape, numel = ints(match["shape"]), int(match["numel"])
    known = prod(size for size in shape if size != -1)
    found = reach.where(lambda info: info.numel == numel)
    whose = named(found, lambda info: tuple_text(info.shape or ())) if found else "the tensor"
    has = "have" if len(found) > 1 else "has"
    multiple = "a multiple of " if -1 in shape else ""
    message = f"shape {list(shape)} needs {multiple}{plural(known, 'element')}; {whose} {has} {count(numel)}"
    because: tuple[str, ...] = ()
    if known and numel % known == 0 and -1 not in shape:
        because = (f"{count(numel // known)} times as many: is a dim of size {count(numel // known)} missing?",)
    return Told(message, because, about=only(found))


def two_inferred(_: re.Match[str], reach: Reach) -> Told:
    """only one dimension can be inferred."""
    return Told("the shape has -1 twice; one size can be worked out from numel, two cannot", about=only(reach.inputs))


def ambiguous(match: re.Match[str], reach: Reach) -> Told:
    """unspecified dimension size -1 can be any value."""
    found = reach.where(lambda info: info.numel == 0)
    whose = f"{named(found, lambda info: tuple_text(info.shape or ()))}: " if found else ""
    return Told(
        f"{whose}with 0 elements, -1 in shape [{match['shape']}] could be any size; write the size", about=only(found)
    )


def expand_size(match: re.Match[str], reach: Reach) -> Told:
    """The expanded size of the tensor (2) must match the existing size (3)."""
    shape, target = ints(match["shape"]), ints(match["target"])
    dim = int(match["dim"])
    own = dim - (len(target) - len(shape))
    found = reach.where(lambda info: info.shape == shape)
    whose = named(found) if found else "the tensor"
    return Told(
        f"{whose} {tuple_text(shape)} does not expand to {tuple_text(target)}: dim {own} has size {match['have']}, "
        f"and only size 1 can become {match['want']}",
        ("Sizes are matched from the last dim; unsqueeze(dim) moves one to where it is meant.",),
        (own,),
        about=only(found),
    )


def broadcast(match: re.Match[str], reach: Reach) -> Told:
    """The size of tensor a (4) must match the size of tensor b (3) at non-singleton dimension 0."""
    dim, a, b = int(match["dim"]), int(match["a"]), int(match["b"])
    shapes = [seen for seen in reach.inputs if seen.info.shape is not None]
    whose = f"{named(shapes, lambda info: tuple_text(info.shape or ()))}: " if shapes else ""
    return Told(
        f"{whose}at dim {dim} of the result the sizes are {a} and {b}, and neither is 1",
        ("Sizes are matched from the last dim; unsqueeze(dim) moves one to where it is meant.",),
        (dim,),
        about=shapes[0].info if shapes else None,
    )


def slice_step(_: re.Match[str], reach: Reach) -> Told:
    """step must be greater than zero."""
    found = reach.inputs[:1]
    whose = f"{found[0].name}: " if found else ""
    return Told(
        f"{whose}torch has no negative strides, so a slice cannot run backwards; flip(dim) copies in that order",
        about=only(found),
    )


def dim_range(match: re.Match[str], reach: Reach) -> Told:
    """Dimension out of range (expected to be in range of [-2, 1], but got 2)."""
    low, high, got = int(match["low"]), int(match["high"]), int(match["got"])
    ndim = high + 1
    found = reach.where(lambda info: max(len(info.shape or ()), 1) == ndim) if low == -ndim else []
    whose = named(found, lambda info: tuple_text(info.shape or ())) if found else "the tensor"
    has = "have" if len(found) > 1 else "has"
    last = "the last dim is" if ndim > 1 else "the only dim is"
    return Told(f"there is no dim {got}: {whose} {has} {plural(ndim, 'dim')}; {last} {high}, or -1", about=only(found))


def window_size(match: re.Match[str], reach: Reach) -> Told:
    """maximum size for tensor at dimension 1 is 4 but size is 5."""
    dim, most, size = int(match["dim"]), int(match["most"]), int(match["size"])
    found = reach.where(lambda info: len(info.shape or ()) > dim and (info.shape or ())[dim] == most)
    whose = named(found, lambda info: tuple_text(info.shape or ())) if found else "the tensor"
    return Told(f"a window of {size} does not fit dim {dim} of {whose}, of size {most}", (), (dim,), about=only(found))


def rank(match: re.Match[str], reach: Reach) -> Told:
    """required rank 4 tensor to use channels_last format."""
    needed, memory_format = int(match["rank"]), match["format"]
    found = reach.where(lambda info: len(info.shape or ()) != needed)
    whose = named(found, lambda info: f"{tuple_text(info.shape or ())} has {plural(len(info.shape or ()), 'dim')}")
    dims = "N, C, H and W" if needed == 4 else "N, C, D, H and W"
    return Told(
        f"{memory_format} orders the dims {dims}, so it needs {needed} of them{f'; {whose}' if found else ''}",
        ("unsqueeze(0) adds the batch dim.",) if found and len(found[0].info.shape or ()) == needed - 1 else (),
        about=only(found),
    )


def cat_sizes(match: re.Match[str], reach: Reach) -> Told:
    """Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1."""
    along, number = int(match["dim"]), int(match["number"])
    shaped = [seen for seen in reach.inputs if seen.info.shape is not None]
    want, got = match["want"], match["got"]
    clash = shaped[number] if number < len(shaped) else None
    if clash is None or not shaped[0].info.shape or not clash.info.shape:
        return Told(
            f"cat along dim {along}: every other dim must match, and tensor {number} has size {got} where {want} is due"
        )
    pairs = enumerate(zip(shaped[0].info.shape, clash.info.shape, strict=False))
    dims = tuple(dim for dim, (one, other) in pairs if one != other and dim != along)
    where = joined([f"dim {dim}" for dim in dims]) or "another dim"
    return Told(
        f"cat along dim {along}: {where} must match, but {shaped[0].name} is {tuple_text(shaped[0].info.shape)} and "
        f"tensor {number}, {clash.name}, is {tuple_text(clash.info.shape)}",
        _other_dim(shaped),
        dims,
        about=clash.info,
    )


def _other_dim(shaped: Sequence[Seen]) -> tuple[str, ...]:
    """Along which dim these could be joined."""
    shapes = [seen.info.shape or () for seen in shaped]
    if len(set(map(len, shapes))) != 1:
        return ()
    fits = [dim for dim in range(len(shapes[0])) if len({(*shape[:dim], *shape[dim + 1 :]) for shape in shapes}) == 1]
    return (f"Along dim {fits[0]} they fit.",) if fits else ()


def stack_shapes(match: re.Match[str], reach: Reach) -> Told:
    """stack expects each tensor to be equal size."""
    one, other, number = ints(match["one"]), ints(match["other"]), int(match["number"])
    shaped = [seen for seen in reach.inputs if seen.info.shape is not None]
    fits = number < len(shaped) and shaped[0].info.shape == one and shaped[number].info.shape == other
    names = (shaped[0].name, shaped[number].name) if fits else ("tensor 0", f"tensor {number}")
    return Told(
        f"stack puts tensors of one shape side by side: {names[0]} is {tuple_text(one)}, {names[1]} is "
        f"{tuple_text(other)}",
        about=shaped[number].info if fits else None,
    )
