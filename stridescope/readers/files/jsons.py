"""JSON from a file nobody vouches for.

Problem: the standard parser raises several exceptions, of which some say nothing to a reader of files. Method: one
sentence for all of them. Cost: the parser's own.
"""

from __future__ import annotations

from typing import Any

from stridescope.readers.files.source import BrokenFile

__all__ = ["loads"]


def loads(data: bytes, what: str) -> Any:
    """The value.

    Raises:
        BrokenFile: it is no JSON, or nested too deep.
    """
    import json

    try:
        # Left to itself, the parser takes UTF-16 and UTF-32 too.
        return json.loads(data.decode())
    except RecursionError:
        raise BrokenFile(f"{what} is nested too deep for JSON that anyone writes") from None
    except json.JSONDecodeError as error:
        raise BrokenFile(f"{what} is no JSON: {error.msg} at its byte {error.pos:,}", error.pos) from None
    except ValueError:
        # Bytes that are no text, or a number of thousands of digits.
        raise BrokenFile(f"{what} is no JSON that can be read") from None
