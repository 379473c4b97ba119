"""Two small detectors with fixed, untrained weights, and their post-processing.

Invariant: the weights have the same bits on every machine and with every version of
torch, because they are derived from the names of the parameters, not drawn by torch.
The models take float32 (n_windows, 19, n_times), with n_times a multiple of 64, and
return one logit per sample, (n_windows, n_times).
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from math import prod

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bgb_fixtures.golden.detections import find_detections

__all__ = ["Tcn", "UNet", "find_seizures", "make_tcn", "make_unet"]

N_CHANNELS = 19


class _Block(nn.Module):
    """Convolution, norm and activation; the length is unchanged."""

    def __init__(self, n_in: int, n_out: int, *, kernel: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm1d(n_out)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, n_in, n_times) to (n_windows, n_out, n_times)."""
        out: torch.Tensor = self.act(self.norm(self.conv(x)))
        return out


class UNet(nn.Module):
    """A 1-D U-Net: three levels, each four times coarser, with skip connections."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 24, 32, 40)
        self.stem = _Block(N_CHANNELS, widths[0])
        self.down = nn.ModuleList(_Block(a, b) for a, b in pairwise(widths))
        self.pool = nn.MaxPool1d(4)
        self.up = nn.Upsample(scale_factor=4, mode="nearest")
        self.merge = nn.ModuleList(
            _Block(a + b, b, kernel=5)
            for a, b in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = nn.Conv1d(widths[0], 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to logits (n_windows, n_times)."""
        levels = [self.stem(x)]
        for block in self.down:
            levels.append(block(self.pool(levels[-1])))
        out = levels.pop()
        for block in self.merge:
            out = block(torch.cat([self.up(out), levels.pop()], dim=1))
        logits: torch.Tensor = self.head(out)
        return logits[:, 0]


class _Residual(nn.Module):
    """Two dilated convolutions beside the identity."""

    def __init__(self, width: int, *, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.GroupNorm(4, width)
        self.act = nn.GELU()
        self.conv2 = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, width, n_times) to the same shape."""
        out: torch.Tensor = x + self.conv2(self.act(self.norm(self.conv1(x))))
        return out


class Tcn(nn.Module):
    """A temporal convolutional network at a quarter of the rate, dilations 1 to 32."""

    def __init__(self) -> None:
        super().__init__()
        width = 24
        self.stem = nn.Conv1d(N_CHANNELS, width, 8, stride=4, padding=2)
        self.blocks = nn.ModuleList(
            _Residual(width, dilation=2**power) for power in range(6)
        )
        self.norm = nn.GroupNorm(4, width)
        self.head = nn.ConvTranspose1d(width, 1, 8, stride=4, padding=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to logits (n_windows, n_times)."""
        out = self.stem(x)
        for block in self.blocks:
            out = block(out)
        logits: torch.Tensor = self.head(self.norm(out))
        return logits[:, 0]


def _uniform(name: str, shape: torch.Size) -> torch.Tensor:
    """Draw from [-1, 1) by name; numpy guarantees stable raw integers from Philox."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")
    raw = np.random.Philox(key=key).random_raw(max(prod(shape), 1))
    values = (raw >> np.uint64(11)) * 2.0**-52 - 1
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def _seeded(model: nn.Module, seed: str) -> nn.Module:
    with torch.no_grad():
        for name, value in model.state_dict().items():
            drawn = _uniform(f"{seed}.{name}", value.shape)
            if name.endswith("num_batches_tracked"):
                continue
            if name.endswith("running_var"):
                drawn = 1 + 0.5 * drawn.abs()
            elif "norm" in name and name.endswith("weight"):
                drawn = 1 + 0.2 * drawn
            elif value.ndim == 1:
                drawn = 0.1 * drawn
            else:
                # He et al. 2015, for rectifiers, drawn uniformly.
                drawn = drawn * (6 / prod(value.shape[1:])) ** 0.5
            value.copy_(drawn)
    return model.eval()


def make_unet() -> nn.Module:
    """Return the U-Net in eval mode."""
    return _seeded(UNet(), "unet")


def make_tcn() -> nn.Module:
    """Return the temporal convolutional network in eval mode."""
    return _seeded(Tcn(), "tcn")


def find_seizures(
    logits: npt.NDArray[np.floating], *, threshold: float, sfreq: float
) -> list[list[tuple[float, float]]]:
    """Return onset and duration in seconds of the detections in each window.

    Logits of shape (n_windows, n_times) are averaged over a second, then thresholded.
    """
    second = np.full(round(sfreq), 1 / round(sfreq))
    return [
        [
            (start / sfreq, (stop - start) / sfreq)
            for start, stop in find_detections(
                np.convolve(row, second, "same"), threshold=threshold, sfreq=sfreq
            )
        ]
        for row in logits.astype(np.float64)
    ]
