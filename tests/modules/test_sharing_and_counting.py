"""What is shared is said as it is, and nothing is counted twice; torch and sets of addresses are the oracles."""

from __future__ import annotations

import time

import pytest

torch = pytest.importorskip("torch")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from model_zoo import ZOO, Tied, flattened_lstm  # noqa: E402
from torch import nn  # noqa: E402

from stridescope.modules.reading import modules  # noqa: E402
from stridescope.modules.sharing import Shared, sharing, twins  # noqa: E402
from stridescope.records.counting import amount  # noqa: E402

torch.set_num_threads(1)


def groups(model: nn.Module) -> list[tuple[str, tuple[str, ...]]]:
    return [(group.kind, group.names) for group in sharing(modules(model))]


def over(base: torch.Tensor, **views: torch.Tensor) -> nn.Module:
    """A module whose parameters are `base` and views of it, under these names."""
    model = nn.Module()
    for name, view in {"base": base, **views}.items():
        model.register_parameter(name, nn.Parameter(view))
    return model


@pytest.mark.parametrize("name", sorted(set(ZOO) - {"metric", "flattened_lstm"}))
def test_counts_are_torchs(name: str) -> None:
    model = ZOO[name]()
    counts = modules(model).counts
    known = [p for p in model.parameters() if not isinstance(p, nn.parameter.UninitializedParameter)]
    buffers = [b for b in model.buffers() if not isinstance(b, nn.parameter.UninitializedBuffer)]
    assert counts.parameters == len(list(model.parameters()))
    assert counts.buffers == len(list(model.buffers()))
    assert counts.parameter_elements == sum(p.numel() for p in known)
    assert counts.parameter_nbytes == sum(p.numel() * p.itemsize for p in known)
    assert counts.buffer_nbytes == sum(b.numel() * b.itemsize for b in buffers)
    assert counts.frozen == sum(not p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("name", sorted(ZOO))
def test_each_part_counts_what_it_counts_alone(name: str) -> None:
    tree = modules(ZOO[name]())
    below = tree.counts_below
    for path, node in tree.modules():
        part = node.live[0]()
        alone = modules(part).counts
        assert below[path] == tree.counts_of(node) == alone, path
    for node in tree.nodes:
        assert below[node.path] == below[tree.original(node).path]


def test_a_tied_weight_is_one_parameter_under_two_names() -> None:
    model = Tied()
    tree = modules(model)
    assert sharing(tree) == (Shared("tied", ("wte.weight", "lm_head.weight"), 160),)
    assert twins(tree) == {"wte.weight": ("lm_head.weight",), "lm_head.weight": ("wte.weight",)}
    assert tree.counts.parameter_elements == 60


def test_two_parameters_with_one_layout_on_one_storage_are_tied_too() -> None:
    model = over(torch.zeros(3, 4))
    model.same = nn.Parameter(model.base.data)
    assert model.same is not model.base
    assert groups(model) == [("tied", ("base", "same"))]
    assert modules(model).counts.parameters == 1


def test_a_module_registered_twice_is_told_as_a_module_alone() -> None:
    assert groups(ZOO["one_module_three_times"]()) == [("module", ("a", "b.0", "c"))]


def test_a_flattened_lstm_tiles_one_storage() -> None:
    model = flattened_lstm()
    names = tuple(name for name, _ in model.named_parameters())
    assert groups(model) == [("tiles", names)]
    assert modules(model).counts.parameter_elements == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("kind", "names", "views"),
    [
        ("view", ("base", "part"), lambda x: {"part": x[10:20]}),
        ("view", ("base", "turned"), lambda x: {"turned": x.view(10, 10).t()}),
        ("overlap", ("one", "other"), lambda x: {"base": None, "one": x[:60], "other": x[40:]}),
        ("interleaved", ("evens", "odds"), lambda x: {"base": None, "evens": x[::2], "odds": x[1::2]}),
        ("apart", ("one", "other"), lambda x: {"base": None, "one": x[:10], "other": x[90:]}),
        ("tiles", ("one", "other"), lambda x: {"base": None, "one": x[:10], "other": x[10:]}),
        ("overlap", ("one", "other"), lambda x: {"base": None, "one": x[:60:2], "other": x[:60:3]}),
    ],
)
def test_views_of_one_storage_are_told_apart(kind: str, names: tuple[str, ...], views: object) -> None:
    base = torch.zeros(100)
    made = {"base": base, **views(base)}  # type: ignore[operator]
    model = nn.Module()
    for name, view in made.items():
        if view is not None:
            model.register_parameter(name, nn.Parameter(view))
    assert groups(model) == [(kind, names)]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6), st.integers(0, 8)), min_size=1, max_size=4))
def test_elements_that_several_parameters_reach_are_counted_once(cuts: list[tuple[int, int, int]]) -> None:
    """The oracle is the set of addresses that all of them reach together."""
    base = torch.zeros(100)
    views = {f"p{n}": base.as_strided((size,), (step,), start) for n, (start, step, size) in enumerate(cuts)}
    tree = modules(over(base[99:], **views))
    reached = {99} | {start + step * i for start, step, size in cuts for i in range(size)}
    assert tree.counts.parameter_elements == len(reached)
    assert tree.counts.parameter_nbytes == 4 * len(reached)


def test_what_has_no_storage_is_one_thing_when_it_is_one_object() -> None:
    sparse = nn.Parameter(torch.eye(3).to_sparse())
    model = nn.ModuleList([nn.Module(), nn.Module()])
    model[0].weight = model[1].weight = sparse
    assert groups(model) == [("tied", ("0.weight", "1.weight"))]
    counts = modules(model).counts
    assert (counts.parameters, counts.parameter_elements) == (1, 9)
    assert counts.nbytes == 3 * 4 + 2 * 3 * 8, "three values, and two indices for each"


def test_an_amount_of_nothing_is_nothing() -> None:
    assert amount([]) == (0, 0, 0, 0)


def chain(count: int) -> nn.Module:
    """`count` modules in blocks of ten."""
    return nn.ModuleList(nn.ModuleList(nn.Identity() for _ in range(9)) for _ in range(count // 10))


def test_reading_and_counting_are_linear() -> None:
    """Ten times the modules take about ten times as long; quadratic work would take a hundred times."""
    models = {size: chain(size) for size in (2_000, 20_000)}
    best = dict.fromkeys(models, float("inf"))
    for _ in range(3):
        for size, model in models.items():
            start = time.process_time()
            tree = modules(model)
            assert tree.counts_below[""].modules == tree.counts.modules == size + 1
            assert not sharing(tree)
            best[size] = min(best[size], time.process_time() - start)
    assert best[20_000] < 40 * best[2_000]
