"""Refusals are torch's, their proofs hold, and every alternative does on torch what it promises."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "layout"))

from layouts import as_torch, layouts, new_shapes

import stridescope as ss
from stridescope.errors import IllegalOp
from stridescope.explain import explain
from stridescope.layout import Layout, Refusal
from stridescope.layout.compatibility import view_stride
from stridescope.program.alternatives import further_alternatives, nearest_shape


@st.composite
def asked(draw):
    layout = draw(layouts(least=1))
    return layout, draw(new_shapes(layout))


def written(shape):
    return f"view({', '.join(map(str, shape))})" if shape else "view(())"


def evaluated(source, tensor):
    """torch's own answer to the text of an alternative."""
    return eval(f"x{source}", {"torch": torch}, {"x": tensor})


def bytes_kept(one, other):
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


@settings(max_examples=400)
@given(asked())
def test_a_view_is_refused_exactly_when_torch_refuses_it(given_):
    layout, shape = given_
    tensor = as_torch(layout)
    told = explain(tensor, written(shape))
    try:
        made = tensor.view(shape)
    except RuntimeError as error:
        assert told.effect == "refused"
        merging = str(error).startswith("view size is not compatible")
        assert (told.reason.code == "dims_not_mergeable") is merging
    else:
        assert told.effect == "view"
        assert (told.tensor.shape, told.tensor.stride) == (tuple(made.shape), made.stride())


@settings(max_examples=300)
@given(asked())
def test_the_named_dims_are_necessary(given_):
    """With the stride that was needed in the place of the one that was found, that refusal is gone."""
    layout, shape = given_
    blamed = set()
    for _ in range(layout.ndim):
        told = explain(layout, written(shape))
        if told.reason is None or told.reason.code != "dims_not_mergeable":
            break
        one, other = told.reason.dims
        assert (one, other) not in blamed
        blamed.add((one, other))
        assert layout.stride[one] == told.reason.found_stride != told.reason.needed_stride
        stride = list(layout.stride)
        stride[one] = told.reason.needed_stride
        layout = Layout(layout.shape, tuple(stride), layout.storage_offset)
    else:
        assert explain(layout, written(shape)).effect == "view"


@settings(max_examples=300)
@given(asked())
def test_every_alternative_does_on_torch_what_it_promises(given_):
    layout, shape = given_
    tensor = as_torch(layout)
    told = explain(tensor, written(shape))
    for other in told.alternatives:
        made = evaluated(other.source, tensor)
        assert bytes_kept(made, tensor) is (other.effect != "copy"), other
        copied = 0 if bytes_kept(made, tensor) else made.numel() * made.element_size()
        assert other.copied_nbytes == copied, other
        if other.source.startswith((".reshape", ".contiguous")):
            assert torch.equal(made, tensor.reshape(shape))


@settings(max_examples=300)
@given(asked())
def test_the_nearest_shape_is_a_view_that_keeps_the_order(given_):
    layout, shape = given_
    tensor = as_torch(layout)
    told = explain(tensor, written(shape))
    if told.reason is None or told.reason.code != "dims_not_mergeable":
        return
    near = nearest_shape(layout, told.groups, tuple(tensor.reshape(shape).shape))
    made = tensor.view(near)
    assert torch.equal(made.reshape(shape), tensor.reshape(shape))
    # No border between groups is missing, so no coarser shape that cuts at the same places would do.
    assert not isinstance(view_stride(layout.shape, layout.stride, near), Refusal)


def test_a_permute_that_makes_it_a_view_is_offered_and_its_order_is_told():
    told = explain("torch.arange(24).view(2, 3, 4).permute(2, 0, 1).view(24)")
    assert ".permute(1, 2, 0).view(24)" in [other.source for other in told.alternatives]
    assert any("in the order in which they lie in memory" in sentence for sentence in told.because)


def test_the_proof_of_a_refusal():
    told = explain("torch.arange(12).view(3, 4).t().view(12)")
    assert told.effect == "refused"
    assert told.reason.dims == (0, 1)
    assert (told.reason.needed_stride, told.reason.found_stride) == (12, 1)
    assert told.groups == ((0,), (1,))
    assert told.because[0] == "From [0, 2] the next address would be 12, but [1, 0] is at 1."
    assert [step.effect for step in told.steps] == ["alloc", "view", "view", "refused"]


