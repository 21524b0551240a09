"""Accuracy over ten batches: what softmax and a metric allocate, and the states that a metric module keeps.

Run it: python demos/metrics.py   (with torchmetrics installed, its Accuracy module too)
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

import stridescope as ss
from stridescope.trace.live import storages
from stridescope.trace.tracing import trace
from stridescope.trace.watching import watch

BATCHES, ROWS, CLASSES = 10, 10, 5


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Predictions, each row summing to 1, and labels."""
    torch.manual_seed(0)
    return [(torch.randn(ROWS, CLASSES).softmax(dim=-1), torch.randint(CLASSES, (ROWS,))) for _ in range(BATCHES)]


def accuracy(predicted: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The share of rows whose largest value is at the label."""
    return (predicted.argmax(dim=1) == labels).float().mean()


def by_hand(data: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """The mean accuracy over the batches, traced."""
    with trace() as traced:
        mean = torch.stack([accuracy(*batch) for batch in data]).mean()
    effects = [step.effect for step in traced.steps]
    assert "view" not in effects, "every op of an accuracy computes something new"
    print(f"by hand: {mean:.3f}\n")
    traced.show(worst=2)
    return float(mean)


def with_torchmetrics(data: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """The same by the functional form and by the module, whose states are tensors."""
    # By name: what reads this file need not have it.
    metric: Any = import_module("torchmetrics.classification").MulticlassAccuracy(CLASSES, average="micro")
    functional = import_module("torchmetrics.functional.classification").multiclass_accuracy
    watched = watch(metric)
    with trace() as traced:
        for predicted, labels in data:
            with watched.phase("update"):
                batch = metric(predicted, labels)
            assert torch.equal(batch, functional(predicted, labels, CLASSES, average="micro"))
    states = {name: getattr(metric, name) for name in ("tp", "fp", "tn", "fn")}
    assert all(isinstance(state, torch.Tensor) for state in states.values())
    print(f"\nthe Accuracy module: {metric.compute():.3f}, {traced!r}; its states:\n")
    ss.show(states)
    print()
    print(storages(states))
    return float(metric.compute())


def main() -> None:
    """Measure accuracy in each way that is installed; all agree."""
    data = batches()
    print("Ten batches of (10, 5) predictions, row-major, stride (5, 1):\n")
    ss.show(data[0][0], values=True)
    mean = by_hand(data)
    if find_spec("torchmetrics") is None:
        print("\ntorchmetrics is not installed: pip install torchmetrics, and its Accuracy module is shown here too")
        return
    assert abs(with_torchmetrics(data) - mean) < 1e-6


if __name__ == "__main__":
    main()
