"""What the app opens on, and `ss.explore`, which opens it on what the user holds.

Problem: a live tensor, a dict of them, a layout, a history and a program's text are five things, and the stage knows
two: a text, and names that it may speak of. Method: each becomes an `Opening`; live tensors go in by name and are
looked at, never copied. What has no layout of its own (sparse, nested) goes in as the tensors inside it that have one.
Cost: an inspection of each tensor, before the app starts.
"""

from __future__ import annotations

import keyword
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stridescope.errors import StridescopeError, UnreadableError

if TYPE_CHECKING:
    from stridescope.layout import Layout
    from stridescope.records import History, StorageMap, TensorInfo, Trace

__all__ = ["Opening", "explore", "opening_of", "opening_of_history", "opening_of_tensor"]

_RESERVED = {"torch", "np", "numpy"}
_NAME = "x"

REMARKS = 3
"""How many remarks are told."""


@dataclass(frozen=True)
class Opening:
    """What the app opens on; an empty one opens the home screen.

    Attributes:
        text: a program.
        names: live tensors, arrays or `TensorInfo`s by name.
        chain_of: one of `names`, which a text such as "t()[1:]" goes on from.
        title: what the names are of, such as a file and an attribute.
        remarks: sentences about the names, told once.
        check: whether real torch is asked in the background.
        model: what `ss.modules` takes, or a `ModuleTree`, for the Modules screen.
        storages: for the Storages screen.
        trace: for the Trace screen.
        history: what is on the Stage for as long as no text is; for what ran, and has no text to run again.
    """

    text: str = ""
    names: Mapping[str, Any] | None = None
    chain_of: str | None = None
    title: str = ""
    check: bool = True
    remarks: tuple[str, ...] = ()
    model: Any = field(default=None, compare=False)
    storages: StorageMap | None = field(default=None, compare=False)
    trace: Trace | None = field(default=None, compare=False)
    history: History | None = field(default=None, compare=False)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to open."""
        return not self.on_stage and all(one is None for one in (self.model, self.storages, self.trace))

    @property
    def on_stage(self) -> bool:
        """Whether there is something for the Stage."""
        return bool(self.text.strip() or self.names or self.history)


def explore(x: Any) -> None:
    """Open the terminal app on `x`, and come back when it is closed.

    Args:
        x: a tensor or array of any library, a dict, list or tuple of them, a `TensorInfo`, a `Layout`, a `History`, or
            the text of a program. Ops typed in the app go on from it; nothing is written to it. Or a model, its
            `state_dict()`, a `ModuleTree` or a `Checkpoint`, whose modules and tensors are browsed. Or a `Trace`, or
            a `StorageMap`.

    Raises:
        TargetError: there is no terminal here, or an event loop runs already, as in a notebook.
        UnreadableError: `x` holds no elements that have a layout.
    """
    from stridescope.tui.terminal import need_terminal

    need_terminal()
    opening = opening_of(x)
    from stridescope.tui.app import run_app

    run_app(opening)


def opening_of(x: Any) -> Opening:
    """What the app opens on for whatever `explore` takes.

    Raises:
        UnreadableError: `x` holds no tensor or array.
        TargetError: it holds none that ops can go on from.

    >>> opening_of("torch.arange(3)").text
    'torch.arange(3)'
    >>> from stridescope.layout import Layout
    >>> opening = opening_of(Layout((2, 3), (1, 2)))
    >>> opening.chain_of, opening.names["x"].dtype
    ('x', 'float32')
    """
    if isinstance(x, str):
        return Opening(text=x)
    # The home screen opens on nothing, and need not wait for what reads things.
    from stridescope.layout import Layout
    from stridescope.readers import inspect, readable
    from stridescope.records import History, StorageMap, TensorInfo, Trace

    if isinstance(x, Trace):
        return Opening(trace=x)
    if isinstance(x, StorageMap):
        return Opening(storages=x)
    if isinstance(x, History):
        return Opening(text=x.text or x.source, names=dict(x.given) or None)
    if isinstance(x, Layout):
        return Opening(names={_NAME: _with_elements(x)}, chain_of=_NAME)
    if isinstance(x, TensorInfo) or readable(x):
        return _opening_of_named([(_NAME, x)])
    if _is_model(x):
        return Opening(model=x)
    found = [(key, value) for key, value in _children(x) if readable(value) or isinstance(value, TensorInfo)]
    if not found and isinstance(x, Mapping | list | tuple):
        raise UnreadableError(f"the {type(x).__name__} holds no tensor")
    if not found:
        # It says best what `x` is, and what was needed.
        inspect(x)
    return _opening_of_named(found)


def opening_of_tensor(path: str, x: Any) -> Opening:
    """What the app opens on for one tensor of a model.

    Args:
        path: its path in the model.
        x: the tensor, or its `TensorInfo`.
    """
    names, remark = _names_of(path, x, ())
    return Opening(names=names, chain_of=next(iter(names)), title=path, remarks=(remark,) if remark else ())


def opening_of_history(history: History, title: str) -> Opening:
    """What the app opens on for steps that ran elsewhere, whose text cannot be run again.

    What is typed goes on from the tensor they came to, "after"; of a refusal from the one before.

    Args:
        title: what they are of.
    """
    from stridescope.program.typed import Session

    final = history.final
    last = None if final is None or final.tensor is None else final.tensor
    if last is None:
        return Opening(history=history, title=title)
    name = final.name if final is not None and final.name else "after"
    names = {**dict(history.given), name: last.named(name)}
    try:
        Session(names, name)
    except StridescopeError:
        # It can be seen all the same.
        return Opening(history=history, title=title)
    return Opening(names=names, chain_of=name, history=history, title=title)


def _is_model(x: Any) -> bool:
    """Whether there is more of `x` to be browsed than tensors side by side."""
    from stridescope.modules.reading import is_module
    from stridescope.records import Checkpoint, ModuleTree, TensorInfo

    if isinstance(x, Checkpoint | ModuleTree) or is_module(x):
        return True
    # torch leaves its mark on the state of a module.
    state = isinstance(x, OrderedDict) and hasattr(x, "_metadata")
    return bool(x) and (state or (isinstance(x, Mapping) and all(isinstance(v, TensorInfo) for v in x.values())))


def _with_elements(layout: Layout) -> TensorInfo:
    """A layout as a tensor: ops are rules about tensors, and some of them about bytes."""
    from stridescope.api import layout_info

    return replace(layout_info(layout), dtype="float32", itemsize=4, device="cpu", requires_grad=False, why=())


def _opening_of_named(found: Iterable[tuple[str, Any]]) -> Opening:
    """The opening on tensors under the names a program can have; what ops cannot go on from is left out, and told."""
    from stridescope.program.typed import Session

    names: dict[str, Any] = {}
    remarks: list[str] = []
    refused: list[StridescopeError] = []
    for key, value in found:
        named, remark = _names_of(key, value, names)
        try:
            Session(named)
        except StridescopeError as error:
            refused.append(error)
            remark = str(error)
        else:
            names |= named
        remarks += [remark] if remark else []
    if not names:
        raise refused[0]
    more = f"{len(remarks) - REMARKS:,} more remarks are left out" if len(remarks) > REMARKS else ""
    return Opening(names=names, chain_of=next(iter(names)), remarks=(*remarks[:REMARKS], *filter(None, [more])))


def _names_of(key: str, value: Any, taken: Iterable[str]) -> tuple[dict[str, Any], str]:
    """A tensor, or the parts of one without a layout of its own, by name; a sentence about that, or ""."""
    from stridescope.readers import inspect
    from stridescope.records import TensorInfo

    info = value if isinstance(value, TensorInfo) else inspect(value)
    name = _free(_identifier(key), taken)
    if info.layout is None and info.parts:
        parts = [(part, _inner(value, part, inner)) for part, inner in info.parts if inner.layout is not None]
        named = {_free(_identifier(f"{name}_{part.strip('[]')}"), taken): inner for part, inner in parts}
        why = dict(info.why).get("stride", "it has no layout of its own")
        if named:
            return named, f"{key}: {why}: {', '.join(named)}"
    return {name: value}, "" if key.isascii() else f"{key} is called {name} here: names in a program are ASCII"


def _free(name: str, taken: Iterable[str]) -> str:
    """A name that is not taken."""
    while name in taken:
        name += "_"
    return name


def _inner(value: Any, name: str, part: TensorInfo) -> Any:
    """The live tensor that a part is the record of; the record where there is none to be had."""
    from stridescope.readers import inspect, readable

    for word in (f"_{name}", name):
        with suppress(RuntimeError, TypeError, NotImplementedError, UnreadableError):
            found = getattr(value, word, None)
            found = found() if callable(found) and not readable(found) else found
            if readable(found) and _lies_as(inspect(found), part):
                return found
    if name.startswith("[") and hasattr(value, "unbind"):
        with suppress(RuntimeError, ValueError, IndexError):
            return value.unbind()[int(name[1:-1])]
    return part


def _lies_as(info: TensorInfo, part: TensorInfo) -> bool:
    return (info.layout, info.dtype, info.storage) == (part.layout, part.dtype, part.storage)


def _children(x: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(x, Mapping):
        return ((str(key), value) for key, value in x.items())
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return zip(x._fields, x, strict=False)
    if isinstance(x, list | tuple):
        return ((f"{_NAME}{number}", value) for number, value in enumerate(x))
    return ()


def _identifier(key: str) -> str:
    """A key as a variable's name.

    >>> _identifier("layer.0.weight"), _identifier("0"), _identifier("for"), _identifier("가중치")
    ('layer_0_weight', 'x0', 'for_', 'x')
    """
    # A name that starts with "_" is private, and no program may have it.
    name = re.sub(r"\W", "_", key, flags=re.ASCII).lstrip("_") or _NAME
    if name[0].isdigit():
        name = _NAME + name
    return f"{name}_" if keyword.iskeyword(name) or name in _RESERVED else name
