"""Models whose trees are compared with what torch itself lists."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

torch.set_num_threads(1)

ZOO: dict[str, Callable[[], nn.Module]] = {}


def zoo(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    ZOO[make.__name__] = make
    return make


@zoo
def linear() -> nn.Module:
    return nn.Linear(1, 1)


@zoo
def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.Sigmoid(), nn.Linear(8, 1), nn.Sigmoid())


class ImageNet(nn.Module):
    """The image net of the introductory notebook: three Sequentials and 12 nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 64, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.second = nn.Sequential(nn.Conv2d(64, 30, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2))
        self.third = nn.Sequential(nn.Linear(750, 10), nn.ReLU(inplace=True))


@zoo
def image_net() -> nn.Module:
    return ImageNet()


@zoo
def without_anything() -> nn.Module:
    return nn.Module()


@zoo
def transformer() -> nn.Module:
    return nn.Transformer(8, 2, 2, 2, 16, batch_first=True)


class Tied(nn.Module):
    """Head and embedding are one parameter, as in GPT-2."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(10, 4)
        self.block = nn.Linear(4, 4)
        self.lm_head = nn.Linear(4, 10, bias=False)
        self.lm_head.weight = self.wte.weight


@zoo
def tied() -> nn.Module:
    return Tied()


@zoo
def one_module_three_times() -> nn.Module:
    layer = nn.Linear(3, 3)
    return nn.ModuleDict({"a": layer, "b": nn.Sequential(layer, nn.ReLU()), "c": layer})


@zoo
def shared_all_the_way_up() -> nn.Module:
    """Each level holds the level below twice: 2**12 paths to 13 modules."""
    layer: nn.Module = nn.Linear(2, 2)
    for _ in range(6):
        layer = nn.Sequential(layer, layer)
    return layer


@zoo
def buffers_tied_and_transient() -> nn.Module:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Module())
    model[1].register_buffer("mean", model[0].running_mean, persistent=False)
    model[1].register_buffer("none", None)
    model[1].register_parameter("none_either", None)
    return model


@zoo
def odd_names() -> nn.Module:
    model = nn.Module()
    model._modules["a.b[0]"] = nn.Linear(2, 2)
    model.add_module("宽字符", nn.ReLU())
    model.add_module("[red]x[/red]", nn.Linear(1, 1))
    model.add_module("line\nbreak\x1b[2J", nn.ReLU())
    return model


@zoo
def lists_and_dicts() -> nn.Module:
    model = nn.Module()
    model.parameters_listed = nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))])
    model.parameters_named = nn.ParameterDict({"k": nn.Parameter(torch.ones(2))})
    model.absent = None
    model.register_module("nothing", None)
    return model


@zoo
def lazy() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())


@zoo
def meta() -> nn.Module:
    with torch.device("meta"):
        return Tied()


@zoo
def parametrized() -> nn.Module:
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)), nn.Linear(3, 3))


@zoo
def frozen_and_mixed() -> nn.Module:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, dtype=torch.bfloat16))
    model[0].requires_grad_(False)
    return model


@zoo
def compiled() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.compile(nn.Sequential(nn.Linear(2, 2)))  # type: ignore[return-value]


@zoo
def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval())


@zoo
def dynamically_quantized() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engines = torch.backends.quantized.supported_engines
        torch.backends.quantized.engine = next(e for e in ("fbgemm", "x86", "qnnpack", *engines) if e in engines)
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)), {nn.Linear})


class Metric(nn.Module):
    """What a torchmetrics metric looks like: states in `_defaults`, kept as plain attributes."""

    def __init__(self) -> None:
        super().__init__()
        self._defaults: dict[str, Any] = {"correct": torch.tensor(0), "preds": [], "target": []}
        self._reductions: dict[str, Any] = {"correct": "sum", "preds": "cat", "target": "cat"}
        self.correct = torch.tensor(3)
        self.preds = [torch.ones(2), torch.ones(5)]
        self.target: list[torch.Tensor] = []


@zoo
def metric() -> nn.Module:
    return nn.Sequential(Metric(), nn.Linear(1, 1))


def flattened_lstm() -> nn.Module:
    """An LSTM whose parameters tile one storage, as cuDNN wants them."""
    lstm = nn.LSTM(4, 4)
    flat = torch.zeros(sum(p.numel() for p in lstm.parameters()))
    place = 0
    for parameter in lstm.parameters():
        parameter.data = flat[place : place + parameter.numel()].view(parameter.shape)
        place += parameter.numel()
    return lstm


ZOO["flattened_lstm"] = flattened_lstm


def holds_itself() -> nn.Module:
    """A module below which it is itself: torch's walk with duplicates would never end."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    model[1].add_module("again", model)
    return model


def deep(levels: int) -> nn.Module:
    """A chain of modules, each the only child of the one before."""
    inner: nn.Module = nn.Linear(1, 1)
    for _ in range(levels):
        outer = nn.Module()
        outer._modules["m"] = inner
        inner = outer
    return inner
