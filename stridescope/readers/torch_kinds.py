"""Tensors that do not answer plainly: sparse, nested, quantized, wrapped, transformed, fake, freed, ...

Problem: for these, torch's getters return a placeholder (stride (0, 0) of a sparse tensor), the wrong
memory (the storage of a jagged one), symbols, or raise. Method: a table of kinds, the first whose test
holds is the tensor's; each row says which fields exist, why the others do not, and which inner tensors
really hold the elements (`parts`). Every question is asked quietly and may fail; a failure becomes the
`why` of its field. The accessors of inner tensors return aliases: no element is read or copied.

Cost: tens of microseconds, and as much again for each part.

Source: `SparseTensorImpl.h`, `SparseCsrTensorImpl.h`, `NestedTensorImpl.h`, `BatchedTensorImpl.h`,
`FunctionalTensorWrapper.h` in ATen; `torch/utils/_python_dispatch.py` for the flatten protocol.
"""

# ruff: noqa: BLE001, PERF203, S112, SLF001 - whatever a tensor raises is an answer; torch has no public way to ask

from __future__ import annotations

import contextlib
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from stridescope.readers.drafts import storage_info, tensor_info
from stridescope.readers.torch_facts import Facts, absent_memory, first_sentence, is_fake, read_dense
from stridescope.readers.torch_words import (
    DEVICES,
    DTYPES,
    address_of,
    class_name,
    device_word,
    dtype_word,
    quietly,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.records import TensorInfo

__all__ = ["has_memory", "read_carefully"]

_C: Any = torch._C
_LISTED = 64


def read_carefully(tensor: torch.Tensor, name: str | None = None) -> TensorInfo:
    """Any torch tensor, asked with care; a plain one gives the same answer as the fast way."""
    with quietly():
        return _read(tensor, name)


def has_memory(tensor: torch.Tensor) -> bool:
    """Whether the tensor's own storage is where its elements are. Ask this inside `quietly`."""
    facts = Facts(tensor, _read)
    return _kind_of(facts).holds and absent_memory(facts) is None


def _read(tensor: torch.Tensor, name: str | None) -> TensorInfo:
    facts = Facts(tensor, _read)
    dtype = facts.ask("dtype", lambda: tensor.dtype)
    spelled, itemsize, notes = (DTYPES.get(dtype) or dtype_word(dtype)) if dtype is not None else (None, None, ())
    if dtype is None:
        facts.lack("the dtype is not known", "itemsize")
    device = facts.ask("device", lambda: tensor.device)
    layout = facts.ask("layout", lambda: tensor.layout)
    facts.notes.extend(facts.keys.notes + notes)
    facts.itemsize = itemsize
    _dim_names(facts)
    _kind_of(facts).read(facts)
    return tensor_info(
        class_name(type(tensor)),
        facts.shape,
        facts.stride,
        facts.storage_offset,
        spelled,
        itemsize,
        None if device is None else DEVICES.get(device) or device_word(device),
        facts.ask("requires_grad", lambda: tensor.requires_grad),
        facts.storage,
        None if layout is None else word(layout),
        name,
        tuple(facts.parts),
        tuple(facts.notes),
        tuple(facts.why.items()),
    )


def _dim_names(facts: Facts) -> None:
    """The names of the dims, which torch had up to 2.12."""
    if not getattr(facts.tensor, "has_names", bool)():
        return
    names = getattr(facts.tensor, "names", ())
    facts.notes.append("dims are named " + ", ".join("_" if name is None else name for name in names))


def _shape_only(facts: Facts, sentence: str) -> None:
    """The shape as torch says it; nothing else of the layout exists."""
    facts.shape = facts.ints("shape", lambda: facts.tensor.shape)
    facts.lack(sentence, "stride", "storage_offset", "storage")


_QUANTIZER_NOTES: dict[str, Callable[[Any], str]] = {
    "per_tensor": lambda t: f"value = {t.q_scale():g} · (stored - {t.q_zero_point()})",
    "per_channel": lambda t: (
        f"value = scales[i] · (stored - zero_points[i]), i the index in dim {t.q_per_channel_axis()}"
    ),
}


def _quantized(facts: Facts) -> None:
    read_dense(facts)
    tensor = facts.tensor
    scheme = facts.ask("qscheme", lambda: word(tensor.qscheme())) or ""
    for prefix, sentence in _QUANTIZER_NOTES.items():
        if scheme.startswith(prefix):
            facts.notes.append(f"quantized {scheme}: {sentence(tensor)}")
    if scheme.startswith("per_channel"):
        facts.part("scales", tensor.q_per_channel_scales)
        facts.part("zero_points", tensor.q_per_channel_zero_points)


# Elements kept in inner tensors ----------------------------------------------------------------

_CSR = (("crow_indices", "crow_indices"), ("col_indices", "col_indices"), ("values", "values"))
_CSC = (("ccol_indices", "ccol_indices"), ("row_indices", "row_indices"), ("values", "values"))
_SPARSE_PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "sparse_coo": (("indices", "_indices"), ("values", "_values")),
    "sparse_csr": _CSR,
    "sparse_bsr": _CSR,
    "sparse_csc": _CSC,
    "sparse_bsc": _CSC,
}


