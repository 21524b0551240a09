"""A layout is a value: frozen, hashable, equal by its fields, and written and read as a literal."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from layouts import layouts, shape_of

from stridescope.layout import Layout
from stridescope.layout.base import contiguous_stride, distinct_dims, wrap_dim

signed = st.builds(
    lambda dims, offset: Layout(tuple(n for n, _ in dims), tuple(k for _, k in dims), offset),
    st.lists(st.tuples(st.integers(0, 10**15), st.integers(-(10**15), 10**15)), max_size=5),
    st.integers(-(10**15), 10**15),
)


@given(layouts() | signed)
def test_the_literal_of_a_layout_reads_back_as_the_layout(layout: Layout) -> None:
    assert Layout.parse(str(layout)) == layout


@given(layouts() | signed)
def test_the_repr_of_a_layout_evaluates_to_it(layout: Layout) -> None:
    assert eval(repr(layout), {"Layout": Layout}) == layout


@given(layouts(), layouts())
def test_layouts_are_equal_and_hash_alike_exactly_when_their_fields_are(a: Layout, b: Layout) -> None:
    fields = [(x.shape, x.stride, x.storage_offset) for x in (a, b)]
    assert (a == b) is (fields[0] == fields[1])
    again = Layout(a.shape, a.stride, a.storage_offset)
    assert again == a and hash(again) == hash(a) and again is not a


@pytest.mark.parametrize("field", ["shape", "stride", "storage_offset"])
def test_a_field_cannot_be_set(field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(Layout.contiguous((3, 4)), field, (1,))


def test_there_is_no_room_for_other_attributes() -> None:
    layout = Layout.contiguous((3, 4))
    assert not hasattr(layout, "__dict__")
    with pytest.raises((AttributeError, TypeError)):
        layout.name = "x"  # type: ignore[attr-defined]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_layout_survives_copy_and_pickle(again: Any) -> None:
    layout = Layout((3, 4), (1, 3), 2)
    assert again(layout) == layout


def test_ndim_and_numel_are_torchs_words() -> None:
    for shape in ((), (3,), (2, 0, 4), (2, 3, 4)):
        layout, tensor = Layout.contiguous(shape), torch.zeros(shape)
        assert (layout.ndim, layout.numel) == (tensor.ndim, tensor.numel())


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4), (2, 0, 3), (0,), (1, 1), (0, 0, 5)])
def test_contiguous_of_a_shape_is_the_layout_of_a_new_tensor(shape: tuple[int, ...]) -> None:
    expected = shape_of(torch.zeros(shape))
    assert Layout.contiguous(shape) == Layout.row_major(iter(shape)) == expected
    assert contiguous_stride(shape) == expected.stride


def test_contiguous_takes_a_shape_or_its_sizes() -> None:
    assert Layout.contiguous(3, 4) == Layout.contiguous((3, 4))
    assert Layout.contiguous(3) == Layout.contiguous((3,))
    assert Layout.contiguous() == Layout.contiguous(())
    for sizes in ((2.0,), ("a",), ((3, 4), 5), (None,)):
        with pytest.raises(TypeError, match="contiguous takes a shape"):
            Layout.contiguous(*sizes)


def test_contiguous_on_a_layout_is_torchs_op() -> None:
    """One name, two meanings, both known: a constructor on the class, an op on a value."""
    turned = Layout.contiguous((3, 4)).t()
    assert turned.contiguous().layout == Layout.contiguous((4, 3))
    assert Layout.contiguous((3, 4)).contiguous() == Layout.contiguous((3, 4))


def test_whole_numbers_of_other_types_are_taken_as_ints() -> None:
    layout = Layout(torch.Size((3, 4)), [True, 3], torch.tensor(2))
    assert layout == Layout((3, 4), (1, 3), 2)
    assert [type(n) for n in (*layout.shape, *layout.stride, layout.storage_offset)] == [int] * 5


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        (((3, 4), (1,)), ValueError, r"shape \(3, 4\) has 2 dims and stride \(1,\) has 1"),
        (((3, -1), (1, 1)), ValueError, r"shape \(3, -1\) has a negative size"),
        (((3.0,), (1,)), TypeError, "float"),
        (((3,), ("1",)), TypeError, "str"),
        (((3,), (1,), 0.5), TypeError, "float"),
        ((3, 1), TypeError, "int"),
    ],
)
def test_what_is_no_layout_is_refused_when_it_is_made(fields: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Layout(*fields)


# ------------------------------------------------------------------------------------------------------ literals


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("(3,4):(4,1)", Layout((3, 4), (4, 1))),
        ("(3,4):(4,1)+2", Layout((3, 4), (4, 1), 2)),
        (" ( 3 , 4 ) : ( 4 , 1 ) + 2 ", Layout((3, 4), (4, 1), 2)),
        ("():()", Layout((), ())),
        ("():()+5", Layout((), (), 5)),
        ("(3,):(1,)", Layout((3,), (1,))),
        ("(3):(-1)+2", Layout((3,), (-1,), 2)),
        ("(2):(1)-1", Layout((2,), (1,), -1)),
        ("(2):(1) - 1", Layout((2,), (1,), -1)),
        ("(1000000000000000):(1)", Layout((10**15,), (1,))),
    ],
)
def test_a_literal_is_read_with_spaces_trailing_commas_and_an_offset(text: str, layout: Layout) -> None:
    assert Layout.parse(text) == layout


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3,4",
        "(3,4)",
        "(3,4):",
        "(3,4):(4,1)+",
        "(3,4):(4,1)-",
        "(3,4):(4,1)2",
        "(3,4)(4,1)",
        "(a):(1)",
        "(3):(.5)",
    ],
)
def test_a_text_that_is_no_literal_is_told_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no layout; write \(shape\):\(stride\)\+offset"):
        Layout.parse(text)


@pytest.mark.parametrize("text", ["(3 4):(4,1)", "(3):(--1)", "(3):(1-1)", "(3):(-)"])
def test_a_literal_with_bad_numbers_is_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="sizes and strides are whole numbers between commas"):
        Layout.parse(text)


def test_a_literal_with_too_few_strides_is_told_so() -> None:
    with pytest.raises(ValueError, match="a layout needs one stride for each dim"):
        Layout.parse("(3,4):(1)")


# ---------------------------------------------------------------------------------------------------------- dims


@pytest.mark.parametrize("ndim", [0, 1, 3])
def test_a_dim_wraps_as_in_torch(ndim: int) -> None:
    tensor = torch.zeros((1,) * ndim)
    for dim in range(-5, 6):
        if not -max(tensor.ndim, 1) <= dim < max(tensor.ndim, 1):
            with pytest.raises(IndexError):
                tensor.transpose(dim, dim)
            with pytest.raises(IndexError, match=f"dim {dim} is out of range: a {ndim}-dim tensor takes"):
                wrap_dim(dim, ndim)
        else:
            assert torch.equal(tensor.transpose(dim, dim), tensor)
            assert wrap_dim(dim, ndim) == (dim + max(ndim, 1) if dim < 0 else dim)


def test_a_dim_listed_twice_is_refused_however_it_is_written() -> None:
    assert distinct_dims([-1, 0], 3) == (2, 0)
    with pytest.raises(RuntimeError, match=r"dim 2 is listed twice in \[2, -1\]"):
        distinct_dims([2, -1], 3)
