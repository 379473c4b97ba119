"""Healthy detectors, losses and training steps of many kinds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from smoke_gallery.entry import (
    N_CHANNELS,
    N_TIMES,
    SFREQ,
    WIDTH,
    Base,
    Entry,
    WindowClassifier,
    bce,
)
from smoke_gallery.interfaces import (
    OneChannelImage,
    Patches,
    PerSecond,
    TimeFirst,
    WithAuxiliary,
)
from smoke_gallery.training_faults import step_maker, two_class

__all__ = ["HEALTHY", "conv_block"]


def conv_block(n_in: int, n_out: int, kernel: int) -> nn.Sequential:
    """Make convolution, batch norm and ReLU; the length is unchanged."""
    return nn.Sequential(
        nn.Conv1d(n_in, n_out, kernel, padding=kernel // 2),
        nn.BatchNorm1d(n_out),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """U-Net with batch norm and dropout; logits (B, 1, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            conv_block(a, b, 7) for a, b in ((N_CHANNELS, 12), (12, 16), (16, 24))
        )
        self.up = nn.ModuleList(conv_block(a, b, 5) for a, b in ((40, 16), (28, 12)))
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv1d(12, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [self.down[0](x)]
        for block in list(self.down)[1:]:
            levels.append(block(functional.max_pool1d(levels[-1], 4)))
        x = self.drop(levels.pop())
        for block in self.up:
            x = functional.interpolate(x, scale_factor=4.0)
            x = block(torch.cat([x, levels.pop()], 1))
        logits: torch.Tensor = self.head(x)
        return logits


class Tcn(nn.Module):
    """Causal TCN with weight norm and dropout; logits (B, T)."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.gain = gain
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 1)
        self.layers = nn.ModuleList(
            norm(nn.Conv1d(WIDTH, WIDTH, 7, dilation=4**power)) for power in range(4)
        )
        self.drop = nn.Dropout(0.1)
        self.head = nn.Conv1d(WIDTH, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for power, layer in enumerate(self.layers):
            padded = functional.pad(x, (6 * 4**power, 0))
            x = x + self.drop(functional.relu(layer(padded)))
        logits: torch.Tensor = self.gain * self.head(x)
        return logits[:, 0]


def loud_tcn() -> nn.Module:
    """Make a TCN whose initial loss is about 100."""
    model = Tcn()
    with torch.no_grad():
        model.head.weight.mul_(600)
    return model


class DilatedCnn(nn.Module):
    """Dilated CNN with group norm and two logits; (B, 2, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 8, stride=4, padding=2)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(WIDTH, WIDTH, 3, padding=d, dilation=d),
                nn.GroupNorm(4, WIDTH),
                nn.ELU(),
            )
            for d in (1, 2, 4, 8)
        )
        self.head = nn.ConvTranspose1d(WIDTH, 2, 4, stride=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = x + layer(x)
        logits: torch.Tensor = self.head(x)
        return logits


class Gru(nn.Module):
    """Bidirectional GRU over frames of 1/4 s; logits (B, T, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(N_CHANNELS, WIDTH, 64, stride=64)
        self.gru = nn.GRU(WIDTH, WIDTH, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * WIDTH, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        frames = functional.relu(self.frames(x)).transpose(1, 2)
        logits: torch.Tensor = self.head(self.gru(frames)[0])
        return logits.flatten(1).unsqueeze(-1)


class CausalGru(Gru):
    """Unidirectional GRU over frames of 1/4 s; logits (B, T, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(WIDTH, 2 * WIDTH, batch_first=True)


class Transformer(nn.Module):
    """Transformer over patches of 1/2 s with learned positions; logits (B, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv1d(N_CHANNELS, 32, 128, stride=128)
        self.positions = nn.Parameter(0.02 * torch.randn(1, N_TIMES // 128, 32))
        layer = nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.1, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).transpose(1, 2)
        tokens = self.layers(tokens + self.positions[:, : tokens.shape[1]])
        logits: torch.Tensor = self.head(tokens)
        return logits.flatten(1)


class EegNet(nn.Module):
    """Layers of EEGNet for windows of fixed length; two classes per window, (B, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.temporal = nn.Conv2d(1, 4, (1, 65), padding=(0, 32), bias=False)
        self.norm1 = nn.BatchNorm2d(4)
        self.spatial = nn.Conv2d(4, 8, (N_CHANNELS, 1), groups=4, bias=False)
        self.norm2 = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, (1, 17), padding=(0, 8), groups=8, bias=False)
        self.point = nn.Conv2d(8, 8, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.25)
        self.head = nn.Linear(8 * (N_TIMES // 4 // 64), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Use every fourth sample, for speed.
        x = self.norm1(self.temporal(x[:, None, :, ::4]))
        x = functional.elu(self.norm2(self.spatial(x)))
        x = self.drop(functional.avg_pool2d(x, (1, 8)))
        x = functional.elu(self.norm3(self.point(self.depth(x))))
        x = self.drop(functional.avg_pool2d(x, (1, 8)))
        logits: torch.Tensor = self.head(x.flatten(1))
        return logits


class NumpyDetector:
    """Line length against a threshold, channels weighted; numpy in and out."""

    def __call__(self, x: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Map (n_windows, 19, n_times) to scores (n_windows, n_times)."""
        signals = x.detach().numpy().astype(np.float64)
        weights = np.linspace(1, 2, N_CHANNELS)
        steps = np.abs(np.diff(signals, axis=-1, prepend=signals[..., :1]))
        total = np.cumsum(np.einsum("c,nct->nt", weights, steps), axis=-1)
        shifted = np.pad(total, ((0, 0), (SFREQ, 0)))[:, : total.shape[1]]
        scores: np.ndarray[Any, np.dtype[np.float64]]
        scores = np.log(total - shifted + 1e-3) - 7
        return scores


class ZeroHead(Base):
    """The base with a head initialised to zero and blocks initialised to identity."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.head.weight)
        nn.init.constant_(self.head.bias, -2.0)  # type: ignore[arg-type]
        self.gains = nn.Parameter(torch.zeros(len(self.body)))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.stem(x))
        for gain, layer in zip(self.gains, self.body, strict=True):
            x = x + gain * functional.gelu(layer(x))
        return x


class WithExtras(Base):
    """The base, which returns a dict with its features and the logits."""

    def forward(self, x: torch.Tensor) -> Any:
        features = self.features(x)
        return {"features": features, "logits": self.head(features)[:, 0]}


class Standardising(Base):
    """The base after standardising each window by its own statistics."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return super().features((x - mean) / (deviation + 1e-6))


class DeepSigmoids(nn.Module):
    """Six layers with tanh, an old-fashioned network that learns slowly; (B, T, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv1d(N_CHANNELS, WIDTH, 16, stride=16)
        self.layers = nn.ModuleList(
            nn.Conv1d(WIDTH, WIDTH, 3, padding=1) for _ in range(6)
        )
        self.head = nn.ConvTranspose1d(WIDTH, 2, 16, stride=16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        logits: torch.Tensor = self.head(x)
        return logits.transpose(1, 2)


class Spectral(nn.Module):
    """Log band power of a short-time Fourier transform and a linear layer; (B, T)."""

    def __init__(self) -> None:
        super().__init__()
        self.taper: torch.Tensor
        self.register_buffer("taper", torch.hann_window(SFREQ))
        self.norm = nn.LayerNorm(N_CHANNELS * 30)
        self.head = nn.Linear(N_CHANNELS * 30, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n_windows, n_channels, n_times = x.shape
        spectrum = torch.stft(
            x.flatten(0, 1), SFREQ, SFREQ // 4, window=self.taper, return_complex=True
        )
        power = (spectrum[:, 1:31].abs().square() + 1e-3).log()
        power = power.reshape(n_windows, n_channels * 30, -1).transpose(1, 2)
        scores = self.head(self.norm(power)).transpose(1, 2)
        return functional.interpolate(scores, n_times, mode="linear")[:, 0]


class FaintOrder(Base):
    """A model that hardly distinguishes channels before training."""

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return super().features(x.mean(1, keepdim=True) + 1e-6 * x)


class DeepWithoutNorms(nn.Module):
    """Eight convolutions and ReLUs, which strongly attenuate the input; (B, 2)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (N_CHANNELS, *[WIDTH] * 8)
        self.layers = nn.Sequential()
        for n_in, n_out in itertools.pairwise(widths):
            self.layers.extend((nn.Conv1d(n_in, n_out, 5), nn.ReLU(), nn.MaxPool1d(2)))
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.layers(x).mean(-1))
        return logits


def focal(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    plain = bce(logits, labels, reduction="none")
    return ((1 - torch.exp(-plain)) ** 2 * plain).mean()


def dice(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    p = logits.sigmoid()
    return 1 - (2 * (p * labels).sum() + 1) / (p.sum() + labels.sum() + 1)


def smoothed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits, labels * 0.8 + 0.1)


def weighted(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return bce(logits, labels, pos_weight=torch.tensor(8.0))


def brier(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return (logits.sigmoid() - labels).square().mean()


def make_clipped_step(model: nn.Module) -> Any:
    """Make a step with SGD, clipped gradients, a schedule, and zero_grad at the end."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, n / 5))

    def step(signals: torch.Tensor, labels: torch.Tensor) -> None:
        value = dice(model(signals), labels) + bce(model(signals), labels)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()

    return step


def plain_step(model: nn.Module, signals: torch.Tensor, labels: torch.Tensor) -> float:
    """Take one step of gradient descent with a new optimizer."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    optimizer.zero_grad()
    value = two_class(model(signals), labels)
    value.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(value)


def augmented(signals: torch.Tensor) -> torch.Tensor:
    gain = 0.7 + 0.6 * torch.rand(len(signals), 1, 1)
    noise = torch.randn_like(signals) * signals.std(-1, keepdim=True)
    return gain * signals + 0.3 * noise


def make_shuffling_step(model: nn.Module) -> Any:
    """Make a step that shuffles and shifts clips together with their labels."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> float:
        order = torch.randperm(len(signals))
        lag = int(torch.randint(signals.shape[-1], (1,)))
        optimizer.zero_grad()
        logits = model(signals[order].roll(lag, -1))
        value = bce(logits, labels[order].roll(lag, -1))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(value.detach())

    return step


def make_plain_sgd_step(model: nn.Module) -> Any:
    """Make a step with momentum and a low rate, whose small updates round to zero."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> float:
        optimizer.zero_grad()
        value = bce(model(signals)[:, 0], labels)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(value.detach())

    return step


def make_training_mode_step(model: nn.Module) -> Any:
    """Make a step that validates first and returns to training mode."""
    inner = step_maker()(model)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> Any:
        model.eval()
        with torch.no_grad():
            model(signals[:1])
        model.train()
        return inner(signals, labels)

    return step


def mirrored(signals: torch.Tensor) -> torch.Tensor:
    """Swap the hemispheres of some windows as an augmentation."""
    left, right = [0, 1, 2, 3, 4, 5, 6, 7], [11, 12, 13, 14, 15, 16, 17, 18]
    order = torch.arange(N_CHANNELS)
    order[left], order[right] = torch.tensor(right), torch.tensor(left)
    swap = torch.rand(len(signals), 1, 1) < 0.5
    return torch.where(swap, signals[:, order], signals)


def rereferenced(signals: torch.Tensor) -> torch.Tensor:
    """Re-reference the channels to their common average."""
    return signals - signals.mean(1, keepdim=True)


def make_auxiliary_step(model: nn.Module) -> Any:
    """Make a step whose loss has a term for an auxiliary head."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(signals: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        optimizer.zero_grad()
        logits, auxiliary = model(signals)
        value = bce(logits, labels) + 0.1 * auxiliary.square().mean()
        value.backward()
        optimizer.step()
        return {"loss": value.detach()}

    return step


HEALTHY = (
    Entry(name="U-Net, batch norm", make=UNet),
    Entry(name="TCN, causal, weight norm", make=Tcn),
    Entry(name="TCN that starts at a loss of 100", make=loud_tcn),
    Entry(name="dilated CNN, two classes", make=DilatedCnn),
    Entry(name="GRU, both ways", make=Gru),
    Entry(name="GRU, one way", make=CausalGru),
    Entry(name="transformer", make=Transformer),
    Entry(name="EEGNet-like, fixed length", make=EegNet),
    Entry(name="window classifier", make=WindowClassifier),
    Entry(name="numpy detector", make=NumpyDetector),
    Entry(name="head that starts at zero", make=ZeroHead),
    Entry(name="dict with features", make=WithExtras),
    Entry(name="standardises each window", make=Standardising),
    Entry(name="deep tanh net", make=DeepSigmoids),
    Entry(name="deep net without norms", make=DeepWithoutNorms),
    Entry(name="channels told apart by little", make=FaintOrder),
    Entry(name="spectral features, linear", make=Spectral),
    Entry(name="plain CNN", make=Base),
    Entry(name="focal loss", make=Base, options={"loss": focal}),
    Entry(name="dice loss", make=Base, options={"loss": dice}),
    Entry(name="smoothed labels", make=Base, options={"loss": smoothed}),
    Entry(name="weighted loss", make=Base, options={"loss": weighted}),
    Entry(name="Brier loss", make=Base, options={"loss": brier}),
    Entry(name="loss per second", make=PerSecond, options={"loss": bce}),
    Entry(name="Adam step", make=Base, options={"step": step_maker()},
          says="does not call model.train()"),
    Entry(name="slow Adam step", make=Base, options={"step": step_maker(rate=1e-5)}),
    Entry(name="clipped SGD step", make=Base, options={"step": make_clipped_step}),
    Entry(name="augmenting step", make=Base,
          options={"step": step_maker(signals_of=augmented)}),
    Entry(name="step that swaps hemispheres", make=Base,
          options={"step": step_maker(signals_of=mirrored)}),
    Entry(name="step that changes the reference", make=Base,
          options={"step": step_maker(signals_of=rereferenced)}),
    Entry(name="step that shuffles and shifts", make=Base,
          options={"step": make_shuffling_step}),
    Entry(name="step that validates, then trains", make=Base,
          options={"step": make_training_mode_step}),
    Entry(name="step with an auxiliary loss", make=WithAuxiliary,
          options={"step": make_auxiliary_step}),
    Entry(name="plain SGD step, biases before norms", make=UNet,
          options={"step": make_plain_sgd_step}),
    Entry(name="two classes with step", make=DilatedCnn,
          options={"step": plain_step, "loss": two_class}),
    Entry(name="windows with step", make=WindowClassifier,
          options={"step": step_maker(), "loss": bce}),
    Entry(name="(B, 1, C, T) with step", make=OneChannelImage,
          options={"step": plain_step, "loss": two_class}),
    Entry(name="(B, T, C) with step", make=TimeFirst, options={"step": step_maker()}),
    Entry(name="patches with step", make=Patches, options={"step": step_maker()}),
    Entry(name="steps of 1 s with step", make=PerSecond,
          options={"step": step_maker()}),
)  # fmt: skip
