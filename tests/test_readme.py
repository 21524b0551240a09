"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from stridescope.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
SETUP = "python3 -m venv .venv && .venv/bin/pip install "
SHELL_LINES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines()]
COMMANDS = [line for line in SHELL_LINES if line.startswith("stridescope ")]
SNIPPETS = [block for language, block in BLOCKS if language == "python"]


@pytest.fixture
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def test_one_line_runs_the_main_job_and_one_the_tests() -> None:
    """`.ci/run` finds these two lines by the same marks and runs them."""
    setups = [line for line in SHELL_LINES if line.startswith(SETUP)]
    assert len(setups) == 2
    main_job, tests = setups
    assert '.venv/bin/stridescope show "torch.arange(12).view(3, 4).t()[1:, ::2]"' in main_job
    assert "-c constraints.txt" in tests
    assert tests.endswith(".venv/bin/pytest")


def test_every_shell_line_is_a_setup_or_a_command_that_is_tried() -> None:
    assert all(line.startswith((SETUP, "stridescope ")) for line in SHELL_LINES)
    assert len(COMMANDS) >= 5


@pytest.mark.usefixtures("at_the_root")
@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_answers(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(line)[1:]
    if "--torch" in arguments or any(argument.startswith("demos/") for argument in arguments):
        pytest.importorskip("torch")
    status = main(arguments)
    shown = capsys.readouterr()
    # A refusal is what one of them is there to show.
    assert status == (1 if arguments[-1].endswith(".t().view(12)") else 0), shown.err
    assert shown.out


@pytest.mark.usefixtures("at_the_root")
def test_the_refusal_is_quoted_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    command = next(line for line in COMMANDS if line.endswith('.t().view(12)"'))
    quoted = README.split(command)[1].split("```text\n")[1].split("```")[0]
    assert main(shlex.split(command)[1:]) == 1
    assert capsys.readouterr().out == quoted


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_python_snippet_runs(snippet: str) -> None:
    if "import torch" in snippet:
        pytest.importorskip("torch")
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})


def test_the_tree_is_the_package() -> None:
    tree = next(block for language, block in BLOCKS if language == "text" and block.startswith("stridescope/\n"))
    listed = {line.split()[0].rstrip("/") for line in tree.splitlines()[1:]}
    package = ROOT / "stridescope"
    there = {path.name for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert listed == there - {"__init__.py", "__main__.py"}


def test_what_it_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.usefixtures("at_the_root")
def test_the_picture_is_what_the_tool_draws_today(tmp_path: Path) -> None:
    chain, drawn = "torch.arange(12).view(3, 4).t()[1:, ::2]", tmp_path / "show.svg"
    assert main(["show", chain, "--svg", os.fspath(drawn)]) == 0
    same = drawn.read_text(encoding="utf-8") == (ROOT / "docs" / "show.svg").read_text(encoding="utf-8")
    assert same, f'the drawing has changed: stridescope show "{chain}" --svg docs/show.svg'


def test_the_picture_of_the_app_is_what_it_draws_today() -> None:
    """STRIDESCOPE_GOLDEN=1 draws it again."""
    from stridescope.program import run
    from stridescope.scene.stage import Scene
    from stridescope.scene.view import View
    from stridescope.tui.stage.saving import frame_svg

    program = "x = torch.arange(12); a = x.view(3, 4); b = a.t()[1:, ::2]"
    scene, path = Scene(run(program)), ROOT / "docs" / "stage.svg"
    view = View(100, 24, focus="b", cursor=(2, 1))
    drawn = frame_svg(scene.frame(float(scene.timeline.last), view), program)
    if os.environ.get("STRIDESCOPE_GOLDEN"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")
