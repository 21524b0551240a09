"""A program becomes steps: the text, the name, the tensor before and after, and what happened to memory."""

from __future__ import annotations

from typing import Any

import pytest

from stridescope.errors import InputError, ProgramError, TargetError
from stridescope.program import run
from stridescope.program.algebra import AlgebraEngine
from stridescope.program.interpret import interpret
from stridescope.records import History, Step, TensorInfo


def steps(source: str, **options: Any) -> tuple[Step, ...]:
    return run(source, **options).steps


def told(source: str) -> list[tuple[str, str, str]]:
    return [(step.source, step.op, step.effect) for step in steps(source)]


def error_of(source: str, **options: Any) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        run(source, **options)
    error = caught.value
    assert "\n" not in error.message
    return error


def at(error: ProgramError) -> str:
    return error.source.split("\n")[error.line - 1][error.column : error.end_column]


# --------------------------------------------------------------------------------------------- the steps


def test_a_chain_gives_one_step_for_each_op_with_its_own_text() -> None:
    assert told("torch.arange(12).view(3, 4).t()[1:, ::2]") == [
        ("torch.arange(12)", "arange", "alloc"),
        (".view(3, 4)", "view", "view"),
        (".t()", "t", "view"),
        ("[1:, ::2]", "getitem", "view"),
    ]


def test_the_final_tensor_is_the_one_torch_gives() -> None:
    final = run("torch.arange(12).view(3, 4).t()[1:, ::2]").final
    assert final is not None
    assert final.tensor is not None
    assert (final.tensor.shape, final.tensor.stride, final.tensor.storage_offset) == ((3, 2), (1, 8), 1)


def test_each_step_holds_the_tensor_before_it() -> None:
    made, viewed, turned = steps("torch.arange(12).view(3, 4).t()")
    assert made.before is None
    assert viewed.before == made.tensor
    assert turned.before == viewed.tensor


def test_arguments_are_steps_of_their_own_before_the_op_that_takes_them() -> None:
    assert told("torch.cat([torch.arange(4).view(2, 2).t(), torch.zeros(1, 2)])") == [
        ("torch.arange(4)", "arange", "alloc"),
        (".view(2, 2)", "view", "view"),
        (".t()", "t", "view"),
        ("torch.zeros(1, 2)", "zeros", "alloc"),
        ("torch.cat([torch.arange(4).view(2, 2).t(), torch.zeros(1, 2)])", "cat", "copy"),
    ]


def test_brackets_around_a_chain_do_not_show_in_its_steps() -> None:
    assert [text for text, _, _ in told("((torch.arange(4)).view(2, 2) ).t()")] == [
        "(torch.arange(4))"[1:-1],
        ".view(2, 2)",
        ".t()",
    ]


def test_an_expression_over_lines_is_told_on_one() -> None:
    assert told("(torch.zeros(\n  2,\n  3)\n  .t())")[-1] == (".t()", "t", "view")
    assert told("torch.zeros(\n  2,  # rows\n  3)")[0][0] == "torch.zeros(2, 3)"


def test_attributes_are_ops_and_sizes_are_none() -> None:
    assert told("x = torch.zeros(2, 3); y = x.T; x.view(x.shape[1], x.size(0))") == [
        ("torch.zeros(2, 3)", "zeros", "alloc"),
        ("x.T", "T", "view"),
        ("x.view(x.shape[1], x.size(0))", "view", "view"),
    ]


def test_an_op_that_returns_its_input_is_the_same() -> None:
    assert told("torch.zeros(2).contiguous()")[-1] == (".contiguous()", "contiguous", "same")


def test_a_copy_tells_its_bytes_and_where_elements_came_from() -> None:
    copied = steps("torch.arange(6).view(2, 3).t().reshape(6)")[-1]
    assert (copied.effect, copied.copied_nbytes) == ("copy", 48)
    assert copied.copy is not None
    assert [copied.copy.origin(k) for k in range(6)] == [(0, 0), (0, 3), (0, 1), (0, 4), (0, 2), (0, 5)]


def test_operators_on_tensors_are_ops_by_their_own_name() -> None:
    assert told("x = torch.arange(3); y = 1 + x; z = -x; w = x > 1")[1:] == [
        ("1 + x", "add", "alloc"),
        ("-x", "neg", "alloc"),
        ("x > 1", "gt", "alloc"),
    ]
    assert steps("x = torch.arange(3); 2 > x")[-1].op == "lt"


