"""safetensors, npy, npz, gguf, shard indexes, directories and distributed checkpoints, each against who wrote it."""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoint_zoo import DTYPES, of_dtype

from stridescope.errors import StridescopeError, TargetError
from stridescope.readers import inspect, read_values
from stridescope.readers.files import open_checkpoint

WORDS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "C64": "complex64", "F8_E8M0": "float8_e8m0fnu",
}  # fmt: skip


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], metadata: dict[str, str] | None = None) -> bytes:
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    data = b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def raw_of(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.contiguous().untyped_storage())


# safetensors --------------------------------------------------------------------------------------


def test_safetensors_of_every_dtype_are_read_as_torch_holds_them(tmp_path: Path) -> None:
    tensors = {word: of_dtype(name) for word, name in WORDS.items() if name in DTYPES}
    path = tmp_path / "x.bin"
    path.write_bytes(safetensors({n: (n, [2, 3], raw_of(t)) for n, t in tensors.items()}, {"format": "pt"}))
    checkpoint = open_checkpoint(path)
    assert (checkpoint.format, checkpoint.metadata, checkpoint.notes) == ("safetensors", {"format": "pt"}, ())
    assert len(checkpoint) > 14
    for word, tensor in tensors.items():
        info = checkpoint[word]
        assert (info.dtype, info.shape, info.stride, info.itemsize) == (WORDS[word], (2, 3), (3, 1), tensor.itemsize)
        assert info.storage is not None and info.storage.nbytes == 6 * tensor.itemsize
        assert repr(checkpoint.read(word)([5, 0, 6])) == repr(read_values(tensor, [5, 0, 6]))
        assert info.requires_grad is None and dict(info.why)["requires_grad"]


def test_a_safetensors_file_with_a_gap_or_an_overlap_says_so(tmp_path: Path) -> None:
    for second, words in (([8, 12], "nothing lies"), ([2, 6], "two tensors lie")):
        header = {
            "a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": second},
        }
        text = json.dumps(header).encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text + bytes(second[1]))
        checkpoint = open_checkpoint(tmp_path / "x")
        assert list(checkpoint) == ["a", "b"]
        assert words in checkpoint.notes[0]


def test_a_name_listed_twice_in_a_safetensors_header_is_noted(tmp_path: Path) -> None:
    one = '"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'
    text = f"{{{one},{one}}}".encode()
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    assert "listed twice" in " ".join(open_checkpoint(tmp_path / "x").notes)


def test_a_safetensors_entry_that_does_not_fit_its_bytes_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(safetensors({"a": ("F32", [2], bytes(8)), "b": ("F32", [3], bytes(8))}))
    checkpoint = open_checkpoint(tmp_path / "x")
    assert list(checkpoint) == ["a"]
    assert "'b'" in checkpoint.notes[0]


def test_a_safetensors_file_cut_short_lists_all_and_says_what_is_missing(tmp_path: Path) -> None:
    raw = safetensors({"a": ("F32", [2], struct.pack("<2f", 1, 2)), "b": ("F32", [100], bytes(400))})
    (tmp_path / "x").write_bytes(raw[:-300])
    checkpoint = open_checkpoint(tmp_path / "x")
    assert list(checkpoint) == ["a", "b"]
    assert checkpoint.broken == "the file ends early: 300 bytes of 1 tensors are missing"
    assert checkpoint.read("a")([0, 1]) == [1.0, 2.0]
    assert checkpoint.read("b")([0, 24, 25]) == [0.0, 0.0, None]


# numpy --------------------------------------------------------------------------------------------

