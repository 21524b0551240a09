"""What the panel of a tensor or a history shows, at every width and on every output."""

from __future__ import annotations

import io
import os
import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pytest
from render_cases import CASES, Factory
from rich.cells import cell_len
from rich.console import Console

from stridescope.errors import OpIndexError
from stridescope.layout import Layout
from stridescope.records import History, Step, StorageInfo, TensorInfo
from stridescope.render import Options, panel, plain, svg, table
from stridescope.render.ink import Ink
from stridescope.render.strip import shown_positions
from stridescope.scene.track import Track

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (60, 80, 200)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def drawn(value, width=80, *, options=None, system="truecolor", encoding="utf-8", **console):
    """What a terminal gets."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    out = Console(
        file=file, width=width, color_system=system, force_terminal=system is not None, legacy_windows=False, **console
    )
    out.print(panel(value, options))
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_picture_is_the_one_on_file(case, width):
    """Rewrite the files with STRIDESCOPE_GOLDEN=1, then read the difference."""
    name, value = case
    path = GOLDEN / f"{name}.{width}.txt"
    text = plain(value, width)
    if os.environ.get("STRIDESCOPE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [20, 37, 60, 61, 79, 80, 100, 133, 200, 500])
def test_no_line_is_wider_than_the_output_and_none_ends_in_spaces(case, width):
    _, value = case
    for options in (Options(), Options(values=True), Options(ascii=True)):
        for line in plain(value, width, options).splitlines():
            assert cell_len(line) <= width
            assert line == line.rstrip()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_nothing_is_cut_off_from_60_columns_on(case, width):
    _, value = case
    for options in (Options(), Options(values=True)):
        for line in panel(value, options).lines(Ink(), width):
            assert len("".join(segment.text for segment in line).rstrip()) <= width


def test_a_line_that_must_be_cut_says_so(make):
    assert any(line.endswith("…") for line in plain(CASES["huge"](make), 24).splitlines())


def test_a_picture_is_never_a_wall(case):
    _, value = case
    assert len(plain(value, 80).splitlines()) <= 75


def test_several_large_tensors_are_no_wall_either(make):
    make.dtype, make.itemsize = "float32", 4
    named = tuple((name, make.tensor(Layout.contiguous((8, 100, 100, 100)), name=name)) for name in "abc")
    steps = tuple(Step("torch.zeros(8, 100, 100, 100)", "zeros", "alloc", info, name=name) for name, info in named)
    assert len(plain(History("…", "algebra", steps, named), 60).splitlines()) <= 130


@pytest.mark.parametrize("shape", [(2, 12), (3, 2, 12), (2, 150), (2, 10**6)])
def test_labels_end_where_the_cells_below_them_end(make, shape):
    lines = plain(make.chain("zeros", shape), 60).splitlines()
    heads = next(number for number, line in enumerate(lines) if ":,0 " in line)
    ends = [match.end() for match in re.finditer(r":,\d+|\+[\d,]+", lines[heads])]
    cells = [match.end() for match in re.finditer(r"(?<![\d,:])[\d,]+(?![\d,:])|·", lines[heads + 1])]
    assert cells == ends


@pytest.mark.parametrize("system", ["truecolor", "256", "standard"])
def test_colour_changes_the_looks_and_never_the_numbers(case, system):
    _, value = case
    coloured = drawn(value, system=system)
    bare = ANSI.sub("", coloured)
    assert ANSI.search(coloured)
    grid = re.compile(r"^ +\d+,:.*$", re.MULTILINE)
    assert [re.findall(r"\d+", line) for line in grid.findall(bare)] == [
        re.findall(r"\d+", line) for line in grid.findall(plain(value, 80))
    ]


def test_a_pipe_gets_no_escape_codes(case):
    _, value = case
    assert drawn(value, system=None) == plain(value, 80)


def test_no_color_gets_no_colours(case):
    _, value = case
    text = drawn(value, no_color=True)
    assert not re.search(r"\x1b\[(?:\d+;)*[34][0-9]", text)
    assert ANSI.sub("", text).splitlines() == plain(value, 80).splitlines()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_without_blocks_gets_ascii(case, encoding):
    _, value = case
    text = drawn(value, system=None, encoding=encoding)
    assert text.isascii()
    assert text == plain(value, 80, Options(ascii=True))


def test_ascii_draws_the_same_picture_with_other_characters(make):
    value = CASES["main"](make)
    unicode, letters = plain(value, 80).splitlines(), plain(value, 80, Options(ascii=True)).splitlines()
    assert "  ...  ###  ###  ###  ...  ...  ...  ...  ...  ###  ###  ###" in letters
    assert len(unicode) == len(letters)


def test_position_colours_of_strip_and_grid_match(make):
    text = drawn(CASES["main"](make))
    colours: dict[str, set[str]] = {}
    for code, number in re.findall(r"\x1b\[(?:1;)?([0-9;]*48;2;[0-9;]+)m +(\d+) \x1b", text):
        colours.setdefault(number, set()).add(code)
    assert sorted(map(int, colours)) == [1, 2, 3, 9, 10, 11]
    assert all(len(found) == 1 for found in colours.values())
    assert len({code for found in colours.values() for code in found}) == 6


def test_a_contiguous_tensor_is_a_smooth_ramp_of_any_size():
    for size in (12, 256, 1000, 10**15):
        track = Track(0, size, (0, size))
        levels = [track.level(position) for position in (0, size // 4, size // 2, size - 1)]
        assert levels[0] == 0
        assert levels[-1] == 255
        assert levels == sorted(set(levels))


def test_an_expand_repeats_a_colour(make):
    text = drawn(CASES["expand"](make))
    row = next(line for line in text.splitlines() if "1,:" in line)
    assert len(set(re.findall(r"48;2;\d+;\d+;\d+", row))) == 1


def test_a_storage_of_10_to_15_costs_what_a_storage_of_12_costs(make, monkeypatch):
    calls = {"address": 0, "indices_of": 0, "addresses": 0}

    def counted(name):
        original = getattr(Layout, name)

        def method(self, *args):
            calls[name] += 1
            assert name != "addresses" or self.numel <= 4096
            return original(self, *args)

        return method

    value = CASES["huge"](make)
    for name in calls:
        monkeypatch.setattr(Layout, name, counted(name))
    plain(value, 80)
    assert sum(calls.values()) < 400


def test_the_address_formula_marks_its_cell_on_strip_and_grid(make):
    text = plain(CASES["main"](make), 80, Options(index=(2, 1)))
    assert "= 1 + 2 + 8 = 11 → byte 88" in text
    assert text.count("[11]") == 2
    assert "No other index reaches it." in text


def test_an_index_deep_inside_a_large_tensor_is_shown(make):
    text = plain(make.chain("zeros", (5, 4, 300, 300)), 80, Options(index=(3, 1, 150, 151)))
    address = ((3 * 4 + 1) * 300 + 150) * 300 + 151
    assert "[3, 1, :, :]" in text
    assert "150,:" in text
    assert text.count(f"[{address:,}]") == 2


def test_an_index_that_does_not_fit_is_an_error_when_drawn(make):
    with pytest.raises(OpIndexError):
        plain(CASES["main"](make), 80, Options(index=(7, 1)))


def test_values_appear_only_when_asked_and_unknown_ones_are_question_marks(make):
    history = make.chain("torch.rand(2, 2)", (2, 2))
    asked = []

    def read(addresses):
        asked.append(tuple(addresses))
        return [[0.5, None, float("nan"), float("inf")][address] for address in addresses]

    history = replace(history, steps=(replace(history.steps[0], values=read),))
    assert "0.5" not in plain(history)
    assert asked == []
    text = plain(history, 80, Options(values=True))
    assert re.search(r"0,: +0\.5 +\?", text)
    assert re.search(r"1,: +nan +inf", text)


def test_only_visible_values_are_read(make):
    history = make.chain("torch.zeros(10**6)", (1000, 1000))
    seen = set()

    def read(addresses):
        seen.update(addresses)
        return [1.0] * len(addresses)

    plain(replace(history, steps=(replace(history.steps[0], values=read),)), 80, Options(values=True))
    assert 0 < len(seen) < 400


def test_a_live_tensor_reads_through_read_values(make):
    text = plain(make.tensor(Layout.contiguous((3,))), 80, Options(values=True), lambda addresses: [7] * len(addresses))
    assert re.search(r"value +7 +7 +7", text)


def test_a_refusal_marks_its_dims_and_shows_both_explanations(make):
    text = plain(CASES["refused"](make), 80)
    lines = text.splitlines()
    stride = next(line for line in lines if line.strip().startswith("stride  "))
    marks = lines[lines.index(stride) + 1]
    assert [m.start() for m in re.finditer("▲", marks)] == [m.start() for m in re.finditer(r"\d", stride)]
    assert "stride[0] is 1, needs 12" in marks
    assert ".reshape(12)" in text
    assert "copies 96 B" in text
    assert "torch says: view size is not compatible" in text


def test_a_refusal_of_many_dims_says_which_could_merge(make):
    ops = (".transpose(0, 1)", lambda x: x.transpose(0, 1)), (".view(-1)", lambda x: x.view(-1))
    text = plain(make.chain("zeros(2, 3, 4, 5)", (2, 3, 4, 5), *ops), 80)
    assert "dims that can merge: [0] [1] [2 3]" in text
    scattered = make.chain("zeros(2, 3, 4)", (2, 3, 4), (".mT", lambda x: x.permute(2, 1, 0)), ops[1])
    assert "dims that can merge: none" in plain(scattered, 80)


def test_grids_that_are_not_drawn_are_counted_and_named(make):
    storage = make.storage(96)
    named = tuple((f"t{k}", make.tensor(Layout((2,), (1,), k), storage, name=f"t{k}")) for k in range(9))
    steps = (Step("t0 = torch.arange(12)", "arange", "alloc", named[0][1], name="t0"),)
    text = plain(History("…", "algebra", steps, named), 80)
    assert "9 on one storage" in text
    assert "… 3 more tensors not drawn: t6, t7, t8" in text


def test_storages_that_are_not_drawn_are_counted_and_named(make):
    named = tuple((name, make.tensor(Layout.contiguous((2,)), name=name)) for name in "abcde")
    steps = tuple(Step("torch.arange(2)", "arange", "alloc", info, name=name) for name, info in named)
    text = plain(History("…", "algebra", steps, named), 80)
    assert text.count("STORAGE") == 3
    assert re.search(r"… 2 more storages not drawn, of [a-e] and [a-e]", text)


def test_each_storage_says_whose_it_is(make):
    named = tuple((name, make.tensor(Layout.contiguous((2,)), name=name)) for name in "ab")
    steps = tuple(Step("torch.arange(2)", "arange", "alloc", info, name=name) for name, info in named)
    text = plain(History("…", "algebra", steps, named), 80)
    assert re.findall(r"TENSOR +(\w)   shape", text) == ["b", "a"]


def test_a_write_says_which_addresses_changed_and_who_sees_them(make):
    text = plain(CASES["names"](make), 80)
    assert "changes addresses 4, 5, 6 and 7, seen by x and a" in text
    written = next(line for line in text.splitlines() if line.startswith(" written"))
    assert written.count("▲") == 6


def test_names_on_one_storage_have_a_row_each_below_the_strip(make):
    lines = plain(CASES["names"](make), 80).splitlines()
    rows = {line.split()[0]: line for line in lines if re.match(r" [xab] +[xab]( |$)", line)}
    assert {name: row.split().count(name) - 1 for name, row in rows.items()} == {"x": 12, "a": 12, "b": 6}


def test_tensors_of_two_dtypes_on_one_storage_share_a_strip_of_the_smaller_item(make):
    storage = make.storage(32)
    wide = make.tensor(Layout.contiguous((4,)), storage)
    narrow = make.tensor(Layout.contiguous((8,)), storage, dtype="int32", itemsize=4)
    step = Step("torch.arange(4)", "arange", "alloc", wide)
    text = plain(History("…", "torch", (step,), (("wide", wide), ("narrow", narrow))), 80)
    assert "8 × 4 B · 32 B" in text
    assert next(line for line in text.splitlines() if line.startswith(" wide")).count("w") == 9


def test_two_storages_are_drawn_apart_the_last_steps_first(make):
    x, y = make.tensor(Layout.contiguous((3,))), make.tensor(Layout.contiguous((5,)))
    steps = (Step("arange(3)", "arange", "alloc", x, name="x"), Step("arange(5)", "arange", "alloc", y, name="y"))
    text = plain(History("x = …; y = …", "algebra", steps, (("x", x), ("y", y))), 80)
    assert text.count("STORAGE") == 2
    assert text.index("shape (5,)") < text.index("shape (3,)")


def test_nothing_known_at_all_is_still_drawn():
    blank = TensorInfo("some.Thing", None, None, None, None, None, None, None, None, tensor_layout=None)
    assert "some.Thing" in plain(blank)
    assert plain(History("", "algebra", ())) == "\n"


@pytest.mark.parametrize("missing", [f.name for f in fields(TensorInfo) if f.name != "type"])
@pytest.mark.parametrize("options", [Options(), Options(values=True)])
def test_any_one_field_may_be_missing(make, missing, options):
    empty = () if missing in ("parts", "notes", "why") else None
    info = replace(make.tensor(Layout((3, 2), (1, 8), 1), name="w"), **{missing: empty})
    assert plain(info, 80, options)
    assert table([info, info])


@pytest.mark.parametrize("reached_past", [StorageInfo("s", 0), StorageInfo("s", None), None])
def test_a_storage_that_is_gone_unknown_or_none_is_still_drawn(make, reached_past):
    info = replace(make.tensor(Layout((3, 2), (1, 8), 1)), storage=reached_past)
    assert "11" in plain(info)


def test_why_sentences_and_parts_are_shown_and_one_reason_stands_once(make):
    text = plain(CASES["sparse"](make), 80)
    said = " ".join(text.split())
    assert "no stride: a sparse tensor has no strides: its values lie in its parts" in said
    assert "no storage_offset, storage: a sparse tensor has no single storage" in said
    assert re.search(r"indices +int64 +\(2, 5\)", text)


def test_user_text_is_never_markup_or_an_escape(make):
    info = make.tensor(Layout.contiguous((2,)), name="[bold]x[/bold]\x1b[31m")
    text = drawn(info)
    assert "[bold]x[/bold]\\x1b[31m" in ANSI.sub("", text)
    assert "\x1b[31m" not in text


def test_wide_letters_are_measured_in_cells(make):
    info = make.tensor(Layout.contiguous((2,)), name="层.重み." * 12)
    assert all(cell_len(line) <= 60 for line in plain(info, 60).splitlines())


def test_a_value_prints_itself_through_rich(make):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(CASES["main"](make))
    assert console.file.getvalue() == plain(CASES["main"](make), 80)


def test_a_chain_is_titled_by_its_links_and_anything_else_by_its_source(make):
    title = plain(CASES["main"](make), 80, Options(ascii=True)).splitlines()[0]
    assert title == " torch.arange(12) > .view(3, 4) > .t() > [1:, ::2]"
    a = make.tensor(Layout.contiguous((3,)))
    joined = make.tensor(Layout.contiguous((6,)))
    steps = (Step("arange(3)", "arange", "alloc", a), Step("cat([arange(3)] * 2)", "cat", "copy", joined, before=a))
    assert plain(History("cat([arange(3)] * 2)", "algebra", steps)).startswith(" cat([arange(3)] * 2)\n")


def test_a_step_that_changes_dtype_or_device_says_so(make):
    before = make.tensor(Layout.contiguous((3,)))
    after = replace(before, dtype="float32", device="cuda:0", itemsize=4, storage=make.storage(12))
    step = Step(".to('cuda', torch.float32)", "to", "copy", after, copied_nbytes=12, before=before)
    assert "copies 12 B · float32 · cuda:0" in plain(History("…", "algebra", (step,)))


def test_long_chains_are_summed_up(make):
    text = plain(CASES["long"](make), 80)
    assert "31 more steps: 31 view" in text


def test_svg_is_the_same_each_time_and_loads_nothing():
    one, other = (svg(panel(CASES["main"](Factory())), 80, 'stridescope show "…"') for _ in range(2))
    assert one == other
    assert "http" not in one.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"\bid=|class=|<style|@import|url\(", one)


def test_svg_is_well_formed_whatever_the_text_is(make):
    from xml.etree import ElementTree as ET

    info = make.tensor(Layout.contiguous((2,)), name="<a & 'b'>]]>\x00")
    assert ET.fromstring(svg(panel(info), 60, "<&>\x1b")).tag.endswith("svg")


def test_svg_has_a_rounded_cell_for_each_reached_position(make):
    assert svg(panel(CASES["main"](make)), 80).count('rx="3"') == 12


def test_a_short_gap_is_never_written_out_as_one_left_out():
    for size in range(1, 300):
        shown = shown_positions(Track(0, size, (0, size)), 60, 5, [size // 3])
        for one, other in pairwise(shown):
            assert other.start - one.stop >= 2
