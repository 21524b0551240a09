"""The app: its screens, its themes, and what holds everywhere.

Problem: the app must be on screen at once, follow the terminal, and leave it as it was found whatever happens. Method:
screens are made when they are first shown; every key is a row of `tui.keys`; an error inside ends the app, and its
sentence is the command line's to print. Cost: Textual's import and one screen.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import ceil
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import App
from textual.await_complete import AwaitComplete
from textual.events import Key
from textual.filter import ANSIToTruecolor, NoColor
from textual.reactive import reactive
from textual.signal import Signal

from stridescope.tui.checks import Checks, Verdict
from stridescope.tui.keys import bindings
from stridescope.tui.looks import Looks
from stridescope.tui.opening import Opening
from stridescope.tui.prompt import Lines as SubmittedLines
from stridescope.tui.terminal import collected_seldom, need_terminal, only_ascii, signals_kept
from stridescope.tui.themes import NAMES, THEMES, theme_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from textual.binding import BindingType
    from textual.command import Provider
    from textual.events import Event, Resize
    from textual.filter import LineFilter
    from textual.geometry import Size
    from textual.screen import Screen

    from stridescope.records import StorageMap, Trace
    from stridescope.tui.home import HomeScreen
    from stridescope.tui.modules.screen import ModulesScreen
    from stridescope.tui.stage.screen import StageScreen
    from stridescope.tui.storages.screen import StoragesScreen
    from stridescope.tui.storages.subject import Subject
    from stridescope.tui.trace.screen import TraceScreen

__all__ = ["LEAST", "SCREENS", "Opening", "StridescopeApp", "run_app"]

LEAST = (40, 12)
"""The smallest terminal, columns and rows, that the app draws on."""

TWICE = 2.0
"""Seconds within which the key that quits must be pressed again."""

_ENDED_BY = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
"""Signals that end the app, and its exit status then: 128 + the signal's number."""


class ScreenRow(NamedTuple):
    """One of the app's screens.

    Attributes:
        mode: the name of its mode.
        make: the app's method that makes it, when it is first shown.
        there: whether there is something to show on it.
        first: whether the app opens on it.
    """

    mode: str
    make: str
    there: Callable[[StridescopeApp], bool]
    first: Callable[[StridescopeApp], bool]


SCREENS = (
    ScreenRow("modules", "_modules_screen", lambda app: app.model is not None, lambda app: app.model is not None),
    ScreenRow("stage", "_stage_screen", lambda app: app.opening.on_stage, lambda app: app.opening.on_stage),
    ScreenRow("storages", "_storages_screen", lambda app: bool(app.subjects()), lambda app: app.storages is not None),
    ScreenRow("trace", "_trace_screen", lambda app: app.trace is not None, lambda app: app.trace is not None),
    ScreenRow("home", "_home_screen", lambda _: True, lambda _: True),
)
"""In this order: the app opens on the first that says so. Their keys are the rows of the scope "screens"."""


def _commands() -> type[Provider]:
    from stridescope.tui.palette_commands import Commands

    return Commands


