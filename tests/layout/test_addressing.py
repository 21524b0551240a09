"""Indices to addresses and back agree with torch and with counting them one by one, and cost nothing at any size."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise, product
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import as_torch, layouts

from stridescope.errors import OpIndexError
from stridescope.layout import Layout

HUGE = Layout.contiguous((10**5, 10**10))

# numpy's views have negative strides; torch has none to compare with, so these are counted.
signed = st.lists(st.tuples(st.integers(0, 4), st.integers(-12, 12)), max_size=4).map(
    lambda dims: Layout(tuple(n for n, _ in dims), tuple(k for _, k in dims), 100)
)


def _indices(layout: Layout) -> list[tuple[int, ...]]:
    return list(product(*map(range, layout.shape)))


@settings(max_examples=200)
@given(layouts(size=3))
def test_addresses_in_index_order_are_the_values_torch_lists(layout: Layout) -> None:
    """The tensor's values are its addresses (see `layouts`)."""
    expected = as_torch(layout).flatten().tolist()
    assert list(layout.addresses()) == expected
    assert [layout.address(index) for index in _indices(layout)] == expected
    assert [layout.unravel(k) for k in range(layout.numel)] == _indices(layout)


@settings(max_examples=200)
@given(layouts(size=3) | signed)
def test_negative_indices_count_from_the_back(layout: Layout) -> None:
    for index in _indices(layout):
        back = tuple(i - n for i, n in zip(index, layout.shape, strict=True))
        assert layout.address(back) == layout.address(index)


@settings(max_examples=300)
@given(layouts(size=3) | signed)
def test_the_span_is_the_half_open_range_of_addresses_reached(layout: Layout) -> None:
    reached = [layout.address(index) for index in _indices(layout)]
    empty = (layout.storage_offset, layout.storage_offset)
    assert layout.span == ((min(reached), max(reached) + 1) if reached else empty)


@settings(max_examples=300)
@given(layouts(size=3, most=4) | signed)
def _check_indices_of(seen: Counter[str], layout: Layout) -> None:
    reached: dict[int, set[tuple[int, ...]]] = defaultdict(set)
    for index in _indices(layout):
        reached[layout.address(index)].add(index)
    low, high = layout.span
    for address in range(low - 2, high + 2):
        found = list(layout.indices_of(address))
        assert len(found) == len(set(found))
        assert set(found) == reached.get(address, set())
        seen[("none", "one", "several")[min(len(found), 2)]] += 1


def test_the_indices_of_an_address_are_all_those_that_reach_it() -> None:
    seen = Counter[str]()
    _check_indices_of(seen)
    assert min(seen["none"], seen["one"], seen["several"]) > 100, seen


@settings(max_examples=200)
@given(layouts(size=3) | signed, st.integers(0, 30), st.integers(0, 60))
def test_a_walk_from_anywhere_is_that_piece_of_the_whole_walk(layout: Layout, start: int, stop: int) -> None:
    whole = list(layout.walk())
    assert [(index, address) for index, address, _ in whole] == [
        (index, layout.address(index)) for index in _indices(layout)
    ]
    assert [hop for _, _, hop in whole[1:]] == [b - a for (_, a, _), (_, b, _) in pairwise(whole)]
    piece = list(layout.walk(start, stop))
    assert piece[1:] == whole[start:stop][1:]
    if piece:
        assert piece[0] == (*whole[start][:2], 0)
    else:
        assert not whole[start:stop]


@settings(max_examples=200)
@given(layouts(size=3) | signed)
def _check_hops(seen: Counter[int], layout: Layout) -> None:
    hops = layout.hops()
    for (index, _, _), (following, _, hop) in pairwise(layout.walk()):
        moved = next(dim for dim, (a, b) in enumerate(zip(index, following, strict=True)) if a != b)
        assert hop == hops[moved]
        seen[layout.ndim - moved] += 1


def test_a_hop_is_the_step_of_the_walk_when_that_dim_advances_and_the_later_ones_start_again() -> None:
    seen = Counter[int]()
    _check_hops(seen)
    assert min(seen[1], seen[2], seen[3]) > 20, seen


@settings(max_examples=400)
@given(layouts(size=3) | signed)
def _check_coalesced(seen: Counter[bool], layout: Layout) -> None:
    joined = layout.coalesced()
    assert list(joined.addresses()) == list(layout.addresses())
    assert joined.coalesced() == joined
    assert joined.storage_offset == layout.storage_offset
    if layout.numel == 0:
        assert joined.shape == (0,)
        return
    assert 1 not in joined.shape
    dims = list(zip(joined.shape, joined.stride, strict=True))
    assert not any(step == size * below for (_, step), (size, below) in pairwise(dims)), "two dims left to join"
    seen[joined.ndim < layout.ndim] += 1


def test_coalesced_reaches_the_same_addresses_in_the_same_order_with_no_dim_left_to_join() -> None:
    seen = Counter[bool]()
    _check_coalesced(seen)
    assert min(seen[True], seen[False]) > 50, seen


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((3, 0), "index 3 is out of range for dim 0 of size 3"),
        ((0, -5), "index -5 is out of range for dim 1 of size 4"),
        ((1,), r"index \(1,\) has 1 entries; a tensor of shape \(3, 4\) takes 2"),
        ((1, 1, 1), r"index \(1, 1, 1\) has 3 entries"),
    ],
)
def test_an_index_that_reaches_nothing_is_an_index_error_that_names_the_dim(index: tuple[int, ...], words: str) -> None:
    with pytest.raises(OpIndexError, match=words):
        Layout.contiguous((3, 4)).address(index)


def test_there_is_no_element_past_the_last() -> None:
    with pytest.raises(OpIndexError, match="has only 12 elements"):
        Layout.contiguous((3, 4)).unravel(12)


# ------------------------------------------------------------------------------------------------------ any size


def test_ten_to_the_fifteen_elements_are_answered_without_listing_them() -> None:
    turned = HUGE.t()
    last = 10**15 - 1
    assert turned.address((-1, -1)) == last
    assert turned.unravel(last) == (10**10 - 1, 10**5 - 1)
    assert list(turned.indices_of(123_456_789_012_345)) == [(6_789_012_345, 12_345)]
    assert turned.span == (0, 10**15)
    assert turned.hops() == (1 - (10**5 - 1) * 10**10, 10**10)
    assert HUGE.coalesced() == Layout((10**15,), (1,))
    assert next(iter(turned.addresses())) == 0
    assert [index for index, _, _ in turned.walk(last - 1)] == [(10**10 - 1, 10**5 - 2), (10**10 - 1, 10**5 - 1)]


def test_an_address_reached_by_ten_to_the_ten_indices_gives_the_first_of_them_at_once() -> None:
    spread = Layout((10**10, 5), (0, 1))
    found = spread.indices_of(3)
    assert [next(found) for _ in range(3)] == [(0, 3), (1, 3), (2, 3)]


def test_the_time_of_an_answer_does_not_grow_with_numel() -> None:
    def seconds(layout: Layout) -> float:
        start = perf_counter()
        for _ in range(200):
            layout.address((-1, -1))
            layout.unravel(layout.numel - 1)
            next(layout.indices_of(layout.span[1] - 1))
            layout.coalesced()
        return perf_counter() - start

    small = min(seconds(Layout.contiguous((10, 100)).t()) for _ in range(5))
    large = min(seconds(HUGE.t()) for _ in range(5))
    # Longer integers cost a little; a loop over elements would cost 10^12 times as much.
    assert large < 5 * small
