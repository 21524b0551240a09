"""A typed query means the rows one would mean by it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from model_zoo import ZOO, ImageNet, Tied, zoo  # noqa: E402, F401
from torch import nn  # noqa: E402

from stridescope.modules.finding import Finder  # noqa: E402
from stridescope.modules.reading import modules  # noqa: E402


def paths(model: nn.Module, query: str) -> list[str]:
    return [found.path for found in Finder(modules(model)).find(query)]


def everything(model: nn.Module) -> list[str]:
    tree = modules(model)
    return [name for node in tree.nodes for name in (node.path, *(t.name or "" for t in node.tensors))]


@pytest.mark.parametrize("name", sorted(ZOO))
def test_an_empty_query_gives_every_row_in_order(name: str) -> None:
    model = ZOO[name]()
    assert paths(model, "  ") == everything(model)


def marked() -> nn.Module:
    model = Tied()
    model.wte.weight.requires_grad_(False)
    model.block.weight = nn.Parameter(torch.zeros(4, 4).t().contiguous().t())
    model.conv = nn.Conv2d(3, 5, 2, bias=False, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    model.register_buffer("mask", torch.zeros(40, 3))
    model.block.eval()
    return model


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("wte", ["wte", "wte.weight"]),
        ("BLOCK bias", ["block.bias"]),
        ("conv2d module", ["conv"]),
        ("tied", ["wte.weight", "lm_head.weight"]),
        ("frozen", ["wte.weight", "lm_head.weight"]),
        ("trainable linear", ["block.weight", "block.bias"]),
        ("non-contiguous", ["block.weight", "conv.weight"]),
        ("channels_last", ["conv.weight"]),
        ("bf16", ["conv.weight"]),
        ("bfloat16 parameter", ["conv.weight"]),
        ("(10, 4)", ["wte.weight", "lm_head.weight"]),
        ("10x4 lm_head", ["lm_head.weight"]),
        ("[4]", ["block.bias"]),
        ("0x3", []),
        ("buffer", ["mask"]),
        ("40x3 buffer", ["mask"]),
        ("eval", ["block"]),
        ("no such thing", []),
        ("[red]", []),
    ],
)
def test_a_query_means(query: str, expected: list[str]) -> None:
    assert paths(marked(), query) == expected


def test_shared_means_every_kind_of_sharing_and_tied_only_one_thing() -> None:
    model = ZOO["flattened_lstm"]()
    assert paths(model, "tied") == []
    assert paths(model, "shared") == [name for name, _ in model.named_parameters()]
    assert paths(ZOO["one_module_three_times"](), "tied module") == ["a", "b.0", "c"]


def test_odd_names_are_found_as_they_are_written() -> None:
    assert paths(ZOO["odd_names"](), "宽字符") == ["宽字符"]
    assert paths(ZOO["odd_names"](), "[red] weight") == ["[red]x[/red].weight"]


def test_lazy_parameters_are_uninitialized() -> None:
    assert paths(ZOO["lazy"](), "lazy parameter") == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_more_words_never_find_more() -> None:
    finder = Finder(modules(ImageNet()))
    for first, second in (("weight", "conv2d"), ("trainable", "64"), ("second", "float32")):
        assert set(finder.find(f"{first} {second}")) <= set(finder.find(first))
        assert finder.find(f"{first} {second}")
