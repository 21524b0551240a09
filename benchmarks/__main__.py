"""`python -m benchmarks [--json] [--quick] [PART...]`: rows side by side; exit status 1 when a promise is broken."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from benchmarks.rows import PARTS, rows

if TYPE_CHECKING:
    from benchmarks.measure import Measured, Row


def main() -> int:
    """Measure, print, and say by the exit status whether every promise holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What stridescope promises about speed.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a measurement")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}: the parts are {', '.join(PARTS)}")
    measured = list(rows(options.quick, options.parts))
    if options.json:
        print(json.dumps({"rows": [row.to_dict() for row in measured]}, indent=2))
    else:
        _print_table(measured)
    return 0 if all(row.ok for row in measured) else 1


def _print_table(measured: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("what", "floor", "ours", "ratio", "target", "peer", "peer ÷ ours", "target", ""):
        table.add_column(title, justify="left" if title in ("what", "floor", "peer") else "right")
    for row in measured:
        table.add_row(
            row.name,
            _named(row.floor),
            _amount(row.ours),
            f"{row.ratio:.2f}",
            f"≤ {row.at_most:g}",
            "" if row.peer is None else _named(row.peer),
            "" if row.speedup is None else f"{row.speedup:.1f}",
            "" if row.peer_at_least is None else f"≥ {row.peer_at_least:g}",
            "ok" if row.ok else "MISSED",
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _named(measured: Measured) -> str:
    return f"{_amount(measured)}  {measured.what}"


def _amount(measured: Measured) -> str:
    if measured.unit == "s" or measured.seconds is None:
        return _time(measured.seconds)
    return f"{measured.seconds:,.0f} {measured.unit}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "not installed"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


if __name__ == "__main__":
    sys.exit(main())
