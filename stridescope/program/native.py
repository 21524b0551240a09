"""The engine on real torch and numpy: the same rows, called for real.

Problem: the algebra claims what torch does; here torch says so itself. The same row must become the same
call, and the answer must be judged by what is there, not by what the op's name promises. Method: the
algebra runs beside it on shadows of the same tensors. It tells before each call how much would be
allocated, so nothing huge ever is; and it gives our words where torch refuses. The effect is read off the
result: an input itself, memory of an input, or new memory.

Cost: that of the ops themselves. What a program allocates is kept until the engine goes, at most
`max_bytes` in all.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stridescope.errors import IllegalOp, InputError, ProgramError
from stridescope.program.algebra import AlgebraEngine
from stridescope.program.calls import call, checked_device, host_value, is_instance, library_of, words_of
from stridescope.program.chores import check_listed
from stridescope.program.ops import Outcome
from stridescope.program.signature import Parameter, parameters
from stridescope.program.tensor import Tensor
from stridescope.readers import inspect, read_values
from stridescope.records import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stridescope.program.ops import Op, Owner
    from stridescope.records import ReadValues, TensorInfo

__all__ = ["MAX_BYTES", "NativeEngine"]

MAX_BYTES = 2**31
"""What one program may allocate in all, in bytes."""

_REMEMBERED = 4096
"""Elements of a storage whose values are kept as they were; of a larger one, until the next write."""

_UNCHECKED = frozenset([("np", "lib.stride_tricks.as_strided"), ("torch", "from_dlpack"), ("np", "from_dlpack")])
"""What reads stray memory or ends the process where it should raise: called only if the algebra allows it."""


_UNBOUNDED = frozenset(["repeat_interleave"])
"""Ops whose results are as large as a value says."""


class NativeEngine:
    """Runs programs on real torch and numpy.

    Args:
        device: where tensors go that a program creates without naming a device itself.
        max_bytes: what one program may allocate in all.

    Raises:
        TargetError: the device is not there.
    """

    name = "torch"

    def __init__(self, device: str | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._device = None if device is None else checked_device(device)
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._algebra = AlgebraEngine()
        # The real tensor is kept beside its shadow: ids and addresses are good while their object lives.
        self._shadows: dict[int, tuple[Any, Any]] = {}
        self._kept: list[Any] = []
        self._writes = 0
        self._remembered: dict[tuple[Any, ...], list[Any]] = {}

    # ----------------------------------------------------------------------------------------- tensors

    def is_tensor(self, value: Any) -> bool:
        """Whether `value` is a torch tensor or a numpy array."""
        return is_instance(value, "torch", "Tensor") or is_instance(value, "numpy", "ndarray")

    def owner(self, tensor: Any) -> Owner:
        """Whose methods it has."""
        return "tensor" if is_instance(tensor, "torch", "Tensor") else "ndarray"

    def info(self, tensor: Any) -> TensorInfo:
        """What the inspector reads off it now."""
        return inspect(tensor)

    def state(self, tensor: Any) -> TensorInfo:
        """All that the inspector reads, which costs no more than a part of it."""
        return inspect(tensor)

    def values(self, tensor: Any) -> ReadValues | None:
        """Reads its storage as it is now; of a large storage, nothing is known after a later write."""
        info = inspect(tensor)
        if info.storage is None or info.storage.nbytes is None or not info.itemsize:
            return None
        held = info.storage.nbytes // info.itemsize
        if held > _REMEMBERED:
            written = self._writes
            return lambda places: read_values(tensor, places) if written == self._writes else [None] * len(places)
        # One reading for all the views of a storage, until something is written.
        key = self._writes, info.storage.id, info.dtype, info.notes
        if key not in self._remembered:
            self._remembered[key] = read_values(tensor, range(held))
        known = self._remembered[key]
        return lambda places: [known[place] if 0 <= place < held else None for place in places]

    # --------------------------------------------------------------------------------------------- ops

    def apply(self, op: Op, overload: int, bound: tuple[Any, ...], names: dict[str, Any]) -> Outcome:
        """Make the call; what torch or numpy raises is an Outcome with their words and ours."""
        library = library_of("torch" if op.owner in ("tensor", "torch") else "numpy")
        expected = parameters(op.signatures[overload])
        bound = self._placed(op, expected, bound)
        inputs = list(self._tensors(bound))
        before = {id(tensor): inspect(tensor) for tensor in inputs}
        foreseen = self._foreseen(op, overload, bound, names)
        if foreseen is not None and foreseen.effect == "refused" and (op.owner, op.name) in _UNCHECKED:
            return foreseen
        if op.name == "tolist":
            check_listed(before[id(inputs[0])].shape or ())
        self._writes += op.family == "write"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = call(op, library, expected, bound)
        except Exception as error:  # noqa: BLE001 - whatever the library raises is the answer
            return Outcome(None, "refused", reason=_reason(error, foreseen))
        if op.family == "write":
            result = inputs[0] if result is None else result
        elif op.family == "host":
            return Outcome(host_value(result), None)
        result = self._as_tensors(result)
        if not self.is_tensor(result) and not (isinstance(result, tuple) and any(map(self.is_tensor, result))):
            return Outcome((), "view") if result == () and op.family != "create" else Outcome(host_value(result), None)
        if foreseen is not None and foreseen.effect == "refused" and _has_negative_size(result):
            # torch lets sizes such as (0, -2) through expand; what it gives back is no tensor one could draw.
            return foreseen
        outcome = self._judged(op, result, before, inputs, foreseen)
        self._follow(outcome.value, inputs, foreseen)
        return outcome

    def _judged(
        self, op: Op, result: Any, before: dict[int, TensorInfo], inputs: list[Any], foreseen: Outcome | None
    ) -> Outcome:
        """The effect, by what the result is made of."""
        parts = result if isinstance(result, tuple) else (result,)
        infos = [inspect(part) for part in parts]
        if op.family == "write":
            agreed = foreseen if foreseen is not None and foreseen.effect == "write" else None
            return Outcome(
                result,
                "write",
                0 if agreed is None else agreed.copied_nbytes,
                write=None if agreed is None else agreed.write,
            )
        if len(parts) == 1 and id(result) in before:
            return Outcome(result, "same" if _place(infos[0]) == _place(before[id(result)]) else "view")
        fresh = [info for info in infos if not any(_share(info, old) for old in before.values())]
        if inputs and not fresh:
            return Outcome(result, "view")
        if foreseen is not None and foreseen.effect == "view" and not any(i.nbytes for i in fresh):
            # Memory of no bytes has no address to tell it by.
            return Outcome(result, "view")
        if not inputs or op.family in ("create", "compute"):
            return Outcome(result, "alloc")
        copied = sum(info.nbytes or 0 for info in fresh)
        if foreseen is not None and foreseen.effect == "copy":
            real = {id(self._shadows[id(tensor)][1]): tensor for tensor in inputs if id(tensor) in self._shadows}
            sources = tuple(real[id(source)] for source in foreseen.sources if id(source) in real)
            # A list among what is joined becomes an array that nobody can look at.
            copy = foreseen.copy if len(sources) == len(foreseen.sources) else None
            return Outcome(result, "copy", foreseen.copied_nbytes, copy=copy, sources=() if copy is None else sources)
        return Outcome(result, "copy", copied)

    # ---------------------------------------------------------------------------------------- the call

    def _placed(self, op: Op, expected: tuple[Parameter, ...], bound: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, creations put on the engine's device where they name none."""
        if self._device is None or op.family != "create" or any(True for _ in self._tensors(bound)):
            return bound
        return tuple(
            self._device if parameter.name == "device" and value is None else value
            for parameter, value in zip(expected, bound, strict=True)
        )

    def _as_tensors(self, result: Any) -> Any:
        """Lists as tuples; a numpy scalar as the 0-dim array it would be, so that it has a layout."""
        if isinstance(result, tuple | list):
            return tuple(result)
        return library_of("numpy").asarray(result) if is_instance(result, "numpy", "generic") else result

    # ------------------------------------------------------------------------------------- the algebra

    def _foreseen(self, op: Op, overload: int, bound: tuple[Any, ...], names: dict[str, Any]) -> Outcome | None:
        """What the algebra says of this call; None where an input has no layout that it could follow.

        Raises:
            ProgramError: the call would allocate more than is left.
        """
        try:
            shadows = tuple(map(self._shadow, bound))
        except IllegalOp:
            return None
        inputs = list(_shadows(shadows))
        held = {id(shadow.storage): shadow.storage.nbytes for shadow in inputs}
        try:
            outcome = self._algebra.apply(op, overload, shadows, self._variables(names))
        except InputError as error:
            # It depends on values that only the real run knows; most ops are bounded by their inputs all the same.
            if op.name in _UNBOUNDED:
                raise ProgramError(f"{error}; {op.name} may allocate anything, so it is not run here") from None
            return None
        made = {id(shadow.storage): shadow.storage for shadow in (*_shadows((outcome.value,)), *inputs)}
        nbytes = sum(max(0, made[key].nbytes - held.get(key, 0)) for key in made if made[key].device != "meta")
        if nbytes > self._left:
            raise ProgramError(
                f"{op.name} would allocate {nbytes:,} bytes, and a program may allocate {self._max_bytes:,} in all "
                "on real torch; without it nothing is allocated, whatever the size"
            )
        self._left -= nbytes
        return outcome

    def _shadow(self, value: Any) -> Any:
        if isinstance(value, tuple | list):
            return type(value)(map(self._shadow, value))
        if isinstance(value, slice):
            return slice(*map(self._shadow, (value.start, value.stop, value.step)))
        if not self.is_tensor(value):
            return value
        if id(value) not in self._shadows:
            shadow = self._algebra.adopt(inspect(value))
            self._shadows[id(value)] = value, shadow
            self._tell_values(value, shadow)
        return self._shadows[id(value)][1]

    def _tell_values(self, tensor: Any, shadow: Tensor) -> None:
        """Give a small new storage its real values: random ones decide about later masks and indices."""
        storage = shadow.storage
        read = self.values(tensor) if storage.nbytes <= _REMEMBERED * storage.dtype.itemsize else None
        if read is not None and storage.dtype == shadow.dtype:
            storage.fill = lambda place: read([place])[0]

    def _variables(self, names: dict[str, Any]) -> dict[str, Any]:
        """The shadows of the named tensors, but for those that have no layout."""
        answer = {}
        for name, value in names.items():
            with contextlib.suppress(IllegalOp):
                answer[name] = self._shadow(value)
        return answer

    def _follow(self, result: Any, inputs: list[Any], foreseen: Outcome | None) -> None:
        """Give the results their shadows: those foreseen where they are right, else what is really there."""
        self._kept.append(result)
        parts = result if isinstance(result, tuple) else (result,)
        guesses: Sequence[Any] = ()
        if foreseen is not None:
            guesses = foreseen.value if isinstance(foreseen.value, tuple) else (foreseen.value,)
        if len(guesses) == len(parts):
            self._shadows.update((id(part), (part, guess)) for part, guess in zip(parts, guesses, strict=True))
        given = set(map(id, inputs))
        for tensor in (*parts, *inputs):
            known = self._shadows.get(id(tensor))
            if known is None or known[1] is None or _place(self._algebra.info(known[1])) != _place(inspect(tensor)):
                self._shadows.pop(id(tensor), None)
            elif foreseen is not None and foreseen.effect in ("alloc", "copy") and id(tensor) not in given:
                self._tell_values(tensor, known[1])

    def _tensors(self, values: Any) -> Iterator[Any]:
        for value in values:
            if self.is_tensor(value):
                yield value
            elif isinstance(value, tuple | list):
                yield from self._tensors(value)


def _has_negative_size(result: Any) -> bool:
    return any(size < 0 for part in (result if isinstance(result, tuple) else (result,)) for size in part.shape)


def _shadows(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _shadows(value)


def _place(info: TensorInfo) -> tuple[Any, ...]:
    return info.shape, info.stride, info.storage_offset, info.dtype


def _share(a: TensorInfo, b: TensorInfo) -> bool:
    """Whether two tensors lie in one storage, also where torch and numpy each name it in their way."""
    if a.storage is None or b.storage is None:
        return False
    if a.storage.id == b.storage.id:
        return True
    low, high = a.storage.data_ptr, b.storage.data_ptr
    if not low or not high or not a.storage.nbytes or not b.storage.nbytes or a.device != b.device:
        return False
    return low < high + b.storage.nbytes and high < low + a.storage.nbytes


def _reason(error: Exception, foreseen: Outcome | None) -> Reason:
    """Our reason where the algebra has one, with the library's own words beside it."""
    words, name = words_of(error), type(error).__name__
    if foreseen is not None and foreseen.reason is not None:
        return replace(foreseen.reason, exception=name, native_message=words)
    first = words.splitlines()[0]
    return Reason("native", first, exception=name, native_message=words)
