"""Each parameter of a torch row can be written as torch lets it be written: by place, and by its keyword."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

import pytest
import torch

from stridescope.program import run
from stridescope.program.ops import Op
from stridescope.program.signature import REQUIRED, Parameter, parameters
from stridescope.program.tables import OPS

ROWS = [
    (op, signature)
    for op in OPS.values()
    if op.owner in ("tensor", "torch") and not op.attribute and not op.name.startswith("__")
    for signature in op.signatures
]

OTHERWISE: dict[tuple[str, str], str] = {
    ("tensor", "new_tensor"): "torch has no pin_memory= there",
    ("tensor", "to"): "torch takes the other tensor by position alone",
    ("tensor", "uniform_"): "from= is a word of Python's, so nobody can write it",
    ("torch", "nn.functional.one_hot"): "torch's keyword is input=",
    ("torch", "range"): "torch has no pin_memory= there",
    ("torch", "where"): "torch's keyword is self= where it is a number",
    ("torch", "atleast_1d"): "torch takes the tensor by position alone",
    ("torch", "atleast_2d"): "torch takes the tensor by position alone",
    ("torch", "atleast_3d"): "torch takes the tensor by position alone",
}
"""Rows whose names are not all torch's; one that follows torch is taken off the list."""

UNSAMPLED = 0.1
"""Of all overloads, those for which no valid arguments are found; with many, the test would say nothing."""


def values_for(parameter: Parameter) -> list[Any]:
    matrix = torch.arange(4.0).view(2, 2)
    pools: dict[str, list[Any]] = {
        "any": [[1, 2], matrix, 0],
        "bool": [False],
        "device": ["cpu"],
        "dtype": [torch.float32],
        "format": [torch.contiguous_format],
        "int": [0, 1, 2],
        "number": [1, 2],
        "shape": [(2, 2), (0, 1), (4,), (1,)],
        "str": ["trunc", "ij", "mean", "float"],
        "tensor": [matrix, torch.tensor([0, 1]), matrix.long(), matrix > 1, matrix.to(torch.complex64)],
        "tensors": [[matrix, matrix], [torch.arange(2), torch.arange(2)]],
    }
    pool = pools[parameter.kind]
    return [pool[:1], pool[:2]] if parameter.several or parameter.star else pool


RECEIVERS = [
    torch.arange(4.0).view(2, 2),
    torch.ones(2, 2, 2, dtype=torch.complex64),
    torch.zeros(2, 2, dtype=torch.int64),
    torch.zeros(2, 2) > 1,
    torch.zeros(1),
    torch.zeros(1, 2, 2, 2),
]


class Row:
    """One overload, and arguments it is known to take."""

    def __init__(self, op: Op, signature: str) -> None:
        self.op = op
        self.all = parameters(signature)
        self.required = [parameter for parameter in self.all if parameter.default is REQUIRED]
        self.function = operator.attrgetter(op.name)(torch if op.owner == "torch" else torch.Tensor)
        self.receiver: torch.Tensor | None = None
        self.given: tuple[Any, ...] | None = None
        for receiver in RECEIVERS if op.owner == "tensor" else [None]:
            self.receiver = receiver
            for given in islice(product(*map(values_for, self.required)), 400):
                if self.call(*self.spelt(given, len(given))) is None:
                    self.given = given
                    return

    def spelt(self, given: tuple[Any, ...], by_place: int) -> tuple[list[Any], dict[str, Any]]:
        """The required arguments, the first `by_place` of them by place where they may be."""
        places, words = [], {}
        for k, (parameter, value) in enumerate(zip(self.required, given, strict=True)):
            if k < by_place and not parameter.keyword_only:
                places.append(value)
            else:
                words[parameter.name] = value
        return places, words

    def call(self, places: list[Any], words: dict[str, Any]) -> Exception | None:
        receiver = [] if self.receiver is None else [self.receiver.clone()]
        try:
            self.function(*receiver, *places, **words)
        except Exception as error:  # noqa: BLE001 - whatever torch raises is the answer
            return error
        return None

    def spellings(self) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
        """Each parameter, spelt as its row allows."""
        assert self.given is not None
        for k, parameter in enumerate(self.required):
            yield f"{parameter.name}=", *self.spelt(self.given, k)
        places, words = self.spelt(self.given, len(self.given))
        for parameter in self.all:
            if parameter.default is not REQUIRED:
                for value in values_for(parameter):
                    yield f"{parameter.name}=", places, {**words, parameter.name: value}
                    if not parameter.keyword_only:
                        yield f"{parameter.name} by place", self.up_to(parameter, value), {}

    def up_to(self, last: Parameter, value: Any) -> list[Any]:
        assert self.given is not None
        required = iter(self.given)
        places = []
        for parameter in self.all:
            places.append(
                next(required) if parameter.default is REQUIRED else value if parameter is last else parameter.default
            )
            if parameter is last:
                break
        return places


