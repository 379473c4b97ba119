"""Spectra, filters and correlations of arrays with time on the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from measures.windows import EPOCH, SFREQ

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


def power_spectrum(data: Array, *, n_fft: int = EPOCH) -> tuple[Array, Array]:
    """Average the spectra of half-overlapping Hann segments (Welch 1967).

    Returns frequencies in Hz and power per bin, shape (..., n_fft // 2 + 1), in units
    that only ratios are taken of.
    """
    segments = np.lib.stride_tricks.sliding_window_view(data, n_fft, axis=-1)
    segments = segments[..., :: n_fft // 2, :]
    segments = segments - segments.mean(axis=-1, keepdims=True)
    spectra = np.fft.rfft(segments * np.hanning(n_fft + 1)[:-1])
    freqs = np.arange(n_fft // 2 + 1, dtype=np.float64) * (SFREQ / n_fft)
    power: Array = (np.abs(spectra) ** 2).mean(axis=-2)
    return freqs, power


def band_pass(data: Array, *, low: float, high: float) -> Array:
    """Keep a band, zero-phase, with gentle slopes and half gain at `low` and `high` Hz.

    Ends are continued by their mirror image: no step arises, not even from mains.
    """
    pad = min(2 * SFREQ, data.shape[-1] - 1)
    padded = np.pad(data, [(0, 0)] * (data.ndim - 1) + [(pad, pad)], mode="reflect")
    n_times = padded.shape[-1]
    freqs = np.fft.rfftfreq(n_times, 1 / SFREQ)
    edges = [0.7 * low, 1.3 * low, 0.95 * high, 1.05 * high]
    gain = np.interp(freqs, edges, [0, 1, 1, 0])
    kept: Array = np.fft.irfft(np.fft.rfft(padded) * gain, n_times)
    return kept[..., pad : pad + data.shape[-1]]


def correlate(data: Array) -> Array:
    """Return the correlation of each row (n_rows, n_times) with each.

    Unlike `numpy.corrcoef` without BLAS, whose threads wait for each other for tens of
    milliseconds a call where a machine is busy.
    """
    centred = data - data.mean(axis=1, keepdims=True)
    centred /= np.sqrt((centred**2).sum(axis=1, keepdims=True))
    found: Array = np.einsum("it,jt->ij", centred, centred)
    return found


def spectral_entropy(power: Array) -> Array:
    """Return the entropy of spectra (..., n_freqs) relative to that of a flat one.

    1 for a flat spectrum, 0 for a single line.
    """
    share = power / power.sum(axis=-1, keepdims=True)
    share = np.maximum(share, 1e-300)
    entropy: Array = -(share * np.log(share)).sum(axis=-1) / np.log(power.shape[-1])
    return entropy
