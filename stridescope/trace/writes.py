"""Which storages are written while a block runs, by which op; and where the phases of a step begin.

Problem: a version counter says that a tensor was written, not by what, and not through `.data`. Method: a dispatch mode
that looks at ops that write (by the rows of `rows`), and notes the storage, the op, and whether autograd ran it. A
step's phases are told by what is called: a function mode sees `backward`, torch's own hooks the optimizer's step, and
`zero_grad` is stood in for on the instance while the step runs.

Cost: half a microsecond an op.
"""

# ruff: noqa: SLF001 - torch has no public way to ask

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from stridescope.readers import keep_uncompiled
from stridescope.trace.facts import storage_number
from stridescope.trace.rows import ATEN, aten_row, written_by

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Splitting", "Writes"]

_C: Any = torch._C
_node: Callable[[], Any] = getattr(_C, "_current_autograd_node", lambda: None)


class Writes(TorchDispatchMode):  # type: ignore[misc]  # torch is Any to mypy
    """Notes what is written.

    Attributes:
        written: storage -> {op: whether autograd ran it}, in the order of the last time each ran.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self.written: dict[int, dict[str, bool]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # As in `recorder`.
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        row = ATEN.get(func) or aten_row(func)
        kwargs = kwargs or {}
        if row.composite:
            with self:
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
        if row.writes:
            with _C.DisableTorchFunction():
                name = "fill_ 0" if row.name == "fill_" and len(args) > 1 and _is_zero(args[1]) else row.name
                for tensor in written_by(row, args, kwargs):
                    self._note(storage_number(tensor), name)
        return func(*args, **kwargs)

    def _note(self, number: int | None, name: str) -> None:
        if number is not None:
            ops = self.written.setdefault(number, {})
            # The last one that ran comes last.
            ops.pop(name, None)
            ops[name] = _node() is not None

    def take(self) -> dict[int, dict[str, bool]]:
        """What was noted since the last time."""
        taken, self.written = self.written, {}
        return taken


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0


class _Backward(TorchFunctionMode):  # type: ignore[misc]  # as above
    """Calls back around `Tensor.backward`."""

    def __init__(self, cut: Callable[[str], None]) -> None:
        super().__init__()
        self.cut = cut

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is not torch.Tensor.backward:
            return func(*args, **(kwargs or {}))
        self.cut("forward")
        try:
            return func(*args, **(kwargs or {}))
        finally:
            self.cut("backward")


class Splitting:
    """Watches the writes of one step, and says when each of its phases has ended.

    Args:
        optimizer: may be None.
        cut: called with the name of a phase that has just ended.
    """

    def __init__(self, optimizer: Any, cut: Callable[[str], None]) -> None:
        self._optimizer = optimizer
        self._cut = cut
        self._writes = Writes()
        self._stack = ExitStack()

    def take(self) -> dict[int, dict[str, bool]]:
        """What was written since the last time."""
        return self._writes.take()

    def __enter__(self) -> Self:
        stack, optimizer = self._stack, self._optimizer
        stack.enter_context(self._writes)
        stack.enter_context(_Backward(self._cut))
        if optimizer is not None and hasattr(optimizer, "register_step_pre_hook"):
            stack.callback(optimizer.register_step_pre_hook(lambda *_: self._cut("between")).remove)
            stack.callback(optimizer.register_step_post_hook(lambda *_: self._cut("step")).remove)
        if optimizer is not None and hasattr(optimizer, "__dict__"):
            self._stand_in(optimizer)
        return self

    def _stand_in(self, optimizer: Any) -> None:
        """Have `optimizer.zero_grad` say when it is done; the instance is as before afterwards."""
        held = vars(optimizer)
        original, own = optimizer.zero_grad, "zero_grad" in held

        def zero_grad(*args: Any, **kwargs: Any) -> Any:
            self._cut("between")
            try:
                return original(*args, **kwargs)
            finally:
                self._cut("zero_grad")

        held["zero_grad"] = zero_grad

        def restore() -> None:
            if own:
                held["zero_grad"] = original
            else:
                held.pop("zero_grad", None)

        self._stack.callback(restore)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)


keep_uncompiled(Writes.__torch_dispatch__, _Backward.__torch_function__)
