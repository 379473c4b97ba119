"""Rows of a montage from the channels of a fixture, and the common average."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.montage import proper_rows, resolve_montage
from bgb_fixtures.eeg.signal import DerivedSignal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.eeg.montage import Montage

__all__ = ["AveragedSignal", "derive_rows", "subtract_average"]


def derive_rows(
    data_uv: npt.NDArray[np.float64],
    ch_names: Sequence[str],
    montage: Montage,
    *,
    where: str,
) -> npt.NDArray[np.float64]:
    """Return the rows of a montage from the channels of the fixture `where`."""
    own = proper_rows(ch_names)
    if montage.averaged and own == montage.derivations:
        return data_uv
    channels = resolve_montage(own, montage, where=where, what="fixture")
    rows = np.empty((len(channels), data_uv.shape[1]))
    for i, row in enumerate(channels):
        rows[i] = data_uv[row.plus[0]]
        if row.minus:
            rows[i] -= data_uv[row.minus[0]]
    return subtract_average(rows) if montage.averaged else rows


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
