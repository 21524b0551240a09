"""The steps of a trace as rows of text, what is said of one, and one as a program that the Stage can play.

Problem: of 200,000 steps that ran, which copied, where, and what did that look like. Method: a step is one line in
columns, and so is what one source line copied in all; details are sections of a panel. A step becomes a `History` of
two steps, the tensor before and the op, with the provenance of each element where the op is known to keep their order.

Cost: one row; a list of the steps that copied, once, linear in the steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stridescope.layout.copy import Copy
from stridescope.records import History, Reason, Step, Write
from stridescope.scene.frame import painted, piece, size_of
from stridescope.scene.panel import Entry, Section, Span
from stridescope.scene.sentences import contiguity
from stridescope.scene.storage_rows import columned
from stridescope.scene.text import (
    GLYPHS,
    count,
    layout_text,
    nbytes_both,
    nbytes_text,
    percent,
    plural,
    shortened,
    tuple_text,
)
from stridescope.scene.wrapping import clipped, padded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stridescope.layout import Layout
    from stridescope.records import Effect, TensorInfo
    from stridescope.records.traces import CopiedLine, Moved, Trace, TraceStep
    from stridescope.scene.frame import Row
    from stridescope.scene.storage_rows import Standing

__all__ = [
    "TraceView",
    "heading",
    "history_of",
    "line_details",
    "line_row",
    "numbers_that_copied",
    "step_details",
    "step_row",
    "totals",
]

TraceView = Literal["steps", "copies", "lines"]

IN_ORDER = frozenset((
    *("reshape", "reshape_as", "flatten", "ravel", "unflatten", "contiguous", "clone", "copy_", "to", "_to_copy"),
    *("float", "double", "half", "bfloat16", "int", "long", "type", "type_as", "cpu", "cuda"),
))  # fmt: skip
"""Ops that keep the elements in index order, so that what each came from is known from the layouts alone."""

MOST_MOVED = 12
_NO_LINE = "no line of yours"
_SIZES = ((80, 18, 20), (50, 14, 14), (0, 12, 12))
"""(from which width of a row on, cells of an op, cells of its place)."""


def numbers_that_copied(steps: Iterable[TraceStep]) -> list[int]:
    """The places of the steps that moved bytes."""
    return [place for place, step in enumerate(steps) if step.copied_nbytes]


def totals(trace: Trace) -> list[tuple[str, str]]:
    """How much there is, as (words, role), the most telling first."""
    found = trace.totals
    kept, steps = found["steps_kept"], found["steps"]
    words = [(plural(steps, "step"), "plain")]
    if kept < steps:
        words.append((f"the last {count(kept)} kept", "quiet"))
    if found["copies"]:
        words.append((f"{nbytes_text(found['copied_nbytes'])} copied, {plural(found['copies'], 'time')}", "copy"))
    else:
        words.append(("no op copied a byte", "quiet"))
    return words


# Rows ----------------------------------------------------------------------------------------------------------

_RIGHT = frozenset(("step", "copied", "share", "times"))
"""Columns of numbers."""


def _columns(view: TraceView, width: int) -> tuple[tuple[str, int], ...]:
    """(what it is, how wide) of the columns that a row of a list has room for."""
    op, where = next((op, where) for least, op, where in _SIZES if width >= least)
    step = ((("step", 8), 84), (("op", op), 0), (("line", where), 0), (("copied", 9), 0))
    line = ((("copied", 9), 0), (("share", 10), 60), (("times", 8), 70), (("op", op), 0))
    return tuple(column for column, least in (line if view == "lines" else step) if width >= least)


def _room(view: TraceView, width: int) -> int:
    """Cells behind the columns."""
    return width - 2 - sum(size + 2 for _, size in _columns(view, width))


def heading(view: TraceView, width: int) -> Row:
    """What the columns are."""
    runs, at = [], 1
    for name, size in _columns(view, width):
        runs.append((at + (size - len(name) if name in _RIGHT else 0), piece(name, "quiet")))
        at += size + 2
    last = "line and source" if view == "lines" else "before → after"
    runs += [(at, piece(last, "quiet"))] if _room(view, width) >= len(last) else []
    return painted(runs, width)


def _placed(view: TraceView, texts: dict[str, str], role: str, last: str, width: int, standing: Standing) -> Row:
    words = []
    for name, size in _columns(view, width):
        text = shortened(texts[name], size, "..." if standing.ascii else "…")
        shown = " " * (size - len(text)) + text if name in _RIGHT else padded(text, size)
        words.append((shown, role if name in ("op", "copied") else "quiet" if name == "step" else "plain"))
    return columned([*words, (last, "quiet")], width, standing)


def step_row(step: TraceStep, width: int, standing: Standing) -> Row:
    """One step that ran, `width` cells wide."""
    texts = {
        "step": count(step.number),
        "op": f"{GLYPHS[step.effect][standing.ascii]} {step.op}",
        "line": step.where or "-",
        "copied": nbytes_text(step.copied_nbytes) if step.copied_nbytes else "",
    }
    role = "copy" if step.copied_nbytes else step.effect
    changes = (_change(step.before, step.after), _change(step.before, step.after, shapes=True), _shape(step.after))
    last = next((text for text in changes if len(text) <= _room("steps", width)), "")
    return _placed("steps", texts, role, last, width, standing)


def line_row(line: CopiedLine, whole: int, width: int, standing: Standing) -> Row:
    """What one op at one line of source copied in all.

    Args:
        whole: the bytes copied by all lines.
    """
    texts = {
        "copied": nbytes_text(line.nbytes),
        "share": percent(line.nbytes, whole) if whole else "",
        "times": f"{count(line.times)}{'x' if standing.ascii else '×'}",
        "op": line.op,
    }
    last, room = "  ".join(filter(None, (line.where or _NO_LINE, line.source))), max(_room("lines", width), 0)
    if size_of(last) > room:
        # Its beginning is what it is known by.
        dots = "..." if standing.ascii else "…"
        last = clipped(last, max(room - len(dots), 0)) + dots
    return _placed("lines", texts, "copy", last, width, standing)


def _change(before: TensorInfo | None, after: TensorInfo | None, *, shapes: bool = False) -> str:
    return " → ".join((_shape if shapes else _layout)(info) for info in (before, after) if info is not None)


def _shape(info: TensorInfo | None) -> str:
    return "" if info is None else info.type if info.shape is None else tuple_text(info.shape)


def _layout(info: TensorInfo) -> str:
    if info.shape is None:
        return info.type
    if info.stride is None:
        return tuple_text(info.shape)
    return layout_text(info.shape, info.stride, info.storage_offset or 0)


# Details -------------------------------------------------------------------------------------------------------


def step_details(step: TraceStep) -> list[Section]:
    """All that is known of a step."""
    head = [Entry((Span(f"{GLYPHS[step.effect][0]} {step.op}", "bold"),), Span(f"  {step.effect}", step.effect))]
    where = step.where or _NO_LINE
    head.append(Entry(text=Span(f"{where}  in {step.function}" if step.function else where)))
    if step.source:
        head.append(Entry((Span("  "),), Span(step.source, "bold")))
    if step.forward is not None:
        head.append(_entry("backward of", f"{step.forward[0].rpartition('/')[2]}:{step.forward[1]}"))
    if step.level == "aten":
        head.append(Entry(text=Span("an aten op, called by no function of torch's Python interface", "quiet")))
    copied = [_entry("copied", nbytes_both(step.copied_nbytes), "copy")] if step.copied_nbytes else []
    copied += [_entry("below", plural(step.below, "aten op"))] if step.below else []
    sections = [Section(0, head), Section(1, copied)]
    sections += [Section(2, _tensor(word, info)) for word, info in (("before", step.before), ("after", step.after))]
    sections.append(Section(4, _moved(step.moved)))
    if history_of(step) is not None:
        sections.append(Section(9, [Entry(text=Span("enter plays it on the Stage", "quiet"))]))
    return sections


def line_details(line: CopiedLine, whole: int) -> list[Section]:
    """All that is known of what one op at one line copied: how much, why, and what would avoid it."""
    share = f", {percent(line.nbytes, whole)} of all" if whole else ""
    times = "" if line.times == 1 else f", in {count(line.times)} times"
    head = [
        Entry((Span(line.where or _NO_LINE, "bold"),)),
        *([Entry((Span("  "),), Span(line.source, "bold"))] if line.source else []),
        Entry(text=Span(f"{line.op} copied {nbytes_both(line.nbytes)}{times}{share}", "copy")),
    ]
    why = [Entry(text=Span(sentence)) for sentence in line.because]
    why += [Entry(text=Span(f"its strides come from {line.cause}"))] if line.cause is not None else []
    instead = [
        Entry(
            (Span("instead  ", "quiet"), Span(other.source)),
            Span(f"  {other.effect}{_cost(other.copied_nbytes)}", other.effect),
        )
        for other in line.instead
    ]
    step = line.step
    sections = [Section(0, head), Section(1, why), Section(1, instead)]
    sections += [Section(2, _tensor(word, info)) for word, info in (("before", step.before), ("after", step.after))]
    sections.append(Section(4, _moved(step.moved)))
    if history_of(step) is not None:
        sections.append(Section(9, [Entry(text=Span("enter plays the largest of them on the Stage", "quiet"))]))
    return sections


def _cost(nbytes: int) -> str:
    return f", copies {nbytes_text(nbytes)}" if nbytes else ""


def _entry(word: str, text: str, role: str = "plain") -> Entry:
    return Entry((Span(f"{word:<9}", "quiet"),), Span(text, role))


def _tensor(word: str, info: TensorInfo | None) -> list[Entry]:
    if info is None:
        return []
    words = [_layout(info), *filter(None, (info.dtype, info.device))]
    entries = [_entry(word, " ".join(words))]
    if info.layout is not None:
        size = "" if info.nbytes is None else f"{nbytes_text(info.nbytes)}, "
        held = info.storage.nbytes if info.storage is not None else None
        of = f" in a storage of {nbytes_text(held)}" if held is not None and held != info.nbytes else ""
        entries.append(_entry("", f"{size}{contiguity(info)}{of}"))
    return entries


def _moved(moved: Sequence[Moved]) -> list[Entry]:
    ranked = sorted(moved, key=lambda one: -one.nbytes)
    entries = [
        _entry("moved", f"{one.op} {nbytes_text(one.nbytes)}  {_change(one.before, one.after)}")
        for one in ranked[:MOST_MOVED]
    ]
    left = len(ranked) - MOST_MOVED
    return [*entries, _entry("", f"and {plural(left, 'more op')}")] if left > 0 else entries


# On the Stage --------------------------------------------------------------------------------------------------


def history_of(step: TraceStep) -> History | None:
    """A step as a program: the tensor before, and the op; None where no layout is known.

    Of an op that copied below, such as `linear` laying its input out anew, it is the largest of those copies.

    >>> from stridescope.records import StorageInfo, TensorInfo
    >>> from stridescope.records.traces import TraceStep
    >>> before = TensorInfo("torch.Tensor", (4, 3), (1, 4), 0, "int64", 8, "cpu", False, StorageInfo("a", 96))
    >>> after = TensorInfo("torch.Tensor", (12,), (1,), 0, "int64", 8, "cpu", False, StorageInfo("b", 96))
    >>> history = history_of(TraceStep("reshape", "f.py", 1, "copy", 96, before, after))
    >>> [(step.op, step.effect) for step in history.steps], history.steps[1].copy.origin(1)
    ([('given', 'same'), ('reshape', 'copy')], (0, 4))
    """
    op, before, after, effect, copied = step.op, step.before, step.after, step.effect, step.copied_nbytes
    if effect == "alloc" and step.moved:
        largest = max(step.moved, key=lambda one: one.nbytes)
        if _lies(largest.before) and _lies(largest.after):
            op, before, after, effect, copied = largest.op, largest.before, largest.after, "copy", largest.nbytes
    given = before if _lies(before) else None
    made = after if _lies(after) else None
    if effect == "refused":
        made = None
    if given is None and made is None:
        return None
    steps = []
    if given is not None:
        given = given.named("before")
        steps.append(Step("before", "given", "same", given, name="before"))
    if made is not None or (effect == "refused" and given is not None):
        steps.append(_played(op, effect, copied, given, made))
    named = () if given is None else (("before", given),)
    return History(f"before.{op}(…)" if given is not None else f"{op}(…)", "torch", tuple(steps), given=named)


def _lies(info: TensorInfo | None) -> bool:
    return info is not None and info.layout is not None and info.storage is not None


def _played(op: str, effect: Effect, copied: int, given: TensorInfo | None, made: TensorInfo | None) -> Step:
    source = f".{op}(…)" if given is not None else f"{op}(…)"
    layout = None if made is None else made.layout
    reason = Reason("raised", f"{op} raised an error when it ran") if effect == "refused" else None
    return Step(
        source,
        op,
        effect,
        made,
        copied_nbytes=copied,
        reason=reason,
        before=given,
        write=Write(layout, ("before",)) if effect == "write" and layout is not None else None,
        copy=_copy(op, given, made) if effect == "copy" else None,
        sources=() if given is None else (given,),
    )


def _copy(op: str, given: TensorInfo | None, made: TensorInfo | None) -> Copy[Layout] | None:
    """Where each element came from, of an op that keeps their order; None of another."""
    old, new = (None, None) if given is None or made is None else (given.layout, made.layout)
    if old is None or new is None or op not in IN_ORDER or old.numel != new.numel or new.storage_offset:
        return None
    return Copy.same(old, new) if old.shape == new.shape else Copy.reordered(old, new)
