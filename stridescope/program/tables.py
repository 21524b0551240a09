"""Every name a program may use: ops as rows, and constants.

The rows live beside the functions that run them, in `torch_ops` and `numpy_ops`; this joins them, once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stridescope.layout.contiguity import MEMORY_FORMATS
from stridescope.layout.dtypes import NUMPY_NAMES, TORCH_NAMES
from stridescope.program.numpy_ops import layouts, values
from stridescope.program.torch_ops import compute, copies, creations, views, writes

if TYPE_CHECKING:
    from stridescope.program.ops import Op, Owner

__all__ = ["CONSTANTS", "OPS"]

_NUMBERS = {"nan": math.nan, "inf": math.inf, "pi": math.pi, "e": math.e}


def _joined(*tables: list[Op]) -> dict[tuple[Owner, str], Op]:
    ops: dict[tuple[Owner, str], Op] = {}
    for op in (op for table in tables for op in table):
        if (op.owner, op.name) in ops:
            raise AssertionError(f"two rows for {op.owner}.{op.name}")
        ops[op.owner, op.name] = op
    return ops


OPS: Mapping[tuple[Owner, str], Op] = _joined(
    views.ROWS, copies.ROWS, creations.ROWS, compute.ROWS, writes.ROWS, layouts.ROWS, values.ROWS
)

CONSTANTS: Mapping[str, Any] = {
    **{f"torch.{name}": row for name, row in TORCH_NAMES.items()},
    **{f"np.{name}": row for name, row in NUMPY_NAMES.items()},
    **{f"torch.{name}": name for name in MEMORY_FORMATS},
    **{f"{owner}.{name}": value for owner in ("torch", "np") for name, value in _NUMBERS.items()},
    "np.newaxis": None,
}
