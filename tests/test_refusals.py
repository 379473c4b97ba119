"""What is not a fixture, or not the fixture that was written, is refused with a reason."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bgb_fixtures.builder.writer import Content, write_fixture
from bgb_fixtures.container import array_gaps
from bgb_fixtures.errors import (
    FixtureError,
    FixtureNotFoundError,
    FormatError,
    FormatVersionError,
    IntegrityError,
)
from bgb_fixtures.h5 import parse_index, parse_records
from bgb_fixtures.loader import load_fixture
from bgb_fixtures.verify import verify_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeContent = Callable[..., Content]
    Edit = Callable[[dict[str, Any]], object]


def split(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    middle = 96 + int(data[9:19])
    stop = middle + int(data[20:30])
    return json.loads(data[96:middle]), json.loads(data[middle:stop])


def join(data: bytes, index: bytes, records: bytes) -> bytes:
    """Put other documents into a file, with the digest that they need."""
    digest = hashlib.sha256(index + records).hexdigest()
    line = f"BGBFIX 1 {len(index):010d} {len(records):010d} {digest}\n".encode()
    block = split(data)[0]["user_block"]
    head = line + index + records
    assert len(head) <= block
    return head.ljust(block, b"\0") + data[block:]


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def redigest(data: bytes, index: dict[str, Any], records: dict[str, Any]) -> bytes:
    """Put other documents into a file and give all of it the right digests."""
    place = index["user_block"]
    rest = hashlib.sha256()
    for entry in sorted(index["arrays"].values(), key=lambda e: int(e["offset"])):
        start, stop = entry["offset"], entry["offset"] + entry["length"]
        entry["sha256"] = hashlib.sha256(data[start:stop]).hexdigest()
        rest.update(data[place:start])
        place = stop
    rest.update(data[place:])
    index["rest_sha256"] = rest.hexdigest()
    return join(data, dump(index), dump(records))


def refuse(path: Path, data: bytes, error: type[FixtureError], match: str) -> None:
    """Expect one message of a file with these bytes, and that it names the file."""
    path.write_bytes(data)
    with pytest.raises(error, match=match) as caught:
        load_fixture(path)
    assert repr(str(path)) in str(caught.value)


@pytest.fixture(scope="module")
def data(small_fixture: Path) -> bytes:
    """Read the bytes of a good fixture."""
    return small_fixture.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file to put bad bytes into."""
    return tmp_path / "bad.h5"


def test_missing_file_is_named(path: Path) -> None:
    message = rf"no fixture '{path}': no such file; packaged fixtures: 'smoke', 'tiny'"
    with pytest.raises(FixtureNotFoundError, match=message):
        load_fixture(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is not a fixture: it is empty", id="empty"),
        pytest.param(
            b"\n<!DOCTYPE html>\n<html>", "it is a web page; download the", id="html"
        ),
        pytest.param(b"<html>", "it is a web page; download the", id="html-only"),
        pytest.param(b'<?xml version="1.0"?>', "it is a web page", id="xml"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "it is a git-lfs pointer; run 'git lfs pull'",
            id="git-lfs",
        ),
        pytest.param(
            b"0       X X X X".ljust(256), "it is an EDF or BDF recording", id="edf"
        ),
        pytest.param(
            b"\xffBIOSEMI".ljust(256), "it is an EDF or BDF recording", id="bdf"
        ),
        pytest.param(b"PK\x03\x04 zip", r"it begins with b'PK\\x03", id="other"),
        pytest.param(b"BGBFIX", "first line .* is cut off: b'BGBFIX'", id="magic-only"),
        pytest.param(
            b"BGBFIX 1 000000001x 0000000001 " + b"0" * 64 + b"\n",
            "the first line is not that of a fixture",
            id="bad-line",
        ),
        pytest.param(
            b"BGBFIX 01 0000000001 0000000001 " + b"0" * 64 + b"\n",
            "the first line is not that of a fixture",
            id="padded-version",
        ),
    ],
)
def test_file_that_is_no_fixture_is_named_for_what_it_is(
    content: bytes, message: str, path: Path
) -> None:
    refuse(path, content, FormatError, message)


