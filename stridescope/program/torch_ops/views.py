"""torch's ops that keep the storage where they can, and questions about a tensor.

Problem and method: each row is an op of the layout algebra; the few that involve the element type (view(dtype), real
and imaginary parts, conjugation, numpy()) are written out below. Cost: O(ndim).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpIndexError, OpRuntimeError, OpTypeError
from stridescope.layout import Copy, Layout
from stridescope.layout.base import wrap_dim
from stridescope.layout.copy import Same
from stridescope.layout.dtypes import DTYPES, NUMPY_NAMES, DType
from stridescope.program.rows import as_functions, in_parts, on_layout, rows
from stridescope.program.tensor import Tensor, of_copy
from stridescope.program.torch_ops.copies import at_least

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "as_numpy", "as_strided"]


def _view_dtype(tensor: Tensor, dtype: DType) -> Tensor:
    if tensor.conj or tensor.neg:
        raise OpRuntimeError(
            "conj_view",
            "a conjugate or negative view cannot be read as another dtype; resolve_conj() or resolve_neg() first",
        )
    if dtype == tensor.dtype:
        return tensor.view(tensor.layout.detach())
    layout = tensor.layout.view_itemsize(tensor.dtype.itemsize, dtype.itemsize)
    return tensor.view(layout, dtype=dtype, requires_grad=tensor.requires_grad and dtype.kind in ("float", "complex"))


def _part_dtype(tensor: Tensor, what: str) -> DType:
    if not tensor.dtype.is_complex:
        raise OpRuntimeError(
            "not_complex", f"{what} needs a complex tensor, got {tensor.dtype}; torch.view_as_complex makes one"
        )
    return DTYPES[tensor.dtype.part]


def _view_as_real(tensor: Tensor) -> Tensor:
    part = _part_dtype(tensor, "view_as_real")
    if tensor.conj:
        raise OpRuntimeError("conj_view", "view_as_real needs values as they lie in storage; resolve_conj() first")
    return tensor.view(tensor.layout.view_as_real(), dtype=part)


def _view_as_complex(tensor: Tensor) -> Tensor:
    whole = next((row for row in DTYPES.values() if row.part == tensor.dtype.name), None)
    if whole is None:
        raise OpRuntimeError("not_real", f"view_as_complex needs float16, float32 or float64, got {tensor.dtype}")
    if tensor.neg:
        raise OpRuntimeError("conj_view", "view_as_complex needs values as they lie in storage; resolve_neg() first")
    return tensor.view(tensor.layout.view_as_complex(), dtype=whole)


def _real(tensor: Tensor) -> Tensor:
    if not tensor.dtype.is_complex:
        return tensor
    return tensor.view(tensor.layout.real(is_complex=True), dtype=DTYPES[tensor.dtype.part], conj=False)


def _imag(tensor: Tensor) -> Tensor:
    part = _part_dtype(tensor, "imag")
    return tensor.view(tensor.layout.imag(), dtype=part, conj=False, neg=tensor.conj != tensor.neg)


def _conj(tensor: Tensor) -> Tensor:
    if not tensor.dtype.is_complex:
        return tensor
    return tensor.view(tensor.layout.detach(), conj=not tensor.conj)


def _conjugated(transposed: Any) -> Any:
    def run(tensor: Tensor) -> Tensor:
        layout = transposed(tensor.layout)
        if layout is tensor.layout:
            return _conj(tensor)
        return tensor.view(layout, conj=tensor.conj != tensor.dtype.is_complex)

    return run


def _resolve(bit: str) -> Any:
    def run(tensor: Tensor) -> Tensor:
        return of_copy(tensor.layout.clone(), (tensor,)) if getattr(tensor, bit) else tensor

    return run


def _detach(tensor: Tensor) -> Tensor:
    return tensor.view(tensor.layout.detach(), requires_grad=False, leaf=True)


def _requires_grad_(tensor: Tensor, requires_grad: bool = True) -> Tensor:
    if requires_grad and tensor.dtype.kind not in ("float", "complex"):
        raise OpRuntimeError(
            "grad_dtype", f"only floating-point and complex tensors can require grad, got {tensor.dtype}"
        )
    if not requires_grad and not tensor.leaf:
        raise OpRuntimeError("not_leaf", "only a leaf can stop requiring grad; detach() gives a tensor that does not")
    tensor.requires_grad = requires_grad
    return tensor


def as_numpy(tensor: Tensor, force: bool = False) -> Tensor:
    """`Tensor.numpy()`: the array over the same memory."""
    if not force:
        if tensor.device != "cpu":
            raise OpTypeError(
                "not_on_cpu", f"numpy() needs a CPU tensor, got one on {tensor.device}; .cpu() copies it there first"
            )
        if tensor.requires_grad:
            raise OpRuntimeError(
                "numpy_grad", "numpy() cannot carry gradients, and this tensor requires grad; .detach() first"
            )
        if tensor.conj or tensor.neg:
            raise OpRuntimeError(
                "conj_view", "numpy() needs values as they lie in storage; resolve_conj() or resolve_neg() first"
            )
    if tensor.dtype.name not in NUMPY_NAMES:
        raise OpTypeError("numpy_dtype", f"numpy has no {tensor.dtype}; convert first, as in .float()")
    if not tensor.layout.numel:
        # There is no memory to share: numpy makes an empty array of its own.
        empty = Layout(tensor.layout.shape, (0,) * tensor.layout.ndim)
        return of_copy(Copy(empty, (tensor.layout,), Same()), (tensor,), library="numpy")
    if tensor.device != "cpu" or tensor.conj or tensor.neg:
        tensor = of_copy(tensor.layout.clone(), (tensor,), device="cpu")
    return tensor.view(tensor.layout.detach(), library="numpy", requires_grad=False, leaf=True)


def as_strided(
    tensor: Tensor, size: tuple[int, ...], stride: tuple[int, ...], storage_offset: int | None = None
) -> Tensor:
    """`Tensor.as_strided`, kept inside the storage.

    Raises:
        OpRuntimeError: it would reach past the storage's end.
    """
    layout = tensor.layout.as_strided(size, stride, storage_offset)
    held = tensor.storage.nbytes
    needed = 0 if 0 in layout.shape else layout.span[1] * tensor.dtype.itemsize
    if needed > held:
        raise OpRuntimeError("out_of_bounds", f"as_strided reaches up to byte {needed:,}; the storage ends at {held:,}")
    return tensor.view(layout)


def _in_place(run: Any) -> Any:
    """An op that changes the layout of the tensor it is called on."""

    def changed(tensor: Tensor, *args: Any) -> Tensor:
        tensor.layout = run(tensor.layout, *args)
        return tensor

    return changed


_ON_LAYOUT: dict[str, Callable[..., Any]] = {
    "reshape(*int shape)": Layout.reshape,
    "view_as(tensor other)": Layout.view_as,
    "reshape_as(tensor other)": Layout.reshape_as,
    "flatten(int start_dim=0, int end_dim=-1)": Layout.flatten,
    "unflatten(int dim, int[] sizes)": Layout.unflatten,
    "ravel()": Layout.ravel,
    "squeeze()": Layout.squeeze,
    "squeeze(int dim)": Layout.squeeze,
    "squeeze(int[] dim)": Layout.squeeze,
    "unsqueeze(int dim)": Layout.unsqueeze,
    "expand(*int size)": Layout.expand,
    "expand_as(tensor other)": Layout.expand_as,
    "broadcast_to(*int size)": Layout.expand,
    "permute(*int dims)": Layout.permute,
    "t()": Layout.t,
    "transpose(int dim0, int dim1)": Layout.transpose,
    "swapaxes(int axis0, int axis1)": Layout.transpose,
    "swapdims(int dim0, int dim1)": Layout.transpose,
    "movedim(int source, int destination)": Layout.movedim,
    "movedim(int[] source, int[] destination)": Layout.movedim,
    "moveaxis(int source, int destination)": Layout.movedim,
    "moveaxis(int[] source, int[] destination)": Layout.movedim,
    "narrow(int dim, int start, int length)": Layout.narrow,
    "select(int dim, int index)": Layout.select,
    "diagonal(int offset=0, int dim1=0, int dim2=1)": Layout.diagonal,
    "unfold(int dimension, int size, int step)": Layout.unfold,
    "split(int[] split_size, int dim=0)": Layout.split,
    "split_with_sizes(int[] split_sizes, int dim=0)": Layout.split_with_sizes,
    "tensor_split(int[] indices, int dim=0)": Layout.tensor_split,
    "hsplit(int sections)": Layout.hsplit,
    "hsplit(int[] indices)": Layout.hsplit,
    "vsplit(int sections)": Layout.vsplit,
    "vsplit(int[] indices)": Layout.vsplit,
    "dsplit(int sections)": Layout.dsplit,
    "dsplit(int[] indices)": Layout.dsplit,
}


def _size(shape: tuple[int, ...], dim: int) -> int:
    return shape[dim] if -len(shape) <= dim < len(shape) else 0


def _parts_of(shape: tuple[int, ...], split_size: int, dim: int) -> int:
    return -(-_size(shape, dim) // split_size) if split_size > 0 else 0


def _chunks_of(shape: tuple[int, ...], chunks: int, dim: int) -> int:
    # Fewer than asked for, unless there is nothing to share out.
    return min(chunks, _size(shape, dim) or chunks)


_IN_PARTS: dict[str, Callable[..., Any]] = {
    "unbind(int dim=0)": in_parts(Layout.unbind, _size),
    "split(int split_size, int dim=0)": in_parts(Layout.split, _parts_of),
    "unsafe_split(int split_size, int dim=0)": in_parts(Layout.split, _parts_of),
    "chunk(int chunks, int dim=0)": in_parts(Layout.chunk, _chunks_of),
    "unsafe_chunk(int chunks, int dim=0)": in_parts(Layout.chunk, _chunks_of),
    "tensor_split(int sections, int dim=0)": in_parts(Layout.tensor_split, lambda _shape, sections, _dim: sections),
}

_METHODS: dict[str, Callable[..., Any]] = {
    **_IN_PARTS,
    "view(dtype dtype)": _view_dtype,
    "view(*int size)": on_layout(Layout.view),
    **{written: on_layout(run) for written, run in _ON_LAYOUT.items()},
    "adjoint()": _conjugated(Layout.adjoint),
    "as_strided(int[] size, int[] stride, int? storage_offset=None)": as_strided,
    "detach()": _detach,
    "requires_grad_(bool requires_grad=True)": _requires_grad_,
    "conj()": _conj,
    "resolve_conj()": _resolve("conj"),
    "resolve_neg()": _resolve("neg"),
    "positive()": lambda tensor: tensor,
    "numpy(*, bool force=False)": as_numpy,
    "t_()": _in_place(Layout.t),
    "transpose_(int dim0, int dim1)": _in_place(Layout.transpose),
    "swapaxes_(int axis0, int axis1)": _in_place(Layout.transpose),
    "swapdims_(int dim0, int dim1)": _in_place(Layout.transpose),
    "squeeze_()": _in_place(Layout.squeeze),
    "squeeze_(int dim)": _in_place(Layout.squeeze),
    "unsqueeze_(int dim)": _in_place(Layout.unsqueeze),
}

_ATTRIBUTES: dict[str, Callable[..., Any]] = {
    "T": on_layout(lambda layout: layout.T),
    "mT": on_layout(lambda layout: layout.mT),
    "H": _conjugated(lambda layout: layout.H),
    "mH": _conjugated(lambda layout: layout.mH),
    "real": _real,
    "imag": _imag,
    "data": _detach,
}

_FUNCTIONS_ONLY: dict[str, Callable[..., Any]] = {
    "view_as_real(tensor input)": _view_as_real,
    "view_as_complex(tensor input)": _view_as_complex,
    "real(tensor input)": _real,
    "imag(tensor input)": _imag,
    "split(tensor tensor, int split_size_or_sections, int dim=0)": in_parts(Layout.split, _parts_of),
    "split(tensor tensor, int[] split_size_or_sections, int dim=0)": on_layout(Layout.split),
    "linalg.diagonal(tensor A, *, int offset=0, int dim1=-2, int dim2=-1)": on_layout(Layout.diagonal),
    "atleast_1d(tensor input)": on_layout(at_least(1)),
    "atleast_2d(tensor input)": on_layout(at_least(2)),
    "atleast_3d(tensor input)": on_layout(at_least(3)),
}

_FUNCTIONS = [
    "adjoint",
    "as_strided",
    "broadcast_to",
    "chunk",
    "conj",
    "detach",
    "diagonal",
    "dsplit",
    "flatten",
    "hsplit",
    "moveaxis",
    "movedim",
    "narrow",
    "permute",
    "positive",
    "ravel",
    "reshape",
    "resolve_conj",
    "resolve_neg",
    "select",
    "split_with_sizes",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "tensor_split",
    "transpose",
    "unbind",
    "unflatten",
    "unsafe_chunk",
    "unsafe_split",
    "unsqueeze",
    "vsplit",
]

_HOST_METHODS: dict[str, Callable[..., Any]] = {
    "size()": lambda tensor: tensor.layout.shape,
    "size(int dim)": lambda tensor, dim: tensor.layout.shape[_dim(tensor, dim)],
    "stride()": lambda tensor: tensor.layout.stride,
    "stride(int dim)": lambda tensor, dim: tensor.layout.stride[_dim(tensor, dim)],
    "storage_offset()": lambda tensor: tensor.layout.storage_offset,
    "numel()": lambda tensor: tensor.layout.numel,
    "nelement()": lambda tensor: tensor.layout.numel,
    "dim()": lambda tensor: tensor.layout.ndim,
    "element_size()": lambda tensor: tensor.dtype.itemsize,
    'is_contiguous(*, format memory_format="contiguous_format")': lambda tensor, fmt: tensor.layout.is_contiguous(fmt),
    "is_complex()": lambda tensor: tensor.dtype.is_complex,
    "is_floating_point()": lambda tensor: tensor.dtype.is_floating,
    "is_conj()": lambda tensor: tensor.conj,
    "is_neg()": lambda tensor: tensor.neg,
    "__len__()": lambda tensor: tensor.layout.shape[0],
}

_HOST_ATTRIBUTES: dict[str, Callable[..., Any]] = {
    "shape": lambda tensor: tensor.layout.shape,
    "ndim": lambda tensor: tensor.layout.ndim,
    "dtype": lambda tensor: tensor.dtype,
    "device": lambda tensor: tensor.device,
    "itemsize": lambda tensor: tensor.dtype.itemsize,
    "nbytes": lambda tensor: tensor.layout.numel * tensor.dtype.itemsize,
    "requires_grad": lambda tensor: tensor.requires_grad,
    "is_leaf": lambda tensor: tensor.leaf,
}


def _dim(tensor: Tensor, dim: int) -> int:
    if not tensor.layout.shape:
        raise OpIndexError("zero_dim", "a 0-dim tensor has no sizes")
    return wrap_dim(dim, tensor.layout.ndim)


_METHOD_ROWS = rows("tensor", "view", _METHODS)

ROWS: list[Op] = [
    *_METHOD_ROWS,
    *rows("tensor", "view", _ATTRIBUTES, attribute=True),
    *rows("tensor", "host", _HOST_METHODS),
    *rows("tensor", "host", _HOST_ATTRIBUTES, attribute=True),
    *as_functions(_METHOD_ROWS, _FUNCTIONS, "torch"),
    *rows("torch", "view", _FUNCTIONS_ONLY),
]
