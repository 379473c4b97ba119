"""Golden files that break one rule of DATA.md each, written byte by byte.

The archives come from the ZIP format itself and from none of the code that writes or
reads goldens; the digest is right unless it is what is broken.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden import Golden
from bgb_fixtures.golden.content import (
    Call,
    FixtureState,
    ModelState,
    Output,
    Tolerance,
    Trace,
)
from bgb_fixtures.golden.store import encode_golden

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["HOSTILE_GOLDENS", "HostileGolden", "good_golden", "sign", "unpack_plainly"]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileGolden:
    """A hostile golden: the rule it breaks, how to write it, and what refuses it."""

    name: str
    rule: str
    message: str
    write: Callable[[Path], object]


HOSTILE_GOLDENS: list[HostileGolden] = []


def good_golden() -> Golden:
    """Return a small golden with an output of each form, events and a trace."""
    exact = Tolerance(rtol=0.0, atol=0.0, source="by hand")
    outputs = {
        "x.logits": np.arange(96, dtype=np.float32).reshape(2, 48),
        "x.flags": np.array([True, False]),
        "x.names": np.array(["T3", "Fp1"]),
        "x.empty": np.zeros((0, 3), np.int16),
        "x.z": np.array(1 - 2j),
    }
    dtypes = {"|b1": "bool", "<f4": "float32", "<i2": "int16", "<c16": "complex128"}
    call = Call(
        name="body.0",
        kind="Linear",
        settings="in_features=3",
        training=False,
        weights="ab" * 32,
        dtypes=("float32", "bfloat16"),
        shapes=(((2, 3),), ((2, 3),)),
    )
    return Golden(
        name="x",
        test="TestX::test_it[1]",
        outputs={
            key: Output(
                array=array, dtype=dtypes.get(array.dtype.str, "str"), tolerance=exact
            )
            for key, array in outputs.items()
        }
        | {
            "x.half": Output(
                array=np.array([0x3F80, 0x3F81], np.uint16),
                dtype="bfloat16",
                tolerance=exact,
            ),
            "x.none": Output(
                array=np.zeros(0, np.uint8), dtype="None", tolerance=exact
            ),
            "x.found": Output(
                array=np.array([[0, 0.25, 1.5], [1, 0, 0.5]]),
                dtype="events",
                tolerance=exact,
                labels=("cpsz", ""),
            ),
        },
        environment={"numpy": "2.4.6"},
        fixture=FixtureState(
            name="small",
            content_version=1,
            digest="cd" * 32,
            windows=("w0", "w1"),
            sfreq=24.0,
            n_times=48,
            montage="custom: Cz",
            profile="raw-1",
        ),
        model=ModelState(digest="ef" * 32, n_parameters=12),
        trace=Trace(
            calls=(call, call),
            statistics=np.zeros((2, 2, 8)),
            samples=np.zeros((2, 2, 32)),
            n_calls=3,
        ),
    )


# Archives


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of a ZIP archive; every field of its headers can be a lie.

    `local` and `central` replace fields of one header by name.
    """

    name: bytes
    content: bytes
    local: Json = field(default_factory=dict)
    central: Json = field(default_factory=dict)

    def headers(self, start: int) -> tuple[bytes, bytes]:
        """Return the local header and the entry of the central directory."""
        right: Json = {
            "version": 20,
            "flags": 0,
            "method": 0,
            "time": 0,
            "date": 33,
            "crc": zlib.crc32(self.content),
            "stored": len(self.content),
            "size": len(self.content),
            "extra": b"",
            "comment": b"",
            "made_by": 3 << 8 | 20,
            "mode": 0o100644 << 16,
            "start": start,
            "name": self.name,
        }
        both = []
        for lies in (self.local, self.local | self.central):
            v = right | lies
            middle = struct.pack(
                "<5H3I2H",
                *(v["version"], v["flags"], v["method"], v["time"], v["date"]),
                *(v["crc"], v["stored"], v["size"], len(v["name"]), len(v["extra"])),
            )
            both.append((v, middle))
        (local, head), (central, listed) = both
        return (
            b"PK\3\4" + head + local["name"] + local["extra"],
            b"PK\1\2"
            + struct.pack("<H", central["made_by"])
            + listed
            + struct.pack(
                "<3H2I",
                len(central["comment"]),
                0,
                0,
                central["mode"],
                central["start"],
            )
            + central["name"]
            + central["extra"]
            + central["comment"],
        )


