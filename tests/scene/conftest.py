"""Fixtures: each program of the Stage by name."""

from __future__ import annotations

import pytest
from stage_cases import PROGRAMS, history

from stridescope.records import History
from stridescope.scene.stage import Scene


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> History:
    """Each program's history."""
    return history(request.param)


@pytest.fixture
def scene(program: History) -> Scene:
    """Each program's scene, new."""
    return Scene(program)
