"""What is explained or compared, as a record.

Problem: a tensor, an array, a record or a layout may be given, and ops are rules about tensors. Method: what is no
record yet is inspected; a layout, which counts elements and says nothing about what they are, gets float32 where ops
are to be run on it. Cost: one inspection.
"""

from __future__ import annotations

from typing import Any

from stridescope.layout import Layout
from stridescope.readers import inspect
from stridescope.records import TensorInfo

__all__ = ["record_of"]

_TAKEN = ("a layout has no element type: elements are taken as float32",)
_UNSAID = ("dtype", "itemsize", "device", "requires_grad", "storage")


def record_of(x: Any, name: str | None = None, *, bare: bool = False) -> TensorInfo:
    """A tensor, an array, a `TensorInfo` or a `Layout` as a record.

    Args:
        name: what to call it.
        bare: leave what a layout does not have None, rather than taking its elements as float32.

    Raises:
        UnreadableError: `x` has no layout.

    >>> record_of(Layout((4, 3), (1, 4))).nbytes
    48
    """
    if isinstance(x, TensorInfo):
        return x if name is None else x.named(name)
    if not isinstance(x, Layout):
        return inspect(x, name)
    return TensorInfo(
        type="layout",
        shape=x.shape,
        stride=x.stride,
        storage_offset=x.storage_offset,
        dtype=None if bare else "float32",
        itemsize=None if bare else 4,
        device=None if bare else "cpu",
        requires_grad=None if bare else False,
        storage=None,
        name=name,
        notes=() if bare else _TAKEN,
        why=tuple((field, "a layout counts elements, and says nothing about what they are") for field in _UNSAID)
        if bare
        else (),
    )
