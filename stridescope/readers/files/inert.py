"""What a pickle comes to: names, calls that were not made, keys that were not hashed.

Problem: where a pickle would import, construct or call, something must stand for what it would have got. Method: small
records without behaviour. Cost: one object each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Global", "Key", "Made", "Malformed", "Record"]


class Malformed(Exception):  # noqa: N818 - told within this package, never to a user
    """The arguments of a call that a table knows are not those it takes."""


class Global:
    """A dotted name, which a real unpickler would have imported.

    Attributes:
        name: module and qualified name.
        make: our function for calls of it; None for a name that no table knows.
    """

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[[tuple[Any, ...]], Any] | None = None) -> None:
        self.name = name
        self.make = make


class Made:
    """What a call or a construction would have given.

    Attributes:
        name: what would have been called.
        args: with what.
        state: what BUILD would have given it.
        items: what would have been added or set on it: a list of values, or a list of (key, value) for `keyed`.
    """

    __slots__ = ("args", "items", "keyed", "name", "state")

    def __init__(self, name: str, args: Any) -> None:
        self.name = name
        self.args = args
        self.state: Any = None
        self.items: list[Any] | None = None
        self.keyed = False


class Record:
    """Base of the values that tables make and that take a state (BUILD) of their own."""

    __slots__ = ()

    def build(self, state: Any) -> None:
        """What BUILD does."""


class Key:
    """A key that is not hashed by its value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
