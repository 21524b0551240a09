"""torch's ops that make a tensor from nothing, and their values where they are determined.

Problem: `torch.arange(12)` must be drawn with its values and `torch.zeros(10**15)` must cost nothing. Method: a
creation is a layout, an element type and a fill, a function from element number to value; random and uninitialised
storages have none. Cost: O(ndim), O(given data) for `tensor`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isfinite, prod
from typing import TYPE_CHECKING, Any

from stridescope.errors import OpRuntimeError, OpTypeError, OpValueError
from stridescope.layout import Layout
from stridescope.layout.contiguity import PRESERVE
from stridescope.layout.dtypes import DTYPES, DType
from stridescope.program.nested import nested_values
from stridescope.program.rows import rows
from stridescope.program.tensor import Fill, Tensor, cast, fresh, held
from stridescope.program.torch_ops.copies import converted, device_name

if TYPE_CHECKING:
    from stridescope.program.ops import Op

__all__ = ["ROWS", "empty_strided", "inferred_dtype", "made"]

MAX_BYTES = 2**63 - 1

_OPTIONS = "*, dtype? dtype=None, device? device=None, bool requires_grad=False, bool pin_memory=False"


def made(
    shape: tuple[int, ...],
    dtype: DType,
    fill: Fill | None,
    device: str | None,
    requires_grad: bool,
    layout: Layout | None = None,
) -> Tensor:
    """A new tensor of a shape, row-major unless a layout is given, if torch would make one.

    Raises:
        OpRuntimeError: a negative size, more bytes than 63 bits count, or a type that cannot require grad.
    """
    if any(size < 0 for size in shape):
        raise OpRuntimeError("shape_negative", f"shape {list(shape)} has a negative size; sizes are 0 or more")
    if prod(size for size in shape if size) * dtype.itemsize > MAX_BYTES:
        raise OpRuntimeError("too_large", f"shape {list(shape)} of {dtype} needs more than 2**63 - 1 bytes")
    if requires_grad and dtype.kind not in ("float", "complex"):
        raise OpRuntimeError("grad_dtype", f"only floating-point and complex tensors can require grad, got {dtype}")
    return fresh(
        layout or Layout.row_major(shape), dtype, fill, device=device_name(device), requires_grad=requires_grad
    )


def _constant(value: Any) -> Callable[..., Tensor]:
    def run(size: tuple[int, ...], dtype: DType | None, device: str | None, grad: bool, _pin: bool) -> Tensor:
        kind = dtype or DTYPES["float32"]
        known = cast(value, kind)
        return made(size, kind, None if value is None else (lambda _: known), device, grad)

    return run


def _random(size: tuple[int, ...], dtype: DType | None, *rest: Any) -> Tensor:
    kind = dtype or DTYPES["float32"]
    if kind.kind not in ("float", "complex"):
        raise OpRuntimeError(
            "random_dtype", f"rand and randn draw floating-point numbers, not {kind}; randint draws ints"
        )
    return _constant(None)(size, kind, *rest)


def _full(
    size: tuple[int, ...], fill_value: Any, dtype: DType | None, device: str | None, grad: bool, _pin: bool
) -> Tensor:
    kind = dtype or inferred_dtype([fill_value])
    value = held(fill_value, kind, prod(size))
    return made(size, kind, lambda _: value, device, grad)


def _arange(
    start: Any, end: Any, step: Any, dtype: DType | None, device: str | None, grad: bool, _pin: bool = False
) -> Tensor:
    kind = dtype or inferred_dtype([start, end, step])
    if kind.kind in ("bool", "complex"):
        raise OpRuntimeError("arange_dtype", f"arange counts in ints or floats, not in {kind}; convert the result")
    if step == 0:
        raise OpRuntimeError("arange_step", "arange step must not be 0")
    if not all(map(isfinite, (start, end, step))):
        raise OpRuntimeError("arange_range", f"arange needs finite bounds and step, got {start}, {end} and {step}")
    if (end - start) * step < 0:
        raise OpRuntimeError(
            "arange_step", f"arange from {start} to {end} by {step} never arrives; the step has the wrong sign"
        )
    exact = all(isinstance(part, int) for part in (start, end, step))
    count = -(-(end - start) // step) if exact else ceil((end - start) / step)
    if count > MAX_BYTES:
        raise OpRuntimeError("too_large", "arange would count further than 2**63 - 1 elements")
    return made((count,), kind, lambda k: cast(start + step * k, kind), device, grad)


def _linspace(
    start: Any, end: Any, steps: int, dtype: DType | None, device: str | None, grad: bool, _pin: bool
) -> Tensor:
    if steps < 0:
        raise OpRuntimeError("linspace_steps", f"linspace needs 0 or more steps, got {steps}")
    kind = dtype or DTYPES["float32"]
    each = (end - start) / max(steps - 1, 1)
    if kind.kind in ("float", "complex"):
        # torch rounds the step to the element type, and counts from the nearer end.
        each = cast(each, kind)

    def fill(k: int) -> Any:
        if each is None:
            return None
        return cast(start + each * k if k < steps // 2 or steps == 1 else end - each * (steps - 1 - k), kind)

    return made((steps,), kind, fill, device, grad)


def _eye(n: int, m: int | None, dtype: DType | None, device: str | None, grad: bool, _pin: bool) -> Tensor:
    columns = n if m is None else m
    kind = dtype or DTYPES["float32"]
    return made((n, columns), kind, lambda k: cast(int(k // columns == k % columns), kind), device, grad)


def _empty(
    size: tuple[int, ...], dtype: DType | None, device: str | None, grad: bool, _pin: bool, memory_format: str | None
) -> Tensor:
    layout = None
    if memory_format is not None:
        if memory_format == PRESERVE:
            raise OpRuntimeError(
                "memory_format", "empty needs a memory format that names an order, not preserve_format"
            )
        shaped = Layout.row_major(size)
        layout = Layout(size, shaped.stride_when_copied(memory_format))
    return made(size, dtype or DTYPES["float32"], None, device, grad, layout)


def empty_strided(
    size: tuple[int, ...], stride: tuple[int, ...], dtype: DType | None, device: str | None, grad: bool, _pin: bool
) -> Tensor:
    """`torch.empty_strided`."""
    layout = Layout.row_major(()).as_strided(size, stride)
    return made(size, dtype or DTYPES["float32"], None, device, grad, layout)


def _randint(
    low: int, high: int, size: tuple[int, ...], dtype: DType | None, device: str | None, grad: bool, _pin: bool
) -> Tensor:
    if high <= low:
        raise OpRuntimeError("randint_range", f"randint needs low < high, got {low} and {high}")
    return made(size, dtype or DTYPES["int64"], None, device, grad)


def inferred_dtype(values: list[Any]) -> DType:
    """The element type torch gives Python numbers: the widest kind among them; float32 for none.

    >>> inferred_dtype([1, True]).name, inferred_dtype([1, 2.0]).name
    ('int64', 'float32')
    """
    if any(isinstance(value, complex) for value in values):
        return DTYPES["complex64"]
    if not values or any(isinstance(value, float) for value in values):
        return DTYPES["float32"]
    return DTYPES["bool" if all(isinstance(value, bool) for value in values) else "int64"]


def _tensor(data: Any, dtype: DType | None, device: str | None, grad: bool = False, _pin: bool = False) -> Tensor:
    if isinstance(data, Tensor):
        plain = converted(_in_torch(data), dtype, device, True)
        plain.requires_grad, plain.leaf = grad, True
        return plain
    shape, values = nested_values(data)
    kind = dtype or _dtype_of(data) or inferred_dtype(values)
    known = tuple(_element(value, kind) for value in values)
    return made(shape, kind, lambda k: known[k], device, grad)


def _element(value: Any, kind: DType) -> Any:
    """A number of a list; unlike one that fills a tensor, it may become infinite."""
    if isinstance(value, complex) and kind.kind in ("uint", "int", "float"):
        raise OpTypeError("not_real", f"{value!r:.40} is complex, and a tensor of {kind} holds real numbers")
    return cast(value, kind) if kind.kind in ("float", "complex") else held(value, kind, 1)


def _dtype_of(data: Any) -> DType | None:
    """The element type of the first tensor among nested lists, which torch keeps."""
    if isinstance(data, Tensor):
        return data.dtype
    if isinstance(data, list | tuple) and data:
        return _dtype_of(data[0])
    return None


def _in_torch(data: Tensor) -> Tensor:
    """A numpy array as a tensor over the same memory."""
    if data.library == "torch":
        return data
    if any(step < 0 for step in data.layout.stride):
        dims = tuple(dim for dim, step in enumerate(data.layout.stride) if step < 0)
        raise OpValueError(
            "negative_stride",
            f"torch has no negative strides, and dim {dims[0]} has stride {data.layout.stride[dims[0]]}; .copy() first",
            dims,
        )
    layout, itemsize = data.layout, data.dtype.itemsize
    nbytes = 0 if 0 in layout.shape else (layout.span[1] - layout.storage_offset) * itemsize
    window = data.storage.window(layout.storage_offset * itemsize, nbytes, data.dtype)
    return data.view(layout.as_strided(layout.shape, layout.stride, 0), library="torch", locked=False, storage=window)


def _as_tensor(data: Any, dtype: DType | None, device: str | None) -> Tensor:
    if not isinstance(data, Tensor):
        return _tensor(data, dtype, device)
    return converted(_in_torch(data), dtype, device)


def _from_numpy(array: Tensor) -> Tensor:
    if array.library == "torch":
        raise OpTypeError("not_numpy", "from_numpy takes a numpy array, got a torch tensor; as_tensor takes both")
    return _in_torch(array)


def _typed(name: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    kind = DTYPES[name]

    def given(data: Any) -> Tensor:
        if isinstance(data, Tensor) and data.library == "torch":
            if data.dtype != kind:
                raise OpTypeError(
                    "dtype", f"this constructor takes a tensor of {kind}, got {data.dtype}; .to(torch.{kind}) converts"
                )
            return data.view(data.layout.detach())
        if not isinstance(data, list | tuple | Tensor):
            raise OpTypeError("not_a_list", f"this constructor takes sizes or a list of numbers, got {data!r:.40}")
        return _tensor(data, kind, None)

    return lambda size=(0,): made(size, kind, None, None, False), given


def _like(value: Any) -> Callable[..., Tensor]:
    def run(
        source: Tensor,
        dtype: DType | None,
        device: str | None,
        grad: bool,
        _pin: bool,
        memory_format: str | None,
        fill_value: Any = value,
    ) -> Tensor:
        kind = dtype or source.dtype
        layout = source.layout.clone(memory_format or PRESERVE).layout
        known = held(fill_value, kind, layout.numel)
        fill = None if fill_value is None else (lambda _: known)
        return made(layout.shape, kind, fill, device or source.device, grad, layout)

    return run


def _random_like(source: Tensor, dtype: DType | None, *rest: Any) -> Tensor:
    _random((), dtype or source.dtype, None, False, False)
    return _like(None)(source, dtype, *rest)


def _full_like(source: Tensor, fill_value: Any, *options: Any) -> Tensor:
    return _like(None)(source, *options, fill_value=fill_value)


def _new(value: Any) -> Callable[..., Tensor]:
    def run(
        source: Tensor, size: tuple[int, ...], dtype: DType | None, device: str | None, grad: bool, _pin: bool
    ) -> Tensor:
        return _constant(value)(size, dtype or source.dtype, device or source.device, grad, False)

    return run


def _new_full(
    source: Tensor,
    size: tuple[int, ...],
    fill_value: Any,
    dtype: DType | None,
    device: str | None,
    grad: bool,
    _pin: bool,
) -> Tensor:
    return _full(size, fill_value, dtype or source.dtype, device or source.device, grad, False)


_LIKE_OPTIONS = f"{_OPTIONS}, format? memory_format=None"

_CREATIONS: dict[str, Callable[..., Any]] = {
    f"zeros(*int size, {_OPTIONS})".replace("*, ", ""): _constant(0),
    f"ones(*int size, {_OPTIONS})".replace("*, ", ""): _constant(1),
    f"rand(*int size, {_OPTIONS})".replace("*, ", ""): _random,
    f"randn(*int size, {_OPTIONS})".replace("*, ", ""): _random,
    f"empty(*int size, {_OPTIONS}, format? memory_format=None)".replace("*, ", ""): _empty,
    f"full(int[] size, number fill_value, {_OPTIONS})": _full,
    f"arange(number end, {_OPTIONS})": lambda end, *rest: _arange(0, end, 1, *rest),
    f"arange(number start, number end, number step=1, {_OPTIONS})": _arange,
    f"linspace(number start, number end, int steps, {_OPTIONS})": _linspace,
    f"eye(int n, int? m=None, {_OPTIONS})": _eye,
    f"empty_strided(int[] size, int[] stride, {_OPTIONS})": empty_strided,
    f"randint(int high, int[] size, {_OPTIONS})": lambda high, *rest: _randint(0, high, *rest),
    f"randint(int low, int high, int[] size, {_OPTIONS})": _randint,
    f"randperm(int n, {_OPTIONS})": lambda n, dtype, *rest: _constant(None)((n,), dtype or DTYPES["int64"], *rest),
    "scalar_tensor(number s, *, dtype? dtype=None, device? device=None)": lambda s, dtype, device: _full(
        (), s, dtype or DTYPES["float32"], device, False, False
    ),
    **{
        f"{name}_like(tensor input, {_LIKE_OPTIONS})": _like(value)
        for name, value in {"zeros": 0, "ones": 1, "empty": None}.items()
    },
    **{f"{name}_like(tensor input, {_LIKE_OPTIONS})": _random_like for name in ("rand", "randn")},
    f"full_like(tensor input, number fill_value, {_LIKE_OPTIONS})": _full_like,
    f"randint_like(tensor input, int high, {_LIKE_OPTIONS})": lambda source, _high, *rest: _like(None)(source, *rest),
}

# What is made of tensors shares or copies them; what is made of numbers comes from nothing.
_CONVERSIONS: dict[str, Callable[..., Any]] = {
    f"tensor(any data, {_OPTIONS})": _tensor,
    "as_tensor(any data, *, dtype? dtype=None, device? device=None)": _as_tensor,
    "asarray(any obj, *, dtype? dtype=None, device? device=None)": _as_tensor,
    "from_numpy(tensor ndarray)": _from_numpy,
}

_TYPED = {
    "FloatTensor": "float32",
    "DoubleTensor": "float64",
    "HalfTensor": "float16",
    "IntTensor": "int32",
    "LongTensor": "int64",
    "ShortTensor": "int16",
    "CharTensor": "int8",
    "ByteTensor": "uint8",
    "BoolTensor": "bool",
    "Tensor": "float32",
}

for _name, _dtype_name in _TYPED.items():
    _sized, _given = _typed(_dtype_name)
    _CONVERSIONS[f"{_name}(any data)"] = lambda data, sized=_sized, given=_given: (
        sized((data,)) if type(data) is int else given(data)
    )
    _CONVERSIONS[f"{_name}(*int size)"] = _sized
    _CONVERSIONS[f"{_name}()"] = _sized

_NEW: dict[str, Callable[..., Any]] = {
    f"new_zeros(*int size, {_OPTIONS})".replace("*, ", ""): _new(0),
    f"new_ones(*int size, {_OPTIONS})".replace("*, ", ""): _new(1),
    f"new_empty(*int size, {_OPTIONS})".replace("*, ", ""): _new(None),
    f"new_full(int[] size, number fill_value, {_OPTIONS})": _new_full,
    f"new_tensor(any data, {_OPTIONS})": lambda source, data, dtype, device, *rest: _tensor(
        data, dtype or source.dtype, device or source.device, *rest
    ),
}

ROWS: list[Op] = [
    *rows("torch", "create", _CREATIONS),
    *rows("torch", "convert", _CONVERSIONS),
    *rows("tensor", "create", _NEW),
]
