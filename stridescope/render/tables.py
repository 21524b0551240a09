"""Many tensors, one row each.

Problem: a dict of 2,000 tensors must be readable at 60 columns and at 200. Method: columns have a rank;
those of lowest rank go until the rest fits, then names are cut in the middle. Rows in the middle of a very
long table are left out and counted. Tensors on one storage carry one letter.

Cost: linear in the number of tensors for the totals, in the rows shown for everything else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment

from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, wrap
from stridescope.scene.sentences import contiguity
from stridescope.scene.text import count, nbytes_text, plural, shortened, tuple_text
from stridescope.scene.window import gaps, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import TensorInfo

__all__ = ["TableView", "draw_table", "table"]

SHOWN_ROWS = 40
_GAP = 2
_NAME_WIDTH = 12


class _Column(NamedTuple):
    """A column: its head, its text, whether numbers stand right, and its rank (lower stays longer)."""

    head: str
    text: Callable[[TensorInfo, str], str]
    rank: int
    right: bool = False


def _unknown(text: str | None) -> str:
    return "?" if text is None else text


_COLUMNS = (
    _Column("name", lambda info, _: info.name or "", 0),
    _Column("dtype", lambda info, _: _unknown(info.dtype), 1),
    _Column("shape", lambda info, _: "?" if info.shape is None else tuple_text(info.shape), 0),
    _Column("stride", lambda info, _: "?" if info.stride is None else tuple_text(info.stride), 4),
    _Column(
        "offset", lambda info, _: "?" if info.storage_offset is None else count(info.storage_offset), 6, right=True
    ),
    _Column("bytes", lambda info, _: "?" if info.nbytes is None else nbytes_text(info.nbytes), 2, right=True),
    _Column("device", lambda info, _: _unknown(info.device), 7),
    _Column("storage", lambda _, letter: letter, 3),
    _Column("order", lambda info, _: _order(info), 5),
)


@dataclass(frozen=True, slots=True)
class TableView:
    """A rich renderable of many tensors."""

    rows: tuple[TensorInfo, ...]
    ascii: bool = False
    theme: str = "auto"

    def themed(self, theme: str) -> TableView:
        """The same for a known background."""
        return replace(self, theme=theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        for line in draw_table(ink, self.rows, options.max_width - 1):
            yield from finish([Segment(" "), *line], options.max_width, ink.dots)
            yield Segment.line()


def table(rows: Sequence[TensorInfo], *, ascii: bool = False, theme: str = "auto") -> TableView:
    """A renderable with one row for each tensor: its layout, its bytes, and what shares its storage."""
    return TableView(tuple(rows), ascii, theme)


def draw_table(ink: Ink, rows: Sequence[TensorInfo], width: int, *, totals: bool = True) -> list[Line]:
    """The lines of a table."""
    if not rows:
        return [[Segment("no tensors", ink.word("quiet"))]]
    letters = _letters(rows)
    kept = windows(len(rows), len(rows) if len(rows) <= SHOWN_ROWS else SHOWN_ROWS - 10)
    shown = [rows[place] for part in kept for place in part]
    columns, texts, sizes = _fitted(ink, shown, letters, width)
    quiet, bold = ink.word("quiet"), ink.word("bold")
    lines: list[Line] = [_joined_cells([(column.head, quiet) for column in columns], columns, sizes)]
    missing = list(gaps(kept, len(rows)))
    said = iter(texts)
    for part in kept:
        if part.start:
            lines.append([Segment(f"{ink.dots} {count(len(missing.pop(0)))} more {ink.dots}", quiet)])
        for _ in part:
            cells = next(said)
            styles = [bold if column.head == "storage" else None for column in columns]
            lines.append(_joined_cells(list(zip(cells, styles, strict=True)), columns, sizes))
    if totals and len(rows) > 1:
        lines += [[], *wrap([Segment(ink.say(_totals(rows, letters, columns)), quiet)], width)]
    return lines


def _fitted(
    ink: Ink, shown: Sequence[TensorInfo], letters: dict[str, str], width: int
) -> tuple[list[_Column], list[list[str]], list[int]]:
    columns = [column for column in _COLUMNS if column.head != "name" or any(info.name for info in shown)]
    if not letters:
        columns = [column for column in columns if column.head != "storage"]

    def texts_of(column: _Column) -> list[str]:
        return [ink.say(column.text(info, _letter(info, letters))) for info in shown]

    texts = [texts_of(column) for column in columns]
    sizes = [
        max(len(column.head), *(cell_len(text) for text in column_texts))
        for column, column_texts in zip(columns, texts, strict=True)
    ]
    while sum(sizes) + _GAP * (len(sizes) - 1) > width:
        over = sum(sizes) + _GAP * (len(sizes) - 1) - width
        last = max(range(len(columns)), key=lambda place: columns[place].rank)
        widest = max(range(len(columns)), key=lambda place: sizes[place] if columns[place].rank == 0 else 0)
        # A name may lose its middle, but not so much that it is no longer known; then a column goes.
        if sizes[widest] - over >= max(_NAME_WIDTH, 2 * sizes[widest] // 3) or columns[last].rank == 0:
            sizes[widest] = max(sizes[widest] - over, 3)
            texts[widest] = [shortened(text, sizes[widest], ink.dots) for text in texts[widest]]
            if columns[last].rank == 0:
                break
        else:
            del columns[last], texts[last], sizes[last]
    return columns, [list(row) for row in zip(*texts, strict=True)], sizes


def _joined_cells(cells: list[tuple[str, object]], columns: Sequence[_Column], sizes: Sequence[int]) -> Line:
    line: Line = []
    for number, ((text, style), column, size) in enumerate(zip(cells, columns, sizes, strict=True)):
        space = " " * (size - cell_len(text))
        if number:
            line.append(Segment(" " * _GAP))
        line += [Segment(space), Segment(text, style)] if column.right else [Segment(text, style), Segment(space)]  # type: ignore[arg-type]
    return line


def _letters(rows: Sequence[TensorInfo]) -> dict[str, str]:
    """A letter for each storage that more than one row has."""
    found = Counter(info.storage.id for info in rows if info.storage is not None)
    names = _alphabet()
    return {storage: next(names) for storage, number in found.items() if number > 1}


def _letter(info: TensorInfo, letters: dict[str, str]) -> str:
    return letters.get(info.storage.id, "") if info.storage is not None else ""


def _alphabet() -> Iterator[str]:
    number = 0
    while True:
        name, rest = "", number
        while True:
            rest, letter = divmod(rest, 26)
            name = chr(ord("A") + letter) + name
            if rest == 0:
                break
            rest -= 1
        yield name
        number += 1


def _order(info: TensorInfo) -> str:
    return {"contiguity unknown": "?", "not contiguous, but dense": "dense"}.get(contiguity(info), contiguity(info))


def _totals(rows: Sequence[TensorInfo], letters: dict[str, str], columns: Sequence[_Column]) -> str:
    held = {info.storage.id: info.storage.nbytes for info in rows if info.storage is not None}
    known = [nbytes for nbytes in held.values() if nbytes is not None]
    parts = [plural(len(rows), "tensor")]
    if held:
        parts.append(f"{nbytes_text(sum(known))} in {plural(len(held), 'storage')}")
    text = " · ".join(parts)
    if letters:
        text += ". One letter, one storage: a write through one shows in the others"
    gone = [column.head for column in _COLUMNS if column not in columns and column.head not in ("name", "storage")]
    return f"{text}. Too narrow for {', '.join(gone)}." if gone else f"{text}."
