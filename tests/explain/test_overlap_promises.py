"""Overlap answers as numpy does on random instances, within its budget, and says so in words."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

import stridescope as ss
from benchmarks.fuzz_overlap import FAMILIES, Disagreement, fuzz, main
from stridescope.layout import Layout
from stridescope.layout.overlap import DEFAULT_BUDGET

pytest.importorskip("numpy._core._multiarray_tests")


@pytest.mark.parametrize("name", FAMILIES)
def test_both_answers_are_numpys_many_times_over(name):
    seen = fuzz(300, 11, name)
    assert min(seen["yes"], seen["no"]) >= 300
    assert not seen["undecided"]


def test_a_wrong_answer_would_be_found(monkeypatch):
    """The fuzz can fail: with an overlap that always says no it does."""
    from stridescope.layout.overlap import Overlap

    monkeypatch.setattr("benchmarks.fuzz_overlap.shared_bytes_overlap", lambda *_: Overlap("no"))
    monkeypatch.setattr("benchmarks.fuzz_overlap.internal_overlap", lambda *_: Overlap("no"))
    for name in FAMILIES:
        with pytest.raises(Disagreement):
            fuzz(20, 0, name)
    assert main(["--cases", "5", "--json"]) == 1


def test_the_budget_is_a_parameter_and_is_told():
    rng = random.Random(45)
    stride = tuple(rng.randint(2**44, 2**45) for _ in range(40))
    hard = Layout((2,) * 40, stride)
    for budget in (1, 500):
        found = ss.overlap(hard, budget=budget)
        assert (found.verdict, found.work, str(found)) == (
            "undecided",
            budget,
            f"undecided after {budget:,} steps",
        )
    assert ss.overlap(hard).work == DEFAULT_BUDGET
    halves = Layout((2,) * 20, stride[:20]), Layout((2,) * 20, stride[20:], 12345)
    assert ss.overlap(*halves, budget=70).work == 70


def test_a_verdict_in_words():
    assert str(ss.overlap(torch.arange(8).unfold(0, 3, 1))) == "yes: [0, 1] and [1, 0] meet"
    assert str(ss.overlap(torch.arange(8))) == "no"


def test_a_byte_shared_in_part_by_items_of_two_sizes():
    memory = np.zeros(32, "u1")
    a = memory[2:18].view("f8")
    b = memory[1:9].view("i2")
    found = ss.overlap(torch.from_numpy(memory), a)
    assert (found.verdict, found.shared_nbytes) == ("yes", 16)
    found = ss.overlap(a, b)
    assert (found.verdict, found.shared_nbytes, np.shares_memory(a, b)) == ("yes", 7, True)
