"""A pickle as inert values: nothing is imported, nothing is called.

Problem: a pickle is a program for a stack machine, and two of its instructions import and call whatever it names.
Method: a machine of our own. Where the real one would import, it pushes a `Global`, the name alone; where it would
call or construct, it pushes a `Made`, which says what would have been called with what. A table given by the caller
turns the few names it knows (torch's rebuild functions) into values; its functions are ours and get inert values only.
The instructions that tensors are written with come first, in one loop; all others are rows of a table.

Limits: every instruction takes time in proportion to the bytes it reads or to what it takes off the stack, so that a
pickle of n bytes ends after O(n) work; what costs many bytes of memory for one byte of pickle is counted, and ends at
`LEAST_OBJECTS` and one for each `BYTES_AN_OBJECT`. The memo is a list for numbers in order, as every pickler writes
them, and else a small dict: no number that is quoted becomes a size. Keys of dicts are hashed only where that takes
constant time; others are compared by identity.

Cost: about 0.12 us an instruction, 4 us a tensor. Source: Python's `Lib/pickletools.py`, which documents every opcode.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, Any

from stridescope.readers.files.inert import Global, Key, Made, Malformed, Record
from stridescope.readers.files.opcodes import OPCODES
from stridescope.readers.files.source import BrokenFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PickleReader"]

LEAST_OBJECTS = 1_000_000
BYTES_AN_OBJECT = 16
"""One container, call or global more is allowed for so many bytes of pickle."""

MARKS = 100_000
"""How deep marks may nest; picklers of this world stop at some thousands."""

FAR = 10_000
"""Memo numbers out of order."""

NAME = 500
"""Characters of a module's or class's name."""

_I4, _U4 = Struct("<i"), Struct("<I")


REFUSED = Malformed, ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError
"""What our functions raise for arguments that they do not take; anything that is no `Global` has no `make` at all."""


class PickleReader:
    """Reads one pickle, and says how far it came.

    Args:
        data: bytes that hold the pickle.
        known: dotted name -> our function for a call of it (its argument is the tuple of arguments), or None for a
            plain name. A name that is not in it is listed in `calls`.
        persistent: the value of a persistent id.
        base: what is added to positions in messages, in bytes.

    Attributes:
        calls: the names that are not known, in order.
        position: the byte after the last instruction read.
        attributes: id -> (dict or list, state): what BUILD would have set on plain containers.
        troubles: what could not be understood, a sentence each; the first few.
    """

    def __init__(
        self,
        data: bytes,
        known: Mapping[str, Callable[[tuple[Any, ...]], Any] | None],
        persistent: Callable[[Any], Any],
        base: int = 0,
    ) -> None:
        self.data = data
        self.position = 0
        self.base = base
        self.known = known
        self.persistent = persistent
        self.calls: dict[str, None] = {}
        self.attributes: dict[int, tuple[Any, Any]] = {}
        self.troubles: list[str] = []
        self.left = LEAST_OBJECTS + len(data) // BYTES_AN_OBJECT
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: list[Any] = []
        self.far: dict[int, Any] = {}
        self._globals: dict[str, Global] = {}

    def load(self, position: int = 0) -> Any:
        """The value of the pickle that starts at `position`.

        Raises:
            BrokenFile: it ends early, or is no pickle; `salvage` gives what was read.
        """
        self.position = position
        self.stack, self.marks, self.memo, self.far = [], [], [], {}
        at = position
        try:
            at = self._run(position)
            return self.stack.pop()
        except BrokenFile:
            raise
        except (IndexError, struct_error):
            at = max(at, self.position)
            raise self._broken(at) from None
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, MemoryError, RecursionError):
            # A value of a kind that the instruction does not work on.
            raise BrokenFile(f"the pickle breaks at byte {self.base + self.position:,}", self.position) from None

    def _broken(self, at: int) -> BrokenFile:
        if at >= len(self.data):
            return BrokenFile(f"the pickle ends early, at byte {self.base + len(self.data):,}", len(self.data))
        return BrokenFile(f"the pickle breaks at byte {self.base + at:,}: too little on its stack", at)

    def _run(self, pos: int) -> int:  # noqa: C901, PLR0912, PLR0915 - a call each would cost more than the instruction
        data, stack, marks, memo, table = self.data, self.stack, self.marks, self.memo, OPCODES
        push, pop = stack.append, stack.pop
        unsigned, signed, refused = _U4.unpack_from, _I4.unpack_from, REFUSED
        try:
            while True:
                op = data[pos]
                pos += 1
                if op == 0x72:  # LONG_BINPUT
                    (number,) = unsigned(data, pos)
                    pos += 4
                    if number == len(memo):
                        memo.append(stack[-1])
                    else:
                        self.put(number, stack[-1])
                elif op == 0x68:  # BINGET
                    number = data[pos]
                    pos += 1
                    push(memo[number] if number < len(memo) else self.get(number))
                elif op == 0x4B:  # BININT1
                    push(data[pos])
                    pos += 1
                elif op == 0x71:  # BINPUT
                    number = data[pos]
                    pos += 1
                    if number == len(memo):
                        memo.append(stack[-1])
                    else:
                        self.put(number, stack[-1])
                elif op == 0x4D:  # BININT2
                    push(data[pos] | data[pos + 1] << 8)
                    pos += 2
                elif op == 0x58:  # BINUNICODE
                    (length,) = unsigned(data, pos)
                    pos += 4
                    end = pos + length
                    if end > len(data):
                        pos = len(data)
                        raise IndexError
                    push(data[pos:end].decode("utf-8", "surrogatepass"))
                    pos = end
                elif op == 0x28:  # MARK
                    marks.append(len(stack))
                    if len(marks) > MARKS:
                        self._too_many("nested marks")
                elif op == 0x74:  # TUPLE
                    mark = marks.pop()
                    made = tuple(stack[mark:])
                    del stack[mark:]
                    push(made)
                elif op == 0x86:  # TUPLE2
                    last = pop()
                    stack[-1] = (stack[-1], last)
                elif op == 0x52:  # REDUCE
                    args = pop()
                    what = stack[-1]
                    self.position = pos
                    try:
                        stack[-1] = what.make(args)
                    except refused as error:
                        stack[-1] = self.uncalled(what, args, error)
                elif op == 0x4A:  # BININT
                    push(signed(data, pos)[0])
                    pos += 4
                elif op == 0x29:  # EMPTY_TUPLE
                    push(())
                elif op == 0x89:  # NEWFALSE
                    push(False)
                elif op == 0x51:  # BINPERSID
                    self.position = pos
                    stack[-1] = self.persistent(stack[-1])
                elif op == 0x6A:  # LONG_BINGET
                    (number,) = unsigned(data, pos)
                    pos += 4
                    push(memo[number] if number < len(memo) else self.get(number))
                elif op == 0x94:  # MEMOIZE
                    memo.append(stack[-1])
                elif op == 0x2E:  # STOP
                    return pos
                else:
                    act = table[op]
                    if act is None:
                        raise BrokenFile(f"byte {self.base + pos - 1:,} is no pickle instruction", pos - 1)
                    self.position = pos
                    act(self)
                    pos = self.position
        finally:
            # A row that ran past the end has said so there.
            self.position = max(pos, self.position)

    # What the rows need ------------------------------------------------------------------------

    def take(self, nbytes: int) -> bytes:
        """The next bytes; a length that goes past the end ends the reading."""
        start = self.position
        if nbytes > len(self.data) - start:
            self.position = len(self.data)
            raise IndexError
        self.position = start + nbytes
        return self.data[start : start + nbytes]

    def line(self) -> str:
        """The rest of the line, for instructions that are written in text."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            self.position = len(self.data)
            raise IndexError
        line = self.data[self.position : end]
        self.position = end + 1
        return line.decode("utf-8", "surrogateescape")

    def marked(self) -> list[Any]:
        """What lies above the last mark, taken off the stack."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def spend(self, objects: int = 1) -> None:
        """Count objects against the limit.

        Raises:
            BrokenFile: there are too many for a pickle of this size.
        """
        self.left -= objects
        if self.left < 0:
            self._too_many("objects")

    def _too_many(self, what: str) -> None:
        raise BrokenFile(
            f"the pickle asks for more {what} than a pickle of {len(self.data):,} bytes has any use for", self.position
        )

    def put(self, number: int, value: Any) -> None:
        """Sets a memo number that is not the next one."""
        if number < len(self.memo):
            self.memo[number] = value
            return
        self.far[number] = value
        if len(self.far) > FAR:
            self._too_many("memo numbers out of order")

    def get(self, number: int) -> Any:
        """The value of a memo number that was set out of order."""
        try:
            return self.far[number]
        except KeyError:
            message = f"the pickle asks for memo {number:,} before it is set, at byte {self.base + self.position:,}"
            raise BrokenFile(message, self.position) from None

    def found(self, module: str, name: str) -> Global:
        """The global of a name; listed in `calls` where no table knows it."""
        if type(module) is not str or type(name) is not str:
            raise TypeError
        dotted = f"{module[:NAME]}.{name[:NAME]}"
        known = self._globals.get(dotted)
        if known is None:
            self.spend()
            known = self._globals[dotted] = Global(dotted, self.known.get(dotted))
            if dotted not in self.known:
                self.calls[dotted] = None
        return known

    def call(self, what: Any, args: Any) -> Any:
        """What REDUCE and NEWOBJ give: a value of ours for a name that the table knows, else a `Made`."""
        try:
            return what.make(args)
        except REFUSED as error:
            return self.uncalled(what, args, error)

    def uncalled(self, what: Any, args: Any, error: Exception) -> Made:
        """What stands for a call that no function of ours was made for, or that it refused."""
        if type(what) is Global and what.make is not None:
            told = str(error) if type(error) is Malformed else "it is called with arguments that it does not take"
            self.trouble(f"{what.name}: {told}")
        return self.made(what, args)

    def made(self, what: Any, args: Any) -> Made:
        """What a call of something unknown gives."""
        self.spend()
        return Made(self.called(what), args)

    def called(self, what: Any) -> str:
        """The name of what would have been called; what is no global is called by what made it."""
        if type(what) is Global:
            return what.name
        name = f"what {what.name[:NAME]} gives" if type(what) is Made else f"a {type(what).__name__}"
        self.calls.setdefault(name)
        return name

    def trouble(self, sentence: str) -> None:
        """Remember what was not understood."""
        if len(self.troubles) < 8 and sentence not in self.troubles:
            self.troubles.append(sentence)

    def set_items(self, target: Any, pairs: list[Any]) -> None:
        """What SETITEMS does: `pairs` is key, value, key, value, ..."""
        keys, values = pairs[::2], pairs[1::2]
        if {*map(type, keys)} != {str}:
            keys = [_hashable(key) for key in keys]
        if type(target) is dict:
            target.update(zip(keys, values, strict=False))
        elif type(target) is Made:
            target.keyed = True
            target.items = target.items or []
            target.items += zip(keys, values, strict=False)

    @staticmethod
    def add_items(target: Any, items: list[Any]) -> None:
        """What APPENDS and ADDITEMS do."""
        if type(target) is list:
            target += items
        elif type(target) is Made:
            target.items = target.items or []
            target.items += items

    def build(self, target: Any, state: Any) -> None:
        """What BUILD does."""
        if type(target) is Made:
            target.state = state
        elif isinstance(target, Record):
            target.build(state)
        elif type(target) in (dict, list):
            self.spend()
            self.attributes[id(target)] = target, state

    def salvage(self) -> Any:
        """The root of a pickle that broke: what was waiting to be added is added to what it was for."""
        stack = self.stack
        while self.marks:
            mark = self.marks.pop()
            if not 0 < mark <= len(stack):
                continue
            items = stack[mark:]
            del stack[mark:]
            if type(stack[-1]) is dict:
                whole = [item for item in items if not isinstance(item, Global)]
                self.set_items(stack[-1], whole[: len(whole) // 2 * 2])
            else:
                self.add_items(stack[-1], items)
        return stack[0] if stack else None


def _hashable(key: Any) -> Any:
    kind = type(key)
    if kind in (str, bytes, bool, float, type(None)):
        return key
    if kind is int:
        # Larger ones can be chosen so that all hash alike.
        return key if -(2**60) < key < 2**60 else Key(key)
    if kind is tuple and len(key) <= 16 and all(type(part) in (str, int, bool) for part in key):
        return tuple(_hashable(part) for part in key)
    return Key(key)
