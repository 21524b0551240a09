"""What lies between two checkpoints, drawn: counts first, then each tensor with what changed.

Problem: of 2,000 tensors three changed. Method: one sentence with the counts; a line for each tensor that is added or
removed, and for each that changed a line with every field, old and new. Long lists are cut and counted.

Cost: what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.segment import Segment

from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, wrap
from stridescope.scene.text import count, nbytes_text, plural, shortened, tuple_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import TensorInfo
    from stridescope.records.checkpoint_diffs import ChangedTensor, CheckpointDiff
    from stridescope.records.explanations import FieldDifference

__all__ = ["CheckpointDiffView"]

MARGIN = 1
SHOWN = 40
SHOWN_NAMES = 3


@dataclass(frozen=True, slots=True)
class CheckpointDiffView:
    """A rich renderable of the difference of two checkpoints."""

    found: CheckpointDiff
    ascii: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii)
        for line in indented(self.lines(ink, max(options.max_width - MARGIN, 20)), MARGIN):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines of the report."""
        found, bold, quiet = self.found, ink.word("bold"), ink.word("quiet")
        sides = (("a", found.a), ("b", found.b))
        lines: list[Line] = [[Segment(f"{side}  ", bold), Segment(ink.say(path))] for side, path in sides]
        lines += [[], *wrap([Segment(ink.say(_answer(found)), bold)], width)]
        lines += _listed(ink, "only in a", found.removed, width)
        lines += _listed(ink, "only in b", found.added, width)
        if found.changed:
            lines += [[], [Segment("changed", bold)]]
            for tensor in found.changed[:SHOWN]:
                lines += indented(flow(_chunks(ink, tensor), width - 2, hang=2), 2)
            lines += _more(ink, len(found.changed))
        for note in found.notes:
            lines += [[], *wrap([Segment(ink.say(f"note: {note}"), quiet)], width, hang=2)]
        return lines


def _answer(found: CheckpointDiff) -> str:
    if not (found.added or found.removed or found.changed):
        return f"They lie alike: {plural(found.unchanged, 'tensor')}, the same in both; values were not compared."
    parts = [
        f"{count(len(found.removed))} only in a",
        f"{count(len(found.added))} only in b",
        f"{count(len(found.changed))} changed",
        f"{count(found.unchanged)} lie alike",
    ]
    return f"{', '.join(parts)}; values were not compared."


def _listed(ink: Ink, title: str, infos: Sequence[TensorInfo], width: int) -> list[Line]:
    if not infos:
        return []
    lines: list[Line] = [[], [Segment(title, ink.word("bold"))]]
    for info in infos[:SHOWN]:
        shape = "?" if info.shape is None else tuple_text(info.shape)
        nbytes = "" if info.nbytes is None else nbytes_text(info.nbytes)
        said = [shortened(info.name or "", max(width - 4, 8), ink.dots), f"{info.dtype or '?'} {shape}", nbytes]
        quiet = [None, ink.word("quiet"), ink.word("quiet")]
        chunks: list[Line] = [[Segment(ink.say(t), style)] for t, style in zip(said, quiet, strict=True) if t]
        lines += indented(flow(chunks, width - 2, hang=2), 2)
    return lines + _more(ink, len(infos))


def _more(ink: Ink, number: int) -> list[Line]:
    left = number - SHOWN
    return [[Segment(f"  {ink.dots} {count(left)} more, with --json", ink.word("quiet"))]] if left > 0 else []


def _chunks(ink: Ink, tensor: ChangedTensor) -> list[Line]:
    quiet = ink.word("quiet")
    chunks: list[Line] = [[Segment(ink.say(tensor.name))]]
    for found in tensor.fields:
        words = f"{_value(found, found.a)} → {_value(found, found.b)}"
        harmless = " (harmless)" if found.harmless else ""
        chunks.append([Segment(f"{found.field} ", quiet), Segment(ink.say(words)), Segment(harmless, quiet)])
    return chunks


def _value(found: FieldDifference, value: Any) -> str:
    if found.field == "sharing":
        more = len(value) - SHOWN_NAMES
        names = ", ".join([*value[:SHOWN_NAMES], *([f"{more:,} more"] if more > 0 else [])])
        return f"with {names}" if names else "alone"
    return tuple_text(value) if isinstance(value, tuple) else "none" if value is None else str(value)
