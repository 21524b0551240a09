"""`ss.show`, `ss.open` and `ss.overlap`: one call on whatever the user holds.

Problem: a script holds tensors of any library, layouts, histories, dicts of tensors or the text of a
program, and wants the panel, or the answer, without saying which. Method: whatever is no value of ours
yet is read by `stridescope.readers`; drawing is `stridescope.render`'s. Cost: one inspection, and one
panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import InputError, UnreadableError
from stridescope.layout import Layout, Overlap
from stridescope.layout.overlap import DEFAULT_BUDGET, Extent, internal_overlap, shared_bytes_overlap, shared_nbytes
from stridescope.readers import inspect, read_values, readable
from stridescope.records import Checkpoint, History, TensorInfo

if TYPE_CHECKING:
    import os
    from typing import IO, Literal

    from rich.console import Console, ConsoleOptions, RenderResult

    from stridescope.records import ReadValues
    from stridescope.records.modules import ModuleTree
    from stridescope.render import Options, Panel
    from stridescope.render.checkpoints import CheckpointView
    from stridescope.render.modules import ModulePanel
    from stridescope.render.tables import TableView

__all__ = ["check_index", "drawable", "layout_info", "open", "overlap", "show"]

ANSWER_PARTS = 16
ANSWER_CHARS = 200
"""Of a long answer, what is shown; `History.answers` has all of it."""


def show(x: Any, *, values: bool = False, index: Sequence[int] | None = None, file: IO[str] | None = None) -> None:
    """Print how `x` lies in its storage.

    Args:
        x: a tensor or array of any library, a `Layout`, a `TensorInfo`, a `History`, a dict, list or
            tuple of tensors (one row each), a `Checkpoint`, or a text: the path of a file of tensors, or
            path::name for one of them; else a program such as "torch.arange(12).view(3, 4).t()".
        values: show values in the cells; only the cells that are drawn are read.
        index: work out the address of this index, one int for each dim.
        file: where to print; standard output unless given.

    Raises:
        UnreadableError: `x` holds no elements that have a layout.
        ProgramError: `x` is text, and neither a file nor a program.
        TargetError: there is no such file, or no such tensor in it.
        OpIndexError: `index` is out of range.

    >>> show(Layout((2, 3), (1, 2)))  # doctest: +ELLIPSIS
     (2,3):(1,2)   layout
    ...
    """
    from rich.console import Console

    from stridescope.render import Options

    index = None if index is None else tuple(index)
    Console(file=file, highlight=False).print(drawable(x, Options(values=values, index=index)))


def open(path: str | os.PathLike[str]) -> Checkpoint:  # noqa: A001 - as it reads where it is used: ss.open
    """The tensors of a checkpoint file, by its headers alone: nothing in it is run, no data is read.

    Args:
        path: a zip, legacy or tar file of torch, TorchScript, torch.export, safetensors, npy, npz, gguf, a shard index
            in JSON, or a directory of such files or of a distributed checkpoint.

    Returns:
        `Checkpoint`: a mapping of name to `TensorInfo`, with `.format`, `.storages`, `.tree` (what was saved, nested),
        `.calls` (what a pickle would have called), `.read(name)` (values at addresses), `.broken`.

    Raises:
        TargetError: there is no such file, or it may not be read.
        UnreadableError: it is of no format that is known, or nothing in it can be read.
    """
    from stridescope.readers.files import open_checkpoint

    return open_checkpoint(path)


def drawable(
    x: Any, options: Options, read: ReadValues | None = None
) -> Panel | TableView | Answered | ModulePanel | CheckpointView:
    """The rich renderable of whatever `show` takes.

    Args:
        read: what reads the values of a `TensorInfo`.

    Raises:
        UnreadableError: `x` holds no elements that have a layout.
        ProgramError: `x` is text, and not a program.
        InputError: `options.index` is given for several tensors.
    """
    from stridescope.render import panel, table

    if isinstance(x, str):
        x, read = _of_text(x)
    if isinstance(x, Checkpoint):
        from stridescope.render.checkpoints import CheckpointView

        if options.index is not None:
            raise InputError(f"an index belongs to one tensor: name it, as in {x.path}::{next(iter(x), 'NAME')}")
        return CheckpointView(x, ascii=options.ascii, theme=options.theme)
    if isinstance(x, History):
        check_index(x.final.tensor if x.final is not None else None, options.index)
        return Answered(panel(x, options), x) if x.answers else panel(x, options)
    if isinstance(x, (Layout, TensorInfo)):
        info = layout_info(x) if isinstance(x, Layout) else x
        check_index(info, options.index)
        # A layout has no dtype, device or storage by its nature: a panel need not say why.
        return panel(replace(info, why=()) if isinstance(x, Layout) else info, options, read)
    if readable(x):
        info = inspect(x)
        check_index(info, options.index)
        return panel(info, options, partial(read_values, x))
    tree = _module_tree(x)
    if tree is not None:
        from stridescope.render.modules import module_panel

        return module_panel(tree, ascii=options.ascii, theme=options.theme)
    from stridescope.readers.objects import rows

    found = rows(x)
    if options.index is not None:
        raise InputError(f"an index belongs to one tensor, and there are {len(found)} here: show one of them")
    return table(found, ascii=options.ascii, theme=options.theme)


def _of_text(text: str) -> tuple[Any, ReadValues | None]:
    """(what a text names: a checkpoint, one of its tensors or a history; what reads the values of a tensor)."""
    from stridescope.readers.files.targets import is_file_target, split_target, tensor_of

    if not is_file_target(text):
        from stridescope.program import run

        return run(text), None
    path, name = split_target(text)
    checkpoint = open(path)
    return (checkpoint, None) if name is None else tensor_of(checkpoint, name)


def _module_tree(x: Any) -> ModuleTree | None:
    """The tree of a module, or of what already is one; None for anything else."""
    from stridescope.records.modules import ModuleTree

    if isinstance(x, ModuleTree):
        return x
    from stridescope.modules.reading import is_module, modules

    return modules(x) if is_module(x) else None


@dataclass(frozen=True)
class Answered:
    """A rich renderable: the panel of a history, and below it a line for each thing that the program asked."""

    panel: Panel
    history: History

    def themed(self, theme: Literal["auto", "dark", "light"]) -> Answered:
        """The same for a known background."""
        return replace(self, panel=self.panel.themed(theme))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        yield self.panel
        for line in ("", *(f" {source}  =  {_written(value)}" for source, value in self.history.answers)):
            yield Text(line, overflow="fold")


def _written(value: Any) -> str:
    """A Python value as it is written, what is none by its name, such as int64; cut where it goes on and on."""
    if isinstance(value, tuple | list):
        parts = [_written(part) for part in value[:ANSWER_PARTS]] + ["..."] * (len(value) > ANSWER_PARTS)
        comma = "," * (isinstance(value, tuple) and len(value) == 1)
        return f"({', '.join(parts)}{comma})" if isinstance(value, tuple) else f"[{', '.join(parts)}]"
    text = repr(value) if isinstance(value, int | float | complex | str) else str(value)
    return text if len(text) <= ANSWER_CHARS else text[: ANSWER_CHARS - 3] + "..."


def layout_info(layout: Layout) -> TensorInfo:
    """A layout as a TensorInfo: what only a tensor has is None, and `why` says so."""
    missing = ("dtype", "itemsize", "device", "requires_grad", "storage")
    return TensorInfo(
        type="layout",
        shape=layout.shape,
        stride=layout.stride,
        storage_offset=layout.storage_offset,
        dtype=None,
        itemsize=None,
        device=None,
        requires_grad=None,
        storage=None,
        why=tuple((field, "a layout counts elements, and says nothing about what they are") for field in missing),
    )


def check_index(info: TensorInfo | None, index: Sequence[int] | None) -> int | None:
    """The address of an index of a tensor, or None where none is asked for.

    Raises:
        InputError: there is no tensor, or it has no layout in whole elements.
        OpIndexError: the index is out of range.
    """
    if index is None:
        return None
    layout = None if info is None else info.layout
    if info is None or layout is None:
        reason = (
            "there is no tensor" if info is None else dict(info.why).get("stride", f"this {info.type} has no strides")
        )
        raise InputError(f"an index has no address here: {reason}")
    return layout.address(tuple(index))


def overlap(a: Any, b: Any = None, *, budget: int = DEFAULT_BUDGET) -> Overlap:
    """Whether two indices of `a` reach one address, or whether `a` and `b` share a byte; exact.

    Args:
        a: a tensor or array of any library, a `TensorInfo` or a `Layout`.
        b: another; two layouts are taken to lie in one storage, with items of one size.
        budget: how many values the search may try; the default ends within 50 ms, whatever is asked.

    Returns:
        `Overlap`: `verdict` is "yes", "no" or "undecided" (the budget was spent); `witness` the two indices behind a
        "yes"; of two tensors also `shared_nbytes`, the bytes both reach, where that is cheap to tell.

    Raises:
        UnreadableError: `a` or `b` has no layout in memory that is known.

    >>> overlap(Layout((6, 3), (1, 1))).witness  # arange(8).unfold(0, 3, 1)
    ((0, 1), (1, 0))
    >>> evens, odds = Layout((5,), (2,)), Layout((5,), (2,), 1)
    >>> overlap(evens, odds).verdict
    'no'
    """
    if b is None:
        return a.overlap(budget) if isinstance(a, Layout) else _with_itself(_in_memory(a), budget)
    if isinstance(a, Layout) and isinstance(b, Layout):
        first, second = (_Memory("", x.shape, x.stride, x.storage_offset, 1) for x in (a, b))
    else:
        first, second = _in_memory(a), _in_memory(b)
    if first.where != second.where:
        return Overlap("no", shared_nbytes=0)
    extents = Extent(*first[1:]), Extent(*second[1:])
    return replace(shared_bytes_overlap(*extents, budget), shared_nbytes=shared_nbytes(*extents))


def _with_itself(x: _Memory, budget: int) -> Overlap:
    # The bytes of an item are one more dim, since byte strides need not be whole items (numpy's record fields).
    found = internal_overlap((*x.shape, x.itemsize), (*x.byte_stride, 1), budget)
    if found.witness is None:
        return found
    i, j = found.witness
    return replace(found, witness=(i[:-1], j[:-1]))


class _Memory(NamedTuple):
    """Where a tensor's bytes are; two offsets compare when `where` is the same."""

    where: str
    shape: Sequence[int]
    byte_stride: Sequence[int]
    byte_offset: int
    itemsize: int


def _in_memory(x: Any) -> _Memory:
    info = x if isinstance(x, TensorInfo) else inspect(x)
    shape, byte_stride, byte_offset, itemsize = info.shape, info.byte_stride, info.byte_offset, info.itemsize
    if shape is None or byte_stride is None or byte_offset is None or itemsize is None or info.storage is None:
        why = dict(info.why)
        reason = next((why[field] for field in ("stride", "storage", "shape") if field in why), "it has no strides")
        raise UnreadableError(f"overlap needs strides and a storage, and this {info.type} has none: {reason}")
    if info.storage.data_ptr:
        # Memory addresses compare across libraries: a numpy array and the tensor made from it are two storages.
        return _Memory(info.device or "", shape, byte_stride, info.storage.data_ptr + byte_offset, itemsize)
    return _Memory(f"{info.device} {info.storage.id}", shape, byte_stride, byte_offset, itemsize)
