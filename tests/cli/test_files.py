"""Files of tensors on the command line and in Python: listed, picked, mapped and compared by their headers alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("numpy")

import numpy as np
import torch

import stridescope as ss
from stridescope.cli.app import COMMANDS

torch.set_num_threads(1)

Run = Callable[..., Any]


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch pwned",)


class Config:
    def __init__(self) -> None:
        self.lr = 0.25
        self.inner = torch.ones(2)


def safetensors(path: Path, tensors: dict[str, tuple[str, list[int], int]], metadata: dict[str, str]) -> None:
    """Bytes as the format's description has them: name -> (dtype, shape, bytes), all zero."""
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, (dtype, shape, nbytes) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + nbytes]}
        end += nbytes
    raw = json.dumps(header).encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(end))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Run) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(COMMANDS, "storages", ("stridescope.cli.storages", "Storages."))
    return cli


@pytest.fixture
def trained(run: Run) -> Run:
    weight = torch.nn.Parameter(torch.arange(12.0).view(3, 4))
    big = torch.zeros(1000, 1000)
    value = {
        "model": {"wte.weight": weight, "layers.0.bias": torch.tensor([0.5, 1.5, 2.5]), "head.weight": weight},
        "state": [{"exp_avg": torch.zeros(3, 4).t()}, {"exp_avg": big[:2]}],
        "epoch": 3,
        "config": Config(),
    }
    torch.save(value, "train.pt")
    return run


def rows(out: str) -> dict[str, list[str]]:
    """First word of each row of the table -> the others."""
    table = out.split(" name ", 1)[1].splitlines()[1:]
    return {line.split()[0]: line.split()[1:] for line in table if line.strip()}


# Listing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
def test_a_listing_says_of_each_tensor_what_torch_says_after_loading_it(run: Run, zipped: bool) -> None:
    x = torch.arange(24).view(2, 3, 4)
    saved = {"whole": x, "cut": x[:, 1:, ::2], "t": x.permute(2, 0, 1), "half": torch.ones(5, dtype=torch.float16)}
    torch.save(saved, "x.pt", _use_new_zipfile_serialization=zipped)
    loaded = torch.load("x.pt", weights_only=True)
    document = json.loads(run("show", "x.pt", "--json").out)
    assert [tensor["name"] for tensor in document["tensors"]] == list(loaded)
    for tensor in document["tensors"]:
        real = loaded[tensor["name"]]
        assert (tensor["shape"], tensor["stride"]) == (list(real.shape), list(real.stride()))
        assert (tensor["storage_offset"], tensor["dtype"]) == (real.storage_offset(), str(real.dtype)[6:])
    shown = rows(run("show", "x.pt", "--width", "120").out)
    assert shown["t"][:7] == ["192", "B", "int64", "(4,", "2,", "3)", "(1,"]
    assert shown["cut"][-2:] == ["4", "A"] and shown["half"][-1] == "0"


def test_a_listing_nests_as_what_was_saved_does(trained: Run) -> None:
    out = trained("show", "train.pt", "--width", "120").out
    lines = [line[1:].rstrip() for line in out.split(" name ", 1)[1].splitlines()[1:]]
    names = [line[: len(line) - len(line.lstrip())] + line.split()[0] for line in lines if line]
    assert names[:12] == [
        *("model", "  wte.weight", "  layers.0.bias", "  head.weight"),
        *("state", "  [0].exp_avg", "  [1].exp_avg", "epoch", "config", "  lr", "  inner", "One"),
    ]
    assert "test_files.Config" in out and "0.25" in out and "of 4 MB" in out


def test_tied_tensors_have_one_letter_and_others_have_none(trained: Run) -> None:
    shown = rows(trained("show", "train.pt", "--flat", "--width", "120").out)
    assert shown["model.wte.weight"][-1] == shown["model.head.weight"][-1] == "A"
    assert shown["model.layers.0.bias"][-1] == "0"


def test_the_names_that_a_pickle_would_call_are_a_warning_and_none_is_called(run: Run) -> None:
    for zipped in (True, False):
        torch.save({"w": torch.ones(3), "x": Evil()}, "evil.pt", _use_new_zipfile_serialization=zipped)
        done = run("show", "evil.pt")
        assert done.status == 0 and "WOULD CALL" in done.out and ".system" in done.out and "touch pwned" in done.out
        assert run("show", "evil.pt", "--fail-on", "calls").status == 1
        assert json.loads(run("show", "evil.pt", "--json").out)["calls"] == [f"{os.system.__module__}.system"]
    assert not Path("pwned").exists()


