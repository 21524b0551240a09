"""Overlap verdicts are numpy's, witnesses are true by address, and the work is bounded."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

from stridescope.layout.overlap import (
    DEFAULT_BUDGET,
    Extent,
    internal_overlap,
    shared_bytes_overlap,
    shared_nbytes,
)

numpy_tests = pytest.importorskip("numpy._core._multiarray_tests")

ITEM_DTYPES = {1: "i1", 2: "i2", 3: "S3", 4: "f4", 8: "f8", 16: "c16"}


def address(index, stride, offset=0):
    return offset + sum(i * step for i, step in zip(index, stride, strict=True))


def assert_two_indices_meet(overlap, shape, stride):
    i, j = overlap.witness
    assert i != j
    for index in (i, j):
        assert all(0 <= k < size for k, size in zip(index, shape, strict=True))
    assert address(i, stride) == address(j, stride)


def numpy_overlaps_itself(shape, stride):
    return numpy_tests.internal_overlap(as_strided(np.zeros(1, "i1"), shape, stride), -1)


def random_layout(rng, most_dims, most_size, most_stride):
    ndim = rng.randint(0, most_dims)
    shape = tuple(rng.randint(1, most_size) for _ in range(ndim))
    return shape, tuple(rng.choice((1, 1, -1)) * rng.randint(0, most_stride) for _ in range(ndim))


@pytest.mark.parametrize(("most_dims", "most_size", "most_stride"), [(3, 6, 12), (4, 5, 60), (5, 5, 300), (5, 6, 150)])
def test_a_tensor_overlaps_itself_exactly_when_numpy_says_so(most_dims, most_size, most_stride):
    rng = random.Random(most_stride)
    seen = {"yes": 0, "no": 0}
    for _ in range(700):
        shape, stride = random_layout(rng, most_dims, most_size, most_stride)
        overlap = internal_overlap(shape, stride)
        seen[overlap.verdict] += 1
        assert (overlap.verdict == "yes") is numpy_overlaps_itself(shape, stride), (shape, stride)
        if overlap.verdict == "yes":
            assert_two_indices_meet(overlap, shape, stride)
        else:
            assert overlap.witness is None
    assert min(seen.values()) > 50, seen


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-12, 12)), max_size=4))
def test_a_tensor_overlaps_itself_exactly_when_listing_its_addresses_finds_one_twice(dims):
    shape, stride = tuple(n for n, _ in dims), tuple(step for _, step in dims)
    addresses = [address(index, stride) for index in product(*map(range, shape))]
    repeated = len(set(addresses)) < len(addresses)
    overlap = internal_overlap(shape, stride)
    assert overlap.verdict == ("yes" if repeated else "no")
    if repeated:
        assert_two_indices_meet(overlap, shape, stride)


def test_the_search_agrees_with_numpys_solver_where_strides_are_large_and_unrelated():
    rng = random.Random(7)
    seen = {"yes": 0, "no": 0}
    for _ in range(400):
        ndim = rng.randint(3, 6)
        shape = tuple(rng.randint(2, 7) for _ in range(ndim))
        stride = tuple(rng.randint(1, 6_000) for _ in range(ndim))
        solution = numpy_tests.solve_diophantine(
            stride,
            tuple(2 * (n - 1) for n in shape),
            address((n - 1 for n in shape), stride),
            require_ub_nontrivial=1,
        )
        overlap = internal_overlap(shape, stride)
        seen[overlap.verdict] += 1
        assert (overlap.verdict == "yes") is (solution is not None)
    assert min(seen.values()) > 50, seen


@pytest.mark.parametrize(
    ("shape", "stride"),
    [
        ((), ()),
        ((0, 5), (0, 0)),
        ((1, 1), (0, 0)),
        ((3, 4), (4, 1)),
        ((3, 4), (-4, 1)),
        ((4, 3), (1, 4)),
        ((10**6, 10**6, 10**6), (10**12, 10**6, 1)),
        ((2, 1, 2), (1, 0, 2)),
    ],
)
def test_layouts_whose_strides_stand_apart_need_no_search(shape, stride):
    overlap = internal_overlap(shape, stride)
    assert (overlap.verdict, overlap.witness, overlap.work) == ("no", None, 0)


def test_an_expanded_dim_an_unfold_and_two_equal_strides_overlap_without_a_search():
    for shape, stride in [((3, 4), (0, 1)), ((6, 3), (1, 1)), ((5, 5), (-3, 3)), ((10**9, 10**9), (10**8, 7))]:
        overlap = internal_overlap(shape, stride)
        assert (overlap.verdict, overlap.work) == ("yes", 0)
        assert_two_indices_meet(overlap, shape, stride)


def test_a_dim_apart_from_the_rest_does_not_make_the_search_longer():
    """Upper strides are multiples of 512 and the lower dim spans less, so the two never mix."""
    upper = (12, 13, 14), (13 * 512, 29 * 512, 97 * 512)
    alone = internal_overlap(*upper)
    beside = internal_overlap((*upper[0], 511), (*upper[1], 1))
    assert alone.verdict == beside.verdict == "yes"
    assert beside.work <= alone.work + 1


@pytest.mark.parametrize("budget", [1, 50, 1000, DEFAULT_BUDGET])
def test_hard_instances_end_undecided_within_the_budget(budget):
    """40 dims of size 2 and unrelated strides around 2**45: SUBSET-SUM at its hardest."""
    rng = random.Random(45)
    stride = tuple(rng.randint(2**44, 2**45) for _ in range(40))
    overlap = internal_overlap((2,) * 40, stride, budget)
    assert (overlap.verdict, overlap.witness) == ("undecided", None)
    assert overlap.work == budget
    shared = shared_bytes_overlap(
        Extent((2,) * 20, stride[:20], 0, 1), Extent((2,) * 20, stride[20:], 12345, 1), budget
    )
    assert shared.verdict == "undecided"
    assert shared.work == budget
    assert str(shared) == f"undecided after {budget:,} steps"


def test_more_elements_than_addresses_overlap_even_where_the_search_is_cut_short():
    rng = random.Random(3)
    stride = tuple(rng.randint(10**4, 10**5) for _ in range(40))
    overlap = internal_overlap((2,) * 40, stride, budget=1)
    assert (overlap.verdict, overlap.witness) == ("yes", None)
    found = internal_overlap((2,) * 40, stride)
    assert found.verdict == "yes"
    assert_two_indices_meet(found, (2,) * 40, stride)


def test_a_thousand_dims_are_within_reach():
    overlap = internal_overlap((2,) * 1000, tuple(3**d + d % 2 for d in range(1000)), budget=2000)
    assert overlap.verdict in {"yes", "no", "undecided"}
    assert internal_overlap((2,) * 1000, tuple(2**d for d in range(1000))).verdict == "no"


def random_view(rng, storage_nbytes):
    """An array over part of a storage, with its shape, byte strides, byte offset and item size."""
    while True:
        itemsize = rng.choice(tuple(ITEM_DTYPES))
        ndim = rng.randint(0, 3)
        shape = tuple(rng.randint(0 if rng.random() < 0.05 else 1, 5) for _ in range(ndim))
        step = rng.choice((1, itemsize))
        stride = tuple(rng.choice((1, -1)) * step * rng.randint(0, 20) for _ in range(ndim))
        offset = rng.randint(0, storage_nbytes - itemsize)
        reach = [(n - 1) * s for n, s in zip(shape, stride, strict=True)]
        low = offset + sum(r for r in reach if r < 0)
        high = offset + sum(r for r in reach if r > 0) + itemsize
        if low >= 0 and high <= storage_nbytes:
            return shape, stride, offset, itemsize


@pytest.mark.parametrize("storage_nbytes", [200, 600])
def test_two_tensors_share_a_byte_exactly_when_numpy_says_so(storage_nbytes):
    rng = random.Random(storage_nbytes)
    storage = np.zeros(storage_nbytes, "u1")
    seen = {"yes": 0, "no": 0}
    partial = 0
    for _ in range(1500):
        views = [random_view(rng, storage_nbytes) for _ in range(2)]
        arrays = [
            np.ndarray(shape, ITEM_DTYPES[itemsize], storage, offset, stride)
            for shape, stride, offset, itemsize in views
        ]
        overlap = shared_bytes_overlap(Extent(*views[0]), Extent(*views[1]))
        seen[overlap.verdict] += 1
        assert (overlap.verdict == "yes") is np.shares_memory(*arrays), views
        if overlap.verdict == "yes":
            places = []
            for index, (shape, stride, offset, itemsize) in zip(overlap.witness, views, strict=True):
                assert all(0 <= k < size for k, size in zip(index, shape, strict=True))
                first = address(index, stride, offset)
                places.append(range(first, first + itemsize))
            assert set(places[0]) & set(places[1])
            partial += places[0] != places[1]
    assert min(seen.values()) > 150, seen
    assert partial > 100


@pytest.mark.parametrize("storage_nbytes", [200, 600])
def test_the_shared_bytes_are_those_that_listing_them_finds(storage_nbytes):
    rng = random.Random(storage_nbytes + 1)
    for _ in range(500):
        views = [random_view(rng, storage_nbytes) for _ in range(2)]
        listed = [
            {address(index, stride, offset) + byte for index in product(*map(range, shape)) for byte in range(itemsize)}
            for shape, stride, offset, itemsize in views
        ]
        assert shared_nbytes(Extent(*views[0]), Extent(*views[1])) == len(listed[0] & listed[1])
        assert shared_nbytes(Extent(*views[0]), Extent(*views[0])) == len(listed[0])


def test_interleaved_columns_share_no_byte_whatever_their_size():
    left = ((10**6, 500), (4000, 4), 0, 4)
    right = ((10**6, 500), (4000, 4), 2000, 4)
    assert shared_bytes_overlap(Extent(*left), Extent(*right)).verdict == "no"
    shifted = ((10**6, 500), (4000, 4), 1999, 4)
    overlap = shared_bytes_overlap(Extent(*left), Extent(*shifted))
    assert overlap.verdict == "yes"
    i, j = overlap.witness
    assert -4 < address(j, (4000, 4), 1999) - address(i, (4000, 4)) < 4


def test_the_count_of_shared_bytes_is_left_open_only_where_it_is_not_cheap():
    dense = ((10**12,), (8,), 0, 8)
    assert shared_nbytes(Extent(*dense), Extent(*dense)) == 8 * 10**12
    assert shared_nbytes(Extent(*dense), Extent((10,), (8,), 8 * 10**12 - 16, 8)) == 16
    assert shared_nbytes(Extent(*dense), Extent((10,), (8,), 8 * 10**12, 8)) == 0
    gaps = ((10**12,), (16,), 0, 8)
    assert shared_nbytes(Extent(*dense), Extent(*gaps)) is None


def test_json_of_an_overlap():
    assert internal_overlap((2, 2), (1, 1)).to_dict() == {"verdict": "yes", "witness": [[0, 1], [1, 0]], "work": 0}
    assert internal_overlap((2, 2), (2, 1)).to_dict() == {"verdict": "no", "witness": None, "work": 0}
