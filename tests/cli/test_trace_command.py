"""`stridescope trace SCRIPT`: the script runs as itself, and then its copies are reported by line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from stridescope.cli.trace import Limit, limit_of

pytest.importorskip("torch")

COPIES = """
import torch
def flat():
    x = torch.arange(12).view(3, 4).t()
    return x.reshape(12)
for _ in range(3):
    flat()
"""
RUN = """
import sys
from stridescope.cli.trace import trace
from stridescope.cli import app as _
sys.modules["stridescope.cli.app"].COMMANDS.setdefault("trace", ("stridescope.cli.trace", ""))
from stridescope.cli import main
sys.exit(main(["trace", *sys.argv[1:]]))
"""


def ran(
    directory: Path, script: str, *arguments: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    (directory / "train.py").write_text(script)
    root = str(Path(__file__).parent.parent.parent)
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": root}
    return subprocess.run(
        [sys.executable, "-c", RUN, *before, "train.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
        env=environment,
    )


def test_copies_are_reported_by_line_and_saved(tmp_path: Path) -> None:
    done = ran(tmp_path, COPIES, "--json", "run.json")
    assert done.returncode == 0, done.stderr
    for words in ("288 B copied, 3 times", "train.py:5", "return x.reshape(12)", "must merge dims 0 and 1", ".t() at"):
        assert words in done.stdout
    assert done.stderr == f"stridescope: wrote {tmp_path / 'run.json'}\n"
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["kind"] == "trace"
    assert document["totals"]["copied_nbytes"] == 288
    assert [step["op"] for step in document["steps"]] == ["arange", "view", "t", "reshape"] * 3
    assert {(step["file"], step["line"]) for step in document["steps"]} == {
        (str(tmp_path / "train.py"), line) for line in (4, 5)
    }


def test_the_script_runs_as_itself(tmp_path: Path) -> None:
    script = """
import sys, os
assert "torch" not in sys.modules, "it is the script that imports torch"
import torch, __main__
assert __main__.here == 3 if hasattr(__main__, "here") else True
here = 3
import __main__
print(sys.argv, __name__, __file__, os.getcwd(), sys.path[0], __main__.here, len(torch.ones(2)))
"""
    done = ran(tmp_path, script, "--epochs", "1", "-x")
    [said] = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert said == f"['train.py', '--epochs', '1', '-x'] __main__ {tmp_path}/train.py {tmp_path} {tmp_path} 3 2"


@pytest.mark.parametrize(
    ("end", "status"), [("", 0), ("sys.exit(7)", 7), ("sys.exit()", 0), ("sys.exit('no')", 1), ("1 / 0", 1)]
)
def test_the_exit_status_is_the_script_s(tmp_path: Path, end: str, status: int) -> None:
    assert ran(tmp_path, f"import sys\n{end}\n").returncode == status


def test_however_it_ended_there_is_a_report(tmp_path: Path) -> None:
    done = ran(tmp_path, "import sys, torch\ntorch.ones(2).clone()\nsys.exit(7)\n")
    assert done.returncode == 7
    assert "8 B copied" in done.stdout


def test_a_traceback_is_the_one_that_python_prints(tmp_path: Path) -> None:
    script = "def f():\n    return {}['no_such']\nf()\n"
    done = ran(tmp_path, script)
    plain = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stderr.strip() == plain.stderr.strip()


def test_a_syntax_error_is_the_one_that_python_prints(tmp_path: Path) -> None:
    done = ran(tmp_path, "def f(:\n")
    plain = subprocess.run([sys.executable, "train.py"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == plain.stderr.splitlines()[-1]
    assert done.returncode == plain.returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="signals are told by their number there")
def test_an_interrupt_ends_the_process_by_its_signal(tmp_path: Path) -> None:
    assert ran(tmp_path, "raise KeyboardInterrupt\n").returncode == -signal.SIGINT


@pytest.mark.parametrize(("limit", "status"), [("copy:287", 1), ("copy:288", 0)])
def test_fail_on_makes_the_status_1_where_more_was_copied(tmp_path: Path, limit: str, status: int) -> None:
    assert ran(tmp_path, COPIES, before=("--fail-on", limit)).returncode == status


def test_after_dashes_all_arguments_are_the_script_s(tmp_path: Path) -> None:
    done = ran(tmp_path, "import sys\nprint(sys.argv)\n", "--", "--json", "theirs")
    assert "['train.py', '--json', 'theirs']" in done.stdout


def test_a_script_without_torch_is_told(tmp_path: Path) -> None:
    done = ran(tmp_path, "print('hello')\n")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "did not import torch" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--json", "no/such/directory/run.json"), "no directory"),
        (("--fail-on", "views"), "needed copy"),
        (("--fail-on", "copy:many"), "needed copy"),
    ],
)
def test_bad_options_are_one_line_before_anything_runs(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = ran(tmp_path, "print('ran')\n", before=arguments)
    assert done.returncode == 2
    assert words in done.stderr and len(done.stderr.splitlines()) == 1
    assert "ran" not in done.stdout


def test_a_script_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = ran(tmp_path, "", before=("missing.py",))
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "missing.py" in done.stderr


@pytest.mark.parametrize(
    ("text", "nbytes"), [("copy", 0), ("copy:12", 12), ("copy:3kB", 3000), ("copy:2M", 2 * 10**6), ("copy:1gb", 10**9)]
)
def test_a_limit_is_read(text: str, nbytes: int) -> None:
    assert limit_of(text, ["copy"]) == Limit("copy", nbytes)


@pytest.mark.parametrize("text", ["", "copy:", "copy:x", "view", "copy:1tons"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="needed copy"):
        limit_of(text, ["copy"])