def test_a_plain_file_calls_nothing(run: Run) -> None:
    torch.save({"w": torch.ones(3)}, "x.pt")
    assert "WOULD CALL" not in run("show", "x.pt").out
    assert run("show", "x.pt", "--fail-on", "calls", "--fail-on", "broken").status == 0


def test_a_file_that_breaks_on_the_way_is_an_answer_that_says_where(run: Run) -> None:
    torch.save({f"w{n}": torch.ones(100) for n in range(4)}, "x.pt", _use_new_zipfile_serialization=False)
    raw = Path("x.pt").read_bytes()
    Path("x.pt").write_bytes(raw[:-600])
    done = run("show", "x.pt")
    assert done.status == 0 and f"byte {len(raw) - 600:,}" in done.out and "w3" in done.out
    assert run("show", "x.pt", "--fail-on", "broken").status == 1
    assert run("show", "x.pt::w0", "--fail-on", "broken").status == 1
    assert "broken" in json.loads(run("show", "x.pt", "--json").out)


def test_safetensors_npy_and_npz_are_listed_too(run: Run) -> None:
    safetensors(Path("x.bin"), {"a.w": ("BF16", [2, 3], 12), "b": ("I64", [], 8)}, {"format": "pt"})
    done = run("show", "x.bin")
    assert "safetensors" in done.out and "format: 'pt'" in done.out
    assert rows(done.out)["a.w"][:4] == ["12", "B", "bfloat16", "(2,"]
    np.save("f.npy", np.asfortranarray(np.zeros((2, 3))))
    np.savez("z.npz", a=np.zeros(3), b=np.zeros((2, 2), "i2"))
    assert json.loads(run("show", "f.npy", "--json").out)["tensors"][0]["stride"] == [1, 2]
    assert list(rows(run("show", "z.npz").out)) == ["a", "b"]


def test_a_filter_keeps_names_dtypes_and_shapes_in_the_listing_and_in_json(trained: Run) -> None:
    done = trained("show", "train.pt", "--filter", "WEIGHT")
    assert "2 of 6 tensors" in done.out and "bias" not in done.out and "epoch" not in done.out
    document = json.loads(trained("show", "train.pt", "--filter", "exp_avg (4,3)", "--json").out)
    assert [tensor["name"] for tensor in document["tensors"]] == ["state[0].exp_avg"]
    assert [storage["tensors"] for storage in document["storages"]] == [["state[0].exp_avg"]]
    assert "no tensor has all these words" in trained("show", "train.pt", "--filter", "nothing").out


def test_a_depth_leaves_out_what_lies_deeper_and_counts_it(trained: Run) -> None:
    shown = rows(trained("show", "train.pt", "--depth", "1", "--width", "100").out)
    assert list(shown) == ["model", "state", "epoch", "config"]
    assert shown["model"] == ["108", "B", "3", "tensors"]


def test_the_document_has_the_fields_of_the_schema_and_is_the_only_output(trained: Run) -> None:
    done = trained("show", "train.pt", "--json")
    document = json.loads(done.out)
    assert done.err == ""
    assert (document["schema"], document["kind"], document["format"]) == ("stridescope/1", "checkpoint", "torch zip")
    assert {"id", "nbytes", "used_nbytes", "unused_nbytes", "tensors"} <= set(document["storages"][0])
    assert document == ss.open("train.pt").to_dict()


# One tensor --------------------------------------------------------------------------------------


def test_a_name_or_the_end_of_one_name_picks_a_tensor(trained: Run) -> None:
    whole, end = trained("show", "train.pt::model.layers.0.bias"), trained("show", "train.pt::bias")
    assert whole.status == 0 and whole.out == end.out and "train.pt::model.layers.0.bias" in end.out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("weight", "2 names in 'train.pt' end in 'weight': model.wte.weight, model.head.weight"),
        ("wte.wieght", "near it: model.wte.weight"),
        ("zzz", "'train.pt' has no tensor 'zzz'"),
    ],
)
def test_a_name_that_is_none_is_one_sentence_with_names_that_are(trained: Run, name: str, said: str) -> None:
    done = trained("show", f"train.pt::{name}")
    assert done.status == 2 and done.out == "" and said in done.err and done.err.count("\n") == 1


