"""A tree lists what torch lists, in its order and with its de-duplication; the oracle is torch itself."""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from model_zoo import ZOO, ImageNet, Tied, deep, holds_itself  # noqa: E402
from torch import nn  # noqa: E402

import stridescope.modules as package  # noqa: E402
from stridescope.errors import UnreadableError  # noqa: E402
from stridescope.modules.reading import modules  # noqa: E402
from stridescope.readers import inspect  # noqa: E402


@pytest.fixture(params=sorted(ZOO))
def model(request: pytest.FixtureRequest) -> nn.Module:
    return ZOO[request.param]()


def test_modules_are_torchs_in_its_order(model: nn.Module) -> None:
    tree = modules(model)
    expected = list(model.named_modules())
    found = list(tree.modules())
    assert [path for path, _ in found] == [path for path, _ in expected]
    assert all(node.live[0]() is module for (_, node), (_, module) in zip(found, expected, strict=True))
    assert [node.type for _, node in found] == [type(module).__name__ for _, module in expected]
    assert tree.counts.modules == len(expected)


def test_modules_with_duplicates_are_torchs(model: nn.Module) -> None:
    expected = [path for path, _ in model.named_modules(remove_duplicate=False)]
    assert [path for path, _ in modules(model).modules(remove_duplicate=False)] == expected


def test_children_of_every_module_are_torchs(model: nn.Module) -> None:
    tree = modules(model)
    for _, node in tree.modules():
        module = node.live[0]()
        expected = list(module.named_children())
        assert [name for name, _ in tree.children(node)] == [name for name, _ in expected]
        assert all(
            child.live[0]() is other for (_, child), (_, other) in zip(tree.children(node), expected, strict=True)
        )


@pytest.mark.parametrize("remove_duplicate", [True, False])
@pytest.mark.parametrize("group", ["parameters", "buffers"])
def test_tensors_are_torchs_by_every_name(model: nn.Module, group: str, remove_duplicate: bool) -> None:
    expected = list(getattr(model, f"named_{group}")(remove_duplicate=remove_duplicate))
    found = list(getattr(modules(model), f"named_{group}")(remove_duplicate=remove_duplicate))
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert [info for _, info in found] == [inspect(tensor, name) for name, tensor in expected]


def test_every_part_lists_what_torch_lists_of_that_part(model: nn.Module) -> None:
    tree = modules(model)
    for path, node in tree.modules():
        module = node.live[0]()
        start = f"{path}." if path else ""
        names = [start + name for name, _ in module.named_parameters()]
        assert [name for name, _ in tree.named_parameters(node)] == names
        assert [name for name, _ in tree.modules(node)] == [
            (start + name).rstrip(".") if not name else start + name for name, _ in module.named_modules()
        ]


def test_arguments_are_what_torch_prints(model: nn.Module) -> None:
    tree = modules(model)
    for _, node in tree.modules():
        assert tree.facts(node).arguments == " ".join(node.live[0]().extra_repr().split())


def test_the_image_net_has_three_children_and_twelve_modules() -> None:
    tree = modules(ImageNet())
    assert [(name, node.type) for name, node in tree.children()] == [
        ("first", "Sequential"),
        ("second", "Sequential"),
        ("third", "Sequential"),
    ]
    assert [path for path, _ in tree.modules()][:3] == ["", "first", "first.0"]
    assert len(list(tree.modules())) == tree.counts.modules == 12


def test_a_module_met_before_is_a_leaf_that_names_its_first_path() -> None:
    tree = modules(ZOO["one_module_three_times"]())
    assert {node.path: node.same_as for node in tree.nodes if node.same_as is not None} == {"b.0": "a", "c": "a"}
    assert not tree.by_path["c"].parameters


def test_a_tree_is_no_larger_than_what_is_registered_however_much_is_shared() -> None:
    layer: nn.Module = nn.Linear(2, 2)
    for _ in range(200):
        layer = nn.Sequential(layer, layer)
    tree = modules(layer)
    assert len(tree.nodes) == 1 + 2 * 200
    assert tree.counts.parameter_elements == 6


