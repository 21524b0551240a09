"""Where the elements of a copied storage came from: the row "from" under its strip.

Problem: after a copy the new storage is smooth again, and nothing on it tells that its elements 0, 1, 2 lay at 0, 4, 8
before. Method: the copy step that filled the storage is found in the history; its `Copy` answers for one element at
a time, so only positions that are shown are asked. A mark has the colour that its address has on the strip of its own
storage. Sources are called by the names the program gave them, else by their text in the step.

Cost: O(steps) once, O(ndim) for each position shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment

from stridescope.render.drawn import Drawn, letters_of, track_of
from stridescope.render.lines import wrap
from stridescope.render.strip import Below
from stridescope.scene.sentences import joined
from stridescope.scene.text import address_text, source_shortened
from stridescope.scene.track import Track

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.layout import Copy, Layout
    from stridescope.records import History, Step, StorageInfo, TensorInfo, Write
    from stridescope.render.ink import Ink
    from stridescope.render.lines import Line

__all__ = ["Origins", "origins_of"]

NAME_WIDTH = 60
LISTED = 4


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each element of one storage was copied from.

    Attributes:
        itemsize: bytes of one element of the copy.
        names: what each source is called; "" where that is not known.
        letters: the mark of each source; equal for one source that was given twice.
        tracks: the strip that each source's storage would have, for its colours.
        writes: (itemsize, write) of what has changed the storage since.
    """

    copy: Copy[Layout]
    itemsize: int
    names: tuple[str, ...]
    letters: tuple[str, ...]
    tracks: tuple[Track, ...]
    writes: tuple[tuple[int, Write], ...] = ()

    def row(self, unit: int, reached: Callable[[int], bool]) -> Below | None:
        """The row under a strip whose positions are `unit` bytes; None where they are larger than an element.

        Args:
            reached: whether a position's cell is coloured, so that its mark is too.
        """
        if not unit or self.itemsize % unit:
            return None
        lettered = len(set(self.letters)) > 1
        spans = [layout.span for layout in self.copy.sources if layout.numel]
        size = max((len(address_text(edge)) for low, high in spans for edge in (low, high - 1)), default=1)

        def text(position: int) -> str:
            found = self._origin(position * unit)
            return "" if found is None else f"{self.letters[found[0]] if lettered else ''}{address_text(found[1])}"

        def level(position: int) -> int | None:
            found = self._origin(position * unit) if reached(position) else None
            return None if found is None else self.tracks[found[0]].level(found[1])

        return Below("from", text, "quiet", level, size + lettered)

    def legend(self, ink: Ink, width: int) -> list[Line]:
        """What the marks of the row are, in a line or two."""
        sources = dict(zip(self.letters, self.names, strict=True))
        named = [(letter, name) for letter, name in sources.items() if name][:LISTED]
        more = f" and {len(sources) - len(named)} more" if len(sources) > len(named) else ""
        if not named:
            what = "old addresses" + (", with a letter for each source in order" if more else "")
        elif len(sources) == 1:
            what = f"old addresses in {named[0][1]}"
        elif all(letter == name for letter, name in named):
            what = f"old addresses in {joined([name for _, name in named])}{more}"
        else:
            what = f"old addresses, {', '.join(f'{letter} in {name}' for letter, name in named)}{more}"
        return wrap([Segment(ink.say(what), ink.word("quiet"))], width, hang=2)

    def _origin(self, byte: int) -> tuple[int, int] | None:
        """(source number, address) of the element at a byte; None where a write has replaced it."""
        k = byte // self.itemsize
        if not 0 <= k < self.copy.layout.numel:
            return None
        if any(write.reaches(byte // itemsize) for itemsize, write in self.writes):
            return None
        return self.copy.origin(k)


def origins_of(history: History, info: TensorInfo) -> Origins | None:
    """Where the elements of a tensor's storage came from, if a step of the history copied them there."""
    storage = info.storage
    if storage is None:
        return None
    writes: list[tuple[int, Write]] = []
    for number in reversed(range(len(history.steps))):
        step = history.steps[number]
        made = step.tensor or (step.tensors[0] if step.tensors else None)
        if made is None or made.storage is None or made.storage.id != storage.id:
            continue
        if step.write is not None and made.itemsize:
            if _replaced(step.write, made, storage):
                return None
            writes.append((made.itemsize, step.write))
        if step.effect == "copy" and step.copy is not None and made.itemsize:
            return _read(history.steps[:number], step, step.copy, made.itemsize, tuple(writes))
        if step.effect in ("alloc", "copy"):
            return None
    return None


def _replaced(write: Write, through: TensorInfo, storage: StorageInfo) -> bool:
    """Whether a write changed every byte of a storage."""
    layout = write.layout
    if storage.nbytes is None or layout is None:
        return False
    return layout.is_non_overlapping_and_dense() and layout.numel * (through.itemsize or 0) >= storage.nbytes


def _read(
    before: Sequence[Step], step: Step, copy: Copy[Layout], itemsize: int, writes: tuple[tuple[int, Write], ...]
) -> Origins:
    given = _arguments(step, len(copy.sources))
    known = {made.name: made for earlier in before for made in (earlier.tensor, *earlier.tensors) if made is not None}
    infos = [step.before if number == 0 else known.get(name) for number, name in enumerate(given)]
    names = tuple(
        source_shortened(text or _title(before, info), NAME_WIDTH) for text, info in zip(given, infos, strict=True)
    )
    # One name is one source, however often it is given; two texts that read alike are two.
    keys = [name if name.isidentifier() else f"#{number}" for number, name in enumerate(names)]
    distinct = list(dict.fromkeys(keys))
    letter = dict(zip(distinct, letters_of([key if key.isidentifier() else "" for key in distinct]), strict=True))
    letters = tuple(letter[key] for key in keys)
    return Origins(copy, itemsize, names, letters, tuple(map(_track, copy.sources, infos)), writes)


def _arguments(step: Step, number: int) -> list[str]:
    """The text of each source, as the step wrote it; "" where the step does not list them."""
    if number == 1:
        return [step.before.name or "" if step.before is not None else ""]
    import ast

    try:
        whole = ast.parse(step.source.strip(), mode="eval")
    except SyntaxError:
        return [""] * number
    for node in ast.walk(whole):
        if isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == number:
            return [" ".join((ast.get_source_segment(step.source.strip(), part) or "").split()) for part in node.elts]
    return [""] * number


def _title(before: Sequence[Step], info: TensorInfo | None) -> str:
    """What the storage of a tensor is called: the name it was bound to when it was made, else its source."""
    if info is None or info.storage is None:
        return ""
    for step in before:
        made = step.tensor or (step.tensors[0] if step.tensors else None)
        if made is not None and made.storage is not None and made.storage.id == info.storage.id:
            link = step.source.startswith((".", "["))
            return step.name or (f"the result of {step.source}" if link else step.source)
    return ""


def _track(layout: Layout, info: TensorInfo | None) -> Track:
    if info is not None and info.layout == layout and info.itemsize:
        return track_of([Drawn(info, layout)], info.itemsize)[0]
    return Track(*layout.span, layout.span)
