"""Processing profiles: from microvolts to model-ready values; pure array functions.

Invariant: microvolts = values * scale + offset, except where a sample was clipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.errors import MissingPackageError, SourceError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "BRAIN_GO_BRR",
    "BRAIN_GO_BRR_SFREQ",
    "PROFILE_STEPS",
    "PROFILE_UNITS",
    "Moments",
    "Scaled",
    "Standardised",
    "brain_go_brr_window",
    "raw_1",
    "resampled_length",
    "standardise_brain_go_brr",
    "zscore_1",
]

BRAIN_GO_BRR = "brain-go-brr-3.1"
BRAIN_GO_BRR_SFREQ = 256.0
PROFILE_UNITS = {"raw-1": "uV", "zscore-1": "1", BRAIN_GO_BRR: "1"}
PROFILE_STEPS = {
    "raw-1": (
        (
            "microvolts = (digital - digital_min) * (physical_max - physical_min) / "
            "(digital_max - digital_min) + physical_min, times the unit, in float64"
        ),
        "row of the montage = channel, or difference of two channels, in float64",
        "float32",
    ),
    "zscore-1": (
        (
            "offset and scale = mean and standard deviation, per channel, of the "
            "seizure-free signal of the recording (synthetic: of the subject), in "
            "microvolts rounded to multiples of 2^-10, rounded to such multiples too"
        ),
        "(microvolts - offset) / scale, rounded to multiples of 2^-12",
        "clipped to [-10, 10]",
        "float32",
    ),
    BRAIN_GO_BRR: (
        (
            "as brain-go-brr-v2 3.1 computes it, per channel, over the whole recording: "
            "equal to its output only if the recording is the original whole one; an "
            "excerpt has other filter transients and another mean and scale"
        ),
        "microvolts, rounded to float32, then in float64",
        "other rates than 256 Hz: scipy.signal.resample to round(n * 256 / sfreq) samples",
        "butter(3, 0.5-120 Hz, band), lfilter: causal, from rest",
        "iirnotch(60 Hz, Q=30), lfilter: causal, from rest",
        (
            "(value - mean) / (standard deviation + 1e-8), both of the whole filtered "
            "recording; offset and scale hold them, so that values * scale + offset "
            "are filtered microvolts, not those of the recording"
        ),
        "clipped to [-10, 10]; NaN to 0; float32",
        "windows are cut out of the result",
    ),
}
CLIP = 10.0
_STEP = 2.0**-12
_SCALE_STEP = 2.0**-10


@dataclass(slots=True)
class Moments:
    """Sum up a signal piece by piece, for its mean and standard deviation.

    Values are rounded to multiples of 2^-10 uV and summed as integers: exact, hence
    equal on every machine, in any order and wherever the pieces are cut.

    Attributes
    ----------
    n_times : int
        Samples so far.
    sums, squares : list of int
        Per channel, the sum of the values in 2^-10 uV and of their squares.
    """

    n_times: int = 0
    sums: list[int] = field(default_factory=list)
    squares: list[int] = field(default_factory=list)

    def add(self, data_uv: npt.NDArray[np.float64]) -> None:
        """Add a piece of signal.

        Parameters
        ----------
        data_uv : numpy.ndarray of float64, shape (n_channels, n_times)
            Signal in microvolts, below 2 V; at most 2^31 samples.
        """
        grid = np.rint(data_uv / _SCALE_STEP).astype(np.int64)
        sums = [int(total) for total in grid.sum(axis=1)]
        np.square(grid, out=grid)
        # Squares fit into 62 bits, their sum may not: sum the halves.
        low, high = (grid & 0xFFFFFFFF).sum(axis=1), (grid >> 32).sum(axis=1)
        squares = [(int(h) << 32) + int(w) for h, w in zip(high, low, strict=True)]
        if not self.sums:
            self.sums, self.squares = sums, squares
        else:
            self.sums = [a + b for a, b in zip(self.sums, sums, strict=True)]
            self.squares = [a + b for a, b in zip(self.squares, squares, strict=True)]
        self.n_times += data_uv.shape[1]

    def scale_and_offset(
        self, *, ch_names: tuple[str, ...], where: str
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return standard deviation and mean per channel.

        Parameters
        ----------
        ch_names : tuple of str
            Names of the channels, for messages.
        where : str
            The recording or subject, for messages.

        Returns
        -------
        scale, offset : numpy.ndarray of float64, shape (n_channels,)
            Microvolts, multiples of 2^-10.

        Raises
        ------
        SourceError
            If there is no seizure-free signal, or a channel is flat in it.
        """
        if self.n_times == 0:
            msg = (
                f"{where} has no seizure-free signal to scale by (profile zscore-1); "
                "use profile raw-1"
            )
            raise SourceError(msg)
        scale, offset = [], []
        for name, total, square in zip(ch_names, self.sums, self.squares, strict=True):
            mean = Fraction(total, self.n_times) / 2**10
            variance = Fraction(square, self.n_times) / 2**20 - mean**2
            scale.append(_round(math.sqrt(variance)))
            offset.append(_round(float(mean)))
            if scale[-1] == 0:
                msg = (
                    f"{where}: channel {name} is flat in the seizure-free signal: "
                    "standard deviation below 2^-11 uV (profile zscore-1); "
                    "use profile raw-1"
                )
                raise SourceError(msg)
        return np.array(scale), np.array(offset)


def _round(value: float) -> float:
    return round(value / _SCALE_STEP) * _SCALE_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """Hold one processed window.

    Attributes
    ----------
    values : numpy.ndarray of float32, shape (n_channels, n_times)
        Model-ready signal.
    scale, offset : numpy.ndarray of float32, shape (n_channels,)
        microvolts = values * scale + offset.
    n_clipped : int
        Samples that were clipped, over all channels.
    """

    values: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    n_clipped: int