def test_plain_hdf5_file_is_named_for_what_it_is(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["signals"] = np.zeros(3)
    with pytest.raises(FormatError, match="an HDF5 file, but not one of ours"):
        load_fixture(path)


def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is a folder; expected a fixture file"):
        load_fixture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFO")
def test_fifo_is_refused_without_waiting(path: Path) -> None:
    os.mkfifo(path)
    code = "import sys, bgb_fixtures; bgb_fixtures.load_fixture(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.endswith("is not a regular file; expected a fixture file\n")


def test_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(FixtureError, match="'nnn"):
        load_fixture("n" * 5000)


def test_name_with_a_nul_is_refused() -> None:
    with pytest.raises(FixtureNotFoundError, match=r"no fixture 'a\\x00b'"):
        load_fixture("a\0b")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user reads all files"
)
def test_unreadable_file_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0)
    with pytest.raises(FormatError, match="cannot be read: Permission denied"):
        load_fixture(path)


@pytest.mark.parametrize("mode", ["mmap", "copy"])
@pytest.mark.parametrize("verify", [True, False], ids=["verify", "trust"])
@pytest.mark.parametrize(
    ("size", "message"),
    [
        pytest.param(40, "first line .* cut off", id="in-first-line"),
        pytest.param(500, "is truncated: 500 bytes, and its index", id="in-index"),
        pytest.param(2000, "is truncated: 2000 bytes, and its index", id="in-records"),
        pytest.param(6000, "is truncated: expected 155928 bytes", id="in-padding"),
        pytest.param(40000, "is truncated: expected 155928 bytes", id="in-arrays"),
        pytest.param(155927, "expected 155928 bytes, got 155927", id="last-byte"),
    ],
)
def test_truncated_file_is_refused(
    size: int, message: str, mode: Any, verify: bool, path: Path, data: bytes
) -> None:
    assert len(data) == 155928
    path.write_bytes(data[:size])
    with pytest.raises(FormatError, match=message):
        load_fixture(path, mode=mode, verify=verify)


def test_file_cut_right_behind_its_documents_is_refused(
    path: Path, data: bytes
) -> None:
    stop = 96 + int(data[9:19]) + int(data[20:30])
    message = f"is truncated: expected 155928 bytes, got {stop}"
    refuse(path, data[:stop], IntegrityError, message)


def test_file_of_a_user_block_only_is_refused(path: Path, data: bytes) -> None:
    index, records = split(data)
    index["file_size"] = 8192
    message = r"user_block: expected a power of two in \[4096, 8192\), got 8192"
    changed = join(data, dump(index), dump(records))[:8192]
    refuse(path, changed, FormatError, message)


def test_longer_file_is_refused(path: Path, data: bytes) -> None:
    refuse(path, data + b"\0", IntegrityError, "is longer than written: expected")


def test_flipped_byte_of_the_user_block_is_refused(data: bytes) -> None:
    """Every byte, each time as the reader sees it."""
    block = split(data)[0]["user_block"]
    flipped, missed = bytearray(data[: block + 8]), []
    for place in range(block + 8):
        flipped[place] ^= 0x10
        try:
            parse_index(bytes(flipped), size=len(data), where="flipped")
            missed.append(place)
        except FormatError:
            flipped[place] ^= 0x10
    assert missed == []


def test_flipped_byte_of_an_array_or_the_rest_is_refused(data: bytes) -> None:
    """Every byte: each is in one digest, and no digest survives its flip."""
    index = parse_index(data, size=len(data), where="small")
    arrays = [((e.offset, e.offset + e.length),) for e in index.arrays.values()]
    groups = [*arrays, tuple(array_gaps(index))]
    spans = sorted(span for group in groups for span in group)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert (spans[0][0], spans[-1][1]) == (index.user_block, len(data))
    for group, digest in zip(
        groups,
        [*(e.sha256 for e in index.arrays.values()), index.rest_sha256],
        strict=True,
    ):
        guarded = b"".join(data[start:stop] for start, stop in group)
        assert hashlib.sha256(guarded).hexdigest() == digest
        assert flips_that_keep_the_digest(guarded, digest) == []


def flips_that_keep_the_digest(guarded: bytes, digest: str) -> list[int]:
    """Flip every byte; hash what lies before a block of 1024 once per block."""
    kept, before = [], hashlib.sha256()
    for start in range(0, len(guarded), 1024):
        block, tail = bytearray(guarded[start : start + 1024]), guarded[start + 1024 :]
        for place in range(len(block)):
            block[place] ^= 0xFF
            flipped = before.copy()
            flipped.update(block)
            flipped.update(tail)
            block[place] ^= 0xFF
            if flipped.hexdigest() == digest:
                kept.append(start + place)
        before.update(block)
    return kept


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("signals", "array 'signals' .*expected SHA-256", id="signals"),
        pytest.param("labels", "array 'labels' .*expected SHA-256", id="labels"),
        pytest.param("scale", "array 'scale' .*expected SHA-256", id="scale"),
        pytest.param("offset", "array 'offset' .*expected SHA-256", id="offset"),
    ],
)
def test_flipped_byte_of_an_array_names_the_array(
    name: str, message: str, path: Path, data: bytes
) -> None:
    place = split(data)[0]["arrays"][name]["offset"]
    flipped = bytearray(data)
    flipped[place] ^= 1
    refuse(path, bytes(flipped), IntegrityError, message)


