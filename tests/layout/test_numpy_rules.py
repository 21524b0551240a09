"""Every op of numpy's rules gives numpy's own shape, strides, offset, effect, provenance and class of error.

The oracle is numpy on real arrays: each storage holds distinct numbers, so the values of a result say which
addresses its elements came from, and its data pointer says whether it is a view.
"""

from __future__ import annotations

import random
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib import stride_tricks

from stridescope.errors import IllegalOp, OpAxisError
from stridescope.layout import Layout, Refusal
from stridescope.layout import numpy_rules as nr
from stridescope.layout.copy import Copy
from stridescope.layout.indexing import Positions

ITEM = 8
STORAGE = 4096
MARGIN = 1024
EXAMPLES = 120


class Source:
    """An array somewhere inside a storage of its own, and its layout."""

    def __init__(self, rng, shape, stride, number=0):
        reach = [(n - 1) * s for n, s in zip(shape, stride, strict=True)]
        low = -sum(r for r in reach if r < 0)
        offset = low + rng.randint(0, 3)
        # In the middle of a larger block: an empty view may point outside the storage.
        self.storage = (np.arange(-STORAGE, 2 * STORAGE) + number * STORAGE)[STORAGE:-STORAGE]
        self.layout = Layout(shape, stride, offset)
        self.array = stride_tricks.as_strided(self.storage[offset:], shape, [s * ITEM for s in stride])
        self.pointer = pointer(self.storage)


def pointer(array):
    return array.__array_interface__["data"][0]


def random_size(rng):
    return rng.choice((0, 1, 1, 2, 2, 3, 3, 4)) if rng.random() < 0.4 else rng.randint(1, 4)


def random_shape(rng, most=4):
    return tuple(random_size(rng) for _ in range(rng.randint(0, most)))


def random_stride(rng, shape):
    """Contiguous, permuted, gapped, broadcast, negative or arbitrary strides."""
    kind = rng.randrange(6)
    order = list(range(len(shape)))
    if kind in (1, 3, 4):
        rng.shuffle(order)
    if kind == 2:
        order.reverse()
    stride, step = [0] * len(shape), 1
    for dim in reversed(order):
        stride[dim] = step
        step *= max(shape[dim], 1) + (rng.randint(0, 2) if kind in (3, 4) else 0)
        if kind == 4 and rng.random() < 0.3:
            stride[dim] = 0
    if kind == 5:
        stride = [rng.randint(-12, 12) for _ in shape]
    if kind >= 3 or rng.random() < 0.2:
        stride = [s * rng.choice((1, 1, -1)) for s in stride]
    return tuple(rng.randint(-9, 9) if n == 1 and rng.random() < 0.3 else s for n, s in zip(shape, stride, strict=True))


def random_source(rng, number=0, shape=None, most=4):
    shape = random_shape(rng, most) if shape is None else tuple(shape)
    return Source(rng, shape, random_stride(rng, shape), number)


def random_dim(rng, ndim):
    return rng.randint(-ndim - 1, ndim) if rng.random() < 0.15 or not ndim else rng.randint(-ndim, ndim - 1)


def random_dims(rng, ndim, most=3):
    return tuple(random_dim(rng, ndim) for _ in range(rng.randint(0, most)))


def factored(rng, numel):
    """A random shape of that numel, with some size-1 dims."""
    shape = []
    while numel > 1 and rng.random() < 0.8:
        size = rng.choice([d for d in range(1, numel + 1) if numel % d == 0])
        shape.append(size)
        numel //= size
    shape.append(numel)
    if numel == 0:
        shape = [rng.choice((0, 1, 2, 3)) for _ in range(rng.randint(0, 3))] + [0]
    rng.shuffle(shape)
    return shape


def random_slice(rng):
    return slice(*(rng.choice((None, *range(-6, 7))) for _ in range(2)), rng.choice((None, 1, 1, 2, 3, -1, -2, -7)))


def random_basic_key(rng, ndim):
    key = []
    for _ in range(rng.randint(0, ndim + 1)):
        kind = rng.random()
        if kind < 0.3:
            key.append(rng.randint(-4, 4) if rng.random() < 0.2 else rng.randint(-1, 0))
        elif kind < 0.75:
            key.append(random_slice(rng))
        else:
            key.append(None)
    if rng.random() < 0.5:
        key.insert(rng.randint(0, len(key)), Ellipsis)
    return tuple(key)


