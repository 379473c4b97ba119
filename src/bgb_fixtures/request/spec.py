"""The request for a fixture: what to build, without any path.

Invariant: a `FixtureSpec` is checked when it is made; an error names the file, the key,
the value and what is allowed.
"""

from __future__ import annotations

import itertools
import re
import tomllib
import warnings
from collections import Counter
from dataclasses import dataclass, fields, replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgb_fixtures.eeg.events import (
    SZCORE_CODES,
    Event,
    seconds_to_sample,
)
from bgb_fixtures.eeg.montage import MONTAGES, find_montage, row_electrodes
from bgb_fixtures.errors import SpecError, shorten
from bgb_fixtures.format.records import KINDS
from bgb_fixtures.request.table import Table
from bgb_fixtures.synthetic import (
    ARTEFACT_KINDS,
    FIRST_RECIPE,
    RECIPES,
    SEIZURE_TYPES,
    SFREQ,
    STATES,
)
from bgb_fixtures.synthetic.scenario import Artefact, Scenario, Seizure

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from bgb_fixtures.eeg.montage import Montage

__all__ = [
    "MISSING",
    "PACKAGED_SPECS",
    "PROFILES",
    "QUOTA_WORDS",
    "SELECTABLE_KINDS",
    "SOURCES",
    "FixtureSpec",
    "ListedRecording",
    "Quota",
    "RecordingSpec",
    "bare_spec",
    "compile_label_pattern",
    "is_source_name",
    "kinds_of_quota",
    "load_default_spec",
    "load_spec",
    "parse_spec",
    "spec_montage",
    "spec_to_json",
    "window_samples",
]

