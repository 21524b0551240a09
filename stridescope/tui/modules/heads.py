"""The lines above the tree: the model as a whole, and what its three views would give.

Problem: what a model is must stay in sight while its rows scroll, and the difference between a tree, `children()` and
`modules()` is best seen as numbers side by side. Method: two lines of text; the words of the second can be clicked.
Cost: two lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from stridescope.scene.frame import painted, piece, size_of
from stridescope.scene.module_rows import heading
from stridescope.scene.sentences import joined
from stridescope.scene.text import count, nbytes_text, plural, printable, shortened
from stridescope.tui.lines import Lines, line, looks_of
from stridescope.tui.modules.browser import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Click
    from textual.geometry import Size

    from stridescope.records.modules import ModuleTree
    from stridescope.scene.frame import Row
    from stridescope.scene.outline import View
    from stridescope.tui.modules.browser import Browser

__all__ = ["ModelLine", "ViewsLine", "amounts"]

NAME = "stridescope"
LEAST = 40
GUTTER = 2
"""Columns right of the rows: air, and the scrollbar."""


def amounts(tree: ModuleTree) -> list[str]:
    """How much a model is, in a few words each, the most telling first."""
    counts = tree.counts
    words = [
        plural(counts.parameter_elements, "element"),
        nbytes_text(counts.nbytes),
        plural(counts.modules, "module") if tree.root.type else plural(counts.modules - 1, "name"),
        plural(counts.parameters, "parameter"),
    ]
    if counts.buffers:
        words.append(plural(counts.buffers, "buffer"))
    if counts.frozen and tree.root.type:
        words.append("frozen" if counts.frozen == counts.parameters else f"{count(counts.frozen)} frozen")
    if counts.uninitialized:
        words.append(f"{count(counts.uninitialized)} not initialized yet")
    words += [found[0] if len(found) == 1 else f"mixed {joined(list(found))}" for found in _kinds(tree) if found]
    if tree.root.training is not None:
        words.append("training" if tree.root.training else "eval")
    return words


def _kinds(tree: ModuleTree) -> tuple[tuple[str, ...], ...]:
    return tree.counts.dtypes, tree.counts.devices


class ModelLine(Lines):
    """The name of the app, what the model is, and what goes on."""

    def __init__(self, browser: Browser, title: str) -> None:
        super().__init__(id="model")
        self.browser = browser
        self.title = title
        self.doing = ""

    def say(self, doing: str) -> None:
        """Show what goes on, such as reading; "" for nothing."""
        self.doing = doing
        self.changed()

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        ink, browser = looks_of(self).ink, self.browser
        told = self.doing or _changes_text(browser.changes)
        right = shortened(ink.say(told), max(size.width - 4, 0), ink.dots)
        room = size.width - 2 - (size_of(right) + 3 if right else 0)
        parts = [(f"{NAME}   ", "view")] if room >= LEAST + len(NAME) else []
        tree = browser.tree
        kind = "" if tree is None else tree.root.type
        named = "  ".join(dict.fromkeys(text for text in (printable(self.title), kind or "names") if text))
        left = room - sum(size_of(text) for text, _ in parts)
        parts.append((shortened(ink.say(named), left, ink.dots), "bold"))
        left -= size_of(parts[-1][0])
        if browser.known is not None and browser.known.below is not None and tree is not None:
            for words in amounts(tree):
                text = ink.say(f"   {words}")
                if size_of(text) <= left:
                    parts.append((text, "quiet"))
                    left -= size_of(text)
        return [line(parts, size.width, x=1, right=[(right, "write" if browser.changes else "quiet")] if right else ())]


def _changes_text(number: int | None) -> str:
    return "" if number is None else "nothing changed" if not number else plural(number, "change")


class ViewsLine(Lines):
    """The three views with the number of modules that each gives, and what the columns are."""

    class Chosen(Message):
        """A view was clicked."""

        def __init__(self, view: View) -> None:
            super().__init__()
            self.view = view

    def __init__(self, browser: Browser) -> None:
        super().__init__(id="views")
        self.browser = browser
        self._places: list[tuple[int, int, View]] = []

    def rows(self, size: Size) -> Sequence[Row]:
        """The one line."""
        browser, ink = self.browser, looks_of(self).ink
        self._places = []
        runs, at = [], 1
        for view, words in zip(VIEWS, self._words(), strict=True):
            text = f" {words} "
            self._places.append((at, at + size_of(text), view))
            runs.append((at, piece(text, "chosen" if view == browser.view else "quiet")))
            at += size_of(text) + 1
        names = (
            ()
            if browser.known is None or browser.outline is None
            else heading(browser.known, max(size.width - GUTTER, 1))
        )
        edge = names[0][0] if names else size.width
        of = ink.say(self._of())
        if of and edge - at > 8:
            runs.append((at + 1, piece(shortened(of, edge - at - 3, ink.dots), "quiet")))
            at += 1 + len(shortened(of, edge - at - 3, ink.dots))
        return [painted([*runs, *(names if edge > at else ())], size.width)]

    def _words(self) -> list[str]:
        """What each view is called, with how many modules it gives."""
        browser = self.browser
        base, known = browser.base, browser.known
        if base is None or known is None:
            return ["tree", "children()", "modules()"]
        below = "" if known.below is None else f" {count(known.below[base.path].modules)}"
        return ["tree", f"children() {count(browser.direct(base))}", f"modules(){below}"]

    def _of(self) -> str:
        """What the two lists are of, and what a search or torch leaves out."""
        browser = self.browser
        base, outline = browser.base, browser.outline
        if base is None or outline is None:
            return ""
        words = [f"of {printable(base.path)}"] if base.path else []
        if browser.view == "children" and outline.left_out:
            words.append(f"{plural(outline.left_out, 'name')} of the same left out")
        return ", ".join(words)

    def on_click(self, event: Click) -> None:
        """Show the view that was clicked."""
        view = next((view for start, end, view in self._places if start <= event.x < end), None)
        if view is not None:
            self.post_message(self.Chosen(view))
