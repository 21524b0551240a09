"""What the keys of the Modules screen do, each an action of `tui.keys`.

Problem: some thirty keys must not bury the screen that has them. Method: an action changes the `Browser` and then has
the screen follow: `moved` where only the mark went elsewhere, `follow` where rows came or went. Cost: the browser's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

from stridescope.scene.text import printable, shortened
from stridescope.tui.modules.browser import VIEWS, Browser

if TYPE_CHECKING:
    from stridescope.scene.outline import View
    from stridescope.tui.modules.rows import Details, TreeView

__all__ = ["Actions"]

TOLD = 60
"""Characters of what was copied that a notification repeats."""


class Actions(Screen[None]):
    """The keys; `ModulesScreen` has the widgets.

    Attributes:
        browser: where the reader stands.
    """

    browser: Browser

    @property
    def tree_view(self) -> TreeView:
        """The rows."""
        raise NotImplementedError

    @property
    def details(self) -> Details:
        """What is known of the marked row."""
        raise NotImplementedError

    def moved(self, before: int) -> None:
        """Another row is marked than `before`."""
        raise NotImplementedError

    def follow(self) -> None:
        """The rows are others: everything on screen follows."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Whether an action can be taken now; what cannot be is neither in the footer nor in the palette."""
        asked = _ASKED.get(action)
        return asked is None or asked(self.browser)

    # -------------------------------------------------------------------------------------------------------- marking

    def action_mark(self, by: int) -> None:
        """Mark another row."""
        self._mark(self.browser.place + by)

    def action_page(self, by: int) -> None:
        """Mark a row that is a screen away."""
        self._mark(self.browser.place + by * max(self.tree_view.size.height - 1, 1))

    def action_first(self) -> None:
        """Mark the first row."""
        self._mark(0)

    def action_last(self) -> None:
        """Mark the last row."""
        self._mark(len(self.browser.items) - 1)

    def _mark(self, place: int) -> None:
        before = self.browser.place
        self.browser.mark(place)
        self.moved(before)

    def action_details(self, by: int) -> None:
        """Scroll the details."""
        self.details.scroll_relative(y=by, animate=False, immediate=True)

    # ------------------------------------------------------------------------------------------------- open and close

    def action_turn(self) -> None:
        """Open the marked row, or close it."""
        self.browser.toggle()
        self.follow()

    def action_right(self) -> None:
        """Open the marked row, or go into it."""
        self.browser.right()
        self.follow()

    def action_left(self) -> None:
        """Close the marked row, or go out of it."""
        self.browser.left()
        self.follow()

    def action_open_below(self) -> None:
        """Open all that is below."""
        self.browser.open_below()
        self.follow()

    def action_close_below(self) -> None:
        """Close all that is below."""
        self.browser.close_below()
        self.follow()

    def action_fold(self) -> None:
        """Fold equal layers, or show each."""
        folded = self.browser.fold()
        self.notify("equal layers share a row" if folded else "each layer has a row", markup=False)
        self.follow()

    # ----------------------------------------------------------------------------------------------------------- views

    def action_next_view(self) -> None:
        """The tree, `children()`, `modules()`, and again."""
        self.action_view(VIEWS[(VIEWS.index(self.browser.view) + 1) % len(VIEWS)])

    def action_view(self, view: View) -> None:
        """One view."""
        self.browser.show(view)
        self.follow()

    def action_back(self) -> None:
        """Show all rows, or from a list the tree."""
        if self.browser.query:
            self.browser.unsearch()
        else:
            self.browser.show("tree")
        self.follow()

    # ------------------------------------------------------------------------------------------------------------ find

    def action_match(self, by: int) -> None:
        """The next row that was found, or the one before."""
        self.browser.step(self.browser.matches, by)
        self.follow()

    def action_change(self, by: int) -> None:
        """The next row that changed, or the one before."""
        self.browser.step(self.browser.changed, by)
        self.follow()

    def action_twin(self) -> None:
        """What shares the marked row's memory."""
        self.browser.twin()
        self.follow()

    def action_copy_path(self) -> None:
        """Copy the marked row's path."""
        item = self.browser.item
        if item is not None:
            self.app.copy_to_clipboard(item.path)
            self.notify(f"copied {shortened(printable(item.path), TOLD) or 'nothing: it has no path'}", markup=False)


_ASKED: dict[str, Callable[[Browser], bool]] = {
    "match": lambda browser: bool(browser.matches),
    "change": lambda browser: bool(browser.changed),
    "twin": lambda browser: browser.has_twin,
    "back": lambda browser: bool(browser.query) or browser.view != "tree",
}
"""Actions that can be taken at times only -> when."""
