"""Every op that may keep the storage gives torch's own answer: view, input, copy, refusal, or class of error.

One table: an op, the arguments it is tried with, and what must have been seen before the test counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import (
    Answer,
    answer_here,
    answer_there,
    as_torch,
    dim_lists,
    dims,
    layouts,
    mostly,
    new_shapes,
    positions,
    rarely,
    shape_of,
    size_at,
)

from stridescope.errors import IllegalOp
from stridescope.layout import Layout

EXAMPLES = 120

Arguments = Callable[[Layout], st.SearchStrategy[tuple[Any, ...]]]


class Row(NamedTuple):
    """Arguments for a layout, the kinds of answer that must turn up, and the call where it is no method of a tensor."""

    arguments: Arguments
    outcomes: str
    there: Callable[..., Any] | None = None
    here: Callable[..., Any] | None = None
    most: int = 5


def _none(_: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.just(())


def _dims(count: int, extra: int = 0) -> Arguments:
    return lambda layout: st.tuples(*[dims(layout, extra)] * count)


def _at_dim(more: Callable[[int], st.SearchStrategy[tuple[Any, ...]]]) -> Arguments:
    """A dim first, then arguments that fit its size."""
    return lambda layout: dims(layout).flatmap(lambda dim: more(size_at(layout, dim)).map(lambda rest: (dim, *rest)))


def _then_dim(more: Callable[[int], st.SearchStrategy[Any]]) -> Arguments:
    """An argument that fits a dim's size, then the dim."""
    return lambda layout: dims(layout).flatmap(lambda dim: st.tuples(more(size_at(layout, dim)), st.just(dim)))


