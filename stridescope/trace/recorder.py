"""The two modes through which torch shows its ops, and what is kept of each.

Problem: an op a person wrote, `x.reshape(12)`, may reach the dispatcher as two ops (`clone`, `_unsafe_view`), and a
`.contiguous()` that does nothing never reaches it; an op of the backward pass reaches nothing else. Method: a function
mode sees what was called, a dispatch mode what was run below it. The outermost function is a step, and the aten ops
below are folded into it; in the backward pass, and wherever no function is on the way, an aten op is a step itself.

    effect     by the storages of the result and of the arguments, which are all alive at that moment: in one of
               theirs it is `view` (or `same`: the object that was given, unchanged; for `reshape` and its kin, the
               layout that was given), or `write` where that storage was written; else it is new, `copy` where an op
               that moves elements filled it, `alloc` otherwise
    bytes      of every element that was moved below, whatever the effect: `linear` may copy its input first
    line       the first frame outside torch and libraries; in autograd's own threads, that of the thread that waits
    forward    of a backward op, the line of the op it differentiates: each op that records a node of autograd notes
               the number of the node, and a node that runs knows its number

A step is a tuple of numbers, words and shared layouts; no tensor is kept, by reference or weakly. While an op runs,
weak references of torch's own keep the addresses of what it moved from being used twice.

Cost: two microseconds a function, half of one for an aten op below it, three for an aten op that is a step. Memory:
under 300 bytes a step.
"""

# ruff: noqa: SLF001 - torch has no public way to ask

from __future__ import annotations

import os
import sys
from array import array
from bisect import bisect_right
from collections import deque
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch.overrides import TorchFunctionMode
from torch.overrides import _get_current_function_mode as _function_mode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._python_dispatch import _get_current_dispatch_mode as _dispatch_mode

from stridescope.readers import keep_uncompiled
from stridescope.readers.torch_words import FUNCTION_MODES
from stridescope.trace.facts import facts, is_transformed, storage_number
from stridescope.trace.rows import ATEN, FUNCTIONS, aten_row, function_row, written_by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stridescope.records import Effect
    from stridescope.trace.facts import Seen
    from stridescope.trace.places import Places
    from stridescope.trace.rows import AtenRow, FunctionRow

__all__ = ["ITSELF", "Moved", "Raw", "Recorder"]

Tensor: Any = torch.Tensor
_C: Any = torch._C
_free_weak_ref = torch.UntypedStorage._free_weak_ref
_sequence: Callable[[], int] = getattr(_C._autograd, "_get_sequence_nr", lambda: 0)
_node: Callable[[], Any] = getattr(_C, "_current_autograd_node", lambda: None)
_NONE: Seen = (None, None)  # type: ignore[assignment]
_NO_STORAGES: set[int | None] = set()


Moved = tuple[str, Any, Any, int]
"""(aten op, layout read, layout written, bytes): what one op below a step moved; layouts as `facts` gives them."""

Raw = tuple[int, str, "Effect", int, Any, "int | None", Any, "int | None", int, int, tuple[Moved, ...]]
"""A step as it is kept, a tuple because making one costs least: place, op, effect, copied_nbytes, before, its storage,
after, its storage, forward place, aten ops below (or `ITSELF`), what they moved. Places are numbers of `Places`,
layouts as `facts` gives them."""


ITSELF = -1
"""In place of how many aten ops are below a step: it is one itself."""

_EFFECTS: tuple[Effect, ...] = ("alloc", "view", "same", "copy", "write", "refused")

_running: WeakSet[Recorder] = WeakSet()


def _silence_all() -> None:
    for recorder in _running:
        recorder.silence()


if hasattr(os, "register_at_fork"):
    # A process that is forked off (a DataLoader's worker) has the modes on, and nobody there who reads.
    os.register_at_fork(after_in_child=_silence_all)


