"""The rows of checkpoint files: what it costs to list the tensors of a file.

    python -m benchmarks.files [--quick]

A file of 1 GB with 2,000 tensors, listed by a cold process: beside the least that can be done (a restricted unpickler
of the standard library, which checks nothing and knows no storages), and beside torch. Files of 100,000 tensors: beside
torch, and beside the JSON parser. Files are made in a temporary folder; the large one is sparse, since no one reads its
tensors.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import Measured, Row, best_of_calls, best_of_processes

__all__ = ["ROWS", "files", "peak_mebibytes", "rows", "write_safetensors", "write_zip"]

OURS = """
import sys
from stridescope.readers.files import open_checkpoint
for info in open_checkpoint(sys.argv[1]).values():
    info.shape, info.stride, info.storage_offset
"""
BARE = """
import io, pickle, sys, zipfile
from collections import OrderedDict
class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        return OrderedDict if name == "OrderedDict" else lambda *args: args
    def persistent_load(self, key):
        return key
with zipfile.ZipFile(sys.argv[1]) as archive:
    (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
    for args in Unpickler(io.BytesIO(archive.read(name))).load().values():
        args[1], args[2], args[3]
"""
TORCH = """
import sys, torch
for tensor in torch.load(sys.argv[1], mmap=True, weights_only=True).values():
    tensor.shape, tensor.stride(), tensor.storage_offset()
"""
MEMORY = (
    OURS
    + """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
)


# Files -------------------------------------------------------------------------------------------


def write_zip(path: Path, tensors: int, numel: int) -> None:
    """What torch.save writes for a dict of float32 tensors of (2, numel // 2); their bytes are a hole in the file."""
    entries: list[tuple[bytes, int, int, int]] = []
    hole = zlib.crc32(bytes(4 * numel))
    with path.open("wb") as file:

        def entry(name: bytes, raw: bytes | None, nbytes: int) -> None:
            header = file.tell()
            pad = -(header + 30 + len(name) + 4) % 64
            check = hole if raw is None else zlib.crc32(raw)
            sizes = struct.pack("<IHHHHHIIIHH", 0x04034B50, 0, 0, 0, 0, 0, check, nbytes, nbytes, len(name), pad + 4)
            file.write(sizes + name + b"FB" + struct.pack("<H", pad) + bytes(pad))
            entries.append((name, header, nbytes, check))
            if raw is None:
                file.seek(nbytes, os.SEEK_CUR)
            else:
                file.write(raw)

        value = _pickled(tensors, numel)
        entry(b"x/data.pkl", value, len(value))
        entry(b"x/byteorder", b"little", 6)
        for key in range(tensors):
            entry(b"x/data/%d" % key, None, 4 * numel)
        entry(b"x/version", b"3\n", 2)
        start = file.tell()
        for name, header, nbytes, check in entries:
            fields = (0x02014B50, 0, 0, 0, 0, 0, 0, check, nbytes, nbytes, len(name), 0, 0, 0, 0, 0, header)
            file.write(struct.pack("<IHHHHHHIIIHHHHHII", *fields) + name)
        size = file.tell() - start
        wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0, 0, 0, 0, len(entries), len(entries), size, start)
        file.write(wide + struct.pack("<IIQI", 0x07064B50, 0, start + size, 1))
        count = min(len(entries), 0xFFFF)
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, size, start, 0))


class _Memo:
    """The memo numbers of a pickle, each put after what it stands for and got where that comes again."""

    def __init__(self) -> None:
        self.numbers: dict[bytes, int] = {}
        self.next = 0

    def put(self) -> bytes:
        """Remember what is on the stack."""
        self.next += 1
        number = self.next - 1
        return b"q" + bytes([number]) if number < 256 else b"r" + struct.pack("<I", number)

    def once(self, core: bytes) -> bytes:
        """Something that is written the first time, and got after that."""
        if core not in self.numbers:
            self.numbers[core] = self.next
            return core + self.put()
        number = self.numbers[core]
        return b"h" + bytes([number]) if number < 256 else b"j" + struct.pack("<I", number)


def _text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def _number(number: int) -> bytes:
    if number < 256:
        return b"K" + bytes([number])
    return b"M" + struct.pack("<H", number) if number < 65536 else b"J" + struct.pack("<i", number)


