"""The rules of the container, each at its edge."""

from __future__ import annotations

from typing import Any

import pytest

from bgb_fixtures.errors import FormatError
from bgb_fixtures.format.layout import (
    HDF5_SIGNATURE,
    ArrayEntry,
    Head,
    Layout,
    array_gaps,
    check_depth,
    check_digest,
    check_number,
    check_overlap,
    dump_json,
    encode_line,
    parse_entry,
    parse_head,
    parse_json,
)

DIGEST = "0" * 64


def make_entry(offset: int, length: int) -> ArrayEntry:
    return ArrayEntry(
        dtype="|u1", shape=(length,), offset=offset, length=length, sha256=DIGEST
    )


def make_layout(*, file_size: int, **arrays: ArrayEntry) -> Layout:
    return Layout(
        user_block=4096,
        file_size=file_size,
        arrays=arrays,
        rest_sha256=DIGEST,
        digest=DIGEST,
        records_span=(100, 200),
    )


# Where arrays lie


@pytest.mark.parametrize(
    ("file_size", "gaps"),
    [
        pytest.param(12288, [(4196, 8192)], id="array-at-the-end"),
        pytest.param(12300, [(4196, 8192), (12288, 12300)], id="bytes-behind-it"),
    ],
)
def test_gaps_are_what_no_array_holds(
    file_size: int, gaps: list[tuple[int, int]]
) -> None:
    arrays = {"late": make_entry(8192, 4096), "early": make_entry(4096, 100)}
    assert array_gaps(make_layout(file_size=file_size, **arrays)) == gaps


def test_arrays_that_touch_do_not_overlap() -> None:
    arrays = {"late": make_entry(8192, 8), "early": make_entry(4096, 4096)}
    check_overlap(arrays, where="'it'")


def test_arrays_that_share_a_byte_overlap() -> None:
    arrays = {"late": make_entry(8192, 8), "early": make_entry(4096, 4097)}
    message = "^'it': index, array 'late': expected bytes after those of 'early', which"
    with pytest.raises(FormatError, match=message):
        check_overlap(arrays, where="'it'")


HEAD = Head(
    index={},
    user_block=8192,
    file_size=12289,
    rest_sha256=DIGEST,
    digest=DIGEST,
    records_span=(100, 200),
)


def parse_any(
    shape: Any, length: int, offset: Any, dtype: Any = "|u1", *, expected: str = "|u1"
) -> ArrayEntry:
    value = {
        "dtype": dtype,
        "shape": shape,
        "offset": offset,
        "length": length,
        "sha256": DIGEST,
    }
    axes = ("n_windows", "n_times")[: len(shape)]
    return parse_entry(
        value, dtype=expected, axes=axes, head=HEAD, where="'it'", what="array"
    )


@pytest.mark.parametrize(
    ("shape", "length", "offset"),
    [
        pytest.param([4097], 4097, 8192, id="to-the-last-byte"),
        pytest.param([1], 1, 12288, id="the-last-byte"),
        pytest.param([1, 1], 1, 8192, id="two-axes"),
    ],
)
def test_array_at_an_edge_is_taken(shape: list[int], length: int, offset: int) -> None:
    entry = parse_any(shape, length, offset)
    assert (entry.shape, entry.length) == (tuple(shape), length)
    assert (entry.offset, entry.sha256) == (offset, DIGEST)


