"""The app's rows: first paint, a frame of the playing picture, idling, typing; each in a real pseudo-terminal.

The frame's floor is the same app with the same canvas, whose pictures were all made before, rows of pieces and their
segments alike: what is left is to hand them to Textual, which composes, encodes and writes them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from time import perf_counter
from typing import Any

from benchmarks.measure import Measured, Row, best_of_processes
from benchmarks.terminal import Terminal

__all__ = ["app_rows", "frames", "idle_bytes"]

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
LARGE = "torch.arange(4000).view(50, 80).t().contiguous().view(50, 80)[::2].t()"
TYPED = (
    "torch.arange(64).view(4, 4, 4).transpose(0, 2).unsqueeze(1).expand(4, 2, 4, 4).permute(1, 0, 2, 3)"
    "[0].contiguous().view(16, 4).t()[1:].flatten()[::2]"
)
SIZE = (200, 60)


def app_rows(quick: bool) -> Iterator[Row]:
    """First paint, frames, typing."""
    yield from _first_paint(3 if quick else 12)
    yield _frame(2.0 if quick else 6.0)
    yield _typing()


def _first_paint(rounds: int) -> Iterator[Row]:
    floor = best_of_processes({"textual": ["-c", "import textual.app"]}, rounds)["textual"]
    for name, arguments, text in (
        ("home screen", [], "arange"),
        ("the Stage", ["tui", "--no-check", CHAIN], "STORAGE"),
    ):
        best = float("inf")
        for _ in range(rounds):
            with Terminal(["-m", "stridescope", *arguments], 100, 30) as terminal:
                best = min(best, terminal.until(text) - terminal.started)
        yield Row(
            f"first paint, {name}",
            Measured('python -c "import textual.app"', floor),
            Measured(" ".join(["stridescope", *arguments[:1]]), best),
            2.2,
        )


def _frame(seconds: float) -> Row:
    measured = {who: frames(who, seconds) for who in ("floor", "ours", "floor", "ours")}
    ours, floor = measured["ours"], measured["floor"]
    return Row(
        f"a frame at {SIZE[0]}×{SIZE[1]}: {ours['fps']:.0f} a second, {ours['bytes_a_frame'] / 1000:.1f} kB each",
        Measured("the same cells from ready segments", floor["seconds_a_frame"]),
        Measured("scene, looks, canvas, Textual", ours["seconds_a_frame"]),
        1.5,
    )


def _typing() -> Row:
    with Terminal(["-m", "stridescope", "tui", "--no-check", "torch.arange(2)"], 100, 30) as terminal:
        terminal.until("STORAGE")
        terminal.settled(0.5)
        terminal.press("/")
        terminal.settled(0.3)
        terminal.press("\x15" + "\x7f" * 20)
        terminal.settled(0.3)
        taken = []
        for key in TYPED:
            at = terminal.press(key)
            taken.append(terminal.settled() - at)
    p95 = quantiles(taken, n=20)[-1]
    return Row("typing a 12-op chain, p95 of a key", Measured("30 ms", 0.030), Measured("key to picture", p95), 1.0)


def frames(who: str, seconds: float) -> dict[str, float]:
    """Play in a terminal for so many seconds; frames a second, seconds of work and bytes written a frame.

    Args:
        who: "ours", or "floor", whose pictures are ready.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        with Terminal([__file__, who, str(seconds), str(report)], *SIZE, PYTHONPATH=str(Path.cwd())) as terminal:
            terminal.until("STORAGE")
            terminal.drain(0.5)
            before = terminal.written
            limit = perf_counter() + seconds + 20
            while not report.exists() and perf_counter() < limit:
                terminal.drain(0.05)
            terminal.drain(0.1)
            written = terminal.written - before
        answer: dict[str, float] = json.loads(report.read_text())
        answer["bytes_a_frame"] = written / max(answer["frames"], 1)
        return answer


def idle_bytes(seconds: float = 2.0) -> int:
    """What the app writes while nobody does anything."""
    with Terminal(["-m", "stridescope", "tui", "--no-check", CHAIN], 100, 30) as terminal:
        terminal.until("STORAGE")
        terminal.drain(8.0)
        before = terminal.written
        terminal.drain(seconds)
        return terminal.written - before


def _play(who: str, seconds: float, report: str) -> None:
    """Inside the terminal: play in a loop, and tell what it took."""
    from time import process_time

    from stridescope.tui.app import Opening, StridescopeApp

    app = StridescopeApp(Opening(text=LARGE, check=False))

    async def measured() -> None:
        import asyncio

        await asyncio.sleep(1.0)
        stage: Any = app.screen
        state, canvas = stage.state, stage.canvas
        if who == "floor":
            _make_ready(stage)
        state.player.loop = True
        stage.state.replay()
        stage.follow()
        await asyncio.sleep(0.3)
        frames, work, at = canvas.frames, process_time(), perf_counter()
        await asyncio.sleep(seconds)
        frames, work, at = canvas.frames - frames, process_time() - work, perf_counter() - at
        found.update({"frames": frames, "fps": frames / at, "seconds_a_frame": work / max(frames, 1)})
        app.exit(0)

    found: dict[str, float] = {}
    app.call_later(measured)
    app.run()
    Path(report).write_text(json.dumps(found))


def _make_ready(stage: Any) -> None:
    """Have every picture made, and every piece styled, before it is asked for."""
    scene, canvas = stage.state.scene, stage.canvas
    view, last = stage.state.view, scene.timeline.last
    ready = {place: scene.frame(place / 60, view) for place in range(60 * last + 1)}
    for frame in ready.values():
        for row in frame.rows:
            canvas.looks.strip(row, frame.width)
    scene.frame = lambda position, _: ready[round(position * 60)]


if __name__ == "__main__":
    if os.environ.get("PYTHONPATH"):
        sys.path.insert(0, os.environ["PYTHONPATH"])
    _play(sys.argv[1], float(sys.argv[2]), sys.argv[3])
