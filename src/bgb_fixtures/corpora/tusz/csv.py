"""The annotation files of TUSZ 2: `.csv` (per channel) and `.csv_bi` (per recording).

References
----------
AAREADME of TUSZ 2.0.3; Shah et al. (2018), Frontiers in Neuroinformatics 12:83,
https://doi.org/10.3389/fninf.2018.00083.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.text import fail, parse_time, read_lines
from bgb_fixtures.eeg.annotations import Annotations, Span

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parse_csv"]

# Blanks around the name are part of the group, so that there is only one way to match.
_HEAD = re.compile(r"#([A-Za-z_\s]+)[=:](.*)")
_VERSION = re.compile(r"csv_v1\.[0-9]+\.[0-9]+")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(?:secs?|s)?")
_COLUMNS = ["channel", "start_time", "stop_time", "label", "confidence"]


def parse_csv(path: Path) -> Annotations:
    """Read a `.csv` or `.csv_bi` file."""
    lines = read_lines(path)
    head: dict[str, str] = {}
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line]
    rows = [(n, line) for n, line in numbered if not line.startswith("#")]
    for number, line in numbered:
        if match := _HEAD.fullmatch(line):
            name = match[1].strip()
            if name in head:
                fail(path, number, f"second value of {name!r}")
            head[name] = match[2].strip()
    if not _VERSION.fullmatch(head.get("version", "")):
        expected = "expected '# version = csv_v1.0.0'"
        fail(path, 1, f"{expected}, got {head.get('version')!r}")
    if head.get("bname", path.stem) != path.stem:
        stated = f"# bname = {head['bname']}"
        problem = f"belongs to another recording: {stated!r}"
        fail(path, 0, problem)
    duration = None
    if "duration" in head:
        match = _DURATION.fullmatch(head["duration"])
        if match is None or Decimal(match[1]) == 0:
            problem = "expected '# duration = 301.00 secs', got"
            fail(path, 0, f"{problem} {head['duration']!r}")
        duration = Decimal(match[1])
    if not rows or [name.strip() for name in rows[0][1].split(",")] != _COLUMNS:
        number, got = rows[0] if rows else (0, None)
        fail(path, number, f"expected the columns {','.join(_COLUMNS)}, got {got!r}")
    return Annotations(
        spans=tuple(
            _parse_row(line, path=path, number=number) for number, line in rows[1:]
        ),
        duration=duration,
    )


def _parse_row(line: str, *, path: Path, number: int) -> Span:
    fields = [text.strip() for text in line.split(",")]
    if len(fields) != len(_COLUMNS):
        fail(path, number, f"expected {len(_COLUMNS)} values, got {len(fields)}")
    _, start_text, stop_text, label, _ = fields
    start = parse_time(start_text, "start_time", path=path, line=number)
    stop = parse_time(stop_text, "stop_time", path=path, line=number)
    return Span(start=start, stop=stop, label=label, line=number)
