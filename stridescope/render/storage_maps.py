"""Storages as byte maps: how much of each is reached, what lies where, who holds it, what a clone would free.

Problem: a view of 4 KB in 4 GB must be seen at a glance, and its holder read beside it. Method: a bar for each storage,
whose columns are as full as the bytes under them are reached; below it its tensors, each with the stretch it spans.
Holders are looked for only for the storages that are drawn and retain something.

Cost: what is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rich.segment import Segment

from stridescope.records.storage_maps import byte_layout
from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, wrap
from stridescope.scene.text import nbytes_text, percent, plural, shortened

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import TensorInfo
    from stridescope.records.storage_maps import HeldStorage, StorageMap

__all__ = ["StorageReport", "byte_map", "draw_storages"]

MARGIN = 1
HEAD = 10
SHOWN = 12
SHOWN_TENSORS = 6
BAR = 64

_FULL = (("·", "."), ("░", "-"), ("▒", "+"), ("▓", "*"), ("█", "#"))
"""How full a column is, from nothing to everything: as drawn, and in ASCII."""


@dataclass(frozen=True, slots=True)
class StorageReport:
    """A rich renderable of a storage map.

    Attributes:
        shown: how many storages are drawn.
        holders: whether to look for who holds what.
    """

    map: StorageMap
    shown: int = SHOWN
    holders: bool = True
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"

    def themed(self, theme: Literal["auto", "dark", "light"]) -> StorageReport:
        """The same for a known background."""
        return replace(self, theme=theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        for line in self.lines(ink, options.max_width):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines of the report."""
        return indented(draw_storages(ink, self, max(width - MARGIN, 20)), MARGIN)


def draw_storages(ink: Ink, report: StorageReport, width: int) -> list[Line]:
    """The lines of the report."""
    found, quiet = report.map, ink.word("quiet")
    chunks: list[Line] = [
        [Segment("STORAGES".ljust(HEAD), ink.word("bold")), Segment(ink.say(found.source))],
        [Segment(f"{plural(found.tensor_count, 'tensor')} in {plural(len(found.storages), 'storage')}")],
        [Segment(nbytes_text(found.nbytes))],
    ]
    if found.unused_nbytes:
        share = percent(found.unused_nbytes, found.nbytes)
        chunks.append(
            [Segment(f"{nbytes_text(found.unused_nbytes)} ({share}) reached by none", ink.word("refused", bold=True))]
        )
    lines = flow(chunks, width, hang=HEAD)
    for storage in found.storages[: report.shown]:
        lines += [[], *_storage(ink, storage, width, report.holders)]
    left = found.storages[report.shown :]
    if left:
        unused = sum(storage.unused_nbytes for storage in left)
        text = f"{ink.dots} {plural(len(left), 'more storage')}, {nbytes_text(sum(one.nbytes for one in left))}"
        lines += [[], [Segment(f"{text}, {nbytes_text(unused)} reached by none", quiet)]]
    for note in found.notes:
        lines += [[], *wrap([Segment(ink.say(f"note: {note}"), quiet)], width, hang=2)]
    return lines


def byte_map(ink: Ink, storage: HeldStorage, columns: int) -> str:
    """A bar over the bytes of a storage, each column as full as its bytes are reached."""
    if not storage.nbytes:
        return ""
    columns = min(columns, storage.nbytes)
    edges = [storage.nbytes * part // columns for part in range(columns + 1)]
    marks = [_FULL[level][ink.ascii] for level in range(len(_FULL))]
    return "".join(
        marks[0 if not count else 4 if count >= high - low else 1 + min(3 * count // (high - low), 2)]
        for count, low, high in zip(storage.reached(columns), edges, edges[1:], strict=False)
    )


def _storage(ink: Ink, storage: HeldStorage, width: int, look: bool) -> list[Line]:
    quiet = ink.word("quiet")
    head: list[Line] = [[Segment(nbytes_text(storage.nbytes), ink.word("bold"))]]
    if storage.device:
        head.append([Segment(ink.say(storage.device), quiet)])
    about = "" if storage.exact else "about "
    if storage.unused_nbytes:
        used = f"{about}{nbytes_text(storage.used_nbytes)} ({percent(storage.used_nbytes, storage.nbytes)}) reached"
        head.append([Segment(used)])
        head.append([Segment(f"{about}{nbytes_text(storage.unused_nbytes)} retained", ink.word("refused", bold=True))])
    else:
        head.append([Segment("all reached", quiet)])
    lines = flow(head, width, hang=2)
    bar = byte_map(ink, storage, min(BAR, width - 2))
    if bar:
        lines.append([Segment(f"  {bar}", ink.word("view"))])
    for place, info in enumerate(storage.tensors[:SHOWN_TENSORS]):
        lines += _tensor(ink, storage, place, info, width, look and storage.unused_nbytes > 0)
    more = len(storage.tensors) - SHOWN_TENSORS
    if more > 0:
        lines.append([Segment(f"  {ink.dots} {plural(more, 'more tensor')}", quiet)])
    if storage.freed_by_clone:
        what = "a clone of it" if len(storage.tensors) == 1 else "clones of them"
        lines.append(
            [
                Segment(
                    f"  {what} in its place would free {nbytes_text(storage.freed_by_clone)}"
                    if len(storage.tensors) == 1
                    else f"  {what} in their places would free {nbytes_text(storage.freed_by_clone)}"
                )
            ]
        )
    return lines


def _tensor(ink: Ink, storage: HeldStorage, place: int, info: TensorInfo, width: int, look: bool) -> list[Line]:
    held = storage.holders(place) if look else ()
    names = [str(holder) for holder in held] or [info.name or ""]
    layout = byte_layout(info)
    span = "" if layout is None else f"bytes [{layout.span[0]:,}, {layout.span[1]:,})"
    chunks: list[Line] = [[Segment(ink.say(shortened(name, max(width - 4, 8), ink.dots)))] for name in names if name]
    text = info.layout if info.layout is not None else info.shape
    chunks.append([Segment(ink.say(f"{text} {info.dtype}"), ink.word("quiet"))])
    chunks.append([Segment(span, ink.word("quiet"))])
    return indented(flow(chunks, width - 2, hang=2), 2)
