"""From a recording to the rows, the rate and the band that a spec asks for.

Invariant: what is read of `[start, stop)` is what the whole recording, processed at
once, would hold there: each step reads as much around a window as it needs, and only at
the ends of the recording, where there is nothing to read, the last sample is repeated.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Self

import numpy as np

from bgb_fixtures.eeg.montage import MONTAGES, find_montage, row_electrodes
from bgb_fixtures.errors import (
    ChannelNotFoundError,
    MissingPackageError,
    SourceError,
    SpecError,
)
from bgb_fixtures.request.spec import spec_montage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import numpy.typing as npt

    from bgb_fixtures.corpora import Recording, Signal, Source
    from bgb_fixtures.eeg.montage import Montage
    from bgb_fixtures.request.spec import FixtureSpec

__all__ = [
    "LOOP_LIMIT_UV",
    "MAX_INTERPOLATED",
    "AveragedSignal",
    "BandPassedSignal",
    "InterpolatedSignal",
    "LoopCheckedSignal",
    "ResampledSignal",
    "open_native",
    "process_signal",
    "resampling_steps",
    "signal_steps",
    "spline_weights",
]

_ELECTRODES = MONTAGES["10-20"]
MAX_INTERPOLATED = 4
"""Of 19 electrodes; with fewer neighbours a spline says little."""
LOOP_LIMIT_UV = 12.5
"""32 steps of CHB-MIT. Both chains of a side have the same ends, so their sums agree but
for rounding. In 16 excerpts of real recordings (chb01, chb03) they differ by 16 steps at
most; with one channel wrong, by more than 32 in at least 4.5 % of the samples."""
LOOP_SHARE = 0.02
"""Share of samples that may exceed the limit: an amplifier that saturates in one channel
for a moment is no wrong channel."""
_LOOPS = (
    (
        ("Fp1-F3", "F3-C3", "C3-P3", "P3-O1"),
        ("Fp1-F7", "F7-T3", "T3-T5", "T5-O1"),
    ),
    (
        ("Fp2-F4", "F4-C4", "C4-P4", "P4-O2"),
        ("Fp2-F8", "F8-T4", "T4-T6", "T6-O2"),
    ),
)
_MAX_FACTOR = 10_000
_WEIGHT_STEP = 2.0**-20


class _Wrapped:
    """A signal made of another one, and closed together with it."""

    def __init__(self, inner: Signal) -> None:
        self._inner = inner

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz."""
        return self._inner.sfreq

    @property
    def n_times(self) -> int:
        """Number of samples in the recording."""
        return self._inner.n_times

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._inner.__exit__(kind, error, trace)

    def _read_around(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Read `[start, stop)`, which may reach over the ends of the recording."""
        n_times = self._inner.n_times
        first, last = min(max(start, 0), n_times), max(min(stop, n_times), 0)
        data = self._inner.read(first, last)
        return np.pad(data, ((0, 0), (first - start, stop - last)), mode="edge")


class AveragedSignal(_Wrapped):
    """All rows against their common average.

    Parameters
    ----------
    inner : Signal
        All rows against one reference, which cancels.
    """

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Read a stretch.

        Parameters
        ----------
        start, stop : int
            Samples `[start, stop)`.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts.
        """
        data = self._inner.read(start, stop)
        total = np.zeros(stop - start)
        # One after the other: the same bits on every machine.
        for row in data:
            total += row
        return data - total / len(data)


class LoopCheckedSignal(_Wrapped):
    """A signal whose chains of derivations are checked against each other.

    Parameters
    ----------
    inner : Signal
        The rows of `ch_names`.
    ch_names : sequence of str
        Names of the rows.
    where : str
        The recording, for messages.
    """

    def __init__(self, inner: Signal, ch_names: Sequence[str], *, where: str) -> None:
        super().__init__(inner)
        self._where = where
        place = {name: i for i, name in enumerate(ch_names)}
        self._loops = [
            tuple([place[name] for name in chain] for chain in loop)
            for loop in _LOOPS
            if all(name in place for chain in loop for name in chain)
        ]
        self._ch_names = tuple(ch_names)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Read a stretch and check it.

        Parameters
        ----------
        start, stop : int
            Samples `[start, stop)`.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts.

        Raises
        ------
        SourceError
            If two chains with the same ends do not sum up to the same.
        """
        data = self._inner.read(start, stop)
        for one, other in self._loops:
            residual = np.abs(data[one].sum(axis=0) - data[other].sum(axis=0))
            share = float((residual > LOOP_LIMIT_UV).mean())
            if share > LOOP_SHARE:
                chains = [
                    " + ".join(self._ch_names[i] for i in chain)
                    for chain in (one, other)
                ]
                msg = (
                    f"recording {self._where!r}, {start / self.sfreq:g} to "
                    f"{stop / self.sfreq:g} s: {chains[0]} and {chains[1]} have the "
                    f"same ends and should be equal; they differ by more than "
                    f"{LOOP_LIMIT_UV} uV in {share:.0%} of the samples (by "
                    f"{float(residual.max()):.0f} uV at most): a channel is not what "
                    "its label says. Leave this recording out"
                )
                raise SourceError(msg)
        return data


class InterpolatedSignal(_Wrapped):
    """The rows of a montage where some electrodes are interpolated.

    Parameters
    ----------
    inner : Signal
        The electrodes that the recording has, in the order of `present`.
    rows : sequence of str
        Electrodes and derivations that are wanted.
    present : sequence of str
        Names of electrodes.
    weights : mapping of str to numpy.ndarray of float64, shape (n_present,)
        For each electrode that is not present, from `spline_weights`.
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
        """Read a stretch.

        Parameters
        ----------
        start, stop : int
            Samples `[start, stop)`.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts.
        """
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


class ResampledSignal(_Wrapped):
    """A signal at another rate, by a polyphase filter.

    Parameters
    ----------
    inner : Signal
        The recording at its own rate.
    sfreq : float
        The new rate in Hz.
    """

    def __init__(self, inner: Signal, sfreq: float) -> None:
        super().__init__(inner)
        self._up, self._down = resampling_steps(inner.sfreq, sfreq)
        self._sfreq = sfreq

    @property
    def sfreq(self) -> float:
        """The new rate in Hz."""
        return self._sfreq

    @property
    def n_times(self) -> int:
        """Number of samples whose time lies in the recording."""
        return self._inner.n_times * self._up // self._down

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Read a stretch.

        Parameters
        ----------
        start, stop : int
            Samples `[start, stop)` at the new rate.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts.

        Raises
        ------
        MissingPackageError
            If scipy is not installed.
        """
        try:
            from scipy.signal import resample_poly
        except ImportError as error:
            raise _needs_scipy() from error
        up, down = self._up, self._down
        # The filter of resample_poly has 10 * max(up, down) taps on each side of its
        # middle, at `up` times the old rate.
        reach = 10 * max(up, down) // up + 1
        # From a sample that both rates have, so that the phase of the filter is right.
        first = (start * down // up - reach) // down * down
        last = -(-stop * down // up) + reach
        data = resample_poly(self._read_around(first, last), up, down, axis=1)
        skipped = start - first * up // down
        wanted: npt.NDArray[np.float64] = data[:, skipped : skipped + stop - start]
        return wanted


class BandPassedSignal(_Wrapped):
    """A signal through a band-pass filter without delay.

    Parameters
    ----------
    inner : Signal
        The recording.
    band : tuple of float
        Lower and upper edge in Hz.

    Raises
    ------
    SpecError
        If the upper edge is not below half the sampling frequency.

    Notes
    -----
    A symmetric FIR filter by one Hamming window. A transition band is as wide as a
    quarter of its edge and at least 2 Hz, but not wider than there is room, as in
    ``mne.filter.filter_data`` by default. The length follows from the narrower of the
    two, so both are as steep as that one, and the gain is one half in the middle of each
    band. MNE gives each edge its own length; its upper edge is less steep.
    """

    def __init__(self, inner: Signal, band: tuple[float, float]) -> None:
        super().__init__(inner)
        low, high = band
        half = inner.sfreq / 2
        if high >= half:
            msg = (
                f"band_pass: expected frequencies below {half:g} Hz, half of the "
                f"sampling frequency, got {high:g} Hz"
            )
            raise SpecError(msg)
        try:
            from scipy.signal import firwin
        except ImportError as error:
            raise _needs_scipy() from error
        low_width = min(max(low / 4, 2.0), low)
        high_width = min(max(high / 4, 2.0), half - high)
        n_taps = 2 * math.ceil(1.65 * inner.sfreq / min(low_width, high_width)) + 1
        # -6 dB in the middle of each transition band, as firwin counts.
        edges = [low - low_width / 2, high + high_width / 2]
        self._taps = firwin(n_taps, edges, pass_zero=False, fs=inner.sfreq)

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Read a stretch.

        Parameters
        ----------
        start, stop : int
            Samples `[start, stop)`.

        Returns
        -------
        data_uv : numpy.ndarray of float64, shape (n_channels, stop - start)
            Microvolts.
        """
        from scipy.signal import oaconvolve

        reach = len(self._taps) // 2
        data = self._read_around(start - reach, stop + reach)
        filtered: npt.NDArray[np.float64] = oaconvolve(
            data, self._taps[None], mode="valid", axes=1
        )
        return filtered


def resampling_steps(sfreq: float, to_sfreq: float) -> tuple[int, int]:
    """Return by which factors to go up and down from one rate to another.

    Parameters
    ----------
    sfreq, to_sfreq : float
        Old and new rate in Hz.

    Returns
    -------
    up, down : int
        to_sfreq = sfreq * up / down, in lowest terms.

    Raises
    ------
    SpecError
        If they are too large for a filter.
    """
    # As decimals: 0.1 Hz is 1/10, not the binary number beside it.
    ratio = Fraction(repr(float(to_sfreq))) / Fraction(repr(float(sfreq)))
    if max(ratio.numerator, ratio.denominator) > _MAX_FACTOR:
        msg = (
            f"sfreq: {sfreq!r} Hz cannot be resampled to {to_sfreq!r} Hz: their ratio is "
            f"{ratio.numerator}/{ratio.denominator}, expected terms up to {_MAX_FACTOR}"
        )
        raise SpecError(msg)
    return ratio.numerator, ratio.denominator


def _needs_scipy() -> MissingPackageError:
    msg = (
        "resampling and band_pass need SciPy, which is not installed; run: "
        'pip install "bgb-fixtures[build]"'
    )
    return MissingPackageError(msg)


def spline_weights(
    missing: Sequence[str],
) -> dict[str, npt.NDArray[np.float64]]:
    """Return how to compute electrodes from the others of the 19.

    Parameters
    ----------
    missing : sequence of str
        Names of the electrodes to compute, of montage ``10-20``.

    Returns
    -------
    weights : dict of str to numpy.ndarray of float64, shape (19 - n_missing,)
        For the electrodes that are not missing, in the order of ``10-20``; multiples of
        2^-20, so that another BLAS does not change a fixture.

    Raises
    ------
    MissingPackageError
        If mne is not installed.

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
    # The response to a unit at one electrode after another is the matrix of weights.
    units = np.zeros((len(_ELECTRODES), len(present)))
    for column, name in enumerate(present):
        units[_ELECTRODES.index(name), column] = 1
    info = mne.create_info(list(_ELECTRODES), sfreq=1.0, ch_types="eeg")
    raw = mne.io.RawArray(units, info, verbose="error")
    # One set of positions under two names: the second until MNE 1.13.
    known = mne.channels.get_builtin_montages()
    positions = "colin27_1020" if "colin27_1020" in known else "standard_1020"
    raw.set_montage(positions, verbose="error")
    raw.info["bads"] = list(missing)
    raw.interpolate_bads(mode="accurate", verbose="error")
    weights = np.rint(raw.get_data(list(missing)) / _WEIGHT_STEP) * _WEIGHT_STEP
    return dict(zip(missing, weights, strict=True))


def open_native(
    source: Source, recording: Recording, spec: FixtureSpec
) -> tuple[Signal, tuple[str, ...]]:
    """Open a recording for the montage of a spec, at its own rate.

    Parameters
    ----------
    source : Source
        Where it comes from.
    recording : Recording
        One of the source.
    spec : FixtureSpec
        The request.

    Returns
    -------
    signal : Signal
        Rows of the montage in microvolts; to be closed by the caller.
    interpolated : tuple of str
        Electrodes that are computed from their neighbours; empty if all are there.

    Raises
    ------
    SourceError
        If the recording cannot give the montage.
    """
    montage = spec_montage(spec)
    interpolated: tuple[str, ...] = ()
    try:
        signal = source.open(recording, montage)
    except ChannelNotFoundError:
        if spec.missing != "interpolate":
            raise
        interpolated = _missing_electrodes(source, recording, montage)
        if not 0 < len(interpolated) <= MAX_INTERPOLATED:
            raise
        signal = _open_interpolated(source, recording, montage, interpolated)
    if montage.averaged:
        signal = AveragedSignal(signal)
    if spec.source == "chbmit":
        signal = LoopCheckedSignal(signal, montage.rows, where=recording.name)
    return signal, interpolated


def _missing_electrodes(
    source: Source, recording: Recording, montage: Montage
) -> tuple[str, ...]:
    try:
        with source.open(recording, find_montage("10-20", aliases=montage.aliases)):
            return ()
    except ChannelNotFoundError as error:
        return error.missing


def _open_interpolated(
    source: Source, recording: Recording, montage: Montage, missing: tuple[str, ...]
) -> Signal:
    weights = spline_weights(missing)
    present = [name for name in _ELECTRODES if name not in missing]
    signal = source.open(recording, find_montage(present, aliases=montage.aliases))
    return InterpolatedSignal(signal, montage.rows, present=present, weights=weights)


def process_signal(signal: Signal, spec: FixtureSpec, *, sfreq: float) -> Signal:
    """Resample and filter a signal as the spec asks.

    Parameters
    ----------
    signal : Signal
        From `open_native`.
    spec : FixtureSpec
        The request.
    sfreq : float
        Wanted rate in Hz.

    Returns
    -------
    signal : Signal
        The same one, if there is nothing to do.
    """
    if signal.sfreq != sfreq:
        signal = ResampledSignal(signal, sfreq)
    if spec.band_pass is not None:
        signal = BandPassedSignal(signal, spec.band_pass)
    return signal


def signal_steps(
    spec: FixtureSpec, *, rates: Sequence[float], sfreq: float, interpolated: bool
) -> list[str]:
    """Return what is done between channels and profile, for the records.

    Parameters
    ----------
    spec : FixtureSpec
        The request.
    rates : sequence of float
        Sampling frequencies of the chosen recordings in Hz.
    sfreq : float
        Sampling frequency of the fixture in Hz.
    interpolated : bool
        Whether any electrode is interpolated.

    Returns
    -------
    steps : list of str
        In order; empty if nothing is done.
    """
    steps = []
    if interpolated:
        steps.append(
            "electrodes that a recording lacks: spherical splines over the others of "
            "the 19 (mne interpolate_bads, accurate), weights rounded to multiples of "
            "2^-20; source, interpolated, says which"
        )
    if spec_montage(spec).averaged:
        steps.append("minus the mean of all rows, in float64")
    others = sorted({rate for rate in rates if rate != sfreq})
    if others:
        named = ", ".join(f"{rate:g}" for rate in others)
        steps.append(
            f"recordings of {named} Hz: scipy.signal.resample_poly to {sfreq:g} Hz, as "
            "over the whole recording, its last sample repeated beyond its ends"
        )
    if spec.band_pass is not None:
        low, high = spec.band_pass
        steps.append(
            f"band-pass {low:g}-{high:g} Hz: symmetric FIR, Hamming window, as over the "
            "whole recording, its last sample repeated beyond its ends"
        )
    return steps
