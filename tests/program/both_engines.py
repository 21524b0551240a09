"""One program on the algebra and on real torch or numpy: what every step says must be the same."""

from __future__ import annotations

import warnings
from typing import Any

from stridescope.program import run
from stridescope.program.interpret import interpret
from stridescope.program.native import NativeEngine
from stridescope.records import Step, TensorInfo

FIELDS = ("shape", "stride", "storage_offset", "dtype", "device", "requires_grad", "type", "nbytes")
KIN = {"NotImplementedError": "RuntimeError"}
"""A class the library raises -> the one of Python's own that it is."""


def _lies(info: TensorInfo | None, storages: dict[str, int]) -> Any:
    if info is None or info.storage is None:
        return None
    place = {field: getattr(info, field) for field in FIELDS}
    number = storages.setdefault(info.storage.id, len(storages))
    return {**place, "held": info.storage.nbytes, "storage": number}


def _known(step: Step, limit: int) -> list[Any]:
    """The values the tensor reaches, in index order."""
    if step.tensor is None or step.tensor.layout is None or step.values is None or step.tensor.layout.numel > limit:
        return []
    return step.values(list(step.tensor.layout.addresses()))


def _alike(ours: Any, theirs: Any) -> bool:
    return ours is None or (type(ours) is type(theirs) and (ours == theirs or repr(ours) == repr(theirs)))


def assert_agree(source: str, *, known: bool = False, limit: int = 400) -> None:
    """Every step of a program: effect, layout, storage, write, values where they are known, class of error.

    Args:
        known: some value of the last step must be known here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        foreseen, real = run(source), interpret(source, NativeEngine())
    seen_here: dict[str, int] = {}
    seen_there: dict[str, int] = {}
    assert [step.source for step in foreseen.steps] == [step.source for step in real.steps]
    for ours, theirs in zip(foreseen.steps, real.steps, strict=True):
        there = theirs.reason.native_message if theirs.reason is not None else None
        here = ours.reason.message if ours.reason is not None else None
        assert (ours.effect, ours.copied_nbytes) == (theirs.effect, theirs.copied_nbytes), (ours.source, here, there)
        assert _lies(ours.tensor, seen_here) == _lies(theirs.tensor, seen_there), ours.source
        mine = [_lies(info, seen_here) for info in ours.tensors]
        assert mine == [_lies(info, seen_there) for info in theirs.tensors], ours.source
        if ours.reason is not None:
            assert theirs.reason is not None
            raised = theirs.reason.exception or ""
            assert ours.reason.exception == KIN.get(raised, raised), (ours.source, here, there)
        mine, true = _known(ours, limit), _known(theirs, limit)
        assert len(mine) == len(true), ours.source
        wrong = [pair for pair in zip(mine, true, strict=True) if not _alike(*pair)]
        assert not wrong, (ours.source, wrong[:3])
    if known:
        values = _known(foreseen.steps[-1], limit)
        assert not values or any(value is not None for value in values), source
