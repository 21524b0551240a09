"""A model as a drawn tree, or as the list that `children()` or `modules()` gives.

Problem: a model of 1,000 modules must be read at 80 columns, its tensors' layouts beside it, and what is shared or
unusual must not drown. Method: a row is a module with what it and all below it hold, right-aligned; its tensors stand
below it, in chunks that flow. Siblings that repeat one another are one row. What goes without saying is not said: a
device or dtype is named once when all have it, a mode when it differs from the model's.

Cost: linear in the modules; each one that is drawn, and for folding each one there is, is asked for its `extra_repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment

from stridescope.modules.folding import looks, runs
from stridescope.modules.sharing import Shared, sharing, twins
from stridescope.render.ink import Ink, ink_for
from stridescope.render.lines import Line, finish, flow, indented, padded, width_of, wrap
from stridescope.scene.sentences import contiguity, joined
from stridescope.scene.text import count, nbytes_text, plural, tuple_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.modules.folding import Run
    from stridescope.records.counting import ModuleCounts
    from stridescope.records.modules import ModuleFacts, ModuleNode, ModuleTree
    from stridescope.records.tensors import TensorInfo

__all__ = ["ModulePanel", "View", "draw_modules", "module_panel", "tensor_words"]

View = Literal["tree", "children", "modules"]

MARGIN = 1
MAX_SHARED = 20
LISTED = 6

_GUIDES = {False: ("├─ ", "└─ ", "│  ", "   "), True: ("|- ", "`- ", "|  ", "   ")}
"""Whether in ASCII -> before a child, before the last one, and before what stands below each of these."""


@dataclass(frozen=True, slots=True)
class ModulePanel:
    """A rich renderable of a model.

    Attributes:
        view: the tree, or what `children()` or `modules()` gives.
        depth: how far below the root; all the way if None.
        unfold: draw siblings that repeat one another one by one.
    """

    tree: ModuleTree
    view: View = "tree"
    depth: int | None = None
    unfold: bool = False
    ascii: bool = False
    theme: Literal["auto", "dark", "light"] = "auto"

    def themed(self, theme: Literal["auto", "dark", "light"]) -> ModulePanel:
        """The same for a known background."""
        return replace(self, theme=theme)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        ink = ink_for(console, options, ascii=self.ascii, theme=self.theme)
        room = max(options.max_width - MARGIN, 20)
        for line in indented(draw_modules(ink, self, room), MARGIN):
            yield from finish(line, options.max_width, ink.dots)
            yield Segment.line()


def module_panel(
    tree: ModuleTree,
    view: View = "tree",
    *,
    depth: int | None = None,
    unfold: bool = False,
    ascii: bool = False,
    theme: Literal["auto", "dark", "light"] = "auto",
) -> ModulePanel:
    """A renderable of a model's tree, or of what `children()` or `modules()` gives."""
    return ModulePanel(tree, view, depth, unfold, ascii, theme)


def draw_modules(ink: Ink, panel: ModulePanel, width: int) -> list[Line]:
    """The lines of the panel."""
    tree = panel.tree
    lines = [*_head(ink, tree, width), []]
    rows = list(_VIEWS[panel.view](ink, panel))
    lines += _laid_out(ink, rows, width)
    if panel.view == "tree":
        lines += _shared(ink, sharing(tree), width)
    return lines


class _Row(NamedTuple):
    """A module's row, or with no numbers the lines of a tensor or a note.

    Attributes:
        first: what stands before the first line.
        rest: what stands before the lines after it.
        listed: it is one of a list, which has a line for each, cut where it is too long.
    """

    first: str
    rest: str
    chunks: list[Line]
    numbers: tuple[str, str] | None = None
    listed: bool = False


