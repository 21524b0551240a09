"""Histories and tensors put together by hand from the algebra, so that drawing is tested apart from the engines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from stridescope.layout import Copy, Layout, Refusal
from stridescope.records import Alternative, History, Reason, Step, StorageInfo, TensorInfo, Write

TORCH_SAYS = (
    "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
    "contiguous subspaces). Use .reshape(...) instead."
)


@dataclass
class Factory:
    """Makes tensors on numbered storages, and histories of them."""

    dtype: str = "int64"
    itemsize: int = 8
    made: int = field(default=0)

    def storage(self, nbytes: int | None) -> StorageInfo:
        self.made += 1
        return StorageInfo(f"s{self.made}", nbytes)

    def tensor(self, layout: Layout, storage: StorageInfo | None = None, **fields: Any) -> TensorInfo:
        """A tensor of a layout; on a storage of its own, just large enough, if none is given."""
        if storage is None:
            storage = self.storage(layout.span[1] * self.itemsize)
        info = TensorInfo(
            "torch.Tensor",
            layout.shape,
            layout.stride,
            layout.storage_offset,
            self.dtype,
            self.itemsize,
            "cpu",
            False,
            storage,
        )
        return replace(info, **fields)

    def chain(self, created: str, shape: tuple[int, ...], *ops: tuple[str, Callable[[Layout], Any]]) -> History:
        """A creation and ops on its layout; what an op answers decides the step's effect."""
        layout = Layout.contiguous(shape)
        info = self.tensor(layout)
        steps = [Step(created, "create", "alloc", info, values=list)]
        for source, op in ops:
            answer = op(layout)
            if isinstance(answer, Refusal):
                steps.append(self.refused(source, info, answer))
                break
            before, storage, copied = info, info.storage, 0
            copy = answer if isinstance(answer, Copy) else None
            if copy is not None:
                answer = copy.layout
                copied = answer.numel * self.itemsize
                storage = self.storage(copied)
            effect = "copy" if copy is not None else "same" if answer is layout else "view"
            layout, info = answer, self.tensor(answer, storage)
            steps.append(
                Step(source, "op", effect, info, copied_nbytes=copied, before=before, copy=copy, values=list)  # type: ignore[arg-type]
            )
        return History("".join(step.source for step in steps), "algebra", tuple(steps))

    def refused(self, source: str, before: TensorInfo, refusal: Refusal) -> Step:
        copied = before.nbytes or 0
        reason = Reason(
            refusal.code,
            refusal.message,
            refusal.dims,
            refusal.needed_stride,
            refusal.found_stride,
            (
                Alternative(source.replace("view", "reshape"), "copy", copied),
                Alternative(f".contiguous(){source}", "copy", copied),
            ),
            native_message=TORCH_SAYS,
        )
        return Step(source, "view", "refused", None, before=before, reason=reason)


def _main(make: Factory) -> History:
    return make.chain(
        "torch.arange(12)",
        (12,),
        (".view(3, 4)", lambda x: x.view(3, 4)),
        (".t()", lambda x: x.t()),
        ("[1:, ::2]", lambda x: x[1:, ::2]),
    )


def _refused(make: Factory) -> History:
    return make.chain(
        "torch.arange(12)",
        (12,),
        (".view(3, 4)", lambda x: x.view(3, 4)),
        (".t()", lambda x: x.t()),
        (".view(12)", lambda x: x.view(12)),
    )


def _copy(make: Factory) -> History:
    return make.chain(
        "torch.arange(12)",
        (12,),
        (".view(3, 4)", lambda x: x.view(3, 4)),
        (".t()", lambda x: x.t()),
        (".reshape(12)", lambda x: x.reshape(12)),
        ("[::2]", lambda x: x[::2]),
    )


def _huge(make: Factory) -> History:
    make.dtype, make.itemsize = "float32", 4
    return make.chain(
        "torch.empty(10**15)",
        (10**15,),
        (".view(10**5, -1)", lambda x: x.view(10**5, -1)),
        (".t()", lambda x: x.t()),
        ("[::7]", lambda x: x[::7]),
    )


