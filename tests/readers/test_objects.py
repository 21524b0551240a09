"""`module:attr` and `file.py:attr` give the live object, or one sentence on what went wrong."""

from __future__ import annotations

import collections
import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stridescope.errors import TargetError, UnreadableError
from stridescope.readers.objects import is_object_target, resolve, rows

SOURCE = """
import torch
from beside import WIDTH

x = torch.arange(12).view(3, 4).t()
held = {"w": x, "more": [x, {"b": x}], "epoch": 3}
number = 3


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(WIDTH, 2)

    def forward(self, x):
        raise AssertionError("called")


net = Net()


def make():
    print("made")
    return x


def needs(size):
    return x


def fails():
    return 1 / 0
"""


@pytest.mark.parametrize("made", [lambda: (n for n in ()), lambda: iter([torch.zeros(2)]), lambda: map(abs, [1])])
def test_what_can_be_read_once_is_left_alone(made: Any) -> None:
    given = made()
    with pytest.raises(UnreadableError, match=r"read only once, so it is left alone; pass list\(\.\.\.\)"):
        rows(given)
    assert len(list(given)) == len(list(made()))


def test_a_failure_without_a_place_names_none() -> None:
    with pytest.raises(TargetError) as caught:
        resolve("torch:arange")
    message = str(caught.value)
    assert message.startswith("calling arange() raised TypeError: arange() received")
    assert message.endswith(" - got ()")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        *(("SGD", "an SGD"), ("Adam", "an Adam"), ("Linear", "a Linear"), ("User", "a User"), ("LSTM", "an LSTM")),
        *(("Index", "an Index"), ("Rprop", "a Rprop"), ("dict_keys", "a dict_keys"), ("NAdam", "an NAdam")),
    ],
)
def test_a_class_has_the_article_it_is_spoken_with(kind: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=f"got {said} without tensors"):
        rows(type(kind, (), {})())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "subject.py").write_text(SOURCE)
    (tmp_path / "beside.py").write_text("WIDTH = 5\n")
    (tmp_path / "broken.py").write_text("x = (\n")
    (tmp_path / "quits.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "missing.py").write_text("\nimport no_such_module_anywhere\n")
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("subject.py:x", "Tensor"),
        ("./subject.py:x", "Tensor"),
        ("subject:x", "Tensor"),
        ("subject.py:held", "dict"),
        ("subject.py:held['more'][1]", "dict"),
        ("subject.py:held['more'][-1]['b']", "Tensor"),
        ("subject.py:net", "Net"),
        ("subject.py:Net", "Net"),
        ("subject.py:net.layer.weight", "Parameter"),
        ("subject.py:make", "Tensor"),
    ],
)
def test_a_target_names_a_live_object(folder: Path, target: str, kind: str) -> None:
    assert type(resolve(target)).__name__ == kind


def test_the_path_is_left_as_it_was_and_what_code_prints_goes_to_stderr(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(sys.path)
    resolve("subject.py:make")
    assert sys.path == before
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "made\n")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("subjekt.py:x", "no file subjekt.py; did you mean 'subject.py'?"),
        ("subjekt:x", "no module 'subjekt'; did you mean 'subject'?"),
        ("subject.py:mak", "has no 'mak'; did you mean 'make'?"),
        ("subject.py:net.layer.wieght", "did you mean 'weight'?"),
        ("subject.py:held['v']", "has no ['v']"),
        ("subject.py:number", "is an int; needed a tensor"),
        ("subject.py:needs", "needs arguments (size)"),
        ("subject.py:fails", "raised ZeroDivisionError: division by zero"),
        ("broken.py:x", "SyntaxError"),
        ("quits.py:x", "raised SystemExit: 3"),
        ("missing.py:x", "raised ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("subject.py:", "needed package.module:attr"),
        ("subject.py:x[", "cannot read '['"),
        ("two words:x", "neither a .py file nor the dotted name"),
    ],
)
def test_what_goes_wrong_is_one_sentence(folder: Path, target: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(target)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "place"),
    [("subject.py:fails", "subject.py:32"), ("broken.py:x", "broken.py:1"), ("missing.py:x", "missing.py:2")],
)
def test_the_place_of_the_users_error_is_named(folder: Path, target: str, place: str) -> None:
    with pytest.raises(TargetError) as caught:
        resolve(target)
    assert str(caught.value).endswith(f"{place})")


@pytest.mark.parametrize(
    ("target", "is_object"),
    [
        ("train.py:model", True),
        ("package.module:attr", True),
        ("path/to/file.py:a.b[0]", True),
        ("(3,4):(4,1)", False),
        ("w.pt::conv", False),
        ("torch.arange(12)[1:, ::2]", False),
        ("weights.safetensors", False),
    ],
)
def test_the_colon_form_alone_means_an_object(target: str, is_object: bool) -> None:
    assert is_object_target(target) is is_object


# Rows -------------------------------------------------------------------------------------------

x = torch.ones(2, 3)
Pair = collections.namedtuple("Pair", "first second")  # noqa: PYI024


@dataclasses.dataclass
class Batch:
    inputs: Any
    label: str = "none"


@pytest.mark.parametrize(
    ("obj", "names"),
    [
        (x, [None]),
        (np.ones(3), [None]),
        ({"layer.weight": x, "epoch": 3, "bias": x}, ["layer.weight", "bias"]),
        ([x, {"x": x}], ["[0]", "[1].x"]),
        ((x, (x, x)), ["[0]", "[1][0]", "[1][1]"]),
        (Pair(x, [x]), ["first", "second[0]"]),
        (Batch({"ids": x}), ["inputs.ids"]),
        ({0: x, (1, 2): x}, ["[0]", "[(1, 2)]"]),
        ({"mixed": [np.ones(2), x]}, ["mixed[0]", "mixed[1]"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_row_for_each_tensor_named_by_its_path(obj: Any, names: list[Any]) -> None:
    assert [row.name for row in rows(obj)] == names


def test_a_module_gives_its_parameters_and_buffers_tied_ones_under_each_path() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    net.append(net[0])
    names = [row.name for row in rows({"net": net})]
    assert names == [f"net.{name}" for name, _ in net.named_parameters(remove_duplicate=False)] + [
        f"net.{name}" for name, _ in net.named_buffers()
    ]
    found = {row.name: row for row in rows(net)}
    assert found["0.weight"].storage == found["2.weight"].storage


def test_a_container_that_holds_itself_ends() -> None:
    loop: list[Any] = [x]
    loop.append(loop)
    assert [row.name for row in rows(loop)] == ["[0]"]


@pytest.mark.parametrize("obj", [{}, [], [1, 2], {"a": {"b": None}}, 3])
def test_nothing_to_show_is_refused(obj: Any) -> None:
    with pytest.raises(UnreadableError, match="needed a tensor"):
        rows(obj)
