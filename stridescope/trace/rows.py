"""What is known of an op before it runs: which bytes it moves, what it writes, whether it is worth a step.

Problem: that an op gave a new storage is told by identity, but not whether that storage was filled from an old one
(`clone`) or computed (`add`); and a write leaves no trace but in the storage's values. Method: tables of names. `MOVES`
lists the aten ops whose elements are elements of an input; what an op writes is in its schema, but for a few that keep
it to themselves (`UNDECLARED`). A function of torch's Python interface is looked at by its name: most getters are
quiet. Aliases are never read off a schema, which says *may* alias: see `recorder`.

Cost: one dict lookup for each op; a row is made when its op is first met.
Source: aten/src/ATen/native/native_functions.yaml for the schemas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

__all__ = ["ATEN", "FUNCTIONS", "MOVES", "AtenRow", "FunctionRow", "aten_row", "function_row", "written_by"]

MOVES = frozenset(
    (
        *(
            "clone",
            "copy",
            "copy_",
            "_to_copy",
            "_pin_memory",
            "lift_fresh_copy",
            "_copy_from",
            "_copy_from_and_resize",
        ),
        *("cat", "stack", "repeat", "flip", "roll", "rot90", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle"),
        *("index", "index_select", "gather", "take", "masked_select", "tril", "triu", "diag_embed"),
        *("masked_fill", "index_fill", "index_copy", "index_put", "scatter", "constant_pad_nd"),
        *("slice_scatter", "select_scatter", "diagonal_scatter", "as_strided_scatter"),
        *("reflection_pad1d", "reflection_pad2d", "reflection_pad3d"),
        *("replication_pad1d", "replication_pad2d", "replication_pad3d"),
        *("view_copy", "reshape_copy", "_reshape_copy", "permute_copy", "transpose_copy", "t_copy", "expand_copy"),
        *("as_strided_copy", "slice_copy", "select_copy", "unfold_copy", "squeeze_copy", "unsqueeze_copy"),
        *("detach_copy", "alias_copy", "diagonal_copy", "narrow_copy", "unbind_copy", "split_copy"),
        *("split_with_sizes_copy", "view_as_real_copy", "view_as_complex_copy"),
    )
)
"""Ops of aten whose result, or what they write, holds elements of an input, unchanged but for their dtype.

