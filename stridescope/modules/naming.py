"""The dotted names of a state dict or a checkpoint -> the tree that they come from.

Problem: a checkpoint holds no modules, only names such as "layers.0.attn.weight". Method: each name is split at its
dots; what stands before the last one is a path of nodes, made once each, without a type. All tensors are listed as
parameters, since a file does not say which are buffers. Cost: linear in the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stridescope.errors import UnreadableError
from stridescope.readers import inspect, readable
from stridescope.records.modules import ModuleNode, ModuleTree
from stridescope.records.tensors import TensorInfo

__all__ = ["tree_of_names"]


def tree_of_names(tensors: Mapping[Any, Any]) -> ModuleTree:
    """The tree of some names.

    Args:
        tensors: dotted name to `TensorInfo`, tensor or array. What is none of these is passed over.

    Raises:
        UnreadableError: there is no tensor in it.

    >>> from stridescope.records import TensorInfo
    >>> def info(): return TensorInfo("t", (2,), (1,), 0, "float32", 4, "cpu", False, None)
    >>> tree = tree_of_names({"head.weight": info(), "body.0.weight": info(), "body.0.bias": info()})
    >>> [node.path for node in tree.nodes]
    ['', 'head', 'body', 'body.0']
    """
    held: dict[str, list[TensorInfo]] = {"": []}
    tied: dict[str, list[tuple[str, str]]] = {}
    met: dict[int, str] = {}
    for key, tensor in tensors.items():
        if not (isinstance(tensor, TensorInfo) or readable(tensor)):
            continue
        name = str(key)
        path = name.rpartition(".")[0]
        _make(path, held)
        held[path].append(tensor.named(name) if isinstance(tensor, TensorInfo) else inspect(tensor, name))
        first = met.setdefault(id(tensor), name)
        if first is not name:
            tied.setdefault(path, []).append((name, first))
    if not met:
        raise UnreadableError("there is no tensor in it; needed names of tensors, or a torch.nn.Module")
    below: dict[str, list[ModuleNode]] = {}
    # A path is made before those below it, so from the last to the first, children are there before parents.
    for path in reversed(held):
        parent, _, name = path.rpartition(".")
        node = ModuleNode(
            name,
            path,
            "",
            children=tuple(reversed(below.pop(path, ()))),
            parameters=tuple(held[path]),
            tied=tuple(tied.get(path, ())),
        )
        if path:
            below.setdefault(parent, []).append(node)
    return ModuleTree(node)


def _make(path: str, held: dict[str, list[TensorInfo]]) -> None:
    missing = []
    while path not in held:
        missing.append(path)
        path = path.rpartition(".")[0]
    for made in reversed(missing):
        held[made] = []
