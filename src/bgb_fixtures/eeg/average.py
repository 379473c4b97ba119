"""The common average reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.signal import DerivedSignal

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["AveragedSignal", "subtract_average"]


def subtract_average(data_uv: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return rows (n_channels, n_times) minus their mean, bit-identical everywhere."""
    total = np.zeros(data_uv.shape[1])
    # Summed in a fixed order, because NumPy's sum depends on the processor.
    for row in data_uv:
        total += row
    return data_uv - total / len(data_uv)


class AveragedSignal(DerivedSignal):
    """All rows of a signal against their common average; their reference cancels."""

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start)."""
        return subtract_average(self._inner.read(start, stop))
