"""Pointing: every cell is found under the mouse, and a cursor goes through a tensor and stays in sight."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_cases import PROGRAMS, cells_marked, found, history, scene_of

from stridescope.scene.cursor import stepped
from stridescope.scene.frame import Mark
from stridescope.scene.stage import Scene
from stridescope.scene.view import Hit, View

VIEWS = [View(40, 10), View(60, 14), View(100, 24), View(200, 58), View(120, 40, values=True)]
named = pytest.mark.parametrize("view", VIEWS[1:3], ids=lambda view: f"{view.width}x{view.height}")


@named
def test_every_cell_drawn_is_hit_at_its_own_index(scene, view):
    """`found` asks `hit` for each column of each cell; here its answers are held against the plan of the rest."""
    for number in range(scene.timeline.last + 1):
        seen = found(scene, number, view)
        rest = scene._looked_at(number, view)
        shown = {key for key, spot in rest.grid.items() if spot.text.strip()}
        assert set(seen.grid) == shown
        for (storage, position), drawn in seen.strip.items():
            assert drawn.look.level == rest.plans[storage].track.level(position)


def test_each_column_and_line_of_a_large_cell_is_the_cell():
    scene, view = scene_of("torch.arange(24).view(2, 3, 4)"), View(160, 50)
    assert scene._looked_at(1, view).arrangement.large
    for (key, index), spot in scene._looked_at(1, view).grid.items():
        for x, y in itertools.product(range(spot.x, spot.x + spot.width), range(spot.y, spot.y + spot.height)):
            hit = scene.hit(1, view, x, y)
            assert (hit.tensor, hit.index) == (key, index)


@settings(max_examples=60)
@given(st.sampled_from(sorted(PROGRAMS)), st.sampled_from(VIEWS), st.data())
def test_every_place_can_be_pointed_at_and_gives_a_view_that_is_drawn(name, view, data):
    scene = Scene(history(name))
    for _ in range(5):
        number = data.draw(st.floats(0, scene.timeline.last))
        x, y = data.draw(st.integers(-3, view.width + 3)), data.draw(st.integers(-3, view.height + 3))
        hit = scene.hit(number, view, x, y)
        if hit is not None:
            view = scene.pointed(number, view, hit)
            assert len(scene.frame(number, view).rows) == view.height


def test_pointing_at_a_cell_puts_the_cursor_there_and_marks_it_its_place_and_its_twins():
    scene, view = scene_of("x = torch.arange(6); w = x.unfold(0, 3, 1)"), View(120, 30)
    seen = found(scene, 1, view)
    x, y = seen.places["w", (1, 1)]
    pointed = scene.pointed(1, view, scene.hit(1, view, x, y))
    assert (pointed.focus, pointed.cursor, pointed.pointer) == ("w", (1, 1), None)
    grid, strip = cells_marked(scene, 1, pointed)
    assert [key for key, marks in grid.items() if marks & Mark.CURSOR] == [("w", (1, 1))]
    twins = {key for key, marks in grid.items() if marks & Mark.TWIN}
    assert twins == {("w", (0, 2)), ("w", (2, 0)), ("x", (2,))}
    assert [position for (_, position), marks in strip.items() if marks & Mark.CURSOR] == [2]


def test_pointing_at_the_strip_marks_every_index_that_reaches_the_address():
    scene, view = scene_of("torch.arange(6).unfold(0, 3, 1)"), View(120, 30)
    (storage, position), *_ = (key for key in found(scene, 1, view).strip if key[1] == 3)
    pointed = scene.pointed(1, view, Hit("address", storage=storage, address=position))
    grid, strip = cells_marked(scene, 1, pointed)
    reaching = {index for (_, index), marks in grid.items() if marks & (Mark.TWIN | Mark.CURSOR)}
    assert reaching == {(1, 2), (2, 1), (3, 0)}
    assert [place for (_, place), marks in strip.items() if marks & Mark.CURSOR] == [3]


def test_an_item_of_several_positions_is_marked_whole_and_found_from_each_of_them():
    scene, view = scene_of("x = torch.arange(4); y = x.view(torch.int32)"), View(120, 30)
    storage = scene.members(1)[0].storage
    _, strip = cells_marked(scene, 1, replace(view, focus="x", cursor=(2,)))
    assert [place for (_, place), marks in strip.items() if marks & Mark.CURSOR] == [4, 5]
    for position, index in ((4, (2,)), (5, (2,))):
        subject = scene.subject(1, replace(view, focus="x", pointer=(storage, position)))
        assert (subject.member.key, subject.index) == ("x", index)


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_a_selected_dim_marks_what_is_reached_along_it_on_grid_and_strip(dim):
    scene = scene_of("torch.arange(24).view(2, 3, 4)")
    grid, strip = cells_marked(scene, 1, View(140, 40, cursor=(1, 1, 2), dim=dim))
    along = {tuple(place if d == dim else (1, 1, 2)[d] for d in range(3)) for place in range((2, 3, 4)[dim])}
    marked = {index for (_, index), marks in grid.items() if marks & (Mark.DIM | Mark.CURSOR)}
    assert marked == along
    addresses = {12 * i + 4 * j + k for i, j, k in along}
    assert {place for (_, place), marks in strip.items() if marks & (Mark.DIM | Mark.CURSOR)} == addresses


def test_pointing_at_a_number_of_the_shape_selects_its_dim_and_again_lets_go():
    scene, view = scene_of("torch.arange(12).view(3, 4)"), View(120, 30)
    hits = {(x, y): scene.hit(1, view, x, y) for x, y in itertools.product(range(view.width), range(view.height))}
    dims = {hit.number for hit in hits.values() if hit is not None and hit.kind == "dim"}
    assert dims == {0, 1}
    hit = next(hit for hit in hits.values() if hit is not None and hit.kind == "dim" and hit.number == 1)
    chosen = scene.pointed(1, view, hit)
    assert (chosen.dim, chosen.cursor) == (1, (0, 0))
    assert scene.pointed(1, chosen, hit).dim is None


def test_pointing_at_an_alternative_of_a_refusal_chooses_it():
    scene, view = Scene(history("refused merge")), View(120, 40)
    last = scene.timeline.last
    hits = [scene.hit(last, view, view.width - 10, y) for y in range(view.height)]
    numbers = {hit.number for hit in hits if hit is not None and hit.kind == "alternative"}
    assert numbers == set(range(len(scene.history.steps[last].reason.alternatives)))
    assert scene.pointed(last, view, Hit("alternative", number=1)).chosen == 1


# --------------------------------------------------------------------------------------------------- the cursor


def went(scene: Scene, view: View, right: int, down: int, times: int) -> list[tuple[int, ...]]:
    visited = []
    for _ in range(times):
        view = scene.moved(scene.timeline.last, view, right, down)
        visited.append(view.cursor)
    return visited


def test_going_right_visits_a_row_of_each_block_in_order_and_stops_at_the_end():
    scene = scene_of("torch.arange(24).view(2, 3, 4)")
    row = [(block, 1, column) for block in range(2) for column in range(4)]
    assert went(scene, View(100, 30, cursor=(0, 1, 0)), 1, 0, 9) == [*row[1:], row[-1], row[-1]]
    assert went(scene, View(100, 30, cursor=(1, 1, 3)), -1, 0, 9) == [*row[-2::-1], row[0], row[0]]


def test_going_down_visits_a_column_of_each_block_in_order():
    scene = scene_of("torch.arange(24).view(2, 3, 4)")
    column = [(block, row, 2) for block in range(2) for row in range(3)]
    assert went(scene, View(100, 30, cursor=(0, 0, 2)), 0, 1, 6) == [*column[1:], column[-1]]


@given(st.lists(st.integers(1, 3), min_size=2, max_size=6).map(tuple), st.data())
def test_going_right_through_any_blocks_counts_their_index_up(shape, data):
    """All dims but the rows' count up like the digits of a number; each index is visited once."""
    row = data.draw(st.integers(0, shape[-2] - 1))
    place = (*(0,) * (len(shape) - 2), row, 0)
    visited = [place]
    while (following := stepped(place, shape, 1, 0, 1)) != place:
        place = following
        visited.append(place)
    outer = itertools.product(*map(range, shape[:-2]))
    assert visited == [(*block, row, column) for block in outer for column in range(shape[-1])]


