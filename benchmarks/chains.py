"""Random programs: a first tensor, then ops with arguments that are mostly right and sometimes wrong.

Problem: the fuzzer needs chains in which most ops are legal, or few would get past the third, and in which every kind
of mistake occurs. Method: each op is a template, a function of a source of chance and the current shape that gives the
op as text; about one argument in twelve is wrong on purpose. The same seed gives the same program.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import prod
from typing import Any

__all__ = ["LIBRARIES", "Draw", "Template"]


class Draw:
    """Random arguments for a tensor of a shape; about one in twelve is wrong on purpose."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def wrong(self) -> bool:
        """Whether to give a bad argument now."""
        return self.random.random() < 0.08

    def choice(self, options: Any) -> Any:
        """One of them."""
        return self.random.choice(list(options))

    def number(self, low: int, high: int) -> int:
        """low to high, both included."""
        return self.random.randint(low, max(low, high))

    def dim(self, shape: tuple[int, ...], extra: int = 0) -> int:
        """A dim, from the front or the back."""
        rank = len(shape) + extra or 1
        if self.wrong():
            return self.number(-rank - 2, rank + 1)
        return self.number(-rank, rank - 1)

    def dims(self, shape: tuple[int, ...], least: int = 0) -> tuple[int, ...]:
        """Some different dims."""
        if self.wrong():
            return tuple(self.dim(shape) for _ in range(self.number(least, len(shape) + 1)))
        picked = self.random.sample(range(len(shape)), self.number(min(least, len(shape)), len(shape)))
        return tuple(d - len(shape) if self.random.random() < 0.3 else d for d in picked)

    def permutation(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """All dims, shuffled."""
        if self.wrong():
            return self.dims(shape)
        order = list(range(len(shape)))
        self.random.shuffle(order)
        return tuple(order)

    def index(self, size: int) -> int:
        """A position of a dim."""
        if size == 0 or self.wrong():
            return self.number(-size - 2, size + 1)
        return self.number(-size, size - 1)

    def factors(self, numel: int) -> tuple[int, ...]:
        """Sizes that multiply to numel, a -1 now and then."""
        sizes: list[int] = []
        left = numel
        while left > 1 and self.random.random() < 0.8:
            size = self.choice([d for d in range(1, left + 1) if left % d == 0][:12])
            sizes.append(size)
            left //= size
        sizes.append(left)
        for _ in range(self.number(0, 1)):
            sizes.insert(self.number(0, len(sizes)), 1)
        self.random.shuffle(sizes)
        if self.wrong():
            sizes[self.number(0, len(sizes) - 1)] += self.number(-3, 2)
        elif self.random.random() < 0.3:
            sizes[self.number(0, len(sizes) - 1)] = -1
        return tuple(sizes)

    def regroup(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Neighbouring dims merged, or one split: the reshapes people write."""
        sizes = list(shape)
        for _ in range(self.number(1, 2)):
            if len(sizes) > 1 and self.random.random() < 0.5:
                d = self.number(0, len(sizes) - 2)
                sizes[d : d + 2] = [sizes[d] * sizes[d + 1]]
            elif sizes:
                d = self.number(0, len(sizes) - 1)
                if sizes[d]:
                    part = self.choice([n for n in range(1, sizes[d] + 1) if sizes[d] % n == 0])
                    sizes[d : d + 1] = [part, sizes[d] // part]
        return tuple(sizes)

    def sizes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A target for view and reshape."""
        numel = prod(shape)
        if self.random.random() < 0.5:
            return self.regroup(shape)
        if numel == 0:
            return tuple(self.number(-1, 3) for _ in range(self.number(1, 3)))
        return self.factors(numel)

    def bounds(self, size: int) -> str:
        """A slice, as text."""

        def bound() -> str:
            return "" if self.random.random() < 0.4 else str(self.number(-size - 1, size + 1))

        step = "" if self.random.random() < 0.6 else f":{self.number(1, 3)}"
        if self.wrong():
            step = f":{self.number(-2, 0)}"
        return f"{bound()}:{bound()}{step}"

    def numpy_slice(self, size: int) -> str:
        """A slice, negative steps included."""
        text = self.bounds(size)
        if self.random.random() < 0.3:
            first, last, *_ = text.split(":")
            text = f"{first}:{last}:{self.choice((-1, -1, -2, -3))}"
        return text

    def basic(self, shape: tuple[int, ...], slice_of: Callable[[int], str] | None = None) -> list[str]:
        """Parts of a basic index."""
        slice_of = slice_of or self.bounds
        parts: list[str] = []
        dim = 0
        ellipsis = False
        count = self.number(1, len(shape) + 1) if self.wrong() else self.number(0, len(shape))
        while dim < count:
            roll = self.random.random()
            size = shape[dim] if dim < len(shape) else 2
            if roll < 0.12:
                parts.append("None")
                continue
            if roll < 0.2 and not ellipsis:
                parts.append("...")
                ellipsis = True
                continue
            parts.append(str(self.index(size)) if roll < 0.45 else slice_of(size))
            dim += 1
        return parts or ["..."]

    def positions(self, size: int, most: int = 4) -> str:
        """A list of positions, as text."""
        values = [self.index(size) for _ in range(self.number(0 if self.wrong() else 1, most))]
        if self.random.random() < 0.25:
            rows = [[self.index(size) for _ in values] for _ in range(self.number(1, 2))]
            return str(rows)
        return str(values)

    def mask(self, size: int) -> str:
        """A list of bools for one dim, as text."""
        return str([self.random.random() < 0.6 for _ in range(size if not self.wrong() else size + 1)])

    def advanced(self, shape: tuple[int, ...], slice_of: Callable[[int], str] | None = None) -> list[str]:
        """Parts of an index with lists and masks among them."""
        slice_of = slice_of or self.bounds
        parts = []
        for size in shape[: self.number(1, len(shape))]:
            roll = self.random.random()
            if roll < 0.45:
                parts.append(self.positions(size))
            elif roll < 0.6 and size:
                parts.append(self.mask(size))
            elif roll < 0.75:
                parts.append(str(self.index(size)))
            else:
                # A step of 0 beside a bad position is two errors, and which comes first is not the point here.
                parts.append(slice_of(size).removesuffix(":0"))
        if self.random.random() < 0.15:
            parts.insert(self.number(0, len(parts)), "None")
        return parts or ["..."]


Template = Callable[[Draw, tuple[int, ...]], str]


def _listed(values: Any) -> str:
    return ", ".join(map(str, values))


def _sizes(d: Draw, s: tuple[int, ...]) -> str:
    return _listed(d.sizes(s)) or "()"


def _size(d: Draw, s: tuple[int, ...], dim: int) -> int:
    return s[dim] if s and -len(s) <= dim < len(s) else 1


def _with_dim(text: Callable[[Draw, int, int], str]) -> Template:
    def make(d: Draw, s: tuple[int, ...]) -> str:
        dim = d.dim(s)
        return text(d, dim, _size(d, s, dim))

    return make


def _expand(d: Draw, s: tuple[int, ...]) -> str:
    sizes = [d.number(0, 3) if n == 1 and d.random.random() < 0.6 else d.choice((n, -1)) for n in s]
    lead = [d.number(0 if d.wrong() else 1, 3) for _ in range(d.number(0, 1))]
    if d.wrong() and sizes:
        # torch itself makes a tensor of negative size of (0, -2), so -2 is not tried beside a 0.
        sizes[0] = d.number(-1 if 0 in [*lead, *sizes] else -2, 4)
    return f".{d.choice(('expand', 'broadcast_to'))}({_listed([*lead, *sizes]) or '()'})"


def _as_strided(d: Draw, s: tuple[int, ...]) -> str:
    rank = d.number(0, 3)
    shape = [d.number(0 if d.wrong() else 1, 3) for _ in range(rank)]
    stride = [d.number(-1 if d.wrong() else 0, 3) for _ in range(rank)]
    offset = d.choice(("", "", f", {d.number(0, 2)}"))
    return f".as_strided({_tuple(shape)}, {_tuple(stride)}{offset})"


def _tuple(values: Any) -> str:
    return repr(tuple(values))


def _join(d: Draw, s: tuple[int, ...], name: str) -> str:
    rank = len(s) + (name == "stack")
    dim = d.number(-rank, max(rank - 1, 0)) if not d.wrong() else d.number(-rank - 2, rank + 2)
    return f"torch.{name}([{{x}}, {{x}}], {dim})"


TORCH: dict[str, Template] = {
    "view": lambda d, s: f".view({_sizes(d, s)})",
    "reshape": lambda d, s: f".reshape({_sizes(d, s)})",
    "flatten": lambda d, s: f".flatten({d.dim(s)}, {d.dim(s)})" if d.wrong() else _ordered(d, s),
    "ravel": lambda d, s: ".ravel()",
    "unflatten": _with_dim(lambda d, dim, n: f".unflatten({dim}, {_tuple(d.factors(n) if n else (0, 2))})"),
    "squeeze": lambda d, s: d.choice((".squeeze()", f".squeeze({d.dim(s)})", f".squeeze({_tuple(d.dims(s))})")),
    "unsqueeze": lambda d, s: f".unsqueeze({d.dim(s, 1)})",
    "expand": _expand,
    "t": lambda d, s: ".t()",
    "T": lambda d, s: ".T",
    "mT": lambda d, s: d.choice((".mT", ".mH", ".H", ".adjoint()")),
    "transpose": lambda d, s: f".{d.choice(('transpose', 'swapaxes', 'swapdims'))}({d.dim(s)}, {d.dim(s)})",
    "permute": lambda d, s: f".permute({_tuple(d.permutation(s))})",
    "movedim": lambda d, s: f".{d.choice(('movedim', 'moveaxis'))}({d.dim(s)}, {d.dim(s)})",
    "movedims": lambda d, s: _movedims(d, s),
    "narrow": _with_dim(lambda d, dim, n: f".narrow({dim}, {d.index(n + 1)}, {d.number(0, n)})"),
    "select": _with_dim(lambda d, dim, n: f".select({dim}, {d.index(n)})"),
    "getitem": lambda d, s: f"[{', '.join(d.basic(s))}]",
    "advanced": lambda d, s: f"[{', '.join(d.advanced(s))}]" if s else "[None]",
    "diagonal": lambda d, s: f".diagonal({d.number(-2, 2)}, {d.dim(s)}, {d.dim(s)})",
    "unfold": _with_dim(
        lambda d, dim, n: (
            f".unfold({dim}, {d.number(0 if d.wrong() else 1, n + d.wrong())}, {d.number(1 - d.wrong(), 3)})"
        )
    ),
    "unbind": _with_dim(lambda d, dim, n: f".unbind({dim})[{d.number(-n, n - 1)}]" if n else f".unbind({dim})"),
    "split": _with_dim(lambda d, dim, n: f".split({d.number(1 - d.wrong(), n + 1)}, {dim})[0]"),
    "split_sizes": _with_dim(lambda d, dim, n: f".split([{n // 2}, {n - n // 2 + d.wrong()}], {dim})[1]"),
    "chunk": _with_dim(lambda d, dim, n: f".chunk({d.number(1 - d.wrong(), 4)}, {dim})[-1]"),
    "tensor_split": _with_dim(lambda d, dim, n: f".tensor_split({d.number(1 - d.wrong(), 4)}, {dim})[0]"),
    "tensor_split_at": _with_dim(lambda d, dim, n: f".tensor_split({_tuple(d.index(n) for _ in range(2))}, {dim})[1]"),
    "hvdsplit": lambda d, s: f".{d.choice(('hsplit', 'vsplit', 'dsplit'))}({d.number(1 - d.wrong(), 2)})[0]",
    "as_strided": _as_strided,
    "view_dtype": lambda d, s: (
        f".view(torch.{d.choice(('int32', 'int64', 'float64', 'int16', 'complex128', 'uint8'))})"
    ),
    "view_as_real": lambda d, s: "torch.view_as_real({x})",
    "view_as_complex": lambda d, s: "torch.view_as_complex({x})",
    "real": lambda d, s: d.choice((".real", ".imag", ".conj()", ".resolve_conj()", ".resolve_neg()")),
    "detach": lambda d, s: ".detach()",
    "contiguous": lambda d, s: d.choice(
        (".contiguous()", ".contiguous()", f".contiguous(memory_format=torch.{_format(d, s)})")
    ),
    "clone": lambda d, s: d.choice((".clone()", f".clone(memory_format=torch.{_format(d, s)})")),
    "to": lambda d, s: d.choice(
        (
            ".to(torch.float32)",
            ".to(torch.int64)",
            ".double()",
            ".long()",
            ".cpu()",
            f".to(memory_format=torch.{_format(d, s)})",
            ".to(torch.int64, copy=True)",
            ".to('cpu')",
        )
    ),
    "cat": lambda d, s: _join(d, s, "cat"),
    "stack": lambda d, s: _join(d, s, "stack"),
    "xstack": lambda d, s: f"torch.{d.choice(('hstack', 'vstack', 'dstack', 'column_stack'))}([{{x}}, {{x}}])",
    "repeat": lambda d, s: f".repeat({_listed(_counts(d, len(s)))})",
    "tile": lambda d, s: f".tile({_listed(d.number(0, 2) for _ in range(d.number(1, len(s) + 1)))})",
    "repeat_interleave": lambda d, s: (
        f".repeat_interleave({d.number(-1 if d.wrong() else 0, 2)}, {d.choice((None, d.dim(s)))})"
    ),
    "flip": lambda d, s: f".flip({_tuple(d.dims(s))})",
    "fliplr": lambda d, s: d.choice((".fliplr()", ".flipud()")),
    "roll": lambda d, s: d.choice((f".roll({d.number(-3, 3)})", f".roll({d.number(-3, 3)}, {d.dim(s)})", _roll(d, s))),
    "rot90": lambda d, s: f".rot90({d.number(-3, 4)}, ({d.dim(s)}, {d.dim(s)}))",
    "index_select": _with_dim(
        lambda d, dim, n: f".index_select({dim}, torch.tensor({_flat(d, n)}, dtype=torch.int64))"
    ),
    "gather": lambda d, s: _gather(d, s),
    "take": lambda d, s: f".take(torch.tensor({d.positions(prod(s))}, dtype=torch.int64))",
    "masked_select": lambda d, s: ".masked_select({x} > 5)",
    "compare": lambda d, s: "[{x} > 4]",
    "elementwise": lambda d, s: d.choice((" + 1", " * 2", " - 0")),
    "like": lambda d, s: d.choice(("torch.zeros_like({x})", "torch.ones_like({x})", "torch.full_like({x}, 7)")),
    "atleast": lambda d, s: f"torch.atleast_{d.number(1, 3)}d({{x}})",
}


def _ordered(d: Draw, s: tuple[int, ...]) -> str:
    a, b = sorted((d.number(0, max(len(s) - 1, 0)), d.number(0, max(len(s) - 1, 0))))
    return f".flatten({a}, {b})"


def _movedims(d: Draw, s: tuple[int, ...]) -> str:
    source = d.dims(s)
    places = d.random.sample(range(len(s)), len(source)) if len(source) <= len(s) else source
    return f".movedim({_tuple(source)}, {_tuple(places)})"


def _counts(d: Draw, rank: int) -> list[int]:
    least = -1 if d.wrong() else 0
    return [d.number(least, 2) for _ in range(max(rank + d.number(-d.wrong(), 1), 1))]


def _format(d: Draw, s: tuple[int, ...]) -> str:
    right = {4: "channels_last", 5: "channels_last_3d"}.get(len(s), "contiguous_format")
    return str(d.choice((right, right, "contiguous_format", "preserve_format", "channels_last")))


def _roll(d: Draw, s: tuple[int, ...]) -> str:
    dims = d.dims(s, 1)
    return f".roll({_tuple(d.number(-3, 3) for _ in dims)}, {_tuple(dims)})" if dims else ".roll(1)"


def _flat(d: Draw, n: int) -> str:
    return str(
        [
            d.number(0, max(n - 1, 0)) if not d.wrong() else d.number(-1, n)
            for _ in range(d.number(0 if d.wrong() else 1, 4))
        ]
    )


def _gather(d: Draw, s: tuple[int, ...]) -> str:
    dim = d.dim(s)
    index = [d.number(1, max(n, 1)) for n in s]
    if d.wrong() and index:
        index[0] += 1
    n = _size(d, s, dim)
    values = [d.number(0, max(n - 1, 0)) if not d.random.random() < 0.01 else n for _ in range(prod(tuple(index)))]
    return f".gather({dim}, torch.tensor({values}, dtype=torch.int64).view({_tuple(index)}))"


def torch_start(d: Draw) -> str:
    """The first tensor, as text."""
    rank = d.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5))
    shape = [d.choice((0, 1, 1, 2, 2, 3, 4)) if d.random.random() < 0.3 else d.number(1, 4) for _ in range(rank)]
    if d.random.random() < 0.08:
        return f"torch.ones({_tuple(shape)}, dtype=torch.complex64)"
    if d.random.random() < 0.45:
        dtype = d.choice(("", "", "", ", dtype=torch.float32", ", dtype=torch.int32"))
        return f"torch.arange({prod(tuple(shape))}{dtype}).reshape({_tuple(shape)})"
    stride = [d.choice((0, 1, 1, 2, 3, 4, 6, 8, 12, 24)) for _ in range(rank)]
    offset = d.number(0, 3)
    need = offset + 1 + sum(max(n - 1, 0) * k for n, k in zip(shape, stride, strict=True))
    return f"torch.arange({need}).as_strided({_tuple(shape)}, {_tuple(stride)}, {offset})"


