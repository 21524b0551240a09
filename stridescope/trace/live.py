"""`ss.storages`: tensors by the storage they lie in, of something that holds them, or all that are alive.

Problem: which view keeps 4 GB, and who holds it. Method: the garbage collector knows every tensor that Python knows;
each is asked for its layout and its storage, and those of one storage are put together. Gradients have no Python object
before they are asked for, so each leaf is asked. A view of autograd's keeps the tensor that it was made from, which
nobody can reach any more: such a one does not count. What only C++ holds is not seen: where torch counts what it
allocated, a note says how much that is. Of a model, a dict, an optimizer the tensors are walked by name.

Cost: a scan of the collector's objects, and about a microsecond a tensor; the bytes reached are counted for those
storages alone that no single tensor covers; where there are views, one walk over all references. Nothing is kept of a
tensor but its layout: for `holders` it is looked for once more.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stridescope.errors import UnreadableError
from stridescope.records import History, TensorInfo
from stridescope.records.storage_maps import HeldStorage, Lazy, StorageMap, reached_nbytes

if TYPE_CHECKING:
    from stridescope.records.storage_maps import Holder

__all__ = ["storages"]

DEEPEST = 50


def storages(obj: Any = None) -> StorageMap:
    """Storages, what lies in each, and the bytes of each that no tensor reaches.

    Args:
        obj: a model, an optimizer, a checkpoint, a tensor, or a dict, list or dataclass of them; every live tensor of
            this process if None.

    Returns:
        `StorageMap`: `.storages`, most retained bytes first, each with `nbytes, used_nbytes, unused_nbytes` (bytes),
        `device`, `tensors`, `freed_by_clone`, and `holders()`, which looks for who holds a tensor.

    Raises:
        UnreadableError: there is no tensor in `obj`.

    >>> import torch
    >>> big = torch.zeros(1000)
    >>> [(held.nbytes, held.unused_nbytes) for held in storages({"slice": big[10:20]})]
    [(4000, 3960)]
    """
    if obj is None:
        return _alive()
    for test, read in KINDS:
        if test(obj):
            return read(obj)
    raise UnreadableError(f"got a value of type {type(obj).__qualname__}, and there is no tensor in it")


# All that is alive --------------------------------------------------------------------------------

_Row = tuple[int, int, int, Any, bool]
"""(minus the bytes retained, minus the bytes, number of the storage, its only layout or a list of them, exact): rows
sort as they are, which spares a call for each."""


def _alive() -> StorageMap:
    torch = sys.modules.get("torch")
    if getattr(torch, "Tensor", None) is None:
        return StorageMap("live tensors", (), ("torch is not imported in this process, so no tensor of its is alive",))
    collecting = gc.isenabled()
    # What is made here is no garbage, and looking for some among 100,000 tensors takes longer than all the rest.
    gc.disable()
    try:
        tensors = _live_tensors(torch)
        single, several, without = _grouped(tensors)
        rows = sorted(_rows(single, several))
    finally:
        if collecting:
            gc.enable()
    notes = _unseen(torch, rows)
    if without:
        notes.append(f"{without:,} tensors have no storage of their own (sparse, nested, wrapped) and are left out")
    count = len(single) + sum(map(len, several.values()))
    sums = count, -sum([row[1] for row in rows]), -sum([row[0] for row in rows])
    return StorageMap("live tensors", Lazy(rows, _held), tuple(notes), sums)


def _live_tensors(torch: Any) -> list[Any]:
    """The tensors that the collector follows."""
    base = torch.Tensor
    kinds: dict[type, bool] = {base: True}
    found = []
    for x in gc.get_objects():
        kind = type(x)
        if kind not in kinds:
            kinds[kind] = issubclass(kind, base)
        if kinds[kind]:
            found.append(x)
    return found


def _grouped(tensors: list[Any]) -> tuple[dict[int, Any], dict[int, list[Any]], int]:
    """By the number of a storage: its only layout; where there are several, all; and how many tensors have none.

    Gradients that had no Python object are added to the tensors.
    """
    from stridescope.trace.facts import facts

    single: dict[int, Any] = {}
    several: dict[int, list[Any]] = {}
    without = 0
    bases: dict[int, tuple[int, Any]] = {}
    known: set[int] | None = None
    for x in tensors:
        key, number = facts(x)
        if number is None:
            without += 1
            continue
        if number in single:
            several[number] = [single.pop(number), key]
        elif number in several:
            several[number].append(key)
        else:
            single[number] = key
        if (len(key) == 1 or key[6]) and x.requires_grad and x.is_leaf and x.grad is not None:
            known = set(map(id, tensors)) if known is None else known
            if id(x.grad) not in known:
                tensors.append(x.grad)
                known.add(id(x.grad))
        elif x._is_view() and x._base is not None:  # noqa: SLF001 - torch has no public way to ask
            bases[id(x._base)] = number, facts(x._base)[0]  # noqa: SLF001
    for number, key in _held_by_views_alone(bases, tensors):
        several[number].remove(key)
    return single, several, without


def _held_by_views_alone(bases: Mapping[int, tuple[int, Any]], tensors: list[Any]) -> list[tuple[int, Any]]:
    """The tensors that nothing holds but their own views, which autograd lets hold them: nobody can reach these."""
    if not bases:
        return []
    from stridescope.trace.holders import locals_by_id

    scanned = [x for x in gc.get_objects() if x is not tensors and x is not bases]
    reached = set(map(id, gc.get_referents(*scanned))) & bases.keys()
    # Among what was scanned are frames that hold it: left as it is, it would be kept until the next collection.
    scanned.clear()
    reached |= locals_by_id().keys() & bases.keys()
    alive = set(map(id, tensors))
    return [found for base, found in bases.items() if base in alive and base not in reached]


def _rows(single: Mapping[int, Any], several: Mapping[int, list[Any]]) -> Iterator[_Row]:
    # Layouts are shared by tensors that lie alike, and what follows from one is worked out once.
    known: dict[int, tuple[int, int, bool]] = {}
    for number, key in single.items():
        found = known.get(id(key))
        if found is None:
            nbytes = _size(key)
            used, exact = _used(number, [key], nbytes)
            found = known[id(key)] = min(used - nbytes, 0), -nbytes, exact
        yield found[0], found[1], number, key, found[2]
    for number, keys in several.items():
        nbytes = _size(keys[0])
        used, exact = _used(number, keys, nbytes)
        yield min(used - nbytes, 0), -nbytes, number, keys, exact


def _held(row: _Row) -> HeldStorage:
    """A storage as a record."""
    from stridescope.trace.facts import info_of

    retained, size, number, layouts, exact = row
    keys = layouts if isinstance(layouts, list) else [layouts]
    storage = f"{number:#x}"
    infos = Lazy(keys, lambda key: info_of(key, storage))

    def find(place: int) -> tuple[Holder, ...]:
        from stridescope.trace.holders import holders

        return holders(_again(number, keys[place], sum(key is keys[place] for key in keys[:place])))

    return HeldStorage(storage, -size, infos[0].device, retained - size, infos, exact, find)


def _again(number: int, key: Any, which: int) -> Any:
    """The live tensor with a layout in a storage, found once more: nothing was kept of it. None if it is gone."""
    from stridescope.trace.facts import facts

    for x in _live_tensors(sys.modules["torch"]):
        seen = facts(x)
        if seen == (key, number):
            if not which:
                return x
            which -= 1
    return None


def _size(key: Any) -> int:
    if len(key) == 1:
        info: TensorInfo = key[0]
        return info.storage.nbytes or 0 if info.storage is not None else 0
    return int(key[5])


def _used(number: int, keys: list[Any], nbytes: int) -> tuple[int, bool]:
    """The bytes reached: at once where one dense tensor reaches all, or is the only one."""
    for key in keys:
        dense = _dense_nbytes(key)
        if dense == nbytes or (dense is not None and len(keys) == 1):
            return dense, True
    from stridescope.trace.facts import info_of

    storage = f"{number:#x}"
    return reached_nbytes([info_of(key, storage) for key in keys], nbytes)


@lru_cache(maxsize=4096)
def _dense_nbytes(key: Any) -> int | None:
    """The bytes of a contiguous tensor; None for another."""
    if len(key) == 1:
        return None
    expected = 1
    for size, step in zip(reversed(key[0]), reversed(key[1]), strict=True):
        if size == 0:
            return 0
        if size != 1:
            if step != expected:
                return None
            expected *= size
    return int(expected * key[3].itemsize)


def _ranked(held: Iterable[HeldStorage]) -> tuple[HeldStorage, ...]:
    return tuple(sorted(held, key=lambda storage: (-storage.unused_nbytes, -storage.nbytes)))


def _unseen(torch: Any, rows: list[_Row]) -> list[str]:
    """What torch allocated on a GPU beyond what tensors of Python's hold."""
    notes: list[str] = []
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_available() or not cuda.is_initialized():
        return notes
    for device in range(cuda.device_count()):
        seen = -sum(row[1] for row in rows if _device(row[3]) == f"cuda:{device}")
        allocated = cuda.memory_allocated(device)
        if allocated > seen:
            notes.append(
                f"cuda:{device}: {allocated:,} B allocated, {seen:,} B held by tensors that Python knows; the rest is "
                "held by autograd or C++, or is rounding"
            )
    return notes


