"""Which rows of a model are visible, what they say, and what is known of one: checked against torch's own walks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from stridescope.modules.finding import Finder
from stridescope.modules.folding import looks, runs
from stridescope.modules.reading import modules
from stridescope.records import ModuleNode, ModuleTree, TensorInfo
from stridescope.scene.frame import Frame, plain_text, size_of
from stridescope.scene.module_rows import Known, Mate, Standing, guide_size, heading, module_row
from stridescope.scene.module_sections import details
from stridescope.scene.outline import Item, Outline
from stridescope.scene.panel import laid_out


class Block(nn.Module):
    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.attn = nn.Linear(size, 3 * size)
        self.mlp = nn.Sequential(nn.Linear(size, size), nn.GELU())
        self.register_buffer("mask", torch.ones(2, 2), persistent=False)


class Net(nn.Module):
    def __init__(self, layers: int = 80) -> None:
        super().__init__()
        self.wte = nn.Embedding(10, 4)
        self.layers = nn.ModuleList(Block() for _ in range(layers))
        self.turned = nn.Parameter(torch.zeros(3, 4).t())
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.wte.weight
        self.again = self.wte


def folded(tree: ModuleTree) -> Callable[[ModuleNode], Any]:
    numbers = looks(tree)
    return lambda node: runs(node.children, numbers)


def all_open(outline: Outline) -> Outline:
    outline.open_below(0)
    return outline


def paths(outline: Outline, kind: str = "module") -> list[str]:
    return [item.path for item in outline.items if item.kind == kind]


def texts(outline: Outline, known: Known, width: int = 80, *, ascii: bool = False, chosen: int = -1) -> list[str]:
    rows = []
    for place, item in enumerate(outline.items):
        opened = outline.is_open(item) if outline.has_below(item) else None
        rows.append(module_row(item, known, width, Standing(opened, place == chosen, False, ascii)))
    return plain_text(Frame(width, len(rows), tuple(rows)))


# Which rows ----------------------------------------------------------------------------------------------------------


def test_all_open_the_rows_are_torchs_modules_and_parameters_in_torchs_order() -> None:
    model = Net(3)
    outline = all_open(Outline(modules(model)))
    assert paths(outline) == [path for path, _ in model.named_modules(remove_duplicate=False)]
    held = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    held += [name for name, _ in model.named_buffers(remove_duplicate=False)]
    # A module registered twice is a leaf at its second place.
    assert sorted(paths(outline, "tensor")) == sorted(name for name in held if not name.startswith("again"))


def test_the_lists_are_what_children_and_modules_give() -> None:
    model = Net(3)
    outline = Outline(modules(model), folded(modules(model)))
    for path in ("", "layers", "layers.1", "head"):
        module = model.get_submodule(path)
        node = outline.tree.by_path[path]
        outline.show("children", node)
        assert [item.name for item in outline.items] == [name for name, _ in module.named_children()]
        outline.show("modules", node)
        below = [f"{path}.{name}".strip(".") for name, _ in module.named_modules()][1:]
        assert [item.name for item in outline.items] == ["(itself)", *below]
        assert [item.number for item in outline.items] == list(range(len(below) + 1))


def test_a_list_says_how_many_names_torch_passes_over() -> None:
    model = nn.Module()
    model.a = model.b = nn.ReLU()
    outline = Outline(modules(model))
    outline.show("children")
    assert (len(outline.items), outline.left_out) == (len(list(model.children())), 1)


def test_equal_layers_are_one_row_that_opens_into_each_of_them() -> None:
    tree = modules(Net(80))
    outline = Outline(tree, folded(tree), {("module", ""), ("module", "layers")})
    place = next(place for place, item in enumerate(outline.items) if item.kind == "layers")
    item = outline.items[place]
    assert (item.name, len(item.run)) == ("0-79", 80)
    before = len(outline.items)
    outline.open(place)
    assert [row.path for row in outline.items[place + 1 : place + 81]] == [f"layers.{n}" for n in range(80)]
    outline.close(place)
    assert len(outline.items) == before
    outline.fold(None)
    assert len(outline.items) == before + 79


def test_opening_and_closing_in_any_order_comes_to_what_is_open() -> None:
    """Splices and a drawing from scratch agree after each of 300 random steps."""
    tree = modules(Net(6))
    outline, chance = Outline(tree, folded(tree)), random.Random(7)
    seen = set()
    for _ in range(300):
        place = chance.randrange(len(outline.items))
        step = chance.choice(["open", "open", "close", "open_below", "close_below"])
        getattr(outline, step)(place)
        shown = [(item.level, item.key) for item in outline.items]
        seen.add(len(shown))
        outline.lay()
        assert shown == [(item.level, item.key) for item in outline.items], step
    assert len(seen) > 10


def test_everything_below_opens_of_equal_layers_the_first() -> None:
    tree = modules(Net(80))
    outline = all_open(Outline(tree, folded(tree)))
    assert outline.place_of(("tensor", "layers.0.attn.weight")) is not None
    assert outline.place_of(("tensor", "layers.1.attn.weight")) is None
    assert outline.place_of(("module", "layers.79")) is not None


@pytest.mark.parametrize("rows", [1, 5, 20, 60, 1000])
def test_levels_are_opened_whole_or_not_at_all(rows: int) -> None:
    tree = modules(Net(6))
    outline = Outline(tree, folded(tree))
    first = len(outline.items)
    outline.open_levels(rows)
    assert len(outline.items) <= max(rows, first)
    closed = {item.level for item in outline.items if item.kind == "module" and outline.has_below(item)}
    closed -= {item.level for item in outline.items if outline.is_open(item)}
    assert len(closed) <= 1


def test_every_row_is_revealed_and_what_is_none_is_not() -> None:
    tree = modules(Net(6))
    for key in Outline(tree).order:
        outline = Outline(tree, folded(tree), ())
        place = outline.reveal(key)
        assert place is not None and outline.items[place].key == key
    assert Outline(tree).reveal(("module", "nowhere")) is None


@pytest.mark.parametrize("query", ["tied", "attn", "4x4", "buffer", "layers.3.mlp", "no such thing"])
def test_a_search_shows_what_was_found_and_what_it_is_below_and_nothing_else(query: str) -> None:
    tree = modules(Net(6))
    outline = Outline(tree, folded(tree))
    found = Finder(tree).find(query)
    before = list(outline.items)
    outline.only(found)
    shown = {item.key for item in outline.items}
    matches = {("module", row.node.path) if row.tensor is None else ("tensor", row.path) for row in found}
    above = {("module", path[:end]) for _, path in matches for end in (0, *_dots(path))}
    assert shown == matches | {key for key in above if matches}
    outline.only(None)
    assert [item.key for item in outline.items] == [item.key for item in before]


def _dots(path: str) -> Iterator[int]:
    return (place for place, char in enumerate(path) if char == ".")


def test_closing_and_opening_during_a_search_keeps_to_what_was_found() -> None:
    tree = modules(Net(6))
    outline = Outline(tree)
    outline.only(Finder(tree).find("attn"))
    before = [item.key for item in outline.items]
    outline.close(0)
    assert len(outline.items) == 1
    outline.open(0)
    assert [item.key for item in outline.items] == before


# What they say -------------------------------------------------------------------------------------------------------


def known_of(tree: ModuleTree, **more: Any) -> Known:
    return Known(tree, tree.counts_below, **more)


def test_rows_say_what_torch_says() -> None:
    model = Net(80)
    tree = modules(model)
    outline = Outline(tree, folded(tree))
    outline.open_levels(60)
    said = texts(outline, known_of(tree, mates={"head.weight": Mate("tied to", ("wte.weight", "head.weight"))}), 120)
    text = "\n".join(said)
    per_layer = sum(parameter.numel() for parameter in model.layers[0].parameters())
    assert any("0-79  80 × Block" in line and f"{80 * per_layer:,}" in line for line in said)
    assert f"{sum(parameter.numel() for parameter in model.parameters()):,}" in said[0]
    assert f"head  Linear({model.head.extra_repr()})" in text
    assert "tied to wte.weight" in text
    assert "again  Embedding  same as wte" in text
    turned = next(line for line in said if "turned" in line)
    assert "(4, 3)  not contiguous, but dense  stride (1, 4)" in turned


def test_of_a_module_the_unusual_is_said_and_its_arguments_give_way() -> None:
    model = nn.Sequential(nn.Linear(100, 100), nn.Linear(3, 3))
    model[0].requires_grad_(False)
    model[0].eval()
    model[0].register_forward_hook(print)
    tree = modules(model)
    wide, narrow = (texts(Outline(tree), known_of(tree), width)[1] for width in (160, 70))
    for line in (wide, narrow):
        assert "eval  forward hook print  frozen" in line
    assert model[0].extra_repr() in wide
    assert model[0].extra_repr() not in narrow and "…)" in narrow


WIDE = {"한글[b]": nn.Linear(2, 2), "a[red]": nn.ReLU(), "\x1b[2J": nn.Tanh(), "é" * 40: nn.Conv2d(1, 1, 1)}


@pytest.mark.parametrize("width", [*range(1, 40), 60, 80, 200])
def test_no_row_is_wider_than_it_may_be(width: int) -> None:
    model = nn.Module()
    for name, module in WIDE.items():
        model._modules[name] = nn.Sequential(nn.Sequential(nn.Sequential(module)))
    tree = modules(model)
    outline, known = all_open(Outline(tree)), known_of(tree)
    for place, item in enumerate(outline.items):
        for plain in (False, True):
            opened = outline.is_open(item) if outline.has_below(item) else None
            standing = Standing(opened, place % 2 == 0, False, plain)
            row = module_row(item, known, width, standing)
            edge = 0
            for x, part in row:
                assert x >= edge and part.size == size_of(part.text)
                assert part.text.isprintable() and (part.text.isascii() or not plain)
                edge = x + part.size
            assert edge <= width
            assert guide_size(item, known, width, standing) >= 2
    assert all(x + part.size <= width for x, part in heading(known, width))


def test_names_are_no_markup_and_control_characters_are_written_out() -> None:
    model = nn.Module()
    for name, module in WIDE.items():
        model._modules[name] = module
    tree = modules(model)
    text = "\n".join(texts(Outline(tree), known_of(tree), 120))
    assert "한글[b]  Linear" in text and "a[red]  ReLU" in text and "\\x1b[2J  Tanh" in text


def test_far_down_the_guides_are_cut_not_the_words() -> None:
    model: nn.Module = nn.Linear(1, 1)
    for _ in range(300):
        outer = nn.Module()
        outer._modules["m"] = model
        model = outer
    tree = modules(model)
    said = texts(all_open(Outline(tree)), known_of(tree), 60)
    assert "weight  (1, 1)" in said[-2] and "…" in said[-2]


def test_what_changed_is_said_on_its_row_and_counted_on_a_closed_one_above() -> None:
    tree = modules(Net(3))
    known = known_of(
        tree,
        changed={"layers.1.attn": ("replaced, Linear → Conv2d",)},
        above={"layers.1": 1, "layers": 1, "": 1},
        gone={"head": ("removed head.bias, (4,)",)},
    )
    outline = Outline(tree)
    assert any("layers" in line and "1 changed inside" in line for line in texts(outline, known, 120))
    assert any("head" in line and "1 removed" in line for line in texts(outline, known, 120))
    outline.reveal(("module", "layers.1.attn"))
    said = texts(outline, known, 120)
    assert any("attn" in line and "replaced, Linear → Conv2d" in line for line in said)
    assert not any("changed inside" in line for line in said)


# What is known of one ------------------------------------------------------------------------------------------------


def told(item: Item, known: Known, width: int = 200, *, ascii: bool = False) -> str:
    panel = laid_out(details(item, known), width, 10_000, ascii=ascii)
    assert all(sum(part.size for part in line) <= width for line in panel.lines)
    return "\n".join("".join(part.text for part in line) for line in panel.lines)


def item_at(outline: Outline, kind: str, path: str) -> Item:
    place = outline.reveal((kind, path))  # type: ignore[arg-type]
    assert place is not None
    return outline.items[place]


@pytest.mark.parametrize("path", ["wte.weight", "turned", "layers.1.mask", "layers.0.norm.bias"])
def test_a_tensor_is_told_as_torch_has_it(path: str) -> None:
    model = Net(3)
    tree = modules(model)
    tensor = {**dict(model.named_parameters()), **dict(model.named_buffers())}[path]
    text = told(item_at(Outline(tree), "tensor", path), known_of(tree))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == path
    assert f"shape {tuple(tensor.shape)}" in lines
    assert f"stride {tuple(tensor.stride())}" in lines
    assert f"dtype {str(tensor.dtype).removeprefix('torch.')}" in lines
    assert f"device {tensor.device}" in lines
    assert ("not contiguous" in text) is not tensor.is_contiguous()
    assert ("requires_grad" in text) is tensor.requires_grad
    assert ("not in state_dict" in text) is (path not in model.state_dict())


def test_a_module_is_told_with_its_counts_hooks_and_every_tensor() -> None:
    model = Net(3)
    model.layers[1].attn.requires_grad_(False)
    model.layers[1].attn.register_forward_pre_hook(print)
    tree = modules(model)
    outline, known = Outline(tree), known_of(tree)
    text = told(item_at(outline, "module", "layers.1"), known)
    block = model.layers[1]
    parameters = list(block.parameters())
    assert f"{len(parameters)} parameters, {sum(p.numel() for p in parameters):,} elements" in text
    frozen = sum(not p.requires_grad for p in parameters)
    assert f"{frozen} of {len(parameters)} parameters frozen" in text
    children, below = len(list(block.children())), len(list(block.modules()))
    assert f"children() gives {children} modules, modules() {below}, itself first" in text
    assert "1 buffer, 16 B" in text and "mode     training" in text
    text = told(item_at(outline, "module", "layers.1.attn"), known)
    assert "forward_pre hook  print" in text and "gradient frozen" in text
    assert all(f"{name}  parameter" in text for name, _ in model.layers[1].attn.named_parameters())


def test_mixed_dtypes_uninitialized_parameters_and_parametrizations_are_told() -> None:
    from torch.nn.utils import parametrizations

    model = nn.ModuleDict({"low": nn.Linear(2, 2).half(), "lazy": nn.LazyLinear(3), "full": nn.Linear(2, 2)})
    parametrizations.weight_norm(model["full"])
    tree = modules(model)
    outline, known = Outline(tree), known_of(tree)
    assert "mixed: float16 and float32" in told(item_at(outline, "module", ""), known)
    assert "2 tensors not initialized yet" in told(item_at(outline, "module", "lazy"), known)
    assert "none: not initialized yet" in told(item_at(outline, "tensor", "lazy.weight"), known)
    assert "computed by _WeightNorm" in told(item_at(outline, "module", "full"), known)


def test_what_was_removed_is_told_where_it_was() -> None:
    tree = modules(Net(1))
    gone = {"head": ("removed head.bias, (10,) float32",)}
    outline = Outline(tree)
    assert "removed head.bias" in told(item_at(outline, "module", "head"), known_of(tree, gone=gone))
    assert "removed" not in told(item_at(outline, "module", "wte"), known_of(tree, gone=gone))


@pytest.mark.parametrize("width", [1, 7, 20, 40])
def test_details_fit_any_width_in_ascii_too(width: int) -> None:
    tree = modules(Net(1))
    outline = all_open(Outline(tree))
    for item in outline.items:
        assert told(item, known_of(tree), width, ascii=True).isascii()


def test_names_without_modules_make_rows_too() -> None:
    from stridescope.modules.naming import tree_of_names

    info = TensorInfo("torch.Tensor", (2, 3), (3, 1), 0, "float32", 4, "cpu", False, None)
    tree = tree_of_names({"a.0.weight": info, "a.1.weight": info.named("x"), "b": info.named("y")})
    outline = all_open(Outline(tree))
    said = texts(outline, known_of(tree))
    assert [line.split()[1 if "▾" in line else -1] for line in said][:1] == ["names"]
    assert "tensor, torch.Tensor" in told(item_at(outline, "tensor", "b"), known_of(tree))
    assert not any("frozen" in line for line in said)


# How much is asked ----------------------------------------------------------------------------------------------------


def names_tree(number: int) -> ModuleTree:
    """A tree of so many modules in blocks of ten."""
    blocks = tuple(
        ModuleNode(str(n), f"l.{n}", "Block", children=tuple(ModuleNode(c, f"l.{n}.{c}", "ReLU") for c in "abcdefghi"))
        for n in range(number // 10)
    )
    return ModuleTree(ModuleNode("", "", "Net", children=(ModuleNode("l", "l", "List", children=blocks),)))


@pytest.mark.parametrize("number", [1000, 100_000])
def test_opening_one_row_asks_for_what_is_below_it_alone(number: int) -> None:
    tree = names_tree(number)
    asked: list[str] = []
    outline = Outline(tree, partial(_counted, asked), {("module", ""), ("module", "l")})
    asked.clear()
    outline.open(5)
    outline.close(5)
    outline.open(5)
    assert asked == ["l.3", "l.3"]
    assert len(outline.items) == 2 + number // 10 + 9


def _counted(asked: list[str], node: ModuleNode) -> list[tuple[ModuleNode, ...]]:
    asked.append(node.path)
    return [(child,) for child in node.children]
