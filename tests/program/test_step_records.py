"""What a step keeps for whoever draws it: the tensors it read, the names it bound, the place of its text."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
import torch

from benchmarks.chains import LIBRARIES
from benchmarks.fuzz import chain_for
from stridescope.errors import InputError
from stridescope.program import run
from stridescope.program.algebra import AlgebraEngine
from stridescope.program.interpret import interpret
from stridescope.program.native import NativeEngine
from stridescope.records import History, Step, TensorInfo

PROGRAMS = [
    "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10); a[1] = 0",
    "a = torch.zeros(2); b = torch.ones(3); a, b = b, a",
    "a = torch.zeros(2); b = torch.ones(3); a, b = b, a; a.add_(1)",
    "x = torch.arange(6); x += 1; x = x.view(2, 3); x *= 2",
    "x = torch.arange(6).view(2, 3); y = x; x.t_(); y.unsqueeze_(0); z = y.squeeze()",
    "x = torch.arange(6); y = x\ny = 3\nx = x[1:]",
    "parts = torch.arange(6).split(2); p, q, r = parts; parts = 3; p.add_(1)",
    "a, *rest = torch.arange(6).split(2); rest = rest[1:]; a = rest[0]",
    "x = y = torch.zeros(2, 3); y = y.t(); x.transpose_(0, 1)",
    "w = torch.zeros(3); w.requires_grad_(); v = w * 2",
    "x = np.arange(6); x = x.reshape(2, 3); y = x.T; y += 1",
    "x = torch.arange(4); n = x.shape[0]; n = x; x = 1; n.view(2, 2)",
    "x = torch.arange(6).view(2, 3).t(); x.view(6)",
    "x = torch.arange(4)\ny = (x\n     .view(2, 2)\n     .t())\ny",
    "a = np.arange(4); t = torch.from_numpy(a); t[0] = 7; a = t",
]


def folded(history: History) -> dict[str, TensorInfo]:
    """The names at the end, by what each step says it bound."""
    names = dict(history.given)
    for name, info in chain.from_iterable(step.bound for step in history.steps):
        if info is None:
            names.pop(name, None)
        else:
            names[name] = info
    return names


def ran(source: str, engine: Any) -> tuple[History, dict[str, TensorInfo]]:
    """The history, and the names at the end as the engine itself describes them."""
    names: dict[str, Any] = {}
    history = interpret(source, engine, names)
    truth: dict[str, TensorInfo] = {}
    for name, value in names.items():
        parts = value if isinstance(value, tuple | list) else ()
        found = [(name, value)] if engine.is_tensor(value) else [(f"{name}[{k}]", part) for k, part in enumerate(parts)]
        truth.update((word, engine.info(part).named(word)) for word, part in found if engine.is_tensor(part))
    return history, truth


@pytest.mark.parametrize("engine", [AlgebraEngine, NativeEngine])
@pytest.mark.parametrize("source", PROGRAMS)
def test_what_the_steps_bound_comes_to_the_names_at_the_end(source: str, engine: Any) -> None:
    history, truth = ran(source, engine())
    assert folded(history) == dict(history.aliases) == truth
    assert truth


@pytest.mark.parametrize("library", LIBRARIES)
def test_random_programs_bind_what_they_say(library: str) -> None:
    rebound = 0
    for seed in range(150):
        history, truth = ran(chain_for(seed, library)[0], AlgebraEngine())
        assert folded(history) == dict(history.aliases) == truth, history.text
        rebound += sum(bool(step.bound) for step in history.steps[1:])
    assert rebound > 300


def test_each_step_tells_only_the_names_that_changed() -> None:
    history = run("x = torch.arange(6); y = x; z = x.view(2, 3); x.add_(1); z.t_(); y = z; torch.zeros(1)")
    told = [[name for name, _ in step.bound] for step in history.steps]
    assert told == [["x", "y"], ["z"], [], ["y", "z"], []]


def test_a_name_that_stands_for_no_tensor_any_more_is_told_as_none() -> None:
    history = run("x = torch.arange(4); y = x[1:]; x = 3; y.t()")
    assert dict(history.steps[1].bound) == {"y": history.tensors["y"], "x": None}
    history = run("parts = torch.arange(4).split(2); p = parts[1]; parts = (p,)")
    assert dict(history.steps[-1].bound)["parts[1]"] is None


def test_names_from_outside_are_given_and_not_bound() -> None:
    x = torch.arange(6)
    history = run("y = x.view(2, 3); x = y", names={"x": x, "z": torch.zeros(1)})
    assert [(name, info.shape) for name, info in history.given] == [("x", (6,)), ("z", (1,))]
    assert [name for name, _ in history.steps[0].bound] == ["x", "y"]
    assert folded(history) == dict(history.aliases)
    chained = run(".t()", names={"x": x}, chain_of="x")
    assert [name for name, _ in chained.given] == ["x"]
    assert not chained.aliases and not any(step.bound for step in chained.steps)


def test_the_records_stay_out_of_the_json() -> None:
    document = run("x = torch.arange(4); y = x.view(2, 2)").to_dict()
    words = {"sources", "bound", "place", "given", "text"}
    assert not words & set(document) and not any(words & set(step) for step in document["steps"])


def test_only_names_that_changed_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: dict[int, int] = {}
    info = AlgebraEngine.info

    def counted(engine: AlgebraEngine, tensor: Any) -> TensorInfo:
        counts[id(engine)] = counts.get(id(engine), 0) + 1
        return info(engine, tensor)

    monkeypatch.setattr(AlgebraEngine, "info", counted)
    described = []
    for others in (1, 40):
        engine = AlgebraEngine()
        names = "; ".join(f"n{k} = torch.zeros(2)" for k in range(others))
        interpret(f"{names}; y = torch.zeros(3); y = y[1:]; y = y[:1]; y.add_(1)", engine)
        described.append(counts[id(engine)] - 2 * others)
    assert described[0] == described[1]


# ---------------------------------------------------------------------------------------------- sources

COPIES = [
    "a = torch.arange(6).view(2, 3); b = torch.ones(2, 3, dtype=torch.int64).t().t(); torch.cat([a, b, a])",
    "a = torch.arange(6).view(2, 3); b = a.t().contiguous().t(); torch.stack([a, b], 1)",
    "a = torch.arange(6).view(2, 3); a.t().reshape(6)",
    "a = torch.arange(6).view(2, 3); a.repeat(2, 2)",
    "a = torch.arange(6).view(2, 3); i = torch.tensor([1, 0]); a[i]",
    "a = torch.arange(6).view(2, 3); i = torch.tensor([1, 0]); a[:, 1:][i]",
    "a = torch.arange(6).view(2, 3); i = torch.tensor([1, 0]); a.index_select(1, i)",
    "a = torch.arange(6).view(2, 3); i = torch.tensor([[1, 0]]); a.gather(0, i)",
    "a = torch.arange(6); i = torch.tensor([1, 0]); torch.take(a, i)",
    "a = torch.arange(6); m = a > 2; a.masked_select(m)",
    "a = torch.arange(6); m = a > 2; a[m]",
    "a = torch.arange(6).view(2, 3); a.flip(0)",
    "a = torch.arange(6).view(2, 3); a.roll(1, 0)",
    "a = torch.arange(6).view(2, 3); torch.rot90(a)",
    "a = torch.arange(6).view(2, 3); a.to(torch.float32)",
    "a = torch.arange(6).view(2, 3); a.clone()",
    "a = torch.arange(6).view(2, 3); a.t().contiguous()",
    "a = torch.arange(6).view(2, 3); a.repeat_interleave(2, 0)",
    "a = torch.arange(3); b = torch.arange(3); torch.hstack([a, b])",
    "a = torch.arange(3); b = torch.arange(3); torch.vstack([a, b])",
    "a = torch.arange(3); b = torch.arange(3); torch.dstack([a, b])",
    "a = torch.arange(3); b = torch.arange(3); torch.column_stack([a, b])",
    "a = torch.arange(9).view(3, 3); torch.diag(a)",
    "a = torch.arange(4).view(2, 2); i = torch.tensor([[0, 1]]); torch.take_along_dim(a, i, 0)",
    "a = np.arange(6).reshape(2, 3); b = a.T; np.concatenate([a, b.T])",
    "a = np.arange(6).reshape(2, 3); np.stack([a, a])",
    "a = np.arange(6).reshape(2, 3); a[[1, 0]]",
    "a = np.arange(6).reshape(2, 3); a.T.copy()",
    "a = np.arange(6).reshape(2, 3); a.flatten('F')",
    "a = np.arange(6); np.tile(a, 2)",
    "a = np.arange(6); a[2]",
    "a = np.arange(6); np.append(a, a)",
    "a = np.arange(3); np.concatenate([a, [1, 2]])",
]
OWN_VIEWS = ("hstack", "vstack", "dstack", "column_stack", "take_along_dim", "diag", "append", "a[2]", "masked_select")
"""Ops that read their tensors through views they make themselves: the storage is the tensor's, the layout is not."""


