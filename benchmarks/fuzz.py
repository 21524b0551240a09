"""Random chains of ops, on the algebra and on real torch (or numpy): every step must agree.

    python -m benchmarks.fuzz --chains 100000 --seed 1 [--library numpy] [--jobs 2]

Problem: the algebra claims torch's exact results, so torch is asked, as often as there is time for. Method: a seeded
generator starts from a random layout (size-0 and size-1 dims, stride 0, overlap and offsets among them), then draws up to
twelve ops with arguments that are mostly right and sometimes wrong. The chain runs on the algebra op by op, and as one
program on the real library. Compared at each step: effect, shape, stride, storage_offset, dtype, which storage, the class of
error; and, since the first tensor counts up, the values of the result, which are the provenance of every copied element.

Prints how many chains and ops agreed, and the first disagreements as programs to paste into `stridescope show`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from stridescope.errors import InputError
from stridescope.program.algebra import AlgebraEngine
from stridescope.program.interpret import interpret
from stridescope.program.native import NativeEngine
from stridescope.records import Step, TensorInfo

__all__ = ["Disagreement", "chain_for", "check", "main"]

MAX_NUMEL = 3_000
MAX_VALUES = 400
MAX_OPS = 12


class Disagreement(Exception):  # noqa: N818 - a finding, not an error
    """The algebra and the library differ."""


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

    def int(self, low: int, high: int) -> int:
        """low to high, both included."""
        return self.random.randint(low, max(low, high))

    def dim(self, shape: tuple[int, ...], extra: int = 0) -> int:
        """A dim, from the front or the back."""
        rank = len(shape) + extra or 1
        if self.wrong():
            return self.int(-rank - 2, rank + 1)
        return self.int(-rank, rank - 1)

    def dims(self, shape: tuple[int, ...], least: int = 0) -> tuple[int, ...]:
        """Some different dims."""
        if self.wrong():
            return tuple(self.dim(shape) for _ in range(self.int(least, len(shape) + 1)))
        picked = self.random.sample(range(len(shape)), self.int(min(least, len(shape)), len(shape)))
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
            return self.int(-size - 2, size + 1)
        return self.int(-size, size - 1)

    def factors(self, numel: int) -> tuple[int, ...]:
        """Sizes that multiply to numel, a -1 now and then."""
        sizes: list[int] = []
        left = numel
        while left > 1 and self.random.random() < 0.8:
            size = self.choice([d for d in range(1, left + 1) if left % d == 0][:12])
            sizes.append(size)
            left //= size
        sizes.append(left)
        for _ in range(self.int(0, 1)):
            sizes.insert(self.int(0, len(sizes)), 1)
        self.random.shuffle(sizes)
        if self.wrong():
            sizes[self.int(0, len(sizes) - 1)] += self.int(-3, 2)
        elif self.random.random() < 0.3:
            sizes[self.int(0, len(sizes) - 1)] = -1
        return tuple(sizes)

    def regroup(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Neighbouring dims merged, or one split: the reshapes people write."""
        sizes = list(shape)
        for _ in range(self.int(1, 2)):
            if len(sizes) > 1 and self.random.random() < 0.5:
                d = self.int(0, len(sizes) - 2)
                sizes[d : d + 2] = [sizes[d] * sizes[d + 1]]
            elif sizes:
                d = self.int(0, len(sizes) - 1)
                if sizes[d]:
                    part = self.choice([n for n in range(1, sizes[d] + 1) if sizes[d] % n == 0])
                    sizes[d : d + 1] = [part, sizes[d] // part]
        return tuple(sizes)

    def sizes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A target for view and reshape."""
        numel = 1
        for size in shape:
            numel *= size
        if self.random.random() < 0.5:
            return self.regroup(shape)
        if numel == 0:
            return tuple(self.int(-1, 3) for _ in range(self.int(1, 3)))
        return self.factors(numel)

    def slice(self, size: int) -> str:
        """A slice, as text."""

        def bound() -> str:
            return "" if self.random.random() < 0.4 else str(self.int(-size - 1, size + 1))

        step = "" if self.random.random() < 0.6 else f":{self.int(1, 3)}"
        if self.wrong():
            step = f":{self.int(-2, 0)}"
        return f"{bound()}:{bound()}{step}"

    def numpy_slice(self, size: int) -> str:
        """A slice, negative steps included."""
        text = self.slice(size)
        if self.random.random() < 0.3:
            first, last, *_ = text.split(":")
            text = f"{first}:{last}:{self.choice((-1, -1, -2, -3))}"
        return text

    def basic(self, shape: tuple[int, ...], slice_of: Callable[[int], str] | None = None) -> list[str]:
        """Parts of a basic index."""
        slice_of = slice_of or self.slice
        parts: list[str] = []
        dim = 0
        ellipsis = False
        count = self.int(1, len(shape) + 1) if self.wrong() else self.int(0, len(shape))
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
        values = [self.index(size) for _ in range(self.int(0 if self.wrong() else 1, most))]
        if self.random.random() < 0.25:
            rows = [[self.index(size) for _ in values] for _ in range(self.int(1, 2))]
            return str(rows)
        return str(values)

    def mask(self, size: int) -> str:
        """A list of bools for one dim, as text."""
        return str([self.random.random() < 0.6 for _ in range(size if not self.wrong() else size + 1)])

    def advanced(self, shape: tuple[int, ...], slice_of: Callable[[int], str] | None = None) -> list[str]:
        """Parts of an index with lists and masks among them."""
        slice_of = slice_of or self.slice
        parts = []
        for size in shape[: self.int(1, len(shape))]:
            roll = self.random.random()
            if roll < 0.45:
                parts.append(self.positions(size))
            elif roll < 0.6 and size:
                parts.append(self.mask(size))
            elif roll < 0.75:
                parts.append(str(self.index(size)))
            else:
                parts.append(slice_of(size))
        if self.random.random() < 0.15:
            parts.insert(self.int(0, len(parts)), "None")
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
    sizes = [d.int(0, 3) if n == 1 and d.random.random() < 0.6 else d.choice((n, -1)) for n in s]
    lead = [d.int(0 if d.wrong() else 1, 3) for _ in range(d.int(0, 1))]
    if d.wrong() and sizes:
        # torch itself makes a tensor of negative size of (0, -2), so -2 is not tried beside a 0.
        sizes[0] = d.int(-1 if 0 in [*lead, *sizes] else -2, 4)
    return f".{d.choice(('expand', 'broadcast_to'))}({_listed([*lead, *sizes]) or '()'})"


def _as_strided(d: Draw, s: tuple[int, ...]) -> str:
    rank = d.int(0, 3)
    shape = [d.int(0 if d.wrong() else 1, 3) for _ in range(rank)]
    stride = [d.int(-1 if d.wrong() else 0, 3) for _ in range(rank)]
    offset = d.choice(("", "", f", {d.int(0, 2)}"))
    return f".as_strided({_tuple(shape)}, {_tuple(stride)}{offset})"


def _tuple(values: Any) -> str:
    return repr(tuple(values))


def _join(d: Draw, s: tuple[int, ...], name: str) -> str:
    rank = len(s) + (name == "stack")
    dim = d.int(-rank, max(rank - 1, 0)) if not d.wrong() else d.int(-rank - 2, rank + 2)
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
    "narrow": _with_dim(lambda d, dim, n: f".narrow({dim}, {d.index(n + 1)}, {d.int(0, n)})"),
    "select": _with_dim(lambda d, dim, n: f".select({dim}, {d.index(n)})"),
    "getitem": lambda d, s: f"[{', '.join(d.basic(s))}]",
    "advanced": lambda d, s: f"[{', '.join(d.advanced(s))}]" if s else "[None]",
    "diagonal": lambda d, s: f".diagonal({d.int(-2, 2)}, {d.dim(s)}, {d.dim(s)})",
    "unfold": _with_dim(
        lambda d, dim, n: f".unfold({dim}, {d.int(0 if d.wrong() else 1, n + d.wrong())}, {d.int(1 - d.wrong(), 3)})"
    ),
    "unbind": _with_dim(lambda d, dim, n: f".unbind({dim})[{d.int(-n, n - 1)}]" if n else f".unbind({dim})"),
    "split": _with_dim(lambda d, dim, n: f".split({d.int(1 - d.wrong(), n + 1)}, {dim})[0]"),
    "split_sizes": _with_dim(lambda d, dim, n: f".split([{n // 2}, {n - n // 2 + d.wrong()}], {dim})[1]"),
    "chunk": _with_dim(lambda d, dim, n: f".chunk({d.int(1 - d.wrong(), 4)}, {dim})[-1]"),
    "tensor_split": _with_dim(lambda d, dim, n: f".tensor_split({d.int(1 - d.wrong(), 4)}, {dim})[0]"),
    "tensor_split_at": _with_dim(lambda d, dim, n: f".tensor_split({_tuple(d.index(n) for _ in range(2))}, {dim})[1]"),
    "hvdsplit": lambda d, s: f".{d.choice(('hsplit', 'vsplit', 'dsplit'))}({d.int(1 - d.wrong(), 2)})[0]",
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
    "repeat": lambda d, s: (
        f".repeat({_listed(d.int(-1 if d.wrong() else 0, 2) for _ in range(max(len(s) + d.int(-d.wrong(), 1), 1)))})"
    ),
    "tile": lambda d, s: f".tile({_listed(d.int(0, 2) for _ in range(d.int(1, len(s) + 1)))})",
    "repeat_interleave": lambda d, s: (
        f".repeat_interleave({d.int(-1 if d.wrong() else 0, 2)}, {d.choice((None, d.dim(s)))})"
    ),
    "flip": lambda d, s: f".flip({_tuple(d.dims(s))})",
    "fliplr": lambda d, s: d.choice((".fliplr()", ".flipud()")),
    "roll": lambda d, s: d.choice((f".roll({d.int(-3, 3)})", f".roll({d.int(-3, 3)}, {d.dim(s)})", _roll(d, s))),
    "rot90": lambda d, s: f".rot90({d.int(-3, 4)}, ({d.dim(s)}, {d.dim(s)}))",
    "index_select": _with_dim(
        lambda d, dim, n: f".index_select({dim}, torch.tensor({_flat(d, n)}, dtype=torch.int64))"
    ),
    "gather": lambda d, s: _gather(d, s),
    "take": lambda d, s: f".take(torch.tensor({d.positions(_numel(s))}, dtype=torch.int64))",
    "masked_select": lambda d, s: ".masked_select({x} > 5)",
    "compare": lambda d, s: "[{x} > 4]",
    "elementwise": lambda d, s: d.choice((" + 1", " * 2", " - 0")),
    "like": lambda d, s: d.choice(("torch.zeros_like({x})", "torch.ones_like({x})", "torch.full_like({x}, 7)")),
    "atleast": lambda d, s: f"torch.atleast_{d.int(1, 3)}d({{x}})",
}


def _numel(s: tuple[int, ...]) -> int:
    numel = 1
    for size in s:
        numel *= size
    return numel


def _ordered(d: Draw, s: tuple[int, ...]) -> str:
    a, b = sorted((d.int(0, max(len(s) - 1, 0)), d.int(0, max(len(s) - 1, 0))))
    return f".flatten({a}, {b})"


def _movedims(d: Draw, s: tuple[int, ...]) -> str:
    source = d.dims(s)
    places = d.random.sample(range(len(s)), len(source)) if len(source) <= len(s) else source
    return f".movedim({_tuple(source)}, {_tuple(places)})"


def _format(d: Draw, s: tuple[int, ...]) -> str:
    right = {4: "channels_last", 5: "channels_last_3d"}.get(len(s), "contiguous_format")
    return str(d.choice((right, right, "contiguous_format", "preserve_format", "channels_last")))


def _roll(d: Draw, s: tuple[int, ...]) -> str:
    dims = d.dims(s, 1)
    return f".roll({_tuple(d.int(-3, 3) for _ in dims)}, {_tuple(dims)})" if dims else ".roll(1)"


def _flat(d: Draw, n: int) -> str:
    return str(
        [d.int(0, max(n - 1, 0)) if not d.wrong() else d.int(-1, n) for _ in range(d.int(0 if d.wrong() else 1, 4))]
    )


def _gather(d: Draw, s: tuple[int, ...]) -> str:
    dim = d.dim(s)
    index = [d.int(1, max(n, 1)) for n in s]
    if d.wrong() and index:
        index[0] += 1
    n = _size(d, s, dim)
    values = [d.int(0, max(n - 1, 0)) if not d.random.random() < 0.01 else n for _ in range(_numel(tuple(index)))]
    return f".gather({dim}, torch.tensor({values}, dtype=torch.int64).view({_tuple(index)}))"


def torch_start(d: Draw) -> str:
    """The first tensor, as text."""
    rank = d.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5))
    shape = [d.choice((0, 1, 1, 2, 2, 3, 4)) if d.random.random() < 0.3 else d.int(1, 4) for _ in range(rank)]
    if d.random.random() < 0.08:
        return f"torch.ones({_tuple(shape)}, dtype=torch.complex64)"
    if d.random.random() < 0.45:
        dtype = d.choice(("", "", "", ", dtype=torch.float32", ", dtype=torch.int32"))
        return f"torch.arange({_numel(tuple(shape))}{dtype}).reshape({_tuple(shape)})"
    stride = [d.choice((0, 1, 1, 2, 3, 4, 6, 8, 12, 24)) for _ in range(rank)]
    offset = d.int(0, 3)
    need = offset + 1 + sum(max(n - 1, 0) * k for n, k in zip(shape, stride, strict=True))
    return f"torch.arange({need}).as_strided({_tuple(shape)}, {_tuple(stride)}, {offset})"


def numpy_start(d: Draw) -> str:
    """The first array, as text."""
    rank = d.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
    shape = [d.choice((0, 1, 1, 2, 3)) if d.random.random() < 0.25 else d.int(1, 4) for _ in range(rank)]
    order = d.choice(("", "", ", order='F'"))
    start = f"np.arange({_numel(tuple(shape))}).reshape({_tuple(shape)}{order})"
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
        f"np.broadcast_to({{x}}, {_tuple([d.int(1, 3), *(d.int(1, 3) if n == 1 else n for n in s)])})"
    ),
    "flip": lambda d, s: d.choice(("np.flip({x})", f"np.flip({{x}}, {d.dim(s)})", "np.fliplr({x})", "np.flipud({x})")),
    "rot90": lambda d, s: f"np.rot90({{x}}, {d.int(-2, 5)})",
    "diagonal": lambda d, s: f".diagonal({d.int(-1, 1)})",
    "getitem": lambda d, s: f"[{', '.join(d.basic(s, d.numpy_slice))}]",
    "advanced": lambda d, s: f"[{', '.join(d.advanced(s, d.numpy_slice))}]" if s else "[None]",
    "copy": lambda d, s: d.choice(
        (".copy()", ".copy('F')", ".copy('K')", "np.copy({x})", ".astype(np.float64)", ".astype(np.int64)")
    ),
    "ascontiguous": lambda d, s: d.choice(("np.ascontiguousarray({x})", "np.asfortranarray({x})")),
    "concatenate": lambda d, s: f"np.concatenate([{{x}}, {{x}}], {d.dim(s)})",
    "stack": lambda d, s: f"np.stack([{{x}}, {{x}}], {d.dim(s, 1)})",
    "xstack": lambda d, s: f"np.{d.choice(('hstack', 'vstack', 'dstack', 'column_stack'))}([{{x}}, {{x}}])",
    "tile": lambda d, s: f"np.tile({{x}}, {d.int(0, 2)})",
    "repeat": lambda d, s: f".repeat({d.int(0, 2)}{d.choice(('', f', {d.dim(s)}'))})",
    "roll": lambda d, s: f"np.roll({{x}}, {d.int(-2, 2)}{d.choice(('', f', {d.dim(s)}'))})",
    "take": lambda d, s: f".take({_flat(d, _numel(s))})",
    "view_dtype": lambda d, s: f".view(np.{d.choice(('int32', 'int64', 'float64', 'int16'))})",
    "split": lambda d, s: f"np.array_split({{x}}, {d.int(1, 3)}, {d.dim(s)})[0]",
    "torch": lambda d, s: "torch.from_numpy({x}).numpy()",
}

LIBRARIES: dict[str, tuple[Callable[[Draw], str], dict[str, Template]]] = {
    "torch": (torch_start, TORCH),
    "numpy": (numpy_start, NUMPY),
}


def chain_for(seed: int, library: str) -> tuple[str, list[Step]]:
    """A random program, and its steps on the algebra."""
    start, table = LIBRARIES[library]
    draw = Draw(seed)
    engine = AlgebraEngine()
    names: dict[str, Any] = {}
    lines = [f"x = {start(draw)}"]
    steps = list(interpret(lines[0], engine, names).steps)
    templates = list(table.values())
    for _ in range(draw.int(1, MAX_OPS)):
        last = steps[-1].tensor
        if last is None or last.shape is None or (last.numel or 0) > MAX_NUMEL or len(last.shape) > 8:
            break
        piece = draw.choice(templates)(draw, last.shape)
        lines.append(
            f"x = {piece.replace('{x}', 'x')}"
            if piece.startswith(("torch.", "np."))
            else f"x = x{piece.replace('{x}', 'x')}"
        )
        ran = interpret(lines[-1], engine, names)
        steps += ran.steps
        if ran.refused or steps[-1].tensor is None:
            break
    return "\n".join(lines), steps


def check(seed: int, library: str) -> Iterator[str]:
    """Run one chain both ways; yields the op of each step that agreed.

    Raises:
        Disagreement: with the program, and what differs.
    """
    try:
        source, ours = chain_for(seed, library)
    except InputError as error:
        raise Disagreement(f"seed {seed}: the generator wrote what the parser refuses: {error}") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = interpret(source, NativeEngine()).steps
    storages: dict[str, str] = {}
    for number, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        problem = _differ(a, b, storages)
        if problem:
            raise Disagreement(f"seed {seed}, step {number + 1} {a.source}: {problem}\n{source}")
        yield f"{a.op}:{a.effect}"
    if len(ours) != len(theirs):
        raise Disagreement(f"seed {seed}: {len(ours)} steps here, {len(theirs)} there\n{source}")


_KIN = {"NotImplementedError": "RuntimeError", "AxisError": "IndexError"}
"""A class the library raises -> the one of Python's own that it is."""


def _differ(a: Step, b: Step, storages: dict[str, str]) -> str | None:
    if a.effect != b.effect:
        words = b.reason.native_message if b.reason is not None else None
        mine = a.reason.message if a.reason is not None else None
        return f"effect {a.effect} here, {b.effect} there ({mine or words})"
    if (
        a.reason is not None
        and b.reason is not None
        and a.reason.exception != _KIN.get(b.reason.exception, b.reason.exception)
    ):
        return f"{a.reason.exception} here ({a.reason.message}), {b.reason.exception} there ({b.reason.native_message})"
    if a.copied_nbytes != b.copied_nbytes:
        return f"copied {a.copied_nbytes} here, {b.copied_nbytes} there"
    mine = [a.tensor] if a.tensor is not None else list(a.tensors)
    real = [b.tensor] if b.tensor is not None else list(b.tensors)
    if len(mine) != len(real):
        return f"{len(mine)} tensors here, {len(real)} there"
    for one, other in zip(mine, real, strict=True):
        problem = _differ_info(one, other, storages)
        if problem:
            return problem
    return _differ_values(a, b)


def _differ_info(a: TensorInfo, b: TensorInfo, storages: dict[str, str]) -> str | None:
    for name in ("shape", "stride", "storage_offset", "dtype", "device", "requires_grad", "type"):
        if getattr(a, name) != getattr(b, name):
            return f"{name} {getattr(a, name)} here, {getattr(b, name)} there"
    assert a.storage is not None
    assert b.storage is not None
    if a.storage.nbytes != b.storage.nbytes:
        return f"storage of {a.storage.nbytes} B here, {b.storage.nbytes} B there"
    if storages.setdefault(a.storage.id, b.storage.id) != b.storage.id:
        return "another storage there"
    return None


def _differ_values(a: Step, b: Step) -> str | None:
    if a.tensor is None or a.values is None or b.values is None or a.effect in ("view", "same"):
        return None
    layout = a.tensor.layout
    if layout is None or not 0 < layout.numel <= MAX_VALUES:
        return None
    addresses = list(layout.addresses())
    mine, real = a.values(addresses), b.values(addresses)
    for index, (one, other) in enumerate(zip(mine, real, strict=True)):
        if one is not None and one != other and not (one != one and other != other):  # noqa: PLR0124 - NaN
            return f"element {index} holds {one} here, {other} there"
    return None


def _work(task: tuple[int, int, str]) -> tuple[int, Counter[str], list[str]]:
    import torch

    torch.set_num_threads(1)
    first, count, library = task
    agreed, ops, findings = 0, Counter[str](), []
    for seed in range(first, first + count):
        try:
            ops.update(check(seed, library))
            agreed += 1
        except Disagreement as finding:
            findings.append(str(finding))
        except Exception as crash:  # noqa: BLE001 - a crash is a finding too
            findings.append(f"seed {seed}: crashed with {type(crash).__name__}: {crash}")
    return agreed, ops, findings


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit status 1 when something disagreed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--library", choices=sorted(LIBRARIES), default="torch")
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--show", type=int, default=5, help="how many disagreements to print")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    each = 500
    base = options.seed * 1_000_000_000
    tasks = [
        (base + first, min(each, options.chains - first), options.library) for first in range(0, options.chains, each)
    ]
    agreed, ops, findings = 0, Counter[str](), []
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for good, seen, found in pool.imap_unordered(_work, tasks):
            agreed += good
            ops += seen
            findings += found
    elapsed = time.perf_counter() - start
    report = {
        "library": options.library,
        "chains": options.chains,
        "seed": options.seed,
        "agreed": agreed,
        "disagreed": len(findings),
        "ops": sum(ops.values()),
        "effects": dict(_by_effect(ops)),
        "seconds": round(elapsed, 1),
    }
    if options.json:
        print(json.dumps(report))
    else:
        print(
            f"{agreed:,} of {options.chains:,} {options.library} chains agreed, {len(findings):,} did not; {sum(ops.values()):,} ops"
        )
        print("  " + ", ".join(f"{effect} {count:,}" for effect, count in sorted(report["effects"].items())))
        print(f"  {elapsed:.0f} s")
    for finding in findings[: options.show]:
        print("\n" + finding, file=sys.stderr)
    return 1 if findings else 0


def _by_effect(ops: Counter[str]) -> Counter[str]:
    effects: Counter[str] = Counter()
    for name, count in ops.items():
        effects[name.partition(":")[2]] += count
    return effects


if __name__ == "__main__":
    raise SystemExit(main())
