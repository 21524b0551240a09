"""Which rows of a model's tree are visible: what is opened, folded, found, and in which order.

Problem: a tree of 100,000 modules must be opened, searched and scrolled by hand, equal layers must take one row, and
what torch's `children()` and `modules()` give must be seen as a list. Method: the visible rows are one flat list, so
what is on screen is a slice of it. Opening a row puts what is below it behind it, closing cuts that out. A search keeps
the rows that were found and those above them, all open. Rows are known by a key of their path, so that what is opened
outlives a later reading of the model.

Cost: opening and closing are linear in the rows that come and go, a search in what it found; nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stridescope.records.modules import ModuleNode, ModuleTree
    from stridescope.records.tensors import TensorInfo

__all__ = ["Found", "Item", "Key", "Kind", "Outline", "Run", "Runs", "View"]

Kind = Literal["module", "layers", "tensor"]
View = Literal["tree", "children", "modules"]
Key: TypeAlias = "tuple[Kind, str]"
"""(kind, path); "layers" is a run of equal layers, by the path of its first."""
Run: TypeAlias = "tuple[ModuleNode, ...]"
Runs: TypeAlias = "Callable[[ModuleNode], Sequence[Run]]"
"""The children of a module, those that are alike together."""
Found: TypeAlias = "tuple[ModuleNode, TensorInfo | None]"
"""A module, or a tensor of one."""


class Item(NamedTuple):
    """One row.

    Attributes:
        level: how far it is indented.
        kind: a module, a run of equal layers, or a tensor.
        run: the modules it stands for; of a tensor the one that holds it.
        tensor: the tensor.
        name: what it is called in its row.
        number: its place in a list, counted from 0; -1 in a tree.
    """

    level: int
    kind: Kind
    run: Run
    tensor: TensorInfo | None = None
    name: str = ""
    number: int = -1

    @property
    def node(self) -> ModuleNode:
        """The module, the first of a run."""
        return self.run[0]

    @property
    def path(self) -> str:
        """Of the module or tensor."""
        return self.run[0].path if self.tensor is None else self.tensor.name or ""

    @property
    def key(self) -> Key:
        """What it is known by."""
        return (self.kind, self.path)


class Outline:
    """The visible rows of one tree.

    Args:
        tree: the tree.
        runs: which children go together; each stays alone if None.
        opened: the keys of what is open; the root's if None.

    Attributes:
        items: the visible rows, from the top.
        opened: the keys of what is open while nothing is searched.
        view: the tree, or what `children()` or `modules()` of `base` gives.
        base: the module that a list is of.
        found: the keys of what a search found; None without a search.
        left_out: in a list, how many names torch's walk passes over, since it gives each module once.

    >>> from stridescope.records.modules import ModuleNode, ModuleTree
    >>> tree = ModuleTree(ModuleNode("", "", "Net", children=(ModuleNode("fc", "fc", "Linear"),)))
    >>> outline = Outline(tree)
    >>> [(item.level, item.node.type) for item in outline.items]
    [(0, 'Net'), (1, 'Linear')]
    >>> outline.close(0); len(outline.items)
    1
    """

    def __init__(self, tree: ModuleTree, runs: Runs | None = None, opened: Iterable[Key] | None = None) -> None:
        self.tree = tree
        self.opened: set[Key] = {("module", tree.root.path)} if opened is None else set(opened)
        self.view: View = "tree"
        self.base = tree.root
        self.found: set[Key] | None = None
        self.left_out = 0
        self.items: list[Item] = []
        self._runs: Runs = _alone if runs is None else runs
        self._kept: set[Key] = set()
        self._above: set[Key] = set()
        self._opened_found: set[Key] = set()
        self.lay()

    # ---------------------------------------------------------------------------------------------------- what there is

    @property
    def folding(self) -> bool:
        """Whether equal layers may take one row."""
        return self._runs is not _alone

    def fold(self, runs: Runs | None) -> None:
        """Fold equal layers, or with None do not."""
        self._runs = _alone if runs is None else runs
        self.lay()

    def is_open(self, item: Item) -> bool:
        """Whether what is below a row is shown."""
        return item.key in self._open

    def has_below(self, item: Item) -> bool:
        """Whether there is anything below a row."""
        if item.kind == "tensor" or self.view != "tree":
            return False
        if self.found is not None:
            return item.key in self._above
        return item.kind == "layers" or bool(item.node.children or item.node.tensors)

    def below(self, item: Item) -> list[Item]:
        """The rows directly below a row: tensors, then modules; of a run its members."""
        if not self.has_below(item):
            return []
        level = item.level + 1
        if item.kind == "layers":
            return [Item(level, "module", (node,), None, node.name) for node in item.run]
        node = item.node
        rows = [Item(level, "tensor", (node,), tensor, node.local_name(tensor)) for tensor in node.tensors]
        runs = _alone(node) if self.found is not None else self._runs(node)
        rows += [
            Item(level, "module", run, None, run[0].name)
            if len(run) == 1
            else Item(level, "layers", run, None, f"{run[0].name}-{run[-1].name}")
            for run in runs
        ]
        return rows if self.found is None else [row for row in rows if row.key in self._kept]

    @property
    def _open(self) -> set[Key]:
        return self.opened if self.found is None else self._opened_found

    def lay(self) -> None:
        """Make all rows anew."""
        self.items = self._listed() if self.view != "tree" else self._spread(self._root(), self._open)

    def _root(self) -> list[Item]:
        root = self.tree.root
        if self.found is not None and ("module", root.path) not in self._kept:
            return []
        return [Item(0, "module", (root,), None, root.name)]

    def _spread(self, start: list[Item], opened: set[Key]) -> list[Item]:
        """Rows, each with all that is open below it."""
        rows: list[Item] = []
        waiting = start[::-1]
        while waiting:
            item = waiting.pop()
            rows.append(item)
            if item.key in opened:
                waiting += self.below(item)[::-1]
        return rows

    def _listed(self) -> list[Item]:
        if self.view == "children":
            held = len(self.tree.original(self.base).children)
            pairs = self.tree.children(self.base)
            self.left_out = held - len(pairs)
        else:
            pairs = list(self.tree.modules(self.base))
            self.left_out = 0
        rows = [
            Item(0, "module", (node,), None, name if name and node is not self.base else "(itself)", number)
            for number, (name, node) in enumerate(pairs)
        ]
        found = self.found
        return rows if found is None else [row for row in rows if _is_found(row.node, found)]

    # -------------------------------------------------------------------------------------------------- open and close

    def open(self, place: int) -> None:
        """Show what is below a row."""
        item = self.items[place]
        if self.has_below(item) and not self.is_open(item):
            self._open.add(item.key)
            self.items[place + 1 : place + 1] = self._spread(self.below(item), self._open)

    def close(self, place: int) -> None:
        """Hide what is below a row; what was open in there will be again."""
        item = self.items[place]
        if self.is_open(item):
            self._open.discard(item.key)
            del self.items[place + 1 : self.end_of(place)]

    def open_below(self, place: int) -> None:
        """Show all that is below a row, of equal layers the first."""
        waiting = [self.items[place]]
        while waiting:
            item = waiting.pop()
            if self.has_below(item):
                self._open.add(item.key)
                rows = self.below(item)
                waiting += rows[:1] if item.kind == "layers" else rows
        self.items[place : self.end_of(place)] = self._spread([self.items[place]], self._open)

    def close_below(self, place: int) -> None:
        """Hide all that is below a row, and forget what was open there; of the root its own rows stay."""
        stop = self.end_of(place)
        waiting = self.items[place:stop]
        while waiting:
            item = waiting.pop()
            if item.key in self._open:
                self._open.discard(item.key)
                waiting += self.below(item)
        del self.items[place + 1 : stop]
        if self.items[place].level == 0:
            self.open(place)

    def open_levels(self, rows: int) -> None:
        """Open level after level, as long as there are no more than `rows` rows; runs stay folded."""
        level, total = self.items, len(self.items)
        while level:
            closed = [item for item in level if item.kind != "layers" and not self.is_open(item)]
            new = [row for item in closed for row in self.below(item)]
            if total + len(new) > rows:
                break
            self._open.update(item.key for item in closed if self.has_below(item))
            level, total = (
                [row for item in level if item.kind != "layers" for row in self.below(item)],
                total + len(new),
            )
        self.lay()

    def end_of(self, place: int) -> int:
        """The place behind a row and all that is shown below it."""
        level, stop = self.items[place].level, place + 1
        while stop < len(self.items) and self.items[stop].level > level:
            stop += 1
        return stop

    def parent_of(self, place: int) -> int | None:
        """The place of the row that a row is below; None at the top."""
        level = self.items[place].level
        return next((above for above in range(place - 1, -1, -1) if self.items[above].level < level), None)

    # ------------------------------------------------------------------------------------------------- find and reveal

    def show(self, view: View, base: ModuleNode | None = None) -> None:
        """Show the tree, or what `children()` or `modules()` of a module gives."""
        self.view = view
        self.base = self.tree.original(self.tree.root if base is None else base)
        self.lay()

    def only(self, found: Iterable[Found] | None) -> None:
        """Show what was found and what it is below; all rows for None."""
        if found is None:
            self.found = None
            self._kept, self._above, self._opened_found = set(), set(), set()
        else:
            self.found, self._kept, self._above = set(), set(), set()
            for node, tensor in found:
                key: Key = ("module", node.path) if tensor is None else ("tensor", tensor.name or "")
                self.found.add(key)
                self._keep(key, node if tensor is not None else self._parents.get(node.path))
            self._opened_found = set(self._above)
        self.lay()

    def _keep(self, key: Key, above: ModuleNode | None) -> None:
        self._kept.add(key)
        while above is not None:
            key = ("module", above.path)
            if key in self._above:
                return
            self._above.add(key)
            self._kept.add(key)
            above = self._parents.get(above.path)

    def place_of(self, key: Key) -> int | None:
        """Where a row is; None where it is not shown."""
        kind, path = key
        for place, item in enumerate(self.items):
            if item.kind == kind and item.path == path:
                return place
        return None

    def reveal(self, key: Key) -> int | None:
        """Open what a row is below, and say where it is; None where there is no such row."""
        place = self.place_of(key)
        if place is not None or self.view != "tree":
            return place
        kind, path = key
        node = self._holders.get(path) if kind == "tensor" else self.tree.by_path.get(path)
        if node is None:
            return None
        if kind != "module":
            self._open.add(("module", node.path))
        while (above := self._parents.get(node.path)) is not None:
            self._open.add(("module", above.path))
            if self.found is None and self.folding:
                self._open.update(
                    ("layers", run[0].path)
                    for run in self._runs(above)
                    if len(run) > 1 and any(member is node for member in run)
                )
            node = above
        self.lay()
        return self.place_of(key)

    @cached_property
    def order(self) -> dict[Key, int]:
        """Every module and tensor in torch's order; linear in the tree, once."""
        keys: list[Key] = []
        for node in self.tree.nodes:
            keys.append(("module", node.path))
            keys += [("tensor", tensor.name or "") for tensor in node.tensors]
        return {key: number for number, key in enumerate(keys)}

    @cached_property
    def _parents(self) -> dict[str, ModuleNode]:
        return {child.path: node for node in self.tree.nodes for child in node.children}

    @cached_property
    def _holders(self) -> dict[str, ModuleNode]:
        return {tensor.name or "": node for node in self.tree.nodes for tensor in node.tensors}


def _is_found(node: ModuleNode, found: set[Key]) -> bool:
    """Whether a module was found, or a tensor of its own."""
    return ("module", node.path) in found or any(("tensor", tensor.name or "") in found for tensor in node.tensors)


def _alone(node: ModuleNode) -> Sequence[Run]:
    return [(child,) for child in node.children]
