"""Random chains, run live under a trace: the effects are those that `ss.run` works out without torch."""

from __future__ import annotations

import warnings
from collections import Counter

import torch

from benchmarks.fuzz import chain_for
from stridescope.records import Step
from stridescope.trace.tracing import trace

CHAINS = 400
MAY_KEEP = ("reshape", "reshape_as", "ravel", "flatten")
TWICE = ("repeat_interleave", "take", "tile")
"""Ops that torch may move bytes twice for: laid out anew first, or their conjugate bit resolved."""


def foreseen(steps: list[Step]) -> list[tuple[str, str, int]]:
    answer = []
    for number, step in enumerate(steps):
        if step.op == "getitem" and step.effect == "same" and number and steps[number - 1].tensors:
            continue  # an item of a tuple is Python's work
        effect: str = step.effect
        if step.op in MAY_KEEP and step.before is not None and step.tensor is not None:
            # A new tensor object with the old layout: a program calls it a view, a trace says that nothing changed.
            effect = "same" if step.before.layout == step.tensor.layout else effect
        if step.op == "unbind" and not step.tensors and step.tensor is None and effect != "refused":
            continue  # no tensor came of it
        answer.append((step.op, effect, step.copied_nbytes))
    return answer


def test_live_effects_are_those_foreseen() -> None:
    effects = Counter[str]()
    for seed in range(CHAINS):
        source, steps = chain_for(seed, "torch")
        with warnings.catch_warnings(), trace() as t:
            warnings.simplefilter("ignore")
            try:
                exec(compile(source, "chain", "exec"), {"torch": torch})
            except Exception:  # noqa: BLE001 - whatever torch refuses with
                assert steps[-1].effect == "refused", source
        expected = foreseen(steps)
        happened = [(step.op, step.effect, step.copied_nbytes) for step in t.steps]
        assert [step[:2] for step in happened] == [step[:2] for step in expected], source
        for (op, effect, copied), (_, _, least) in zip(happened, expected, strict=True):
            assert copied == least or (op in TWICE and copied > least), f"{op}\n{source}"
            effects[effect] += 1
    assert min(effects[effect] for effect in ("alloc", "view", "same", "copy", "refused")) > 30, effects
