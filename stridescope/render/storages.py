"""STORAGE: the facts of a storage, its strip, and below it who reaches what, what was written, where it came from.

Problem: one strip for one tensor or for several names. Method: the strip shows the positions that matter to any of
them; each name, the last write and a copy's provenance are a row of marks below. Cost: what is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from stridescope.render.drawn import HEAD, Drawn, edges, letters_of, track_of, with_scales
from stridescope.render.lines import Line, flow, indented
from stridescope.render.strip import Below, draw_strip
from stridescope.scene.sentences import reached
from stridescope.scene.text import address_text, count, nbytes_text, plural, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.records import Write
    from stridescope.render.ink import Ink
    from stridescope.render.origins import Origins
    from stridescope.scene.track import Track

__all__ = ["storage_section"]

ROWS_OF_NAMES = 6
NAME_WIDTH = 10


def storage_section(
    ink: Ink,
    drawn: Sequence[Drawn],
    width: int,
    *,
    values: bool,
    index: tuple[int, ...] | None,
    written: Write | None,
    origins: Origins | None,
) -> tuple[list[Line], Track, list[Drawn]]:
    """STORAGE: its facts and its strip, and the track and scales that the grids below share."""
    drawn, unit = with_scales(drawn)
    track, held = track_of(drawn, unit)
    bold, quiet = ink.word("bold"), ink.word("quiet")
    chunks: list[Line] = [
        [Segment("STORAGE".ljust(HEAD), bold), Segment(ink.say(_storage_facts(drawn, unit, held)))],
    ]
    chunks += [[Segment(ink.say(text), quiet)] for text in _reach_facts(drawn, held, width)]
    outside = _outside(drawn, held)
    if outside:
        chunks.append([Segment(ink.say(outside), ink.word("refused", bold=True))])
    lines = [*flow(chunks, width, hang=HEAD), []]
    anchors = [edge for item in drawn if item.layout.numel for edge in edges(item)]

    def is_reached(position: int) -> bool:
        return any(item.reaches(position) for item in drawn)

    came_from = origins.row(unit, is_reached) if origins is not None else None
    below = _name_rows(ink, drawn)
    if written is not None:
        scale = drawn[-1].scale
        anchors += [edge * scale for edge in written.span if written.numel]
        below.append(_marks("written", ink.mark("up"), lambda at: written.reaches(at // scale), "write"))
    # Last, so that its legend stands right below it.
    below += [] if came_from is None else [came_from]
    strip = draw_strip(
        ink,
        track,
        width,
        reached=is_reached,
        anchors=anchors,
        marked=drawn[0].layout.address(index) * drawn[0].scale if index is not None else None,
        values=drawn[0].texts if values and all(item.scale == 1 for item in drawn) else None,
        below=below,
    )
    lines += strip
    if origins is not None and came_from is not None and strip:
        margin = max(len(row.head) + 2 for row in below) + 1
        lines += indented(origins.legend(ink, width - margin), margin)
    if len(drawn) > ROWS_OF_NAMES:
        more = f"{ink.dots} {plural(len(drawn) - ROWS_OF_NAMES, 'more name')} on this storage"
        lines.append([Segment(" " + more, quiet)])
    return lines, track, drawn


def _name_rows(ink: Ink, drawn: Sequence[Drawn]) -> list[Below]:
    """A row for each of several names, marking what it reaches."""
    if len(drawn) < 2:
        return []
    letters = letters_of([item.name for item in drawn])
    return [
        _marks(
            ink.say(shortened(item.name, NAME_WIDTH, ink.dots)),
            ink.say(letter) if letter.isprintable() else "?",
            item.reaches,
        )
        for item, letter in zip(drawn[:ROWS_OF_NAMES], letters, strict=False)
    ]


def _marks(head: str, mark: str, reached: Callable[[int], bool], role: str = "plain") -> Below:
    return Below(head, lambda position: mark if reached(position) else "", role)


def _storage_facts(drawn: Sequence[Drawn], unit: int, held: int | None) -> str:
    info = drawn[0].info
    dtypes = {item.info.dtype for item in drawn}
    kind = (info.dtype or "elements") if len(dtypes) == 1 else f"{unit} B"
    if info.storage is None:
        return "none given: the layout alone" if info.type == "layout" else "unknown"
    parts = [f"{count(held)} × {kind}" if held is not None else f"size unknown × {kind}"]
    if info.storage.nbytes is not None:
        parts.append(nbytes_text(info.storage.nbytes))
    if info.device:
        parts.append(info.device)
    return " · ".join(parts)


def _reach_facts(drawn: Sequence[Drawn], held: int | None, width: int) -> list[str]:
    if len(drawn) > 1:
        names = [item.name for item in drawn]
        listed = ", ".join(names[:ROWS_OF_NAMES]) + (
            f" and {len(names) - ROWS_OF_NAMES} more" if len(names) > ROWS_OF_NAMES else ""
        )
        return [f"shared by {listed}"]
    layout = drawn[0].layout
    if layout.numel == 0:
        return ["nothing reached"]
    elements, exact = reached(layout)
    low, high = layout.span
    of = f" of {count(held)}" if held is not None and low >= 0 and high <= held else ""
    reach = f"{'' if exact else 'at most '}{count(elements)}{of} reached"
    span = f"span [{address_text(low)}, {address_text(high)})"
    return [f"{reach} · {span}"] if len(reach) + len(span) + 3 + HEAD <= width else [reach, span]


def _outside(drawn: Sequence[Drawn], held: int | None) -> str:
    """What is wrong where a tensor reaches past its storage; empty where it does not."""
    if held is None or all(low >= 0 and high < held for low, high in map(edges, drawn) if low <= high):
        return ""
    return f"reaches past the storage, which holds {plural(held, 'element')} now"
