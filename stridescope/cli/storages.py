"""`stridescope storages TARGET`: the storages behind it, what lies where in each, and the bytes that nobody reaches.

Problem: a model, a dict of tensors, a program and a file each hold tensors that share storages. Method: the target is
loaded by the same table as everywhere; what it names goes to `ss.storages`. Cost: linear in the tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from stridescope.cli.output import print_rich, say, write
from stridescope.cli.target import load
from stridescope.cli.trace import limit_of
from stridescope.errors import TargetError

if TYPE_CHECKING:
    from stridescope.cli.target import Target
    from stridescope.explain.saved_bytes import SavedBytes
    from stridescope.records.storage_maps import StorageMap

__all__ = ["storages"]


def _of_program(target: Target) -> Any:
    from stridescope.program import run

    return run(target.text)


def _of_layout(target: Target) -> Any:
    raise TargetError(
        f"{target.text} is a layout alone, and lies in no storage; an expression makes one, or name an object"
    )


def _of_object(target: Target) -> Any:
    from stridescope.modules.reading import is_module
    from stridescope.readers import readable

    found = target.value
    if callable(found) and not is_module(found) and not readable(found):
        found = found()
    return found


def _of_saved(target: Target) -> Any:
    from stridescope.records.checkpoint_parts import storage_mates

    assert target.within is not None
    return storage_mates(target.within, target.value.name)


VALUES: dict[str, Callable[[Target], Any]] = {
    "program": _of_program,
    "layout": _of_layout,
    "object": _of_object,
    "saved": _of_saved,
}
"""Kind of target -> what `ss.storages` takes; of any other kind, the target's value."""


def _bytes_of_checkpoint(checkpoint: Any, found: StorageMap) -> SavedBytes:
    from stridescope.explain.saved_bytes import saved_bytes

    return saved_bytes(checkpoint, found)


ADDED: dict[str, Callable[[Any, StorageMap], SavedBytes]] = {
    "checkpoint": _bytes_of_checkpoint,
    "saved": _bytes_of_checkpoint,
}
"""Kind of target -> what is told beyond its storages, of what `ss.storages` took."""


@click.command("storages", short_help="Storages, who shares them, unused bytes.")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--all", "everything", is_flag=True, help="Draw every storage, not the worst dozen.")
@click.option(
    "--fail-on", metavar="unused[:BYTES]", help="Exit with 1 if more than BYTES (0) are reached by no tensor."
)
@click.option("--width", type=click.IntRange(min=20), metavar="COLUMNS", help="Draw this wide.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters.")
def storages(
    target: str, as_json: bool, everything: bool, fail_on: str | None, width: int | None, ascii_only: bool
) -> int:
    """Show the storages of TARGET, what lies where in each, and the bytes that no tensor reaches.

    TARGET is what `stridescope show` takes: most usefully a file of tensors, or a live object, module:attr or
    file.py:attr: a model, an optimizer, a tensor, a dict or list of them, or a function that returns one.

    The exit status is 0 for an answer, 1 when --fail-on finds something, 2 for input that cannot be used.
    """
    from stridescope.trace.live import storages as storages_of

    limit = None if fail_on is None else limit_of(fail_on, ["unused"])
    loaded = load(target, "storages")
    value_of = VALUES.get(loaded.kind)
    value = loaded.value if value_of is None else value_of(loaded)
    found = storages_of(value)
    added = ADDED[loaded.kind](value, found) if loaded.kind in ADDED else None
    if as_json:
        from stridescope.render import json_text

        write(json_text({**found.to_dict(), **({} if added is None else added.to_dict())}) + "\n")
    else:
        from stridescope.render.storage_maps import SHOWN, StorageReport

        shown = len(found) if everything else SHOWN
        print_rich(StorageReport(found, shown, holders=False, ascii=ascii_only), width)
        if added is not None:
            from stridescope.render.saved_bytes import SavedBytesView

            print_rich(SavedBytesView(added, everything, ascii_only), width)
    if limit is not None and found.unused_nbytes > limit.nbytes:
        say(f"{found.unused_nbytes:,} bytes are reached by no tensor, more than {limit.nbytes:,}")
        return 1
    return 0
