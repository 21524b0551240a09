"""The Stage: a program's picture, the line of its steps, and the line it is typed on.

Problem: a picture must follow what is typed, played, pointed at and resized, from one place. Method: the screen holds
one `State`; a key changes it (`actions`), the mouse changes it (here), the prompt loads another program into it, and
after each of these everything on screen is asked to follow. What is typed is shown at rest, at once; what is submitted
is played from the first step that changed.

Cost: four widgets and a canvas; one scene for each program that is typed.
"""

from __future__ import annotations

from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on

from stridescope.tui.key_line import KeyLine
from stridescope.tui.keys import bindings
from stridescope.tui.prompt import EXAMPLE, Prompt
from stridescope.tui.stage.actions import Actions
from stridescope.tui.stage.canvas import Canvas
from stridescope.tui.stage.state import State
from stridescope.tui.stage.timeline_bar import Standing, TimelineBar
from stridescope.tui.stage.title import Title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.events import Paste
    from textual.signal import Signal

    from stridescope.program.typed import Session, Typed
    from stridescope.records import History
    from stridescope.tui.app import Opening
    from stridescope.tui.checks import Verdict
    from stridescope.tui.stage.canvas import Picture

__all__ = ["StageScreen"]

WHEEL = (2, 2)
"""Cells of the grid that one notch of the wheel scrolls: columns, rows."""


REMARK = 10.0
"""Seconds that what is to be said of the names stands there."""


