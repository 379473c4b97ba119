"""The seizure list of a patient of Siena: clock times of seizures, typed by hand.

Invariant: a time that contradicts its registration is an AnnotationError of that
recording, with file and line.

References
----------
Form of the real lists: PN00 and PN16, and the loader `load_annotations/siena.py` of
https://github.com/esl-epfl/epilepsy2bids; notes on the release in NEMAR nm000385,
https://doi.org/10.82901/nemar.nm000385, which compare all 41 recordings with the lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.corpora.text import fail, read_whole
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    from bgb_fixtures.corpora.places import CorpusPath

__all__ = [
    "LIST_NAME",
    "ListEntry",
    "SeizureList",
    "clock_text",
    "parse_clock",
    "parse_seizure_list",
]

LIST_NAME = re.compile(r"Seizures-list-(PN[0-9]+)\.txt", re.IGNORECASE)
_DAY_S = 24 * 3600
# The longest seizure of the database lasts 151 s (PN13-3). Twelve times that, and still
# less than the hour that one wrong digit adds (PN00-3: 18.28.29 to 19.29.29).
_LONGEST_SEIZURE_S = 1800

# Fields of a list. 'Seizure n 1', 'Seizure n 2 (in sleep):' (PN16); 'Registration start
# time:14.18.30' without a blank (PN14), 'Start time: 21:51:02' (PN01).
_HEADING = re.compile(r"Seizure\s*n\s*(?:\.\s*)?[0-9]+\b.*", re.IGNORECASE)
_FILE_NAME = re.compile(r"File\s*name\s*:\s*(\S+)", re.IGNORECASE)
_REGISTRATION = re.compile(
    r"Registration\s+(start|end)\s+time\s*:\s*(.*)", re.IGNORECASE
)
_TIME = re.compile(r"(?:Seizure\s+)?(start|end)\s+time\s*:\s*(.*)", re.IGNORECASE)
_CHANNEL = re.compile(r"Channel\s+[0-9]+\s*:\s*(.*)", re.IGNORECASE)
# Lines that begin like this hold data, so it is an error if no pattern matches them.
_MATTERS = re.compile(
    r"(?:Seizure|File|Registration|Start\s+time|End\s+time)\b", re.IGNORECASE
)
_EDF_NAME = re.compile(r"PN[0-9][A-Za-z0-9._-]*\.edf", re.IGNORECASE)
# '19.58.36', '21:51:02' (PN01), and both separators in one time, '16:13.23' (PN12).
_CLOCK = re.compile(r"([0-9]{1,2})[.:]([0-9]{2})[.:]([0-9]{2})")
_ADVICE = (
    "If you know the right value, correct your copy of the list; otherwise exclude "
    "this recording (--exclude)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """Entry of one recording in a list.

    Attributes
    ----------
    written : str
        The name of the file as written, for example ``"PNO6-1.edf"``.
    line : int
        Line of the list where the recording is first named, from 1.
    start : int
        Start of the registration in seconds since midnight.
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
    """The list of one patient.

    Attributes
    ----------
    n_seizures : int
        Number of seizures in the list.
    channels : tuple of str
        Names of the channels to use; all others must be ignored.
    entries : dict of str to ListEntry or AnnotationError
        Entries by file name; an ambiguous entry is replaced by its error.
    """

    n_seizures: int
    channels: tuple[str, ...]
    entries: dict[str, ListEntry | AnnotationError]


@dataclass(slots=True)
class _Block:
    """The lines of a seizure, or the lines before the first seizure."""

    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class _RawEntry:
    """The texts of all blocks of one recording, each with its line."""

    written: str
    line: int
    clocks: dict[str, list[tuple[str, int]]] = field(
        default_factory=lambda: {"start": [], "end": []}
    )
    seizures: list[dict[str, tuple[str, int]]] = field(default_factory=list)
    error: AnnotationError | None = None


