"""See how a tensor's indices map to its 1-D storage.

    import stridescope as ss

    ss.show(x)                  # the panel: storage, layout, and what it means
    ss.inspect(x)               # the same as a value, read from metadata alone
    ss.run("torch.arange(12).view(3, 4).t()")   # an op chain, step by step, nothing allocated
    ss.Layout((3, 4), (4, 1))   # the algebra itself
    ss.explain(x, "view(12)")   # why an op is a view, a copy or refused; also of an exception
    ss.install()                # errors of torch say which tensors and dims, in a note below its own words
    ss.diff(a, b)               # how two layouts differ, and whether any address does
    ss.modules(model)           # the module tree, with every parameter's layout
    ss.open("model.pt")         # a checkpoint's tensors by name, by its headers alone; nothing in it is run
    ss.storages()               # every live tensor by storage: what keeps memory alive
    with ss.trace() as t: ...   # which line copied, and why it could not be a view
    ss.watch(model, optimizer)  # what a training step does to its storages
    ss.explore(x)               # the terminal app: watch what ops do to it
    ss.overlap(ss.Layout((3, 3), (1, 1)))       # do two indices reach one address?

Importing this package imports nothing else: a name brings its module along when it is first used
(PEP 562), and torch, numpy and rich come only with what needs them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from stridescope.api import open, overlap, show  # noqa: A004 - ss.open is how it is called
    from stridescope.errors import StridescopeError
    from stridescope.explain.difference import diff
    from stridescope.explain.notes import explaining, install, uninstall
    from stridescope.explain.questions import explain
    from stridescope.layout import Layout
    from stridescope.modules.reading import modules
    from stridescope.program import run
    from stridescope.readers import inspect
    from stridescope.records import History, TensorInfo
    from stridescope.trace.live import storages
    from stridescope.trace.tracing import trace
    from stridescope.trace.watching import watch
    from stridescope.tui.opening import explore

__all__ = [
    "History",
    "Layout",
    "StridescopeError",
    "TensorInfo",
    "__version__",
    "diff",
    "explain",
    "explaining",
    "explore",
    "inspect",
    "install",
    "modules",
    "open",
    "overlap",
    "run",
    "show",
    "storages",
    "trace",
    "uninstall",
    "watch",
]
__version__ = "0.1.0"

_HOME = {
    "History": "stridescope.records",
    "Layout": "stridescope.layout",
    "StridescopeError": "stridescope.errors",
    "TensorInfo": "stridescope.records",
    "diff": "stridescope.explain.difference",
    "explain": "stridescope.explain.questions",
    "explaining": "stridescope.explain.notes",
    "explore": "stridescope.tui.opening",
    "inspect": "stridescope.readers",
    "install": "stridescope.explain.notes",
    "modules": "stridescope.modules.reading",
    "open": "stridescope.api",
    "overlap": "stridescope.api",
    "run": "stridescope.program",
    "show": "stridescope.api",
    "storages": "stridescope.trace.live",
    "trace": "stridescope.trace.tracing",
    "uninstall": "stridescope.explain.notes",
    "watch": "stridescope.trace.watching",
}


if not TYPE_CHECKING:  # to a type checker, only the names above exist

    def __getattr__(name: str) -> object:
        home = _HOME.get(name)
        if home is None:
            raise AttributeError(f"module 'stridescope' has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
