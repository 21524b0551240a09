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
        scope: "app", "home", "stage" or "prompt".
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
    Key("stage.forward", "right", "step(1)", "Next step", "Go on to the next step.", "Play", "stage",
        Hint("left,right", "step", 2)),
    Key("stage.back", "left", "step(-1)", "Previous step", "Go back to the step before.", "Play", "stage"),
    Key("stage.scrub_on", "up", "scrub(1)", "Scrub forward", "Move on by a tenth of a step.", "Play", "stage"),
    Key("stage.scrub_back", "down", "scrub(-1)", "Scrub back", "Move back by a tenth of a step.", "Play", "stage"),
    Key("stage.first", "home", "first", "First step", "Go to the first step.", "Play", "stage"),
    Key("stage.last", "end", "last", "Last step", "Go to the last step.", "Play", "stage"),
    Key("stage.replay", "f5,ctrl+r", "replay", "Replay", "Play from the first step.", "Play", "stage", priority=True),
    Key("stage.faster", "plus,equals_sign", "faster", "Faster", "Play faster, up to 4 times.", "Play", "stage"),
    Key("stage.slower", "minus", "slower", "Slower", "Play slower, down to a quarter.", "Play", "stage"),
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
    Key("stage.cursor_left", "h,shift+left", "cursor(-1,0)", "Cursor left", "Move the cursor left.", "Point", "stage",
        Hint("h,j,k,l", "point", 6)),
    Key("stage.cursor_down", "j,shift+down", "cursor(0,1)", "Cursor down", "Move the cursor down.", "Point", "stage"),
    Key("stage.cursor_up", "k,shift+up", "cursor(0,-1)", "Cursor up", "Move the cursor up.", "Point", "stage"),
    Key("stage.cursor_right", "l,shift+right", "cursor(1,0)", "Cursor right", "Move the cursor right.", "Point",
        "stage"),
    Key("stage.pointer_back", "left_square_bracket", "pointer(-1)", "Pointer back",
        "Point one address lower on the strip.", "Point", "stage"),
    Key("stage.pointer_on", "right_square_bracket", "pointer(1)", "Pointer on",
        "Point one address higher on the strip.", "Point", "stage"),
    Key("stage.next_dim", "d", "dim(1)", "Next dim", "Select the next dim, to see what one stride does.", "Point",
        "stage"),
    Key("stage.previous_dim", "D", "dim(-1)", "Previous dim", "Select the dim before.", "Point", "stage"),
    Key("stage.clear", "x", "clear", "Clear the cursor", "Take the cursor, the pointer and the dim away.", "Point",
        "stage"),
    Key("stage.next_tensor", "tab", "tensor(1)", "Next tensor", "Speak to the next tensor on stage.", "Look", "stage"),
    Key("stage.previous_tensor", "shift+tab", "tensor(-1)", "Previous tensor", "Speak to the tensor before.", "Look",
        "stage"),
    Key("stage.page_up", "pageup,ctrl+up", "scroll(0,-1)", "Scroll up", "Scroll the grid up.", "Look", "stage"),
    Key("stage.page_down", "pagedown,ctrl+down", "scroll(0,1)", "Scroll down", "Scroll the grid down.", "Look",
        "stage"),
    Key("stage.page_left", "ctrl+left", "scroll(-1,0)", "Scroll left", "Scroll the grid left.", "Look", "stage"),
    Key("stage.page_right", "ctrl+right", "scroll(1,0)", "Scroll right", "Scroll the grid right.", "Look", "stage"),
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
    Key("home.down", "down,j", "mark(1)", "Next example", "Mark the next example.", "Try", "home",
        Hint("up,down", "choose", 2)),
    Key("home.up", "up,k", "mark(-1)", "Previous example", "Mark the example before.", "Try", "home"),
    Key("home.first", "home", "mark_at(0)", "First example", "Mark the first example.", "Try", "home"),
    Key("home.last", "end", "mark_at(-1)", "Last example", "Mark the last example.", "Try", "home"),
    Key("home.type", "slash,i,colon,tab", "prompt", "Type a program", "Type a program of your own.", "Try", "home",
        Hint("slash", "type", 3)),
    *(
        Key(f"home.try_{example.key}", example.key, f"open({number})", f"Try: {example.idea}", example.sentence,
            "Examples", "home")
        for number, example in enumerate(EXAMPLES)
    ),
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
    Key("app.quit", "q,ctrl+q", "app.quit", "Quit", "Leave stridescope.", "App", "app", Hint("q", "quit", 6)),
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
