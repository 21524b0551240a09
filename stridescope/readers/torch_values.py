"""The values at some addresses of a torch tensor's storage.

Problem: a panel shows a few dozen cells of a tensor that may have 10^12, on a GPU, transposed, of a
dtype torch cannot print. Method: look at the storage as 1-D memory of plain integers as wide as the
dtype, gather the wanted cells with one `index_select`, bring those cells to the host in one transfer,
and only there give them their dtype back; conjugate and negative bits are applied last. The tensor
itself takes part in no op, so its version counter and graph are untouched.

Cost: one gather and one transfer of len(addresses) elements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from stridescope.readers.torch_kinds import has_memory
from stridescope.readers.torch_words import key_kind, quietly, word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["read_values"]

_CARRIERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}
"""Bytes an item -> a dtype as wide that every device can gather."""

_STORED_AS = {"qint8": torch.int8, "quint8": torch.uint8, "qint32": torch.int32, "bits8": torch.uint8}
"""Quantized dtypes are shown as the integers that are stored."""

_FLOAT4 = tuple(sign * value for sign in (1, -1) for value in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0))
"""The 16 values of e2m1, by code (OCP Microscaling Formats, 5.3.3)."""

_WIDER = {"float8": torch.float32, "complex32": torch.complex64}
"""Dtypes that torch cannot turn into Python numbers -> an exact wider one."""

_UNREADABLE = frozenset(
    [f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)]
    + ["quint4x2", "quint2x4", "bits1x8", "bits2x4", "bits4x2", "bits16"]
)


def read_values(tensor: torch.Tensor, addresses: Sequence[int]) -> list[Any]:
    """One Python value for each address, in items of the tensor's dtype from the start of its storage.

    Quantized tensors give the integers stored, float4 pairs a tuple of two; None stands for what
    cannot be known: no memory, an address outside the storage, a dtype that torch cannot interpret.
    """
    with quietly():
        unknown: list[Any] = [None] * len(addresses)
        if not has_memory(tensor) or word(tensor.dtype) in _UNREADABLE:
            return unknown
        storage = tensor.untyped_storage()
        held = storage.nbytes() // tensor.dtype.itemsize
        known = [(place, int(address)) for place, address in enumerate(addresses) if 0 <= address < held]
        if not known:
            return unknown
        values = _decoded(tensor, _gathered(tensor, storage, held, [address for _, address in known]))
        for (place, _), value in zip(known, values, strict=True):
            unknown[place] = value
        return unknown


def _gathered(tensor: torch.Tensor, storage: Any, held: int, addresses: list[int]) -> torch.Tensor:
    """The raw cells, on the host, as integers of the item's width."""
    carrier = _CARRIERS[tensor.dtype.itemsize]
    cells = torch.empty(0, dtype=carrier, device=tensor.device).set_(storage, 0, (held,), (1,))
    wanted = torch.tensor(addresses, dtype=torch.int64, device=tensor.device)
    return cells.index_select(0, wanted).cpu()


def _decoded(tensor: torch.Tensor, raw: torch.Tensor) -> list[Any]:
    spelled = word(tensor.dtype)
    if spelled == "float4_e2m1fn_x2":
        return [(_FLOAT4[byte & 15], _FLOAT4[byte >> 4]) for byte in raw.tolist()]
    cells = raw.view(_STORED_AS.get(spelled, tensor.dtype))
    wider = next((dtype for prefix, dtype in _WIDER.items() if spelled.startswith(prefix)), None)
    if wider is not None:
        cells = cells.to(wider)
    values: list[Any] = cells.tolist()
    for key, undo in _BITS.items():
        if key in key_kind(tensor).names:
            values = [undo(value) for value in values]
    return values


_BITS: dict[str, Callable[[Any], Any]] = {
    "Conjugate": lambda value: value.conjugate(),
    "Negative": lambda value: -value,
}
