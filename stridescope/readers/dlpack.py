"""Objects with `__dlpack__` -> `TensorInfo`, by reading the struct in the capsule.

Problem: every array library exports DLPack, but importing such a capsule into torch or numpy may
copy, refuse or even abort (torch does on negative strides). Method: ask for the capsule, without a
stream sync and without a copy where the exporter can promise that, and read the C struct through
ctypes. The capsule is never consumed: it keeps its name, so that its own destructor calls the
exporter's deleter when it goes.

Cost: one export, some microseconds, and one more for `read_values`.

Source: dlpack.h 1.1 (`DLManagedTensor`, `DLManagedTensorVersioned`); the array API standard's
`__dlpack__` for `stream`, `max_version` and `copy`. Strides there count elements, NULL is
row-major; `byte_offset` counts bytes.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import UnreadableError
from stridescope.layout.base import Strided, contiguous_stride
from stridescope.readers.drafts import storage_info, tensor_info
from stridescope.readers.memory import read_elements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import TensorInfo

__all__ = ["inspect", "read_values"]

_VERSION = (1, 1)
_READ_ONLY, _COPIED = 1, 2
_STREAMED = frozenset((2, 10, 13))
"""Device types whose exporters take a stream; -1 tells them not to wait for any."""

_DEVICES = {
    1: "cpu", 2: "cuda", 3: "cpu", 4: "opencl", 7: "vulkan", 8: "mps", 9: "vpi", 10: "rocm", 11: "cpu",
    12: "privateuseone", 13: "cuda", 14: "xpu", 15: "webgpu", 16: "hexagon", 17: "maia",
}  # fmt: skip
_HOST = frozenset((1, 3, 11))
_DEVICE_NOTES = {3: "pinned host memory of CUDA", 11: "pinned host memory of ROCm", 13: "CUDA managed memory"}
_KINDS = {0: "int", 1: "uint", 2: "float", 3: "handle", 4: "bfloat", 5: "complex"}
_NAMED_KINDS = {
    6: "bool", 7: "float8_e3m4", 8: "float8_e4m3", 9: "float8_e4m3b11fnuz", 10: "float8_e4m3fn", 11: "float8_e4m3fnuz",
    12: "float8_e5m2", 13: "float8_e5m2fnuz", 14: "float8_e8m0fnu", 15: "float6_e2m3fn", 16: "float6_e3m2fn",
    17: "float4_e2m1fn",
}  # fmt: skip


class _DLTensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Versioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("manager_ctx", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("dl_tensor", _DLTensor),
    )


_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.argtypes, _is_valid.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_int
_get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_get_pointer.argtypes, _get_pointer.restype = (ctypes.py_object, ctypes.c_char_p), ctypes.c_void_p


class _Export(NamedTuple):
    """The struct's fields, and the capsule that keeps them and their memory alive."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    byte_offset: int
    data: int
    device_type: int
    device: str
    dtype: str
    bits: int
    flags: int
    capsule: object


def inspect(x: Any, name: str | None = None) -> TensorInfo:
    """How an object with `__dlpack__` lies in its memory.

    Raises:
        UnreadableError: it does not hand out a capsule (its `__dlpack__` raises, say).
    """
    export = _exported(x)
    why = [
        ("requires_grad", "only torch tensors take part in autograd"),
        ("storage.nbytes", "DLPack tells where the elements are, not how large the memory around them is"),
    ]
    notes = [_DEVICE_NOTES[export.device_type]] if export.device_type in _DEVICE_NOTES else []
    if export.flags & _READ_ONLY:
        notes.append("read-only")
    if export.flags & _COPIED:
        notes.append("the exporter made a copy: this is the layout of the copy")
    itemsize = export.bits // 8 if export.bits % 8 == 0 and export.bits else None
    if itemsize is None:
        why.append(("itemsize", f"an element takes {export.bits} bits, no whole number of bytes"))
    low, _ = Strided(export.shape, export.stride).span
    start = export.data + min(low * (itemsize or 0) + export.byte_offset, 0)
    offset_bytes = export.data + export.byte_offset - start
    offset = None if itemsize is None or offset_bytes % itemsize else offset_bytes // itemsize
    if offset is None:
        why.append(("storage_offset", f"byte offset {offset_bytes} is no whole number of elements"))
    if not export.data:
        why[1] = ("storage", "no address is given")
    return tensor_info(
        f"{type(x).__module__}.{type(x).__qualname__}",
        export.shape,
        export.stride,
        offset,
        export.dtype,
        itemsize,
        export.device,
        None,
        storage_info(hex(start), None, start) if export.data else None,
        "strided",
        name,
        (),
        tuple(notes),
        tuple(why),
        None,
        offset_bytes if offset is None else None,
    )


