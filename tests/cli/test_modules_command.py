"""`stridescope modules` answers for live models, drawn and as JSON, and says in one line what it cannot take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from stridescope.cli.app import COMMANDS

NETS = """\
import torch
from torch import nn
print("this file talks while it is imported")

class Net(nn.Module):
    def __init__(self, n=4, layers=3, bias=True):
        super().__init__()
        self.wte = nn.Embedding(10, n)
        self.layers = nn.Sequential(*(nn.Linear(n, n, bias=bias) for _ in range(layers)))
        self.head = nn.Linear(n, 10, bias=False)
        self.head.weight = self.wte.weight

    def forward(self, *_):
        raise AssertionError("run")

class Needs(nn.Linear):
    def __init__(self, n):
        super().__init__(n, n)

net = Net()
tensor = torch.ones(2)
state = net.state_dict()

def deep():
    inner = nn.Identity()
    for _ in range(300):
        outer = nn.Module()
        outer._modules["m"] = inner
        inner = outer
    return inner
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]) -> Callable[..., Any]:
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(COMMANDS, "modules", ("stridescope.cli.modules", "Browse a model."))
    return lambda *arguments: cli("modules", *arguments)


@pytest.mark.parametrize("target", ["nets.py:net", "nets.py:Net", "nets:net"])
def test_a_module_and_a_class_are_targets(run: Callable[..., Any], target: str) -> None:
    done = run(target)
    assert done.status == 0, done.err
    assert "Net" in done.out and "tied to head.weight" in done.out
    assert "talks" not in done.out


def test_the_document_is_the_only_output_and_follows_the_schema(run: Callable[..., Any]) -> None:
    document = json.loads(run("nets.py:net", "--json").out)
    assert (document["schema"], document["kind"]) == ("stridescope/1", "module")
    assert document["counts"]["parameters"] == 7 and document["counts"]["parameter_elements"] == 100
    names = [tensor["name"] for tensor in document["root"]["children"][2]["parameters"]]
    assert names == ["head.weight"]


def test_children_and_modules_list_one_level_and_all(run: Callable[..., Any]) -> None:
    children = run("nets.py:net", "--children", "--width", "120").out.splitlines()[3:]
    assert [row.split()[0] for row in children] == ["wte", "layers", "head"]
    listed = run("nets.py:net", "--modules", "--width", "120").out.splitlines()[3:]
    layers = [f"layers.{number}" for number in range(3)]
    assert [row.split()[0] for row in listed] == ["(itself)", "wte", "layers", *layers, "head"]
    document = json.loads(run("nets.py:net", "--modules", "--json").out)
    assert document["modules"] == ["", "wte", "layers", "layers.0", "layers.1", "layers.2", "head"]
    assert json.loads(run("nets.py:net", "--children", "--json").out)["children"] == ["wte", "layers", "head"]


def test_arguments_and_meta_build_what_would_not_fit(run: Callable[..., Any]) -> None:
    done = run("nets.py:Net", "--args", "(100_000, layers=80, bias=False)", "--device", "meta")
    assert done.status == 0, done.err
    assert "80 × Linear" in done.out and "3.2 TB" in done.out and "meta" in done.out


def test_a_state_dict_is_a_tree_of_names(run: Callable[..., Any]) -> None:
    done = run("nets.py:state", "--json")
    root = json.loads(done.out)["root"]
    assert [child["name"] for child in root["children"]] == ["wte", "layers", "head"]
    assert root["type"] == ""


def test_a_checkpoint_file_is_a_tree_of_names(run: Callable[..., Any]) -> None:
    import torch

    torch.save({"a.weight": torch.ones(2, 3), "a.bias": torch.ones(2), "b.0.weight": torch.ones(1)}, "net.pt")
    root = json.loads(run("net.pt", "--json").out)["root"]
    assert [child["path"] for child in root["children"]] == ["a", "b"]
    assert [tensor["name"] for tensor in root["children"][0]["parameters"]] == ["a.weight", "a.bias"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nets.py:tensor",), "ss.inspect reads one tensor"),
        (("nets.py:Needs",), "Needs needs arguments (n); give them with --args"),
        (("nets.py:net", "--args", "(3)"), "already a Net"),
        (("nets.py:Net", "--args", "(open('x'))"), "is no literal"),
        (("nets.py:Net", "--args", "(1, 2, 3, 4)"), "raised TypeError"),
        (("nets.py:net", "--children", "--depth", "1"), "--children lists one level"),
        (("nets.py:net", "--device", "banana"), "'banana'"),
        (("nets.py:absent",), "has no 'absent'"),
        (("nets.py",), "is no model"),
        (("absent.pt",), "is no model"),
        (("absent.pt", "--device", "meta"), "build a live model"),
        (("nets.py:net", "--depth", "-1"), "--depth"),
        (("nets.py:deep", "--json"), "add --depth N"),
    ],
)
def test_bad_input_ends_in_one_line(run: Callable[..., Any], arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    errors = [line for line in done.err.splitlines() if line.startswith("stridescope: ")]
    assert len(errors) == 1 and said in errors[0]
    assert "Traceback" not in done.err


def test_a_deep_model_is_drawn_and_cut_for_json(run: Callable[..., Any]) -> None:
    assert run("nets.py:deep", "--modules").status == 0
    assert json.loads(run("nets.py:deep", "--json", "--depth", "3").out)["counts"]["modules"] == 301


def test_help_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from stridescope.cli.modules import modules; "
        "done = CliRunner().invoke(modules, ['--help']); "
        "print(done.exit_code, 'torch' in sys.modules, 'rich' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["0", "False", "False"]
