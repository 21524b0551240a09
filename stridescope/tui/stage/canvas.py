"""The picture: rows of pieces on the screen, redrawn where they changed and only while something moves.

Problem: sixty frames a second must cost no more than the rows that changed, an idle app must cost nothing, and a slow
terminal must see fewer frames, not late ones. Method: one widget that draws lines; one timer, which runs while its
source moves and stops by itself; keys and the mouse between two ticks only mark the picture as stale, so that any
number of them is one frame. A frame is a function of (pictures, position, view): with the same three, nothing is
asked for. Rows equal to those on screen are neither styled nor sent.

Cost: a frame of the scene, then O(rows), and one dictionary look-up for each piece of a row that changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from textual.geometry import Region
from textual.widget import Widget

from stridescope.tui.lines import looks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual import events
    from textual.app import App
    from textual.strip import Strip
    from textual.timer import Timer

    from stridescope.scene.frame import Frame, Row
    from stridescope.scene.view import Hit, View
    from stridescope.tui.looks import Looks

__all__ = ["FRAMES_PER_SECOND", "Canvas", "Picture", "Pictures", "Source"]

FRAMES_PER_SECOND = 60.0

WAITING = 2
"""Writes that the terminal may be behind before frames are left out."""


class Pictures(Protocol):
    """What can be drawn: a `Scene`, or what stands in for one."""

    def frame(self, position: float, view: View) -> Frame:
        """The picture at a position."""

    def hit(self, position: float, view: View, x: int, y: int) -> Hit | None:
        """What is at a column and row of it."""


class Picture(NamedTuple):
    """Everything that a frame depends on."""

    pictures: Pictures
    position: float
    view: View


class Source(Protocol):
    """Who knows what is to be seen, and hears of the mouse."""

    @property
    def moving(self) -> bool:
        """Whether the picture changes by itself."""

    def picture(self) -> Picture:
        """What is to be seen now."""

    def resized(self, width: int, height: int) -> None:
        """The canvas has another size, in terminal cells."""

    def hover(self, place: tuple[int, int] | None) -> None:
        """The mouse is over a column and row, or has left."""

    def click(self, x: int, y: int) -> None:
        """A column and row was clicked."""

    def wheel(self, right: int, down: int) -> None:
        """The wheel was turned by so many notches."""

    def resting(self) -> None:
        """There was nothing new to draw."""

    def drawn(self) -> None:
        """A frame was drawn."""


class Canvas(Widget, can_focus=True):
    """The widget of the picture.

    Attributes:
        frames: how many frames the scene was asked for, so far.
    """

    DEFAULT_CSS: ClassVar[str] = "Canvas { height: 1fr; width: 1fr; }"

    def __init__(self, source: Source) -> None:
        super().__init__(id="canvas")
        self.source = source
        self.frames = 0
        self._looks: Looks | None = None
        self._seen: Picture | None = None
        self._rows: tuple[Row, ...] = ()
        self._width = 0
        self._strips: list[Strip | None] = []
        self._stale = False
        self._mouse: tuple[int, int] | None = None
        self._mouse_moved = False
        self._timer: Timer | None = None

    @property
    def ticking(self) -> bool:
        """Whether its timer runs."""
        return self._timer is not None

    def wake(self) -> None:
        """Something may have changed: draw, now or with the next tick, and go on while the source moves."""
        self._stale = True
        if self._timer is None and self.is_attached and self.screen.is_current:
            self._draw()
            self._timer = self.set_interval(1 / FRAMES_PER_SECOND, self._tick)

    def sleep(self) -> None:
        """No more frames until it is woken."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    @property
    def looks(self) -> Looks:
        """What pieces look like now."""
        if self._looks is None or self._looks is not getattr(self.app, "looks", self._looks):
            # The app has others: what was drawn with the old ones is of no use.
            self._looks = looks_of(self)
            self._strips = [None] * len(self._rows)
        return self._looks

    def render_line(self, y: int) -> Strip:
        """One row of the picture."""
        looks, width = self.looks, self.size.width
        if y >= len(self._rows):
            return looks.strip((), width)
        strip = self._strips[y]
        if strip is None:
            strip = looks.strip(self._rows[y], self._width)
            if self._width != width:
                # The widget has its new size a moment before the picture has.
                strip = strip.adjust_cell_length(width, looks.base)
            self._strips[y] = strip
        return strip

    def _tick(self) -> None:
        # Asked before drawing: what comes to rest in between is drawn by the next tick.
        moving = self.source.moving
        if backlog(self.app) > WAITING:
            return
        self._draw()
        if not (moving or self._stale):
            self.sleep()
            self.source.drawn()

    def _draw(self) -> None:
        self._stale = False
        if not self.size:
            return
        if self._mouse_moved:
            self._mouse_moved = False
            self.source.hover(self._mouse)
        picture = self.source.picture()
        if self._seen is not None and picture == self._seen:
            # A step rests while it plays: time to work out the way to the next one.
            self.source.resting()
            return
        self._seen = picture
        self._width, _, rows = picture.pictures.frame(picture.position, picture.view)
        self.frames += 1
        changed = _changed(self._rows, rows)
        self._strips = [None if new else self._strips[y] for y, new in enumerate(changed)]
        self._rows = rows
        width = self.size.width
        regions = [Region(0, start, width, stop - start) for start, stop in _stretches(changed)]
        if regions:
            self.refresh(*regions)
        self.source.drawn()

    # ----------------------------------------------------------------------------------------------- what happens

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._on_theme)

    def _on_theme(self, _: object) -> None:
        self._looks = None
        self.refresh()
        self.wake()

    def on_unmount(self) -> None:
        """Leave no timer behind, and be forgotten: a signal keeps those who follow it."""
        self.sleep()
        self.app.theme_changed_signal.unsubscribe(self)

    def on_resize(self, event: events.Resize) -> None:
        """Have a picture of the new size made at once."""
        self._strips = [None] * len(self._rows)
        self.source.resized(event.size.width, event.size.height)
        self._seen = None
        self.wake()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Point."""
        if self._mouse != (event.x, event.y):
            self._point((event.x, event.y))

    def on_leave(self, event: events.Leave) -> None:
        """Point at nothing."""
        if event.node is self:
            self._point(None)

    def on_click(self, event: events.Click) -> None:
        """Select."""
        event.stop()
        self.source.click(event.x, event.y)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll down, or to the right."""
        self._turned(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll up, or to the left."""
        self._turned(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Scroll to the right."""
        event.stop()
        self.source.wheel(1, 0)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Scroll to the left."""
        event.stop()
        self.source.wheel(-1, 0)

    def _turned(self, event: events.MouseEvent, by: int) -> None:
        event.stop()
        sideways = event.shift or event.ctrl
        self.source.wheel(by if sideways else 0, 0 if sideways else by)

    def _point(self, place: tuple[int, int] | None) -> None:
        self._mouse = place
        self._mouse_moved = True
        self.wake()


def backlog(app: App[object]) -> int:
    """How many writes the terminal has not taken yet; 0 where that cannot be told.

    Textual hands its writes to a thread over a queue of 30: left to itself, a slow terminal would play half a second
    late.
    """
    queue = getattr(getattr(getattr(app, "_driver", None), "_writer_thread", None), "_queue", None)
    return queue.qsize() if queue is not None else 0


def _changed(old: Sequence[Row], new: Sequence[Row]) -> list[bool]:
    """For each row of the picture, whether it must be drawn."""
    both = [before is not after and before != after for before, after in zip(old, new, strict=False)]
    # Of a picture with fewer rows, those below are background now: they belong to a resize, which draws all.
    return both + [True] * (len(new) - len(both))


def _stretches(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """(start, stop) of each run of True."""
    start = None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield start, place
            start = None
