"""What may come next: the names that fit, and of each what the engine then really does."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest
import torch

from benchmarks.chains import LIBRARIES
from benchmarks.fuzz import chain_for
from stridescope.errors import ProgramError
from stridescope.program import completion as module
from stridescope.program import run
from stridescope.program.completion import Completions, Item, complete
from stridescope.program.samples import sample
from stridescope.program.tables import OPS, table
from stridescope.program.typed import Session, typed

CHAIN = (
    "torch.arange(48).view(2,3,8).transpose(0,1)[1:].reshape(4,8).t().contiguous().view(8,4)"
    ".unsqueeze(0).squeeze(0).t().flip(0)"
)


def at_end(text: str, limit: int = 12, session: Session | None = None) -> Completions:
    rows = text.split("\n")
    return complete(text, len(rows) - 1, len(rows[-1]), (session or Session()).typed(text), limit)


def names(text: str, limit: int = 12) -> list[str]:
    return [item.name for item in at_end(text, limit).items]


def item(text: str, name: str) -> Item:
    return next(found for found in at_end(text, 300).items if found.name == name)


# ------------------------------------------------------------------------------------------- what is offered


def test_common_ops_come_first_where_nothing_is_typed() -> None:
    assert names("torch.arange(12).view(3, 4).")[:6] == ["view", "reshape", "t", "transpose", "permute", "expand"]
    assert names("np.arange(12).reshape(3, 4).")[:3] == ["reshape", "T", "transpose"]
    assert names("torch.")[:3] == ["arange", "zeros", "ones"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("torch.zeros(2).tr", ["transpose", "tril", "triu"]),
        ("torch.zeros(2).vi", ["view", "view_as"]),
        ("torch.zeros(2).T", ["T"]),
        ("torch.zeros(2).inter", ["repeat_interleave"]),
        ("torch.zeros(2).untig", []),
        ("torch.zeros(2).cntg", ["contiguous"]),
        ("torch.zer", ["zeros", "zeros_like"]),
        ("np.zer", ["zeros", "zeros_like"]),
        ("torch.nn.", ["functional"]),
        ("torch.nn.functional.", ["one_hot", "pad"]),
        ("np.random.rand", ["rand", "randint", "randn", "random", "random_sample"]),
        ("F.pa", ["pad"]),
        ("tor", ["torch"]),
        ("xs = torch.zeros(2); x", ["xs"]),
        ("x = torch.zeros(2)\ny = x.t()\ntorch.cat([", ["x", "y"]),
        ("torch.zeros(2, dtype=torch.float", ["float", "float32", "float16", "float64"]),
        ("torch.zeros(2, dtype=torch.", ["float32", "int64", "bool"]),
        ("torch.zeros(2).to(memory_format=torch.", ["channels_last", "contiguous_format"]),
        ("torch.zeros(2, 3).sum(", []),
        ("torch.zeros(2, 3).flatten(st", ["start_dim="]),
        ("torch.zeros(2, 3).flatten(0, e", ["end_dim="]),
        ("torch.zeros(2, 3).flatten(start_dim=0, st", []),
        ("torch.zeros(2, 3).shape.", []),
        ("torch.zeros(2)", []),
        ("torch.zeros(2) ", []),
        ("torch.zeros(12", []),
        ("foo.", []),
        ("torch.arange(12).view(5).", []),
        ("'torch.", []),
        ("# torch.", []),
        ("(torch.zeros(2, 3)  # why (\n   .t()\n   .vie", ["view", "view_as"]),
        ("x = torch.zeros(2)\ny = x.foo()\nx.vie", ["view", "view_as"]),
        ("y = (torch.zeros(2) + 1).vie", ["view", "view_as"]),
        ("torch.zeros(4).split(2)[0].vie", ["view", "view_as"]),
        (">>> x = torch.zeros(2)\n>>> x.vie", ["view", "view_as"]),
        ("torch.cat([torch.zeros(2).vie", ["view", "view_as"]),
    ],
)
def test_what_matches_is_offered_in_order(text: str, first: list[str]) -> None:
    found = names(text)
    assert found[: len(first)] == first
    assert first or not found


@pytest.mark.parametrize("text", ["torch.zeros(2).vi", "torch.ar", "torch.zeros(2).s", "np.ar", "torch.zeros(2)."])
def test_where_names_start_with_the_word_no_others_are_offered(text: str) -> None:
    word = text.rpartition(".")[2]
    found = names(text, 300)
    assert found and all(name.lower().startswith(word) for name in found)


def test_ops_in_place_are_offered_only_to_who_types_them() -> None:
    assert not [name for name in names("torch.zeros(2).", 300) if name.endswith("_")]
    assert not [name for name in names("torch.zeros(2).add", 300) if name.endswith("_")]
    assert names("torch.zeros(2).add_")[0] == "add_"
    assert names("torch.zeros(2).fil")[:2] == ["fill_", "fill_diagonal_"]
    assert not [name for name in names("torch.zeros(2).", 300) if name.startswith("_")]


def test_the_word_under_the_cursor_is_what_is_replaced() -> None:
    text = "  x = torch.arange(12)\n  x.resh(3)"
    now = complete(text, 1, 6, typed(text))
    assert (now.start, now.end) == (4, 8)
    assert text.split("\n")[1][now.start : now.end] == "resh"
    assert [found.insert for found in now.items][:2] == ["reshape(", "repeat("]
    assert at_end("torch.zeros(2).").start == at_end("torch.zeros(2).").end == 15


@pytest.mark.parametrize(
    ("name", "insert"), [("t", "t()"), ("view", "view("), ("T", "T"), ("shape", "shape"), ("contiguous", "contiguous(")]
)
def test_what_is_inserted_is_as_one_goes_on_writing(name: str, insert: str) -> None:
    assert item("torch.zeros(2, 3).", name).insert == insert


def test_a_chain_that_goes_on_from_a_live_tensor_is_completed() -> None:
    session = Session({"x": torch.zeros(2, 3)}, "x")
    assert [found.name for found in at_end("", session=session).items][:4] == ["x", "torch", "np", "view"]
    shapes = {"tr": "(3,2):(1,3)", ".tr": "(3,2):(1,3)", "x.tr": "(3,2):(1,3)", ".t().tr": "(2,3):(3,1)"}
    for text, note in {**shapes, "t().tr": "(2,3):(3,1)", "x.t()[1:].tr": "(2,2):(3,1)+1"}.items():
        found = next(found for found in at_end(text, session=session).items if found.name == "transpose")
        assert (found.effect, found.note) == ("view", note)
    assert at_end("view(", session=session).signature.startswith("view(")
    assert item("x = torch.zeros(2, 3); x.", "t").note == "(3,2):(1,3)"


# ------------------------------------------------------------------------------------------- what it would do


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_effect_told_is_what_the_engine_then_does(library: str) -> None:
    """Every method, on the tensors of random programs: the sample is run as text."""
    effects: Counter[str] = Counter()
    for seed in range(40):
        source, steps = chain_for(seed, library)
        if steps[-1].tensor is None:
            continue
        text = f"{source}\nx."
        for found in at_end(text, 20 if seed else 300).items:
            if not found.sample:
                assert found.effect is None
                continue
            history = run(text + found.sample)
            last = history.steps[-1]
            if found.effect is None:
                assert last.op == "name" or len(history.steps) <= len(steps)
                continue
            assert last.effect == found.effect, (text, found)
            effects[found.effect] += 1
            if last.reason is not None:
                assert last.reason.message.startswith(found.note)
            elif last.tensor is not None and last.effect == "view":
                assert str(last.tensor.layout) == found.note
    assert min(effects[word] for word in ("view", "copy", "refused")) > 10, effects


def test_functions_are_tried_on_the_latest_tensor_of_the_program() -> None:
    text = "x = torch.arange(12).view(3, 4)\ny = x.t()\ntorch."
    tried = [found for found in at_end(text, 300).items if found.sample and found.effect]
    for found in tried:
        history = run(f"x = torch.arange(12).view(3, 4)\ny = x.t()\ntorch.{found.sample}")
        assert history.steps[-1].effect == found.effect, found
    assert len(tried) > 100
    assert "y" in item(text, "cat").sample and item(text, "cat").effect == "copy"


def test_in_place_ops_that_are_tried_change_nothing_for_the_next() -> None:
    text = "x = torch.arange(6).view(2, 3)\nx.t"
    for _ in range(2):
        assert item(text + "_", "t_").effect == "view"
        assert item(text, "t").note == "(3,2):(1,3)"


def test_most_methods_have_a_sample_that_binds() -> None:
    """An op whose sample is a slip would say nothing of itself."""
    for start, owner in (("torch.arange(24.).view(2, 3, 4)", "tensor"), ("np.arange(24).reshape(2, 3, 4)", "ndarray")):
        run_of = run(start)
        info = run_of.steps[-1].tensor
        slips = []
        tried = 0
        for name, op in table(owner).items():  # type: ignore[arg-type]
            call = sample(op, info, "x")
            if name.startswith("__") or call is None:
                continue
            tried += 1
            try:
                run(f"x = {start}; x.{call}")
            except ProgramError as error:
                slips.append(f"{call}: {error}")
        # These want an integer or a boolean tensor, or values.
        assert all(
            any(word in slip for word in ("gather", "take", "index", "mask", "repeats", "item", "positions"))
            for slip in slips
        ), slips
        assert tried > 0.9 * sum(not name.startswith("__") for name in table(owner))  # type: ignore[arg-type]


def test_a_refusal_says_why_in_one_sentence() -> None:
    found = item("torch.arange(12).view(3, 4).t().", "view")
    assert found.effect == "refused" and "merge" in found.note and ". " not in found.note


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("torch.arange(12).view(3, 4).t().", "contiguous", "(4,3):(3,1), copies 96 B"),
        ("torch.zeros(2, 3).", "shape", "(2, 3)"),
        ("torch.zeros(4, 3).", "split", "2 tensors, first (2,3):(3,1)"),
        ("torch.zeros(4, 3).zero_", "zero_", "writes 12 elements"),
        ("torch.float", "float16", "2 B"),
        ("x = torch.zeros(2, 3).t(); x", "x", "(3,2):(1,3)"),
    ],
)
def test_a_note_says_what_comes_of_it(text: str, name: str, note: str) -> None:
    assert item(text, name).note == note


# ------------------------------------------------------------------------------------------- signatures


@pytest.mark.parametrize(
    ("text", "signature", "active"),
    [
        ("torch.zeros(2, 3).transpose(", "transpose(dim0, dim1)", "dim0"),
        ("torch.zeros(2, 3).transpose(0, ", "transpose(dim0, dim1)", "dim1"),
        ("torch.zeros(2, 3).transpose(dim1=", "transpose(dim0, dim1)", "dim1"),
        ("torch.zeros(2, 3).transpose(0, 1, ", "transpose(dim0, dim1)", None),
        ("torch.zeros(2, 3).view(3", "view(*size)", "*size"),
        ("torch.zeros(2, 3).view(3, 2, 1", "view(*size)", "*size"),
        ("torch.zeros(2, 3).view(torch.int32", "view(dtype)", "dtype"),
        ("torch.zeros(2, 3).split([1, 1]", "split(split_size, dim=0)", "split_size"),
        ("torch.cat([torch.zeros(2), ", "cat(tensors, dim=0)", "tensors"),
        ("torch.cat([torch.zeros(2)], ", "cat(tensors, dim=0)", "dim=0"),
        ("torch.zeros(2, 3).rot90(1, (0, ", "rot90(k=1, dims=(0, 1))", "dims=(0, 1)"),
        ("torch.zeros(2, device='a,b', dtype=", "zeros(*size, dtype=None)", "dtype=None"),
        ("torch.arange(", "arange(start=0, end, step=1)", "end"),
        ("torch.arange(2, 9, ", "arange(start=0, end, step=1)", "step=1"),
        ("torch.zeros(2).to(torch.int32", "to(device=None, dtype=None, copy=False)", "dtype=None"),
        ("torch.zeros(2, 3).t(", "t()", None),
        ("np.zeros(3).reshape(", "reshape(*shape)", "*shape"),
        ("torch.zeros(2)[", "", None),
        ("torch.zeros(2).foo(", "", None),
        ("len(", "", None),
        ("x = (1, ", "", None),
    ],
)
def test_the_call_around_the_cursor_tells_its_signature(text: str, signature: str | None, active: str | None) -> None:
    now = at_end(text)
    assert signature is None or now.signature == signature
    assert (None if now.active is None else now.signature[slice(*now.active)]) == active


# ------------------------------------------------------------------------------------------- any cursor at all


def test_no_cursor_in_no_text_raises() -> None:
    chance = random.Random(5)
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
    for _ in range(400):
        text = "".join(chance.choice(words) for _ in range(chance.randint(0, 14)))
        line, column = chance.randint(-1, 3), chance.randint(-2, 30)
        now = complete(text, line, column, typed(text))
        assert now.start <= now.end


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_cursor_anywhere_in_a_program_gets_an_answer(library: str) -> None:
    offered = 0
    for seed in range(4):
        text = chain_for(seed, library)[0]
        now = typed(text)
        for line, row in enumerate(text.split("\n")):
            for column in range(0, len(row) + 1, 3):
                offered += bool(complete(text, line, column, now, 3).items)
    assert offered > 40


def test_only_what_is_shown_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    interpret = module.interpret
    monkeypatch.setattr(module, "interpret", lambda *args: tried.append(args[0]) or interpret(*args))
    at_end("torch.zeros(2, 3).t().", limit=5)
    assert len(tried) == 5 + 1


def test_a_completion_costs_a_few_milliseconds_whatever_the_size() -> None:
    for text in (f"{CHAIN}.", f"{CHAIN}.re", f"x = {CHAIN}\ntorch.", "torch.empty(10**15).view(10**5, -1).t()."):
        now = typed(text)
        rows = text.split("\n")
        best = 1.0
        for _ in range(10):
            start = time.perf_counter()
            found = complete(text, len(rows) - 1, len(rows[-1]), now)
            best = min(best, time.perf_counter() - start)
        assert len(found.items) >= 8 and best < 0.006, (text, best)


def test_every_op_has_a_sample_or_none_without_a_tensor_too() -> None:
    for op in OPS.values():
        call = sample(op, None, "")
        assert call is None or call.startswith(op.name)
