"""A checkpoint as the rows of a nested table: containers, tensors and plain values, as deep as is asked.

Problem: what was saved is dicts in lists in objects, or 2,000 dotted names in one dict, and is to be read as a tree in
either case; and a list of a million numbers must not drown it. Method: dotted names of tensors are nodes inside nodes;
a chain of nodes with one child each is one row. A container without tensors is one row if that says all of it, else so
many of its items. Bytes and counts are summed upwards while the tree is made; a `TensorInfo` is made for each tensor
once, for these sums, and not kept.

Cost: linear in the tensors, about 5 us each.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.records.checkpoint_parts import leaf_name
from stridescope.records.checkpoints import Leaf, Placeholder, SameAs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stridescope.records.checkpoints import Checkpoint
    from stridescope.records.tensors import TensorInfo

__all__ = ["CheckpointRow", "CheckpointRows", "checkpoint_rows", "value_text"]

DOTS = 31
"""Of a name, how many split it."""

VALUE_WIDTH = 60
ITEMS = 12
"""Of a long container without tensors, the items that are rows."""

BARREN_LEVELS = 3
"""Levels of containers without tensors that have rows of their own."""


class CheckpointRow(NamedTuple):
    """One row.

    Attributes:
        level: how deep it stands, from 0.
        label: what it is called there.
        name: of a tensor, its name in the checkpoint, or `name.part`.
        text: what a container is, or a value.
        tensors, nbytes: in it and below it; bytes of a dense copy.
        folded: whether what is below it is left out.
    """

    level: int
    label: str
    name: str | None = None
    text: str = ""
    tensors: int = 0
    nbytes: int = 0
    folded: bool = False


class CheckpointRows(NamedTuple):
    """All rows, and sums over the tensors.

    Attributes:
        rows: in the order of the file.
        held: id of a storage -> its bytes.
        shared: ids of storages that several tensors lie in, in the order of the file.
        dtypes, devices: bytes of tensors by each.
    """

    rows: list[CheckpointRow]
    held: dict[str, int]
    shared: list[str]
    dtypes: Counter[str]
    devices: Counter[str]


class _Node:
    """A container, a stretch of a name, a tensor, a value."""

    __slots__ = ("children", "label", "name", "nbytes", "parts", "tensors", "text")

    def __init__(self, label: str, text: str = "") -> None:
        self.label = label
        self.text = text
        self.children: dict[str, _Node] = {}
        self.name: str | None = None
        self.parts: tuple[tuple[str, TensorInfo], ...] = ()
        self.tensors = 0
        self.nbytes = 0


def checkpoint_rows(checkpoint: Checkpoint, depth: int | None = None, *, flat: bool = False) -> CheckpointRows:
    """The rows of a checkpoint.

    Args:
        depth: how many levels there are rows for; None for all.
        flat: one row for each tensor, under its whole name, and for nothing else.
    """
    maker = _Maker(checkpoint)
    if flat:
        for name in checkpoint:
            maker.tensor(maker.root, name, name or '""')
    else:
        maker.fill(maker.root, checkpoint.tree, "")
    rows = list(_rows(maker.root, depth))
    several = [storage for storage, number in maker.storages.items() if number > 1]
    return CheckpointRows(rows, maker.held, several, maker.dtypes, maker.devices)


class _Maker:
    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.root = _Node("")
        self.fertile: dict[int, bool] = {}
        self.storages: Counter[str] = Counter()
        self.held: dict[str, int] = {}
        self.dtypes: Counter[str] = Counter()
        self.devices: Counter[str] = Counter()

    def fill(self, node: _Node, value: Any, top: str) -> None:
        """Give a node what a value holds."""
        if not self.has_tensors(value):
            _barren(node, value, BARREN_LEVELS)
            return
        if isinstance(value, Leaf):
            name = leaf_name(self.checkpoint.contents.names, value, top)
            if name is not None:
                self.tensor(node, name, value.name if node is self.root else "")
            return
        items, word = _items(value)
        # A dict is what a tree is made of, and needs no name.
        node.text = "" if isinstance(value, dict) else word
        for label, item in items:
            inner = top or label
            if isinstance(item, Leaf) and isinstance(value, dict):
                name = leaf_name(self.checkpoint.contents.names, item, inner)
                if name is not None:
                    steps = label.split(".", DOTS)
                    self.tensor(node, name, *(steps if all(steps) else [label or name or '""']))
            elif self.has_tensors(item) or not _is_private(value, label):
                child = node.children.get(label)
                if child is None:
                    child = node.children[label] = _Node(label)
                held = child.tensors, child.nbytes
                self.fill(child, item, inner)
                node.tensors += child.tensors - held[0]
                node.nbytes += child.nbytes - held[1]

    def has_tensors(self, value: Any) -> bool:
        """Whether there is a tensor somewhere in a value."""
        if isinstance(value, Leaf):
            return True
        if not isinstance(value, dict | list | tuple | Placeholder):
            return False
        found = self.fertile.get(id(value))
        if found is None:
            parts = (value.args, value.state) if isinstance(value, Placeholder) else value
            found = any(map(self.has_tensors, parts.values() if isinstance(parts, dict) else parts))
            self.fertile[id(value)] = found
        return found

    def tensor(self, node: _Node, name: str, *path: str) -> None:
        """Put a tensor below a node."""
        info = self.checkpoint[name]
        nbytes = info.nbytes or 0
        self._count(info, nbytes)
        for label in path:
            if label:
                node.tensors += 1
                node.nbytes += nbytes
                below = node.children.get(label)
                if below is None:
                    below = node.children[label] = _Node(label)
                node = below
        node.tensors += 1
        node.nbytes += nbytes
        if node.name is not None:
            # Keys that are written alike, such as 0 and "[0]": no tensor may go without a row.
            node = self.root.children.setdefault(name, _Node(name))
        node.name, node.parts = name, info.parts

    def _count(self, info: TensorInfo, nbytes: int) -> None:
        self.dtypes[info.dtype or "?"] += nbytes
        self.devices[info.device or "?"] += nbytes
        infos = [info] if info.storage is not None else [part for _, part in info.parts]
        for one in infos:
            if one.storage is not None:
                storage = one.storage.memory[0]
                self.storages[storage] += 1
                self.held[storage] = max(self.held.get(storage, 0), one.storage.nbytes or 0)


def _items(value: Any) -> tuple[Iterator[tuple[str, Any]], str]:
    """(the labelled parts of a container, what it is); no parts for what is none."""
    if isinstance(value, dict):
        items = ((key if isinstance(key, str) else f"[{value_text(key)}]", item) for key, item in value.items())
        return items, f"dict of {len(value):,}"
    if isinstance(value, list | tuple):
        word = f"{type(value).__name__} of {len(value):,}"
        return ((f"[{place}]", item) for place, item in enumerate(value)), word
    if isinstance(value, Placeholder):
        args = [(f"({place})", item) for place, item in enumerate(value.args)]
        state = [] if value.state is None else list(_items(value.state)[0]) or [("state", value.state)]
        if isinstance(value.state, dict) and not value.state:
            state = []
        return iter([*args, *state]), value.class_name
    return iter(()), ""


def _is_private(value: Any, label: str) -> bool:
    """What objects keep for themselves: the empty hooks of a module, the versions of a state dict."""
    return label == "__dict__" or (isinstance(value, Placeholder) and label.startswith("_"))


def _barren(node: _Node, value: Any, levels: int) -> None:
    """A container without tensors, or a value: one row where that says it all, or where it stands too deep."""
    text, whole = _written(value, 3)
    items, word = _items(value)
    if (whole and len(text) <= VALUE_WIDTH) or not word or not levels:
        node.text = text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 1]}…"
        return
    node.text = word
    for label, item in islice(items, ITEMS):
        child = node.children[label] = _Node(label)
        _barren(child, item, levels - 1)
    more = sum(1 for _ in items)
    if more:
        node.children["…"] = _Node("…", f"{more:,} more")


def _rows(root: _Node, depth: int | None) -> Iterator[CheckpointRow]:
    start = 0
    if root.text:
        # What was saved is no dict: it has a row of its own.
        yield CheckpointRow(0, "(all)", None, root.text, root.tensors, root.nbytes)
        start = 1
    waiting = [(start, child) for child in reversed(root.children.values())]
    while waiting:
        level, node = waiting.pop()
        label = node.label
        while len(node.children) == 1 and node.name is None and not node.text:
            (node,) = node.children.values()
            label += node.label if node.label.startswith(("[", "(")) else f".{node.label}"
        folded = depth is not None and level + 1 >= depth and bool(node.children)
        yield CheckpointRow(level, label, node.name, node.text, node.tensors, node.nbytes, folded)
        if not folded:
            waiting += [(level + 1, child) for child in reversed(node.children.values())]
            for part, info in node.parts if depth is None or level + 1 < depth else ():
                yield CheckpointRow(level + 1, part, f"{node.name}.{part}", "", 0, info.nbytes or 0)


def value_text(value: Any) -> str:
    """A plain value as Python writes it, cut where it goes on and on.

    >>> value_text({"lr": 0.1, "betas": (0.9, 0.999)}), value_text(Placeholder("a.B", (1,)))
    ("{'lr': 0.1, 'betas': (0.9, 0.999)}", 'a.B(1)')
    """
    return _written(value, 3)[0]


def _written(value: Any, depth: int) -> tuple[str, bool]:
    """(text, whether it says all)."""
    if isinstance(value, str | bytes):
        return (repr(value), True) if len(value) <= VALUE_WIDTH else (f"{value[: VALUE_WIDTH // 2]!r}…", False)
    if isinstance(value, SameAs):
        return f"({value.what})", True
    if isinstance(value, Leaf):
        return f"<{value.name}>", True
    if isinstance(value, Placeholder):
        return _placeholder(value, depth)
    if isinstance(value, dict):
        some = islice(value.items(), ITEMS * (depth > 0))
        pairs = [(_written(key, 1), _written(item, depth - 1)) for key, item in some]
        parts = [f"{key[0]}: {item[0]}" for key, item in pairs]
        return _enclosed("{}", parts, len(value), all(item[1] for _, item in pairs))
    if isinstance(value, list | tuple):
        found = [_written(item, depth - 1) for item in value[: ITEMS * (depth > 0)]]
        comma = "," * (isinstance(value, tuple) and len(value) == 1)
        brackets = "[]" if isinstance(value, list) else ("(", f"{comma})")
        return _enclosed(brackets, [text for text, _ in found], len(value), all(whole for _, whole in found))
    text = repr(value)
    return (text, True) if len(text) <= VALUE_WIDTH else (f"{text[: VALUE_WIDTH - 1]}…", False)


def _placeholder(value: Placeholder, depth: int) -> tuple[str, bool]:
    if not value.args and not value.state:
        return value.class_name, True
    found = [_written(item, depth - 1) for item in value.args[: ITEMS * (depth > 0)]]
    text, whole = _enclosed("()", [text for text, _ in found], len(value.args), all(whole for _, whole in found))
    return value.class_name + text, whole and not value.state


def _enclosed(brackets: Any, parts: list[str], total: int, whole: bool) -> tuple[str, bool]:
    cut = len(parts) < total
    return f"{brackets[0]}{', '.join([*parts, *['…'] * cut])}{brackets[1]}", whole and not cut