def _names(make: Factory) -> History:
    layout = Layout.contiguous((12,))
    storage = make.storage(96)
    x = make.tensor(layout, storage, name="x")
    a = make.tensor(layout.view(3, 4), storage, name="a")
    b = make.tensor(layout[::2], storage, name="b")
    row = Write(a.layout[1], ("x", "a"))
    evens = Write(b.layout, ("x", "a", "b"))
    steps = (
        Step("torch.arange(12)", "arange", "alloc", x, name="x", values=list),
        Step("x.view(3, 4)", "view", "view", a, name="a", before=x, values=list),
        Step("x[::2]", "getitem", "view", b, name="b", before=x, values=list),
        Step("a[1] = 0", "setitem", "write", a, before=a, write=row, values=list),
        Step("b.add_(1)", "add_", "write", b, before=b, write=evens, values=list),
    )
    source = "x = torch.arange(12); a = x.view(3, 4); b = x[::2]; a[1] = 0; b.add_(1)"
    return History(source, "algebra", steps, (("x", x), ("a", a), ("b", b)))


def _pieces(make: Factory) -> History:
    layout = Layout.contiguous((12,))
    storage = make.storage(96)
    x = make.tensor(layout, storage)
    parts = tuple(make.tensor(layout[start : start + 5], storage) for start in (0, 5, 10))
    steps = (
        Step("torch.arange(12)", "arange", "alloc", x),
        Step(".split(5)", "split", "view", None, before=x, tensors=parts),
    )
    return History("torch.arange(12).split(5)", "algebra", steps)


def _big_blocks(make: Factory) -> History:
    make.dtype, make.itemsize = "float32", 4
    return make.chain("torch.zeros(32, 3, 64, 64)", (32, 3, 64, 64))


def _little_of_much(make: Factory) -> History:
    make.dtype, make.itemsize = "float32", 4
    return make.chain("torch.randn(1000, 1000)", (1000, 1000), ("[500, 10:20]", lambda x: x[500, 10:20]))


def _long(make: Factory) -> History:
    return make.chain("torch.arange(24)", (4, 6), *[(".t()", lambda x: x.t())] * 40)


def _sparse(make: Factory) -> TensorInfo:
    return TensorInfo(
        "torch.Tensor",
        (1000, 1000),
        None,
        None,
        "float32",
        4,
        "cpu",
        False,
        None,
        tensor_layout="sparse_coo",
        parts=(
            ("indices", make.tensor(Layout.contiguous((2, 5)))),
            ("values", make.tensor(Layout.contiguous((5,)), dtype="float32", itemsize=4)),
        ),
        why=(
            ("stride", "a sparse tensor has no strides: its values lie in its parts"),
            ("storage_offset", "a sparse tensor has no single storage"),
            ("storage", "a sparse tensor has no single storage"),
        ),
    )


CASES: dict[str, Callable[[Factory], History | TensorInfo]] = {
    "main": _main,
    "refused": _refused,
    "copy": _copy,
    "names": _names,
    "pieces": _pieces,
    "huge": _huge,
    "big_blocks": _big_blocks,
    "little_of_much": _little_of_much,
    "long": _long,
    "sparse": _sparse,
    "blocks": lambda make: make.chain("arange(120)", (2, 3, 4, 5), (".transpose(1, 2)", lambda x: x.transpose(1, 2))),
    "expand": lambda make: make.chain(
        "torch.arange(4)", (4,), ("[:, None]", lambda x: x[:, None]), (".expand(4, 6)", lambda x: x.expand(4, 6))
    ),
    "unfold": lambda make: make.chain("torch.arange(8)", (8,), (".unfold(0, 3, 1)", lambda x: x.unfold(0, 3, 1))),
    "one_dim": lambda make: make.chain("torch.arange(40)", (40,), ("[4:30:3]", lambda x: x[4:30:3])),
    "no_dims": lambda make: make.chain("torch.arange(7)", (7,), ("[3]", lambda x: x[3])),
    "no_elements": lambda make: make.chain("torch.ones(3, 4)", (3, 4), ("[:, 2:2]", lambda x: x[:, 2:2])),
    "literal": lambda _: TensorInfo("layout", (3, 4), (4, 1), 2, None, None, None, None, None),
    "backwards": lambda make: make.tensor(Layout((4,), (-1,), 3), make.storage(32), type="numpy.ndarray"),
    "freed": lambda make: make.tensor(Layout.contiguous((2, 3)), make.storage(0)),
}
