"""Programs for the Stage, each an idea that a picture can get wrong, and readers of finished pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stridescope.program import run
from stridescope.records import History
from stridescope.scene.frame import Frame, Look, size_of
from stridescope.scene.stage import Scene
from stridescope.scene.view import View

# One chain: the real library runs it part by part, so each part is one step.
CHAINS: dict[str, tuple[str, ...]] = {
    "main": ("torch.arange(12)", ".view(3, 4)", ".t()", "[1:, ::2]"),
    "blocks": ("torch.arange(24)", ".view(2, 3, 4)", ".permute(2, 0, 1)", ".contiguous()", ".flip(0)"),
    "four dims": ("torch.arange(48)", ".view(2, 3, 2, 4)", ".permute(0, 2, 3, 1)", ".flatten(1, 2)"),
    "eight dims": ("torch.arange(64)", ".view(2, 1, 2, 2, 2, 1, 2, 2)", ".permute(7, 6, 5, 4, 3, 2, 1, 0)"),
    "expand": ("torch.arange(4)", ".view(4, 1)", ".expand(4, 6)", ".clone()"),
    "windows": ("torch.arange(10)", ".unfold(0, 4, 2)", ".t()", ".reshape(-1)"),
    "diagonal": ("torch.arange(20)", ".reshape(4, 5)", ".diagonal(1)", ".clone()"),
    "one element": ("torch.tensor(7)", ".view(1, 1)", ".expand(3, 1)", ".squeeze(1)"),
    "nothing": ("torch.arange(0)", ".view(0, 4)", ".t()"),
    "emptied": ("torch.arange(12)", ".view(3, 4)", "[3:]", ".t()"),
    "smaller items": ("torch.arange(6)", ".clone()", ".view(torch.int16)", "[4:]"),
    "larger items": ("torch.arange(16, dtype=torch.int16)", ".view(torch.int64)", "[1:]", ".clone()"),
    "bytes": ("torch.arange(3, dtype=torch.int32)", ".view(torch.uint8)", ".view(3, 4)", ".t()"),
    "channels last": ("torch.arange(48)", ".view(2, 3, 2, 4)", ".contiguous(memory_format=torch.channels_last)"),
    "complex": ("torch.zeros(4, dtype=torch.complex64)", ".imag", "[::2]"),
    "flipped": ("np.arange(12)", ".reshape(3, 4)", "[::-1, ::-2]", ".T", ".copy()"),
    "reshaped": ("torch.arange(12)", ".view(3, 4)", ".t()", ".reshape(2, 6)"),
    "repeated": ("torch.arange(4)", ".repeat(2, 3)", "[:, 1::3]"),
    "rolled": ("torch.arange(6.)", ".view(2, 3)", ".roll(1, 1)", ".t()"),
    "long": ("torch.arange(1000)", ".view(10, 100)", ".t()", "[40:60, 3:5]"),
    "far": ("torch.arange(100000)", "[99000:]", ".view(10, 100)", "[5:, ::25]"),
}

# Several statements: every name is compared with the variable of the real library, line by line.
SCRIPTS: dict[str, str] = {
    "aliases": "x = torch.arange(12)\na = x.view(3, 4)\nb = x[::2]\nb.add_(10)\na[1] = 0\na = a.t()",
    "joined": "a = torch.arange(6).view(2, 3)\nb = torch.arange(6, 12).view(2, 3)\nc = torch.cat([a, b])\nd = c.t()",
    "stacked": "a = torch.arange(4)\nb = a[::2]\nc = torch.stack([a[:2], b], 1)",
    "rebound": "x = torch.arange(8)\ny = x.view(2, 4)\nx = x + 1\ny[0] = 7\nx = y.t()\nx = x[1:]",
    "two types": "x = torch.arange(4)\ny = x.view(torch.int32)\ny[::2] = 5\nz = x[1:3]",
    "split": "x = torch.arange(12).view(3, 4)\na, b = x.split(2, 1)\nc, d, e = x.unbind(0)\nb.zero_()\nd[1:] = 9",
    "numpy": "x = np.arange(12).reshape(3, 4)\ny = x[::-1]\ny[0] = 5\nz = np.flip(x, 1).T\nz[1:, 0] = 8",
    "overlapping": "x = torch.arange(6)\nw = x.unfold(0, 3, 1)\nx[2] = 70\ne = x[:1].expand(4)\nx.mul_(2)",
}

REFUSED = {
    "merge": "torch.arange(12).view(3, 4).t().view(12)",
    "named merge": "x = torch.arange(12).view(3, 4); y = x.t(); y.view(-1)",
    "size": "torch.arange(12).view(5, 5)",
    "at once": "torch.arange(12).view(3, 4)[7]",
}

# What has no reference to compare with, and must be drawn all the same.
ODD = {
    "huge": "torch.empty(10**6, 10**6).t()[::2, 5:]",
    "huge strip": "torch.empty(10**12)[10**9:][::10**6]",
    "nine names": "x = torch.arange(30); " + "; ".join(f"v{i} = x[{i}:]" for i in range(9)),
    "many storages": "; ".join(f"s{i} = torch.arange({i + 3})" for i in range(7)),
    "windows of memory": "a = np.arange(8); b = torch.from_numpy(a[2:]); b[1:] = 3; c = b.numpy()[::2]",
    "random": "torch.randn(3, 4).t().contiguous()",
    "many ops": "torch.arange(24)" + ".view(4, 6).t().contiguous()" * 12,
    "infinite": "torch.tensor([1.5, float('nan'), float('inf')]).view(3, 1).expand(3, 2)",
    "in parts": "torch.arange(12).view(3, 4).split(2, 1)",
    "long names": "a_very_long_name_indeed = torch.arange(6); another_long_name = a_very_long_name_indeed[2:]",
    "no memory": "x = torch.arange(0); y = torch.zeros(2, 0, 3); z = y.transpose(0, 2)",
}

PROGRAMS: dict[str, str] = {
    **{name: "".join(parts) for name, parts in CHAINS.items()},
    **SCRIPTS,
    **{f"refused {name}": text for name, text in REFUSED.items()},
    **ODD,
}


def history(name: str) -> History:
    """One of `PROGRAMS`, run on layouts alone."""
    return run(PROGRAMS[name])


def scene_of(source: str) -> Scene:
    """The scene of a program's text."""
    return Scene(run(source))


