"""The file format, version 1: what DATA.md says, as code.

Invariant: what `parse_index` and `parse_records` return obeys every rule of DATA.md, or
an error names the rule's subject; nothing here imports h5py, as libhdf5 is not
hardened against hostile files.
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
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

from bgb_fixtures.errors import FormatError, FormatVersionError, IntegrityError
from bgb_fixtures.events import SZCORE_CODES, Event

if TYPE_CHECKING:
    import mmap
    from collections.abc import Mapping, Sequence

__all__ = [
    "ARRAYS",
    "CATEGORIES",
    "COLUMNS",
    "FORMAT_VERSION",
    "HDF5_SIGNATURE",
    "KINDS",
    "LINE_LENGTH",
    "MAGIC",
    "MAX_DOCUMENTS",
    "NUMBER_COLUMNS",
    "PAGE",
    "ArrayEntry",
    "Index",
    "Records",
    "WindowRecord",
    "array_gaps",
    "category_of",
    "dump_json",
    "encode_line",
    "event_to_json",
    "parse_index",
    "parse_records",
]

MAGIC = b"BGBFIX"
FORMAT_VERSION = 1
PAGE = 4096
LINE_LENGTH = 96
MAX_DOCUMENTS = 16 * 2**20
_MAX_INT = 2**62
_MAX_NUMBER = 1e9
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

Buffer: TypeAlias = "bytes | bytearray | memoryview | mmap.mmap"
Category = Literal["none", "partial", "full"]
CATEGORIES = ("none", "partial", "full")
KINDS = {
    # category -> the kinds that it can have
    "none": ("background", "artefact"),
    "partial": ("onset", "offset", "whole"),
    "full": ("ictal",),
}
ARRAYS = {
    # name -> (dtype, axes)
    "signals": ("<f4", ("n_windows", "n_channels", "n_times")),
    "labels": ("|u1", ("n_windows", "n_times")),
    "scale": ("<f4", ("n_windows", "n_channels")),
    "offset": ("<f4", ("n_windows", "n_channels")),
}
ITEMSIZE = {"<f4": 4, "|u1": 1}
COLUMNS = (
    "id",
    "category",
    "kind",
    "split",
    "subject",
    "recording",
    "onset",
    "n_clipped",
    "events",
)
NUMBER_COLUMNS = {"onset": "<f8", "n_clipped": "<i8"}
"""HDF5 columns that hold numbers, with their dtype; all others hold ASCII text."""
UNITS = ("uV", "1")
_LINE = re.compile(rb"BGBFIX 1 (\d{10}) (\d{10}) ([0-9a-f]{64})\n")
_OTHER_LINE = re.compile(rb"BGBFIX (0|[1-9]\d{0,5})[ \n]")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# Printable ASCII: HDF5 columns can hold it, and no terminal obeys it.
_TEXT = re.compile(r"[ -~]+")
_LINES = re.compile(r"[ -~\n]*")
_FIELDS = {
    # text field of a window -> pattern
    "id": _NAME,
    "category": _TEXT,
    "kind": _TEXT,
    "split": re.compile(r"[a-z0-9_]{1,16}"),
    "subject": re.compile(r"sub-[0-9]{2,9}"),
    "recording": re.compile(r"rec-[0-9]{2,9}"),
}
_MAX_DEPTH = 8
# Events lie on samples; binary fractions of a second miss them by far less than this.
_SAMPLE_TOLERANCE = 1e-3
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxlist = 12
_INDEX_KEYS = frozenset(
    [
        "format_version",
        "name",
        "content_version",
        "sfreq",
        "counts",
        "user_block",
        "file_size",
        "arrays",
        "rest_sha256",
    ]
)
_ENTRY_KEYS = frozenset(["dtype", "shape", "offset", "length", "sha256"])
_RECORDS_KEYS = frozenset(
    ["ch_names", "montage", "unit", "profile", "source", "licence", "spec", "windows"]
)
_LICENCE_KEYS = frozenset(["name", "url", "attribution", "redistributable", "changes"])
_PROFILE_KEYS = frozenset(("name", "steps"))
_ARRAY_NAMES = frozenset(ARRAYS)
_COUNT_KEYS = frozenset(CATEGORIES)
_WINDOW_KEYS = frozenset(COLUMNS)
_EVENT_KEYS = frozenset(["onset", "duration", "tusz", "szcore"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayEntry:
    """Say where an array lies in the file.

    Attributes
    ----------
    dtype : str
        ``"<f4"`` or ``"|u1"``.
    shape : tuple of int
        Sizes; the first is n_windows.
    offset, length : int
        Bytes from the start of the file; bytes of the array.
    sha256 : str
        Digest of these bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Hold the first document of a fixture: what is needed to map it.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        Which samples; rises when the same name gets other data.
    sfreq : float
        Sampling frequency in Hz.
    counts : dict of str to int
        Windows per category.
    user_block : int
        Size of the user block in bytes: where the HDF5 part begins.
    file_size : int
        Size of the file in bytes.
    arrays : dict of str to ArrayEntry
        The four arrays that are mapped.
    rest_sha256 : str
        Digest of the bytes behind the user block that belong to no array.
    digest : str
        Digest of both documents, as the first line states it.
    records_span : tuple of int
        Where the records lie, `[start, stop)` in bytes.
    """

    name: str
    content_version: int
    sfreq: float
    counts: dict[str, int]
    user_block: int
    file_size: int
    arrays: dict[str, ArrayEntry]
    rest_sha256: str
    digest: str
    records_span: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRecord:
    """Describe one window of a fixture.

    Attributes
    ----------
    id : str
        Unique in the fixture.
    category : str
        ``"none"``, ``"partial"`` or ``"full"``, by the share of ictal samples.
    kind : str
        ``"onset"``, ``"offset"``, ``"whole"``, ``"ictal"``, ``"background"`` or
        ``"artefact"``.
    split : str
        ``"train"`` or ``"dev"``, or what the corpus has.
    subject, recording : str
        Pseudonyms: ``"sub-01"``, ``"rec-01"``.
    onset : float
        Start of the window in seconds from the start of the recording.
    n_clipped : int
        Samples that the profile clipped, over all channels.
    events : tuple of Event
        The part of each seizure inside the window, in seconds from its start.
    """

    id: str
    category: str
    kind: str
    split: str
    subject: str
    recording: str
    onset: float
    n_clipped: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Hold the second document of a fixture: what its windows are.

    Attributes
    ----------
    ch_names : tuple of str
        Channel names in array order.
    montage : str
        Name of the montage.
    unit : str
        ``"uV"`` or ``"1"`` (dimensionless).
    profile : dict
        ``name`` of the processing profile and its ``steps`` in words.
    source : dict
        Name of the corpus or generator, and what identifies its state.
    licence : dict
        ``name``, ``url``, ``attribution``, ``redistributable``, ``changes``.
    spec : dict
        The request, without any path.
    windows : tuple of WindowRecord
        One per row of the arrays.
    """

    ch_names: tuple[str, ...]
    montage: str
    unit: str
    profile: dict[str, Any]
    source: dict[str, Any]
    licence: dict[str, Any]
    spec: dict[str, Any]
    windows: tuple[WindowRecord, ...]


