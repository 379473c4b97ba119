"""The fixture format, version 1: the rules of DATA.md on top of the container.

Invariant: the results of `parse_index` and `parse_records` obey every rule of DATA.md,
or an error names the subject of the rule.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bgb_fixtures.eeg.events import SZCORE_CODES, Event
from bgb_fixtures.eeg.kinds import CATEGORIES, KINDS
from bgb_fixtures.format.layout import (
    FORMAT_VERSION,
    NAME,
    TEXT,
    ArrayEntry,
    Buffer,
    Head,
    Layout,
    check_depth,
    check_int,
    check_keys,
    check_number,
    check_overlap,
    check_text,
    check_texts,
    dump_json,
    fail,
    parse_entry,
    parse_head,
    parse_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ARRAYS",
    "COLUMNS",
    "FORMAT_VERSION",
    "NUMBER_COLUMNS",
    "Index",
    "Records",
    "WindowRecord",
    "adapted_digest",
    "event_to_json",
    "parse_events",
    "parse_index",
    "parse_records",
]

ARRAYS = {
    # name -> (dtype, axes)
    "signals": ("<f4", ("n_windows", "n_channels", "n_times")),
    "labels": ("|u1", ("n_windows", "n_times")),
    "scale": ("<f4", ("n_windows", "n_channels")),
    "offset": ("<f4", ("n_windows", "n_channels")),
}
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
_LINES = re.compile(r"[ -~\n]*")
_FIELDS = {
    # text field of a window -> pattern
    "id": NAME,
    "category": TEXT,
    "kind": TEXT,
    "split": re.compile(r"[a-z0-9_]{1,16}"),
    "subject": re.compile(r"sub-[0-9]{2,9}"),
    "recording": re.compile(r"rec-[0-9]{2,9}"),
}
# Events lie on samples; the rounding of seconds to binary floats is far below this.
_SAMPLE_TOLERANCE = 1e-3
_INDEX_KEYS = frozenset(["name", "content_version", "sfreq", "counts"])
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
class Index(Layout):
    """The first document of a fixture, which is needed to map it.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        Version of the samples; increased when a fixture of this name gets other data.
    sfreq : float
        Sampling frequency in Hz.
    counts : dict of str to int
        Windows per category.
    """

    name: str
    content_version: int
    sfreq: float
    counts: dict[str, int]


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
        ``"train"``, ``"dev"`` or another split of the corpus.
    subject, recording : str
        Pseudonyms: ``"sub-01"``, ``"rec-01"``.
    onset : float
        Start of the window in seconds from the start of the recording.
    n_clipped : int
        Number of samples that the profile clipped, over all channels.
    events : tuple of Event
        The part of each seizure inside the window, in seconds from the window start.
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
    """The second document of a fixture, which describes its windows.

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
        Name of the corpus or generator, with the details that identify its state.
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

    @property
    def is_synthetic(self) -> bool:
        """Whether the EEG comes from the generator, or from files that it wrote."""
        return self.source["name"] == "synthetic" or "synthetic" in self.source


def adapted_digest(spec: dict[str, Any], windows: Iterable[WindowRecord]) -> str:
    """Return the SHA-256 of an adapted fixture's spec and window ids.

    It is the same in memory and in a file with these windows. Hashing the arrays would
    take longer than adapting them.
    """
    made_of = {"spec": spec, "windows": [window.id for window in windows]}
    return hashlib.sha256(dump_json(made_of)).hexdigest()


def event_to_json(event: Event) -> dict[str, object]:
    """Return an event as a JSON value for the records and the `events` column.

    Parameters
    ----------
    event : Event
        Event with its onset relative to the window.

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


def _parse_arrays(head: Head, *, where: str) -> dict[str, ArrayEntry]:
    entries = check_keys(
        head.index["arrays"], _ARRAY_NAMES, where=where, what="index, arrays"
    )
    arrays: dict[str, ArrayEntry] = {}
    sizes: dict[str, int] = {}
    for name, (dtype, axes) in ARRAYS.items():
        what = f"index, array {name!r}"
        entry = parse_entry(
            entries[name],
            dtype=dtype,
            axes=axes,
            head=head,
            where=where,
            what=what,
        )
        for axis, size in zip(axes, entry.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                fail(
                    where,
                    f"{what}, shape",
                    f"{axis} = {sizes[axis]}, as for 'signals'",
                    entry.shape,
                )
        arrays[name] = entry
    check_overlap(arrays, where=where)
    return arrays


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
        Its positions are checked against `size`.

    Raises
    ------
    FormatError
        If the file is not a fixture or breaks a rule of the format.
    FormatVersionError
        If its format version is not supported.
    IntegrityError
        If the documents do not match their digest, or the file does not have its size.
    """
    head = parse_head(buffer, keys=_INDEX_KEYS, size=size, where=where)
    value = head.index
    arrays = _parse_arrays(head, where=where)
    counts = check_keys(value["counts"], _COUNT_KEYS, where=where, what="index, counts")
    for category in CATEGORIES:
        check_int(counts[category], where=where, what="index, counts")
    n_windows = arrays["signals"].shape[0]
    if sum(counts.values()) != n_windows:
        fail(where, "index, counts", f"{n_windows} windows in all", counts)
    if counts["partial"] + counts["full"] == 0:
        fail(where, "index, counts", "at least one window with a seizure", counts)
    sfreq = check_number(value["sfreq"], where=where, what="index, sfreq", least=1e-3)
    version = check_int(
        value["content_version"], where=where, what="index, content_version", least=1
    )
    return Index(
        name=check_text(value["name"], where=where, what="index, name", pattern=NAME),
        content_version=version,
        sfreq=sfreq,
        counts=counts,
        user_block=head.user_block,
        file_size=head.file_size,
        arrays=arrays,
        rest_sha256=head.rest_sha256,
        digest=head.digest,
        records_span=head.records_span,
    )


