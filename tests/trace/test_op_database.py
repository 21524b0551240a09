"""Every op of torch's own test database: results under a trace are those without, effects are those of the storages."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils._pytree import tree_flatten, tree_map

from stridescope.trace.tracing import trace

pytest.importorskip("expecttest")

SAMPLES = 2
RANDOM = {
    *("bernoulli", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "normal", "uniform", "rand_like"),
    *("empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"),
    *("randint", "randint_like", "randn", "randn_like", "pca_lowrank", "svd_lowrank"),
    *("nn.functional.dropout", "nn.functional.dropout2d", "nn.functional.dropout3d"),
    *("nn.functional.alpha_dropout", "nn.functional.feature_alpha_dropout", "nn.functional.rrelu"),
}
"""Ops whose result is chance, or what was in memory."""


def database() -> list[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    return list(op_db)


def tensors(value: Any) -> list[torch.Tensor]:
    return [x for x in tree_flatten(value)[0] if isinstance(x, torch.Tensor)]


def each(value: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    return tree_map(lambda x: function(x) if isinstance(x, torch.Tensor) else x, value)


def scattered(x: torch.Tensor) -> torch.Tensor:
    """The same values, every other element of a storage."""
    if x.layout != torch.strided or not x.ndim or x.numel() < 2:
        return x
    wide = torch.empty((*x.shape, 2), dtype=x.dtype)
    wide[..., 0].copy_(x)
    return wide[..., 0]


def same_again(x: torch.Tensor) -> torch.Tensor:
    """Another tensor with the same values and layout."""
    if x.layout != torch.strided or x.is_quantized:
        return x.detach().clone()
    storage = x.detach().untyped_storage().clone()
    return torch.empty(0, dtype=x.dtype).set_(storage, x.storage_offset(), x.shape, x.stride())


def number(x: torch.Tensor) -> int | None:
    try:
        return int(x.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return None


def raw(x: torch.Tensor) -> tuple[Any, ...]:
    """Shape, dtype and the very bytes."""
    x = x.detach().to_dense() if x.layout != torch.strided else x.detach()
    dense = torch.empty(x.shape, dtype=x.dtype).copy_(x)
    return tuple(x.shape), x.dtype, dense.reshape(-1).view(torch.uint8).numpy().tobytes() if x.numel() else b""


def samples(op: Any) -> Iterator[tuple[Any, ...]]:
    dtype = next((kind for kind in (torch.float32, torch.int64, *op.dtypes) if kind in op.dtypes), None)
    if dtype is None:
        return
    for place, sample in enumerate(op.sample_inputs("cpu", dtype, requires_grad=False)):
        if place == SAMPLES:
            return
        given = (sample.input, sample.args, sample.kwargs)
        yield given
        yield each(given, scattered)


def outcome(op: Any, given: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
    torch.manual_seed(0)
    try:
        return op.op(given[0], *given[1], **given[2]), None
    except Exception as error:  # noqa: BLE001 - whatever it raises is to be the same
        return None, error


@pytest.mark.filterwarnings("ignore")
def test_every_op_gives_what_it_gives_and_every_effect_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    # torch's samples each look up the module of every frame on the stack, which takes nearly all of the time.
    monkeypatch.setattr("inspect.getmodule", lambda *_, **__: None)
    monkeypatch.setattr("traceback.format_stack", lambda *_, **__: [])
    seen = Counter[str]()
    wrong: list[str] = []
    ops = set()
    for op in database():
        for given in samples(op):
            plain, failed = outcome(op, each(given, same_again))
            mine = each(given, same_again)
            inputs = tensors(mine)
            before = [(number(x), raw(x)) for x in inputs]
            with trace() as t:
                found, error = outcome(op, mine)
            ops.add(op.name)
            if type(failed) is not type(error):
                wrong.append(f"{op.name}: {failed!r} without, {error!r} under a trace")
            if failed is not None or error is not None:
                seen["refused"] += 1
                continue
            results = tensors(found)
            if op.name not in RANDOM and [raw(x) for x in tensors(plain)] != [raw(x) for x in results]:
                # Sums in parallel or at other alignments may differ in the last bit.
                pairs = list(zip(tensors(plain), results, strict=True))
                if not all(a.layout == b.layout and torch.allclose(a, b, equal_nan=True) for a, b in pairs):
                    wrong.append(f"{op.name}: another result")
            seen["run"] += 1
            if len(t.steps) != 1 or not results or None in [number(x) for x in results]:
                continue
            held = [storage for storage, _ in before]
            written = {storage for (storage, old), x in zip(before, inputs, strict=True) if raw(x) != old}
            inside = [number(x) in held for x in results]
            claimed = t.steps[0].effect
            if any(inside) and not all(inside):
                continue
            if not all(inside):
                truth = claimed in ("alloc", "copy")
            elif number(results[0]) in written:
                truth = claimed == "write"
            else:
                truth = claimed in ("view", "same") or (claimed == "write" and op.name.endswith("_"))
            seen["effects"] += 1
            if not truth:
                wrong.append(f"{op.name}: claimed {claimed}, storages {held} to {[number(x) for x in results]}")
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert len(ops) > 500
    assert seen["effects"] > 1000, seen
