"""`stridescope diff A B`: how two targets differ in the way they lie, and who minds.

Problem: two targets of any form. Method: each is loaded by its form, and a table by kind makes of it what is compared:
one tensor, or all tensors of a file. Cost: that of loading the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from stridescope.cli.output import print_rich, write
from stridescope.cli.target import load
from stridescope.errors import TargetError

if TYPE_CHECKING:
    from stridescope.cli.target import Target
    from stridescope.records import TensorInfo
    from stridescope.records.checkpoint_diffs import CheckpointDiff
    from stridescope.records.explanations import LayoutDiff

__all__ = ["COMPARED", "diff"]

FINDINGS: dict[str, Callable[[LayoutDiff | CheckpointDiff], bool]] = {
    "fields": lambda found: any(not each.harmless for each in found.fields),
    "addresses": lambda found: found.same_addresses is not True,
    "tensors": lambda found: bool(getattr(found, "added", ()) or getattr(found, "removed", ())),
}
"""What `--fail-on` may name, and when it is found."""


@click.command("diff", short_help="How two tensors differ in the way they lie, and who minds.")
@click.argument("a")
@click.argument("b")
@click.option("--fail-on", type=click.Choice(sorted(FINDINGS)), multiple=True, help="Exit with 1 if these differ.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--width", type=click.IntRange(min=20), metavar="COLUMNS", help="Draw this wide.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters.")
def diff(a: str, b: str, fail_on: tuple[str, ...], as_json: bool, width: int | None, ascii_only: bool) -> int:
    """Compare how A and B lie: their fields, their addresses, and what consumers make of each.

    A and B are what `stridescope show` takes: an expression, a layout literal, a live object, or FILE::NAME. Of a
    parameter and its gradient, the parameter comes first.

    Of two files: which tensors are in one alone, and which changed in shape, dtype, stride, offset, device or in what
    shares their storage.
    """
    targets = load(a, "diff"), load(b, "diff")
    kinds = targets[0].kind, targets[1].kind
    if kinds not in _COMPARE:
        raise TargetError("diff compares two files, or two tensors: of a file, name one of its tensors as FILE::NAME")
    found, view = _COMPARE[kinds](*targets)
    if as_json:
        from stridescope.render import json_text

        write(json_text(found.to_dict()) + "\n")
    else:
        print_rich(view(found, ascii_only), width)
    return int(any(FINDINGS[name](found) for name in fail_on))


def _saved(target: Target) -> TensorInfo:
    """A tensor in a file, its storage told apart from those of other files: each counts its own from 0."""
    from dataclasses import replace

    info: TensorInfo = target.value
    if info.storage is None or target.within is None:
        return info
    storage, base = info.storage, info.storage.memory[0]
    window_of = None if storage.window_of is None else f"{target.within.path}::{base}"
    return replace(info, storage=replace(storage, id=f"{target.within.path}::{storage.id}", window_of=window_of))


COMPARED: dict[str, Callable[[Target], Any]] = {
    "program": lambda target: target.text,
    "layout": lambda target: target.value,
    "object": lambda target: target.value,
    "saved": _saved,
}
"""Kind of a target -> what of it is compared, as `ss.diff` takes it."""


_Found = tuple["LayoutDiff | CheckpointDiff", Callable[[Any, bool], Any]]
"""The difference, and what draws it."""


def _one_tensor(a: Target, b: Target) -> _Found:
    from stridescope.explain.difference import diff as compare
    from stridescope.render.explanations import DiffView

    return compare(COMPARED[a.kind](a), COMPARED[b.kind](b)), DiffView


def _checkpoints(a: Target, b: Target) -> _Found:
    from stridescope.explain.checkpoint_difference import diff_checkpoints
    from stridescope.render.checkpoint_diffs import CheckpointDiffView

    return diff_checkpoints(a.value, b.value), CheckpointDiffView


_COMPARE: dict[tuple[str, str], Callable[[Target, Target], _Found]] = {
    **{(one, other): _one_tensor for one in COMPARED for other in COMPARED},
    ("checkpoint", "checkpoint"): _checkpoints,
}
"""Two kinds -> how they are compared."""
