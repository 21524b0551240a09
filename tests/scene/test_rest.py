"""A step at rest: what each cell says, its colour, its marks, and what stands beside it."""

from __future__ import annotations

import pytest
from stage_cases import found, history, scene_of

from stridescope.layout import Layout
from stridescope.records import Reason
from stridescope.scene.frame import Mark, plain_text
from stridescope.scene.refusals import break_of
from stridescope.scene.stage import Scene
from stridescope.scene.view import View

VIEW = View(120, 30)


def texts(scene: Scene, number: int, view: View = VIEW) -> dict[tuple[int, ...], str]:
    """The cells of the newest tensor."""
    key = scene.casting.cast(number).newest
    return {index: drawn.text for (tensor, index), drawn in found(scene, number, view).grid.items() if tensor == key}


def test_cells_say_addresses_or_values():
    scene = scene_of("torch.arange(0, 60, 10).view(2, 3).t()")
    assert texts(scene, 2) == {(i, j): str(i + 3 * j) for i in range(3) for j in range(2)}
    values = texts(scene, 2, View(120, 30, values=True))
    assert values == {(i, j): str(10 * (i + 3 * j)) for i in range(3) for j in range(2)}


def test_values_that_nobody_can_know_are_question_marks():
    assert set(texts(scene_of("torch.randn(2, 3)"), 0, View(120, 30, values=True)).values()) == {"?"}


def test_nan_and_infinity_are_marked_and_numbers_are_not():
    scene = scene_of("torch.tensor([1.5, float('nan'), float('inf'), -2.0])")
    seen = found(scene, 0, View(120, 30, values=True))
    odd = {index[0] for (_, index), drawn in seen.grid.items() if drawn.look.marks & Mark.ODD}
    assert odd == {1, 2}
    assert {position for (_, position), drawn in seen.strip.items() if drawn.look.marks & Mark.ODD} == {1, 2}
    assert not any(drawn.look.marks & Mark.ODD for drawn in found(scene, 0, VIEW).grid.values())


def test_positions_that_no_tensor_reaches_have_no_colour():
    seen = found(scene_of("torch.arange(12)[1::3]"), 1, VIEW)
    assert {position for _, position in seen.strip} == {1, 4, 7, 10}
    rest = scene_of("torch.arange(12)[1::3]")._rest(1, VIEW)
    assert {spot.position: spot.level < 0 for spot in rest.strip.values()} == {
        place: place % 3 != 1 for place in range(12)
    }


def test_one_element_that_is_expanded_has_one_colour_everywhere():
    seen = found(scene_of("torch.arange(4).view(4, 1).expand(4, 5)"), 2, VIEW)
    for row in range(4):
        assert len({seen.grid["#2", (row, column)].look.level for column in range(5)}) == 1
    assert len({drawn.look.level for drawn in seen.grid.values()}) == 4


def test_a_contiguous_tensor_is_a_smooth_ramp_from_end_to_end():
    seen = found(scene_of("torch.arange(12).view(3, 4)"), 1, VIEW)
    levels = [seen.grid["#1", (row, column)].look.level for row in range(3) for column in range(4)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 255)


def test_a_write_marks_what_it_wrote_in_every_alias_and_on_the_strip():
    scene = scene_of("x = torch.arange(12); a = x.view(3, 4); b = x[::2]; a[1] = 0")
    seen = found(scene, 3, View(140, 40))
    written = {key for key, drawn in seen.grid.items() if drawn.look.marks & Mark.WRITTEN}
    assert written == {
        *(("x", (place,)) for place in (4, 5, 6, 7)),
        *(("a", (1, column)) for column in range(4)),
        ("b", (2,)),
        ("b", (3,)),
    }
    assert {position for (_, position), drawn in seen.strip.items() if drawn.look.marks & Mark.WRITTEN} == {4, 5, 6, 7}


def test_a_write_through_a_smaller_type_marks_the_items_it_touches():
    """Every other int32 is half of an int64: each int64 is touched."""
    seen = found(scene_of("x = torch.arange(4); y = x.view(torch.int32); y[::4] = 5"), 2, View(140, 40))
    assert {key for key, drawn in seen.grid.items() if drawn.look.marks & Mark.WRITTEN} == {
        ("x", (0,)),
        ("x", (2,)),
        ("y", (0,)),
        ("y", (4,)),
    }
    assert {position for (_, position), drawn in seen.strip.items() if drawn.look.marks & Mark.WRITTEN} == {0, 4}


def test_a_write_of_listed_positions_marks_those():
    seen = found(scene_of("x = torch.arange(6); x[[1, 4]] = 0"), 1, VIEW) if False else None
    seen = seen or found(scene_of("x = torch.arange(6); x[x > 3] = 0"), 2, VIEW)
    assert {index[0] for (key, index), drawn in seen.grid.items() if key == "x" and drawn.look.marks & Mark.WRITTEN} == {
        4,
        5,
    }


def test_the_two_elements_between_which_no_stride_fits_are_marked():
    scene = Scene(history("refused merge"))
    seen = found(scene, 3, VIEW)
    assert {index for (_, index), drawn in seen.grid.items() if drawn.look.marks & Mark.BROKEN} == {(0, 2), (1, 0)}


def test_a_refusal_that_is_about_no_two_dims_marks_nothing():
    seen = found(Scene(history("refused size")), 1, VIEW)
    assert not any(drawn.look.marks & Mark.BROKEN for drawn in seen.grid.values())


@pytest.mark.parametrize(
    ("dims", "shape", "answer"),
    [
        ((0, 1), (4, 3), ((0, 2), (1, 0))),
        ((1, 2), (2, 3, 4), ((0, 0, 3), (0, 1, 0))),
        ((0, 2), (2, 3, 4), ((0, 2, 3), (1, 0, 0))),
        ((0, 1), (1, 3), ()),
        ((0, 1), (4, 0), ()),
        ((1, 0), (4, 3), ()),
        ((0, 5), (4, 3), ()),
        ((0,), (4, 3), ()),
    ],
)
def test_the_elements_that_clash_follow_each_other_in_index_order(dims, shape, answer):
    reason = Reason("dims_not_mergeable", "", dims, 12, 1)
    assert _broken(reason, Layout.contiguous(shape)) == answer


def _broken(reason: Reason, layout: Layout) -> tuple[tuple[int, ...], ...]:
    from stridescope.scene import refusals

    found = refusals.break_of(reason, layout)
    return () if found is None else found
