"""What is installed, what the terminal can do, and what is missing for what.

Problem: "it does not work" is most often a missing package, a CPU build, or a terminal without
colours. Method: a table of checks; versions come from package metadata, and torch is started in a
process of its own, because a broken install may crash the process that imports it. Cost: starting
torch, about a second.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from stridescope import __version__
from stridescope.cli.output import console, print_rich, write
from stridescope.records import SCHEMA

__all__ = ["Finding", "doctor", "findings"]

PROBE_SECONDS = 120

_TORCH_PROBE = """
import json, torch
devices = ["cpu"]
if torch.cuda.is_available():
    devices += [f"cuda:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count())]
mps = getattr(torch.backends, "mps", None)
if mps is not None and mps.is_available():
    devices.append("mps")
print(json.dumps({"devices": devices, "cuda": torch.version.cuda}))
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked for.
        ok: whether it is there.
        detail: its version or state, or why it is missing.
        needed_for: what does not work without it; empty where nothing depends on it.
    """

    name: str
    ok: bool
    detail: str
    needed_for: str = ""


def findings() -> Iterator[Finding]:
    """Every check, in the order of the report."""
    for check in _CHECKS:
        yield check()


def _stridescope() -> Finding:
    return Finding("stridescope", ok=True, detail=__version__)


def _python() -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", ok=sys.version_info >= (3, 10), detail=detail, needed_for="everything: 3.10 or newer")


def _package(name: str, needed_for: str) -> Callable[[], Finding]:
    def check() -> Finding:
        version = _version(name)
        return Finding(name, version is not None, version or f"not installed; pip install {name}", needed_for)

    return check


def _torch_devices() -> Finding:
    needed_for = "--torch; --device cuda needs a CUDA device"
    if _version("torch") is None:
        return Finding("devices", ok=False, detail="cannot be asked without torch", needed_for=needed_for)
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _TORCH_PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("devices", ok=False, detail=f"torch could not be started: {error}", needed_for=needed_for)
    try:
        found: dict[str, Any] = json.loads(probe.stdout.strip().rpartition("\n")[2])
    except ValueError:
        words = probe.stderr.strip().rpartition("\n")[2] or f"it ended with status {probe.returncode}"
        return Finding("devices", ok=False, detail=f"torch does not start: {words}", needed_for=needed_for)
    detail = ", ".join(found["devices"])
    if len(found["devices"]) == 1:
        detail += " (a CPU build of torch)" if found["cuda"] is None else f" (CUDA {found['cuda']}, but no GPU is seen)"
    return Finding("devices", ok=True, detail=detail, needed_for=needed_for)


def _terminal() -> Finding:
    where = "terminal" if sys.stdout.isatty() else "not a terminal"
    settings = [f"{name}={os.environ[name]}" for name in _TERMINAL_VARIABLES if name in os.environ]
    detail = ", ".join([where, f"{console().width} columns", *settings])
    return Finding("terminal", ok=True, detail=detail)


_TERMINAL_VARIABLES = ("TERM", "COLORTERM", "COLUMNS", "NO_COLOR", "FORCE_COLOR")


def _colours() -> Finding:
    from stridescope.render.ink import ink_for

    depth = ink_for(console()).depth
    detail = {"none": "none: plain text", "truecolor": "24 bit"}.get(depth, f"{depth} colours")
    return Finding("colours", depth != "none", detail, "telling positions apart at a glance; numbers say the same")


def _encoding() -> Finding:
    from stridescope.render.ink import ink_for

    encoding = getattr(sys.stdout, "encoding", None) or "unknown"
    if ink_for(console()).ascii:
        detail = f"{encoding}: drawn in ASCII; PYTHONIOENCODING=utf-8 changes that"
        return Finding("encoding", ok=False, detail=detail, needed_for="block characters")
    return Finding("encoding", ok=True, detail=encoding)


def _version(name: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


_CHECKS: tuple[Callable[[], Finding], ...] = (
    _stridescope,
    _python,
    _package("click", "the command line"),
    _package("rich", "drawing"),
    _package("textual", "the terminal app"),
    _package("torch", "live torch tensors, --torch; an expression needs none"),
    _package("numpy", "live numpy arrays, np under --torch; an expression needs none"),
    _torch_devices,
    _terminal,
    _colours,
    _encoding,
)


@click.command("doctor", short_help="Versions, devices, terminal; what is missing, and for what.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> int:
    """Versions, devices, terminal; what is missing, and for what."""
    found = list(findings())
    if as_json:
        document = {"schema": SCHEMA, "kind": "doctor", "findings": [asdict(finding) for finding in found]}
        write(json.dumps(document, indent=2) + "\n")
        return 0
    from rich.table import Table
    from rich.text import Text

    report = Table.grid(padding=(0, 2))
    for finding in found:
        mark = Text("ok", "green") if finding.ok else Text("--", "yellow")
        needed = "" if finding.ok or not finding.needed_for else f"needed for {finding.needed_for}"
        report.add_row(mark, Text(finding.name, "bold"), Text(finding.detail), Text(needed, "dim"))
    print_rich(report)
    return 0
