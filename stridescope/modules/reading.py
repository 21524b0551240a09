"""A live torch module -> `ModuleTree`, from what is registered in it, running nothing of it.

Problem: a model may have 100,000 modules, be shared within itself, hold itself, be scripted, compiled, wrapped or half
initialized, and its classes may override what would list its parts. Method: the dicts that `register_module`,
`register_parameter` and `register_buffer` fill are read directly, in torch's order, with a stack of our own. Identity
is the object's, as in torch's own walks, but no `__eq__` or `__hash__` of the user's is asked. Nothing of the model's
runs while it is read; what a module says of itself (`extra_repr`, hooks) is asked when it is to be shown.

Cost: about 2 us a module and 3 us a tensor; no element is read and no device is waited for.
Source: `Module.named_modules` in torch/nn/modules/module.py; `add_state` of torchmetrics for what a metric's state is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import ref

from stridescope.errors import UnreadableError
from stridescope.readers import inspect, keep_uncompiled, readable
from stridescope.readers.drafts import _constructor
from stridescope.records.modules import ModuleFacts, ModuleNode, ModuleTree
from stridescope.records.tensors import TensorInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["is_module", "modules", "read_facts"]

_HOOKS = {
    "_forward_pre_hooks": "forward_pre",
    "_forward_hooks": "forward",
    "_backward_pre_hooks": "backward_pre",
    "_backward_hooks": "backward",
    "_state_dict_pre_hooks": "state_dict_pre",
    "_state_dict_hooks": "state_dict",
    "_load_state_dict_pre_hooks": "load_state_dict_pre",
    "_load_state_dict_post_hooks": "load_state_dict_post",
}
"""Attribute of a module -> the kind of hook it holds."""

_module_node = _constructor(ModuleNode)


def modules(model: Any) -> ModuleTree:
    """The tree of a model's modules, with the layout of every parameter and buffer.

    Nothing of the model is run, and no parameter's data is read.

    Args:
        model: a `torch.nn.Module` of any kind; or a mapping of dotted names to tensors (a state dict, an open
            checkpoint), which gives the tree of those names.

    Returns:
        `ModuleTree`: `.root`, `.counts`; `.modules()`, `.children()`, `.named_parameters()` as torch gives them.

    Raises:
        UnreadableError: `model` is neither.

    >>> import torch
    >>> tree = modules(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()))
    >>> [(path, tree.title(node)) for path, node in tree.modules()][1:]
    [('0', 'Linear(in_features=3, out_features=4, bias=True)'), ('1', 'ReLU')]
    >>> tree.counts.parameter_elements
    16
    """
    if is_module(model):
        return ModuleTree(_Reading().read(model), model, read_facts)
    if isinstance(model, Mapping):
        from stridescope.modules.naming import tree_of_names

        return tree_of_names(model)
    kind = type(model).__qualname__
    hint = "; ss.inspect reads one tensor" if readable(model) else ""
    raise UnreadableError(
        f"got {f'the class {model.__qualname__}' if isinstance(model, type) else f'a value of type {kind}'}, needed a "
        f"torch.nn.Module or a mapping of names to tensors{hint}"
    )


def is_module(x: Any) -> bool:
    """Whether `x` is a `torch.nn.Module`; torch is not imported to find out.

    >>> is_module([1, 2])
    False
    """
    base = getattr(sys.modules.get("torch.nn"), "Module", None)
    # The class, not isinstance: a proxy may claim any __class__.
    return isinstance(base, type) and issubclass(type(x), base)


class _Reading:
    """One reading of one model: what was met so far, by identity, and the names of classes."""

    def __init__(self) -> None:
        self.modules: dict[int, str] = {}
        self.tensors: dict[int, str] = {}
        self.classes: dict[type, tuple[str, str]] = {}

    def read(self, model: Any) -> ModuleNode:
        """The node of a model with all below it."""
        top: list[ModuleNode] = []
        parents: list[tuple[ModuleNode, list[ModuleNode]]] = []
        waiting: list[tuple[Any, str, str, list[ModuleNode]]] = [(model, "", "", top)]
        while waiting:
            module, name, path, siblings = waiting.pop()
            spelled = self.classes.get(type(module)) or self._spelled(type(module))
            first = self.modules.get(id(module))
            if first is not None:
                siblings.append(_module_node(name, path, *spelled, first))
                continue
            self.modules[id(module)] = path
            held = vars(module)
            start = f"{path}." if path else ""
            node = self._node(module, name, path, spelled, held, start)
            siblings.append(node)
            registered = held.get("_modules")
            if registered:
                below: list[ModuleNode] = []
                parents.append((node, below))
                waiting += [
                    (child, key, start + key, below)
                    for key, child in reversed(list(registered.items()))
                    if child is not None
                ]
        # Nobody else has the nodes yet, so they may still get the children that torch's order gives them only now.
        for node, below in parents:
            object.__setattr__(node, "children", tuple(below))
        return top[0]

    def _spelled(self, cls: type) -> tuple[str, str]:
        """(name of a class, the same with its package)."""
        from stridescope.readers.torch_words import class_name

        known = self.classes[cls] = (cls.__name__, class_name(cls))
        return known

    def _node(
        self, module: Any, name: str, path: str, spelled: tuple[str, str], held: dict[str, Any], start: str
    ) -> ModuleNode:
        """A module with what it holds itself."""
        live: list[Callable[[], Any]] = [ref(module)]
        tied: list[tuple[str, str]] = []
        parameters: tuple[TensorInfo, ...] = ()
        buffers: tuple[TensorInfo, ...] = ()
        registered = held.get("_parameters")
        if registered:
            parameters = self._read(registered.items(), start, live, tied)
        registered = held.get("_buffers")
        if registered:
            buffers = self._read(registered.items(), start, live, tied)
        mode = held.get("training")
        return _module_node(
            name,
            path,
            spelled[0],
            spelled[1],
            None,
            (),
            parameters,
            buffers,
            self._read(_states(held).items(), start, live, tied) if "_defaults" in held else (),
            tuple(tied),
            _mode(module) if mode is None else mode,
            _transient(held, start) if buffers else (),
            tuple(live),
        )

    def _read(
        self, items: Iterable[tuple[str, Any]], start: str, live: list[Any], tied: list[tuple[str, str]]
    ) -> tuple[TensorInfo, ...]:
        found = []
        for name, tensor in tuple(items):
            if tensor is None:
                continue
            path = start + name
            try:
                found.append(inspect(tensor, path))
            except UnreadableError:
                found.append(_no_tensor(tensor, path))
            live.append(_reference(tensor))
            first = self.tensors.setdefault(id(tensor), path)
            if first is not path:
                tied.append((path, first))
        return tuple(found)


def _no_tensor(x: Any, path: str) -> TensorInfo:
    """What stands for an object that was put among the tensors by hand and is none."""
    fields = ("shape", "stride", "storage_offset", "dtype", "itemsize", "device", "requires_grad", "storage")
    why = tuple((field, f"a value of type {type(x).__qualname__}, no tensor") for field in fields)
    return TensorInfo(
        type(x).__qualname__, None, None, None, None, None, None, None, None, tensor_layout=None, name=path, why=why
    )


def _mode(module: Any) -> bool | None:
    """The mode of a module that keeps it elsewhere, as a scripted one does."""
    try:
        mode = module.training
    except Exception:  # noqa: BLE001 - whatever a module raises is an answer
        return None
    return mode if isinstance(mode, bool) else None


def _reference(x: Any) -> Callable[[], Any]:
    try:
        return ref(x)
    except TypeError:
        return _nothing


def _nothing() -> None:
    return None


def _transient(held: Mapping[str, Any], start: str) -> tuple[str, ...]:
    """The paths of the buffers that `state_dict` leaves out."""
    left_out = held.get("_non_persistent_buffers_set")
    return tuple(start + name for name in held["_buffers"] if name in left_out) if left_out else ()


def _states(held: Mapping[str, Any]) -> dict[str, Any]:
    """The states of a metric: tensors, or lists of tensors that grow as it is updated."""
    defaults = held["_defaults"]
    states: dict[str, Any] = {}
    if not isinstance(defaults, Mapping) or "_reductions" not in held:
        return states
    for name in defaults:
        state = held.get(name)
        if isinstance(state, list):
            states |= {f"{name}[{number}]": item for number, item in enumerate(state) if readable(item)}
        elif state is not None and readable(state):
            states[name] = state
    return states


# What a module says of itself -------------------------------------------------------------------


def read_facts(module: Any) -> ModuleFacts:
    """What one live module says of itself.

    Its `extra_repr` is called, as under `print(module)`; what that raises is a note.
    """
    held = vars(module)
    arguments, told = _described(module)
    return ModuleFacts(arguments, _hooks(held), _parametrizations(held), (*told, *_notes(held)))


def _described(module: Any) -> tuple[str, tuple[str, ...]]:
    """(what the module's `extra_repr` says, on one line; a note where it cannot say it)."""
    try:
        return " ".join(str(module.extra_repr()).split()), ()
    except Exception as error:  # noqa: BLE001 - the user's code; what it raises is an answer
        return "", (f"its extra_repr raised {type(error).__name__}: {' '.join(str(error).split())}".rstrip(": "),)


def _hooks(held: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (kind, tuple(_function_name(hook) for hook in registered.values()))
        for attribute, kind in _HOOKS.items()
        if (registered := held.get(attribute))
    )


def _function_name(hook: Any) -> str:
    hook = getattr(hook, "hook", hook)  # what torch wraps the user's function in
    hook = getattr(hook, "func", hook)
    return str(getattr(hook, "__name__", None) or type(hook).__name__)


def _parametrizations(held: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    registered = _children(held).get("parametrizations")
    return tuple(
        (name, tuple(type(step).__name__ for step in _children(vars(steps)).values()))
        for name, steps in (() if registered is None else _children(vars(registered)).items())
    )


def _children(held: Mapping[str, Any]) -> dict[str, Any]:
    # A scripted module keeps them in a mapping of its own, which answers items() alone.
    return dict((held.get("_modules") or {}).items())


def _notes(held: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [sentence for attribute, sentence in _NOTED.items() if held.get(attribute) is not None]
    if "_modules" not in held:
        notes.append("Module.__init__ has not run, so nothing is registered in it")
    if "_defaults" in held and "_reductions" in held:
        empty = [name for name in held["_defaults"] if held.get(name) == []]
        notes += [f"no tensors yet in its states {', '.join(empty)}"] if empty else []
    return tuple(notes)


_NOTED = {
    "dynamo_ctx": "made by torch.compile; _orig_mod is the module it compiles",
    "_compiled_call_impl": "compiled in place, by Module.compile()",
    "_packed_params": "its weight is packed in an object that torch does not show as a tensor",
}
"""Attribute of a module that is not None -> what that means."""

keep_uncompiled(modules)
