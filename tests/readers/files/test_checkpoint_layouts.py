"""For every kind of tensor that torch can save, the layouts read from the file are those of what torch.load gives."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_zoo import DTYPES, ZOO, facts, facts_of_live, of_dtype, tensors_of
from torch._subclasses.fake_tensor import FakeTensorMode

from stridescope.readers import read_values
from stridescope.readers.files import open_checkpoint

FORMATS = {"zip": True, "legacy": False}
FOR_TORCH = "ignore::UserWarning"
pytestmark = [pytest.mark.filterwarnings(FOR_TORCH), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def saved(value: Any, path: Path, *, zipped: bool = True, by: str = "path") -> Path:
    if by == "path":
        torch.save(value, path, _use_new_zipfile_serialization=zipped)
    else:
        buffer = io.BytesIO()
        torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
        path.write_bytes(buffer.getvalue())
    return path


def loaded(path: Path, kind: str = "") -> dict[str, torch.Tensor]:
    try:
        return dict(tensors_of(torch.load(path, weights_only=False)))
    except (AttributeError, RuntimeError):
        # torch writes newer dtypes, and nested tensors, in the old format too, and cannot read them back: then what was
        # saved is the oracle.
        assert kind in ("every_dtype", "two_dtypes_in_one_storage", "nested")
        return dict(tensors_of(ZOO[kind]()))


@pytest.mark.parametrize("by", ["path", "buffer"])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ZOO)
def test_a_file_says_what_torch_load_gives(kind: str, format: str, by: str, tmp_path: Path) -> None:
    path = saved(ZOO[kind](), tmp_path / "x.pt", zipped=FORMATS[format], by=by)
    checkpoint = open_checkpoint(path)
    theirs = loaded(path, kind)
    assert checkpoint.format == f"torch {format}"
    assert checkpoint.broken is None
    assert list(checkpoint) == list(theirs)
    for name, tensor in theirs.items():
        live, ours = facts_of_live(tensor), facts(checkpoint[name])
        note = f"reports stride ({', '.join(map(str, tensor.stride()))}) for itself" if kind == "wrapper" else ""
        if note:
            live["notes"].add(note)
        assert {key: ours[key] for key in live if key in ours} == {key: live[key] for key in live if key in ours}, name


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["views", "tied", "two_dtypes_in_one_storage", "state_dicts", "containers"])
def test_tensors_share_a_storage_in_the_file_exactly_where_they_do_in_memory(
    kind: str, format: str, tmp_path: Path
) -> None:
    path = saved(ZOO[kind](), tmp_path / "x.pt", zipped=FORMATS[format])
    checkpoint, theirs = open_checkpoint(path), loaded(path, kind)
    ours = {name: info.storage.id for name, info in checkpoint.items() if info.storage is not None}
    pointers = {name: tensor.untyped_storage()._cdata for name, tensor in theirs.items()}
    for a in theirs:
        for b in theirs:
            assert (ours[a] == ours[b]) == (pointers[a] == pointers[b]), (a, b)


@pytest.mark.parametrize("kind", ["every_dtype", "views", "tied", "gradients", "state_dicts"])
def test_a_zip_file_says_what_torch_load_under_fake_mode_says(kind: str, tmp_path: Path) -> None:
    path = saved(ZOO[kind](), tmp_path / "x.pt")
    with FakeTensorMode(), warnings.catch_warnings():
        fakes = dict(tensors_of(torch.load(path, weights_only=False)))
    for name, info in open_checkpoint(path).items():
        fake = fakes[name]
        assert (info.shape, info.stride) == (tuple(fake.shape), fake.stride())
        assert info.storage_offset == fake.storage_offset()
        assert info.storage is not None and info.storage.nbytes == fake.untyped_storage().nbytes()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["every_dtype", "views", "bits", "quantized", "nested", "subclass", "alone"])
def test_values_at_addresses_are_those_of_the_loaded_tensor(kind: str, format: str, tmp_path: Path) -> None:
    path = saved(ZOO[kind](), tmp_path / "x.pt", zipped=FORMATS[format])
    checkpoint = open_checkpoint(path)
    compared = 0
    for name, tensor in loaded(path, kind).items():
        held = tensor.untyped_storage().nbytes() // tensor.dtype.itemsize
        addresses = [held - 1, 0, held, -1, 0, *range(min(held, 8))]
        expected = read_values(tensor, addresses)
        assert repr(checkpoint.read(name)(addresses)) == repr(expected), name
        compared += sum(value is not None for value in expected)
    assert compared > 5


UNTYPED = ("uint16", "uint32", "uint64", "complex32")
"""torch saves these in untyped storages, and does not turn them around when it loads them."""


@pytest.mark.parametrize("name", DTYPES)
def test_big_endian_values_are_turned_around(name: str, tmp_path: Path) -> None:
    original = of_dtype(name)
    path, swapped = saved({"x": original}, tmp_path / "x.pt"), tmp_path / "big.pt"
    rewrite(path, swapped, big=True)
    tensor = torch.load(swapped, weights_only=False)["x"]
    if name in UNTYPED:
        width = 2 if name == "complex32" else original.dtype.itemsize
        tensor = original.view(torch.uint8).view(-1, width).flip(1).flatten().view(original.dtype)
    checkpoint = open_checkpoint(swapped)
    assert checkpoint.metadata["byteorder"] == "big"
    addresses = list(range(6))
    assert repr(checkpoint.read("x")(addresses)) == repr(read_values(tensor, addresses))


def rewrite(path: Path, to: Path, *, big: bool) -> None:
    """The same archive under another byte order, by torch's own writer."""
    reader = torch._C.PyTorchFileReader(str(path))
    writer = torch._C.PyTorchFileWriter(str(to))
    for record in reader.get_all_records():
        if record in ("version", ".data/serialization_id"):
            continue
        raw = reader.get_record(record)
        if record == "byteorder":
            raw = b"big" if big else b"little"
        writer.write_record(record, raw, len(raw))
    writer.write_end_of_file()


