"""The annotation files of TUSZ 1.5 per recording: `.tse` and `.tse_bi`.

References
----------
README of TUSZ 1.5.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bgb_fixtures.corpora.text import fail, parse_time, read_lines
from bgb_fixtures.eeg.annotations import Annotations, Span

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["parse_tse"]

_VERSION = re.compile(r"version\s*=\s*tse_v1\.[0-9]+\.[0-9]+")


def parse_tse(path: Path) -> Annotations:
    """Read a `.tse` or `.tse_bi` file."""
    lines = [
        (number, line)
        for number, line in enumerate(read_lines(path), 1)
        if line and not line.startswith("#")
    ]
    if not lines or not _VERSION.fullmatch(lines[0][1]):
        number, got = lines[0] if lines else (0, None)
        fail(path, number, f"expected 'version = tse_v1.0.0', got {got!r}")
    spans = []
    for number, line in lines[1:]:
        fields = line.split()
        if len(fields) != 4:
            problem = f"expected 'start stop label probability', got {line!r}"
            fail(path, number, problem)
        start = parse_time(fields[0], "start", path=path, line=number)
        stop = parse_time(fields[1], "stop", path=path, line=number)
        spans.append(Span(start=start, stop=stop, label=fields[2], line=number))
    return Annotations(spans=tuple(spans), duration=None)
