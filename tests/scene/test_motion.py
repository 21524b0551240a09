"""The way between two steps, read off its pictures: where it starts and ends, what moves and what does not."""

from __future__ import annotations

import pytest
from stage_cases import CHAINS, found, history, scene_of

from stridescope.scene.frame import Mark
from stridescope.scene.stage import Scene
from stridescope.scene.view import View

VIEWS = [View(60, 14), View(100, 24), View(200, 58, values=True)]
JUST = 1e-9

Cell = tuple[int, int, str, int]
"""x, y, text, level."""


def cells(scene: Scene, position: float, view: View) -> dict[tuple[int, int], tuple[str, int, int]]:
    """By place: (text, level, marks) of each piece of a cell that has text, at any position."""
    return {
        (x, y): (part.text.strip(), part.look.level, part.look.marks)
        for y, row in enumerate(scene.frame(position, view).rows)
        for x, part in row
        if part.look.role == "cell" and part.text.strip()
    }


def plain(scene: Scene, position: float, view: View) -> set[Cell]:
    """The cells without their marks."""
    return {(x, y, text, level) for (x, y), (text, level, _) in cells(scene, position, view).items()}


def steps_of(scene: Scene) -> range:
    """The numbers of the steps that have a way to them."""
    return range(1, scene.timeline.last + 1)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.width}x{view.height}{'v' * view.values}")
def test_every_way_ends_in_the_picture_of_the_step_it_leads_to(scene, view):
    for number in steps_of(scene):
        assert plain(scene, number - JUST, view) == plain(scene, number, view), scene.history.steps[number].source


def covered(scene: Scene, position: float, view: View) -> set[tuple[int, int]]:
    """Each place that a cell or another text takes."""
    return {
        (x + column, y)
        for y, row in enumerate(scene.frame(position, view).rows)
        for x, part in row
        for column in range(part.size)
        if part.look.role == "cell" or part.text.strip()
    }


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.width}x{view.height}{'v' * view.values}")
def test_no_cell_is_gone_when_a_way_starts(scene, view):
    """Where each cell of the step before stood, it still stands, or something that lies over it."""
    for number in steps_of(scene):
        start, taken = plain(scene, number - 1 + JUST, view), covered(scene, number - 1 + JUST, view)
        gone = [cell for cell in plain(scene, number - 1, view) - start if cell[:2] not in taken]
        assert not gone, (scene.history.steps[number].source, sorted(gone)[:5])


def traced(scene: Scene, number: int, view: View, times: int = 40) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """By (text, level), the places at which cells were seen on the way to a step, in order of time."""
    seen: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for tick in range(1, times):
        for x, y, text, level in plain(scene, number - 1 + tick / times, view):
            seen.setdefault((text, level), []).append((x, y))
    return seen


def strip_cells(scene: Scene, position: float, view: View) -> set[Cell]:
    """The cells above the first tensor."""
    number = min(round(position + 0.5), scene.timeline.last)
    top = min(pane.head.y for pane in scene._rest(number, view).arrangement.panes)
    return {cell for cell in plain(scene, position, view) if cell[1] < top}


@pytest.mark.parametrize(
    "name", ["main", "blocks", "expand", "four dims", "eight dims", "windows", "diagonal", "refused merge"]
)
def test_a_view_moves_no_cell_of_the_strip(name):
    """A step that moves no bytes leaves the storage where it is; only what is no longer reached fades from it."""
    scene, view = Scene(history(name)), View(100, 24)
    for number, step in enumerate(scene.history.steps):
        if step.effect in ("view", "same", "refused") and number:
            before, after = (strip_cells(scene, whole, view) for whole in (number - 1, number))
            for tick in range(1, 20):
                shown = strip_cells(scene, number - 1 + tick / 20, view)
                assert after <= shown <= before | after, step.source


