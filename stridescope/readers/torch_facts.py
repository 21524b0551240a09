"""One torch tensor, asked field by field, and the answer for dense elements in a storage.

Problem: any question to a tensor of an odd kind may raise, answer with a symbol, or touch memory it
should not. Method: `Facts` collects fields, and turns each failure into the `why` of its field. Symbols
are never compared or converted, which would make torch guess (and guard on) their values.

Cost: a closure for each question; plain tensors never come here.

Source: `torch/csrc/autograd/python_variable.cpp`; `torch/fx/experimental/sym_node.py` for `maybe_as_int`.
"""

# ruff: noqa: BLE001, SLF001 - whatever a tensor raises is an answer, and torch has no public way to ask

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

from stridescope.layout.base import Strided
from stridescope.readers.drafts import storage_info
from stridescope.readers.torch_words import address_of, is_cow, key_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stridescope.records import StorageInfo, TensorInfo

__all__ = ["Facts", "absent_memory", "first_sentence", "is_fake", "read_dense"]


class Facts:
    """What has been found of one tensor so far: the fields of a TensorInfo, still open.

    `read` reads an inner tensor, for `part`.
    """

    def __init__(self, tensor: torch.Tensor, read: Callable[[torch.Tensor, str | None], TensorInfo]) -> None:
        self.tensor: Any = tensor
        self.keys = key_kind(tensor)
        self.itemsize: int | None = None
        self._read = read
        self.notes: list[str] = []
        self.why: dict[str, str] = {}
        self.parts: list[tuple[str, TensorInfo]] = []
        self.shape: tuple[int, ...] | None = None
        self.stride: tuple[int, ...] | None = None
        self.storage_offset: int | None = None
        self.storage: StorageInfo | None = None

    def ask(self, field: str, question: Callable[[], Any]) -> Any:
        """The answer, or None with torch's own words as the why."""
        try:
            return question()
        except Exception as error:
            self.lack(f"torch answers: {first_sentence(error)}", field)
            return None

    def lack(self, sentence: str, *fields: str) -> None:
        """Say why some fields are None, unless that was said before."""
        for field in fields:
            self.why.setdefault(field, sentence)

    def ints(self, field: str, question: Callable[[], Iterable[Any]]) -> tuple[int, ...] | None:
        """A tuple of ints, or None where one of them is a symbol; no symbol is ever guarded on."""
        answer = self.ask(field, lambda: tuple(question()))
        if answer is None:
            return None
        values = tuple(_concrete(value) for value in answer)
        if None in values:
            shown = ", ".join(str(value) for value in answer)
            self.lack(f"({shown}) is symbolic: torch has not fixed its numbers", field)
            self.notes.append(f"{field} is symbolic: ({shown})")
            return None
        return values  # type: ignore[return-value]

    def part(self, name: str, question: Callable[[], Any]) -> None:
        """An inner tensor, where there is one."""
        try:
            inner = question()
        except Exception as error:
            self.notes.append(f"{name} cannot be reached: {first_sentence(error)}")
            return
        if isinstance(inner, torch.Tensor):
            self.parts.append((name, self._read(inner, name)))


def _concrete(value: Any) -> int | None:
    """The int behind an int or a SymInt that is a constant; None for a real symbol."""
    if type(value) is int:
        return value
    try:
        constant = value.node.maybe_as_int()
    except Exception:
        return None
    return constant if type(constant) is int else None


def first_sentence(error: BaseException) -> str:
    """What an exception says first, without the advice that torch appends."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.partition(". ")[0].rstrip(".")


def read_dense(facts: Facts) -> None:
    """Shape, stride, offset and storage of elements that lie in one storage."""
    tensor = facts.tensor
    facts.shape = facts.ints("shape", lambda: tensor.shape)
    facts.stride = facts.ints("stride", tensor.stride)
    offset = facts.ints("storage_offset", lambda: (tensor.storage_offset(),))
    facts.storage_offset = None if offset is None else offset[0]
    storage = facts.ask("storage", tensor.untyped_storage)
    if storage is None:
        return
    nbytes = facts.ints("storage.nbytes", lambda: (storage.nbytes(),))
    address = _storage_address(facts, storage)
    facts.storage = storage_info(hex(storage._cdata), None if nbytes is None else nbytes[0], address)
    _note_shortfall(facts)


def _storage_address(facts: Facts, storage: Any) -> int | None:
    """The address of the storage's first byte, asked for by no way that copies, warns or waits."""
    tensor = facts.tensor
    absent = absent_memory(facts)
    if absent is not None:
        facts.lack(absent, "storage.data_ptr")
        return None
    first = facts.ask("storage.data_ptr", lambda: address_of(tensor))
    if first and facts.storage_offset is not None and facts.itemsize is not None:
        return int(first) - facts.storage_offset * facts.itemsize
    if first is None:
        return None
    # An empty tensor has no first element; its storage may still have memory.
    if is_cow(tensor):
        facts.lack(
            "no element to take the address of, and asking a copy-on-write storage would copy it", "storage.data_ptr"
        )
        return None
    address = facts.ask("storage.data_ptr", storage.data_ptr)
    if address:
        return int(address)
    facts.lack("the storage has 0 bytes", "storage.data_ptr")
    return None


def absent_memory(facts: Facts) -> str | None:
    """Why a dense tensor has no memory behind its storage; None when it has some."""
    return "a FakeTensor stands for a tensor and has no memory" if is_fake(facts.tensor) else facts.keys.memoryless


def _note_shortfall(facts: Facts) -> None:
    """Say so when the storage ends before the last element (FSDP frees a storage by resizing it to 0)."""
    itemsize = facts.itemsize
    held = None if facts.storage is None else facts.storage.nbytes
    if held is None or itemsize is None or facts.shape is None or facts.stride is None or facts.storage_offset is None:
        return
    low, high = Strided(facts.shape, facts.stride, facts.storage_offset).span
    if high > low and high * itemsize > held and facts.tensor.dtype not in _several_to_a_byte:
        freed = "its memory was freed" if held == 0 else "it was resized"
        facts.notes.append(f"the layout reaches byte {high * itemsize} of a storage of {held} B: {freed}")


_several_to_a_byte = {getattr(torch, name, None) for name in ("quint4x2", "quint2x4")}


def is_fake(tensor: torch.Tensor) -> bool:
    """Whether it is a FakeTensor; its module is not imported to find out."""
    module = sys.modules.get("torch._subclasses.fake_tensor")
    return module is not None and isinstance(tensor, getattr(module, "FakeTensor", ()))
