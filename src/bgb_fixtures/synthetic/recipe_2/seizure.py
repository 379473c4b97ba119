"""Input of every seizure pattern, and effects of a seizure on the background.

Invariant: every ictal signal is multiplied by an envelope that is zero outside of the
seizure, so labels are exact to the sample. Postictal slowing and suppression come after
it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES, REGIONS, direction, mix, patch
from bgb_fixtures.synthetic.shapes import ramps, seconds
from bgb_fixtures.synthetic.streams import (
    Streams,
    interpolate,
    shaped_noise,
    slow_noise,
)
from bgb_fixtures.synthetic.waves import fast_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.synthetic.recipe_2.canvas import Canvas
    from bgb_fixtures.synthetic.recipe_2.subject import Subject

    Array = npt.NDArray[np.float64]
    Range = tuple[float, float]

__all__ = ["Seizure", "add_slowing", "dim", "near", "shape_envelope"]


@dataclass(frozen=True, slots=True, eq=False)
class Seizure:
    """Place and time: the ictal samples `[start, stop)` of a subject's recording."""

    canvas: Canvas
    subject: Subject
    streams: Streams
    start: int
    stop: int

    @property
    def n_times(self) -> int:
        """Samples in the seizure."""
        return self.stop - self.start

    @property
    def length(self) -> float:
        """Length of the seizure in seconds."""
        return self.n_times / SFREQ

    def draw(self, name: str, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return self.streams.between(name, low, high)

    def scale(self, name: str, low: float, high: float) -> float:
        """Return a number in [low, high), uniform in its logarithm."""
        return float(np.exp(self.streams.between(name, np.log(low), np.log(high))))

    def chance(self, name: str, share: float) -> bool:
        """Return True with probability `share`."""
        return self.streams.chance(name, share)

    def loudness(self, low: float, high: float) -> float:
        """Draw an amplitude in microvolts; it is larger if the subject's EEG is."""
        return self.scale("loudness", low, high) * math.sqrt(self.subject.rms_uv / 18)

    def add(self, offset: int, fields: Array, rows: Array) -> None:
        """Add rows (n, n_times) with fields (21, n), `offset` samples from the start."""
        first = self.start + offset
        self.canvas.scalp_uv[:, first : first + rows.shape[1]] += mix(
            self.canvas.amplitude * fields, rows
        )


def near(region: str, streams: Streams, name: str, spread: float) -> Array:
    """Return a random direction near a region; `spread` is in radians."""
    vector = direction(*REGIONS[region]) + spread * streams.normals(name, 3)
    vector /= np.sqrt(np.sum(vector * vector))
    return vector


def shape_envelope(
    seizure: Seizure,
    *,
    begin: float,
    peak: float,
    end: float,
    rise: float = 0.5,
    fall: float = 0.6,
) -> Array:
    """Return an envelope that rises to `begin`, reaches 1 at `peak`, falls from `end`.

    `peak` is a share of the seizure; `rise` and `fall` are in seconds. The envelope
    also varies at random, in every fourth seizure almost down to zero.
    """
    n = seizure.n_times
    up, down = min(seconds(rise), n // 4), min(seconds(fall), n // 4)
    course = ramps(n, (-1, 0), (up, begin), (peak * n, 1), (n - down, end), (n, 0))
    depth = 0.4 if seizure.chance("wanes", 0.25) else 0.2
    waves = slow_noise(seizure.streams, "waxing", n_rows=1, n_times=n, tau=2.0)
    course *= interpolate(np.exp(depth * np.clip(waves, -2.5, 2)), n)[0]
    return course


def dim(
    seizure: Seizure,
    *knots: tuple[float, float],
    alpha: float = 0.15,
    rest: float = 4.0,
    topography: Array | None = None,
) -> None:
    """Scale the background by knots (seconds from the onset, gain), from and to 1.

    The posterior rhythm is reduced to `alpha` and returns within `rest` seconds after
    the end. A topography (21,) limits where the background is scaled; the default is
    everywhere.
    """
    canvas, edge = seizure.canvas, seconds(min(0.7, 0.3 * seizure.length))
    at = [(seizure.start + seconds(time), gain) for time, gain in knots]
    loss = 1 - canvas.points(*at)
    where = np.ones(len(ELECTRODES)) if topography is None else topography
    canvas.cortex[:] *= 1 - where[:, None] * loss
    canvas.alpha[:] *= canvas.points(
        (seizure.start - 0.1 * edge, 1),
        (seizure.start + edge, alpha),
        (seizure.stop, alpha),
        (seizure.stop + seconds(rest), 1),
    )


def add_slowing(
    seizure: Seizure,
    regions: Sequence[str],
    *,
    size_uv: float,
    rise: float,
    tau: float,
    peak_hz: float = 1.6,
) -> None:
    """Add slow waves after a seizure that rise and then fade within some seconds."""
    up, n = seconds(rise), seconds(rise + 4 * tau)
    fade = np.exp(np.minimum(up - np.arange(n), 0) / (tau * SFREQ))
    fade *= ramps(n, (0, 0), (up, 1), (n - seconds(tau), 1), (n, 0))
    streams = seizure.streams.child("after")
    rows = shaped_noise(
        streams,
        "slow",
        n_rows=2 * len(regions),
        n_fft=fast_length(n),
        power=lambda f: np.square(f) / (1 + np.power(f / peak_hz, 5.5)),
        band=(0.5, 12),
    )[:, :n]
    unrest = slow_noise(streams, "unrest", n_rows=1, n_times=n, tau=1.0)
    fade *= 0.7 * size_uv * interpolate(np.exp(0.35 * unrest - 0.1), n)[0]
    for i, row in enumerate(rows):
        place = near(regions[i // 2], streams, f"place {i}", 0.2)
        seizure.canvas.add(seizure.stop, patch(place, sigma=18), fade * row)
