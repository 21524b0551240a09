"""children() is one level, modules() is everything: the difference, on three models.

Run it: python demos/modules.py
"""

from __future__ import annotations

from rich.console import Console
from torch import nn

from stridescope.modules.reading import modules
from stridescope.render.modules import module_panel

linear = nn.Linear(1, 1)
mlp = nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 1), nn.Sigmoid())


class ImageNet(nn.Module):  # type: ignore[misc]  # torch is Any to the type checker
    """Two blocks of convolution and one that decides; `view` flattens between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 64, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.second = nn.Sequential(nn.Conv2d(64, 30, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.third = nn.Sequential(nn.Linear(750, 10), nn.ReLU(inplace=True))


net = ImageNet()


def main() -> None:
    """Show the models, and what children() and modules() give of the largest."""
    console = Console(highlight=False)
    print("A Linear is a module without children; its parameters are tensors with a shape and a stride.\n")
    console.print(modules(linear))
    assert not list(linear.children())
    assert [module is linear for module in linear.modules()] == [True], "modules() begins with itself"

    print("\nAn MLP is a Sequential of them:\n")
    console.print(modules(mlp))

    print("\nAn image net, its blocks nested one level deeper:\n")
    tree = modules(net)
    console.print(tree)

    print("\nchildren() gives its three blocks, and nothing of what is in them:\n")
    console.print(module_panel(tree, "children"))
    assert [name for name, _ in tree.children()] == [name for name, _ in net.named_children()]
    assert len(tree.children()) == len(list(net.children())) == 3

    print("\nmodules() gives all twelve, itself first:\n")
    console.print(module_panel(tree, "modules"))
    assert [path for path, _ in tree.modules()] == [path for path, _ in net.named_modules()]
    assert tree.counts.modules == len(list(net.modules())) == 12
    assert tree.counts.parameter_elements == sum(parameter.numel() for parameter in net.parameters())


if __name__ == "__main__":
    main()
