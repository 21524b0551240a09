"""Siblings that repeat one another, so that 80 equal layers take one line.

Problem: a drawing of a large model is mostly one block drawn again and again. Method: what a node looks like from
outside, its type, arguments, tensors and children, is numbered from the leaves up: two nodes get one number exactly
when they look alike. Neighbours of one number are a run. Cost: linear in the tree.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from stridescope.records.modules import ModuleNode, ModuleTree

if TYPE_CHECKING:
    from stridescope.records.tensors import TensorInfo

__all__ = ["Run", "looks", "runs"]

Run = tuple[ModuleNode, ...]
"""Neighbours that look alike; mostly one alone."""


def looks(tree: ModuleTree, depth: int | None = None) -> dict[str, int]:
    """A number for each node, by path, equal for nodes that look alike with all below them.

    What is shared with another part of the model looks like nothing else.

    Args:
        depth: how far below the root nodes are told apart by their arguments, which must be asked for.
    """
    numbers: dict[object, int] = {}
    found: dict[str, int] = {}
    levels = _levels(tree)
    elsewhere = {first for node in tree.nodes for _, first in node.tied}
    elsewhere |= {node.same_as for node in tree.nodes if node.same_as is not None}
    for node in reversed(tree.nodes):
        asked = depth is None or levels[node.path] <= depth
        facts = tree.facts(node) if asked else None
        look = (
            node.type,
            facts,
            node.training,
            node.same_as,
            node.tied,
            tuple(name for name in (node.path, *(t.name or "" for t in node.tensors)) if name in elsewhere),
            tuple(_look(node, tensor) for tensor in node.tensors),
            tuple((child.name, found[child.path]) for child in node.children),
        )
        found[node.path] = numbers.setdefault(look, len(numbers))
    return found


def runs(children: tuple[ModuleNode, ...], found: dict[str, int]) -> list[Run]:
    """The children as runs of neighbours that look alike; those told by name rather than number stay alone."""
    keyed = groupby(children, key=lambda child: (found[child.path], "" if child.name.isdecimal() else child.name))
    return [tuple(run) for _, run in keyed]


def _look(node: ModuleNode, tensor: TensorInfo) -> object:
    return (
        node.local_name(tensor),
        tensor.type,
        tensor.shape,
        tensor.stride,
        tensor.storage_offset,
        tensor.dtype,
        tensor.device,
        tensor.requires_grad,
        tensor.name in node.transient,
    )


def _levels(tree: ModuleTree) -> dict[str, int]:
    levels = {tree.root.path: 0}
    for node in tree.nodes:
        levels |= {child.path: levels[node.path] + 1 for child in node.children}
    return levels
