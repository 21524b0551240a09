"""Everything that is known of one module or tensor of a model, as sections of a panel.

Problem: a row has room for what is unusual; who looks closer wants all of it, in one order. Method: a function for each
kind of row gives sections of (word, text) entries; laying them out is the panel's. Cost: the node's own tensors; the
counts are there already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.records.counting import count as counted
from stridescope.scene.module_rows import group_of
from stridescope.scene.panel import Entry, Section, Span
from stridescope.scene.sentences import contiguity, joined, meaning
from stridescope.scene.text import count, layout_text, nbytes_both, plural, tuple_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stridescope.records.counting import ModuleCounts
    from stridescope.records.modules import ModuleNode
    from stridescope.records.tensors import TensorInfo
    from stridescope.scene.module_rows import Known, Mate
    from stridescope.scene.outline import Item

__all__ = ["details"]

LISTED = 200
"""Tensors or names of one list that are written out."""
PAIRED = 8
LOADED = "_stridescope_target_"
"""What a file given as file.py:attr is imported under, before its own name."""
MOST_GONE = 12


def details(item: Item, known: Known) -> list[Section]:
    """All that is known of the module or tensor of a row."""
    if item.tensor is not None:
        return [
            Section(0, _named(item.path, _kind(item.node, item.tensor), known)),
            Section(1, _tensor(item.node, item.tensor, known)),
            Section(9, [Entry(text=Span("enter opens it on the Stage", "quiet"))]),
        ]
    return _module(item, known)


def _entry(word: str, text: str, role: str = "plain", *, width: int = 9) -> Entry:
    return Entry((Span(f"{word:<{width}}", "quiet"),), Span(text, role)) if text else Entry((Span(word, "quiet"),))


def _listed(names: Iterable[str], most: int = LISTED) -> str:
    shown = [name or "the model itself" for name in names]
    return joined([*shown[:most], f"{count(len(shown) - most)} more"] if len(shown) > most else shown)


def _named(path: str, what: str, known: Known) -> list[Entry]:
    changed = [Entry(text=Span(text, "write")) for text in known.changed.get(path, ())]
    return [Entry(text=Span(path or "the model itself", "bold")), Entry(text=Span(what)), *changed]


# A module ------------------------------------------------------------------------------------------------------


def _module(item: Item, known: Known) -> list[Section]:
    tree, node = known.tree, known.tree.original(item.node)
    facts = tree.facts(node)
    head = _named(item.path, tree.title(node) or ("names" if not node.path else "a part of the names"), known)
    if len(item.run) > 1:
        head[0] = Entry(text=Span(f"{item.path} to {item.run[-1].path}", "bold"))
        head.insert(1, Entry(text=Span(f"{count(len(item.run))} layers that look alike; of each:")))
    if node.class_name not in ("", node.type):
        head.append(_entry("class", node.class_name.removeprefix(LOADED)))
    if item.node.same_as is not None:
        head.append(Entry(text=Span(f"the same module as {node.path or 'the model itself'}", "view")))
    mate = known.mates.get(node.path)
    if mate is not None:
        head.append(_entry("held as", _listed(mate.names), "view"))
    sections = [Section(0, head), Section(1, _amounts(node, known)), Section(2, _states(node, known))]
    said_of = [_entry(f"{kind} hook", joined(list(names)), width=len(kind) + 7) for kind, names in facts.hooks]
    said_of += [_entry(name, f"computed by {joined(list(classes))}") for name, classes in facts.parametrizations]
    said_of += [_entry("note", text) for text in facts.notes]
    sections.append(Section(3, said_of))
    for number, tensor in enumerate(node.tensors[:LISTED]):
        named = Entry((Span(f"{node.local_name(tensor)}  ", "bold"),), Span(_kind(node, tensor), "quiet"))
        sections.append(Section(4 + number, [named, *_tensor(node, tensor, known)]))
    if len(node.tensors) > LISTED:
        sections.append(Section(4, [Entry(text=Span(f"and {count(len(node.tensors) - LISTED)} more tensors"))]))
    return [*sections, *_gone(node, known)]


def _amounts(node: ModuleNode, known: Known) -> list[Entry]:
    if known.below is None:
        return [_entry("in total", "being counted")]
    below, own = known.below[node.path], counted((node,))
    entries = [_entry("in total", _amount(below))]
    if node.children:
        entries.append(_entry("its own", _amount(own)))
    if below.buffers:
        entries.append(_entry("buffers", f"{plural(below.buffers, 'buffer')}, {nbytes_both(below.buffer_nbytes)}"))
    if below.parameters and node.type:
        some = f"{count(below.frozen)} of {plural(below.parameters, 'parameter')} frozen"
        entries.append(_entry("gradient", {0: "trainable", below.parameters: "frozen"}.get(below.frozen, some)))
    if below.uninitialized:
        entries.append(_entry("lazy", f"{plural(below.uninitialized, 'tensor')} not initialized yet"))
    if node.type or node.children:
        direct = plural(len(known.tree.children(node)), "module" if node.type else "name")
        entries.append(Entry(text=Span(f"children() gives {direct}, modules() {count(below.modules)}, itself first")))
    return entries


def _amount(counts: ModuleCounts) -> str:
    if not counts.parameters:
        return "no parameters"
    size = f"{plural(counts.parameter_elements, 'element')}, {nbytes_both(counts.parameter_nbytes)}"
    return f"{plural(counts.parameters, 'parameter')}, {size}"


def _states(node: ModuleNode, known: Known) -> list[Entry]:
    entries = [] if node.training is None else [_entry("mode", "training" if node.training else "eval")]
    below = None if known.below is None else known.below[node.path]
    for word, found in () if below is None else (("dtype", below.dtypes), ("device", below.devices)):
        if found:
            entries.append(_entry(word, found[0] if len(found) == 1 else f"mixed: {joined(list(found))}"))
    return entries


def _gone(node: ModuleNode, known: Known) -> list[Section]:
    """What was removed from a module since it was read before."""
    gone = known.gone.get(node.path, ())
    shown = [*gone[:MOST_GONE], *([f"and {count(len(gone) - MOST_GONE)} more"] if len(gone) > MOST_GONE else [])]
    return [Section(3, [Entry(text=Span(text, "write")) for text in shown])]


# A tensor ------------------------------------------------------------------------------------------------------


def _kind(node: ModuleNode, tensor: TensorInfo) -> str:
    kind = group_of(node, tensor) if node.type else "tensor"
    kind = f"{kind}, not in state_dict" if tensor.name in node.transient else kind
    return f"{kind}, {tensor.type}"


def _tensor(node: ModuleNode, tensor: TensorInfo, known: Known) -> list[Entry]:
    why = dict(tensor.why)

    def shown(word: str, value: str | None, field: str | None = None) -> Entry:
        return _entry(word, value if value is not None else f"none: {why.get(field or word, 'not known')}")

    layout = tensor.layout
    storage = tensor.storage
    entries = [
        shown("shape", None if tensor.shape is None else tuple_text(tensor.shape)),
        shown("stride", None if tensor.stride is None else tuple_text(tensor.stride)),
    ]
    if tensor.storage_offset:
        entries.append(_entry("offset", count(tensor.storage_offset)))
    entries += [shown("dtype", tensor.dtype), shown("device", tensor.device)]
    if tensor.tensor_layout not in (None, "strided"):
        entries.append(_entry("layout", str(tensor.tensor_layout)))
    if layout is not None and tensor.shape is not None and tensor.stride is not None:
        order = contiguity(tensor)
        same = order in ("contiguous", tensor.memory_format)
        entries.append(_entry("format", f"{tensor.memory_format}{'' if same else f'; {order}'}"))
        entries.append(_entry("as text", layout_text(tensor.shape, tensor.stride, tensor.storage_offset or 0)))
    if tensor.requires_grad is not None and group_of(node, tensor) == "parameter" and node.type:
        entries.append(_entry("gradient", "requires_grad" if tensor.requires_grad else "frozen"))
    if tensor.numel is not None and tensor.nbytes is not None:
        entries.append(_entry("elements", f"{count(tensor.numel)}, {nbytes_both(tensor.nbytes)}"))
    if storage is not None and storage.nbytes is not None and storage.nbytes != tensor.nbytes:
        entries.append(_entry("storage", nbytes_both(storage.nbytes)))
    entries += [_entry(name, f"{part.type} {tuple_text(part.shape or ())}") for name, part in tensor.parts[:PAIRED]]
    entries += [Entry(text=Span(f"{text}.")) for text in tensor.notes]
    entries += [Entry(text=Span(text)) for text in meaning(tensor) if layout is not None]
    mate = known.mates.get(tensor.name or "")
    return entries if mate is None else [*entries, *_mates(mate, tensor)]


def _mates(mate: Mate, tensor: TensorInfo) -> Sequence[Entry]:
    others = [name for name in mate.names if name != tensor.name]
    held = "" if mate.nbytes is None else f", one storage of {nbytes_both(mate.nbytes)}"
    return [Entry(text=Span(f"{mate.words} {_listed(others, PAIRED)}{held}", "view"))]
