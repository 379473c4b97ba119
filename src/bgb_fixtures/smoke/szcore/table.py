"""Strict reading of the events that a program wrote.

Invariant: events are returned only if the file breaks no rule.

References
----------
SzCORE, https://epilepsybenchmarks.com/contribute; Brain Imaging Data Structure,
https://bids-specification.readthedocs.io.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COLUMNS", "RULES", "BrokenRule", "read_events"]

COLUMNS = (
    "onset", "duration", "eventType", "confidence", "channels", "dateTime",
    "recordingDuration",
)  # fmt: skip
RULES = ("columns", "values", "types", "times")
"""Names of the rules, in the order in which a file is checked."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SEIZURE = re.compile(r"sz(_[A-Za-z0-9]+)*")
_SLACK_S = 0.01
"""Tolerance in seconds, as times are written with two decimals."""


class BrokenRule(Exception):  # noqa: N818 - a verdict, not an error of the program
    """A rule of `RULES` that a file breaks, with the place."""

    def __init__(self, reason: str, *, rule: str) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason


def read_events(path: Path, *, duration: float) -> list[tuple[float, float]]:
    """Return the seizures of a recording of `duration` seconds as (onset, end) in s.

    The result is empty if the file states background. Raises BrokenRule for the first
    of `RULES` that the file breaks.
    """
    rows = _read_rows(path)
    for line, row in rows:
        _check_values(line, row)
    _check_types(rows)
    spans = [_span(line, row, duration=duration) for line, row in rows]
    if rows[0][1]["eventType"] == "bckg":
        return []
    return spans


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8"
        raise BrokenRule(reason, rule="columns") from error
    lines = text.splitlines()
    expected = " ".join(COLUMNS)
    if not lines:
        msg = f"the file is empty; expected the columns {expected}"
        raise BrokenRule(msg, rule="columns")
    if tuple(lines[0].split("\t")) != COLUMNS:
        found = lines[0][:100]
        msg = f"line 1 is {found!r}; expected these columns, separated by tabs: {expected}"
        raise BrokenRule(msg, rule="columns")
    rows = []
    for line, text_of_row in enumerate(lines[1:], start=2):
        values = text_of_row.split("\t")
        if len(values) != len(COLUMNS):
            msg = (
                f"line {line}: found {len(values)} tab-separated values, expected "
                f"{len(COLUMNS)}"
            )
            raise BrokenRule(msg, rule="columns")
        rows.append((line, dict(zip(COLUMNS, values, strict=True))))
    return rows


def _check_values(line: int, row: dict[str, str]) -> None:
    for column in ("onset", "duration", "recordingDuration"):
        if not _NUMBER.fullmatch(row[column]):
            _refuse_value(line, row, column, "a decimal number of seconds")
    confidence = row["confidence"]
    if confidence != "n/a" and not (
        _NUMBER.fullmatch(confidence) and 0 <= float(confidence) <= 1
    ):
        _refuse_value(line, row, "confidence", "n/a or a number from 0 to 1")
    if not row["channels"].strip():
        _refuse_value(line, row, "channels", "n/a, all, or names of channels")
    if row["dateTime"] != "n/a" and not _is_time(row["dateTime"]):
        _refuse_value(line, row, "dateTime", "YYYY-MM-DD hh:mm:ss, or n/a")


def _refuse_value(line: int, row: dict[str, str], column: str, expected: str) -> None:
    msg = f"line {line}: {column} is {row[column]!r}; expected {expected}"
    raise BrokenRule(msg, rule="values")


def _is_time(text: str) -> bool:
    try:
        parsed = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return False
    # strptime also accepts "2015-1-1 0:0:0".
    return f"{parsed:%Y-%m-%d %H:%M:%S}" == text


def _check_types(rows: list[tuple[int, dict[str, str]]]) -> None:
    if not rows:
        msg = (
            "the file has no row; write one row bckg for a recording without a seizure"
        )
        raise BrokenRule(msg, rule="types")
    for line, row in rows:
        name = row["eventType"]
        if name == "bckg" and len(rows) > 1:
            msg = (
                f"line {line} is bckg in a file of {len(rows)} rows; expected a "
                "single row bckg, or only seizures"
            )
            raise BrokenRule(msg, rule="types")
        if name != "bckg" and not _SEIZURE.fullmatch(name):
            msg = (
                f"line {line}: eventType is {name!r}; expected bckg, sz, or a seizure "
                "type such as sz_foc_ia"
            )
            raise BrokenRule(msg, rule="types")


def _span(line: int, row: dict[str, str], *, duration: float) -> tuple[float, float]:
    onset, length = float(row["onset"]), float(row["duration"])
    said = float(row["recordingDuration"])
    if abs(said - duration) > _SLACK_S:
        msg = (
            f"line {line}: recordingDuration is {said:g}, but the recording lasts "
            f"{duration:g} s"
        )
        raise BrokenRule(msg, rule="times")
    whole = onset == 0 and abs(length - duration) <= _SLACK_S
    if row["eventType"] == "bckg" and not whole:
        msg = (
            f"line {line}: bckg from {onset:g} s to {onset + length:g} s; expected the whole "
            f"recording, from 0 s to {duration:g} s"
        )
        raise BrokenRule(msg, rule="times")
    if length <= 0:
        msg = f"line {line}: the seizure lasts {length:g} s"
        raise BrokenRule(msg, rule="times")
    if onset < 0 or onset + length > duration + _SLACK_S:
        msg = (
            f"line {line}: the seizure lies from {onset:g} s to {onset + length:g} s, "
            f"outside the recording of {duration:g} s; onsets are seconds from the "
            "start of the file"
        )
        raise BrokenRule(msg, rule="times")
    return onset, min(onset + length, duration)
