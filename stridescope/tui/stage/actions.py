"""What the keys of the Stage do, each an action of `tui.keys`.

Problem: some fifty keys must not bury the screen that has them. Method: an action changes the `State` or asks the
prompt, and then has the picture followed; nothing is drawn here. Cost: that of the `State`'s method.
"""

from __future__ import annotations

import ast
from math import ceil
from typing import TYPE_CHECKING, Literal

from textual.screen import Screen

from stridescope.scene.sentences import address_formula
from stridescope.scene.text import layout_text, plural, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import History, Step
    from stridescope.scene.steps_line import Sign
    from stridescope.tui.prompt import Prompt
    from stridescope.tui.stage.canvas import Canvas
    from stridescope.tui.stage.state import State

__all__ = ["Actions", "expression_until"]

PAGE = (4, 6)
"""Cells of the grid by which one key scrolls: columns, rows."""

TOLD = 60
"""Characters of what was copied that a notification repeats."""


class Actions(Screen[None]):
    """The keys; `StageScreen` has the widgets.

    Attributes:
        state: where the reader stands.
    """

    state: State

    @property
    def prompt(self) -> Prompt:
        """The line of the program."""
        raise NotImplementedError

    @property
    def canvas(self) -> Canvas:
        """The picture."""
        raise NotImplementedError

    def follow(self) -> None:
        """The state is another one: everything on screen follows."""
        raise NotImplementedError

    def written(self, text: str) -> str:
        """A program as it is written outside."""
        raise NotImplementedError

    def spoken_to(self, name: str | None) -> None:
        """Another tensor is spoken to: where given ones are all there is, it becomes the program."""
        raise NotImplementedError

    def take(self, number: int) -> None:
        """Go on with an alternative in place of what was refused."""
        raise NotImplementedError

    # -------------------------------------------------------------------------------------------------------- playing

    def action_play(self) -> None:
        """Play or pause; on a walk, walk or pause."""
        if self.state.walk is not None:
            self.state.walk_on()
        else:
            self.state.play()
        self.follow()

    def action_replay(self) -> None:
        """Play from the first step."""
        self.state.replay()
        self.follow()

    def action_step(self, by: int) -> None:
        """The next step, or the one before; on a walk, the next element."""
        self.state.go(by)
        self.follow()

    def action_scrub(self, places: int) -> None:
        """On by a tenth of a step, or back."""
        self.state.scrub(places)
        self.follow()

    def action_first(self) -> None:
        """Rest at the first step."""
        self.state.seek(0)
        self.follow()

    def action_last(self) -> None:
        """Rest at the last step."""
        self.state.seek(self.state.player.timeline.last)
        self.follow()

    def action_faster(self) -> None:
        """The next speed."""
        self.state.faster(1)
        self.follow()

    def action_slower(self) -> None:
        """The speed before."""
        self.state.faster(-1)
        self.follow()

    def action_loop(self) -> None:
        """Start again at the end, or stop there."""
        self.state.player.repeat(not self.state.player.loop)
        self.follow()

    def action_walk(self) -> None:
        """Start a walk, pause it, or go on."""
        if self.state.scene is not None and not self.state.walk_on():
            self.notify("there is no element here to walk through", markup=False)
        self.follow()

    def action_walk_end(self) -> None:
        """End the walk; without one, take the cursor away."""
        if not self.state.walk_end():
            self.state.clear()
        self.follow()

    # ------------------------------------------------------------------------------------------------------- pointing

    def action_cursor(self, right: int, down: int) -> None:
        """Move the cursor."""
        self.state.cursor(right, down)
        self.follow()

    def action_pointer(self, by: int) -> None:
        """Point at the next address."""
        self.state.pointer(by)
        self.follow()

    def action_dim(self, by: int) -> None:
        """Select the next dim."""
        self.state.next_dim(by)
        self.follow()

    def action_tensor(self, by: int) -> None:
        """Speak to the next tensor."""
        self.state.next_tensor(by)
        self.spoken_to(self.state.view.focus)
        self.follow()

    def action_clear(self) -> None:
        """No cursor, no pointer, no dim."""
        self.state.clear()
        self.follow()

    def action_scroll(self, right: int, down: int) -> None:
        """Scroll the grid by a page."""
        self.state.scroll(right * PAGE[0], down * PAGE[1])
        self.follow()

    def action_values(self) -> None:
        """Values in the cells, or addresses."""
        self.state.values()
        self.follow()

    # ---------------------------------------------------------------------------------------------------- the program

    def action_prompt(self) -> None:
        """Go to the line."""
        self.prompt.focus()

    def action_edit(self) -> None:
        """Mark this step's text in the line, and go there."""
        history, step = self.state.history, self.state.step
        self.state.hold()
        self.prompt.focus()
        if history is not None and step is not None and step.place is not None:
            text = history.text or history.source
            if self.prompt.text != text:
                # The step's place counts in the text as it was read, without prompts and common indent.
                self.prompt.load(text)
            self.prompt.select(*step.place)
        self.follow()

    def action_alternative(self, number: int) -> None:
        """Take an alternative of what was refused."""
        if number < len(self.state.alternatives):
            self.take(number)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action can be taken now; what cannot be is neither in the footer nor in the palette."""
        if action == "alternative":
            number = parameters[0] if parameters else 0
            return isinstance(number, int) and number < len(self.state.alternatives)
        return True

    # ------------------------------------------------------------------------------------------------------ take away

    def action_copy(self, what: Literal["source", "layout", "formula"]) -> None:
        """Copy the expression up to here, the layout, or the address formula."""
        history, step, subject = self.state.history, self.state.step, self.state.subject
        if history is None or step is None or subject is None:
            self.notify("there is nothing on stage to copy", markup=False)
            return
        info = None if subject.member is None else subject.member.info
        if what == "source":
            self._copied(self.written(expression_until(history, step)))
        elif info is None or info.shape is None or info.stride is None or info.layout is None:
            self.notify(f"this step has no {what} to copy", severity="warning", markup=False)
        elif what == "layout":
            self._copied(layout_text(info.shape, info.stride, info.storage_offset or 0))
        elif subject.index is None:
            self.notify("the formula is of a cell: point at one first", severity="warning", markup=False)
        else:
            self._copied(" ".join(address_formula(info, subject.index)))

    def _copied(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        size = "" if len(text) <= TOLD else f" ({plural(len(text), 'character')})"
        self.notify(f"copied {shortened(' '.join(text.split()), TOLD)}{size}", markup=False)

    def action_save(self) -> None:
        """Save this frame as an SVG file."""
        picture = self.state.picture()
        if self.state.scene is None:
            self.notify("there is no picture to save", markup=False)
            return
        from stridescope.tui.stage.saving import save

        title = " ".join(self.state.scene.history.source.split())
        frame = picture.pictures.frame(picture.position, picture.view)
        try:
            path = save(frame, shortened(title, frame.width))
        except OSError as error:
            self.notify(f"the picture was not saved: {error.strerror or error}", severity="error", markup=False)
        else:
            self.notify(f"saved {path}: {_where(picture.position, self.state.signs)}", markup=False)


def expression_until(history: History, step: Step) -> str:
    """The program's text up to the end of a step; inside a call's arguments, that step's expression alone.

    >>> from stridescope.program import run
    >>> history = run("torch.arange(12).view(3, 4).t()")
    >>> expression_until(history, history.steps[1])
    'torch.arange(12).view(3, 4)'
    """
    text = history.text or history.source
    if step is history.steps[-1]:
        return text
    if step.place is None:
        # A tensor that was there before the program.
        return ""
    line, column, end_line, end_column = step.place
    lines = text.split("\n")
    until = "\n".join([*lines[: end_line - 1], lines[end_line - 1][:end_column]])
    if _parses(until):
        return until
    inside = [*lines[line - 1 : end_line - 1], lines[end_line - 1][:end_column]]
    inside[0] = inside[0][column:]
    return "\n".join(inside)


def _where(position: float, signs: Sequence[Sign]) -> str:
    """A position in words: a step by number and name, or how far it is on the way to one."""
    number = ceil(position)
    step = f"step {number + 1} of {len(signs)}, {signs[number].label}"
    return step if number == position else f"{1 - (number - position):.0%} of the way to {step}"


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