def test_flipped_byte_behind_the_arrays_names_the_hdf5_part(
    path: Path, data: bytes
) -> None:
    refuse(
        path,
        data[:-1] + bytes([data[-1] ^ 1]),
        IntegrityError,
        "HDF5 structures and padding: expected SHA-256",
    )


@pytest.mark.parametrize("version", [2, 17, 999999])
def test_newer_format_version_is_refused(version: int, path: Path, data: bytes) -> None:
    line = f"BGBFIX {version} whatever a later version says\n".encode()
    message = f"format version {version}; this release reads 1. Upgrade bgb-fixtures"
    refuse(path, line + data[96:], FormatVersionError, message)


def test_newer_format_version_with_the_line_of_this_one_is_refused(
    path: Path, data: bytes
) -> None:
    message = "format version 2; this release reads 1. Upgrade bgb-fixtures"
    refuse(path, b"BGBFIX 2" + data[8:], FormatVersionError, message)


def test_padded_format_version_is_no_version(path: Path, data: bytes) -> None:
    message = "the first line is not that of a fixture"
    refuse(path, b"BGBFIX 02 later\n" + data[96:], FormatError, message)


@pytest.mark.parametrize(
    ("n_index", "n_records", "error", "message"),
    [
        pytest.param(
            9999999999, 1, FormatError, "at most 16777216 bytes", id="too-long"
        ),
        pytest.param(
            16777217, 0, FormatError, "got 16777217", id="one-byte-too-long"
        ),
        pytest.param(
            16777216, 0, IntegrityError, "its index and records alone", id="past-end"
        ),
        pytest.param(0, 0, IntegrityError, "expected SHA-256", id="nothing"),
    ],
)  # fmt: skip
def test_lengths_in_the_first_line_are_bounded(
    n_index: int,
    n_records: int,
    error: type[FixtureError],
    message: str,
    path: Path,
    data: bytes,
) -> None:
    line = f"BGBFIX 1 {n_index:010d} {n_records:010d} ".encode()
    refuse(path, line + data[31:], error, message)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        pytest.param(b"", "index: expected a JSON object in ASCII", id="empty"),
        pytest.param(b"{", "index: expected a JSON object in ASCII", id="cut"),
        pytest.param(b"[]", "expected a JSON object, got list", id="list"),
        pytest.param(b'{"\xc3\xa9": 1}', "'ascii' codec can't decode", id="not-ascii"),
        pytest.param(b'{"name": 1, "name": 1}', "the key 'name' twice", id="twice"),
        pytest.param(b'{"sfreq": NaN}', "the number NaN", id="nan"),
        pytest.param(b'{"sfreq": -Infinity}', "the number -Infinity", id="infinity"),
        pytest.param(b'{"sfreq": 1e999}', "the number 1e999", id="overflow"),
        pytest.param(b'{"a": ' + b"1" * 5000 + b"}", "expected a JSON", id="digits"),
        pytest.param(b"[" * 7000, "expected a JSON object", id="deep"),
        pytest.param(b'{"a": {', "expected a JSON object", id="unfinished"),
        pytest.param(b"{}", r"missing keys \['arrays', 'content", id="no-key"),
    ],
)
def test_index_that_is_no_proper_json_is_refused(
    index: bytes, message: str, path: Path, data: bytes
) -> None:
    refuse(path, join(data, index, b"{}"), FormatError, message)


def entry(index: dict[str, Any], name: str = "signals") -> dict[str, Any]:
    value: dict[str, Any] = index["arrays"][name]
    return value


