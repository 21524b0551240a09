"""Who is on stage at a step: the tensors a reader would want to see side by side, and the storages under them.

Problem: a history is a list of ops, while a picture needs the tensors that exist at a moment: every name, what the
step just made, and what a later step will still read though it never got a name (the parts of a `cat`). Method: names
follow from what each step bound; a tensor without a name stays until the last step that reads it. Storages are
collected from their tensors; the range of the colour ramp is that of the whole history, so that an address never
changes its colour.

Cost: linear in the steps, once for a history; then O(tensors on stage).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

from stridescope.scene.track import Track

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stridescope.records import History, ReadValues, Step, TensorInfo

__all__ = ["Cast", "Casting", "Member", "Stored", "storage_key"]

WHOLE_RAMP = 96
"""A storage of at most this many positions is coloured from end to end, whatever part of it is reached."""

NO_STORAGE = "layout"


class Member(NamedTuple):
    """A tensor on stage.

    Attributes:
        key: what `View.focus` and `Hit.tensor` call it; the same at every step that keeps it.
        name: the name the program gave it, or "" for none.
        step: the number of the step that made it; -1 for what was given.
        scale: positions of its storage's strip that one of its items takes.
        source: the text of the step that made it, for one without a name.
    """

    key: str
    name: str
    info: TensorInfo
    step: int
    scale: int = 1
    source: str = ""

    @property
    def storage(self) -> str:
        """The key of its storage."""
        return storage_key(self.info)


class Stored(NamedTuple):
    """A storage on stage.

    Attributes:
        info: a tensor that lies on it, for its device, dtype and size.
        unit: bytes of one position of the strip; 0 where no item size is known.
        held: how many positions it holds; None where that is unknown.
        alive: whether a tensor on stage still reaches it; else it is shown as what a copy was made from.
    """

    key: str
    info: TensorInfo
    unit: int
    held: int | None
    track: Track
    dtypes: tuple[str, ...]
    alive: bool = True


@dataclass(frozen=True)
class Cast:
    """The tensors and storages at one step.

    Attributes:
        step: the number of the step.
        newest: the key of the tensor that the step made, or is about.
        sources: for each tensor the step read, the key of a member of the step before, or None.
        read: the storages that the step read.
    """

    step: int
    members: tuple[Member, ...]
    storages: tuple[Stored, ...]
    newest: str | None
    sources: tuple[str | None, ...] = ()
    read: tuple[str, ...] = ()

    @cached_property
    def by_key(self) -> dict[str, Member]:
        """The members by key."""
        return {member.key: member for member in self.members}

    @cached_property
    def stored(self) -> dict[str, Stored]:
        """The storages by key."""
        return {stored.key: stored for stored in self.storages}

    def focused(self, key: str | None) -> Member | None:
        """The member a view speaks of: the one asked for, or the newest."""
        found = self.by_key.get(key or "") or self.by_key.get(self.newest or "")
        return found or (self.members[-1] if self.members else None)


def storage_key(info: TensorInfo) -> str:
    """What the stage calls a tensor's storage."""
    return NO_STORAGE if info.storage is None else info.storage.id


def _looks(info: TensorInfo) -> tuple[object, ...]:
    """Two tensors of which this is equal cannot be told apart on stage."""
    return storage_key(info), info.shape, info.stride, info.storage_offset, info.dtype


