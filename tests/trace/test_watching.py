"""`ss.watch`: what each phase of a training step does to parameters, gradients and optimizer states."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from stridescope.errors import InputError, UnreadableError
from stridescope.trace.watching import Watch, watch

OPTIMIZERS: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "SGD": (lambda p: torch.optim.SGD(p, lr=0.01), set()),
    "SGD with momentum": (lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9), {"momentum_buffer"}),
    "Adam": (lambda p: torch.optim.Adam(p, foreach=False), {"exp_avg", "exp_avg_sq", "step"}),
    "Adam, foreach": (lambda p: torch.optim.Adam(p, foreach=True), {"exp_avg", "exp_avg_sq", "step"}),
    "Adam, fused": (lambda p: torch.optim.Adam(p, fused=True), {"exp_avg", "exp_avg_sq", "step"}),
    "AdamW": (torch.optim.AdamW, {"exp_avg", "exp_avg_sq", "step"}),
    "RMSprop": (torch.optim.RMSprop, {"square_avg", "step"}),
    "Adagrad": (torch.optim.Adagrad, set()),
    "Rprop": (torch.optim.Rprop, {"prev", "step_size", "step"}),
}


def training(make: Callable[[Any], Any]) -> tuple[torch.nn.Module, Any, Watch, Callable[[], torch.Tensor]]:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = make(model.parameters())
    x = torch.randn(5, 3)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, watch(model, optimizer), step


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_what_the_notebook_says(name: str) -> None:
    make, states = OPTIMIZERS[name]
    _, _, w, step = training(make)
    w.step(step)
    w.step(step)
    assert [phase.name for phase in w.phases] == ["zero_grad", "forward", "backward", "step"] * 2
    zero_grad, forward, backward, first = w.phases[:4]
    assert zero_grad.of("weight.grad").event == forward.of("weight.grad").event == "absent"
    assert backward.of("weight.grad").event == "allocated"
    assert backward.of("weight").event == "kept"
    assert first.of("weight").event == "written in place"
    assert first.of("weight.grad").event == "kept"
    for state in states:
        assert first.of(f"weight.{state}").event == "allocated", state
        assert w.phases[7].of(f"weight.{state}").event == "written in place", state
    assert w.phases[4].of("weight.grad").event == "freed"


def test_storages_and_versions_are_those_of_torch() -> None:
    model, _, w, step = training(OPTIMIZERS["SGD"][0])
    before, storage = model.weight._version, model.weight.untyped_storage()._cdata
    w.step(step)
    event = w.phases[-1].of("weight")
    assert event.versions == (before, model.weight._version)
    assert model.weight.untyped_storage()._cdata == storage
    assert event.after is not None and event.after.storage is not None
    assert event.after.storage.id == f"{storage:#x}"


def phases(body: dict[str, Callable[[Any, Any], object]], make: Any = OPTIMIZERS["SGD"][0]) -> dict[str, str]:
    """What each phase did to weight.grad."""
    model, optimizer, w, _ = training(make)
    for name, run in body.items():
        with w.phase(name):
            run(model, optimizer)
    return {phase.name: phase.of("weight.grad").event for phase in w.phases}


def backward(model: Any, _: Any) -> None:
    model(torch.ones(1, 3)).sum().backward()


def test_accumulation_adds_to_the_same_storage() -> None:
    assert phases({"first": backward, "second": backward}) == {
        "first": "allocated",
        "second": "accumulated into the same storage",
    }


def test_zeroing_in_place_is_told_from_freeing() -> None:
    found = phases(
        {
            "backward": backward,
            "zeroed": lambda _, optimizer: optimizer.zero_grad(set_to_none=False),
            "freed": lambda _, optimizer: optimizer.zero_grad(),
        }
    )
    assert found == {"backward": "allocated", "zeroed": "zeroed", "freed": "freed"}


def test_clipping_writes_gradients_in_place() -> None:
    def clip(model: Any, _: Any) -> None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.001)

    assert phases({"backward": backward, "clip": clip})["clip"] == "written in place"


def test_a_gradient_that_was_replaced_is_told() -> None:
    def replace(model: Any, _: Any) -> None:
        model.weight.grad = torch.zeros(2, 3)

    assert phases({"backward": backward, "replace": replace})["replace"] == "replaced"


def test_a_write_through_data_is_seen_though_no_version_counts_it() -> None:
    model, _, w, _ = training(OPTIMIZERS["SGD"][0])
    with w.phase("through .data"):
        model.weight.data.mul_(2)
    event = w.phases[0].of("weight")
    assert event.event == "written in place" and event.ops == ("mul_",)
    assert event.versions[0] == event.versions[1]


def test_a_scaler_s_unscaling_is_a_phase_between() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    w = watch(model, optimizer)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(torch.ones(4, 3)).sum()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    w.step(step)
    assert [phase.name for phase in w.phases] == ["zero_grad", "forward", "backward", "between", "step"]
    assert w.phases[3].of("weight.grad").event == "written in place"


def test_a_gradient_laid_out_unlike_its_parameter_is_explained() -> None:
    model, _, w, _ = training(OPTIMIZERS["SGD"][0])
    with w.phase("odd"):
        model.weight.grad = torch.zeros(3, 2).t()
    note = w.phases[0].of("weight.grad").note
    assert "(1, 2)" in note and "(3, 1)" in note and "bucket view strides" in note


def test_strides_of_size_1_dims_are_said_to_be_harmless() -> None:
    model = torch.nn.Linear(3, 1)
    w = watch(model)
    with w.phase("odd"):
        model.weight.grad = torch.zeros(3, 1).t()
    assert "size-1 dims alone" in w.phases[0].of("weight.grad").note


def test_buffers_of_batch_norm_are_written_by_forward() -> None:
    model = torch.nn.BatchNorm1d(3)
    w = watch(model)
    with w.phase("forward"):
        model(torch.randn(4, 3))
    assert w.phases[0].of("running_mean").event == "written in place"


def test_learning_rates_are_told_group_by_group() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD([{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.2}])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.95**epoch)
    w = watch(model, optimizer, scheduler)
    for name in ("first", "second"):
        with w.phase(name):
            model(torch.ones(1, 3)).sum().backward()
            optimizer.step()
        scheduler.step()
    assert [phase.lr for phase in w.phases] == [(0.1, 0.2), pytest.approx((0.095, 0.19))]


def test_bytes_alive_are_counted_by_kind_and_once() -> None:
    model, _, w, step = training(OPTIMIZERS["SGD with momentum"][0])
    w.step(step)
    nbytes = sum(p.nbytes for p in model.parameters())
    assert dict(w.phases[-1].nbytes) == {"parameters": nbytes, "gradients": nbytes, "optimizer state": nbytes}


def test_a_phase_that_raises_is_told_and_leaves_nothing_behind() -> None:
    _, optimizer, w, _ = training(OPTIMIZERS["SGD"][0])
    with pytest.raises(KeyError), w.phase("raises"):
        raise KeyError
    with pytest.raises(KeyError):
        w.step(lambda: {}["missing"])
    assert [phase.name for phase in w.phases] == ["raises"]
    assert "zero_grad" not in vars(optimizer)
    assert not optimizer._optimizer_step_pre_hooks


def test_phases_do_not_nest() -> None:
    _, _, w, step = training(OPTIMIZERS["SGD"][0])
    with w.phase("outer"):
        with pytest.raises(InputError, match="begins in phase 'outer'"), w.phase("inner"):
            pass
        with pytest.raises(InputError, match="end that one before"):
            w.step(step)


def test_what_cannot_be_watched_gets_a_sentence() -> None:
    with pytest.raises(UnreadableError, match=r"needed a torch\.nn\.Module"):
        watch(3)
    with pytest.raises(UnreadableError, match="needed an optimizer"):
        watch(torch.nn.Linear(1, 1), 3)


def test_the_report_and_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, w, step = training(OPTIMIZERS["SGD with momentum"][0])
    w.step(step)
    w.show()
    shown = capsys.readouterr().out
    for words in ("BACKWARD", "gradient", "allocated", "state momentum_buffer", "lr 0.01"):
        assert words in shown
    document = json.loads(json.dumps(w.to_dict()))
    assert document["kind"] == "watch" and len(document["phases"]) == 4


def test_numbers_are_the_same_when_watched() -> None:
    ends = []
    for watched in (False, True):
        model, _, w, step = training(OPTIMIZERS["Adam"][0])
        for _ in range(3):
            w.step(step) if watched else step()
        ends.append(model.weight.tolist())
    assert ends[0] == ends[1]
