"""What differs between two layouts, whether an address does, and who minds: torch itself is asked."""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "layout"))

from layouts import as_torch, layouts

import stridescope as ss
from stridescope.errors import InputError, UnreadableError
from stridescope.explain import diff
from stridescope.explain.consumers import CONSUMERS
from stridescope.layout import Layout


def verdict(found, name):
    return next(each for each in found.verdicts if each.consumer == name)


@st.composite
def pairs(draw):
    one = draw(layouts())
    shape = one.shape if draw(st.booleans()) else None
    other = draw(layouts(shape=shape)) if draw(st.integers(0, 3)) else one
    return one, other


@settings(max_examples=400)
@given(pairs())
def test_addresses_are_the_same_exactly_when_each_index_reaches_the_same(given_):
    one, other = given_
    same = one.shape == other.shape and all(
        one.address(index) == other.address(index) for index in product(*map(range, one.shape))
    )
    assert diff(one, other).same_addresses is same


@settings(max_examples=300)
@given(pairs())
def test_a_harmless_difference_changes_no_address_and_the_others_are_all_that_is_left(given_):
    one, other = given_
    found = diff(one, other)
    harmful = [each for each in found.fields if not each.harmless]
    if one.shape == other.shape:
        sized = [dim for dim, n in enumerate(one.shape) if n > 1]
        strides = any(one.stride[dim] != other.stride[dim] for dim in sized) and one.numel > 0
        offset = one.storage_offset != other.storage_offset and one.numel > 0
        assert found.same_addresses is not (strides or offset)
    if not harmful:
        assert found.same_addresses is True


@settings(max_examples=300)
@given(layouts())
def test_torch_agrees_about_contiguity(layout):
    tensor = as_torch(layout)
    found = diff(tensor, tensor)
    assert verdict(found, "torch contiguous").a is tensor.is_contiguous()
    if tensor.ndim == 4:
        assert verdict(found, "channels_last").a is tensor.is_contiguous(memory_format=torch.channels_last)
    if tensor.ndim:
        assert verdict(found, "stride(-1) == 1").a is (tensor.stride(-1) == 1)
    for each in found.verdicts:
        assert bool(each.why) is (each.a is False or each.b is False)


ROWS, NHWC = torch.contiguous_format, torch.channels_last


