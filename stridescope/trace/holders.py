"""Who holds a tensor: the variable, attribute, closure or container path from which it is reached.

Problem: a tensor that should have been freed is held by a list in a dict in a closure, and Python tells an object's
referrers only, one step up, without a word on how. Method: go up from the tensor, breadth first, all objects of a level
in one question to the collector; each referrer says by its kind what is written after it to come down (`[3]`,
`.cache`), until something with a name of its own is met: a module's global, a local of a running function, a closure.
Functions that run have no frame object that the collector knows, so their locals are looked through at the start.

Cost: a scan of the collector's objects for each level, `LEVELS` at most, of at most `WIDTH` objects each.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import CellType, FrameType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, NamedTuple

from stridescope.records.storage_maps import Holder
from stridescope.records.traces import where

__all__ = ["holders", "locals_by_id"]

LEVELS = 10
WIDTH = 24
FOUND = 3
_HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")  # noqa: PTH100, PTH118, PTH120
_REGISTERED = ("_parameters", "_buffers", "_modules")


class _Node(NamedTuple):
    """An object on the way up, and what is written after it to come down to the tensor."""

    value: Any
    path: str


def holders(x: Any, limit: int = FOUND) -> tuple[Holder, ...]:
    """Who holds an object; empty for None.

    Args:
        x: a tensor, or anything that the collector follows.
        limit: how many holders are told, all of them equally far up.
    """
    if x is None:
        return ()
    running = locals_by_id()
    seen = {id(x)}
    level = [_Node(x, "")]
    loose: Holder | None = None
    for _ in range(LEVELS):
        found = [_local(*place, node.path) for node in level for place in running.get(id(node.value), ())]
        above: list[_Node] = []
        for step in _one_up(level, seen):
            if isinstance(step, Holder):
                found.append(step)
            else:
                above.append(step)
                loose = loose or Holder(f"<{type(step.value).__name__}>{step.path}", "object")
        if found:
            return tuple(dict.fromkeys(found))[:limit]
        if not above:
            break
        level = above[:WIDTH]
    owner = _whose_gradient(x)
    if owner is not None:
        return tuple(Holder(f"{one.path}.grad", one.kind, one.place) for one in holders(owner, limit))
    return (loose or Holder("no Python object: autograd's graph or C++ holds it", "autograd"),)


def _one_up(level: list[_Node], seen: set[int]) -> list[_Node | Holder]:
    """What refers to the objects of one level, each once, as a node of the next or as a holder."""
    found: list[_Node | Holder] = []
    targets = [node.value for node in level]
    for referrer in gc.get_referrers(*targets):
        if referrer is targets or referrer is level or id(referrer) in seen or _is_ours(referrer):
            continue
        seen.add(id(referrer))
        steps = (_step(referrer, node) for node in level)
        found += [step for step in steps if step is not None][:1]
    return found


def _whose_gradient(x: Any) -> Any:
    """The tensor that holds another as its gradient, which no reference of Python's shows."""
    base = getattr(sys.modules.get("torch"), "Tensor", None)
    if base is None or not isinstance(x, base):
        return None
    for other in gc.get_objects():
        if issubclass(type(other), base) and other.requires_grad and other.is_leaf and other.grad is x:
            return other
    return None


def locals_by_id() -> dict[int, list[tuple[FrameType, str]]]:
    """id of a value -> the frames that run and hold it in a local, with its name there."""
    found: dict[int, list[tuple[FrameType, str]]] = {}
    for frame in sys._current_frames().values():  # noqa: SLF001 - Python has no public way to ask
        current: FrameType | None = frame
        while current is not None:
            # A module's locals are its globals, which are found as such.
            if not current.f_code.co_filename.startswith(_HERE) and current.f_code.co_flags & CO_OPTIMIZED:
                for name, value in _locals_of(current):
                    found.setdefault(id(value), []).append((current, name))
            current = current.f_back
    # A frame that holds itself, as this one does until here, would keep all that its callers hold.
    del frame, current
    return found


def _locals_of(frame: FrameType) -> list[tuple[str, Any]]:
    """The locals of a function's frame, of which Python keeps nothing: its own snapshot would keep them alive."""
    held: Any = frame.f_locals
    found = list(held.items())
    # Before Python 3.13 the frame keeps what it gave. Held by more than it, by this and by the call, it is a user's.
    if isinstance(held, dict) and sys.getrefcount(held) <= 3:
        held.clear()
    return found


def _local(frame: FrameType, name: str, path: str) -> Holder:
    code = frame.f_code
    return Holder(f"{name}{path}", "local", f"{code.co_name}() at {where(code.co_filename, frame.f_lineno)}")


def _is_ours(referrer: Any) -> bool:
    """Whether it is something that this search made: a frame of ours, or a node."""
    if isinstance(referrer, FrameType):
        return referrer.f_code.co_filename.startswith(_HERE)
    if isinstance(referrer, GeneratorType):
        return referrer.gi_code.co_filename.startswith(_HERE)
    return isinstance(referrer, _Node)


def _step(referrer: Any, node: _Node) -> _Node | Holder | None:
    """What a referrer is to an object: the way on up, the end of the way, or None where it does not hold it."""
    for kind, step in _STEPS:
        if isinstance(referrer, kind):
            return step(referrer, node)
    return _attribute(referrer, node)


