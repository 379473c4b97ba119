"""The type of an entry, and the base model of most entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "N_CHANNELS",
    "N_TIMES",
    "SFREQ",
    "WIDTH",
    "Base",
    "Entry",
    "WindowClassifier",
    "bce",
]

N_CHANNELS = 19
N_TIMES = 15360
SFREQ = 256
WIDTH = 16
bce = functional.binary_cross_entropy_with_logits


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model of the gallery.

    `name` describes the model or its fault. `found_by` is the check that must fail,
    empty for a healthy model. `options` are passed to `run_smoke`. `says` is a text
    that the report must contain: the cause of the fault, or a note.
    """

    name: str
    make: Callable[[], Any]
    found_by: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    says: str = ""


class Base(nn.Module):
    """A small dilated CNN at a quarter of the rate; most faults are changes to it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 8, stride=4, padding=2)
        self.body = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, 5, padding=2 * d, dilation=d) for d in (1, 4, 12)
        )
        self.head = nn.ConvTranspose1d(WIDTH, 1, 8, stride=4, padding=2)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to (n_windows, width, n_times / 4)."""
        x = functional.gelu(self.stem(x))
        for layer in self.body:
            x = x + functional.gelu(layer(x))
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to logits (n_windows, n_times)."""
        logits: torch.Tensor = self.head(self.features(x))
        return logits[:, 0]


class WindowClassifier(nn.Module):
    """Convolutions and a mean over time; one logit per window, (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(N_CHANNELS, WIDTH, 9, stride=4),
            nn.ReLU(),
            nn.Conv1d(WIDTH, WIDTH, 9, stride=4),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
        )
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to logits (n_windows,)."""
        logits: torch.Tensor = self.head(self.layers(x)[..., 0])
        return logits[:, 0]
