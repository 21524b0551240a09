"""What changed between two readings is what was done to the model in between."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")
from model_zoo import ZOO, ImageNet, Tied  # noqa: E402
from torch import nn  # noqa: E402

from stridescope.modules.changes import changes  # noqa: E402
from stridescope.modules.reading import modules  # noqa: E402


def after(model: nn.Module, act: Callable[[nn.Module], object]) -> list[str]:
    before = modules(model)
    act(model)
    return [str(change) for change in changes(before, modules(model))]


@pytest.mark.parametrize("name", sorted(ZOO))
def test_nothing_done_is_nothing_changed(name: str) -> None:
    assert after(ZOO[name](), lambda _: None) == []


def same_memory(model: nn.Module) -> None:
    """A new parameter where the old one was: its storage may get the very address that was freed."""
    del model.block.bias
    model.block.bias = nn.Parameter(torch.zeros(4))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda m: setattr(m, "block", nn.Linear(4, 4)), ["block: replaced, by another Linear"]),
        (lambda m: setattr(m, "block", nn.Identity()), ["block: replaced, Linear → Identity"]),
        (lambda m: m.add_module("extra", nn.Sequential(nn.ReLU())), ["extra: added, Sequential"]),
        (lambda m: delattr(m, "block"), ["block: removed, Linear"]),
        (lambda m: m.block.requires_grad_(False), ["block.weight: frozen", "block.bias: frozen"]),
        (lambda m: m.eval(), ["the model: mode, training → eval"]),
        (lambda m: m.block.eval(), ["block: mode, training → eval"]),
        (lambda m: m.block.register_buffer("mask", torch.ones(3)), ["block.mask: added, (3,) float32"]),
        (lambda m: m.block.register_parameter("bias", None), ["block.bias: removed, (4,) float32"]),
        (same_memory, ["block.bias: replaced"]),
        (
            lambda m: m.block.bfloat16(),
            [f"block.{name}: changed, dtype float32 → bfloat16, other memory" for name in ("weight", "bias")],
        ),
        (
            lambda m: setattr(m.block.weight, "data", m.block.weight.data.t()),
            ["block.weight: changed, stride (4, 1) → (1, 4)"],
        ),
    ],
)
def test_what_was_done_is_told(act: Callable[[nn.Module], object], said: list[str]) -> None:
    assert after(Tied(), act) == said


def test_training_steps_change_nothing_of_the_tree() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(_: nn.Module) -> None:
        model(torch.ones(4, 3)).sum().backward()
        optimizer.step()

    assert after(model, step) == []


def test_unfreezing_is_told_and_a_lazy_layer_takes_its_shape() -> None:
    model = ZOO["frozen_and_mixed"]()
    assert after(model, lambda m: m[0].requires_grad_(True)) == ["0.weight: unfrozen", "0.bias: unfrozen"]
    lazy = ZOO["lazy"]()
    told = after(lazy, lambda m: m(torch.ones(2, 5)))
    assert any(line.startswith("0.weight: changed") and "None → (3, 5)" in line for line in told)


def test_a_module_under_another_name_has_moved() -> None:
    model = ImageNet()

    def rename(m: nn.Module) -> None:
        m.head = m.third
        del m.third

    assert after(model, rename) == ["head: moved, from third"]


def test_a_container_that_was_replaced_is_told_once() -> None:
    model = ImageNet()
    assert after(model, lambda m: setattr(m, "first", nn.Sequential(nn.ReLU()))) == [
        "first: replaced, by another Sequential"
    ]


def test_tying_a_weight_replaces_it() -> None:
    model = Tied()
    model.lm_head.weight = nn.Parameter(torch.zeros(10, 4))
    told = after(model, lambda m: setattr(m.lm_head, "weight", m.wte.weight))
    assert told == ["lm_head.weight: replaced"]
