"""The Modules screen: keys, mouse, search, reading again, the way to the Stage and back, at every size."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
from app_host import Quiet, shown

pytest.importorskip("torch")

import torch
from textual.events import Key
from torch import nn

from stridescope.cli import main
from stridescope.modules.finding import Finder
from stridescope.modules.reading import modules
from stridescope.records import ModuleNode, ModuleTree, TensorInfo
from stridescope.tui.home import HomeScreen
from stridescope.tui.keys import rows
from stridescope.tui.modules import reading
from stridescope.tui.modules.finding import Query
from stridescope.tui.modules.reading import is_small
from stridescope.tui.modules.rows import Details, TreeView
from stridescope.tui.modules.screen import ModulesScreen
from stridescope.tui.opening import Opening, opening_of
from stridescope.tui.stage.screen import StageScreen

torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.Linear(4, 12)
        self.mlp = nn.Sequential(nn.Linear(4, 4), nn.GELU())


class Net(nn.Module):
    def __init__(self, layers: int = 80) -> None:
        super().__init__()
        self.wte = nn.Embedding(10, 4)
        self.layers = nn.ModuleList(Block() for _ in range(layers))
        self.turned = nn.Parameter(torch.arange(12.0).view(3, 4).t())
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.wte.weight


class Looking:
    """What a test does on the screen, and what it looks at."""

    def __init__(self, pilot: Any) -> None:
        self.pilot = pilot
        self.app = pilot.app

    @property
    def screen(self) -> ModulesScreen:
        assert isinstance(self.app.screen, ModulesScreen)
        return self.app.screen

    @property
    def browser(self) -> Any:
        return self.screen.browser

    @property
    def marked(self) -> str:
        item = self.browser.item
        return "" if item is None else item.path

    @property
    def paths(self) -> list[str]:
        return [item.path for item in self.browser.items]

    @property
    def text(self) -> str:
        return "\n".join(shown(self.app))

    def row_of(self, path: str) -> int:
        """The line of the terminal that a row is on."""
        tree = self.screen.tree_view
        return tree.region.y + self.paths.index(path) - round(tree.scroll_offset.y)

    def said(self, path: str) -> str:
        """The row of a path, as it is on screen."""
        tree = self.screen.tree_view
        return shown(self.app)[self.row_of(path)][: tree.region.right]

    async def press(self, *keys: str) -> None:
        """Press keys one right after another: a pilot's own `press` waits at each of them."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else {"space": " ", "slash": "/"}.get(key)))
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press("slash", *({" ": "space"}.get(char, char) for char in text))

    async def go(self, path: str, kind: str = "module") -> None:
        before = self.browser.place
        assert self.browser.go((kind, path))
        self.screen.follow()
        self.screen.moved(before)
        await self.pilot.pause()


def look(
    steps: Callable[[Looking], Awaitable[None]],
    model: Any,
    size: tuple[int, int] = (120, 32),
    title: str = "net.py:net",
) -> None:
    """Run an async test on the screen of a model."""

    async def session() -> None:
        app = Quiet(Opening(model=model, title=title, check=False))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(Looking(pilot))
            if app.failure is not None:
                raise app.failure

    asyncio.run(session())


# What is there -------------------------------------------------------------------------------------------------------


def test_a_model_opens_with_its_rows_its_counts_and_its_name() -> None:
    model = Net()

    async def steps(at: Looking) -> None:
        head = shown(at.app)[0]
        assert "net.py:net  Net" in head
        assert f"{sum(p.numel() for p in model.parameters()):,} elements" in head
        assert f"{len(list(model.modules()))} modules" in head
        assert "0-79  80 × Block" in at.text
        assert "the model itself" in at.text
        assert at.marked == ""

    look(steps, model, (160, 32))


def test_one_key_goes_through_tree_children_and_modules_with_torchs_numbers() -> None:
    model = Net(3)
    direct, below = len(list(model.children())), len(list(model.modules()))

    async def steps(at: Looking) -> None:
        assert f"children() {direct}   modules() {below}" in at.text
        await at.press("v")
        assert at.paths == [name for name, _ in model.named_children()]
        await at.press("v")
        assert at.paths == [name for name, _ in model.named_modules()]
        assert "0  (itself)  Net" in at.text
        await at.press("v")
        assert at.browser.view == "tree"
        await at.go("layers.1")
        assert f"children() {len(list(model.layers[1].children()))}" in at.text
        await at.press("v")
        assert at.paths == ["layers.1.attn", "layers.1.mlp"]
        assert "of layers.1" in at.text
        await at.press("left")
        assert at.paths == [f"layers.{n}" for n in range(3)] and at.marked == "layers.1"
        await at.press("right", "down", "enter")
        assert at.paths == ["layers.1.mlp.0", "layers.1.mlp.1"]
        await at.press("escape")
        assert at.browser.view == "tree"

    look(steps, model)


