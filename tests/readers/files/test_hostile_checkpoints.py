"""Nothing that a file asks for is called or imported, and no small file costs much time or memory."""

from __future__ import annotations

import copyreg
import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stridescope.errors import StridescopeError
from stridescope.readers.files import open_checkpoint
from stridescope.records import Placeholder

CANARY = "checkpoint_canary"
SOURCE = """
from pathlib import Path
here = Path(__file__).with_name("sung")
def sing(*args, **kwargs):
    here.write_text("called")
class Bird:
    def __new__(cls, *args, **kwargs):
        here.write_text("constructed")
        return object.__new__(cls)
    def __init__(self, *args):
        here.write_text("initialized")
    def __setstate__(self, state):
        here.write_text("built")
    def append(self, item):
        here.write_text("appended")
    def __setitem__(self, key, item):
        here.write_text("set")
    def __hash__(self):
        here.write_text("hashed")
here.write_text("imported")
"""
NAMES = f"{CANARY}\nsing\n".encode()
BIRD = f"{CANARY}\nBird\n".encode()


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


# Each leaves one value on the stack.
PATHS: dict[str, bytes] = {
    "global": b"c" + NAMES,
    "reduce": b"c" + NAMES + b"(X\x01\0\0\0atR",
    "reduce_of_os_system": b"cos\nsystem\n(" + text(f"touch {CANARY}") + b"tR",
    "reduce_of_eval": b"cbuiltins\neval\n(" + text(f"__import__({CANARY!r})") + b"tR",
    "inst": b"(X\x01\0\0\0ai" + NAMES,
    "obj": b"(c" + BIRD + b"X\x01\0\0\0ao",
    "newobj": b"c" + BIRD + b")\x81",
    "newobj_ex": b"c" + BIRD + b")}\x92",
    "build": b"c" + BIRD + b")\x81}" + text("a") + b"K\x01sb",
    "build_on_a_global": b"c" + BIRD + b"}" + text("a") + b"K\x01sb",
    "append": b"c" + BIRD + b")\x81K\x01a",
    "appends": b"c" + BIRD + b")\x81(K\x01K\x02e",
    "additems": b"c" + BIRD + b")\x81(K\x01K\x02\x90",
    "setitem": b"c" + BIRD + b")\x81K\x01K\x02s",
    "setitems": b"c" + BIRD + b")\x81(K\x01K\x02u",
    "key_of_a_dict": b"}c" + BIRD + b")\x81K\x02s",
    "member_of_a_set": b"\x8f(c" + BIRD + b")\x81\x90",
    "stack_global": text(CANARY) + text("sing") + b"\x93)R",
    "short_stack_global": b"\x8c" + bytes([len(CANARY)]) + CANARY.encode() + b"\x8c\x04sing\x93)R",
    "extension": b"\x82\xf0)R",
    "extension_of_two_bytes": b"\x83\xf0\x00)R",
    "extension_of_four_bytes": b"\x84\xf0\x00\x00\x00)R",
    "persistent": b"(" + text("storage") + b"c" + NAMES + text("0") + text("cpu") + b"K\x01tQ",
    "persistent_text": b"P" + CANARY.encode() + b"\n",
    "rebuild_with_a_call": b"ctorch._utils\n_rebuild_tensor_v2\n(c" + NAMES + b")RK\0K\x01\x85K\x01\x85\x89}tR",
    "from_type_with_a_call": b"ctorch._tensor\n_rebuild_from_type_v2\n(c" + NAMES + b"c" + BIRD + b")NtR",
    "getattr": b"cbuiltins\ngetattr\n(c" + BIRD + text("__new__") + b"tR)R",
    "memo": b"c" + NAMES + b"q\x050h\x05)R",
    "old_class": b"ccopyreg\n_reconstructor\n(c" + BIRD + b"cbuiltins\nobject\nNtR",
    "partial": b"cfunctools\npartial\n(c" + NAMES + b"tR)R",
}
NESTED: dict[str, Callable[[bytes], bytes]] = {
    "alone": lambda core: core,
    "in_a_dict": lambda core: b"}" + text("k") + core + b"s",
    "in_lists": lambda core: b"](](" + core + b"ee",
    "in_a_state": lambda core: b"ccollections\nOrderedDict\n)R}" + text("k") + core + b"sb",
    "in_args": lambda core: b"ctorch\nSize\n(" + core + b"tR",
}


