"""`ss.watch`: parameters, gradients and optimizer states across the phases of a training step.

Problem: what happened to 0.weight.grad in this phase: was it allocated, written, replaced, freed? Method: at both ends
of a phase each tensor is asked for its layout, its storage and its version counter; storages are held by torch's weak
references meanwhile, so that an address cannot come to mean another. During the phase a dispatch mode notes which
storages are written, and by which op: that tells zeroing from adding, and sees writes through `.data`, which leave
version counters alone.

While a phase runs, torch.compile runs the Python that it would have compiled, as under any mode.

Cost: about 2 us for each tensor at each end, half a microsecond for each op between.
"""

# ruff: noqa: SLF001 - torch has no public way to ask

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import InputError, UnreadableError
from stridescope.records.watches import Event, Phase, TensorEvent, WatchReport

if TYPE_CHECKING:
    from stridescope.records import TensorInfo
    from stridescope.trace.facts import Key

__all__ = ["Watch", "watch"]


def watch(model: Any, optimizer: Any = None, scheduler: Any = None) -> Watch:
    """Watch the storages of a model's parameters, their gradients and the optimizer's states while it trains.

    Args:
        model: a `torch.nn.Module`.
        optimizer: its optimizer, of any kind that keeps `param_groups` and `state`.
        scheduler: its learning rate scheduler; the rates that phases tell are the optimizer's own.

    Returns:
        `Watch`: `with w.phase("backward"): ...` around each phase, or `w.step(fn)` around a whole step, which finds
        the phases itself; then `w.phases`, `w.report`, `w.show()`, `w.to_dict()`.

    Raises:
        UnreadableError: `model` is no module, or `optimizer` no optimizer.

    >>> import torch
    >>> model = torch.nn.Linear(3, 2)
    >>> w = watch(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9))
    >>> with w.phase("backward"):
    ...     model(torch.ones(1, 3)).sum().backward()
    >>> w.phases[0].of("weight.grad").event
    'allocated'
    """
    from stridescope.modules.reading import is_module

    if not is_module(model):
        raise UnreadableError(f"got a value of type {type(model).__qualname__}, needed a torch.nn.Module to watch")
    if optimizer is not None and not (hasattr(optimizer, "param_groups") and hasattr(optimizer, "state")):
        raise UnreadableError(
            f"got a value of type {type(optimizer).__qualname__}, needed an optimizer, with param_groups and state"
        )
    return Watch(model, optimizer, scheduler)


class _Slot(NamedTuple):
    """A tensor at one moment."""

    key: Key
    storage: _Storage | None
    version: int | None


class _Storage:
    """The identity of a storage: its address, which stays its own while this lives."""

    __slots__ = ("_free", "number")

    def __init__(self, tensor: Any) -> None:
        storage = tensor.untyped_storage()
        self.number: int = storage._weak_ref()
        self._free = storage._free_weak_ref

    def __del__(self) -> None:
        self._free(self.number)


class Watch:
    """What has been watched so far; made by `watch`.

    Attributes:
        phases: the phases that have ended.
    """

    def __init__(self, model: Any, optimizer: Any, scheduler: Any) -> None:
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.phases: list[Phase] = []
        self._running: str | None = None

    @property
    def report(self) -> WatchReport:
        """The phases so far, as a value."""
        return WatchReport(tuple(self.phases))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Watch what a block does, under a name. A block that raises is a phase all the same.

        Raises:
            InputError: another phase is running.
        """
        from stridescope.trace.writes import Writes

        if self._running is not None:
            raise InputError(f"phase {name!r} begins in phase {self._running!r}: end one before the next")
        self._running = name
        before = self._snapshot()
        mode = Writes()
        try:
            with mode:
                yield
        finally:
            self._running = None
            self._end(name, before, mode.written)

    def step(self, function: Callable[[], Any]) -> Any:
        """Run one step of training, its phases found by what it calls: zero_grad, forward, backward, step.

        Args:
            function: runs the whole step; what it returns is returned.

        Raises:
            InputError: a phase is running.
        """
        from stridescope.trace.writes import Splitting

        if self._running is not None:
            raise InputError(f"a step begins in phase {self._running!r}: end that one before")
        state = {"before": self._snapshot()}

        def cut(ended: str) -> None:
            before, state["before"] = state["before"], self._snapshot()
            self._end(ended, before, mode.take(), skip_if_idle=ended == "between")

        mode = Splitting(self.optimizer, cut)
        self._running = "step"
        try:
            with mode:
                return function()
        finally:
            self._running = None
            cut("between")

    def show(self, file: Any = None) -> None:
        """Print what was watched; to standard output unless `file` is given."""
        self.report.show(file)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of what was watched."""
        return self.report.to_dict()

    def __repr__(self) -> str:
        return f"Watch({type(self.model).__name__}, phases: {', '.join(phase.name for phase in self.phases) or 'none'})"

    def __rich__(self) -> Any:
        return self.report

    # ---------------------------------------------------------------------------------------- snapshots

    def _snapshot(self) -> dict[tuple[str, str], _Slot | None]:
        """(kind, name) -> the tensor now; None for a gradient that is not there."""
        found: dict[tuple[str, str], _Slot | None] = {}
        states: Any = getattr(self.optimizer, "state", None) or {}
        for name, parameter in self._parameters():
            found["parameter", name] = _slot(parameter)
            if parameter.requires_grad or parameter.grad is not None:
                found["gradient", f"{name}.grad"] = None if parameter.grad is None else _slot(parameter.grad)
            for label, tensor in _tensors_of("", states.get(parameter)):
                found["state", f"{name}{label}"] = _slot(tensor)
        for name, buffer in self._buffers():
            found["buffer", name] = _slot(buffer)
        return found

    def _parameters(self) -> Iterator[tuple[str, Any]]:
        """The model's, and those of the optimizer that are not the model's."""
        seen = set()
        for name, parameter in self.model.named_parameters():
            seen.add(id(parameter))
            yield name, parameter
        for group in getattr(self.optimizer, "param_groups", ()):
            for number, parameter in enumerate(group["params"]):
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"optimizer.params[{number}]", parameter

    def _buffers(self) -> Iterator[tuple[str, Any]]:
        """The model's, and the states of metrics (torchmetrics), which are registered nowhere else."""
        yield from self.model.named_buffers()
        for path, module in self.model.named_modules():
            held = vars(module)
            for name in held.get("_defaults", ()) if "_reductions" in held else ():
                yield from _tensors_of(f"{path}.{name}" if path else name, held.get(name))

    def _end(
        self,
        name: str,
        before: dict[tuple[str, str], _Slot | None],
        written: Mapping[int, dict[str, bool]],
        skip_if_idle: bool = False,
    ) -> None:
        after = self._snapshot()
        events = []
        for kind, label in dict.fromkeys((*before, *after)):
            old, new = before.get((kind, label)), after.get((kind, label))
            ops = written.get(new.storage.number, {}) if new is not None and new.storage is not None else {}
            event = _event(kind, old, new, ops)
            owner = after.get(("parameter", label.removesuffix(".grad"))) if kind == "gradient" else None
            versions = None if old is None else old.version, None if new is None else new.version
            note = _layout_note(new, owner)
            events.append(TensorEvent(label, kind, event, _info(old), _info(new), versions, tuple(ops), note))
        if skip_if_idle and all(event.event in ("kept", "absent") for event in events):
            return
        groups = getattr(self.optimizer, "param_groups", ())
        lr = tuple(float(group["lr"]) for group in groups if "lr" in group)
        self.phases.append(Phase(name, tuple(events), _nbytes(after), lr))


