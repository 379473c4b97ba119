"""Processing profiles: convert microvolts to the input values of a model.

Invariant: microvolts = values * scale + offset, except where a sample was clipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.resample import needs_scipy
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "PROFILES",
    "Moments",
    "Profile",
    "Scaled",
    "Standardised",
    "brain_go_brr_window",
    "raw_1",
    "resampled_length",
    "standardise_brain_go_brr",
    "zscore_1",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A versioned conversion of microvolts to model-ready values.

    Attributes
    ----------
    name : str
        Name in a spec.
    unit : str
        Unit of the values: ``"uV"``, or ``"1"`` where they are standardised.
    steps : tuple of str
        Processing steps in order, for the records of a fixture.
    extra_steps_at : int
        Position in `steps` of filters and resampling of the request.
    sfreq : float or None
        The only rate in Hz that it supports; None: any.
    montage : str or None
        The only montage that it supports; None: any.
    whole : bool
        Whether it depends on the whole recording instead of the window alone.
    """

    name: str
    unit: str
    steps: tuple[str, ...]
    extra_steps_at: int = 0
    sfreq: float | None = None
    montage: str | None = None
    whole: bool = False


RAW_1 = Profile(
    name="raw-1",
    unit="uV",
    steps=(
        (
            "microvolts = (digital - digital_min) * (physical_max - physical_min) / "
            "(digital_max - digital_min) + physical_min, times the unit, in float64"
        ),
        "row of the montage = channel, or difference of two channels, in float64",
        "float32",
    ),
    # Filters and resampling come before the last step, the rounding to float32.
    extra_steps_at=2,
)
ZSCORE_1 = Profile(
    name="zscore-1",
    unit="1",
    steps=(
        (
            "offset and scale = mean and standard deviation, per channel, of the "
            "seizure-free signal of the recording (synthetic: of the subject), in "
            "microvolts rounded to multiples of 2^-10, rounded to such multiples too"
        ),
        "(microvolts - offset) / scale, rounded to multiples of 2^-12",
        "clipped to [-10, 10]",
        "float32",
    ),
    whole=True,
)
BRAIN_GO_BRR = Profile(
    name="brain-go-brr-3.1",
    unit="1",
    steps=(
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
    sfreq=256.0,
    montage="10-20",
    whole=True,
)
PROFILES = {p.name: p for p in (RAW_1, ZSCORE_1, BRAIN_GO_BRR)}
"""Profiles by name."""
CLIP = 10.0
_STEP = 2.0**-12
_SCALE_STEP = 2.0**-10
_EXACT = 2.0**52
"""Sums of integers below twice this limit are exact in float64."""
_PIECE = 2**12


@dataclass(slots=True)
class Moments:
    """Running sums of a signal read in pieces, for its mean and standard deviation.

    Values are rounded to multiples of 2^-10 uV and summed as integers. The sums are
    exact, so they are equal on every machine, in any order and for any pieces. `sums`
    and `squares` hold, per channel, the sums of the values in 2^-10 uV and of their
    squares.
    """

    n_times: int = 0
    sums: list[int] = field(default_factory=list)
    squares: list[int] = field(default_factory=list)

    def add(self, data_uv: npt.NDArray[np.float64]) -> None:
        """Add a piece in microvolts, shape (n_channels, n_times), below 2 V."""
        n_channels, n_times = data_uv.shape
        if not self.sums:
            self.sums, self.squares = [0] * n_channels, [0] * n_channels
        # In pieces that fit into processor caches.
        for start in range(0, n_times, _PIECE):
            grid = data_uv[:, start : start + _PIECE] * (1 / _SCALE_STEP)
            np.rint(grid, out=grid)
            for row, (total, square) in enumerate(_exact_sums(grid)):
                self.sums[row] += total
                self.squares[row] += square
        self.n_times += n_times

    def scale_and_offset(
        self, *, ch_names: tuple[str, ...], where: str
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return standard deviation and mean, shape (n_channels,), in microvolts.

        Both are multiples of 2^-10. SourceError if there is no seizure-free signal, or
        a channel is flat in it.
        """
        if self.n_times == 0:
            msg = (
                f"{where} has no seizure-free signal to scale by (profile zscore-1). "
                "Use profile raw-1"
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
                    f"{where}: channel {name} is flat in the seizure-free signal "
                    "(standard deviation below 2^-11 uV), so profile zscore-1 cannot "
                    "scale it. Use profile raw-1"
                )
                raise SourceError(msg)
        return np.array(scale), np.array(offset)


def _exact_sums(grid: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the exact (sum, sum of squares) of each row of integers below 2^31."""
    # Matrix products are several times as fast as summing each row.
    squares = (grid[:, None, :] @ grid[:, :, None]).ravel()
    if squares.max(initial=0) < _EXACT:
        # Below this limit no partial sum, in any order, was rounded.
        totals = grid @ np.ones(grid.shape[1])
        return [
            (int(a), int(b))
            for a, b in zip(totals.tolist(), squares.tolist(), strict=True)
        ]
    whole = grid.astype(np.int64)
    totals = whole.sum(axis=1)
    np.square(whole, out=whole)
    # Squares fit into 62 bits but their sum may not, so sum the 32-bit halves.
    low, high = (whole & 0xFFFFFFFF).sum(axis=1), (whole >> 32).sum(axis=1)
    return [
        (int(a), (int(h) << 32) + int(w))
        for a, h, w in zip(totals, high, low, strict=True)
    ]


def _round(value: float) -> float:
    return round(value / _SCALE_STEP) * _SCALE_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """One processed window: microvolts = values * scale + offset.

    `values` has shape (n_channels, n_times), `scale` and `offset` (n_channels,), all
    float32; `n_clipped` counts clipped samples over all channels.
    """

    values: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    n_clipped: int


def raw_1(data_uv: npt.NDArray[np.float64]) -> Scaled:
    """Return microvolts, shape (n_channels, n_times), with scale 1 and offset 0."""
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
    """Scale by the seizure-free signal, round to multiples of 2^-12, clip at +-10.

    Each value takes one subtraction, one division and one rounding, which IEEE 754
    rounds correctly, so the bytes are the same on every machine.
    """
    # In place, because a window of an hour is large. Multiplying by 2^-12 is exact.
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
    """A whole recording at 256 Hz, standardised as in brain-go-brr, before clipping.

    `values` is float32 of shape (n_channels, n_times), with mean 0 and standard deviation
    1 per channel; filtered microvolts = values * scale + offset, both of shape
    (n_channels,).
    """

    values: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]


def resampled_length(n_times: int, *, sfreq: float, to_sfreq: float) -> int:
    """Return n_times * to_sfreq / sfreq, with halves rounded to the even integer."""
    return round(n_times * to_sfreq / sfreq)


def standardise_brain_go_brr(
    data_uv: npt.NDArray[np.float64], *, sfreq: float
) -> Standardised:
    """Resample, filter and standardise a whole recording, (n_channels, n_times) in uV.

    Notes
    -----
    Channels are processed one by one, so that only one is held in float64; SciPy gives
    the same bits for one channel as for many. The filters are causal and start from
    rest, so a constant offset causes ringing in the first second of the recording,
    which `choose_windows` avoids.

    References
    ----------
    brain-go-brr-v2 v3.1.1, ``src/brain_brr/data/preprocess.py``,
    https://github.com/Clarity-Digital-Twin/brain-go-brr-v2
    """
    try:
        from scipy.signal import butter, iirnotch, lfilter, resample
    except ImportError as error:
        what = f"profile {BRAIN_GO_BRR.name}"
        raise needs_scipy(what) from error
    rate = BRAIN_GO_BRR.sfreq or 256.0
    n_channels, n_times = data_uv.shape
    n_resampled = resampled_length(n_times, sfreq=sfreq, to_sfreq=rate)
    band = butter(3, [0.5, 120.0], btype="bandpass", fs=rate)
    notch = iirnotch(60.0, Q=30.0, fs=rate)
    values = np.empty((n_channels, n_resampled), np.float32)
    scale, offset = np.empty(n_channels), np.empty(n_channels)
    for row in range(n_channels):
        # brain-go-brr reads float32 and then computes in float64.
        channel = data_uv[row].astype(np.float32).astype(np.float64)
        if sfreq != rate:
            channel = resample(channel, n_resampled)
        channel = lfilter(*notch, lfilter(*band, channel))
        offset[row] = channel.mean()
        scale[row] = channel.std() + 1e-8
        values[row] = (channel - offset[row]) / scale[row]
    return Standardised(values=values, scale=scale, offset=offset)


def brain_go_brr_window(recording: Standardised, *, start: int, stop: int) -> Scaled:
    """Cut samples `[start, stop)` out of a standardised recording and clip them."""
    values = np.nan_to_num(recording.values[:, start:stop])
    return _clipped(values, recording.scale, recording.offset)
