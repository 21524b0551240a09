"""The rows: each promise, its floor, and the peer beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from benchmarks.measure import Measured, Row, best_of_calls, best_of_processes

__all__ = ["PARTS", "rows"]

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"


def rows(quick: bool = False, parts: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of some parts, of all if none is named, measured as they are asked for; `quick` takes fewer rounds."""
    for part in parts or PARTS:
        home, name = PARTS[part]
        yield from getattr(import_module(home), name)(quick)


def processes(quick: bool) -> Iterator[Row]:
    """Whole processes, cold: what a person waits for."""
    best = best_of_processes(
        {
            "python": ["-c", "pass"],
            "rich": ["-c", "import rich.console"],
            "import": ["-c", "import stridescope"],
            "show": ["-m", "stridescope", "show", CHAIN],
        },
        rounds=5 if quick else 30,
    )
    rich = Measured('python -c "import rich.console"', best["rich"])
    bare = Measured("python -c pass", best["python"])
    torch = Measured('python -c "import torch"', _import_torch(rounds=1 if quick else 3))
    yield Row("show an expression, whole process", rich, Measured("stridescope show EXPR", best["show"]), 2.5, torch)
    yield Row("import stridescope", bare, Measured('python -c "import stridescope"', best["import"]), 1.3, torch)


def reading(quick: bool) -> Iterator[Row]:
    """Reading one live tensor."""
    torch = _module("torch")
    if torch is None:
        return
    yield _inspect(torch, torch.arange(12).view(3, 4).t(), "a CPU tensor", quick)
    if torch.cuda.is_available():
        yield _inspect(torch, torch.arange(12, device="cuda").view(3, 4).t(), "a CUDA tensor", quick)


def algebra(quick: bool) -> Iterator[Row]:
    """View ops on layouts: what 10^15 elements cost beside 10^3, and beside torch on its meta device."""
    from stridescope.layout import Layout

    torch = _module("torch")
    small, large = (10, 10, 10), (10**5, 10**5, 10**5)
    for name, op in _VIEW_OPS.items():
        calls: dict[str, Callable[[], object]] = {
            "small": _bound(op, Layout.contiguous(small)),
            "large": _bound(op, Layout.contiguous(large)),
        }
        if torch is not None:
            calls["torch"] = _bound(op, torch.empty(large, dtype=torch.uint8, device="meta"))
        best = best_of_calls(calls, rounds=5 if quick else 40, seconds=0.005)
        yield Row(
            f"{name} of 10^15 elements",
            Measured("10^3 elements", best["small"]),
            Measured("10^15 elements", best["large"]),
            # The same time, but for the integers: those above 2^30 take a few nanoseconds more.
            1.25,
            Measured("torch, meta device", best.get("torch")),
        )


_VIEW_OPS: dict[str, Callable[[Any], object]] = {
    "view(-1)": lambda x: x.view(-1),
    "transpose(0, 2)": lambda x: x.transpose(0, 2),
    "permute(2, 0, 1)": lambda x: x.permute(2, 0, 1),
    "[1:, ::2]": lambda x: x[1:, ::2],
    "unsqueeze, expand": lambda x: x.unsqueeze(0).expand(4, -1, -1, -1),
}


def app(quick: bool) -> Iterator[Row]:
    """The terminal app, where there are pseudo-terminals."""
    if _module("termios") is None:
        return
    from benchmarks.app import app_rows

    yield from app_rows(quick)


PARTS = {
    "processes": (__name__, "processes"),
    "reading": (__name__, "reading"),
    "algebra": (__name__, "algebra"),
    "app": (__name__, "app"),
    "explain": ("benchmarks.explaining", "explaining_rows"),
    "modules": ("benchmarks.module_tree", "module_trees"),
    "files": ("benchmarks.files", "files"),
    "trace": ("benchmarks.tracing", "tracing"),
    "storages": ("benchmarks.tracing", "live_tensors"),
}
"""Part to (module, function of `quick`)."""


def _inspect(torch: Any, tensor: Any, what: str, quick: bool) -> Row:
    from stridescope import inspect

    calls: dict[str, Callable[[], object]] = {
        "floor": lambda: _eight_attributes(tensor),
        "ours": lambda: inspect(tensor),
    }
    lovely = _module("lovely_tensors")
    if lovely is not None:
        calls["peer"] = lambda: repr(lovely.lovely(tensor))
    best = best_of_calls(calls, rounds=5 if quick else 40)
    return Row(
        f"inspect {what}",
        Measured(f"eight attribute reads, torch {torch.__version__}", best["floor"]),
        Measured("ss.inspect(t)", best["ours"]),
        8.0,
        Measured("lovely(t)", best.get("peer")),
        20.0,
    )


def _eight_attributes(t: Any) -> tuple[Any, ...]:
    return (
        t.shape,
        t.stride(),
        t.storage_offset(),
        t.dtype,
        t.device,
        t.layout,
        t.requires_grad,
        t.data_ptr(),
    )


def _bound(op: Callable[[Any], object], x: Any) -> Callable[[], object]:
    return lambda: op(x)


def _import_torch(rounds: int) -> float | None:
    if _module("torch") is None:
        return None
    return best_of_processes({"torch": ["-c", "import torch"]}, rounds)["torch"]


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
