"""A checkpoint's listing fits any width, says all that is in the file, and costs no more than it shows."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from stridescope.readers.files import open_checkpoint
from stridescope.records import Checkpoint, Leaf, Placeholder
from stridescope.records.checkpoint_parts import narrowed
from stridescope.records.checkpoint_rows import checkpoint_rows, value_text
from stridescope.render.checkpoints import SHOWN_ROWS, CheckpointView
from stridescope.render.ink import Ink
from stridescope.render.lines import finish


def written(path: Path, names: list[str]) -> Checkpoint:
    """A file of tensors of 2 × 3 numbers under some names, opened."""
    header = {
        name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [24 * place, 24 * place + 24]}
        for place, name in enumerate(names)
    }
    raw = json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(24 * len(names)))
    return open_checkpoint(path)


def text_of(checkpoint: Checkpoint, width: int = 80, **options: Any) -> list[str]:
    """The lines of a listing without colours."""
    ink = Ink(ascii=options.get("ascii", False))
    lines = CheckpointView(checkpoint, **options).lines(ink, width)
    return ["".join(segment.text for segment in finish(line, width, ink.dots)) for line in lines]


class Told:
    """The contents of a checkpoint that has a value and no file."""

    def __init__(self, whole: Checkpoint, tree: Any) -> None:
        self.names = dict.fromkeys(whole)
        self.info = whole.part
        self.read = whole.read
        self.storages = lambda: whole.storages
        self.tree = lambda: tree


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_line_is_wider_than_the_output_and_ascii_is_ascii(tmp_path: Path, width: int, ascii_only: bool) -> None:
    names = [f"模型.layers.{n}.self_attention.query_projection.weight" for n in range(4)]
    whole = written(tmp_path / "x.safetensors", names)
    found = Checkpoint(
        whole.format, whole.path, whole.contents, ("os.system",), {"k": "v" * 99}, ("a note",), "it ends"
    )
    lines = text_of(found, width, ascii=ascii_only)
    assert max(map(cell_len, lines)) <= width
    # Names are the user's: what is drawn around them is ours.
    assert not ascii_only or "".join(lines).isascii()


def test_the_head_names_calls_metadata_notes_and_the_place_where_it_broke(tmp_path: Path) -> None:
    whole = written(tmp_path / "x.safetensors", ["w"])
    found = Checkpoint("torch zip", "x.pt", whole.contents, ("os.system",), {"version": "3", "k": 1}, ("odd",), "ends")
    out = "\n".join(text_of(found))
    for said in ("WOULD CALL os.system", "BROKEN     ends", "metadata   k: 1", "note       odd", "24 B in 1 storage"):
        assert said in out
    assert "version" not in out


def test_thousands_of_rows_are_elided_in_the_middle_with_a_line_that_says_how_to_see_all(tmp_path: Path) -> None:
    found = written(tmp_path / "x.safetensors", [f"w{n}" for n in range(3000)])
    lines = text_of(found)
    assert len(lines) < SHOWN_ROWS + 10
    assert any("more rows: --all lists them" in line for line in lines)
    assert any(line.split()[:1] == ["w0"] for line in lines) and lines[-1].split()[0] == "w2999"
    everything = text_of(found, everything=True)
    assert [line.split()[0] for line in everything if line.startswith(" w")] == [f"w{n}" for n in range(3000)]


def test_a_listing_of_20_000_tensors_takes_less_than_2_seconds_and_grows_in_proportion(tmp_path: Path) -> None:
    def seconds(number: int) -> float:
        found = written(tmp_path / f"{number}.safetensors", [f"l.{n // 100}.{n % 100}.w" for n in range(number)])
        start = time.process_time()
        text_of(found)
        return time.process_time() - start

    small, large = min(seconds(2000) for _ in range(3)), min(seconds(20_000) for _ in range(2))
    assert large < 2 and large < 40 * small + 0.1


def test_dotted_names_are_a_tree_with_sums_and_lone_children_stand_in_one_row(tmp_path: Path) -> None:
    found = checkpoint_rows(written(tmp_path / "x.safetensors", ["a.b.c.w", "a.b.c.v", "a.x.y.z", "top"]))
    assert [(row.level, row.label, row.tensors, row.nbytes) for row in found.rows] == [
        *((0, "a", 3, 72), (1, "b.c", 2, 48), (2, "w", 1, 24), (2, "v", 1, 24)),
        *((1, "x.y.z", 1, 24), (0, "top", 1, 24)),
    ]


def test_a_name_that_is_a_tensor_and_a_prefix_too_is_both(tmp_path: Path) -> None:
    found = checkpoint_rows(written(tmp_path / "x.safetensors", ["a", "a.b"]))
    assert [(row.level, row.label, row.name) for row in found.rows] == [(0, "a", "a"), (1, "b", "a.b")]


@pytest.mark.parametrize("names", [["", ".", "..x", "a.", "a"], ["a." * 5000 + "w", "a.w"], ["[0]", "(0)", "…"]])
def test_however_odd_its_name_is_each_tensor_has_one_row(tmp_path: Path, names: list[str]) -> None:
    found = written(tmp_path / "x.safetensors", names)
    assert sorted(row.name for row in checkpoint_rows(found).rows if row.name is not None) == sorted(found)


def test_keys_that_are_written_alike_hide_no_tensor(tmp_path: Path) -> None:
    whole = written(tmp_path / "x.safetensors", ["u", "v"])
    found = Checkpoint("torch zip", "x.pt", Told(whole, {0: Leaf("u"), "[0]": Leaf("v")}))
    assert {row.name for row in checkpoint_rows(found).rows} == {"u", "v"}


def test_containers_objects_and_plain_values_are_rows_and_long_ones_are_cut(tmp_path: Path) -> None:
    whole = written(tmp_path / "x.safetensors", ["w"])
    tree = {
        "net": Placeholder("my.Net", (), {"w": Leaf("w"), "training": True, "_hooks": {}}),
        "epoch": 3,
        "history": list(range(1_000_000)),
        "lr": {"base": 0.1, "betas": (0.9, 0.999)},
    }
    found = Checkpoint("torch zip", "x.pt", Told(whole, tree))
    told = {row.label: row.text for row in checkpoint_rows(found).rows}
    assert told["net"] == "my.Net" and told["epoch"] == "3" and "_hooks" not in told
    assert told["lr"] == "{'base': 0.1, 'betas': (0.9, 0.999)}"
    assert told["history"] == "list of 1,000,000" and told["…"] == "999,988 more" and len(told) < 25


def test_markup_and_control_characters_of_a_file_are_text(tmp_path: Path) -> None:
    found = written(tmp_path / "x.safetensors", ["[red]w[/red]", "bell\x07"])
    out = "\n".join(text_of(found))
    assert "[red]w[/red]" in out and "\x07" not in out


def test_the_nested_value_of_a_filtered_checkpoint_has_the_chosen_tensors_alone(tmp_path: Path) -> None:
    found = narrowed(written(tmp_path / "x.safetensors", ["a.w", "a.b", "c.w"]), ".w (2,3) float32")
    assert list(found) == ["a.w", "c.w"] and set(found.tree) == {"a.w", "c.w"}
    assert [storage.tensors for storage in found.storages] == [("a.w",), ("c.w",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        ((1,), "(1,)"),
        ([], "[]"),
        (Placeholder("a.B"), "a.B"),
        ({"k": [1, {"d": {"e": {}}}]}, "{'k': [1, {'d': {…}}]}"),
        ("y" * 100, f"'{'y' * 30}'…"),
    ],
)
def test_plain_values_are_written_as_python_writes_them_and_cut_where_they_go_on(value: Any, text: str) -> None:
    assert value_text(value) == text
