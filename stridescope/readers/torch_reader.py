"""torch tensors -> `TensorInfo`, as cheaply as torch can be asked.

Problem: almost every tensor is plain (dense elements in a storage with memory), and an inspector must
cost nothing on those; the rest lies, warns, copies or raises when asked the same questions.

Method: one look at the exact class and at the dispatch keys tells plain tensors from the rest; plain
ones are read by ten getters straight into the value. All others go to `torch_kinds`, which asks with
care. No op is dispatched, no data read, no device started: only fields of the TensorImpl are read.

Cost: about 2 us for a plain tensor, six times eight raw attribute reads; tens of us for the others.

Source: `torch/csrc/autograd/python_variable.cpp` for what each getter does.
"""

# ruff: noqa: SLF001 - torch has no public way to ask these

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from stridescope.readers import keep_uncompiled
from stridescope.readers.drafts import storage_info, tensor_info
from stridescope.readers.torch_kinds import read_carefully
from stridescope.readers.torch_values import read_values
from stridescope.readers.torch_words import (
    DEVICES,
    DTYPES,
    FUNCTION_MODES,
    HAS_KEY_BITS,
    KINDS,
    address_of,
    device_word,
    dispatch_keys,
    dtype_word,
    key_kind,
)

if TYPE_CHECKING:
    from stridescope.records import TensorInfo

__all__ = ["inspect", "read_values"]

_PLAIN_CLASSES = {torch.Tensor: "torch.Tensor", torch.nn.Parameter: "torch.nn.Parameter"}
_keys_of = dispatch_keys if HAS_KEY_BITS else None


def inspect(tensor: torch.Tensor, name: str | None = None) -> TensorInfo:
    """How a tensor lies in its storage, from metadata alone.

    Args:
        tensor: any torch.Tensor, of any layout, device, mode or subclass.
        name: what to call it in the answer.

    >>> inspect(torch.arange(12).view(3, 4).t()).stride
    (1, 4)
    """
    spelled = _PLAIN_CLASSES.get(type(tensor))
    # With a torch function mode on, even `tensor.shape` would run user code.
    if spelled is None or FUNCTION_MODES() or _keys_of is None:
        return read_carefully(tensor, name)
    kind = KINDS.get(_keys_of(tensor).raw_repr()) or key_kind(tensor)
    if not kind.plain:
        return read_carefully(tensor, name)
    address = address_of(tensor)
    shape, stride, offset = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    storage = tensor.untyped_storage()
    nbytes = storage.nbytes()
    dtype = tensor.dtype
    word, itemsize, dtype_notes = DTYPES.get(dtype) or dtype_word(dtype)
    start: int | None = None
    why: tuple[tuple[str, str], ...] = ()
    if address:
        start = address - offset * itemsize
    elif kind.memoryless is None or not _all_ints(*shape, *stride, offset, nbytes):
        # No elements, a storage that was freed, or a symbolic shape.
        return read_carefully(tensor, name)
    else:
        why = (("storage.data_ptr", kind.memoryless),)
    device = tensor.device
    return tensor_info(
        spelled,
        shape,
        stride,
        offset,
        word,
        itemsize,
        DEVICES.get(device) or device_word(device),
        tensor.requires_grad,
        storage_info(hex(storage._cdata), nbytes, start),
        "strided",
        name,
        (),
        kind.notes + dtype_notes,
        why,
    )


def _all_ints(*values: object) -> bool:
    return all(type(value) is int for value in values)


keep_uncompiled(inspect, read_carefully, read_values)