Lookups that are the model's own work (`embedding`) are not in it: they compute which elements.
"""

MOVING_WRITES = {
    "index_put_": 2,
    "_index_put_impl_": 2,
    "index_copy_": 3,
    "masked_scatter_": 2,
    "scatter_": 3,
    "put_": 2,
}
"""Writes that move the elements of one argument, by its position; `index_put_` is one unless it accumulates."""

UNDECLARED = {"native_batch_norm": (3, 4, 5), "cudnn_batch_norm": (3, 4, 5), "miopen_batch_norm": (3, 4, 5)}
"""Ops that write arguments their schema does not say they write: the positions, then that of the flag for it."""

UNSCALED = frozenset(("_fused_adam_", "_fused_adamw_", "_fused_sgd_", "_fused_adagrad_"))
"""Ops that write the gradients that their schemas say they write only where they are given a `grad_scale`."""

METADATA = frozenset(
    (
        "t_",
        "transpose_",
        "squeeze_",
        "unsqueeze_",
        "swapaxes_",
        "swapdims_",
        "as_strided_",
        "detach_",
        "set_",
        "rename_",
    )
)
"""Ops that change a tensor and none of its elements, though their schemas call them writes."""


class AtenRow(NamedTuple):
    """What is known of an aten op.

    Attributes:
        plain: it neither moves nor writes, so that inside a function it is only counted.
        moves: `MOVES` holds it.
        writes: (position, name) of the arguments that it writes.
        moved_argument: of a write that moves one argument, its position; else None.
        flag: the position of an argument without which nothing is written; None where there is none.
        composite: it has no kernel of its own: it is taken apart, so that what it is made of is seen.
    """

    name: str
    plain: bool
    moves: bool = False
    writes: tuple[tuple[int, str], ...] = ()
    moved_argument: int | None = None
    flag: int | None = None
    composite: bool = False


class FunctionRow(NamedTuple):
    """What is known of a function of torch's Python interface.

    Attributes:
        quiet: it is no step itself: a question, a setter, a printer; or `backward`, whose ops are.
        may_keep: it promises a layout, and gives what it got where that has it already: `reshape`, `contiguous`.
    """

    name: str
    quiet: bool = False
    may_keep: bool = False


def written_by(row: AtenRow, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[torch.Tensor]:
    """The tensors that a call of an op writes."""
    if row.flag is not None and not args[row.flag]:
        return
    for place, name in row.writes:
        if name == "grads" and row.name in UNSCALED and kwargs.get("grad_scale") is None:
            continue
        target = args[place] if place < len(args) else kwargs.get(name)
        if isinstance(target, torch.Tensor):
            yield target
        elif isinstance(target, (list, tuple)):
            yield from (tensor for tensor in target if isinstance(tensor, torch.Tensor))


ATEN: dict[Any, AtenRow] = {}
"""OpOverload -> its row; filled by `aten_row`."""

FUNCTIONS: dict[Any, FunctionRow] = {}
"""Function -> its row; filled by `function_row`."""

_GETTERS = frozenset(("T", "mT", "H", "mH", "real", "imag", "data"))
"""Attributes of a tensor that give another tensor."""

_MAY_KEEP = frozenset(("reshape", "reshape_as", "flatten", "ravel"))

_QUIET = frozenset(
    (
        *("size", "stride", "dim", "ndimension", "numel", "nelement", "storage_offset", "data_ptr", "element_size"),
        *("untyped_storage", "storage", "storage_type", "_typed_storage", "get_device", "type", "item", "tolist"),
        *("is_contiguous", "is_floating_point", "is_complex", "is_conj", "is_neg", "is_inference", "is_pinned"),
        *("is_shared", "is_signed", "is_same_size", "is_set_to", "is_distributed", "is_nonzero", "is_coalesced"),
        *("__len__", "__repr__", "__str__", "__format__", "__hash__", "__bool__", "__int__", "__float__", "__index__"),
        *("__contains__", "__reduce_ex__", "__setstate__", "__dlpack__", "__dlpack_device__", "__dir__", "_is_view"),
        *("register_hook", "register_post_accumulate_grad_hook", "retain_grad", "requires_grad_", "numpy"),
        *("__set__", "__delete__", "result_type", "can_cast", "get_default_dtype", "unsafe_chunk_sizes", "has_names"),
        *(
            "backward",
            "grad",
            "_assert_async",
            "equal",
            "allclose",
            "set_default_device",
            "_has_compatible_shallow_copy_type",
            "dim_order",
        ),
    )
)
"""Functions that give no tensor, or only what was asked of one."""


def aten_row(func: Any) -> AtenRow:
    """The row of an op that was not met before."""
    schema = getattr(func, "_schema", None)
    if schema is None:
        # A higher-order operator: what it calls is seen when it calls it.
        row = ATEN[func] = AtenRow(str(getattr(func, "__name__", func)), plain=True)
        return row
    name = schema.name.rpartition("::")[2]
    writes = tuple(
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    flag = None
    if name in UNDECLARED:
        *places, flag = UNDECLARED[name]
        writes = tuple((place, schema.arguments[place].name) for place in places)
    if name in METADATA:
        writes = ()
    moves = name in MOVES or name == "_foreach_copy_"
    moved = MOVING_WRITES.get(name)
    if moved is not None and (len(schema.arguments) <= moved or "Tensor" not in str(schema.arguments[moved].type)):
        moved = None
    composite = bool(func.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd))  # noqa: SLF001
    plain = not (moves or writes or composite)
    row = ATEN[func] = AtenRow(name, plain, moves, writes, moved, flag, composite)
    return row


def function_row(func: Any) -> FunctionRow:
    """The row of a function that was not met before."""
    name = str(getattr(func, "__name__", func))
    if name == "__get__":
        name = str(getattr(getattr(func, "__self__", None), "__name__", name))
        row = FunctionRow(name, quiet=name not in _GETTERS)
    elif name in ("__rsub__", "__rpow__", "__rdiv__", "__rfloordiv__", "__rmod__", "__rmatmul__"):
        row = FunctionRow(name.strip("_")[1:])
    elif name in _QUIET:
        row = FunctionRow(name, quiet=True)
    else:
        word = name.partition(".")[0].strip("_") if name.startswith("__") else name.partition(".")[0]
        row = FunctionRow(word, may_keep=name in _MAY_KEEP)
    FUNCTIONS[func] = row
    return row
