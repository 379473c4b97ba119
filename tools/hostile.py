"""Hostile files of our format, made by code: each breaks one rule of DATA.md.

Invariant: digests are computed anew, so that the rule itself is what refuses a file.
Used by ``tests/test_hostile.py`` and by ``tools/fuzz.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from small import small_content

from bgb_fixtures.builder.writer import write_fixture
from bgb_fixtures.golden.content import (
    Call,
    FixtureState,
    Golden,
    ModelState,
    Output,
    Tolerance,
    Trace,
)
from bgb_fixtures.golden.store import write_golden

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]
    Edit = Callable[[Json], object]

__all__ = ["HOSTILE", "Hostile", "join", "make_seeds", "sign", "split"]

TB = 2**40
_ALIGNED = {"alignment_threshold": 1, "alignment_interval": 4096}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """Hold the bytes of a good file of each kind."""

    fixture: bytes
    golden: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """Describe one hostile file.

    Attributes
    ----------
    name : str
        Unique.
    rules : str
        What it breaks, separated by blanks; empty for what is no file of ours at all.
    opener : str
        Key of ``fuzz.RUNS``: how it is opened.
    error : str
        Class of the error; empty if it is to be read, with the right data.
    message : str
        Pattern that the message must hold.
    make : callable
        Put it at a path, out of the good files.
    """

    name: str
    rules: str
    opener: str
    error: str
    message: str
    make: Callable[[Path, Seeds], object]


HOSTILE: list[Hostile] = []


# Good files


def _golden() -> Golden:
    tolerance = Tolerance(rtol=1e-4, atol=1e-6, source="by hand")
    arrays = {
        "logits": np.linspace(-3, 3, 96, dtype=np.float32).reshape(2, 48),
        "flags": np.array([True, False, True]),
        "half": np.array([1.0, -2.5, np.inf], np.float32),
        "empty": np.zeros((0, 3), np.int64),
    }
    dtypes = {
        "logits": "float32",
        "flags": "bool",
        "half": "bfloat16",
        "empty": "int64",
    }
    call = {"training": False, "weights": "ab" * 32, "dtypes": ("float32", "float32")}
    shapes = (((2, 3, 48),), ((2, 1, 48),))
    return Golden(
        name="logits",
        outputs={
            key: Output(
                array=array,
                dtype=dtypes[key],
                tolerance=tolerance,
                threshold=0.0 if key == "logits" else None,
            )
            for key, array in arrays.items()
        },
        environment={"numpy": "2.4.0", "device": "cpu"},
        fixture=FixtureState(
            name="small", content_version=1, digest="cd" * 32, windows=("w0", "w1")
        ),
        model=ModelState(digest="ef" * 32, n_parameters=16),
        trace=Trace(
            calls=tuple(
                Call(name=name, kind="Conv1d", settings="3, 1", shapes=shapes, **call)  # type: ignore[arg-type]
                for name in ("", "0")
            ),
            statistics=np.ones((2, 2, 8)),
            samples=np.ones((2, 2, 32)),
            n_calls=2,
        ),
    )


def make_seeds(folder: Path) -> Seeds:
    """Write a good fixture and a good golden, and return their bytes.

    Parameters
    ----------
    folder : pathlib.Path
        Where to write them.

    Returns
    -------
    seeds : Seeds
        Small files, the same ones each time.
    """
    fixture = write_fixture(small_content(), folder / "seed-fixture.h5")
    golden = write_golden(_golden(), folder / "seed-golden.h5")
    return Seeds(fixture=fixture.read_bytes(), golden=golden.read_bytes())


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

    Parameters
    ----------
    data : bytes
        The file.
    index, records : bytes
        What to put in.
    block : int
        Where the HDF5 part begins; 0: where the index of `data` says.

    Returns
    -------
    joined : bytes
        The file; documents that need more room push the HDF5 part back, which no index
        expects.
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


# Registering


def _add(
    name: str,
    rules: str,
    opener: str,
    message: str,
    make: Callable[[Path, Seeds], object],
    *,
    error: str = "FormatError",
) -> None:
    HOSTILE.append(
        Hostile(
            name=name,
            rules=rules,
            opener=opener,
            error=error,
            message=message,
            make=make,
        )
    )


def _add_bytes(
    name: str,
    rules: str,
    opener: str,
    message: str,
    change: Callable[[bytes], bytes],
    *,
    error: str = "FormatError",
) -> None:
    """Register a file out of the bytes of a good one: of a golden for its openers."""

    def make(path: Path, seeds: Seeds) -> None:
        path.write_bytes(change(_seed(opener, seeds)))

    _add(name, rules, opener, message, make, error=error)


def _seed(opener: str, seeds: Seeds) -> bytes:
    return seeds.golden if "golden" in opener else seeds.fixture


def _add_index(rules: str, *lies: tuple[str, Edit, str]) -> None:
    """Register indexes that lie; only the digest of the documents is made anew."""
    for name, edit, message in lies:

        def change(data: bytes, edit: Edit = edit) -> bytes:
            index, records = split(data)
            edit(index)
            return join(data, dump(index), dump(records))

        integrity = message.startswith(("is truncated", "byte "))
        error = "IntegrityError" if integrity else "FormatError"
        _add_bytes(f"index-{name}", rules, "trust", message, change, error=error)


def _add_records(
    rules: str, *lies: tuple[str, Edit, str], opener: str = "load"
) -> None:
    """Register records that lie; all digests are right."""
    for name, edit, message in lies:

        def change(data: bytes, edit: Edit = edit) -> bytes:
            index, records = split(data)
            edit(records)
            if len(dump(records)) > 6000:
                return enlarged(data, 2**24, edit)
            return join(data, dump(index), dump(records))

        kind = "golden-records" if "golden" in opener else "records"
        _add_bytes(f"{kind}-{name}", rules, opener, message, change)


def _add_golden_index(rules: str, *lies: tuple[str, Edit, str]) -> None:
    for name, edit, message in lies:

        def change(data: bytes, edit: Edit = edit) -> bytes:
            index, records = split(data)
            edit(index)
            return join(data, dump(index), dump(records))

        _add_bytes(f"golden-index-{name}", rules, "golden", message, change)


def _add_hdf5(
    rules: str,
    *changes: tuple[str, Callable[[h5py.File], object], str],
    opener: str = "verify",
) -> None:
    """Register files whose HDF5 side was changed with h5py, and signed again."""
    for name, change, message in changes:

        def make(
            path: Path,
            seeds: Seeds,
            change: Callable[[h5py.File], object] = change,
        ) -> None:
            path.write_bytes(_seed(opener, seeds))
            with h5py.File(path, "r+", **_ALIGNED) as file:
                change(file)
            changed = path.read_bytes()
            index, records = split(changed)
            index["file_size"] = len(changed)
            path.write_bytes(sign(changed, index, records))

        _add(f"{opener}-hdf5-{name}", rules, opener, message, make)


# The first line, and what is no file of ours


def _line(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: change(data[:96]) + data[96:]


for _name, _message, _change in (
    ("crlf", "the first line is not that", _line(lambda x: x[:95] + b"\r\n")),
    ("tabs", "the first line is not that", _line(lambda x: x.replace(b" ", b"\t"))),
    (
        "upper-digest",
        "the first line is not that",
        _line(lambda x: x[:31] + x[31:].upper()),
    ),
    (
        "signed-length",
        "the first line is not that",
        _line(lambda x: x[:9] + b"+" + x[10:]),
    ),
    (
        "blank-padded",
        "the first line is not that",
        _line(lambda x: x[:9] + x[9:19].lstrip(b"0").rjust(10) + x[19:]),
    ),
    (
        "nul",
        r"the first line is not that .*\\x00",
        _line(lambda x: x[:30] + b"\0" + x[31:]),
    ),
    ("escape", r"\\x1b\[2J", _line(lambda x: x[:9] + b"\x1b[2J" + x[13:])),
    ("no-line-feed", "the first line is not", _line(lambda x: x[:95] + b" ")),
    ("lower-case", r"it begins with b'bgbfix", _line(bytes.lower)),
    ("version-0", "format version 0; this release reads 1", _line(lambda x: x[:7] + b"0" + x[8:])),
    ("bom", r"it begins with b'\\xef\\xbb\\xbfBGBFIX", lambda d: b"\xef\xbb\xbf" + d),
    ("html-in-front", "it is a web page", lambda d: b"<html><!--" + d),
    ("zip-in-front", r"it begins with b'PK", lambda d: b"PK\x03\x04" + d),
    ("pdf-in-front", "it begins with b'%PDF", lambda d: b"%PDF-1.7\n" + d),
    ("script-in-front", "it begins with b'#!/bin", lambda d: b"#!/bin/sh\nexit\n" + d),
    ("pickle-in-front", r"it begins with b'\\x80\\x04", lambda d: b"\x80\x04." + d),
    # HDF5 looks for its signature at 0, 512, 1024, ...: this one still opens.
    ("block-in-front", r"it begins with b'\\x00", lambda d: bytes(len(d[:8192])) + d),
):  # fmt: skip
    _add_bytes(
        f"line-{_name}",
        "R1",
        "load",
        _message,
        _change,
        error="FormatVersionError" if "version" in _name else "FormatError",
    )

_add_bytes(
    "later-version-with-anything-behind",
    "R19 R21",
    "load",
    "format version 2; this release reads 1. Upgrade bgb-fixtures",
    lambda d: b"BGBFIX 2 " + b"[" * 10**6 + d,
    error="FormatVersionError",
)
_add_bytes(
    "version-1-over-an-index-of-version-2",
    "R21",
    "trust",
    "index, format_version: expected 1, got 2",
    lambda d: join(d, dump(split(d)[0] | {"format_version": 2}), b"{}"),
)
_add_bytes(
    "golden-under-the-word-of-a-fixture",
    "G1",
    "golden",
    "it is a fixture; load it with load_fixture",
    lambda d: b"BGBFIX" + d[6:],
)
_add(
    "fixture-under-the-word-of-a-golden",
    "G1 G2",
    "golden",
    "index: missing keys .*unknown keys",
    lambda path, seeds: path.write_bytes(b"BGBGLD" + seeds.fixture[6:]),
)
_add(
    "golden-for-a-fixture",
    "G1",
    "load",
    "it is a golden; compare with it",
    lambda path, seeds: path.write_bytes(seeds.golden),
)

# Documents


def _texts(index: bytes | None = None, records: bytes | None = None) -> Any:
    def change(data: bytes) -> bytes:
        data = roomy(data, 2**24) if len(records or b"") > 4000 else data
        known = [dump(part) for part in split(data)]
        return join(
            data,
            known[0] if index is None else index,
            known[1] if records is None else records,
        )

    return change


def _in_records(old: bytes, new: bytes) -> Any:
    """Replace text inside the records of a good file."""

    def change(data: bytes) -> bytes:
        index, records = map(dump, split(data))
        return join(data, index, records.replace(old, new, 1))

    return change


for _name, _index, _message in (
    ("empty", b"", "index: expected a JSON object in ASCII"),
    ("cut", b"{", "index: expected a JSON object in ASCII"),
    ("list", b"[]", "expected a JSON object, got list"),
    ("not-ascii", b'{"\xc3\xa9": 1}', "'ascii' codec can't decode"),
    ("not-utf-8", b'{"\xff": 1}', "'ascii' codec can't decode"),
    ("utf-16", '{"a": 1}'.encode("utf-16"), "'ascii' codec can't decode"),
    ("bom", b'\xef\xbb\xbf{"a": 1}', "'ascii' codec can't decode"),
    ("twice", b'{"name": 1, "name": 1}', "the key 'name' twice"),
    ("twice-escaped", b'{"name": 1, "n\\u0061me": 1}', "the key 'name' twice"),
    ("twice-inside", b'{"a": [{"b": 1, "b": 1}]}', "the key 'b' twice"),
    ("nan", b'{"sfreq": NaN}', "the number NaN"),
    ("infinity", b'{"sfreq": -Infinity}', "the number -Infinity"),
    ("overflow", b'{"sfreq": 1e999}', "the number 1e999"),
    ("digits", b'{"a": ' + b"1" * 5000 + b"}", "expected a JSON"),
    ("deep", b"[" * 100_000, "expected a JSON object"),
    ("deep-objects", b'{"a":' * 50_000, "expected a JSON object"),
    ("unfinished", b'{"a": {', "expected a JSON object"),
    ("comment", b'{"a": 1 /* x */}', "expected a JSON object"),
    ("trailing-comma", b'{"a": 1,}', "expected a JSON object"),
    ("single-quotes", b"{'a': 1}", "expected a JSON object"),
    ("two-documents", b'{"a": 1}{"b": 1}', "Extra data"),
    ("nul", b'{"a\0": 1}', "Invalid control character"),
    ("nul-behind", b'{"a": 1}\0', "Extra data"),
    ("hexadecimal", b'{"a": 0x10}', "expected a JSON object"),
    ("leading-zero", b'{"a": 010}', "expected a JSON object"),
    ("bad-escape", b'{"a": "\\x41"}', "Invalid .escape"),
    ("no-key", b"{}", r"missing keys \['arrays', 'content"),
):
    _add_bytes(f"document-{_name}", "R2", "trust", _message, _texts(index=_index))

for _name, _records, _message in (
    ("list", b"[]", "records: expected a JSON object, got list"),
    ("deep", b'{"spec":' + b"[" * 10**6, "records: expected a JSON object"),
    ("megabytes-of-one-number", b"1." + b"1" * (8 * 2**20), "expected a JSON object"),
    ("not-ascii", b'"\xf0\x9f\xa7\xa0"', "'ascii' codec"),
):
    _add_bytes(
        f"document-records-{_name}", "R2", "load", _message, _texts(records=_records)
    )
_add_bytes(
    "document-twice-in-spec",
    "R2",
    "load",
    "the key 'source' twice",
    _in_records(b'{"source": "synthetic"}', b'{"source": "x", "source": "synthetic"}'),
)
_add_bytes(
    "document-nan-in-spec",
    "R2",
    "load",
    "the number NaN",
    _in_records(b'{"source": "synthetic"}', b'{"source": NaN}'),
)
_add_bytes(
    "documents-longer-than-allowed",
    "R2",
    "load",
    "at most 16777216 bytes together, got 16777217",
    lambda d: b"BGBFIX 1 %010d %010d " % (2**24, 1) + d[31:] + bytes(2**20),
)

# Index


def _entry(index: Json, name: str = "signals") -> Json:
    value: Json = index["arrays"][name]
    return value


_add_index(
    "R2 R4",
    ("unknown-key", lambda i: i.update(note="x"), r"unknown keys \['note'\]"),
    ("no-key", lambda i: i.pop("sfreq"), r"missing keys \['sfreq'\]"),
    ("surrogate-key", lambda i: i.update({"\ud800": 1}), r"unknown keys \['\\ud800'\]"),
)
_add_index(
    "R3",
    ("block-odd", lambda i: i.update(user_block=8191), "expected a power of two"),
    ("block-small", lambda i: i.update(user_block=2048), "power of two in .*got 2048"),
    ("block-else", lambda i: i.update(user_block=16384), "byte 8192: expected zeros"),
    ("block-huge", lambda i: i.update(user_block=2**40), "expected a power of two"),
    ("block-0", lambda i: i.update(user_block=0), "expected a power of two"),
    ("block-bool", lambda i: i.update(user_block=True), "user_block: expected an int"),
)
_add_index(
    "R4",
    ("version-2", lambda i: i.update(format_version=2), "format_version: expected 1"),
    ("version-true", lambda i: i.update(format_version=True), "got True"),
    ("version-1.0", lambda i: i.update(format_version=1.0), "got 1.0"),
    ("name", lambda i: i.update(name="../x"), "index, name: expected text"),
    ("name-number", lambda i: i.update(name=3), "index, name: expected text"),
    ("name-line", lambda i: i.update(name="a\n"), "index, name: expected text"),
    ("name-nul", lambda i: i.update(name="a\0"), "index, name: expected text"),
    ("name-long", lambda i: i.update(name="a" * 65), "index, name: expected text"),
    ("content", lambda i: i.update(content_version=0), "content_version: expected"),
    ("content-huge", lambda i: i.update(content_version=2**62), "content_version: exp"),
    ("content-float", lambda i: i.update(content_version=1.0), "content_version: expe"),
    ("sfreq-0", lambda i: i.update(sfreq=0), "index, sfreq: expected a number"),
    ("sfreq-small", lambda i: i.update(sfreq=9e-4), "index, sfreq: expected a number"),
    ("sfreq-large", lambda i: i.update(sfreq=1e9 + 1), "sfreq: expected a number"),
    ("sfreq-text", lambda i: i.update(sfreq="256"), "got '256'"),
    ("sfreq-huge", lambda i: i.update(sfreq=10**400), "index, sfreq: expected a num"),
    ("sfreq-bool", lambda i: i.update(sfreq=True), "index, sfreq: expected a number"),
    ("size", lambda i: i.update(file_size=155929), "is truncated: expected 155929"),
    ("size-limit", lambda i: i.update(file_size=2**62), "file_size: expected an int"),
    ("size-huge", lambda i: i.update(file_size=2**63), "file_size: expected an int"),
    (
        "size-float",
        lambda i: i.update(file_size=155928.0),
        "file_size: expected an int",
    ),
    ("digest", lambda i: i.update(rest_sha256="ABC"), "rest_sha256: expected 64"),
    ("digest-line", lambda i: i.update(rest_sha256="0" * 64 + "\n"), "expected 64"),
)
_add_index(
    "R5",
    ("arrays-list", lambda i: i.update(arrays=[]), "arrays: expected an object, got"),
    ("no-array", lambda i: i["arrays"].pop("scale"), r"missing keys \['scale'\]"),
    ("array-more", lambda i: i["arrays"].update(x=1), r"unknown keys \['x'\]"),
    ("array-text", lambda i: i["arrays"].update(scale=""), "'scale': expected an obj"),
    ("entry-key", lambda i: _entry(i).update(x=1), r"unknown keys \['x'\]"),
    ("dtype-big", lambda i: _entry(i).update(dtype=">f4"), "'<f4', got '>f4'"),
    ("dtype-f8", lambda i: _entry(i).update(dtype="<f8"), "'<f4', got '<f8'"),
    ("dtype-obj", lambda i: _entry(i).update(dtype="|O"), r"'<f4', got '\|O'"),
    ("dtype-list", lambda i: _entry(i).update(dtype=["<f4"]), r"'<f4', got \['<f4'\]"),
    ("shape-text", lambda i: _entry(i).update(shape="4"), "shape: expected sizes for"),
    (
        "shape-2d",
        lambda i: _entry(i).update(shape=[4, 3]),
        "n_windows, n_channels, n_t",
    ),
    ("shape-0", lambda i: _entry(i).update(shape=[4, 3, 0]), "n_times of at least 1"),
    ("shape-neg", lambda i: _entry(i).update(shape=[-4, -3, 512]), "n_windows of at"),
    ("shape-bool", lambda i: _entry(i).update(shape=[4, 3, True]), "n_times of at"),
    ("shape-float", lambda i: _entry(i).update(shape=[4.0, 3, 512]), "n_windows of at"),
    ("shape-2^62", lambda i: _entry(i).update(shape=[2**62, 1, 1]), "n_windows of at"),
    ("shape-10^400", lambda i: _entry(i).update(shape=[10**400, 1, 1]), "n_windows of"),
    (
        "shape-bomb",
        lambda i: _entry(i).update(shape=[2**40, 2**20, 512]),
        "array 'signals', length: expected .* bytes for shape",
    ),
    (
        # 4 x the product is 2^64 + 24576: the right length, for who counts in 64 bits.
        "shape-that-overflows-to-the-right-length",
        lambda i: _entry(i).update(shape=[2048, 1, 2**51 + 3]),
        "length: expected 18446744073709576192 bytes for shape",
    ),
    (
        "shape-less",
        lambda i: _entry(i).update(shape=[4, 3, 511]),
        "length: expected 24528 bytes for shape",
    ),
    (
        "shape-swapped",
        lambda i: _entry(i, "labels").update(shape=[512, 4]),
        "array 'labels', shape: expected n_windows = 4, as for 'signals'",
    ),
    (
        "shape-and-length",
        lambda i: _entry(i).update(shape=[4, 3, 511], length=24528),
        "array 'labels', shape: expected n_times = 511",
    ),
    ("length", lambda i: _entry(i).update(length=24572), "expected 24576 bytes for"),
    ("length-float", lambda i: _entry(i).update(length=24576.0), "got 24576.0"),
    ("sha", lambda i: _entry(i).update(sha256="0" * 63), "64 hexadecimal digits"),
    ("sha-null", lambda i: _entry(i).update(sha256=None), "64 hexadecimal digits"),
)
_add_index(
    "R6",
    ("misaligned", lambda i: _entry(i).update(offset=32772), "a multiple of 4096, got"),
    ("offset-neg", lambda i: _entry(i).update(offset=-4096), r"a place inside \[8192"),
    ("offset-block", lambda i: _entry(i).update(offset=4096), r"a place inside \[8192"),
    ("past-end", lambda i: _entry(i).update(offset=2**20), r"inside \[8192, 155928\)"),
    (
        "past-end-in-part",
        lambda i: _entry(i, "labels").update(offset=155648),
        r"inside \[8192, 155928\), got '\[155648, 157696\)'",
    ),
    ("offset-far", lambda i: _entry(i).update(offset=2**80), "a place inside"),
    ("offset-wraps", lambda i: _entry(i).update(offset=2**64 - 4096), "a place inside"),
    ("offset-text", lambda i: _entry(i).update(offset="0"), "a multiple of 4096, got"),
    ("offset-float", lambda i: _entry(i).update(offset=32768.0), "a multiple of 4096"),
    (
        "offset-bool",
        lambda i: _entry(i).update(offset=False),
        "a multiple of 4096, got",
    ),
    (
        "overlap",
        lambda i: _entry(i, "scale").update(offset=_entry(i)["offset"] + 4096),
        "array 'scale': expected bytes behind those of 'signals'",
    ),
    (
        "overlap-of-the-last-page",
        lambda i: _entry(i, "labels").update(offset=_entry(i)["offset"] + 20480),
        "array 'labels': expected bytes behind those of 'signals'",
    ),
    (
        "same-place",
        lambda i: _entry(i, "scale").update(offset=_entry(i, "offset")["offset"]),
        "expected bytes behind those of 'offset'",
    ),
)
_add_index(
    "R10",
    ("counts-key", lambda i: i["counts"].pop("full"), r"missing keys \['full'\]"),
    (
        "counts-negative",
        lambda i: i.update(counts={"none": 5, "partial": -1, "full": 0}),
        "index, counts: expected an integer",
    ),
    (
        "counts-sum",
        lambda i: i.update(counts={"none": 1, "partial": 1, "full": 1}),
        "index, counts: expected 4 windows in all",
    ),
    (
        "counts-float",
        lambda i: i.update(counts={"none": 1.0, "partial": 2, "full": 1}),
        "index, counts: expected an integer",
    ),
    (
        "no-positive-window",
        lambda i: i.update(counts={"none": 4, "partial": 0, "full": 0}),
        "index, counts: expected at least one window with a seizure",
    ),
)


def _hide(data: bytes) -> bytes:
    return data[:8000] + b"%PDF-1.7" + data[8008:]


def _swapped_digests(data: bytes) -> bytes:
    index, records = split(data)
    scale, offset = _entry(index, "scale"), _entry(index, "offset")
    scale["sha256"], offset["sha256"] = offset["sha256"], scale["sha256"]
    return join(data, dump(index), dump(records))


_add_bytes(
    "padding-hides-text",
    "R3",
    "trust",
    "byte 8000: expected zeros",
    _hide,
    error="IntegrityError",
)
_add_bytes(
    "user-block-of-64-MiB",
    "R3",
    "load",
    r"user_block: expected a power of two in \[8208, 33554433\)",
    lambda d: enlarged(d, 2**26, lambda r: r.update(spec={"x": "y" * 6000})),
)
_add_bytes(
    "no-signature",
    "R3",
    "trust",
    "byte 8192: expected the HDF5 signature",
    lambda d: d[:8192] + bytes(8) + d[8200:],
    error="IntegrityError",
)
_add_bytes(
    "digests-of-two-arrays-swapped",
    "R7",
    "load",
    "array 'scale' .*expected SHA-256",
    _swapped_digests,
    error="IntegrityError",
)
_add_bytes(
    "rest-changed-under-its-old-digest",
    "R7",
    "load",
    "HDF5 structures and padding: expected SHA-256",
    lambda d: d[:-1] + bytes([d[-1] ^ 1]),
    error="IntegrityError",
)
_add_bytes(
    "zip-behind-unsigned",
    "R4 R7",
    "trust",
    "is longer than written: expected 155928 bytes",
    lambda d: d + b"PK\x05\x06" + bytes(18),
    error="IntegrityError",
)
_add_bytes(
    "records-changed-under-their-old-digest",
    "R1 R7",
    "trust",
    "index and records: expected SHA-256 .*the file changed after it was written",
    lambda d: d[:4000].replace(b"zscore-1", b"zscore-2") + d[4000:],
    error="IntegrityError",
)
_add_bytes(
    "half-written-in-place",
    "R7 R20",
    "load",
    "array 'signals' .*expected SHA-256",
    lambda d: d[: len(d) // 4].ljust(len(d), b"\0"),
    error="IntegrityError",
)


# Records


def _nested(levels: int) -> Json:
    value: Json = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


def _win(records: Json, row: int = 0) -> Json:
    value: Json = records["windows"][row]
    return value


def _event(records: Json) -> Json:
    value: Json = _win(records)["events"][0]
    return value


_add_records(
    "R8",
    ("unknown-key", lambda r: r.update(path="/home"), r"unknown keys \['path'\]"),
    ("no-key", lambda r: r.pop("licence"), r"missing keys \['licence'\]"),
    ("names-few", lambda r: r.update(ch_names=["Cz"]), "3 different names"),
    ("names-same", lambda r: r.update(ch_names=["a", "a", "b"]), "3 different names"),
    ("names-text", lambda r: r.update(ch_names="abc"), "a list of texts"),
    ("names-int", lambda r: r.update(ch_names=[1, 2, 3]), "ch_names: expected text"),
    ("name-empty", lambda r: r.update(ch_names=["", "a", "b"]), "expected text"),
    ("escape", lambda r: r.update(ch_names=["\x1b[2J", "a", "b"]), "expected text"),
    ("name-nul", lambda r: r.update(ch_names=["a\0", "a", "b"]), "expected text"),
    ("surrogate", lambda r: r.update(montage="\ud800"), "montage: expected text"),
    ("montage", lambda r: r.update(montage=None), "montage: expected text"),
    ("montage-line", lambda r: r.update(montage="10-20\n"), "montage: expected text"),
    ("unit", lambda r: r.update(unit="mV"), "one of .*got 'mV'"),
    ("unit-list", lambda r: r.update(unit=["uV"]), r"one of .*got \['uV'\]"),
    ("profile", lambda r: r["profile"].pop("steps"), r"missing keys \['steps'\]"),
    ("steps", lambda r: r["profile"].update(steps=[1]), "steps: expected text"),
    ("source", lambda r: r.update(source=[]), "records, source: expected an object"),
    ("source-name", lambda r: r.update(source={}), "source, name: expected text"),
    ("spec", lambda r: r.update(spec="smoke"), "records, spec: expected an object"),
    ("spec-deep", lambda r: r.update(spec=_nested(9)), "spec: nested deeper than 8"),
    ("spec-very", lambda r: r.update(spec=_nested(150)), "spec: nested deeper than 8"),
    ("profile-name", lambda r: r["profile"].update(name=""), "profile, name: expected"),
    ("licence-name", lambda r: r["licence"].update(name=1), "licence, name: expected"),
    ("licence", lambda r: r["licence"].update(url=1), "licence, url: expected text"),
    (
        "redistributable",
        lambda r: r["licence"].update(redistributable="no"),
        "redistributable: expected true or false, got 'no'",
    ),
    (
        "redistributable-1",
        lambda r: r["licence"].update(redistributable=1),
        "redistributable: expected true or false, got 1",
    ),
    ("windows", lambda r: r.update(windows={}), "windows: expected a list of 4"),
    ("too-few", lambda r: r["windows"].pop(), "a list of 4, got 3"),
)
_add_records(
    "R9",
    ("window-null", lambda r: r["windows"].__setitem__(0, None), "expected an object"),
    ("window-key", lambda r: _win(r).update(patient="x"), r"keys \['patient'\]"),
    ("same-id", lambda r: _win(r).update(id="w1"), "expected different ids"),
    ("id", lambda r: _win(r).update(id="W 0"), r"windows\[0\], id: expected text"),
    ("subject", lambda r: _win(r).update(subject="chb01"), "subject: expected text"),
    ("recording", lambda r: _win(r).update(recording="a"), "recording: expected tex"),
    ("split", lambda r: _win(r).update(split="Train!"), "split: expected text"),
    ("onset", lambda r: _win(r).update(onset=-1), "onset: expected a number"),
    ("onset-late", lambda r: _win(r).update(onset=1e9 + 1), "onset: expected a num"),
    ("onset-bool", lambda r: _win(r).update(onset=True), "onset: expected a number"),
    ("onset-huge", lambda r: _win(r).update(onset=10**400), "onset: expected a num"),
    ("clipped", lambda r: _win(r).update(n_clipped=1.5), "n_clipped: expected an in"),
    (
        "clipped-limit",
        lambda r: _win(r).update(n_clipped=2**62),
        r"n_clipped: expected an integer in \[0, 2\^62\)",
    ),
    ("clipped-bool", lambda r: _win(r).update(n_clipped=False), "n_clipped: expected"),
    ("events", lambda r: _win(r).update(events={}), "events: expected a list"),
)
_add_records(
    "R10",
    ("category", lambda r: _win(r).update(category="some"), "a category and a kind"),
    (
        "categories",
        lambda r: _win(r, 2).update(category="partial", kind="whole"),
        "categories as counted .*'none': 1",
    ),
)
_add_records(
    "R11",
    ("kind", lambda r: _win(r).update(kind="ictal"), "a category and a kind of"),
    ("onset-kind", lambda r: _win(r, 3).update(kind="onset"), "its last label is not"),
    ("offset-kind", lambda r: _win(r).update(kind="offset"), "its first label is not"),
)
_add_records(
    "R12",
    ("event-key", lambda r: _event(r).update(x=1), r"unknown keys \['x'\]"),
    ("code", lambda r: _event(r).update(tusz="xxsz"), "a TUSZ code and its SzCORE"),
    ("pair", lambda r: _event(r).update(szcore="sz_gen"), "a TUSZ code and its SzCORE"),
    (
        "code-of-nothing",
        lambda r: _event(r).update(tusz="xxsz", szcore=""),
        r"a TUSZ code and its SzCORE code, got \['xxsz', ''\]",
    ),
    (
        "code-null",
        lambda r: _event(r).update(tusz=None, szcore=None),
        "a TUSZ code and",
    ),
    ("code-list", lambda r: _event(r).update(tusz=[]), "a TUSZ code and its SzCORE"),
    ("event-early", lambda r: _event(r).update(onset=-0.5), "onset: expected a number"),
    ("event-late", lambda r: _event(r).update(onset=0.75), r"inside \[0, 2\] s"),
    ("event-empty", lambda r: _event(r).update(duration=0), "at least one sample"),
    (
        "event-true",
        lambda r: _event(r).update(duration=True),
        "duration: expected a num",
    ),
    (
        "event-huge",
        lambda r: _event(r).update(duration=10**400),
        "duration: expected a",
    ),
    (
        "between-samples",
        lambda r: _event(r).update(onset=0.501),
        "onset and duration of whole samples at 256 Hz",
    ),
)

# Arrays


def _written(name: str, values: Any, at: int = 0) -> Callable[[bytes], bytes]:
    """Write values into an array, and sign."""

    def change(data: bytes) -> bytes:
        index, records = split(data)
        array = np.asarray(values, index["arrays"][name]["dtype"]).tobytes()
        start = index["arrays"][name]["offset"] + at
        return sign(data[:start] + array + data[start + len(array) :], index, records)

    return change


for _name, _row, _labels, _message in (
    ("all", 2, [1] * 512, "'w2' is recorded as 'none', but 512"),
    ("one-more", 2, [0] * 511 + [1], "'none', but 1 of its 512"),
    ("none", 0, [0] * 512, "'w0' is recorded as 'partial', but 0"),
    ("not-full", 1, [1] * 500 + [0] * 12, "'full', but 500"),
):
    _add_bytes(
        f"labels-{_name}",
        "R10",
        "load",
        _message,
        _written("labels", _labels, _row * 512),
    )
for _name, _row, _labels, _message in (
    ("early", 0, [0] * 127 + [1] * 385, "sample 127: label 1, but its events say 0"),
    ("late", 0, [0] * 129 + [1] * 383, "sample 128: label 0, but its events say 1"),
):
    _add_bytes(
        f"labels-{_name}",
        "R13",
        "load",
        _message,
        _written("labels", _labels, _row * 512),
    )
for _name, _row, _labels, _message in (
    ("two", 1, [2] * 512, "labels of window 'w1': expected 0 and 1, got 2"),
    ("one-255", 0, [0] * 128 + [1] * 383 + [255], "got 255"),
):
    _add_bytes(
        f"labels-{_name}",
        "R5",
        "load",
        _message,
        _written("labels", _labels, _row * 512),
    )
for _which, _value, _message in (
    ("signals", np.nan, r"'signals' at \(0, 0, 0\): expected a finite"),
    ("signals", -np.inf, r"'signals' at \(0, 0, 0\): expected a finite"),
    ("scale", np.inf, r"'scale' at \(0, 0\): expected a finite"),
    ("scale", -1.0, r"'scale' at \(0, 0\): expected more than 0, got -1.0"),
    ("scale", -0.0, r"'scale' at \(0, 0\): expected more than 0, got -0.0"),
    ("offset", np.nan, r"'offset' at \(0, 0\): expected a finite"),
):
    _add_bytes(
        f"{_which}-{_value}", "R5", "verify", _message, _written(_which, [_value])
    )


def _over_superblock(data: bytes) -> bytes:
    index, records = split(data)
    _entry(index, "scale")["offset"] = index["user_block"]
    return sign(data, index, records)


_add_bytes(
    "array-over-the-superblock",
    "R14",
    "verify",
    "array 'scale' at|HDF5 dataset 'scale': expected",
    _over_superblock,
)

# HDF5 side


def _replace(name: str, **options: Any) -> Callable[[h5py.File], None]:
    """Store a dataset with other options; its values stay."""

    def change(file: h5py.File) -> None:
        values = file[name][()]
        del file[name]
        file.create_dataset(name, **({"data": values} | options))

    return change


def _copy(name: str) -> Callable[[h5py.File], None]:
    """Store a dataset at another place."""

    def change(file: h5py.File) -> None:
        file.create_dataset("copy", data=file[name][()])
        del file[name]
        file.move("copy", name)

    return change


def _replace_type(name: str, make: Callable[[int], Any]) -> Callable[[h5py.File], None]:
    """Store texts with another HDF5 type, given the width."""

    def change(file: h5py.File) -> None:
        values = file[name][()]
        del file[name]
        space = h5py.h5s.create_simple(values.shape)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_obj_track_times(False)
        kind = make(values.dtype.itemsize)
        dataset = h5py.h5d.create(file.id, name.encode(), kind, space, plist)
        values = values.astype(f"S{kind.get_size()}")
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values, mtype=kind)

    return change


def _text_type(
    *,
    pad: int = h5py.h5t.STR_NULLPAD,
    charset: int = h5py.h5t.CSET_ASCII,
    more: int = 0,
) -> Callable[[int], Any]:
    def make(width: int) -> Any:
        kind = h5py.h5t.C_S1.copy()
        kind.set_size(width + more)
        kind.set_strpad(pad)
        kind.set_cset(charset)
        return kind

    return make


def _link(name: str, link: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return change


def _external(file: h5py.File) -> None:
    values = file["onset"][()]
    del file["onset"]
    names = [("/etc/passwd", 0, values.nbytes)]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    for name, start, size in names:
        plist.set_external(name.encode(), start, size)
    space = h5py.h5s.create_simple(values.shape)
    h5py.h5d.create(file.id, b"onset", h5py.h5t.IEEE_F64LE, space, plist)


def _virtual(source: str, *, unlimited: bool = False) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file["onset"]
        longest = (None,) if unlimited else None
        layout = h5py.VirtualLayout((4,), "<f8", maxshape=longest)
        there = h5py.VirtualSource(source, "onset", (4,), "<f8", maxshape=longest)
        if unlimited:
            layout[: h5py.h5s.UNLIMITED] = there[: h5py.h5s.UNLIMITED]
        else:
            layout[:] = there
        file.create_virtual_dataset("onset", layout)

    return change


def _waiting(path: Path, seeds: Seeds) -> None:
    """Make a virtual dataset without limit, over a FIFO that nobody writes to."""
    fifo = path.with_suffix(".fifo")
    os.mkfifo(fifo)
    path.write_bytes(seeds.fixture)
    with h5py.File(path, "r+") as file:
        _virtual(str(fifo), unlimited=True)(file)
    changed = path.read_bytes()
    index, records = split(changed)
    index["file_size"] = len(changed)
    path.write_bytes(sign(changed, index, records))


def _misaligned(file: h5py.File) -> None:
    """Close the file, which aligns what is new, and open it without."""
    path = file.filename
    file.close()
    with h5py.File(path, "r+") as other:
        _copy("onset")(other)


def _committed(file: h5py.File) -> None:
    values = file["onset"][()]
    del file["onset"]
    file["type"] = np.dtype("<f8")
    file.create_dataset("onset", data=values, dtype=file["type"])
    del file["type"]


def _compact(file: h5py.File) -> None:
    values = file["onset"][()]
    del file["onset"]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(values.shape)
    made = h5py.h5d.create(file.id, b"onset", h5py.h5t.IEEE_F64LE, space, plist)
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def _attribute(name: str, value: object, dtype: Any = None) -> Any:
    return lambda file: file.attrs.create(name, value, dtype=dtype)


def _set(name: str, row: int, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file[name].__setitem__(row, value)


def _event_text(text: bytes) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        values = file["events"][()].tolist()
        values[3] = text
        _replace("events", data=np.array(values))(file)

    return change


_EVENT = b'{"duration":1.0,"onset":0.25,"szcore":"sz_foc","tusz":"fnsz"}'

_add_hdf5(
    "R14",
    ("more", lambda f: f.create_dataset("more", data=1), "HDF5 datasets: expected"),
    ("group", lambda f: f.create_group("more"), "HDF5 datasets: expected"),
    ("less", lambda f: f.__delitem__("kind"), "HDF5 datasets: expected"),
    ("type", lambda f: f.__setitem__("t", np.dtype("<f8")), "HDF5 datasets: expected"),
    (
        "escape",
        lambda f: f.create_dataset("\x1b[2J", data=1),
        r"HDF5 datasets: .*'\\x1b\[2J'",
    ),
    (
        "group-for-dataset",
        lambda f: (f.__delitem__("id"), f.create_group("id")),
        "HDF5 object 'id': expected a dataset, hard-linked",
    ),
    ("soft-link", _link("id", h5py.SoftLink("/split")), "'id': expected a dataset, hard"),
    ("soft-link-to-itself", _link("id", h5py.SoftLink("/id")), "'id': expected a data"),
    (
        "external-link",
        _link("id", h5py.ExternalLink("/dev/zero", "/id")),
        "'id': expected a dataset, hard-linked",
    ),
    (
        "cyclic-hard-link",
        lambda f: (f.__delitem__("id"), f.__setitem__("id", f["/"])),
        "'id': expected a dataset, hard-linked",
    ),
    (
        "two-names-for-one-dataset",
        lambda f: (f.__delitem__("scale"), f.__setitem__("scale", f["offset"])),
        "HDF5 dataset 'scale': expected",
    ),
    ("type-of-its-own", _committed, "HDF5 dataset 'onset': expected plain <f8"),
    (
        "swapped",
        lambda f: (
            f.move("scale", "s"),
            f.move("offset", "scale"),
            f.move("s", "offset"),
        ),
        "HDF5 dataset 'offset': expected",
    ),
    ("copied", _copy("labels"), "HDF5 dataset 'labels': expected"),
    (
        "other-dtype",
        _replace("scale", dtype="<f8"),
        "HDF5 dataset 'scale': expected .*'<f8'",
    ),
    (
        "big-endian",
        _replace("scale", dtype=">f4"),
        "HDF5 dataset 'scale': expected .*'>f4'",
    ),
    (
        "other-shape",
        _replace("scale", shape=(2, 6)),
        r"HDF5 dataset 'scale': expected .*\(2, 6\)",
    ),
)  # fmt: skip
_add_hdf5(
    "R15",
    ("number", _set("onset", 1, 99.0), "'onset', row 1: records say 10.0, got 99.0"),
    ("not-a-number", _set("onset", 1, np.nan), "'onset', row 1: records say 10.0, got"),
    (
        "text",
        _set("split", 0, b"dev"),
        "'split', row 0: records say 'train', got 'dev'",
    ),
    ("not-ascii", _set("split", 0, b"\xff"), "cannot be read: 'ascii' codec"),
    ("not-json", _set("events", 0, b"[1"), "'events', row 0: expected a JSON object"),
    (
        "scalar",
        lambda f: (f.__delitem__("id"), f.create_dataset("id", data=b"w0")),
        r"HDF5 dataset 'id': expected \('\|S', \(4,\)\), got \('\|O', \(\)\)",
    ),
    (
        "event-is-true",
        _event_text(b"[" + _EVENT.replace(b"1.0", b"true") + b"]"),
        "'events', row 3.*duration: expected a number in .*got True",
    ),
    (
        "event-with-a-key-twice",
        _event_text(b"[" + _EVENT.replace(b"}", b',"onset":0.25}') + b"]"),
        "'events', row 3: .*the key 'onset' twice",
    ),
    (
        "more-than-events",
        _event_text(b"[" + _EVENT + b'],"more":[]'),
        r"'events', row 3.*unknown keys \['more'\]",
    ),
    ("event-missing", _event_text(b"[]"), r"'events', row 3: records say"),
    ("float32", _replace("onset", dtype="<f4"), "'onset': expected .*'<f8'.*'<f4'"),
    ("int32", _replace("n_clipped", dtype="<i4"), "'n_clipped': expected .*'<i8'"),
    (
        "variable-width",
        _replace("id", dtype=h5py.string_dtype("ascii")),
        r"HDF5 dataset 'id': expected .*'\|O'",
    ),
    (
        "wider-than-the-longest",
        _replace("id", dtype="S9"),
        r"HDF5 dataset 'id': expected \('\|S2'.*got \('\|S9'",
    ),
    (
        "padded-with-blanks",
        _replace_type("kind", _text_type(pad=h5py.h5t.STR_SPACEPAD)),
        r"HDF5 dataset 'kind': expected plain \|S10",
    ),
    (
        "ended-by-a-zero",
        _replace_type("kind", _text_type(pad=h5py.h5t.STR_NULLTERM, more=1)),
        r"HDF5 dataset 'kind': expected",
    ),
    (
        "utf-8",
        _replace_type("kind", _text_type(charset=h5py.h5t.CSET_UTF8)),
        r"HDF5 dataset 'kind': expected plain \|S10",
    ),
)
_add_hdf5(
    "R16",
    ("attribute", _attribute("sfreq", 512.0), "'sfreq': records say 256.0, got 512.0"),
    ("more-attributes", _attribute("more", 1), "HDF5 attributes: expected"),
    ("huge-attribute", _attribute("more", np.zeros(7000)), "HDF5 attributes: expected"),
    (
        "no-attribute",
        lambda f: f.attrs.__delitem__("unit"),
        "HDF5 attributes: expected",
    ),
    ("sfreq-float32", _attribute("sfreq", 256, "<f4"), "'sfreq': expected dtype <f8"),
    ("sfreq-int", _attribute("sfreq", 256, "<i8"), "'sfreq': expected dtype <f8, got"),
    ("unit-variable", _attribute("unit", "1"), r"'unit': expected dtype \|S1"),
    ("unit-wide", _attribute("unit", b"1", "S9"), r"'unit': expected dtype \|S1, got"),
    (
        "ch-names-2d",
        _attribute("ch_names", np.array([[b"Fp1", b"F3", b"C3"]])),
        "'ch_names': records say",
    ),
    (
        "dataset-attribute",
        lambda f: f["events"].attrs.__setitem__("x", 1),
        "HDF5 dataset 'events': expected contiguous .* without attributes",
    ),
)
_add_hdf5(
    "R17",
    ("chunked", _replace("onset", chunks=(4,)), "'onset': expected contiguous"),
    (
        "compressed",
        _replace("onset", compression="gzip"),
        "'onset': expected contiguous",
    ),
    ("compact", _compact, "'onset': expected contiguous"),
    ("external-storage", _external, "'onset': expected contiguous"),
    ("virtual", _virtual("/dev/zero"), "'onset': expected contiguous"),
    ("virtual-in-itself", _virtual("."), "'onset': expected contiguous"),
    (
        "without-data",
        _replace("onset", data=None, shape=(4,), dtype="<f8"),
        "'onset': expected contiguous",
    ),
    (
        "8-EiB-of-zeros",
        _replace("onset", data=None, shape=(2**60 - 1,), dtype="<f8"),
        "'onset': expected contiguous",
    ),
    ("misaligned", _misaligned, "'onset': expected contiguous .* multiple of 4096"),
    ("resizable", _replace("onset", maxshape=(None,)), "'onset': expected contiguous"),
)
_add_hdf5(
    "R17 R18",
    (
        "times",
        _replace("onset", track_times=True),
        "HDF5 dataset 'onset': expected no t",
    ),
)
_add_hdf5(
    "R21",
    (
        "format-2",
        _attribute("format_version", 2),
        "'format_version': records say 1, got 2",
    ),
    ("content-2", _attribute("content_version", 2), "'content_version': records say 1"),
    (
        "format-int32",
        _attribute("format_version", 1, "<i4"),
        "'format_version': expected dtype <i8, got <i4",
    ),
)
if hasattr(os, "mkfifo"):
    _add(
        "verify-hdf5-virtual-over-a-fifo",
        "R17",
        "verify",
        "'onset': expected contiguous",
        _waiting,
    )


def _track_order(path: Path, seeds: Seeds) -> None:
    """Write the HDF5 side once more, with the order of creation kept."""
    index, records = split(seeds.fixture)
    old = path.with_suffix(".old")
    old.write_bytes(seeds.fixture)
    with (
        h5py.File(old) as source,
        h5py.File(
            path,
            "w",
            userblock_size=8192,
            alignment_threshold=1,
            alignment_interval=4096,
            track_order=True,
        ) as file,
    ):
        for name, value in source.attrs.items():
            file.attrs[name] = value
        for name, dataset in source.items():
            made = file.create_dataset(name, data=dataset[()])
            if name in index["arrays"]:
                index["arrays"][name]["offset"] = made.id.get_offset()
    data = path.read_bytes()
    index["file_size"] = len(data)
    path.write_bytes(sign(b"BGBFIX" + data[6:], index, records, block=8192))


_add(
    "verify-hdf5-creation-order",
    "R17",
    "verify",
    "HDF5 root group: expected no creation order",
    _track_order,
)


def _wide_column(data: bytes) -> bytes:
    """Say that a column of texts is 8 GiB large, in its type and in its layout."""
    index, records = split(data)
    with h5py.File(io.BytesIO(data)) as file:
        dataset = file["subject"]
        width, offset = dataset.dtype.itemsize, dataset.id.get_offset()
    # Datatype message: version 1, class 3 (text); padding with zeros; width.
    # Layout message: version 3, class 1 (contiguous); address; size.
    wide = 2**31 - 1
    address = struct.pack("<Q", offset - index["user_block"])
    layout = data.index(b"\x03\x01" + address + struct.pack("<Q", 4 * width))
    kind = data.rindex(b"\x13\x01\0\0" + struct.pack("<I", width), 0, layout)
    changed = bytearray(data)
    changed[kind + 4 : kind + 8] = struct.pack("<I", wide)
    changed[layout + 10 : layout + 18] = struct.pack("<Q", 4 * wide)
    return sign(bytes(changed), index, records)


_add_bytes(
    "verify-hdf5-column-wider-than-the-file",
    "R17",
    "verify",
    # HDF5 2.0 sees it by itself.
    "'subject': expected contiguous data inside|cannot be read: .*invalid dataset size",
    _wide_column,
)


def _long_montage(path: Path, seeds: Seeds, *, length: int = 40_000) -> None:
    """Give both sides a text that is longer than an attribute may be."""
    text = "m" * length
    path.write_bytes(enlarged(seeds.fixture, 2**17, lambda r: r.update(montage=text)))
    with h5py.File(path, "r+", **_ALIGNED) as file:
        file.attrs["montage"] = np.bytes_(text.encode())
    changed = path.read_bytes()
    index, records = split(changed)
    index["file_size"] = len(changed)
    path.write_bytes(sign(changed, index, records))


_add(
    "verify-hdf5-attribute-of-40-KB",
    "R16",
    "verify",
    "HDF5 attribute 'montage': expected less than 32 KiB, got 40000",
    _long_montage,
)
_add(
    "verify-hdf5-attribute-of-32-KiB",
    "R16",
    "verify",
    "HDF5 attribute 'montage': expected less than 32 KiB, got 32768",
    lambda path, seeds: _long_montage(path, seeds, length=32_768),
)
_add_bytes(
    "verify-hdf5-garbage",
    "R14",
    "verify",
    "the HDF5 side cannot be read",
    lambda d: sign(d[:8200] + b"\xff" * 200 + d[8400:], *split(d)),
)


# Golden files


def _output(document: Json, key: str = "logits") -> Json:
    value: Json = document["outputs"][key]
    return value


def _array(index: Json, name: str = "output.logits") -> Json:
    value: Json = index["arrays"][name]
    return value


_add_golden_index(
    "G2",
    ("name", lambda i: i.update(name="a/b"), "index, name: expected text matching"),
    ("unknown-key", lambda i: i.update(sfreq=256), r"unknown keys \['sfreq'\]"),
    ("arrays-list", lambda i: i.update(arrays=[]), "index, arrays: expected an object"),
    (
        "no-output",
        lambda i: i.update(
            arrays={k: v for k, v in i["arrays"].items() if k[:6] != "output"}
        ),
        "at least one output",
    ),
    (
        "other-array",
        lambda i: i["arrays"].update(other=_array(i)),
        "expected 'output.KEY' or one of",
    ),
    (
        "path-as-key",
        lambda i: i["arrays"].update({"output.../../x": _array(i)}),
        "expected text matching",
    ),
    (
        "17-axes",
        lambda i: _array(i).update(shape=[1] * 17),
        "a list of at most 16 sizes",
    ),
    (
        "shape-bomb",
        lambda i: _array(i).update(shape=[2**40, 2**20]),
        "shape: expected sizes, those above 0 with a product below",
    ),
    (
        # numpy refuses such a shape with a ValueError of its own.
        "nothing-times-2^61",
        lambda i: _array(i, "output.empty").update(shape=[2**61, 0]),
        "shape: expected sizes, those above 0 with a product below",
    ),
    ("negative", lambda i: _array(i).update(shape=[-2, -48]), "sizes of at least 0"),
    ("outside", lambda i: _array(i).update(offset=2**40), "expected a place inside"),
    (
        "empty-elsewhere",
        lambda i: _array(i, "output.empty").update(offset=_array(i)["offset"]),
        "expected a place inside",
    ),
    (
        "overlap",
        lambda i: _array(i, "trace.samples").update(
            offset=_array(i, "trace.statistics")["offset"]
        ),
        "expected bytes behind those of",
    ),
)
_add_golden_index(
    "G3",
    ("object", lambda i: _array(i).update(dtype="|O"), r"dtype: expected .* got '\|O'"),
    ("record", lambda i: _array(i).update(dtype="<f4,<f4"), "dtype: expected .* got"),
    ("void", lambda i: _array(i).update(dtype="|V4"), "dtype: expected .* got"),
)


def _half_a_trace(data: bytes) -> bytes:
    index, records = split(data)
    del index["arrays"]["trace.samples"]
    return sign(data, index, records)


_add_bytes(
    "golden-half-a-trace",
    "G2",
    "golden",
    r"array 'trace.samples': expected shape \(2, 2, 32\), got None",
    _half_a_trace,
)


def _flag_of_two(data: bytes) -> bytes:
    index, records = split(data)
    start = _array(index, "output.flags")["offset"]
    return sign(data[:start] + b"\2" + data[start + 1 :], index, records)


_add_bytes("golden-flags-of-two", "G3", "golden", "bytes 0 and 1, got 2", _flag_of_two)
_add_records(
    "G3",
    ("dtype", lambda r: _output(r).update(dtype="float64"), "is stored as <f4, got"),
    (
        "bfloat16",
        lambda r: _output(r).update(dtype="bfloat16"),
        "expected values of bfloat16, got 'more digits than it has'",
    ),
    (
        "dtype-list",
        lambda r: _output(r).update(dtype=[]),
        r"is stored as <f4, got \[\]",
    ),
    opener="golden",
)
_add_records(
    "G4",
    ("more", lambda r: r.update(code="import os"), r"unknown keys \['code'\]"),
    (
        "environment",
        lambda r: r["environment"].update(numpy="1\x1b[2J"),
        "environment, numpy: expected text",
    ),
    (
        "environment-key",
        lambda r: r["environment"].update({"a\nb": "1"}),
        "records, environment: expected text",
    ),
    (
        "environment-list",
        lambda r: r.update(environment=[]),
        "environment: expected an",
    ),
    opener="golden",
)
_add_records(
    "G5",
    (
        "negative-tolerance",
        lambda r: _output(r)["tolerance"].update(rtol=-1),
        "tolerance: expected a number in",
    ),
    (
        "tolerance-true",
        lambda r: _output(r)["tolerance"].update(atol=True),
        "tolerance: expected a number in",
    ),
    (
        "tolerance-10^400",
        lambda r: _output(r)["tolerance"].update(atol=10**400),
        "tolerance: expected a number in",
    ),
    ("no-tolerance", lambda r: _output(r).pop("tolerance"), r"keys \['tolerance'\]"),
    (
        "threshold",
        lambda r: _output(r).update(threshold="high"),
        "expected a number in",
    ),
    ("no-output", lambda r: r["outputs"].pop("flags"), r"missing keys \['flags'\]"),
    opener="golden",
)
_add_records(
    "G6",
    ("digest", lambda r: r["fixture"].update(digest="ff"), "64 hexadecimal digits"),
    ("windows", lambda r: r["fixture"].update(windows="w0"), "a list of texts"),
    ("model", lambda r: r.update(model=[]), "records, model: expected an object"),
    (
        "parameters",
        lambda r: r["model"].update(n_parameters=-1),
        "records, model: expected an integer",
    ),
    opener="golden",
)
_add_records(
    "G7",
    ("no-calls", lambda r: r["trace"].update(calls=[]), "a list of 1 to 512 calls"),
    (
        "calls-513",
        lambda r: r["trace"].update(calls=r["trace"]["calls"][:1] * 513),
        "a list of 1 to 512 calls",
    ),
    ("calls", lambda r: r["trace"]["calls"].pop(), "expected shape"),
    (
        "fewer-calls",
        lambda r: r["trace"].update(n_calls=1),
        "expected an integer in .2",
    ),
    (
        "training",
        lambda r: r["trace"]["calls"][0].update(training=1),
        r"calls\[0\], training: expected true or false",
    ),
    (
        "shapes",
        lambda r: r["trace"]["calls"][0].update(shapes=[[2**70], []]),
        "a list of lists of sizes",
    ),
    (
        # Their product has five million digits.
        "shape-of-300-thousand-sizes",
        lambda r: r["trace"]["calls"][0].update(shapes=[[[2**61] * 300_000], []]),
        r"fewer than 2\^62 values",
    ),
    ("no-trace", lambda r: r.update(trace=None), "expected an object, as there is"),
    opener="golden",
)
_add_records(
    "G10",
    (
        "sides",
        lambda r: r["environment"].update(numpy="0.0.0"),
        "'records' is not the records themselves|'records': expected",
    ),
    opener="verify-golden",
)
_add_hdf5(
    "G10",
    (
        "name",
        _attribute("name", np.bytes_(b"logitz")),
        "'name': records say b'logits', got",
    ),
    (
        "version",
        _attribute("format_version", 2),
        "'format_version': records say 1, got",
    ),
    ("more", lambda f: f.create_dataset("code", data=1), "HDF5 datasets: expected"),
    ("more-attributes", _attribute("more", 1), "HDF5 attributes: expected"),
    (
        "records-variable",
        _replace("records", dtype=h5py.string_dtype("ascii")),
        r"HDF5 dataset 'records': expected .*'\|O'",
    ),
    opener="verify-golden",
)


def _loose(data: bytes) -> bytes:
    """Allow so much that the sum overflows: infinity is still not 1."""
    index, records = split(data)
    _output(records)["tolerance"].update(rtol=1e300, atol=1e300)
    return join(data, dump(index), dump(records))


_add_bytes(
    "golden-tolerance-that-overflows",
    "G8",
    "compare-golden",
    "1 of 96 values differ",
    _loose,
    error="GoldenMismatchError",
)


def _sparse(size: int, head: Callable[[Seeds], bytes]) -> Callable[[Path, Seeds], None]:
    """Make a file of a size with only some bytes on the disk."""

    def make(path: Path, seeds: Seeds) -> None:
        path.write_bytes(head(seeds))
        os.truncate(path, size)

    return make


def _huge_block(seeds: Seeds) -> bytes:
    index, records = split(seeds.fixture)
    index |= {"user_block": 2**39, "file_size": TB}
    return (
        first_line(b"BGBFIX", dump(index), dump(records)) + dump(index) + dump(records)
    )


def _large_output(seeds: Seeds) -> bytes:
    index, records = split(seeds.golden)
    size = 2**26 + 4096
    _array(index).update(shape=[size // 4], length=size, offset=2**20)
    index["file_size"] = 100 * 2**20
    return join(seeds.golden, dump(index), dump(records))


_add(
    "golden-larger-than-memory",
    "G9",
    "golden",
    "has 3072 MiB; a golden has at most 112 MiB",
    _sparse(3 * 2**30, lambda seeds: seeds.golden),
)
_add(
    "golden-outputs-of-65-MB",
    "G9",
    "golden",
    "outputs of at most 67108864 bytes, got",
    _sparse(100 * 2**20, _large_output),
)

# Sizes

_add(
    "sparse-1-TB-of-zeros",
    "",
    "verify",
    r"is not a fixture: it begins with b'\\x00",
    _sparse(TB, lambda _: b""),
)
_add(
    "sparse-1-TB-behind-a-good-file",
    "R4",
    "verify",
    "is longer than written: expected 155928 bytes",
    _sparse(TB, lambda seeds: seeds.fixture),
    error="IntegrityError",
)
_add(
    "sparse-1-TB-with-a-user-block-of-half",
    "R3",
    "verify",
    "user_block: expected a power of two",
    _sparse(TB, _huge_block),
)


def _many_events(path: Path, seeds: Seeds) -> None:
    """List 50,000 events that cover the same samples: slow, if each is written out."""
    event = {"onset": 0, "duration": 2, "tusz": "fnsz", "szcore": "sz_foc"}

    def edit(records: Json) -> None:
        _win(records, 1)["events"] = [event] * 50_000

    path.write_bytes(enlarged(seeds.fixture, 2**22, edit))


_add("fifty-thousand-events", "", "load", "", _many_events, error="")

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


_add("symlink-to-a-good-file", "", "verify", "", _good_link, error="")
_add(
    "symlink-to-nothing",
    "",
    "verify",
    "no such file",
    lambda path, _: path.symlink_to("nothing"),
    error="FixtureNotFoundError",
)
_add(
    "symlink-to-itself",
    "",
    "verify",
    "cannot be read: Too many levels of symbolic links",
    lambda path, _: path.symlink_to(path.name),
)
_add(
    "golden-symlink-to-itself",
    "",
    "golden",
    "cannot be read: Too many levels of symbolic links",
    lambda path, _: path.symlink_to(path.name),
)
_add("folder", "", "verify", "is a folder", lambda path, _: path.mkdir())
_add("empty", "", "verify", "it is empty", lambda path, _: path.touch())
for _opener in ("verify", "golden"):
    if hasattr(os, "mkfifo"):
        _add(
            f"fifo-{_opener}",
            "",
            _opener,
            "is not a regular file",
            lambda path, _: os.mkfifo(path),
        )
    for _device in ("/dev/zero", "/dev/full", "/dev/null"):
        if Path(_device).exists():
            _add(
                f"{_device.replace('/', '-')[1:]}-{_opener}",
                "",
                _opener,
                "is not a regular file",
                _link_to(_device),
            )
if hasattr(socket, "AF_UNIX"):
    _add("socket", "", "verify", "cannot be read", _socket)
if Path("/proc/self/status").exists():
    _add(
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


_add_bytes("json-in-another-order-with-blanks", "", "verify", "", _reordered, error="")
_add_bytes(
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
_add_bytes("zip-behind-signed", "", "verify", "", _zip_behind, error="")
