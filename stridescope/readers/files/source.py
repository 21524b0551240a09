"""A file's bytes, read where they are asked for and nowhere else.

Problem: a checkpoint of many gigabytes is opened for the few kilobytes that say what is in it, by people who do not
trust it. Method: plain reads at plain offsets, each checked against the file's size first; nothing is mapped, written
or kept open. A `Source` may be a window on another file, for an archive inside an archive.

Cost: one seek and one read for each stretch.
"""

from __future__ import annotations

import gc
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from stridescope.errors import TargetError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

__all__ = ["Blob", "BrokenFile", "Source", "a_count", "a_number", "uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Inside, no garbage is looked for: hundreds of thousands of values are made here, and none of them is any."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class BrokenFile(UnreadableError):  # noqa: N818 - what is so, as in errors.py
    """A file that ends early or does not hold what its format says; `at` is the byte where, where that is known."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at


class Blob(NamedTuple):
    """Where the bytes of one storage lie.

    Attributes:
        source: the file; None where `inside` holds the bytes.
        offset, nbytes: in bytes, of the window that `source` is.
        packed: how they are compressed: "" or "deflate"; then `nbytes` counts them unpacked, and `packed_nbytes` as
            they lie in the file.
        within: bytes before the first of the storage, of those that are unpacked.
    """

    source: Source | None
    offset: int
    nbytes: int
    packed: str = ""
    packed_nbytes: int = 0
    within: int = 0
    inside: bytes = b""


class Source:
    """A regular file, or `nbytes` of it from `start` on, in bytes.

    Raises:
        TargetError: there is no such file, or it may not be read, or it is no regular file.
    """

    __slots__ = ("_mark", "_open", "path", "size", "start")

    def __init__(self, path: str, start: int = 0, nbytes: int | None = None) -> None:
        self.path = path
        self.start = start
        self._open: FileIO | None = None
        try:
            found = os.stat(path)  # noqa: PTH116 - pathlib is loaded nowhere on this way
        except (OSError, ValueError) as error:
            raise TargetError(f"cannot read {path!r}: {getattr(error, 'strerror', None) or error}") from None
        if not stat.S_ISREG(found.st_mode):
            raise TargetError(f"cannot read {path!r}: it is no regular file")
        self._mark = found.st_size, found.st_mtime_ns
        self.size = found.st_size - start if nbytes is None else nbytes

    def window(self, offset: int, nbytes: int) -> Source:
        """A part of it as a file of its own."""
        self._check(offset, nbytes)
        return Source(self.path, self.start + offset, nbytes)

    @contextmanager
    def opened(self) -> Iterator[FileIO]:
        """The file, unbuffered, for several reads in a row.

        Raises:
            TargetError: it cannot be read, or is another file by now.
        """
        try:
            file = open(self.path, "rb", buffering=0)  # noqa: PTH123, SIM115 - as above; closed below
        except OSError as error:
            raise TargetError(f"cannot read {self.path!r}: {error.strerror or error}") from None
        with file:
            found = os.fstat(file.fileno())
            if (found.st_size, found.st_mtime_ns) != self._mark:
                raise TargetError(f"{self.path!r} has changed since it was opened; open it again")
            yield file

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Inside, every `read` is of one open file: for a read of each of many entries."""
        with self.opened() as file:
            self._open = file
            try:
                yield
            finally:
                self._open = None

    def read(self, offset: int, nbytes: int, file: FileIO | None = None) -> bytes:
        """Exactly these bytes.

        Raises:
            BrokenFile: they lie outside the file.
        """
        self._check(offset, nbytes)
        file = file or self._open
        if file is None:
            with self.opened() as file:
                return self.read(offset, nbytes, file)
        file.seek(self.start + offset)
        found = file.read(nbytes)
        while len(found) < nbytes:
            # One call gives at most 2 GiB, and less over a network.
            more = file.read(nbytes - len(found))
            if not more:
                raise BrokenFile(f"the file ends at byte {offset + len(found):,}", offset + len(found))
            found += more
        return found

    def _check(self, offset: int, nbytes: int) -> None:
        if offset < 0 or nbytes < 0 or offset + nbytes > self.size:
            raise BrokenFile(
                f"the file ends early, at byte {self.size:,}: {a_count(nbytes, 'byte')} from byte {a_number(offset)} "
                f"on {'is' if nbytes == 1 else 'are'} needed",
                min(max(offset, 0), self.size),
            )


def a_number(number: int) -> str:
    """A number that a file quotes, written out as far as a reader can take it in."""
    return f"{number:,}" if abs(number) < 10**24 else "more than 10**24"


def a_count(number: int, what: str) -> str:
    """A number of things in words.

    >>> a_count(1, "byte"), a_count(12000, "byte")
    ('1 byte', '12,000 bytes')
    """
    return f"{a_number(number)} {what}{'' if number == 1 else 's'}"
