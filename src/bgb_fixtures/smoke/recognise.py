"""Recognise the clips in the input that a training step passes to the model.

Invariant: a step may shuffle, shift and augment its clips in any way, as long as it
does the same to the labels. The clip of a row, its shift and the order of its channels
are detected from the row itself.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

__all__ = ["Recognised", "is_constant", "recognise_clips"]

ENOUGH = 0.6
"""Correlation with a clip. Noise as strong as the signal leaves 0.7 of it."""
CLEARER = 0.1
"""Margin by which another clip or shift must correlate better than the expected one."""
ALIKE = 0.9
"""Mean correlation of the channels in their best order for a row to be recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The clip, shift and channel order of each row in the model's input.

    `origins` has the index of the clip, which is the row's own if none is recognised.
    `lags` has the circular delay relative to the clip in samples. `orders` has, per
    row, the channel of the clip found in each channel; None if the order is unchanged
    or not recognised.
    """

    origins: torch.Tensor
    lags: torch.Tensor
    n_recognised: int
    orders: tuple[tuple[int, ...] | None, ...] = ()

    def at_rate(self, samples_per_step: float) -> Recognised:
        """Return a copy with lags in steps of the output instead of samples."""
        lags = (self.lags / samples_per_step).round().long()
        return dataclasses.replace(self, lags=lags)

    def follow(self, scores: torch.Tensor) -> torch.Tensor:
        """Move scores of the clips to the rows and times of the model's input."""
        return self._roll(scores[self.origins], self.lags)

    def bring_back(self, values: torch.Tensor) -> torch.Tensor:
        """Move values of the rows back to their clips; rows of the same clip add up."""
        rows = self._roll(values, -self.lags)
        return torch.zeros_like(values).index_add(0, self.origins, rows)

    def _roll(self, rows: torch.Tensor, lags: torch.Tensor) -> torch.Tensor:
        if rows.ndim == 1:
            return rows  # A label for the whole clip has no time axis.
        return torch.stack(
            [row.roll(int(lag)) for row, lag in zip(rows, lags, strict=True)]
        )


def is_constant(values: torch.Tensor) -> bool:
    """Return whether there are several values and all are equal."""
    return values.numel() > 1 and bool((values == values.flatten()[0]).all())


def recognise_clips(
    given: torch.Tensor, clips: torch.Tensor, *, min_lag: int
) -> Recognised:
    """Find the clip of each row by circular cross-correlation of either sign.

    `given` and `clips` have the shape (n_clips, n_channels, n_times); if the shapes
    differ, nothing is recognised. Shifts of less than `min_lag` samples are ignored.
    """
    n_clips, _, n_times = clips.shape
    own = torch.arange(n_clips, device=clips.device)
    if given.shape != clips.shape:
        return Recognised(
            origins=own, lags=own * 0, n_recognised=0, orders=(None,) * n_clips
        )
    shown, known = (_normalise(item.detach().float()) for item in (given, clips))
    spectra = torch.fft.rfft(known)
    match = torch.stack(
        [
            torch.fft.irfft((torch.fft.rfft(row) * spectra.conj()).mean(1), n_times)
            for row in shown
        ]
    ).abs()
    # Correlation in place, with ignored shifts included.
    near = torch.arange(n_times, device=clips.device)
    near = torch.minimum(near, n_times - near) < min_lag
    in_place = match[own, own][:, near].amax(1)
    best, where = match.flatten(1).max(1)
    recognised = best >= ENOUGH
    moved = recognised & (best > in_place + CLEARER)
    origins = torch.where(moved, where // n_times, own)
    lags = torch.where(moved, where % n_times, 0)
    lags = torch.where(lags > n_times // 2, lags - n_times, lags)
    lags = torch.where(lags.abs() < min_lag, 0, lags)
    orders = tuple(
        _channel_order(row, known[int(origin)].roll(int(lag), -1))
        for row, origin, lag in zip(shown, origins, lags, strict=True)
    )
    reordered = torch.tensor(
        [order is not None for order in orders], device=best.device
    )
    return Recognised(
        origins=origins,
        lags=lags,
        n_recognised=int((recognised | reordered).sum()),
        orders=orders,
    )


def _normalise(signals: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(
        signals - signals.mean(-1, keepdim=True), dim=-1
    )


def _channel_order(row: torch.Tensor, clip: torch.Tensor) -> tuple[int, ...] | None:
    """Return the channel of the clip in each channel of the row; None if unchanged."""
    match = (row @ clip.T).abs()
    best, order = match.max(1)
    clearly = best > match.diagonal() + CLEARER
    is_order = len(set(order.tolist())) == len(order)
    if float(best.mean()) < ALIKE or not is_order or not bool(clearly.any()):
        return None
    return tuple(order.tolist())