def _sparse(facts: Facts) -> None:
    layout = word(facts.tensor.layout)
    _shape_only(facts, f"a {layout} tensor keeps only its nonzero elements, in the tensors under parts")
    for name, method in _SPARSE_PARTS[layout]:
        facts.part(name, getattr(facts.tensor, method, lambda: None))


def _mkldnn(facts: Facts) -> None:
    _shape_only(facts, "an mkldnn tensor is opaque: oneDNN chose its own blocked layout")


def _no_storage(facts: Facts) -> None:
    _shape_only(facts, f"this {device_word(facts.tensor.device)} tensor has no storage that torch can see")


def _uninitialized(facts: Facts) -> None:
    sentence = "not initialized yet: a lazy module sets it at its first forward"
    facts.lack(sentence, "shape", "stride", "storage_offset", "storage")


def _nested_strided(facts: Facts) -> None:
    tensor: Any = facts.tensor
    facts.lack(
        "a nested tensor's components have shapes of their own, under parts", "shape", "stride", "storage_offset"
    )
    storage = facts.ask("storage", tensor.untyped_storage)
    if storage is not None:
        first = facts.ask("storage.data_ptr", lambda: address_of(tensor))
        if not first:
            facts.lack("the storage has 0 bytes", "storage.data_ptr")
        facts.storage = storage_info(hex(storage._cdata), storage.nbytes(), first or None)
    try:
        # Small host tensors that are part of the metadata, whatever device the elements are on.
        sizes = tensor._nested_tensor_size().tolist()
        strides = tensor._nested_tensor_strides().tolist()
        offsets = tensor._nested_tensor_storage_offsets().tolist()
    except Exception as error:
        facts.notes.append(f"the components cannot be reached: {first_sentence(error)}")
        return
    facts.notes.append(f"{len(sizes)} components in one storage")
    if len(sizes) > _LISTED:
        facts.notes.append(f"parts lists the first {_LISTED}")
    spelled, _, _ = DTYPES.get(tensor.dtype) or dtype_word(tensor.dtype)
    for number, (size, stride, offset) in enumerate(zip(sizes[:_LISTED], strides, offsets, strict=False)):
        component = tensor_info(
            "torch.Tensor",
            tuple(size),
            tuple(stride),
            offset,
            spelled,
            facts.itemsize,
            device_word(tensor.device),
            tensor.requires_grad,
            facts.storage,
            "strided",
            f"[{number}]",
            why=tuple(item for item in facts.why.items() if item[0] == "storage.data_ptr"),
        )
        facts.parts.append((f"[{number}]", component))


# Tensors around tensors ------------------------------------------------------------------------


def _transformed(facts: Facts) -> None:
    """A tensor inside vmap, grad, jvp or functionalize of torch.func."""
    functorch, tensor = _C._functorch, facts.tensor
    level = functorch.maybe_get_level(tensor)
    if functorch.is_batchedtensor(tensor):
        told = f"a vmap tensor of level {level}: dim {functorch.maybe_get_bdim(tensor)} of its value is the mapped one"
    elif functorch.is_gradtrackingtensor(tensor):
        told = f"a tensor inside torch.func's grad, vjp or jvp, at level {level}"
    else:
        told = "a tensor inside functionalize"
    facts.notes.append(told)
    _shape_only(facts, "inside a torch.func transform the memory is that of the value, under parts")
    facts.part("value", lambda: functorch.get_unwrapped(tensor))


