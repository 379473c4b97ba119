"""Annotations as text files have them: labelled stretches of a recording.

Invariant: times are the decimal numbers that the file shows; what is not certain is an
`AnnotationError` with file, line, value and what was expected.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.eeg.events import SZCORE_CODES, Event
from bgb_fixtures.errors import AnnotationError, SourceError, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bgb_fixtures.edf.byte_source import CorpusPath

__all__ = [
    "Annotations",
    "Span",
    "fail",
    "merge_by_label",
    "parse_time",
    "problem_at",
    "read_lines",
    "read_whole",
    "seizures_of",
    "tusz_label",
]

_NUMBER = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,2})?")
# The longest real file, of a recording of hours with rows for 22 channels, has under 1 MB.
_LARGEST_BYTES = 64 * 2**20
# Durations are written with two decimals, times with up to four.
_SLACK = Decimal("0.01")
NOT_A_SEIZURE = ("bckg", "nesz")
"""TUSZ labels of background, and of attacks that are not epileptic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hold one labelled stretch.

    Attributes
    ----------
    start : decimal.Decimal
        Seconds from the start of the recording.
    stop : decimal.Decimal or None
        Likewise; None if the file gives no end.
    label : str
        As written.
    line : int
        Line of the file, from 1; 0 if the file is not made of lines.
    """

    start: Decimal
    stop: Decimal | None
    label: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Hold what an annotation file says.

    Attributes
    ----------
    spans : tuple of Span
        In the order of the file.
    duration : decimal.Decimal or None
        Seconds of the recording, if the file says so.
    """

    spans: tuple[Span, ...]
    duration: Decimal | None


def problem_at(path: CorpusPath, line: int, problem: str) -> AnnotationError:
    """Return an error about a place in a file.

    Parameters
    ----------
    path : path or WebPath
        The file.
    line : int
        From 1; 0 if it is about the whole file.
    problem : str
        What was wrong with what, and what was expected.

    Returns
    -------
    error : AnnotationError
        Fit to be shown: a long problem is shortened.
    """
    where = f", line {line}" if line else ""
    return AnnotationError(f"{str(path)!r}{where}: {shorten(problem)}")


def fail(path: CorpusPath, line: int, problem: str) -> NoReturn:
    """Raise an error about a place in a file.

    Parameters
    ----------
    path, line, problem : path or WebPath, int, str
        As in `problem_at`.

    Raises
    ------
    AnnotationError
        Always.
    """
    raise problem_at(path, line, problem)