def test_equal_layers_are_one_row_and_can_be_unfolded() -> None:
    async def steps(at: Looking) -> None:
        await at.go("layers")
        await at.press("down")
        assert at.browser.item.kind == "layers"
        before = len(at.paths)
        await at.press("right")
        assert len(at.paths) == before + 80
        await at.press("left")
        assert len(at.paths) == before
        await at.press("f")
        assert len(at.paths) == before + 79
        assert "80 ×" not in at.text
        await at.press("f")
        assert len(at.paths) == before

    look(steps, Net())


def test_keys_open_close_and_go_through_the_tree() -> None:
    async def steps(at: Looking) -> None:
        await at.go("layers.1.mlp")
        await at.press("space")
        assert "layers.1.mlp.0" in at.paths
        await at.press("left")
        assert "layers.1.mlp.0" not in at.paths
        await at.press("right")
        await at.press("right")
        assert at.marked == "layers.1.mlp.0"
        await at.press("right", "right")
        assert at.marked == "layers.1.mlp.0.weight"
        await at.press("left")
        assert at.marked == "layers.1.mlp.0"
        await at.press("home", "minus")
        assert at.paths == ["", "turned", "wte", "layers", "head"]
        await at.press("asterisk")
        assert len(at.paths) > 15
        await at.press("end")
        assert at.marked == "head.weight"
        await at.press("up", "k", "j")
        assert at.browser.place == len(at.paths) - 2
        await at.press("pageup", "pageup", "pageup", "pageup")
        assert at.browser.place == 0
        await at.press("pagedown")
        assert at.browser.place == at.screen.tree_view.size.height - 1

    look(steps, Net(3), (120, 14))


def test_the_marked_row_stays_in_sight_and_its_details_beside_it() -> None:
    async def steps(at: Looking) -> None:
        await at.press("home", "asterisk")
        for _ in range(len(at.paths)):
            assert at.marked in "\n".join(line[60:] for line in shown(at.app)) or not at.marked
            tree = at.screen.tree_view
            assert 0 <= at.browser.place - tree.scroll_offset.y < tree.size.height
            await at.press("down")

    look(steps, Net(2), (120, 14))


def test_the_marked_row_stays_in_sight_as_the_terminal_shrinks() -> None:
    async def steps(at: Looking) -> None:
        await at.press("home", "asterisk", "end")
        for size in ((60, 20), (40, 12), (120, 14)):
            await at.pilot.resize_terminal(*size)
            await at.pilot.pause()
            tree = at.screen.tree_view
            assert 0 <= at.browser.place - tree.scroll_offset.y < tree.size.height

    look(steps, Net(3), (120, 40))


def test_details_scroll_and_go() -> None:
    async def steps(at: Looking) -> None:
        details = at.screen.details
        await at.press("J", "J", "J")
        assert details.scroll_offset.y == 3
        await at.press("K")
        assert details.scroll_offset.y == 2
        await at.press("down")
        assert details.scroll_offset.y == 0
        await at.press("d")
        assert not details.display
        await at.press("d")
        assert details.display

    look(steps, Net(3), (120, 14))


# Find ----------------------------------------------------------------------------------------------------------------


def test_rows_follow_what_is_typed_and_come_back() -> None:
    model = Net(3)
    finder = Finder(modules(model))

    async def steps(at: Looking) -> None:
        before = at.paths
        await at.type("tied")
        assert isinstance(at.app.focused, Query)
        found = [row.path for row in finder.find("tied")]
        assert found == ["wte.weight", "head.weight"]
        assert at.paths == ["", "wte", "wte.weight", "head", "head.weight"]
        assert "2 found" in at.text
        assert at.marked == "wte.weight"
        await at.press("enter")
        assert isinstance(at.app.focused, TreeView)
        await at.press("n")
        assert at.marked == "head.weight"
        await at.press("n")
        assert at.marked == "wte.weight"
        await at.press("N")
        assert at.marked == "head.weight"
        await at.press("escape")
        assert at.paths == before and at.marked == "head.weight"
        await at.press("n")
        assert at.marked == "wte.weight"

    look(steps, model)


