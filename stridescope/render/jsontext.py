"""A JSON document as text.

Problem: JSON that people read and diff, and that scripts parse: shapes on one line, everything else one
field a line, the same bytes for the same document. Method: the standard encoder for leaves, our own
nesting. Values that JSON has no word for (nan, infinities) become null, so that any parser takes it.

Cost: linear in the document.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["json_text"]


def json_text(document: Mapping[str, Any]) -> str:
    """The document, indented by two; lists of numbers stay on one line.

    >>> print(json_text({"shape": [3, 2], "why": {}}))
    {
      "shape": [3, 2],
      "why": {}
    }
    """
    return _text(document, 0)


def _text(value: Any, depth: int) -> str:
    if isinstance(value, Mapping):
        return _nested(
            "{}", [f"{json.dumps(str(key))}: {_text(item, depth + 1)}" for key, item in value.items()], depth
        )
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        items = [_text(item, depth + 1) for item in value]
        if all(item is None or isinstance(item, (int, float)) for item in value):
            return f"[{', '.join(items)}]"
        return _nested("[]", items, depth)
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return json.dumps(value)


def _nested(brackets: str, items: list[str], depth: int) -> str:
    if not items:
        return brackets
    inner, outer = "  " * (depth + 1), "  " * depth
    return f"{brackets[0]}\n{inner}" + f",\n{inner}".join(items) + f"\n{outer}{brackets[1]}"
