"""Where the cursor stands in a program: in a word, after a dot, inside a call.

Problem: what may come next depends on what is before the cursor, in a text that cannot be read yet. Method: one scan
over the characters before it pairs the brackets; the expression before a dot, and the op whose bracket is open, are
then read backwards over pairs. Cost: linear in the text before the cursor.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from stridescope.program.prefix import Bracket, bracket_at, last_word
from stridescope.program.source import TOKEN, origins

__all__ = ["Call", "Cursor", "cursor_at"]

_KEYWORD = re.compile(r"\s*(\w+)\s*=(?!=)\s*(?:\w+\.)?\w*\Z")
_NAMED = re.compile(r"\s*(\w+)\s*=(?!=)")


class Call(NamedTuple):
    """A call whose bracket is open.

    Attributes:
        base: the expression before its last dot, "torch" or "x.t()"; None for a plain name, as in "len(".
        name: what is called.
        arguments: the texts between its commas, up to the cursor.
    """

    base: str | None
    name: str
    arguments: tuple[str, ...]

    @property
    def keyword(self) -> str:
        """The keyword that the last argument is given by, or ""."""
        match = _NAMED.match(self.arguments[-1])
        return "" if match is None else match[1]


class Cursor(NamedTuple):
    """What is before the cursor.

    Attributes:
        word: the letters right before it.
        start, end: the columns of the word in its line, what follows the cursor in it included.
        before: the statements before the one that the cursor is in.
        base: the expression before the dot that the word follows, "" for one that is not written; None for no dot.
        opens: whether the word begins the statement.
        begins: whether an expression may begin with the word.
        call: the innermost call whose bracket is open.
        keyword: "dtype" where the word is what follows "dtype=" or "dtype=torch.", else "".
    """

    word: str
    start: int
    end: int
    before: str
    base: str | None
    opens: bool
    begins: bool
    call: Call | None
    keyword: str


def cursor_at(text: str, line: int, column: int) -> Cursor | None:
    """Where a cursor stands in a text as it was typed, line and column from 0; None in a comment or a string.

    >>> now = cursor_at("x = torch.arange(12); x.view(3, 4).re", 0, 37)
    >>> now.word, now.start, now.before, now.base
    ('re', 35, 'x = torch.arange(12)', 'x.view(3, 4)')
    >>> cursor_at("torch.cat([x, x], di", 0, 20).call
    Call(base='torch', name='cat', arguments=('[x, x]', ' di'))
    """
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line = min(max(line, 0), len(rows) - 1)
    column = min(max(column, 0), len(rows[line]))
    head = "\n".join(
        rows[number][taken : column if number == line else None] for number, taken in origins(text) if number <= line
    )
    scan = _scanned(head)
    if scan is None:
        return None
    word = last_word(head)
    at = len(head) - len(word)
    statement = scan.statement
    base = _base(head, at, scan) if head[:at].endswith(".") else None
    call = _call(head, scan)
    keyword = None if call is None else _KEYWORD.fullmatch(call.arguments[-1])
    rest = re.match(r"\w*", rows[line][column:])
    return Cursor(
        word=word,
        start=column - len(word),
        end=column + (rest.end() if rest is not None else 0),
        before=head[:statement].rstrip(" \t;\n"),
        base=base,
        opens=not head[statement:at].strip(),
        begins=not word[:1].isdigit() and not _may_go_on(scan.text[statement:at].rstrip()),
        call=call,
        keyword="" if keyword is None else keyword[1],
    )


class _Scan(NamedTuple):
    """The text with comments blanked and strings masked, and its brackets.

    Attributes:
        statement: where the last statement starts.
        opened: the brackets that are open at the end.
        pairs: where a bracket closes -> where it was opened.
    """

    text: str
    statement: int
    opened: list[Bracket]
    pairs: dict[int, int]


def _scanned(head: str) -> _Scan | None:
    """The scan of a text; None where it ends in a comment or a string."""
    opened: list[Bracket] = []
    pairs: dict[int, int] = {}
    masked = head
    statement = kept = 0
    for token in TOKEN.finditer(head):
        at, end = token.span()
        if not opened:
            statement = _after_mark(head, kept, at, statement)
        kept = end
        if token.lastgroup in ("comment", "string"):
            if end == len(head) and (token.lastgroup == "comment" or _is_open(token[0])):
                return None
            masked = masked[:at] + (" " if token.lastgroup == "comment" else "'") * (end - at) + masked[end:]
        elif token.lastgroup == "open":
            opened.append(bracket_at(head, at))
        elif token.lastgroup == "close" and opened:
            pairs[at] = opened.pop().at
    if not opened:
        statement = _after_mark(head, kept, len(head), statement)
    return _Scan(masked, statement, opened, pairs)


def _after_mark(head: str, start: int, end: int, otherwise: int) -> int:
    """Where the last statement that starts in a stretch does."""
    return max(otherwise, *(head.rfind(mark, start, end) + 1 for mark in ";\n"))


def _is_open(string: str) -> bool:
    quote = string[:3] if string[:3] in ('"""', "'''") else string[:1]
    return len(string) < 2 * len(quote) or not string.endswith(quote)


def _base(head: str, end: int, scan: _Scan) -> str:
    """The expression before the dot that ends right before a place."""
    return head[_chain_start(scan, end - 1) : end - 1].strip()


def _chain_start(scan: _Scan, end: int) -> int:
    """Where the chain starts that ends right before a place; inside of brackets it may go over lines."""
    text, blank, at = scan.text, " \t\n" if scan.opened else " \t", end
    while True:
        before = text[:at].rstrip(blank)
        if before.endswith((")", "]")):
            at = scan.pairs.get(len(before) - 1, 0)
            if bracket_at(text, at, text[at]).groups:
                return at
            continue
        word = last_word(before)
        at = len(before) - len(word)
        left = text[:at].rstrip(blank)
        if not word or not left.endswith("."):
            return at
        at = len(left) - 1
        if not _may_go_on(text[:at].rstrip(blank)):
            return at


def _may_go_on(before: str) -> bool:
    """Whether something that a dot may follow ends here."""
    return before[-1:].isalnum() or before.endswith(("_", ")", "]"))


def _call(head: str, scan: _Scan) -> Call | None:
    """The innermost call that is open; none inside of an index."""
    for at, groups in reversed(scan.opened):
        if groups or (head[at] != "(" and bracket_at(head, at, head[at]).groups):
            continue
        before = head[:at].rstrip(" \t")
        name = last_word(before)
        if head[at] != "(" or not name:
            return None
        start = len(before) - len(name)
        base = _base(head, start, scan) if head[:start].endswith(".") else None
        return Call(base, name, _arguments(head, at + 1, scan.text))
    return None


def _arguments(head: str, start: int, masked: str) -> tuple[str, ...]:
    """The texts between the commas of a call that is open."""
    pieces: list[str] = []
    kept, depth = start, 0
    for at in range(start, len(head)):
        if masked[at] == "," and not depth:
            pieces.append(head[kept:at])
            kept = at + 1
        depth += (masked[at] in "([{") - (masked[at] in ")]}")
    return (*pieces, head[kept:])