INDEX_LIES = [
    ("unknown-key", lambda i: i.update(note="x"), r"unknown keys \['note'\]"),
    ("no-key", lambda i: i.pop("sfreq"), r"missing keys \['sfreq'\]"),
    ("version-2", lambda i: i.update(format_version=2), "format_version: expected 1"),
    ("version-true", lambda i: i.update(format_version=True), "got True"),
    ("version-1.0", lambda i: i.update(format_version=1.0), "got 1.0"),
    ("name", lambda i: i.update(name="../x"), "index, name: expected text"),
    ("name-number", lambda i: i.update(name=3), "index, name: expected text"),
    ("content", lambda i: i.update(content_version=0), "content_version: expected"),
    ("sfreq-0", lambda i: i.update(sfreq=0), "index, sfreq: expected a number"),
    ("sfreq-small", lambda i: i.update(sfreq=9e-4), "index, sfreq: expected a number"),
    ("sfreq-large", lambda i: i.update(sfreq=1e9 + 1), "sfreq: expected a number"),
    ("sfreq-text", lambda i: i.update(sfreq="256"), "got '256'"),
    ("sfreq-huge", lambda i: i.update(sfreq=10**400), "index, sfreq: expected a num"),
    ("size", lambda i: i.update(file_size=155929), "is truncated: expected 155929"),
    ("size-limit", lambda i: i.update(file_size=2**62), "file_size: expected an int"),
    ("size-huge", lambda i: i.update(file_size=2**63), "file_size: expected an int"),
    ("block-odd", lambda i: i.update(user_block=8191), "expected a power of two"),
    ("block-small", lambda i: i.update(user_block=2048), "power of two in .*got 2048"),
    ("block-else", lambda i: i.update(user_block=16384), "byte 8192: expected zeros"),
    ("block-huge", lambda i: i.update(user_block=2**40), "expected a power of two"),
    ("block-bool", lambda i: i.update(user_block=True), "user_block: expected an int"),
    ("digest", lambda i: i.update(rest_sha256="ABC"), "rest_sha256: expected 64"),
    ("arrays-list", lambda i: i.update(arrays=[]), "arrays: expected an object, got"),
    ("no-array", lambda i: i["arrays"].pop("scale"), r"missing keys \['scale'\]"),
    ("array-more", lambda i: i["arrays"].update(x=1), r"unknown keys \['x'\]"),
    ("array-text", lambda i: i["arrays"].update(scale=""), "'scale': expected an obj"),
    ("entry-key", lambda i: entry(i).update(x=1), r"unknown keys \['x'\]"),
    ("dtype-big", lambda i: entry(i).update(dtype=">f4"), "'<f4', got '>f4'"),
    ("dtype-f8", lambda i: entry(i).update(dtype="<f8"), "'<f4', got '<f8'"),
    ("dtype-obj", lambda i: entry(i).update(dtype="|O"), r"'<f4', got '\|O'"),
    ("shape-text", lambda i: entry(i).update(shape="4"), "shape: expected sizes for"),
    ("shape-2d", lambda i: entry(i).update(shape=[4, 3]), "n_windows, n_channels, n_t"),
    ("shape-0", lambda i: entry(i).update(shape=[4, 3, 0]), "n_times of at least 1"),
    ("shape-neg", lambda i: entry(i).update(shape=[-4, -3, 512]), "n_windows of at"),
    ("shape-bool", lambda i: entry(i).update(shape=[4, 3, True]), "n_times of at"),
    (
        "shape-bomb",
        lambda i: entry(i).update(shape=[2**40, 2**20, 512]),
        "array 'signals', length: expected .* bytes for shape",
    ),
    (
        "shape-less",
        lambda i: entry(i).update(shape=[4, 3, 511]),
        "length: expected 24528 bytes for shape",
    ),
    (
        "shape-swapped",
        lambda i: entry(i, "labels").update(shape=[512, 4]),
        "array 'labels', shape: expected n_windows = 4, as for 'signals'",
    ),
    (
        "shape-and-length",
        lambda i: entry(i).update(shape=[4, 3, 511], length=24528),
        "array 'labels', shape: expected n_times = 511",
    ),
    ("length", lambda i: entry(i).update(length=24572), "expected 24576 bytes for"),
    ("length-float", lambda i: entry(i).update(length=24576.0), "got 24576.0"),
    ("misaligned", lambda i: entry(i).update(offset=32772), "a multiple of 4096, got"),
    ("offset-neg", lambda i: entry(i).update(offset=-4096), r"a place inside \[8192"),
    ("offset-block", lambda i: entry(i).update(offset=4096), r"a place inside \[8192"),
    ("past-end", lambda i: entry(i).update(offset=2**20), r"inside \[8192, 155928\)"),
    (
        "past-end-in-part",
        lambda i: entry(i, "labels").update(offset=155648),
        r"inside \[8192, 155928\), got '\[155648, 157696\)'",
    ),
    ("offset-float", lambda i: entry(i).update(offset=8192.0), "of 4096, got 8192.0"),
    ("offset-far", lambda i: entry(i).update(offset=2**80), "a place inside"),
    ("offset-text", lambda i: entry(i).update(offset="0"), "a multiple of 4096, got"),
    (
        "overlap",
        lambda i: entry(i, "scale").update(offset=entry(i)["offset"] + 4096),
        "array 'scale': expected bytes behind those of 'signals'",
    ),
    (
        "same-place",
        lambda i: entry(i, "scale").update(offset=entry(i, "offset")["offset"]),
        "expected bytes behind those of 'offset'",
    ),
    ("sha", lambda i: entry(i).update(sha256="0" * 63), "64 hexadecimal digits"),
    ("sha-null", lambda i: entry(i).update(sha256=None), "64 hexadecimal digits"),
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
        "no-positive-window",
        lambda i: i.update(counts={"none": 4, "partial": 0, "full": 0}),
        "index, counts: expected at least one window with a seizure",
    ),
]


