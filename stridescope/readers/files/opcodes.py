"""What each instruction of a pickle does to the stack, but for those that tensors are mostly written with.

Problem: a pickle machine has some seventy instructions. Method: a row each, from the byte to a function of the reader;
families (a value with its length before it, an empty container) are made by functions. The few that make up nearly all
of a checkpoint are in the reader's own loop. Cost: one call an instruction.

Source: Python's `Lib/pickletools.py`, which documents every opcode.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from stridescope.readers.files.inert import Global, Made

if TYPE_CHECKING:
    from collections.abc import Callable

    from stridescope.readers.files.pickles import PickleReader

__all__ = ["OPCODES"]

_F8 = Struct(">d")


def _global(r: PickleReader) -> None:
    module = r.line()
    r.stack.append(r.found(module, r.line()))


def _stack_global(r: PickleReader) -> None:
    name = r.stack.pop()
    r.stack[-1] = r.found(r.stack[-1], name)


def _inst(r: PickleReader) -> None:
    module = r.line()
    what = r.found(module, r.line())
    r.stack.append(r.made(what, tuple(r.marked())))


def _obj(r: PickleReader) -> None:
    items = r.marked()
    r.stack.append(r.made(items[0], tuple(items[1:])))


def _newobj(r: PickleReader) -> None:
    args = r.stack.pop()
    what = r.stack[-1]
    # An OrderedDict, or a subclass of Tensor that is made so: as a call of it.
    r.stack[-1] = r.call(what, args)


def _newobj_ex(r: PickleReader) -> None:
    keywords, args = r.stack.pop(), r.stack.pop()
    r.stack[-1] = r.made(r.stack[-1], (args, keywords) if keywords else args)


def _extension(width: int) -> Callable[[PickleReader], None]:
    def act(r: PickleReader) -> None:
        code = int.from_bytes(r.take(width), "little")
        r.stack.append(r.found("copyreg", f"extension {code}"))

    return act


def _build(r: PickleReader) -> None:
    state = r.stack.pop()
    r.build(r.stack[-1], state)


def _tuple1(r: PickleReader) -> None:
    r.spend()
    r.stack[-1] = (r.stack[-1],)


def _tuple3(r: PickleReader) -> None:
    last = tuple(r.stack[-3:])
    if len(last) < 3:
        raise IndexError
    r.stack[-3:] = [last]


def _empty(make: Callable[[], Any]) -> Callable[[PickleReader], None]:
    def act(r: PickleReader) -> None:
        r.spend()
        r.stack.append(make())

    return act


def _list(r: PickleReader) -> None:
    r.spend()
    r.stack.append(r.marked())


def _dict(r: PickleReader) -> None:
    r.spend()
    items = r.marked()
    made: dict[Any, Any] = {}
    r.set_items(made, items)
    r.stack.append(made)


def _frozenset(r: PickleReader) -> None:
    items = r.marked()
    r.spend()
    r.stack.append(Made("frozenset", tuple(items)))


def _append(r: PickleReader) -> None:
    item = r.stack.pop()
    r.add_items(r.stack[-1], [item])


def _appends(r: PickleReader) -> None:
    items = r.marked()
    r.add_items(r.stack[-1], items)


def _setitem(r: PickleReader) -> None:
    value, key = r.stack.pop(), r.stack.pop()
    r.set_items(r.stack[-1], [key, value])


def _setitems(r: PickleReader) -> None:
    items = r.marked()
    r.set_items(r.stack[-1], items)


def _pop(r: PickleReader) -> None:
    # As the real machine: with nothing above the mark, the mark goes.
    if r.marks and r.marks[-1] == len(r.stack):
        r.marks.pop()
    else:
        r.stack.pop()


def _pop_mark(r: PickleReader) -> None:
    r.marked()


def _dup(r: PickleReader) -> None:
    r.stack.append(r.stack[-1])


def _put_text(r: PickleReader) -> None:
    r.put(_memo_number(r), r.stack[-1])


def _get_text(r: PickleReader) -> None:
    number = _memo_number(r)
    r.stack.append(r.memo[number] if number < len(r.memo) else r.get(number))


def _memo_number(r: PickleReader) -> int:
    line = r.line()
    if not line.isdecimal() or len(line) > 20:
        raise ValueError
    return int(line)


def _persid(r: PickleReader) -> None:
    r.stack.append(r.persistent(r.line()))


def _int_text(r: PickleReader) -> None:
    line = r.line()
    r.stack.append({"00": False, "01": True}[line] if line in ("00", "01") else _written(line))


def _long_text(r: PickleReader) -> None:
    r.stack.append(_written(r.line().rstrip("L")))


_DIGITS = 4000
"""Of a number in text: to read one takes time in the square of them."""


def _written(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError
    return int(digits)


def _float_text(r: PickleReader) -> None:
    r.stack.append(float(r.line()[:_DIGITS]))


def _float(r: PickleReader) -> None:
    r.stack.append(_F8.unpack(r.take(8))[0])


def _string_text(r: PickleReader) -> None:
    line = r.line()
    if len(line) < 2 or line[0] != line[-1] or line[0] not in "\"'":
        raise ValueError
    r.stack.append(line[1:-1].encode("latin-1", "replace").decode("unicode_escape", "replace"))


def _unicode_text(r: PickleReader) -> None:
    r.stack.append(r.line().encode("utf-8", "surrogateescape").decode("raw_unicode_escape", "replace"))


def _counted(width: int, read: Callable[[bytes], Any]) -> Callable[[PickleReader], None]:
    """A value whose length in bytes comes before it."""

    def act(r: PickleReader) -> None:
        length = int.from_bytes(r.take(width), "little")
        r.stack.append(read(r.take(length)))

    return act


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _old_string(raw: bytes) -> str:
    """A str of Python 2, which may hold text or bytes."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _long(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _pushes(value: Any) -> Callable[[PickleReader], None]:
    def act(r: PickleReader) -> None:
        r.stack.append(value)

    return act


