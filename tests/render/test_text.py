"""Numbers, sentences and JSON: pure text."""

from __future__ import annotations

import datetime as dt
import json
import math
import subprocess
import sys

import pytest

from stridescope.layout import Layout
from stridescope.render import json_text
from stridescope.render.ink import Ink
from stridescope.scene.sentences import address_formula, contiguity, next_ops, others_text, reached, retained, spacing
from stridescope.scene.text import nbytes_both, nbytes_text, percent, shortened, value_text


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (9_999, "9,999 B"),
        (10_000, "10 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (3_990_000, "3.99 MB"),
        (4 * 10**15, "4 PB"),
        (10**22, "10,000 EB"),
    ],
)
def test_bytes_are_short_and_never_show_1000_of_a_unit(nbytes, text):
    assert nbytes_text(nbytes) == text


def test_bytes_that_were_rounded_come_with_the_exact_figure():
    assert nbytes_both(4_000_123) == "4 MB (4,000,123 B)"


def test_a_share_is_never_rounded_to_all_or_nothing():
    assert percent(1, 10**9) == "under 0.1 %"
    assert percent(10**9 - 1, 10**9) == "99.9 %"


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (None, "int64", "?"),
        (True, "bool", "True"),
        (-7, "int8", "-7"),
        (2**63, "uint64", "9.223e+18"),
        (2.0, "float32", "2."),
        (0.1, "float32", "0.1"),
        (3.14159265, "bfloat16", "3.14"),
        (1e-9, "float32", "1e-9"),
        (math.nan, "float32", "nan"),
        (-math.inf, "float64", "-inf"),
        (1 - 2j, "complex64", "1.-2.j"),
        ("a long object", "object", "'a l..ect'"),
        (None, "object", "None"),
        (dt.date(2020, 1, 31), "datetime64[D]", "2020-01-31"),
    ],
)
def test_values_are_short_and_say_what_they_are(value, dtype, text):
    assert value_text(value, dtype) == text
    assert len(text) <= 10


def test_shortening_keeps_both_ends():
    assert shortened("model.layers.31.self_attn.q_proj.weight", 15).endswith("weight")
    assert len(shortened("x" * 99, 15)) == 15


def test_reached_counts_repeats_once_and_says_when_it_is_a_bound():
    assert reached(Layout((4, 6), (1, 0))) == (4, True)
    assert reached(Layout((6, 3), (1, 1))) == (8, True)
    assert reached(Layout((10**9, 10**6), (10**6, 1))) == (10**15, True)
    crowded = Layout((10**6, 10**6), (1, 1))
    assert reached(crowded) == (2 * 10**6 - 1, False)


def test_the_formula_puts_the_numbers_in(make):
    info = make.tensor(Layout((3, 2), (1, 8), 1))
    assert address_formula(info, (2, 1)) == [
        "address of [2, 1]",
        "= offset + 2·1 + 1·8",
        "= 1 + 2 + 8 = 11 → byte 88",
    ]
    assert address_formula(info, (-1, -1)) == ["address of [-1, -1]", *address_formula(info, (2, 1))[1:]]


def test_a_negative_stride_stands_in_brackets(make):
    info = make.tensor(Layout((4,), (-1,), 3), make.storage(32))
    assert address_formula(info, (1,))[1:] == ["= offset + 1·(-1)", "= 3 + (-1) = 2 → byte 16"]


def test_other_indices_of_an_address_are_named_and_only_a_few():
    assert others_text(Layout((3, 2), (1, 8), 1), (2, 1)) == "No other index reaches it."
    assert others_text(Layout((6, 3), (1, 1)), (2, 1)) == "Also reached by [1, 2] and [3, 0]."
    assert others_text(Layout((10**12,), (0,)), (5,)) == "Also reached by [0], [1], [2] and more."


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout.contiguous((3, 4)), "contiguous"),
        (Layout.contiguous((2, 8, 4, 3)).permute(0, 3, 1, 2), "channels_last"),
        (Layout.contiguous((3, 4)).t(), "not contiguous, but dense"),
        (Layout((3, 2), (1, 8), 1), "not contiguous"),
    ],
)
def test_contiguity_in_words(make, layout, words):
    assert contiguity(make.tensor(layout)) == words