class Casting:
    """The casts of one history."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.steps = history.steps
        self._scopes: list[dict[str, tuple[TensorInfo, int]]] = []
        scope: dict[str, tuple[TensorInfo, int]] = {name: (info, -1) for name, info in history.given}
        for number, step in enumerate(self.steps):
            if step.bound:
                scope = dict(scope)
                for name, info in step.bound:
                    # Bound again: it goes to the end, where the newest stands.
                    scope.pop(name, None)
                    if info is not None:
                        scope[name] = (info, number)
            self._scopes.append(scope)
        self._last_use = self._last_uses()
        self._units: dict[str, int] = {}
        self._reach: dict[str, tuple[int, int]] = {}
        self._measure()
        self.cast = lru_cache(maxsize=256)(self._cast)
        self._members = lru_cache(maxsize=256)(self._members_at)

    def _last_uses(self) -> dict[int, int]:
        """For each step, the last one that reads what it made."""
        made: dict[object, int] = {}
        used: dict[int, int] = {}
        for number, step in enumerate(self.steps):
            for info in step.sources or ((step.before,) if step.before is not None else ()):
                maker = made.get(_looks(info))
                if maker is not None:
                    used[maker] = number
            for info in _made(step):
                made[_looks(info)] = number
        return used

    def _measure(self) -> None:
        """The unit of each storage, and the range of bytes that any step reaches of it."""
        infos = [info for _, info in self.history.given]
        infos += [info for step in self.steps for info in (*step.sources, *_made(step))]
        infos += [step.before for step in self.steps if step.before is not None]
        for info in infos:
            layout = info.layout
            if layout is None:
                continue
            key, size = storage_key(info), info.itemsize or 1
            self._units[key] = gcd(self._units.get(key, 0), size)
            if layout.numel:
                low, high = layout.span
                before = self._reach.get(key, (low * size, high * size))
                self._reach[key] = (min(before[0], low * size), max(before[1], high * size))

    def _cast(self, number: int) -> Cast:
        members = self._members(number)
        newest = self._newest(number - self._is_refused(number), members)
        read = tuple(dict.fromkeys(storage_key(info) for info in self._read(number)))
        return Cast(number, members, self._storages(number, members), newest, self._sources(number), read)

    def _read(self, number: int) -> tuple[TensorInfo, ...]:
        """The tensors that a step read."""
        if not self.steps:
            return ()
        step = self.steps[number]
        return step.sources or ((step.before,) if step.before is not None else ())

    def _is_refused(self, number: int) -> bool:
        return bool(self.steps) and self.steps[number].effect == "refused"

    def _members_at(self, number: int) -> tuple[Member, ...]:
        refused = self._is_refused(number)
        at = number - refused
        scope = self._scopes[number] if self._scopes else {}
        members = [Member(name, name, info, made, self.scale(info)) for name, (info, made) in scope.items()]
        shown = {_looks(member.info) for member in members}
        # A step that only hands over what has a name already made nothing new.
        for maker in range(at + 1):
            if maker != at and self._last_use.get(maker, -1) <= number - refused:
                continue
            infos = list(_made(self.steps[maker]))
            for place, info in enumerate(infos):
                if _looks(info) in shown and (info.name or maker != at or _is_named(scope, info)):
                    continue
                key = f"#{maker}" if len(infos) == 1 else f"#{maker}.{place}"
                if all(member.key != key for member in members):
                    source = self.steps[maker].source
                    name, text = ("", source) if len(infos) == 1 else (f"[{place}]", f"{source}[{place}]")
                    members.append(Member(key, name, info, maker, self.scale(info), text))
        return tuple(members)

    def _newest(self, at: int, members: Sequence[Member]) -> str | None:
        infos = list(_made(self.steps[at])) if 0 <= at < len(self.steps) else []
        for info in infos[:1]:
            for member in reversed(members):
                if _looks(member.info) == _looks(info) and (not info.name or member.name == info.name):
                    return member.key
        return members[-1].key if members else None

    def _sources(self, number: int) -> tuple[str | None, ...]:
        if number == 0:
            return ()
        step, before = self.steps[number], self._members(number - 1)
        infos = step.sources or ((step.before,) if step.before is not None else ())
        return tuple(_holder(info, before) for info in infos)

    def _storages(self, number: int, members: Sequence[Member]) -> tuple[Stored, ...]:
        found: dict[str, list[TensorInfo]] = {}
        step = self.steps[number] if self.steps else None
        sources: list[TensorInfo] = []
        if step is not None and step.effect == "copy":
            # Where a copy came from stays in the picture, also where nothing else reaches it any more.
            sources = list(step.sources[: len(step.copy.sources)] if step.copy is not None else step.sources[:1])
        for info in sources:
            found.setdefault(storage_key(info), []).append(info)
        alive = {member.storage for member in members}
        for member in members:
            found.setdefault(member.storage, []).append(member.info)
        order = sorted(found, key=lambda key: min((m.step for m in members if m.storage == key), default=-1))
        return tuple(
            self._stored(key, found[key], key in alive)
            for key in order
            if any(info.layout is not None for info in found[key])
        )

    def _stored(self, key: str, infos: list[TensorInfo], alive: bool) -> Stored:
        unit = self._units.get(key, 1)
        info = infos[0]
        nbytes = None if info.storage is None else info.storage.nbytes
        sized = any(one.itemsize for one in infos)
        held = nbytes // unit if nbytes is not None and sized else None
        reach = self._reach.get(key)
        low, high = (0, 0) if reach is None else (reach[0] // unit, -(-reach[1] // unit))
        span = (low, high)
        low, high = min(low, 0), max(high, held or 0)
        whole = high - low <= WHOLE_RAMP or reach is None
        dtypes = tuple(dict.fromkeys(one.dtype or "elements" for one in infos))
        return Stored(
            key, info, unit if sized else 0, held, Track(low, high, (low, high) if whole else span), dtypes, alive
        )

    def scale(self, info: TensorInfo) -> int:
        """Positions of its storage's strip that an item of a tensor takes."""
        return (info.itemsize or 1) // (self._units.get(storage_key(info)) or 1) or 1

    def reader(self, number: int, member: Member) -> ReadValues | None:
        """Reads the values of a member as they are at a step; None where that is not known."""
        storage, dtype = member.storage, member.info.dtype
        for step in reversed(self.steps[: number + 1]):
            for info in _made(step):
                if storage_key(info) == storage:
                    same = info.dtype == dtype and info.notes == member.info.notes
                    if same and step.values is not None:
                        return step.values
                    if step.effect == "write":
                        # Written since through another type: what this one reads there was not kept.
                        return None
        return self._given_reader(member)

    def _given_reader(self, member: Member) -> ReadValues | None:
        """Reads what a member was before the first step, for storages that no step has touched."""
        looks = storage_key(member.info), member.info.dtype, member.info.notes
        pairs = zip(self.history.given, self.history.given_values, strict=False)
        return next((read for (_, info), read in pairs if (storage_key(info), info.dtype, info.notes) == looks), None)


def _made(step: Step) -> Iterator[TensorInfo]:
    """The tensors a step gave."""
    if step.tensor is not None:
        yield step.tensor
    yield from step.tensors


def _is_named(scope: dict[str, tuple[TensorInfo, int]], info: TensorInfo) -> bool:
    return any(_looks(other) == _looks(info) for other, _ in scope.values())


def _holder(info: TensorInfo, members: Sequence[Member]) -> str | None:
    """The member that is a tensor: one of its name first, else the newest that looks like it."""
    alike = [member for member in members if _looks(member.info) == _looks(info)]
    named = [member for member in alike if info.name and member.name == info.name]
    return (named or alike[::-1])[0].key if alike else None
