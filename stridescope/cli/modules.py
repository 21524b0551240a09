"""`stridescope modules TARGET`: a model as a tree, or what `children()` or `modules()` gives; drawn, or as JSON.

Problem: a model is named as a live object, a class that needs arguments, a factory, or as the names in a checkpoint.
Method: a live object is built by `stridescope.modules.building`, a file is opened, and both become one `ModuleTree`.
Cost: the user's code, and one reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from stridescope.cli.output import print_rich, write
from stridescope.errors import InputError, TargetError

if TYPE_CHECKING:
    from stridescope.records import ModuleTree

__all__ = ["built", "modules"]

_WITHOUT = "name a function or class that needs none"
"""What `show` advises for a factory with arguments; here they can be given."""

DEEPEST_JSON = 200
"""Nested deeper than this, a document is more than common JSON parsers take."""


@click.command("modules", short_help="Browse a model: its modules, and every parameter's layout.")
@click.argument("target")
@click.option("--children", "view", flag_value="children", help="The direct submodules, as children() gives them.")
@click.option("--modules", "view", flag_value="modules", help="Every module, itself first, as modules() gives them.")
@click.option("--tree", "view", flag_value="tree", default="tree", help="The nesting, with every tensor (default).")
@click.option("--depth", type=click.IntRange(min=0), metavar="N", help="No deeper than N below the model.")
@click.option("--unfold", is_flag=True, help="Draw layers that repeat one another one by one.")
@click.option("--device", metavar="DEVICE", help="Build it on a device; on meta it takes no memory.")
@click.option("--args", "arguments", metavar="ARGS", help='Call the class or function with literals: "(784, 10)".')
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--width", type=click.IntRange(min=20), metavar="COLUMNS", help="Draw this wide.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters.")
def modules(
    target: str,
    view: Literal["tree", "children", "modules"],
    depth: int | None,
    unfold: bool,
    device: str | None,
    arguments: str | None,
    as_json: bool,
    width: int | None,
    ascii_only: bool,
) -> int:
    """Show the modules of TARGET, with the layout of every parameter and buffer.

    TARGET is a live model as module:attr or file.py:attr: a module, a class or a function that makes one. Or a
    checkpoint file, whose names make the tree. Nothing of the model is run, and no parameter is read.
    """
    if view == "children" and depth is not None:
        raise InputError("--children lists one level; --depth goes with --tree or --modules")
    tree = _tree(target, arguments, device)
    if as_json:
        write(_json(tree, view, depth) + "\n")
        return 0
    from stridescope.render.modules import module_panel

    print_rich(module_panel(tree, view, depth=depth, unfold=unfold, ascii=ascii_only), width)
    return 0


def _tree(target: str, arguments: str | None, device: str | None) -> ModuleTree:
    from stridescope.modules.reading import modules as read
    from stridescope.readers.objects import is_object_target

    if is_object_target(target):
        return read(built(target, arguments, device))
    if arguments is not None or device is not None:
        raise InputError("--args and --device build a live model, module:attr or file.py:attr")
    from pathlib import Path

    if not Path(target).exists() or target.endswith(".py"):
        raise TargetError(
            f"{target!r} is no model; modules takes a live one as module:attr or file.py:attr, or a checkpoint file"
        )
    from stridescope.readers.files import open_checkpoint

    return read(open_checkpoint(target))


def built(target: str, arguments: str | None, device: str | None) -> Any:
    """The live object of module:attr or file.py:attr, made with the arguments and on the device that were given."""
    from stridescope.modules.building import build

    try:
        return build(target, arguments, device)
    except TargetError as error:
        raise TargetError(str(error).replace(_WITHOUT, "give them with --args")) from error


def _json(tree: ModuleTree, view: str, depth: int | None) -> str:
    from stridescope.render import json_text

    if _too_deep(tree, depth):
        raise InputError(f"the model is nested deeper than {DEEPEST_JSON} modules, too deep for JSON; add --depth N")
    document = tree.to_dict(depth)
    if view == "children":
        document["children"] = [node.path for _, node in tree.children()]
    elif view == "modules":
        document["modules"] = [path for path, _ in tree.modules()]
    return json_text(document)


def _too_deep(tree: ModuleTree, depth: int | None) -> bool:
    if depth is not None and depth <= DEEPEST_JSON:
        return False
    level = [tree.root]
    for _ in range(DEEPEST_JSON + 1):
        level = [child for node in level for child in node.children]
    return bool(level)