def test_a_protocol_4_pickle_is_read_as_one_of_protocol_2(tmp_path: Path) -> None:
    for protocol in range(2, 6):
        torch.save(ZOO["state_dicts"](), tmp_path / "x.pt", pickle_protocol=protocol)
        checkpoint, theirs = open_checkpoint(tmp_path / "x.pt"), loaded(tmp_path / "x.pt")
        assert {name: info.stride for name, info in checkpoint.items()} == {n: t.stride() for n, t in theirs.items()}


class Plain(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(3, 4)
        self.mine = torch.nn.Parameter(torch.ones(2, 3).t())
        self.register_buffer("kept", torch.ones(2))


def test_a_module_that_was_pickled_whole_has_the_names_of_its_state_dict(tmp_path: Path) -> None:
    model = Plain()
    path = saved({"model": model}, tmp_path / "x.pt")
    checkpoint = open_checkpoint(path)
    assert set(checkpoint) == {f"model.{name}" for name in model.state_dict()}
    assert {name: checkpoint[f"model.{name}"].stride for name in model.state_dict()} == {
        name: tensor.stride() for name, tensor in model.state_dict().items()
    }
    assert any(call.endswith(".Plain") for call in checkpoint.calls)
    assert "torch.nn.modules.linear.Linear" in checkpoint.calls


@pytest.mark.filterwarnings("ignore")
def test_torchscript_archives_give_the_names_and_layouts_of_the_loaded_module(tmp_path: Path) -> None:
    path = tmp_path / "m.jit"
    torch.jit.save(torch.jit.script(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LSTM(4, 5))), path)
    theirs = torch.jit.load(path).state_dict()
    checkpoint = open_checkpoint(path)
    assert checkpoint.format == "torchscript"
    assert checkpoint.calls and all(call.startswith("__torch__.") for call in checkpoint.calls)
    ours = {name: (info.shape, info.stride, info.requires_grad) for name, info in checkpoint.items()}
    assert {name: ours[name] for name in theirs} == {
        name: (tuple(tensor.shape), tensor.stride(), True) for name, tensor in theirs.items()
    }
    # The others are the list of the same weights that the LSTM keeps beside them.
    ids = {checkpoint[name].storage for name in theirs}
    assert all(
        name.startswith("1._flat_weights[") and checkpoint[name].storage in ids for name in set(ours) - set(theirs)
    )
    name = next(iter(theirs))
    assert checkpoint.read(name)([0, 1]) == theirs[name].flatten()[:2].tolist()


