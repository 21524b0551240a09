"""How much of each stretch is reached: equal to counting the addresses one by one, or said to be an estimate."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stridescope.layout import Layout
from stridescope.layout import coverage as density
from stridescope.layout.coverage import coverage

STRIDES = st.sampled_from((-7, -3, -1, 0, 1, 1, 2, 3, 4, 5, 8, 12, 20, 25))
EDGES = st.lists(st.integers(-150, 250), min_size=2, max_size=9).map(sorted)


@st.composite
def small_layouts(draw: st.DrawFn) -> Layout:
    shape = draw(st.lists(st.sampled_from((3, 2, 1, 4, 5, 2, 3, 0)), max_size=4))
    stride = [draw(STRIDES) for _ in shape]
    return Layout(tuple(shape), tuple(stride), draw(st.integers(-5, 40)))


def counted(layouts, edges):
    reached = {address for layout in layouts for address in layout.addresses()}
    return tuple(sum(low <= address < high for address in reached) for low, high in pairwise(edges))


@given(small_layouts(), EDGES)
def test_one_small_layout_is_always_counted_exactly(layout, edges):
    assert coverage([layout], edges) == (counted([layout], edges), True)


@given(st.lists(small_layouts(), max_size=4), EDGES)
def test_several_layouts_are_counted_exactly_or_said_to_be_estimated(layouts, edges):
    counts, exact = coverage(layouts, edges)
    if exact:
        assert counts == counted(layouts, edges)
    assert all(0 <= number <= high - low for number, (low, high) in zip(counts, pairwise(edges), strict=True))


def test_most_unions_of_small_layouts_are_exact_and_some_are_not(monkeypatch):
    """Neither outcome of the test above is vacuous, with as few tries as a large drawing leaves for a stretch."""
    monkeypatch.setattr(density, "TRIED", 16)
    chance = random.Random(4)
    seen = {True: 0, False: 0}
    for _ in range(600):
        layouts = [
            Layout(
                tuple(chance.randint(1, 5) for _ in range(3)),
                tuple(chance.choice((1, 2, 3, 4, 5, 8, 12, 20)) for _ in range(3)),
                chance.randint(0, 40),
            )
            for _ in range(chance.randint(1, 3))
        ]
        edges = sorted(chance.sample(range(250), 4))
        counts, exact = coverage(layouts, edges)
        assert not exact or counts == counted(layouts, edges)
        seen[exact] += 1
    assert seen[True] > 300
    assert seen[False] > 10


HUGE = Layout.contiguous((10**6, 10**6))


@pytest.mark.parametrize(
    ("layouts", "total"),
    [
        ([HUGE], 10**12),
        ([HUGE.t()[::7, ::3]], 142_858 * 333_334),
        ([HUGE, HUGE[::2], HUGE.t()], 10**12),
        ([HUGE[:, :5], HUGE[:, 7:9]], 7 * 10**6),
        ([Layout((10**12, 10**12), (0, 0), 3)], 1),
        ([Layout((10**9, 3), (1, 1))], 10**9 + 2),
        (list(Layout.contiguous((10**6, 64)).unbind(1)), 64 * 10**6),
        ([Layout((10**6, 3, 3), (1000, 5, 7))], 9 * 10**6),
    ],
)
def test_huge_layouts_are_counted_exactly(layouts, total):
    low = min(layout.span[0] for layout in layouts)
    high = max(layout.span[1] for layout in layouts)
    edges = [low + (high - low) * number // 200 for number in range(201)]
    counts, exact = coverage(layouts, edges)
    assert (sum(counts), exact) == (total, True)


def test_what_cannot_be_counted_is_estimated_near_the_truth():
    """Every other row, and of all rows every third column: 2/3 of what there is."""
    edges = [10**12 * number // 50 for number in range(51)]
    counts, exact = coverage([HUGE[::2], HUGE[:, ::3]], edges)
    assert not exact
    assert abs(sum(counts) / 10**12 - 2 / 3) < 0.05


def test_the_same_question_has_the_same_answer():
    layouts = [HUGE[::2], HUGE[:, ::3]]
    edges = [10**12 * number // 50 for number in range(51)]
    assert coverage(layouts, edges) == coverage(layouts, edges)


def test_the_cost_does_not_grow_with_the_elements(monkeypatch):
    """The same number of sums are listed and questions asked for 10**4 and 10**12 elements."""
    asked = {}
    before = density._Reached.before
    for size in (10**2, 10**6):
        calls = []
        monkeypatch.setattr(
            density._Reached, "before", lambda one, at, calls=calls: calls.append(at) or before(one, at)
        )
        layout = Layout.contiguous((size, size)).t()[::7, 1:]
        low, high = layout.span
        assert coverage([layout], [low + (high - low) * number // 200 for number in range(201)]).exact
        asked[size] = len(calls)
    assert asked[10**2] == asked[10**6] == 400


def test_two_hundred_stretches_of_a_huge_layout_take_under_five_milliseconds():
    layout = HUGE.t()[::7, ::3]
    low, high = layout.span
    edges = [low + (high - low) * number // 200 for number in range(201)]
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        coverage([layout], edges)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.005


def test_a_hard_layout_answers_at_once_and_says_that_it_is_a_guess():
    """Forty unrelated strides: which sums exist is a subset-sum problem."""
    chance = random.Random(2)
    layout = Layout((2,) * 40, tuple(2**45 + chance.randrange(2**44) for _ in range(40)))
    low, high = layout.span
    start = time.perf_counter()
    counts, exact = coverage([layout], [low, (low + high) // 2, high])
    assert time.perf_counter() - start < 1
    assert not exact
    assert all(0 <= number <= high - low for number in counts)


def test_no_layouts_and_no_elements_reach_nothing():
    assert coverage([], [0, 4, 8]) == ((0, 0), True)
    assert coverage([Layout((3, 0), (1, 1))], [0, 4]) == ((0,), True)
    assert coverage([HUGE], [5]) == ((), True)
