"""The panel beside the stage says what is pointed at, in any room, for any step and any tensor."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

import stridescope as ss
from benchmarks.fuzz import chain_for
from stridescope.layout import Layout
from stridescope.records import Alternative, Reason, Step
from stridescope.scene.cast import Member
from stridescope.scene.formula import others_line
from stridescope.scene.frame import Mark, plain_text, size_of
from stridescope.scene.inspector import inspector
from stridescope.scene.panel import Entry, Section, Span, laid_out
from stridescope.scene.stage import Scene, Subject
from stridescope.scene.text import ANGLE
from stridescope.scene.view import View

REFUSED = "torch.arange(12).view(3, 4).t().view(12)"
TURNED = "torch.arange(12).view(3, 4).t()"


def subject_of(step, index=None, address=None, info=None):
    info = info or step.tensor or (step.tensors[0] if step.tensors else step.before)
    member = None if info is None else Member("k", "", info, 0)
    return Subject(step, member, index, address)


def subject(program, index=None, address=None, step=-1):
    return subject_of(ss.run(program).steps[step], index, address)


def texts(panel):
    return ["".join(piece.text for piece in line) for line in panel.lines]


def said(program, width=60, height=40, *, index=None, address=None, step=-1, **options):
    """The panel's words, its line breaks left out."""
    return " ".join(
        " ".join(texts(inspector(subject(program, index, address, step), width, height, **options))).split()
    )


# ------------------------------------------------------------------------------------------------ in any room


def assert_fits(panel, width, height, *, ascii):
    assert len(panel.lines) <= height
    for line in panel.lines:
        text = "".join(piece.text for piece in line)
        assert sum(piece.size for piece in line) == size_of(text) <= width
        assert text.isprintable()
        assert text.isascii() or not ascii
    numbers = [number for number, _ in panel.hits]
    assert numbers == sorted(set(numbers))
    assert all(0 <= number < len(panel.lines) for number in numbers)


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_every_step_of_random_programs_fits_every_panel(library):
    seen = set()
    for seed in range(120):
        chance = random.Random(seed)
        for step in chain_for(seed, library)[1]:
            seen.add(step.effect)
            info = step.tensor or (step.tensors[0] if step.tensors else step.before)
            layout = None if info is None else info.layout
            for _ in range(2):
                width, height = chance.choice(((20, 1), (120, 40), (chance.randint(20, 120), chance.randint(1, 40))))
                index = walk = dim = None
                if layout is not None and layout.numel:
                    walk = chance.choice((None, chance.randrange(layout.numel)))
                    index = chance.choice((None, layout.unravel(chance.randrange(layout.numel))))
                    dim = chance.choice((None, *range(layout.ndim)))
                plain = chance.random() < 0.5
                panel = inspector(
                    subject_of(step, index, chance.choice((None, 3))),
                    width,
                    height,
                    ascii=plain,
                    dim=dim,
                    walk=walk,
                    chosen=chance.choice((None, 0, 1)),
                    beneath=chance.random() < 0.5,
                    value_text=chance.choice((None, "3.5")),
                )
                assert_fits(panel, width, height, ascii=plain)
                assert panel.lines
    assert seen >= {"alloc", "view", "copy", "refused", "same"}


@pytest.mark.parametrize("beneath", [False, True])
@pytest.mark.parametrize("width", [*range(8), 11, 19])
def test_no_room_is_too_small(width, beneath):
    for height in (0, 1, 2, 50):
        for program in (REFUSED, TURNED, "torch.empty(10**15).view(10**5, -1).t()"):
            for walk in (None, 5):
                found = subject(program, (2, 1))
                panel = inspector(found, width, height, walk=walk, dim=1, beneath=beneath, ascii=True)
                assert_fits(panel, width, height, ascii=True)


RECORDS = np.zeros(3, dtype=[("a", "i1"), ("b", "i4")])
ODD = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "csr": lambda: torch.eye(3).to_sparse_csr(),
    "nested": lambda: torch.nested.nested_tensor([torch.arange(3.0), torch.arange(2.0)]),
    "record field": lambda: RECORDS["b"],
    "records": lambda: RECORDS,
    "meta": lambda: torch.empty(3, 4, device="meta").t(),
    "conjugate": lambda: torch.ones(2, 3, dtype=torch.complex64).conj(),
    "scalar": lambda: torch.tensor(1.0),
    "empty": lambda: torch.empty(0, 3),
    "strings": lambda: np.array([["ab", "c"]]),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", sorted(ODD))
