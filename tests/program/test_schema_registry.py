"""Every view op of torch's own schema registry is known here, or is left out for a reason that is written down."""

from __future__ import annotations

from operator import attrgetter
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from stridescope.program.tables import OPS

RENAMED = MappingProxyType(
    {"numpy_T": "T", "matrix_H": "H", "slice": "__getitem__", "linalg_diagonal": "linalg.diagonal"}
)
"""A schema's name -> how a program writes it."""

_AUTOGRAD = "autograd and tracing call it; a program cannot, or has another op for it"
_SCRIPT = "TorchScript's, on its dicts, optionals, remote references and named dims; no op of a tensor in Python"
_SPARSE = "of a sparse tensor, which has no strides: the inspector shows its parts"
_NESTED = "of a nested tensor, which has no strides: the inspector shows its parts"

EXCEPTIONS: dict[str, str] = {
    **dict.fromkeys(
        [
            "_autocast_to_full_precision",
            "_autocast_to_reduced_precision",
            "_fw_primal",
            "_grad_sum_to_size",
            "_make_dual",
            "_reshape_alias",
            "_test_autograd_multiple_dispatch_view",
            "_unpack_dual",
            "alias",
            "lift_fresh",
            "slice_inverse",
        ],
        _AUTOGRAD,
    ),
    **dict.fromkeys(
        ["_ncf_unsqueeze", "_ncf_view", "_unwrap_optional", "get", "keys", "local_value", "to_here"], _SCRIPT
    ),
    **dict.fromkeys(
        [
            "_indices",
            "_sparse_broadcast_to",
            "_values",
            "ccol_indices",
            "coalesce",
            "col_indices",
            "crow_indices",
            "indices",
            "row_indices",
            "values",
        ],
        _SPARSE,
    ),
    **dict.fromkeys(["_nested_get_values", "_nested_view_from_buffer", "_nested_view_from_jagged"], _NESTED),
    "_conj": "what conj() of a complex tensor calls",
    "_neg_view": "what .imag of a conjugate view calls",
    "pin_memory": "moves a tensor to page-locked memory, which needs a CUDA device; its layout stays",
}


def aliasing_ops() -> set[str]:
    """Names under aten that change no input and give an output which may alias one."""
    return {
        schema.name.removeprefix("aten::")
        for schema in torch._C._jit_get_all_schemas()
        if schema.name.startswith("aten::")
        and not schema.is_mutable
        and any(result.alias_info is not None for result in schema.returns)
    }


def known(name: str) -> bool:
    written = RENAMED.get(name, name)
    return any((owner, written) in OPS for owner in ("tensor", "torch"))


def test_every_aliasing_op_of_torch_is_known_or_left_out_for_a_reason() -> None:
    ops = aliasing_ops()
    assert {"view", "t", "slice", "unfold", "split", "as_strided", "view_as_real", "contiguous", "to"} <= ops
    assert {name for name in ops if not known(name)} == EXCEPTIONS.keys()


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_op_that_is_left_out_exists_and_is_not_known_after_all(name: str) -> None:
    assert name in aliasing_ops()
    assert not known(name)


@pytest.mark.parametrize("name", RENAMED)
def test_a_renamed_op_exists_under_the_schemas_name_and_is_no_row_by_it(name: str) -> None:
    assert name in aliasing_ops()
    assert not any((owner, name) in OPS for owner in ("tensor", "torch"))


OWNERS: dict[str, Any] = {"tensor": torch.Tensor, "torch": torch, "ndarray": np.ndarray, "np": np}


def test_every_row_is_an_op_that_its_library_really_has() -> None:
    """And an attribute where the row says so, a method where not."""
    wrong = []
    for (owner, name), op in OPS.items():
        try:
            found = attrgetter(name)(OWNERS[owner])
        except AttributeError:
            wrong.append((owner, name))
            continue
        if callable(found) is op.attribute and owner in ("tensor", "ndarray"):
            wrong.append((owner, name))
    assert not wrong
    assert len(OPS) > 300