def _head(ink: Ink, tree: ModuleTree, width: int) -> list[Line]:
    counts, quiet = tree.counts, ink.word("quiet")
    parts = [plural(counts.modules, "module")] if tree.root.type else [plural(counts.modules - 1, "name")]
    parts.append(plural(counts.parameters, "parameter"))
    if counts.buffers:
        parts.append(plural(counts.buffers, "buffer"))
    parts += [plural(counts.parameter_elements, "element"), nbytes_text(counts.nbytes)]
    if counts.frozen:
        parts.append("frozen" if counts.frozen == counts.parameters else f"{count(counts.frozen)} frozen")
    if counts.uninitialized:
        parts.append(f"{count(counts.uninitialized)} not initialized yet")
    parts += [_mixed(words, name) for words, name in ((counts.dtypes, "dtypes"), (counts.devices, "devices")) if words]
    if tree.root.training is not None:
        parts.append(_mode(tree.root))
    chunks = [[Segment(ink.say(tree.root.type or "names"), ink.word("bold"))]]
    return flow([*chunks, *([Segment(ink.say(part), quiet)] for part in parts)], width, gap=3, hang=2)


def _mixed(words: Sequence[str], name: str) -> str:
    return words[0] if len(words) == 1 else f"mixed {name}: {joined(list(words))}"


def _mode(node: ModuleNode) -> str:
    return "training" if node.training else "eval"


# Rows ------------------------------------------------------------------------------------------


class _Known(NamedTuple):
    """What rows are told from besides their node."""

    ink: Ink
    tree: ModuleTree
    below: Mapping[str, ModuleCounts]
    others: Mapping[str, tuple[str, ...]]
    mates: Mapping[str, str]


def _known(ink: Ink, tree: ModuleTree) -> _Known:
    groups = sharing(tree)
    mates = {
        name: f"{_MATES[group.kind]} {_listed([other for other in group.names if other != name], 1)}"
        for group in reversed(groups)
        for name in group.names
    }
    return _Known(ink, tree, tree.counts_below, twins(tree), mates)


_MATES = {
    "module": "same as",
    "tied": "tied to",
    "tiles": "tiles one storage with",
    "apart": "in one storage with",
    "view": "shares memory with",
    "interleaved": "interleaves with",
    "overlap": "overlaps",
    "undecided": "in one storage with",
}
"""A kind of sharing -> what stands before the names of the others."""


def _tree_rows(ink: Ink, panel: ModulePanel) -> Iterator[_Row]:
    known = _known(ink, panel.tree)
    found = {} if panel.unfold else looks(panel.tree)
    waiting: list[tuple[Run, str, str, int]] = [((panel.tree.root,), "", "", 0)]
    while waiting:
        run, first, rest, level = waiting.pop()
        node = run[0]
        cut = bool(node.children) and panel.depth is not None and level >= panel.depth
        facts = panel.tree.facts(node)
        yield _Row(first, rest, _module_chunks(known, run, facts, cut=cut), _numbers(known, run))
        fork, last, bar, blank = _GUIDES[ink.ascii]
        below = () if cut else (((child,) for child in node.children) if panel.unfold else runs(node.children, found))
        children = list(below)
        inner = rest + (bar if children else blank)
        for tensor in node.tensors:
            yield _Row(inner, inner + "  ", _tensor_chunks(known, node, tensor))
        for note in facts.notes:
            yield _Row(inner, inner + "  ", [[Segment(ink.say(f"note: {note}"), ink.word("quiet"))]])
        for number, child in reversed(list(enumerate(children))):
            is_last = number == len(children) - 1
            waiting.append((child, rest + (last if is_last else fork), rest + (blank if is_last else bar), level + 1))


def _children_rows(ink: Ink, panel: ModulePanel) -> Iterator[_Row]:
    known = _known(ink, panel.tree)
    for name, node in panel.tree.children():
        chunks = _title_chunks(known, (node,), panel.tree.facts(node), name)
        yield _Row("", "  ", chunks, _numbers(known, (node,)), listed=True)


def _modules_rows(ink: Ink, panel: ModulePanel) -> Iterator[_Row]:
    known = _known(ink, panel.tree)
    levels = {panel.tree.root.path: 0}
    for path, node in panel.tree.modules():
        levels |= {child.path: levels[path] + 1 for child in node.children}
        if panel.depth is not None and levels[path] > panel.depth:
            continue
        chunks = _title_chunks(known, (node,), panel.tree.facts(node), path or "(itself)")
        yield _Row("", "  ", chunks, _numbers(known, (node,)), listed=True)


