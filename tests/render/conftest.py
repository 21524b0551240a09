"""Fixtures: a maker of tensors, and each case by name."""

from __future__ import annotations

import pytest
from render_cases import CASES, Factory

from stridescope.records import History, TensorInfo


@pytest.fixture
def make() -> Factory:
    return Factory()


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> tuple[str, History | TensorInfo]:
    """Each case by name, made anew."""
    return request.param, CASES[request.param](Factory())
