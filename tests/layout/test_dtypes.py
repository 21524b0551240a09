"""Names, item sizes, kinds and promotion of element types are torch's and numpy's."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from stridescope.layout.dtypes import DTYPES, NUMPY_NAMES, TORCH_NAMES, DType, dtype, promote

NUMPY_KINDS = {"b": "bool", "u": "uint", "i": "int", "f": "float", "c": "complex"}


def _torch(row: DType) -> torch.dtype:
    return getattr(torch, row.name)


complex32_is_new = pytest.mark.filterwarnings("ignore:ComplexHalf support is experimental")


@pytest.mark.parametrize("row", DTYPES.values(), ids=str)
def test_a_row_says_what_torch_says_of_its_dtype(row: DType) -> None:
    there = _torch(row)
    assert str(there) == f"torch.{row}"
    assert row.itemsize == there.itemsize
    assert (row.is_floating, row.is_complex) == (there.is_floating_point, there.is_complex)
    if row.kind in ("uint", "int"):
        assert (row.kind == "int") is there.is_signed
    assert bool(row.part) is row.is_complex
    if row.part:
        assert getattr(torch, row.part) is there.to_real()


@pytest.mark.parametrize("alias", TORCH_NAMES)
def test_a_name_under_torch_is_that_dtype_there(alias: str) -> None:
    assert getattr(torch, alias) is _torch(TORCH_NAMES[alias])


@pytest.mark.parametrize("alias", NUMPY_NAMES)
def test_a_name_under_np_is_that_dtype_there(alias: str) -> None:
    row, there = NUMPY_NAMES[alias], np.dtype(getattr(np, alias))
    assert (row.name, row.itemsize, row.kind) == (there.name, there.itemsize, NUMPY_KINDS[there.kind])


@complex32_is_new
def test_every_dtype_that_torch_gives_to_numpy_has_a_numpy_name() -> None:
    given = set()
    for row in DTYPES.values():
        try:
            torch.empty(1, dtype=_torch(row)).numpy()
        except (TypeError, RuntimeError):
            continue
        given.add(row)
    assert given == set(NUMPY_NAMES.values())
    assert given < set(DTYPES.values())


def _promoted_there(a: DType, b: DType) -> str | None:
    try:
        return str(torch.promote_types(_torch(a), _torch(b))).removeprefix("torch.")
    except RuntimeError:
        return None


def test_two_dtypes_promote_to_what_torch_promotes_them_to() -> None:
    """Every pair, those included that torch refuses: float8, and uint16 to uint64 with other whole numbers."""
    refused = 0
    for a, b in product(DTYPES.values(), repeat=2):
        expected = _promoted_there(a, b)
        if expected is None:
            with pytest.raises(RuntimeError, match=f"no common type for ({a} and {b}|{b} and {a})"):
                promote([a, b])
            refused += 1
        else:
            assert promote([a, b]).name == expected, f"{a} with {b}"
    assert 100 < refused < len(DTYPES) ** 2 - 100


def test_joining_several_dtypes_gives_the_dtype_torch_cat_gives() -> None:
    names = ("bool", "uint8", "int16", "int64", "float16", "bfloat16", "float32", "complex64")
    for triple in product(names, repeat=3):
        joined = torch.cat([torch.zeros(1, dtype=getattr(torch, name)) for name in triple])
        assert f"torch.{promote(map(dtype, triple))}" == str(joined.dtype), triple


def test_a_dtype_is_found_by_its_name() -> None:
    assert dtype("float32") is DTYPES["float32"]
    with pytest.raises(KeyError):
        dtype("float33")
