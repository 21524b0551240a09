"""The home screen: what stridescope is, a dozen things to try, and a line to type one's own.

Problem: a first look must say what this is for, at 40 columns and at 200. Method: one list, drawn by one widget, with
the marked example explained and, where there is room, shown: its last step at rest, beside the list on a wide
terminal, below it on a tall one. Opening one is a message that the app acts on. Cost: one picture for the example that
is marked, after the first paint; none where there is no room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen

from stridescope.scene.frame import painted, piece
from stridescope.scene.text import shortened, source_shortened
from stridescope.tui.examples import EXAMPLES
from stridescope.tui.key_line import KeyLine
from stridescope.tui.keys import bindings
from stridescope.tui.lines import Lines, line, looks_of, wrapped
from stridescope.tui.prompt import Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Click, MouseMove, MouseScrollDown, MouseScrollUp, Paste
    from textual.geometry import Size

    from stridescope.records import History
    from stridescope.scene.frame import Row

__all__ = ["HomeScreen"]

_IDEA = 24
"""Columns of an example's name, where its program stands beside it."""
_WITH_SOURCE = 76
_BESIDE = 100
"""Columns from which on the preview stands beside the list."""
_WITH_PROGRAMS = 140
"""Columns from which on the list beside a preview has room for programs."""
_SPREAD = 180
"""Columns from which on it has room for sentences too, where it has the rows."""
_PLACEHOLDER = "or type a program: torch.arange(12).view(3, 4)"
_PICTURE = (24, 6)
"""The least room, columns and rows, that a picture is drawn in."""


class Welcome(Lines):
    """What this is, in one line."""

    DEFAULT_CSS = "Welcome { height: 2; }"

    def rows(self, size: Size) -> Sequence[Row]:
        """One line, and air."""
        says = "how indices map to storage" if size.width < 64 else "see how a tensor's indices map to its storage"
        return [line([("stridescope", "view"), (f"   {says}", "quiet")], size.width, x=2)]