def _device(layouts: Any) -> str:
    key = layouts[0] if isinstance(layouts, list) else layouts
    return str(key[4] if len(key) > 1 else key[0].device)


# What something holds -----------------------------------------------------------------------------


def _of_named(source: str, named: Iterable[tuple[str, Any]]) -> StorageMap:
    from stridescope.readers import inspect

    groups: dict[str, list[tuple[TensorInfo, Any]]] = {}
    without = 0
    for name, x in named:
        info = x.named(name or x.name) if isinstance(x, TensorInfo) else inspect(x, name or None)
        parts = [(part.named(f"{name}.{inner}"), None) for inner, part in info.parts] if info.storage is None else []
        for one, live in [(info, x), *parts]:
            if one.storage is not None and one.storage.nbytes is not None:
                groups.setdefault(one.storage.id, []).append((one, live))
            else:
                without += not parts
    held = []
    for storage, found in groups.items():
        infos = tuple(info for info, _ in found)
        nbytes = max(info.storage.nbytes or 0 for info in infos if info.storage is not None)
        used, exact = reached_nbytes(infos, nbytes)
        held.append(HeldStorage(storage, nbytes, infos[0].device, used, infos, exact))
    if not held and not without:
        raise UnreadableError(f"got {source}, and there is no tensor in it")
    notes = (f"{without:,} tensors have no storage that can be told, and are left out",) if without else ()
    return StorageMap(source, _ranked(held), notes)