def archive(
    entries: Sequence[Entry],
    *,
    listed: Callable[[list[bytes]], list[bytes]] = list,
    before: bytes = b"",
    between: bytes = b"",
    behind: bytes = b"",
    end: Json | None = None,
    comment: bytes = b"bgb-fixtures golden 2 sha256 ",
) -> bytes:
    """Return a signed archive; bytes can be put before, between and behind entries."""
    data, directory = before, []
    for entry in entries:
        local, central = entry.headers(len(data))
        data += local + entry.content + between
        directory.append(central)
    data += behind
    listing = b"".join(listed(directory))
    v: Json = {
        "disks": (0, 0),
        "counts": (len(entries), len(entries)),
        "size": len(listing),
        "place": len(data),
        "comment": len(comment) + 64,
    } | (end or {})
    data += listing + b"PK\5\6"
    data += struct.pack(
        "<4H2IH", *v["disks"], *v["counts"], v["size"], v["place"], v["comment"]
    )
    return sign(data + comment)


def sign(data: bytes) -> bytes:
    """Return bytes and their digest, as a golden ends."""
    return data + hashlib.sha256(data).hexdigest().encode("ascii")


def unpack_plainly(data: bytes) -> dict[bytes, bytes]:
    """Return the entries of a well-formed golden by name, without any check."""
    entries, place = {}, 0
    while data[place : place + 4] == b"PK\3\4":
        size, n_name = struct.unpack_from("<IH", data, place + 22)
        first = place + 30 + n_name
        entries[data[place + 30 : first]] = data[first : first + size]
        place = first + size
    return entries


GOOD = encode_golden(good_golden())
CONTENTS = unpack_plainly(GOOD)


def entries_of(contents: dict[bytes, bytes] | None = None) -> list[Entry]:
    """Return the entries of the good golden, or others, in their order."""
    given = CONTENTS if contents is None else contents
    return [Entry(name=name, content=content) for name, content in given.items()]


def lying(name: bytes, **lies: Any) -> list[Entry]:
    """Return the entries of the good golden, one of them with other headers."""
    return [
        replace(entry, **lies) if entry.name == name else entry
        for entry in entries_of()
    ]


# Registering


def add(name: str, rule: str, message: str, data: bytes) -> None:
    """Register a file by its bytes."""
    HOSTILE_GOLDENS.append(
        HostileGolden(
            name=name,
            rule=rule,
            message=message,
            write=lambda path: path.write_bytes(data),
        )
    )


