"""The Storages screen: keys, mouse, what it is of, the way to the Stage and back, at every size."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from app_host import Quiet, shown

pytest.importorskip("torch")

import torch
from textual.events import Key
from torch import nn

import stridescope as ss
from stridescope.records import HeldStorage, StorageInfo, StorageMap, TensorInfo
from stridescope.records.storage_maps import Lazy
from stridescope.tui.keys import rows
from stridescope.tui.modules.rows import TreeView
from stridescope.tui.modules.screen import ModulesScreen
from stridescope.tui.opening import Opening, opening_of
from stridescope.tui.stage.screen import StageScreen
from stridescope.tui.storages.screen import StoragesScreen

torch.set_num_threads(1)


class Looking:
    """What a test does on the screen, and what it looks at."""

    def __init__(self, pilot: Any) -> None:
        self.pilot = pilot
        self.app = pilot.app

    @property
    def screen(self) -> StoragesScreen:
        assert isinstance(self.app.screen, StoragesScreen)
        return self.app.screen

    @property
    def state(self) -> Any:
        return self.screen.state

    @property
    def text(self) -> str:
        return "\n".join(shown(self.app))

    def now(self, screen: type[Any]) -> Any:
        """The screen there is now, which is one of a class."""
        assert isinstance(self.app.screen, screen)
        return self.app.screen

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
            await self.pilot.pause()
        await self.pilot.pause()


def look(
    steps: Callable[[Looking], Awaitable[None]], opening: Opening | Any, size: tuple[int, int] = (120, 32)
) -> None:
    """Run an async test on the app."""

    async def session() -> None:
        app = Quiet(opening if isinstance(opening, Opening) else opening_of(opening))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await pilot.pause()
            await steps(Looking(pilot))
            if app.failure is not None:
                raise app.failure

    asyncio.run(session())


def some() -> tuple[dict[str, Any], StorageMap]:
    big, base = torch.zeros(1_000_000), torch.zeros(100)
    held = {"w": big[10:20], "x": base[:40], "y": base[30:70], "z": base[80:], "b": torch.zeros(8)}
    return held, ss.storages(held)


def test_storages_come_by_unused_bytes_with_the_map_and_the_waste_of_the_first() -> None:
    held, found = some()

    async def steps(at: Looking) -> None:
        assert "5 tensors in 3 storages" in at.text
        assert "a clone in its place would free 4 MB" in at.text
        assert "bytes [40, 80)" in at.text
        assert at.state.info.name == "w"
        assert [one.nbytes for one in at.state.map] == [
            held[name].untyped_storage().nbytes() for name in ("w", "x", "b")
        ]

    look(steps, found)


def test_keys_go_through_the_storages_and_the_tensors_in_one() -> None:
    _, found = some()

    async def steps(at: Looking) -> None:
        await at.press("down")
        assert at.state.place == 1 and "overlaps y" in at.text
        await at.press("right", "down")
        assert at.state.pane == "tensors" and at.state.info.name == "y" and "overlaps x" in at.text
        await at.press("end")
        assert at.state.info.name == "z" and "overlaps none of the others" in at.text
        await at.press("home", "pagedown")
        assert at.state.info.name == "z"
        await at.press("pageup", "j", "k")
        assert at.state.info.name == "x"
        await at.press("left")
        assert at.state.pane == "storages"
        await at.press("tab")
        assert at.state.pane == "tensors"
        await at.press("escape", "end")
        assert (at.state.pane, at.state.place) == ("storages", 2)
        await at.press("up", "up", "up")
        assert at.state.place == 0

    look(steps, found)


def test_enter_has_one_of_several_tensors_chosen_and_puts_it_on_the_stage_and_3_comes_back() -> None:
    held, found = some()

    async def steps(at: Looking) -> None:
        await at.press("down", "enter")
        assert at.state.pane == "tensors"
        await at.press("down", "enter")
        info = at.now(StageScreen).state.history.steps[0].tensor
        assert (info.stride, info.storage_offset) == (held["y"].stride(), held["y"].storage_offset())
        await at.press("3")
        assert at.state.info.name == "y"
        await at.press("s")
        assert at.state.map.source == "the step on stage"

    look(steps, found)


def test_the_storages_of_the_stage_follow_its_step_and_enter_goes_back_to_the_tensor() -> None:
    async def steps(at: Looking) -> None:
        await at.press("end", "3")
        assert {info.name for one in at.state.map for info in one.tensors} >= {"x", "a", "b"}
        assert "overlaps" in at.text
        await at.press("enter", "enter")
        assert at.now(StageScreen).state.subject.member.name == "x"
        await at.press("home", "3")
        assert {info.name for one in at.state.map for info in one.tensors} >= {"x"}
        assert "a" not in {info.name for one in at.state.map for info in one.tensors}
        await at.press("1")
        at.now(StageScreen)

    look(steps, Opening(text="x = torch.arange(12); a = x.view(3, 4); b = x[::2]", check=False))


def test_a_models_storages_hold_its_tied_weights_once_and_open_with_live_values() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight

    async def steps(at: Looking) -> None:
        at.now(ModulesScreen)
        await at.press("3")
        assert at.state.map.nbytes == sum(p.untyped_storage().nbytes() for p in model.parameters())
        await at.press(*["enter"] * min(at.state.tensors, 2))
        at.now(StageScreen)
        (value,) = at.app.opening.names.values()
        assert value is model[0].weight
        await at.press("2")
        at.now(ModulesScreen)

    look(steps, Opening(model=model, check=False))


def test_a_checkpoint_says_what_saving_clones_would_drop(tmp_path: Path) -> None:
    path = tmp_path / "view.pt"
    torch.save({"w": torch.zeros(1_000_000)[:10]}, path)

    async def steps(at: Looking) -> None:
        await at.press("3")
        assert "saving clone() would drop 4 MB" in at.text
        await at.press("enter")
        at.now(StageScreen)

    look(steps, ss.open(str(path)))


def test_who_holds_a_live_tensor_is_looked_for_by_a_key_and_r_reads_again() -> None:
    kept_by_this_test = {"deep": [torch.zeros(777_777)[:5]]}

    async def steps(at: Looking) -> None:
        mine = next(place for place, one in enumerate(at.state.map.storages) if one.nbytes == 777_777 * 4)
        at.state.mark(mine)
        await at.press("w")
        assert "held by" in at.text and "kept_by_this_test" in at.text.replace("\n", "")
        await at.press("r")
        assert at.state.storage.nbytes == 777_777 * 4

    look(steps, ss.storages(), (160, 32))
    assert kept_by_this_test


def test_a_click_marks_a_row_and_a_second_one_opens_it() -> None:
    _, found = some()

    async def steps(at: Looking) -> None:
        await at.pilot.click("#storages", offset=(5, 1))
        await at.pilot.pause()
        assert at.state.place == 1
        await at.pilot.click("#tensors", offset=(3, 2))
        await at.pilot.pause()
        assert (at.state.pane, at.state.info.name) == ("tensors", "z")
        await at.pilot.click("#tensors", offset=(3, 1), times=2)
        await at.pilot.pause()
        at.now(StageScreen)

    look(steps, found)


def test_of_100_000_storages_only_those_in_sight_are_asked_for() -> None:
    made: list[int] = []

    def held(number: int) -> HeldStorage:
        made.append(number)
        info = TensorInfo("Tensor", (4,), (1,), 0, "int64", 8, "cpu", False, StorageInfo(str(number), 64))
        return HeldStorage(str(number), 64, "cpu", 32, (info.named(f"t{number}"),))

    found = StorageMap("many", Lazy(range(100_000), held), sums=(100_000, 6_400_000, 3_200_000))

    async def steps(at: Looking) -> None:
        await at.press("end")
        assert "t99999" in at.text
        rows_in_sight = at.screen.query_one("#storages", TreeView).size.height
        assert len(set(made)) <= 2 * rows_in_sight + 2

    look(steps, found)


@pytest.mark.parametrize(
    ("size", "plain"), [((40, 12), "NO_COLOR"), ((60, 20), "colour"), ((100, 30), "NO_COLOR"), ((200, 60), "colour")]
)
def test_every_size_shows_list_and_map_and_a_resize_keeps_the_mark(
    size: tuple[int, int], plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plain == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    _, found = some()

    async def steps(at: Looking) -> None:
        await at.press("down", "right")
        assert "any of them" in at.text and "█" in at.text and "▸x" in at.text
        await at.press("A")
        assert at.text.isascii() and ">x" in at.text
        for other in ((40, 12), (120, 15), (60, 40), size):
            await at.pilot.resize_terminal(*other)
            await at.pilot.pause()
        assert at.state.info.name == "x" and "any of them" in at.text

    look(steps, found, size)


def test_y_copies_the_name_and_nothing_is_markup() -> None:
    found = ss.storages({"w[red]": torch.zeros(9)[:3]})

    async def steps(at: Looking) -> None:
        await at.press("y")
        assert at.app.clipboard == at.state.info.name
        assert at.state.info.name in at.text

    look(steps, found)


def test_every_action_of_the_keys_is_one_of_the_screen() -> None:
    for row in rows("storages"):
        assert hasattr(StoragesScreen, f"action_{row.action.partition('(')[0]}"), row.id
