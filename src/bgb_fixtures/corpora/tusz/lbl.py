"""The annotation files of TUSZ 1.5 per channel: `.lbl` and `.lbl_bi`.

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

__all__ = ["parse_lbl"]

_VERSION = re.compile(r"version\s*=\s*lbl_v1\.[0-9]+\.[0-9]+")
_SYMBOLS = re.compile(r"symbols\[\s*([0-9]{1,4})\s*\]\s*=\s*\{(.*)\}")
_SYMBOL = re.compile(r"([0-9]{1,4})\s*:\s*'([^']*)'")
_LABEL = re.compile(r"label\s*=\s*\{([^\[\]]*)\[([^\[\]]*)\]\s*\}")
_LEVEL = re.compile(r"[0-9]{1,4}")
# Lines that name channels and levels; they do not affect events.
_OTHER = re.compile(r"(?:montage|number_of_levels|level\[\s*[0-9]{1,4}\s*\])\s*=.*")


def parse_lbl(path: Path) -> Annotations:
    """Read a `.lbl` or `.lbl_bi` file."""
    lines = [
        (number, line)
        for number, line in enumerate(read_lines(path), 1)
        if line and not line.startswith("#")
    ]
    if not lines or not _VERSION.fullmatch(lines[0][1]):
        number, got = lines[0] if lines else (0, None)
        fail(path, number, f"expected 'version = lbl_v1.0.0', got {got!r}")
    symbols: dict[int, dict[int, str]] = {}
    spans = []
    for number, line in lines[1:]:
        if match := _SYMBOLS.fullmatch(line):
            symbols[int(match[1])] = {
                int(index): name for index, name in _SYMBOL.findall(match[2])
            }
        elif match := _LABEL.fullmatch(line):
            spans.append(
                _parse_label(match[1], match[2], symbols, path=path, number=number)
            )
        elif not _OTHER.fullmatch(line):
            fail(path, number, f"cannot be understood: {line!r}")
    return Annotations(spans=tuple(spans), duration=None)


def _parse_label(
    numbers: str,
    probabilities: str,
    symbols: dict[int, dict[int, str]],
    *,
    path: Path,
    number: int,
) -> Span:
    """Parse '{level, sublevel, start, stop, channel, [a number for each symbol]}'."""
    fields = [text.strip() for text in numbers.rstrip().rstrip(",").split(",")]
    if len(fields) != 5 or not _LEVEL.fullmatch(fields[0]):
        problem = "expected {level, sublevel, start, stop, channel, [probabilities]}"
        fail(path, number, f"{problem}, got {numbers!r}")
    level = int(fields[0])
    if level not in symbols:
        fail(path, number, f"level {level} has no 'symbols[{level}] = ...' before it")
    start = parse_time(fields[2], "start", path=path, line=number)
    stop = parse_time(fields[3], "stop", path=path, line=number)
    values = [
        parse_time(text.strip(), "probability", path=path, line=number)
        for text in probabilities.split(",")
    ]
    highest = max(values)
    best = [i for i, value in enumerate(values) if value == highest]
    if len(values) != len(symbols[level]) or len(best) != 1:
        problem = (
            f"expected a probability for each of {len(symbols[level])} symbols and one "
            f"above the others, got {probabilities!r}"
        )
        fail(path, number, problem)
    if best[0] not in symbols[level]:
        fail(path, number, f"symbol {best[0]} of level {level} has no name")
    return Span(start=start, stop=stop, label=symbols[level][best[0]], line=number)
