"""Names for the tensors of a nested value, and that value with the tensors taken out.

Problem: a pickle holds dicts in lists in objects, and a tensor is asked for by a name. Method: one walk, in the order
of the file. Keys are joined by dots as torch joins them; an item of a list, and a key that is a number, is `[0]`; a
key that is empty, or has brackets, quotes or unprintable characters, is quoted, `["..."]`. Since keys may have dots of
their own, two paths can come to one name: the later one then is written with all its keys quoted, as `["a"]["b.c"]`,
so that every tensor has a name of its own. A module that was pickled whole has the names of its state dict. A tensor
that is reached in several ways has several names.

Limits: what a pickle shares it may share again and again (n lists can spell 2**n paths), and refer to itself. A cycle
is followed once; containers without tensors are walked once; others again, up to `AGAIN` items in all; names are
counted too. What is left out is said in a note.

Cost: about 1 us a tensor.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.readers.files.inert import Global, Key, Made
from stridescope.readers.files.saved import Saved, Stored
from stridescope.records.checkpoints import Leaf, Placeholder, SameAs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Named", "named", "tree_of"]

AGAIN = 200_000
"""Items of containers that are walked a second time, in one file."""

TIES = 30_000
"""Names of tensors that have one already, in one file."""

DEPTH = 200
"""Levels of nesting below which no tensor is listed."""

CHARACTERS = 60_000_000
"""In all names of one file."""

_ODD = re.compile(r'[\[\]"\x00-\x1f\x7f-\x9f\ud800-\udfff]')


class Named(NamedTuple):
    """What a walk found.

    Attributes:
        tensors: name -> tensor, in the order of the file.
        storages: name -> storage, of those that are saved as such.
        tree: the value, with `Leaf` in place of tensors; None where it was not asked for.
        notes: what was left out.
    """

    tensors: dict[str, Saved]
    storages: dict[str, Stored]
    tree: Any
    notes: list[str]


def named(
    root: Any, attributes: Mapping[int, tuple[Any, Any]], size: int, beside: Mapping[str, Any] | None = None
) -> Named:
    """The names of all tensors of a value.

    Args:
        root: inert values, as `PickleReader` gives them.
        attributes: id of a dict or list -> (it, attributes set on it).
        size: no fewer than the items of all containers, each counted once; the bytes of the pickle are.
        beside: more values, each under a name of its own.

    >>> list(named({"a.b": 1, "w": [2]}, {}, 10).tensors)
    []
    """
    return _Walk(attributes, size, build=False).run(root, beside)


def tree_of(
    root: Any, attributes: Mapping[int, tuple[Any, Any]], size: int, beside: Mapping[str, Any] | None = None
) -> Any:
    """The value with a `Leaf` for each tensor, by the names that `named` gives; with `beside`, `(value, beside)`."""
    return _Walk(attributes, size, build=True).run(root, beside).tree


BITS = 4_000
"""Of the longest number that is a value of the tree."""

ALONE = "tensor"
"""The name of a tensor that is the whole value."""

_NOTHING = ()

Step = tuple[str, Any, Any]
"""(what it is of its container, key, child); see `_Walk.children`."""

_CONTAINERS = (dict, list, tuple, Made)


class _Frame:
    """A container that is being walked."""

    __slots__ = ("built", "fertile", "node", "path", "prefix", "steps")

    def __init__(self, node: Any, prefix: str, path: tuple[Any, Any], steps: Iterator[Step]) -> None:
        self.node = node
        self.prefix = prefix
        self.path = path
        self.steps = steps
        self.fertile = False
        self.built: list[tuple[str, Any, Any]] = []


class _Walk:
    def __init__(self, attributes: Mapping[int, tuple[Any, Any]], size: int, *, build: bool) -> None:
        self.attributes = attributes
        self.build = build
        self.tensors: dict[str, Saved] = {}
        self.storages: dict[str, Stored] = {}
        self.notes: dict[str, None] = {}
        self.barren: dict[int, Any] = {}
        self.left = size + AGAIN
        self.characters_left = CHARACTERS
        self.taken: dict[str, int] = {}
        self.seen_tensors: set[int] = set()
        self.ties_left = TIES

    def run(self, root: Any, beside: Mapping[str, Any] | None) -> Named:
        tree: Any
        if type(root) is Saved:
            self.tensors[ALONE] = root
            tree = Leaf(ALONE)
        elif type(root) in _CONTAINERS:
            tree = self.walk(root)
        else:
            tree = self.plain(root, ALONE)
        if beside:
            tree = tree, self.walk(dict(beside))
        return Named(self.tensors, self.storages, tree, list(self.notes))

    def walk(self, root: Any) -> Any:
        trail = [_Frame(root, "", (None, None), self.children(root))]
        here = {id(root)}
        result: Any = None
        while trail:
            frame = trail[-1]
            child = self.advance(frame, here, len(trail))
            if child is not None:
                trail.append(child)
                here.add(id(child.node))
                continue
            trail.pop()
            here.discard(id(frame.node))
            result = _assembled(frame) if self.build else None
            if not frame.fertile:
                self.barren[id(frame.node)] = result
            if trail:
                above = trail[-1]
                above.fertile |= frame.fertile
                if self.build:
                    kind, key = frame.path[0]
                    above.built.append((kind, key, result))
        return result

    def advance(self, frame: _Frame, here: set[int], depth: int) -> _Frame | None:
        """The next container to walk inside this one; None at its end."""
        prefix, build = frame.prefix, self.build
        for kind, key, child in frame.steps:
            self.left -= 1
            if self.left < 0:
                self.notes["containers are shared so often that not all names of their tensors are listed"] = None
                return None
            of = type(child)
            if of is Saved:
                name = self.add(prefix, kind, key, child, frame)
                frame.fertile = True
                if build:
                    frame.built.append((kind, key, Leaf(name)))
            elif of in _CONTAINERS:
                found = self.enter(frame, kind, key, child, here, depth)
                if type(found) is _Frame:
                    return found
                if build:
                    frame.built.append((kind, key, found))
            elif build or of is Stored:
                frame.built.append((kind, key, self.plain(child, _joined(prefix, kind, key))))
                frame.fertile |= of is Stored
        return None

    def enter(self, frame: _Frame, kind: str, key: Any, child: Any, here: set[int], depth: int) -> Any:
        """A frame for a container inside this one, or what stands for it in the tree."""
        identity = id(child)
        if identity in here:
            return SameAs("an object that this one is part of")
        if identity in self.barren:
            return self.seen(child) if self.build else None
        if depth >= DEPTH:
            self.notes[f"what lies deeper than {DEPTH} levels is not listed"] = None
            return SameAs(f"deeper than {DEPTH} levels")
        prefix = _joined(frame.prefix, kind, key)
        self.characters_left -= len(prefix)
        if self.characters_left < 0:
            self.notes["names come to so many characters that not all are listed"] = None
            return SameAs("not listed")
        return _Frame(child, prefix, ((kind, key), frame.path), self.children(child))

    def seen(self, child: Any) -> Any:
        """What stands in the tree for a container without tensors that is in it already."""
        for _, _, part in self.children(child):
            self.left -= 1
            # Flat ones are shown again; those that nest could double with each level.
            if self.left < 0 or (type(part) in _CONTAINERS and part is not _NOTHING):
                return SameAs("a value listed before")
        return self.barren[id(child)]

    def add(self, prefix: str, kind: str, key: Any, child: Saved, frame: _Frame) -> str:
        name = _joined(prefix, kind, key)
        if id(child) in self.seen_tensors:
            self.ties_left -= 1
            if self.ties_left < 0:
                self.notes[f"tensors are tied so often that only {TIES:,} more names of them are listed"] = None
                return name
        else:
            self.seen_tensors.add(id(child))
        self.characters_left -= len(name)
        if self.characters_left < 0:
            self.notes["names come to so many characters that not all are listed"] = None
            return name
        if name in self.tensors:
            name = self.other_name(kind, key, frame)
        self.tensors[name] = child
        return name

    def other_name(self, kind: str, key: Any, frame: _Frame) -> str:
        """The path with each key in quotes, numbered where even that is taken."""
        steps = [(kind, key)]
        path = frame.path
        while path[0] is not None:
            steps.append(path[0])
            path = path[1]
        name = "".join(_quoted(key) if type(key) is str else _joined("", kind, key) for kind, key in reversed(steps))
        self.characters_left -= len(name)
        number = self.taken[name] = self.taken.get(name, 0) + 1
        return name if number == 1 and name not in self.tensors else f"{name}#{number}"

    def plain(self, value: Any, name: str) -> Any:
        """A value that is no container, for the tree."""
        if type(value) is Global:
            return Placeholder(value.name)
        if type(value) is Stored:
            self.storages[name] = value
            return Placeholder("torch.storage", (value.root.id,))
        if type(value) is int and value.bit_length() > BITS:
            # Python refuses to write these out.
            return Placeholder(f"a number of {value.bit_length():,} bits")
        return value

    # Children ----------------------------------------------------------------------------------

    def children(self, node: Any) -> Iterator[Step]:
        """The parts of a container: ("key" | "item" | "attribute" | "argument", key, child)."""
        if type(node) is dict:
            yield from (("key", key, child) for key, child in node.items())
        elif type(node) is not Made:
            yield from (("item", number, child) for number, child in enumerate(node))
        else:
            yield from self.children_of_made(node)
            return
        extra = self.attributes.get(id(node))
        if extra is not None:
            yield "attribute", "__dict__", extra[1]

    @staticmethod
    def children_of_made(node: Made) -> Iterator[Step]:
        args = node.args if type(node.args) is tuple else (node.args,)
        yield from (("argument", number, child) for number, child in enumerate(args))
        yield from _state_of(node)
        if node.items is not None and node.keyed:
            yield from (("key", key, child) for key, child in _pairs(node.items))
        elif node.items is not None:
            yield from (("item", number, child) for number, child in enumerate(node.items))


_MODULE = ("_parameters", "_buffers", "_modules")


def _state_of(node: Made) -> Iterator[Step]:
    """What was set on an object; the parts of a module under its own names."""
    state = node.state
    if state is None:
        return
    parts = state if type(state) is tuple and len(state) == 2 else (state,)
    if not all(type(part) is dict or part is None for part in parts):
        yield "attribute", "state", state
        return
    for part in parts:
        if type(part) is not dict:
            continue
        is_module = all(type(part.get(name)) is dict for name in _MODULE)
        for key, value in part.items():
            if is_module and key in _MODULE:
                yield from (("key", name, child) for name, child in value.items())
            else:
                yield "attribute", key, value


def _pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    for item in items:
        if type(item) is tuple and len(item) == 2:
            yield item


def _joined(prefix: str, kind: str, key: Any) -> str:
    """A name one step longer."""
    if type(key) is str:
        if key and not _ODD.search(key):
            return f"{prefix}.{key}" if prefix else key
        return prefix + _quoted(key)
    if kind == "argument":
        return f"{prefix}({key})"
    return f"{prefix}[{_short(key)}]"


def _quoted(key: str) -> str:
    escaped = key.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    return f'["{escaped}"]'


def _short(key: Any) -> str:
    if type(key) is Key:
        value = key.value
        return value.name if type(value) in (Made, Global) else type(value).__name__
    return repr(key)[:80]


def _assembled(frame: _Frame) -> Any:
    """The tree of a container from those of its parts."""
    node, built = frame.node, frame.built
    if type(node) is Made:
        args = tuple(value for kind, _, value in built if kind == "argument")
        state = {_plain_key(key): value for kind, key, value in built if kind != "argument"}
        return Placeholder(node.name, args, state or None)
    if type(node) is dict:
        return {_plain_key(key): value for _, key, value in built}
    items = [value for kind, _, value in built if kind == "item"]
    return items if type(node) is list else tuple(items)


def _plain_key(key: Any) -> Any:
    return _short(key) if type(key) is Key else key
