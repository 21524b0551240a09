"""Storages as rows of text: how large, how much of each is reached, what lies where, what overlaps what.

Problem: a view of 4 KB that keeps 4 GB must be seen in a list of 100,000 storages, and what lies where in the one that
is marked, at any width. Method: a storage is one line of words in columns; a tensor is one line of marks over the
bytes of its storage, each mark as full as the bytes under it are reached (`layout.coverage`), in the colour of its
place. What is said of the marked storage and tensor is sections of a panel.

Cost: one row, O(ndim) a mark; overlaps of one tensor with at most COMPARED others. Units: bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stridescope.layout.coverage import coverage
from stridescope.layout.overlap import Extent, shared_bytes_overlap
from stridescope.records.storage_maps import HeldStorage, StorageMap, byte_layout, reached_nbytes
from stridescope.scene.frame import painted, piece, size_of
from stridescope.scene.panel import Entry, Section, Span
from stridescope.scene.sentences import contiguity, joined
from stridescope.scene.text import (
    ascii_text,
    count,
    layout_text,
    nbytes_both,
    nbytes_text,
    percent,
    plural,
    printable,
    shortened,
)
from stridescope.scene.wrapping import clipped, padded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.layout import Layout
    from stridescope.records import History, TensorInfo
    from stridescope.records.storage_maps import Holder
    from stridescope.scene.frame import Row, Run

__all__ = [
    "COMPARED",
    "Standing",
    "byte_marks",
    "columned",
    "heading",
    "name_of",
    "overlaps_text",
    "said_of",
    "scale_row",
    "storage_row",
    "storages_of_step",
    "tensor_row",
    "totals",
    "waste_text",
    "whole_row",
]

COMPARED = 64
"""Tensors of one storage that the marked one is compared with."""

BUDGET = 2_000
"""Steps of the search that settles one comparison."""

NAMED = 3
NAMES = 28
"""Cells that a tensor's name gets at most beside its marks."""

_FULL = (("·", "."), ("░", ":"), ("▒", "%"), ("▓", "_"), ("█", "#"))
"""How full a mark is, from nothing to everything: as drawn, and in ASCII."""
_SIGNS = ((" ", " "), ("▸", ">"))
"""What stands before a row: nothing, or the sign of the marked one."""
_TOP = 255


class Standing(NamedTuple):
    """How a row is shown.

    Attributes:
        marked: whether it is the marked one of its list.
        chosen: whether keys speak to it.
    """

    marked: bool = False
    chosen: bool = False
    ascii: bool = False


def storages_of_step(history: History, number: int) -> StorageMap:
    """The storages of a program as they are after one of its steps, ranked like those of `ss.storages`.

    The tensors on them are those that have a name by then, and what the step itself gave and, where it copied, read:
    whatever else the program made is gone by then.

    Args:
        number: the step's place in `history.steps`.

    >>> from stridescope.layout import Layout
    >>> from stridescope.records import History, Step, StorageInfo, TensorInfo
    >>> info = TensorInfo("torch.Tensor", (3,), (2,), 0, "int64", 8, "cpu", False, StorageInfo("a", 96))
    >>> [held.unused_nbytes for held in storages_of_step(History("x", "torch", (Step("x", "x", "view", info),)), 0)]
    [72]
    """
    named: dict[str, TensorInfo | None] = dict(history.given)
    for step in history.steps[: number + 1]:
        named.update(step.bound)
    step = history.steps[number]
    words = step.source.strip() or step.op
    given = [(name, info) for name, info in named.items() if info is not None]
    if step.tensor is not None:
        given.append((words, step.tensor))
    given += [(f"{words}[{place}]", info) for place, info in enumerate(step.tensors)]
    if step.effect == "copy":
        given += [("what it read", info) for info in step.sources or filter(None, (step.before,))]
    elif step.effect == "refused" and step.before is not None:
        given.append(("what it was asked of", step.before))
    return _mapped("the step on stage", given)


