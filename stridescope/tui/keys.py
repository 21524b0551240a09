"""Every key of the app: what it does, in which words, where.

Problem: a key, its place in the footer, its line on the key sheet and its entry in the command palette must say the
same thing, and none may be forgotten. Method: one row for each action; bindings, footer, sheet and palette are made
from the rows. A row without keys is an entry of the palette alone; a row without an action only says what a widget
does by itself (the prompt's editing keys). Cost: a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from textual.binding import Binding

from stridescope.tui.examples import EXAMPLES

__all__ = ["KEYS", "Hint", "Key", "bindings", "keys_text", "rows"]


class Hint(NamedTuple):
    """A row's place in the footer.

    Attributes:
        keys: the keys shown, as `Key.keys` has them; one hint may stand for two rows, as "left,right" does.
        words: one or two.
        rank: the lower, the longer it stays as the terminal gets narrower.
    """

    keys: str
    words: str
    rank: int = 5


class Key(NamedTuple):
    """One thing that can be done.

    Attributes:
        id: "scope.name", unique; the id of the binding.
        keys: Textual's names of the keys, with commas between; "" for none.
        action: what Textual runs, "name" or "app.name"; "" where a widget sees to the keys by itself.
        label: what the palette and the sheet call it.
        tooltip: one sentence.
        group: its heading on the sheet.
        scope: "app", "home", "stage", "prompt", "modules", "find", "storages", "trace", or "screens" where numbers
            switch between them.
        hint: its place in the footer, or None.
        priority: whether it holds while a text is being typed too.
    """

    id: str
    keys: str
    action: str
    label: str
    tooltip: str
    group: str
    scope: str
    hint: Hint | None = None
    priority: bool = False


# fmt: off
KEYS: tuple[Key, ...] = (
    # ------------------------------------------------------------------------------------------------------------ stage
    Key("stage.play", "space", "play", "Play or pause", "Play the steps from here, or hold still.", "Play", "stage",
        Hint("space", "play", 1)),
    Key("stage.forward", "right", "step(1)", "Next step", "On a walk, the next element.", "Play", "stage",
        Hint("left,right", "step", 2)),
    Key("stage.back", "left", "step(-1)", "Previous step", "On a walk, the element before.", "Play", "stage"),
    Key("stage.scrub_on", "up", "scrub(1)", "Scrub forward", "Move on by a tenth of a step.", "Play", "stage"),
    Key("stage.scrub_back", "down", "scrub(-1)", "Scrub back", "Move back by a tenth of a step.", "Play", "stage"),
    Key("stage.first", "home", "first", "First step", "Back to where the program begins.", "Play", "stage"),
    Key("stage.last", "end", "last", "Last step", "On to what the program comes to.", "Play", "stage"),
    Key("stage.replay", "f5,ctrl+r", "replay", "Replay", "Start at the first step and play.", "Play", "stage",
        priority=True),
    Key("stage.faster", "plus,equals_sign", "faster", "Faster", "Up to 4 times.", "Play", "stage"),
    Key("stage.slower", "minus", "slower", "Slower", "Down to a quarter.", "Play", "stage"),
    Key("stage.loop", "o", "loop", "Loop", "Start again at the end, or stop there.", "Play", "stage"),
    Key("stage.play_typing", "f6", "play", "Play or pause, while typing", "Play or pause from the prompt too.", "Play",
        "stage", priority=True),
    Key("stage.back_typing", "f7", "step(-1)", "Previous step, while typing", "Go back from the prompt too.", "Play",
        "stage", priority=True),
    Key("stage.forward_typing", "f8", "step(1)", "Next step, while typing", "Go on from the prompt too.", "Play",
        "stage", priority=True),
    Key("stage.walk", "w", "walk", "Walk", "Go through the tensor in index order and watch the pointer hop.", "Walk",
        "stage", Hint("w", "walk", 4)),
    Key("stage.walk_end", "W,escape", "walk_end", "End the walk", "Stop walking; without a walk, clear the cursor.",
        "Walk", "stage"),
    Key("stage.values", "v", "values", "Values or addresses", "Show values in the cells, or addresses.", "Look",
        "stage", Hint("v", "values", 5)),
    Key("stage.cursor_left", "h,shift+left", "cursor(-1,0)", "Cursor left", "One index less in the last dim.", "Point",
        "stage", Hint("h,j,k,l", "point", 6)),
    Key("stage.cursor_down", "j,shift+down", "cursor(0,1)", "Cursor down", "One index more in the dim before the last.",
        "Point", "stage"),
    Key("stage.cursor_up", "k,shift+up", "cursor(0,-1)", "Cursor up", "One index less in the dim before the last.",
        "Point", "stage"),
    Key("stage.cursor_right", "l,shift+right", "cursor(1,0)", "Cursor right", "One index more in the last dim.",
        "Point", "stage"),
    Key("stage.pointer_back", "left_square_bracket", "pointer(-1)", "Pointer back",
        "Point one address lower on the strip.", "Point", "stage"),
    Key("stage.pointer_on", "right_square_bracket", "pointer(1)", "Pointer on",
        "Point one address higher on the strip.", "Point", "stage"),
    Key("stage.next_dim", "d", "dim(1)", "Next dim", "Its stride is explained, and what it reaches is marked.", "Point",
        "stage"),
    Key("stage.previous_dim", "D", "dim(-1)", "Previous dim", "From the last dim to the first.", "Point", "stage"),
    Key("stage.clear", "x", "clear", "Clear the cursor", "Take the cursor, the pointer and the dim away.", "Point",
        "stage"),
    Key("stage.next_tensor", "tab", "tensor(1)", "Next tensor", "Keys and panel go over to it.", "Look", "stage"),
    Key("stage.previous_tensor", "shift+tab", "tensor(-1)", "Previous tensor", "From the newest to the oldest.", "Look",
        "stage"),
    Key("stage.page_up", "pageup,ctrl+up", "scroll(0,-1)", "Scroll up", "A page of the grid, to what lies above.",
        "Look", "stage"),
    Key("stage.page_down", "pagedown,ctrl+down", "scroll(0,1)", "Scroll down",
        "A page of the grid, to what lies below.", "Look", "stage"),
    Key("stage.page_left", "ctrl+left", "scroll(-1,0)", "Scroll left", "To what lies beyond the left edge.", "Look",
        "stage"),
    Key("stage.page_right", "ctrl+right", "scroll(1,0)", "Scroll right", "To what lies beyond the right edge.", "Look",
        "stage"),
    Key("stage.type", "slash,i,colon", "prompt", "Type a program", "Go to the line below and type.", "Program", "stage",
        Hint("slash", "type", 3)),
    Key("stage.edit", "e", "edit", "Edit this step", "Mark this step's text in the line below.", "Program", "stage"),
    Key("stage.alternative_a", "a", "alternative(0)", "Take alternative a",
        "Go on with it in place of what was refused.", "Program", "stage", Hint("a", "what works", 2)),
    Key("stage.alternative_b", "b", "alternative(1)", "Take alternative b",
        "Go on with it in place of what was refused.", "Program", "stage"),
    Key("stage.alternative_c", "c", "alternative(2)", "Take alternative c",
        "Go on with it in place of what was refused.", "Program", "stage"),
    Key("stage.copy_source", "y", "copy('source')", "Copy the expression", "Copy the program up to this step.",
        "Take away", "stage"),
    Key("stage.copy_layout", "Y", "copy('layout')", "Copy the layout", "Copy the layout as (shape):(stride)+offset.",
        "Take away", "stage"),
    Key("stage.copy_formula", "u", "copy('formula')", "Copy the formula", "Copy the address formula of the cursor.",
        "Take away", "stage"),
    Key("stage.save", "s", "save", "Save a picture", "Save this frame as an SVG file here.", "Take away", "stage"),
    # ----------------------------------------------------------------------------------------------------------- prompt
    Key("prompt.submit", "enter", "", "Play what changed", "Play from the first step that changed.", "Type", "prompt",
        Hint("enter", "play", 1)),
    Key("prompt.complete", "tab,ctrl+@", "", "Complete", "List the ops that fit here and what each would do.", "Type",
        "prompt", Hint("tab", "complete", 2)),
    Key("prompt.newline", "ctrl+j,alt+enter", "", "New line", "Go on in a new line.", "Type", "prompt"),
    Key("prompt.history", "up,down", "", "Earlier lines", "Go through the lines typed before.", "Type", "prompt",
        Hint("up,down", "earlier", 4)),
    Key("prompt.undo", "ctrl+z", "", "Undo", "Take the last change back.", "Type", "prompt"),
    Key("prompt.redo", "ctrl+y", "", "Redo", "Make it again.", "Type", "prompt"),
    Key("prompt.leave", "escape", "", "Back to the picture", "Leave the line; letters are keys again.", "Type",
        "prompt", Hint("escape", "to the picture", 3)),
    # ------------------------------------------------------------------------------------------------------------- home
    Key("home.open", "enter", "open", "Open the marked one", "Play the example that is marked.", "Try", "home",
        Hint("enter", "play", 1)),
    Key("home.down", "down,j", "mark(1)", "Next example", "Its sentence is shown.", "Try", "home",
        Hint("up,down", "choose", 2)),
    Key("home.up", "up,k", "mark(-1)", "Previous example", "The one above.", "Try", "home"),
    Key("home.first", "home", "mark_at(0)", "First example", "The top of the list.", "Try", "home"),
    Key("home.last", "end", "mark_at(-1)", "Last example", "The end of the list.", "Try", "home"),
    Key("home.type", "slash,i,colon,tab", "prompt", "Type a program", "One of your own.", "Try", "home",
        Hint("slash", "type", 3)),
    *(
        Key(f"home.try_{example.key}", example.key, f"open({number})", example.idea.capitalize(), example.sentence,
            "Examples", "home")
        for number, example in enumerate(EXAMPLES)
    ),
    # --------------------------------------------------------------------------------------------------------- modules
    Key("modules.open", "enter", "open", "Open on the Stage", "Put a tensor on the Stage; open or close a module.",
        "Browse", "modules", Hint("enter", "open", 2)),
    Key("modules.down", "down,j", "mark(1)", "Next row", "Its details are shown.", "Browse", "modules"),
    Key("modules.up", "up,k", "mark(-1)", "Previous row", "The one above.", "Browse", "modules"),
    Key("modules.right", "right,l", "right", "Expand", "Show what is in the module; of an open one mark the first.",
        "Browse", "modules", Hint("left,right", "collapse, expand", 5)),
    Key("modules.left", "left,h", "left", "Collapse", "Hide what is in the module; of a closed one mark its parent.",
        "Browse", "modules"),
    Key("modules.toggle", "space", "turn", "Expand or collapse", "Show what is in the module, or hide it.", "Browse",
        "modules"),
    Key("modules.open_below", "asterisk", "open_below", "Expand everything below",
        "Show all that is in the module, of equal layers the first.", "Browse", "modules"),
    Key("modules.close_below", "minus", "close_below", "Collapse everything below", "Hide all that is in the module.",
        "Browse", "modules"),
    Key("modules.page_down", "pagedown", "page(1)", "A page down", "The mark goes along.", "Browse", "modules"),
    Key("modules.page_up", "pageup", "page(-1)", "A page up", "The mark goes along.", "Browse", "modules"),
    Key("modules.first", "home", "first", "First row", "The model itself.", "Browse", "modules"),
    Key("modules.last", "end", "last", "Last row", "The end of what is shown.", "Browse", "modules"),
    Key("modules.next_view", "v,tab", "next_view", "Tree, children() or modules()",
        "The nesting, or what children() or modules() of the marked module gives.", "Look", "modules",
        Hint("v", "children(), modules()", 4)),
    Key("modules.tree", "", "view('tree')", "Show the tree", "The nesting, with every tensor.", "Look", "modules"),
    Key("modules.children", "", "view('children')", "Show children()", "The direct submodules of the marked module.",
        "Look", "modules"),
    Key("modules.modules", "", "view('modules')", "Show modules()",
        "Every module below the marked one, itself first, each once.", "Look", "modules"),
    Key("modules.fold", "f", "fold", "Fold equal layers or not", "Equal layers share a row, or each has its own.",
        "Look", "modules"),
    Key("modules.pane", "d", "pane", "Details or none", "Show all that is known of the marked row, or more rows.",
        "Look", "modules"),
    Key("modules.details_down", "J,shift+down", "details(1)", "Scroll the details down", "See more of the details.",
        "Look", "modules"),
    Key("modules.details_up", "K,shift+up", "details(-1)", "Scroll the details up", "See the details before.", "Look",
        "modules"),
    Key("modules.find", "slash,i", "find", "Find",
        "Type a part of a path, a type, a dtype, a shape, tied, frozen, non-contiguous.", "Find", "modules",
        Hint("slash", "find", 1), priority=True),
    Key("modules.next_match", "n", "match(1)", "Next one found", "After the last comes the first.", "Find",
        "modules", Hint("n,N", "next, previous", 3)),
    Key("modules.previous_match", "N", "match(-1)", "Previous one found", "Before the first comes the last.", "Find",
        "modules"),
    Key("modules.twin", "g", "twin", "Go to what shares its memory",
        "Of a tied weight its twin; again for the next of them.", "Find", "modules", Hint("g", "its twin", 2)),
    Key("modules.back", "escape", "back", "All rows, or the tree", "Show all rows again; from a list the tree.",
        "Find", "modules", Hint("escape", "all rows", 3)),
    Key("modules.refresh", "r,f5", "refresh", "Read the model again", "Mark what changed since it was read before.",
        "Change", "modules", Hint("r", "read again", 5)),
    Key("modules.next_change", "c", "change(1)", "Next change", "Mark the next row that changed.", "Change",
        "modules", Hint("c", "next change", 3)),
    Key("modules.copy_path", "y", "copy_path", "Copy the path", "Copy the path of the marked module or tensor.",
        "Take away", "modules"),
    # ------------------------------------------------------------------------------------------------------------ find
    Key("find.keep", "enter,down,tab", "", "To what was found", "Back to the rows; only those found are shown.",
        "Find", "find", Hint("enter", "to the rows", 1)),
    Key("find.leave", "escape", "", "All rows", "Back to the rows, all of them.", "Find", "find",
        Hint("escape", "all rows", 2)),
    # -------------------------------------------------------------------------------------------------------- storages
    Key("storages.open", "enter", "open", "Open on the Stage", "Put the tensor there; of several choose one first.",
        "Browse", "storages", Hint("enter", "open", 2)),
    Key("storages.down", "down,j", "mark(1)", "Next row", "Its bytes are drawn.", "Browse", "storages",
        Hint("up,down", "choose", 3)),
    Key("storages.up", "up,k", "mark(-1)", "Previous row", "The one above.", "Browse", "storages"),
    Key("storages.tensors", "right,l", "to('tensors')", "To the tensors", "Choose one of those in the storage.",
        "Browse", "storages", Hint("right", "its tensors", 3)),
    Key("storages.storages", "left,h", "to('storages')", "To the storages", "Back to the list.", "Browse", "storages"),
    Key("storages.turn", "tab", "turn", "Other list", "Storages, or the tensors in one.", "Browse", "storages"),
    Key("storages.back", "escape", "back", "Leave the tensors", "Back to the list.", "Browse", "storages",
        Hint("escape", "storages", 2)),
    Key("storages.page_down", "pagedown", "page(1)", "A page down", "The mark goes along.", "Browse", "storages"),
    Key("storages.page_up", "pageup", "page(-1)", "A page up", "The mark goes along.", "Browse", "storages"),
    Key("storages.first", "home", "first", "First row", "What retains most.", "Browse", "storages"),
    Key("storages.last", "end", "last", "Last row", "What retains least.", "Browse", "storages"),
    Key("storages.who", "w", "who", "Who holds it", "Look for the variables that keep the tensor alive.", "Look",
        "storages", Hint("w", "who holds it", 3)),
    Key("storages.other", "s", "other", "Storages of something else", "Of the model, or of the step on the Stage.",
        "Look", "storages", Hint("s", "of what", 4)),
    Key("storages.refresh", "r,f5", "refresh", "Read again", "Tell the storages as they are now.", "Look", "storages",
        Hint("r", "read again", 5)),
    Key("storages.copy_name", "y", "copy_name", "Copy the name", "That of the tensor, or its layout.", "Take away",
        "storages"),
    # ----------------------------------------------------------------------------------------------------------- trace
    Key("trace.open", "enter", "open", "Play on the Stage", "What the step did, from before to after.", "Browse",
        "trace", Hint("enter", "play", 1)),
    Key("trace.down", "down,j", "mark(1)", "Next row", "Its details are shown.", "Browse", "trace",
        Hint("up,down", "choose", 3)),
    Key("trace.up", "up,k", "mark(-1)", "Previous row", "The one above.", "Browse", "trace"),
    Key("trace.page_down", "pagedown", "page(1)", "A page down", "The mark goes along.", "Browse", "trace"),
    Key("trace.page_up", "pageup", "page(-1)", "A page up", "The mark goes along.", "Browse", "trace"),
    Key("trace.first", "home", "first", "First row", "Where the list begins.", "Browse", "trace"),
    Key("trace.last", "end", "last", "Last row", "Where the list ends.", "Browse", "trace"),
    Key("trace.copies", "c", "view('copies')", "Copies alone", "Every step that moved bytes; again for all steps.",
        "Look", "trace", Hint("c", "copies", 2)),
    Key("trace.lines", "l", "view('lines')", "By line", "Which source copied most; again for all steps.", "Look",
        "trace", Hint("l", "by line", 2)),
    Key("trace.steps", "escape", "view('steps')", "All steps", "In the order they ran.", "Look", "trace",
        Hint("escape", "all steps", 2)),
    Key("trace.next_copy", "n", "copy(1)", "Next copy", "After the marked row.", "Look", "trace",
        Hint("n,N", "next, previous copy", 4)),
    Key("trace.previous_copy", "N", "copy(-1)", "Previous copy", "Above the marked row.", "Look", "trace"),
    Key("trace.pane", "d", "pane", "Details or none", "Show what is known of the marked row, or more rows.", "Look",
        "trace"),
    Key("trace.details_down", "J,shift+down", "details(1)", "Scroll the details down", "See what comes below.", "Look",
        "trace"),
    Key("trace.details_up", "K,shift+up", "details(-1)", "Scroll the details up", "See what comes above.", "Look",
        "trace"),
    Key("trace.copy_place", "y", "copy_place", "Copy the place", "Copy file and line of the marked row.", "Take away",
        "trace"),
    # --------------------------------------------------------------------------------------------------------- screens
    Key("screens.stage", "1", "app.show_screen('stage')", "Stage", "Go to the tensor on the Stage.", "Screens",
        "screens", Hint("1", "stage", 4)),
    Key("screens.modules", "2", "app.show_screen('modules')", "Modules", "Go to the model's modules.", "Screens",
        "screens", Hint("2", "modules", 4)),
    Key("screens.storages", "3", "app.show_screen('storages')", "Storages", "Go to what lies where in memory.",
        "Screens", "screens", Hint("3", "storages", 6)),
    Key("screens.trace", "4", "app.show_screen('trace')", "Trace", "Go to the steps that ran.", "Screens", "screens",
        Hint("4", "trace", 4)),
    # -------------------------------------------------------------------------------------------------------------- app
    Key("app.sheet", "question_mark,f1", "app.sheet", "Keys", "Show every key.", "App", "app",
        Hint("question_mark", "keys", 1)),
    Key("app.palette", "ctrl+p", "app.command_palette", "Commands", "Find anything by its name.", "App", "app",
        Hint("ctrl+p", "commands", 7), priority=True),
    Key("app.home", "0", "app.home", "Home", "Go to the things to try, or back.", "App", "app", Hint("0", "home", 8)),
    Key("app.theme", "t", "app.next_theme", "Next theme", "Dark, light, or the terminal's own colours.", "App", "app"),
    Key("app.dark", "", "app.set_theme('dark')", "Theme: dark", "Light on dark, full colour.", "App", "app"),
    Key("app.light", "", "app.set_theme('light')", "Theme: light", "Dark on light, full colour.", "App", "app"),
    Key("app.ansi_dark", "", "app.set_theme('ansi-dark')", "Theme: terminal, dark",
        "The terminal's own colours, where they are light on dark.", "App", "app"),
    Key("app.ansi_light", "", "app.set_theme('ansi-light')", "Theme: terminal, light",
        "The terminal's own colours, where they are dark on light.", "App", "app"),
    Key("app.ascii", "A", "app.ascii", "ASCII or drawing characters", "Draw with ASCII alone, or with all characters.",
        "App", "app"),
    Key("app.motion", "M", "app.motion", "Motion on or off", "Jump from step to step, or move.", "App", "app"),
    Key("app.check", "C", "app.check", "Check against torch, on or off",
        "Run the same program on real torch in the background.", "App", "app"),
    Key("app.leave", "q", "app.leave", "Quit, asked twice", "Leave stridescope; a second q within 2 s does it.", "App",
        "app", Hint("q", "quit", 6)),
    Key("app.quit", "ctrl+q", "app.quit", "Quit", "Leave stridescope at once.", "App", "app"),
    Key("app.interrupt", "ctrl+c", "app.interrupt", "Copy what is selected, or quit",
        "Copy the text selected in the line, or leave.", "App", "app", priority=True),
)
# fmt: on
"""In the order of the key sheet; a scope's own rows come before those that hold everywhere."""

