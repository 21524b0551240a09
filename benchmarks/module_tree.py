"""Rows on module trees: the tree of a 70B Llama on meta beside torch's own walk, and 100,000 modules beside 10,000."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from benchmarks.measure import Measured, Row, best_of_calls

__all__ = ["module_trees"]

LLAMA_70B = {
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
AS_LARGE = 10
"""How many times more modules the larger of two models has."""


def module_trees(quick: bool) -> Iterator[Row]:
    """The tree of a large model, and how it grows."""
    torch = _module("torch")
    if torch is None:
        return
    yield from _llama(torch, quick)
    yield _growth(torch, quick)


def _llama(torch: Any, quick: bool) -> Iterator[Row]:
    from stridescope.modules.reading import modules

    transformers, torchinfo = _module("transformers"), _module("torchinfo")
    if transformers is None:
        return
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**LLAMA_70B))
    calls: dict[str, Callable[[], object]] = {
        "floor": lambda: list(model.named_modules()),
        "tree": lambda: modules(model),
        "counted": lambda: modules(model).counts,
    }
    if torchinfo is not None:
        calls["peer"] = lambda: torchinfo.summary(model, verbose=0, depth=_depth(model))
    best = best_of_calls(calls, rounds=5 if quick else 30)
    walk = Measured("list(model.named_modules())", best["floor"])
    peer = Measured("torchinfo.summary", best.get("peer"))
    number = len(list(model.modules()))
    yield Row(f"tree of {number} modules on meta", walk, Measured("ss.modules(model)", best["tree"]), 15.0, peer, 3.0)
    yield Row("the same, and its counts", walk, Measured("ss.modules(model).counts", best["counted"]), 15.0, peer, 3.0)


def _growth(torch: Any, quick: bool) -> Row:
    """Ten times the modules, in ten times the time."""
    from stridescope.modules.reading import modules

    small, large = 10_000, 10_000 * AS_LARGE
    models = {size: _blocks(torch, size) for size in (small, large)}
    best = best_of_calls(
        {str(size): (lambda model=model: modules(model)) for size, model in models.items()},  # type: ignore[misc]
        rounds=2 if quick else 6,
    )
    return Row(
        f"tree of {large:,} modules",
        Measured(f"{AS_LARGE} × tree of {small:,}", AS_LARGE * best[str(small)]),
        Measured("ss.modules(model)", best[str(large)]),
        # Linear, but for caches that hold the small one whole.
        2.0,
    )


def _blocks(torch: Any, size: int) -> Any:
    """`size` modules, less the one around them: blocks of a norm with parameters and eight modules without."""
    nn = torch.nn
    return nn.ModuleList(
        nn.ModuleList([nn.LayerNorm(2, device="meta"), *(nn.Identity() for _ in range(8))]) for _ in range(size // 10)
    )


def _depth(model: Any) -> int:
    depths: list[int] = [name.count(".") + 2 for name, _ in model.named_modules()]
    return max(depths)


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None
