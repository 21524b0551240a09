"""`stridescope show TARGET`: a tensor, a chain of ops, a layout, a file of tensors; drawn, or as JSON.

Problem: several kinds of target, several ways to ask, one answer. Method: the target is loaded by its form, ops
given by `--then` are applied to it, and what results is an `Answer`: a value to draw, the JSON document that
says the same, and the exit status. A file's document is written as it is made, a tensor at a time. Cost: what the
engine and one panel cost; the rest is imports, each made only where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
    from stridescope.records import Checkpoint, ReadValues

__all__ = ["show"]

VALUES_IN_JSON = 1000
SVG_WIDTH = 80
WRITTEN_TOGETHER = 1 << 16
"""Characters of a long document that are written at once."""

FINDINGS: dict[str, Callable[[Checkpoint], object]] = {
    "broken": lambda checkpoint: checkpoint.broken is not None,
    "calls": lambda checkpoint: checkpoint.calls,
}
"""What `--fail-on` may name of a file, and when it is found."""

_AS_FLOAT32 = ("a layout has no element type: elements are taken as float32",)


class Listing(NamedTuple):
    """What the options ask for of a file's listing; of anything else they cannot."""

    filter: str = ""
    depth: int | None = None
    flat: bool = False
    everything: bool = False
    fail_on: tuple[str, ...] = ()


class Request(NamedTuple):
    """What the options ask for."""

    then: str = ""
    at: tuple[int, ...] | None = None
    values: bool = False
    on_torch: bool = False
    device: str | None = None
    listing: Listing = Listing()
    ascii: bool = False
    as_json: bool = False


class Answer(NamedTuple):
    """What a target came to.

    Attributes:
        drawn: what `stridescope.api.drawable` draws; None where it is not to be drawn.
        document: the same as JSON.
        info: the tensor that an index and values are about, where there is one.
        chunks: the document as text, piece by piece, where it is too long to be made whole.
    """

    drawn: Any
    document: dict[str, Any]
    info: TensorInfo | None = None
    read: ReadValues | None = None
    status: int = 0
    chunks: Iterable[str] | None = None


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
@click.option("--filter", "words", default="", metavar="TEXT", help="Of a file, list names (dtypes, shapes) with TEXT.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Of a file, list no deeper than N levels.")
@click.option("--flat", is_flag=True, help="Of a file, list tensors by their whole names.")
@click.option("--all", "everything", is_flag=True, help="Of a file, list every row.")
@click.option("--fail-on", type=click.Choice(sorted(FINDINGS)), multiple=True, help="Exit with 1 if a file is so.")
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
    words: str,
    depth: int | None,
    flat: bool,
    everything: bool,
    fail_on: tuple[str, ...],
    as_json: bool,
    svg: str | None,
    width: int | None,
    ascii_only: bool,
) -> int:
    """Show how TARGET lies in its storage.

    TARGET is an expression or a small program, parsed and never evaluated as Python,
    "torch.arange(12).view(3, 4).t()[1:, ::2]"; a layout literal, "(3,4):(4,1)+2"; a live object,
    module:attr or file.py:attr, the one form that imports code; or - for a program on standard input.

    TARGET is also a file of tensors (torch, safetensors, npy, npz, gguf, a shard index, a directory), listed by its
    headers alone: nothing in it is run. FILE::NAME is one of its tensors; the end of a name will do.

    The exit status is 0 for an answer, 1 when the answer is a refusal, or a file is what --fail-on names, 2 for input
    that cannot be used. A file that breaks on the way is an answer: what could be read, and where it broke.
    """
    listing = Listing(words.strip(), depth, flat, everything, fail_on)
    request = Request(
        then.strip(),
        index,
        values,
        on_torch or device is not None,
        device,
        listing,
        ascii_only,
        as_json and svg is None,
    )
    loaded = load(target)
    if loaded.kind not in _OF_FILES and listing != Listing():
        raise InputError(
            f"--filter, --depth, --flat, --all and --fail-on are about a file of tensors, not {target!r:.60}"
        )
    answer = _ANSWERS[loaded.kind](loaded, request)
    if as_json:
        _write_json(answer, request)
    if svg is None and as_json:
        return answer.status

    from stridescope.api import drawable
    from stridescope.render import Options

    panel = answer.drawn
    if loaded.kind != "checkpoint":
        panel = drawable(panel, Options(values=values, index=index, ascii=ascii_only), answer.read)
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