@pytest.mark.parametrize(
    ("program", "cause"),
    [
        ("torch.arange(12).view(3, 4).t().view(12)", ".t()"),
        ("torch.arange(12).view(3, 4).t()[:, ::2].view(-1)", ".t()"),
        ("torch.zeros(8, 4, 6)[:, :2].permute(2, 0, 1).view(12, 8)", "[:, :2]"),
        ("torch.zeros(8, 4, 6)[:, :2].unsqueeze(0).view(-1)", "[:, :2]"),
        ("torch.zeros(2, 3, 4, 4).transpose(1, 2).contiguous().transpose(0, 1).view(-1)", ".transpose(0, 1)"),
        ("torch.zeros(3).unsqueeze(1).expand(3, 4).view(12)", ".expand(3, 4)"),
    ],
)
def test_the_cause_is_the_step_that_made_the_dims_clash(program, cause):
    assert explain(program).cause.source == cause


def test_the_cause_in_a_program_of_several_lines_has_its_line():
    told = explain("x = torch.arange(12).view(3, 4)\ny = x.t()\nz = y[1:]\nz.view(9)")
    assert (told.cause.source, told.cause.line) == ("x.t()", 2)


def test_removing_the_cause_removes_the_refusal():
    for program in ("torch.arange(12).view(3, 4).t().view(12)", "torch.zeros(4, 6)[:, :3].view(-1)"):
        told = explain(program)
        assert explain(program.replace(told.cause.source, "")).effect == "view"


REFUSED = {
    "torch.ones(3, 1).expand(3, 4).add_(1)": (".clone().add_(1)",),
    "torch.from_numpy(np.arange(4)[::-1])": ("torch.from_numpy(np.arange(4)[::-1].copy())",),
    "torch.arange(12).view(3, 4)[:, ::-1]": (".flip(1)",),
    "torch.arange(12).view(3, 4)[0, ::-1]": ("[0, :].flip(0)",),
    "torch.ones(3, 4).unfold(1, 5, 1)": (".unfold(1, 4, 1)",),
    "torch.zeros(9)[1:].view(torch.float64)": (".clone().view(torch.float64)",),
    "torch.zeros(4, 4).t().view(torch.float64)": (".contiguous().view(torch.float64)",),
    "torch.ones(3, requires_grad=True)[0:2].add_(1)": (".detach().add_(1)", ".clone().add_(1)"),
    "torch.ones(3, requires_grad=True).numpy()": (".detach().numpy()",),
    "torch.ones(3, 4, 5).contiguous(memory_format=torch.channels_last)": (
        ".unsqueeze(0).contiguous(memory_format=torch.channels_last)",
    ),
    "torch.arange(3).expand(3, 4)": (".unsqueeze(1).expand(3, 4)",),
    "torch.arange(12).view(5, 2)": (".view(-1, 2)",),
    "torch.arange(12).view(-1, -1)": (".view(-1, 1)", ".view(1, -1)"),
    "torch.empty(0, 3).view(-1, 0)": (".view(0, 0)", ".view(1, 0)"),
    "torch.ones(3, device='meta').numpy()": (),
    "torch.ones(3) + torch.ones(3, device='meta')": (),
}


@pytest.mark.parametrize("program", REFUSED)
def test_other_refusals_offer_what_runs_on_torch(program):
    """The text before the refused step, the alternative behind it: torch takes it, with the effect that was told."""
    told = explain(program)
    assert told.effect == "refused"
    assert tuple(other.source for other in told.alternatives) == REFUSED[program]
    before = program.removesuffix(told.steps[-1].source)
    for other in told.alternatives:
        whole = before + other.source if other.source.startswith((".", "[")) else other.source
        history = ss.run(whole, engine="torch")
        assert history.refused is None
        base = len(told.steps) - 1 if before else 0
        assert sum(step.copied_nbytes for step in history.steps[base:]) == other.copied_nbytes


def test_further_alternatives_take_a_size_left_open():
    assert further_alternatives(Layout((4, 3), (1, 4)), 8, (2, -1))[0].source == ".permute(1, 0).view(2, -1)"
    with pytest.raises(IllegalOp):
        further_alternatives(Layout((4, 3), (1, 4)), 8, (5, -1))
