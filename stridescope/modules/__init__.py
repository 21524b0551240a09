"""A model -> the tree of its modules, and what can be asked of such a tree.

    reading    a live torch module -> ModuleTree
    naming     the names of a checkpoint -> the same tree
    counting   elements and bytes of every part, shared memory counted once
    sharing    which tensors are one, tile one storage, or view one another
    finding    which modules and tensors a typed query means
    changes    what is different in a later tree
    folding    which siblings repeat one another
    building   a class or factory -> a model, with literal arguments, under a device

Only `reading` and `building` look at torch, which the user has imported when there is a module; the rest is
arithmetic on values.

`stridescope.modules` is also the name of the function `ss.modules`. Whichever of the two is loaded first takes the
name in the parent package, so the package can be called too and does the same.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stridescope.records.modules import ModuleTree

__all__: list[str] = []


class _CalledAsFunction(ModuleType):
    def __call__(self, model: Any) -> ModuleTree:
        """`stridescope.modules.reading.modules`."""
        from stridescope.modules.reading import modules

        return modules(model)


sys.modules[__name__].__class__ = _CalledAsFunction
