"""The container: a user block of JSON before HDF5, independent of the arrays' meaning.

Invariant: everything returned obeys the rules of DATA.md about the container, or an
error names the subject of the rule. This module does not import h5py, because libhdf5
is not hardened against hostile files.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, prod
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from bgb_fixtures.errors import FormatError, FormatVersionError, IntegrityError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping, Sequence

__all__ = [
    "AGAIN",
    "FORMAT_VERSION",
    "HDF5_SIGNATURE",
    "LINE_LENGTH",
    "MAGIC",
    "MAX_DOCUMENTS",
    "NAME",
    "PAGE",
    "TEXT",
    "ArrayEntry",
    "Buffer",
    "Head",
    "Layout",
    "array_gaps",
    "check_depth",
    "check_digest",
    "check_int",
    "check_keys",
    "check_number",
    "check_overlap",
    "check_text",
    "check_texts",
    "dump_json",
    "encode_line",
    "fail",
    "parse_entry",
    "parse_head",
    "parse_json",
]

MAGIC = b"BGBFIX"
"""First word of a fixture file."""
FORMAT_VERSION = 1
"""The version that this release reads and writes, one digit."""
PAGE = 4096
LINE_LENGTH = 96
MAX_DOCUMENTS = 16 * 2**20
# The smallest user block that holds the first line and the longest documents. This
# bounds what a reader searches, whatever sizes a file declares.
_MAX_USER_BLOCK = 2 * MAX_DOCUMENTS
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ITEMSIZE = {"<f4": 4, "|u1": 1}
AGAIN = "copy it again or rebuild it"
"""Advice for a file whose bytes have changed."""
_MAX_INT = 2**62
_MAX_DEPTH = 8

Buffer: TypeAlias = "bytes | bytearray | memoryview | mmap.mmap"


_LINE = re.compile(rb"([A-Z]{6}) (\d) (\d{10}) (\d{10}) ([0-9a-f]{64})\n")
_OTHER_LINE = re.compile(rb"([A-Z]{6}) (0|[1-9]\d{0,5})[ \n]")
_DIGEST = re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# Printable ASCII, which HDF5 columns can hold and terminals do not interpret.
TEXT = re.compile(r"[ -~]+")
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxlist = 12
_ENTRY_KEYS = frozenset(["dtype", "shape", "offset", "length", "sha256"])
_HEAD_KEYS = frozenset(
    ["format_version", "user_block", "file_size", "arrays", "rest_sha256"]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayEntry:
    """Position of an array: `offset` and `length` in bytes, `sha256` of these bytes."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The part of the index that is needed to map a file.

    The user block has `user_block` bytes, and the HDF5 part follows it. `rest_sha256` is
    the digest of the HDF5 bytes outside the arrays, `digest` the digest of both
    documents, and `records_span` the position `[start, stop)` of the records in bytes.
    """

    user_block: int
    file_size: int
    arrays: dict[str, ArrayEntry]
    rest_sha256: str
    digest: str
    records_span: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Content of the first line and the index, before the arrays are checked."""

    index: dict[str, Any]
    user_block: int
    file_size: int
    rest_sha256: str
    digest: str
    records_span: tuple[int, int]


def dump_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as canonical JSON: ASCII, sorted keys, no blanks."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode("ascii")


def encode_line(index: bytes, records: bytes) -> bytes:
    """Return the first line, 96 bytes: magic word, version, both lengths, digest."""
    digest = hashlib.sha256(index + records).hexdigest()
    return b"%s %d %010d %010d %s\n" % (
        MAGIC,
        FORMAT_VERSION,
        len(index),
        len(records),
        digest.encode(),
    )


def array_gaps(layout: Layout) -> list[tuple[int, int]]:
    """Return the spans `[start, stop)` in bytes of the HDF5 part outside the arrays."""
    gaps, position = [], layout.user_block
    for entry in sorted(layout.arrays.values(), key=lambda e: e.offset):
        if entry.offset > position:
            gaps.append((position, entry.offset))
        position = entry.offset + entry.length
    if position < layout.file_size:
        gaps.append((position, layout.file_size))
    return gaps


def _refuse_constant(text: str) -> NoReturn:
    msg = f"the number {text}"
    raise ValueError(msg)


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        _refuse_constant(text[:40])
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        msg = f"the key {_short.repr(twice)} twice"
        raise ValueError(msg)
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
)


