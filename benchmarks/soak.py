"""Random input into the app, for as long as there is time: nothing may fail, keep running, or be kept.

    python -m benchmarks.soak --events 20000 --seed 1 [--torch]

Problem: keys, mouse, pastes and resizes meet in orders that nobody writes a test for. Method: `benchmarks.hand` makes
them up; the app runs on a driver that takes what it writes and drops it, and its clock stands still and is moved on by
the hand. After each few events the app must have come to rest, at the size of the terminal, without an
error. At four places on the way the caches are emptied and what memory is in use is noted; at the end no timer may
run, and no thread, task or process may be left.

Prints what was noted, and of a failure the input that came before it; exit status 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import os
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.geometry import Size

from benchmarks.hand import MIDDLING, Clock, Deaf, Hand
from stridescope.tui.app import LEAST, StridescopeApp
from stridescope.tui.checks import Checks
from stridescope.tui.examples import EXAMPLES
from stridescope.tui.opening import Opening
from stridescope.tui.small import SmallScreen
from stridescope.tui.stage import canvas
from stridescope.tui.stage.screen import StageScreen

if TYPE_CHECKING:
    from textual.screen import Screen

    from stridescope.scene.frame import Look, Row

__all__ = ["Found", "Memory", "soak"]

TOGETHER = 6
"""Events that may arrive before the app has seen to the first of them."""
PATIENCE = 20.0
QUIET = 5
"""Turns of the loop without a message after which there will be none; what is sent takes a turn or two to arrive."""
MOST_CACHED = 2_000
"""Entries that a cache without a bound may have: those of a table are no more."""
SELDOM = 0.2
"""Frames a second that the app's own timer draws; the soak says when a frame is due."""
GROWTH = 1.2
"""What memory may have grown by since the first look at it, and from how many events on that is told."""
ENOUGH = 4_000
NOTED = 4
"""Places on the way at which memory is looked at."""


# The app, on a terminal that is none -------------------------------------------------------------------------------


class Agreeing:
    """A helper process that is none: torch agrees, at once."""

    def __init__(self) -> None:
        self._asked = 0

    def post(self, source: str) -> int:  # noqa: ARG002
        """Take a program."""
        self._asked += 1
        return self._asked

    def poll(self) -> dict[str, Any]:
        """Agree."""
        return {"id": self._asked, "verdict": "agrees", "versions": {"torch": "2"}}

    def close(self) -> None:
        """Nothing to end."""


class Soaked(StridescopeApp):
    """The app with a clock of ours, that counts how often it was left and stays."""

    def __init__(self, clock: Clock, *, torch: bool) -> None:
        super().__init__(Opening(check=False))
        self.driver_class = Deaf
        self.clock = clock
        self.left = 0
        self.over = False
        if not torch:
            self._checks = Checks(self._told, Agreeing, lambda: True)

    def _stage_screen(self) -> Screen[None]:
        return StageScreen(self.opening, clock=self.clock)

    def exit(self, result: int | None = None, return_code: int = 0, message: Any = None) -> None:
        """Stay, unless it was a signal or the end."""
        if return_code or self.left < 0:
            self.over = True
            super().exit(result, return_code, message)
        self.left += 1

    def end(self) -> None:
        """Leave after all."""
        self.left = -1
        self.exit(0)

    @property
    def nodes(self) -> list[Any]:
        """The app, and every widget of every screen it keeps."""
        screens = [screen for stack in self._screen_stacks.values() for screen in stack]
        return [self, *(node for screen in screens for node in screen.walk_children(with_self=True))]

    @property
    def busy(self) -> bool:
        """Whether somebody has not seen to all messages; Textual holds a resize back for a moment."""
        return self._resize_event is not None or any(node.message_queue_size for node in self.nodes)

    @property
    def running(self) -> list[str]:
        """The timers that run."""
        return [
            f"{type(node).__name__}: {timer!r}"
            for node in self.nodes
            for timer in node._timers  # noqa: SLF001
            if timer._task is not None and not timer._task.done() and timer._active.is_set()  # noqa: SLF001
        ]

    def ticked(self) -> None:
        """What the timer of the picture does, when the test says so."""
        for found in self.screen.query(canvas.Canvas):
            if found.ticking:
                found._tick()  # noqa: SLF001

    @property
    def deaf(self) -> Deaf:
        """The driver."""
        assert isinstance(self._driver, Deaf)
        return self._driver

    def wrong(self, size: tuple[int, int]) -> Iterator[str]:
        """What is not as it should be once all is quiet: sizes, the screen, the picture."""
        lines = self.screen._compositor.render_strips()  # noqa: SLF001
        if {(line.cell_length, len(lines)) for line in lines} != {size} or self.size != size:
            drawn = lines[0].cell_length, len(lines)
            yield f"{drawn} columns and lines are drawn, there are {size}, for us {self.size}"
        small = size[0] < LEAST[0] or size[1] < LEAST[1]
        if small != isinstance(self.screen, SmallScreen):
            yield f"at {size} the screen is {self.screen}"
        stage = self.screen
        if isinstance(stage, StageScreen) and not stage.canvas._stale:  # noqa: SLF001
            shown = stage.state.picture()
            if _said(shown.pictures.frame(shown.position, shown.view).rows) != _said(stage.canvas._rows):  # noqa: SLF001
                yield f"the picture drawn is not the one of {shown.position}, {shown.view}"