def test_a_refused_op_is_the_last_step_and_later_statements_do_not_run() -> None:
    history = run("x = torch.arange(12).view(3, 4).t(); y = x.view(12); z = torch.zeros(1)")
    assert [step.op for step in history.steps] == ["arange", "view", "t", "view"]
    refused = history.refused
    assert refused is history.steps[-1]
    assert refused is not None
    assert refused.tensor is None
    assert refused.before is not None
    assert refused.before.stride == (1, 4)
    assert refused.reason is not None
    assert refused.reason.code == "dims_not_mergeable"
    assert [name for name, _ in history.aliases] == ["x"]


def test_an_illegal_op_is_a_refused_step_too() -> None:
    refused = run("torch.arange(12).view(5, 5)").refused
    assert refused is not None
    assert refused.reason is not None
    assert refused.reason.exception == "RuntimeError"


# ------------------------------------------------------------------------------------------------- names


def test_an_assignment_names_the_last_step_of_its_expression() -> None:
    made, viewed = steps("x = torch.arange(4).view(2, 2)")
    assert (made.name, viewed.name) == (None, "x")
    assert viewed.tensor is not None
    assert viewed.tensor.name == "x"


def test_the_tensor_before_carries_the_name_it_has() -> None:
    step = steps("x = torch.arange(4); x.view(2, 2)")[-1]
    assert step.source == "x.view(2, 2)"
    assert step.before is not None
    assert step.before.name == "x"


def test_a_second_name_makes_no_step() -> None:
    history = run("x = torch.arange(4); y = x; z = y")
    assert len(history.steps) == 1
    assert history.steps[0].name == "x"
    assert [name for name, _ in history.aliases] == ["x", "y", "z"]


def test_names_that_alias_have_the_same_storage() -> None:
    tensors = run("x = torch.arange(12); a = x.view(3, 4); b = x.clone()").tensors
    ids = [info.storage.id for info in tensors.values() if info.storage is not None]
    assert ids[0] == ids[1] != ids[2]


def test_a_plain_chain_lists_no_names() -> None:
    assert run("torch.arange(4).view(2, 2)").aliases == ()


def test_a_name_can_be_bound_again_and_keeps_its_place() -> None:
    history = run("x = torch.zeros(2); y = torch.ones(3); x = y[1:]")
    assert [(name, info.shape) for name, info in history.aliases] == [("x", (2,)), ("y", (3,))]


def test_names_hold_host_values_too() -> None:
    assert steps("n, m = 3, 4; s = (n,) + (m,); x = torch.zeros(n * m).view(s)")[-1].tensor.shape == (3, 4)  # type: ignore[union-attr]
    assert steps("n = 3; n += 1; torch.zeros(n)")[-1].tensor.shape == (4,)  # type: ignore[union-attr]


def test_a_tuple_of_tensors_is_unpacked_into_names() -> None:
    step = steps("a, b = torch.arange(12).split(6)")[-1]
    assert step.tensor is None
    assert [(info.name, info.storage_offset) for info in step.tensors] == [("a", 0), ("b", 6)]


def test_picking_one_of_several_is_a_same_step() -> None:
    history = run("torch.arange(12).split(6)[1].view(2, 3)")
    assert [(step.source, step.op, step.effect) for step in history.steps][1:] == [
        (".split(6)", "split", "view"),
        ("[1]", "getitem", "same"),
        (".view(2, 3)", "view", "view"),
    ]
    assert history.steps[2].tensor is not None
    assert history.steps[2].tensor.storage_offset == 6


def test_tensors_in_a_tuple_are_known_by_their_place_in_it() -> None:
    history = run("p = torch.arange(4).split(2); p[1].fill_(7)")
    assert [name for name, _ in history.aliases] == ["p[0]", "p[1]"]
    assert history.steps[-1].write is not None
    assert history.steps[-1].write.seen_by == ("p[1]",)


def test_two_names_swap() -> None:
    tensors = run("a, b = torch.zeros(1), torch.zeros(2); a, b = b, a").tensors
    assert (tensors["a"].shape, tensors["b"].shape) == ((2,), (1,))


# ------------------------------------------------------------------------------------------------ writes