def test_every_kind_of_tensor_fits_every_panel(kind):
    info = ss.inspect(ODD[kind]())
    step = Step("x", "given", "same", info)
    for width in (20, 33, 58, 120):
        for beneath in (False, True):
            for index, dim, walk in ((None, None, None), ((0, 0), 0, 0), ((9, 9, 9), 7, 10**9)):
                found = subject_of(step, index)
                panel = inspector(found, width, 30, dim=dim, walk=walk, beneath=beneath)
                assert_fits(panel, width, 30, ascii=False)
                assert panel.lines


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["sparse", "nested"])
def test_a_tensor_without_strides_says_why(kind):
    info = ss.inspect(ODD[kind]())
    words = " ".join(" ".join(texts(inspector(subject_of(Step("x", "given", "same", info)), 100, 40))).split())
    assert dict(info.why)["stride"] in words
    assert all(name in words for name, _ in info.parts)


def test_control_characters_of_a_program_never_reach_the_terminal():
    step = replace(ss.run(REFUSED).steps[-1], source=".view('\x1b[2J\n\u202e')")
    reason = Reason("native", "no\x1b[2J good\n\tat all", alternatives=(Alternative("\x1b]0;x", "copy", 8),))
    for plain in (False, True):
        panel = inspector(subject_of(replace(step, reason=reason)), 60, 40, ascii=plain, value_text="\x07")
        assert_fits(panel, 60, 40, ascii=plain)
        assert "\\x1b[2J" in " ".join(texts(panel))


# ------------------------------------------------------------------------------------------------ what is said


def test_a_cursor_shows_the_formula_the_value_and_the_others():
    panel = inspector(subject("torch.arange(10).unfold(0, 5, 1)", (2, 2)), 40, 30, value_text="4")
    assert texts(panel)[:6] == [
        "address of [2, 2]",
        "  = offset + 2·1 + 2·1",
        "  = 0 + 2 + 2 = 4 → byte 32",
        "value 4",
        "Also reached by [0, 4], [1, 3], [3, 1]",
        "and others, 4 in all.",
    ]


@pytest.mark.parametrize("k", range(12))
def test_an_element_of_a_copy_says_where_it_was_read(k):
    """The value that arange put there is the address."""
    came = said(TURNED + ".reshape(12)", 100, index=(k,))
    address = torch.arange(12).view(3, 4).t().reshape(12)[k].item()
    assert f"of the old tensor, address {address} there." in came


def test_a_place_that_no_element_reaches_is_said_to_be_free():
    assert said("torch.arange(12)[::2]", address=3).startswith("address 3 No element of this tensor is there.")


def test_a_walk_shows_where_it_is_how_far_it_hopped_and_what_it_costs():
    words = said(TURNED, walk=3)
    assert "element 4 of 12 dim 0: -7 elements, 56 B" in words
    assert "With one line kept, index order loads a cache line (64 B) 8 times; the tensor lies in 2." in words
    assert "address of [1, 0]" in words
    assert "element 1 of 12 the walk starts" in said(TURNED, walk=0)


def test_cache_lines_are_counted_from_where_the_memory_starts():
    info = ss.inspect(torch.arange(16, dtype=torch.float32))
    moved = replace(info, storage=replace(info.storage, data_ptr=640 + 32))
    step = Step("x", "given", "same", moved)
    words = " ".join(texts(inspector(subject_of(step), 90, 9, walk=0)))
    assert "loads 2 cache lines (64 B); side by side its elements would take 1." in words


def test_a_selected_dim_shows_what_its_stride_does_and_every_dim_can_be_clicked():
    panel = inspector(subject(TURNED), 60, 30, dim=1)
    assert texts(panel)[0] == "dim 1, stride 4: one step along it moves 4 elements (32 B)"
    hits = dict(panel.hits)
    assert (hits[0].kind, hits[0].tensor, hits[0].number) == ("dim", "k", 1)
    rows = {hit.number: texts(panel)[line] for line, hit in panel.hits if line}
    assert rows == {
        0: "dim 0  size 4  stride 1  8 B",
        1: "dim 1  size 3  stride 4  32 B",
    }


