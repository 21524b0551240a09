"""Objects known by protocol alone: the numbers must be those of the array behind them."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import numpy as np
import pytest
import torch

from stridescope.errors import UnreadableError
from stridescope.readers import inspect, read_values, readable


class Exporter:
    """Hands out the DLPack capsule of another array, with the arguments that a version of the standard has."""

    def __init__(
        self, array: Any, *, knows: frozenset[str] = frozenset(("stream", "max_version", "copy", "dl_device"))
    ):
        self.array, self.knows, self.asked = array, knows, []  # type: tuple[Any, frozenset[str], list[dict[str, Any]]]

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        if not set(arguments) <= self.knows:
            raise TypeError("unexpected keyword argument")
        return self.array.__dlpack__(**arguments)


class Interfaced:
    def __init__(self, array: Any) -> None:
        self.array = array

    @property
    def __array_interface__(self) -> Any:
        return self.array.__array_interface__


BASE = np.arange(24, dtype="f4").reshape(2, 3, 4)
ARRAYS = {
    "plain": BASE,
    "transposed": BASE.transpose(2, 0, 1),
    "negative": BASE[::-1, :, ::-2],
    "offset": BASE[1:, 1:, ::3],
    "zero_dim": np.array(2.5),
    "bool": np.array([True, False, True]),
    "complex": np.array([1 + 2j, 3 - 4j]),
    "int8": np.arange(5, dtype="i1")[1:],
}


@pytest.mark.parametrize("wrap", [Exporter, Interfaced])
@pytest.mark.parametrize("name", ARRAYS)
def test_shape_strides_address_and_values_are_those_of_the_array(wrap: Any, name: str) -> None:
    array: Any = ARRAYS[name]
    wrapped = wrap(array)
    info = inspect(wrapped, name)
    assert (info.shape, info.dtype, info.itemsize, info.device) == (
        array.shape,
        str(array.dtype),
        array.itemsize,
        "cpu",
    )
    assert info.byte_stride == array.strides
    assert info.layout is not None
    assert info.storage is not None
    assert info.storage.data_ptr is not None
    assert info.byte_offset is not None
    assert info.storage.data_ptr + info.byte_offset == array.__array_interface__["data"][0]
    assert info.storage.nbytes is None
    assert "storage.nbytes" in dict(info.why)
    assert read_values(wrapped, list(info.layout.addresses())) == array.ravel().tolist()
    assert read_values(wrapped, [-1, 10**6]) == [None, None]


@pytest.mark.parametrize("knows", [(), ("stream",), ("stream", "max_version"), ("stream", "max_version", "copy")])
def test_exporters_of_every_age_are_asked_what_they_know(knows: tuple[str, ...]) -> None:
    exporter = Exporter(BASE, knows=frozenset(knows))
    assert inspect(exporter).stride == (12, 4, 1)
    assert all("stream" not in asked for asked in exporter.asked), "a stream is for devices that have them"
    assert set(exporter.asked[-1]) <= set(knows)


def test_a_cuda_exporter_is_told_not_to_wait() -> None:
    class OnCuda(Exporter):
        def __dlpack_device__(self) -> tuple[int, int]:
            return (2, 0)

        def __dlpack__(self, **arguments: Any) -> Any:
            self.asked.append(arguments)
            return self.array.__dlpack__()

    exporter = OnCuda(BASE)
    inspect(exporter)
    assert exporter.asked == [{"max_version": (1, 1), "copy": False, "stream": -1}]


def test_read_only_is_a_note_where_the_capsule_says_so() -> None:
    array = BASE.copy()
    array.flags.writeable = False
    if "max_version" not in (np.ndarray.__dlpack__.__doc__ or ""):
        pytest.skip("this numpy exports no versioned capsules")
    assert "read-only" in inspect(Exporter(array)).notes


def test_the_export_is_given_back() -> None:
    class Owner(np.ndarray[Any, Any]):
        """An array that can be watched going away."""

    array = np.arange(6.0).view(Owner)
    exporter = Exporter(array)
    for _ in range(100):
        inspect(exporter)
        read_values(exporter, [1])
    before = sys.getrefcount(array)
    inspect(exporter)
    assert sys.getrefcount(array) == before
    gone = weakref.ref(array)
    del array, exporter
    gc.collect()
    assert gone() is None, "a capsule still holds the array"


def test_torchs_own_export_reads_as_torch_does() -> None:
    tensor = torch.arange(24.0).view(2, 3, 4)[1:].transpose(0, 2)
    info = inspect(Exporter(tensor, knows=frozenset(("stream",))))
    assert (info.shape, info.stride, info.dtype) == (tuple(tensor.shape), tensor.stride(), "float32")
    assert info.storage is not None
    assert info.storage.data_ptr is not None
    assert info.storage.data_ptr + (info.byte_offset or 0) == tensor.data_ptr()
    bfloat = Exporter(torch.arange(3.0).to(torch.bfloat16), knows=frozenset())
    assert (inspect(bfloat).dtype, read_values(bfloat, [2])) == ("bfloat16", [2.0])


def test_an_empty_export_has_no_storage_to_share() -> None:
    info = inspect(Exporter(torch.empty(0, 3), knows=frozenset()))
    assert info.shape == (0, 3)
    assert info.storage is None
    assert "storage" in dict(info.why)


@pytest.mark.parametrize(
    ("array", "note"), [(np.arange(3, dtype=">i2"), "big-endian"), (np.broadcast_to(np.arange(3), (2, 3)), "read-only")]
)
def test_an_array_interface_tells_byte_order_and_writability(array: Any, note: str) -> None:
    wrapped = Interfaced(array)
    assert any(note in told for told in inspect(wrapped).notes)
    assert read_values(wrapped, [2]) == [2]


def test_byte_strides_of_a_record_field_stay_bytes() -> None:
    field = np.zeros(4, dtype=[("a", "i1"), ("b", "f4")])["b"]
    info = inspect(Interfaced(field))
    assert info.stride is None
    assert info.observed_byte_stride == (5,)
    assert "stride" in dict(info.why)


def test_a_cuda_array_interface_is_metadata_only() -> None:
    class OnCuda:
        __cuda_array_interface__ = {"shape": (2, 3), "typestr": "<f4", "data": (4096, False), "version": 3}  # noqa: RUF012

    info = inspect(OnCuda())
    assert (info.device, info.stride, info.dtype) == ("cuda", (3, 1), "float32")
    assert info.storage is not None
    assert info.storage.data_ptr == 4096
    assert read_values(OnCuda(), [0]) == [None]


class Refusing:
    def __dlpack__(self, **arguments: Any) -> Any:
        raise BufferError("cannot export a sparse array. Try harder.")


class NoCapsule:
    def __dlpack__(self, **arguments: Any) -> Any:
        return 42


class Malformed:
    __array_interface__ = {"shape": (2, -1), "typestr": "<f4", "data": (0, False)}  # noqa: RUF012


class Anything:
    """A proxy that claims every attribute."""

    def __getattr__(self, name: str) -> Any:
        return 3


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (Refusing(), "BufferError: cannot export a sparse array"),
        (NoCapsule(), "needed a capsule named dltensor"),
        (Malformed(), "malformed"),
        (Anything(), "needed a torch tensor"),
        ([1, 2], "got a list"),
        (3, "got an int"),
        (None, "NoneType"),
        (np.ndarray, "got a type"),
        (torch.Tensor, "_TensorMeta"),
        (torch.nn.Linear(2, 2), "Linear"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_read_is_refused_in_one_sentence(x: Any, said: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        inspect(x)
    message = str(caught.value)
    assert said in message
    assert "needed" in message
    assert "\n" not in message


def test_readable_asks_without_reading() -> None:
    exporter = Exporter(BASE)
    assert readable(exporter)
    assert readable(BASE)
    assert not readable([BASE])
    assert exporter.asked == []


def test_a_jax_array_is_read_through_dlpack() -> None:
    jax_numpy = pytest.importorskip("jax.numpy")
    array = jax_numpy.arange(6.0).reshape(2, 3)
    info = inspect(array)
    assert (info.shape, info.stride, info.dtype, info.device) == ((2, 3), (3, 1), "float32", "cpu")
    assert read_values(array, [5, 6]) == [5.0, None]
