"""Check channel labels by chains of derivations that have the same ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.eeg.signal import DerivedSignal
from bgb_fixtures.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bgb_fixtures.eeg.signal import Signal

__all__ = ["LOOP_LIMIT_UV", "LoopCheckedSignal"]

LOOP_LIMIT_UV = 12.5
"""32 digital steps of CHB-MIT. Both chains of a side have the same ends, so their sums
agree except for rounding. In 16 excerpts of real recordings (chb01, chb03) they differ
by
at most 16 steps; with a wrong channel, by more than 32 in at least 4.5 % of samples."""
LOOP_SHARE = 0.02
"""Share of samples that may exceed the limit, because an amplifier may briefly saturate
in one channel."""
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


class LoopCheckedSignal(DerivedSignal):
    """A signal whose chains of derivations are checked while they are read.

    `ch_names` are the names of its rows; `where` is the recording, for messages.
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
        """Return `[start, stop)` in microvolts, shape (n_channels, stop - start).

        SourceError if two chains with the same ends have different sums.
        """
        data = self._inner.read(start, stop)
        for one, other in self._loops:
            residual = _sum(data, one)
            residual -= _sum(data, other)
            np.abs(residual, out=residual)
            n_wrong = np.count_nonzero(residual > LOOP_LIMIT_UV)
            share = n_wrong / max(stop - start, 1)
            if share > LOOP_SHARE:
                chains = [
                    " + ".join(self._ch_names[i] for i in chain)
                    for chain in (one, other)
                ]
                msg = (
                    f"recording {self._where!r}, {start / self.sfreq:g} to "
                    f"{stop / self.sfreq:g} s: {chains[0]} and {chains[1]} have the "
                    "same ends and should be equal; they differ by more than "
                    f"{LOOP_LIMIT_UV} uV in {share:.0%} of the samples (by "
                    f"{float(residual.max()):.0f} uV at most): a channel does not "
                    "match its label. Exclude this recording (--exclude)"
                )
                raise SourceError(msg)
        return data


def _sum(
    data_uv: npt.NDArray[np.float64], rows: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Return the sum of some rows, shape (n_times,), without copying the rows."""
    total: npt.NDArray[np.float64] = data_uv[rows[0]] + data_uv[rows[1]]
    for row in rows[2:]:
        total += data_uv[row]
    return total
