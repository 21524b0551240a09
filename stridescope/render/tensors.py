"""TENSOR: the facts and the grid of a tensor with what it means; and what there is to say of one without a layout.

Problem: one tensor deserves sentences, several on one storage a grid each. Method: facts, grid and sentences come
from the modules that draw them, and are only arranged here: side by side where there is room. Cost: what is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from stridescope.render.drawn import HEAD, TEXT_WIDTH, Drawn
from stridescope.render.grid import GRID_LINES, draw_grid
from stridescope.render.lines import Line, beside, flow, indented, tile, width_of, wrap
from stridescope.render.steps import effect_word
from stridescope.scene.sentences import Next, address_formula, contiguity, meaning, next_ops, others_text
from stridescope.scene.text import count, nbytes_text, plural, shortened, tuple_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import History, TensorInfo
    from stridescope.render.ink import Ink
    from stridescope.scene.track import Track

__all__ = ["major", "next_lines", "tensor_section", "unknown_section"]

BESIDE_WIDTH = 44
MAX_GRIDS = 6
CROWD = 3
LISTED_NAMES = 6
MINOR = ("storage.data_ptr", "requires_grad")
"""Fields whose absence changes nothing that is drawn; JSON says why they are null."""


def tensor_section(
    ink: Ink,
    drawn: Sequence[Drawn],
    track: Track,
    width: int,
    *,
    values: bool,
    index: tuple[int, ...] | None,
    history: History | None,
    notes: bool,
    following: bool,
) -> list[Line]:
    """TENSOR: the facts and the grid of one tensor with what it means, or several grids side by side.

    Args:
        history: what the sentences tell, if anything.
        notes: whether there are sentences.
        following: whether they go on to what common ops would do next.
    """
    word = "value" if values else "address"
    # Many grids are to be compared, not to be read to the end.
    height = GRID_LINES // (1 if following and len(drawn) == 1 else 2 if len(drawn) <= CROWD else 3)
    left_out = len(drawn) - MAX_GRIDS
    grids = [
        draw_grid(
            ink,
            item.layout,
            lambda address, scale=item.scale: track.level(address * scale),  # type: ignore[misc]
            width,
            texts=item.texts if values else None,
            marked=_wrapped(index, item.layout) if index is not None and number == 0 else None,
            word=word,
            height=height,
        )
        for number, item in enumerate(drawn[:MAX_GRIDS])
    ]
    if len(drawn) == 1:
        info, layout = drawn[0].info, drawn[0].layout
        facts = flow(_tensor_facts(ink, drawn[0]), width, hang=HEAD)
        sentences = meaning(info, history) if notes else []
        rows = next_ops(info) if following and layout.numel > 1 else ()
        return [*facts, [], *_explained(ink, grids[0], drawn[0], width, index, sentences, rows)]
    quiet = ink.word("quiet")
    blocks = []
    for item, grid in zip(drawn, grids, strict=False):
        title: Line = [
            Segment(f"  {ink.say(shortened(item.name, 24, ink.dots))}  ", ink.word("bold")),
            Segment(ink.say(f"{item.layout} · {contiguity(item.info)}"), quiet),
        ]
        blocks.append([title, *(grid or [[Segment("  no elements", quiet)]])])
    first, *more = wrap(
        [Segment(f"{len(drawn)} on one storage: a write through one shows in all that reach it")], width - HEAD
    )
    head: Line = [Segment("TENSORS".ljust(HEAD), ink.word("bold")), *first]
    lines = [head, *indented(more, HEAD), [], *tile(blocks, width, gap=4)]
    if left_out > 0:
        names = [item.name for item in drawn[MAX_GRIDS:]]
        listed = ", ".join(names[:LISTED_NAMES]) + (" and more" if left_out > LISTED_NAMES else "")
        text = f"{ink.dots} {plural(left_out, 'more tensor')} not drawn: {listed}"
        lines += [[], *indented(wrap([Segment(ink.say(text), quiet)], width - 2, hang=2), 2)]
    if index is not None:
        lines += [[], *indented(_formula(ink, drawn[0], index, min(width - 2, TEXT_WIDTH)), 2)]
    return lines


def _explained(
    ink: Ink,
    grid: list[Line],
    item: Drawn,
    width: int,
    index: tuple[int, ...] | None,
    sentences: Sequence[str],
    following: Sequence[Next],
) -> list[Line]:
    """A grid and what there is to say about it, side by side where there is room."""
    grid_width = max((width_of(line) for line in grid), default=0)
    room = min(width - grid_width - 4, TEXT_WIDTH)
    aside = room >= BESIDE_WIDTH and len(grid) > 2
    text_width = room if aside else min(width - 2, TEXT_WIDTH)
    text: list[Line] = [] if index is None else [*_formula(ink, item, index, text_width), []]
    for sentence in sentences:
        text += wrap([Segment(ink.say(sentence))], text_width)
    if following:
        text += [[]] if text and text[-1] else []
        text += next_lines(ink, following, text_width)
    if aside:
        return beside(grid, text)
    return [*grid, *([[]] if grid and text else []), *indented(text, 2)]


def _formula(ink: Ink, item: Drawn, index: tuple[int, ...], width: int) -> list[Line]:
    """Which address an index reaches, with the numbers put in, and which other indices do."""
    first, *rest = address_formula(item.info, index)
    lines = wrap([Segment(ink.say(first), ink.word("bold"))], width)
    for line in rest:
        lines += indented(wrap([Segment(ink.say(line))], width - 2, hang=2), 2)
    return [*lines, *wrap([Segment(ink.say(others_text(item.layout, index)), ink.word("quiet"))], width)]


def next_lines(ink: Ink, rows: Sequence[Next], width: int) -> list[Line]:
    """What each op would do next: its source, its effect, its cost."""
    sources = max(len(row.source) for row in rows) + 2
    lines: list[Line] = []
    for row in rows:
        head: Line = [Segment(ink.say(row.source).ljust(sources)), *effect_word(ink, row.effect)]
        edge = width_of(head)
        detail: Line = [Segment(ink.say(row.detail), ink.word("quiet"))]
        if width_of(detail) <= width - edge or width - edge >= 48:
            first, *more = wrap(detail, width - edge)
            lines += [[*head, *first], *indented(more, edge)]
        else:
            lines += [head, *indented(wrap(detail, width - 2), 2)]
    return lines


def unknown_section(ink: Ink, info: TensorInfo, width: int) -> list[Line]:
    """A tensor without a layout: what is known, why the rest is not, and its parts."""
    quiet, bold = ink.word("quiet"), ink.word("bold")
    facts = _known_facts(ink, info)
    lines = flow(facts, width, hang=HEAD)
    if major(info):
        lines += [[], *_why_lines(ink, info, width)]
    if info.parts:
        from stridescope.render.tables import draw_table

        rows = [part.named(name) for name, part in info.parts]
        lines += [[], [Segment("PARTS", bold), Segment("  the tensors it is made of", quiet)], []]
        lines += indented(draw_table(ink, rows, width - 2, totals=False), 2)
    return lines


def major(info: TensorInfo) -> list[tuple[str, str]]:
    """(field, why it is not there) for the fields that a drawing is made of."""
    return [(field, sentence) for field, sentence in info.why if field not in MINOR]


def _why_lines(ink: Ink, info: TensorInfo, width: int) -> list[Line]:
    """What is not there and why; fields with the same reason in one line."""
    fields: dict[str, list[str]] = {}
    for field, sentence in major(info):
        fields.setdefault(sentence, []).append(field)
    lines: list[Line] = []
    for sentence, missing in fields.items():
        text = [Segment(f"no {ink.say(', '.join(missing))}: ", ink.word("quiet")), Segment(ink.say(sentence))]
        lines += indented(wrap(text, min(width - 2, TEXT_WIDTH), hang=2), 2)
    return lines


def _known_facts(ink: Ink, info: TensorInfo) -> list[Line]:
    known = (
        ("layout", info.tensor_layout if info.tensor_layout != "strided" else None),
        ("dtype", info.dtype),
        ("device", info.device),
        ("shape", None if info.shape is None else tuple_text(info.shape)),
        ("stride", None if info.stride is None else tuple_text(info.stride)),
        ("byte stride", None if info.observed_byte_stride is None else tuple_text(info.observed_byte_stride)),
        ("byte offset", None if info.observed_byte_offset is None else count(info.observed_byte_offset)),
        ("elements", None if info.numel is None else count(info.numel)),
        ("bytes", None if info.nbytes is None else nbytes_text(info.nbytes)),
        ("storage", None if info.storage is None or info.storage.nbytes is None else nbytes_text(info.storage.nbytes)),
        ("requires_grad", "yes" if info.requires_grad else None),
    )
    facts = [_fact(ink, key, value) for key, value in known if value is not None]
    head = Segment("TENSOR".ljust(HEAD), ink.word("bold"))
    return [[head, *facts[0]], *facts[1:]] if facts else [[head, Segment(ink.say(info.type))]]


def _tensor_facts(ink: Ink, item: Drawn) -> list[Line]:
    info, layout = item.info, item.layout
    facts: list[Line] = [
        _fact(ink, "shape", tuple_text(layout.shape)),
        _fact(ink, "stride", tuple_text(layout.stride)),
        _fact(ink, "offset", count(layout.storage_offset)),
    ]
    if info.nbytes is not None:
        facts.append([Segment(nbytes_text(info.nbytes))])
    facts.append([Segment(contiguity(info))])
    if info.requires_grad:
        facts.append([Segment("requires_grad")])
    head = Segment("TENSOR".ljust(HEAD), ink.word("bold"))
    if item.name:
        facts.insert(0, [Segment(ink.say(shortened(item.name, 24, ink.dots)), ink.word("bold"))])
    facts[0] = [head, *facts[0]]
    return facts


def _fact(ink: Ink, key: str, value: str) -> Line:
    return [Segment(f"{key} ", ink.word("quiet")), Segment(ink.say(value))]


def _wrapped(index: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    return tuple(place + size if place < 0 else place for place, size in zip(index, layout.shape, strict=True))
