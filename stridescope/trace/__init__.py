"""What real torch code does to its storages: op by op, tensor by tensor, step by step of a training loop.

    tracing    ss.trace: the ops that run in a block, with their source lines and effects
    recorder   the two modes through which torch shows them; what is kept of each
    rows       what is known of an op before it runs: what it moves, what it writes
    facts      the layout and the storage of one tensor, in a tenth of a microsecond a field
    places     the source line that a person wrote
    reading    what was kept -> a Trace, when it is looked at
    why        why a copy was one, where its strides come from, what would avoid it
    script     a script run as itself, traced
    live       ss.storages: the tensors that are alive, by storage
    holders    who holds a tensor
    watching   ss.watch: parameters, gradients and optimizer states, phase by phase
    writes     which storages a block writes, by which op; where a step's phases begin

torch is imported by the files here that look at tensors, none of which is loaded before there is one.

`stridescope.trace` is also the name of the function `ss.trace`. Whichever of the two is loaded first takes the name in
the parent package, so the package can be called too and does the same.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stridescope.trace.tracing import Tracing

__all__: list[str] = []


class _CalledAsFunction(ModuleType):
    def __call__(self, **options: Any) -> Tracing:
        """`stridescope.trace.tracing.trace`."""
        from stridescope.trace.tracing import trace

        return trace(**options)


sys.modules[__name__].__class__ = _CalledAsFunction
