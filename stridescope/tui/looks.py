"""Pieces of a picture as styled segments of this terminal, found by identity.

Problem: a frame has thousands of pieces, sixty times a second, and each must come out in the theme's colours, legible
under every mark, also where there are 256 colours, 16 or none. Method: a `Look` is turned into one Style once (colours
from `render.ink`, marks from the table `_MARKED`), a `Piece` into one Segment once; drawing a row is one dictionary
look-up for each piece. Every style carries the theme's background, so that a canvas never shows another one for a
moment. Where there is colour, text that a mark would make hard to read becomes black or white.

Cost: a row, one look-up for each piece; a style, some microseconds, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from stridescope.render import palette
from stridescope.render.ink import GLYPHS, Ink
from stridescope.scene.frame import Look, Mark, size_of

if TYPE_CHECKING:
    from textual.app import App

    from stridescope.render.ink import Background, Depth
    from stridescope.render.palette import RGB
    from stridescope.scene.frame import Piece, Row

__all__ = ["READABLE", "Ground", "Looks"]

READABLE = 4.5
"""The least contrast of text with what it stands on: WCAG 2.2, level AA."""

_REMEMBERED = 65_536

_DEPTHS: dict[str | None, Depth] = {"truecolor": "truecolor", "256": "256", "standard": "16", "windows": "16"}
_SYSTEMS = {"256": ColorSystem.EIGHT_BIT, "16": ColorSystem.STANDARD}

# Characters that the scene may draw, in ASCII, one for one.
_ASCII = str.maketrans({
    **dict(GLYPHS.values()),
    **dict(zip("█░▒▓▁▂▃▄▅▆▇·…→←↑↓⋮▲▼─│╭╮╰╯┌┐└┘├┤", "#.:%_.-=+*#.~><^v:^v-|++++++++++", strict=True)),
    "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}": ">",
})  # fmt: skip


class Ground(NamedTuple):
    """What a theme draws on.

    Attributes:
        back, text: its background and foreground; where `ansi`, what is taken for them when colours are mixed.
        ansi: whether both are left to the terminal.
    """

    back: RGB
    text: RGB
    dark: bool = True
    ansi: bool = False


class _Pair(NamedTuple):
    text: RGB
    back: RGB


class _Marked(NamedTuple):
    """How a mark looks.

    Attributes:
        recolour: the colours under the mark; None where it leaves them alone.
        added: what it adds where there are colours.
        colourless: what it adds where there are none, or sixteen of unknown looks.
    """

    mark: int
    recolour: Callable[[_Pair, Ground], _Pair] | None
    added: Style
    colourless: Style


def _lit(_: _Pair, ground: Ground) -> _Pair:
    return _Pair(ground.back, ground.text)


def _swapped(pair: _Pair, _: Ground) -> _Pair:
    return _Pair(pair.back, pair.text)


def _word(role: str) -> Callable[[_Pair, Ground], _Pair]:
    def recolour(_: _Pair, ground: Ground) -> _Pair:
        back = palette.word_rgb(role, "dark" if ground.dark else "light")
        return _Pair(palette.on(back), back)

    return recolour


def _lifted(pair: _Pair, ground: Ground) -> _Pair:
    back = _mixed(pair.back, ground.text, 0.35)
    return _Pair(palette.on(back), back)


def _faded(share: float) -> Callable[[_Pair, Ground], _Pair]:
    def recolour(pair: _Pair, ground: Ground) -> _Pair:
        back = _mixed(pair.back, ground.back, share)
        strong = palette.on(back)
        soft = (_mixed(strong, back, part / 10) for part in (5, 4, 3, 2, 1))
        return _Pair(next((text for text in soft if palette.contrast(text, back) >= READABLE + 0.2), strong), back)

    return recolour


# The first row that holds gives the colours; all rows that hold add what they add.
_MARKED = (
    _Marked(Mark.CURSOR, _lit, Style(bold=True), Style(reverse=True, bold=True)),
    _Marked(Mark.POINTER, _lit, Style(bold=True, underline=True), Style(reverse=True)),
    _Marked(Mark.BROKEN, _word("refused"), Style(bold=True), Style(bold=True, strike=True)),
    _Marked(Mark.WRITTEN, _word("write"), Style(bold=True), Style(bold=True, italic=True)),
    _Marked(Mark.TWIN, _swapped, Style(underline=True), Style(underline=True)),
    _Marked(Mark.DIM, _lifted, Style(bold=True), Style(bold=True)),
    _Marked(Mark.LEFT, _faded(0.7), Style(), Style(dim=True)),
    _Marked(Mark.TRAIL, _faded(0.4), Style(italic=True), Style(italic=True)),
    _Marked(Mark.ODD, None, Style(bold=True, underline=True), Style(bold=True, underline=True)),
)


class Looks:
    """The segments and strips of one theme on one terminal.

    Attributes:
        ink: what this terminal can take.
        base: the style of background.
    """

    def __init__(self, ink: Ink, ground: Ground) -> None:
        self.ink = ink
        self.ground = ground
        # In a theme of the terminal's own colours, words take those too; cells keep the ramp.
        self._words = Ink("16" if ground.ansi and ink.coloured else ink.depth, ink.ascii, ink.background)
        self.base = Style() if ground.ansi or not ink.coloured else self._style_of(_Pair(ground.text, ground.back))
        self._segments: dict[Piece, Segment] = {}
        self._styles: dict[Look, Style] = {}
        self._blanks: list[Segment] = []

    @classmethod
    def for_app(cls, app: App[Any]) -> Looks:
        """The looks of an app's theme, on the terminal that the app draws on; in ASCII where `app.ascii` says so."""
        theme = app.current_theme
        plain = bool(getattr(app, "ascii", False))
        depth = "none" if app.no_color else _DEPTHS.get(app.console.color_system, "none")
        background: Background = "dark" if theme.dark else "light"
        if app.native_ansi_color:
            ground = Ground((0, 0, 0), (255, 255, 255), ansi=True)
            return cls(Ink(depth, plain, background), ground if theme.dark else _turned(ground))
        variables = theme.to_color_system().generate()
        back, text = (_rgb(Color.parse(variables[name][:7])) for name in ("background", "foreground"))
        return cls(Ink(depth, plain, background), Ground(back, text, theme.dark))

    def strip(self, row: Row, width: int) -> Strip:
        """A row of a frame, background where it has no piece, `width` cells wide."""
        if len(self._blanks) <= width:
            self.blank(width)
        segments: list[Segment] = []
        add, known, blanks = segments.append, self._segments, self._blanks
        at = 0
        try:
            for x, part in row:
                if x != at:
                    add(blanks[x - at])
                add(known[part])
                at = x + part.size
        except KeyError:
            for _, part in row:
                self.segment(part)
            return self.strip(row, width)
        if at < width:
            add(blanks[width - at])
        return Strip(segments, width)

    def strips(self, rows: Sequence[Row], width: int) -> list[Strip]:
        """`strip` of each row."""
        return [self.strip(row, width) for row in rows]

    def segment(self, part: Piece) -> Segment:
        """A piece as it is drawn here; the same object for the same piece while it is remembered."""
        found = self._segments.get(part)
        if found is None:
            if len(self._segments) >= _REMEMBERED:
                self._segments.clear()
            found = self._segments[part] = Segment(self._text(part.text), self.style(part.look))
        return found

    def blank(self, width: int) -> Segment:
        """So many cells of background."""
        blanks = self._blanks
        while len(blanks) <= width:
            blanks.append(Segment(" " * len(blanks), self.base))
        return blanks[width]

    def style(self, look: Look) -> Style:
        """How a look looks here; beside the roles of words there are "cell", "bar" and "chosen" (marked in a list)."""
        found = self._styles.get(look)
        if found is None:
            found = self._styles[look] = self._made(look)
        return found

    def _made(self, look: Look) -> Style:
        if look.role == "cell" and look.level >= 0:
            own = self.ink.cell(look.level)
        elif look.role == "bar" and look.level >= 0:
            # A bar is text in the colour that cells have as their background.
            cell = self.ink.cell(look.level)
            own = None if cell is None or cell.bgcolor is None else Style(color=cell.bgcolor)
        else:
            own = self._words.word(look.role if look.role in _ROLES else "plain")
        style = self.base if own is None else self.base + own
        if look.role == "chosen":
            style += self._chosen()
        held = [row for row in _MARKED if look.marks & row.mark]
        recolour = next((row.recolour for row in held if row.recolour is not None), None)
        if self.ink.depth in ("none", "16"):
            if self.ink.coloured and recolour is _lit:
                # A cell turned round would often be of the page's own colour; the page turned round never is.
                style += _PAGE
            return sum((row.colourless for row in held), style)
        if recolour is not None:
            text, back = style.color, style.bgcolor
            pair = _Pair(_rgb(text) if text else self.ground.text, _rgb(back) if back else self.ground.back)
            style += self._style_of(recolour(pair, self.ground))
        return sum((row.added for row in held), style)

    def _chosen(self) -> Style:
        if self.ink.depth in ("none", "16"):
            return Style(reverse=True)
        back = _mixed(self.ground.back, palette.word_rgb("view", "dark" if self.ground.dark else "light"), 0.28)
        return self._style_of(_Pair(self.ground.text, back)) + Style(bold=True)

    def _style_of(self, pair: _Pair) -> Style:
        """Two colours as this terminal has them; the text is black or white where it would not be readable."""
        back = self._colour(pair.back)
        text = self._colour(pair.text)
        if self.ink.depth != "16" and palette.contrast(_rgb(text), _rgb(back)) < READABLE:
            text = self._colour(palette.on(_rgb(back)))
        return Style(color=text, bgcolor=back)

    def _colour(self, rgb: RGB) -> Color:
        # As rich does it for the rest of the screen, so that a theme's background is one colour.
        colour = Color.from_rgb(*rgb)
        system = _SYSTEMS.get(self.ink.depth)
        return colour if system is None else colour.downgrade(system)

    def _text(self, text: str) -> str:
        """The text in as many cells, of characters that can be drawn here."""
        if not text.isprintable():
            text = "".join(char if char.isprintable() else " " * size_of(char) for char in text)
        if self.ink.ascii and not text.isascii():
            text = "".join(c if c.isascii() else "?" * size_of(c) for c in text.translate(_ASCII))
        return text


_PAGE = Style(color="default", bgcolor="default")
_ROLES = frozenset((*palette.WORDS, "plain", "bold"))


def _turned(ground: Ground) -> Ground:
    return Ground(ground.text, ground.back, not ground.dark, ground.ansi)


def _rgb(colour: Color) -> RGB:
    red, green, blue = colour.get_truecolor()
    return red, green, blue


def _mixed(one: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