@given(
    st.lists(st.integers(1, 4), max_size=5).map(tuple),
    st.integers(-9, 9),
    st.integers(-9, 9),
    st.integers(1, 5),
    st.data(),
)
def test_wherever_a_cursor_goes_it_is_an_index_of_the_tensor(shape, right, down, across, data):
    index = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    moved = stepped(index, shape, right, down, across)
    assert len(moved) == len(shape)
    assert all(0 <= place < size for place, size in zip(moved, shape, strict=True))


def test_in_one_dim_down_goes_to_the_line_below():
    scene, view = scene_of("torch.arange(100)"), View(60, 24)
    seen = found(scene, 0, view)
    down = scene.moved(0, replace(view, cursor=(3,)), 0, 1).cursor
    (x, y), (below_x, below_y) = seen.places["#0", (3,)], seen.places["#0", down]
    assert (below_x, below_y - y > 0) == (x, True)


LARGE = {
    "matrix": "torch.arange(10000).view(100, 100)",
    "transposed": "torch.empty(10**6, 10**6).t()",
    "row": "torch.arange(10**9)",
    "blocks": "torch.arange(6000).view(10, 20, 30)",
    "many blocks": "torch.arange(7 * 9 * 11 * 13).view(7, 9, 11, 13)",
    "five dims": "torch.arange(3 * 4 * 5 * 6 * 7).view(3, 4, 5, 6, 7)",
    "far apart": "torch.empty(10**12)[10**11:].view(-1, 10**6)[::3, 7::1000]",
}


