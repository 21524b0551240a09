"""Checkpoint files -> `Checkpoint`, by their headers alone: nothing of a file is imported, called or mapped.

Problem: a checkpoint records shape, stride, offset and storage of each tensor, and the one program that reads them is
torch, which runs what the file asks for. Method: one reader a format, known by the first bytes of the file; pickles go
through our own machine, which knows names and no code.

    source, zips                              bytes, archives
    inert, opcodes, pickles                   values of a pickle, its instructions, the machine that reads it
    saved, vocabulary, rebuild, naming        a tensor as it is saved, torch's names, its rebuild functions, naming
    torch_zip, torch_legacy, torch_tar, safetensors, npy, gguf, sharded, distributed
                                              one format each
    contents, elements                        the questions of a `Checkpoint`, values at addresses

Cost: in proportion to the file's own index, whatever the tensors' sizes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stridescope.readers.files.opening import open_checkpoint

__all__ = ["open_checkpoint"]


def __getattr__(name: str) -> Any:
    # Late: whether a text names a file is asked of every target, and few are files.
    if name != "open_checkpoint":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stridescope.readers.files.opening import open_checkpoint

    return open_checkpoint
