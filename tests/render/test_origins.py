"""The row "from" under the strip of a copied storage: which old address each shown position came from."""

from __future__ import annotations

import re

import pytest
from render_cases import CASES

from stridescope.layout import Layout
from stridescope.program import run
from stridescope.records import History, Step, Write
from stridescope.render import Options, plain
from stridescope.render.drawn import letters_of
from stridescope.render.ink import Ink
from stridescope.render.panels import panel
from stridescope.scene.text import source_shortened


def from_rows(text):
    """What stands in the rows "from", in order, and the line after the last of them."""
    lines = text.splitlines()
    places = [number for number, line in enumerate(lines) if line.startswith(" from ")]
    marks = [mark for number in places for mark in lines[number].split()[1:]]
    return marks, lines[places[-1] + 1].strip() if places else ""


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize(
    ("source", "marks", "legend"),
    [
        (
            "torch.arange(12).view(3, 4).t().contiguous()",
            "0 4 8 1 5 9 2 6 10 3 7 11",
            "old addresses in torch.arange(12)",
        ),
        ("torch.arange(12).view(3, 4).flip(0)", "8 9 10 11 4 5 6 7 0 1 2 3", "old addresses in torch.arange(12)"),
        ("x = torch.arange(8).view(4, 2); y = x[[2, 0]]", "4 5 0 1", "old addresses in x"),
        ("torch.arange(3).repeat(2)", "0 1 2 0 1 2", "old addresses in torch.arange(3)"),
        (
            "a = torch.arange(2); b = torch.arange(3); c = torch.cat([a, b])",
            "a0 a1 b0 b1 b2",
            "old addresses in a and b",
        ),
        ("x = torch.arange(2); y = torch.cat([x, x])", "0 1 0 1", "old addresses in x"),
        ("x = torch.arange(4); torch.cat([x[2:], x])", "a2 a3 x0 x1 x2 x3", "old addresses, a in x[2:], x in x"),
        ("torch.arange(4).float().flip(0)", "3 2 1 0", "old addresses in the result of .float()"),
        ("np.arange(4)[::-1].copy()", "3 2 1 0", "old addresses in np.arange(4)"),
    ],
)
def test_each_position_names_the_address_it_came_from(source, marks, legend, width):
    # The last step's storage is drawn first, and other names' storages were not copied.
    drawn = plain(run(source), width).split(" STORAGE")[1]
    assert from_rows(drawn) == (marks.split(), legend)


def test_the_row_agrees_with_torch_element_by_element():
    torch = pytest.importorskip("torch")
    history = run("torch.arange(24).view(2, 3, 4).permute(2, 0, 1).contiguous()")
    real = torch.arange(24).view(2, 3, 4).permute(2, 0, 1).contiguous()
    marks, _ = from_rows(plain(history, 200))
    assert list(map(int, marks)) == real.flatten().tolist()


def test_views_after_the_copy_keep_its_row_and_other_dtypes_cut_it_finer():
    marks, _ = from_rows(plain(run("torch.arange(6).view(2, 3).t().contiguous().view(6)[2:]"), 80))
    assert marks == ["0", "3", "1", "4", "2", "5"]
    marks, _ = from_rows(plain(run("torch.arange(2).flip(0).view(torch.int32)"), 80))
    assert marks == ["1", "1", "0", "0"]


def test_positions_written_since_come_from_nowhere():
    program = "x = torch.arange(6).view(2, 3); y = x.t().contiguous(); y[0, 1] = 9; y[2] = 7"
    marks, _ = from_rows(plain(run(program), 80).split(" STORAGE")[1])
    assert marks == ["0", "1", "4"]
    assert "old addresses" not in plain(run("torch.arange(6).flip(0).add_(1)"), 80)


def test_a_storage_that_no_copy_filled_has_no_row(make):
    for name in ("main", "names", "expand", "literal"):
        assert "old addresses" not in plain(CASES[name](make), 80)


