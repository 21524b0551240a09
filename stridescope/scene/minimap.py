"""All of a grid in a few characters, with the part in sight marked.

Problem: a grid of which 13 rows of 1,000,000 are in sight needs a place where one sees where that is. Method: the plane
of the grid is sampled at the middle of each character, coloured as its cell is, full where it lies in sight and light
elsewhere. Cost: one address for each character, whatever numel is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.scene.frame import Piece, piece

if TYPE_CHECKING:
    from stridescope.scene.arrange import Pane
    from stridescope.scene.track import Track

__all__ = ["is_whole", "minimap", "shown_text"]

WIDTH, HEIGHT = 28, 7
LEAST_HEIGHT = 3


def is_whole(pane: Pane) -> bool:
    """Whether all of a grid is in sight."""
    tiles, body = pane.tiles, pane.body
    return tiles is None or (tiles.width <= body.width and tiles.height <= body.height)


def shown_text(pane: Pane, *, ascii: bool = False) -> str:
    """What part of a grid is in sight, as a slice; of more than two dims, where there is more.

    "" where all of it is.
    """
    tiles, body = pane.tiles, pane.body
    if tiles is None or is_whole(pane):
        return ""
    shape = tiles.shape
    if len(shape) > 2:
        ways = (
            (pane.left > 0, "←", "<"),
            (pane.top > 0, "↑", "^"),
            (pane.top + body.height < tiles.height, "↓", "v"),
            (pane.left + body.width < tiles.width, "→", ">"),
        )
        return "more " + " ".join(plain if ascii else drawn for there, drawn, plain in ways if there)
    first_row, first = pane.top // tiles.pitch_y, pane.left // tiles.pitch_x
    rows = max((body.height - tiles.head + tiles.pitch_y - tiles.cell_height) // tiles.pitch_y, 0)
    columns = max((body.width - tiles.label + 1) // tiles.pitch_x, 0)
    if len(shape) == 1:
        start = first_row * tiles.across
        return f"[{start:,}:{min(start + rows * tiles.across, shape[0]):,}] in sight"
    last_row, last = min(first_row + rows, shape[0]), min(first + columns, shape[1])
    return f"[{first_row:,}:{last_row:,}, {first:,}:{last:,}] in sight"


def minimap(
    pane: Pane, track: Track | None, room: tuple[int, int], *, ascii: bool = False
) -> tuple[tuple[Piece, ...], ...]:
    """The lines of the map, at most `room` (width, height) large; none where all is in sight or there is no room."""
    tiles, layout, body = pane.tiles, pane.member.info.layout, pane.body
    if tiles is None or layout is None or is_whole(pane) or not layout.numel or room[1] < LEAST_HEIGHT:
        return ()
    # A cell of the map is about as wide as it is high when two characters stand side by side.
    shown = max(tiles.width // tiles.pitch_x, 1), max(tiles.height // tiles.pitch_y, 1)
    width, height = min(WIDTH, room[0], shown[0]), min(HEIGHT, room[1], shown[1])
    full, light = ("#", ":") if ascii else ("█", "░")
    lines = []
    for row in range(height):
        y = (2 * row + 1) * tiles.height // (2 * height)
        line = []
        for column in range(width):
            x = (2 * column + 1) * tiles.width // (2 * width)
            index = tiles.nearest(x, y)
            low_x, high_x = column * tiles.width // width, (column + 1) * tiles.width // width
            low_y, high_y = row * tiles.height // height, (row + 1) * tiles.height // height
            sees = (
                low_x < pane.left + body.width
                and high_x > pane.left
                and low_y < pane.top + body.height
                and high_y > pane.top
            )
            if index is None:
                line.append(piece(" "))
            else:
                level = track.level(layout.address(index) * pane.member.scale) if track is not None else 0
                line.append(piece(full if sees else light, "bar", level))
        lines.append(tuple(line))
    return tuple(lines)
