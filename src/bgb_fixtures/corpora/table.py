"""Tables of events: columns by name, numbers as programs and spreadsheets write them.

Invariant: an ambiguous number is rejected with its line; an end is never read as a
duration.

References
----------
SzCORE, https://epilepsybenchmarks.com/contribute; Brain Imaging Data Structure, task
events, https://bids-specification.readthedocs.io; RFC 4180, comma-separated values.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.text import fail, parse_time, read_text
from bgb_fixtures.eeg.annotations import Annotations, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal
    from pathlib import Path

    from bgb_fixtures.request.annotation_rules import AnnotationRules

__all__ = ["EventTable", "Row", "read_columns", "read_table"]

# Known column names in lower case. SzCORE names come first and take precedence.
_NAMES = {
    "start": ("onset", "start", "start_time", "begin"),
    "end": ("end", "end_time", "stop", "stop_time"),
    "duration": ("duration",),
    "label": ("eventtype", "label", "event_type", "event", "description"),
    "file": ("file", "filename", "file_name", "recording"),
    "recording_duration": ("recordingduration",),
}
_ROLES = tuple(_NAMES)
_STANDARD = ("onset", "duration", "eventtype")
_TIMES = ("start", "end", "duration", "recording_duration")
_SECONDS = re.compile(r"(?<=\w) ?[(\[](?:s|sec|seconds)[)\]]$")
_UNKNOWN = ("n/a", "")
_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}
# '1,234' may be 1.234 or 1234.
_AMBIGUOUS = re.compile(r"-?[1-9][0-9]{0,2},[0-9]{3}")
_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?")
_MOST_NAMES = 20
_SLACK_S = 0.01
"""Tolerance between an end and onset + duration, because both are rounded."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: its line and a text per role, empty if missing."""

    line: int
    # No dict: a file of a megabyte may have half a million rows.
    texts: tuple[str, ...]

    def text(self, role: str) -> str:
        """Return the text of a role: ``start``, ``label`` ..."""
        return self.texts[_ROLES.index(role)]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTable:
    """A table of events whose columns are known; its numbers are parsed on demand.

    `mark` is the decimal mark, ``"."`` or ``","``.
    """

    path: Path
    rows: tuple[Row, ...]
    mark: str
    names_files: bool

    def annotations(self, rows: Iterable[Row] | None = None) -> Annotations:
        """Return rows [all] as annotations; AnnotationError names file and line."""
        spans = []
        duration: Decimal | None = None
        for row in self.rows if rows is None else rows:
            start = self._seconds(row, "start")
            stop = self._stop(row, start)
            if row.text("recording_duration") not in _UNKNOWN:
                duration = self._recording_duration(row, duration)
            label = row.text("label")
            if label in _UNKNOWN:
                fail(self.path, row.line, "expected an eventType or label, got none")
            spans.append(Span(start=start, stop=stop, label=label, line=row.line))
        return Annotations(spans=tuple(spans), duration=duration)

    def _seconds(self, row: Row, role: str) -> Decimal:
        text = row.text(role)
        if self.mark == ",":
            text = text.replace(",", ".")
        what = {"start": "onset", "recording_duration": "recordingDuration"}
        return parse_time(text, what.get(role, role), path=self.path, line=row.line)

    def _stop(self, row: Row, start: Decimal) -> Decimal | None:
        stop = None
        if row.text("end") not in _UNKNOWN:
            stop = self._seconds(row, "end")
        if row.text("duration") not in _UNKNOWN:
            by_duration = start + self._seconds(row, "duration")
            if stop is not None and abs(stop - by_duration) > _SLACK_S:
                problem = f"ends at {stop} s, and by its duration at {by_duration} s"
                fail(self.path, row.line, problem)
            return by_duration
        return stop

    def _recording_duration(self, row: Row, above: Decimal | None) -> Decimal:
        said = self._seconds(row, "recording_duration")
        if said <= 0:
            problem = f"recordingDuration: expected more than 0 s, got {said}"
            fail(self.path, row.line, problem)
        if above not in (None, said):
            problem = f"recordingDuration: expected {above} as above, got {said}"
            fail(self.path, row.line, problem)
        return said


def read_table(
    path: Path,
    rules: AnnotationRules,
    *,
    separators: Sequence[str] = tuple(_SEPARATORS),
    quotes: bool = True,
) -> EventTable:
    """Read a table whose first row names its columns.

    `rules` may name columns and the decimal mark; `quotes` is whether values may be
    quoted. AnnotationError if columns or numbers are missing or ambiguous.
    """
    text = read_text(path)
    found: dict[str, tuple[int, dict[str, int]]] = {}
    problems: dict[int, str] = {}
    for separator in separators:
        names = _names(text, separator, quotes=quotes)
        places = _places(tuple(names), rules.columns)
        if isinstance(places, str):
            problems.setdefault(len(names), places)
        else:
            found[separator] = len(names), places
    if not found:
        # Report the problem for the separator that gives the most columns.
        fail(path, 1, problems[max(problems)])
    if len(found) > 1:
        ways = " or ".join(_SEPARATORS[separator] for separator in found)
        fail(path, 1, f"columns may be separated by {ways}; keep one of them")
    ((separator, (n_columns, places)),) = found.items()
    columns = [places.get(role, n_columns) for role in _ROLES]
    rows = []
    for line, values in _below(path, text, separator, quotes=quotes):
        if len(values) > n_columns:
            hint = "; a decimal comma needs other separators" * (separator == ",")
            problem = f"expected {n_columns} values, got {len(values)}{hint}"
            fail(path, line, problem)
        # Lines are stripped at the end, so empty last values are missing.
        n = len(values)
        texts = tuple([values[at] if at < n else "" for at in columns])
        rows.append(Row(line, texts))
    return EventTable(
        path=path,
        rows=tuple(rows),
        mark=_decimal_mark(path, rows, rules.decimal),
        names_files="file" in places,
    )


