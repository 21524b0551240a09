"""Every kind of tensor is read without an exception or a warning, and no field is invented.

The oracle is torch: where its own getters answer truthfully, the reader says the same; where they lie
or raise, the field is None and `why` has a sentence.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from stridescope.readers import inspect, read_values
from stridescope.readers.torch_kinds import read_carefully

ZOO: dict[str, Callable[[], Any]] = {}


def zoo(make: Callable[[], Any]) -> Callable[[], Any]:
    ZOO[make.__name__] = make
    return make


# Dense in one storage: torch's own getters are the oracle ---------------------------------------


@zoo
def plain() -> Any:
    return torch.arange(12).view(3, 4).t()[1:, ::2]


@zoo
def parameter() -> Any:
    return torch.nn.Parameter(torch.ones(3, 4))


@zoo
def buffer() -> Any:
    return torch.nn.Buffer(torch.ones(3)) if hasattr(torch.nn, "Buffer") else torch.ones(3)


@zoo
def zero_dim() -> Any:
    return torch.tensor(3.0)


@zoo
def no_elements() -> Any:
    return torch.ones(4, 3)[4:]


@zoo
def expanded() -> Any:
    return torch.arange(3).expand(4, 3)


@zoo
def overlapping() -> Any:
    return torch.arange(10).as_strided((4, 3), (2, 1), 1)


@zoo
def conjugate() -> Any:
    return torch.ones(3, dtype=torch.complex64).conj()


@zoo
def negative() -> Any:
    return torch.ones(3, dtype=torch.complex64).conj().imag


@zoo
def inference() -> Any:
    with torch.inference_mode():
        return torch.ones(3, 4)


@zoo
def freed() -> Any:
    tensor = torch.ones(3, 4)
    tensor.untyped_storage().resize_(0)
    return tensor


@zoo
def other_dtype_same_storage() -> Any:
    return torch.arange(4, dtype=torch.int64).view(torch.int16)[3:]


@zoo
def requires_grad_inside_a_graph() -> Any:
    return (torch.ones(3, requires_grad=True) * 2)[1:]


@zoo
def quantized_per_tensor() -> Any:
    return torch.quantize_per_tensor(torch.ones(3, 4), 0.1, 3, torch.qint8)


@zoo
def plain_subclass() -> Any:
    class Tagged(torch.Tensor):
        pass

    return torch.ones(3, 4).as_subclass(Tagged)


@zoo
def torch_function_that_raises() -> Any:
    class Refusing(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(f"{func} was called")

    return torch.ones(3, 4).as_subclass(Refusing)


@zoo
def copy_on_write() -> Any:
    return torch.ones(3, 4)._lazy_clone() if hasattr(torch.Tensor, "_lazy_clone") else torch.ones(3, 4)


def of_dtype(dtype: torch.dtype) -> Any:
    return torch.empty(4, dtype=dtype)[1:]


for dtype_name in (
    "float8_e4m3fn",
    "float8_e5m2",
    "float4_e2m1fn_x2",
    "uint4",
    "uint16",
    "complex32",
    "bfloat16",
    "bool",
):
    if hasattr(torch, dtype_name):
        ZOO[f"dtype_{dtype_name}"] = partial(of_dtype, getattr(torch, dtype_name))

DENSE = tuple(ZOO)

# No memory, though the layout exists ------------------------------------------------------------


@zoo
def meta() -> Any:
    return torch.empty(3, 4, device="meta").t()


@zoo
def meta_parameter() -> Any:
    return torch.nn.Parameter(torch.empty(3, 4, device="meta"))


@zoo
def fake_cuda() -> Any:
    with FakeTensorMode():
        return torch.empty(3, 4, device="cuda").t()


@zoo
def fake_cpu() -> Any:
    return FakeTensorMode().from_tensor(torch.ones(3, 4))


@zoo
def zero_tensor() -> Any:
    return torch._efficientzerotensor((2, 3))


MEMORYLESS = tuple(ZOO)[len(DENSE) :]

# Elements in inner tensors ----------------------------------------------------------------------


@zoo
def sparse_coo() -> Any:
    return torch.eye(3).to_sparse()


@zoo
def sparse_coo_requires_grad() -> Any:
    return torch.eye(3).to_sparse().requires_grad_()


@zoo
def sparse_csr() -> Any:
    return torch.eye(4).to_sparse_csr()


@zoo
def sparse_csc() -> Any:
    return torch.eye(4).to_sparse_csc()


@zoo
def sparse_bsr() -> Any:
    return torch.eye(4).to_sparse_bsr((2, 2))


@zoo
def sparse_bsc() -> Any:
    return torch.eye(4).to_sparse_bsc((2, 2))


@zoo
def jagged() -> Any:
    return torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=torch.jagged)


@zoo
def jagged_with_lengths() -> Any:
    return torch.nested.nested_tensor_from_jagged(torch.ones(6, 3), torch.tensor([0, 2, 6]), torch.tensor([1, 3]))


@zoo
def nested() -> Any:
    return torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)])


@zoo
def functional() -> Any:
    return torch._to_functional_tensor(torch.ones(3, 4))


@zoo
def masked() -> Any:
    return torch.masked.masked_tensor(torch.ones(3), torch.tensor([True, False, True]))


@zoo
def two_tensor() -> Any:
    from torch.testing._internal.two_tensor import TwoTensor

    return TwoTensor(torch.ones(4, 3).t(), torch.zeros(4, 3).t())


@zoo
def wrapper_without_flatten() -> Any:
    class Holding(torch.Tensor):
        @staticmethod
        def __new__(cls, inner: Any) -> Any:
            self = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, strides=(7, 1))
            self.inner = inner
            return self

        @classmethod
        def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(f"{func} was dispatched")

    return Holding(torch.ones(3, 4))


def caught_in(transform: Callable[..., Any], *args: Any) -> Any:
    caught: list[Any] = []

    def spy(x: Any) -> Any:
        caught.append(x)
        return x.sum()

    transform(spy)(*args)
    return caught[0]


@zoo
def vmapped() -> Any:
    return caught_in(torch.vmap, torch.ones(3, 4))


@zoo
def grad_tracked() -> Any:
    return caught_in(torch.func.grad, torch.ones(3, 4))


WITH_PARTS = {
    "sparse_coo": ["indices", "values"],
    "sparse_coo_requires_grad": ["indices", "values"],
    "sparse_csr": ["crow_indices", "col_indices", "values"],
    "sparse_csc": ["ccol_indices", "row_indices", "values"],
    "sparse_bsr": ["crow_indices", "col_indices", "values"],
    "sparse_bsc": ["ccol_indices", "row_indices", "values"],
    "jagged": ["values", "offsets"],
    "jagged_with_lengths": ["values", "offsets", "lengths"],
    "nested": ["[0]", "[1]"],
    "functional": ["value"],
    "masked": ["masked_data", "masked_mask"],
    "two_tensor": ["a", "b"],
    "wrapper_without_flatten": ["inner"],
    "vmapped": ["value"],
}

# Nothing to be had ------------------------------------------------------------------------------


@zoo
def uninitialized_parameter() -> Any:
    return torch.nn.UninitializedParameter()


@zoo
def uninitialized_buffer() -> Any:
    return torch.nn.UninitializedBuffer()


@zoo
def mkldnn() -> Any:
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    return torch.ones(3, 4).to_mkldnn()


@zoo
def quantized_per_channel() -> Any:
    return torch.quantize_per_channel(torch.ones(3, 4), torch.full((3,), 0.1), torch.zeros(3).long(), 0, torch.qint8)


def made(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ZOO[name]()


FIELDS = (
    "shape",
    "stride",
    "storage_offset",
    "dtype",
    "itemsize",
    "device",
    "requires_grad",
    "storage",
    "tensor_layout",
)


@pytest.mark.parametrize("name", ZOO)
def test_is_read_without_a_warning_and_every_none_has_a_why(name: str) -> None:
    tensor = made(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = inspect(tensor, name)
        values = read_values(tensor, [0, 1, 10**9])
    assert len(values) == 3
    assert values[2] is None
    pending = [info]
    while pending:
        one = pending.pop()
        why = dict(one.why)
        for field in FIELDS:
            assert getattr(one, field) is not None or why[field], f"{one}: {field} is None without a why"
        assert one.storage is None or one.storage.data_ptr is not None or why["storage.data_ptr"]
        pending.extend(part for _, part in one.parts)
    assert json.loads(json.dumps(info.to_dict()))["name"] == name


@pytest.mark.parametrize("name", [*DENSE, *MEMORYLESS])
def test_dense_facts_are_torchs_own(name: str) -> None:
    tensor = made(name)
    info = inspect(tensor)
    with torch._C.DisableTorchFunction():
        assert info.shape == tuple(tensor.shape)
        assert info.stride == tensor.stride()
        assert info.storage_offset == tensor.storage_offset()
        assert info.dtype == str(tensor.dtype).removeprefix("torch.")
        assert info.itemsize == tensor.element_size()
        assert info.device == str(tensor.device)
        assert info.requires_grad == tensor.requires_grad
        assert info.tensor_layout == str(tensor.layout).removeprefix("torch.")
        assert info.storage is not None
        assert info.storage.nbytes == tensor.untyped_storage().nbytes()
    assert type(info.shape) is tuple


@pytest.mark.parametrize("name", DENSE)
def test_data_ptr_is_that_of_the_storage(name: str) -> None:
    tensor = made(name)
    info = inspect(tensor)
    assert info.storage is not None
    with torch._C.DisableTorchFunction():
        # Asked last: this is what would copy a copy-on-write storage.
        held = tensor.untyped_storage().nbytes()
        expected = tensor.untyped_storage().data_ptr() if name != "copy_on_write" else info.storage.data_ptr
    assert info.storage.data_ptr == (expected if held else None)


@pytest.mark.parametrize("name", MEMORYLESS)
def test_what_has_no_memory_has_no_data_ptr_and_no_values(name: str) -> None:
    tensor = made(name)
    info = inspect(tensor)
    assert info.storage is not None
    assert info.storage.data_ptr is None
    assert "no memory" in dict(info.why)["storage.data_ptr"] or "stores no" in dict(info.why)["storage.data_ptr"]
    assert read_values(tensor, [0, 1]) == [None, None]


@pytest.mark.parametrize("name", DENSE)
def test_the_fast_and_the_careful_way_agree(name: str) -> None:
    tensor = made(name)
    assert read_carefully(tensor, "n") == inspect(tensor, "n")


@pytest.mark.parametrize(("name", "parts"), list(WITH_PARTS.items()))
def test_inner_tensors_are_named_parts_and_nothing_else_is_claimed(name: str, parts: list[str]) -> None:
    info = inspect(made(name))
    assert [part for part, _ in info.parts] == parts
    assert (info.stride, info.storage_offset, info.layout) == (None, None, None)
    assert name == "nested" or info.storage is None
    assert all(part.storage is not None and part.stride is not None for _, part in info.parts)


def test_parts_are_aliases_of_the_inner_tensors() -> None:
    coo = torch.eye(3).to_sparse()
    assert dict(inspect(coo).parts)["values"].storage == inspect(coo._values()).storage
    two = made("two_tensor")
    assert dict(inspect(two).parts)["b"] == inspect(two.b, "b")
    assert dict(inspect(two).parts)["b"].stride == (1, 3)


def test_a_wrapper_reports_its_own_stride_as_a_note_only() -> None:
    info = inspect(made("wrapper_without_flatten"))
    assert info.shape == (3, 4)
    assert any("reports stride (7, 1)" in note for note in info.notes)
    assert dict(info.parts)["inner"].stride == (4, 1)


def test_the_components_of_a_nested_tensor_are_windows_on_its_storage() -> None:
    tensor = made("nested")
    info = inspect(tensor)
    for (_, part), component in zip(info.parts, tensor.unbind(), strict=True):
        assert part.shape == tuple(component.shape)
        assert part.stride == component.stride()
        assert part.storage_offset == component.storage_offset()
        assert part.storage == inspect(component).storage == info.storage


def test_a_vmapped_tensor_shows_the_value_it_maps_over() -> None:
    info = inspect(made("vmapped"))
    assert info.shape == (4,)
    assert dict(info.parts)["value"].shape == (3, 4)
    assert any("dim 0" in note for note in info.notes)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")
def test_a_tensor_of_a_grad_transform_is_read_after_it_ended_and_inside() -> None:
    seen: list[Any] = []

    def loss(x: Any) -> Any:
        seen.append(inspect(x))
        return (x * x).sum()

    given = torch.ones(3, 4)
    torch.func.grad(loss)(given)
    torch.func.jvp(loss, (given,), (given,))
    torch.vmap(torch.func.grad(loss))(given)
    assert [info.shape for info in seen] == [(3, 4), (3, 4), (4,)]
    assert dict(seen[0].parts)["value"].storage == inspect(given).storage
    assert dict(seen[1].parts)["value"].storage == inspect(given).storage
    assert dict(dict(seen[2].parts)["value"].parts)["value"].storage == inspect(given).storage


def test_per_channel_scales_are_parts_and_the_rule_is_a_note() -> None:
    info = inspect(made("quantized_per_channel"))
    assert [name for name, _ in info.parts] == ["scales", "zero_points"]
    assert info.stride == (4, 1)
    assert any("per_channel" in note for note in info.notes)
    assert any("0.1 · (stored - 3)" in note for note in inspect(made("quantized_per_tensor")).notes)


@pytest.mark.parametrize(
    ("name", "word"),
    [("conjugate", "conjugate"), ("negative", "negative"), ("inference", "inference"), ("freed", "freed")],
)
def test_what_a_reader_must_know_is_a_note(name: str, word: str) -> None:
    assert any(word in note for note in inspect(made(name)).notes)


@pytest.mark.parametrize(
    ("make", "spelled"),
    [
        (plain, "torch.Tensor"),
        (parameter, "torch.nn.Parameter"),
        (uninitialized_parameter, "torch.nn.UninitializedParameter"),
        (masked, "torch.masked.MaskedTensor"),
        (fake_cuda, "torch._subclasses.FakeTensor"),
    ],
)
def test_type_is_the_short_public_name(make: Callable[[], Any], spelled: str) -> None:
    assert inspect(made(make.__name__)).type == spelled


def test_storage_ids_are_equal_exactly_when_storages_are() -> None:
    tensors = [torch.ones(4), torch.ones(4), torch.empty(4, device="meta"), torch.empty(4, device="meta")]
    tensors += [tensor[1:] for tensor in tensors] + [torch.nn.Parameter(tensors[0])]
    for one in tensors:
        for other in tensors:
            same = one.untyped_storage()._cdata == other.untyped_storage()._cdata
            mine, yours = inspect(one).storage, inspect(other).storage
            assert mine is not None and yours is not None
            assert (mine.id == yours.id) == same


def test_a_dtensor_shows_its_shard() -> None:
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed")
    pytest.importorskip("torch.distributed.tensor")
    from torch.distributed.tensor import DeviceMesh, Shard, distribute_tensor
    from torch.testing._internal.distributed.fake_pg import FakeStore

    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tensor = distribute_tensor(torch.ones(4, 6), DeviceMesh("cpu", [0, 1]), [Shard(0)])
        info = inspect(tensor)
    finally:
        torch.distributed.destroy_process_group()
    assert info.type == "torch.distributed.tensor.DTensor"
    assert info.shape == (4, 6)
    assert [(name, part.shape) for name, part in info.parts] == [("local_tensor", (2, 6))]
    assert any("Shard(dim=0)" in note for note in info.notes)


def test_symbolic_sizes_are_named_and_never_guarded_on() -> None:
    from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

    environment = ShapeEnv()
    mode = FakeTensorMode(shape_env=environment)
    context = StatelessSymbolicContext(dynamic_sizes=[DimDynamic.DYNAMIC, DimDynamic.STATIC])
    tensor = mode.from_tensor(torch.ones(5, 4), symbolic_context=context)
    guards = len(environment.guards)
    info = inspect(tensor)
    assert info.shape is None
    assert "symbolic" in dict(info.why)["shape"]
    assert info.stride == (4, 1)
    assert len(environment.guards) == guards


# Values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12).view(3, 4).t()[1:, ::2],
        torch.arange(4.0).to(torch.bfloat16),
        torch.arange(4.0).to(torch.float8_e4m3fn),
        torch.tensor([1 + 2j, 3 - 4j]).conj(),
        torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
        torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex128),
        torch.tensor([True, False, True])[1:],
        torch.arange(3, dtype=torch.uint8),
        torch.ones(3, requires_grad=True)[1:],
    ],
    ids=lambda tensor: str(tensor.dtype),
)
def test_values_are_those_of_the_tensor(tensor: Any) -> None:
    info = inspect(tensor)
    assert info.layout is not None
    values = read_values(tensor, list(info.layout.addresses()))
    plainly = tensor.detach().resolve_conj().resolve_neg()
    expected = (plainly.float() if "float8" in str(tensor.dtype) else plainly).flatten().tolist()
    assert values == expected


def test_values_outside_the_storage_are_none_and_order_and_repeats_are_kept() -> None:
    assert read_values(torch.arange(4), [3, -1, 0, 4, 0]) == [3, None, 0, None, 0]
    assert read_values(made("freed"), [0, 1]) == [None, None]
    assert read_values(torch.arange(4), []) == []


def test_quantized_values_are_the_integers_stored() -> None:
    tensor = made("quantized_per_tensor")
    assert read_values(tensor, [0, 5]) == [tensor.int_repr()[0, 0].item(), tensor.int_repr()[1, 1].item()]


@pytest.mark.skipif(not hasattr(torch, "float4_e2m1fn_x2"), reason="this torch has no float4")
def test_float4_pairs_are_decoded_low_half_first() -> None:
    tensor = torch.tensor([0x2F], dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    assert read_values(tensor, [0]) == [(-6.0, 1.0)]