class Examples(Lines):
    """The list, of which one is marked.

    Attributes:
        marked: the number of the one that is.
        spread: the lines that each takes: 1, 2 with its sentence, 3 with air.
    """

    def __init__(self) -> None:
        super().__init__(id="examples")
        self.marked = 0
        self.spread = 1
        self._first = 0

    def mark(self, number: int) -> None:
        """Mark an example."""
        self.marked = number
        self.changed()

    def rows(self, size: Size) -> Sequence[Row]:
        """As many as fit, the marked one among them."""
        room = max(size.height // self.spread, 1)
        first = min(max(self._first, self.marked - room + 1), self.marked)
        self._first = max(min(first, len(EXAMPLES) - room), 0)
        shown = range(self._first, len(EXAMPLES))[:room]
        return [row for number in shown for row in self._rows_of(number, size.width)]

    def _rows_of(self, number: int, width: int) -> Sequence[Row]:
        example = EXAMPLES[number]
        idea, room = example.idea, width - 6
        source = ""
        if width >= _WITH_SOURCE:
            idea = idea.ljust(_IDEA)
            source = source_shortened(example.source, room - _IDEA - 2)
        key = (2, piece(example.key, "view"))
        if number == self.marked:
            said = f"{idea}{source}".ljust(room - 1)
            first = painted([key, *((4 + x, piece(text, "chosen")) for x, text in ((0, " "), (1, said)))], width)
        else:
            first = painted([key, (5, piece(idea)), (5 + _IDEA, piece(source, "quiet"))], width)
        sentence = line([(shortened(example.sentence, room - 2), "quiet")], width, x=5)
        return (first, sentence, ())[: self.spread]

    def on_mouse_move(self, event: MouseMove) -> None:
        """Mark what the mouse is over."""
        self._marks(event.y)

    def on_click(self, event: Click) -> None:
        """Open what was clicked."""
        if self._marks(event.y):
            self.post_message(HomeScreen.Marked(self.marked, opened=True))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Mark the next one."""
        event.stop()
        self.post_message(HomeScreen.Marked(self.marked + 1))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Mark the one before."""
        event.stop()
        self.post_message(HomeScreen.Marked(self.marked - 1))

    def _marks(self, y: int) -> bool:
        number = self._first + y // self.spread
        if number >= len(EXAMPLES):
            return False
        self.post_message(HomeScreen.Marked(number))
        self.marked = number
        return True


class Preview(Lines):
    """What the marked example shows, or what is being typed: a sentence, and the last step at rest."""

    def __init__(self) -> None:
        super().__init__(id="preview")
        self.beside = False
        self._source, self._sentence = "", ""
        self._history: History | None = None

    def show(self, source: str, sentence: str, history: History | None = None) -> None:
        """Show another program; it is run where its history is not given, and only if there is room for a picture."""
        self._source, self._sentence, self._history = source, sentence, history
        self.changed()

    def rows(self, size: Size) -> Sequence[Row]:
        """The program, the sentence, and the picture where there is room for one."""
        width = size.width
        source = [line([(text, "bold")], width, x=2) for text in wrapped(self._source, width - 4)]
        sentence = [line([(text, "plain")], width, x=2) for text in wrapped(self._sentence, width - 4)]
        head = [*source, *sentence] if size.height >= len(source) + len(sentence) else sentence
        if not self.beside and size.height > len(head):
            head = [(), *head]
        room = size.height - len(head) - 1
        if not self._source or room < _PICTURE[1] or width < _PICTURE[0]:
            return head
        return [*head, (), *self._picture(width, room)]

    def _picture(self, width: int, height: int) -> Sequence[Row]:
        from stridescope.program import run
        from stridescope.scene.stage import Scene
        from stridescope.scene.view import View

        if self._history is None:
            self._history = run(self._source)
        ink = looks_of(self).ink
        scene = Scene(self._history)
        view = View(width - 1, height, ascii=ink.ascii, coloured=ink.coloured)
        frame = scene.frame(scene.timeline.last, view)
        return [tuple((x + 1, part) for x, part in row) for row in frame.rows]


class HomeScreen(Screen[None]):
    """Things to try, and a line to type on."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("home")]
    CSS_PATH = "home.tcss"
    AUTO_FOCUS = ""
    SCOPES: ClassVar[tuple[str, ...]] = ("home", "app")
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as Textual has it
        (0, "-narrow"),
        (_BESIDE, "-wide"),
        (_WITH_PROGRAMS, "-wider"),
        (_SPREAD, "-widest"),
    ]

    class Opened(Message):
        """A program is to be played."""

        def __init__(self, source: str) -> None:
            super().__init__()
            self.source = source

    class Marked(Message):
        """An example is pointed at, and opened."""

        def __init__(self, number: int, *, opened: bool = False) -> None:
            super().__init__()
            self.number = number
            self.opened = opened

    def compose(self) -> ComposeResult:
        """The four parts."""
        yield Welcome()
        with Container(id="middle"):
            yield Examples()
            yield Preview()
        yield Prompt(placeholder=_PLACEHOLDER, lines=getattr(self.app, "lines", None), id="prompt")
        yield KeyLine()

    @property
    def key_scopes(self) -> tuple[str, ...]:
        """Whose keys work now."""
        return self.SCOPES if self.focused is None else ("prompt", "app")

    def on_mount(self) -> None:
        """Show what is marked, once the first paint is out."""
        self.call_after_refresh(self._show)
        self.watch(self.app, "ascii", self._plain)

    def _plain(self, ascii: bool) -> None:
        self.query_one(Prompt).ascii = ascii

    def on_resize(self) -> None:
        """Give the list the rows it needs, where there are so many."""
        examples, preview = self.query_one(Examples), self.query_one(Preview)
        preview.beside = self.size.width >= _BESIDE
        room = self.size.height - 4
        examples.spread = min(max(room // len(EXAMPLES), 1), 3) if self.size.width >= _SPREAD else 1
        examples.styles.height = "1fr" if preview.beside else max(min(len(EXAMPLES), room - 3), 1)

    def action_mark(self, by: int) -> None:
        """Mark another example."""
        self._mark(self.query_one(Examples).marked + by)

    def action_mark_at(self, number: int) -> None:
        """Mark an example by its number."""
        self._mark(number % len(EXAMPLES))

    def action_open(self, number: int | None = None) -> None:
        """Open an example, the marked one unless a number is given."""
        number = self.query_one(Examples).marked if number is None else number
        self._mark(number)
        self.post_message(self.Opened(EXAMPLES[number].source))

    def action_prompt(self) -> None:
        """Go to the line."""
        self.query_one(Prompt).focus()

    def on_home_screen_marked(self, message: Marked) -> None:
        """Follow the mouse."""
        message.stop()
        if message.opened:
            self.action_open(message.number)
        else:
            self._mark(message.number)

    @on(Prompt.Changed)
    def _typed(self, message: Prompt.Changed) -> None:
        message.stop()
        typed = message.typed
        if isinstance(message, Prompt.Submitted):
            self.post_message(self.Opened(typed.text))
        elif typed.history is not None and typed.history.steps:
            self.query_one(Preview).show(typed.valid.strip(), "Enter plays it.", typed.history)
        elif typed.text.strip():
            # Not the marked example: beside a text it would look as if it were that text's picture.
            fault = None if typed.unfinished else typed.error
            self.query_one(Preview).show("", "There is nothing to see yet." if fault is None else fault.message)
        else:
            self._show()

    def on_paste(self, event: Paste) -> None:
        """A paste is meant for the line, wherever the focus is."""
        self.query_one(Prompt).paste(event.text)

    @on(Prompt.Left)
    def _left(self, message: Prompt.Left) -> None:
        message.stop()
        self.set_focus(None)
        self._show()

    def _mark(self, number: int) -> None:
        self.query_one(Examples).mark(min(max(number, 0), len(EXAMPLES) - 1))
        self._show()

    def _show(self) -> None:
        example = EXAMPLES[self.query_one(Examples).marked]
        self.query_one(Preview).show(example.source, example.sentence)