def raw_1(data_uv: npt.NDArray[np.float64]) -> Scaled:
    """Keep microvolts.

    Parameters
    ----------
    data_uv : numpy.ndarray of float64, shape (n_channels, n_times)
        Signal in microvolts.

    Returns
    -------
    scaled : Scaled
        Scale 1, offset 0, nothing clipped.
    """
    n_channels = len(data_uv)
    return Scaled(
        values=data_uv.astype(np.float32),
        scale=np.ones(n_channels, np.float32),
        offset=np.zeros(n_channels, np.float32),
        n_clipped=0,
    )


def zscore_1(
    data_uv: npt.NDArray[np.float64],
    scale: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
) -> Scaled:
    """Scale by the seizure-free signal, round, clip.

    Parameters
    ----------
    data_uv : numpy.ndarray of float64, shape (n_channels, n_times)
        Signal in microvolts.
    scale, offset : numpy.ndarray of float64, shape (n_channels,)
        From `Moments.scale_and_offset`.

    Returns
    -------
    scaled : Scaled
        Multiples of 2^-12 in [-10, 10].

    Notes
    -----
    One subtraction, one division and one rounding per value, each rounded correctly by
    IEEE 754: the same bytes on every machine.
    """
    # In place: a window of an hour is large. 2^-12 is exact to multiply with.
    values = data_uv - offset[:, None]
    values /= scale[:, None]
    values /= _STEP
    np.rint(values, out=values)
    values *= _STEP
    return _clipped(values, scale, offset)


def _clipped(
    values: npt.NDArray[np.floating],
    scale: npt.NDArray[np.float64],
    offset: npt.NDArray[np.float64],
) -> Scaled:
    return Scaled(
        values=np.clip(values, -CLIP, CLIP).astype(np.float32),
        scale=scale.astype(np.float32),
        offset=offset.astype(np.float32),
        n_clipped=int(np.count_nonzero((values < -CLIP) | (values > CLIP))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardised:
    """Hold a whole recording as brain-go-brr standardises it, before clipping.

    Attributes
    ----------
    values : numpy.ndarray of float32, shape (n_channels, n_times)
        At 256 Hz; mean 0, standard deviation 1 per channel.
    scale, offset : numpy.ndarray of float64, shape (n_channels,)
        filtered microvolts = values * scale + offset.
    """

    values: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]


def resampled_length(n_times: int, *, sfreq: float, to_sfreq: float) -> int:
    """Return how many samples a recording has at another rate.

    Parameters
    ----------
    n_times : int
        Samples of the recording.
    sfreq, to_sfreq : float
        Its sampling frequency and the new one, in Hz.

    Returns
    -------
    n_resampled : int
        The nearest integer to n_times * to_sfreq / sfreq; halves go to the even one.
    """
    return round(n_times * to_sfreq / sfreq)


def standardise_brain_go_brr(
    data_uv: npt.NDArray[np.float64], *, sfreq: float
) -> Standardised:
    """Resample, filter and standardise a whole recording.

    Parameters
    ----------
    data_uv : numpy.ndarray of float64, shape (n_channels, n_times)
        The whole recording in microvolts.
    sfreq : float
        Its sampling frequency in Hz.

    Returns
    -------
    standardised : Standardised
        The recording at 256 Hz.

    Raises
    ------
    MissingPackageError
        If scipy is not installed.

    Notes
    -----
    Channel by channel, to hold one of them in float64 at a time; SciPy gives the same
    bits for one channel as for many. The filters are causal and from rest, so a constant
    offset of the recording rings through its first second: the windows that
    `choose_windows` prefers lie elsewhere.

    References
    ----------
    brain-go-brr-v2 v3.1.1, ``src/brain_brr/data/preprocess.py``,
    https://github.com/Clarity-Digital-Twin/brain-go-brr-v2
    """
    try:
        from scipy.signal import butter, iirnotch, lfilter, resample
    except ImportError as error:
        msg = (
            f"profile {BRAIN_GO_BRR} needs SciPy, which is not installed; "
            'run: pip install "bgb-fixtures[build]"'
        )
        raise MissingPackageError(msg) from error
    n_channels, n_times = data_uv.shape
    n_resampled = resampled_length(n_times, sfreq=sfreq, to_sfreq=BRAIN_GO_BRR_SFREQ)
    band = butter(3, [0.5, 120.0], btype="bandpass", fs=BRAIN_GO_BRR_SFREQ)
    notch = iirnotch(60.0, Q=30.0, fs=BRAIN_GO_BRR_SFREQ)
    values = np.empty((n_channels, n_resampled), np.float32)
    scale, offset = np.empty(n_channels), np.empty(n_channels)
    for row in range(n_channels):
        # The consumer gets float32 from its reader, and works in float64 from there.
        channel = data_uv[row].astype(np.float32).astype(np.float64)
        if sfreq != BRAIN_GO_BRR_SFREQ:
            channel = resample(channel, n_resampled)
        channel = lfilter(*notch, lfilter(*band, channel))
        offset[row] = channel.mean()
        scale[row] = channel.std() + 1e-8
        values[row] = (channel - offset[row]) / scale[row]
    return Standardised(values=values, scale=scale, offset=offset)


def brain_go_brr_window(recording: Standardised, *, start: int, stop: int) -> Scaled:
    """Cut a window out of a standardised recording and clip it.

    Parameters
    ----------
    recording : Standardised
        The whole recording at 256 Hz.
    start, stop : int
        Samples `[start, stop)`.

    Returns
    -------
    scaled : Scaled
        Values in [-10, 10].
    """
    values = np.nan_to_num(recording.values[:, start:stop])
    return _clipped(values, recording.scale, recording.offset)