@pytest.mark.filterwarnings("ignore")
def test_torch_export_archives_give_the_layouts_of_the_loaded_program(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    torch.export.save(torch.export.export(torch.nn.Linear(3, 4), (torch.ones(2, 3),)), path)
    theirs = torch.export.load(path).state_dict
    checkpoint = open_checkpoint(path)
    assert checkpoint.format == "torch.export"
    assert {name: (info.shape, info.stride, info.dtype) for name, info in checkpoint.items()} == {
        name: (tuple(tensor.shape), tensor.stride(), "float32") for name, tensor in theirs.items()
    }
    assert checkpoint.read("bias")([0, 3]) == theirs["bias"][[0, 3]].tolist()


def test_storages_say_which_bytes_no_tensor_reaches(tmp_path: Path) -> None:
    x = torch.arange(1000.0)
    square = torch.arange(100.0).view(10, 10)
    value = {"a": x[100:300], "b": x[200:400:2], "c": torch.ones(3), "even": square[:, ::2], "odd": square[:, 1::2]}
    storages = {stored.tensors: stored for stored in open_checkpoint(saved(value, tmp_path / "x.pt")).storages}
    both = storages["a", "b"]
    assert (both.nbytes, both.used_nbytes, both.unused_nbytes, both.exact) == (4000, 4 * (200 + 50), 3000, True)
    assert storages[("c",)].unused_nbytes == 0
    assert (storages["even", "odd"].used_nbytes, storages["even", "odd"].exact) == (400, True)


def test_the_twelve_weights_of_an_lstm_fill_their_storage(tmp_path: Path) -> None:
    lstm = torch.nn.LSTM(3, 4, num_layers=3)
    flat = torch.cat([weight.detach().flatten() for weight in lstm.parameters()])
    parts, at = {}, 0
    for name, weight in lstm.named_parameters():
        parts[name] = flat[at : at + weight.numel()].view_as(weight)
        at += weight.numel()
    (stored,) = open_checkpoint(saved(parts, tmp_path / "x.pt")).storages
    assert len(stored.tensors) == 12
    assert (stored.unused_nbytes, stored.exact) == (0, True)


def test_the_offset_of_a_storage_is_where_its_bytes_are(tmp_path: Path) -> None:
    for zipped in (True, False):
        path = saved({"a": torch.arange(7, dtype=torch.int16), "b": torch.ones(3)}, tmp_path / "x.pt", zipped=zipped)
        raw = path.read_bytes()
        found = {stored.tensors[0]: stored.offset_in_file for stored in open_checkpoint(path).storages}
        assert raw[found["a"] : found["a"] + 14] == struct.pack("<7h", *range(7))
        assert raw[found["b"] : found["b"] + 12] == struct.pack("<3f", 1, 1, 1)


def test_a_tensor_that_is_set_on_another_one_reaches_its_storage(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(saved(ZOO["subclass"](), tmp_path / "x.pt"))
    assert [(stored.tensors, stored.unused_nbytes) for stored in checkpoint.storages] == [
        (("sub",), 0),
        (("attributes",), 0),
        (("attributes.other",), 0),
    ]
    assert checkpoint.part("attributes.other").shape == (9,)
    assert checkpoint.read("attributes.other")([8]) == [1.0]


@pytest.mark.filterwarnings("ignore")
def test_a_dtensor_has_its_local_tensor_as_its_part(tmp_path: Path) -> None:
    import torch.distributed as dist
    from torch.distributed.tensor import DTensor, Shard, init_device_mesh

    dist.init_process_group("gloo", rank=0, world_size=1, init_method=f"file://{tmp_path / 'store'}")
    try:
        tensor = DTensor.from_local(torch.arange(6.0).view(2, 3).t(), init_device_mesh("cpu", (1,)), [Shard(0)])
        path = saved({"d": tensor, "p": torch.nn.Parameter(tensor)}, tmp_path / "x.pt")
        theirs = {name: facts_of_live(one) for name, one in loaded(path).items()}
    finally:
        dist.destroy_process_group()
    checkpoint = open_checkpoint(path)
    for name, live in theirs.items():
        ours = facts(checkpoint[name])
        # How it is spread over devices is in objects that are not made here.
        assert ours.pop("notes") <= live.pop("notes")
        assert ours == live
    assert checkpoint.read("d.local_tensor")([5]) == [5.0]


def test_a_storage_that_is_saved_as_such_is_used_whole(tmp_path: Path) -> None:
    path = saved({"s": torch.arange(5.0).untyped_storage()}, tmp_path / "x.pt")
    checkpoint = open_checkpoint(path)
    (stored,) = checkpoint.storages
    assert len(checkpoint) == 0
    assert (stored.nbytes, stored.unused_nbytes) == (20, 0)


def test_the_files_that_are_measured_are_files_that_torch_loads(tmp_path: Path) -> None:
    from benchmarks.files import write_zip

    write_zip(tmp_path / "x.pt", 1_100, 70_000)
    theirs = torch.load(tmp_path / "x.pt", mmap=True, weights_only=True)
    checkpoint = open_checkpoint(tmp_path / "x.pt")
    assert {name: (i.shape, i.stride) for name, i in checkpoint.items()} == {
        name: (tuple(tensor.shape), tensor.stride()) for name, tensor in theirs.items()
    }
    assert (len(checkpoint), checkpoint.notes, checkpoint.broken) == (1_100, (), None)


# Names -------------------------------------------------------------------------------------------


def test_two_paths_that_come_to_one_name_are_told_apart(tmp_path: Path) -> None:
    value = {"a": {"b.c": torch.ones(1)}, "a.b": {"c": torch.ones(2)}, "a.b.c": torch.ones(3)}
    checkpoint = open_checkpoint(saved(value, tmp_path / "x.pt"))
    assert {name: info.shape for name, info in checkpoint.items()} == {
        "a.b.c": (1,),
        '["a.b"]["c"]': (2,),
        '["a.b.c"]': (3,),
    }


def test_odd_keys_are_quoted(tmp_path: Path) -> None:
    value = {"a[0]": torch.ones(1), "a": [torch.ones(2)], 'q"': torch.ones(3), "new\nline": torch.ones(4)}
    checkpoint = open_checkpoint(saved(value, tmp_path / "x.pt"))
    assert [info.shape for info in checkpoint.values()] == [(1,), (2,), (3,), (4,)]
    assert list(checkpoint) == ['["a[0]"]', "a[0]", '["q\\""]', '["new\\nline"]']


def test_the_tree_has_plain_values_and_a_leaf_for_each_tensor(tmp_path: Path) -> None:
    value = {"n": 1, "t": (torch.ones(1), None, "x"), "l": [2.5, {"k": torch.ones(2)}]}
    tree = open_checkpoint(saved(value, tmp_path / "x.pt")).tree
    assert tree["n"] == 1 and tree["t"][1:] == (None, "x") and tree["l"][0] == 2.5
    assert [tree["t"][0].name, tree["l"][1]["k"].name] == ["t[0]", "l[1].k"]


def test_the_json_in_pieces_is_the_json_in_one(tmp_path: Path) -> None:
    import json

    checkpoint = open_checkpoint(saved(ZOO["state_dicts"](), tmp_path / "x.pt"))
    document = checkpoint.to_dict()
    assert json.loads("".join(checkpoint.json_chunks())) == json.loads(json.dumps(document))
    assert [tensor["name"] for tensor in document["tensors"]] == list(checkpoint)
    assert {"schema", "kind", "format", "path", "tensors", "storages"} <= document.keys()
    assert {"id", "nbytes", "used_nbytes", "unused_nbytes", "tensors"} <= document["storages"][0].keys()


# The oldest format, which torch reads and no longer writes -------------------------------------------


def tar_of(tensors: dict[str, torch.Tensor], path: Path) -> None:
    """A file as torch 0.1 wrote it: members `storages`, `tensors` and `pickle`."""
    import pickle

    def dump(value: Any) -> bytes:
        return pickle.dumps(value, 2)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            return str(id(value)) if isinstance(value, torch.Tensor) else None

    roots: dict[int, torch.Tensor] = {}
    for tensor in tensors.values():
        roots.setdefault(tensor.untyped_storage()._cdata, tensor)
    members = {"storages": dump(len(roots)), "tensors": dump(len(tensors)), "pickle": b""}
    for key, tensor in roots.items():
        raw = bytes(tensor.untyped_storage())
        of = type(tensor.storage())
        members["storages"] += dump((key, "cpu", of if of is not torch.TypedStorage else torch.FloatStorage))
        members["storages"] += struct.pack("<q", len(raw) // tensor.dtype.itemsize) + raw
    members["storages"] += dump([])
    for tensor in tensors.values():
        members["tensors"] += dump((id(tensor), tensor.untyped_storage()._cdata, torch.FloatTensor))
        numbers = (*tensor.shape, *tensor.stride(), tensor.storage_offset())
        members["tensors"] += struct.pack("<ii", tensor.dim(), 0) + struct.pack(f"<{len(numbers)}q", *numbers)
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(tensors)
    members["pickle"] = buffer.getvalue()
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, raw in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))


@pytest.mark.filterwarnings("ignore")
def test_a_tar_says_what_torch_load_gives(tmp_path: Path) -> None:
    x = torch.arange(12.0).view(3, 4)
    tar_of({"x": x, "t": x.t()[1:], "y": torch.ones(5)}, tmp_path / "x.pth")
    theirs = torch.load(tmp_path / "x.pth", weights_only=False)
    checkpoint = open_checkpoint(tmp_path / "x.pth")
    assert checkpoint.format == "torch tar" and checkpoint.broken is None
    for name, tensor in theirs.items():
        info = checkpoint[name]
        assert (info.shape, info.stride, info.storage_offset) == (
            tuple(tensor.shape),
            tensor.stride(),
            tensor.storage_offset(),
        )
        assert checkpoint.read(name)([0, 1]) == read_values(tensor, [0, 1])
    assert checkpoint["x"].storage == checkpoint["t"].storage != checkpoint["y"].storage
