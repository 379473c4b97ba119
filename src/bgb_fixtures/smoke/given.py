"""Compare what a training step gives the model with the clips that it got.

Invariant: a step may shuffle, shift and augment its clips as it likes, if the labels go
with them; which clip a row is, and how far it is shifted, is read from the row itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Given", "is_constant", "match_clips"]

RECOGNISED = 0.6
"""Correlation with a clip. Noise as strong as the signal leaves 0.7 of it."""
CLEARER = 0.1
"""By how much another place has to correlate better than a row's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Say which clip each row given to the model is.

    Attributes
    ----------
    origins : torch.Tensor of int64, shape (n_clips,)
        Index of the clip in each row; its own where none is recognised.
    lags : torch.Tensor of int64, shape (n_clips,)
        Samples by which it is later there than in the clip, around the end if need be.
    n_recognised : int
        Rows that correlate with a clip at all.
    """

    origins: torch.Tensor
    lags: torch.Tensor
    n_recognised: int

    def follow(self, scores: torch.Tensor) -> torch.Tensor:
        """Move scores of the clips to where the clips are in what was given.

        Parameters
        ----------
        scores : torch.Tensor, shape (n_clips, n_times) or (n_clips,)
            One per sample, or per clip.

        Returns
        -------
        moved : torch.Tensor
            Of the same shape.
        """
        return self._roll(scores[self.origins], self.lags)

    def bring_back(self, pull: torch.Tensor) -> torch.Tensor:
        """Move what belongs to the rows given to the clips that they are.

        Parameters
        ----------
        pull : torch.Tensor, shape (n_clips, n_times) or (n_clips,)
            One per sample, or per row.

        Returns
        -------
        moved : torch.Tensor
            Of the same shape; rows of one clip are added up.
        """
        rows = self._roll(pull, -self.lags)
        return torch.zeros_like(pull).index_add(0, self.origins, rows)

    @staticmethod
    def _roll(rows: torch.Tensor, lags: torch.Tensor) -> torch.Tensor:
        if rows.ndim == 1:
            return rows  # A label for the whole clip has no place in it.
        return torch.stack(
            [row.roll(int(lag)) for row, lag in zip(rows, lags, strict=True)]
        )


def is_constant(given: torch.Tensor) -> bool:
    """Tell whether one value is all that was given.

    Parameters
    ----------
    given : torch.Tensor
        Of any shape.

    Returns
    -------
    constant : bool
        NaN is no value.
    """
    return given.numel() > 1 and bool((given == given.flatten()[0]).all())


def match_clips(given: torch.Tensor, clips: torch.Tensor, *, min_lag: int) -> Given:
    """Find out which clip each row given to the model is.

    Parameters
    ----------
    given : torch.Tensor
        The model's input; of another shape than the clips, nothing is recognised.
    clips : torch.Tensor, shape (n_clips, n_channels, n_times)
        As given to the step.
    min_lag : int
        Samples; what is shifted by less is taken to be in place.

    Returns
    -------
    match : Given
        By circular cross-correlation, averaged over channels, of either sign.
    """
    n_clips, _, n_times = clips.shape
    own = torch.arange(n_clips, device=clips.device)
    nowhere = Given(origins=own, lags=own * 0, n_recognised=0)
    if given.shape != clips.shape:
        return nowhere
    shown, known = (
        torch.fft.rfft(
            torch.nn.functional.normalize(item - item.mean(-1, keepdim=True), dim=-1)
        )
        for item in (given.detach().float(), clips.float())
    )
    match = torch.stack(
        [torch.fft.irfft((row * known.conj()).mean(1), n_times).abs() for row in shown]
    )
    # In place, within what counts as that.
    near = torch.arange(n_times, device=clips.device)
    near = torch.minimum(near, n_times - near) < min_lag
    in_place = match[own, own][:, near].amax(1)
    best, where = match.flatten(1).max(1)
    recognised = best >= RECOGNISED
    moved = recognised & (best > in_place + CLEARER)
    origins = torch.where(moved, where // n_times, own)
    lags = torch.where(moved, where % n_times, 0)
    lags = torch.where(lags > n_times // 2, lags - n_times, lags)
    lags = torch.where(lags.abs() < min_lag, 0, lags)
    return Given(origins=origins, lags=lags, n_recognised=int(recognised.sum()))
