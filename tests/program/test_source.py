"""Program text becomes a checked tree, or one sentence with a place."""

from __future__ import annotations

import ast

import pytest

from stridescope.errors import ProgramError
from stridescope.program.source import MAX_CHARS, MAX_OPS, chain_of, parse, without_prompts


def kinds(source: str) -> list[str]:
    return [type(node).__name__ for node in parse(source).statements]


def error_of(source: str, receiver: str = "") -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        parse(source, receiver)
    return caught.value


def place(error: ProgramError) -> str:
    """The text that the error points at."""
    return error.source.split("\n")[error.line - 1][error.column : error.end_column]


# ------------------------------------------------------------------------------------- what is allowed


@pytest.mark.parametrize(
    "source",
    [
        "torch.arange(12)",
        "x = torch.arange(12)",
        "a, b = x.split(2)",
        "[a, b] = x.split(2)",
        "a = b = x",
        "a[1:] = 0",
        "b += 1",
        "a[0] += 1",
        "a, b[0] = x",
        "a, *b = x",
        "x.view(*y, 3)",
        "(*y, 3)",
        "[*y, *z]",
        "x[..., None, ::-1, 1:2, [0, 1]]",
        "x[(1, 2)]",
        "torch.full((2, 3), -1.5e3 + 2j, dtype=torch.complex64)",
        "-x + ~y - +z * 2 // 3 % 4 ** 5 @ w & 1 | 2 ^ 3",
        "x < 1",
        "x == y",
        "not True",
        "(x + y).t()",
        "x.shape[0]",
        "torch.zeros(2, 3,)",
        "np.array([[1, 2], [3, 4]], dtype='f4')",
        "'a' 'b'",
    ],
)
def test_every_form_of_the_language_is_let_through(source: str) -> None:
    assert len(parse(source).statements) == 1


def test_statements_are_separated_by_newlines_or_semicolons() -> None:
    assert kinds("x = 1; y = 2\nx\n\ny += 1") == ["Assign", "Assign", "Expr", "AugAssign"]


def test_imports_of_the_two_libraries_and_comments_are_ignored() -> None:
    assert kinds("# a comment with ünïcode\nimport torch\nimport numpy as np  # another\nx = 1  # and '") == ["Assign"]


def test_torch_nn_functional_may_be_imported_as_everyone_does() -> None:
    assert kinds("import torch.nn.functional as F\nx = 1") == ["Assign"]


@pytest.mark.parametrize(
    ("source", "program"),
    [
        (">>> x = 1", "x = 1"),
        (">>> x = f(1,\n...       2)\n>>> x\n(1, 2)\n>>> y = x", "x = f(1,\n      2)\nx\ny = x"),
        ("    >>> x = 1\n    >>> y = 2", "x = 1\ny = 2"),
        ("... .x", "... .x"),
    ],
)
def test_the_prompts_of_a_pasted_session_are_taken_off_and_what_it_printed_too(source: str, program: str) -> None:
    assert without_prompts(source) == program


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("(torch.arange(12)\n .view(3, 4))", "torch.arange(12).view(3, 4)"),
        ("x = (torch.arange(12)  # twelve\n     .view(3, 4))\nx.t()", "x = (torch.arange(12).view(3, 4))\nx.t()"),
        ("x = torch.arange(12);  x.t()  # turned", "x = torch.arange(12);  x.t()  # turned"),
    ],
)
def test_a_heading_gives_each_statement_on_one_line(source: str, told: str) -> None:
    assert parse(source).told == told


def test_a_hash_in_a_string_is_no_comment() -> None:
    (statement,) = parse("x = 'a # b'").statements
    assert isinstance(statement, ast.Assign)
    assert ast.literal_eval(statement.value) == "a # b"


def test_a_common_indent_is_taken_off_as_in_an_indented_docstring() -> None:
    assert kinds("\n    x = 1\n    y = 2\n    ") == ["Assign", "Assign"]


def test_expressions_may_go_over_lines_in_brackets() -> None:
    program = parse("torch.zeros(\n    2,  # rows\n    3,\n).t()")
    (statement,) = program.statements
    assert program.text(statement) == "torch.zeros(2, 3,).t()"


def test_windows_and_old_mac_newlines_are_newlines() -> None:
    assert kinds("x = 1\r\ny = 2\rz = 3") == ["Assign"] * 3


# -------------------------------------------------------------------------------- chains and their text


def test_a_chain_is_walked_from_its_root_without_recursion() -> None:
    (statement,) = parse("x" + ".t()" * (MAX_OPS - 1)).statements
    assert isinstance(statement, ast.Expr)
    root, links = chain_of(statement.value)
    assert isinstance(root, ast.Name)
    assert [link.kind for link in links] == ["attribute", "call"] * (MAX_OPS - 1)


@pytest.mark.parametrize(
    ("source", "first"), [("t()[1:]", ".t()"), (".t()[1:]", ".t()"), ("[1:].t()", "[1:]"), (" T[0]", ".T")]
)
def test_a_text_can_go_on_from_a_name_with_or_without_the_dot(source: str, first: str) -> None:
    program = parse(source, "value")
    (statement,) = program.statements
    assert isinstance(statement, ast.Expr)
    root, links = chain_of(statement.value)
    assert isinstance(root, ast.Name)
    assert root.id == "value"
    end = links[1].node if links[1].kind == "call" else links[0].node
    assert program.text(end) == first


