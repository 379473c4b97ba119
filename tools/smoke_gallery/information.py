"""Detectors without a fault, for which the report must state something."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from smoke_gallery.entry import SFREQ, WIDTH, Base, Entry
from smoke_gallery.training_faults import step_maker

__all__ = ["INFORMATION"]

LATE = 38
"""Delay in samples (0.15 s), which is too short to be a fault."""


class LineLength:
    """Line length summed over channels, in numpy; the channel order has no effect."""

    def __call__(self, x: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Map (n_windows, 19, n_times) to scores (n_windows, n_times)."""
        steps = np.abs(np.diff(x.numpy().astype(np.float64), axis=-1, prepend=0))
        total = np.cumsum(steps.sum(1), axis=-1)
        length = total - np.pad(total, ((0, 0), (SFREQ, 0)))[:, : -SFREQ or None]
        scores: np.ndarray[Any, np.dtype[np.float64]] = np.log(length + 1e-6) - 6
        return scores


class SlightlyLate(Base):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).roll(LATE, -1)


def slightly_late(labels: torch.Tensor) -> torch.Tensor:
    return labels.roll(LATE, -1)


class QuarterRate(Base):
    """Logits at a quarter of the rate, without upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv1d(WIDTH, 1, 1)  # type: ignore[assignment]


INFORMATION = (
    Entry(
        name="output at a quarter rate",
        make=QuarterRate,
        says="one logit per 4 samples",
    ),
    Entry(name="numpy: channels summed", make=LineLength, says="not judged"),
    Entry(name="output 0.15 s late", make=SlightlyLate, says="+0.1"),
    Entry(
        name="step: labels 0.15 s late",
        make=Base,
        options={"step": step_maker(labels_of=slightly_late)},
        says="+0.148 s",
    ),
)
