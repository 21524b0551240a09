"""Where a program that cannot be read yet may be cut, so that what is before the place stands alone.

Problem: while a program is typed it mostly cannot be read: a bracket is open, a name is half there. What is before
that is a program, and its picture is wanted. Method: one scan over the characters. Outside of brackets, a text may end
before a link of a chain, before an operator, and where a statement ends. Parentheses that only group do not count as
brackets: a chain that goes over lines stands in them, and what is cut inside of them is closed again. Cost: linear.
"""

from __future__ import annotations

from typing import NamedTuple

from stridescope.program.source import TOKEN

__all__ = ["CLOSES", "Bracket", "Cut", "bracket_at", "cuts", "last_word", "unclosed"]

CLOSES = {"(": ")", "[": "]", "{": "}"}
"""A bracket, and what closes it."""

_ENDS = frozenset(";\n")
_OPERATORS = frozenset("+-*/%@&|^<>=,")


class Cut(NamedTuple):
    """A place where the text may end.

    Attributes:
        at: how many characters are kept.
        closing: what closes the parentheses that are open there.
        whole: whether a statement ends there.
    """

    at: int
    closing: str = ""
    whole: bool = False

    def of(self, source: str) -> str:
        """The text up to here, closed."""
        return source[: self.at] + self.closing


class Bracket(NamedTuple):
    """A bracket that is open: where it stands, and whether it only groups, as in "(a + b)", and calls nothing."""

    at: int
    groups: bool


def cuts(source: str) -> list[Cut]:
    r"""The places where a text may end, the last one first.

    >>> text = "x = torch.arange(12)\nx.view(3, 4)[1"
    >>> [cut.of(text) for cut in cuts(text)][:3]
    ['x = torch.arange(12)\nx.view(3, 4)', 'x = torch.arange(12)\nx', 'x = torch.arange(12)']
    """
    answer: list[Cut] = []
    opened: list[Bracket] = []
    kept = 0
    for token in TOKEN.finditer(source):
        answer += _between(source, kept, token.start(), opened)
        at, found, kept = token.start(), token.group(), token.end()
        if token.lastgroup == "open":
            if found == "[" and all(bracket.groups for bracket in opened):
                answer.append(_cut(at, opened))
            opened.append(bracket_at(source, at))
        elif token.lastgroup == "close" and opened:
            opened.pop()
        elif token.lastgroup == "bad":
            break
    answer += _between(source, kept, len(source), opened)
    return answer[::-1]


def _between(source: str, start: int, end: int, opened: list[Bracket]) -> list[Cut]:
    """The cuts in a stretch that holds no bracket and no string."""
    if not all(bracket.groups for bracket in opened):
        return []
    answer = []
    for at in range(start, end):
        char = source[at]
        whole = char in _ENDS and not opened
        if whole or char in _OPERATORS or (char == "." and not _in_number(source, at)):
            answer.append(_cut(at, opened, whole))
    return answer


def _cut(at: int, opened: list[Bracket], whole: bool = False) -> Cut:
    return Cut(at, ")" * len(opened), whole)


def bracket_at(source: str, at: int, grouping: str = "(") -> Bracket:
    """The bracket at a place; one that calls or indexes what is before it groups nothing."""
    before = source[:at].rstrip(" \t")[-1:]
    applied = before.isalnum() or before in ("_", ")", "]")
    return Bracket(at, source[at] == grouping and not applied)


def _in_number(source: str, at: int) -> bool:
    return source[at - 1 : at].isdigit() and last_word(source[:at]).isdigit()


def last_word(text: str) -> str:
    """The letters, digits and underscores that a text ends with.

    >>> last_word("torch.arange(12).vi"), last_word("x[")
    ('vi', '')
    """
    at = len(text)
    while at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        at -= 1
    return text[at:]


def unclosed(source: str) -> list[Bracket]:
    """The brackets that are never closed, the outermost first.

    >>> [bracket.at for bracket in unclosed("torch.cat([x, x.view(")]
    [9, 10, 20]
    """
    opened: list[Bracket] = []
    for token in TOKEN.finditer(source):
        if token.lastgroup == "open":
            opened.append(bracket_at(source, token.start()))
        elif token.lastgroup == "close" and opened:
            opened.pop()
    return opened
