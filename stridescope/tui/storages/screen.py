"""The Storages screen: the list of storages, the byte map of the marked one, and what the keys do.

Problem: list, map and sentences must follow what is marked, read again, or stepped to on the Stage, from one place.
Method: the screen holds one `State`; a key or a click changes it, and then everything on screen is asked to follow.
What the storages are of is a `Subject`; whenever the screen is shown again, the app is asked for those there are, and
one that changed is read. Cost: what is drawn is what is in sight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical
from textual.message import Message
from textual.screen import Screen

from stridescope.errors import StridescopeError
from stridescope.scene.storage_rows import name_of
from stridescope.scene.text import printable, shortened
from stridescope.tui.key_line import KeyLine
from stridescope.tui.keys import bindings
from stridescope.tui.modules.rows import TreeView
from stridescope.tui.storages.state import State
from stridescope.tui.storages.widgets import Listed, ListHead, MapHead, Title

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from stridescope.tui.opening import Opening
    from stridescope.tui.storages.state import Pane
    from stridescope.tui.storages.subject import Subject

__all__ = ["StoragesScreen"]

_WIDE = 90
TOLD = 60
"""Characters of what was copied that a notification repeats."""


class StoragesScreen(Screen[None]):
    """Storages, and what lies in them.

    Args:
        subjects: tells what there is that has storages, the first of which is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("storages"), *bindings("screens")]
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = ""
    key_scopes: ClassVar[tuple[str, ...]] = ("storages", "screens", "app")

    class Chosen(Message):
        """A tensor is to be put on the Stage."""

        def __init__(self, opening: Opening) -> None:
            super().__init__()
            self.opening = opening

    class Shown(Message):
        """A tensor that is on the Stage is to be seen there."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, subjects: Callable[[], Sequence[Subject]]) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-tall")]
        self.state = State()
        self.subject: Subject | None = None
        self._subjects = subjects
        self._kind = ""
        self._storages = Listed("storages", self.state, self, self._clicked)
        self._tensors = Listed("tensors", self.state, self, self._clicked)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Title(self.state)
        with Container(id="both"):
            with Vertical(id="left"):
                yield ListHead(id="head")
                yield TreeView(self._storages, id="storages")
            with Vertical(id="right"):
                yield MapHead(self.state, lambda: self.subject is not None and self.subject.saved)
                yield TreeView(self._tensors, id="tensors")
        yield KeyLine()

    def on_mount(self) -> None:
        """Keys go to the list."""
        self._list("storages").focus()
        self._ask()

    def on_screen_resume(self) -> None:
        """What is on the Stage may be another step by now."""
        if self.is_mounted:
            self._ask()

    def _list(self, pane: Pane) -> TreeView:
        return self.query_one(f"#{pane}", TreeView)

    # --------------------------------------------------------------------------------------------------------- reading

    def _ask(self) -> None:
        """Show the subject of the kind that was shown, if there is one; read it if it changed."""
        there = self._subjects()
        found = next((one for one in there if one.kind == self._kind), next(iter(there), None))
        if found is None or (self.subject is not None and self.subject.key == found.key):
            self.follow()
            return
        stepped = self.subject is not None and self.subject.kind == found.kind == "stage"
        self._show(found, anew=not stepped)

    def _show(self, subject: Subject, *, anew: bool, again: bool = False) -> None:
        self.subject, self._kind = subject, subject.kind
        self.query_one(Title).say("reading ...")
        # What is on screen comes first.
        self.call_after_refresh(self._read, subject, anew, again)

    def _read(self, subject: Subject, anew: bool, again: bool) -> None:
        if subject is not self.subject:
            return
        try:
            found = (subject.again or subject.read)() if again else subject.read()
        except StridescopeError as error:
            self.state.map = None
            self.query_one(Title).say(str(error))
        else:
            self.state.load(found, anew=anew)
            self.query_one(Title).say("")
            if found.notes:
                self.notify(". ".join(found.notes[:2]), markup=False)
        self.follow()

    # ---------------------------------------------------------------------------------------------------------- follow

    def follow(self) -> None:
        """Everything on screen is what the state says."""
        for listed in (self._storages, self._tensors):
            rows = self._list(listed.pane)
            rows.changed(listed.length)
            rows.show(listed.marked)
        self.set_class(self.state.pane == "tensors", "-tensors")
        self.query_one(Title).changed()
        self.query_one(MapHead).fit()
        self.refresh_bindings()

    def on_resize(self) -> None:
        """There is more room, or less, once everything has its place."""
        self.call_after_refresh(self.query_one(MapHead).fit)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action can be taken now; what cannot be is neither in the footer nor in the palette."""
        state = self.state
        asked: dict[str, Callable[[], bool]] = {
            "other": lambda: len(self._subjects()) > 1,
            "refresh": lambda: self.subject is not None and self.subject.again is not None,
            "who": lambda: state.storage is not None and state.storage.find is not None,
            "open": lambda: state.tensors > 0,
            "copy_name": lambda: state.tensors > 0,
            "back": lambda: state.pane == "tensors",
        }
        return asked[action]() if action in asked else super().check_action(action, parameters)

    # ------------------------------------------------------------------------------------------------------------ keys

    def action_mark(self, by: int) -> None:
        """Mark another row."""
        self.state.mark(self.state.marked + by)
        self.follow()

    def action_page(self, by: int) -> None:
        """Mark a row that is a screen away."""
        self.action_mark(by * max(self._list(self.state.pane).size.height - 1, 1))

    def action_first(self) -> None:
        """Mark the first row."""
        self.state.mark(0)
        self.follow()

    def action_last(self) -> None:
        """Mark the last row."""
        self.state.mark(self.state.length - 1)
        self.follow()

    def action_to(self, pane: Pane) -> None:
        """Keys speak to a list."""
        self.state.go(pane)
        self._list(self.state.pane).focus()
        self.follow()

    def action_turn(self) -> None:
        """Keys speak to the other list."""
        self.action_to("storages" if self.state.pane == "tensors" else "tensors")

    def action_back(self) -> None:
        """Back to the storages."""
        self.action_to("storages")

    def action_who(self) -> None:
        """Look for who holds the marked tensor."""
        self.state.look()
        self.follow()

    def action_refresh(self) -> None:
        """Tell the storages once more."""
        if self.subject is not None and self.subject.again is not None:
            self._show(self.subject, anew=False, again=True)

    def action_other(self) -> None:
        """Show the storages of something else that has some."""
        there = self._subjects()
        kinds = [one.kind for one in there]
        at = kinds.index(self._kind) if self._kind in kinds else -1
        if there:
            self._show(there[(at + 1) % len(there)], anew=True)

    def action_copy_name(self) -> None:
        """Copy the marked tensor's name."""
        info = self.state.info
        if info is not None:
            self.app.copy_to_clipboard(name_of(info))
            self.notify(f"copied {shortened(printable(name_of(info)), TOLD)}", markup=False)

    def action_open(self) -> None:
        """Put the marked tensor on the Stage; of a storage with several have one chosen first."""
        state, subject, info = self.state, self.subject, self.state.info
        if info is None or subject is None:
            return
        if state.pane == "storages" and state.tensors > 1:
            self.action_to("tensors")
            return
        if subject.kind == "stage":
            self.post_message(self.Shown(name_of(info)))
            return
        from stridescope.program.typed import Session
        from stridescope.tui.opening import opening_of_tensor

        try:
            opening = opening_of_tensor(name_of(info), subject.held(info))
            # What ops cannot go on from is told here, before the screen changes.
            Session(opening.names, opening.chain_of)
        except StridescopeError as error:
            self.notify(shortened(str(error), 400), severity="warning", markup=False)
        else:
            self.post_message(self.Chosen(opening))

    def _clicked(self, pane: Pane, number: int, twice: bool) -> None:
        """Mark the row that was clicked; by a second click choose it."""
        self.action_to(pane)
        self.state.mark(number)
        self.follow()
        if twice:
            self.action_open()
