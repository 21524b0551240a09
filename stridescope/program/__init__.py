"""Programs: typed expressions to histories, on layouts alone or on real torch and numpy.

the text      source grammar       text -> a checked syntax tree, of a short list of node types
              signature kinds      arguments -> parameters
              vocabulary           what to say about a word that no table holds
the walk      interpret expressions operators    the tree -> values and steps, on an engine
              host chores          numbers, tuples and slices; seeds, devices, .item()
              recorder             the steps as they happen
the ops       ops rows tables      what a row is, how it is written, all of them
              torch_ops numpy_ops  the rows, a family each
the engines   algebra              on layouts: allocates nothing, imports nothing
              tensor storage elements nested   its tensors, what they hold, as which type
              alternatives         what would work in place of a refused view
              native calls         on real torch and numpy
live tensors  live                 what a program starts from, inspected once, its values read late
a text box    typed prefix edits   half a program, as far as it goes; a program with one step changed
              completion           what may come next, and what it would do
              cursor samples ranking   where that is; what to try, and what to show first
              checking             the same program on real torch, in another process
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stridescope.errors import InputError, TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    from stridescope.records import History

__all__ = ["run"]


def run(
    source: str,
    *,
    engine: Literal["algebra", "torch"] = "algebra",
    device: str | None = None,
    names: Mapping[str, Any] | None = None,
    chain_of: str | None = None,
) -> History:
    """What a program of torch and numpy ops does to memory, step by step.

    Args:
        source: one chain, or several statements; parsed, never evaluated as Python.
        engine: "algebra" works on layouts, allocates nothing and imports neither torch nor numpy;
            "torch" makes every call for real and reads each layout off the result.
        device: where the torch engine puts the tensors that the program creates, such as "cuda".
        names: variables that the program starts with: live tensors or arrays, or for the algebra a
            `TensorInfo` too.
        chain_of: one of `names`, which a text such as "t()[1:]" goes on from.

    Raises:
        ProgramError: the program is not understood.
        TargetError: the engine or the device is not there.
        UnreadableError: one of `names` has no layout.

    >>> [step.effect for step in run("torch.arange(12).view(3, 4).t()[1:, ::2]").steps]
    ['alloc', 'view', 'view', 'view']
    >>> run("torch.arange(12).view(3, 4).t().view(12)").refused.reason.code
    'dims_not_mergeable'
    """
    from stridescope.program.interpret import interpret

    if engine not in ("algebra", "torch"):
        raise InputError(f"engine must be 'algebra' or 'torch', got {engine!r}")
    if engine == "torch":
        from stridescope.program.native import NativeEngine

        return interpret(source, NativeEngine(device), dict(names or {}), chain_of)
    if device is not None:
        raise TargetError(f"device {device!r} needs real torch; choose engine='torch' (--torch) too")
    from stridescope.program.algebra import AlgebraEngine

    algebra = AlgebraEngine()
    if not names:
        return interpret(source, algebra, None, chain_of)
    from stridescope.program.live import adopted, looked_at

    return interpret(source, algebra, adopted(algebra, looked_at(names)), chain_of)