def parse_json(text: bytes, *, where: str, what: str) -> dict[str, Any]:
    """Parse one JSON object strictly: ASCII, finite numbers, no duplicate keys."""
    try:
        value = _DECODER.decode(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        msg = f"{where}: {what}: expected a JSON object in ASCII, got {error}"
        raise FormatError(msg) from error
    if type(value) is not dict:
        msg = f"{where}: {what}: expected a JSON object, got {type(value).__name__}"
        raise FormatError(msg)
    return value


def fail(where: str, what: str, expected: str, got: object) -> NoReturn:
    """Raise a FormatError with the expected and the found value."""
    # Not repr(), because a hostile value can be too deep or too long for it.
    msg = f"{where}: {what}: expected {expected}, got {_short.repr(got)}"
    raise FormatError(msg)


def check_keys(
    value: object, expected: frozenset[str], *, where: str, what: str
) -> dict[str, Any]:
    """Return an object that has exactly these keys, or raise FormatError."""
    if type(value) is not dict:
        fail(where, what, "an object", value)
    if value.keys() != expected:
        missing = sorted(expected - value.keys())
        unknown = sorted(value.keys() - expected)
        msg = (
            f"{where}: {what}: missing keys {missing}, "
            f"unknown keys {_short.repr(unknown)}"
        )
        raise FormatError(msg)
    return value


def check_int(value: object, *, where: str, what: str, least: int = 0) -> int:
    """Return an integer in [least, 2^62), or raise FormatError."""
    if type(value) is not int or not least <= value < _MAX_INT:
        fail(where, what, f"an integer in [{least}, 2^62)", value)
    return value


def check_number(
    value: object, *, where: str, what: str, least: float = 0, most: float = 1e9
) -> float:
    """Return a number in [least, most], or raise FormatError."""
    if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
        fail(where, what, f"a number in [{least}, {most:g}]", value)
    return float(value)  # type: ignore[arg-type]


def check_text(
    value: object, *, where: str, what: str, pattern: re.Pattern[str] = TEXT
) -> str:
    """Return text that matches, or raise FormatError."""
    if type(value) is not str or not pattern.fullmatch(value):
        fail(where, what, f"text matching {pattern.pattern}", value)
    return value


def check_digest(value: object, *, where: str, what: str) -> str:
    """Return a SHA-256 as 64 hexadecimal digits, or raise FormatError."""
    if type(value) is not str or not _DIGEST.fullmatch(value):
        fail(where, what, "64 hexadecimal digits", value)
    return value


def check_texts(value: object, *, where: str, what: str) -> Sequence[str]:
    """Return a list of texts, or raise FormatError."""
    if type(value) is not list:
        fail(where, what, "a list of texts", value)
    for text in value:
        check_text(text, where=where, what=what)
    return value


def check_depth(value: object, *, where: str, what: str) -> None:
    """Raise FormatError if a value is nested deeper than 8 levels."""
    _check_levels(value, _MAX_DEPTH, where=where, what=what)


def _check_levels(value: object, levels: int, *, where: str, what: str) -> None:
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list:
        if levels == 0:
            msg = f"{where}: {what}: nested deeper than {_MAX_DEPTH} levels"
            raise FormatError(msg)
        for item in value:
            _check_levels(item, levels - 1, where=where, what=what)


def parse_entry(
    value: object,
    *,
    dtype: str,
    axes: Sequence[str],
    head: Head,
    where: str,
    what: str,
) -> ArrayEntry:
    """Parse an array entry: inside the file, aligned, as long as its shape needs."""
    entry = check_keys(value, _ENTRY_KEYS, where=where, what=what)
    shape, offset, length = entry["shape"], entry["offset"], entry["length"]
    if entry["dtype"] != dtype:
        fail(where, f"{what}, dtype", repr(dtype), entry["dtype"])
    _check_shape(shape, axes, where=where, what=f"{what}, shape")
    n_bytes = prod(shape) * _ITEMSIZE[dtype]
    if type(length) is not int or length != n_bytes:
        fail(where, f"{what}, length", f"{n_bytes} bytes for shape {shape}", length)
    if type(offset) is not int or offset % PAGE:
        fail(where, f"{what}, offset", f"a multiple of {PAGE}", offset)
    if offset < head.user_block or offset + length > head.file_size:
        fail(
            where,
            f"{what}, bytes",
            f"a place inside [{head.user_block}, {head.file_size})",
            f"[{offset}, {offset + length})",
        )
    return ArrayEntry(
        dtype=dtype,
        shape=tuple(shape),
        offset=offset,
        length=length,
        sha256=check_digest(entry["sha256"], where=where, what=f"{what}, sha256"),
    )


def _check_shape(shape: object, axes: Sequence[str], *, where: str, what: str) -> None:
    if type(shape) is not list or len(shape) != len(axes):
        fail(where, what, f"sizes for {', '.join(axes)}", shape)
    for axis, size in zip(axes, shape, strict=True):
        if type(size) is not int or not 0 < size < _MAX_INT:
            fail(where, what, f"{axis} of at least 1", size)


def check_overlap(arrays: Mapping[str, ArrayEntry], *, where: str) -> None:
    """Raise FormatError if two arrays share a byte."""
    spans = sorted((e.offset, e.offset + e.length, n) for n, e in arrays.items())
    for (_, stop, before), (start, _, name) in pairwise(spans):
        if start < stop:
            fail(
                where,
                f"index, array {name!r}",
                f"bytes after those of {before!r}, which end at {stop}",
                start,
            )


def _stranger(head: bytes, size: int, where: str) -> str:
    """Describe a file that is not a fixture, by its first bytes."""
    start = head.lstrip()[:64].lower()
    if head[:4] == b"PK\3\4" and head[30:41] == b"golden.json":
        return "it is a golden; show it with bgb-fixtures info"
    if size == 0:
        return "it is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page; download the file itself, not the page that shows it"
    if start.startswith(b"version https://git-lfs"):
        return "it is a git-lfs pointer; run 'git lfs pull' to get the file itself"
    if HDF5_SIGNATURE in head:
        return (
            "it is an HDF5 file, but not a fixture; build one with 'bgb-fixtures build'"
        )
    if start.startswith(b"0       ") or head.startswith(b"\xffBIOSEMI"):
        return (
            "it is an EDF or BDF recording; build a fixture from it: bgb-fixtures build"
        )
    if where.lower().endswith((".toml'", '.toml"')):
        return "if it is a spec, build it with bgb-fixtures build --spec"
    return "it begins neither like a fixture nor like an HDF5 file"


def _parse_line(buffer: Buffer, *, size: int, where: str) -> tuple[int, int, str]:
    match = _LINE.match(bytes(buffer[:LINE_LENGTH]))
    if match and match[1] == MAGIC and int(match[2]) == FORMAT_VERSION:
        return int(match[3]), int(match[4]), match[5].decode()
    head = bytes(buffer[:PAGE])
    version = _OTHER_LINE.match(head)
    if version and version[1] == MAGIC and int(version[2]) != FORMAT_VERSION:
        msg = (
            f"{where} has format version {int(version[2])}; this release reads "
            f"{FORMAT_VERSION}. Upgrade bgb-fixtures."
        )
        raise FormatVersionError(msg)
    if head.startswith(MAGIC):
        line = head.partition(b"\n")[0][:LINE_LENGTH]
        msg = f"{where}: the first line is invalid or truncated: {line!r}; {AGAIN}"
        raise FormatError(msg)
    msg = f"{where} is not a fixture: {_stranger(head, size, where)}"
    raise FormatError(msg)


def parse_head(buffer: Buffer, *, keys: frozenset[str], size: int, where: str) -> Head:
    """Read and check the first line, the index and the padding after the records."""
    n_index, n_records, digest = _parse_line(buffer, size=size, where=where)
    stop = LINE_LENGTH + n_index + n_records
    if n_index + n_records > MAX_DOCUMENTS:
        fail(
            where,
            "lengths in the first line",
            f"at most {MAX_DOCUMENTS} bytes together",
            n_index + n_records,
        )
    if stop > size:
        msg = (
            f"{where} is truncated (found {size} bytes, expected at least {stop} for "
            f"index and records); {AGAIN}"
        )
        raise IntegrityError(msg)
    documents = bytes(buffer[LINE_LENGTH:stop])
    obtained = hashlib.sha256(documents).hexdigest()
    if obtained != digest:
        msg = (
            f"{where}: index and records: expected SHA-256 {digest}, got {obtained}; "
            f"the file changed after it was written: {AGAIN}"
        )
        raise IntegrityError(msg)
    value = parse_json(documents[:n_index], where=where, what="index")
    check_keys(value, keys | _HEAD_KEYS, where=where, what="index")
    version = value["format_version"]
    if type(version) is not int or version != FORMAT_VERSION:
        fail(where, "index, format_version", str(FORMAT_VERSION), version)
    file_size = check_int(value["file_size"], where=where, what="index, file_size")
    if file_size != size:
        change = "truncated" if size < file_size else "longer than written"
        msg = f"{where} is {change}: expected {file_size} bytes, got {size}; {AGAIN}"
        raise IntegrityError(msg)
    user_block = check_int(value["user_block"], where=where, what="index, user_block")
    least, most = max(stop, PAGE), min(size, _MAX_USER_BLOCK + 1)
    if user_block & (user_block - 1) or not least <= user_block < most:
        fail(
            where,
            "index, user_block",
            f"a power of two in [{least}, {most})",
            user_block,
        )
    _check_user_block(buffer, start=stop, stop=user_block, where=where)
    return Head(
        index=value,
        user_block=user_block,
        file_size=file_size,
        rest_sha256=check_digest(
            value["rest_sha256"], where=where, what="index, rest_sha256"
        ),
        digest=digest,
        records_span=(LINE_LENGTH + n_index, stop),
    )


def _check_user_block(buffer: Buffer, *, start: int, stop: int, where: str) -> None:
    padding = bytes(buffer[start:stop])
    if padding != bytes(stop - start):
        place = len(padding) - len(padding.lstrip(b"\0"))
        msg = (
            f"{where}: byte {start + place}: expected zeros between records and HDF5 "
            f"part, got {padding[place : place + 1]!r}; the file changed after it was "
            f"written: {AGAIN}"
        )
        raise IntegrityError(msg)
    if bytes(buffer[stop : stop + 8]) != HDF5_SIGNATURE:
        msg = (
            f"{where}: byte {stop}: expected the HDF5 signature, got "
            f"{bytes(buffer[stop : stop + 8])!r}; {AGAIN}"
        )
        raise IntegrityError(msg)
