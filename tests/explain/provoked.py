"""Every error that is explained, provoked for real, each beside what its note must say.

A case is a function that raises. What is in `TRUE` is worked out by hand from its lines; the tests look for all of it
in the note. Errors that need a device or a package that may not be there are raised in their own words.
"""

from __future__ import annotations

import tempfile
import warnings

import numpy as np
import torch


def refused_view():
    x = torch.arange(12).view(3, 4)
    turned = x.t()
    turned.view(12)


def wrong_numel():
    x = torch.ones(3, 4)
    x.reshape(5, -1)


def inferred_twice():
    x = torch.ones(3, 4)
    x.view(-1, -1)


def inferred_of_nothing():
    empty = torch.empty(0, 3)
    empty.view(-1, 0)


def expanded_wrong():
    column = torch.ones(3)
    column.expand(2, 4)


def broadcast_wrong():
    a, b = torch.ones(3, 4), torch.ones(3, 5)
    a + b


def written_twice():
    wide = torch.ones(3, 1).expand(3, 4)
    wide.add_(1)


def read_and_written():
    y = torch.arange(5)
    y[1:].copy_(y[:-1])


def read_and_written_out():
    y = torch.arange(5)
    torch.add(y[:-1], 1, out=y[1:])


def backwards_array():
    array = np.arange(4)[::-1]
    torch.from_numpy(array)


def odd_array():
    field = np.zeros(3, dtype=[("a", "i1"), ("b", "i4")])["b"]
    torch.from_numpy(field)


def backwards_slice():
    x = torch.arange(12).view(3, 4)
    x[:, ::-1]


def no_such_dim():
    x = torch.ones(3, 4)
    torch.softmax(x, dim=2)


def window_too_wide():
    x = torch.ones(3, 4)
    x.unfold(1, 5, 1)


def odd_offset():
    half = torch.zeros(9)[1:]
    half.view(torch.float64)


def odd_size():
    three = torch.zeros(2, 3)
    three.view(torch.float64)


def apart_in_memory():
    turned = torch.zeros(4, 4).t()
    turned.view(torch.float64)


def beyond_the_storage():
    x = torch.arange(4)
    x.as_strided((3,), (2,), 0)


def view_of_leaf():
    weight = torch.ones(3, requires_grad=True)
    head = weight[:2]
    head.mul_(2)


def leaf():
    weight = torch.ones(3, requires_grad=True)
    weight.add_(1)


def no_elements_to_array():
    x = torch.ones(3, device="meta")
    x.numpy()


def array_of_graph():
    x = torch.ones(3, requires_grad=True)
    x.numpy()


def two_devices():
    here = torch.ones(3)
    nowhere = torch.ones(3, device="meta")
    torch.add(here, nowhere)


def wrong_rank():
    image = torch.ones(3, 4, 5)
    image.contiguous(memory_format=torch.channels_last)


def cat_of_unlike():
    a, b = torch.ones(2, 3), torch.ones(2, 4)
    torch.cat([a, b])


def stack_of_unlike():
    a, b = torch.ones(3), torch.ones(4)
    torch.stack([a, b])


def bucket():
    """DDP on one process; the parameter is turned after it was wrapped."""
    import torch.distributed as dist

    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
        try:
            model = torch.nn.Linear(3, 4, bias=False)
            wrapped = torch.nn.parallel.DistributedDataParallel(model)
            model.weight.data = model.weight.data.t().contiguous().t()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                wrapped(torch.ones(2, 3)).sum().backward()
        finally:
            dist.destroy_process_group()


