"""What torch calls things, and the private ways to ask it that do no harm.

Problem: torch's own getters can warn (the data_ptr of a fake tensor), copy (the data_ptr of a
copy-on-write tensor), run user code (`__torch_function__`, modes) or be missing from a release.
Method: every optional or private name is looked up once, here, with a fallback; torch's objects are
turned into words by tables that fill as they are used.

Cost: a dict lookup for each word. Works from torch 2.1 on.

Source: `torch/csrc/Module.cpp`, `torch/csrc/autograd/init.cpp`, `c10/core/DispatchKey.h`.
"""

# ruff: noqa: SLF001 - torch has no public way to ask these

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "DEVICES",
    "DTYPES",
    "FUNCTION_MODES",
    "HAS_KEY_BITS",
    "KINDS",
    "KeyKind",
    "address_of",
    "class_name",
    "device_word",
    "dispatch_keys",
    "dtype_word",
    "is_cow",
    "key_kind",
    "quietly",
    "word",
]

_C: Any = torch._C


def _optional(owner: Any, names: tuple[str, ...], fallback: Callable[..., Any]) -> Callable[..., Any]:
    """The first of `names` that this release of torch has."""
    for name in names:
        found = getattr(owner, name, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    return fallback


dispatch_keys: Callable[..., Any] | None = getattr(_C, "_dispatch_keys", None)
"""The dispatch keys of a tensor: what kind it is, without asking its class."""

HAS_KEY_BITS: bool = hasattr(getattr(_C, "DispatchKeySet", None), "raw_repr")
"""Whether a set of keys gives its bits, by which `KINDS` knows it."""

FUNCTION_MODES: Callable[[], int] = _optional(_C, ("_len_torch_function_stack",), lambda: 1)
"""How many torch function modes are on; with any, even `x.shape` calls user code."""

is_cow: Callable[[torch.Tensor], bool] = _optional(_C, ("_is_cow_tensor",), lambda _: False)
"""Whether the storage is shared copy-on-write, so that asking it for its address would copy it."""

if hasattr(torch.Tensor, "const_data_ptr"):
    address_of: Callable[[torch.Tensor], int] = torch.Tensor.const_data_ptr
else:
    address_of = _optional(_C, ("_data_address",), torch.Tensor.data_ptr)
"""The address of a tensor's first element, by the way that never copies a copy-on-write storage."""


# Words -----------------------------------------------------------------------------------------

DTYPES: dict[torch.dtype, tuple[str, int, tuple[str, ...]]] = {}
"""dtype -> (its word, bytes an item, notes on it); filled by `dtype_word`."""

_PACKED = {
    "float4_e2m1fn_x2": "each element is one byte that holds two 4-bit values",
    "quint4x2": "each byte of the storage holds two 4-bit values; offsets and strides count values",
    "quint2x4": "each byte of the storage holds four 2-bit values; offsets and strides count values",
}

_SHELLS = frozenset(
    [f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)]
    + ["bits1x8", "bits2x4", "bits4x2", "bits8", "bits16"]
)

DEVICES: dict[torch.device, str] = {}
"""device -> its word; filled by `device_word`."""


def word(value: object) -> str:
    """torch.float32 -> "float32", torch.sparse_coo -> "sparse_coo", torch._mkldnn -> "_mkldnn"."""
    return str(value).rpartition(".")[2]


def dtype_word(dtype: torch.dtype) -> tuple[str, int, tuple[str, ...]]:
    """(word, itemsize in bytes, notes) of a dtype.

    >>> dtype_word(torch.float64)
    ('float64', 8, ())
    """
    spelled = word(dtype)
    notes = [_PACKED[spelled]] if spelled in _PACKED else []
    if spelled in _SHELLS:
        notes.append(f"torch has no arithmetic on {spelled}: how values are packed in its bytes is up to the user")
    row = DTYPES[dtype] = (spelled, dtype.itemsize, tuple(notes))
    return row


def device_word(device: torch.device) -> str:
    """A device as torch spells it: "cpu", "cuda:0", "meta"."""
    spelled = DEVICES[device] = str(device)
    return spelled


def class_name(cls: type) -> str:
    """The shortest public spelling of a class: the outermost package that exports it by its name.

    >>> class_name(torch.nn.Parameter)
    'torch.nn.Parameter'
    """
    if cls.__module__ == "builtins":
        return cls.__qualname__
    parts = cls.__module__.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        # vars, not getattr: packages import submodules, or warn, from their __getattr__.
        if vars(sys.modules[package]).get(cls.__name__) is cls if package in sys.modules else False:
            return f"{package}.{cls.__name__}"
    return f"{cls.__module__}.{cls.__qualname__}"


# Kinds -----------------------------------------------------------------------------------------


class KeyKind:
    """What a set of dispatch keys says of a tensor.

    Attributes:
        names: the keys.
        plain: dense elements in a storage of their own, answered by the getters as they are.
        memoryless: why there is no memory behind the storage; None where there is.
        notes: sentences for the reader of its fields.
    """

    __slots__ = ("memoryless", "names", "notes", "plain")

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        notes = [note for key, note in _KEY_NOTES.items() if key in names]
        if not names & {"ADInplaceOrView"}:
            notes.append("an inference tensor: it has no version counter, and autograd cannot record it")
        self.notes = tuple(notes)
        self.memoryless = next((why for key, why in _MEMORYLESS.items() if key in names), None)
        self.plain = all(name in _DENSE_KEYS or name.startswith(("Autograd", "Autocast")) for name in names)


_KEY_NOTES = {
    "Conjugate": "a conjugate view: the storage holds the values with the sign of the imaginary part not yet flipped",
    "Negative": "a negative view: the storage holds the values with their sign not yet flipped",
    "ZeroTensor": "a zero tensor of autograd: every element is 0 and none is stored",
}
_MEMORYLESS = {"Meta": "a meta tensor has no memory", "ZeroTensor": "a zero tensor stores no elements"}
_DENSE_KEYS = frozenset(
    ("CPU", "CUDA", "HIP", "MPS", "XPU", "Meta", "Conjugate", "Negative", "ZeroTensor", "ADInplaceOrView")
)
"""A list of what is known to be dense: a key that is not on it sends its tensor the careful way."""

KINDS: dict[int, KeyKind] = {}
"""The bits of a dispatch key set -> what they say; filled by `key_kind`."""


def key_kind(tensor: torch.Tensor) -> KeyKind:
    """What a tensor's dispatch keys say of it."""
    if dispatch_keys is None:
        return KeyKind(frozenset(("Unknown", "ADInplaceOrView")))
    keys = dispatch_keys(tensor)
    listed = str(keys).partition("(")[2].rstrip(")")
    kind = KeyKind(frozenset(listed.split(", ")))
    if HAS_KEY_BITS:
        KINDS[keys.raw_repr()] = kind
    return kind


# Quiet -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Inside, no torch function, dispatch mode, transform or autograd sees what is asked of a tensor."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_C.DisableTorchFunction())
        without_transforms = getattr(_C, "_DisableFuncTorch", None)
        if without_transforms is not None:
            stack.enter_context(without_transforms())
        from torch.utils import _python_dispatch

        without_modes = getattr(_python_dispatch, "_disable_current_modes", None)
        if without_modes is not None:
            stack.enter_context(without_modes())
        stack.enter_context(torch.no_grad())
        yield
