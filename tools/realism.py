"""Show that the synthetic EEG is plausible and not too easy, beside real EEG and toys.

Two tables. The first holds what was measured on real scalp EEG (marks: [M] measured on
real excerpts, [S] from a source, [T] textbook) and the same measures of: the generator over several seeds, the fixture,
real excerpts where ``../shared/data`` is there, white noise, and a sine on noise. All
but two of them are taken in the longitudinal bipolar montage and so do not depend on
the reference. The second says how hard it is to find the seizures: areas under the ROC
curve over epochs of 2 s, and what a small classifier finds in subjects it never saw.

Run it from the repository root, in about a minute on two cores::

    python tools/realism.py                    # packaged fixture, seeds 1 to 5
    python tools/realism.py my.h5 --seeds 1 2  # another file, other seeds
    python tools/realism.py --quick            # two seeds, few networks
    python tools/realism.py --json             # for a script
    python tools/realism.py my.h5 --seeds --windows   # no seeds; each window, seizure

A cell is the median; in parentheses the 10th and 90th percentile over pieces of 10 s
(over seizures), or for several seeds the least and the largest median. Its mark: blank
in range, ``~`` the median is but more than a quarter of the pieces are not, ``OUT`` the
median of this column, or of any seed in it, is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgb_fixtures.eeg.montage import MONTAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

SFREQ = 256
PIECE_S = 10  # the length of the real excerpts that the ranges come from
EPOCH_S = 2
EPOCH = EPOCH_S * SFREQ
DERIVATIONS = MONTAGES["double-banana"]
BAND_HZ = (0.7, 45.0)
HEAD_CM = 9.0
SEEDS = (1, 2, 3, 4, 5)
N_INITS = 20
FALSE_ALARMS = 0.05
REAL = Path(__file__).parents[1].parent / "shared" / "data"


# Signals ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """Hold one window of any origin.

    Attributes
    ----------
    name, subject : str
        For reports, and for leaving subjects out.
    bipolar_uv : numpy.ndarray of float64, shape (18, n_times)
        Montage double-banana in microvolts.
    electrodes_uv : numpy.ndarray of float64, shape (19, n_times), or None
        Montage 10-20 in microvolts, any common reference; None if it was not recorded.
    ready : numpy.ndarray of float32, shape (n_channels, n_times)
        What a model sees.
    events : tuple of (str, int, int)
        Type, first ictal sample, first sample behind the seizure.
    """

    name: str
    subject: str
    bipolar_uv: Array
    electrodes_uv: Array | None
    ready: npt.NDArray[np.float32]
    events: tuple[tuple[str, int, int], ...]

    @cached_property
    def ictal(self) -> npt.NDArray[np.bool_]:
        """True for ictal samples, shape (n_times,)."""
        mask = np.zeros(self.bipolar_uv.shape[1], bool)
        for _, start, stop in self.events:
            mask[start:stop] = True
        return mask


def to_bipolar(electrodes_uv: Array) -> Array:
    """Subtract electrodes: (19, n_times) in montage 10-20 to (18, n_times)."""
    index = {name: row for row, name in enumerate(MONTAGES["10-20"])}
    pairs = [[index[part] for part in name.split("-")] for name in DERIVATIONS]
    plus, minus = np.array(pairs).T
    bipolar_uv: Array = electrodes_uv[plus] - electrodes_uv[minus]
    return bipolar_uv


def read_fixture(path: str | Path) -> list[Window]:
    """Read all windows of a fixture file at 256 Hz, montage 10-20 or double-banana."""
    from bgb_fixtures import load_fixture

    windows = []
    with load_fixture(path) as fixture:
        if fixture.sfreq != SFREQ:
            sys.exit(f"{path}: {fixture.sfreq:g} Hz; the measures are for {SFREQ} Hz")
        referential = fixture.ch_names == MONTAGES["10-20"]
        microvolts = fixture.microvolts().astype(np.float64)
        for row, record in enumerate(fixture.windows):
            spans = [(event.label, *event.span(SFREQ)) for event in record.events]
            data_uv = microvolts[row]
            windows.append(
                Window(
                    name=f"{record.id} {record.kind}",
                    subject=record.subject,
                    bipolar_uv=to_bipolar(data_uv) if referential else data_uv,
                    electrodes_uv=data_uv if referential else None,
                    ready=np.array(fixture.signals[row]),
                    events=tuple(spans),
                )
            )
    return windows


def read_real(folder: Path) -> list[Window]:
    """Read the real excerpts: 10 s before onset, then the seizure or 10 s of it.

    `folder` holds ``chbmit-mini`` (whole seizures) and ``chbmit-chunks`` (10-20 s after
    onset, joined here to the 10 s before onset). One window per seizure.
    """
    before = PIECE_S * SFREQ
    windows = []
    for path in sorted(folder.glob("chbmit-mini/chb01/*.edf")):
        data_uv = _read_bipolar(path)
        if data_uv.shape[1] > before:
            windows.append(_real_window(path.stem, data_uv, before))
    for path in sorted(folder.glob("chbmit-chunks/*_preictal.edf")):
        name = path.stem[:8]
        (ictal,) = folder.glob(f"chbmit-chunks/{name}_*_ictal.edf")
        data_uv = np.hstack([_read_bipolar(path), _read_bipolar(ictal)])
        windows.append(_real_window(name, data_uv, before))
    return standardise(windows)


def _real_window(name: str, data_uv: Array, onset: int) -> Window:
    return Window(
        name=name,
        subject=name[:5],
        bipolar_uv=data_uv,
        electrodes_uv=None,
        ready=data_uv.astype(np.float32),
        events=(("seiz", onset, data_uv.shape[1]),),
    )


def _read_bipolar(path: Path) -> Array:
    import pyedflib

    from bgb_fixtures.eeg.montage import resolve_montage

    with pyedflib.EdfReader(str(path)) as reader:
        labels = reader.getSignalLabels()
        rows = resolve_montage(labels, "double-banana", where=path.name)
        return np.array([reader.readSignal(row.plus[0]) for row in rows])


def standardise(windows: Sequence[Window]) -> list[Window]:
    """Divide `ready` by the standard deviation of each subject's background.

    `ready` becomes that of the electrodes if there are any, else of the derivations.
    """
    scale: dict[str, Array] = {}
    for subject in {window.subject for window in windows}:
        background = [
            _channels(window)[:, ~window.ictal]
            for window in windows
            if window.subject == subject
        ]
        joined = np.hstack(background)
        size = joined.std(axis=1) if joined.shape[1] > 1 else np.ones(len(joined))
        scale[subject] = np.maximum(size, 1e-9)[:, None]
    return [
        dataclasses.replace(
            window, ready=(_channels(window) / scale[window.subject]).astype(np.float32)
        )
        for window in windows
    ]


def _channels(window: Window) -> Array:
    if window.electrodes_uv is None:
        return window.bipolar_uv
    return window.electrodes_uv


def make_white_noise(windows: Sequence[Window], *, seed: int = 0) -> list[Window]:
    """Replace the signal by white noise, the same in a seizure as outside.

    20 uV at 19 independent electrodes; windows and seizures stay where they are.
    """
    rng = np.random.default_rng(seed)
    return standardise(
        [
            _from_electrodes(
                window, 20 * rng.standard_normal((19, len(window.ictal))), window.events
            )
            for window in windows
        ]
    )


def make_sine_on_noise(windows: Sequence[Window], *, seed: int = 0) -> list[Window]:
    """Replace the signal by the usual toy: pink noise, and a sine in the seizure.

    Noise of 20 uV with a power spectrum of 1 / f at each electrode; in the seizure, 3 Hz
    of 60 uV in all of them, with gains between 0.5 and 1.5 so that a bipolar montage
    does not cancel it.
    """
    rng = np.random.default_rng(seed)
    made = []
    for window in windows:
        n_times = len(window.ictal)
        shape = 1 / np.sqrt(np.maximum(np.fft.rfftfreq(n_times, 1 / SFREQ), 0.5))
        noise = np.fft.irfft(
            np.fft.rfft(rng.standard_normal((19, n_times))) * shape, n_times
        )
        noise *= 20 / noise.std(axis=1, keepdims=True)
        sine = np.sin(2 * np.pi * 3 * np.arange(n_times) / SFREQ) * window.ictal
        gains = rng.uniform(0.5, 1.5, (19, 1))
        made.append(_from_electrodes(window, noise + 60 * gains * sine, window.events))
    return standardise(made)


def _from_electrodes(
    window: Window, electrodes_uv: Array, events: tuple[tuple[str, int, int], ...]
) -> Window:
    return Window(
        name=window.name,
        subject=window.subject,
        bipolar_uv=to_bipolar(electrodes_uv),
        electrodes_uv=electrodes_uv,
        ready=electrodes_uv.astype(np.float32),
        events=events,
    )


# Measures of one signal ---------------------------------------------------------------


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A stretch of signal, with what several measures need of it.

    Attributes
    ----------
    bipolar_uv : numpy.ndarray of float64, shape (18, n_times)
        Montage double-banana.
    electrodes_uv : numpy.ndarray of float64, shape (19, n_times), or None
        Montage 10-20.
    """

    bipolar_uv: Array
    electrodes_uv: Array | None = None

    @cached_property
    def kept_uv(self) -> Array:
        """The bipolar signal from 0.7 to 45 Hz."""
        return band_pass(self.bipolar_uv, low=BAND_HZ[0], high=BAND_HZ[1])

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """Frequencies and power of the bipolar signal."""
        return power_spectrum(self.bipolar_uv)

    @cached_property
    def rms_uv(self) -> Array:
        """Root mean square of each derivation, 0.7 to 45 Hz."""
        rms: Array = self.kept_uv.std(axis=1)
        return rms

    @cached_property
    def correlations(self) -> Array:
        """Correlation of all derivations, 0.7 to 45 Hz."""
        return correlate(self.kept_uv)


