"""Every demo runs, asserts what it teaches against torch, and shows its subject."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DEMOS = sorted((Path(__file__).parent.parent / "demos").glob("*.py"))


def test_there_is_a_demo_for_each_subject() -> None:
    assert [demo.stem for demo in DEMOS] == [
        "creating_and_converting",
        "dynamic_network",
        "index_and_slice",
        "joining_and_swapping",
        "metrics",
        "modules",
        "storage_offset_stride",
        "training",
        "view",
    ]


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.stem)
def test_the_demo_runs_and_draws(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    runpy.run_path(str(demo), run_name="__main__")
    shown = capsys.readouterr().out
    assert "stride" in shown
    assert "\x1b" not in shown, "a captured stream gets plain text"
