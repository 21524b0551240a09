"""How a call is written, as people write Python: `view(*size)`, `arange(start=0, end, step=1)`.

Problem: the signatures of the op tables have a type for each parameter and a string for each overload, which is what
binding needs, and too much to read while one types. Method: names and defaults alone; what goes by keyword and may be
left out is shown only to one who writes it; of several overloads the one that takes the most, where what others do
without has a default. An overload that does not fit into that is shown to one whose arguments ask for it.

Cost: O(parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from stridescope.program.signature import REQUIRED, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.program.ops import Op
    from stridescope.program.signature import Parameter

__all__ = ["Usage", "usage"]

_LEFT_OUT = {"start": "0", "low": "0"}
"""Parameter -> what holds where a shorter overload does without it; else None."""

_RARE = frozenset({"non_blocking"})
"""Parameters that change nothing one can see here."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A call as text.

    Attributes:
        places: (parameter, start, end) of each parameter in the text, in order.
    """

    text: str
    places: tuple[tuple[str, int, int], ...] = ()

    def place(self, name: str) -> tuple[int, int] | None:
        """(start, end) of a parameter in the text; None where it is not shown."""
        return next(((start, end) for found, start, end in self.places if found == name), None)


@lru_cache(maxsize=2048)
def usage(op: Op, overload: int | None = None, keyword: str = "") -> Usage:
    """How an op is written.

    Args:
        overload: the number of the signature asked for; None for one that stands for all that it can.
        keyword: a parameter that is shown in any case.

    >>> from stridescope.program.tables import OPS
    >>> [usage(OPS["torch", name]).text for name in ("arange", "zeros")], usage(OPS["tensor", "view"]).text
    (['arange(start=0, end, step=1)', 'zeros(*size)'], 'view(*size)')
    >>> usage(OPS["torch", "zeros"], keyword="dtype").text, usage(OPS["tensor", "view"], 0).text
    ('zeros(*size, dtype=None)', 'view(dtype)')
    """
    if op.attribute:
        return Usage(op.name)
    all_of = [parameters(signature) for signature in op.signatures]
    chosen = max(all_of, key=_takes) if overload is None else all_of[overload]
    names = [parameter.name for parameter in chosen]
    # What a shorter way of the same call does without can be left out.
    others = [] if overload is not None else [other for other in all_of if _within(_by_place(other), names)]
    text, places = f"{op.name.rpartition('.')[2]}(", []
    kept = [p for p in chosen if p.name == keyword or (p.name not in _RARE and _is_shown(p))]
    for number, parameter in enumerate(kept):
        text += ", " if number else ""
        stars = any(before.star or before.keyword_only for before in kept[:number])
        if parameter.keyword_only and not stars and parameter.default is REQUIRED:
            text += "*, "
        said = _said(parameter, others)
        places.append((parameter.name, len(text), len(text) + len(said)))
        text += said
    return Usage(f"{text})", tuple(places))


def _takes(expected: Sequence[Parameter]) -> tuple[bool, int]:
    """What is preferred of several overloads: one with a star, then the longest."""
    return any(parameter.star for parameter in expected), len(_by_place(expected))


def _by_place(expected: Sequence[Parameter]) -> list[str]:
    return [parameter.name for parameter in expected if not parameter.keyword_only]


def _within(names: Sequence[str], others: Sequence[str]) -> bool:
    """Whether names stand among others, in their order."""
    rest = iter(others)
    return all(name in rest for name in names)


def _is_shown(parameter: Parameter) -> bool:
    return not parameter.keyword_only or parameter.default is REQUIRED


def _said(parameter: Parameter, others: Sequence[Sequence[Parameter]]) -> str:
    """A parameter with its default: its own, that of another overload, or what holds where one does without it."""
    if parameter.star:
        return f"*{parameter.name}"
    same = [other for expected in others for other in expected if other.name == parameter.name]
    for one in (parameter, *same):
        if one.default is not REQUIRED:
            return f"{one.name}={one.default!r}"
    return f"{parameter.name}={_LEFT_OUT.get(parameter.name)}" if len(same) < len(others) else parameter.name
