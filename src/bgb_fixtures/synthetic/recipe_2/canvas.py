"""Canvas on which artefacts and seizures are drawn before the background.

Invariant: every array covers the whole recording, at 256 Hz or, if stated, at the 16 Hz
of `streams.slow_noise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic.head import ELECTRODES
from bgb_fixtures.synthetic.streams import SLOW_STEP

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["Canvas"]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Signals to add to the background, and gains to apply to it."""

    scalp_uv: Array  # potentials to add, (21, n_times)
    emg_uv: Array  # RMS of the muscle noise, (21, n_times)
    cortex: Array  # gain of the background at each electrode, (21, n_points) at 16 Hz
    alpha: Array  # gain of the posterior rhythm, (n_points,) at 16 Hz
    theta: Array  # gain of the theta rhythm, (n_points,) at 16 Hz
    contact: Array  # gain of the electrode, 0 where it is flat, (21, n_points) at 16 Hz
    amplitude: float = 1.0  # factor for everything added from now on

    @classmethod
    def blank(cls, n_times: int) -> Canvas:
        """Return an empty canvas."""
        n_points = n_times // SLOW_STEP + 2
        return cls(
            scalp_uv=np.zeros((len(ELECTRODES), n_times)),
            emg_uv=np.zeros((len(ELECTRODES), n_times)),
            cortex=np.ones((len(ELECTRODES), n_points)),
            alpha=np.ones(n_points),
            theta=np.ones(n_points),
            contact=np.ones((len(ELECTRODES), n_points)),
        )

    @property
    def n_times(self) -> int:
        """Samples in the recording."""
        return int(self.scalp_uv.shape[1])

    def add(self, start: int, topography: Array, course_uv: Array) -> None:
        """Add a course (n,) in microvolts, cut to the length of the recording."""
        _put(self.scalp_uv, start, self.amplitude * topography, course_uv)

    def add_emg(self, start: int, topography: Array, course_uv: Array) -> None:
        """Add muscle of RMS (n,) in microvolts, cut to the length of the recording."""
        _put(self.emg_uv, start, self.amplitude * topography, course_uv)

    def points(self, *knots: tuple[float, float]) -> Array:
        """Return straight lines between (sample, value) knots at 16 Hz, (n_points,)."""
        at, values = zip(*knots, strict=True)
        course: Array = np.interp(np.arange(len(self.alpha)) * SLOW_STEP, at, values)
        return course


def _put(target: Array, start: int, topography: Array, course: Array) -> None:
    n_times = target.shape[1]
    first, last = max(start, 0), min(start + len(course), n_times)
    if last > first:
        target[:, first:last] += (
            topography[:, None] * course[first - start : last - start]
        )