def test_a_walk_shows_the_hop_of_every_dim_and_says_what_a_hop_is_only_where_it_shows_one():
    words = said(TURNED, walk=3)
    assert "stride 1 hop -7 elements, 56 B dim 1 size 3 stride 4 hop +4 elements, 32 B A hop, in elements," in words
    assert "hop -7 dim 1" in said(TURNED, 34, walk=3)
    assert "hop" not in said(TURNED, 26, walk=3)
    assert "hop" not in said(TURNED, 60)


def test_a_refusal_names_the_two_dims_where_it_broke_and_what_would_work():
    panel = inspector(subject(REFUSED), 60, 30, chosen=1)
    assert [line for line in texts(panel) if line] == [
        "× refused  .view(12)  RuntimeError",
        "must merge dims 0 and 1: stride[0] is 1, needs 12",
        "dim      0   1",
        "shape    4   3",
        "stride   1   4",
        "         ▲   ▲",
        "From [0, 2] the next address would be 12, but [1, 0] is at",
        "1.",
        "What works instead",
        " a .reshape(12)            ● copies 96 B",
        f"{ANGLE}b .contiguous().view(12)  ● copies 96 B",
    ]
    chosen = {hit.number: panel.lines[line] for line, hit in panel.hits if hit.kind == "alternative"}
    assert sorted(chosen) == [0, 1]
    assert all(piece.look.marks & Mark.CURSOR for piece in chosen[1])
    assert not any(piece.look.marks for piece in chosen[0])


def test_only_the_dims_to_blame_are_marked():
    panel = inspector(subject("torch.arange(24).view(2, 3, 4).transpose(0, 1).view(-1)"), 60, 30)
    marked = [[piece.text.strip() for piece in line if piece.look.marks & Mark.BROKEN] for line in panel.lines]
    assert [words for words in marked if words] == [["2", "4"], ["12", "1"], ["▲", "▲"]]


def test_the_dims_to_blame_are_shown_where_not_all_have_room():
    shape = ", ".join(["2"] * 20)
    program = f"torch.empty({shape}).transpose(15, 16).view(-1)"
    lines = texts(inspector(subject(program), 24, 40))
    assert any(line.startswith("dim") and " 15" in line for line in lines)


def test_a_refusal_without_dims_gives_its_reason():
    assert "shape (5,) needs 5 elements; the tensor has 12" in said("torch.arange(12).view(5)")


def test_where_lines_are_short_the_alternatives_outlast_the_tables():
    lines = texts(inspector(subject(REFUSED), 60, 5))
    assert lines == [
        "× refused  .view(12)  RuntimeError",
        "must merge dims 0 and 1: stride[0] is 1, needs 12",
        "What works instead",
        " a .reshape(12)            ● copies 96 B",
        " b .contiguous().view(12)  ● copies 96 B",
    ]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("torch.arange(12)", "A new storage of 96 B."),
        (TURNED, "Same storage: new shape and stride, no bytes moved. shape (3, 4) → (4, 3) stride (4, 1) → (1, 4)"),
        ("torch.arange(3).expand(4, 3)", "Stride 0: the 4 indices of dim 0 reach the same addresses"),
        ("torch.arange(3).contiguous()", "The same tensor as before: nothing was moved or copied."),
        (TURNED + ".reshape(12)", "Copies 96 B of the old storage into a new storage. No view would do: view(12)"),
        ("a = torch.ones(2); b = torch.cat([a, a])", "of 2 tensors into a new storage."),
        (
            "x = torch.arange(12); b = x[::2]; b.add_(10)",
            "Changes addresses 0, 2, 4, 6, 8 and 10 in place; seen by x and b.",
        ),
        ("x = torch.arange(12); x.add_(10)", "Changes 12 elements in [0, 12) in place; seen by x."),
        ("torch.arange(6).split(2)", "3 views of one storage: no bytes moved."),
    ],
)
def test_each_effect_is_explained(program, words):
    assert words in said(program, 200)


def test_with_nothing_pointed_at_the_tensors_facts_are_told():
    words = said(TURNED, 100)
    assert "Not contiguous: dense, but in memory the dims run in the order (1, 0), not (0, 1)." in words
    assert ".contiguous() ● copy copies 96 B" in words
    assert ".contiguous() ● copy" not in said(TURNED, 100, index=(0, 0))
    last = "torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)"
    assert "channels_last: dense" in said(last, 100)


