"""Reading a tensor changes nothing, runs no op, starts no device, and works wherever it is called."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from stridescope.readers import inspect, read_values


class CountingDispatch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.ops: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.ops.append(str(func))
        return func(*args, **(kwargs or {}))


class CountingFunction(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls.append(str(func))
        return func(*args, **(kwargs or {}))


def several() -> list[torch.Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            torch.arange(12.0).view(3, 4).t(),
            torch.nn.Parameter(torch.ones(3)),
            torch.ones(2, requires_grad=True) * 2,
            torch.eye(3).to_sparse(),
            torch.eye(4).to_sparse_csr(),
            torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=torch.jagged),
            torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)]),
            torch.quantize_per_channel(torch.ones(3, 4), torch.ones(3), torch.zeros(3).long(), 0, torch.qint8),
            FakeTensorMode().from_tensor(torch.ones(3, 4)),
            torch.empty(3, device="meta"),
            torch.ones(2, dtype=torch.complex64).conj(),
            torch.ones(4)[4:],
        ]


def test_neither_mode_sees_anything() -> None:
    tensors = several()
    alone = [inspect(tensor) for tensor in tensors]
    dispatch, function = CountingDispatch(), CountingFunction()
    with dispatch, function:
        watched = [inspect(tensor) for tensor in tensors]
        [read_values(tensor, [0]) for tensor in tensors]
    assert (dispatch.ops, function.calls) == ([], [])
    assert watched == alone


def test_the_counting_modes_do_see_ops() -> None:
    dispatch, function = CountingDispatch(), CountingFunction()
    tensor = torch.ones(3)
    with dispatch, function:
        _ = tensor.shape
        tensor.add(1)
    assert dispatch.ops == ["aten.add.Tensor"]
    assert len(function.calls) == 2


def test_version_counter_and_graph_stay_as_they_are() -> None:
    leaf = torch.ones(3, 4, requires_grad=True)
    result = (leaf * 2).t()
    version, grad_fn, is_view = result._version, result.grad_fn, result._is_view()
    inspect(result)
    read_values(result, [0, 5])
    inspect(leaf)
    assert result._version == version
    assert result.grad_fn is grad_fn
    assert result._is_view() == is_view
    assert leaf.grad is None
    result.sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [[2.0] * 4] * 3


@pytest.mark.skipif(not hasattr(torch.Tensor, "_lazy_clone"), reason="this torch has no copy-on-write tensors")
@pytest.mark.parametrize("window", [slice(None), slice(4, None)], ids=["whole", "empty"])
def test_a_copy_on_write_storage_is_not_copied(window: slice) -> None:
    original = torch.arange(4.0)
    lazy = original._lazy_clone()[window]
    assert torch._C._is_cow_tensor(lazy)
    inspect(lazy)
    values = read_values(lazy, [1, 3])
    inspect(original)
    assert torch._C._is_cow_tensor(lazy)
    assert torch._C._is_cow_tensor(original)
    assert values == [1.0, 3.0]


def test_copy_on_write_tensors_show_the_memory_they_share() -> None:
    if not hasattr(torch.Tensor, "_lazy_clone"):
        pytest.skip("this torch has no copy-on-write tensors")
    original = torch.arange(4.0)
    one, other = inspect(original).storage, inspect(original._lazy_clone()).storage
    assert one is not None
    assert other is not None
    assert one.data_ptr == other.data_ptr
    assert one.id != other.id


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad, FakeTensorMode])
def test_the_answer_does_not_depend_on_the_mode_it_is_asked_in(context: Any) -> None:
    tensors = several()
    alone = [(inspect(tensor), read_values(tensor, [1])) for tensor in tensors]
    with context():
        assert [(inspect(tensor), read_values(tensor, [1])) for tensor in tensors] == alone


def test_values_are_read_inside_vmap_from_what_is_not_mapped() -> None:
    outer = torch.arange(4.0)
    seen: list[Any] = []

    def spy(x: Any) -> Any:
        seen.append((inspect(outer).stride, read_values(outer, [2]), read_values(x, [0])))
        return x

    torch.vmap(spy)(torch.ones(3, 4))
    assert seen == [((1,), [2.0], [None])]


def test_a_default_device_is_no_obstacle() -> None:
    tensor = torch.arange(3)
    with torch.device("meta"):
        assert inspect(tensor).device == "cpu"
        assert read_values(tensor, [2]) == [2]


IN_COMPILED_CODE = """
import warnings; warnings.simplefilter("ignore")
import torch
from stridescope.readers import inspect, read_values

