"""The app's rows: first paint, a frame of the playing picture, idling, typing, size; each in a real pseudo-terminal.

Problem: what the app promises about speed shows in a terminal alone, and a frame's cost says nothing without what any
app would pay for the same cells. Method: the app runs as a process of its own on a `Terminal`; inside it, where the
clock must be read there, it is `python -m benchmarks.app PART …` and leaves a report. The floor of a frame is the same
app with the same canvas, whose pictures were all made before, rows of pieces and their segments alike: what is left is
to hand them to Textual, which composes, encodes and writes them. Cost: a minute or so.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Measured, Row
from benchmarks.terminal import Terminal

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["app_rows", "frames", "idle_bytes", "picture_counts", "typing"]

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
LARGE = "torch.arange(4000).view(50, 80).t().contiguous().view(50, 80)[::2].t()"
TYPED = (
    "torch.arange(64).view(4, 4, 4).transpose(0, 2).unsqueeze(1).expand(4, 2, 4, 4).permute(1, 0, 2, 3)"
    "[0].contiguous().view(16, 4).t()[1:].flatten()[::2]"
)
ANY_SIZE = "torch.empty(10**12)[10**11:10**11 + {}].view(20, -1)[:, ::2].t()"
"""Its addresses have the same number of digits whatever its size is, so that as many cells fit."""

SIZE = (200, 60)
FULL = (60, 20)
"""A picture that a thousand elements fill already."""
STAGE = ("-m", "stridescope", "tui", "--no-check")
FRAME = 1 / 60


def app_rows(quick: bool) -> Iterator[Row]:
    """First paint, frames, idling, typing, size."""
    yield from _first_paint(3 if quick else 15)
    yield from _frames(1 if quick else 4, 1.5 if quick else 6.8)
    written = idle_bytes(0.5 if quick else 2.0)
    yield Row("idle, paused", Measured("nothing", 0, "bytes"), Measured("written", written, "bytes"), 1.0)
    p95 = quantiles(typing(1 if quick else 4), n=20)[-1]
    yield Row("typing a 12-op chain, p95 of a key", Measured("30 ms", 0.030), Measured("key to picture", p95), 1.0)
    yield from _size()


# First paint -----------------------------------------------------------------------------------------------------


def _first_paint(rounds: int) -> Iterator[Row]:
    """Whole processes, in turns, each keeping its best round."""
    started: dict[str, tuple[list[str], str]] = {
        'python -c "import textual.app"': (["-c", "import textual.app"], ""),
        "stridescope": (["-m", "stridescope"], "quit"),
        "stridescope tui EXPR": ([*STAGE, CHAIN], "STORAGE"),
    }
    best = dict.fromkeys(started, float("inf"))
    for _ in range(rounds):
        for name, (arguments, text) in started.items():
            with Terminal(arguments, 100, 30) as terminal:
                end = terminal.until(text) if text else terminal.ended()
                best[name] = min(best[name], end - terminal.started)
    floor, *apps = (Measured(name, seconds) for name, seconds in best.items())
    for measured, what in zip(apps, ("home screen", "the Stage"), strict=True):
        yield Row(f"first paint, {what}", floor, measured, 2.2)


# Frames ----------------------------------------------------------------------------------------------------------


def _frames(rounds: int, seconds: float) -> Iterator[Row]:
    """In turns; each keeps its best round."""
    played = [{who: frames(who, seconds) for who in ("floor", "ours")} for _ in range(rounds)]
    work = {who: min(turn[who]["seconds_a_frame"] for turn in played) for who in ("floor", "ours")}
    fps = max(turn["ours"]["fps"] for turn in played)
    size = played[0]["ours"]["bytes_a_frame"]
    floor = Measured("the same cells from ready segments", work["floor"])
    ours = Measured(f"scene, looks, canvas, Textual; {size / 1000:.0f} kB", work["ours"])
    at = f"at {SIZE[0]}×{SIZE[1]}"
    yield Row(f"work for a frame of the playing picture {at}", floor, ours, 1.5)
    yield Row(f"the same in milliseconds {at}", Measured("8 ms", 0.008), ours, 1.0)
    yield Row(f"from frame to frame {at}", Measured("50 a second", 1 / 50), Measured("ours", 1 / fps), 1.0)


def frames(who: str, seconds: float) -> dict[str, float]:
    """Play in a terminal for so many seconds; frames a second, seconds of work and bytes written a frame.

    Args:
        who: "ours", or "floor", whose pictures are ready.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        with Terminal(["-m", "benchmarks.app", who, str(report), str(seconds)], *SIZE) as terminal:
            terminal.until("STORAGE")
            terminal.ended(seconds + 60)
        found: dict[str, float] = json.loads(report.read_text())
        return found


def _played(who: str, app: Any, seconds: float) -> Callable[[], Awaitable[dict[str, float]]]:
    """Inside the terminal: play in a loop, and tell what it took."""

    async def played() -> dict[str, float]:
        stage = app.screen
        _make_ready(stage, everything=who == "floor")
        stage.state.player.loop = True
        stage.state.replay()
        stage.follow()
        await asyncio.sleep(0.5)
        written = _count_writes(app)
        drawn, work, at = stage.canvas.frames, process_time(), perf_counter()
        await asyncio.sleep(seconds)
        drawn, work, at = stage.canvas.frames - drawn, process_time() - work, perf_counter() - at
        return {
            "frames": drawn,
            "fps": drawn / at,
            "seconds_a_frame": work / max(drawn, 1),
            "bytes_a_frame": sum(written) / max(drawn, 1),
        }

    return played


