"""`FILE` and `FILE::NAME`: what a text that names a file means, and which tensor of it.

Problem: a target is typed by hand; a tensor's name is long, and the file's own is easily mistaken for an expression.
Method: a text is a file where one exists, or where it ends as files of tensors do. A name is taken as it stands, then
as the end of exactly one name; else the names near it are told.

Cost: one look at the file system; a name, linear in the names only where it is no name as it stands.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from typing import TYPE_CHECKING

from stridescope.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import Checkpoint, ReadValues, TensorInfo

__all__ = ["full_name", "is_file_target", "split_target", "tensor_of"]

_FILE = re.compile(
    r"[^()\[\]=;\n]+\.(?:pt|pth|pt2|bin|ckpt|jit|tar|safetensors|npy|npz|gguf|json|py)(?:::.*)?", re.DOTALL
)
SUGGESTED = 3
COMPARED = 2000
"""Names that are compared letter by letter with one that is none."""


def is_file_target(text: str) -> bool:
    """Whether a text names a file or a directory, there or not.

    >>> is_file_target("model.safetensors::wte.weight"), is_file_target("torch.arange(12)")
    (True, False)
    """
    # os.path.exists takes a text of any length, and programs are long.
    return _FILE.fullmatch(text) is not None or os.path.exists(split_target(text)[0])  # noqa: PTH110


def split_target(text: str) -> tuple[str, str | None]:
    """(path, name of a tensor) of `FILE::NAME`; the path is the shortest that exists, where one does.

    >>> split_target("a.pt::layers.0.weight"), split_target("a.pt")
    (('a.pt', 'layers.0.weight'), ('a.pt', None))
    """
    places = [match.start() for match in islice(re.finditer("::", text), 8)]
    for place in places:
        if os.path.exists(text[:place]):  # noqa: PTH110
            return text[:place], text[place + 2 :] or None
    if not places or os.path.exists(text):  # noqa: PTH110
        return text, None
    return text[: places[0]], text[places[0] + 2 :] or None


def full_name(checkpoint: Checkpoint, name: str) -> str:
    """The name of a tensor, or of an inner one as `name.part`, that `name` is or is the end of.

    Raises:
        TargetError: it is none, or the end of several; the message names some.
    """
    if name in checkpoint or _is_part(checkpoint, name):
        return name
    ends = [whole for whole in checkpoint if whole.endswith(name) and whole[: -len(name)].endswith((".", "::", "]"))]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise TargetError(
            f"{len(ends):,} names in {checkpoint.path!r} end in {name!r}: {_listed(ends)}; write more of one"
        )
    if not len(checkpoint):
        raise TargetError(f"{checkpoint.path!r} holds no tensor, so none is called {name!r}")
    near = _near(checkpoint, name)
    advice = f"near it: {_listed(near)}" if near else f"it has {len(checkpoint):,}, {next(iter(checkpoint))!r} first"
    raise TargetError(f"{checkpoint.path!r} has no tensor {name!r}; {advice}")


def tensor_of(checkpoint: Checkpoint, name: str) -> tuple[TensorInfo, ReadValues]:
    """(the tensor of a name or of the end of one, what reads its values).

    Raises:
        TargetError: as for `full_name`.
    """
    whole = full_name(checkpoint, name)
    return checkpoint.part(whole).named(whole), checkpoint.read(whole)


def _is_part(checkpoint: Checkpoint, name: str) -> bool:
    try:
        checkpoint.part(name)
    except KeyError:
        return False
    return True


def _near(checkpoint: Checkpoint, name: str) -> list[str]:
    from difflib import get_close_matches

    last = name.lower().rpartition(".")[2]
    inside = list(islice((whole for whole in checkpoint if name.lower() in whole.lower()), COMPARED))
    alike = list(islice((whole for whole in checkpoint if whole.lower().endswith(last)), COMPARED))
    return get_close_matches(name, inside or alike or list(islice(checkpoint, COMPARED)), SUGGESTED, 0.4)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 80 else f"{name[:79]}…" for name in names[:SUGGESTED])
    return f"{shown} and {len(names) - SUGGESTED:,} more" if len(names) > SUGGESTED else shown
