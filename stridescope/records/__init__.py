"""The values everything else passes around: what was read, what a program did.

Problem: a reader, an engine, a renderer, a JSON document and the app must speak of one tensor in the same words.
Method: frozen values, with the names people know from torch. Nothing here imports torch, numpy, rich or textual.

    tensors      StorageInfo, TensorInfo
    steps        Reason, Alternative, Write, Step, History
    checkpoints  Checkpoint, StoredBytes, Placeholder, Leaf, SameAs
    traces       Trace, TraceStep, CopiedLine
    storage_maps StorageMap, HeldStorage, Holder
    watches      WatchReport, Phase, TensorEvent

An expression needs the first two; the others come along when one of their names is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stridescope.records.steps import SCHEMA, Alternative, Effect, History, Place, ReadValues, Reason, Step, Write
from stridescope.records.tensors import StorageInfo, TensorInfo

if TYPE_CHECKING:
    from stridescope.records.checkpoints import Checkpoint, CheckpointContents, Leaf, Placeholder, SameAs, StoredBytes
    from stridescope.records.counting import ModuleCounts
    from stridescope.records.modules import ModuleFacts, ModuleNode, ModuleTree
    from stridescope.records.storage_maps import HeldStorage, Holder, StorageMap
    from stridescope.records.traces import CopiedLine, Trace, TraceStep
    from stridescope.records.watches import Phase, TensorEvent, WatchReport

__all__ = [
    "SCHEMA",
    "Alternative",
    "Checkpoint",
    "CheckpointContents",
    "CopiedLine",
    "Effect",
    "HeldStorage",
    "History",
    "Holder",
    "Leaf",
    "ModuleCounts",
    "ModuleFacts",
    "ModuleNode",
    "ModuleTree",
    "Phase",
    "Place",
    "Placeholder",
    "ReadValues",
    "Reason",
    "SameAs",
    "Step",
    "StorageInfo",
    "StorageMap",
    "StoredBytes",
    "TensorEvent",
    "TensorInfo",
    "Trace",
    "TraceStep",
    "WatchReport",
    "Write",
]

_HOMES = {
    "Checkpoint": "checkpoints",
    "CheckpointContents": "checkpoints",
    "CopiedLine": "traces",
    "HeldStorage": "storage_maps",
    "Holder": "storage_maps",
    "Leaf": "checkpoints",
    "ModuleCounts": "counting",
    "ModuleFacts": "modules",
    "ModuleNode": "modules",
    "ModuleTree": "modules",
    "Phase": "watches",
    "Placeholder": "checkpoints",
    "SameAs": "checkpoints",
    "StorageMap": "storage_maps",
    "StoredBytes": "checkpoints",
    "TensorEvent": "watches",
    "Trace": "traces",
    "TraceStep": "traces",
    "WatchReport": "watches",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