def test_values_of_one_tensor_are_those_that_torch_saved(run: Run) -> None:
    x = torch.arange(24).view(4, 6)[1:, ::2]
    torch.save({"x": x}, "x.pt")
    values = json.loads(run("show", "x.pt::x", "--json", "--values", "--index", "2,1").out)
    assert values["values"]["in_index_order"] == x.flatten().tolist()
    assert values["address"]["address"] == x.storage_offset() + 2 * x.stride(0) + x.stride(1)


def test_ops_go_on_from_a_tensor_and_views_know_its_values(run: Run) -> None:
    x = torch.arange(24).view(4, 6)
    torch.save({"x": x}, "x.pt")
    document = json.loads(run("show", "x.pt::x", "--then", "t()[1:, ::3]", "--values", "--json").out)
    real = x.t()[1:, ::3]
    final = document["steps"][-1]["tensor"]
    assert (final["shape"], final["stride"]) == (list(real.shape), list(real.stride()))
    assert document["values"]["in_index_order"] == real.flatten().tolist()
    written = json.loads(run("show", "x.pt::x", "--then", "t().add_(1)", "--values", "--json").out)
    assert written["values"] is None or x.t().flatten().tolist() != written["values"]["in_index_order"]


def test_a_refusal_after_a_tensor_of_a_file_has_status_1(run: Run) -> None:
    torch.save({"x": torch.ones(3, 4).t()}, "x.pt")
    assert run("show", "x.pt::x", "--then", "view(12)").status == 1