class StageScreen(Actions):
    """A program on stage.

    Args:
        opening: the text to start with, and the live tensors that it goes on from.
        clock: seconds; what all motion is a function of.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("stage"), *bindings("screens")]
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = ""
    SCOPES: ClassVar[tuple[str, ...]] = ("stage", "screens", "app")

    def __init__(self, opening: Opening, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-middle"), (24, "-tall")]
        self.opening = opening
        self.state = State(clock)
        self._session: Session | None = None
        self._typed: Typed | None = None
        self._played: History | None = None
        self._step: int | None = None
        self._resume = False

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        from stridescope.program.typed import Session

        self._session = Session(self.opening.names, self.opening.chain_of)
        yield Title()
        yield Canvas(self)
        yield TimelineBar()
        lines = getattr(self.app, "lines", None)
        yield Prompt(self._first(), session=self._session, lines=lines, placeholder=self._example(), id="prompt")
        yield KeyLine()

    def _example(self) -> str:
        """What stands in the line while it is empty."""
        name = self.opening.chain_of or next(iter(self.opening.names or ()), None)
        return EXAMPLE if name is None else f"go on from {name}, as in {name}.flatten()[::2]"

    def on_mount(self) -> None:
        """Play what there is; without a program, wait for one."""
        for signal, callback in self._followed():
            signal.subscribe(self, callback)
        self._dressed(None)
        # Who goes to the line wants to go on with the program.
        self.prompt.editor.move_cursor(self.prompt.editor.document.end)
        self._stage(self.prompt.typed, from_step=0)
        if self.opening.remarks:
            self.notify(". ".join(self.opening.remarks), timeout=REMARK, markup=False)
        if self.state.scene is None:
            self.prompt.focus()
        else:
            self.canvas.focus()

    def on_unmount(self) -> None:
        """Be forgotten: a signal keeps those who follow it."""
        for signal, _ in self._followed():
            signal.unsubscribe(self)

    def _followed(self) -> Iterator[tuple[Signal[Any], Callable[[Any], None]]]:
        """The app's signals, and what is done at each; an app that is not ours may have none of its own."""
        yield self.app.theme_changed_signal, self._dressed
        for name, callback in (("verdict_signal", self._told), ("focus_signal", self._looked_away)):
            if hasattr(self.app, name):
                yield getattr(self.app, name), callback

    # ------------------------------------------------------------------------------------------------------ its parts

    @property
    def canvas(self) -> Canvas:
        """The picture."""
        return self.query_one(Canvas)

    @property
    def prompt(self) -> Prompt:
        """The line of the program."""
        return self.query_one(Prompt)

    @property
    def typing(self) -> bool:
        """Whether keys go to the prompt."""
        return self.focused is not None and self.focused is not self.canvas

    @property
    def key_scopes(self) -> tuple[str, ...]:
        """Whose keys work now."""
        return ("prompt", "app") if self.typing else self.SCOPES

    def written(self, text: str) -> str:
        """A program as it is written outside: one that goes on from a live tensor starts with that one's name."""
        goes_on = self.opening.chain_of is not None and (not text.strip() or text.lstrip().startswith((".", "[")))
        return f"{self.opening.chain_of}{text.lstrip()}" if goes_on else text

    def _first(self) -> str:
        """The program to start with; of names alone, the first one, so that there is something to see."""
        names = self.opening.names
        alone = names and not self.opening.text.strip() and self.opening.chain_of is None
        return next(iter(names)) if names and alone else self.opening.text

    def follow(self) -> None:
        """Picture, line of steps and keys follow the state."""
        self.canvas.wake()
        self.drawn()

    # --------------------------------------------------------------------------------------------- what the canvas asks

    @property
    def moving(self) -> bool:
        """Whether the picture changes by itself."""
        return self.state.moving

    def picture(self) -> Picture:
        """What is to be seen now."""
        ink = self.canvas.looks.ink
        self.state.wear(ascii=ink.ascii, coloured=ink.coloured, reduced=self.app.animation_level == "none")
        return self.state.picture()

    def resized(self, width: int, height: int) -> None:
        """The canvas has another size."""
        self.state.resized(width, height)

    def hover(self, place: tuple[int, int] | None) -> None:
        """The mouse points at a place, or at none."""
        self.state.hover(place)

    def click(self, x: int, y: int) -> None:
        """Select what is there; an alternative is taken."""
        hit = self.state.click(x, y)
        if hit is not None and hit.kind == "alternative" and hit.number is not None:
            self.take(hit.number)
        self.canvas.focus()
        self.follow()

    def wheel(self, right: int, down: int) -> None:
        """Scroll the grid."""
        self.state.scroll(right * WHEEL[0], down * WHEEL[1])
        self.follow()

    def resting(self) -> None:
        """Nothing changes for a moment."""
        self.state.prepare()

    def drawn(self) -> None:
        """The line of steps, and the keys that go with a step, follow the picture."""
        state = self.state
        words = state.words(ascii=bool(getattr(self.app, "ascii", False)))
        self.query_one(TimelineBar).show(Standing(state.signs, state.position, words))
        step = ceil(state.position)
        if step != self._step:
            self._step = step
            self.refresh_bindings()

    @on(TimelineBar.Sought)
    def _sought(self, event: TimelineBar.Sought) -> None:
        self.state.seek(event.position)
        self.follow()

    # ---------------------------------------------------------------------------------------------------- what is typed

    @on(Prompt.Changed)
    def _changed(self, event: Prompt.Changed) -> None:
        if not isinstance(event, Prompt.Submitted) and event.typed is not self._typed:
            self._stage(event.typed)

    @on(Prompt.Submitted)
    def _submitted(self, event: Prompt.Submitted) -> None:
        from stridescope.program.typed import changed_from

        history = event.typed.history
        if history is None or not history.steps:
            return
        first = changed_from(self._played, history)
        # Nothing changed: whoever asks again wants to see it again.
        self._stage(event.typed, from_step=first if first < len(history.steps) else 0)
        self.canvas.focus()

    @on(Prompt.Left)
    def _left(self) -> None:
        self.canvas.focus()

    def on_paste(self, event: Paste) -> None:
        """A paste is meant for the line, wherever the focus is."""
        self.prompt.paste(event.text)

    def spoken_to(self, name: str | None) -> None:
        """Another tensor is spoken to: where given ones are all there is, it becomes the program."""
        history = self.state.history
        given = history is not None and len(history.steps) == 1 and history.steps[0].op == "given"
        if given and name is not None and name in (self.opening.names or ()):
            self.prompt.load(name)
            self._stage(self.prompt.typed)

    def take(self, number: int) -> None:
        """Go on with an alternative in place of what was refused."""
        from stridescope.program.typed import instead_of_refused

        history = self.state.history
        alternatives = self.state.alternatives
        if history is None or number >= len(alternatives):
            return
        refused = len(history.steps) - 1
        self.prompt.load(instead_of_refused(history, alternatives[number].source))
        self._stage(self.prompt.typed, from_step=refused)
        self.canvas.focus()

    def _stage(self, typed: Typed, from_step: int | None = None) -> None:
        """Put what was typed on stage: at rest at its last step, or played from a step on."""
        self._typed = typed
        history = typed.history if typed.text.strip() or self.opening.history is None else self.opening.history
        if history is None and typed.text.strip() and self.state.scene is not None:
            # Nothing of the text can be run yet: the last picture stays, under its own title.
            self._check(typed)
            return
        self._step = None
        self.state.load(history)
        if from_step is not None:
            self._played = history
            self.state.wear(
                ascii=self.state.view.ascii,
                coloured=self.state.view.coloured,
                reduced=self.app.animation_level == "none",
            )
            self.state.play_from(from_step)
        title = self.opening.title if history is None else self.written(typed.valid or history.source)
        self.query_one(Title).program = title
        self._check(typed)
        self.follow()

    # ------------------------------------------------------------------------------------------ what goes on around

    def _check(self, typed: Typed) -> None:
        """Have real torch asked, where the program is all there is to know."""
        check = getattr(self.app, "check", None)
        if check is not None:
            history = typed.history
            whole = history is not None and typed.error is None and not self.opening.names
            check(history.text if whole and history is not None else "")

    def _told(self, verdict: Verdict) -> None:
        title = self.query_one(Title)
        title.verdict = verdict.mark(ascii=bool(getattr(self.app, "ascii", False)))
        title.differs = verdict.kind == "differs"
        self.state.hear(verdict.words)
        self.follow()

    def _dressed(self, _: object) -> None:
        self.prompt.ascii = self.canvas.looks.ink.ascii

    def _looked_away(self, focus: bool) -> None:
        """Nobody looks: what plays waits until somebody does."""
        if not focus:
            self._resume = self.state.hold() or self._resume
            self.follow()
        elif self._resume:
            self._resume = False
            self.state.player.play()
            self.follow()

    def on_screen_suspend(self) -> None:
        """Another screen is shown."""
        self.state.hold()
        self.canvas.sleep()

    def on_screen_resume(self) -> None:
        """It is shown again."""
        if self.is_mounted:
            self.follow()
