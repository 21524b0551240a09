"""Painting: later pieces cover earlier ones, nothing leaves the frame, wide characters are never halved."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stridescope.scene.frame import BLANK, Frame, Look, painted, piece, plain_text, size_of

texts = st.text(st.sampled_from("ab1한글あé·█"), min_size=1, max_size=8)
runs_of = st.lists(
    st.tuples(st.integers(-6, 24), st.builds(lambda text, level: piece(text, "cell", level), texts, st.integers(0, 9))),
    max_size=10,
)


def columns(part) -> list[tuple[str, Look]]:
    """What stands in each column of a piece; the second half of a wide character is ''."""
    cells = []
    for char in part.text:
        cells += [(char, part.look), *[("", part.look)] * (size_of(char) - 1)]
    return cells


def buffered(runs, width):
    """The oracle: one cell after the other into a row of columns."""
    row = [(" ", None)] * width
    for x, part in runs:
        for column, cell in enumerate(columns(part)):
            if 0 <= x + column < width:
                row[x + column] = (*cell, id(part), x + column)
    # Half a wide character is a space.
    answer = []
    for place, (char, look, *rest) in enumerate(row):
        following = row[place + 1] if place + 1 < width else (" ", None)
        before = row[place - 1] if place else (" ", None)
        halved = (size_of(char) == 2 and following[0] != "") or (
            char == "" and (size_of(before[0]) != 2 or before[2:3] != tuple(rest[:1]))
        )
        answer.append((" " if halved else char, look))
    return answer


@settings(max_examples=400)
@given(runs_of, st.integers(1, 20))
def test_later_runs_cover_earlier_ones_as_if_painted_column_by_column(runs, width):
    row = painted(runs, width)
    shown = [(" ", None)] * width
    for x, part in row:
        assert part.size == size_of(part.text)
        for column, cell in enumerate(columns(part)):
            shown[x + column] = cell
    assert shown == buffered(runs, width)


@settings(max_examples=200)
@given(runs_of, st.integers(1, 20))
def test_the_runs_of_a_row_are_in_order_and_neither_touch_each_other_nor_the_outside(runs, width):
    row = painted(runs, width)
    edges = [(x, x + part.size) for x, part in row]
    assert all(0 <= start <= stop <= width for start, stop in edges)
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(edges))


def test_what_lies_under_nothing_is_not_copied():
    """A piece that stays whole stays the same object, so that its styled segment is found again."""
    whole, under = piece("whole"), piece("under")
    row = painted([(0, whole), (6, under), (8, piece("x"))], 20)
    assert row[0][1] is whole
    assert [part.text for _, part in row] == ["whole", "un", "x", "er"]


@pytest.mark.parametrize(
    ("x", "over", "text"),
    [(0, "a", "a 글"), (1, "a", " a글"), (2, "a", "한a "), (3, "a", "한 a"), (1, "ab", " ab "), (0, "글", "글글")],
)
def test_half_of_a_wide_character_becomes_a_space(x, over, text):
    row = painted([(0, piece("한글")), (x, piece(over))], 4)
    assert "".join(part.text for _, part in row) == text


def test_the_edges_of_the_frame_cut_wide_characters_too():
    assert [part.text for _, part in painted([(-1, piece("한글"))], 2)] == ["  "]
    assert plain_text(Frame(3, 1, (painted([(0, piece("한글"))], 3),))) == ["한"]


def test_equal_pieces_are_one_object_and_different_looks_are_not():
    assert piece("7", "cell", 3) is piece("7", "cell", 3)
    assert len({id(piece("7", *look)) for look in (("cell", 3), ("cell", 4), ("plain", 3), ("cell", 3, 1))}) == 4
    assert BLANK is piece(" ")


def test_text_of_a_frame_has_the_columns_of_its_runs():
    row = painted([(2, piece("한")), (6, piece("b")), (9, piece("   "))], 20)
    assert plain_text(Frame(20, 2, (row, ()))) == ["  한  b", ""]
