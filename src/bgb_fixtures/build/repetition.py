"""The same fixture once more: what it was made of, found in another copy of the corpus.

Invariant: what is made by a plan is made of the same bytes, or not made.
"""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from bgb_fixtures.build.listed import (
    Place,
    assign_splits,
    place_windows,
    read_headers,
)
from bgb_fixtures.build.plan import check_profile, check_rates
from bgb_fixtures.build.process import number_names
from bgb_fixtures.build.saved import (
    Outcome,
    Piece,
    SavedPlan,
    SavedRecording,
    SavedWindow,
)
from bgb_fixtures.eeg.events import merge_spans
from bgb_fixtures.errors import FormatError, IntegrityError, SourceError
from bgb_fixtures.format.layout import dump_json, parse_json
from bgb_fixtures.format.records import ARRAYS, parse_index
from bgb_fixtures.request.spec import bare_spec, spec_to_json, window_samples

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from bgb_fixtures.build.plan import Plan
    from bgb_fixtures.corpora.corpus import CorpusSource
    from bgb_fixtures.edf.byte_source import ByteSource
    from bgb_fixtures.fixture import Fixture

__all__ = [
    "check_covered",
    "check_outcome",
    "is_exact",
    "list_differences",
    "make_plan",
    "repeat_plan",
]

LEAST_PIECE = 4096
"""Bytes of records in a piece, if there are so many. Of a header alone the digest would
tell a name to who guesses it; of two thousand samples there is nothing to guess."""
_CHUNK = 16 * 2**20
_EXACT = ("raw-1", "zscore-1")
"""Profiles whose values do not depend on the version of a library."""
_MAY_DIFFER = ("signals", "scale", "offset")
"""Arrays in which filtered data may differ by a grid step."""
_MOST_WINDOWS = 3
_ANOTHER = (
    "Another version of the corpus? Fetch the file again, or build without the plan"
)


def make_plan(
    plan: Plan, source: CorpusSource, fixture: str | os.PathLike[str]
) -> SavedPlan:
    """Say what a fixture was made of.

    Parameters
    ----------
    plan : Plan
        What was chosen.
    source : CorpusSource
        From which it was read; it knows which bytes.
    fixture : str or path
        What came out.

    Returns
    -------
    saved : SavedPlan
        To be saved.

    Raises
    ------
    SourceError
        If a file cannot be read once more.
    """
    n_times = window_samples(plan.spec, plan.sfreq)
    names = sorted({window.recording.name for window in plan.windows})
    return SavedPlan(
        spec=bare_spec(plan.spec),
        sfreq=plan.sfreq,
        recordings=tuple(_describe(source, name) for name in names),
        windows=tuple(
            SavedWindow(
                recording=window.recording.name,
                start=window.start,
                stop=window.start + n_times,
                kind=window.kind,
            )
            for window in plan.windows
        ),
        fixture=_read_outcome(Path(fixture)),
    )


def _describe(source: CorpusSource, name: str) -> SavedRecording:
    groups = _group(source.bytes_read(name))
    file = source.open_file(name)
    try:
        return SavedRecording(
            name=name,
            size=file.size,
            annotations=source.annotation_digests(name),
            pieces=tuple(
                Piece(ranges=ranges, sha256=_digest(file, ranges)) for ranges in groups
            ),
        )
    finally:
        file.close()


def _group(ranges: Sequence[tuple[int, int]]) -> list[tuple[tuple[int, int], ...]]:
    """Put ranges together that get one digest; the first begins with the header."""
    groups: list[tuple[tuple[int, int], ...]] = []
    group = ranges[:1]
    held = 0
    for start, stop in ranges[1:]:
        group = (*group, (start, stop))
        held += stop - start
        if held >= LEAST_PIECE:
            groups.append(tuple(group))
            group, held = (), 0
    if group and groups:
        groups[-1] += tuple(group)
    elif group:
        groups.append(tuple(group))
    return groups


def _digest(file: ByteSource, ranges: Sequence[tuple[int, int]]) -> str:
    digest = hashlib.sha256()
    for first, last in ranges:
        for start in range(first, last, _CHUNK):
            digest.update(file.read(start, min(start + _CHUNK, last)))
    return digest.hexdigest()


