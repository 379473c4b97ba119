"""The CHB-MIT Scalp EEG Database: summaries, their second witness, and recordings.

Invariant: what is offered is annotated and certain. A recording without an entry in the
summary of its case is unannotated, which is not the same as free of seizures; a summary
that contradicts itself, its sidecar or the recording is an `AnnotationError`.

References
----------
CHB-MIT Scalp EEG Database 1.0.0, https://physionet.org/content/chbmit/1.0.0/; WFDB
annotation files, https://physionet.org/physiotools/wag/annot-5.htm.
"""

from __future__ import annotations

import logging
import re
import struct
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.corpora import Licence
from bgb_fixtures.corpora.annotations import fail, read_whole
from bgb_fixtures.corpora.cases import CaseSource
from bgb_fixtures.edf.byte_source import CorpusPath, corpus_path
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Sequence

    from bgb_fixtures.corpora.corpus import Located
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.edf.records import EdfFile

__all__ = ["ChbmitSource", "SummaryEntry", "parse_sidecar", "parse_summary"]

_log = logging.getLogger(__name__)

_LICENCE = Licence(
    name="ODC-By-1.0",
    url="https://opendatacommons.org/licenses/by/1-0/",
    # What https://physionet.org/content/chbmit/1.0.0/ asks to cite.
    attribution=(
        "Guttag, J. (2010). CHB-MIT Scalp EEG Database (version 1.0.0). PhysioNet. "
        "https://doi.org/10.13026/C2K01R\n"
        "Shoeb, A. (2009). Application of Machine Learning to Epileptic Seizure Onset "
        "Detection and Treatment. PhD thesis, Massachusetts Institute of Technology.\n"
        "Goldberger, A. et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet. "
        "Circulation 101(23), e215-e220."
    ),
    redistributable=True,
)
# chb12_28 and chb12_29 have a zero in place of the letter: '01' for 'O1'.
_LABEL_SLIPS = {"01": "O1"}
# The longest recordings last four hours; a clock that says much more is wrong.
_LONGEST_S = 6 * 3600
_DAY_S = 24 * 3600

# Fields of a summary. Real files differ in case, in the number of blanks and in whether
# a seizure is numbered: 'Seizure Start Time: 2996 seconds', 'Seizure 2 End Time:  3535
# seconds' (chb12); a split at ': ' would lose the latter.
_FILE_NAME = re.compile(r"File\s+Name\s*:\s*(\S+)", re.IGNORECASE)
_CLOCK_LINE = re.compile(r"File\s+(Start|End)\s+Time\s*:\s*(.*)", re.IGNORECASE)
_COUNT = re.compile(
    r"Number\s+of\s+Seizures\s+in\s+File\s*:\s*([0-9]{1,9})", re.IGNORECASE
)
_SEIZURE = re.compile(
    r"Seizure\s*(?:[0-9]+\s*)?(Start|End)\s+Time\s*:\s*(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)"
    r"\s*(?:seconds?|secs?|s)?",
    re.IGNORECASE,
)
# A line that begins like this matters; if no pattern fits, reading on would lose it.
_MATTERS = re.compile(r"File\b|Number\b|Seizure", re.IGNORECASE)
_EDF_NAME = re.compile(r"[A-Za-z0-9_+-]+\.edf", re.IGNORECASE)
# Hours may have one digit, and reach 27: '24:21:32' is after midnight (chb05_07).
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5]?[0-9]):([0-5]?[0-9])")

# WFDB annotation codes; a word holds a code (6 bits) and an interval (10 bits).
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_ONSET, _END = 32, 33
_RESOLUTION = re.compile(rb"## time resolution: ([1-9][0-9]{0,5})")
_DEFAULT_RESOLUTION = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryEntry:
    """Hold what a summary says of one recording.

    Attributes
    ----------
    file_name : str
        For example ``"chb01_03.edf"``.
    line : int
        Line of the summary where the entry begins, from 1.
    duration : float or None
        Seconds, if the clock times make sense.
    seizures : tuple of tuple of decimal.Decimal
        (start, end) in seconds from the start of the recording; in order, and without
        overlap.
    """

    file_name: str
    line: int
    duration: float | None
    seizures: tuple[tuple[Decimal, Decimal], ...]


