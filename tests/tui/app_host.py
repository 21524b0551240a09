"""The app as tests run it, and what is on its screen."""

from __future__ import annotations

from typing import Any

from stridescope.tui.app import StridescopeApp
from stridescope.tui.opening import Opening

CHAIN = "torch.arange(12).view(3, 4).t()"


class Quiet(StridescopeApp):
    """The app without a helper process and without motion."""

    def __init__(self, opening: Opening | None = None) -> None:
        super().__init__(opening or Opening(check=False))
        self.animation_level = "none"


def shown(app: Any) -> list[str]:
    """What is on an app's screen, as lines of text."""
    return [strip.text for strip in app.screen._compositor.render_strips()]
