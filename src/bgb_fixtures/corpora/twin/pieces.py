"""Generate the samples of a planned recording piece by piece.

Invariant: memory use does not grow with the length of a recording; a seizure and its
surroundings lie within one piece; the same plan gives the same integers on every
machine.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.corpora.twin.plan import MAX_RECORDINGS
from bgb_fixtures.corpora.twin.rates import change_rate
from bgb_fixtures.synthetic.recording import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from bgb_fixtures.corpora.twin.plan import PlannedRecording
    from bgb_fixtures.request.synthetic import RecordingSpec

__all__ = ["cut", "iter_pieces"]

_WHOLE_S = 300
"""Up to this length a recording is one piece."""
_PIECE_S, _LEAST_S = 240, 60
_FADE_S = 4
# Seconds before and after a seizure without a border, to include the slowing after it.
_BEFORE_S, _AFTER_S = 4, 60


def iter_pieces(planned: PlannedRecording) -> Iterator[npt.NDArray[np.int16]]:
    """Yield a recording in pieces of whole seconds, int16 steps of shape (21, n_times)."""
    spec, sfreq = planned.spec, planned.sfreq
    borders = cut(spec)
    tail: npt.NDArray[np.int16] | None = None
    for i, (start, stop) in enumerate(pairwise(borders)):
        # The samples after the border are faded into the next piece.
        until = stop if stop == borders[-1] else stop + _FADE_S
        generated = generate(
            _part(spec, start, until),
            seed=planned.seed,
            # Each piece has its own random streams; the first uses the recording's.
            run=planned.take + 1 + i * (MAX_RECORDINGS + 1),
        )
        digital = change_rate(generated.digital, sfreq)
        if tail is not None:
            n_fade = tail.shape[1]
            digital[:, :n_fade] = _fade(tail, digital[:, :n_fade])
        n_times = (stop - start) * sfreq
        tail = digital[:, n_times:].copy()
        yield digital[:, :n_times]


def cut(spec: RecordingSpec) -> list[int]:
    """Return the borders of the pieces in seconds, from 0 to the end."""
    total = int(spec.duration)
    busy = [(e.onset - _BEFORE_S, e.onset + e.duration + _AFTER_S) for e in spec.events]
    busy += [(a.onset, a.onset + a.duration) for a in spec.artefacts]
    borders = [0]
    while total - borders[-1] > _WHOLE_S:
        border = borders[-1] + _PIECE_S
        while ends := [
            stop for start, stop in busy if start < border + _FADE_S and stop > border
        ]:
            border = math.ceil(max(ends))
        if total - border < _LEAST_S:
            break
        borders.append(border)
    return [*borders, total]


def _part(spec: RecordingSpec, start: int, stop: int) -> RecordingSpec:
    """Return the part of a recording's spec in the seconds [start, stop)."""
    return replace(
        spec,
        duration=float(stop - start),
        events=tuple(
            replace(e, onset=e.onset - start)
            for e in spec.events
            if start <= e.onset < stop
        ),
        artefacts=tuple(
            replace(a, onset=a.onset - start)
            for a in spec.artefacts
            if start <= a.onset < stop
        ),
    )


def _fade(
    old: npt.NDArray[np.int16], new: npt.NDArray[np.int16]
) -> npt.NDArray[np.int16]:
    """Cross-fade two stretches with constant power, in integer arithmetic."""
    n = old.shape[1]
    rise = np.array([math.isqrt((k << 30) // n) for k in range(n)], dtype=np.int64)
    fall = np.array([math.isqrt(((n - k) << 30) // n) for k in range(n)], np.int64)
    mixed = (old * fall + new * rise + (1 << 14)) >> 15
    faded: npt.NDArray[np.int16] = np.clip(mixed, -32768, 32767).astype(np.int16)
    return faded
