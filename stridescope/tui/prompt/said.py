"""The words below the text.

Problem: one line must do for what is wrong, for the signature of a call and for what the last step did, and yet no
sentence about an error may lose its end, which is where it says what to do. Method: one row, and up to three for an
error. Cost: linear in the words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widget import Widget

from stridescope.tui.prompt.lines import ROLES, op_places, pointed, wrapped

if TYPE_CHECKING:
    from textual.geometry import Size

    from stridescope.program.typed import Typed
    from stridescope.render.ink import Ink
    from stridescope.tui.prompt.editor import Editor
    from stridescope.tui.prompt.lines import Part, Place

__all__ = ["Said", "error_rows", "refused_rows"]


class Said(Widget):
    """The words below the text."""

    DEFAULT_CSS = """
    Said {
        height: auto;
        width: 1fr;
        display: none;
        color: $foreground;
        text-wrap: nowrap;
        & .said--bold { text-style: bold; }
        & .said--quiet { color: $foreground 65%; }
        & .said--alloc { color: $text-secondary; }
        & .said--view, & .said--same { color: $text-success; }
        & .said--copy { color: $text-warning; }
        & .said--write { color: $text-accent; text-style: bold; }
        & .said--refused, & .said--error { color: $text-error; }
        &:ansi .said--quiet { color: ansi_default; text-style: dim; }
        &:nocolor .said--alloc, &:nocolor .said--view, &:nocolor .said--same, &:nocolor .said--copy,
        &:nocolor .said--write, &:nocolor .said--refused, &:nocolor .said--error { color: $foreground; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"said--{role}" for role in ROLES}

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[Part]] = []
        self.width = 0
        """What the rows were made for."""

    def say(self, rows: list[list[Part]], width: int) -> None:
        """Say other words, made for a width."""
        self.width = width
        if rows != self.rows:
            taller = len(rows) != len(self.rows)
            self.rows = rows
            self.refresh(layout=taller)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """A row at least."""
        return max(1, len(self.rows))

    def render(self) -> Content:
        """The rows."""
        return Content("\n").join(
            Content.assemble(*[(text, self.get_visual_style(f"said--{role}", partial=True)) for text, role in row])
            for row in self.rows
        )


def error_rows(typed: Typed, editor: Editor, ink: Ink, width: int, most: int) -> list[str]:
    """The error's sentence in at most `most` rows, with carets where its place is in the last row of the text."""
    if typed.error is None:
        return []
    sentence = ink.say(typed.error.message)
    if typed.error_at is None:
        return wrapped(sentence, width, most)
    return _placed(sentence, typed.error_at, editor, width, most)


def refused_rows(typed: Typed, editor: Editor, ink: Ink, width: int, most: int) -> list[str]:
    """Why the last op was refused and what would work, with carets under that op as `error_rows` has them."""
    step = None if typed.history is None else typed.history.refused
    if typed.history is None or step is None or step.reason is None:
        return []
    others = "".join(f"; {other.source} would work" for other in step.reason.alternatives[:1])
    reason = f"{ink.glyph('refused')} refused: {ink.say(step.reason.message)}"
    # What would work is on the picture too, and gives way to the carets.
    sentence = reason + others if len(wrapped(reason + others, width)) < most else reason
    places = op_places(typed.history, typed.text)
    return _placed(sentence, places[-1][0], editor, width, most) if places else wrapped(sentence, width, most)


def _placed(sentence: str, place: Place, editor: Editor, width: int, most: int) -> list[str]:
    line, column, end_column = place
    text, last = editor.wrapped_document, editor.wrapped_document.height - 1
    start = text.location_to_offset((line, column))
    # A text that has just grown is not laid out yet; one that is longer than the box may be scrolled.
    shown = last < editor.most_rows or editor.scroll_offset.y + editor.size.height > last
    if start.y != last or not shown:
        return wrapped(f"line {line + 1}: {sentence}" if editor.document.line_count > 1 else sentence, width, most)
    end = text.location_to_offset((line, min(end_column, len(editor.document[line]))))
    return pointed(sentence, start.x, max(end.x, start.x + 1), width, most)