def _slot(tensor: Any) -> _Slot:
    from stridescope.trace.facts import facts

    key, number = facts(tensor)
    try:
        version = tensor._version
    except RuntimeError:
        version = None  # an inference tensor counts nothing
    return _Slot(key, None if number is None else _Storage(tensor), version)


def _tensors_of(label: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The tensors of an optimizer's state, by attribute, and inside lists and dicts there (Shampoo, LBFGS)."""
    import torch

    if isinstance(value, torch.Tensor):
        yield label, value
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _tensors_of(f"{label}[{number}]", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors_of(f"{label}.{key}", item)


_ZEROING = frozenset(("zero_", "_foreach_zero_", "zeros.out", "fill_ 0"))


def _event(kind: str, old: _Slot | None, new: _Slot | None, ops: dict[str, bool]) -> Event:
    """What became of a storage; `ops` wrote to it, each with whether autograd ran it."""
    if old is None or new is None:
        table: dict[tuple[bool, bool], Event] = {
            (False, False): "absent",
            (False, True): "allocated",
            (True, False): "freed",
        }
        return table[old is not None, new is not None]
    if (old.storage and old.storage.number) != (new.storage and new.storage.number):
        return "replaced"
    if ops:
        last = next(reversed(ops))
        if last in _ZEROING:
            return "zeroed"
        return "accumulated into the same storage" if kind == "gradient" and ops[last] else "written in place"
    if old.version != new.version:
        return "written in place"
    return "kept"


def _info(slot: _Slot | None) -> TensorInfo | None:
    from stridescope.trace.facts import info_of

    if slot is None:
        return None
    return info_of(slot.key, None if slot.storage is None else f"{slot.storage.number:#x}")


def _layout_note(gradient: _Slot | None, parameter: _Slot | None) -> str:
    """What DistributedDataParallel says of a gradient that lies unlike its parameter, in words."""
    if gradient is None or parameter is None or min(len(gradient.key), len(parameter.key)) == 1:
        return ""
    shape, mine, its = gradient.key[0], gradient.key[1], parameter.key[1]
    if tuple(shape) != tuple(parameter.key[0]) or mine == its:
        return ""
    dims = [dim for dim, size in enumerate(shape) if size != 1 and mine[dim] != its[dim]]
    if not dims:
        return f"strides {mine} of the gradient and {its} of the parameter differ on size-1 dims alone: no address does"
    which = f"dim{'s' if len(dims) > 1 else ''} {', '.join(map(str, dims))}"
    return (
        f"the gradient lies as {mine}, its parameter as {its}: they differ on {which}, so DistributedDataParallel "
        "warns that grad strides do not match bucket view strides, and copies"
    )


def _nbytes(slots: Mapping[tuple[str, str], _Slot | None]) -> tuple[tuple[str, int], ...]:
    """Bytes of the storages of each kind, one that is shared counted once, under the first kind."""
    sums: dict[str, int] = {}
    seen: set[int] = set()
    words = {"parameter": "parameters", "gradient": "gradients", "state": "optimizer state", "buffer": "buffers"}
    for (kind, _), slot in slots.items():
        if slot is None or slot.storage is None or slot.storage.number in seen or len(slot.key) == 1:
            continue
        seen.add(slot.storage.number)
        sums[words[kind]] = sums.get(words[kind], 0) + slot.key[5]
    return tuple(sums.items())