SOURCES = ("bids", "chbmit", "edf", "siena", "synthetic", "tusz")
DEFAULT_MONTAGES = {"chbmit": "double-banana"}
"""Source -> montage, where it is not 10-20."""
_WITH_SPLITS = ("bids", "tusz")
"""Sources that say themselves which split a recording is in."""
PACKAGED_SPECS = {
    "smoke": "smoke.toml",
    "tiny": "tiny.toml",
    "smoke-1": "specs/smoke-1.toml",
    "tiny-1": "specs/tiny-1.toml",
    "chbmit-smoke": "specs/chbmit-smoke.toml",
}
"""Specs that ship with this package, by name; files below the packaged fixtures. A number
is that of an earlier content version."""
SELECTABLE_KINDS = ("onset", "offset", "whole", "ictal", "background")
"""Kinds of window that recordings can be asked for."""
QUOTA_WORDS = (*KINDS, *SELECTABLE_KINDS)
"""Categories and kinds that a quota can be for."""
MISSING = ("error", "drop-window", "interpolate")
"""What to do with a recording that lacks an electrode."""
PROFILES = ("raw-1", "zscore-1", "brain-go-brr-3.1")
MAX_WINDOW_S = 3600.0
MAX_SYNTHETIC_S = 3600.0
MAX_RECORDING_S = 1e7  # four months
MAX_NAME = 1024
MAX_BYTES = 2**20
"""Of a file that holds a spec; one that lists every recording of TUSZ has less."""
LEAST_SEIZURE_S = 0.25  # shorter than one spike and its wave there is no pattern
LEAST_AMPLITUDE, MOST_AMPLITUDE = 0.1, 3.0
_MOST_PARTS = 16
# From the beginning of a part on, so that there is one way to match it.
_TOO_LONG = re.compile(
    rb"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){%d}|(?<![0-9_])[0-9_]{1001}"""
    % _MOST_PARTS
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SPLIT = re.compile(r"[a-z0-9_]{1,16}")
_TYPE = re.compile("|".join(SZCORE_CODES))
_LABEL = re.compile(r"[ -~]{1,32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# A place that is not below the root: '/a', 'C:/a', 'a/../b'; and what no path looks like.
_NO_SOURCE_NAME = re.compile(
    r"[\\/]|[A-Za-z]:|.*[\x00-\x1f\x7f]|(?:.*[\\/])?\.{0,2}(?:[\\/].*)?$", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSpec(Scenario):
    """Ask for one synthetic recording and the windows to take from it.

    The split is ``"train"`` or ``"dev"``, one for all recordings of a subject; `windows`
    are onsets in seconds.
    """

    split: str
    windows: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecording:
    """Ask for windows of one recording in files, by its name.

    Attributes
    ----------
    name : str
        As the source names it, with ``/``.
    windows : tuple of float
        Onset of each window in seconds, in the order of the fixture.
    split : str or None
        None: what the source says.
    seizures : tuple of tuple of float, or None
        (start, end) of every seizure in seconds, which the annotations have to say,
        too. None: whatever they say.
    """

    name: str
    windows: tuple[float, ...]
    split: str | None = None
    seizures: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Ask for an exact number of windows.

    Attributes
    ----------
    word : str
        One of `QUOTA_WORDS`: a category or a kind.
    n_windows : int
        At least 1.
    split : str or None
        None: from any split.
    """

    word: str
    n_windows: int
    split: str | None = None


def kinds_of_quota(word: str) -> tuple[str, ...]:
    """Return the kinds of window that count for a quota.

    Parameters
    ----------
    word : str
        One of `QUOTA_WORDS`.

    Returns
    -------
    kinds : tuple of str
        Of `SELECTABLE_KINDS`.
    """
    if word in KINDS:
        return tuple(kind for kind in KINDS[word] if kind in SELECTABLE_KINDS)
    return (word,)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureSpec:
    """Ask for a fixture.

    Attributes
    ----------
    name : str
        Name of the fixture, in lower case.
    content_version : int
        From 1; raise it when the same name gets other samples.
    source : str
        One of `SOURCES`.
    window_length : float
        Seconds.
    montage : str or tuple of str
        A name of `bgb_fixtures.eeg.montage.MONTAGES`, or a list of rows.
    profile : str
        One of `PROFILES`.
    sfreq : float or None
        Hz; recordings of another rate are resampled. None: the rate that all chosen
        recordings share.
    per_kind : int
        For recordings, without quotas: at most so many windows of each kind.
    seed : int or None
        Of the synthetic source. For recordings: the order in which they are asked is
        drawn; None: in order of their names.
    recipe : str
        Of the synthetic source: one of `bgb_fixtures.synthetic.RECIPES`.
    recordings : tuple of RecordingSpec
        Of the synthetic source; empty otherwise.
    listed : tuple of ListedRecording
        For recordings in files, as are all below: the windows to take, instead of what
        chooses them. In a spec they are its ``recordings``, too.
    sha256 : tuple of tuple of str
        (name of an annotation file of a listed recording, digest) pairs; another file
        is an error.
    quotas : tuple of Quota
        Exactly so many windows of each.
    splits : tuple of str
        Splits to take recordings from; empty: all but ``"eval"``.
    types : tuple of str
        Windows with a seizure hold only these, keys of `SZCORE_CODES`; empty: all.
    per_subject, per_type : int or None
        At most so many windows of one subject, with one type of seizure.
    aliases : tuple of tuple of str
        (label, other) pairs, as in `bgb_fixtures.eeg.montage.Montage`.
    missing : str
        One of `MISSING`.
    band_pass : tuple of float or None
        Edges in Hz.
    label_pattern : str or None
        Source ``"edf"``: regular expression of the labels that are seizures.
    """

    name: str
    content_version: int = 1
    source: str
    window_length: float = 60.0
    montage: str | tuple[str, ...]
    profile: str
    sfreq: float | None = None
    per_kind: int = 2
    seed: int | None = None
    recipe: str = FIRST_RECIPE
    recordings: tuple[RecordingSpec, ...] = ()
    listed: tuple[ListedRecording, ...] = ()
    sha256: tuple[tuple[str, str], ...] = ()
    quotas: tuple[Quota, ...] = ()
    splits: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    per_subject: int | None = None
    per_type: int | None = None
    aliases: tuple[tuple[str, str], ...] = ()
    missing: str = "error"
    band_pass: tuple[float, float] | None = None
    label_pattern: str | None = None


_OF_FILES = {
    *("quotas", "per_kind", "splits", "types", "per_subject", "per_type"),
    *("aliases", "missing", "band_pass", "label_pattern", "sha256"),
}
"""Keys that only recordings in files have."""
_CHOOSING = ("per_kind", "per_subject", "per_type", "quotas", "seed", "types")
"""Keys that say which windows to take, where they are not listed."""


def _names(kind: type) -> set[str]:
    return {field.name for field in fields(kind)}


def _parse_amplitude(table: Table) -> float:
    return table.seconds(
        "amplitude", least=LEAST_AMPLITUDE, most=MOST_AMPLITUDE, default=1
    )


def _parse_event(table: Table, *, duration: float) -> Seizure:
    table.expect(_names(Seizure))
    onset = table.seconds("onset", least=0, most=duration - LEAST_SEIZURE_S)
    return Seizure(
        onset=onset,
        duration=table.seconds(
            "duration", least=LEAST_SEIZURE_S, most=duration - onset
        ),
        label=table.text("label", SEIZURE_TYPES),
        amplitude=_parse_amplitude(table),
    )


def _parse_artefact(table: Table, *, duration: float, recipe: str) -> Artefact:
    table.expect(_names(Artefact))
    onset = table.seconds("onset", least=0, most=duration - 1 / SFREQ)
    return Artefact(
        onset=onset,
        duration=table.seconds("duration", least=1 / SFREQ, most=duration - onset),
        kind=table.text("kind", ARTEFACT_KINDS[recipe]),
        amplitude=_parse_amplitude(table),
    )


def _parse_recording(
    table: Table, *, window_length: float, recipe: str
) -> RecordingSpec:
    table.expect(_names(RecordingSpec))
    duration = table.seconds("duration", least=window_length, most=MAX_SYNTHETIC_S)
    onsets = table.take("windows", [0])
    if not isinstance(onsets, list) or not onsets:
        table.fail("windows", "a list of at least one onset in seconds", onsets)
    windows = tuple(
        table.number(f"windows[{i}]", onset, least=0, most=duration - window_length)
        for i, onset in enumerate(onsets)
    )
    if any(b < a + window_length for a, b in itertools.pairwise(windows)):
        table.fail("windows", f"onsets in order, {window_length:g} s apart", onsets)
    events = tuple(
        _parse_event(item, duration=duration) for item in table.tables("events")
    )
    for before, after in itertools.pairwise(events):
        if after.onset < before.onset + before.duration:
            table.fail("events", "events in order, without overlap", after.onset)
    return RecordingSpec(
        subject=table.integer("subject", least=1, most=999),
        split=table.word("split", _SPLIT, "train"),
        duration=duration,
        events=events,
        windows=windows,
        artefacts=tuple(
            _parse_artefact(item, duration=duration, recipe=recipe)
            for item in table.tables("artefacts")
        ),
        state=table.text("state", STATES, "awake"),
    )


def is_source_name(value: object) -> bool:
    """Say whether a value can be the name of a recording, or of a file of it.

    Parameters
    ----------
    value : object
        Any.

    Returns
    -------
    can_be : bool
        Whether it is a path below a folder, with ``/``, that does not leave it.
    """
    return (
        isinstance(value, str)
        and len(value) <= MAX_NAME
        and not _NO_SOURCE_NAME.match(value)
    )


def _take_source_name(table: Table, key: str) -> str:
    value = table.take(key)
    if not is_source_name(value):
        expected = (
            "the name that the source gives it, such as 'chb01/chb01_03.edf': a path "
            "from the root, with /"
        )
        table.fail(key, expected, value)
    return str(value)


def _parse_listed(
    table: Table, *, source: str, window_length: float
) -> ListedRecording:
    table.expect(_names(ListedRecording), of=f" for source {source!r}")
    onsets = table.take("windows")
    if not isinstance(onsets, list | tuple) or not onsets:
        table.fail("windows", "a list of at least one onset in seconds", onsets)
    windows = tuple(
        table.number(f"windows[{i}]", onset, least=0, most=MAX_RECORDING_S)
        for i, onset in enumerate(onsets)
    )
    if any(b < a + window_length for a, b in itertools.pairwise(sorted(windows))):
        expected = f"onsets {window_length:g} s apart: windows may not overlap"
        table.fail("windows", expected, onsets)
    split = table.take("split")
    if split is not None:
        if source in _WITH_SPLITS:
            expected = f"none, as source {source!r} says which split it is in"
            table.fail("split", expected, split)
        split = table.check_word("split", split, _SPLIT)
    return ListedRecording(
        name=_take_source_name(table, "name"),
        windows=windows,
        split=split,
        seizures=_parse_seizures(table, table.take("seizures")),
    )


def _parse_seizures(
    table: Table, value: object
) -> tuple[tuple[float, float], ...] | None:
    if value is None:
        return None
    expected = "a list of [start, end] in seconds, in order, such as [[2996, 3036]]"
    if not isinstance(value, list | tuple):
        table.fail("seizures", expected, value)
    seizures = []
    for i, pair in enumerate(value):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            table.fail(f"seizures[{i}]", "[start, end] in seconds", pair)
        start, end = (
            table.number(f"seizures[{i}]", seconds, least=0, most=MAX_RECORDING_S)
            for seconds in pair
        )
        if end <= start:
            table.fail(f"seizures[{i}]", "an end after its start", pair)
        seizures.append((start, end))
    if seizures != sorted(seizures):
        table.fail("seizures", expected, value)
    return tuple(seizures)


def _parse_list(table: Table, *, source: str, window_length: float) -> dict[str, Any]:
    """Take the windows that a spec lists, and refuse what would choose others."""
    items = table.tables("recordings")
    if not items:
        if "sha256" in table.names():
            expected = "none, as no [[recordings]] are listed"
            table.fail("sha256", expected, table.take("sha256"))
        return {}
    refused = _CHOOSING if source in _WITH_SPLITS else (*_CHOOSING, "splits")
    for key in refused:
        if key in table.names():
            expected = "none, as [[recordings]] lists every window"
            table.fail(key, expected, table.take(key))
    listed = tuple(
        _parse_listed(item, source=source, window_length=window_length)
        for item in items
    )
    for name, n_times in Counter(recording.name for recording in listed).items():
        if n_times > 1:
            expected = "each recording once, with all of its windows"
            table.fail("recordings", expected, f"{name} {n_times} times")
    digests = table.table("sha256")
    for name in digests.names():
        if not is_source_name(name):
            expected = "names of files as the source has them, such as 'chb01/chb01-summary.txt'"
            table.fail("sha256", expected, name)
    return {
        "listed": listed,
        "sha256": tuple(
            (name, digests.word(name, _DIGEST)) for name in digests.names()
        ),
    }


def parse_spec(value: object, *, where: str) -> FixtureSpec:
    """Check a spec as TOML gives it.

    Parameters
    ----------
    value : dict
        Keys as the attributes of `FixtureSpec`; ``recordings`` as a list of tables.
    where : str
        The file or option that it comes from, for messages.

    Returns
    -------
    spec : FixtureSpec
        The checked request.

    Raises
    ------
    SpecError
        If a key is unknown or missing, or a value is not allowed.
    """
    table = Table(value, where=where)
    known = _names(FixtureSpec) - {"listed"}
    table.expect(known)
    source = table.text("source", SOURCES)
    synthetic = source == "synthetic"
    if synthetic:
        table.expect(known - _OF_FILES, of=f" for source {source!r}")
    else:
        table.expect(known - {"recipe"}, of=f" for source {source!r}")
    window_length = table.seconds(
        "window_length", least=1, most=MAX_WINDOW_S, default=60
    )
    sfreq = table.take("sfreq")
    # A spec without a recipe is from the time when there was one.
    recipe = table.text("recipe", RECIPES, FIRST_RECIPE)
    recordings: tuple[RecordingSpec, ...] = ()
    if synthetic:
        selection: dict[str, Any] = {}
        recordings = tuple(
            _parse_recording(item, window_length=window_length, recipe=recipe)
            for item in table.tables("recordings")
        )
        if not recordings:
            table.fail("recordings", "at least one recording to generate", [])
    else:
        selection = _parse_list(table, source=source, window_length=window_length)
        selection |= _parse_selection(table, source=source)
    seed = table.take("seed", 0 if synthetic else None)
    if seed is not None and (type(seed) is not int or not 0 <= seed < 2**32):
        table.fail("seed", "an integer in [0, 4294967295]", seed)
    montage = table.take("montage", DEFAULT_MONTAGES.get(source, "10-20"))
    if not isinstance(montage, list | tuple) and montage not in MONTAGES:
        montages = ", ".join(map(repr, MONTAGES))
        table.fail("montage", f"one of {montages}, or a list of rows", montage)
    spec = FixtureSpec(
        name=table.word("name", _NAME, source),
        content_version=table.integer(
            "content_version", least=1, most=10**6, default=1
        ),
        source=source,
        window_length=window_length,
        montage=montage if isinstance(montage, str) else tuple(montage),
        profile=table.text("profile", PROFILES, "zscore-1" if synthetic else "raw-1"),
        sfreq=None
        if sfreq is None
        else table.number("sfreq", sfreq, least=1, most=20000),
        per_kind=table.integer("per_kind", least=1, most=10**5, default=2),
        seed=seed,
        recipe=recipe,
        recordings=recordings,
        **selection,
    )
    try:
        spec_montage(spec)
    except SpecError as error:
        msg = f"{where}, {error}"
        raise SpecError(msg) from None
    if synthetic:
        _check_synthetic(spec, where=where)
    else:
        _check_processing(spec, where=where)
    return spec


def _parse_selection(table: Table, *, source: str) -> dict[str, Any]:
    """Take the keys that recordings in files have."""
    quotas = _parse_quotas(table)
    if quotas and "per_kind" in table.names():
        table.fail("per_kind", "none, as there are quotas", table.take("per_kind"))
    pattern = table.take("label_pattern")
    if pattern is not None:
        if source != "edf":
            expected = "none, as only source 'edf' has labels of its own"
            table.fail("label_pattern", expected, pattern)
        try:
            compile_label_pattern(pattern)
        except ValueError:
            table.fail("label_pattern", "a regular expression", pattern)
    return {
        "quotas": quotas,
        "splits": table.words("splits", _SPLIT),
        "types": table.words("types", _TYPE),
        "per_subject": table.count("per_subject"),
        "per_type": table.count("per_type"),
        "aliases": _parse_aliases(table),
        "missing": table.text("missing", MISSING, "error"),
        "band_pass": _parse_band_pass(table),
        "label_pattern": pattern,
    }


def compile_label_pattern(pattern: object) -> re.Pattern[str]:
    """Return the regular expression that labels of seizures match.

    Parameters
    ----------
    pattern : object
        What was asked for.

    Returns
    -------
    compiled : re.Pattern
        Nothing is said of what may mean something else in a later Python.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not isinstance(pattern, str) or len(pattern) > MAX_NAME:
        msg = f"expected a text of at most {MAX_NAME} characters"
        raise ValueError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _parse_quotas(table: Table) -> tuple[Quota, ...]:
    """Take a table like {onset = 4, none = 10, dev = {partial = 1}}."""
    quotas = []
    given = table.table("quotas")
    for key in given.names():
        if key in QUOTA_WORDS:
            quotas.append(
                Quota(word=key, n_windows=given.integer(key, least=1, most=10**5))
            )
            continue
        if not _SPLIT.fullmatch(key) or not given.is_table(key):
            expected = ", ".join(map(repr, QUOTA_WORDS))
            given.fail(key, f"one of {expected}, or a split with a table of such", key)
        of_split = given.table(key)
        for word in of_split.names():
            if word not in QUOTA_WORDS:
                of_split.fail(word, f"one of {', '.join(map(repr, QUOTA_WORDS))}", word)
            n_windows = of_split.integer(word, least=1, most=10**5)
            quotas.append(Quota(word=word, n_windows=n_windows, split=key))
    return tuple(quotas)


def _parse_aliases(table: Table) -> tuple[tuple[str, str], ...]:
    given = table.table("aliases")
    return tuple((key, given.word(key, _LABEL)) for key in given.names())


def _parse_band_pass(table: Table) -> tuple[float, float] | None:
    value = table.take("band_pass")
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != 2:
        table.fail("band_pass", "two frequencies in Hz, such as [0.5, 70]", value)
    low, high = (
        table.number(f"band_pass[{i}]", v, least=0.1, most=10000)
        for i, v in enumerate(value)
    )
    if low >= high:
        table.fail("band_pass", "the lower frequency first", value)
    return low, high


def _check_processing(spec: FixtureSpec, *, where: str) -> None:
    """Check that what is asked for goes together."""
    if spec.profile == "brain-go-brr-3.1" and spec.band_pass is not None:
        msg = (
            f"{where}, band_pass: profile 'brain-go-brr-3.1' has a filter of its own; "
            f"drop band_pass {list(spec.band_pass)}"
        )
        raise SpecError(msg)
    if spec.listed and spec.missing == "drop-window":
        msg = (
            f"{where}, missing: 'drop-window' takes other recordings, and "
            "[[recordings]] lists every window; expected 'error' or 'interpolate'"
        )
        raise SpecError(msg)
    if spec.missing == "interpolate":
        others = sorted(
            electrode
            for row in spec_montage(spec).ch_names
            for electrode in row_electrodes(row)
            if electrode not in MONTAGES["10-20"]
        )
        if others:
            msg = (
                f"{where}, missing: 'interpolate' works on the 19 electrodes of '10-20'; "
                f"the montage has {', '.join(others)}"
            )
            raise SpecError(msg)
    wrong = [q.split for q in spec.quotas if q.split and not _takes(spec, q.split)]
    if wrong:
        taken = ", ".join(map(repr, spec.splits)) or "all but 'eval'"
        msg = (
            f"{where}, quotas: there is one for split {wrong[0]!r}, and splits are "
            f"{taken}; add it to splits"
        )
        raise SpecError(msg)


def _takes(spec: FixtureSpec, split: str) -> bool:
    """Say whether recordings of a split are wanted.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    split : str
        Name of the split.

    Returns
    -------
    wanted : bool
        Without splits in the spec all but ``"eval"``, a set that is kept blind.
    """
    return split in spec.splits if spec.splits else split != "eval"


def spec_montage(spec: FixtureSpec) -> Montage:
    """Return the montage of a spec, with its aliases.

    Parameters
    ----------
    spec : FixtureSpec
        The request.

    Returns
    -------
    montage : Montage
        What `resolve_montage` takes.

    Raises
    ------
    SpecError
        If a row is no electrode or derivation.
    """
    return find_montage(spec.montage, aliases=spec.aliases)


def _has_positive(recording: RecordingSpec, window_length: float) -> bool:
    return any(
        event.onset < onset + window_length and event.onset + event.duration > onset
        for onset in recording.windows
        for event in recording.events
    )


def _check_synthetic(spec: FixtureSpec, *, where: str) -> None:
    if spec.sfreq not in (None, SFREQ):
        msg = (
            f"{where}, sfreq: expected {SFREQ} Hz, the rate of the synthetic source, "
            f"got {spec.sfreq!r}"
        )
        raise SpecError(msg)
    if not any(map(_has_positive, spec.recordings, repeat(spec.window_length))):
        n_events = sum(len(recording.events) for recording in spec.recordings)
        msg = (
            f"{where}, recordings: expected at least one window with a seizure; "
            f"got {n_events} events, none of them inside a window"
        )
        raise SpecError(msg)
    splits: dict[int, str] = {}
    for recording in spec.recordings:
        known = splits.setdefault(recording.subject, recording.split)
        if known != recording.split:
            msg = (
                f"{where}, recordings: subject {recording.subject} is in split "
                f"{known!r} and in {recording.split!r}; expected one split a subject"
            )
            raise SpecError(msg)


def load_spec(path: str | os.PathLike[str]) -> FixtureSpec:
    """Read a spec from a TOML file.

    Parameters
    ----------
    path : str or path
        The file, or a name of `PACKAGED_SPECS`.

    Returns
    -------
    spec : FixtureSpec
        The checked request.

    Raises
    ------
    SpecError
        If the file is not there, is not TOML, or asks for what is not allowed.
    """
    where = f"spec {str(path)!r}"
    if str(path) in PACKAGED_SPECS:
        from bgb_fixtures.fixture import packaged_dir

        path = packaged_dir() / PACKAGED_SPECS[str(path)]
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: a NUL in the name.
        reason = getattr(error, "strerror", error)
        known = ", ".join(PACKAGED_SPECS)
        msg = f"{where} cannot be read: {reason}; packaged specs: {known}"
        raise SpecError(msg) from error
    if len(raw) > MAX_BYTES:
        msg = f"{where}: expected a spec, at most {MAX_BYTES} bytes"
        raise SpecError(msg)
    if _TOO_LONG.search(raw):
        # What the parser needs grows with their square, and by a hundred bytes a digit.
        msg = (
            f"{where}: expected keys of at most {_MOST_PARTS} parts and numbers of at "
            "most 1000 digits"
        )
        raise SpecError(msg)
    try:
        value = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        msg = f"{where} is not TOML: {shorten(str(error))}"
        raise SpecError(msg) from error
    return parse_spec(value, where=where)


def load_default_spec() -> FixtureSpec:
    """Return the packaged spec of the fixture ``smoke``.

    Returns
    -------
    spec : FixtureSpec
        From ``smoke.toml`` beside the packaged ``smoke.h5``.
    """
    return load_spec("smoke")


def spec_to_json(spec: FixtureSpec) -> dict[str, Any]:
    """Return a spec as the records of a fixture hold it.

    Parameters
    ----------
    spec : FixtureSpec
        The request.

    Returns
    -------
    value : dict
        JSON values; `parse_spec` makes an equal spec of it. Keys without a value are
        left out.
    """
    value: dict[str, Any] = {
        "name": spec.name,
        "content_version": spec.content_version,
        "source": spec.source,
        "window_length": spec.window_length,
        "montage": _listed(spec.montage),
        "profile": spec.profile,
    }
    if spec.sfreq is not None:
        value["sfreq"] = spec.sfreq
    if spec.listed:
        value["recordings"] = [_listed_to_json(recording) for recording in spec.listed]
    if spec.sha256:
        value["sha256"] = dict(spec.sha256)
    if spec.source != "synthetic":
        return value | _selection_to_json(spec)
    if spec.recipe != FIRST_RECIPE:
        value["recipe"] = spec.recipe
    return value | {
        "seed": spec.seed,
        "recordings": [_recording_to_json(recording) for recording in spec.recordings],
    }


def _listed(value: str | tuple[Any, ...]) -> str | list[Any]:
    return value if isinstance(value, str) else list(value)


def _selection_to_json(spec: FixtureSpec) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for quota in spec.quotas:
        of_split = value.setdefault("quotas", {})
        if quota.split is not None:
            of_split = of_split.setdefault(quota.split, {})
        of_split[quota.word] = quota.n_windows
    if not spec.quotas and not spec.listed:
        value["per_kind"] = spec.per_kind
    if spec.aliases:
        value["aliases"] = dict(spec.aliases)
    if spec.missing != "error":
        value["missing"] = spec.missing
    for name in ("splits", "types", "band_pass"):
        if getattr(spec, name):
            value[name] = list(getattr(spec, name))
    for name in ("seed", "per_subject", "per_type", "label_pattern"):
        if getattr(spec, name) is not None:
            value[name] = getattr(spec, name)
    return value


def bare_spec(spec: FixtureSpec, names: Mapping[str, str] | None = None) -> FixtureSpec:
    """Return a spec without what it only checks, the seizures and digests of a list.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    names : mapping of str to str or None
        Other names for the recordings that it lists; None: their own.

    Returns
    -------
    bare : FixtureSpec
        Asks for the same windows. With pseudonyms it is what a fixture keeps: a name
        says which person's file it was.
    """
    listed = tuple(
        replace(
            recording,
            name=recording.name if names is None else names[recording.name],
            seizures=None,
        )
        for recording in spec.listed
    )
    return replace(spec, listed=listed, sha256=())


def _listed_to_json(recording: ListedRecording) -> dict[str, Any]:
    value: dict[str, Any] = {
        "name": recording.name,
        "windows": list(recording.windows),
    }
    if recording.split is not None:
        value["split"] = recording.split
    if recording.seizures is not None:
        value["seizures"] = [list(pair) for pair in recording.seizures]
    return value


def _recording_to_json(recording: RecordingSpec) -> dict[str, Any]:
    value: dict[str, Any] = {
        "subject": recording.subject,
        "split": recording.split,
        "duration": recording.duration,
        "windows": list(recording.windows),
        "events": [
            {"onset": event.onset, "duration": event.duration, "label": event.label}
            | _amplitude_to_json(event)
            for event in recording.events
        ],
    }
    if recording.artefacts:
        value["artefacts"] = [
            {
                "onset": artefact.onset,
                "duration": artefact.duration,
                "kind": artefact.kind,
            }
            | _amplitude_to_json(artefact)
            for artefact in recording.artefacts
        ]
    if recording.state != "awake":
        value["state"] = recording.state
    return value


def _amplitude_to_json(asked: Event | Artefact) -> dict[str, float]:
    amplitude = getattr(asked, "amplitude", 1.0)
    return {} if amplitude == 1 else {"amplitude": amplitude}


def window_samples(spec: FixtureSpec, sfreq: float) -> int:
    """Return the length of a window in samples.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    sfreq : float
        Sampling frequency in Hz.

    Returns
    -------
    n_times : int
        window_length * sfreq.

    Raises
    ------
    SpecError
        If that is no whole number.
    """
    n_times = seconds_to_sample(spec.window_length, sfreq)
    # Rounded the other way: 2.3 s at 100 Hz is 230 samples, though not in binary.
    if n_times != -seconds_to_sample(-spec.window_length, sfreq):
        msg = (
            f"window_length {spec.window_length:g} s is no whole number of samples at "
            f"{sfreq:g} Hz"
        )
        raise SpecError(msg)
    return n_times