def category_of(n_ictal: int, n_times: int) -> Category:
    """Return the category of a window, as the first consumer counts.

    Parameters
    ----------
    n_ictal : int
        Ictal samples in the window.
    n_times : int
        Samples in the window.

    Returns
    -------
    category : str
        ``"none"`` for no ictal sample, ``"full"`` for a share of 0.99 or more,
        ``"partial"`` between (brain-go-brr-v2, cache_utils.py).
    """
    if n_ictal == 0:
        return "none"
    return "full" if n_ictal / n_times >= 0.99 else "partial"


def dump_json(document: Mapping[str, Any]) -> bytes:
    """Return a document as the only JSON text that it can have here.

    Parameters
    ----------
    document : mapping
        JSON values; floats must be finite.

    Returns
    -------
    text : bytes
        ASCII, keys sorted, no blanks.
    """
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode("ascii")


def encode_line(index: bytes, records: bytes) -> bytes:
    """Return the first line of a fixture.

    Parameters
    ----------
    index, records : bytes
        Both documents.

    Returns
    -------
    line : bytes, length 96
        Magic word, format version, both lengths, digest of both, line feed.
    """
    digest = hashlib.sha256(index + records).hexdigest()
    return b"%s %d %010d %010d %s\n" % (
        MAGIC,
        FORMAT_VERSION,
        len(index),
        len(records),
        digest.encode(),
    )


