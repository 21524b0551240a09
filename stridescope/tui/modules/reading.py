"""A model read, counted, compared and made ready to be searched, out of the way of the screen.

Problem: 100,000 modules take seconds to read, and the screen must be there at once and answer keys meanwhile; a small
model must be there with the first paint. Method: stages, each of which is told of as it is done: the tree, what is
counted over all of it, what searches it. A small model's are done at once, a large one's in a thread. Cost: linear in
the modules and tensors; each module is asked once for its `extra_repr`, to find the layers that are alike.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.modules.changes import changes
from stridescope.modules.finding import Finder
from stridescope.modules.folding import looks
from stridescope.modules.reading import modules
from stridescope.modules.sharing import sharing
from stridescope.records.modules import ModuleTree
from stridescope.scene.module_rows import Known, Mate

if TYPE_CHECKING:
    from stridescope.modules.sharing import Shared
    from stridescope.scene.outline import Key

__all__ = ["Learned", "Read", "Reader", "is_small", "learn", "read"]

SMALL = 1000
"""Modules, or names, that are read while the screen waits: some 30 ms."""

_MATES = {
    "module": "also",
    "tied": "tied to",
    "tiles": "tiles one storage with",
    "apart": "in one storage with",
    "view": "shares memory with",
    "interleaved": "interleaves with",
    "overlap": "overlaps",
    "undecided": "in one storage with",
}
"""A kind of sharing -> what stands before the names of the others."""


class Read(NamedTuple):
    """The first stage.

    Attributes:
        tree: the tree.
        folds: a number for each path, equal for modules that look alike.
    """

    tree: ModuleTree
    folds: dict[str, int]


class Learned(NamedTuple):
    """The second stage.

    Attributes:
        known: what rows are told from.
        changed: the keys of what changed since the reading before and is still there.
        number: of changes, what is gone among them.
    """

    known: Known
    changed: tuple[Key, ...] = ()
    number: int = 0


def is_small(model: Any, most: int = SMALL) -> bool:
    """Whether a model is read before anybody could notice; looks at no more than `most` modules."""
    if isinstance(model, Mapping):
        return len(model) <= most
    if isinstance(model, ModuleTree):
        return all(number < most for number, _ in enumerate(model.root.below()))
    waiting, seen = [model], set()
    while waiting:
        module = waiting.pop()
        if module is None or id(module) in seen:
            continue
        seen.add(id(module))
        if len(seen) > most:
            return False
        # A scripted module keeps them in a mapping of its own, which answers items() alone.
        waiting += [child for _, child in (vars(module).get("_modules") or {}).items()]
    return True


def read(model: Any) -> Read:
    """The tree of a model, and which of its layers are alike.

    Args:
        model: what `ss.modules` takes, or a `ModuleTree`.

    Raises:
        UnreadableError: it is none of these.
    """
    tree = model if isinstance(model, ModuleTree) else modules(model)
    return Read(tree, looks(tree))


def learn(tree: ModuleTree, before: ModuleTree | None = None) -> Learned:
    """What is counted and shared in a tree, and what changed since an earlier one."""
    below = tree.counts_below
    # Asked here, so that it is there when a row is drawn.
    _ = tree.counts, tree.by_path
    mates = {name: _mate(group) for group in reversed(sharing(tree)) for name in group.names}
    if before is None:
        return Learned(Known(tree, below, mates))
    found = changes(before, tree)
    changed: dict[str, tuple[str, ...]] = {}
    gone: dict[str, tuple[str, ...]] = {}
    above: dict[str, int] = {}
    keys: dict[Key, None] = {}
    for change in found:
        words = f"{change.kind}, {change.detail}" if change.detail else change.kind
        holder = change.path.rpartition(".")[0]
        if change.kind == "removed":
            gone[holder] = (*gone.get(holder, ()), f"removed {change.path}, {change.detail}")
            keys["module", holder] = None
        else:
            changed[change.path] = (*changed.get(change.path, ()), words)
            keys["module" if change.of == "module" else "tensor", change.path] = None
        # What is gone is told of by its holder.
        path = holder if change.kind == "removed" else change.path
        while path:
            path = path.rpartition(".")[0]
            above[path] = above.get(path, 0) + 1
    return Learned(Known(tree, below, mates, changed, above, gone), tuple(keys), len(found))


def _mate(group: Shared) -> Mate:
    return Mate(_MATES[group.kind], group.names, group.nbytes)


class Reader:
    """Reads a model in a thread, one stage after another.

    Args:
        tell: called in the thread with a `Read`, a `Learned`, a `Finder`, or the error that ended it.
    """

    def __init__(self, tell: Callable[[Read | Learned | Finder | Exception], None]) -> None:
        self._tell = tell
        self._newest = 0
        self._frozen = self._closed = False

    def start(self, model: Any, before: ModuleTree | None) -> None:
        """Read; what an earlier reading still finds is not told any more."""
        self._newest += 1
        Thread(target=self._run, args=(self._newest, model, before), name="stridescope-modules", daemon=True).start()

    def close(self) -> None:
        """Tell nothing more, and leave garbage collection as it was."""
        self._newest += 1
        self._closed = True
        self._thaw()

    def _thaw(self) -> None:
        if self._closed and self._frozen:
            self._frozen = False
            gc.unfreeze()

    def _run(self, number: int, model: Any, before: ModuleTree | None) -> None:
        try:
            with self._no_collections():
                found = read(model)
                self._say(number, found)
                if number == self._newest:
                    self._say(number, learn(found.tree, before))
                if number == self._newest:
                    self._say(number, Finder(found.tree))
        except Exception as error:  # noqa: BLE001 - told to the screen, which raises what is no message to the user
            self._say(number, error)

    @contextmanager
    def _no_collections(self) -> Iterator[None]:
        """Without garbage collections, and afterwards with what there is now left out of them.

        A million new values have all that there is looked through, again and again, and the screen stands still for
        seconds meanwhile. What is made here has no cycles, and goes when nobody holds it.
        """
        collects = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            # Who has frozen things keeps them so: there is no way to thaw a part.
            if self._frozen or not gc.get_freeze_count():
                gc.freeze()
                self._frozen = True
                self._thaw()
            if collects:
                gc.enable()

    def _say(self, number: int, found: Read | Learned | Finder | Exception) -> None:
        # The app may be on its way out.
        with suppress(RuntimeError):
            if number == self._newest:
                self._tell(found)
