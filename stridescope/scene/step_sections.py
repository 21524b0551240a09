"""Sections on what a step did and how its tensor lies.

Problem: "refused", "copy" and "view" each raise another question: why and what instead, how much and from where, what
changed. Method: a function a section, from the question to entries; empty where there is nothing to say. Cost: O(ndim).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stridescope.scene.accounts import account, changes, fact_sentences, no_layout_sentences
from stridescope.scene.asked import Asked, said
from stridescope.scene.element_sections import dims_table
from stridescope.scene.frame import Mark, size_of
from stridescope.scene.panel import Entry, Span
from stridescope.scene.refusals import break_of, break_text, reason_text
from stridescope.scene.sentences import next_ops
from stridescope.scene.text import ANGLE, GLYPHS, layout_text, nbytes_text, source_shortened
from stridescope.scene.view import Hit
from stridescope.scene.wrapping import padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import Reason

__all__ = [
    "alternatives",
    "alternatives_least",
    "alternatives_titled",
    "changed",
    "clash",
    "dims",
    "facts",
    "facts_briefly",
    "following",
    "headline",
    "native",
    "told",
    "told_briefly",
    "values_changed",
]

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_UP = ("▲", "^")

_next = lru_cache(maxsize=64)(next_ops)


def headline(asked: Asked) -> list[Entry]:
    """The effect and the op; for a refusal the class of its error."""
    step = asked.step
    word = f"{GLYPHS[step.effect][asked.ascii]} {step.effect}"
    reason = step.reason if step.effect == "refused" else None
    source = source_shortened(step.source, max(asked.width - size_of(word) - 2, 8))
    head = (Span(word, step.effect), Span("  "), Span(source, "bold"))
    return [Entry(head) if reason is None else Entry((*head, Span("  ")), Span(reason.exception, "quiet"))]


def told(asked: Asked) -> list[Entry]:
    """What the step did to memory, or why it could not be done."""
    reason = _reason(asked)
    if reason is not None:
        return [said(reason_text(reason), "refused")]
    return [said(sentence) for sentence in account(asked.step)]


def told_briefly(asked: Asked) -> list[Entry]:
    """The same behind its effect, the first sentence alone."""
    reason = _reason(asked)
    sentences = [reason_text(reason)] if reason is not None else account(asked.step)[:1]
    glyph = GLYPHS[asked.step.effect][asked.ascii]
    return [Entry((Span(f"{glyph} ", asked.step.effect),), Span(text)) for text in sentences]


def _reason(asked: Asked) -> Reason | None:
    return asked.step.reason if asked.step.effect == "refused" else None


def changed(asked: Asked) -> list[Entry]:
    """Which fields of the layout a view changed, or which values a write, from what to what."""
    if asked.written:
        return values_changed(asked)
    rows = changes(asked.step)
    size = max((len(name) for name, _, _ in rows), default=0)
    return [Entry((Span(f"{name:<{size}}  ", "quiet"),), Span(f"{old} → {new}")) for name, old, new in rows]


def values_changed(asked: Asked) -> list[Entry]:
    """The first values that a write changed, from what to what."""
    if not asked.written or asked.step.write is None:
        return []
    values = ", ".join(f"{old} → {new}" for old, new in asked.written)
    more = ", …" if asked.step.write.numel > len(asked.written) else ""
    return [Entry((Span("values  ", "quiet"),), Span(f"{values}{more}"))]


def clash(asked: Asked) -> list[Entry]:
    """The dims of the tensor that was refused, those to blame marked, and where one stride could not go on."""
    reason, before = _reason(asked), asked.step.before
    layout = None if before is None else before.layout
    if reason is None or layout is None or not layout.ndim:
        return []
    wanted = {dim for dim in reason.dims if 0 <= dim < layout.ndim}
    if not wanted:
        return []
    entries = _dims_table(layout, wanted, asked)
    broken = break_of(layout, reason)
    return entries if broken is None else [*entries, said(break_text(broken))]


def _dims_table(layout: Layout, wanted: set[int], asked: Asked) -> list[Entry]:
    size = max(len(str(number)) for number in (*layout.shape, *layout.stride)) + 3
    fit = max((asked.width - 6) // size, 1)
    first = max(min(min(wanted) - 1, layout.ndim - fit), 0)
    shown = range(first, min(first + fit, layout.ndim))
    rows: tuple[tuple[str, Sequence[object], bool], ...] = (
        ("dim", range(layout.ndim), False),
        ("shape", layout.shape, True),
        ("stride", layout.stride, True),
        ("", [_UP[asked.ascii] if dim in wanted else "" for dim in range(layout.ndim)], True),
    )
    return [
        Entry(
            (
                Span(f"{head:<6}", "quiet"),
                *(
                    Span(
                        f"{row[dim]!s:>{size}}",
                        "refused" if marks and dim in wanted else "plain" if marks else "quiet",
                        Mark.BROKEN if marks and dim in wanted else 0,
                    )
                    for dim in shown
                ),
            )
        )
        for head, row, marks in rows
    ]


def alternatives(asked: Asked) -> list[Entry]:
    """What would work instead: a letter, its source, its effect, what it copies; each can be chosen."""
    reason = _reason(asked)
    if reason is None or not reason.alternatives:
        return []
    costs = _costs(reason, asked)
    room = max(asked.width - 5 - max(map(size_of, costs)), 8)
    sources = [source_shortened(other.source, room) for other in reason.alternatives]
    width = max(map(size_of, sources))
    entries = []
    for number, (other, source, text) in enumerate(zip(reason.alternatives, sources, costs, strict=True)):
        marked = number == asked.chosen
        marks = Mark.CURSOR if marked else 0
        letter = LETTERS[number] if number < len(LETTERS) else " "
        head = (
            Span(f"{ANGLE if marked else ' '}{letter} ", "bold", marks),
            Span(padded(source, width), "bold" if marked else "plain", marks),
            Span(f"  {text}", other.effect, marks),
        )
        entries.append(Entry(head, hit=Hit("alternative", number=number)))
    return entries


def alternatives_least(asked: Asked) -> list[Entry]:
    """The same on a line: letters and sources."""
    reason = _reason(asked)
    if reason is None or not reason.alternatives:
        return []
    named = zip(LETTERS, reason.alternatives, strict=False)
    return [said(" · ".join(f"{letter} {other.source}" for letter, other in named))]


def _costs(reason: Reason, asked: Asked) -> list[str]:
    """What each alternative does; without a verb where that would cut a source."""
    verbs = _with_verbs(reason, asked)
    costs = []
    for other in reason.alternatives:
        glyph = f"{GLYPHS[other.effect][asked.ascii]} "
        if not other.copied_nbytes:
            costs.append(f"{glyph}{other.effect}")
            continue
        # In ASCII the sign of a copy is that of a full cell: before a number alone it would be read as a part of it.
        lead = f"{glyph}copies " if verbs else "" if asked.ascii else glyph
        costs.append(f"{lead}{nbytes_text(other.copied_nbytes)}")
    return costs


def _with_verbs(reason: Reason, asked: Asked) -> bool:
    longest = max(size_of(other.source) for other in reason.alternatives)
    most = max(len(nbytes_text(other.copied_nbytes)) for other in reason.alternatives)
    return asked.width >= 5 + longest + len("* copies ") + most


def alternatives_titled(asked: Asked) -> list[Entry]:
    """The same under a title."""
    entries, reason = alternatives(asked), _reason(asked)
    if not entries or reason is None:
        return []
    short = any(other.copied_nbytes for other in reason.alternatives) and not _with_verbs(reason, asked)
    return [said(f"What works instead{' (bytes copied)' if short else ''}", "bold"), *entries]


def native(asked: Asked) -> list[Entry]:
    """What the real library says of a refusal, where it was asked."""
    reason = _reason(asked)
    words = "" if reason is None else reason.native_message or asked.native
    who = "numpy" if asked.info is not None and asked.info.type.startswith("numpy") else "torch"
    return [Entry((Span(f"{who} says  ", "quiet"),), Span(words))] if words else []


def _quiet_about_facts(asked: Asked) -> bool:
    """Whether the reader asked for something else."""
    pointing = asked.address is not None or asked.walk is not None or asked.dim is not None
    return asked.info is None or pointing or asked.step.effect == "refused"


def facts(asked: Asked) -> list[Entry]:
    """How the tensor lies, and what stays in memory for it."""
    if asked.info is None or _quiet_about_facts(asked):
        return []
    if asked.layout is None:
        return [said(sentence, hang=2) for sentence in no_layout_sentences(asked.info)]
    return [said(sentence) for sentence in fact_sentences(asked.info, tuple(account(asked.step)))]


def facts_briefly(asked: Asked) -> list[Entry]:
    """The layout in one line."""
    if asked.info is None or _quiet_about_facts(asked):
        return []
    layout = asked.layout
    if layout is None:
        return facts(asked)[:1]
    text = layout_text(layout.shape, layout.stride, layout.storage_offset)
    return [Entry((Span(f"{text} ", "bold"),), Span(fact_sentences(asked.info)[0]))]


def dims(asked: Asked) -> list[Entry]:
    """A line for each dim, where nothing else was asked."""
    return [] if _quiet_about_facts(asked) else dims_table(asked)


def following(asked: Asked) -> list[Entry]:
    """What flattening and making contiguous would do next."""
    info, layout = asked.info, asked.layout
    if info is None or layout is None or layout.numel < 2 or _quiet_about_facts(asked):
        return []
    rows = _next(info)
    width = max(len(row.source) for row in rows) + 2
    return [
        Entry(
            (Span(row.source.ljust(width)), Span(f"{GLYPHS[row.effect][asked.ascii]} {row.effect:<7}  ", row.effect)),
            Span(row.detail, "quiet"),
        )
        for row in rows
    ]