def _pickled(tensors: int, numel: int) -> bytes:
    """The pickle of a dict of tensors: the same instructions, memo and all, that torch.save writes."""
    memo = _Memo()
    parts = [b"\x80\x02}", memo.put(), b"("]
    for key in range(tensors):
        if key and not key % 1000:
            parts.append(b"u(")
        parts += [_text(f"blocks.{key // 10}.attention.projection{key % 10}.weight"), memo.put()]
        parts += [memo.once(b"ctorch._utils\n_rebuild_tensor_v2\n"), b"(("]
        parts += [memo.once(_text("storage")), memo.once(b"ctorch\nFloatStorage\n"), _text(str(key)), memo.put()]
        parts += [memo.once(_text("cpu")), _number(numel), b"t", memo.put(), b"QK\x00"]
        for sizes in ((2, numel // 2), (numel // 2, 1)):
            parts += [*map(_number, sizes), b"\x86", memo.put()]
        parts += [
            b"\x89",
            memo.once(b"ccollections\nOrderedDict\n"),
            b")R",
            memo.put(),
            b"t",
            memo.put(),
            b"R",
            memo.put(),
        ]
    return b"".join([*parts, b"u."])


def write_safetensors(path: Path, tensors: int) -> bytes:
    """A file of small tensors; gives its header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for number in range(tensors):
        header[f"blocks.{number // 10}.attention.projection{number % 10}.weight"] = {
            "dtype": "F32",
            "shape": [2, 3],
            "data_offsets": [24 * number, 24 * (number + 1)],
        }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + 24 * tensors)
    return text


# Rows --------------------------------------------------------------------------------------------


def files(quick: bool) -> Iterator[Row]:
    """Every row of this module."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _cold(Path(folder), quick)
        yield from _many(Path(folder), quick)
        yield from _header(Path(folder), quick)


def _cold(folder: Path, quick: bool) -> Iterator[Row]:
    large, small = folder / "large.pt", folder / "small.pt"
    write_zip(large, 2_000, 131_072)
    write_zip(small, 2_000, 16)
    ours, bare = ["-c", OURS, str(large)], ["-c", BARE, str(large)]
    commands = {"bare": bare, "ours": ours, "small": ["-c", OURS, str(small)]}
    best = best_of_processes(commands, rounds=5 if quick else 20)
    peer = None
    if find_spec("torch") is not None:
        torch = ["-c", TORCH, str(large)]
        peer = best_of_processes({"torch": torch}, rounds=2 if quick else 5)["torch"]
    listed = Measured("open_checkpoint", best["ours"])
    yield Row(
        "list a 1 GB .pt of 2,000 tensors, whole process",
        Measured("a bare restricted unpickler", best["bare"]),
        listed,
        3.0,
        Measured("torch.load(mmap=True)", peer),
        8.0,
    )
    yield Row(
        "the same, whatever the tensors' sizes",
        Measured("a .pt of 128 kB", best["small"]),
        listed,
        1.2,
    )


def _many(folder: Path, quick: bool) -> Iterator[Row]:
    path, tenth = folder / "many.pt", folder / "fewer.pt"
    write_zip(path, 100_000, 6)
    write_zip(tenth, 10_000, 6)
    scripts = {"ours": OURS, "bare": BARE}
    calls: dict[str, list[str]] = {name: ["-c", code, str(path)] for name, code in scripts.items()}
    calls["tenth"] = ["-c", OURS, str(tenth)]
    if find_spec("torch") is not None:
        calls["torch"] = ["-c", TORCH, str(path)]
    best = best_of_processes(calls, rounds=2 if quick else 5)
    yield Row(
        "list a .pt of 100,000 tensors, whole process",
        Measured("a bare restricted unpickler", best["bare"]),
        Measured("open_checkpoint", best["ours"]),
        3.0,
        Measured("torch.load(mmap=True)", best.get("torch")),
        4.0,
    )
    yield Row(
        "100,000 tensors beside ten times 10,000",
        Measured("10 × 10,000 tensors", 10 * best["tenth"]),
        Measured("100,000 tensors", best["ours"]),
        1.2,
    )


def _header(folder: Path, quick: bool) -> Iterator[Row]:
    from stridescope.readers.files import open_checkpoint

    path = folder / "many.safetensors"
    text = write_safetensors(path, 100_000)

    def listed() -> None:
        for info in open_checkpoint(path).values():
            _ = info.shape, info.stride, info.storage_offset

    calls: dict[str, Callable[[], object]] = {"json": lambda: json.loads(text), "ours": listed}
    best = best_of_calls(calls, rounds=3 if quick else 10)
    yield Row(
        "list a .safetensors of 100,000 tensors",
        Measured("json.loads of its header", best["json"]),
        Measured("open_checkpoint", best["ours"]),
        2.0,
    )


def peak_mebibytes(path: Path) -> float:
    """The largest resident size, in MiB, of a process that lists a file."""
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


ROWS: tuple[Callable[[bool], Iterator[Row]], ...] = (files,)


def rows(quick: bool = False) -> Iterator[Row]:
    """Every row, measured as it is asked for; `quick` takes fewer rounds."""
    for measure in ROWS:
        yield from measure(quick)


def main() -> int:
    """Measure and print; exit status 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.files", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
    measured = list(rows(quick=parser.parse_args().quick))
    for row in measured:
        beside = "" if row.speedup is None or row.peer is None else f"; {row.peer.what} takes {row.speedup:.1f} ×"
        seconds = row.ours.seconds or 0.0
        print(
            f"{'ok' if row.ok else 'MISSED':6} {row.name}: {seconds:.3f} s, {row.ratio:.2f} × {row.floor.what}{beside}"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.pt"
        write_zip(path, 2_000, 131_072)
        peak = peak_mebibytes(path)
    verdict = "ok" if peak <= MOST_MEBIBYTES else "MISSED"
    print(f"{verdict:6} resident while listing it: {peak:.0f} MiB, at most {MOST_MEBIBYTES}")
    return 0 if peak <= MOST_MEBIBYTES and all(row.ok for row in measured) else 1


MOST_MEBIBYTES = 60


if __name__ == "__main__":
    sys.exit(main())
