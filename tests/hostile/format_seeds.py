"""Good files of our format, taken apart and put together again with the right digests."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.small import small_content

from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Edit",
    "Json",
    "Seeds",
    "dump",
    "enlarged",
    "first_line",
    "join",
    "make_seeds",
    "roomy",
    "sign",
    "split",
    "with_user_block",
]

Json = dict[str, Any]
Edit = Callable[[Json], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Hold the bytes of a good fixture."""

    fixture: bytes


# Good files


def make_seeds(folder: Path) -> Seeds:
    """Write a good fixture, small and the same each time, and return its bytes."""
    fixture = write_fixture(small_content(), folder / "seed-fixture.h5")
    return Seeds(fixture=fixture.read_bytes())


# Taking files apart, and putting them together again


def dump(value: object) -> bytes:
    """Return JSON as Python writes it."""
    return json.dumps(value).encode()


def split(data: bytes) -> tuple[Json, Json]:
    """Return index and records of a good file."""
    middle = 96 + int(data[9:19])
    stop = middle + int(data[20:30])
    return json.loads(data[96:middle]), json.loads(data[middle:stop])


def first_line(magic: bytes, index: bytes, records: bytes) -> bytes:
    """Return the first line with the digest that the documents need."""
    digest = hashlib.sha256(index + records).hexdigest().encode()
    return b"%s 1 %010d %010d %s\n" % (magic, len(index), len(records), digest)


def join(data: bytes, index: bytes, records: bytes, *, block: int = 0) -> bytes:
    """Put other documents into a good file, with the digest that they need.

    The HDF5 part begins at `block`; if that is 0, where the index of `data` says.
    Documents that need more room push it back, which no index expects.
    """
    block = block or split(data)[0]["user_block"]
    head = first_line(data[:6], index, records) + index + records
    return head.ljust(block, b"\0") + data[block:]


def with_user_block(data: bytes, size: int) -> bytes:
    """Move the HDF5 part back; index and records are still those of before."""
    block = split(data)[0]["user_block"]
    part = bytearray(data[block:])
    # Superblock, version 0: base address at 24, end of the file at 40.
    part[24:32] = struct.pack("<Q", size)
    part[40:48] = struct.pack("<Q", size + len(part))
    return data[:block].ljust(size, b"\0") + bytes(part)


def sign(data: bytes, index: Json, records: Json, *, block: int = 0) -> bytes:
    """Put other documents into a file, and give all of it the right digests."""
    place = index["user_block"]
    rest = hashlib.sha256()
    for entry in sorted(index["arrays"].values(), key=lambda e: int(e["offset"])):
        start, stop = entry["offset"], entry["offset"] + entry["length"]
        entry["sha256"] = hashlib.sha256(data[start:stop]).hexdigest()
        if start >= place:
            rest.update(data[place:start])
        place = max(place, stop)
    rest.update(data[place:])
    index["rest_sha256"] = rest.hexdigest()
    return join(data, dump(index), _text_of(data, records), block=block)


def _text_of(data: bytes, records: Json) -> bytes:
    """Return the records as they stand in the file, if they are still the same."""
    with contextlib.suppress(ValueError):
        if split(data)[1] == records:
            return data[96 + int(data[9:19]) :][: int(data[20:30])]
    return dump(records)


def roomy(data: bytes, size: int) -> bytes:
    """Return a good file with the same content and a larger user block."""
    index, records = split(data)
    more = size - index["user_block"]
    index |= {"user_block": size, "file_size": index["file_size"] + more}
    for entry in index["arrays"].values():
        entry["offset"] += more
    return sign(with_user_block(data, size), index, records, block=size)


def enlarged(data: bytes, size: int, edit: Edit) -> bytes:
    """Return a file with a larger user block and edited records."""
    index, records = split(roomy(data, size))
    edit(records)
    return join(roomy(data, size), dump(index), dump(records))
