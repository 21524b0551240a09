"""The Trace screen: the steps that ran, those that copied, lines by bytes, and what is known of the marked one.

Problem: list and details must follow what is marked and which list is shown, from one place. Method: the screen holds
one `State`; a key or a click changes it, and then everything on screen is asked to follow. Enter makes a small program
of the marked step, and the app puts that on the Stage. Cost: the rows in sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical
from textual.message import Message
from textual.screen import Screen

from stridescope.scene.frame import painted
from stridescope.scene.panel import Panel, laid_out
from stridescope.scene.storage_rows import Standing
from stridescope.scene.text import count, printable, shortened
from stridescope.scene.trace_rows import heading, totals
from stridescope.tui.key_line import KeyLine
from stridescope.tui.keys import bindings
from stridescope.tui.lines import Lines, line, looks_of
from stridescope.tui.modules.rows import Details, TreeView
from stridescope.tui.opening import opening_of_history
from stridescope.tui.trace.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size

    from stridescope.records.traces import Trace
    from stridescope.scene.frame import Row
    from stridescope.scene.trace_rows import TraceView
    from stridescope.tui.opening import Opening

__all__ = ["TraceScreen"]

NAME = "stridescope"
GUTTER = 2
"""Columns right of the rows: air, and the scrollbar."""
MOST_LINES = 1_000
"""More than the details of any step."""

_WIDE = 110
_SHOWN = {"steps": "trace", "copies": "trace, copies alone", "lines": "trace, bytes by line"}


class Title(Lines):
    """The name of the app, which list is shown, and how much there is."""

    def __init__(self, state: State) -> None:
        super().__init__(id="title")
        self.state = state

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        ink, state = looks_of(self).ink, self.state
        parts = [(f"{NAME}   ", "view")] if size.width >= 70 else []
        parts.append((_SHOWN[state.view], "bold"))
        left = size.width - 2 - sum(len(text) for text, _ in parts)
        place = f"{count(state.place + 1)} of {count(state.length)}" if state.length else "no step"
        for words, role in (*totals(state.trace), (place, "quiet")):
            text = ink.say(f"   {words}")
            if len(text) <= left:
                parts.append((text, role))
                left -= len(text)
        return [line(parts, size.width, x=1)]


class Head(Lines):
    """What the columns of the list are."""

    def __init__(self, state: State) -> None:
        super().__init__(id="head")
        self.state = state

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        return [heading(self.state.view, max(size.width - GUTTER, 1))]


class TraceScreen(Screen[None]):
    """A trace, looked through.

    Args:
        trace: what `ss.trace()` gave.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("trace"), *bindings("screens")]
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = ""
    key_scopes: ClassVar[tuple[str, ...]] = ("trace", "screens", "app")

    class Chosen(Message):
        """A step is to be played on the Stage."""

        def __init__(self, opening: Opening) -> None:
            super().__init__()
            self.opening = opening

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-tall")]
        self.state = State(trace)
        self._panel: tuple[object, Panel] | None = None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Title(self.state)
        with Container(id="both"):
            with Vertical(id="left"):
                yield Head(self.state)
                yield TreeView(self, id="steps")
            yield Details(self, id="details")
        yield KeyLine()

    def on_mount(self) -> None:
        """Keys go to the list."""
        self.query_one(TreeView).focus()
        self.follow()

    # ---------------------------------------------------------------------------------------- what the widgets ask for

    @property
    def marked(self) -> int:
        """The number of the row to keep in sight."""
        return self.state.place

    def row(self, number: int, width: int) -> Row:
        """One row of the list."""
        here = number == self.state.place
        return self.state.row(number, width - 1, Standing(here, here, looks_of(self).ink.ascii))

    def detail(self, number: int, width: int) -> Row:
        """One line of the details."""
        lines = self._laid_out(width).lines
        runs, at = [], 1
        for part in lines[number] if number < len(lines) else ():
            runs.append((at, part))
            at += part.size
        return painted([run for run in runs if run[1].text.strip()], width)

    def detail_lines(self, width: int) -> int:
        """How many lines the details are."""
        return len(self._laid_out(width).lines)

    def _laid_out(self, width: int) -> Panel:
        plain = looks_of(self).ink.ascii
        asked = (self.state.view, self.state.place, width, plain)
        if self._panel is None or self._panel[0] != asked:
            self._panel = asked, laid_out(self.state.details(), max(width - 1, 1), MOST_LINES, ascii=plain)
        return self._panel[1]

    def click(self, number: int, x: int, width: int, *, twice: bool) -> None:  # noqa: ARG002
        """Mark the row that was clicked; by a second click play it."""
        self.state.mark(number)
        self.follow()
        if twice:
            self.action_open()

    def follow(self) -> None:
        """Everything on screen is what the state says."""
        rows = self.query_one(TreeView)
        rows.changed(self.state.length)
        rows.show(self.state.place)
        self.query_one(Details).again(top=True)
        self.query_one(Title).changed()
        self.query_one(Head).changed()
        self.refresh_bindings()

    # ------------------------------------------------------------------------------------------------------------ keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action can be taken now; what cannot be is neither in the footer nor in the palette."""
        if action == "view":
            return parameters[0] != "steps" or self.state.view != "steps"
        if action == "copy":
            return bool(self.state.lines)
        if action in ("open", "copy_place"):
            return self.state.length > 0
        return super().check_action(action, parameters)

    def action_mark(self, by: int) -> None:
        """Mark another row."""
        self.state.mark(self.state.place + by)
        self.follow()

    def action_page(self, by: int) -> None:
        """Mark a row that is a screen away."""
        self.action_mark(by * max(self.query_one(TreeView).size.height - 1, 1))

    def action_first(self) -> None:
        """Mark the first row."""
        self.state.mark(0)
        self.follow()

    def action_last(self) -> None:
        """Mark the last row."""
        self.state.mark(self.state.length - 1)
        self.follow()

    def action_view(self, view: TraceView) -> None:
        """Show a list, or all steps again."""
        self.state.show(view)
        self.follow()

    def action_copy(self, by: int) -> None:
        """Mark the next step that copied, or the one before."""
        self.state.next_copy(by)
        self.follow()

    def action_details(self, by: int) -> None:
        """Scroll the details."""
        self.query_one(Details).scroll_relative(y=by, animate=False, immediate=True)

    def action_pane(self) -> None:
        """Show the details, or hide them."""
        details = self.query_one(Details)
        shown = details.display and details.size.height > 0
        self.set_class(shown, "-without")
        self.set_class(not shown, "-with")

    def action_copy_place(self) -> None:
        """Copy file and line of the marked row."""
        step = self.state.step
        if step is None or step.file is None:
            self.notify("this step has no line of yours", markup=False)
            return
        place = f"{step.file}:{step.line}"
        self.app.copy_to_clipboard(place)
        self.notify(f"copied {shortened(printable(place), 60)}", markup=False)

    def action_open(self) -> None:
        """Play the marked step on the Stage."""
        history, step = self.state.history(), self.state.step
        if history is None or step is None:
            self.notify("this step has no tensor whose layout is known", severity="warning", markup=False)
            return
        self.post_message(self.Chosen(opening_of_history(history, "  ".join(filter(None, (step.where, step.source))))))