def other_device():
    x = torch.ones(3)
    assert x.numel()
    raise TypeError(
        "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    )


def cuda_and_cpu():
    a, b = torch.ones(3), torch.ones(4)
    assert a.numel() < b.numel()
    raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!")


def tied_in_a_file():
    base = torch.arange(100.0)
    tensors = {"A": base, "B": base[10:20], "C": base[50:60], "evens": base[::2], "odds": base[1::2]}
    assert len(tensors) == 5
    raise RuntimeError(
        "\n            Some tensors share memory, this will lead to duplicate memory on disk and potential differences "
        "when loading them again: [{'B', 'A'}, {'evens', 'odds'}].\n            A potential way to correctly save your "
        "model is to use `save_model`."
    )


TRUE = {
    refused_view: (
        "view(12) must merge dims 0 and 1, but stride[0] is 1 where merging needs size[1]·stride[1] = 12",
        "turned is (4,3):(1,4), int64, cpu",
        f"come from x.t() at provoked.py:{refused_view.__code__.co_firstlineno + 2}",
        ".reshape(12) copies 96 B",
        ".permute(1, 0).view(12) (view)",
    ),
    wrong_numel: ("shape [5, -1] needs a multiple of 5 elements; x (3, 4) has 12",),
    inferred_twice: ("-1 at dims 0 and 1; only one dim can be inferred", ".view(-1, 1) (view)"),
    inferred_of_nothing: ("empty (0, 3): with 0 elements, -1 in shape [-1, 0] could be any size",),
    expanded_wrong: ("column (3,) does not expand to (2, 4): dim 0 has size 3, and only size 1 can become 4",),
    broadcast_wrong: ("(3, 4)", "(3, 5)"),
    written_twice: (
        "wide (3,4):(1,0) reaches one address from several indices, since dim 1 has stride 0",
        "[0, 0] and [0, 1] both reach address 0",
        ".clone().add_(1) copies 48 B",
    ),
    read_and_written: ("reads bytes [0, 32) of the storage and writes [8, 40)", ".copy_(y[:-1].clone()) copies 64 B"),
    read_and_written_out: ("y[:-1] (4):(1) and y[1:] (4):(1)+1 lie in one storage", "are one place, byte 24"),
    backwards_array: ("array (4):(-1)+3 runs backwards along dim 0: stride[0] is -1", ".copy()) copies 32 B"),
    odd_array: ("field has byte strides (5,) with items of 4 B",),
    backwards_slice: ("x: torch has no negative strides", ".flip(1) copies 96 B"),
    no_such_dim: ("there is no dim 2: x (3, 4) has 2 dims; the last dim is 1, or -1",),
    window_too_wide: ("a window of 5 does not fit dim 1 of x (3, 4), of size 4", ".unfold(1, 4, 1) (view)"),
    odd_offset: ("items of 4 B as items of 8 B", "half is (8):(1)+1", ".clone().view(torch.float64) copies 32 B"),
    odd_size: ("size[1] must divide by 2, got 3",),
    apart_in_memory: ("stride[1] must be 1, got 4", ".contiguous().view(torch.float64) copies 64 B"),
    beyond_the_storage: (
        "(3,):(2,)+0 reaches address 4, the last of its index [2]; the storage of x ends after 4 elements, 32 B",
    ),
    view_of_leaf: ("head shares the storage of a leaf that requires grad", "torch.no_grad()"),
    leaf: ("weight is a leaf that requires grad", "torch.no_grad()"),
    no_elements_to_array: ("x, on meta, has no elements at all",),
    array_of_graph: ("x requires grad", ".detach().numpy() (view)"),
    two_devices: ("here on cpu", "nowhere on meta"),
    wrong_rank: (
        "channels_last orders the dims N, C, H and W, so it needs 4 of them; image (3, 4, 5) has 3 dims",
        ".unsqueeze(0).contiguous(memory_format=torch.channels_last) copies 240 B",
    ),
    cat_of_unlike: ("dim 1 must match, but a is (2, 3) and tensor 1, b, is (2, 4)", "Along dim 1 they fit"),
    stack_of_unlike: ("a is (3,), b is (4,)",),
    bucket: ("of shape (4, 3) differ in stride[0] (1 and 3) and stride[1] (4 and 1)",),
    other_device: ("on cuda:0, lies in that device's memory, and numpy reads the host's alone",),
    cuda_and_cpu: ("the op needs its tensors on one device",),
    tied_in_a_file: ("A and B share bytes of one storage", "evens and odds lie in one storage and share no byte"),
}

QUICK = [case for case in TRUE if case is not bucket]
