"""Canvas on which artefacts and seizures are drawn before everything is combined.

Invariant: every array covers the whole recording at 256 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["Canvas"]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Signals to add to the background, and gains to apply to it."""

    scalp_uv: Array  # potentials to add, (21, n_times)
    emg_uv: Array  # RMS of the muscle noise, (21, n_times)
    background: Array  # gain, 1 where nothing happens, (n_times,)
    eyes_closed: Array  # gain of the alpha rhythm, about 1 with eyes closed, (n_times,)
    amplitude: float = 1.0  # factor for everything added from now on

    @classmethod
    def blank(cls, n_times: int) -> Canvas:
        """Return an empty canvas."""
        return cls(
            scalp_uv=np.zeros((len(ELECTRODES), n_times)),
            emg_uv=np.zeros((len(ELECTRODES), n_times)),
            background=np.ones(n_times),
            eyes_closed=np.ones(n_times),
        )

    @property
    def n_times(self) -> int:
        """Samples in the recording."""
        return len(self.background)

    def add(self, start: int, topography: Array, course_uv: Array) -> None:
        """Add a course (n,) in microvolts, cut to the length of the recording."""
        self._put(self.scalp_uv, start, topography, course_uv)

    def add_emg(self, start: int, topography: Array, course_uv: Array) -> None:
        """Add muscle of RMS (n,) in microvolts, cut to the length of the recording."""
        self._put(self.emg_uv, start, topography, course_uv)

    def _put(self, target: Array, start: int, topography: Array, course: Array) -> None:
        first, last = max(start, 0), min(start + len(course), self.n_times)
        if last > first:
            target[:, first:last] += (self.amplitude * topography)[:, None] * course[
                first - start : last - start
            ]
