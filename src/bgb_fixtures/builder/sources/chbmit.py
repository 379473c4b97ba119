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
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bgb_fixtures.builder.sources import Licence, Recording
from bgb_fixtures.builder.sources.edf import EdfFile, LocalFile, MontageSignal
from bgb_fixtures.errors import AnnotationError, SourceError
from bgb_fixtures.events import Event
from bgb_fixtures.montage import resolve_montage

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

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
# chb21 is the same person as chb01, one and a half years later (database description).
_SAME_SUBJECT = {"chb21": "chb01"}
# chb12_28 and chb12_29 have a zero in place of the letter: '01' for 'O1'.
_LABEL_SLIPS = {"01": "O1"}
_SUMMARY_NAME = re.compile(r"(chb[0-9]+)-summary\.txt", re.IGNORECASE)
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
    count: int | None = None
    clock: dict[str, str] = field(default_factory=dict)
    times: list[tuple[str, Decimal, int]] = field(default_factory=list)


def _fail(path: Path, line: int, problem: str) -> NoReturn:
    msg = f"{str(path)!r}, line {line}: {problem}"
    raise AnnotationError(msg)


def parse_summary(path: str | os.PathLike[str]) -> tuple[SummaryEntry, ...]:
    """Read the summary of one case.

    Parameters
    ----------
    path : str or path
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
    path = Path(path)
    try:
        # Latin-1 takes every byte; what matters is ASCII.
        lines = path.read_text(encoding="latin-1").split("\n")
    except OSError as error:
        msg = f"{str(path)!r} cannot be read: {error.strerror}"
        raise AnnotationError(msg) from error
    blocks: dict[str, _Block] = {}
    block: _Block | None = None
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not _MATTERS.match(line):
            continue
        if match := _FILE_NAME.fullmatch(line):
            block = _Block(match[1], number)
            if not _EDF_NAME.fullmatch(block.file_name):
                problem = f"expected the name of an EDF file, got {block.file_name!r}"
                _fail(path, number, problem)
            if block.file_name in blocks:
                first = blocks[block.file_name].line
                problem = f"second entry for {block.file_name!r}; first in line {first}"
                _fail(path, number, problem)
            blocks[block.file_name] = block
        elif block is None:
            _fail(path, number, f"{line!r} stands before the first 'File Name:'")
        else:
            _add_line(block, line, number, path)
    if not blocks:
        msg = (
            f"{str(path)!r}: expected the summary of a CHB-MIT case, with lines like "
            "'File Name: chb01_03.edf'; found none. Fetch the file again."
        )
        raise AnnotationError(msg)
    return tuple(_entry(block, path) for block in blocks.values())


def _add_line(block: _Block, line: str, number: int, path: Path) -> None:
    if match := _SEIZURE.fullmatch(line):
        block.times.append((match[1].lower(), Decimal(match[2]), number))
    elif match := _COUNT.fullmatch(line):
        if block.count is not None:
            _fail(path, number, f"second count of seizures for {block.file_name!r}")
        block.count = int(match[1])
    elif match := _CLOCK_LINE.fullmatch(line):
        block.clock[match[1].lower()] = match[2]
    else:
        problem = (
            f"cannot be understood: {line!r}; expected for example "
            "'Seizure 1 Start Time: 2996 seconds'"
        )
        _fail(path, number, problem)


def _entry(block: _Block, path: Path) -> SummaryEntry:
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
            _fail(path, end_line, problem)
        if start < 0:
            _fail(path, line, f"seizure starts at {start} s; expected at least 0 s")
        if end <= start:
            problem = f"seizure ends at {end} s; expected after its start, {start} s"
            _fail(path, end_line, problem)
        if start < ends:
            problem = (
                f"seizure starts at {start} s, before the one listed above it ends, at "
                f"{ends} s; expected seizures in order and without overlap"
            )
            _fail(path, line, problem)
        if duration is not None and end > duration:
            problem = (
                f"seizure ends at {end} s, after {block.file_name!r} does: by its "
                f"start and end time it lasts {duration} s"
            )
            _fail(path, end_line, problem)
        seizures.append((start, end))
        ends = end
    if block.count is None:
        problem = f"{block.file_name!r} lacks 'Number of Seizures in File:'"
        _fail(path, block.line, problem)
    if block.count != len(seizures):
        problem = (
            f"{block.file_name!r} declares {block.count} seizures, and start and end "
            f"times are given for {len(seizures)}"
        )
        _fail(path, block.line, problem)
    return SummaryEntry(
        file_name=block.file_name,
        line=block.line,
        duration=None if duration is None else float(duration),
        seizures=tuple(seizures),
    )


def _pairs(
    block: _Block, path: Path
) -> Iterator[tuple[tuple[str, Decimal, int], tuple[str, Decimal, int]]]:
    times = block.times
    if len(times) % 2:
        which, _, line = times[-1]
        problem = f"{which} time of a seizure of {block.file_name!r} without the other"
        _fail(path, line, problem)
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
    path: str | os.PathLike[str],
) -> tuple[tuple[Fraction, Fraction], ...]:
    """Read the seizures of an ``.edf.seizures`` file.

    Parameters
    ----------
    path : str or path
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
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        msg = f"{str(path)!r} cannot be read: {error.strerror}"
        raise AnnotationError(msg) from error
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


