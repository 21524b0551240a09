"""Every piece of a picture can be read and told apart, whatever the terminal."""

from __future__ import annotations

from itertools import product

import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from textual.strip import Strip

from stridescope.render import palette
from stridescope.render.ink import Ink
from stridescope.scene.frame import Look, Mark, painted, piece
from stridescope.tui.looks import READABLE, Ground, Looks
from stridescope.tui.themes import DARK, LIGHT

SYSTEMS = {"truecolor": ColorSystem.TRUECOLOR, "256": ColorSystem.EIGHT_BIT}
MARKS = {name: bit for name, bit in vars(Mark).items() if name.isupper()}
ROLES = ("plain", "bold", *palette.WORDS)


def rgb(colour: Color) -> palette.RGB:
    red, green, blue = colour.get_truecolor()
    return red, green, blue


def ground(theme: object) -> Ground:
    back, text = (rgb(Color.parse(getattr(theme, name))) for name in ("background", "foreground"))
    return Ground(back, text, theme.dark)


def looks(depth: str = "truecolor", theme: object = DARK, *, ascii: bool = False) -> Looks:
    return Looks(Ink(depth, ascii, "dark" if theme.dark else "light"), ground(theme))


THEMED = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
COLOURED = pytest.mark.parametrize("depth", SYSTEMS)


@THEMED
@COLOURED
@pytest.mark.parametrize("mark", [0, *MARKS.values()], ids=["NONE", *MARKS])
def test_text_on_every_cell_is_readable_under_every_mark(depth: str, theme: object, mark: int) -> None:
    """Both colours are taken as the terminal gets them: rich reduces them to its depth."""
    now = looks(depth, theme)
    for level in range(0, palette.LEVELS, 3):
        style = now.style(Look("cell", level, mark))
        shown = [rgb(colour.downgrade(SYSTEMS[depth])) for colour in (style.color, style.bgcolor)]
        assert palette.contrast(*shown) >= READABLE, (level, shown)


@THEMED
@COLOURED
def test_every_word_is_readable_under_every_mark(depth: str, theme: object) -> None:
    now = looks(depth, theme)
    for role, mark in product((*ROLES, "chosen"), (0, *MARKS.values())):
        style = now.style(Look(role, -1, mark))
        shown = [rgb(colour.downgrade(SYSTEMS[depth])) for colour in (style.color, style.bgcolor)]
        assert palette.contrast(*shown) >= READABLE, (role, mark, shown)


@pytest.mark.parametrize("depth", ["truecolor", "256", "16", "none"])
@pytest.mark.parametrize("role", ["cell", "plain"])
def test_every_mark_shows_and_no_two_look_the_same(depth: str, role: str) -> None:
    """Also where there is no colour: by bold, underline, reverse, italic or strike."""
    now = looks(depth)
    styles = [now.style(Look(role, 100 if role == "cell" else -1, mark)) for mark in (0, *MARKS.values())]
    assert len({str(style) for style in styles}) == len(styles)


def test_a_mark_shows_by_more_than_colour() -> None:
    """The marks that say which cell is meant change the letters too, or the whole cell from dark to light."""
    now = looks("truecolor")
    for mark in (Mark.CURSOR, Mark.POINTER, Mark.TWIN, Mark.WRITTEN, Mark.BROKEN, Mark.DIM, Mark.TRAIL, Mark.ODD):
        style, plain = now.style(Look("cell", 100, mark)), now.style(Look("cell", 100))
        assert (style.bold, style.underline, style.italic) != (plain.bold, plain.underline, plain.italic)


@pytest.mark.parametrize("depth", ["truecolor", "256", "16"])
@THEMED
def test_every_segment_has_a_background_of_its_own(depth: str, theme: object) -> None:
    now = looks(depth, theme)
    row = painted([(2, piece("a", "quiet")), (5, piece(" 7 ", "cell", 9)), (12, piece("x", "view"))], 20)
    assert all(segment.style is not None and segment.style.bgcolor is not None for segment in now.strip(row, 30))


def test_without_colours_there_are_none() -> None:
    now = looks("none")
    for role, mark in product(("cell", *ROLES, "chosen"), (0, *MARKS.values())):
        style = now.style(Look(role, 100, mark))
        assert style.color is None and style.bgcolor is None


def test_sixteen_colours_are_those_of_the_terminal() -> None:
    now = looks("16")
    for level in (0, 100, 255):
        style = now.style(Look("cell", level))
        assert style.color.number is not None and style.color.number < 16
        assert style.bgcolor.number is not None and style.bgcolor.number < 16


def test_a_piece_is_made_into_a_segment_once() -> None:
    now = looks()
    one = piece("7", "cell", 1)
    assert now.segment(one) is now.segment(one)
    again = [list(now.strip(painted([(0, one)], 4), 4)) for _ in range(2)]
    assert all(a is b for a, b in zip(*again, strict=True))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stridescope.tui.looks._REMEMBERED", 10)
    now = looks()
    for number in range(100):
        row = painted([(x, piece(f"{number}", "cell", x)) for x in range(0, 24, 3)], 24)
        assert now.strip(row, 24).text.split() == [str(number)] * 8
        assert len(now._segments) <= 10


@pytest.mark.parametrize(
    "runs", [[], [(0, "abc")], [(3, "abc")], [(0, "ab"), (2, "c")], [(1, "한글"), (7, "z")], [(9, "x")]], ids=str
)
def test_a_strip_is_as_wide_as_it_says_and_each_piece_is_at_its_place(runs: list[tuple[int, str]]) -> None:
    strip = looks().strip(painted([(x, piece(text)) for x, text in runs], 10), 10)
    fresh = Strip(list(strip))
    assert fresh.cell_length == strip.cell_length == 10
    for x, text in runs:
        assert strip.crop(x, x + piece(text).size).text == text


def test_characters_that_cannot_be_drawn_keep_their_room() -> None:
    now = looks(ascii=True)
    for text in ("a·b…c", "●×○◆", "한글", "a\nb\tc", "▁▂▃▄▅▆▇█"):
        drawn = now.segment(piece(text))
        assert drawn.text.isascii() and drawn.text.isprintable()
        assert drawn.cell_length == piece(text).size, text


@pytest.mark.parametrize("level", range(0, 256, 15))
@pytest.mark.parametrize("shade", ["dark", "light"])
def test_of_sixteen_colours_the_cursor_is_a_box_of_the_page_turned_round(shade: str, level: int) -> None:
    """Turned round, a cell's own colours could come out as the page: white on blue as blue on white."""
    page = Ground((0, 0, 0), (255, 255, 255), ansi=True)
    worn = Looks(Ink("16", background=shade), page)
    style = worn.style(Look("cell", level, int(Mark.CURSOR)))
    assert style.reverse and style.color.is_default and style.bgcolor.is_default
    plain = worn.style(Look("cell", level, 0))
    assert not plain.reverse and plain.bgcolor is not None


def test_user_text_is_never_markup() -> None:
    text = "x[bold]0[/]"
    assert looks().segment(piece(text)) == Segment(text, looks().style(Look()))
