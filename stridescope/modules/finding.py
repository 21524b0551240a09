"""Which modules and tensors a typed query means.

Problem: in 100,000 rows a person types what is known of the one wanted: a part of its path, a type, a dtype, a shape,
"frozen". Method: a query is words, all of which must hold. A word of the table `WORDS` asks a question; any other is
looked for in the text of the row. Rows that may hold the answer are kept as the query is typed on.

Cost: linear in the rows; texts are made once for a tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from stridescope.modules.sharing import sharing

if TYPE_CHECKING:
    from stridescope.records.modules import ModuleNode, ModuleTree
    from stridescope.records.tensors import TensorInfo

__all__ = ["WORDS", "Finder", "Found"]


class Found(NamedTuple):
    """A module (`tensor` is None), or a tensor of one."""

    node: ModuleNode
    tensor: TensorInfo | None

    @property
    def path(self) -> str:
        """The module's path, or the tensor's."""
        return self.node.path if self.tensor is None else self.tensor.name or ""


class _Asked(NamedTuple):
    """What a word may be asked about: a row, its group ("module", "parameters", ...), what is shared."""

    found: Found
    group: str
    tied: frozenset[str]
    shared: frozenset[str]


def _of_tensor(test: Callable[[TensorInfo], object]) -> Callable[[_Asked], bool]:
    return lambda asked: asked.found.tensor is not None and bool(test(asked.found.tensor))


def _of_parameter(test: Callable[[TensorInfo], object]) -> Callable[[_Asked], bool]:
    return lambda asked: (
        asked.group == "parameters" and asked.found.tensor is not None and bool(test(asked.found.tensor))
    )


WORDS: dict[str, Callable[[_Asked], bool]] = {
    "tied": lambda asked: asked.found.path in asked.tied,
    "shared": lambda asked: asked.found.path in asked.shared,
    "frozen": _of_parameter(lambda tensor: tensor.requires_grad is False),
    "trainable": _of_parameter(lambda tensor: tensor.requires_grad),
    "contiguous": _of_tensor(lambda tensor: tensor.contiguous),
    "non-contiguous": _of_tensor(lambda tensor: tensor.contiguous is False),
    "channels_last": _of_tensor(lambda tensor: (tensor.memory_format or "").startswith("channels_last")),
    "uninitialized": _of_tensor(lambda tensor: tensor.shape is None),
    "module": lambda asked: asked.group == "module",
    "parameter": lambda asked: asked.group == "parameters",
    "buffer": lambda asked: asked.group == "buffers",
    "state": lambda asked: asked.group == "states",
    "training": lambda asked: asked.group == "module" and asked.found.node.training is True,
    "eval": lambda asked: asked.group == "module" and asked.found.node.training is False,
}
"""Words that ask a question; any other word is looked for in path, type, dtype, device and shape."""

_SAME = {
    "not-contiguous": "non-contiguous",
    "noncontiguous": "non-contiguous",
    "lazy": "uninitialized",
    "parameters": "parameter",
    "buffers": "buffer",
    "states": "state",
    "modules": "module",
}
_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "fp64": "float64", "half": "float16"}
_SHAPE = re.compile(r"[(\[]\s*\d+(?:\s*[,x×]\s*\d+)*\s*,?\s*[)\]]|\d+(?:[x×]\d+)+")


@dataclass(frozen=True)
class Finder:
    """Answers queries about one tree.

    >>> from stridescope.modules.naming import tree_of_names
    >>> from stridescope.records import TensorInfo
    >>> info = TensorInfo("t", (4, 3), (1, 4), 0, "float32", 4, "cpu", False, None)
    >>> finder = Finder(tree_of_names({"head.weight": info, "body.bias": info.named("b")}))
    >>> [found.path for found in finder.find("head 4x3 non-contiguous")]
    ['head.weight']
    """

    tree: ModuleTree
    _rows: list[tuple[Found, str, str]] = field(init=False, repr=False, compare=False)
    _tied: frozenset[str] = field(init=False, repr=False, compare=False)
    _shared: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups = sharing(self.tree)
        object.__setattr__(self, "_rows", list(_rows(self.tree)))
        object.__setattr__(self, "_tied", _names(g.names for g in groups if g.kind in ("module", "tied")))
        object.__setattr__(self, "_shared", _names(g.names for g in groups))

    def find(self, query: str) -> tuple[Found, ...]:
        """The rows, in torch's order, for which every word of the query holds; all of them for an empty one.

        Case does not matter. A shape may be typed as (4, 3), [4, 3] or 4x3, and means the whole shape.
        """
        texts, questions = _words(query)
        answer = []
        for found, group, text in self._rows:
            if all(word in text for word in texts):
                asked = _Asked(found, group, self._tied, self._shared)
                if all(question(asked) for question in questions):
                    answer.append(found)
        return tuple(answer)


def _words(query: str) -> tuple[list[str], list[Callable[[_Asked], bool]]]:
    """(words to look for, questions to ask)."""
    query = query.lower()
    texts = [_shape_text(map(int, re.findall(r"\d+", shape))) for shape in _SHAPE.findall(query)]
    questions = []
    for word in _SHAPE.sub(" ", query).split():
        known = WORDS.get(_SAME.get(word, word))
        if known is None:
            texts.append(_DTYPES.get(word, word))
        else:
            questions.append(known)
    return texts, questions


def _rows(tree: ModuleTree) -> Iterable[tuple[Found, str, str]]:
    groups: Mapping[str, str] = {"parameters": "parameter", "buffers": "buffer", "states": "state"}
    for node in tree.nodes:
        yield Found(node, None), "module", f"{node.path}\n{node.class_name or node.type}".lower()
        for group in groups:
            tensors: tuple[TensorInfo, ...] = getattr(node, group)
            for tensor in tensors:
                shape = "" if tensor.shape is None else _shape_text(tensor.shape)
                words = (tensor.name, node.class_name or node.type, tensor.type, tensor.dtype, tensor.device, shape)
                yield Found(node, tensor), group, "\n".join(word or "" for word in words).lower()


def _shape_text(shape: Iterable[int]) -> str:
    """A shape as it stands in the text of a row; brackets keep 4x3 from being found in 4x32."""
    return f"[{','.join(map(str, shape))}]"


def _names(groups: Iterable[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for names in groups for name in names)
