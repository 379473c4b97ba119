"""Mutations of fixtures, as Hypothesis strategies.

A mutation is signed: it has the digests that it needs, so that a reader gets as far as
the rule that it breaks. Only the kinds in `UNSIGNED` keep the digests of the good file.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import struct
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from hostile.format_seeds import dump, join, sign, split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["UNSIGNED", "change_bytes", "mutated_container", "mutated_json", "places"]

UNSIGNED = frozenset(["line", "raw"])

# JSON documents

_BORDERS: list[Any] = [
    *(0, 1, -1, 2, 7, 255, 256, 4095, 4096, 4097, 8192, 2**20),
    *(2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**61, 2**62 - 1, 2**62, 2**63, 2**64),
    *(10**18, 10**400, -(2**63), 0.5, 1.0, 4096.0, 1e-320, 1e308, -0.0),
    *(math.nan, math.inf, None, True, False, [], {}, [[]], {"": 0}),
    *("", "x", "\0", "\ud800", "\x1b[2J", "a\n"),
]
_STRANGE: st.SearchStrategy[Any] = st.sampled_from(_BORDERS).map(copy.deepcopy) | (
    st.recursive(
        st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=4,
    )
)
_KEYS = st.sampled_from(["", "x", "name", "offset", "\ud800"]) | st.text()
_FEW = st.sampled_from([1, 1, 2, 3])

Keys = tuple[Any, ...]


def _paths(value: Any, path: Keys = ()) -> list[Keys]:
    """List the paths of all values inside a document."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    inner = [place for key in keys for place in _paths(value[key], (*path, key))]
    return [*([path] if path else []), *inner]


def _draw_path(draw: st.DrawFn, document: Any) -> Keys:
    """Draw a field as often as any other, however many rows of a list have it."""
    rows: dict[Keys, list[Keys]] = {}
    for path in _paths(document):
        field = tuple("*" if isinstance(key, int) else key for key in path)
        rows.setdefault(field, []).append(path)
    field = draw(st.sampled_from(list(rows)))
    return draw(st.sampled_from(rows[field]))


def _at(document: Any, path: Sequence[Any]) -> Any:
    return functools.reduce(lambda value, key: value[key], path, document)


