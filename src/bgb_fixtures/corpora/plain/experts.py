"""Tables of experts: a column of 0 and 1 per recording, a row per second.

References
----------
Stevenson et al. (2019), A dataset of neonatal EEG recordings with seizure annotations,
Scientific Data 6:190039, https://doi.org/10.1038/sdata.2019.39 (three experts).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.table import read_columns
from bgb_fixtures.corpora.text import fail
from bgb_fixtures.eeg.annotations import Annotations, Span
from bgb_fixtures.errors import AnnotationError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["choose_tables", "match_columns", "read_experts"]

_VALUES = {"0": 0, "0.0": 0, "1": 1, "1.0": 1}
_NO_VALUE = ("", "nan", "n/a")
_NUMBER = re.compile(r"[^0-9]*0*([0-9]+)")
_SUFFIXES = (".csv", ".tsv")


def choose_tables(place: Path, which: str | int) -> tuple[list[Path], int]:
    """Return the tables to use, and how many must agree; SourceError if ambiguous.

    `place` is a table, or the folder of the tables of all experts.
    """
    tables = [place]
    if place.is_dir():
        tables = sorted(p for p in place.iterdir() if p.suffix.lower() in _SUFFIXES)
    names = ", ".join(repr(path.name) for path in tables) or "none"
    if isinstance(which, int):
        if which > len(tables):
            msg = (
                f"{str(place)!r}: expected at least {which} tables, because that many "
                f"must agree (per_second); found {names}. Pass their folder with "
                "--annotations"
            )
            raise SourceError(msg)
        return tables, which
    found = [
        p for p in tables if re.fullmatch(rf"(?:.*[_-])?{re.escape(which)}", p.stem)
    ]
    if len(found) != 1:
        msg = (
            f"{str(place)!r}: expected one table of expert {which!r} (per_second), such as "
            f"'annotations_{which}.csv'; found {names}"
        )
        raise SourceError(msg)
    return found, 1


def match_columns(
    names: Sequence[str], recordings: Mapping[str, str]
) -> dict[str, str]:
    """Return recording -> name of its column, which is its stem or the number in it.

    `recordings` maps names to stems. SourceError if two recordings would share a column.
    """
    numbers = {int(name): name for name in names if name.isdecimal()}
    matched: dict[str, str] = {}
    owners: dict[str, str] = {}
    for recording, stem in recordings.items():
        number = _NUMBER.fullmatch(stem)
        column = stem if stem in names else None
        if column is None and number is not None:
            column = numbers.get(int(number[1]))
        if column is None:
            continue
        if column in owners:
            msg = (
                f"column {column!r} may belong to {owners[column]!r} or to "
                f"{recording!r}; expected one recording per column. Rename one of them"
            )
            raise SourceError(msg)
        owners[column] = recording
        matched[recording] = column
    return matched


def read_experts(
    tables: Sequence[Path], least: int
) -> dict[str, Annotations | AnnotationError]:
    """Return the seconds rated as seizure in at least `least` tables, by column.

    An invalid column is replaced by its error.
    """
    columns: dict[str, list[list[int]]] = {}
    errors: dict[str, AnnotationError] = {}
    for path in tables:
        names, rows = read_columns(path)
        if len(set(names)) < len(names) or not names:
            fail(path, 1, f"expected the names of recordings, once each, got {names!r}")
        for at, name in enumerate(names):
            texts = [(line, row[at] if at < len(row) else "") for line, row in rows]
            try:
                columns.setdefault(name, []).append(_seconds(path, name, texts))
            except AnnotationError as error:
                errors.setdefault(name, error)
    found: dict[str, Annotations | AnnotationError] = dict(errors)
    for name, of_tables in columns.items():
        lengths = {len(seconds) for seconds in of_tables}
        if name in errors:
            continue
        if len(of_tables) < len(tables) or len(lengths) > 1:
            listed = ", ".join(repr(path.name) for path in tables)
            found[name] = AnnotationError(
                f"column {name!r}: expected as many seconds in each of {listed}, found "
                f"{', '.join(map(str, sorted(lengths)))} in {len(of_tables)} tables"
            )
            continue
        found[name] = _annotations(
            [sum(votes) >= least for votes in zip(*of_tables, strict=True)]
        )
    return found


def _seconds(path: Path, name: str, texts: list[tuple[int, str]]) -> list[int]:
    """Return the values of a column, which may be shorter than the table."""
    while texts and texts[-1][1].lower() in _NO_VALUE:
        texts.pop()
    for line, text in texts:
        if text not in _VALUES:
            fail(path, line, f"column {name!r}: expected 0 or 1, got {text!r}")
    if not texts:
        fail(path, 0, f"column {name!r} has no value")
    return [_VALUES[text] for _, text in texts]


def _annotations(ictal: Sequence[bool]) -> Annotations:
    spans = []
    start = 0
    for second in range(1, len(ictal) + 1):
        if second == len(ictal) or ictal[second] != ictal[start]:
            spans.append(
                Span(
                    start=Decimal(start),
                    stop=Decimal(second),
                    label="seiz" if ictal[start] else "bckg",
                    line=start + 2,
                )
            )
            start = second
    return Annotations(spans=tuple(spans), duration=Decimal(len(ictal)))