def _mapped(source: str, named: Sequence[tuple[str, TensorInfo]]) -> StorageMap:
    """Tensors by storage; one that lies like another is there once, under the first of its names."""
    groups: dict[str, dict[object, TensorInfo]] = {}
    without = 0
    for name, info in named:
        if info.storage is None or info.storage.nbytes is None:
            without += 1
        else:
            lies = (info.shape, info.stride, info.storage_offset, info.dtype)
            groups.setdefault(info.storage.id, {}).setdefault(lies, info.named(name))
    held = []
    for storage, found in groups.items():
        infos = tuple(found.values())
        nbytes = max(info.storage.nbytes or 0 for info in infos if info.storage is not None)
        used, exact = reached_nbytes(infos, nbytes)
        held.append(HeldStorage(storage, nbytes, infos[0].device, used, infos, exact))
    held.sort(key=lambda one: (-one.unused_nbytes, -one.nbytes))
    notes = (f"{plural(without, 'tensor')} without a storage that can be told",) if without else ()
    return StorageMap(source, tuple(held), notes)


# The list ------------------------------------------------------------------------------------------------------


def totals(found: StorageMap) -> list[tuple[str, str]]:
    """How much there is, as (words, role), the most telling first."""
    words = [(f"{plural(found.tensor_count, 'tensor')} in {plural(len(found.storages), 'storage')}", "plain")]
    words.append((nbytes_text(found.nbytes), "plain"))
    if found.unused_nbytes:
        share = percent(found.unused_nbytes, found.nbytes)
        words.append((f"{nbytes_text(found.unused_nbytes)} ({share}) reached by none", "refused"))
    return words


SHARES = 70
"""Width of a row from which on a share is said beside the bytes."""


def _columns(width: int) -> tuple[tuple[str, int], ...]:
    """(what it is, how wide) of the columns that a row has room for; then come the tensors."""
    unused = ("unused", 18 if width >= SHARES else 9)
    columns = ((("bytes", 9), 0), (unused, 30), (("device", 7), 50))
    return tuple(column for column, least in columns if width >= least)


def heading(width: int) -> Row:
    """What the columns are."""
    runs, at = [], 1
    for name, size in _columns(width):
        runs.append((at + (0 if name == "device" else size - len(name)), piece(name, "quiet")))
        at += size + 2
    return painted([*runs, (at, piece("tensors", "quiet"))], width)


def storage_row(storage: HeldStorage, width: int, standing: Standing) -> Row:
    """One storage of the list, `width` cells wide."""
    about = "" if storage.exact else "~"
    unused = storage.unused_nbytes
    share = f" ({percent(unused, storage.nbytes)})" if unused and width >= SHARES else ""
    texts = {
        "bytes": nbytes_text(storage.nbytes),
        "unused": f"{about}{nbytes_text(unused)}{share}" if unused else "-",
        "device": storage.device or "?",
    }
    words = [
        (
            f"{texts[name]:<{size}}" if name == "device" else f"{texts[name]:>{size}}",
            "refused" if name == "unused" and unused else "plain",
        )
        for name, size in _columns(width)
    ]
    return columned([*words, (_who(storage), "plain")], width, standing)


def _who(storage: HeldStorage) -> str:
    """The tensors of a storage, in as many words as matter."""
    tensors = storage.tensors
    names = [name_of(info) for info in tensors[:NAMED]]
    more = len(tensors) - len(names)
    return joined([*names, *([f"{count(more)} more"] if more else [])]) or "no tensor"


def name_of(info: TensorInfo) -> str:
    """A tensor's name; of one without, its layout."""
    if info.name:
        return info.name
    if info.shape is None:
        return info.type
    if info.stride is None:
        return f"{tuple(info.shape)} {info.dtype}"
    return f"{layout_text(info.shape, info.stride, info.storage_offset or 0)} {info.dtype}"


def columned(words: Sequence[tuple[str, str]], width: int, standing: Standing) -> Row:
    """Words in columns behind the sign of the marked row, the last cut where it is too long; if chosen, all in one.

    Args:
        words: (text, role), each as wide as its column.
    """
    plain = standing.ascii
    dots = "..." if plain else "…"
    runs: list[Run] = [(0, piece(_SIGNS[standing.marked][plain], "bold"))]
    text, at = _SIGNS[standing.marked][plain], 1
    for place, (found, role) in enumerate(words):
        last = place == len(words) - 1
        said = _said(found, plain)
        said = _fitting(said, width - at - 1, dots) if last else said
        runs.append((at, piece(said, "bold" if standing.marked and last else role)))
        text += padded("", at - size_of(text)) + said
        at += size_of(said) + 2
    if standing.chosen:
        runs = [(0, piece(padded(clipped(text, width), width), "chosen"))]
    return painted([(x, part) for x, part in runs if part.text.strip()], width)


