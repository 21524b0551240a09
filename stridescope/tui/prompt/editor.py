"""The text box of the prompt: Textual's `TextArea`, minus what a program's line has no use for.

Problem: selection, undo in sensible pieces, soft wrap, wide characters and the mouse are long solved in `TextArea`;
`Input` has one line and no undo. But enter must not be swallowed, fast typing must not overtake a backspace, a paste is
not to be trusted, and the place of an error must be seen in the text. Method: a subclass that keeps the bindings of
editing, runs those and the prompt's in the order of the keys, cleans what comes in, and marks places in the text.

Cost: `TextArea`'s; importing it takes 6 ms beside Textual itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import TextArea

from stridescope.program.source import MAX_CHARS
from stridescope.tui.prompt.lines import ROLES, OpPlace, Place, cleaned

if TYPE_CHECKING:
    from rich.text import Text
    from textual import events

__all__ = ["MOST_ROWS", "Editor"]

MOST_ROWS = 4
"""How high the text may grow."""

# The prompt, the screen or the app has a use of its own for these.
_NOT_EDITING = frozenset(
    ("cursor_up", "cursor_down", "cursor_page_up", "cursor_page_down", "select_line", "select_all")
)


def _editing() -> list[Binding]:
    """The bindings of `TextArea` that edit, each with an id and a tooltip as all of ours have."""
    return [
        replace(row, id=f"prompt.{row.action.replace('(True)', '_select')}", tooltip=f"{row.description}.")
        for row in TextArea.BINDINGS
        if isinstance(row, Binding) and row.action not in _NOT_EDITING
    ]


class Editor(TextArea, inherit_bindings=False):
    """The text, its cursor, and what is marked in it."""

    DEFAULT_CSS = """
    Editor {
        height: auto;
        max-height: 4;
        min-height: 1;
        border: none;
        padding: 0;
        background: transparent;
        scrollbar-size-vertical: 1;
        &:focus { border: none; }
        & .text-area--cursor-line { background: transparent; }
        & .editor--alloc { color: $text-secondary; }
        & .editor--view, & .editor--same { color: $text-success; }
        & .editor--copy { color: $text-warning; }
        & .editor--write { color: $text-accent; }
        & .editor--refused { color: $text-error; }
        & .editor--error { color: $text-error; text-style: underline; }
        &:nocolor .editor--alloc, &:nocolor .editor--view, &:nocolor .editor--same, &:nocolor .editor--copy,
        &:nocolor .editor--write, &:nocolor .editor--refused { color: $foreground; }
        &:nocolor .editor--error { color: $foreground; text-style: underline bold; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"editor--{role}" for role in ROLES}
    BINDINGS: ClassVar[list[Binding]] = _editing()  # type: ignore[assignment]

    class LeftOut(Message):
        """Something of what came in was left out; `sentence` says what."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    def __init__(self, text: str = "", placeholder: str = "") -> None:
        super().__init__(cleaned(text)[0], compact=True, highlight_cursor_line=False)
        self.placeholder = Content(placeholder)
        # A cursor that blinks is a frame twice a second for nothing.
        self.cursor_blink = False
        self.error: Place | None = None
        self.ops: tuple[OpPlace, ...] = ()
        self.was_typed = False
        """Whether the last change of the text was a character typed, and not a paste, a deletion or an undo."""
        self._typing = False
        self._most_rows = MOST_ROWS

    @property
    def most_rows(self) -> int:
        """How high the text may grow, where the screen is low."""
        return self._most_rows

    @most_rows.setter
    def most_rows(self, most: int) -> None:
        if most != self._most_rows:
            self._most_rows = most
            self.styles.max_height = most

    def mark(self, ops: tuple[OpPlace, ...], error: Place | None) -> None:
        """Colour the ops by what they did, and underline the place of an error."""
        if (ops, error) != (self.ops, self.error):
            self.ops, self.error = ops, error
            # `TextArea` keeps finished lines, and knows nothing of these places.
            self.notify_style_update()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """A line of the text with what is marked in it."""
        line = super().get_line(line_index)
        for (at, column, end_column), effect in self.ops:
            if at == line_index:
                line.stylize(self.get_component_rich_style(f"editor--{effect}", partial=True), column, end_column)
        if self.error is not None and self.error[0] == line_index:
            _, column, end_column = self.error
            if column >= len(line):
                # What is missing at the end of a line is shown on the column after it.
                line.append(" ")
                column, end_column = len(line) - 1, len(line)
            line.stylize(self.get_component_rich_style("editor--error", partial=True), column, end_column)
        return line

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        """Scroll to the cursor, unless the lines it was in are just being taken back."""
        # An undo shrinks the text before it moves the cursor, and `TextArea` fails in between when its scrollbar goes.
        if self.cursor_location[0] >= self.document.line_count:
            return Offset()
        return super().scroll_cursor_visible(center, animate)

    def update_suggestion(self) -> None:
        """Remember how the text changed; Textual calls this after every change of it."""
        self.was_typed, self._typing = self._typing, False

    def put(self, text: str) -> None:
        """Replace the selection by text from outside, as one undo step; the cursor goes to its end."""
        held = len(self.text) - len(self.selected_text)
        kept, sentence = cleaned(text, max(0, MAX_CHARS - held))
        if kept or not text:
            self.history.checkpoint()
            result = self.replace(kept, *self.selection, maintain_selection_offset=False)
            self.move_cursor(result.end_location)
            self.history.checkpoint()
        if sentence:
            self.post_message(self.LeftOut(sentence))

    def rewrite(self, text: str) -> None:
        """Replace all of the text, as one undo step; the cursor goes to its end."""
        self.history.checkpoint()
        result = self.replace(cleaned(text)[0], (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor(result.end_location)
        self.history.checkpoint()

    async def on_key(self, event: events.Key) -> None:
        """A character goes in while there is room; a key that is bound here is seen to at once."""
        if event.is_printable:
            if len(self.text) - len(self.selected_text) >= MAX_CHARS:
                event.stop()
                event.prevent_default()
                self.post_message(self.LeftOut(f"a program has at most {MAX_CHARS:,} characters"))
            else:
                self._typing = True
            return
        # Bindings run only when a key has gone up to the app and found nobody; by then the characters that came right
        # after it would be in the text already, and a backspace would delete one of those.
        bound = self.screen.active_bindings.get(event.key)
        if bound is not None and bound.node in (self, self.parent):
            event.prevent_default()
            if await self.app.run_action(bound.binding.action, bound.node):
                event.stop()

    def on_paste(self, event: events.Paste) -> None:
        """Put what was pasted, cleaned."""
        event.stop()
        event.prevent_default()
        self.put(event.text)

    def action_paste(self) -> None:
        """Put what was copied in this app."""
        self.put(self.app.clipboard)
