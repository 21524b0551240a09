"""Every command ends in a documented status, an answer on stdout, and at most one clear sentence on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stridescope import __version__
from stridescope.cli import main

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
REFUSED = "torch.arange(12).view(3, 4).t().view(12)"


def test_without_arguments_it_prints_help(cli: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = cli()
    assert (status, err) == (0, "")
    assert out.startswith("Usage: stridescope")
    assert "show" in out
    assert "doctor" in out


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("show", "--help"), ("doctor", "--help")])
def test_help_is_an_answer(cli: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...]) -> None:
    status, out, err = cli(*arguments)
    assert (status, err) == (0, "")
    assert "Usage:" in out


def test_version_is_the_packages(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("--version").out == f"stridescope, version {__version__}\n"


def test_an_answer_is_status_0_and_a_refusal_status_1(cli: Callable[..., tuple[int, str, str]]) -> None:
    assert cli("show", CHAIN)[0] == 0
    status, out, err = cli("show", REFUSED)
    assert (status, err) == (1, "")
    assert "stride[0]" in out
    assert "reshape" in out


BAD = {
    "unknown command": ("frobnicate",),
    "target without show": (CHAIN,),
    "no target": ("show",),
    "two targets": ("show", CHAIN, CHAIN),
    "unknown option": ("show", CHAIN, "--colour"),
    "unknown method": ("show", "torch.arange(12).tranpose(0, 1)"),
    "unknown name": ("show", "foo.t()"),
    "empty program": ("show", ""),
    "no Python": ("show", "torch.arange(12"),
    "a dunder": ("show", "torch.__dict__"),
    "a lambda": ("show", "(lambda: 0)()"),
    "a host value": ("show", "1 + 1"),
    "literal with a stride missing": ("show", "(3,4):(4)"),
    "literal with a letter": ("show", "(3,x):(4,1)"),
    "no such module": ("show", "no_such_module_here:x"),
    "no such attribute": ("show", "math:no_such_attribute"),
    "an attribute without elements": ("show", "math:pi"),
    "no such file": ("show", "nowhere/model.safetensors"),
    "a Python file": ("show", __file__),
    "a directory": ("show", str(Path(__file__).parent)),
    "no such Python file": ("show", "nowhere/train.py:model"),
    "index out of range": ("show", CHAIN, "--index", "9,9"),
    "index of another ndim": ("show", CHAIN, "--index", "1"),
    "index of letters": ("show", CHAIN, "--index", "a,b"),
    "index out of range in JSON": ("show", CHAIN, "--index", "9,9", "--json"),
    "width of letters": ("show", CHAIN, "--width", "wide"),
    "width too small": ("show", CHAIN, "--width", "1"),
    "svg nowhere": ("show", CHAIN, "--svg", "/nowhere/at/all.svg"),
    "torch for a layout": ("show", "(3,4):(4,1)", "--torch"),
    "then that is unknown": ("show", CHAIN, "--then", "tranpose()"),
    "then that is no Python": ("show", CHAIN, "--then", "view("),
}


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD)
def test_bad_input_is_status_2_and_one_sentence(
    cli: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...]
) -> None:
    status, out, err = cli(*arguments)
    sentence, *place = err.splitlines()
    assert (status, out) == (2, "")
    assert sentence.startswith("stridescope: ")
    assert len(sentence) > len("stridescope: ") + 10
    assert "internal error" not in sentence
    # A program's error may show the line and the place in it; nothing else follows the sentence.
    assert not place or (len(place) == 2 and set(place[1].strip()) == {"^"})


def test_a_programs_error_points_at_its_place(cli: Callable[..., tuple[int, str, str]]) -> None:
    _, _, err = cli("show", "x = torch.arange(12)\nx.tranpose(0, 1)")
    sentence, line, carets = err.splitlines()
    assert "transpose" in sentence
    assert line == "  x.tranpose(0, 1)"
    start, end = carets.index("^"), carets.rindex("^") + 1
    assert line[start:end] == "tranpose"


def test_a_long_line_is_cut_around_the_place(cli: Callable[..., tuple[int, str, str]]) -> None:
    program = "torch.arange(12)" + ".view(12)" * 60 + ".tranpose()" + ".view(12)" * 60
    _, line, carets = cli("show", program).err.splitlines()
    assert len(line) <= 80
    assert line[carets.index("^") : carets.rindex("^") + 1] == "tranpose"


def test_with_json_an_error_is_the_sentence_alone(cli: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = cli("show", "torch.arange(12).tranpose(0, 1)", "--json")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1


def test_an_error_of_ours_is_one_line_that_says_how_to_report_it(
    cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr("stridescope.cli.show.load", broken)
    status, out, err = cli("show", CHAIN)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "internal error, ZeroDivisionError: one two" in err
    assert "STRIDESCOPE_TRACEBACK=1" in err
    monkeypatch.setenv("STRIDESCOPE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["show", CHAIN])


def test_an_interrupt_is_status_130(cli: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stridescope.cli.show.load", interrupted)
    status, out, err = cli("show", CHAIN)
    assert (status, out, err.strip()) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="pipes close otherwise there")
def test_a_reader_that_goes_away_is_no_error() -> None:
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "stridescope", "show", CHAIN], stdout=written, stderr=subprocess.PIPE, check=False
    )
    os.close(written)
    assert (done.returncode, done.stderr) == (141, b"")


def test_python_m_returns_the_status() -> None:
    command = [sys.executable, "-m", "stridescope", "show", REFUSED, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["steps"][-1]["effect"] == "refused"