@pytest.mark.parametrize("query", ["4x4", "non-contiguous", "layers.1 bias", "gelu", "float32 buffer", "(["])
def test_each_query_shows_what_the_finder_finds(query: str) -> None:
    model = Net(3)
    found = {row.path for row in Finder(modules(model)).find(query)}

    async def steps(at: Looking) -> None:
        await at.type(query)
        outline = at.browser.outline
        assert {item.path for item in at.browser.items if item.key in outline.found} == found
        assert f"{len(found)} found" in at.text
        await at.press("escape")
        assert not at.browser.query and "found" not in at.text

    look(steps, model)


def test_a_search_narrows_a_list_too() -> None:
    async def steps(at: Looking) -> None:
        await at.press("v", "v")
        await at.type("gelu")
        assert at.paths == [f"layers.{n}.mlp.1" for n in range(3)]
        await at.press("enter", "n")
        assert at.marked == "layers.1.mlp.1"

    look(steps, Net(3))


def test_g_jumps_to_the_twin_and_back_wherever_it_is() -> None:
    async def steps(at: Looking) -> None:
        await at.press("home", "minus")
        await at.go("head.weight", "tensor")
        await at.press("g")
        assert at.marked == "wte.weight"
        assert "tied to" in at.text
        await at.press("g")
        assert at.marked == "head.weight"
        await at.type("head")
        await at.press("enter")
        await at.go("head.weight", "tensor")
        await at.press("g")
        assert at.marked == "wte.weight"
        await at.press("down", "home", "g")
        assert at.marked == ""

    look(steps, Net(3))


def test_the_footer_offers_what_can_be_done_with_the_row() -> None:
    async def steps(at: Looking) -> None:
        assert "its twin" not in shown(at.app)[-1]
        await at.go("wte.weight", "tensor")
        assert "g its twin" in shown(at.app)[-1]
        await at.type("tied")
        assert "to the rows" in shown(at.app)[-1]

    look(steps, Net(3), (160, 30))


# The Stage -----------------------------------------------------------------------------------------------------------


def test_a_parameter_opens_on_the_stage_live_and_2_comes_back_to_the_row() -> None:
    model = Net(3)

    async def steps(at: Looking) -> None:
        assert "1 stage" not in shown(at.app)[-1]
        await at.press("1")
        assert isinstance(at.app.screen, ModulesScreen)
        await at.go("turned", "tensor")
        await at.press("enter")
        assert isinstance(at.app.screen, StageScreen)
        ((_, value),) = at.app.opening.names.items()
        assert value is model.turned
        assert "2 modules" in shown(at.app)[-1]
        await at.press("2")
        assert at.marked == "turned"
        assert "1 stage" in shown(at.app)[-1]
        await at.press("1")
        assert isinstance(at.app.screen, StageScreen)
        await at.press("0")
        assert isinstance(at.app.screen, HomeScreen)
        await at.press("0")
        assert isinstance(at.app.screen, StageScreen)

    look(steps, model, (160, 32))


def test_without_a_model_there_is_no_modules_screen_to_go_to(piloted: Callable[..., None]) -> None:
    async def steps(pilot: Any) -> None:
        await pilot.press("2")
        assert isinstance(pilot.app.screen, StageScreen)
        assert "modules" not in shown(pilot.app)[-1]

    piloted(Quiet(Opening(text="torch.arange(3)", check=False)), steps, size=(160, 30))


def test_of_names_alone_the_record_opens_on_the_stage() -> None:
    info = TensorInfo("torch.Tensor", (4, 3), (1, 4), 0, "float32", 4, "cpu", False, None)

    async def steps(at: Looking) -> None:
        assert "names" in at.text
        await at.go("a.b.weight", "tensor")
        await at.press("enter")
        assert isinstance(at.app.screen, StageScreen)

    look(steps, {"a.b.weight": info, "a.c": info.named("other")})


def test_what_has_no_layout_is_told_in_a_sentence() -> None:
    async def steps(at: Looking) -> None:
        await at.go("0.weight", "tensor")
        await at.press("enter")
        assert isinstance(at.app.screen, ModulesScreen)
        assert any("ops cannot go on from x0_weight" in str(note.message) for note in at.app._notifications)

    look(steps, nn.Sequential(nn.LazyLinear(3)))


