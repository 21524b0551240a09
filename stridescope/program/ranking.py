"""Which names come first, of those that match what is typed.

Problem: two hundred methods match an empty word, and people mean a dozen of them. Method: names that start with the
word; only where there are none those that hold it, then those that have its letters in order; within each, a table of
what is common, then the alphabet. Cost: O(names).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stridescope.program.ops import Owner

__all__ = ["COMMON", "offered", "ranked"]

_FIRST: dict[Owner, str] = {
    "tensor": """view reshape t transpose permute expand unsqueeze contiguous flatten squeeze T clone unfold diagonal
        select narrow flip repeat split chunk unbind movedim roll to float as_strided unflatten view_as mT detach
        broadcast_to repeat_interleave tile stride shape numel storage_offset is_contiguous size dtype""",
    "torch": """arange zeros ones empty tensor rand randn full eye linspace cat stack randint zeros_like ones_like
        empty_strided flip roll transpose permute reshape as_strided where diag hstack vstack from_numpy float32 int64
        bool float16 bfloat16 float64 int32 uint8 complex64 channels_last contiguous_format""",
    "ndarray": """reshape T transpose ravel flatten copy swapaxes squeeze astype view repeat take diagonal strides shape
        ndim size dtype""",
    "np": """arange zeros ones array empty full eye linspace concatenate stack flip transpose reshape broadcast_to
        expand_dims roll tile moveaxis ascontiguousarray asfortranarray rot90 where float32 float64 int64 int32 uint8
        bool_""",
}
COMMON: dict[Owner, dict[str, int]] = {
    owner: {name: rank for rank, name in enumerate(names.split())} for owner, names in _FIRST.items()
}
"""Owner -> the names that come first where several match alike, and their rank."""


def offered(ops: Iterable[str], word: str) -> list[str]:
    """The names that are offered: those of ops in place only to one who types them, operators never.

    >>> offered(["add", "add_", "zero_", "__add__"], "ad"), offered(["add", "add_", "zero_"], "ze")
    (['add'], ['add', 'add_', 'zero_'])
    """
    names = [name for name in ops if not name.startswith("__")]
    plain = [name for name in names if not name.endswith("_")]
    if not word.endswith("_") and (not word or any(name.startswith(word) for name in plain)):
        return plain
    return names


def ranked(word: str, names: list[str], common: Mapping[str, int]) -> list[str]:
    """The names that match a word: those that start with it; without any, those that hold it or have its letters.

    >>> ranked("tr", ["t", "transpose", "stride"], {}), ranked("ri", ["t", "transpose", "stride", "tril_x"], {})
    (['transpose'], ['stride', 'tril_x'])
    """
    sought = word.lower()
    letters = re.compile(".*".join(map(re.escape, sought)))

    def rank(name: str) -> int:
        low = name.lower()
        if low.startswith(sought):
            return 0 if name.startswith(word) else 1
        if len(sought) < 2:
            return 4
        return 2 if sought in low else 3 if low[:1] == sought[:1] and letters.match(low) else 4

    ranks = {name: rank(name) for name in names}
    last = len(common)
    most = 2 if any(found < 2 for found in ranks.values()) else 4
    kept = [name for name in names if ranks[name] < most]
    return sorted(kept, key=lambda name: (ranks[name], name != word, common.get(name, last), name))
