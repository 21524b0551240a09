"""The prompt: a program, read as it is typed.

Problem: every keystroke must reach the picture within a frame, a burst of keystrokes must not be read one by one, and
none of the help around the text may stand in the way of typing. Method: the first keystroke after a pause is read at
once and those that follow within a frame are read together; whoever listens gets what was read before the list of
completions is made, which waits until the screen has been drawn. What is said and shown follows from the text, the
cursor and a few flags, and is made anew each time.

Cost: one reading (`program.typed`) a frame at most, one list of completions after it.
"""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static, TextArea

from stridescope.program.source import origins
from stridescope.render.ink import Ink
from stridescope.tui.prompt.editor import MOST_ROWS, Editor
from stridescope.tui.prompt.lines import Lines, op_places, told, wrapped
from stridescope.tui.prompt.popup import Popup
from stridescope.tui.prompt.reading import Reading
from stridescope.tui.prompt.said import Said, error_rows, refused_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.screen import Screen
    from textual.timer import Timer
    from typing_extensions import Self

    from stridescope.program.completion import Completions, Item
    from stridescope.program.typed import Typed
    from stridescope.tui.prompt.lines import Part
    from stridescope.tui.prompt.reading import Complete, Session

__all__ = ["Prompt"]

FRAME = 1 / 60
"""Seconds within which keystrokes are read together."""

EXAMPLE = "torch.arange(12).view(3, 4).t()"

# A name, or the dot before one, up to the cursor.
_NAME = re.compile(r"(?:\.|(?<!\w)[^\W\d]\w*)\Z")

_MOST_SAID = 3
_LOW = 16
"""A screen lower than this has room for half of both."""


