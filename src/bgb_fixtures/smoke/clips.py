"""Choice of the input: whole windows, and clips around onsets and ends of seizures.

Invariant: every set of clips has ictal and background samples in more than one
arrangement, so that neither a constant nor the position in the clip predicts the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bgb_fixtures.errors import SpecError

if TYPE_CHECKING:
    import numpy.typing as npt
    import torch

    Labels = npt.NDArray[np.uint8]

__all__ = ["N_CLIPS", "Clips", "choose_clips", "choose_windows", "clip_lengths"]

N_CLIPS = 4
"""Number of clips in a set; for labels per window, in each class."""

# An order of ictal and background clips that no rotation turns into its opposite, so
# that labels of another clip are not mistaken for swapped classes.
_ORDERS = {1: "10", 2: "1100", 3: "110100", 4: "11101000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Signals (n_clips, n_channels, n_times) with a label, 0 or 1, per score."""

    signals: torch.Tensor
    labels: torch.Tensor


def clip_lengths(n_times: int, *, multiple: int = 1) -> tuple[int, ...]:
    """Return the lengths to try, in samples, shortest first, all below `n_times`.

    They are multiples of powers of two, for models that pool, and of `multiple`. 17 *
    128 samples are 8.5 s at 256 Hz. No stride of whole seconds below 17 s divides this
    length, so labels rolled by such a stride do not return to their original place.
    """
    lengths = {17 * 128, *(n_times // part for part in (4, 2) if n_times % part == 0)}
    whole = {length - length % multiple for length in lengths}
    return tuple(sorted(length for length in whole if 256 <= length < n_times))


def choose_windows(labels: Labels) -> npt.NDArray[np.intp]:
    """Return three rows: one partly ictal, one seizure-free, one with a seizure.

    A row is repeated only if there are fewer than three suitable ones.
    """
    ictal = labels.any(axis=1)
    partial = ictal & ~labels.all(axis=1)
    rows = [
        *np.flatnonzero(partial)[:2],
        *np.flatnonzero(~ictal)[:2],
        *np.flatnonzero(ictal & ~partial)[:2],
    ]
    if len(rows) > 3 and partial.sum() > 1:
        rows = [rows[0], rows[2], rows[1]]
    return np.resize(np.asarray(rows, np.intp), 3)


def choose_clips(
    labels: Labels, *, length: int, per_window: bool, n_clips: int, name: str
) -> list[tuple[int, int]]:
    """Return (row, first sample) of the clips to learn from.

    The clips contain an onset or end of a seizure. If there is one label per clip, they
    are ictal and background clips. Raises SpecError if the windows do not contain both
    classes; `name` is the name of the fixture.
    """
    places = [] if per_window else _borders(labels, length)
    places = places[:n_clips] or _extremes(labels, length, n_clips)
    if not places:
        msg = (
            f"{name!r} has no run of {length} samples with a seizure, or none "
            "without, so a detector cannot learn from it. Use another fixture"
        )
        raise SpecError(msg)
    return places


def _borders(labels: Labels, length: int) -> list[tuple[int, int]]:
    """Return (row, start) of clips that contain an onset or an end, in alternation."""
    n_times = labels.shape[1]
    found: list[tuple[int, int]] = []
    wanted = 1
    for row, window in enumerate(labels):
        steps = np.diff(window.astype(np.int8))
        places = np.flatnonzero(steps == wanted)
        if not len(places):
            places = np.flatnonzero(steps)
        # Vary the position of the border, so that it does not predict the labels.
        shift = (0, length // 8, -length // 8)[len(found) % 3]
        for place in places:
            start = int(np.clip(place + 1 - length // 2 + shift, 0, n_times - length))
            share = window[start : start + length].mean()
            if 0.1 <= share <= 0.9:
                found.append((row, start))
                wanted = -int(steps[place])
                break
    return found


def _extremes(labels: Labels, length: int, n_clips: int) -> list[tuple[int, int]]:
    """Return (row, start) of equally many mostly ictal and background clips."""
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
    # Prefer windows without any seizure.
    background.sort(key=lambda place: bool(labels[place[0]].any()))
    n_each = min(len(ictal), len(background), n_clips)
    classes = {"1": iter(ictal), "0": iter(background)}
    return [next(classes[kind]) for kind in _ORDERS.get(n_each, "")]
