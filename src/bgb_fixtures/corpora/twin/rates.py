"""Resample generated samples to the rates of recorders, in integer arithmetic.

Invariant: the same samples give the same integers on every machine, because
coefficients and sums are integers; a constant is unchanged.
"""

from __future__ import annotations

from functools import cache
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["RATES", "change_rate"]

RATES = (250, 256, 400, 512)
"""Sampling rates in Hz of the recorders of TUSZ and Siena."""

_HALF = 32
"""Number of samples at 256 Hz on either side of a new sample that contribute to it."""
_BITS = 15
# The gain of the filter is one half at this fraction of the lower Nyquist frequency.
_PASS = 0.95
_KAISER = 6.0


def change_rate(digital: npt.NDArray[np.int16], sfreq: int) -> npt.NDArray[np.int16]:
    """Resample rows of whole seconds at 256 Hz to another rate in Hz."""
    if sfreq == SFREQ:
        return digital
    n_phases = sfreq // gcd(sfreq, SFREQ)
    step = SFREQ // gcd(sfreq, SFREQ)
    n_rows, n_times = digital.shape
    padded = np.pad(digital, ((0, 0), (_HALF, _HALF)), mode="edge").astype(np.int64)
    n_cycles = n_times // step
    resampled = np.empty((n_rows, n_cycles * n_phases), np.int16)
    for phase, taps in enumerate(_taps(sfreq)):
        # The sample before the new sample is at `first + _HALF - 1` of the padded row.
        first = phase * step // n_phases + 1
        total = np.full((n_rows, n_cycles), 1 << (_BITS - 1), np.int64)
        for k, tap in enumerate(taps):
            stop = first + k + (n_cycles - 1) * step + 1
            total += int(tap) * padded[:, first + k : stop : step]
        # Ringing beside a steep edge may exceed 16 bits.
        resampled[:, phase::n_phases] = np.clip(total >> _BITS, -32768, 32767)
    return resampled


@cache
def _taps(sfreq: int) -> tuple[tuple[int, ...], ...]:
    """Return a windowed sinc for each position of a new sample between two old ones."""
    n_phases = sfreq // gcd(sfreq, SFREQ)
    step = SFREQ // gcd(sfreq, SFREQ)
    cutoff = _PASS * min(1.0, sfreq / SFREQ)
    places = np.arange(-_HALF + 1, _HALF + 1)
    rows = []
    for phase in range(n_phases):
        distance = places - (phase * step % n_phases) / n_phases
        window = np.i0(_KAISER * np.sqrt(np.clip(1 - (distance / _HALF) ** 2, 0, None)))
        taps = np.sinc(cutoff * distance) * window
        whole = np.rint(taps * ((1 << _BITS) / taps.sum())).astype(int)
        whole[np.argmax(whole)] += (1 << _BITS) - whole.sum()
        rows.append(tuple(int(tap) for tap in whole))
    return tuple(rows)
