"""A row of a model's tree as text: what it is, how it lies, what it shares, what changed.

Problem: a module or a tensor must be told in one line of 40 or of 200 cells. Method: a guide, a name, then words in the
order in which they matter, cut where the line ends; numbers stand in columns on the right, while there is room. What
goes without saying is not said: a dtype or device that all have, a mode that is the model's.

Cost: one row; the module is asked for its `extra_repr`, as under `print(module)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.frame import painted, piece, size_of
from stridescope.scene.sentences import contiguity, joined
from stridescope.scene.text import ascii_text, count, nbytes_text, printable, tuple_text
from stridescope.scene.wrapping import clipped, padded

if TYPE_CHECKING:
    from stridescope.records.counting import ModuleCounts
    from stridescope.records.modules import ModuleNode, ModuleTree
    from stridescope.records.tensors import TensorInfo
    from stridescope.scene.frame import Row
    from stridescope.scene.outline import Item

__all__ = ["Known", "Mate", "Standing", "columns", "group_of", "guide_size", "heading", "module_row"]

NARROWEST = 26
"""Cells that the words of a row need beside the numbers."""

INDENT = 2
ARGUMENTS = "arguments"
"""The role of words that may be cut short for the sake of those behind them."""
PLAIN_TYPES = ("torch.Tensor", "torch.nn.Parameter", "torch.nn.Buffer")


class Mate(NamedTuple):
    """What shares a row's memory.

    Attributes:
        words: such as "tied to", "tiles one storage with".
        names: the paths of all of them, itself among them.
        nbytes: of the storage; None where there is none to tell of.
    """

    words: str
    names: tuple[str, ...]
    nbytes: int | None = None


@dataclass(frozen=True)
class Known:
    """What rows are told from besides their node.

    Attributes:
        tree: the tree.
        below: counts of every module by its path; None while they are not counted yet.
        mates: what is shared, by path.
        changed: what changed since the reading before, in words, by path.
        above: how many changes are below a path.
        gone: what was removed since, in words, by the path that it was in.
    """

    tree: ModuleTree
    below: Mapping[str, ModuleCounts] | None = None
    mates: Mapping[str, Mate] = field(default_factory=dict)
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    above: Mapping[str, int] = field(default_factory=dict)
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Standing(NamedTuple):
    """How a row is shown.

    Attributes:
        opened: whether what is below it is shown; None where there is nothing below.
        chosen: whether it is the one that keys speak to.
        context: it was not found itself, only something below it.
    """

    opened: bool | None = None
    chosen: bool = False
    context: bool = False
    ascii: bool = False


_MARKERS = {True: ("▾ ", "- "), False: ("▸ ", "+ "), None: ("  ", "  ")}
"""Whether open -> what stands before a name, and in ASCII."""
_BAR = ("│ ", "| ")


def _said(text: str, ascii: bool) -> str:
    """Text that may be drawn: no control characters, and ASCII alone where nothing else can be drawn."""
    text = printable(text)
    return ascii_text(text) if ascii else text


def columns(known: Known, width: int) -> tuple[int, ...]:
    """The widths of the columns of numbers, elements and bytes: both, bytes alone, or none as the width gets less."""
    if known.below is None:
        return ()
    counts = known.tree.counts
    sizes = (max(len(count(counts.parameter_elements)), len("elements")), max(len(nbytes_text(counts.nbytes)), 7))
    return next((kept for kept in (sizes, sizes[1:]) if width - sum(kept) - 2 * len(kept) >= NARROWEST), ())


def guide_size(item: Item, known: Known, width: int, standing: Standing) -> int:
    """How many columns stand before a row's name: the bars, and the sign that opens and closes it."""
    sizes = columns(known, width)
    return size_of(_guide(item, standing, max(width - sum(sizes) - 2 * len(sizes), 1)))


def heading(known: Known, width: int) -> Row:
    """What the columns are."""
    names = ("elements", "bytes")[-len(sizes) :] if (sizes := columns(known, width)) else ()
    return painted([(x, piece(name, "quiet")) for x, name in _placed(names, sizes, width)], width)


