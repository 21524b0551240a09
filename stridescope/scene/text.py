"""Numbers, tuples, bytes and values as short text.

Problem: a cell has a handful of columns, and a reader must still tell 1,000,000 from 100,000, nan from a
number and a cut-off text from a whole one. Method: one function for each kind of thing; pure text.

Cost: linear in the text shown.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ANGLE",
    "GLYPHS",
    "SPOKEN",
    "address_text",
    "ascii_text",
    "count",
    "index_text",
    "is_odd",
    "layout_text",
    "nbytes_both",
    "nbytes_text",
    "percent",
    "plural",
    "printable",
    "shortened",
    "source_shortened",
    "tuple_text",
    "value_text",
]

# Effect: (glyph, its ASCII form). A hollow ring holds no new bytes, a full one does.
GLYPHS = {
    "alloc": ("+", "+"),
    "view": ("○", "o"),
    "same": ("=", "="),
    "copy": ("●", "#"),
    "write": ("◆", "*"),
    "refused": ("×", "x"),
}

ANGLE = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
"""The angle that joins the steps of a chain."""

# Characters of our own sentences that an ASCII output gets in other words.
SPOKEN = {
    " · ": " | ",
    "·": "*",
    "×": "x",
    "→": "->",
    "…": "...",
    ANGLE: ">",
    "≥": ">=",
    "≤": "<=",
    "—": "-",
    "–": "-",
    "Σ": "sum",
    "²": "^2",
}

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")

# Significant digits that a dtype holds, or as many as fit a cell.
_DIGITS = {"float64": 5, "float32": 4, "float16": 4, "bfloat16": 3}

VALUE_WIDTH = 10
"""No value in a cell is wider than this."""


def count(number: int) -> str:
    """With thousands separators.

    >>> count(999976)
    '999,976'
    """
    return f"{number:,}"


def plural(number: int, word: str, words: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "element"), plural(2000, "element")
    ('1 element', '2,000 elements')
    """
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def address_text(address: int) -> str:
    """An address in a cell; separators only where there are digits to lose count of.

    >>> address_text(1024), address_text(10**6)
    ('1024', '1,000,000')
    """
    return f"{address:,}" if abs(address) >= 10_000 else str(address)


def nbytes_text(nbytes: int) -> str:
    """Bytes in three significant digits, decimal units; exact below 10,000.

    >>> nbytes_text(96), nbytes_text(3_990_000), nbytes_text(8 * 10**15)
    ('96 B', '3.99 MB', '8 PB')
    """
    if abs(nbytes) < 10_000:
        return f"{nbytes:,} B"
    power = 1
    while abs(nbytes) >= 999.5 * 1000**power and power < len(_UNITS):
        power += 1
    amount, unit = nbytes / 1000**power, _UNITS[power - 1]
    decimals = 2 if abs(amount) < 9.995 else 1 if abs(amount) < 99.95 else 0
    short = f"{amount:,.{decimals}f}"
    return f"{short.rstrip('0').rstrip('.') if decimals else short} {unit}"


def nbytes_both(nbytes: int) -> str:
    """Bytes in short, with the exact figure where the short one hides it.

    >>> nbytes_both(96), nbytes_both(4_000_123)
    ('96 B', '4 MB (4,000,123 B)')
    """
    short = nbytes_text(nbytes)
    if nbytes < 10_000 or nbytes >= 10**12:
        return short
    return f"{short} ({nbytes:,} B)"


def percent(part: int, whole: int) -> str:
    """A share, never rounded to a misleading 0 or 100.

    >>> percent(8, 4000), percent(1, 10**9), percent(1, 2)
    ('0.2 %', 'under 0.1 %', '50 %')
    """
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "under 0.1 %"
    if share < 10:
        return f"{share:.1f} %"
    return f"{min(share, 99.9) if part < whole and share > 99 else share:.{1 if share > 99 and part < whole else 0}f} %"


def tuple_text(items: Sequence[int]) -> str:
    """A tuple as Python writes it, with thousands separators left out so that it can be pasted.

    >>> tuple_text((3, 2)), tuple_text((3,)), tuple_text(())
    ('(3, 2)', '(3,)', '()')
    """
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(map(str, items))})"


def index_text(index: Sequence[int]) -> str:
    """An index as it is written after a tensor.

    >>> index_text((2, 1))
    '[2, 1]'
    """
    return f"[{', '.join(map(str, index))}]"