from torch._dynamo.convert_frame import register_bytecode_hook

compiled_files = []
register_bytecode_hook(lambda code, new_code: compiled_files.append(code.co_filename))

seen = []
def step(x):
    y = x * 2
    seen.append((inspect(y.t()), read_values(y, [1])))
    return y + 1

x = torch.arange(12.0).view(3, 4)
compiled = torch.compile(step, backend="eager")
for _ in range(2):
    assert torch.equal(compiled(x), x * 2 + 1)
for info, values in seen:
    assert info.stride == (1, 4) and info.type == "torch.Tensor" and info.device == "cpu", info
    assert info.storage.nbytes == 48 and info.storage.data_ptr, info
    assert values == [2.0], values
assert len(seen) == 2
assert compiled_files
assert not [name for name in compiled_files if "stridescope" in name], compiled_files
print("answered")
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_inside_torch_compile_the_live_tensor_is_read_and_no_reader_frame_is_compiled() -> None:
    assert run(IN_COMPILED_CODE) == "answered"


def test_reading_numpy_imports_no_other_framework_and_reading_torch_starts_nothing() -> None:
    assert (
        run(
            "import sys, numpy as np\n"
            "from stridescope.readers import inspect, read_values\n"
            "a = np.arange(3); inspect(a); read_values(a, [1])\n"
            "print(sorted({'torch', 'jax', 'rich', 'textual'} & set(sys.modules)))"
        )
        == "[]"
    )
    assert (
        run(
            "import sys, torch\n"
            "from stridescope.readers import inspect\n"
            "inspect(torch.ones(3)); inspect(torch.eye(3).to_sparse()); inspect(torch.empty(3, device='meta'))\n"
            "print(torch.cuda.is_initialized(), 'torch._dynamo' in sys.modules)"
        )
        == "False False"
    )


WITHOUT = """
import sys, torch
delattr(torch._C, {name!r})
from stridescope.readers import inspect, read_values
plain, sparse = torch.arange(12.0).view(3, 4).t(), torch.eye(3).to_sparse()
info = inspect(plain)
assert (info.shape, info.stride, info.storage.nbytes) == ((4, 3), (1, 4), 48), info
assert info.storage.data_ptr == plain.data_ptr()
assert inspect(sparse).stride is None
assert [part for part, _ in inspect(sparse).parts] == ["indices", "values"]
assert read_values(plain, [5]) == [5.0]
print("answered")
"""


@pytest.mark.parametrize(
    "name",
    ["_dispatch_keys", "_is_cow_tensor", "_len_torch_function_stack", "_DisableFuncTorch", "_has_storage", "_dynamo"],
)
def test_a_private_name_that_this_torch_lacks_is_done_without(name: str) -> None:
    if not hasattr(torch._C, name):
        pytest.skip(f"this torch lacks {name} anyway")
    assert run(WITHOUT.replace("{name!r}", repr(name))) == "answered"


def test_importing_the_readers_imports_no_framework() -> None:
    assert (
        run(
            "import sys, stridescope.readers, stridescope.readers.objects\n"
            "print(sorted({'torch', 'numpy', 'rich', 'textual', 'click'} & set(sys.modules)))"
        )
        == "[]"
    )


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_tensor_is_read_without_a_sync_and_its_values_by_one_gather() -> None:
    tensor = torch.arange(12.0, device="cuda").view(3, 4).t()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        info = inspect(tensor)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert info.device == "cuda:0"
    assert info.storage is not None
    assert info.storage.data_ptr == tensor.untyped_storage().data_ptr()
    allocated = torch.cuda.memory_allocated()
    assert read_values(tensor, [0, 5, 11, 12]) == [0.0, 5.0, 11.0, None]
    assert torch.cuda.memory_allocated() == allocated
