"""Strategies for goldens with a mutation, most of them with the right digest."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from hostile.goldens import Entry, archive, unpack_plainly

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mutated_golden"]

_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 0.5, 1e308, -0.0, 2**31, 2**53 + 1, 2**62, 2**64),
    *("", "x", "\0", "\x1b[2J", "|O", "<f4", "<U7", "None", "events", "float32"),
    *([], {}, [[]], [0], [2**40, 2**20], {"": 0}),
]
_SIZES = [0, 1, 2, 20, 255, 2**15, 2**16 - 1]


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values inside a document."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    inner = [place for key in keys for place in _places(value[key], (*path, key))]
    return [*([path] if path else []), *inner]


def _document(draw: st.DrawFn, good: bytes) -> bytes:
    """Replace or remove values of the document, or give one another key."""
    contents = unpack_plainly(good)
    document = json.loads(contents[b"golden.json"])
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(_places(document)))
        parent = document
        for step in path:
            parent = parent[step]
        how = draw(st.sampled_from(["value", "value", "remove", "twice"]))
        if how == "value":
            parent[key] = copy.deepcopy(draw(st.sampled_from(_VALUES)))
        elif how == "remove" or isinstance(parent, list):
            del parent[key]
        else:
            parent[draw(st.text(max_size=5))] = parent[key]
        if not document:
            break
    contents[b"golden.json"] = json.dumps(document).encode("ascii", "replace")
    return archive([Entry(name=n, content=c) for n, c in contents.items()])


def _entries(draw: st.DrawFn, good: bytes) -> bytes:
    """Reorder, repeat, remove, rename or change entries."""
    entries = [Entry(name=n, content=c) for n, c in unpack_plainly(good).items()]
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(entries) - 1))
        entry = entries[at]
        how = draw(st.sampled_from(["move", "repeat", "remove", "rename", "content"]))
        if how == "move":
            entries.insert(draw(st.integers(0, len(entries) - 1)), entries.pop(at))
        elif how == "repeat":
            entries.insert(at, entry)
        elif how == "remove" and len(entries) > 1:
            del entries[at]
        elif how == "rename":
            name = draw(st.sampled_from([b"../x.npy", b"x.npy", b"\xff", b"", b"a/b"]))
            entries[at] = Entry(name=name, content=entry.content)
        else:
            content = _changed(draw, entry.content or b"\0")
            entries[at] = Entry(name=entry.name, content=content)
    return archive(entries)


def _headers(draw: st.DrawFn, good: bytes) -> bytes:
    """Change fields of the headers of one entry."""
    entries = [Entry(name=n, content=c) for n, c in unpack_plainly(good).items()]
    at = draw(st.integers(0, len(entries) - 1))
    names = ["version", "flags", "method", "time", "date"]
    lies = {
        name: draw(st.sampled_from(_SIZES))
        for name in draw(st.lists(st.sampled_from(names), max_size=2))
    }
    for name in draw(st.lists(st.sampled_from(["crc", "stored", "size"]), max_size=2)):
        lies[name] = draw(st.integers(0, 2**32 - 1))
    local = draw(st.booleans())
    entries[at] = Entry(
        name=entries[at].name,
        content=entries[at].content,
        local=lies if local else {},
        central={} if local else lies,
    )
    return archive(entries)


def _around(draw: st.DrawFn, good: bytes) -> bytes:
    """Put bytes before, between or behind the entries."""
    entries = [Entry(name=n, content=c) for n, c in unpack_plainly(good).items()]
    parts = [
        draw(st.binary(max_size=40)) if draw(st.booleans()) else b"" for _ in "abc"
    ]
    return archive(entries, before=parts[0], between=parts[1], behind=parts[2])


def _changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Flip, cut, add or repeat bytes."""
    at = draw(st.integers(0, len(data) - 1))
    how = draw(st.sampled_from(["flip", "cut", "add", "set"]))
    if how == "flip":
        flipped = data[at] ^ (1 << draw(st.integers(0, 7)))
        return data[:at] + bytes([flipped]) + data[at + 1 :]
    if how == "cut":
        return data[:at] + data[at + draw(st.integers(1, 64)) :]
    piece = draw(st.binary(min_size=1, max_size=16))
    return data[:at] + piece + data[at + (len(piece) if how == "set" else 0) :]


_KINDS: dict[str, Callable[[st.DrawFn, bytes], bytes]] = {
    # Of these the digest is wrong, unless nothing changed.
    "raw": _changed,
    "document": _document,
    "entries": _entries,
    "headers": _headers,
    "around": _around,
}


@st.composite
def mutated_golden(draw: st.DrawFn, good: bytes) -> tuple[str, bytes]:
    """Draw which part of a golden is mutated, and the mutated file."""
    kind = draw(st.sampled_from(list(_KINDS)))
    return kind, _KINDS[kind](draw, good)
