"""The rows of explaining: a refused view, overlap beside numpy's, hard overlaps, `install` and a train step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from statistics import median_high
from time import perf_counter
from typing import Any

from benchmarks.measure import Measured, Row, best_of_calls

__all__ = ["explaining_rows"]

SHAPE = (2, 3, 2, 3, 2, 2, 2, 2)
INSTANCES = 400
HARD = 40


def explaining_rows(quick: bool) -> Iterator[Row]:
    """Each promise, as far as its peer is installed."""
    yield _refusal(5 if quick else 40)
    yield _hard(8 if quick else HARD)
    if _module("numpy") is not None:
        yield _overlap(60 if quick else INSTANCES)
    if _module("torch") is not None:
        yield _train_step(10 if quick else 60)


def _refusal(rounds: int) -> Row:
    from stridescope.explain import explain
    from stridescope.layout import Layout

    layout = Layout.contiguous(SHAPE).transpose(0, 3).transpose(5, 1)
    best = best_of_calls({"ours": lambda: explain(layout, "view(12, -1)")}, rounds)
    return Row(
        "explain a refused view of 8 dims, alternatives run",
        Measured("1 ms", 0.001),
        Measured('ss.explain(x, "view(12, -1)")', best["ours"]),
        1.0,
    )


def _hard(instances: int) -> Row:
    """The longest of many that no cheap proof decides: dims of size 2 and 3 with unrelated strides."""
    from stridescope.layout.overlap import Extent, internal_overlap, shared_bytes_overlap, shared_nbytes

    rng = random.Random(7)
    longest = 0.0
    for number in range(instances):
        ndim, bits = rng.randint(20, 60), rng.choice((30, 45, 60))
        shape = tuple(rng.choice((2, 2, 2, 3)) for _ in range(ndim))
        stride = tuple(rng.randint(2 ** (bits - 5), 2**bits) for _ in range(ndim))
        half = ndim // 2
        a = Extent(shape[:half], stride[:half], 0, 4)
        b = Extent(shape[half:], stride[half:], rng.randint(0, 2**bits), 4)
        best = float("inf")
        for _ in range(2):
            start = perf_counter()
            if number % 2:
                internal_overlap(shape, stride)
            else:
                shared_bytes_overlap(a, b)
                shared_nbytes(a, b)
            best = min(best, perf_counter() - start)
        longest = max(longest, best)
    return Row(
        f"the longest of {instances} hard overlaps, default budget",
        Measured("50 ms", 0.050),
        Measured("overlap", longest),
        1.0,
    )


def _overlap(instances: int) -> Row:
    """Random pairs of views of one array, made as numpy's own tests make them; the pair of median ratio."""
    import numpy as np

    from stridescope.layout.overlap import Extent, shared_bytes_overlap

    rng = random.Random(1234)
    x: Any = np.zeros([17, 34, 71, 97], dtype=np.int16)

    def slices(size: int) -> slice:
        first, last = sorted((rng.randint(0, size), rng.randint(0, size)))
        return slice(first, last, rng.choice((1, 1, 1, 2, 3, 5)))

    def view() -> Any:
        part = x[tuple(slices(size) for size in x.shape)]
        return part.transpose(rng.sample(range(4), 4))

    start = x.__array_interface__["data"][0]
    taken: list[tuple[float, float, float]] = []
    while len(taken) < instances:
        a, b = view(), view()
        if not (a.size and b.size):
            continue
        extents = [
            Extent(each.shape, each.strides, each.__array_interface__["data"][0] - start, each.itemsize)
            for each in (a, b)
        ]
        calls: dict[str, Callable[[], object]] = {
            "numpy": partial(np.shares_memory, a, b),
            "ours": partial(shared_bytes_overlap, extents[0], extents[1]),
        }
        best = best_of_calls(calls, rounds=3, seconds=0.0005)
        taken.append((best["ours"] / best["numpy"], best["numpy"], best["ours"]))
    _, theirs, ours = median_high(taken)
    return Row(
        f"overlap of two tensors, the median ratio of {instances}",
        Measured("np.shares_memory", theirs),
        Measured("shared_bytes_overlap", ours),
        50.0,
    )


def _train_step(rounds: int) -> Row:
    import torch

    from stridescope.explain import install, uninstall

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = torch.nn.Sequential(*(torch.nn.Linear(32, 32) for _ in range(20)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = torch.ones(8, 32)

    def step() -> None:
        optimizer.zero_grad()
        model(data).sum().backward()
        optimizer.step()

    best = {"plain": float("inf"), "installed": float("inf")}
    switches: dict[str, Callable[[], None]] = {"plain": uninstall, "installed": install}
    try:
        for _ in range(rounds):
            for name, switch in switches.items():
                switch()
                step()
                for _ in range(5):
                    start = perf_counter()
                    step()
                    best[name] = min(best[name], perf_counter() - start)
    finally:
        uninstall()
        torch.set_num_threads(threads)
    return Row(
        "a train step after ss.install()",
        Measured("the step without", best["plain"]),
        Measured("with", best["installed"]),
        1.03,
    )


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