class Prompt(Widget, can_focus=False, can_focus_children=True):
    """A line to type a program on, with what is wrong with it, and what could come next.

    Attributes:
        lines: the lines submitted before; share one between prompts and they have one history.
        ascii: whether only ASCII is drawn.
    """

    DEFAULT_CSS = """
    Prompt {
        height: auto;
        width: 1fr;
        layout: vertical;
        background: $surface;
        & > .prompt--sign { dock: left; width: 2; height: 1; color: $text-muted; }
        &:focus-within > .prompt--sign { color: $primary; text-style: bold; }
    }
    """
    # fmt: off
    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding(keys, action, label, show=False, id=name, tooltip=tooltip) for name, keys, action, label, tooltip in (
            ("prompt.submit", "enter", "submit", "Play what changed", "Submit the program, or take the chosen row."),
            ("prompt.newline", "ctrl+j,alt+enter,shift+enter,ctrl+enter", "newline", "New line", "Start a new line."),
            ("prompt.complete", "ctrl+@,ctrl+space", "complete", "Complete", "List what could come next."),
            ("prompt.take", "tab", "take", "Complete", "Take the first completion, or list what could come next."),
            ("prompt.back", "shift+tab", "back", "Back", "Choose the completion before, or leave the line."),
            ("prompt.older", "up", "move(-1)", "Earlier lines", "The line above, the list, or the lines before."),
            ("prompt.newer", "down", "move(1)", "Later lines", "The line below, the list, or the lines after."),
            ("prompt.leave", "escape", "leave", "Back to the picture", "Close the list; then leave the line."),
        )
    ]
    # fmt: on

    ascii: reactive[bool] = reactive(False)

    class Changed(Message):
        """The text is another one; posted once for all that was typed within a frame."""

        def __init__(self, prompt: Prompt, typed: Typed) -> None:
            super().__init__()
            self.prompt = prompt
            self.typed = typed

        @property
        def control(self) -> Prompt:
            """The prompt."""
            return self.prompt

    class Submitted(Changed):
        """Enter was pressed on a program without an error; its last step may be refused.

        A `Changed` too: a handler of that one is given both.
        """

    class Left(Message):
        """The user is done with typing, and the focus may go elsewhere."""

    def __init__(
        self,
        text: str = "",
        *,
        session: Session | None = None,
        complete: Complete | None = None,
        lines: Lines | None = None,
        placeholder: str = EXAMPLE,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """A prompt with a text in it.

        Args:
            text: a program; cleaned and cut as a paste is.
            session: reads the text; a session without names of its own when None.
            complete: makes the list of completions; `program.completion.complete` when None.
            lines: the lines submitted before.
            placeholder: what stands there while there is no text.
        """
        super().__init__(id=id, classes=classes)
        self.lines = Lines() if lines is None else lines
        self.editor = Editor(text, placeholder)
        self._said = Said()
        self._popup = Popup()
        self._reading = Reading(session, complete)
        self._told_of: str = "" if text == "" else "\0"
        self._read_at = 0.0
        self._timer: Timer | None = None
        self._completing = False
        self._wanted = False
        self._dismissed: tuple[int, int] | None = None
        self._shouted = False
        self._left_over = ""

    def compose(self) -> ComposeResult:
        """The sign, the text, what is said below it, and the list over the screen."""
        yield Static(self.ink.mark("chain"), classes="prompt--sign", markup=False)
        yield self.editor
        yield self._said
        yield self._popup

    # ----------------------------------------------------------------------------------------------------- from outside

    @property
    def text(self) -> str:
        """The text as it stands."""
        return self.editor.text

    @property
    def typed(self) -> Typed:
        """What the text as it stands comes to."""
        return self._reading.typed(self.editor.text)

    def focus(self, scroll_visible: bool = True) -> Self:
        """Give the focus to the text."""
        self.editor.focus(scroll_visible)
        return self

    def load(self, text: str, cursor: tuple[int, int] | None = None) -> None:
        """Set the text, as one undo step, and read it at once.

        Args:
            text: a program.
            cursor: line and column from 0; the end of the text when None.
        """
        self._quiet()
        self.editor.rewrite(text)
        if cursor is not None:
            self.editor.move_cursor(cursor)
        self._read()

    def paste(self, text: str) -> None:
        """Take the focus, and put a text where the cursor is."""
        self.focus()
        self.editor.put(text)

    def select(self, line: int, column: int, end_line: int, end_column: int) -> None:
        """Mark a stretch of the text, told as `Step.place` tells it: lines from 1, columns from 0."""
        rows = origins(self.text)
        if not rows:
            return
        start, end = ((*rows[min(at, len(rows)) - 1],) for at in (line, end_line))
        self._quiet()
        self.editor.history.checkpoint()
        self.editor.move_cursor((start[0], start[1] + column))
        self.editor.move_cursor((end[0], end[1] + end_column), select=True)

    # ---------------------------------------------------------------------------------------------------------- reading

    def on_mount(self) -> None:
        """Follow the screen's layout, and read the text that stands there already."""
        self.screen.screen_layout_refresh_signal.subscribe(self, self._laid_out)
        if self.text:
            self.editor.move_cursor(self.editor.document.end)
            self._read()

    @on(TextArea.Changed)
    def _edited(self, event: TextArea.Changed) -> None:
        event.stop()
        line, column = self.editor.cursor_location
        # A list that is open stays while a name is mended; it opens for a name that is typed.
        asked = self.editor.was_typed or self._popup.is_open
        self._wanted = asked and _NAME.search(self.editor.document[line][:column]) is not None
        self._shouted, self._left_over = False, ""
        if self._timer is None:
            wait = self._read_at + FRAME - monotonic()
            if wait > 0:
                self._timer = self.set_timer(wait, self._read)
            else:
                self._read()

    def _read(self) -> None:
        """Read the text and tell of it, unless that was done."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        typed, self._read_at = self.typed, monotonic()
        if self._told_of != self.text:
            self._told_of = self.text
            self.post_message(self.Changed(self, typed))
        self._mark()
        self._help_soon()

    # ------------------------------------------------------------------------------------------------------------- help

    @on(TextArea.SelectionChanged)
    def _moved(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        if self._timer is None and self._reading.knows(self.text):
            if self._reading.left(*self._here):
                # The cursor went elsewhere without typing.
                self._close()
            self._help_soon()

    def on_descendant_focus(self) -> None:
        """Say what there is to say."""
        self._help_soon()

    def on_descendant_blur(self) -> None:
        """Only an error is said of a text that nobody types."""
        self._close()
        self._tell()

    def _help_soon(self) -> None:
        """Help with the text once the screen has been drawn, which comes first."""
        if not self._completing:
            self._completing = True
            self.call_after_refresh(self._help)

    def _help(self) -> None:
        self._completing = False
        if self._timer is not None or not self.is_attached:
            # The text is about to be read again, or the screen was left before it was drawn.
            return
        # To an empty text nobody typed there is nothing to say, and no reason yet to load the engine.
        if self.editor.has_focus and (self.text or self._reading.is_begun):
            self._list()
        self._tell()

    @property
    def _here(self) -> tuple[str, tuple[int, int]]:
        return self.text, self.editor.cursor_location

    def _list(self, chosen: int | None = None) -> None:
        """Open, change or close the list."""
        found = self._reading.completions(*self._here)
        start = (self.editor.cursor_location[0], found.start)
        if self._dismissed not in (None, start):
            self._dismissed = None
        if not self._wanted or not found.items or self._dismissed is not None or self._is_typed_out(found):
            self._popup.close()
            return
        if self._popup.items is not found.items:
            self._popup.open(found.items, chosen=chosen)
        self._place()

    def _is_typed_out(self, found: Completions) -> bool:
        """Whether the one thing to complete stands there already, and nothing is to be said of it."""
        line = self.editor.document[self.editor.cursor_location[0]]
        item = found.items[0]
        return len(found.items) == 1 and item.effect is None and line[found.start : found.end] == item.name

    def _close(self) -> None:
        self._wanted = False
        self._popup.close()

    def _quiet(self) -> None:
        """No list, and no complaint of what was before."""
        self._close()
        self._shouted, self._left_over = False, ""

    def _place(self) -> None:
        editor = self.editor
        found = self._reading.made(*self._here) if self._popup.is_open else None
        if found is not None:
            line, _ = editor.cursor_location
            column = min(found.start, len(editor.document[line]))
            at = editor.wrapped_document.location_to_offset((line, column))
            self._popup.place(self.region, self.screen.size, editor.content_region.x + at.x)

    def _laid_out(self, _: Screen[object]) -> None:
        """The screen was arranged anew: the list goes along, and a low screen gets a low prompt."""
        self.editor.most_rows = MOST_ROWS // (1 + (self.screen.size.height < _LOW))
        self._place()
        if self._said.width != self._said.size.width:
            self._tell()

    # ----------------------------------------------------------------------------------------------------------- saying

    @property
    def ink(self) -> Ink:
        """The characters that may be drawn."""
        return Ink(ascii=self.ascii)

    def watch_ascii(self, ascii: bool) -> None:
        """Draw the sign, the list and the line anew."""
        for sign in self.query(".prompt--sign").results(Static):
            sign.update(self.ink.mark("chain"))
        self._popup.ink = self.ink
        self._popup.set_class(ascii, "-ascii")
        if self.is_mounted:
            self._popup.refresh()
            self._tell()

    def _is_loud(self) -> bool:
        """Whether the error is to be told: not while what is at fault is still being typed."""
        typed = self.typed
        return typed.error is not None and (self._shouted or not typed.unfinished)

    @property
    def _is_refused(self) -> bool:
        """Whether the refusal of the last op is to be told: not while a row is chosen, or a call's words are needed."""
        typed, found = self.typed, self._reading.made(*self._here)
        refused = typed.history is not None and typed.history.refused is not None
        return refused and self._popup.item is None and not (found is not None and found.signature)

    def _mark(self) -> None:
        typed = self.typed
        ops = () if typed.history is None else op_places(typed.history, self.text)
        self.editor.mark(ops, typed.error_at if self._is_loud() else None)

    def _tell(self) -> None:
        """The line below the text."""
        if not self.is_attached:
            return
        width = self._said.size.width or max(1, self.screen.size.width - 2)
        focused = self.editor.has_focus
        most = _MOST_SAID - (self.screen.size.height < _LOW)
        rows: list[list[Part]] = []
        if self._left_over:
            rows = [[(row, "error")] for row in wrapped(self._left_over, width, most)]
        elif self.text and self._is_loud() and self._popup.item is None:
            rows = [[(row, "error")] for row in error_rows(self.typed, self.editor, self.ink, width, most)]
        elif focused and self.text and self._is_refused:
            rows = [[(row, "refused")] for row in refused_rows(self.typed, self.editor, self.ink, width, most + 1)]
        elif focused and (self.text or self._reading.is_begun):
            rows = [told(self.typed, self._reading.made(*self._here), self._popup.item, width, self.ink)]
        self._said.say(rows, width)
        self._said.display = bool(rows) or focused

    @on(Editor.LeftOut)
    def _left_out(self, event: Editor.LeftOut) -> None:
        event.stop()
        self._left_over = event.sentence
        self._tell()

    # ------------------------------------------------------------------------------------------------------------- keys

    def action_submit(self) -> None:
        """Take the chosen row; else submit the program, or say what keeps it from being one."""
        if (item := self._popup.item) is not None:
            self._take(item)
            return
        self._close()
        self._read()
        typed = self.typed
        if typed.error is not None and self.text.strip():
            self._shouted = True
            self._mark()
            self._tell()
        elif typed.history is not None:
            self.lines.add(self.text)
            self.post_message(self.Submitted(self, typed))

    def action_newline(self) -> None:
        """Go on in a new line."""
        self._close()
        self.editor.put("\n")

    def action_complete(self) -> None:
        """Open the list."""
        self._ask()

    def action_take(self) -> None:
        """Take the chosen row of the list that is open, or its first; else open it on its first row."""
        was_open = self._popup.is_open
        chosen = self._popup.chosen or 0
        items = self._ask(0)
        if items and (was_open or len(items) == 1):
            self._take(items[chosen if chosen < len(items) else 0])

    def action_back(self) -> None:
        """The row before in the list that is open, or leave."""
        if self._popup.is_open:
            self.action_move(-1)
        else:
            self.action_leave()

    def action_move(self, by: int) -> None:
        """A row in the list, a row in the text, a line in the history; the first of these that there is."""
        editor = self.editor
        if self._popup.is_open:
            self._popup.move(by)
            self._tell()
            return
        at = editor.cursor_location
        if by < 0 and not editor.navigator.is_first_wrapped_line(at):
            editor.action_cursor_up()
        elif by > 0 and not editor.navigator.is_last_wrapped_line(at):
            editor.action_cursor_down()
        elif (line := (self.lines.older if by < 0 else self.lines.newer)(self.text)) is not None:
            editor.rewrite(line)

    def action_leave(self) -> None:
        """Close the list; else give the focus away."""
        if not self._popup.is_open:
            self.post_message(self.Left())
            return
        self._dismissed = (self.editor.cursor_location[0], self._reading.completions(*self._here).start)
        self._close()
        self._tell()

    def _ask(self, chosen: int | None = None) -> Sequence[Item]:
        """Open the list whatever was typed; what it lists now."""
        if self._timer is not None:
            self._read()
        self._wanted, self._dismissed = True, None
        self._list(chosen)
        if chosen is not None and self._popup.is_open and self._popup.chosen is None:
            self._popup.move(1)
        self._tell()
        return self._popup.items

    @on(Popup.Taken)
    def _clicked(self, event: Popup.Taken) -> None:
        event.stop()
        self._take(event.item)
        self.focus()

    def _take(self, item: Item) -> None:
        """Put a completion in the place of what was typed of it, as one undo step."""
        found = self._reading.completions(*self._here)
        line, _ = self.editor.cursor_location
        rest = self.editor.document[line][found.end :]
        again = item.insert.endswith(("(", ".")) and rest.startswith(item.insert[-1])
        insert = item.insert[:-1] if again else item.insert
        self._close()
        self.editor.history.checkpoint()
        place = ((line, found.start), (line, found.end))
        result = self.editor.replace(insert, *place, maintain_selection_offset=False)
        row, column = result.end_location
        self.editor.move_cursor((row, column + again))
        self.editor.history.checkpoint()
        # What comes after a dot is asked for at once, as if the dot had been typed.
        self.editor.was_typed = item.insert.endswith(".")