def layout_text(shape: Sequence[int], stride: Sequence[int], storage_offset: int) -> str:
    """shape:stride+offset, as the command line takes it.

    >>> layout_text((3, 2), (1, 8), 1), layout_text((12,), (1,), 0)
    ('(3,2):(1,8)+1', '(12):(1)')
    """
    text = f"({','.join(map(str, shape))}):({','.join(map(str, stride))})"
    return f"{text}{storage_offset:+}" if storage_offset else text


def shortened(text: str, width: int, dots: str = "…") -> str:
    """Text cut in the middle, so that both its ends stay.

    >>> shortened("model.layers.0.weight", 11)
    'model…eight'
    """
    if len(text) <= width:
        return text
    room = width - len(dots)
    if room < 2:
        return text[:width]
    return text[: room - room // 2] + dots + text[len(text) - room // 2 :]


def source_shortened(source: str, width: int) -> str:
    """Program text with the insides of brackets left out, so that what remains still reads as an expression.

    As little as will do is left out; text without brackets is cut in the middle.

    >>> source_shortened("torch.cat([torch.zeros(10**12), torch.ones(6)])", 42)
    'torch.cat([torch.zeros(…), torch.ones(6)])'
    >>> source_shortened("torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])", 20)
    'torch.tensor(…)'
    """
    short = source
    while len(short) > width:
        pairs = _brackets(short)
        if not pairs:
            return shortened(source, width)
        enough = [(start, stop) for start, stop in pairs if len(short) - (stop - start - 3) <= width]
        start, stop = enough[0] if enough else pairs[-1]
        short = f"{short[: start + 1]}…{short[stop - 1 :]}"
    return short


def _brackets(source: str) -> list[tuple[int, int]]:
    """(start, stop) of the brackets that hold enough to be left out, shortest first; none if they do not match."""
    opened: list[int] = []
    pairs: list[tuple[int, int]] = []
    for place, character in enumerate(source):
        if character in "([":
            opened.append(place)
        elif character in ")]":
            if not opened or source[opened[-1]] + character not in ("()", "[]"):
                return []
            pairs.append((opened.pop(), place + 1))
    if opened:
        return []
    # Brackets that are all there is inside others say nothing that those do not.
    inside = {(start + 1, stop - 1) for start, stop in pairs}
    return sorted(
        (pair for pair in pairs if pair[1] - pair[0] > 3 and pair not in inside), key=lambda pair: pair[1] - pair[0]
    )


def value_text(value: Any, dtype: str | None = None) -> str:
    """A value in at most VALUE_WIDTH characters; "?" where nobody can know it.

    >>> value_text(None), value_text(2.0, "float32"), value_text(0.1, "float16"), value_text(float("nan"))
    ('?', '2.', '0.1', 'nan')
    """
    if value is None:
        # An array of objects may really hold None; anywhere else it stands for what is not known.
        return "None" if dtype == "object" else "?"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        text = str(value)
        return text if len(text) <= VALUE_WIDTH else f"{float(value):.3e}" if abs(value) < 10**300 else "huge"
    if isinstance(value, float):
        return _float_text(value, _DIGITS.get(dtype or "", 2 if (dtype or "").startswith("float") else 5))
    if isinstance(value, complex):
        digits = 3
        imaginary = _float_text(value.imag, digits)
        sign = "" if imaginary.startswith("-") else "+"
        return f"{_float_text(value.real, digits)}{sign}{imaginary}j"
    is_time = type(value).__module__ == "datetime"
    return shortened(str(value) if is_time else repr(value), VALUE_WIDTH, "..")


def printable(text: str) -> str:
    r"""Text on one line, its control characters written out, so that none reaches a terminal as a command.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def ascii_text(text: str) -> str:
    r"""Text in ASCII: our own signs in other words, all else as Python escapes it.

    >>> ascii_text("größe · 2×3 → 6")
    'gr\\xf6\\xdfe | 2x3 -> 6'
    """
    if text.isascii():
        return text
    for spoken, written in SPOKEN.items():
        text = text.replace(spoken, written)
    return text.encode("ascii", "backslashreplace").decode("ascii")


def is_odd(value: Any) -> bool:
    """Whether a value is nan or infinite.

    >>> is_odd(float("nan")), is_odd(1.5), is_odd("nan")
    (True, False, False)
    """
    if isinstance(value, complex):
        return is_odd(value.real) or is_odd(value.imag)
    return isinstance(value, float) and not math.isfinite(value)


def _float_text(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, _, power = text.partition("e")
        return f"{mantissa}e{int(power)}"
    return text if "." in text else f"{text}."