def _fail_at(path: Path, position: int, problem: str) -> NoReturn:
    msg = f"{str(path)!r}, byte {position}: {problem}; fetch the file again"
    raise AnnotationError(msg)


def _wfdb_annotations(raw: bytes, path: Path) -> Iterator[tuple[int, int, bytes, int]]:
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


class ChbmitSource:
    """CHB-MIT recordings below a folder, or one of them.

    Parameters
    ----------
    root : path
        The folder of the database, the folder of one case, or one EDF file with the
        summary of its case beside it.

    Raises
    ------
    SourceError
        If there is nothing, or no summary.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._only: str | None = None
        folder = root
        if root.is_file():
            if root.suffix.lower() != ".edf":
                msg = (
                    f"{str(root)!r}: expected a folder of CHB-MIT or an EDF file of it"
                )
                raise SourceError(msg)
            self._only = root.name
            folder = root.parent
        elif not root.is_dir():
            msg = f"{str(root)!r}: there is no such folder or file"
            raise SourceError(msg)
        self._summaries = _find_summaries(folder)
        if not self._summaries:
            msg = (
                f"{str(folder)!r}: there is no chbNN-summary.txt in it"
                + ("" if self._only else " or in its chbNN folders")
                + "; without it recordings are not annotated. Fetch it from "
                "https://physionet.org/files/chbmit/1.0.0/"
            )
            raise SourceError(msg)
        self._entries: dict[str, tuple[Path, SummaryEntry]] = {}
        self._noted: set[str] = set()
        self._derived: set[str] = set()

    @property
    def identity(self) -> dict[str, Any]:
        """What the records of a fixture keep: what was assumed of those opened."""
        if not self._derived:
            return {}
        assumption = (
            f"{len(self._derived)} recording(s) name no reference; derivations are "
            "differences of channels that are taken to share one"
        )
        return {"assumptions": [assumption]}

    @property
    def licence(self) -> Licence:
        """ODC-By 1.0, with what the database asks to cite."""
        return _LICENCE

    def recordings(self) -> Sequence[Recording]:
        """Read the summaries; no EDF file is opened.

        Returns
        -------
        recordings : sequence of Recording
            Every recording that has an entry in its summary and an EDF file, sorted by
            name.

        Raises
        ------
        AnnotationError
            If a summary or a sidecar cannot be read with certainty, or they disagree.
        SourceError
            If no recording is left.
        """
        found: dict[str, Recording] = {}
        n_absent = n_unannotated = 0
        for summary in self._summaries:
            case = summary.name[: -len("-summary.txt")].lower()
            entries = parse_summary(summary)
            present = {item.name for item in _list_folder(summary.parent)}
            edf_names = {name for name in present if name.lower().endswith(".edf")}
            if self._only is not None:
                entries = tuple(e for e in entries if e.file_name == self._only)
                edf_names &= {self._only}
            annotated = {entry.file_name for entry in entries}
            n_unannotated += len(edf_names - annotated)
            n_absent += len(annotated - edf_names)
            for entry in entries:
                if entry.file_name not in edf_names:
                    continue
                sidecar = f"{entry.file_name}.seizures"
                if sidecar in present:
                    _check_sidecar(summary.parent / sidecar, summary, entry)
                name = f"{case}/{entry.file_name}"
                if name in found:
                    first = self._entries[name][0]
                    problem = (
                        f"{name!r} is also in {str(first)!r}; remove one of the two"
                    )
                    _fail(summary, entry.line, problem)
                self._entries[name] = (summary, entry)
                found[name] = _recording(name, case, entry)
        _log.info(
            "CHB-MIT: %d annotated recordings with a file; skipped: %d annotated "
            "without a file, %d files without an entry in their summary",
            len(found),
            n_absent,
            n_unannotated,
        )
        if not found:
            reasons = []
            if n_absent:
                reasons.append(
                    f"for {n_absent} annotated recordings there is no EDF file here"
                )
            if n_unannotated:
                reasons.append(
                    f"{n_unannotated} EDF files have no entry in the summary of their "
                    "case: unannotated, which does not mean free of seizures"
                )
            why = "; ".join(reasons)
            msg = f"{str(self._root)!r} holds no annotated recording: {why}"
            raise SourceError(msg)
        return tuple(found[name] for name in sorted(found))

    def open(self, recording: Recording, montage: str) -> MontageSignal:
        """Open one recording; read its header and check it.

        Parameters
        ----------
        recording : Recording
            One of `recordings()`.
        montage : str
            Name of the montage.

        Returns
        -------
        signal : MontageSignal
            To be closed by the caller.

        Raises
        ------
        SourceError
            If the file cannot give the montage with certainty.
        AnnotationError
            If a seizure lies behind the end of the recording.
        """
        summary, entry = self._entries[recording.name]
        edf = EdfFile(LocalFile(summary.parent / entry.file_name))
        try:
            labels = [
                _LABEL_SLIPS.get(signal.label, signal.label)
                for signal in edf.header.signals
            ]
            rows = resolve_montage(labels, montage, where=recording.name)
            if any(row.minus and "-" not in labels[row.plus[0]] for row in rows):
                # chb12_28 and chb12_29: a difference is right only if this holds.
                self._derived.add(recording.name)
            signal = MontageSignal(edf, rows)
            _check_inside(recording, signal, summary, entry)
        except BaseException:
            edf.close()
            raise
        self._note(recording.name, edf)
        return signal

    def _note(self, name: str, edf: EdfFile) -> None:
        """Warn once per recording of what was decided while reading its header."""
        if name in self._noted:
            return
        self._noted.add(name)
        header = edf.header
        if header.declared_records not in (-1, header.n_records):
            _log.warning(
                "%s: the header declares %d records, the file holds %d complete ones; "
                "these count",
                name,
                header.declared_records,
                header.n_records,
            )
        for signal in header.signals:
            if signal.label in _LABEL_SLIPS:
                _log.warning(
                    "%s: channel label %r read as %r (a slip of this database)",
                    name,
                    signal.label,
                    _LABEL_SLIPS[signal.label],
                )


def _list_folder(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        msg = f"{str(folder)!r} cannot be listed: {error.strerror}"
        raise SourceError(msg) from error


def _find_summaries(folder: Path) -> list[Path]:
    """Return the summaries in a folder, or else in its subfolders."""
    items = _list_folder(folder)
    here = [path for path in items if _SUMMARY_NAME.fullmatch(path.name)]
    if here:
        return here
    below = []
    for case in items:
        if not (case.is_dir() and case.name.lower().startswith("chb")):
            continue
        in_case = [p for p in _list_folder(case) if _SUMMARY_NAME.fullmatch(p.name)]
        below += in_case
        if not in_case:
            _log.info("CHB-MIT: %s has no summary, and so no annotations", case.name)
    return below


def _recording(name: str, case: str, entry: SummaryEntry) -> Recording:
    return Recording(
        name=name,
        subject=_SAME_SUBJECT.get(case, case),
        split="train",
        duration=entry.duration,
        events=tuple(
            Event(onset=float(start), duration=float(end - start), label="seiz")
            for start, end in entry.seizures
        ),
    )


def _check_sidecar(sidecar: Path, summary: Path, entry: SummaryEntry) -> None:
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
        _fail(summary, entry.line, problem)


def _spans(seizures: Sequence[tuple[Fraction, Fraction]]) -> str:
    spans = ", ".join(f"{float(a):g}-{float(b):g} s" for a, b in seizures)
    return f"seizures at {spans}" if spans else "no seizures"


def _check_inside(
    recording: Recording, signal: MontageSignal, summary: Path, entry: SummaryEntry
) -> None:
    for event in recording.events:
        stop = event.span(signal.sfreq)[1]
        if stop > signal.n_times:
            problem = (
                f"seizure of {entry.file_name!r} ends at "
                f"{event.onset + event.duration:g} s, and the file holds "
                f"{signal.n_times / signal.sfreq:g} s; fetch the file again, or remove "
                "it from the folder"
            )
            _fail(summary, entry.line, problem)