def _cut(window: Window, start: int, stop: int) -> Piece:
    electrodes = window.electrodes_uv
    return Piece(
        bipolar_uv=window.bipolar_uv[:, start:stop],
        electrodes_uv=None if electrodes is None else electrodes[:, start:stop],
    )


def _fit_aperiodic(piece: Piece) -> tuple[Array, Array]:
    """Fit log P = offset - exponent log f over 2-40 Hz without 7-14 Hz."""
    freqs, power = piece.spectrum
    used = (freqs >= 2) & (freqs <= 40) & ~((freqs >= 7) & (freqs <= 14))
    slope, offset = np.polyfit(np.log10(freqs[used]), np.log10(power[:, used]).T, 1)
    return -slope, offset


def exponent(piece: Piece) -> float:
    """Exponent of the aperiodic spectrum, median over derivations."""
    return float(np.median(_fit_aperiodic(piece)[0]))


def alpha_db(piece: Piece) -> float:
    """Highest of 8-13 Hz over the aperiodic fit, median of the posterior derivations."""
    freqs, power = piece.spectrum
    slope, offset = _fit_aperiodic(piece)
    alpha = (freqs >= 8) & (freqs <= 13)
    fit = offset[:, None] - slope[:, None] * np.log10(freqs[alpha])
    over = 10 * (np.log10(power[:, alpha]) - fit).max(axis=1)
    posterior = [i for i, name in enumerate(DERIVATIONS) if name[-2:] in ("O1", "O2")]
    return float(np.median(over[posterior]))