def test_only_shown_positions_are_asked_for(make, monkeypatch):
    asked = []
    history = make.chain("zeros", (10**6, 10**6), (".t()", lambda x: x.t()), (".clone()", lambda x: x.flip(0)))
    copy = history.steps[-1].copy
    monkeypatch.setattr(type(copy), "origin", lambda self, k: asked.append(k) or (0, k))
    plain(history, 80)
    assert 0 < len(set(asked)) < 100


def test_marks_have_the_colour_of_the_old_address_and_are_quiet_without_colours(make):
    history = make.chain("arange(12)", (3, 4), (".t()", lambda x: x.t()), (".reshape(12)", lambda x: x.reshape(12)))
    lines = panel(history).lines(Ink("truecolor"), 80)
    row = next(line for line in lines if any(segment.text.startswith("from") for segment in line))
    strip = lines[lines.index(row) - 1]
    chips = [[s for s in line if s.style is not None and s.style.bgcolor is not None] for line in (strip, row)]
    colour = {int(chip.text): chip.style.bgcolor for chip in chips[0]}
    assert len(colour) == 12
    assert [colour[int(chip.text)] for chip in chips[1]] == [chip.style.bgcolor for chip in chips[1]]
    bare = panel(history).lines(Ink(), 80)
    row = next(line for line in bare if any(segment.text.startswith("from") for segment in line))
    assert all(segment.style.dim for segment in row if segment.text.strip())


def test_a_position_that_nothing_reaches_has_a_quiet_mark():
    lines = panel(run("torch.arange(6).flip(0)[::2]")).lines(Ink("truecolor"), 80)
    row = next(line for line in lines if any(segment.text.startswith("from") for segment in line))
    chips = [int(s.text) for s in row if s.style is not None and s.style.bgcolor is not None]
    assert chips == [5, 3, 1]


def test_values_do_not_hide_where_they_came_from():
    text = plain(run("torch.tensor([5, 6, 7]).flip(0)"), 60, Options(values=True))
    assert re.search(r"\n +7 +6 +5\n from +2 +1 +0\n", text)


def test_a_step_that_lists_no_sources_counts_them(make):
    parts = [make.tensor(Layout.contiguous((2,))) for _ in range(2)]
    copy = Layout.contiguous((2,)).cat([Layout.contiguous((2,))])
    made = make.tensor(copy.layout)
    steps = (
        Step("parts", "given", "same", None, tensors=tuple(parts)),
        Step("torch.cat(parts)", "cat", "copy", made, before=parts[1], copy=copy),
    )
    marks, legend = from_rows(plain(History("torch.cat(parts)", "algebra", steps), 80))
    assert marks == ["a0", "a1", "b0", "b1"]
    assert legend.startswith("old addresses")


def test_a_write_to_everything_ends_the_story(make):
    history = make.chain("arange(4)", (4,), (".flip(0)", lambda x: x.flip(0)))
    final = history.steps[-1].tensor
    write = Step(".zero_()", "zero_", "write", final, before=final, write=Write(final.layout, ()))
    assert "from" in plain(history, 80)
    assert "from" not in plain(History("…", "algebra", (*history.steps, write)), 80)


def test_names_keep_their_own_letter_before_expressions_get_one():
    assert letters_of(["", "a", "ab"]) == ["c", "a", "b"]
    assert letters_of(["x"] * 2)[0] == "x"
    assert len(letters_of([""] * 60)) == 60


@pytest.mark.parametrize("width", range(8, 60))
def test_a_source_that_is_cut_still_has_matching_brackets(width):
    for source in ("torch.tensor([1., float('inf'), -2.5])", "torch.cat([torch.zeros(10**12), torch.ones(3)])"):
        short = source_shortened(source, width)
        assert len(short) <= width
        if short.endswith(")") and "(" in short and width >= len("torch.tensor(…)"):
            assert short.count("(") == short.count(")")
            assert short.count("[") == short.count("]")


def test_a_source_that_fits_or_has_no_brackets_is_only_cut_where_it_must_be():
    assert source_shortened("torch.arange(3)", 15) == "torch.arange(3)"
    assert source_shortened("x" * 30, 9) == "xxxx…xxxx"
    assert source_shortened("f(')')" + "y" * 30, 12).count("…") == 1
