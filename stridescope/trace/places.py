"""The source line that a person wrote: the first frame outside torch and installed libraries.

Problem: an op is called from deep inside `torch.nn`, a wrapper library and a decorator, and the line to show is the
user's. Method: walk the frames outward; a file is a library's if it lies in the standard library, in a directory where
packages are installed, in torch or in this package, or where the caller says so. What is known of a file is kept by
its name, and of a place in code by the code and the instruction: turning that into a line number walks a table.

Cost: about 50 ns a frame.
"""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Sequence
from functools import cache
from types import CodeType, FrameType
from typing import NamedTuple

__all__ = ["NOWHERE", "Place", "Places", "library_paths"]


class Place(NamedTuple):
    """A line of source; of no file where there is none that is a person's."""

    file: str | None
    line: int | None
    function: str | None = None


NOWHERE = Place(None, None)

_LIBRARY_FILES: set[str] = set()
_FILES: set[str] = set()


@cache
def library_paths(_: bool = False) -> tuple[str, ...]:
    """The directories whose code nobody here wrote, each with a separator at its end.

    Asked for anew once torch is there, whose directory is one of them.
    """
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_path(name) for name in names]
    found += [*site.getsitepackages(), site.getusersitepackages()] if hasattr(site, "getsitepackages") else []
    torch = getattr(sys.modules.get("torch"), "__file__", None)
    found += [os.path.dirname(torch)] if torch else []  # noqa: PTH120
    found.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    both = {path for given in found if given for path in (given, os.path.realpath(given))}
    return tuple(sorted(os.path.join(path, "") for path in both))  # noqa: PTH118


class Places:
    """Numbers for source lines.

    Args:
        skip: further directories or files that are a library's.
        within: if given, only files in these directories are a person's.
    """

    def __init__(self, skip: Sequence[str] = (), within: Sequence[str] = ()) -> None:
        self._libraries = library_paths("torch" in sys.modules)
        self._skip = tuple(map(os.path.realpath, skip))
        self._within = tuple(map(os.path.realpath, within))
        # What is known of files is known to every trace, but for those that were told more.
        self._theirs, self._ours = (set(), set()) if skip or within else (_LIBRARY_FILES, _FILES)
        self._known: dict[tuple[int, int], tuple[int, CodeType]] = {}
        self._numbers: dict[Place, int] = {NOWHERE: 0}
        self.places: list[Place] = [NOWHERE]

    def number(self, frame: FrameType | None) -> int:
        """The number of the place that a frame, or the nearest one outside it, is at; 0 for none."""
        theirs = self._theirs
        while frame is not None:
            code = frame.f_code
            if code.co_filename not in theirs:
                known = self._known.get((id(code), frame.f_lasti))
                if known is not None:
                    return known[0]
                if code.co_filename in self._ours or self._is_ours(code.co_filename):
                    self._ours.add(code.co_filename)
                    return self._add((id(code), frame.f_lasti), frame, code)
                theirs.add(code.co_filename)
            frame = frame.f_back
        return 0

    def _add(self, key: tuple[int, int], frame: FrameType, code: CodeType) -> int:
        # The code is kept with its number, so that its id stays its own.
        place = Place(code.co_filename, frame.f_lineno, code.co_name)
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self.places)
            self.places.append(place)
        self._known[key] = number, code
        return number

    def _is_ours(self, file: str) -> bool:
        if file.startswith("<"):
            # "<stdin>", "<string>" and a notebook's cells are typed by a person; "<frozen ...>" is not.
            return not file.startswith(("<frozen ", "<__array_function__", "<eval_with_key>")) and not self._within
        path = os.path.realpath(file)
        if any(_is_in(path, skip) for skip in self._skip):
            return False
        if self._within:
            return any(_is_in(path, inside) for inside in self._within)
        return not file.startswith(self._libraries) and not path.startswith(self._libraries)


def _is_in(path: str, directory: str) -> bool:
    return path == directory or path.startswith(os.path.join(directory, ""))  # noqa: PTH118