def _said(rows: Sequence[Row]) -> list[list[tuple[int, str, Look]]]:
    """Rows as values: pieces are compared by identity, and are others after their cache was emptied."""
    return [[(x, part.text, part.look) for x, part in row] for row in rows]


# The soak ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """What is in use after so many events.

    Attributes:
        blocks: allocated blocks of Python's own allocator.
        rss: bytes of the process that are resident; 0 where that cannot be told.
        nodes: widgets.
    """

    events: int
    blocks: int
    rss: int
    nodes: int


@dataclass
class Found:
    """What a soak came to.

    Attributes:
        events: how many there were.
        seconds: what it took.
        done: how often each kind of key or act was seen to.
        memory: looked at on the way.
        failures: sentences; none where all is well.
        before: the last input before the first failure.
        unbounded: caches of this project without a bound.
    """

    events: int = 0
    seconds: float = 0.0
    written: int = 0
    left: int = 0
    done: Counter[str] = field(default_factory=Counter)
    memory: list[Memory] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    unbounded: list[str] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Blocks at the end over blocks at the first look."""
        return self.memory[-1].blocks / self.memory[0].blocks if self.memory else 1.0


def soak(count: int, seed: int, *, torch: bool = False, told: Callable[[str], None] = lambda _: None) -> Found:
    """Put so many random events into an app, and look at what they leave.

    Args:
        count: events.
        seed: of the hand.
        torch: whether programs are checked by a helper process on real torch, rather than by one that agrees.
        told: is told how it goes.
    """
    threads, children = set(threading.enumerate()), set(_children())
    found = Found()
    with _elsewhere():
        frames, canvas.FRAMES_PER_SECOND = canvas.FRAMES_PER_SECOND, SELDOM
        try:
            asyncio.run(_soaked(count, seed, found, torch=torch, told=told))
        finally:
            canvas.FRAMES_PER_SECOND = frames
    found.failures += [f"thread left: {thread.name}" for thread in set(threading.enumerate()) - threads]
    found.failures += [f"process left: {child}" for child in set(_children()) - children]
    found.failures += [f"cache without a bound: {name}" for name in found.unbounded]
    if count >= ENOUGH and found.growth > GROWTH:
        found.failures.append(f"memory grew to {found.growth:.2f} of what it was")
    return found


