"""Where the bytes of a checkpoint go, drawn: what a rewrite would save, what is shared, and bytes by kind.

Problem: a byte map shows one storage; a person deciding whether to rewrite a file wants one number, the worst few, and
who is tied. Method: a section each, long ones cut and counted. Cost: what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.segment import Segment

from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, indented, wrap
from stridescope.scene.sentences import joined
from stridescope.scene.text import nbytes_text, percent, plural, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.explain.saved_bytes import SavedBytes
    from stridescope.modules.sharing import Shared

__all__ = ["SavedBytesView"]

MARGIN = 1
HEAD = 10
SHOWN = 8
SHOWN_NAMES = 4
NAME_WIDTH = 60


@dataclass(frozen=True, slots=True)
class SavedBytesView:
    """A rich renderable of where a checkpoint's bytes go; `everything` draws every line of it."""

    found: SavedBytes
    everything: bool = False
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        for line in indented(self.lines(ink, max(options.max_width - MARGIN, 20)), MARGIN):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines of every section that has something to say."""
        found = self.found
        wastes = [waste.sentence for waste in found.wastes if waste.saved_nbytes]
        shared = [_shared(ink, group) for group in found.shared]
        lines: list[Line] = []
        if wastes:
            head = f"saves {nbytes_text(found.saved_nbytes)} if each of these is saved as its clone"
            lines += _section(ink, "A REWRITE", head, self._some(wastes), width)
        if shared:
            lines += _section(ink, "SHARED", "tensors in one storage", self._some(shared), width)
        kinds = (("dtype", found.dtypes), ("prefix", found.prefixes), ("device", found.devices))
        for word, words in kinds:
            if len(words) > 1:
                lines += _section(ink, "BYTES", f"by {word}", [], width)
                lines += [[Segment(" " * HEAD), Segment(ink.say(line))] for line in self._some(_by_bytes(words))]
        return lines

    def _some(self, sentences: list[str]) -> list[str]:
        if self.everything or len(sentences) <= SHOWN + 1:
            return sentences
        return [*sentences[:SHOWN], f"{plural(len(sentences) - SHOWN, 'more line')}, with --all"]


def _section(ink: Ink, label: str, head: str, sentences: list[str], width: int) -> list[Line]:
    first: Line = [Segment(label.ljust(HEAD), ink.word("bold")), Segment(ink.say(head))]
    room = max(width - HEAD, 20)
    body = [line for sentence in sentences for line in wrap([Segment(ink.say(sentence))], room, hang=2)]
    return [[], *wrap(first, width, hang=HEAD), *indented(body, width - room)]


def _shared(ink: Ink, group: Shared) -> str:
    names = [shortened(name, NAME_WIDTH, ink.dots) for name in group.names[:SHOWN_NAMES]]
    more = len(group.names) - SHOWN_NAMES
    return f"{group.meaning}: {joined([*names, *([f'{more:,} more'] if more > 0 else [])])}"


def _by_bytes(words: Mapping[str, int]) -> list[str]:
    total = sum(words.values())
    size = min(max(map(len, words)), NAME_WIDTH)
    return [
        f"{shortened(word, size).ljust(size)}  {nbytes_text(nbytes):>8}  {percent(nbytes, total) if total else ''}"
        for word, nbytes in words.items()
    ]
