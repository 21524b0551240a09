"""`stridescope show` answers for every form of target, drawn and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stridescope.cli.target import FORMS, load
from stridescope.errors import TargetError
from stridescope.program.edits import with_appended

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
TENSOR_FIELDS = [
    "name",
    "type",
    "layout",
    "dtype",
    "itemsize",
    "device",
    "shape",
    "stride",
    "storage_offset",
    "numel",
    "nbytes",
    "contiguous",
    "memory_format",
    "non_overlapping_and_dense",
    "overlap",
    "span",
    "byte_stride",
    "requires_grad",
    "storage",
]


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a Python file of tensors, and that folder as the current one."""
    pytest.importorskip("torch")
    (tmp_path / "things.py").write_text(
        "import numpy as np, torch\n"
        "print('this file talks while it is imported')\n"
        "x = torch.arange(12).view(3, 4).t()\n"
        "a = np.arange(6).reshape(2, 3)\n"
        "many = {'x': x, 'a': a}\n"
        "def make():\n"
        "    print('and when it is called')\n"
        "    return [x, x[1:]]\n"
        "def leaves():\n"
        "    raise SystemExit(0)\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def document(cli: Callable[..., Any], *arguments: str) -> Any:
    """The JSON document, which must be all there is."""
    done = cli("show", *arguments, "--json")
    assert done.status == 0, done.err
    return json.loads(done.out)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("-", "standard input"),
        ("(3,4):(4,1)", "layout literal"),
        (" ( 3, 4 ) : (4, 1)+2", "layout literal"),
        ("():()", "layout literal"),
        ("package.module:attr", "live object"),
        ("train.py:model", "live object"),
        ("dir with (odd) name/train.py:model.weight", "live object"),
        ("module:attr['x'][0]", "live object"),
        ("weights.pt", "file"),
        ("some/where/model.safetensors::layer.weight", "file"),
        ("torch.arange(12)", "program"),
        (CHAIN, "program"),
        ("x = torch.arange(12); x[1:, ::2]", "program"),
        ("x[1:]", "program"),
        ("(torch.arange(3) + 1).view(3)", "program"),
        ("", "program"),
        ("a" * 5000, "program"),
    ],
)
def test_the_form_of_a_target_decides_what_it_is(text: str, form: str) -> None:
    assert next(row.name for row in FORMS if row.matches(text)) == form


