"""`stridescope diff A B`: how two targets differ in the way they lie, and who minds.

Problem: two targets of any form. Method: each is loaded by its form, and a table by kind makes of it what is compared:
one tensor. Cost: that of loading the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from stridescope.cli.output import print_rich, write
from stridescope.cli.target import load

if TYPE_CHECKING:
    from stridescope.cli.target import Target
    from stridescope.records.explanations import LayoutDiff

__all__ = ["COMPARED", "diff"]

FINDINGS: dict[str, Callable[[LayoutDiff], bool]] = {
    "fields": lambda found: any(not each.harmless for each in found.fields),
    "addresses": lambda found: found.same_addresses is not True,
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

    A and B are what `stridescope show` takes: an expression, a layout literal, or a live object. Of a parameter and
    its gradient, the parameter comes first.
    """
    targets = load(a), load(b)
    found = _COMPARE[targets[0].kind, targets[1].kind](*targets)
    if as_json:
        from stridescope.render import json_text

        write(json_text(found.to_dict()) + "\n")
    else:
        from stridescope.render.explanations import DiffView

        print_rich(DiffView(found, ascii_only), width)
    return int(any(FINDINGS[name](found) for name in fail_on))


COMPARED: dict[str, Callable[[Target], Any]] = {
    "program": lambda target: target.text,
    "layout": lambda target: target.value,
    "object": lambda target: target.value,
}
"""Kind of a target -> what of it is compared, as `ss.diff` takes it."""


def _one_tensor(a: Target, b: Target) -> LayoutDiff:
    from stridescope.explain.difference import diff as compare

    return compare(COMPARED[a.kind](a), COMPARED[b.kind](b))


_COMPARE: dict[tuple[str, str], Callable[[Target, Target], LayoutDiff]] = {
    (one, other): _one_tensor for one in COMPARED for other in COMPARED
}
"""Two kinds -> how they are compared."""
