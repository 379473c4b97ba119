"""Fixtures whose first line, documents or arrays break a rule of DATA.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.golden import make_golden
from bgb_fixtures.golden.store import encode_golden
from hostile.file import (
    add,
    add_bytes,
    add_index,
    add_records,
)
from hostile.format_seeds import (
    Json,
    dump,
    enlarged,
    join,
    roomy,
    sign,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable


# The first line, and what is no file of ours


def _line(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: change(data[:96]) + data[96:]


for _name, _message, _change in (
    ("crlf", "the first line is invalid", _line(lambda x: x[:95] + b"\r\n")),
    ("tabs", "the first line is invalid", _line(lambda x: x.replace(b" ", b"\t"))),
    (
        "upper-digest",
        "the first line is invalid",
        _line(lambda x: x[:31] + x[31:].upper()),
    ),
    (
        "signed-length",
        "the first line is invalid",
        _line(lambda x: x[:9] + b"+" + x[10:]),
    ),
    (
        "blank-padded",
        "the first line is invalid",
        _line(lambda x: x[:9] + x[9:19].lstrip(b"0").rjust(10) + x[19:]),
    ),
    (
        "nul",
        r"the first line is invalid .*\\x00",
        _line(lambda x: x[:30] + b"\0" + x[31:]),
    ),
    ("escape", r"\\x1b\[2J", _line(lambda x: x[:9] + b"\x1b[2J" + x[13:])),
    ("no-line-feed", "the first line is invalid", _line(lambda x: x[:95] + b" ")),
    ("lower-case", "it begins neither like a fixture nor like an HDF5 file", _line(bytes.lower)),
    ("version-0", "format version 0; this release reads 1", _line(lambda x: x[:7] + b"0" + x[8:])),
    ("bom", "it begins neither like a fixture nor like an HDF5 file", lambda d: b"\xef\xbb\xbf" + d),
    ("html-in-front", "it is a web page", lambda d: b"<html><!--" + d),
    ("zip-in-front", "it begins neither like a fixture nor like an HDF5 file", lambda d: b"PK\x03\x04" + d),
    ("pdf-in-front", "it begins neither like a fixture nor like an HDF5 file", lambda d: b"%PDF-1.7\n" + d),
    ("script-in-front", "it begins neither like a fixture nor like an HDF5 file", lambda d: b"#!/bin/sh\nexit\n" + d),
    ("pickle-in-front", "it begins neither like a fixture nor like an HDF5 file", lambda d: b"\x80\x04." + d),
    # HDF5 looks for its signature at 0, 512, 1024, ...: this one still opens.
    ("block-in-front", "it begins neither like a fixture nor like an HDF5 file", lambda d: bytes(len(d[:8192])) + d),
):  # fmt: skip
    add_bytes(
        f"line-{_name}",
        "R1",
        "load",
        _message,
        _change,
        error="FormatVersionError" if "version" in _name else "FormatError",
    )

add_bytes(
    "later-version-with-anything-behind",
    "R19 R21",
    "load",
    "format version 2; this release reads 1. Upgrade bgb-fixtures",
    lambda d: b"BGBFIX 2 " + b"[" * 10**6 + d,
    error="FormatVersionError",
)
add_bytes(
    "version-1-over-an-index-of-version-2",
    "R21",
    "trust",
    "index, format_version: expected 1, got 2",
    lambda d: join(d, dump(split(d)[0] | {"format_version": 2}), b"{}"),
)
add(
    "golden-for-a-fixture",
    "R1",
    "load",
    "it is a golden; show it with bgb-fixtures info",
    lambda path, _: path.write_bytes(encode_golden(make_golden(1, name="x"))),
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
    add_bytes(f"document-{_name}", "R2", "trust", _message, _texts(index=_index))

for _name, _records, _message in (
    ("list", b"[]", "records: expected a JSON object, got list"),
    ("deep", b'{"spec":' + b"[" * 10**6, "records: expected a JSON object"),
    ("megabytes-of-one-number", b"1." + b"1" * (8 * 2**20), "expected a JSON object"),
    ("not-ascii", b'"\xf0\x9f\xa7\xa0"', "'ascii' codec"),
):
    add_bytes(
        f"document-records-{_name}", "R2", "load", _message, _texts(records=_records)
    )
add_bytes(
    "document-twice-in-spec",
    "R2",
    "load",
    "the key 'source' twice",
    _in_records(b'{"source": "synthetic"}', b'{"source": "x", "source": "synthetic"}'),
)
add_bytes(
    "document-nan-in-spec",
    "R2",
    "load",
    "the number NaN",
    _in_records(b'{"source": "synthetic"}', b'{"source": NaN}'),
)
add_bytes(
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


add_index(
    "R2 R4",
    ("unknown-key", lambda i: i.update(note="x"), r"unknown keys \['note'\]"),
    ("no-key", lambda i: i.pop("sfreq"), r"missing keys \['sfreq'\]"),
    ("surrogate-key", lambda i: i.update({"\ud800": 1}), r"unknown keys \['\\ud800'\]"),
)
add_index(
    "R3",
    ("block-odd", lambda i: i.update(user_block=8191), "expected a power of two"),
    ("block-small", lambda i: i.update(user_block=2048), "power of two in .*got 2048"),
    ("block-else", lambda i: i.update(user_block=16384), "byte 8192: expected zeros"),
    ("block-huge", lambda i: i.update(user_block=2**40), "expected a power of two"),
    ("block-0", lambda i: i.update(user_block=0), "expected a power of two"),
    ("block-bool", lambda i: i.update(user_block=True), "user_block: expected an int"),
)
add_index(
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
add_index(
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
add_index(
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
        "array 'scale': expected bytes after those of 'signals'",
    ),
    (
        "overlap-of-the-last-page",
        lambda i: _entry(i, "labels").update(offset=_entry(i)["offset"] + 20480),
        "array 'labels': expected bytes after those of 'signals'",
    ),
    (
        "same-place",
        lambda i: _entry(i, "scale").update(offset=_entry(i, "offset")["offset"]),
        "expected bytes after those of 'offset'",
    ),
)
add_index(
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


add_bytes(
    "padding-hides-text",
    "R3",
    "trust",
    "byte 8000: expected zeros",
    _hide,
    error="IntegrityError",
)
add_bytes(
    "user-block-of-64-MiB",
    "R3",
    "load",
    r"user_block: expected a power of two in \[8208, 33554433\)",
    lambda d: enlarged(d, 2**26, lambda r: r.update(spec={"x": "y" * 6000})),
)
add_bytes(
    "no-signature",
    "R3",
    "trust",
    "byte 8192: expected the HDF5 signature",
    lambda d: d[:8192] + bytes(8) + d[8200:],
    error="IntegrityError",
)
add_bytes(
    "digests-of-two-arrays-swapped",
    "R7",
    "load",
    "array 'scale' .*expected SHA-256",
    _swapped_digests,
    error="IntegrityError",
)
add_bytes(
    "rest-changed-under-its-old-digest",
    "R7",
    "load",
    "HDF5 structures and padding: expected SHA-256",
    lambda d: d[:-1] + bytes([d[-1] ^ 1]),
    error="IntegrityError",
)
add_bytes(
    "zip-behind-unsigned",
    "R4 R7",
    "trust",
    "is longer than written: expected 155928 bytes",
    lambda d: d + b"PK\x05\x06" + bytes(18),
    error="IntegrityError",
)
add_bytes(
    "records-changed-under-their-old-digest",
    "R1 R7",
    "trust",
    "index and records: expected SHA-256 .*the file changed after it was written",
    lambda d: d[:4000].replace(b"zscore-1", b"zscore-2") + d[4000:],
    error="IntegrityError",
)
add_bytes(
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


add_records(
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
add_records(
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
add_records(
    "R10",
    ("category", lambda r: _win(r).update(category="some"), "a category and a kind"),
    (
        "categories",
        lambda r: _win(r, 2).update(category="partial", kind="whole"),
        "categories as counted .*'none': 1",
    ),
)
add_records(
    "R11",
    ("kind", lambda r: _win(r).update(kind="ictal"), "a category and a kind of"),
    ("onset-kind", lambda r: _win(r, 3).update(kind="onset"), "its last label is not"),
    ("offset-kind", lambda r: _win(r).update(kind="offset"), "its first label is not"),
)
add_records(
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
    add_bytes(
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
    add_bytes(
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
    add_bytes(
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
    add_bytes(
        f"{_which}-{_value}", "R5", "verify", _message, _written(_which, [_value])
    )


def _over_superblock(data: bytes) -> bytes:
    index, records = split(data)
    _entry(index, "scale")["offset"] = index["user_block"]
    return sign(data, index, records)


add_bytes(
    "array-over-the-superblock",
    "R14",
    "verify",
    "array 'scale' at|HDF5 dataset 'scale': expected",
    _over_superblock,
)