@dataclass(slots=True)
class _Block:
    """An entry while its lines are read."""

    file_name: str
    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    count: int | None = None
    clock: dict[str, str] = field(default_factory=dict)
    times: list[tuple[str, Decimal, int]] = field(default_factory=list)


def parse_summary(path: str | os.PathLike[str] | WebPath) -> tuple[SummaryEntry, ...]:
    """Read the summary of one case.

    Parameters
    ----------
    path : str, path or WebPath
        A ``chbNN-summary.txt``.

    Returns
    -------
    entries : tuple of SummaryEntry
        One per recording that it names, in its order.

    Raises
    ------
    AnnotationError
        If it cannot be read, or says something twice, in part or in contradiction.
    """
    path = corpus_path(path)
    entries = []
    for _, entry in _iter_entries(path):
        if isinstance(entry, AnnotationError):
            raise entry
        entries.append(entry)
    return tuple(entries)


def _iter_entries(
    path: CorpusPath,
) -> Iterator[tuple[str, SummaryEntry | AnnotationError]]:
    """Yield (file name, entry) of a summary; an entry that is not certain is its error.

    What is wrong outside of the entries is raised.
    """
    blocks: list[_Block] = []
    first: dict[str, int] = {}
    for number, line in _lines_that_matter(path):
        if match := _FILE_NAME.fullmatch(line):
            blocks.append(_Block(match[1], number))
            first.setdefault(match[1], number)
        elif not blocks:
            fail(path, number, f"{line!r} stands before the first 'File Name:'")
        else:
            blocks[-1].lines.append((number, line))
    if not blocks:
        msg = (
            f"{str(path)!r}: expected the summary of a CHB-MIT case, with lines like "
            "'File Name: chb01_03.edf'; found none. Fetch the file again."
        )
        raise AnnotationError(msg)
    for block in blocks:
        entry: SummaryEntry | AnnotationError
        try:
            if not _EDF_NAME.fullmatch(block.file_name):
                problem = f"expected the name of an EDF file, got {block.file_name!r}"
                fail(path, block.line, problem)
            if block.line != first[block.file_name]:
                problem = (
                    f"second entry for {block.file_name!r}; first in line "
                    f"{first[block.file_name]}"
                )
                fail(path, block.line, problem)
            for number, line in block.lines:
                _add_line(block, line, number, path)
            entry = _entry(block, path)
        except AnnotationError as error:
            entry = error
        yield block.file_name, entry


def _lines_that_matter(path: CorpusPath) -> Iterator[tuple[int, str]]:
    # Latin-1 takes every byte; what matters is ASCII.
    text = read_whole(path).decode("latin-1")
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if _MATTERS.match(line):
            yield number, line


def _add_line(block: _Block, line: str, number: int, path: CorpusPath) -> None:
    if match := _SEIZURE.fullmatch(line):
        block.times.append((match[1].lower(), Decimal(match[2]), number))
    elif match := _COUNT.fullmatch(line):
        if block.count is not None:
            fail(path, number, f"second count of seizures for {block.file_name!r}")
        block.count = int(match[1])
    elif match := _CLOCK_LINE.fullmatch(line):
        block.clock[match[1].lower()] = match[2]
    else:
        problem = (
            f"cannot be understood: {line!r}; expected for example "
            "'Seizure 1 Start Time: 2996 seconds'"
        )
        fail(path, number, problem)


