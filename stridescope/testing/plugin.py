"""The pytest plugin: the assertions of `stridescope.testing` as fixtures, and a trace over a test.

Problem: a test wants these without an import. Method: fixtures that hand over the functions. Cost: nothing for a test
that asks for none: neither torch nor the rest of the package is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

__all__ = ["assert_layout", "assert_no_copy", "assert_same_storage", "assert_view_of", "traced"]


def _handed_over(name: str) -> Any:
    def hand_over() -> Callable[..., Any]:
        from stridescope import testing

        function: Callable[..., Any] = getattr(testing, name)
        return function

    hand_over.__doc__ = f"`stridescope.testing.{name}`."
    return pytest.fixture(hand_over, name=name)


assert_layout = _handed_over("assert_layout")
assert_no_copy = _handed_over("assert_no_copy")
assert_same_storage = _handed_over("assert_same_storage")
assert_view_of = _handed_over("assert_view_of")


@pytest.fixture
def traced() -> Iterator[Any]:
    """The `Trace` of all that the test runs."""
    from stridescope.trace.tracing import trace

    with trace() as found:
        yield found
