"""The words that stand still on the Stage: a storage's head, a tensor's head, the lines of marks below a strip.

Problem: each says in one or two lines what DESIGN's words promise (shape, stride, offset, what is reached), in whatever
width there is, and parts of them can be pointed at. Method: chunks in order of weight, set one after another while they
fit; a chunk that does not fit is left out whole, never cut in a number.

Cost: linear in what is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.frame import Piece, piece, size_of
from stridescope.scene.minimap import shown_text
from stridescope.scene.reach import reaches
from stridescope.scene.sentences import contiguity, reached
from stridescope.scene.text import ascii_text, count, nbytes_text, printable, shortened, source_shortened
from stridescope.scene.view import Hit
from stridescope.scene.wrapping import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stridescope.records import Step
    from stridescope.scene.arrange import Pane
    from stridescope.scene.cast import Cast, Member
    from stridescope.scene.strips import StripPlan
    from stridescope.scene.view import View

__all__ = ["Word", "head_of", "name_rows", "strip_head"]


class Word(NamedTuple):
    """A piece of a head and what it means when it is pointed at."""

    piece: Piece
    hit: Hit | None = None


Chunk = list[Word]

NAMED = 4
"""Names in the head of a storage."""


def strip_head(
    plan: StripPlan, cast: Cast, step: Step, members: Sequence[Member], view: View, note: str = ""
) -> Iterator[tuple[int, int, Piece]]:
    """The line above a strip: what the storage is, how much of it is reached, and a note on its bar."""
    stored = plan.stored
    y = plan.head
    dot = "|" if view.ascii else "·"
    facts = []
    if stored.info.storage is None:
        facts.append("none given: the layout alone" if stored.info.type == "layout" else "unknown")
    else:
        kind = stored.dtypes[0] if len(stored.dtypes) == 1 else f"{stored.unit} B"
        times = "x" if view.ascii else "×"
        held = "size unknown" if stored.held is None else count(stored.held)
        facts.append(f"{held} {times} {kind}")
        if stored.info.storage.nbytes is not None:
            facts.append(nbytes_text(stored.info.storage.nbytes))
        if stored.info.device:
            facts.append(stored.info.device)
    names = [_said(member.name, view) for member in members if member.name and member.name[0] != "["]
    if len(cast.storages) > 1 and names:
        # Which of several storages this is.
        facts.insert(0, f"of {', '.join(names[:NAMED])}" + (f" and {len(names) - NAMED} more" if names[NAMED:] else ""))
    if not stored.alive:
        facts.append("what was copied from")
    elif cast.step > 0 and step.effect in ("copy", "alloc") and any(one.step == cast.step for one in members):
        facts.append("new")
    title = piece("STORAGE ", "bold" if stored.alive else "quiet")
    x = 1
    yield x, y, title
    x += title.size + 1
    room = view.width - x - 1
    text = f" {dot} ".join(facts)
    while facts and size_of(text) > room:
        facts.pop()
        text = f" {dot} ".join(facts)
    yield x, y, piece(text, "plain" if stored.alive else "quiet")
    x += size_of(text) + 2
    said = [part for part in (note, _reach_text(plan, members, dot)) if part]
    while said and x + size_of(f" {dot} ".join(said)) > view.width - 1:
        said.pop()
    right = f" {dot} ".join(said)
    if right:
        yield view.width - 1 - size_of(right), y, piece(right, "quiet")


def _reach_text(plan: StripPlan, members: Sequence[Member], dot: str) -> str:
    layouts = [member.info.layout for member in members if member.info.layout is not None]
    if len(layouts) != 1 or not layouts[0].numel:
        return ""
    layout = layouts[0]
    number, exact = reached(layout)
    low, high = layout.span
    held = plan.stored.held
    of = f" of {count(held // members[0].scale)}" if held is not None else ""
    most = "" if exact else "at most "
    return f"{most}{count(number)}{of} reached {dot} span [{low:,}, {high:,})"


def head_of(pane: Pane, cast: Cast, step: Step, view: View) -> Iterator[tuple[int, int, Piece, Hit | None]]:
    """The lines above a grid, each word with what it means when pointed at."""
    head = pane.head
    if not head.height:
        return
    x, y, first = head.x, head.y, True
    for chunk in _chunks(pane, cast, step, view):
        size = sum(word.piece.size for word in chunk)
        gap = 0 if first else 3
        if not first and x + gap + size > head.x + head.width:
            x, y, gap = head.x, y + 1, 0
        if y >= head.y + head.height:
            return
        if x + gap + size > head.x + head.width:
            if gap or not first:
                continue
            title = chunk[0].piece
            short = shortened(title.text, head.width, ".." if view.ascii else "…")
            chunk = [Word(piece(short, title.look.role), chunk[0].hit)]  # noqa: PLW2901
        x += gap
        for word in chunk:
            yield x, y, word.piece, word.hit
            x += word.piece.size
        first = False


def _chunks(pane: Pane, cast: Cast, step: Step, view: View) -> Iterator[Chunk]:
    member = pane.member
    info = member.info
    alone = len(cast.members) == 1
    focused = cast.focused(view.focus) is member
    whose = Hit("tensor", member.key)
    title = member.name or ("TENSOR" if alone else source_shortened(member.source, 24))
    yield [Word(piece(_said(title, view), "bold" if focused or alone else "plain"), whose)]
    if info.shape is None:
        yield [Word(piece(_said(dict(info.why).get("shape", "its shape is unknown"), view), "quiet"))]
        return
    roles = _dim_roles(member, step, view.dim if focused else None)
    yield _tuple("shape ", info.shape, member, roles)
    if info.stride is not None:
        yield _tuple("stride ", info.stride, member, roles)
    else:
        why = dict(info.why).get("stride", f"no strides: {info.tensor_layout}")
        yield [Word(piece(_said(why, view), "quiet"))]
    if info.storage_offset is not None:
        yield [Word(piece("offset ", "quiet")), Word(piece(f"{info.storage_offset:,}"))]
    if cast.storages and any(len(stored.dtypes) > 1 for stored in cast.storages) and info.dtype:
        yield [Word(piece(info.dtype, "quiet"))]
    yield [Word(piece(contiguity(info), "quiet"))]
    seen = shown_text(pane, ascii=view.ascii)
    if seen:
        yield [Word(piece(seen, "quiet"))]


def _said(text: str, view: View) -> str:
    """Text from outside, such as a name, in characters that may be drawn."""
    text = printable(text)
    return ascii_text(text) if view.ascii else text


def _dim_roles(member: Member, step: Step, chosen: int | None) -> dict[int, str]:
    """The dims to set apart: those that a refused step could not merge, and the one that is selected."""
    asked, reason = step.before, step.reason
    roles: dict[int, str] = {}
    if reason is not None and asked is not None and asked.layout == member.info.layout:
        roles = dict.fromkeys(reason.dims, "refused")
    return roles if chosen is None else {**roles, chosen: "chosen"}


def _tuple(label: str, numbers: Sequence[int], member: Member, roles: dict[int, str]) -> Chunk:
    """`shape (3, 2)`, each number a dim that can be chosen."""
    words = [Word(piece(label, "quiet")), Word(piece("("))]
    for dim, number in enumerate(numbers):
        part = piece(f"{number:,}", roles.get(dim, "plain"))
        words.append(Word(part, Hit("dim", member.key, number=dim)))
        if dim < len(numbers) - 1 or len(numbers) == 1:
            words.append(Word(piece(", " if dim < len(numbers) - 1 else ",")))
    return [*words, Word(piece(")"))]


def name_rows(plan: StripPlan, members: Sequence[Member], view: View) -> Iterator[tuple[int, int, Piece]]:
    """Below each line of cells, for each name, a mark under every position it reaches."""
    for row, member in enumerate(members):
        layout = member.info.layout
        if layout is None:
            continue
        test = reaches(layout)
        letter = next((char for char in member.name if char.isascii() and char.isalnum()), "*")
        name = clipped(shortened(_said(member.name or "this", view), 8, ".." if view.ascii else "…"), 8)
        for line in range(plan.lines):
            y = plan.y + line * plan.line_pitch + plan.labels + 1 + row
            yield 1, y, piece(name, "quiet")
            first = plan.first + line * plan.per_line
            for position in range(first, min(first + plan.per_line, plan.first + plan.shown)):
                if test(position // member.scale):
                    spot = plan.place(position)
                    if spot is not None:
                        yield spot[0], y, piece(f"{letter:>{plan.cell_width - 1}}")
