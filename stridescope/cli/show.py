"""`stridescope show TARGET`: a tensor, a chain of ops, a layout; drawn, or as JSON.

Problem: four kinds of target, several ways to ask, one answer. Method: the target is loaded by its form, ops
given by `--then` are applied to it, and what results is an `Answer`: a value to draw, the JSON document that
says the same, and the exit status. Cost: what the engine and one panel cost; the rest is imports, each made
only where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from stridescope.cli.output import print_rich, say, write
from stridescope.cli.target import Target, load
from stridescope.errors import InputError, TargetError
from stridescope.records import SCHEMA, History, TensorInfo
from stridescope.records.steps import in_json

if TYPE_CHECKING:
    from stridescope.cli.target import Kind
    from stridescope.records import ReadValues

__all__ = ["show"]

VALUES_IN_JSON = 1000
SVG_WIDTH = 80

_AS_FLOAT32 = ("a layout has no element type: elements are taken as float32",)


class Request(NamedTuple):
    """What the options ask for."""

    then: str = ""
    at: tuple[int, ...] | None = None
    values: bool = False
    on_torch: bool = False
    device: str | None = None


class Answer(NamedTuple):
    """What a target came to.

    Attributes:
        drawn: what `stridescope.api.drawable` draws.
        document: the same as JSON.
        info: the tensor that an index and values are about, where there is one.
    """

    drawn: Any
    document: dict[str, Any]
    info: TensorInfo | None = None
    read: ReadValues | None = None
    status: int = 0


def _index(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:  # noqa: ARG001
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.strip("()[] ").split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"got {text!r}, needed one whole number for each dim, as in 2,1") from None


@click.command("show", short_help="Show how a tensor lies in its storage, or what an op chain does.")
@click.argument("target")
@click.option("--then", default="", metavar="OPS", help='Apply ops to the target: --then "t()[1:]".')
@click.option("--index", callback=_index, metavar="I,J,…", help="Work out the address of one index.")
@click.option("--values", is_flag=True, help="Show values in the cells; only those drawn are read.")
@click.option("--torch", "on_torch", is_flag=True, help="Run the program on real torch and numpy.")
@click.option("--device", metavar="DEVICE", help="Put it on a device, such as cuda; implies --torch.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--svg", metavar="FILE", type=click.Path(dir_okay=False), help="Write the picture to FILE.")
@click.option("--width", type=click.IntRange(min=20), metavar="COLUMNS", help="Draw this wide.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters.")
def show(
    target: str,
    then: str,
    index: tuple[int, ...] | None,
    values: bool,
    on_torch: bool,
    device: str | None,
    as_json: bool,
    svg: str | None,
    width: int | None,
    ascii_only: bool,
) -> int:
    """Show how TARGET lies in its storage.

    TARGET is an expression or a small program, parsed and never evaluated as Python,
    "torch.arange(12).view(3, 4).t()[1:, ::2]"; a layout literal, "(3,4):(4,1)+2"; a live object,
    module:attr or file.py:attr, the one form that imports code; or - for a program on standard input.

    The exit status is 0 for an answer, 1 when the answer is a refusal, 2 for input that cannot be used.
    """
    request = Request(then.strip(), index, values, on_torch or device is not None, device)
    loaded = load(target)
    answer = _ANSWERS[loaded.kind](loaded, request)
    if as_json:
        from stridescope.render import json_text

        write(json_text({**answer.document, **_asked(answer, request)}) + "\n")
    if svg is None and as_json:
        return answer.status

    from stridescope.api import drawable
    from stridescope.render import Options

    panel = drawable(answer.drawn, Options(values=values, index=index, ascii=ascii_only))
    if svg is None:
        print_rich(panel, width)
    else:
        _write_svg(svg, panel, width or SVG_WIDTH, target)
    return answer.status


def _from_program(target: Target, request: Request) -> Answer:
    from stridescope.program import run

    source = target.text
    if request.then:
        from stridescope.program.edits import with_appended

        source = with_appended(source, request.then)
    return _of_history(run(source, engine=_engine(request), device=request.device))


def _from_layout(target: Target, request: Request) -> Answer:
    from stridescope.api import layout_info

    if request.on_torch:
        raise TargetError("--torch and --device run a program; a layout literal has nothing to run")
    info = layout_info(target.value)
    if request.then:
        # Ops are rules about tensors, and some of them about bytes, so here the elements must be something.
        taken = replace(info, dtype="float32", itemsize=4, device="cpu", requires_grad=False, why=(), notes=_AS_FLOAT32)
        return _then(taken, target.text, request)
    return Answer(target.value, _one(info), info)


def _from_object(target: Target, request: Request) -> Answer:
    from stridescope.readers import inspect, read_values, readable

    found = target.value
    if readable(found):
        if request.then:
            return _then(found, target.text, request)
        info = inspect(found)
        return Answer(found, _one(info), info, lambda addresses: read_values(found, addresses))
    from stridescope.modules.reading import is_module, modules

    if is_module(found) and not request.then:
        tree = modules(found)
        return Answer(tree, tree.to_dict())
    from stridescope.readers.objects import rows

    tensors = rows(found)
    if request.then:
        raise TargetError(f"--then goes on from one tensor, and {target.text} holds {len(tensors)}")
    return Answer(found, {"schema": SCHEMA, "kind": "tensors", "tensors": [info.to_dict() for info in tensors]})


_ANSWERS: dict[Kind, Callable[[Target, Request], Answer]] = {
    "program": _from_program,
    "layout": _from_layout,
    "object": _from_object,
}


def _then(x: Any, text: str, request: Request) -> Answer:
    """What ops make of a tensor that was given; the tensor itself is told as the step before the first."""
    from stridescope.program import run
    from stridescope.program.live import given_step, with_given
    from stridescope.readers import inspect

    history = run(request.then, engine=_engine(request), device=request.device, names={"x": x}, chain_of="x")
    info = x if isinstance(x, TensorInfo) else inspect(x)
    told = with_given(history, given_step(text, "x", info))
    return _of_history(replace(told, source=f"{text} --then {request.then}"))


def _of_history(history: History) -> Answer:
    final = history.final
    info = None if final is None else final.tensor
    read = None if final is None else final.values
    return Answer(history, history.to_dict(), info, read, status=1 if history.refused is not None else 0)


def _engine(request: Request) -> Literal["algebra", "torch"]:
    return "torch" if request.on_torch else "algebra"


def _one(info: TensorInfo) -> dict[str, Any]:
    return {"schema": SCHEMA, "kind": "tensor", "tensor": info.to_dict()}


def _asked(answer: Answer, request: Request) -> dict[str, Any]:
    """What `--index` and `--values` add to the document."""
    added: dict[str, Any] = {}
    if request.at is not None:
        added["address"] = _address(answer, request.at)
    if request.values:
        added["values"] = _values(answer)
    return added


def _address(answer: Answer, index: tuple[int, ...]) -> dict[str, Any]:
    from stridescope.api import check_index

    if "tensors" in answer.document:
        raise InputError(f"--index belongs to one tensor, and there are {len(answer.document['tensors'])} here")
    address = check_index(answer.info, index)
    info = answer.info
    if info is None or info.shape is None or info.stride is None or address is None:
        raise AssertionError("check_index lets nothing else pass")
    return {
        "index": [i % size for i, size in zip(index, info.shape, strict=True)],
        "stride": list(info.stride),
        "storage_offset": info.storage_offset,
        "address": address,
        "byte_address": None if info.itemsize is None else address * info.itemsize,
    }


def _values(answer: Answer) -> dict[str, Any] | None:
    """The first values in index order; None where nobody knows them."""
    layout = None if answer.info is None else answer.info.layout
    if layout is None or answer.read is None:
        return None
    addresses = list(islice(layout.addresses(), VALUES_IN_JSON))
    found = in_json(answer.read(addresses))
    return {"in_index_order": found, "left_out": layout.numel - len(found)}


def _write_svg(path: str, panel: Any, width: int, target: str) -> None:
    from pathlib import Path

    from stridescope.render import svg

    title = f'$ stridescope show "{" ".join(target.split())}"'
    title = title if len(title) <= width else f"{title[: width - 1]}…"
    try:
        Path(path).write_text(svg(panel, width, title), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    say(f"wrote {path}")