class Drawn(NamedTuple):
    """A cell as it was found in a picture."""

    text: str
    look: Look


@dataclass(frozen=True)
class Found:
    """What a picture shows, read from its rows alone, named by `Scene.hit`.

    Attributes:
        grid: by (tensor, index); strip: by (storage, position).
        places: (x, y) of the first column of each grid cell's text line.
        positions: (storage, position) that `hit` says a grid cell stands for.
    """

    grid: dict[tuple[str, tuple[int, ...]], Drawn]
    strip: dict[tuple[str, int], Drawn]
    places: dict[tuple[str, tuple[int, ...]], tuple[int, int]]
    positions: dict[tuple[str, tuple[int, ...]], tuple[str, int]]


def found(scene: Scene, position: float, view: View) -> Found:
    """The cells of the picture at a whole position; `hit` must say the same at both ends of each."""
    answer = Found({}, {}, {}, {})
    for y, row in enumerate(scene.frame(position, view).rows):
        for x, part in row:
            if part.look.role != "cell" or not part.text.strip():
                continue
            hits = {scene.hit(position, view, x + column, y) for column in (0, part.size - 1)}
            assert len(hits) == 1, (x, y, part, hits)
            hit = hits.pop()
            assert hit is not None, (x, y, part)
            drawn = Drawn(part.text.strip(), part.look)
            if hit.kind == "cell":
                key = hit.tensor, hit.index
                assert key not in answer.grid, f"{key} is drawn twice"
                answer.grid[key], answer.places[key] = drawn, (x, y)
                answer.positions[key] = hit.storage, hit.address
            else:
                assert hit.kind == "address", hit
                answer.strip[hit.storage, hit.address] = drawn
    return answer


def assert_sound(frame: Frame, view: View) -> None:
    """A picture of the size asked for, in which no run lies outside it or over another."""
    assert (frame.width, frame.height) == (view.width, view.height)
    assert len(frame.rows) == view.height
    for row in frame.rows:
        edge = 0
        for x, part in row:
            assert x >= edge, (row, "overlap")
            assert part.size == size_of(part.text), part
            edge = x + part.size
        assert edge <= view.width, row


def looks(frame: Frame) -> list[list[tuple[int, str, Look]]]:
    """The rows as plain values, for comparing; pieces themselves compare by identity."""
    return [[(x, part.text, part.look) for x, part in row] for row in frame.rows]


def cells_marked(
    scene: Scene, position: float, view: View
) -> tuple[dict[tuple[str, tuple[int, ...]], int], dict[tuple[str, int], int]]:
    """The marks of each cell of the grids, and of the strips."""
    seen = found(scene, position, view)
    return (
        {key: drawn.look.marks for key, drawn in seen.grid.items()},
        {key: drawn.look.marks for key, drawn in seen.strip.items()},
    )
