"""Resampling by a polyphase filter, exact to the window."""

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
"""Lowest and highest rate in Hz to resample to. Amplifiers for intracranial EEG reach some
20 kHz, and a fixture may be adapted to any rate that one can be built at; more is a typing
error. The generator has limits of its own, as it makes scalp EEG."""
_MAX_FACTOR = 2**15
"""The filter has twenty times as many taps; 244.140625 to 256 Hz is 16384/15625."""
_ROUNDING = Fraction(1, 10**14)
"""Relative error of a rate that is not a decimal number, as a float."""
_DRIFT = Fraction(5, 10**8)
"""Relative; four milliseconds in a day. Terms up to `_MAX_FACTOR` come nearer than that
to nearly every rate; not to those beside a ratio of small numbers."""


def resampling_ratio(sfreq: float, to_sfreq: float) -> tuple[int, int]:
    """Return (up, down) in lowest terms: to_sfreq = sfreq * up / down.

    Raises SpecError if either is too large for a filter.
    """
    ratio = _ratio(sfreq, to_sfreq)
    near = _near(ratio)
    if abs(near - ratio) > ratio * _ROUNDING:
        msg = (
            f"sfreq: cannot resample {sfreq!r} Hz to {to_sfreq!r} Hz (found the ratio "
            f"{ratio.numerator}/{ratio.denominator}, expected terms up to {_MAX_FACTOR})"
        )
        raise SpecError(msg)
    return near.numerator, near.denominator


def steppable_rate(sfreq: float, to_sfreq: float, *, precision: Fraction) -> float:
    """Return the rate beside `sfreq` from which `resampling_ratio` leads to `to_sfreq`.

    `sfreq` itself if it is one, and if there is none within its relative `precision` or
    `_DRIFT`.
    """
    ratio = _ratio(sfreq, to_sfreq)
    near = _near(ratio)
    error = abs(near - ratio) / ratio
    if error <= _ROUNDING or error > max(precision, _DRIFT):
        return sfreq
    return float(Fraction(repr(float(to_sfreq))) / near)


def _ratio(sfreq: float, to_sfreq: float) -> Fraction:
    # As decimals: 0.1 Hz is 1/10, not the binary number beside it.
    return Fraction(repr(float(to_sfreq))) / Fraction(repr(float(sfreq)))


def _near(ratio: Fraction) -> Fraction:
    """Return the nearest ratio whose terms are small enough for a filter."""
    if ratio > 1:
        return 1 / _near(1 / ratio)
    near = ratio.limit_denominator(_MAX_FACTOR)
    return near or Fraction(1, _MAX_FACTOR)


def needs_scipy(what: str) -> MissingPackageError:
    """Return the error for a step that needs SciPy where it is not installed."""
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
        # From a sample that both rates have, so that the phase of the filter is right.
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
