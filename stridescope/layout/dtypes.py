"""Element types as rows: one word for each, whichever library it came from.

Problem: torch, numpy and file formats name the same element types differently; the algebra needs names, item sizes,
which real type a complex one is made of, and the result type of joining two. Method: a table. Cost: a dict look-up.

Item sizes are in bytes. Source: torch's `c10/core/ScalarType.h` and numpy's dtype documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal

from stridescope.errors import OpRuntimeError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DTYPES", "NUMPY_NAMES", "TORCH_NAMES", "DType", "dtype", "promote"]

Kind = Literal["bool", "uint", "int", "float", "complex"]


@dataclass(frozen=True, slots=True)
class DType:
    """One element type.

    Attributes:
        itemsize: bytes for each element.
        kind: what its values are; kinds are ordered bool < uint, int < float < complex.
        part: the real type a complex one is made of, else "".
    """

    name: str
    itemsize: int
    kind: Kind
    part: str = ""

    @property
    def rank(self) -> int:
        """How wide its kind is: bool 0, whole numbers 1, float 2, complex 3."""
        return _RANK[self.kind]

    @property
    def is_complex(self) -> bool:
        """Whether elements are pairs of reals."""
        return self.kind == "complex"

    @property
    def is_floating(self) -> bool:
        """Whether elements are real floating-point numbers."""
        return self.kind == "float"

    def __str__(self) -> str:
        return self.name


_ROWS = (
    DType("bool", 1, "bool"),
    DType("uint8", 1, "uint"),
    DType("uint16", 2, "uint"),
    DType("uint32", 4, "uint"),
    DType("uint64", 8, "uint"),
    DType("int8", 1, "int"),
    DType("int16", 2, "int"),
    DType("int32", 4, "int"),
    DType("int64", 8, "int"),
    DType("float8_e4m3fn", 1, "float"),
    DType("float8_e4m3fnuz", 1, "float"),
    DType("float8_e5m2", 1, "float"),
    DType("float8_e5m2fnuz", 1, "float"),
    DType("float8_e8m0fnu", 1, "float"),
    DType("float16", 2, "float"),
    DType("bfloat16", 2, "float"),
    DType("float32", 4, "float"),
    DType("float64", 8, "float"),
    DType("complex32", 4, "complex", "float16"),
    DType("complex64", 8, "complex", "float32"),
    DType("complex128", 16, "complex", "float64"),
)

DTYPES = {row.name: row for row in _ROWS}

_TORCH_ALIASES = {
    "half": "float16",
    "float": "float32",
    "double": "float64",
    "chalf": "complex32",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "short": "int16",
    "int": "int32",
    "long": "int64",
}

TORCH_NAMES = {**DTYPES, **{alias: DTYPES[name] for alias, name in _TORCH_ALIASES.items()}}
"""Names under `torch.`."""

_NUMPY_ALIASES = {
    "bool_": "bool",
    "byte": "int8",
    "ubyte": "uint8",
    "short": "int16",
    "intc": "int32",
    "int_": "int64",
    "intp": "int64",
    "longlong": "int64",
    "half": "float16",
    "single": "float32",
    "double": "float64",
    "csingle": "complex64",
    "cdouble": "complex128",
}

_NOT_NUMPY = ("float8", "bfloat16", "complex32")

NUMPY_NAMES = {
    **{name: row for name, row in DTYPES.items() if not name.startswith(_NOT_NUMPY)},
    **{alias: DTYPES[name] for alias, name in _NUMPY_ALIASES.items()},
}
"""Names under `np.`."""

_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}
# There is no complex type of two bfloat16.
_COMPLEX_OF = {row.part: row for row in _ROWS if row.part} | {"bfloat16": DTYPES["complex64"]}
_LATE_UNSIGNED = ("uint16", "uint32", "uint64")


def dtype(name: str) -> DType:
    """The row of a name.

    >>> dtype("float32").itemsize
    4
    """
    return DTYPES[name]


def promote(types: Iterable[DType]) -> DType:
    """The type that holds elements of all of them, as torch joins tensors of one or more dims.

    >>> promote([dtype("int64"), dtype("float16")]).name
    'float16'

    Raises:
        OpRuntimeError: torch promotes no float8, and uint16, uint32 and uint64 with float types alone.
    """
    return reduce(_promote_two, types)


def _promote_two(a: DType, b: DType) -> DType:
    if a == b:
        return a
    for one, other in ((a, b), (b, a)):
        if one.name.startswith("float8") or (one.name in _LATE_UNSIGNED and not other.is_floating):
            raise OpRuntimeError(
                "promotion", f"torch has no common type for {a} and {b}; convert one of them first, as in .to(...)"
            )
    if a.rank < b.rank:
        a, b = b, a
    if a.rank > b.rank:
        if a.is_complex and b.is_floating:
            return _promote_two(a, _COMPLEX_OF.get(b.name, a))
        return a
    if a.kind == b.kind:
        # float16 and bfloat16
        if a.itemsize == b.itemsize:
            return DTYPES["float32"]
        return a if a.itemsize > b.itemsize else b
    # uint8 is the only unsigned type left.
    signed = a if a.kind == "int" else b
    return signed if signed.itemsize > 1 else DTYPES["int16"]
