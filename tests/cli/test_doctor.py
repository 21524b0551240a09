"""`stridescope doctor` reports what is there and what is missing, and survives a broken torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from stridescope.cli import doctor as module


def test_the_report_names_every_check(cli: Callable[..., Any]) -> None:
    status, out, err = cli("doctor")
    assert (status, err) == (0, "")
    for name in ("stridescope", "python", "click", "rich", "torch", "numpy", "devices", "terminal", "colours"):
        assert name in out


def test_json_is_one_document(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_version", lambda name: None)
    answer = json.loads(cli("doctor", "--json").out)
    assert (answer["schema"], answer["kind"]) == ("stridescope/1", "doctor")
    found = {row["name"]: row for row in answer["findings"]}
    assert found["python"]["ok"]
    assert not found["torch"]["ok"]
    assert "pip install torch" in found["torch"]["detail"]
    assert "--torch" in found["torch"]["needed_for"]
    assert not found["devices"]["ok"]


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ("raise OSError('libcudart.so is missing')", "libcudart.so is missing"),
        ("import os; os.abort()", "status"),
        ("print('no JSON')", "status 0"),
    ],
)
def test_a_torch_that_does_not_start_is_reported_in_its_own_words(
    monkeypatch: pytest.MonkeyPatch, probe: str, said: str
) -> None:
    monkeypatch.setattr(module, "_version", lambda name: "0")
    monkeypatch.setattr(module, "_TORCH_PROBE", probe)
    finding = next(finding for finding in module.findings() if finding.name == "devices")
    assert not finding.ok
    assert said in finding.detail


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ('{"devices": ["cpu"], "cuda": None}', "cpu (a CPU build of torch)"),
        ('{"devices": ["cpu"], "cuda": "12.8"}', "cpu (CUDA 12.8, but no GPU is seen)"),
        ('{"devices": ["cpu", "cuda:0 Some GPU"], "cuda": "12.8"}', "cpu, cuda:0 Some GPU"),
    ],
)
def test_the_devices_say_what_kind_of_torch_it_is(monkeypatch: pytest.MonkeyPatch, answer: str, detail: str) -> None:
    monkeypatch.setattr(module, "_version", lambda name: "0")
    monkeypatch.setattr(module, "_TORCH_PROBE", f"import json; print('a warning'); print(json.dumps({answer}))")
    assert next(finding for finding in module.findings() if finding.name == "devices").detail == detail
