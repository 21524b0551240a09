"""A call is written as people write Python: names and defaults, and nothing else."""

from __future__ import annotations

import inspect as python_inspect

import numpy as np
import pytest

from stridescope.program.kinds import KINDS
from stridescope.program.signature import parameters
from stridescope.program.tables import OPS
from stridescope.program.usage import usage


@pytest.mark.parametrize(
    ("owner", "name", "text"),
    [
        ("torch", "arange", "arange(start=0, end, step=1)"),
        ("tensor", "view", "view(*size)"),
        ("tensor", "transpose", "transpose(dim0, dim1)"),
        ("tensor", "squeeze", "squeeze(dim=None)"),
        ("tensor", "roll", "roll(shifts, dims=())"),
        ("tensor", "T", "T"),
        ("tensor", "t", "t()"),
        ("torch", "randint", "randint(low=0, high, size)"),
        ("torch", "nn.functional.pad", "pad(input, pad, mode='constant', value=None)"),
        ("np", "arange", "arange(start=0, stop, step=1, dtype=None)"),
    ],
)
def test_one_line_stands_for_all_overloads(owner: str, name: str, text: str) -> None:
    assert usage(OPS[owner, name]).text == text


def test_no_usage_names_a_kind_or_runs_long_and_every_place_is_that_of_its_parameter() -> None:
    for op in OPS.values():
        for overload in (None, *range(len(op.signatures))):
            found = usage(op, overload)
            for name, start, end in found.places:
                assert found.text[start:end].lstrip("*").partition("=")[0] == name, op.name
                assert found.place(name) == (start, end)
            assert not any(f"({kind} " in found.text or f" {kind} " in found.text for kind in KINDS), found.text
            if not op.name.startswith("__"):
                assert len(found.text) <= 76, found.text


def test_a_keyword_is_shown_to_who_writes_it() -> None:
    op = OPS["torch", "zeros"]
    assert usage(op).place("dtype") is None
    text = usage(op, keyword="dtype").text
    assert text == "zeros(*size, dtype=None)"


def test_an_overload_of_its_own_is_written_when_asked_for() -> None:
    view = OPS["tensor", "view"]
    number = next(k for k, each in enumerate(view.signatures) if parameters(each)[0].name == "dtype")
    assert usage(view, number).text == "view(dtype)"


_OTHERWISE = {"atleast_1d", "atleast_2d", "atleast_3d", "arange", "empty_like"}
"""Functions whose first parameter goes by place alone, under a name that differs between versions of numpy."""


def test_numpys_functions_have_the_names_that_numpy_gives_them() -> None:
    """Of the functions that Python can be asked about, the parameters shown are there, in that order."""
    checked = 0
    for (owner, name), op in OPS.items():
        function = getattr(np, name, None) if owner == "np" and "." not in name else None
        try:
            real = list(python_inspect.signature(function).parameters)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if name in _OTHERWISE:
            continue
        shown = [parameter for parameter, _, _ in usage(op).places]
        assert [parameter for parameter in real if parameter in shown] == shown, name
        checked += 1
    assert checked > 15
