"""The Siena Scalp EEG Database: seizure lists by the clock, and recordings.

Invariant: what is offered is annotated and certain. The lists are typed by hand; a time
that contradicts its registration, and a file whose clock or length contradicts its list,
is an `AnnotationError` of that recording. A recording that no list names is unannotated.

References
----------
Siena Scalp EEG Database 1.0.0, https://physionet.org/content/siena-scalp-eeg/1.0.0/. What
the lists are really like: those of PN00 and PN16 and the loader `load_annotations/siena.py`
of https://github.com/esl-epfl/epilepsy2bids; the notes on the release in NEMAR nm000385,
https://doi.org/10.82901/nemar.nm000385, which compare all 41 recordings with the lists.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.corpora import Licence
from bgb_fixtures.corpora.annotations import fail, read_whole
from bgb_fixtures.corpora.bids.events import szcore_label
from bgb_fixtures.corpora.cases import CaseSource
from bgb_fixtures.eeg.montage import electrode_name
from bgb_fixtures.errors import (
    AnnotationError,
    ChannelNotFoundError,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bgb_fixtures.corpora import Recording
    from bgb_fixtures.corpora.corpus import Located
    from bgb_fixtures.edf.byte_source import CorpusPath
    from bgb_fixtures.edf.records import EdfFile, MontageSignal
    from bgb_fixtures.eeg.montage import Row

__all__ = [
    "ListEntry",
    "SeizureList",
    "SienaSource",
    "SubjectInfo",
    "parse_seizure_list",
    "parse_subject_info",
]

_log = logging.getLogger(__name__)

_LICENCE = Licence(
    name="CC-BY-4.0",
    url="https://creativecommons.org/licenses/by/4.0/",
    # What https://physionet.org/content/siena-scalp-eeg/1.0.0/ asks to cite.
    attribution=(
        "Detti, P. (2020). Siena Scalp EEG Database (version 1.0.0). PhysioNet. "
        "https://doi.org/10.13026/5d4a-j060\n"
        "Detti, P., Vatti, G. & Zabalo Manrique de Lara, G. (2020). EEG Synchronization "
        "Analysis for Seizure Prediction: A Study on Data of Noninvasive Recordings. "
        "Processes 8(7), 846. https://doi.org/10.3390/pr8070846\n"
        "Goldberger, A. et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet. "
        "Circulation 101(23), e215-e220."
    ),
    redistributable=True,
)
_LIST_NAME = re.compile(r"Seizures-list-(PN[0-9]+)\.txt", re.IGNORECASE)
_SUBJECT_INFO = "subject_info.csv"
_DAY_S = 24 * 3600
# The longest seizure of the database lasts 151 s (PN13-3). Twelve times that, and still
# less than the hour that one wrong digit adds (PN00-3: 18.28.29 to 19.29.29).
_LONGEST_SEIZURE_S = 1800
# In 22 of the 41 recordings the list and the file end together, in 18 the file goes on
# for 20 s (a public table of all headers). The other one is PN05-3, with 10 s, whose
# clocks differ (nm000385).
_LENGTH_SLACK_S = 60
# Types are given per patient, as SzCORE has them (epilepsy2bids, load_annotations).
_TYPES = {"IAS": "sz_foc_ia", "WIAS": "sz_foc_a", "FBTC": "sz_foc_f2b"}
# All lists have 'Channel 5: 1', where the files have 'EEG O1' (nm000385). The channels
# that the files call '1' and '2' are the 'EKG 1' and 'EKG 2' of the lists: no label of a
# file is to be read otherwise.
_CHANNEL_SLIPS = {"1": "O1"}

# Fields of a list. 'Seizure n 1', 'Seizure n 2 (in sleep):' (PN16); 'Registration start
# time:14.18.30' without a blank (PN14), 'Start time: 21:51:02' (PN01).
_HEADING = re.compile(r"Seizure\s*n\s*(?:\.\s*)?[0-9]+\b.*", re.IGNORECASE)
_FILE_NAME = re.compile(r"File\s*name\s*:\s*(\S+)", re.IGNORECASE)
_REGISTRATION = re.compile(
    r"Registration\s+(start|end)\s+time\s*:\s*(.*)", re.IGNORECASE
)
_TIME = re.compile(r"(?:Seizure\s+)?(start|end)\s+time\s*:\s*(.*)", re.IGNORECASE)
_CHANNEL = re.compile(r"Channel\s+[0-9]+\s*:\s*(.*)", re.IGNORECASE)
# A line that begins like this matters; if no pattern fits, reading on would lose it.
_MATTERS = re.compile(
    r"(?:Seizure|File|Registration|Start\s+time|End\s+time)\b", re.IGNORECASE
)
_EDF_NAME = re.compile(r"PN[0-9][A-Za-z0-9._-]*\.edf", re.IGNORECASE)
# '19.58.36', '21:51:02' (PN01) and both in one, '16:13.23' (PN12).
_CLOCK = re.compile(r"([0-9]{1,2})[.:]([0-9]{2})[.:]([0-9]{2})")
_ADVICE = (
    "If you know what is right, correct your copy of the list; else do without this "
    "recording"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """Hold what a list says of one recording.

    Attributes
    ----------
    written : str
        The name of the file as written, for example ``"PNO6-1.edf"``.
    line : int
        Line of the list where the recording is first named, from 1.
    start : int
        When the registration starts: seconds since midnight.
    duration : int
        Seconds of the registration.
    seizures : tuple of tuple of int
        (start, end) in seconds from the start of the registration; in order, and
        without overlap.
    """

    written: str
    line: int
    start: int
    duration: int
    seizures: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeizureList:
    """Hold what the list of one patient says.

    Attributes
    ----------
    n_seizures : int
        How many it numbers.
    channels : tuple of str
        Names of the channels that are to be used; all others are to be ignored.
    entries : dict of str to ListEntry or AnnotationError
        By name of the file; an entry that is not certain is its error.
    """

    n_seizures: int
    channels: tuple[str, ...]
    entries: dict[str, ListEntry | AnnotationError]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectInfo:
    """Hold what ``subject_info.csv`` says of the seizures of one patient.

    Age and gender are not kept. Nor are the minutes recorded, which are wrong for four
    patients: PN14 by the three hours of the slip in its list, PN03 by twelve.

    Attributes
    ----------
    line : int
        Line of the file, from 1.
    label : str
        TUSZ code of all seizures of the patient.
    n_seizures : int
        How many there are; equal to the number in the list, for all 14 patients.
    """

    line: int
    label: str
    n_seizures: int


@dataclass(slots=True)
class _Block:
    """A seizure, or what stands before the first one, while it is read."""

    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Told:
    """What the blocks of one recording say, as text, each with its line."""

    written: str
    line: int
    clocks: dict[str, list[tuple[str, int]]] = field(
        default_factory=lambda: {"start": [], "end": []}
    )
    seizures: list[dict[str, tuple[str, int]]] = field(default_factory=list)
    error: AnnotationError | None = None


def parse_seizure_list(path: CorpusPath) -> SeizureList:
    """Read the seizures of one patient.

    Parameters
    ----------
    path : path or WebPath
        A ``Seizures-list-PNxx.txt``.

    Returns
    -------
    seizures : SeizureList
        With an entry for each recording that it names.

    Raises
    ------
    AnnotationError
        If it cannot be read, or it is not certain whose seizure it tells of.
    """
    match = _LIST_NAME.fullmatch(path.name)
    if match is None:
        fail(path, 0, "expected a name such as 'Seizures-list-PN00.txt'")
    patient = match[1].upper()
    channels, (head, *seizures) = _read_blocks(path)
    if not seizures:
        problem = (
            "expected the list of a patient of Siena, with lines like 'Seizure n 1'; "
            "found none. Fetch the file again"
        )
        fail(path, 0, problem)
    told: dict[str, _Told] = {}
    # PN01 names its only file, and the registration, before the first seizure.
    common = _block_name(head, patient, path, otherwise="")
    for block in (head, *seizures):
        written = _block_name(block, patient, path, otherwise=common)
        if not written and block.lines:
            problem = "names no file, so it is not known whose seizure this is"
            _fail(path, block.line, problem)
        if written:
            recording = told.setdefault(
                _without_slip(written, patient), _Told(written, block.line)
            )
            try:
                _add_block(recording, block, path, is_seizure=block is not head)
            except AnnotationError as error:
                recording.error = recording.error or error
    entries: dict[str, ListEntry | AnnotationError] = {}
    for name, recording in told.items():
        try:
            entries[name] = _entry(recording, path)
        except AnnotationError as error:
            entries[name] = error
    return SeizureList(n_seizures=len(seizures), channels=channels, entries=entries)


def _read_blocks(path: CorpusPath) -> tuple[tuple[str, ...], list[_Block]]:
    """Return the channels, and the lines that matter: first those before any seizure."""
    # Latin-1 takes every byte; what matters is ASCII.
    text = read_whole(path).decode("latin-1")
    channels = []
    blocks = [_Block(1)]
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if match := _CHANNEL.fullmatch(line):
            channels.append(match[1])
        elif _HEADING.fullmatch(line):
            blocks.append(_Block(number))
        elif _MATTERS.match(line):
            blocks[-1].lines.append((number, line))
    return tuple(channels), blocks


def _block_name(
    block: _Block, patient: str, path: CorpusPath, *, otherwise: str
) -> str:
    """Return the name of the file that a block is about, as it is written."""
    names: dict[str, int] = {}
    for number, line in block.lines:
        if match := _FILE_NAME.fullmatch(line):
            names[match[1]] = number
    if len(names) > 1:
        *_, number = names.values()
        problem = f"expected the name of one file, got {', '.join(map(repr, names))}"
        _fail(path, number, problem)
    for name, number in names.items():
        right = _without_slip(name, patient)
        if not (_EDF_NAME.fullmatch(right) and right.startswith(patient)):
            problem = f"expected the name of an EDF file of {patient}, got {name!r}"
            _fail(path, number, problem)
        return name
    return otherwise


def _without_slip(written: str, patient: str) -> str:
    """Return the name of a file with digits for letters: 'PNO6-1.edf' is of PN06."""
    start = written[: len(patient)].upper()
    # The third letter on: the name of the list says what it has to be.
    if start[:2] + start[2:].replace("O", "0") == patient:
        return patient + written[len(patient) :]
    return written


def _add_block(
    recording: _Told, block: _Block, path: CorpusPath, *, is_seizure: bool
) -> None:
    times: dict[str, tuple[str, int]] = {}
    for number, line in block.lines:
        if match := _REGISTRATION.fullmatch(line):
            recording.clocks[match[1].lower()].append((match[2], number))
        elif is_seizure and (match := _TIME.fullmatch(line)):
            which = match[1].lower()
            if which in times:
                problem = f"second {which} time of one seizure: {match[2]!r}"
                _fail(path, number, problem)
            times[which] = (match[2], number)
        elif not _FILE_NAME.fullmatch(line):
            problem = (
                f"cannot be understood: {line!r}; expected for example "
                "'Seizure start time: 19.58.36'"
            )
            _fail(path, number, problem)
    if is_seizure:
        missing = [which for which in ("start", "end") if which not in times]
        if missing:
            problem = f"the seizure lacks its {' and '.join(missing)} time"
            _fail(path, block.line, problem)
        recording.seizures.append(times)


def _entry(recording: _Told, path: CorpusPath) -> ListEntry:
    """Check what was told of one recording; it is certain, or it is an error."""
    if recording.error is not None:
        raise recording.error
    begin = _registration(recording, "start", path)
    end = _registration(recording, "end", path)
    duration = (end - begin) % _DAY_S
    within = f"the registration from {_clock_text(begin)} to {_clock_text(end)}"
    if duration == 0:
        problem = f"expected some time to pass in {within}"
        _fail(path, recording.clocks["end"][0][1], problem)
    seizures: list[tuple[int, int]] = []
    for times in recording.seizures:
        seconds = {}
        for which, (text, line) in times.items():
            clock = _parse_clock(text)
            if clock is None:
                problem = (
                    f"{which} of a seizure: expected one time by the clock such as "
                    f"'19.58.36', got {text!r}"
                )
                _fail(path, line, problem)
            # Past midnight the clock begins again.
            seconds[which] = (clock - begin) % _DAY_S
            if seconds[which] > duration:
                problem = f"seizure {which}s at {text}; expected within {within}"
                _fail(path, line, problem)
        start, stop = seconds["start"], seconds["end"]
        (first, first_line), (last, last_line) = times["start"], times["end"]
        if stop <= start:
            problem = f"seizure ends at {last}; expected after its start, {first}"
            _fail(path, last_line, problem)
        if stop - start > _LONGEST_SEIZURE_S:
            problem = (
                f"seizure lasts {stop - start} s, from {first} to {last}; expected at "
                f"most {_LONGEST_SEIZURE_S} s, so an hour may be mistyped"
            )
            _fail(path, last_line, problem)
        if seizures and start < seizures[-1][1]:
            problem = (
                f"seizure starts at {first}, before the one listed above it ends; "
                "expected seizures in order and without overlap"
            )
            _fail(path, first_line, problem)
        seizures.append((start, stop))
    return ListEntry(
        written=recording.written,
        line=recording.line,
        start=begin,
        duration=duration,
        seizures=tuple(seizures),
    )


def _registration(recording: _Told, which: str, path: CorpusPath) -> int:
    """Return a border of a registration in seconds since midnight.

    Several seizures of one recording may repeat it or leave it out (PN12). PN10 has
    '1 6.49.25' once and '16.49.25' twice for one file: what is torn apart counts for
    what it is without blanks if another line says that.
    """
    told = recording.clocks[which]
    if not told:
        problem = f"{recording.written!r} lacks 'Registration {which} time:'"
        _fail(path, recording.line, problem)
    readable = [clock for text, _ in told if (clock := _parse_clock(text)) is not None]
    for text, line in told:
        if not readable:
            problem = (
                f"registration {which}: expected a time by the clock such as "
                f"'19.39.33', got {text!r}"
            )
            _fail(path, line, problem)
        if _parse_clock("".join(text.split())) != readable[0]:
            problem = (
                f"registration {which} of {recording.written!r}: expected "
                f"{_clock_text(readable[0])} as in another line, got {text!r}"
            )
            _fail(path, line, problem)
    return readable[0]


def _parse_clock(text: str) -> int | None:
    """Return seconds since midnight; None if it is no time by the clock."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = map(int, match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return (hours * 60 + minutes) * 60 + seconds


