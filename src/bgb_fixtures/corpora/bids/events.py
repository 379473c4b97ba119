"""Events in a table separated by tabs, as SzCORE and BIDS-EEG have them.

References
----------
SzCORE, https://epilepsybenchmarks.com/contribute; Brain Imaging Data Structure, task
events, https://bids-specification.readthedocs.io.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bgb_fixtures.corpora.text import fail, parse_time, read_lines
from bgb_fixtures.eeg.annotations import Annotations, Span
from bgb_fixtures.eeg.events import SZCORE_CODES

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

__all__ = ["parse_events_tsv", "szcore_label"]

_REQUIRED = ("onset", "duration", "eventType")
_USED = (*_REQUIRED, "recordingDuration")
_UNKNOWN = ("n/a", "")
# 'sz_gen_m' is any generalised motor seizure, which only on the way out stands for mysz.
_TUSZ_CODES = {s: code for code, s in SZCORE_CODES.items() if code != "mysz"}
_MOST_PARTS = max(szcore.count("_") + 1 for szcore in _TUSZ_CODES)


def szcore_label(label: str) -> str | None:
    """Return the TUSZ code of an eventType if it is a seizure."""
    if label in SZCORE_CODES:
        return label
    if label == "bckg":
        return None
    # The list of SzCORE itself has 'sz_gen:' for 'sz_gen'.
    # Further parts say more than any type of TUSZ does; there may be a million.
    parts = label.removesuffix(":").split("_", _MOST_PARTS)[:_MOST_PARTS]
    if parts[0] == "sz":
        while "_".join(parts) not in _TUSZ_CODES:
            parts.pop()
        return _TUSZ_CODES["_".join(parts)]
    msg = (
        f"unknown eventType {label!r}: expected 'bckg', a seizure ('sz', 'sz_foc', "
        "...), or a TUSZ code"
    )
    raise ValueError(msg)


def parse_events_tsv(path: Path) -> Annotations:
    """Read a table of events."""
    lines = [(n, line) for n, line in enumerate(read_lines(path), 1) if line]
    columns = [name.strip() for name in lines[0][1].split("\t")] if lines else []
    missing = [name for name in _REQUIRED if columns.count(name) != 1]
    if missing:
        problem = (
            f"expected the columns {', '.join(_REQUIRED)}, once each, separated by "
            f"tabs; got {', '.join(map(repr, columns)) or 'nothing'}"
        )
        fail(path, 1, problem)
    places = {name: i for i, name in enumerate(columns)}
    spans = []
    duration: Decimal | None = None
    for number, line in lines[1:]:
        fields = [text.strip() for text in line.split("\t")]
        if len(fields) > len(columns):
            fail(path, number, f"expected {len(columns)} values, got {len(fields)}")
        # Blanks at the end of a line are gone, and empty last values with them.
        row = {
            name: fields[places[name]] if places[name] < len(fields) else ""
            for name in _USED
            if name in places
        }
        start = parse_time(row["onset"], "onset", path=path, line=number)
        stop = None
        if row["duration"] not in _UNKNOWN:
            length = parse_time(row["duration"], "duration", path=path, line=number)
            stop = start + length
        stated = row.get("recordingDuration", "")
        if stated not in _UNKNOWN:
            said = parse_time(stated, "recordingDuration", path=path, line=number)
            if said <= 0:
                problem = f"recordingDuration: expected more than 0 s, got {said}"
                fail(path, number, problem)
            if duration not in (None, said):
                problem = f"recordingDuration: expected {duration} as above, got {said}"
                fail(path, number, problem)
            duration = said
        if row["eventType"] in _UNKNOWN:
            fail(path, number, "expected an eventType, got none")
        spans.append(Span(start=start, stop=stop, label=row["eventType"], line=number))
    return Annotations(spans=tuple(spans), duration=duration)
