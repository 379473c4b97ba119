"""Statistics that describe a window.

Invariant: everything is computed from the stored channels in microvolts, unfiltered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.report.plot import REGION_COLOURS, region_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture

__all__ = ["LOWEST_HZ", "Statistics", "measure_window"]

LOWEST_HZ = 0.5
_HIGHEST_HZ = 100.0
_PIECE_S = 2.0
_FLOOR_UV2 = 1e-6
"""Minimum power, so that silence has a finite value in decibels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Statistics of one window.

    Attributes
    ----------
    rms_uv : float
        Root mean square in microvolts over all channels, each about its mean.
    ictal_share : float
        Share of ictal samples, in [0, 1].
    clipped_share : float
        Share of clipped values over all channels, in [0, 1].
    kurtosis : float or None
        Excess kurtosis (0 for a normal distribution), median over the channels that
        are not constant; None if all are.
    peak : tuple of str and float, or None
        The channel with the highest excess kurtosis, and its value.
    frequencies : numpy.ndarray of float64, shape (n_frequencies,)
        Hertz, from `LOWEST_HZ` to 100 or half of the sampling frequency.
    spectra : dict of str to numpy.ndarray of float64, shape (n_frequencies,)
        Region of the head -> mean power of its channels, in dB of 1 uV^2/Hz; only
        regions with a channel.
    """

    rms_uv: float
    ictal_share: float
    clipped_share: float
    kurtosis: float | None
    peak: tuple[str, float] | None
    frequencies: npt.NDArray[np.float64]
    spectra: dict[str, npt.NDArray[np.float64]]


def measure_window(fixture: Fixture, row: int) -> Statistics:
    """Compute the statistics of one window.

    Notes
    -----
    Spectra: Hann pieces of 2 s that overlap by half, each about its mean, averaged
    (P. D. Welch, The use of fast Fourier transform for the estimation of power spectra,
    IEEE Transactions on Audio and Electroacoustics 15(2), 1967).
    """
    window = fixture.take([row])
    data_uv = window.microvolts()[0].astype(np.float64)
    centred = data_uv - data_uv.mean(axis=1, keepdims=True)
    variances = np.square(centred).mean(axis=1)
    # Do not compute a distribution of rounding errors.
    alive = np.flatnonzero(variances > 1e-9)
    kurtosis, peak = None, None
    if len(alive):
        fourth = (centred[alive] ** 4).mean(axis=1)
        excess = fourth / np.square(variances[alive]) - 3
        kurtosis = float(np.median(excess))
        highest = int(np.argmax(excess))
        peak = (window.ch_names[alive[highest]], float(excess[highest]))
    frequencies, spectra = _region_spectra(data_uv, window)
    return Statistics(
        rms_uv=float(np.sqrt(variances.mean())),
        ictal_share=float(window.labels[0].mean()),
        clipped_share=window.windows[0].n_clipped / data_uv.size,
        kurtosis=kurtosis,
        peak=peak,
        frequencies=frequencies,
        spectra=spectra,
    )


def _region_spectra(
    data_uv: npt.NDArray[np.float64], window: Fixture
) -> tuple[npt.NDArray[np.float64], dict[str, npt.NDArray[np.float64]]]:
    sfreq, n_times = window.sfreq, data_uv.shape[1]
    n_fft = min(max(round(_PIECE_S * sfreq), 2), n_times)
    starts = np.arange(0, n_times - n_fft + 1, max(n_fft // 2, 1))
    pieces = data_uv[:, starts[:, None] + np.arange(n_fft)]
    pieces = pieces - pieces.mean(axis=2, keepdims=True)
    taper = np.hanning(n_fft + 1)[:-1]
    power = np.square(np.abs(np.fft.rfft(pieces * taper, axis=2))).mean(axis=1)
    power *= 2 / (sfreq * np.square(taper).sum())
    frequencies = np.fft.rfftfreq(n_fft, 1 / sfreq).astype(np.float64)
    shown = (frequencies >= LOWEST_HZ) & (frequencies <= _HIGHEST_HZ)
    regions = [region_of(name) for name in window.ch_names]
    spectra = {
        region: 10
        * np.log10(np.maximum(power[rows][:, shown].mean(axis=0), _FLOOR_UV2))
        for region in REGION_COLOURS
        if (rows := [i for i, other in enumerate(regions) if other == region])
    }
    return frequencies[shown], spectra
