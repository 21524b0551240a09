"""An explanation and a difference, drawn.

Problem: the proof of a refusal and a table of verdicts must read at a glance, in any width, in colour or none. Method:
lines of styled text, as everywhere here: a step is its effect, its source and its layout, and below it the sentences;
a difference is two columns. Cost: linear in what is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.segment import Segment

from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, indented, padded, wrap
from stridescope.render.steps import effect_word
from stridescope.scene.text import nbytes_text, shortened, source_shortened, tuple_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import Alternative
    from stridescope.records.explanations import Explanation, LayoutDiff

__all__ = ["DiffView", "ExplanationView", "plain_diff", "plain_explanation"]

INDENT = 11
TEXT_WIDTH = 84
WIDTH = 100
MARGIN = 1


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """A rich renderable of an explanation."""

    told: Explanation
    ascii: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _drawn(_explanation, self.told, self.ascii, console, options)


@dataclass(frozen=True, slots=True)
class DiffView:
    """A rich renderable of a difference."""

    found: LayoutDiff
    ascii: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _drawn(_difference, self.found, self.ascii, console, options)


def plain_explanation(told: Explanation, width: int = WIDTH) -> str:
    """An explanation as text without colours."""
    return _plain(_explanation(Ink(), told, width - MARGIN), width)


def plain_diff(found: LayoutDiff, width: int = WIDTH) -> str:
    """A difference as text without colours."""
    return _plain(_difference(Ink(), found, width - MARGIN), width)


def _drawn(
    draw: Callable[[Ink, Any, int], list[Line]], value: Any, ascii: bool, console: Console, options: ConsoleOptions
) -> Iterator[Segment]:
    ink = ink_for(console, options, ascii=ascii)
    for line in indented(draw(ink, value, max(options.max_width - MARGIN, 20)), MARGIN):
        yield from finish(line, options.max_width, ink.dots)
        yield Segment.line()


def _plain(lines: list[Line], width: int) -> str:
    out = StringIO()
    for line in indented(lines, MARGIN):
        out.write("".join(segment.text for segment in finish(line, width)) + "\n")
    return out.getvalue().rstrip("\n")


# ----------------------------------------------------------------------------------------------------- explanations


def _explanation(ink: Ink, told: Explanation, width: int) -> list[Line]:
    lines: list[Line] = []
    for step in told.steps or (told,):
        if lines:
            lines.append([])
        lines += _step(ink, step, width)
    return lines


def _step(ink: Ink, step: Explanation, width: int) -> list[Line]:
    quiet, bold = ink.word("quiet"), ink.word("bold")
    room = min(width - INDENT, TEXT_WIDTH)
    source = Segment(ink.say(source_shortened(step.source, max(room, 12))), bold)
    head: Line = [*effect_word(ink, step.effect), source]
    layout = None if step.tensor is None else step.tensor.layout
    beside = str(layout) if layout is not None else step.reason.exception if step.reason is not None else ""
    if beside and sum(cell_len(part.text) for part in head) + 3 + len(beside) <= width:
        head.append(Segment(f"   {beside}", quiet))
    body: list[Line] = []
    if step.reason is not None:
        body += wrap([Segment(ink.say(f"{step.reason.message}."))], room, hang=2)
    for sentence in step.because:
        body += wrap([Segment(ink.say(sentence), quiet if step.reason is not None else None)], room, hang=2)
    if step.alternatives:
        title = "What works instead" if step.effect == "refused" else "What would be a view"
        body += [[], [Segment(title, bold)], *_alternatives(ink, step.alternatives, room)]
    words = None if step.reason is None else step.reason.native_message
    if words:
        body += [[], *wrap([Segment(ink.say(f"torch says: {' '.join(words.split())}"), quiet)], room)]
    return [head, *indented(body, INDENT)]


def _alternatives(ink: Ink, others: tuple[Alternative, ...], width: int) -> Iterator[Line]:
    sources = [ink.say(source_shortened(other.source, max(width - INDENT - 16, 12))) for other in others]
    size = max(map(cell_len, sources))
    for other, source in zip(others, sources, strict=True):
        copied = f"copies {nbytes_text(other.copied_nbytes)}" if other.copied_nbytes else ""
        line: Line = [*effect_word(ink, other.effect), Segment(source)]
        if copied:
            line = [*padded(line, INDENT + size), Segment(f"   {copied}", ink.word("quiet"))]
        yield line


# ------------------------------------------------------------------------------------------------------ differences


def _difference(ink: Ink, found: LayoutDiff, width: int) -> list[Line]:
    quiet, bold = ink.word("quiet"), ink.word("bold")
    sides = ("a", found.a), ("b", found.b)
    lines: list[Line] = []
    for side, info in sides:
        layout = info.layout
        held = [str(layout) if layout is not None else info.type, info.dtype, info.device]
        text = ink.say("   ".join(part for part in (*held, info.name) if part))
        lines.append([Segment(f"{side}  ", bold), Segment(text)])
    lines += [[], *wrap([Segment(_answer(found), bold)], min(width, TEXT_WIDTH))]
    if found.fields:
        rows = [("", "a", "b", "")]
        rows += [(each.field, _value(each.a), _value(each.b), _weight(each.harmless)) for each in found.fields]
        lines += [[], *_columns(ink, rows, width)]
    if found.verdicts:
        rows = [("who takes it", "a", "b", "")]
        rows += [(each.consumer, _yes(each.a), _yes(each.b), each.why) for each in found.verdicts]
        lines += [[], *_columns(ink, rows, width)]
    for number, note in enumerate(found.notes):
        lines += [*([] if number else [[]]), *wrap([Segment(ink.say(note), quiet)], min(width, TEXT_WIDTH), hang=2)]
    return lines


def _answer(found: LayoutDiff) -> str:
    if found.same_addresses is None:
        return "One of them has no strides, so addresses cannot be compared."
    if found.same_addresses:
        return "Every index reaches the same address in both."
    if found.a.shape != found.b.shape:
        return "Their shapes differ, so an index means another element in each."
    return "Some index reaches another address."


def _columns(ink: Ink, rows: list[tuple[str, str, str, str]], width: int) -> list[Line]:
    quiet = ink.word("quiet")
    shown = [tuple(ink.say(cell) for cell in row) for row in rows]
    limit = max((width - 30) // 2, 8)
    sizes = [min(max(cell_len(row[place]) for row in shown), limit) for place in range(3)]
    lines: list[Line] = []
    for number, row in enumerate(shown):
        line: Line = []
        used = 0
        for place, size in enumerate(sizes):
            # The names of fields, and the head of each column, stand back.
            style = quiet if number == 0 or place == 0 else None
            line = padded([*line, Segment(shortened(row[place], size, ink.dots), style)], used + size + 3)
            used += size + 3
        lines.append([*line, Segment(row[3], quiet)] if row[3] else line)
    return lines


def _value(value: Any) -> str:
    return tuple_text(value) if isinstance(value, tuple) else "none" if value is None else str(value)


def _weight(harmless: bool) -> str:
    return "harmless: no address depends on it" if harmless else ""


def _yes(taken: bool | None) -> str:
    return "?" if taken is None else "yes" if taken else "no"
