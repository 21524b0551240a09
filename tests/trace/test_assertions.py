"""The assertions for tests: what they accept, and what a failure says."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch

from stridescope.errors import UnreadableError
from stridescope.testing import assert_layout, assert_no_copy, assert_same_storage, assert_view_of

X = torch.arange(12.0).view(3, 4)


def test_views_copy_nothing() -> None:
    with assert_no_copy() as t:
        X.t()[1:].unsqueeze(0)
    assert len(t.steps) == 3


def test_a_copy_fails_with_its_line_and_reason() -> None:
    with pytest.raises(AssertionError, match="48 bytes were copied") as caught, assert_no_copy():
        X.t().reshape(12)
    assert "must merge dims 0 and 1" in str(caught.value)
    assert "X.t().reshape(12)" in str(caught.value)


def test_some_bytes_may_be_allowed() -> None:
    with assert_no_copy(at_most=48):
        X.clone()
    with pytest.raises(AssertionError, match="96 bytes were copied, 48 allowed"), assert_no_copy(at_most=48):
        torch.cat([X, X])


def test_the_block_s_own_error_is_raised() -> None:
    with pytest.raises(KeyError), assert_no_copy():
        {}[X.clone()]


def test_one_storage_is_told_from_two() -> None:
    assert_same_storage(X[:1], X[2:])
    with pytest.raises(AssertionError, match="two storages"):
        assert_same_storage(X, X.clone())


def test_memory_that_numpy_shares_is_one_storage() -> None:
    array = np.arange(3.0)
    assert_same_storage(torch.from_numpy(array), array)
    assert_view_of(torch.from_numpy(array)[1:], array)


def test_a_view_reaches_no_byte_that_is_not_there() -> None:
    assert_view_of(X.t()[1:], X)
    with pytest.raises(AssertionError, match="reaches 16 bytes there that the other does not"):
        assert_view_of(X[:2], X[1:])
    with pytest.raises(AssertionError, match="it was copied"):
        assert_view_of(X.t().contiguous(), X)


def test_a_layout_is_compared_field_by_field() -> None:
    assert_layout(X.t()[:, 1:], "(4,2):(1,4)+4")
    with pytest.raises(AssertionError) as caught:
        assert_layout(X.t(), "(3,4):(4,1)")
    assert str(caught.value).splitlines() == [
        "the layout is (4,3):(1,4), not (3,4):(4,1)",
        "  shape[0] is 4, not 3",
        "  shape[1] is 3, not 4",
        "  stride[0] is 1, not 4",
        "  stride[1] is 4, not 1",
    ]


def test_harmless_strides_are_said_to_be() -> None:
    with pytest.raises(AssertionError, match="every index reaches the same address"):
        assert_layout(torch.zeros(1, 3), "(1,3):(7,1)")


def test_what_has_no_layout_is_no_failure_but_an_error() -> None:
    with pytest.raises(UnreadableError):
        assert_layout(torch.eye(3).to_sparse(), "(3,3):(3,1)")


def test_the_plugin_hands_them_over_as_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import torch\n"
        "def test_passes(assert_layout, assert_view_of, assert_same_storage, assert_no_copy, traced):\n"
        "    x = torch.zeros(3, 4)\n"
        "    with assert_no_copy():\n"
        "        y = x.t()\n"
        "    assert_layout(y, '(4,3):(1,4)'); assert_view_of(y, x); assert_same_storage(x, y)\n"
        "    assert len(traced.steps) == 2\n"
        "def test_fails(assert_no_copy):\n"
        "    with assert_no_copy():\n"
        "        torch.zeros(3, 4).t().reshape(12)\n"
    )
    # Where the package is installed, pytest finds the plugin by itself.
    installed = [point for point in entry_points(group="pytest11") if point.name == "stridescope"]
    plugin = [] if installed else ["-p", "stridescope.testing.plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "must merge dims 0 and 1" in done.stdout
