"""A drawing as an SVG picture.

Problem: a picture of real output for a README, on light and dark pages, that is the same bytes each time
and loads nothing. Method: the renderable is drawn for a truecolor terminal on a dark background; each
coloured run becomes a rounded rectangle and each run of text one `text` element with its length given, so
that columns line up whatever monospaced font the reader has. The card brings its own background and a thin
border, so the page behind it does not matter. No ids, no classes, no style sheet: it can be inlined.

Cost: linear in the segments drawn.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment

from stridescope.render.ink import Ink

if TYPE_CHECKING:
    from rich.style import Style

__all__ = ["svg"]

CHAR_WIDTH = 8.4
LINE_HEIGHT = 20
FONT_SIZE = 14
PADDING = 18
TITLE_HEIGHT = 40
PAGE, BORDER, INK, QUIET = "#14161f", "#2c3040", "#d9dce6", "#8b90a3"
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"


def svg(renderable: object, width: int = 80, title: str = "") -> str:
    """The drawing of a rich renderable, `width` columns wide, under a title line; "" for no title line."""
    title = Ink().say(title)
    themed = getattr(renderable, "themed", None)
    drawn = themed("dark") if callable(themed) else renderable
    console = Console(
        file=StringIO(),
        width=width,
        color_system="truecolor",
        force_terminal=True,
        legacy_windows=False,
        _environ={},
    )
    lines = [list(line) for line in Segment.split_lines(console.render(drawn, console.options))]  # type: ignore[arg-type]
    used = max((sum(cell_len(segment.text) for segment in line) for line in lines), default=0)
    top = PADDING + (TITLE_HEIGHT if title else 0)
    page_width = round(max(used, cell_len(title)) * CHAR_WIDTH + 2 * PADDING)
    page_height = top + len(lines) * LINE_HEIGHT + PADDING
    body: list[str] = []
    for number, line in enumerate(lines):
        column = 0
        for text, style, _ in line:
            size = cell_len(text)
            body += _run(text, style, PADDING + column * CHAR_WIDTH, top + number * LINE_HEIGHT, size)
            column += size
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page_width} {page_height}" width="{page_width}" '
        f'height="{page_height}" role="img" font-family="{FONT}" font-size="{FONT_SIZE}" fill="{INK}" '
        'xml:space="preserve">'
    )
    card = (
        f'<rect x="0.5" y="0.5" width="{page_width - 1}" height="{page_height - 1}" rx="10" fill="{PAGE}" '
        f'stroke="{BORDER}"/>'
    )
    return "\n".join([opening, card, *(_title(title, page_width) if title else []), *body, "</svg>\n"])


def _title(title: str, page_width: int) -> list[str]:
    line = f'<path d="M1 {TITLE_HEIGHT}H{page_width - 1}" stroke="{BORDER}"/>'
    text = (
        f'<text x="{PADDING}" y="{TITLE_HEIGHT / 2 + 5:g}" fill="{QUIET}" '
        f'textLength="{cell_len(title) * CHAR_WIDTH:g}">{escape(title)}</text>'
    )
    return [f"<title>{escape(title)}</title>", line, text]


def _run(text: str, style: Style | None, x: float, y: float, size: int) -> list[str]:
    """The elements of one segment."""
    parts = []
    if style is not None and style.bgcolor is not None and style.bgcolor.triplet is not None:
        parts.append(
            f'<rect x="{x:g}" y="{y + 1:g}" width="{size * CHAR_WIDTH:g}" height="{LINE_HEIGHT - 2}" rx="3" '
            f'fill="{style.bgcolor.triplet.hex}"/>'
        )
    words = text.strip(" ")
    if not words:
        return parts
    lead = cell_len(text) - cell_len(text.lstrip(" "))
    looks = ""
    if style is not None:
        if style.color is not None and style.color.triplet is not None:
            looks += f' fill="{style.color.triplet.hex}"'
        if style.bold:
            looks += ' font-weight="700"'
        if style.underline:
            looks += ' text-decoration="underline"'
    parts.append(
        f'<text x="{x + lead * CHAR_WIDTH:g}" y="{y + 15:g}" textLength="{cell_len(words) * CHAR_WIDTH:g}"{looks}>'
        f"{escape(words)}</text>"
    )
    return parts