def test_enter_on_a_module_opens_or_closes_it() -> None:
    async def steps(at: Looking) -> None:
        before = len(at.paths)
        await at.press("enter")
        assert len(at.paths) == 1
        await at.press("enter")
        assert len(at.paths) == before

    look(steps, Net(3))


# A model that changes ------------------------------------------------------------------------------------------------


def test_what_changed_since_is_marked_until_it_is_read_again() -> None:
    model = Net(3)

    async def steps(at: Looking) -> None:
        await at.go("layers.1.mlp")
        await at.press("r")
        assert "nothing changed" in shown(at.app)[0]
        model.layers[1].mlp[1] = nn.Tanh()
        model.layers[2].attn.requires_grad_(False)
        model.extra = nn.ReLU()
        del model.layers[0].mlp[1]
        await at.press("r")
        assert at.marked == "layers.1.mlp"
        assert "changes" in shown(at.app)[0]
        await at.go("layers.1.mlp.1")
        assert "replaced, GELU → Tanh" in at.said("layers.1.mlp.1")
        assert "added" in at.said("extra")
        assert "1 removed" in at.said("layers.0") or "changed inside" in at.said("layers.0")
        await at.go("layers.0.mlp")
        assert "removed layers.0.mlp.1" in at.text
        await at.press("home")
        seen = []
        for _ in range(5):
            await at.press("c")
            seen.append(at.marked)
        assert {"layers.1.mlp.1", "layers.2.attn.weight", "layers.2.attn.bias", "layers.0.mlp", "extra"} == set(seen)
        await at.press("r")
        assert "nothing changed" in shown(at.app)[0]
        assert "replaced" not in at.text and "added" not in at.text

    look(steps, model, (140, 40))


def test_a_replaced_part_that_was_marked_or_listed_is_left_for_what_held_it() -> None:
    model = Net(3)

    async def steps(at: Looking) -> None:
        await at.go("layers.2.mlp.0.weight", "tensor")
        model.layers = nn.ModuleList([Block()])
        await at.press("r")
        assert at.marked == "layers"
        await at.go("layers.0.mlp")
        await at.press("v")
        model.layers[0].mlp = nn.Identity()
        await at.press("r")
        assert at.browser.view == "children"

    look(steps, model)


def test_a_search_goes_on_in_what_was_read_again() -> None:
    model = Net(3)

    async def steps(at: Looking) -> None:
        await at.type("gelu")
        await at.press("enter")
        model.layers[1].mlp[1] = nn.Tanh()
        await at.press("r")
        assert "2 found" in at.text
        assert "layers.1.mlp.1" not in at.paths

    look(steps, model)


def test_a_tree_without_its_model_cannot_be_read_again() -> None:
    tree = ModuleTree(ModuleNode("", "", "Net"))

    async def steps(at: Looking) -> None:
        await at.press("r")
        assert any("no live model" in str(note.message) for note in at.app._notifications)

    look(steps, tree)


# The mouse -----------------------------------------------------------------------------------------------------------


def test_the_mouse_marks_opens_chooses_and_scrolls() -> None:
    async def steps(at: Looking) -> None:
        await at.press("home", "minus")
        await at.pilot.click(offset=(20, at.row_of("layers")))
        await at.pilot.pause()
        assert at.marked == "layers"
        before = len(at.paths)
        sign = at.said("layers").index("▸")
        await at.pilot.click(offset=(sign, at.row_of("layers")))
        await at.pilot.pause()
        assert len(at.paths) > before
        await at.pilot.click(offset=(shown(at.app)[1].index("children()"), 1))
        await at.pilot.pause()
        assert at.browser.view == "children"
        await at.press("escape", "home", "asterisk")
        tree = at.screen.tree_view
        top = tree.scroll_offset.y
        await at.pilot._post_mouse_events([_wheel()], offset=(10, 5), times=1)
        await at.pilot.pause()
        assert tree.scroll_offset.y > top
        await at.press("home")
        await at.pilot.click(offset=(20, at.row_of("turned")), times=2)
        await at.pilot.pause()
        assert isinstance(at.app.screen, StageScreen)

    look(steps, Net(3), (120, 20))


def _wheel() -> type[Any]:
    from textual.events import MouseScrollDown

    return MouseScrollDown


