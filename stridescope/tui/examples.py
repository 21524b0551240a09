"""Things to try: a dozen programs, each of which shows one idea.

Problem: a person who opens the app for the first time should see within a second what it is for. Method: a table; each
row has a key of its own on the home screen and an entry in the palette. Cost: none.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EXAMPLES", "Example"]


class Example(NamedTuple):
    """One thing to try.

    Attributes:
        key: the key that opens it.
        idea: its name, a few words.
        source: the program.
        sentence: what it shows.
        effect: what its last step does.
    """

    key: str
    idea: str
    source: str
    sentence: str
    effect: str


EXAMPLES = (
    Example(
        "1",
        "row-major",
        "torch.arange(12).view(3, 4)",
        "One row after another: a step down is 4 elements of storage, a step right is 1.",
        "view",
    ),
    Example(
        "2",
        "transpose",
        "torch.arange(12).view(3, 4).t()",
        "The strides trade places and the storage stays as it is: nothing is moved.",
        "view",
    ),
    Example(
        "3",
        "slice with a step",
        "torch.arange(24).view(4, 6)[1:, ::2]",
        "An offset and longer strides; what it leaves out stays in the storage.",
        "view",
    ),
    Example(
        "4",
        "expand",
        "torch.arange(4).view(4, 1).expand(4, 6)",
        "Stride 0: six columns, and every one of them is the same four elements.",
        "view",
    ),
    Example(
        "5",
        "diagonal",
        "torch.arange(25).view(5, 5).diagonal()",
        "One row down and one column right in a single stride of 6.",
        "view",
    ),
    Example(
        "6",
        "rolling window",
        "torch.arange(12).unfold(0, 4, 2)",
        "Windows that overlap share their elements: 20 cells over 12 places.",
        "view",
    ),
    Example(
        "7",
        "flip in numpy",
        "np.arange(12).reshape(3, 4)[::-1]",
        "numpy may walk backwards, with a negative stride; torch.flip has to copy.",
        "view",
    ),
    Example(
        "8",
        "a view that is refused",
        "torch.arange(12).view(3, 4).t().view(12)",
        "No single stride walks it: which two dims cannot merge, and what works instead.",
        "refused",
    ),
    Example(
        "9",
        "reshape that copies",
        "torch.arange(12).view(3, 4).t().reshape(12)",
        "The same shape asked for with reshape: it silently copies all 96 bytes.",
        "copy",
    ),
    Example(
        "a",
        "contiguous",
        "torch.arange(12).view(3, 4).t().contiguous()",
        "A second storage, filled in index order: what contiguous() costs, and gives.",
        "copy",
    ),
    Example(
        "b",
        "channels_last",
        "torch.arange(24).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)",
        "The shape stays; in the storage the channels of a pixel come to lie together.",
        "copy",
    ),
    Example(
        "c",
        "cat and stack",
        "x = torch.arange(6).view(2, 3); y = torch.cat([x, x]); z = torch.stack([x, x], 2)",
        "cat goes on along a dim, stack makes a new one; both copy every element.",
        "copy",
    ),
    Example(
        "d",
        "aliases and a write",
        "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10)",
        "Three names over one storage: a write through one of them shows in all.",
        "write",
    ),
)
