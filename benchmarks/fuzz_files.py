"""Damaged checkpoint files, by the thousand: each must be read or refused, quickly, and run nothing.

    python -m benchmarks.fuzz_files --mutations 50000 --seed 1 [--jobs 2] [--format zip]

Problem: a reader of files that strangers made is only as good as the worst file it was shown. Method: a specimen of
each format is built here, byte for byte, and damaged by a seeded generator: bits flipped, numbers set to extremes, the
end cut off, parts copied over others, pickle instructions shuffled, replaced, repeated. Each damaged file is opened as
a person would (its tensors, storages, tree, JSON and some values), in a process whose memory is limited and in which an
audit hook tells when anything is executed, started, written or mapped.

Prints how many were read, how many refused, and every file that did neither, with its seed.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import pickle
import random
import signal
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from stridescope.errors import StridescopeError
from stridescope.readers.files import open_checkpoint

__all__ = ["FORMATS", "Mutator", "main", "sentence_of", "specimens"]

SECONDS = 2
MEMORY = 256 << 20


def _text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def _numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"


def _tensor(key: str, numel: int, shape: tuple[int, ...], stride: tuple[int, ...], *, view: bool) -> bytes:
    """One tensor as a pickle has it; `view` adds the sixth field of the old format's storages."""
    stored = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(key) + _text("cpu") + b"K" + bytes([numel])
    stored += (b"N" if view else b"") + b"tQ"
    rest = b"K\x00" + _numbers(shape) + _numbers(stride) + b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + stored + rest + b"tR"


def _value(*, view: bool) -> bytes:
    """A nested value with tensors, an unknown class and plain values."""
    first, second = (
        _tensor("0", 12, (3, 4), (4, 1), view=view),
        _tensor("1", 6, (2, 3), (1, 2), view=view),
    )
    parameter = b"ctorch._utils\n_rebuild_parameter\n(" + second + b"\x88ccollections\nOrderedDict\n)RtR"
    unknown = b"cmodels\nNet\n)\x81}(" + _text("weight") + first + _text("depth") + b"K\x03ub"
    pairs = _text("a") + first + b"q\x01" + _text("b") + parameter + _text("c") + b"](h\x01K\x05G?\xf0\0\0\0\0\0\0e"
    return b"\x80\x02}q\x00(" + pairs + _text("net") + unknown + b"u."


def _zip(method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("x/data.pkl", _value(view=False))
        archive.writestr("x/byteorder", "little")
        archive.writestr("x/data/0", bytes(48))
        archive.writestr("x/data/1", bytes(24))
        archive.writestr("x/version", "3\n")
    return buffer.getvalue()


def _legacy() -> bytes:
    head = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True})
    raw = b"".join(pickle.dumps(value, 2) for value in head) + _value(view=True) + pickle.dumps(["0", "1"], 2)
    return raw + struct.pack("<q", 12) + bytes(48) + struct.pack("<q", 6) + bytes(24)


def _tar() -> bytes:
    of = b"ctorch\nFloatStorage\n"
    numbers = struct.pack("<ii", 2, 0) + struct.pack("<5q", 3, 4, 4, 1, 0)
    members = {
        "storages": b"\x80\x02K\x01.\x80\x02(K\x07" + _text("cpu") + of + b"t." + struct.pack("<q", 12) + bytes(48),
        "tensors": b"\x80\x02K\x01." + b"\x80\x02(K\x09K\x07ctorch\nFloatTensor\nt." + numbers,
        "pickle": b"\x80\x02}" + _text("w") + b"P9\ns.",
    }
    members["storages"] += b"\x80\x02]."
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.USTAR_FORMAT) as tar:
        for name, raw in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
    return buffer.getvalue()[:6144]


def _scripted() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", _value(view=False))
        archive.writestr("x/constants.pkl", b"\x80\x02(" + _tensor("0", 2, (2,), (1,), view=False) + b"t.")
        for name, nbytes in (("data/0", 48), ("data/1", 24), ("constants/0", 8)):
            archive.writestr(f"x/{name}", bytes(nbytes))
    return buffer.getvalue()


