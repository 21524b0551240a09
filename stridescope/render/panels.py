"""One panel for a tensor or a history.

Problem: the picture that `stridescope show` prints and that a notebook, a debugger and a test get from
the same value. Method: `panel` wraps the value in a small rich renderable; when rich asks, the width and the
`Ink` of the output are known and the sections are drawn into lines. Nothing is computed before that.

Cost: what is shown; a storage of 10**15 elements costs the same as one of 12.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import StringIO
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.segment import Segment

from stridescope.records import History, TensorInfo
from stridescope.render.drawn import Drawn
from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, wrap
from stridescope.render.steps import chain_title, draw_steps
from stridescope.render.storages import storage_section
from stridescope.render.tensors import major, tensor_section, unknown_section
from stridescope.scene.sentences import joined
from stridescope.scene.text import index_text, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import ReadValues, Write
    from stridescope.render.origins import Origins

__all__ = ["Options", "Panel", "panel", "plain"]

MARGIN = 1
MAX_STORAGES = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How to draw.

    Attributes:
        values: show values in the cells, where they are known; addresses otherwise.
        index: an index whose address is spelled out and marked.
        ascii: draw with ASCII characters whatever the output can take.
        theme: the background it is drawn on; "auto" asks the terminal's environment.
    """

    values: bool = False
    index: tuple[int, ...] | None = None
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"


@dataclass(frozen=True, slots=True)
class Panel:
    """A rich renderable of a tensor or a history."""

    value: TensorInfo | History
    options: Options
    read_values: ReadValues | None = None

    def themed(self, theme: Literal["auto", "dark", "light"]) -> Panel:
        """The same for a known background."""
        return replace(self, options=replace(self.options, theme=theme))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.options.ascii, theme=self.options.theme)
        for line in self.lines(ink, options.max_width):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()

    def lines(self, ink: Ink, width: int) -> list[Line]:
        """The lines of the panel, for any output."""
        room = max(width - MARGIN, 20)
        if isinstance(self.value, History):
            body = _history(ink, self.value, self.options, room)
        else:
            body = _tensor(ink, self.value, self.options, self.read_values, room)
        return indented(body, MARGIN)


def panel(value: TensorInfo | History, options: Options | None = None, read_values: ReadValues | None = None) -> Panel:
    """The panel of a tensor or a history.

    Args:
        options: how to draw; the plain address view if None.
        read_values: addresses to values, for a tensor; a history's steps carry their own.

    Raises:
        OpIndexError: when drawn, if `options.index` does not fit the tensor.
    """
    return Panel(value, options or Options(), read_values)


def plain(
    value: TensorInfo | History, width: int = 80, options: Options | None = None, read_values: ReadValues | None = None
) -> str:
    """The panel as text without colours or trailing spaces."""
    ink = Ink(ascii=(options or Options()).ascii)
    out = StringIO()
    for line in panel(value, options, read_values).lines(ink, width):
        out.write("".join(segment.text for segment in finish(line, width, ink.dots)) + "\n")
    return out.getvalue()


def _tensor(ink: Ink, info: TensorInfo, options: Options, read: ReadValues | None, width: int) -> list[Line]:
    quiet = ink.word("quiet")
    literal = str(info.layout) if info.type == "layout" and info.layout is not None else None
    title: list[Line] = [[Segment(ink.say(info.name or literal or info.type), ink.word("bold"))]]
    if info.name or literal:
        title.append([Segment(ink.say(info.type), quiet)])
    lines = [*flow(title, width, hang=2), []]
    layout = info.layout
    if layout is None:
        return [*lines, *unknown_section(ink, info, width), *_notes(ink, info, width)]
    lines += _storage(ink, [Drawn(info, layout, "", read)], width, options, _Told())
    if info.parts or major(info):
        lines += [[], *unknown_section(ink, info, width)]
    return [*lines, *_notes(ink, info, width)]


class _Told(NamedTuple):
    """What a history adds to the drawing of one storage.

    Attributes:
        story: the history, where the sentences may tell it.
        written: what the last step wrote there.
        origins: where a copy's elements came from.
        notes: whether there are sentences at all.
        following: whether they go on to what common ops would do next.
    """

    story: History | None = None
    written: Write | None = None
    origins: Origins | None = None
    notes: bool = True
    following: bool = True


