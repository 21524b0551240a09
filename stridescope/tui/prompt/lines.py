"""The lines around a program that is being typed: those submitted before it, what is pasted in, what is said below it.

Problem: a paste may hold anything, a line that was submitted must come back without losing the draft, and one line of
words has to say what matters now. Method: plain values and functions of text, no widget. What is said is a list of
parts, a text and its role each; whoever draws turns roles into styles.

Cost: linear in the text.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from stridescope.program.source import MAX_CHARS, origins, without_prompts
from stridescope.scene.text import layout_text, nbytes_both, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stridescope.program.completion import Completions, Item
    from stridescope.program.typed import Typed
    from stridescope.records import History, Step, TensorInfo
    from stridescope.render.ink import Ink

__all__ = [
    "Lines",
    "OpPlace",
    "Part",
    "Place",
    "ROLES",
    "cleaned",
    "cut",
    "effect_parts",
    "fitted",
    "op_places",
    "pointed",
    "signature_parts",
    "told",
    "wrapped",
]

Part = tuple[str, str]
"""A text and its role, one of `ROLES`."""

Place = tuple[int, int, int]
"""A stretch of a text: line from 0, column, end column, in characters."""

OpPlace = tuple[Place, str]
"""Where the name of an op stands, and its effect."""

ROLES = ("plain", "bold", "quiet", "error", "alloc", "view", "same", "copy", "write", "refused")

# An escape sequence, as a terminal writes it: CSI, OSC, or ESC and one more character.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~])?")
_ODD_SPACE = re.compile(r"[\xa0\u2000-\u200a\u202f\u205f\u3000]")
_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


class Lines:
    """The lines submitted in this session, and where in them the reader is.

    The text that stands in the prompt when the reader starts going back is kept, and so is what was changed in an
    old line, until a line is submitted.

    >>> lines = Lines(["a", "b"])
    >>> lines.older("draft"), lines.older("b"), lines.older("a"), lines.newer("a"), lines.newer("b")
    ('b', 'a', None, 'b', 'draft')
    """

    MOST = 500

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._lines: list[str] = []
        self._at = 0
        self._kept: dict[int, str] = {}
        for line in lines:
            self.add(line)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: str) -> None:
        """Keep a submitted line as the newest one; an older one like it goes, and an empty one is not kept."""
        if line.strip():
            self._lines = [*(old for old in self._lines if old != line), line][-self.MOST :]
        self._at = len(self._lines)
        self._kept.clear()

    def older(self, current: str) -> str | None:
        """The line before, while `current` is what stands in the prompt; None where there is none."""
        return self._moved(-1, current)

    def newer(self, current: str) -> str | None:
        """The line after, at last the draft; None where there is none."""
        return self._moved(1, current)

    def _moved(self, by: int, current: str) -> str | None:
        at = self._at + by
        if not 0 <= at <= len(self._lines):
            return None
        self._kept[self._at] = current
        self._at = at
        # What was kept is what the reader left there; the draft was left there at the start.
        return self._kept.get(at, self._lines[at] if at < len(self._lines) else "")


def cleaned(text: str, room: int = MAX_CHARS) -> tuple[str, str]:
    r"""Text from outside as the prompt takes it, and a sentence about what was left out, or "".

    Line ends become newlines, spaces of every kind a space; escape sequences and control characters go, as do the
    prompts of a session and what it printed; what is longer than `room` is cut.

    >>> cleaned("a\r\nb\x1b[31mc\x00"), cleaned("abc", 2)[0]
    (('a\nbc', '2 control characters were left out of the paste'), 'ab')
    """
    # What is cut off anyway need not be looked at; a terminal's escape sequences are never that long.
    whole = len(text)
    text = _ODD_SPACE.sub(" ", _NEWLINE.sub("\n", text[: 4 * MAX_CHARS]))
    text, dropped = _ESCAPE.subn("", text)
    kept = "".join(char for char in text if char.isprintable() or char in "\n\t")
    dropped += len(text) - len(kept)
    kept = without_prompts(kept)
    if len(kept) > room or whole > 4 * MAX_CHARS:
        return kept[:room], f"a program has at most {MAX_CHARS:,} characters; the rest of the paste was left out"
    were = "was" if dropped == 1 else "were"
    return kept, f"{plural(dropped, 'control character')} {were} left out of the paste" if dropped else ""


def op_places(history: History, text: str) -> tuple[OpPlace, ...]:
    """Where in a text as it was typed the names of the ops stand that were run, and what they did.

    An op that is not written as a name (an index, an operator) is all of its step's first line.

    >>> from stridescope.program import run
    >>> op_places(run("torch.arange(12)[::2]"), "  torch.arange(12)[::2]")
    (((0, 8, 14), 'alloc'), ((0, 18, 23), 'view'))
    """
    rows = origins(text)
    lines = text.split("\n")
    found = []
    for step in history.steps:
        if step.place is None or step.place[0] > len(rows):
            continue
        line, start, end_line, end = step.place
        row, taken = rows[line - 1]
        start, end = start + taken, end + taken if end_line == line else len(lines[row])
        name = re.search(rf"(?<!\w){re.escape(step.op)}(?!\w)", lines[row][start:end])
        if name is not None:
            start, end = start + name.start(), start + name.end()
        found.append(((row, start, end), step.effect))
    return tuple(found)


def fitted(text: str, width: int, dots: str = "…") -> str:
    """Text that fills `width` columns exactly, cut at its end where it is longer.

    >>> fitted("view", 6), fitted("transpose", 6)
    ('view  ', 'trans…')
    """
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width <= len(dots):
        return set_cell_size(text, width)
    return set_cell_size(text, width - len(dots)) + dots


def cut(parts: Sequence[Part], width: int, dots: str = "…") -> list[Part]:
    """Parts in at most `width` columns, cut at their end.

    >>> cut([("view", "bold"), (" of it", "plain")], 7)
    [('view', 'bold'), (' o…', 'plain')]
    """
    if sum(cell_len(text) for text, _ in parts) <= width:
        return list(parts)
    kept: list[Part] = []
    for text, role in parts:
        size = cell_len(text)
        if size + len(dots) > width:
            return [*kept, (fitted(text, width, dots) if size > width else text + dots[: width - size], role)]
        kept.append((text, role))
        width -= size
    return kept


def pointed(sentence: str, column: int, end_column: int, width: int, most: int) -> list[str]:
    """A sentence with carets under columns [column, end_column) of the line above it, in at most `most` rows.

    To the right of the carets where it fits, else to their left, else below them; without room for that, alone.

    >>> pointed("no such op", 4, 6, 40, 3), pointed("no such op", 14, 16, 20, 3)
    (['    ^^ no such op'], ['no such op    ^^'])
    """
    carets = "^" * max(1, min(end_column, width) - column)
    size = cell_len(sentence)
    if column + len(carets) + 1 + size <= width:
        return [f"{' ' * column}{carets} {sentence}"]
    if size < column and column + len(carets) <= width:
        return [f"{sentence}{' ' * (column - size)}{carets}"]
    rows = wrapped(sentence, width)
    if len(rows) < most and column < width:
        return [f"{' ' * column}{carets}", *rows]
    return wrapped(sentence, width, most)


def wrapped(sentence: str, width: int, most: int | None = None) -> list[str]:
    """A sentence in rows of at most `width` columns, a longer word on a row of its own.

    What goes beyond `most` rows is cut off the last one.

    >>> wrapped("needed 12, got 10", 10), wrapped("needed 12, got 10", 10, 1)
    (['needed 12,', 'got 10'], ['needed 12…'])
    """
    rows = [""]
    for word in sentence.split():
        longer = f"{rows[-1]} {word}".lstrip()
        if rows[-1] and cell_len(longer) > width:
            rows.append(word)
        else:
            rows[-1] = longer
    if most is None or len(rows) <= most:
        return rows
    return [*rows[: most - 1], fitted(" ".join(rows[most - 1 :]), width)]


def effect_parts(effect: str | None, ink: Ink) -> list[Part]:
    """The glyph and the word of an effect; nothing where it is not known."""
    return [] if effect is None else [(f"{ink.glyph(effect)} {effect}", effect)]


def signature_parts(signature: str, active: tuple[int, int] | None, width: int, ink: Ink) -> list[Part]:
    """A signature with its active parameter bold; of a long one, the stretch around that.

    >>> from stridescope.render.ink import Ink
    >>> signature_parts("view(*size)", (5, 10), 40, Ink())
    [('view(', 'quiet'), ('*size', 'bold'), (')', 'quiet')]
    """
    start, end = active or (0, 0)
    texts = [signature[:start], signature[start:end], signature[end:]]
    sizes = list(accumulate(map(len, texts)))
    if sizes[-1] > width and sizes[1] > width - len(ink.dots):
        # As much before the parameter as leaves it whole.
        lost = min(sizes[1] - width + 2 * len(ink.dots), len(texts[0]))
        texts[0] = ink.dots + texts[0][lost:]
    parts = list(zip(texts, ("quiet", "bold", "quiet"), strict=True))
    return cut([part for part in parts if part[0]], width, ink.dots)


def told(typed: Typed, completions: Completions | None, item: Item | None, width: int, ink: Ink) -> list[Part]:
    """What one line under a program without an error says, the first of these that there is.

    What the chosen row of the list would do; the signature of the call that the cursor is in; what the program asked;
    what its last step did.
    """
    if item is not None:
        parts = [(item.sample or item.name, "bold"), *_apart(effect_parts(item.effect, ink)), *_apart(_text(item.note))]
        return cut(parts, width, ink.dots)
    if completions is not None and completions.signature:
        return signature_parts(completions.signature, completions.active, width, ink)
    history = typed.history
    if history is None or not history.steps:
        return []
    if history.answers and typed.valid.rstrip().endswith(history.answers[-1][0]):
        source, value = history.answers[-1]
        return cut([(source, "plain"), (" = ", "quiet"), (ink.say(f"{value!r}"), "bold")], width, ink.dots)
    return cut(_step_parts(history.steps[-1], ink), width, ink.dots)


def _step_parts(step: Step, ink: Ink) -> list[Part]:
    parts = effect_parts(step.effect, ink)
    if step.reason is not None:
        others = "".join(f"; {other.source} would work" for other in step.reason.alternatives[:1])
        return [*parts, *_apart([(ink.say(step.reason.message + others), "plain")])]
    if step.write is not None:
        return [*parts, *_apart([(f"{plural(step.write.numel, 'element')} written", "plain")])]
    if step.tensors:
        return [*parts, *_apart([(plural(len(step.tensors), "tensor"), "plain")])]
    parts += _apart(_text(_layout(step.tensor)))
    if step.copied_nbytes:
        parts += _apart([(f"{nbytes_both(step.copied_nbytes)} copied", "copy")])
    return parts


def _layout(info: TensorInfo | None) -> str:
    if info is None or info.shape is None or info.stride is None:
        return ""
    return layout_text(info.shape, info.stride, info.storage_offset or 0)


def _text(text: str | None) -> list[Part]:
    return [(text, "plain")] if text else []


def _apart(parts: list[Part]) -> list[Part]:
    return [("  ", "plain"), *parts] if parts else []