def random_index_array(rng, shape, size):
    """An integer array with positions of a dim of that size, laid out in some order."""
    base = np.array([rng.randint(-size, max(size - 1, 0)) if size else 0 for _ in range(prod(shape))], dtype=np.intp)
    if rng.random() < 0.05 and base.size:
        base[0] = 9
    order = list(range(len(shape)))
    rng.shuffle(order)
    laid = np.empty([shape[d] for d in order], dtype=np.intp)
    array = laid.transpose(np.argsort(order)) if order else laid
    array[...] = base.reshape(shape)
    return array[..., ::-1] if array.ndim and rng.random() < 0.2 else array


def as_positions(array):
    mask = array.dtype == bool
    stride = tuple(s // array.itemsize for s in array.strides)
    return Positions(array.shape, stride, tuple(int(v) for v in array.ravel()), mask)


def random_advanced_key(rng, shape):
    """A numpy key and ours, with at least one index array or bool."""
    block = tuple(rng.randint(1, 3) for _ in range(rng.randint(0, 3)))
    if rng.random() < 0.1:
        block = (*block, 0)
    theirs, ours = [], []
    dim = 0
    while dim < len(shape) and rng.random() < 0.85:
        kind = rng.random()
        if kind < 0.45:
            own = tuple(1 if rng.random() < 0.2 else n for n in block[rng.randint(0, len(block)) :])
            array = random_index_array(rng, own, shape[dim])
        elif kind < 0.55:
            taken = rng.randint(1, len(shape) - dim)
            own = shape[dim : dim + taken]
            if rng.random() < 0.05:
                own = (own[0] + 1, *own[1:])
            array = np.array([rng.random() < 0.5 for _ in range(prod(own))], dtype=bool).reshape(own)
            dim += taken - 1
        else:
            array = None
            item = rng.choice((random_slice(rng), random_slice(rng), None, rng.randint(-1, 0)))
            theirs.append(item)
            ours.append(item)
            dim -= item is None
        if array is not None:
            theirs.append(array)
            ours.append(as_positions(array))
        dim += 1
    if rng.random() < 0.08:
        flag = rng.random() < 0.7
        at = rng.randint(0, len(ours))
        theirs.insert(at, flag)
        ours.insert(at, flag)
    if rng.random() < 0.4:
        at = rng.randint(0, len(ours))
        theirs.insert(at, Ellipsis)
        ours.insert(at, Ellipsis)
    return tuple(theirs), tuple(ours)


def raised_by(call):
    """(result, None) or (None, the exception)."""
    try:
        return call(), None
    except (ValueError, IndexError, TypeError, ZeroDivisionError) as error:
        return None, error


def view_fields(array, source):
    return array.shape, tuple(s // ITEM for s in array.strides), (pointer(array) - source.pointer) // ITEM


def assert_same(ours, theirs, sources):
    """One result of ours against one array of numpy's."""
    if isinstance(theirs, np.generic):
        # A scalar is no array: it stands for the 0-dim layout it was read from.
        layout = ours.sources[0] if isinstance(ours, Copy) else ours
        address = layout.address(ours.source_of(())[1]) if isinstance(ours, Copy) else layout.address(())
        assert theirs == sources[0].storage[address]
        return
    inside = [s for s in sources if -MARGIN <= (pointer(theirs) - s.pointer) // ITEM <= STORAGE + MARGIN]
    if isinstance(ours, Copy):
        assert not inside, "numpy gave a view"
        assert ours.layout.shape == theirs.shape
        assert tuple(s * ITEM for s in ours.layout.stride) == theirs.strides
        assert ours.layout.storage_offset == 0
        for index in product(*map(range, theirs.shape)):
            number, source_index = ours.source_of(index)
            address = ours.sources[number].address(source_index)
            assert theirs[index] == sources[number].storage[address], index
        if theirs.size:
            k = theirs.size - 1
            number, address = ours.origin(k)
            in_memory = stride_tricks.as_strided(theirs, (theirs.size,), (ITEM,))
            assert in_memory[k] == sources[number].storage[address]
    else:
        assert isinstance(ours, Layout)
        assert inside, "numpy copied"
        shape, stride, offset = view_fields(theirs, inside[0])
        assert (ours.shape, ours.stride, ours.storage_offset) == (shape, stride, offset)


def agree(ours_call, theirs_call, sources):
    """Whether both gave a result; asserts that the results, or the classes of error, are the same."""
    theirs, their_error = raised_by(theirs_call)
    ours, our_error = raised_by(ours_call)
    if their_error is not None:
        assert our_error is not None, f"numpy raises {their_error!r}; ours gives {ours}"
        assert isinstance(our_error, IllegalOp), our_error
        # np.split(x, 0) divides by zero; that one is told as the bad value it is.
        expected = [k for k in (ValueError, IndexError, TypeError) if isinstance(their_error, k)] or [ValueError]
        assert all(isinstance(our_error, k) for k in expected), (our_error, their_error)
        return False
    assert our_error is None, f"numpy gives {np.shape(theirs)}; ours raises {our_error!r}"
    if isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for mine, piece in zip(ours, theirs, strict=True):
            assert_same(mine, piece, sources)
    else:
        assert_same(ours, theirs, sources)
    return True


# Each case: rng -> (our call, numpy's call, sources).


def one(make):
    """A case on one array: `make(rng, x, a)` gives (our call, numpy's call)."""

    def case(rng):
        source = random_source(rng)
        ours, theirs = make(rng, source.layout, source.array)
        return ours, theirs, [source]

    return case


def reshape_case(rng, x, a):
    order = rng.choice("CFACC")
    shape = factored(rng, x.numel)
    if rng.random() < 0.4:
        shape[rng.randrange(len(shape))] = -1
    if rng.random() < 0.1:
        shape = [*shape, rng.choice((-1, 2, 0))]
    return lambda: nr.reshape(x, shape, order), lambda: a.reshape(shape, order=order)


def ravel_case(rng, x, a):
    order = rng.choice("CFAK")
    return lambda: nr.ravel(x, order), lambda: a.ravel(order)


def flatten_case(rng, x, a):
    order = rng.choice("CFAK")
    return lambda: nr.flatten(x, order), lambda: a.flatten(order)


def copy_case(rng, x, a):
    order = rng.choice("CFAKKK")
    return lambda: nr.copy(x, order), lambda: rng.choice((np.copy(a, order=order), a.astype(np.int64, order=order)))


def transpose_case(rng, x, a):
    dims = list(range(x.ndim))
    rng.shuffle(dims)
    dims = rng.choice((None, dims, [d - x.ndim for d in dims], random_dims(rng, x.ndim)))
    return lambda: nr.transpose(x, dims), lambda: np.transpose(a, dims)


def swapaxes_case(rng, x, a):
    i, j = random_dim(rng, x.ndim), random_dim(rng, x.ndim)
    return lambda: nr.swapaxes(x, i, j), lambda: np.swapaxes(a, i, j)


def moveaxis_case(rng, x, a):
    i, j = random_dims(rng, x.ndim), random_dims(rng, x.ndim)
    if rng.random() < 0.5:
        j = (j + i)[: len(i)]
    return lambda: nr.moveaxis(x, i, j), lambda: np.moveaxis(a, i, j)


def rollaxis_case(rng, x, a):
    i, j = random_dim(rng, x.ndim), rng.randint(-x.ndim - 1, x.ndim + 1)
    return lambda: nr.rollaxis(x, i, j), lambda: np.rollaxis(a, i, j)


def squeeze_case(rng, x, a):
    ones = [d for d in range(x.ndim) if x.shape[d] == 1]
    dim = rng.choice((None, random_dim(rng, x.ndim), random_dims(rng, x.ndim), tuple(ones), tuple(ones[:1])))
    return lambda: nr.squeeze(x, dim), lambda: np.squeeze(a, dim)


def expand_dims_case(rng, x, a):
    dim = rng.choice((random_dim(rng, x.ndim + 1), random_dims(rng, x.ndim + 2)))
    return lambda: nr.expand_dims(x, dim), lambda: np.expand_dims(a, dim)


def broadcast_case(rng, x, a):
    shape = [rng.randint(0, 3) if n == 1 else n for n in x.shape]
    shape = [*random_shape(rng, 2), *shape]
    if rng.random() < 0.2 and shape:
        shape[rng.randrange(len(shape))] = rng.randint(-1, 4)
    if rng.random() < 0.05:
        shape = shape[1:]
    return lambda: nr.broadcast_to(x, shape), lambda: np.broadcast_to(a, shape)


def flip_case(rng, x, a):
    dim = rng.choice((None, random_dim(rng, x.ndim), random_dims(rng, x.ndim, 2)))
    return rng.choice(
        (
            (lambda: nr.flip(x, dim), lambda: np.flip(a, dim)),
            (lambda: nr.fliplr(x), lambda: np.fliplr(a)),
            (lambda: nr.flipud(x), lambda: np.flipud(a)),
        )
    )


def rot90_case(rng, x, a):
    k, dims = rng.randint(-4, 5), [random_dim(rng, x.ndim) for _ in range(3 if rng.random() < 0.05 else 2)]
    return lambda: nr.rot90(x, k, dims), lambda: np.rot90(a, k, dims)


def diagonal_case(rng, x, a):
    args = rng.randint(-5, 5), random_dim(rng, x.ndim), random_dim(rng, x.ndim)
    return lambda: nr.diagonal(x, *args), lambda: np.diagonal(a, *args)


def basic_index_case(rng, x, a):
    key = random_basic_key(rng, x.ndim)
    # With ... the result of an int for every dim is an array, not a scalar.
    theirs = key if Ellipsis in key else (*key, Ellipsis)
    return lambda: nr.basic_index(x, key), lambda: a[theirs]


def split_case(rng, x, a):
    name = rng.choice(("split", "array_split", "hsplit", "vsplit", "dsplit"))
    where = rng.choice((rng.randint(-1, 4), [rng.randint(-5, 5) for _ in range(rng.randint(0, 3))]))
    args = (where, random_dim(rng, x.ndim)) if name.endswith("split") and len(name) in (5, 11) else (where,)
    return lambda: getattr(nr, name)(x, *args), lambda: getattr(np, name)(a, *args)


def sliding_case(rng, x, a):
    dims = rng.choice((None, random_dim(rng, x.ndim), random_dims(rng, x.ndim)))
    count = x.ndim if dims is None else 1 if isinstance(dims, int) else len(dims)
    window = [rng.choice((1, 1, 2, 3, 0)) for _ in range(count)]
    if rng.random() < 0.1:
        window = rng.choice((2, [*window, 1], [-1] * count))
    return (
        lambda: nr.sliding_window_view(x, window, dims),
        lambda: stride_tricks.sliding_window_view(a, window, dims),
    )


def as_strided_case(rng, x, a):
    shape = rng.choice((None, random_shape(rng)))
    rank = x.ndim if shape is None else len(shape)
    steps = rng.choice((None, [ITEM * rng.randint(-9, 9) for _ in range(rank)]))
    if rng.random() < 0.05:
        shape = [*(shape or ()), -1]
    return lambda: nr.as_strided(x, ITEM, shape, steps), lambda: stride_tricks.as_strided(a, shape, steps)


def several(make):
    """A case on several arrays: `make(rng)` gives their shapes, and our and numpy's call on lists of them."""

    def case(rng):
        shapes, ours, theirs = make(rng)
        sources = [random_source(rng, number, shape) for number, shape in enumerate(shapes)]
        layouts, arrays = [s.layout for s in sources], [s.array for s in sources]
        return lambda: ours(layouts), lambda: theirs(arrays), sources

    return case


def join_shapes(rng, dim, base):
    shapes = []
    for _ in range(rng.randint(1, 4)):
        shape = list(base)
        if base:
            shape[dim % len(base)] = random_size(rng)
        if rng.random() < 0.03 and shape:
            shape[rng.randrange(len(shape))] += 1
        if rng.random() < 0.02:
            shape.append(1)
        shapes.append(shape)
    return shapes


def concatenate_case(rng):
    base = random_shape(rng)
    dim = random_dim(rng, len(base))
    if rng.random() < 0.1:
        shapes = [random_shape(rng, 3) for _ in range(rng.randint(0, 3))]
        return shapes, lambda xs: nr.concatenate(xs, None), lambda arrays: np.concatenate(arrays, None)
    return join_shapes(rng, dim, base), lambda xs: nr.concatenate(xs, dim), lambda arrays: np.concatenate(arrays, dim)


def stack_case(rng):
    base = random_shape(rng)
    dim = random_dim(rng, len(base) + 1)
    shapes = [base] * rng.randint(0, 4)
    if rng.random() < 0.05:
        shapes.append((*base, 2))
    return shapes, lambda xs: nr.stack(xs, dim), lambda arrays: np.stack(arrays, dim)


def named_stack_case(rng):
    name = rng.choice(("vstack", "hstack", "dstack", "column_stack"))
    kind = rng.random()
    if kind < 0.4:
        shapes = [random_shape(rng, 1)] * rng.randint(0, 3)
    elif kind < 0.8:
        base = random_shape(rng)
        dim = {"vstack": 0, "hstack": 1, "dstack": 2, "column_stack": 1}[name]
        shapes = join_shapes(rng, min(dim, len(base) - 1), base)
    else:
        n = rng.randint(1, 3)
        shapes = [rng.choice(((n,), (n, 1), (1, n), (n, 2), (1, n, 1))) for _ in range(rng.randint(1, 3))]
    return shapes, getattr(nr, name), getattr(np, name)


def tile_case(rng, x, a):
    reps = rng.choice((rng.randint(0, 3), [rng.choice((1, 1, 2, 3, 0)) for _ in range(rng.randint(0, 4))]))
    if rng.random() < 0.05:
        reps = [-1, 1]
    return lambda: nr.tile(x, reps), lambda: np.tile(a, reps)


def repeat_case(rng, x, a):
    dim = rng.choice((None, random_dim(rng, x.ndim)))
    size = x.numel if dim is None else x.shape[dim] if x.ndim and -x.ndim <= dim < x.ndim else 1
    counts = rng.choice((rng.randint(0, 3), [rng.randint(0, 3) for _ in range(size)], [2], [1, -1], [1, 2, 3]))
    return lambda: nr.repeat(x, counts, dim), lambda: np.repeat(a, counts, dim)


def roll_case(rng, x, a):
    dim = rng.choice((None, random_dim(rng, x.ndim), random_dims(rng, x.ndim)))
    shift = rng.choice((rng.randint(-5, 5), [rng.randint(-5, 5) for _ in range(rng.randint(0, 3))]))
    return lambda: nr.roll(x, shift, dim), lambda: np.roll(a, shift, dim)


def take_case(rng, x, a):
    dim = rng.choice((None, random_dim(rng, x.ndim)))
    size = x.numel if dim is None else x.shape[dim] if x.ndim and -x.ndim <= dim < x.ndim else 1
    at = random_index_array(rng, random_shape(rng, 2), size)
    return lambda: nr.take(x, as_positions(at), dim), lambda: np.take(a, at, dim)


def advanced_case(rng):
    source = random_source(rng)
    theirs, ours = random_advanced_key(rng, source.layout.shape)
    scalar = not any(isinstance(k, (np.ndarray, bool)) for k in theirs) and Ellipsis not in theirs
    theirs = (*theirs, Ellipsis) if scalar else theirs
    return lambda: nr.index(source.layout, ours), lambda: source.array[theirs], [source]


CASES = {
    "reshape": one(reshape_case),
    "ravel": one(ravel_case),
    "flatten": one(flatten_case),
    "copy": one(copy_case),
    "transpose": one(transpose_case),
    "swapaxes": one(swapaxes_case),
    "moveaxis": one(moveaxis_case),
    "rollaxis": one(rollaxis_case),
    "squeeze": one(squeeze_case),
    "expand_dims": one(expand_dims_case),
    "broadcast_to": one(broadcast_case),
    "flip": one(flip_case),
    "rot90": one(rot90_case),
    "diagonal": one(diagonal_case),
    "basic_index": one(basic_index_case),
    "split": one(split_case),
    "sliding_window_view": one(sliding_case),
    "as_strided": one(as_strided_case),
    "concatenate": several(concatenate_case),
    "stack": several(stack_case),
    "named_stack": several(named_stack_case),
    "tile": one(tile_case),
    "repeat": one(repeat_case),
    "roll": one(roll_case),
    "take": one(take_case),
    "index": advanced_case,
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False))
def test_numpy_gives_the_same_result_or_the_same_class_of_error(name, rng):
    agree(*CASES[name](rng))


@pytest.mark.parametrize("name", CASES)
def test_the_cases_are_not_mostly_errors(name):
    """A fixed run beside the random one, so that no op is judged on refusals alone."""
    legal = sum(agree(*CASES[name](random.Random(f"{name} {seed}"))) for seed in range(60))
    assert legal >= 12


@settings(max_examples=300, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_new_arrays_have_numpys_strides_and_flags(rng):
    source = random_source(rng)
    x, a = source.layout, source.array
    for order in "CF":
        fresh = np.empty(x.shape, np.int64, order=order)
        assert tuple(s * ITEM for s in nr.new_stride(x.shape, order)) == fresh.strides
    for order in "CFAK":
        like = np.empty_like(a, order=order)
        assert tuple(s * ITEM for s in nr.like_stride(x.shape, x.stride, order)) == like.strides
    assert nr.is_c_contiguous(x.shape, x.stride) is a.flags.c_contiguous
    assert nr.is_f_contiguous(x.shape, x.stride) is a.flags.f_contiguous
    assert nr.is_fortran(x.shape, x.stride) is a.flags.fnc


@settings(max_examples=400, deadline=None)
@given(rng=st.randoms(use_true_random=False))
def test_a_dtype_of_another_size_gives_numpys_view_or_error_or_a_refusal_where_bytes_do_not_divide(rng):
    old, new = rng.choice((1, 2, 4, 8, 16)), rng.choice((1, 2, 4, 8, 16))
    names = {1: "i1", 2: "i2", 4: "i4", 8: "i8", 16: "c16"}
    shape = random_shape(rng)
    stride = list(random_stride(rng, shape))
    if shape and rng.random() < 0.7:
        stride[-1] = 1
    storage = np.zeros(STORAGE * 2, "i8").view(names[old])
    offset = storage.size // 2 + rng.randint(0, 3)
    x = Layout(shape, stride, offset)
    a = stride_tricks.as_strided(storage[offset:], shape, [s * old for s in stride])
    theirs, their_error = raised_by(lambda: a.view(names[new]))
    ours, our_error = raised_by(lambda: nr.view_itemsize(x, old, new))
    assert type(our_error).__mro__[-4:] == type(their_error).__mro__[-4:] if their_error else our_error is None
    if their_error is None:
        place = pointer(theirs) - pointer(storage)
        if any(s % new for s in (*theirs.strides, place)):
            assert isinstance(ours, Refusal)
        else:
            expected = theirs.shape, tuple(s // new for s in theirs.strides), place // new
            assert (ours.shape, ours.stride, ours.storage_offset) == expected


def test_a_byte_stride_that_divides_no_element_is_a_refusal_that_names_the_dim():
    refusal = nr.as_strided(Layout.contiguous((4,)), 8, (2, 2), (16, 12))
    assert isinstance(refusal, Refusal)
    assert refusal.dims == (1,)


@pytest.mark.parametrize(
    ("order", "dims", "needed", "found"),
    [("C", (0, 1), 12, 1), ("F", (1, 2), 12, 1)],
)
def test_a_reshape_that_copies_names_the_dims_that_do_not_merge(order, dims, needed, found):
    x = {"C": Layout((3, 4), (1, 3)), "F": Layout((2, 3, 4), (24, 4, 1))}[order]
    shape = {"C": (12,), "F": (2, 12)}[order]
    copy = nr.reshape(x, shape, order)
    assert isinstance(copy, Copy)
    assert (copy.why.code, copy.why.dims) == ("dims_not_mergeable", dims)
    assert (copy.why.needed_stride, copy.why.found_stride) == (needed, found)


def test_an_axis_out_of_range_is_a_value_error_and_an_index_error_as_in_numpy():
    for kind in (ValueError, IndexError, OpAxisError):
        with pytest.raises(kind, match="dim 2 is out of range: a 2-dim array takes -2 to 1"):
            nr.flip(Layout.contiguous((2, 3)), 2)


def test_what_a_view_costs_does_not_depend_on_numel():
    huge = Layout.contiguous((10**6, 10**9))
    assert nr.reshape(nr.transpose(huge), (10**3, 10**6, -1), "F").numel == 10**15
    assert nr.flip(huge).storage_offset == 10**15 - 1
    assert nr.copy(nr.transpose(huge)).origin(10**15 - 1) == (0, 10**15 - 1)
