"""What is different in a later tree of the same model.

Problem: a network is dynamic: a layer is replaced while it trains, another is frozen, a third cast, and a person wants
the few rows that changed among thousands. Method: paths are paired; at one path the same live object is the same
module or tensor, whatever changed in it, and another object is a replacement. What is new, gone or replaced is told
once, at the top of it. Cost: linear in both trees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from stridescope.records.modules import ModuleNode, ModuleTree
    from stridescope.records.tensors import TensorInfo

__all__ = ["Change", "changes"]

Kind = Literal["added", "removed", "moved", "replaced", "frozen", "unfrozen", "changed", "mode"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different.

    Attributes:
        kind: "moved" is the same module under another path; "changed" the same tensor with other memory or another
            layout; "mode" training or not.
        path: of the module or tensor, in the later tree; of one that was removed, in the earlier.
        of: "module", or what kind of tensor.
        detail: before and after, in a few words.
    """

    kind: Kind
    path: str
    of: Literal["module", "parameter", "buffer"] = "module"
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.path or 'the model'}: {self.kind}{f', {self.detail}' if self.detail else ''}"


def changes(before: ModuleTree, after: ModuleTree) -> tuple[Change, ...]:
    """What changed between two readings of a model, in the order of the later one; what was removed comes last.

    >>> from stridescope.modules.naming import tree_of_names
    >>> from stridescope.records import TensorInfo
    >>> info = TensorInfo("t", (3,), (1,), 0, "float32", 4, "cpu", True, None)
    >>> one, other = ({"a.weight": info}, {"a.weight": info, "b.weight": info.named("b")})
    >>> [str(change) for change in changes(tree_of_names(one), tree_of_names(other))]
    ['b: added, 1 parameter']
    """
    earlier = {id(module): node for node in before.nodes if (module := _live(node)) is not None}
    there = after.by_path
    moved: set[str] = set()
    found: list[Change] = []
    waiting: list[tuple[ModuleNode | None, ModuleNode, bool]] = [(before.root, after.root, False)]
    while waiting:
        old, new, told_mode = waiting.pop()
        home = earlier.get(id(_live(new))) if new.same_as is None else None
        if old is None and home is not None and home.path not in there:
            moved.add(home.path)
            found.append(Change("moved", new.path, detail=f"from {home.path}"))
            old = home
        if old is None:
            found.append(Change("added", new.path, detail=_what(new)))
            continue
        if not _same(old, new):
            detail = f"{_what(old)} → {_what(new)}" if _what(old) != _what(new) else f"by another {_what(new)}"
            found.append(Change("replaced", new.path, detail=detail))
            continue
        flipped = old.training is not new.training
        if flipped and not told_mode:
            found.append(Change("mode", new.path, detail=f"{_mode(old)} → {_mode(new)}"))
        found += _tensors(old, new)
        held = {child.name: child for child in old.children}
        waiting += [(held.get(child.name), child, flipped) for child in reversed(new.children)]
    gone = [node.path for node in before.nodes if node.path not in there and node.path not in moved]
    tops = set(gone)
    found += [
        Change("removed", path, detail=_what(before.by_path[path]))
        for path in gone
        if path.rpartition(".")[0] not in tops and not _inside_replaced(path, found)
    ]
    return tuple(found)


def _inside_replaced(path: str, found: list[Change]) -> bool:
    """Whether what is gone was a part of something that was told of as a whole."""
    tops = {change.path for change in found if change.kind == "replaced" and change.of == "module"}
    tops |= {change.detail.removeprefix("from ") for change in found if change.kind == "moved"}
    while path:
        path = path.rpartition(".")[0]
        if path in tops:
            return True
    return False


def _live(node: ModuleNode) -> Any:
    return node.live[0]() if node.live else None


def _same(old: ModuleNode, new: ModuleNode) -> bool:
    if old.same_as is not None or new.same_as is not None:
        return old.same_as == new.same_as
    if not old.live or not new.live:
        return old.class_name == new.class_name
    return _live(old) is _live(new) is not None


def _what(node: ModuleNode) -> str:
    if node.same_as is not None:
        return f"{node.type} same as {node.same_as}"
    number = len(node.parameters)
    return node.type or (f"{number} parameter{'' if number == 1 else 's'}" if number else "names")


def _mode(node: ModuleNode) -> str:
    return "no mode" if node.training is None else "training" if node.training else "eval"


# Tensors ---------------------------------------------------------------------------------------


def _tensors(old: ModuleNode, new: ModuleNode) -> Iterator[Change]:
    lives = {id(node): dict(zip((t.name for t in node.tensors), node.live[1:], strict=False)) for node in (old, new)}
    for group, of in _GROUPS:
        held = {old.local_name(tensor): tensor for tensor in getattr(old, group)}
        for tensor in getattr(new, group):
            name = tensor.name or ""
            was = held.pop(new.local_name(tensor), None)
            if was is None:
                yield Change("added", name, of, _words(tensor))
                continue
            one, other = lives[id(old)].get(was.name), lives[id(new)].get(tensor.name)
            yield from _tensor(was, tensor, of, replaced=one is not None and other is not None and one() is not other())
        for was in held.values():
            yield Change("removed", was.name or "", of, _words(was))


_GROUPS: tuple[tuple[str, Literal["parameter", "buffer"]], ...] = (("parameters", "parameter"), ("buffers", "buffer"))


def _tensor(
    was: TensorInfo, now: TensorInfo, of: Literal["parameter", "buffer"], *, replaced: bool
) -> Iterator[Change]:
    differ = [f"{field} {before} → {after}" for field, ask in _FIELDS if (before := ask(was)) != (after := ask(now))]
    if not replaced and _memory(was) != _memory(now):
        differ.append("other memory")
    if replaced or differ:
        yield Change("replaced" if replaced else "changed", now.name or "", of, ", ".join(differ))
    if was.requires_grad is not now.requires_grad and of == "parameter":
        yield Change("unfrozen" if now.requires_grad else "frozen", now.name or "", of)


def _memory(tensor: TensorInfo) -> object:
    return None if tensor.storage is None else (tensor.storage.id, tensor.storage.data_ptr, tensor.storage.nbytes)


_FIELDS: tuple[tuple[str, Callable[[TensorInfo], object]], ...] = (
    ("type", lambda tensor: tensor.type),
    ("dtype", lambda tensor: tensor.dtype),
    ("device", lambda tensor: tensor.device),
    ("shape", lambda tensor: tensor.shape),
    ("stride", lambda tensor: tensor.stride),
    ("offset", lambda tensor: tensor.storage_offset),
)


def _words(tensor: TensorInfo) -> str:
    return f"{tensor.shape} {tensor.dtype}"
