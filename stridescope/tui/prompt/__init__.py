"""The line that programs are typed on: the text, what is wrong with it and where, and what could come next.

Problem: a program is typed one character at a time, so most of the time it is half a program; each keystroke must show
what is valid so far, and say of the rest what is missing, where, and what would fit. Method: the text is read by
`program.typed` and completed by `program.completion`; here is only what holds it, draws it and listens.

    prompt      the widget: `Prompt`, its messages and its keys
    editor      the text box
    popup       the list of completions
    said        the words below the text
    reading     what the text comes to, and what could come next, found out once
    lines       plain text: the lines submitted before, what is pasted, what is said below the text
"""

from stridescope.tui.prompt.lines import Lines
from stridescope.tui.prompt.prompt import EXAMPLE, Prompt

__all__ = ["EXAMPLE", "Lines", "Prompt"]