def _safetensors() -> bytes:
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
        "b": {"dtype": "BF16", "shape": [5], "data_offsets": [48, 58]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(58)


def _npy() -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(48)


def _npz() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", _npy())
        archive.writestr("b.npy", _npy())
    return buffer.getvalue()


def _gguf() -> bytes:
    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word)) + word.encode()

    keys = text("general.name") + struct.pack("<I", 8) + text("net")
    keys += text("list") + struct.pack("<IIQ", 9, 4, 3) + struct.pack("<3I", 1, 2, 3)
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 2) + keys
    head += text("w") + struct.pack("<IQQIQ", 2, 4, 3, 0, 0) + text("q") + struct.pack("<IQIQ", 1, 64, 2, 64)
    return head + bytes(-len(head) % 32) + bytes(64 + 36)


def _exported() -> bytes:
    meta = {
        "dtype": 7,
        "sizes": [{"as_int": 3}, {"as_int": 4}],
        "strides": [{"as_int": 4}, {"as_int": 1}],
        "storage_offset": {"as_int": 0},
        "device": {"type": "cpu", "index": None},
        "requires_grad": True,
    }
    config = {"config": {"w": {"path_name": "weight_0", "is_param": True, "use_pickle": False, "tensor_meta": meta}}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("m/data/weights/weight_0", bytes(48))
        archive.writestr("m/data/weights/model_weights_config.json", json.dumps(config))
    return buffer.getvalue()


def specimens() -> dict[str, bytes]:
    """A small, sound file of each format."""
    return {name: make() for name, make in _SPECIMENS.items()}


_SPECIMENS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: _zip(zipfile.ZIP_STORED),
    "deflated": lambda: _zip(zipfile.ZIP_DEFLATED),
    "legacy": _legacy,
    "tar": _tar,
    "torchscript": _scripted,
    "torch.export": _exported,
    "safetensors": _safetensors,
    "npy": _npy,
    "npz": _npz,
    "gguf": _gguf,
}
FORMATS = tuple(_SPECIMENS)


# Damage ------------------------------------------------------------------------------------------

_EXTREMES = [
    raw
    for width in (1, 2, 4, 8)
    for raw in (b"\xff" * width, b"\x00" * width, b"\xff" * (width - 1) + b"\x7f", b"\x00" * (width - 1) + b"\x80")
]
_OPCODES = (
    b"().0125FGIJKLMNPQRSTUVX]abceghijlopqrstu}\x80\x81\x82\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8e\x8f\x90\x91\x93\x94"
)


class Mutator:
    """Gives damaged copies of a specimen, the same ones for the same seed."""

    def __init__(self, specimen: bytes, seed: int) -> None:
        self.specimen = specimen
        self.random = random.Random(seed)

    def __call__(self) -> bytes:
        """The next damaged copy."""
        data = bytearray(self.specimen)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            if data:
                self.random.choice(_DAMAGES)(data, self.random)
        return bytes(data)


