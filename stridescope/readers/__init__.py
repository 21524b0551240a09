"""Anything that holds elements in memory -> `TensorInfo`, from metadata alone.

Problem: tensors come from libraries that cost seconds to import, and most objects come from none of
them. Method: a table of (module, class, reader). A row counts only when its module is in
`sys.modules` already, since an object of its class cannot exist otherwise; so no framework is ever
imported that the user has not imported. What no row claims is read through the array interfaces or
DLPack. The reader found is remembered by exact class; for the protocols it is looked up each time, since an
object may take part in one on a GPU and in another on the CPU.

Cost: one dict lookup on top of the reader's own; see `stridescope.readers.torch_reader` for that.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from stridescope.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from stridescope.records import TensorInfo

__all__ = ["inspect", "read_values", "readable"]


class _Reader(Protocol):
    """What a reader module offers."""

    inspect: Callable[[Any, str | None], TensorInfo]
    read_values: Callable[[Any, Sequence[int]], list[Any]]


_READERS = (
    ("torch", "Tensor", "stridescope.readers.torch_reader"),
    ("numpy", "ndarray", "stridescope.readers.numpy_reader"),
    ("numpy", "generic", "stridescope.readers.numpy_reader"),
)
_PROTOCOLS = (
    ("__cuda_array_interface__", "stridescope.readers.array_interface"),
    ("__array_interface__", "stridescope.readers.array_interface"),
    ("__dlpack__", "stridescope.readers.dlpack"),
)
"""Array interfaces come first: they are plain metadata, while `__dlpack__` runs an export."""

_REMEMBERED = 1024

_inspect_by_class: dict[type, Callable[[Any, str | None], TensorInfo]] = {}


def inspect(x: Any, name: str | None = None) -> TensorInfo:
    """How `x` lies in its storage: shape, stride and offset in elements, dtype, device, storage.

    Reads metadata only: no element is touched, nothing is copied, no device is started or waited
    for, no op is dispatched, no autograd graph grows.

    Args:
        x: a torch tensor of any kind, a numpy array, or an object with `__array_interface__`,
            `__cuda_array_interface__` or `__dlpack__`.
        name: what to call it in the answer.

    Raises:
        UnreadableError: `x` holds no elements that have a layout.

    >>> class Buffer:
    ...     __array_interface__ = {"shape": (2, 3), "typestr": "<i4", "data": (4096, True), "version": 3}
    >>> inspect(Buffer(), name="b").stride
    (3, 1)
    """
    read = _inspect_by_class.get(type(x))
    if read is None:
        read = _find(x).inspect
        if _framework_reader(type(x)) is not None:
            if len(_inspect_by_class) >= _REMEMBERED:
                _inspect_by_class.clear()
            _inspect_by_class[type(x)] = read
    return read(x, name)


def read_values(x: Any, addresses: Sequence[int]) -> list[Any]:
    """The values at some addresses of the storage of `x`, reading those elements and no others.

    Args:
        x: as for `inspect`.
        addresses: element positions in the storage, counted from its first byte in items of x's dtype.

    Returns:
        One Python value for each address, conjugate and negative bits applied; None where there is no
        value to know (meta and fake tensors, freed storage, an address outside the storage, ...).

    Raises:
        UnreadableError: as for `inspect`.
    """
    return _find(x).read_values(x, addresses)


def readable(x: Any) -> bool:
    """Whether some reader takes `x`; nothing of `x` is read.

    >>> readable([1, 2, 3])
    False
    """
    return _reader_of(x) is not None


def _find(x: Any) -> _Reader:
    path = _reader_of(x)
    if path is None:
        raise UnreadableError(
            f"got {_a(type(x))}, needed a torch tensor, a numpy array, or an object with "
            "__dlpack__, __array_interface__ or __cuda_array_interface__"
        )
    return cast("_Reader", import_module(path))


def _reader_of(x: Any) -> str | None:
    reader = _framework_reader(type(x))
    if reader is not None or isinstance(x, type):
        return reader
    for attribute, reader in _PROTOCOLS:
        if _offers(x, attribute):
            return reader
    return None


def _framework_reader(cls: type) -> str | None:
    for module, name, reader in _READERS:
        base = getattr(sys.modules.get(module), "__dict__", {}).get(name)
        # The class, not isinstance: a proxy may claim any __class__.
        if isinstance(base, type) and issubclass(cls, base):
            return reader
    return None


def _offers(x: Any, attribute: str) -> bool:
    """Whether `x` really has the attribute: not one that a catch-all `__getattr__` makes up."""
    if not any(attribute in vars(cls) for cls in type(x).__mro__) and attribute not in getattr(x, "__dict__", ()):
        return False
    if attribute == "__dlpack__":
        return True
    try:
        return isinstance(getattr(x, attribute), dict)
    except Exception:  # noqa: BLE001
        # A property raises where this object does not take part (jax arrays on the CPU, say).
        return False


def _a(cls: type) -> str:
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _mark_recursively(mark: Any, strategy: Any, code: CodeType) -> None:
    mark(code, strategy)


def keep_uncompiled(*functions: Any) -> None:
    """Keeps torch.compile out of some functions of the readers, and of all that they call.

    torch's own decorator for it would import torch._dynamo, which takes seconds.
    """
    _uncompiled.extend(functions)
    frames: Any = getattr(getattr(getattr(sys.modules.get("torch"), "_C", None), "_dynamo", None), "eval_frame", None)
    strategy, action = getattr(frames, "_FrameExecStrategy", None), getattr(frames, "_FrameAction", None)
    mark: Any
    if strategy is not None and action is not None:
        mark = partial(_mark_recursively, frames.set_code_exec_strategy, strategy(action.SKIP, action.SKIP))
    else:
        mark = getattr(frames, "skip_code", None)
    for function in _uncompiled:
        # The mark on a function breaks the graph at its call; the mark on its code spares its frame.
        function._torchdynamo_disable = True  # noqa: SLF001
        function._torchdynamo_disable_msg = "stridescope reads the live tensor, outside the graph"  # noqa: SLF001
        if mark is not None:
            mark(function.__code__)


_uncompiled: list[Any] = []
keep_uncompiled(inspect, read_values, readable)
