"""One colour for each position of a storage, and a text colour that reads on it.

Problem: cells of a strip and of a grid must be matched by eye, by colour-blind eyes and in greyscale,
on any terminal, with the number in the cell readable throughout.

Method: a curve through OKLab from indigo over magenta and orange to gold whose lightness only rises
(so it orders positions without any hue), sampled at equal steps of arc length (so equal steps of
address look like equal steps of colour). The text on a colour is black or white, whichever contrasts
more: one of them always reaches 4.58:1. For 256 colours the nearest entry of the fixed part of the
palette is looked up in OKLab; for 16, whose true values are each terminal's own, five (background,
text) pairs are used that read on the common themes.

Cost: the ramp takes under a millisecond, once, at the first coloured cell.

Source: Ottosson, "A perceptual color space for image processing" (2020), for OKLab; WCAG 2.2 for
relative luminance and contrast.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from math import cos, dist, radians, sin

from stridescope.scene.track import LEVELS

__all__ = [
    "ANSI_RAMP",
    "LEVELS",
    "RGB",
    "WORDS",
    "contrast",
    "hex_of",
    "luminance",
    "nearest_256",
    "oklab",
    "on",
    "ramp",
    "rgb_256",
    "word_rgb",
]

RGB = tuple[int, int, int]
"""8-bit sRGB."""

# (lightness, chroma, hue in degrees) at the ends of the ramp and on its way.
_CURVE = (
    (0.36, 0.150, 279.0),
    (0.48, 0.185, 308.0),
    (0.60, 0.195, 352.0),
    (0.71, 0.165, 397.0),
    (0.81, 0.150, 428.0),
    (0.91, 0.145, 458.0),
)

# 16 colours: (background, text) by ANSI number, dark to light.
ANSI_RAMP = ((4, 15), (5, 15), (10, 0), (14, 0), (11, 0))

# Words that carry a meaning by colour, beside their glyph: (chroma, hue).
WORDS = {
    "alloc": (0.12, 250.0),
    "view": (0.12, 165.0),
    "same": (0.00, 0.0),
    "copy": (0.13, 75.0),
    "write": (0.16, 325.0),
    "refused": (0.19, 25.0),
    "quiet": (0.00, 0.0),
}

# Lightness of a word by what it is written on: (a word with a meaning, a quiet one).
_WORD_LIGHTNESS = {"dark": (0.80, 0.66), "light": (0.48, 0.52), "unknown": (0.61, 0.58)}


def ramp() -> tuple[RGB, ...]:
    """LEVELS colours, dark to light, at equal distances in OKLab."""
    return _ramp()


@lru_cache(maxsize=1)
def _ramp() -> tuple[RGB, ...]:
    samples = [_lab(*_along(step / 96)) for step in range(97)]
    travelled = [0.0]
    for before, after in pairwise(samples):
        travelled.append(travelled[-1] + dist(before, after))
    colours = []
    for level in range(LEVELS):
        target = travelled[-1] * level / (LEVELS - 1)
        right = min(max(bisect_left(travelled, target), 1), len(samples) - 1)
        left = right - 1
        share = (target - travelled[left]) / (travelled[right] - travelled[left])
        mixed = [a + (b - a) * share for a, b in zip(samples[left], samples[right], strict=True)]
        colours.append(_rgb(mixed[0], mixed[1], mixed[2]))
    return tuple(colours)


def on(colour: RGB) -> RGB:
    """Black or white, whichever contrasts more with a background."""
    black, white = (0, 0, 0), (255, 255, 255)
    return black if contrast(colour, black) >= contrast(colour, white) else white


def word_rgb(role: str, theme: str) -> RGB:
    """The colour of a word of WORDS on a "dark", "light" or "unknown" background."""
    chroma, hue = WORDS[role]
    lightness = _WORD_LIGHTNESS[theme][role in ("quiet", "same")]
    return _rgb(*_lab(lightness, chroma, hue))


def luminance(colour: RGB) -> float:
    """WCAG relative luminance, 0 to 1."""
    red, green, blue = (_linear(part) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RGB, other: RGB) -> float:
    """WCAG contrast ratio, 1 to 21.

    >>> contrast((0, 0, 0), (255, 255, 255))
    21.0
    """
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def hex_of(colour: RGB) -> str:
    """`#rrggbb`.

    >>> hex_of((255, 0, 128))
    '#ff0080'
    """
    return "#{:02x}{:02x}{:02x}".format(*colour)


def rgb_256(number: int) -> RGB:
    """The colour of an entry of the fixed part (16 to 255) of the 256-colour palette.

    >>> rgb_256(16), rgb_256(231), rgb_256(244)
    ((0, 0, 0), (255, 255, 255), (128, 128, 128))
    """
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    red, rest = divmod(number - 16, 36)
    green, blue = divmod(rest, 6)
    return _cube(red), _cube(green), _cube(blue)


@lru_cache(maxsize=1024)
def nearest_256(colour: RGB) -> int:
    """The entry, 16 to 255, that looks most like a colour."""
    wanted = oklab(colour)
    return min(range(16, 256), key=lambda number: dist(wanted, _oklab_256()[number - 16]))


@lru_cache(maxsize=1)
def _oklab_256() -> tuple[tuple[float, float, float], ...]:
    return tuple(oklab(rgb_256(number)) for number in range(16, 256))


def oklab(colour: RGB) -> tuple[float, float, float]:
    """Lightness (0 to 1) and the two opponent axes of OKLab."""
    red, green, blue = (_linear(part) for part in colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _along(share: float) -> tuple[float, float, float]:
    place = share * (len(_CURVE) - 1)
    left = min(int(place), len(_CURVE) - 2)
    part = place - left
    here, there = _CURVE[left], _CURVE[left + 1]
    return (
        here[0] + (there[0] - here[0]) * part,
        here[1] + (there[1] - here[1]) * part,
        here[2] + (there[2] - here[2]) * part,
    )


def _lab(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    return lightness, chroma * cos(radians(hue)), chroma * sin(radians(hue))


def _rgb(lightness: float, a: float, b: float) -> RGB:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _byte(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _byte(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _byte(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _linear(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _byte(value: float) -> int:
    value = min(max(value, 0.0), 1.0)
    encoded = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * encoded)


def _cube(step: int) -> int:
    return 0 if step == 0 else 55 + 40 * step
