"""A network may change while it trains: a layer is replaced, another frozen, and the tree follows.

Run it: python demos/dynamic_network.py
"""

from __future__ import annotations

import torch
from rich.console import Console
from torch import nn

from stridescope.modules.changes import changes
from stridescope.modules.reading import modules

STEPS = 3


def train(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """A few steps; what does not require a gradient is left as it is."""
    optimizer = torch.optim.SGD((p for p in model.parameters() if p.requires_grad), lr=0.01, momentum=0.9)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()


def main() -> None:
    """Train, change the network, train on; tell what changed each time."""
    torch.manual_seed(0)
    console = Console(highlight=False)
    x, y = torch.randn(16, 4), torch.randn(16, 1)
    model = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 1))
    first = modules(model)
    console.print(first)

    train(model, x, y)
    assert changes(first, modules(model)) == (), "training writes into parameters; the tree stays as it was"
    print("\nAfter training: the same tree. A step writes into the parameters, in place.\n")

    model[0].requires_grad_(False)
    model[2] = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 1))
    model.append(nn.Identity())
    second = modules(model)
    print("Then the first layer is frozen, the last one replaced by three, and one added:\n")
    told = [str(change) for change in changes(first, second)]
    print("\n".join(f"  {line}" for line in told))
    assert told == [
        "0.weight: frozen",
        "0.bias: frozen",
        "2: replaced, Linear → Sequential",
        "3: added, Identity",
    ]
    print()
    console.print(second)
    assert [path for path, _ in second.modules()] == [path for path, _ in model.named_modules()]

    train(model, x, y)
    assert changes(second, modules(model)) == ()


if __name__ == "__main__":
    main()