@pytest.mark.filterwarnings("ignore")
def test_every_parameter_of_a_row_is_spelt_as_torch_spells_it() -> None:
    wrong: dict[tuple[str, str], set[str]] = {}
    unsampled = 0
    for op, signature in ROWS:
        row = Row(op, signature)
        if row.given is None:
            unsampled += 1
            continue
        said: dict[str, bool] = {}
        for spelling, places, words in row.spellings():
            # A value may be a bad one; a spelling is bad where torch takes it with no value at all.
            said[spelling] = said.get(spelling, False) or not isinstance(row.call(places, words), TypeError)
        refused = {spelling for spelling, taken in said.items() if not taken}
        if refused:
            wrong.setdefault((op.owner, op.name), set()).update(refused)
    assert {key: spelt for key, spelt in wrong.items() if key not in OTHERWISE} == {}
    assert unsampled <= UNSAMPLED * len(ROWS)
    assert len(ROWS) > 300


@pytest.mark.parametrize(
    "source",
    [
        "torch.cat([torch.zeros(2, 1)] * 2, axis=1)",
        "torch.stack(tensors=[torch.zeros(2)] * 2, axis=-1)",
        "torch.unsqueeze(x=torch.zeros(2), axis=0)",
        "torch.squeeze(a=torch.zeros(2, 1), axis=1)",
        "torch.zeros(2, 3).unbind(axis=1)",
        "torch.zeros(2, layout=torch.strided)",
        "torch.zeros_like(torch.zeros(2), layout=torch.strided)",
        "torch.zeros(2).new_zeros(3, layout=torch.strided)",
        "torch.as_tensor([1, 2], dtype=torch.float32)",
        "torch.zeros(2, device=torch.device('cpu'))",
        "x = torch.tensor([3, 4]); torch.zeros(x[0].item(), *x.tolist())",
        "x = torch.zeros(2, 3); x.reshape(*x.shape[:1], -1)",
        "torch.manual_seed(0); torch.zeros(2)",
    ],
)
def test_what_torch_takes_from_numpys_users_runs_on_both_engines(source: str) -> None:
    ours, theirs = run(source).final, run(source, engine="torch").final
    assert ours is not None and ours.tensor is not None
    assert theirs is not None and theirs.tensor is not None
    assert (ours.tensor.shape, ours.tensor.stride, ours.tensor.dtype) == (
        theirs.tensor.shape,
        theirs.tensor.stride,
        theirs.tensor.dtype,
    )


@pytest.mark.parametrize("source", ["x.split(1, axis=0)", "x.unflatten(axis=0, sizes=(1, 2))", "torch.atleast_2d(a=x)"])
def test_what_torch_wrote_in_python_takes_its_own_words_alone(source: str) -> None:
    x = torch.zeros(2, 3)
    with pytest.raises(TypeError):
        eval(source, {"torch": torch, "x": x})
    with pytest.raises(ValueError, match="unknown keyword"):
        run(f"x = torch.zeros(2, 3); {source}")


def test_real_torch_is_seeded_and_asked_for_values() -> None:
    source = "torch.manual_seed(7); x = torch.rand(3); x.tolist(); x[0].item()"
    torch.manual_seed(7)
    expected = torch.rand(3).tolist()
    history = run(source, engine="torch")
    assert history.answers == (("x.tolist()", expected), ("x[0].item()", expected[0]))


def test_real_torch_lists_no_large_tensor() -> None:
    with pytest.raises(ValueError, match="more than 10,000 values"):
        run("torch.zeros(20000).tolist()", engine="torch")
