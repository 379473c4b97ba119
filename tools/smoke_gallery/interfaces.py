"""Healthy detectors with unusual input, output, parameters or type."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from smoke_gallery.entry import N_CHANNELS, SFREQ, WIDTH, Base, Entry

__all__ = [
    "INTERFACES",
    "OneChannelImage",
    "Patches",
    "PerSecond",
    "TimeFirst",
    "WithAuxiliary",
]


def small() -> nn.Sequential:
    """Make a network that TorchScript supports; logits (B, T)."""
    return nn.Sequential(
        nn.Conv1d(N_CHANNELS, 8, 8, stride=4, padding=2),
        nn.GELU(),
        nn.ConvTranspose1d(8, 1, 4, stride=4),
        nn.Flatten(1),
    )


def window_net(n_outputs: int) -> nn.Sequential:
    """Make a classifier of whole windows; logits (B, n_outputs)."""
    return nn.Sequential(
        nn.Conv1d(N_CHANNELS, 8, 15, stride=8),
        nn.GELU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(1),
        nn.Linear(8, n_outputs),
    )


# Other inputs.


class OneChannelImage(nn.Module):
    """(B, 1, C, T), as EEGNet in many repositories."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(1, 8, (N_CHANNELS, 15), stride=(1, 8))
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 1, 19, n_times) to logits (n_windows, 2)."""
        if x.ndim != 4:
            msg = f"expected (B, 1, C, T), got {tuple(x.shape)}"
            raise ValueError(msg)
        features = functional.gelu(self.spatial(x)).mean((2, 3))
        logits: torch.Tensor = self.head(features)
        return logits


class TimeFirst(nn.Module):
    """(B, T, C), recurrent over steps of a quarter of a second; logits (B, S)."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Linear(N_CHANNELS * 64, WIDTH)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, n_times, 19) to logits (n_windows, n_times / 64)."""
        n_windows, n_times, n_channels = x.shape
        if n_channels != N_CHANNELS:
            msg = f"expected (B, T, {N_CHANNELS}), got {tuple(x.shape)}"
            raise ValueError(msg)
        frames = x.reshape(n_windows, n_times // 64, 64 * n_channels)
        logits: torch.Tensor = self.head(self.gru(torch.tanh(self.frames(frames)))[0])
        return logits[..., 0]


class Patches(nn.Module):
    """(B, C, S, 200), as CBraMod and LaBraM; logits (B,)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(200, WIDTH)
        self.mix = nn.Linear(N_CHANNELS * WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_patches, 200) to logits (n_windows,)."""
        tokens = functional.gelu(self.embed(x)).transpose(1, 2).flatten(2)
        logits: torch.Tensor = self.head(functional.gelu(self.mix(tokens)).mean(1))
        return logits[:, 0]


class NumpyOnly:
    """Interface of an ONNX session: numpy in, a list of numpy arrays out."""

    def __init__(self) -> None:
        weights = torch.randn(N_CHANNELS, generator=torch.Generator().manual_seed(0))
        self.weights = weights.abs().numpy() + 0.1

    def __call__(self, x: Any) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
        """Map (n_windows, 19, n_times) to [logits (n_windows, 1)]."""
        if not isinstance(x, np.ndarray):
            msg = f"expected numpy.ndarray, got {type(x).__name__}"
            raise TypeError(msg)
        power = np.log(np.square(x).mean(-1) + 1e-6)
        return [(power @ self.weights)[:, None].astype(np.float32)]


# Other outputs.


class PerSecond(nn.Module):
    """`n_classes` logits per second; (B, S), or (B, n_classes, S)."""

    def __init__(self, n_classes: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(N_CHANNELS, WIDTH, 8, stride=4, padding=2),
            nn.GELU(),
            nn.AvgPool1d(SFREQ // 4),
            nn.Conv1d(WIDTH, n_classes, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n_windows, 19, n_times) to logits (n_windows, n_seconds)."""
        logits: torch.Tensor = self.layers(x)
        return logits.squeeze(1)


class OverlappingFrames(nn.Module):
    """One logit per frame of 2 s, every second; 59 frames in 60 s."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(N_CHANNELS, WIDTH, 2 * SFREQ, stride=SFREQ)
        self.head = nn.Conv1d(WIDTH, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(functional.gelu(self.frames(x)))
        return logits[:, 0]


class TypesPerSample(Base):
    """Four classes per sample, (B, 4, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.ConvTranspose1d(WIDTH, 4, 8, stride=4, padding=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(x))
        return logits


class WithAuxiliary(Base):
    """Logits and, in training mode only, those of an auxiliary head."""

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.Linear(WIDTH, 3)

    def forward(self, x: torch.Tensor) -> Any:
        """Map (n_windows, 19, n_times) to logits; in training mode to a tuple."""
        features = self.features(x)
        logits = self.head(features)[:, 0]
        if not self.training:
            return logits
        return logits, self.auxiliary(features.mean(-1))


class TwoCandidates(Base):
    """A dict in which two entries could be the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.ConvTranspose1d(WIDTH, 1, 8, stride=4, padding=2)

    def forward(self, x: torch.Tensor) -> Any:
        features = self.features(x)
        return {"fine": self.head(features), "smooth": self.second(features)}


class LogProbabilities(Base):
    """Two classes per sample after log_softmax, as for NLLLoss."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = super().forward(x)
        return torch.stack([-score, score], 1).log_softmax(1)


# Other parameters and kinds.


class Lazy(nn.Module):
    """Lazy layers, which get their shape from the first input; (B, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LazyConv1d(8, 15, padding=7), nn.GELU(), nn.LazyConv1d(1, 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.layers(x)
        return logits[:, 0]


class Complex(nn.Module):
    """Complex weights on the spectrum of a window; (B, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Parameter(0.2 * torch.randn(8, N_CHANNELS, dtype=torch.cfloat))
        self.head = nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.fft.rfft(x)[..., :512]
        mixed = torch.einsum("kc,bcf->bkf", self.mix, spectrum)
        logits: torch.Tensor = self.head(mixed.abs().log1p().mean(-1))
        return logits


class NumpyInside(nn.Module):
    """A module whose forward uses numpy; logits (B,) as a numpy array."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.rand(N_CHANNELS) + 0.1)

    def forward(self, x: torch.Tensor) -> Any:
        power = np.log(np.square(x.detach().numpy()).mean(-1) + 1e-6)
        return power @ self.weights.detach().numpy()


def scripted() -> Any:
    """Make a TorchScript model from its source."""
    return torch.jit.script(small())


def traced() -> Any:
    """Make a TorchScript model by tracing."""
    return torch.jit.trace(small(), torch.zeros(2, N_CHANNELS, 512))  # type: ignore[no-untyped-call]


def quantised() -> Any:
    """Make a model with a dynamically quantised layer."""
    return torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
        window_net(1), {nn.Linear}, dtype=torch.qint8
    )


class WithDecoder(Base):
    """A decoder and a mask token from pretraining, which a detector does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, WIDTH))
        self.decoder = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 64))


class FixedFilters(Base):
    """Constant filters, stored as frozen parameters."""

    def __init__(self) -> None:
        super().__init__()
        taps = torch.hann_window(9)
        filters = (taps / taps.sum()).expand(N_CHANNELS, 1, 9).clone()
        self.filters = nn.Parameter(filters, requires_grad=False)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        smooth = functional.conv1d(x, self.filters, padding=4, groups=N_CHANNELS)
        return super().features(smooth)


INTERFACES = (
    Entry(name="(B, 1, C, T)", make=OneChannelImage),
    Entry(name="(B, 1, C, T), declared", make=OneChannelImage,
          options={"layout": "B1CT"}),
    Entry(name="(B, T, C), recurrent", make=TimeFirst),
    Entry(name="patches (B, C, S, 200)", make=Patches),
    Entry(name="numpy in, list of numpy out", make=NumpyOnly),
    Entry(name="one logit per second", make=PerSecond),
    Entry(name="two logits per second", make=functools.partial(PerSecond, 2)),
    Entry(name="frames of 2 s that overlap", make=OverlappingFrames),
    Entry(name="four seizure types per window", make=functools.partial(window_net, 4)),
    Entry(name="four types, last one is no seizure", make=functools.partial(window_net, 4),
          options={"positive_classes": (0, 1, 2)}),
    Entry(name="four classes per sample", make=TypesPerSample),
    Entry(name="tuple in training, tensor in eval", make=WithAuxiliary,
          says="auxiliary only affects other entries"),
    Entry(name="dict with two candidates", make=TwoCandidates,
          says="second only affects other entries"),
    Entry(name="dict, second candidate declared", make=TwoCandidates,
          options={"output": "smooth"}, says="head only affects other entries"),
    Entry(name="log-softmax over the classes", make=LogProbabilities,
          says="log-probabilities over the classes"),
    Entry(name="lazy layers", make=Lazy),
    Entry(name="TorchScript, scripted", make=scripted),
    Entry(name="TorchScript, traced", make=traced),
    Entry(name="complex parameters", make=Complex),
    Entry(name="dynamically quantised", make=quantised,
          says="quantised modules have no gradients"),
    Entry(name="module that returns numpy", make=NumpyInside,
          says="a numpy array, which has no gradients"),
    Entry(name="float16", make=lambda: small().half()),
    Entry(name="bfloat16", make=lambda: small().bfloat16()),
    Entry(name="float64", make=lambda: small().double()),
    Entry(name="unused decoder, allowed", make=WithDecoder,
          options={"allow_unused": ("decoder.*", "mask_token")}, says="as allowed"),
    Entry(name="frozen filters, allowed", make=FixedFilters,
          options={"allow_frozen": True}, says="1 frozen"),
    Entry(name="frozen filters, allowed by name", make=FixedFilters,
          options={"allow_unused": ("filters",)}, says="1 frozen"),
)  # fmt: skip
