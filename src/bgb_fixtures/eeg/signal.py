"""Signals that are read piece by piece, and the base class of derived signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ArraySignal", "DerivedSignal", "Signal"]


class Signal(Protocol):
    """Rows of a montage in microvolts, read piece by piece."""

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz."""

    @property
    def n_times(self) -> int:
        """Number of samples."""

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start)."""

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return which stored samples `[first, last)` a read of `[start, stop)` uses."""


class ArraySignal:
    """A signal in memory: microvolts of shape (n_channels, n_times)."""

    def __init__(self, data_uv: npt.NDArray[np.float64], *, sfreq: float) -> None:
        self._data_uv = data_uv
        self.sfreq = sfreq

    @property
    def n_times(self) -> int:
        """Number of samples."""
        return int(self._data_uv.shape[1])

    def read(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start)."""
        return self._data_uv[:, start:stop]

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return `[start, stop)` itself."""
        return start, stop


class DerivedSignal:
    """A signal that is computed from another signal.

    A read gives the same values as processing the whole recording at once, because it
    includes as much context around a window as the computation needs. Beyond the ends
    of the recording, the last sample is repeated.
    """

    def __init__(self, inner: Signal) -> None:
        self._inner = inner

    @property
    def sfreq(self) -> float:
        """Sampling frequency in Hz."""
        return self._inner.sfreq

    @property
    def n_times(self) -> int:
        """Number of samples."""
        return self._inner.n_times

    def _context(self, start: int, stop: int) -> tuple[int, int]:
        """Return the samples `[first, last)` of the inner signal that a read needs."""
        return start, stop

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Return which stored samples `[first, last)` a read of `[start, stop)` uses."""
        return self._inner.needs(*self._inside(*self._context(start, stop)))

    def _inside(self, first: int, last: int) -> tuple[int, int]:
        n_times = self._inner.n_times
        return min(max(first, 0), n_times), max(min(last, n_times), 0)

    def _read_context(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Read `[first, last)`, which may reach beyond the ends of the recording."""
        inside = self._inside(first, last)
        data = self._inner.read(*inside)
        return np.pad(
            data, ((0, 0), (inside[0] - first, last - inside[1])), mode="edge"
        )