def _entry(block: _Block, path: CorpusPath) -> SummaryEntry:
    """Check one entry; it is certain, or it is an error."""
    seizures: list[tuple[Decimal, Decimal]] = []
    ends = Decimal(0)
    duration = _clock_duration(block.clock)
    for (which, start, line), (other, end, end_line) in _pairs(block, path):
        if (which, other) != ("start", "end"):
            problem = (
                f"expected a start and then an end time of each seizure of "
                f"{block.file_name!r}, got {which} and {other} time"
            )
            fail(path, end_line, problem)
        if start < 0:
            fail(path, line, f"seizure starts at {start} s; expected at least 0 s")
        if end <= start:
            problem = f"seizure ends at {end} s; expected after its start, {start} s"
            fail(path, end_line, problem)
        if start < ends:
            problem = (
                f"seizure starts at {start} s, before the one listed above it ends, at "
                f"{ends} s; expected seizures in order and without overlap"
            )
            fail(path, line, problem)
        if duration is not None and end > duration:
            problem = (
                f"seizure ends at {end} s, after {block.file_name!r} does: by its "
                f"start and end time it lasts {duration} s"
            )
            fail(path, end_line, problem)
        seizures.append((start, end))
        ends = end
    if block.count is None:
        problem = f"{block.file_name!r} lacks 'Number of Seizures in File:'"
        fail(path, block.line, problem)
    if block.count != len(seizures):
        problem = (
            f"{block.file_name!r} declares {block.count} seizures, and start and end "
            f"times are given for {len(seizures)}"
        )
        fail(path, block.line, problem)
    return SummaryEntry(
        file_name=block.file_name,
        line=block.line,
        duration=None if duration is None else float(duration),
        seizures=tuple(seizures),
    )


def _pairs(
    block: _Block, path: CorpusPath
) -> Iterator[tuple[tuple[str, Decimal, int], tuple[str, Decimal, int]]]:
    times = block.times
    if len(times) % 2:
        which, _, line = times[-1]
        problem = f"{which} time of a seizure of {block.file_name!r} without the other"
        fail(path, line, problem)
    return zip(times[::2], times[1::2], strict=True)


def _clock_duration(clock: dict[str, str]) -> int | None:
    """Return seconds from start to end, or None if the clock is not to be trusted."""
    moments = []
    for which in ("start", "end"):
        match = _CLOCK.fullmatch(clock.get(which, ""))
        if match is None:
            return None
        hours, minutes, seconds = (int(part) for part in match.groups())
        moments.append((hours * 60 + minutes) * 60 + seconds)
    # Past midnight hours go on to 24 and more, or begin again at 0.
    duration = (moments[1] - moments[0]) % _DAY_S
    return duration if 0 < duration <= _LONGEST_S else None


def parse_sidecar(
    path: str | os.PathLike[str] | WebPath,
) -> tuple[tuple[Fraction, Fraction], ...]:
    """Read the seizures of an ``.edf.seizures`` file.

    Parameters
    ----------
    path : str, path or WebPath
        An annotation file in the MIT format of WFDB.

    Returns
    -------
    seizures : tuple of tuple of fractions.Fraction
        (start, end) in seconds from the start of the recording.

    Raises
    ------
    AnnotationError
        If it is not such a file, or is cut off.
    """
    path = corpus_path(path)
    raw = read_whole(path)
    seizures: list[tuple[Fraction, Fraction]] = []
    onset: Fraction | None = None
    resolution = _DEFAULT_RESOLUTION
    for code, time, text, position in _wfdb_annotations(raw, path):
        if match := _RESOLUTION.match(text):
            resolution = int(match[1])
        if code not in (_ONSET, _END):
            continue
        if (code == _ONSET) != (onset is None):
            problem = "start and end of seizures do not take turns"
            _fail_at(path, position, problem)
        seconds = Fraction(time, resolution)
        if onset is None:
            onset = seconds
        else:
            seizures.append((onset, seconds))
            onset = None
    if onset is not None:
        _fail_at(path, len(raw), "the last seizure has no end")
    return tuple(seizures)


def _fail_at(path: CorpusPath, position: int, problem: str) -> NoReturn:
    msg = f"{str(path)!r}, byte {position}: {problem}; fetch the file again"
    raise AnnotationError(msg)