def test_a_module_that_holds_itself_is_listed_once_and_ends() -> None:
    model = holds_itself()
    tree = modules(model)
    assert [path for path, _ in tree.modules()] == [path for path, _ in model.named_modules()]
    assert tree.by_path["1.again"].same_as == ""
    assert "1.again" in [path for path, _ in tree.modules(remove_duplicate=False)]
    assert tree.counts.parameters == 2
    assert tree.to_dict()["root"]["children"][1]["children"][1]["same_as"] == ""


def test_a_module_that_holds_itself_under_no_name_ends_too() -> None:
    model = nn.Linear(1, 1)
    model._modules[""] = model
    assert len(modules(model).nodes) == 2


def test_a_model_nested_deeper_than_torch_can_walk_is_read() -> None:
    model = deep(2000)
    with pytest.raises(RecursionError):
        list(model.modules())
    tree = modules(model)
    assert tree.counts.modules == 2001
    assert tree.counts_below[""].parameter_elements == 2


def test_nothing_of_the_model_runs_while_it_is_read() -> None:
    class Explosive(nn.Module):
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        def __hash__(self) -> int:
            raise AssertionError("hashed")

        def extra_repr(self) -> str:
            raise ValueError("not even this")

        def forward(self, *_: Any) -> Any:
            raise AssertionError("run")

        def named_parameters(self, *_: Any, **__: Any) -> Any:
            raise AssertionError("listed")

    model = Explosive()
    model._parameters["weight"] = nn.Parameter(torch.ones(2))
    model._modules["inner"] = Explosive()
    tree = modules(model)
    assert [name for name, _ in tree.named_parameters()] == ["weight"]
    assert tree.facts(tree.root).notes == ("its extra_repr raised ValueError: not even this",)


def test_no_parameter_is_read() -> None:
    """Freed and absent memory would crash a reader that touched it."""
    model = Tied()
    model.block.weight.untyped_storage().resize_(0)
    info = dict(modules(model).named_parameters())["block.weight"]
    assert info.storage is not None and info.storage.nbytes == 0


def test_what_was_put_among_the_tensors_and_is_none_says_so() -> None:
    model = nn.Linear(1, 1)
    model._buffers["odd"] = 3  # type: ignore[assignment]
    tree = modules(model)
    (odd,) = tree.root.buffers
    assert (odd.name, odd.type, odd.shape) == ("odd", "int", None)
    assert dict(odd.why)["shape"] == "a value of type int, no tensor"
    assert tree.counts.nbytes == 8 and tree.counts.uninitialized == 0


def test_reading_leaves_the_model_as_it_was() -> None:
    model = ImageNet()
    before = {key: dict(vars(module)) for key, module in model.named_modules()}
    modules(model).to_dict()
    assert {key: dict(vars(module)) for key, module in model.named_modules()} == before


def test_a_tree_keeps_its_model_and_no_module_that_was_replaced() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    gone = weakref.ref(model[0])
    tree = modules(model)
    model[0] = nn.Linear(3, 3)
    gc.collect()
    assert gone() is None
    alone = modules(nn.Sequential(nn.Linear(2, 2)))
    gc.collect()
    assert alone.title(alone.nodes[1]).startswith("Linear(in_features=2")
    assert tree.title(tree.nodes[1]) == "Linear"


def test_metric_states_are_states() -> None:
    tree = modules(ZOO["metric"]())
    node = tree.by_path["0"]
    assert [(info.name, info.shape) for info in node.states] == [
        ("0.correct", ()),
        ("0.preds[0]", (2,)),
        ("0.preds[1]", (5,)),
    ]
    assert tree.facts(node).notes == ("no tensors yet in its states target",)
    assert tree.counts.parameters == 2 and tree.counts.buffers == 0


def test_torchmetrics_states_are_states() -> None:
    torchmetrics = pytest.importorskip("torchmetrics")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = torchmetrics.classification.MulticlassAccuracy(num_classes=5)
    tree = modules(nn.ModuleDict({"accuracy": metric}))
    states = tree.by_path["accuracy"].states
    assert {info.name for info in states} == {f"accuracy.{name}" for name in metric._defaults}


def test_transient_buffers_hooks_modes_and_parametrizations_are_told() -> None:
    model = ZOO["buffers_tied_and_transient"]()
    model[0].eval()

    def watch(*_: Any) -> None: ...

    model[1].register_forward_hook(watch)
    model[1].register_full_backward_hook(watch)
    tree = modules(model)
    assert tree.by_path["1"].transient == ("1.mean",)
    assert [node.training for node in tree.nodes] == [True, False, True]
    assert tree.facts(tree.by_path["1"]).hooks == (("forward", ("watch",)), ("backward", ("watch",)))
    tree = modules(ZOO["parametrized"]())
    assert tree.facts(tree.by_path["0"]).parametrizations == (("weight", ("_WeightNorm",)),)
    assert "0.weight" not in dict(tree.named_parameters())