def assert_sources(step: Step) -> None:
    assert step.copy is not None
    read = step.sources[: len(step.copy.sources)]
    assert len(read) == len(step.copy.sources)
    for info, layout in zip(read, step.copy.sources, strict=True):
        own = any(word in step.source for word in OWN_VIEWS) or step.op == "getitem"
        assert own or info.layout == layout, step.source
        # What is read through any layout lies in the storage that the record names.
        assert info.storage is not None and info.storage.nbytes is not None and info.itemsize is not None
        assert layout.numel == 0 or layout.span[1] * info.itemsize <= info.storage.nbytes, step.source


@pytest.mark.parametrize("engine", [AlgebraEngine, NativeEngine])
@pytest.mark.parametrize("source", COPIES)
def test_a_copy_names_the_tensors_of_its_sources_in_their_order(source: str, engine: Any) -> None:
    history = interpret(source, engine())
    step = history.steps[-1]
    assert step.effect == "copy"
    if step.copy is None:
        assert engine is NativeEngine and "[1, 2]" in source
        return
    assert_sources(step)
    listed = [info.storage.id for info in step.sources if info.storage is not None]
    before = {part.tensor.storage.id for part in history.steps[:-1] if part.tensor is not None and part.tensor.storage}
    assert set(listed) <= before or "[1, 2]" in source
    assert step.before == step.sources[0]