def add_document(
    name: str, rule: str, message: str, edit: Callable[[Json], object]
) -> None:
    """Register a golden whose document lies."""
    document = json.loads(CONTENTS[b"golden.json"])
    edit(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    add_contents(name, rule, message, {b"golden.json": text})


def add_contents(
    name: str, rule: str, message: str, changes: dict[bytes, bytes | None]
) -> None:
    """Register a golden with other entries; None takes one away."""
    contents = CONTENTS | changes
    kept = {key: value for key, value in contents.items() if value is not None}
    document = kept.pop(b"golden.json")
    ordered = {b"golden.json": document} | dict(sorted(kept.items()))
    add(name, rule, message, archive(entries_of(ordered)))


def npy(header: str, data: bytes, *, version: bytes = b"\1\0") -> bytes:
    """Return an NPY file with any header, padded as numpy does it."""
    size = -(-(10 + len(header) + 1) // 64) * 64 - 10
    line = header.ljust(size - 1).encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == b"\1\0" else "<I", size)
    return b"\x93NUMPY" + version + length + line + data


# G1: the container

LOGITS = b"x.logits.npy"
DEFLATED = zlib.compress(bytes(10**6), 9)[2:-4]
HEADERS = "header .* is not as written by this package"
LISTED = "the directory of the archive does not list the entries as written"

for _name, _lies, _message in (
    ("compressed", {"method": 8}, "compressed .expected neither compression"),
    ("bzip2", {"method": 12}, "compressed .expected neither compression"),
    ("encrypted", {"flags": 1}, "encrypted .expected neither compression"),
    ("sizes-behind", {"flags": 8, "crc": 0, "stored": 0, "size": 0}, HEADERS),
    ("utf-8-name", {"flags": 0x800}, HEADERS),
    ("version-45", {"version": 45}, HEADERS),
    ("another-time", {"time": 1}, HEADERS),
    ("another-date", {"date": 0x5A21}, HEADERS),
    ("extra-field", {"extra": b"\1\0\4\0abcd"}, HEADERS),
    (
        "zip64",
        {"stored": 2**32 - 1, "size": 2**32 - 1, "extra": b"\1\0\x10\0" + bytes(16)},
        HEADERS,
    ),
    ("stored-is-not-size", {"stored": 16}, HEADERS),
    ("larger-than-the-file", {"stored": 10**6, "size": 10**6}, "more than the file"),
    ("4-GB", {"stored": 2**32 - 1, "size": 2**32 - 1}, "more than the file"),
    ("wrong-crc", {"crc": 0}, "'x.logits.npy': wrong CRC-32"),
):
    add(f"local-{_name}", "G1", _message, archive(lying(LOGITS, local=_lies)))

for _name, _lies in (
    ("host", {"made_by": 20}),
    ("mode", {"mode": 0o120777 << 16}),
    ("start", {"start": 0}),
    ("crc", {"crc": 0}),
    ("size", {"size": 1}),
    ("name", {"name": b"x.logitz.npy"}),
    ("comment", {"comment": b"hello"}),
    ("extra", {"extra": b"\1\0\4\0abcd"}),
    ("method", {"method": 8}),
):
    add(f"directory-{_name}", "G1", LISTED, archive(lying(LOGITS, central=_lies)))

add(
    "zip-bomb",
    "G1",
    "compressed .expected neither compression",
    archive(
        lying(
            LOGITS,
            content=DEFLATED,
            local={"method": 8, "size": 10**6, "crc": zlib.crc32(bytes(10**6))},
        )
    ),
)
add("directory-reversed", "G1", LISTED, archive(entries_of(), listed=lambda d: d[::-1]))
add("directory-shorter", "G1", LISTED, archive(entries_of(), listed=lambda d: d[:-1]))
add("directory-empty", "G1", LISTED, archive(entries_of(), listed=lambda _: []))
add(
    # Two entries of the directory that share one local entry.
    "directory-overlapping",
    "G1",
    LISTED,
    archive(entries_of(), listed=lambda d: [*d, d[-1]]),
)
for _name, _end in (
    ("counts", {"counts": (1, 1)}),
    ("disks", {"disks": (1, 1)}),
    ("size", {"size": 0}),
    ("place", {"place": 0}),
    ("comment", {"comment": 0}),
):
    add(f"end-{_name}", "G1", LISTED, archive(entries_of(), end=_end))
add(
    "bytes-before",
    "G1",
    "expected the entry 'golden.json' first",
    archive(entries_of(), before=b"#!/bin/sh\n"),
)
add("bytes-between", "G1", LISTED, archive(entries_of(), between=b"\0"))
add("bytes-behind", "G1", LISTED, archive(entries_of(), behind=bytes(4096)))
add("no-entry", "G1", "expected the entry 'golden.json' first", archive([]))
add(
    "name-of-64-KB",
    "G1 G3",
    "golden.json .missing: 'none', unlisted: 'yyyy",
    archive([*entries_of(), Entry(name=b"y" * 65535, content=b"")]),
)

# G2: the digest

add(
    "digest-of-others",
    "G2",
    "changed after the file was written",
    GOOD[:-64] + hashlib.sha256(b"others").hexdigest().encode(),
)
add(
    "digest-in-capitals",
    "G2",
    "the end of the file is missing or damaged",
    GOOD[:-64] + GOOD[-64:].upper(),
)
add("digest-cut", "G2", "the end of the file is missing or damaged", GOOD[:-1])
add(
    "no-comment",
    "G2",
    "the end of the file is missing or damaged",
    GOOD[: GOOD.rindex(b"bgb-")],
)
add("line-feed-behind", "G2", "the end of the file is missing or damaged", GOOD + b"\n")
add(
    "zip-behind",
    "G2",
    "the end of the file is missing or damaged",
    GOOD + b"PK\5\6" + bytes(18),
)
add("two-goldens", "G1 G2", LISTED, sign(GOOD + GOOD[:-64]))
for _version in (1, 3, 9999):
    add(
        f"version-{_version}",
        "G2",
        rf"unknown format version \(found {_version}, this release reads 2\). Upgrade",
        archive([], comment=b"bgb-fixtures golden %d sha256 " % _version),
    )
add(
    "version-0",
    "G2",
    "the end of the file is missing",
    archive(entries_of(), comment=b"bgb-fixtures golden 0 sha256 "),
)
add(
    "version-of-5-digits",
    "G2",
    "the end of the file is missing",
    archive(entries_of(), comment=b"bgb-fixtures golden 10000 sha256 "),
)
add(
    "version-unlike-its-writer",
    "G1 G2",
    LISTED,
    archive(entries_of(), comment=b"and more: bgb-fixtures golden 2 sha256 "),
)

# G3: the entries

ORDER = "is duplicated or out of order"
add(
    "document-last",
    "G3",
    ORDER + "|expected the entry",
    archive(entries_of()[1:] + entries_of()[:1]),
)
add("document-twice", "G3", ORDER, archive(entries_of()[:1] + entries_of()))
add("document-missing", "G3", ORDER, archive(entries_of()[1:]))
add("array-twice", "G3", ORDER, archive([*entries_of(), entries_of()[-1]]))
add("arrays-not-sorted", "G3", ORDER, archive(entries_of()[:1] + entries_of()[:0:-1]))
for _name, _path in (
    ("parent", b"x.logits/../../y.npy"),
    ("absolute", b"zzz/etc/passwd.npy"),
    ("drive", b"xC:y.npy"),
    ("backslash", b"x\\y.npy"),
    ("folder", b"x.zzz/"),
    ("nul", b"x.y\0.npy"),
    ("unlisted", b"x.unlisted.npy"),
    ("script", b"x.setup.py"),
):
    add_contents(
        f"entry-{_name}",
        "G3",
        r"the arrays do not match golden.json .missing: 'none'",
        {_path: b""},
    )
add(
    "entry-not-ascii",
    "G3",
    "is not as written by this package",
    archive([*entries_of(), Entry(name="y\u00e9.npy".encode(), content=b"")]),
)
add_contents(
    "array-missing",
    "G3",
    "the arrays do not match golden.json",
    {LOGITS: None},
)
add_contents(
    "trace-half",
    "G3 G8",
    "the arrays do not match golden.json",
    {b"trace/samples.npy": None},
)
add_document(
    "trace-unlisted",
    "G3 G8",
    "the arrays do not match golden.json",
    lambda d: d.update(trace=None),
)

_RAW = CONTENTS[LOGITS][-384:]
_HEAD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 48), }"
NPY = r"the array is not <f4 with shape \(2, 48\), as golden.json says"
for _name, _content in (
    ("fortran", npy(_HEAD.replace("False", "True"), _RAW)),
    ("big-endian", npy(_HEAD.replace("<", ">"), _RAW)),
    ("other-dtype", npy(_HEAD.replace("<f4", "<i4"), _RAW)),
    ("other-shape", npy(_HEAD.replace("2, 48", "48, 2"), _RAW)),
    ("huge-shape", npy(_HEAD.replace("2, 48", f"{2**40}, {2**20}"), _RAW)),
    ("negative-shape", npy(_HEAD.replace("2, 48", "-2, -48"), _RAW)),
    ("object", npy(_HEAD.replace("<f4", "|O"), pickle.dumps(np.zeros((2, 48))))),
    ("expression", npy("__import__('os').system('touch /tmp/x')", _RAW)),
    ("no-comma", npy(_HEAD.replace(", }", "}"), _RAW)),
    ("version-2", npy(_HEAD, _RAW, version=b"\2\0")),
    ("other-padding", CONTENTS[LOGITS].replace(b" \n", b"\n ", 1)),
    ("shorter", CONTENTS[LOGITS][:-1]),
    ("longer", CONTENTS[LOGITS] + b"\0"),
    ("empty", b""),
    ("pickle", pickle.dumps(print)),
    ("png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
):
    add_contents(f"npy-{_name}", "G3", NPY, {LOGITS: _content})

# G4: the document


def add_text(name: str, message: str, text: bytes) -> None:
    """Register a golden with another document."""
    add_contents(
        f"json-{name}", "G4", f"golden.json: .*{message}", {b"golden.json": text}
    )


_TEXT = CONTENTS[b"golden.json"]
for _name, _text, _message in (
    ("empty", b"", "expected a JSON object in ASCII"),
    ("cut", _TEXT[:-1], "expected a JSON object in ASCII"),
    ("list", b"[]", "expected a JSON object, got list"),
    ("not-ascii", _TEXT.replace(b'"2.4.6"', '"\u00e9"'.encode()), "'ascii' codec"),
    ("utf-16", _TEXT.decode().encode("utf-16"), "'ascii' codec"),
    ("deep", b"[" * 10**6, "expected a JSON object"),
    ("nan", _TEXT.replace(b'"sfreq":24.0', b'"sfreq":NaN'), "the number NaN"),
    ("infinity", _TEXT.replace(b'"sfreq":24.0', b'"sfreq":1e999'), "the number 1e999"),
    (
        "twice",
        _TEXT.replace(b'{"environment"', b'{"name":"x","environment"'),
        "the key 'name' twice",
    ),
    ("pickle", pickle.dumps({"name": "x"}), "expected a JSON object in ASCII"),
    (
        "digits",
        _TEXT.replace(b'"sfreq":24.0', b'"sfreq":' + b"9" * 5000),
        "expected a JSON",
    ),
):
    add_text(_name, _message, _text)
add_contents(
    "document-of-5-MB",
    "G4",
    r"golden.json: expected at most 4194304 bytes, got 5\d{6}",
    {b"golden.json": _TEXT + b" " * (5 * 10**6)},
)
for _name, _message, _edit in (
    ("more", r"unknown keys \['code'\]", lambda d: d.update(code="import os")),
    ("less", r"missing keys \['test'\]", lambda d: d.pop("test")),
    ("name", "name: expected text matching", lambda d: d.update(name="a/b")),
    ("name-number", "name: expected text matching", lambda d: d.update(name=3)),
    ("test", "test: expected text matching", lambda d: d.update(test="a\x1b[2J")),
    (
        "environment",
        "environment: expected an object",
        lambda d: d.update(environment=[]),
    ),
    (
        "environment-value",
        "environment, numpy: expected text",
        lambda d: d["environment"].update(numpy="1\x1b[2J"),
    ),
    (
        "environment-key",
        "environment: expected text",
        lambda d: d["environment"].update({"a\nb": "1"}),
    ),
):
    add_document(f"document-{_name}", "G4", _message, _edit)

# G5: outputs


def output(document: Json, key: str = "x.logits") -> Json:
    value: Json = document["outputs"][key]
    return value


def _rename(document: Json, key: str) -> None:
    document["outputs"][key] = document["outputs"].pop("x.logits")


for _name, _message, _edit in (
    (
        "none",
        "outputs: expected an object with 1 to 1024 keys",
        lambda d: d.update(outputs={}),
    ),
    ("list", "outputs: expected an object with", lambda d: d.update(outputs=[])),
    (
        "1025",
        "outputs: expected an object with",
        lambda d: d.update(outputs={str(i): output(d) for i in range(1025)}),
    ),
    ("path-as-key", "outputs: expected text matching", lambda d: _rename(d, "../../x")),
    (
        "slash-as-key",
        "outputs: expected text matching",
        lambda d: _rename(d, "trace/samples"),
    ),
    ("long-key", "outputs: expected text matching", lambda d: _rename(d, "x" * 129)),
    ("more", r"unknown keys \['code'\]", lambda d: output(d).update(code=1)),
    (
        "dtype",
        "stored: expected a form of 'float64', got '<f4'",
        lambda d: output(d).update(dtype="float64"),
    ),
    (
        "dtype-unknown",
        "stored: expected a form of 'float33'",
        lambda d: output(d).update(dtype="float33"),
    ),
    ("dtype-list", "dtype: expected texts", lambda d: output(d).update(dtype=[])),
    (
        "dtype-object",
        "stored: expected a form of 'object'",
        lambda d: output(d).update(dtype="object", stored="|O"),
    ),
    (
        "stored-object",
        r"stored: expected a form of 'float32', got '\|O'",
        lambda d: output(d).update(stored="|O"),
    ),
    (
        "stored-record",
        "stored: expected a form of",
        lambda d: output(d).update(stored="<f4,<f4"),
    ),
    (
        "stored-text-of-0",
        "stored: expected a form of 'str'",
        lambda d: output(d, "x.names").update(stored="<U0"),
    ),
    (
        "stored-text-of-1001",
        "stored: expected a form of 'str'",
        lambda d: output(d, "x.names").update(stored="<U1001"),
    ),
    (
        "shape-number",
        "shape: expected a list of at most 32",
        lambda d: output(d).update(shape=96),
    ),
    (
        "shape-33-axes",
        "shape: expected a list of at most 32",
        lambda d: output(d).update(shape=[1] * 33),
    ),
    (
        "shape-negative",
        "shape: expected an integer",
        lambda d: output(d).update(shape=[-2, -48]),
    ),
    (
        "shape-true",
        "shape: expected an integer",
        lambda d: output(d).update(shape=[True, 96]),
    ),
    (
        "shape-bomb",
        "sizes with a product below 2\\^59",
        lambda d: output(d).update(shape=[2**40, 2**20]),
    ),
    (
        "shape-nothing-times-2^61",
        "sizes with a product below 2\\^59",
        lambda d: output(d, "x.empty").update(shape=[2**61, 0]),
    ),
    (
        "shape-larger",
        "the array is not <f4 with shape",
        lambda d: output(d).update(shape=[2, 2**40]),
    ),
    (
        "tolerance-negative",
        "tolerance: expected a number in",
        lambda d: output(d)["tolerance"].update(rtol=-1),
    ),
    (
        "tolerance-true",
        "tolerance: expected a number in",
        lambda d: output(d)["tolerance"].update(atol=True),
    ),
    (
        "tolerance-10^400",
        "tolerance: expected a number in",
        lambda d: output(d)["tolerance"].update(atol=10**400),
    ),
    (
        "tolerance-basis",
        "basis: expected text matching",
        lambda d: output(d)["tolerance"].update(basis="a b"),
    ),
    (
        "tolerance-missing",
        r"missing keys \['tolerance'\]",
        lambda d: output(d).pop("tolerance"),
    ),
    (
        "threshold",
        "threshold: expected a number in",
        lambda d: output(d).update(threshold="high"),
    ),
    (
        "labels",
        "labels: expected a list of 0",
        lambda d: output(d).update(labels=["a"]),
    ),
    (
        "none-with-values",
        r"'x.flags', shape: expected \(0,\), got \(2,\)",
        lambda d: output(d, "x.flags").update(dtype="None", stored="|u1"),
    ),
):
    add_document(f"output-{_name}", "G5", _message, _edit)
# The header of `x.flags` says |b1, so the case before needs its own array.
HOSTILE_GOLDENS.pop()
_flags = json.loads(_TEXT)
output(_flags, "x.flags").update(dtype="None", stored="|u1")
add_contents(
    "output-none-with-values",
    "G5",
    r"'x.flags', shape: expected \(0,\), got \(2,\)",
    {
        b"golden.json": json.dumps(_flags).encode(),
        b"x.flags.npy": CONTENTS[b"x.flags.npy"].replace(b"|b1", b"|u1"),
    },
)
add_contents(
    "flags-of-two",
    "G5",
    "bytes 0 and 1, got 2",
    {b"x.flags.npy": CONTENTS[b"x.flags.npy"][:-1] + b"\2"},
)
add_contents(
    "text-beyond-unicode",
    "G5",
    "code points of Unicode",
    {b"x.names.npy": CONTENTS[b"x.names.npy"][:-4] + b"\xff\xff\xff\x7f"},
)

# G6: events

_ROWS = np.array([[0, 0.25, 1.5], [1, 0, 0.5]])
for _name, _message, _rows in (
    ("negative", "finite events with a duration", _ROWS * [1, 1, -1]),
    ("nan", "finite events with a duration", _ROWS * [1, np.nan, 1]),
    ("infinite", "finite events with a duration", _ROWS * [1, 1, np.inf]),
    ("window-2", "windows 0 to 1, got .*2.0", _ROWS * [2, 1, 1]),
    ("window-negative", "windows 0 to 1", _ROWS * [-1, 1, 1]),
    ("window-half", "windows 0 to 1", _ROWS * [0.5, 1, 1]),
):
    _head = CONTENTS[b"x.found.npy"][:128]
    add_contents(
        f"events-{_name}", "G6", _message, {b"x.found.npy": _head + _rows.tobytes()}
    )
for _name, _message, _edit in (
    (
        "labels",
        "labels: expected a list of 2",
        lambda d: output(d, "x.found").update(labels=[]),
    ),
    (
        "label-number",
        "labels: expected text matching",
        lambda d: output(d, "x.found").update(labels=[1, 2]),
    ),
    (
        "label-long",
        "labels: expected text matching",
        lambda d: output(d, "x.found").update(labels=["a" * 33, ""]),
    ),
    (
        "label-escape",
        "labels: expected text matching",
        lambda d: output(d, "x.found").update(labels=["\x1b[2J", ""]),
    ),
    ("no-windows", "windows 0 to 0", lambda d: d.update(fixture=None)),
):
    add_document(f"events-{_name}", "G6", _message, _edit)

_golden = good_golden()
_found = _golden.outputs["x.found"]
_pairs = replace(_found, array=_found.array.reshape(3, 2), labels=("", "", ""))
add(
    "events-of-two-columns",
    "G6",
    r"shape: expected \(n_events, 3\)",
    encode_golden(replace(_golden, outputs={**_golden.outputs, "x.found": _pairs})),
)

# G7: what went in

for _name, _message, _edit in (
    ("list", "fixture: expected an object", lambda d: d.update(fixture=[])),
    (
        "name",
        "fixture: expected text matching",
        lambda d: d["fixture"].update(name="A B"),
    ),
    (
        "version",
        "fixture: expected an integer in .1",
        lambda d: d["fixture"].update(content_version=0),
    ),
    ("digest", "64 hexadecimal digits", lambda d: d["fixture"].update(digest="ff")),
    ("layout", "layout: expected axes such as B1CT", lambda d: d.update(layout="B9")),
    ("layout-list", "layout: expected axes such", lambda d: d.update(layout=["BTC"])),
    ("layout-lower", "layout: expected axes such", lambda d: d.update(layout="btc")),
    ("layout-plain", "layout: expected axes such", lambda d: d.update(layout="BCT")),
    ("layout-long", "layout: exp", lambda d: d.update(layout="BCS" + "9" * 9999)),
    ("windows", "a list of texts", lambda d: d["fixture"].update(windows="w0")),
    ("sfreq", "sfreq: expected more than 0 Hz", lambda d: d["fixture"].update(sfreq=0)),
    (
        "sfreq-text",
        "sfreq: expected a number",
        lambda d: d["fixture"].update(sfreq="256"),
    ),
    (
        "n-times",
        "n_times: expected an integer",
        lambda d: d["fixture"].update(n_times=0),
    ),
    (
        "montage",
        "fixture, montage: expected text matching",
        lambda d: d["fixture"].update(montage=""),
    ),
    (
        "profile",
        "fixture, profile: expected text matching",
        lambda d: d["fixture"].update(profile={"name": "raw-1"}),
    ),
    (
        "no-montage",
        "missing keys .'montage'.",
        lambda d: d["fixture"].pop("montage"),
    ),
    ("model", "model: expected an object", lambda d: d.update(model=[])),
    (
        "parameters",
        "model: expected an integer",
        lambda d: d["model"].update(n_parameters=-1),
    ),
):
    add_document(f"fixture-{_name}", "G7", _message, _edit)

# G8: the trace


def call(document: Json) -> Json:
    value: Json = document["trace"]["calls"][0]
    return value


for _name, _message, _edit in (
    ("list", "trace: expected an object", lambda d: d.update(trace=[])),
    ("no-calls", "a list of 1 to 512 calls", lambda d: d["trace"].update(calls=[])),
    (
        "513-calls",
        "a list of 1 to 512 calls",
        lambda d: d["trace"].update(calls=[call(d)] * 513),
    ),
    (
        "one-call",
        r"trace/statistics: the array is not <f8 with shape \(1, 2, 8\)",
        lambda d: d["trace"]["calls"].pop(),
    ),
    (
        "fewer-calls",
        "expected an integer in .2",
        lambda d: d["trace"].update(n_calls=1),
    ),
    (
        "training",
        r"calls\[0\], training: expected true or false",
        lambda d: call(d).update(training=1),
    ),
    (
        "weights",
        r"calls\[0\], weights: expected 64 hexadecimal",
        lambda d: call(d).update(weights="ab"),
    ),
    (
        "dtypes",
        r"calls\[0\], dtypes: expected a list of 2",
        lambda d: call(d).update(dtypes=["float32"]),
    ),
    (
        "shapes",
        r"calls\[0\], shapes: expected a list of",
        lambda d: call(d).update(shapes=[[2**70], []]),
    ),
    (
        "shapes-text",
        r"calls\[0\], shapes: expected a list of lists of sizes",
        lambda d: call(d).update(shapes=["x", []]),
    ),
    (
        "shape-bomb",
        r"shapes: expected a list of at most 32 sizes",
        lambda d: call(d).update(shapes=[[[2**61] * 100_000], []]),
    ),
    ("name", r"calls\[0\], name: expected text", lambda d: call(d).update(name="a\nb")),
    ("kind", r"calls\[0\], kind: expected text", lambda d: call(d).update(kind="")),
):
    add_document(f"trace-{_name}", "G8", _message, _edit)

# G10: sizes


def _sparse(path: Path) -> None:
    path.write_bytes(GOOD)
    os.truncate(path, 3 * 2**30)


HOSTILE_GOLDENS.append(
    HostileGolden(
        name="3-GB",
        rule="G10",
        message=r"too large for a golden \(found 3072 MiB, expected at most 72 MiB\)",
        write=_sparse,
    )
)


def _outputs_of_65_mb(path: Path) -> None:
    document = json.loads(_TEXT)
    n = 65 * 2**20 // 4
    output(document).update(shape=[n])
    head = npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n},), }}", b"")
    contents = CONTENTS | {
        b"golden.json": json.dumps(document).encode(),
        LOGITS: head + bytes(4 * n),
    }
    path.write_bytes(archive(entries_of(contents)))


HOSTILE_GOLDENS.append(
    HostileGolden(
        name="outputs-of-65-MB",
        rule="G10",
        message="outputs: expected at most 67108864 bytes, got 68",
        write=_outputs_of_65_mb,
    )
)
_many = {b"golden.json": _TEXT} | {b"x%05d.npy" % i: b"" for i in range(1100)}
add(
    "1100-entries",
    "G5 G10",
    "expected at most 1026 arrays, found more",
    archive(entries_of(_many)),
)
