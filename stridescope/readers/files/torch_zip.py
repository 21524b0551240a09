"""Zip archives of torch: `torch.save`, TorchScript, `torch.export`.

Problem: the archive holds a pickle that says how each tensor lies, and one entry for each storage. Method: the pickle
goes through our own reader and `TorchObjects`; each storage is the entry `data/<key>`, whose place is looked up when
its bytes are wanted. No entry but the pickles and a few short texts is read.

    data.pkl                torch.save (and the module of TorchScript, whose tensors may lie in constants/ too)
    constants.pkl           TorchScript
    data/weights/*.json     torch.export: shapes and strides of raw entries, in JSON
    serialized_*.pt         torch.export before 2.7: archives in the archive

A file that ends early has lost the directory, which is at the end; its pickle comes first, and is read all the same.

Source: `torch/serialization.py`, `caffe2/serialize/inline_container.cc`, `torch/export/pt2_archive`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stridescope.errors import UnreadableError
from stridescope.readers.files.contents import Contents, Joined
from stridescope.readers.files.naming import named, tree_of
from stridescope.readers.files.pickles import PickleReader
from stridescope.readers.files.rebuild import TorchObjects
from stridescope.readers.files.saved import Saved, Stored
from stridescope.readers.files.source import Blob, BrokenFile
from stridescope.readers.files.vocabulary import ITEMSIZES, MOST_DIMS
from stridescope.readers.files.zips import local_entry, locate, read_entry, zip_entries
from stridescope.records import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stridescope.readers.files.source import Source
    from stridescope.readers.files.zips import Entry

__all__ = ["LARGEST_PICKLE", "open_torch_zip", "pickled_checkpoint", "prefix_of"]

LARGEST_PICKLE = 1 << 30
"""Bytes of a pickle that is read."""

SHORT = 1 << 10
"""Bytes of an entry that holds a version or the like."""

_TEXTS = ("version", ".format_version", "byteorder", ".data/serialization_id", ".storage_alignment", "archive_version")


def prefix_of(entries: Mapping[str, Entry]) -> str:
    """The folder that all of torch's entries lie in, with its slash."""
    first = next(iter(entries), "")
    return first.partition("/")[0] + "/"


def open_torch_zip(source: Source, entries: Mapping[str, Entry] | None, path: str, broken: str | None) -> Checkpoint:
    """A checkpoint from an archive.

    Args:
        entries: of its directory; None where that is missing, and `broken` says why.
    """
    if entries is None:
        return _recovered(source, path, broken or "")
    prefix = prefix_of(entries)
    if f"{prefix}data.pkl" in entries:
        return _pickled(source, entries, prefix, path)
    if f"{prefix}data/weights/model_weights_config.json" in entries or any(
        name.endswith("model_weights_config.json") for name in entries
    ):
        return _exported(source, entries, prefix, path)
    inner = [name for name in entries if name.endswith(".pt") and entries[name].method == 0]
    if inner:
        return _archives(source, entries, inner, path)
    raise UnreadableError(f"{path!r} is a zip archive without tensors that can be read: it has no data.pkl")


def _texts(source: Source, entries: Mapping[str, Entry], prefix: str) -> dict[str, Any]:
    """The short texts that torch keeps beside the pickle."""
    found = {}
    for name in _TEXTS:
        entry = entries.get(prefix + name)
        if entry is not None and entry.nbytes <= SHORT:
            raw = read_entry(source, entry, SHORT)
            found[name.rpartition("/")[2].lstrip(".")] = raw.decode("utf-8", "replace").strip()
    return found


def _pickled(source: Source, entries: Mapping[str, Entry], prefix: str, path: str) -> Checkpoint:
    objects = TorchObjects()
    metadata = _texts(source, entries, prefix)
    order = metadata.get("byteorder", "little")
    scripted = f"{prefix}constants.pkl" in entries
    roots: list[tuple[str, Any, PickleReader]] = []
    broken = None
    for name in ("data", "constants") if scripted else ("data",):
        entry = entries[f"{prefix}{name}.pkl"]
        blob = locate(source, entry)
        data = read_entry(source, entry, LARGEST_PICKLE)
        folder = "data" if name == "data" else "constants"
        reader = PickleReader(data, objects.known, _in_folder(objects, folder), 0 if blob.packed else blob.offset)
        try:
            root = reader.load()
        except BrokenFile as error:
            broken = broken or f"{name}.pkl: {error}"
            root = reader.salvage()
        roots.append((name, root, reader))

    def place(stored: Stored) -> Blob | None:
        if stored.where is not None:
            return Blob(None, 0, len(stored.where[0]), inside=stored.where[0])
        folder, slash, key = stored.id.rpartition("/")
        entry = entries.get(f"{prefix}{folder if slash else 'data'}/{key if slash else stored.id}")
        return None if entry is None else locate(source, entry)

    missing = _missing(objects, entries, prefix)
    notes = [] if missing is None else [missing]
    if order not in ("little", "big"):
        notes.append(f"its byte order is said to be {order!r:.40}; it is read as little-endian")
    beside = {name: root for name, root, _ in roots[1:] if root not in ((), [], None)}
    return pickled_checkpoint(
        "torchscript" if scripted else "torch zip",
        path,
        roots[0][1],
        [reader for _, _, reader in roots],
        objects,
        place,
        order,
        metadata,
        notes,
        broken,
        source,
        beside,
    )


