"""REFUSED: why a step cannot be done, which dims are to blame, and what would work.

Problem: torch says that "at least one dimension spans across two contiguous subspaces", and names none. Method: the
reason's sentence, a table of dims with the clashing ones marked, which dims could be merged, the alternatives with
their cost, and the library's own words where it was asked. Cost: O(ndim).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from stridescope.layout.compatibility import mergeable_groups
from stridescope.render.drawn import HEAD, TEXT_WIDTH
from stridescope.render.lines import Line, indented, width_of, wrap
from stridescope.render.tensors import next_lines
from stridescope.scene.sentences import Next
from stridescope.scene.text import count, nbytes_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import Step
    from stridescope.render.ink import Ink

__all__ = ["refusal_section"]


def refusal_section(ink: Ink, step: Step, width: int) -> list[Line]:
    """REFUSED: the reason, the dims it is about, what would work, and the library's own words."""
    reason = step.reason
    if reason is None:
        return []
    quiet, bold, red = ink.word("quiet"), ink.word("bold"), ink.word("refused", bold=True)
    text_width = min(width - HEAD, TEXT_WIDTH)
    body: list[Line] = [[Segment(ink.say(step.source), bold), Segment(f"   {ink.say(reason.exception)}", quiet)]]
    body += wrap([Segment(ink.say(reason.message))], text_width)
    info = step.before
    if info is not None and info.shape and info.stride and reason.dims:
        body += [[], *_dims_table(ink, info.shape, info.stride, reason.dims, text_width)]
    if reason.needed_stride is not None and reason.found_stride is not None and reason.dims:
        found = f"stride[{reason.dims[0]}] is {count(reason.found_stride)}, needs {count(reason.needed_stride)}"
        # Beside the marks where there is room.
        marks = body.pop() if width_of(body[-1]) + 3 + len(found) <= text_width else [Segment(" " * 5)]
        body.append([*marks, Segment(f"   {found}", red)])
    if info is not None and info.shape and info.stride and reason.code == "dims_not_mergeable" and len(info.shape) > 2:
        # Of two dims that clash there is nothing more to say.
        body += [*wrap([Segment(_groups_text(info.shape, info.stride), quiet)], text_width, hang=2)]
    if reason.alternatives:
        rows = [
            Next(
                other.source, other.effect, f"copies {nbytes_text(other.copied_nbytes)}" if other.copied_nbytes else ""
            )
            for other in reason.alternatives
        ]
        body += [[], [Segment("What works instead", bold)], *next_lines(ink, rows, text_width)]
    if reason.native_message is not None:
        who = "numpy" if info is not None and info.type.startswith("numpy") else "torch"
        said = f"{who} says: {reason.native_message}"
        body += [[], *wrap([Segment(ink.say(" ".join(said.split())), quiet)], text_width)]
    head: Line = [Segment("REFUSED".ljust(HEAD), red), *body[0]]
    return [head, *indented(body[1:], HEAD)]


def _groups_text(shape: tuple[int, ...], stride: tuple[int, ...]) -> str:
    """Which neighbouring dims any shape may merge.

    >>> _groups_text((4, 3, 2), (1, 8, 4)), _groups_text((4, 3, 2), (1, 4, 12))
    ('dims that can merge: [0] [1 2]', 'dims that can merge: none')
    """
    groups = mergeable_groups(shape, stride)
    merges = any(len(group) > 1 for group in groups)
    listed = " ".join(f"[{' '.join(map(str, group))}]" for group in groups)
    return f"dims that can merge: {listed if merges else 'none'}"


def _dims_table(ink: Ink, shape: Sequence[int], stride: Sequence[int], dims: Sequence[int], width: int) -> list[Line]:
    """shape and stride dim by dim, with the dims to blame marked."""
    quiet, red = ink.word("quiet"), ink.word("refused", bold=True)
    wanted = {dim for dim in dims if 0 <= dim < len(shape)}
    size = max(len(str(number)) for number in (*shape, *stride)) + 3
    fit = max((width - 8) // size, len(wanted), 1)
    first = max(min(min(wanted, default=0) - 1, len(shape) - fit), 0)
    shown = range(first, min(first + fit, len(shape)))
    rows: tuple[tuple[str, Sequence[object], bool], ...] = (
        ("dim", range(len(shape)), False),
        ("shape", shape, True),
        ("stride", stride, True),
        ("", [ink.mark("up") if dim in wanted else "" for dim in range(len(shape))], True),
    )
    return [
        [
            Segment(head.ljust(8), quiet),
            *(
                Segment(f"{row[dim]!s:>{size}}", red if marks and dim in wanted else quiet if not marks else None)
                for dim in shown
            ),
        ]
        for head, row, marks in rows
    ]
