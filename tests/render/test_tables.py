"""Many tensors, one row each."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from stridescope.layout import Layout
from stridescope.render import table


def drawn(view, width):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(view)
    return console.file.getvalue()


@pytest.fixture
def model(make):
    storage = make.storage(8 * 64)
    square = Layout.contiguous((8, 8))
    rows = [make.tensor(square, name=f"model.layers.{n}.self_attn.q_proj.weight") for n in range(3)]
    tied = [make.tensor(layout, storage, name=name) for name, layout in (("embed", square), ("head", square.t()))]
    return [*rows, *tied]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_a_table_fits_its_width(model, width):
    text = drawn(table(model), width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert all(line == line.rstrip() for line in text.splitlines())


def test_tensors_on_one_storage_share_a_letter(model):
    lines = drawn(table(model), 200).splitlines()
    column = lines[0].index("storage")
    letters = {line.split()[0]: line[column : column + 1] for line in lines[1:6]}
    assert letters["embed"] == letters["head"] == "A"
    assert all(letter == " " for name, letter in letters.items() if "layers" in name)


def test_a_narrow_table_keeps_names_and_shapes_and_says_what_it_left_out(model):
    text = drawn(table(model), 60)
    assert "(8, 8)" in text
    assert "Too narrow for" in text
    assert text.count("weight") == 3


def test_a_very_long_table_shows_head_and_tail_and_counts_the_rest(make):
    rows = [make.tensor(Layout.contiguous((2,)), name=f"t{n}") for n in range(2000)]
    text = drawn(table(rows), 100)
    assert "t0 " in text
    assert "t1999 " in text
    assert "… 1,970 more …" in text
    assert "2,000 tensors" in text
    assert len(text.splitlines()) < 40


def test_a_table_of_nothing_says_so():
    assert drawn(table([]), 80).strip() == "no tensors"


def test_letters_go_on_after_z():
    from stridescope.render.tables import _alphabet

    names = _alphabet()
    assert [next(names) for _ in range(704)][25:29] == ["Z", "AA", "AB", "AC"]
