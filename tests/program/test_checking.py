"""The helper process says what real torch says of a program; whoever asks never waits, and never imports torch."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stridescope.errors import TargetError
from stridescope.program import algebra, calls
from stridescope.program.checking import Checker, checked, verdict_text
from stridescope.program.ops import Outcome

SLOW = 30.0
"""Seconds that an answer may take on a busy machine; it is mostly the import of torch."""


def asked(*lines: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "stridescope.program.checking"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def line(number: int, source: str) -> str:
    return json.dumps({"id": number, "source": source})


def waited(checker: Checker) -> dict[str, Any]:
    end = time.monotonic() + SLOW
    while time.monotonic() < end:
        answer = checker.poll()
        if answer is not None:
            return answer
        time.sleep(0.01)
    raise AssertionError("no answer")


# ------------------------------------------------------------------------------------------- the judgement

AGREES = [
    "torch.arange(12).view(3, 4).t()[1:, ::2]",
    "torch.arange(12).view(3, 4).t().view(12)",
    "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10); a.t_()",
    "torch.arange(6).split(2)",
    "x = torch.zeros(2, 3); torch.cat([x, x]).t().contiguous()",
    "np.arange(12).reshape(3, 4)[::-1].T",
    "torch.from_numpy(np.arange(6)).view(2, 3).t().numpy()",
    "torch.zeros(2, 3).transpose(0, 5)",
    "torch.empty(10**15).view(10**5, -1).t()[::7].unfold(0, 2, 1)",
    "torch.empty(10**12).t().contiguous().view(7)",
    "torch.empty(10**10, 3).t().reshape(-1).expand(2, -1)",
    "torch.randn(100, 100).t()",
]


@pytest.mark.parametrize("source", AGREES)
def test_torch_and_numpy_agree(source: str) -> None:
    answer = checked(source)
    assert (answer["verdict"], answer["message"]) == ("agrees", None)
    assert ("torch" in answer["versions"]) == ("torch" in source) and ("numpy" in answer["versions"]) == (
        "np." in source
    )


UNCHECKED = [
    "torch.zeros(2).foo()",
    "x = ",
    "",
    "torch.zeros(3, device='cuda').t()",
    "np.zeros(10**12).reshape(10**6, 10**6)",
    "torch.empty(10**12).cpu().to('cpu').numpy()",
]


def test_where_torch_refuses_too_its_own_words_are_given() -> None:
    import torch

    with pytest.raises(RuntimeError) as error:
        torch.arange(12).view(3, 4).t().view(-1)
    answer = checked("torch.arange(12).view(3, 4).t().view(-1)")
    assert answer["verdict"] == "agrees"
    assert answer["refusal"] == " ".join(str(error.value).split())
    assert checked("torch.arange(12).view(3, 4).t()")["refusal"] is None


@pytest.mark.parametrize("source", UNCHECKED)
def test_what_cannot_be_judged_is_said_to_be_unchecked(source: str) -> None:
    answer = checked(source)
    assert answer["verdict"] == "unchecked" and answer["message"]
    assert verdict_text(answer).startswith("unchecked: ")


def test_nothing_large_is_ever_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    seen = []
    empty = torch.empty
    monkeypatch.setattr(
        torch, "empty", lambda *args, **kwargs: seen.append(kwargs.get("device")) or empty(*args, **kwargs)
    )
    assert checked("torch.empty(10**9)")["verdict"] == "agrees"
    assert set(seen) == {"meta"}


@pytest.mark.parametrize(
    ("changes", "field", "ours", "theirs"),
    [
        ({"effect": "copy"}, "effect", "copy", "view"),
        ({"stride": (4, 1)}, "stride", (4, 1), (1, 4)),
        ({"shape": (3, 4)}, "shape", (3, 4), (4, 3)),
        ({"storage_offset": 1}, "storage_offset", 1, 0),
        ({"dtype": "int32"}, "dtype", "int32", "int64"),
        ({"storage": None}, "storage", None, 0),
    ],
)
def test_a_wrong_answer_is_found_at_its_step(
    changes: dict[str, Any], field: str, ours: Any, theirs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check itself can fail: the algebra is made to lie about `t()`, in one field at a time."""
    from dataclasses import replace

    from stridescope.program import interpret as module

    interpret = module.interpret

    def lying(source: str, engine: Any, *args: Any) -> Any:
        history = interpret(source, engine, *args)
        if engine.name != "algebra":
            return history
        *steps, last = history.steps
        of_tensor = {key: value for key, value in changes.items() if key != "effect"}
        assert last.tensor is not None
        told = replace(last, tensor=replace(last.tensor, **of_tensor), effect=changes.get("effect", last.effect))
        return replace(history, steps=(*steps, told))

    monkeypatch.setattr(module, "interpret", lying)
    answer = checked("torch.arange(12).view(3, 4).t()")
    assert (answer["verdict"], answer["step"], answer["field"]) == ("differs", 2, field)
    assert (answer["ours"], answer["theirs"]) == (ours, theirs)
    assert verdict_text(json.loads(json.dumps(answer))).startswith("torch ")


def test_storages_that_are_shared_in_another_way_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = algebra.AlgebraEngine.apply

    def lies(engine: Any, op: Any, overload: int, bound: Any, names: Any) -> Outcome:
        if op.name == "t":
            bound = (bound[0].view(bound[0].layout, storage=type(bound[0].storage)(96, "cpu", bound[0].dtype)),)
        return apply(engine, op, overload, bound, names)

    monkeypatch.setattr(algebra.AlgebraEngine, "apply", lies)
    answer = checked("torch.arange(12).view(3, 4).t()")
    assert (answer["verdict"], answer["field"], answer["ours"], answer["theirs"]) == ("differs", "storage", 1, 0)


