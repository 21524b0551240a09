"""`stridescope explain EXPR`: every step's effect and the reason, and for a refusal what would work instead.

Problem and method: `show` draws how things lie, this tells why; the target is loaded by the same table, run, and each
step explained. Cost: one run of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from stridescope.cli.output import print_rich, write
from stridescope.cli.target import load
from stridescope.errors import InputError

if TYPE_CHECKING:
    from stridescope.cli.target import Target
    from stridescope.records import History

__all__ = ["explain"]


@click.command("explain", short_help="Why each step is a view, a copy or refused, and what would work.")
@click.argument("expr")
@click.option("--then", default="", metavar="OPS", help='Ops to explain on the target: --then "view(12)".')
@click.option("--torch", "on_torch", is_flag=True, help="Run the program on real torch and numpy.")
@click.option("--device", metavar="DEVICE", help="Put it on a device, such as cuda; implies --torch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--width", type=click.IntRange(min=20), metavar="COLUMNS", help="Draw this wide.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters.")
def explain(
    expr: str, then: str, on_torch: bool, device: str | None, as_json: bool, width: int | None, ascii_only: bool
) -> int:
    """Explain every step of EXPR.

    EXPR is an expression or a small program, "torch.arange(12).view(3, 4).t().view(12)"; or, with --then, a layout
    literal or a live object, module:attr or file.py:attr, that the ops go on from.

    The exit status is 0 for an answer, 1 when the last step is refused, 2 for input that cannot be used.
    """
    from stridescope.explain.steps import explain_history

    history = _history(load(expr), then.strip(), "torch" if on_torch or device is not None else "algebra", device)
    if not history.steps:
        raise InputError(f"{expr} has no step to explain")
    told = explain_history(history)
    if as_json:
        from stridescope.render import json_text

        write(json_text(told.to_dict()) + "\n")
    else:
        from stridescope.render.explanations import ExplanationView

        print_rich(ExplanationView(told, ascii_only), width)
    return 1 if history.refused is not None else 0


def _history(target: Target, then: str, engine: Literal["algebra", "torch"], device: str | None) -> History:
    from stridescope.program import run

    if target.kind == "program":
        from stridescope.program.edits import with_appended

        source = with_appended(target.text, then) if then else target.text
        return run(source, engine=engine, device=device)
    if not then:
        raise InputError(f'{target.text} has no step to explain: say which op, as in --then "view(-1)"')
    value: Any = target.value
    if target.kind == "layout":
        from stridescope.explain.subjects import record_of

        if engine == "torch":
            raise InputError("--torch and --device run a program; a layout literal has nothing to run")
        value = record_of(value)
    return run(then, engine=engine, device=device, names={"x": value}, chain_of="x")
