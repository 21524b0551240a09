"""A part of a checkpoint: the tensors whose names, dtypes or shapes have some words, or those of one storage.

Problem: of 100,000 tensors a few are asked for, in the listing, in JSON and on the byte map alike. Method: what remains
is a checkpoint too, whose contents ask those of the whole. Cost: linear in the names; a `TensorInfo` for those alone
whose names do not have all the words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stridescope.records.checkpoints import Checkpoint, Leaf, Placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stridescope.records.checkpoints import StoredBytes

__all__ = ["leaf_name", "narrowed", "storage_mates"]


def narrowed(checkpoint: Checkpoint, text: str) -> Checkpoint:
    """The same checkpoint with those tensors alone that have every word of `text`.

    A word is found in the name (in any case), or is the dtype, the device, or the shape as in "(3,4)".
    """
    words = text.lower().split()
    return _with(checkpoint, {name: None for name in checkpoint if _has_words(checkpoint, name, words)})


def storage_mates(checkpoint: Checkpoint, name: str) -> Checkpoint:
    """The same checkpoint with those tensors alone that lie in one storage with the tensor of a name."""
    own = [set(stored.tensors) for stored in checkpoint.storages if name in map(_outermost(checkpoint), stored.tensors)]
    names = {_outermost(checkpoint)(part) for tensors in own for part in tensors} | {name}
    return _with(checkpoint, {whole: None for whole in checkpoint if whole in names})


def leaf_name(names: Mapping[str, Any], leaf: Leaf, top: str) -> str | None:
    """The name of a leaf in its checkpoint; of one of several files, the file's own name goes before.

    Args:
        top: the key at the top of the nested value under which the leaf stands.
    """
    if leaf.name in names:
        return leaf.name
    return next((name for name in (f"{top}::{leaf.name}", f"{top}.{leaf.name}") if name in names), None)


def _with(checkpoint: Checkpoint, names: Mapping[str, Any]) -> Checkpoint:
    return replace(checkpoint, contents=_Part(checkpoint, names))


def _has_words(checkpoint: Checkpoint, name: str, words: Sequence[str]) -> bool:
    low = name.lower()
    missing = [word for word in words if word not in low]
    if not missing:
        return True
    info = checkpoint[name]
    shape = None if info.shape is None else f"({','.join(map(str, info.shape))})"
    return all(word in (info.dtype, info.device, shape) for word in missing)


def _outermost(names: Mapping[str, Any]) -> Any:
    """A function from the name of an inner tensor to that of the tensor it is of."""

    def outermost(name: str) -> str:
        whole = name
        while whole and whole not in names:
            whole = whole.rpartition(".")[0]
        return whole or name

    return outermost


class _Part:
    """What `CheckpointContents` asks for, of some names."""

    def __init__(self, whole: Checkpoint, names: Mapping[str, Any]) -> None:
        self.names = names
        self.info = whole.part
        self.read = whole.read
        self._whole = whole

    def storages(self) -> tuple[StoredBytes, ...]:
        """Those in which one of the names lies, with all that lies there."""
        outermost = _outermost(self._whole)
        return tuple(
            stored for stored in self._whole.storages if any(outermost(name) in self.names for name in stored.tensors)
        )

    def tree(self) -> Any:
        """The nested value without what was not chosen."""
        return _pruned(self._whole.tree, self.names, "")


def _pruned(value: Any, names: Mapping[str, Any], top: str) -> Any:
    """The value with its chosen tensors alone; None where there is none."""
    if isinstance(value, Leaf):
        return value if leaf_name(names, value, top) is not None else None
    if isinstance(value, Placeholder):
        state, args = _pruned(value.state, names, top), _pruned(list(value.args), names, top)
        return None if state is None and args is None else Placeholder(value.class_name, args or (), state)
    if not isinstance(value, dict | list | tuple):
        return None
    # An item of a list keeps its number, and that makes a dict of what is left.
    items = value.items() if isinstance(value, dict) else ((f"[{place}]", item) for place, item in enumerate(value))
    kept = {key: found for key, item in items if (found := _pruned(item, names, top or str(key))) is not None}
    return kept or None