ARRAYS: dict[str, Any] = {
    "c": np.arange(12.0).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(24).reshape(2, 3, 4)),
    "big": np.arange(5, dtype=">i4"),
    "bool": np.array([True, False]),
    "complex": np.arange(3, dtype="c16"),
    "half": np.arange(3, dtype="f2"),
    "scalar": np.float32(3),
    "empty": np.zeros((3, 0, 2)),
    "ones": np.zeros((1, 3, 1)),
    "text": np.array(["ab", "cde"]),
    "bytes": np.array([b"ab", b"c"]),
    "time": np.array(["2020-01-01"], dtype="M8[s]"),
    "void": np.zeros(3, dtype="V5"),
    "record": np.zeros(2, dtype=[("a", "<f4"), ("b", "<i2", (3,))]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_an_npy_file_says_what_numpy_load_gives(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ARRAYS[name])
    theirs = inspect(np.load(tmp_path / "x.npy"))
    checkpoint = open_checkpoint(tmp_path / "x.npy")
    ours = checkpoint["array"]
    assert checkpoint.format == "npy"
    for field in ("type", "shape", "stride", "storage_offset", "dtype", "itemsize", "device", "requires_grad"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert ours.storage is not None and theirs.storage is not None
    assert ours.storage.nbytes == theirs.storage.nbytes
    if name not in ("record", "time", "text", "bytes", "void"):
        addresses = [0, 1, 2]
        assert checkpoint.read("array")(addresses) == read_values(np.load(tmp_path / "x.npy"), addresses)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_says_what_numpy_load_gives(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "x.npz", **ARRAYS)
    checkpoint = open_checkpoint(tmp_path / "x.npz")
    assert (checkpoint.format, list(checkpoint)) == ("npz", list(ARRAYS))
    with np.load(tmp_path / "x.npz") as theirs:
        for name in ("c", "fortran", "big", "complex", "half"):
            live = theirs[name]
            assert checkpoint[name].stride == inspect(live).stride
            assert checkpoint.read(name)([0, 2, 1, 99]) == [*read_values(live, [0, 2, 1]), None]
    for stored in checkpoint.storages:
        assert stored.unused_nbytes == 0, stored


def test_values_far_inside_a_compressed_array_are_found(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 1000, 400_000)
    np.savez_compressed(tmp_path / "x.npz", x=x)
    addresses = [0, 399_999, 123_456, 123_457, 5]
    assert open_checkpoint(tmp_path / "x.npz").read("x")(addresses) == x[addresses].tolist()


def test_an_array_of_objects_is_described_and_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    checkpoint = open_checkpoint(tmp_path / "x.npy")
    assert (checkpoint["array"].dtype, checkpoint["array"].shape) == ("object", (2,))
    assert checkpoint.read("array")([0]) == [None]


# gguf ---------------------------------------------------------------------------------------------


def gguf(tensors: dict[str, tuple[tuple[int, ...], int, bytes]], keys: bytes = b"", count: int = 0) -> bytes:
    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word)) + word.encode()

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), count) + keys
    data = b""
    for name, (shape, kind, raw) in tensors.items():
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], kind, len(data))
        data += raw + bytes(-len(raw) % 32)
    return head + bytes(-len(head) % 32) + data


def test_gguf_tensors_have_torch_s_order_of_dims_and_blocks_have_no_strides(tmp_path: Path) -> None:
    key = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 5, 100) + struct.pack("<100i", *range(100))
    raw = struct.pack("<6f", *range(6))
    (tmp_path / "x").write_bytes(gguf({"w": ((2, 3), 0, raw), "q": ((4, 64), 2, bytes(8 * 18))}, key, 1))
    checkpoint = open_checkpoint(tmp_path / "x")
    w, q = checkpoint["w"], checkpoint["q"]
    assert (checkpoint.format, w.shape, w.stride, w.dtype) == ("gguf", (2, 3), (3, 1), "float32")
    assert (w.device, w.requires_grad, {"device", "requires_grad"} <= dict(w.why).keys()) == (None, None, True)
    assert checkpoint.read("w")([0, 5]) == [0.0, 5.0]
    assert (q.shape, q.stride, q.itemsize, q.dtype) == ((4, 64), None, None, "Q4_0")
    assert q.storage is not None and q.storage.nbytes == 8 * 18
    assert "32 elements into 18 bytes" in dict(q.why)["itemsize"]
    assert checkpoint.metadata["k"][:2] == [0, 1] and checkpoint.metadata["k"][-1] == "and 36 more"
    assert [stored.used_nbytes for stored in checkpoint.storages] == [24, 144]


