"""What the text comes to and what could come next, each found out once.

Problem: the picture, the marks in the text, the line below it and the list of completions all ask the same two
questions, some of them many times for one keystroke. Method: the last answer is kept with what it is about. Cost: one
run of `program.typed` for each text, one of `program.completion` for each place of the cursor that is asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from stridescope.program.completion import Completions
    from stridescope.program.typed import Typed

__all__ = ["Complete", "Reading", "Session"]


class Session(Protocol):
    """Whatever reads a text: `program.typed.Session`."""

    def typed(self, text: str) -> Typed:
        """What the text comes to; never raises."""


Complete = Callable[[str, int, int, "Typed"], "Completions"]
"""Makes completions of a text, at a line and a column from 0: `program.completion.complete`."""


class Reading:
    """The last text read, and the last completions made.

    Args:
        session: reads texts; one without names of its own when None.
        complete: makes completions; `program.completion.complete` when None.
    """

    def __init__(self, session: Session | None = None, complete: Complete | None = None) -> None:
        self._session = session
        self._complete = complete
        self._typed: tuple[str, Typed] | None = None
        self._completions: tuple[str, tuple[int, int], Completions] | None = None

    @property
    def is_begun(self) -> bool:
        """Whether anything was read yet."""
        return self._typed is not None

    def knows(self, text: str) -> bool:
        """Whether a text is the one read last."""
        return self._typed is not None and self._typed[0] == text

    def typed(self, text: str) -> Typed:
        """What a text comes to."""
        if self._typed is None or self._typed[0] != text:
            if self._session is None:
                # The engine is not needed before something is typed.
                from stridescope.program.typed import Session as Reader

                self._session = Reader()
            self._typed = (text, self._session.typed(text))
        return self._typed[1]

    def completions(self, text: str, cursor: tuple[int, int]) -> Completions:
        """What could come next at a cursor, line and column from 0."""
        found = self.made(text, cursor)
        if found is None:
            if self._complete is None:
                from stridescope.program.completion import complete

                self._complete = complete
            found = self._complete(text, *cursor, self.typed(text))
            self._completions = (text, cursor, found)
        return found

    def made(self, text: str, cursor: tuple[int, int]) -> Completions | None:
        """The completions at a cursor if they were made last."""
        if self._completions is None or self._completions[:2] != (text, cursor):
            return None
        return self._completions[2]

    def left(self, text: str, cursor: tuple[int, int]) -> bool:
        """Whether the cursor went away, in the same text, from where completions were made last."""
        return self._completions is not None and self._completions[0] == text and self._completions[1] != cursor
