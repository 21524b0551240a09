"""Views say why they are views, copies why they are none, writes what they write twice."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import stridescope as ss
from stridescope.errors import InputError, ProgramError, UnreadableError
from stridescope.explain import explain
from stridescope.explain.hazards import hazard
from stridescope.layout import Layout

WHY = {
    "torch.arange(12).view(3, 4).view(2, 6)": "dims 0 and 1 merge, since stride[0] is 4 = size[1]·stride[1]",
    "torch.arange(12).view(3, 4)": "each dim is split or kept",
    "torch.arange(12).view(3, 4).t()": "each dim takes its stride along, (4, 1) → (1, 4)",
    "torch.ones(3, 1).expand(3, 4)": "stride 0 along dim 1 reaches one address again and again",
    "torch.arange(12).view(3, 4)[1:, ::2]": "the offset moves by 4, strides (4, 1) become (4, 2)",
    "torch.zeros(4).view(torch.int32)": "the same bytes are read as int32",
    "torch.arange(12).split(4)": "each of the 3 parts starts at an offset of its own",
    "torch.arange(12).view(3, 4).t().reshape(12)": "Copies 96 B: view(12) must merge dims 0 and 1",
    "torch.arange(12).view(3, 4).t().contiguous()": "Copies 96 B: in row-major order stride[1] would be 1, and it is 4",
    "torch.zeros(4).to(torch.float64)": "Copies 32 B: the dtype changes from float32 to float64",
    "torch.zeros(4).flip(0)": "it would need a negative stride",
    "torch.zeros(4)[[0, 2]]": "the positions come from a list or a mask",
    "torch.zeros(4).repeat(2)": "expand repeats a size-1 dim by stride 0, as a view",
    "torch.zeros(4).clone()": "to have its own storage is what it is for",
    "torch.cat([torch.zeros(2), torch.ones(3)])": "it joins tensors",
    "torch.arange(8).unfold(0, 3, 1).mul_(2)": "unfold(0, 3, 1).mul_(2) writes address 2 three times",
    "torch.zeros(4).add_(1)": "Changes addresses 0, 1, 2 and 3 in place",
    "torch.zeros(4)": "A new storage of 16 B.",
    "torch.zeros(0, 2).view(1, 0, 2)": "there are no elements, so any strides reach all of them",
}


@pytest.mark.parametrize("program", WHY)
def test_every_effect_has_its_reason(program):
    assert WHY[program] in " ".join(explain(program).because)


def test_every_step_of_a_program_is_explained_in_order():
    told = explain("x = torch.arange(12).view(3, 4); y = x.t().reshape(12); y.add_(1)")
    assert [step.effect for step in told.steps] == ["alloc", "view", "view", "copy", "write"]
    assert all(step.because for step in told.steps)
    assert told.effect == "write"
    copied = told.steps[3]
    assert [other.source for other in copied.alternatives] == [".permute(1, 0).view(12)"]
    assert copied.cause.source == "x.t()"


def test_the_unfolded_write_is_told_as_torch_does_it():
    """Addresses and counts, beside the values that torch leaves there."""
    windows = torch.zeros(8).unfold(0, 3, 1)
    layout = Layout(tuple(windows.shape), windows.stride())
    hits = torch.zeros(8, dtype=torch.int64)
    hits.put_(torch.tensor(list(layout.addresses())), torch.ones(18, dtype=torch.int64), accumulate=True)
    assert hits.argmax().item() == 2
    assert hits.max().item() == 3
    assert hazard(layout, "op").startswith("op writes address 2 three times, at [0, 2], [1, 1] and [2, 0]")


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout((3, 4), (4, 1)), ""),
        (Layout((0, 4), (0, 1)), ""),
        (Layout((3, 4), (0, 1)), "address 0 three times, at [0, 0], [1, 0] and [2, 0]"),
        (Layout((10**6, 4), (0, 1)), "address 0 over 4,096 times"),
        (Layout((9, 2), (1, 1), 5), "address 6 twice, at [0, 1] and [1, 0]"),
    ],
)
def test_a_hazard_names_an_address_and_how_often_it_is_written(layout, words):
    assert words in hazard(layout, "op")
    assert bool(hazard(layout, "op")) is bool(words)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int8])
def test_live_tensors_arrays_records_and_layouts_are_taken(dtype):
    x = torch.zeros(3, 4, dtype=dtype).t()
    for subject in (x, ss.inspect(x)):
        told = explain(subject, ".view(12)")
        assert told.alternatives[0].copied_nbytes == 12 * x.element_size()
    assert explain(np.zeros((3, 4)).T, "reshape(12)").effect == "copy"
    assert explain(Layout((4, 3), (1, 4)), "[1:].view(-1)").reason.dims == (0, 1)


def test_an_op_on_a_live_tensor_touches_nothing():
    x = torch.zeros(3, 4).t()
    version = x._version
    assert explain(x, "add_(1)").effect == "write"
    assert (x._version, x.sum().item()) == (version, 0)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((torch.zeros(3),), InputError),
        ((torch.zeros(3), 5), InputError),
        (("torch.zeros(3)", "view(3)"), InputError),
        (("torch.zeros(3",), ProgramError),
        (("",), ProgramError),
        ((object(), "view(3)"), UnreadableError),
        ((torch.zeros(3), "vieuw(3)"), ProgramError),
    ],
)
def test_what_cannot_be_explained_is_one_clear_sentence(arguments, error):
    with pytest.raises(error) as found:
        explain(*arguments)
    assert "\n" not in str(found.value)


def test_the_json_has_the_fields_of_the_schema():
    document = json.loads(json.dumps(explain("torch.arange(12).view(3, 4).t().view(12)").to_dict()))
    assert document["schema"] == "stridescope/1"
    assert {"effect", "reason", "alternatives", "because", "groups", "cause", "steps"} <= set(document)
    assert document["reason"]["dims"] == [0, 1]
    assert set(document["alternatives"][0]) == {"source", "effect", "copied_nbytes"}
    assert len(document["steps"]) == 4


@pytest.mark.parametrize("width", [30, 60, 120])
def test_it_is_drawn_in_any_width(width):
    from rich.console import Console

    told = explain("x = torch.zeros(2, 30, 4).permute(2, 0, 1); x.view(-1, 10**9, 1)")
    for value in (explain("torch.arange(12).view(3, 4).t().view(12)"), told):
        screen = Console(width=width, color_system=None, legacy_windows=False)
        with screen.capture() as drawn:
            screen.print(value)
        lines = drawn.get().splitlines()
        assert all(len(line) <= width and line == line.rstrip() for line in lines)
        assert any("refused" in line for line in lines)


def test_user_text_is_no_markup():
    told = explain("torch.arange(12).view(3, 4)[[0, 1]]")
    assert "[[0, 1]]" in str(told)


def test_the_package_is_the_function_too():
    import stridescope.explain as package

    assert package("torch.zeros(3)").effect == "alloc"