@settings(max_examples=30)
@given(st.sampled_from(sorted(LARGE)), st.sampled_from(VIEWS[1:]), st.data())
def test_a_cursor_that_moves_stays_in_sight(name, view, data):
    """On the grid and on the strip, after any moves, also those that jump."""
    scene = scene_of(LARGE[name])
    last = scene.timeline.last
    layout = scene.members(last)[0].info.layout
    start = tuple(data.draw(st.integers(0, size - 1)) for size in layout.shape)
    view = replace(view, cursor=start)
    for _ in range(3):
        by = st.sampled_from([-1, 0, 1, 10, -10, 10**5])
        view = scene.moved(last, view, data.draw(by), data.draw(by))
        rest = scene._looked_at(last, view)
        key = scene.members(last)[0].key
        pane = rest.panes[key]
        if pane.body.height > pane.tiles.head and pane.body.width > pane.tiles.label + pane.tiles.cell_width:
            assert (key, view.cursor) in rest.grid, (view.cursor, view.scroll)
        assert (rest.cast.storages[0].key, layout.address(view.cursor)) in rest.strip


def test_the_first_key_makes_a_cursor_appear_at_the_first_element():
    scene = scene_of("torch.arange(12).view(3, 4)")
    view = scene.moved(1, View(100, 24), 1, 0)
    assert view.cursor == (0, 0)
    assert scene.moved(1, view, 1, 0).cursor == (0, 1)


def test_a_key_goes_on_from_the_place_that_was_pointed_at_on_the_strip():
    scene = scene_of("torch.arange(12).view(3, 4)")
    storage = scene.members(1)[0].storage
    view = scene.moved(1, View(100, 24, pointer=(storage, 6)), 0, 0)
    assert (view.cursor, view.pointer) == ((1, 2), None)


@pytest.mark.parametrize("name", ["nothing", "emptied", "one element", "huge", "no memory"])
def test_moving_where_there_is_little_or_nothing_to_move_in_is_no_error(name):
    scene = Scene(history(name))
    for number in range(scene.timeline.last + 1):
        view = View(80, 24)
        for right, down in ((1, 0), (0, 1), (-5, -5), (10**9, 10**9)):
            view = scene.scrolled(number, scene.moved(number, view, right, down), right, down)
            assert len(scene.frame(number, view).rows) == 24


@settings(max_examples=30)
@given(st.sampled_from(sorted(LARGE)), st.sampled_from(VIEWS[1:]), st.lists(st.sampled_from([1, -1, 7, -7, 10**9])))
def test_scrolling_always_leaves_something_to_see(name, view, ways):
    scene = scene_of(LARGE[name])
    last = scene.timeline.last
    for way in ways[:4]:
        view = scene.scrolled(last, view, way, way)
        rest = scene._looked_at(last, view)
        pane = rest.arrangement.panes[0]
        if pane.body.height > pane.tiles.head and pane.body.width > pane.tiles.label + pane.tiles.cell_width:
            assert rest.grid, view.scroll


def test_scrolling_there_and_back_is_where_one_was():
    scene, view = scene_of(LARGE["matrix"]), View(100, 24)
    there = scene.scrolled(1, view, 5, 3)
    assert there.scroll == (5, 3)
    assert min(index for _, index in found(scene, 1, there).grid) == (3, 5)
    assert scene.scrolled(1, there, -5, -3).scroll == (0, 0)


def test_a_walk_visits_every_element_in_index_order():
    scene = scene_of("torch.arange(12).view(3, 4).t()")
    view = View(100, 24)
    assert scene.walk_length(2, view) == 12
    walked = [scene.subject(2, replace(view, walk=step)).index for step in range(12)]
    assert walked == list(itertools.product(range(4), range(3)))
    grid, _ = cells_marked(scene, 2, replace(view, walk=5))
    assert [index for (_, index), marks in grid.items() if marks & Mark.POINTER] == [(1, 2)]
    assert {index for (_, index), marks in grid.items() if marks & Mark.TRAIL} == set(walked[:5])
