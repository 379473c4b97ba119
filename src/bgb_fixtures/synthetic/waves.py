"""The phase of a rhythm, counted in integers, and the start of its cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.streams import SLOW_STEP, slow_noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.synthetic.streams import Streams

    Array = npt.NDArray[np.float64]
    Knots = Sequence[tuple[float, float]]

__all__ = ["count_cycles", "cycle_times", "fast_length", "first_cycle"]

_CYCLE = 2**28  # parts of a cycle in which phase is counted


def count_cycles(
    streams: Streams, n_times: int, knots: Knots, *, jitter: float
) -> Array:
    """Return the phase of a discharge in cycles, shape (n_times,).

    The frequency is log-linear between the knots (share of the length, Hz) and varies
    randomly by `jitter`. It is rounded at 16 points per second and summed in integers,
    because a sum of floats would carry a difference in the last bit through the whole
    seizure.
    """
    n_points = n_times // SLOW_STEP + 2
    share = np.arange(n_points) * (SLOW_STEP / n_times)
    at, frequencies = zip(*knots, strict=True)
    hz = np.exp(np.interp(share, at, np.log(frequencies)))
    unrest = slow_noise(streams, "jitter", n_rows=1, n_times=n_times, tau=0.6)[0]
    hz *= 1 + jitter * np.clip(unrest, -2.5, 2.5)
    points = np.rint(hz * (_CYCLE / SLOW_STEP / SFREQ)).astype(np.int64)
    steps = np.arange(SLOW_STEP)
    per_sample = points[:-1, None] * SLOW_STEP + np.diff(points)[:, None] * steps
    # Start shortly before the first spike, which is at a whole number.
    total = np.cumsum(per_sample.ravel()[:n_times]) + (_CYCLE * 3) // 4
    return total / _CYCLE


def first_cycle(phase: Array) -> int:
    """Return the number of the cycle in which a phase begins."""
    return int(np.floor(phase[0]))


def cycle_times(phase: Array) -> Array:
    """Return the samples, with fractions, at which each cycle begins.

    One cycle before the first sample and one after the last are added at the same rate.
    """
    first, last = first_cycle(phase), int(np.floor(phase[-1])) + 1
    rising = np.maximum.accumulate(phase)
    pace = len(phase) / max(rising[-1] - rising[0], 1e-3)
    wanted = np.arange(first, last + 1, dtype=np.float64)
    times = np.interp(wanted, rising, np.arange(len(phase), dtype=np.float64))
    times[0] = (first - rising[0]) * pace
    times[-1] = len(phase) - 1 + (last - rising[-1]) * pace
    return times


def fast_length(n_times: int) -> int:
    """Return a power of two that leaves 4 s of a periodic noise unused."""
    n_fft = 2048
    while n_fft < n_times + 4 * SFREQ:
        n_fft *= 2
    return n_fft
