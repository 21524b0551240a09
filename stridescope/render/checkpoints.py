"""A checkpoint as a drawn listing: what the file is, what reading it elsewhere would run, and every tensor in a row.

Problem: 2,000 tensors nested in dicts and objects must be read at 60 columns and at 200, and the one line that says
that the file would call `os.system` must not be missed. Method: a head; then a table whose first column is the tree.
Columns have a rank, and those of lowest rank go until the rest fits. Of very many rows those in the middle are left
out, and a line says how to see them. Tensors on one storage carry one letter.

Cost: about 5 us a tensor for sums and the tree, and what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment

from stridescope.readers.files.source import uncollected
from stridescope.records.checkpoint_rows import checkpoint_rows, value_text
from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, padded, wrap
from stridescope.render.tables import _alphabet
from stridescope.scene.sentences import joined
from stridescope.scene.text import count, nbytes_text, plural, shortened, tuple_text
from stridescope.scene.window import gaps, windows

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import Checkpoint, TensorInfo
    from stridescope.records.checkpoint_rows import CheckpointRow, CheckpointRows

__all__ = ["CheckpointView", "checkpoint_head", "words_by_bytes"]

MARGIN = 1
HEAD = 11
SHOWN_ROWS = 60
LISTED = 8
"""Of names, notes and plain values of the head, how many are shown."""

_GAP = 2
_NAME_WIDTH = 16
_PLAIN = ("torch.Tensor", "torch.nn.Parameter", "torch.nn.Buffer", "safetensors", "numpy.ndarray")


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """A rich renderable of a checkpoint.

    Attributes:
        depth: how many levels of the tree; all if None.
        flat: a row for each tensor under its whole name, and no plain values.
        everything: draw every row, however many there are.
        whole: of a listing that was filtered, how many tensors the file has.
    """

    checkpoint: Checkpoint
    depth: int | None = None
    flat: bool = False
    everything: bool = False
    whole: int | None = None
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"

    def themed(self, theme: Literal["auto", "dark", "light"]) -> CheckpointView:
        """The same for a known background."""
        return replace(self, theme=theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        for line in self.lines(ink, options.max_width):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> Iterator[Line]:
        """The lines of the listing, for any output."""
        room = max(width - MARGIN, 20)
        with uncollected():
            found = checkpoint_rows(self.checkpoint, self.depth, flat=self.flat)
        yield from indented(checkpoint_head(ink, self.checkpoint, found, room, self.whole), MARGIN)
        for line in _table(ink, self, found, room):
            yield [Segment(" " * MARGIN), *line] if line else line


# The head -----------------------------------------------------------------------------------------


def checkpoint_head(
    ink: Ink, checkpoint: Checkpoint, found: CheckpointRows, width: int, whole: int | None = None
) -> list[Line]:
    """What the file is, how much is in it, and what is wrong with it.

    Args:
        whole: of a listing that was filtered, how many tensors the file has.
    """
    quiet = ink.word("quiet")
    tensors = plural(len(checkpoint), "tensor")
    if whole is not None:
        tensors = f"{count(len(checkpoint))} of {plural(whole, 'tensor')}"
    chunks: list[Line] = [
        [Segment(ink.say(checkpoint.path), ink.word("bold"))],
        [Segment(ink.say(checkpoint.format), quiet)],
        [Segment(tensors)],
    ]
    if found.held:
        chunks.append([Segment(f"{nbytes_text(sum(found.held.values()))} in {plural(len(found.held), 'storage')}")])
    known = [words for words in (found.dtypes, found.devices) if words and set(words) != {"?"}]
    chunks += [[Segment(ink.say(words_by_bytes(words)), quiet)] for words in known]
    lines = flow(chunks, width, hang=2)
    if checkpoint.calls:
        lines += _labelled(ink, "WOULD CALL", _calls(checkpoint.calls), width, "refused")
    if checkpoint.broken is not None:
        text = f"{checkpoint.broken.rstrip('.')}; what could be read before that is listed"
        lines += _labelled(ink, "BROKEN", text, width, "refused")
    told = {key: value for key, value in checkpoint.metadata.items() if _USUAL.get(key, ()) not in (value, None)}
    if told:
        shown = [f"{key}: {value_text(value)}" for key, value in islice(told.items(), LISTED)]
        more = len(told) - LISTED
        text = "   ".join([*shown, *([f"{count(more)} more, with --json"] if more > 0 else [])])
        lines += _labelled(ink, "metadata", text, width, "quiet")
    for note in checkpoint.notes[:LISTED]:
        lines += _labelled(ink, "note", note, width, "quiet")
    return lines


_USUAL: dict[str, Any] = {
    "version": None,
    "format_version": None,
    "protocol_version": None,
    "serialization_id": None,
    "storage_alignment": None,
    "type_sizes": None,
    "byteorder": "little",
    "little_endian": True,
}
"""What torch writes beside every checkpoint -> the value that goes without saying; None where each does."""


def words_by_bytes(words: Counter[str]) -> str:
    """A dtype or device alone; of several, each with its bytes, most first."""
    if len(words) == 1:
        return next(iter(words))
    parts = [f"{word} {nbytes_text(nbytes)}" for word, nbytes in words.most_common(4)]
    return ", ".join([*parts, *([f"{len(words) - 4} more"] if len(words) > 4 else [])])


def _calls(calls: Sequence[str]) -> str:
    named = [shortened(name, 80) for name in calls[:LISTED]]
    listed = joined([*named, f"{count(len(calls) - LISTED)} more"] if len(calls) > LISTED else named)
    return f"{listed}: what torch.load(weights_only=False) would import or call; nothing was, here"


def _labelled(ink: Ink, label: str, text: str, width: int, role: str) -> list[Line]:
    name, said = Segment(label, ink.word(role, bold=role != "quiet")), Segment(ink.say(text), ink.word(role))
    if width < 3 * HEAD:
        return wrap([name, Segment("  "), said], width, hang=2)
    body = wrap([said], width - HEAD)
    return [[*padded([name], HEAD), *body[0]], *indented(body[1:], HEAD)]


# The table ----------------------------------------------------------------------------------------


class _Column(NamedTuple):
    """A column of a tensor's row: its head, its text, whether numbers stand right, its rank (lower stays longer)."""

    head: str
    text: Callable[[TensorInfo], str]
    rank: int
    right: bool = False