def named_tensors(obj: Any, path: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """(name, tensor) of everything in an object, a gradient as `name.grad`; one held twice comes under both names."""
    from stridescope.readers import readable
    from stridescope.readers.objects import _children

    if readable(obj):
        yield path, obj
        if _is_a(obj, "torch", "Tensor") and obj.is_leaf and obj.requires_grad and obj.grad is not None:
            yield f"{path}.grad" if path else "grad", obj.grad
        return
    if id(obj) in above or len(above) > DEEPEST:
        return
    children = _of_optimizer(obj) if _is_a(obj, "torch.optim", "Optimizer") else _children(obj)
    for step, child in children or ():
        inner = step if not path or step.startswith("[") else f".{step}"
        yield from named_tensors(child, path + inner, (*above, id(obj)))


def _of_optimizer(optimizer: Any) -> Iterator[tuple[str, Any]]:
    """An optimizer's parameters and its states, each state under the number of its parameter."""
    number = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            yield f"params[{number}]", parameter
            state = optimizer.state.get(parameter)
            if isinstance(state, Mapping):
                yield f"state[{number}]", state
            number += 1


def _is_a(obj: Any, module: str, name: str) -> bool:
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and issubclass(type(obj), cls)


def _of_history(history: Any) -> StorageMap:
    """The tensors that a program's names stand for at its end; of one chain, what it came to."""
    final = history.final
    named = history.aliases or (() if final is None else ((final.op, final.tensor),))
    return _of_named("the program", named)


def _is_checkpoint(obj: Any) -> bool:
    from stridescope.records import Checkpoint

    return isinstance(obj, Checkpoint)


def _of_checkpoint(checkpoint: Any) -> StorageMap:
    held = [
        HeldStorage(
            stored.id,
            stored.nbytes,
            stored.device,
            stored.used_nbytes,
            Lazy(stored.tensors, checkpoint.part),
            stored.exact,
        )
        for stored in checkpoint.storages
    ]
    return StorageMap(checkpoint.path, _ranked(held), checkpoint.notes)


KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], StorageMap]], ...] = (
    (lambda obj: isinstance(obj, StorageMap), lambda obj: obj),
    (_is_checkpoint, _of_checkpoint),
    (lambda obj: isinstance(obj, History), _of_history),
    (lambda obj: isinstance(obj, TensorInfo), lambda info: _of_named(info.type, [(info.name or "", info)])),
    (lambda _: True, lambda obj: _of_named(type(obj).__name__, named_tensors(obj))),
)
"""(whether a row is for an object, how its storages are told): the first row that is."""
