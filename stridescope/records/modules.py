"""A model as a tree of modules, each with the tensors it holds.

Problem: `children()`, `modules()`, `named_parameters()` and `repr` each tell a part of what a model is, and none
shows that two paths hold one thing. Method: the tree as it is registered, read once. A module that was met before, in
torch's own order, is a leaf that names the path of its first occurrence, so a tree is never larger than what was
registered, however often modules are shared and even where one holds itself. What torch's own walks give is told from
it: `modules`, `children`, `named_parameters`, `named_buffers`, with and without de-duplication.

Cost: memory linear in modules and tensors. Walks are linear in what they give; none recurses, so depth is no limit.
Source: `Module.named_modules` and `Module._named_members` in torch/nn/modules/module.py, whose order this is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from stridescope.records.counting import ModuleCounts, count, counts_below
from stridescope.records.steps import SCHEMA

if TYPE_CHECKING:
    from stridescope.records.tensors import TensorInfo

__all__ = ["ModuleFacts", "ModuleNode", "ModuleTree", "TensorGroup"]

TensorGroup = Literal["parameters", "buffers", "states"]

_Branch: TypeAlias = "tuple[ModuleNode, Any] | None"
"""(a node, the branch above it)."""


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """What a module says of itself when asked.

    Attributes:
        arguments: what its `extra_repr` says, on one line: "in_features=3, out_features=4, bias=True".
        hooks: (kind, names of the functions), kinds such as "forward" and "forward_pre".
        parametrizations: (tensor's name, classes that compute it).
        notes: sentences on what else a reader must know.
    """

    arguments: str = ""
    hooks: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parametrizations: tuple[tuple[str, tuple[str, ...]], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModuleNode:
    """One place where a module is registered.

    Attributes:
        name: under which its parent holds it; "" for the root.
        path: the names from the root down, joined by dots; "" for the root.
        type: the name of its class, as torch prints it; "" where only names are known (a checkpoint's).
        class_name: the same with the outermost package that exports it: "torch.nn.Linear".
        same_as: the path where this module was met before; it has no children or tensors here then. None elsewhere.
        children: in the order of registration, one registered twice under both names.
        parameters, buffers: its own, named by their whole path; a tied one under each of its paths.
        states: the tensors of a metric's states, which are neither.
        tied: (path of a tensor here, path where the very same tensor was met before), for those that were.
        training: its mode; None where it has none.
        transient: paths of buffers that `state_dict` leaves out.
        live: weak references to the module and then to its tensors: whether a later tree has the same ones.
    """

    name: str
    path: str
    type: str
    class_name: str = ""
    same_as: str | None = None
    children: tuple[ModuleNode, ...] = field(default=(), repr=False)
    parameters: tuple[TensorInfo, ...] = ()
    buffers: tuple[TensorInfo, ...] = ()
    states: tuple[TensorInfo, ...] = ()
    tied: tuple[tuple[str, str], ...] = ()
    training: bool | None = None
    transient: tuple[str, ...] = ()
    live: tuple[Callable[[], Any], ...] = field(default=(), repr=False, compare=False)

    @property
    def tensors(self) -> tuple[TensorInfo, ...]:
        """Its own parameters, buffers and states."""
        return self.parameters + self.buffers + self.states

    def local_name(self, tensor: TensorInfo) -> str:
        """The name of one of its tensors without the path."""
        name = tensor.name or ""
        return name[len(self.path) + 1 :] if self.path else name

    def first_path(self, tensor: TensorInfo) -> str:
        """The path under which one of its tensors was met first; equal for two paths that hold one tensor."""
        name = tensor.name or ""
        return next((first for here, first in self.tied if here == name), name) if self.tied else name

    def below(self) -> Iterator[ModuleNode]:
        """This node and all below it, each before its children."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            if node.children:
                waiting += node.children[::-1]

    def __repr__(self) -> str:
        same = "" if self.same_as is None else f", same as {self.same_as!r}"
        return f"ModuleNode({self.path!r}, {self.type or 'names'}, {len(self.children)} children{same})"


@dataclass(frozen=True)
class ModuleTree:
    """What was registered in a model when it was read.

    Attributes:
        root: the model itself.
        model: the live model, so that it lives as long as its tree; None for a tree of names. A module that was
            replaced in it since is not kept.
        read_facts: what asks a live module for its facts.
    """

    root: ModuleNode
    model: Any = field(default=None, repr=False, compare=False)
    read_facts: Callable[[Any], ModuleFacts] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def counts(self) -> ModuleCounts:
        """How much there is in the whole tree, what is held twice counted once."""
        return self.counts_of(self.root)

    def counts_of(self, node: ModuleNode) -> ModuleCounts:
        """How much there is of a node and all below it: linear in that."""
        return count(found for _, found in self.modules(node))

    @cached_property
    def counts_below(self) -> dict[str, ModuleCounts]:
        """The counts of every node, by its path; a second occurrence has those of the first."""
        return counts_below(self)

    @cached_property
    def nodes(self) -> tuple[ModuleNode, ...]:
        """Every node, each before its children, second occurrences included."""
        return tuple(self.root.below())

    @cached_property
    def by_path(self) -> dict[str, ModuleNode]:
        """Every node under its path."""
        return {node.path: node for node in reversed(self.nodes)}

    def original(self, node: ModuleNode) -> ModuleNode:
        """The first occurrence of the module at a node, which is the one with children and tensors."""
        return node if node.same_as is None else self.by_path[node.same_as]

    def facts(self, node: ModuleNode) -> ModuleFacts:
        """What the module at a node says of itself now; nothing where it is gone, or only names are known."""
        live = self.original(node).live
        module = live[0]() if live else None
        return _NO_FACTS if module is None or self.read_facts is None else self.read_facts(module)

    def title(self, node: ModuleNode) -> str:
        """The class with its arguments, as torch prints it: "Linear(in_features=3, out_features=4, bias=True)"."""
        arguments = self.facts(node).arguments
        return f"{node.type}({arguments})" if arguments else node.type

    def children(self, node: ModuleNode | None = None) -> list[tuple[str, ModuleNode]]:
        """torch's `named_children()`: the direct submodules, one registered twice under its first name.

        Args:
            node: whose; the root's if None.
        """
        found: dict[int, tuple[str, ModuleNode]] = {}
        for child in self.original(node or self.root).children:
            found.setdefault(id(self.original(child)), (child.name, self.original(child)))
        return list(found.values())

    def modules(
        self, node: ModuleNode | None = None, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, ModuleNode]]:
        """torch's `named_modules()`: (path from the root, node), itself first.

        Args:
            node: whose; the root's if None.
            remove_duplicate: give a module once only; without it a module that holds itself, which torch would
                follow for ever, is given without what is in it.
        """
        start = node or self.root
        waiting: list[tuple[str, ModuleNode, _Branch]] = [(start.path, start, None)]
        seen: set[int] = set()
        while waiting:
            path, found, above = waiting.pop()
            found = self.original(found)
            if remove_duplicate:
                if id(found) in seen:
                    continue
                seen.add(id(found))
            yield path, found
            if found.children and (remove_duplicate or not _on_branch(found, above)):
                branch = None if remove_duplicate else (found, above)
                start_of = f"{path}." if path else ""
                waiting += [(start_of + child.name, child, branch) for child in reversed(found.children)]

    def named_parameters(
        self, node: ModuleNode | None = None, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, TensorInfo]]:
        """torch's `named_parameters()`, of a node or the root; without `remove_duplicate` under every path."""
        return self.named_tensors("parameters", node, remove_duplicate=remove_duplicate)

    def named_buffers(
        self, node: ModuleNode | None = None, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, TensorInfo]]:
        """torch's `named_buffers()`, of a node or the root; without `remove_duplicate` under every path."""
        return self.named_tensors("buffers", node, remove_duplicate=remove_duplicate)

    def named_tensors(
        self, group: TensorGroup, node: ModuleNode | None = None, *, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, TensorInfo]]:
        """(path, tensor) of one group of tensors, in torch's order."""
        seen: set[str] = set()
        for path, found in self.modules(node, remove_duplicate=remove_duplicate):
            tensors: tuple[TensorInfo, ...] = getattr(found, group)
            for tensor in tensors:
                if remove_duplicate:
                    first = found.first_path(tensor)
                    if first in seen:
                        continue
                    seen.add(first)
                if path == found.path:
                    yield tensor.name or "", tensor
                else:
                    name = f"{path}.{found.local_name(tensor)}" if path else found.local_name(tensor)
                    yield name, tensor.named(name)

    def to_dict(self, depth: int | None = None) -> dict[str, Any]:
        """The JSON document of `stridescope modules TARGET --json`.

        Args:
            depth: how far below the root nodes are listed; all if None. A node whose children are left out says so.
        """
        return {
            "schema": SCHEMA,
            "kind": "module",
            "root": _nested(self, depth),
            "counts": self.counts.to_dict(),
        }

    def __rich__(self) -> Any:
        # Upwards and late, as for a tensor: rich asks for this by protocol, and only then is drawing code needed.
        from stridescope.render.modules import module_panel

        return module_panel(self)

    def __repr__(self) -> str:
        counts = self.counts
        return (
            f"ModuleTree({self.root.type or 'names'}, {counts.modules} modules, {counts.parameters} parameters, "
            f"{counts.parameter_elements} elements, {counts.buffers} buffers, {counts.nbytes} B)"
        )


