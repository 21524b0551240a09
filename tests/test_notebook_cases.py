"""What a reader of an introductory PyTorch notebook does with tensors is told as it really is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import stridescope as ss
from stridescope.records import Step, TensorInfo


def final(program: str, **options: Any) -> Step:
    step = ss.run(program, **options).steps[-1]
    assert step.tensor is not None, step.reason
    return step


def told(program: str) -> TensorInfo:
    """The last tensor of a program, the same on layouts and on real torch."""
    ours, real = final(program).tensor, final(program, engine="torch").tensor
    assert ours is not None and real is not None
    for field in ("type", "shape", "stride", "storage_offset", "dtype", "itemsize", "byte_stride", "device", "nbytes"):
        assert getattr(ours, field) == getattr(real, field), field
    return ours


# ------------------------------------------------------------------------------------- storage, offset, stride

NINE = "np.arange(1, 10).reshape(3, 3)"


def test_the_element_six_of_a_three_by_three_array_is_five_elements_from_the_start() -> None:
    array = np.arange(1, 10, dtype=np.int64).reshape(3, 3)
    for info in (ss.inspect(array), ss.inspect(torch.from_numpy(array)), told(NINE), told(f"torch.from_numpy({NINE})")):
        layout = info.layout
        assert layout is not None
        assert layout.address((1, 2)) == 5
        assert list(layout.indices_of(5)) == [(1, 2)]
        assert (info.stride, info.byte_stride, info.dtype) == ((3, 1), (24, 8), "int64")
    step = final(NINE)
    assert step.values is not None and step.values([5]) == [6]


# -------------------------------------------------------------------------------------- creating and converting


def test_int64_and_float64_of_one_list_differ_in_dtype_alone() -> None:
    whole, real = told("torch.tensor([[1, 2], [3, 4]])"), told("torch.tensor([[1, 2], [3, 4]], dtype=torch.float64)")
    assert (whole.dtype, real.dtype) == ("int64", "float64")
    assert whole.itemsize == real.itemsize == 8
    assert (whole.shape, whole.stride) == (real.shape, real.stride) == ((2, 2), (2, 1))


def test_a_tensor_on_cuda_differs_in_device_alone() -> None:
    """No GPU is needed to be told so."""
    there = final("torch.tensor([[1, 2], [3, 4]], device='cuda:0')").tensor
    here = told("torch.tensor([[1, 2], [3, 4]])")
    assert there is not None
    assert (there.device, here.device) == ("cuda:0", "cpu")
    assert (there.shape, there.stride, there.dtype) == (here.shape, here.stride, here.dtype)


def test_numpy_of_a_cpu_tensor_shares_its_memory() -> None:
    history = ss.run("t = torch.tensor([[1, 2], [3, 4]]); a = t.numpy(); a[0, 0] = 9")
    shared, written = history.steps[-2:]
    assert (shared.effect, shared.copied_nbytes) == ("view", 0)
    assert written.write is not None and written.write.seen_by == ("t", "a")
    t = torch.tensor([[1, 2], [3, 4]])
    t.numpy()[0, 0] = 9
    assert t[0, 0] == 9


def test_a_cuda_tensor_is_copied_to_the_cpu_first() -> None:
    moved, shared = ss.run("torch.tensor([1, 2], device='cuda').to('cpu').numpy()").steps[-2:]
    assert (moved.effect, moved.copied_nbytes) == ("copy", 16)
    assert (shared.effect, shared.copied_nbytes) == ("view", 0)


def test_numpy_of_a_cuda_tensor_is_an_error_that_says_what_to_do() -> None:
    refused = ss.run("torch.tensor([1, 2], device='cuda').numpy()").refused
    assert refused is not None and refused.reason is not None
    assert refused.reason.exception == "TypeError"
    assert "cuda:0" in refused.reason.message and ".cpu()" in refused.reason.message


# ----------------------------------------------------------------------------------------------- index and slice


@pytest.mark.parametrize(
    ("index", "offset", "shape"), [("[0]", 0, ()), ("[-1]", 6, ()), ("[2:5]", 2, (3,)), ("[4:-1]", 4, (2,))]
)
def test_each_index_and_slice_is_a_view_of_one_storage(index: str, offset: int, shape: tuple[int, ...]) -> None:
    program = f"torch.FloatTensor([1, 2, 3, 4, 5, 6, 7]){index}"
    info, (made, indexed) = told(program), ss.run(program).steps
    assert (info.storage_offset, info.shape) == (offset, shape)
    assert indexed.effect == "view" and made.tensor is not None and indexed.tensor is not None
    assert made.tensor.storage == indexed.tensor.storage
    live = torch.FloatTensor([1, 2, 3, 4, 5, 6, 7])
    part = eval(f"live{index}", {"live": live})
    seen = ss.inspect(part)
    assert (seen.storage_offset, seen.shape) == (offset, shape)
    assert seen.storage == ss.inspect(live).storage


# ---------------------------------------------------------------------------------------------------------- view


@pytest.mark.parametrize(("sizes", "shape"), [("4, 1", (4, 1)), ("-1", (4,)), ("1, -1", (1, 4)), ("-1, 1", (4, 1))])
def test_minus_one_is_inferred_and_the_storage_stays(sizes: str, shape: tuple[int, ...]) -> None:
    program = f"torch.tensor([[1, 2], [3, 4]]).view({sizes})"
    made, viewed = ss.run(program).steps
    assert told(program).shape == shape
    assert viewed.effect == "view" and made.tensor is not None and viewed.tensor is not None
    assert made.tensor.storage == viewed.tensor.storage


# ------------------------------------------------------------------------------------------ joining and swapping


@pytest.mark.parametrize(("join", "shape"), [("stack", (2, 2, 3)), ("cat", (4, 3))])
def test_joins_fill_a_new_storage(join: str, shape: tuple[int, ...]) -> None:
    program = f"x = torch.arange(6).view(2, 3); y = torch.{join}([x, x])"
    step = ss.run(program).steps[-1]
    assert told(program).shape == shape
    assert (step.effect, step.copied_nbytes) == ("copy", 96)
    x = torch.arange(6).view(2, 3)
    joined = ss.inspect(getattr(torch, join)([x, x]))
    assert joined.storage is not None and joined.storage.nbytes == 96
    assert joined.storage.id != ss.inspect(x).storage.id  # type: ignore[union-attr]


@pytest.mark.parametrize("swap", ["t()", "transpose(0, 1)", "transpose(-1, 0)"])
def test_swaps_keep_the_storage_and_swap_the_strides(swap: str) -> None:
    program = f"torch.arange(6).view(2, 3).{swap}"
    step, info = ss.run(program).steps[-1], told(program)
    assert (info.shape, info.stride) == ((3, 2), (1, 3))
    assert step.effect == "view" and step.before is not None and step.tensor is not None
    assert step.before.storage == step.tensor.storage
    assert info.contiguous is False


def test_a_view_of_what_was_swapped_is_refused_and_the_way_out_is_told() -> None:
    refused = ss.run("torch.arange(6).view(2, 3).t().view(-1)").refused
    assert refused is not None and refused.reason is not None
    assert (refused.reason.dims, refused.reason.needed_stride, refused.reason.found_stride) == ((0, 1), 6, 1)
    assert [other.effect for other in refused.reason.alternatives if other.source == ".reshape(-1)"] == ["copy"]
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        torch.arange(6).view(2, 3).t().view(-1)