def _clock_text(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}.{minutes % 60:02d}.{seconds:02d}"


def _fail(path: CorpusPath, line: int, problem: str) -> NoReturn:
    fail(path, line, f"{problem}. {_ADVICE}")


def parse_subject_info(path: CorpusPath) -> dict[str, SubjectInfo | AnnotationError]:
    """Read type and number of seizures of each patient.

    Parameters
    ----------
    path : path or WebPath
        A ``subject_info.csv``; the columns patient_id, seizure and number_seizures are
        needed, and no other is looked at.

    Returns
    -------
    subjects : dict of str to SubjectInfo or AnnotationError
        By patient; a row that is not certain is its error.

    Raises
    ------
    AnnotationError
        If it cannot be read.
    """
    text = read_whole(path).decode("latin-1")
    # Blanks stand behind the commas of the first line.
    rows = [[value.strip() for value in line.split(",")] for line in text.split("\n")]
    try:
        places = [
            rows[0].index(name) for name in ("patient_id", "seizure", "number_seizures")
        ]
    except ValueError:
        problem = (
            "expected the columns patient_id, seizure and number_seizures, separated "
            "by commas. Fetch the file again"
        )
        fail(path, 1, problem)
    subjects: dict[str, SubjectInfo | AnnotationError] = {}
    for line, row in enumerate(rows[1:], 2):
        if any(row):
            values = dict(enumerate(row))
            patient, kind, count = (values.get(place, "") for place in places)
            if isinstance(subjects.get(patient), AnnotationError):
                continue
            try:
                if patient in subjects:
                    fail(path, line, f"second row for {patient!r}; expected one")
                subjects[patient] = _subject(kind, count, path=path, line=line)
            except AnnotationError as error:
                subjects[patient] = error
    return subjects