def _history(ink: Ink, history: History, options: Options, width: int) -> list[Line]:
    lines = chain_title(ink, history, width)
    if history.steps:
        lines += [[], *draw_steps(ink, history, width)]
    refused = history.refused
    if refused is not None:
        from stridescope.render.refusals import refusal_section

        lines += [[], *refusal_section(ink, refused, width)]
        info = refused.before
        if info is not None:
            told = _Told(origins=_origins(history, info), notes=False, following=False)
            lines += [[], *_one(ink, info, _reader(history, info), replace(options, index=None), width, told)]
        return lines
    groups = _groups(history)
    for number, group in enumerate(groups[:MAX_STORAGES]):
        lines.append([])
        info, name = group[0]
        told = _Told(origins=_origins(history, info), following=number == 0)
        if number == 0:
            told = told._replace(story=history, written=history.steps[-1].write)
        asked = options if number == 0 else replace(options, index=None)
        if len(group) == 1:
            lines += _one(ink, info.named(name or info.name), _reader(history, info), asked, width, told)
        else:
            lines += _several(ink, history, group, asked, width, told)
    if len(groups) > MAX_STORAGES:
        names = [name or info.name or "" for group in groups[MAX_STORAGES:] for info, name in group]
        more = f"{ink.dots} {plural(len(groups) - MAX_STORAGES, 'more storage')} not drawn, of {joined(names)}"
        lines += [[], *wrap([Segment(ink.say(more), ink.word("quiet"))], width, hang=2)]
    return lines


def _origins(history: History, info: TensorInfo) -> Origins | None:
    if all(step.copy is None for step in history.steps):
        return None
    from stridescope.render.origins import origins_of

    return origins_of(history, info)


def _one(ink: Ink, info: TensorInfo, read: ReadValues | None, options: Options, width: int, told: _Told) -> list[Line]:
    layout = info.layout
    if layout is None:
        return [*unknown_section(ink, info, width), *_notes(ink, info, width)]
    return [
        *_storage(ink, [Drawn(info, layout, info.name or "", read)], width, options, told),
        *_notes(ink, info, width),
    ]


def _several(
    ink: Ink,
    history: History,
    group: Sequence[tuple[TensorInfo, str]],
    options: Options,
    width: int,
    told: _Told,
) -> list[Line]:
    final = history.final.tensor if history.final is not None and not history.steps[-1].tensors else None
    if options.index is not None and final is not None:
        # An index is asked of the final tensor, so that one comes first.
        group = sorted(group, key=lambda item: not _same_place(item[0], final))
    drawn = [
        Drawn(info, layout, name, _reader(history, info))
        for info, name in group
        for layout in (info.layout,)
        if layout is not None
    ]
    return _storage(ink, drawn, width, options, told)


def _storage(ink: Ink, drawn: Sequence[Drawn], width: int, options: Options, told: _Told) -> list[Line]:
    """A storage and the tensors on it."""
    values, index = options.values, options.index
    lines, track, scaled = storage_section(
        ink, drawn, width, values=values, index=index, written=told.written, origins=told.origins
    )
    lines += [[]] if lines and lines[-1] else []
    lines += tensor_section(
        ink,
        scaled,
        track,
        width,
        values=values,
        index=index,
        history=told.story,
        notes=told.notes,
        following=told.following,
    )
    return lines


def _notes(ink: Ink, info: TensorInfo, width: int) -> list[Line]:
    lines: list[Line] = []
    for note in info.notes:
        lines += wrap([Segment("note: ", ink.word("quiet")), Segment(ink.say(note))], min(width, 96), hang=6)
    return [[], *lines] if lines else []


def _groups(history: History) -> list[list[tuple[TensorInfo, str]]]:
    """The tensors to draw, by storage; the storage of the last step first."""
    last = history.steps[-1] if history.steps else None
    final = history.final.tensor if history.final is not None else None
    if last is not None and last.tensors:
        named = [(info, info.name or index_text((place,))) for place, info in enumerate(last.tensors)]
        final = last.tensors[0]
    else:
        named = [(info, name) for name, info in history.aliases]
        if final is not None and not any(_same_place(info, final) for info, _ in named):
            named.insert(0, (final, "result" if named else ""))
    groups: dict[str, list[tuple[TensorInfo, str]]] = {}
    for number, (info, name) in enumerate(named):
        groups.setdefault(_storage_key(info, number), []).append((info, name))
    home = None if final is None else _storage_key(final, 0)
    return [groups[key] for key in sorted(groups, key=lambda key: key != home)]


def _storage_key(info: TensorInfo, number: int) -> str:
    """Equal for tensors on one storage; a tensor without one is alone."""
    if info.storage is None:
        return f"#{number}"
    memory, first_nbytes = info.storage.memory
    # Where a window starts inside the memory its addresses are others, so it gets a strip of its own.
    return info.storage.id if first_nbytes else memory


def _same_storage(one: TensorInfo, other: TensorInfo) -> bool:
    return one.storage is not None and other.storage is not None and _storage_key(one, 0) == _storage_key(other, 0)


def _same_place(one: TensorInfo, other: TensorInfo) -> bool:
    return one.layout == other.layout and one.dtype == other.dtype and (_same_storage(one, other) or one is other)


def _reader(history: History, info: TensorInfo) -> ReadValues | None:
    """Who reads the values on a tensor's storage: the latest step that can."""
    for step in reversed(history.steps):
        tensor = step.tensor or (step.tensors[0] if step.tensors else step.before)
        if step.values is None or tensor is None or tensor.dtype != info.dtype:
            continue
        if _same_storage(tensor, info):
            return step.values
    return None