# Every terminal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(40, 12), (60, 20), (80, 24), (200, 60)], ids=str)
@pytest.mark.parametrize("ascii", [False, True], ids=["all signs", "ascii"])
def test_it_fits_every_terminal(size: tuple[int, int], ascii: bool) -> None:
    model = Net(3)
    model.add_module("한글[b]", nn.ReLU())

    async def steps(at: Looking) -> None:
        at.app.ascii = ascii
        await at.press("home", "minus", "end")
        lines = shown(at.app)
        assert len(lines) == size[1]
        text = "\n".join(lines)
        assert ("한글[b]" in text) is not ascii
        assert text.isascii() or not ascii
        assert "quit" in text or "keys" in lines[-1]
        await at.press("v", "v", "v", "d", "d", "home", "asterisk", "end")
        assert at.marked.rpartition(".")[2] in at.text or ascii
        for other in ((40, 12), (20, 5), (170, 50), size):
            await at.pilot.resize_terminal(*other)
            await at.pilot.pause()
        assert isinstance(at.app.screen, ModulesScreen)
        assert len(shown(at.app)) == size[1]

    look(steps, model, size)


@pytest.mark.parametrize("theme", ["dark", "light", "ansi-dark", "ansi-light"])
def test_it_follows_the_theme(theme: str) -> None:
    async def steps(at: Looking) -> None:
        before = at.text
        at.app.theme = theme
        await at.pilot.pause()
        assert at.text == before

    look(steps, Net(3))


def test_without_colours_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(at: Looking) -> None:
        assert "0-79  80 × Block" in at.text
        styles = {segment.style for strip in at.screen._compositor.render_strips() for segment in strip}
        assert any(style is not None and style.reverse for style in styles)

    look(steps, Net())


def test_every_key_does_something_and_none_harms() -> None:
    keys = [key for row in rows("modules") for key in row.keys.split(",") if key and row.action != "open"]

    async def steps(at: Looking) -> None:
        for path, kind in (("layers.1", "module"), ("head.weight", "tensor")):
            for key in keys:
                at.browser.go((kind, path))
                await at.press(key, "x", "escape")
        await at.go("head.weight", "tensor")
        await at.press("y")
        assert at.app.clipboard == "head.weight"

    look(steps, Net(2), (80, 24))


def test_the_key_sheet_and_the_palette_have_its_keys() -> None:
    from stridescope.tui.palette_commands import Commands

    async def steps(at: Looking) -> None:
        provider = Commands(at.screen)
        await provider.startup()
        found = {str(hit.text) async for hit in provider.discover()}
        assert {"Find", "Show children()", "Read the model again"} <= found
        assert not {"Stage", "Next one found"} & found
        await at.press("question_mark")
        assert "Read the model again" in at.text or "Next row" in at.text

    look(steps, Net(2), (100, 44))


# Any size of model ---------------------------------------------------------------------------------------------------