def test_a_refusal_of_another_class_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from stridescope.errors import OpRuntimeError

    monkeypatch.setattr(OpRuntimeError, "exception", "TypeError")
    answer = checked("torch.arange(12).view(5)")
    assert (answer["field"], answer["ours"], answer["theirs"]) == ("refusal", "TypeError", "RuntimeError")


@pytest.mark.parametrize(("source", "missing"), [("torch.arange(3)", "torch"), ("np.arange(3)", "numpy")])
def test_a_library_that_is_missing_is_said_to_be(source: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise TargetError(f"{name} is not installed")

    monkeypatch.setattr(calls, "library_of", gone)
    answer = checked(source)
    assert answer["verdict"] == "unchecked" and answer["message"] == f"{missing} is not installed"


# ------------------------------------------------------------------------------------------- the process


def test_the_helper_answers_each_line_in_order_and_ends_with_its_input() -> None:
    good, bad = line(1, "torch.arange(12).view(3, 4).t()"), line(2, "torch.arange(12).foo()")
    answers = asked(good, "rubbish", "[1]", "{}", bad, line(3, "np.arange(3)[::-1]"), '{"id": 4, "source": 5}')
    assert [answer["id"] for answer in answers] == [1, None, None, None, 2, 3, 4]
    assert [answer["verdict"] for answer in answers] == ["agrees", *["unchecked"] * 4, "agrees", "unchecked"]
    keys = {"id", "versions", "verdict", "step", "field", "ours", "theirs", "message", "refusal"}
    assert all(set(answer) == keys for answer in answers)


def test_a_helper_without_the_library_says_so_and_ends() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from stridescope.program.checking import main; raise SystemExit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=line(1, "torch.arange(3)") + "\n" + line(2, "torch.arange(3)") + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    (answer,) = map(json.loads, done.stdout.splitlines())
    assert answer["id"] == 1 and "torch is not installed" in answer["message"]


def test_the_checker_posts_polls_and_closes() -> None:
    checker = Checker()
    try:
        assert checker.poll() is None
        first = checker.post("torch.arange(12).view(3, 4).t()")
        start = time.perf_counter()
        for k in range(20):
            last = checker.post(f"torch.arange({k}).t()")
        assert checker.poll() is None
        assert time.perf_counter() - start < 0.5
        answer = waited(checker)
        assert (answer["id"], answer["verdict"]) == (first, "agrees")
        # While one was worked on, only the newest other one was kept.
        assert waited(checker)["id"] == last
        assert checker.poll() is None
        checker.post("torch.arange(12).view(5)" + " " * 300_000)
        assert waited(checker)["verdict"] in ("agrees", "unchecked")
        process = checker._process
        assert process is not None
    finally:
        checker.close()
    assert process.poll() is not None
    checker.close()
    assert checker.poll() is None


def test_a_helper_that_dies_is_told_and_not_waited_for() -> None:
    checker = Checker((sys.executable, "-c", "raise SystemExit(3)"))
    number = checker.post("torch.arange(3)")
    answer = waited(checker)
    assert (answer["id"], answer["verdict"]) == (number, "unchecked") and "ended" in answer["message"]
    again = checker.post("torch.arange(4)")
    assert waited(checker)["id"] == again
    checker.close()
    nowhere = Checker(("/nonexistent/python",))
    assert nowhere.post("torch.arange(3)") == waited(nowhere)["id"]
    nowhere.close()


def test_asking_imports_no_torch() -> None:
    code = (
        "import sys, time\nfrom stridescope.program.checking import Checker, verdict_text\n"
        "checker = Checker((sys.executable, '-c', 'print(1)')); checker.post('torch.arange(3)')\n"
        "while checker.poll() is None: time.sleep(0.01)\n"
        "checker.close(); print(sorted({'torch', 'numpy', 'rich', 'textual'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_a_file_where_the_user_is_is_not_taken_for_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(5)")
    (tmp_path / "torch.py").write_text("raise SystemExit(5)")
    monkeypatch.chdir(tmp_path)
    checker = Checker()
    checker.post("torch.arange(3).view(1, 3)")
    assert waited(checker)["verdict"] == "agrees"
    checker.close()


# ------------------------------------------------------------------------------------------- in words


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"verdict": "agrees", "versions": {"torch": "2.13.0+cpu"}}, "torch 2.13.0 agrees"),
        ({"verdict": "agrees", "versions": {"torch": "2.1.0", "numpy": "2.4.6"}}, "torch 2.1.0 and numpy 2.4.6 agree"),
        (
            {
                "verdict": "differs",
                "versions": {"numpy": "2.4"},
                "step": 0,
                "field": "shape",
                "ours": [3],
                "theirs": [],
            },
            "numpy 2.4 differs at step 1: shape (), we say (3,)",
        ),
        (
            {"verdict": "differs", "versions": {}, "step": 1, "field": "refusal", "ours": None, "theirs": "TypeError"},
            "torch differs at step 2: refusal TypeError, we say none",
        ),
        (
            {"verdict": "unchecked", "versions": {}, "message": "torch is not installed"},
            "unchecked: torch is not installed",
        ),
        ({"verdict": "agrees", "versions": {"torch": "2.13.0"}, "refusal": "E: no"}, "torch 2.13.0 refuses it too"),
        (
            {"verdict": "agrees", "versions": {"torch": "2.13.0", "numpy": "2.1"}, "refusal": "E: no"},
            "torch 2.13.0 and numpy 2.1 refuse it too",
        ),
    ],
)
def test_an_answer_in_words(answer: dict[str, Any], text: str) -> None:
    assert verdict_text(answer) == text