def read_values(x: Any, addresses: Sequence[int]) -> list[Any]:
    """The values at some addresses; None for device memory and dtypes that Python has no value for."""
    export = _exported(x)
    if export.device_type not in _HOST or export.bits % 8 or not export.data:
        return [None] * len(addresses)
    itemsize = export.bits // 8
    low, high = Strided(export.shape, export.stride).span
    first = export.data + export.byte_offset
    start = export.data + min(low * itemsize + export.byte_offset, 0)
    return read_elements(start, first + high * itemsize - start, export.dtype, itemsize, addresses)


def _exported(x: Any) -> _Export:
    """The fields of x's DLPack export."""
    capsule = _capsule(x)
    if _is_valid(capsule, b"dltensor_versioned"):
        versioned = _Versioned.from_address(_get_pointer(capsule, b"dltensor_versioned") or 0)
        if versioned.major != _VERSION[0]:
            raise UnreadableError(
                f"got a DLPack {versioned.major}.{versioned.minor} capsule from a {type(x).__qualname__}, "
                f"needed one of version {_VERSION[0]}"
            )
        return _fields(versioned.dl_tensor, versioned.flags, capsule)
    if _is_valid(capsule, b"dltensor"):
        return _fields(_DLTensor.from_address(_get_pointer(capsule, b"dltensor") or 0), 0, capsule)
    raise UnreadableError(
        f"got {type(capsule).__name__} from __dlpack__ of a {type(x).__qualname__}, needed a capsule named dltensor"
    )


def _capsule(x: Any) -> object:
    """A fresh capsule, asked for in the most harmless way the exporter knows."""
    try:
        device_type = int(x.__dlpack_device__()[0]) if hasattr(type(x), "__dlpack_device__") else 1
        stream = {"stream": -1} if device_type in _STREAMED else {}
        offers: tuple[dict[str, Any], ...] = (
            {"max_version": _VERSION, "copy": False, **stream},
            {"max_version": _VERSION, **stream},
            stream,
        )
        for offer in offers[:-1]:
            try:
                return x.__dlpack__(**offer)
            except TypeError:  # noqa: PERF203
                # An exporter of an older standard does not know the argument.
                continue
        return x.__dlpack__(**offers[-1])
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise UnreadableError(
            f"got a {type(x).__qualname__} whose __dlpack__ raises {type(error).__name__}"
            f"{': ' + reason[0].rstrip('.') if reason else ''}; needed one that exports its memory"
        ) from error


def _fields(tensor: _DLTensor, flags: int, capsule: object) -> _Export:
    shape = tuple(tensor.shape[: tensor.ndim]) if tensor.ndim else ()
    stride = tuple(tensor.strides[: tensor.ndim]) if tensor.ndim and tensor.strides else contiguous_stride(shape)
    kind, bits = _DEVICES.get(tensor.device_type, f"device{tensor.device_type}"), tensor.bits
    dtype = _NAMED_KINDS.get(tensor.code) or f"{_KINDS.get(tensor.code, f'code{tensor.code}_')}{bits}"
    if tensor.lanes != 1:
        dtype = f"{dtype}_x{tensor.lanes}"
    return _Export(
        shape,
        stride,
        tensor.byte_offset,
        tensor.data or 0,
        tensor.device_type,
        kind if kind == "cpu" else f"{kind}:{tensor.device_id}",
        dtype,
        bits * tensor.lanes,
        flags,
        capsule,
    )
