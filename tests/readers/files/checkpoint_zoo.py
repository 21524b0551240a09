"""Everything torch can save, and the question whether a checkpoint says of it what torch says after loading it."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import torch

from stridescope.readers import inspect
from stridescope.records import TensorInfo

torch.set_num_threads(1)

ZOO: dict[str, Callable[[], Any]] = {}


def zoo(make: Callable[[], Any]) -> Callable[[], Any]:
    ZOO[make.__name__] = make
    return make


DTYPES = [
    name
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"),
        *("float16", "bfloat16", "float32", "float64", "complex32", "complex64", "complex128"),
        *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
        "float4_e2m1fn_x2",
    )
    if hasattr(torch, name)
]


def of_dtype(name: str, numel: int = 6) -> torch.Tensor:
    """Some bytes as elements of a dtype."""
    dtype = getattr(torch, name)
    raw = torch.arange(numel * dtype.itemsize, dtype=torch.uint8)
    return (raw % 2 if name == "bool" else raw).view(dtype)


@zoo
def every_dtype() -> Any:
    return {name: of_dtype(name) for name in DTYPES}


@zoo
def views() -> Any:
    x = torch.arange(60.0).view(3, 4, 5)
    return {
        "whole": x,
        "t": x.transpose(0, 2),
        "sliced": x[1:, ::2, 3],
        "expanded": x[:1].expand(7, 4, 5),
        "diagonal": x.diagonal(dim1=0, dim2=1),
        "windows": x.view(-1).unfold(0, 3, 1),
        "none": x[3:],
        "scalar": x[1, 1, 1],
        "channels_last": torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "ones": torch.ones(2, 1, 1).as_strided((2, 1, 1), (1, 9, 7)),
    }


@zoo
def tied() -> Any:
    weight = torch.nn.Parameter(torch.ones(3, 4))
    return {"a": weight, "b": weight, "c": weight.data, "d": [weight.data[1:]]}


@zoo
def two_dtypes_in_one_storage() -> Any:
    x = of_dtype("uint16", 8)
    return {"x": x, "y": x.view(torch.uint8)[3:]}


@zoo
def gradients() -> Any:
    x = torch.ones(3, requires_grad=True)
    return {"leaf": x, "parameter": torch.nn.Parameter(torch.ones(2)), "frozen": torch.nn.Parameter(x.data, False)}


@zoo
def bits() -> Any:
    x = of_dtype("complex64")
    return {"conj": x.conj(), "neg": x.clone().conj().imag, "plain": x}


@zoo
def meta() -> Any:
    return {"m": torch.ones(3, 4, device="meta").t(), "p": torch.nn.Parameter(torch.ones(2, device="meta"))}


@zoo
def sparse() -> Any:
    dense = torch.tensor([[0.0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 0, 0], [0, 4, 5, 0]])
    return {
        "coo": dense.to_sparse(),
        "hybrid": dense.to_sparse(1),
        "csr": dense.to_sparse_csr(),
        "csc": dense.to_sparse_csc(),
        "bsr": dense.to_sparse_bsr((2, 2)),
        "bsc": dense.to_sparse_bsc((2, 2)),
        "parameter": torch.nn.Parameter(dense.to_sparse()),
    }


@zoo
def quantized() -> Any:
    x = torch.arange(12.0).view(3, 4)
    per_channel = torch.quantize_per_channel(x, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0, 1, 2]), 0, torch.qint8)
    return {
        "tensor": torch.quantize_per_tensor(x, 0.5, 3, torch.quint8),
        "wide": torch.quantize_per_tensor(x, 0.5, 0, torch.qint32).t(),
        "channel": per_channel,
    }


@zoo
def nested() -> Any:
    return {"n": torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])}


class Sub(torch.Tensor):
    pass


@zoo
def subclass() -> Any:
    plain = torch.arange(6).view(2, 3).t().as_subclass(Sub)
    with_attributes = torch.ones(3)
    with_attributes.note = "kept"
    with_attributes.other = torch.ones(9)
    return {"sub": plain, "attributes": with_attributes}


class Wraps(torch.Tensor):
    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Wraps:  # noqa: PYI034
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, strides=inner.stride(), dtype=inner.dtype)

    def __init__(self, inner: torch.Tensor) -> None:
        self.inner = inner

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["inner"], None

    def __repr__(self) -> str:
        return "Wraps"

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return NotImplemented


@zoo
def wrapper() -> Any:
    return {"w": Wraps(torch.ones(2, 3).t())}


@zoo
def lazy_parameter() -> Any:
    return {"u": torch.nn.UninitializedParameter()}


@zoo
def state_dicts() -> Any:
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LSTM(4, 5, num_layers=2), torch.nn.BatchNorm1d(5))
    optimizer = torch.optim.AdamW(model.parameters())
    model[0](torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "args": ("a", [1.5])}


@zoo
def containers() -> Any:
    x = torch.ones(2)
    return OrderedDict(a=[x, (x * 2, {"b": x[:1]})], n={0: x, "0": x.clone(), (1, 2): x.clone(), "": x.clone()})


@zoo
def alone() -> Any:
    return torch.arange(6).view(2, 3).t()


def tensors_of(value: Any, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of a loaded value by the names a checkpoint gives them (for keys without surprises)."""
    if isinstance(value, torch.Tensor):
        yield path or "tensor", value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors_of(item, _step(path, key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from tensors_of(item, f"{path}[{number}]")


def _step(path: str, key: Any) -> str:
    if isinstance(key, str) and key:
        return f"{path}.{key}" if path else key
    return f'{path}[""]' if key == "" else f"{path}[{key!r}]"


def facts(info: TensorInfo) -> dict[str, Any]:
    """All of an info that does not depend on where the tensor is in memory."""
    missing = {field for field, _ in info.why if field != "storage.data_ptr"}
    found = {
        "type": info.type,
        "tensor_layout": info.tensor_layout,
        "dtype": info.dtype,
        "itemsize": info.itemsize,
        "device": info.device,
        "shape": info.shape,
        "stride": info.stride,
        "storage_offset": info.storage_offset,
        "requires_grad": info.requires_grad,
        "nbytes": None if info.storage is None else info.storage.nbytes,
        "parts": {name: facts(part) for name, part in info.parts},
        "notes": set(info.notes),
        "missing": missing,
    }
    if info.dtype is None:
        # A lazy parameter: torch makes up a dtype and a device for it.
        found = {name: found[name] for name in ("type", "shape", "stride", "storage_offset", "requires_grad")}
    return found


def facts_of_live(tensor: torch.Tensor) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return facts(inspect(tensor))
