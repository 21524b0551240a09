"""How the op tables are written: a signature and a function, a line each.

Problem: some four hundred spellings of ops must read as a table. Method: the key of a row is the op as its manual
writes it, `"transpose(int dim0, int dim1)"`, the value the function that runs it; keys of one name are its overloads,
in order. Functions of a layout become functions of a tensor by `on_layout`, which turns whatever the layout answers
into tensors. A method that is also a function of the torch module gets that row from its own, with the tensor as first
parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stridescope.errors import InputError
from stridescope.layout import Copy, Layout, Refusal
from stridescope.program.ops import Family, Op, Owner
from stridescope.program.tensor import Tensor, of_copy

if TYPE_CHECKING:
    from stridescope.layout.indexing import Positions

__all__ = ["as_functions", "in_parts", "lift", "on_layout", "positions_of", "rows"]

POSITIONS_LIMIT = 100_000
"""Elements of an index tensor that are read; a larger one says so."""

PARTS_LIMIT = 1_000
"""How many tensors one op may give."""

_STAR = re.compile(r"\*int (\w+)")


def rows(owner: Owner, family: Family, table: Mapping[str, Callable[..., Any]], *, attribute: bool = False) -> list[Op]:
    """One Op for each name in the table, its overloads in the order written."""
    overloads: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
    for written, run in table.items():
        name, _, rest = written.partition("(")
        overloads.setdefault(name, []).append((f"({rest}" if rest else "()", run))
    return [
        Op(name, owner, family, tuple(s for s, _ in found), tuple(run for _, run in found), attribute)
        for name, found in overloads.items()
    ]


def as_functions(methods: Iterable[Op], names: Iterable[str], owner: Owner, first: str = "input") -> list[Op]:
    """The methods among `names` as functions of the module, the tensor being their first parameter."""
    wanted = set(names)
    return [
        Op(
            op.name,
            owner,
            op.family,
            tuple(_with_first(signature, first) for signature in op.signatures),
            op.run,
        )
        for op in methods
        if op.name in wanted
    ]


def _with_first(signature: str, first: str) -> str:
    inside = _STAR.sub(r"int[] \1", signature[1:-1])
    return f"(tensor {first}, {inside})" if inside else f"(tensor {first})"


def lift(tensor: Tensor, result: Any) -> Any:
    """What a layout answered, as tensors: the tensor itself, a view of it, a copy, several, or a refusal."""
    if result is tensor.layout:
        return tensor
    if isinstance(result, Layout):
        return tensor.view(result)
    if isinstance(result, Copy):
        return of_copy(result, (tensor,))
    if isinstance(result, tuple):
        return tuple(lift(tensor, part) for part in result)
    assert isinstance(result, Refusal), result
    return result


def on_layout(run: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a layout, as one of a tensor; tensors among its arguments become their layouts."""

    def of_tensor(tensor: Tensor, *args: Any) -> Any:
        plain = (arg.layout if isinstance(arg, Tensor) else arg for arg in args)
        return lift(tensor, run(tensor.layout, *plain))

    return of_tensor


def in_parts(run: Callable[..., Any], count: Callable[..., int]) -> Callable[..., Any]:
    """An op on a layout that gives several tensors; `count` says how many, before any is made.

    Raises:
        InputError: more than are followed.
    """
    split = on_layout(run)

    def of_tensor(tensor: Tensor, *args: Any) -> Any:
        parts = count(tensor.layout.shape, *args) if tensor.layout.shape else 0
        if parts > PARTS_LIMIT:
            raise InputError(
                f"that makes {parts:,} tensors, and at most {PARTS_LIMIT:,} are followed; take larger parts"
            )
        return split(tensor, *args)

    return of_tensor


def positions_of(tensor: Tensor, what: str) -> Positions:
    """The values of an index tensor.

    Raises:
        InputError: they are not determined by the program, or there are too many.
    """
    positions = tensor.positions(POSITIONS_LIMIT)
    if positions is None:
        if tensor.layout.numel > POSITIONS_LIMIT:
            why = f"has {tensor.layout.numel:,} elements, and at most {POSITIONS_LIMIT:,} are read here"
        else:
            why = "holds values that the program does not determine (random, empty, or from outside)"
        raise InputError(f"{what} {why}; run it on real torch with --torch, or write the positions as a list")
    return positions
