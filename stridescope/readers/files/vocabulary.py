"""The names that torch writes into files, and what may stand beside them.

Problem: a file names dtypes, storages, layouts and devices in words of torch, and none of it can be trusted. Method:
tables of the names, and small functions that take an inert value for what it is to be, or refuse it. Cost: a look-up.

Source: `torch/storage.py`, `torch/_weights_only_unpickler.py`, `c10/core/ScalarType.h`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stridescope.layout.dtypes import DTYPES
from stridescope.readers.files.inert import Global, Made, Malformed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BITS",
    "FORMATS",
    "ITEMSIZES",
    "KEPT",
    "LARGEST",
    "LAYOUTS",
    "MOST_DIMS",
    "PACKING",
    "PLAIN",
    "SCHEMES",
    "STORAGES",
    "device_of",
    "dtype_of",
    "lengths",
    "whole",
]

MOST_DIMS = 64
"""No op of torch takes more."""

LARGEST = 2**63
"""No size, stride, offset or count of bytes is as large."""

ITEMSIZES: dict[str, int] = {
    **{name: row.itemsize for name, row in DTYPES.items()},
    **dict.fromkeys(("qint8", "quint8", "quint4x2", "quint2x4", "bits8", "bits1x8", "bits2x4", "bits4x2"), 1),
    **{f"{sign}int{bits}": 1 for sign in ("", "u") for bits in range(1, 8)},
    "qint32": 4,
    "bits16": 2,
    "float4_e2m1fn_x2": 1,
}
"""Bytes an item of every dtype of torch."""

STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "UntypedStorage": "uint8",
    "_UntypedStorage": "uint8",
}
"""torch's typed storage classes, and the dtype of each; numel is in bytes for the untyped ones."""

LAYOUTS = ("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "_mkldnn", "jagged")
SCHEMES = (
    "per_tensor_affine",
    "per_tensor_symmetric",
    "per_channel_affine",
    "per_channel_symmetric",
    "per_channel_affine_float_qparams",
)
FORMATS = ("contiguous_format", "channels_last", "channels_last_3d", "preserve_format")

KEPT = {
    "sparse_coo": ("indices", "values"),
    "sparse_csr": ("crow_indices", "col_indices", "values"),
    "sparse_bsr": ("crow_indices", "col_indices", "values"),
    "sparse_csc": ("ccol_indices", "row_indices", "values"),
    "sparse_bsc": ("ccol_indices", "row_indices", "values"),
}
"""The tensors that a sparse layout keeps its elements in, in the order they are saved."""

BITS = {
    "conj": "a conjugate view: the storage holds the values with the sign of the imaginary part not yet flipped",
    "neg": "a negative view: the storage holds the values with their sign not yet flipped",
}

PACKING = {
    "float4_e2m1fn_x2": "each element is one byte that holds two 4-bit values",
    "quint4x2": "each byte of the storage holds two 4-bit values; offsets and strides count values",
    "quint2x4": "each byte of the storage holds four 2-bit values; offsets and strides count values",
}


def device_of(value: Any) -> str:
    """A device as torch spells it, from what a pickle holds.

    Raises:
        Malformed: it is none.
    """
    if type(value) is bytes:
        value = value.decode("ascii", "replace")
    parts = value.args if type(value) is Made and value.name == "torch.device" else (value,)
    if not all(type(part) is str or (type(part) is int and 0 <= part < 2**16) for part in parts):
        raise Malformed("got something else where the device belongs")
    return ":".join(str(part) for part in parts)[:80]


def whole(*values: Any) -> None:
    """Refuses what is no whole number from 0 to 2**63.

    Raises:
        Malformed: one is none.
    """
    for value in values:
        if type(value) is not int or not 0 <= value < LARGEST:
            raise Malformed("got something else where a whole number belongs")


def lengths(values: Any) -> tuple[int, ...]:
    """Sizes or strides.

    Raises:
        Malformed: they are none.
    """
    if type(values) is list:
        values = tuple(values[: MOST_DIMS + 1])
    if type(values) is not tuple or len(values) > MOST_DIMS:
        raise Malformed(f"its sizes or strides are no {MOST_DIMS} whole numbers or fewer")
    for value in values:
        if type(value) is not int or not 0 <= value < LARGEST:
            raise Malformed("its sizes or strides are no whole numbers from 0 to 2**63")
    return values


def dtype_of(value: Any) -> str:
    """The word of a dtype.

    Raises:
        Malformed: it is none that torch has.
    """
    word = value.name.rpartition(".")[2] if type(value) is Global else ""
    if word not in ITEMSIZES:
        raise Malformed("got something else where the dtype belongs")
    return word


def _size(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return lengths(args[0]) if args else ()


def _layout(args: tuple[Any, ...]) -> Global:
    name = args[0]
    if type(name) is not str or name.rpartition(".")[2] not in LAYOUTS:
        raise Malformed("got something else where the layout belongs")
    return Global(name)


def _listed(args: tuple[Any, ...]) -> Any:
    """A list of one kind, as TorchScript writes it."""
    if type(args[0]) is not list:
        raise Malformed("got something else than a list")
    return args[0]


def _tagged(args: tuple[Any, ...]) -> Any:
    """`restore_type_tag(value, type)`."""
    return args[0]


def _complex(args: tuple[Any, ...]) -> complex:
    real, imaginary = args
    return complex(float(real), float(imaginary))


def _bytearray(args: tuple[Any, ...]) -> bytes:
    if not args:
        return b""
    if type(args[0]) is not bytes:
        raise Malformed("got something else than bytes")
    return args[0]


PLAIN: dict[str, Callable[[tuple[Any, ...]], Any] | None] = {
    "torch.Size": _size,
    "torch.serialization._get_layout": _layout,
    "torch.device": None,
    **{f"torch.jit._pickle.build_{kind}list": _listed for kind in ("int", "tensor", "double", "bool")},
    "torch.jit._pickle.restore_type_tag": _tagged,
    "torch.Tensor": None,
    "torch._tensor.Tensor": None,
    "builtins.complex": _complex,
    "__builtin__.complex": _complex,
    "builtins.bytearray": _bytearray,
    "__builtin__.bytearray": _bytearray,
    "builtins.set": None,
    "__builtin__.set": None,
    "builtins.frozenset": None,
    "__builtin__.frozenset": None,
    "collections.Counter": None,
    "torch.nested._internal.nested_tensor.NestedTensor": None,
    "torch.nn.parameter.UninitializedBuffer": None,
}
"""Names that torch itself uses, or reads under weights_only=True, and that build no tensor."""
