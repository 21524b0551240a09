"""Random chains of ops, on the algebra and on real torch (or numpy): every step must agree.

    python -m benchmarks.fuzz --chains 100000 --seed 1 [--library numpy] [--jobs 2]

Problem: the algebra claims torch's exact results, so torch is asked, as often as there is time for. Method: a seeded
generator (`benchmarks.chains`) starts from a random layout (size-0 and size-1 dims, stride 0, overlap and offsets among
them), then draws up to twelve ops. The chain runs on the algebra op by op, and as one program on the real library.
Compared at each step: effect, shape, stride, storage_offset, dtype, which storage, the class of error; and, since the
first tensor counts up, the values of the result, which are the provenance of every copied element.

Prints how many chains and ops agreed, and the first disagreements as programs to paste into `stridescope show`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.chains import LIBRARIES, Draw
from stridescope.errors import InputError
from stridescope.program.algebra import AlgebraEngine
from stridescope.program.interpret import interpret
from stridescope.program.native import NativeEngine

if TYPE_CHECKING:
    from stridescope.records import Step, TensorInfo

__all__ = ["Disagreement", "chain_for", "check", "main"]

MAX_NUMEL = 3_000
MAX_VALUES = 400
MAX_OPS = 12


class Disagreement(Exception):  # noqa: N818 - a finding, not an error
    """The algebra and the library differ."""


def chain_for(seed: int, library: str) -> tuple[str, list[Step]]:
    """A random program, and its steps on the algebra."""
    start, table = LIBRARIES[library]
    draw = Draw(seed)
    engine = AlgebraEngine()
    names: dict[str, Any] = {}
    lines = [f"x = {start(draw)}"]
    steps = list(interpret(lines[0], engine, names).steps)
    templates = list(table.values())
    for _ in range(draw.number(1, MAX_OPS)):
        last = steps[-1].tensor
        if last is None or last.shape is None or (last.numel or 0) > MAX_NUMEL or len(last.shape) > 8:
            break
        piece = draw.choice(templates)(draw, last.shape)
        lines.append(
            f"x = {piece.replace('{x}', 'x')}"
            if piece.startswith(("torch.", "np."))
            else f"x = x{piece.replace('{x}', 'x')}"
        )
        try:
            ran = interpret(lines[-1], engine, names)
        except InputError:
            # What depends on values that nobody fixed, or has no strides in elements, is not followed; it says so.
            lines.pop()
            continue
        steps += ran.steps
        if ran.refused or steps[-1].tensor is None:
            break
    return "\n".join(lines), steps


def check(seed: int, library: str) -> Iterator[str]:
    """Run one chain both ways; yields the op of each step that agreed.

    Raises:
        Disagreement: with the program, and what differs.
    """
    source, ours = chain_for(seed, library)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = interpret(source, NativeEngine()).steps
    storages: dict[str, str] = {}
    for number, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        problem = _differ(a, b, storages)
        if problem:
            raise Disagreement(f"seed {seed}, step {number + 1} {a.source}: {problem}\n{source}")
        yield f"{a.op}:{a.effect}"
    if len(ours) != len(theirs):
        raise Disagreement(f"seed {seed}: {len(ours)} steps here, {len(theirs)} there\n{source}")


_KIN = {"NotImplementedError": "RuntimeError"}
"""A class the library raises -> the one of Python's own that it is."""


def _differ(a: Step, b: Step, storages: dict[str, str]) -> str | None:
    if a.effect != b.effect:
        words = b.reason.native_message if b.reason is not None else None
        mine = a.reason.message if a.reason is not None else None
        return f"effect {a.effect} here, {b.effect} there ({mine or words})"
    if (
        a.reason is not None
        and b.reason is not None
        and a.reason.exception != _KIN.get(b.reason.exception, b.reason.exception)
    ):
        return f"{a.reason.exception} here ({a.reason.message}), {b.reason.exception} there ({b.reason.native_message})"
    if a.copied_nbytes != b.copied_nbytes:
        return f"copied {a.copied_nbytes} here, {b.copied_nbytes} there"
    ours = [a.tensor] if a.tensor is not None else list(a.tensors)
    theirs = [b.tensor] if b.tensor is not None else list(b.tensors)
    if len(ours) != len(theirs):
        return f"{len(ours)} tensors here, {len(theirs)} there"
    for one, other in zip(ours, theirs, strict=True):
        problem = _differ_info(one, other, storages)
        if problem:
            return problem
    return _differ_values(a, b)


