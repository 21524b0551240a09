"""Storages and the steps of a trace as rows: what a mark says of its bytes, what overlaps, what a step plays as."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch

import stridescope as ss
from stridescope.records import History
from stridescope.records.storage_maps import StorageMap, byte_layout
from stridescope.scene.frame import Frame, plain_text
from stridescope.scene.stage import Scene
from stridescope.scene.storage_rows import (
    Standing,
    byte_marks,
    overlaps_text,
    said_of,
    storage_row,
    storages_of_step,
    tensor_row,
    waste_text,
)
from stridescope.scene.trace_rows import history_of, line_row, numbers_that_copied, step_row
from stridescope.scene.view import View

torch.set_num_threads(1)


def text_of(row: Any, width: int = 100) -> str:
    return plain_text(Frame(width, 1, (row,)))[0]


def storages(**tensors: Any) -> StorageMap:
    return ss.storages(tensors)


@pytest.mark.parametrize(
    "made",
    [
        lambda x: x,
        lambda x: x.view(8, 8).t(),
        lambda x: x.view(8, 8)[1:, ::3],
        lambda x: x.as_strided((5, 3), (9, 2), 4),
        lambda x: x[7:7],
    ],
)
@pytest.mark.parametrize("columns", [1, 7, 64, 200])
def test_a_mark_is_as_full_as_torch_reaches_its_bytes(made: Any, columns: int) -> None:
    x = torch.zeros(64, dtype=torch.int16)
    view = made(x)
    view.fill_(-1)
    reached = [byte == 255 for byte in bytes(x.view(torch.uint8).tolist())]
    layout = byte_layout(ss.inspect(view))
    assert layout is not None
    marks = byte_marks([layout], 128, columns)
    count = min(columns, 128)
    assert len(marks) == count
    for place, mark in enumerate(marks):
        part = reached[128 * place // count : 128 * (place + 1) // count]
        assert (mark == "█") == all(part)
        assert (mark == "·") == (not any(part))


def test_marks_cost_the_same_for_a_storage_of_any_size() -> None:
    info = ss.inspect(torch.empty(10**6, 10**6, device="meta")[:, ::2])
    layout = byte_layout(info)
    assert layout is not None
    assert byte_marks([layout], 4 * 10**12, 40) == "▒" * 40


def test_a_row_says_bytes_unused_and_who_as_torch_counts_them() -> None:
    big = torch.zeros(1_000_000)
    held = storages(w=big[10:20]).storages[0]
    assert (held.nbytes, held.unused_nbytes) == (big.untyped_storage().nbytes(), big.untyped_storage().nbytes() - 40)
    said = text_of(storage_row(held, 100, Standing()))
    assert "4 MB" in said and "(99.9 %)" in said and said.endswith("w")
    assert waste_text(held) == "a clone in its place would free 4 MB"
    assert waste_text(held, saved=True) == "saving clone() would drop 4 MB"


@pytest.mark.parametrize("width", range(20, 120, 9))
@pytest.mark.parametrize("ascii", [False, True])
def test_no_row_is_wider_than_it_may_be_and_ascii_rows_are_ascii(width: int, ascii: bool) -> None:
    base = torch.zeros(100)
    held = storages(**{"가중치" * 9: base[:40], "y": base[30:70]}).storages[0]
    with ss.trace() as t:
        torch.arange(12).view(3, 4).t().reshape(12)
    for chosen in (False, True):
        standing = Standing(chosen, chosen, ascii)
        rows = [
            storage_row(held, width, standing),
            tensor_row(held, held.tensors[0], width, standing),
            step_row(t.steps[-1], width, standing),
            line_row(t.copies[0], t.copied_nbytes, width, standing),
        ]
        for row in rows:
            assert all(x + part.size <= width for x, part in row)
            if ascii:
                assert all(part.text.isascii() or set(part.text) <= set("·░▒▓█→") for _, part in row)


def test_overlaps_are_those_that_a_write_is_seen_through() -> None:
    base = torch.zeros(100)
    named = {"x": base[:40], "y": base[30:70], "z": base[80:], "even": base[::2], "odd": base[1::2]}
    held = ss.storages(named).storages[0]
    for place, info in enumerate(held.tensors):
        base.zero_()
        named[info.name or ""].fill_(1)
        seen = [name for name, other in named.items() if name != info.name and bool(other.any())]
        said = overlaps_text(held, place)
        assert all(name in said for name in seen[:3])
        assert ("more" in said) == (len(seen) > 3)
        assert not any(name in said.split() for name in named if name not in seen and name != info.name)


def test_a_tensor_alone_overlaps_nothing_and_says_nothing_of_it() -> None:
    held = storages(x=torch.zeros(3)).storages[0]
    assert overlaps_text(held, 0) == ""
    assert not any("overlap" in entry.text.text for section in said_of(held, 0) for entry in section.entries)


def test_the_storages_of_a_step_hold_the_names_there_are_by_then() -> None:
    history = ss.run("x = torch.arange(12); a = x[2:5]; b = x.clone(); b.add_(1)")
    names = [
        sorted(info.name or "" for held in storages_of_step(history, number) for info in held.tensors)
        for number in range(len(history.steps))
    ]
    assert "a" not in names[0] and "x" in names[0]
    assert {"a", "b", "x"} <= set(names[-1])


def test_a_chain_shows_what_a_slice_leaves_unused() -> None:
    history = ss.run("torch.arange(12)[::2]")
    (held,) = storages_of_step(history, len(history.steps) - 1).storages
    x = torch.arange(12)[::2]
    assert (held.nbytes, held.used_nbytes) == (x.untyped_storage().nbytes(), x.numel() * x.itemsize)


def played(trace: Any, op: str) -> History:
    history = history_of(next(step for step in trace.steps if step.op == op))
    assert history is not None
    return history


@pytest.mark.parametrize("op", ["reshape", "contiguous", "clone", "float"])
def test_a_copy_that_ran_plays_with_the_origins_that_torch_read(op: str) -> None:
    x = torch.arange(12).view(3, 4).t()
    with ss.trace() as t:
        y = x.reshape(12) if op == "reshape" else getattr(x, op)()
    step = played(t, op).steps[-1]
    assert step.effect == "copy" and step.copy is not None and step.copied_nbytes == 12 * y.itemsize
    flat = y.as_strided((12,), (1,)).tolist()
    assert [step.copy.origin(k)[1] for k in range(12)] == [int(value) for value in flat]


def test_an_op_that_reorders_plays_without_origins_rather_than_with_wrong_ones() -> None:
    with ss.trace() as t:
        torch.arange(6).flip(0)
    assert played(t, "flip").steps[-1].copy is None


def test_views_writes_and_creations_play_as_what_they_were() -> None:
    with ss.trace() as t:
        x = torch.arange(12)
        x.view(3, 4)
        x.add_(1)
    assert [step.effect for step in played(t, "arange").steps] == ["alloc"]
    view = played(t, "view").steps
    assert view[0].op == "given" and view[1].tensor is not None and view[0].tensor is not None
    assert view[1].tensor.storage == view[0].tensor.storage
    write = played(t, "add_").steps[-1].write
    assert write is not None and write.numel == 12


def test_every_step_of_a_real_run_is_drawn_at_rest_and_on_its_way() -> None:
    with ss.trace() as t:
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 2))
        net(torch.randn(6, 4).t().contiguous().t()).pow(2).mean().backward()
        torch.cat([torch.zeros(2), torch.ones(3)]).split(2)
        torch.zeros(3, 0).t()
        torch.arange(4).to(torch.uint8)
        with pytest.raises(RuntimeError):
            torch.zeros(3, 4).t().view(12)
    drawn = 0
    for history in filter(None, map(history_of, t.steps)):
        scene = Scene(history)
        for position in (0.0, 0.5, scene.timeline.last):
            frame = scene.frame(min(position, scene.timeline.last), View(100, 24))
            assert len(frame.rows) == 24 and any(frame.rows)
        drawn += 1
    assert drawn > 20


def test_the_steps_that_copied_are_those_with_bytes() -> None:
    with ss.trace() as t:
        x = torch.arange(12).view(3, 4).t()
        x.reshape(12)
        x.contiguous()
    found = numbers_that_copied(t.steps)
    assert [t.steps[place].op for place in found] == ["reshape", "contiguous"]