class StridescopeApp(App[int], inherit_bindings=False):
    """Its screens, and what is common to them.

    Attributes:
        opening: what is on the Stage.
        model, storages, trace: what is on the Modules, the Storages and the Trace screen; None for none.
        ascii: whether ASCII alone is drawn.
        checking: whether programs are checked against torch.
        verdict: what torch said of the program on stage.
        lines: the programs submitted on any prompt, for their history.
        verdict_signal, focus_signal: tell of another verdict, and of whether the terminal has the focus.
    """

    TITLE = "stridescope"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    ALLOW_SELECT = False

    opening: Opening
    model: Any
    storages: StorageMap | None
    trace: Trace | None
    ascii: reactive[bool] = reactive(default=False, init=False)
    checking: reactive[bool] = reactive(default=True, init=False)
    verdict: reactive[Verdict] = reactive(Verdict(), init=False)

    def __init__(self, opening: Opening | None = None) -> None:
        self.opening = Opening() if opening is None else opening
        self.model, self._model_title = self.opening.model, self.opening.title
        self.storages, self.trace = self.opening.storages, self.opening.trace
        # Each mode of Textual's has screens of its own; the first is made at once, the others when they are asked for.
        self.DEFAULT_MODE = next(row.mode for row in SCREENS if row.first(self))  # type: ignore[misc]
        super().__init__()
        for row in SCREENS:
            self.add_mode(row.mode, getattr(self, row.make))
        self._left_for_home = ""
        self._asked_to_leave: float | None = None
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
        # Not `Widget.watch`, by which the app would keep every stage there was until the next change.
        self.verdict_signal: Signal[Verdict] = Signal(self, "verdict")
        self.focus_signal: Signal[bool] = Signal(self, "focus")

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

    def watch_app_focus(self, focus: bool) -> None:
        """Tell who plays whether anyone looks."""
        self.focus_signal.publish(focus)

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
        if mode == "home":
            self._left_for_home = self.current_mode
        await self.switch_mode(mode)
        self._fit(self.size)

    def has(self, mode: str) -> bool:
        """Whether there is something on a screen: it was shown before, or there is something to show."""
        return mode in self._screen_stacks or next(row.there(self) for row in SCREENS if row.mode == mode)

    def _home_screen(self) -> Screen[None]:
        from stridescope.tui.home import HomeScreen

        return HomeScreen()

    def _stage_screen(self) -> Screen[None]:
        from stridescope.tui.stage.screen import StageScreen

        return StageScreen(self.opening)

    def _modules_screen(self) -> Screen[None]:
        from stridescope.tui.modules.screen import ModulesScreen

        return ModulesScreen(self.model, self._model_title)

    def _storages_screen(self) -> Screen[None]:
        from stridescope.tui.storages.screen import StoragesScreen

        return StoragesScreen(self.subjects)

    def _trace_screen(self) -> Screen[None]:
        from stridescope.tui.trace.screen import TraceScreen

        assert self.trace is not None
        return TraceScreen(self.trace)

    def subjects(self) -> list[Subject]:
        """What there is that has storages: those given, the model, the step on stage."""
        from stridescope.tui.storages.subject import of_map, of_model, of_stage

        found = [] if self.storages is None else [of_map(self.storages)]
        found += [] if self.model is None else [of_model(self.model)]
        stage = self._stage
        history = None if stage is None else stage.state.history
        if stage is not None and history is not None and history.steps:
            found.append(of_stage(history, ceil(stage.state.position)))
        return found

    @property
    def _stage(self) -> StageScreen | None:
        """The Stage, once it was shown."""
        stack = self._screen_stacks.get("stage")
        if not stack:
            return None
        from stridescope.tui.stage.screen import StageScreen

        return stack[0] if isinstance(stack[0], StageScreen) else None

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

    async def on_modules_screen_chosen(self, message: ModulesScreen.Chosen) -> None:
        """Put a tensor of the model on the Stage."""
        await self.show_stage(replace(message.opening, check=self.checking))

    async def on_storages_screen_chosen(self, message: StoragesScreen.Chosen) -> None:
        """Put a tensor of a storage on the Stage."""
        await self.show_stage(replace(message.opening, check=self.checking))

    async def on_storages_screen_shown(self, message: StoragesScreen.Shown) -> None:
        """Go to the Stage, and speak to a tensor that is on it."""
        stage = self._stage
        await self._show("stage")
        if stage is not None:
            stage.state.speak_to(message.name)
            stage.follow()

    async def on_trace_screen_chosen(self, message: TraceScreen.Chosen) -> None:
        """Play a step that ran."""
        await self.show_stage(replace(message.opening, check=False))

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

    def watch_verdict(self, verdict: Verdict) -> None:
        """Tell the stage."""
        self.verdict_signal.publish(verdict)

    def _told(self, source: str, verdict: Verdict) -> None:
        # In the thread of the checks; the app may be on its way out.
        with suppress(RuntimeError):
            self.call_later(self._take, source, verdict)

    def _take(self, source: str, verdict: Verdict) -> None:
        if self.checking and source == self._on_stage:
            self.verdict = verdict

    # Actions, each a row of `tui.keys` ----------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action makes sense now: there is no way home from home, unless back, nor to an empty screen."""
        if action == "home" and self.current_mode == "home":
            return bool(self._left_for_home)
        if action == "show_screen":
            return parameters[0] != self.current_mode and self.has(str(parameters[0]))
        if action in ("sheet", "command_palette") and _too_small(self.size):
            # Nothing may come to lie over the screen that goes when there is room again.
            return False
        return super().check_action(action, parameters)

    def action_command_palette(self) -> None:
        """Find an action by its name."""
        from stridescope.tui.palette_commands import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_sheet(self) -> None:
        """Show every key of this screen."""
        from stridescope.tui.help import KeySheet
        from stridescope.tui.key_line import key_scopes

        scopes = key_scopes(self.screen)
        self.push_screen(KeySheet((*scopes, *(() if "app" in scopes else ("app",)))))

    async def action_home(self) -> None:
        """Go to the home screen, or from there back."""
        await self._show(self._left_for_home if self.current_mode == "home" else "home")

    async def action_show_screen(self, mode: str) -> None:
        """Go to a screen."""
        await self._show(mode)

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

    async def on_event(self, event: Event) -> None:
        """Any other key between the two that quit takes the first one back."""
        if isinstance(event, Key) and event.key != "q":
            self._asked_to_leave = None
        await super().on_event(event)

    def action_leave(self) -> None:
        """Quit, when asked twice: the letter may be one of a program whose line has just been left."""
        now, asked = monotonic(), self._asked_to_leave
        if asked is not None and now - asked < TWICE:
            self.exit(0)
        else:
            self._asked_to_leave = now
            self.notify("q again quits", timeout=TWICE, markup=False)

    def action_interrupt(self) -> None:
        """Copy the text that is selected in the focused line, or quit."""
        selected = getattr(self.focused, "selected_text", "")
        if selected:
            self.copy_to_clipboard(selected)
        else:
            self.exit(0)

    def on_notify(self) -> None:
        """Something is about to be said, in place of what was said before: old news only hides the picture."""
        self.clear_notifications()
        # Without their toasts they would go on taking a row each.
        self.screen.query("ToastHolder").remove()

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
    with signals_kept(), collected_seldom():
        app.run()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