def test_nothing_but_the_colon_form_imports_code(objects: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("things.x", "things", "import things; things.x", "torch.arange(3); things"):
        assert load(text).kind == "program"
    with pytest.raises(TargetError):
        load("things.py")
    assert "talks" not in "".join(capsys.readouterr())


def test_a_chain_as_json_is_its_history(cli: Callable[..., Any]) -> None:
    answer = document(cli, CHAIN)
    assert (answer["schema"], answer["kind"], answer["engine"]) == ("stridescope/1", "history", "algebra")
    assert [step["effect"] for step in answer["steps"]] == ["alloc", "view", "view", "view"]
    tensor = answer["steps"][-1]["tensor"]
    assert (tensor["shape"], tensor["stride"], tensor["storage_offset"]) == ([3, 2], [1, 8], 1)
    assert set(TENSOR_FIELDS) <= set(tensor)


def test_what_a_program_asks_is_answered_below_the_panel_and_in_json(cli: Callable[..., Any]) -> None:
    program = "x = torch.arange(12).view(3, 4).t(); x.stride(); x.dtype"
    done = cli("show", program)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == [" x.stride()  =  (1, 4)", " x.dtype  =  int64"]
    assert document(cli, program)["answers"] == [
        {"source": "x.stride()", "value": [1, 4]},
        {"source": "x.dtype", "value": "int64"},
    ]
    assert "answers" not in document(cli, CHAIN)


def test_a_question_about_a_given_layout_is_answered(cli: Callable[..., Any]) -> None:
    answer = document(cli, "(3,4):(1,3)", "--then", "stride()")
    assert answer["answers"] == [{"source": ".stride()", "value": [1, 3]}]
    assert [step["op"] for step in answer["steps"]] == ["given"]


def test_a_long_answer_is_cut_where_it_is_drawn(cli: Callable[..., Any]) -> None:
    out = cli("show", "x = torch.arange(100); x.tolist()").out
    assert "14, 15, ...]" in " ".join(out.split())
    assert len(document(cli, "x = torch.arange(100); x.tolist()")["answers"][0]["value"]) == 100


def test_an_svg_holds_the_answers_too(cli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "asked.svg"
    assert cli("show", "x = torch.arange(3); x.stride()", "--svg", str(path)).status == 0
    assert "x.stride()" in "".join(ET.parse(path).getroot().itertext())


@pytest.mark.parametrize(
    ("program", "values"),
    [
        ("torch.tensor([1.5, float('nan'), float('inf'), -float('inf')])", [1.5, "nan", "inf", "-inf"]),
        ("torch.tensor([1 + 2j, 1 - 0.5j])", ["1+2j", "1-0.5j"]),
        ("torch.tensor([True, False])", [True, False]),
        ("torch.empty(2)", [None, None]),
    ],
)
def test_values_that_json_has_no_word_for_are_text_and_unknown_ones_null(
    cli: Callable[..., Any], program: str, values: list[Any]
) -> None:
    assert document(cli, program, "--values")["values"]["in_index_order"] == values


def test_a_pasted_session_is_shown_and_goes_on(cli: Callable[..., Any]) -> None:
    answer = document(cli, ">>> x = torch.arange(6)\n>>> x.view(2, 3)", "--then", "t()")
    assert [step["op"] for step in answer["steps"]] == ["arange", "view", "t"]


def test_a_refusal_as_json_says_why_and_what_would_work(cli: Callable[..., Any]) -> None:
    done = cli("show", "torch.arange(12).view(3, 4).t().view(12)", "--json")
    last = json.loads(done.out)["steps"][-1]
    assert (done.status, done.err, last["tensor"]) == (1, "", None)
    reason = last["reason"]
    assert (reason["dims"], reason["needed_stride"], reason["found_stride"]) == ([0, 1], 12, 1)
    assert {"source", "effect", "copied_nbytes"} == set(reason["alternatives"][0])


def test_a_program_on_standard_input(cli: Callable[..., Any]) -> None:
    done = cli("show", "-", "--json", stdin="x = torch.arange(12)\na = x.view(3, 4)\n")
    assert [step["name"] for step in json.loads(done.out)["steps"]] == ["x", "a"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_standard_input_that_is_no_text_is_bad_input(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stridescope", "show", "-"],
        input=b"torch.arange(3)  # \xff\xfe",
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"internal error" not in done.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs an endless file")
def test_standard_input_that_never_ends_is_bad_input() -> None:
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [sys.executable, "-m", "stridescope", "show", "-"],
            stdin=endless,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"internal error" not in done.stderr


def test_a_layout_literal_as_json_has_null_where_a_layout_says_nothing(cli: Callable[..., Any]) -> None:
    answer = document(cli, "(3,4):(1,3)+2")
    tensor = answer["tensor"]
    assert answer["kind"] == "tensor"
    assert (tensor["shape"], tensor["stride"], tensor["storage_offset"]) == ([3, 4], [1, 3], 2)
    assert (tensor["contiguous"], tensor["span"]) == (False, [2, 14])
    nulls = {name for name in TENSOR_FIELDS if tensor[name] is None} - {"name"}
    assert {"dtype", "device", "storage"} <= nulls
    assert {"dtype", "device", "storage"} <= set(tensor["why"])


def test_an_address_is_worked_out_in_words_and_in_json(cli: Callable[..., Any]) -> None:
    drawn = cli("show", CHAIN, "--index", "2,1").out
    assert "11" in drawn
    assert "2·1" in drawn
    assert "1·8" in drawn
    assert document(cli, CHAIN, "--index", "2,1")["address"] == {
        "index": [2, 1],
        "stride": [1, 8],
        "storage_offset": 1,
        "address": 11,
        "byte_address": 88,
    }
    assert document(cli, CHAIN, "--index", "-1,-1")["address"]["index"] == [2, 1]


def test_a_live_tensor_is_read_and_what_its_module_prints_stays_off_stdout(
    cli: Callable[..., Any], objects: Path
) -> None:
    done = cli("show", "things.py:x", "--json", "--values")
    answer = json.loads(done.out)
    assert "talks" in done.err
    assert (answer["kind"], answer["tensor"]["stride"]) == ("tensor", [1, 4])
    assert answer["values"] == {"in_index_order": [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], "left_out": 0}


def test_an_array_a_dict_and_a_factory(cli: Callable[..., Any], objects: Path) -> None:
    assert document(cli, "things:a")["tensor"]["type"] == "numpy.ndarray"
    rows = document(cli, "things:many")
    assert rows["kind"] == "tensors"
    assert [row["name"] for row in rows["tensors"]] == ["x", "a"]
    assert len(document(cli, "things.py:make")["tensors"]) == 2
    drawn = cli("show", "things:many").out
    assert "(4, 3)" in drawn
    assert "(2, 3)" in drawn


@pytest.mark.parametrize("options", [("--index", "0,0"), ("--index", "0,0", "--json"), ("--then", "t()")])
def test_what_needs_one_tensor_says_so_of_several(
    cli: Callable[..., Any], objects: Path, options: tuple[str, ...]
) -> None:
    status, out, err = cli("show", "things:many", *options)
    assert (status, out) == (2, "")
    assert "2" in err.splitlines()[-1]


def test_code_that_exits_is_bad_input(cli: Callable[..., Any], objects: Path) -> None:
    status, out, err = cli("show", "things.py:leaves")
    assert (status, out) == (2, "")
    assert "SystemExit" in err


@pytest.mark.parametrize(
    ("target", "then", "stride"),
    [
        ("torch.arange(12).view(3, 4)", "t()[1:]", [1, 4]),
        ("torch.arange(12).view(3, 4)", ".t()[1:]", [1, 4]),
        ("torch.arange(12).view(3, 4)", "[1:].t()", [1, 4]),
        ("(3,4):(4,1)", "t()[1:]", [1, 4]),
        ("things:x", "t()[1:]", [4, 1]),
    ],
)
def test_then_goes_on_from_the_target(
    cli: Callable[..., Any], objects: Path, target: str, then: str, stride: list[int]
) -> None:
    answer = document(cli, target, "--then", then)
    assert answer["kind"] == "history"
    assert answer["steps"][-1]["tensor"]["stride"] == stride


def test_then_on_a_live_tensor_runs_on_torch_when_asked(cli: Callable[..., Any], objects: Path) -> None:
    answer = document(cli, "things:x", "--then", "[1:]", "--torch")
    assert answer["engine"] == "torch"
    assert answer["steps"][-1]["tensor"]["storage_offset"] == 1


@pytest.mark.parametrize(
    ("source", "followed"),
    [
        ("torch.arange(3)", "torch.arange(3).t()"),
        ("x = torch.arange(3)", "x = torch.arange(3).t()"),
        ("x = torch.arange(3); x + 1", "x = torch.arange(3); (x + 1).t()"),
        ("torch.arange(3)  # three", "torch.arange(3).t()  # three"),
        ("'é'; x\n", "'é'; x.t()\n"),
        ("torch.cat([\n  x,\n  y,\n])", "torch.cat([\n  x,\n  y,\n]).t()"),
        ("x +\\\n  1", "(x +\\\n  1).t()"),
        ("torch.arange(", "torch.arange("),
    ],
)
def test_then_is_written_where_the_last_expression_ends(source: str, followed: str) -> None:
    assert with_appended(source, "t()") == followed


def test_torch_gives_the_same_layouts_as_the_algebra(cli: Callable[..., Any]) -> None:
    pytest.importorskip("torch")
    program = "x = torch.arange(12); a = x.view(3, 4).t(); b = a[1:, ::2].contiguous()"
    algebra, real = document(cli, program), document(cli, program, "--torch")
    assert real["engine"] == "torch"
    for ours, theirs in zip(algebra["steps"], real["steps"], strict=True):
        assert ours["effect"] == theirs["effect"]
        for name in ("shape", "stride", "storage_offset", "dtype", "contiguous"):
            assert ours["tensor"][name] == theirs["tensor"][name]


def test_under_torch_a_refusal_shows_torchs_own_words_too(cli: Callable[..., Any]) -> None:
    pytest.importorskip("torch")
    status, out, _ = cli("show", "torch.arange(12).view(3, 4).t().view(12)", "--torch")
    assert status == 1
    assert "stride[0]" in out
    assert "torch says" in out


def test_without_a_cuda_device_the_sentence_says_what_to_do(cli: Callable[..., Any]) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    status, out, err = cli("show", "torch.arange(3)", "--device", "cuda")
    assert (status, out) == (2, "")
    assert "CUDA" in err


def test_svg_is_a_picture_in_a_file_and_stdout_stays_empty(cli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "show.svg"
    done = cli("show", CHAIN, "--svg", str(path))
    assert (done.status, done.out) == (0, "")
    assert done.err == f"stridescope: wrote {path}\n"
    assert ET.parse(path).getroot().tag.endswith("svg")
