"""The app: its screens, its themes, and what holds everywhere.

Problem: the app must be on screen at once, follow the terminal, and leave it as it was found whatever happens. Method:
screens are made when they are first shown; every key is a row of `tui.keys`; an error inside ends the app, and its
sentence is the command line's to print. Cost: Textual's import and one screen.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.filter import ANSIToTruecolor, NoColor
from textual.reactive import reactive

from stridescope.tui.checks import Checks, Verdict
from stridescope.tui.keys import bindings
from stridescope.tui.looks import Looks
from stridescope.tui.opening import Opening
from stridescope.tui.prompt import Lines as SubmittedLines
from stridescope.tui.terminal import need_terminal, only_ascii, signals_kept
from stridescope.tui.themes import NAMES, THEMES, theme_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType
    from textual.binding import BindingType
    from textual.command import Provider
    from textual.events import Resize
    from textual.filter import LineFilter
    from textual.geometry import Size
    from textual.screen import Screen

    from stridescope.tui.home import HomeScreen

__all__ = ["LEAST", "Opening", "StridescopeApp", "run_app"]

LEAST = (40, 12)
"""The smallest terminal, columns and rows, that the app draws on."""

_ENDED_BY = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
"""Signals that end the app, and its exit status then: 128 + the signal's number."""


def _commands() -> type[Provider]:
    from stridescope.tui.palette_commands import Commands

    return Commands