def _make_ready(stage: Any, *, everything: bool) -> None:
    """Have the way to each step worked out, which is done once; or every picture made, and every piece styled."""
    scene, looks, view = stage.state.scene, stage.canvas.looks, stage.state.view
    time = scene.timeline
    for step in range(time.last):
        scene.prepared(step, view)
    if not everything:
        return
    ready = [scene.frame(time.position(place * FRAME), view) for place in range(round(time.duration / FRAME) + 1)]
    for frame in ready:
        looks.strips(frame.rows, frame.width)
    scene.frame = lambda position, _: ready[round(time.elapsed(position) / FRAME)]


def _count_writes(app: Any) -> list[int]:
    """Bytes of what the app writes from now on."""
    sizes: list[int] = []
    driver = app._driver  # noqa: SLF001 - nothing public tells it
    write = driver.write

    def counted(data: str) -> None:
        sizes.append(len(data.encode()))
        write(data)

    driver.write = counted
    return sizes


def idle_bytes(seconds: float) -> int:
    """What the app writes while a step rests and nobody does anything."""
    with Terminal([*STAGE, CHAIN], 100, 30) as terminal:
        terminal.until("STORAGE")
        # It plays when it opens; the last step is there at once with this key.
        terminal.press("\x1b[F")
        terminal.settled(0.5)
        before = terminal.written
        terminal.drain(seconds)
        return terminal.written - before


# Typing ----------------------------------------------------------------------------------------------------------


def typing(rounds: int) -> list[float]:
    """Seconds from each key of a chain of 12 ops to the picture that follows it; the best of so many rounds.

    A key that changes nothing in the picture counts until it stands in the line.
    """
    best = [float("inf")] * len(TYPED)
    for _ in range(rounds):
        best = [min(one, other) for one, other in zip(best, _typed_once(), strict=True)]
    return best


def _typed_once() -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        with Terminal(["-m", "benchmarks.app", "typing", str(report)], 100, 30) as terminal:
            terminal.until("STORAGE")
            terminal.settled(0.8)
            terminal.press("/")
            terminal.settled(0.3)
            # All of the text away.
            terminal.press("\x15")
            terminal.settled(0.5)
            pressed = []
            for key in TYPED:
                pressed.append(terminal.press(key))
                terminal.settled()
            terminal.press("\x11")
            terminal.ended()
        writes: list[tuple[float, int]] = json.loads(report.read_text())
    taken, pictures = [], 0
    for start, end in zip(pressed, [*pressed[1:], float("inf")], strict=True):
        mine = [(at, picture) for at, picture in writes if start < at < end]
        newer = [at for at, picture in mine if picture > pictures]
        if mine:
            taken.append((newer[0] if newer else mine[0][0]) - start)
            pictures = mine[-1][1]
        else:
            # Nothing on screen changes with this key: a bracket that was closed already.
            taken.append(0.0)
    return taken


def _watched(app: Any) -> Callable[[], Awaitable[list[tuple[float, int]]]]:
    """Inside the terminal: note when something was written, and which picture was the last one in it."""

    async def watched() -> list[tuple[float, int]]:
        canvas, driver = app.screen.canvas, app._driver  # noqa: SLF001 - nothing public tells it
        render_line, write = canvas.render_line, driver.write
        drawn, written = 0, []

        def rendered(y: int) -> Any:
            nonlocal drawn
            drawn = canvas.frames
            return render_line(y)

        def noted(data: str) -> None:
            write(data)
            written.append((perf_counter(), drawn))

        canvas.render_line, driver.write = rendered, noted
        while app.return_code is None:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)
        return written

    return watched


# Size ------------------------------------------------------------------------------------------------------------


def _size() -> Iterator[Row]:
    small, large = picture_counts(10**3), picture_counts(8 * 10**11)
    for unit, few, many in zip(("calls", "cells"), small, large, strict=True):
        name = {"calls": "the algebra's calls for all pictures", "cells": "cells drawn in them"}[unit]
        yield Row(name, Measured("10^3 elements", few, unit), Measured("8·10^11 elements", many, unit), 1.0)


def picture_counts(numel: int) -> tuple[int, int]:
    """Calls into `layout/` and cells drawn, for the pictures of every step, and half-way to it, at so many elements."""
    from stridescope.program import run
    from stridescope.scene.stage import Scene
    from stridescope.scene.view import View

    scene = Scene(run(ANY_SIZE.format(numel)))
    calls = 0

    def called(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and "/stridescope/layout/" in frame.f_code.co_filename

    sys.setprofile(called)
    try:
        pictures = [scene.frame(half / 2, View(*FULL)) for half in range(2 * scene.timeline.last + 1)]
    finally:
        sys.setprofile(None)
    drawn = (part for picture in pictures for row in picture.rows for _, part in row)
    return calls, sum(part.look.role == "cell" for part in drawn)


# Inside the terminal ---------------------------------------------------------------------------------------------


def _inside(part: str, report: str, seconds: str = "0") -> None:
    from stridescope.scene import timeline

    # A step that rests is no movement, and nothing of it is to be timed.
    timeline.DWELL = 0.0
    from stridescope.tui.app import Opening, StridescopeApp
    from stridescope.tui.terminal import collected_seldom

    app = StridescopeApp(Opening(text="torch.arange(2)" if part == "typing" else LARGE, check=False))
    measured = _watched(app) if part == "typing" else _played(part, app, float(seconds))

    told: list[Any] = []

    async def tell() -> None:
        await asyncio.sleep(0.5)
        told.append(await measured())
        app.exit(0)

    async def measuring() -> None:
        # Kept by the app's loop, and not one of the app's own workers, which end with it.
        app.measuring = asyncio.create_task(tell())  # type: ignore[attr-defined]

    app.call_later(measuring)
    with collected_seldom():
        app.run()
    Path(report).write_text(json.dumps(told[0]))


if __name__ == "__main__":
    _inside(*sys.argv[1:])
