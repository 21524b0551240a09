"""Why: refusals, copies, views and errors, with the dims, the strides, and what would work instead.

questions   explain subjects       a program, an op on a tensor, a history or an exception -> Explanation
steps       views causes hazards   why each step did what it did; whose strides those are; writes that land twice
            remedies               what would work instead, run before it is told
errors      error_table            torch's words -> what they mean here, as a table
            shape_errors storage_errors reach    a function an error; the tensors it may be about
            frames closing replay  the failing frame: its tensors, and its expression run again on their layouts
notes       install                the explanation added to exceptions as people see them
difference  consumers              how two layouts differ, and who minds

`stridescope.explain` is also the name of the function `ss.explain`. Whichever of the two is loaded first takes the name
in the parent package, so the package can be called too and does the same.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stridescope.explain.difference import diff
    from stridescope.explain.notes import explaining, install, uninstall
    from stridescope.explain.questions import explain
    from stridescope.records.explanations import Explanation

__all__ = ["diff", "explain", "explaining", "install", "uninstall"]

_HOMES = {
    "diff": "difference",
    "explain": "questions",
    "explaining": "notes",
    "install": "notes",
    "uninstall": "notes",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CalledAsFunction(ModuleType):
    def __call__(self, *question: Any) -> Explanation:
        """`stridescope.explain.questions.explain`."""
        from stridescope.explain.questions import explain

        return explain(*question)


sys.modules[__name__].__class__ = _CalledAsFunction
