"""The Modules screen: a model's tree, the details of one row, and the line it is searched with.

Problem: rows, details and heads must follow what is opened, marked, searched and read again, from one place. Method:
the screen holds one `Browser`; a key changes it (`actions`), the mouse and the search line change it (here), the
reading puts another tree into it, and after each of these everything on screen is asked to follow. A large model is
read after the first paint.

Cost: a handful of widgets; what is drawn is what is in sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.containers import Container, Vertical
from textual.message import Message

from stridescope.errors import StridescopeError
from stridescope.modules.finding import Finder
from stridescope.records.modules import ModuleTree
from stridescope.scene.frame import painted, piece
from stridescope.scene.module_rows import guide_size, module_row
from stridescope.scene.module_sections import details
from stridescope.scene.panel import Panel, laid_out
from stridescope.scene.text import shortened
from stridescope.tui.key_line import KeyLine
from stridescope.tui.keys import bindings
from stridescope.tui.lines import looks_of
from stridescope.tui.modules.actions import Actions
from stridescope.tui.modules.browser import Browser
from stridescope.tui.modules.finding import FindLine, Query
from stridescope.tui.modules.heads import ModelLine, ViewsLine
from stridescope.tui.modules.reading import Learned, Read, Reader, is_small, learn, read
from stridescope.tui.modules.rows import Details, TreeView

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widgets import Input

    from stridescope.scene.frame import Row
    from stridescope.tui.opening import Opening

__all__ = ["ModulesScreen"]

MOST_LINES = 10_000
"""More than the details of anything."""

AT_ONCE = 20_000
"""Rows that are searched with each key; with more, a pause in typing is waited for."""
PAUSE = 0.12

_WIDE = 100


class ModulesScreen(Actions):
    """A model, browsed.

    Args:
        model: what `ss.modules` takes, or a `ModuleTree`.
        title: where it is from.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("modules"), *bindings("screens")]
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = ""

    class Chosen(Message):
        """A tensor is to be put on the Stage."""

        def __init__(self, opening: Opening) -> None:
            super().__init__()
            self.opening = opening

    def __init__(self, model: Any, title: str = "") -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-tall")]
        self.model = model
        self.model_title = title
        self.browser = Browser()
        self._reader = Reader(self._told)
        self._before: ModuleTree | None = None
        self._again = False
        self._reading = False
        self._panel: tuple[object, Panel] | None = None
        self._search: Timer | None = None
        self._offered: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield ModelLine(self.browser, self.model_title)
        with Container(id="both"):
            with Vertical(id="left"):
                yield ViewsLine(self.browser)
                yield TreeView(self, id="tree")
            yield Details(self, id="details")
        yield FindLine(id="find")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read the model: at once where that takes no time, otherwise once the screen is there."""
        self.tree_view.focus()
        self._start()

    def on_unmount(self) -> None:
        """Leave nothing behind that tells of a reading."""
        self._reader.close()

    # ------------------------------------------------------------------------------------------------------ its parts

    @property
    def tree_view(self) -> TreeView:
        """The rows."""
        return self.query_one(TreeView)

    @property
    def details(self) -> Details:
        """What is known of the marked row."""
        return self.query_one(Details)

    @property
    def find_line(self) -> FindLine:
        """The line that is searched with."""
        return self.query_one(FindLine)

    @property
    def key_scopes(self) -> tuple[str, ...]:
        """Whose keys work now."""
        return ("find", "app") if isinstance(self.focused, Query) else ("modules", "screens", "app")

    # --------------------------------------------------------------------------------------------------------- reading

    def action_refresh(self) -> None:
        """Read the model again, and mark what changed since it was read before."""
        tree = self.browser.tree
        if self._reading or tree is None:
            return
        if isinstance(self.model, ModuleTree):
            if self.model.model is None:
                self.notify("there is no live model behind this tree to read again", markup=False)
                return
            self.model = self.model.model
        self._before, self._again = tree, True
        self._start()

    def _start(self) -> None:
        self._reading = True
        if not is_small(self.model):
            self.query_one(ModelLine).say("reading again ..." if self._again else "reading ...")
            # What is on screen comes first: two threads of Python take turns.
            self.call_after_refresh(self._reader.start, self.model, self._before)
            return
        try:
            found = read(self.model)
        except StridescopeError as error:
            self._take(error)
        else:
            self._reading = False
            self._take(found)
            self._take(learn(found.tree, self._before))

    def _told(self, found: Read | Learned | Finder | Exception) -> None:
        # In the thread of the reader.
        self.app.call_later(self._take, found)

    def _take(self, found: Read | Learned | Finder | Exception) -> None:
        """One stage of the reading is done."""
        if isinstance(found, Read):
            self.browser.load(found, max(self.app.size.height - 4, 1))
        elif isinstance(found, Learned):
            self.browser.learn(found, again=self._again)
            self.query_one(ModelLine).say("")
            if is_small(self.model) and self.browser.query:
                self._search_now()
        elif isinstance(found, Finder):
            self.browser.search_with(found)
            self._reading = False
        elif isinstance(found, StridescopeError):
            self._reading = False
            self.query_one(ModelLine).say(str(found))
        else:
            raise found
        self.follow()

    # ---------------------------------------------------------------------------------------- what the widgets ask for

    def row(self, number: int, width: int) -> Row:
        """One row of the tree."""
        known, items = self.browser.known, self.browser.items
        plain = looks_of(self).ink.ascii
        if known is None or number >= len(items):
            return ()
        return _moved(module_row(items[number], known, width - 2, self.browser.standing(number, ascii=plain)))

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

    @property
    def marked(self) -> int:
        """The number of the row to keep in sight."""
        return self.browser.place

    def _laid_out(self, width: int) -> Panel:
        item, known = self.browser.item, self.browser.known
        plain = looks_of(self).ink.ascii
        if item is None or known is None:
            return Panel((), ())
        asked = (id(known), item.key, width, plain)
        if self._panel is None or self._panel[0] != asked:
            self._panel = (asked, laid_out(details(item, known), max(width - 1, 1), MOST_LINES, ascii=plain))
        return self._panel[1]

    def click(self, number: int, x: int, width: int, *, twice: bool) -> None:
        """Mark a row; at its sign open or close it; by a second click choose it."""
        browser, before = self.browser, self.browser.place
        if browser.known is None or number >= len(browser.items):
            return
        browser.mark(number)
        item, standing = browser.items[number], browser.standing(number, ascii=looks_of(self).ink.ascii)
        self.tree_view.focus()
        if standing.opened is not None and x - 1 < guide_size(item, browser.known, width - 2, standing):
            browser.toggle()
            self.follow()
        elif twice:
            self.action_open()
        else:
            self.moved(before)

    # --------------------------------------------------------------------------------------------------------- follow

    def moved(self, before: int) -> None:
        """Another row is marked than `before`."""
        tree, browser = self.tree_view, self.browser
        tree.line_changed(before)
        tree.line_changed(browser.place)
        tree.show(browser.place)
        self._marked()

    def follow(self) -> None:
        """The rows are others, or told in other words."""
        self._panel = None
        browser, tree = self.browser, self.tree_view
        tree.changed(len(browser.items))
        tree.show(browser.place)
        self.query_one(ModelLine).changed()
        find = self.find_line
        if not browser.query and not isinstance(self.focused, Query):
            find.query_line.value = ""
        find.display = bool(browser.query) or isinstance(self.focused, Query)
        if browser.query:
            find.say(None if browser.needs_finder else len(browser.matches))
        self._marked()

    def _marked(self) -> None:
        """What goes with the marked row."""
        self.query_one(ViewsLine).changed()
        self.details.again(top=True)
        browser = self.browser
        offered = (browser.has_twin, bool(browser.matches), bool(browser.changed), browser.view, bool(browser.query))
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def action_pane(self) -> None:
        """Show the details, or hide them."""
        shown = self.details.display and self.details.size.height > 0
        self.set_class(shown, "-without")
        self.set_class(not shown, "-with")

    @on(ViewsLine.Chosen)
    def _view_chosen(self, event: ViewsLine.Chosen) -> None:
        event.stop()
        self.action_view(event.view)

    # ---------------------------------------------------------------------------------------------------------- search

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action can be taken now; a slash that is typed is one."""
        if action == "find":
            return not isinstance(self.focused, Query)
        return super().check_action(action, parameters)

    def action_find(self) -> None:
        """Go to the line that is searched with; at once, so that no letter typed after it is taken for a key."""
        self.find_line.display = True
        self.find_line.say(None if self.browser.needs_finder else len(self.browser.matches))
        self.set_focus(self.find_line.query_line)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Follow what is typed."""
        event.stop()
        if event.value == self.browser.query:
            return
        self.browser.query = event.value
        if self._search is not None:
            self._search.stop()
            self._search = None
        tree = self.browser.tree
        if tree is not None and len(tree.nodes) > AT_ONCE:
            self._search = self.set_timer(PAUSE, self._search_now)
        else:
            self._search_now()

    def _search_now(self) -> None:
        browser = self.browser
        if browser.tree is not None and browser.needs_finder and not self._reading:
            browser.search_with(Finder(browser.tree))
        browser.search(browser.query)
        self.follow()

    def action_leave_find(self, kept: bool) -> None:
        """Back to the rows: those that were found, or all."""
        self.set_focus(self.tree_view)
        if not kept:
            self.browser.unsearch()
        self.follow()

    # -------------------------------------------------------------------------------------------------------- the Stage

    def action_open(self) -> None:
        """Put the marked tensor on the Stage; open or close a module."""
        item = self.browser.item
        if item is None or item.tensor is None:
            self.action_turn()
            return
        from stridescope.program.typed import Session
        from stridescope.tui.opening import opening_of_tensor

        held = dict(zip((tensor.name for tensor in item.node.tensors), item.node.live[1:], strict=False))
        live = held.get(item.tensor.name)
        value = None if live is None else live()
        opening = opening_of_tensor(item.path, item.tensor if value is None else value)
        try:
            # What ops cannot go on from is told here, before the screen changes.
            Session(opening.names, opening.chain_of)
        except StridescopeError as error:
            self.notify(shortened(str(error), 400), severity="warning", markup=False)
        else:
            self.post_message(self.Chosen(opening))


def _moved(row: Row) -> Row:
    """A row one column to the right, so that nothing touches the edge."""
    runs = [(x + 1, part) for x, part in row]
    if len(runs) == 1 and runs[0][1].look.role == "chosen":
        text = f" {runs[0][1].text} "
        runs = [(0, piece(text, "chosen"))]
    return tuple(runs)