@pytest.mark.parametrize(
    ("layout", "part"),
    [
        (Layout.contiguous((3, 4)), "Index order is memory order."),
        (Layout((3, 2), (1, 8), 1), "Neighbours along dim 1 lie 8 elements (64 B) apart."),
        (Layout((4, 6), (1, 0)), "the 6 indices of dim 1 reach the same addresses"),
        (Layout((6, 3), (1, 1)), "both reach address 1"),
        (Layout((3, 0), (4, 1)), "dim 1 has size 0"),
        (Layout.contiguous((3, 4)).t(), "the dims run in the order (1, 0), not (0, 1)"),
    ],
)
def test_how_elements_lie_in_words(make, layout, part):
    assert part in spacing(make.tensor(layout, make.storage(8 * 64)))


def test_what_comes_next_is_what_the_algebra_answers(make):
    view, contiguous = next_ops(make.tensor(Layout((3, 2), (1, 8), 1)))
    assert (view.source, view.effect) == (".view(-1)", "refused")
    assert view.detail == Layout((3, 2), (1, 8), 1).view(-1).message
    assert (contiguous.effect, "48 B" in contiguous.detail) == ("copy", True)
    view, contiguous = next_ops(make.tensor(Layout.contiguous((3, 4))))
    assert (view.effect, view.detail, contiguous.effect) == ("view", "(12):(1)", "same")


def test_numpy_arrays_are_spoken_of_in_numpys_words(make):
    array = make.tensor(Layout((3, 4), (1, 3)), type="numpy.ndarray")
    assert [row.source for row in next_ops(array)] == [".reshape(-1)", ".copy()"]
    assert next_ops(array)[0].effect == "copy"


def test_a_small_view_of_a_large_storage_is_told_on(make):
    info = make.tensor(Layout((1000,), (1,)), make.storage(4_000_000))
    assert retained(info) == (
        "It reaches 8,000 B of 4 MB (4,000,000 B), 0.2 %; while it lives, all of it stays in memory. "
        "A .clone() would keep 8,000 B alone."
    )
    assert retained(make.tensor(Layout((12,), (1,)), make.storage(96))) == ""


def test_text_from_outside_cannot_reach_the_terminal_as_a_command():
    hostile = "\x1b[2Jname\n\u202eevil"
    assert Ink().say(hostile) == "\\x1b[2Jname\\n\\u202eevil"
    assert Ink(ascii=True).say("größe · 2×3 → 6") == "gr\\xf6\\xdfe | 2x3 -> 6"


def test_json_keeps_numbers_of_a_list_on_one_line_and_stays_json():
    document = {
        "schema": "stridescope/1",
        "shape": [3, 2],
        "steps": [{"stride": [1, 8], "why": {}}],
        "none": None,
        "t": [],
    }
    text = json_text(document)
    assert json.loads(text) == document
    assert '"shape": [3, 2],' in text
    assert text == json_text(document)


def test_json_has_no_nan():
    assert json.loads(json_text({"value": [math.nan, 1.5]})) == {"value": [None, 1.5]}


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("from stridescope.render import json_text", ["rich", "stridescope.render.panels"]),
        (
            "from stridescope.render import panel, plain, svg, table",
            [
                "rich.table",
                "rich.markdown",
                "rich.syntax",
                "rich.traceback",
                "rich.progress",
                "torch",
                "numpy",
                "textual",
            ],
        ),
    ],
)
def test_drawing_imports_no_more_than_it_needs(code, absent):
    code += f"; import sys; print([name for name in {absent!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_every_public_name_is_there_whichever_module_was_loaded_first():
    code = (
        "import stridescope.render.panels, stridescope.render.tables, stridescope.render.vector\n"
        "import stridescope.render as render\n"
        "assert all(callable(getattr(render, name)) for name in render.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
