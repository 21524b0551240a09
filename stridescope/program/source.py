"""Program text to a checked syntax tree.

Problem: a program comes from a command line, a file or a text box, so it is not to be trusted, and the
person who typed it wants one sentence about the first thing that is wrong, with its place.

Method: three passes, none of which runs anything. A scan over the characters settles what the parser of
Python must never see (control characters, letters that only look like letters, deep brackets, an
unclosed quote). `ast` then reads the text. A walk over the tree last lets through the node types of a
short list and no others: assignments, in-place writes, chains of attributes, calls and subscripts,
literals, arithmetic and comparisons. Chains are walked in a loop, all else by recursion that counts its
depth, so neither a long chain nor a deep nest can overflow.

Cost: linear in the text, which is at most 20,000 characters; every refusal comes within milliseconds.

Source: the node types of Python's own `ast` module.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from stridescope.errors import ProgramError
from stridescope.program.grammar import (
    ALLOWED_STATEMENTS,
    EXAMPLE,
    FUNCTIONAL,
    LIBRARIES,
    MAX_INT_BITS,
    Link,
    chain_of,
    check_statement,
    count_ops,
    shown,
)

if TYPE_CHECKING:
    from stridescope.records import Place

__all__ = [
    "FUNCTIONAL",
    "LIBRARIES",
    "MAX_CHARS",
    "TOKEN",
    "Excerpt",
    "Link",
    "Program",
    "chain_of",
    "normalised",
    "origins",
    "parse",
    "syntax_tree",
    "without_prompts",
]

MAX_CHARS = 20_000
MAX_BRACKETS = 60
MAX_OPS = 1_000

TOKEN = re.compile(
    r"""
    (?P<comment> \#[^\n]* )
  | (?P<string>  \"\"\" (?:\\.|.)*? (?:\"\"\"|\Z) | ''' (?:\\.|.)*? (?:'''|\Z)
               | \" (?:\\.|[^"\\\n])* (?:"|(?=\n)|\\?\Z) | ' (?:\\.|[^'\\\n])* (?:'|(?=\n)|\\?\Z) )
  | (?P<open>    [(\[{] )
  | (?P<close>   [)\]}] )
  | (?P<bad>     [^\t\n\x20-\x7e] )
    """,
    re.VERBOSE | re.DOTALL,
)
"""What a scan looks at: comments, strings, brackets, and characters that no program is written in."""

_CLOSES = {"(": ")", "[": "]", "{": "}"}
_WORD = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|\S", re.ASCII)
_PROMPT = re.compile(r"(>>>|\.\.\.)(?: |$)")
_CLOSED_STRING = re.compile(r"(\"\"\"|'''|\"|')(?:\\.|.)*?\1\Z", re.DOTALL)


class Excerpt(NamedTuple):
    """A part of a program: its text on one line, and where it stands in the source; None where it is not there."""

    text: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Program:
    """A checked program.

    Attributes:
        source: the text as given, its common indent taken off.
        statements: Assign, AugAssign and Expr nodes only; imports are dropped.
        lines: what was parsed, comments blanked; `receiver` and perhaps a dot stand before the first line.
        receiver: the name that a text such as ".t()[1:]" goes on from; "" for a program of its own.
    """

    source: str
    statements: tuple[ast.stmt, ...]
    lines: tuple[str, ...]
    receiver: str = ""

    def text(self, node: ast.expr | ast.stmt, after: ast.expr | None = None) -> str:
        """A node as it was written, on one line; with `after`, only what follows that node in it."""
        line, column = (node.lineno, node.col_offset) if after is None else _end(after)
        end_line, end_column = _end(node)
        rows = list(self.lines[line - 1 : end_line])
        rows[-1] = rows[-1][:end_column]
        rows[0] = rows[0][max(column, len(self.receiver)) if line == 1 else column :]
        return _one_line(rows)

    def excerpt(self, node: ast.expr | ast.stmt, after: ast.expr | None = None) -> Excerpt:
        """A node with its place; with `after`, what follows that node, but for the brackets that close around it."""
        text = self.text(node, after).lstrip(") ")
        line, column = (node.lineno, node.col_offset) if after is None else _end(after)
        end_line, end_column = _end(node)
        while (line, column) < (end_line, end_column):
            row = self.lines[line - 1]
            column += len(row[column:]) - len(row[column:].lstrip(") \t"))
            if column < len(row):
                break
            line, column = line + 1, 0
        first = self._column(line, column), self._column(end_line, end_column)
        return Excerpt(text, (line, first[0], end_line, first[1]) if text else None)

    def _column(self, line: int, column: int) -> int:
        """A column of `lines` as one of `source`: the receiver is only in the former."""
        if line > 1:
            return column
        return max(column - len(self.lines[0]) + len(self.source.split("\n", 1)[0]), 0)

    @property
    def told(self) -> str:
        """The program as a heading gives it: as it was written, but each statement on a line of its own."""
        if all(node.lineno == node.end_lineno for node in self.statements):
            return self.source
        # The value of a statement that is an expression stands without the brackets that let it go over lines.
        return "\n".join(self.text(node.value if isinstance(node, ast.Expr) else node) for node in self.statements)

    def error(self, message: str, node: ast.expr | ast.stmt | ast.keyword, name: str = "") -> ProgramError:
        """A ProgramError about a node, or about the `name` that ends it."""
        line, column = node.lineno, node.col_offset
        end_line, end_column = _end(node)
        if name:
            line, column = end_line, end_column - len(name)
        elif end_line != line:
            end_column = len(self.lines[line - 1].rstrip())
        return _error(message, self.source, line, self._column(line, column), self._column(line, end_column))


def parse(source: str, receiver: str = "") -> Program:
    """Read and check a program; nothing of it runs.

    With `receiver`, the text is a chain that goes on from that name: "t()[1:]", ".t()[1:]" or "[1:]".

    Raises:
        ProgramError: at the first thing that is not allowed, with its place and what is allowed there.

    >>> [type(node).__name__ for node in parse("x = torch.arange(4); x[::2]").statements]
    ['Assign', 'Expr']
    >>> parse("x = lambda: 0")
    Traceback (most recent call last):
        ...
    stridescope.errors.ProgramError: a lambda is not allowed here; an expression is made of tensors, ops, \
numbers, strings, slices, tuples and lists
    """
    if not isinstance(source, str):
        raise ProgramError(f"a program is text, got {type(source).__name__}")
    if len(source) > MAX_CHARS:
        raise _error(f"the program has {len(source):,} characters; at most {MAX_CHARS:,} are read", source, 1, 0, 1)
    source = normalised(source)
    if not source:
        raise _error(f"the program is empty; try {EXAMPLE}", source, 1, 0, 1)
    text = _scan(source)
    if receiver:
        text = receiver + ("" if text[0] in ".[" else ".") + text
    program = Program(source, (), tuple(text.split("\n")), receiver)
    body = _tree(text, program)
    kept = tuple(node for node in body if check_statement(program, node))
    if not kept:
        raise _error(f"the program only imports; try {EXAMPLE}", source, 1, 0, 1)
    if (ops := sum(count_ops(node) for node in kept)) > MAX_OPS:
        raise _error(f"the program has {ops:,} ops; at most {MAX_OPS:,} are followed", source, 1, 0, 1)
    return Program(source, kept, program.lines, receiver)


def normalised(text: str) -> str:
    r"""The text that `parse` reads: common indent, blank ends and prompts taken off.

    >>> normalised("\n   x = 1\n   x\n")
    'x = 1\nx'
    """
    return without_prompts(dedent(_one_newline(text)).strip())


def origins(text: str) -> list[tuple[int, int]]:
    r"""Of each line of `normalised(text)`: its line in the text, from 0, and how much was taken off before it.

    >>> origins("\n  x = 1\n  x"), origins(">>> x = 1\n1\n>>> x")
    ([(1, 2), (2, 2)], [(0, 4), (2, 4)])
    """
    rows = _one_newline(text).split("\n")
    if dedent("\n".join(rows)).strip().startswith(">>>"):
        matched = ((k, row, _PROMPT.match(row.lstrip())) for k, row in enumerate(rows))
        found = [(k, row, len(row) - len(row.lstrip()) + match.end()) for k, row, match in matched if match]
    else:
        left = dedent("\n".join(rows)).split("\n")
        found = [(k, row, len(row) - len(rest)) for k, (row, rest) in enumerate(zip(rows, left, strict=True))]
    first = next((n for n, (_, row, taken) in enumerate(found) if row[taken:].strip()), len(found))
    answer = [(k, taken) for k, _, taken in found[first:]]
    for k, row, taken in found[first : first + 1]:
        answer[0] = k, len(row) - len(row[taken:].lstrip())
    return answer


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_prompts(source: str) -> str:
    r"""A pasted session as the program that was typed in it: prompts taken off, lines that were printed left out.

    >>> without_prompts(">>> x = torch.zeros(2,\n...                 3)\n>>> x.stride()\n(3, 1)")
    'x = torch.zeros(2,\n                3)\nx.stride()'
    """
    if not source.lstrip().startswith(">>>"):
        return source
    rows = [(_PROMPT.match(row), row) for row in map(str.lstrip, source.splitlines())]
    return "\n".join(row[match.end() :] for match, row in rows if match is not None).strip()


def _scan(source: str) -> str:
    """The text with its comments blanked, once its characters, quotes and brackets are in order."""

    def fail(message: str, at: int) -> ProgramError:
        line = source.count("\n", 0, at) + 1
        column = at - (source.rfind("\n", 0, at) + 1)
        return _error(message, source, line, column, column + 1)

    opened: list[int] = []
    pieces: list[str] = []
    kept = 0
    for token in TOKEN.finditer(source):
        at, found = token.start(), token.group()
        if token.lastgroup == "comment":
            pieces += source[kept:at], " " * len(found)
            kept = token.end()
        elif token.lastgroup == "string":
            if not _CLOSED_STRING.match(found) or not found.isascii() or not found.replace("\n", "").isprintable():
                odd = next((k for k, char in enumerate(found) if not _is_plain(char)), None)
                raise fail("this quote is never closed", at) if odd is None else fail(_odd(found[odd]), at + odd)
        elif token.lastgroup == "bad":
            raise fail(_odd(found), at)
        elif token.lastgroup == "open":
            opened.append(at)
            if len(opened) > MAX_BRACKETS:
                raise fail(f"brackets go at most {MAX_BRACKETS} deep", at)
        elif not opened:
            raise fail(f"this '{found}' closes nothing", at)
        elif found != _CLOSES[(opener := source[opened.pop()])]:
            raise fail(f"this '{found}' does not close '{opener}'", at)
    if opened:
        raise fail(f"this '{source[opened[-1]]}' is never closed", opened[-1])
    return "".join(pieces) + source[kept:]


def _is_plain(char: str) -> bool:
    return char in "\t\n" or " " <= char <= "~"


def _odd(char: str) -> str:
    shown = f"'{char}' (U+{ord(char):04X})" if char.isprintable() else f"the character U+{ord(char):04X}"
    return f"{shown} is not allowed; a program is written in plain ASCII"


def syntax_tree(text: str) -> list[ast.stmt]:
    """What `ast` reads, without a word about what it finds odd.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse` does.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text).body


def _tree(text: str, program: Program) -> list[ast.stmt]:
    """What `ast` reads, with every way it can fail turned into one sentence."""
    try:
        return syntax_tree(text)
    except SyntaxError as error:
        raise _syntax_error(error, program) from None
    except (RecursionError, MemoryError):
        message = f"the program is chained too long or nested too deep; at most {MAX_OPS:,} ops are followed"
    except ValueError:
        message = "the program holds a number or a character that cannot be read"
    raise _error(message, program.source, 1, 0, 1)


def _syntax_error(error: SyntaxError, program: Program) -> ProgramError:
    line = min(max(error.lineno or 1, 1), len(program.lines))
    row = program.lines[line - 1]
    column = min(max((error.offset or 1) - 1, 0), len(row))
    word = _WORD.match(row, column)
    end = word.end() if word else column + 1
    if row.lstrip().startswith("."):
        column, end = row.index("."), row.index(".") + 1
        message = "a chain that goes on over lines stands in parentheses: (torch.arange(12) ... .view(3, 4))"
        if line == 1:
            message = "nothing stands before this '.'; a program starts from torch, np or a name it bound itself"
    elif isinstance(error, IndentationError):
        column, end = len(row) - len(row.lstrip()), len(row)
        message = "this line is indented; every statement starts at the left, and a chain stays on one line"
    elif "digits" in str(error.msg):
        message = f"this number is too large; integers go up to {MAX_INT_BITS} bits"
    elif word is None:
        message = f"something is missing here; {ALLOWED_STATEMENTS}"
    else:
        message = f"{shown(word.group())} cannot be read here; {ALLOWED_STATEMENTS}"
    shift = len(program.lines[0]) - len(program.source.split("\n", 1)[0]) if line == 1 else 0
    return _error(message, program.source, line, column - shift, end - shift)


def _end(node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
    line, column = node.end_lineno, node.end_col_offset
    return node.lineno if line is None else line, node.col_offset + 1 if column is None else column


def _one_line(rows: list[str]) -> str:
    """Rows of one expression joined as one would write them on a single line."""
    text = rows[0].rstrip() if len(rows) > 1 else rows[0]
    for row in map(str.strip, rows[1:]):
        tight = not row or text.endswith(("(", "[")) or row.startswith((")", "]", "."))
        text += row if tight else " " + row
    return text.strip()


def _error(message: str, source: str, line: int, column: int, end_column: int) -> ProgramError:
    """A ProgramError whose place lies inside the source, whatever was asked."""
    rows = source.split("\n")
    row = rows[line - 1] if line <= len(rows) else rows[-1]
    column = min(max(column, 0), len(row))
    return ProgramError(
        message, source=source, line=min(line, len(rows)), column=column, end_column=max(end_column, column + 1)
    )
