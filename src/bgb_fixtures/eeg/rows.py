"""The rows of a montage, computed from the channels of a fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.average import subtract_average
from bgb_fixtures.eeg.montage import proper_rows, resolve_montage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.eeg.montage import Montage

__all__ = ["derive_rows"]


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
