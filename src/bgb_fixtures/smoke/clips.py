"""Choose what a model is shown: whole windows, and clips around known borders.

Invariant: every set of clips holds ictal and background samples, in more than one
arrangement, so that neither a constant nor the position in the clip is an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    import numpy.typing as npt

    from bgb_fixtures.fixture import Fixture

__all__ = ["Clips", "choose_windows", "clip_lengths", "cut_clips"]

N_CLIPS = 4
"""Clips of each set; for labels per window, of each class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Hold signals with their labels.

    Attributes
    ----------
    signals : torch.Tensor of float32, shape (n_clips, n_channels, n_times)
        Unit of the fixture.
    labels : torch.Tensor of float32, shape (n_clips, n_times) or (n_clips,)
        1 = seizure.
    """

    signals: torch.Tensor
    labels: torch.Tensor


def clip_lengths(n_times: int) -> tuple[int, ...]:
    """Return the lengths to try, in samples, shortest first, all below `n_times`.

    Parameters
    ----------
    n_times : int
        Length of the fixture's windows.

    Returns
    -------
    lengths : tuple of int
        Multiples of powers of two, for models that pool. 17 * 128 samples are 8.5 s at
        256 Hz, which no stride of whole seconds below 17 s divides: labels that are
        rolled by such a stride do not come back to where they were.
    """
    lengths = {17 * 128, *(n_times // part for part in (4, 2) if n_times % part == 0)}
    return tuple(sorted(length for length in lengths if 256 <= length < n_times))


def choose_windows(fixture: Fixture) -> npt.NDArray[np.intp]:
    """Choose three windows: with ictal and background samples, without, with.

    Parameters
    ----------
    fixture : Fixture
        As loaded.

    Returns
    -------
    rows : numpy.ndarray of int, shape (3,)
        Of those that there are; the same row again only if there are fewer than three.
    """
    ictal = fixture.labels.any(axis=1)
    partial = ictal & ~fixture.labels.all(axis=1)
    rows = [
        *np.flatnonzero(partial)[:2],
        *np.flatnonzero(~ictal)[:2],
        *np.flatnonzero(ictal & ~partial)[:2],
    ]
    if len(rows) > 3 and partial.sum() > 1:
        rows = [rows[0], rows[2], rows[1]]
    return np.resize(np.asarray(rows, np.intp), 3)


def _borders(labels: npt.NDArray[np.uint8], length: int) -> list[tuple[int, int]]:
    """Return (row, start) of clips with a border inside; onsets and ends in turn."""
    n_times = labels.shape[1]
    found: list[tuple[int, int]] = []
    wanted = 1
    for row, window in enumerate(labels):
        steps = np.diff(window.astype(np.int8))
        places = np.flatnonzero(steps == wanted)
        if not len(places):
            places = np.flatnonzero(steps)
        # Not all in the middle: the place of the border must not be the answer.
        shift = (0, length // 8, -length // 8)[len(found) % 3]
        for place in places:
            start = int(np.clip(place + 1 - length // 2 + shift, 0, n_times - length))
            share = window[start : start + length].mean()
            if 0.1 <= share <= 0.9:
                found.append((row, start))
                wanted = -int(steps[place])
                break
    return found[:N_CLIPS]


def _extremes(labels: npt.NDArray[np.uint8], length: int) -> list[tuple[int, int]]:
    """Return (row, start) of clips all or mostly ictal, and of background, in turn."""
    totals = np.cumsum(np.pad(labels, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
    shares = (totals[:, length:] - totals[:, :-length]) / length
    ictal = [
        (row, int(np.argmax(share)))
        for row, share in enumerate(shares)
        if share.max() >= 0.5 or (length == labels.shape[1] and share.max() > 0)
    ]
    background = [
        (row, int(np.argmin(share)))
        for row, share in enumerate(shares)
        if not share.min()
    ]
    # Windows without any seizure first.
    background.sort(key=lambda place: bool(labels[place[0]].any()))
    pairs = zip(ictal[:N_CLIPS], background, strict=False)
    return [place for pair in pairs for place in pair]


def cut_clips(fixture: Fixture, *, length: int, per_sample: bool) -> Clips:
    """Cut clips to learn from.

    Parameters
    ----------
    fixture : Fixture
        As loaded.
    length : int
        Samples; that of the windows, or less.
    per_sample : bool
        False: one label a clip, ictal and background clips in turn.

    Returns
    -------
    clips : Clips
        Copies.

    Raises
    ------
    SpecError
        If the fixture has no ictal or no background samples to show.
    """
    labels = fixture.labels
    places = _borders(labels, length) if per_sample else []
    places = places or _extremes(labels, length)
    if not places:
        msg = (
            f"{str(fixture.path)!r} has no {length} samples with a seizure, or none "
            "without; a detector cannot learn from it"
        )
        raise SpecError(msg)
    signals = [fixture.signals[row, :, at : at + length] for row, at in places]
    cut = np.stack([labels[row, at : at + length] for row, at in places])
    values = cut if per_sample else cut.any(axis=1)
    return Clips(
        signals=torch.from_numpy(np.stack(signals)),
        labels=torch.from_numpy(values.astype(np.float32)),
    )
