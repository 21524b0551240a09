"""Which format a file has, by its first bytes.

Problem: names lie: a .bin may be a zip, a pickle or safetensors. Method: a table of tests on the first 512 bytes, each
with the reader of its format, tried in order. Cost: one read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from stridescope.errors import TargetError, UnreadableError
from stridescope.readers.files.source import BrokenFile, Source, uncollected

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.records import Checkpoint

__all__ = ["HEAD", "is_known", "open_checkpoint", "open_source"]

HEAD = 512
"""Bytes by which a format is known: one block of a tar."""


def open_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The tensors of a checkpoint file, or of a directory of them, by headers alone.

    Args:
        path: a zip, legacy or tar file of torch, TorchScript, torch.export, safetensors, npy, npz, gguf, a shard
            index in JSON, or a directory of such files or of a distributed checkpoint.

    Raises:
        TargetError: there is no such file, or it may not be read.
        UnreadableError: it is of no format that is known, or so broken that nothing can be read.

    A file that breaks on the way gives what came before; `Checkpoint.broken` says where.
    """
    given = os.fspath(path)
    try:
        with uncollected():
            if os.path.isdir(given):  # noqa: PTH112 - pathlib is loaded nowhere on this way
                from stridescope.readers.files.sharded import open_directory

                return open_directory(given)
            return open_source(Source(given), given)
    except BrokenFile as error:
        raise UnreadableError(f"{given!r} cannot be read: {error}") from None
    except ValueError as error:
        if isinstance(error, TargetError):
            raise
        raise UnreadableError(f"{given!r} cannot be read: {error}") from None


def open_source(source: Source, path: str) -> Checkpoint:
    """The tensors of one regular file.

    Raises:
        UnreadableError, BrokenFile: as for `open_checkpoint`.
    """
    if source.size == 0:
        raise UnreadableError(f"{path!r} is empty: it holds no checkpoint")
    row = _row(source)
    if row is not None:
        return row.open(source, path)
    raise UnreadableError(
        f"{path!r} is of no format that is known here: torch (zip, legacy, tar), safetensors, npy, npz, gguf, or a "
        "shard index in JSON"
    )


def is_known(source: Source) -> bool:
    """Whether a file starts as some format does, bare pickles and JSON aside."""
    row = _row(source)
    return row is not None and row.sure


def _row(source: Source) -> _Format | None:
    head = source.read(0, min(HEAD, source.size))
    return next((row for row in _FORMATS if row.test(head)), None)


class _Format(NamedTuple):
    """A row: how a format is known, its reader, and whether no other file starts so."""

    test: Callable[[bytes], bool]
    open: Callable[[Source, str], Checkpoint]
    sure: bool = True


def is_zip(head: bytes) -> bool:
    """Whether a file that starts with these bytes is a zip archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _zip(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.torch_zip import open_torch_zip
    from stridescope.readers.files.zips import zip_entries

    try:
        entries = zip_entries(source)
    except BrokenFile as error:
        if error.at is None:
            # Made to deceive: nothing of it is believed.
            raise
        return open_torch_zip(source, None, path, str(error))
    if any(name.endswith(".npy") for name in entries) and not any(name.endswith("data.pkl") for name in entries):
        from stridescope.readers.files.npy import open_npz

        return open_npz(source, entries, path)
    return open_torch_zip(source, entries, path, None)


def _legacy(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.torch_legacy import open_torch_legacy

    return open_torch_legacy(source, path)


def _tar(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.torch_tar import open_torch_tar

    return open_torch_tar(source, path)


def _safetensors(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.safetensors import open_safetensors

    return open_safetensors(source, path)


def _npy(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.npy import open_npy

    return open_npy(source, path)


def _gguf(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.gguf import open_gguf

    return open_gguf(source, path)


def _index(source: Source, path: str) -> Checkpoint:
    from stridescope.readers.files.sharded import open_index

    return open_index(source, path)


def _starts_a_header(head: bytes) -> bool:
    """Whether 8 bytes are a length, and JSON follows."""
    return len(head) > 9 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 40


_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How every file of torch's old format starts: its magic number, pickled."""

_FORMATS = (
    _Format(is_zip, _zip),
    _Format(lambda head: head[:6] == b"\x93NUMPY", _npy),
    _Format(lambda head: head[:4] == b"GGUF", _gguf),
    _Format(_starts_a_header, _safetensors),
    _Format(lambda head: head[257:262] == b"ustar" or head[:8] in (b"sys_info", b"storages"), _tar),
    _Format(lambda head: head.startswith(_LEGACY), _legacy),
    _Format(lambda head: head.lstrip()[:1] == b"{", _index, sure=False),
    _Format(lambda head: head[:1] in b"\x80(}]cI\x8aL", _legacy, sure=False),
)
