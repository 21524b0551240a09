"""Where the reader stands in a model, and what keys and the mouse make of that.

Problem: one row is marked while rows open, close, fold, are searched, and the model is read anew. Method: an `Outline`
has the rows; here is the number of the marked one, which follows its key wherever that goes. Every key is one method,
none of which draws. Cost: that of the outline's method.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from typing import TYPE_CHECKING

from stridescope.modules.folding import runs
from stridescope.scene.module_rows import Known, Standing
from stridescope.scene.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.modules.finding import Finder
    from stridescope.records.modules import ModuleNode, ModuleTree
    from stridescope.scene.outline import Item, Key, Run, View
    from stridescope.tui.modules.reading import Learned, Read

__all__ = ["VIEWS", "Browser"]

VIEWS: tuple[View, ...] = ("tree", "children", "modules")


class Browser:
    """The standing of one Modules screen.

    Attributes:
        outline: the rows; None until the model is read.
        known: what rows are told from.
        place: the number of the marked row.
        query: what is searched.
        matches: the keys of what was found last, in torch's order; kept when all rows are shown again.
        changed: the keys of what changed since the reading before.
        changes: how many changes there were; None before the model was read a second time.
    """

    def __init__(self) -> None:
        self.outline: Outline | None = None
        self.known: Known | None = None
        self.place = 0
        self.query = ""
        self.matches: tuple[Key, ...] = ()
        self.changed: tuple[Key, ...] = ()
        self.changes: int | None = None
        self._finder: Finder | None = None
        self._read: Read | None = None
        self._folding = True
        self._direct: dict[str, int] = {}

    # --------------------------------------------------------------------------------------------------- what is known

    @property
    def tree(self) -> ModuleTree | None:
        """The tree."""
        return None if self._read is None else self._read.tree

    @property
    def items(self) -> Sequence[Item]:
        """The visible rows."""
        return () if self.outline is None else self.outline.items

    @property
    def item(self) -> Item | None:
        """The marked row."""
        return self.items[self.place] if self.place < len(self.items) else None

    @property
    def view(self) -> View:
        """The tree, or a list."""
        return "tree" if self.outline is None else self.outline.view

    @property
    def base(self) -> ModuleNode | None:
        """The module that `children()` and `modules()` are asked of: the marked one, in a list the list's own."""
        if self.outline is None:
            return None
        item = self.item
        return self.outline.base if self.view != "tree" or item is None else self.outline.tree.original(item.node)

    def standing(self, place: int, *, ascii: bool) -> Standing:
        """How a row is shown."""
        outline, item = self.outline, self.items[place]
        if outline is None:
            return Standing(ascii=ascii)
        opened = outline.is_open(item) if outline.has_below(item) else None
        context = outline.found is not None and item.key not in outline.found
        return Standing(opened, place == self.place, context, ascii)

    def direct(self, node: ModuleNode) -> int:
        """How many modules `children()` gives."""
        tree = self.tree
        if tree is None:
            return 0
        found = self._direct.get(node.path)
        if found is None:
            found = self._direct[node.path] = len(tree.children(node))
        return found

    def load(self, found: Read, rows: int) -> None:
        """Show a tree: opened as the one before was, or as far as `rows` rows go."""
        before, item, base = self.outline, self.item, self.outline.base if self.outline is not None else None
        self._read, self._finder, self._direct = found, None, {}
        self.known = Known(found.tree)
        self.changed, self.changes, self.matches = (), None, ()
        self.outline = Outline(found.tree, self._runs, None if before is None else before.opened)
        if before is None:
            self.outline.open_levels(rows)
            return
        if before.view != "tree" and base is not None:
            self.outline.show(before.view, found.tree.by_path.get(base.path))
        self._mark_nearest(item)

    def learn(self, found: Learned, *, again: bool) -> None:
        """Know counts, what is shared and what changed."""
        self.known = found.known
        self.changed = found.changed
        self.changes = found.number if again else None

    def search_with(self, finder: Finder) -> None:
        """What searches this tree is there: search what waits for it."""
        self._finder = finder
        if self.query:
            self.search(self.query)

    @property
    def _runs(self) -> partial[list[Run]] | None:
        return partial(_folded, self._read.folds) if self._read is not None and self._folding else None

    def _mark_nearest(self, item: Item | None) -> None:
        """Mark the row that has the key of another tree's row, or what it was in."""
        outline, path = self.outline, "" if item is None else item.path
        if outline is None or item is None:
            self.place = 0
            return
        place = outline.reveal(item.key)
        while place is None and path:
            path = path.rpartition(".")[0]
            place = outline.reveal(("module", path))
        self.place = 0 if place is None else place

    def _shown(self, path: str) -> int:
        """The place of the last row that stands for a path, or for what it is in."""
        above = {path[:end] for end, char in enumerate(path) if char == "."} | {"", path}
        standing = (
            place
            for place, item in enumerate(self.items)
            if item.path in above or (len(item.run) > 1 and any(node.path in above for node in item.run))
        )
        return max(standing, default=0)

    # --------------------------------------------------------------------------------------------------------- marking

    def mark(self, place: int) -> None:
        """Mark a row."""
        self.place = max(min(place, len(self.items) - 1), 0)

    def go(self, key: Key) -> bool:
        """Mark what has a key, whatever it is below; whether there is such a row."""
        outline = self.outline
        if outline is None:
            return False
        if outline.view != "tree":
            outline.show("tree")
        if outline.found is not None and outline.place_of(key) is None:
            self.unsearch()
        place = outline.reveal(key)
        if place is not None:
            self.place = place
        return place is not None

    # ------------------------------------------------------------------------------------------------- open and close

    def toggle(self) -> None:
        """Open the marked row, or close it."""
        outline, item = self.outline, self.item
        if outline is None or item is None:
            return
        if outline.view != "tree":
            self._enter(item.node)
        elif outline.is_open(item):
            outline.close(self.place)
        else:
            outline.open(self.place)

    def right(self) -> None:
        """Open the marked row; of an open one mark the first below."""
        outline, item = self.outline, self.item
        if outline is None or item is None:
            return
        if outline.view != "tree":
            self._enter(item.node)
        elif outline.has_below(item) and outline.is_open(item):
            self.mark(self.place + 1)
        else:
            outline.open(self.place)

    def left(self) -> None:
        """Close the marked row; of a closed one mark what it is below; of a list show that of the module above."""
        outline, item = self.outline, self.item
        if outline is None:
            return
        if outline.view != "tree":
            here = outline.base
            above = outline.tree.by_path.get(here.path.rpartition(".")[0]) if here.path else None
            if above is not None:
                self._enter(above)
                self.mark(outline.place_of(("module", here.path)) or 0)
        elif item is not None and outline.has_below(item) and outline.is_open(item):
            outline.close(self.place)
        elif item is not None:
            above_it = outline.parent_of(self.place)
            self.place = self.place if above_it is None else above_it

    def open_below(self) -> None:
        """Open all that is below the marked row."""
        if self.outline is not None and self.item is not None:
            self.outline.open_below(self.place)

    def close_below(self) -> None:
        """Close all that is below the marked row."""
        if self.outline is not None and self.item is not None:
            self.outline.close_below(self.place)

    def fold(self) -> bool:
        """Fold equal layers, or show each; which of the two it is now."""
        self._folding = not self._folding
        if self.outline is not None:
            item = self.item
            self.outline.fold(self._runs)
            self.place = 0 if item is None else self._shown(item.path)
        return self._folding

    def show(self, view: View) -> None:
        """The tree, or what `children()` or `modules()` of the marked module gives."""
        outline, base, item = self.outline, self.base, self.item
        if outline is None or base is None or view == outline.view:
            return
        if view == "tree":
            outline.show(view)
            self._mark_nearest(item if outline.items else None)
        else:
            outline.show(view, base)
            self.place = 0

    def _enter(self, node: ModuleNode) -> None:
        if self.outline is not None:
            self.outline.show(self.outline.view, node)
            self.place = 0

    # ---------------------------------------------------------------------------------------------------------- search

    def search(self, query: str) -> bool:
        """Show what a query means; whether what searches is there yet."""
        self.query = query
        outline, tree = self.outline, self.tree
        if outline is None or tree is None or self._finder is None:
            return False
        if not query.strip():
            self.unsearch()
            return True
        found = self._finder.find(query)
        self.matches = tuple(("module", row.node.path) if row.tensor is None else ("tensor", row.path) for row in found)
        item = self.item
        outline.only(found)
        place = None if item is None else outline.place_of(item.key)
        if place is None or not self._is_match(place):
            place = next((number for number in range(len(self.items)) if self._is_match(number)), 0)
        self.place = place
        return True

    def unsearch(self) -> None:
        """Show all rows again; the marked one stays, and what was found can still be gone through."""
        self.query = ""
        if self.outline is not None and self.outline.found is not None:
            item = self.item
            self.outline.only(None)
            self._mark_nearest(item)

    def step(self, keys: Sequence[Key], by: int) -> bool:
        """Mark the next of some rows, or the one before, in torch's order and round; whether there is one."""
        outline, item = self.outline, self.item
        if outline is None or not keys:
            return False
        if outline.view != "tree":
            return self._step_listed(frozenset(keys), by)
        order = outline.order
        numbers = sorted(order[key] for key in keys if key in order)
        by_number = {order[key]: key for key in keys if key in order}
        if not numbers:
            return False
        here = -1 if item is None else order.get(("tensor" if item.kind == "tensor" else "module", item.path), -1)
        place = bisect_right(numbers, here) if by > 0 else bisect_left(numbers, here) - 1
        return self.go(by_number[numbers[place % len(numbers)]])

    def _step_listed(self, keys: frozenset[Key], by: int) -> bool:
        places = [place for place, item in enumerate(self.items) if item.key in keys]
        if not places:
            return False
        place = bisect_right(places, self.place) if by > 0 else bisect_left(places, self.place) - 1
        self.place = places[place % len(places)]
        return True

    @property
    def has_twin(self) -> bool:
        """Whether another path shares the marked row's memory."""
        return self.item is not None and self.known is not None and self.item.path in self.known.mates

    def twin(self) -> bool:
        """Mark the next path that shares the marked row's memory; whether there is one."""
        item, known = self.item, self.known
        mate = None if item is None or known is None else known.mates.get(item.path)
        if item is None or mate is None:
            return False
        names = mate.names
        following = names[(names.index(item.path) + 1) % len(names)]
        return self.go(("module" if item.tensor is None else "tensor", following))

    def _is_match(self, place: int) -> bool:
        outline = self.outline
        return outline is not None and outline.found is not None and self.items[place].key in outline.found

    @property
    def needs_finder(self) -> bool:
        """Whether what searches this tree has still to be made."""
        return self._finder is None


def _folded(folds: dict[str, int], node: ModuleNode) -> list[Run]:
    return runs(node.children, folds)