class StridescopeApp(App[int], inherit_bindings=False):
    """Home, stage, and what is common to them.

    Attributes:
        ascii: whether ASCII alone is drawn.
        checking: whether programs are checked against torch.
        verdict: what torch said of the program on stage.
        lines: the programs submitted on any prompt, for their history.
    """

    TITLE = "stridescope"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    ALLOW_SELECT = False

    ascii: reactive[bool] = reactive(default=False, init=False)
    checking: reactive[bool] = reactive(default=True, init=False)
    verdict: reactive[Verdict] = reactive(Verdict(), init=False)

    def __init__(self, opening: Opening | None = None) -> None:
        self.opening = Opening() if opening is None else opening
        # Each mode of Textual's has screens of its own; the first is made at once, the other when it is asked for.
        self.DEFAULT_MODE = "home" if self.opening.empty else "stage"  # type: ignore[misc]
        super().__init__()
        self.add_mode("home", self._home_screen)
        self.add_mode("stage", self._stage_screen)
        for theme in THEMES:
            self.register_theme(theme)
        self.set_reactive(App.theme, theme_for(self))
        self.set_reactive(StridescopeApp.ascii, only_ascii())
        self.set_class(self.ascii, "-ascii")
        self.set_reactive(StridescopeApp.checking, self.opening.check)
        self.stylesheet.set_variables(self.get_css_variables())
        self._looks: tuple[tuple[str, bool], Looks] | None = None
        self._checks: Checks | None = None
        self._on_stage = ""
        self.lines = SubmittedLines()

    # What is drawn with ----------------------------------------------------------------------------------

    @property
    def looks(self) -> Looks:
        """The looks of the theme there is now; the same object until it changes."""
        now = (self.theme, self.ascii)
        if self._looks is None or self._looks[0] != now:
            self._looks = (now, Looks.for_app(self))
        return self._looks[1]

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The filters of Textual, without the one that a frame of pure colours does not need.

        `ANSIToTruecolor` takes more time than all drawing, and nothing here names an ANSI colour but in themes that
        leave those to the terminal. Without colours, none come through, not even greys.
        """
        if self.no_color:
            return (_NO_COLOUR,)
        return [found for found in super().get_line_filters() if not isinstance(found, ANSIToTruecolor)]

    def watch_ascii(self, ascii: bool) -> None:
        """Draw everything again."""
        self.set_class(ascii, "-ascii")
        self.theme_changed_signal.publish(self.current_theme)

    # Screens ---------------------------------------------------------------------------------------------

    async def show_stage(self, opening: Opening) -> None:
        """Play a program, in place of what was on stage."""
        self.opening = opening
        if self.current_mode == "stage":
            await self.switch_mode("home")
        if "stage" in self._screen_stacks:
            await self.remove_mode("stage")
            self.add_mode("stage", self._stage_screen)
        await self._show("stage")

    async def _show(self, mode: str) -> None:
        await self.switch_mode(mode)
        self._fit(self.size)

    def _home_screen(self) -> Screen[None]:
        from stridescope.tui.home import HomeScreen

        return HomeScreen()

    def _stage_screen(self) -> Screen[None]:
        from stridescope.tui.stage.screen import StageScreen

        return StageScreen(self.opening)

    def on_mount(self) -> None:
        """Listen to signals, and look at the size."""
        for name, status in _ENDED_BY.items():
            number = getattr(signal, name, None)
            if number is not None and not self.is_headless:
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    asyncio.get_running_loop().add_signal_handler(number, self.exit, status, status)

    def on_unmount(self) -> None:
        """End the helper process."""
        if self._checks is not None:
            self._checks.close()

    def on_resize(self, event: Resize) -> None:
        """Say what is needed where the terminal is too small, as long as it is."""
        self._fit(event.size)

    def _fit(self, size: Size) -> None:
        from stridescope.tui.small import SmallScreen

        small = _too_small(size)
        shown = isinstance(self.screen, SmallScreen)
        if small and not shown:
            self.push_screen(SmallScreen(LEAST))
        elif shown and not small:
            self.pop_screen()

    def pop_screen(self) -> AwaitComplete:
        """Take the topmost screen away, unless it is the only one.

        Two keys or clicks that come together may both dismiss a screen, and the second one finds it gone.
        """
        return super().pop_screen() if len(self.screen_stack) > 1 else AwaitComplete()

    async def on_home_screen_opened(self, message: HomeScreen.Opened) -> None:
        """Play what was chosen or typed."""
        await self.show_stage(Opening(text=message.source, check=self.checking))

    # Checks ----------------------------------------------------------------------------------------------

    def check(self, source: str) -> None:
        """Ask torch about the program on stage, in the background; "" where there is none to ask about."""
        self._on_stage = source
        self.verdict = Verdict()
        if not source.strip() or not self.checking:
            return
        if self._checks is None:
            self._checks = Checks(self._told)
        self.call_after_refresh(self._checks.want, source)

    def _told(self, source: str, verdict: Verdict) -> None:
        # In the thread of the checks; the app may be on its way out.
        with suppress(RuntimeError):
            self.call_later(self._take, source, verdict)

    def _take(self, source: str, verdict: Verdict) -> None:
        if self.checking and source == self._on_stage:
            self.verdict = verdict

    # Actions, each a row of `tui.keys` ----------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action makes sense now: there is no way home from home, unless back to the stage."""
        if action == "home" and self.current_mode == "home":
            return "stage" in self._screen_stacks
        if action in ("sheet", "command_palette") and _too_small(self.size):
            # Nothing may come to lie over the screen that goes when there is room again.
            return False
        return super().check_action(action, parameters)

    def action_sheet(self) -> None:
        """Show every key of this screen."""
        from stridescope.tui.help import KeySheet
        from stridescope.tui.key_line import key_scopes

        scopes = key_scopes(self.screen)
        self.push_screen(KeySheet((*scopes, *(() if "app" in scopes else ("app",)))))

    async def action_home(self) -> None:
        """Go to the home screen, or from there back to the stage."""
        await self._show("stage" if self.current_mode == "home" else "home")

    def action_next_theme(self) -> None:
        """The next theme of the list."""
        self.theme = NAMES[(NAMES.index(self.theme) + 1) % len(NAMES)] if self.theme in NAMES else NAMES[0]

    def action_set_theme(self, name: str) -> None:
        """One theme."""
        self.theme = name

    def action_ascii(self) -> None:
        """ASCII alone, or all characters."""
        self.ascii = not self.ascii

    def action_motion(self) -> None:
        """Motion, or none."""
        self.animation_level = "full" if self.animation_level == "none" else "none"
        self.notify(f"motion is {'off' if self.animation_level == 'none' else 'on'}", markup=False)

    def action_check(self) -> None:
        """Check against torch, or do not."""
        self.checking = not self.checking
        self.notify(f"checks against torch are {'on' if self.checking else 'off'}", markup=False)
        self.check(self._on_stage)

    def action_interrupt(self) -> None:
        """Copy the text that is selected in the focused line, or quit."""
        selected = getattr(self.focused, "selected_text", "")
        if selected:
            self.copy_to_clipboard(selected)
        else:
            self.exit(0)

    # Errors ----------------------------------------------------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        """End the app and keep the first error for `run_app` to raise, without a word on the screen."""
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._return_code = 2
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:  # noqa: ARG002 - Textual's signature
        """End the app after an error in the thread that reads keys."""
        self._handle_exception(RuntimeError("the terminal's input cannot be read"))

    @property
    def failure(self) -> Exception | None:
        """The error that ended the app, or None."""
        return self._exception


def _too_small(size: Size) -> bool:
    return size.width < LEAST[0] or size.height < LEAST[1]


_NO_COLOUR = NoColor()


def run_app(opening: Opening | None = None) -> int:
    """Open the app, and return its exit status when it ends: 0, or 128 + the number of the signal that ended it.

    Raises:
        TargetError: it cannot be shown here, or ops cannot go on from one of the names.
        UnreadableError: one of the names has no layout.
        Exception: what went wrong inside; the terminal is as it was before.
    """
    need_terminal()
    if opening is not None and opening.names:
        from stridescope.program.typed import Session

        # What ops cannot go on from is told before the screen changes.
        Session(opening.names, opening.chain_of)
    app = StridescopeApp(opening)
    with signals_kept():
        app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
