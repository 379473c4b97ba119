"""A saved plan: what a fixture was made of, so that others can make it of their copy.

Invariant: a plan holds names, places and digests, and neither a sample nor an annotation.
What is made by it is made of the same bytes, or not made.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.builder.listed import (
    Place,
    assign_splits,
    place_windows,
    read_headers,
)
from bgb_fixtures.builder.plan import check_profile, check_rates, fixed_sfreq
from bgb_fixtures.builder.process import number_names
from bgb_fixtures.container import (
    MAX_DOCUMENTS,
    Kind,
    check_digest,
    check_int,
    check_keys,
    check_number,
    dump_json,
    fail,
    parse_json,
)
from bgb_fixtures.errors import (
    FixtureNotFoundError,
    FormatError,
    FormatVersionError,
    IntegrityError,
    SourceError,
    TargetError,
)
from bgb_fixtures.events import merge_spans
from bgb_fixtures.h5 import ARRAYS, parse_index
from bgb_fixtures.spec import (
    SELECTABLE_KINDS,
    FixtureSpec,
    bare_spec,
    is_source_name,
    parse_spec,
    spec_to_json,
    window_samples,
)
from bgb_fixtures.staging import new_file
from bgb_fixtures.storing import check_target

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from bgb_fixtures.builder.plan import Plan
    from bgb_fixtures.builder.sources.byte_source import ByteSource
    from bgb_fixtures.builder.sources.corpus import CorpusSource
    from bgb_fixtures.loader import Fixture

__all__ = [
    "PLAN_VERSION",
    "Outcome",
    "Piece",
    "SavedPlan",
    "SavedRecording",
    "SavedWindow",
    "check_covered",
    "check_outcome",
    "check_plan",
    "check_plan_target",
    "is_exact",
    "list_differences",
    "load_plan",
    "make_plan",
    "plan_to_bytes",
    "repeat_plan",
    "save_plan",
]

PLAN_VERSION = 1
_PLAN = Kind(
    # As every plan begins: its keys are sorted.
    magic=b'{\n "fixture": {\n',
    version=PLAN_VERSION,
    noun="plan",
    make="save one with 'bgb-fixtures build --save-plan FILE'",
    use="build from it: bgb-fixtures build --plan FILE --root PATH",
)
LEAST_PIECE = 4096
"""Bytes of records in a piece, if there are so many. Of a header alone the digest would
tell a name to who guesses it; of two thousand samples there is nothing to guess."""
_CHUNK = 16 * 2**20
_EXACT = ("raw-1", "zscore-1")
"""Profiles whose values do not depend on the version of a library."""
_MAY_DIFFER = ("signals", "scale", "offset")
"""Arrays in which filtered data may differ by a grid step."""
_MOST_WINDOWS = 3
_KEYS = frozenset(["plan_version", "spec", "sfreq", "recordings", "windows", "fixture"])
_RECORDING_KEYS = frozenset(["name", "size", "annotations", "pieces"])
_PIECE_KEYS = frozenset(["ranges", "sha256"])
_WINDOW_KEYS = frozenset(["recording", "start", "stop", "kind"])
_FIXTURE_KEYS = frozenset(["digest", "records", "arrays"])
_ARRAY_NAMES = frozenset(ARRAYS)
_ANOTHER = (
    "Another version of the corpus? Fetch the file again, or build without the plan"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Hold the digest of bytes of a file.

    Attributes
    ----------
    ranges : tuple of tuple of int
        `[start, stop)`, in order.
    sha256 : str
        Of their bytes, one range after the other.
    """

    ranges: tuple[tuple[int, int], ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRecording:
    """Say which recording was used, and which of its bytes.

    Attributes
    ----------
    name : str
        As the source names it.
    size : int
        Bytes of its file in all.
    annotations : dict of str to str
        SHA-256 of each annotation file, by its name.
    pieces : tuple of Piece
        The bytes that were read: header and records.
    """

    name: str
    size: int
    annotations: dict[str, str]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedWindow:
    """Say where a window lies.

    Attributes
    ----------
    recording : str
        As the source names it.
    start, stop : int
        Samples `[start, stop)` at the rate of the fixture.
    kind : str
        One of `SELECTABLE_KINDS`.
    """

    recording: str
    start: int
    stop: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Hold what identifies a fixture.

    Attributes
    ----------
    digest : str
        As `verify` states it: of index and records, which hold those of all else.
    records : str
        SHA-256 of the records, but for the numbers of clipped samples.
    arrays : dict of str to str
        SHA-256 of each array, by name.
    """

    digest: str
    records: str
    arrays: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """Hold everything that is needed to make a fixture again, but for the corpus.

    Attributes
    ----------
    spec : FixtureSpec
        The request, without what it only checks.
    sfreq : float
        Sampling frequency of the fixture in Hz.
    recordings : tuple of SavedRecording
        Those used, in order of their names.
    windows : tuple of SavedWindow
        In the order of the fixture.
    fixture : Outcome
        What came out.
    """

    spec: FixtureSpec
    sfreq: float
    recordings: tuple[SavedRecording, ...]
    windows: tuple[SavedWindow, ...]
    fixture: Outcome


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


def plan_to_bytes(saved: SavedPlan) -> bytes:
    """Return a plan as its file holds it.

    Parameters
    ----------
    saved : SavedPlan
        The plan.

    Returns
    -------
    raw : bytes
        JSON in ASCII, keys sorted: the same plan gives the same bytes.
    """
    # Fields are named as the keys of the file.
    value = asdict(saved) | {
        "plan_version": PLAN_VERSION,
        "spec": spec_to_json(saved.spec),
    }
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
    return text.encode("ascii") + b"\n"


def check_plan_target(
    path: str | os.PathLike[str], *, beside: str | os.PathLike[str]
) -> None:
    """Check that a plan may be written there, before the work begins.

    Parameters
    ----------
    path : str or path
        The file; an older plan there may be replaced.
    beside : str or path
        The file of the fixture, which has to be another one.

    Raises
    ------
    TargetError
        If it is no name for a file, its folder is missing, or another file is there.
    """
    target, other = (Path(p).parent.resolve() / Path(p).name for p in (path, beside))
    if target == other:
        msg = f"{str(path)!r}: fixture and plan need a file each; choose another name"
        raise TargetError(msg)
    check_target(Path(path), _PLAN)


def check_plan(saved: SavedPlan, path: str | os.PathLike[str]) -> None:
    """Check that `load_plan` would take a plan, before anything is written.

    Parameters
    ----------
    saved : SavedPlan
        The plan.
    path : str or path
        Its file, for messages.

    Raises
    ------
    FormatError
        If it would refuse it, as for a name with a line feed, or too many windows.
    """
    _parse_file(plan_to_bytes(saved), where=f"plan {str(path)!r}")


def save_plan(saved: SavedPlan, path: str | os.PathLike[str]) -> Path:
    """Write a plan.

    Parameters
    ----------
    saved : SavedPlan
        The plan.
    path : str or path
        Target; an older plan there is replaced, any other file is not.

    Returns
    -------
    path : pathlib.Path
        The target.

    Raises
    ------
    TargetError
        If it cannot be written; what was there is then as it was before.
    FormatError
        If `load_plan` would refuse it, as for a name with a line feed.
    """
    target = Path(path)
    check_target(target, _PLAN)
    check_plan(saved, path)
    with new_file(target) as draft:
        draft.write_bytes(plan_to_bytes(saved))
    return target


def load_plan(path: str | os.PathLike[str]) -> SavedPlan:
    """Read a plan, and believe nothing of it that is not checked.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    saved : SavedPlan
        A plan that can be tried.

    Raises
    ------
    FixtureNotFoundError
        If there is no such file.
    FormatVersionError
        If another release wrote it.
    FormatError
        If it is no plan, or contradicts itself.
    SpecError
        If its spec is not allowed.
    """
    where = f"plan {str(path)!r}"
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_DOCUMENTS + 1)
    except (FileNotFoundError, ValueError) as error:
        # ValueError: a NUL in the name.
        msg = f"{where}: there is no such file"
        raise FixtureNotFoundError(msg) from error
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
        raise FormatError(msg) from error
    return _parse_file(raw, where=where)


def _parse_file(raw: bytes, *, where: str) -> SavedPlan:
    if len(raw) > MAX_DOCUMENTS:
        fail(where, "the file", f"at most {MAX_DOCUMENTS} bytes", "more")
    value = parse_json(raw, where=where, what="the file")
    version = value.get("plan_version")
    if type(version) is int and version != PLAN_VERSION:
        msg = (
            f"{where} has version {version}; this release reads {PLAN_VERSION}. Upgrade "
            "bgb-fixtures, or have the plan saved again"
        )
        raise FormatVersionError(msg)
    check_keys(value, _KEYS, where=where, what="the file")
    if type(version) is not int:
        fail(where, "plan_version", str(PLAN_VERSION), version)
    spec = _parse_spec(value["spec"], where=where)
    sfreq = check_number(value["sfreq"], where=where, what="sfreq", least=1, most=20000)
    if fixed_sfreq(spec) not in (None, sfreq):
        fail(where, "sfreq", f"{fixed_sfreq(spec)!r} Hz, as the spec asks", sfreq)
    recordings = tuple(
        _parse_recording(item, where=where, what=f"recordings[{i}]")
        for i, item in enumerate(_list(value["recordings"], where, "recordings"))
    )
    names = [recording.name for recording in recordings]
    if names != sorted(set(names)):
        fail(where, "recordings", "different names in order", names)
    _check_shared(recordings, where=where)
    n_times = window_samples(spec, sfreq)
    windows = tuple(
        _parse_window(item, n_times=n_times, where=where, what=f"windows[{i}]")
        for i, item in enumerate(_list(value["windows"], where, "windows"))
    )
    used = sorted({window.recording for window in windows})
    if used != names:
        fail(where, "windows", f"windows of the recordings {names}", used)
    return SavedPlan(
        spec=spec,
        sfreq=sfreq,
        recordings=recordings,
        windows=windows,
        fixture=_parse_outcome(value["fixture"], where=where),
    )


def _check_shared(recordings: Sequence[SavedRecording], *, where: str) -> None:
    """Check that a file of several recordings, such as a summary, has one digest."""
    known: dict[str, str] = {}
    for i, recording in enumerate(recordings):
        for name, digest in recording.annotations.items():
            first = known.setdefault(name, digest)
            if first != digest:
                what = f"recordings[{i}], annotations, {name!r}"
                fail(where, what, f"{first} as above", digest)


def _list(value: object, where: str, what: str) -> list[Any]:
    if type(value) is not list or not value:
        fail(where, what, "a list that is not empty", value)
    return value


def _parse_spec(value: object, *, where: str) -> FixtureSpec:
    spec = parse_spec(value, where=f"{where}, spec")
    if spec.source == "synthetic":
        fail(where, "spec, source", "a source of recordings in files", spec.source)
    # One plan, one text; and nothing of the annotations.
    if spec_to_json(bare_spec(spec)) != value:
        fail(where, "spec", "all keys, and none that is only checked", value)
    return spec


def _parse_recording(value: object, *, where: str, what: str) -> SavedRecording:
    keys = check_keys(value, _RECORDING_KEYS, where=where, what=what)
    name = keys["name"]
    if not is_source_name(name):
        fail(where, f"{what}, name", "a path from the root, with /", name)
    size = check_int(keys["size"], where=where, what=f"{what}, size", least=1)
    annotations = keys["annotations"]
    if type(annotations) is not dict or not annotations:
        fail(where, f"{what}, annotations", "digests of files by name", annotations)
    for file_name, digest in annotations.items():
        if not is_source_name(file_name):
            fail(where, f"{what}, annotations", "paths from the root", file_name)
        check_digest(digest, where=where, what=f"{what}, annotations, {file_name!r}")
    pieces = []
    end = 0
    for i, item in enumerate(_list(keys["pieces"], where, f"{what}, pieces")):
        place = f"{what}, pieces[{i}]"
        piece = check_keys(item, _PIECE_KEYS, where=where, what=place)
        ranges = []
        for span in _list(piece["ranges"], where, f"{place}, ranges"):
            if (
                type(span) is not list
                or [type(at) for at in span] != [int, int]
                or not end <= span[0] < span[1] <= size
            ):
                expected = f"[start, stop] in order, inside [{end}, {size}]"
                fail(where, f"{place}, ranges", expected, span)
            ranges.append((span[0], span[1]))
            end = span[1]
        digest = check_digest(piece["sha256"], where=where, what=f"{place}, sha256")
        pieces.append(Piece(ranges=tuple(ranges), sha256=digest))
    return SavedRecording(
        name=name, size=size, annotations=annotations, pieces=tuple(pieces)
    )


def _parse_window(value: object, *, n_times: int, where: str, what: str) -> SavedWindow:
    keys = check_keys(value, _WINDOW_KEYS, where=where, what=what)
    if type(keys["recording"]) is not str:
        fail(where, f"{what}, recording", "a name of recordings", keys["recording"])
    start = check_int(keys["start"], where=where, what=f"{what}, start")
    stop = check_int(keys["stop"], where=where, what=f"{what}, stop")
    if stop - start != n_times:
        fail(where, what, f"{n_times} samples, as the spec asks", [start, stop])
    if keys["kind"] not in SELECTABLE_KINDS:
        fail(where, f"{what}, kind", f"one of {SELECTABLE_KINDS}", keys["kind"])
    return SavedWindow(
        recording=keys["recording"], start=start, stop=stop, kind=keys["kind"]
    )


def _parse_outcome(value: object, *, where: str) -> Outcome:
    keys = check_keys(value, _FIXTURE_KEYS, where=where, what="fixture")
    arrays = check_keys(
        keys["arrays"], _ARRAY_NAMES, where=where, what="fixture, arrays"
    )
    for name, digest in arrays.items():
        check_digest(digest, where=where, what=f"fixture, arrays, {name!r}")
    digests = {
        name: check_digest(keys[name], where=where, what=f"fixture, {name}")
        for name in ("digest", "records")
    }
    return Outcome(arrays=arrays, **digests)


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