class Recorder:
    """What has been recorded so far.

    Attributes:
        steps: the last `keep` steps.
        effects, copied: exact totals over all steps, kept or not: how many of each effect, bytes by effect.
        lines: (place, forward, op) -> [times, bytes, the largest step], of every step that copied.
        seen: aten ops that ran.
    """

    def __init__(self, places: Places, keep: int | None) -> None:
        self.places = places
        self.keep = keep
        self.steps: deque[Raw] = deque(maxlen=keep)
        self.effects: dict[str, int] = dict.fromkeys(_EFFECTS, 0)
        self.lines: dict[tuple[int, int, str], list[Any]] = {}
        self.seen = 0
        self.thread = get_ident()
        self.inside = self.stopped = False
        self.written: set[int] = set()
        self.moved: list[Moved] = []
        self.filled: list[int] = []
        self._starts = array("q")
        self._sites = array("q")
        self.functions = _Functions(self)
        self.dispatch = _Dispatch(self)

    def start(self) -> None:
        """Switch both modes on, in this thread."""
        self.thread = get_ident()
        _running.add(self)
        self.dispatch.__enter__()
        self.functions.__enter__()

    def stop(self) -> bool:
        """Switch both off; False where another mode stands on one of them, so that they must stay, silent."""
        if _function_mode() is not self.functions or _dispatch_mode() is not self.dispatch:
            self.silence()
            return False
        self.functions.__exit__(None, None, None)
        self.dispatch.__exit__(None, None, None)
        return True

    def silence(self) -> None:
        """Record nothing from here on, though a mode may still be on."""
        self.inside = self.stopped = True

    # ------------------------------------------------------------------------------------------ places

    def waiting_place(self) -> int:
        """The line of the thread that traces, for an op in one of autograd's own: whoever started that one waits."""
        return 0 if get_ident() == self.thread else self.places.number(sys._current_frames().get(self.thread))

    def noted(self, start: int, place: int) -> None:
        """Remember that the nodes of autograd from a number on were recorded at a place."""
        if self._starts and start <= self._starts[-1]:
            return
        self._starts.append(start)
        self._sites.append(place)
        if self.keep is not None and len(self._starts) > 2 * self.keep + 64:
            del self._starts[: self.keep], self._sites[: self.keep]

    def forward_place(self, node: Any) -> int:
        """Where the op was called that a node of autograd differentiates; 0 where that is not known."""
        try:
            number = node._sequence_nr()
        except (AttributeError, RuntimeError):
            return 0
        found = bisect_right(self._starts, number) - 1
        return self._sites[found] if found >= 0 else 0

    # ------------------------------------------------------------------------------------------- steps

    def add(self, step: Raw) -> None:
        """Keep a step, and count it."""
        self.steps.append(step)
        self.effects[step[2]] += 1
        if step[3]:
            key = (step[0], step[8], step[1])
            line = self.lines.get(key)
            if line is None:
                self.lines[key] = [1, step[3], step]
                return
            line[0] += 1
            line[1] += step[3]
            if step[3] > line[2][3]:
                line[2] = step

    def forget(self) -> None:
        """Forget what one op moved and wrote."""
        for number in self.filled:
            _free_weak_ref(number)
        self.filled = []
        self.moved = []
        self.written.clear()

    def note_aten(self, row: AtenRow, args: Sequence[Any], kwargs: dict[str, Any], out: Any) -> int:
        """Note what an aten op moved and wrote, and give the bytes moved."""
        written = None
        if row.writes:
            for tensor in written_by(row, args, kwargs):
                number = storage_number(tensor)
                written = tensor if written is None else written
                if number is not None:
                    self.written.add(number)
        if row.moves or (row.moved_argument is not None and not _accumulates(row, args, kwargs)):
            return self._note_moved(row, args, kwargs, written if written is not None else out)
        return 0

    def _note_moved(self, row: AtenRow, args: Sequence[Any], kwargs: dict[str, Any], target: Any) -> int:
        source: Any
        if row.moved_argument is not None:
            values = args[row.moved_argument] if row.moved_argument < len(args) else kwargs.get("values")
            if not isinstance(values, Tensor) or not values.ndim:
                return 0
            nbytes, source = _nbytes(values), values
        elif row.name == "_foreach_copy_":
            nbytes, source, target = sum(map(_nbytes, args[0])), args[1][0], args[0][0]
        else:
            first = (
                target if isinstance(target, Tensor) else next((x for x in target or () if isinstance(x, Tensor)), None)
            )
            if first is None:
                return 0
            nbytes = _nbytes(first) if isinstance(target, Tensor) else sum(_nbytes(x) for x in target)
            copies_into = row.name == "copy_"
            source = args[1] if copies_into and len(args) > 1 else args[0] if args else None
            if isinstance(source, (list, tuple)):
                source = source[0] if source else None
            if copies_into and source is first:
                return 0
            target = first
        if nbytes:
            read = facts(source)[0] if isinstance(source, Tensor) else None
            self.moved.append((row.name, read, facts(target)[0], nbytes))
        with suppress(Exception):  # a tensor without a storage cannot be told by one
            self.filled.append(target.untyped_storage()._weak_ref())
        return nbytes


