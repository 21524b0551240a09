"""Colours: even, ordered without hue, and readable in every depth."""

from __future__ import annotations

from itertools import pairwise
from math import dist

import pytest

from stridescope.render import palette
from stridescope.render.ink import GLYPHS, Ink

READABLE = 4.5

# The 16 colours of terminals people use, as far as the ramp needs them: number -> sRGB.
THEMES = {
    "vga": {
        4: (0, 0, 170),
        5: (170, 0, 170),
        10: (85, 255, 85),
        11: (255, 255, 85),
        14: (85, 255, 255),
        15: (255, 255, 255),
        0: (0, 0, 0),
    },
    "xterm": {
        4: (0, 0, 238),
        5: (205, 0, 205),
        10: (0, 255, 0),
        11: (255, 255, 0),
        14: (0, 255, 255),
        15: (255, 255, 255),
        0: (0, 0, 0),
    },
    "windows": {
        4: (0, 55, 218),
        5: (136, 23, 152),
        10: (22, 198, 12),
        11: (249, 241, 165),
        14: (97, 214, 214),
        15: (242, 242, 242),
        0: (0, 0, 0),
    },
    "old windows": {
        4: (0, 0, 128),
        5: (128, 0, 128),
        10: (0, 255, 0),
        11: (255, 255, 0),
        14: (0, 255, 255),
        15: (255, 255, 255),
        0: (0, 0, 0),
    },
    "tango": {
        4: (52, 101, 164),
        5: (117, 80, 123),
        10: (138, 226, 52),
        11: (252, 233, 79),
        14: (52, 226, 226),
        15: (238, 238, 236),
        0: (0, 0, 0),
    },
    "macos": {
        4: (0, 0, 178),
        5: (178, 0, 178),
        10: (0, 217, 0),
        11: (229, 229, 0),
        14: (0, 229, 229),
        15: (229, 229, 229),
        0: (0, 0, 0),
    },
}


def test_text_on_every_level_contrasts_4_5_to_1_in_truecolor():
    assert min(palette.contrast(colour, palette.on(colour)) for colour in palette.ramp()) >= READABLE


def test_text_on_every_level_contrasts_4_5_to_1_in_256_colours():
    drawn = [palette.rgb_256(palette.nearest_256(colour)) for colour in palette.ramp()]
    assert min(palette.contrast(colour, palette.on(colour)) for colour in drawn) >= READABLE


@pytest.mark.parametrize("depth", ["truecolor", "256"])
def test_the_style_of_a_cell_is_what_the_contrast_was_computed_for(depth):
    for level in range(palette.LEVELS):
        style = Ink(depth=depth).cell(level)
        text, back = style.color.get_truecolor(), style.bgcolor.get_truecolor()
        assert palette.contrast(tuple(text), tuple(back)) >= READABLE


@pytest.mark.parametrize("theme", THEMES)
def test_every_pair_for_16_colours_reads_in_the_common_themes(theme):
    for back, text in palette.ANSI_RAMP:
        assert palette.contrast(THEMES[theme][back], THEMES[theme][text]) >= READABLE, (theme, back)


def test_16_colours_use_every_pair_in_order():
    ink = Ink(depth="16")
    seen = [ink.cell(level).bgcolor.number for level in range(palette.LEVELS)]
    assert list(dict.fromkeys(seen)) == [back for back, _ in palette.ANSI_RAMP]


def test_lightness_rises_at_every_level_so_greyscale_keeps_the_order():
    lightness = [palette.oklab(colour)[0] for colour in palette.ramp()]
    # 8-bit colours cannot rise by less than a rounding step, so compare levels four apart.
    assert all(low < high for low, high in zip(lightness, lightness[4:], strict=False))


def test_equal_steps_of_level_are_equal_steps_of_colour():
    labs = [palette.oklab(colour) for colour in palette.ramp()[::17]]
    steps = [dist(one, other) for one, other in pairwise(labs)]
    assert max(steps) / min(steps) < 1.08


def test_the_curve_lies_inside_srgb_so_no_colour_is_clipped():
    for step in range(97):
        lab = palette._lab(*palette._along(step / 96))
        assert dist(palette.oklab(palette._rgb(*lab)), lab) < 0.004


@pytest.mark.parametrize(
    ("theme", "page", "least"),
    [
        ("dark", (30, 30, 46), 4.5),
        ("dark", (0, 0, 0), 4.5),
        ("light", (255, 255, 255), 4.5),
        ("unknown", (0, 0, 0), 4.5),
        ("unknown", (255, 255, 255), 3.5),
    ],
)
def test_words_read_on_their_background(theme, page, least):
    for role in palette.WORDS:
        assert palette.contrast(palette.word_rgb(role, theme), page) >= least, role


def test_effects_differ_by_glyph_and_not_by_colour_alone():
    for ascii_only in (False, True):
        glyphs = [pair[ascii_only] for pair in GLYPHS.values()]
        assert len(set(glyphs)) == len(GLYPHS)
        assert not ascii_only or all(glyph.isascii() for glyph in glyphs)


def test_styles_are_interned():
    ink = Ink(depth="truecolor")
    assert ink.cell(7) is Ink(depth="truecolor").cell(7)
    assert ink.word("copy") is ink.word("copy")


@pytest.mark.parametrize(("value", "theme"), [("15;0", "dark"), ("0;15", "light"), ("", "unknown"), ("odd", "unknown")])
def test_the_background_is_read_from_the_terminals_environment(monkeypatch, value, theme):
    from rich.console import Console

    from stridescope.render.ink import ink_for

    monkeypatch.setenv("COLORFGBG", value)
    assert ink_for(Console()).background == theme
    assert ink_for(Console(), theme="light").background == "light"