def rms_uv(piece: Piece) -> float:
    """Root mean square 0.7-45 Hz in microvolts, median over derivations."""
    return float(np.median(piece.rms_uv))


def _share(
    piece: Piece, band: tuple[float, float], whole: tuple[float, float]
) -> float:
    freqs, power = piece.spectrum

    def total(low: float, high: float) -> Array:
        inside = (freqs >= low) & (freqs <= high)
        summed: Array = power[:, inside].sum(axis=1)
        return summed

    return float(np.median(total(*band) / total(*whole)))


def slow_share(piece: Piece) -> float:
    """Share of 1-8 Hz in the power of 1-40 Hz, median over derivations."""
    return _share(piece, (1, 8), (1, 40))


def fast_share(piece: Piece) -> float:
    """Share of 30-45 Hz in the power of 1-45 Hz, median over derivations."""
    return _share(piece, (30, 45), (1, 45))


def lag1(piece: Piece) -> float:
    """Autocorrelation at one sample of the signal 0.7-45 Hz, median."""
    kept = piece.kept_uv
    products = (kept[:, 1:] * kept[:, :-1]).sum(axis=1)
    return float(np.median(products / (kept**2).sum(axis=1)))


def rms_cv(piece: Piece) -> float:
    """Coefficient of variation of the RMS of whole seconds, median."""
    kept = piece.kept_uv
    n_s = kept.shape[1] // SFREQ
    seconds = kept[:, : n_s * SFREQ].reshape(len(kept), n_s, SFREQ)
    rms = np.sqrt((seconds**2).mean(axis=2))
    return float(np.median(rms.std(axis=1) / rms.mean(axis=1)))


def kurtosis(piece: Piece) -> float:
    """Kurtosis of the signal 0.7-45 Hz (Gaussian: 3), median over derivations."""
    square = piece.kept_uv**2
    return float(np.median((square**2).mean(axis=1) / square.mean(axis=1) ** 2))


def _mirrored(name: str) -> str:
    """Return the derivation on the other side: 'F3-C3' for 'F4-C4', and back."""
    swap = str.maketrans("12345678", "21436587")
    return name.translate(swap)


def neighbour_correlation(piece: Piece) -> float:
    """Correlation of derivations that follow each other in a chain, median."""
    return float(
        np.median(
            [
                piece.correlations[row, row + 1]
                for row, (a, b) in enumerate(itertools.pairwise(DERIVATIONS))
                if a.split("-")[1] == b.split("-")[0]
            ]
        )
    )


def homologous_correlation(piece: Piece) -> float:
    """Correlation of a derivation with its mirror image, median."""
    index = {name: row for row, name in enumerate(DERIVATIONS)}
    return float(
        np.median(
            [
                piece.correlations[row, index[_mirrored(name)]]
                for name, row in index.items()
                if row < index[_mirrored(name)]
            ]
        )
    )


def _distance_correlation(piece: Piece, low_cm: float, high_cm: float) -> float:
    if piece.electrodes_uv is None:
        return float("nan")
    from bgb_fixtures.synthetic.head import N_SCALP, electrode_positions

    places = HEAD_CM * np.asarray(electrode_positions())[:N_SCALP]
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    average = piece.electrodes_uv - piece.electrodes_uv.mean(axis=0)
    found = correlate(band_pass(average, low=BAND_HZ[0], high=BAND_HZ[1]))
    return float(found[(apart > low_cm) & (apart < high_cm)].mean())


def near_correlation(piece: Piece) -> float:
    """Correlation below 7.5 cm in the average reference, mean over pairs."""
    return _distance_correlation(piece, 0.1, 7.5)


def far_correlation(piece: Piece) -> float:
    """Correlation beyond 15 cm in the average reference, mean over pairs."""
    return _distance_correlation(piece, 15, 99)


