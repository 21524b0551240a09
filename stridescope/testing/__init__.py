"""Assertions about storages, for tests: a failure prints why.

    with assert_no_copy():            # no op in the block moves a byte
        y = model.split_heads(x)
    assert_view_of(y, x)              # every byte of y is one of x
    assert_same_storage(y, x)
    assert_layout(y, "(2,4,8):(32,8,1)")

Under pytest the same functions are fixtures too, and `traced` is a trace over the whole test.

Problem: `assert y.data_ptr() == x.data_ptr()` fails with two numbers. Method: the tensors are read by `ss.inspect`, the
ops of a block by `ss.trace`, and what a person would ask next is in the message. Cost: that of those.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stridescope.errors import UnreadableError
from stridescope.layout import Layout
from stridescope.layout.coverage import coverage
from stridescope.readers import inspect
from stridescope.records.storage_maps import byte_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stridescope.records import TensorInfo
    from stridescope.records.traces import Trace

__all__ = ["assert_layout", "assert_no_copy", "assert_same_storage", "assert_view_of"]


@contextmanager
def assert_no_copy(at_most: int = 0, *, skip: Sequence[str] = ()) -> Iterator[Trace]:
    """Fail if the ops of a block move more than some bytes; gives the trace.

    Args:
        at_most: how many bytes may be moved.
        skip: directories or files that are a library's, as for `ss.trace`.

    Raises:
        AssertionError: with each line that copied, why it did, and what would avoid it.

    >>> import torch
    >>> with assert_no_copy():
    ...     y = torch.arange(12).view(3, 4).t()[1:]
    """
    __tracebackhide__ = True
    from stridescope.trace.tracing import trace

    with trace(skip=skip) as found:
        yield found
    if found.copied_nbytes > at_most:
        allowed = "" if not at_most else f", {at_most:,} allowed"
        raise AssertionError(f"{found.copied_nbytes:,} bytes were copied{allowed}\n\n{found}")


def assert_same_storage(a: Any, b: Any) -> None:
    """Fail if two tensors or arrays do not lie in one storage.

    Raises:
        AssertionError: with where each lies.
    """
    __tracebackhide__ = True
    one, other = _read(a), _read(b)
    if not _same_memory(one, other):
        raise AssertionError(f"they lie in two storages\n{_both(one, other)}")


def assert_view_of(a: Any, b: Any) -> None:
    """Fail if `a` reaches a byte that `b` does not: if it is no view of `b`.

    Raises:
        AssertionError: with where each lies, and how many bytes of `a` are not `b`'s.
    """
    __tracebackhide__ = True
    one, other = _read(a), _read(b)
    if not _same_memory(one, other):
        raise AssertionError(f"it is no view: it has a storage of its own, so it was copied\n{_both(one, other)}")
    mine, its = byte_layout(one), byte_layout(other)
    if mine is None or its is None:
        raise AssertionError(f"it cannot be told whether it is a view: one has no strides\n{_both(one, other)}")
    low = min(mine.span[0], its.span[0])
    high = max(mine.span[1], its.span[1])
    outside = coverage([mine, its], (low, high)).counts[0] - coverage([its], (low, high)).counts[0]
    if outside:
        raise AssertionError(
            f"it lies in the same storage, and reaches {outside:,} bytes there that the other does not\n"
            f"{_both(one, other)}"
        )


def assert_layout(x: Any, expected: str | Layout) -> None:
    """Fail if a tensor's shape, stride or storage_offset is not what is expected.

    Args:
        expected: a `Layout`, or one as the command line takes it: "(3,4):(4,1)", "(3,2):(1,8)+1".

    Raises:
        AssertionError: with the fields and dims that differ, and whether any address does.
        ValueError: `expected` is no layout.

    >>> import torch
    >>> assert_layout(torch.zeros(3, 4).t(), "(4,3):(1,4)")
    """
    __tracebackhide__ = True
    wanted = Layout.parse(expected) if isinstance(expected, str) else expected
    info = inspect(x)
    found = info.layout
    if found is None:
        raise UnreadableError(f"this {info.type} has no layout: {dict(info.why).get('stride', 'it has no strides')}")
    if found == wanted:
        return
    said = [f"the layout is {found}, not {wanted}"]
    for field in ("shape", "stride"):
        mine, its = getattr(found, field), getattr(wanted, field)
        if len(mine) != len(its):
            said.append(f"{field}: {len(mine)} dims, not {len(its)}")
        elif mine != its:
            pairs = enumerate(zip(mine, its, strict=True))
            said += [f"{field}[{dim}] is {a}, not {b}" for dim, (a, b) in pairs if a != b]
    if found.storage_offset != wanted.storage_offset:
        said.append(f"storage_offset is {found.storage_offset}, not {wanted.storage_offset}")
    if found.shape == wanted.shape and found.storage_offset == wanted.storage_offset and _only_size_one(found, wanted):
        said.append("only strides of size-1 dims differ: every index reaches the same address")
    raise AssertionError("\n  ".join(said))


def _only_size_one(one: Layout, other: Layout) -> bool:
    pairs = zip(one.shape, one.stride, other.stride, strict=True)
    return all(size == 1 or mine == its for size, mine, its in pairs)


def _read(x: Any) -> TensorInfo:
    info = inspect(x)
    if info.storage is None:
        raise UnreadableError(f"this {info.type} has no storage to compare: {dict(info.why).get('storage', '')}")
    return info


def _same_memory(one: TensorInfo, other: TensorInfo) -> bool:
    """Whether two tensors lie in one storage, also where two libraries each name it in their way."""
    assert one.storage is not None
    assert other.storage is not None
    if one.storage.id == other.storage.id:
        return True
    a, b = one.storage.data_ptr, other.storage.data_ptr
    return a is not None and a == b and one.device == other.device


def _both(one: TensorInfo, other: TensorInfo) -> str:
    return "\n".join(f"  {name}: {_told(info)}" for name, info in (("this", one), ("other", other)))


def _told(info: TensorInfo) -> str:
    storage = info.storage
    held = "" if storage is None else f" in storage {storage.id} of {storage.nbytes} B"
    return f"{info.layout if info.layout is not None else info.shape} {info.dtype} on {info.device}{held}"