def parse_seizure_list(path: CorpusPath) -> SeizureList:
    """Read the seizures of one patient."""
    match = LIST_NAME.fullmatch(path.name)
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
    recordings: dict[str, _RawEntry] = {}
    # PN01 gives its only file name and the registration before the first seizure.
    common = _block_name(head, patient, path, otherwise="")
    for block in (head, *seizures):
        written = _block_name(block, patient, path, otherwise=common)
        if not written and block.lines:
            problem = "names no file, so the recording of this seizure is unknown"
            _fail(path, block.line, problem)
        if written:
            recording = recordings.setdefault(
                _without_slip(written, patient), _RawEntry(written, block.line)
            )
            try:
                _add_block(recording, block, path, is_seizure=block is not head)
            except AnnotationError as error:
                recording.error = recording.error or error
    entries: dict[str, ListEntry | AnnotationError] = {}
    for name, recording in recordings.items():
        try:
            entries[name] = _entry(recording, path)
        except AnnotationError as error:
            entries[name] = error
    return SeizureList(n_seizures=len(seizures), channels=channels, entries=entries)


def _read_blocks(path: CorpusPath) -> tuple[tuple[str, ...], list[_Block]]:
    """Return the channels, and the blocks: the head first, then one per seizure."""
    # Latin-1 decodes every byte; the fields are ASCII.
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
    """Return the file name in a block, as written."""
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
    """Return a file name with letter O corrected to zero: 'PNO6-1.edf' is of PN06."""
    start = written[: len(patient)].upper()
    # Only if this gives the patient in the name of the list.
    if start[:2] + start[2:].replace("O", "0") == patient:
        return patient + written[len(patient) :]
    return written


def _add_block(
    recording: _RawEntry, block: _Block, path: CorpusPath, *, is_seizure: bool
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


def _entry(recording: _RawEntry, path: CorpusPath) -> ListEntry:
    """Return the checked entry of one recording; AnnotationError if it is ambiguous."""
    if recording.error is not None:
        raise recording.error
    begin = _registration(recording, "start", path)
    end = _registration(recording, "end", path)
    duration = (end - begin) % _DAY_S
    within = f"the registration from {clock_text(begin)} to {clock_text(end)}"
    if duration == 0:
        problem = f"expected some time to pass in {within}"
        _fail(path, recording.clocks["end"][0][1], problem)
    seizures: list[tuple[int, int]] = []
    for times in recording.seizures:
        seconds = {}
        for which, (text, line) in times.items():
            clock = parse_clock(text)
            if clock is None:
                problem = (
                    f"{which} of a seizure: expected one clock time such as "
                    f"'19.58.36', got {text!r}"
                )
                _fail(path, line, problem)
            # The clock restarts at midnight.
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


def _registration(recording: _RawEntry, which: str, path: CorpusPath) -> int:
    """Return the start or end of a registration in seconds since midnight.

    The blocks of one recording may repeat or omit it (PN12). PN10 has '1 6.49.25' once
    and '16.49.25' twice for one file: a time with a stray space is accepted if another
    line confirms it.
    """
    clocks = recording.clocks[which]
    if not clocks:
        problem = f"{recording.written!r} lacks 'Registration {which} time:'"
        _fail(path, recording.line, problem)
    readable = [clock for text, _ in clocks if (clock := parse_clock(text)) is not None]
    for text, line in clocks:
        if not readable:
            problem = (
                f"registration {which}: expected a clock time such as "
                f"'19.39.33', got {text!r}"
            )
            _fail(path, line, problem)
        if parse_clock("".join(text.split())) != readable[0]:
            problem = (
                f"registration {which} of {recording.written!r}: expected "
                f"{clock_text(readable[0])} as in another line, got {text!r}"
            )
            _fail(path, line, problem)
    return readable[0]


def parse_clock(text: str) -> int | None:
    """Parse a clock time to seconds since midnight; None if it is invalid."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = map(int, match.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return (hours * 60 + minutes) * 60 + seconds


def clock_text(seconds: int) -> str:
    """Format seconds since midnight as in the lists, such as 19.58.36."""
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}.{minutes % 60:02d}.{seconds:02d}"


def _fail(path: CorpusPath, line: int, problem: str) -> NoReturn:
    fail(path, line, f"{problem}. {_ADVICE}")
