"""Recognise the clips in what a training step gives the model.

Invariant: a step may shuffle, shift and augment its clips as it likes, if the labels go
with them. Which clip a row is, how far it is shifted and in which order its channels are
is read from the row itself.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

__all__ = ["Recognised", "is_constant", "recognise_clips"]

ENOUGH = 0.6
"""Correlation with a clip. Noise as strong as the signal leaves 0.7 of it."""
CLEARER = 0.1
"""By how much another place has to correlate better than a row's own."""
ALIKE = 0.9
"""Correlation, averaged over channels in their best order, of a row that is a clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Say which clip each row given to the model is.

    `origins` has the index of the clip, its own where none is recognised; `lags` the
    samples by which it is later than in the clip, around the end if need be. `orders`
    has, per row, the channel of the clip in each channel, None where they are in place
    or not recognised.
    """

    origins: torch.Tensor
    lags: torch.Tensor
    n_recognised: int
    orders: tuple[tuple[int, ...] | None, ...] = ()

    def at_rate(self, samples_per_step: float) -> Recognised:
        """Return the same with lags in steps of the output instead of samples."""
        lags = (self.lags / samples_per_step).round().long()
        return dataclasses.replace(self, lags=lags)

    def follow(self, scores: torch.Tensor) -> torch.Tensor:
        """Move scores of the clips to where the clips are in what the model gets."""
        return self._roll(scores[self.origins], self.lags)

    def bring_back(self, values: torch.Tensor) -> torch.Tensor:
        """Move values of the rows to the clips that they are; rows of one clip add up."""
        rows = self._roll(values, -self.lags)
        return torch.zeros_like(values).index_add(0, self.origins, rows)

    def _roll(self, rows: torch.Tensor, lags: torch.Tensor) -> torch.Tensor:
        if rows.ndim == 1:
            return rows  # A label for the whole clip has no place in it.
        return torch.stack(
            [row.roll(int(lag)) for row, lag in zip(rows, lags, strict=True)]
        )


def is_constant(values: torch.Tensor) -> bool:
    """Tell whether all values, of which there are several, are one number."""
    return values.numel() > 1 and bool((values == values.flatten()[0]).all())


def recognise_clips(
    given: torch.Tensor, clips: torch.Tensor, *, min_lag: int
) -> Recognised:
    """Find out which clip each row is, by circular cross-correlation of either sign.

    `given` and `clips` are (n_clips, n_channels, n_times); where the shapes differ,
    nothing is recognised. What is shifted by less than `min_lag` samples is in place.
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
    # In place, within what counts as that.
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
    """Return which channel of the clip is in each channel of the row, if not its own."""
    match = (row @ clip.T).abs()
    best, order = match.max(1)
    clearly = best > match.diagonal() + CLEARER
    is_order = len(set(order.tolist())) == len(order)
    if float(best.mean()) < ALIKE or not is_order or not bool(clearly.any()):
        return None
    return tuple(order.tolist())
