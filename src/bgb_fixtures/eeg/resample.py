"""Resampling by a polyphase filter, with values independent of the window."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from bgb_fixtures.eeg.signal import DerivedSignal
from bgb_fixtures.errors import MissingPackageError, SpecError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bgb_fixtures.eeg.signal import Signal

__all__ = [
    "RATES",
    "ResampledSignal",
    "needs_scipy",
    "resampling_ratio",
    "steppable_rate",
]

RATES = (1, 20000)
"""Lowest and highest rate in Hz to resample to. Amplifiers for intracranial EEG reach
about 20 kHz, so a higher rate is a typo. The generator, which makes scalp EEG, has its
own limits."""
_MAX_FACTOR = 2**15
"""Limit because the filter has 20 taps per unit; 244.140625 to 256 Hz: 16384/15625."""
_ROUNDING = Fraction(1, 10**14)
"""Relative float error of a rate that has no finite decimal form."""
_DRIFT = Fraction(5, 10**8)
"""Allowed relative error, 4 ms per day. Terms up to `_MAX_FACTOR` approximate nearly
every rate better than this, except rates close to a ratio of small numbers."""


def resampling_ratio(sfreq: float, to_sfreq: float) -> tuple[int, int]:
    """Return (up, down) in lowest terms: to_sfreq = sfreq * up / down.

    Raises SpecError if either is too large for a filter.
    """
    ratio = _ratio(sfreq, to_sfreq)
    near = _near(ratio)
    if abs(near - ratio) > ratio * _ROUNDING:
        msg = (
            f"cannot resample {sfreq!r} Hz to {to_sfreq!r} Hz (found the ratio "
            f"{ratio.numerator}/{ratio.denominator}, expected terms up to {_MAX_FACTOR})"
        )
        raise SpecError(msg)
    return near.numerator, near.denominator


def steppable_rate(sfreq: float, to_sfreq: float, *, precision: Fraction) -> float:
    """Return the rate near `sfreq` that `resampling_ratio` can convert to `to_sfreq`.

    `sfreq` is returned unchanged if it can be converted, or if no rate within the
    relative `precision` or `_DRIFT` can.
    """
    ratio = _ratio(sfreq, to_sfreq)
    near = _near(ratio)
    error = abs(near - ratio) / ratio
    if error <= _ROUNDING or error > max(precision, _DRIFT):
        return sfreq
    return float(Fraction(repr(float(to_sfreq))) / near)


def _ratio(sfreq: float, to_sfreq: float) -> Fraction:
    # As decimals: 0.1 Hz is 1/10, not the nearest binary float.
    return Fraction(repr(float(to_sfreq))) / Fraction(repr(float(sfreq)))


def _near(ratio: Fraction) -> Fraction:
    """Return the nearest ratio whose terms are small enough for a filter."""
    if ratio > 1:
        return 1 / _near(1 / ratio)
    near = ratio.limit_denominator(_MAX_FACTOR)
    return near or Fraction(1, _MAX_FACTOR)


def needs_scipy(what: str) -> MissingPackageError:
    """Return the error for a step that needs SciPy when it is not installed."""
    msg = (
        f"{what} needs SciPy, which is not installed; run: "
        'pip install "bgb-fixtures[build]"'
    )
    return MissingPackageError(msg)


class ResampledSignal(DerivedSignal):
    """A signal at another rate in Hz, as ``scipy.signal.resample_poly`` computes it."""

    def __init__(self, inner: Signal, sfreq: float) -> None:
        super().__init__(inner)
        self._up, self._down = resampling_ratio(inner.sfreq, sfreq)
        self._sfreq = sfreq

    @property
    def sfreq(self) -> float:
        """The new rate in Hz."""
        return self._sfreq

    @property
    def n_times(self) -> int:
        """Number of samples whose time lies in the recording."""
        return self._inner.n_times * self._up // self._down

    def _context(self, start: int, stop: int) -> tuple[int, int]:
        up, down = self._up, self._down
        # The filter of resample_poly has 10 * max(up, down) taps on each side of its
        # middle, at `up` times the old rate.
        reach = 10 * max(up, down) // up + 1
        # Start at a sample that both rates share, so that the filter phase is correct.
        first = (start * down // up - reach) // down * down
        return first, -(-stop * down // up) + reach

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` at the new rate, shape (n_channels, stop - start)."""
        try:
            from scipy.signal import resample_poly
        except ImportError as error:
            what = "resampling"
            raise needs_scipy(what) from error
        first, last = self._context(start, stop)
        data = resample_poly(
            self._read_context(first, last), self._up, self._down, axis=1
        )
        skipped = start - first * self._up // self._down
        wanted: npt.NDArray[np.float64] = data[:, skipped : skipped + stop - start]
        return wanted
