"""Arguments are bound as the signature strings say, and what does not fit is told by name."""

from __future__ import annotations

from typing import Any

import pytest

from stridescope.layout.dtypes import DTYPES
from stridescope.program.ops import Op, Owner
from stridescope.program.signature import REQUIRED, Mismatch, Spread, bind, describe, parameters, shown
from stridescope.program.tables import OPS


class Tensor:
    """Stands for an engine's tensor."""

    def __index__(self) -> int:
        raise AssertionError("a tensor is never asked for its value")


TENSOR = Tensor()


def row(*signatures: str, name: str = "op", owner: Owner = "tensor", attribute: bool = False) -> Op:
    return Op(name, owner, "view", signatures, tuple(print for _ in signatures), attribute)


def bound(op: Op, *args: Any, **kwargs: Any) -> tuple[int, tuple[Any, ...]]:
    return bind(op, args, kwargs, lambda value: isinstance(value, Tensor))


def mismatch(op: Op, *args: Any, **kwargs: Any) -> Mismatch:
    with pytest.raises(Mismatch) as caught:
        bound(op, *args, **kwargs)
    return caught.value


# ------------------------------------------------------------------------------------------ the language


def test_every_signature_of_the_tables_is_in_the_language_and_has_its_function() -> None:
    for op in OPS.values():
        assert len(op.signatures) == len(op.run) > 0, op.name
        for signature in op.signatures:
            parameters(signature)


def test_a_signature_is_read_into_parameters() -> None:
    (size, dtype) = parameters("(*int size, *, dtype? dtype=None)")
    assert (size.name, size.kind, size.star, size.keyword_only, size.default) == ("size", "int", True, False, REQUIRED)
    assert (dtype.name, dtype.kind, dtype.optional, dtype.keyword_only, dtype.default) == (
        "dtype",
        "dtype",
        True,
        True,
        None,
    )


def test_a_default_may_hold_commas_of_its_own() -> None:
    assert [p.default for p in parameters("(shape dims=(0, 1), int k=-1, str s='a')")] == [(0, 1), -1, "a"]


@pytest.mark.parametrize("signature", ["int x", "(int)", "(integer x)", "(int x", "(int x=foo)"])
def test_a_defect_in_a_table_is_told_at_once(signature: str) -> None:
    with pytest.raises(ValueError, match=r"signature|malformed|node"):
        parameters(signature)


def test_an_op_is_described_as_it_is_written() -> None:
    assert describe(row("(int dim0, int dim1)", name="transpose")) == "transpose(int dim0, int dim1)"
    assert describe(row("()", name="T", attribute=True)) == "T"
    both = describe(row("(*int size)", "(dtype dtype)", name="view"))
    assert both == "view(*int size) or view(dtype dtype)"
    assert describe(row("(tensor other, *, number alpha=1)", name="add")) == "add(tensor other, *, number alpha=1)"


# ------------------------------------------------------------------------------------------------ binding


def test_star_parameters_take_varargs_a_tuple_or_a_list_and_remember_which() -> None:
    op = row("(*int size)")
    assert bound(op, 2, 3) == bound(op, (2, 3)) == bound(op, [2, 3]) == (0, ((2, 3),))
    assert isinstance(bound(op, 2, 3)[1][0], Spread)
    assert not isinstance(bound(op, (2, 3))[1][0], Spread)
    assert bound(op, size=(2, 3)) == bound(op, 2, 3)
    assert bound(op, ()) == (0, ((),))


def test_overloads_are_tried_in_order() -> None:
    op = row("()", "(dtype dtype)", "(*int size)", "(tensor other)")
    assert bound(op) == (0, ())
    assert bound(op, DTYPES["int8"]) == (1, (DTYPES["int8"],))
    assert bound(op, 3) == (2, ((3,),))
    assert bound(op, TENSOR) == (3, (TENSOR,))