def test_writes_are_told_as_written_with_who_sees_them() -> None:
    history = run("x = torch.arange(12); a = x.view(3, 4); b = x[::2]; c = x[1::2]; a[1] = 0; b.add_(1); c += 5")
    told = [(step.source, step.op, step.effect, step.write.seen_by) for step in history.steps if step.write]
    assert told == [
        ("a[1] = 0", "setitem", "write", ("x", "a", "b", "c")),
        ("b.add_(1)", "add_", "write", ("x", "a", "b")),
        ("c += 5", "add_", "write", ("x", "a", "c")),
    ]


def test_each_step_keeps_the_values_of_its_moment() -> None:
    made, *_, last = steps("x = torch.arange(4); x[1:3] = 9; x += 1")
    assert made.values is not None
    assert last.values is not None
    assert made.values([0, 1, 2, 3, 4]) == [0, 1, 2, 3, None]
    assert last.values([3, 2, 1, 0]) == [4, 10, 10, 1]


def test_an_augmented_item_is_an_index_and_a_write_through_it() -> None:
    assert told("x = torch.zeros(3); x[0] += 2")[1:] == [("x[0]", "getitem", "view"), ("x[0] += 2", "add_", "write")]


def test_an_augmented_item_that_copies_is_written_back() -> None:
    source = "x = torch.zeros(3); x[[0, 1]] += 2"
    assert [(op, effect) for _, op, effect in told(source)][1:] == [
        ("getitem", "copy"),
        ("add_", "write"),
        ("setitem", "write"),
    ]
    last = steps(source)[-1]
    assert last.values is not None
    assert last.values([0, 1, 2]) == [2, 2, 0]


# ------------------------------------------------------------------------- what people type around an op


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        ("x = torch.zeros(2, 3, 4); x.reshape(*x.shape[:2], -1)", (2, 3, 4)),
        ("x = torch.zeros(2, 3, 4); x.view(*x.shape[:1], -1)", (2, 12)),
        ("s = (2, 3); torch.zeros(*s)", (2, 3)),
        ("s = [2, 3]; torch.zeros([*s, 1])", (2, 3, 1)),
        ("s = (2, 3); torch.zeros((*s, 4, *s))", (2, 3, 4, 2, 3)),
        ("x = torch.zeros(2, 3); torch.cat([*x.unbind(), torch.ones(1)])", (7,)),
        ("a, *b = torch.arange(6).split(2); torch.stack(b)", (2, 2)),
        ("*a, b = torch.arange(6).split(2); torch.cat(a)", (4,)),
        ("a, *b, c = 1, 2; torch.zeros(a, c, *b)", (1, 2)),
        ("torch.cat([torch.zeros(2)] * 3)", (6,)),
        ("torch.zeros((2,) * 3)", (2, 2, 2)),
        ("torch.tensor(range(2, 8, 2))", (3,)),
        ("x = torch.zeros(4, 3); x[range(2)]", (2, 3)),
        ("x = torch.zeros(4, 3); torch.zeros(max(x.shape), min(1, 2), abs(-2), sum(x.shape))", (4, 1, 2, 7)),
        ("x = torch.tensor([3, 4]); torch.zeros(x[0].item(), *x.tolist(), int(x[1]))", (3, 3, 4, 4)),
        ("torch.manual_seed(0); torch.rand(3)", (3,)),
        ("np.random.seed(0); np.zeros(3)", (3,)),
        ("torch.zeros(2, layout=torch.strided)", (2,)),
        ("import torch.nn.functional as F\ntorch.zeros(2)", (2,)),
        (">>> x = torch.zeros(2)\n>>> x.shape\ntorch.Size([2])", (2,)),
        ("print(torch.zeros(2).view(2, 1))", (2, 1)),
        ("torch.cat([torch.zeros(2, 1)] * 2, axis=1)", (2, 2)),
        ("torch.squeeze(x=torch.zeros(2, 1), axis=1)", (2,)),
        ("torch.zeros(2, 1).squeeze(axis=-1)", (2,)),
    ],
)
def test_what_people_type_around_an_op_is_understood(source: str, shape: tuple[int, ...]) -> None:
    final = run(source).final
    assert final is not None and final.tensor is not None
    assert final.tensor.shape == shape


def test_a_device_is_a_value() -> None:
    assert steps("d = torch.device('cuda', 1); torch.zeros(2, device=d)")[-1].tensor.device == "cuda:1"  # type: ignore[union-attr]
    assert steps("torch.zeros(2, device=torch.device('meta'))")[-1].tensor.device == "meta"  # type: ignore[union-attr]
    refused = run("torch.device('toaster')").refused
    assert refused is not None and refused.reason is not None
    assert "toaster" in refused.reason.message


