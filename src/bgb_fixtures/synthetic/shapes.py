"""Simple courses over time: straight lines and bumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["add_bumps", "ramps", "seconds"]


def ramps(n_times: int, *knots: tuple[float, float]) -> Array:
    """Return straight lines between (sample, value) knots, constant outside of them."""
    positions, values = zip(*knots, strict=True)
    course: Array = np.interp(np.arange(n_times), positions, values)
    return course


def add_bumps(
    course: Array, *, at: Array, width: Array | float, size: Array | float
) -> None:
    """Add Gaussian bumps to a course; `at` and `width` (deviation) are in samples."""
    at = np.asarray(at, dtype=np.float64)
    if not len(at):
        return
    width = np.broadcast_to(np.asarray(width, dtype=np.float64), at.shape)
    size = np.broadcast_to(np.asarray(size, dtype=np.float64), at.shape)
    # Cut off at 8 deviations, where values are below 1e-14. So nothing changes if
    # another machine computes a centre one sample earlier.
    reach = int(8 * width.max()) + 1
    index = np.floor(at).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    z = (index - at[:, None]) / width[:, None]
    bumps = size[:, None] * np.exp(-0.5 * z * z)
    inside = (index >= 0) & (index < len(course))
    course += np.bincount(index[inside], weights=bumps[inside], minlength=len(course))


def seconds(value: float) -> int:
    """Return a time as the nearest whole number of samples."""
    return round(value * SFREQ)