def test_places_in_a_text_that_goes_on_from_a_name_are_those_of_the_text() -> None:
    for source in ("t()._x", ".t()._x", "[0]._x"):
        error = error_of(source, "value")
        assert error.source == source
        assert place(error) == "_x"


# -------------------------------------------------------------------------------- what is refused, where

REFUSED = [
    ("x.__class__", "__class__", "private"),
    ("x._base", "_base", "private"),
    ("_x = 1", "_x", "private"),
    ("x.f(_a=1)", "_a=1", "private"),
    ("lambda: 0", "lambda: 0", "a lambda is not allowed here"),
    ("y = (lambda: 0)()", "lambda: 0", "a lambda"),
    ("[i for i in x]", "[i for i in x]", "a list comprehension"),
    ("{i for i in x}", "{i for i in x}", "a comprehension"),
    ("list(i for i in x)", "(i for i in x)", "a generator expression"),
    ("f'{x}'", "f'{x}'", "an f-string"),
    ("(y := 1)", "y := 1", ":="),
    ("*y", "*y", "a star outside of arguments"),
    ("x = *y", "*y", "a star outside of arguments"),
    ("x.view(*(*y, lambda: 0))", "lambda: 0", "a lambda"),
    ("x.f(**y)", "**y", "write the keywords out"),
    ("*a, *b = x", "*b", "only one name can take the rest"),
    ("a, *(b, c) = x", "(b, c)", "can be assigned to"),
    ("await x", "await x", "await"),
    ("yield x", "yield x", "yield"),
    ("{'a': 1}", "{'a': 1}", "a dict"),
    ("{1, 2}", "{1, 2}", "a set"),
    ("1 if x else 2", "1 if x else 2", "a conditional expression"),
    ("x and y", "x and y", "and/or"),
    ("x is None", "x is None", "a comparison"),
    ("1 in x", "1 in x", "a comparison"),
    ("1 < x < 2", "1 < x < 2", "two sides"),
    ("b'a'", "b'a'", "bytes"),
    ("if x: y", "if x: y", "an if statement"),
    ("for i in x: y", "for i in x: y", "a for loop"),
    ("while x: y", "while x: y", "a while loop"),
    ("def f(): pass", "def f(): pass", "a function definition"),
    ("class A: pass", "class A: pass", "a class definition"),
    ("with x: y", "with x: y", "a with statement"),
    ("try: x\nexcept: y", "try: x", "a try statement"),
    ("del x", "del x", "del is not allowed"),
    ("global x", "global x", "global"),
    ("x: int = 1", "x: int = 1", "an annotation"),
    ("assert x", "assert x", "an assert"),
    ("pass", "pass", "pass is not allowed"),
    ("import os", "import os", "only 'import torch'"),
    ("import torch.nn as nn", "import torch.nn as nn", "only 'import torch'"),
    ("import torch as t", "import torch as t", "only 'import torch'"),
    ("from torch import nn", "from torch import nn", "from ... import"),
    ("torch = 3", "torch", "is the library here"),
    ("np += 1", "np", "is the library here"),
    ("x.a = 3", "x.a", "can be assigned to"),
    ("(a, (b, c)) = x", "(b, c)", "can be assigned to"),
    ("x = 1\n  y = 2", "y = 2", "indented"),
    ("x = torch.zeros(3\ny = 2", "(", "never closed"),
    ("x.view(3]", "]", "does not close '('"),
    ("x)", ")", "closes nothing"),
    ("x = 'abc", "'", "never closed"),
    ("x y", "y", "cannot be read here"),
    ("x.if", "if", "cannot be read here"),
    ("torch.arange(3).", "", "something is missing here"),
    ("x\n  .t()", ".", "parentheses"),
    ("torch.arange(3)\n.t()", ".", "parentheses"),
    ("x = 18446744073709551616", "18446744073709551616", "64 bits"),
    ("\uff54orch.arange(3)", "\uff54", "plain ASCII"),
    ("t\u043erch.arange(3)", "\u043e", "plain ASCII"),
    ("x = '\u00e9'", "\u00e9", "plain ASCII"),
    ("x\x00", "\x00", "U+0000"),
    ("x\ufeff", "\ufeff", "U+FEFF"),
    ("", "", "empty"),
    (" \n\t\n", "", "empty"),
    ("import torch", "i", "only imports"),
]


@pytest.mark.parametrize(("source", "where", "said"), REFUSED)
def test_what_is_not_in_the_language_is_refused_at_its_place(source: str, where: str, said: str) -> None:
    error = error_of(source)
    assert said in error.message
    assert place(error) == where


def test_the_limits_are_on_length_ops_and_nesting() -> None:
    assert f"at most {MAX_CHARS:,}" in error_of("x" * (MAX_CHARS + 1)).message
    assert f"at most {MAX_OPS:,} are followed" in error_of("x" + ".t()" * (MAX_OPS + 1)).message
    assert "brackets go at most" in error_of("(" * 100 + ")" * 100).message
    assert "nested" in error_of("-" * 200 + "1").message
    parse("(" * 50 + "1" + ")" * 50)


def test_what_is_no_text_is_no_program() -> None:
    with pytest.raises(ProgramError, match="a program is text, got int"):
        parse(3)  # type: ignore[arg-type]