def test_the_rest_behind_a_star_is_named_by_its_place() -> None:
    history = run("a, *b = torch.arange(6).split(2)")
    assert [info.name for info in history.steps[-1].tensors] == ["a", "b[0]", "b[1]"]
    assert [name for name, _ in history.aliases] == ["a", "b[0]", "b[1]"]


@pytest.mark.parametrize(
    ("source", "answers"),
    [
        ("x = torch.arange(12).view(3, 4).t(); x.stride()", [("x.stride()", (1, 4))]),
        ("x = torch.arange(3); len(x)", [("len(x)", 3)]),
        ("x = torch.arange(3); x.shape; x.t(); x.is_contiguous()", [("x.shape", (3,)), ("x.is_contiguous()", True)]),
        ("torch.arange(12)[3:].storage_offset()", [("torch.arange(12)[3:].storage_offset()", 3)]),
        ("x = torch.arange(3); print(x.shape, x, x.numel())", [("x.shape", (3,)), ("x.numel()", 3)]),
        ("x = torch.arange(2); print(x.tolist())", [("x.tolist()", [0, 1])]),
        ("x = torch.arange(2); print('stride', x.stride())", [("x.stride()", (1,))]),
        ("x = torch.full((), 2.5); float(x)", [("float(x)", 2.5)]),
        ("x = torch.arange(3); n = 2; n + 1; x.t()", [("n + 1", 3)]),
        ("torch.manual_seed(0); torch.zeros(2)", []),
    ],
)
def test_what_a_program_asks_about_a_tensor_is_answered(source: str, answers: list[tuple[str, Any]]) -> None:
    history = run(source)
    assert list(history.answers) == answers
    assert history.final is not None
    assert [(answer["source"], answer["value"]) for answer in history.to_dict().get("answers", [])] == [
        (asked, list(value) if isinstance(value, tuple) else value) for asked, value in answers
    ]


def test_a_question_about_a_given_tensor_shows_it() -> None:
    _, names = adopted()
    history = interpret("stride()", AlgebraEngine(), names, chain_of="x")
    assert [(step.source, step.effect) for step in history.steps] == [("x", "same")]
    assert history.answers == ((".stride()", (4, 1)),)


def test_a_document_without_questions_has_no_answers() -> None:
    assert "answers" not in run("torch.zeros(2)").to_dict()
    (answer,) = run("x = torch.zeros(2); x.dtype").to_dict()["answers"]
    assert answer == {"source": "x.dtype", "value": "float32"}


def test_a_name_that_ends_the_program_is_what_it_is_about() -> None:
    assert told("x = torch.arange(4); y = x.view(2, 2); x")[-1] == ("x", "name", "same")
    assert told("x = torch.arange(4); y = x.view(2, 2); print(x)")[-1] == ("x", "name", "same")
    final = run("x = torch.arange(4); y = x.view(2, 2); x").final
    assert final is not None and final.tensor is not None
    assert (final.tensor.name, final.tensor.shape) == ("x", (4,))


@pytest.mark.parametrize("source", ["x = torch.arange(4); x", "x = torch.arange(4); x.add_(1); x", "torch.arange(4)"])
def test_a_name_at_the_end_is_no_step_where_the_last_step_is_its_own(source: str) -> None:
    assert "name" not in [op for _, op, _ in told(source)]


@pytest.mark.parametrize("source", ["float()", "abs()", "int()"])
def test_a_chain_may_go_on_with_a_method_that_has_the_name_of_a_function(source: str) -> None:
    engine, names = adopted()
    assert [step.source for step in interpret(source, engine, names, chain_of="x").steps] == [f".{source}"]


def test_a_heading_joins_a_chain_in_brackets() -> None:
    assert run("(torch.arange(12)\n .view(3, 4))").source == "torch.arange(12).view(3, 4)"


# ------------------------------------------------------------------------- starting from live values


def adopted(layout: str = "(3, 4)") -> tuple[AlgebraEngine, dict[str, Any]]:
    engine = AlgebraEngine()
    made = run(f"torch.zeros{layout}").final
    assert made is not None
    assert made.tensor is not None
    return engine, {"x": engine.adopt(made.tensor)}