def _read_outcome(path: Path) -> Outcome:
    where = repr(str(path))
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer,
    ):
        index = parse_index(buffer, size=len(buffer), where=where)
        start, stop = index.records_span
        records = parse_json(buffer[start:stop], where=where, what="records")
    for window in records["windows"]:
        # Of filtered data one sample more or less may exceed the limit.
        window.pop("n_clipped", None)
    return Outcome(
        digest=index.digest,
        records=hashlib.sha256(dump_json(records)).hexdigest(),
        arrays={name: entry.sha256 for name, entry in index.arrays.items()},
    )


def repeat_plan(
    saved: SavedPlan,
    source: CorpusSource,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Find what a plan was made of in another copy of the corpus.

    Parameters
    ----------
    saved : SavedPlan
        The plan.
    source : CorpusSource
        The copy.
    progress : callable or None
        Called with (recordings done, recordings in all), once for the annotations, once
        for the bytes and once for the headers.

    Returns
    -------
    plan : Plan
        The same windows; every byte that the plan knows was compared.

    Raises
    ------
    SourceError
        If a recording is missing or not the same.
    FormatError
        If the plan says of a window what the annotations do not.
    """
    spec = saved.spec
    check_profile(spec)
    expected = {
        file_name: digest
        for recording in saved.recordings
        for file_name, digest in recording.annotations.items()
    }
    names = [recording.name for recording in saved.recordings]
    found = source.named_recordings(names, sha256=expected, progress=progress)
    for done, recording in enumerate(saved.recordings, 1):
        _check_recording(recording, source)
        if progress is not None:
            progress(done, len(names))
    recordings = assign_splits(spec, found)
    by_name = {recording.name: recording for recording in recordings}
    headers = read_headers(spec, source, recordings, progress=progress)
    check_rates(spec, headers, sfreq=saved.sfreq)
    places = [
        Place(
            recording=by_name[window.recording],
            start=window.start,
            where=f"the plan, windows[{i}] of {window.recording!r}",
        )
        for i, window in enumerate(saved.windows)
    ]
    plan = place_windows(spec, places, headers, sfreq=saved.sfreq)
    for place, asked, got in zip(places, saved.windows, plan.windows, strict=True):
        if asked.kind != got.kind:
            msg = (
                f"{place.where}: it says {asked.kind!r}, and the annotations, which are "
                f"those of the plan, {got.kind!r}; the plan was changed by hand"
            )
            raise FormatError(msg)
    return plan


def _check_recording(recording: SavedRecording, source: CorpusSource) -> None:
    """Compare the files of one recording with what the plan knows of them."""
    there = source.annotation_digests(recording.name)
    if there.keys() != recording.annotations.keys():
        told = [", ".join(sorted(names)) for names in (recording.annotations, there)]
        msg = (
            f"recording {recording.name!r}: the plan was made with the annotation files "
            f"{told[0]}; here are {told[1]}. {_ANOTHER}"
        )
        raise SourceError(msg)
    file = source.open_file(recording.name)
    try:
        if file.size != recording.size:
            msg = (
                f"{file.name!r}: expected {recording.size} bytes, as in the plan, got "
                f"{file.size}. {_ANOTHER}"
            )
            raise SourceError(msg)
        for piece in recording.pieces:
            obtained = _digest(file, piece.ranges)
            if obtained != piece.sha256:
                spans = " and ".join(f"{start}-{stop}" for start, stop in piece.ranges)
                msg = (
                    f"{file.name!r}, bytes {spans}: expected SHA-256 {piece.sha256}, as "
                    f"in the plan, got {obtained}. {_ANOTHER}"
                )
                raise SourceError(msg)
    finally:
        file.close()


def check_covered(saved: SavedPlan, source: CorpusSource) -> None:
    """Check that every byte that was read is one that a plan knows.

    Parameters
    ----------
    saved : SavedPlan
        The plan.
    source : CorpusSource
        From which all windows were read.

    Raises
    ------
    FormatError
        If another byte was read: nothing says that it is the right one.
    """
    for recording in saved.recordings:
        known = merge_spans(span for piece in recording.pieces for span in piece.ranges)
        for start, stop in source.bytes_read(recording.name):
            if not any(first <= start and stop <= last for first, last in known):
                msg = (
                    f"the plan has no SHA-256 of all of the bytes {start}-{stop} of "
                    f"{recording.name!r}, which its windows need; was it changed by "
                    "hand, or saved by another release of bgb-fixtures?"
                )
                raise FormatError(msg)


def is_exact(plan: Plan) -> bool:
    """Say whether the same recordings give the same bytes with any library.

    Parameters
    ----------
    plan : Plan
        What is read, and how.

    Returns
    -------
    exact : bool
        False if samples are filtered, resampled or interpolated.
    """
    return (
        plan.spec.profile in _EXACT
        and plan.spec.band_pass is None
        and not plan.interpolated
        and all(header.sfreq == plan.sfreq for header in plan.headers.values())
    )


def check_outcome(saved: SavedPlan, fixture: Path, *, exact: bool) -> tuple[str, ...]:
    """Compare a new fixture with the one that a plan was saved of.

    Parameters
    ----------
    saved : SavedPlan
        The plan.
    fixture : pathlib.Path
        The new file.
    exact : bool
        Whether no sample may differ.

    Returns
    -------
    differing : tuple of str
        Arrays with other values, where they may.

    Raises
    ------
    IntegrityError
        If it is not the same where it has to be.
    """
    expected, got = saved.fixture, _read_outcome(fixture)
    differing = tuple(
        name for name in ARRAYS if expected.arrays[name] != got.arrays[name]
    )
    wrong = [name for name in differing if exact or name not in _MAY_DIFFER]
    if wrong:
        name = wrong[0]
        msg = (
            f"{str(fixture)!r} would not be the fixture of the plan: array {name!r}: "
            f"expected SHA-256 {expected.arrays[name]}, got {got.arrays[name]}, and all "
            "bytes that the plan knows are the same; was it changed by hand?"
        )
        raise IntegrityError(msg)
    pairs = [("records", expected.records, got.records)]
    if exact:
        pairs.append(("index and records", expected.digest, got.digest))
    for what, wanted, obtained in pairs:
        if wanted != obtained:
            msg = (
                f"{str(fixture)!r} would not be the fixture of the plan: {what}: "
                f"expected SHA-256 {wanted}, got {obtained}, and arrays and bytes that "
                "the plan knows are the same; was it changed by hand, or saved by "
                "another release of bgb-fixtures?"
            )
            raise IntegrityError(msg)
    return differing


def list_differences(saved: SavedPlan, fixture: Fixture) -> tuple[str, ...]:
    """Say in what a fixture is not the one that a plan was saved of.

    Parameters
    ----------
    saved : SavedPlan
        The plan.
    fixture : Fixture
        The whole of a file.

    Returns
    -------
    differences : tuple of str
        One line each; empty if it is the same to the last byte.
    """
    return tuple(_iter_differences(saved, fixture))


def _iter_differences(saved: SavedPlan, fixture: Fixture) -> Iterator[str]:
    names = number_names([recording.name for recording in saved.recordings], "rec")
    asked = spec_to_json(bare_spec(saved.spec, names))
    stored = fixture.records.spec
    for key in sorted(asked.keys() | stored.keys()):
        if asked.get(key) != stored.get(key):
            yield f"spec, {key}: plan {asked.get(key)!r}, fixture {stored.get(key)!r}"
    if saved.sfreq != fixture.sfreq:
        yield f"sfreq: plan {saved.sfreq:g} Hz, fixture {fixture.sfreq:g} Hz"
    planned = [
        (names[window.recording], window.start / saved.sfreq, window.kind)
        for window in saved.windows
    ]
    held = [(w.recording, w.onset, w.kind) for w in fixture.windows]
    if len(planned) != len(held):
        yield f"windows: plan {len(planned)}, fixture {len(held)}"
    elif planned != held:
        wrong = [i for i, pair in enumerate(planned) if pair != held[i]]
        for i in wrong[:_MOST_WINDOWS]:
            told = [
                f"{kind} in {name} at {at:g} s"
                for name, at, kind in (planned[i], held[i])
            ]
            yield f"windows[{i}]: plan {told[0]}, fixture {told[1]}"
        if len(wrong) > _MOST_WINDOWS:
            yield f"windows: {len(wrong) - _MOST_WINDOWS} more of {len(held)} differ"
    got = _read_outcome(fixture.path)
    for name in ARRAYS:
        expected, obtained = saved.fixture.arrays[name], got.arrays[name]
        if expected != obtained:
            yield f"array {name!r}: plan SHA-256 {expected}, fixture {obtained}"
    if saved.fixture.records != got.records:
        yield (f"records: plan SHA-256 {saved.fixture.records}, fixture {got.records}")
    if saved.fixture.digest != got.digest:
        yield f"digest: plan {saved.fixture.digest}, fixture {got.digest}"
