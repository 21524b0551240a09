"""The training loop, watched: backward allocates and accumulates, zero_grad frees, step writes in place.

Run it: python demos/training.py
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

import stridescope as ss
from stridescope.trace.tracing import trace
from stridescope.trace.watching import Watch, watch

EPOCHS = 3


def regression() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """A line through points, by mean squared error."""
    x = torch.linspace(-1, 1, 20).unsqueeze(1)
    y = 2 * x + 0.5
    return nn.Linear(1, 1), lambda model: nn.functional.mse_loss(model(x), y)


def two_classes() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """Points inside or outside a circle, by binary cross-entropy."""
    x = torch.randn(32, 2)
    y = (x.square().sum(1, keepdim=True) > 1).float()
    model = nn.Sequential(nn.Linear(2, 8), nn.Sigmoid(), nn.Linear(8, 1), nn.Sigmoid())
    return model, lambda model: nn.functional.binary_cross_entropy(model(x), y)


def many_classes() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """Images of ten kinds, by cross-entropy: the notebook's network, flattened by `view` between."""
    x, y = torch.randn(2, 3, 32, 32), torch.tensor([3, 7])
    net = nn.ModuleDict(
        {
            "conv1": nn.Sequential(nn.Conv2d(3, 64, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            "conv2": nn.Sequential(nn.Conv2d(64, 30, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            "head": nn.Sequential(nn.Linear(750, 10), nn.ReLU(inplace=True)),
        }
    )

    def loss(_: nn.Module) -> torch.Tensor:
        features = net["conv2"](net["conv1"](x))
        return nn.functional.cross_entropy(net["head"](features.view(2, 750)), y)

    return net, loss


def train(model: nn.Module, loss_of: Callable[[nn.Module], torch.Tensor]) -> Watch:
    """Train for some epochs, one batch each, and watch every step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.95**epoch)
    watched = watch(model, optimizer, scheduler)

    def step() -> None:
        optimizer.zero_grad()
        loss_of(model).backward()
        optimizer.step()

    for _ in range(EPOCHS):
        watched.step(step)
        scheduler.step()
    return watched


def check(watched: Watch) -> None:
    """What the notebook says in words, of every parameter, its gradient and its momentum."""
    names = ["zero_grad", "forward", "backward", "step"]
    assert [phase.name for phase in watched.phases] == names * EPOCHS
    for epoch in range(EPOCHS):
        zero_grad, _, backward, step = watched.phases[4 * epoch : 4 * epoch + 4]
        first = epoch == 0
        assert abs(step.lr[0] - 0.01 * 0.95**epoch) < 1e-12
        for name, _ in watched.model.named_parameters():
            assert zero_grad.of(f"{name}.grad").event == ("absent" if first else "freed")
            assert backward.of(f"{name}.grad").event == "allocated"
            assert step.of(name).event == "written in place"
            assert step.of(f"{name}.momentum_buffer").event == ("allocated" if first else "written in place")


def main() -> None:
    """Train with each of the three losses, then show accumulation, and zeroing in place of freeing."""
    torch.manual_seed(0)
    for title, make in (("MSE", regression), ("BCE", two_classes), ("cross-entropy", many_classes)):
        with trace() as traced:
            watched = train(*make())
        check(watched)
        print(f"{title}: {traced!r}\n")
    print("The third one, its first two steps:\n")
    ss.show({name: parameter for name, parameter in watched.model.named_parameters() if "head" in name})
    print()
    watched.phases = watched.phases[:8]
    watched.show()

    model, loss_of = regression()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_of(model).backward()
    again = watch(model, optimizer)
    with again.phase("backward once more"):
        loss_of(model).backward()
    with again.phase("zero_grad(set_to_none=False)"):
        optimizer.zero_grad(set_to_none=False)
    print("\nWithout zero_grad in between, backward adds to the gradient where it lies:\n")
    again.show()
    assert again.phases[0].of("weight.grad").event == "accumulated into the same storage"
    assert again.phases[1].of("weight.grad").event == "zeroed"

    print("\nWhat the loop of the third one copied, by line (stride and all):\n")
    traced.show(worst=3)


if __name__ == "__main__":
    main()
