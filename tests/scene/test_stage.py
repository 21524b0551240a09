"""The whole picture: there is one for every view, it follows from its arguments alone, and size costs nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_cases import PROGRAMS, assert_sound, history, looks, scene_of

from benchmarks.chains import LIBRARIES
from benchmarks.fuzz import chain_for
from stridescope.layout import Layout
from stridescope.program import run
from stridescope.records import History, Step, StorageInfo, TensorInfo
from stridescope.scene.frame import plain_text
from stridescope.scene.stage import Scene
from stridescope.scene.view import View

SIZES = [(40, 10), (60, 14), (100, 24), (220, 60)]

sizes = st.one_of(st.sampled_from(SIZES), st.tuples(st.integers(40, 220), st.integers(10, 60)))
small = st.integers(-2, 6)
numbers = st.one_of(small, st.integers(-(10**6), 10**13))


@st.composite
def views(draw: st.DrawFn, scene: Scene) -> View:
    """Any view at all: cursors, dims, walks and pointers that fit the tensor, and those that do not."""
    width, height = draw(sizes)
    members = [m for number in (0, scene.timeline.last) for m in scene.members(number)]
    keys = [member.key for member in members]
    storages = [member.storage for member in members]
    index = st.lists(numbers, max_size=4).map(tuple)
    if members:
        layout = draw(st.sampled_from(members)).info.layout
        if layout is not None and layout.numel:
            index |= st.tuples(*[st.integers(0, size - 1) for size in layout.shape])
    return View(
        width,
        height,
        focus=draw(st.sampled_from([None, "nobody", *keys])),
        cursor=draw(st.none() | index),
        pointer=draw(st.none() | st.tuples(st.sampled_from(["nowhere", *storages]), numbers)),
        dim=draw(st.none() | small),
        walk=draw(st.none() | numbers),
        values=draw(st.booleans()),
        scroll=draw(st.tuples(numbers, numbers)),
        ascii=draw(st.booleans()),
        coloured=draw(st.booleans()),
        chosen=draw(st.none() | small),
    )


def positions(scene: Scene) -> st.SearchStrategy[float]:
    last = scene.timeline.last
    return st.integers(0, last).map(float) | st.floats(-1.0, last + 1.0, allow_nan=False)


@settings(max_examples=100)
@given(st.sampled_from(sorted(PROGRAMS)), st.data())
def test_every_view_of_every_program_has_a_picture_of_its_size(name, data):
    scene = Scene(history(name))
    for _ in range(3):
        view, position = data.draw(views(scene)), data.draw(positions(scene))
        assert_sound(scene.frame(position, view), view)


@settings(max_examples=60)
@given(st.sampled_from(sorted(LIBRARIES)), st.integers(0, 10**9), st.data())
def test_every_view_of_a_random_program_has_a_picture_of_its_size(library, seed, data):
    scene = Scene(run(chain_for(seed, library)[0]))
    for _ in range(2):
        view, position = data.draw(views(scene)), data.draw(positions(scene))
        assert_sound(scene.frame(position, view), view)


@pytest.mark.parametrize(("width", "height"), [(40, 10), (133, 40)])
def test_scrubbing_to_and_fro_keeps_every_row_in_place(program, width, height):
    scene = Scene(program)
    way = random.Random(1)
    for view in (View(width, height), View(width, height, values=True, ascii=True, coloured=False)):
        for _ in range(2):
            position = way.random() * scene.timeline.last
            for place in (position, round(position)):
                assert_sound(scene.frame(place, view), view)


@settings(max_examples=40)
@given(st.sampled_from(sorted(PROGRAMS)), st.data())
def test_a_picture_depends_on_nothing_that_was_asked_before(name, data):
    """The same arguments give equal pictures: from a new scene, from one that has drawn others, in any order."""
    asked = Scene(history(name))
    questions = [(data.draw(positions(asked)), data.draw(views(asked))) for _ in range(3)]
    first = [looks(asked.frame(*question)) for question in questions]
    again = [looks(asked.frame(*question)) for question in reversed(questions)][::-1]
    fresh = [looks(Scene(history(name)).frame(*question)) for question in questions]
    assert first == again == fresh


def test_preparing_a_step_changes_no_picture(program):
    prepared, plain = Scene(program), Scene(program)
    view = View(100, 24)
    for number in range(prepared.timeline.last + 1):
        prepared.prepared(number, view)
        assert looks(prepared.frame(number + 0.3, view)) == looks(plain.frame(number + 0.3, view))


def test_positions_outside_the_timeline_are_its_ends(scene):
    view = View(80, 24)
    last = float(scene.timeline.last)
    assert looks(scene.frame(-5.0, view)) == looks(scene.frame(0.0, view))
    assert looks(scene.frame(last + 9.5, view)) == looks(scene.frame(last, view))


def test_ascii_is_ascii(scene):
    for size, values in (((60, 14), False), ((110, 30), True)):
        view = View(*size, ascii=True, values=values, coloured=not values, walk=1)
        for half in range(2 * min(scene.timeline.last, 4) + 1):
            for line in plain_text(scene.frame(half / 2, view)):
                assert line.isascii(), line


@pytest.mark.parametrize("escaped", [False, True])
def test_names_in_any_script_keep_the_columns(escaped):
    """Live tensors and those of a file may have any name; wide, combining, bidirectional and control characters."""
    layouts = [Layout((6,), (1,)), Layout((3,), (2,)), Layout((2, 2), (2, 1), 1)]
    storage = StorageInfo("s", 48)
    steps, names = [], ["텐서.가중치", "größe", "x\u0304\u0301\x1b[2J\u202e\n"]
    for name, layout in zip(names, layouts, strict=True):
        info = TensorInfo(
            "torch.Tensor", layout.shape, layout.stride, layout.storage_offset, "int64", 8, "cpu", False, storage
        ).named(name)
        steps.append(Step(name, "given", "same", info, name=name, bound=((name, info),)))
    scene = Scene(History("", "algebra", tuple(steps)))
    for width, height in SIZES:
        for half in range(5):
            view = View(width, height, ascii=escaped)
            frame = scene.frame(half / 2, view)
            assert_sound(frame, view)
            for line in plain_text(frame):
                assert line.isprintable()
                assert line.isascii() or not escaped


# ------------------------------------------------------------------------------------------------------- scaling


class Counted:
    """How often layouts were asked, and values read, for one picture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.read = 0
        for name in ("address", "indices_of", "unravel", "walk", "_search"):
            self._count(monkeypatch, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        asked = getattr(Layout, name)

        def counted(*args):
            self.calls += 1
            return asked(*args)

        monkeypatch.setattr(Layout, name, counted)


def _history(shape: tuple[int, int], counted: Counted | None = None) -> History:
    """A matrix, its transpose, every other row of it: on a storage of its own."""

    def values(addresses):
        if counted is not None:
            counted.read += len(addresses)
        return [0] * len(addresses)

    first = Layout.contiguous(shape)
    layouts = [first, first.t(), first.t().slice(0, 0, None, 2)]
    storage = StorageInfo("s", 4 * first.numel)
    infos = [
        TensorInfo("torch.Tensor", one.shape, one.stride, one.storage_offset, "int32", 4, "cpu", False, storage)
        for one in layouts
    ]
    steps = [Step("x", "zeros", "alloc", infos[0], values=values)]
    steps += [
        Step(source, "op", "view", info, before=before, sources=(before,), values=values)
        for source, before, info in zip((".t()", "[::2]"), infos, infos[1:], strict=False)
    ]
    return History("", "algebra", tuple(steps))


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("extra", [{}, {"walk": 7}, {"cursor": (3, 4), "dim": 1}])
@pytest.mark.parametrize("position", [0.0, 1.0, 1.5, 2.0])
def test_a_picture_of_10_14_elements_asks_as_little_as_one_of_10_6(monkeypatch, values, extra, position):
    """As many cells, as many questions to the layout and as many values read: only what is on screen is computed.

    In a panel with room for all that is said, so that the map below it is as large for both.
    """
    spent = []
    for side in (10**3, 10**7):
        with monkeypatch.context() as patch:
            counted = Counted(patch)
            scene = Scene(_history((side, side), counted))
            frame = scene.frame(position, View(120, 44, values=values, **extra))
            cells = sum(part.look.role == "cell" for row in frame.rows for _, part in row)
            spent.append((counted.calls, counted.read, cells))
    (calls, read, cells), (more_calls, more_read, more_cells) = spent
    assert cells > 20
    # Without values in the cells at most the one that is pointed at is read.
    assert read > 20 if values else read == bool(extra)
    assert more_calls <= calls * 1.2 + 20
    assert more_read <= read * 1.2 + 20
    assert more_cells <= cells * 1.2


@pytest.mark.parametrize("position", [0.0, 1.0, 1.5, 2.0])
def test_a_typed_program_on_10_12_elements_asks_a_fixed_number_of_questions(monkeypatch, position):
    """From the text to the first picture: at most four questions for each cell that is drawn."""
    counted = Counted(monkeypatch)
    frame = scene_of("torch.empty(10**6, 10**6).t()[::2, 5:]").frame(position, View(100, 24))
    cells = sum(part.look.role == "cell" for row in frame.rows for _, part in row)
    assert 20 < cells < 24 * 100 // 4
    assert counted.calls <= 4 * cells