# Measures of a seizure ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """A seizure beside the background that it is compared with.

    Attributes
    ----------
    label : str
        TUSZ code.
    before, during : Piece
        Background and seizure of the same subject.
    """

    label: str
    before: Piece
    during: Piece

    @cached_property
    def most_changed(self) -> npt.NDArray[np.intp]:
        """The four derivations whose RMS rises most."""
        return np.argsort(self.during.rms_uv / self.before.rms_uv)[-4:]

    @property
    def seconds(self) -> float:
        """Length of the seizure, as far as it is in the window."""
        return float(self.during.bipolar_uv.shape[1] / SFREQ)


def rms_ratio(change: Change) -> float:
    """RMS of the four most changed derivations, in a seizure to before, mean."""
    ratio = change.during.rms_uv / change.before.rms_uv
    return float(ratio[change.most_changed].mean())


def line_length_ratio(change: Change) -> float:
    """Line length of the four derivations where it changes most, to before, mean."""
    ratio = _line_length(change.during) / _line_length(change.before)
    return float(np.sort(ratio)[-4:].mean())


def _line_length(piece: Piece) -> Array:
    steps: Array = np.abs(np.diff(piece.kept_uv)).mean(axis=1)
    return steps


def centroid_shift(change: Change) -> float:
    """Octaves that the centroid of 1-30 Hz moves from the first to the last third.

    Absolute value of the median over the four most changed derivations; nan below 6 s.
    """
    if change.seconds < 3 * EPOCH_S:
        return float("nan")
    data = change.during.bipolar_uv[change.most_changed]
    third = data.shape[1] // 3
    first, last = _centroid_hz(data[:, :third]), _centroid_hz(data[:, -third:])
    return float(abs(np.median(np.log2(last / first))))


def _centroid_hz(data: Array) -> Array:
    freqs, power = power_spectrum(data)
    inside = (freqs >= 1) & (freqs <= 30)
    power, freqs = power[:, inside], freqs[inside]
    centroid: Array = (power * freqs).sum(axis=1) / power.sum(axis=1)
    return centroid


def spectral_entropy(power: Array) -> Array:
    """Return the entropy of spectra (..., n_freqs) relative to that of a flat one.

    1 for a flat spectrum, 0 for a single line.
    """
    share = power / power.sum(axis=-1, keepdims=True)
    share = np.maximum(share, 1e-300)
    entropy: Array = -(share * np.log(share)).sum(axis=-1) / np.log(power.shape[-1])
    return entropy


def sharpest_line(change: Change) -> float:
    """Share of the strongest 0.4 Hz in the power of 1-30 Hz; nan below 8 s.

    Median over the four most changed derivations.
    """
    n_fft = 8 * SFREQ  # bins of 1/8 Hz; a steady sine fills three (Hann)
    data = change.during.bipolar_uv[change.most_changed]
    if data.shape[1] < n_fft:
        return float("nan")
    freqs, power = power_spectrum(data, n_fft=n_fft)
    power = power[:, (freqs >= 1) & (freqs <= 30)]
    lines = power[:, :-2] + power[:, 1:-1] + power[:, 2:]
    return float(np.median(lines.max(axis=1) / power.sum(axis=1)))


def entropy_change(change: Change) -> float:
    """Change of the spectral entropy of 0.7-45 Hz, median; nan below 4 s."""
    if change.seconds < 2 * EPOCH_S:
        return float("nan")
    before, during = (
        spectral_entropy(power[:, (freqs >= BAND_HZ[0]) & (freqs <= BAND_HZ[1])])
        for freqs, power in (change.before.spectrum, change.during.spectrum)
    )
    return float(np.median(during - before))


def correlation_change(change: Change) -> float:
    """Change of the median absolute correlation of all derivations; nan below 4 s."""
    if change.seconds < 2 * EPOCH_S:
        return float("nan")
    upper = np.triu_indices(len(DERIVATIONS), 1)
    before, during = (
        np.median(np.abs(piece.correlations[upper]))
        for piece in (change.before, change.during)
    )
    return float(during - before)


def background_pieces(windows: Sequence[Window]) -> list[Piece]:
    """Cut what is seizure-free into pieces of 10 s.

    What is left over at the end of a stretch is dropped.
    """
    size = PIECE_S * SFREQ
    pieces = []
    for window in windows:
        borders = [0]
        for _, start, stop in sorted(window.events, key=lambda event: event[1]):
            borders += [start, stop]
        borders.append(len(window.ictal))
        for start, stop in zip(borders[::2], borders[1::2], strict=True):
            pieces += [
                _cut(window, first, first + size)
                for first in range(start, stop - size + 1, size)
            ]
    return pieces


def seizure_changes(windows: Sequence[Window]) -> list[Change]:
    """Put each seizure beside the background of its subject.

    That is the 10 s before onset where the window holds them seizure-free, else the
    piece of the subject's background with the median RMS. Seizures of up to 1 s, and of
    subjects without background, are left out.
    """
    size = PIECE_S * SFREQ
    changes = []
    for window in windows:
        for label, start, stop in window.events:
            if start >= size and not window.ictal[start - size : start].any():
                before = _cut(window, start - size, start)
            else:
                own = [other for other in windows if other.subject == window.subject]
                pieces = sorted(background_pieces(own), key=rms_uv)
                if not pieces:
                    continue
                before = pieces[len(pieces) // 2]
            during = _cut(window, start, stop)
            if during.bipolar_uv.shape[1] > SFREQ:
                changes.append(Change(label=label, before=before, during=during))
    return changes


# The first table ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measure, and where real EEG lies.

    Attributes
    ----------
    name, short : str
        For the table, and for a narrow one.
    low, high : float
        Published or measured range.
    source : str
        Its mark.
    of_piece : callable or None
        Measure of 10 s of background; None for a measure of a seizure.
    of_change : callable or None
        Measure of a seizure.
    """

    name: str
    short: str
    low: float
    high: float
    source: str
    of_piece: Callable[[Piece], float] | None = None
    of_change: Callable[[Change], float] | None = None


# How far entropy falls and correlation rises is from whole seizures; the other bound of
# these two, and the sharpest line, are measured with this code on the real excerpts.
# "< 7.5 cm" and "> 15 cm" come from one recording (0.6 and -0.43); 0.2 on either side
# is our allowance.
# fmt: off
QUANTITIES = (
    Quantity("exponent of 1/f, 2-40 Hz", "expon.", 1.3, 3.6, "[M]", exponent),
    Quantity("posterior alpha over fit, dB", "alpha", 2.5, 14, "[M,T]", alpha_db),
    Quantity("RMS 0.7-45 Hz, uV", "rms", 9.6, 66, "[M]", rms_uv),
    Quantity("share of 1-8 Hz", "1-8", 0.61, 0.97, "[M]", slow_share),
    Quantity("share of 30-45 Hz", "30-45", 0.004, 0.07, "[M]", fast_share),
    Quantity("autocorrelation at 1/256 s", "lag-1", 0.95, 0.999, "[M]", lag1),
    Quantity("CV of the RMS of 1 s", "cv", 0.28, 0.63, "[M]", rms_cv),
    Quantity("kurtosis", "kurt.", 3.3, 11, "[M]", kurtosis),
    Quantity("correlation in a chain", "chain", -0.07, 0.55, "[M]",
             neighbour_correlation),
    Quantity("correlation left-right", "l-r", 0, 0.75, "[M]", homologous_correlation),
    Quantity("correlation < 7.5 cm, average ref.", "near", 0.4, 0.8, "[M]",
             near_correlation),
    Quantity("correlation > 15 cm, average ref.", "far", -0.63, -0.23, "[M]",
             far_correlation),
    Quantity("ictal RMS / before, top 4", "rms", 1.6, 18, "[M]",
             of_change=rms_ratio),
    Quantity("ictal line length / before, top 4", "length", 1.6, 20, "[M]",
             of_change=line_length_ratio),
    Quantity("centroid shift in seizure, octaves", "shift", 0.07, 0.6, "[M]",
             of_change=centroid_shift),
    Quantity("sharpest line in seizure, share", "line", 0.05, 0.4, "[M]",
             of_change=sharpest_line),
    Quantity("entropy, seizure - before", "entr.", -0.13, 0.2, "[M]",
             of_change=entropy_change),
    Quantity("|correlation|, seizure - before", "corr.", -0.08, 0.13, "[M]",
             of_change=correlation_change),
)
# fmt: on