def event_to_json(event: Event) -> dict[str, object]:
    """Return an event as the records and the `events` column hold it.

    Parameters
    ----------
    event : Event
        Relative to the window.

    Returns
    -------
    value : dict
        ``onset``, ``duration``, ``tusz``, ``szcore``.
    """
    return {
        "onset": event.onset,
        "duration": event.duration,
        "tusz": event.label,
        "szcore": event.szcore,
    }


def array_gaps(index: Index) -> list[tuple[int, int]]:
    """Return the byte spans behind the user block that belong to no array.

    Parameters
    ----------
    index : Index
        A checked index.

    Returns
    -------
    gaps : list of tuple of int
        `[start, stop)` in bytes, in file order, none empty.
    """
    gaps, position = [], index.user_block
    for entry in sorted(index.arrays.values(), key=lambda e: e.offset):
        if entry.offset > position:
            gaps.append((position, entry.offset))
        position = entry.offset + entry.length
    if position < index.file_size:
        gaps.append((position, index.file_size))
    return gaps


def _stranger(head: bytes, size: int) -> str:
    """Say what a file is that is not a fixture."""
    start = head.lstrip()[:64].lower()
    if size == 0:
        return "it is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page; download the file itself, not the page that shows it"
    if start.startswith(b"version https://git-lfs"):
        return "it is a git-lfs pointer; run 'git lfs pull' to get the file itself"
    if HDF5_SIGNATURE in head:
        return (
            "it is an HDF5 file, but not one of ours; build one with "
            "'bgb-fixtures build'"
        )
    if start.startswith(b"0       ") or head.startswith(b"\xffBIOSEMI"):
        return "it is an EDF or BDF recording; make a fixture of it: bgb-fixtures build"
    return f"it begins with {bytes(head[:16])!r}"


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


