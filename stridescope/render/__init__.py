"""Values to what people see: rich renderables, plain text, JSON, SVG. No Textual, no torch.

    palette ink      colours and glyphs an output can take
    lines            styled text, flowed and side by side
    strip grid steps the three drawings
    drawn origins    a tensor on a shared strip; where a copy came from
    storages tensors refusals
                     a section each
    panels           sections into one panel
    tables jsontext vector

Names are loaded when first used: `json_text` needs no rich.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stridescope.render.jsontext import json_text
    from stridescope.render.panels import Options, Panel, panel, plain
    from stridescope.render.tables import table
    from stridescope.render.vector import svg

__all__ = ["Options", "Panel", "json_text", "panel", "plain", "svg", "table"]

_HOMES = {
    "Options": "panels",
    "Panel": "panels",
    "json_text": "jsontext",
    "panel": "panels",
    "plain": "panels",
    "svg": "vector",
    "table": "tables",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
