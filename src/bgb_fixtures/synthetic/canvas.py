"""Where artefacts and seizures leave their mark before all is put together.

Invariant: every array covers the whole recording at 256 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ
from bgb_fixtures.synthetic.head import ELECTRODES

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["Canvas", "add_bumps", "ramps", "seconds"]


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """Collect what is added to, and done to, the background.

    Attributes
    ----------
    scalp_uv : numpy.ndarray of float64, shape (21, n_times)
        Potentials to add, in microvolts.
    emg_uv : numpy.ndarray of float64, shape (21, n_times)
        Size (RMS) of the muscle noise at each electrode.
    background : numpy.ndarray of float64, shape (n_times,)
        Gain of the background, 1 where nothing happens.
    eyes_closed : numpy.ndarray of float64, shape (n_times,)
        Gain of the posterior alpha rhythm, about 1 with eyes closed.
    amplitude : float
        Factor to all that is added from now on.
    """

    scalp_uv: Array
    emg_uv: Array
    background: Array
    eyes_closed: Array
    amplitude: float = 1.0

    @classmethod
    def blank(cls, n_times: int) -> Canvas:
        """Return a canvas without any mark.

        Parameters
        ----------
        n_times : int
            Samples in the recording.

        Returns
        -------
        canvas : Canvas
            Zeros and ones.
        """
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
        """Add a time course, as far as it lies inside the recording.

        Parameters
        ----------
        start : int
            Sample at which it begins; may be negative.
        topography : numpy.ndarray of float64, shape (21,)
            Weight of each electrode.
        course_uv : numpy.ndarray of float64, shape (n,)
            Microvolts.
        """
        self._put(self.scalp_uv, start, topography, course_uv)

    def add_emg(self, start: int, topography: Array, course_uv: Array) -> None:
        """Add muscle activity, as far as it lies inside the recording.

        Parameters
        ----------
        start : int
            Sample at which it begins; may be negative.
        topography : numpy.ndarray of float64, shape (21,)
            Weight of each electrode.
        course_uv : numpy.ndarray of float64, shape (n,)
            Size (RMS) in microvolts.
        """
        self._put(self.emg_uv, start, topography, course_uv)

    def _put(self, target: Array, start: int, topography: Array, course: Array) -> None:
        first, last = max(start, 0), min(start + len(course), self.n_times)
        if last > first:
            target[:, first:last] += (self.amplitude * topography)[:, None] * course[
                first - start : last - start
            ]


def ramps(n_times: int, *knots: tuple[float, float]) -> Array:
    """Return straight lines between knots.

    Parameters
    ----------
    n_times : int
        Samples wanted.
    *knots : tuple of float
        (sample, value), in order.

    Returns
    -------
    values : numpy.ndarray of float64, shape (n_times,)
        Constant before the first and after the last knot.
    """
    positions, values = zip(*knots, strict=True)
    course: Array = np.interp(np.arange(n_times), positions, values)
    return course


def add_bumps(
    course: Array, *, at: Array, width: Array | float, size: Array | float
) -> None:
    """Add Gaussian bumps to a time course.

    Parameters
    ----------
    course : numpy.ndarray of float64, shape (n_times,)
        What to add to.
    at : numpy.ndarray of float64, shape (n_bumps,)
        Their middle in samples; need not lie inside.
    width, size : numpy.ndarray of float64, shape (n_bumps,), or float
        Standard deviation in samples, and height.
    """
    at = np.asarray(at, dtype=np.float64)
    if not len(at):
        return
    width = np.broadcast_to(np.asarray(width, dtype=np.float64), at.shape)
    size = np.broadcast_to(np.asarray(size, dtype=np.float64), at.shape)
    # 8 deviations: what is cut off is below 1e-14, so that a middle which another
    # machine computes one sample earlier changes nothing.
    reach = int(8 * width.max()) + 1
    index = np.floor(at).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    z = (index - at[:, None]) / width[:, None]
    bumps = size[:, None] * np.exp(-0.5 * z * z)
    inside = (index >= 0) & (index < len(course))
    course += np.bincount(index[inside], weights=bumps[inside], minlength=len(course))


def seconds(value: float) -> int:
    """Return a time in samples.

    Parameters
    ----------
    value : float
        Seconds.

    Returns
    -------
    n_times : int
        The nearest whole number of samples.
    """
    return round(value * SFREQ)