def _in_folder(objects: TorchObjects, folder: str) -> Callable[[Any], Any]:
    """Persistent ids of a pickle whose storages lie in a folder of their own."""
    if folder == "data":
        return objects.persistent

    def persistent(saved_id: Any) -> Any:
        if type(saved_id) is tuple and len(saved_id) == 5 and type(saved_id[2]) is str:
            saved_id = (*saved_id[:2], f"{folder}/{saved_id[2]}", *saved_id[3:])
        return objects.persistent(saved_id)

    return persistent


def _missing(objects: TorchObjects, entries: Mapping[str, Entry], prefix: str) -> str | None:
    """What is wrong with the entries of storages; None where nothing is."""
    for key, stored in objects.stored.items():
        entry = entries.get(f"{prefix}{key}" if "/" in key else f"{prefix}data/{key}")
        if entry is None:
            if stored.nbytes:
                return f"the storage {key!r:.40} has no entry in the archive"
        elif entry.nbytes != stored.nbytes:
            return (
                f"the storage {key!r:.40} is {entry.nbytes:,} bytes in the archive, and {stored.nbytes:,} by the pickle"
            )
    return None


def pickled_checkpoint(
    format: str,
    path: str,
    root: Any,
    readers: list[PickleReader],
    objects: TorchObjects,
    place: Callable[[Stored], Blob | None],
    order: str,
    metadata: dict[str, Any],
    notes: list[str],
    broken: str | None,
    source: Source,
    beside: Mapping[str, Any] | None = None,
) -> Checkpoint:
    """The checkpoint of a value that pickles gave, and of others `beside` it."""
    attributes: dict[int, tuple[Any, Any]] = {}
    for reader in readers:
        attributes |= reader.attributes
    size = sum(len(reader.data) for reader in readers)
    found = named(root, attributes, size, beside)
    if found.storages:
        objects.held |= {stored.root.id for stored in found.storages.values()}
    contents = Contents(
        found.tensors,
        place,
        order="big" if order == "big" else "little",
        tree=lambda: tree_of(root, attributes, size, beside),
        more=objects.stored.values(),
        held=objects.held,
        source=source,
    )
    calls = tuple(dict.fromkeys(name for reader in readers for name in reader.calls))
    troubles = [sentence for reader in readers for sentence in reader.troubles]
    return Checkpoint(format, path, contents, calls, metadata, (*notes, *found.notes, *troubles), broken)


# A file whose end is missing ---------------------------------------------------------------------


FIRST = 1 << 18


def _recovered(source: Source, path: str, broken: str) -> Checkpoint:
    """What the front of an archive tells: its pickle comes first."""
    position = 0
    metadata: dict[str, Any] = {}
    for _ in range(64):
        entry = local_entry(source, position)
        if entry is None:
            break
        name, start, nbytes = entry
        if name.endswith("/data.pkl"):
            return _from_front(source, path, start, name.removesuffix("data.pkl"), metadata, broken)
        position = _next_header(source, start + nbytes)
    raise UnreadableError(f"{path!r}: {broken}")


def _from_front(
    source: Source, path: str, start: int, prefix: str, metadata: dict[str, Any], broken: str
) -> Checkpoint:
    objects = TorchObjects()
    length = FIRST
    while True:
        length = min(length, source.size - start, LARGEST_PICKLE)
        reader = PickleReader(source.read(start, length), objects.known, objects.persistent, start)
        try:
            root = reader.load()
            break
        except BrokenFile as error:
            if length < min(source.size - start, LARGEST_PICKLE) and error.at is not None and error.at >= length:
                length *= 4
                objects = TorchObjects()
                continue
            root = reader.salvage()
            broken = f"{broken}; {error}"
            break
    places = _places(source, start + reader.position, prefix, objects) if reader.position else {}

    def place(stored: Stored) -> Blob | None:
        if stored.where is not None:
            return Blob(None, 0, len(stored.where[0]), inside=stored.where[0])
        at = places.get(stored.id)
        return None if at is None else Blob(source, at, min(stored.nbytes, max(source.size - at, 0)))

    lost = sum(
        1 for key, stored in objects.stored.items() if key not in places or places[key] + stored.nbytes > source.size
    )
    notes = [f"the bytes of {lost:,} of {len(objects.stored):,} storages are missing"]
    return pickled_checkpoint(
        "torch zip", path, root, [reader], objects, place, "little", metadata, notes, broken, source
    )


