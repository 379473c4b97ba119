"""Strategies for goldens with a mutation, most of them with the right digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from hostile.goldens import Entry, archive, unpack_plainly
from hostile.mutated_containers import change_bytes, mutated_json

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["mutated_golden"]

_SIZES = [0, 1, 2, 20, 255, 2**15, 2**16 - 1]


def _document(draw: st.DrawFn, good: bytes) -> bytes:
    """Change values of the document; its arrays stay."""
    contents = unpack_plainly(good)
    document = draw(mutated_json(json.loads(contents[b"golden.json"])))
    contents[b"golden.json"] = json.dumps(document).encode("ascii")
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
            content = change_bytes(draw, entry.content)
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


_KINDS: dict[str, Callable[[st.DrawFn, bytes], bytes]] = {
    # Of these the digest is wrong, unless nothing changed.
    "raw": change_bytes,
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
