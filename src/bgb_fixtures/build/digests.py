"""Digests of the bytes a fixture was built from, to rebuild it or report differences.

Invariant: a spec with digests holds names, positions and digests, but no sample or
annotation; a fixture is built from it with the same bytes, or not at all.
"""

from __future__ import annotations

import hashlib
import mmap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.build.read import number_names
from bgb_fixtures.corpora.find import annotation_digests
from bgb_fixtures.edf.source import HashedSource
from bgb_fixtures.eeg.events import sample_to_seconds
from bgb_fixtures.errors import IntegrityError, SourceError
from bgb_fixtures.format.layout import dump_json, parse_json
from bgb_fixtures.format.records import ARRAYS, parse_index
from bgb_fixtures.request.recorded import (
    Criteria,
    ListedRecording,
    Listing,
    Outcome,
    ReadBytes,
    bare_request,
)
from bgb_fixtures.request.spec import spec_to_json

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from bgb_fixtures.build.select import Selection
    from bgb_fixtures.corpora.corpus import Corpus
    from bgb_fixtures.corpora.opened import OpenRecording
    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.request.recorded import RecordedRequest

__all__ = [
    "Digests",
    "check_outcome",
    "is_exact",
    "list_differences",
    "read_outcome",
    "saved_request",
]

_EXACT = ("raw-1", "zscore-1")
"""Profiles whose values do not depend on library versions."""
_MAY_DIFFER = ("signals", "scale", "offset")
"""Arrays in which filtered data may differ by a grid step."""
_MOST_WINDOWS = 3
_ADVICE = (
    "Is it another version of the corpus? Fetch the file again, or build without the "
    "digests"
)


class Digests:
    """Digests of the bytes that windows are read from: compared, or recorded.

    They are compared if the listing has digests, and recorded for saving if `wanted`.
    """

    def __init__(self, request: RecordedRequest, *, wanted: bool) -> None:
        selection = request.selection
        listed = selection.recordings if isinstance(selection, Listing) else ()
        self._expected = {r.name: r for r in listed if r.size is not None or r.read}
        self._whole = request.profile.whole
        self._wanted = wanted
        self.found: dict[str, ListedRecording] = {}

    @property
    def needs_whole_digests(self) -> bool:
        """Whether the SHA-256 of whole files is needed."""
        return self._whole and (self._wanted or bool(self._expected))

    def begin(self, opened: OpenRecording) -> None:
        """Prepare to read the windows of a recording."""
        expected = self._expected.get(opened.recording.name)
        source = opened.edf.source
        if expected is not None and expected.size not in (None, source.size):
            msg = (
                f"{source.name!r}: expected {expected.size} bytes as in the spec, found "
                f"{source.size}. {_ADVICE}"
            )
            raise SourceError(msg)
        if self._whole:
            return
        if expected is not None and expected.read:
            parts = {(part.start, part.stop): part.sha256 for part in expected.read}
            opened.edf.record_digests(parts)
        elif self._wanted:
            opened.edf.record_digests()

    def end(self, opened: OpenRecording) -> None:
        """Compare or record the digests of the bytes read since `begin`."""
        name = opened.recording.name
        source = opened.edf.source
        expected = self._expected.get(name)
        if self.needs_whole_digests and isinstance(source, HashedSource):
            digests = {(0, source.size): source.sha256()}
            if expected is not None and expected.read:
                _check_whole(source, expected)
        else:
            digests = opened.edf.digests
        for part in () if expected is None else expected.read:
            if (part.start, part.stop) not in digests:
                msg = (
                    f"{source.name!r}, bytes {part.start}-{part.stop}: the spec has their "
                    "SHA-256, but no window needs them. Was it edited? Save it again, or "
                    "build without the digests"
                )
                raise SourceError(msg)
        read = tuple(
            ReadBytes(start=start, stop=stop, sha256=digest)
            for (start, stop), digest in digests.items()
        )
        self.found[name] = ListedRecording(
            name=name, windows=(), size=source.size, read=read
        )


def _check_whole(source: HashedSource, expected: ListedRecording) -> None:
    digests = {(part.start, part.stop): part.sha256 for part in expected.read}
    wanted = digests.get((0, source.size))
    if wanted is None:
        msg = (
            f"{source.name!r}: the spec has no SHA-256 of the whole file, which its "
            "profile needs. Was it edited? Save it again, or build without the digests"
        )
        raise SourceError(msg)
    if wanted != source.sha256():
        msg = (
            f"{source.name!r}: expected SHA-256 {wanted} as in the spec, found "
            f"{source.sha256()}. {_ADVICE}"
        )
        raise SourceError(msg)