def numpy_start(d: Draw) -> str:
    """The first array, as text."""
    rank = d.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
    shape = [d.choice((0, 1, 1, 2, 3)) if d.random.random() < 0.25 else d.number(1, 4) for _ in range(rank)]
    order = d.choice(("", "", ", order='F'"))
    start = f"np.arange({prod(tuple(shape))}).reshape({_tuple(shape)}{order})"
    if rank and d.random.random() < 0.5:
        start += f"[{', '.join(d.basic(tuple(shape), d.numpy_slice))}]"
    return start


def _axes(d: Draw, s: tuple[int, ...]) -> str:
    return _listed(d.permutation(s))


NUMPY: dict[str, Template] = {
    "reshape": lambda d, s: f".reshape({_tuple(d.sizes(s))}{d.choice(('', '', ', order=' + repr(d.choice('CFA'))))})",
    "ravel": lambda d, s: f".ravel({d.choice(('', repr('C'), repr('F'), repr('K')))})",
    "flatten": lambda d, s: f".flatten({d.choice(('', repr('F')))})",
    "T": lambda d, s: ".T",
    "transpose": lambda d, s: f".transpose({_axes(d, s)})",
    "swapaxes": lambda d, s: f".swapaxes({d.dim(s)}, {d.dim(s)})",
    "moveaxis": lambda d, s: f"np.moveaxis({{x}}, {d.dim(s)}, {d.dim(s)})",
    "squeeze": lambda d, s: d.choice((".squeeze()", f".squeeze({d.dim(s)})")),
    "expand_dims": lambda d, s: f"np.expand_dims({{x}}, {d.dim(s, 1)})",
    "broadcast_to": lambda d, s: (
        f"np.broadcast_to({{x}}, {_tuple([d.number(1, 3), *(d.number(1, 3) if n == 1 else n for n in s)])})"
    ),
    "flip": lambda d, s: d.choice(("np.flip({x})", f"np.flip({{x}}, {d.dim(s)})", "np.fliplr({x})", "np.flipud({x})")),
    "rot90": lambda d, s: f"np.rot90({{x}}, {d.number(-2, 5)})",
    "diagonal": lambda d, s: f".diagonal({d.number(-1, 1)})",
    "getitem": lambda d, s: f"[{', '.join(d.basic(s, d.numpy_slice))}]",
    "advanced": lambda d, s: f"[{', '.join(d.advanced(s, d.numpy_slice))}]" if s else "[None]",
    "copy": lambda d, s: d.choice(
        (".copy()", ".copy('F')", ".copy('K')", "np.copy({x})", ".astype(np.float64)", ".astype(np.int64)")
    ),
    "ascontiguous": lambda d, s: d.choice(("np.ascontiguousarray({x})", "np.asfortranarray({x})")),
    "concatenate": lambda d, s: f"np.concatenate([{{x}}, {{x}}], {d.dim(s)})",
    "stack": lambda d, s: f"np.stack([{{x}}, {{x}}], {d.dim(s, 1)})",
    "xstack": lambda d, s: f"np.{d.choice(('hstack', 'vstack', 'dstack', 'column_stack'))}([{{x}}, {{x}}])",
    "tile": lambda d, s: f"np.tile({{x}}, {d.number(0, 2)})",
    "repeat": lambda d, s: f".repeat({d.number(0, 2)}{d.choice(('', f', {d.dim(s)}'))})",
    "roll": lambda d, s: f"np.roll({{x}}, {d.number(-2, 2)}{d.choice(('', f', {d.dim(s)}'))})",
    "take": lambda d, s: f".take({_flat(d, prod(s))})",
    "view_dtype": lambda d, s: f".view(np.{d.choice(('int32', 'int64', 'float64', 'int16'))})",
    "split": lambda d, s: f"np.array_split({{x}}, {d.number(1, 3)}, {d.dim(s)})[0]",
    "torch": lambda d, s: "torch.from_numpy({x}).numpy()",
}

LIBRARIES: dict[str, tuple[Callable[[Draw], str], dict[str, Template]]] = {
    "torch": (torch_start, TORCH),
    "numpy": (numpy_start, NUMPY),
}
