"""What each phase of a training step did to storages: a block for each phase, a line for each kind and event.

Problem: a model has a thousand parameters, and what matters is that all their gradients were freed but one. Method:
tensors of one kind to which the same happened are one line, with how many and the first names; what differs stands out
by being another line. Cost: linear in the tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rich.segment import Segment

from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, wrap
from stridescope.scene.text import nbytes_text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records.watches import Phase, TensorEvent, WatchReport

__all__ = ["WatchView", "draw_watch"]

MARGIN = 1
NAMES = 3

_ROLES = {
    "allocated": "alloc",
    "replaced": "alloc",
    "written in place": "write",
    "accumulated into the same storage": "write",
    "zeroed": "write",
    "freed": "refused",
    "kept": "same",
    "absent": "same",
}
"""Event -> the effect whose glyph and colour it has."""


@dataclass(frozen=True, slots=True)
class WatchView:
    """A rich renderable of what was watched."""

    report: WatchReport
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"

    def themed(self, theme: Literal["auto", "dark", "light"]) -> WatchView:
        """The same for a known background."""
        return replace(self, theme=theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        for line in self.lines(ink, options.max_width):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines of the view."""
        return indented(draw_watch(ink, self.report, max(width - MARGIN, 20)), MARGIN)


def draw_watch(ink: Ink, report: WatchReport, width: int) -> list[Line]:
    """The lines of the view."""
    if not report.phases:
        return [[Segment("no phase was watched", ink.word("quiet"))]]
    lines: list[Line] = []
    for phase in report.phases:
        lines += [*([[]] if lines else []), *_phase(ink, phase, width)]
    return lines


def _phase(ink: Ink, phase: Phase, width: int) -> list[Line]:
    quiet = ink.word("quiet")
    chunks: list[Line] = [[Segment(ink.say(phase.name.upper()), ink.word("bold"))]]
    if phase.lr:
        chunks.append([Segment(f"lr {', '.join(f'{lr:g}' for lr in phase.lr)}", quiet)])
    for kind, nbytes in phase.nbytes:
        chunks.append([Segment(ink.say(f"{kind} {nbytes_text(nbytes)}"), quiet)])
    lines = flow(chunks, width, hang=2)
    notes: dict[str, list[TensorEvent]] = {}
    idle: dict[str, list[str]] = {}
    for kind, word, events in phase.groups():
        for event in events:
            if event.note:
                notes.setdefault(event.note, []).append(event)
        if word in ("kept", "absent"):
            idle.setdefault(word, []).append(f"{kind} ({len(events):,})")
            continue
        role = _ROLES[word]
        names = ", ".join(event.name for event in events[:NAMES])
        more = f" and {len(events) - NAMES:,} more" if len(events) > NAMES else ""
        ops = sorted({op for event in events for op in event.ops})
        by = f" by {', '.join(ops[:NAMES])}" if ops else ""
        line: Line = [
            Segment(ink.say(f"{kind}  ")),
            Segment(f"{ink.glyph(role)} {word}", ink.word(role)),
            Segment(ink.say(f"{by}: {names}{more}"), quiet),
        ]
        lines += indented(wrap(line, width - 2, hang=4), 2)
    for word, kinds in idle.items():
        lines += indented(wrap([Segment(ink.say(f"{word}: {', '.join(kinds)}"), quiet)], width - 2, hang=4), 2)
    for note, told in notes.items():
        more = f" (and {len(told) - 1:,} more)" if len(told) > 1 else ""
        lines += indented(
            wrap([Segment(ink.say(f"{told[0].name}{more}: {note}"), ink.word("refused"))], width - 4, hang=2), 4
        )
    return lines
