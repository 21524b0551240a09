"""numpy arrays of every kind; the oracle is numpy's own pointer and byte strides."""

from __future__ import annotations

import datetime as dt
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stridescope.readers import inspect, read_values

packed = np.zeros(4, dtype=[("a", "i1"), ("b", "f4"), ("c", "i2")])
aligned = np.zeros(4, dtype=[("a", "i4"), ("b", "f4")])

ARRAYS = {
    "plain": np.arange(12).reshape(3, 4),
    "negative": np.arange(12).reshape(3, 4)[::-1, ::-2],
    "transposed": np.arange(12, dtype="f4").reshape(3, 4).T[1:],
    "fortran": np.asfortranarray(np.ones((3, 4), dtype=np.complex64)),
    "broadcast": np.broadcast_to(np.arange(3), (2, 3)),
    "windows": np.lib.stride_tricks.sliding_window_view(np.arange(6), 3)[1:],
    "zero_dim": np.array(3.5),
    "no_elements": np.zeros((0, 3)),
    "bool": np.array([True, False]),
    "aligned_field": aligned["b"],
    "datetime": np.array(["2020-01-01", "2021-02-03"], dtype="M8[D]"),
    "subclass": np.arange(4).view(np.recarray),
    "half": np.ones(3, dtype=np.float16)[1:],
    "from_bytes": np.frombuffer(b"0123456789ab", dtype="i4")[1:],
    "from_bytearray": np.frombuffer(bytearray(24), dtype="f8")[::-1],
    "from_torch": torch.arange(12).view(3, 4).t()[1:].numpy(),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_element_is_where_numpy_has_it(name: str) -> None:
    array: Any = ARRAYS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = inspect(array, name)
    assert info.layout is not None
    assert info.storage is not None
    assert info.storage.data_ptr is not None
    assert info.shape == array.shape
    assert info.byte_stride == array.strides
    assert info.byte_offset is not None
    assert info.storage.data_ptr + info.byte_offset == array.__array_interface__["data"][0]
    assert (info.itemsize, info.requires_grad, info.device) == (array.itemsize, None, "cpu")
    assert "requires_grad" in dict(info.why)
    assert read_values(array, list(info.layout.addresses())) == array.ravel().tolist()
    low, high = info.layout.span
    assert info.storage.nbytes is not None
    assert low >= 0
    assert high * array.itemsize <= max(info.storage.nbytes, 0)


@pytest.mark.parametrize(
    ("dtype", "word"),
    [
        ("i8", "int64"),
        (">i4", "int32"),
        ("f4", "float32"),
        ("?", "bool"),
        ("c8", "complex64"),
        ("M8[ns]", "datetime64[ns]"),
        ("U3", "U3"),
        ("S2", "S2"),
        ("O", "object"),
    ],
)
def test_dtype_words_are_torchs_where_torch_has_one(dtype: str, word: str) -> None:
    info = inspect(np.zeros(2, dtype=dtype))
    assert info.dtype == word
    native = getattr(torch, word, None)
    assert native is None or str(native) == f"torch.{word}"


def test_views_share_the_storage_of_their_base_and_copies_do_not() -> None:
    base = np.arange(24.0)
    ids = [
        inspect(view).storage.id for view in (base, base[3:], base.reshape(4, 6)[::-1, 1:], base[:0], base.view("i4"))
    ]  # type: ignore[union-attr]
    assert len(set(ids)) == 1
    assert inspect(base.copy()).storage != inspect(base).storage


def test_an_array_over_a_torch_tensor_has_the_tensors_storage() -> None:
    tensor = torch.arange(12)
    array = tensor[4:].numpy()[::2]
    assert inspect(array).storage == inspect(tensor).storage
    assert inspect(array).storage_offset == 4


def test_byte_strides_that_are_no_whole_elements_are_kept_as_bytes() -> None:
    info = inspect(packed["b"])
    assert (info.stride, info.storage_offset) == (None, None)
    assert (info.observed_byte_stride, info.observed_byte_offset) == ((7,), 1)
    assert info.byte_stride == packed["b"].strides
    assert {"stride", "storage_offset"} <= set(dict(info.why))
    assert info.contiguous is False
    assert read_values(packed["b"], [0, 1]) == [None, None]
    assert inspect(packed).storage == info.storage


def test_what_a_reader_must_know_is_a_note() -> None:
    read_only = np.arange(3)
    read_only.flags.writeable = False
    assert "read-only" in inspect(read_only).notes
    assert any("big-endian" in note for note in inspect(np.arange(3, dtype=">i4")).notes)
    assert any("pointers to Python objects" in note for note in inspect(np.array([None])).notes)
    assert any("b float32 at byte 1" in note for note in inspect(packed).notes)
    assert any("bytes" in note for note in inspect(ARRAYS["from_bytes"]).notes)


def test_values_of_odd_dtypes() -> None:
    assert read_values(np.array(["abc", "d"]), [1, 0]) == ["d", "abc"]
    assert read_values(np.array([1, "x", None], dtype=object), [1, 2, 3]) == ["x", None, None]
    assert read_values(np.arange(3, dtype=">i4"), [2]) == [2]
    assert read_values(packed, [0]) == [(0, 0.0, 0)]
    assert read_values(ARRAYS["datetime"], [1]) == [dt.date(2021, 2, 3)]
    assert read_values(np.zeros(2, dtype="V0"), [0]) == [None]


def test_a_memory_map_is_the_file_and_inspecting_reads_nothing_from_it(tmp_path: Path) -> None:
    file = tmp_path / "cells"
    file.write_bytes(bytes(64) + np.arange(8, dtype="i4").tobytes())
    mapped = np.memmap(file, dtype="i4", mode="r", shape=(8,), offset=64)
    info = inspect(mapped[2:])
    assert info.type == "numpy.memmap"
    assert info.storage is not None
    assert info.storage.nbytes == 96
    assert info.storage_offset == 18
    assert {"read-only", "the memory belongs to a mmap.mmap"} <= set(info.notes)
    assert read_values(mapped, [16, 23, 24]) == [0, 7, None]


def test_a_masked_array_shows_data_and_mask() -> None:
    array = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    info = inspect(array)
    assert info.type == "numpy.ma.MaskedArray"
    assert [(name, part.dtype) for name, part in info.parts] == [("data", "int64"), ("mask", "bool")]
    assert dict(info.parts)["data"].storage == info.storage
    assert [name for name, _ in inspect(np.ma.array([1, 2])).parts] == ["data"]


def test_a_scalar_has_no_storage() -> None:
    info = inspect(np.int64(3))
    assert (info.type, info.shape, info.storage, info.stride) == ("numpy.int64", (), None, None)
    assert {"storage", "stride", "storage_offset"} <= set(dict(info.why))
    assert read_values(np.int64(3), [0]) == [None]


def test_dtypes_of_ml_dtypes_have_torchs_words() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.ones(3, dtype=ml_dtypes.bfloat16)
    assert inspect(array).dtype == "bfloat16"
    assert read_values(array, [0]) == [1.0]