def measure(windows: Sequence[Window]) -> dict[str, Array]:
    """Take every measure of a set of windows.

    Returns, by name of quantity, one value per piece or seizure that has one.
    """
    pieces, changes = background_pieces(windows), seizure_changes(windows)
    values = {}
    for quantity in QUANTITIES:
        if quantity.of_piece is not None:
            found = np.array([quantity.of_piece(piece) for piece in pieces])
        elif quantity.of_change is not None:
            found = np.array([quantity.of_change(change) for change in changes])
        values[quantity.name] = found[~np.isnan(found)]
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One quantity in one column.

    Attributes
    ----------
    median, low, high : float
        Median and what is shown of the spread; nan if there is nothing to measure.
    mark : str
        ``""`` in range, ``"~"`` some pieces are not, ``"OUT"`` a median is not,
        ``"-"`` not measured.
    """

    median: float
    low: float
    high: float
    mark: str


def judge(quantity: Quantity, samples: Sequence[Array]) -> Cell:
    """Hold one column against the range of a quantity.

    `samples` has one array per seed; a single one for a fixture or the real excerpts.
    """
    samples = [sample for sample in samples if len(sample)]
    if not samples:
        return Cell(median=np.nan, low=np.nan, high=np.nan, mark="-")
    pooled = np.concatenate(samples)
    medians = np.array([np.median(sample) for sample in samples])

    def inside(values: Array) -> npt.NDArray[np.bool_]:
        within: npt.NDArray[np.bool_] = (values >= quantity.low) & (
            values <= quantity.high
        )
        return within

    spread = medians if len(samples) > 1 else np.percentile(pooled, (10, 90))
    mark = ""
    if not inside(medians).all():
        mark = "OUT"
    elif inside(pooled).mean() < 0.75:
        mark = "~"
    return Cell(
        median=float(np.median(pooled)),
        low=float(spread.min()),
        high=float(spread.max()),
        mark=mark,
    )


# How hard it is -----------------------------------------------------------------------


def area_under_curve(scores: npt.ArrayLike, ictal: npt.ArrayLike) -> float:
    """Return the chance that an ictal epoch scores above a background epoch.

    Area under the ROC curve, ties counted half (Mann and Whitney 1947); nan if there is
    only one class.
    """
    scores, ictal = np.asarray(scores, float), np.asarray(ictal, bool)
    n_ictal = int(ictal.sum())
    n_background = len(ictal) - n_ictal
    if not n_ictal or not n_background:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    above = ranks[ictal].sum() - n_ictal * (n_ictal + 1) / 2
    return float(above / (n_ictal * n_background))


def separation(scores: npt.ArrayLike, ictal: npt.ArrayLike) -> float:
    """Return the area under the curve for the sign that serves better, 0.5 to 1."""
    area = area_under_curve(scores, ictal)
    return max(area, 1 - area)


def to_epochs(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Cut (n_channels, n_times) into (n_epochs, n_channels, 512): epochs of 2 s.

    What is left over at the end is dropped.
    """
    n_epochs = data.shape[-1] // EPOCH
    cut = data[:, : n_epochs * EPOCH].reshape(len(data), n_epochs, EPOCH)
    return cut.swapaxes(0, 1)


def epoch_labels(window: Window) -> npt.NDArray[np.bool_]:
    """Return which epochs are ictal: at least half of their samples are."""
    labels: npt.NDArray[np.bool_] = (
        to_epochs(window.ictal[None])[:, 0].mean(axis=1) >= 0.5
    )
    return labels


BANDS_HZ = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 45))


def _epoch_spectra(epochs: Array) -> tuple[Array, Array]:
    freqs, power = power_spectrum(epochs)
    inside = (freqs >= 1) & (freqs <= 45)
    return freqs[inside], power[..., inside]


def single_features(signal: npt.NDArray[np.float32]) -> dict[str, Array]:
    """Return what one number per epoch can say of (n_channels, n_times), by name."""
    epochs = to_epochs(signal).astype(np.float64)
    variance = epochs.var(axis=2)
    freqs, power = _epoch_spectra(epochs)
    total = power.sum(axis=2)
    upper = np.triu_indices(epochs.shape[1], 1)
    slow = freqs <= 8
    return {
        "total power": variance.mean(axis=1),
        "power of the loudest channel": variance.max(axis=1),
        "line length": np.abs(np.diff(epochs)).mean(axis=(1, 2)),
        "largest value": np.abs(epochs).max(axis=(1, 2)),
        "share of 1-8 Hz": (power[..., slow].sum(axis=2) / total).mean(axis=1),
        "centroid frequency": ((power * freqs).sum(axis=2) / total).mean(axis=1),
        "spectral entropy": spectral_entropy(power).mean(axis=1),
        "|correlation| of channels": np.array(
            [np.median(np.abs(correlate(epoch)[upper])) for epoch in epochs]
        ),
    }


