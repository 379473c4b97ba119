"""The windows that a golden was recorded with, as far as they are known.

Invariant: ids, sampling frequency and length come from the golden itself; labels and
events come only from the exact fixture that it was recorded with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.golden.compare import distances

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture
    from bgb_fixtures.format.records import WindowRecord
    from bgb_fixtures.golden.compare import Change, Comparison

__all__ = ["Windows", "moved_rows", "windows_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Windows in the order of axis 0 of the outputs.

    `sfreq` is in Hz, `n_times` in samples. `records` and `labels`, uint8 of shape
    (n_windows, n_times), are None if the fixture is not available.
    """

    ids: tuple[str, ...]
    sfreq: float
    n_times: int
    records: tuple[WindowRecord, ...] | None = None
    labels: npt.NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.ids)

    def title(self, row: int) -> str:
        """Describe a window: id, split, category, kind and seizure types."""
        if self.records is None:
            return self.ids[row]
        window = self.records[row]
        codes = "".join(f" {code}" for code in sorted({e.label for e in window.events}))
        return f"{window.id} ({window.split}, {window.category} {window.kind}{codes})"


def windows_of(comparison: Comparison, fixture: Fixture | None) -> Windows | None:
    """Return the windows of both goldens; None if they differ or are unknown."""
    if fixture is not None:
        return Windows(
            ids=tuple(window.id for window in fixture.windows),
            sfreq=fixture.sfreq,
            n_times=fixture.labels.shape[1],
            records=tuple(fixture.windows),
            labels=fixture.labels,
        )
    state = comparison.recorded.fixture
    if state is None or state != comparison.obtained.fixture:
        return None
    return Windows(ids=state.windows, sfreq=state.sfreq, n_times=state.n_times)


def moved_rows(change: Change, comparison: Comparison, windows: Windows) -> list[int]:
    """Return the windows with values out of tolerance, the largest difference first."""
    far = change.far
    if far is None or far.ndim == 0 or len(far) != len(windows):
        return []
    rows = np.flatnonzero(far.reshape(len(far), -1).any(axis=1)).tolist()
    sizes = {
        row: (_largest(change, comparison, row), int(far[row].sum())) for row in rows
    }
    return sorted(sizes, key=lambda row: sizes[row], reverse=True)


def _largest(change: Change, comparison: Comparison, row: int) -> float:
    """Return the largest difference in a window; infinite if any is not finite."""
    a, b = (
        side.outputs[change.key].numbers[row]
        for side in (comparison.recorded, comparison.obtained)
    )
    return 0.0 if a.dtype.kind == "U" else float(distances(a, b).max())