@contextlib.contextmanager
def _elsewhere() -> Iterator[None]:
    """In a folder of its own, since one of the keys saves pictures."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


async def _soaked(count: int, seed: int, found: Found, *, torch: bool, told: Callable[[str], None]) -> None:
    clock = Clock()
    app, hand = Soaked(clock, torch=torch), Hand(seed, clock)
    tasks = asyncio.all_tasks()
    last: deque[str] = deque(maxlen=60)
    start = time.perf_counter()
    try:
        async with app.run_test(headless=False, size=hand.size, tooltips=True, notifications=True) as pilot:
            await _handled(app, hand, count, found, last, told)
            if not found.failures and app.failure is None:
                await _rest(app, hand)
                await pilot.pause()
                found.failures += [f"timer runs: {timer}" for timer in app.running]
            found.written, found.left = app.deaf.written, app.left
            app.end()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        found.failures.append("".join(traceback.format_exception(error)))
    found.before = list(last) if found.failures else []
    await asyncio.sleep(0)
    found.failures += [f"task left: {task!r}" for task in asyncio.all_tasks() - tasks]
    found.seconds = time.perf_counter() - start


async def _handled(
    app: Soaked, hand: Hand, count: int, found: Found, last: deque[str], told: Callable[[str], None]
) -> None:
    """Put the events in, some of them together, and look after each lot."""
    start, together = time.perf_counter(), 0
    for name, put in hand.acts():
        last.append(name)
        found.done[name.split(" ")[0] or name] += 1
        put(app.deaf)
        found.events += 1
        together -= 1
        if together <= 0:
            together = hand.chance.randint(1, TOGETHER)
            await _settle(app)
            app.ticked()
            if app.failure is None and not app.over and list(app.wrong(hand.size)):
                # Some of Textual's own work is done by timers, a few hundredths of a second later.
                await asyncio.sleep(0.05)
                await _settle(app)
                app.ticked()
                found.failures += app.wrong(hand.size)
        if app.over:
            found.failures.append("it was ended by a signal")
        if app.failure is not None or found.failures:
            return
        if found.events % max(count // NOTED, 1) == 0:
            await _rest(app, hand)
            found.memory.append(_memory(app, found, emptied=count >= ENOUGH))
            told(f"{found.memory[-1]}  {time.perf_counter() - start:.0f} s")
            app.deaf.resize(Size(*hand.size))
        if found.events >= count:
            return


async def _settle(app: Soaked) -> None:
    """Wait until all messages have been seen to."""
    limit, quiet = time.monotonic() + PATIENCE, 0
    while app.failure is None and not app.over and quiet < QUIET:
        if time.monotonic() > limit:
            raise TimeoutError(f"messages are still waiting after {PATIENCE} seconds")
        quiet = 0 if app.busy else quiet + 1
        await asyncio.sleep(0 if quiet else 1e-4)
    if app.failure is None and not app.over:
        app.screen._on_timer_update()  # noqa: SLF001


async def _rest(app: Soaked, hand: Hand) -> None:
    """A program on stage, at rest, in a terminal of a middling size, whatever was there before."""
    app.deaf.resize(Size(*MIDDLING))
    app.deaf.feed("\x1b[201~\x1b[I")
    await _settle(app)
    for _ in range(10):
        if len(app.screen_stack) > 1:
            app.deaf.feed("\x1b")
            await _settle(app)
    await app.show_stage(Opening(text=EXAMPLES[0].source, check=False))
    await _settle(app)
    hand.clock.pass_by(1000.0)
    app.clear_notifications()
    for _ in range(3):
        app.ticked()
        await _settle(app)


def _memory(app: Soaked, found: Found, *, emptied: bool) -> Memory:
    """What is in use, the caches emptied first where `emptied`: whoever holds what was in them notices that."""
    wrapper = functools._lru_cache_wrapper  # noqa: SLF001
    # By type alone: asking an object for its class may run code of its own.
    caches = [item for item in gc.get_objects() if type(item) is wrapper]
    for cache in caches:
        name = f"{cache.__module__}.{cache.__qualname__}"
        if cache.cache_info().maxsize is None and cache.cache_info().currsize > MOST_CACHED:
            found.unbounded.append(name)
        if emptied and cache.cache_info().maxsize is not None:
            cache.cache_clear()
    # Segments are kept by the pieces that they are of, and those are others now.
    app._looks = None  # noqa: SLF001
    for _ in range(3):
        gc.collect()
    return Memory(found.events, sys.getallocatedblocks(), _resident(), len(app.nodes))


def _resident() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _children() -> list[int]:
    """The processes that this one has started, from /proc; none where there is no such thing."""
    found: list[int] = []
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, listed.read_text().split())
    return found


def _told(line: str) -> None:
    # What is printed while an app runs is the app's.
    print(line, file=sys.__stdout__, flush=True)


def main() -> int:
    """Soak, print, and say by the exit status whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Random input into the app.")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--torch", action="store_true", help="check programs on real torch, in its helper process")
    options = parser.parse_args()
    found = soak(options.events, options.seed, torch=options.torch, told=_told)
    rate = found.events / found.seconds
    print(
        f"{found.events:,} events in {found.seconds:.0f} s ({rate:.0f} a second), {len(found.done)} kinds, "
        f"{found.written / 1e6:.1f} MB written, quit {found.left} times; memory {found.growth:.3f} of what it was"
    )
    for failure in found.failures:
        print("FAILED", failure)
    for name in found.before:
        print("   ", name)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
