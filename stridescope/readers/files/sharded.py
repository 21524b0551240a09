"""Several files as one checkpoint: a shard index, a directory.

Problem: a large model is split over files, and an index in JSON says which tensor is in which; or there are just files
in a folder. Method: each file is opened by its own reader, once; names lead to a file and the name there. The index may
name files of its own folder alone: a path that leads elsewhere is refused, not followed.

Cost: that of the files. Source: the `*.index.json` of transformers and diffusers, `{"metadata", "weight_map"}`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from stridescope.errors import StridescopeError, TargetError, UnreadableError
from stridescope.readers.files.contents import Joined
from stridescope.readers.files.source import BrokenFile, Source
from stridescope.records import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["open_directory", "open_index"]

LARGEST_INDEX = 256 << 20
FILES = 10_000
"""Files of one directory or index that are opened."""


def open_index(source: Source, path: str) -> Checkpoint:
    """The tensors that a shard index names.

    Raises:
        UnreadableError: it is JSON of something else.
    """
    from stridescope.readers.files.jsons import loads

    if source.size > LARGEST_INDEX:
        raise UnreadableError(f"{path!r} is no shard index: it would be {source.size:,} bytes")
    found = loads(source.read(0, source.size), "the index")
    listed = found.get("weight_map") if type(found) is dict else None
    if type(listed) is not dict:
        raise UnreadableError(f"{path!r} is JSON, and no shard index: it has no weight_map")
    folder = os.path.dirname(path)  # noqa: PTH120 - pathlib is loaded nowhere on this way
    wanted: dict[str, None] = {}
    for name, file in listed.items():
        if type(file) is not str or not _is_inside(file):
            raise UnreadableError(f"{path!r} says that {name!r:.60} is in {file!r:.80}, which is no file beside it")
        wanted[file] = None
    if len(wanted) > FILES:
        raise UnreadableError(f"{path!r} names {len(wanted):,} files; {FILES:,} are opened at most")
    files, notes = _opened(folder, wanted)
    names = {name: (file, name) for name, file in listed.items() if file in files and name in files[file]}
    absent = [name for name, file in listed.items() if file in files and name not in files[file]]
    if absent:
        notes.append(f"{len(absent):,} tensors are not in the file that the index says, {absent[0]!r:.60} first")
    lost = [file for file in wanted if file not in files]
    told = found.get("metadata")
    return Checkpoint(
        "sharded",
        path,
        Joined(names, files, None),
        _calls(files),
        told if type(told) is dict else {},
        tuple(notes),
        _broken(files, lost, len(wanted)),
    )


def _is_inside(file: str) -> bool:
    """Whether a name is that of a file in the same folder, or below it."""
    parts = file.replace("\\", "/").split("/")
    return "\0" not in file and not any(part in ("", "..") or ":" in part for part in parts)


def _opened(folder: str, wanted: Mapping[str, None]) -> tuple[dict[str, Checkpoint], list[str]]:
    """(the files that can be read, by name; sentences on the others)."""
    from stridescope.readers.files.opening import open_source

    files: dict[str, Checkpoint] = {}
    notes: list[str] = []
    for file in wanted:
        path = os.path.join(folder, file)  # noqa: PTH118
        try:
            checkpoint = open_source(Source(path), path)
        except (StridescopeError, ValueError) as error:
            notes.append(str(error))
            continue
        if checkpoint.format != "sharded":
            files[file] = checkpoint
    return files, notes[:8]


def _calls(files: Mapping[str, Checkpoint]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(call for checkpoint in files.values() for call in checkpoint.calls))


def _broken(files: Mapping[str, Checkpoint], lost: list[str], total: int) -> str | None:
    if lost:
        return f"{len(lost):,} of {total:,} files cannot be read, {lost[0]!r:.60} first"
    for file, checkpoint in files.items():
        if checkpoint.broken is not None:
            return f"{file}: {checkpoint.broken}"
    return None


def open_directory(path: str) -> Checkpoint:
    """The tensors of the files in a directory, as `file::name`; of its index or its distributed checkpoint, if any.

    Raises:
        TargetError: it cannot be listed.
        UnreadableError: it has no checkpoint in it.
    """
    try:
        listed = sorted(os.listdir(path))  # noqa: PTH208 - as above
    except OSError as error:
        raise TargetError(f"cannot read {path!r}: {error.strerror or error}") from None
    if ".metadata" in listed:
        from stridescope.readers.files.distributed import open_distributed

        return open_distributed(path)
    indexes = [name for name in listed if name.endswith(".index.json")]
    if len(indexes) == 1:
        index = os.path.join(path, indexes[0])  # noqa: PTH118
        checkpoint = open_index(Source(index), index)
        return Checkpoint(
            "sharded",
            path,
            checkpoint.contents,
            checkpoint.calls,
            checkpoint.metadata,
            (f"by its index, {indexes[0]}", *checkpoint.notes),
            checkpoint.broken,
        )
    files, notes = _opened(path, {name: None for name in listed[:FILES] if _may_be_one(os.path.join(path, name))})  # noqa: PTH118
    if not files:
        raise UnreadableError(f"{path!r} has no checkpoint in it that is known here")
    names: dict[str, Any] = {
        f"{file}::{name}": (file, name) for file, checkpoint in files.items() for name in checkpoint
    }
    trees = lambda: {file: checkpoint.tree for file, checkpoint in files.items()}  # noqa: E731 - one line, used once
    return Checkpoint(
        "directory", path, Joined(names, files, trees), _calls(files), {}, tuple(notes), _broken(files, [], len(files))
    )


def _may_be_one(path: str) -> bool:
    """Whether a file starts as a checkpoint does: the others in a directory are no reason to complain."""
    from stridescope.readers.files.opening import is_known

    try:
        source = Source(path)
        return source.size > 0 and is_known(source)
    except (TargetError, BrokenFile):
        return False