def _parse_event(value: object, *, index: Index, where: str, what: str) -> Event:
    event = check_keys(value, _EVENT_KEYS, where=where, what=what)
    code = event["tusz"]
    known = type(code) is str and code in SZCORE_CODES
    if not known or SZCORE_CODES[code] != event["szcore"]:
        fail(where, what, "a TUSZ code and its SzCORE code", [code, event["szcore"]])
    onset = check_number(event["onset"], where=where, what=f"{what}, onset")
    duration = check_number(event["duration"], where=where, what=f"{what}, duration")
    start, n_ictal = onset * index.sfreq, duration * index.sfreq
    n_times = index.arrays["signals"].shape[2]
    if max(_off_sample(start), _off_sample(n_ictal)) > _SAMPLE_TOLERANCE:
        fail(
            where,
            what,
            f"onset and duration of whole samples at {index.sfreq:g} Hz",
            [onset, duration],
        )
    if round(n_ictal) < 1 or round(start) + round(n_ictal) > n_times:
        fail(
            where,
            what,
            f"at least one sample inside [0, {n_times / index.sfreq:g}] s",
            [onset, duration],
        )
    return Event(onset=onset, duration=duration, label=code)


def parse_events(
    value: object, *, index: Index, where: str, what: str
) -> tuple[Event, ...]:
    """Read and check the events of a window.

    Parameters
    ----------
    value : object
        Parsed JSON.
    index : Index
        Index whose sampling frequency and window length bound the events.
    where, what : str
        The file and the place in it, for messages.

    Returns
    -------
    events : tuple of Event
        As listed.

    Raises
    ------
    FormatError
        If an event breaks a rule of the format.
    """
    if type(value) is not list:
        fail(where, what, "a list", value)
    return tuple(
        _parse_event(event, index=index, where=where, what=f"{what}[{i}]")
        for i, event in enumerate(value)
    )


def _off_sample(samples: float) -> float:
    return abs(samples - round(samples))


def _parse_window(
    value: object, *, index: Index, where: str, what: str
) -> WindowRecord:
    window = check_keys(value, _WINDOW_KEYS, where=where, what=what)
    texts = {
        key: check_text(
            window[key], where=where, what=f"{what}, {key}", pattern=pattern
        )
        for key, pattern in _FIELDS.items()
    }
    if texts["kind"] not in KINDS.get(texts["category"], ()):
        fail(
            where,
            what,
            f"a category and a kind of {KINDS}",
            [texts["category"], texts["kind"]],
        )
    return WindowRecord(
        **texts,
        onset=check_number(window["onset"], where=where, what=f"{what}, onset"),
        n_clipped=check_int(
            window["n_clipped"], where=where, what=f"{what}, n_clipped"
        ),
        events=parse_events(
            window["events"], index=index, where=where, what=f"{what}, events"
        ),
    )


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
    value = parse_json(bytes(buffer[start:stop]), where=where, what="records")
    check_keys(value, _RECORDS_KEYS, where=where, what="records")
    n_windows, n_channels, _ = index.arrays["signals"].shape
    ch_names = check_texts(value["ch_names"], where=where, what="records, ch_names")
    if len(ch_names) != n_channels or len(set(ch_names)) != n_channels:
        fail(where, "records, ch_names", f"{n_channels} different names", ch_names)
    if value["unit"] not in UNITS:
        fail(where, "records, unit", f"one of {UNITS}", value["unit"])
    for key in ("source", "spec"):
        if type(value[key]) is not dict:
            fail(where, f"records, {key}", "an object", value[key])
        check_depth(value[key], where=where, what=f"records, {key}")
    check_text(value["source"].get("name"), where=where, what="records, source, name")
    profile = check_keys(
        value["profile"], _PROFILE_KEYS, where=where, what="records, profile"
    )
    check_text(profile["name"], where=where, what="records, profile, name")
    check_texts(profile["steps"], where=where, what="records, profile, steps")
    licence = check_keys(
        value["licence"], _LICENCE_KEYS, where=where, what="records, licence"
    )
    check_text(licence["name"], where=where, what="records, licence, name")
    for key in ("url", "attribution", "changes"):
        check_text(
            licence[key], where=where, what=f"records, licence, {key}", pattern=_LINES
        )
    if type(licence["redistributable"]) is not bool:
        fail(
            where,
            "records, licence, redistributable",
            "true or false",
            licence["redistributable"],
        )
    windows = value["windows"]
    if type(windows) is not list or len(windows) != n_windows:
        fail(
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
        fail(where, "records, windows", "different ids", [w.id for w in parsed])
    counts = {c: sum(w.category == c for w in parsed) for c in CATEGORIES}
    if counts != index.counts:
        fail(where, "records, windows", f"categories as counted {index.counts}", counts)
    return Records(
        ch_names=tuple(ch_names),
        montage=check_text(value["montage"], where=where, what="records, montage"),
        unit=value["unit"],
        profile=profile,
        source=value["source"],
        licence=licence,
        spec=value["spec"],
        windows=parsed,
    )
