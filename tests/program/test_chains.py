"""Random chains of ops agree with real torch and numpy at every step: effect, layout, storage, error and values."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import LIBRARIES, Disagreement, chain_for, check
from stridescope.program import algebra

CHAINS = {"torch": 500, "numpy": 300}


@pytest.mark.parametrize("library", LIBRARIES)
def test_seeded_chains_agree_at_every_step(library: str) -> None:
    """The same chains each time; `python -m benchmarks.fuzz` runs as many as it is asked for."""
    seen = Counter[str]()
    for seed in range(CHAINS[library]):
        seen.update(check(seed, library))
    effects = Counter[str]()
    for op, count in seen.items():
        effects[op.rpartition(":")[2]] += count
    assert min(effects[effect] for effect in ("alloc", "view", "copy", "refused")) > 50, effects
    assert len({op.rpartition(":")[0] for op in seen}) > 20


@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=100)
@given(st.integers(10**6, 10**12))
def test_any_other_chain_agrees_too(library: str, seed: int) -> None:
    assert sum(1 for _ in check(seed, library)) >= 1


def test_a_wrong_answer_of_the_algebra_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself can fail: an engine that calls every view a copy disagrees."""
    apply = algebra.AlgebraEngine.apply

    def lies(*call: Any) -> Any:
        outcome = apply(*call)
        if outcome.effect == "view":
            object.__setattr__(outcome, "effect", "copy")
        return outcome

    monkeypatch.setattr(algebra.AlgebraEngine, "apply", lies)
    with pytest.raises(Disagreement, match="effect copy here, view there"):
        Counter(op for seed in range(20) for op in check(seed, "torch"))


def test_a_chain_is_the_same_for_the_same_seed() -> None:
    assert chain_for(11, "torch")[0] == chain_for(11, "torch")[0]
    assert chain_for(11, "torch")[0] != chain_for(12, "torch")[0]