def test_a_gguf_file_says_what_the_gguf_package_wrote(tmp_path: Path) -> None:
    gguf_package = pytest.importorskip("gguf")
    writer = gguf_package.GGUFWriter(tmp_path / "x", "llama")
    writer.add_array("l", [1, 2, 3])
    writer.add_tensor("a", np.arange(12, dtype=np.float32).reshape(3, 4))
    writer.add_tensor("h", np.arange(5, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    checkpoint = open_checkpoint(tmp_path / "x")
    theirs = {tensor.name: tensor for tensor in gguf_package.GGUFReader(tmp_path / "x").tensors}
    assert set(checkpoint) == set(theirs) == {"a", "h"}
    for stored in checkpoint.storages:
        tensor = theirs[stored.id]
        assert (stored.nbytes, stored.offset_in_file) == (tensor.n_bytes, tensor.data_offset)
        assert checkpoint[stored.id].shape == tuple(int(size) for size in tensor.shape[::-1])
        assert checkpoint.read(stored.id)([4]) == [4.0]
    assert checkpoint.metadata["l"] == [1, 2, 3]


def test_the_table_of_gguf_types_is_that_of_the_gguf_package() -> None:
    constants = pytest.importorskip("gguf.constants")
    from stridescope.readers.files.gguf import BLOCKS, PLAIN
    from stridescope.readers.files.vocabulary import ITEMSIZES

    for kind, (block, nbytes) in constants.GGML_QUANT_SIZES.items():
        if int(kind) in PLAIN:
            assert (block, nbytes) == (1, ITEMSIZES[PLAIN[int(kind)]]), kind
        elif int(kind) in BLOCKS:
            assert (kind.name, block, nbytes) == BLOCKS[int(kind)], kind


# Several files --------------------------------------------------------------------------------------


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    torch.save({"a": torch.arange(6).view(2, 3).t(), "b": torch.ones(2)}, tmp_path / "one.bin")
    (tmp_path / "two.safetensors").write_bytes(safetensors({"c": ("F32", [2], bytes(8))}))
    index = {"metadata": {"total_size": 64}, "weight_map": {"a": "one.bin", "b": "one.bin", "c": "two.safetensors"}}
    (tmp_path / "model.index.json").write_text(json.dumps(index))
    return tmp_path


def test_a_shard_index_gives_the_tensors_of_its_files(sharded: Path) -> None:
    for path in (sharded / "model.index.json", sharded):
        checkpoint = open_checkpoint(path)
        assert (checkpoint.format, list(checkpoint), checkpoint.broken) == ("sharded", ["a", "b", "c"], None)
        assert checkpoint["a"].stride == (1, 3)
        assert checkpoint.read("a")([1, 5]) == [1, 5]
        assert {stored.tensors: stored.file for stored in checkpoint.storages} == {
            ("a",): "one.bin", ("b",): "one.bin", ("c",): "two.safetensors"
        }  # fmt: skip
        assert {info.storage.id for info in checkpoint.values() if info.storage} == {s.id for s in checkpoint.storages}


def test_a_missing_shard_is_said_and_the_others_are_read(sharded: Path) -> None:
    (sharded / "one.bin").unlink()
    checkpoint = open_checkpoint(sharded / "model.index.json")
    assert list(checkpoint) == ["c"]
    assert checkpoint.broken == "1 of 2 files cannot be read, 'one.bin' first"


def test_a_tensor_that_is_not_in_its_shard_is_said(sharded: Path) -> None:
    index = {"weight_map": {"a": "two.safetensors", "c": "two.safetensors"}}
    (sharded / "model.index.json").write_text(json.dumps(index))
    checkpoint = open_checkpoint(sharded / "model.index.json")
    assert list(checkpoint) == ["c"] and "'a'" in checkpoint.notes[0]


def test_a_directory_gives_every_checkpoint_in_it_under_its_file(sharded: Path) -> None:
    (sharded / "model.index.json").unlink()
    (sharded / "README.md").write_text("# nothing to see")
    np.save(sharded / "x.npy", np.arange(3))
    checkpoint = open_checkpoint(sharded)
    assert checkpoint.format == "directory"
    assert list(checkpoint) == ["one.bin::a", "one.bin::b", "two.safetensors::c", "x.npy::array"]
    assert checkpoint.read("x.npy::array")([2]) == [2]


@pytest.mark.filterwarnings("ignore")
def test_a_distributed_checkpoint_gives_the_tensors_that_were_saved(tmp_path: Path) -> None:
    import torch.distributed.checkpoint as dcp

    state = {"m": {"w": torch.arange(12.0).view(3, 4), "b": torch.ones(3, dtype=torch.bfloat16)}, "step": 3}
    dcp.save(state, checkpoint_id=tmp_path / "x", no_dist=True)
    checkpoint = open_checkpoint(tmp_path / "x")
    assert (checkpoint.format, checkpoint.broken, checkpoint.calls) == ("distributed checkpoint", None, ())
    assert {name: (i.shape, i.stride, i.dtype) for name, i in checkpoint.items()} == {
        "m.w": ((3, 4), (4, 1), "float32"),
        "m.b": ((3,), (1,), "bfloat16"),
    }
    assert checkpoint.read("m.w")([0, 11, 12]) == [0.0, 11.0, None]
    assert {stored.tensors: stored.used_nbytes for stored in checkpoint.storages} == {("m.w",): 48, ("m.b",): 6}


@pytest.mark.filterwarnings("ignore")
def test_a_tensor_saved_in_pieces_has_them_as_parts(tmp_path: Path) -> None:
    import torch.distributed as dist
    import torch.distributed.checkpoint as dcp
    from torch.distributed._shard.metadata import ShardMetadata
    from torch.distributed._shard.sharded_tensor import Shard, ShardedTensor

    dist.init_process_group("gloo", rank=0, world_size=1, init_method=f"file://{tmp_path / 'store'}")
    try:
        shards = [
            Shard(torch.full((2, 3), float(n)), ShardMetadata([2 * n, 0], [2, 3], "rank:0/cpu")) for n in range(2)
        ]
        tensor = ShardedTensor._init_from_local_shards(shards, 4, 3)
        dcp.save({"s": tensor}, checkpoint_id=tmp_path / "x")
    finally:
        dist.destroy_process_group()
    checkpoint = open_checkpoint(tmp_path / "x")
    info = checkpoint["s"]
    assert (info.shape, info.stride, [name for name, _ in info.parts]) == ((4, 3), None, ["[0:2, 0:3]", "[2:4, 0:3]"])
    assert checkpoint.read("s.[2:4, 0:3]")([0]) == [1.0]
    assert [part.shape for _, part in info.parts] == [(2, 3), (2, 3)]


# What is no checkpoint ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is empty"),
        (b"hello, this is some text\n" * 50, "no format that is known"),
        (b'{"a": 1}', "no weight_map"),
        (b"PK\x05\x06" + bytes(18), "zip archive without tensors"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "no format that is known"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_one_sentence(raw: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(raw)
    with pytest.raises(StridescopeError, match=words) as raised:
        open_checkpoint(tmp_path / "x.pt")
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe in the file system")
def test_a_pipe_or_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing", "nul\0"):
        with pytest.raises(TargetError, match="cannot read"):
            open_checkpoint(tmp_path / name)
    with pytest.raises(StridescopeError, match="no checkpoint in it"):
        open_checkpoint(tmp_path)


def test_a_file_that_changed_after_it_was_opened_is_not_read_by_its_old_index(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"x": torch.arange(5)}, path)
    checkpoint = open_checkpoint(path)
    torch.save({"x": torch.arange(50)}, path)
    with pytest.raises(TargetError, match="has changed"):
        checkpoint.read("x")([0])


def test_opening_imports_neither_torch_nor_numpy_nor_anything_that_draws(sharded: Path) -> None:
    import subprocess

    code = (
        "import sys\nfrom stridescope.readers.files import open_checkpoint\n"
        f"c = open_checkpoint({str(sharded)!r})\nc.storages, list(c.values()), c.tree, c.to_dict()\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} & "
        "{'torch', 'numpy', 'rich', 'textual', 'click', 'zipfile', 'tarfile', 'pickle'}))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