def test_cells_of_a_view_that_glide_end_where_they_belong_and_pass_between():
    scene, view = scene_of("torch.arange(6).view(2, 3).t()"), View(100, 24)
    before, after = found(scene, 1, view), found(scene, 2, view)
    top = scene._rest(2, view).arrangement.panes[0].body.y
    paths = traced(scene, 2, view)
    for (key, index), drawn in before.grid.items():
        start = before.places[key, index]
        end = after.places["#2", index[::-1]]
        way = [place for place in paths[drawn.text, drawn.look.level] if place[1] >= top]
        (left, right), (upper, lower) = (sorted(pair) for pair in zip(start, end, strict=True))
        assert all(left <= x <= right and upper <= y <= lower for x, y in way), drawn.text
        assert (way[0], way[-1]) == (start, end)
        assert (len(set(way)) > 2) == (start != end)


def test_the_copies_of_an_expand_start_in_one_place():
    """One element becomes many: all six cells of a row of `expand` start where the one was."""
    scene, view = scene_of("torch.arange(4).view(4, 1).expand(4, 6)"), View(100, 24)
    before, after = found(scene, 1, view), found(scene, 2, view)
    for row in range(4):
        drawn, place = before.grid["#1", (row, 0)], before.places["#1", (row, 0)]
        top = scene._rest(2, view).arrangement.panes[0].body.y
        start = [cell for cell in plain(scene, 1 + JUST, view) if cell[2] == drawn.text and cell[1] >= top]
        assert [cell[:2] for cell in start] == [place]
        assert sum(key[1][0] == row for key in after.grid) == 6
        middle = [cell for cell in plain(scene, 1.5, view) if cell[2] == drawn.text and cell[1] >= top]
        assert len(middle) == 6


def test_what_is_sliced_away_fades_where_it_was_and_is_gone_in_the_end():
    scene, view = scene_of("torch.arange(12).view(3, 4)[1:]"), View(100, 24)
    before = found(scene, 1, view)
    for column in range(4):
        key = "#1", (0, column)
        place, drawn = before.places[key], before.grid[key]
        text, _, marks = cells(scene, 1 + JUST, view)[place]
        assert (text, marks & Mark.LEFT) == (drawn.text, Mark.LEFT)
        strip = next(x for x, _, text, _ in strip_cells(scene, 1, view) if text == drawn.text)
        left = {text for x, y, text, _ in strip_cells(scene, 1.3, view) if x == strip}
        assert left == {drawn.text}
        assert drawn.text not in {text for _, _, text, _ in plain(scene, 2 - JUST, view)}


@pytest.mark.parametrize(
    ("source", "order"),
    [
        ("torch.arange(12).view(3, 4).t().contiguous()", [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]),
        ("torch.arange(6).flip(0)", [5, 4, 3, 2, 1, 0]),
        ("torch.cat([torch.arange(3), torch.arange(3)])", [0, 1, 2, 0, 1, 2]),
        ("torch.arange(4).view(2, 2).repeat(1, 2)", [0, 1, 0, 1, 2, 3, 2, 3]),
    ],
)
def test_a_copy_writes_its_cells_in_the_order_of_their_addresses(source, order):
    """Cells set out for the new strip one after another, in the order of the positions they are written to."""
    scene, view = scene_of(source), View(120, 30)
    last = scene.timeline.last
    copy = scene.history.steps[last].copy
    assert [copy.origin(k)[1] for k in range(len(order))] == order
    plan = scene._rest(last, view).plans[scene.casting.cast(last).members[-1].storage]
    starts = [start for x, y, dx, dy, start, *_ in scene._way(last, view).in_turn if y + dy == plan.y + plan.labels]
    assert len(starts) == len(order) and starts == sorted(starts) and len(set(starts)) == len(starts)


def test_what_a_copy_reads_makes_room_and_stays_until_it_is_read():
    scene, view = scene_of("torch.arange(12).view(3, 4).t().contiguous()"), View(120, 30)
    before = found(scene, 2, view)
    x, y = before.places["#2", (3, 2)]
    was, new = scene._rest(2, view).panes["#2"].body, scene._rest(3, view).panes["#3"].body
    aside = (x + new.x - was.x, y + new.y - was.y)
    assert aside != (x, y)
    for tick in range(3, 12):
        assert cells(scene, 2 + tick / 20, view)[aside][:2] == ("11", before.grid["#2", (3, 2)].look.level)