def _nbytes(x: torch.Tensor) -> int:
    return int(x.numel() * x.element_size())


def _accumulates(row: AtenRow, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    return row.name in ("index_put_", "_index_put_impl_", "put_") and bool(
        args[3] if len(args) > 3 else kwargs.get("accumulate", False)
    )


def _tensors(values: Any) -> list[torch.Tensor]:
    """The tensors among arguments or results, and directly inside lists and tuples there."""
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += [item for item in value if isinstance(item, Tensor)]
    return found


class _Functions(TorchFunctionMode):  # type: ignore[misc]  # torch is Any to mypy
    """Sees what was called."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        row = FUNCTIONS.get(func) or function_row(func)
        recorder = self.recorder
        if row.quiet or recorder.inside:
            return func(*args, **kwargs) if kwargs else func(*args)
        place = recorder.places.number(sys._getframe(1)) or recorder.waiting_place()
        given = _tensors(args)
        if kwargs:
            given += _tensors(kwargs.values())
        if given:
            before, before_storage = facts(given[0])
            if before_storage is None and is_transformed(given[0]):
                return func(*args, **kwargs) if kwargs else func(*args)
            held = {before_storage}
            if len(given) > 1:
                held.update(map(storage_number, given))
        else:
            before, before_storage = _NONE
            held = _NO_STORAGES
        start, seen = _sequence(), recorder.seen
        recorder.inside = True
        try:
            out = func(*args, **kwargs) if kwargs else func(*args)
        except BaseException:
            recorder.inside = False
            below = recorder.seen - seen
            recorder.add((place, row.name, "refused", 0, before, before_storage, None, None, 0, below, ()))
            recorder.forget()
            raise
        recorder.inside = False
        if _sequence() != start:
            recorder.noted(start, place)
        if isinstance(out, Tensor):
            results: Sequence[torch.Tensor] = (out,)
        elif isinstance(out, (list, tuple)):
            results = [item for item in out if isinstance(item, Tensor)]
        else:
            results = ()
        moved = recorder.moved
        if results or moved or recorder.written:
            self._keep(row, place, given, (before, before_storage), held, results, recorder.seen - seen)
        if recorder.filled or recorder.written:
            recorder.forget()
        return out

    def _keep(
        self,
        row: FunctionRow,
        place: int,
        given: list[torch.Tensor],
        seen_before: Seen,
        held: set[int | None],
        results: Sequence[torch.Tensor],
        below: int,
    ) -> None:
        recorder = self.recorder
        before, before_storage = seen_before
        written = recorder.written
        effect: Effect
        result: torch.Tensor | None
        if results:
            result = results[0]
            after, after_storage = facts(result)
            if len(results) > 1 and after_storage in held:
                # Several, of which any may be new.
                new = next((x for x in results if storage_number(x) not in held), None)
                if new is not None:
                    result = new
                    after, after_storage = facts(new)
        else:
            result = None
            after, after_storage = facts(given[0]) if given and written else _NONE
        if after_storage is None:
            effect = _without_storage(given, result, after, before, bool(written), bool(recorder.moved))
        elif after_storage in written and after_storage in held:
            effect = "write"
        elif after_storage in held:
            unchanged = after[:5] == before[:5] and after_storage == before_storage
            kept = row.may_keep or any(result is x for x in given)
            effect = "same" if unchanged and kept else "view"
        elif any(result is x for x in given):
            effect = "view"  # it was given another storage, as by `set_`
        else:
            effect = "copy" if after_storage in recorder.filled else "alloc"
        moved = recorder.moved
        copied = sum([item[3] for item in moved]) if moved else 0
        recorder.add(
            (
                place,
                row.name,
                effect,
                copied,
                before,
                before_storage,
                after,
                after_storage,
                0 if (node := _node()) is None else recorder.forward_place(node),
                below,
                tuple(moved) if moved else (),
            )
        )


def _without_storage(
    given: list[torch.Tensor], result: torch.Tensor | None, after: Any, before: Any, written: bool, moved: bool
) -> Effect:
    """The effect where the result has no storage to tell it by: of a sparse tensor, or of none."""
    if written and (result is None or any(result is x for x in given)):
        return "write"
    if result is not None and any(result is x for x in given):
        return "same" if after == before else "view"
    return "copy" if moved else "alloc"


class _Dispatch(TorchDispatchMode):  # type: ignore[misc]  # as above
    """Sees what was run."""

    supports_higher_order_operators = True

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # torch's own guard imports torch._dynamo, which takes seconds; `keep_uncompiled` below is one that does not.
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        row = ATEN.get(func) or aten_row(func)
        recorder = self.recorder
        recorder.seen += 1
        if recorder.inside:
            if row.plain or recorder.stopped:
                return func(*args, **kwargs) if kwargs else func(*args)
            return self._below(row, func, args, kwargs or {})
        if FUNCTION_MODES():
            # Questions to tensors would be put to the function mode first.
            with _C.DisableTorchFunction():
                return self._step(row, func, args, kwargs or {})
        return self._step(row, func, args, kwargs or {})

    def _below(self, row: AtenRow, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if row.composite:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        out = func(*args, **kwargs)
        self.recorder.note_aten(row, args, kwargs, out)
        return out

    def _step(self, row: AtenRow, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        recorder = self.recorder
        if row.composite:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        given = _tensors(args)
        before, before_storage = facts(given[0]) if given else _NONE
        out = func(*args, **kwargs) if kwargs else func(*args)
        result = out if isinstance(out, Tensor) else next(iter(_tensors((out,))), None)
        copied = 0 if row.plain else recorder.note_aten(row, args, kwargs, out)
        if result is None and not recorder.written:
            recorder.forget()
            return out
        after, after_storage = facts(result if result is not None else given[0])
        effect: Effect
        if after_storage in recorder.written or (result is None and recorder.written):
            effect = "write"
        elif after_storage is not None and (
            after_storage == before_storage or any(after_storage == storage_number(x) for x in given[1:])
        ):
            effect = "same" if any(result is x for x in given) and after == before else "view"
        elif any(result is x for x in given):
            effect = "view"
        else:
            effect = "copy" if after_storage in recorder.filled else "alloc"
        node = _node()
        moved = recorder.moved
        recorder.add(
            (
                recorder.places.number(sys._getframe(2)) or recorder.waiting_place(),
                row.name,
                effect,
                copied,
                before,
                before_storage,
                after,
                after_storage,
                0 if node is None else recorder.forward_place(node),
                ITSELF,
                tuple(moved),
            )
        )
        if recorder.filled or recorder.written:
            recorder.forget()
        return out


keep_uncompiled(_Functions.__torch_function__, _Dispatch.__torch_dispatch__)
