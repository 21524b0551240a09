"""`stridescope` and `stridescope tui`: what opens, and what is said where nothing can."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import stridescope as ss
from stridescope.errors import TargetError, UnreadableError
from stridescope.tui.opening import Opening, opening_of

CHAIN = "torch.arange(12).view(3, 4)"


class Tty:
    """A stream that says it is a terminal, or not."""

    closed = False

    def __init__(self, *, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("__stdin__", "__stderr__"):
        monkeypatch.setattr(sys, name, Tty(terminal=True))
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, in_a_terminal: None) -> list[Opening]:
    """What the app was opened on; the app itself is left out."""
    found: list[Opening] = []

    def take(opening: Opening | None = None) -> int:
        found.append(opening or Opening())
        return 0

    monkeypatch.setattr("stridescope.tui.app.run_app", take)
    return found


def test_without_a_terminal_the_bare_command_prints_help(cli: Callable[..., Any]) -> None:
    done = cli()
    assert (done.status, done.err) == (0, "")
    assert "Usage: stridescope" in done.out
    assert "tui" in done.out


def test_tui_is_listed_with_its_short_help(cli: Callable[..., Any]) -> None:
    assert "Open the terminal app" in cli("--help").out
    assert "--then" in cli("tui", "--help").out


@pytest.mark.parametrize("missing", [["__stdin__"], ["__stderr__"], ["__stdin__", "__stderr__"]], ids=" ".join)
def test_without_a_terminal_tui_says_so_in_one_line(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, missing: list[str]
) -> None:
    for name in ("__stdin__", "__stderr__"):
        monkeypatch.setattr(sys, name, Tty(terminal=name not in missing))
    done = cli("tui", CHAIN)
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert "the app needs a terminal" in done.err
    assert ("standard input" in done.err) == ("__stdin__" in missing)
    assert ("standard error" in done.err) == ("__stderr__" in missing)


def test_a_terminal_that_cannot_place_text_is_none(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, in_a_terminal: None
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    done = cli("tui")
    assert done.status == 2
    assert "TERM=dumb" in done.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Opening()),
        ([CHAIN], Opening(text=CHAIN)),
        ([CHAIN, "--then", "t()[1:]"], Opening(text=f"{CHAIN}.t()[1:]")),
        ([CHAIN, "--then", "[1:]", "--no-check"], Opening(text=f"{CHAIN}[1:]", check=False)),
        (["--no-check"], Opening(check=False)),
    ],
    ids=str,
)
def test_a_program_is_opened_as_a_text(
    cli: Callable[..., Any], opened: list[Opening], arguments: list[str], expected: Opening
) -> None:
    assert cli("tui", *arguments).status == 0
    assert opened == [expected]


def test_a_layout_is_opened_as_a_tensor_that_ops_go_on_from(cli: Callable[..., Any], opened: list[Opening]) -> None:
    assert cli("tui", "(3,4):(4,1)+2", "--then", "t()").status == 0
    (opening,) = opened
    assert (opening.text, opening.chain_of, opening.title) == ("t()", "x", "(3,4):(4,1)+2")
    info = opening.names["x"]
    assert (info.shape, info.stride, info.storage_offset) == ((3, 4), (4, 1), 2)


def test_a_live_object_is_opened_as_itself(cli: Callable[..., Any], opened: list[Opening], tmp_path: Any) -> None:
    np = pytest.importorskip("numpy")
    path = tmp_path / "held.py"
    path.write_text("import numpy\narray = numpy.arange(6).reshape(2, 3)\n", encoding="utf-8")
    assert cli("tui", f"{path}:array").status == 0
    (opening,) = opened
    assert isinstance(opening.names["x"], np.ndarray)


@pytest.mark.parametrize("target", ["nothing.pt", "no_such_module:x", "(3,4):(4", "x.py"])
def test_a_bad_target_is_one_line_as_in_show(cli: Callable[..., Any], opened: list[Opening], target: str) -> None:
    told = cli("tui", target)
    shown = cli("show", target)
    assert (told.status, told.out) == (2, "")
    assert told.err.splitlines()[0] == shown.err.splitlines()[0].replace("; show takes", "; tui takes")
    assert not opened


LONG_TARGETS = {
    "chain": (f"torch.arange(24).view(4, 6){'.t()' * 60}", 0),
    "lines": ("x = torch.arange(12)\n" + "x.add_(1)\n" * 200, 0),
    "file": (f"{'a' * 5000}.pt", 2),
    "python file": (f"{'a' * 300}.py:x", 2),
    "folders": ("a/" * 3000, 0),
    "colons": ("torch.arange(12)::" * 500, 0),
}


@pytest.mark.parametrize(("target", "status"), LONG_TARGETS.values(), ids=LONG_TARGETS)
def test_a_target_of_any_length_opens_or_is_refused_in_one_line(
    cli: Callable[..., Any], opened: list[Opening], target: str, status: int
) -> None:
    done = cli("tui", target)
    assert done.status == status
    assert len(done.err.splitlines()) == (status == 2) and "internal error" not in done.err
    assert [opening.text for opening in opened] == ([target] if status == 0 else [])


# ss.explore --------------------------------------------------------------------------------------------------------


def test_explore_comes_back_with_nothing(opened: list[Opening]) -> None:
    assert ss.explore(CHAIN) is None
    assert opened == [Opening(text=CHAIN)]


def test_explore_without_a_terminal_is_one_clear_error() -> None:
    with pytest.raises(ss.StridescopeError, match="the app needs a terminal"):
        ss.explore(CHAIN)


def test_explore_in_a_notebook_is_one_clear_error(in_a_terminal: None) -> None:
    import asyncio

    async def cell() -> None:
        ss.explore(CHAIN)

    with pytest.raises(TargetError, match="inside an event loop, such as a notebook's"):
        asyncio.run(cell())


def test_explore_outside_the_main_thread_is_one_clear_error(in_a_terminal: None) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool, pytest.raises(TargetError, match="main thread"):
        pool.submit(ss.explore, CHAIN).result()


def test_tensors_go_in_as_they_are() -> None:
    torch = pytest.importorskip("torch")
    x, y = torch.arange(6), torch.ones(2)
    assert opening_of(x).names["x"] is x
    held = opening_of({"layer.0.weight": x, "for": y, "note": "no tensor", "torch": y})
    assert list(held.names) == ["layer_0_weight", "for_", "torch_"]
    assert held.names["layer_0_weight"] is x
    assert held.chain_of == "layer_0_weight"
    assert list(opening_of([x, y]).names) == ["x0", "x1"]
    assert list(opening_of({"a b": x, "a_b": y}).names) == ["a_b", "a_b_"]


def test_histories_layouts_and_records_can_be_explored() -> None:
    history = ss.run(CHAIN)
    assert opening_of(history).text == CHAIN
    assert opening_of(history.final.tensor).names["x"] is history.final.tensor
    assert opening_of(ss.Layout((2, 3), (3, 1))).chain_of == "x"


def test_a_tensor_that_ops_cannot_go_on_from_is_told_before_the_screen_changes(
    in_a_terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr("stridescope.tui.app.StridescopeApp", None)
    with pytest.raises(ss.StridescopeError, match="an mkldnn tensor is opaque"):
        ss.explore(torch.ones(3, 3).to_mkldnn())


@pytest.mark.parametrize("x", [3, None, {}, [], {"a": 1}, object()], ids=repr)
def test_what_holds_no_tensor_is_one_clear_error(x: object) -> None:
    with pytest.raises(UnreadableError):
        opening_of(x)
