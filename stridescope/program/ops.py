"""What a row of the op tables is, and what an engine answers.

Problem: one program must mean the same to the parser (which names exist, with which arguments), to the
algebra (what happens to the layout) and to real torch and numpy (what to call). Method: one table of
rows. A row names an op, says who owns it ("tensor" for methods and attributes of a torch tensor, "torch"
for functions of the torch module, "ndarray" and "np" for numpy's), its signatures in a small typed
language, and for each signature the function of the algebra that runs it. The parser reads names and
signatures, the algebra calls `run`, the native engine calls the library's own function of that name.

The signature language, one string for each overload, tried in order:

    "(int dim0, int dim1)"            kinds: int, bool, number, str, dtype, device, format, shape,
    "(*int size)"                            tensor, tensors, any; `int[]` a list of ints; `kind?` may be None
    "(int start_dim=0, int end_dim=-1)"      defaults are Python literals
    "(tensor other, *, number alpha=1)"      after a bare star: by keyword only
    "(*int size)" takes both f(2, 3) and f((2, 3)), and binds one tuple of ints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from stridescope.layout import Copy, Layout
    from stridescope.records import Effect, ReadValues, Reason, TensorInfo, Write

__all__ = ["Engine", "Family", "Op", "Outcome", "Owner"]

Owner = Literal["tensor", "torch", "ndarray", "np"]
Family = Literal["create", "view", "copy", "convert", "write", "compute", "host"]
"""What kind of op a row is. "host" answers a Python value (a size, a shape) and makes no step;
"compute" makes a new storage whose elements are computed, not copied, so its effect is "alloc"."""


@dataclass(frozen=True, slots=True)
class Op:
    """One row.

    Attributes:
        signatures: one string for each overload, in the order they are tried.
        run: one function of the algebra for each signature. It gets the bound parameters by position,
            for "tensor" and "ndarray" rows after the receiver.
        attribute: written without parentheses, as in `x.T`.
    """

    name: str
    owner: Owner
    family: Family
    signatures: tuple[str, ...]
    run: tuple[Callable[..., Any], ...]
    attribute: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine answers for one op: the value, and what happened to memory.

    `value` is a tensor of the engine, a tuple of them, a host value (effect None), or None when refused. `sources` are,
    one for one, the tensors that `copy.sources` are layouts of.
    """

    value: Any
    effect: Effect | None
    copied_nbytes: int = 0
    reason: Reason | None = None
    write: Write | None = None
    copy: Copy[Layout] | None = None
    sources: tuple[Any, ...] = ()


class Engine(Protocol):
    """Runs rows; knows its own tensors."""

    name: str

    def is_tensor(self, value: Any) -> bool:
        """Whether `value` is a tensor of this engine."""

    def owner(self, tensor: Any) -> Owner:
        """Whose methods the tensor has: "tensor" or "ndarray"."""

    def apply(self, op: Op, overload: int, bound: tuple[Any, ...], names: dict[str, Any]) -> Outcome:
        """Run one row; `bound` starts with the receiver where there is one.

        `names` are the program's variables so far, for a write to say who sees it. An op that torch or
        numpy refuses is an Outcome with effect "refused", never an exception.
        """

    def info(self, tensor: Any) -> TensorInfo:
        """The tensor's layout now."""

    def state(self, tensor: Any) -> Any:
        """What an op may change in place: equal for one tensor at two moments while its `info` is."""

    def values(self, tensor: Any) -> ReadValues | None:
        """Reads values of the tensor's storage as it is at this moment of the program."""
