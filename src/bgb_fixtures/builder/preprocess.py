"""Processing profiles: from microvolts to model-ready values; pure array functions.

Invariant: microvolts = values * scale + offset, except where a sample was clipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["PROFILE_STEPS", "PROFILE_UNITS", "Moments", "Scaled", "raw_1", "zscore_1"]

PROFILE_UNITS = {"raw-1": "uV", "zscore-1": "1"}
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
            "microvolts, rounded to multiples of 2^-10"
        ),
        "(microvolts - offset) / scale, rounded to multiples of 2^-12",
        "clipped to [-10, 10]",
        "float32",
    ),
}
CLIP = 10.0
_STEP = 2.0**-12
_SCALE_STEP = 2.0**-10


@dataclass(slots=True)
class Moments:
    """Sum up a signal piece by piece, for its mean and standard deviation.

    Sums are of multiples of a power of two for synthetic EEG, hence exact in float64
    whatever the order of addition, and equal on every machine.

    Attributes
    ----------
    n_times : int
        Samples so far.
    sums, squares : list of fractions.Fraction
        Per channel, the sum of values and of their squares.
    """

    n_times: int = 0
    sums: list[Fraction] = field(default_factory=list)
    squares: list[Fraction] = field(default_factory=list)

    def add(self, data_uv: npt.NDArray[np.float64]) -> None:
        """Add a piece of signal.

        Parameters
        ----------
        data_uv : numpy.ndarray of float64, shape (n_channels, n_times)
            Signal in microvolts.
        """
        sums = [Fraction(float(x)) for x in data_uv.sum(axis=1)]
        squares = [Fraction(float(x)) for x in np.square(data_uv).sum(axis=1)]
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
            mean = total / self.n_times
            variance = square / self.n_times - mean * mean
            scale.append(_round(math.sqrt(max(float(variance), 0.0))))
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
    values = (data_uv - offset[:, None]) / scale[:, None]
    values = np.rint(values / _STEP) * _STEP
    n_clipped = int(np.count_nonzero(np.abs(values) > CLIP))
    return Scaled(
        values=np.clip(values, -CLIP, CLIP).astype(np.float32),
        scale=scale.astype(np.float32),
        offset=offset.astype(np.float32),
        n_clipped=n_clipped,
    )