def _kind(info: TensorInfo) -> str:
    layout = "" if info.tensor_layout in (None, "strided") else str(info.tensor_layout)
    kind = "" if info.type in _PLAIN else info.type
    return " ".join([*filter(None, (kind, layout)), *(f"! {note}" for note in info.notes[:1])])


_COLUMNS = (
    _Column("bytes", lambda info: "?" if info.nbytes is None else nbytes_text(info.nbytes), 2, right=True),
    _Column("dtype", lambda info: info.dtype or "?", 1),
    _Column("shape", lambda info: "?" if info.shape is None else tuple_text(info.shape), 0),
    _Column("stride", lambda info: "?" if info.stride is None else tuple_text(info.stride), 4),
    _Column("offset", lambda info: "?" if info.storage_offset is None else count(info.storage_offset), 5, right=True),
    _Column("device", lambda info: info.device or "?", 6),
    _Column("storage", lambda _: "", 3),
    _Column("kind", _kind, 7),
)
"""`device` where there are several, `storage` where one is shared or larger, `kind` where one is unusual."""


def _table(ink: Ink, view: CheckpointView, found: CheckpointRows, width: int) -> Iterator[Line]:
    rows, quiet = found.rows, ink.word("quiet")
    yield []
    if not rows or (view.whole is not None and not view.checkpoint):
        what = "no tensor has all these words" if view.whole is not None else "no tensors"
        yield [Segment(what, quiet)]
        return
    kept = windows(len(rows), len(rows) if view.everything or len(rows) <= SHOWN_ROWS else SHOWN_ROWS - 10)
    shown = [rows[place] for part in kept for place in part]
    layout = _fitted(ink, view, found, shown, width)
    yield layout.head()
    missing = iter(gaps(kept, len(rows)))
    for part in kept:
        if part.start:
            left = plural(len(next(missing)), "more row")
            yield [Segment(f"{ink.dots} {left}: --all lists them, --filter TEXT and --depth N some {ink.dots}", quiet)]
        for place in part:
            yield layout.line(rows[place])
    if layout.lettered(shown):
        yield []
        text = "One letter, one storage; stridescope storages shows what lies where."
        yield from wrap([Segment(text, quiet)], width)


