"""A file that ends early or is damaged gives what could be read, and says where it broke."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoint_zoo import ZOO

from benchmarks.fuzz_files import FORMATS, Mutator, sentence_of, specimens
from stridescope.errors import StridescopeError
from stridescope.readers.files import open_checkpoint


def test_a_zip_cut_short_lists_all_tensors_and_reads_the_bytes_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    value = {"a": torch.arange(1000.0), "b": torch.arange(1000, 2000), "c": torch.ones(1000)}
    torch.save(value, path)
    whole = {name: info.stride for name, info in open_checkpoint(path).items()}
    (b,) = (stored for stored in open_checkpoint(path).storages if stored.tensors == ("b",))
    assert b.offset_in_file is not None
    path.write_bytes(path.read_bytes()[: b.offset_in_file + 80])
    checkpoint = open_checkpoint(path)
    assert {name: info.stride for name, info in checkpoint.items()} == whole
    assert (
        checkpoint.broken
        == f"the archive's directory is missing: the file ends early, at byte {b.offset_in_file + 80:,}"
    )
    assert checkpoint.notes == ("the bytes of 2 of 3 storages are missing",)
    assert checkpoint.read("a")([999]) == [999.0]
    assert checkpoint.read("b")([0, 9, 10]) == [1000, 1009, None]
    assert checkpoint.read("c")([0]) == [None]


@pytest.mark.parametrize("format", ["zip", "legacy"])
def test_a_file_cut_inside_its_pickle_lists_the_tensors_before_the_cut(format: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({f"t{n}": torch.ones(n + 1) for n in range(50)}, path, _use_new_zipfile_serialization=format == "zip")
    raw = path.read_bytes()
    seen = []
    for name in ("t10", "t40"):
        path.write_bytes(raw[: raw.index(name.encode())])
        checkpoint = open_checkpoint(path)
        assert checkpoint.broken is not None and "ends early" in checkpoint.broken
        assert all(info.shape == (int(key[1:]) + 1,) for key, info in checkpoint.items())
        seen.append(len(checkpoint))
    assert seen == [10, 40]


def test_a_legacy_file_cut_inside_its_storages_says_how_many_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save([torch.ones(10), torch.ones(10), torch.ones(10)], path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-60])
    checkpoint = open_checkpoint(path)
    assert len(checkpoint) == 3
    assert checkpoint.broken is not None and checkpoint.broken.endswith("the bytes of 2 of 3 storages are missing")
    assert sorted(str(checkpoint.read(name)([9])) for name in checkpoint) == ["[1.0]", "[None]", "[None]"]


def test_a_tensor_that_reaches_past_its_storage_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"x": torch.ones(3, 5)}, path)
    raw = path.read_bytes()
    assert raw.count(b"K\x03K\x05\x86") == 1
    path.write_bytes(raw.replace(b"K\x03K\x05\x86", b"K\x09K\x05\x86"))
    checkpoint = open_checkpoint(path)
    assert checkpoint["x"].notes == ("the layout reaches byte 180 of a storage of 60 B: the file is damaged",)
    assert checkpoint.read("x")([14, 15]) == [1.0, None]
    assert checkpoint.storages[0].used_nbytes == 60


def test_a_storage_of_another_size_than_the_pickle_says_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"x": torch.ones(77)}, path)
    path.write_bytes(path.read_bytes().replace(b"K\x4dtq", b"K\x4etq"))
    assert open_checkpoint(path).notes == ("the storage '0' is 308 bytes in the archive, and 312 by the pickle",)


def test_arguments_that_no_rebuild_function_takes_become_a_placeholder_and_a_note(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"x": torch.ones(77), "y": torch.ones(2)}, path)
    path.write_bytes(path.read_bytes().replace(b"K\x4d\x85", b"K\x4d2"))
    checkpoint = open_checkpoint(path)
    assert checkpoint.notes or checkpoint.broken


def test_a_pickle_without_torch_s_magic_number_is_read_as_what_it_is(tmp_path: Path) -> None:
    import pickle

    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": [1, 2], "b": "text"}))
    checkpoint = open_checkpoint(tmp_path / "x.pkl")
    assert (len(checkpoint), checkpoint.tree) == (0, {"a": [1, 2], "b": "text"})
    assert checkpoint.notes == ("a pickle that torch.save did not write",)


@pytest.mark.parametrize("format", FORMATS)
def test_damage_of_any_kind_ends_in_an_answer_or_in_one_sentence(format: str, tmp_path: Path) -> None:
    mutate = Mutator(specimens()[format], seed=3)
    answers = {"read": 0, "refused": 0}
    for _ in range(60):
        (tmp_path / "x").write_bytes(mutate())
        kind, said = sentence_of(tmp_path / "x")
        assert kind in answers, said
        answers[kind] += 1
    assert answers["read"] + answers["refused"] == 60


@pytest.mark.parametrize("kind", ["state_dicts", "containers"])
def test_every_cut_of_a_small_file_ends_in_an_answer_or_in_one_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save(ZOO[kind](), path)
    raw = path.read_bytes()
    tensors = len(open_checkpoint(path))
    counts = []
    for length in range(0, len(raw), max(len(raw) // 150, 1)):
        path.write_bytes(raw[:length])
        try:
            checkpoint = open_checkpoint(path)
        except StridescopeError as error:
            said = str(error)
            assert len(said.splitlines()) == 1
            continue
        assert checkpoint.broken is not None
        checkpoint.to_dict()
        counts.append(len(checkpoint))
    # More of the file never gives fewer tensors.
    assert counts == sorted(counts) and counts[-1] == tensors
