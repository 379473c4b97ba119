"""What is not a fixture, or not the fixture that was written, is refused with a reason.

Files that break one rule, all digests right, are in ``tests/hostile``.
"""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from hostile.format_seeds import dump, join, split
from hostile.mutated_containers import mutated_json
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bgb_fixtures import fixture as loader
from bgb_fixtures.errors import (
    FixtureError,
    FixtureNotFoundError,
    FormatError,
    FormatVersionError,
    IntegrityError,
)
from bgb_fixtures.fixture import load_fixture
from bgb_fixtures.format import map as mapping
from bgb_fixtures.format.layout import array_gaps
from bgb_fixtures.format.records import parse_index, parse_records
from bgb_fixtures.format.write import write_fixture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bgb_fixtures.format.content import Content

    MakeContent = Callable[..., Content]
    Edit = Callable[[dict[str, Any]], object]


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
    message = rf"no fixture '{path}': no such file. Packaged fixtures: 'smoke', 'tiny'"
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
        pytest.param(
            b"PK\x03\x04 zip",
            "it begins neither like a fixture nor like an HDF5 file",
            id="other",
        ),
        pytest.param(
            b"BGBFIX", "first line is invalid or truncated: b'BGBFIX'", id="magic-only"
        ),
        pytest.param(
            b"BGBFIX 1 000000001x 0000000001 " + b"0" * 64 + b"\n",
            "the first line is invalid or truncated",
            id="bad-line",
        ),
        pytest.param(
            b"BGBFIX 01 0000000001 0000000001 " + b"0" * 64 + b"\n",
            "the first line is invalid or truncated",
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
    with pytest.raises(FormatError, match="an HDF5 file, but not a fixture"):
        load_fixture(path)


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
        pytest.param(40, "first line .* truncated", id="in-first-line"),
        pytest.param(
            500, "is truncated .found 500 bytes, expected at least", id="in-index"
        ),
        pytest.param(
            2000, "is truncated .found 2000 bytes, expected at least", id="in-records"
        ),
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


def test_flipped_byte_of_an_array_or_the_rest_is_refused(
    path: Path, data: bytes
) -> None:
    """Every byte is in one digest; one of each 256 is flipped."""
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
    for start in range(index.user_block, len(data), 256):
        flipped = bytearray(data)
        flipped[min(start + start // 256 % 256, len(data) - 1)] ^= 0xFF
        refuse(path, bytes(flipped), IntegrityError, "expected SHA-256")


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
    message = "the first line is invalid or truncated"
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
            16777216, 0, IntegrityError, "for index and records", id="past-end"
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


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


def test_values_at_their_limits_are_read(path: Path, data: bytes) -> None:
    index, records = split(data)
    records["windows"][1] |= {"onset": 1e9, "n_clipped": 2**62 - 1}
    records["spec"] = nested(8)
    path.write_bytes(join(data, dump(index), dump(records)))
    fixture = load_fixture(path, verify=False)
    assert fixture.windows[1].onset == 1e9
    assert fixture.windows[1].n_clipped == 4611686018427387903
    assert fixture.records.spec == nested(8)


EDGES = [
    # field of a window, the longest and shortest that it can be, one beyond each
    ("id", ["a" * 64, "0"], ["a" * 65, "", ".a"]),
    ("split", ["a" * 16, "_"], ["a" * 17, "", "A"]),
    ("subject", ["sub-123456789", "sub-01"], ["sub-1234567890", "sub-1", "sub-0a"]),
    ("recording", ["rec-123456789", "rec-01"], ["rec-1234567890", "rec-1", "rec-"]),
]


@pytest.mark.parametrize(
    ("field", "value"),
    [pytest.param(f, v, id=f"{f}-{len(v)}") for f, good, _ in EDGES for v in good],
)
def test_text_as_long_or_short_as_may_be_is_read(
    field: str, value: str, path: Path, data: bytes
) -> None:
    index, records = split(data)
    records["windows"][0][field] = value
    path.write_bytes(join(data, dump(index), dump(records)))
    assert getattr(load_fixture(path, verify=False).windows[0], field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(f, v, id=f"{f}-{len(v)}-{i}")
        for f, _, bad in EDGES
        for i, v in enumerate(bad)
    ],
)
def test_text_longer_or_shorter_than_may_be_is_refused(
    field: str, value: str, path: Path, data: bytes
) -> None:
    index, records = split(data)
    records["windows"][0][field] = value
    message = rf"windows\[0\], {field}: expected text matching"
    refuse(path, join(data, dump(index), dump(records)), FormatError, message)


def test_free_text_of_the_licence_has_lines_and_no_tabs(
    path: Path, data: bytes
) -> None:
    index, records = split(data)
    records["licence"]["changes"] = "a\tb"
    message = "licence, changes: expected text"
    refuse(path, join(data, dump(index), dump(records)), FormatError, message)


@pytest.mark.parametrize("onset", [0.5 + 9e-4 / 256, 0.5 - 9e-4 / 256])
def test_event_a_thousandth_of_a_sample_off_is_on_the_sample(
    onset: float, path: Path, data: bytes
) -> None:
    index, records = split(data)
    records["windows"][0]["events"][0]["onset"] = onset
    path.write_bytes(join(data, dump(index), dump(records)))
    assert load_fixture(path, verify=False).windows[0].events[0].onset == onset


def test_event_more_than_a_thousandth_of_a_sample_off_is_refused(
    path: Path, data: bytes
) -> None:
    index, records = split(data)
    records["windows"][0]["events"][0]["onset"] = 0.5 + 2e-3 / 256
    message = "onset and duration of whole samples at 256 Hz"
    refuse(path, join(data, dump(index), dump(records)), FormatError, message)


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


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(choice=st.data())
def test_no_document_makes_the_reader_crash(data: bytes, choice: st.DataObject) -> None:
    index, records = split(data)
    index = choice.draw(mutated_json(index))
    records = choice.draw(mutated_json(records))
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


def test_copy_that_does_not_fit_into_memory_is_refused(
    small_fixture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise MemoryError

    monkeypatch.setattr(mapping, "bytearray", refuse, raising=False)
    with pytest.raises(
        FormatError, match="cannot be read: it does not fit into memory"
    ):
        load_fixture(small_fixture, mode="copy")


def test_file_that_shrinks_while_it_is_opened_is_refused(
    small_fixture: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(small_fixture.read_bytes())

    def read_and_shrink(*arguments: Any, **options: Any) -> Any:
        index = parse_index(*arguments, **options)
        os.truncate(path, 4096)
        return index

    monkeypatch.setattr(loader, "parse_index", read_and_shrink)
    with pytest.raises(
        IntegrityError, match="expected 155928 bytes, but the file shrank"
    ):
        load_fixture(path)