def _functional(facts: Facts) -> None:
    _shape_only(facts, "a functional tensor's memory is that of its value, under parts")
    facts.part("value", lambda: torch._from_functional_tensor(facts.tensor))


def _wrapper(facts: Facts) -> None:
    tensor = facts.tensor
    _shape_only(facts, f"{class_name(type(tensor))} wraps other tensors and has no memory of its own; see parts")
    with contextlib.suppress(Exception):
        reported = ", ".join(str(step) for step in tensor.stride())
        facts.notes.append(f"reports stride ({reported}) for itself")
    names = (
        facts.ask("parts", lambda: tensor.__tensor_flatten__()[0]) if _flattens(tensor) else _tensor_attributes(tensor)
    )
    for name in names or ():
        if name in _BOOKKEEPING:
            continue
        facts.part(str(name).lstrip("_"), lambda name=name: getattr(tensor, name))  # type: ignore[misc]
    for attribute, title in _SPREAD.items():
        if hasattr(type(tensor), attribute):
            told = facts.ask(attribute, lambda attribute=attribute: getattr(tensor, attribute))  # type: ignore[misc]
            facts.notes.append(f"{title} {told}")


_BOOKKEEPING = frozenset(("_min_seqlen_tensor", "_max_seqlen_tensor"))
"""Numbers that a jagged tensor keeps in the shape of empty tensors."""

_SPREAD = {"placements": "placements", "device_mesh": "device mesh"}
"""What a DTensor says of how it is spread over devices."""


def _flattens(tensor: torch.Tensor) -> bool:
    return hasattr(type(tensor), "__tensor_flatten__")


def _tensor_attributes(tensor: torch.Tensor) -> list[str]:
    slots = chain.from_iterable(vars(cls).get("__slots__", ()) for cls in type(tensor).__mro__)
    names = [*getattr(tensor, "__dict__", {}), *slots]
    return [name for name in names if name != "_grad" and isinstance(getattr(tensor, name, None), torch.Tensor)]


# The table -------------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """A row: `holds` says whether the tensor's own storage is where its elements are."""

    test: Callable[[Facts], bool]
    read: Callable[[Facts], None]
    holds: bool = False


def _is_uninitialized(facts: Facts) -> bool:
    mixin = getattr(torch.nn.parameter, "UninitializedTensorMixin", None)
    return mixin is not None and isinstance(facts.tensor, mixin)


def _is_transformed(facts: Facts) -> bool:
    return any(name.startswith("FuncTorch") for name in facts.keys.names)


def _is_functional(facts: Facts) -> bool:
    return "Functionalize" in facts.keys.names and not _flattens(facts.tensor)


def _is_sparse(facts: Facts) -> bool:
    return word(facts.tensor.layout) in _SPARSE_PARTS


def _is_mkldnn(facts: Facts) -> bool:
    return word(facts.tensor.layout) == "_mkldnn"


def _is_wrapper(facts: Facts) -> bool:
    if _flattens(facts.tensor):
        return True
    if "Python" not in facts.keys.names or is_fake(facts.tensor):
        return False
    try:
        return not address_of(facts.tensor) and bool(_tensor_attributes(facts.tensor))
    except Exception:
        return True


def _is_nested(facts: Facts) -> bool:
    return bool(facts.tensor.is_nested)


def _lacks_storage(facts: Facts) -> bool:
    has_storage = getattr(_C, "_has_storage", None)
    return has_storage is not None and not has_storage(facts.tensor)


def _is_quantized(facts: Facts) -> bool:
    return bool(facts.tensor.is_quantized)


_KINDS = (
    _Kind(_is_uninitialized, _uninitialized),
    _Kind(_is_transformed, _transformed),
    _Kind(_is_functional, _functional),
    _Kind(_is_sparse, _sparse),
    _Kind(_is_mkldnn, _mkldnn),
    _Kind(_is_wrapper, _wrapper),
    _Kind(_is_nested, _nested_strided, holds=True),
    _Kind(_lacks_storage, _no_storage),
    _Kind(_is_quantized, _quantized, holds=True),
)
_DENSE = _Kind(lambda _: True, read_dense, holds=True)


def _kind_of(facts: Facts) -> _Kind:
    for kind in _KINDS:
        try:
            if kind.test(facts):
                return kind
        except Exception:
            # A device or class that does not answer one test is not of that kind.
            continue
    return _DENSE