@pytest.mark.parametrize("source", ["t()[1:]", ".t()[1:]", "x.t()[1:]", "x = x.t()\nx[1:]"])
def test_a_chain_goes_on_from_a_name(source: str) -> None:
    engine, names = adopted()
    final = interpret(source, engine, names, chain_of="x").final
    assert final is not None
    assert final.tensor is not None
    assert (final.tensor.shape, final.tensor.stride) == ((3, 3), (1, 4))


def test_a_leading_dot_or_bracket_goes_on_from_x_where_there_is_one() -> None:
    engine, names = adopted()
    assert [step.source for step in interpret("[1:].t()", engine, names).steps] == ["[1:]", ".t()"]
    assert "nothing stands before this '.'" in error_of(".t()").message


def test_a_name_alone_shows_the_tensor_that_was_given() -> None:
    engine, names = adopted()
    (step,) = interpret("x", engine, names).steps
    assert (step.source, step.op, step.effect) == ("x", "name", "same")
    assert step.tensor is not None
    assert step.tensor.name == "x"


def test_run_takes_infos_and_live_arrays_as_names() -> None:
    import numpy as np

    info: TensorInfo = steps("torch.zeros(3, 4)")[0].tensor  # type: ignore[assignment]
    assert run(".t()", names={"x": info}).steps[-1].effect == "view"
    assert run("t()", names={"value": info}, chain_of="value").steps[-1].tensor.stride == (1, 4)  # type: ignore[union-attr]
    array = np.zeros((3, 4))
    assert run("x[::2]", names={"x": array}).steps[-1].tensor.stride == (8, 1)  # type: ignore[union-attr]


def test_the_algebra_shows_the_values_of_live_tensors_and_leaves_them_alone() -> None:
    import torch

    x = torch.arange(6) * 10
    viewed, written = run("y = x.view(2, 3); y += 1", names={"x": x}).steps
    assert viewed.values is not None
    assert written.values is not None
    assert (viewed.values([1, 5, 6]), written.values([1, 5, 6])) == ([10, 50, None], [11, 51, None])
    assert x.tolist() == [0, 10, 20, 30, 40, 50]


def test_a_device_needs_the_torch_engine() -> None:
    with pytest.raises(TargetError, match="needs real torch"):
        run("torch.zeros(1)", device="cuda")
    with pytest.raises(InputError, match="'algebra' or 'torch'"):
        run("torch.zeros(1)", engine="jax")  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------- errors

