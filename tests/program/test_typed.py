"""A text box gets the longest part that runs, and the error at its place, at every keystroke."""

from __future__ import annotations

import random
import string
import time
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.chains import LIBRARIES
from benchmarks.fuzz import chain_for
from stridescope.errors import InputError, ProgramError
from stridescope.program import run
from stridescope.program.source import normalised, origins
from stridescope.program.typed import (
    Session,
    Typed,
    changed_from,
    instead_of_refused,
    replaced_step,
    typed,
    with_appended,
    without_last_step,
)

CHAIN = (
    "torch.arange(48).view(2,3,8).transpose(0,1)[1:].reshape(4,8).t().contiguous().view(8,4)"
    ".unsqueeze(0).squeeze(0).t().flip(0)"
)


def sources(now: Typed) -> list[str]:
    return [] if now.history is None else [step.source for step in now.history.steps]


def marked(now: Typed) -> str:
    """The text that the error is about."""
    assert now.error_at is not None
    line, start, end = now.error_at
    return now.text.replace("\r\n", "\n").split("\n")[line][start:end]


# ------------------------------------------------------------------------------------------- what is shown

UNFINISHED = {
    "torch.arange(12).view(3,": ["torch.arange(12)"],
    "torch.arange(12).view(": ["torch.arange(12)"],
    "torch.arange(12).view": ["torch.arange(12)"],
    "torch.arange(12).vi": ["torch.arange(12)"],
    "torch.arange(12).": ["torch.arange(12)"],
    "x = torch.arange(12).vi": ["torch.arange(12)"],
    "torch.arange(12)[1:, ": ["torch.arange(12)"],
    "torch.arange(12)[": ["torch.arange(12)"],
    "torch.arange(12).view(3, 4) .t ( ": ["torch.arange(12)", ".view(3, 4)"],
    "x = torch.zeros(2); y = x.t(); z.": ["torch.zeros(2)", "x.t()"],
    "x = torch.zeros(2); y = ": ["torch.zeros(2)"],
    "x = torch.arange(3)\ntorch.cat([x, x.vi": ["torch.arange(3)"],
    "torch.zeros(2) + ": ["torch.zeros(2)"],
    "(torch.arange(12)\n   .view(3, 4)\n  .t(": ["torch.arange(12)", ".view(3, 4)"],
    "(torch.arange(12)\n   .view(3, 4)\n  .vi": ["torch.arange(12)", ".view(3, 4)"],
    "(torch.arange(12) ": ["torch.arange(12)"],
    "np.arange(3).resh": ["np.arange(3)"],
    'torch.zeros(2).to("cp': ["torch.zeros(2)"],
    "x = torch.zeros(2); x[0] = ": ["torch.zeros(2)", "x[0]"],
    "torch.aran": [],
    "torch.nn.func": [],
    "torch.arange(": [],
    "torch": [],
    "tor": [],
    "x = ": [],
}


@pytest.mark.parametrize("text", UNFINISHED)
def test_a_text_that_is_not_at_its_end_yet_shows_what_is_before_it(text: str) -> None:
    now = typed(text)
    assert sources(now) == UNFINISHED[text]
    assert now.unfinished and now.error is not None and now.error_at is not None


