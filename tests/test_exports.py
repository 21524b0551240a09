"""The package's public names are the documented ones, and each arrives when it is first used."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import stridescope as ss

MODULES = sorted(
    info.name for info in pkgutil.walk_packages(ss.__path__, "stridescope.") if not info.name.endswith("__main__")
)


def test_the_public_names_are_these() -> None:
    assert set(ss.__all__) == {
        *("History", "Layout", "TensorInfo", "StridescopeError", "__version__"),
        *("diff", "explain", "explaining", "explore", "inspect", "install"),
        *("modules", "open", "overlap", "run", "show", "storages", "trace", "uninstall", "watch"),
    }


@pytest.mark.parametrize("name", ss.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(ss, name)
    assert isinstance(value, str) or value.__doc__


def test_every_error_raised_on_purpose_is_the_public_one() -> None:
    for bad in (lambda: ss.run("x."), lambda: ss.inspect(3), lambda: ss.Layout.contiguous((2,)).view(3)):
        with pytest.raises(ss.StridescopeError):
            bad()


def test_dir_lists_the_public_names() -> None:
    assert set(dir(ss)) == set(ss.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'stridescope' has no attribute 'no_such_name'"):
        ss.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_see_each_lazy_name_in_its_home() -> None:
    tree = ast.parse(Path(ss.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == ss._HOME


@pytest.mark.parametrize("name", MODULES)
def test_a_module_exports_only_what_it_has(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is for"
    missing = [exported for exported in getattr(module, "__all__", ()) if not hasattr(module, exported)]
    assert not missing
