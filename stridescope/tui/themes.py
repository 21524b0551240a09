"""The themes: two of our own, two of the terminal's colours.

Problem: cells carry a ramp from indigo to gold, and all else on screen must stay out of its way, on dark and on light.
Method: near-neutral, cool grounds and one accent that is not on the ramp (a sea green, the word for a view); in a
terminal of 16 colours or none, whose values are its own, the theme is Textual's for ANSI colours. Cost: a table.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

__all__ = ["NAMES", "THEMES", "theme_for"]

DARK = Theme(
    name="dark",
    primary="#57c7a4",
    secondary="#7aa2d6",
    accent="#e58fd0",
    warning="#dcae62",
    error="#f2777a",
    success="#57c7a4",
    foreground="#d9dee8",
    background="#0e1117",
    surface="#161b24",
    panel="#1e2531",
    dark=True,
    variables={
        "block-cursor-background": "#57c7a4",
        "block-cursor-foreground": "#0e1117",
        "footer-key-foreground": "#57c7a4",
        "input-cursor-background": "#d9dee8",
        "input-selection-background": "#2b4a55",
        "scrollbar": "#2a3342",
        "scrollbar-background": "#0e1117",
        "border": "#3a4557",
        "border-blurred": "#2a3342",
    },
)

LIGHT = Theme(
    name="light",
    primary="#0c6b50",
    secondary="#2c5a96",
    accent="#96227c",
    warning="#7d5510",
    error="#b3242e",
    success="#0c6b50",
    foreground="#1d2430",
    background="#fbfbf8",
    surface="#f1f2ee",
    panel="#e5e7e2",
    dark=False,
    variables={
        "block-cursor-background": "#0c6b50",
        "block-cursor-foreground": "#ffffff",
        "footer-key-foreground": "#0c6b50",
        "input-cursor-background": "#1d2430",
        "input-selection-background": "#bfdcd2",
        "scrollbar": "#c3c8cf",
        "scrollbar-background": "#fbfbf8",
        "border": "#9aa3ad",
        "border-blurred": "#c3c8cf",
    },
)

THEMES = (DARK, LIGHT)

NAMES = ("dark", "light", "ansi-dark", "ansi-light")
"""All themes, in the order in which a key goes through them; the last two are Textual's own."""


def theme_for(app: App[Any]) -> str:
    """The theme to start in: what the environment names, or what suits the terminal.

    `TEXTUAL_THEME` names one; `COLORFGBG`, which some terminals set, tells light from dark. Where there are 16
    colours or none the terminal's own are taken, whose values nobody else knows.
    """
    named = os.environ.get("TEXTUAL_THEME", "")
    if named in NAMES:
        return named
    from stridescope.render.ink import ink_for

    shade = "light" if ink_for(app.console).background == "light" else "dark"
    own = app.no_color or app.console.color_system not in ("truecolor", "256")
    return f"ansi-{shade}" if own else shade
