"""The frame on stage as a file.

Problem: a picture worth showing must leave the terminal without overwriting anything, and look the same on any page.
Method: the same pieces, in full colour on the dark page of `render.vector`; the first number whose file does not exist,
opened so that it must not. Cost: one drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from stridescope.render.ink import Ink
from stridescope.render.vector import svg
from stridescope.tui.looks import Ground, Looks

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.scene.frame import Frame

__all__ = ["MOST", "frame_svg", "save"]

MOST = 10_000
"""Files that may lie there already."""

_GROUND = Ground((0x14, 0x16, 0x1F), (0xD9, 0xDC, 0xE6))


@dataclass(frozen=True)
class _Drawn:
    """A rich renderable of a frame."""

    frame: Frame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        looks = Looks(Ink("truecolor", background="dark"), _GROUND)
        rows = list(self.frame.rows)
        while rows and not rows[-1]:
            rows.pop()
        for row in rows:
            for text, style, _ in looks.strip(row, self.frame.width):
                yield Segment(text, _on_page(style, looks.base))
            yield Segment.line()


def _on_page(style: Style | None, base: Style) -> Style | None:
    """A style without the background that the page brings itself."""
    if style is None or style.bgcolor != base.bgcolor:
        return style
    return Style(color=style.color, bold=style.bold, underline=style.underline)


def frame_svg(frame: Frame, title: str) -> str:
    """A frame as an SVG picture under a title."""
    return svg(_Drawn(frame), frame.width, title)


def save(frame: Frame, title: str, folder: Path | None = None) -> Path:
    """Write a frame to `stridescope-<n>.svg`, n the first number that is free, and say where.

    Raises:
        OSError: it cannot be written there.
    """
    text = frame_svg(frame, title)
    folder = Path() if folder is None else folder
    for number in range(1, MOST + 1):
        path = folder / f"stridescope-{number}.svg"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise FileExistsError(f"there are {MOST:,} of them")