def _wfdb_annotations(
    raw: bytes, path: CorpusPath
) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield (code, sample, text, position) of each annotation and each text."""
    position = time = 0
    try:
        while True:
            here = position
            (word,) = struct.unpack_from("<H", raw, position)
            position += 2
            if word == 0:
                return
            code, interval = word >> 10, word & 0x3FF
            if code == _SKIP:
                # 32 bits, the high word first, each word little-endian (PDP-11).
                high, low = struct.unpack_from("<hH", raw, position)
                position += 4
                time += (high << 16) + low
            elif code == _AUX:
                text = raw[position : position + interval]
                position += interval + interval % 2
                yield code, time, text, here
            elif code not in (_NUM, _SUB, _CHN):
                time += interval
                yield code, time, b"", here
    except struct.error:
        _fail_at(path, len(raw), "the file ends before its end mark (two zero bytes)")


class ChbmitSource(CaseSource[SummaryEntry]):
    """CHB-MIT recordings below a folder, or one of them; see `CaseSource`."""

    title = "CHB-MIT"
    address = "https://physionet.org/files/chbmit/1.0.0/"
    prefix = "chb"
    list_pattern = re.compile(r"(chb[0-9]+)-summary\.txt", re.IGNORECASE)
    list_form = "chbNN-summary.txt"
    case_form = "chbNN"
    list_of_case = "summary of its case"
    # Is the same person, one and a half years later (database description).
    same_subject = {"chb21": "chb01"}  # noqa: RUF012

    @property
    def licence(self) -> Licence:
        """ODC-By 1.0, with what the database asks to cite."""
        return _LICENCE

    def _parse(
        self,
        path: CorpusPath,
        case: str,  # noqa: ARG002
        names: Collection[str],  # noqa: ARG002
    ) -> dict[str, SummaryEntry | AnnotationError]:
        # Of two entries for a file the last counts, which is an error.
        return dict(_iter_entries(path))

    def _witnesses(
        self, folder: CorpusPath, file_name: str, present: Collection[str]
    ) -> tuple[CorpusPath, ...]:
        sidecar = f"{file_name}.seizures"
        return (folder / sidecar,) if sidecar in present else ()

    def _label(
        self,
        case: str,  # noqa: ARG002
        entry: SummaryEntry,
        located: Located,
    ) -> str:
        summary, *sidecars = map(self._file, located.annotations)
        for sidecar in sidecars:
            _check_sidecar(sidecar, summary, entry)
        return "seiz"

    def _channel_labels(self, edf: EdfFile) -> list[str]:
        labels = super()._channel_labels(edf)
        return [_LABEL_SLIPS.get(label, label) for label in labels]

    def _note(self, name: str, edf: EdfFile) -> None:
        """Warn of what was decided while the header was read."""
        super()._note(name, edf)
        for signal in edf.header.signals:
            if signal.label in _LABEL_SLIPS:
                read = _LABEL_SLIPS[signal.label]
                self._assume(f"label {signal.label!r} is read as {read!r}", name)
                _log.warning(
                    "%s: channel label %r read as %r (a slip of this database)",
                    name,
                    signal.label,
                    read,
                )


def _check_sidecar(
    sidecar: CorpusPath, summary: CorpusPath, entry: SummaryEntry
) -> None:
    """Compare the two witnesses; the summary rounds to whole seconds."""
    told = [(Fraction(start), Fraction(end)) for start, end in entry.seizures]
    seen = parse_sidecar(sidecar)
    agree = len(told) == len(seen) and all(
        abs(a - b) < 1
        for one, other in zip(told, seen, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    if not agree:
        problem = (
            f"{entry.file_name!r} has {_spans(told)}, and its sidecar "
            f"{sidecar.name!r} has {_spans(seen)}; one of the two is wrong"
        )
        fail(summary, entry.line, problem)


def _spans(seizures: Sequence[tuple[Fraction, Fraction]]) -> str:
    spans = ", ".join(f"{float(a):g}-{float(b):g} s" for a, b in seizures)
    return f"seizures at {spans}" if spans else "no seizures"
