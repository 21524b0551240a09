"""torch's rebuild functions, as records of what they would have built.

Problem: a saved tensor is a call, `_rebuild_tensor_v2(storage, offset, size, stride, ...)`, and torch has some fifteen
such functions, wrapped in each other. Method: a table from their names to functions of ours, which take the same
arguments as inert values, check their kinds, and give a `Saved`. Names that torch uses in every file (storages, dtypes,
layouts, OrderedDict) are rows as well; all others stay what the pickle reader makes of them.

Cost: about 1 us a tensor. Source: `torch/_utils.py`, `torch/_tensor.py`, `torch/serialization.py` of torch 0.1 to 2.13.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from stridescope.layout.base import contiguous_stride
from stridescope.readers.files.inert import Global, Made, Malformed
from stridescope.readers.files.saved import META, Saved, Stored, reach, word_of
from stridescope.readers.files.vocabulary import (
    BITS,
    FORMATS,
    ITEMSIZES,
    KEPT,
    LARGEST,
    LAYOUTS,
    MOST_DIMS,
    PACKING,
    PLAIN,
    SCHEMES,
    STORAGES,
    device_of,
    dtype_of,
    lengths,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TorchObjects"]

MOST_PARTS = 64
"""Inner tensors of one tensor, with those inside them."""

PARTS = 500_000
"""Inner tensors of all tensors of a file."""

PAIRS = 5_000_000
"""Items of mappings that are filled from a list, in one file."""


_Inner = tuple[tuple[str, Saved], ...]
"""(name, tensor) of tensors inside another."""


class TorchObjects:
    """What one file's pickles build: its storages by key, and the table of names.

    Attributes:
        stored: key -> the storage saved under it, as first mentioned.
        known: dotted name -> our function for calls of it, or None for a plain name.
        held: keys of storages that are saved as such, not only for their tensors.
    """

    def __init__(self) -> None:
        self.stored: dict[str, Stored] = {}
        self.held: set[str] = set()
        self._mentioned: dict[tuple[Any, Any], Stored] = {}
        self._classes: dict[Global, str] = {}
        self._encoded: dict[int, tuple[str, bytes]] = {}
        self._metas = 0
        self._pairs_left = PAIRS
        self._parts_left = PARTS
        self.known = self._names()

    # Storages ----------------------------------------------------------------------------------

    def persistent(self, saved_id: Any) -> Any:
        """The value of a persistent id: mostly a storage; a `Made` for what torch would not write."""
        if type(saved_id) is tuple and len(saved_id) > 4:
            of, key = saved_id[1], saved_id[2]
            # Looked up by what is quick to hash: a tuple of tuples can take forever.
            if type(of) is Global and type(key) is str:
                try:
                    stored = self._mentioned.get((key, of)) or self._mention(of, key, saved_id[3], saved_id[4])
                    view = saved_id[5] if len(saved_id) > 5 else None
                    return stored if view is None else self._view(stored, view)
                except Malformed:
                    pass
        if type(saved_id) is tuple and len(saved_id) > 1 and saved_id[0] in ("module", b"module"):
            # Old files name classes with their sources.
            return saved_id[1]
        return Made("a persistent id", (saved_id,))

    def _mention(self, of: Global, key: str, location: Any, numel: Any) -> Stored:
        dtype = self._classes.get(of) or self.dtype_of_storage(of)
        if dtype is None or type(numel) is not int or not 0 <= numel < LARGEST:
            raise Malformed("got something else where a storage belongs")
        self._classes[of] = dtype
        device = location if type(location) is str and len(location) < 80 else device_of(location)
        stored = self._mentioned[key, of] = self.keep(key, numel * ITEMSIZES[dtype], device, dtype)
        return stored

    def keep(self, key: str, nbytes: int, device: str, dtype: str) -> Stored:
        """The storage of a key under a dtype; the first mention says how large it is and where it was."""
        root = self.stored.get(key)
        stored = Stored(key, nbytes if root is None else root.nbytes, device, dtype, root)
        if root is None:
            self.stored[key] = stored
        return stored

    def _view(self, root: Stored, view: Any) -> Stored:
        if type(view) is not tuple or len(view) != 3 or type(view[0]) is not str:
            raise Malformed("got something else where a stretch of a storage belongs")
        key, offset, numel = view
        whole(offset, numel)
        stored = self._mentioned.get((key, root.dtype))
        if stored is None:
            size = ITEMSIZES[root.dtype]
            stored = Stored(key, numel * size, root.device, root.dtype, root.root)
            stored.first = offset * size
            self._mentioned[key, root.dtype] = stored
        return stored

    @staticmethod
    def dtype_of_storage(of: Any) -> str | None:
        """The dtype of a storage class; None for what is no such class."""
        if type(of) is not Global or not of.name.startswith("torch"):
            return None
        return STORAGES.get(of.name.rpartition(".")[2])

    # Tensors -----------------------------------------------------------------------------------

    def tensor(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_tensor(storage, offset, size, stride)` and `_rebuild_tensor_v2`, which adds flags and bits."""
        storage = args[0]
        if type(storage) is not Stored:
            raise Malformed("got something else where the storage belongs")
        saved = self._dense(storage, storage.dtype, args)
        if len(args) > 6:
            _set_bits(saved, args[6])
        return saved

    def tensor_v3(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype[, bits])`."""
        storage = args[0]
        if type(storage) is not Stored:
            raise Malformed("got something else where the storage belongs")
        saved = self._dense(storage, dtype_of(args[6]), args)
        if len(args) > 7:
            _set_bits(saved, args[7])
        return saved

    @staticmethod
    def _dense(storage: Stored, dtype: str, args: tuple[Any, ...]) -> Saved:
        _, offset, size, stride = args[:4]
        if not (type(size) is tuple and type(stride) is tuple):
            size, stride = lengths(size), lengths(stride)
        if type(offset) is not int or not 0 <= offset < LARGEST or len(size) != len(stride) or len(size) > MOST_DIMS:
            raise Malformed("its offset or strides are none that a tensor has")
        for number in size + stride:
            if type(number) is not int or not 0 <= number < LARGEST:
                raise Malformed("its sizes or strides are no whole numbers from 0 to 2**63")
        grad = len(args) > 4 and args[4] is True
        saved = Saved(storage, offset, size, stride, dtype, ITEMSIZES[dtype], storage.device, grad)
        if dtype in PACKING:
            saved.notes = (PACKING[dtype],)
        return saved

    def _around(self, saved: Saved, parts: _Inner = (), attributes: _Inner = ()) -> Saved:
        """A tensor with inner ones; what is shared inside can be shared again, so that all of it is counted.

        Raises:
            Malformed: there are too many.
        """
        saved.parts, saved.attributes = parts or saved.parts, attributes or saved.attributes
        saved.weight = 1 + sum(part.weight for _, part in saved.parts + saved.attributes)
        self._parts_left -= saved.weight
        if saved.weight > MOST_PARTS or self._parts_left < 0:
            raise Malformed(f"it has more than {MOST_PARTS} inner tensors, or the file has too many")
        return saved

    def parameter(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_parameter(data, requires_grad, hooks)`, also with a state."""
        saved = _tensor(args[0]).copy()
        saved.type, saved.grad = "torch.nn.Parameter", args[1] is True
        return self._around(saved, attributes=_tensors_in(args[3])) if len(args) > 3 else saved

    def parameter_call(self, args: tuple[Any, ...]) -> Saved:
        """`Parameter(data, requires_grad=True)`, as the oldest files have it."""
        return self.parameter((args[0], args[1] if len(args) > 1 else True))

    def uninitialized(self, args: tuple[Any, ...]) -> Saved:
        """`UninitializedParameter(requires_grad)`: a lazy module's, without a shape."""
        saved = Saved(None, None, None, None, None, None, None, args[0] is True)
        saved.type = "torch.nn.UninitializedParameter"
        saved.why = _lack(
            "not initialized yet: a lazy module sets it at its first forward", "shape", *_PLACE, "dtype", "itemsize"
        )
        return saved

    def quantized(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_qtensor(storage, offset, size, stride, quantizer, requires_grad, hooks)`."""
        storage, offset, size, stride, quantizer, grad = args[:6]
        saved = self.tensor((storage, offset, size, stride, grad))
        scheme = quantizer[0].name.rpartition(".")[2]
        if scheme.startswith("per_tensor"):
            _, scale, zero = quantizer
            saved.notes += (f"quantized {scheme}: value = {float(scale):g} · (stored - {int(zero)})",)
            return saved
        _, scales, zeros, dim = quantizer
        whole(dim)
        saved.notes += (f"quantized {scheme}: value = scales[i] · (stored - zero_points[i]), i the index in dim {dim}",)
        inner = (("scales", scales), ("zero_points", zeros))
        return self._around(saved, tuple((name, part) for name, part in inner if type(part) is Saved))

    def sparse(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_sparse_tensor(layout, data)`: the tensors it keeps, then its size."""
        layout, data = args[:2]
        word = layout.name.rpartition(".")[2]
        names = KEPT[word]
        inner = [_tensor(part) for part in data[: len(names)]]
        size = lengths(data[len(names)])
        values = inner[-1]
        saved = Saved(None, None, size, None, values.dtype, values.itemsize, values.device, values.grad)
        saved.layout = word
        self._around(saved, tuple(zip(names, inner, strict=True)))
        saved.why = _lack(f"a {word} tensor keeps only its nonzero elements, in the tensors under parts", *_PLACE)
        return saved

    def nested(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_nested_tensor(buffer, sizes, strides, offsets)`; its components are read when asked for."""
        buffer, sizes, strides, offsets = (_tensor(part) for part in args[:4])
        saved = Saved(buffer.storage, None, None, None, buffer.dtype, buffer.itemsize, buffer.device, buffer.grad)
        saved.origin = "nested", buffer, sizes, strides, offsets
        sentence = "a nested tensor's components have shapes of their own, under parts"
        saved.why = (*_lack(sentence, "shape", "stride", "storage_offset"), *buffer.why)
        return saved

    def jagged(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_njt(keywords)`: a jagged nested tensor."""
        keywords = args[0]
        values = _tensor(keywords["values"])
        saved = Saved(None, None, None, None, values.dtype, values.itemsize, values.device, values.grad)
        saved.layout, saved.type = "jagged", "torch.nested._internal.nested_tensor.NestedTensor"
        named = ((name, keywords.get(name)) for name in ("values", "offsets", "lengths"))
        self._around(saved, tuple((name, part) for name, part in named if type(part) is Saved))
        saved.why = _lack("a jagged tensor's rows have lengths of their own; see its offsets, under parts", "shape")
        saved.why += _lack("NestedTensor wraps other tensors and has no memory of its own; see parts", *_PLACE)
        return saved

    def meta(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)`."""
        dtype, size, stride, grad = args[:4]
        word, size, stride = dtype_of(dtype), lengths(size), lengths(stride)
        itemsize = ITEMSIZES[word]
        self._metas += 1
        storage = Stored(f"meta {self._metas}", reach(size, stride, 0) * itemsize, "meta", word)
        saved = Saved(storage, 0, size, stride, word, itemsize, "meta", grad is True)
        saved.why = META
        return saved

    def wrapper(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_wrapper_subclass(class, dtype, size, stride, offset, layout, device, requires_grad)`."""
        of, dtype, size, stride, _, layout, device, grad = args[:8]
        word, name = dtype_of(dtype), word_of(of.name)
        saved = Saved(None, None, lengths(size), None, word, ITEMSIZES[word], device_of(device), grad is True)
        saved.type, saved.layout = name, layout.name.rpartition(".")[2]
        saved.why = _lack(f"{name} wraps other tensors and has no memory of its own; see parts", *_PLACE)
        told = ", ".join(str(step) for step in lengths(stride))
        saved.notes = (f"reports stride ({told}) for itself",)
        return saved

    def of_type(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_from_type_v2(rebuild, class, arguments, state)`: a subclass, or a tensor with attributes."""
        rebuild, of, inner, state = args[:4]
        if type(rebuild) is not Global or rebuild.make is None or type(of) is not Global:
            raise Malformed("its rebuild function is not known")
        saved = _tensor(rebuild.make(inner)).copy()
        saved.type, saved.state = word_of(of.name), state
        found = _tensors_in(state)
        if saved.storage is None and not saved.parts:
            return self._around(saved, found)
        return self._around(saved, attributes=found)

    def of_type_v1(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_from_type(rebuild, class, arguments, dict)`, as torch 1.7 had it."""
        return self.of_type(args)

    def from_cpu(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_device_tensor_from_cpu_tensor(data, dtype, device, requires_grad)`; `.to` keeps dense strides."""
        data, dtype, device, grad = args[:4]
        saved = _tensor(data).copy()
        if dtype_of(dtype) != saved.dtype:
            raise Malformed("its data is of another dtype")
        saved.device, saved.grad = device_of(device), grad is True
        return saved

    def from_numpy(self, args: tuple[Any, ...]) -> Saved:
        """`_rebuild_device_tensor_from_numpy(data, dtype, device, requires_grad)`: elements inside the pickle."""
        data, dtype, device, grad = args[:4]
        saved = self.array(data)
        word = dtype_of(dtype)
        if word != saved.dtype:
            # The numbers of an array that has no such dtype, turned into it when it is loaded.
            shape, stride = saved.shape or (), saved.stride or ()
            saved.notes += (f"saved as a numpy array of {saved.dtype}",)
            saved.storage = Stored(f"{saved.storage.id if saved.storage else ''}", 0, "cpu", word)
            saved.storage.nbytes = reach(shape, stride, 0) * ITEMSIZES[word]
            saved.dtype, saved.itemsize = word, ITEMSIZES[word]
        saved.type, saved.device, saved.grad = "torch.Tensor", device_of(device), grad is True
        saved.why = tuple(item for item in saved.why if item[0] != "requires_grad")
        return saved

    def array(self, data: Any) -> Saved:
        """A numpy array that a pickle holds whole: `_reconstruct` and its state.

        Raises:
            Malformed: it is none, or one of Python objects.
        """
        if type(data) is not Made or type(data.state) is not tuple or len(data.state) != 5:
            raise Malformed("got something else where a numpy array belongs")
        _, shape, described, fortran, raw = data.state
        shape = lengths(shape)
        if type(described) is not Made or type(raw) is not bytes or type(described.args[0]) is not str:
            raise Malformed("its elements are no plain numbers")
        dtype = _NUMPY_WORDS.get(described.args[0])
        order = described.state[1] if type(described.state) is tuple and len(described.state) > 1 else "<"
        if dtype is None or len(raw) != prod(shape) * ITEMSIZES[dtype]:
            raise Malformed("its elements are no plain numbers")
        storage = Stored(f"array {id(raw):x}", len(raw), "cpu", dtype)
        storage.where = raw, "big" if order == ">" else "little"
        stride = contiguous_stride(shape[::-1])[::-1] if fortran is True else contiguous_stride(shape)
        saved = Saved(storage, 0, shape, stride, dtype, ITEMSIZES[dtype], "cpu", None)
        saved.type = "numpy.ndarray"
        if order == ">" and ITEMSIZES[dtype] > 1:
            saved.notes = ("big-endian: each element's bytes are in the order opposite to this machine's",)
        saved.why = (("requires_grad", "only torch tensors take part in autograd"), *saved.why)
        return saved

    # Plain values ------------------------------------------------------------------------------

    def encode(self, args: tuple[Any, ...]) -> bytes:
        """`_codecs.encode(text, "latin1")`: how Python 2's protocol writes bytes."""
        text, how = args[0], args[1] if len(args) > 1 else "utf-8"
        if type(text) is not str or how not in ("latin1", "latin-1", "utf-8", "ascii"):
            raise Malformed("got something else than text in latin1")
        # A text is encoded once, however often a pickle asks for it.
        done = self._encoded.get(id(text))
        if done is None:
            done = self._encoded[id(text)] = text, text.encode(how, "replace")
        return done[1]

    def mapping(self, args: tuple[Any, ...]) -> dict[Any, Any]:
        """`OrderedDict()`, or `OrderedDict([[key, value], ...])` as Python 2 writes it."""
        if not args:
            return {}
        pairs = args[0]
        if type(pairs) is not list or len(pairs) > self._pairs_left:
            raise Malformed("it is filled in no way that a pickler fills it")
        self._pairs_left -= len(pairs)
        if not all(type(pair) in (list, tuple) and len(pair) == 2 and type(pair[0]) is str for pair in pairs):
            raise Malformed("it is filled in no way that a pickler fills it")
        return {key: value for key, value in pairs}  # noqa: C416 - dict() would take the items of anything

    def _names(self) -> dict[str, Callable[[tuple[Any, ...]], Any] | None]:
        names: dict[str, Callable[[tuple[Any, ...]], Any] | None] = {}
        for word in (*ITEMSIZES, *LAYOUTS, *SCHEMES, *FORMATS):
            names[f"torch.{word}"] = None
        for name in STORAGES:
            for module in ("torch", "torch.cuda", "torch.storage"):
                names[f"{module}.{name}"] = None
        names |= PLAIN
        for function in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            names[f"torch._utils.{function}"] = self.tensor
        for rebuild in ("_rebuild_from_type_v2", "_rebuild_from_type"):
            names[f"torch._tensor.{rebuild}"] = self.of_type
            names[f"torch.tensor.{rebuild}"] = self.of_type
        return names | {
            "torch._utils._rebuild_tensor_v3": self.tensor_v3,
            "torch._utils._rebuild_parameter": self.parameter,
            "torch._utils._rebuild_parameter_with_state": self.parameter,
            "torch.nn.parameter.Parameter": self.parameter_call,
            "torch.nn.parameter.UninitializedParameter": self.uninitialized,
            "torch._utils._rebuild_qtensor": self.quantized,
            "torch._utils._rebuild_sparse_tensor": self.sparse,
            "torch._utils._rebuild_sparse_csr_tensor": self.sparse,
            "torch._utils._rebuild_nested_tensor": self.nested,
            "torch.nested._internal.nested_tensor._rebuild_njt": self.jagged,
            "torch._utils._rebuild_meta_tensor_no_storage": self.meta,
            "torch._utils._rebuild_wrapper_subclass": self.wrapper,
            "torch._utils._rebuild_device_tensor_from_cpu_tensor": self.from_cpu,
            "torch._utils._rebuild_device_tensor_from_numpy": self.from_numpy,
            "torch._utils._rebuild_xla_tensor": self.from_numpy,
            "collections.OrderedDict": self.mapping,
            "_codecs.encode": self.encode,
        }


# Functions that need no storages ------------------------------------------------------------------

_PLACE = ("stride", "storage_offset", "storage")

_NUMPY_WORDS = {
    "b1": "bool",
    "c8": "complex64",
    "c16": "complex128",
    **{f"{kind}{size}": f"{word}{8 * size}" for kind, word in (("i", "int"), ("u", "uint")) for size in (1, 2, 4, 8)},
    **{f"f{size}": f"float{8 * size}" for size in (2, 4, 8)},
}


def _lack(sentence: str, *fields: str) -> tuple[tuple[str, str], ...]:
    return tuple((field, sentence) for field in fields)


def _set_bits(saved: Saved, bits: Any) -> None:
    """Marks a conjugate or negative view."""
    if type(bits) is dict:
        saved.bits = tuple(name for name in BITS if bits.get(name) is True)
        saved.notes += tuple(BITS[name] for name in saved.bits)


def _tensors_in(state: Any) -> _Inner:
    """The tensors among the attributes of a subclass: those of its dict, and those of its slots."""
    found: list[tuple[str, Saved]] = []
    for attributes in state[:2] if type(state) is tuple else (state,):
        for name, value in attributes.items() if type(attributes) is dict else ():
            if type(value) is Saved and type(name) is str and name != "_grad" and len(found) < MOST_PARTS:
                found.append((name.lstrip("_"), value))
    return tuple(found)


def _tensor(value: Any) -> Saved:
    if type(value) is not Saved:
        raise Malformed("got something else where a tensor belongs")
    return value