def _from_dict(referrer: dict[Any, Any], node: _Node) -> _Node | Holder | None:
    for key, value in list(referrer.items()):
        if value is node.value:
            if "__name__" in referrer and "__builtins__" in referrer:
                module = referrer["__name__"]
                return Holder(f"{'' if module == '__main__' else f'{module}.'}{key}{node.path}", "global")
            return _Node(referrer, f"[{_short(key)}]{node.path}")
        if key is node.value:
            return _Node(referrer, f" (a key){node.path}")
    return None


def _short(key: Any) -> str:
    """A key as it is written; a long or deep one by its type."""
    return repr(key) if isinstance(key, str | int | bool | None) else f"<{type(key).__name__}>"


def _from_sequence(referrer: Any, node: _Node) -> _Node | None:
    for place, value in enumerate(referrer):
        if value is node.value:
            return _Node(referrer, f"[{place}]{node.path}")
    return None


def _from_set(referrer: Any, node: _Node) -> _Node | None:
    return _Node(referrer, f" (in a set){node.path}")


def _from_cell(referrer: CellType, node: _Node) -> _Node | Holder:
    """A closure's variable, told by the function that has it: two steps up, with a tuple between."""
    for cells in gc.get_referrers(referrer):
        if not isinstance(cells, tuple):
            continue
        for function in gc.get_referrers(cells):
            if isinstance(function, FunctionType) and function.__closure__ is cells:
                name = function.__code__.co_freevars[[cell is referrer for cell in cells].index(True)]
                return Holder(f"{name}{node.path}", "closure", f"{function.__module__}.{function.__qualname__}")
    return _Node(referrer, node.path)


def _from_function(referrer: FunctionType, node: _Node) -> Holder | _Node | None:
    where = f"{referrer.__module__}.{referrer.__qualname__}"
    if referrer.__defaults__ is node.value:
        return Holder(f"defaults{node.path}", "closure", where)
    if vars(referrer) is node.value:
        return Holder(f"{where}{_dotted(node.path)}", "global")
    return None


def _from_frame(referrer: FrameType, node: _Node) -> Holder | None:
    if not referrer.f_code.co_flags & CO_OPTIMIZED:
        return None
    name = next((name for name, value in _locals_of(referrer) if value is node.value), None)
    return None if name is None else _local(referrer, name, node.path)


def _from_generator(referrer: Any, node: _Node) -> Holder | None:
    frame = getattr(referrer, "gi_frame", None)
    return None if frame is None else _from_frame(frame, node)


def _from_module(referrer: ModuleType, node: _Node) -> Holder | None:
    name = next((name for name, value in vars(referrer).items() if value is node.value), None)
    if name is None:
        # Its dict was met below.
        return Holder(f"{referrer.__name__}{_dotted(node.path)}", "global")
    return Holder(f"{referrer.__name__}.{name}{node.path}", "global")


def _from_method(referrer: MethodType, node: _Node) -> _Node:
    return _Node(referrer, f".__self__{node.path}")


def _attribute(referrer: Any, node: _Node) -> _Node | Holder | None:
    """An object with attributes, whether the collector shows its dict or the object itself."""
    try:
        held: Mapping[str, Any] = vars(referrer)
    except TypeError:
        held = {}
    if isinstance(referrer, type):
        # The collector shows a class's dict by itself, and Python only a proxy of it.
        own = isinstance(node.value, dict) and node.value.keys() == held.keys()
        return Holder(f"{referrer.__module__}.{referrer.__qualname__}{_dotted(node.path)}", "global") if own else None
    if held is node.value:
        return _Node(referrer, _dotted(node.path))
    for name, value in list(held.items()):
        if value is node.value:
            return _Node(referrer, f".{name}{node.path}" if name not in _REGISTERED else _dotted(node.path))
    for name in _slots(type(referrer)):
        if getattr(referrer, name, None) is node.value:
            return _Node(referrer, f".{name}{node.path}")
    return _Node(referrer, f" (inside){node.path}")


def _slots(cls: type) -> Iterator[str]:
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else slots


def _dotted(path: str) -> str:
    """`['weight']…` as the attribute that it is: `.weight…`; a registered name such as `0` stays an index.

    >>> _dotted("['weight'][0]"), _dotted("['_parameters']['weight']"), _dotted("[3]")
    ('.weight[0]', '.weight', '[3]')
    """
    if not path.startswith("['"):
        return path
    name, _, rest = path[2:].partition("']")
    if name in _REGISTERED:
        return _dotted(rest)
    return f".{name}{rest}"


_STEPS: tuple[tuple[type, Callable[[Any, _Node], _Node | Holder | None]], ...] = (
    (dict, _from_dict),
    (list, _from_sequence),
    (tuple, _from_sequence),
    (set, _from_set),
    (frozenset, _from_set),
    (CellType, _from_cell),
    (FunctionType, _from_function),
    (FrameType, _from_frame),
    (GeneratorType, _from_generator),
    (ModuleType, _from_module),
    (MethodType, _from_method),
)
"""Kind of referrer -> what it is to what it refers to."""