WORDS = [
    ("torch.arange(4).tranpose(0, 1)", "tranpose", "unknown method 'tranpose' of a tensor; did you mean 'transpose'"),
    ("torch.zerso(3)", "zerso", "unknown function 'torch.zerso'; did you mean 'torch.zeros'"),
    ("torch.nn.Linear(1, 1)", "Linear", "unknown function 'torch.nn.Linear'"),
    ("torch.softmax(torch.zeros(3), 0)", "softmax", "torch.softmax computes values; stridescope follows ops that"),
    ("torch.zeros(3).cumsum(0)", "cumsum", ".cumsum computes values"),
    ("foo.t()", "foo", "unknown name 'foo'; a program starts from torch, np or a name it bound itself"),
    ("value = torch.zeros(1); valeu.t()", "valeu", "(value); did you mean 'value'?"),
    ("print(1)", "print(1)", "print(1) is no tensor"),
    ("eval(1)", "eval", "unknown name 'eval'"),
    ("__import__('os')", "__import__", "private"),
    ("torch", "torch", "alone is the library"),
    ("torch()", "torch", "alone is the library"),
    ("torch.zeros", "torch.zeros", "torch.zeros is a function; call it"),
    ("torch.zeros(2, 2).t", "t", ".t is a method; call it"),
    ("torch.zeros(2, 2).T()", "T", ".T is an attribute; write it without ()"),
    ("torch.zeros(2)(1)", "torch.zeros(2)(1)", "a tensor cannot be called"),
    ("x = 3; x.t()", "t", "3 is no tensor, so it has no .t"),
    ("torch.zeros(2, 'a')", "'a'", "zeros(): size must be ints, got 'a'"),
    ("torch.zeros(2).flatten(dims=1)", "dims=1", "unknown keyword 'dims' for flatten(start_dim, end_dim)"),
    ("torch.zeros(2).transpose(0)", "torch.zeros(2).transpose(0)", "takes 2 arguments, got 1"),
    ("1 + 1", "1 + 1", "1 + 1 is 2, and the program makes no tensor"),
    ("3", "3", "3 is no tensor; start from an op that gives one"),
    ("torch.arange(3); 3", "3", "3 is no tensor"),
    ("torch.manual_seed(0)", "torch.manual_seed(0)", "the program makes no tensor"),
    ("x = 3", "x = 3", "the program makes no tensor"),
    ("...", "...", "... is no tensor"),
    ("a, b = torch.arange(6).split(2)", "a, b", "3 values cannot be unpacked into 2 names"),
    ("a, b = torch.zeros(2)", "torch.zeros(2)", "write .unbind()"),
    ("a, b = 3", "a, b", "3 cannot be unpacked into 2 names"),
    ("x = (1, 2); x[0] = 3", "x", "(1, 2) cannot be written to"),
    ("x = torch.zeros(2); x @ x", "x @ x", "@ on a tensor computes values"),
    ("not torch.zeros(2)", "not torch.zeros(2)", "write ~"),
    ("float(torch.rand(()))", "float(torch.rand(()))", "not determined by the program"),
    ("torch.empty(2).tolist()", "torch.empty(2).tolist()", "not determined by the program"),
    ("max(torch.zeros(2))", "max(torch.zeros(2))", "asks for its values"),
    ("torch.zeros(*torch.zeros(2))", "*torch.zeros(2)", "write .unbind()"),
    ("torch.zeros(*3)", "*3", "a star unpacks a tuple or a list, such as x.shape, got 3"),
    ("a, b, *c = (1,)", "a, b, *c", "1 values cannot be unpacked into 3 names"),
    ("torch.zeros(*(2, 'a'))", "*(2, 'a')", "size must be ints, got 'a'"),
    ("[torch.ones(1)] - 2", "[torch.ones(1)] - 2", "got a list of tensors and 2"),
    ("[np.ones(1)] - 2", "[np.ones(1)] - 2", "got a list of arrays and 2"),
    ("torch.ones(1) + [1]", "torch.ones(1) + [1]", "+ between a tensor and a list is not followed"),
    ("(1, 2) - torch.ones(2)", "(1, 2) - torch.ones(2)", "- between a tuple and a tensor"),
    ("x = torch.ones(1); x *= 'a'", "x *= 'a'", "*= between a tensor and a string"),
    ("torch.zeros(2, out=3)", "out=3", "out= is not followed"),
    ("torch.zeros(2, layout=3)", "layout=3", "torch.strided alone"),
    ("arange(3)", "arange", "did you mean torch.arange?"),
    ("array([1])", "array", "did you mean np.array?"),
    ("unsqueeze(0)", "unsqueeze", "did you mean torch.unsqueeze?"),
    ("view(3, 4)", "view", "it is a method, and stands after a tensor: x.view(...)"),
    ("import torch.nn.functional as F; F.softmax(1)", "softmax", "torch.nn.functional.softmax computes values"),
    ("F", "F", "unknown name 'F'"),
    ("len(torch.zeros(()))", "len(torch.zeros(()))", "0-dim"),
    ("torch.zeros((1, 2)[2])", "(1, 2)[2]", "index 2 is out of range for 2 values"),
    ("(1, 2)['a']", "(1, 2)['a']", "is indexed by an int or a slice"),
    ("torch.zeros(1 // 0)", "1 // 0", "divides by zero"),
    ("torch.zeros(2 - 'a')", "2 - 'a'", "- takes numbers or tensors"),
]


@pytest.mark.parametrize(("source", "where", "said"), WORDS)
def test_what_is_not_understood_is_told_at_its_place(source: str, where: str, said: str) -> None:
    error = error_of(source)
    assert said in error.message
    assert at(error) == where


def test_an_error_carries_what_was_valid_before_it() -> None:
    error = error_of("x = torch.arange(12).view(3, 4); x.tranpose(0, 1)")
    assert isinstance(error.history, History)
    assert [step.op for step in error.history.steps] == ["arange", "view"]
    assert [name for name, _ in error.history.aliases] == ["x"]
    assert error_of("x = lambda: 0").history is None


def test_an_op_that_needs_unknown_values_says_so_at_its_place() -> None:
    error = error_of("x = torch.arange(4); x[torch.rand(4) > 0.5]")
    assert "--torch" in error.message
    assert at(error) == "x[torch.rand(4) > 0.5]"


def test_it_runs_without_torch_or_numpy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from stridescope.program import run; "
        "run('x = torch.arange(12).view(3, 4); x[1] = 0; x.t().reshape(12)'); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'rich', 'textual')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
