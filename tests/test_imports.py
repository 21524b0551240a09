"""No entry point imports what its user has not asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHAIN = "torch.arange(12).view(3, 4).t()[1:, ::2]"
HEAVY = {"torch", "numpy", "textual"}
PROBE = """
import json, sys
before = set(sys.modules)
exec(sys.argv.pop(1))
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})), file=sys.stderr)
"""


def imported(code: str) -> set[str]:
    """The top-level modules that running `code` in a fresh interpreter imports."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return set(names)


def command(*arguments: str) -> str:
    return f"from stridescope.cli import main; main({list(arguments)!r})"


def test_importing_the_package_imports_nothing_but_itself() -> None:
    assert imported("import stridescope") <= {"stridescope", "__future__"}


@pytest.mark.parametrize(
    "code",
    [
        "import stridescope; stridescope.Layout((3, 4), (4, 1))",
        f"import stridescope; stridescope.run({CHAIN!r})",
        f"import stridescope; stridescope.show({CHAIN!r})",
        "import stridescope; stridescope.show(stridescope.Layout((3, 4), (4, 1)))",
        "import stridescope.readers",
        "import stridescope.render",
        command("--help"),
        command(),
        command("show", "--help"),
        command("show", CHAIN),
        command("show", CHAIN, "--json", "--index", "2,1"),
        command("show", "torch.arange(12).view(3, 4).t().view(12)"),
        command("show", "np.arange(9).reshape(3, 3)[::-1]", "--values"),
        command("show", "(3,4):(4,1)+2"),
        command("show", "(3,4):(4,1)", "--then", "t()"),
        command("tui", "--help"),
        command("tui", CHAIN),
        "import stridescope; stridescope.explore",
        "import stridescope.scene.stage",
    ],
)
def test_torch_numpy_and_textual_stay_out(code: str) -> None:
    assert not imported(code) & HEAVY


@pytest.mark.parametrize(
    "code",
    ["import stridescope.layout", "import stridescope.records", f"import stridescope; stridescope.run({CHAIN!r})"],
)
def test_the_algebra_needs_no_drawing_and_no_command_line(code: str) -> None:
    assert not imported(code) & {"rich", "click"}


def checkpoint_of(folder: Path) -> str:
    """A file of two tensors, written without torch."""
    header = json.dumps(
        {
            "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
            "b": {"dtype": "I64", "shape": [2], "data_offsets": [24, 40]},
        }
    ).encode()
    (folder / "two.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(40))
    return str(folder / "two.safetensors")


@pytest.mark.parametrize("options", [[], ["--json"], ["--flat", "--all"], ["--filter", "a"]])
def test_a_file_is_listed_without_torch_numpy_or_textual(options: list[str], tmp_path: Path) -> None:
    names = imported(command("show", checkpoint_of(tmp_path), *options))
    assert not names & HEAVY
    assert "rich" in names or "--json" in options
    assert not {"rich", "pathlib"} & names or "--json" not in options


def test_a_tensor_of_a_file_is_shown_with_values_without_torch_or_numpy(tmp_path: Path) -> None:
    assert not imported(command("show", f"{checkpoint_of(tmp_path)}::a", "--values", "--then", "t()")) & HEAVY
    assert not imported(f"import stridescope; stridescope.open({checkpoint_of(tmp_path)!r})['a']") & {*HEAVY, "rich"}


def test_the_command_line_shows_help_without_drawing() -> None:
    assert "rich" not in imported(command("--help"))


def test_the_app_needs_neither_torch_nor_numpy() -> None:
    assert not imported("import stridescope.tui.app, stridescope.tui.home, stridescope.tui.stage.screen") & {
        "torch",
        "numpy",
        "pygments",
        "tree_sitter",
    }


def test_torch_is_imported_when_it_is_asked_for() -> None:
    assert "torch" in imported(command("show", "torch.arange(3)", "--torch"))


def test_reading_an_array_imports_no_torch(tmp_path: Path) -> None:
    code = "import array, stridescope; stridescope.inspect(__import__('numpy').arange(3))"
    assert "torch" not in imported(code)