# The map of one storage ----------------------------------------------------------------------------------------


def byte_marks(layouts: Sequence[Layout], nbytes: int, columns: int, *, ascii: bool = False) -> str:
    """How full each of `columns` equal parts of a storage is, a mark each; fewer where it has fewer bytes.

    >>> from stridescope.layout import Layout
    >>> byte_marks([Layout((2, 4), (8, 1))], 16, 8), byte_marks([Layout((4,), (1,), 2)], 8, 2)
    ('██··██··', '▒▒')
    """
    columns = min(columns, nbytes)
    if columns <= 0:
        return ""
    edges = [nbytes * part // columns for part in range(columns + 1)]
    counts = coverage(layouts, edges).counts if layouts else (0,) * columns
    return "".join(
        _FULL[0 if not found else 4 if found >= high - low else 1 + min(3 * found // (high - low), 2)][ascii]
        for found, low, high in zip(counts, edges, edges[1:], strict=False)
    )


def _names_width(width: int) -> int:
    return min(NAMES, max(width // 3, 8))


def _bar(marks: str, at: int) -> list[Run]:
    """Marks in the colours of their places; a mark of nothing has none."""
    last = max(len(marks) - 1, 1)
    empty = {_FULL[0][0], _FULL[0][1]}
    return [
        (at + place, piece(mark, "quiet") if mark in empty else piece(mark, "bar", _TOP * place // last))
        for place, mark in enumerate(marks)
    ]


def _layouts(infos: Sequence[TensorInfo]) -> list[Layout]:
    return [layout for info in infos if (layout := byte_layout(info)) is not None]


def whole_row(storage: HeldStorage, width: int, *, ascii: bool = False) -> Row:
    """The bytes of a storage that any tensor reaches, over the same columns as `tensor_row`."""
    at = _names_width(width) + 2
    marks = byte_marks(_layouts(storage.tensors), storage.nbytes, width - at - 1, ascii=ascii)
    return painted([(1, piece("any of them", "quiet")), *_bar(marks, at)], width)


def scale_row(storage: HeldStorage, width: int) -> Row:
    """The first and the last byte, above the marks."""
    at = _names_width(width) + 2
    room = min(width - at - 1, storage.nbytes)
    last = f"{count(max(storage.nbytes - 1, 0))}"
    runs = [(1, piece("byte", "quiet")), (at, piece("0", "quiet"))]
    if room > len(last) + 2:
        runs.append((at + room - len(last), piece(last, "quiet")))
    return painted(runs, width)


def tensor_row(storage: HeldStorage, info: TensorInfo, width: int, standing: Standing) -> Row:
    """One tensor of a storage: its name, and a mark for each part of the storage, as full as it reaches that part."""
    plain = standing.ascii
    names = _names_width(width)
    name = _fitting(_said(name_of(info), plain), names, "..." if plain else "…")
    at = names + 2
    marks = byte_marks(_layouts((info,)), storage.nbytes, width - at - 1, ascii=plain)
    role = "chosen" if standing.chosen else "bold" if standing.marked else "plain"
    head = f"{_SIGNS[standing.marked][plain]}{name}"
    if standing.chosen:
        head = padded(head, names + 1)
    if not marks:
        marks, roles = "no bytes of its own", [(at, piece("no strides", "quiet"))]
    else:
        roles = _bar(marks, at)
    return painted([(0, piece(head, role)), *roles], width)


# What is said --------------------------------------------------------------------------------------------------


def waste_text(storage: HeldStorage, *, saved: bool = False) -> str:
    """What would free the bytes that no tensor reaches; "" where there are none.

    Args:
        saved: whether it is a storage of a file.
    """
    if not storage.unused_nbytes:
        return ""
    dropped = storage.freed_by_clone
    if not dropped:
        return "clones in their places would free nothing"
    one = len(storage.tensors) == 1
    if saved:
        return f"saving clone() would drop {nbytes_text(dropped)}"
    return f"{'a clone in its place' if one else 'clones in their places'} would free {nbytes_text(dropped)}"


def overlaps_text(storage: HeldStorage, place: int) -> str:
    """Which other tensors of the storage reach a byte that the one at `place` reaches; "" where it is alone."""
    tensors = storage.tensors
    own = _extent(tensors[place])
    if len(tensors) < 2 or own is None:
        return ""
    others = [number for number in range(min(len(tensors), COMPARED + 1)) if number != place][:COMPARED]
    met, open_ = [], 0
    for number in others:
        info = tensors[number]
        extent = _extent(info)
        verdict = "undecided" if extent is None else shared_bytes_overlap(own, extent, BUDGET).verdict
        if verdict == "yes":
            met.append(name_of(info))
        open_ += verdict == "undecided"
    shown = [*met[:NAMED], *([f"{count(len(met) - NAMED)} more"] if len(met) > NAMED else [])]
    whole = "none of the others" if len(others) > 1 else "not the other one"
    words = [f"overlaps {joined(shown)}" if met else f"overlaps {whole}".replace("overlaps not", "does not overlap")]
    words += [f"{plural(open_, 'one')} undecided"] if open_ else []
    left = len(tensors) - 1 - len(others)
    words += [f"{count(left)} not compared"] if left else []
    return ", ".join(words)


def _extent(info: TensorInfo) -> Extent | None:
    shape, stride, offset, itemsize = info.shape, info.byte_stride, info.byte_offset, info.itemsize
    if shape is None or stride is None or offset is None or not itemsize:
        return None
    return Extent(shape, stride, offset, itemsize)


def said_of(
    storage: HeldStorage, place: int, *, saved: bool = False, holders: Sequence[Holder] | None = None
) -> list[Section]:
    """What is said of a storage and of one of its tensors, the most telling first.

    Args:
        place: the tensor's.
        saved: whether it is a storage of a file.
        holders: who holds the tensor, where that was looked for.
    """
    about = "" if storage.exact else "about "
    device = f"  {storage.device}" if storage.device else ""
    reached = f"{about}{nbytes_text(storage.used_nbytes)} ({_share(storage)}) reached" if storage.nbytes else "no bytes"
    unused = f"{about}{nbytes_text(storage.unused_nbytes)} reached by none"
    entries = [
        Entry((Span(nbytes_both(storage.nbytes), "bold"),), Span(device)),
        Entry(text=Span(f"{reached}, {unused}" if storage.unused_nbytes else "all of it is reached")),
    ]
    waste = waste_text(storage, saved=saved)
    entries += [Entry(text=Span(waste, "refused"))] if waste else []
    sections = [Section(0, entries)]
    if place < len(storage.tensors):
        sections.append(Section(1, _tensor_said(storage, place)))
    if holders is not None:
        told = [Entry((Span("held by  ", "quiet"),), Span(str(holder))) for holder in holders]
        sections.append(Section(2, told or [Entry(text=Span("nobody here can tell who holds it", "quiet"))]))
    return sections


def _share(storage: HeldStorage) -> str:
    return percent(storage.used_nbytes, storage.nbytes)


def _tensor_said(storage: HeldStorage, place: int) -> list[Entry]:
    info = storage.tensors[place]
    layout = byte_layout(info)
    words = [str(info.dtype)] if info.name and info.dtype else []
    if info.shape is not None and info.stride is not None and info.name:
        words.insert(0, layout_text(info.shape, info.stride, info.storage_offset or 0))
    if layout is not None:
        low, high = layout.span
        words += [contiguity(info), f"bytes [{count(low)}, {count(high)})"]
    entries = [Entry((Span(f"{shortened(name_of(info), 60)}  ", "bold"),), Span(" · ".join(words)))]
    overlaps = overlaps_text(storage, place)
    return [*entries, Entry(text=Span(overlaps, "view"))] if overlaps else entries


def _said(text: str, ascii: bool) -> str:
    text = printable(text)
    return ascii_text(text) if ascii else text


def _fitting(text: str, width: int, dots: str) -> str:
    """Text cut in the middle, where it is too long; counted in cells."""
    if size_of(text) <= width:
        return text
    return clipped(shortened(text, max(width, 0), dots), max(width, 0))
