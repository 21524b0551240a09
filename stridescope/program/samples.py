"""Arguments to try an op with, such as "4, 3" for `view` of shape (3, 4).

Problem: a list of what may come next is to say what each op would do here, and most ops want arguments that nobody has
typed yet. Method: a row for each op whose arguments make sense only together with the shape; for all others the
parameters of a signature, each kind with a value that fits anything. An op that needs another tensor gets the one it
is called on, by its name. What fits none of this is not tried. Cost: O(ndim), and at most 1,000 trial divisions.
"""

from __future__ import annotations

from math import isqrt, prod
from typing import TYPE_CHECKING

from stridescope.program.signature import REQUIRED, parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.program.ops import Op
    from stridescope.records import TensorInfo

__all__ = ["sample"]

Shape = tuple[int, ...]

_TRIALS = 1_000


def sample(op: Op, info: TensorInfo | None, name: str) -> str | None:
    """The text of a call of an op, without its owner: "view(4, 3)", "T"; None where no arguments come to mind.

    Args:
        info: the tensor that it is tried on: the receiver of a method, the first tensor of a function.
        name: an expression for that tensor, "" where it has none.

    >>> from stridescope.program.tables import OPS
    >>> sample(OPS["torch", "zeros"], None, "")
    'zeros(2, 3)'
    """
    if op.attribute:
        return op.name
    method = op.owner in ("tensor", "ndarray")
    shape = None if info is None else info.shape
    row = _NUMPY_ROWS.get(op.name, _ROWS.get(op.name)) if op.owner in ("ndarray", "np") else _ROWS.get(op.name)
    if row is None and info is not None and op.name in _BY_DTYPE:
        return _written(op, name, _other_dtype(op, info))
    if row is not None and shape is not None:
        return _written(op, name, row if isinstance(row, str) else row(shape))
    if not method and (fixed := _FUNCTIONS.get(op.name)) is not None:
        return None if "{x}" in fixed and not name else f"{op.name}({fixed.replace('{x}', name)})"
    if method or name or not any("tensor" in signature for signature in op.signatures):
        arguments = next(filter(None, (_by_kind(signature, name) for signature in op.signatures)), None)
        return None if arguments is None else f"{op.name}({arguments.strip()})"
    return None


def _written(op: Op, name: str, arguments: str | None) -> str | None:
    """A call of a method with arguments, or of the function of that name on `name`."""
    if arguments is None:
        return None
    if op.owner in ("tensor", "ndarray"):
        return f"{op.name}({arguments})"
    if not name:
        return None
    first = parameters(op.signatures[0])
    # As a function, what a method takes one by one is one tuple.
    if len(first) > 1 and (first[1].several or first[1].kind == "shape") and "(" not in arguments:
        arguments = f"({arguments},)" if arguments and "," not in arguments else f"({arguments})"
    return f"{op.name}({', '.join(filter(None, (name, arguments)))})"


def _by_kind(signature: str, name: str) -> str | None:
    """Arguments for the parameters that must be given, " " for none; None where one is a tensor that has no name."""
    values = []
    for parameter in parameters(signature):
        if parameter.default is not REQUIRED or parameter.optional:
            continue
        value = name if parameter.kind == "tensor" else f"[{name}, {name}]" if name else ""
        if parameter.kind not in ("tensor", "tensors"):
            value = _VALUES.get(parameter.kind, "")
            if parameter.several or parameter.star:
                value = f"({value},)" if parameter.several else value
        if not value:
            return None
        values.append(f"{parameter.name}={value}" if parameter.keyword_only and not parameter.star else value)
    return ", ".join(values) or " "


_VALUES = {"int": "0", "bool": "True", "number": "1", "shape": "(2, 3)", "dtype": "torch.float32", "any": "[1, 2]"}
"""A value for a parameter of a kind."""


# ------------------------------------------------------------------------------------- rows of their own


def _listed(values: Shape) -> str:
    return ", ".join(map(str, values))


def _tuple(values: Shape) -> str:
    return f"({_listed(values)}{',' * (len(values) == 1)})"