def _flip(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _set(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(len(data))] = draw.randrange(256)


def _extreme(data: bytearray, draw: random.Random) -> None:
    at, raw = draw.randrange(len(data)), draw.choice(_EXTREMES)
    data[at : at + len(raw)] = raw


def _cut(data: bytearray, draw: random.Random) -> None:
    del data[draw.randrange(len(data)) :]


def _splice(data: bytearray, draw: random.Random) -> None:
    start, to = draw.randrange(len(data)), draw.randrange(len(data))
    part = data[start : start + draw.randrange(1, 64)]
    data[to : to + (len(part) if draw.random() < 0.5 else 0)] = part


def _drop(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    del data[at : at + draw.randrange(1, 32)]


def _opcode(data: bytearray, draw: random.Random) -> None:
    data[draw.randrange(len(data))] = draw.choice(_OPCODES)


def _swap(data: bytearray, draw: random.Random) -> None:
    a, b = draw.randrange(len(data)), draw.randrange(len(data))
    data[a], data[b] = data[b], data[a]


def _shuffle(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    part = list(data[at : at + 12])
    draw.shuffle(part)
    data[at : at + 12] = bytes(part)


def _repeat(data: bytearray, draw: random.Random) -> None:
    at = draw.randrange(len(data))
    data[at:at] = data[at : at + draw.randrange(1, 8)] * draw.choice((2, 10, 1000))


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    *(_flip, _set, _extreme, _cut, _splice, _drop, _opcode, _swap, _shuffle, _repeat),
)


# The guard ---------------------------------------------------------------------------------------


def sentence_of(path: Path) -> tuple[str, str]:
    """("read" or "refused" or "crashed", what was said) of one file, looked at from all sides."""
    try:
        checkpoint = open_checkpoint(path)
        for name in checkpoint:
            checkpoint.read(name)([0, 1, 5, 10**6])
        said = "".join(checkpoint.json_chunks())
        repr((checkpoint, checkpoint.tree, checkpoint.metadata))
    except StridescopeError as error:
        said = str(error)
        return ("refused" if "\n" not in said and 0 < len(said) < 600 else "crashed"), said
    except Exception as error:  # noqa: BLE001 - what a fuzzer looks for
        return "crashed", f"{type(error).__name__}: {error}"
    return "read", said[:200]


_FORBIDDEN = ("exec", "os.system", "os.exec", "os.fork", "subprocess.Popen", "mmap.__new__", "socket.connect", "ctypes")


class _Guard:
    """Ends what runs too long, takes too much, or does what a reader of files has no business doing."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.on = False
        self.caught: list[str] = []
        sys.addaudithook(self.hook)
        signal.signal(signal.SIGALRM, self.late)
        try:
            import resource

            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        except (ImportError, OSError):
            pass

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Sees every event that Python audits."""
        if not self.on:
            return
        if event.startswith(_FORBIDDEN) or (event == "open" and not self.may_open(arguments)):
            self.caught.append(f"{event} {arguments!r:.200}")

    def may_open(self, arguments: tuple[Any, ...]) -> bool:
        name, mode = arguments[0], arguments[1] or "r"
        return not set(str(mode)) & set("wax+") and (
            str(name) == self.path or str(name).endswith((".py", ".pyc", ".so", "cp437.py"))
        )

    @staticmethod
    def late(*_: object) -> None:
        raise TimeoutError(f"it took more than {SECONDS} s")

    def look(self) -> tuple[str, str]:
        """What comes of the file, under guard."""
        self.on, self.caught = True, []
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            kind, said = sentence_of(Path(self.path))
        except BaseException as error:  # noqa: BLE001 - also the guard's own
            kind, said = "crashed", f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.on = False
        return ("ran", self.caught[0]) if self.caught else (kind, said)


def _work(task: tuple[str, int, int]) -> tuple[str, Counter[str], list[str]]:
    kind_of_file, seed, count = task
    mutate = Mutator(specimens()[kind_of_file], seed)
    answers: Counter[str] = Counter()
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        # What is imported late, codecs among it, is imported before the guard watches.
        for codec in ("cp437", "unicode_escape", "raw_unicode_escape", "latin-1"):
            b"x".decode(codec)
            "x".encode(codec)
        for module in ("sharded", "distributed", "opening"):
            import_module(f"stridescope.readers.files.{module}")
        for raw in specimens().values():
            path.write_bytes(raw)
            sentence_of(path)
        guard = _guard(path)
        for number in range(count):
            raw = mutate()
            path.write_bytes(raw)
            kind, said = guard.look()
            answers[kind] += 1
            if kind not in ("read", "refused"):
                kept = Path(tempfile.gettempdir()) / f"fuzz_files-{kind_of_file}-{seed}-{number}"
                kept.write_bytes(raw)
                findings.append(f"{kind_of_file}, seed {seed}, number {number} ({kept}): {kind}: {said}")
    return kind_of_file, answers, findings


_guards: list[_Guard] = []


def _guard(path: Path) -> _Guard:
    """The one of this process: an audit hook cannot be taken back."""
    if not _guards:
        _guards.append(_Guard(path))
    _guards[0].path = str(path)
    return _guards[0]


def _tasks(mutations: int, seed: int, formats: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    each = 250
    for number, first in enumerate(range(0, mutations, each)):
        yield formats[number % len(formats)], seed * 1_000_003 + number, min(each, mutations - first)


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit status 1 when a file was neither read nor refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_files", description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    formats = (options.format,) if options.format else FORMATS
    by_format: dict[str, Counter[str]] = {}
    findings: list[str] = []
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for name, answers, found in pool.imap_unordered(_work, _tasks(options.mutations, options.seed, formats)):
            by_format[name] = by_format.get(name, Counter()) + answers
            findings += found
    elapsed = time.perf_counter() - start
    if options.json:
        print(json.dumps({"seed": options.seed, "formats": by_format, "seconds": elapsed, "findings": findings}))
    else:
        for name, answers in sorted(by_format.items()):
            print(f"  {name:13}" + "".join(f"{kind} {number:6,}  " for kind, number in sorted(answers.items())))
        print(f"{options.mutations:,} damaged files in {elapsed:.0f} s, {len(findings):,} neither read nor refused")
    for finding in findings[:20]:
        print("\n" + finding, file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