def saved_request(
    selection: Selection, corpus: Corpus, digests: Digests, fixture: Path
) -> RecordedRequest:
    """Return a request that lists the windows and digests a fixture was built from."""
    request = selection.request
    old = request.selection
    listed = {r.name: r for r in old.recordings} if isinstance(old, Listing) else {}
    starts: dict[str, list[float]] = {}
    for window in selection.windows:
        seconds = sample_to_seconds(window.start, selection.sfreq)
        starts.setdefault(window.recording.name, []).append(seconds)
    recordings = tuple(
        replace(
            digests.found[name],
            windows=listed[name].windows if name in listed else tuple(windows),
            split=listed[name].split if name in listed else None,
        )
        for name, windows in starts.items()
    )
    of_annotations = annotation_digests(corpus, selection.chosen)
    return replace(
        request,
        selection=Listing(
            recordings=recordings,
            sha256=tuple(sorted(of_annotations.items())),
            chosen=old if isinstance(old, Criteria) else old.chosen,
            fixture=read_outcome(fixture),
        ),
    )


def read_outcome(path: str | os.PathLike[str]) -> Outcome:
    """Return the digests of a fixture file."""
    where = repr(str(path))
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer,
    ):
        index = parse_index(buffer, size=len(buffer), where=where)
        start, stop = index.records_span
        records = parse_json(buffer[start:stop], where=where, what="records")
    for window in records["windows"]:
        # In filtered data, one sample more or less may exceed the limit.
        window.pop("n_clipped", None)
    return Outcome(
        digest=index.digest,
        records=hashlib.sha256(dump_json(records)).hexdigest(),
        arrays={name: entry.sha256 for name, entry in index.arrays.items()},
    )


def is_exact(selection: Selection) -> bool:
    """Say whether any version of SciPy builds the same bytes from these recordings."""
    return (
        selection.request.profile.name in _EXACT
        and selection.request.band_pass is None
        and not selection.interpolated
        and all(h.sfreq == selection.sfreq for h in selection.headers.values())
    )


def check_outcome(
    expected: Outcome, fixture: Path, *, target: Path, exact: bool
) -> tuple[str, ...]:
    """Compare a new fixture with the digests of a spec; return the arrays that differ.

    IntegrityError if the labels or records differ, or, if `exact`, anything at all.
    """
    got = read_outcome(fixture)
    differing = tuple(n for n in ARRAYS if expected.arrays[n] != got.arrays[n])
    pairs = [
        (f"array {name!r}", expected.arrays[name], got.arrays[name])
        for name in differing
        if exact or name not in _MAY_DIFFER
    ]
    pairs.append(("records", expected.records, got.records))
    if exact:
        pairs.append(("index and records", expected.digest, got.digest))
    for what, wanted, obtained in pairs:
        if wanted != obtained:
            msg = (
                f"{str(target)!r} would not be the fixture of the spec: {what}: expected "
                f"SHA-256 {wanted}, found {obtained}, although all bytes that the spec "
                "has digests of are the same. Was the spec edited, or saved by another "
                "release of bgb-fixtures?"
            )
            raise IntegrityError(msg)
    return differing


def list_differences(request: RecordedRequest, fixture: Fixture) -> tuple[str, ...]:
    """Return the differences between a fixture and a saved spec, one line each."""
    return tuple(_iter_differences(request, fixture))


def _iter_differences(request: RecordedRequest, fixture: Fixture) -> Iterator[str]:
    listing = request.selection
    if not isinstance(listing, Listing) or listing.fixture is None:
        msg = "expected a spec with [[recordings]] and [fixture]"
        raise TypeError(msg)
    names = number_names([r.name for r in listing.recordings], "rec")
    asked = spec_to_json(bare_request(request, names))
    stored = fixture.records.spec
    for key in sorted(asked.keys() | stored.keys()):
        if asked.get(key) != stored.get(key):
            yield (
                f"spec, {key}: expected {asked.get(key)!r}, found {stored.get(key)!r}"
            )
    if request.rate not in (None, fixture.sfreq):
        yield f"sfreq: expected {request.rate:g} Hz, found {fixture.sfreq:g} Hz"
    expected = [
        (names[recording.name], onset)
        for recording in listing.recordings
        for onset in recording.windows
    ]
    held = [
        (w.recording, sample_to_seconds(round(w.onset * fixture.sfreq), fixture.sfreq))
        for w in fixture.windows
    ]
    if len(expected) != len(held):
        yield f"windows: expected {len(expected)}, found {len(held)}"
    elif expected != held:
        wrong = [i for i, pair in enumerate(expected) if pair != held[i]]
        for i in wrong[:_MOST_WINDOWS]:
            (name, at), (other, there) = expected[i], held[i]
            yield (
                f"windows[{i}]: expected {name} at {at:g} s, found {other} at {there:g} s"
            )
        if len(wrong) > _MOST_WINDOWS:
            yield f"windows: {len(wrong) - _MOST_WINDOWS} more of {len(held)} differ"
    got = read_outcome(fixture.path)
    for name in ARRAYS:
        wanted, obtained = listing.fixture.arrays[name], got.arrays[name]
        if wanted != obtained:
            yield f"array {name!r}: expected SHA-256 {wanted}, found {obtained}"
    if listing.fixture.records != got.records:
        yield (
            f"records: expected SHA-256 {listing.fixture.records}, found {got.records}"
        )
    if listing.fixture.digest != got.digest:
        yield f"digest: expected {listing.fixture.digest}, found {got.digest}"