def _pair(n: int) -> Shape:
    """Two factors of a number, as near to each other as they are quickly found."""
    root = isqrt(n)
    low = next((d for d in range(root, max(root - _TRIALS, 0), -1) if n % d == 0), 1)
    return (low, n // low) if n else (1, 0)


def _regrouped(shape: Shape) -> str:
    """Another shape of the same elements: a row as a block, the last two dims exchanged."""
    if len(shape) < 2:
        return _listed(_pair(prod(shape)))
    *lead, rows, columns = shape
    if rows == columns:
        return _listed((*lead, rows * columns))
    return _listed((*lead, columns, rows))


def _expanded(shape: Shape) -> str:
    if 1 in shape:
        return _listed(tuple(2 if size == 1 else size for size in shape))
    return _listed((2, *shape))


def _split_dim(shape: Shape) -> str | None:
    return f"-1, {_tuple(_pair(shape[-1]))}" if shape else None


def _half(shape: Shape) -> str:
    return str(max(shape[0] // 2, 1) if shape else 1)


def _two_parts(shape: Shape) -> str:
    first = int(_half(shape))
    return f"[{first}, {shape[0] - first if shape else 0}]"


def _windows(shape: Shape) -> str:
    return "(2, 2), (1, 1)" if prod(shape) > 2 else "(1,), (1,)"


_ROWS: dict[str, str | Callable[[Shape], str | None]] = {
    "view": _regrouped,
    "reshape": _regrouped,
    "unflatten": _split_dim,
    "expand": _expanded,
    "broadcast_to": _expanded,
    "permute": lambda shape: _listed(tuple(range(len(shape)))[::-1]) or "()",
    "transpose": "0, 1",
    "swapaxes": "0, 1",
    "swapdims": "0, 1",
    "transpose_": "0, 1",
    "swapaxes_": "0, 1",
    "swapdims_": "0, 1",
    "movedim": "0, -1",
    "moveaxis": "0, -1",
    "narrow": lambda shape: f"0, 0, {_half(shape)}",
    "narrow_copy": lambda shape: f"0, 0, {_half(shape)}",
    "select": "0, 0",
    "unfold": "-1, 2, 1",
    "split": _half,
    "unsafe_split": _half,
    "split_with_sizes": _two_parts,
    "array_split": "2",
    "chunk": "2",
    "unsafe_chunk": "2",
    "tensor_split": "2",
    "hsplit": "2",
    "vsplit": "2",
    "dsplit": "2",
    "as_strided": _windows,
    "as_strided_": _windows,
    "repeat": lambda shape: _listed((2, *(1,) * (len(shape) - 1))),
    "tile": "2",
    "repeat_interleave": "2",
    "flip": "0",
    "roll": "1, 0",
    "clamp": "0",
    "clip": "0",
    "clamp_": "0",
    "clip_": "0",
}
"""Op -> the arguments of its method, or what makes them of a shape."""

_NUMPY_ROWS: dict[str, str | Callable[[Shape], str | None]] = {
    "transpose": "",
    "view": "",
    "repeat": "2",
    "squeeze": "",
    "take": "[0]",
    "roll": "1",
    "sliding_window_view": "2",
    "split": "2",
}
"""The same for numpy, where it differs."""

_BY_DTYPE = ("to", "type", "astype")


def _other_dtype(op: Op, info: TensorInfo) -> str:
    wanted = "float64" if info.dtype == "float32" else "float32"
    return f"{'np' if op.owner == 'ndarray' else 'torch'}.{wanted}"


_FUNCTIONS = {
    "arange": "12",
    "range": "0, 3",
    "zeros": "2, 3",
    "ones": "2, 3",
    "empty": "2, 3",
    "rand": "2, 3",
    "randn": "2, 3",
    "full": "(2, 3), 7",
    "linspace": "0, 1, 5",
    "eye": "3",
    "identity": "3",
    "randperm": "6",
    "randint": "10, (2, 3)",
    "normal": "0, 1, (2, 3)",
    "empty_strided": "(2, 3), (1, 2)",
    "empty_permuted": "(2, 3), (1, 0)",
    "tensor": "[[1, 2], [3, 4]]",
    "as_tensor": "[[1, 2], [3, 4]]",
    "asarray": "[[1, 2], [3, 4]]",
    "array": "[[1, 2], [3, 4]]",
    "concatenate": "[{x}, {x}]",
    "concat": "[{x}, {x}]",
    "stack": "[{x}, {x}]",
    "hstack": "[{x}, {x}]",
    "vstack": "[{x}, {x}]",
    "dstack": "[{x}, {x}]",
    "column_stack": "[{x}, {x}]",
    "append": "{x}, {x}",
    "flipud": "{x}",
    "where": "{x} > 0",
    "expand_dims": "{x}, 0",
    "meshgrid": "{x}, {x}",
    "broadcast_tensors": "{x}, {x}",
    "broadcast_arrays": "{x}, {x}",
    "nn.functional.pad": "{x}, (1, 1)",
    "lib.stride_tricks.sliding_window_view": "{x}, 2",
    "lib.stride_tricks.as_strided": "{x}",
    "random.rand": "2, 3",
    "random.randn": "2, 3",
    "random.randint": "10, size=(2, 3)",
    "zeros_like": "{x}",
    "ones_like": "{x}",
    "empty_like": "{x}",
    "full_like": "{x}, 7",
}
"""Function -> its arguments; `{x}` stands for a tensor of the program."""
