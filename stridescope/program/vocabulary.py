"""What to say about a word that no op table holds.

Problem: "unknown" helps nobody; a typing slip, an op of the other library and an op that computes values
are three different things to the reader. Method: the tables themselves are searched for near names, and
a short list of well-known ops that compute tells a slip from something that is out of reach on purpose.
Only read when there is an error to write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from stridescope.program.ops import Owner

__all__ = ["FOLLOWED", "unknown_function", "unknown_method", "unknown_name"]

FOLLOWED = "stridescope follows ops that create, view, copy or write"

_OWNED = {"tensor": "a tensor", "ndarray": "an array", "torch": "torch", "np": "np"}
_TWINS: dict[Owner, Owner] = {"tensor": "ndarray", "ndarray": "tensor", "torch": "np", "np": "torch"}
_METHODS: dict[Owner, Owner] = {"torch": "tensor", "np": "ndarray"}
_NEAR = 0.7
_LONGEST = 40

_COMPUTING = """
    acos addmm all allclose amax amin angle any argmax argmin argsort asin atan atan2 average backward bincount
    bmm ceil compile conv1d conv2d convolve corrcoef cosh count_nonzero cov cross cumprod cumsum det
    diff digamma dist dot eig einsum equal erf expm1 fft floor fmod histogram histc inner interp isclose
    isfinite isinf isnan kron kthvalue lerp lgamma linalg.inv linalg.norm linalg.svd log10 log1p log2 logaddexp
    logical_and logical_or logsumexp lstsq matmul matrix_power max maximum mean median min minimum mm mode mv
    nanmean nn.functional.relu nn.functional.softmax norm outer percentile prod quantile round rsqrt sign sinc
    sinh softmax sort std std_mean sum svd tan tensordot topk trapezoid tril_indices trunc unique var vdot
"""
"""Well-known ops of torch and numpy that compute values. Not all of them: the rest is "unknown"."""

COMPUTING = frozenset(_COMPUTING.split())


def unknown_method(owner: Owner, name: str, rows: Iterable[tuple[Owner, str]]) -> str:
    """The sentence about `.name` of a tensor or an array.

    >>> unknown_method("tensor", "tranpose", [("tensor", "transpose"), ("tensor", "t")])
    "unknown method 'tranpose' of a tensor; did you mean 'transpose'?"
    """
    return _unknown(owner, name, list(rows), "")


def unknown_function(root: str, owner: Owner, name: str, rows: Iterable[tuple[Owner, str]]) -> str:
    """The sentence about `root.name`, where root is the library as the program wrote it.

    >>> unknown_function("torch", "torch", "softmax", [("torch", "arange")])
    'torch.softmax computes values; stridescope follows ops that create, view, copy or write'
    """
    return _unknown(owner, name, list(rows), f"{root}.")


def unknown_name(name: str, bound: list[str], starts: list[str], rows: Container[tuple[Owner, str]] = ()) -> str:
    """The sentence about a name that nothing bound.

    >>> unknown_name("foo", ["x"], ["torch", "np"])
    "unknown name 'foo'; a program starts from torch, np or a name it bound itself (x)"
    >>> unknown_name("arange", [], [], [("torch", "arange")])
    "unknown name 'arange'; did you mean torch.arange?"
    """
    owners: list[Owner] = ["torch", "np"]
    owner = next((owner for owner in owners if (owner, name) in rows), None)
    if owner is not None:
        return f"unknown name '{_short(name)}'; did you mean {owner}.{name}?"
    if ("tensor", name) in rows:
        return f"unknown name '{_short(name)}'; it is a method, and stands after a tensor: x.{name}(...)"
    own = ", ".join(bound)
    near = _close(name, [*bound, *starts], 1)
    listed = f" ({own})" if own and len(own) <= 2 * _LONGEST else ""
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown name '{_short(name)}'; a program starts from torch, np or a name it bound itself{listed}{hint}"


def _unknown(owner: Owner, name: str, rows: list[tuple[Owner, str]], prefix: str) -> str:
    written = f"{prefix}{_short(name)}" if prefix else f".{_short(name)}"
    place, _, last = name.rpartition(".")
    if place and (owner, last) in rows:
        return f"{written} is not followed, and {prefix}{_short(last)} is; write that"
    method = _METHODS.get(owner)
    if method is not None and (method, name) in rows:
        return f"{written} is no function here; it is a method: x.{name}(...)"
    if name.rstrip("_") in COMPUTING:
        return f"{written} computes values; {FOLLOWED}"
    twin, near = _TWINS[owner], _near(owner, name, rows, prefix)
    if (twin, name) in rows:
        return f"{written} is known for {_OWNED[twin]}, not for {_OWNED[owner]}{near}"
    known = f"function '{written}'" if prefix else f"method '{_short(name)}' of {_OWNED[owner]}"
    return f"unknown {known}{near or f'; {FOLLOWED}'}"


def _near(owner: Owner, name: str, rows: list[tuple[Owner, str]], prefix: str) -> str:
    in_place = name.endswith("_")
    names = [
        known for of, known in rows if of == owner and not known.startswith("__") and known.endswith("_") == in_place
    ]
    near = _close(name, names, 3)
    return "" if not near else f"; did you mean {' or '.join(repr(prefix + word) for word in near)}?"


def _close(name: str, known: list[str], most: int) -> list[str]:
    # Late: a program without a slip has no use for it.
    from difflib import get_close_matches

    near = [word for word in get_close_matches(name[:_LONGEST], known, 8, _NEAR) if _is_slip(name, word)]
    return sorted(near, key=lambda word: word[:1] != name[:1])[:most]


def _is_slip(name: str, word: str) -> bool:
    """Whether `name` may be `word` mistyped: one part of it, or an edit or two away; "diag" is no slip of "imag"."""
    inside, outside = sorted((name, word), key=len)
    return inside in outside or _edits(name[:_LONGEST], word) <= (1 if len(inside) < 6 else 2)


def _edits(a: str, b: str) -> int:
    """Letters left out, put in, changed, or swapped with the next one, that lead from `a` to `b`.

    >>> _edits("veiw", "view"), _edits("tranpose", "transpose"), _edits("tril", "tile")
    (1, 1, 2)
    """
    older: list[int] = []
    old = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(old[j] + 1, new[-1] + 1, old[j - 1] + (x != y)))
            if older and j > 1 and x == b[j - 2] and a[i - 2] == y:
                new[-1] = min(new[-1], older[j - 2] + 1)
        older, old = old, new
    return old[-1]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 3] + "..."
