"""A request for windows of real recordings: by criteria, or listed one by one."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from bgb_fixtures.eeg.events import SZCORE_CODES
from bgb_fixtures.eeg.kinds import KINDS
from bgb_fixtures.eeg.montage import MONTAGES, row_electrodes
from bgb_fixtures.eeg.resample import RATES
from bgb_fixtures.eeg.scaling import PROFILES
from bgb_fixtures.eeg.units import UNITS
from bgb_fixtures.errors import Key, SpecError, shorten
from bgb_fixtures.format.records import ARRAYS
from bgb_fixtures.request.annotation_rules import (
    NO_RULES,
    AnnotationRules,
    rules_to_json,
)
from bgb_fixtures.request.samples import window_samples
from bgb_fixtures.request.table import SPLIT, Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bgb_fixtures.eeg.montage import Montage
    from bgb_fixtures.eeg.scaling import Profile
    from bgb_fixtures.request.table import Table

__all__ = [
    "MISSING",
    "QUOTA_WORDS",
    "SELECTABLE_KINDS",
    "Criteria",
    "ListedRecording",
    "Listing",
    "Outcome",
    "Quota",
    "ReadBytes",
    "RecordedRequest",
    "bare_request",
    "is_source_name",
    "kinds_of_quota",
    "parse_recorded",
    "recorded_to_json",
]

_WITH_SPLITS = ("bids", "tusz")
"""Sources that define the split of a recording."""
SELECTABLE_KINDS = ("onset", "offset", "whole", "ictal", "background")
"""Kinds of window that can be requested from recordings."""
QUOTA_WORDS = (*KINDS, *SELECTABLE_KINDS)
"""Categories and kinds that a quota can have."""
MISSING = ("error", "drop-window", "interpolate")
"""Treatments of a recording that lacks an electrode."""
MAX_RECORDING_S = 1e7  # four months
MAX_NAME = 1024
_MOST_BYTES = 2**48
_LABEL = Form(re.compile(r"[ -~]{1,32}"), "1 to 32 characters of ASCII")
_LABEL_FORMAT = Form(re.compile(r"[ -~]{1,80}"), "1 to 80 characters of ASCII")
_OWN_DATA = ("bids", "edf")
"""Sources for users' own data, under any licence."""
_MOST_IN_TEXT = 1000
_LABEL_OF_LICENCE = re.compile(rf"[!-~](?:[ -~]{{0,{_MOST_IN_TEXT - 1}}}[!-~])?")
_LINES = re.compile(rf"[ -~\n]{{1,{_MOST_IN_TEXT}}}")
_DIGEST = Form(re.compile(r"[0-9a-f]{64}"), "a SHA-256 of 64 hexadecimal digits")
# Paths that are not below the root ('/a', 'C:/a', 'a/../b'), and invalid paths.
_NO_SOURCE_NAME = re.compile(
    r"[\\/]|[A-Za-z]:|.*[\x00-\x1f\x7f]|(?:.*[\\/])?\.{0,2}(?:[\\/].*)?$", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """An exact number of windows of a category or kind, one of `QUOTA_WORDS`.

    If `split` is None, windows of any split count.
    """

    word: str
    n_windows: int
    split: str | None = None


def kinds_of_quota(word: str) -> tuple[str, ...]:
    """Return the kinds of window, of `SELECTABLE_KINDS`, that count for a quota."""
    if word in KINDS:
        return tuple(kind for kind in KINDS[word] if kind in SELECTABLE_KINDS)
    return (word,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """Criteria for choosing windows.

    Attributes
    ----------
    quotas : tuple of Quota
        Exact numbers of windows.
    per_kind : int
        Without quotas: maximum number of windows of each kind.
    types : tuple of str
        Allowed seizure types, keys of `SZCORE_CODES`; empty: all.
    per_subject, per_type : int or None
        Maximum number of windows per subject, and per seizure type.
    min_distance : float
        Minimum distance in seconds between background and the nearest seizure.
    seed : int or None
        Seed for visiting recordings in a random order; None: in order of their names.
    exclude : tuple of str
        Names of recordings to skip; never written to a fixture.
    """

    quotas: tuple[Quota, ...] = ()
    per_kind: int = 2
    types: tuple[str, ...] = ()
    per_subject: int | None = None
    per_type: int | None = None
    min_distance: float = 0.0
    seed: int | None = None
    exclude: tuple[str, ...] = ()

    @property
    def all_quotas(self) -> tuple[Quota, ...]:
        """The quotas; if there are none, up to `per_kind` windows of each kind."""
        return self.quotas or tuple(
            Quota(word=kind, n_windows=self.per_kind) for kind in SELECTABLE_KINDS
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBytes:
    """Bytes `[start, stop)` of a recording that were read, and their SHA-256.

    The digest covers the header followed by these bytes, because a digest of the header
    alone would let anyone confirm a guessed name. If the whole file was read, it is the
    digest of the file.
    """

    start: int
    stop: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRecording:
    """Windows of one recording, by its name.

    Attributes
    ----------
    name : str
        The source's own name, with ``/``.
    windows : tuple of float
        Onset of each window in seconds, in the order of the fixture.
    split : str or None
        None: the split in the source.
    seizures : tuple of tuple of float, or None
        Expected (start, end) of every seizure in seconds. None: not checked.
    size : int or None
        Expected size of the file in bytes. None: not checked.
    read : tuple of ReadBytes
        Expected bytes that the windows are read from. Empty: not checked.
    """

    name: str
    windows: tuple[float, ...]
    split: str | None = None
    seizures: tuple[tuple[float, float], ...] | None = None
    size: int | None = None
    read: tuple[ReadBytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The digests of a fixture that was built from a listing.

    `digest` covers index and records, as printed by `verify`; `records` is the SHA-256
    of the records without the numbers of clipped samples; `arrays` has that of each
    array.
    """

    digest: str
    records: str
    arrays: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Windows that are listed one by one, with the expected digests.

    Attributes
    ----------
    recordings : tuple of ListedRecording
        Recordings, each listed once.
    sha256 : tuple of tuple of str
        (name of an annotation file, digest) pairs; another file is an error.
    chosen : Criteria or None
        Criteria by which the windows were originally chosen, for the records of the
        fixture.
    fixture : Outcome or None
        Digests of the fixture that was built.
    """

    recordings: tuple[ListedRecording, ...]
    sha256: tuple[tuple[str, str], ...] = ()
    chosen: Criteria | None = None
    fixture: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request for a fixture of real recordings, valid and resolved.

    Attributes
    ----------
    name : str
        Name of the fixture.
    content_version : int
        From 1; increased when a fixture of this name gets other samples.
    source : str
        One of `bgb_fixtures.corpora.CORPUS_NAMES`.
    window_length : float
        Seconds.
    montage : Montage
        Rows of the fixture, and how to read channel labels.
    profile : Profile
        Conversion of microvolts to values.
    sfreq : float or None
        Requested rate in Hz; see `rate`.
    selection : Criteria or Listing
        Windows to use.
    splits : tuple of str
        Splits to use; empty: all but ``eval``, which is kept blind.
    missing : str
        Treatment of a recording that lacks an electrode, one of `MISSING`.
    unit : str or None
        Unit of channels whose header names none, one of `UNITS`; None: reject them.
    band_pass : tuple of float or None
        Edges in Hz.
    rules : AnnotationRules
        Rules for free-text annotations (``edf`` and ``bids`` only).
    dev_subjects : tuple of str
        Subjects whose recordings are in split ``dev``, if the source has no splits; not
        stored in fixtures, because they identify who was recorded.
    licence, attribution : str or None
        Licence of the data and what to cite (``edf`` and ``bids`` only).
    """

    default_montages: ClassVar[dict[str, str]] = {"chbmit": "double-banana"}
    """Source -> default montage, if it is not 10-20."""

    name: str
    content_version: int = 1
    source: str
    window_length: float = 60.0
    montage: Montage
    profile: Profile = PROFILES["raw-1"]
    sfreq: float | None = None
    selection: Criteria | Listing
    splits: tuple[str, ...] = ()
    missing: str = "error"
    unit: str | None = None
    band_pass: tuple[float, float] | None = None
    rules: AnnotationRules = NO_RULES
    dev_subjects: tuple[str, ...] = ()
    licence: str | None = None
    attribution: str | None = None

    def __post_init__(self) -> None:
        self.rules.check_source(self.source)
        self._check_own_data()
        self._check_profile()
        if self.rate is not None:
            window_samples(self.window_length, self.rate)
        # In a saved spec, 'drop-window' chose the recordings that are listed now.
        by_hand = isinstance(self.selection, Listing) and self.selection.chosen is None
        if by_hand and self.missing == "drop-window":
            msg = (
                ": 'drop-window' selects other recordings, but [[recordings]] lists "
                "every window; expected 'error' or 'interpolate'"
            )
            raise SpecError(Key("missing"), msg)
        if self.unit is not None and self.unit not in UNITS:
            named = ", ".join(map(repr, UNITS))
            msg = f": expected one of {named}, got {self.unit!r}"
            raise SpecError(Key("unit"), msg)
        if self.missing == "interpolate":
            self._check_electrodes()
        for quota in self.criteria.quotas:
            if quota.split is not None and not self._takes(quota.split):
                taken = ", ".join(map(repr, self.splits)) or "all but 'eval'"
                msg = (
                    f": found a quota for split {quota.split!r}, but the requested splits "
                    f"are {taken}; add it to "
                )
                raise SpecError(Key("quotas"), msg, Key("splits"))
        quotas = self.criteria.quotas
        kinds = {kind for quota in quotas for kind in kinds_of_quota(quota.word)}
        if quotas and kinds <= set(KINDS["none"]):
            msg = (
                "the quotas request no window with a seizure; a fixture needs at least "
                "one: add for example "
            )
            raise SpecError(msg, Key("quotas"), " partial=1")

    def _check_own_data(self) -> None:
        for key, pattern in (("licence", _LABEL_OF_LICENCE), ("attribution", _LINES)):
            value = getattr(self, key)
            if value is None:
                continue
            if self.source not in _OWN_DATA:
                msg = f" edf and bids only: {self.source} states its own"
                raise SpecError(Key(key), " applies to ", Key("source"), msg)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                msg = (
                    f": expected at most {_MOST_IN_TEXT} characters of ASCII, got "
                    f"{value!r}"
                )
                raise SpecError(Key(key), shorten(msg))
        subjects: tuple[object, ...] = self.dev_subjects
        are_texts = all(isinstance(s, str) and 0 < len(s) <= MAX_NAME for s in subjects)
        if not are_texts or len({*subjects}) < len(subjects):
            msg = f": expected a list of different subjects, got {subjects!r}"
            raise SpecError(Key("dev_subjects"), shorten(msg))
        if subjects and self.source == "tusz":
            msg = " tusz, which defines its own splits"
            raise SpecError(
                Key("dev_subjects"), " cannot be used with ", Key("source"), msg
            )

    def _check_profile(self) -> None:
        profile = self.profile
        if profile.montage is None:
            return
        if self.band_pass is not None:
            msg = f" cannot be used with profile {profile.name!r}, which has its own filter"
            raise SpecError(Key("band_pass"), msg)
        if self.montage.name != profile.montage:
            found = list(self.montage.derivations)
            named = self.montage.name if self.montage.name != "custom" else found
            msg = (
                f"profile {profile.name!r} is what brain-go-brr computes from 19 "
                f"electrodes and feeds to its model: montage {profile.montage!r}, got "
                f"{named!r}"
            )
            raise SpecError(msg)
        if self.sfreq not in (None, profile.sfreq):
            msg = (
                f": expected {profile.sfreq:g} Hz, the rate of profile "
                f"{profile.name!r}, got {self.sfreq:g} Hz"
            )
            raise SpecError(Key("sfreq"), msg)

    def _check_electrodes(self) -> None:
        others = sorted(
            electrode
            for row in self.montage.derivations
            for electrode in row_electrodes(row)
            if electrode not in MONTAGES["10-20"]
        )
        if others:
            msg = (
                ": 'interpolate' works on the 19 electrodes of '10-20'; the montage has "
                f"{', '.join(others)}"
            )
            raise SpecError(Key("missing"), msg)

    def _takes(self, split: str) -> bool:
        return split in self.splits if self.splits else split != "eval"

    @property
    def rate(self) -> float | None:
        """Rate of the fixture in Hz; None: the common rate of all chosen recordings."""
        return self.profile.sfreq or self.sfreq

    @property
    def criteria(self) -> Criteria:
        """Criteria for choosing windows, or by which listed windows were chosen."""
        if isinstance(self.selection, Criteria):
            return self.selection
        return self.selection.chosen or Criteria()


def is_source_name(value: object) -> bool:
    """Say whether a value can name a recording: a path below a folder, with ``/``."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_NAME
        and not _NO_SOURCE_NAME.match(value)
    )


def bare_request(
    request: RecordedRequest, names: Mapping[str, str] | None = None
) -> RecordedRequest:
    """Return a request as stored in a fixture, without digests and identifying names.

    Windows that were chosen by criteria are described by these criteria. Listed
    recordings get pseudonyms from `names`; excluded recordings are not named.
    """
    request = replace(request, dev_subjects=())
    selection = request.selection
    if isinstance(selection, Criteria):
        return replace(request, selection=replace(selection, exclude=()))
    if selection.chosen is not None:
        return replace(request, selection=replace(selection.chosen, exclude=()))
    recordings = tuple(
        ListedRecording(
            name=recording.name if names is None else names[recording.name],
            windows=recording.windows,
            split=recording.split,
        )
        for recording in selection.recordings
    )
    return replace(request, selection=Listing(recordings=recordings))


# Conversion from the table of a spec, and back.

_CRITERIA = tuple(field.name for field in fields(Criteria))


def parse_recorded(
    table: Table, *, source: str, window_length: float
) -> dict[str, Any]:
    """Take the keys of a spec for recordings only, as fields of the request."""
    selection: Criteria | Listing
    listed = table.tables("recordings")
    if listed:
        selection = _parse_listing(
            table, listed, source=source, window_length=window_length
        )
    else:
        for key in ("sha256", "chosen", "fixture"):
            if key in table.names():
                expected = "none, as no [[recordings]] are listed"
                table.fail(key, expected, table.take(key))
        selection = _parse_criteria(table)
    subjects = table.take("dev_subjects", [])
    if not isinstance(subjects, list | tuple):
        table.fail("dev_subjects", "a list of subjects", subjects)
    return {
        "dev_subjects": tuple(subjects),
        "licence": table.take("licence"),
        "attribution": table.take("attribution"),
        "source": source,
        "sfreq": table.rate("sfreq", least=RATES[0], most=RATES[1]),
        "selection": selection,
        "splits": table.words("splits", SPLIT),
        "missing": table.text("missing", MISSING, "error"),
        "unit": table.take("unit"),
    }


def parse_labels(table: Table) -> dict[str, Any]:
    """Take the keys about channel labels, as options of `find_montage`."""
    # Such as {"EEG T7" = "T3"}: read the channel as if it had the other label.
    given = table.table("aliases")
    return {
        "aliases": tuple((key, given.word(key, _LABEL)) for key in given.names()),
        "label_format": table.text_like("label_format", _LABEL_FORMAT),
        "reference": table.text_like("reference", _LABEL),
    }


def _parse_criteria(table: Table) -> Criteria:
    quotas = _parse_quotas(table)
    if quotas and "per_kind" in table.names():
        keys = Key("per_kind"), " cannot be combined with ", Key("quotas")
        raise SpecError(*keys, "; drop one")
    seed = None
    if "seed" in table.names():
        seed = table.integer("seed", least=0, most=2**32 - 1)
    types = table.words("types")
    for word in types:
        if word not in SZCORE_CODES:
            table.fail_unknown("types", "seizure type", word, list(SZCORE_CODES))
    return Criteria(
        quotas=quotas,
        per_kind=table.integer("per_kind", least=1, most=10**5, default=2),
        types=types,
        per_subject=table.count("per_subject"),
        per_type=table.count("per_type"),
        min_distance=table.seconds(
            "min_distance", least=0, most=MAX_RECORDING_S, default=0
        ),
        seed=seed,
        exclude=_parse_exclude(table),
    )


def _parse_exclude(table: Table) -> tuple[str, ...]:
    names = table.take("exclude", [])
    if (
        not isinstance(names, list | tuple)
        or not all(map(is_source_name, names))
        or len(set(names)) < len(names)
    ):
        expected = "a list of different names of recordings, such as ['a/night.edf']"
        table.fail("exclude", expected, names)
    return tuple(names)


def _parse_quotas(table: Table) -> tuple[Quota, ...]:
    """Take a table such as {onset = 4, none = 10, dev = {partial = 1}}."""
    quotas = []
    given = table.table("quotas")
    for key in given.names():
        if key in QUOTA_WORDS:
            quotas.append(
                Quota(word=key, n_windows=given.integer(key, least=1, most=10**5))
            )
            continue
        if not given.is_table(key):
            given.fail_unknown(key, "kind or category", key, QUOTA_WORDS)
        given.check_word(key, key, SPLIT)
        of_split = given.table(key)
        for word in of_split.names():
            if word not in QUOTA_WORDS:
                of_split.fail_unknown(word, "kind or category", word, QUOTA_WORDS)
            n_windows = of_split.integer(word, least=1, most=10**5)
            quotas.append(Quota(word=word, n_windows=n_windows, split=key))
    return tuple(quotas)


def _parse_listing(
    table: Table, items: list[Table], *, source: str, window_length: float
) -> Listing:
    """Take the windows that a spec lists; reject keys that would choose others."""
    # In a saved spec, the splits belong to the criteria that chose the windows.
    may_have_splits = source in _WITH_SPLITS or "chosen" in table.names()
    refused = _CRITERIA if may_have_splits else (*_CRITERIA, "splits")
    for key in sorted(refused):
        if key in table.names():
            expected = "none, as [[recordings]] lists every window"
            table.fail(key, expected, table.take(key))
    recordings = tuple(
        _parse_listed(item, source=source, window_length=window_length)
        for item in items
    )
    for name, count in Counter(recording.name for recording in recordings).items():
        if count > 1:
            expected = "each recording once, with all of its windows"
            table.fail("recordings", expected, f"{name} {count} times")
    digests = table.table("sha256")
    for name in digests.names():
        if not is_source_name(name):
            expected = "names of files as the source has them, such as 'chb01/chb01-summary.txt'"
            table.fail("sha256", expected, name)
    chosen = None
    if "chosen" in table.names():
        inner = table.table("chosen")
        inner.expect(_CRITERIA)
        chosen = _parse_criteria(inner)
    return Listing(
        recordings=recordings,
        sha256=tuple((name, digests.word(name, _DIGEST)) for name in digests.names()),
        chosen=chosen,
        fixture=_parse_outcome(table.table("fixture"))
        if "fixture" in table.names()
        else None,
    )


def _parse_outcome(table: Table) -> Outcome:
    table.expect({"digest", "records", *ARRAYS})
    return Outcome(
        digest=table.word("digest", _DIGEST),
        records=table.word("records", _DIGEST),
        arrays={name: table.word(name, _DIGEST) for name in ARRAYS},
    )


def _parse_listed(
    table: Table, *, source: str, window_length: float
) -> ListedRecording:
    names = {field.name for field in fields(ListedRecording)}
    table.expect(names, of=f" for source {source!r}")
    onsets = table.take("windows")
    if not isinstance(onsets, list | tuple) or not onsets:
        table.fail("windows", "a list of at least one onset in seconds", onsets)
    windows = tuple(
        table.number(f"windows[{i}]", onset, least=0, most=MAX_RECORDING_S, unit=" s")
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
        split = table.check_word("split", split, SPLIT)
    name = table.take("name")
    if not is_source_name(name):
        expected = (
            "the name that the source gives it, such as 'chb01/chb01_03.edf': a path "
            "from the root, with /"
        )
        table.fail("name", expected, name)
    size = None
    if "size" in table.names():
        size = table.integer("size", least=1, most=_MOST_BYTES)
    return ListedRecording(
        name=name,
        windows=windows,
        split=split,
        seizures=_parse_seizures(table, table.take("seizures")),
        size=size,
        read=_parse_reads(table, size=size),
    )


def _parse_reads(table: Table, *, size: int | None) -> tuple[ReadBytes, ...]:
    read = tuple(_parse_read(item, size=size) for item in table.tables("read"))
    spans = Counter((part.start, part.stop) for part in read)
    for (start, stop), count in spans.items():
        if count > 1:
            table.fail("read", "each range once", f"{start}-{stop} {count} times")
    return read


def _parse_read(table: Table, *, size: int | None) -> ReadBytes:
    table.expect({field.name for field in fields(ReadBytes)})
    most = _MOST_BYTES if size is None else size
    start = table.integer("start", least=0, most=most - 1)
    return ReadBytes(
        start=start,
        stop=table.integer("stop", least=start + 1, most=most),
        sha256=table.word("sha256", _DIGEST),
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
            table.number(
                f"seizures[{i}]", seconds, least=0, most=MAX_RECORDING_S, unit=" s"
            )
            for seconds in pair
        )
        if end <= start:
            table.fail(f"seizures[{i}]", "an end after its start", pair)
        seizures.append((start, end))
    if seizures != sorted(seizures):
        table.fail("seizures", expected, value)
    return tuple(seizures)


def recorded_to_json(request: RecordedRequest) -> dict[str, Any]:
    """Return the keys of a spec for recordings as JSON values."""
    value: dict[str, Any] = {}
    selection = request.selection
    if isinstance(selection, Listing):
        value["recordings"] = [_listed_to_json(r) for r in selection.recordings]
        if selection.sha256:
            value["sha256"] = dict(selection.sha256)
        if selection.chosen is not None:
            value["chosen"] = _criteria_to_json(selection.chosen)
        if selection.fixture is not None:
            outcome = selection.fixture
            value["fixture"] = {
                "digest": outcome.digest,
                "records": outcome.records,
                **outcome.arrays,
            }
    else:
        value |= _criteria_to_json(selection)
    if request.sfreq is not None:
        value["sfreq"] = request.sfreq
    if request.montage.aliases:
        value["aliases"] = dict(request.montage.aliases)
    for name in ("label_format", "reference"):
        if getattr(request.montage, name) is not None:
            value[name] = getattr(request.montage, name)
    if request.missing != "error":
        value["missing"] = request.missing
    if request.unit is not None:
        value["unit"] = request.unit
    for name in ("licence", "attribution"):
        if getattr(request, name) is not None:
            value[name] = getattr(request, name)
    for name in ("splits", "dev_subjects", "band_pass"):
        if getattr(request, name):
            value[name] = list(getattr(request, name))
    return value | rules_to_json(request.rules)


def _criteria_to_json(criteria: Criteria) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for quota in criteria.quotas:
        of_split = value.setdefault("quotas", {})
        if quota.split is not None:
            of_split = of_split.setdefault(quota.split, {})
        of_split[quota.word] = quota.n_windows
    if not criteria.quotas:
        value["per_kind"] = criteria.per_kind
    for name in ("types", "exclude"):
        if getattr(criteria, name):
            value[name] = list(getattr(criteria, name))
    if criteria.min_distance:
        value["min_distance"] = criteria.min_distance
    for name in ("seed", "per_subject", "per_type"):
        if getattr(criteria, name) is not None:
            value[name] = getattr(criteria, name)
    return value


def _listed_to_json(recording: ListedRecording) -> dict[str, Any]:
    value: dict[str, Any] = {
        "name": recording.name,
        "windows": list(recording.windows),
    }
    if recording.split is not None:
        value["split"] = recording.split
    if recording.seizures is not None:
        value["seizures"] = [list(pair) for pair in recording.seizures]
    if recording.size is not None:
        value["size"] = recording.size
    if recording.read:
        value["read"] = [
            {"start": part.start, "stop": part.stop, "sha256": part.sha256}
            for part in recording.read
        ]
    return value