WRONG = {
    "torch.arange(12).foo": (["torch.arange(12)"], "foo"),
    "torch.arange(12).foo(3": (["torch.arange(12)"], "foo"),
    "torch.arange(12).foo(3).t(": (["torch.arange(12)"], "foo"),
    "torch.arange(12).foo.t()": (["torch.arange(12)"], "foo"),
    "torch.zeros(2).foo() + 1 +": (["torch.zeros(2)"], "foo"),
    "torch.arange(12).view(3, 4))": (["torch.arange(12)", ".view(3, 4)"], ")"),
    "torch.arange(12).view(3, 4) x": (["torch.arange(12)", ".view(3, 4)"], "x"),
    "torch.arange(12).view(3, 4).é": (["torch.arange(12)", ".view(3, 4)"], "é"),
    "x = torch.zeros(3); y = lambda: 3; x.t()": (["torch.zeros(3)"], "lambda: 3"),
    "x = torch.zeros(3)\ny = foo\nx.t()": (["torch.zeros(3)"], "foo"),
    "x = torch.zeros(3)\ny = x.t(\nz = 4": (["torch.zeros(3)"], "("),
    "torch.arange(3).t(dim=": (["torch.arange(3)"], None),
    "torch.zeros(2).view(dtype='x', foo=1)": (["torch.zeros(2)"], "foo=1"),
    "  torch.zeros(2).veiw(1)": (["torch.zeros(2)"], "veiw"),
    "\n\n    x = torch.zeros(2)\n    x.foo()\n": (["torch.zeros(2)"], "foo"),
    ">>> x = torch.zeros(2)\n>>> x.foo()\n1\n": (["torch.zeros(2)"], "foo"),
    "  >>> x = torch.zeros(2)\n  1\n  >>> x; x.t().foo()": (["torch.zeros(2)", "x.t()"], "foo"),
    "x = torch.zeros(2); x.t(); x.foo()": (["torch.zeros(2)", "x.t()"], "foo"),
    "\r\nx = torch.zeros(2)\r\nx.foo()": (["torch.zeros(2)"], "foo"),
    "\tx = torch.zeros(2)\n\tx.foo()": (["torch.zeros(2)"], "foo"),
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_is_told_at_its_place_in_the_text_as_typed(text: str) -> None:
    now = typed(text)
    shown, place = WRONG[text]
    assert sources(now) == shown
    if place is None:
        return
    assert marked(now) == place
    assert not now.unfinished


def test_a_refusal_is_no_error() -> None:
    now = typed("torch.arange(12).view(3, 4).t().view(12)")
    assert now.error is None and now.error_at is None and not now.unfinished
    assert now.history is not None and now.history.refused is not None


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\t"])
def test_no_text_is_no_error_and_shows_nothing(text: str) -> None:
    assert typed(text) == Typed(text)


def test_what_was_run_is_told_as_it_was_typed() -> None:
    assert typed("  torch.zeros(2).foo").valid == "  torch.zeros(2)"
    assert typed(">>> x = torch.zeros(2)\n>>> x.t().foo").valid == ">>> x = torch.zeros(2)\n>>> x.t()"
    assert typed("torch.zeros(2) ").valid == "torch.zeros(2) "


# ------------------------------------------------------------------------------------------- any text at all


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_prefix_of_a_program_shows_at_least_the_statements_before_it(library: str) -> None:
    checked = 0
    for seed in range(12):
        source = chain_for(seed, library)[0]
        lines = source.split("\n")
        done = 0
        for number, line in enumerate(lines):
            whole = typed("\n".join(lines[: number + 1]))
            assert whole.error is None and whole.history is not None
            for end in range(1, len(line), 3):
                now = typed("\n".join([*lines[:number], line[:end]]))
                assert len(sources(now)) >= done, now.text
                assert sources(now)[:done] == [step.source for step in whole.history.steps[:done]]
                checked += 1
            done = len(whole.history.steps)
            if whole.history.refused:
                break
    assert checked > 200


def test_a_prefix_of_a_chain_shows_the_links_that_are_whole() -> None:
    steps = run(CHAIN).steps
    ends = [step.place[3] for step in steps if step.place]
    for end in range(ends[0], len(CHAIN) + 1):
        now = typed(CHAIN[:end])
        whole = sum(at <= end for at in ends)
        assert sources(now) == [step.source for step in steps[:whole]], CHAIN[:end]
        assert (now.error is None) == (end in ends)
        assert now.unfinished == (end not in ends), CHAIN[:end]


def test_no_text_whatever_raises_or_has_its_error_outside() -> None:
    chance = random.Random(7)
    words = [
        "torch",
        "np",
        ".",
        "(",
        ")",
        "[",
        "]",
        "arange",
        "view",
        "3",
        ",",
        "=",
        "x",
        ";",
        "\n",
        " ",
        "'",
        "#",
        "é",
        ">>> ",
    ]
    for _ in range(1500):
        text = "".join(chance.choice(words) for _ in range(chance.randint(1, 14)))
        now = typed(text)
        assert (now.error is None) == (now.error_at is None)
        if now.error_at is not None:
            rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            line, start, end = now.error_at
            assert 0 <= line < len(rows) and 0 <= start <= len(rows[line]) and start <= end
        assert text.startswith(now.valid)
    for _ in range(300):
        typed("".join(chance.choice(string.printable + "\0\x0b\u2028é한") for _ in range(chance.randint(1, 60))))


def test_what_is_shown_of_a_broken_text_is_what_running_that_part_gives() -> None:
    chance = random.Random(3)
    broken = 0
    for _ in range(300):
        text = chain_for(chance.randrange(500), "torch")[0]
        at = chance.randrange(len(text))
        now = typed(text[:at] + chance.choice("().[],;=x\n 'é") + text[at + chance.randint(0, 2) :])
        if now.history is None:
            continue
        try:
            again = run(now.history.text)
        except ProgramError as error:
            again = error.history
        assert again.steps and changed_from(again, now.history) == len(now.history.steps) == len(again.steps)
        broken += now.error is not None
    assert broken > 100


@pytest.mark.parametrize(
    "text",
    ["\n   x = 1\n   x\n", ">>> a\n1\n>>> b\n... c", " x\ny", "x\n\n  y", "  ", "\r\n a\r\n\r\n b", ">>>\n>>> x"],
)
def test_each_line_that_is_read_is_found_in_the_text(text: str) -> None:
    rows = text.replace("\r\n", "\n").split("\n")
    found = [rows[line][taken:].rstrip() for line, taken in origins(text)]
    assert [row.rstrip() for row in normalised(text).split("\n")] == (
        found[: len(normalised(text).split("\n"))] or [""]
    )


def test_typing_costs_a_few_milliseconds() -> None:
    def best(text: str) -> float:
        typed(text)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            typed(text)
            times.append(time.perf_counter() - start)
        return min(times)

    assert len(sources(typed(CHAIN))) == 12
    assert best(CHAIN) < 0.004
    assert max(best(CHAIN + end) for end in (".view(3,", ".vi", ".foo(3", ")", " +")) < 0.006


# ------------------------------------------------------------------------------------------- live tensors


def test_a_text_goes_on_from_a_live_tensor() -> None:
    x = torch.arange(6).view(2, 3)
    now = typed(".t()[1:]", names={"x": x}, chain_of="x")
    assert now.error is None and now.history is not None
    given, turned, cut = now.history.steps
    assert (given.op, given.effect, given.source, given.name) == ("given", "same", "x", "x")
    assert given.tensor is not None and given.tensor.shape == (2, 3)
    assert given.values is not None and given.values([0, 5]) == [0, 5]
    assert [turned.source, cut.source] == [".t()", "[1:]"]
    assert cut.tensor is not None and cut.tensor.stride == x.t()[1:].stride()
    assert cut.values is not None and cut.values([1, 4]) == [1, 4]


@pytest.mark.parametrize("text", ["", "  ", ".", ".vi", ".view(", "[", "x", ".foo()"])
def test_with_a_live_tensor_there_is_always_something_to_see(text: str) -> None:
    now = typed(text, names={"x": torch.zeros(2, 3)}, chain_of="x")
    assert sources(now) == ["x"]
    assert now.history is not None and now.history.steps[0].op == "given"
    assert (now.error is None) == (text.strip() in ("", "x"))


def test_a_program_of_its_own_does_not_start_from_the_live_tensor() -> None:
    session = Session({"x": torch.zeros(2, 3)}, "x")
    assert sources(session.typed("torch.arange(3)")) == ["torch.arange(3)"]
    assert sources(session.typed("y = x.t(); y.t()")) == ["x", ".t()", "y.t()"]


def test_a_run_leaves_the_live_tensor_and_the_next_run_alone() -> None:
    x = torch.arange(6).view(2, 3)
    session = Session({"x": x}, "x")
    for _ in range(2):
        now = session.typed("x.t_(); x.add_(1)")
        assert now.history is not None
        last = now.history.steps[-1]
        assert last.tensor is not None and last.tensor.shape == (3, 2)
        assert last.values is not None and last.values(range(6)) == [1, 2, 3, 4, 5, 6]
    assert x.shape == (2, 3) and x.flatten().tolist() == list(range(6))


def test_live_tensors_are_inspected_once_for_all_keystrokes(monkeypatch: pytest.MonkeyPatch) -> None:
    from stridescope.program import live

    seen = []
    inspect = live.inspect
    monkeypatch.setattr(live, "inspect", lambda value, name=None: seen.append(name) or inspect(value, name))
    session = Session({"x": torch.zeros(2, 3), "y": torch.zeros(1)}, "x")
    for end in range(len(".t().view(3, 2)")):
        session.typed(".t().view(3, 2)"[:end])
    assert seen == ["x", "y"]


def test_names_without_a_layout_are_one_sentence() -> None:
    now = typed("x.t()", names={"x": [1, 2]})
    assert now.history is None and now.error is not None and "list" in str(now.error)
    record = np.zeros(3, dtype=[("a", "i1"), ("b", "i4")])["b"]
    assert typed("x.t()", names={"x": record}).error is not None


@pytest.mark.parametrize(
    "then", ["", ".t()", "[:, 1:]", ".view(torch.int32)", ".t().contiguous()", ".add_(1)", ".float()"]
)
def test_values_of_a_live_tensor_come_in_one_reading(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One `read_values` for all that is asked at once, and the same values as real torch has."""
    from stridescope.program import live

    x = torch.arange(6).view(2, 3)
    history = run(f"y = x{then}", names={"x": x})
    last = history.steps[-1]
    readings = []
    read = live.read_values
    monkeypatch.setattr(live, "read_values", lambda value, places: readings.append(len(places)) or read(value, places))
    assert last.tensor is not None and last.tensor.layout is not None and last.values is not None
    mine = last.values(list(last.tensor.layout.addresses()))
    real: Any = eval(f"x.clone(){then}", {"x": x, "torch": torch})
    assert mine == real.flatten().tolist()
    assert len(readings) == 1


def test_addresses_outside_a_live_storage_stay_unknown() -> None:
    step = run("x.t()", names={"x": torch.arange(4)[1:3]}).steps[0]
    assert step.values is not None and step.values([-1, 0, 3, 4]) == [None, 0, 3, None]


# ------------------------------------------------------------------------------------------- edits


def test_the_first_step_that_differs() -> None:
    old = run("torch.arange(12).view(3, 4).t()")
    assert changed_from(None, old) == 0
    assert changed_from(old, old) == 3
    assert changed_from(old, run("torch.arange(12).view(3, 4).t()[1:]")) == 3
    assert changed_from(old, run("torch.arange(12).view(4, 3).t()")) == 1
    assert changed_from(old, run("torch.arange(13).view(3, 4).t()")) == 0
    assert changed_from(old, run("torch.arange(12).view(3, 4)")) == 2
    assert changed_from(run("x = torch.zeros(2, 3); x.t()"), run("x = torch.zeros(3, 2); x.t()")) == 0


@pytest.mark.parametrize(
    ("source", "number", "text", "becomes"),
    [
        ("torch.arange(6).view(2, 3).t()", 1, ".view(3, 2)", "torch.arange(6).view(3, 2).t()"),
        ("torch.arange(6).view(2, 3).t()", 0, "torch.zeros(6)", "torch.zeros(6).view(2, 3).t()"),
        ("x = torch.arange(6)\ny = x.view(2, 3)", 1, "[1:]", "x = torch.arange(6)\ny = x[1:]"),
        ("x = torch.arange(6)\ny = x.view(2, 3)", 1, "x.view(6)", "x = torch.arange(6)\ny = x.view(6)"),
        ("(torch.arange(6)\n  .view(2, 3)\n  .t())", 1, ".view(6, 1)", "(torch.arange(6)\n  .view(6, 1)\n  .t())"),
        ("torch.zeros(2) + 1", 1, "torch.ones(2)", "torch.ones(2)"),
    ],
)
def test_a_step_is_replaced_where_it_stands(source: str, number: int, text: str, becomes: str) -> None:
    assert replaced_step(run(source), number, text) == becomes


def test_a_step_without_a_text_is_not_replaced() -> None:
    history = typed("", names={"x": torch.zeros(2)}, chain_of="x").history
    assert history is not None
    with pytest.raises(InputError, match="no text of its own"):
        replaced_step(history, 0, ".t()")


@pytest.mark.parametrize(
    ("source", "becomes"),
    [
        ("torch.arange(6).view(2, 3).t()", "torch.arange(6).view(2, 3)"),
        ("torch.arange(6)", ""),
        ("x = torch.arange(6); y = x.view(2, 3)", "x = torch.arange(6); y = x"),
        ("x = torch.arange(6)\ntorch.cat([x, x])", "x = torch.arange(6)"),
        ("x = torch.arange(6); x[0] = 1", "x = torch.arange(6)"),
        ("x = torch.arange(6)\nx += 1", "x = torch.arange(6)"),
        ("x = torch.arange(6); x + 1; n = 3", "x = torch.arange(6); n = 3"),
        ("x = torch.arange(6).view(2, 3).t().view(6)", "x = torch.arange(6).view(2, 3).t()"),
        ("(torch.arange(6)\n  .view(2, 3))", "(torch.arange(6)\n  )"),
        ("x = torch.arange(6)\nabs(x)", "x = torch.arange(6)"),
    ],
)
def test_the_last_step_is_taken_off(source: str, becomes: str) -> None:
    history = run(source)
    assert without_last_step(history) == becomes
    if becomes:
        assert changed_from(run(becomes), history) >= len(history.steps) - 1


@pytest.mark.parametrize(
    "source",
    [
        "torch.arange(12).view(3, 4).t().view(12)",
        "x = torch.arange(12).view(3, 4).t(); y = x.view(2, 6); z = y.t()",
        "x = torch.arange(12).view(3, 4).t(); other = torch.zeros(12); x.view_as(other)",
        "x = torch.arange(12).view(3, 4).t(); w = torch.zeros(12); x.view_as(w)",
        "torch.arange(24).view(2, 3, 4).transpose(0, 1).view(24)",
        "x = torch.arange(12).view(3, 4).t()\ntorch.cat([x.view(12), x.view(12)])",
    ],
)
def test_an_alternative_takes_the_place_of_the_refused_step(source: str) -> None:
    history = run(source)
    assert history.refused is not None and history.refused.reason is not None
    alternatives = history.refused.reason.alternatives
    assert alternatives
    for other in alternatives:
        number = len(history.steps) - 1
        again = run(instead_of_refused(history, other.source))
        assert changed_from(history, again) == number
        made = again.steps[number : number + other.source.count("(") or None]
        assert any(step.effect == other.effect and step.copied_nbytes == other.copied_nbytes for step in made)
        assert instead_of_refused(history, other.source.removeprefix(".")) == instead_of_refused(history, other.source)


def test_without_a_refusal_there_is_nothing_to_replace() -> None:
    with pytest.raises(InputError, match="refused"):
        instead_of_refused(run("torch.arange(3)"), ".t()")


@pytest.mark.parametrize("text", ["", ".t()", "[1:]", "t()"])
def test_an_op_is_added_to_a_chain_that_names_nothing(text: str) -> None:
    longer = with_appended(text, ".reshape(6)")
    now = typed(longer, names={"x": torch.arange(6).view(1, 6)}, chain_of="x")
    assert (now.error is None and sources(now)[-1] == ".reshape(6)") or text == "[1:]"
    assert longer.endswith(".reshape(6)")


def test_an_edit_says_nothing_of_its_own_about_odd_numbers() -> None:
    """Python warns of "1or"; a warning on the screen would spoil what is drawn there."""
    assert with_appended("x[1or 2]", ".t()") == "x[1or 2].t()"
    assert typed("torch.zeros(3)[1or 2]").error is not None