def read_columns(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the column names, and (line, values) of each row below them."""
    text = read_text(path)
    separator = max(_SEPARATORS, key=lambda s: len(_names(text, s, quotes=True)))
    names = _names(text, separator, quotes=True)
    return names, list(_below(path, text, separator, quotes=True))


def _rows(
    text: str, separator: str, *, quotes: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, texts) of all rows; csv.Error with line and problem."""
    if not quotes:
        for line, whole in enumerate(text.split("\n"), 1):
            yield line, whole.split(separator)
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise csv.Error(reader.line_num, str(error)) from error


def _records(
    text: str, separator: str, *, quotes: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, values) of non-empty rows, without blanks and empty last values."""
    for line, row in _rows(text, separator, quotes=quotes):
        values = [value.strip() for value in row]
        while values and not values[-1]:
            values.pop()
        if values:
            yield line, values


def _names(text: str, separator: str, *, quotes: bool) -> list[str]:
    """Return the first row, split at this separator; empty if there is none."""
    try:
        return next(_records(text, separator, quotes=quotes), (0, []))[1]
    except csv.Error:
        return []


def _below(
    path: Path, text: str, separator: str, *, quotes: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, values) of the rows below the first."""
    try:
        yield from islice(_records(text, separator, quotes=quotes), 1, None)
    except csv.Error as error:
        line, problem = error.args
        fail(path, line, f"is not a table: {problem}")


# Cached, because thousands of tables of a corpus have the same columns.
@lru_cache(maxsize=8)
def _places(
    names: tuple[str, ...], given: tuple[tuple[str, str], ...]
) -> dict[str, int] | str:
    """Return the position of each required column, or a problem with the names."""
    columns = dict(given)
    found: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        plain = name.lower()
        found.setdefault(_SECONDS.sub("", plain), []).append(i)
    places: dict[str, int] = {}
    for role, known in _NAMES.items():
        if role in columns:
            wanted = columns[role].strip()
            # An exact match first, otherwise ignoring case.
            at = [i for i, name in enumerate(names) if name == wanted]
            at = at or found.get(_SECONDS.sub("", wanted.lower()), [])
            if len(at) != 1:
                return (
                    f"expected a column {wanted!r} (columns), once; got {_got(names)}"
                )
        else:
            standard = [
                i for name in known if name in _STANDARD for i in found.get(name, ())
            ]
            at = standard or [i for name in known for i in found.get(name, ())]
            if len(at) > 1:
                return (
                    f"expected the columns once each, and one for the {role}; got "
                    f"{_got(names)}. Choose one with --columns {role}=NAME"
                )
        if at:
            places[role] = at[0]
    if "start" in places and "label" in places and places.keys() & {"end", "duration"}:
        return places
    return (
        "expected the columns onset, duration, eventType, or start, end, label, once "
        f"each; got {_got(names)}. Name others with --columns "
        "start=NAME,end=NAME,label=NAME. (Tables with a 0/1 column per recording are read "
        "with --per-second EXPERT, or --per-second N for seconds on which N tables agree)"
    )


def _got(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(map(repr, names[:_MOST_NAMES])) or "nothing") + more


def _decimal_mark(path: Path, rows: Sequence[Row], given: str | None) -> str:
    """Return the decimal mark of a table; AnnotationError if a number is ambiguous."""
    times = [_ROLES.index(role) for role in _TIMES]
    commas, points = (
        [
            (row.line, row.texts[i])
            for row in rows
            for i in times
            if mark in row.texts[i]
        ]
        for mark in ",."
    )
    for line, text in commas:
        if given == "." or not _DECIMAL_COMMA.fullmatch(text):
            problem = f"expected seconds without a separator of thousands, got {text!r}"
            fail(path, line, problem)
    if (commas or given == ",") and points:
        line, text = points[0]
        other = f"{commas[0][1]!r} in line {commas[0][0]}" if commas else "--decimal ,"
        problem = f"{text!r} has a decimal point, unlike {other}; expected one mark"
        fail(path, line, problem)
    if (
        given is None
        and commas
        and all(_AMBIGUOUS.fullmatch(text) for _, text in commas)
    ):
        line, text = commas[0]
        problem = (
            f"{text!r} may be {text.replace(',', '.')} or {text.replace(',', '')}; if "
            "the comma is a decimal mark, pass --decimal ,"
        )
        fail(path, line, problem)
    return "," if commas or given == "," else "."