# What cannot be ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train.pt", "--values"), "is about one tensor"),
        (("train.pt", "--index", "0"), "is about one tensor"),
        (("train.pt", "--then", "t()"), "is about one tensor"),
        (("train.pt::bias", "--flat"), "is one tensor"),
        (("train.pt", "--torch"), "a file is read by its headers"),
        (("train.pt::bias", "--then", "t()", "--device", "cpu"), "a file is read by its headers"),
        (("(3,4):(4,1)", "--all"), "about a file of tensors"),
        (("nope.safetensors",), "there is no file 'nope.safetensors'"),
        (("empty.pt",), "is empty"),
        (("text.pt",), "of no format that is known here"),
        (("train.pt::bias::x",), "has no tensor 'bias::x'"),
        (("nets.py",), "is a Python file"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence_and_status_2(trained: Run, arguments: Any, said: str) -> None:
    Path("empty.pt").touch()
    Path("nets.py").touch()
    Path("text.pt").write_text("not a checkpoint")
    done = trained("show", *arguments)
    assert done.status == 2 and done.out == "" and said in done.err and done.err.count("\n") == 1


# Storages ----------------------------------------------------------------------------------------


def test_storages_say_what_a_clone_and_a_rewrite_would_drop(trained: Run) -> None:
    done = trained("storages", "train.pt", "--width", "100")
    assert done.status == 0
    assert "state[1].exp_avg uses 8,000 of 4,000,000 B; saving clone() would drop 3.99 MB" in done.out
    assert "one tensor: model.wte.weight and model.head.weight" in done.out
    document = json.loads(trained("storages", "train.pt", "--json").out)
    assert document["rewrite_saves_nbytes"] == 4_000_000 - 8_000
    loaded = torch.load("train.pt", weights_only=False)
    loaded["state"][1]["exp_avg"] = loaded["state"][1]["exp_avg"].clone()
    torch.save(loaded, "rewritten.pt")
    sizes = Path("train.pt").stat().st_size - Path("rewritten.pt").stat().st_size
    assert abs(sizes - document["rewrite_saves_nbytes"]) < 4096


def test_weights_that_tile_one_storage_are_neither_waste_nor_overlap(run: Run) -> None:
    flat = torch.zeros(120)
    torch.save({f"l.w{place}": flat[10 * place : 10 * place + 10] for place in range(12)}, "lstm.pt")
    document = json.loads(run("storages", "lstm.pt", "--json").out)
    assert document["rewrite_saves_nbytes"] == 0 and document["wastes"] == []
    assert [group["kind"] for group in document["shared"]] == ["tiles"]


def test_views_that_share_bytes_are_told_as_overlapping(run: Run) -> None:
    x = torch.zeros(10)
    torch.save({"a": x[:6], "b": x[4:]}, "x.pt")
    assert [group["kind"] for group in json.loads(run("storages", "x.pt", "--json").out)["shared"]] == ["overlap"]


def test_bytes_by_dtype_prefix_and_device_add_up_to_all_bytes(trained: Run) -> None:
    document = json.loads(trained("storages", "train.pt", "--json").out)
    for word in ("dtype", "prefix", "device"):
        assert sum(document[f"nbytes_by_{word}"].values()) == document["totals"]["nbytes"]
    assert document["nbytes_by_prefix"]["model"] == 48 + 12


def test_storages_of_one_tensor_are_those_it_lies_in(trained: Run) -> None:
    document = json.loads(trained("storages", "train.pt::wte.weight", "--json").out)
    assert [[tensor["name"] for tensor in one["tensors"]] for one in document["storages"]] == [
        ["model.wte.weight", "model.head.weight"]
    ]


# Differences -------------------------------------------------------------------------------------


def test_a_diff_of_files_has_what_was_added_removed_and_changed(run: Run) -> None:
    x = torch.arange(60.0)
    torch.save({"a": x[:30].view(5, 6), "b": x[30:], "gone": torch.ones(3), "same": torch.zeros(2)}, "a.pt")
    torch.save({"a": x[:30].clone().view(6, 5), "b": x[30:].double(), "new": x[:3], "same": torch.ones(2)}, "b.pt")
    done = run("diff", "a.pt", "b.pt", "--width", "100")
    assert done.status == 0 and "1 only in a, 1 only in b, 2 changed, 1 lie alike" in done.out
    document = json.loads(run("diff", "a.pt", "b.pt", "--json").out)
    assert [info["name"] for info in document["added"]] == ["new"]
    assert [info["name"] for info in document["removed"]] == ["gone"]
    fields = {one["name"]: {field["field"] for field in one["fields"]} for one in document["changed"]}
    assert fields == {"a": {"shape", "stride", "sharing"}, "b": {"storage_offset", "dtype", "sharing"}}
    assert [run("diff", "a.pt", "b.pt", "--fail-on", kind).status for kind in ("fields", "addresses", "tensors")] == [
        *(1, 1, 1)
    ]
    assert [run("diff", "a.pt", "a.pt", "--fail-on", kind).status for kind in ("fields", "addresses", "tensors")] == [
        *(0, 0, 0)
    ]


def test_a_stride_of_a_size_1_dim_differs_harmlessly(run: Run) -> None:
    torch.save({"x": torch.ones(1, 3).as_strided((1, 3), (3, 1))}, "a.pt")
    torch.save({"x": torch.ones(1, 3).as_strided((1, 3), (1, 1))}, "b.pt")
    assert "harmless" in run("diff", "a.pt", "b.pt").out
    assert run("diff", "a.pt", "b.pt", "--fail-on", "fields").status == 0


def test_tensors_of_two_files_never_lie_in_one_storage(run: Run) -> None:
    torch.save({"x": torch.ones(4)}, "a.pt")
    torch.save({"x": torch.ones(4)}, "b.pt")
    assert json.loads(run("diff", "a.pt::x", "b.pt::x", "--json").out)["same_storage"] is False
    assert json.loads(run("diff", "a.pt::x", "a.pt::x", "--json").out)["same_storage"] is True


def test_a_file_and_a_tensor_cannot_be_compared(run: Run) -> None:
    torch.save({"x": torch.ones(4)}, "a.pt")
    done = run("diff", "a.pt", "a.pt::x")
    assert done.status == 2 and "FILE::NAME" in done.err


# In Python ---------------------------------------------------------------------------------------


def test_open_gives_a_mapping_and_show_takes_a_path_a_name_in_it_and_the_checkpoint(trained: Run) -> None:
    checkpoint = ss.open("train.pt")
    assert checkpoint["model.wte.weight"].shape == (3, 4) and len(checkpoint) == 6
    listed, same, one = StringIO(), StringIO(), StringIO()
    ss.show("train.pt", file=listed)
    ss.show(checkpoint, file=same)
    ss.show("train.pt::bias", values=True, file=one)
    assert "wte.weight" in listed.getvalue() and listed.getvalue() == same.getvalue()
    assert "2.5" in one.getvalue()


def test_show_says_which_file_is_missing_and_still_runs_programs(run: Run) -> None:
    with pytest.raises(ss.StridescopeError, match=r"nope\.pt"):
        ss.show("nope.pt")
    out = StringIO()
    ss.show("torch.arange(3)", file=out)
    assert "arange" in out.getvalue()
