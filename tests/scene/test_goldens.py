"""Pictures on file: the text of a frame, and below each line the looks of its runs.

A line of a file is a line of the picture. Under a line with cells stands, from the column where it starts, each cell's
level on the ramp as two hexadecimal digits and a sign for its marks; so a change of a colour or of a mark is seen.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from stage_cases import PROGRAMS, scene_of

from stridescope.scene.frame import Frame, Mark, plain_text
from stridescope.scene.view import View

GOLDEN = Path(__file__).parent / "golden"

SIGNS = {
    Mark.CURSOR: "c",
    Mark.TWIN: "t",
    Mark.WRITTEN: "w",
    Mark.ODD: "n",
    Mark.LEFT: "f",
    Mark.POINTER: "p",
    Mark.BROKEN: "b",
    Mark.DIM: "d",
    Mark.TRAIL: "r",
}

MAIN = PROGRAMS["main"]
MERGE = PROGRAMS["refused merge"]
CASES: dict[str, tuple[str, float, View]] = {
    "main": (MAIN, 3, View(60, 14)),
    "main_cursor": (MAIN, 3, View(100, 24, cursor=(2, 1))),
    "main_transposing": (MAIN, 1.5, View(100, 24)),
    "main_ascii": (MAIN, 3, View(60, 14, ascii=True, coloured=False)),
    "refused": (MERGE, 3, View(100, 24)),
    "copying": ("torch.arange(12).view(3, 4).t().contiguous()", 2.6, View(100, 24)),
    "expanding": ("torch.arange(4).view(4, 1).expand(4, 6)", 1.5, View(60, 14)),
    "aliases": (PROGRAMS["aliases"].replace("\n", "; "), 3, View(200, 58, values=True)),
    "walking": ("torch.arange(12).view(3, 4).t()", 2, View(100, 24, walk=5)),
    "blocks_dim": ("torch.arange(24).view(2, 3, 4)", 1, View(200, 58, cursor=(1, 1, 2), dim=1)),
    "huge": (PROGRAMS["huge"], 2, View(100, 24, cursor=(3, 4))),
    "joined": ("torch.cat([torch.arange(4), torch.arange(3)])", 2, View(60, 14, values=True)),
    "windows": ("torch.arange(8).unfold(0, 3, 1)", 1, View(60, 14, cursor=(1, 1))),
}


def written(frame: Frame) -> str:
    """The picture as the text of a file."""
    lines = []
    for row, text in zip(frame.rows, plain_text(frame), strict=True):
        looks = ""
        for x, part in row:
            if part.look.role == "cell" and part.text.strip():
                marks = "".join(sign for mark, sign in SIGNS.items() if part.look.marks & mark)
                looks = f"{looks:<{x}}{part.look.level:02x}{marks}"
        lines += [f"|{text}", *([f"~{looks}"] if looks else [])]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_the_picture_is_the_one_on_file(name):
    """Rewrite the files with STRIDESCOPE_GOLDEN=1, then read the difference."""
    source, position, view = CASES[name]
    path = GOLDEN / f"{name}.{view.width}x{view.height}.txt"
    text = f"{source} @ {position}\n{written(scene_of(source).frame(position, view))}"
    if os.environ.get("STRIDESCOPE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_picture_on_file_is_of_no_case():
    named = {f"{name}.{view.width}x{view.height}.txt" for name, (_, _, view) in CASES.items()}
    assert {path.name for path in GOLDEN.iterdir()} == named
