"""`stridescope explain` and `stridescope diff`: the answer, its JSON, its exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stridescope.cli.app import COMMANDS


@pytest.fixture(autouse=True)
def _commands(monkeypatch):
    for name in ("explain", "diff"):
        monkeypatch.setitem(COMMANDS, name, (f"stridescope.cli.{name}", "for the test"))


REFUSED = "torch.arange(12).view(3, 4).t().view(12)"


def test_a_refusal_is_explained_and_is_exit_status_1(cli):
    done = cli("explain", REFUSED)
    assert (done.status, done.err) == (1, "")
    for words in (
        "view(12) must merge dims 0 and 1",
        "The strides of dims 0 and 1 come from .t() in line 1.",
        "What works instead",
        ".permute(1, 0).view(12)",
    ):
        assert words in done.out


def test_the_json_is_one_document(cli):
    done = cli("explain", REFUSED, "--json")
    document = json.loads(done.out)
    assert (document["schema"], document["kind"]) == ("stridescope/1", "explanation")
    assert [step["effect"] for step in document["steps"]] == ["alloc", "view", "view", "refused"]
    assert document["reason"]["needed_stride"] == 12
    assert [other["source"] for other in document["alternatives"]][-1] == ".permute(1, 0).view(12)"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("torch.arange(12).view(3, 4)",), "A view: each dim is split or kept"),
        (("(4,3):(1,4)", "--then", "reshape(12)"), "Copies 48 B"),
        (("torch.arange(12)", "--then", "view(3, 4)"), "view"),
        (("torch.arange(6).view(2, 3).t()", "--torch"), "each dim takes its stride along"),
        (("torch.arange(12).view(3, 4)", "--ascii", "--width", "40"), "o view"),
    ],
)
def test_an_answer_is_exit_status_0(cli, arguments, words):
    done = cli("explain", *arguments)
    assert done.status == 0
    assert words in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "torch.arange("),
        ("explain", "(3,4):(4,1)"),
        ("explain", "nowhere.pt"),
        ("explain", "(3,4):(4,1)", "--then", "t()", "--torch"),
        ("diff", "(3,4):(4,1)", "torch.arange("),
        ("diff", "torch.arange(12).view(5)", "(3,4):(4,1)"),
        ("diff", "(3,4):(4,1)"),
        ("diff", "(3,4):(4,1)", "(3,4):(4,1)", "--fail-on", "nothing"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(cli, arguments):
    done = cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("stridescope: ")
    assert "Traceback" not in done.err


def test_diff_says_what_differs_and_who_minds(cli):
    done = cli("diff", "torch.zeros(4, 1, 3)", "torch.zeros(1, 4, 3).transpose(0, 1)")
    assert done.status == 0
    assert "Every index reaches the same address in both." in done.out
    assert "harmless" in done.out
    document = json.loads(cli("diff", "(3,4):(4,1)", "(3,4):(1,3)", "--json").out)
    assert document["kind"] == "diff"
    assert document["same_addresses"] is False
    assert document["fields"][0]["dims"] == [0, 1]


@pytest.mark.parametrize(
    ("b", "kind", "status"),
    [
        ("(4,1,3):(3,3,1)", "addresses", 0),
        ("(4,1,3):(3,9,1)", "fields", 0),
        ("(4,1,3):(3,9,1)+1", "addresses", 1),
        ("(4,1,3):(3,9,1)+1", "fields", 1),
        ("(4,1,4):(4,9,1)", "addresses", 1),
    ],
)
def test_a_finding_that_was_named_is_exit_status_1(cli, b, kind, status):
    assert cli("diff", "(4,1,3):(3,3,1)", b, "--fail-on", kind).status == status


def test_neither_imports_torch():
    code = (
        "import sys; from stridescope.cli.app import COMMANDS; from stridescope.cli import main\n"
        "COMMANDS.update({n: (f'stridescope.cli.{n}', '') for n in ('explain', 'diff')})\n"
        f"main(['explain', {REFUSED!r}]); main(['diff', '(3,4):(4,1)', 'torch.zeros(4, 3).t()'])\n"
        "sys.exit(bool({'torch', 'numpy', 'textual'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