@pytest.mark.parametrize("name", ["smaller items", "larger items"])
def test_a_copy_reads_the_place_that_torch_would_also_where_items_take_several_positions(name):
    """Each cell of the new strip sets out from the position that its element was read from."""
    scene, view = Scene(history(name)), View(200, 40)
    number = next(n for n, step in enumerate(scene.history.steps) if step.effect == "copy")
    step, cast = scene.history.steps[number], scene.casting.cast(number)
    rest = scene._rest(number, view)
    old, new = (rest.plans[key] for key in (cast.storages[0].key, cast.storages[-1].key))
    made, read = step.tensor, step.sources[0]
    motion = scene._way(number, view)
    flown = {(x + dx, y + dy): (x, y) for x, y, dx, dy, *_ in motion.in_turn}
    for position in new.positions:
        element = position * new.stored.unit // made.itemsize
        address = read.storage_offset + element * read.stride[0]
        start = address * read.itemsize // old.stored.unit
        assert flown[new.place(position)] == old.near(start), position


def test_a_write_lights_up_in_every_tensor_that_sees_it_at_the_same_time():
    scene = scene_of("x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10)")
    view = View(140, 40, values=True)
    after = found(scene, 3, view)
    spots: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for key, place in after.places.items():
        if after.grid[key].look.marks & Mark.WRITTEN:
            spots.setdefault(after.positions[key], []).append(place)
    assert sorted(position for _, position in spots) == [0, 2, 4, 6, 8, 10]
    assert all(len(places) == 3 for places in spots.values()), "x, a and b see each of them"
    moments = []
    for (_, position), places in sorted(spots.items()):
        lit = []
        for tick in range(1, 100):
            drawn = cells(scene, 2 + tick / 100, view)
            now = {bool(drawn[place][2] & Mark.WRITTEN) for place in places}
            texts = {drawn[place][0] for place in places}
            assert len(now) == 1, "one alias is ahead of another"
            assert texts == ({str(position + 10)} if now == {True} else {str(position)})
            lit += [tick] if now == {True} else []
        moments.append(lit[0])
    assert moments == sorted(moments) and len(set(moments)) > 3


def test_a_refused_step_gives_everything_back_and_marks_the_two_elements_that_clash():
    scene, view = Scene(history("refused merge")), View(100, 24)
    last = scene.timeline.last
    unmarked = {(x, y, text.strip("[] "), level) for x, y, text, level in plain(scene, last, view)}
    assert unmarked == plain(scene, last - 1, view)
    assert any(plain(scene, last - 1 + tick / 20, view) != plain(scene, last, view) for tick in range(1, 20))
    after = found(scene, last, view)
    broken = {index: drawn.text for (_, index), drawn in after.grid.items() if drawn.look.marks & Mark.BROKEN}
    assert {index: text.strip() for index, text in broken.items()} == {(0, 2): "[8]", (1, 0): "[1]"}


@pytest.mark.parametrize("name", CHAINS)
def test_a_cell_on_its_way_keeps_its_text_and_its_colour(name):
    """Between two steps only cells of one of them are seen, whole or cut: none is renamed or recoloured in flight."""
    scene, view = Scene(history(name)), View(160, 40)
    for number in steps_of(scene):
        known: dict[int, set[str]] = {}
        for whole in (number - 1, number):
            for _, _, text, level in plain(scene, whole, view):
                known.setdefault(level, set()).add(text)
        texts = set().union(*known.values()) if known else set()
        # A cell of a copy flies in the colour of what it carries.
        flying = scene.history.steps[number].effect == "copy"
        for tick in (1, 6, 12, 18):
            for _, _, text, level in plain(scene, number - 1 + tick / 19, view):
                assert any(text in whole for whole in (texts if flying else known[level])), (text, level)
                assert level in known
