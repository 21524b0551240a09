"""The line of steps under the picture: where the play stands, and a place to grab it.

Problem: it must show the position as exactly as a terminal can, say how it plays, and take clicks and drags. Method:
`scene.steps_line` has the arithmetic both ways; this widget draws its rows, with play state, speed and loop at the
right end, and turns the mouse into messages. Cost: two rows, redrawn when the position changes.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.message import Message

from stridescope.scene.frame import Piece, painted, piece
from stridescope.scene.steps_line import StepsLine, placed
from stridescope.tui.lines import Lines, looks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.geometry import Size

    from stridescope.scene.frame import Row
    from stridescope.scene.steps_line import Sign

__all__ = ["Standing", "TimelineBar"]

NARROW = 50
"""Below this many columns the state says only what is out of the ordinary."""


class Standing(NamedTuple):
    """What the bar shows.

    Attributes:
        words: how it plays, in words, most important first.
    """

    signs: tuple[Sign, ...] = ()
    position: float = 0.0
    words: tuple[str, ...] = ()


class TimelineBar(Lines):
    """The line of steps; a second line with the way between them where there is room for it."""

    DEFAULT_CSS: ClassVar[str] = "TimelineBar { height: 2; width: 1fr; }"

    class Sought(Message):
        """The reader wants to be at a position.

        Attributes:
            dragged: whether the mouse is still held.
        """

        def __init__(self, position: float, *, dragged: bool) -> None:
            super().__init__()
            self.position = position
            self.dragged = dragged

    def __init__(self) -> None:
        super().__init__(id="timeline")
        self._standing = Standing()
        self._held = False
        self._dragged = False

    def show(self, standing: Standing) -> None:
        """Show another standing; nothing is drawn when it is the same."""
        if standing != self._standing:
            self._standing = standing
            self.changed()

    def rows(self, size: Size) -> Sequence[Row]:
        """The names, with how it plays at the right end, and the way below them."""
        if not self._standing.signs:
            return []
        steps, position, state = self.steps, self._standing.position, self._state()
        row = steps.row(position, tracked=size.height > 1)
        if state is not None:
            row = painted([*row, (size.width - state.size - 1, state)], size.width)
        return [row, steps.track(position)]

    @property
    def steps(self) -> StepsLine:
        """The steps as they are placed now."""
        state = self._state()
        room = max(self.size.width - (state.size + 2 if state is not None else 0), 1)
        signs, position, _ = self._standing
        return placed(signs, min(ceil(position), max(len(signs) - 1, 0)), room, ascii=looks_of(self).ink.ascii)

    def _state(self) -> Piece | None:
        words = self._standing.words if self.size.width >= NARROW else self._standing.words[:1]
        text = (" | " if looks_of(self).ink.ascii else " · ").join(words)
        return piece(text, "quiet") if text else None

    # ---------------------------------------------------------------------------------------------------- the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold."""
        self._held, self._dragged = True, False
        self.capture_mouse()
        event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Scrub, while it is held."""
        if self._held:
            self._dragged = True
            self.post_message(self.Sought(self.steps.position(event.x), dragged=True))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go; a click on a name means its step, one elsewhere that place."""
        if not self._held:
            return
        self._held = False
        self.release_mouse()
        step = self.steps.step_at(event.x)
        if not self._dragged:
            on_name = event.y == 0 and step is not None
            place = float(step) if on_name and step is not None else self.steps.position(event.x)
            self.post_message(self.Sought(place, dragged=False))
