"""What a classifier sees of epochs of 2 s: about eighty features of any EEG.

Invariant: epochs are cut from stretches that are ictal or not, each filtered for itself
(0.7-45 Hz), so that no epoch lies across a border. A feature that depends on the gain of
the amplifier begins with ``log uV``; all others do not.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from measures.signals import band_pass, power_spectrum
from measures.windows import DERIVATIONS, EPOCH, SFREQ

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from measures.windows import Window

    Array = npt.NDArray[np.float64]

__all__ = ["BANDS_HZ", "Epochs", "mirrored_pairs", "neighbour_pairs", "take_epochs"]

BANDS_HZ = {
    "delta": (1, 4),
    "theta": (4, 8),
    "alpha": (8, 13),
    "beta": (13, 30),
    "gamma": (30, 45),
}
_LAGS = (4, 8, 16, 32, 64)
_ANTERIOR = [i for i, name in enumerate(DERIVATIONS) if name.startswith("Fp")]
_POSTERIOR = [i for i, name in enumerate(DERIVATIONS) if name[-2:] in ("O1", "O2")]


def mirrored_pairs() -> list[tuple[int, int]]:
    """Return rows of derivations on the left and the same on the right."""
    index = {name: row for row, name in enumerate(DERIVATIONS)}
    swap = str.maketrans("12345678", "21436587")
    pairs = [(row, index[name.translate(swap)]) for name, row in index.items()]
    return [(row, other) for row, other in pairs if row < other]


def neighbour_pairs() -> list[tuple[int, int]]:
    """Return rows of derivations that follow each other in a chain."""
    return [
        (row, row + 1)
        for row, (a, b) in enumerate(itertools.pairwise(DERIVATIONS))
        if a.split("-")[1] == b.split("-")[0]
    ]


@dataclass(frozen=True, kw_only=True, eq=False)
class Epochs:
    """Epochs of many windows: features (n_epochs, n_features), and what each is of."""

    names: tuple[str, ...]
    features: Array
    ictal: npt.NDArray[np.bool_]
    subjects: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]  # type of the seizure; "" in the background

    @property
    def scale_free(self) -> npt.NDArray[np.bool_]:
        """True for features that do not depend on the gain of the amplifier."""
        return np.array([not name.startswith("log uV") for name in self.names])


def take_epochs(windows: Sequence[Window]) -> Epochs:
    """Cut windows into epochs of 2 s and measure each."""
    tables, ictal, subjects, labels = [], [], [], []
    names: tuple[str, ...] = ()
    for window in windows:
        for start, stop, label in _stretches(window):
            table = _features(window.bipolar_uv[:, start:stop])
            names = tuple(table)
            n_epochs = (stop - start) // EPOCH
            tables.append(np.stack(list(table.values()), axis=1))
            ictal += [label != ""] * n_epochs
            subjects += [window.subject] * n_epochs
            labels += [label] * n_epochs
    return Epochs(
        names=names,
        features=np.vstack(tables),
        ictal=np.array(ictal),
        subjects=np.array(subjects),
        labels=np.array(labels),
    )


def _stretches(window: Window) -> list[tuple[int, int, str]]:
    """Return (start, stop, type) of what is ictal, type "", or not, from 2 s on."""
    stretches, before = [], 0
    for label, start, stop in sorted(window.events, key=lambda event: event[1]):
        stretches += [(before, start, ""), (start, stop, label)]
        before = stop
    stretches.append((before, window.bipolar_uv.shape[1], ""))
    return [part for part in stretches if part[1] - part[0] >= EPOCH]


def _to_epochs(data: Array) -> Array:
    """Cut (18, n_times) into (n_epochs, 18, 512), each without its mean."""
    n_epochs = data.shape[1] // EPOCH
    epochs = data[:, : n_epochs * EPOCH].reshape(len(data), n_epochs, EPOCH)
    centred: Array = epochs - epochs.mean(axis=2, keepdims=True)
    return centred.swapaxes(0, 1)


def _correlations(epochs: Array) -> Array:
    scaled = epochs / (np.sqrt(np.sum(epochs**2, axis=2, keepdims=True)) + 1e-9)
    found: Array = np.einsum("eit,ejt->eij", scaled, scaled)
    return found


def _features(stretch: Array) -> dict[str, Array]:
    """Return every feature of (18, n_times) by name, each (n_epochs,)."""
    epochs = _to_epochs(band_pass(stretch, low=0.7, high=45.0))
    return {
        **_sizes(epochs),
        **_bands(epochs),
        **_spectrum(epochs),
        **_shape(epochs),
        **_unevenness(epochs),
        **_space(epochs, stretch),
    }


def _median(values: Array) -> Array:
    middle: Array = np.median(values, axis=1)
    return middle


def _sizes(epochs: Array) -> dict[str, Array]:
    rms = epochs.std(axis=2) + 1e-6
    steps = np.abs(np.diff(epochs)).mean(axis=2) + 1e-6
    return {
        "log uV rms, median": np.log10(_median(rms)),
        "log uV rms, loudest": np.log10(rms.max(axis=1)),
        "log uV line length": np.log10(_median(steps)),
        "log uV peak": np.log10(np.abs(epochs).max(axis=(1, 2)) + 1e-6),
    }


def _bands(epochs: Array) -> dict[str, Array]:
    freqs = np.fft.rfftfreq(EPOCH, 1 / SFREQ)
    power = np.abs(np.fft.rfft(epochs * np.hanning(EPOCH + 1)[:-1])) ** 2
    total = power[..., (freqs >= 1) & (freqs < 45)].sum(axis=2) + 1e-9
    found: dict[str, Array] = {}
    for name, (low, high) in BANDS_HZ.items():
        inside = power[..., (freqs >= low) & (freqs < high)].sum(axis=2) + 1e-9
        level, share = np.log10(inside), np.log10(inside / total)
        found |= {
            f"log uV {name}": _median(level),
            f"share of {name}": _median(share),
            f"share of {name}, 90 %": np.quantile(share, 0.9, axis=1),
            f"share of {name}, spread": share.std(axis=1),
            f"{name}, spread": level.std(axis=1),
            f"{name}, front to back": _front_to_back(level),
        }
    inside = (freqs >= 1) & (freqs <= 30)
    share = power[..., inside] / (power[..., inside].sum(axis=2, keepdims=True) + 1e-9)
    centroid = np.log2((share * freqs[inside]).sum(axis=2) + 1e-9)
    return found | {
        "entropy of the spectrum": _median(
            -(share * np.log(share + 1e-12)).sum(axis=2)
        ),
        "sharpest line": _median(share.max(axis=2)),
        "centroid": _median(centroid),
        "centroid, spread": centroid.std(axis=1),
    }


def _front_to_back(level: Array) -> Array:
    found: Array = level[:, _ANTERIOR].mean(axis=1) - level[:, _POSTERIOR].mean(axis=1)
    return found


def _spectrum(epochs: Array) -> dict[str, Array]:
    """Fit 1/f over 2-40 Hz without 7-14 Hz, and see what stands out."""
    freqs, power = power_spectrum(epochs, n_fft=EPOCH // 2)
    level = np.log10(power + 1e-9)
    used = (freqs >= 2) & (freqs <= 40) & ~((freqs >= 7) & (freqs <= 14))
    x = np.log10(freqs[used]) - np.log10(freqs[used]).mean()
    slope = (level[..., used] * x).sum(axis=2) / (x**2).sum()
    line = slope[..., None] * (
        np.log10(np.maximum(freqs, 0.5)) - np.log10(freqs[used]).mean()
    )
    over = level - level[..., used].mean(axis=2)[..., None] - line
    alpha = over[..., (freqs >= 8) & (freqs <= 13)].max(axis=2)
    return {
        "exponent": _median(-slope),
        "exponent, spread": slope.std(axis=1),
        "alpha over the line, front": alpha[:, _ANTERIOR].mean(axis=1),
        "alpha over the line, back": alpha[:, _POSTERIOR].mean(axis=1),
        "peak over the line": _median(
            over[..., (freqs >= 2) & (freqs <= 25)].max(axis=2)
        ),
    }


def _shape(epochs: Array) -> dict[str, Array]:
    rms = epochs.std(axis=2, keepdims=True) + 1e-6
    scaled = epochs / rms
    energy = (epochs**2).sum(axis=2) + 1e-9
    found = {
        f"autocorrelation at {1000 * lag / SFREQ:.0f} ms": _median(
            (epochs[..., lag:] * epochs[..., :-lag]).sum(axis=2) / energy
        )
        for lag in _LAGS
    }
    square = scaled**2
    kurtosis, skewness = (
        (square**2).mean(axis=2),
        np.abs((square * scaled).mean(axis=2)),
    )
    pieces = epochs.reshape(*epochs.shape[:2], -1, SFREQ // 4).std(axis=3)
    steps = np.diff(epochs)
    mobility = steps.std(axis=2) / rms[..., 0]
    complexity = np.diff(steps).std(axis=2) / (steps.std(axis=2) + 1e-9) / mobility
    return found | {
        "kurtosis, log": np.log(_median(kurtosis)),
        "kurtosis, log, 90 %": np.log(np.quantile(kurtosis, 0.9, axis=1)),
        "|skewness|": _median(skewness),
        "|skewness|, 90 %": np.quantile(skewness, 0.9, axis=1),
        "crest, log": np.log(_median(np.abs(scaled).max(axis=2))),
        "unrest of rms": _median(pieces.std(axis=2) / pieces.mean(axis=2)),
        "mobility, log": np.log(_median(mobility)),
        "complexity, log": np.log(_median(complexity)),
        "zero crossings": _median(np.diff(np.signbit(epochs)).mean(axis=2)),
    }


def _unevenness(epochs: Array) -> dict[str, Array]:
    level = np.log10(epochs.std(axis=2) + 1e-6)
    left_right = [level[:, i] - level[:, j] for i, j in mirrored_pairs()]
    return {
        "rms, spread": level.std(axis=1),
        "rms, loudest over median": level.max(axis=1) - _median(level),
        "rms, quietest over median": level.min(axis=1) - _median(level),
        "rms, left to right": np.abs(np.mean(left_right, axis=0)),
        "rms, front to back": _front_to_back(level),
    }


def _space(epochs: Array, stretch: Array) -> dict[str, Array]:
    correlation = _correlations(epochs)
    upper = np.triu_indices(len(DERIVATIONS), 1)
    values = np.clip(np.linalg.eigvalsh(correlation), 1e-9, None) / len(DERIVATIONS)
    found = {
        "|correlation|": np.abs(correlation[:, *upper]).mean(axis=1),
        "first eigenvalue": values[:, -1],
        "rank (entropy)": -(values * np.log(values)).sum(axis=1),
        **_pairs(correlation, ""),
    }
    for name, (low, high) in BANDS_HZ.items():
        band = _to_epochs(band_pass(stretch, low=low, high=high))
        found |= _pairs(_correlations(band), f" of {name}")
    return found


def _pairs(correlation: Array, of: str) -> dict[str, Array]:
    left, right = np.array(mirrored_pairs()).T
    first, second = np.array(neighbour_pairs()).T
    return {
        f"left-right correlation{of}": _median(correlation[:, left, right]),
        f"chain correlation{of}": _median(correlation[:, first, second]),
    }
