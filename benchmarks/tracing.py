"""What a trace costs: beside a mode that only counts, torch's own tools, and a bare scan of the collector.

Problem: "it slows training down" must be a number. Method: one training step of a transformer of about a thousand aten
ops, by itself, under a dispatch mode that only counts, under ours, and under the peers, in turns. What a step keeps in
memory is measured apart (`bytes_a_step`), since it is no time.
"""

from __future__ import annotations

import gc
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from benchmarks.measure import Measured, Row, best_of_calls

__all__ = ["LIVE", "bytes_a_step", "live_tensors", "tracing", "train_step"]

LIVE = 100_000
LAYERS, WIDTH, HEADS, BATCH, LENGTH, WORDS = 3, 64, 4, 8, 32, 100


def train_step(torch: Any) -> tuple[Any, Callable[[], Any]]:
    """(the model, one step of training of a small transformer encoder: forward, backward, AdamW)."""
    nn = torch.nn
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, batch_first=True)
    model = nn.Sequential(
        nn.Embedding(WORDS, WIDTH),
        nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False),
        nn.Linear(WIDTH, WORDS),
    )
    optimizer = torch.optim.AdamW(model.parameters())
    x, y = torch.randint(0, WORDS, (2, BATCH, LENGTH))

    def step() -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x).transpose(1, 2), y)
        loss.backward()
        optimizer.step()
        return loss

    return model, step


def tracing(quick: bool) -> Iterator[Row]:
    """A step of training under a trace."""
    torch = _module("torch")
    if torch is None:
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model, step = train_step(torch)
        calls: dict[str, Callable[[], object]] = {
            "plain": step,
            "counting": lambda: _counted(torch, step),
            "ours": lambda: _traced(step),
            **dict(_peers(torch, step)),
        }
        best = best_of_calls(calls, rounds=3 if quick else 25, seconds=0.05)
        floor = Measured(f"a mode that counts; plain {best['plain'] * 1e3:.1f} ms", best["counting"])
        ours = Measured("with ss.trace()", best["ours"])
        name = "trace a transformer's train step"
        yield Row(name, floor, ours, 1.6, Measured("torch DebugMode", best.get("debug")), 1.0)
        yield Row(
            f"{name}, beside the profiler", floor, ours, 1.6, Measured("profiler with_stack", best.get("profiler")), 1.0
        )
        yield from _forward(torch, model, quick)
    finally:
        torch.set_num_threads(threads)


def _forward(torch: Any, model: Any, quick: bool) -> Iterator[Row]:
    """The forward pass alone, beside torchlens, which knows no other."""
    lens = _module("torchlens")
    x = torch.randint(0, WORDS, (BATCH, LENGTH))
    calls: dict[str, Callable[[], object]] = {
        "counting": lambda: _counted(torch, lambda: model(x)),
        "ours": lambda: _traced(lambda: model(x)),
    }
    if lens is not None:
        calls["lens"] = lambda: lens.log_forward_pass(model, x, layers_to_save=None)
    best = best_of_calls(calls, rounds=2 if quick else 10, seconds=0.02)
    yield Row(
        "trace its forward pass",
        Measured("a mode that counts", best["counting"]),
        Measured("with ss.trace()", best["ours"]),
        1.8,
        Measured("torchlens", best.get("lens")),
        5.0,
    )


def live_tensors(quick: bool) -> Iterator[Row]:
    """`ss.storages()` over many live tensors."""
    torch = _module("torch")
    if torch is None:
        return
    from stridescope.trace.live import storages

    kept = [torch.empty(1) for _ in range(LIVE)]
    calls: dict[str, Callable[[], object]] = {"floor": lambda: _scan(torch), "ours": storages}
    best = best_of_calls(calls, rounds=2 if quick else 7, seconds=0.01)
    assert len(kept) == LIVE
    yield Row(
        f"storages() of {LIVE:,} live tensors",
        Measured("gc scan, isinstance", best["floor"]),
        Measured("ss.storages()", best["ours"]),
        4.0,
    )


def bytes_a_step(steps: int = 3) -> float:
    """Bytes that a trace keeps for each step that it recorded, the places and layouts it shares among them included."""
    torch = import_module("torch")
    from stridescope.trace.tracing import trace

    _, step = train_step(torch)
    step()
    with trace():
        step()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        with trace() as found:
            for _ in range(steps):
                step()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / len(found.steps)


def _counted(torch: Any, step: Callable[[], Any]) -> int:
    with _counting(torch)() as mode:
        step()
    return int(mode.ops)


@cache
def _counting(torch: Any) -> Any:
    """The least that a mode can do: it calls on, and counts."""

    class Counting(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[misc]  # noqa: SLF001
        ops = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.ops += 1
            return func(*args, **(kwargs or {}))

    return Counting


def _traced(step: Callable[[], Any]) -> Any:
    from stridescope.trace.tracing import trace

    with trace() as found:
        step()
    return found


def _peers(torch: Any, step: Callable[[], Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    debug = getattr(_module("torch.utils._debug_mode"), "DebugMode", None)
    if debug is not None:

        def debugged() -> None:
            with debug():
                step()

        yield "debug", debugged

    def profiled() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.profiler.profile(with_stack=True, record_shapes=True):
                step()

    yield "profiler", profiled


def _scan(torch: Any) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sum(isinstance(x, torch.Tensor) for x in gc.get_objects())


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
