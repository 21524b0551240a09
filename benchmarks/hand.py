"""What somebody at a terminal might do, made up at random, and a terminal that takes what an app writes to it.

Problem: keys, mouse, pastes and resizes meet in orders that nobody writes a test for. Method: a seeded hand (`Hand`)
makes up what a terminal would send, from every key of `tui.keys` to broken escape sequences; a driver (`Deaf`) parses
that as Textual does, and drops what the app writes after it was composed and encoded. Cost: none beside the app's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from textual.keys import key_to_character

from benchmarks.fuzz import chain_for
from stridescope.tui.examples import EXAMPLES
from stridescope.tui.keys import KEYS

__all__ = ["MIDDLING", "Clock", "Deaf", "Hand"]

SIZES = ((20, 5), (39, 11), (40, 12), (60, 20), (80, 24), (100, 30), (140, 40), (200, 60), (220, 70))
MIDDLING = (100, 30)

# What a hand does ------------------------------------------------------------------------------------------------

BOUND = tuple(sorted({key for row in KEYS for key in row.keys.split(",") if key} - {"ctrl+@"}))
EDITING = (
    "backspace", "delete", "home", "end", "left", "right", "up", "down", "enter", "tab", "shift+tab", "escape",
    "ctrl+w", "ctrl+u", "ctrl+k", "ctrl+z", "ctrl+y", "ctrl+a", "ctrl+e", "ctrl+v", "ctrl+x", "shift+left",
    "shift+right", "shift+up", "shift+down", "ctrl+left", "ctrl+right", "ctrl+shift+left", "shift+home", "shift+end",
    "ctrl+delete", "ctrl+backspace", "alt+enter", "ctrl+j", "ctrl+@", "f6", "f7", "insert", "pageup", "pagedown",
)  # fmt: skip
TYPED = (
    "torch.arange(12)", ".view(3, 4)", ".t()", "[1:, ::2]", ".view(12)", ".reshape(-1)", ".contiguous()", ".expand(",
    ".permute(2, 0, 1)", "torch.zeros(2, 3, 4, 5)", "x = torch.arange(10**12).view(10**6, -1)", "'", "한글", "😀", "é",
    "; y = x[::2]; y.add_(1)", ".unfold(0, 4, 2)", "np.arange(9).reshape(3, 3)[::-1]", ".flat", "torch.", ")", "(",
    "\t", "#", ".to(torch.float16)", ".unsqueeze(1).expand(4, 2, 4, 4)", "torch.empty(0, 3)", "x", " ",
    "torch.tensor(float('nan'))",
)  # fmt: skip
PASTED = (
    "torch.arange(12).view(3, 4).t()",
    "x = torch.arange(12)\r\na = x.view(3, 4)\nb = x[::2]\nb.add_(10)\n",
    ">>> x = torch.zeros(2, 3)\n... x.t()",
    "\x1b[31mtorch\x1b[0m.arange(3)\x00\x07\x08",
    "torch.arange(12" * 400,
    "a\n" * 3000,
    "(" * 5000,
    "x" * 200_000,
    "\u202e한글\u200b\ud7ff\t\x0b\x0c\x85\u2028",
    "torch.arange(4)[[0, 1]]; import os; os.system('true'); __import__('os')",
    "",
)
JUNK = (
    "\x1b[999;999R", "\x1b[?2026;2$y", "\x1b]11;rgb:0000/0000/0000\x07", "\x1b[<0;500;500M", "\x1b[<35;1;1M",
    "\x1b[<0;0;0m", "\x1b[1;99A", "\x1b[57441;5u", "\x1bOP", "\x1b\x1b", "\x1b[201~", "\x00", "\x7f\x7f", "\x1bq",
    "\x1b[12345", "\x1b[<64;3;3M",
)  # fmt: skip

Input = Callable[["Deaf"], None]


class Hand:
    """Whoever sits before the terminal: `acts()` makes up one thing after another, each with its name.

    Args:
        seed: the same seed does the same things, as long as the table is the same.
        clock: is moved on from time to time.
    """

    def __init__(self, seed: int, clock: Clock) -> None:
        self.chance = Random(seed)
        self.clock = clock
        self.size = SIZES[4]

    def acts(self) -> Iterator[tuple[str, Input]]:
        """One event after another, without end."""
        kinds = list(_KINDS)
        weights = list(_KINDS.values())
        while True:
            (kind,) = self.chance.choices(kinds, weights)
            yield from kind(self)

    def bound(self) -> Iterator[tuple[str, Input]]:
        """Any key of the table."""
        yield self._key(self.chance.choice(BOUND))

    def editing(self) -> Iterator[tuple[str, Input]]:
        """A key that edits."""
        yield self._key(self.chance.choice(EDITING))

    def typing(self) -> Iterator[tuple[str, Input]]:
        """A piece of a program, character by character; often after going to the line, and submitted."""
        if self.chance.random() < 0.4:
            yield self._key("slash")
        for char in self.chance.choice(TYPED):
            yield self._text(char)
        if self.chance.random() < 0.2:
            yield self._key("enter")

    def pasting(self) -> Iterator[tuple[str, Input]]:
        """A paste, of a program that runs in half of all cases; often submitted, and often left after that."""
        text = self.chance.choice(PASTED)
        if self.chance.random() < 0.5:
            text = chain_for(self.chance.randrange(10**6), self.chance.choice(("torch", "numpy")))[0]
        yield self._key("slash")
        if self.chance.random() < 0.6:
            yield self._key("ctrl+u")
        yield f"paste {text[:60]!r}", lambda driver: driver.feed(f"\x1b[200~{text}\x1b[201~")
        if self.chance.random() < 0.6:
            yield self._key("enter")

    def pointing(self) -> Iterator[tuple[str, Input]]:
        """The mouse goes to a place and perhaps on from there."""
        for _ in range(self.chance.randint(1, 4)):
            yield self._mouse(35 + self._held())

    def clicking(self) -> Iterator[tuple[str, Input]]:
        """A click, or more than one, with any button."""
        button, (x, y) = self.chance.choice((0, 0, 0, 1, 2)) + self._held(), self._place()
        for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
            yield self._mouse(button, x, y)
            yield self._mouse(button, x, y, "m")

    def dragging(self) -> Iterator[tuple[str, Input]]:
        """A button goes down, the mouse moves, the button comes up: mostly."""
        yield self._mouse(0)
        for _ in range(self.chance.randint(0, 6)):
            yield self._mouse(32)
        if self.chance.random() < 0.9:
            yield self._mouse(0, None, None, "m")

    def turning(self) -> Iterator[tuple[str, Input]]:
        """The wheel, in any direction."""
        code, (x, y) = self.chance.choice((64, 65, 66, 67)) + self._held(), self._place()
        for _ in range(self.chance.randint(1, 5)):
            yield self._mouse(code, x, y)

    def resizing(self) -> Iterator[tuple[str, Input]]:
        """Another size, one that is known to matter or any."""
        self.size = self.chance.choice(SIZES)
        if self.chance.random() < 0.5:
            self.size = self.chance.randint(20, 220), self.chance.randint(5, 70)
        size = self.size
        yield f"resize {size}", lambda driver: driver.resize(Size(*size))
        if self.size < (60, 20) and self.chance.random() < 0.7:
            # Where nothing can be shown, there is nothing to find for long.
            self.size = MIDDLING
            yield f"resize {self.size}", lambda driver: driver.resize(Size(*MIDDLING))

    def waiting(self) -> Iterator[tuple[str, Input]]:
        """Time passes."""
        seconds = self.chance.choice((0.0, 0.016, 0.05, 0.3, 1.0, 5.0, 60.0))
        yield f"{seconds} s", lambda _: self.clock.pass_by(seconds)

    def looking(self) -> Iterator[tuple[str, Input]]:
        """The terminal loses the focus, or gets it."""
        name, sequence = self.chance.choice((("focus", "\x1b[I"), ("blur", "\x1b[O"), ("focus", "\x1b[I")))
        yield name, lambda driver: driver.feed(sequence)

    def choosing(self) -> Iterator[tuple[str, Input]]:
        """Something from the palette."""
        yield self._key("ctrl+p")
        for char in self.chance.choice(KEYS).label[: self.chance.randint(0, 9)]:
            yield self._text(char)
        for _ in range(self.chance.randint(0, 3)):
            yield self._key("down")
        yield self._key(self.chance.choice(("enter", "enter", "escape")))

    def opening(self) -> Iterator[tuple[str, Input]]:
        """An example, from wherever this is."""
        yield self._key("escape")
        yield self._key("escape")
        yield self._key("0")
        yield self._key(self.chance.choice(EXAMPLES).key)

    def rubbish(self) -> Iterator[tuple[str, Input]]:
        """What no terminal should send."""
        sequence = self.chance.choice(JUNK)
        yield f"junk {sequence!r}", lambda driver: driver.feed(sequence)

    def _key(self, key: str) -> tuple[str, Input]:
        return key, lambda driver: driver.process_message(events.Key(key, key_to_character(key)))

    def _text(self, char: str) -> tuple[str, Input]:
        return repr(char), lambda driver: driver.feed(char)

    def _place(self) -> tuple[int, int]:
        return self.chance.randint(1, self.size[0]), self.chance.randint(1, self.size[1])

    def _held(self) -> int:
        """Shift, alt and control in a mouse code; mostly none."""
        return self.chance.choice((0, 0, 0, 0, 4, 8, 16))

    def _mouse(self, code: int, x: int | None = None, y: int | None = None, end: str = "M") -> tuple[str, Input]:
        if x is None or y is None:
            x, y = self._place()
        sequence = f"\x1b[<{code};{x};{y}{end}"
        return f"mouse {sequence[2:]}", lambda driver: driver.feed(sequence)


_KINDS: dict[Callable[[Hand], Iterator[tuple[str, Input]]], int] = {
    Hand.bound: 60,
    Hand.editing: 20,
    Hand.typing: 6,
    Hand.pasting: 4,
    Hand.pointing: 10,
    Hand.clicking: 8,
    Hand.dragging: 4,
    Hand.turning: 6,
    Hand.resizing: 5,
    Hand.waiting: 24,
    Hand.looking: 2,
    Hand.choosing: 2,
    Hand.opening: 3,
    Hand.rubbish: 2,
}
"""What is done -> how often, beside the others."""


# A terminal that is none --------------------------------------------------------------------------------------------


class Clock:
    """Stands still until time passes."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


class Deaf(HeadlessDriver):
    """A driver whose terminal takes everything and answers nothing; the app encodes and writes as to any other.

    Attributes:
        written: characters.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.written = 0
        self._parser = XTermParser()

    @property
    def is_headless(self) -> bool:
        """For a headless one nothing would be drawn."""
        return False

    def write(self, data: str) -> None:
        """Count it."""
        self.written += len(data)

    def feed(self, sequence: str) -> None:
        """What the terminal sends."""
        for message in (*self._parser.feed(sequence), *self._parser.tick()):
            self.process_message(message)

    def resize(self, size: Size) -> None:
        """Another size."""
        self._size = size
        self.process_message(events.Resize(size, size))
