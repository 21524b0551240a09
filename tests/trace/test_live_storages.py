"""`ss.storages`: what retains memory, who holds it, what a clone would free."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from stridescope.errors import UnreadableError
from stridescope.program import run
from stridescope.records.storage_maps import HeldStorage
from stridescope.trace.live import storages

A_GLOBAL = torch.zeros(10_007)[5:10]


class Cache:
    kept: Any = None


def of(nbytes: int) -> HeldStorage:
    """The live storage of so many bytes; each test has a size of its own."""
    [found] = [storage for storage in storages() if storage.nbytes == nbytes]
    return found


def test_a_small_view_that_keeps_a_large_storage_is_found() -> None:
    small = torch.zeros(10_001)[100:110]
    found = of(40_004)
    assert (found.used_nbytes, found.unused_nbytes, found.freed_by_clone) == (40, 39_964, 39_964)
    [holder] = found.holders()
    assert (holder.path, holder.kind) == ("small", "local")
    assert str(holder).startswith(
        f"small in {test_a_small_view_that_keeps_a_large_storage_is_found.__name__}() at test_"
    )
    assert small.numel() == 10


def test_the_whole_counts_while_somebody_holds_it() -> None:
    whole = torch.zeros(10_002)
    part = whole[:5]
    found = of(40_008)
    assert (found.unused_nbytes, len(found.tensors)) == (0, 2)
    del whole
    assert of(40_008).unused_nbytes == 40_008 - 20
    assert part.numel() == 5


def test_bytes_reached_by_several_are_counted_once() -> None:
    base = torch.zeros(10_003)
    evens, first = base[::2], base[:100]
    del base
    assert of(40_012).used_nbytes == 4 * len(set(range(0, 10_003, 2)) | set(range(100)))
    assert evens.numel() and first.numel()


def test_two_dtypes_on_one_storage_are_counted_in_bytes() -> None:
    base = torch.zeros(10_004)
    halves = base.view(torch.int16)[:10]
    doubles = base.view(torch.float64)[1:3]
    del base
    assert of(40_016).used_nbytes == len(set(range(20)) | set(range(8, 24)))
    assert halves.numel() and doubles.numel()


def test_what_is_gone_is_not_told() -> None:
    x = torch.zeros(10_005)
    assert of(40_020)
    del x
    gc.collect()
    assert not [storage for storage in storages() if storage.nbytes == 40_020]


def test_nothing_is_kept_alive_by_the_answer() -> None:
    x = torch.zeros(10_006)
    found = storages()
    storage = x.untyped_storage()._weak_ref()
    del x
    assert torch.UntypedStorage._expired(storage)
    torch.UntypedStorage._free_weak_ref(storage)
    assert next(held for held in found if held.nbytes == 40_024).tensors[0].shape == (10_006,)


def holder_of(nbytes: int) -> str:
    return of(nbytes).holders()[0].path


def test_a_global_is_named() -> None:
    assert holder_of(40_028).endswith("test_live_storages.A_GLOBAL")


def test_a_path_through_objects_and_containers_is_spelled() -> None:
    cache = Cache()
    cache.kept = {"last": [torch.zeros(10_008)[1:]]}
    assert holder_of(40_032) == "cache.kept['last'][0]"


def test_a_class_attribute_is_named() -> None:
    Cache.kept = torch.zeros(10_009)[1:]
    try:
        assert holder_of(40_036).endswith("Cache.kept")
    finally:
        Cache.kept = None


def test_a_closure_is_named() -> None:
    def make() -> Any:
        held = torch.zeros(10_010)[1:]
        return lambda: held

    function = make()
    [holder] = of(40_040).holders()
    assert (holder.path, holder.kind) == ("held", "closure")
    assert function().numel()


def test_a_suspended_generator_is_named() -> None:
    def generator() -> Iterator[int]:
        waiting = torch.zeros(10_011)[1:]
        yield 1
        yield waiting.numel()

    suspended = generator()
    next(suspended)
    assert holder_of(40_044) == "waiting"
    assert next(suspended)


def test_a_parameter_and_its_gradient_are_told_by_the_model() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(173, 59, bias=False))
    model(torch.ones(1, 173)).sum().backward()
    paths = {storage.holders()[0].path for storage in storages() if storage.nbytes == 4 * 173 * 59}
    assert paths == {"model.0.weight", "model.0.weight.grad"}


# Of something ------------------------------------------------------------------------------------


def test_of_a_dict_names_are_its_keys() -> None:
    base = torch.arange(12.0)
    found = storages({"a": base[:3], "b": [base[6:9]]})
    [storage] = found
    assert [info.name for info in storage.tensors] == ["a", "b[0]"]
    assert (storage.used_nbytes, found.unused_nbytes) == (24, 24)


def test_of_a_model_tied_weights_are_one_storage() -> None:
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(3, 3, bias=False), "b": torch.nn.Linear(3, 3, bias=False)})
    model["b"].weight = model["a"].weight
    [storage] = storages(model)
    assert [info.name for info in storage.tensors] == ["a.weight", "b.weight"]
    assert storages(model).shared == (storage,)


def test_of_an_optimizer_states_are_there() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    names = {info.name for storage in storages(optimizer) for info in storage.tensors}
    assert {"params[0]", "params[0].grad", "state[0].exp_avg", "state[1].step"} <= names


def test_of_a_program_its_names() -> None:
    found = storages(run("x = torch.arange(12); a = x[2:5]; y = torch.zeros(3)"))
    assert sorted(len(storage.tensors) for storage in found) == [1, 2]


def test_of_what_holds_no_tensor_is_refused() -> None:
    with pytest.raises(UnreadableError, match="no tensor in it"):
        storages({"a": 1})


def test_a_byte_map_is_as_full_as_its_bytes_are_reached() -> None:
    [storage] = storages([torch.zeros(100)[:50]])
    assert storage.reached(4) == (100, 100, 0, 0)


def test_the_document_and_the_report() -> None:
    base = torch.zeros(1000)
    found = storages([base[:10]])
    document = json.loads(json.dumps(found.to_dict()))
    assert document["kind"] == "storages"
    assert document["totals"] == {
        "storages": 1,
        "tensors": 1,
        "nbytes": 4000,
        "used_nbytes": 40,
        "unused_nbytes": 3960,
    }
    shown = str(found)
    assert "3,960 B retained" in shown and "would free 3,960 B" in shown


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_report_fits_its_width(width: int) -> None:
    from stridescope.render.storage_maps import StorageReport
    from stridescope.render.traces import plain

    kept = torch.zeros(1000)[:10]
    text = plain(StorageReport(storages({"a_rather_long_name" * 5: kept}), ascii=True), width, ascii=True)
    assert all(len(line) <= width for line in text.splitlines()) and text.isascii()