# Keys: (as drawn, in ASCII).
_DRAWN = {
    "left": ("←", "left"),
    "right": ("→", "right"),
    "up": ("↑", "up"),
    "down": ("↓", "down"),
    "question_mark": ("?", "?"),
    "slash": ("/", "/"),
    "colon": (":", ":"),
    "plus": ("+", "+"),
    "equals_sign": ("=", "="),
    "minus": ("-", "-"),
    "asterisk": ("*", "*"),
    "left_square_bracket": ("[", "["),
    "right_square_bracket": ("]", "]"),
    "escape": ("esc", "esc"),
    "pageup": ("pgup", "pgup"),
    "pagedown": ("pgdn", "pgdn"),
    "@": ("space", "space"),
}


def rows(*scopes: str) -> Iterator[Key]:
    """The rows of some scopes, in the table's order.

    >>> [row.id for row in rows("app")][:2]
    ['app.sheet', 'app.palette']
    """
    return (row for row in KEYS if row.scope in scopes)


def bindings(scope: str) -> list[Binding]:
    """What Textual binds on the screen (or app) of a scope."""
    return [
        Binding(
            row.keys, row.action, row.label, show=False, priority=row.priority, tooltip=row.tooltip, id=row.id
        )
        for row in rows(scope)
        if row.keys and row.action
    ]  # fmt: skip


def keys_text(keys: str, *, ascii: bool = False, between: str = "/") -> str:
    """Keys as people read them.

    >>> keys_text("left,right"), keys_text("left,right", ascii=True), keys_text("shift+left"), keys_text("ctrl+@")
    ('←/→', 'left/right', 'shift+←', 'ctrl+space')
    """
    return between.join(_spoken(key, ascii) for key in _listed(keys))


def _listed(keys: str) -> Iterable[str]:
    return filter(None, keys.split(","))


def _spoken(key: str, ascii: bool) -> str:
    *held, last = key.split("+")
    drawn = _DRAWN.get(last)
    return "+".join([*held, drawn[ascii] if drawn else last])