_VIEWS = {"tree": _tree_rows, "children": _children_rows, "modules": _modules_rows}


def _module_chunks(known: _Known, run: Run, facts: ModuleFacts, *, cut: bool) -> list[Line]:
    ink, node = known.ink, run[0]
    quiet = ink.word("quiet")
    name = node.name if len(run) == 1 else f"{node.name}-{run[-1].name}"
    chunks = _title_chunks(known, run, facts, name)
    if cut:
        inside = known.below[node.path].modules - 1
        chunks.append([Segment(ink.say(f"{ink.dots} {plural(inside, 'module')} inside"), quiet)])
    return chunks


def _title_chunks(known: _Known, run: Run, facts: ModuleFacts, name: str) -> list[Line]:
    """The name and the class with its arguments, and what is unusual about the module."""
    ink, node, tree = known.ink, run[0], known.tree
    quiet, counts = ink.word("quiet"), known.below[run[0].path]
    times = f"{count(len(run))} {ink.say('×')} " if len(run) > 1 else ""
    arguments = f"({facts.arguments})" if facts.arguments and node.same_as is None else ""
    title = [Segment(times + ink.say(node.type or ("" if node.path else "names"))), Segment(ink.say(arguments), quiet)]
    chunks: list[Line] = [[Segment(ink.say(name), ink.word("bold")), Segment("  "), *title] if name else title]
    said: list[str] = []
    if node.same_as is not None:
        return [*chunks, [Segment(ink.say(f"same as {node.same_as or 'the model itself'}"), ink.word("view"))]]
    if known.others.get(node.path):
        chunks.append([Segment(ink.say(f"also {_listed(known.others[node.path])}"), ink.word("view"))])
    if node.path and node.training is not None and node.training is not tree.root.training:
        said.append(_mode(node))
    said += [f"{kind} hook {joined(list(names))}" for kind, names in facts.hooks]
    said += [f"{name} computed by {joined(list(classes))}" for name, classes in facts.parametrizations]
    if counts.parameters == counts.frozen > 0 and tree.counts.frozen < tree.counts.parameters:
        said.append("frozen")
    if node.path and len(counts.dtypes) > 1:
        said.append(_mixed(counts.dtypes, "dtypes"))
    if node.path and len(counts.devices) > 1:
        said.append(_mixed(counts.devices, "devices"))
    return [*chunks, *([Segment(ink.say(text), quiet)] for text in said)]


def _numbers(known: _Known, run: Run) -> tuple[str, str]:
    counts = known.below[run[0].path]
    if run[0].same_as is not None:
        return "", ""
    if not counts.parameters and not counts.buffers:
        return known.ink.say("–"), ""
    if counts.uninitialized and not counts.nbytes:
        return "?", "?"
    return count(counts.parameter_elements * len(run)), nbytes_text(counts.nbytes * len(run))


def _tensor_chunks(known: _Known, node: ModuleNode, tensor: TensorInfo) -> list[Line]:
    ink = known.ink
    quiet = ink.word("quiet")
    kind = "buffer" if tensor in node.buffers else "state" if tensor in node.states else ""
    words = tensor_words(tensor, known.tree.counts)
    said = [kind] if kind else []
    if tensor.name in node.transient:
        said.append("not in state_dict")
    if not kind and tensor.requires_grad is False:
        said.append("frozen")
    mates = known.mates.get(tensor.name or "")
    chunks: list[Line] = [[Segment(ink.say(node.local_name(tensor))), Segment("  "), Segment(ink.say(words[0]), quiet)]]
    shared: list[Line] = [] if mates is None else [[Segment(ink.say(mates), ink.word("view"))]]
    return [*chunks, *([Segment(ink.say(text), quiet)] for text in (*said, *words[1:])), *shared]


