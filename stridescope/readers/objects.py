"""TARGETs of the form `package.module:attr` and `path/file.py:attr`, and objects that hold tensors.

Problem: the command line names a live Python object by text; what it names may be a tensor, a module,
a dict of tensors or a function that makes one, and importing it runs the user's code, which may fail
in any way. Method: split at the last colon, import (a file under a private module name, its folder on
`sys.path` meanwhile), walk the attribute path, call what is a factory. Whatever goes wrong becomes a
TargetError of one sentence that names the exception, the file and the line.

`rows` walks containers in their own order and reads each tensor in them, named by its path.

Cost: the user's import, plus one `inspect` for each tensor.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import inspect as introspection
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stridescope.errors import TargetError, UnreadableError
from stridescope.readers import inspect, readable

if TYPE_CHECKING:
    from stridescope.records import TensorInfo

__all__ = ["is_object_target", "resolve", "rows"]

_STEP = re.compile(r"\.?([^\W\d]\w*)|\[\s*(-?\d+|'[^']*'|\"[^\"]*\")\s*\]")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_DEEPEST = 64


def is_object_target(target: str) -> bool:
    """Whether a TARGET has the colon form that names a Python object.

    >>> is_object_target("train.py:model"), is_object_target("(3,4):(4,1)"), is_object_target("w.pt::conv")
    (True, False, False)
    """
    where, colon, path = target.rpartition(":")
    if not colon or where.endswith(":") or not path[:1].isidentifier():
        return False
    return where.endswith(".py") or _MODULE.fullmatch(where) is not None


def resolve(target: str) -> Any:
    """The live object that `package.module:attr` or `path/file.py:attr` names.

    `attr` may go on: `attr.weight`, `attr["x"][0]`. A function, or a class that is no tensor class, is
    called without arguments, and what it returns is the object. What the user's code prints goes to
    stderr.

    Raises:
        TargetError: no such file, module or attribute; the user's code raised; or the object holds no
            tensors.
    """
    where, colon, path = target.rpartition(":")
    if not colon or not where or not path:
        raise TargetError(f"got {target!r}, needed package.module:attr or path/file.py:attr")
    steps = _steps(target, path)
    folder, load = _loader(where)
    with contextlib.redirect_stdout(sys.stderr), _on_path(folder):
        module = _run(f"importing {where}", load)
        found = _walk(module, where, steps)
        if _is_factory(found):
            found = _run(f"calling {path}()", _factory(found, path))
    if isinstance(found, Iterator):
        raise TargetError(f"{target} is {_why_without(found)}")
    if not _holds_tensors(found):
        raise TargetError(
            f"{target} is {_described(found)}; needed a tensor, an array, a module, a dict or list of them, "
            "or a function without arguments that returns one"
        )
    return found


# Importing -------------------------------------------------------------------------------------


class _Step(NamedTuple):
    """`.name`, or `[key]` where `is_item`."""

    key: str | int
    is_item: bool


def _steps(target: str, path: str) -> list[_Step]:
    """The steps of `a.b[0]`: .a, .b, [0]."""
    steps: list[_Step] = []
    place = 0
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None or (place == 0) == path[place:].startswith((".", "[")):
            raise TargetError(
                f"cannot read {path[place:]!r} in {target!r}: after the colon stands attr, attr.sub or attr[0]"
            )
        name, item = match.groups()
        steps.append(_Step(name or ast.literal_eval(item), is_item=not name))
        place = match.end()
    return steps


def _loader(where: str) -> tuple[Path, Callable[[], types.ModuleType]]:
    """(the folder that must be on sys.path, what imports the module)."""
    if not where.endswith(".py"):
        if not _MODULE.fullmatch(where):
            raise TargetError(f"{where!r} is neither a .py file nor the dotted name of a module")
        return Path.cwd(), lambda: _import_named(where)
    file = Path(where).expanduser()
    if not file.is_file():
        folder = file.parent if str(file.parent) else Path()
        near = [entry.name for entry in folder.glob("*.py")] if folder.is_dir() else []
        raise TargetError(f"no file {where}{_did_you_mean(file.name, near)}")
    return file.resolve().parent, lambda: _import_file(file.resolve())


def _import_named(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # A module that is missing further in is the user's code failing, not the target.
        if error.name is None or not (name == error.name or name.startswith(error.name + ".")):
            raise
        near = [found for found in {*sys.modules, *_modules_here()} if "." not in found]
        raise TargetError(f"no module {error.name!r}{_did_you_mean(error.name, near)}") from error


def _modules_here() -> Iterator[str]:
    for entry in Path.cwd().iterdir():
        if entry.suffix == ".py" or (entry.is_dir() and (entry / "__init__.py").exists()):
            yield entry.stem


def _import_file(file: Path) -> types.ModuleType:
    name = f"_stridescope_target_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise TargetError(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles look their own module up while it is being run.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _run(doing: str, call: Callable[[], Any]) -> Any:
    """The result of the user's code, or a TargetError that says where it failed."""
    try:
        return call()
    except (TargetError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # torch lists its signatures on the lines that follow; the first line announces them.
        said = (error.msg if isinstance(error, SyntaxError) else str(error)).strip().splitlines()
        said[:1] = [line.removesuffix(", but expected one of:") for line in said[:1]]
        place = _place(error)
        raise TargetError(
            f"{doing} raised {type(error).__name__}{': ' + said[0].rstrip('.') if said else ''}"
            + (f" ({place})" if place else "")
        ) from error


def _place(error: BaseException) -> str:
    """file:line where it was raised, in the user's own files if it passed through any."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<frozen")
    ]
    own = [frame for frame in frames if not _is_installed(frame.filename)]
    place = (own or frames)[-1:]
    return f"{place[0].filename}:{place[0].lineno}" if place else ""


def _is_installed(filename: str) -> bool:
    return "site-packages" in filename or Path(filename).parent.is_relative_to(Path(ast.__file__).parent)


# The attribute ---------------------------------------------------------------------------------


def _walk(module: types.ModuleType, where: str, steps: list[_Step]) -> Any:
    found: Any = module
    reached = where
    for key, is_item in steps:
        if is_item:
            found, reached = _item(found, key, reached), f"{reached}[{key!r}]"
        else:
            colon = ":" if found is module else "."
            found, reached = _attribute(found, str(key), reached), f"{reached}{colon}{key}"
    return found


_MISSING = object()


def _attribute(owner: Any, name: str, reached: str) -> Any:
    found = _run(f"reading {name!r} of {reached}", lambda: getattr(owner, name, _MISSING))
    if found is _MISSING:
        near = [word for word in dir(owner) if not word.startswith("_")]
        raise TargetError(f"{reached} has no {name!r}{_did_you_mean(name, near)}")
    return found


def _item(owner: Any, key: str | int, reached: str) -> Any:
    try:
        return owner[key]
    except Exception as error:
        near = [str(word) for word in owner] if isinstance(owner, Mapping) and isinstance(key, str) else []
        hint = _did_you_mean(str(key), near)
        raise TargetError(f"{reached} has no [{key!r}]{hint or f' ({type(error).__name__})'}") from error


def _did_you_mean(word: str, near: list[str]) -> str:
    close = get_close_matches(word, near, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    listed = sorted(near)
    return f"; there are {', '.join(listed)}" if 0 < len(listed) <= 8 else ""


def _is_factory(found: Any) -> bool:
    if isinstance(found, type):
        return not any(isinstance(base, type) and issubclass(found, base) for base in _leaf_classes())
    return isinstance(found, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial))


def _leaf_classes() -> Iterator[Any]:
    for module, name in (("torch", "Tensor"), ("numpy", "ndarray"), ("numpy", "generic")):
        yield getattr(sys.modules.get(module), "__dict__", {}).get(name)


def _factory(found: Any, path: str) -> Callable[[], Any]:
    try:
        needed = [
            parameter.name
            for parameter in introspection.signature(found).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed:
        raise TargetError(f"{path} needs arguments ({', '.join(needed)}); name a function or class that needs none")
    return found  # type: ignore[no-any-return]


def _holds_tensors(found: Any) -> bool:
    return readable(found) or _is_module(found) or _children(found) is not None


_SPELT_AN = re.compile(r"[AEFHILMNORSX]{1,}[A-Z]|[AEIOaeio]|[Uu](?!ni|s[ei])")
"""How a word starts that has "an" before it: an Adam, an SGD; but a UnionType."""


def _described(found: Any) -> str:
    kind = type(found).__qualname__
    return (
        f"the class {found.__qualname__}"
        if isinstance(found, type)
        else f"{'an' if _SPELT_AN.match(kind) else 'a'} {kind}"
    )


def _why_without(found: Any) -> str:
    """What an object without tensors is, and what would have some."""
    if isinstance(found, Iterator):
        # Reading it would use it up, and the user may want it after this.
        return f"{_described(found)}, which can be read only once, so it is left alone; pass list(...) of it"
    return f"{_described(found)} without tensors; needed a tensor, an array, a module, or a dict or list of them"


# Rows ------------------------------------------------------------------------------------------


def rows(obj: Any) -> list[TensorInfo]:
    """One TensorInfo for each tensor that an object is or holds, named by its path in it.

    Args:
        obj: a tensor or array (one row without a name); a dict, list, tuple, namedtuple or dataclass of
            them, nested as deep as 64 levels; or an nn.Module (its parameters and buffers, tied ones
            under each of their paths). What is no tensor in a container is passed over.

    Returns:
        Rows in the container's own order, with names such as "layer.weight", "[0].x", "[3]".

    Raises:
        UnreadableError: there is no tensor in it.
    """
    found = list(_walk_rows(obj, "", 0, ()))
    if not found:
        raise UnreadableError(f"got {_why_without(obj)}")
    return found


def _walk_rows(obj: Any, path: str, depth: int, above: tuple[int, ...]) -> Iterator[TensorInfo]:
    if readable(obj):
        yield inspect(obj, path or None)
        return
    if depth > _DEEPEST or id(obj) in above:
        return
    children = _children(obj)
    if children is None:
        return
    for step, child in children:
        inner = step if not path or step.startswith("[") else f".{step}"
        yield from _walk_rows(child, path + inner, depth + 1, (*above, id(obj)))


def _children(obj: Any) -> Iterator[tuple[str, Any]] | None:
    """(step of the path, child) of a container; None for what is none."""
    if _is_module(obj):
        return _of_module(obj)
    if isinstance(obj, Mapping):
        return ((key if isinstance(key, str) and key else f"[{key!r}]", value) for key, value in obj.items())
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return iter(zip(obj._fields, obj, strict=False))
    if isinstance(obj, (list, tuple)):
        return ((f"[{number}]", value) for number, value in enumerate(obj))
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return ((field.name, getattr(obj, field.name, None)) for field in dataclasses.fields(obj))
    return None


def _is_module(obj: Any) -> bool:
    module = getattr(sys.modules.get("torch.nn"), "Module", None)
    return isinstance(module, type) and issubclass(type(obj), module)


def _of_module(module: Any) -> Iterator[tuple[str, Any]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)