def zipped(core: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + core + b".")
        archive.writestr("x/version", "3\n")
    return buffer.getvalue()


def scripted(core: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("x/data.pkl", b"\x80\x02N.")
        archive.writestr("x/constants.pkl", b"\x80\x02(" + core + b"t.")
    return buffer.getvalue()


def legacy(core: bytes) -> bytes:
    head = b"".join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    return head + b"\x80\x02" + core + b"." + pickle.dumps([], 2)


def tarred(core: bytes) -> bytes:
    buffer = io.BytesIO()
    members = {"storages": pickle.dumps(0, 2) + pickle.dumps([], 2), "tensors": pickle.dumps(0, 2)}
    with tarfile.open(fileobj=buffer, mode="w:") as tar:
        for name, raw in {**members, "pickle": b"\x80\x02" + core + b"."}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
    return buffer.getvalue()


def bare(core: bytes) -> bytes:
    return b"\x80\x04" + core + b"."


FORMATS = {"zip": zipped, "torchscript": scripted, "legacy": legacy, "tar": tarred, "pickle": bare}


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / f"{CANARY}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    copyreg.add_extension(CANARY, "sing", 0xF0)
    yield tmp_path / "sung"
    copyreg.remove_extension(CANARY, "sing", 0xF0)
    sys.modules.pop(CANARY, None)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_called_or_imported(path: str, format: str, canary: Path) -> None:
    before = set(sys.modules)
    for wrap in NESTED.values():
        file = canary.with_name("x.pt")
        file.write_bytes(FORMATS[format](wrap(PATHS[path])))
        try:
            checkpoint = open_checkpoint(file)
        except StridescopeError:
            continue
        assert checkpoint.storages is not None and checkpoint.to_dict() and repr(checkpoint.tree)
    assert not canary.exists()
    assert not canary.with_name(CANARY).exists()
    assert CANARY not in sys.modules
    assert {name for name in set(sys.modules) - before if not name.startswith(("stridescope", "json"))} <= {"zlib"}


@pytest.mark.parametrize("path", PATHS)
def test_the_metadata_of_a_distributed_checkpoint_calls_nothing(path: str, canary: Path) -> None:
    folder = canary.with_name("x")
    folder.mkdir()
    ours = b"ctorch.distributed.checkpoint.metadata\nMetadata\n)\x81}" + text("state_dict_metadata") + b"}"
    (folder / ".metadata").write_bytes(b"\x80\x04" + ours + text("w") + PATHS[path] + b"ssb.")
    checkpoint = open_checkpoint(folder)
    assert len(checkpoint) == 0 and checkpoint.to_dict() and repr(checkpoint.tree)
    assert not canary.exists() and CANARY not in sys.modules


@pytest.mark.parametrize(
    "path", sorted(set(PATHS) - {"persistent_text", "extension", "extension_of_two_bytes", "extension_of_four_bytes"})
)
def test_the_names_that_would_have_been_called_are_listed(path: str, canary: Path) -> None:
    file = canary.with_name("x.pt")
    file.write_bytes(zipped(PATHS[path]))
    calls = open_checkpoint(file).calls
    expected = {"reduce_of_os_system": "os.system", "reduce_of_eval": "builtins.eval", "getattr": "builtins.getattr"}
    assert expected.get(path, f"{CANARY}.") in " ".join(calls)
    assert not canary.exists()


def test_the_oracle_works_a_real_unpickler_sets_off_the_canary(canary: Path) -> None:
    pickle.loads(bare(PATHS["reduce"]))
    assert canary.read_text() == "called"


def test_an_extension_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(zipped(PATHS["extension_of_two_bytes"]))
    assert open_checkpoint(tmp_path / "x.pt").calls == ("copyreg.extension 240",)


def test_a_plain_state_dict_calls_nothing_worth_telling(tmp_path: Path) -> None:
    torch.save({"m": torch.nn.Linear(2, 3).state_dict(), "n": 1}, tmp_path / "x.pt")
    assert open_checkpoint(tmp_path / "x.pt").calls == ()


def test_an_unknown_call_is_a_placeholder_with_its_arguments_and_state(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(zipped(b"}" + text("k") + b"cos\nsystem\n(" + text("rm -rf /") + b"tRs"))
    assert open_checkpoint(tmp_path / "x.pt").tree == {"k": Placeholder("os.system", ("rm -rf /",))}


# Bombs -------------------------------------------------------------------------------------------

MEGABYTE = 1 << 20


def deflated_archive(raw: bytes, name: str = "x/data.pkl") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, raw)
    return buffer.getvalue()


def doubling(levels: int = 60) -> bytes:
    """A list of the same list twice, and so on: 2**levels paths to one tensor."""
    tensor = b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\nK\x01\x85K\x01\x85\x89tR"
    core = b"](" + tensor + b"eq\x00"
    for level in range(1, levels):
        core += b"](h" + bytes([level - 1]) * 1 + b"h" + bytes([level - 1]) + b"eq" + bytes([level])
    return core


def many_hashes(levels: int = 60) -> bytes:
    """A tuple of the same tuple twice, and so on, as a key: its hash would take 2**levels steps."""
    return (
        b"}"
        b"K\x01q\x00"
        + b"".join(b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(levels))
        + b"K\x02s"
    )


def safetensors_of(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header


def npy_of(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def overlapping_zip() -> bytes:
    raw = bytearray(zipped(b"N"))
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 42 : at + 46] = struct.pack("<I", 0)
    return bytes(raw)


def twice_the_same_name() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("x/data.pkl", "x/data.pkX"):
            archive.writestr(name, b"\x80\x02N.")
    return buffer.getvalue().replace(b"x/data.pkX", b"x/data.pkl")


def endless_tar() -> bytes:
    block = bytearray(512)
    block[:8] = b"storages"
    block[124:136] = b"77777777777\0"
    block[257:262] = b"ustar"
    return bytes(block)


def gguf_of(*numbers: int) -> bytes:
    return b"GGUF" + struct.pack("<I", 3) + b"".join(struct.pack("<Q", number) for number in numbers)


def doubling_parts(levels: int = 60) -> bytes:
    """A jagged tensor of the same jagged tensor twice, and so on."""
    meta = b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\nK\x01\x85K\x01\x85\x89tRq\x00"
    core = b""
    for level in range(levels):
        inner = b"h" + bytes([level])
        core += b"ctorch.nested._internal.nested_tensor\n_rebuild_njt\n}(" + text("values") + inner
        core += text("offsets") + inner + b"u\x85Rq" + bytes([level + 1]) + b"0"
    return b"](" + meta + core + b"h" + bytes([levels]) + b"e"


BOMBS: dict[str, Callable[[], bytes]] = {
    "deep_lists": lambda: zipped(b"](" * 90_000 + b"e" * 90_000),
    "deep_tuples": lambda: zipped(b")" + b"\x85" * (3 * MEGABYTE)),
    "deep_calls": lambda: zipped(b"cos\nsystem\nq\x00" + b"h\x00)R\x85" * 200_000),
    "marks": lambda: zipped(b"(" * (2 * MEGABYTE)),
    "dicts": lambda: zipped(b"}" * (3 * MEGABYTE)),
    "lists_in_the_memo": lambda: zipped(b"]\x940" * MEGABYTE),
    "memo_number": lambda: zipped(b"Nr\xff\xff\xff\xff"),
    "memo_numbers": lambda: zipped(b"N" + b"".join(b"r" + struct.pack("<I", 10**6 + n) for n in range(100_000))),
    "memo_text_number": lambda: zipped(b"Np99999999999999999999999\n"),
    "quoted_text": lambda: zipped(b"X\xff\xff\xff\xffabc"),
    "quoted_bytes": lambda: zipped(b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc"),
    "quoted_frame": lambda: zipped(b"\x95\xff\xff\xff\xff\xff\xff\xff\x7fN"),
    "long_number": lambda: zipped(b"\x8b" + struct.pack("<i", MEGABYTE) + b"\x7f" * MEGABYTE),
    "number_in_text": lambda: zipped(b"I" + b"9" * MEGABYTE + b"\n"),
    "doubling_lists": lambda: zipped(doubling()),
    "doubling_parts": lambda: zipped(doubling_parts()),
    "five_doublings_of_parts_each_many_times": lambda: zipped(doubling_parts(5)[:-1] + b"h\x05" * 200_000 + b"e"),
    "a_key_that_hashes_forever": lambda: zipped(many_hashes()),
    "keys_that_hash_alike": lambda: zipped(
        b"}(" + b"".join(b"\x8a\x0a" + (n * (2**61 - 1)).to_bytes(10, "little") + b"N" for n in range(60_000)) + b"u"
    ),
    "a_list_in_itself": lambda: zipped(b"]q\x00h\x00a"),
    "encoded_again_and_again": lambda: zipped(
        text("a" * MEGABYTE) + b"q\x000X\x06\0\0\0latin1q\x010(" + b"c_codecs\nencode\nh\x00h\x01\x86R" * 50_000 + b"t"
    ),
    "names_joined_again_and_again": lambda: zipped(
        text("a" * MEGABYTE) + b"q\x000(" + b"h\x00h\x00\x93" * 100_000 + b"t"
    ),
    "a_mapping_filled_again_and_again": lambda: zipped(
        b"](" + b"](X\x01\0\0\0aNe" * 50_000 + b"eq\x00(" + b"ccollections\nOrderedDict\nh\x00\x85R" * 20_000 + b"t"
    ),
    "many_dims": lambda: zipped(b"(" + b"K\x01" * 100_000 + b"tq\x000(" + b"ctorch\nSize\nh\x00\x85R" * 50_000 + b"t"),
    "zip_bomb": lambda: deflated_archive(b"\x80\x02" + b"}" * (100 * MEGABYTE)),
    "npz_bomb": lambda: deflated_archive(npy_of(b" " * 60_000) + bytes(100 * MEGABYTE), "a.npy"),
    "overlapping_entries": overlapping_zip,
    "two_entries_of_one_name": twice_the_same_name,
    "endless_tar": endless_tar,
    "deep_json": lambda: safetensors_of(b'{"a":' + b"[" * MEGABYTE),
    "json_number": lambda: safetensors_of(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * MEGABYTE + b'],"data_offsets":[0,4]}}'
    ),
    "json_text_for_a_size": lambda: safetensors_of(
        b'{"a":{"dtype":"F32","shape":["' + b"a" * 1000 + b'",1000000000],"data_offsets":[0,4]}}'
    ),
    "json_infinity": lambda: safetensors_of(b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,1e400]}}'),
    "a_long_header": lambda: struct.pack("<Q", 100_000_001) + b"{}",
    "a_header_past_the_end": lambda: struct.pack("<Q", 99_000_000) + b"{}",
    "deep_npy": lambda: npy_of(b"{'descr': " + b"[" * 50_000),
    "npy_of_code": lambda: npy_of(b"__import__('os').system('touch sung')"),
    "gguf_counts": lambda: gguf_of(2**63, 2**63),
    "gguf_text": lambda: gguf_of(1, 1, 2**63),
    "gguf_list": lambda: gguf_of(0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**62),
    "gguf_lists": lambda: gguf_of(0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 9, 2**62) * 3,
}

GUARD = """
import sys, time
from stridescope.errors import StridescopeError
from stridescope.readers.files import open_checkpoint
def peak():
    # Not what getrusage says, which is at least the peak of the process that started this one.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
before = peak()
for path in sys.argv[1:]:
    start = time.process_time()
    try:
        checkpoint = open_checkpoint(path)
        checkpoint.storages, checkpoint.tree, repr(checkpoint)
        for name in list(checkpoint)[:100]:
            checkpoint[name]
        said = checkpoint.broken or f"{len(checkpoint)} tensors"
    except StridescopeError as error:
        said = str(error)
    grown = (peak() - before) / 1024
    print(path, round(time.process_time() - start, 2), round(grown), said[:300].replace("\\n", " "), sep="\\t")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory")
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_in_one_sentence_in_little_time_and_memory(bomb: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    file.write_bytes(BOMBS[bomb]())
    done = subprocess.run(
        [sys.executable, "-c", GUARD, str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    _, seconds, megabytes, said = done.stdout.split("\t")
    assert float(seconds) < 2 and int(megabytes) < 256, done.stdout
    assert said.strip() and len(said) < 400
    assert not (tmp_path / "sung").exists()


def test_a_directory_that_is_compressed_into_a_bomb_is_refused_by_its_sizes(tmp_path: Path) -> None:
    # The sizes in the directory may lie: what inflates is bounded by what they say.
    raw = bytearray(deflated_archive(b"\x80\x02" + b"}" * (40 * MEGABYTE)))
    at = raw.rfind(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 100)
    (tmp_path / "x.pt").write_bytes(raw)
    with pytest.raises(StridescopeError, match="not of the size"):
        open_checkpoint(tmp_path / "x.pt")


def test_a_path_in_a_shard_index_cannot_leave_its_directory(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    torch.save({"secret": torch.ones(1)}, tmp_path / "secret.pt")
    index = tmp_path / "inside" / "model.index.json"
    for outside in (
        "../secret.pt",
        str(tmp_path / "secret.pt"),
        "a/../../secret.pt",
        "..\\secret.pt",
        "C:/secret.pt",
        "",
    ):
        index.write_text(json.dumps({"weight_map": {"secret": outside}}))
        with pytest.raises(StridescopeError, match=r"'secret' is in .* which is no file beside it"):
            open_checkpoint(index)


def test_a_storage_key_that_looks_like_a_path_reads_no_file(tmp_path: Path) -> None:
    key = "../../../../etc/passwd"
    core = (
        b"ctorch._utils\n_rebuild_tensor_v2\n(("
        + text("storage")
        + b"ctorch\nByteStorage\n"
        + text(key)
        + text("cpu")
        + b"K\x08tQK\0K\x08\x85K\x01\x85\x89}tR"
    )
    (tmp_path / "x.pt").write_bytes(zipped(core))
    checkpoint = open_checkpoint(tmp_path / "x.pt")
    assert checkpoint.read("tensor")([0, 1]) == [None, None]
    assert "no entry" in checkpoint.notes[0]


def test_no_file_is_opened_for_writing_or_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.pt"
    torch.save({"x": torch.arange(5)}, file)
    file.chmod(0o400)
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    seen: list[tuple[object, ...]] = []
    sys.addaudithook(
        lambda name, args: seen.append((name, *args[:2])) if name in ("open", "mmap.__new__") and seen_on else None
    )
    seen_on = True
    checkpoint = open_checkpoint(file)
    assert checkpoint.read("x")([1]) == [1] and checkpoint.storages
    seen_on = False
    assert {mode for name, path, mode in seen if name == "open" and str(path) == str(file)} <= {"r", "rb"}
    assert not [event for event in seen if event[0] == "mmap.__new__"]
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