def test_defaults_fill_what_is_not_given() -> None:
    op = row("(int start_dim=0, int end_dim=-1)")
    assert bound(op) == (0, (0, -1))
    assert bound(op, 1) == (0, (1, -1))
    assert bound(op, end_dim=1) == (0, (0, 1))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", [0, -1, 2**63 - 1, -(2**63)], [True, 1.0, "1", None, TENSOR, 2**63, (1,)]),
        ("bool", [True, False], [0, 1, None, "True"]),
        ("number", [0, 1.5, 2j, True], ["1", None, TENSOR, (1,)]),
        ("str", ["", "a"], [1, None, b"a"]),
        ("dtype", [DTYPES["float32"]], ["float32", 1, None, str]),
        ("device", ["cpu", "cuda:0"], [True, None, 1.5]),
        ("format", ["channels_last", "contiguous_format"], ["channels", 1, None]),
        ("shape", [(), (1, 2)], ["ab", (1, "a"), (True,), TENSOR, (2**63,)]),
        ("tensor", [TENSOR], [1, (TENSOR,), None]),
        ("tensors", [(TENSOR, TENSOR), ()], [TENSOR, (TENSOR, 1), None]),
        ("int[]", [(1, 2), ()], [1, (1.5,), (True,), TENSOR]),
        ("int?", [1, None], [True, "1"]),
        ("any", [None, "a", TENSOR, (1,)], []),
    ],
)
def test_each_kind_takes_its_values_and_no_others(kind: str, good: list[Any], bad: list[Any]) -> None:
    op = row(f"({kind} value)")
    for value in good:
        assert bound(op, value) == (0, (value,))
    for value in bad:
        assert "value" in mismatch(op, value).message


def test_lists_come_out_as_tuples_and_a_device_number_as_cuda() -> None:
    assert bound(row("(shape size)"), [2, 3])[1] == ((2, 3),)
    assert bound(row("(shape size)"), 3)[1] == ((3,),)
    assert bound(row("(tensors all)"), [TENSOR])[1] == ((TENSOR,),)
    assert bound(row("(device device)"), 1)[1] == ("cuda:1",)


def test_numbers_of_other_libraries_are_ints_if_they_say_so() -> None:
    import numpy as np

    op = row("(int value)")
    assert bound(op, np.int32(3)) == (0, (3,))
    assert type(bound(op, np.int32(3))[1][0]) is int
    assert bound(row("(number value)"), np.float32(1.5))[1] == (1.5,)
    mismatch(op, np.float32(1.5))


def test_numpy_rows_take_dtypes_as_text_and_python_types_are_dtypes_everywhere() -> None:
    numpy = row("(dtype dtype)", owner="np")
    for text, name in [("float32", "float32"), ("<i4", "int32"), ("f8", "float64"), ("u1", "uint8"), ("int", "int64")]:
        assert bound(numpy, text)[1] == (DTYPES[name],)
    assert bound(numpy, "b1")[1] == (DTYPES["bool"],)
    for text in (">i4", "float3", "i3", "bfloat16", ""):
        mismatch(numpy, text)
    assert bound(row("(dtype dtype)"), float)[1] == (DTYPES["float64"],)