def _subject(kind: str, count: str, *, path: CorpusPath, line: int) -> SubjectInfo:
    if kind not in _TYPES:
        fail(path, line, f"seizure: expected one of {', '.join(_TYPES)}, got {kind!r}")
    if not re.fullmatch("[0-9]{1,4}", count):
        fail(path, line, f"number_seizures: expected a number, got {count!r}")
    label = szcore_label(_TYPES[kind])
    return SubjectInfo(line=line, label=label or "seiz", n_seizures=int(count))


class SienaSource(CaseSource[ListEntry]):
    """Siena recordings below a folder, or one of them; see `CaseSource`.

    Notes
    -----
    Without ``subject_info.csv`` beside the folders of the patients, seizures are of
    unknown type, and a seizure that a list lost would not be noticed.
    """

    title = "Siena"
    address = "https://physionet.org/files/siena-scalp-eeg/1.0.0/"
    prefix = "PN"
    list_pattern = _LIST_NAME
    list_form = "Seizures-list-PNxx.txt"
    case_form = "PNxx"
    list_of_case = "seizure list of its patient"

    @property
    def licence(self) -> Licence:
        """CC BY 4.0, with what the database asks to cite."""
        return _LICENCE

    def _find(self) -> dict[str, Located]:
        self._lists: dict[str, SeizureList] = {}
        self._subjects: dict[str, SubjectInfo | AnnotationError] = {}
        self._broken_info: AnnotationError | None = None
        info = self._database / _SUBJECT_INFO
        self._info = info if info.is_file() else None
        if self._info is not None:
            try:
                self._subjects = parse_subject_info(self._info)
            except AnnotationError as error:
                self._broken_info = error
        return super()._find()

    def _parse(
        self, path: CorpusPath, case: str, names: Collection[str]
    ) -> dict[str, ListEntry | AnnotationError]:
        found = self._lists[case] = parse_seizure_list(path)
        if self._broken_info is not None:
            raise self._broken_info
        return _by_file(found.entries, case, names)

    def _witnesses(
        self,
        folder: CorpusPath,  # noqa: ARG002
        file_name: str,  # noqa: ARG002
        present: Collection[str],  # noqa: ARG002
    ) -> tuple[CorpusPath, ...]:
        return () if self._info is None else (self._info,)

    def _annotation_name(self, name: str, path: str) -> str:
        if self._file(path) == self._info:
            return _SUBJECT_INFO
        return super()._annotation_name(name, path)

    def _label(
        self,
        case: str,
        entry: ListEntry,  # noqa: ARG002
        located: Located,
    ) -> str:
        """Return the type of the seizures of a patient; all of them must be listed."""
        if self._info is None:
            return "seiz"
        info = self._subjects.get(case)
        if isinstance(info, AnnotationError):
            raise info
        if info is None:
            msg = (
                f"{str(self._info)!r}: expected a row for {case}, found none; fetch "
                "the file again, or take it away to do without types of seizures"
            )
            raise AnnotationError(msg)
        n_listed = self._lists[case].n_seizures
        if n_listed != info.n_seizures:
            msg = (
                f"{located.annotations[0]!r}: lists {n_listed} seizures, and "
                f"{_SUBJECT_INFO!r}, line {info.line}, has {info.n_seizures} for {case}; "
                "a seizure may be missing in any recording of it. Fetch both files again"
            )
            raise AnnotationError(msg)
        return info.label

    def _check_file(
        self,
        recording: Recording,
        edf: EdfFile,
        rows: Sequence[Row],
        signal: MontageSignal,
    ) -> None:
        """Compare clock, length and channels of a file with the list."""
        entry = self._entries[recording.name]
        place = self._located[recording.name].place
        file_name = recording.name.partition("/")[2]
        # PN14-3 has 16.17.45 in the list and 19.17.45 in the file, PN05-3 06.01.23 and
        # 06.01.13 (nm000385). Seizures lie at other samples then.
        if _parse_clock(edf.header.starttime) != entry.start:
            msg = (
                f"{place}: registration starts at {_clock_text(entry.start)}, and the "
                f"header of {file_name!r} says {edf.header.starttime!r}; expected the "
                "same, as seizures are found by the clock. Do without this recording"
            )
            raise AnnotationError(msg)
        super()._check_file(recording, edf, rows, signal)
        seconds = signal.n_times / signal.sfreq
        if abs(seconds - entry.duration) > _LENGTH_SLACK_S:
            msg = (
                f"{place}: registration lasts {entry.duration} s, and {file_name!r} "
                f"holds {seconds:g} s; expected a difference of at most "
                f"{_LENGTH_SLACK_S} s. Fetch the file again, or do without it"
            )
            raise AnnotationError(msg)
        self._check_channels(recording, edf, rows, place=place)

    def _check_channels(
        self, recording: Recording, edf: EdfFile, rows: Sequence[Row], *, place: str
    ) -> None:
        """Refuse a channel that the list leaves out, as all others are to be ignored."""
        channels = self._lists[recording.subject].channels
        listed = {electrode_name(_CHANNEL_SLIPS.get(name, name)) for name in channels}
        if not channels:
            return
        left_out = []
        for row in rows:
            for index in (*row.plus, *row.minus):
                label = edf.header.signals[index].label
                electrode = electrode_name(label.upper().removeprefix("EEG").strip())
                if electrode is not None and electrode not in listed:
                    left_out.append(electrode)
        if left_out:
            missing = tuple(dict.fromkeys(left_out))
            msg = (
                f"{place}: the list leaves {', '.join(missing)} out of the channels of "
                f"{recording.name!r}, and all others are to be ignored; its "
                f"{len(channels)} channels: {shorten(', '.join(map(repr, channels)))}."
            )
            raise ChannelNotFoundError(msg, missing=missing)

    def _note(self, name: str, edf: EdfFile) -> None:
        """Warn of what was decided while the header was read."""
        super()._note(name, edf)
        entry = self._entries[name]
        file_name = name.partition("/")[2]
        if entry.written != file_name:
            self._assume(
                # 'list' is in the name of the list, and no such word may get out.
                "a slip in the name of the file in the annotations is put right; clock "
                "and length agree",
                name,
            )
            _log.warning("%s: is called %r in the list", name, entry.written)
        for written in self._lists[name.partition("/")[0]].channels:
            if written in _CHANNEL_SLIPS:
                read = _CHANNEL_SLIPS[written]
                self._assume(
                    f"channel {written!r} of the annotations is {read!r}", name
                )


def _by_file(
    entries: dict[str, ListEntry | AnnotationError],
    patient: str,
    names: Collection[str],
) -> dict[str, ListEntry | AnnotationError]:
    """Return entries by the name of the file that is there.

    The lists of PN01 and PN11 have 'PN01.edf' and 'PN11-.edf' for their only recording,
    'PN01-1.edf' and 'PN11-1.edf'. With one entry and one file nothing else can be meant;
    clock and length are compared when it is opened.
    """
    if len(entries) == len(names) == 1:
        ((written, entry),) = entries.items()
        if re.fullmatch(rf"{patient}-?\.edf", written, re.IGNORECASE):
            return dict.fromkeys(names, entry)
    return entries
