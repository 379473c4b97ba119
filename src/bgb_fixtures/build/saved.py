"""A saved plan: what a fixture was made of, as a file to give to others.

Invariant: a plan holds names, places and digests, and neither a sample nor an annotation.
What is written can be read.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.build.plan import fixed_sfreq
from bgb_fixtures.errors import (
    FixtureNotFoundError,
    FormatError,
    FormatVersionError,
    TargetError,
)
from bgb_fixtures.format.layout import (
    MAX_DOCUMENTS,
    Kind,
    check_digest,
    check_int,
    check_keys,
    check_number,
    fail,
    parse_json,
)
from bgb_fixtures.format.records import ARRAYS
from bgb_fixtures.format.store import check_target
from bgb_fixtures.request.spec import (
    SELECTABLE_KINDS,
    FixtureSpec,
    bare_spec,
    is_source_name,
    parse_spec,
    spec_to_json,
    window_samples,
)
from bgb_fixtures.staging import new_file

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = [
    "PLAN_VERSION",
    "Outcome",
    "Piece",
    "SavedPlan",
    "SavedRecording",
    "SavedWindow",
    "check_plan_target",
    "load_plan",
    "plan_to_bytes",
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
_KEYS = frozenset(["plan_version", "spec", "sfreq", "recordings", "windows", "fixture"])
_RECORDING_KEYS = frozenset(["name", "size", "annotations", "pieces"])
_PIECE_KEYS = frozenset(["ranges", "sha256"])
_WINDOW_KEYS = frozenset(["recording", "start", "stop", "kind"])
_FIXTURE_KEYS = frozenset(["digest", "records", "arrays"])
_ARRAY_NAMES = frozenset(ARRAYS)


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
    raw = plan_to_bytes(saved)
    _parse_file(raw, where=f"plan {str(path)!r}")
    with new_file(target) as draft:
        draft.write_bytes(raw)
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