def module_row(item: Item, known: Known, width: int, standing: Standing) -> Row:
    """One row, `width` cells wide."""
    plain = standing.ascii
    sizes = columns(known, width)
    room = max(width - sum(sizes) - 2 * len(sizes), 1)
    guide = _guide(item, standing, room)
    words = _module_words(item, known, standing) if item.tensor is None else _tensor_said(item, known)
    runs, at = [(0, piece(guide, "quiet"))] if guide else [], size_of(guide)
    dots = "..." if plain else "…"
    for shown, role in _fitted([(_said(text, plain), role) for text, role in words], room - at, dots):
        if at + size_of(shown) > room:
            runs.append((at, piece((clipped(shown, room - at - len(dots)) + dots)[: max(room - at, 0)], role)))
            break
        # Spaces between words are background.
        bare = shown.lstrip(" ")
        if bare:
            runs.append((at + len(shown) - len(bare), piece(bare, role)))
        at += size_of(shown)
    numbers = _numbers(item, known)[-len(sizes) :] if sizes else ()
    runs += [(x, piece(text, "quiet")) for x, text in _placed([_said(n, plain) for n in numbers], sizes, width)]
    if not standing.chosen:
        return painted([(x, part) for x, part in runs if part.text.strip()], width)
    text, at = "", 0
    for x, part in runs:
        text += " " * (x - at) + part.text
        at = x + part.size
    return painted([(0, piece(padded(text, width), "chosen"))], width)


def _fitted(words: list[tuple[str, str]], room: int, dots: str) -> list[tuple[str, str]]:
    """The words, a module's arguments cut short where that leaves room for what stands behind them."""
    over = sum(size_of(text) for text, _ in words) - room
    place = next((place for place, (_, role) in enumerate(words) if role == ARGUMENTS), None)
    if place is None:
        return words
    text = words[place][0]
    kept = max(size_of(text) - over - len(dots) - 1, len("("))
    if over > 0 and kept < size_of(text):
        text = f"{clipped(text, kept)}{dots})"
    return [*words[:place], (text, "quiet"), *words[place + 1 :]]


def _placed(texts: Sequence[str], sizes: Sequence[int], width: int) -> list[tuple[int, str]]:
    """Texts against the right edges of their columns."""
    placed, edge = [], width
    for text, size in zip(reversed(texts), reversed(sizes), strict=True):
        if text:
            placed.append((edge - size_of(text), text))
        edge -= size + 2
    return placed[::-1]


