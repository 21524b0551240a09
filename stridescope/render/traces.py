"""A trace as a report: what was copied, by line of source, and why.

Problem: of ten thousand steps a reader wants the three lines that matter, with what to do about them. Method: totals in
a line; a table of lines by bytes; then the worst ones, each with its source, its layouts before and after, the reason
it could not be a view, and what would avoid it. Cost: the lines that are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import StringIO
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rich.cells import cell_len
from rich.segment import Segment

from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, wrap
from stridescope.scene.text import nbytes_text, percent, plural, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import TensorInfo
    from stridescope.records.traces import CopiedLine, Trace

__all__ = ["Drawable", "TraceReport", "aligned", "draw_trace", "plain", "print_report"]

MARGIN = 1
LISTED = 20
HEAD = 8


class Drawable(Protocol):
    """A renderable of ours, drawn into lines for any output."""

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines."""


@dataclass(frozen=True, slots=True)
class TraceReport:
    """A rich renderable of a trace.

    Attributes:
        worst: how many lines are explained.
    """

    trace: Trace
    worst: int = 10
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"

    def themed(self, theme: Literal["auto", "dark", "light"]) -> TraceReport:
        """The same for a known background."""
        return replace(self, theme=theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        for line in self.lines(ink, options.max_width):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines of the report."""
        return indented(draw_trace(ink, self.trace, max(width - MARGIN, 20), self.worst), MARGIN)


def print_report(value: Any, file: Any = None) -> None:
    """Print a renderable; to standard output unless `file` is given."""
    from rich.console import Console

    Console(file=file, highlight=False).print(value)


def plain(value: Drawable, width: int = 80, ascii: bool = False) -> str:
    """A report as text without colours or trailing spaces."""
    ink = Ink(ascii=ascii)
    out = StringIO()
    for line in value.lines(ink, width):
        out.write("".join(segment.text for segment in finish(line, width, ink.dots)) + "\n")
    return out.getvalue()


def draw_trace(ink: Ink, trace: Trace, width: int, worst: int) -> list[Line]:
    """The lines of the report."""
    lines = [*_totals(ink, trace, width), []]
    copies = trace.copies
    if not copies:
        lines.append([Segment("no op copied a byte", ink.word("quiet"))])
    else:
        lines += _table(ink, copies, width)
        if worst:
            lines += [[], [Segment("WHY", ink.word("bold"))]]
            for number, line in enumerate(copies[:worst]):
                lines += [[], *_explained(ink, number + 1, line, width)]
    for note in trace.notes:
        lines += [[], *wrap([Segment(ink.say(f"note: {note}"), ink.word("quiet"))], width, hang=2)]
    return lines


def _totals(ink: Ink, trace: Trace, width: int) -> list[Line]:
    totals, quiet = trace.totals, ink.word("quiet")
    chunks: list[Line] = [
        [Segment("TRACE".ljust(HEAD), ink.word("bold")), Segment(plural(totals["steps"], "step"))],
        [Segment(f"{plural(totals['aten_ops'], 'aten op')} below", quiet)],
    ]
    for effect, number in sorted(totals["effects"].items(), key=lambda pair: -pair[1]):
        chunks.append([Segment(f"{ink.glyph(effect)} ", ink.word(effect)), Segment(f"{number:,} {effect}")])
    return flow(chunks, width, hang=HEAD)


def _table(ink: Ink, copies: Sequence[CopiedLine], width: int) -> list[Line]:
    whole = sum(line.nbytes for line in copies)
    times = sum(line.times for line in copies)
    head = f"{nbytes_text(whole)} copied, {plural(times, 'time')}, by {plural(len(copies), 'line')}"
    rows = [
        (
            nbytes_text(line.nbytes),
            percent(line.nbytes, whole),
            f"{line.times:,}×",
            line.op,
            line.where or "no line of yours",
            line.source,
        )
        for line in copies[:LISTED]
    ]
    lines: list[Line] = [[Segment("COPIES".ljust(HEAD), ink.word("bold")), Segment(head)], []]
    lines += aligned(ink, [("bytes", "share", "times", "op", "line", "source"), *rows], width, right=3)
    left = copies[LISTED:]
    if left:
        more = f"{ink.dots} {plural(len(left), 'more line')}, {nbytes_text(sum(line.nbytes for line in left))}"
        lines.append([Segment(more, ink.word("quiet"))])
    return lines


def aligned(ink: Ink, rows: Sequence[Sequence[str]], width: int, right: int) -> list[Line]:
    """Rows of text in columns, the first one the heads; the first `right` columns stand right, the last is cut."""
    said = [[ink.say(cell) for cell in row] for row in rows]
    sizes = [max(cell_len(row[column]) for row in said) for column in range(len(said[0]))]
    room = width - 2 * (len(sizes) - 1)
    for column in sorted(range(right, len(sizes)), reverse=True):
        over = sum(sizes) - room
        if over > 0:
            sizes[column] = max(sizes[column] - over, min(sizes[column], 12))
    lines = []
    for number, row in enumerate(said):
        line: Line = []
        for column, (cell, size) in enumerate(zip(row, sizes, strict=True)):
            text = shortened(cell, size, ink.dots)
            pad = " " * (size - cell_len(text))
            style = ink.word("quiet") if number == 0 else None
            line.append(Segment(f"{pad}{text}" if column < right else f"{text}{pad}", style))
            line.append(Segment("  "))
        lines.append(line[:-1])
    return lines


def _explained(ink: Ink, number: int, line: CopiedLine, width: int) -> list[Line]:
    quiet, bold = ink.word("quiet"), ink.word("bold")
    times = "" if line.times == 1 else f" in {plural(line.times, 'time')}"
    head: list[Line] = [
        [Segment(f"{number:>2}  "), Segment(ink.say(line.where or "no line of yours"), bold)],
        [
            Segment(f"{ink.glyph('copy')} ", ink.word("copy")),
            Segment(ink.say(f"{line.op}  {nbytes_text(line.nbytes)}{times}")),
        ],
    ]
    body: list[Line] = []
    if line.source:
        body.append([Segment(ink.say(line.source), quiet)])
    body += wrap([Segment(ink.say(_layouts(line)))], width - 4)
    for sentence in line.because:
        body += wrap([Segment(ink.say(sentence))], width - 4, hang=2)
    if line.cause is not None:
        body += wrap([Segment(ink.say(f"its strides come from {line.cause}"))], width - 4, hang=2)
    for other in line.instead:
        cost = f", copies {nbytes_text(other.copied_nbytes)}" if other.copied_nbytes else ""
        body.append(
            [
                Segment("instead  ", quiet),
                Segment(ink.say(other.source)),
                Segment(f"   {ink.glyph(other.effect)} ", ink.word(other.effect)),
                Segment(f"{other.effect}{cost}"),
            ]
        )
    return [*flow(head, width, hang=4), *indented(body, 4)]


def _layouts(line: CopiedLine) -> str:
    """What was moved, before and after: of the largest part of the step that copied most."""
    step = line.step
    if not step.moved:
        return f"{_text(step.before)} → {_text(step.after)}"
    largest = max(step.moved, key=lambda moved: moved.nbytes)
    name = "" if largest.op == line.op else f"{largest.op}: "
    return f"{name}{_text(largest.before)} → {_text(largest.after)}"


def _text(info: TensorInfo | None) -> str:
    if info is None:
        return "?"
    layout: Any = info.layout if info.layout is not None else info.shape
    return f"{layout} {info.dtype}"