@pytest.mark.parametrize(
    ("lie", "message"),
    [pytest.param(lie, message, id=name) for name, lie, message in INDEX_LIES],
)
def test_index_that_lies_is_refused_at_open(
    lie: Edit, message: str, path: Path, data: bytes
) -> None:
    index, records = split(data)
    lie(index)
    path.write_bytes(join(data, dump(index), dump(records)))
    with pytest.raises(FormatError, match=message):
        load_fixture(path, verify=False)


def window(records: dict[str, Any], row: int = 0) -> dict[str, Any]:
    value: dict[str, Any] = records["windows"][row]
    return value


def event(records: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = window(records)["events"][0]
    return value


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


RECORD_LIES = [
    ("unknown-key", lambda r: r.update(path="/home"), r"unknown keys \['path'\]"),
    ("no-key", lambda r: r.pop("licence"), r"missing keys \['licence'\]"),
    ("names-few", lambda r: r.update(ch_names=["Cz"]), "3 different names"),
    ("names-same", lambda r: r.update(ch_names=["a", "a", "b"]), "3 different names"),
    ("names-text", lambda r: r.update(ch_names="abc"), "a list of texts"),
    ("names-int", lambda r: r.update(ch_names=[1, 2, 3]), "ch_names: expected text"),
    ("name-empty", lambda r: r.update(ch_names=["", "a", "b"]), "expected text"),
    (
        "name-escape",
        lambda r: r.update(ch_names=["\x1b[2J", "a", "b"]),
        "expected text",
    ),
    ("surrogate", lambda r: r.update(montage="\ud800"), "montage: expected text"),
    ("montage", lambda r: r.update(montage=None), "montage: expected text"),
    ("unit", lambda r: r.update(unit="mV"), "one of .*got 'mV'"),
    ("unit-list", lambda r: r.update(unit=["uV"]), r"one of .*got \['uV'\]"),
    ("profile", lambda r: r["profile"].pop("steps"), r"missing keys \['steps'\]"),
    ("steps", lambda r: r["profile"].update(steps=[1]), "steps: expected text"),
    ("source", lambda r: r.update(source=[]), "records, source: expected an object"),
    ("source-name", lambda r: r.update(source={}), "source, name: expected text"),
    ("spec", lambda r: r.update(spec="smoke"), "records, spec: expected an object"),
    ("spec-deep", lambda r: r.update(spec=nested(9)), "spec: nested deeper than 8"),
    ("spec-very", lambda r: r.update(spec=nested(150)), "spec: nested deeper than 8"),
    ("licence", lambda r: r["licence"].update(url=1), "licence, url: expected text"),
    (
        "redistributable",
        lambda r: r["licence"].update(redistributable="no"),
        "redistributable: expected true or false, got 'no'",
    ),
    ("windows", lambda r: r.update(windows={}), "windows: expected a list of 4"),
    ("too-few", lambda r: r["windows"].pop(), "a list of 4, got 3"),
    ("window-null", lambda r: r["windows"].__setitem__(0, None), "expected an object"),
    ("window-key", lambda r: window(r).update(patient="x"), r"keys \['patient'\]"),
    ("same-id", lambda r: window(r).update(id="w1"), "expected different ids"),
    ("id", lambda r: window(r).update(id="W 0"), r"windows\[0\], id: expected text"),
    ("subject", lambda r: window(r).update(subject="chb01"), "subject: expected text"),
    ("recording", lambda r: window(r).update(recording="a"), "recording: expected tex"),
    ("split", lambda r: window(r).update(split="Train!"), "split: expected text"),
    ("kind", lambda r: window(r).update(kind="ictal"), "a category and a kind of"),
    ("category", lambda r: window(r).update(category="some"), "a category and a kind"),
    ("onset-late", lambda r: window(r).update(onset=1e9 + 1), "onset: expected a num"),
    ("onset", lambda r: window(r).update(onset=-1), "onset: expected a number"),
    ("onset-bool", lambda r: window(r).update(onset=True), "onset: expected a number"),
    ("onset-huge", lambda r: window(r).update(onset=10**400), "onset: expected a num"),
    ("clipped", lambda r: window(r).update(n_clipped=1.5), "n_clipped: expected an in"),
    (
        "clipped-limit",
        lambda r: window(r).update(n_clipped=2**62),
        r"n_clipped: expected an integer in \[0, 2\^62\)",
    ),
    ("events", lambda r: window(r).update(events={}), "events: expected a list"),
    ("event-key", lambda r: event(r).update(x=1), r"unknown keys \['x'\]"),
    ("code", lambda r: event(r).update(tusz="xxsz"), "a TUSZ code and its SzCORE"),
    ("pair", lambda r: event(r).update(szcore="sz_gen"), "a TUSZ code and its SzCORE"),
    (
        "code-null",
        lambda r: event(r).update(tusz=None, szcore=None),
        "a TUSZ code and its SzCORE",
    ),
    ("code-list", lambda r: event(r).update(tusz=[]), "a TUSZ code and its SzCORE"),
    ("event-early", lambda r: event(r).update(onset=-0.5), "onset: expected a number"),
    ("event-late", lambda r: event(r).update(onset=0.75), r"inside \[0, 2\] s"),
    ("event-empty", lambda r: event(r).update(duration=0), "at least one sample"),
    (
        "between-samples",
        lambda r: event(r).update(onset=0.501),
        "onset and duration of whole samples at 256 Hz",
    ),
    (
        "categories",
        lambda r: window(r, 2).update(category="partial", kind="whole"),
        "categories as counted .*'none': 1",
    ),
]


@pytest.mark.parametrize(
    ("lie", "message"),
    [pytest.param(lie, message, id=name) for name, lie, message in RECORD_LIES],
)
def test_records_that_lie_are_refused(
    lie: Edit, message: str, path: Path, data: bytes
) -> None:
    index, records = split(data)
    lie(records)
    refuse(path, join(data, dump(index), dump(records)), FormatError, message)


def test_values_at_their_limits_are_read(path: Path, data: bytes) -> None:
    index, records = split(data)
    records["windows"][1] |= {"onset": 1e9, "n_clipped": 2**62 - 1}
    records["spec"] = nested(8)
    path.write_bytes(join(data, dump(index), dump(records)))
    fixture = load_fixture(path, verify=False)
    assert fixture.windows[1].onset == 1e9
    assert fixture.windows[1].n_clipped == 4611686018427387903
    assert fixture.records.spec == nested(8)


@pytest.mark.parametrize("sfreq", [0.001, 1e9])
def test_sampling_frequency_at_its_limits_is_read(
    sfreq: float, path: Path, data: bytes
) -> None:
    index, records = split(data)
    index["sfreq"] = sfreq
    path.write_bytes(join(data, dump(index), dump(records)))
    assert load_fixture(path, verify=False).sfreq == sfreq


def test_documents_may_fill_the_user_block_to_its_end(path: Path, data: bytes) -> None:
    index, records = (dump(document) for document in split(data))
    full = join(data, index, records.ljust(8192 - 96 - len(index)))
    assert full[8191:8193] == b" \x89"
    path.write_bytes(full)
    assert load_fixture(path, verify=False).windows[0].id == "w0"


def test_records_are_checked_at_first_use_without_verify(
    path: Path, data: bytes
) -> None:
    index, _ = split(data)
    path.write_bytes(join(data, dump(index), b"{}"))
    fixture = load_fixture(path, verify=False)
    with pytest.raises(FormatError, match="records: missing keys"):
        _ = fixture.windows


def test_user_block_that_hides_bytes_is_refused(path: Path, data: bytes) -> None:
    hidden = bytearray(data)
    hidden[8000] = 1
    refuse(path, bytes(hidden), IntegrityError, "byte 8000: expected zeros")


def relabel(
    data: bytes, row: int, labels: list[int], edit: Edit | None = None
) -> bytes:
    """Write other labels into a row, and give the file the digests that it needs."""
    index, records = split(data)
    start = index["arrays"]["labels"]["offset"] + row * 512
    changed = data[:start] + bytes(labels) + data[start + 512 :]
    if edit is not None:
        edit(records)
    return redigest(changed, index, records)


@pytest.mark.parametrize(
    ("row", "labels", "message"),
    [
        pytest.param(2, [1] * 512, "'w2' is recorded as 'none', but 512", id="all"),
        pytest.param(2, [0] * 511 + [1], "'none', but 1 of its 512", id="one-more"),
        pytest.param(0, [0] * 512, "'w0' is recorded as 'partial', but 0", id="none"),
        pytest.param(1, [1] * 500 + [0] * 12, "'full', but 500", id="not-full"),
        pytest.param(
            0,
            [0] * 127 + [1] * 385,
            "window 'w0', sample 127: label 1, but its events say 0",
            id="early",
        ),
        pytest.param(
            0,
            [0] * 129 + [1] * 383,
            "window 'w0', sample 128: label 0, but its events say 1",
            id="late",
        ),
        pytest.param(
            1, [2] * 512, "labels of window 'w1': expected 0 and 1, got 2", id="two"
        ),
        pytest.param(0, [0] * 128 + [1] * 383 + [255], "got 255", id="one-255"),
    ],
)
def test_labels_that_do_not_bear_out_the_records_are_refused(
    row: int, labels: list[int], message: str, path: Path, data: bytes
) -> None:
    refuse(path, relabel(data, row, labels), FormatError, message)


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        pytest.param("onset", 3, "'onset', but its last label is not", id="onset"),
        pytest.param("offset", 0, "'offset', but its first label is", id="offset"),
    ],
)
def test_kind_that_the_labels_do_not_bear_out_is_refused(
    kind: str, row: int, message: str, path: Path, data: bytes
) -> None:
    index, records = split(data)
    window(records, row)["kind"] = kind
    refuse(path, redigest(data, index, records), FormatError, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda f: f.attrs.__setitem__("sfreq", 512.0),
            "HDF5 attribute 'sfreq': records say 256.0, got 512.0",
            id="attribute",
        ),
        pytest.param(
            lambda f: f.attrs.__setitem__("more", 1),
            "HDF5 attributes: expected",
            id="more-attributes",
        ),
        pytest.param(
            lambda f: f["onset"].__setitem__(1, 99.0),
            "HDF5 column 'onset', row 1: records say 10.0, got 99.0",
            id="number",
        ),
        pytest.param(
            lambda f: f["split"].__setitem__(0, b"dev"),
            "HDF5 column 'split', row 0: records say 'train', got 'dev'",
            id="text",
        ),
        pytest.param(
            lambda f: f["split"].__setitem__(0, b"\xff"),
            "the HDF5 side cannot be read: 'ascii' codec",
            id="not-ascii",
        ),
        pytest.param(
            lambda f: f["events"].__setitem__(0, b"[1"),
            "HDF5 column 'events', row 0: expected a JSON object",
            id="not-json",
        ),
        pytest.param(
            lambda f: f["events"].attrs.__setitem__("x", 1),
            "HDF5 dataset 'events': expected contiguous .* without attributes",
            id="dataset-attribute",
        ),
        pytest.param(
            lambda f: f.create_dataset("more", data=1),
            "HDF5 datasets: expected",
            id="more-datasets",
        ),
        pytest.param(
            lambda f: (f.__delitem__("id"), f.create_group("id")),
            "HDF5 object 'id': expected a dataset, hard-linked",
            id="group",
        ),
        pytest.param(
            lambda f: (
                f.__delitem__("id"),
                f.__setitem__("id", h5py.SoftLink("/split")),
            ),
            "HDF5 object 'id': expected a dataset, hard-linked",
            id="soft-link",
        ),
        pytest.param(
            lambda f: (f.__delitem__("id"), f.create_dataset("id", data=b"w0")),
            r"HDF5 dataset 'id'",
            id="scalar",
        ),
        pytest.param(
            lambda f: (
                f.__delitem__("id"),
                f.create_dataset("id", data=np.arange(4.0), chunks=(4,)),
            ),
            "HDF5 dataset 'id': expected contiguous",
            id="chunked",
        ),
        pytest.param(
            lambda f: (
                f.move("scale", "s"),
                f.move("offset", "scale"),
                f.move("s", "offset"),
            ),
            "HDF5 dataset 'offset': expected",
            id="swapped",
        ),
    ],
)
def test_verify_refuses_sides_that_disagree(
    change: Callable[[h5py.File], object],
    message: str,
    path: Path,
    small_fixture: Path,
) -> None:
    path.write_bytes(small_fixture.read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    changed = path.read_bytes()
    index, records = split(changed)
    index["file_size"] = len(changed)
    path.write_bytes(redigest(changed, index, records))
    load_fixture(path)
    with pytest.raises(FormatError, match=message):
        verify_fixture(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param("signals", np.nan, r"'signals' at \(0, 0, 0\): exp", id="nan"),
        pytest.param("scale", np.inf, r"'scale' at \(0, 0\): expected a fin", id="inf"),
        pytest.param("scale", -1.0, r"'scale' at \(0, 0\): expected more", id="minus"),
        pytest.param("offset", np.nan, r"'offset' at \(0, 0\): expected", id="offset"),
    ],
)
def test_verify_refuses_numbers_that_cannot_be(
    name: str, value: float, message: str, path: Path, data: bytes
) -> None:
    index, records = split(data)
    start = index["arrays"][name]["offset"]
    changed = data[:start] + np.float32(value).tobytes() + data[start + 4 :]
    path.write_bytes(redigest(changed, index, records))
    with pytest.raises(FormatError, match=message):
        verify_fixture(path)