def _parse_json(text: bytes, *, where: str, what: str) -> dict[str, Any]:
    try:
        value = _DECODER.decode(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        msg = f"{where}: {what}: expected a JSON object in ASCII, got {error}"
        raise FormatError(msg) from error
    if type(value) is not dict:
        msg = f"{where}: {what}: expected a JSON object, got {type(value).__name__}"
        raise FormatError(msg)
    return value


def _check_keys(
    value: object, expected: frozenset[str], *, where: str, what: str
) -> dict[str, Any]:
    if type(value) is not dict:
        _fail(where, what, "an object", value)
    if value.keys() != expected:
        missing = sorted(expected - value.keys())
        unknown = sorted(value.keys() - expected)
        msg = (
            f"{where}: {what}: missing keys {missing}, "
            f"unknown keys {_short.repr(unknown)}"
        )
        raise FormatError(msg)
    return value


def _fail(where: str, what: str, expected: str, got: object) -> NoReturn:
    # Not repr(): a hostile value can be too deep or too long for it.
    msg = f"{where}: {what}: expected {expected}, got {_short.repr(got)}"
    raise FormatError(msg)


def _check_int(value: object, *, where: str, what: str, least: int = 0) -> int:
    if type(value) is not int or not least <= value < _MAX_INT:
        _fail(where, what, f"an integer in [{least}, 2^62)", value)
    return value


def _check_number(value: object, *, where: str, what: str, least: float = 0) -> float:
    if type(value) not in (int, float) or not least <= value <= _MAX_NUMBER:  # type: ignore[operator]
        _fail(where, what, f"a number in [{least}, {_MAX_NUMBER:g}]", value)
    return float(value)  # type: ignore[arg-type]


def _check_text(
    value: object, *, where: str, what: str, pattern: re.Pattern[str] = _TEXT
) -> str:
    if type(value) is not str or not pattern.fullmatch(value):
        _fail(where, what, f"text matching {pattern.pattern}", value)
    return value


def _check_depth(value: object, *, levels: int, where: str, what: str) -> None:
    if type(value) is dict:
        value = list(value.values())
    if type(value) is list:
        if levels == 0:
            msg = f"{where}: {what}: nested deeper than {_MAX_DEPTH} levels"
            raise FormatError(msg)
        for item in value:
            _check_depth(item, levels=levels - 1, where=where, what=what)


def _parse_arrays(
    value: object, *, user_block: int, file_size: int, where: str
) -> dict[str, ArrayEntry]:
    entries = _check_keys(value, _ARRAY_NAMES, where=where, what="index, arrays")
    arrays: dict[str, ArrayEntry] = {}
    sizes: dict[str, int] = {}
    for name, (dtype, axes) in ARRAYS.items():
        what = f"index, array {name!r}"
        entry = _check_keys(entries[name], _ENTRY_KEYS, where=where, what=what)
        shape, offset, length = entry["shape"], entry["offset"], entry["length"]
        sha256 = entry["sha256"]
        if entry["dtype"] != dtype:
            _fail(where, f"{what}, dtype", repr(dtype), entry["dtype"])
        if type(shape) is not list or len(shape) != len(axes):
            _fail(where, f"{what}, shape", f"sizes for {', '.join(axes)}", shape)
        for axis, size in zip(axes, shape, strict=True):
            if type(size) is not int or not 0 < size < _MAX_INT:
                _fail(where, f"{what}, shape", f"{axis} of at least 1", size)
            if sizes.setdefault(axis, size) != size:
                _fail(
                    where,
                    f"{what}, shape",
                    f"{axis} = {sizes[axis]}, as for 'signals'",
                    shape,
                )
        n_bytes = prod(shape) * ITEMSIZE[dtype]
        if type(length) is not int or length != n_bytes:
            _fail(
                where, f"{what}, length", f"{n_bytes} bytes for shape {shape}", length
            )
        if type(offset) is not int or offset % PAGE:
            _fail(where, f"{what}, offset", f"a multiple of {PAGE}", offset)
        if offset < user_block or offset + length > file_size:
            _fail(
                where,
                f"{what}, bytes",
                f"a place inside [{user_block}, {file_size})",
                f"[{offset}, {offset + length})",
            )
        if type(sha256) is not str or not _DIGEST.fullmatch(sha256):
            _fail(where, f"{what}, sha256", "64 hexadecimal digits", sha256)
        arrays[name] = ArrayEntry(
            dtype=dtype,
            shape=tuple(shape),
            offset=offset,
            length=length,
            sha256=sha256,
        )
    _check_overlap(arrays, where=where)
    return arrays


def _check_overlap(arrays: dict[str, ArrayEntry], *, where: str) -> None:
    spans = sorted((e.offset, e.offset + e.length, n) for n, e in arrays.items())
    for (_, stop, before), (start, _, name) in pairwise(spans):
        if start < stop:
            _fail(
                where,
                f"index, array {name!r}",
                f"bytes behind those of {before!r}, which end at {stop}",
                start,
            )


def _parse_line(buffer: Buffer, *, size: int, where: str) -> tuple[int, int, str]:
    match = _LINE.match(bytes(buffer[:LINE_LENGTH]))
    if match is not None:
        return int(match[1]), int(match[2]), match[3].decode()
    head = bytes(buffer[:PAGE])
    version = _OTHER_LINE.match(head)
    if version and int(version[1]) != FORMAT_VERSION:
        _refuse_version(int(version[1]), where=where)
    if head.startswith(MAGIC):
        line = head.partition(b"\n")[0][:LINE_LENGTH]
        msg = (
            f"{where}: the first line is not that of a fixture, or is cut off: "
            f"{line!r}; build or download the file again"
        )
        raise FormatError(msg)
    msg = f"{where} is not a fixture: {_stranger(head, size)}"
    raise FormatError(msg)


def _refuse_version(version: int, *, where: str) -> NoReturn:
    msg = (
        f"{where} has format version {version}; this release reads "
        f"{FORMAT_VERSION}. Upgrade bgb-fixtures."
    )
    raise FormatVersionError(msg)


def parse_index(buffer: Buffer, *, size: int, where: str) -> Index:
    """Read and check the first line and the index of a fixture.

    Parameters
    ----------
    buffer : bytes-like
        The file from its first byte; slices must give bytes.
    size : int
        Size of the file in bytes.
    where : str
        The file, for messages.

    Returns
    -------
    index : Index
        Every statement about the layout is checked against `size`.

    Raises
    ------
    FormatError
        If the file is not a fixture or breaks a rule of the format.
    FormatVersionError
        If its format version is another one.
    IntegrityError
        If the documents do not have their digest, or the file not its size.
    """
    n_index, n_records, digest = _parse_line(buffer, size=size, where=where)
    stop = LINE_LENGTH + n_index + n_records
    if n_index + n_records > MAX_DOCUMENTS:
        _fail(
            where,
            "lengths in the first line",
            f"at most {MAX_DOCUMENTS} bytes together",
            n_index + n_records,
        )
    if stop > size:
        msg = (
            f"{where} is truncated: {size} bytes, and its index and records alone "
            f"need {stop}; copy or build it again"
        )
        raise IntegrityError(msg)
    documents = bytes(buffer[LINE_LENGTH:stop])
    obtained = hashlib.sha256(documents).hexdigest()
    if obtained != digest:
        msg = (
            f"{where}: index and records: expected SHA-256 {digest}, got {obtained}; "
            "the file changed after it was written: copy or build it again"
        )
        raise IntegrityError(msg)
    value = _parse_json(documents[:n_index], where=where, what="index")
    _check_keys(value, _INDEX_KEYS, where=where, what="index")
    if type(value["format_version"]) is not int or (
        value["format_version"] != FORMAT_VERSION
    ):
        _fail(
            where, "index, format_version", str(FORMAT_VERSION), value["format_version"]
        )
    file_size = _check_int(value["file_size"], where=where, what="index, file_size")
    if file_size != size:
        change = "truncated" if size < file_size else "longer than written"
        msg = (
            f"{where} is {change}: expected {file_size} bytes, got {size}; "
            "copy or build it again"
        )
        raise IntegrityError(msg)
    user_block = _check_int(value["user_block"], where=where, what="index, user_block")
    if user_block & (user_block - 1) or not max(stop, PAGE) <= user_block < size:
        _fail(
            where,
            "index, user_block",
            f"a power of two in [{max(stop, PAGE)}, {size})",
            user_block,
        )
    _check_user_block(buffer, start=stop, stop=user_block, where=where)
    arrays = _parse_arrays(
        value["arrays"], user_block=user_block, file_size=size, where=where
    )
    counts = _check_keys(
        value["counts"], _COUNT_KEYS, where=where, what="index, counts"
    )
    for category in CATEGORIES:
        _check_int(counts[category], where=where, what="index, counts")
    n_windows = arrays["signals"].shape[0]
    if sum(counts.values()) != n_windows:
        _fail(where, "index, counts", f"{n_windows} windows in all", counts)
    if counts["partial"] + counts["full"] == 0:
        _fail(where, "index, counts", "at least one window with a seizure", counts)
    sfreq = _check_number(value["sfreq"], where=where, what="index, sfreq", least=1e-3)
    version = _check_int(
        value["content_version"], where=where, what="index, content_version", least=1
    )
    return Index(
        name=_check_text(value["name"], where=where, what="index, name", pattern=_NAME),
        content_version=version,
        sfreq=sfreq,
        counts=counts,
        user_block=user_block,
        file_size=file_size,
        arrays=arrays,
        rest_sha256=_check_text(
            value["rest_sha256"],
            where=where,
            what="index, rest_sha256",
            pattern=_DIGEST,
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
            "written: copy or build it again"
        )
        raise IntegrityError(msg)
    if bytes(buffer[stop : stop + 8]) != HDF5_SIGNATURE:
        msg = (
            f"{where}: byte {stop}: expected the HDF5 signature, got "
            f"{bytes(buffer[stop : stop + 8])!r}; copy or build the file again"
        )
        raise IntegrityError(msg)


def _parse_event(value: object, *, index: Index, where: str, what: str) -> Event:
    event = _check_keys(value, _EVENT_KEYS, where=where, what=what)
    code = event["tusz"]
    if type(code) is not str or SZCORE_CODES.get(code, "") != event["szcore"]:
        _fail(where, what, "a TUSZ code and its SzCORE code", [code, event["szcore"]])
    onset = _check_number(event["onset"], where=where, what=f"{what}, onset")
    duration = _check_number(event["duration"], where=where, what=f"{what}, duration")
    start, n_ictal = onset * index.sfreq, duration * index.sfreq
    n_times = index.arrays["signals"].shape[2]
    if max(_off_sample(start), _off_sample(n_ictal)) > _SAMPLE_TOLERANCE:
        _fail(
            where,
            what,
            f"onset and duration of whole samples at {index.sfreq:g} Hz",
            [onset, duration],
        )
    if round(n_ictal) < 1 or round(start) + round(n_ictal) > n_times:
        _fail(
            where,
            what,
            f"at least one sample inside [0, {n_times / index.sfreq:g}] s",
            [onset, duration],
        )
    return Event(onset=onset, duration=duration, label=code)


def _off_sample(samples: float) -> float:
    return abs(samples - round(samples))


def _parse_window(
    value: object, *, index: Index, where: str, what: str
) -> WindowRecord:
    window = _check_keys(value, _WINDOW_KEYS, where=where, what=what)
    texts = {
        key: _check_text(
            window[key], where=where, what=f"{what}, {key}", pattern=pattern
        )
        for key, pattern in _FIELDS.items()
    }
    if texts["kind"] not in KINDS.get(texts["category"], ()):
        _fail(
            where,
            what,
            f"a category and a kind of {KINDS}",
            [texts["category"], texts["kind"]],
        )
    if type(window["events"]) is not list:
        _fail(where, f"{what}, events", "a list", window["events"])
    return WindowRecord(
        **texts,
        onset=_check_number(window["onset"], where=where, what=f"{what}, onset"),
        n_clipped=_check_int(
            window["n_clipped"], where=where, what=f"{what}, n_clipped"
        ),
        events=tuple(
            _parse_event(event, index=index, where=where, what=f"{what}, events[{i}]")
            for i, event in enumerate(window["events"])
        ),
    )


def _check_texts(value: object, *, where: str, what: str) -> Sequence[str]:
    if type(value) is not list:
        _fail(where, what, "a list of texts", value)
    for text in value:
        _check_text(text, where=where, what=what)
    return value


def parse_records(buffer: Buffer, index: Index, *, where: str) -> Records:
    """Read and check the records of a fixture.

    Parameters
    ----------
    buffer : bytes-like
        The file from its first byte.
    index : Index
        Its checked index; the digest of the records was checked with it.
    where : str
        The file, for messages.

    Returns
    -------
    records : Records
        One window record per row of the arrays.

    Raises
    ------
    FormatError
        If the records break a rule of the format or disagree with the index.
    """
    start, stop = index.records_span
    value = _parse_json(bytes(buffer[start:stop]), where=where, what="records")
    _check_keys(value, _RECORDS_KEYS, where=where, what="records")
    n_windows, n_channels, _ = index.arrays["signals"].shape
    ch_names = _check_texts(value["ch_names"], where=where, what="records, ch_names")
    if len(ch_names) != n_channels or len(set(ch_names)) != n_channels:
        _fail(where, "records, ch_names", f"{n_channels} different names", ch_names)
    if value["unit"] not in UNITS:
        _fail(where, "records, unit", f"one of {UNITS}", value["unit"])
    for key in ("source", "spec"):
        if type(value[key]) is not dict:
            _fail(where, f"records, {key}", "an object", value[key])
        _check_depth(value[key], levels=_MAX_DEPTH, where=where, what=f"records, {key}")
    _check_text(value["source"].get("name"), where=where, what="records, source, name")
    profile = _check_keys(
        value["profile"], _PROFILE_KEYS, where=where, what="records, profile"
    )
    _check_text(profile["name"], where=where, what="records, profile, name")
    _check_texts(profile["steps"], where=where, what="records, profile, steps")
    licence = _check_keys(
        value["licence"], _LICENCE_KEYS, where=where, what="records, licence"
    )
    _check_text(licence["name"], where=where, what="records, licence, name")
    for key in ("url", "attribution", "changes"):
        _check_text(
            licence[key], where=where, what=f"records, licence, {key}", pattern=_LINES
        )
    if type(licence["redistributable"]) is not bool:
        _fail(
            where,
            "records, licence, redistributable",
            "true or false",
            licence["redistributable"],
        )
    windows = value["windows"]
    if type(windows) is not list or len(windows) != n_windows:
        _fail(
            where,
            "records, windows",
            f"a list of {n_windows}",
            len(windows) if type(windows) is list else windows,
        )
    parsed = tuple(
        _parse_window(window, index=index, where=where, what=f"records, windows[{i}]")
        for i, window in enumerate(windows)
    )
    if len({window.id for window in parsed}) != n_windows:
        _fail(where, "records, windows", "different ids", [w.id for w in parsed])
    counts = {c: sum(w.category == c for w in parsed) for c in CATEGORIES}
    if counts != index.counts:
        _fail(
            where, "records, windows", f"categories as counted {index.counts}", counts
        )
    return Records(
        ch_names=tuple(ch_names),
        montage=_check_text(value["montage"], where=where, what="records, montage"),
        unit=value["unit"],
        profile=profile,
        source=value["source"],
        licence=licence,
        spec=value["spec"],
        windows=parsed,
    )
