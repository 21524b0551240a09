"""What the app opens on, and `ss.explore`, which opens it on what the user holds.

Problem: a live tensor, a dict of them, a layout, a history and a program's text are five things, and the stage knows
two: a text, and names that it may speak of. Method: each becomes an `Opening`; live tensors go in by name and are
looked at, never copied. Cost: none before the app starts.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stridescope.layout import Layout
    from stridescope.records import TensorInfo

__all__ = ["Opening", "explore", "opening_of"]

_RESERVED = {"torch", "np", "numpy"}
_NAME = "x"


@dataclass(frozen=True)
class Opening:
    """What the app opens on; an empty one opens the home screen.

    Attributes:
        text: a program.
        names: live tensors, arrays or `TensorInfo`s by name.
        chain_of: one of `names`, which a text such as "t()[1:]" goes on from.
        title: what the names are of, such as a file and an attribute.
        check: whether real torch is asked in the background.
    """

    text: str = ""
    names: Mapping[str, Any] | None = None
    chain_of: str | None = None
    title: str = ""
    check: bool = True

    @property
    def empty(self) -> bool:
        """Whether there is nothing to open."""
        return not self.text.strip() and not self.names


def explore(x: Any) -> None:
    """Open the terminal app on `x`, and come back when it is closed.

    Args:
        x: a tensor or array of any library, a dict, list or tuple of them, a `TensorInfo`, a `Layout`, a `History`, or
            the text of a program. Ops typed in the app go on from it; nothing is written to it.

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
        UnreadableError: `x` holds no elements that have a layout.

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
    from stridescope.readers import readable
    from stridescope.records import History, TensorInfo

    if isinstance(x, History):
        return Opening(text=x.text or x.source, names=dict(x.given) or None)
    if isinstance(x, Layout):
        return Opening(names={_NAME: _with_elements(x)}, chain_of=_NAME)
    if isinstance(x, TensorInfo) or readable(x):
        return Opening(names={_NAME: x}, chain_of=_NAME)
    names = _named(x)
    return Opening(names=names, chain_of=next(iter(names)))


def _with_elements(layout: Layout) -> TensorInfo:
    """A layout as a tensor: ops are rules about tensors, and some of them about bytes."""
    from stridescope.api import layout_info

    return replace(layout_info(layout), dtype="float32", itemsize=4, device="cpu", requires_grad=False, why=())


def _named(x: Any) -> dict[str, Any]:
    """The tensors of a container, by names that a program can have."""
    from stridescope.readers import inspect, readable

    names: dict[str, Any] = {}
    for key, value in _children(x):
        if readable(value):
            name = _identifier(key)
            while name in names:
                name += "_"
            names[name] = value
    if not names:
        # It says best what `x` is, and what was needed.
        inspect(x)
    return names


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

    >>> _identifier("layer.0.weight"), _identifier("0"), _identifier("for")
    ('layer_0_weight', 'x0', 'for_')
    """
    name = re.sub(r"\W", "_", key) or _NAME
    if name[0].isdigit():
        name = _NAME + name
    return f"{name}_" if keyword.iskeyword(name) or name in _RESERVED else name