@pytest.mark.parametrize(
    ("shape", "memory_format"),
    [((4, 3), ROWS), ((1,), ROWS), *product([(2, 3, 4, 5), (4, 1, 1, 3)], [ROWS, NHWC])],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_gradient_that_autograd_makes_fits_the_bucket(shape, memory_format, turned):
    """AccumulateGrad lays a gradient out by the same contract that DDP's buckets follow."""
    weight = torch.zeros(shape).contiguous(memory_format=memory_format)
    weight = (weight.transpose(0, -1) if turned else weight).detach().requires_grad_()
    (weight * 2).sum().backward()
    assert verdict(diff(weight, weight.grad), "DDP bucket view").b is True


def test_a_turned_gradient_does_not_fit_and_the_dim_is_named():
    found = diff(torch.zeros(4, 3), torch.zeros(3, 4).t())
    bucket = verdict(found, "DDP bucket view")
    assert (bucket.a, bucket.b, bucket.why) == (True, False, "b: stride[1] is 4, needs 1")


def test_size_1_dims_are_named_as_harmless():
    found = diff(torch.zeros(4, 1, 3), torch.zeros(1, 4, 3).transpose(0, 1))
    assert found.same_addresses is True
    assert [(each.field, each.dims, each.harmless) for each in found.fields] == [("stride", (1,), True)]
    assert found.notes[0] == "stride[1] (3 and 12) is harmless: dim 1 has size 1, so no address depends on it."


def test_dlpack_says_yes_exactly_where_torch_exports():
    cases = {
        "plain": torch.zeros(3, 4).t(),
        "grad": torch.zeros(3, requires_grad=True),
        "conj": torch.zeros(3, dtype=torch.complex64).conj(),
        "sparse": torch.eye(3).to_sparse(),
        "meta": torch.zeros(3, device="meta"),
    }
    for name, tensor in cases.items():
        try:
            tensor.__dlpack__()
            exported = True
        except Exception:  # noqa: BLE001 - whatever it raises, it does not export
            exported = False
        if tensor.layout is torch.strided:
            assert verdict(diff(tensor, tensor), "DLPack").a is exported, name
    backwards = np.arange(4)[::-1]
    assert verdict(diff(backwards, backwards.copy()), "DLPack").a is False


def test_alignment_is_that_of_the_data_pointer():
    base = torch.zeros(64, dtype=torch.uint8)
    for start in range(0, 33, 3):
        part = base[start:]
        assert verdict(diff(part, base), "data_ptr % 16 == 0").a is (part.data_ptr() % 16 == 0)


def test_one_storage_and_what_is_shared_of_it():
    base = torch.arange(100.0)
    assert diff(base, base[10:20]).notes[-1].startswith("They lie in one storage and share 40 B of it; a[1")
    assert diff(base[::2], base[1::2]).notes[-1] == "They lie in one storage and share no byte of it."
    assert diff(base, base.clone()).same_storage is False
    array = base.numpy()
    assert diff(base, array).same_addresses is True
    program = ss.run("x = torch.arange(6); y = x[2:]; z = x.clone()")
    x, y, z = (program.tensors[name] for name in "xyz")
    assert (diff(x, y).same_storage, diff(x, z).same_storage) == (True, False)
    assert diff("torch.arange(3)", "torch.arange(3)").same_storage is False


def test_views_of_each_others_shape_are_told_so():
    x = torch.arange(12)
    assert any("same addresses" in note for note in diff(x, x.view(3, 4)).notes)
    assert any("another order" in note for note in diff(x.view(3, 4), x.view(3, 4).t()).notes)


def test_meta_and_real_differ_in_where_they_are_alone():
    found = diff(torch.zeros(3, 4, device="meta"), torch.zeros(3, 4))
    assert [each.field for each in found.fields] == ["device"]
    assert found.same_addresses is True


def test_what_has_no_strides_is_undecided():
    sparse = torch.eye(3).to_sparse()
    found = diff(sparse, torch.eye(3))
    assert found.same_addresses is None
    assert "tensor_layout" in [each.field for each in found.fields]


def test_items_of_two_sizes_are_compared_in_bytes():
    assert diff(torch.zeros(4), torch.zeros(4, dtype=torch.float64)).same_addresses is False
    assert diff(torch.zeros(1), torch.zeros(1, dtype=torch.float64)).same_addresses is True


@pytest.mark.parametrize(
    ("a", "error"), [("(3,4):(4", InputError), ("torch.arange(12).view(5)", InputError), (object(), UnreadableError)]
)
def test_what_cannot_be_compared_is_one_clear_sentence(a, error):
    with pytest.raises(error) as found:
        diff(a, torch.zeros(3))
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("width", [30, 80])
def test_it_is_drawn_in_any_width_and_has_its_json(width):
    from rich.console import Console

    found = diff(torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last))
    screen = Console(width=width, color_system=None, legacy_windows=False)
    with screen.capture() as drawn:
        screen.print(found)
    assert all(len(line) <= width for line in drawn.get().splitlines())
    document = json.loads(json.dumps(found.to_dict()))
    assert {"schema", "fields", "same_addresses", "same_storage", "verdicts", "notes", "a", "b"} <= set(document)
    assert document["verdicts"][0] == {
        "consumer": "torch contiguous",
        "a": True,
        "b": False,
        "why": "b: stride[3] is 3, needs 1",
    }
    assert len(found.verdicts) == len(CONSUMERS) - 1


def test_layouts_have_no_dtype_to_differ_in():
    assert diff(Layout((2,), (1,)), "(2):(1)").notes == ("They lie alike.",)
