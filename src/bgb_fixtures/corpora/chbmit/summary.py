"""The summary of a CHB-MIT case: seizures of each recording, typed by hand.

Invariant: a summary with repeated, incomplete or contradictory fields is an
AnnotationError with file, line and value.

References
----------
CHB-MIT Scalp EEG Database 1.0.0, https://physionet.org/content/chbmit/1.0.0/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.places import corpus_path
from bgb_fixtures.corpora.text import fail, read_whole
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.remote.web import WebPath

__all__ = ["SummaryEntry", "iter_entries", "parse_summary"]

# The longest recordings last four hours; much longer clock durations are wrong.
_LONGEST_S = 6 * 3600
_DAY_S = 24 * 3600

# Fields of a summary. Real files differ in case, in the number of blanks and in whether
# a seizure is numbered: 'Seizure Start Time: 2996 seconds', 'Seizure 2 End Time:  3535
# seconds' (chb12). Splitting at ': ' would miss the latter.
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
# Lines that begin like this hold data, so it is an error if no pattern matches them.
_MATTERS = re.compile(r"File\b|Number\b|Seizure", re.IGNORECASE)
_EDF_NAME = re.compile(r"[A-Za-z0-9_+-]+\.edf", re.IGNORECASE)
# Hours may have one digit and go up to 27: '24:21:32' is after midnight (chb05_07).
_CLOCK = re.compile(r"([0-9]{1,2}):([0-5]?[0-9]):([0-5]?[0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryEntry:
    """Entry of one recording in a summary.

    Attributes
    ----------
    file_name : str
        For example ``"chb01_03.edf"``.
    line : int
        Line of the summary where the entry begins, from 1.
    duration : float or None
        Seconds; None if the clock times are implausible.
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
    """The lines of an entry, collected while reading."""

    file_name: str
    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    count: int | None = None
    clock: dict[str, str] = field(default_factory=dict)
    times: list[tuple[str, Decimal, int]] = field(default_factory=list)


def parse_summary(path: str | os.PathLike[str] | WebPath) -> tuple[SummaryEntry, ...]:
    """Read the summary of one case."""
    path = corpus_path(path)
    entries = []
    for _, entry in iter_entries(path):
        if isinstance(entry, AnnotationError):
            raise entry
        entries.append(entry)
    return tuple(entries)


def iter_entries(
    path: CorpusPath,
) -> Iterator[tuple[str, SummaryEntry | AnnotationError]]:
    """Yield (file name, entry) of a summary.

    An ambiguous entry is replaced by its error. Problems outside the entries are
    raised.
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
    # Latin-1 decodes every byte; the fields are ASCII.
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
    """Return the checked entry; AnnotationError if it is invalid or ambiguous."""
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
                f"seizure ends at {end} s, after {block.file_name!r} does: its start "
                f"and end time give a duration of {duration} s"
            )
            fail(path, end_line, problem)
        seizures.append((start, end))
        ends = end
    if block.count is None:
        problem = f"{block.file_name!r} lacks 'Number of Seizures in File:'"
        fail(path, block.line, problem)
    if block.count != len(seizures):
        problem = (
            f"{block.file_name!r} declares {block.count} seizures, but lists start "
            f"and end times of {len(seizures)}"
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
    """Return the seconds from start to end, or None if the times are implausible."""
    moments = []
    for which in ("start", "end"):
        match = _CLOCK.fullmatch(clock.get(which, ""))
        if match is None:
            return None
        hours, minutes, seconds = (int(part) for part in match.groups())
        moments.append((hours * 60 + minutes) * 60 + seconds)
    # After midnight, hours continue at 24 or start again at 0.
    duration = (moments[1] - moments[0]) % _DAY_S
    return duration if 0 < duration <= _LONGEST_S else None
