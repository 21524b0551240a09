"""The steps of a history, one line each.

Problem: a chain of any length must show at a glance which steps moved bytes and which did not. Method: a
table of effect (a glyph and a coloured word), source, resulting layout and what it cost; the middle of a
long chain is summed up in one line. The two widths of text are found from the rows shown.

Cost: linear in the steps shown, plus one count over all steps.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from stridescope.render.lines import Line, indented, width_of, wrap
from stridescope.scene.sentences import joined
from stridescope.scene.text import index_text, nbytes_text, plural, source_shortened
from stridescope.scene.window import gaps, windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import History, Step, TensorInfo
    from stridescope.render.ink import Ink

__all__ = ["chain_title", "draw_steps", "effect_word", "source_text"]

SHOWN_STEPS = 12
SHOWN_PIECES = 4
LISTED_WRITES = 6
_WORD = 11


def effect_word(ink: Ink, effect: str) -> Line:
    """A glyph and the word of an effect, in its colour."""
    return [Segment(f"{ink.glyph(effect)} {effect}".ljust(_WORD), ink.word(effect, bold=effect in ("copy", "refused")))]


def source_text(step: Step) -> str:
    """A step as it would be written, with the name it was bound to."""
    source = step.source
    if step.before is not None and step.before.name and source.startswith((".", "[")):
        source = step.before.name + source
    if step.name and step.effect != "write":
        return f"{step.name} = {source}"
    return source


def chain_title(ink: Ink, history: History, width: int) -> list[Line]:
    """The chain, or the program, without the middle of a long one."""
    sources = [step.source for step in history.steps]
    if sources and "".join("".join(sources).split()) == "".join(history.source.split()):
        parts, between = sources, f" {ink.mark('chain')} "
    else:
        # Names, or tensors made inside an argument: the steps do not read as one chain.
        statements = history.source.replace(";", "\n").splitlines()
        parts, between = [part.strip() for part in statements if part.strip()], "; "
    kept = windows(len(parts), len(parts) if len(parts) <= SHOWN_STEPS else 8)
    bold, quiet = ink.word("bold"), ink.word("quiet")
    line: Line = []
    missing = list(gaps(kept, len(parts)))
    for part in kept:
        if part.start:
            line += [Segment(between, quiet), Segment(f"{ink.dots} {len(missing.pop(0))} more {ink.dots}", quiet)]
        for place in part:
            if line:
                line.append(Segment(between, quiet))
            line.append(Segment(ink.say(source_shortened(parts[place], 3 * width)), bold))
    return wrap(line, width, hang=2)


def draw_steps(ink: Ink, history: History, width: int) -> list[Line]:
    """A line for each step; the pieces of a step that gave several tensors on lines of their own."""
    steps = history.steps
    kept = windows(len(steps), len(steps) if len(steps) <= SHOWN_STEPS else SHOWN_STEPS - 2)
    shown = [steps[place] for part in kept for place in part]
    layouts = [_layout_text(step) for step in shown]
    layout_width = max((cell_len(text) for text in layouts), default=0)
    room = max(width - _WORD - 4 - min(layout_width, width // 3), 12)
    sources = [ink.say(source_shortened(source_text(step), room)) for step in shown]
    source_width = max((cell_len(text) for text in sources), default=0)
    said = iter(sources)
    lines: list[Line] = []
    missing = list(gaps(kept, len(steps)))
    for part in kept:
        if part.start:
            lines += _summed_up(ink, [steps[place] for place in missing.pop(0)], width)
        for place in part:
            step = steps[place]
            lines += _step(ink, step, next(said), source_width, layout_width, width)
            lines += _pieces(ink, step)
    return lines


def _step(ink: Ink, step: Step, text: str, source_width: int, layout_width: int, width: int) -> list[Line]:
    line: Line = [*effect_word(ink, step.effect), Segment(text), Segment(" " * (source_width - cell_len(text)))]
    layout = ink.say(_layout_text(step))
    lines: list[Line] = []
    if layout and width_of(line) + 2 + cell_len(layout) <= width:
        line += [Segment("  "), Segment(layout.ljust(layout_width), ink.word("quiet"))]
    elif layout:
        # What has no room to the right goes below, rather than being cut.
        lines, line = [line], [Segment(" " * _WORD), Segment(layout, ink.word("quiet"))]
        if width_of(line) > width:
            *above, last = wrap([Segment(layout, ink.word("quiet"))], max(width - _WORD, 8))
            lines, line = [*lines, *indented(above, _WORD)], [Segment(" " * _WORD), *last]
    note = ink.say(" · ".join(_notes(step)))
    if not note:
        return [*lines, line]
    role = step.effect if step.effect in ("copy", "write", "refused") else "quiet"
    tail: Line = [Segment(note, ink.word(role))]
    if width_of(line) + 2 + cell_len(note) <= width:
        return [*lines, [*line, Segment("  "), *tail]]
    return [*lines, line, *indented(wrap(tail, max(width - _WORD, 8)), _WORD)]


def _notes(step: Step) -> list[str]:
    """What a step cost or changed beside its layout."""
    notes = []
    info, before = step.tensor, step.before
    if step.effect == "copy":
        notes.append(f"copies {nbytes_text(step.copied_nbytes)}")
    elif step.effect == "write":
        notes.append(_write_text(step))
        if step.copied_nbytes:
            notes.append(f"copies {nbytes_text(step.copied_nbytes)}")
    elif step.effect == "alloc" and info is not None and info.storage is not None and info.storage.nbytes is not None:
        notes.append(nbytes_text(info.storage.nbytes))
    elif step.effect == "refused" and step.reason is not None:
        notes.append(step.reason.exception)
    if info is not None and before is not None:
        changed = (
            now
            for now, then in ((info.dtype, before.dtype), (info.device, before.device))
            if now and then and now != then
        )
        notes += changed
    return [note for note in notes if note]


def _write_text(step: Step) -> str:
    if step.write is None:
        return "changes its storage in place"
    numel = step.write.numel
    if numel == 0:
        return "changes nothing"
    if numel <= LISTED_WRITES:
        addresses = sorted(set(step.write.addresses()))
        where = f"address {addresses[0]}" if len(addresses) == 1 else f"addresses {joined([str(a) for a in addresses])}"
    else:
        low, high = step.write.span
        where = f"{plural(numel, 'element')} in [{low:,}, {high:,})"
    seen = f", seen by {joined(step.write.seen_by)}" if step.write.seen_by else ""
    return f"changes {where}{seen}"


def _pieces(ink: Ink, step: Step) -> list[Line]:
    kept = windows(len(step.tensors), SHOWN_PIECES)
    lines: list[Line] = []
    missing = list(gaps(kept, len(step.tensors)))
    for part in kept:
        if part.start:
            lines.append(
                [Segment(" " * _WORD + f"{ink.dots} {len(missing.pop(0))} more {ink.dots}", ink.word("quiet"))]
            )
        for place in part:
            info = step.tensors[place]
            text = f"{info.name or index_text((place,))}  {_info_text(info)}"
            lines.append([Segment(" " * _WORD + ink.say(text), ink.word("quiet"))])
    return lines


def _summed_up(ink: Ink, steps: Sequence[Step], width: int) -> list[Line]:
    effects = Counter(step.effect for step in steps)
    copied = sum(step.copied_nbytes for step in steps)
    parts = [f"{number} {effect}" for effect, number in effects.most_common()]
    text = f"{ink.dots} {plural(len(steps), 'more step')}: {', '.join(parts)}"
    if copied:
        text += f", {nbytes_text(copied)} copied"
    return [[Segment(" " * 2), *line] for line in wrap([Segment(ink.say(text), ink.word("quiet"))], width - 2, hang=2)]


def _layout_text(step: Step) -> str:
    if step.tensors:
        return plural(len(step.tensors), "tensor")
    return "" if step.tensor is None else _info_text(step.tensor)


def _info_text(info: TensorInfo) -> str:
    layout = info.layout
    if layout is not None:
        return str(layout)
    return info.type if info.shape is None else f"({','.join(map(str, info.shape))})"