def test_verify_refuses_garbage_in_the_hdf5_part(path: Path, data: bytes) -> None:
    index, records = split(data)
    block = index["user_block"]
    changed = data[: block + 8] + b"\xff" * 200 + data[block + 208 :]
    path.write_bytes(redigest(changed, index, records))
    with pytest.raises(FormatError, match="the HDF5 side cannot be read"):
        verify_fixture(path)


def read_all(data: bytes) -> None:
    """Parse both documents as a load does; arrays are not needed for it."""
    index = parse_index(data, size=len(data), where="mutated")
    parse_records(data, index, where="mutated")


def what_the_reader_says(data: bytes) -> str:
    """Return its refusal, or nothing; any other exception goes on to the test."""
    try:
        read_all(data)
    except FixtureError as error:
        return str(error)
    return ""


STRANGE: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(
        [None, True, 0, 1, -1, 2**31, 2**62, 2**64, 10**400, 0.5, 1e308, "", "x", "\ud800"]
    )
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, value: Any) -> Any:
    """Replace, remove or double one value somewhere inside a document."""
    value = copy.deepcopy(value)
    place = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return value
        key = draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    what = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if what == "replace":
        place[key] = draw(STRANGE)
    elif what == "remove":
        del place[key]
    elif isinstance(place, dict):
        place[draw(st.text())] = draw(STRANGE)
    else:
        place.append(draw(STRANGE))
    return value


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(choice=st.data())
def test_no_document_makes_the_reader_crash(data: bytes, choice: st.DataObject) -> None:
    index, records = split(data)
    index = choice.draw(mutated(index))
    records = choice.draw(mutated(records))
    for documents in [
        (dump(index), dump(split(data)[1])),
        (dump(split(data)[0]), dump(records)),
    ]:
        assume(sum(map(len, documents)) < 8000)
        message = what_the_reader_says(join(data, *documents))
        assert message == "" or message.startswith("mutated")
        assert len(message) < 2000


