"""A zero-phase band-pass filter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.resample import needs_scipy
from bgb_fixtures.eeg.signal import DerivedSignal
from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.eeg.signal import Signal

__all__ = ["BandPassedSignal", "check_band_pass"]


def check_band_pass(band: tuple[float, float], *, sfreq: float) -> None:
    """Raise SpecError unless 0 < low < high < half of the sampling frequency."""
    low, high = band
    if not 0 < low < high < sfreq / 2:
        msg = (
            f"a band-pass filter needs 0 < low < high < {sfreq / 2:g} Hz, half of the "
            f"sampling frequency, got {low:g} and {high:g} Hz"
        )
        raise SpecError(msg)


class BandPassedSignal(DerivedSignal):
    """A signal filtered by a symmetric FIR band-pass filter with edges in Hz.

    Notes
    -----
    The filter is one windowed sinc (Hamming). A transition band is a quarter of its
    edge wide, at least 2 Hz, and at most the space available, as by default in
    ``mne.filter.filter_data``. The narrower transition band determines the length, so
    both edges have the same steepness, and the gain is one half in the middle of each
    band. MNE chooses a length for each edge, so its upper edge is less steep.
    """

    def __init__(self, inner: Signal, band: tuple[float, float]) -> None:
        super().__init__(inner)
        check_band_pass(band, sfreq=inner.sfreq)
        low, high = band
        half = inner.sfreq / 2
        try:
            from scipy.signal import firwin
        except ImportError as error:
            what = "band_pass"
            raise needs_scipy(what) from error
        low_width = min(max(low / 4, 2.0), low)
        high_width = min(max(high / 4, 2.0), half - high)
        n_taps = 2 * math.ceil(1.65 * inner.sfreq / min(low_width, high_width)) + 1
        # firwin defines an edge as the -6 dB point, the middle of a transition band.
        edges = [low - low_width / 2, high + high_width / 2]
        self._taps = firwin(n_taps, edges, pass_zero=False, fs=inner.sfreq)

    def _context(self, start: int, stop: int) -> tuple[int, int]:
        reach = len(self._taps) // 2
        return start - reach, stop + reach

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start)."""
        from scipy.signal import oaconvolve

        data = self._read_context(*self._context(start, stop))
        filtered: npt.NDArray[np.float64] = oaconvolve(
            data, self._taps[None], mode="valid", axes=1
        )
        return filtered
