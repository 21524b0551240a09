"""A class or factory is called with literals alone, on the device that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from stridescope.errors import InputError, TargetError
from stridescope.modules.building import build, literal_arguments


@pytest.mark.parametrize(
    ("text", "positional", "named"),
    [
        ("", (), {}),
        ("()", (), {}),
        ("(784, 10)", (784, 10), {}),
        ("784, 10, bias=False", (784, 10), {"bias": False}),
        ("(1, 2), (3, 4)", ((1, 2), (3, 4)), {}),
        ("((1, 2))", ((1, 2),), {}),
        ("([1, -2], {'a': None}, name='x')", ([1, -2], {"a": None}), {"name": "x"}),
    ],
)
def test_arguments_are_read_as_a_call_reads_them(text: str, positional: tuple[object, ...], named: object) -> None:
    found = literal_arguments(text)
    assert (found.positional, dict(found.named)) == (positional, named)


NO_LITERALS = ["(", "1)(2", "f(3)", "__import__('os')", "x", "(1, *[2])", "(**{'a': 1})", "1 2", "lambda: 3"]


@pytest.mark.parametrize("text", NO_LITERALS)
def test_what_is_no_literal_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(InputError):
        literal_arguments(text)


@pytest.fixture
def target(tmp_path: Path) -> str:
    pytest.importorskip("torch")
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Linear):\n"
        "    def __init__(self, n, m=2):\n"
        "        super().__init__(n, m)\n"
        "ready = nn.Linear(1, 1)\n"
        "def fails(n):\n"
        "    raise RuntimeError('on purpose')\n"
    )
    return str(tmp_path / "nets.py")


def test_a_class_is_called_with_its_arguments(target: str) -> None:
    assert build(f"{target}:Net", "(3, m=5)").weight.shape == (5, 3)


def test_under_meta_nothing_has_memory(target: str) -> None:
    assert {p.device.type for p in build(f"{target}:Net", "(3,)", "meta").parameters()} == {"meta"}
    assert {p.device.type for p in build(f"{target}:ready", None, "meta").parameters()} == {"meta"}


def test_arguments_for_what_is_not_called_are_refused(target: str) -> None:
    with pytest.raises(InputError, match="is already a Linear"):
        build(f"{target}:ready", "(3)")


def test_a_factory_that_fails_is_told_in_a_sentence(target: str) -> None:
    with pytest.raises(TargetError, match="raised RuntimeError: on purpose"):
        build(f"{target}:fails", "(3)")


def test_a_device_that_is_not_there_is_told_in_a_sentence(target: str) -> None:
    with pytest.raises(InputError, match="'banana'"):
        build(f"{target}:ready", None, "banana")
