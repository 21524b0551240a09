"""What would work in place of an op that was refused, each one run before it is told.

Problem: an error says what is wrong, and the way out depends on the tensor at hand. Method: a table from the code of a
refusal to texts worth trying; each is run as a program over the same tensors (on their layouts, nothing is allocated)
and told, with its effect and the bytes it copies, only if it is not refused.

Cost: one short run for each text, about 100 µs.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from stridescope.errors import StridescopeError
from stridescope.program import run
from stridescope.records import Alternative

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stridescope.records import Effect, Step, TensorInfo

__all__ = ["remedies"]

SUBJECT = "subject"
MOST = 4


def remedies(step: Step, names: Mapping[str, TensorInfo] | None = None) -> tuple[Alternative, ...]:
    """Alternatives to a refused step that were run and not refused; at most four.

    Args:
        names: the tensors that the step's text names.
    """
    reason = step.reason
    offer = None if reason is None else _OFFERS.get(reason.code)
    if reason is None or offer is None:
        return ()
    known = dict(names or {})
    known.update((info.name, info) for info in step.sources if info.name is not None and info.name.isidentifier())
    if step.before is not None:
        known[SUBJECT] = step.before
    found: list[Alternative] = []
    for source in offer(step):
        effect = _tried(source, known)
        if effect is not None:
            found.append(Alternative(source, *effect))
        if len(found) == (1 if found and reason.code in _ONE else MOST):
            break
    return tuple(found)


def _tried(source: str, names: Mapping[str, TensorInfo]) -> tuple[Effect, int] | None:
    """The effect of a text and the bytes it copies; None where it is refused or cannot be run."""
    chain = SUBJECT if source.startswith((".", "[")) else None
    if chain is not None and SUBJECT not in names:
        return None
    try:
        history = run(source, names=names, chain_of=chain)
    except StridescopeError:
        return None
    if history.refused is not None or not history.steps:
        return None
    copied = sum(step.copied_nbytes for step in history.steps)
    return "copy" if any(step.effect == "copy" for step in history.steps) else history.steps[-1].effect, copied


def _after(*chains: str) -> Callable[[Step], Iterator[str]]:
    """The same op after another one."""

    def offer(step: Step) -> Iterator[str]:
        own = _own(step)
        return (chain + own for chain in chains if own)

    return offer


def _own(step: Step) -> str:
    """The op alone: ".add_(1)" of "y.add_(1)"; "" for a function of a module."""
    if step.source.startswith((".", "[")):
        return step.source
    node = _parsed(step.source)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        owner = node.func.value.id
        return "" if owner in ("torch", "np", "numpy") else step.source[len(owner) :]
    return ""


def _first_argument(wrapped: str) -> Callable[[Step], Iterator[str]]:
    """The same call with something done to its first argument."""

    def offer(step: Step) -> Iterator[str]:
        bare = step.source.startswith(".")
        node = _parsed(SUBJECT + step.source if bare else step.source)
        if isinstance(node, ast.Call) and node.args:
            node.args[0] = ast.parse(f"({ast.unparse(node.args[0])}){wrapped}", mode="eval").body
            yield ast.unparse(node).removeprefix(SUBJECT if bare else "")

    return offer


def _parsed(source: str) -> ast.expr | None:
    try:
        return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None


def _numbers(step: Step) -> list[int] | None:
    """The whole numbers that a method was called with, given one by one or in one bracket."""
    node = _parsed(SUBJECT + _own(step))
    if not isinstance(node, ast.Call):
        return None
    try:
        values = [ast.literal_eval(argument) for argument in node.args]
    except ValueError:
        return None
    flat = list(values[0]) if len(values) == 1 and isinstance(values[0], list | tuple) else values
    return flat if all(isinstance(value, int) for value in flat) else None


def _inferred(step: Step) -> Iterator[str]:
    """The same shape with one size left open, or with the sizes that are there."""
    sizes = _numbers(step) or []
    for dim in range(len(sizes)):
        known = [size for other, size in enumerate(sizes) if other != dim]
        if step.op in ("view", "reshape") and -1 not in known:
            yield f".{step.op}({', '.join(map(str, [*sizes[:dim], -1, *sizes[dim + 1 :]]))})"


def _one_open(step: Step) -> Iterator[str]:
    """A shape with several -1, all but one of them as size 1."""
    sizes = _numbers(step) or []
    for kept in (dim for dim, size in enumerate(sizes) if size == -1):
        written = [1 if size == -1 and dim != kept else size for dim, size in enumerate(sizes)]
        yield f".{step.op}({', '.join(map(str, written))})"


def _spelled(step: Step) -> Iterator[str]:
    """An open size of a tensor without elements, as 0 or 1."""
    sizes = _numbers(step) or []
    for size in (0, 1):
        yield f".{step.op}({', '.join(str(size if given == -1 else given) for given in sizes)})"


def _lined_up(step: Step) -> Iterator[str]:
    """expand after a new dim, which moves the sizes to where they match."""
    rank = 0 if step.before is None or step.before.shape is None else len(step.before.shape)
    own = _own(step)
    return (f".unsqueeze({dim}){own}" for dim in range(rank, 0, -1) if own)


def _windowed(step: Step) -> Iterator[str]:
    numbers = _numbers(step)
    shape = None if step.before is None else step.before.shape
    if numbers and len(numbers) == 3 and shape:
        yield f".unfold({numbers[0]}, {shape[numbers[0]]}, {numbers[2]})"


def _flipped(step: Step) -> Iterator[str]:
    node = _parsed(SUBJECT + step.source[step.source.find("[") :])
    if not isinstance(node, ast.Subscript):
        return
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    dims = [dim for dim, part in enumerate(parts) if ast.unparse(part) == "::-1"]
    rest = [":" if dim in dims else ast.unparse(part) for dim, part in enumerate(parts)]
    if dims and len(dims) == sum(ast.unparse(part).endswith(":-1") for part in parts):
        picks = "" if all(part == ":" for part in rest) else f"[{', '.join(rest)}]"
        # A dim that an int picks is gone before the flip.
        gone = [dim for dim, part in enumerate(parts) if not isinstance(part, ast.Slice)]
        yield f"{picks}.flip({', '.join(str(dim - sum(g < dim for g in gone)) for dim in dims)})"


def _on_one_device(step: Step) -> Iterator[str]:
    devices = [info.device for info in step.sources]
    node = _parsed(SUBJECT + step.source if step.source.startswith(".") else step.source)
    if not isinstance(node, ast.BinOp) or len(devices) != 2:
        return
    for moved, sides in ((1, "right"), (0, "left")):
        # A meta tensor has no elements that could be moved anywhere.
        if devices[moved] != "meta" and devices[1 - moved] != "meta":
            again = ast.parse(step.source, mode="eval").body
            to = ast.Attribute(getattr(again, sides), "to")
            setattr(again, sides, ast.Call(to, [ast.Constant(devices[1 - moved])], []))
            yield ast.unparse(again)


def _to_host(step: Step) -> Iterator[str]:
    if step.before is None or step.before.device != "meta":
        yield from _after(".cpu()", ".detach().cpu()")(step)


_ONE = frozenset({"numpy_grad", "not_on_cpu", "dtype_view"})
"""Of these one that works is enough."""

_OFFERS: dict[str, Callable[[Step], Iterator[str]]] = {
    "overlapping_write": _after(".clone()"),
    "partial_overlap": _first_argument(".clone()"),
    "negative_stride": _first_argument(".copy()"),
    "slice_step": _flipped,
    "unfold_size": _windowed,
    "dtype_view": _after(".contiguous()", ".clone()"),
    "leaf_write": _after(".detach()", ".clone()"),
    "numpy_grad": _after(".detach()", ".detach().cpu()"),
    "not_on_cpu": _to_host,
    "memory_format": _after(".unsqueeze(0)"),
    "expand_size": _lined_up,
    "shape_numel": _inferred,
    "shape_two_inferred": _one_open,
    "shape_ambiguous": _spelled,
    "device_mix": _on_one_device,
}
"""Code of a refusal -> texts worth trying, the best first."""
