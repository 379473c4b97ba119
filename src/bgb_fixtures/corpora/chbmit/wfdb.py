"""Sidecars ``.edf.seizures``: seizures as WFDB annotations, to confirm the summary.

References
----------
WFDB annotation files, https://physionet.org/physiotools/wag/annot-5.htm.
"""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, NoReturn

from bgb_fixtures.corpora.places import corpus_path
from bgb_fixtures.corpora.text import read_whole
from bgb_fixtures.errors import AnnotationError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from bgb_fixtures.corpora.places import CorpusPath
    from bgb_fixtures.corpora.remote.web import WebPath
    from bgb_fixtures.eeg.events import Event

__all__ = ["encode_sidecar", "parse_sidecar"]

# WFDB annotation codes; a word holds a code (6 bits) and an interval (10 bits).
_NOTE, _ONSET, _END = 22, 32, 33
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_RESOLUTION = re.compile(rb"## time resolution: ([1-9][0-9]{0,5})")
_DEFAULT_RESOLUTION = 256


def parse_sidecar(
    path: str | os.PathLike[str] | WebPath,
) -> tuple[tuple[Fraction, Fraction], ...]:
    """Read the seizures of an ``.edf.seizures`` file."""
    path = corpus_path(path)
    raw = read_whole(path)
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


def _fail_at(path: CorpusPath, position: int, problem: str) -> NoReturn:
    msg = f"{str(path)!r}, byte {position}: {problem}; fetch the file again"
    raise AnnotationError(msg)


def _wfdb_annotations(
    raw: bytes, path: CorpusPath
) -> Iterator[tuple[int, int, bytes, int]]:
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


def encode_sidecar(events: Sequence[Event]) -> bytes:
    """Encode onset and end of each seizure at 256 Hz, as 16-bit words."""

    def word(code: int, interval: int) -> bytes:
        return struct.pack("<H", code << 10 | interval)

    def skip(n_times: int) -> bytes:
        # 32 bits, the high word first.
        return word(_SKIP, 0) + struct.pack("<hH", n_times >> 16, n_times & 0xFFFF)

    note = b"## time resolution: 256"
    # Every file of the database begins with a note at time 0, then one sample back to
    # an empty annotation at time 0.
    parts = [word(_NOTE, 0), word(_AUX, len(note)), note + b"\0", skip(-1), word(0, 1)]
    before = 0
    for event in events:
        for code, sample in zip(
            (_ONSET, _END), event.span(_DEFAULT_RESOLUTION), strict=True
        ):
            parts += [skip(sample - before), word(code, 0)]
            before = sample
    return b"".join([*parts, word(0, 0)])