@pytest.mark.parametrize(
    ("shape", "length", "offset", "message"),
    [
        pytest.param([4098], 4098, 8192, r"a place inside \[8192, 12289\)", id="end"),
        pytest.param([1], 1, 4096, r"a place inside \[8192, 12289\)", id="before"),
        pytest.param([1], 1, 8193, "a multiple of 4096, got 8193", id="misaligned"),
        pytest.param([1], 1, True, "a multiple of 4096, got True", id="true"),
        pytest.param("12", 2, 8192, "sizes for n_windows, n_times", id="text"),
        pytest.param([1] * 3, 1, 8192, "sizes for n_windows, n_times", id="3-axes"),
        pytest.param([-1, -1], 1, 8192, "n_windows of at least 1, got -1", id="below"),
        pytest.param([0], 0, 8192, "n_windows of at least 1, got 0", id="no-value"),
        pytest.param([True], 1, 8192, "n_windows of at least 1, got True", id="bool"),
        pytest.param([1, 2**62], 1, 8192, "n_times of at least 1, got 46", id="huge"),
        pytest.param([2], 1, 8192, r"2 bytes for shape \[2\], got 1", id="length"),
    ],
)
def test_array_beyond_an_edge_is_refused(
    shape: Any, length: int, offset: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=rf"^'it': array, .*{message}"):
        parse_any(shape, length, offset)


def test_length_counts_bytes_and_not_values() -> None:
    assert parse_any([1024], 4096, 8192, "<f4", expected="<f4").length == 4096


@pytest.mark.parametrize("dtype", ["|u1", "<f8", ["<f4"], None])
def test_another_dtype_is_refused(dtype: object) -> None:
    with pytest.raises(FormatError, match=r"^'it': array, dtype: expected '<f4', got"):
        parse_any([512], 2048, 8192, dtype, expected="<f4")


def test_the_largest_user_block_is_read() -> None:
    index = {
        "format_version": 1,
        "user_block": 33554432,
        "file_size": 33554440,
        "arrays": {},
        "rest_sha256": DIGEST,
    }
    text = dump_json(index)
    data = (encode_line(text, b"{}") + text + b"{}").ljust(33554432, b"\0")
    data += HDF5_SIGNATURE
    head = parse_head(data, keys=frozenset(), size=33554440, where="'it'")
    assert head.user_block == 33554432
    assert head.index == index


# Values


def test_a_document_has_one_text() -> None:
    document = {"b": [1, 2.5, True], "a": {"\xe4": None}}
    assert dump_json(document) == b'{"a":{"\\u00e4":null},"b":[1,2.5,true]}'


def test_a_number_that_is_not_finite_has_no_text() -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        dump_json({"a": float("nan")})


def test_the_first_line_states_lengths_and_digest() -> None:
    # SHA-256 of b"abc" (FIPS 180-2, appendix B.1).
    assert encode_line(b"ab", b"c") == (
        b"BGBFIX 1 0000000002 0000000001 "
        b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
    )


def test_the_key_that_comes_twice_is_named() -> None:
    with pytest.raises(FormatError, match=r"^'it': index: .* got the key 'b' twice"):
        parse_json(b'{"a": 1, "b": 2, "c": 3, "b": 4}', where="'it'", what="index")


def test_a_number_too_long_for_a_message_is_cut() -> None:
    text = b'{"a": 1' + b"0" * 400 + b".0}"
    with pytest.raises(FormatError, match=r"the number 1(0{39})$"):
        parse_json(text, where="'it'", what="index")


def test_numbers_on_their_bounds_are_numbers() -> None:
    assert check_number(0, where="'it'", what="onset") == 0.0
    assert type(check_number(1, where="'it'", what="onset")) is float


@pytest.mark.parametrize(
    "digest",
    ["0" * 63, "0" * 65, "A" * 64, "g" * 64, None],
    ids=["short", "long", "upper-case", "no-digit", "null"],
)
def test_a_digest_has_64_lower_case_digits(digest: object) -> None:
    with pytest.raises(FormatError, match=r"^'it': sha: expected 64 hexadecimal"):
        check_digest(digest, where="'it'", what="sha")


def nested(levels: int, value: object) -> object:
    for _ in range(levels):
        value = [{"x": value}]
    return value


def test_eight_levels_of_lists_and_objects_are_not_too_deep() -> None:
    check_depth(nested(4, 1), where="'it'", what="spec")


def test_nine_levels_are_too_deep_wherever_they_are() -> None:
    value = {"flat": 1, "deep": nested(4, [])}
    with pytest.raises(FormatError, match=r"^'it': spec: nested deeper than 8 levels"):
        check_depth(value, where="'it'", what="spec")
