"""Interpolate missing electrodes from their neighbours."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.montage import MONTAGES, row_electrodes
from bgb_fixtures.eeg.signal import DerivedSignal
from bgb_fixtures.errors import MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from bgb_fixtures.eeg.signal import Signal

__all__ = ["MAX_INTERPOLATED", "InterpolatedSignal", "spline_weights"]

_ELECTRODES = MONTAGES["10-20"]
MAX_INTERPOLATED = 4
"""Of 19 electrodes; with fewer neighbours a spline is unreliable."""
_WEIGHT_STEP = 2.0**-20


@cache
def spline_weights(
    missing: tuple[str, ...],
) -> dict[str, npt.NDArray[np.float64]]:
    """Return, for each missing electrode, the weights of the others in ``10-20``.

    Weights are in the order of ``10-20``, shape (19 - n_missing,), and multiples of
    2^-20, so that another BLAS does not change a fixture. Requires MNE.

    References
    ----------
    Perrin, F. et al. (1989). Spherical splines for scalp potential and current density
    mapping. Electroencephalography and Clinical Neurophysiology 72(2), 184-187; as
    ``mne.io.Raw.interpolate_bads`` does it.
    """
    try:
        import mne
    except ImportError as error:
        msg = (
            "missing = 'interpolate' needs MNE, which is not installed; run: "
            'pip install "bgb-fixtures[build]"'
        )
        raise MissingPackageError(msg) from error
    present = [name for name in _ELECTRODES if name not in missing]
    # Unit values at one electrode after another give the matrix of weights.
    units = np.zeros((len(_ELECTRODES), len(present)))
    for column, name in enumerate(present):
        units[_ELECTRODES.index(name), column] = 1
    info = mne.create_info(list(_ELECTRODES), sfreq=1.0, ch_types="eeg")
    raw = mne.io.RawArray(units, info, verbose="error")
    # The same positions have two names; before MNE 1.13 only the second exists.
    known = mne.channels.get_builtin_montages()
    positions = "colin27_1020" if "colin27_1020" in known else "standard_1020"
    raw.set_montage(positions, verbose="error")
    raw.info["bads"] = list(missing)
    raw.interpolate_bads(mode="accurate", verbose="error")
    weights = np.rint(raw.get_data(list(missing)) / _WEIGHT_STEP) * _WEIGHT_STEP
    return dict(zip(missing, weights, strict=True))


class InterpolatedSignal(DerivedSignal):
    """The rows of a montage with some electrodes interpolated.

    The inner signal has the electrodes `present`; `weights` has, for each missing
    electrode, one weight per electrode that is present.
    """

    def __init__(
        self,
        inner: Signal,
        rows: Sequence[str],
        *,
        present: Sequence[str],
        weights: Mapping[str, npt.NDArray[np.float64]],
    ) -> None:
        super().__init__(inner)
        self._rows = tuple(rows)
        self._present = tuple(present)
        self._weights = weights

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_rows, stop - start)."""
        data = self._inner.read(start, stop)
        electrodes = dict(zip(self._present, data, strict=True))
        for name, weights in self._weights.items():
            total = np.zeros(stop - start)
            for weight, row in zip(weights, data, strict=True):
                total += weight * row
            electrodes[name] = total
        wanted = np.empty((len(self._rows), stop - start))
        for i, row in enumerate(self._rows):
            first, *second = row_electrodes(row)
            wanted[i] = electrodes[first]
            for name in second:
                wanted[i] -= electrodes[name]
        return wanted
