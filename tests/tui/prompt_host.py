"""An app with nothing in it but a picture and a prompt, and completions that never change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from stridescope.program.typed import Session, Typed
from stridescope.tui.prompt import Lines, Prompt


class Reader:
    """Reads as the app does, and keeps what it was given to read."""

    def __init__(self) -> None:
        self.session = Session()
        self.texts: list[str] = []

    def typed(self, text: str) -> Typed:
        self.texts.append(text)
        return self.session.typed(text)


@dataclass(frozen=True)
class FakeItem:
    name: str
    insert: str
    signature: str
    effect: str | None = None
    note: str = ""
    sample: str = ""


@dataclass(frozen=True)
class FakeCompletions:
    start: int
    end: int
    items: tuple[FakeItem, ...] = ()
    signature: str | None = None
    active: Any = None


LONG = "dims 0 and 1 span two stretches of memory: stride 4 was needed and 1 was found"
ITEMS = (
    FakeItem("view", "view(", "view(*size)", "refused", LONG, ".view(12)"),
    FakeItem("view_as", "view_as(", "view_as(other)", None, ""),
    FakeItem("t", "t()", "t()", "view", "(3,4):(1,3)", ".t()"),
    FakeItem("reshape", "reshape(", "reshape(*shape)", "copy", "96 B", ".reshape(12)"),
    *(FakeItem(f"op{number}", f"op{number}(", f"op{number}(dim)", "view", "(12):(1)") for number in range(8)),
)


def fake_complete(text: str, line: int, column: int, typed: Any, limit: int = 12) -> FakeCompletions:
    before = text.split("\n")[line][:column]
    start = len(before)
    while start and (before[start - 1].isalnum() or before[start - 1] == "_"):
        start -= 1
    word = before[start:]
    if before[:start].endswith(".") and not before[: start - 1][-1:].isdigit():
        found = tuple(item for item in ITEMS if item.name.startswith(word))[:limit]
        return FakeCompletions(start, column, found)
    if before.count("(") > before.count(")"):
        signature = "view(*size)"
        return FakeCompletions(start, column, (), signature, (5, 10))
    return FakeCompletions(start, column)


class Host(App[None]):
    """A picture, and a prompt below it (or above it); keeps what the prompt posts."""

    CSS = "#picture { height: 1fr; }"

    def __init__(self, text: str = "", *, on_top: bool = False, fake: bool = True, **given: Any) -> None:
        super().__init__()
        self.reader = Reader()
        if fake:
            given = {"session": self.reader, "complete": fake_complete, **given}
        self.prompt = Prompt(text, **{"lines": Lines(), **given})
        self.on_top = on_top
        self.told: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        picture = Static("#" * 10_000, id="picture")
        yield from (self.prompt, picture) if self.on_top else (picture, self.prompt)

    def on_mount(self) -> None:
        self.prompt.focus()

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        self.told.append(("changed", message.typed.text))

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        self.told.append(("submitted", message.typed.text))

    def on_prompt_left(self) -> None:
        self.told.append(("left", ""))

    def of_kind(self, kind: str) -> list[str]:
        return [text for what, text in self.told if what == kind]

    def screen_rows(self) -> list[str]:
        """The screen as text."""
        width, height = self.size
        strips = self.screen._compositor.render_strips()
        rows = ["".join(segment.text for segment in strip) for strip in strips]
        assert len(rows) == height and all(len(row) <= width for row in rows)
        return rows

    def row_of(self, words: str) -> int:
        """The number of the only row of the screen that holds some words."""
        rows = [number for number, row in enumerate(self.screen_rows()) if words in row]
        assert len(rows) == 1, (words, self.screen_rows())
        return rows[0]

    def styled_columns(self, row: int, style: str) -> list[int]:
        """The columns of a row whose cells have a style such as "underline"."""
        strip = self.screen._compositor.render_strips()[row]
        found, column = [], 0
        for text, look, _ in strip:
            width = cell_len(text)
            if look is not None and getattr(look, style):
                found += range(column, column + width)
            column += width
        return found


def play(app: Host, scenario: Callable[[Host, Pilot[None]], Awaitable[None]], size: tuple[int, int] = (80, 24)) -> Host:
    """Run an app through a scenario."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await scenario(app, pilot)

    asyncio.run(run())
    return app


async def press(pilot: Pilot[None], *names: str) -> None:
    """Press keys as fast as they go, and wait until all that follows is done."""
    for name in names:
        char = " " if name == "space" else name if len(name) == 1 else None
        pilot.app.post_message(events.Key(name, char))
    await settled(pilot)


async def press_keys(pilot: Pilot[None], text: str) -> None:
    """Type a text."""
    await press(pilot, *["space" if char == " " else char for char in text])


async def settled(pilot: Pilot[None]) -> None:
    """Wait until what was typed is read and the help for it is on screen."""
    prompt = pilot.app.query_one(Prompt)
    quiet = 0
    for _ in range(500):
        await pilot.pause(0.001)
        busy = prompt._timer is not None or prompt._completing or prompt.screen._dirty_widgets
        quiet = 0 if busy else quiet + 1
        if quiet == 4:
            return
    raise AssertionError("the prompt never came to rest")