def _skips(nbytes: int) -> Callable[[PickleReader], None]:
    def act(r: PickleReader) -> None:
        r.take(nbytes)

    return act


def _buffer(r: PickleReader) -> None:
    r.stack.append(r.made(Global("pickle.PickleBuffer"), ()))


def _set() -> Made:
    return Made("set", ())


_ROWS: dict[bytes, Callable[[PickleReader], None]] = {
    b"c": _global,
    b"\x93": _stack_global,
    b"i": _inst,
    b"o": _obj,
    b"\x81": _newobj,
    b"\x92": _newobj_ex,
    b"\x82": _extension(1),
    b"\x83": _extension(2),
    b"\x84": _extension(4),
    b"b": _build,
    b"\x85": _tuple1,
    b"\x87": _tuple3,
    b"]": _empty(list),
    b"}": _empty(dict),
    b"\x8f": _empty(_set),
    b"\x91": _frozenset,
    b"l": _list,
    b"d": _dict,
    b"a": _append,
    b"e": _appends,
    b"\x90": _appends,
    b"s": _setitem,
    b"u": _setitems,
    b"0": _pop,
    b"1": _pop_mark,
    b"2": _dup,
    b"p": _put_text,
    b"g": _get_text,
    b"P": _persid,
    b"N": _pushes(None),
    b"\x88": _pushes(True),
    b"I": _int_text,
    b"L": _long_text,
    b"F": _float_text,
    b"G": _float,
    b"S": _string_text,
    b"V": _unicode_text,
    b"\x8a": _counted(1, _long),
    b"\x8b": _counted(4, _long),
    b"U": _counted(1, _old_string),
    b"T": _counted(4, _old_string),
    b"\x8c": _counted(1, _text),
    b"\x8d": _counted(8, _text),
    b"C": _counted(1, bytes),
    b"B": _counted(4, bytes),
    b"\x8e": _counted(8, bytes),
    b"\x96": _counted(8, bytes),
    b"\x97": _buffer,
    b"\x98": _skips(0),
    b"\x80": _skips(1),
    b"\x95": _skips(8),
}

OPCODES = [_ROWS.get(bytes([code])) for code in range(256)]
"""By the byte; None for a byte that is no instruction."""