def names_tree(number: int) -> ModuleTree:
    """A tree of so many modules, no two blocks in one run."""
    blocks = tuple(
        ModuleNode(f"b{n}", f"b{n}", "Block", children=tuple(ModuleNode(c, f"b{n}.{c}", "ReLU") for c in "abcdefghi"))
        for n in range(number // 10)
    )
    return ModuleTree(ModuleNode("", "", "Net", children=blocks))


async def read_through(at: Looking) -> None:
    end = time.monotonic() + 10
    while (at.screen._reading or not at.browser.items) and time.monotonic() < end and at.app.failure is None:
        await at.pilot.pause(0.02)
    if at.app.failure is not None:
        raise at.app.failure
    await at.pilot.pause()
    assert at.browser.items and not at.screen._reading


def test_drawing_and_scrolling_ask_for_as_many_rows_of_three_thousand_as_of_a_hundred_thousand() -> None:
    asked: dict[int, list[int]] = {}

    def steps_for(number: int) -> Callable[[Looking], Awaitable[None]]:
        async def steps(at: Looking) -> None:
            await read_through(at)
            tree = at.screen.tree_view
            counts = asked.setdefault(number, [])
            at.screen.follow()
            await at.pilot.pause()
            for keys in ((), ("down",), ("down",), ("pagedown",), ("pagedown",), ("end",), ("home",)):
                tree.asked = 0
                await at.press(*keys)
                counts.append(tree.asked)
            assert len(at.paths) == 1 + number // 10

        return steps

    # Of 300 rows and of 10,000.
    for number in (3000, 100_000):
        look(steps_for(number), names_tree(number), (100, 30))
    assert asked[3000] == asked[100_000]
    assert max(asked[3000]) <= 30


def test_a_large_model_is_read_after_the_first_paint_and_keys_work_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, started = Event(), Event()
    plainly = reading.read

    def slowly(model: Any) -> Any:
        started.set()
        assert go_on.wait(30)
        return plainly(model)

    monkeypatch.setattr(reading, "read", slowly)

    async def steps(at: Looking) -> None:
        assert "reading ..." in shown(at.app)[0]
        assert not at.browser.items
        for row in rows("modules"):
            for key in filter(None, row.keys.split(",")):
                await at.press(key)
                if isinstance(at.app.focused, Query):
                    await at.press("b", "escape")
        await at.press("slash", "b", "7", ".", "c")
        assert started.wait(10)
        go_on.set()
        await read_through(at)
        assert "reading" not in shown(at.app)[0]
        assert at.marked == "b7.c" and "1 found" in at.text

    assert not is_small(names_tree(2000))
    look(steps, names_tree(2000))


def test_small_and_large_are_told_apart_without_reading() -> None:
    assert is_small(Net(80)) and not is_small(nn.ModuleList(nn.ReLU() for _ in range(1001)))
    looped = nn.Module()
    looped.itself = looped
    assert is_small(looped)
    assert not is_small(dict.fromkeys(range(1001)))


def test_quitting_while_a_model_is_read_leaves_nothing_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = Event()
    monkeypatch.setattr(reading, "read", lambda model: go_on.wait(30))

    async def steps(at: Looking) -> None:
        await at.press("q")

    before = set(enumerate_threads())
    look(steps, names_tree(2000))
    go_on.set()
    for thread in set(enumerate_threads()) - before:
        thread.join(10)
    assert gc.isenabled() and gc.get_freeze_count() == 0


def test_garbage_is_collected_as_before_once_the_app_is_closed() -> None:
    async def steps(at: Looking) -> None:
        await read_through(at)
        await at.pilot.pause(0.05)
        assert gc.isenabled()

    look(steps, names_tree(2000))
    assert gc.get_freeze_count() == 0


# What opens it -------------------------------------------------------------------------------------------------------


def test_models_their_states_trees_and_checkpoints_open_as_models_and_a_dict_of_tensors_does_not() -> None:
    model = Net(1)
    for x in (model, model.state_dict(), modules(model), {"a.b": modules(model).root.parameters[0]}):
        assert opening_of(x).model is x
    assert opening_of(dict(model.state_dict())).model is None


def test_tui_opens_a_class_with_arguments_on_meta(
    capsys: pytest.CaptureFixture[str], opened: list[Opening], tmp_path: Path
) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Net(nn.Linear):\n    def __init__(self, n): super().__init__(n, n)\n",
        encoding="utf-8",
    )
    target = f"{tmp_path / 'net.py'}:Net"
    assert main(["tui", target, "--device", "meta", "--args", "(70000)"]) == 0
    (opening,) = opened
    assert opening.model.weight.is_meta and opening.model.weight.shape == (70000, 70000)
    assert opening.title == target
    assert main(["tui", "torch.arange(3)", "--device", "meta"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["tui", target, "--args", "(3, 4, 5)"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_tui_opens_the_names_of_a_checkpoint(opened: list[Opening], tmp_path: Path) -> None:
    torch.save(Net(1).state_dict(), tmp_path / "net.pt")
    assert main(["tui", str(tmp_path / "net.pt")]) == 0
    (opening,) = opened

    async def steps(at: Looking) -> None:
        await at.go("layers.0.attn.weight", "tensor")
        await at.press("enter")
        assert isinstance(at.app.screen, StageScreen)

    look(steps, opening.model, title=opening.title)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Opening]:
    """What the app was opened on; the app itself is left out."""
    found: list[Opening] = []
    monkeypatch.setattr("stridescope.tui.terminal.need_terminal", lambda: None)
    monkeypatch.setattr("stridescope.tui.app.run_app", lambda opening: found.append(opening) or 0)
    return found


def test_a_model_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config())

    async def steps(at: Looking) -> None:
        await at.go("transformer.h")
        await at.press("right")
        assert "0-11  12 × GPT2Block" in at.text
        await at.go("lm_head.weight", "tensor")
        await at.press("g")
        assert at.marked == "transformer.wte.weight"

    look(steps, model)


def test_the_details_of_a_row_are_asked_for_once() -> None:
    async def steps(at: Looking) -> None:
        details = at.screen.query_one(Details)
        details.asked = 0
        await at.press("down")
        assert 0 < details.asked <= details.size.height

    look(steps, Net(3))