def test_compiled_and_uninitialized_modules_say_so() -> None:
    tree = modules(ZOO["compiled"]())
    assert tree.facts(tree.root).notes == ("made by torch.compile; _orig_mod is the module it compiles",)
    lazy = modules(ZOO["lazy"]())
    assert lazy.counts.uninitialized == 6 and lazy.counts.parameters == 4
    assert dict(lazy.named_parameters())["0.weight"].shape is None


def test_a_module_that_never_ran_its_init_is_an_empty_one() -> None:
    class Forgot(nn.Module):
        def __init__(self) -> None:
            pass

    tree = modules(Forgot())
    assert tree.facts(tree.root).notes[-1] == "Module.__init__ has not run, so nothing is registered in it"


def test_wrapped_for_data_parallel_keeps_its_names() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.DataParallel(Tied())
    expected = [name for name, _ in model.named_parameters()]
    assert [name for name, _ in modules(model).named_parameters()] == expected


def test_dtensor_parameters_count_what_is_held_here() -> None:
    distributed = pytest.importorskip("torch.distributed")
    if not distributed.is_available():
        pytest.skip("torch without distributed")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, distribute_tensor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
        try:
            mesh = init_device_mesh("cpu", (1,))
            layer = nn.Linear(4, 4, bias=False)
            layer.weight = nn.Parameter(distribute_tensor(layer.weight.detach(), mesh, [Replicate()]))
            both = nn.ModuleList([layer, nn.Linear(4, 4, bias=False)])
            both[1].weight = layer.weight
            counts = modules(both).counts
        finally:
            distributed.destroy_process_group()
    assert (counts.parameters, counts.parameter_elements, counts.nbytes) == (1, 16, 64)


def test_the_document_is_that_of_the_schema() -> None:
    document = modules(Tied()).to_dict()
    assert (document["schema"], document["kind"]) == ("stridescope/1", "module")
    counts = document["counts"]
    assert {key: counts[key] for key in ("modules", "parameters", "parameter_elements", "buffers", "nbytes")} == {
        "modules": 4,
        "parameters": 3,
        "parameter_elements": 60,
        "buffers": 0,
        "nbytes": 240,
    }
    head = document["root"]["children"][2]
    assert {"name", "path", "type", "same_as", "children", "parameters", "buffers"} <= head.keys()
    assert head["parameters"][0]["name"] == "lm_head.weight"
    assert head["tied"] == {"lm_head.weight": "wte.weight"}


def test_a_document_cut_at_a_depth_says_what_it_leaves_out() -> None:
    root = modules(ImageNet()).to_dict(depth=1)["root"]
    assert [child["children"] for child in root["children"]] == [[], [], []]
    assert root["children"][0]["children_left_out"] == 3


def test_names_of_a_state_dict_make_the_same_tree() -> None:
    model = Tied()
    tree = modules(model.state_dict(keep_vars=True))
    assert [node.path for node in tree.nodes] == ["", "wte", "block", "lm_head"]
    assert tree.counts.parameters == 3 and tree.counts.parameter_elements == 60
    assert [name for name, _ in tree.named_parameters()] == [name for name, _ in model.named_parameters()]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (3, "a value of type int"),
        (nn.Linear, "the class Linear"),
        (torch.ones(2), "ss.inspect reads one tensor"),
        ({"a": 1}, "no tensor in it"),
    ],
)
def test_what_is_no_model_is_told_in_a_sentence(bad: object, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        modules(bad)


def test_the_package_can_be_called_as_the_function_of_its_name() -> None:
    assert package(nn.Linear(1, 1)).counts.parameter_elements == 2  # type: ignore[operator]


def test_trees_are_values() -> None:
    model = Tied()
    assert modules(model) == modules(model)
    assert hash(modules(model)) == hash(modules(model))
    assert repr(modules(model)) == "ModuleTree(Tied, 4 modules, 3 parameters, 60 elements, 0 buffers, 240 B)"