def read_whole(path: CorpusPath) -> bytes:
    """Return the bytes of a file that annotates recordings.

    Parameters
    ----------
    path : path or WebPath
        The file.

    Returns
    -------
    raw : bytes
        All of them.

    Raises
    ------
    AnnotationError
        If it cannot be read, is no ordinary file, or is too large.
    """
    if not isinstance(path, Path):
        try:
            return path.read_bytes()
        except SourceError as error:
            # One file that a server lacks is no reason to end.
            raise AnnotationError(str(error)) from error
    try:
        status = path.stat()
        # A pipe would block, and a device never end.
        if not stat.S_ISREG(status.st_mode):
            fail(path, 0, "expected annotations, which are in ordinary files")
        if status.st_size > _LARGEST_BYTES:
            fail(path, 0, f"expected annotations, at most {_LARGEST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        fail(path, 0, f"cannot be read: {error.strerror}")


def read_lines(path: CorpusPath) -> list[str]:
    """Return the lines of an annotation file, without blanks at their ends.

    Parameters
    ----------
    path : path or WebPath
        The file; UTF-8, with or without a byte order mark.

    Returns
    -------
    lines : list of str
        In order; the first is line 1.

    Raises
    ------
    AnnotationError
        If it cannot be read.
    """
    raw = read_whole(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(path, raw.count(b"\n", 0, error.start) + 1, "is no text in UTF-8")
    # Not splitlines(), which also splits at separators that a label may hold.
    return [line.rstrip() for line in text.split("\n")]


def parse_time(text: str, what: str, *, path: CorpusPath, line: int) -> Decimal:
    """Turn the text of a time into seconds.

    Parameters
    ----------
    text : str
        A decimal number.
    what : str
        What it is, for messages.
    path : path or WebPath
        The file.
    line : int
        From 1.

    Returns
    -------
    seconds : decimal.Decimal
        Exactly the number; may be negative.

    Raises
    ------
    AnnotationError
        If it is no plain number.
    """
    # Decimal() takes 'NaN', 'Infinity' and '1_0' too.
    if not _NUMBER.fullmatch(text):
        fail(path, line, f"{what}: expected seconds, got {text!r}")
    return Decimal(text)


def tusz_label(label: str) -> str | None:
    """Return the TUSZ code of a label if it is a seizure.

    Parameters
    ----------
    label : str
        A TUSZ code.

    Returns
    -------
    code : str or None
        None for background and attacks that are not epileptic.

    Raises
    ------
    ValueError
        If it is not known; the message says what is.
    """
    if label in SZCORE_CODES:
        return label
    if label in NOT_A_SEIZURE:
        return None
    known = ", ".join([*NOT_A_SEIZURE, *SZCORE_CODES])
    msg = (
        f"unknown label {label!r}, which is no known seizure and no background: {known}"
    )
    raise ValueError(msg)


def seizures_of(
    annotations: Annotations, meaning: Callable[[str], str | None], *, path: CorpusPath
) -> tuple[Event, ...]:
    """Return the seizures among labelled stretches.

    Parameters
    ----------
    annotations : Annotations
        What the file says.
    meaning : callable
        From a label to the TUSZ code of a seizure or None; ValueError if it is not
        known.
    path : path or WebPath
        The file.

    Returns
    -------
    events : tuple of Event
        In order of onset; stretches of one code that touch, for example on several
        channels, are one event.

    Raises
    ------
    AnnotationError
        If there is no stretch at all, a label is not known, or a seizure has no end or
        does not lie in the recording.
    """
    if not annotations.spans:
        problem = (
            "holds no row; a recording without seizures has one that says so ('bckg')"
        )
        fail(path, 0, problem)
    codes: dict[str, str | None] = {}
    found = []
    for span in annotations.spans:
        if span.label not in codes:
            try:
                codes[span.label] = meaning(span.label)
            except ValueError as error:
                fail(path, span.line, str(error))
        code = codes[span.label]
        if code is not None:
            stop = _end_of_seizure(span, annotations.duration, path=path)
            found.append((code, span.start, stop))
        elif span.stop is not None and span.stop < span.start:
            problem = f"stops at {span.stop} s, before its start, {span.start} s"
            fail(path, span.line, problem)
    return merge_by_label(found)


def _end_of_seizure(
    span: Span, duration: Decimal | None, *, path: CorpusPath
) -> Decimal:
    """Return the end of a seizure that lies in the recording."""
    start, stop = span.start, span.stop
    if stop is None:
        fail(path, span.line, f"seizure at {start} s has no end; expected a duration")
    if start < 0:
        fail(path, span.line, f"seizure starts at {start} s; expected at least 0 s")
    if stop <= start:
        problem = f"seizure stops at {stop} s; expected after its start, {start} s"
        fail(path, span.line, problem)
    if duration is not None and stop > duration + _SLACK:
        problem = f"seizure stops at {stop} s, after the recording does: {duration} s"
        fail(path, span.line, problem)
    return stop


def merge_by_label(
    stretches: Iterable[tuple[str, Decimal, Decimal]],
) -> tuple[Event, ...]:
    """Return the union of stretches for each label.

    Parameters
    ----------
    stretches : iterable of tuple
        (label, start, stop), in any order.

    Returns
    -------
    events : tuple of Event
        In order of onset, then of duration and label.
    """
    events = []
    for label, group in groupby(sorted(stretches), key=lambda item: item[0]):
        merged: list[tuple[Decimal, Decimal]] = []
        for _, start, stop in group:
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        events += [
            Event(onset=float(start), duration=float(stop - start), label=label)
            for start, stop in merged
        ]
    return tuple(sorted(events, key=lambda e: (e.onset, e.duration, e.label)))
