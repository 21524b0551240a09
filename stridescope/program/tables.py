"""Every name a program may use: ops as rows, and constants.

The rows live beside the functions that run them, in `torch_ops` and `numpy_ops`; this joins them. Each library's are
loaded when one of its ops is first asked for, since a program mostly speaks of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from stridescope.layout.contiguity import MEMORY_FORMATS
from stridescope.layout.dtypes import NUMPY_NAMES, TORCH_NAMES

if TYPE_CHECKING:
    from stridescope.program.ops import Op, Owner

__all__ = ["CONSTANTS", "OPS", "table"]

_NUMBERS = {"nan": math.nan, "inf": math.inf, "pi": math.pi, "e": math.e}


def _torch() -> list[list[Op]]:
    from stridescope.program import chores
    from stridescope.program.torch_ops import (
        compute,
        copies,
        creations,
        grids,
        listed,
        patterns,
        selections,
        views,
        writes,
    )

    modules = (views, copies, creations, compute, writes, selections, listed, patterns, grids)
    return [*(module.ROWS for module in modules), chores.ROWS]


def _numpy() -> list[list[Op]]:
    from stridescope.program import chores
    from stridescope.program.numpy_ops import arithmetic, layouts, values

    return [layouts.ROWS, arithmetic.ROWS, values.ROWS, chores.ROWS]


_LOADERS = {"torch": _torch, "tensor": _torch, "np": _numpy, "ndarray": _numpy}


@cache
def table(owner: Owner) -> dict[str, Op]:
    """The rows of one owner, by name."""
    found: dict[str, Op] = {}
    for op in (op for rows in _LOADERS[owner]() for op in rows if op.owner == owner):
        if op.name in found:
            raise AssertionError(f"two rows for {owner}.{op.name}")
        found[op.name] = op
    return found


class _Ops(Mapping["tuple[Owner, str]", "Op"]):
    """(owner, name) -> row."""

    def __getitem__(self, key: tuple[Owner, str]) -> Op:
        owner, name = key
        return table(owner)[name]

    def __iter__(self) -> Iterator[tuple[Owner, str]]:
        owners: list[Owner] = ["tensor", "torch", "ndarray", "np"]
        return ((owner, name) for owner in owners for name in table(owner))

    def __len__(self) -> int:
        return sum(1 for _ in self)


OPS: Mapping[tuple[Owner, str], Op] = _Ops()

CONSTANTS: Mapping[str, Any] = {
    **{f"torch.{name}": row for name, row in TORCH_NAMES.items()},
    **{f"np.{name}": row for name, row in NUMPY_NAMES.items()},
    **{f"torch.{name}": name for name in MEMORY_FORMATS},
    **{f"{owner}.{name}": value for owner in ("torch", "np") for name, value in _NUMBERS.items()},
    "np.newaxis": None,
    "torch.strided": "strided",
}
