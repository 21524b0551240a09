"""A step at rest: what each cell says, its colour, its marks, and what stands beside it."""

from __future__ import annotations

import pytest
from stage_cases import found, history, scene_of

from stridescope.layout import Layout
from stridescope.scene.frame import Mark, plain_text
from stridescope.scene.reach import reaches
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


def test_a_write_through_a_larger_type_marks_all_positions_of_its_items():
    seen = found(scene_of("x = torch.arange(4); y = x.view(torch.int32); x[1:3] = 0"), 2, View(140, 40))
    assert {position for (_, position), drawn in seen.strip.items() if drawn.look.marks & Mark.WRITTEN} == {2, 3, 4, 5}
    assert {key for key, drawn in seen.grid.items() if drawn.look.marks & Mark.WRITTEN} == {
        *(("x", (place,)) for place in (1, 2)),
        *(("y", (place,)) for place in (2, 3, 4, 5)),
    }


@pytest.mark.parametrize(
    "layout",
    [
        Layout((3, 4), (4, 1), 2),
        Layout((0, 4), (4, 1), 2),
        Layout((30, 40), (1, 30), 5),
        Layout((30, 40), (100, 2), 5),
        Layout((30, 40), (-100, 2), 3000),
        Layout((1000, 3), (0, 7)),
    ],
    ids=str,
)
def test_whether_an_address_is_reached_is_answered_as_by_listing_them_all(layout):
    low, high = layout.span
    listed = set(layout.addresses())
    assert {place for place in range(low - 5, high + 5) if reaches(layout)(place)} == listed


def test_a_write_of_listed_positions_marks_those():
    scene = scene_of("x = torch.arange(6); x[x > 3] = 0")
    seen = found(scene, scene.timeline.last, VIEW)
    written = {index for (key, index), drawn in seen.grid.items() if key == "x" and drawn.look.marks & Mark.WRITTEN}
    assert written == {(4,), (5,)}


def test_the_two_elements_between_which_no_stride_fits_are_marked():
    scene = Scene(history("refused merge"))
    seen = found(scene, 3, VIEW)
    assert {index for (_, index), drawn in seen.grid.items() if drawn.look.marks & Mark.BROKEN} == {(0, 2), (1, 0)}


def test_a_refusal_that_is_about_no_two_dims_marks_nothing():
    seen = found(Scene(history("refused size")), 1, VIEW)
    assert not any(drawn.look.marks & Mark.BROKEN for drawn in seen.grid.values())


@pytest.mark.parametrize(
    ("source", "clash"),
    [
        ("torch.arange(24).view(2, 3, 4).permute(0, 2, 1).view(2, 12)", {(0, 0, 2), (0, 1, 0)}),
        ("torch.arange(24).view(4, 6)[:, :3].view(12)", {(0, 2), (1, 0)}),
        ("torch.arange(3).view(3, 1).expand(3, 2).view(6)", {(0, 1), (1, 0)}),
    ],
)
def test_whichever_dims_clash_the_marks_stand_where_the_merged_stride_breaks(source, clash):
    scene = scene_of(source)
    seen = found(scene, scene.timeline.last, VIEW)
    assert {index for (_, index), drawn in seen.grid.items() if drawn.look.marks & Mark.BROKEN} == clash


def test_a_storage_that_was_copied_from_is_said_to_be_so_and_the_new_one_to_be_new():
    scene = scene_of("torch.arange(12).view(3, 4).t().contiguous()")
    heads = [line for line in plain_text(scene.frame(3, VIEW)) if line.startswith(" STORAGE")]
    assert ["what was copied from" in line for line in heads] == [True, False]
    assert ["new" in line for line in heads] == [False, True]


def test_what_was_copied_from_is_coloured_where_the_copy_read_it():
    scene = scene_of("torch.arange(12)[::3].clone()")
    source, made = scene.casting.cast(2).storages
    seen = found(scene, 2, VIEW)
    assert {position for storage, position in seen.strip if storage == source.key} == {0, 3, 6, 9}
    assert {position for storage, position in seen.strip if storage == made.key} == {0, 1, 2, 3}


def test_names_mark_what_they_reach_below_the_strip():
    scene = scene_of("x = torch.arange(6); even = x[::2]; odd = x[1::2]")
    lines = plain_text(scene.frame(2, View(120, 30)))
    cells = next(number for number, line in enumerate(lines) if "STORAGE" in line) + 1
    columns = {int(digit): column for column, digit in enumerate(lines[cells]) if digit.isdigit()}
    for row, (name, reached) in enumerate((("x", range(6)), ("even", (0, 2, 4)), ("odd", (1, 3, 5))), 1):
        line = lines[cells + row]
        assert line.split()[0] == name
        assert {place for place, column in columns.items() if line[column : column + 1] == name[0]} == set(reached)


def test_without_colours_each_position_says_whether_it_is_reached():
    scene = scene_of("torch.arange(6)[::2]")
    for plain, signs in ((False, "█·"), (True, "#.")):
        lines = plain_text(scene.frame(1, View(120, 30, coloured=False, ascii=plain)))
        assert [set(mark) for mark in lines[2].split()] == [set(sign) for sign in signs * 3]


def test_a_number_that_does_not_fit_its_cell_is_never_cut_without_a_sign():
    """A cell shows a whole address, or one that ends in "~"."""
    for size in ((40, 10), (60, 14), (120, 30)):
        scene = Scene(history("huge"))
        for number in range(scene.timeline.last + 1):
            rest = scene._looked_at(number, View(*size))
            for spot in (*rest.grid.values(), *rest.strip.values()):
                assert spot.text == f"{spot.position:,}".replace(",", "," if spot.position >= 10_000 else "") or (
                    spot.text.endswith("~")
                )


def test_a_tensor_without_elements_says_so():
    scene = Scene(history("nothing"))
    assert any("no elements" in line for line in plain_text(scene.frame(1, VIEW)))
