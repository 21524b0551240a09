"""The regions of the Stage: inside the picture, apart from each other, and each tensor in one of them or counted."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_cases import PROGRAMS, history, scene_of

from stridescope.layout import Layout
from stridescope.records import TensorInfo
from stridescope.scene.arrange import Arrangement, Pane, Region, arranged, digits_of
from stridescope.scene.cast import Casting, Member
from stridescope.scene.tiles import tiles_of
from stridescope.scene.view import View

CASTINGS = {name: Casting(history(name)) for name in PROGRAMS}


def whole(pane: Pane) -> Region:
    return Region(pane.head.x, pane.head.y, max(pane.head.width, pane.body.width), pane.head.height + pane.body.height)


def apart(one: Region, other: Region) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


@st.composite
def arrangements(draw: st.DrawFn) -> tuple[View, Arrangement, Casting, int]:
    casting = CASTINGS[draw(st.sampled_from(sorted(PROGRAMS)))]
    number = draw(st.integers(0, len(casting.steps) - 1))
    view = View(
        draw(st.integers(40, 220)),
        draw(st.integers(10, 60)),
        values=draw(st.booleans()),
        coloured=draw(st.booleans()),
        scroll=draw(st.tuples(st.integers(0, 9), st.integers(0, 9))),
    )
    cast = casting.cast(number)
    inner = {member.key: draw(st.integers(2, 10)) for member in cast.members}
    return view, arranged(cast, view, inner, cells=draw(st.integers(0, 2))), casting, number


@settings(max_examples=200)
@given(arrangements())
def test_strips_panes_and_panel_lie_inside_the_picture_and_apart_from_each_other(given):
    view, found, *_ = given
    strips = [Region(0, plan.y - 1 - (plan.bar is not None), view.width, 0) for plan in found.strips]
    strips = [region._replace(height=plan.bottom - region.y) for region, plan in zip(strips, found.strips, strict=True)]
    regions = [*strips, *map(whole, found.panes)]
    for region in [*map(whole, found.panes), found.panel]:
        assert region.x >= 0 and region.y >= 0
        assert region.x + region.width <= view.width
        assert region.y + region.height <= view.height
    assert all(apart(one, other) for one, other in combinations(regions, 2))
    assert all(apart(found.panel, region) for region in map(whole, found.panes))


@settings(max_examples=200)
@given(arrangements())
def test_every_tensor_has_a_pane_or_is_counted_as_missing(given):
    _, found, casting, number = given
    members = casting.cast(number).members
    keys = [pane.member.key for pane in found.panes]
    assert len(keys) + found.missing == len(members)
    assert len(set(keys)) == len(keys)


@settings(max_examples=200)
@given(arrangements())
def test_a_grid_is_never_scrolled_past_its_end_nor_cut_at_its_start(given):
    _, found, *_ = given
    for pane in found.panes:
        if pane.tiles is not None:
            assert pane.left % pane.tiles.pitch_x == 0 and pane.top % pane.tiles.pitch_y == 0
            assert 0 <= pane.left < max(pane.tiles.width, 1) and 0 <= pane.top < max(pane.tiles.height, 1)


@settings(max_examples=100)
@given(arrangements())
def test_large_cells_are_used_only_where_every_grid_fits_whole(given):
    _, found, *_ = given
    if found.large and found.panes:
        for pane in found.panes:
            if pane.tiles is not None:
                assert (pane.tiles.width, pane.tiles.height) <= (pane.body.width, pane.body.height)
                assert pane.tiles.height <= pane.body.height
                assert (pane.left, pane.top) == (0, 0)


@pytest.mark.parametrize(("width", "beneath"), [(60, True), (87, True), (88, False), (200, False)])
def test_the_panel_stands_beside_the_tensors_where_there_is_width_for_it(width, beneath):
    cast = CASTINGS["main"].cast(3)
    found = arranged(cast, View(width, 24), {member.key: 2 for member in cast.members})
    assert found.beneath == beneath
    pane = whole(found.panes[0])
    assert (found.panel.y >= pane.y + pane.height) if beneath else (found.panel.x >= pane.x + pane.width)


def test_the_focused_tensor_has_a_pane_however_many_there_are():
    cast = CASTINGS["nine names"].cast(9)
    for member in cast.members:
        found = arranged(cast, View(60, 14, focus=member.key), {one.key: 2 for one in cast.members})
        assert member.key in {pane.member.key for pane in found.panes}
        assert found.missing > 0


def test_a_picture_with_room_shows_all_names_and_says_where_there_is_none():
    scene = scene_of(PROGRAMS["nine names"])
    wide, small = (scene._rest(9, View(*size)) for size in ((220, 60), (60, 14)))
    assert wide.arrangement.missing == 0
    text = f"{small.arrangement.missing} more tensors"
    assert any(part.text.startswith(text) for _, _, part in small.words)


def test_panes_that_share_a_row_take_no_more_than_they_need():
    """The small tensor leaves its width to the large one."""
    cast = Casting(scene_of("x = torch.arange(4000).view(40, 100); a = x[:2, :2]").history).cast(2)
    found = arranged(cast, View(100, 24), {member.key: 4 for member in cast.members})
    widths = {pane.member.key: pane.body.width for pane in found.panes}
    assert widths["x"] > widths["a"]


@pytest.mark.parametrize(
    ("layout", "digits"),
    [
        (Layout((12,), (1,)), 2),
        (Layout((1000,), (1,)), 3),
        (Layout((1001,), (1,)), 4),
        (Layout((10_001,), (1,)), 6),
        (Layout((3,), (-5,), 10), 2),
        (Layout((3,), (-50,), 0), 4),
        (Layout((0,), (1,), 10**6), 2),
    ],
)
def test_cells_are_as_wide_as_the_longest_address_in_them(layout, digits):
    info = TensorInfo(
        "layout", layout.shape, layout.stride, layout.storage_offset, None, None, None, None, None,
    )  # fmt: skip
    assert digits_of(Member("x", "x", info, 0)) == digits


@pytest.mark.parametrize("scroll", [(0, 0), (3, 2), (500, 500), (-4, -4)])
@pytest.mark.parametrize("source", ["torch.arange(5000).view(50, 100)", "torch.arange(5000)"])
def test_what_is_said_to_be_in_sight_is_what_is_in_sight(source, scroll):
    """The slice in a grid's head is exactly the indices of its cells."""
    scene = scene_of(source)
    last = scene.timeline.last
    for size in ((60, 14), (80, 24), (100, 24), (200, 40)):
        rest = scene._rest(last, View(*size, scroll=scroll))
        shown = [index for _, index in rest.grid]
        bounds = [f"{min(places):,}:{max(places) + 1:,}" for places in zip(*shown, strict=True)]
        said = [part.text for _, _, part in rest.words if part.text.endswith("in sight")]
        assert said in ([f"[{', '.join(bounds)}] in sight"], []), size
        if size[1] >= 24:
            assert said


def test_scrolled_grids_keep_their_row_and_column_labels():
    rest = scene_of("torch.arange(10000).view(100, 100)")._rest(1, View(80, 24, scroll=(40, 60)))
    texts = {part.text.strip() for _, _, part in rest.words}
    (row, column) = min(index for _, index in rest.grid)
    assert (row, column) == (60, 40)
    assert {f"{row},:", f":,{column}"} <= texts


def test_a_tensor_fits_its_pane_when_it_is_alone_and_small():
    rest = scene_of("torch.arange(12).view(3, 4)")._rest(1, View(40, 12))
    assert len(rest.grid) == 12
    (pane,) = rest.arrangement.panes
    assert tiles_of((3, 4), pane.tiles.cell_width, 1, pane.body.width) == pane.tiles


def test_strips_follow_each_other_from_the_top():
    plans = scene_of(PROGRAMS["many storages"])._rest(6, View(100, 40)).arrangement.strips
    assert len(plans) == 5
    assert all(one.bottom < other.y for one, other in pairwise(plans))
