"""Random numbers by name, and noise with a given spectrum.

Invariant: a stream depends on its name alone, never on what was drawn before; integers
come from `Philox.random_raw`, the only stream that numpy promises to keep (NEP 19).
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.synthetic import SFREQ

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["SLOW_STEP", "Streams", "interpolate", "shaped_noise", "slow_noise"]

SLOW_STEP = 16
"""Samples between the points at which slow quantities are computed (16 Hz)."""

_LANE = np.uint64(0xFFFF)


class _Philox(threading.local):
    """A generator for each thread, set to the start of each stream.

    Making one takes ten times as long as a draw, and a window needs hundreds of streams.
    """

    def __init__(self) -> None:
        self._generator = np.random.Philox(0)
        self._start = self._generator.state

    def draw(self, key: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.uint64]:
        """Return the first `n` words of the stream with this key."""
        self._start["state"]["key"] = key
        self._generator.state = self._start
        words: npt.NDArray[np.uint64] = self._generator.random_raw(n)
        return words


_philox = _Philox()


@dataclass(frozen=True, slots=True)
class Streams:
    """A family of random streams whose names begin with recipe and seed."""

    name: str

    @classmethod
    def of_seed(cls, seed: int, recipe: str) -> Streams:
        """Return the root of all streams of a seed and a recipe."""
        return cls(f"{recipe}/{int(seed)}")

    def child(self, name: str) -> Streams:
        """Return a family that is independent of this one and of every other child."""
        return Streams(f"{self.name}/{name}")

    def raw(self, name: str, n: int) -> npt.NDArray[np.uint64]:
        """Return `n` random words, uniform over all 64 bits."""
        digest = hashlib.sha256(f"{self.name}/{name}".encode()).digest()
        key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
        return _philox.draw(key, n)

    def uniforms(self, name: str, n: int) -> Array:
        """Return `n` numbers in [0, 1), multiples of 2^-53."""
        return (self.raw(name, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(self, name: str, low: float, high: float) -> float:
        """Return one number in [low, high)."""
        return low + (high - low) * float(self.uniforms(name, 1)[0])

    def chance(self, name: str, share: float) -> bool:
        """Return True with probability `share`."""
        return self.between(name, 0, 1) < share

    def normals(self, name: str, *shape: int) -> Array:
        """Return numbers of mean 0 and variance 1, close to a normal distribution.

        The kurtosis is 2.7 and the largest value 3.5, which is not noticeable after
        filtering. The numbers are sums of the four 16-bit lanes of a word (Irwin-Hall).
        These are exact integers, unlike the ziggurat method or logarithms, which other
        machines may round differently.
        """
        raw = self.raw(name, int(np.prod(shape)))
        total = raw & _LANE
        for shift in (16, 32, 48):
            total += (raw >> np.uint64(shift)) & _LANE
        values = (total.astype(np.float64) - 131070.0) / 37837.2
        return values.reshape(shape)


def shaped_noise(
    streams: Streams,
    name: str,
    *,
    n_rows: int,
    n_fft: int,
    power: Callable[[Array], Array],
    band: tuple[float, float],
    sfreq: float = SFREQ,
) -> Array:
    """Return Gaussian noise of unit variance, shape (n_rows, n_fft).

    `power` returns the power, in any unit, at frequencies in Hz; it is zero outside of
    `band`. A row is an inverse Fourier transform and thus periodic: leave at least 4 s
    unused.
    """
    first = max(1, int(np.ceil(band[0] * n_fft / sfreq)))
    last = min(n_fft // 2 - 1, int(np.floor(band[1] * n_fft / sfreq)))
    frequencies = np.arange(first, last + 1, dtype=np.float64) * (sfreq / n_fft)
    amplitude = np.sqrt(power(frequencies))
    amplitude *= 0.5 * n_fft / np.sqrt(np.sum(amplitude * amplitude))
    parts = streams.normals(name, n_rows, 2, last + 1 - first)
    spectrum = np.zeros((n_rows, n_fft // 2 + 1), dtype=np.complex128)
    spectrum.real[:, first : last + 1] = parts[:, 0] * amplitude
    spectrum.imag[:, first : last + 1] = parts[:, 1] * amplitude
    noise: Array = np.fft.irfft(spectrum, n_fft, axis=1)
    return noise


def slow_noise(
    streams: Streams, name: str, *, n_rows: int, n_times: int, tau: float
) -> Array:
    """Return noise at 16 Hz with unit variance and a correlation time of `tau` seconds.

    The shape is (n_rows, n_times // 16 + 2), and the spectrum is Lorentzian up to 4 Hz.
    `interpolate` resamples it to 256 Hz.
    """
    n_points = n_times // SLOW_STEP + 2
    n_fft = 256
    while n_fft < n_points + 64:
        n_fft *= 2

    def power(f: Array) -> Array:
        x = 2 * np.pi * tau * f
        return 1 / (1 + x * x)

    return shaped_noise(
        streams,
        name,
        n_rows=n_rows,
        n_fft=n_fft,
        power=power,
        band=(0, 4),
        sfreq=SFREQ / SLOW_STEP,
    )[:, :n_points]


def interpolate(points: Array, n_times: int) -> Array:
    """Interpolate linearly from 16 to 256 Hz: (..., n_times // 16 + 2) to n_times."""
    n_points = n_times // SLOW_STEP + 2
    points = points[..., :n_points]
    steps = np.arange(SLOW_STEP) / SLOW_STEP
    values = points[..., :-1, None] + np.diff(points)[..., None] * steps
    return values.reshape(*points.shape[:-1], -1)[..., :n_times]
