"""The oracle: each cell of a picture at a whole step carries the address that torch's (or numpy's) own strides give.

A program runs on layouts alone and is drawn; the same text runs on the real library, part by part. What is compared is
read off the finished rows of the picture, and each cell is named by `Scene.hit`, as a mouse would.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_cases import CHAINS, SCRIPTS, Found, found

from benchmarks.chains import LIBRARIES
from benchmarks.fuzz import chain_for
from stridescope.program import run
from stridescope.scene import grid
from stridescope.scene.stage import Scene
from stridescope.scene.text import address_text, value_text
from stridescope.scene.view import View

torch.set_num_threads(1)

WIDE = View(220, 60)
SMALL = View(60, 14)
VALUES = View(200, 50, values=True)
ENUMERATED = 2000
CHAINS_RUN = 25
MODULES = {"torch": torch, "np": np}


class Real:
    """A tensor or array of the real library: its own strides, in elements, and its own values."""

    def __init__(self, value: Any) -> None:
        self.shape = tuple(value.shape)
        self.dtype = str(value.dtype).rpartition(".")[2]
        if isinstance(value, torch.Tensor):
            self.itemsize = value.element_size()
            self.stride: tuple[int, ...] = value.stride()
            self.offset = value.storage_offset()
        else:
            root = value
            while isinstance(root.base, np.ndarray):
                root = root.base
            self.itemsize = value.itemsize
            self.stride = tuple(step // value.itemsize for step in value.strides)
            low = root.__array_interface__["data"][0]
            self.offset = (value.__array_interface__["data"][0] - low) // value.itemsize
        # Taken now: later lines may write to it.
        self.values = {
            index: value[index].item()
            for index in itertools.islice(itertools.product(*map(range, self.shape)), ENUMERATED)
        }

    def address(self, index: tuple[int, ...]) -> int:
        return self.offset + sum(place * step for place, step in zip(index, self.stride, strict=True))


def _agrees(scene: Scene, number: int, view: View, key: str, real: Real, *, known: bool = False) -> int:
    """Check each cell of one tensor in one picture; how many there were."""
    seen: Found = found(scene, number, view)
    cast = scene.casting.cast(number)
    member = cast.by_key[key]
    unit = cast.stored[member.storage].unit if member.storage in cast.stored else real.itemsize
    cells = {index: drawn for (tensor, index), drawn in seen.grid.items() if tensor == key}
    for index, drawn in cells.items():
        address = real.address(index)
        if view.values:
            said = {value_text(real.values[index], real.dtype)} | (set() if known else {"?"})
            assert drawn.text in said, (index, real.values[index])
        else:
            assert drawn.text == address_text(address), index
        storage, position = seen.positions[key, index]
        assert position * unit == address * real.itemsize, index
        on_strip = seen.strip.get((storage, position))
        if on_strip is not None:
            assert on_strip.look.level == drawn.look.level, (index, position)
            if not view.values:
                assert on_strip.text == address_text(position)
    return len(cells)


def _fits(scene: Scene, number: int, key: str) -> bool:
    """Whether all of a tensor's plane is in sight at the wide view, so that every index must be drawn."""
    pane = scene._rest(number, WIDE).panes.get(key)
    return pane is not None and pane.tiles.width <= pane.body.width and pane.tiles.height <= pane.body.height


def _check(scene: Scene, number: int, key: str, real: Real, *, known: bool) -> int:
    """Compare one tensor of one step in several pictures; the number of cells compared."""
    drawn = _agrees(scene, number, WIDE, key, real)
    if _fits(scene, number, key):
        assert drawn == prod(real.shape), key
    drawn += _agrees(scene, number, SMALL, key, real)
    if prod(real.shape) <= ENUMERATED:
        drawn += _agrees(scene, number, VALUES, key, real, known=known)
    return drawn


@pytest.mark.parametrize("name", CHAINS)
def test_each_cell_of_a_chain_carries_the_address_and_the_value_that_torch_gives(name):
    parts = CHAINS[name]
    scene = Scene(run("".join(parts)))
    assert len(scene.history.steps) == len(parts)
    value: Any = None
    for number, part in enumerate(parts):
        value = eval(part if value is None else f"value{part}", dict(MODULES), {"value": value})
        key = scene.casting.cast(number).newest
        drawn = _check(scene, number, key, Real(value), known=True)
        assert drawn or not prod(value.shape)


def _lines(source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Run a text on the real library, line by line: (line, the tensors that have names after it)."""
    names: dict[str, Any] = {}
    for line, text in enumerate(source.splitlines(), 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(text, dict(MODULES), names)
        yield line, {name: Real(value) for name, value in names.items() if not isinstance(value, tuple)}


def _last_step(scene: Scene, line: int) -> int:
    return max(n for n, step in enumerate(scene.history.steps) if step.place is not None and step.place[0] == line)


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_name_on_stage_shows_the_address_and_the_value_that_torch_gives(name):
    scene = Scene(run(SCRIPTS[name]))
    # What int32 writes make of an int64 is not followed, and "?" says so.
    known = name != "two types"
    for line, names in _lines(SCRIPTS[name]):
        number = _last_step(scene, line)
        members = {member.key for member in scene.members(number)}
        assert names.keys() <= members, line
        assert sum(_check(scene, number, key, real, known=known) for key, real in names.items())


def _check_chain(seed: int, library: str) -> int:
    """Compare each line of a random program; the number of cells compared."""
    source, steps = chain_for(seed, library)
    assert steps
    lines = source.splitlines()
    while any("from_numpy" in line for line in lines):
        # Memory that numpy hands to torch is known by its start there; the reader's own tests are about that.
        lines.pop()
    scene = Scene(run("\n".join(lines)))
    drawn = 0
    try:
        for line, names in _lines("\n".join(lines)):
            for key, real in names.items():
                drawn += _check(scene, _last_step(scene, line), key, real, known=False)
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
        assert scene.history.refused is not None
    return drawn


@pytest.mark.parametrize("library", LIBRARIES)
def test_seeded_chains_are_drawn_where_the_library_has_them(library):
    drawn = 0
    for seed in range(CHAINS_RUN):
        drawn += _check_chain(seed, library)
    assert drawn > 20 * CHAINS_RUN


@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=12)
@given(st.integers(10**6, 10**12))
def test_any_other_chain_is_drawn_so_too(library, seed):
    _check_chain(seed, library)


def test_a_picture_that_is_wrong_is_found(monkeypatch):
    """The check itself can fail: cells drawn one element further on disagree."""
    right = grid._visible
    monkeypatch.setattr(grid, "_visible", lambda pane: ((index, address + 1) for index, address in right(pane)))
    with pytest.raises(AssertionError):
        test_each_cell_of_a_chain_carries_the_address_and_the_value_that_torch_gives("main")
