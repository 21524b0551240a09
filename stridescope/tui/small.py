"""What is said where the terminal is too small to draw on.

Problem: below some size every picture is clipped boxes. Method: a screen over all others, as long as that is so, with
one sentence. Cost: one line of text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.screen import ModalScreen

from stridescope.tui.lines import Lines, line, looks_of, wrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size

    from stridescope.scene.frame import Row

__all__ = ["SmallScreen"]


class Sentence(Lines):
    """The size there is, and the size that is needed."""

    DEFAULT_CSS = "Sentence { height: 1fr; }"

    def __init__(self, least: tuple[int, int]) -> None:
        super().__init__()
        self._least = least

    def rows(self, size: Size) -> Sequence[Row]:
        """In the middle, in as many lines as it takes."""
        by = "x" if looks_of(self).ink.ascii else "×"
        (columns, height), (here, tall) = self._least, self.app.size
        text = f"stridescope needs {columns}{by}{height}, this terminal is {here}{by}{tall}"
        lines = wrapped(text, max(size.width - 2, 1))
        above: list[Row] = [()] * max((size.height - len(lines)) // 2, 0)
        middle = [line([(said, "plain")], size.width, x=max((size.width - len(said)) // 2, 0)) for said in lines]
        return [*above, *middle]


class SmallScreen(ModalScreen[None]):
    """The sentence; the app takes it away when there is room again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "Quit", show=False)]
    DEFAULT_CSS = "SmallScreen { background: $background; }"

    def __init__(self, least: tuple[int, int]) -> None:
        super().__init__()
        self._least = least

    def compose(self) -> ComposeResult:
        """One widget."""
        yield Sentence(self._least)