def _places(source: Source, position: int, prefix: str, objects: TorchObjects) -> dict[str, int]:
    """Where the storages start, by the local headers that follow each other from a position on."""
    places: dict[str, int] = {}
    position = _next_header(source, position)
    for _ in range(len(objects.stored) + 16):
        entry = local_entry(source, position)
        if entry is None:
            break
        name, start, nbytes = entry
        key = name.removeprefix(f"{prefix}data/")
        stored = objects.stored.get(key) if name != key else None
        if stored is not None:
            places[key] = start
            nbytes = stored.nbytes
        position = _next_header(source, start + nbytes)
    return places


def _next_header(source: Source, position: int) -> int:
    """The local header that follows an entry's data, and the descriptor after it."""
    tail = source.read(position, min(1024, max(source.size - position, 0))) if position < source.size else b""
    at = tail.find(b"PK\x03\x04")
    return source.size if at < 0 else position + at


# torch.export ------------------------------------------------------------------------------------

_EXPORT_DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
    28: "uint16",
    29: "float8_e4m3fn",
    30: "float8_e5m2",
    31: "float8_e4m3fnuz",
    32: "float8_e5m2fnuz",
}
"""`ScalarType` of torch/_export/serde/schema.py."""

LARGEST_JSON = 100 << 20


def _exported(source: Source, entries: Mapping[str, Entry], prefix: str, path: str) -> Checkpoint:
    """Weights and constants as JSON describes them."""
    from stridescope.readers.files.jsons import loads

    tensors: dict[str, Saved] = {}
    stored: dict[str, Stored] = {}
    notes: list[str] = []
    for folder in ("weights", "constants"):
        for name in [name for name in entries if name.startswith(f"{prefix}data/{folder}/") and name.endswith(".json")]:
            config = loads(read_entry(source, entries[name], LARGEST_JSON), name)
            listed = config.get("config") if type(config) is dict else None
            for key, value in listed.items() if type(listed) is dict else ():
                try:
                    tensors[key] = _exported_tensor(value, f"data/{folder}/", entries, prefix, stored)
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    notes.append(f"{key!r:.60} is described in no way that is known ({type(error).__name__})")
                if len(notes) > 8:
                    break

    def place(storage: Stored) -> Blob | None:
        entry = entries.get(prefix + storage.id)
        return None if entry is None else locate(source, entry)

    metadata = _texts(source, entries, prefix)
    order = "big" if metadata.get("byteorder") == "big" else "little"
    contents = Contents(tensors, place, order=order, more=stored.values(), source=source)
    return Checkpoint("torch.export", path, contents, (), metadata, tuple(notes))


def _exported_tensor(
    value: Any, folder: str, entries: Mapping[str, Entry], prefix: str, stored: dict[str, Stored]
) -> Saved:
    key = folder + str(value["path_name"])[:400]
    meta = value["tensor_meta"]
    if value.get("use_pickle") or meta is None:
        raise ValueError(key)
    dtype = _EXPORT_DTYPES[meta["dtype"]]
    shape, stride = (tuple(_number(size) for size in meta[field]) for field in ("sizes", "strides"))
    if len(shape) != len(stride) or len(shape) > MOST_DIMS:
        raise ValueError(key)
    device = meta["device"]
    word = str(device["type"])[:40] + ("" if device.get("index") is None else f":{int(device['index'])}")
    entry = entries.get(prefix + key)
    storage = stored.get(key)
    if storage is None:
        storage = stored[key] = Stored(key, 0 if entry is None else entry.nbytes, word, dtype)
    offset = _number(meta["storage_offset"])
    saved = Saved(storage, offset, shape, stride, dtype, ITEMSIZES[dtype], word, meta["requires_grad"] is True)
    saved.type = "torch.nn.Parameter" if value.get("is_param") is True else "torch.Tensor"
    return saved


def _number(value: Any) -> int:
    number = value["as_int"]
    if type(number) is not int or not 0 <= number < 2**63:
        raise ValueError
    return number


def _archives(source: Source, entries: Mapping[str, Entry], inner: list[str], path: str) -> Checkpoint:
    """Archives inside the archive, each a file of its own."""
    files: dict[str, Checkpoint] = {}
    notes = []
    for name in inner[:64]:
        blob = locate(source, entries[name])
        part = source.window(blob.offset, blob.nbytes)
        try:
            within = zip_entries(part)
            if f"{prefix_of(within)}data.pkl" in within:
                label = name.rpartition("/")[2].removesuffix(".pt").removeprefix("serialized_")
                files[label] = _pickled(part, within, prefix_of(within), path)
        except BrokenFile as error:
            notes.append(f"{name!r:.60}: {error}")
    names = {
        key if label == "state_dict" else f"{label}.{key}": (label, key)
        for label, checkpoint in files.items()
        for key in checkpoint
    }
    if not names:
        raise UnreadableError(f"{path!r} is a zip archive without tensors that can be read")
    trees = lambda: {label: checkpoint.tree for label, checkpoint in files.items()}  # noqa: E731 - one line, used once
    calls = tuple(dict.fromkeys(call for checkpoint in files.values() for call in checkpoint.calls))
    return Checkpoint("torch.export", path, Joined(names, files, trees), calls, {}, tuple(notes))