# ----------------------------------------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    ("signatures", "args", "kwargs", "message", "where"),
    [
        (["(int dim0, int dim1)"], (0,), {}, "op(int dim0, int dim1) takes 2 arguments, got 1", None),
        (["(int dim0, int dim1)"], (0, 1, 2), {}, "op(int dim0, int dim1) takes 2 arguments, got 3", 2),
        (["()"], (1,), {}, "op() takes no arguments, got 1", 0),
        (["(int a, int b=0)"], (), {}, "op(int a, int b=0) takes 1 to 2 arguments, got 0", None),
        (["(*int size)"], (), {}, "op(*int size) takes at least 1 argument, got 0", None),
        (["(*int size)"], (2, "a"), {}, "op(): size must be ints, got 'a'", 1),
        (["(*int size)"], ((2, "a"),), {}, "op(): size must be ints, got 'a'", 0),
        (["(int dim)"], (1.5,), {}, "op(): dim must be an int of at most 64 bits, got 1.5", 0),
        (["(int dim)"], (), {"dim": TENSOR}, "op(): dim must be an int of at most 64 bits, got a tensor", "dim"),
        (["(int[] dims)"], (1,), {}, "op(): dims must be a list of ints, got 1", 0),
        (
            ["(tensors all)"],
            ([TENSOR, 1],),
            {},
            "op(): all must be a list of tensors, got a list of tensors and other values",
            0,
        ),
        (
            ["(int start_dim=0, int end_dim=-1)"],
            (),
            {"start": 1},
            "unknown keyword 'start' for op(start_dim, end_dim); did you mean 'start_dim'?",
            "start",
        ),
        (["(int a)"], (1,), {"a": 2}, "op() got a twice", "a"),
        (
            ["(int dim)", "(dtype dtype)"],
            ("a",),
            {},
            "op is written op(int dim) or op(dtype dtype); got op('a')",
            0,
        ),
        (["()", "(int dim)"], ("a",), {}, "op(): dim must be an int of at most 64 bits, got 'a'", 0),
    ],
)
def test_the_sentence_names_the_argument_at_fault(
    signatures: list[str], args: tuple[Any, ...], kwargs: dict[str, Any], message: str, where: object
) -> None:
    failure = mismatch(row(*signatures), *args, **kwargs)
    assert failure.message == message
    assert failure.where == where


def test_what_goes_by_keyword_alone_is_not_counted_as_a_place() -> None:
    op = row("(tensor input, int high, *, dtype? dtype=None, bool pin_memory=False)")
    failure = mismatch(op, TENSOR, 1, 2)
    assert failure.message == "op(tensor input, int high) takes 2 arguments by position, got 3"
    assert mismatch(op, TENSOR, dtype=None).message == "op(tensor input, int high) needs high"


def test_torchs_rows_take_numpys_names_where_torchs_parser_does() -> None:
    op = row("(tensor input, int dim, bool keepdim=False)", owner="torch")
    assert bound(op, x=TENSOR, axis=1, keepdims=True) == bound(op, TENSOR, 1, True)
    assert bound(op, a=TENSOR, dim=1) == bound(op, x1=TENSOR, axis=1)
    assert "unknown keyword 'axis'" in mismatch(op, TENSOR, dim=1, axis=1).message
    assert (
        "unknown keyword 'axis'"
        in mismatch(row("(array input, int dim)".replace("array", "tensor"), owner="np"), TENSOR, axis=1).message
    )
    assert "unknown keyword 'axis'" in mismatch(row("(int size)", owner="torch"), axis=1).message


def test_a_layout_may_be_said_where_torch_creates_and_must_be_strided() -> None:
    op = Op("zeros", "torch", "create", ("(*int size)",), (print,))
    assert bound(op, 2, layout="strided") == bound(op, 2)
    assert "torch.strided alone" in mismatch(op, 2, layout="sparse").message
    assert "torch.strided alone" in mismatch(row("(*int size)", owner="torch"), 2, layout="strided").message


def test_numpys_rows_speak_of_arrays() -> None:
    op = row("(tensors arrays, tensor? out)", owner="np", name="f")
    assert mismatch(op, 3, TENSOR).message == "f(): arrays must be a list of arrays, got 3"
    assert mismatch(op, TENSOR, TENSOR).message == "f(): arrays must be a list of arrays, got an array"
    assert mismatch(op).message == "f(arrays arrays, array? out) takes 2 arguments, got 0"


def test_a_value_is_shown_short_and_on_one_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert shown(DTYPES["int8"]) == "int8"
    assert len(shown("x" * 1000)) == 40
    assert len(shown(list(range(1000)))) == 40
