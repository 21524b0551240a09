"""In-place writes that land twice on one address.

Problem: `torch.arange(8).unfold(0, 3, 1).mul_(2)` runs, and multiplies some elements three times: torch looks for dims
of stride 0 alone. Method: the exact overlap of what was written; where it meets itself, the address met most often, if
few elements are written, else the address of the witness.

Cost: that of `Layout.overlap`, and one count of up to 4,096 addresses.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from stridescope.scene.sentences import joined
from stridescope.scene.text import count, index_text

if TYPE_CHECKING:
    from stridescope.layout import Layout

__all__ = ["hazard"]

COUNTED = 4096
NAMED = 3
TIMES = {2: "twice", 3: "three times", 4: "four times"}


def hazard(layout: Layout, source: str) -> str:
    """What is wrong with a write through `layout`; empty where each address is written once.

    >>> from stridescope.layout import Layout
    >>> hazard(Layout((6, 3), (1, 1)), "unfold(0, 3, 1).mul_(2)").partition("; ")[0]
    'unfold(0, 3, 1).mul_(2) writes address 2 three times, at [0, 2], [1, 1] and [2, 0]'
    """
    found = layout.overlap()
    if found.verdict == "undecided":
        return f"whether {source} writes an address twice is {found}"
    if found.verdict == "no":
        return ""
    if found.witness is None:
        return f"{source} writes more elements than there are addresses, some of them twice"
    address = layout.address(found.witness[0])
    if layout.numel <= COUNTED:
        tally = Counter(layout.addresses())
        address = max(tally, key=lambda place: (tally[place], -place))
    indices = list(islice(layout.indices_of(address), COUNTED + 1))
    more = len(indices) > COUNTED
    times = f"over {count(COUNTED)} times" if more else TIMES.get(len(indices), f"{count(len(indices))} times")
    named = sorted(indices[: NAMED if len(indices) > NAMED + 1 else NAMED + 1])
    words = [index_text(index) for index in named]
    where = f"{', '.join(words)} and more" if len(indices) > len(named) else joined(words)
    return f"{source} writes address {count(address)} {times}, at {where}; what is left there is undefined"
