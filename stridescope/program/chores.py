"""What a notebook says besides ops: seeds, devices, and values taken out of a tensor.

Problem: people paste the lines around an op chain too, `torch.manual_seed(0)`, `device = torch.device("cuda", 1)`,
`n = x.item()`, and each must be answered or passed over, not refused. Method: rows like those of the op tables, of
family "host": each answers a Python value and makes no step. Seeds change nothing on layouts, where random values are
unknown; on real torch they are called. Cost: O(1), and O(elements) for `tolist`, which lists 10,000 values at most.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError, OpRuntimeError, OpValueError
from stridescope.program.host import MAX_ITEMS
from stridescope.program.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stridescope.program.ops import Op
    from stridescope.program.tensor import Tensor

__all__ = ["ROWS", "check_listed"]


def check_listed(shape: tuple[int, ...]) -> None:
    """Let through the shapes whose nested lists are short enough to be made.

    Raises:
        InputError: they are not.
    """
    # Each prefix counts: (10**9, 0) has no elements, and a thousand million empty lists.
    if any(count > MAX_ITEMS for count in accumulate(shape, mul)):
        raise InputError(f"tolist() of shape {list(shape)} gives more than {MAX_ITEMS:,} values; index it first")


def _item(tensor: Tensor) -> Any:
    if tensor.layout.numel != 1:
        error = OpRuntimeError if tensor.library == "torch" else OpValueError
        raise error("item_numel", f"item() takes a tensor of one element out, and this one has {tensor.layout.numel}")
    return next(_values(tensor))


def _tolist(tensor: Tensor) -> Any:
    check_listed(tensor.layout.shape)
    return _nested(_values(tensor), tensor.layout.shape)


def _nested(values: Iterator[Any], shape: tuple[int, ...]) -> Any:
    return [_nested(values, shape[1:]) for _ in range(shape[0])] if shape else next(values)


def _values(tensor: Tensor) -> Iterator[Any]:
    read = tensor.reader()
    for address in tensor.layout.addresses():
        value = read(address)
        if value is None:
            raise InputError(
                "these values are not determined by the program (random, empty, or from outside); "
                "run it on real torch with --torch"
            )
        yield value


def _device(kind: str, index: int | None = None) -> str:
    from stridescope.program.torch_ops.copies import device_name

    device = kind if index is None else f"{kind}:{index}"
    device_name(device)
    return device


def _nothing(*_: Any) -> None:
    """A seed or a print option: the layouts are the same without it."""


_TENSORS: dict[str, Callable[..., Any]] = {"item()": _item, "tolist()": _tolist}

ROWS: list[Op] = [
    *rows("tensor", "host", _TENSORS),
    *rows("ndarray", "host", _TENSORS),
    *rows(
        "torch",
        "host",
        {
            "device(device device)": _device,
            "device(str type, int? index=None)": _device,
            "manual_seed(int seed)": _nothing,
            "cuda.manual_seed(int seed)": _nothing,
            "cuda.manual_seed_all(int seed)": _nothing,
        },
    ),
    *rows("np", "host", {"random.seed(int? seed=None)": _nothing}),
]
