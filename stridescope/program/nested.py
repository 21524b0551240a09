"""Nested lists of numbers as a shape and values, as both libraries read them.

Method: the first element at each level says how deep and how long the lists are; the rest must agree.
Cost: O(elements).
"""

from __future__ import annotations

from typing import Any

from stridescope.errors import OpTypeError, OpValueError
from stridescope.program.tensor import Tensor

__all__ = ["nested_values"]


def nested_values(data: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and values, in index order, of nested lists of numbers; tensors among them count as lists.

    The first element at each level says how deep and how long the lists are, as in torch.

    Raises:
        OpValueError: rows of different lengths.
        OpTypeError: a number where a list is due, a list where a number is, or what is neither.
    """
    shape: list[int] = []
    first = data
    while True:
        if isinstance(first, Tensor):
            shape += first.layout.shape
            break
        if not isinstance(first, list | tuple):
            break
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    values: list[Any] = []
    _collect(data, tuple(shape), 0, values)
    return tuple(shape), values


def _collect(data: Any, shape: tuple[int, ...], depth: int, values: list[Any]) -> None:
    if isinstance(data, Tensor):
        if data.layout.shape != shape[depth:]:
            raise OpValueError(
                "ragged", f"at dim {depth} one part has shape {list(shape[depth:])}, another {list(data.layout.shape)}"
            )
        read = data.reader()
        values.extend(read(address) for address in data.layout.addresses())
        return
    nested = isinstance(data, list | tuple)
    if nested != (depth < len(shape)):
        raise OpTypeError("ragged", f"at dim {depth} some parts are lists and some are numbers; rows must be even")
    if not nested:
        if not isinstance(data, int | float | complex):
            raise OpTypeError("not_a_number", f"a tensor is made of numbers, got {data!r:.40}")
        values.append(data)
        return
    if len(data) != shape[depth]:
        raise OpValueError(
            "ragged", f"rows at dim {depth} have {shape[depth]} and {len(data)} elements; rows must be even"
        )
    for part in data:
        _collect(part, shape, depth + 1, values)