def _from_to(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    last = max(layout.ndim - 1, 0)
    ordered = st.tuples(st.integers(0, last), st.integers(0, last)).map(sorted).map(tuple)
    wrong = st.tuples(st.just(0), st.integers(last + 1, last + 2)) | st.just((-1, 0))
    return mostly(ordered | st.just(()), wrong)


def _sizes(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    return new_shapes(layout).flatmap(lambda sizes: st.sampled_from([(sizes,), sizes or (sizes,)]))


def _fitting(layout: Layout) -> st.SearchStrategy[tuple[Layout]]:
    return new_shapes(layout).map(lambda sizes: (Layout.contiguous(tuple(abs(n) for n in _inferred(sizes, layout))),))


def _inferred(sizes: tuple[int, ...], layout: Layout) -> tuple[int, ...]:
    left = layout.numel // max(1, abs(prod(n for n in sizes if n)))
    return tuple(left if n == -1 and sizes.count(-1) == 1 else n for n in sizes)


def _unflatten(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    return _at_dim(lambda n: st.tuples(new_shapes(Layout.contiguous((n,)))))(layout)


@st.composite
def _expanded(draw: st.DrawFn, layout: Layout) -> tuple[int, ...]:
    new = draw(st.lists(st.integers(0, 3), max_size=2))
    kept = [draw(st.sampled_from((0, 2, 3, -1)) if n == 1 else st.sampled_from((n, n, -1))) for n in layout.shape]
    found = [*new, *kept]
    if found and draw(rarely(4)):
        # torch itself makes a tensor of negative size of (0, -2) and of (-1, 0), so no wrong size stands beside a 0.
        low = 1 if 0 in found else -2
        found[draw(st.integers(0, len(found) - 1))] = draw(st.integers(low, 4))
    if draw(rarely(6)):
        found = found[1:]
    return tuple(found)


def _movedim(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    one = st.tuples(dims(layout), dims(layout))
    alike = dim_lists(layout).flatmap(
        lambda source: st.tuples(st.just(source), st.permutations(source).map(tuple) if source else st.just(source))
    )
    return one | alike | st.tuples(dim_lists(layout), dim_lists(layout))


def _permutation(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    order = st.permutations(range(layout.ndim)).map(tuple)
    far = order.map(lambda found: (*found[1:], layout.ndim))
    return mostly(order, far | dim_lists(layout)).map(lambda found: (found,))


def _bounds(size: int) -> st.SearchStrategy[tuple[Any, ...]]:
    bound = st.none() | st.integers(-size - 2, size + 2)
    return st.tuples(bound, bound, st.sampled_from((1, 1, 2, 3, 1, 2, 7, 0, -1)))


def _as_strided(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    offset = st.sampled_from(((), (None,), (0,), (3,), (-1,)))

    def with_rank(rank: int) -> st.SearchStrategy[tuple[Any, ...]]:
        # torch itself makes a tensor of negative size of (0, -1), so -1 is not tried beside a 0.
        sizes = st.sampled_from((0, 1, 2)) | st.sampled_from((1, 2, 3, 4)) | st.sampled_from((1, 2, -1))
        lists = st.lists(sizes, min_size=rank, max_size=rank + (rank % 3 == 2)).map(tuple)
        return st.tuples(
            lists.filter(lambda sizes: {0, -1} - set(sizes)),
            st.lists(st.integers(0, 5), min_size=rank, max_size=rank).map(tuple),
            offset,
        )

    return st.integers(0, 3).flatmap(with_rank).map(lambda found: (*found[:2], *found[2]))


def _cuts(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(-size - 1, size + 1), max_size=3).map(tuple)


def _pieces(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    cut = st.integers(0, size)
    exact = st.tuples(cut, cut).map(sorted).map(lambda ab: (ab[0], ab[1] - ab[0], size - ab[1]))
    return mostly(exact, st.lists(st.integers(-1, size), max_size=3).map(tuple))


def _equal_pieces(dim: Callable[[Layout], int]) -> Arguments:
    def arguments(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
        size = size_at(layout, dim(layout))
        return st.tuples(st.sampled_from((1, 2, max(size, 1), 0, -1, 3)) | _cuts(size))

    return arguments


def _sliced(x: torch.Tensor, dim: int, *bounds: Any) -> torch.Tensor:
    """What a user writes for it: torch's own `slice` is reached through an index alone."""
    around = (slice(None),)
    if dim >= 0:
        return x[around * dim + (slice(*bounds),)]
    return x[(Ellipsis, slice(*bounds), *around * (-dim - 1))]


def _diagonal(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    offset = st.integers(-4, 4)
    return st.tuples(offset, dims(layout), dims(layout)) | st.tuples(offset) | st.just(())


def _attribute(name: str) -> Callable[[Any], Any]:
    return lambda x: getattr(x, name)


def _format(layout: Layout) -> st.SearchStrategy[tuple[Any, ...]]:
    fitting = {4: "channels_last", 5: "channels_last_3d"}.get(layout.ndim, "contiguous_format")
    return st.tuples(st.sampled_from((fitting, fitting, "contiguous_format", "preserve_format", "channels_last")))


VIEW = "view"
ROWS: dict[str, Row] = {
    # another shape
    "view": Row(_sizes, "view refusal RuntimeError"),
    "view_as": Row(_fitting, "view refusal RuntimeError"),
    "reshape": Row(_sizes, "view copy RuntimeError"),
    "reshape_as": Row(_fitting, "view copy RuntimeError"),
    "flatten": Row(_from_to, "view copy same RuntimeError IndexError"),
    "ravel": Row(_none, "view copy"),
    # Splitting one dim is always a view.
    "unflatten": Row(_unflatten, "view RuntimeError IndexError"),
    "squeeze": Row(lambda x: st.just(()) | dims(x).map(lambda d: (d,)) | st.tuples(dim_lists(x)), "view IndexError"),
    "unsqueeze": Row(_dims(1, extra=1), "view IndexError"),
    "expand": Row(lambda x: _expanded(x).map(lambda sizes: sizes or (sizes,)), "view RuntimeError"),
    "broadcast_to": Row(lambda x: _expanded(x).map(lambda sizes: (sizes,)), "view RuntimeError"),
    "expand_as": Row(
        lambda x: _expanded(x).map(lambda sizes: (Layout.contiguous(tuple(map(abs, sizes))),)), "view RuntimeError"
    ),
    # another order of dims
    "permute": Row(_permutation, "view RuntimeError IndexError"),
    "transpose": Row(_dims(2), "view IndexError"),
    "swapaxes": Row(_dims(2), "view IndexError"),
    "swapdims": Row(_dims(2), "view IndexError"),
    "movedim": Row(_movedim, "view RuntimeError IndexError"),
    "moveaxis": Row(_movedim, "view RuntimeError IndexError"),
    "t": Row(_none, "view RuntimeError"),
    "adjoint": Row(_none, "view same RuntimeError"),
    **{
        name: Row(_none, outcomes, _attribute(name), _attribute(name))
        for name, outcomes in {
            "T": "view",
            "mT": "view same RuntimeError",
            "H": "view same RuntimeError",
            "mH": "view same RuntimeError",
        }.items()
    },
    # some of the elements
    "slice": Row(_at_dim(_bounds), "view IndexError ValueError", _sliced),
    "narrow": Row(
        _at_dim(lambda n: st.tuples(st.integers(-n - 1, n + 1), st.integers(-1, n))), "view RuntimeError IndexError"
    ),
    "select": Row(_at_dim(lambda n: st.tuples(positions(n))), "view IndexError"),
    "diagonal": Row(_diagonal, "view RuntimeError IndexError"),
    "unfold": Row(
        _at_dim(lambda n: st.tuples(st.integers(-1, n + 1), st.sampled_from((1, 2, 3, 1, 2, 0, -1)))),
        "view RuntimeError IndexError",
    ),
    "as_strided": Row(_as_strided, "view RuntimeError"),
    "detach": Row(_none, "view"),
    # several pieces
    "unbind": Row(_dims(1), "several IndexError"),
    "split": Row(_then_dim(lambda n: st.integers(-1, n + 1) | _pieces(n)), "several RuntimeError IndexError"),
    "split_with_sizes": Row(_then_dim(_pieces), "several RuntimeError IndexError"),
    "chunk": Row(_then_dim(lambda n: st.integers(-1, n + 2)), "several RuntimeError IndexError"),
    "tensor_split": Row(_then_dim(lambda n: st.integers(-1, n + 2) | _cuts(n)), "several RuntimeError IndexError"),
    "hsplit": Row(_equal_pieces(lambda x: 0 if x.ndim == 1 else 1), "several RuntimeError", most=3),
    "vsplit": Row(_equal_pieces(lambda _: 0), "several RuntimeError", most=3),
    "dsplit": Row(_equal_pieces(lambda _: 2), "several RuntimeError", most=4),
    # nothing where nothing has to change
    "contiguous": Row(_format, "same copy RuntimeError", lambda x, name: x.contiguous(memory_format=name)),
    "to": Row(_format, "same copy RuntimeError", lambda x, name: x.to(memory_format=name)),
}


def _for_torch(argument: Any) -> Any:
    if isinstance(argument, Layout):
        return as_torch(argument)
    return getattr(torch, argument) if isinstance(argument, str) else argument


@pytest.mark.parametrize("name", ROWS)
def test_an_op_on_a_layout_gives_the_answer_torch_gives_on_a_tensor(name: str) -> None:
    """Shape, stride, offset, whether it is the input itself, a copy's provenance, a refusal, or the class of error."""
    row, seen = ROWS[name], Counter[str]()

    @settings(max_examples=EXAMPLES)
    @given(layouts(most=row.most).flatmap(lambda layout: st.tuples(st.just(layout), row.arguments(layout))))
    def check(case: tuple[Layout, tuple[Any, ...]]) -> None:
        layout, arguments = case
        tensor, given_there = as_torch(layout), tuple(map(_for_torch, arguments))
        here = (lambda: row.here(layout)) if row.here else (lambda: getattr(layout, name)(*arguments))
        there = row.there or (lambda x, *args: getattr(x, name)(*args))
        answer = answer_here(layout, here)
        assert answer == answer_there(tensor, lambda: there(tensor, *given_there))
        seen[answer.kind] += 1

    check()
    assert set(row.outcomes.split()) <= set(seen), seen


# ------------------------------------------------------------------------------------------ other element types

_OF_SIZE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.complex128}


def _twos_last(layout: Layout) -> Layout:
    """Mostly what view_as_complex takes: even strides and offset, and a last dim of 2 reals."""
    return Layout(
        (*layout.shape, 2),
        (*(step if step % 3 == 1 else 2 * step for step in layout.stride), 1),
        layout.storage_offset if layout.storage_offset == 5 else 2 * layout.storage_offset,
    )


def _answers(layout: Layout, tensor: torch.Tensor, run: Callable[[Any], Any]) -> tuple[Answer, Answer]:
    return answer_here(layout, lambda: run(layout)), answer_there(tensor, lambda: run(tensor))


@settings(max_examples=300)
@given(layouts(most=3), st.sampled_from(sorted(_OF_SIZE)), st.sampled_from(sorted(_OF_SIZE)), st.booleans())
def _check_itemsize(seen: Counter[str], layout: Layout, old: int, new: int, scaled: bool) -> None:
    if scaled and layout.ndim:
        # Half of them in whole items of any size, so that not all are refused.
        layout = Layout(
            (*layout.shape[:-1], 16 * layout.shape[-1]),
            (*(16 * step for step in layout.stride[:-1]), 1),
            16 * layout.storage_offset,
        )
    tensor = as_torch(layout, dtype=_OF_SIZE[old])
    ours = answer_here(layout, lambda: layout.view_itemsize(old, new))
    assert ours == answer_there(tensor, lambda: tensor.view(_OF_SIZE[new]))
    seen[f"{'wider' if new > old else 'narrower' if new < old else 'as wide'} {ours.kind}"] += 1


def test_view_dtype_gives_torchs_layout_or_refuses_as_torch_does() -> None:
    seen = Counter[str]()
    _check_itemsize(seen)
    assert set(seen) == {f"{width} {kind}" for width in ("wider", "narrower") for kind in ("view", "RuntimeError")} | {
        "as wide view"
    }


@settings(max_examples=200)
@given(layouts(most=4))
def _check_complex(seen: Counter[str], layout: Layout) -> None:
    for name in ("real", "imag", "view_as_real"):
        tensor = as_torch(layout, dtype=torch.complex64)
        ours = layout.real(is_complex=True) if name == "real" else getattr(layout, name)()
        theirs = torch.view_as_real(tensor) if name == "view_as_real" else getattr(tensor, name)
        assert ours == shape_of(theirs)
    for reals in (layout, _twos_last(layout)):
        tensor = as_torch(reals, dtype=torch.float32)
        ours_there = (
            answer_here(reals, reals.view_as_complex),
            answer_there(tensor, lambda tensor=tensor: torch.view_as_complex(tensor)),
        )
        assert ours_there[0] == ours_there[1]
        seen[ours_there[0].kind] += 1


def test_parts_of_complex_tensors_and_pairs_of_reals_lie_as_in_torch() -> None:
    seen = Counter[str]()
    _check_complex(seen)
    assert min(seen["view"], seen["RuntimeError"]) > 20, seen


def test_the_real_part_of_a_real_tensor_is_the_tensor_itself() -> None:
    layout, tensor = Layout.contiguous((3,)), torch.zeros(3)
    assert layout.real(is_complex=False) is layout
    assert tensor.real is tensor


# ----------------------------------------------------------------------------------------------------- any size


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda x: x.view(10**5, -1).t()[::7], Layout((1428571429, 10**5), (7, 10**10))),
        (lambda x: x.view(10**3, 10**12).unfold(1, 10**11, 10**11), Layout((1000, 10, 10**11), (10**12, 10**11, 1))),
        (lambda x: x.reshape(10**5, 10**10).T.reshape(-1).layout, Layout((10**15,), (1,))),
        (lambda x: x.view(10**5, 10**10).t().clone().layout, Layout((10**10, 10**5), (1, 10**10))),
    ],
)
def test_ops_take_tensors_no_memory_could_hold(run: Callable[[Layout], Layout], expected: Layout) -> None:
    assert run(Layout.contiguous((10**15,))) == expected


def test_the_same_sizes_on_torchs_meta_device_give_the_same_layout() -> None:
    x = torch.empty(10**15, device="meta")
    assert shape_of(x.view(10**5, -1).t()[::7]) == Layout.contiguous((10**15,)).view(10**5, -1).t()[::7]


# ------------------------------------------------------------------------------------------------- completeness

_TRIED_ELSEWHERE = {
    "view_itemsize": "above",
    "view_as_real": "above",
    "view_as_complex": "above",
    "real": "above",
    "imag": "above",
    **dict.fromkeys(
        [
            "cat",
            "clone",
            "flip",
            "fliplr",
            "flipud",
            "gather",
            "index_select",
            "repeat",
            "repeat_interleave",
            "roll",
            "rot90",
            "stack",
            "tile",
        ],
        "test_copies",
    ),
    **dict.fromkeys(
        [
            "is_contiguous",
            "is_non_overlapping_and_dense",
            "suggest_memory_format",
            "stride_when_copied",
            "stride_when_converted",
        ],
        "test_contiguity",
    ),
    **dict.fromkeys(
        ["address", "addresses", "coalesced", "hops", "indices_of", "ndim", "numel", "span", "unravel", "walk"],
        "test_addressing",
    ),
    "overlap": "test_overlap",
    "made_contiguous": "the row of contiguous",
    **dict.fromkeys(["parse", "row_major", "shape", "stride", "storage_offset"], "test_layout_value"),
}


def test_every_public_name_of_a_layout_is_in_a_table_of_these_tests() -> None:
    public = {name for name in dir(Layout) if not name.startswith("_")}
    assert public == ROWS.keys() | _TRIED_ELSEWHERE.keys()


def test_an_error_says_in_a_sentence_what_was_got() -> None:
    with pytest.raises(IllegalOp, match=r"dim 2 is out of range: a 2-dim tensor takes -2 to 1"):
        Layout.contiguous((3, 4)).transpose(0, 2)