@settings(max_examples=300, deadline=None)
@given(index=st.binary(max_size=60), records=st.binary(max_size=60))
def test_no_bytes_make_the_reader_crash(
    data: bytes, index: bytes, records: bytes
) -> None:
    with pytest.raises(FixtureError, match="mutated"):
        read_all(join(data, index, records))


@settings(max_examples=300, deadline=None)
@given(head=st.binary(max_size=200), keep=st.integers(0, 96))
def test_no_first_line_makes_the_reader_crash(
    data: bytes, head: bytes, keep: int
) -> None:
    changed = data[:keep] + head
    with pytest.raises(FixtureError, match="mutated"):
        read_all(changed)


def test_good_documents_pass_the_way_that_mutations_take(data: bytes) -> None:
    index, records = split(data)
    read_all(join(data, dump(index), dump(records)))


def test_deep_value_in_place_of_a_number_is_refused(path: Path, data: bytes) -> None:
    index, records = split(data)
    index["sfreq"] = "HERE"
    text = dump(index).replace(b'"HERE"', b"[" * 900 + b"]" * 900)
    refuse(path, join(data, text, dump(records)), FormatError, "index")


def test_many_different_keys_are_refused_quickly(
    make_content: MakeContent, path: Path
) -> None:
    # A search for the key that comes twice must not compare each with each.
    long = make_content(spec={"note": ["x" * 60] * 9000})
    data = write_fixture(long, path).read_bytes()
    keys = ",".join(f'"{i:x}":0' for i in range(60000))
    index = b"{" + keys.encode() + b',"ea5f":0}'
    refuse(path, join(data, index, b"{}"), FormatError, "the key 'ea5f' twice")