_NO_FACTS = ModuleFacts()


def _on_branch(node: ModuleNode, above: _Branch) -> bool:
    while above is not None:
        if above[0] is node:
            return True
        above = above[1]
    return False


def _nested(tree: ModuleTree, depth: int | None) -> dict[str, Any]:
    """NODE of schema stridescope/1."""
    document = _node_dict(tree.root, tree.facts(tree.root))
    waiting = [(tree.root, document, 0)]
    while waiting:
        node, written, level = waiting.pop()
        if depth is not None and level >= depth:
            if node.children:
                written["children_left_out"] = len(node.children)
            continue
        written["children"] = [_node_dict(child, tree.facts(child)) for child in node.children]
        waiting += [(*pair, level + 1) for pair in zip(node.children, written["children"], strict=True)]
    return document


def _node_dict(node: ModuleNode, facts: ModuleFacts) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "name": node.name,
        "path": node.path,
        "type": node.type,
        "class": node.class_name,
        "arguments": facts.arguments,
        "same_as": node.same_as,
        "training": node.training,
        "children": [],
        "parameters": [tensor.to_dict() for tensor in node.parameters],
        "buffers": [tensor.to_dict() for tensor in node.buffers],
    }
    seldom: dict[str, Any] = {
        "states": [tensor.to_dict() for tensor in node.states],
        "tied": dict(node.tied),
        "transient": list(node.transient),
        "hooks": {kind: list(names) for kind, names in facts.hooks},
        "parametrizations": {name: list(classes) for name, classes in facts.parametrizations},
        "notes": list(facts.notes),
    }
    return answer | {field: found for field, found in seldom.items() if found}