class _Layout(NamedTuple):
    """The columns that fit, and what every row is drawn with."""

    ink: Ink
    checkpoint: Checkpoint
    letters: dict[str, str]
    columns: list[_Column]
    name_width: int
    sizes: list[int]
    width: int

    def head(self) -> Line:
        """The line of heads."""
        cells = "".join(_cell(column.head, size, column.right) for column, size in self._sized())
        return [Segment(_cell("name", self.name_width, False)[_GAP:] + cells, self.ink.word("quiet"))]

    def line(self, row: CheckpointRow) -> Line:
        """A row: a tensor with its columns, a container or a value with its text."""
        ink = self.ink
        indent = min(2 * row.level, self.name_width - 4)
        label = _cut(ink.say(row.label), self.name_width - indent, ink.dots)
        name = " " * indent + label + " " * (self.name_width - indent - cell_len(label))
        if row.name is None:
            return [Segment(name, ink.word("bold") if row.tensors else None), *self._told(row)]
        info = self.checkpoint.part(row.name)
        line: Line = []
        text = name
        # One segment for all that looks alike: there may be 100,000 rows.
        for column, size in self._sized():
            if column.head == "storage":
                line += [Segment(text), Segment(_cell(storage_word(info, self.letters), size, False), ink.word("bold"))]
                text = ""
            else:
                text += _cell(_cut(ink.say(column.text(info)), size, ink.dots), size, column.right)
        return [*line, Segment(text)]

    def _told(self, row: CheckpointRow) -> Line:
        """The bytes of a container in their column, then what it is; a value alone."""
        ink, quiet = self.ink, self.ink.word("quiet")
        first = self.columns[0].head == "bytes"
        size = self.sizes[0] + _GAP if first else 0
        room = self.width - self.name_width - size - _GAP
        if not row.tensors:
            text = _cut(ink.say(row.text), max(room, 8), ink.dots)
            return [Segment(" " * (size + _GAP)), Segment(text)]
        below = [row.text] * bool(row.text) + [plural(row.tensors, "tensor")]
        text = _cut(ink.say(" · ".join(below)), max(room, 8), ink.dots)
        held = _cell(nbytes_text(row.nbytes), self.sizes[0], True) if first else ""
        return [Segment(f"{held}{' ' * _GAP}{text}", quiet)]

    def lettered(self, rows: Sequence[CheckpointRow]) -> bool:
        """Whether a letter is drawn in one of the rows."""
        if not self.letters or all(column.head != "storage" for column in self.columns):
            return False
        infos = (self.checkpoint.part(row.name) for row in rows if row.name is not None)
        return any(info.storage is not None and info.storage.memory[0] in self.letters for info in infos)

    def _sized(self) -> Iterator[tuple[_Column, int]]:
        return zip(self.columns, self.sizes, strict=True)


def storage_word(info: TensorInfo, letters: dict[str, str]) -> str:
    """The letter of a storage that is shared; of another, its size where it is more than the tensor's."""
    if info.storage is None:
        return ""
    held, used = info.storage.nbytes, info.nbytes
    larger = f"of {nbytes_text(held)}" if held is not None and used is not None and held > used else ""
    return letters.get(info.storage.memory[0], larger)


def _cell(text: str, size: int, right: bool) -> str:
    space = " " * (size - cell_len(text))
    return " " * _GAP + (space + text if right else text + space)


def _cut(text: str, width: int, dots: str) -> str:
    """Text cut in the middle to a width in terminal cells."""
    size = width
    while cell_len(text) > width and size > 0:
        # Of wide characters fewer fit than there are cells.
        text, size = shortened(text, size, dots), size - 1
    return text


def _fitted(
    ink: Ink, view: CheckpointView, found: CheckpointRows, shown: Sequence[CheckpointRow], width: int
) -> _Layout:
    alphabet = _alphabet()
    letters = {storage: next(alphabet) for storage in found.shared}
    infos = [view.checkpoint.part(row.name) for row in shown if row.name is not None]
    wanted = {
        "device": len(found.devices) > 1,
        "storage": any(storage_word(info, letters) for info in infos),
        "kind": any(map(_kind, infos)),
    }
    columns = [column for column in _COLUMNS if wanted.get(column.head, True)]
    names = max((2 * row.level + cell_len(ink.say(row.label)) for row in shown), default=4)
    sizes = [_size(ink, column, infos, shown, letters) for column in columns]
    while names + sum(sizes) + _GAP * len(sizes) > width and columns:
        last = max(range(len(columns)), key=lambda place: columns[place].rank)
        over = names + sum(sizes) + _GAP * len(sizes) - width
        # A name may lose its middle, but not so much that it is no longer known; then a column goes.
        if names - over >= max(_NAME_WIDTH, 2 * names // 3) or len(columns) == 1:
            names = max(names - over, 4)
            sizes = sizes if len(columns) > 1 else [max(width - names - _GAP, 4)]
            break
        del columns[last], sizes[last]
    return _Layout(ink, view.checkpoint, letters, columns, names, sizes, width)


def _size(
    ink: Ink, column: _Column, infos: Sequence[TensorInfo], shown: Sequence[CheckpointRow], letters: dict[str, str]
) -> int:
    if column.head == "storage":
        return max([len("storage"), *(len(storage_word(info, letters)) for info in infos)])
    size = max((cell_len(ink.say(column.text(info))) for info in infos), default=0)
    if column.head == "bytes":
        size = max(size, *(len(nbytes_text(row.nbytes)) for row in shown))
    return min(max(size, len(column.head)), 60)