def _differ_info(a: TensorInfo, b: TensorInfo, storages: dict[str, str]) -> str | None:
    for name in ("shape", "stride", "storage_offset", "dtype", "device", "requires_grad", "type"):
        if getattr(a, name) != getattr(b, name):
            return f"{name} {getattr(a, name)} here, {getattr(b, name)} there"
    assert a.storage is not None
    assert b.storage is not None
    if a.storage.nbytes != b.storage.nbytes:
        return f"storage of {a.storage.nbytes} B here, {b.storage.nbytes} B there"
    if storages.setdefault(a.storage.id, b.storage.id) != b.storage.id:
        return "another storage there"
    return None


def _differ_values(a: Step, b: Step) -> str | None:
    if a.tensor is None or a.values is None or b.values is None or a.effect in ("view", "same"):
        return None
    layout = a.tensor.layout
    if layout is None or not 0 < layout.numel <= MAX_VALUES:
        return None
    addresses = list(layout.addresses())
    mine, real = a.values(addresses), b.values(addresses)
    for index, (one, other) in enumerate(zip(mine, real, strict=True)):
        if one is not None and one != other and not (one != one and other != other):  # noqa: PLR0124 - NaN
            return f"element {index} holds {one} here, {other} there"
    return None


def _finding(seed: int, library: str, ops: Counter[str]) -> str | None:
    """What is wrong with one chain; None when all of it agreed."""
    try:
        ops.update(check(seed, library))
    except Disagreement as finding:
        return str(finding)
    except Exception as crash:  # noqa: BLE001 - a crash is a finding too
        return f"seed {seed}: crashed with {type(crash).__name__}: {crash}"
    return None


def _work(task: tuple[int, int, str]) -> tuple[int, Counter[str], list[str]]:
    import torch

    torch.set_num_threads(1)
    first, count, library = task
    agreed, ops, findings = 0, Counter[str](), []
    for seed in range(first, first + count):
        finding = _finding(seed, library, ops)
        if finding is None:
            agreed += 1
        else:
            findings.append(finding)
    return agreed, ops, findings


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit status 1 when something disagreed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--library", choices=sorted(LIBRARIES), default="torch")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--show", type=int, default=5, help="how many disagreements to print")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    each = 500
    base = options.seed * 1_000_000_000
    tasks = [
        (base + first, min(each, options.chains - first), options.library) for first in range(0, options.chains, each)
    ]
    agreed, ops, findings = 0, Counter[str](), []
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for good, seen, found in pool.imap_unordered(_work, tasks):
            agreed += good
            ops += seen
            findings += found
    elapsed = time.perf_counter() - start
    report = {
        "library": options.library,
        "chains": options.chains,
        "seed": options.seed,
        "agreed": agreed,
        "disagreed": len(findings),
        "ops": sum(ops.values()),
        "effects": dict(_by_effect(ops)),
        "seconds": round(elapsed, 1),
    }
    if options.json:
        print(json.dumps(report))
    else:
        print(f"{agreed:,} of {options.chains:,} {options.library} chains agreed, {len(findings):,} did not")
        print(f"  {sum(ops.values()):,} ops")
        print("  " + ", ".join(f"{effect} {count:,}" for effect, count in sorted(report["effects"].items())))
        print(f"  {elapsed:.0f} s")
    for finding in findings[: options.show]:
        print("\n" + finding, file=sys.stderr)
    return 1 if findings else 0


def _by_effect(ops: Counter[str]) -> Counter[str]:
    effects: Counter[str] = Counter()
    for name, count in ops.items():
        effects[name.partition(":")[2]] += count
    return effects


if __name__ == "__main__":
    raise SystemExit(main())