def tensor_words(tensor: TensorInfo, counts: ModuleCounts) -> list[str]:
    """A tensor in a few words, its shape first; device and dtype only where the model has several.

    Args:
        counts: of the whole model.
    """
    if tensor.shape is None:
        why = dict(tensor.why).get("shape", "its shape is not known")
        return [why.partition(":")[0]]
    words = [tuple_text(tensor.shape)]
    if tensor.dtype is not None and counts.dtypes != (tensor.dtype,):
        words.append(tensor.dtype)
    if tensor.device is not None and counts.devices != (tensor.device,):
        words.append(tensor.device)
    if tensor.type not in _PLAIN:
        words.append(tensor.type)
    if tensor.stride is not None and tensor.shape:
        words.append(f"stride {tuple_text(tensor.stride)}")
    if tensor.storage_offset:
        words.append(f"offset {count(tensor.storage_offset)}")
    order = contiguity(tensor)
    if order not in ("contiguous", "contiguity unknown"):
        words.append(order)
    return words


_PLAIN = ("torch.Tensor", "torch.nn.Parameter", "torch.nn.Buffer")


def _listed(names: Sequence[str], most: int = LISTED) -> str:
    shown = [name or "the model itself" for name in names[:most]]
    return joined([*shown, f"{count(len(names) - most)} more"] if len(names) > most else shown)


# Lines -----------------------------------------------------------------------------------------


def _laid_out(ink: Ink, rows: Sequence[_Row], width: int) -> list[Line]:
    """The rows with their numbers in columns on the right."""
    quiet = ink.word("quiet")
    numbers = [("elements", "bytes"), *(row.numbers for row in rows if row.numbers is not None)]
    sizes = [max(cell_len(pair[column]) for pair in numbers) for column in range(2)]
    room = width - sum(sizes) - 4
    if room < _NARROWEST:
        room, sizes = width, []
    lines: list[Line] = [_with_numbers([], room, ("elements", "bytes"), sizes, quiet)] if sizes else []
    for row in (_near(ink, row, room // 3) for row in rows):
        inside = max(room - cell_len(row.rest), _NARROWEST // 2)
        flowed = [_on_one_line(ink, row.chunks, inside)] if row.listed else flow(row.chunks, inside, gap=2, hang=2)
        for place, line in enumerate(flowed):
            guide = row.first if place == 0 else row.rest
            whole = [Segment(guide, quiet), *line] if guide else line
            shown = row.numbers if row.numbers is not None and place == 0 else None
            lines.append(_with_numbers(whole, room, shown, sizes, None) if shown and sizes else whole)
    return lines


def _near(ink: Ink, row: _Row, width: int) -> _Row:
    """A row far down, with the last of its guides alone."""
    if cell_len(row.rest) <= width:
        return row
    first, rest = (f"{ink.dots}{guide[len(ink.dots) - width :]}" for guide in (row.first, row.rest))
    return row._replace(first=first, rest=rest)


def _on_one_line(ink: Ink, chunks: Sequence[Line], width: int) -> Line:
    line: Line = []
    for chunk in chunks:
        line += [Segment("  "), *chunk] if line else chunk
    return finish(line, width, ink.dots)


_NARROWEST = 24
"""With less room than this beside them, the numbers go."""


def _with_numbers(line: Line, room: int, numbers: tuple[str, str], sizes: Sequence[int], style: object) -> Line:
    if width_of(line) > room:
        text = [Segment(set_cell_size("".join(s.text for s in line), room))]
        line = text
    texts = [" " * (size - cell_len(text) + 2) + text for text, size in zip(numbers, sizes, strict=True)]
    return [*padded(line, room), *(Segment(text, style) for text in texts)]  # type: ignore[arg-type]


def _shared(ink: Ink, groups: Sequence[Shared], width: int) -> list[Line]:
    """What is shared, a line or two each."""
    if not groups:
        return []
    lines: list[Line] = [[], [Segment("SHARED", ink.word("bold"))]]
    for group in groups[:MAX_SHARED]:
        names = _listed(group.names)
        held = "" if group.nbytes is None else f", {nbytes_text(group.nbytes)}"
        text = [Segment(ink.say(f"{group.meaning}{held}: "), ink.word("quiet")), Segment(ink.say(names))]
        lines += indented(wrap(text, width - 2, hang=2), 2)
    if len(groups) > MAX_SHARED:
        lines.append([Segment(ink.say(f"  {ink.dots} {count(len(groups) - MAX_SHARED)} more"), ink.word("quiet"))])
    return lines
