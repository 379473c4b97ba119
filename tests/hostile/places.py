"""Fixtures by size and by place, and strange ones that are right."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from hostile.file import (
    TB,
    add,
    add_bytes,
    sparse,
)
from hostile.format_seeds import (
    Json,
    Seeds,
    dump,
    enlarged,
    first_line,
    join,
    sign,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable


# Sizes


def _huge_block(seeds: Seeds) -> bytes:
    index, records = split(seeds.fixture)
    index |= {"user_block": 2**39, "file_size": TB}
    return (
        first_line(b"BGBFIX", dump(index), dump(records)) + dump(index) + dump(records)
    )


add(
    "sparse-1-TB-of-zeros",
    "",
    "verify",
    "is not a fixture: it begins neither like a fixture nor like an HDF5 file",
    sparse(TB, lambda _: b""),
)
add(
    "sparse-1-TB-behind-a-good-file",
    "R4",
    "verify",
    "is longer than written: expected 155928 bytes",
    sparse(TB, lambda seeds: seeds.fixture),
    error="IntegrityError",
)
add(
    "sparse-1-TB-with-a-user-block-of-half",
    "R3",
    "verify",
    "user_block: expected a power of two",
    sparse(TB, _huge_block),
)


def _many_events(path: Path, seeds: Seeds) -> None:
    """List 50,000 events that cover the same samples: slow, if each is written out."""
    event = {"onset": 0, "duration": 2, "tusz": "fnsz", "szcore": "sz_foc"}

    def edit(records: Json) -> None:
        records["windows"][1]["events"] = [event] * 50_000

    path.write_bytes(enlarged(seeds.fixture, 2**22, edit))


add("fifty-thousand-events", "", "load", "", _many_events, error="")

# What is no regular file, or not where it seems to be


def _link_to(there: str) -> Callable[[Path, Seeds], None]:
    return lambda path, _: path.symlink_to(there)


def _good_link(path: Path, seeds: Seeds) -> None:
    there = path.with_suffix(".there")
    there.write_bytes(seeds.fixture)
    path.symlink_to(there)


def _socket(path: Path, _: Seeds) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # The name of a socket has at most 108 bytes.
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(path.name)
    os.chdir(here)


add("symlink-to-a-good-file", "", "verify", "", _good_link, error="")
add(
    "symlink-to-nothing",
    "",
    "verify",
    "no such file",
    lambda path, _: path.symlink_to("nothing"),
    error="FixtureNotFoundError",
)
add(
    "symlink-to-itself",
    "",
    "verify",
    "cannot be read: Too many levels of symbolic links",
    lambda path, _: path.symlink_to(path.name),
)
add("folder", "", "verify", "is a folder", lambda path, _: path.mkdir())
add("empty", "", "verify", "it is empty", lambda path, _: path.touch())
if hasattr(os, "mkfifo"):
    add(
        "fifo-verify",
        "",
        "verify",
        "is not a regular file",
        lambda path, _: os.mkfifo(path),
    )
for _device in ("/dev/zero", "/dev/full", "/dev/null"):
    if Path(_device).exists():
        add(
            f"{_device.replace('/', '-')[1:]}-verify",
            "",
            "verify",
            "is not a regular file",
            _link_to(_device),
        )
if hasattr(socket, "AF_UNIX"):
    add("socket", "", "verify", "cannot be read", _socket)
if Path("/proc/self/status").exists():
    add(
        # Its status says 0 bytes; reading says otherwise.
        "file-of-the-system",
        "",
        "verify",
        "is not a fixture",
        lambda path, _: path.symlink_to("/proc/self/status"),
    )

# Strange, and all the same good: what is read is right


def _reordered(data: bytes) -> bytes:
    index, records = split(data)
    texts = [
        json.dumps(dict(reversed(part.items())), indent=1).encode()
        for part in (index, records)
    ]
    return join(data, *texts)


add_bytes("json-in-another-order-with-blanks", "", "verify", "", _reordered, error="")
add_bytes(
    "json-with-escapes",
    "",
    "verify",
    "",
    lambda d: join(
        d,
        dump(split(d)[0]).replace(b'"name"', b'"\\u006eame"'),
        dump(split(d)[1]),
    ),
    error="",
)


def _zip_behind(data: bytes) -> bytes:
    index, records = split(data)
    index["file_size"] += 22
    return sign(data + b"PK\x05\x06" + bytes(18), index, records)


# Whoever signs can put anything into bytes that belong to no array; no reader looks.
add_bytes("zip-behind-signed", "", "verify", "", _zip_behind, error="")