def test_elements_really_come_from_the_sources_named() -> None:
    """By value: each element of a join, read at its origin in the source that the record names."""
    source = "a = torch.arange(6); b = torch.arange(10, 16).view(2, 3).t(); torch.stack([a.view(3, 2), b], 2)"
    history = run(source)
    last = history.steps[-1]
    assert last.copy is not None and last.tensor is not None and last.values is not None
    held = {step.tensor.storage.id: step.values for step in history.steps if step.tensor and step.tensor.storage}
    elements = []
    for k in range(12):
        number, address = last.copy.origin(k)
        storage = last.sources[number].storage
        assert storage is not None
        read = held[storage.id]
        assert read is not None
        elements += read([address])
    a, b = torch.arange(6), torch.arange(10, 16).view(2, 3).t()
    assert elements == torch.stack([a.view(3, 2), b], 2).flatten().tolist()


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_copies_of_random_chains_name_their_sources(library: str) -> None:
    copies = 0
    for seed in range(1000, 1200):
        for step in chain_for(seed, library)[1]:
            if step.before is not None:
                assert step.sources[0].storage == step.before.storage
            if step.copy is not None and step.effect == "copy":
                assert_sources(step)
                copies += 1
    assert copies > 100


def test_an_op_of_several_tensors_names_them_in_the_order_given() -> None:
    history = run("m = torch.ones(3) > 0; a = torch.arange(3); b = torch.zeros(3); torch.where(m, b, a); a.copy_(b)")
    chosen, written = history.steps[-2:]
    assert [info.name for info in chosen.sources] == ["m", "b", "a"]
    assert [info.name for info in written.sources] == ["a", "b"]
    assert run("torch.arange(3)").steps[0].sources == ()


def test_sources_are_told_as_they_were_before_the_step() -> None:
    step = run("x = torch.arange(6).view(2, 3); x.t_()").steps[-1]
    assert step.sources == (step.before,)
    assert step.sources[0].shape == (2, 3) and step.tensor is not None and step.tensor.shape == (3, 2)


# ----------------------------------------------------------------------------------------------- places

PLACED = [
    "torch.arange(12).view(3, 4).t()[1:, ::2]",
    "x = torch.arange(12); a = x.view(3, 4)  # a comment\na[1] = 0; a[0] += 1; x.T",
    "(torch.arange(12)\n    .view(3, 4)\n    .t())",
    "y = (torch.zeros(2, 3) + 1).t() * 2",
    "x = torch.arange(4); torch.cat([x, -x]); x",
    "  torch.arange(4)  .view( 2,2 )",
    ">>> x = torch.arange(4)\n>>> x.view(2, 2)\ntensor",
    "a, b = torch.arange(4).split(2); a[0], b = 1, a",
    "x = torch.arange(4); x.view(3)",
    "((torch.arange(4)).view(2, 2)).t()",
    'x = torch.zeros(2, device="cpu")  # \u00e9\u00e8\nx.t()',
    "x = torch.stack([\n  torch.zeros(2),\n  torch.ones(2),\n]).t()",
]


def text_at(history: History, step: Step) -> str:
    assert step.place is not None
    line, column, end_line, end_column = step.place
    rows = history.text.split("\n")[line - 1 : end_line]
    rows[-1] = rows[-1][:end_column]
    rows[0] = rows[0][column:]
    return "\n".join(rows)


@pytest.mark.parametrize("source", PLACED)
def test_the_place_of_a_step_is_where_its_source_stands(source: str) -> None:
    history = run(source)
    for step in history.steps:
        assert "".join(text_at(history, step).split()) == "".join(step.source.split())


@pytest.mark.parametrize("text", [".t()[1:]", "t()[1:]", " .t()\n[1:]".replace("\n", "")])
def test_places_of_a_chain_that_goes_on_count_in_its_own_text(text: str) -> None:
    history = run(text, names={"x": torch.zeros(2, 3)}, chain_of="x")
    first, second = history.steps
    assert text_at(history, first).strip(".") == "t()" and text_at(history, second) == "[1:]"


def test_a_step_without_a_text_of_its_own_has_no_place() -> None:
    x = torch.zeros(2)
    assert run("x.shape", names={"x": x}).steps[0].place is None


@pytest.mark.parametrize("library", LIBRARIES)
def test_places_hold_for_random_programs(library: str) -> None:
    for seed in range(100):
        source = chain_for(seed, library)[0]
        try:
            history = run(source)
        except InputError:
            continue
        for step in history.steps:
            assert "".join(text_at(history, step).split()) == "".join(step.source.split())
