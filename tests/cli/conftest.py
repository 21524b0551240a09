"""Running the command line in this process, as a shell would."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

import pytest

from stridescope.cli import main


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """`cli("show", "(3,4):(4,1)")` -> status, stdout, stderr, with no colour or width set outside."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "STRIDESCOPE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            status = main(arguments)
        except SystemExit as gone:
            status = int(gone.code or 0)
        return Done(status, *capsys.readouterr())

    return run