def untrained_separations(
    windows: Sequence[Window], *, n_inits: int
) -> dict[str, Array]:
    """Separate epochs by the output of networks that were never trained.

    Returns, by architecture, max(AUC, 1 - AUC) of the mean logit of each epoch, one
    value per random initialisation.
    """
    import torch

    ictal = np.concatenate([epoch_labels(window) for window in windows])
    n_channels = len(windows[0].ready)
    step = 16  # the most that both networks halve the rate by
    inputs = [
        torch.from_numpy(w.ready[:, : w.ready.shape[1] // step * step].copy())
        for w in windows
    ]
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as fast for nets of this size, and no wait for others
    areas = {}
    for name, make in (("TCN", _make_tcn), ("U-Net", _make_unet)):
        found = []
        for seed in range(n_inits):
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(seed)
                model = make(n_channels).eval()
                scores = [
                    to_epochs(model(x[None])[0].double().numpy()).mean(axis=(1, 2))
                    for x in inputs
                ]
            found.append(separation(np.concatenate(scores), ictal))
        areas[name] = np.array(found)
    torch.set_num_threads(n_threads)
    return areas


def _make_tcn(n_channels: int) -> Any:
    """Make a small temporal convolutional network, one logit per sample."""
    from torch import nn

    layers: list[nn.Module] = [nn.Conv1d(n_channels, 16, 7, stride=4, padding=3)]
    for dilation in (1, 2, 4, 8):
        layers += [
            nn.ReLU(),
            nn.Conv1d(16, 16, 5, padding=2 * dilation, dilation=dilation),
        ]
    layers += [nn.ReLU(), nn.Conv1d(16, 1, 1), nn.Upsample(scale_factor=4)]
    return nn.Sequential(*layers)


def _make_unet(n_channels: int) -> Any:
    """Make a small U-Net with two skips, one logit per sample."""
    import torch
    from torch import nn

    def block(n_in: int, n_out: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(
            nn.Conv1d(n_in, n_out, 7, stride=stride, padding=3), nn.ReLU()
        )

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = block(n_channels, 8)
            self.down = block(8, 16, stride=4)
            self.bottom = block(16, 32, stride=4)
            self.grow = nn.Upsample(scale_factor=4)
            self.up = block(32 + 16, 16)
            self.last = block(16 + 8, 8)
            self.head = nn.Conv1d(8, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            fine = self.first(x)
            middle = self.down(fine)
            deep = self.bottom(middle)
            middle = self.up(torch.cat([self.grow(deep), middle], 1))
            out: torch.Tensor = self.head(
                self.last(torch.cat([self.grow(middle), fine], 1))
            )
            return out

    return UNet()


def classifier_features(signal: npt.NDArray[np.float32]) -> Array:
    """Return what the small classifier sees of each epoch, shape (n_epochs, 24).

    Per channel log power in five bands, log line length, spectral entropy and the
    largest share of one line in 2-12 Hz; of these the mean, the mean of the top quarter
    and the standard deviation over channels; averaged with the epochs before and after.
    """
    epochs = to_epochs(signal).astype(np.float64)
    freqs, power = _epoch_spectra(epochs)
    rhythm = (freqs >= 2) & (freqs <= 12)
    columns = [
        np.log(power[..., (freqs >= low) & (freqs < high)].sum(axis=2) + 1e-9)
        for low, high in BANDS_HZ
    ]
    columns += [
        np.log(np.abs(np.diff(epochs)).mean(axis=2) + 1e-9),
        spectral_entropy(power),
        np.log(power[..., rhythm].max(axis=2) / power.sum(axis=2) + 1e-9),
    ]
    per_channel = np.sort(np.stack(columns, axis=2), axis=1)
    top = per_channel[:, -max(1, per_channel.shape[1] // 4) :].mean(axis=1)
    pooled = np.hstack([per_channel.mean(axis=1), top, per_channel.std(axis=1)])
    padded = np.concatenate([pooled[:1], pooled, pooled[-1:]])
    smooth: Array = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smooth


def fit_logistic(features: Array, ictal: npt.NDArray[np.bool_]) -> Array:
    """Fit a logistic regression, classes weighted equally, by Newton steps.

    `features` are standardised. The last weight is the intercept, which the penalty
    spares.
    """
    n_epochs, n_features = features.shape
    design = np.hstack([features, np.ones((n_epochs, 1))])
    share = ictal.mean()
    importance = np.where(ictal, 0.5 / share, 0.5 / (1 - share))
    penalty = np.diag(np.append(np.full(n_features, 0.01 * n_epochs), 1e-6))
    weights = np.zeros(n_features + 1)
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (importance * (chance - ictal)) + penalty @ weights
        curvature = importance * chance * (1 - chance)
        step = np.linalg.solve(
            design.T @ (design * curvature[:, None]) + penalty, gradient
        )
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the classifier finds in subjects it never saw.

    Attributes
    ----------
    seizures : tuple of (str, bool)
        Window and type, and whether it was found: more than half of its epochs.
    area : float
        Under the curve, over all epochs.
    false_alarms : float
        Share of background epochs above the threshold, which is set so that 0.05 of
        the background epochs of the training subjects are.
    """

    seizures: tuple[tuple[str, bool], ...]
    area: float
    false_alarms: float


def classify(train: Sequence[Window], test: Sequence[Window]) -> Found:
    """Train the small classifier on some windows and try it on those of others."""
    scores = _classifier_scores(train, test)
    return _count_found(test, scores)


def leave_one_subject_out(windows: Sequence[Window]) -> Found:
    """Train on all other subjects, for each subject in turn."""
    tested: list[Window] = []
    scores: list[Array] = []
    for subject in sorted({window.subject for window in windows}):
        test = [window for window in windows if window.subject == subject]
        train = [window for window in windows if window.subject != subject]
        tested += test
        scores += _classifier_scores(train, test)
    return _count_found(tested, scores)


def _classifier_scores(train: Sequence[Window], test: Sequence[Window]) -> list[Array]:
    """Score epochs so that the threshold from the training background is 0."""
    known = np.vstack([classifier_features(window.ready) for window in train])
    ictal = np.concatenate([epoch_labels(window) for window in train])
    mean, scale = known.mean(axis=0), known.std(axis=0) + 1e-9
    known = (known - mean) / scale
    weights = fit_logistic(known, ictal)
    threshold = np.quantile((known @ weights[:-1])[~ictal], 1 - FALSE_ALARMS)
    return [
        (classifier_features(window.ready) - mean) / scale @ weights[:-1] - threshold
        for window in test
    ]


def _count_found(windows: Sequence[Window], scores: Sequence[Array]) -> Found:
    labels = [epoch_labels(window) for window in windows]
    seizures = []
    for window, score in zip(windows, scores, strict=True):
        for label, start, stop in window.events:
            first = min(round(start / EPOCH), len(score) - 1)
            last = max(first + 1, round(stop / EPOCH))
            hit = bool((score[first:last] > 0).mean() > 0.5)
            seizures.append((f"{window.name} {label}", hit))
    pooled, ictal = np.concatenate(scores), np.concatenate(labels)
    return Found(
        seizures=tuple(seizures),
        area=area_under_curve(pooled, ictal),
        false_alarms=float((pooled[~ictal] > 0).mean()),
    )


def louder_background(windows: Sequence[Window]) -> float:
    """Return the share of background epochs that are louder than the quietest seizure.

    By the power of what a model sees; of a seizure, the median of its epochs. nan
    without a seizure that fills an epoch.
    """
    background, seizures = [], []
    for window in windows:
        power = to_epochs(window.ready).astype(np.float64).var(axis=2).mean(axis=1)
        background.append(power[~epoch_labels(window)])
        for _, start, stop in window.events:
            own = power[-(-start // EPOCH) : stop // EPOCH]
            seizures += [float(np.median(own))] if len(own) else []
    if not seizures:
        return float("nan")
    return float((np.concatenate(background) > min(seizures)).mean())


def to_bipolar_windows(windows: Sequence[Window]) -> list[Window]:
    """Show a model the bipolar montage, in which all columns can be compared."""
    return standardise([dataclasses.replace(w, electrodes_uv=None) for w in windows])


def hardness(
    windows: Sequence[Window], *, n_inits: int, real: Sequence[Window] = ()
) -> dict[str, float]:
    """Say how hard the seizures of one set of windows are to find.

    `n_inits` random initialisations of each network. `real` are the real excerpts, to
    carry a classifier over and back; may be empty.
    """
    ictal = np.concatenate([epoch_labels(window) for window in windows])
    parts = [single_features(window.ready) for window in windows]
    values = {
        f"AUC: {name}": separation(np.concatenate([p[name] for p in parts]), ictal)
        for name in parts[0]
    }
    values["best single feature"] = max(values.values())
    values["background louder than the quietest seizure"] = louder_background(windows)
    areas = untrained_separations(windows, n_inits=n_inits)
    for name, found in areas.items():
        values[f"untrained {name}, median of {n_inits}"] = float(np.median(found))
    values["untrained, median of all"] = float(
        np.median(np.concatenate([*areas.values()]))
    )
    left_out = leave_one_subject_out(windows)
    hits = [hit for _, hit in left_out.seizures]
    values["classifier, other subjects: AUC"] = left_out.area
    values["classifier: share of seizures found"] = float(np.mean(hits))
    values["classifier: share of false alarms"] = left_out.false_alarms
    if real:
        here, there = to_bipolar_windows(windows), to_bipolar_windows(real)
        values["trained here, AUC on real excerpts"] = classify(here, there).area
        values["trained on real excerpts, AUC here"] = classify(there, here).area
    return values


AIMS: dict[str, tuple[float, float]] = {
    "best single feature": (0.5, 0.95),
    "background louder than the quietest seizure": (0.01, 1.0),
    "untrained, median of all": (0.5, 0.75),
    "classifier, other subjects: AUC": (0.8, 1.0),
    "classifier: share of seizures found": (0.51, 1.0),
    "classifier: share of false alarms": (0.0, 0.15),
    "trained here, AUC on real excerpts": (0.7, 1.0),
    "trained on real excerpts, AUC here": (0.7, 1.0),
}
"""What the default fixture has to reach, by name of a value of `hardness`."""


# Report -------------------------------------------------------------------------------


def build_seed(seed: int) -> list[Window]:
    """Build the default fixture with another seed and read it."""
    from bgb_fixtures.build import build_fixture
    from bgb_fixtures.request.spec import load_default_spec
    from bgb_fixtures.request.synthetic import SyntheticRequest

    default = load_default_spec()
    assert isinstance(default, SyntheticRequest)
    spec = dataclasses.replace(default, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed-{seed}.h5"
        build_fixture(spec, path)
        return read_fixture(path)


def _default_windows(path: str | None) -> tuple[str, list[Window]]:
    from bgb_fixtures.errors import FixtureNotFoundError
    from bgb_fixtures.fixture import find_fixture

    try:
        found = find_fixture(path)
    except FixtureNotFoundError:
        if path is not None:
            raise
        return "seed 0, built", build_seed(0)
    return found.name, read_fixture(found)


def show_table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; the first column is left-justified."""
    table = [list(head), *map(list, rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    print(f"\n{title}")
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        print("  " + "  ".join(cells).rstrip())


def _show_cell(cell: Cell) -> str:
    if cell.mark == "-":
        return "-    "
    return f"{cell.median:.3g} ({cell.low:.3g}..{cell.high:.3g}) {cell.mark:<3}"


def _show_plausible(columns: Mapping[str, Sequence[Mapping[str, Array]]]) -> None:
    rows = []
    out = dict.fromkeys(columns, 0)
    for quantity in QUANTITIES:
        row = [quantity.name, f"{quantity.low:g}..{quantity.high:g} {quantity.source}"]
        for name, samples in columns.items():
            cell = judge(quantity, [sample[quantity.name] for sample in samples])
            out[name] += cell.mark == "OUT"
            row.append(_show_cell(cell))
        rows.append(row)
    rows.append(["rows out of range", "", *(f"{n}    " for n in out.values())])
    show_table("Plausible?", ["quantity", "real EEG", *columns], rows)


def _show_hard(columns: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    rows = []
    names = next(iter(columns.values()))[0]
    for name in names:
        aim = AIMS.get(name)
        row = [name, f"{aim[0]:g}..{aim[1]:g}" if aim else ""]
        for samples in columns.values():
            values = np.array([sample.get(name, np.nan) for sample in samples])
            if np.isnan(values).all():
                row.append("-    ")
                continue
            text = f"{np.median(values):.3f}"
            if len(values) > 1:
                text += f" ({values.min():.3f}..{values.max():.3f})"
            bad = aim and not aim[0] <= np.median(values) <= aim[1]
            row.append(f"{text} {'OUT' if bad else '   '}")
        rows.append(row)
    show_table(
        f"Hard enough? (epochs of {EPOCH_S} s)", ["measure", "aim", *columns], rows
    )


def _show_windows(windows: Sequence[Window]) -> None:
    """Print each window and each seizure by itself, to tune with."""
    by_piece = [q for q in QUANTITIES if q.of_piece is not None]
    rows = []
    for window in windows:
        values = measure([window])
        cells = [
            f"{np.median(values[q.name]):.3g}" if len(values[q.name]) else "-"
            for q in by_piece
        ]
        rows.append([f"{window.name} {window.subject}", *cells])
    show_table(
        "Background of each window (medians over its pieces)",
        ["window", *(q.short for q in by_piece)],
        rows,
    )
    by_change = {q.short: q.of_change for q in QUANTITIES if q.of_change is not None}
    rows = [
        [f"{c.label} {c.seconds:.1f} s", *(f"{f(c):.3g}" for f in by_change.values())]
        for c in seizure_changes(windows)
    ]
    show_table("Each seizure", ["type", *by_change], rows)
    rows = [
        [name, "yes" if hit else "no"]
        for name, hit in leave_one_subject_out(windows).seizures
    ]
    show_table(
        "Found by the classifier, trained on other subjects", ["", "found"], rows
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; see the docstring of this module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fixture", nargs="?", help="file; default: the packaged one")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--quick", action="store_true", help="2 seeds, 5 networks")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--windows", action="store_true", help="each window too")
    args = parser.parse_args(argv)
    seeds = args.seeds[:2] if args.quick else args.seeds
    n_inits = 5 if args.quick else N_INITS

    name, default = _default_windows(args.fixture)
    real = read_real(REAL) if REAL.is_dir() else []
    columns: dict[str, list[list[Window]]] = {}
    if seeds:
        columns["synthetic, seeds " + " ".join(map(str, seeds))] = []
        for seed in seeds:
            print(f"building seed {seed}", file=sys.stderr)
            next(iter(columns.values())).append(build_seed(seed))
    columns[name] = [default]
    if real:
        columns["real excerpts"] = [real]
    columns["white noise"] = [make_white_noise(default)]
    columns["sine on noise"] = [make_sine_on_noise(default)]

    print("measuring", file=sys.stderr)
    plausible = {key: [measure(w) for w in sets] for key, sets in columns.items()}
    hard = {
        # A classifier that has seen the real excerpts says nothing about them.
        key: [
            hardness(w, n_inits=n_inits, real=() if w is real else real) for w in sets
        ]
        for key, sets in columns.items()
    }
    if args.json:
        print(json.dumps(_as_json(plausible, hard), indent=1))
    else:
        _show_plausible(plausible)
        _show_hard(hard)
        if args.windows:
            _show_windows(default)
    return 0


def _as_json(
    plausible: Mapping[str, Sequence[Mapping[str, Array]]],
    hard: Mapping[str, Sequence[Mapping[str, float]]],
) -> dict[str, Any]:
    return {
        "plausible": {
            quantity.name: {
                "range": [quantity.low, quantity.high],
                "source": quantity.source,
                "columns": {
                    key: _without_nan(
                        dataclasses.asdict(
                            judge(quantity, [s[quantity.name] for s in samples])
                        )
                    )
                    for key, samples in plausible.items()
                },
            }
            for quantity in QUANTITIES
        },
        "hard": {
            "aims": AIMS,
            "columns": {
                key: [_without_nan(sample) for sample in samples]
                for key, samples in hard.items()
            },
        },
    }


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write what was not measured as null: JSON has no NaN."""
    return {
        key: None if isinstance(value, float) and np.isnan(value) else value
        for key, value in values.items()
    }


if __name__ == "__main__":
    sys.exit(main())
