"""Where elements stand in a plane: a place and back, cells that never touch, and what a rectangle meets."""

from __future__ import annotations

import itertools
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stridescope.scene.tiles import Tiles, tiles_of

SHAPES = [
    (),
    (0,),
    (1,),
    (7,),
    (300,),
    (3, 4),
    (1, 1),
    (5, 0),
    (0, 5),
    (2, 3, 4),
    (13, 2, 3),
    (1, 1, 1),
    (3, 0, 2),
    (2, 3, 2, 3),
    (2, 1, 3, 1, 2),
    (2, 2, 2, 2, 2, 2),
    (2, 1, 2, 2, 1, 2, 2, 2),
    (1,) * 8,
]
CELLS = [(3, 1), (4, 1), (8, 3)]
ROOMS = [10, 37, 80, 200]

shapes = st.lists(st.integers(0, 4), max_size=8).map(tuple).filter(lambda shape: prod(shape) <= 400)
big_shapes = st.lists(st.sampled_from([1, 2, 7, 1000, 10**6]), min_size=1, max_size=8).map(tuple)
planes = st.builds(
    lambda shape, cell, room, labelled: tiles_of(shape, *cell, room, labelled=labelled),
    shapes,
    st.sampled_from(CELLS),
    st.integers(5, 200),
    st.booleans(),
)


def indices(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(itertools.product(*map(range, shape)))


def columns_of(tiles: Tiles, index: tuple[int, ...]) -> set[tuple[int, int]]:
    """Every column and line that a cell covers."""
    x, y = tiles.place(index)
    return {(x + across, y + down) for across in range(tiles.cell_width) for down in range(tiles.cell_height)}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_place_of_a_cell_leads_back_to_its_index_and_no_other_place_does(shape, cell, room):
    tiles = tiles_of(shape, *cell, room)
    owner = {}
    for index in indices(shape):
        for place in columns_of(tiles, index):
            assert place not in owner, f"{index} lies over {owner[place]}"
            owner[place] = index
    for x in range(-2, tiles.width + 12):
        for y in range(-2, tiles.height + 8):
            assert tiles.index_at(x, y) == owner.get((x, y)), (x, y)
    assert all(0 <= x < tiles.width and 0 <= y < tiles.height for x, y in owner)


@settings(max_examples=150)
@given(planes)
def test_two_cells_in_a_row_never_touch(tiles):
    """A column of background at least lies between one cell and the next, so that numbers never run together."""
    covered = {place: index for index in indices(tiles.shape) for place in columns_of(tiles, index)}
    for (x, y), index in covered.items():
        assert covered.get((x + 1, y), index) == index


@settings(max_examples=200)
@given(big_shapes, st.sampled_from(CELLS), st.integers(5, 250), st.data())
def test_place_and_index_are_inverse_however_large_the_tensor(shape, cell, room, data):
    tiles = tiles_of(shape, *cell, room)
    index = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    x, y = tiles.place(index)
    assert tiles.index_at(x, y) == index
    assert tiles.index_at(x + tiles.cell_width - 1, y + tiles.cell_height - 1) == index
    assert tiles.index_at(x + tiles.cell_width, y) != index
    assert 0 <= x < tiles.width and 0 <= y < tiles.height


def met(tiles: Tiles, left: int, top: int, right: int, bottom: int) -> list[tuple[int, ...]]:
    """The indices that `blocks` says a rectangle meets."""
    found = []
    for block in tiles.blocks(left, top, right, bottom):
        for row, column in itertools.product(block.rows, block.columns):
            if len(tiles.shape) > 1:
                found.append((*block.outer, row, column))
            elif (place := row * tiles.across + column) < (tiles.shape[0] if tiles.shape else 1):
                found.append((place,) if tiles.shape else ())
    return found


@settings(max_examples=300)
@given(planes, st.data())
def test_blocks_give_exactly_the_cells_that_a_rectangle_meets(tiles, data):
    left, right = sorted(data.draw(st.tuples(*[st.integers(-5, tiles.width + 5)] * 2)))
    top, bottom = sorted(data.draw(st.tuples(*[st.integers(-5, tiles.height + 5)] * 2)))
    inside = [
        index
        for index in indices(tiles.shape)
        if any(left <= x < right and top <= y < bottom for x, y in columns_of(tiles, index))
    ]
    found = met(tiles, left, top, right, bottom)
    assert len(found) == len(set(found))
    assert sorted(found) == inside


@settings(max_examples=100)
@given(big_shapes, st.data())
def test_a_window_on_a_large_plane_meets_only_what_fits_in_it(shape, data):
    """However large the tensor, blocks and cells are as few as 80×24 has room for, and each is where it says."""
    tiles = tiles_of(shape, 5, 1, 80)
    left, top = data.draw(st.integers(0, tiles.width)), data.draw(st.integers(0, tiles.height))
    found = list(tiles.blocks(left, top, left + 80, top + 24))
    assert len(found) <= 80 * 24
    cells = met(tiles, left, top, left + 80, top + 24)
    assert len(cells) <= 80 * 24 // 2
    for index in cells:
        x, y = tiles.place(index)
        assert left - tiles.cell_width < x < left + 80 and top <= y < top + 24


@settings(max_examples=50)
@given(planes)
def test_a_block_stands_where_it_says(tiles):
    for block in tiles.blocks(0, 0, tiles.width, tiles.height):
        if len(tiles.shape) > 1:
            first = tiles.place((*block.outer, 0, 0))
            assert (block.x + tiles.label, block.y + tiles.head) == first


@pytest.mark.parametrize("count", [9, 10, 11, 50, 99, 1000, 10**6])
@pytest.mark.parametrize("room", [20, 40, 79, 200])
def test_a_long_row_breaks_into_lines_that_the_room_holds(count, room):
    tiles = tiles_of((count,), 4, 1, room)
    assert tiles.width <= room
    assert tiles.height == -(-count // tiles.across)
    assert tiles.place((tiles.across - 1,))[1] == 0
    if count > tiles.across:
        assert tiles.place((tiles.across,)) == (tiles.label, 1)


@pytest.mark.parametrize(("room", "across"), [(5, 1), (28, 1), (29, 2), (44, 2), (45, 3), (500, 4)])
def test_three_dims_flow_into_as_many_blocks_a_row_as_fit(room, across):
    """Blocks of (2, 2) are 13 columns wide here and stand 3 apart."""
    tiles = tiles_of((4, 2, 2), 4, 1, room)
    assert tiles.block_width == 13
    assert tiles.across == across
    assert tiles.place((0, 0, 0))[1] == tiles.place((across - 1, 0, 0))[1]
    if across < 4:
        assert tiles.place((across, 0, 0))[0] == tiles.place((0, 0, 0))[0]


def test_outer_dims_alternate_between_beside_and_below():
    """The third dim from the end lies beside, the fourth below, the fifth beside again."""
    tiles = tiles_of((2, 2, 2, 2, 2), 4, 1, 500)
    start = tiles.place((0, 0, 0, 0, 0))
    for dim, below in ((2, False), (1, True), (0, False)):
        x, y = tiles.place(tuple(int(place == dim) for place in range(5)))
        assert (x == start[0], y == start[1]) == (below, not below)


def test_a_rectangle_outside_or_without_a_size_meets_nothing():
    tiles = tiles_of((2, 3, 4), 4, 1, 80)
    for box in ((-50, -50, 0, 0), (1000, 0, 1100, 20), (0, 1000, 80, 1010), (5, 2, 5, 9), (5, 2, 9, 2)):
        assert met(tiles, *box) == []