def _near(value: Any) -> st.SearchStrategy[Any]:
    """Draw a value near this one, or a strange one."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= 2**64:
        return _STRANGE
    near = [
        value + 1,
        value - 1,
        value * 2,
        -value,
        value / 7,
        float(value),
        str(value),
    ]
    return (
        st.sampled_from([*near, value + 4096, value - 4096, value + 2**64]) | _STRANGE
    )


def _change_json(draw: st.DrawFn, document: Any) -> None:
    """Replace, remove, insert, copy, double or rename one value of a document."""
    if not document:
        return
    *way, key = path = _draw_path(draw, document)
    parent = _at(document, way)
    how = draw(st.sampled_from(["near", "near", "remove", "insert", "copy", "again"]))
    if how == "near":
        parent[key] = draw(_near(parent[key]))
    elif how == "remove":
        del parent[key]
    elif how == "insert" and isinstance(parent, dict):
        parent[draw(_KEYS)] = draw(_STRANGE)
    elif how == "insert":
        parent.insert(key, draw(_STRANGE))
    elif how == "copy":
        # Half of the time from a place of the same name: an id that stands twice.
        paths = _paths(document)
        alike = [other for other in paths if other[-1] == key and other != path]
        other = draw(st.sampled_from(alike or paths) | st.sampled_from(paths))
        parent[key] = copy.deepcopy(_at(document, other))
    elif isinstance(parent, list):
        parent += copy.deepcopy(parent[: draw(_FEW)])
    else:
        parent[key + draw(st.sampled_from(["", "x", "\0", " "]))] = parent.pop(key)


@st.composite
def mutated_json(draw: st.DrawFn, document: Any) -> Any:
    """Draw a copy of a document in which some values changed."""
    document = copy.deepcopy(document)
    for _ in range(draw(_FEW)):
        _change_json(draw, document)
    return document


# Bytes


@st.composite
def places(draw: st.DrawFn, stop: int) -> int:
    """Draw from [0, stop), each as often; ``st.integers`` prefers small numbers."""
    place, size = 0, 1
    while size < stop:
        place, size = 64 * place + draw(st.integers(0, 63)), 64 * size
    return place * stop // size


_TOKENS = [
    *(b"NaN", b"-Infinity", b"1e999", b"\xef\xbb\xbf", b"\xff", b"\0", b"[" * 5000),
    *(b'{"a":' * 3000, b"1" * 5000, b'"\\ud800"', b"true", b"null", b",", b"}", b'"'),
]


def change_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Flip, set, remove, insert or repeat some bytes, or cut the rest off."""
    changed = bytearray(data)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 8]))):
        at = draw(places(len(changed) + 1))
        how = draw(
            st.sampled_from(["flip", "set", "remove", "insert", "repeat", "cut"])
        )
        if how == "flip" and at < len(changed):
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            changed[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif how == "remove":
            del changed[at : at + draw(st.sampled_from([1, 1, 2, 4, 16, 64]))]
        elif how == "insert":
            changed[at:at] = draw(st.sampled_from(_TOKENS))
        elif how == "repeat":
            changed[at:at] = changed[at : at + draw(st.sampled_from([1, 8, 100]))]
        elif how == "cut":
            del changed[at:]
    return bytes(changed)


# Parts of a container


def _sign_if_possible(data: bytes, index: Any, records: Any) -> bytes:
    """Sign a file; where its arrays cannot be digested, sign the documents alone."""
    with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
        return sign(data, index, records)
    return join(data, dump(index), dump(records))


def _index(draw: st.DrawFn, data: bytes) -> bytes:
    index, records = split(data)
    index = draw(mutated_json(index))
    if draw(st.booleans()):
        return join(data, dump(index), dump(records))
    return _sign_if_possible(data, index, records)


def _records(draw: st.DrawFn, data: bytes) -> bytes:
    index, records = split(data)
    return join(data, dump(index), dump(draw(mutated_json(records))))


def _layout(draw: st.DrawFn, data: bytes) -> bytes:
    """Give arrays other shapes, places and lengths that may fit together."""
    index, records = split(data)
    entries = list(index["arrays"].values())
    pages = len(data) // 4096 + 2
    sizes = [0, 1, 2, 3, 8, 2**31, 2**51 + 3, 2**61]
    if draw(st.booleans()):
        # Change one size wherever it stands, as the axes have to agree.
        old = draw(st.sampled_from([size for e in entries for size in e["shape"]]))
        new = draw(st.sampled_from([*sizes, max(old, 1) * 2, max(old - 1, 1)]))
        for entry in entries:
            entry["shape"] = [new if size == old else size for size in entry["shape"]]
    for _ in range(draw(st.sampled_from([1, 1, 2, len(entries)]))):
        entry = draw(st.sampled_from(entries))
        if entry["shape"] and draw(st.integers(0, 4)) == 4:
            axis = draw(st.integers(0, len(entry["shape"]) - 1))
            entry["shape"][axis] = draw(st.sampled_from(sizes))
        if draw(st.integers(0, 2)):
            other = draw(st.sampled_from(entries))["offset"]
            page = 4096 * draw(st.integers(0, pages - 1))
            entry["offset"] = draw(st.sampled_from([other, page, 4096 * (pages - 2)]))
    for entry in entries:
        item = {"<f4": 4}.get(entry["dtype"], 1)
        length = item * math.prod(entry["shape"])
        if draw(st.integers(0, 9)):
            entry["length"] = length if draw(st.integers(0, 3)) else length % 2**64
    return _sign_if_possible(data, index, records)


def _texts(draw: st.DrawFn, data: bytes) -> bytes:
    """Change the text of a document, which may then be no JSON any longer."""
    texts = [dump(part) for part in split(data)]
    which = draw(st.integers(0, 1))
    texts[which] = change_bytes(draw, texts[which])
    return join(data, *texts)


def _keys(draw: st.DrawFn, data: bytes) -> bytes:
    """Write one key twice."""
    texts = [dump(part) for part in split(data)]
    which = draw(st.integers(0, 1))
    parts = texts[which].split(b", ")
    at = draw(st.integers(0, len(parts) - 1))
    parts.insert(at, parts[at].lstrip(b"{[").rstrip(b"}]"))
    texts[which] = b", ".join(parts)
    return join(data, *texts)


def _line(draw: st.DrawFn, data: bytes) -> bytes:
    return change_bytes(draw, data[:96]) + data[96:]


def _arrays(draw: st.DrawFn, data: bytes) -> bytes:
    """Write odd values into an array."""
    index, records = split(data)
    entry = draw(st.sampled_from([e for e in index["arrays"].values() if e["length"]]))
    values = [b"\0", b"\1", b"\2", b"\xff"]
    if entry["dtype"] == "<f4":
        odd = [math.nan, math.inf, -math.inf, 0, -0.0, 1e-45, 3e38, -1]
        values = [struct.pack("<f", value) for value in odd]
    changed = bytearray(data)
    for _ in range(draw(st.sampled_from([1, 2, 32]))):
        value = draw(st.sampled_from(values))
        n_values = max(entry["length"] // len(value), 1)
        start = entry["offset"] + len(value) * draw(places(n_values))
        changed[start : start + len(value)] = value
    return sign(bytes(changed), index, records)


def _seizures(draw: st.DrawFn, data: bytes) -> bytes:
    """Move seizures in labels and events alike; a reader may refuse that there is none."""
    index, records = split(data)
    entry = index["arrays"]["labels"]
    n_times = entry["shape"][1]
    changed = bytearray(data)
    for row, window in enumerate(records["windows"]):
        how = draw(st.sampled_from(["stay", "seizure", "none"]))
        if how == "stay":
            continue
        start = draw(places(n_times))
        length = 1 + draw(places(n_times - start)) if how == "seizure" else 0
        stop = start + length
        labels = bytes(start) + b"\1" * (stop - start) + bytes(n_times - stop)
        at = entry["offset"] + row * n_times
        changed[at : at + n_times] = labels
        share = (stop - start) / n_times
        window["category"] = "full" if share >= 0.99 else "partial" if share else "none"
        kinds = {"full": "ictal", "partial": "whole", "none": "background"}
        window["kind"] = kinds[window["category"]]
        code = {"tusz": "fnsz", "szcore": "sz_foc"}
        event = {"onset": start / 256, "duration": (stop - start) / 256} | code
        window["events"] = [event] if share else []
    index["counts"] = {
        name: sum(w["category"] == name for w in records["windows"])
        for name in ("none", "partial", "full")
    }
    return sign(bytes(changed), index, records)


@functools.cache
def _structures(data: bytes) -> list[int]:
    """List the bytes of the HDF5 structures: behind the user block, not zero."""
    index, _ = split(data)
    spans = [(e["offset"], e["offset"] + e["length"]) for e in index["arrays"].values()]
    return [
        at
        for at in range(index["user_block"], len(data))
        if data[at] and not any(start <= at < stop for start, stop in spans)
    ]


def _hdf5(draw: st.DrawFn, data: bytes) -> bytes:
    """Change addresses, sizes, types and flags of the HDF5 structures."""
    structures = _structures(data)
    index, records = split(data)
    changed = bytearray(data)
    block = index["user_block"]
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 4]))):
        at = structures[draw(places(len(structures)))]
        how = draw(st.sampled_from(["flip", "set", "word", "copy", "random"]))
        if how == "flip":
            changed[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            values = [0, 1, 2, 3, 4, 5, 8, 16, 127, 128, 255]
            changed[at] = draw(st.sampled_from(values))
        elif how == "word":
            # Addresses and sizes lie on multiples of 8.
            start = at // 8 * 8
            near = int.from_bytes(data[start : start + 8], "little")
            words = [0, 1, 8, near + 8, near - 8, near * 2, len(data), len(data) - 8]
            words += [at - block, block, 2**32 - 1, 2**63 - 1, 2**64 - 1]
            word = draw(st.sampled_from(words)) % 2**64
            changed[start : start + 8] = word.to_bytes(8, "little")
        elif how == "copy":
            source = structures[draw(places(len(structures)))]
            piece = data[source : source + draw(st.sampled_from([8, 16, 40, 64]))]
            changed[at : at + len(piece)] = piece
        else:
            piece = draw(st.binary(min_size=1, max_size=32))
            changed[at : at + len(piece)] = piece
    return sign(bytes(changed[: len(data)]), index, records)


def _raw(draw: st.DrawFn, data: bytes) -> bytes:
    """Change bytes anywhere or add some; nothing is signed."""
    if draw(st.integers(0, 3)) == 3:
        return data + draw(st.binary(min_size=1, max_size=8)) * draw(
            st.sampled_from([1, 512])
        )
    return change_bytes(draw, data)


_KINDS: dict[str, Callable[[st.DrawFn, bytes], bytes]] = {
    "raw": _raw,
    "line": _line,
    "texts": _texts,
    "keys": _keys,
    "index": _index,
    "records": _records,
    "layout": _layout,
    "arrays": _arrays,
    "seizures": _seizures,
    "hdf5": _hdf5,
}
# Most rules are about the documents.
_OFTEN = ["index", "records", "records", "raw"]


@st.composite
def mutated_container(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw which part of a fixture is mutated, and the mutated file."""
    kind = draw(st.sampled_from([*_KINDS, *_OFTEN]))
    return kind, _KINDS[kind](draw, good)
