"""When a seizure is first seen, by a detector that knows where to look.

The detector is told what the first seconds of this seizure change: the ten of 18
derivations times five bands whose power changes most, by more than one deviation of the
background, and in which direction. Its score is their weighted sum; the seizure is seen
when it is above the 95th percentile of the background of the same window, and for at
least half of the second that follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from measures.signals import band_pass
from measures.windows import SFREQ

if TYPE_CHECKING:
    import numpy.typing as npt

    from measures.windows import Window

    Array = npt.NDArray[np.float64]

__all__ = ["visible_onsets"]

BANDS_HZ = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 70))
FRAME, HOP = SFREQ // 2, SFREQ // 16
FIRST_S, MARGIN_S, LEAST_BACKGROUND_S = 5.0, 0.5, 4.0
N_CHANGED = 10


def visible_onsets(window: Window) -> list[float]:
    """Return for each onset in a window the seconds from label to first sight.

    nan if it is never seen; onsets with less than 4 s of background before are left out.
    """
    found = []
    for _, start, stop in window.events:
        before = window.ictal[:start]
        first = len(before) - np.argmax(before[::-1]) if before.any() else 0
        if (start - first) / SFREQ >= LEAST_BACKGROUND_S:
            data_uv = window.bipolar_uv[:, first:stop]
            found.append(_first_sight(data_uv, (start - first) / SFREQ))
    return found


def _first_sight(data_uv: Array, onset: float) -> float:
    """Return the seconds from an onset to the first frame that shows the seizure."""
    times, power = _frames(data_uv)
    background = times < onset - MARGIN_S
    ictal = (times >= onset + MARGIN_S / 2) & (times < onset + FIRST_S)
    mean = power[:, background].mean(axis=1, keepdims=True)
    change = (power - mean) / (power[:, background].std(axis=1, keepdims=True) + 0.1)
    mean_change = change[:, ictal].mean(axis=1)
    # What chance changes in ten independent frames is below one deviation.
    weights = np.sign(mean_change) * np.maximum(np.abs(mean_change) - 1, 0)
    changed = np.argsort(-np.abs(weights))[:N_CHANGED]
    score = weights[changed] @ change[changed]
    above = score > np.quantile(score[background], 0.95)
    above &= times > onset - MARGIN_S
    # Single frames above are chance; half of those of a second are not.
    stays = [above[i : i + SFREQ // HOP].mean() >= 0.5 for i in range(len(above))]
    seen = np.flatnonzero(above & stays)
    return float(times[seen[0]] - onset) if len(seen) else float("nan")


def _frames(data_uv: Array) -> tuple[Array, Array]:
    """Return the middle of each frame in seconds, and log power (90, n_frames)."""
    rows = []
    for low, high in BANDS_HZ:
        squares = band_pass(data_uv, low=low, high=high) ** 2
        total = np.cumsum(np.pad(squares, [(0, 0), (1, 0)]), axis=1)
        power = (total[:, FRAME:] - total[:, :-FRAME])[:, ::HOP] / FRAME
        rows.append(np.log(power + 0.05))
    times = (np.arange(rows[0].shape[1]) * HOP + FRAME / 2) / SFREQ
    return times, np.concatenate(rows)