def test_beneath_the_stage_the_most_important_comes_first():
    assert texts(inspector(subject(REFUSED), 58, 3, beneath=True, chosen=0)) == [
        "× must merge dims 0 and 1: stride[0] is 1, needs 12",
        f"{ANGLE}a .reshape(12)            ● copies 96 B",
        " b .contiguous().view(12)  ● copies 96 B",
    ]
    assert texts(inspector(subject(TURNED, (2, 1)), 58, 3, beneath=True, value_text="6")) == [
        "[2, 1] is at 0 + 2·1 + 1·4 = 6 → byte 48 · value 6",
        "○ Same storage: new shape and stride, no bytes moved.",
    ]


WRITING = "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10)"


def on_stage(program, width=100, height=30, position=None, **view):
    scene = Scene(ss.run(program))
    frame = scene.frame(scene.timeline.last if position is None else position, View(width, height, **view))
    return " ".join(" ".join(plain_text(frame)).split())


def test_an_element_names_the_other_tensors_that_reach_its_bytes():
    for width in (100, 200):
        scene = Scene(ss.run(WRITING))
        found = scene.subject(scene.timeline.last, View(width, 30, focus="b", cursor=(2,)))
        assert found.others == (("x", (4,)), ("a", (1, 0)))
        assert "Also reached by x[4] and a[1, 0]." in " ".join(
            " ".join(texts(inspector(found, width // 2, 30))).split()
        )
        assert "Also reached by x[4] and a[1, 0]." in " ".join(texts(inspector(found, 60, 4, beneath=True)))
    scene = Scene(ss.run("x = torch.arange(12).clone()"))
    assert scene.subject(scene.timeline.last, View(cursor=(2,))).others == ()


def test_the_other_tensors_are_those_that_torch_finds_at_the_same_bytes():
    """Every element of every alias, of items of two sizes: the bytes are compared through torch's own pointers."""
    program = "x = torch.arange(12); a = x.view(3, 4).t(); b = x[1::3]; c = x.view(torch.int32)[3:]; y = torch.ones(2)"
    x = torch.arange(12)
    names = {"x": x, "a": x.view(3, 4).t(), "b": x[1::3], "c": x.view(torch.int32)[3:], "y": torch.ones(2)}
    scene = Scene(ss.run(program))
    seen = 0
    for name, tensor in names.items():
        for index in np.ndindex(*tensor.shape):
            start = tensor[index].data_ptr()
            held = range(start, start + tensor.itemsize)
            wanted = {
                other
                for other, its in names.items()
                if other != name
                for place in np.ndindex(*its.shape)
                if its[place].data_ptr() < held.stop and held.start < its[place].data_ptr() + its.itemsize
            }
            found = scene.subject(scene.timeline.last, View(focus=name, cursor=index)).others
            assert {other for other, _ in found} == wanted
            for other, place in found:
                there = names[other][place].data_ptr()
                assert there < held.stop and held.start < there + names[other].itemsize
                seen += 1
    assert seen > 50


def test_a_place_on_the_strip_that_only_others_reach_names_them():
    scene = Scene(ss.run(WRITING))
    member = scene.members(scene.timeline.last)[0]
    found = scene.subject(scene.timeline.last, View(focus="b", pointer=(member.storage, 5)))
    words = " ".join(" ".join(texts(inspector(found, 60, 30))).split())
    assert "No element of b is there, but x[5] and a[1, 1] are." in words


def test_many_others_are_counted():
    assert others_line(Layout((3,), (1,)), (1,), [(f"v{n}", (1,)) for n in range(9)]) == (
        "Also reached by v0[1], v1[1], v2[1] and 6 other tensors."
    )
    assert others_line(Layout((9,), (0,)), (1,), [("x", (0,))]) == (
        "Also reached by [0], [2], [3] and others, 8 in all; by x[0] too."
    )


def test_a_write_tells_the_first_values_from_what_to_what():
    words = on_stage(WRITING, 200, 40)
    x = torch.arange(12)
    before = x[::2].clone()
    x[::2].add_(10)
    pairs = [f"{old} → {new}" for old, new in zip(before.tolist(), x[::2].tolist(), strict=True)]
    assert f"values {', '.join(pairs[:4])}, …" in words
    assert "→ 5" in on_stage("x = torch.arange(6); x[1] = 5") and ", …" not in on_stage("x = torch.arange(6); x[1] = 5")


@pytest.mark.parametrize("program", ["x = torch.empty(4); x.add_(1)", "x = torch.zeros(4); x.zero_()"])
def test_values_that_nobody_knows_or_that_stay_are_not_told(program):
    assert "→" not in on_stage(program)


def test_torchs_own_words_stand_beside_a_refusal_where_it_was_asked():
    with pytest.raises(RuntimeError) as error:
        torch.arange(12).view(3, 4).t().view(12)
    own = str(error.value)
    assert f"torch says {own}" in said(REFUSED, 100, native=own)
    assert "torch says" not in said(REFUSED, 100) and "torch says" not in said(TURNED, 100, native=own)
    assert own[-30:] in on_stage(REFUSED, 200, 40, native=own)


# ------------------------------------------------------------------------------------------- where room is short


def test_no_sentence_loses_its_end_without_dots():
    """Of sentences of unlike lengths, each is seen whole, or up to dots, or not at all."""
    chance = random.Random(3)
    cut = 0
    for _ in range(300):
        sizes = [[chance.randint(0, 12) for _ in range(chance.randint(1, 4))] for _ in range(4)]
        sections = [
            Section(
                chance.randint(0, 3),
                [Entry(text=Span(f"s{k}.{n} {'word ' * size}e{k}.{n}")) for n, size in enumerate(each)],
                chance.random() < 0.2,
            )
            for k, each in enumerate(sizes)
        ]
        height = chance.randint(1, 24)
        lines = texts(laid_out(sections, chance.randint(12, 40), height))
        assert len(lines) <= height
        words = " ".join(filter(None, lines))
        for k, each in enumerate(sizes):
            for n in range(len(each)):
                start, end = words.find(f"s{k}.{n} "), words.find(f"e{k}.{n}")
                between = words[start:].partition(" s")[0]
                assert start < end or start < 0 or between.endswith("…"), (lines, k, n)
                cut += start >= 0 and end < 0
            assert lines.count("") < len(sizes)
    assert cut > 50


@pytest.mark.parametrize("beneath", [False, True])
@pytest.mark.parametrize("width", [34, 58])
def test_alternatives_outlast_everything_else(width, beneath):
    for height in range(2, 30):
        panel = inspector(subject(REFUSED, (1, 1)), width, height, beneath=beneath, walk=3, dim=0, value_text="5")
        assert [hit.number for _, hit in panel.hits if hit.kind == "alternative"] == [0, 1]


def test_one_line_names_all_alternatives_as_far_as_it_goes():
    assert texts(inspector(subject(REFUSED, (1, 1)), 60, 1)) == ["a .reshape(12) · b .contiguous().view(12)"]
    assert texts(inspector(subject(REFUSED, (1, 1)), 38, 1, beneath=True)) == ["a .reshape(12) · b…"]


def test_where_the_formula_does_not_fit_its_result_does():
    found = subject("torch.arange(256).view(2,2,2,2,2,2,2,2)", (1,) * 8)
    assert texts(inspector(found, 40, 1, beneath=True)) == ["[1, 1, 1, 1, 1, 1, 1, 1] is at 255 →…"]
    assert texts(inspector(found, 60, 1))[0].endswith("is at 255 → byte 2,040")


def test_alternatives_without_room_for_a_verb_say_what_the_number_is():
    assert "What works instead (bytes copied)" in said(REFUSED, 34)
    assert "b .contiguous().view(12) ● 96 B" in said(REFUSED, 34)
    assert "b .contiguous().view(12) 96 B" in said(REFUSED, 34, ascii=True)
    assert "b .contiguous().view(12) # copies 96 B" in said(REFUSED, 60, ascii=True)


def test_nothing_is_said_twice():
    words = said("torch.arange(4).view(4, 1).expand(4, 6)", 100)
    assert words.count("Stride 0:") == 1 and "Not contiguous." in words


def test_every_negative_stride_is_named():
    words = said("np.arange(24).reshape(4, 6)[::-1, ::2]", 100)
    assert "dim 1 lie 2 elements (16 B) apart. Dim 0 runs backwards, with stride -6." in words
    assert "apart, backwards." in said("np.arange(24)[::-2]", 100)


def test_numbers_that_are_cut_off_say_so():
    lines = texts(inspector(subject("torch.empty(10**15).view(10**5, -1).t().view(-1)"), 12, 40))
    assert "stride     …" in lines


def test_a_usual_panel_takes_under_a_millisecond():
    found = subject(TURNED, (2, 1))
    spent = []
    for _ in range(20):
        start = time.perf_counter()
        inspector(found, 46, 30, walk=3, dim=1)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.001
