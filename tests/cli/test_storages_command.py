"""`stridescope storages TARGET`: storages, who shares them, and the bytes that no tensor reaches."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]


@pytest.fixture(autouse=True)
def in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules["stridescope.cli.app"].COMMANDS, "storages", ("stridescope.cli.storages", ""))


def test_a_program_s_names_share_storages(cli: Cli) -> None:
    done = cli("storages", "x = torch.arange(12); a = x[2:5]; y = torch.zeros(3)")
    assert done.status == 0
    for words in ("3 tensors in 2 storages", "(3):(1)+2 int64", "bytes [16, 40)"):
        assert words in done.out


def test_a_chain_tells_what_its_slice_leaves(cli: Cli) -> None:
    done = cli("storages", "torch.arange(1000)[10:20]", "--json")
    document = json.loads(done.out)
    assert document["kind"] == "storages"
    assert document["totals"]["unused_nbytes"] == 8000 - 80
    assert document["storages"][0]["freed_by_clone"] == 8000 - 80


@pytest.mark.parametrize(("limit", "status"), [("unused", 1), ("unused:7919", 1), ("unused:7920", 0)])
def test_fail_on_finds_unused_bytes(cli: Cli, limit: str, status: int) -> None:
    assert cli("storages", "torch.arange(1000)[10:20]", "--fail-on", limit).status == status


def test_a_live_object_is_read(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "held.py").write_text(
        "import torch\nbase = torch.zeros(1000)\ntensors = {'small': base[:10]}\ndef make():\n    return base[5:]\n"
    )
    done = cli("storages", f"{tmp_path / 'held.py'}:tensors")
    assert "small" in done.out and "would free 3,960 B" in done.out
    assert cli("storages", f"{tmp_path / 'held.py'}:make").status == 0


@pytest.mark.parametrize("target", ["(3,4):(4,1)", "torch.arange(", "no_such_file.pt"])
def test_what_has_no_storage_gets_a_sentence(cli: Cli, target: str) -> None:
    done = cli("storages", target)
    assert done.status == 2
    assert done.err.startswith("stridescope: ") and done.out == ""