_NOT_RUN = "--torch and --device run a program; a file is read by its headers, and torch is not asked"


def _from_checkpoint(target: Target, request: Request) -> Answer:
    whole: Checkpoint = target.value
    if request.on_torch:
        raise TargetError(_NOT_RUN)
    for option, given in (("--then", request.then), ("--index", request.at), ("--values", request.values)):
        if given:
            first = next(iter(whole), "NAME")
            raise InputError(
                f"{option} is about one tensor, and the file has {len(whole):,}: name it, as in {whole.path}::{first}"
            )
    found, listing = whole, request.listing
    if listing.filter:
        from stridescope.records.checkpoint_parts import narrowed

        found = narrowed(whole, listing.filter)
    status = int(any(FINDINGS[name](whole) for name in listing.fail_on))
    if request.as_json:
        return Answer(None, {}, status=status, chunks=found.json_chunks())
    from stridescope.render.checkpoints import CheckpointView

    count = len(whole) if listing.filter else None
    view = CheckpointView(found, listing.depth, listing.flat, listing.everything, count, request.ascii)
    return Answer(view, {}, status=status, chunks=found.json_chunks())


def _from_saved(target: Target, request: Request) -> Answer:
    within = target.within
    info: TensorInfo = target.value
    assert within is not None
    if request.on_torch:
        raise TargetError(_NOT_RUN)
    if request.listing != Listing(fail_on=request.listing.fail_on):
        raise InputError(
            f"--filter, --depth, --flat and --all list a whole file, and {target.text!r:.80} is one tensor"
        )
    status = int(any(FINDINGS[name](within) for name in request.listing.fail_on))
    read = within.read(info.name or "")
    if not request.then:
        return Answer(info.named(f"{within.path}::{info.name}"), _one(info), info, read, status)
    answer = _then(info, target.text, request, read)
    return answer._replace(status=max(answer.status, status))


_ANSWERS: dict[Kind, Callable[[Target, Request], Answer]] = {
    "program": _from_program,
    "layout": _from_layout,
    "object": _from_object,
    "checkpoint": _from_checkpoint,
    "saved": _from_saved,
}

_OF_FILES = ("checkpoint", "saved")


def _then(x: Any, text: str, request: Request, read: ReadValues | None = None) -> Answer:
    """What ops make of a tensor that was given; the tensor itself is told as the step before the first.

    `read` reads values of a tensor that is known by its record alone.
    """
    from stridescope.program import run
    from stridescope.program.live import given_step, with_given
    from stridescope.readers import inspect

    history = run(request.then, engine=_engine(request), device=request.device, names={"x": x}, chain_of="x")
    info = x if isinstance(x, TensorInfo) else inspect(x)
    told = with_given(history, given_step(text, "x", info))
    told = told if read is None else _with_values(told, read)
    return _of_history(replace(told, source=f"{text} --then {request.then}"))


def _with_values(history: History, read: ReadValues) -> History:
    """The history with the values of the tensor it starts from, in the steps that see its storage unchanged."""
    steps = list(history.steps)
    first = steps[0].tensor
    for place, step in enumerate(steps):
        info = step.tensor
        if step.effect == "write" or info is None or first is None or info.storage is None or first.storage is None:
            break
        if (info.storage.id, info.dtype) == (first.storage.id, first.dtype):
            steps[place] = replace(step, values=read)
    return replace(history, steps=tuple(steps))


def _of_history(history: History) -> Answer:
    final = history.final
    info = None if final is None else final.tensor
    read = None if final is None else final.values
    return Answer(history, history.to_dict(), info, read, status=1 if history.refused is not None else 0)


def _engine(request: Request) -> Literal["algebra", "torch"]:
    return "torch" if request.on_torch else "algebra"


def _one(info: TensorInfo) -> dict[str, Any]:
    return {"schema": SCHEMA, "kind": "tensor", "tensor": info.to_dict()}


def _write_json(answer: Answer, request: Request) -> None:
    if answer.chunks is None:
        from stridescope.render import json_text

        write(json_text({**answer.document, **_asked(answer, request)}) + "\n")
        return
    waiting, held = [], 0
    for chunk in answer.chunks:
        waiting.append(chunk)
        held += len(chunk)
        if held >= WRITTEN_TOGETHER:
            write("".join(waiting))
            waiting, held = [], 0
    write("".join(waiting))


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
