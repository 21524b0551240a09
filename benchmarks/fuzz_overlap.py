"""Random instances of overlap against numpy's own solvers, until both answers were seen often.

`python -m benchmarks.fuzz_overlap --cases 10000 --seed 0`: exit status 1 when one disagreed.

Problem: an exact answer is worth what it is checked against. Method: three families, each run until "yes" and "no" were
both seen `--cases` times: two views of one storage, with items of 1 to 16 bytes at any byte, against `np.shares_memory`
(exact); one tensor against itself, against numpy's `internal_overlap`; and small cases against a list of all bytes.
Every witness is checked by its addresses. An "undecided" counts as neither, and is told. Cost: some minutes for 10,000.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

from stridescope.layout.overlap import Extent, Overlap, internal_overlap, shared_bytes_overlap, shared_nbytes

__all__ = ["FAMILIES", "Disagreement", "fuzz", "main"]

ITEMS = {1: "i1", 2: "i2", 3: "S3", 4: "f4", 8: "f8", 16: "c16"}
STORAGE_NBYTES = 600
MOST_INSTANCES = 100
"""Instances tried for each answer that is asked for, at most."""


class Disagreement(AssertionError):  # noqa: N818 - a finding, not an error
    """numpy says otherwise, or a witness is wrong."""


def _address(index: Any, stride: Any, offset: int = 0) -> int:
    return int(offset + sum(i * step for i, step in zip(index, stride, strict=True)))


def _view(rng: random.Random, nbytes: int, most_dims: int, most_size: int) -> Extent:
    while True:
        ndim, item = rng.randint(0, most_dims), rng.choice(tuple(ITEMS))
        shape = tuple(rng.randint(0 if rng.random() < 0.03 else 1, most_size) for _ in range(ndim))
        step = rng.choice((1, item))
        stride = tuple(rng.choice((1, -1)) * step * rng.randint(0, 20) for _ in range(ndim))
        offset = rng.randint(0, nbytes - item)
        reach = [(size - 1) * each for size, each in zip(shape, stride, strict=True)]
        if offset + sum(r for r in reach if r < 0) < 0 or offset + item + sum(r for r in reach if r > 0) > nbytes:
            continue
        return Extent(shape, stride, offset, item)


def _bytes_of(x: Extent) -> set[int]:
    places = (_address(index, x.byte_stride, x.byte_offset) for index in product(*map(range, x.shape)))
    return {place + byte for place in places for byte in range(x.itemsize)}


def _check_pair(a: Extent, b: Extent, found: Overlap) -> None:
    if found.witness is None:
        raise Disagreement(f"{a} and {b}: a yes without a witness")
    places = []
    for x, index in zip((a, b), found.witness, strict=True):
        if not all(0 <= i < size for i, size in zip(index, x.shape, strict=True)):
            raise Disagreement(f"{a} and {b}: index {index} is out of range")
        first = _address(index, x.byte_stride, x.byte_offset)
        places.append(set(range(first, first + x.itemsize)))
    if not places[0] & places[1]:
        raise Disagreement(f"{a} and {b}: {found.witness} have no byte in common")


def _two_views(rng: random.Random) -> str:
    import numpy as np

    storage: Any = np.zeros(STORAGE_NBYTES, "u1")
    a, b = (_view(rng, STORAGE_NBYTES, 4, 5) for _ in range(2))
    arrays: list[Any] = [np.ndarray(x.shape, ITEMS[x.itemsize], storage, x.byte_offset, x.byte_stride) for x in (a, b)]
    found = shared_bytes_overlap(a, b)
    if found.verdict == "undecided":
        return found.verdict
    if (found.verdict == "yes") is not (theirs := bool(np.shares_memory(arrays[0], arrays[1]))):
        raise Disagreement(f"{a} and {b}: {found.verdict} here, {theirs} in numpy")
    if found.verdict == "yes":
        _check_pair(a, b, found)
    return found.verdict


def _itself(rng: random.Random) -> str:
    import numpy as np
    from numpy._core._multiarray_tests import internal_overlap as in_numpy
    from numpy.lib.stride_tricks import as_strided

    most_dims, most_size, most_stride = rng.choice(((3, 6, 12), (4, 5, 60), (5, 5, 300), (5, 6, 150)))
    ndim = rng.randint(0, most_dims)
    shape = tuple(rng.randint(1, most_size) for _ in range(ndim))
    stride = tuple(rng.choice((1, 1, -1)) * rng.randint(0, most_stride) for _ in range(ndim))
    found = internal_overlap(shape, stride)
    if found.verdict == "undecided":
        return found.verdict
    # numpy is asked about byte strides alone: nothing is read there.
    theirs = in_numpy(as_strided(np.zeros(1, "i1"), shape, stride), -1)
    if (found.verdict == "yes") is not bool(theirs):
        raise Disagreement(f"{shape}:{stride}: {found.verdict} here, {theirs} in numpy")
    if found.witness is not None:
        i, j = found.witness
        if i == j or _address(i, stride) != _address(j, stride):
            raise Disagreement(f"{shape}:{stride}: {found.witness} do not meet")
    return found.verdict


def _by_force(rng: random.Random) -> str:
    a, b = (_view(rng, 60, 3, 4) for _ in range(2))
    both = _bytes_of(a) & _bytes_of(b)
    found = shared_bytes_overlap(a, b)
    if (found.verdict == "yes") is not bool(both):
        raise Disagreement(f"{a} and {b}: {found.verdict} here, {len(both)} bytes in common")
    if shared_nbytes(a, b) != len(both):
        raise Disagreement(f"{a} and {b}: {shared_nbytes(a, b)} bytes shared here, {len(both)} by listing them")
    if found.verdict == "yes":
        _check_pair(a, b, found)
    return found.verdict


FAMILIES: dict[str, Callable[[random.Random], str]] = {
    "two views, np.shares_memory": _two_views,
    "one tensor, numpy's internal_overlap": _itself,
    "small ones, all bytes listed": _by_force,
}


def fuzz(cases: int, seed: int, name: str) -> Counter[str]:
    """Run one family until both answers were seen `cases` times; how often each was.

    Raises:
        Disagreement: with the instance.
    """
    rng = random.Random(f"{seed} {name}")
    seen = Counter[str]()
    for _ in range(2 * MOST_INSTANCES * cases):
        seen[FAMILIES[name](rng)] += 1
        if seen["yes"] >= cases and seen["no"] >= cases:
            return seen
    raise Disagreement(f"{name}: after {seen.total():,} instances one answer was still rare: {dict(seen)}")


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit status 1 when something disagreed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_overlap", description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000, help="how often both answers must be seen, in each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {}
    failed = False
    for name in FAMILIES:
        start = time.perf_counter()
        try:
            seen: dict[str, Any] = dict(fuzz(options.cases, options.seed, name))
        except Disagreement as finding:
            seen, failed = {"finding": str(finding)}, True
        report[name] = {**seen, "seconds": round(time.perf_counter() - start, 1)}
        if not options.json:
            print(f"{name}: {', '.join(f'{key} {value}' for key, value in report[name].items())}", flush=True)
    if options.json:
        print(json.dumps(report))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
