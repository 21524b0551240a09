"""A stage with a clock that stands still until it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen

from stridescope.scene.frame import Frame, plain_text
from stridescope.scene.view import Hit
from stridescope.tui.app import Opening, StridescopeApp
from stridescope.tui.stage import canvas
from stridescope.tui.stage.canvas import Canvas
from stridescope.tui.stage.screen import StageScreen
from stridescope.tui.stage.state import State
from stridescope.tui.stage.timeline_bar import TimelineBar

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
REFUSED = "torch.arange(12).view(3, 4).t().view(12)"
NAMES = "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; b.add_(10)"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class StageApp(StridescopeApp):
    """The app on a stage of ours."""

    def __init__(self, opening: Opening, clock: Clock) -> None:
        super().__init__(opening)
        self.clock = clock

    def _stage_screen(self) -> StageScreen:
        return StageScreen(self.opening, clock=self.clock)

    def _home_screen(self) -> Screen[None]:
        # Without a program the app opens at home; here it is the stage without one that is looked at.
        return self._stage_screen() if self.opening.empty else super()._home_screen()


class Stage:
    """What a test does, and what it looks at."""

    def __init__(self, pilot: Pilot[Any], clock: Clock) -> None:
        self.pilot = pilot
        self.clock = clock
        self.screen: StageScreen = pilot.app.screen  # type: ignore[assignment]

    @property
    def app(self) -> StridescopeApp:
        return self.pilot.app  # type: ignore[return-value]

    @property
    def state(self) -> State:
        return self.screen.state

    @property
    def canvas(self) -> Canvas:
        return self.screen.canvas

    @property
    def bar(self) -> TimelineBar:
        return self.screen.query_one(TimelineBar)

    @property
    def position(self) -> float:
        return self.state.position

    async def press(self, *keys: str) -> None:
        """Press keys one right after another: a pilot's own `press` waits at each of them."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
        await self.pilot.pause()
        self.draw()

    async def type(self, text: str) -> None:
        """Type on the line, faster than any hand."""
        self.screen.prompt.focus()
        self.screen.prompt.editor.replace(text, *self.screen.prompt.editor.selection)
        await self.pilot.pause()
        self.draw()

    async def load(self, text: str) -> None:
        """Another program on the line."""
        self.screen.prompt.load(text)
        await self.pilot.pause()
        self.draw()

    async def wait(self, seconds: float) -> None:
        """Let the clock go on, and the picture follow."""
        self.clock.now += seconds
        self.draw()
        await self.pilot.pause()

    async def rest(self) -> None:
        """Let the clock go on until nothing moves, and the picture follow."""
        while self.state.moving:
            self.clock.now += 5
        self.draw()
        await self.pilot.pause()

    def draw(self) -> None:
        """What the timer does."""
        self.canvas._tick()

    async def at_rest(self, position: float | None = None) -> None:
        """Stand still at a position: of None, the last one."""
        self.state.seek(self.state.player.timeline.last if position is None else position)
        self.screen.follow()
        self.draw()
        await self.pilot.pause()

    def text(self) -> str:
        """The picture, as it was last drawn."""
        size = self.canvas.size
        return "\n".join(plain_text(Frame(size.width, size.height, self.canvas._rows)))

    def lines(self) -> list[str]:
        """What is on the whole screen."""
        return ["".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()]

    def place_of(self, kind: str, **wanted: Any) -> tuple[int, int]:
        """A column and row of the canvas where something is hit."""
        return next(iter(self.places_of(kind, **wanted)))

    def places_of(self, kind: str, **wanted: Any) -> list[tuple[int, int]]:
        """All of them."""
        scene, view = self.state.scene, self.state.view
        assert scene is not None
        found = []
        for y in range(view.height):
            for x in range(view.width):
                hit = scene.hit(self.position, view, x, y)
                if isinstance(hit, Hit) and hit.kind == kind and all(getattr(hit, k) == v for k, v in wanted.items()):
                    found.append((x, y))
        return found


@asynccontextmanager
async def staged(
    text: str = CHAIN,
    size: tuple[int, int] = (100, 30),
    *,
    playing: bool = False,
    ticking: bool = False,
    **names: Any,
) -> AsyncIterator[Stage]:
    """A stage with a program on it, at rest at its last step unless it shall play as it does when it opens.

    Without `ticking`, the test says when there is a tick: a pilot waits for an app that has nothing to do.
    """
    clock = Clock()
    canvas.FRAMES_PER_SECOND = 60 if ticking else 0.01
    opening = Opening(text=text, check=False, **names)
    app = StageApp(opening, clock)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        stage = Stage(pilot, clock)
        if not playing:
            await stage.at_rest()
        yield stage


def act(
    scene: Callable[[Stage], Awaitable[None]],
    text: str = CHAIN,
    size: tuple[int, int] = (100, 30),
    *,
    playing: bool = False,
    ticking: bool = False,
    **names: Any,
) -> None:
    """Run an async test on a stage."""

    async def acted() -> None:
        async with staged(text, size, playing=playing, ticking=ticking, **names) as stage:
            await scene(stage)

    asyncio.run(acted())
