"""The line of steps: columns and positions, both ways, at any width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stridescope.program import run
from stridescope.scene.frame import Frame, Mark, Row, plain_text
from stridescope.scene.steps_line import Sign, placed, signs

labels = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)
chains = st.lists(st.builds(Sign, labels, st.sampled_from(["alloc", "view", "copy", "write", "same"])), min_size=1)
widths = st.integers(1, 160)


def text_of(row: Row, width: int) -> str:
    return plain_text(Frame(width, 1, (row,)))[0]


@given(chains.map(tuple), st.data(), widths)
def test_a_position_and_its_column_lead_to_each_other(chain: tuple[Sign, ...], data: st.DataObject, width: int) -> None:
    current = data.draw(st.integers(0, len(chain) - 1))
    line = placed(chain, current, width)
    assert current in line.shown
    for position in (float(current), *(number + 0.25 for number in line.shown[:-1])):
        assert abs(line.position(line.column(position)) - position) < 1e-9
    for number, stop in zip(line.shown, line.stops, strict=True):
        assert line.column(number) == stop and line.position(stop) == number


@given(chains.map(tuple), st.data(), st.integers(20, 160))
def test_nothing_reaches_over_the_edge(chain: tuple[Sign, ...], data: st.DataObject, width: int) -> None:
    position = data.draw(st.floats(0, len(chain) - 1))
    for plain in (True, False):
        line = placed(chain, round(position), width, ascii=plain)
        for row in (line.row(position), line.track(position)):
            assert all(x >= 0 and x + part.size <= width for x, part in row)


def test_every_step_is_shown_where_there_is_room() -> None:
    chain = signs(run("torch.arange(12).view(3, 4).t()[1:, ::2]"))
    line = placed(chain, 2, 80)
    assert line.shown == (0, 1, 2, 3)
    assert text_of(line.row(2.0), 80) == " + arange ━━━○ view ━━━○ t ───○ [1:, ::2]"
    assert text_of(line.track(2.0), 80) == " ┴━━━━━━━━━━━┴━━━━━━━━━▲──────┴"


def test_steps_left_out_are_counted() -> None:
    chain = tuple(Sign("view", "view") for _ in range(50))
    line = placed(chain, 25, 80)
    assert "… 22 more … ○" in text_of(line.row(25.0), 80)
    left_out = [b - a - 1 for a, b in zip(line.shown, line.shown[1:], strict=False)]
    assert sum(left_out) + len(line.shown) == 50


def test_ascii_is_ascii() -> None:
    chain = signs(run("x = torch.arange(12); y = x.view(3, 4).t().contiguous(); y.add_(1); y.t().view(12)"))
    for position in (0.0, 1.5, 3.0):
        for width in (30, 80):
            line = placed(chain, round(position), width, ascii=True)
            assert (text_of(line.row(position), width) + text_of(line.track(position), width)).isascii()


def test_a_place_between_two_steps_is_marked_on_the_names() -> None:
    line = placed((Sign("arange", "alloc"), Sign("view", "view")), 0, 40)
    marked = [x for x, part in line.row(0.5) if part.look.marks & Mark.CURSOR]
    assert marked == [int(line.column(0.5))]


def test_clicking_finds_the_step_by_glyph_and_label_and_nothing_between() -> None:
    line = placed((Sign("arange", "alloc"), Sign("view", "view")), 0, 40)
    found = [line.step_at(column) for column in range(20)]
    assert found == [None, *[0] * 8, *[None] * 4, *[1] * 6, None]


def test_labels_are_what_the_reader_typed() -> None:
    labels = [sign.label for sign in signs(run("x = torch.zeros(2, 3); x[0] = 1; y = x.t()[1:]"))]
    assert labels == ["x = zeros", "[0] = 1", "t", "y = [1:]"]