def _guide(item: Item, standing: Standing, room: int) -> str:
    """The bars of the levels above, and the sign for open or closed; far down, the last of the bars alone."""
    marker = _MARKERS[standing.opened][standing.ascii]
    if item.number >= 0:
        return f"{item.number:>4}  "
    most = max(room // 3 // INDENT, 1)
    if item.level <= most:
        return _BAR[standing.ascii] * item.level + marker
    return _said(f"…{count(item.level - most + 1)} ", standing.ascii) + _BAR[standing.ascii] * (most - 1) + marker


# Words of a module ---------------------------------------------------------------------------------------------


def _module_words(item: Item, known: Known, standing: Standing) -> list[tuple[str, str]]:
    node, tree = item.node, known.tree
    facts = tree.facts(node)
    times = f"{count(len(item.run))} × " if len(item.run) > 1 else ""
    words = [(item.name, "quiet" if standing.context else "bold"), ("  ", "plain")] if item.name else []
    words.append((times + (node.type or ("" if node.path else "names")), "quiet" if standing.context else "plain"))
    if facts.arguments and node.same_as is None:
        words.append((f"({facts.arguments})", ARGUMENTS))
    words += [(f"  {text}", "write") for text in _changes(item, known, opened=bool(standing.opened))]
    mate = known.mates.get(node.path)
    if node.same_as is not None:
        return [*words, (f"  same as {node.same_as or 'the model itself'}", "view")]
    if mate is not None and len(item.run) == 1:
        words.append((f"  also {_others(mate, node.path)}", "view"))
    return [*words, *((f"  {text}", "quiet") for text in _unusual(node, known))]


def _unusual(node: ModuleNode, known: Known) -> list[str]:
    """What is not so of the model as a whole."""
    tree, facts = known.tree, known.tree.facts(node)
    words = [] if node.training in (None, tree.root.training) else ["training" if node.training else "eval"]
    words += [f"{kind} hook {joined(list(names))}" for kind, names in facts.hooks]
    words += [f"{name} computed by {joined(list(classes))}" for name, classes in facts.parametrizations]
    counts = None if known.below is None else known.below[node.path]
    if counts is not None and node.path:
        if counts.parameters == counts.frozen > 0 and tree.counts.frozen < tree.counts.parameters:
            words.append("frozen")
        words += [f"mixed {found}" for found in (_several(counts.dtypes), _several(counts.devices)) if found]
    return words


def _several(words: Sequence[str]) -> str:
    return joined(list(words)) if len(words) > 1 else ""


def _changes(item: Item, known: Known, *, opened: bool) -> Sequence[str]:
    if not known.above:
        return ()
    here = known.changed.get(item.path, ()) if len(item.run) == 1 else ()
    gone = sum(len(known.gone.get(node.path, ())) for node in item.run)
    here = (*here, f"{count(gone)} removed") if gone else here
    inside = sum(known.above.get(node.path, 0) for node in item.run)
    if len(item.run) > 1:
        inside += sum(len(known.changed.get(node.path, ())) for node in item.run)
    return here if opened or not inside else (*here, f"{count(inside)} changed inside")


def _others(mate: Mate, path: str) -> str:
    others = [name or "the model itself" for name in mate.names if name != path]
    return others[0] if len(others) == 1 else f"{others[0]} and {count(len(others) - 1)} more"


def _numbers(item: Item, known: Known) -> tuple[str, str]:
    """(elements, bytes)."""
    tensor = item.tensor
    if tensor is not None:
        if tensor.shape is None:
            return "?", "?"
        return count(tensor.numel or 0), "" if tensor.nbytes is None else nbytes_text(tensor.nbytes)
    if known.below is None or item.node.same_as is not None:
        return "", ""
    counts = known.below[item.node.path]
    if not counts.parameters and not counts.buffers:
        return "–", ""
    if counts.uninitialized and not counts.nbytes:
        return "?", "?"
    return count(counts.parameter_elements * len(item.run)), nbytes_text(counts.nbytes * len(item.run))


# Words of a tensor ---------------------------------------------------------------------------------------------


def _tensor_said(item: Item, known: Known) -> list[tuple[str, str]]:
    tensor, node = item.tensor, item.node
    if tensor is None:
        return []
    kind = group_of(node, tensor)
    words = [(item.name, "plain")]
    words += [(f"  {text}", "write") for text in known.changed.get(item.path, ())]
    quiet = _tensor_words(tensor, known)
    if kind != "parameter":
        quiet.insert(1, kind)
    if tensor.name in node.transient:
        quiet.append("not in state_dict")
    if kind == "parameter" and tensor.requires_grad is False and node.type and len(words) == 1:
        quiet.append("frozen")
    mate = known.mates.get(item.path)
    shared = [] if mate is None else [(f"  {mate.words} {_others(mate, item.path)}", "view")]
    if tensor.stride is not None and tensor.shape:
        quiet.append(f"stride {tuple_text(tensor.stride)}")
    return [*words, (f"  {quiet[0]}", "quiet"), *shared, *((f"  {text}", "quiet") for text in quiet[1:])]


def group_of(node: ModuleNode, tensor: TensorInfo) -> str:
    """What a tensor is to its module: "parameter", "buffer" or "state"."""
    groups = (("buffer", node.buffers), ("state", node.states))
    return next((word for word, group in groups if any(member is tensor for member in group)), "parameter")


def _tensor_words(tensor: TensorInfo, known: Known) -> list[str]:
    """A tensor in a few words, its shape first; dtype and device only where the model has several."""
    if tensor.shape is None:
        return [dict(tensor.why).get("shape", "its shape is not known").partition(":")[0]]
    counts = None if known.below is None else known.tree.counts
    words = [tuple_text(tensor.shape)]
    if tensor.dtype is not None and (counts is None or counts.dtypes != (tensor.dtype,)):
        words.append(tensor.dtype)
    if tensor.device is not None and counts is not None and counts.devices != (tensor.device,):
        words.append(tensor.device)
    if tensor.type not in PLAIN_TYPES and known.tree.root.type:
        words.append(tensor.type)
    order = contiguity(tensor)
    if order not in ("contiguous", "contiguity unknown"):
        words.append(order)
    if tensor.storage_offset:
        words.append(f"offset {count(tensor.storage_offset)}")
    return words
